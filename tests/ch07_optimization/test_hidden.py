"""Hidden tests of ch07_optimization: the same laws at other shapes, dtypes, edges and limits."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from kit.compare import assert_close, assert_equal, raises
from tests.ch07_optimization.checks import (
    CONFIG,
    DOUBLE,
    FLOAT32,
    FLOAT64,
    SMALL_MODEL,
    T,
    V,
    assert_dtype,
    assert_same_run,
    check_accumulation,
    check_adamw,
    check_clipped,
    check_error,
    check_evenly_drawn,
    check_groups,
    check_history,
    check_muon,
    check_normal,
    check_refused,
    check_resumed,
    check_run,
    check_schedule,
    check_seeded,
    check_sgd,
    check_uniform,
    check_unrelated,
    check_windows,
    gradients_for,
    loop_state,
    muon_by_svd,
    norm_of,
    parse_metrics,
    random,
    random_ids,
    random_microbatches,
    shuffled_ids,
    timeless,
    torch_adamw,
    toy_weights,
    valid_loss,
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
@pytest.mark.parametrize(
    "shapes",
    [
        ((3,), (1,), (3,)),
        ((1,), (3,), (3,)),
        ((2, 3), (2, 3), (3,)),
        ((2, 3), (3, 2), (2, 3)),
    ],
    ids=str,
)
def test_sgd_of_other_shapes_is_an_error(student, shapes):
    """torch would broadcast one number of a gradient to all weights."""
    with raises(ValueError, f"weight, gradient and velocity of {shapes} were accepted"):
        student.sgd_momentum(*map(torch.ones, shapes), 0.1, 0.9)


@pytest.mark.problem("sgd_momentum")
def test_sgd_of_strided_tensors(student, rng):
    """How each of the three lies in memory does not matter."""
    w, g, v = (random(rng, 3, 4) for _ in range(3))
    velocity = 0.9 * v.double() + g.double()
    for tensors, rest in (([w, g, v], []), ([w], [g, v])):
        got = student.run("strided", "sgd_momentum", tensors, *rest, 0.1, 0.9)
        assert_close(got[1], velocity, "numbers are read in the order of memory", **FLOAT32)
        wanted = w.double() - 0.1 * velocity
        assert_close(got[0], wanted, "numbers are read in the order of memory", **FLOAT32)


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
        {"lr": 2.0, "weight_decay": 0.0},
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
def test_an_eps_of_zero_is_none(student, rng):
    """Gradients of 1e-10 make steps of full size then."""
    weights = [random(rng, 4)]
    gradients = gradients_for(rng, weights, 8, 1e-10)
    check_adamw(student, "eps = 0 adds nothing", weights, gradients, lr=0.1, eps=0.0)


@pytest.mark.problem("adamw")
@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_broken_gradient_breaks_its_own_weight(student, rng, bad):
    """It is not hidden: that number becomes NaN, and no other is touched by it."""
    weights = [random(rng, 4)]
    gradients = gradients_for(rng, weights, 4)
    gradients[2][0][1] = bad
    check_adamw(student, f"a gradient of {bad}", weights, gradients, lr=0.1)


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
    kept = student.run("adamw_memory", dtype)
    assert len(kept) >= 2, f"got {len(kept)} tensors of the weight's shape in its state, wanted 2"
    for found, _ in kept:
        assert_equal(found, str(dtype), f"the dtype of the moments of a weight of {dtype}")


@pytest.mark.problem("adamw")
def test_moments_lie_where_the_weight_lies(student):
    """On the device of a GPU's weight, as on torch's meta device, which holds no numbers."""
    kept = student.run("adamw_memory", torch.float32, "meta")
    assert_equal([device for _, device in kept], ["meta"] * 2, "m and v lie on the weight's device")


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
def test_bfloat16_with_the_default_betas(student, rng):
    """0.999 is 1 in bfloat16: 1 - beta2**t stays a number of its own, or v is divided by 0."""
    weights = [random(rng, 8, dtype=BFLOAT)]
    gradients = [[(1 + random(rng, 8).abs()).to(BFLOAT)] for _ in range(3)]
    options = {"lr": 0.25, "weight_decay": 0.0}
    got = student.run("adamw_steps", weights, gradients, **options)
    wanted = torch_adamw("adamw_steps", weights, gradients, **options)
    why = "t, or 1 - beta**t, was rounded to bfloat16"
    check_history(got, wanted, why, options, rtol=2**-6, atol=4e-2)


@pytest.mark.problem("adamw")
def test_a_long_count_survives_a_file(student, rng):
    """load_state_dict casts tensors to the dtype of their weight, and 257 is 256 in bfloat16."""
    gradients = list(random(rng, 300, 6))
    plain, resumed = student.run("adamw_resumed_late", BFLOAT, gradients, 259)
    assert_equal(resumed, plain, "after loading, t or a moment is not what it was")


@pytest.mark.problem("adamw")
def test_a_frozen_weight_with_a_gradient_is_updated(student, rng):
    """What counts is whether grad is None."""
    weights = [random(rng, 3), random(rng, 2)]
    why = "a frozen weight that has a gradient is updated"
    check_adamw(student, why, weights, gradients_for(rng, weights, 3), frozen=[0], lr=0.1)


@pytest.mark.problem("adamw")
def test_others_may_write_to_a_weight(student, rng):
    """A model that loads other weights goes on from those."""
    weights = [random(rng, 3)]
    why = "the weight is what its tensor holds, not a copy that was kept"
    check_adamw(student, why, weights, gradients_for(rng, weights, 5), zeroed=[2], lr=0.1)


@pytest.mark.problem("adamw")
def test_a_closure_where_gradients_are_off(student, rng):
    """step enables them for the closure, whatever they are outside."""
    found = student.run("adamw_closure", [random(rng, 3)], 2, False)
    assert_equal(found["enabled"], [True] * 2, "the closure runs with gradients enabled")


@pytest.mark.problem("adamw")
def test_a_closure_may_set_the_rate(student):
    """The closure comes first, and then options are read: steps of 0.25 and 0.125."""
    got = student.run("adamw_closure_sets_rate")
    why = "the rate of a step is that which its closure has set"
    assert_close(got, [0.75, 0.625], why, atol=1e-4)


@pytest.mark.problem("adamw")
def test_options_by_position(student):
    """In the order of torch.optim.AdamW."""
    options = [0.1, (0.5, 0.6), 0.3, 2.0]
    why = "AdamW(params, lr, betas, eps, weight_decay)"
    assert_equal(student.run("adamw_positional", *options), options, why)


@pytest.mark.problem("adamw")
@pytest.mark.parametrize(
    "option, value",
    [("lr", 0.02), ("betas", (0.5, 0.6)), ("eps", 1.0), ("weight_decay", 2.0), ("lr", 0.0)],
)
def test_every_option_may_change(student, rng, option, value):
    """What is in a group when a step is taken counts, for each option."""
    weights = [random(rng, 3), random(rng, 2)]
    groups = [{"params": [0]}, {"params": [1], "lr": 0.2}]
    options = {"lr": 0.1, "weight_decay": 0.5, "betas": (0.9, 0.99), "eps": 1e-4}
    back = [(1, option, groups[1].get(option, options[option]))]
    changes = {3: [(1, option, value)], 5: back, 6: [(0, option, value)]}
    options |= {"groups": groups, "changes": changes}
    why = f"{option} of a group was changed to {value} on the way, and back"
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
    got = student.run("adamw_without_gradients", weights)
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
    with raises(ValueError, f"an optimizer was made with {options}"):
        student.run("adamw_made", 2, **options)


# --- clip_grad_norm -----------------------------------------------------------------------------


@pytest.mark.problem("clip_grad_norm")
@pytest.mark.parametrize("how", ["list", "tuple", "generator"])
@pytest.mark.parametrize("max_norm", [0.01, 1.0, 1e3])
def test_clipping_of_many_gradients(student, rng, how, max_norm):
    """Of other sizes, from any iterable, at any limit."""
    gradients = [10.0 ** random(rng).item() * random(rng, 3, i) for i in range(6)] + [None]
    check_clipped(student, gradients, max_norm, how)


@pytest.mark.problem("clip_grad_norm")
@pytest.mark.parametrize("max_norm", [0.0, math.inf])
def test_limits_at_the_edge(student, rng, max_norm):
    """A limit of 0 silences all gradients, one of inf none."""
    check_clipped(student, [random(rng, 4), random(rng, 2)], max_norm)


@pytest.mark.problem("clip_grad_norm")
def test_clipping_of_tiny_gradients(student, rng):
    """1e-6 is added to the norm: it counts where the norm is as small."""
    for dtype in (torch.float32, DOUBLE):
        gradients = [(1e-6 * random(rng, 3)).to(dtype), (2e-6 * random(rng, 2)).to(dtype)]
        check_clipped(student, gradients, 1e-7)


@pytest.mark.problem("clip_grad_norm")
def test_a_norm_just_below_the_limit(student):
    """5e-7 is below 6e-7, and 5e-7 + 1e-6 above: min(1, 0.4) is 0.4."""
    check_clipped(student, [torch.tensor([3e-7, 4e-7])], 6e-7, atol=0.0)


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
def test_a_frozen_parameter_with_a_gradient_counts(student, rng):
    """What counts is the gradient that it has."""
    check_clipped(student, [random(rng, 3), random(rng, 4)], 0.5, "frozen")


@pytest.mark.problem("clip_grad_norm")
def test_clipping_in_float64(student, rng):
    """Norm and gradients keep all digits."""
    gradients = [random(rng, 30, dtype=DOUBLE), random(rng, 4, dtype=DOUBLE)]
    check_clipped(student, gradients, 0.1, rtol=1e-12, atol=0.0)
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
    """No gradients, or no parameters: a float32 tensor of 0, and the limit is checked."""
    norm, tensor, gradients = student.run("clipped_nothing", parameters, 1.0)
    assert_close(norm, 0.0, "without gradients the norm is 0")
    assert tensor, "the norm is a tensor, also where nothing is to be clipped"
    assert norm.dtype is torch.float32, f"no gradient is float64: float32, not {norm.dtype}"
    assert_equal(gradients, [None] * parameters, "no gradient appears")
    with raises(ValueError, "a limit of -1 was accepted where there is no gradient"):
        student.run("clipped_nothing", parameters, -1.0)


@pytest.mark.problem("clip_grad_norm")
def test_a_negative_limit_beside_a_broken_gradient(student):
    """The limit is checked, though nothing would be scaled."""
    with raises(ValueError, "a limit of -1 was accepted, the norm being inf"):
        student.run("clipped", [torch.tensor([math.inf])], -1.0)


@pytest.mark.problem("clip_grad_norm")
def test_two_parameters_in_one_memory_are_two(student):
    """They have a gradient each, 3 and 4, and a third one 12: the norm is 13."""
    got = student.run("clipped_twins")
    assert_close(got, 13.0, "parameters are told apart as objects, not by their memory")


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
    with raises(ValueError, f"a rate came out of {step=}, {warmup=}, {total=}"):
        student.cosine_schedule(step, max_lr=0.3, min_lr=0.3, warmup=warmup, total=total)


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
@pytest.mark.parametrize(
    "step, ends", [(-5, (0, 0, 0)), (9, (-1, 2, 4)), (9, (3, 2, 4)), (9, (1, 7, 6))]
)
def test_wsd_checks_come_before_all(student, step, ends):
    """Also for steps past the end."""
    with raises(ValueError, f"a rate came out of {step=} and phases that end at {ends}"):
        student.wsd_schedule(step, 0.3, 0.3, *ends)


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
def test_embeddings_wherever_they_are(student):
    """Inside other modules, lent to a head, the model itself; and of each, its weight alone."""
    (_, decayed), (_, others) = student.run("grouped_odd", "deep", 0.1)
    wanted = ["same_memory", "bag.weight", "words.mix"]
    assert_equal(decayed, wanted, "no Parameter that is the weight of an nn.Embedding")
    wanted = ["head.weight", "body.wpe.weight", "words.weight"]
    assert_equal(others, wanted, "the weights of embeddings, in whichever module")
    got = student.run("grouped_odd", "embedding", 0.1)
    assert_equal(got, [[0.1, []], [0.0, ["weight"]]], "the model itself may be an nn.Embedding")


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
    batch = torch.stack([torch.zeros(3, 2), G]).double()
    check_muon(student, batch, 5, "a matrix of zeros beside another, each for itself")


@pytest.mark.problem("muon_orthogonalize")
@pytest.mark.parametrize("shape", [(4, 7), (2, 3, 5, 4)], ids=str)
def test_strided_matrices(student, rng, shape):
    """How G lies in memory does not matter."""
    G = random(rng, *shape, dtype=DOUBLE)
    got = student.run("strided", "muon_orthogonalize", [G], 3)
    assert_close(got, muon_by_svd(G, 3), "numbers are read in the order of memory", **FLOAT64)


@pytest.mark.problem("muon_orthogonalize")
def test_a_batch_of_no_matrices(student):
    """Nothing comes out of nothing, in its shape."""
    got = student.muon_orthogonalize(torch.zeros(0, 3, 2))
    assert_equal(tuple(got.shape), (0, 3, 2), "a batch may be empty")


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
    found = student.run("seeded", name, list(shape), 2**32 - 2)
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


SEEDS = [0, 1, 42, 1000, 1001, 2**16, 2**16 + 1, 2**31, 2**31 + 1, 2**32 - 2, 2**32 - 1]


@pytest.mark.problem("init")
@pytest.mark.parametrize("name", ["xavier_init", "kaiming_init", "gpt2_init"])
def test_the_whole_seed_counts(student, name):
    """All of its 32 bits; and 0 is a seed like others."""
    if name == "gpt2_init":
        weights = student.run("gpt2_seeds", 3, SEEDS)
    else:
        weights = [getattr(student, name)((3, 3), seed) for seed in SEEDS]
    for (one, a), (two, b) in itertools.combinations(zip(SEEDS, weights, strict=True), 2):
        assert not torch.equal(a, b), f"seeds {one} and {two} give the same numbers"


@pytest.mark.problem("init")
@pytest.mark.parametrize("name", ["xavier_init", "kaiming_init"])
def test_weights_are_float32_everywhere(student, name):
    """Also where torch's default dtype is float64."""
    got = student.run("drawn_in_float64", name)
    assert_equal(got, "torch.float32", "new weights are float32, whatever the default is")


@pytest.mark.problem("init")
@pytest.mark.parametrize("name", ["xavier_init", "kaiming_init"])
@pytest.mark.parametrize("shape", [(), (0, 3), (3, 0), (2, 3, 0), (-1, 3), (3, -4, -2)], ids=str)
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
    """An embedding of that name is none, nor is c_projection; types decide for the rest."""
    state = student.run("gpt2_odd", 100, 8)
    stds = {"c_proj": 0.02, "out.c_proj": 0.005, "out.c_projection": 0.02, "ln": 0.02}
    for name, std in stds.items():
        check_normal(state[f"{name}.weight"], std, f"{name}.weight")
    assert_equal(state["gate.weight"], torch.ones(100), "a LayerNorm, whatever its name")
    three = torch.full((100,), 3.0)
    assert_equal(state["batch.weight"], three, "the weight of a BatchNorm stays")
    assert_equal(state["batch.bias"], three, "the bias of a BatchNorm stays")


@pytest.mark.problem("init")
def test_gpt2_init_keeps_to_its_rules(student):
    """Types, subclasses included, and the last part of a name; nothing else, and nothing more."""
    found = student.run("gpt2_near", 80, 8)
    state = found["state"]
    stds = {"c_proj": 0.005, "pre_c_proj": 0.02, "block.c_proj.0": 0.02, "once": 0.02}
    for name, std in (stds | {"table": 0.02, "padded": 0.02}).items():
        check_normal(state[f"{name}.weight"], std, f"{name}.weight")
    check_normal(state["padded.weight"][3], 0.02, "the row of padding_idx")
    assert_equal(state["norm.weight"], torch.ones(2, 80), "the weight of a LayerNorm of two axes")
    for name in ("c_proj.bias", "once.bias", "norm.bias"):
        assert_equal(state[name], torch.zeros_like(state[name]), f"{name} becomes 0")
    for name, value in state.items():
        if name.startswith("others"):
            assert_equal(value, torch.full_like(value, 3.0), f"{name}, of no type that is named")
    assert_equal(found["modes"], [True, False], "whether parts of a model are in training mode")


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
    near = student.run("gpt2_near", 80, 2)["state"]
    names = ["c_proj", "pre_c_proj", "block.c_proj.0", "once", "table", "padded"]
    for a, b in itertools.combinations(names, 2):
        check_unrelated(near[f"{a}.weight"], near[f"{b}.weight"], f"{a} and {b}")
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


# --- accumulate_gradients -----------------------------------------------------------------------


@pytest.mark.problem("accumulate_gradients")
@pytest.mark.parametrize("form", ["generator", "strided"])
def test_accumulation_of_any_microbatches(student, rng, form):
    """Micro-batches may come from a generator, and need not be contiguous."""
    microbatches = random_microbatches(rng, 27, [(3, 4), (2, 6), (4, 2)])
    check_accumulation(student, "language", toy_weights("language", rng), microbatches, form=form)


@pytest.mark.problem("accumulate_gradients")
def test_accumulation_with_a_microbatch_of_nothing(student, rng):
    """A micro-batch without targets adds nothing, not NaN; wherever it stands."""
    microbatches = random_microbatches(rng, 11, [(2, 3)] * 4)
    for i in (0, 2, 3):
        microbatches[i][1].fill_(-100)
    check_accumulation(student, "tied", toy_weights("tied", rng), microbatches, before=0.25)


@pytest.mark.problem("accumulate_gradients")
def test_accumulation_without_targets(student, rng):
    """No target at all is an error that leaves gradients alone."""
    table = torch.randn(5, 5, generator=rng)
    nothing = [(torch.ones(2, 3, dtype=torch.int64), torch.full((2, 3), -100))]
    for microbatches in ([], nothing, nothing * 2):
        error, gradient = student.run("accumulated_to_nothing", table, microbatches, 0.5)
        assert error and "ValueError" in error, f"no target: got {error}, wanted ValueError"
        assert_close(gradient, torch.full((5, 5), 0.5), "gradients stay what they were")


@pytest.mark.problem("accumulate_gradients")
@pytest.mark.parametrize("training", [True, False])
def test_accumulation_keeps_the_mode(student, rng, training):
    """The model runs in the mode it is in, and stays in it."""
    microbatches = random_microbatches(rng, 11, [(2, 3)] * 2)
    got = student.run(
        "accumulated", "tied", toy_weights("tied", rng), microbatches, training=training
    )
    assert_equal(got["modes"], [training] * 3, "the model's mode was changed")


@pytest.mark.problem("accumulate_gradients")
def test_accumulation_of_a_single_target(student, rng):
    """One target among many micro-batches has all the weight; the id 0 is a target as any other."""
    x = torch.randint(11, (6, 5), generator=rng)
    y = torch.full((6, 5), -100)
    y[3, 4] = 0
    microbatches = list(zip(x.split(1), y.split(1), strict=True))
    check_accumulation(student, "tied", toy_weights("tied", rng), microbatches)
    y[:, 2] = 0
    check_accumulation(student, "tied", toy_weights("tied", rng), microbatches)


@pytest.mark.problem("accumulate_gradients")
def test_accumulation_in_half_precision(student, rng):
    """Logits of bfloat16 have a loss in float32: adding 1 to 256 stops there."""
    table = (4 * torch.randn(9, 9, generator=rng)).bfloat16()
    microbatches = random_microbatches(rng, 9, [(8, 50), (3, 40)])
    loss, gradient = student.run("accumulated_from_table", table, microbatches)
    scores = torch.cat([table[x].double().flatten(0, 1) for x, _ in microbatches])
    targets = torch.cat([y.flatten() for _, y in microbatches])
    why = "the loss is summed in float32, not in bfloat16"
    assert_close(loss, F.cross_entropy(scores, targets), why, rtol=1e-5)
    assert gradient.dtype is torch.bfloat16, "a gradient has the dtype of its weight"


@pytest.mark.problem("accumulate_gradients")
def test_accumulation_in_part_of_a_model(student, rng):
    """What is frozen or not used gets no gradient, and is no obstacle."""
    table = torch.randn(7, 7, generator=rng)
    microbatches = random_microbatches(rng, 7, [(2, 4), (1, 3)])
    loss, gradient, rest, trainable = student.run("accumulated_in_part", table, microbatches)
    leaf = table.double().requires_grad_()
    scores = torch.cat([leaf[x].flatten(0, 1) for x, _ in microbatches])
    want = F.cross_entropy(scores, torch.cat([y.flatten() for _, y in microbatches]))
    want.backward()
    assert_close(loss, want, "the mean over all targets", rtol=2e-6)
    assert_close(gradient, leaf.grad, "the gradient of what is trained", **SMALL_MODEL)
    assert rest == [None] * 3, "a frozen or unused parameter has got a gradient"
    assert not trainable, "a frozen parameter was made trainable"


@pytest.mark.problem("accumulate_gradients")
def test_accumulation_leaves_its_inputs(student, rng):
    """Ids and targets belong to the caller."""
    table, pairs = torch.randn(7, 7, generator=rng), random_microbatches(rng, 7, [(2, 4), (1, 3)])
    want = [(x.clone(), y.clone()) for x, y in pairs]
    got = student.run("accumulated_inputs", table, pairs)
    assert_equal(got, want, "ids and targets belong to the caller: they stay what they were")


# --- get_batch ----------------------------------------------------------------------------------


@pytest.mark.problem("get_batch")
@pytest.mark.parametrize(
    "kind", ["every other", "backwards", "tensor", "every other of a tensor", "part of a file"]
)
def test_batch_of_strided_data(student, rng, kind):
    """The dataset need not be contiguous."""
    ids, B = shuffled_ids(rng, 40), 1 if kind == "tensor" else 5
    check_windows(student.run("batch_calls", ids, B, 3, seed=1, calls=3, kind=kind), ids, B, 3)


@pytest.mark.problem("get_batch")
@pytest.mark.parametrize(
    ("dtype", "offset"),
    [("uint8", 100), ("int16", 32_000), ("int32", 2**31 - 300), ("uint32", 2**32 - 300)],
)
@pytest.mark.parametrize("kind", ["array", "memmap"])
def test_batch_of_any_dtype(student, rng, dtype, offset, kind):
    """Ids of any integer dtype arrive as int64, up to its largest."""
    ids = shuffled_ids(rng, 150, dtype, offset)
    check_windows(student.run("batch_calls", ids, 4, 7, seed=2, kind=kind), ids, 4, 7)


@pytest.mark.problem("get_batch")
@pytest.mark.parametrize(("dtype", "offset"), [("uint8", 100), ("int32", 2**31 - 300)])
def test_batch_of_a_tensor_of_any_dtype(student, rng, dtype, offset):
    """Ids in a tensor of another integer dtype arrive as int64."""
    ids = shuffled_ids(rng, 150, dtype, offset)
    check_windows(student.run("batch_calls", ids, 4, 7, seed=2, kind="tensor"), ids, 4, 7)


@pytest.mark.problem("get_batch")
def test_batch_by_the_state_of_its_generator(student, rng):
    """The state decides, neither the seed nor the number of calls: a resumed run sets the state."""
    first, again, other = student.run("batch_by_state", shuffled_ids(rng, 500), 8, 4)
    assert_equal(again, first, "a generator that is set back to a state repeats its batch")
    assert_equal(other, first, "another generator that is set to this state gives this batch")


@pytest.mark.problem("get_batch")
def test_batch_from_33_million_windows(student):
    """Beyond the 24 bits of a float32 all starts are still equally likely, odd ones too."""
    first = student.run("batch_far_away", 2000)
    check_evenly_drawn(first, 4, "even and odd starts, in both halves, are equally likely")


@pytest.mark.problem("get_batch")
@pytest.mark.parametrize(("N", "B", "T"), [(9, 5, 8), (4, 50, 2), (30, 1, 1), (12, 3, 7)])
def test_batch_of_few_windows(student, rng, N, B, T):
    """More rows than windows, one window only, one id only: every row is drawn for itself."""
    ids = shuffled_ids(rng, N)
    starts = check_windows(student.run("batch_calls", ids, B, T, seed=4, calls=100), ids, B, T)
    check_evenly_drawn(starts, N - T, "all starts from 0 to N - T - 1 are equally likely")


@pytest.mark.problem("get_batch")
def test_batch_rows_are_independent(student, rng):
    """The start of one row tells nothing about that of another, nor about the next batch."""
    ids, n = shuffled_ids(rng, 14), 10
    got = student.run("batch_calls", ids, 4, 4, seed=6, calls=800)
    starts = check_windows(got, ids, 4, 4)
    for row in (1, 3):
        apart = (starts[:, row] - starts[:, 0]) % n
        check_evenly_drawn(apart, n, f"rows 0 and {row} of a batch are drawn independently")
    apart = (starts[1:, 0] - starts[:-1, 0]) % n
    check_evenly_drawn(apart, n, "a batch does not go on from the one before")


@pytest.mark.problem("get_batch")
def test_batch_from_all_of_a_large_dataset(student, rng):
    """Each tenth of a large dataset has a tenth of the windows."""
    ids = shuffled_ids(rng, 100_000)
    got = student.run("batch_calls", ids, 500, 3, seed=9, calls=4)
    starts = check_windows(got, ids, 500, 3)
    check_evenly_drawn(starts * 10 // len(ids), 10, "windows come from all parts of the dataset")


@pytest.mark.problem("get_batch")
def test_batch_leaves_global_generators_alone(student, rng):
    """Only `rng` decides, and no global generator moves."""
    ids = shuffled_ids(rng, 300)
    one, two = (student.run("batch_global_rng", ids, 6, 5, 11, seed) for seed in (1, 2))
    assert_equal(two["x"], one["x"], "a global generator decides, not rng")
    for name, moved in zip(("torch", "numpy", "random"), one["moved"], strict=True):
        assert not moved, f"the global generator of {name} was drawn from"


@pytest.mark.problem("get_batch")
def test_batch_on_a_device(student):
    """x and y are on the device that was asked for."""
    places = student.run("batch_devices", np.arange(50), 2, 4, "meta")
    assert_equal(places, ["meta"] * 4, "the device was ignored")


@pytest.mark.problem("get_batch")
@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
def test_batch_reads_only_its_windows_of_a_larger_file(student, dtype):
    """Drawing from a file of 60 MiB takes no more memory than a few windows."""
    growth = student.run("batch_growth", 60, dtype, 8, 100)
    assert growth < 16, (
        f"the process grew by {growth} MiB: the whole dataset was read, not only its windows"
    )


@pytest.mark.problem("get_batch")
def test_batch_reads_only_its_windows_of_a_tensor(student):
    """A tensor of int16, mapped from a file of 48 MiB, is not converted as a whole either."""
    growth = student.run("batch_growth_of_tensor", 48, 4, 64)
    assert growth < 16, f"the process grew by {growth} MiB: the whole tensor was converted"


@pytest.mark.problem("get_batch")
@pytest.mark.parametrize(
    ("shape", "B", "T"),
    [((0,), 1, 1), ((1,), 1, 1), ((6,), 1, 6), ((3,), 1, 9), ((4, 9), 2, 3), ((9,), 0, 3)]
    + [((9,), 2, 0), ((9,), -1, 3), ((9,), 2, -1), ((9, 1), 2, 3), ((), 1, 1)],
)
def test_batch_of_what_cannot_be(student, shape, B, T):
    """Too few ids, two axes, no rows or no columns: a ValueError."""
    with raises(ValueError, f"a dataset of shape {shape}, {B=}, {T=}"):
        student.run("batch_of_shape", list(shape), B, T)


# --- checkpoint ---------------------------------------------------------------------------------


@pytest.mark.problem("checkpoint")
@pytest.mark.parametrize(
    ("place", "kind", "steps"),
    [("Path", "adamw", 5), ("file", "sgd", 2), ("path", "sgd", 4), ("buffer", "adamw", 0)],
)
def test_checkpoint_anywhere(student, seed, place, kind, steps):
    """Paths and file objects, momentum and moments, also before the first step."""
    args = "language", seed % 1000, steps, 3, place, kind
    got = student.run("checkpoint_resumed", *args)
    check_resumed(got, steps)
    assert not any(got["closed"]), "the file object was closed; it belongs to the caller"
    assert got["step type"] == "int", f"the step is an int, got {got['step type']}"
    held = got["held"]
    assert_equal(held["names"], ["extra", "model", "optimizer", "step"], "parts, extra or not")
    assert held["extra"] is None, f"extra that was not given is None, got {held['extra']!r}"
    assert isinstance(held["step"], int), f"the step in the file is an int, got {held['step']!r}"


@pytest.mark.problem("checkpoint")
def test_checkpoint_of_all_state(student):
    """Buffers are state too; dtypes, modes and what is frozen stay as they are."""
    got = student.run("checkpoint_of_buffers")
    assert_equal(got["step"], 123_456, "the step")
    assert_equal(got["states"][1], got["states"][0], "running statistics are saved as well")
    assert got["dtype"] == "torch.float64", f"float64 became {got['dtype']}"
    why = "what is frozen, the mode after loading, the mode after saving: nothing changes"
    assert_equal(got["flags"], [False, False, True], why)


@pytest.mark.problem("checkpoint")
def test_checkpoint_of_tied_weights(student, seed):
    """Tied weights have two names in the file, and stay one Parameter."""
    states, tied = student.run("checkpoint_of_tied", seed % 1000)
    assert_equal(states[1], states[0], "the state that was saved")
    assert tied, "loading has made two parameters of one"


@pytest.mark.problem("checkpoint")
def test_checkpoint_over_another(student):
    """A second checkpoint replaces the first."""
    step, weight, files = student.run("checkpoint_twice")
    assert_equal(step, 2, "the step of the second checkpoint")
    assert_equal(weight, torch.full((2, 2), 2.0), "the weight of the second checkpoint")
    assert_equal(files, ["checkpoint.pt"], "nothing else is left in the folder")


@pytest.mark.problem("checkpoint")
def test_checkpoint_of_the_working_folder(student):
    """A bare file name is a path."""
    step, files = student.run("checkpoint_in_working_folder")
    assert_equal([step, files], [4, ["checkpoint.pt"]], "saved in the current folder")


@pytest.mark.problem("checkpoint")
def test_checkpoint_from_another_machine(student):
    """A checkpoint from a GPU loads where there is none, onto the model's device."""
    step, same, device = student.run("checkpoint_from_gpu")
    assert_equal([step, same, device], [3, True, "cpu"], "map_location")


@pytest.mark.problem("checkpoint")
def test_checkpoint_that_is_not_there(student):
    """A missing file is a FileNotFoundError: a run may want to begin then."""
    with raises(FileNotFoundError, "there is no such file"):
        student.run("checkpoint_missing")


@pytest.mark.problem("checkpoint")
def test_checkpoint_killed_before_replacing(student, seed):
    """Killed with the new file written and not in place: the old one counts, the next one works."""
    got = student.run("checkpoint_interrupted", "killed before replacing", seed % 1000)
    assert got["ended"] == "killed", "os.replace was never called: the file is written in place"
    assert_equal(got["steps"], [1, 2], "the old checkpoint, then the one that was saved again")
    assert_equal(got["loaded"], got["old"], "the old checkpoint's weights")


@pytest.mark.problem("checkpoint")
def test_checkpoint_reaches_the_disk_first(student):
    """os.fsync of the whole file before os.replace, in one folder: a crash may leave it empty."""
    names, same = student.run("checkpoint_order")
    moves = [i for i, name in enumerate(names) if name in ("replace", "rename")]
    assert moves, "os.replace was never called: the file is written in place"
    why = "no os.fsync before os.replace, or one of a file that was not flushed yet"
    assert any("sync" in name for name in names[: moves[-1]]), why
    assert same, "the temporary file is in another folder: a rename across disks is a copy"


@pytest.mark.problem("checkpoint")
@pytest.mark.parametrize("how", ["unpicklable", "fsync", "replace", "interrupt"])
def test_checkpoint_that_fails(student, how):
    """Whatever fails, wherever: the error passes, the old file stays and the temporary one goes."""
    error, files, step = student.run("checkpoint_failing", how)
    wanted = {"unpicklable": error, "interrupt": "KeyboardInterrupt"}.get(how, "OSError")
    assert error is not None and error == wanted, f"the error of {how} passes: got {error}"
    assert_equal(files, ["checkpoint.pt"], f"{how}: the temporary file is removed")
    assert_equal(step, 1, f"{how}: the old checkpoint is still there")


@pytest.mark.problem("checkpoint")
def test_checkpoint_killed_at_any_rename(student):
    """Before each change of a name in the folder, the old or the new checkpoint is in place."""
    steps = student.run("checkpoint_dying")
    assert set(steps) <= {1, 2}, f"killed before a rename, no checkpoint is left: {steps}"
    assert_equal(steps[-1], 2, "the checkpoint that nobody interrupted")


@pytest.mark.problem("checkpoint")
def test_checkpoint_after_one_that_was_killed(student):
    """What was half written is not a part of what is written next."""
    step, sizes = student.run("checkpoint_after_half")
    assert_equal(step, 2, "the checkpoint that was saved again")
    assert abs(sizes[0] - sizes[1]) < 500, "the rest of the one that was killed is in the file"


@pytest.mark.problem("checkpoint")
@pytest.mark.parametrize("kind", ["PathLike", "temporary", "w+b"])
def test_checkpoint_in_other_places(student, kind):
    """Any path, and any file object: written and read from where it stands."""
    step, is_safe, is_open = student.run("checkpoint_in", kind)
    assert_equal(step, 5, "the step")
    assert is_safe, "what stood before in the file, or at the path, is overwritten where it stands"
    assert is_open, "the file object was closed; it belongs to the caller"


@pytest.mark.problem("checkpoint")
def test_checkpoint_keeps_modes_and_digits(student):
    """Loading changes no mode, and saving no digit of a float64."""
    modes, same = student.run("checkpoint_of_thirds")
    assert_equal(modes, [True, False], "modes after loading in training and in evaluation")
    assert same, "1/3 in float64 was rounded"


WEIGHTS = ["embedding.weight", "head.weight", "head.bias"]
WEIGHTS += [f"rnn.{name}_l0" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
REFUSED = {
    "no step": (),
    "text for a step": (),
    "a list for an optimizer": (),
    "transposed": ("head.weight",),
    "one more axis": ("head.bias",),
    "all renamed": (*WEIGHTS, *(f"old.{name}" for name in WEIGHTS)),
    "cut by a byte": (),
    "empty": (),
    "text": (),
    "a pickle": (),
    "with code": (),
    "a list": (),
    "a bare state": (),
    "no optimizer": (),
    "no model": (),
    "a list of weights": (),
    "a weight that is none": ("head.bias",),
    "broadcastable shape": ("head.bias",),
    "unexpected weight": ("rnn.bias_hh_l7",),
    "two wrong": ("head.bias", "embedding.weight"),
    "one group": (),
    "other groups": (),
    "empty optimizer": (),
}


@pytest.mark.problem("checkpoint")
@pytest.mark.parametrize("damage", REFUSED)
def test_checkpoint_that_is_refused(student, seed, damage):
    """Whatever is wrong, it is a ValueError that names it, and nothing has changed or run."""
    check_refused(student, damage, seed % 1000, REFUSED[damage])


# --- train_loop ---------------------------------------------------------------------------------


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize(
    "change",
    [
        {"schedule": "wsd", "stable_until": 4},
        {"schedule": "constant", "warmup": 3},
        {"warmup": 0, "steps": 5, "max_lr": 0.3},
        {"warmup": 6, "min_lr": 0.0},
        {"clip": None},
        {"clip": 1e-3, "microbatches": 4},
        {"clip": 100.0, "microbatches": 2},
        {"steps": 1, "warmup": 0, "batch_size": 1, "context_length": 9},
        {"seed": 2**32 - 1, "batch_size": 6, "microbatches": 3, "log_every": 100},
    ],
    ids=lambda change: " ".join(f"{k}={v}" for k, v in change.items()),
)
def test_loop_of_any_config(student, rng, change):
    """Schedules, clipping and accumulation at their limits are still plain training."""
    state, ids, config = loop_state(11), shuffled_ids(rng, 48, "uint16"), CONFIG | change
    [report] = student.run("loop_run", state, ids, config)
    check_run(report, state, ids, config)


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize("form", ["tensor", "memmap", "every other"])
def test_loop_over_any_dataset(student, rng, form):
    """A dataset is what get_batch takes."""
    state, ids = loop_state(12), shuffled_ids(rng, 48, "int64" if form == "tensor" else "uint16")
    [report] = student.run("loop_run", state, ids, CONFIG, options={"form": form})
    check_run(report, state, ids, CONFIG)


@pytest.mark.problem("train_loop")
def test_loop_scales_the_groups_rates(student, rng):
    """A group's learning rate is the schedule's times its lr_scale; the record has the schedule's."""
    state, ids = loop_state(13), shuffled_ids(rng, 48)
    [report] = student.run("loop_run", state, ids, CONFIG, options={"scales": [0.0, 3.0]})
    check_run(report, state, ids, CONFIG, scales=(0.0, 3.0, 1.0))


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize("options", [{"stale": True}, {"mode": False}], ids=str)
def test_loop_on_a_used_model(student, rng, options):
    """Gradients and modes from before do not matter."""
    state, ids = loop_state(14), shuffled_ids(rng, 48)
    [report] = student.run("loop_run", state, ids, CONFIG, options=options)
    check_run(report, state, ids, CONFIG)
    assert all(report["modes"]), "the model is left in training mode"


@pytest.mark.problem("train_loop")
def test_loop_does_not_depend_on_the_cut(student, rng):
    """One micro-batch or four: the same windows, the same losses, the same weights."""
    args = loop_state(15), shuffled_ids(rng, 48)
    one, four = (student.run("loop_run", *args, CONFIG | {"microbatches": n})[0] for n in (1, 4))
    ids = [torch.cat([call["ids"] for call in report["calls"]]) for report in (one, four)]
    assert_equal(ids[1], ids[0], "a batch is drawn by one get_batch, then cut by rows")
    for name, weight in one["weights"].items():
        assert_close(four["weights"][name], weight, f"{name} after the run", **SMALL_MODEL)


@pytest.mark.problem("train_loop")
def test_loop_is_decided_by_its_seed(student, rng):
    """The same seed gives the same run, dropout included, whatever was drawn before; another not."""
    args, options = (loop_state(16), shuffled_ids(rng, 48)), {"dropout": 0.5}
    one, two = (student.run("loop_run", *args, CONFIG, options=options)[0] for _ in range(2))
    assert_same_run(two, one, "the same seed")
    [other] = student.run("loop_run", *args, CONFIG | {"seed": 2}, options=options)
    batches = [[c["ids"].tolist() for c in report["calls"]] for report in (one, other)]
    assert batches[0] != batches[1], "two seeds drew the same batches"
    distinct = {str(ids) for ids in batches[0]}
    assert len(distinct) == CONFIG["steps"], "a batch came twice in a run of 6 steps"


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize(
    ("N", "eval_batches"), [(T + 1, 1), (3 * T, 5), (3 * T + 1, 5), (9 * T + 3, 2), (10 * T, 3)]
)
def test_loop_validates_what_there_is(student, rng, N, eval_batches):
    """Windows begin at 0, T, 2T, ...; the last batch may be short and counts by its targets."""
    config = CONFIG | {"eval_batches": eval_batches, "eval_every": 4, "microbatches": 2}
    valid = random_ids(rng, N)
    [report] = student.run("loop_run", loop_state(17), shuffled_ids(rng, 48), config, valid)
    evaluated = [r for r in report["seen"] if "valid_loss" in r]
    assert_equal([r["step"] for r in evaluated], [4, 6], "every 4 steps, and at the last")
    want = valid_loss(report["weights"], valid, config)
    assert_close(evaluated[-1]["valid_loss"], want, "the mean over all targets", rtol=2e-6)
    rows = [call["ids"] for call in report["calls"] if not call["training"]]
    assert max(map(len, rows)) <= config["batch_size"], "evaluated in batches of batch_size"


@pytest.mark.problem("train_loop")
def test_loop_tells_when_all_is_done(student, rng):
    """When on_step is called, the step's line is written and its checkpoint in place."""
    config = CONFIG | {"checkpoint_every": 4}
    noted = student.run(
        "loop_order", loop_state(18), shuffled_ids(rng, 48), config, random_ids(rng, 40)
    )
    for record, line, same, _ in noted:
        assert same, f"on_step got {record}, the last line of metrics.jsonl is {line}"
    saved = [step for *_, step in noted]
    assert_equal(saved, [0, 0, 0, 4, 4, 6], "checkpoints every 4 steps and at the last, at once")


@pytest.mark.problem("train_loop")
def test_loop_to_which_nobody_listens(student, rng):
    """on_step and valid may be left out; the folder may be a Path, and there already."""
    args = loop_state(19), shuffled_ids(rng, 48), CONFIG
    record, files = student.run("loop_alone", *args)
    [report] = student.run("loop_run", *args)
    assert_equal(timeless([record]), timeless([report["record"]]), "the last record")
    assert {"checkpoint.pt", "metrics.jsonl"} <= set(files), f"the folder holds only {files}"


MOMENTS = [
    ("replace before", 1, 0),
    ("replace after", 2, 4),
    ("in writing", 3, 2),
    ("half a line", 4, 4),
    ("zeros", 5, 4),
]


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize(("moment", "number", "saved"), MOMENTS, ids=str)
def test_loop_survives_kill(student, rng, moment, number, saved):
    """Killed by SIGKILL at any moment, also while a checkpoint is written, a run can go on."""
    args, options = (loop_state(20), shuffled_ids(rng, 48)), {"dropout": 0.3, "kind": "adamw"}
    valid = random_ids(rng, 50)
    [whole] = student.run("loop_run", *args, CONFIG, valid, options)
    got = student.run("loop_killed", *args, CONFIG, moment, number, valid, options)
    assert got["ended"] == "killed", f"the run never came to the moment {moment!r} {number}"
    left = got["left"]["checkpoint"]
    assert_equal(left["step"] if left else 0, saved, "the last checkpoint that was complete")
    steps = [record["step"] for record in got["resumed"]["seen"]]
    assert_equal(steps, list(range(saved + 1, 7)), "it goes on after the last checkpoint")
    assert_same_run(got["resumed"], whole, f"killed {moment}")


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize("stops", [[1, 6]], ids=str)
def test_loop_stopped_again_and_again(student, rng, stops):
    """However often it is stopped, also before its first checkpoint, a run ends the same."""
    state, ids, valid = loop_state(21), shuffled_ids(rng, 48), random_ids(rng, 40)
    options = {"dropout": 0.2, "kind": "adamw"}
    [whole] = student.run("loop_run", state, ids, CONFIG, valid, options)
    configs = [CONFIG] * (len(stops) + 1)
    legs = student.run("loop_stopped", state, ids, configs, stops, valid, options)
    assert_same_run(legs[-1], whole, f"stopped after steps {stops}")


@pytest.mark.problem("train_loop")
def test_loop_resumes_without_valid(student, rng):
    """Where nothing is evaluated and only every fifth step logged, no step is lost or doubled."""
    state, ids, config = loop_state(22), shuffled_ids(rng, 48), CONFIG | {"log_every": 5}
    [whole] = student.run("loop_run", state, ids, config)
    legs = student.run("loop_stopped", state, ids, [config] * 2, [5])
    assert_same_run(legs[1], whole, "stopped after step 5")
    assert_equal([r["step"] for r in parse_metrics(legs[1])], [5, 6], "lines of steps 5 and 6")


FREE = {"log_every": 2, "eval_every": 3, "eval_batches": 1, "checkpoint_every": 5}


@pytest.mark.problem("train_loop")
def test_loop_resumes_with_other_intervals(student, rng):
    """How often it logs, evaluates and saves, and the cut of a batch, may change on the way."""
    state, ids, valid = loop_state(23), shuffled_ids(rng, 48), random_ids(rng, 40)
    config = CONFIG | FREE | {"microbatches": 2}
    legs = student.run("loop_stopped", state, ids, [CONFIG, config], [3], valid)
    assert_equal([r["step"] for r in legs[1]["seen"]], [3, 4, 5, 6], "it goes on after step 2")
    [whole] = student.run("loop_run", state, ids, CONFIG, valid)
    for name, weight in whole["weights"].items():
        assert_close(legs[1]["weights"][name], weight, f"{name} after the run", **SMALL_MODEL)


@pytest.mark.problem("train_loop")
def test_loop_is_not_continued_as_another(student, rng):
    """A checkpoint of a run with another config is refused, with the name of what differs."""
    changes = [{"steps": 8}, {"max_lr": 0.4}, {"min_lr": 0.0}, {"warmup": 1}, {"seed": 5}]
    changes += [{"schedule": "constant"}, {"clip": None}, {"batch_size": 2}]
    changes += [{"context_length": 4}, {"max_lr": 0.4, "seed": 9, "clip": None}]
    wsd, args = {"schedule": "wsd", "stable_until": 4}, (loop_state(24), shuffled_ids(rng, 48))
    errors = student.run("loop_continued", *args, CONFIG, changes, 3)
    changes += [{"stable_until": 5}]
    errors += student.run("loop_continued", *args, CONFIG | wsd, changes[-1:], 3)
    for change, (error, intact) in zip(changes, errors, strict=True):
        check_error(error, "ValueError", f"a run that is continued with {change}")
        assert intact, f"a run that is refused, with {change}, has changed its folder"


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize("damage", ["cut in half", "foreign model", "with code"])
def test_loop_does_not_begin_over_a_bad_checkpoint(student, rng, damage):
    """A checkpoint that cannot be loaded is an error, no reason to throw a run away."""
    ids = shuffled_ids(rng, 48)
    got = student.run("loop_damaged", loop_state(25), ids, CONFIG, damage)
    check_error(got["error"], "ValueError", f"checkpoint.pt: {damage}")
    assert got["steps"] == 0 and got["intact"], "the run began anew, over the old folder"


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize(
    "wrong",
    [{"steps": None}, {"clip": None, "seed": None}, {"eval_batches": None}, {"stable_until": 3}]
    + [{"learning_rate": 0.1}, {"schedule": "linear"}, {"steps": 0}, {"microbatches": 3}]
    + [{"log_every": 0}, {"schedule": "wsd"}, {"microbatches": 8}, {"warmup": 7}],
    ids=str,
)
def test_loop_of_a_wrong_config(student, rng, wrong):
    """Missing, unknown or impossible entries are refused before the first step, by name."""
    config = CONFIG | wrong
    for name in [name for name, value in wrong.items() if value is None and name != "clip"]:
        del config[name]
    names = [n for n in wrong if n not in ("clip", "schedule", "warmup")]
    names += ["stable_until"] if wrong == {"schedule": "wsd"} else []
    args = loop_state(26), shuffled_ids(rng, 48), config
    got = student.run("loop_raised", *args, names=names)
    check_error(got["error"], "ValueError", f"a config with {wrong}")
    assert not got["calls"], "the model was trained before the config was looked at"


COUNTS = ("steps", "batch_size", "microbatches", "context_length", "log_every", "eval_every")
COUNTS += ("eval_batches", "checkpoint_every")
WRONG = [{key: value} for key in COUNTS for value in (0, -4, "four", 2.5)]
WRONG += [{"log_every": 0, "eval_batches": -1}, {"lr": 1, "epochs": 2}, {"seed": "one"}]
WRONG += [{"clip": value} for value in (0, 0.0, -1.0, math.inf, math.nan, "one")]
WRONG += [{"max_lr": "high"}, {"min_lr": None}, {"warmup": None}]
MISSING = [("clip",), ("log_every",), ("eval_every", "checkpoint_every"), ("seed", "clip")]
LATE = [{"schedule": "wsd", "stable_until": 7}, {"schedule": "wsd", "stable_until": 1}]
LATE += [{"schedule": "constant", "warmup": 7}]


@pytest.mark.problem("train_loop")
def test_loop_names_all_that_is_wrong(student, rng):
    """Every entry is looked at before the first step, and all wrong ones are named at once."""
    cases = [(CONFIG | wrong, list(wrong)) for wrong in WRONG]
    cases += [({k: v for k, v in CONFIG.items() if k not in gone}, gone) for gone in MISSING]
    cases += [(CONFIG | late, []) for late in LATE]  # in the words of the schedules
    configs, names = zip(*cases, strict=True)
    errors = student.run("loop_refusals", loop_state(31), shuffled_ids(rng, 48), configs, names)
    for what, error in zip([*WRONG, *MISSING, *LATE], errors, strict=True):
        check_error(error, "ValueError", f"a config with {what}, or without")


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize("valid", [0, T])
def test_loop_with_too_little_to_validate(student, rng, valid):
    """Validation data without a window is refused at once, not at the first evaluation."""
    args = loop_state(27), shuffled_ids(rng, 48), CONFIG, random_ids(rng, valid)
    got = student.run("loop_raised", *args)
    check_error(got["error"], "ValueError", f"validation data of {valid} ids")
    assert not got["calls"], "training began before the validation data was looked at"


@pytest.mark.problem("train_loop")
def test_loop_over_one_window(student, rng):
    """T + 1 ids are one window, and enough."""
    state, ids = loop_state(28), shuffled_ids(rng, T + 1)
    [report] = student.run("loop_run", state, ids, CONFIG)
    check_run(report, state, ids, CONFIG)


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize(
    ("options", "clip"),
    [({"nan_at": 1}, 0.35), ({"inf_at": 3}, None), ({"nan_at": 6}, None)],
    ids=str,
)
def test_loop_stops_at_what_is_not_finite(student, rng, options, clip):
    """NaN and inf, in the loss or in gradients alone, end the run with the step's number."""
    args, [step] = (loop_state(29), shuffled_ids(rng, 48)), options.values()
    config = CONFIG | {"clip": clip}
    got = student.run("loop_raised", *args, config, None, options, [str(step)])
    check_error(got["error"], "FloatingPointError", f"{options}: what is not finite")
    lines = [r["step"] for r in parse_metrics(got)] if got["metrics"] or step > 1 else []
    assert_equal(lines, list(range(1, step)), "the step is not logged")
    assert len(got["updates"]) == step - 1, "the optimizer made an update with it"
    for name, weight in got["weights"].items():
        assert weight.isfinite().all(), f"{name} is not finite any more"
    saved = (step - 1) // 2 * 2
    assert_equal((got["checkpoint"] or {"step": 0})["step"], saved, "the step is not saved")


@pytest.mark.problem("train_loop")
def test_loop_learns(student, rng):
    """In 40 steps a model learns the order of 48 ids by heart: the loss falls from 5 below 0.5."""
    state = {name: 0.3 * weight for name, weight in loop_state(30).items()}
    config = CONFIG | {"steps": 40, "batch_size": 8, "max_lr": 0.2, "warmup": 5, "clip": 1.0}
    config |= {"checkpoint_every": 40}
    ids = shuffled_ids(rng, 48)
    [report] = student.run("loop_run", state, ids, config, options={"kind": "adamw"})
    first, last = report["seen"][0]["loss"], report["record"]["loss"]
    assert math.log(V) * 0.8 < first, f"the first loss is that of knowing nothing, got {first:.2f}"
    assert last < 0.5, f"the loss fell from {first:.2f} only to {last:.2f}"


@pytest.mark.problem("train_loop")
def test_loop_draws_by_its_seed(student, rng):
    """Batch k is the k-th get_batch of a generator of this seed; torch's own has the seed as well."""
    seen, want, seeds = student.run("loop_by_seed", loop_state(32), shuffled_ids(rng, 48), CONFIG)
    assert_equal(seen, want, "batch k is the k-th get_batch of a generator of this seed")
    assert set(seeds) == {CONFIG["seed"]}, f"torch's generator has the seed, got {set(seeds)}"


@pytest.mark.problem("train_loop")
def test_loop_times_its_training(student, rng):
    """tokens_per_second is of this step's training, without evaluation, saving and on_step."""
    config = CONFIG | {"eval_every": 1, "eval_batches": 1, "warmup": 0, "steps": 3}
    args = loop_state(33), shuffled_ids(rng, 48), config, random_ids(rng, 20)
    for seconds, least, most in zip(*student.run("loop_times", *args), strict=True):
        assert least <= seconds <= most, (
            f"tokens_per_second is of this step's training alone: {seconds:.4f} s by the record, "
            f"{least:.4f} s in the model's forward pass, {most:.4f} s until the evaluation"
        )


@pytest.mark.problem("train_loop")
def test_loop_clips_a_tied_weight_once(student, rng):
    """A weight with two names is one parameter: it counts and is scaled once."""
    args = loop_state(34), shuffled_ids(rng, 48)
    free, _, _ = student.run("loop_of_parts", *args, CONFIG | {"clip": None}, "tied")
    seen, norms, _ = student.run("loop_of_parts", *args, CONFIG | {"clip": 1e-3}, "tied")
    why = "grad_norm: a tied weight counts once"
    assert_close(seen[0]["grad_norm"], free[0]["grad_norm"], why, rtol=1e-5)
    why = "clipped to max_norm: a tied weight is scaled once"
    assert_close(norms, [1e-3] * 6, why, rtol=1e-2)  # 1e-6 is added to the norm


@pytest.mark.problem("train_loop")
def test_loop_knows_all_parameters(student, rng):
    """Where all batches are the same and the rate is next to nothing, so are all gradients."""
    config = CONFIG | {"clip": None, "max_lr": 1e-12, "min_lr": 0.0}
    args = loop_state(35), shuffled_ids(rng, T + 1), config, "plain"
    want, _, _ = student.run("loop_of_parts", *args)
    seen, _, _ = student.run("loop_of_parts", *args, outside=True)
    norms = [[record["grad_norm"] for record in records] for records in (seen, want)]
    why = "grad_norm: of this batch, of all parameters, in the optimizer or not"
    assert_close(*norms, why, rtol=1e-5)


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize("kind", ["sometimes", "buffers"])
def test_loop_resumes_other_models(student, rng, kind):
    """Buffers, and weights that only some batches use, are resumed as exactly as the rest."""
    args = loop_state(36), shuffled_ids(rng, 48), CONFIG | {"max_lr": 0.1, "steps": 12}, kind
    _, _, whole = student.run("loop_of_parts", *args)
    for stop in (2, 4, 6):
        _, _, resumed = student.run("loop_of_parts", *args, stop=stop)
        assert_equal(resumed, whole, f"weights and buffers, stopped after step {stop}")


@pytest.mark.problem("train_loop")
def test_loop_stops_at_a_loss_of_inf(student, rng):
    """A loss of inf whose gradients are finite ends the run as well."""
    args = loop_state(37), shuffled_ids(rng, 48), CONFIG
    error, updates = student.run("loop_inf_loss", *args)
    check_error(error, "FloatingPointError", "the loss of step 2 is inf, its gradients are finite")
    assert_equal(updates, 1, "the optimizer made an update with it")


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize(
    ("log", "evaluate", "save", "stop"), [(3, 4, 5, 7), (1, 2, 4, 7), (4, 1, 3, 8)]
)
def test_loop_resumes_sparse_lines(student, rng, log, evaluate, save, stop):
    """Lines are kept by their step, however many there are."""
    config = CONFIG | {"steps": 9, "log_every": log, "eval_every": evaluate}
    config |= {"checkpoint_every": save}
    args, valid = (loop_state(38), shuffled_ids(rng, 48)), random_ids(rng, 30)
    [whole] = student.run("loop_run", *args, config, valid)
    legs = student.run("loop_stopped", *args, [config] * 2, [stop], valid)
    assert_same_run(legs[1], whole, f"stopped after step {stop}")


@pytest.mark.problem("train_loop")
def test_loop_survives_a_kill_while_it_resumes(student, rng):
    """Killed while it cuts metrics.jsonl, or soon after, a run loses no line."""
    args = loop_state(39), shuffled_ids(rng, 48), CONFIG
    [whole] = student.run("loop_run", *args)
    ended, report = student.run("loop_killed_in_resuming", *args, 5)
    assert ended == "killed", "no file has more than 100 bytes: there is no metrics.jsonl"
    assert_same_run(report, whole, "killed while it resumes")


@pytest.mark.problem("train_loop")
def test_loop_reads_only_its_windows(student):
    """Dataset and validation data may be larger than memory: here both are a file of 48 MiB."""
    growth = student.run("loop_growth", loop_state(40), CONFIG | {"context_length": 64}, 48)
    assert growth < 16, f"the process grew by {growth} MiB: dataset or valid was read whole"


@pytest.mark.problem("train_loop")
def test_loop_validates_any_dataset(student, rng):
    """Validation data may be whatever a dataset may be."""
    args = loop_state(41), shuffled_ids(rng, 48), CONFIG, shuffled_ids(rng, 40)
    losses = student.run("loop_valid_forms", *args)
    assert_equal(losses, losses[:1] * 5, "valid as array, tensor, memmap, every other, backwards")


@pytest.mark.problem("train_loop")
def test_loop_gives_records_away(student, rng):
    """A record is a new dict of numbers at each step: who collects them has them all."""
    steps, others = student.run("loop_records", loop_state(42), shuffled_ids(rng, 48), CONFIG)
    assert_equal(steps, list(range(1, 7)), "the records that on_step got, after the run")
    assert not others, f"records hold numbers, but {others} are none"


@pytest.mark.problem("train_loop")
def test_loop_that_has_finished_is_left_in_training(student, rng):
    """Also a run that has nothing left to do leaves its model in training mode."""
    args = loop_state(43), shuffled_ids(rng, 48), CONFIG
    _, second = student.run("loop_run", *args, options={"mode": False}, times=2)
    assert all(second["modes"]), "a finished run leaves the model in evaluation mode"


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize("guest", ["draws", "evaluates", "draws in evaluation"])
def test_loop_with_a_guest(student, rng, guest):
    """Whoever samples at a step, or in evaluation, has no influence on training."""
    args = loop_state(44), shuffled_ids(rng, 48), CONFIG, random_ids(rng, 30)
    whole = student.run("loop_with_guest", *args)
    for stop in (None, 4):
        got = student.run("loop_with_guest", *args, guest, stop)
        assert_equal(got["weights"], whole["weights"], f"{guest}: training goes on as without")
    assert all(got["modes"]), "the model is left in training mode"


@pytest.mark.problem("train_loop")
def test_loop_of_numpy_numbers(student, rng):
    """A config may hold numbers of numpy: it is saved and resumed as one of Python's."""
    args = loop_state(45), shuffled_ids(rng, 48), CONFIG
    [whole] = student.run("loop_run", *args)
    assert_same_run(student.run("loop_of_numpy", *args, 3), whole, "numbers of numpy")
