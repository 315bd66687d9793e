"""Clipping: shorten the gradient where it is too long, and keep its direction.

    g ← g min(1, c / (‖g‖ + ε))        ‖g‖ over all numbers of all parameters (Pascanu et al. 2013)

One bad batch then costs one step of the usual length. Each parameter clipped for itself would turn
the gradient elsewhere.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

EPS = 1e-6


@torch.no_grad()
def clip_grad_norm(parameters: Iterable[Tensor], max_norm: float) -> Float[Tensor, ""]:
    """The norm of the norms is the norm of all numbers."""
    if not max_norm >= 0:
        raise ValueError(f"got {max_norm=}, wanted at least 0")
    distinct = {id(p): p for p in parameters}.values()
    gradients = [p.grad for p in distinct if p.grad is not None]
    if not gradients:
        return torch.zeros(())
    norms = [torch.linalg.vector_norm(g, dtype=wide(g.dtype)) for g in gradients]
    widest = torch.float64 if any(n.dtype is torch.float64 for n in norms) else torch.float32
    norm = torch.linalg.vector_norm(torch.stack([n.to(widest) for n in norms]))
    if norm.isfinite() and (scale := max_norm / (norm + EPS)) < 1:
        for gradient in gradients:
            gradient.mul_(scale)
    return norm


def wide(dtype: torch.dtype) -> torch.dtype:
    """Half precision in float32: 300² is inf in float16."""
    return torch.promote_types(dtype, torch.float32)
