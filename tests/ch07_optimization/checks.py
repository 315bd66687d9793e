"""What public and hidden tests of ch07_optimization share: inputs, references, checks of laws.

References come from elsewhere than the solution: torch's own optimizers in float64, numpy, and for
Muon the singular values, which each step maps by a polynomial of numbers.
"""

import math
from types import SimpleNamespace

import numpy as np
import torch

from kit.compare import assert_close, assert_equal
from kit.oracles import oracle
from tests.ch07_optimization import drivers_public

# A product and a sum: their rounding errors are absolute, a few times float32's 6e-8.
FLOAT32 = {"rtol": 2e-6, "atol": 2e-6}
FLOAT64 = {"rtol": 1e-10, "atol": 1e-10}
DOUBLE = torch.float64
SEED_DECIDES = "the same seed gave two results: draw from a generator of your own, seeded anew"


def random(rng: torch.Generator, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype)


def assert_dtype(got: torch.Tensor, wanted: torch.dtype, what: str = "the result") -> None:
    assert got.dtype is wanted, f"{what} has the dtype of the input: {got.dtype}, not {wanted}"


# --- optimizers ---------------------------------------------------------------------------------


def check_sgd(student, weight, gradients, rates, momentum: float, nesterov: bool, **noise) -> None:
    """Several steps, the learning rate changing, are those of torch.optim.SGD in float64."""
    expected = torch_sgd(weight, gradients, rates, momentum, nesterov)
    velocity = torch.zeros_like(weight)
    for i, (gradient, lr) in enumerate(zip(gradients, rates, strict=True)):
        got = student.sgd_momentum(weight, gradient, velocity, lr, momentum, nesterov)
        for value, wanted, what in zip(got, expected[i], ("weight", "velocity"), strict=True):
            why = f"the {what} after step {i + 1} is not that of torch.optim.SGD"
            assert_close(value, wanted, why, **noise)
            assert_dtype(value, weight.dtype, f"the {what}")
        weight, velocity = got


@oracle
def torch_sgd(weight, gradients, rates, momentum: float, nesterov: bool) -> list[tuple]:
    """Weight and velocity after each step, in float64."""
    weight = weight.double().clone().requires_grad_()
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=momentum, nesterov=nesterov)
    history = []
    for gradient, lr in zip(gradients, rates, strict=True):
        optimizer.param_groups[0]["lr"] = lr
        weight.grad = gradient.double()
        optimizer.step()
        velocity = optimizer.state[weight].get("momentum_buffer", weight.grad)
        history.append((weight.detach().clone(), velocity.clone()))
    return history


def gradients_for(rng, weights: list[torch.Tensor], steps: int, size: float = 1.0) -> list[list]:
    """Gradients of another size at every step, up to ten times: a clip inside a step shows."""
    sizes = size * 10 ** (2 * torch.rand(steps, generator=rng) - 1)
    return [[(s * random(rng, *w.shape)).to(w.dtype) for w in weights] for s in sizes.tolist()]


def check_adamw(student, why: str, weights, gradients, driver="adamw_steps", **options) -> None:
    """The weights after every step are those of torch.optim.AdamW in float64.

    The noise allowed is that of 1 - beta**t in float32, in which 1 - 0.999 has four digits, and of
    a weight's last digit.
    """
    got = student.run(driver, weights, gradients, **options)
    check_history(got, torch_adamw(driver, weights, gradients, **options), why, options)


def check_history(got, wanted, why: str, options: dict, **noise: float) -> None:
    """Weight by weight after each step, the earliest first, within what `check_adamw` allows."""
    groups = options.get("groups") or []
    rates = [options.get("lr", 1e-3), *options.get("rates", ())]
    rates += [group["lr"] for group in groups if "lr" in group]
    noise = noise or {"rtol": 2e-6 + 5e-8 * len(got), "atol": 5e-4 * max(rates)}
    for i, (after, expected) in enumerate(zip(got, wanted, strict=True)):
        for j, (weight, want) in enumerate(zip(after, expected, strict=True)):
            assert_close(weight, want, f"{why} (weight {j} after step {i + 1})", **noise)


@oracle
def torch_adamw(driver: str, weights, gradients, **options) -> list:
    """What the driver returns for torch.optim.AdamW, all in float64."""
    wide = [[None if g is None else g.double() for g in now] for now in gradients]
    torchs = SimpleNamespace(adamw=lambda: torch.optim.AdamW)
    return getattr(drivers_public, driver)(torchs, [w.double() for w in weights], wide, **options)


# --- clip_grad_norm -----------------------------------------------------------------------------


def norm_of(gradients: list[torch.Tensor | None]) -> float:
    """The norm of all numbers, one after the other, in float64."""
    rows = [g.double().flatten() for g in gradients if g is not None]
    return float(np.linalg.norm(torch.cat(rows).numpy())) if rows else 0.0


def check_clipped(student, gradients: list, max_norm: float, how: str = "list", **noise) -> None:
    """Norm and gradients after clipping."""
    found = student.run("clipped", gradients, max_norm, how)
    norm = norm_of(gradients)
    why = "the norm of all gradients together, as it was before clipping, is returned"
    assert_close(found["norm"], norm, why, **({"rtol": 2e-6} | noise))
    scale = min(1.0, max_norm / (norm + 1e-6))
    for i, (got, gradient) in enumerate(zip(found["gradients"], gradients, strict=True)):
        if gradient is None:
            assert got is None, f"parameter {i} had no gradient, and has one now"
        elif scale == 1:
            assert_equal(got, gradient, "a gradient within the limit keeps every bit")
        else:
            why = f"gradient {i} is not min(1, max_norm / (norm + 1e-6)) of what it was"
            assert_close(got, gradient.double() * scale, why, **({"rtol": 2e-6} | noise))
    assert found["in place"], "gradients are scaled in place: each stays the tensor that it is"


# --- schedules ----------------------------------------------------------------------------------


def cosine_of(step: int, max_lr: float, min_lr: float, warmup: int, total: int) -> float:
    """(1 + cos x) / 2 is cos² of x / 2; numpy draws the line of the warm-up."""
    if step >= total:
        return min_lr
    if step < warmup:
        return float(np.interp(step, [0, warmup], [0, max_lr]))
    share = np.cos(np.pi / 2 * (step - warmup) / (total - warmup)) ** 2
    return float(share * max_lr + (1 - share) * min_lr)


def wsd_of(step: int, max_lr: float, min_lr: float, *ends: int) -> float:
    """A line through four corners."""
    if step >= ends[-1]:
        return min_lr
    if step < ends[0]:
        return float(np.interp(step, [0, ends[0]], [0, max_lr]))
    return float(np.interp(step, ends[1:], [max_lr, min_lr])) if step >= ends[1] else max_lr


def check_schedule(student, name: str, steps, max_lr: float, min_lr: float, *ends: int) -> None:
    """Every step; float32 loses digits of the peak where the cosine nears -1."""
    reference = {"cosine_schedule": cosine_of, "wsd_schedule": wsd_of}[name]
    for step in steps:
        got = getattr(student, name)(step, max_lr, min_lr, *ends)
        wanted = reference(step, max_lr, min_lr, *ends)
        phases = ("warm-up", "decay") if len(ends) == 2 else ("warm-up", "stable phase", "decay")
        phase = next((p for p, e in zip(phases, ends, strict=True) if step < e), "end")
        why = f"step {step} lies in the {phase}, of phases that end at {ends}"
        assert_close(got, wanted, why, rtol=1e-6, atol=2e-7 * max(max_lr, min_lr))


# --- decay_groups -------------------------------------------------------------------------------


def check_groups(student, model: str, decayed: str, others: str, why: str, **changes) -> None:
    """The names in both groups, in order; a tied parameter bears the first of its names."""
    found, refused = student.run("grouped", model, 0.25, **changes)
    assert len(found) == 2, f"two groups, even if one is empty: got {len(found)}"
    for group, names, decay in zip(found, (decayed, others), (0.25, 0.0), strict=True):
        which = "decays" if decay else "does not decay"
        assert_equal(group["names"], names.split(), f"{why}: what {which}")
        assert_equal(group["weight_decay"], decay, f"the weight_decay of what {which}")
    assert not refused, f"torch.optim.SGD refuses the groups: {refused}"


# --- muon_orthogonalize -------------------------------------------------------------------------


@oracle
def muon_by_svd(G: torch.Tensor, steps: int) -> torch.Tensor:
    """U f(f(...f(S))) Vᵀ with f(s) = a s + b s³ + c s⁵, in float64."""
    U, S, Vh = torch.linalg.svd(G.double(), full_matrices=False)
    S = S / (S.square().sum(-1, keepdim=True).sqrt() + 1e-7)
    for _ in range(steps):
        S = 3.4445 * S - 4.7750 * S**3 + 2.0315 * S**5
    return U * S[..., None, :] @ Vh


def check_muon(student, G: torch.Tensor, steps: int, why: str, **noise: float) -> None:
    """Five steps multiply a rounding error by up to 3.4445⁵ = 480."""
    got = student.muon_orthogonalize(G, steps)
    noise = noise or (FLOAT64 if G.dtype is DOUBLE else {"rtol": 1e-4, "atol": 1e-4})
    assert_close(got, muon_by_svd(G, steps), why, **noise)
    assert_dtype(got, G.dtype)


# --- init ---------------------------------------------------------------------------------------


def check_normal(values: torch.Tensor, std: float, what: str) -> None:
    """Hold thousands of numbers to a normal distribution's mean, spread and shape.

    Bounds are 6 standard errors, each a false alarm in 2e-9.
    """
    v = values.double().flatten()
    n = len(v)
    assert_close(v.mean(), 0.0, f"{what} have mean 0", atol=6 * std / math.sqrt(n), rtol=0)
    spread = 6 / math.sqrt(2 * n)
    assert_close(v.std(), std, f"{what} have standard deviation {std:.4g}", rtol=spread, atol=0)
    share = (v.abs() < std).double().mean()  # 0.683 of normal numbers, 0.577 of uniform ones
    near = math.erf(1 / math.sqrt(2))
    bound = 6 * math.sqrt(near * (1 - near) / n)
    assert_close(share, near, f"{what} are normal: how many lie within one sigma", atol=bound)
    # 27 of 20,000 normal numbers lie beyond 3.2 sigma: none would be one case in 10^11
    farthest = v.abs().max().item() / std
    assert n < 20_000 or farthest > 3.2, f"{what} end at {farthest:.2f} sigma: they are cut off"


def check_uniform(values: torch.Tensor, bound: float, what: str) -> None:
    """The same for a uniform distribution between -bound and bound."""
    v = values.double().flatten() / bound
    n = len(v)
    farthest = v.abs().max().item()
    assert farthest <= 1 + 1e-6, f"{what} lie within ±{bound:.4g}: one is {farthest:.3f} times that"
    # the largest of n numbers falls short of the bound by more than 25/n in e^-25 = 1e-11 of cases
    assert farthest > 1 - 25 / n, f"{what} reach ±{bound:.4g}: the largest is {farthest:.3f} of it"
    assert_close(v.mean(), 0.0, f"{what} have mean 0", atol=6 / math.sqrt(3 * n), rtol=0)
    why = f"{what} are uniform: how many lie in the inner half"
    assert_close((v.abs() < 0.5).double().mean(), 0.5, why, atol=3 / math.sqrt(n), rtol=0)


def check_unrelated(first: torch.Tensor, second: torch.Tensor, what: str) -> None:
    """Independent numbers do not correlate, in whichever order a matrix was filled."""
    for a in (first, first.mT):
        for b in (second, second.mT):
            n = min(a.numel(), b.numel())
            pair = torch.stack([a.reshape(-1)[:n], b.reshape(-1)[:n]]).double()
            correlation = torch.corrcoef(pair)[0, 1].abs().item()
            assert correlation < 6 / math.sqrt(n), (  # 6 standard errors: false in 2e-9
                f"{what} share random numbers: their correlation is {correlation:.3f}"
            )


def check_seeded(found: dict, what: str) -> None:
    """What the driver `seeded` has seen."""
    assert_equal(found["again"], found["first"], SEED_DECIDES)
    assert_equal(found["global alone"], True, f"{what} touches torch's global generator")
    assert not torch.equal(found["other"], found["first"]), "another seed gives other numbers"
    assert_equal(found["dtype"], "torch.float32", "new weights are float32")
