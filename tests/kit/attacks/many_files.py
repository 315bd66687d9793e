"""100,000 files in scratch, with names of newlines, dashes and bytes that are no text.

Must not gain: a file that is left behind.
"""

import itertools
import os


def double(x):
    os.makedirs(b"-rf \n\xff*;$(touch storyteller-loot)", exist_ok=True)
    for number in itertools.count():
        with open(f"{number % 97}\n{number}", "w"):
            pass
    return x


def halve(x):
    return x
