"""Feed-forward layers: what a token does by itself between two looks at the others.

    GPT-2    gelu(x W_inᵀ + b_in) W_outᵀ + b_out
    Llama    (silu(x W_gateᵀ) ∘ x W_upᵀ) W_downᵀ        SwiGLU (Shazeer 2020, eq. 6)

    gelu(z) = z/2 (1 + tanh(√(2/π) (z + 0.044715 z³)))      silu(z) = z σ(z) = z / (1 + e^-z)

Both activations let large numbers pass and stop negative ones, like ReLU with the corner rounded
off. In SwiGLU one projection decides, feature by feature, how much of the other gets through.
"""

import math

from jaxtyping import Float
from torch import Tensor


def silu(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """sigmoid knows its limits on both sides; exp(-x) alone is inf below -88, its gradient NaN."""
    return x * x.sigmoid()


def swiglu(
    x: Float[Tensor, "... C"],
    W_gate: Float[Tensor, "d_ff C"],
    W_up: Float[Tensor, "d_ff C"],
    W_down: Float[Tensor, "C d_ff"],
) -> Float[Tensor, "... C"]:
    """Gate, multiply, project back."""
    return (silu(x @ W_gate.T) * (x @ W_up.T)) @ W_down.T


def gelu(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The tanh formula, which GPT-2's weights were trained with."""
    # tanh is ±1 long before ±10, and the cube of 41 is inf in float16
    near = x.clamp(-10, 10)
    return x / 2 * (1 + (math.sqrt(2 / math.pi) * (near + 0.044715 * near**3)).tanh())


def gelu_mlp(
    x: Float[Tensor, "... C"],
    W_in: Float[Tensor, "d_ff C"],
    b_in: Float[Tensor, " d_ff"],
    W_out: Float[Tensor, "C d_ff"],
    b_out: Float[Tensor, " C"],
) -> Float[Tensor, "... C"]:
    """Widen, bend, project back."""
    return gelu(x @ W_in.T + b_in) @ W_out.T + b_out
