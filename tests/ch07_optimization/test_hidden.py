"""Hidden tests of ch07_optimization: the same laws at other shapes, dtypes, edges and limits."""

import math

import pytest
import torch

from kit.compare import assert_close, assert_equal, raises
from tests.ch07_optimization.checks import (
    DOUBLE,
    FLOAT32,
    FLOAT64,
    assert_dtype,
    check_adamw,
    check_clipped,
    check_groups,
    check_history,
    check_muon,
    check_normal,
    check_schedule,
    check_seeded,
    check_sgd,
    check_uniform,
    check_unrelated,
    gradients_for,
    norm_of,
    random,
    torch_adamw,
)

BFLOAT, HALF = torch.bfloat16, torch.float16
# of each operation, half the distance of neighbouring numbers; a few follow each other
ROUNDED = {BFLOAT: {"rtol": 2**-7, "atol": 2e-2}, HALF: {"rtol": 2**-10, "atol": 3e-3}}

# --- sgd_momentum -------------------------------------------------------------------------------


@pytest.mark.problem("sgd_momentum")
@pytest.mark.parametrize("momentum, nesterov", [(0.0, False), (0.3, False), (0.3, True)])
def test_sgd_in_float64(student, rng, momentum, nesterov):
    """All digits of float64; without momentum the velocity is the gradient."""
    weight = random(rng, 5, dtype=DOUBLE)
    gradients = [random(rng, 5, dtype=DOUBLE) for _ in range(4)]
    check_sgd(student, weight, gradients, [0.1, 1.0, 0.5, 0.0], momentum, nesterov, **FLOAT64)


@pytest.mark.problem("sgd_momentum")
@pytest.mark.parametrize("dtype", [BFLOAT, HALF], ids=str)
def test_sgd_in_half_precision(student, rng, dtype):
    """What comes out has the dtype of what went in."""
    weight, gradients = random(rng, 6, dtype=dtype), [random(rng, 6, dtype=dtype)]
    check_sgd(student, weight, gradients * 2, [0.25, 0.25], 0.5, True, **ROUNDED[dtype])


@pytest.mark.problem("sgd_momentum")
def test_nesterov_without_momentum_is_gradient_descent(student):
    """momentum = 0 forgets all that was, and looks at nothing ahead."""
    w, g, v = (torch.tensor([x]) for x in (1.0, 2.0, 7.0))
    got = student.sgd_momentum(w, g, v, 0.1, 0.0, True)
    assert_close(got[0], [0.8], "without momentum only the gradient counts")
    assert_close(got[1], [2.0], "without momentum the new velocity is the gradient")


@pytest.mark.problem("sgd_momentum")
@pytest.mark.parametrize("shape", [(), (2, 1, 3)], ids=str)
def test_sgd_of_any_shape(student, rng, shape):
    """Numbers and batches."""
    weight, gradients = random(rng, *shape), [random(rng, *shape) for _ in range(2)]
    check_sgd(student, weight, gradients, [0.1, 0.1], 0.9, True, **FLOAT32)


@pytest.mark.problem("sgd_momentum")
@pytest.mark.parametrize("shapes", [((3,), (1,), (3,)), ((2, 3), (2, 3), (3,))], ids=str)
def test_sgd_of_other_shapes_is_an_error(student, shapes):
    """torch would broadcast one number of a gradient to all weights."""
    with raises(ValueError, f"weight, gradient and velocity of {shapes} were accepted"):
        student.sgd_momentum(*map(torch.ones, shapes), 0.1, 0.9)


@pytest.mark.problem("sgd_momentum")
def test_sgd_on_a_valley(student):
    """On w² / 2 with lr 1 and momentum 0.25, w jumps to 0, and overshoots by a quarter."""
    w, v, path = torch.tensor([1.0]), torch.tensor([0.0]), []
    for _ in range(3):
        w, v = student.sgd_momentum(w, w, v, 1.0, 0.25)
        path.append(w.item())
    assert_close(path, [0.0, -0.25, -0.0625], "1 -> 0 -> -1/4 -> -1/16", **FLOAT32)


# --- adamw --------------------------------------------------------------------------------------


@pytest.mark.problem("adamw")
@pytest.mark.parametrize(
    "options",
    [
        {"lr": 0.1, "weight_decay": 0.0},
        {"lr": 0.02, "betas": (0.95, 0.5), "weight_decay": 2.0},
        {"lr": 0.1, "betas": (0.0, 0.9)},
        {"lr": 0.1, "betas": (0.9, 0.1), "eps": 0.5},
        {"lr": 0.0, "weight_decay": 0.5},
        {"lr": 0.05, "eps": 0.0},
    ],
    ids=str,
)
def test_adamw_with_other_options(student, rng, options):
    """Zero is an option like others, and beta1 may be the larger one."""
    weights = [random(rng, 2, 3), random(rng, 3)]
    why = "not the steps of torch.optim.AdamW"
    check_adamw(student, why, weights, gradients_for(rng, weights, 12), **options)


@pytest.mark.problem("adamw")
def test_many_steps_of_adamw(student, rng):
    """After 300 steps the corrections still matter: 1 - 0.999**300 is a quarter."""
    weights = [random(rng, 3)]
    why = "not the steps of torch.optim.AdamW"
    check_adamw(student, why, weights, gradients_for(rng, weights, 300), lr=0.01)


@pytest.mark.problem("adamw")
@pytest.mark.parametrize("size", [1e-10, 1e-4, 1e6])
def test_gradients_of_every_size(student, rng, size):
    """eps decides over tiny gradients, and large ones make no larger steps."""
    weights = [random(rng, 4)]
    why = f"gradients of about {size:g}"
    check_adamw(student, why, weights, gradients_for(rng, weights, 20, size), lr=0.05)


@pytest.mark.problem("adamw")
def test_adamw_in_float64(student, rng):
    """float64 weights keep all their digits; with betas of 0 no other number rounds."""
    weights = [random(rng, 5, dtype=DOUBLE)]
    gradients = gradients_for(rng, weights, 4)
    options = {"lr": 0.5, "betas": (0.0, 0.0), "weight_decay": 0.25}
    got = student.run("adamw_steps", weights, gradients, **options)
    wanted = torch_adamw("adamw_steps", weights, gradients, **options)
    check_history(got, wanted, "float64 went through float32", options, **FLOAT64)
    assert_dtype(got[0][0], DOUBLE)


@pytest.mark.problem("adamw")
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE, BFLOAT], ids=str)
def test_moments_have_the_dtype_of_the_weight(student, dtype):
    """m and v are as precise as the weight, and of its shape."""
    dtypes = student.run("adamw_memory", dtype)
    assert len(dtypes) >= 2, (
        f"got {len(dtypes)} tensors of the weight's shape in its state, wanted 2"
    )
    assert set(dtypes) == {str(dtype)}, f"moments are {set(dtypes)} for a weight of {dtype}"


@pytest.mark.problem("adamw")
def test_adamw_in_bfloat16(student, rng):
    """The steps are those of float64, to bfloat16's two or three digits."""
    weights = [random(rng, 8, dtype=BFLOAT)]
    gradients = gradients_for(rng, weights, 5)
    options = {"lr": 0.25, "betas": (0.5, 0.75), "weight_decay": 0.25}
    got = student.run("adamw_steps", weights, gradients, **options)
    wanted = torch_adamw("adamw_steps", weights, gradients, **options)
    # five steps of 0.25, each rounded to 2^-8 of itself several times
    check_history(got, wanted, "bfloat16 weights", options, rtol=2**-6, atol=4e-2)
    assert_dtype(got[0][0], BFLOAT)


@pytest.mark.problem("adamw")
@pytest.mark.parametrize(
    "option, value",
    [("lr", 0.02), ("betas", (0.5, 0.6)), ("eps", 1.0), ("weight_decay", 2.0), ("lr", 0.0)],
)
def test_every_option_may_change(student, rng, option, value):
    """What is in a group when a step is taken counts, for each option."""
    weights = [random(rng, 3), random(rng, 2)]
    groups = [{"params": [0]}, {"params": [1], "lr": 0.2}]
    changes = {3: [(1, option, value)], 6: [(0, option, value)]}
    options = {"groups": groups, "changes": changes, "lr": 0.1, "weight_decay": 0.5}
    why = f"{option} of a group was changed to {value} on the way"
    check_adamw(student, why, weights, gradients_for(rng, weights, 9), **options)


@pytest.mark.problem("adamw")
def test_groups_that_keep_the_defaults(student, rng):
    """The second group has no options, the first has all."""
    weights = [random(rng, 3), random(rng, 3)]
    own = {"lr": 0.01, "betas": (0.1, 0.2), "eps": 0.3, "weight_decay": 3.0}
    groups = [{"params": [0], **own}, {"params": [1]}]
    why = "a group without options has those of the constructor"
    check_adamw(student, why, weights, gradients_for(rng, weights, 5), groups=groups, lr=0.1)


@pytest.mark.problem("adamw")
def test_a_group_that_joins_later(student, rng):
    """add_param_group: its parameters begin at t = 1 when the others are at 4."""
    weights = [random(rng, 3), random(rng, 2), random(rng, 4)]
    gradients = gradients_for(rng, weights, 6)
    why = "a group that was added on the way is updated, with its options and its own t"
    check_adamw(student, why, weights, gradients, "adamw_added", at=3, lr=0.05)


@pytest.mark.problem("adamw")
def test_two_optimizers_know_nothing_of_each_other(student, rng):
    """Moments, counts and options belong to one object, not to the class."""
    weights = [random(rng, 3), random(rng, 3)]
    gradients = gradients_for(rng, weights, 6)
    why = "two optimizers share what each should have for itself"
    check_adamw(student, why, weights, gradients, "adamw_apart", rates=[0.1, 0.03])


@pytest.mark.problem("adamw")
def test_a_resumed_optimizer_keeps_its_groups(student, rng):
    """Options and moments of every group survive, also of a parameter that has had no step."""
    weights = [random(rng, 3), random(rng, 2, 2), random(rng, 3)]
    gradients = gradients_for(rng, weights, 7)
    for now in gradients[:5]:
        now[2] = None
    groups = [{"params": [1], "lr": 0.02, "betas": (0.5, 0.7)}, {"params": [0, 2], "eps": 0.1}]
    why = "after loading its state_dict, another optimizer goes on otherwise"
    options = {"groups": groups, "at": 4, "lr": 0.1, "weight_decay": 0.4}
    check_adamw(student, why, weights, gradients, "adamw_resumed", **options)


@pytest.mark.problem("adamw")
def test_a_new_optimizer_has_a_state_to_save(student, rng):
    """A state_dict saved before the first step can be loaded."""
    weights = [random(rng, 3)]
    why = "saved before its first step and loaded, an optimizer goes on otherwise"
    gradients = gradients_for(rng, weights, 3)
    check_adamw(student, why, weights, gradients, "adamw_resumed", at=0, lr=0.1)


@pytest.mark.problem("adamw")
def test_strided_weights_and_gradients(student, rng):
    """How weights and gradients lie in memory does not matter."""
    weights = [random(rng, 3, 4), random(rng, 2, 3)]
    gradients = gradients_for(rng, weights, 4)
    why = "numbers are read in the order of memory"
    check_adamw(student, why, weights, gradients, "adamw_strided", lr=0.1)


@pytest.mark.problem("adamw")
@pytest.mark.parametrize("shape", [(), (1,), (2, 3, 1, 2)], ids=str)
def test_weights_of_any_shape(student, rng, shape):
    """Numbers and kernels; biases decay like everything."""
    weights = [random(rng, *shape)]
    why = f"a weight of shape {shape}"
    gradients = gradients_for(rng, weights, 5)
    check_adamw(student, why, weights, gradients, lr=0.1, weight_decay=0.5)


@pytest.mark.problem("adamw")
@pytest.mark.parametrize("groups", [False, True])
def test_parameters_may_come_from_a_generator(student, rng, groups):
    """model.parameters() can be walked through once."""
    weights = [random(rng, 3), random(rng, 2)]
    gradients = gradients_for(rng, weights, 2)
    got = student.run("adamw_of_generator", weights, gradients, groups)
    wanted = torch_adamw("adamw_steps", weights, gradients, lr=0.1)[-1]
    check_history([got], [wanted], "parameters of a generator", {"lr": 0.1})


@pytest.mark.problem("adamw")
def test_without_any_gradient_nothing_happens(student, rng):
    """Steps before the first backward pass change no weight."""
    weights = [random(rng, 3), random(rng, 2)]
    got, states = student.run("adamw_without_gradients", weights)
    assert_equal(got, weights, "without a gradient a weight stays as it is")


@pytest.mark.problem("adamw")
def test_a_gradient_of_zeros_is_a_gradient(student, rng):
    """It counts a step: the weight decays, and goes on by its momentum."""
    weights = [random(rng, 3)]
    gradients = gradients_for(rng, weights, 6)
    for step in (2, 3, 5):
        gradients[step] = [torch.zeros(3)]
    why = "a gradient of zeros is no missing gradient"
    check_adamw(student, why, weights, gradients, lr=0.1, weight_decay=0.5)


@pytest.mark.problem("adamw")
def test_adamw_builds_no_graph(student):
    """Gradients may have a graph; weights and moments do not hang on it."""
    assert student.run("adamw_graph") is False, "weight or moments hang on the gradients' graph"


@pytest.mark.problem("adamw")
def test_adamw_fits_a_line(student, rng):
    """Sixty steps of a training loop learn y = 2 x - 1."""
    x = random(rng, 40, 1)
    losses = student.run("adamw_trained", x, 2 * x[:, 0] - 1, 60)
    assert losses[-1] < 1e-2 * losses[0], f"a line is not learned: {losses[0]} -> {losses[-1]}"


@pytest.mark.problem("adamw")
@pytest.mark.parametrize(
    "options",
    [{"lr": 0.0}, {"betas": (0.0, 0.0)}, {"eps": 0.0}, {"weight_decay": 0.0}, {"lr": 10.0}],
    ids=str,
)
def test_options_at_the_edge_are_accepted(student, options):
    """Zero is allowed everywhere."""
    wanted = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01} | options
    for got in student.run("adamw_made", 2, **options):
        assert_equal(got, list(wanted.values()), f"the options of a group, made with {options}")


@pytest.mark.problem("adamw")
@pytest.mark.parametrize(
    "options", [{"betas": (0.9, 1.0)}, {"betas": (-0.1, 0.9)}, {"betas": (0.9, 1.5)}], ids=str
)
def test_betas_out_of_range_are_an_error(student, options):
    """Each of the two is checked at both ends."""
    with raises(ValueError, f"{options} was accepted"):
        student.run("adamw_made", **options)


# --- clip_grad_norm -----------------------------------------------------------------------------


@pytest.mark.problem("clip_grad_norm")
@pytest.mark.parametrize("how", ["list", "tuple", "generator"])
@pytest.mark.parametrize("max_norm", [0.01, 1.0, 1e3])
def test_clipping_of_many_gradients(student, rng, how, max_norm):
    """Of other sizes, from any iterable, at any limit."""
    gradients = [10.0 ** random(rng).item() * random(rng, 3, i) for i in range(6)] + [None]
    check_clipped(student, gradients, max_norm, how)


@pytest.mark.problem("clip_grad_norm")
@pytest.mark.parametrize("max_norm, limit", [(0.0, 0.0), (math.inf, math.inf)])
def test_limits_at_the_edge(student, rng, max_norm, limit):
    """A limit of 0 silences all gradients, one of inf none."""
    check_clipped(student, [random(rng, 4), random(rng, 2)], max_norm)


@pytest.mark.problem("clip_grad_norm")
def test_clipping_of_tiny_gradients(student, rng):
    """1e-6 is added to the norm: it counts where the norm is as small."""
    for dtype in (torch.float32, DOUBLE):
        gradients = [(1e-6 * random(rng, 3)).to(dtype), (2e-6 * random(rng, 2)).to(dtype)]
        check_clipped(student, gradients, 1e-7)


@pytest.mark.problem("clip_grad_norm")
@pytest.mark.parametrize("where", [0, 1])
@pytest.mark.parametrize("bad", [-math.inf, math.inf, math.nan])
@pytest.mark.parametrize("max_norm", [1e-3, math.inf])
def test_broken_gradients_at_any_place(student, rng, where, bad, max_norm):
    """The others are not set to 0 or NaN because of one."""
    gradients = [random(rng, 3), random(rng, 2)]
    gradients[where][-1] = bad
    found = student.run("clipped", gradients, max_norm)
    wanted = math.nan if math.isnan(bad) else math.inf
    assert_equal(float(found["norm"]), wanted, "the norm tells that a gradient is broken")
    assert_equal(found["gradients"], gradients, f"a norm of {wanted}: gradients are left alone")


@pytest.mark.problem("clip_grad_norm")
def test_a_parameter_that_comes_twice_counts_once(student, rng):
    """A tied weight has one gradient."""
    gradients = [random(rng, 3), random(rng, 4)]
    check_clipped(student, gradients, 0.5, "twice")


@pytest.mark.problem("clip_grad_norm")
def test_clipping_in_float64(student, rng):
    """Norm and gradients keep all digits."""
    gradients = [random(rng, 30, dtype=DOUBLE), random(rng, 4, dtype=DOUBLE)]
    check_clipped(student, gradients, 0.1, rtol=1e-12)
    found = student.run("clipped", gradients, 0.1)
    assert_equal(str(found["dtype"]), "torch.float64", "the norm of float64 gradients")


@pytest.mark.problem("clip_grad_norm")
@pytest.mark.parametrize("dtype", [BFLOAT, HALF], ids=str)
def test_clipping_in_half_precision(student, rng, dtype):
    """The norm is float32: it has all its digits, and may be 10^5 where float16 ends at 65504."""
    gradients = [(9000 + 300 * random(rng, 200)).to(dtype), random(rng, 3, dtype=dtype)]
    norm = norm_of(gradients)
    found = student.run("clipped", gradients, 100.0)
    assert_close(found["norm"], norm, "the norm is computed in float32", rtol=2e-6)
    assert_equal(str(found["dtype"]), "torch.float32", f"the norm of {dtype} gradients")
    for got, gradient in zip(found["gradients"], gradients, strict=True):
        wanted = gradient.double() * 100 / norm
        assert_close(got, wanted, f"clipped gradients of {dtype}", rtol=2**-7, atol=1e-7)
        assert_dtype(got, dtype, "a clipped gradient")


@pytest.mark.problem("clip_grad_norm")
def test_clipping_of_mixed_dtypes(student, rng):
    """Each gradient keeps its dtype; one in float64 makes the norm float64."""
    gradients = [random(rng, 20), random(rng, 10, dtype=BFLOAT), random(rng, 20, dtype=DOUBLE)]
    found = student.run("clipped", gradients, 0.25)
    norm = norm_of(gradients)
    assert_close(found["norm"], norm, "the norm over gradients of several dtypes", rtol=2e-6)
    assert_equal(str(found["dtype"]), "torch.float64", "the norm where a gradient is float64")
    for got, gradient in zip(found["gradients"], gradients, strict=True):
        assert_dtype(got, gradient.dtype, "a clipped gradient")
        assert_close(got, gradient.double() * 0.25 / norm, "all are scaled alike", rtol=2**-7)


@pytest.mark.problem("clip_grad_norm")
def test_clipping_of_strided_gradients(student, rng):
    """How gradients lie in memory does not matter."""
    gradients = [random(rng, 3, 4), random(rng, 5, 2)]
    norm, got = student.run("clipped_strided", gradients, 0.5)
    assert_close(norm, norm_of(gradients), "the norm of strided gradients", **FLOAT32)
    wanted = [g * 0.5 / norm_of(gradients) for g in gradients]
    for clipped, want in zip(got, wanted, strict=True):
        assert_close(clipped, want, "strided gradients are scaled alike", **FLOAT32)


@pytest.mark.problem("clip_grad_norm")
def test_views_see_what_is_clipped(student, rng):
    """Gradients that lie in one buffer are scaled there."""
    gradients = [random(rng, 3, 4), random(rng, 5)]
    memory = student.run("clipped_view", gradients, 0.5)
    wanted = torch.cat([g.flatten() for g in gradients]) * 0.5 / norm_of(gradients)
    assert_close(memory, wanted, "the memory of the gradients was replaced", **FLOAT32)


@pytest.mark.problem("clip_grad_norm")
def test_the_norm_hangs_on_no_graph(student):
    """Also where gradients do: 3, 3, 3 becomes 1/√3 each."""
    requires, gradient = student.run("clipped_graph")
    assert requires is False, "the norm hangs on the graph of the gradients"
    assert_close(gradient, [3**-0.5] * 3, "clipped to 1", **FLOAT32)


@pytest.mark.problem("clip_grad_norm")
@pytest.mark.parametrize("parameters", [0, 2])
def test_the_norm_of_nothing_is_zero(student, parameters):
    """No gradients, or no parameters: a tensor of 0."""
    norm, tensor, gradients = student.run("clipped_nothing", parameters)
    assert_close(norm, 0.0, "without gradients the norm is 0")
    assert tensor, "the norm is a tensor, also where nothing is to be clipped"
    assert_equal(gradients, [None] * parameters, "no gradient appears")


@pytest.mark.problem("clip_grad_norm")
def test_gradients_of_zeros_stay(student):
    """A norm of 0 divides nothing."""
    check_clipped(student, [torch.zeros(3), torch.zeros(2)], 1.0)


@pytest.mark.problem("clip_grad_norm")
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE], ids=str)
def test_small_gradients_below_a_small_limit(student, rng, dtype):
    """1e-6 beside a small limit is not nothing: a short gradient keeps every bit all the same."""
    check_clipped(student, [1e-3 * random(rng, 8, dtype=dtype)], 0.01)


# --- cosine_schedule ----------------------------------------------------------------------------


@pytest.mark.problem("cosine_schedule")
@pytest.mark.parametrize(
    "ends", [(1, 2), (1, 1), (5, 5), (0, 1), (0, 0), (3, 4), (10, 200), (150, 200)], ids=str
)
def test_cosines_of_other_lengths(student, ends):
    """Phases may be one step long, or empty."""
    last = ends[-1] + 4
    check_schedule(student, "cosine_schedule", range(0, last, 1 + last // 60), 1.0, 0.1, *ends)


@pytest.mark.problem("cosine_schedule")
def test_the_corners_of_a_long_cosine(student):
    """The steps beside the ends of the phases, in a run of a million steps."""
    steps = [0, 1, 1999, 2000, 2001, 500_000, 999_999, 1_000_000, 1_000_001, 10**9]
    check_schedule(student, "cosine_schedule", steps, 6e-4, 6e-5, 2000, 1_000_000)


@pytest.mark.problem("cosine_schedule")
@pytest.mark.parametrize("rates", [(3e-9, 1e-9), (0.5, 0.5), (0.1, 0.4)], ids=str)
def test_cosines_of_other_rates(student, rates):
    """Tiny rates are not rounded, and min_lr may be as large as max_lr, or larger."""
    check_schedule(student, "cosine_schedule", range(12), *rates, 3, 9)


@pytest.mark.problem("cosine_schedule")
def test_warmup_begins_at_zero(student):
    """Also where min_lr is above what the warm-up gives."""
    check_schedule(student, "cosine_schedule", range(8), 1.0, 0.5, 8, 16)


@pytest.mark.problem("cosine_schedule")
@pytest.mark.parametrize("step, warmup, total", [(0, 1, 0), (-5, 0, 0), (9, -1, 4), (9, 8, 7)])
def test_cosine_checks_come_before_all(student, step, warmup, total):
    """Also for steps past the end."""
    with raises(ValueError, f"{step=}, {warmup=}, {total=} was accepted"):
        student.cosine_schedule(step, 1.0, 0.1, warmup, total)


# --- wsd_schedule -------------------------------------------------------------------------------


@pytest.mark.problem("wsd_schedule")
@pytest.mark.parametrize(
    "ends",
    [(0, 5, 9), (4, 4, 9), (4, 9, 9), (0, 0, 6), (0, 0, 0), (5, 5, 5), (1, 2, 3), (20, 100, 150)],
    ids=str,
)
def test_wsd_of_other_lengths(student, ends):
    """Each phase may be empty."""
    last = ends[-1] + 4
    check_schedule(student, "wsd_schedule", range(0, last, 1 + last // 60), 1.0, 0.1, *ends)


@pytest.mark.problem("wsd_schedule")
def test_the_corners_of_a_long_wsd(student):
    """The steps beside the ends of the phases, in a run of a million steps."""
    steps = [0, 1, 1999, 2000, 799_999, 800_000, 800_001, 999_999, 1_000_000, 10**9]
    check_schedule(student, "wsd_schedule", steps, 6e-4, 6e-5, 2000, 800_000, 1_000_000)


@pytest.mark.problem("wsd_schedule")
@pytest.mark.parametrize("rates", [(3e-9, 1e-9), (0.5, 0.5), (0.1, 0.4), (1.0, 0.0)], ids=str)
def test_wsd_of_other_rates(student, rates):
    """Tiny rates are not rounded, and min_lr may be as large as max_lr, or larger."""
    check_schedule(student, "wsd_schedule", range(14), *rates, 3, 6, 11)


@pytest.mark.problem("wsd_schedule")
@pytest.mark.parametrize("step, ends", [(-5, (0, 0, 0)), (9, (-1, 2, 4)), (9, (3, 2, 4))])
def test_wsd_checks_come_before_all(student, step, ends):
    """Also for steps past the end."""
    with raises(ValueError, f"{step=} of phases that end at {ends} was accepted"):
        student.wsd_schedule(step, 1.0, 0.1, *ends)


# --- decay_groups -------------------------------------------------------------------------------


@pytest.mark.problem("decay_groups")
@pytest.mark.parametrize(
    "model, decayed, others",
    [
        (
            "language",
            "rnn.weight_ih_l0 rnn.weight_hh_l0 head.weight",
            "embedding.weight rnn.bias_ih_l0 rnn.bias_hh_l0 head.bias",
        ),
        ("conv", "0.weight 3.weight", "0.bias 3.bias"),
        ("linear", "weight", "bias"),
    ],
    ids=["language", "conv", "linear"],
)
def test_groups_of_other_models(student, model, decayed, others):
    """Recurrent layers, convolutions, and a model that is one layer."""
    check_groups(student, model, decayed, others, "two axes or more, and no embedding")


@pytest.mark.problem("decay_groups")
def test_an_embedding_tied_the_other_way(student):
    """The head comes first and lends the embedding its weight: it is an embedding's still."""
    check_groups(
        student,
        "small",
        "table layers.1.weight conv.weight",
        "scale tokens.weight norm.weight norm.bias layers.0.bias conv.bias",
        "tokens.weight is layers.0.weight",
        tie=["layers.0", "tokens"],
    )


@pytest.mark.problem("decay_groups")
def test_names_do_not_decide(student):
    """A matrix called bias decays, a layer called embedding too; an embedding called words not."""
    (decay, decayed), (rest, others) = student.run("grouped_odd", "odd", 0.5)
    wanted = ["bias", "row", "embedding.weight", "norm.weight", "norm.bias"]
    assert_equal(decayed, wanted, "two axes or more, and no nn.Embedding, whatever the names")
    wanted = ["weight_scale", "embedding.bias", "words.weight"]
    assert_equal(others, wanted, "one axis, or an nn.Embedding, its subclasses included")
    assert_equal([decay, rest], [0.5, 0.0], "the weight_decay of the groups")


@pytest.mark.problem("decay_groups")
def test_a_shared_layer_comes_once(student):
    """A layer with two names, a bias with a third."""
    (_, decayed), (_, others) = student.run("grouped_odd", "shared", 0.1)
    assert_equal([len(decayed), len(others)], [1, 1], "one weight and one bias")


@pytest.mark.problem("decay_groups")
def test_a_head_before_its_embedding(student):
    """The first of its names is head.weight; an embedding holds it all the same."""
    got = student.run("grouped_odd", "head first", 0.1)
    assert_equal(got, [[0.1, []], [0.0, ["head.weight"]]], "an embedding's weight does not decay")


@pytest.mark.problem("decay_groups")
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_groups_may_be_empty(student, decay):
    """A model without parameters has two empty groups."""
    got = student.run("grouped_odd", "none", decay)
    assert_equal(got, [[decay, []], [0.0, []]], "two groups, though nothing is in them")


@pytest.mark.problem("decay_groups")
def test_all_frozen_but_one(student):
    """A bias that is trained alone."""
    frozen = ["mix.weight", "embedding.weight"]
    check_groups(student, "tied", "", "mix.bias", "only mix.bias is trained", frozen=frozen)


# --- muon_orthogonalize -------------------------------------------------------------------------


@pytest.mark.problem("muon_orthogonalize")
@pytest.mark.parametrize("steps", [0, 1, 2, 5, 7])
@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (6, 6)], ids=str)
def test_muon_in_float64(student, rng, shape, steps):
    """Ten digits after any number of steps."""
    G = random(rng, *shape, dtype=DOUBLE)
    check_muon(student, G, steps, f"{steps} steps on a matrix of {shape}")


@pytest.mark.problem("muon_orthogonalize")
@pytest.mark.parametrize("size", [1e-6, 1e-3, 1e4, 1e12])
def test_the_size_of_a_gradient_does_not_matter(student, rng, size):
    """Only directions are left, as far as 1e-7 is nothing beside the norm."""
    G = random(rng, 5, 7, dtype=DOUBLE) * size
    check_muon(student, G, 5, f"a matrix with entries of about {size:g}")


@pytest.mark.problem("muon_orthogonalize")
def test_a_tiny_matrix_stays_small(student, rng):
    """1e-7 is added to the norm: noise of 1e-9 is not blown up to a full step."""
    G = random(rng, 5, 7, dtype=DOUBLE) * 1e-9
    check_muon(student, G, 2, "‖G‖ + 1e-7, where ‖G‖ is as small")


@pytest.mark.problem("muon_orthogonalize")
@pytest.mark.parametrize("shape", [(1, 6), (6, 1), (1, 1), (2, 3, 4, 5), (2, 5, 3), (30, 20)])
def test_matrices_of_other_shapes(student, rng, shape):
    """Rows, columns, numbers, and batches of batches."""
    check_muon(student, random(rng, *shape, dtype=DOUBLE), 5, f"a matrix of {shape}")


@pytest.mark.problem("muon_orthogonalize")
def test_muon_in_float32(student, rng):
    """Without half precision inside: four digits."""
    check_muon(student, random(rng, 16, 10), 5, "float32 was computed in less")


@pytest.mark.problem("muon_orthogonalize")
@pytest.mark.parametrize("dtype", [BFLOAT, HALF], ids=str)
def test_muon_in_half_precision(student, rng, dtype):
    """Computed in float32 and rounded once; the norm of large entries overflows in float16."""
    G = (random(rng, 24, 10, dtype=dtype) * 10_000).to(dtype)
    check_muon(student, G, 5, f"{dtype} is computed in float32", rtol=2**-8, atol=1e-4)


@pytest.mark.problem("muon_orthogonalize")
def test_muon_of_the_transpose(student, rng):
    """What comes out of Gᵀ is the transpose of what comes out of G."""
    G = random(rng, 3, 8, dtype=DOUBLE)
    got, turned = student.muon_orthogonalize(G, 3), student.muon_orthogonalize(G.mT, 3)
    assert_close(turned, got.mT, "a tall matrix is not treated like a wide one", **FLOAT64)


@pytest.mark.problem("muon_orthogonalize")
def test_a_direction_of_zero_stays_zero(student):
    """A matrix of rank 1 stays one: 0 times any polynomial."""
    G = torch.tensor([1.0, 2.0, 2.0])[:, None] * torch.tensor([3.0, 4.0])
    check_muon(student, G.double(), 5, "a matrix of rank 1 has one singular value")
    batch = torch.stack([torch.zeros(3, 2), G])
    got = student.muon_orthogonalize(batch, 5)
    assert_equal(got[0], torch.zeros(3, 2), "a matrix of zeros beside another stays")


@pytest.mark.problem("muon_orthogonalize")
def test_five_steps_are_the_default(student, rng):
    """muon_orthogonalize(G) takes five."""
    G = random(rng, 4, 6, dtype=DOUBLE)
    got, wanted = student.muon_orthogonalize(G), student.muon_orthogonalize(G, 5)
    assert_close(got, wanted, "without a number five steps are taken", **FLOAT64)
    assert_close(got.norm(), 2.0, "four singular values near 1", atol=0.5)


@pytest.mark.problem("muon_orthogonalize")
@pytest.mark.parametrize("shape, steps", [((4,), 5), ((), 1), ((2, 2), -1)], ids=str)
def test_what_is_no_matrix_is_an_error(student, shape, steps):
    """A bias has no singular values."""
    with raises(ValueError, f"G of {shape} with {steps=} was accepted"):
        student.muon_orthogonalize(torch.ones(shape), steps)


# --- init ---------------------------------------------------------------------------------------


@pytest.mark.problem("init")
@pytest.mark.parametrize(
    "shape, fans, gain",
    [
        ((30, 200), 230, 1.0),
        ((200, 30), 230, 0.5),
        ((40, 20, 3), 180, 2.0),
        ((16, 8, 5, 5), 600, 1),
    ],
    ids=str,
)
def test_xavier_of_other_shapes(student, shape, fans, gain):
    """A kernel counts in both fans, and the gain stretches the bounds."""
    bound = gain * math.sqrt(6 / fans)
    check_uniform(student.xavier_init(shape, 11, gain), bound, f"weights of {shape} {gain=}")


@pytest.mark.problem("init")
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize(
    "shape, fan_in, fan_out",
    [
        ((300, 100), 100, 300),
        ((100, 300), 300, 100),
        ((40, 80, 9), 720, 360),
        ((64, 8, 5, 8), 320, 2560),
    ],
    ids=str,
)
def test_kaiming_of_other_shapes(student, shape, fan_in, fan_out, mode):
    """A kernel counts in both fans."""
    std = math.sqrt(2 / {"fan_in": fan_in, "fan_out": fan_out}[mode])
    check_normal(student.kaiming_init(shape, 12, mode), std, f"weights of {shape}, {mode}")


@pytest.mark.problem("init")
@pytest.mark.parametrize("name, shape", [("xavier_init", (7, 5, 3)), ("kaiming_init", (4, 4))])
def test_weights_of_a_seed(student, name, shape):
    """float32, of the shape that was asked for, decided by the seed alone."""
    found = student.run("seeded", name, shape, 2**32 - 2)
    check_seeded(found, name)
    assert_dtype(found["first"], torch.float32, "the weight")
    assert_equal(tuple(found["first"].shape), shape, "the shape that was asked for")


@pytest.mark.problem("init")
@pytest.mark.parametrize("name", ["xavier_init", "kaiming_init"])
def test_weights_are_not_rescaled(student, name):
    """Small samples have standard deviations of their own; 0.002 for ten would be 1 in 10^9."""
    spreads = [getattr(student, name)((20, 25), seed).std().item() for seed in range(10)]
    share = (max(spreads) - min(spreads)) / max(spreads)
    assert share > 0.002, "weights were rescaled: a sample's spread is not the distribution's"


@pytest.mark.problem("init")
@pytest.mark.parametrize("name", ["xavier_init", "kaiming_init"])
def test_seeds_and_rows_are_unrelated(student, name):
    """Neither do seeds share numbers, nor the halves of one weight."""
    first, other = (getattr(student, name)((100, 60), seed) for seed in (1, 2))
    check_unrelated(first, other, "two seeds")
    check_unrelated(first[:50], first[50:], "rows of one weight")


@pytest.mark.problem("init")
@pytest.mark.parametrize("name", ["xavier_init", "kaiming_init"])
@pytest.mark.parametrize("shape", [(), (0, 3), (3, 0), (2, 3, 0)], ids=str)
def test_shapes_without_numbers_are_an_error(student, name, shape):
    """There would be nothing to sum up."""
    with raises(ValueError, f"shape {shape} was accepted"):
        getattr(student, name)(shape, 1)


@pytest.mark.problem("init")
@pytest.mark.parametrize("num_layers, std", [(1, 0.02 / 2**0.5), (2, 0.01), (50, 0.002)])
def test_projections_shrink_with_depth(student, num_layers, std):
    """0.02 / √(2 num_layers), whatever the model's own number of blocks."""
    state = student.run("gpt2_initialised", 80, num_layers, 6)["state"]
    for name in ("h.0.attn.c_proj", "h.0.mlp.c_proj", "h.1.attn.c_proj", "h.1.mlp.c_proj"):
        check_normal(state[f"{name}.weight"], std, f"{name} for {num_layers=}")
    check_normal(state["h.1.attn.c_attn.weight"], 0.02, "c_attn, which is no projection back")


@pytest.mark.problem("init")
def test_only_linear_layers_named_c_proj_are_projections(student):
    """An embedding of that name is none, nor is c_projection; a layer in a dict is."""
    state = student.run("gpt2_odd", 100, 8)
    for name, std in (("c_proj", 0.02), ("out.c_proj", 0.005), ("out.c_projection", 0.02)):
        check_normal(state[f"{name}.weight"], std, f"{name}.weight")
    three = torch.full((100,), 3.0)
    assert_equal(state["batch.weight"], three, "the weight of a BatchNorm stays")
    assert_equal(state["batch.bias"], three, "the bias of a BatchNorm stays")


@pytest.mark.problem("init")
def test_gpt2_init_of_one_layer(student):
    """A model may be a layer."""
    state = student.run("gpt2_single", 100)
    check_normal(state["weight"], 0.02, "the weight of a single layer")
    assert_equal(state["bias"], torch.zeros(100), "the bias of a single layer")


@pytest.mark.problem("init")
def test_weights_of_a_model_are_unrelated(student):
    """Layers of one shape and one seed have other numbers, and so have two seeds."""
    state = student.run("gpt2_initialised", 80, 2, 6)["state"]
    for name in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"):
        pair = [state[f"h.{i}.{name}.weight"] for i in (0, 1)]
        check_unrelated(*pair, f"{name} of two blocks")
    check_unrelated(state["wte.weight"], state["wpe.weight"], "two embeddings")
    one, again, two = student.run("gpt2_seeds", 60, [1, 1, 2])
    assert_equal(again, one, "the same seed gave two results")
    check_unrelated(one, two, "two seeds")


@pytest.mark.problem("init")
@pytest.mark.parametrize("dtype", [BFLOAT, DOUBLE], ids=str)
def test_gpt2_init_keeps_dtypes(student, dtype):
    """A model in bfloat16 stays one."""
    found = student.run("gpt2_initialised", 64, 2, 5, dtype)
    assert_equal(found["dtypes"], [str(dtype)], "the dtypes of the parameters")
    state = found["state"]
    check_normal(state["h.0.mlp.c_fc.weight"], 0.02, "the numbers of c_fc")


@pytest.mark.problem("init")
def test_frozen_parameters_are_filled_too(student):
    """And stay frozen."""
    frozen = ["wte.weight", "h.0.ln.weight", "h.1.mlp.c_fc.weight", "h.1.mlp.c_fc.bias"]
    found = student.run("gpt2_initialised", 64, 2, 5, torch.float32, frozen)
    assert_equal(sorted(found["frozen"]), sorted(frozen), "what was frozen")
    state = found["state"]
    check_normal(state["wte.weight"], 0.02, "a frozen embedding")
    check_normal(state["h.1.mlp.c_fc.weight"], 0.02, "a frozen matrix")
    assert_equal(state["h.0.ln.weight"], torch.ones(64), "the weight of a frozen norm")
    assert_equal(state["h.1.mlp.c_fc.bias"], torch.zeros(128), "a frozen bias")


@pytest.mark.problem("init")
@pytest.mark.parametrize("num_layers", [0, -1])
def test_gpt2_init_without_layers_is_an_error(student, num_layers):
    """A negative number would have no root."""
    with raises(ValueError, f"{num_layers=} was accepted"):
        student.run("gpt2_initialised", 4, num_layers, 5)
