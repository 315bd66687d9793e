"""Gigabytes on stdout, stderr and whatever /proc names so. Must not gain: the grader's disk."""

import os

CHUNK = b"storyteller-loot-flood\n" * 500_000


def double(x):
    while True:
        for place in (1, 2, "/proc/self/fd/1", "/dev/stdout", "/proc/self/fd/2"):
            try:
                handle = os.open(place, os.O_WRONLY) if isinstance(place, str) else place
                os.write(handle, CHUNK)
                os.close(handle) if isinstance(place, str) else None
            except OSError:
                continue


def halve(x):
    return x
