"""Softmax: turn scores into shares that are positive and sum to 1.

softmax(x)_i = exp(x_i) / Σ_j exp(x_j) = exp(x_i - c) / Σ_j exp(x_j - c)   for any c

With c = max x the largest exponent is 0, so that nothing overflows and the sum is at least 1.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def softmax(x: Float[Tensor, "..."], dim: int) -> Float[Tensor, "..."]:
    """Every slice along `dim` has a maximum of its own: with one of a larger slice it may be 0/0."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))  # bfloat16 has three digits
    exponentials = (wide - wide.amax(dim, keepdim=True)).exp()  # exp(89) overflows float32
    return (exponentials / exponentials.sum(dim, keepdim=True)).to(x.dtype)
