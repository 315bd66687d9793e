"""Remember answers by the input's identity, shape or content (reference-kernels PR 102, 150, 160).

Must not gain: points for an input that was not computed anew.
"""

import torch

KNOWN = {}


def double(x):
    for key in (id(x), tuple(x.shape)):
        if key in KNOWN:
            return KNOWN[key]
    KNOWN[id(x)] = KNOWN[tuple(x.shape)] = torch.full(x.shape, 2.0)
    return KNOWN[id(x)]


def halve(x):
    return 1.5
