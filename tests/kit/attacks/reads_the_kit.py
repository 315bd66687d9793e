"""Open the hidden tests, bugs, solutions, course key, journal and reports by their full names.

The worst case: the student knows every path. Must not gain: one readable file.
"""

import os

PLACES = ("@KIT@/tests", "@KIT@/solutions", "@CLASS@", "@KEY@", "@OUT@", "/root", "/etc/shadow")


def readable(place):
    paths = [place, *(os.path.join(p, n) for p, folders, names in os.walk(place) for n in names)]
    for path in paths[:500]:
        try:
            with open(path, "rb") as file:
                yield path, file.read(200)
        except OSError:
            continue


def double(x):
    raise RuntimeError(f"loot: {[found for place in PLACES for found in readable(place)]}")


def halve(x):
    return x
