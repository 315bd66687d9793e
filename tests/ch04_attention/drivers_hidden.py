"""Drivers run next to the student's code; see the tests that use them."""


def of_strided(adapters, name, x, *rest):
    """An adapter's output for an x whose last two axes lie the other way round in memory."""
    return getattr(adapters, name)(x.mT.contiguous().mT, *rest)
