"""Multi-head attention: several smaller attentions side by side, each with an eye of its own.

head_h = attention(x Wq_hᵀ, x Wk_hᵀ, x Wv_hᵀ)
y = [head_1 | ... | head_H] Woᵀ                                  (Vaswani et al. 2017, §3.2.2)

Head h owns the h-th block of consecutive features of a projection, so one matrix product serves all
heads, and splitting them is a matter of axes.
"""

from jaxtyping import Bool, Float
from torch import Tensor

from .attention import scaled_dot_product_attention
from .masking import causal_mask


def split_heads(x: Float[Tensor, "... T C"], H: int) -> Float[Tensor, "... H T D"]:
    """First cut the features into blocks, then bring the heads before time."""
    if H < 1 or x.shape[-1] % H:
        raise ValueError(f"C={x.shape[-1]} is not divisible by {H=}; choose H from its divisors")
    return x.unflatten(-1, (H, -1)).transpose(-3, -2)


def merge_heads(x: Float[Tensor, "... H T D"]) -> Float[Tensor, "... T C"]:
    """The way back, in reverse order."""
    return x.transpose(-3, -2).flatten(-2)


def cross_attention(
    x: Float[Tensor, "... Tq C"],
    context: Float[Tensor, "... Tk E"],
    Wq: Float[Tensor, "qk_width C"],
    Wk: Float[Tensor, "qk_width E"],
    Wv: Float[Tensor, "v_width E"],
    Wo: Float[Tensor, "out_width v_width"],
    H: int,
    mask: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "... Tq out_width"]:
    """Queries from x; keys and values from the context."""
    q = split_heads(x @ Wq.T, H)
    k = split_heads(context @ Wk.T, H)
    v = split_heads(context @ Wv.T, H)
    if mask is not None:
        mask = mask.unsqueeze(-3)  # all heads see the same: ... 1 Tq Tk
    return merge_heads(scaled_dot_product_attention(q, k, v, mask)) @ Wo.T


def multihead_self_attention(
    x: Float[Tensor, "... T C"],
    Wq: Float[Tensor, "qk_width C"],
    Wk: Float[Tensor, "qk_width C"],
    Wv: Float[Tensor, "v_width C"],
    Wo: Float[Tensor, "out_width v_width"],
    H: int,
    causal: bool,
) -> Float[Tensor, "... T out_width"]:
    """A sequence that is its own context."""
    T = x.shape[-2]
    mask = causal_mask(T, T).to(x.device) if causal else None
    return cross_attention(x, x, Wq, Wk, Wv, Wo, H, mask)
