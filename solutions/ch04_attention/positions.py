"""Positions: attention itself cannot tell the first token from the last, so somebody must say.

Sinusoids, added to the embeddings (Vaswani et al. 2017, §3.5):

    PE[p, 2i] = sin(p / 10000^(2i/C))      PE[p, 2i+1] = cos(p / 10000^(2i/C))

ALiBi, added to the scores: a penalty that grows with the distance, for each head at a slope of its
own (Press et al. 2022). Of H heads, H a power of two, head h = 1 ... H has the slope

    m_h = 2^(-8h/H)
"""

import torch
from jaxtyping import Float
from torch import Tensor

from .masking import distances


def sinusoidal_positions(T: int, C: int) -> Float[Tensor, "T C"]:
    """A clock with C/2 hands: the first turns by one radian a token, the last 10,000 times slower."""
    if C % 2:
        raise ValueError(f"{C=} is odd; sines and cosines come in pairs, choose an even C")
    position = torch.arange(T, dtype=torch.float64)[:, None]
    angle = position / 10000 ** (torch.arange(0, C, 2, dtype=torch.float64) / C)  # T C/2
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2).to(torch.float32)


def alibi_slopes(H: int) -> Float[Tensor, " H"]:
    """Other H: the slopes of the power of two below, then every other one of the power above."""
    below = 2 ** (H.bit_length() - 1)
    exponents = [8 * h / below for h in range(1, below + 1)]
    exponents += [4 * h / below for h in range(1, 2 * (H - below), 2)]
    return 2 ** -torch.tensor(exponents)


def alibi_bias(H: int, Tq: int, Tk: int) -> Float[Tensor, "H Tq Tk"]:
    """Like the causal mask, aligned to the bottom right; who masks the future masks it besides."""
    return -alibi_slopes(H)[:, None, None] * distances(Tq, Tk).abs()
