"""Public tests of ch04_attention, problem by problem in the order of the handout."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kit.compare import assert_close, assert_equal
from tests.ch04_attention.checks import (
    FLOAT32,
    assert_dtype,
    assert_gradients,
    bottom_right,
    check_attention,
    check_attention_gradients,
    check_backward,
    check_causal_mask,
    check_cross_attention,
    check_self_attention,
    check_softmax,
    check_softmax_gradient,
    cross_attention_gradients,
    random,
    random_mask,
    random_qkv,
    random_weights,
    self_attention_gradients,
    sinusoids,
    slopes,
    softmax,
    torch_multihead,
)

# The handout's example: one query, three keys whose scores are ln 1, ln 2, ln 3 (sqrt(D) is 2).
Q = torch.tensor([[2.0, 0.0, 0.0, 0.0]])
K = torch.tensor([[math.log(j), 0.0, 0.0, 0.0] for j in (1, 2, 3)])
V = torch.tensor([[6.0], [12.0], [18.0]])

# --- softmax ------------------------------------------------------------------------------------


@pytest.mark.problem("softmax")
def test_softmax_of_the_worked_example(student):
    """The scores 0, ln 2, ln 3 get 1, 2 and 3 sixths."""
    got = student.softmax(torch.tensor([0.0, math.log(2), math.log(3)]), 0)
    assert_close(got, [1 / 6, 2 / 6, 3 / 6], "exp(x_i) / sum_j exp(x_j)")


@pytest.mark.problem("softmax")
@pytest.mark.parametrize("dim", [0, 1, 2, -1, -2])
def test_softmax_along_any_axis(student, rng, dim):
    """The slices along `dim` sum to 1, whichever axis that is."""
    why = f"normalise along dim={dim}, not along a fixed axis or all of them"
    check_softmax(student, random(rng, 3, 4, 5), dim, why)


@pytest.mark.problem("softmax")
def test_softmax_of_large_logits(student):
    """exp(10,000) is inf and exp(-10,000) is 0, yet their shares are well defined."""
    x = torch.tensor([[1e4, -1e4, 1e4], [-1e4, -1e4, -2e4], [1e4, 0.0, -1e4]])
    wanted = [[0.5, 0.0, 0.5], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]
    # float32's spacing at 10,000 is 0.001, which a log-sum-exp rounds to
    why = "large logits overflow, or underflow to 0/0; subtract each slice's maximum first"
    assert_close(student.softmax(x, -1), wanted, why, rtol=1e-3)


@pytest.mark.problem("softmax")
def test_every_slice_has_its_own_maximum(student, rng):
    """Slices of very different size do not disturb each other."""
    x = random(rng, 4, 6) + torch.tensor([[0.0], [300.0], [-300.0], [1000.0]])
    why = "a slice far below the largest is 0/0; subtract the maximum of each slice, not of all"
    check_softmax(student, x, -1, why, rtol=1e-4)  # float32's spacing at 1000 is 6e-5


@pytest.mark.problem("softmax")
def test_minus_infinity_gets_nothing(student):
    """An entry of -inf has share 0, and the others share as if it were not there."""
    x = torch.tensor([[0.0, -math.inf, math.log(3)], [-math.inf, 5.0, -math.inf]])
    wanted = [[0.25, 0.0, 0.75], [0.0, 1.0, 0.0]]
    assert_close(student.softmax(x, 1), wanted, "exp(-inf) is 0, not NaN", atol=0)


@pytest.mark.problem("softmax")
@given(row=st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=6))
def test_softmax_of_any_row(student, row):
    """Shares are positive, sum to 1, and their ratios are the exponentials of differences."""
    x = torch.tensor(row)
    got = student.softmax(x, 0)
    # differences of up to 100 carry a rounding error of up to 8e-6, which exp makes a relative one
    assert_close(got, softmax(x, 0), "exp(x_i) / sum_j exp(x_j)", rtol=3e-5)
    assert_close(got.double().sum(), 1.0, "the shares do not sum to 1", rtol=3e-5)


@pytest.mark.problem("softmax")
def test_gradients_flow_through_softmax(student, rng):
    """The output knows where it came from: gradients reach x."""
    check_softmax_gradient(student, random(rng, 3, 5), 1, random(rng, 3, 5))


# --- causal_mask --------------------------------------------------------------------------------


@pytest.mark.problem("causal_mask")
def test_causal_mask_of_the_worked_example(student):
    """The last two of four tokens see the first three, and all four."""
    wanted = [[True, True, True, False], [True, True, True, True]]
    why = "the last query is at the position of the last key: align to the bottom right"
    assert_equal(student.causal_mask(2, 4), wanted, why)


@pytest.mark.problem("causal_mask")
@pytest.mark.parametrize("T", [1, 2, 5])
def test_square_causal_masks(student, T):
    """Every token sees itself and what came before."""
    check_causal_mask(student, T, T)


@pytest.mark.problem("causal_mask")
@pytest.mark.parametrize("Tq, Tk", [(1, 6), (3, 5), (5, 3)])
def test_rectangular_causal_masks(student, Tq, Tk):
    """Whatever the sizes, the last query sees the last key."""
    check_causal_mask(student, Tq, Tk)


# --- scaled_dot_product_attention ---------------------------------------------------------------


@pytest.mark.problem("scaled_dot_product_attention")
def test_attention_of_the_worked_example(student):
    """Weights of 1, 2 and 3 sixths average 6, 12 and 18 to 14."""
    got = student.scaled_dot_product_attention(Q, K, V)
    assert_close(got, [[14.0]], "softmax(q kᵀ / sqrt(D)) v")


@pytest.mark.problem("scaled_dot_product_attention")
def test_a_mask_of_the_worked_example(student):
    """Without the third key, 1 and 2 thirds average 6 and 12 to 10: the weights still sum to 1."""
    mask = torch.tensor([[True, True, False]])
    got = student.scaled_dot_product_attention(Q, K, V, mask)
    assert_close(got, [[10.0]], "True means may attend; mask the scores, not the weights")


@pytest.mark.problem("scaled_dot_product_attention")
@pytest.mark.parametrize("leading", [(), (3,), (2, 3), (2, 1, 3)])
def test_attention_agrees_with_torch(student, rng, leading):
    """Any number of leading axes, and values of another width than keys."""
    q, k, v = random_qkv(rng, *leading)
    check_attention(student, q, k, v, None, "softmax(q kᵀ / sqrt(D)) v over the keys")


@pytest.mark.problem("scaled_dot_product_attention")
@pytest.mark.parametrize("leading", [(), (2, 3)])
def test_masked_attention_agrees_with_torch(student, rng, leading):
    """Each query averages over the keys it may attend to."""
    q, k, v = random_qkv(rng, *leading)
    mask = random_mask(rng, *leading, 5, 7)
    why = "True means may attend; masked keys get no weight, and the others' sum to 1"
    check_attention(student, q, k, v, mask, why)


@pytest.mark.problem("scaled_dot_product_attention")
def test_who_sees_nothing_gets_zero(student, rng):
    """A query that may attend to nothing gets 0: not NaN, and not the mean of all values."""
    q, k, v = random_qkv(rng, 2, Tq=5, Tk=3)
    why = "a query without any key gets 0, and the others are as ever"
    check_attention(student, q, k, v, bottom_right(5, 3), why)


@pytest.mark.problem("scaled_dot_product_attention")
def test_attention_of_large_scores(student, rng):
    """A key that is masked has no influence, even if its score is 10,000 above all others."""
    k, v = torch.tensor([[1e4], [-28.0], [-9999.0], [-10063.0]]), random(rng, 4, 2)
    mask = torch.ones(4, 4, dtype=torch.bool).triu()
    got = student.scaled_dot_product_attention(torch.ones(4, 1), k, v, mask)
    why = "only keys where the mask is True count, however large the score of another is"
    assert_close(got, v, why)  # for query i, key i is the best of all that are left


@pytest.mark.problem("scaled_dot_product_attention")
def test_gradients_flow_through_attention(student, rng):
    """Gradients reach q, k and v, also past a query that sees nothing."""
    q, k, v = random_qkv(rng, 2, Tq=4, Tk=3)
    check_attention_gradients(student, q, k, v, bottom_right(4, 3), random(rng, 2, 4, 6))


@pytest.mark.problem("scaled_dot_product_attention")
def test_the_future_does_not_matter(student, rng):
    """Under a causal mask, new keys and values at the end leave the earlier outputs as they were."""
    q, k, v = random_qkv(rng, Tq=7, Tk=7)
    before = student.scaled_dot_product_attention(q, k, v, bottom_right(7, 7))
    k[4:], v[4:] = 10 * random(rng, 3, 8), 10 * random(rng, 3, 6)
    after = student.scaled_dot_product_attention(q, k, v, bottom_right(7, 7))
    assert_close(after[:4], before[:4], "the past looks into the future", **FLOAT32)
    assert not torch.allclose(after[4:], before[4:]), "the last tokens do not see themselves"


# --- attention_backward -------------------------------------------------------------------------


@pytest.mark.problem("attention_backward")
def test_backward_of_the_worked_example(student):
    """The gradients are those of the handout."""
    dq, dk, dv = student.attention_backward(Q, K, V, torch.ones(1, 1))
    why = "dV = Pᵀ dO"
    assert_close(dv, [[1 / 6], [2 / 6], [3 / 6]], why)
    why = "dS = P (dP - sum(dP P)), then through the scores and 1 / sqrt(D) to k"
    assert_close(dk[:, 0], [-4 / 3, -2 / 3, 2.0], why, **FLOAT32)
    why = "dS = P (dP - sum(dP P)), then through the scores and 1 / sqrt(D) to q"
    assert_close(dq[0, 0], math.log(3) - math.log(2) / 3, why, **FLOAT32)


@pytest.mark.problem("attention_backward")
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_backward_agrees_with_autograd(student, rng, leading):
    """Any number of leading axes, without a mask."""
    q, k, v = random_qkv(rng, *leading)
    check_backward(student, q, k, v, random(rng, *leading, 5, 6), None)


@pytest.mark.problem("attention_backward")
def test_backward_of_masked_attention(student, rng):
    """A masked pair sends no gradient."""
    q, k, v = random_qkv(rng, 2)
    check_backward(student, q, k, v, random(rng, 2, 5, 6), random_mask(rng, 2, 5, 7))


@pytest.mark.problem("attention_backward")
def test_backward_of_who_sees_nothing(student, rng):
    """A query without any key has gradient 0, and puts no NaN into those of keys and values."""
    q, k, v = random_qkv(rng, 2, Tq=5, Tk=3)
    check_backward(student, q, k, v, random(rng, 2, 5, 6), bottom_right(5, 3))


# --- heads --------------------------------------------------------------------------------------


@pytest.mark.problem("heads")
def test_heads_of_the_worked_example(student):
    """Two tokens of four features become two heads of two tokens of two features."""
    x = torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]])
    wanted = [[[1, 2], [5, 6]], [[3, 4], [7, 8]]]
    why = "head h has the h-th block of consecutive features of every token"
    assert_equal(student.split_heads(x, 2), wanted, why)
    why = "merge_heads is the inverse of split_heads"
    assert_equal(student.merge_heads(torch.tensor(wanted).float()), x, why)


@pytest.mark.problem("heads")
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_split_heads_takes_blocks(student, rng, leading):
    """Head h of H is the slice from h D to (h + 1) D, with any leading axes."""
    x = random(rng, *leading, 5, 12)
    wanted = torch.stack([x[..., 3 * h : 3 * h + 3] for h in range(4)], -3)
    why = "cut the features into blocks first, then swap the axes of time and heads"
    assert_equal(student.split_heads(x, 4), wanted, why)


@pytest.mark.problem("heads")
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_merge_heads_joins_blocks(student, rng, leading):
    """The heads' features stand side by side, token by token."""
    x = random(rng, *leading, 4, 5, 3)
    wanted = torch.cat([x[..., h, :, :] for h in range(4)], -1)
    why = "swap the axes of time and heads first, then join the features"
    assert_equal(student.merge_heads(x), wanted, why)


# --- multihead_self_attention -------------------------------------------------------------------


@pytest.mark.problem("multihead_self_attention")
@pytest.mark.parametrize("H, causal", [(1, False), (2, True), (4, False)])
def test_heads_agree_with_torch(student, rng, H, causal):
    """The same as torch.nn.MultiheadAttention with the same weights."""
    x, weights = random(rng, 2, 6, 8), random_weights(rng, 8, 8, 8, 8)
    got = student.multihead_self_attention(x, *weights, H, causal)
    why = "H heads of consecutive features, scaled by sqrt(D) of a head, joined, times Woᵀ"
    assert_close(got, torch_multihead(x, *weights, H, causal), why, **FLOAT32)


@pytest.mark.problem("multihead_self_attention")
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_self_attention_with_any_leading_axes(student, rng, leading):
    """A batch of batches is as good as one sequence."""
    x, weights = random(rng, *leading, 5, 12), random_weights(rng, 12, 12, 12, 12)
    why = "project (x W^T), cut into H blocks, attend with the root of one head's D, join, project"
    check_self_attention(student, x, weights, 3, True, why)


@pytest.mark.problem("multihead_self_attention")
def test_a_token_does_not_see_later_ones(student, rng):
    """New tokens at the end leave the earlier outputs as they were, if causal."""
    x, weights = random(rng, 2, 7, 8), random_weights(rng, 8, 8, 8, 8)
    before = student.multihead_self_attention(x, *weights, 2, True)
    x[:, 4:] = 10 * random(rng, 2, 3, 8)
    after = student.multihead_self_attention(x, *weights, 2, True)
    assert_close(after[:, :4], before[:, :4], "the past looks into the future", **FLOAT32)


@pytest.mark.problem("multihead_self_attention")
def test_attention_does_not_know_the_order(student, rng):
    """Without mask and positions, shuffled tokens give the same outputs, shuffled."""
    x, weights = random(rng, 6, 8), random_weights(rng, 8, 8, 8, 8)
    order = torch.randperm(6, generator=rng)
    straight = student.multihead_self_attention(x, *weights, 2, False)
    shuffled = student.multihead_self_attention(x[order], *weights, 2, False)
    why = "attention without a mask treats tokens by content alone"
    assert_close(shuffled, straight[order], why, **FLOAT32)
    why = "H heads of consecutive features, scaled by sqrt(D) of a head, joined, times Woᵀ"
    assert_close(straight, torch_multihead(x[None], *weights, 2, False)[0], why, **FLOAT32)


@pytest.mark.problem("multihead_self_attention")
def test_gradients_reach_every_weight(student, rng):
    """The loss can change x and all four matrices."""
    x, weights, d_out = random(rng, 2, 5, 8), random_weights(rng, 8, 8, 8, 8), random(rng, 2, 5, 8)
    name, rest = "multihead_self_attention", (2, True)
    _, gradients = student.run("with_gradients", name, [x, *weights], rest, d_out)
    wanted = self_attention_gradients(x, *weights, *rest, d_out)
    # gradients of weights sum over all tokens
    assert_gradients(gradients, wanted, ["x", "Wq", "Wk", "Wv", "Wo"], rtol=1e-5, atol=1e-5)


# --- cross_attention ----------------------------------------------------------------------------


@pytest.mark.problem("cross_attention")
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_queries_from_x_keys_and_values_from_the_context(student, rng, leading):
    """x asks, the context answers; their lengths and widths differ."""
    x, context = random(rng, *leading, 5, 8), random(rng, *leading, 7, 10)
    weights = random_weights(rng, 8, 12, 6, 4, E=10)
    why = "q = x Wqᵀ; k = context Wkᵀ; v = context Wvᵀ"
    check_cross_attention(student, x, context, weights, 2, None, why)


@pytest.mark.problem("cross_attention")
@pytest.mark.parametrize("leading", [(), (2,)])
def test_all_heads_see_the_same_mask(student, rng, leading):
    """A mask has no axis for heads, and a batch of as many sequences as heads is no matter."""
    x, context = random(rng, 2, 5, 8), random(rng, 2, 7, 8)
    weights, mask = random_weights(rng, 8, 8, 8, 8), random_mask(rng, *leading, 5, 7)
    why = "the mask is (..., Tq, Tk): give it an axis for heads before Tq"
    check_cross_attention(student, x, context, weights, 2, mask, why)


@pytest.mark.problem("cross_attention")
def test_gradients_reach_both_sequences(student, rng):
    """The loss can change x, the context and all four matrices."""
    x, context, d_out = random(rng, 2, 3, 8), random(rng, 2, 4, 8), random(rng, 2, 3, 8)
    inputs, rest = [x, context, *random_weights(rng, 8, 8, 8, 8)], (2, None)
    _, gradients = student.run("with_gradients", "cross_attention", inputs, rest, d_out)
    wanted = cross_attention_gradients(*inputs, *rest, d_out)
    names = ["x", "the context", "Wq", "Wk", "Wv", "Wo"]
    assert_gradients(gradients, wanted, names, rtol=1e-5, atol=1e-5)


# --- sinusoidal_positions -----------------------------------------------------------------------


@pytest.mark.problem("sinusoidal_positions")
def test_positions_of_the_worked_example(student):
    """Four features are two clock hands; the second is 100 times slower."""
    hands = [[math.sin(p), math.cos(p), math.sin(p / 100), math.cos(p / 100)] for p in range(3)]
    why = "sine and cosine of p / 10000^(2i/C), alternating, from p = 0"
    assert_close(student.sinusoidal_positions(3, 4), hands, why, rtol=1e-5, atol=1e-6)


@pytest.mark.problem("sinusoidal_positions")
@pytest.mark.parametrize("T, C", [(20, 6), (7, 32)])
def test_positions_follow_the_formula(student, T, C):
    """Entry [p, 2i] is a sine, [p, 2i + 1] the cosine of the same angle."""
    got = student.sinusoidal_positions(T, C)
    why = "sin and cos of p / 10000^(2i/C), alternating"
    assert_close(got, sinusoids(T, C), why, rtol=1e-5, atol=2e-5)  # angles of up to 20 radians
    assert_dtype(got, torch.float32)


# --- alibi --------------------------------------------------------------------------------------


@pytest.mark.problem("alibi")
@pytest.mark.parametrize("H", [1, 2, 4, 8])
def test_slopes_of_a_power_of_two(student, H):
    """The slopes fall geometrically to 1/256."""
    why = "slope h of H is 2^(-8h/H), h from 1 to H"
    assert_close(student.alibi_slopes(H), slopes(H), why)


@pytest.mark.problem("alibi")
@pytest.mark.parametrize("H", [3, 6, 12])
def test_slopes_of_other_numbers_of_heads(student, H):
    """The power of two below comes first, then every other slope of the one above."""
    why = "slopes of n heads, n the power of two below, then the 1st, 3rd, 5th ... of 2n heads"
    assert_close(student.alibi_slopes(H), slopes(H), why)


@pytest.mark.problem("alibi")
def test_bias_of_the_worked_example(student):
    """Two heads, the last two of three tokens: -m times the distance."""
    distance = torch.tensor([[1.0, 0.0, 1.0], [2.0, 1.0, 0.0]])
    wanted = torch.stack([-distance / 16, -distance / 256])
    why = "-m_h |i + Tk - Tq - j|: aligned to the bottom right, and never positive"
    assert_close(student.alibi_bias(2, 2, 3), wanted, why)
