"""The one error of this package."""


class Refused(ValueError):
    """What was asked for cannot be done; the message says why, and what can be."""
