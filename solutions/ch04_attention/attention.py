"""Attention: every query takes an average of the values, weighted by how well the keys match it.

    O = P V      P = softmax(S)      S = Q Kᵀ / sqrt(D)      (Vaswani et al. 2017, eq. 1)

The dot product of two random D-vectors has variance D; the division brings it back to 1.

Backwards, for a gradient dO that arrives at O:

    dV = Pᵀ dO      dP = dO Vᵀ      dS = P ∘ (dP - rowsum(dP ∘ P))
    dQ = dS K / sqrt(D)      dK = dSᵀ Q / sqrt(D)

T × T numbers are kept from the way forward to the way back; flash attention avoids them.
"""

import math

from jaxtyping import Bool, Float
from torch import Tensor

from .softmax import softmax


def attention_weights(
    q: Float[Tensor, "... Tq D"], k: Float[Tensor, "... Tk D"], mask: Bool[Tensor, "..."] | None
) -> Float[Tensor, "... Tq Tk"]:
    """P: rows that sum to 1, or to 0 where the mask leaves nothing to see."""
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if mask is None:
        return softmax(scores, -1)
    # No finite score is low enough: others may be lower.
    weights = softmax(scores.masked_fill(~mask, -math.inf), -1)
    # A row without any key is 0/0. Filled on both sides of the softmax, its NaN gets out neither
    # forwards nor backwards.
    return weights.masked_fill(~mask, 0)


def scaled_dot_product_attention(
    q: Float[Tensor, "... Tq D"],
    k: Float[Tensor, "... Tk D"],
    v: Float[Tensor, "... Tk Dv"],
    mask: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "... Tq Dv"]:
    """Compare, normalise, average."""
    return attention_weights(q, k, mask) @ v


def attention_backward(
    q: Float[Tensor, "... Tq D"],
    k: Float[Tensor, "... Tk D"],
    v: Float[Tensor, "... Tk Dv"],
    d_out: Float[Tensor, "... Tq Dv"],
    mask: Bool[Tensor, "..."] | None = None,
) -> tuple[Float[Tensor, "... Tq D"], Float[Tensor, "... Tk D"], Float[Tensor, "... Tk Dv"]]:
    """The chain rule by hand, from the output back to q, k and v."""
    P = attention_weights(q, k, mask)
    dP = d_out @ v.mT
    # Every weight depends on every score of its row, as they share one denominator.
    dS = P * (dP - (dP * P).sum(-1, keepdim=True)) / math.sqrt(q.shape[-1])
    return dS @ k, dS.mT @ q, P.mT @ d_out
