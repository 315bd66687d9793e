"""Hidden tests of ch03_mlp: the public properties at other shapes, seeds, dtypes, edges and limits."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from kit.compare import assert_close, assert_equal, raises
from kit.given.names import names
from tests.ch03_mlp.checks import (
    FLOAT64,
    NORM32,
    PARAMETERS,
    SEED_DECIDES,
    SEEDS_DIFFER,
    STATISTICS,
    assert_dtype,
    assert_models,
    check_batchnorm,
    check_batchnorm_backward,
    check_cross_entropy,
    check_cross_entropy_backward,
    check_embedding_backward,
    check_gelu,
    check_gelu_backward,
    check_linear,
    check_linear_backward,
    check_no_common_numbers,
    check_normal,
    check_not_rescaled,
    check_strided,
    check_train_step,
    check_unrelated,
    check_windows,
    mlp_logits,
    model_of,
    random,
    random_batchnorm,
    random_ids,
    trained,
)

FORMS = ("none", "tanh")
DTYPES = (torch.float32, torch.float64)
DOUBLE = torch.float64

# --- context_windows ----------------------------------------------------------------------------


@pytest.mark.problem("context_windows")
@given(data=st.data())
def test_windows_of_any_documents(student, data):
    """Every id with k ids before it is a target once, in order; short documents add nothing."""
    k = data.draw(st.integers(1, 4))
    ids = st.lists(st.integers(0, 6), max_size=9)
    documents = data.draw(st.lists(ids, max_size=5))
    documents.insert(data.draw(st.integers(0, len(documents))), [1] * (k + 1))
    check_windows(student, documents, k, "each id that has k ids before it makes one window")


@pytest.mark.problem("context_windows")
def test_a_single_window(student):
    """One window is a matrix of one row."""
    x, y = student.context_windows([[7, 3, 5, 9]], 3)
    assert_equal(x, [[7, 3, 5]], "a single window is still a row of a matrix")
    assert_equal(y, [9], "a document of k + 1 ids has one window")


@pytest.mark.problem("context_windows")
@pytest.mark.parametrize("large", [70_000, 2**24 + 1, 3_000_000_001, 2**53 + 1, -1])
def test_any_ids(student, large):
    """An id may be any int64: more than 16 or 32 bits hold, or a float's digits, and negative."""
    x, y = student.context_windows([[3, large, large + 2]], 2)
    assert_equal(x, [[3, large]], f"{large} is an id, of int64 as all the way")
    assert_equal(y, [large + 2], f"{large + 2} is an id, of int64 as all the way")


@pytest.mark.problem("context_windows")
def test_windows_may_repeat(student):
    """A window that occurs often is there as often: how often is what there is to learn."""
    check_windows(student, [[2, 2, 2, 2, 2], [2, 2, 2], [1, 2, 2]], 2, "windows were made distinct")
    check_windows(student, [[1, 2] * 1000], 3, "a long document has as many windows")


@pytest.mark.problem("context_windows")
@pytest.mark.parametrize("documents, k", [([[0, 1]], 0), ([[0, 1]], -1), ([[]], 1), ([[0, 1]], 2)])
def test_impossible_windows_are_an_error(student, documents, k):
    """A window has at least one id, and a document of k ids leaves nothing to predict."""
    with raises(ValueError, f"{k=} and {documents} make no window: that is an error"):
        student.context_windows(documents, k)


# --- embedding ----------------------------------------------------------------------------------


@pytest.mark.problem("embedding")
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3, 4)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_ids_of_any_shape(student, rng, shape, dtype):
    """Forwards and backwards, for one id, none, or a block of them."""
    table, ids = random(rng, 6, 3, dtype=dtype), random_ids(rng, 6, *shape)
    got = student.embedding_forward(table, ids)
    assert_equal(got, F.embedding(ids, table), "an axis of features is added to those of the ids")
    assert got.dtype is dtype, f"rows keep the dtype of the table: got {got.dtype}, wanted {dtype}"
    d_out, others = random(rng, *shape, 3, dtype=dtype), 5 - ids
    why = "each gradient goes to its id's row, whatever forward has seen"
    check_embedding_backward(student, d_out, others, 6, why)


@pytest.mark.problem("embedding")
def test_an_id_may_occur_often(student, rng):
    """A thousand gradients of one id add up; rows of ids that do not occur have none."""
    d_out = random(rng, 1000, 2, dtype=DOUBLE)
    ids = torch.full((1000,), 3)
    check_embedding_backward(student, d_out, ids, 9, "all thousand gradients belong to row 3")


@pytest.mark.problem("embedding")
@pytest.mark.parametrize("shape, C", [((1,), 3), ((2, 1), 3), ((2, 3), 1), ((1, 1), 1)])
def test_axes_of_one_stay(student, rng, shape, C):
    """One id in a list is not an id, and a vector of one number is a vector."""
    table, ids = random(rng, 6, C), random_ids(rng, 6, *shape)
    assert_equal(student.embedding_forward(table, ids), table[ids], "an axis of one is an axis")
    check_embedding_backward(student, random(rng, *shape, C), ids, 6, "an axis of one is an axis")


@pytest.mark.problem("embedding")
def test_strided_embeddings(student, rng):
    """How table and ids lie in memory does not matter, and there may be hundreds of ids."""
    table, ids = random(rng, 300, 5), random_ids(rng, 300, 40, 3)
    got = student.run("of_strided", "embedding_forward", table, ids)
    assert_equal(got, table[ids], "strided ids were read in another order, or large ones cut off")


@pytest.mark.problem("embedding")
def test_strided_embedding_gradients(student, rng):
    """How gradients lie in memory does not matter."""
    d_out, ids = random(rng, 4, 3, 5), random_ids(rng, 6, 4, 3)
    got = student.run("of_strided", "embedding_backward", d_out, ids, 6)
    wanted = torch.zeros(6, 5).index_put_((ids,), d_out, accumulate=True)
    assert_close(got, wanted, "strided gradients went to other rows", atol=1e-6)


@pytest.mark.problem("embedding")
@pytest.mark.parametrize("wrong", [-1, -4, 4, 2**32 + 1])
def test_ids_without_a_row_are_an_error_both_ways(student, wrong):
    """Forwards and backwards, wherever the wrong id stands."""
    why, ids = f"id {wrong} has no row among 4", torch.tensor([[0, 3], [wrong, 1]])
    with raises(ValueError, why):
        student.embedding_forward(torch.zeros(4, 2), ids)
    with raises(ValueError, why):
        student.embedding_backward(torch.zeros(2, 2, 2), ids, 4)


@pytest.mark.problem("embedding")
@pytest.mark.parametrize(
    "leading, ids",
    [((3, 2), (2, 3)), ((6,), (2, 3)), ((1, 3), (2, 3)), ((2,), (2, 3)), ((2, 3, 1), (2, 3))]
    + [((2, 3, 2), (2, 3)), ((2,), (0,)), ((0,), (2,)), ((1,), ()), ((), (1,)), ((4, 1), (4,))],
)
def test_a_gradient_per_id(student, leading, ids):
    """Gradients that do not fit the ids are an error, also where their number happens to."""
    with raises(ValueError, f"gradients of {leading} vectors do not fit ids of {ids}"):
        student.embedding_backward(torch.ones(*leading, 4), torch.zeros(ids).long(), 5)


# --- linear -------------------------------------------------------------------------------------


@pytest.mark.problem("linear")
@pytest.mark.parametrize("leading", [(), (0,), (1,), (7,), (2, 3, 4)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_linear_of_any_leading_axes(student, rng, leading, dtype):
    """One row, none, or a block of them."""
    x, W, b = (random(rng, *s, dtype=dtype) for s in ((*leading, 4), (3, 4), (3,)))
    check_linear(student, x, W, b)
    check_linear(student, -x, W, None)  # the last x that forward has seen is not backward's
    check_linear_backward(student, random(rng, *leading, 3, dtype=dtype), x, W)


@pytest.mark.problem("linear")
def test_square_weights(student, rng):
    """Where inputs and outputs are as many, only the numbers tell W from its transpose."""
    x, W, b, d_out = (random(rng, *s) for s in ((4, 4), (4, 4), (4,), (4, 4)))
    check_linear(student, x, W, b)
    check_linear_backward(student, d_out, x, W, "something is transposed")


@pytest.mark.problem("linear")
@pytest.mark.parametrize("I, O", [(1, 3), (4, 1), (1, 1)])
@pytest.mark.parametrize("leading", [(), (5,), (2, 3)])
def test_one_input_or_one_output(student, rng, I, O, leading):  # noqa: E741
    """Axes of one stay, and a bias of one entry is right for one output."""
    x, W, b = (random(rng, *s) for s in ((*leading, I), (O, I), (O,)))
    check_linear(student, x, W, b)
    check_linear(student, x, W, None)
    check_linear_backward(student, random(rng, *leading, O), x, W)


@pytest.mark.problem("linear")
@pytest.mark.parametrize(
    "x, b",
    [((2, 3), (3,)), ((2, 4), (1,)), ((2, 4), (4,)), ((2, 4), (2, 3)), ((3, 4), (1, 3))]
    + [((3, 4), (3, 1)), ((3, 4), (3, 3)), ((3, 4), ()), ((3, 1), (3,)), ((1,), (3,))],
)
def test_shapes_that_do_not_fit_are_an_error(student, x, b):
    """W is (3, 4): torch would broadcast a bias of one entry, or one of a row per row of x."""
    with raises(ValueError, f"x of {x} and b of {b} do not fit W of (3, 4)"):
        student.linear_forward(torch.ones(x), torch.ones(3, 4), torch.ones(b))


@pytest.mark.problem("linear")
@pytest.mark.parametrize("leading", [(3, 2), (6,), (1, 3), (2,), (), (2, 3, 1), (2, 3, 2)])
def test_gradients_that_do_not_fit_are_an_error(student, leading):
    """d_out has the leading axes of x, not only as many rows."""
    with raises(ValueError, f"d_out of {leading} rows does not fit x of (2, 3) rows"):
        student.linear_backward(torch.ones(*leading, 5), torch.ones(2, 3, 4), torch.ones(5, 4))


@pytest.mark.problem("linear")
@pytest.mark.parametrize("O, I", [(4, 4), (1, 4), (5, 5), (5, 1), (4, 5)])
def test_gradients_of_other_features_are_an_error(student, O, I):  # noqa: E741
    """W is (5, 4): d_out has five features and x four."""
    with raises(ValueError, f"d_out of {O} and x of {I} features do not fit W of (5, 4)"):
        student.linear_backward(torch.ones(3, O), torch.ones(3, I), torch.ones(5, 4))


# --- gelu ---------------------------------------------------------------------------------------


@pytest.mark.problem("gelu")
@pytest.mark.parametrize("shape", [(), (0,), (3, 1, 4)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gelu_of_any_shape(student, rng, shape, dtype):
    """Entry by entry, whatever the axes."""
    x, d_out = (3 * random(rng, *shape, dtype=dtype) for _ in range(2))
    for approximate in FORMS:
        check_gelu(student, x, approximate)
        check_gelu_backward(student, d_out, x, approximate)


@pytest.mark.problem("gelu")
@pytest.mark.parametrize("approximate", FORMS)
def test_strided_gelu(student, rng, approximate):
    """How x and d_out lie in memory does not matter."""
    x, d_out = random(rng, 4, 6, dtype=DOUBLE), random(rng, 4, 6, dtype=DOUBLE)
    check_strided(student, "gelu", x, approximate)
    check_strided(student, "gelu_backward", d_out, x, approximate)


@pytest.mark.problem("gelu")
@pytest.mark.parametrize("approximate", FORMS)
def test_gelu_far_from_zero(student, approximate):
    """Far to the right gelu is x, far to the left 0, and nothing overflows on the way."""
    x = torch.tensor([-1e4, -300.0, -40.0, -14.0, -6.1, 0.0, 6.1, 14.0, 40.0, 300.0, 1e4])
    for dtype in DTYPES:
        check_gelu(student, x.to(dtype), approximate)
        check_gelu_backward(student, torch.ones_like(x, dtype=dtype), x.to(dtype), approximate)


@pytest.mark.problem("gelu")
def test_the_two_forms_differ(student):
    """At x = -2.3 the forms are 4.7e-4 apart, their slopes at 1.6 by 8.5e-4."""
    x, one = torch.tensor([-2.3, 1.6], dtype=DOUBLE), torch.ones(2, dtype=DOUBLE)
    for approximate in FORMS:
        check_gelu(student, x, approximate)
        check_gelu_backward(student, one, x, approximate)


@pytest.mark.problem("gelu")
@pytest.mark.parametrize("approximate", ["", "erf", "TANH", "exact", "tanhh", "NONE", " none"])
def test_unknown_forms_are_an_error(student, approximate):
    """A form that there is not is an error, not the other one."""
    x = torch.ones(2)
    with raises(ValueError, f"there is no form {approximate!r}"):
        student.gelu(x, approximate)
    with raises(ValueError, f"there is no form {approximate!r}, backwards neither"):
        student.gelu_backward(x, x, approximate)


@pytest.mark.problem("gelu")
@pytest.mark.parametrize(
    "shape",
    [(), (1,), (3,), (6,), (1, 1), (1, 3), (2, 1), (3, 2), (2, 4), (1, 2, 3), (2, 3, 1)],
)
def test_a_gradient_has_the_shape_of_x(student, shape):
    """torch would broadcast a gradient of another shape."""
    for approximate in FORMS:
        with raises(ValueError, f"d_out of {shape} does not fit x of (2, 3)"):
            student.gelu_backward(torch.ones(shape), torch.ones(2, 3), approximate)


# --- cross_entropy ------------------------------------------------------------------------------


@pytest.mark.problem("cross_entropy")
@pytest.mark.parametrize("N, V", [(1, 2), (5, 1), (3, 3), (300, 27)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_at_other_sizes(student, rng, N, V, dtype):
    """One row, one class, as many rows as classes, and many of both."""
    logits, targets = 2 * random(rng, N, V, dtype=dtype), random_ids(rng, V, N)
    check_cross_entropy(student, logits, targets, "the mean over rows, of any number")
    why = "(softmax - onehot) / N, of these logits and not of those that forward has seen"
    check_cross_entropy_backward(student, -logits, targets, why)


@pytest.mark.problem("cross_entropy")
@pytest.mark.parametrize("scale", [100.0, 3_000.0])
def test_logits_that_overflow(student, rng, scale):
    """exp(100) is inf in float32: each row's maximum is subtracted first."""
    logits, targets = random(rng, 6, 4).sign() * scale, random_ids(rng, 4, 6)
    why, noise = "large logits overflow; subtract the row's maximum first", scale * 1.2e-7
    check_cross_entropy(student, logits, targets, why, noise)
    check_cross_entropy_backward(student, logits, targets, why, noise)


@pytest.mark.problem("cross_entropy")
def test_rows_far_apart(student):
    """Each row has its own maximum; that of all leaves 0/0 to the others."""
    logits = torch.tensor([[-1e4, -1e4, -9999.0], [1e4, 9999.0, 1e4], [0.0, 1.0, 2.0]])
    targets, why = torch.tensor([2, 1, 0]), "subtract each row's own maximum"
    check_cross_entropy(student, logits, targets, why, noise=1.2e-3)
    check_cross_entropy_backward(student, logits, targets, why, noise=1.2e-3)


@pytest.mark.problem("cross_entropy")
def test_tiny_probabilities_are_not_clipped(student):
    """Who is 1,000 nats off is surprised by 1,000 nats: log p is not log(p + a little)."""
    logits = torch.tensor([[0.0, 1000.0], [0.0, 60.0], [-1e4, 1e4]])
    targets = torch.tensor([0, 0, 0])
    why = "the logarithm is of softmax itself: nothing is clipped or added"
    check_cross_entropy(student, logits, targets, why)
    check_cross_entropy_backward(student, logits, targets, why)


@pytest.mark.problem("cross_entropy")
@pytest.mark.parametrize(
    "N, V, targets",
    [(3, 4, [0, 1, 4]), (3, 4, [-1, 0, 1]), (3, 4, [0, -100, 1]), (3, 4, [2**32, 1, 2])]
    + [(3, 4, [2]), (3, 4, 2), (3, 4, [0, 1]), (3, 4, [0, 1, 2, 3]), (3, 4, [[0, 1, 2]])]
    + [(1, 2, 0), (1, 2, [[0]]), (4, 2, [0, 1, 2, 0])],
)
def test_targets_that_do_not_fit_are_an_error(student, N, V, targets):
    """N targets in a row, each from 0 to V - 1, both ways."""
    for name in ("cross_entropy_forward", "cross_entropy_backward"):
        with raises(ValueError, f"{name}: targets {targets} do not fit {N} rows of {V} classes"):
            getattr(student, name)(torch.zeros(N, V), torch.tensor(targets))


@pytest.mark.problem("cross_entropy")
def test_strided_cross_entropy(student, rng):
    """How logits and targets lie in memory does not matter."""
    logits, targets = random(rng, 4, 6, dtype=DOUBLE), random_ids(rng, 6, 4)
    check_strided(student, "cross_entropy_forward", logits, targets)
    check_strided(student, "cross_entropy_backward", logits, targets)


@pytest.mark.problem("cross_entropy")
@pytest.mark.parametrize("name", ["cross_entropy_forward", "cross_entropy_backward"])
def test_no_rows_have_no_mean(student, name):
    """A mean over nothing is an error, not NaN or 0."""
    with raises(ValueError, "a mean over no rows is an error"):
        getattr(student, name)(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))


# --- kaiming_init -------------------------------------------------------------------------------


@pytest.mark.problem("kaiming_init")
@pytest.mark.parametrize(
    "fan_out, fan_in, gain",
    [(20, 3000, 1.0), (3000, 20, 1.0), (300, 200, 5 / 3), (200, 300, 0.015)] + [(20_000, 1, 1.0)],
)
def test_weights_of_many_shapes(student, fan_out, fan_in, gain):
    """gain / √fan_in, whatever the number of outputs (false alarm: 1e-8)."""
    W = student.kaiming_init(fan_out, fan_in, gain, 11)
    check_normal(W, gain / math.sqrt(fan_in), f"weights for {fan_in} inputs and gain {gain:.3g}")
    assert W.dtype is torch.float32, f"weights are float32: got {W.dtype}"


@pytest.mark.problem("kaiming_init")
def test_no_two_rows_are_alike(student):
    """Every output has weights of its own, and so has every input and every seed."""
    W = student.kaiming_init(40, 500, 1.0, 0)
    correlation = torch.corrcoef(W.double()).fill_diagonal_(0).abs().max().item()
    bound = 7 / math.sqrt(500)  # 780 pairs: false in 2e-9
    assert correlation < bound, f"two rows of W correlate: {correlation:.3f}, allowed {bound:.3f}"
    check_unrelated(W, student.kaiming_init(40, 500, 1.0, 4), "the weights of two seeds")


@pytest.mark.problem("kaiming_init")
def test_weights_are_independent(student):
    """No number is made of another, and no row, column or sum of squares is brought to a value."""
    two = [student.kaiming_init(40, 50, math.sqrt(50), seed) for seed in (5, 6)]
    check_no_common_numbers(two, "entries of W, or the weights of seeds 5 and 6,")
    draws = [student.kaiming_init(20, 25, 5.0, seed) for seed in range(8)]
    check_not_rescaled(draws, "weights")
    # 500 sums of 100 numbers of variance 1 / 100: their mean square is 1, give or take 0.06
    size = student.kaiming_init(500, 100, 1.0, 6).sum(1).square().mean().item()
    assert size > 0.5, f"the rows of W were brought to a mean of 0: got {size:.2g}, wanted 1"


@pytest.mark.problem("kaiming_init")
def test_weights_have_tails(student):
    """Of a million normal numbers 63 lie beyond four sigma (false alarm: 2e-9)."""
    far = (student.kaiming_init(1000, 1000, math.sqrt(1000), 3).abs() > 4).sum().item()
    assert 20 < far < 120, f"{far} of a million weights lie beyond four sigma, wanted about 63"


@pytest.mark.problem("kaiming_init")
def test_a_gain_of_zero(student):
    """Zero is a gain like any other."""
    W = student.kaiming_init(3, 2, 0.0, 1)
    assert_equal(W, torch.zeros(3, 2), "a gain of 0 makes weights of 0: it is no missing gain")


@pytest.mark.problem("kaiming_init")
def test_all_seeds_differ(student):
    """All seeds below 2**32 count, with all their digits."""
    drawn = {}
    for seed in (0, 1, 42, 1001, 1337, 10**9, 2**16, 2**16 + 1, 2**31, 2**31 + 1, 2**32 - 1):
        W = student.kaiming_init(3, 4, 1.0, seed)
        for other, numbers in drawn.items():
            assert not torch.equal(W, numbers), f"seeds {other} and {seed} give the same weights"
        drawn[seed] = W


@pytest.mark.problem("kaiming_init")
@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_seeds_of_any_size(student, seed):
    """Zero is a seed like any other, and so is the largest."""
    arguments = ("after_other_draws", "kaiming_init", 1, 1, 1.0, seed)
    first, again = student.run(*arguments)
    assert_equal(again, first, SEED_DECIDES)
    assert abs(first.item()) < 8 and first.item() != 0, f"no normal number: got {first.item()}"


@pytest.mark.problem("kaiming_init")
@pytest.mark.parametrize("fan_out, fan_in", [(0, 3), (3, 0), (-1, 3), (3, -1)])
def test_layers_without_inputs_or_outputs_are_an_error(student, fan_out, fan_in):
    """A layer has at least one of each."""
    with raises(ValueError, f"{fan_out=} and {fan_in=} make no layer"):
        student.kaiming_init(fan_out, fan_in, 1.0, 1)


# --- batchnorm ----------------------------------------------------------------------------------


@pytest.mark.problem("batchnorm")
@pytest.mark.parametrize("N, C", [(2, 3), (3, 1), (200, 4)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_batchnorm_at_other_sizes(student, rng, N, C, dtype):
    """Two rows, one feature, and many rows."""
    arguments = random_batchnorm(rng, N, C, dtype)
    for training in (True, False):
        check_batchnorm(student, arguments, training)
    d_out = random(rng, N, C, dtype=dtype)
    # With two rows dx is 0 but for eps: what is left is small beside what cancels.
    noise = {"rtol": 1e-4, "atol": 1e-4} if dtype is torch.float32 else {"rtol": 1e-8, "atol": 1e-8}
    check_batchnorm_backward(student, d_out, arguments[0], arguments[1], **noise)


@pytest.mark.problem("batchnorm")
@pytest.mark.parametrize("momentum, eps", [(0.7, 0.3), (0.0, 1e-5), (1.0, 0.01)])
@pytest.mark.parametrize("training", [True, False])
def test_momentum_and_eps_are_used(student, rng, momentum, eps, training):
    """Momentum is the share of the batch, and eps stands under the root."""
    arguments = random_batchnorm(rng, 9, 4)
    why = "eps is added to the variance, under the root"
    check_batchnorm(student, arguments, training, momentum, eps, why)
    d_out = random(rng, 9, 4)
    check_batchnorm_backward(student, d_out, arguments[0], arguments[1], eps, why)


@pytest.mark.problem("batchnorm")
def test_momentum_and_eps_have_defaults(student, rng):
    """Momentum is 0.1 and eps 1e-5 if nobody says otherwise: small features show it."""
    x, gain, bias, mean, var = random_batchnorm(rng, 8, 3, DOUBLE)
    x, d_out = 1e-3 * x, random(rng, 8, 3, dtype=DOUBLE)
    got = student.batchnorm_forward(x, gain, bias, mean, var, True)
    wanted = F.batch_norm(x, mean, var, gain, bias, True)
    for result, want in zip(got, (wanted, mean, var), strict=True):
        assert_close(result, want, "the defaults are momentum 0.1 and eps 1e-5", **FLOAT64)
    got = student.batchnorm_backward(d_out, x, gain)
    want = student.batchnorm_backward(d_out, x, gain, 1e-5)
    for result, wanted in zip(got, want, strict=True):
        assert_close(result, wanted, "the default of eps is 1e-5", **FLOAT64)
    check_batchnorm_backward(student, d_out, x, gain, rtol=1e-8, atol=1e-6)


@pytest.mark.problem("batchnorm")
def test_a_feature_that_never_changes(student, rng):
    """A constant feature is normalized to 0, and eps keeps its gradients finite."""
    x, gain, bias, *running = random_batchnorm(rng, 8, 3)
    x[:, 1] = 4.0
    why = "a variance of 0 is no 0/0"
    # everything is divided by √eps there, and so are the rounding errors
    noise = {"rtol": 1e-4, "atol": 3e-3}
    check_batchnorm(student, [x, gain, bias, *running], True, why=why, **noise)
    check_batchnorm_backward(student, random(rng, 8, 3), x, gain, **noise)


@pytest.mark.problem("batchnorm")
def test_features_far_from_zero(student, rng):
    """A mean of 1,000 does not swallow a variance of 1: deviations are squared, not values."""
    x, gain, bias, *running = random_batchnorm(rng, 64, 3)
    x = x + 1000
    wide = [a.double() for a in (x + 9000, gain, bias, *running)]
    check_batchnorm(student, wide, True, rtol=1e-9, atol=1e-9)
    d_out = random(rng, 64, 3, dtype=DOUBLE)
    check_batchnorm_backward(student, d_out, wide[0], wide[1], rtol=1e-9, atol=1e-9)
    # float32 keeps 6e-5 of a value near 1,000; E[x²] - E[x]² would be off by 0.06
    check_batchnorm(student, [x, gain, bias, *running], True, rtol=1e-3, atol=1e-3)
    check_batchnorm_backward(student, random(rng, 64, 3), x, gain, rtol=1e-3, atol=1e-3)


@pytest.mark.problem("batchnorm")
@pytest.mark.parametrize("training", [True, False])
def test_strided_batchnorm(student, rng, training):
    """How batch and vectors lie in memory does not matter."""
    x, gain, *rest = random_batchnorm(rng, 6, 4, DOUBLE)
    check_strided(student, "batchnorm_forward", x, gain, *rest, training)
    check_strided(student, "batchnorm_backward", random(rng, 6, 4, dtype=DOUBLE), x, gain)


@pytest.mark.problem("batchnorm")
@pytest.mark.parametrize("N", [0, 1, 3])
def test_in_use_rows_do_not_see_each_other(student, rng, N):
    """By the running statistics a row is what it is alone, and they stay as they were."""
    _, gain, bias, mean, var = random_batchnorm(rng, 2, 4, DOUBLE)
    x = random(rng, N, 4, dtype=DOUBLE)
    out, new_mean, new_var = student.batchnorm_forward(x, gain, bias, mean, var, False)
    wanted = gain * (x - mean) / (var + 1e-5).sqrt() + bias
    assert_close(out, wanted, "in use, the running statistics count", **FLOAT64)
    assert_dtype(out, DOUBLE)
    assert_equal(new_mean, mean, "in use, the running mean stays as it was")
    assert_equal(new_var, var, "in use, the running var stays as it was")


@pytest.mark.problem("batchnorm")
def test_a_push_on_all_rows_moves_nothing(student, rng):
    """Who adds the same to every row changes no output: dx sums to 0, and so does dx x̂."""
    x, gain, *_ = random_batchnorm(rng, 12, 3, DOUBLE)
    d_out = random(rng, 12, 3, dtype=DOUBLE)
    dx, _, _ = student.batchnorm_backward(d_out, x, gain, 0.0)
    zero = torch.zeros(3)
    assert_close(dx.sum(0), zero, "mean is a function of x: its gradient is missing", atol=1e-10)
    why = "sigma is a function of x: its gradient is missing"
    assert_close((dx * (x - x.mean(0))).sum(0), zero, why, atol=1e-10)


@pytest.mark.problem("batchnorm")
@pytest.mark.parametrize("which", ["gain", "bias", "running_mean", "running_var"])
def test_a_number_per_feature(student, which):
    """Gain, bias and statistics have one entry per feature; torch would broadcast others."""
    names = ("gain", "bias", "running_mean", "running_var")
    for shape in ((1,), (), (1, 3), (3, 1), (4, 3)):
        vectors = {name: torch.ones(shape if name == which else 3) for name in names}
        for training in (True, False):
            with raises(ValueError, f"{which} of {shape} does not fit 3 features"):
                student.batchnorm_forward(torch.ones(4, 3), **vectors, training=training)


@pytest.mark.problem("batchnorm")
@pytest.mark.parametrize(
    "d_out, x, gain",
    [((1, 3), (1, 3), 3), ((0, 3), (0, 3), 3), ((1, 3), (4, 3), 3), ((4, 1), (4, 3), 3)]
    + [((4, 3), (4, 3), gain) for gain in (1, (), (1, 3), (4, 3), (4, 1))]
    + [(d_out, (4, 3), 3) for d_out in ((3,), (12,), (3, 4), (2, 3), (4, 3, 1), (1, 4, 3))],
)
def test_gradients_of_batchnorm_that_do_not_fit_are_an_error(student, d_out, x, gain):
    """At least two rows, a gradient per entry, a gain per feature."""
    with raises(ValueError, f"d_out of {d_out}, x of {x} and a gain of {gain} do not fit"):
        student.batchnorm_backward(torch.ones(d_out), torch.ones(x), torch.ones(gain))


@pytest.mark.problem("batchnorm")
def test_batches_of_less_than_two_are_an_error(student):
    """Neither one row nor none has a variance."""
    for N in (0, 1):
        with raises(ValueError, f"{N} rows cannot be normalized by themselves"):
            student.batchnorm_forward(torch.ones(N, 2), *[torch.ones(2)] * 4, True)


# --- mlp ----------------------------------------------------------------------------------------


@pytest.mark.problem("mlp")
def test_a_new_model_has_random_numbers_of_the_right_size(student):
    """Embeddings of variance 1, W1 with gain √2, W2 with gain 0.1 (false alarm: 2e-8)."""
    k, C, H = 3, 24, 300
    model = student.init_mlp(900, k, C, H, 5)
    check_normal(model["embedding"], 1.0, "embeddings")
    check_normal(model["W1"], math.sqrt(2 / (k * C)), "entries of W1")
    check_normal(model["W2"], 0.1 / math.sqrt(H), "entries of W2")


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("seed", [0, 6])
def test_no_two_matrices_share_their_numbers(student, seed):
    """A generator that is seeded again begins again: its numbers are the same."""
    model = student.init_mlp(40, 2, 20, 40, seed)
    for first, second in (("embedding", "W1"), ("embedding", "W2"), ("W1", "W2")):
        check_unrelated(model[first], model[second], f"{first} and {second}")


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_numbers_of_a_model_are_independent(student, seed):
    """No number returns in another matrix, at whichever place and with whatever sign."""
    k, C, H = 2, 20, 40
    model = student.init_mlp(40, k, C, H, seed)
    scaled = model["W1"] * math.sqrt(k * C / 2), model["W2"] * (math.sqrt(H) / 0.1)
    check_no_common_numbers([model["embedding"], *scaled], "the matrices of a model")


@pytest.mark.problem("mlp")
def test_embeddings_are_drawn_freely(student):
    """Neither the table nor its rows are brought to a length, and no id is left out."""
    draws = [student.init_mlp(20, 1, 25, 2, seed)["embedding"] for seed in range(8)]
    check_not_rescaled(draws, "embeddings")
    squares = student.init_mlp(500, 1, 8, 2, 1)["embedding"].square().sum(1)
    assert squares.min() > 0, "every id has a vector: none is left at 0"
    # a sum of eight squares has variance 16; of 500 such sums it is known to 8 %
    assert squares.var() > 4, "rows have lengths of their own: they were brought to one"


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("other", [2**16 + 3, 2**31 + 3, 10**9 + 3])
def test_all_seeds_make_models(student, other):
    """Two seeds that agree in their last digits make two models."""
    first, second = (student.init_mlp(5, 1, 3, 2, seed)["embedding"] for seed in (3, other))
    assert not torch.equal(first, second), f"seeds 3 and {other} make the same model"


@pytest.mark.problem("mlp")
def test_the_seed_decides_the_model(student):
    """The same seed gives the same model, another one others."""
    first, again = student.run("after_other_draws", "init_mlp", 7, 2, 3, 5, 8)
    assert_equal(again, first, SEED_DECIDES)
    other = student.init_mlp(7, 2, 3, 5, 9)
    for name in ("embedding", "W1", "W2"):
        same = torch.equal(other[name], torch.as_tensor(first[name]))
        assert not same, f"{SEEDS_DIFFER}: not so for {name}"


@pytest.mark.problem("mlp")
@pytest.mark.parametrize(
    "sizes",
    [(0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0), (-1, 1, 1, 1), (1, -1, 1, 1)]
    + [(1, 1, -1, 1), (1, 1, 1, -1), (1, -1, -1, 1)],
)
def test_sizes_below_one_are_an_error(student, sizes):
    """A model has at least one of everything."""
    with raises(ValueError, f"V, k, C, H = {sizes} make no model"):
        student.init_mlp(*sizes, 1)


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (5, 1, 3, 4), (3, 6, 2, 9)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_logits_at_other_sizes(student, rng, sizes, dtype):
    """One of everything, a window of one id, and one that is longer than the vocabulary."""
    V, k, C, H = sizes
    model, x = model_of(rng, V, k, C, H, dtype), random_ids(rng, V, 200, k)
    got = student.mlp_forward(model, x)
    noise = FLOAT64 if dtype is DOUBLE else {"rtol": 1e-5, "atol": 5e-6}
    assert_close(got, mlp_logits(model, x), "the model's logits, by torch's layers", **noise)
    assert got.dtype is dtype, f"logits have the dtype of the model: got {got.dtype}"


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("N", [0, 1, 2])
def test_windows_do_not_see_each_other(student, rng, N):
    """A window's logits are the same alone and in a batch."""
    model, x = model_of(rng, 6, 2, 3, 5, DOUBLE), random_ids(rng, 6, 10, 2)
    got = student.mlp_forward(model, x[:N])
    why = "a model in use normalizes by its running statistics, not by the batch"
    assert_close(got, mlp_logits(model, x)[:N], why, **FLOAT64)
    assert_dtype(got, DOUBLE)


@pytest.mark.problem("mlp")
def test_eps_of_the_model(student, rng):
    """Hidden features that hardly vary: 1e-5 under the root, and large ones."""
    model, x = model_of(rng, 6, 2, 3, 8, DOUBLE), random_ids(rng, 6, 10, 2)
    model["running_var"] = torch.logspace(-6, 4, 8, dtype=DOUBLE)
    got = student.mlp_forward(model, x)
    why = "batchnorm divides by √(running_var + 1e-5)"
    assert_close(got, mlp_logits(model, x), why, rtol=1e-8, atol=1e-8)


@pytest.mark.problem("mlp")
def test_strided_model(student, rng):
    """How windows and model lie in memory does not matter."""
    model, x = model_of(rng, 6, 3, 4, 5, DOUBLE), random_ids(rng, 6, 10, 3)
    check_strided(student, "mlp_forward", model, x)


@pytest.mark.problem("mlp")
def test_entries_have_names(student, rng):
    """A dict is a dict: its entries may come in any order, and two may have one shape."""
    model, x = model_of(rng, 12, 3, 4, 12, DOUBLE), random_ids(rng, 12, 20, 3)
    got = student.mlp_forward({name: model[name] for name in sorted(model)}, x)
    assert_close(got, mlp_logits(model, x), "entries are found by name, not by place", **FLOAT64)


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("wrong, where", [(-1, (0, 0)), (6, (0, 1)), (2**32, (1, 0)), (-1, (2, 1))])
def test_windows_of_unknown_ids_are_an_error(student, rng, wrong, where):
    """An id without an embedding is a ValueError, wherever it stands."""
    model, x = model_of(rng, 6, 2, 3, 5), torch.zeros(3, 2).long()
    x[where] = wrong
    with raises(ValueError, f"id {wrong} at {where} has no embedding among 6"):
        student.mlp_forward(model, x)


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("length", [1, 3, 4])
def test_windows_of_another_length_are_an_error(student, rng, length):
    """A model of windows of two ids takes no others."""
    with raises(ValueError, f"windows of {length} ids do not fit a model of k = 2"):
        student.mlp_forward(model_of(rng, 6, 2, 3, 5), random_ids(rng, 6, 3, length))


# --- train_step ---------------------------------------------------------------------------------


@pytest.mark.problem("train_step")
@pytest.mark.parametrize("sizes, N", [((3, 1, 2, 4), 40), ((12, 4, 3, 6), 5), ((2, 2, 1, 1), 8)])
@pytest.mark.parametrize("rate", [0.01, 3.0])
def test_steps_at_other_sizes(student, rng, sizes, N, rate):
    """Many windows of few ids, few of many, and a model of one hidden feature."""
    V, k, C, H = sizes
    model, x = model_of(rng, V, k, C, H, DOUBLE), random_ids(rng, V, N, k)
    check_train_step(student, model, x, random_ids(rng, V, N), rate, rtol=1e-8, atol=1e-8)


@pytest.mark.problem("train_step")
def test_a_batch_of_two(student, rng):
    """The smallest batch there is, in float64: hardly any gradient gets past normalization."""
    model = model_of(rng, 5, 2, 3, 4, DOUBLE)
    x, y = torch.tensor([[0, 1], [2, 2]]), torch.tensor([4, 0])
    check_train_step(student, model, x, y, 1.0, rtol=1e-7, atol=1e-7)


@pytest.mark.problem("train_step")
def test_a_step_of_size_zero(student, rng):
    """With a learning rate of 0 no parameter moves, but the statistics take the batch in."""
    model, x, y = model_of(rng, 5, 2, 3, 4), random_ids(rng, 5, 9, 2), random_ids(rng, 5, 9)
    new, loss = student.train_step(model, x, y, 0.0)
    for name in PARAMETERS:
        assert_equal(new[name], model[name], f"{name} moved with a learning rate of 0")
    wanted, losses = trained(model, x, y, 0.0, 1)
    assert_close(loss, losses[0], "the loss does not depend on the learning rate", rtol=1e-5)
    for name in STATISTICS:
        assert_close(new[name], wanted[name], f"{name} takes every batch in", **NORM32)


@pytest.mark.problem("train_step")
def test_a_step_with_hardly_any_variance(student, rng):
    """Tiny weights make tiny features: eps under the root is 1e-5, forwards and backwards."""
    model, x, y = (
        model_of(rng, 5, 2, 3, 6, DOUBLE),
        random_ids(rng, 5, 20, 2),
        random_ids(rng, 5, 20),
    )
    model["W1"], model["running_var"] = model["W1"] * 3e-3, model["running_var"] * 1e-4
    check_train_step(student, model, x, y, 1e-3, rtol=1e-7, atol=1e-7)


@pytest.mark.problem("train_step")
def test_a_step_from_large_logits(student, rng):
    """A model that is sure of itself is wrong by thousands of nats, and still learns from it."""
    model, x, y = (
        model_of(rng, 5, 2, 3, 6, DOUBLE),
        random_ids(rng, 5, 20, 2),
        random_ids(rng, 5, 20),
    )
    model["b2"] = torch.tensor([0.0, 5e3, -5e3, 100.0, 1e3], dtype=DOUBLE)
    check_train_step(student, model, x, y, 0.1, rtol=1e-7, atol=1e-7)


@pytest.mark.problem("train_step")
def test_a_large_gradient(student, rng):
    """A gradient of a million is a gradient: nothing is clipped."""
    model, x = model_of(rng, 5, 2, 3, 6, DOUBLE), random_ids(rng, 5, 20, 2)
    model["W1"], model["W2"] = model["W1"] * 1e-5, model["W2"] * 1e2
    y = random_ids(rng, 5, 20)
    check_train_step(student, model, x, y, 1e-6, rtol=1e-7, atol=1e-7)


@pytest.mark.problem("train_step")
def test_a_step_of_a_strided_model(student, rng):
    """Neither how tensors lie in memory nor the order of the entries matters."""
    model, x, y = (
        model_of(rng, 12, 3, 4, 12, DOUBLE),
        random_ids(rng, 12, 20, 3),
        random_ids(rng, 12, 20),
    )
    shuffled = {name: model[name] for name in sorted(model)}
    got, loss = student.run("of_strided", "train_step", shuffled, x, y, 0.5)
    wanted, losses = trained(model, x, y, 0.5, 1)
    assert_close(loss, losses[0], "a strided or shuffled model has another loss", **FLOAT64)
    assert_models(got, wanted, DOUBLE, 0.5, rtol=1e-8, atol=1e-8)


@pytest.mark.problem("train_step")
@pytest.mark.parametrize(
    "x, y",
    [((0, 2), (0,)), ((2, 2), (3,)), ((3, 2), (2,)), ((2, 2), (2, 1)), ((2, 2), (1, 2))]
    + [((2, 2), (1,)), ((2, 2), ()), ((3, 1), (3,)), ((3, 3), (3,))],
)
def test_batches_of_other_shapes_are_an_error(student, rng, x, y):
    """At least two windows of k = 2 ids, and as many targets."""
    model = model_of(rng, 5, 2, 3, 4)
    with raises(ValueError, f"windows of {x} and targets of {y} are no batch for k = 2"):
        student.train_step(model, torch.zeros(x).long(), torch.zeros(y).long(), 0.1)


@pytest.mark.problem("train_step")
@pytest.mark.parametrize(
    "x, y", [([[0, 5], [1, 1]], [0, 1]), ([[0, -1], [1, 1]], [0, 1]), ([[0, 1], [1, 1]], [0, 5])]
    + [([[0, 1], [1, 1]], [-1, 0]), ([[0, 1]], [0]), ([[0, 1], [1, 1]], [0])]
    + [([[0, 2**32], [1, 1]], [0, 1]), ([[0, 1], [1, 1]], [0, 2**32])],
)  # fmt: skip
def test_bad_batches_are_an_error(student, rng, x, y):
    """Ids and targets from 0 to 4, a target per window, and at least two windows."""
    model = model_of(rng, 5, 2, 3, 4)
    with raises(ValueError, f"windows {x} with targets {y} are no batch for 5 ids"):
        student.train_step(model, torch.tensor(x), torch.tensor(y), 0.1)


# --- train_mlp ----------------------------------------------------------------------------------


def retraced(student, documents, rate: float, steps: int) -> tuple:
    """Training on windows that are all the same: whichever are drawn, the batch is known."""
    sizes, seed, batch_size = (4, len(documents[0]) - 1, 3, 6), 9, 5
    model, losses = student.train_mlp(documents, *sizes, steps, batch_size, rate, seed)
    x = torch.tensor([documents[0][:-1]] * batch_size)
    y = torch.tensor([documents[0][-1]] * batch_size)
    wanted, wanted_losses = trained(student.init_mlp(*sizes, seed), x, y, rate, steps)
    return model, losses, wanted, wanted_losses


@pytest.mark.problem("train_mlp")
@pytest.mark.parametrize("copies, rate", [(3, 0.05), (1, 0.4)])
def test_training_is_retraced(student, copies, rate):
    """Where all windows are alike, so are all batches: training is plain gradient descent."""
    model, losses, wanted, wanted_losses = retraced(student, [[0, 2, 1]] * copies, rate, 20)
    why = "each step is a train_step with the same learning rate, from init_mlp(..., seed)"
    # equal rows differ by rounding from their mean, and are divided by √eps = 0.003
    assert_close(losses, wanted_losses, why, rtol=1e-4, atol=1e-4)
    assert_models(model, wanted, torch.float32, rate, rtol=1e-4, atol=3e-4)


@pytest.mark.problem("train_mlp")
def test_no_steps(student):
    """Who takes no step has the new model, and no losses."""
    model, losses = student.train_mlp([[0, 1, 2]], 3, 1, 2, 4, 0, 2, 0.5, 6)
    assert_equal(losses, [], "no steps, no losses")
    wanted = student.init_mlp(3, 1, 2, 4, 6)
    for name in sorted(wanted):
        assert_equal(model[name], wanted[name], f"{name} is that of init_mlp with the same seed")


@pytest.mark.problem("train_mlp")
def test_a_vocabulary_of_one(student):
    """Who knows all from the start has a loss of 0, and takes every step nevertheless."""
    model, losses = student.train_mlp([[0, 0, 0]], 1, 1, 2, 3, 4, 2, 0.1, 6)
    assert_close(losses, [0.0] * 4, "a loss per step, however small", atol=1e-6)
    why = "the running statistics take every batch in"
    assert_close(model["running_var"], torch.full((3,), 0.9**4), why, rtol=1e-4)


@pytest.mark.problem("train_mlp")
def test_nothing_is_left_out_of_training(student, rng):
    """After three steps no parameter is what it was, and the statistics are those of the batches."""
    documents = [random_ids(rng, 5, 30).tolist()]
    model, _ = student.train_mlp(documents, 5, 2, 4, 9, 3, 30, 0.5, 7)
    new = student.init_mlp(5, 2, 4, 9, 7)
    for name in sorted(new):
        assert not torch.equal(model[name], new[name]), f"{name} has not moved in three steps"


@pytest.mark.problem("train_mlp")
def test_batches_are_drawn_anew(student, rng):
    """With a learning rate of 0 only the batches make losses differ, and they do, every time."""
    documents = [random_ids(rng, 8, 25).tolist()]
    _, losses = student.train_mlp(documents, 8, 1, 4, 16, 24, 4, 0.0, 2)
    distinct = len({round(loss, 6) for loss in losses})
    assert distinct > 15, (  # 10,626 batches without repetition: 24 draws hardly meet
        f"24 batches of 4 from 24 windows: got {distinct} different ones; draw them at random"
    )


@pytest.mark.problem("train_mlp")
def test_batches_are_mixtures(student):
    """Half of the windows are alike, and so is the other half; batches hold some of both."""
    documents = [[0] * 401, [1] * 401]
    _, losses = student.train_mlp(documents, 2, 1, 4, 16, 20, 64, 0.0, 2)
    # equal rows are normalized to 0, so that a new model's loss is ln 2 to the last digit
    pure = sum(abs(loss - math.log(2)) < 1e-6 for loss in losses)
    assert pure < 5, (  # at random, one in 10^19 is
        f"{pure} of 20 batches came from one document alone; draw each window by itself"
    )


def drawn(student, n: int, batch_size: int, steps: int = 1, rate: float = 1.0, seed: int = 3):
    """How often each of n windows was drawn. All windows are [0], so that their targets tell.

    Equal rows are normalized to 0: then every p is 1 / n, and b2 moves by the rate times the share
    of its id among the targets, less 1 / n.
    """
    documents = [[0, i] for i in range(n)]
    model, _ = student.train_mlp(documents, n, 1, 2, 3, steps, batch_size, rate, seed)
    return (model["b2"].double() / rate + steps / n) * batch_size


@pytest.mark.problem("train_mlp")
@pytest.mark.parametrize("n, batch_size", [(20, 7), (20, 33), (30, 5), (3, 8)])
def test_a_batch_has_batch_size_windows(student, n, batch_size):
    """The counts of all windows are whole, and sum to the size of the batch."""
    counts = drawn(student, n, batch_size)
    why = f"a batch of {batch_size} from {n} windows has another number of windows"
    assert_close(counts, counts.round(), why, rtol=0, atol=1e-3)
    assert_close(counts.sum(), float(batch_size), why, rtol=0, atol=1e-3)


@pytest.mark.problem("train_mlp")
def test_every_batch_has_batch_size_windows(student):
    """So has the last batch of an epoch: 11 windows are no multiple of 4."""
    counts = drawn(student, 11, 4, steps=8, rate=1e-4)
    why = "one of eight batches of 4 from 11 windows has another number of windows"
    assert_close(counts, counts.round(), why, rtol=0, atol=0.05)  # p is 1 / n to 1e-3


@pytest.mark.problem("train_mlp")
def test_every_window_has_the_same_chance(student):
    """Of 20,000 draws each of 40 windows gets 500, give or take 22 (false alarm: 1e-9)."""
    counts = drawn(student, 40, 20_000)
    few, many = counts.min().item(), counts.max().item()
    assert few > 350 and many < 650, f"windows were drawn {few:.0f} to {many:.0f} times: wanted 500"


@pytest.mark.problem("train_mlp")
def test_what_fills_up_a_batch_is_drawn_as_well(student):
    """Of 400 draws in ten batches a third of 60 windows gets 133, give or take 9 (alarm: 1e-9)."""
    thirds = drawn(student, 60, 40, steps=10, rate=1e-4).reshape(3, 20).sum(1)
    why = "some windows come more often: those that fill up an epoch's last batch, for one"
    assert_close(thirds, torch.full((3,), 400 / 3), why, rtol=0, atol=58)


@pytest.mark.problem("train_mlp")
def test_documents_are_as_likely_as_they_are_long(student):
    """300 windows of one document and 100 equal ones of a hundred: all 401 count the same."""
    documents = [[0, 1], [0] * 301, *[[0, 2]] * 100]
    model, _ = student.train_mlp(documents, 3, 1, 2, 3, 1, 4000, 1.0, 5)
    shares, why = (
        model["b2"] + 1 / 3,
        "windows, not documents, have the same chance; equal ones, too",
    )
    # seven standard deviations
    assert_close(shares, torch.tensor([300.0, 1, 100]) / 401, why, rtol=0, atol=0.05)
    why = "the running statistics are those that the steps leave"
    assert_close(model["running_var"], torch.full((3,), 0.9), why, rtol=1e-5)


@pytest.mark.problem("train_mlp")
@pytest.mark.parametrize(
    "other, batch_size", [(4, 10), (2**16 + 3, 10), (10**9 + 3, 10), (2**32 - 1, 10), (4, 60)]
)
def test_seeds_draw_other_batches(student, other, batch_size):
    """Ten of forty windows, or all and twenty once more: the same ones once in 10^8."""
    first, second = (drawn(student, 40, batch_size, seed=seed) for seed in (3, other))
    same = torch.equal(first.round(), second.round())
    assert not same, f"seeds 3 and {other} draw one batch of {batch_size} from 40 windows"


@pytest.mark.problem("train_mlp")
def test_the_rate_stays_the_same(student):
    """110 steps at a rate of 1e-4 move b2 by 110 times what one step does."""
    model, losses = student.train_mlp([[0, 0]], 2, 1, 1, 1, 110, 2, 1e-4, 3)
    why = "the learning rate changes on the way, or training stops early"
    assert_close(model["b2"], [0.0055, -0.0055], why, rtol=0.01)  # p moves by 0.003
    wanted = math.log1p(math.exp(-0.0109))  # of this b2 alone, for the gelu of equal rows is 0
    assert_close(losses[-1], wanted, "the last loss is not that of its step", rtol=0, atol=1e-4)


@pytest.mark.problem("train_mlp")
def test_losses_are_not_rounded(student, rng):
    """Six losses have more than six digits."""
    _, losses = student.train_mlp([random_ids(rng, 8, 25).tolist()], 8, 1, 4, 16, 6, 4, 0.1, 2)
    assert any(abs(loss - round(loss, 6)) > 2e-8 for loss in losses), "the losses were rounded"


@pytest.mark.problem("train_mlp")
def test_the_last_model_is_returned(student):
    """At a rate of 0 no loss is the lowest, and the statistics still take every batch in."""
    model, _ = student.train_mlp([[0, 2, 1]], 4, 2, 3, 6, 8, 5, 0.0, 9)
    why = "the model after the last step is returned, not the best or the first"
    assert_close(model["running_var"], torch.full((6,), 0.9**8), why, rtol=1e-4)


@pytest.mark.problem("train_mlp")
@pytest.mark.parametrize("steps, batch_size", [(0, 1), (0, 0), (0, -1), (1, -1), (-1, 4)])
def test_impossible_trainings_are_an_error(student, steps, batch_size):
    """A batch has two windows or more, also where none is drawn, and steps do not go back."""
    with raises(ValueError, f"{steps=} and {batch_size=}: that is an error"):
        student.train_mlp([[0, 1, 2, 3]], 4, 1, 2, 3, steps, batch_size, 0.1, 1)


@pytest.mark.problem("train_mlp")
@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("wrong, place", [(5, 0), (-1, 500), (2**32, 1000)])
def test_a_bad_id_is_found_before_the_first_step(student, steps, wrong, place):
    """An id outside 0..V - 1 is an error, whether its window is drawn or not."""
    document = [0] * 1001
    document[place] = wrong
    with raises(ValueError, f"id {wrong} is none of 5, drawn or not"):
        student.train_mlp([document], 5, 1, 2, 3, steps, 2, 0.1, 1)


@pytest.mark.problem("train_mlp")
@pytest.mark.parametrize("steps", [0, 20])
@pytest.mark.parametrize(
    "documents, k", [([], 1), ([[0, 1]], 2), ([[0, 1]], 0), ([[0, 3, 1]], 1), ([[0, -1, 1]], 1)]
)
def test_bad_data_is_an_error(student, documents, k, steps):
    """No window to learn from, or ids that the model has no embedding for."""
    with raises(ValueError, f"{documents} with {k=}, {steps=} and V = 3 cannot be trained on"):
        student.train_mlp(documents, 3, k, 2, 4, steps, 8, 0.1, 1)


@pytest.mark.problem("train_mlp")
@pytest.mark.parametrize("C, H", [(0, 4), (2, 0), (-1, 4)])
def test_models_of_nothing_are_not_trained(student, C, H):
    """Sizes are checked as in init_mlp, also where no step is taken."""
    with raises(ValueError, f"{C=} and {H=} make no model to train"):
        student.train_mlp([[0, 1, 2]], 3, 1, C, H, 0, 2, 0.1, 1)


@pytest.mark.problem("train_mlp")
@pytest.mark.statistical
def test_names_are_learned(student):
    """After 300 steps on 2,000 names, 200 others cost 2.0 to 2.4 nats: no more, and no less."""
    alphabet = ".abcdefghijklmnopqrstuvwxyz"
    documents = [[alphabet.index(c) for c in f"...{name}."] for name in names(2_200)]
    rest = {"C": 10, "H": 64, "steps": 300, "batch_size": 64, "learning_rate": 0.3, "seed": 1}
    losses, logits, y = student.run(
        "train_and_evaluate", documents[:2000], documents[2000:], 27, 3, rest
    )
    loss = F.cross_entropy(logits.double(), y).item()
    assert abs(losses[0] - math.log(27)) < 0.05, f"the first loss is ln 27: got {losses[0]:.3f}"
    assert 2.0 < loss < 2.4, f"held-out names cost {loss:.3f} nats, wanted 2.0 to 2.4"
