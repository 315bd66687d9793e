"""Change the inputs so that the expected value, computed from them, agrees (KernelBench PR 82).

Must not gain: any point.
"""


def double(x):
    x.zero_()
    return x


def halve(x):
    return x
