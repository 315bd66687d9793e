"""Chapter 4, Attention: the functions that you write.

Shapes are jaxtyping: `Float[Tensor, "... T C"]` is a float tensor of any number of leading axes, then
T rows of C columns. The leading axes (batches, heads) may also be none; each of their entries is
computed for itself. Tq queries look at Tk keys. C is the width of a token's vector, H the number of
heads, D the width of one head's queries and keys, Dv that of its values.

Everywhere: inputs are finite and of one float dtype, and a result has that dtype, float16 and bfloat16
included; computing in float32 or float64 inside is fine. Arguments need not be contiguous, and none
of them is changed. Gradients flow back through every function but `attention_backward` to all of its
float inputs, and no gradient is NaN.

A mask is boolean, and True where a query may attend to a key. It broadcasts as torch does: its last
two axes have the sizes Tq and Tk or 1, and leading axes may be of size 1 or be missing.

Keep the names and signatures. Beyond that the design is yours: more functions, more files.
"""

from jaxtyping import Bool, Float
from torch import Tensor

from . import attention, heads, masking, positions
from . import softmax as normalisation


def softmax(x: Float[Tensor, "..."], dim: int) -> Float[Tensor, "..."]:
    """exp(x_i) / sum_j exp(x_j) along the axis `dim`, which may be negative; same shape and dtype.

    Finite for logits of ±10,000, where 1e-3 is accurate enough, and where all are equal. An entry
    of -inf, which only this function may meet, gets exactly 0; every slice has a finite entry.

    softmax([0, ln 2, ln 3], 0) -> [1/6, 2/6, 3/6]
    """
    return normalisation.softmax(x, dim)


def causal_mask(Tq: int, Tk: int) -> Bool[Tensor, "Tq Tk"]:
    """True where query i may attend to key j: to itself and to all before it.

    Aligned to the bottom right: the last query is at the position of the last key, so query i is
    at position i + Tk - Tq. With Tq > Tk the first Tq - Tk queries may attend to nothing.

    causal_mask(2, 4) -> [[True, True, True, False], [True, True, True, True]]
    """
    return masking.causal_mask(Tq, Tk)


def scaled_dot_product_attention(
    q: Float[Tensor, "... Tq D"],
    k: Float[Tensor, "... Tk D"],
    v: Float[Tensor, "... Tk Dv"],
    mask: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "... Tq Dv"]:
    """softmax(q kᵀ / sqrt(D)) v, the softmax over the keys that the mask lets each query attend to.

    q, k and v have the same leading axes. The mask broadcasts to (..., Tq, Tk): one of (Tq, Tk) serves
    a whole batch, one of (..., 1, Tk) all queries. Without a mask every query sees every key. For
    scores of ±10,000 the result is finite, accurate to 1e-3, and a key that is masked has no
    influence, however high its score or low the others'. A query that may attend to nothing gets 0.
    In float16 the products q kᵀ fit too, before they are divided.

    Source: Vaswani et al. 2017, "Attention Is All You Need", eq. 1.
    """
    return attention.scaled_dot_product_attention(q, k, v, mask)


def attention_backward(
    q: Float[Tensor, "... Tq D"],
    k: Float[Tensor, "... Tk D"],
    v: Float[Tensor, "... Tk Dv"],
    d_out: Float[Tensor, "... Tq Dv"],
    mask: Bool[Tensor, "..."] | None = None,
) -> tuple[Float[Tensor, "... Tq D"], Float[Tensor, "... Tk D"], Float[Tensor, "... Tk Dv"]]:
    """The gradients (dq, dk, dv) of the sum of d_out * out, out = scaled_dot_product_attention(...).

    Computed by hand: autograd is not allowed here. A query that may attend to nothing has dq = 0 and
    adds nothing to dk and dv.
    """
    return attention.attention_backward(q, k, v, d_out, mask)


def split_heads(x: Float[Tensor, "... T C"], H: int) -> Float[Tensor, "... H T D"]:
    """Cut every vector into H blocks of D = C / H consecutive features; block h goes to head h.

    ValueError if C is not divisible by H.

    split_heads([[1, 2, 3, 4], [5, 6, 7, 8]], 2) -> [[[1, 2], [5, 6]], [[3, 4], [7, 8]]]
    """
    return heads.split_heads(x, H)


def merge_heads(x: Float[Tensor, "... H T D"]) -> Float[Tensor, "... T C"]:
    """The inverse of `split_heads`: C = H D."""
    return heads.merge_heads(x)


def multihead_self_attention(
    x: Float[Tensor, "... T C"],
    Wq: Float[Tensor, "qk_width C"],
    Wk: Float[Tensor, "qk_width C"],
    Wv: Float[Tensor, "v_width C"],
    Wo: Float[Tensor, "out_width v_width"],
    H: int,
    causal: bool,
) -> Float[Tensor, "... T out_width"]:
    """Attention of a sequence to itself by H heads: y = [head_1 | ... | head_H] Woᵀ, without biases.

    Weights are as in torch.nn.Linear, (out, in), and project by q = x Wqᵀ. Heads are consecutive
    blocks of the projected features, as in `split_heads`; D = qk_width / H, Dv = v_width / H, and none
    of the widths need be equal. If `causal`, no token attends to a later one. ValueError if qk_width
    or v_width is not divisible by H.

    Source: Vaswani et al. 2017, §3.2.2.
    """
    return heads.multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)


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
    """As `multihead_self_attention`, but keys and values come from `context`: k = context Wkᵀ.

    x and context have the same leading axes. The mask broadcasts to (..., Tq, Tk); it has no axis for
    heads, all of which see the same. The output of a query that may attend to nothing is 0.
    """
    return heads.cross_attention(x, context, Wq, Wk, Wv, Wo, H, mask)


def sinusoidal_positions(T: int, C: int) -> Float[Tensor, "T C"]:
    """PE[p, 2i] = sin(p / 10000^(2i/C)), PE[p, 2i+1] = cos(p / 10000^(2i/C)); float32.

    Sines and cosines alternate, and positions count from 0. ValueError if C is odd.

    Source: Vaswani et al. 2017, §3.5.
    """
    return positions.sinusoidal_positions(T, C)


def alibi_slopes(H: int) -> Float[Tensor, " H"]:
    """ALiBi's slopes, positive, float32: 2^(-8h/H) for h = 1 ... H if H is a power of two.

    Otherwise, with n the largest power of two below H: first the slopes of n heads, then the first
    H - n of the 1st, 3rd, 5th ... slope of 2n heads. That is the order of the authors' code.

    alibi_slopes(3) -> [2^-4, 2^-8, 2^-2]

    Source: Press et al. 2022, "Train Short, Test Long", §3, and get_slopes in its code.
    """
    return positions.alibi_slopes(H)


def alibi_bias(H: int, Tq: int, Tk: int) -> Float[Tensor, "H Tq Tk"]:
    """-alibi_slopes(H)[h] * |i + Tk - Tq - j|, which is added to the score of query i and key j.

    Query i is at position i + Tk - Tq, as in `causal_mask`. Keys in the future are penalised by their
    distance as well; to mask them is not the task of the bias. float32.
    """
    return positions.alibi_bias(H, Tq, Tk)
