"""Rotary positions: turn queries and keys by an angle that grows with the position.

    (a, b) -> (a cos φ - b sin φ, a sin φ + b cos φ)    φ = p θ^(-2i/D)    (Su et al. 2021, eq. 34)

for the i-th pair of features of the token at position p. What was turned by φ_m and φ_n has the dot
product of vectors turned by φ_m - φ_n: <R_m q, R_n k> depends on how far the tokens are apart, not
on where they are. The first pair turns by a radian per token, the last about θ times slower.

Which features make a pair does not matter to a model that learns them, but must be the same in
training and use: Su et al. pair neighbours, transformers pairs the two halves of a head.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def rotated(
    a: Float[Tensor, "... T pairs"],
    b: Float[Tensor, "... T pairs"],
    positions: Int[Tensor, "..."],
    theta: float,
) -> tuple[Float[Tensor, "... T pairs"], Float[Tensor, "... T pairs"]]:
    """Turn every pair (a, b)."""
    pairs = a.shape[-1]
    # in float64, since the angle at position 100,000 has but two digits behind the point in float32
    frequencies = theta ** -(torch.arange(pairs, dtype=torch.float64, device=a.device) / pairs)
    angles = positions[..., None] * frequencies  # ... T pairs
    wide = torch.promote_types(a.dtype, torch.float32)
    cos, sin = angles.cos().to(wide), angles.sin().to(wide)
    return (a * cos - b * sin).to(a.dtype), (a * sin + b * cos).to(a.dtype)


def check_even(D: int) -> None:
    """Features are turned in pairs."""
    if D % 2:
        raise ValueError(f"{D=} is odd; features turn in pairs, choose an even head width")


def rope(
    x: Float[Tensor, "... T D"], positions: Int[Tensor, "..."], theta: float
) -> Float[Tensor, "... T D"]:
    """Neighbours: (0, 1), (2, 3), ..."""
    check_even(x.shape[-1])
    return torch.stack(rotated(x[..., 0::2], x[..., 1::2], positions, theta), -1).flatten(-2)


def rope_half(
    x: Float[Tensor, "... T D"], positions: Int[Tensor, "..."], theta: float
) -> Float[Tensor, "... T D"]:
    """The two halves: (0, D/2), (1, D/2 + 1), ..."""
    check_even(x.shape[-1])
    return torch.cat(rotated(*x.chunk(2, -1), positions, theta), -1)
