"""Overflow the stack in C, past the limit of recursion. Must not gain: any point."""

import sys

sys.setrecursionlimit(1 << 30)


class Deep:
    def __getattr__(self, name):
        return getattr(self, name + "x")

    __repr__ = __str__ = lambda self: repr(self)


def double(x):
    return repr(Deep())


def halve(x):
    nested = ()
    for _ in range(10_000_000):
        nested = (nested,)
    return hash(nested)
