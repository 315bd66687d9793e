"""Hidden tests of ch04_attention: the same properties at other shapes, seeds, dtypes and limits."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kit.compare import assert_close, assert_equal, raises
from tests.ch04_attention.checks import (
    EXTREMES,
    FLOAT32,
    HALF,
    LOOSE,
    assert_backward,
    assert_dtype,
    assert_gradients,
    attention,
    bottom_right,
    broadcast_mask,
    check_attention,
    check_attention_gradients,
    check_backward,
    check_backward_of_extremes,
    check_causal_mask,
    check_cross_attention,
    check_self_attention,
    check_softmax,
    check_softmax_gradient,
    check_unchanged,
    cross_attention,
    cross_attention_gradients,
    extreme,
    extreme_weights,
    random,
    random_mask,
    random_qkv,
    random_weights,
    self_attention,
    self_attention_gradients,
    sinusoids,
    slopes,
    softmax,
    torch_multihead,
)

HALVES = list(HALF)
SWAPPED = [(-2, -1), (0, 1)]  # axes that lie the other way round in memory
STRIDED = "a strided tensor was misread: it lies in memory in another order than its axes"
PADDING = [[[True, False]], [[False, False]]]  # of two keys, for all queries
HIDES_KEYS = "a mask of one row hides keys from all queries; without any key a query gets 0"

# --- softmax ------------------------------------------------------------------------------------


@pytest.mark.problem("softmax")
@pytest.mark.parametrize(
    "shape, dim", [((7,), 0), ((7,), -1), ((4, 4), 0), ((2, 3, 4, 5), 1), ((2, 3, 4, 5), -3)]
)
def test_softmax_of_any_shape(student, rng, shape, dim):
    """From one axis to four; a square matrix does not hide a swapped axis."""
    check_softmax(student, random(rng, *shape), dim, f"normalise along dim={dim}")


@pytest.mark.problem("softmax")
@pytest.mark.parametrize("dtype", HALVES)
def test_softmax_of_half_precision(student, rng, dtype):
    """float16 and bfloat16 come back as they came, and large logits do not overflow float16."""
    x = random(rng, 4, 9, dtype=dtype) + torch.tensor([[0], [20], [-20], [1000]], dtype=dtype)
    why = "exp(12) overflows float16: subtract the maximum, or compute in float32"
    check_softmax(student, x, -1, why, rtol=0, atol=HALF[dtype] / 2)


@pytest.mark.problem("softmax")
def test_softmax_of_float64(student, rng):
    """float64 stays float64."""
    x = random(rng, 3, 5, dtype=torch.float64)
    check_softmax(student, x, 0, "float64 inputs give float64 results")


@pytest.mark.problem("softmax")
@pytest.mark.parametrize("value", [0.0, 10_000.0, -10_000.0])
@pytest.mark.parametrize("n", [1, 5])
def test_equal_logits_share_equally(student, value, n):
    """n equal logits get 1/n each, however large they are."""
    x = torch.full((2, n), value)
    why = "equal logits get equal shares; exp over- or underflows unless the maximum is subtracted"
    # a log-sum-exp rounds to float32's spacing of 0.001 at 10,000
    assert_close(student.softmax(x, 1), torch.full((2, n), 1 / n), why, rtol=1e-3)


@pytest.mark.problem("softmax")
def test_a_clear_winner_takes_all(student):
    """Where one logit is far above the others, its share is 1: nothing is added to the sum."""
    x = torch.tensor([[0.0, -1e4], [-5e3, 1e4], [-200.0, -50.0]])
    wanted = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    assert_close(student.softmax(x, -1), wanted, "a constant was added to the sum", rtol=2e-7)


@pytest.mark.problem("softmax")
@pytest.mark.parametrize("dim", [0, 1])
def test_slices_of_very_different_size(student, rng, dim):
    """Along either axis, each slice is relative to its own maximum."""
    x = random(rng, 5, 5)
    shift = torch.tensor([0.0, 500.0, -500.0, 1000.0, -2000.0])
    x = x + (shift[None, :] if dim == 0 else shift[:, None])
    why = "a slice far below the largest is 0/0; subtract the maximum of each slice, not of all"
    check_softmax(student, x, dim, why, rtol=2e-4)  # float32's spacing at 2000 is 1.2e-4


@pytest.mark.problem("softmax")
@pytest.mark.parametrize("dim", [0, 2])
def test_minus_infinity_among_others(student, rng, dim):
    """Entries of -inf get exactly 0, along any axis."""
    x = random(rng, 3, 4, 5)
    x.masked_fill_(~random_mask(rng, 4, 3, 5).transpose(0, 1), -math.inf)
    x[0] = x[:, :, 0:1] = 0.5
    got = student.softmax(x, dim)
    assert_close(got, softmax(x, dim), "exp(-inf) is 0, not NaN")
    assert (got[x == -math.inf] == 0).all(), "an entry of -inf gets exactly 0"


@pytest.mark.problem("softmax")
@given(shift=st.floats(-80, 80, width=16), gap=st.floats(0, 20, width=16))
def test_only_differences_matter(student, shift, gap):
    """softmax(x + c) = softmax(x)."""
    x = torch.tensor([shift, shift - gap, shift - 2 * gap])
    wanted = softmax(torch.tensor([0.0, -gap, -2 * gap]), 0)
    # shifted by 80, a logit is rounded to 8e-6
    assert_close(student.softmax(x, 0), wanted, "softmax depends on differences alone", rtol=3e-5)


@pytest.mark.problem("softmax")
@pytest.mark.parametrize("dim", [0, -1])
def test_gradients_of_softmax(student, rng, dim):
    """Gradients along either axis, with -inf and large logits among the inputs."""
    x = random(rng, 4, 4)
    x[1, 2], x[3, 3] = -math.inf, 1e4
    check_softmax_gradient(student, x, dim, random(rng, 4, 4))


@pytest.mark.problem("softmax")
@pytest.mark.parametrize("axes", SWAPPED)
def test_softmax_of_strided_tensors(student, rng, axes):
    """The input may lie in memory in any order."""
    x = random(rng, 2, 3, 4, 5)
    got = student.run("of_strided", "softmax", axes, x, -1)
    assert_close(got, softmax(x, -1), STRIDED)


@pytest.mark.problem("softmax")
def test_softmax_leaves_its_input(student, rng):
    """Subtracting the maximum does not change the caller's tensor."""
    check_unchanged(student, "softmax", random(rng, 3, 4), 1)


# --- causal_mask --------------------------------------------------------------------------------


@pytest.mark.problem("causal_mask")
@pytest.mark.parametrize(
    "Tq, Tk",
    [(2, 7), (7, 2), (4, 5), (5, 4), (6, 6), (1, 1), (4, 1), (150, 140), (1, 1100)],
)
def test_causal_masks_of_any_size(student, Tq, Tk):
    """Aligned to the bottom right for more keys, more queries, and as many, also for hundreds."""
    check_causal_mask(student, Tq, Tk)


@pytest.mark.problem("causal_mask")
@given(Tq=st.integers(1, 9), Tk=st.integers(1, 9))
def test_a_longer_past_is_seen_by_all(student, Tq, Tk):
    """One more key at the beginning is a column of True, and changes nothing else."""
    wanted = torch.cat([torch.ones(Tq, 1, dtype=torch.bool), bottom_right(Tq, Tk)], -1)
    if Tq > Tk:
        wanted[: Tq - Tk - 1, 0] = False
    assert_equal(student.causal_mask(Tq, Tk + 1), wanted, "align the mask to the bottom right")


# --- scaled_dot_product_attention ---------------------------------------------------------------


@pytest.mark.problem("scaled_dot_product_attention")
@pytest.mark.parametrize("D, Dv", [(1, 9), (3, 3), (16, 4), (64, 5), (5, 64)])
def test_attention_of_any_width(student, rng, D, Dv):
    """The scores are divided by sqrt(D), D the width of the keys, not that of the values."""
    q, k, v = random_qkv(rng, 2, D=D, Dv=Dv)
    check_attention(student, q, k, v, None, "divide the scores by sqrt(D) of the keys, once")


@pytest.mark.problem("scaled_dot_product_attention")
@pytest.mark.parametrize("Tq, Tk", [(1, 1), (1, 6), (4, 4), (3, 9), (150, 140)])
def test_attention_of_any_length(student, rng, Tq, Tk):
    """One query or many, as many keys or others; T = D does not hide a swapped axis.

    An axis of a mask that has size 1 cannot be cut into blocks with the queries or keys.
    """
    q, k, v = random_qkv(rng, 4, Tq=Tq, Tk=Tk, D=4, Dv=4)
    check_attention(student, q, k, v, None, "softmax over the keys, not over the queries")
    for shape in [(Tq, Tk), (1, Tk), (Tq, 1)]:
        check_attention(student, q, k, v, broadcast_mask(rng, *shape), "True means may attend")


@pytest.mark.problem("scaled_dot_product_attention")
@pytest.mark.parametrize(
    "shape",
    [(2, 1, 1, 7), (3, 5, 7), (2, 1, 5, 7), (5, 7), (2, 3, 1, 7), (5, 1), (2, 3, 5, 1), (1, 1)],
)
def test_masks_broadcast(student, rng, shape):
    """One mask for all of a batch, for all heads, for all queries, or for all keys."""
    q, k, v = random_qkv(rng, 2, 3)
    mask = broadcast_mask(rng, *shape)
    check_attention(student, q, k, v, mask, "the mask broadcasts to (..., Tq, Tk)")


@pytest.mark.problem("scaled_dot_product_attention")
@pytest.mark.parametrize("mask", PADDING)
def test_padding_of_a_square(student, rng, mask):
    """A mask of keys is no mask of queries, also where there are as many."""
    q, k, v = random_qkv(rng, 3, Tq=2, Tk=2)
    check_attention(student, q, k, v, torch.tensor(mask), HIDES_KEYS)


@pytest.mark.problem("scaled_dot_product_attention")
@pytest.mark.parametrize("Tq, Tk", [(6, 6), (2, 6), (6, 2)])
@pytest.mark.parametrize("leading", [(), (2, 2)])
def test_causal_attention(student, rng, Tq, Tk, leading):
    """Square, with a past, and with queries that see nothing."""
    q, k, v = random_qkv(rng, *leading, Tq=Tq, Tk=Tk)
    why = "each query averages over what the mask lets it see; over nothing that is 0"
    check_attention(student, q, k, v, bottom_right(Tq, Tk), why)


@pytest.mark.problem("scaled_dot_product_attention")
@pytest.mark.parametrize("dtype", HALVES)
def test_attention_of_half_precision(student, rng, dtype):
    """float16 and bfloat16 come back as they came; a mask of -1e9 does not exist in float16."""
    q, k, v = random_qkv(rng, 2, Tq=6, Tk=5, dtype=dtype)
    why = "half precision, masked, with a query that sees nothing"
    check_attention(student, q, k, v, bottom_right(6, 5), why, rtol=0, atol=HALF[dtype])


@pytest.mark.problem("scaled_dot_product_attention")
def test_attention_of_float64(student, rng):
    """float64 stays float64."""
    q, k, v = random_qkv(rng, dtype=torch.float64)
    check_attention(student, q, k, v, random_mask(rng, 5, 7), "float64 gives float64")


@pytest.mark.problem("scaled_dot_product_attention")
def test_masked_keys_have_no_influence(student, rng):
    """Whatever stands at a masked key, the output stays the same."""
    q, k, v = random_qkv(rng, 2)
    mask = random_mask(rng, 5, 7)
    mask[:, 3] = mask[:, 5] = False
    mask[:, 0] = True
    wanted = student.scaled_dot_product_attention(q, k, v, mask)
    k[:, 3], k[:, 5], v[:, 3], v[:, 5] = 1e4, -1e4, 1e4, -1e4
    got = student.scaled_dot_product_attention(q, k, v, mask)
    assert_close(got, wanted, "a masked key still has weight", **FLOAT32)
    check_attention(student, q, k, v, mask, "a masked key still has weight")


@pytest.mark.problem("scaled_dot_product_attention")
def test_low_scores_are_not_masked(student, rng):
    """A key whose score is -10,000 or -4,999 is worth more than any masked one."""
    q, v = torch.tensor([[1.0], [0.4999]]).expand(2, 2, 4), random(rng, 2, 5, 3)
    k = torch.full((2, 5, 4), -5e3)  # scores of -10,000 and -4,999
    k[:, 0], k[:, 2], k[:, 4] = 5e3, 3.5e3, -5e2
    mask = torch.tensor([[False, True, False, True, False]])
    why = "a masked score must be lower than any other: -inf, before the softmax"
    wanted = v[:, 1::2].double().mean(1, keepdim=True).expand(2, 2, 3)
    assert_close(student.scaled_dot_product_attention(q, k, v, mask), wanted, why, **LOOSE)


@pytest.mark.problem("scaled_dot_product_attention")
def test_rows_of_very_different_scores(student, rng):
    """A query with scores around 10,000 does not make another's weights vanish."""
    q = torch.tensor([[1e3, 0.0], [0.0, 1.0], [-1e3, 0.0], [0.0, -1e-3]])
    k, v = torch.cat([torch.full((6, 1), 14.0), random(rng, 6, 1)], -1), random(rng, 6, 3)
    why = (
        "weights of scores within ±10,000 are lost: subtract each query's maximum, not that of all"
    )
    check_attention(student, q, k, v, None, why, **LOOSE)


@pytest.mark.problem("scaled_dot_product_attention")
@pytest.mark.parametrize("leading", [(), (2,)])
def test_nobody_sees_anything(student, rng, leading):
    """A mask of nothing but False gives nothing but 0."""
    q, k, v = random_qkv(rng, *leading)
    got = student.scaled_dot_product_attention(q, k, v, torch.zeros(5, 7, dtype=torch.bool))
    assert_equal(got, torch.zeros(*leading, 5, 6), "without any key the output is 0")


@pytest.mark.problem("scaled_dot_product_attention")
def test_every_mask_has_its_own_empty_rows(student, rng):
    """Whether a query sees nothing is a matter of its own row of its own mask."""
    q, k, v = random_qkv(rng, 2, 3)
    mask = random_mask(rng, 2, 3, 5, 7)
    mask[0, 1, 2] = mask[1, 0, 4] = mask[1, 2] = False
    check_attention(student, q, k, v, mask, "just the queries without any key get 0")


@pytest.mark.problem("scaled_dot_product_attention")
def test_a_single_key_is_taken_as_it_is(student, rng):
    """Who sees one key has weight 1 on it, and gets its value unchanged."""
    q, k, v = random_qkv(rng, 2, Tq=7, Tk=7)
    mask = torch.eye(7, dtype=torch.bool)
    got = student.scaled_dot_product_attention(q, k, v, mask)
    assert_close(got, v, "one key alone has weight 1: nothing is added to the sum", rtol=2e-7)


@pytest.mark.problem("scaled_dot_product_attention")
@pytest.mark.parametrize("axes", SWAPPED)
def test_attention_of_strided_tensors(student, rng, axes):
    """The inputs may lie in memory in any order, the mask among them."""
    q, k, v = random_qkv(rng, 2, 3)
    mask = random_mask(rng, 2, 3, 5, 7)
    got = student.run("of_strided", "scaled_dot_product_attention", axes, q, k, v, mask)
    assert_close(got, attention(q, k, v, mask), STRIDED, **FLOAT32)


@pytest.mark.problem("scaled_dot_product_attention")
@pytest.mark.parametrize("leading", [(), (2, 3)])
def test_gradients_of_masked_attention(student, rng, leading):
    """Gradients in q, k and v agree with autograd through torch's attention."""
    q, k, v = random_qkv(rng, *leading, Tq=6, Tk=4)
    mask = random_mask(rng, 6, 4)
    mask[2] = False
    check_attention_gradients(student, q, k, v, mask, random(rng, *leading, 6, 6))
    check_attention_gradients(student, q, k, v, None, random(rng, *leading, 6, 6))


@pytest.mark.problem("scaled_dot_product_attention")
def test_gradients_beside_a_high_masked_score(student):
    """A masked score that would overflow exp leaves no NaN behind: 0 times inf is no gradient."""
    q, k, v = torch.ones(1, 1), torch.tensor([[200.0], [0.0]]), torch.tensor([[3.0], [5.0]])
    check_attention_gradients(student, q, k, v, torch.tensor([[False, True]]), torch.ones(1, 1))


@pytest.mark.problem("scaled_dot_product_attention")
def test_the_order_of_keys_does_not_matter(student, rng):
    """Keys shuffled together with their values and mask give the same; queries keep their place."""
    q, k, v = random_qkv(rng, 2)
    mask, keys = random_mask(rng, 2, 5, 7), torch.randperm(7, generator=rng)
    wanted = student.scaled_dot_product_attention(q, k, v, mask)
    got = student.scaled_dot_product_attention(q, k[:, keys], v[:, keys], mask[..., keys])
    assert_close(got, wanted, "keys are told apart by their place", **FLOAT32)
    queries = torch.randperm(5, generator=rng)
    got = student.scaled_dot_product_attention(q[:, queries], k, v, mask[:, queries])
    assert_close(got, wanted[:, queries], "queries are told apart by their place", **FLOAT32)


@pytest.mark.problem("scaled_dot_product_attention")
def test_attention_leaves_its_inputs(student, rng):
    """Neither scaling q nor reading the mask changes the caller's tensors."""
    q, k, v = random_qkv(rng, 2, Tq=5, Tk=4)
    check_unchanged(student, "scaled_dot_product_attention", q, k, v, bottom_right(5, 4))


# --- attention_backward -------------------------------------------------------------------------


@pytest.mark.problem("attention_backward")
@pytest.mark.parametrize("D, Dv", [(1, 4), (4, 4), (16, 3), (64, 7)])
def test_backward_of_any_width(student, rng, D, Dv):
    """Both dq and dk carry 1 / sqrt(D); dv does not."""
    q, k, v = random_qkv(rng, 2, Tq=4, Tk=4, D=D, Dv=Dv)
    check_backward(student, q, k, v, random(rng, 2, 4, Dv), None)


@pytest.mark.problem("attention_backward")
@pytest.mark.parametrize("Tq, Tk", [(1, 1), (6, 6), (2, 6), (6, 2), (30, 20)])
@pytest.mark.parametrize("leading", [(), (2, 3)])
def test_backward_of_causal_attention(student, rng, Tq, Tk, leading):
    """Square, with a past, and with queries that see nothing."""
    q, k, v = random_qkv(rng, *leading, Tq=Tq, Tk=Tk)
    check_backward(student, q, k, v, random(rng, *leading, Tq, 6), bottom_right(Tq, Tk))


@pytest.mark.problem("attention_backward")
@pytest.mark.parametrize("shape", [(2, 1, 1, 7), (3, 5, 7), (1, 7), (5, 1), (2, 3, 5, 1), (1, 1)])
def test_backward_with_broadcast_masks(student, rng, shape):
    """One mask serves several sequences, queries or keys."""
    q, k, v = random_qkv(rng, 2, 3)
    mask = broadcast_mask(rng, *shape)
    why = "the mask broadcasts to (..., Tq, Tk)"
    check_backward(student, q, k, v, random(rng, 2, 3, 5, 6), mask, why)


@pytest.mark.problem("attention_backward")
@pytest.mark.parametrize("mask", PADDING)
def test_backward_with_padding_of_a_square(student, rng, mask):
    """A mask of keys is no mask of queries; one that hides all keys stops all gradients."""
    q, k, v = random_qkv(rng, 3, Tq=2, Tk=2)
    check_backward(student, q, k, v, random(rng, 3, 2, 6), torch.tensor(mask), HIDES_KEYS)


@pytest.mark.problem("attention_backward")
@pytest.mark.parametrize("case", EXTREMES)
def test_backward_of_extreme_scores(student, rng, case):
    """The weights are those of the forward pass, with scores of any size and masked ones."""
    check_backward_of_extremes(student, case, random(rng, 3, 1))


@pytest.mark.problem("attention_backward")
@pytest.mark.parametrize("axes", SWAPPED)
def test_backward_of_strided_tensors(student, rng, axes):
    """The inputs may lie in memory in any order, the mask among them."""
    q, k, v = random_qkv(rng, 2, 3)
    inputs = [q, k, v, random(rng, 2, 3, 5, 6), random_mask(rng, 2, 3, 5, 7)]
    got = student.run("of_strided", "attention_backward", axes, *inputs)
    assert_backward(got, *inputs, STRIDED)


@pytest.mark.problem("attention_backward")
@pytest.mark.parametrize("dtype", HALVES)
def test_backward_of_half_precision(student, rng, dtype):
    """float16 and bfloat16 come back as they came."""
    q, k, v = random_qkv(rng, 2, Tq=6, Tk=5, dtype=dtype)
    d_out = random(rng, 2, 6, 6, dtype=dtype)
    # dP - sum(dP P) cancels: errors are those of dP, whose entries reach 8
    tolerance = {"rtol": 0, "atol": 4 * HALF[dtype]}
    check_backward(student, q, k, v, d_out, bottom_right(6, 5), **tolerance)


@pytest.mark.problem("attention_backward")
def test_backward_of_float64(student, rng):
    """float64 stays float64."""
    q, k, v = random_qkv(rng, dtype=torch.float64)
    d_out = random(rng, 5, 6, dtype=torch.float64)
    check_backward(student, q, k, v, d_out, random_mask(rng, 5, 7))


@pytest.mark.problem("attention_backward")
def test_backward_of_large_scores(student, rng):
    """Scores of ±10,000 leave finite gradients: the winner takes all, and passes nothing on."""
    q, k = torch.tensor([[1e2], [-1e2]]), torch.tensor([[1e2], [-1e2], [0.0]])
    v, d_out = random(rng, 3, 2), random(rng, 2, 2)
    check_backward(student, q, k, v, d_out, None)


@pytest.mark.problem("attention_backward")
def test_backward_leaves_its_inputs(student, rng):
    """Gradients are new tensors."""
    q, k, v = random_qkv(rng)
    check_unchanged(
        student, "attention_backward", q, k, v, random(rng, 5, 6), random_mask(rng, 5, 7)
    )


# --- heads --------------------------------------------------------------------------------------


@pytest.mark.problem("heads")
@pytest.mark.parametrize("leading, T, C, H", [((), 1, 6, 6), ((4,), 4, 8, 4), ((1, 2, 3), 3, 6, 1)])
def test_heads_of_any_size(student, rng, leading, T, C, H):
    """One head, as many heads as features, as many heads as tokens."""
    x = random(rng, *leading, T, C)
    split = torch.stack(x.chunk(H, -1), -3)
    why = "head h has the h-th block of consecutive features of every token"
    assert_equal(student.split_heads(x, H), split, why)
    assert_equal(student.merge_heads(split), x, "merge_heads is the inverse of split_heads")


@pytest.mark.problem("heads")
@pytest.mark.parametrize("axes", SWAPPED)
def test_heads_of_strided_tensors(student, rng, axes):
    """The input may lie in memory in any order."""
    x = random(rng, 2, 4, 5, 6)
    got = student.run("of_strided", "split_heads", axes, x, 3)
    assert_equal(got, torch.stack(x.chunk(3, -1), -3), STRIDED)
    got = student.run("of_strided", "merge_heads", axes, x)
    assert_equal(got, torch.cat(x.unbind(1), -1), STRIDED)


@pytest.mark.problem("heads")
@pytest.mark.parametrize("C, H", [(6, 4), (5, 2), (3, 6)])
def test_uneven_heads_are_an_error(student, C, H):
    """Features that cannot be shared evenly are a ValueError, not dropped."""
    with raises(ValueError, "a size that does not fit is an error"):
        student.split_heads(torch.zeros(2, 4, C), H)


@pytest.mark.problem("heads")
@pytest.mark.parametrize("dtype", [*HALVES, torch.float64])
def test_heads_keep_their_dtype(student, rng, dtype):
    """Moving numbers about does not change them."""
    x = random(rng, 3, 4, dtype=dtype)
    split = student.split_heads(x, 2)
    assert_dtype(split, dtype)
    assert_dtype(student.merge_heads(split), dtype)


@pytest.mark.problem("heads")
def test_gradients_flow_through_heads(student, rng):
    """Every number's gradient goes where the number came from."""
    x, d_out = random(rng, 2, 3, 4), random(rng, 2, 2, 3, 2)
    _, gradients = student.run("with_gradients", "split_heads", [x], (2,), d_out)
    assert_gradients(gradients, [torch.cat(list(d_out.transpose(0, 1)), -1)], ["x"])
    _, gradients = student.run("with_gradients", "merge_heads", [d_out], (), x)
    assert_gradients(gradients, [torch.stack(x.chunk(2, -1), -3)], ["x"])


# --- multihead_self_attention -------------------------------------------------------------------


@pytest.mark.problem("multihead_self_attention")
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("H, C", [(1, 5), (3, 12), (8, 16), (16, 16)])
def test_any_number_of_heads(student, rng, H, C, causal):
    """One head, many heads, heads of a single feature."""
    x, weights = random(rng, 3, 6, C), random_weights(rng, C, C, C, C)
    got = student.multihead_self_attention(x, *weights, H, causal)
    why = "H heads of consecutive features, scaled by sqrt(D) of a head, joined, times Woᵀ"
    assert_close(got, torch_multihead(x, *weights, H, causal), why, **FLOAT32)


@pytest.mark.problem("multihead_self_attention")
@pytest.mark.parametrize("C, qk, v, out, H", [(6, 8, 4, 10, 2), (6, 3, 12, 6, 3), (6, 16, 4, 2, 4)])
def test_widths_that_differ(student, rng, C, qk, v, out, H):
    """Keys, values and outputs each have a width of their own."""
    weights = random_weights(rng, C, qk, v, out)
    why = "D = qk_width / H is the keys' and Dv = v_width / H the values' width of a head"
    check_self_attention(student, random(rng, 2, 5, C), weights, H, True, why)


@pytest.mark.problem("multihead_self_attention")
@pytest.mark.parametrize("T", [1, 2, 4, 130])
def test_sequences_of_any_length(student, rng, T):
    """One token, as many tokens as heads, many tokens."""
    x, weights = random(rng, 2, T, 8), random_weights(rng, 8, 8, 8, 8)
    check_self_attention(student, x, weights, 4, True, "nobody sees the future; all see the past")
    check_self_attention(student, x, weights, 4, False, "without a mask everybody sees everybody")


@pytest.mark.problem("multihead_self_attention")
def test_no_length_is_the_longest(student, rng):
    """More tokens than any causal mask that is made once for all: 1024 are GPT-2's."""
    x, weights = random(rng, 1030, 2), random_weights(rng, 2, 2, 2, 2)
    check_self_attention(student, x, weights, 1, True, "nobody sees the future, however late")


@pytest.mark.problem("multihead_self_attention")
@pytest.mark.parametrize("leading", [(), (1,), (4, 2), (2, 1, 3)])
@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_of_batches(student, rng, leading, causal):
    """Sequences of a batch do not see each other, however many axes the batch has."""
    x, weights = random(rng, *leading, 5, 8), random_weights(rng, 8, 8, 8, 8)
    why = "the last two axes are time and features, whatever comes before"
    check_self_attention(student, x, weights, 2, causal, why)


@pytest.mark.problem("multihead_self_attention")
@pytest.mark.parametrize("dtype", HALVES)
def test_self_attention_of_half_precision(student, rng, dtype):
    """float16 and bfloat16 come back as they came."""
    x, weights = random(rng, 2, 6, 8, dtype=dtype), random_weights(rng, 8, 8, 8, 8)
    weights = [weight.to(dtype) for weight in weights]
    # four matrix products, each rounded to half precision
    tolerance = {"rtol": 0, "atol": 2 * HALF[dtype]}
    check_self_attention(student, x, weights, 2, True, "half precision", **tolerance)


@pytest.mark.problem("multihead_self_attention")
def test_self_attention_of_float64(student, rng):
    """float64 stays float64."""
    x = random(rng, 5, 8, dtype=torch.float64)
    weights = [weight.double() for weight in random_weights(rng, 8, 8, 8, 8)]
    check_self_attention(student, x, weights, 2, True, "float64 gives float64")


@pytest.mark.problem("multihead_self_attention")
@pytest.mark.parametrize("case", EXTREMES)
def test_self_attention_of_extreme_scores(student, case):
    """Tokens share their attention rightly, with scores of any size and later ones hidden."""
    x, causal, why = extreme(case)
    check_self_attention(student, x, extreme_weights(), 1, causal, why, **LOOSE)


@pytest.mark.problem("multihead_self_attention")
@pytest.mark.parametrize("qk, v, H", [(8, 8, 3), (6, 8, 4), (8, 6, 4), (4, 8, 8)])
def test_uneven_widths_are_an_error(student, rng, qk, v, H):
    """Widths that the heads cannot share evenly are a ValueError."""
    with raises(ValueError, "a size that does not fit is an error"):
        weights = random_weights(rng, 8, qk, v, 8)
        student.multihead_self_attention(random(rng, 4, 8), *weights, H, True)


@pytest.mark.problem("multihead_self_attention")
@pytest.mark.parametrize("causal", [False, True])
def test_gradients_of_self_attention(student, rng, causal):
    """Gradients in x and all four matrices, of widths that differ."""
    x, weights, d_out = random(rng, 3, 4, 6), random_weights(rng, 6, 8, 4, 5), random(rng, 3, 4, 5)
    name, rest = "multihead_self_attention", (2, causal)
    _, gradients = student.run("with_gradients", name, [x, *weights], rest, d_out)
    wanted = self_attention_gradients(x, *weights, *rest, d_out)
    # gradients of weights sum over all tokens
    assert_gradients(gradients, wanted, ["x", "Wq", "Wk", "Wv", "Wo"], rtol=1e-5, atol=1e-5)


@pytest.mark.problem("multihead_self_attention")
@pytest.mark.parametrize("t", [1, 3, 5])
def test_changes_spread_forwards_only(student, rng, t):
    """A change of token t reaches the outputs from t on, and none before."""
    x, weights = random(rng, 6, 8), random_weights(rng, 8, 8, 8, 8)
    before = student.multihead_self_attention(x, *weights, 2, True)
    x[t] = 10 * random(rng, 8)
    after = student.multihead_self_attention(x, *weights, 2, True)
    assert_close(after[:t], before[:t], "the past looks into the future", **FLOAT32)
    changed = ((after - before).abs().amax(-1) > 1e-4).tolist()
    why = "a token changes its own output and, by its key and value, all later ones"
    assert_equal(changed, [False] * t + [True] * (6 - t), why)


@pytest.mark.problem("multihead_self_attention")
@pytest.mark.parametrize("axes", SWAPPED)
def test_self_attention_of_strided_tensors(student, rng, axes):
    """The input and the weights may lie in memory in any order."""
    x, weights = random(rng, 2, 3, 5, 8), random_weights(rng, 8, 8, 8, 8)
    got = student.run("of_strided", "multihead_self_attention", axes, x, *weights, 2, True)
    assert_close(got, self_attention(x, *weights, 2, True), STRIDED, **FLOAT32)


@pytest.mark.problem("multihead_self_attention")
def test_self_attention_leaves_its_inputs(student, rng):
    """Inputs and weights stay as they were."""
    weights = random_weights(rng, 8, 8, 8, 8)
    check_unchanged(student, "multihead_self_attention", random(rng, 5, 8), *weights, 2, True)


# --- cross_attention ----------------------------------------------------------------------------


@pytest.mark.problem("cross_attention")
@pytest.mark.parametrize("Tq, Tk, H", [(1, 5, 1), (5, 1, 2), (4, 4, 4), (3, 9, 8)])
def test_cross_attention_of_any_size(student, rng, Tq, Tk, H):
    """Any lengths, any number of heads, and widths that all differ."""
    x, context = random(rng, 3, Tq, 5), random(rng, 3, Tk, 7)
    weights = random_weights(rng, 5, 2 * H, 3 * H, 4, E=7)
    why = "q = x Wqᵀ; k = context Wkᵀ; v = context Wvᵀ; H heads; times Woᵀ"
    check_cross_attention(student, x, context, weights, H, None, why)


@pytest.mark.problem("cross_attention")
@pytest.mark.parametrize("T", [1, 5])
def test_a_context_of_the_same_shape(student, rng, T):
    """x and context are two sequences, also where their shapes agree."""
    x, context = random(rng, 2, T, 6), random(rng, 2, T, 6)
    weights = random_weights(rng, 6, 6, 6, 6)
    why = "q = x Wqᵀ; k = context Wkᵀ; v = context Wvᵀ, whatever the shapes"
    check_cross_attention(student, x, context, weights, 2, None, why)
    mask = bottom_right(T, T)
    check_cross_attention(student, x, context, weights, 2, mask, why)


@pytest.mark.problem("cross_attention")
@pytest.mark.parametrize(
    "shape",
    [(4, 6), (3, 4, 6), (3, 1, 6), (2, 3, 4, 6), (2, 1, 4, 6), (4, 1), (2, 3, 4, 1), (1, 1)],
)
def test_masks_of_cross_attention_broadcast(student, rng, shape):
    """A mask for all, one per sequence, one per padded sequence; as many heads as sequences."""
    x, context = random(rng, 2, 3, 4, 6), random(rng, 2, 3, 6, 6)
    weights = random_weights(rng, 6, 6, 6, 6)
    why = "the mask is (..., Tq, Tk): give it an axis for heads before Tq"
    check_cross_attention(student, x, context, weights, 3, broadcast_mask(rng, *shape), why)


@pytest.mark.problem("cross_attention")
@pytest.mark.parametrize("mask", PADDING)
def test_cross_attention_with_padding_of_a_square(student, rng, mask):
    """A mask of keys is no mask of queries; one that hides all of the context leaves 0."""
    x, context, weights = (
        random(rng, 3, 2, 6),
        random(rng, 3, 2, 6),
        random_weights(rng, 6, 6, 6, 6),
    )
    check_cross_attention(student, x, context, weights, 2, torch.tensor(mask), HIDES_KEYS)


@pytest.mark.problem("cross_attention")
@pytest.mark.parametrize("case", EXTREMES)
def test_cross_attention_of_extreme_scores(student, case):
    """The context is shared out rightly, with scores of any size and masked ones."""
    x, causal, why = extreme(case)
    mask = bottom_right(3, 3) if causal else None
    check_cross_attention(student, x, x, extreme_weights(), 1, mask, why, **LOOSE)


@pytest.mark.problem("cross_attention")
@pytest.mark.parametrize("axes", SWAPPED)
def test_cross_attention_of_strided_tensors(student, rng, axes):
    """Both sequences, the weights and the mask may lie in memory in any order."""
    x, context = random(rng, 2, 3, 4, 6), random(rng, 2, 3, 5, 6)
    rest = [*random_weights(rng, 6, 6, 6, 6), 2, random_mask(rng, 2, 3, 4, 5)]
    got = student.run("of_strided", "cross_attention", axes, x, context, *rest)
    assert_close(got, cross_attention(x, context, *rest), STRIDED, **FLOAT32)


@pytest.mark.problem("cross_attention")
def test_cross_attention_to_nothing(student, rng):
    """An empty context, fully masked, gives 0."""
    x, context = random(rng, 2, 4, 6), random(rng, 2, 3, 6)
    mask = torch.tensor([[[True, True, False]], [[False, False, False]]])
    weights = random_weights(rng, 6, 6, 6, 6)
    why = "a query that may attend to nothing gets 0"
    check_cross_attention(student, x, context, weights, 2, mask, why)


@pytest.mark.problem("cross_attention")
@pytest.mark.parametrize("dtype", HALVES)
def test_cross_attention_of_half_precision(student, rng, dtype):
    """float16 and bfloat16 come back as they came."""
    x, context = random(rng, 2, 4, 6, dtype=dtype), random(rng, 2, 3, 6, dtype=dtype)
    weights = [weight.to(dtype) for weight in random_weights(rng, 6, 6, 6, 6)]
    # four matrix products, each rounded to half precision
    tolerance = {"rtol": 0, "atol": 2 * HALF[dtype]}
    mask = bottom_right(4, 3)
    check_cross_attention(student, x, context, weights, 2, mask, "half precision", **tolerance)


@pytest.mark.problem("cross_attention")
def test_cross_attention_of_float64(student, rng):
    """float64 stays float64."""
    x, context = (random(rng, T, 6, dtype=torch.float64) for T in (4, 3))
    weights = [weight.double() for weight in random_weights(rng, 6, 6, 6, 6)]
    check_cross_attention(student, x, context, weights, 2, None, "float64 gives float64")


@pytest.mark.problem("cross_attention")
def test_gradients_of_cross_attention(student, rng):
    """Gradients in everything, masked, with a query that sees nothing."""
    x, context, d_out = random(rng, 3, 4, 5), random(rng, 3, 6, 7), random(rng, 3, 4, 3)
    inputs = [x, context, *random_weights(rng, 5, 8, 4, 3, E=7)]
    mask = random_mask(rng, 3, 4, 6)
    mask[1, 2] = False
    _, gradients = student.run("with_gradients", "cross_attention", inputs, (2, mask), d_out)
    wanted = cross_attention_gradients(*inputs, 2, mask, d_out)
    names = ["x", "the context", "Wq", "Wk", "Wv", "Wo"]
    assert_gradients(gradients, wanted, names, rtol=1e-5, atol=1e-5)


@pytest.mark.problem("cross_attention")
def test_the_order_of_the_context_does_not_matter(student, rng):
    """A shuffled context answers the same."""
    x, context = random(rng, 4, 6), random(rng, 8, 6)
    weights, order = random_weights(rng, 6, 6, 6, 6), torch.randperm(8, generator=rng)
    straight = student.cross_attention(x, context, *weights, 2)
    shuffled = student.cross_attention(x, context[order], *weights, 2)
    assert_close(shuffled, straight, "no mask was given, so no key is told by its place", **FLOAT32)


@pytest.mark.problem("cross_attention")
@pytest.mark.parametrize("qk, v, H", [(6, 6, 4), (4, 6, 4), (6, 4, 3), (6, 8, 4)])
def test_uneven_cross_heads_are_an_error(student, rng, qk, v, H):
    """Widths that the heads cannot share evenly are a ValueError."""
    with raises(ValueError, "a size that does not fit is an error"):
        weights = random_weights(rng, 6, qk, v, 6)
        student.cross_attention(random(rng, 4, 6), random(rng, 4, 6), *weights, H)


@pytest.mark.problem("cross_attention")
def test_cross_attention_leaves_its_inputs(student, rng):
    """Inputs, weights and mask stay as they were."""
    weights, mask = random_weights(rng, 6, 6, 6, 6), random_mask(rng, 4, 5)
    check_unchanged(
        student, "cross_attention", random(rng, 4, 6), random(rng, 5, 6), *weights, 2, mask
    )


# --- sinusoidal_positions -----------------------------------------------------------------------


@pytest.mark.problem("sinusoidal_positions")
@pytest.mark.parametrize("T, C", [(1, 2), (1, 8), (30, 2), (16, 16), (50, 128), (3, 512)])
def test_positions_of_any_size(student, T, C):
    """From one pair to 256, from one position to 50."""
    got = student.sinusoidal_positions(T, C)
    why = "sin and cos of p / 10000^(2i/C), alternating, from p = 0"
    assert_close(got, sinusoids(T, C), why, rtol=1e-5, atol=4e-5)  # angles of up to 50 radians
    assert_dtype(got, torch.float32)


@pytest.mark.problem("sinusoidal_positions")
@pytest.mark.parametrize("T, C", [(3000, 8), (5001, 2)])
def test_late_positions(student, T, C):
    """The clock goes on ticking beyond thousands of tokens."""
    got = student.sinusoidal_positions(T, C)
    # in float32, an angle of thousands of radians is known to 0.001
    assert_close(got, sinusoids(T, C), "positions go on as they began", rtol=0, atol=3e-3)


@pytest.mark.problem("sinusoidal_positions")
@pytest.mark.parametrize("C", [1, 5])
def test_odd_widths_are_an_error(student, C):
    """A sine without its cosine is a ValueError."""
    with raises(ValueError, "a size that does not fit is an error"):
        student.sinusoidal_positions(4, C)


@pytest.mark.problem("sinusoidal_positions")
@pytest.mark.parametrize("k", [1, 7])
def test_a_step_is_a_rotation(student, k):
    """The product of two positions depends on their distance alone."""
    positions = student.sinusoidal_positions(40, 16).double()
    products = positions @ positions.T
    wanted = sum(math.cos(k / 10000 ** (2 * i / 16)) for i in range(8))
    why = "<PE[p], PE[p + k]> = sum_i cos(k / 10000^(2i/C)) for every p"
    assert_close(products.diagonal(k), torch.full((40 - k,), wanted), why, rtol=0, atol=1e-4)


# --- alibi --------------------------------------------------------------------------------------


@pytest.mark.problem("alibi")
@pytest.mark.parametrize("H", [1, 5, 7, 8, 11, 16, 20])
def test_slopes_of_any_number_of_heads(student, H):
    """As the authors' code has them, and in its order."""
    got = student.alibi_slopes(H)
    why = "slopes of n heads, n the power of two below, then the 1st, 3rd, 5th ... of 2n heads"
    assert_close(got, slopes(H), why)
    assert_dtype(got, torch.float32)


@pytest.mark.problem("alibi")
@pytest.mark.parametrize(
    "H, Tq, Tk", [(1, 1, 1), (4, 5, 5), (3, 2, 6), (8, 6, 2), (2, 1, 9), (4, 20, 20)]
)
def test_bias_of_any_size(student, H, Tq, Tk):
    """-m_h times the distance of the positions, for more keys, more queries, and as many."""
    rows = [[abs(i + Tk - Tq - j) for j in range(Tk)] for i in range(Tq)]
    wanted = torch.stack([-m * torch.tensor(rows, dtype=torch.float64) for m in slopes(H)])
    got = student.alibi_bias(H, Tq, Tk)
    assert_close(got, wanted, "-m_h |i + Tk - Tq - j|: aligned to the bottom right")
    assert_dtype(got, torch.float32)
