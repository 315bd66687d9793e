"""Public tests of ch03_mlp, problem by problem in the order of the handout."""

import math

import pytest
import torch
import torch.nn.functional as F

from kit.compare import assert_close, assert_equal, raises
from tests.ch03_mlp.checks import (
    FLOAT32,
    FLOAT64,
    SEED_DECIDES,
    SEEDS_DIFFER,
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
    check_normal,
    check_slope,
    check_train_step,
    check_windows,
    linear_gradients,
    mlp_logits,
    model_of,
    random,
    random_batchnorm,
    random_ids,
    trained,
)

FORMS = ("none", "tanh")
DOUBLE = torch.float64
SIZES = {"V": 4, "k": 2, "C": 5, "H": 12}

# --- context_windows ----------------------------------------------------------------------------


@pytest.mark.problem("context_windows")
def test_windows_of_the_worked_example(student):
    """The windows are those of the handout's two names."""
    x, y = student.context_windows([[0, 0, 1, 2, 0], [0, 0, 2, 0]], 2)
    wanted = [[0, 0], [0, 1], [1, 2], [0, 0], [0, 2]]
    assert_equal(x, wanted, "a window is k ids of one document, in reading order")
    assert_equal(y, [1, 2, 0, 2, 0], "the target comes right after its window, not inside it")


@pytest.mark.problem("context_windows")
def test_windows_stay_inside_a_document(student):
    """No window reaches from one document into the next."""
    documents = [[0, 1, 2, 3], [4, 5], [6, 7, 8]]
    why = "windows are those of each document by itself: none reaches across, none is missing"
    check_windows(student, documents, 2, why)


@pytest.mark.problem("context_windows")
def test_windows_of_random_documents(student, rng):
    """Every window is there once, those of documents of k + 1 ids included."""
    documents = [random_ids(rng, 9, n).tolist() for n in (12, 4, 3, 0, 7)]
    check_windows(student, documents, 3, "one window per id that has k ids before it, in order")


@pytest.mark.problem("context_windows")
@pytest.mark.parametrize("documents", [[], [[0, 1, 2], [3]]])
def test_no_window_is_an_error(student, documents):
    """Without data, or where all documents are too short, there is nothing to learn from."""
    with raises(ValueError, "no document has more than k ids: that is an error"):
        student.context_windows(documents, 3)


# --- embedding ----------------------------------------------------------------------------------


@pytest.mark.problem("embedding")
def test_embedding_gradient_of_the_worked_example(student):
    """Id 1 occurs twice, so that its row receives both gradients."""
    d_out = torch.tensor([[1.0, 2], [3, 4], [5, 6]])
    gradient = student.embedding_backward(d_out, torch.tensor([1, 0, 1]), 3)
    why = "gradients of a repeated id add up; none is overwritten"
    assert_close(gradient, [[3, 4], [6, 8], [0, 0]], why)


@pytest.mark.problem("embedding")
def test_embedding_picks_rows(student, rng):
    """Each id is replaced by its row of the table, whatever the shape of the ids."""
    table, ids = random(rng, 7, 3), random_ids(rng, 7, 4, 2)
    got = student.embedding_forward(table, ids)
    assert_equal(got, F.embedding(ids, table), "the vector of an id is its row of the table")


@pytest.mark.problem("embedding")
def test_embedding_gradient_agrees_with_autograd(student, rng):
    """Gradients go back to the rows they came from."""
    ids = random_ids(rng, 6, 10, 3)
    why = "row v is the sum over all places where ids are v"
    check_embedding_backward(student, random(rng, 10, 3, 4), ids, 6, why)


@pytest.mark.problem("embedding")
def test_embedding_passes_gradcheck(student, rng):
    """A tiny step along a random direction changes the vectors as the gradient says."""
    table, ids = random(rng, 5, 3, dtype=DOUBLE), random_ids(rng, 5, 8)
    d_out = random(rng, 8, 3, dtype=DOUBLE)
    gradients = [student.embedding_backward(d_out, ids, 5)]
    check_slope(student, "embedding_forward", [table], [ids], d_out, gradients, rng)


@pytest.mark.problem("embedding")
@pytest.mark.parametrize("wrong", [5, -1])
def test_ids_out_of_range_are_an_error(student, wrong):
    """An id that has no row is a ValueError; a negative one does not count from the end."""
    with raises(ValueError, f"id {wrong} has no row among 5"):
        student.embedding_forward(torch.zeros(5, 2), torch.tensor([0, wrong]))


# --- linear -------------------------------------------------------------------------------------


@pytest.mark.problem("linear")
def test_linear_of_the_worked_example(student):
    """One row, two inputs, three outputs, forwards and backwards by hand."""
    x, W = torch.tensor([[1.0, 2]]), torch.tensor([[1.0, 0], [0, 1], [1, 1]])
    y = student.linear_forward(x, W, torch.tensor([0.0, 0, 1]))
    assert_close(y, [[1, 2, 4]], "y = x Wᵀ + b")
    dx, dW, db = student.linear_backward(torch.tensor([[1.0, 0, 2]]), x, W)
    assert_close(dx, [[3, 2]], "dx = dy W")
    assert_close(dW, [[1, 2], [0, 0], [2, 4]], "dW = dyᵀ x")
    assert_close(db, [1, 0, 2], "db = dy, summed over the rows")


@pytest.mark.problem("linear")
@pytest.mark.parametrize("leading", [(6,), (2, 5)])
def test_linear_gradients_agree_with_autograd(student, rng, leading):
    """Gradients of W and b are sums over all rows, that of x is not."""
    x, W, b = random(rng, *leading, 4), random(rng, 3, 4), random(rng, 3)
    check_linear(student, x, W, b)
    why = "rows share W and b: their gradients add up, without a mean"
    check_linear_backward(student, random(rng, *leading, 3), x, W, why)


@pytest.mark.problem("linear")
def test_linear_passes_gradcheck(student, rng):
    """A tiny step along a random direction changes the output as the gradients say."""
    x, W, b = (random(rng, *shape, dtype=DOUBLE) for shape in ((5, 4), (3, 4), (3,)))
    d_out = random(rng, 5, 3, dtype=DOUBLE)
    gradients = student.linear_backward(d_out, x, W)
    check_slope(student, "linear_forward", [x, W, b], [], d_out, gradients, rng)


@pytest.mark.problem("linear")
def test_strided_linear(student, rng):
    """How x, W, b and d_out lie in memory does not matter."""
    x, W, b, d_out = (random(rng, *s, dtype=DOUBLE) for s in ((2, 5, 4), (3, 4), (3,), (2, 5, 3)))
    got = student.run("of_strided", "linear_forward", x, W, b)
    assert_close(got, F.linear(x, W, b), "strided tensors give another output", **FLOAT64)
    got = student.run("of_strided", "linear_backward", d_out, x, W)
    why = "strided tensors give other gradients"
    for gradient, wanted in zip(got, linear_gradients(d_out, x, W), strict=True):
        assert_close(gradient, wanted, why, **FLOAT64)


@pytest.mark.problem("linear")
def test_shapes_of_a_layer_are_checked(student):
    """A layer of four inputs and three outputs; torch would broadcast a single bias."""
    W, x = torch.ones(3, 4), torch.ones(2, 4)
    with raises(ValueError, "rows of three numbers do not fit four inputs: is W transposed?"):
        student.linear_forward(x[:, :3], W)
    with raises(ValueError, "one bias for three outputs was broadcast"):
        student.linear_forward(x, W, torch.ones(1))


# --- gelu ---------------------------------------------------------------------------------------


@pytest.mark.problem("gelu")
def test_gelu_of_the_worked_example(student):
    """x Φ(x) at 1 and -1, and its slope."""
    x, one = torch.tensor([1.0, -1.0]), torch.ones(2)
    below = (1 + math.erf(1 / math.sqrt(2))) / 2
    density = math.exp(-0.5) / math.sqrt(2 * math.pi)
    assert_close(student.gelu(x, "none"), [below, below - 1], "gelu(x) = x Φ(x)", **FLOAT32)
    wanted = [below + density, 1 - below - density]
    assert_close(student.gelu_backward(one, x, "none"), wanted, "gelu' = Φ + x φ", **FLOAT32)


@pytest.mark.problem("gelu")
@pytest.mark.parametrize("approximate", FORMS)
def test_gelu_agrees_with_torch(student, rng, approximate):
    """Both forms are torch's, forwards and backwards."""
    x, d_out = 2 * random(rng, 4, 25), random(rng, 4, 25)
    check_gelu(student, x, approximate)
    check_gelu_backward(student, d_out, x, approximate)


@pytest.mark.problem("gelu")
@pytest.mark.parametrize("approximate", FORMS)
def test_gelu_passes_gradcheck(student, rng, approximate):
    """The gradient of each form is that of the same form, to six digits."""
    x, d_out = 2 * random(rng, 40, dtype=DOUBLE), random(rng, 40, dtype=DOUBLE)
    gradient = student.gelu_backward(d_out, x, approximate)
    check_slope(student, "gelu", [x], [approximate], d_out, [gradient], rng)


# --- cross_entropy ------------------------------------------------------------------------------


@pytest.mark.problem("cross_entropy")
def test_cross_entropy_of_the_worked_example(student):
    """Two rows, three classes: loss and gradient by hand."""
    logits = torch.tensor([[math.log(1), math.log(2), math.log(3)], [0.0, 0, 0]])
    targets = torch.tensor([2, 0])
    loss = student.cross_entropy_forward(logits, targets)
    assert_close(loss, math.log(6) / 2, "the mean of ln 2 and ln 3, in nats")
    gradient = student.cross_entropy_backward(logits, targets)
    wanted = [[1 / 12, 2 / 12, -3 / 12], [-1 / 3, 1 / 6, 1 / 6]]
    assert_close(gradient, wanted, "(softmax - onehot) / N", rtol=2e-6)


@pytest.mark.problem("cross_entropy")
def test_cross_entropy_agrees_with_torch(student, rng):
    """Loss and gradient are torch's."""
    logits, targets = 3 * random(rng, 20, 7), random_ids(rng, 7, 20)
    check_cross_entropy(student, logits, targets, "the mean over rows of -ln softmax, in nats")
    why = "(softmax - onehot) / N: each row minus one at its own target, divided once by N"
    check_cross_entropy_backward(student, logits, targets, why)


@pytest.mark.problem("cross_entropy")
def test_cross_entropy_passes_gradcheck(student, rng):
    """A tiny step along a random direction changes the loss as the gradient says."""
    logits, targets = random(rng, 6, 5, dtype=DOUBLE), random_ids(rng, 5, 6)
    gradients = [student.cross_entropy_backward(logits, targets)]
    one = torch.ones((), dtype=DOUBLE)
    check_slope(student, "cross_entropy_forward", [logits], [targets], one, gradients, rng)


@pytest.mark.problem("cross_entropy")
def test_large_logits_stay_finite(student, rng):
    """exp(10,000) is inf: each row's maximum is subtracted first."""
    logits, targets = random(rng, 5, 4).sign() * 10_000, random_ids(rng, 4, 5)
    why = "large logits overflow; subtract the row's maximum first"
    check_cross_entropy(student, logits, targets, why, noise=1.2e-3)  # float32's spacing there
    check_cross_entropy_backward(student, logits, targets, why, noise=1.2e-3)


@pytest.mark.problem("cross_entropy")
@pytest.mark.parametrize("wrong", [3, -1])
def test_targets_out_of_range_are_an_error(student, wrong):
    """A target that is no class is a ValueError; a negative one does not count from the end."""
    with raises(ValueError, f"target {wrong} is none of 3 classes"):
        student.cross_entropy_forward(torch.zeros(2, 3), torch.tensor([0, wrong]))


@pytest.mark.problem("cross_entropy")
@pytest.mark.parametrize("name", ["cross_entropy_forward", "cross_entropy_backward"])
def test_a_column_of_targets_is_an_error(student, name):
    """Targets are (N,): of (N, 1), torch would make N losses of every row."""
    with raises(ValueError, "targets of (3, 1) for three rows: wanted (3,)"):
        getattr(student, name)(torch.zeros(3, 4), torch.tensor([[0], [1], [2]]))


# --- kaiming_init -------------------------------------------------------------------------------


@pytest.mark.problem("kaiming_init")
def test_weights_have_the_right_size(student):
    """50 inputs and a gain of √2 make a standard deviation of 0.2 (false alarm: 1e-8)."""
    W = student.kaiming_init(400, 50, math.sqrt(2), 1)
    check_normal(W, 0.2, "weights for 50 inputs and gain √2")


@pytest.mark.problem("kaiming_init")
def test_the_seed_decides_the_weights(student):
    """The same seed gives the same weights, another one others."""
    first, again = student.run("after_other_draws", "kaiming_init", 6, 4, 1.0, 7)
    assert_equal(again, first, SEED_DECIDES)
    other = student.kaiming_init(6, 4, 1.0, 8)
    assert not torch.equal(other, torch.as_tensor(first)), SEEDS_DIFFER


# --- batchnorm ----------------------------------------------------------------------------------


@pytest.mark.problem("batchnorm")
def test_batchnorm_of_the_worked_example(student):
    """One feature of four rows, forwards and backwards by hand."""
    x, gain, bias = torch.tensor([[0.0], [0], [2], [2]]), torch.tensor([3.0]), torch.tensor([5.0])
    mean, var = torch.zeros(1), torch.ones(1)
    out, mean, var = student.batchnorm_forward(x, gain, bias, mean, var, True, 0.1, 0.0)
    assert_close(out, [[2], [2], [8], [8]], "x̂ is -1, -1, 1, 1: the var is divided by N")
    assert_close(mean, [0.1], "0.9 * 0 + 0.1 * 1")
    assert_close(var, [0.9 + 0.1 * 4 / 3], "0.9 * 1 + 0.1 * 4/3: the running var divides by N - 1")
    d_out = torch.tensor([[1.0], [0], [0], [0]])
    dx, d_gain, d_bias = student.batchnorm_backward(d_out, x, gain, 0.0)
    why = "every row feels a push on one: mean and sigma depend on all of them"
    assert_close(dx, [[1.5], [-1.5], [0], [0]], why)
    assert_close(d_gain, [-1], "d_gain = sum of d_out x̂")
    assert_close(d_bias, [1], "d_bias = sum of d_out")


@pytest.mark.problem("batchnorm")
@pytest.mark.parametrize("training", [True, False])
def test_batchnorm_agrees_with_torch(student, rng, training):
    """In training the batch is its own measure, afterwards the running statistics are."""
    check_batchnorm(student, random_batchnorm(rng, 16, 5), training)


@pytest.mark.problem("batchnorm")
def test_batchnorm_gradients_agree_with_autograd(student, rng):
    """All three gradients, in float32."""
    x, gain, *_ = random_batchnorm(rng, 16, 5)
    why = "mean and sigma are functions of x, too"
    check_batchnorm_backward(student, random(rng, 16, 5), x, gain, why=why)


@pytest.mark.problem("batchnorm")
def test_batchnorm_passes_gradcheck(student, rng):
    """A tiny step along a random direction changes the output as the gradients say."""
    x, gain, bias, mean, var = random_batchnorm(rng, 7, 3, DOUBLE)
    d_out = random(rng, 7, 3, dtype=DOUBLE)
    gradients = student.batchnorm_backward(d_out, x, gain)
    rest = [mean, var, True]
    check_slope(student, "batchnorm_forward", [x, gain, bias], rest, d_out, gradients, rng)


@pytest.mark.problem("batchnorm")
def test_a_batch_of_one_is_an_error_in_training(student):
    """One row has no variance; in use, one row is fine."""
    x, zero, one = torch.ones(1, 2), torch.zeros(2), torch.ones(2)
    with raises(ValueError, "a batch of one row cannot be normalized by itself"):
        student.batchnorm_forward(x, one, zero, zero, one, True)
    out, *_ = student.batchnorm_forward(x, one, zero, zero, one, False, 0.1, 0.0)
    assert_close(out, x, "in use, a single row is normalized by the running statistics")


# --- mlp ----------------------------------------------------------------------------------------


@pytest.mark.problem("mlp")
def test_a_new_model_has_all_its_entries(student):
    """Names, shapes, dtypes and constants of a new model."""
    V, k, C, H = 11, 3, 4, 6
    model = student.init_mlp(V, k, C, H, 1)
    wanted = {"embedding": (V, C), "W1": (H, k * C), "gain": (H,), "bias": (H,), "W2": (V, H)}
    wanted |= {"b2": (V,), "running_mean": (H,), "running_var": (H,)}
    assert_equal({n: tuple(model[n].shape) for n in sorted(model)}, wanted, "names and shapes")
    for name, value in {"gain": 1, "bias": 0, "b2": 0, "running_mean": 0, "running_var": 1}.items():
        assert_close(
            model[name], torch.full(wanted[name], float(value)), f"{name} starts at {value}"
        )
    assert {v.dtype for v in model.values()} == {torch.float32}, "a new model is float32"


@pytest.mark.problem("mlp")
def test_a_new_model_is_as_surprised_as_it_should_be(student, rng):
    """The loss of a new model is ln V: nobody has told it anything, and it claims nothing."""
    model = student.init_mlp(30, 3, 8, 64, 2)
    logits = student.mlp_forward(model, random_ids(rng, 30, 500, 3))
    loss = F.cross_entropy(logits.double(), random_ids(rng, 30, 500)).item()
    assert abs(loss - math.log(30)) < 0.03, (  # logits of size 0.1 or so add half their variance
        f"a confident new model is wrong more loudly: loss {loss:.3f}, wanted {math.log(30):.3f}"
    )


@pytest.mark.problem("mlp")
def test_logits_agree_with_torchs_layers(student, rng):
    """The same model built of torch's layers gives the same logits."""
    model, x = model_of(rng, 9, 3, 4, 10), random_ids(rng, 9, 20, 3)
    got = student.mlp_forward(model, x)
    why = "embeddings side by side, W1, batchnorm by running statistics, GELU (exact), W2, b2"
    assert_close(got, mlp_logits(model, x), why, **FLOAT32)


# --- train_step ---------------------------------------------------------------------------------


@pytest.mark.problem("train_step")
def test_a_step_agrees_with_autograd(student, rng):
    """Every parameter moves against its gradient, the statistics take the batch in."""
    model, x, y = model_of(rng, 9, 3, 4, 10), random_ids(rng, 9, 32, 3), random_ids(rng, 9, 32)
    check_train_step(student, model, x, y, 0.5)


@pytest.mark.problem("train_step")
def test_targets_of_another_number_are_an_error(student, rng):
    """Three windows have three targets."""
    model, x = model_of(rng, 5, 2, 3, 4), random_ids(rng, 5, 3, 2)
    with raises(ValueError, "four targets for three windows are no batch"):
        student.train_step(model, x, random_ids(rng, 5, 4), 0.1)


@pytest.mark.problem("train_step")
def test_a_step_in_float64(student, rng):
    """With more digits the same, to ten of them."""
    sizes = {"V": 6, "k": 2, "C": 3, "H": 7, "dtype": DOUBLE}
    model, x, y = model_of(rng, **sizes), random_ids(rng, 6, 20, 2), random_ids(rng, 6, 20)
    check_train_step(student, model, x, y, 0.1)


@pytest.mark.problem("train_step")
def test_many_steps_learn_a_batch(student, rng):
    """Thirty steps are retraced by autograd, one on top of the other."""
    model = model_of(rng, 5, 2, 3, 8, DOUBLE)
    x, y = random_ids(rng, 5, 12, 2), random_ids(rng, 5, 12)
    got, losses = student.run("train_on_one_batch", model, x, y, 0.2, 30)
    wanted, wanted_losses = trained(model, x, y, 0.2, 30)
    assert_close(losses, wanted_losses, "the losses are those of gradient descent", rtol=1e-7)
    assert_models(got, wanted, DOUBLE, 0.2, rtol=1e-6, atol=1e-6)


# --- train_mlp ----------------------------------------------------------------------------------


@pytest.mark.problem("train_mlp")
def test_a_rule_of_two_ids_is_learned(student):
    """What comes next depends on both ids before it: a bigram could not know it."""
    documents = [[0, 1, 1, 0, 1, 1, 0, 1, 1], [2, 3, 3, 2, 3, 3, 2, 3, 3]]
    arguments = {"steps": 60, "batch_size": 16, "learning_rate": 0.5, "seed": 1}
    model, losses = student.train_mlp(documents, **SIZES, **arguments)
    assert len(losses) == 60, f"one loss per step: got {len(losses)} losses in 60 steps"
    assert abs(losses[0] - math.log(4)) < 0.2, f"a new model's loss is ln 4: got {losses[0]:.3f}"
    x = torch.tensor([[0, 1], [1, 1], [1, 0], [2, 3], [3, 3], [3, 2]])
    loss = F.cross_entropy(mlp_logits(model, x), torch.tensor([1, 0, 1, 3, 2, 3])).item()
    assert loss < 0.2, f"six windows, each with one next id: got a loss of {loss:.3f}, wanted < 0.2"


@pytest.mark.problem("train_mlp")
def test_the_seed_decides_the_training(student):
    """The same seed gives the same losses, another one others."""
    documents = [[0, 1, 2, 3, 3, 2, 0, 1, 3, 0, 2, 2]]
    first, again = student.run(
        "after_other_draws", "train_mlp", documents, 4, 2, 5, 12, 5, 4, 0.1, 3
    )
    assert_equal(again[1], first[1], SEED_DECIDES)
    _, others = student.train_mlp(documents, 4, 2, 5, 12, 5, 4, 0.1, 4)
    assert list(others) != list(first[1]), SEEDS_DIFFER


@pytest.mark.problem("train_mlp")
@pytest.mark.parametrize("batch_size", [0, 1])
def test_a_batch_of_less_than_two_is_an_error(student, batch_size):
    """Batch normalization needs two rows."""
    arguments = {"steps": 1, "batch_size": batch_size, "learning_rate": 0.1, "seed": 1}
    with raises(ValueError, "a batch of less than two windows cannot be trained on"):
        student.train_mlp([[0, 1, 2, 3]], **SIZES, **arguments)


@pytest.mark.problem("train_mlp")
def test_ids_are_checked_before_the_first_step(student):
    """An unknown id is an error, whether or not its window is drawn."""
    arguments = {"steps": 0, "batch_size": 2, "learning_rate": 0.1, "seed": 1}
    with raises(ValueError, "id 4 is none of 4, and no step has to be taken to see that"):
        student.train_mlp([[0, 1, 2, 3], [0, 1, 4]], **SIZES, **arguments)
