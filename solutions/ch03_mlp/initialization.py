"""Initialization: keep the size of the numbers from layer to layer.

    W ~ N(0, gain² / fan_in)

A sum of fan_in products of numbers of variance 1 has variance fan_in; the root brings it back to 1.
The gain √2 makes up for what a ReLU or GELU cuts off (He et al. 2015, "Delving Deep into
Rectifiers").
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def kaiming_init(
    fan_out: int, fan_in: int, gain: float, seed: int
) -> Float[Tensor, "fan_out fan_in"]:
    """Normal numbers from a generator of their own."""
    if fan_out < 1 or fan_in < 1:
        raise ValueError(f"{fan_out=}, {fan_in=}; a layer has at least one output and one input")
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(fan_out, fan_in, generator=rng) * gain / math.sqrt(fan_in)
