"""Public tests of ch07_optimization, problem by problem in the order of the handout."""

import math

import numpy as np
import pytest
import torch

from kit.compare import assert_close, assert_equal, raises
from tests.ch07_optimization.checks import (
    CONFIG,
    FLOAT32,
    TIMED,
    T,
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
    check_windows,
    gradients_for,
    loop_state,
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

# --- sgd_momentum -------------------------------------------------------------------------------


@pytest.mark.problem("sgd_momentum")
def test_a_step_of_the_worked_example(student):
    """Weight 1, gradient 2, velocity 6: 0.5 * 6 + 2 = 5, and 1 - 0.1 * 5; Nesterov adds 2.5."""
    numbers = [torch.tensor([x]) for x in (1.0, 2.0, 6.0)]
    for nesterov, weight in ((False, 0.5), (True, 0.55)):
        got = student.sgd_momentum(*numbers, 0.1, 0.5, nesterov)
        assert_close(got[0], [weight], f"the new weight with {nesterov=}")
        assert_close(got[1], [5.0], f"the new velocity with {nesterov=}: momentum * old + gradient")


@pytest.mark.problem("sgd_momentum")
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_agrees_with_torch(student, rng, nesterov):
    """Six steps at changing rates: the learning rate stays out of the velocity."""
    weight, gradients = random(rng, 3, 4), [random(rng, 3, 4) for _ in range(6)]
    rates = [0.1, 0.1, 0.3, 0.0, 0.2, 0.01]
    check_sgd(student, weight, gradients, rates, 0.9, nesterov, **FLOAT32)


@pytest.mark.problem("sgd_momentum")
@pytest.mark.parametrize("lr, momentum", [(-0.1, 0.5), (0.1, -0.5), (0.1, 1.0)])
def test_sgd_options_out_of_range_are_an_error(student, lr, momentum):
    """A negative rate climbs, and a momentum of 1 never forgets."""
    with raises(ValueError, f"{lr=} and {momentum=} are no learning"):
        student.sgd_momentum(torch.ones(2), torch.ones(2), torch.zeros(2), lr, momentum)


# --- adamw --------------------------------------------------------------------------------------


@pytest.mark.problem("adamw")
def test_the_first_step_of_the_worked_example(student):
    """Corrected, m is the gradient and v its square: w goes down by lr, and by lr * decay * w."""
    w, g = torch.tensor([2.0, 2.0]), torch.tensor([0.5, -50.0])
    ((got,),) = student.run("adamw_steps", [w], [[g]], lr=0.1, weight_decay=0.25)
    why = "2 - 0.1 * 0.25 * 2 - 0.1 * sign(g) at the first step, however large g is"
    assert_close(got, [1.85, 2.05], why, rtol=2e-6, atol=5e-6)


@pytest.mark.problem("adamw")
def test_adamw_is_an_optimizer(student):
    """A class made from torch.optim.Optimizer, whose zero_grad and state_dict work."""
    wanted = {"a class": True, "an Optimizer": True, "cleared": True}
    wanted["state"] = ["param_groups", "state"]
    assert_equal(student.run("adamw_kind"), wanted, "adamw() returns a class of torch optimizers")


@pytest.mark.problem("adamw")
def test_adamw_agrees_with_torch(student, rng):
    """Thirty steps on a matrix, a vector and a number, with gradients of many sizes."""
    weights = [random(rng, 3, 4), random(rng, 4), random(rng)]
    options = {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.3}
    why = "not the steps of torch.optim.AdamW"
    check_adamw(student, why, weights, gradients_for(rng, weights, 30), **options)


@pytest.mark.problem("adamw")
def test_tiny_gradients_expose_eps(student, rng):
    """Over 200 steps with gradients as small as eps, it matters where eps is added."""
    weights = [random(rng, 5)]
    why = "sqrt(v / (1 - beta2**t)) + eps: eps is added to the corrected root"
    check_adamw(student, why, weights, gradients_for(rng, weights, 200, 1e-8), lr=0.01)


@pytest.mark.problem("adamw")
def test_the_learning_rate_changes_on_the_way(student, rng):
    """The rate is the one in the group when the step is taken."""
    weights = [random(rng, 4)]
    gradients = gradients_for(rng, weights, 6)
    changes = {2: [(0, "lr", 0.01)], 4: [(0, "lr", 0.3)]}
    why = "the learning rate was changed on the way, and the old one used"
    check_adamw(student, why, weights, gradients, changes=changes, lr=0.1, weight_decay=0.5)
    why = "a scheduler of torch changes the learning rate in the groups"
    check_adamw(student, why, weights, gradients, "adamw_scheduled", warmup=4, lr=0.1)


@pytest.mark.problem("adamw")
def test_each_group_has_its_own_options(student, rng):
    """Where groups have options of their own, they use them, and the defaults for the rest."""
    weights = [random(rng, 3, 2), random(rng, 2), random(rng, 4)]
    groups = [
        {"params": [1], "lr": 0.2, "weight_decay": 0.0},
        {"params": [0, 2], "betas": (0.5, 0.6), "eps": 0.1},
    ]
    why = "a parameter is updated with the options of its own group"
    options = {"groups": groups, "lr": 0.05, "weight_decay": 0.4}
    check_adamw(student, why, weights, gradients_for(rng, weights, 8), **options)


@pytest.mark.problem("adamw")
def test_a_parameter_without_gradient_waits(student, rng):
    """Without a gradient there is no step: no decay, no moments, no count."""
    weights = [random(rng, 3), random(rng, 3)]
    gradients = gradients_for(rng, weights, 7)
    for step, number in ((0, 1), (1, 1), (2, 0), (3, 0), (3, 1), (5, 1)):
        gradients[step][number] = None
    why = "a parameter without gradient stays, and its t counts only steps of its own"
    check_adamw(student, why, weights, gradients, lr=0.1, weight_decay=0.5)


@pytest.mark.problem("adamw")
def test_a_resumed_optimizer_goes_on_the_same(student, rng):
    """All that it remembers is in its state_dict, which survives a file."""
    weights = [random(rng, 3), random(rng, 2, 2)]
    gradients = gradients_for(rng, weights, 6)
    gradients[0][1] = None
    options = {"at": 3, "lr": 0.1, "betas": (0.7, 0.9), "eps": 0.01, "weight_decay": 0.3}
    why = "after loading its state_dict, another optimizer goes on otherwise"
    check_adamw(student, why, weights, gradients, "adamw_resumed", **options)


@pytest.mark.problem("adamw")
def test_weights_are_updated_in_place(student, rng):
    """Parameters stay the tensors that they are, in their memory; gradients are not touched."""
    weights = [random(rng, 2, 3), random(rng, 4)]
    gradients = gradients_for(rng, weights, 3)
    found = student.run("adamw_around", weights, gradients, lr=0.1, weight_decay=0.5)
    assert_equal(found["gradients"], gradients, "a step leaves the gradients as they are")
    for what in ("gradients kept", "same parameters", "leaves"):
        assert found[what], f"not true after a step: {what}"
    (expected,) = student.run("adamw_steps", weights, gradients, lr=0.1, weight_decay=0.5)[-1:]
    wanted = torch.cat([w.flatten() for w in expected])
    why = "the memory of the parameters was not updated, but replaced"
    assert_close(found["memory"], wanted, why, **FLOAT32)


@pytest.mark.problem("adamw")
def test_a_closure_is_called_and_its_loss_returned(student, rng):
    """step(closure) computes the loss anew, with gradients, before the update; step() is None."""
    weights = [random(rng, 3), random(rng, 2)]
    found = student.run("adamw_closure", weights, 3)
    assert_equal(found["enabled"], [True] * 3, "the closure is called once, with gradients enabled")
    before = [weights, *found["history"]][:3]
    losses = [sum(w.double().square().sum() for w in now) for now in before]
    for result, loss in zip(found["results"], losses, strict=True):
        assert result is not None, "step(closure) returns what the closure returns"
        assert_close(result, loss, "the loss before the step is returned", **FLOAT32)
    why = "step(closure) returns the object that the closure returns, no copy, no number"
    assert found["the closure's own"], why
    gradients = [[2 * w for w in now] for now in before]
    why = "the gradients are those that the closure has computed"
    check_history(
        found["history"], torch_adamw("adamw_steps", weights, gradients, lr=0.1), why, {"lr": 0.1}
    )
    assert found["plain"], "step() without a closure returns None"


@pytest.mark.problem("adamw")
def test_defaults_of_adamw(student):
    """lr 1e-3, betas 0.9 and 0.999, eps 1e-8, weight_decay 0.01."""
    ((*got,),) = student.run("adamw_made")
    assert_equal(got, [1e-3, (0.9, 0.999), 1e-8, 0.01], "lr, betas, eps and weight_decay")


WRONG = [{"lr": -1e-3}, {"betas": (1.0, 0.9)}, {"betas": (0.9, -0.1)}, {"eps": -1e-8}]


@pytest.mark.problem("adamw")
@pytest.mark.parametrize("options", [*WRONG, {"weight_decay": -0.1}], ids=str)
def test_options_out_of_range_are_an_error(student, options):
    """A mistyped option is an error when the optimizer is made, not a ruined run."""
    with raises(ValueError, f"{options} was accepted"):
        student.run("adamw_made", **options)


# --- clip_grad_norm -----------------------------------------------------------------------------


@pytest.mark.problem("clip_grad_norm")
def test_clipping_of_the_worked_example(student):
    """(3, 0) and (4) have the norm 5 together; clipped to 1, each is a fifth."""
    gradients = [torch.tensor([3.0, 0.0]), torch.tensor([4.0])]
    found = student.run("clipped", gradients, 1.0)
    assert_close(found["norm"], 5.0, "the norm before clipping, over all parameters")
    assert_close(found["gradients"][0], [0.6, 0.0], "all gradients are scaled alike")
    assert_close(found["gradients"][1], [0.8], "all gradients are scaled alike")


@pytest.mark.problem("clip_grad_norm")
@pytest.mark.parametrize("how", ["list", "generator"])
def test_a_long_gradient_is_shortened(student, rng, how):
    """Above the limit all gradients are scaled by one number, in place."""
    gradients = [random(rng, 4, 3), None, random(rng, 5), random(rng)]
    check_clipped(student, gradients, 0.5, how)


@pytest.mark.problem("clip_grad_norm")
def test_a_short_gradient_is_left_alone(student, rng):
    """Below the limit nothing is scaled up."""
    check_clipped(student, [random(rng, 4, 3), random(rng, 5)], 100.0)


@pytest.mark.problem("clip_grad_norm")
def test_the_norm_is_a_tensor(student, rng):
    """A 0-dimensional tensor, without a graph."""
    found = student.run("clipped", [random(rng, 3)], 1.0)
    assert found["tensor"], "the norm is a 0-dimensional tensor that requires no gradient"
    assert_equal(str(found["dtype"]), "torch.float32", "the norm of float32 gradients")


@pytest.mark.problem("clip_grad_norm")
@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_broken_gradient_is_told_and_left(student, rng, bad):
    """An inf or NaN comes back as the norm, and no gradient is changed by it."""
    gradients = [torch.tensor([1.0, bad]), random(rng, 3)]
    found = student.run("clipped", gradients, 1.0)
    assert_equal(float(found["norm"]), bad, "the norm tells that a gradient is broken")
    assert_equal(found["gradients"], gradients, f"with a norm of {bad} gradients are left alone")


@pytest.mark.problem("clip_grad_norm")
def test_a_negative_limit_is_an_error(student):
    """It would turn the gradient round."""
    with raises(ValueError, "a limit of -1 was accepted"):
        student.run("clipped", [torch.ones(2)], -1.0)


# --- cosine_schedule ----------------------------------------------------------------------------


@pytest.mark.problem("cosine_schedule")
def test_the_cosine_of_the_worked_example(student):
    """Up to 1 in 4 steps, and down to 0.2 at step 12."""
    wanted = {0: 0, 1: 0.25, 3: 0.75, 4: 1, 6: 0.6 + 0.4 / 2**0.5, 8: 0.6, 12: 0.2, 13: 0.2}
    for step, lr in wanted.items():
        got = student.cosine_schedule(step, 1.0, 0.2, 4, 12)
        assert_close(got, lr, f"the learning rate of step {step}", atol=2e-7)


@pytest.mark.problem("cosine_schedule")
def test_every_step_of_a_cosine(student):
    """From step 0 to well past the end."""
    check_schedule(student, "cosine_schedule", range(60), 3e-4, 3e-5, 7, 43)


@pytest.mark.problem("cosine_schedule")
def test_a_cosine_without_warmup(student):
    """The first step is the highest."""
    check_schedule(student, "cosine_schedule", range(12), 0.5, 0.0, 0, 9)


@pytest.mark.problem("cosine_schedule")
@pytest.mark.parametrize("step, warmup, total", [(-1, 2, 4), (1, -2, 4), (1, 5, 4)])
def test_cosine_phases_out_of_order_are_an_error(student, step, warmup, total):
    """Steps count from 0, and the end comes after the warm-up."""
    with raises(ValueError, f"{step=}, {warmup=}, {total=} was accepted"):
        student.cosine_schedule(step, 1.0, 0.1, warmup, total)


# --- wsd_schedule -------------------------------------------------------------------------------


@pytest.mark.problem("wsd_schedule")
def test_wsd_of_the_worked_example(student):
    """Up in 4 steps, level until 8, down to 0.2 at step 12."""
    wanted = {0: 0, 2: 0.5, 4: 1, 7: 1, 8: 1, 9: 0.8, 11: 0.4, 12: 0.2, 20: 0.2}
    for step, lr in wanted.items():
        got = student.wsd_schedule(step, 1.0, 0.2, 4, 8, 12)
        assert_close(got, lr, f"the learning rate of step {step}", atol=2e-7)


@pytest.mark.problem("wsd_schedule")
def test_every_step_of_wsd(student):
    """From step 0 to well past the end."""
    check_schedule(student, "wsd_schedule", range(60), 3e-4, 3e-5, 7, 29, 43)


@pytest.mark.problem("wsd_schedule")
@pytest.mark.parametrize(
    "step, ends", [(-1, (2, 4, 6)), (1, (-2, 4, 6)), (1, (5, 4, 6)), (1, (2, 7, 6))]
)
def test_wsd_phases_out_of_order_are_an_error(student, step, ends):
    """Warm-up, stable phase and decay follow each other."""
    with raises(ValueError, f"{step=} of phases that end at {ends} was accepted"):
        student.wsd_schedule(step, 1.0, 0.1, *ends)


# --- decay_groups -------------------------------------------------------------------------------


@pytest.mark.problem("decay_groups")
def test_matrices_decay(student):
    """Biases, norms, numbers and embeddings do not; matrices and kernels do, wherever they are."""
    decayed = "table layers.0.weight layers.1.weight conv.weight"
    others = "scale tokens.weight norm.weight norm.bias layers.0.bias conv.bias"
    check_groups(student, "small", decayed, others, "two axes or more, and no embedding")


@pytest.mark.problem("decay_groups")
def test_a_tied_matrix_comes_once(student):
    """A head that shares the embedding's weight makes it no second parameter."""
    why = "embedding.weight is head.weight: one Parameter, an embedding's"
    check_groups(student, "tied", "mix.weight", "embedding.weight mix.bias", why)


@pytest.mark.problem("decay_groups")
def test_frozen_parameters_are_left_out(student):
    """What requires no gradient is not trained."""
    frozen = ["layers.0.weight", "norm.weight", "tokens.weight"]
    others = "scale norm.bias layers.0.bias conv.bias"
    decayed = "table layers.1.weight conv.weight"
    check_groups(student, "small", decayed, others, "frozen parameters", frozen=frozen)


@pytest.mark.problem("decay_groups")
def test_a_negative_decay_is_an_error(student):
    """It would let weights grow."""
    with raises(ValueError, "a weight_decay of -0.1 was accepted"):
        student.run("grouped", "small", -0.1)


# --- muon_orthogonalize -------------------------------------------------------------------------


@pytest.mark.problem("muon_orthogonalize")
def test_one_step_of_the_worked_example(student):
    """diag(3, 4) has the norm 5: a s + b s³ + c s⁵ at 0.6 and at 0.8."""
    got = student.muon_orthogonalize(torch.tensor([[3.0, 0.0], [0.0, 4.0]]), 1)
    wanted = [3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5 for s in (0.6, 0.8)]
    why = "the polynomial acts on the singular values of G / ‖G‖"
    assert_close(got, [[wanted[0], 0], [0, wanted[1]]], why, **FLOAT32)


@pytest.mark.problem("muon_orthogonalize")
@pytest.mark.parametrize("shape", [(8, 8), (5, 12), (12, 5)], ids=str)
def test_singular_values_come_near_one(student, rng, shape):
    """Wide, tall or square: five steps bring them between 0.6 and 1.25, directions unchanged."""
    U, S, Vh = torch.linalg.svd(random(rng, *shape, dtype=torch.float64), full_matrices=False)
    G = U * (S + 1) @ Vh  # 0 stays 0: what is nearly 0 needs more than five steps
    out = student.muon_orthogonalize(G, 5).double()
    assert out.isfinite().all(), "the steps diverge: G was not divided by its norm"
    values = torch.linalg.svdvals(out)
    low, high = values.min().item(), values.max().item()
    assert 0.6 < low <= high < 1.25, f"singular values from {low:.3f} to {high:.3f}, wanted about 1"
    check_muon(student, G, 5, "U f(S) Vᵀ: only the singular values change")


@pytest.mark.problem("muon_orthogonalize")
def test_a_batch_of_matrices(student, rng):
    """Each matrix is normalised by its own norm."""
    G = random(rng, 3, 6, 4) * torch.tensor([1.0, 10.0, 0.1])[:, None, None]
    check_muon(student, G, 3, "leading axes are a batch, each matrix treated for itself")


@pytest.mark.problem("muon_orthogonalize")
def test_a_matrix_of_zeros_stays(student):
    """Its norm is 0, and 0 / 0 would be NaN."""
    got = student.muon_orthogonalize(torch.zeros(3, 2), 5)
    assert_equal(got, torch.zeros(3, 2), "of a matrix of zeros zeros come out")


# --- init ---------------------------------------------------------------------------------------


@pytest.mark.problem("init")
def test_xavier_of_a_linear_layer(student):
    """Uniform up to √(6 / (fan_in + fan_out)): 0.2 for 50 + 100."""
    check_uniform(student.xavier_init((100, 50), 1), 0.2, "weights of (100, 50)")


@pytest.mark.problem("init")
def test_kaiming_of_a_linear_layer(student):
    """Normal with √(2 / fan): 0.2 for 50 inputs, 0.1 for 200 outputs."""
    check_normal(student.kaiming_init((200, 50), 1), 0.2, "weights of (200, 50), fan_in")
    weights = student.kaiming_init((200, 50), 2, "fan_out")
    check_normal(weights, 0.1, "weights of (200, 50), fan_out")


@pytest.mark.problem("init")
@pytest.mark.parametrize("name", ["xavier_init", "kaiming_init"])
def test_the_seed_decides(student, name):
    """The same seed gives the same numbers, another one others; torch's generator stays."""
    check_seeded(student.run("seeded", name, (6, 4), 3), name)


@pytest.mark.problem("init")
def test_gpt2_init_fills_a_model(student):
    """0.02 in matrices, 0.02 / √(2 * 8) = 0.005 in c_proj, 0 in biases, 1 in norms."""
    found = student.run("gpt2_initialised", 64, 8, 5)
    for name, value in found["state"].items():
        if name.startswith(("conv", "memory")):
            continue
        if name.endswith("bias"):
            assert_close(value, torch.zeros_like(value), f"{name} becomes 0")
        elif "ln" in name:
            assert_close(value, torch.ones_like(value), f"{name} becomes 1")
        else:
            std = 0.005 if name.endswith("c_proj.weight") else 0.02
            check_normal(value, std, f"the numbers of {name}")


@pytest.mark.problem("init")
def test_gpt2_init_leaves_the_rest(student):
    """Parameters stay what they are and tied; other modules, and torch's generator, are left."""
    found = student.run("gpt2_initialised", 16, 2, 5)
    for what in ("same parameters", "same memory", "tied", "leaves", "global alone"):
        assert found[what], f"not true after gpt2_init: {what}"
    why = "a convolution's weight and bias, and the model's own parameter, stay as they are"
    assert_equal(found["others alone"], [True] * 3, why)


@pytest.mark.problem("init")
def test_gpt2_init_wants_a_layer(student):
    """0 layers would divide by 0."""
    with raises(ValueError, "num_layers=0 was accepted"):
        student.run("gpt2_initialised", 4, 0, 5)


@pytest.mark.problem("init")
@pytest.mark.parametrize("name", ["xavier_init", "kaiming_init"])
def test_a_vector_has_no_fans(student, name):
    """fan_in and fan_out need two axes."""
    with raises(ValueError, "a shape of one axis was accepted"):
        getattr(student, name)((5,), 1)


@pytest.mark.problem("init")
def test_an_unknown_mode_is_an_error(student):
    """A mistyped mode is not one of the two."""
    with raises(ValueError, 'mode="fan_avg" was accepted'):
        student.kaiming_init((3, 4), 1, "fan_avg")


# --- accumulate_gradients -----------------------------------------------------------------------


@pytest.mark.problem("accumulate_gradients")
def test_accumulation_of_the_worked_example(student):
    """Two targets of one bit in one micro-batch and one of four bits in another: two bits each."""
    table = torch.tensor([[1 / 2, 1 / 2], [1 / 16, 15 / 16]]).log()
    microbatches = [(torch.tensor([[0, 0]]), torch.tensor([[0, 1]]))]
    microbatches += [(torch.tensor([[1, 0]]), torch.tensor([[0, -100]]))]
    loss, gradient = student.run("accumulated_from_table", table, microbatches)
    assert_close(float(loss) / math.log(2), 2.0, "the mean of 1, 1 and 4, not of 1 and 4")
    want = [[0.0, 0.0], [-5 / 16, 5 / 16]]  # (p - 1)/3 and p/3; the first two cancel
    assert_close(gradient, want, "each target has a weight of 1/3", rtol=1e-5, atol=1e-7)


@pytest.mark.problem("accumulate_gradients")
@pytest.mark.parametrize("cut", [1, 2, 4, 8])
def test_accumulation_does_not_depend_on_the_cut(student, rng, cut):
    """Eight rows at once, or in 2, 4 or 8 micro-batches, give one loss and one gradient."""
    state = toy_weights("language", rng)
    [(x, y)] = random_microbatches(rng, 27, [(8, 5)])
    y[0, 0] = y[1, 1] = y[2:4, 2] = y[4:8, 3] = 1
    microbatches = list(zip(x.chunk(cut), y.chunk(cut), strict=True))
    check_accumulation(student, "language", state, microbatches)


@pytest.mark.problem("accumulate_gradients")
def test_accumulation_of_ragged_microbatches(student, rng):
    """Micro-batches of different shapes count by their targets, and are run one by one."""
    shapes = [(2, 7), (5, 3), (1, 1), (3, 4)]
    microbatches = random_microbatches(rng, 27, shapes)
    state = toy_weights("language", rng)
    got = check_accumulation(student, "language", state, microbatches)
    why = "the model is called once for each micro-batch"
    assert_equal(sorted(got["shapes"]), sorted(shapes), why)


@pytest.mark.problem("accumulate_gradients")
def test_accumulation_frees_each_graph(student, rng):
    """When a micro-batch is run, no tensor of an earlier one's graph is held any more."""
    microbatches = random_microbatches(rng, 11, [(2, 3)] * 4)
    got = student.run("accumulated", "tied", toy_weights("tied", rng), microbatches)
    why = "memory grows with the number of micro-batches: backward each before the next"
    assert_equal(got["held"], [0] * 4, why)
    assert not got["graph"], "the loss that is returned still has its graph: it is a number"


@pytest.mark.problem("accumulate_gradients")
def test_accumulation_adds_to_gradients(student, rng):
    """Gradients that were there before are added to, as backward does."""
    microbatches = random_microbatches(rng, 11, [(2, 3), (1, 5)])
    check_accumulation(student, "tied", toy_weights("tied", rng), microbatches, before=0.5)


# --- get_batch ----------------------------------------------------------------------------------


@pytest.mark.problem("get_batch")
def test_batch_of_the_worked_example(student):
    """Three ids have room for one window of two and their targets."""
    got = student.run("batch_calls", np.array([7, 8, 9]), 1, 2, seed=0)
    assert_equal([got["x"], got["y"]], [[[[7, 8]]], [[[8, 9]]]], "x = d[0:2], y = d[1:3]")


@pytest.mark.problem("get_batch")
@pytest.mark.parametrize("kind", ["array", "tensor", "memmap"])
def test_batch_of_windows(student, rng, kind):
    """Rows are windows of the data; targets are what follows in the data, not the id plus 1."""
    ids = shuffled_ids(rng, 60, "int64" if kind == "tensor" else "uint16")
    got = student.run("batch_calls", ids, 8, 5, seed=3, calls=4, kind=kind)
    check_windows(got, ids, 8, 5)


@pytest.mark.problem("get_batch")
def test_batch_starts_are_uniform(student, rng):
    """Every start from 0 to N - T - 1 comes equally often, in every row."""
    ids = shuffled_ids(rng, 11)
    got = student.run("batch_calls", ids, 3, 4, seed=5, calls=1000)
    starts = check_windows(got, ids, 3, 4)
    for row in range(3):
        check_evenly_drawn(starts[:, row], 7, f"row {row}: all starts are equally likely")


@pytest.mark.problem("get_batch")
def test_batch_of_large_ids(student, rng):
    """Ids above 32,767 in uint16 stay what they are."""
    ids = shuffled_ids(rng, 500, "uint16", 65_036)
    check_windows(student.run("batch_calls", ids, 6, 9, seed=1), ids, 6, 9)


@pytest.mark.problem("get_batch")
def test_batch_by_its_generator(student, rng):
    """The generator decides all: its state repeats a batch, its next call and its seed change it."""
    ids = shuffled_ids(rng, 500)
    x = student.run("batch_calls", ids, 8, 4, seed=7, calls=2)["x"]
    again = student.run("batch_calls", ids, 8, 4, seed=7, calls=2)["x"]
    assert_equal(again, x, "the same state of rng gives the same batch")
    assert not torch.equal(x[0], x[1]), "two calls with one rng gave the same batch twice"
    other = student.run("batch_calls", ids, 8, 4, seed=8, calls=2)["x"]
    assert not torch.equal(other, x), "another seed of rng gave the same batches"


@pytest.mark.problem("get_batch")
def test_batch_reads_only_its_windows(student):
    """Drawing from a file of 48 MiB takes no more memory than a few windows."""
    growth = student.run("batch_growth", 48, "uint16", 4, 64)
    assert growth < 16, (
        f"the process grew by {growth} MiB: the whole dataset was read, not only its windows"
    )


@pytest.mark.problem("get_batch")
def test_batch_from_too_little(student):
    """T ids hold no window of T with a target for each."""
    with raises(ValueError, "N = T ids are one too few"):
        student.run("batch_calls", np.arange(5), 2, 5, seed=0)


# --- checkpoint ---------------------------------------------------------------------------------


@pytest.mark.problem("checkpoint")
@pytest.mark.parametrize("place", ["path", "buffer"])
def test_checkpoint_resumes_exactly(student, seed, place):
    """Saved, loaded elsewhere and trained on is bit for bit the same as trained on."""
    got = student.run("checkpoint_resumed", "language", seed % 1000, 3, 4, place)
    check_resumed(got, 3)
    if place == "path":
        assert_equal(got["files"], ["checkpoint.pt"], "nothing else is left in the folder")
    else:
        assert not any(got["closed"]), "the file object was closed; it belongs to the caller"


@pytest.mark.problem("checkpoint")
def test_checkpoint_holds_its_parts(student, seed):
    """Anybody can read the file: a dict of model, optimizer, step and extra."""
    extra = {"note": "abc", "rng": torch.Generator().manual_seed(5).get_state()}
    got = student.run("checkpoint_resumed", "tied", seed % 1000, 2, 1, extra=extra)
    why = "the file is a dict, saved by torch.save"
    assert_equal(got["held"]["names"], ["extra", "model", "optimizer", "step"], why)
    assert_equal(got["held"]["model"], got["saved"], "model: the state_dict")
    assert_equal(got["held"]["step"], 2, "step")
    assert_equal(got["held"]["extra"], extra, "extra comes back as it was")


@pytest.mark.problem("checkpoint")
@pytest.mark.parametrize("how", ["killed in writing", "disk full"])
def test_checkpoint_is_replaced_atomically(student, seed, how):
    """Whoever is interrupted while writing leaves the old checkpoint whole."""
    got = student.run("checkpoint_interrupted", how, seed % 1000)
    assert_equal(got["steps"], [1], "the old checkpoint is still there")
    assert_equal(got["loaded"], got["old"], "the old checkpoint's weights")
    if how == "disk full":
        assert got["ended"] == "raised", "a checkpoint that cannot be written passed for written"
        assert_equal(got["files"], ["checkpoint.pt"], "the temporary file is removed")


@pytest.mark.problem("checkpoint")
@pytest.mark.parametrize("damage", ["cut in half", "wrong shape", "missing weight"])
def test_checkpoint_that_does_not_fit(student, seed, damage):
    """A checkpoint that cannot be loaded whole is refused by name and changes nothing."""
    names = {"wrong shape": ("head.weight",), "missing weight": ("rnn.bias_hh_l0",)}
    check_refused(student, damage, seed % 1000, names.get(damage, ()))


# --- train_loop ---------------------------------------------------------------------------------


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize("microbatches", [1, 2])
def test_loop_is_plain_training(student, rng, microbatches):
    """Batch, gradients, clipping, learning rate, update: as torch does it, step by step."""
    state, ids = loop_state(1), shuffled_ids(rng, 48, "uint16")
    config = CONFIG | {"microbatches": microbatches}
    [report] = student.run("loop_run", state, ids, config)
    check_run(report, state, ids, config)
    assert_equal(timeless([report["record"]]), timeless(report["seen"][-1:]), "the last record")


@pytest.mark.problem("train_loop")
def test_loop_writes_metrics(student, rng):
    """metrics.jsonl has the records that are due, one JSON object a line."""
    config = CONFIG | {"log_every": 4}
    [report] = student.run("loop_run", loop_state(2), shuffled_ids(rng, 48), config)
    want = [report["seen"][k - 1] for k in (4, 6)]
    assert_equal(parse_metrics(report), want, "records of every 4th step and of the last")
    keys = {"step", "loss", "lr", "grad_norm", "tokens", TIMED}
    assert_equal(set(want[0]), keys, "the keys of a record")
    missing = {"checkpoint.pt", "metrics.jsonl"} - set(report["files"])
    assert not missing, f"the folder is made, and holds metrics and a checkpoint; not {missing}"
    assert_equal(report["checkpoint"]["step"], 6, "the last step has a checkpoint")
    assert_equal(report["checkpoint"]["model"], report["weights"], "the model of the last step")


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize("stop", [3, 4])
def test_loop_resumes_exactly(student, rng, stop):
    """Stopped at any step and started again, a run ends bit for bit as if it had not been."""
    state, ids = loop_state(3), shuffled_ids(rng, 48)
    options = {"dropout": 0.3, "kind": "adamw"}
    [whole] = student.run("loop_run", state, ids, CONFIG, options=options)
    legs = student.run("loop_stopped", state, ids, [CONFIG] * 2, [stop], options=options)
    saved = stop // 2 * 2
    why = "it goes on after the last checkpoint, and trains no step before it again"
    assert_equal([r["step"] for r in legs[1]["seen"]], list(range(saved + 1, 7)), why)
    assert_same_run(legs[1], whole, f"stopped after step {stop}")


@pytest.mark.problem("train_loop")
def test_loop_validates(student, rng):
    """Validation is over fixed windows, in evaluation mode, without gradients or influence."""
    state, ids, valid = loop_state(4), shuffled_ids(rng, 48), random_ids(rng, 60)
    config, options = CONFIG | {"log_every": 3}, {"dropout": 0.4}
    [plain] = student.run("loop_run", state, ids, config, options=options)
    [report] = student.run("loop_run", state, ids, config, valid, options)
    lines = {record["step"]: record for record in parse_metrics(report)}
    assert_equal(sorted(lines), [2, 3, 4, 6], "due are 3 and 6, and what was evaluated: 2, 4, 6")
    assert [k for k in lines if "valid_loss" in lines[k]] == [2, 4, 6], "evaluated: 2, 4 and 6"
    want = valid_loss(report["weights"], valid, config)
    why = "valid_loss: the mean over the first windows, after the update"
    assert_close(lines[6]["valid_loss"], want, why, rtol=2e-6)
    calls = [c for c in report["calls"] if c["grad"] != c["training"]]
    assert not calls, "evaluation is in evaluation mode and without gradients, training is neither"
    assert all(report["modes"]), "the model is left in training mode"
    why = "evaluating has an influence on training: it draws from the same generator, or steps"
    assert_equal(report["weights"], plain["weights"], why)


@pytest.mark.problem("train_loop")
def test_loop_that_has_finished(student, rng):
    """A finished run is loaded and returns its record at once."""
    args = loop_state(5), shuffled_ids(rng, 48), CONFIG
    first, second = student.run("loop_run", *args, times=2)
    assert_equal(second["record"], first["record"], "the record of the last step")
    assert_equal(second["weights"], first["weights"], "the weights that were trained")
    assert_equal(second["metrics"], first["metrics"], "metrics.jsonl stays as it was")
    assert not second["seen"], "a finished run trained again"


@pytest.mark.problem("train_loop")
def test_loop_stops_at_nan(student, rng):
    """A loss that is NaN ends the run before it spoils weights, metrics and checkpoint."""
    args = loop_state(6), shuffled_ids(rng, 48), CONFIG
    got = student.run("loop_raised", *args, options={"nan_at": 4}, names=["4"])
    check_error(got["error"], "FloatingPointError", "the loss of step 4 is NaN")
    assert_equal([r["step"] for r in parse_metrics(got)], [1, 2, 3], "step 4 is not logged")
    assert_equal(got["checkpoint"]["step"], 2, "the last good checkpoint is still there")
    assert len(got["updates"]) == 3, "the optimizer made an update with NaN"
    for name, weight in got["weights"].items():
        assert weight.isfinite().all(), f"{name} has become NaN"


@pytest.mark.problem("train_loop")
@pytest.mark.parametrize("n", [0, T])
def test_loop_over_too_little(student, n):
    """A dataset without a window is refused at once."""
    got = student.run("loop_raised", loop_state(7), np.arange(n), CONFIG)
    check_error(got["error"], "ValueError", f"a dataset of {n} ids")
