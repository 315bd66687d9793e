"""Grouped-query attention: several heads ask, and share the keys and values that answer.

    head_h = attention(q_h, k_g, v_g)      g = h // (H / H_kv)      (Ainslie et al. 2023)

Keys and values of all earlier tokens are kept while a model writes, and to read them takes longer
than to compute with them. With H_kv < H there is less to keep. H_kv = H is multi-head attention,
H_kv = 1 multi-query attention.
"""

from jaxtyping import Bool, Float
from torch import Tensor

from ..ch04_attention import adapters as attention


def gqa(
    q: Float[Tensor, "... H Tq D"],
    k: Float[Tensor, "... H_kv Tk D"],
    v: Float[Tensor, "... H_kv Tk Dv"],
    mask: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "... H Tq Dv"]:
    """Consecutive heads share: 0 0 1 1, not 0 1 0 1."""
    H, H_kv = q.shape[-3], k.shape[-3]
    if H % H_kv:
        raise ValueError(f"{H=} is not divisible by {H_kv=}; choose H_kv from the divisors of H")
    k, v = (heads.repeat_interleave(H // H_kv, dim=-3) for heads in (k, v))
    return attention.scaled_dot_product_attention(q, k, v, mask)
