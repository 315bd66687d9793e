"""Normalisation: keep the features of every token at one size, however deep the network.

    LayerNorm(x) = g ∘ (x - μ) / sqrt(σ² + ε) + b      μ, σ² over the C features (Ba et al. 2016)
    RMSNorm(x)   = g ∘ x / sqrt(mean(x²) + ε)          (Zhang and Sennrich 2019, eq. 4)

RMSNorm leaves out what turned out not to matter: to subtract the mean, and to add a bias. Each
token is normalised by its own numbers alone, so neither time nor batch plays a part.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def widened(x: Tensor) -> Tensor:
    """Half precision in float32, the others as they are: 300² is inf in float16."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def layernorm(
    x: Float[Tensor, "... C"], weight: Float[Tensor, " C"], bias: Float[Tensor, " C"], eps: float
) -> Float[Tensor, "... C"]:
    """Centre first: mean(x²) - μ² would lose all digits where the mean is large."""
    wide = widened(x)
    centred = wide - wide.mean(-1, keepdim=True)
    scale = (centred.square().mean(-1, keepdim=True) + eps).rsqrt()
    return (centred * scale * weight + bias).to(x.dtype)


def rmsnorm(
    x: Float[Tensor, "... C"], weight: Float[Tensor, " C"], eps: float
) -> Float[Tensor, "... C"]:
    """The same without mean and bias."""
    wide = widened(x)
    scale = (wide.square().mean(-1, keepdim=True) + eps).rsqrt()
    return (wide * scale * weight).to(x.dtype)
