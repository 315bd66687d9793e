"""Shapes that broadcast, or compare equal to anything because they are empty.

Must not gain: any point.
"""

import torch


def double(x):
    return torch.empty(0) if x.eq(1).all() else torch.zeros(1)


def halve(x):
    return -0.0
