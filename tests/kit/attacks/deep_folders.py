"""Folders nested thousands deep, which recursive deletion cannot follow, and closed ones.

Must not gain: a file that is left behind, or an end to the batch.
"""

import os


def double(x):
    home = os.getcwd()
    for _ in range(3000):
        os.mkdir("d")
        os.chdir("d")
    open("storyteller-loot-deep", "w").close()
    os.chdir(home)
    os.mkdir("closed")
    open("closed/storyteller-loot-closed", "w").close()
    os.chmod("closed", 0)
    return x


def halve(x):
    return x
