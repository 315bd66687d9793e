"""What public and hidden tests of ch04_attention share: inputs, references, and checks of laws.

References come from elsewhere than the solution: torch's softmax, scaled_dot_product_attention and
MultiheadAttention in float64, and autograd for what the chapter does by hand.
"""

import math

import torch
import torch.nn.functional as F

from kit.compare import assert_close, assert_equal
from kit.oracles import oracle

# A sum of D products and an exponential come before every weight: their rounding errors are
# absolute, and a few times float32's 6e-8.
FLOAT32 = {"rtol": 1e-5, "atol": 3e-6}
# One unit in the last place of float16 and bfloat16 for outputs below 2, times what piles up when
# scores, weights and sums are all rounded to it.
HALF = {torch.float16: 6e-3, torch.bfloat16: 5e-2}


def random(rng: torch.Generator, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=rng, dtype=torch.float64).to(dtype)


def random_mask(rng: torch.Generator, *shape: int) -> torch.Tensor:
    """Half of the pairs may attend, and every query to at least one key."""
    mask = torch.rand(*shape, generator=rng) < 0.5
    mask[..., torch.arange(shape[-2]), torch.arange(shape[-2]) % shape[-1]] = True
    return mask


def broadcast_mask(rng: torch.Generator, *shape: int) -> torch.Tensor:
    """Where the last axis tells keys apart, every query may attend to one of them at least."""
    mask = torch.rand(*shape, generator=rng) < 0.5
    if shape[-1] > 1:
        mask[..., 1] = True
    return mask


# Score [i, j] is q[i] k[j] (D = 1), causal or not, and within the contract's ±10,000.
EXTREMES = {
    "low": (
        ([1.0, 1.0, 1.0], [-1e4, -9999.5, 0.0], True),
        "a masked score must be lower than any other: -inf, before the softmax",
    ),
    "hidden and high": (
        ([1.0, 1.0, 1.0], [0.0, 1.0, 500.0], True),
        "mask the scores, not the weights, and subtract each query's maximum before exp",
    ),
    "unlike rows": (
        ([500.0, 0.0, 1.0], [1.0, 1.0, 1.0], False),
        "subtract the maximum of each query's scores, not that of all",
    ),
    "60 to 62": (
        ([1.0, 1.0, 1.0], [60.0, 61.0, 62.0], False),
        "large scores differ too: they are not clamped",
    ),
}
# A log-sum-exp of scores around 10,000 is rounded to float32's spacing there, 0.001.
LOOSE = {"rtol": 3e-3, "atol": 3e-3}


def extreme(case: str) -> tuple[torch.Tensor, bool, str]:
    """Tokens of three features (a query, a key, a value), whether causal, and what goes wrong."""
    (q, k, causal), why = EXTREMES[case]
    return torch.tensor([q, k, [3.0, -1.0, 2.0]]).T.contiguous(), causal, why


def extreme_weights() -> list[torch.Tensor]:
    """Wq, Wk, Wv and Wo of one head, which take such a token apart."""
    return [*torch.eye(3).split(1), torch.ones(1, 1)]


def random_qkv(rng: torch.Generator, *leading: int, Tq=5, Tk=7, D=8, Dv=6, dtype=torch.float32):
    """Queries, keys and values whose every size differs from the others."""
    sizes = [(Tq, D), (Tk, D), (Tk, Dv)]
    return [random(rng, *leading, T, width, dtype=dtype) for T, width in sizes]


def assert_dtype(got: torch.Tensor, wanted: torch.dtype) -> None:
    assert got.dtype is wanted, (
        f"the result has the dtype of its inputs: got {got.dtype}, wanted {wanted}"
    )


def assert_gradients(got: list, want: list, names: list[str], **tolerance: float) -> None:
    """Every input receives its gradient."""
    for gradient, wanted, name in zip(got, want, names, strict=True):
        assert gradient is not None, f"no gradient reaches {name}: the output is detached from it"
        assert_close(gradient, wanted, f"the gradient in {name} is wrong", **tolerance)


# --- references ---------------------------------------------------------------------------------


@oracle
def softmax(x: torch.Tensor, dim: int) -> torch.Tensor:
    return torch.softmax(x.double(), dim)


@oracle
def attention(q, k, v, mask=None) -> torch.Tensor:
    """torch's attention in float64, with zeros for queries that see nothing."""
    return _attention(q.double(), k.double(), v.double(), mask)


def _attention(q, k, v, mask):
    if mask is None:
        return F.scaled_dot_product_attention(q, k, v)
    sees = mask.any(-1, keepdim=True)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask | ~sees)
    return torch.where(sees, out, 0.0)


@oracle
def attention_gradients(q, k, v, d_out, mask=None) -> list[torch.Tensor]:
    """Autograd through torch's attention in float64."""
    q, k, v = (x.double().requires_grad_() for x in (q, k, v))
    return list(torch.autograd.grad(_attention(q, k, v, mask), (q, k, v), d_out.double()))


def _heads_one_by_one(x, context, Wq, Wk, Wv, Wo, H, mask):
    """Each head computed alone from its rows of the weights, as in the paper's formula."""
    rows = zip(*(W.chunk(H) for W in (Wq, Wk, Wv)), strict=True)
    heads = [_attention(x @ q.T, context @ k.T, context @ v.T, mask) for q, k, v in rows]
    return torch.cat(heads, -1) @ Wo.T


@oracle
def cross_attention(x, context, Wq, Wk, Wv, Wo, H, mask=None) -> torch.Tensor:
    tensors = [t.double() for t in (x, context, Wq, Wk, Wv, Wo)]
    return _heads_one_by_one(*tensors, H, mask)


@oracle
def cross_attention_gradients(x, context, Wq, Wk, Wv, Wo, H, mask, d_out) -> list[torch.Tensor]:
    tensors = [t.double().requires_grad_() for t in (x, context, Wq, Wk, Wv, Wo)]
    out = _heads_one_by_one(*tensors, H, mask)
    return list(torch.autograd.grad(out, tensors, d_out.double()))


@oracle
def self_attention(x, Wq, Wk, Wv, Wo, H, causal) -> torch.Tensor:
    x, *weights = (t.double() for t in (x, Wq, Wk, Wv, Wo))
    return _heads_one_by_one(x, x, *weights, H, lower_triangle(x.shape[-2]) if causal else None)


@oracle
def self_attention_gradients(x, Wq, Wk, Wv, Wo, H, causal, d_out) -> list[torch.Tensor]:
    tensors = [t.double().requires_grad_() for t in (x, Wq, Wk, Wv, Wo)]
    mask = lower_triangle(x.shape[-2]) if causal else None
    out = _heads_one_by_one(tensors[0], *tensors, H, mask)
    return list(torch.autograd.grad(out, tensors, d_out.double()))


@oracle
def torch_multihead(x, Wq, Wk, Wv, Wo, H, causal) -> torch.Tensor:
    """torch.nn.MultiheadAttention; x is B T C, and all widths are C. Its masks are True = hidden."""
    T, C = x.shape[-2:]
    layer = torch.nn.MultiheadAttention(C, H, bias=False, batch_first=True, dtype=torch.float64)
    layer.load_state_dict({"in_proj_weight": torch.cat([Wq, Wk, Wv]), "out_proj.weight": Wo})
    x, hidden = x.double(), ~lower_triangle(T) if causal else None
    return layer(x, x, x, attn_mask=hidden, need_weights=False)[0]


def lower_triangle(T: int) -> torch.Tensor:
    return torch.ones(T, T, dtype=torch.bool).tril()


def bottom_right(Tq: int, Tk: int) -> torch.Tensor:
    """The causal mask, as the last Tq rows of a square one of max(Tq, Tk), without its first columns."""
    n = max(Tq, Tk)
    return lower_triangle(n)[n - Tq :, n - Tk :]


def sinusoids(T: int, C: int) -> list[list[float]]:
    """The paper's formula, entry by entry."""
    return [
        [(math.cos if c % 2 else math.sin)(p / 10000 ** ((c - c % 2) / C)) for c in range(C)]
        for p in range(T)
    ]


# By hand from get_slopes in the authors' code: the slopes are 2 to the power of minus these.
ALIBI_EXPONENTS = {
    1: [8],
    2: [4, 8],
    3: [4, 8, 2],
    4: [2, 4, 6, 8],
    5: [2, 4, 6, 8, 1],
    6: [2, 4, 6, 8, 1, 3],
    7: [2, 4, 6, 8, 1, 3, 5],
    8: [1, 2, 3, 4, 5, 6, 7, 8],
    11: [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5],
    12: [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5],
    16: [0.5 * h for h in range(1, 17)],
    20: [0.5 * h for h in range(1, 17)] + [0.25, 0.75, 1.25, 1.75],
}


def slopes(H: int) -> list[float]:
    return [2.0**-exponent for exponent in ALIBI_EXPONENTS[H]]


# --- checks -------------------------------------------------------------------------------------


def check_softmax(student, x: torch.Tensor, dim: int, why: str, **tolerance: float) -> None:
    got = student.softmax(x, dim)
    assert_close(got, softmax(x, dim), why, **tolerance)
    assert_dtype(got, x.dtype)


def check_softmax_gradient(student, x: torch.Tensor, dim: int, d_out: torch.Tensor) -> None:
    _, gradients = student.run("with_gradients", "softmax", [x], [dim], d_out)
    leaf = x.double().requires_grad_()
    wanted = torch.autograd.grad(torch.softmax(leaf, dim), leaf, d_out.double())
    assert_gradients(gradients, wanted, ["x"], **FLOAT32)


def check_attention(student, q, k, v, mask, why: str, **tolerance: float) -> None:
    got = student.scaled_dot_product_attention(q, k, v, mask)
    assert_close(got, attention(q, k, v, mask), why, **(tolerance or FLOAT32))
    assert_dtype(got, q.dtype)


def check_attention_gradients(student, q, k, v, mask, d_out) -> None:
    name = "scaled_dot_product_attention"
    _, gradients = student.run("with_gradients", name, [q, k, v], [mask], d_out)
    wanted = attention_gradients(q, k, v, d_out, mask)
    assert_gradients(gradients, wanted, ["q", "k", "v"], **FLOAT32)


def check_backward(student, q, k, v, d_out, mask, why: str = "", **tolerance: float) -> None:
    got = student.attention_backward(q, k, v, d_out, mask)
    assert_backward(got, q, k, v, d_out, mask, why, **tolerance)


def assert_backward(got, q, k, v, d_out, mask, why: str = "", **tolerance: float) -> None:
    """dq, dk and dv are autograd's; `why` may say what they look like if not."""
    wanted = attention_gradients(q, k, v, d_out, mask)
    for gradient, want, name in zip(got, wanted, ["dq", "dk", "dv"], strict=True):
        told = f"{name} differs from what autograd finds" + (f": {why}" if why else "")
        assert_close(gradient, want, told, **(tolerance or FLOAT32))
        assert_dtype(gradient, q.dtype)


def check_backward_of_extremes(student, case: str, d_out: torch.Tensor) -> None:
    x, causal, why = extreme(case)
    q, k, v = x.split(1, -1)
    mask = bottom_right(3, 3) if causal else None
    got = student.attention_backward(q, k, v, d_out, mask)
    wanted = attention_gradients(q, k, v, d_out, mask)
    # dq is a product with k, and dk with q: an error of the weights comes back as many times larger
    sizes = [float(k.abs().max()), float(q.abs().max()), 1.0]
    for gradient, want, name, size in zip(got, wanted, ["dq", "dk", "dv"], sizes, strict=True):
        told = f"{name} differs from what autograd finds: {why}"
        assert_close(gradient, want, told, rtol=LOOSE["rtol"], atol=LOOSE["atol"] * size)


def random_weights(
    rng: torch.Generator, C: int, qk: int, v: int, out: int, E: int | None = None
) -> list[torch.Tensor]:
    """Wq, Wk, Wv, Wo, scaled so that projections keep the size of their input."""
    shapes = [(qk, C), (qk, E or C), (v, E or C), (out, v)]
    return [random(rng, rows, columns) / columns**0.5 for rows, columns in shapes]


def check_self_attention(student, x, weights, H, causal, why: str, **tolerance: float) -> None:
    got = student.multihead_self_attention(x, *weights, H, causal)
    assert_close(got, self_attention(x, *weights, H, causal), why, **(tolerance or FLOAT32))
    assert_dtype(got, x.dtype)


def check_cross_attention(
    student, x, context, weights, H, mask, why: str, **tolerance: float
) -> None:
    got = student.cross_attention(x, context, *weights, H, mask)
    wanted = cross_attention(x, context, *weights, H, mask)
    assert_close(got, wanted, why, **(tolerance or FLOAT32))
    assert_dtype(got, x.dtype)


def check_causal_mask(student, Tq: int, Tk: int) -> None:
    why = f"query i of {Tq} is at position i + {Tk} - {Tq}, and sees the keys up to there"
    assert_equal(student.causal_mask(Tq, Tk), bottom_right(Tq, Tk), why)


def check_unchanged(student, name: str, *arguments) -> None:
    """A function leaves its arguments as they were."""
    _, after = student.run("with_arguments", name, *arguments)
    for position, (got, want) in enumerate(zip(after, arguments, strict=True)):
        if isinstance(want, torch.Tensor):
            assert_equal(got, want, f"argument {position} of {name} was changed in place")
