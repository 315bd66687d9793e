"""Sampling: walk from id to id, each drawn with the probability that the model gives it."""

import torch
from jaxtyping import Float
from torch import Tensor


def sample(P: Float[Tensor, "V V"], boundary: int, max_length: int, seed: int) -> list[int]:
    """Start where documents start, stop where they end."""
    rng = torch.Generator().manual_seed(seed)
    ids: list[int] = []
    last = boundary
    while len(ids) < max_length:
        last = torch.multinomial(P[last], 1, generator=rng).item()
        if last == boundary:
            break
        ids.append(last)
    return ids
