"""Muon's update: a matrix with the same directions as the gradient, and all of the same size.

    G = U S Vᵀ  →  about U Vᵀ               X₀ = G / (‖G‖_F + 1e-7)
    A = X Xᵀ        X ← a X + (b A + c A²) X        (Jordan et al. 2024; Newton and Schulz)

A step leaves U and V alone and maps each singular value s to a s + b s³ + c s⁵. The coefficients
are chosen so that small ones grow fast; large ones end up between 0.7 and 1.2, not at 1 exactly.
"""

import torch
from jaxtyping import Float
from torch import Tensor

A, B, C = 3.4445, -4.7750, 2.0315
EPS = 1e-7


def muon_orthogonalize(G: Float[Tensor, "... m n"], steps: int = 5) -> Float[Tensor, "... m n"]:
    """Matrix products alone, of the smaller side: a tall matrix is turned on its side."""
    if G.ndim < 2:
        raise ValueError(f"got G of shape {tuple(G.shape)}, wanted a matrix or a batch of them")
    if steps < 0:
        raise ValueError(f"got {steps=}, wanted at least 0")
    X = G.to(torch.promote_types(G.dtype, torch.float32))
    X = X / (torch.linalg.matrix_norm(X, keepdim=True) + EPS)
    tall = G.shape[-2] > G.shape[-1]
    X = X.mT if tall else X
    for _ in range(steps):
        gram = X @ X.mT
        X = A * X + (B * gram + C * gram @ gram) @ X
    return (X.mT if tall else X).to(G.dtype)
