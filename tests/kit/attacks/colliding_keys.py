"""A set whose elements take for ever to compare or to sort. Must not gain: the judge's time."""


def double(x):
    return {n * (2**61 - 1) for n in range(100_000)}


def halve(x):
    return {bytes([n % 256]) * 60_000 + str(n).encode() for n in range(800)}
