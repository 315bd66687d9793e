"""Hidden tests of ch05_transformer: the same properties at other shapes, dtypes and limits."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kit.compare import assert_close, assert_equal, raises
from tests.ch05_transformer.checks import (
    DEEP,
    FLOAT32,
    FLOAT64,
    GPT2,
    HALF,
    LLAMA,
    ROPES,
    assert_dtype,
    assert_gradients,
    block,
    block_weights,
    check_block,
    check_gradients,
    check_probabilities,
    check_rope,
    decoder_layer,
    gain,
    gelu_mlp,
    gpt2_flops,
    gpt2_logits,
    gpt2_names,
    gpt2_state,
    gqa,
    layernorm,
    llama_gradients,
    llama_logits,
    llama_state,
    probabilities,
    random,
    random_checkpoint,
    random_ids,
    random_matrix,
    rmsnorm,
    rope,
    swiglu,
    window,
)

HALVES = list(HALF)
LARGE_SEEDS = [1000, 1 << 16, 2**31 - 1, 2**31, 2**32 - 1]
STRIDED = "a strided tensor was misread: it lies in memory in another order than its axes"
WIDE = [torch.float16, torch.bfloat16, torch.float64]


def tolerance(dtype: torch.dtype) -> dict[str, float]:
    return FLOAT64 if dtype is torch.float64 else {"rtol": HALF[dtype], "atol": HALF[dtype]}


# --- layernorm ----------------------------------------------------------------------------------


@pytest.mark.problem("layernorm")
@pytest.mark.parametrize("shape", [(5,), (4, 4), (2, 3, 4, 5), (3, 1)])
def test_layernorm_of_any_shape(student, rng, shape):
    """From one axis to four; a square does not hide a swapped axis; a single feature becomes 0."""
    x, weight, bias = 3 * random(rng, *shape), gain(rng, shape[-1]), random(rng, shape[-1])
    got, want = student.layernorm(x, weight, bias, 1e-3), layernorm(x, weight, bias, 1e-3)
    assert_close(got, want, "normalise over the features of a token, and nothing else", **FLOAT32)


@pytest.mark.problem("layernorm")
def test_layernorm_far_from_zero(student, rng):
    """Features around 1000 keep the digits of their differences."""
    x = 1000 + random(rng, 4, 8)
    got = student.layernorm(x, torch.ones(8), torch.zeros(8), 1e-5)
    why = "mean(x²) - mean² cancels to nothing: subtract the mean before squaring"
    assert_close(got, layernorm(x, torch.ones(8), torch.zeros(8), 1e-5), why, rtol=1e-3, atol=1e-3)


@pytest.mark.problem("layernorm")
@pytest.mark.parametrize("dtype", WIDE)
def test_layernorm_keeps_its_dtype(student, rng, dtype):
    """Half precision is computed in float32 and comes back as it came; float64 loses nothing."""
    arguments = random(rng, 3, 8, dtype=dtype), gain(rng, 8).to(dtype), random(rng, 8, dtype=dtype)
    got = student.layernorm(*arguments, 1e-5)
    assert_close(got, layernorm(*arguments, 1e-5), f"layernorm in {dtype}", **tolerance(dtype))
    assert_dtype(got, dtype)


@pytest.mark.problem("layernorm")
def test_layernorm_of_large_float16(student):
    """Differences of 600 have squares beyond float16, differences of 0.003 below it."""
    x = torch.tensor([[600.0, -600.0], [0.003, -0.003]]).half()
    got = student.layernorm(x, torch.ones(2).half(), torch.zeros(2).half(), 1e-8)
    why = "compute in float32: squares and eps do not fit float16"
    assert_close(got, [[1.0, -1.0], [1.0, -1.0]], why, rtol=2e-3)


@pytest.mark.problem("layernorm")
def test_layernorm_of_equal_features(student):
    """Features without variance give the bias, not 0/0."""
    got = student.layernorm(torch.full((2, 4), 3.0), torch.ones(4), torch.arange(4.0), 1e-5)
    assert_close(got, [[0.0, 1.0, 2.0, 3.0]] * 2, "eps keeps 0/0 away")


@pytest.mark.problem("layernorm")
def test_layernorm_of_small_features(student, rng):
    """Where features are as small as sqrt(eps), eps shows."""
    x = 0.003 * random(rng, 4, 6)
    got, want = (f(x, torch.ones(6), torch.zeros(6), 1e-5) for f in (student.layernorm, layernorm))
    assert_close(got, want, "eps is added to the variance, under the root", **FLOAT32)


@pytest.mark.problem("layernorm")
@pytest.mark.parametrize("axes", [(-2, -1), (0, 1)])
def test_layernorm_of_strided_tensors(student, rng, axes):
    """The input may lie in memory in any order."""
    x, weight, bias = random(rng, 2, 3, 4), gain(rng, 4), random(rng, 4)
    got = student.run("of_strided", "layernorm", axes, x, weight, bias, 1e-5)
    assert_close(got, layernorm(x, weight, bias, 1e-5), STRIDED, **FLOAT32)


@pytest.mark.problem("layernorm")
@pytest.mark.parametrize("dtype", HALVES)
def test_layernorm_far_from_zero_in_half_precision(student, rng, dtype):
    """Mean and differences are computed in float32: half precision could not hold the mean."""
    step = 1.0 if dtype is torch.float16 else 8.0  # the spacing at 1024 to 2047
    x = (1024 + step * torch.randint(6, (8, 7), generator=rng)).to(dtype)
    x[:, 0] = 1024
    one, zero = torch.ones(7, dtype=dtype), torch.zeros(7, dtype=dtype)
    got = student.layernorm(x, one, zero, 1e-5)
    why = "mean and differences are computed in float32"
    want = layernorm(x, one, zero, 1e-5)
    assert_close(got, want, why, rtol=HALF[dtype] / 2, atol=HALF[dtype] / 4)


@pytest.mark.problem("layernorm")
def test_layernorm_of_bfloat16_is_computed_in_float32(student, rng):
    """The result is within one rounding of the exact one."""
    x, one, zero = random(rng, 64, 96).bfloat16(), torch.ones(96), torch.zeros(96)
    got = student.layernorm(x, one.bfloat16(), zero.bfloat16(), 1e-5)
    why = "the root is computed in float32, and multiplied there"
    assert_close(got, layernorm(x, one, zero, 1e-5), why, rtol=0.0041, atol=1e-5)


@pytest.mark.problem("layernorm")
def test_layernorm_gradient_of_equal_features(student, rng):
    """The gradient is finite where the variance is 0."""
    inputs = {"x": torch.full((2, 6), 3.0), "weight": gain(rng, 6), "bias": random(rng, 6)}
    check_gradients(
        student, "layernorm", inputs, [0.5], random(rng, 2, 6), lambda *i: layernorm(*i, 0.5)
    )


# --- rmsnorm ------------------------------------------------------------------------------------


@pytest.mark.problem("rmsnorm")
@pytest.mark.parametrize("shape", [(5,), (4, 4), (2, 3, 4, 5), (3, 1)])
def test_rmsnorm_of_any_shape(student, rng, shape):
    """From one axis to four; a square does not hide a swapped axis."""
    x, weight = 2 + 3 * random(rng, *shape), gain(rng, shape[-1])
    why = "normalise over the features of a token, and nothing else"
    assert_close(student.rmsnorm(x, weight, 1e-3), rmsnorm(x, weight, 1e-3), why, **FLOAT32)


@pytest.mark.problem("rmsnorm")
@pytest.mark.parametrize("dtype", WIDE)
def test_rmsnorm_keeps_its_dtype(student, rng, dtype):
    """Half precision is computed in float32 and comes back as it came; float64 loses nothing."""
    x, weight = random(rng, 3, 8, dtype=dtype), gain(rng, 8).to(dtype)
    got = student.rmsnorm(x, weight, 1e-5)
    assert_close(got, rmsnorm(x, weight, 1e-5), f"rmsnorm in {dtype}", **tolerance(dtype))
    assert_dtype(got, dtype)


@pytest.mark.problem("rmsnorm")
@pytest.mark.parametrize("size", [6e4, 3e-4])
def test_rmsnorm_of_float16_of_any_size(student, rng, size):
    """float16 numbers whose squares overflow or vanish are normalised all the same."""
    x = (size * torch.tensor([[0.9, -0.3, 0.6, 1.0]])).half()
    got = student.rmsnorm(x, torch.ones(4).half(), 1e-12)
    want = rmsnorm(x, torch.ones(4), 1e-12)
    assert_close(got, want, "squares, their sum and eps do not fit float16", rtol=2e-3)


@pytest.mark.problem("rmsnorm")
def test_rmsnorm_of_nothing(student, rng):
    """A token of zeros stays 0, and has a finite gradient."""
    inputs, d_out = {"x": torch.zeros(2, 4), "weight": gain(rng, 4)}, random(rng, 2, 4)
    assert_equal(student.rmsnorm(*inputs.values(), 1e-5), torch.zeros(2, 4), "eps keeps 0/0 away")
    check_gradients(student, "rmsnorm", inputs, [1e-5], d_out, lambda x, w: rmsnorm(x, w, 1e-5))


@pytest.mark.problem("rmsnorm")
def test_rmsnorm_of_small_features(student, rng):
    """Where features are as small as sqrt(eps), eps shows."""
    x, weight = 0.003 * random(rng, 4, 6), gain(rng, 6)
    got, want = student.rmsnorm(x, weight, 1e-5), rmsnorm(x, weight, 1e-5)
    assert_close(got, want, "eps is added to the mean of squares, under the root", **FLOAT32)


@pytest.mark.problem("rmsnorm")
@pytest.mark.parametrize("axes", [(-2, -1), (0, 1)])
def test_rmsnorm_of_strided_tensors(student, rng, axes):
    """The input may lie in memory in any order."""
    x, weight = random(rng, 2, 3, 4), gain(rng, 4)
    got = student.run("of_strided", "rmsnorm", axes, x, weight, 1e-5)
    assert_close(got, rmsnorm(x, weight, 1e-5), STRIDED, **FLOAT32)


@pytest.mark.problem("rmsnorm")
def test_rmsnorm_of_bfloat16_is_computed_in_float32(student, rng):
    """The result is within one rounding of the exact one."""
    x = random(rng, 64, 96, dtype=torch.bfloat16)
    w = torch.ones(96).bfloat16()
    got, want = student.rmsnorm(x, w, 1e-5), rmsnorm(x, w, 1e-5)
    assert_close(got, want, "squares and their mean are computed in float32", rtol=0.0041, atol=0)


# --- swiglu -------------------------------------------------------------------------------------


@pytest.mark.problem("swiglu")
@pytest.mark.parametrize("dtype", [torch.float32, *WIDE])
@pytest.mark.parametrize("shape", [(), (9,), (2, 3, 2)])
def test_silu_of_any_shape_and_dtype(student, rng, shape, dtype):
    """Entry by entry, in the dtype that came."""
    x = 3 * random(rng, *shape, dtype=dtype)
    got = student.silu(x)
    within = FLOAT32 if dtype is torch.float32 else tolerance(dtype)
    assert_close(got, torch.nn.functional.silu(x.double()), "x / (1 + exp(-x))", **within)
    assert_dtype(got, dtype)


@pytest.mark.problem("swiglu")
@pytest.mark.parametrize("dtype", HALVES)
def test_silu_of_large_half_precision(student, dtype):
    """exp(12) is inf in float16 already."""
    x = torch.tensor([1e4, -1e4, 20.0, -20.0], dtype=dtype)
    got = student.silu(x)
    assert_close(got, [float(x[0]), 0.0, 20.0, 0.0], "exp overflows float16", rtol=2e-3, atol=1e-6)


@pytest.mark.problem("swiglu")
def test_gradients_of_silu(student, rng):
    """The gradient is sigmoid(x) (1 + x (1 - sigmoid(x)))."""
    x, silu = 4 * random(rng, 12), torch.nn.functional.silu
    check_gradients(student, "silu", {"x": x}, [], random(rng, 12), silu)


@pytest.mark.problem("swiglu")
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 2, 3, 4)])
@pytest.mark.parametrize("d_ff", [1, 4, 11])
def test_swiglu_of_any_shape(student, rng, shape, d_ff):
    """With d_ff = C as well, where a matrix that is not transposed fits too."""
    x = 2 * random(rng, *shape)
    weights = [random_matrix(rng, *s) for s in ((d_ff, 4), (d_ff, 4), (4, d_ff))]
    why = "(silu(x W_gateᵀ) * (x W_upᵀ)) W_downᵀ"
    assert_close(student.swiglu(x, *weights), swiglu(x, *weights), why, **FLOAT32)


@pytest.mark.problem("swiglu")
@pytest.mark.parametrize("dtype", WIDE)
def test_swiglu_keeps_its_dtype(student, rng, dtype):
    """Half precision and float64 come back as they came."""
    x = random(rng, 3, 4, dtype=dtype)
    weights = [random_matrix(rng, *s).to(dtype) for s in ((6, 4), (6, 4), (4, 6))]
    got = student.swiglu(x, *weights)
    assert_close(got, swiglu(x, *weights), f"swiglu in {dtype}", **tolerance(dtype))
    assert_dtype(got, dtype)


@pytest.mark.problem("swiglu")
def test_gradients_of_swiglu(student, rng):
    """Input and all three matrices receive their gradients."""
    shapes = {"x": (3, 4), "W_gate": (6, 4), "W_up": (6, 4), "W_down": (4, 6)}
    inputs = {name: random_matrix(rng, *shape) for name, shape in shapes.items()}
    check_gradients(student, "swiglu", inputs, [], random(rng, 3, 4), swiglu)


@pytest.mark.problem("swiglu")
@pytest.mark.parametrize("dtype", HALVES)
def test_gradients_of_silu_in_half_precision(student, dtype):
    """The slope is 1 for large features and 0 for very negative ones, in half precision too."""
    x = torch.tensor([1e4, -1e4, 20.0, -20.0, -12.0], dtype=dtype)
    one = torch.ones(5, dtype=dtype)
    _, (gradient,) = student.run("with_gradients", "silu", [x], [], one)
    assert gradient is not None, "the output is detached from x"
    why = "the gradient is finite in half precision too"
    assert_close(gradient, [1.0, 0.0, 1.0, 0.0, 0.0], why, atol=1e-3)


@pytest.mark.problem("swiglu")
def test_swiglu_of_strided_tensors(student, rng):
    """How a tensor lies in memory makes no difference."""
    x = random(rng, 2, 3, 5)
    weights = [random_matrix(rng, *shape) for shape in ((7, 5), (7, 5), (5, 7))]
    got = student.run("of_strided", "swiglu", (0, 1), x, *weights)
    assert_close(got, swiglu(x, *weights), STRIDED, **FLOAT32)


# --- gelu_mlp -----------------------------------------------------------------------------------


@pytest.mark.problem("gelu_mlp")
@pytest.mark.parametrize("dtype", [torch.float32, *WIDE])
@pytest.mark.parametrize("d_ff", [5, 9])
def test_gelu_mlp_of_any_dtype(student, rng, d_ff, dtype):
    """Half precision, float32 and float64 come back as they came; d_ff may equal C."""
    x, weights = random(rng, 4, 5), [random_matrix(rng, *s) for s in ((d_ff, 5), (5, d_ff))]
    arguments = x, weights[0], random(rng, d_ff), weights[1], random(rng, 5)
    arguments = tuple(t.to(dtype) for t in arguments)
    within = FLOAT32 if dtype is torch.float32 else tolerance(dtype)
    got = student.gelu_mlp(*arguments)
    why = "gelu(x W_inᵀ + b_in) W_outᵀ + b_out, gelu by the tanh formula"
    assert_close(got, gelu_mlp(*arguments), why, **within)
    assert_dtype(got, dtype)


@pytest.mark.problem("gelu_mlp")
def test_gelu_of_large_numbers(student):
    """gelu(z) is z for large z, and 0 for very negative ones."""
    one, zero = torch.ones(1, 1), torch.zeros(1)
    got = student.gelu_mlp(torch.tensor([[1e3], [-1e3], [0.0]]), one, zero, one, zero)
    assert_close(got, [[1e3], [0.0], [0.0]], "tanh is -1 or 1 there, not NaN")


@pytest.mark.problem("gelu_mlp")
def test_gradients_of_gelu_mlp(student, rng):
    """Input, matrices and biases receive their gradients."""
    shapes = {"x": (3, 4), "W_in": (6, 4), "b_in": (6,), "W_out": (4, 6), "b_out": (4,)}
    inputs = {name: random(rng, *shape) for name, shape in shapes.items()}
    check_gradients(student, "gelu_mlp", inputs, [], random(rng, 3, 4), gelu_mlp)


@pytest.mark.problem("gelu_mlp")
def test_gelu_mlp_of_strided_tensors(student, rng):
    """How a tensor lies in memory makes no difference."""
    x, b_in, b_out = random(rng, 2, 3, 5), random(rng, 7), random(rng, 5)
    weights = x, random_matrix(rng, 7, 5), b_in, random_matrix(rng, 5, 7), b_out
    got = student.run("of_strided", "gelu_mlp", (0, 1), *weights)
    assert_close(got, gelu_mlp(*weights), STRIDED, **FLOAT32)


@pytest.mark.problem("gelu_mlp")
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 2, 3, 4)])
def test_gelu_mlp_of_any_shape(student, rng, shape):
    """Each vector along the last axis is mapped by itself."""
    x, b_in, b_out = random(rng, *shape), random(rng, 6), random(rng, 4)
    arguments = x, random_matrix(rng, 6, 4), b_in, random_matrix(rng, 4, 6), b_out
    why = "any leading axes, or none"
    assert_close(student.gelu_mlp(*arguments), gelu_mlp(*arguments), why, **FLOAT32)


@pytest.mark.problem("gelu_mlp")
@pytest.mark.parametrize("dtype", [torch.float32, *HALVES])
def test_gradient_of_gelu_of_large_numbers(student, dtype):
    """The slope is 1 for large z, 0 for very negative ones, and never NaN, in any dtype."""
    z = [[1e3], [-1e3], [200.0], [-200.0], [20.0], [-20.0]]
    x, one, zero = (torch.tensor(t, dtype=dtype) for t in (z, [[1.0]], [0.0]))
    d_out = torch.ones(6, 1, dtype=dtype)
    _, (got, *_) = student.run("with_gradients", "gelu_mlp", [x, one, zero, one, zero], [], d_out)
    assert got is not None, "the output is detached from x"
    why = "z³ is inf, and the gradient of what comes of it NaN"
    assert_close(got, [[1.0], [0.0]] * 3, why, atol=1e-3)


# --- rope ---------------------------------------------------------------------------------------


@pytest.mark.problem("rope")
@pytest.mark.parametrize("name", ROPES)
@pytest.mark.parametrize("D", [2, 4, 10, 64])
def test_rope_of_any_width(student, rng, name, D):
    """One pair or many, and a sequence as long as a head is wide."""
    why = f"{name}: pair i turns by p theta^(-2i/D)"
    check_rope(student, name, random(rng, 3, D, D), torch.arange(D), 1000.0, why)


@pytest.mark.problem("rope")
@pytest.mark.parametrize("name", ROPES)
def test_rope_of_one_sequence(student, rng, name):
    """Without leading axes, and for a single token far into a text."""
    why = "positions are those given, also for one token"
    check_rope(student, name, random(rng, 4, 6), torch.tensor([9, 8, 7, 9]), 50.0, why)
    check_rope(student, name, random(rng, 1, 6), torch.tensor([77]), 50.0, why)


@pytest.mark.problem("rope")
@pytest.mark.parametrize("name", ROPES)
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
def test_rope_with_positions_of_each_sequence(student, rng, name, dtype):
    """Positions of (B, 1, T) give each sequence its own, and all of its heads the same."""
    positions = torch.tensor([[[0, 1, 2, 3]], [[0, 0, 0, 1]]], dtype=dtype)
    why = "positions broadcast to the axes before the last"
    check_rope(student, name, random(rng, 2, 3, 4, 6), positions, 100.0, why)


@pytest.mark.problem("rope")
@pytest.mark.parametrize("name", ROPES)
def test_rope_far_into_a_text(student, rng, name):
    """At positions of thousands the sine is accurate to 1e-3, whatever theta."""
    positions = torch.tensor([4001, 2049, 8191])
    # the spacing of float32 at 8191 is 1/2048
    within = {"rtol": 1e-3, "atol": 4e-3}
    why = "angles of thousands need float32 at least"
    check_rope(student, name, random(rng, 3, 8), positions, 500000.0, why, **within)


@pytest.mark.problem("rope")
@pytest.mark.parametrize("name", ROPES)
@pytest.mark.parametrize("dtype", HALVES)
def test_rope_of_half_precision(student, rng, name, dtype):
    """bfloat16 has no number between 256 and 258, and no 1/6; and nothing stays of its rounding."""
    x, positions = random(rng, 4, 12, dtype=dtype), torch.tensor([1, 257, 1001, 513])
    why = "angles are computed in float32, whatever x is"
    check_rope(student, name, x, positions, 10000.0, why, rtol=HALF[dtype], atol=HALF[dtype])
    positions = torch.tensor([1, 2, 3, 5])
    why = "after a call in half precision one in float32 is as accurate as ever"
    check_rope(student, name, x.float(), positions, 10000.0, why)


@pytest.mark.problem("rope")
@pytest.mark.parametrize("name", ROPES)
def test_rope_of_float64(student, rng, name):
    """float64 stays float64; where an angle is exact in float32, so is the rest."""
    x, positions = random(rng, 3, 2, dtype=torch.float64), torch.tensor([0, 1, 1])
    why = "float64 inputs give float64 results"
    # the sine of an angle of 1 may come from float32
    check_rope(student, name, x, positions, 100.0, why, rtol=1e-6, atol=1e-6)


@pytest.mark.problem("rope")
@given(
    m=st.integers(0, 60),
    n=st.integers(0, 60),
    shift=st.integers(0, 40),
    name=st.sampled_from(sorted(ROPES)),
)
def test_products_depend_on_the_distance(student, m, n, shift, name):
    """<R_(m+s) q, R_(n+s) k> = <R_m q, R_n k>, and R_0 is the identity."""
    rotate = getattr(student, name)
    q, k = torch.tensor([1.0, -2.0, 0.5, 3.0]), torch.tensor([0.3, 1.0, 2.0, -1.0])
    q = rotate(q.expand(3, 4).contiguous(), torch.tensor([m, m + shift, 0]), 200.0)
    k = rotate(k.expand(3, 4).contiguous(), torch.tensor([n, n + shift, 0]), 200.0)
    products = (q.double() * k.double()).sum(-1)
    why = "the product of query and key depends on more than their distance"
    # angles around 100 are rounded to 4e-6
    assert_close(products[0], products[1], why, rtol=1e-4, atol=1e-4)
    at_zero = torch.tensor([1.0, -2.0, 0.5, 3.0])
    assert_close(q[2], at_zero, "position 0 is the first: nothing turns there")


@pytest.mark.problem("rope")
def test_the_layouts_are_one_rotation(student, rng):
    """Features in the other order before and after: rope_half is rope."""
    x, positions = random(rng, 2, 5, 8), torch.tensor([3, 1, 4, 1, 5])
    order = torch.tensor([0, 4, 1, 5, 2, 6, 3, 7])
    mixed = student.rope(x[..., order].contiguous(), positions, 300.0)
    why = "pair i is (2i, 2i+1) in rope, (i, i + D/2) in rope_half; the angles are the same"
    assert_close(mixed, student.rope_half(x, positions, 300.0)[..., order], why, **FLOAT32)
    assert_close(mixed, rope(x[..., order], positions, 300.0), why, **FLOAT32)


@pytest.mark.problem("rope")
@pytest.mark.parametrize("name", ROPES)
@pytest.mark.parametrize("axes", [(-2, -1), (0, 1)])
def test_rope_of_strided_tensors(student, rng, name, axes):
    """The input may lie in memory in any order."""
    x, positions = random(rng, 2, 3, 4), torch.arange(3)
    got = student.run("of_strided", name, axes, x, positions, 100.0)
    assert_close(got, ROPES[name](x, positions, 100.0), STRIDED, **FLOAT32)


@pytest.mark.problem("rope")
@pytest.mark.parametrize("name", ROPES)
def test_gradients_of_rope(student, rng, name):
    """The gradient turns the other way."""
    x, positions, reference = random(rng, 2, 3, 6), torch.tensor([2, 0, 5]), ROPES[name]
    d_out = random(rng, 2, 3, 6)
    check_gradients(
        student, name, {"x": x}, [positions, 100.0], d_out, lambda x: reference(x, positions, 100.0)
    )


@pytest.mark.problem("rope")
@pytest.mark.parametrize("name", ROPES)
@pytest.mark.parametrize("D", [1, 7])
def test_odd_widths_are_refused(student, name, D):
    """Also for a single feature, and for many."""
    with raises(ValueError, "an odd D leaves a feature without partner"):
        getattr(student, name)(torch.zeros(2, 3, D), torch.arange(3), 10.0)


@pytest.mark.problem("rope")
@pytest.mark.parametrize("name", ROPES)
@pytest.mark.parametrize("shape", [(3, 4), (3, 3, 4), (1,), (3, 1, 1), (3, 1)])
def test_rope_positions_broadcast(student, rng, name, shape):
    """From the right, also where there are as many sequences as heads."""
    positions = torch.randint(50, shape, generator=rng)
    why = "positions broadcast to x's axes without the last, from the right"
    check_rope(student, name, random(rng, 3, 3, 4, 6), positions, 100.0, why)


@pytest.mark.problem("rope")
@pytest.mark.parametrize("name", ROPES)
def test_rope_has_no_last_position(student, rng, name):
    """The angle is p theta^(-2i/D) for every p; the slow pairs show large ones well."""
    positions = torch.tensor([8192, 40_000, 131_072])
    within = {"rtol": 1e-3, "atol": 6e-2}  # the spacing of float32 at 131,072 is 1/64
    why = "positions may be any that are not negative"
    check_rope(student, name, random(rng, 3, 8), positions, 1e7, why, **within)


@pytest.mark.problem("rope")
@pytest.mark.parametrize("name", ROPES)
def test_rope_of_half_beyond_2048(student, rng, name):
    """Positions are not rounded to x's dtype: float16 has no 2049."""
    x, positions = random(rng, 3, 8, dtype=torch.float16), torch.tensor([2049, 4099, 70_001])
    why = "angles are computed in float32, whatever x is"
    check_rope(student, name, x, positions, 1e6, why, rtol=4e-3, atol=4e-2)


# --- gqa ----------------------------------------------------------------------------------------


@pytest.mark.problem("gqa")
@pytest.mark.parametrize("leading", [(), (3,), (2, 2)])
@pytest.mark.parametrize(
    "H, H_kv, Tq, Tk", [(4, 2, 4, 4), (8, 2, 1, 6), (3, 1, 5, 2), (2, 2, 2, 2)]
)
def test_gqa_of_any_shape(student, rng, leading, H, H_kv, Tq, Tk):
    """Any leading axes, as many queries as heads, more keys than queries and fewer."""
    q = random(rng, *leading, H, Tq, 4)
    k, v = random(rng, *leading, H_kv, Tk, 4), random(rng, *leading, H_kv, Tk, 5)
    why = "query head h attends with head h // (H / H_kv)"
    assert_close(student.gqa(q, k, v), gqa(q, k, v), why, **FLOAT32)


@pytest.mark.problem("gqa")
@pytest.mark.parametrize(
    "leading, shape",
    [
        *(((4,), (5, 6)), ((4,), (4, 5, 6)), ((4,), (4, 1, 5, 6)), ((4,), (4, 4, 5, 6))),
        *(((4,), (4, 1, 1, 6)), ((), (4, 5, 6)), ((2, 3), (2, 3, 4, 5, 6))),
        *(((2, 3), (2, 1, 1, 5, 6)), ((2, 3), (3, 4, 5, 6))),
    ],
)
def test_gqa_with_masks(student, rng, leading, shape):
    """A mask of all heads, of each head, of each sequence; a query that sees nothing gets 0."""
    q = random(rng, *leading, 4, 5, 8)
    k, v = random(rng, *leading, 2, 6, 8), random(rng, *leading, 2, 6, 3)
    mask = torch.rand(*shape, generator=rng) < 0.5
    mask[..., 0, :] = False
    why = "the mask broadcasts to (..., H, Tq, Tk), H the query heads"
    assert_close(student.gqa(q, k, v, mask), gqa(q, k, v, mask), why, **FLOAT32)


@pytest.mark.problem("gqa")
def test_gqa_is_attention_with_copied_heads(student, rng):
    """Each head of keys and values copied for its group, and H = H_kv: the same result."""
    q, k, v = random(rng, 6, 4, 8), random(rng, 3, 4, 8), random(rng, 3, 4, 8)
    copied = [t[[0, 0, 1, 1, 2, 2]] for t in (k, v)]
    why = "groups are of consecutive heads: 0 0 1 1 2 2"
    want = student.gqa(q, *copied)
    assert_close(want, gqa(q, *copied), why, **FLOAT32)
    assert_close(student.gqa(q, k, v), want, why, **FLOAT32)


@pytest.mark.problem("gqa")
@pytest.mark.parametrize("dtype", WIDE)
def test_gqa_keeps_its_dtype(student, rng, dtype):
    """Half precision and float64 come back as they came."""
    q, k, v = (random(rng, n, 4, 8, dtype=dtype) for n in (4, 2, 2))
    got = student.gqa(q, k, v)
    assert_close(got, gqa(q, k, v), f"gqa in {dtype}", **tolerance(dtype))
    assert_dtype(got, dtype)


@pytest.mark.problem("gqa")
def test_gradients_of_gqa(student, rng):
    """A shared head of keys collects the gradients of all its queries."""
    inputs = {"q": random(rng, 2, 4, 3, 6), "k": random(rng, 2, 2, 5, 6)}
    inputs["v"] = random(rng, 2, 2, 5, 4)
    check_gradients(student, "gqa", inputs, [], random(rng, 2, 4, 3, 4), gqa)


@pytest.mark.problem("gqa")
@pytest.mark.parametrize("axes", [(-2, -1), (-3, -2)])
def test_gqa_of_strided_tensors(student, rng, axes):
    """Heads often lie behind time in memory."""
    q, k, v = random(rng, 2, 4, 3, 6), random(rng, 2, 2, 3, 6), random(rng, 2, 2, 3, 6)
    got = student.run("of_strided", "gqa", axes, q, k, v)
    assert_close(got, gqa(q, k, v), STRIDED, **FLOAT32)


@pytest.mark.problem("gqa")
@pytest.mark.parametrize("H, H_kv", [(3, 2), (2, 4), (4, 3)])
def test_groups_that_do_not_divide(student, H, H_kv):
    """More heads of keys than of queries do not divide either."""
    with raises(ValueError, "H has to be divisible by H_kv"):
        student.gqa(torch.zeros(H, 3, 4), torch.zeros(H_kv, 3, 4), torch.zeros(H_kv, 3, 4))


@pytest.mark.problem("gqa")
@pytest.mark.parametrize("dtype", HALVES)
def test_gqa_with_a_mask_in_half_precision(student, rng, dtype):
    """A mask works in half precision as in float32."""
    q, k, v = (random(rng, n, 5, 8, dtype=dtype) for n in (4, 2, 2))
    mask = torch.ones(5, 5, dtype=torch.bool).tril()
    got = student.gqa(q, k, v, mask)
    assert_close(got, gqa(q, k, v, mask), f"gqa in {dtype}, masked", **tolerance(dtype))
    assert_dtype(got, dtype)


@pytest.mark.problem("gqa")
def test_gqa_of_extreme_scores(student):
    """A masked key has no influence, however low the scores of the others."""
    q, k = torch.full((2, 2, 1), 100.0), torch.tensor([[[-500.0], [-499.0], [200.0]]])
    v = torch.tensor([[[1.0], [2.0], [4.0]]])
    mask = torch.tensor([[True, True, False], [False, True, True]])
    why = "a masked key has no influence, however high its score or low the others'"
    assert_close(student.gqa(q, k, v, mask), gqa(q, k, v, mask), why, **FLOAT32)


@pytest.mark.problem("gqa")
def test_gradients_of_gqa_with_blind_queries(student, rng):
    """A query that sees nothing has a gradient of 0, not NaN."""
    inputs = {"q": random(rng, 2, 4, 3, 6), "k": random(rng, 2, 2, 5, 6)}
    inputs["v"] = random(rng, 2, 2, 5, 4)
    mask = torch.rand(3, 5, generator=rng) < 0.6
    mask[0] = False
    d_out = random(rng, 2, 4, 3, 4)
    check_gradients(student, "gqa", inputs, [mask], d_out, lambda q, k, v: gqa(q, k, v, mask))


@pytest.mark.problem("gqa")
@pytest.mark.parametrize("shape", [(1, 6), (5, 1), (1, 5, 6), (1, 1), (4, 1, 6)])
def test_gqa_masks_broadcast(student, rng, shape):
    """The mask broadcasts to (..., H, Tq, Tk) as tensors do."""
    q, k, v = random(rng, 2, 4, 5, 8), random(rng, 2, 2, 6, 8), random(rng, 2, 2, 6, 3)
    mask = torch.rand(*shape, generator=rng) < 0.7
    assert_close(
        student.gqa(q, k, v, mask),
        gqa(q, k, v, mask),
        "the mask broadcasts to (..., H, Tq, Tk)",
        **FLOAT32,
    )


# --- transformer_block --------------------------------------------------------------------------

BLOCKS = {
    "multi-head": LLAMA | {"num_kv_heads": 4},
    "multi-query": LLAMA | {"num_kv_heads": 1},
    "three groups": LLAMA | {"num_heads": 6, "num_kv_heads": 3, "rope_theta": 10000.0},
    "large eps": LLAMA | {"norm_eps": 0.5},
    "one head": LLAMA | {"num_heads": 1, "num_kv_heads": 1},
    "d_ff equals C": LLAMA | {"d_ff": 24},
}


@pytest.mark.problem("transformer_block")
@pytest.mark.parametrize("case", BLOCKS)
def test_block_of_any_config(student, rng, case):
    """Heads, groups, theta and eps are those of the config."""
    config = BLOCKS[case]
    x, weights = random(rng, 2, 6, 24), block_weights(rng, config)
    check_block(student, x, weights, config, torch.arange(6), f"the config is obeyed: {case}")


@pytest.mark.problem("transformer_block")
@pytest.mark.parametrize("positions", [[3, 3, 0, 9, 1], [5, 6, 7, 8, 9], [0, 0, 0, 0, 0]])
def test_block_at_any_positions(student, rng, positions):
    """Positions turn queries and keys; who sees whom is a matter of order alone."""
    x, weights = random(rng, 2, 5, 24), block_weights(rng, LLAMA)
    why = "rope_half at the given positions, and a causal mask by order"
    check_block(student, x, weights, LLAMA, torch.tensor(positions), why)


@pytest.mark.problem("transformer_block")
def test_block_equals_transformers(student, rng):
    """The layer of transformers' Llama gives the same."""
    config = LLAMA | {"num_heads": 3, "num_kv_heads": 1, "norm_eps": 1e-3}
    x, weights = random(rng, 2, 7, 24), block_weights(rng, config)
    got = student.transformer_block(x, weights, config, torch.arange(7))
    why = "a layer of transformers' Llama"
    assert_close(got, decoder_layer(x, weights, config), why, **DEEP)


@pytest.mark.problem("transformer_block")
def test_block_is_the_same_further_on(student, rng):
    """All positions shifted by 20: the same output."""
    x, weights = random(rng, 1, 5, 24), block_weights(rng, LLAMA)
    here = student.transformer_block(x, weights, LLAMA, torch.arange(5))
    there = student.transformer_block(x, weights, LLAMA, 20 + torch.arange(5))
    why = "queries and keys are turned, values are not: only distances matter"
    assert_close(there, here, why, rtol=1e-4, atol=1e-4)  # angles of 25 are rounded to 2e-6
    assert_close(here, block(x, weights, LLAMA, torch.arange(5)), why, **DEEP)


@pytest.mark.problem("transformer_block")
def test_sequences_of_a_batch_are_apart(student, rng):
    """A sequence gives the same alone and in a batch."""
    x, weights = random(rng, 3, 4, 24), block_weights(rng, LLAMA)
    together = student.transformer_block(x, weights, LLAMA, torch.arange(4))
    for b in range(3):
        alone = student.transformer_block(x[b : b + 1].clone(), weights, LLAMA, torch.arange(4))
        assert_close(together[b], alone[0], "the sequences of a batch mix", **DEEP)


@pytest.mark.problem("transformer_block")
@pytest.mark.parametrize("dtype", WIDE)
def test_block_keeps_its_dtype(student, rng, dtype):
    """Half precision and float64 come back as they came."""
    x = random(rng, 1, 4, 24, dtype=dtype)
    weights = {name: w.to(dtype) for name, w in block_weights(rng, LLAMA).items()}
    got = student.transformer_block(x, weights, LLAMA, torch.arange(4))
    # every product is rounded; float64 angles may be float32
    atol = {torch.float16: 2e-2, torch.bfloat16: 0.15, torch.float64: 1e-5}[dtype]
    want = block(x, weights, LLAMA, torch.arange(4))
    assert_close(got, want, f"a block in {dtype}", rtol=0, atol=atol)
    assert_dtype(got, dtype)


@pytest.mark.problem("transformer_block")
def test_gradients_of_a_block(student, rng):
    """The input and all nine weights receive their gradients."""
    x, weights, d_out = random(rng, 1, 4, 24), block_weights(rng, LLAMA), random(rng, 1, 4, 24)
    at = torch.tensor([2, 0, 1, 5])
    leaves = {name: w.double().requires_grad_() for name, w in weights.items()}
    out = block(x, leaves, LLAMA, at)
    want = torch.autograd.grad(out, list(leaves.values()), d_out.double())
    got = student.run("block_gradients", x, weights, LLAMA, at, d_out)
    assert_gradients(got, dict(zip(leaves, want, strict=True)), rtol=1e-4, atol=1e-4)


def without_each(state: dict, run) -> None:
    """`run` of the state without any one of its weights is a KeyError that names it."""
    for name in state:
        with pytest.raises(KeyError) as error:
            run({n: w for n, w in state.items() if n != name})
        assert name in str(error.value), f"got {error.value}, wanted a KeyError that names {name}"


@pytest.mark.problem("transformer_block")
def test_block_without_a_weight(student, rng):
    """A missing weight is named, whichever it is: no norm, projection or gate is optional."""
    x, at = random(rng, 1, 3, 24), torch.arange(3)
    without_each(block_weights(rng, LLAMA), lambda w: student.transformer_block(x, w, LLAMA, at))


@pytest.mark.problem("transformer_block")
def test_block_masks_low_scores(student, rng):
    """No score of -10,000 stands for a masked one: those of earlier tokens may be lower."""
    x, weights = random(rng, 4, 6, 24), block_weights(rng, LLAMA)
    weights["self_attn.q_proj.weight"] *= 1e5
    before = student.transformer_block(x, weights, LLAMA, torch.arange(6))
    x[:, 4:] += 1
    after = student.transformer_block(x, weights, LLAMA, torch.arange(6))
    why = "a masked key has no influence, however low the scores of the others"
    assert_close(after[:, :4], before[:, :4], why, **DEEP)
    assert after.isfinite().all(), "a softmax without its maximum taken off overflows"


@pytest.mark.problem("transformer_block")
@pytest.mark.parametrize(
    "heads", [{"num_heads": 5, "num_kv_heads": 5}, {"num_heads": 4, "num_kv_heads": 3}]
)
def test_block_of_uneven_heads(student, rng, heads):
    """24 features make no 5 heads, and 4 heads no 3 groups."""
    weights = block_weights(rng, LLAMA)
    if heads["num_kv_heads"] == 3:
        weights |= {f"self_attn.{p}_proj.weight": random_matrix(rng, 18, 24) for p in "kv"}
    else:
        weights |= {f"self_attn.{p}_proj.weight": random_matrix(rng, 24, 24) for p in "kv"}
    with raises(ValueError, "heads that do not divide are an error, and say so"):
        student.transformer_block(random(rng, 1, 3, 24), weights, LLAMA | heads, torch.arange(3))


@pytest.mark.problem("transformer_block")
def test_gradient_of_a_block_in_its_input(student, rng):
    """The gradient flows back to x through attention, MLP and both additions."""
    x, weights, d_out = random(rng, 2, 4, 24), block_weights(rng, LLAMA), random(rng, 2, 4, 24)
    at = torch.tensor([2, 0, 1, 5])
    leaf = x.double().requires_grad_()
    (want,) = torch.autograd.grad(block(leaf, weights, LLAMA, at), leaf, d_out.double())
    got = student.run("block_input_gradient", x, weights, LLAMA, at, d_out)
    assert_gradients({"x": got}, {"x": want}, rtol=1e-4, atol=1e-4)


@pytest.mark.problem("transformer_block")
def test_block_of_a_strided_stream(student, rng):
    """How a tensor lies in memory makes no difference."""
    x, weights = random(rng, 2, 5, 24), block_weights(rng, LLAMA)
    got = student.run("of_strided", "transformer_block", (0, 1), x, weights, LLAMA, torch.arange(5))
    assert_close(got, block(x, weights, LLAMA, torch.arange(5)), STRIDED, **DEEP)


@pytest.mark.problem("transformer_block")
@pytest.mark.parametrize("T", [1, 20])
def test_block_of_any_length(student, rng, T):
    """A block takes one token, and more than the context: only a model limits the length."""
    x, weights = random(rng, 2, T, 24), block_weights(rng, LLAMA)
    check_block(student, x, weights, LLAMA, torch.arange(T), "a block of any length")


@pytest.mark.problem("transformer_block")
def test_block_far_into_a_text_in_bfloat16(student, rng):
    """Positions stay integers, whatever x is, and have no end: bfloat16 has no 5001."""
    x = random(rng, 1, 6, 24, dtype=torch.bfloat16)
    weights = {n: w.bfloat16() for n, w in block_weights(rng, LLAMA).items()}
    at = 5000 + torch.arange(6)
    got = student.transformer_block(x, weights, LLAMA, at)
    want = block(x, weights, LLAMA, at)
    assert_close(got, want, "positions stay integers, whatever x is", rtol=0, atol=0.15)


@pytest.mark.problem("transformer_block")
def test_block_of_a_large_stream_in_float16(student, rng):
    """Norms are computed in float32: the square of 300 is inf in float16."""
    x = 300 * random(rng, 1, 4, 24, dtype=torch.float16)
    weights = {n: w.half() for n, w in block_weights(rng, LLAMA).items()}
    got = student.transformer_block(x, weights, LLAMA, torch.arange(4))
    want = block(x, weights, LLAMA, torch.arange(4))
    assert_close(got, want, "norms are computed in float32", rtol=4e-3, atol=1.0)
    assert (got != x).any(), "norms are computed in float16: what the layers add is 0"


# --- llama_forward ------------------------------------------------------------------------------

LLAMAS = {
    "one layer": LLAMA | {"num_layers": 1},
    "three layers, one group": LLAMA | {"num_layers": 3, "num_kv_heads": 1},
    "multi-head": LLAMA | {"num_kv_heads": 4, "rope_theta": 10000.0},
    "large eps": LLAMA | {"norm_eps": 0.3},
}


@pytest.mark.problem("llama_forward")
@pytest.mark.parametrize("case", LLAMAS)
@pytest.mark.parametrize("T", [1, 7])
def test_llamas_of_any_config(student, rng, case, T):
    """Layers, groups, theta and eps are those of the config; one token is a sequence too."""
    state, ids = llama_state(rng, LLAMAS[case]), random_ids(rng, 29, 3, T)
    got = student.llama_forward(state, LLAMAS[case], ids)
    assert_close(got, llama_logits(state, LLAMAS[case], ids), f"transformers: {case}", **DEEP)


@pytest.mark.problem("llama_forward")
def test_llama_with_a_tied_head(student, rng):
    """Without lm_head.weight the embedding is the head."""
    state, ids = llama_state(rng, LLAMA, tied=True), random_ids(rng, 29, 1, 5)
    got = student.llama_forward(state, LLAMA, ids)
    # logits of an embedding of variance 1 are five times as large
    why = "a state without lm_head.weight is tied"
    assert_close(got, llama_logits(state, LLAMA, ids), why, rtol=1e-5, atol=1e-4)


@pytest.mark.problem("llama_forward")
def test_llama_ignores_what_it_does_not_need(student, rng):
    """Old checkpoints store frequencies, longer ones more layers."""
    state, ids = llama_state(rng, LLAMA | {"num_layers": 3}), random_ids(rng, 29, 1, 5)
    state["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(3)
    got = student.llama_forward(state, LLAMA, ids)
    needed = {n: w for n, w in state.items() if "layers.2." not in n and "inv_freq" not in n}
    assert_close(got, llama_logits(needed, LLAMA, ids), "num_layers layers, no more", **DEEP)


@pytest.mark.problem("llama_forward")
def test_eleven_layers(student, rng):
    """Layer 10 comes after layer 9, not after layer 1."""
    config = LLAMA | {"num_layers": 11, "d_model": 8, "d_ff": 6, "num_kv_heads": 1}
    state, ids = llama_state(rng, config), random_ids(rng, 29, 1, 4)
    got = student.llama_forward(state, config, ids)
    # eleven layers of rounding
    why = "layers are numbered, not sorted as text"
    assert_close(got, llama_logits(state, config, ids), why, rtol=1e-4, atol=1e-4)


@pytest.mark.problem("llama_forward")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_llama_keeps_its_dtype(student, rng, dtype):
    """Logits have the dtype of the weights."""
    state, ids = llama_state(rng, LLAMA), random_ids(rng, 29, 1, 5)
    got = student.llama_forward({n: w.to(dtype) for n, w in state.items()}, LLAMA, ids)
    # transformers has float32 inside; bfloat16 has three digits, which layers and head use up
    atol = 0.4 if dtype is torch.bfloat16 else 2e-5
    assert_close(got, llama_logits(state, LLAMA, ids), f"logits in {dtype}", rtol=0, atol=atol)
    assert_dtype(got, dtype)


@pytest.mark.problem("llama_forward")
@pytest.mark.parametrize("ids", [[[3, 4], [5, 100]], [[-29, 0]], [[28, 28, 28, 29]]])
def test_llama_names_bad_ids(student, rng, ids):
    """Wherever in the batch."""
    state = llama_state(rng, LLAMA)
    with raises(ValueError, "an id outside 0 ... vocab_size - 1 is an error, also a negative one"):
        student.llama_forward(state, LLAMA, torch.tensor(ids))


@pytest.mark.problem("llama_forward")
def test_llama_of_uneven_heads(student, rng):
    """24 features make no 5 heads."""
    config = LLAMA | {"num_heads": 5, "num_kv_heads": 5}
    state = llama_state(rng, LLAMA | {"num_kv_heads": 4})
    with raises(ValueError, "d_model has to be divisible by num_heads"):
        student.llama_forward(state, config, random_ids(rng, 29, 1, 3))


@pytest.mark.problem("llama_forward")
def test_llama_names_what_is_missing(student, rng):
    """By its full name, layer included; without an embedding there is no head either."""
    config, ids = LLAMA | {"num_layers": 1}, torch.zeros(1, 2, dtype=torch.int64)
    state = llama_state(rng, config, tied=True)
    without_each(state, lambda s: student.llama_forward(s, config, ids))
    state["lm_head.weight"] = state.pop("model.embed_tokens.weight")
    with raises(KeyError, "no head stands in for the embedding"):
        student.llama_forward(state, config, ids)


@pytest.mark.problem("llama_forward")
def test_llama_without_a_layer(student, rng):
    """The config says how many layers there are, not the state."""
    state = llama_state(rng, LLAMA)
    state = {n: w for n, w in state.items() if "layers.1." not in n}
    with pytest.raises(KeyError) as error:
        student.llama_forward(state, LLAMA, torch.zeros(1, 2, dtype=torch.int64))
    assert "layers.1." in str(error.value), f"got {error.value}, wanted a weight of layer 1"


@pytest.mark.problem("llama_forward")
def test_gradients_of_a_tied_llama(student, rng):
    """Where the embedding is the head too, both uses add to its gradient."""
    state, ids = llama_state(rng, LLAMA, tied=True), random_ids(rng, 29, 1, 6)
    d_out = random(rng, 1, 6, 29)
    _, got = student.run("with_state_gradients", "llama_forward", state, [LLAMA, ids], d_out)
    want = llama_gradients(state, LLAMA, ids, d_out)
    want["model.embed_tokens.weight"] += want.pop("lm_head.weight")
    assert_gradients(got, want, rtol=1e-4, atol=2e-4)


@pytest.mark.problem("llama_forward")
@pytest.mark.parametrize("size", [1.0, 1e5])
def test_llama_does_not_see_the_future(student, rng, size):
    """Later ids change no earlier logits, however low earlier scores; and batches do not mix."""
    state, ids = llama_state(rng, LLAMA), random_ids(rng, 29, 2, 8)
    state["model.layers.0.self_attn.q_proj.weight"] *= size
    before = student.llama_forward(state, LLAMA, ids)
    ids[0, 5:] = (ids[0, 5:] + 7) % 29
    after = student.llama_forward(state, LLAMA, ids)
    assert_close(after[0, :5], before[0, :5], "a token sees a later one", **DEEP)
    assert_close(after[1], before[1], "a sequence sees another of its batch", **DEEP)
    assert (after[0, 5:] - before[0, 5:]).abs().amax(-1).min() > 0.01, "a token is not seen"


@pytest.mark.problem("llama_forward")
def test_llama_of_float16(student, rng):
    """Logits in float16 are those of float32 up to rounding."""
    state, ids = llama_state(rng, LLAMA), random_ids(rng, 29, 1, 5)
    got = student.llama_forward({n: w.half() for n, w in state.items()}, LLAMA, ids)
    assert_close(got, llama_logits(state, LLAMA, ids), "logits in float16", rtol=0, atol=0.05)
    assert_dtype(got, torch.float16)


@pytest.mark.problem("llama_forward")
def test_llama_of_uneven_groups(student, rng):
    """Heads that cannot be shared evenly are refused: 4 make no 3 groups."""
    config = LLAMA | {"num_kv_heads": 3}
    state = llama_state(rng, config)
    with raises(ValueError, "num_heads has to be divisible by num_kv_heads"):
        student.llama_forward(state, config, random_ids(rng, 29, 1, 3))


@pytest.mark.problem("llama_forward")
def test_llama_ignores_biases(student, rng):
    """Names that are not needed are ignored, even those of biases."""
    state, ids = llama_state(rng, LLAMA), random_ids(rng, 29, 1, 5)
    more = {"lm_head.bias": torch.ones(29), "model.layers.0.self_attn.q_proj.bias": torch.ones(24)}
    got = student.llama_forward(state | more, LLAMA, ids)
    assert_close(got, llama_logits(state, LLAMA, ids), "other names are ignored", **DEEP)


@pytest.mark.problem("llama_forward")
def test_long_llama_in_bfloat16(student, rng):
    """Positions beyond 256 are told apart, though bfloat16 has no 257."""
    config = LLAMA | {"context_length": 600, "num_layers": 1, "rope_theta": 1e4}
    state, ids = llama_state(rng, config), random_ids(rng, 29, 1, 600)
    state["model.layers.0.self_attn.q_proj.weight"] *= 4
    got = student.llama_forward({n: w.bfloat16() for n, w in state.items()}, config, ids)
    want = llama_logits(state, config, ids)
    error = (got.double() - want).square().mean().sqrt().item()
    assert error < 0.06, f"positions stay integers: off by {error:.3f}"


# --- gpt2_forward -------------------------------------------------------------------------------

GPT2S = {
    "one layer": GPT2 | {"num_layers": 1},
    "four heads, three layers": GPT2 | {"num_layers": 3, "num_heads": 4},
    "one head": GPT2 | {"num_heads": 1},
    "large eps": GPT2 | {"norm_eps": 0.3},
}


@pytest.mark.problem("gpt2_forward")
@pytest.mark.parametrize("case", GPT2S)
@pytest.mark.parametrize("T", [1, 7])
def test_gpt2s_of_any_config(student, rng, case, T):
    """Layers, heads and eps are those of the config; one token is a sequence too."""
    checkpoint, ids = random_checkpoint(rng, GPT2S[case]), random_ids(rng, 29, 3, T)
    got = student.gpt2_forward(gpt2_state(checkpoint), GPT2S[case], ids)
    want = gpt2_logits(checkpoint, GPT2S[case], ids)
    # the head is an embedding of variance 1: logits of ten
    assert_close(got, want, f"transformers: {case}", rtol=1e-5, atol=4e-5)


@pytest.mark.problem("gpt2_forward")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_gpt2_keeps_its_dtype(student, rng, dtype):
    """Logits have the dtype of the weights; float64 loses nothing."""
    checkpoint, ids = random_checkpoint(rng, GPT2), random_ids(rng, 29, 1, 5)
    state = {name: w.to(dtype) for name, w in gpt2_state(checkpoint).items()}
    got = student.gpt2_forward(state, GPT2, ids)
    # bfloat16 has three digits, which layers and a head of variance 1 use up
    atol = 1.0 if dtype is torch.bfloat16 else 1e-10
    assert_close(got, gpt2_logits(checkpoint, GPT2, ids), f"logits in {dtype}", rtol=0, atol=atol)
    assert_dtype(got, dtype)


@pytest.mark.problem("gpt2_forward")
@pytest.mark.parametrize("ids", [[[3, 4], [5, 100]], [[-29, 0]], [[28, 28, 28, 29]]])
def test_gpt2_names_bad_ids(student, rng, ids):
    """Wherever in the batch."""
    checkpoint = random_checkpoint(rng, GPT2)
    state = gpt2_state(checkpoint)
    with raises(ValueError, "an id outside 0 ... vocab_size - 1 is an error, also a negative one"):
        student.gpt2_forward(state, GPT2, torch.tensor(ids))


@pytest.mark.problem("gpt2_forward")
def test_gpt2_of_uneven_heads(student, rng):
    """12 features make no 5 heads."""
    state = gpt2_state(random_checkpoint(rng, GPT2))
    with raises(ValueError, "d_model has to be divisible by num_heads"):
        student.gpt2_forward(state, GPT2 | {"num_heads": 5}, random_ids(rng, 29, 1, 3))


@pytest.mark.problem("gpt2_forward")
def test_gpt2_names_what_is_missing(student, rng):
    """Whichever it is: no bias is optional."""
    config, ids = GPT2 | {"num_layers": 1}, torch.zeros(1, 2, dtype=torch.int64)
    state = gpt2_state(random_checkpoint(rng, config))
    without_each(state, lambda s: student.gpt2_forward(s, config, ids))


@pytest.mark.problem("gpt2_forward")
@pytest.mark.parametrize("size", [1.0, 1e5])
def test_gpt2_does_not_see_the_future(student, rng, size):
    """Later ids change no earlier logits, however low earlier scores; and batches do not mix."""
    state, ids = gpt2_state(random_checkpoint(rng, GPT2)), random_ids(rng, 29, 2, 8)
    state["h.0.attn.c_attn.weight"][:12] *= size
    before = student.gpt2_forward(state, GPT2, ids)
    ids[0, 5:] = (ids[0, 5:] + 7) % 29
    after = student.gpt2_forward(state, GPT2, ids)
    assert_close(after[0, :5], before[0, :5], "a token sees a later one", **DEEP)
    assert_close(after[1], before[1], "a sequence sees another of its batch", **DEEP)
    assert (after[0, 5:] - before[0, 5:]).abs().amax(-1).min() > 0.01, "a token is not seen"


@pytest.mark.problem("gpt2_forward")
@pytest.mark.statistical
def test_gpt2_learns_a_language(student, seed):
    """80 steps lead from ln 8 nats near the language's entropy of 0.467; 200 seeds: 0.453 to 0.672.

    Held-out loss has a standard error of 0.0145: below 0.38 once in 10^9 runs. Without a look at
    the last word but one it stays at 2.08.
    """
    first, last = student.run("trained", 80, seed % 1000)
    assert abs(first - math.log(8)) < 0.1, f"fresh weights give {first:.3f} nats, ln 8 is 2.079"
    assert last > 0.38, f"{last:.3f} nats are too good: does a token see the one it predicts?"
    assert last < 1.5, f"{last:.3f} nats after 80 steps: the model hardly learns"


@pytest.mark.problem("gpt2_forward")
def test_gpt2_of_float16(student, rng):
    """Logits in float16 are those of float32 up to rounding."""
    checkpoint, ids = random_checkpoint(rng, GPT2), random_ids(rng, 29, 1, 5)
    state = {name: w.half() for name, w in gpt2_state(checkpoint).items()}
    got = student.gpt2_forward(state, GPT2, ids)
    want = gpt2_logits(checkpoint, GPT2, ids)
    assert_close(got, want, "logits in float16", rtol=0, atol=0.15)
    assert_dtype(got, torch.float16)


@pytest.mark.problem("gpt2_forward")
def test_gpt2_ignores_what_it_does_not_need(student, rng):
    """Names that are not needed are ignored, also those of masks and of a head of its own."""
    checkpoint, ids = random_checkpoint(rng, GPT2), random_ids(rng, 29, 1, 5)
    more = {"h.0.attn.bias": torch.ones(1, 1, 10, 10), "lm_head.weight": torch.ones(29, 12)}
    got = student.gpt2_forward(gpt2_state(checkpoint) | more, GPT2, ids)
    why = "the head is wte.weight, and other names are ignored"
    assert_close(got, gpt2_logits(checkpoint, GPT2, ids), why, **DEEP)


@pytest.mark.problem("gpt2_forward")
def test_gpt2_without_a_layer(student, rng):
    """The config says how many layers there are, not the state."""
    state = gpt2_state(random_checkpoint(rng, GPT2))
    state = {n: w for n, w in state.items() if not n.startswith("h.1.")}
    with pytest.raises(KeyError) as error:
        student.gpt2_forward(state, GPT2, torch.zeros(1, 2, dtype=torch.int64))
    assert "h.1." in str(error.value), f"got {error.value}, wanted a weight of layer 1"


# --- load_gpt2_state_dict -----------------------------------------------------------------------


@pytest.mark.problem("load_gpt2_state_dict")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_load_bare_names(student, rng, dtype):
    """Without the prefix, as the weights were published; the dtype is kept."""
    checkpoint = {
        n.removeprefix("transformer."): w.to(dtype) for n, w in random_checkpoint(rng, GPT2).items()
    }
    got, want = student.load_gpt2_state_dict(checkpoint, GPT2), gpt2_state(checkpoint)
    assert_equal(got, want, "names may come without transformer., and matrices are transposed")
    assert_dtype(got["wte.weight"], dtype)


@pytest.mark.problem("load_gpt2_state_dict")
def test_load_twelve_layers(student, rng):
    """Layer numbers may have two digits."""
    config = GPT2 | {"num_layers": 12, "d_model": 4, "num_heads": 2}
    checkpoint = random_checkpoint(rng, config)
    checkpoint["transformer.h.11.attn.bias"] = torch.ones(1, 1, 10, 10)
    got = student.load_gpt2_state_dict(checkpoint, config)
    want = gpt2_state(checkpoint)
    del want["h.11.attn.bias"]
    assert_equal(sorted(got), sorted(want), "twelve layers of twelve weights, and four more")
    assert_equal(got, want, "every layer's matrices are transposed")


@pytest.mark.problem("load_gpt2_state_dict")
@pytest.mark.parametrize("size", ["num_layers", "d_model", "vocab_size", "context_length"])
def test_load_with_another_config(student, rng, size):
    """A config of fewer layers leaves names over, another width does not fit: both are told."""
    checkpoint = random_checkpoint(rng, GPT2)
    config = GPT2 | {size: {"num_layers": 1, "d_model": 6}.get(size, 8)}
    with pytest.raises(ValueError) as error:
        student.load_gpt2_state_dict(checkpoint, config)
    named = {"vocab_size": ["wte.weight"], "context_length": ["wpe.weight"], "d_model": ["weight"]}
    named["num_layers"] = [n.removeprefix("transformer.") for n in checkpoint if ".h.1." in n]
    for name in named[size]:
        assert name in str(error.value), f"got {error.value}, wanted it to name {name}"


@pytest.mark.problem("load_gpt2_state_dict")
@pytest.mark.parametrize("name", ["h.0.mlp.c_fc.weight", "h.1.attn.c_attn.weight"])
def test_load_what_was_turned_already(student, rng, name):
    """A matrix that lies (out, in) in the checkpoint does not fit."""
    checkpoint = random_checkpoint(rng, GPT2)
    checkpoint[f"transformer.{name}"] = checkpoint[f"transformer.{name}"].T.contiguous()
    with pytest.raises(ValueError) as error:
        student.load_gpt2_state_dict(checkpoint, GPT2)
    assert name in str(error.value), f"got {error.value}, wanted it to name {name}"


@pytest.mark.problem("load_gpt2_state_dict")
@pytest.mark.parametrize("name", ["score.weight", "transformer.h.0.attn.q_norm.weight"])
def test_load_with_a_stranger(student, rng, name):
    """A name that no GPT-2 has is told, not swallowed."""
    checkpoint = random_checkpoint(rng, GPT2) | {name: torch.ones(3)}
    with pytest.raises(ValueError) as error:
        student.load_gpt2_state_dict(checkpoint, GPT2)
    told = name.removeprefix("transformer.")
    assert told in str(error.value), f"got {error.value}, wanted it to name {told}"


@pytest.mark.problem("load_gpt2_state_dict")
@pytest.mark.parametrize("name", ["lm_head.bias", "h.0.crossattention.masked_bias"])
def test_load_with_near_strangers(student, rng, name):
    """Only the buffers that the contract names are left out, not what sounds like them."""
    checkpoint = random_checkpoint(rng, GPT2) | {name: torch.ones(3)}
    with pytest.raises(ValueError) as error:
        student.load_gpt2_state_dict(checkpoint, GPT2)
    assert name in str(error.value), f"got {error.value}, wanted it to name {name}"


@pytest.mark.problem("load_gpt2_state_dict")
@pytest.mark.parametrize(
    "name, shape",
    [
        ("h.1.mlp.c_fc.bias", (12,)),
        ("ln_f.weight", (1, 12)),
        ("wpe.weight", (10, 6)),
        ("h.0.ln_1.bias", (1,)),
        ("h.0.mlp.c_proj.weight", (48, 6)),
    ],
)
def test_load_with_one_bad_shape(student, rng, name, shape):
    """Every shape is checked, also those of biases and norms."""
    checkpoint = random_checkpoint(rng, GPT2) | {f"transformer.{name}": torch.ones(shape)}
    with pytest.raises(ValueError) as error:
        student.load_gpt2_state_dict(checkpoint, GPT2)
    assert name in str(error.value), f"got {error.value}, wanted it to name {name}"


@pytest.mark.problem("load_gpt2_state_dict")
@pytest.mark.parametrize("dtype", [*WIDE])
def test_load_keeps_every_dtype(student, rng, dtype):
    """Weights keep their dtype."""
    checkpoint = {n: w.to(dtype) for n, w in random_checkpoint(rng, GPT2).items()}
    for weight in student.load_gpt2_state_dict(checkpoint, GPT2).values():
        assert_dtype(weight, dtype)


# --- init_weights -------------------------------------------------------------------------------

SIZES = GPT2 | {"d_model": 48, "num_heads": 4, "vocab_size": 100, "context_length": 64}


@pytest.mark.problem("init_weights")
@pytest.mark.parametrize("L", [1, 8])
def test_deep_models_start_with_smaller_steps(student, seed, L):
    """2304 numbers at least: a deviation within 9 % is missed once in 10^9, of means in 10^8."""
    config = SIZES | {"num_layers": L}
    state = student.init_weights(config, seed % 1000)
    assert_equal({n: tuple(w.shape) for n, w in state.items()}, gpt2_names(config), "the state")
    for name in ("wte", "wpe", "h.0.attn.c_attn", "h.0.attn.c_proj", "h.0.mlp.c_proj"):
        weight = state[f"{name}.weight"]
        wanted = 0.02 / math.sqrt(2 * L) if "c_proj" in name else 0.02
        assert_close(weight.std(), wanted, f"{name}: 0.02, or 0.02 / sqrt(2 L)", rtol=0.09)
        assert_close(weight.mean(), 0.0, f"{name}: centred on 0", atol=6 * wanted / 48)


@pytest.mark.problem("init_weights")
def test_fresh_weights_are_normal(student, seed):
    """Of 4800 normal numbers 4.6 % are beyond 2 deviations, 2.9 to 6.3 % but once in 10^7 runs."""
    weight = student.init_weights(SIZES, seed % 1000)["wte.weight"] / 0.02
    beyond = (weight.abs() > 2).float().mean().item()
    assert 0.029 < beyond < 0.063, (
        f"{beyond:.1%} lie beyond 2 deviations: not a normal distribution"
    )
    assert weight.abs().max() > 2.7, "the tails are cut off"


@pytest.mark.problem("init_weights")
def test_a_seed_decides_the_weights(student):
    """The same seed, the same weights; another seed, others; no tensor repeats another."""
    state, alone, apart = student.run("initialised", GPT2, 3)
    assert alone, "torch's global generator was touched"
    assert apart, "weights share memory: a step of training that changes one changes the other"
    again, _, _ = student.run("initialised", GPT2, 3)
    assert_equal(again, state, "the same seed gives the same state")
    other = student.init_weights(GPT2, 4)
    for weight in state.values():
        assert_dtype(weight, torch.float32)
    drawn = [name for name in state if name.endswith("weight") and "ln_" not in name]
    for name in drawn:
        assert not torch.equal(other[name], state[name]), f"{name} is the same for another seed"
    numbers = [s[name].flatten()[:3] for s in (state, other) for name in drawn]
    starts = {tuple((three / three[0]).tolist()) for three in numbers}
    why = "two weights have the same numbers, of one seed or of two: seed once, not per tensor"
    assert len(starts) == 2 * len(drawn), why


@pytest.mark.problem("init_weights")
def test_tails_of_fresh_weights(student, seed):
    """Normal numbers have tails: of 48,000, 22 are expected beyond 3.5 deviations; so of layers."""
    config = SIZES | {"vocab_size": 400, "d_model": 128}
    state = student.init_weights(config, seed % 1000)
    for name in ("wte.weight", "h.0.mlp.c_fc.weight"):
        assert state[name].abs().max() > 3.5 * 0.02, f"{name}: the tails are cut off"


@pytest.mark.problem("init_weights")
def test_seeds_are_seeds(student):
    """0 is a seed like any other, and large seeds differ from small ones."""
    zero, again = (student.init_weights(GPT2, 0)["wte.weight"] for _ in range(2))
    assert_equal(zero, again, "seed 0 is taken for no seed")
    for seed in LARGE_SEEDS:
        other = student.init_weights(GPT2, seed)["wte.weight"]
        assert not torch.equal(other, zero), f"seeds 0 and {seed} give one state"


# --- next_token_loss ----------------------------------------------------------------------------


@pytest.mark.problem("next_token_loss")
@pytest.mark.parametrize("B, T, V", [(1, 2, 2), (4, 2, 9), (2, 9, 3), (3, 3, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loss_of_any_shape(student, rng, B, T, V, dtype):
    """Two tokens make one prediction."""
    logits, ids = 2 * random(rng, B, T, V, dtype=dtype), random_ids(rng, V, B, T)
    want = torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1).double(), ids[:, 1:].flatten()
    )
    got = student.next_token_loss(logits, ids)
    within = FLOAT64 if dtype is torch.float64 else FLOAT32
    assert_close(got, want, "the mean over B (T - 1) predictions", **within)
    assert_dtype(got, dtype)


@pytest.mark.problem("next_token_loss")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_loss_of_large_logits(student, dtype):
    """Logits of 10,000 do not overflow, and a certainty costs nothing."""
    rows = [[1e4, -1e4, 0.0], [-1e4, 0.0, -1e4], [0.0, 0.0, 0.0]]
    logits = torch.tensor([rows], dtype=dtype)
    why = "exp(10,000) is inf: use the logarithm of the softmax, computed as one"
    assert_close(student.next_token_loss(logits, torch.tensor([[2, 0, 1]])), 0.0, why, atol=1e-6)
    got = student.next_token_loss(logits, torch.tensor([[2, 1, 0]]))
    assert_close(got, 15000.0, why, rtol=1e-6 if dtype is torch.float32 else HALF[dtype])


@pytest.mark.problem("next_token_loss")
def test_gradients_of_the_loss(student, rng):
    """(p - onehot) / (B (T - 1)), and 0 at the last token."""
    logits, ids = random(rng, 2, 4, 5), random_ids(rng, 5, 2, 4)

    def reference(z):
        return torch.nn.functional.cross_entropy(z[:, :-1].flatten(0, 1), ids[:, 1:].flatten())

    one = torch.tensor(1.0)
    check_gradients(student, "next_token_loss", {"logits": logits}, [ids], one, reference)


@pytest.mark.problem("next_token_loss")
def test_a_single_token_has_no_loss(student):
    """The mean of no predictions is an error, not NaN."""
    with raises(ValueError, "one token alone predicts nothing"):
        student.next_token_loss(torch.zeros(2, 1, 3), torch.zeros(2, 1, dtype=torch.int64))


@pytest.mark.problem("next_token_loss")
@pytest.mark.parametrize("dtype", HALVES)
def test_loss_of_half_precision(student, rng, dtype):
    """The loss has the dtype of the logits."""
    logits, ids = random(rng, 2, 5, 7, dtype=dtype), random_ids(rng, 7, 2, 5)
    got = student.next_token_loss(logits, ids)
    want = torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1).double(), ids[:, 1:].flatten()
    )
    assert_close(got, want, f"the loss in {dtype}", **tolerance(dtype))
    assert_dtype(got, dtype)


@pytest.mark.problem("next_token_loss")
@pytest.mark.parametrize("axes", [(0, 1), (-2, -1)])
def test_loss_of_strided_logits(student, rng, axes):
    """How a tensor lies in memory makes no difference."""
    logits, ids = random(rng, 3, 5, 7), random_ids(rng, 7, 3, 5)
    got = student.run("of_strided", "next_token_loss", axes, logits, ids)
    want = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    assert_close(got, want, STRIDED, **FLOAT32)


@pytest.mark.problem("next_token_loss")
def test_no_tokens_have_no_loss(student):
    """Sequences of 0 tokens are refused as those of 1."""
    with raises(ValueError, "no tokens predict nothing"):
        student.next_token_loss(torch.zeros(2, 0, 3), torch.zeros(2, 0, dtype=torch.int64))


# --- accounting ---------------------------------------------------------------------------------


@pytest.mark.problem("accounting")
def test_tie_only_what_fits(student):
    """A head of 5 rows cannot be the embedding of 27."""
    with raises(ValueError, "shapes that differ cannot be tied"):
        student.run("tied_to_other_shape")


@pytest.mark.problem("accounting")
def test_tie_what_is_tied(student):
    """Tying twice changes nothing."""
    from kit.given.toys import toy_state

    tied, count = student.run("tied_twice", toy_state("tied"))
    assert tied, "head.weight is not the Parameter of the embedding"
    assert_equal(count, 108, "one Parameter, two names")


@pytest.mark.problem("accounting")
@pytest.mark.parametrize(
    "kind, wanted",
    [
        *(("frozen", 12), ("buffers", 18), ("shared layer", 12)),
        *(("equal values", 24), ("half precision", 12), ("none", 0)),
    ],
)
def test_what_is_a_parameter(student, kind, wanted):
    """Frozen ones are, buffers not; a layer used twice is one, two of equal values are two."""
    got = student.run("counted_special", kind)
    assert_equal(got, wanted, f"{kind}: numbers in distinct Parameters")


@pytest.mark.problem("accounting")
@pytest.mark.parametrize("sizes", [(7, 8, 1), (29, 12, 3), (50, 16, 2)])
def test_flops_of_other_models(student, sizes):
    """Vocabulary, width and depth each count as they should."""
    V, C, L = sizes
    config = GPT2 | {"vocab_size": V, "d_model": C, "num_layers": L, "num_heads": 4}
    why = "6 N + 12 L C T, N all matrices of layers and head, no embeddings, biases, norms"
    assert_equal(student.flops_per_token(config, 6), round(gpt2_flops(config, 6)), why)


@pytest.mark.problem("accounting")
def test_flops_of_gpt2_small(student):
    """N = 12 · 12 · 768² + 50257 · 768 = 123,532,032; at T = 1024, 854,438,400 in all."""
    config = {"vocab_size": 50257, "context_length": 1024, "d_model": 768, "num_layers": 12}
    config |= {"num_heads": 12, "norm_eps": 1e-5}
    got = student.flops_per_token(config, 1024)
    assert_equal(got, 6 * 123_532_032 + 12 * 12 * 768 * 1024, "6 N + 12 L C T")


@pytest.mark.problem("accounting")
@pytest.mark.parametrize("shape", [(27, 8), (16, 27), (5, 16)])
def test_tie_other_widths(student, shape):
    """Shapes that differ in V, in C, or in their order cannot be tied."""
    with raises(ValueError, "shapes that differ cannot be tied"):
        student.run("tied_to_other_width", *shape)


@pytest.mark.problem("accounting")
def test_tie_to_the_embedding(student):
    """The one Parameter is the embedding's: an optimizer that has it keeps it."""
    assert student.run("tied_by_whom"), "the embedding has lost its Parameter"


@pytest.mark.problem("accounting")
def test_shared_memory_counts_twice(student):
    """Parameters are counted, not places in memory."""
    assert_equal(student.run("counted_views"), 24, "two Parameters are two, whatever their memory")


# --- next_token_probabilities -------------------------------------------------------------------


@pytest.mark.problem("next_token_probabilities")
@given(
    logits=st.lists(st.sampled_from([-3.0, -1.0, 0.0, 0.5, 2.0, 4.0]), min_size=1, max_size=9),
    temperature=st.sampled_from([0.0, 0.3, 1.0, 2.5]),
    top_k=st.none() | st.integers(1, 11),
    top_p=st.none() | st.sampled_from([1e-3, 0.21, 0.47, 0.83, 0.99, 1.0]),
)
def test_probabilities_of_any_row(student, logits, temperature, top_k, top_p):
    """Token by token in Python: the same, with ties, with k beyond V, with p at both ends."""
    got = student.next_token_probabilities(torch.tensor(logits), temperature, top_k, top_p)
    why = f"temperature {temperature}, then top_k {top_k}, then top_p {top_p}; lower ids win ties"
    assert_close(got, probabilities(logits, temperature, top_k, top_p), why, rtol=1e-5, atol=1e-7)


@pytest.mark.problem("next_token_probabilities")
@pytest.mark.parametrize(
    "arguments, wanted",
    [
        ((1.0, 2), [0.5, 0.0, 0.5, 0.0, 0.0]),
        ((1.0, 3), [1 / 3, 0.0, 1 / 3, 1 / 3, 0.0]),
        ((1.0, None, 0.3), [0.5, 0.0, 0.5, 0.0, 0.0]),
        ((0.0,), [1.0, 0.0, 0.0, 0.0, 0.0]),
        ((1.0, 1), [1.0, 0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_ties_go_to_lower_ids(student, arguments, wanted):
    """Four equal logits, and exactly as many stay as should."""
    got = student.next_token_probabilities(torch.tensor([2.0, -9.0, 2.0, 2.0, 2.0]), *arguments)
    assert_close(got, wanted, "of equally likely tokens the lower id is the more likely", rtol=1e-5)


@pytest.mark.problem("next_token_probabilities")
@pytest.mark.parametrize("temperature", [1e-6, 0.01, 1.0])
def test_probabilities_of_large_logits(student, temperature):
    """Logits of ±10,000 and -inf make no NaN, at low temperature neither, which is not 0."""
    logits = torch.tensor([[1e4, 1e4, -1e4, -math.inf], [-1e4, -math.inf, -1e4, -math.inf]])
    got = student.next_token_probabilities(logits, temperature, None, None)
    why = "subtract the maximum before exp; -inf has probability 0"
    assert_close(got, [[0.5, 0.5, 0.0, 0.0], [0.5, 0.0, 0.5, 0.0]], why)
    got = student.next_token_probabilities(logits, temperature, 3, 0.9)
    assert_close(got, [[0.5, 0.5, 0.0, 0.0], [0.5, 0.0, 0.5, 0.0]], why)


@pytest.mark.problem("next_token_probabilities")
def test_probabilities_at_the_lowest_temperature(student):
    """1e-6 is a temperature like any other: neither 0 nor bounded below."""
    got = student.next_token_probabilities(torch.tensor([0.0, -1e-6, -2e-6]), 1e-6)
    want = torch.softmax(torch.tensor([0.0, -1.0, -2.0], dtype=torch.float64), -1)
    assert_close(got, want, "softmax(logits / temperature), temperature 1e-6", rtol=1e-5)


@pytest.mark.problem("next_token_probabilities")
@pytest.mark.parametrize("shape", [(2, 12), (2, 3, 12)])
@pytest.mark.parametrize("arguments", [(1.3, 4, None), (0.6, None, 0.8), (1.0, 12, 1.0)])
def test_probabilities_of_rows(student, rng, shape, arguments):
    """Any leading axes, each row cut for itself."""
    check_probabilities(student, 2 * random(rng, *shape), "each row is cut by itself", *arguments)


@pytest.mark.problem("next_token_probabilities")
def test_probabilities_of_float64(student, rng):
    """float64 stays float64."""
    logits = random(rng, 3, 8, dtype=torch.float64)
    check_probabilities(student, logits, "float64", 0.7, 5, 0.9, **FLOAT64)
    assert_dtype(student.next_token_probabilities(logits, 0.7), torch.float64)


@pytest.mark.problem("next_token_probabilities")
@pytest.mark.parametrize(
    "arguments", [(-0.1, 3, 0.5), (1.0, -2), (1.0, None, -0.5), (1.0, 3, 1.01), (0.0, 0)]
)
def test_other_impossible_settings(student, arguments):
    """Also beside settings that make sense."""
    with raises(ValueError, "a setting that makes no sense is an error"):
        student.next_token_probabilities(torch.zeros(2, 5), *arguments)


@pytest.mark.problem("next_token_probabilities")
@pytest.mark.parametrize(
    "V, arguments, kept",
    [
        (4, (1.0, None, 0.5), 2),
        (4, (1.0, None, 0.25), 1),
        (8, (0.5, 4, 0.75), 3),
        (2, (1.0, None, 0.5), 1),
    ],
)
def test_what_sums_to_top_p_is_enough(student, V, arguments, kept):
    """No more tokens stay than it takes to reach top_p; the shares are exact in binary."""
    got = student.next_token_probabilities(torch.zeros(V), *arguments)
    want = [1 / kept] * kept + [0.0] * (V - kept)
    assert_close(got, want, "the fewest whose probabilities sum to top_p or more")


@pytest.mark.problem("next_token_probabilities")
def test_top_p_of_1_keeps_all(student):
    """top_p = 1 keeps all, though float32 rounds the sum of fewer to 1."""
    logits = torch.tensor([20.0, 0.0, -2.0])
    for top_p in (None, 1.0):
        got = student.next_token_probabilities(logits, 1.0, None, top_p)
        want = torch.softmax(logits.double(), -1)
        assert_close(got, want, f"top_p={top_p} keeps all", rtol=1e-5, atol=1e-14)


@pytest.mark.problem("next_token_probabilities")
@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("arguments", [(0.1,), (1.0, 3, 0.9), (0.0,), (0.01, 3)])
def test_probabilities_of_half_precision(student, dtype, arguments):
    """Logits may be 10,000 in half precision, though 10,000 / 0.1 is inf in float16."""
    logits = torch.tensor([1e4, 5000.0, -1e4, -torch.inf], dtype=dtype)
    got = student.next_token_probabilities(logits, *arguments)
    assert_close(got, [1.0, 0.0, 0.0, 0.0], "subtract the maximum first", atol=1e-5)
    assert_dtype(got, dtype)


@pytest.mark.problem("next_token_probabilities")
@pytest.mark.parametrize("top_k, top_p", [(10, None), (None, 0.1), (None, 0.9)])
def test_many_ties_go_to_lower_ids(student, top_k, top_p):
    """Of equally likely tokens the lower id counts as the more likely, also among many."""
    got = student.next_token_probabilities(torch.zeros(2, 1024), 1.0, top_k, top_p)
    kept = (got > 0).sum(-1)
    wanted = top_k or math.ceil(top_p * 1024)
    assert ((kept - wanted).abs() <= (0 if top_k else 1)).all(), (
        f"{kept.tolist()}, not {wanted} stay"
    )
    first = torch.arange(1024) < kept[:, None]
    assert_equal(got > 0, first, "of equally likely tokens the lower id counts as the more likely")


@pytest.mark.problem("next_token_probabilities")
@pytest.mark.parametrize("dtype", [torch.float64, *HALVES])
def test_the_most_likely_token_keeps_the_dtype(student, rng, dtype):
    """Temperature 0 gives the dtype of the logits too."""
    logits = random(rng, 2, 5, dtype=dtype)
    assert_dtype(student.next_token_probabilities(logits, 0.0), dtype)


@pytest.mark.problem("next_token_probabilities")
def test_temperature_0_with_forbidden_tokens(student):
    """At temperature 0 tokens of logit -inf do no harm."""
    logits = torch.tensor([[-torch.inf, -1e4, 1e4], [-torch.inf, -torch.inf, -1e4]])
    got = student.next_token_probabilities(logits, 0.0, 2, 0.9)
    assert_close(got, [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]], "the most likely has probability 1")


@pytest.mark.problem("next_token_probabilities")
@pytest.mark.parametrize("top_k, top_p", [(3, None), (None, 0.94)])
def test_gradients_of_probabilities(student, rng, top_k, top_p):
    """The gradient is that of the softmax over the three that stay, and 0 for what was cut off."""
    logits = torch.tensor([[0.3, 1.2, -0.4, 0.9], [2.0, -1.0, 0.1, 0.7]])
    order = logits.double().argsort(-1, descending=True)[:, :3]

    def reference(z):
        p = torch.softmax(z.gather(-1, order) / 0.7, -1)
        return torch.zeros_like(z).scatter(-1, order, p)

    d_out = random(rng, 2, 4)
    name = "next_token_probabilities"
    check_gradients(student, name, {"logits": logits}, [0.7, top_k, top_p], d_out, reference)


@pytest.mark.problem("next_token_probabilities")
@pytest.mark.parametrize("axes", [(0, 1), (-2, -1)])
def test_probabilities_of_strided_logits(student, rng, axes):
    """How a tensor lies in memory makes no difference."""
    logits = random(rng, 2, 3, 7)
    got = student.run("of_strided", "next_token_probabilities", axes, logits, 1.0, 4, 0.8)
    rows = [probabilities(row, 1.0, 4, 0.8) for row in logits.flatten(0, -2).tolist()]
    assert_close(got.flatten(0, -2), rows, STRIDED, **FLOAT32)


@pytest.mark.problem("next_token_probabilities")
@pytest.mark.parametrize("arguments", [(0.0, None, 2.0), (0.0, None, 0.0), (0.0, -1, 0.5)])
def test_impossible_settings_at_temperature_0(student, arguments):
    """A setting that makes no sense is refused also where it would have no effect."""
    with raises(
        ValueError, "a setting that makes no sense is an error, also where it has no effect"
    ):
        student.next_token_probabilities(torch.zeros(2, 5), *arguments)


# --- generate -----------------------------------------------------------------------------------


@pytest.mark.problem("generate")
@pytest.mark.parametrize("context_length, n", [(1, 4), (3, 6), (50, 6), (6, 0), (4, 1)])
def test_windows_of_any_length(student, context_length, n):
    """A prompt longer than the context, one that never fills it, and nothing to add."""
    prompt = torch.tensor([[5, 1, 2, 9, 3], [0, 0, 7, 7, 2], [6, 5, 4, 3, 1]])
    got = student.run("generated", prompt, 13, context_length, n, 1e-3, 3, 0.9, 1)
    want = [window(row, 13, context_length, n) for row in prompt.tolist()]
    assert_equal(got["ids"], want, "each id from the last logits of the last context_length ids")


@pytest.mark.problem("generate")
@pytest.mark.parametrize("enabled", [True, False])
def test_nothing_else_is_changed(student, enabled):
    """Gradients on or off, modes and the global generator are afterwards what they were."""
    prompt = torch.tensor([[1, 2]])
    got = student.run(
        "generated", prompt, 7, 4, 3, 1.0, None, None, 2, training=True, enabled=enabled
    )
    assert_equal(got["enabled"], enabled, "gradients are on or off as they were")
    assert_equal(got["modes"], [True, True, False], "every module's mode is as it was")
    assert got["global generator alone"], "torch's global generator was used or seeded"
    assert not got["graphs"], "a graph was built: nothing is differentiated here"
    assert not got["in training"], "the model generates in training mode"


@pytest.mark.problem("generate")
@pytest.mark.parametrize(
    "arguments", [(1.0, None, None), (0.5, None, None), (2.0, 3, None), (1.0, None, 0.8)]
)
def test_frequencies_are_the_probabilities(student, rng, arguments):
    """Of 800 draws a token gets its share within 6 deviations and 12: off once in 10^8 runs."""
    table = random(rng, 5, 5)
    prompt = torch.arange(4000)[:, None] % 5
    got = student.run("drawn", table, prompt, 1, 8, *arguments, 11)[:, 1]
    for i in range(5):
        p = torch.tensor(probabilities(table[i].tolist(), *arguments))
        counts = torch.bincount(got[prompt[:, 0] == i], minlength=5)
        why = f"tokens after {i} are not drawn by next_token_probabilities{arguments}"
        off = (counts - 800 * p).abs() - 6 * (800 * p * (1 - p)).sqrt()
        assert off.max() < 12, f"{why}\n  got {counts.tolist()}, wanted {(800 * p).tolist()}"


@pytest.mark.problem("generate")
def test_steps_and_rows_draw_for_themselves(student):
    """With 50 equal tokens, rows and steps agree in 2 % of cases: in 10 % once in 10^12 runs."""
    prompt = torch.zeros(400, 1, dtype=torch.int64)
    got = student.run("drawn", torch.zeros(50, 50), prompt, 3, 8, 1.0, None, None, 0)
    steps = [(got[:, a] == got[:, b]).double().mean().item() for a, b in ((1, 2), (2, 3), (1, 3))]
    assert max(steps) < 0.1, "steps repeat each other's draws: seed once, not for every step"
    rows = (got[:-1, 1:] == got[1:, 1:]).double().mean().item()
    assert rows < 0.1, "rows repeat each other's draws"
    other = student.run("drawn", torch.zeros(50, 50), prompt, 3, 8, 1.0, None, None, 1)
    assert (other[:, 1:] == got[:, 1:]).double().mean() < 0.1, "another seed draws the same"
    for why, earlier, later in (
        ("the draws of a step are those of the next seed", other[:, 1:-1], got[:, 2:]),
        ("the draws of a row are those of the next seed", other[:-1, 1:], got[1:, 1:]),
    ):
        assert (earlier == later).double().mean() < 0.1, f"{why}: do not add to the seed"


@pytest.mark.problem("generate")
@pytest.mark.parametrize("fails, top_k", [(2, None), (0, 0), (0, None)])
def test_an_error_leaves_nothing_behind(student, fails, top_k):
    """Modes and gradients are what they were, also after an error."""
    modes, enabled, trainable = student.run("left_behind", fails, top_k)
    assert modes, "modules' modes, also those deep inside, are as before, also after an error"
    assert enabled, "gradients stay switched off after an error"
    assert trainable, "parameters are frozen afterwards"


@pytest.mark.problem("generate")
def test_0_is_a_seed(student):
    """The same seed gives the same ids, also 0; and large seeds differ from it."""
    prompt = torch.zeros(20, 1, dtype=torch.int64)

    def drawn(seed):  # however low the temperature, equal logits stay equally likely
        return student.run("drawn", torch.zeros(50, 50), prompt, 4, 8, 1e-6, None, None, seed)

    zero = drawn(0)
    assert_equal(drawn(0), zero, "seed 0 is taken for no seed")
    for seed in LARGE_SEEDS:
        assert not torch.equal(drawn(seed), zero), f"seeds 0 and {seed} draw the same"


@pytest.mark.problem("generate")
def test_rows_are_independent(student):
    """Two rows of 2 equal tokens agree half the time: 0.34 to 0.66 but once in 10^9."""
    prompt = torch.zeros(8, 1, dtype=torch.int64)
    got = student.run("drawn", torch.zeros(2, 2), prompt, 400, 8, 1.0, None, None, 0)[:, 1:]
    for i in range(8):
        for j in range(i):
            same = (got[i] == got[j]).double().mean().item()
            assert 0.34 < same < 0.66, f"rows {j} and {i} agree in {same:.0%} of draws, not 50%"
