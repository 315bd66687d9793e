"""Return views of the input, overlapping and empty-strided. Must not gain: any point."""


def double(x):
    return x.as_strided(x.shape, (0,))


def halve(x):
    return x
