"""What public and hidden tests of ch07_optimization share: inputs, references, checks of laws.

References come from elsewhere than the solution: torch's own optimizers in float64, numpy, and for
Muon the singular values, which each step maps by a polynomial of numbers.
"""

import json
import math
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F

from kit.compare import assert_close, assert_equal
from kit.given.toys import toy_model, toy_state
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
            noise = {"rtol": 2e-6, "atol": 0.0} | noise
            assert_close(got, gradient.double() * scale, why, **noise)
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
        keys, is_list = group["form"]
        assert_equal(keys, ["params", "weight_decay"], f"the keys of the group that {which}")
        assert is_list, (
            f"the params of the group that {which} are a list, to be walked through often"
        )
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
    zeros = (v == 0).sum().item()
    assert zeros < 5, f"{zeros} of {what} are exactly 0: no normal number is"


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


__tracebackhide__ = True  # in a failure, the test's own line tells more

# float32 in a small model: weights and gradients are of the order of 1
SMALL_MODEL = {"rtol": 1e-5, "atol": 3e-7}

# --- accumulate_gradients -----------------------------------------------------------------------


def random_microbatches(
    rng: torch.Generator, V: int, shapes: list[tuple[int, int]], ignored: float = 0.3
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Ids and targets; a share of the targets, never all of them, is -100."""
    pairs = []
    for shape in shapes:
        x, y = (torch.randint(V, shape, generator=rng) for _ in range(2))
        y[torch.rand(shape, generator=rng) < ignored] = -100
        y[0, 0] = torch.randint(V, (), generator=rng)
        pairs.append((x, y))
    return pairs


def mean_loss(toy: str, state: dict, microbatches: list) -> tuple[float, dict[str, torch.Tensor]]:
    """The mean loss of all targets and its gradients, in one pass over one graph in float64."""
    model = toy_model(toy, state).double()
    scores = torch.cat([model(x).flatten(0, 1) for x, _ in microbatches])
    loss = F.cross_entropy(scores, torch.cat([y.flatten() for _, y in microbatches]))
    names, parameters = zip(*model.named_parameters(), strict=True)
    gradients = torch.autograd.grad(loss, parameters)
    return loss.item(), dict(zip(names, gradients, strict=True))


def check_accumulation(student, toy: str, state: dict, microbatches: list, **options) -> dict:
    """Loss and gradients are those of all targets at once, whatever the micro-batches."""
    got = student.run("accumulated", toy, state, microbatches, **options)
    loss, gradients = mean_loss(toy, state, microbatches)
    why = "the loss is the mean over all targets of all micro-batches that are not -100"
    assert_close(got["loss"], loss, why, rtol=2e-6)
    for name, want in gradients.items():
        gradient = got["gradients"][name]
        assert gradient is not None, f"{name} has no gradient: backward has not reached it"
        why = f"the gradient in {name} is that of the mean over all targets, added to what is there"
        assert_close(gradient, want + options.get("before", 0.0), why, **SMALL_MODEL)
    return got


# --- get_batch ----------------------------------------------------------------------------------


def shuffled_ids(rng: torch.Generator, N: int, dtype: str = "int64", offset: int = 0) -> np.ndarray:
    """N different ids in random order, so that every window tells where it begins."""
    return (torch.randperm(N, generator=rng).numpy() + offset).astype(dtype)


def starts_of(x: torch.Tensor, ids: np.ndarray) -> torch.Tensor:
    """Where windows begin, by their first ids."""
    place = {int(i): s for s, i in enumerate(ids)}
    return torch.tensor([place.get(i, -1) for i in x[..., 0].flatten().tolist()]).view(x.shape[:-1])


def check_windows(got: dict, ids: np.ndarray, B: int, T: int) -> torch.Tensor:
    """Rows are windows, targets the ids that follow in the data; the starts."""
    x, y = got["x"], got["y"]
    for name, part in (("x", x), ("y", y)):
        assert part.shape[1:] == (B, T), (
            f"{name} has a row of T ids for each of B windows: got shape {tuple(part.shape[1:])}, "
            f"wanted {(B, T)}"
        )
    starts, data = starts_of(x, ids), torch.from_numpy(ids.astype(np.int64))
    assert starts.min() >= 0, "x holds ids that are not in the dataset"
    assert starts.max() < len(ids) - T, "a window begins so late that its last target is missing"
    places = starts[..., None] + torch.arange(T)
    assert_equal(x, data[places], "a row of x is T consecutive ids of the dataset")
    why = "y[b, t] is the id that follows x[b, t] in the dataset"
    assert_equal(y, data[places + 1], why)
    assert got["dtypes"] == ["torch.int64"] * 2, f"ids are int64, got {got['dtypes']}"
    assert got["data intact"], "x or y shares its memory with the dataset"
    return starts


def check_evenly_drawn(values: torch.Tensor, choices: int, why: str) -> None:
    """Each of `choices` numbers has the same frequency; fails wrongly once in 10^8 choices."""
    n, p = values.numel(), 1 / choices
    allowed = 6 * math.sqrt(p * (1 - p) / n) + 1 / n
    shares = torch.bincount(values.flatten(), minlength=choices) / n
    worst = int((shares - p).abs().argmax())
    assert len(shares) == choices and abs(shares[worst] - p) <= allowed, (
        f"{why}\n  {worst} has a share of {shares[worst]:.4f} in {n} draws, wanted {p:.4f} "
        f"(allowed ±{allowed:.4f})"
    )


# --- checkpoint ---------------------------------------------------------------------------------


def check_resumed(got: dict, step: int, why: str = "training goes on from a checkpoint") -> None:
    """What was loaded is what was saved, and what is trained from it what would have been."""
    assert_equal(got["step"], step, "load_checkpoint returns the step that was saved")
    assert_equal(got["loaded"], got["saved"], "the model's state is the one that was saved")
    assert got["same objects"], (
        "the model has other Parameters than before: its optimizer does not know them"
    )
    assert_equal(got["resumed"], got["went on"], f"{why} exactly as without it")


def check_untouched(got: dict) -> None:
    assert not got["model changed"], (
        f"a checkpoint that is refused changes nothing, but {got['model changed']} changed"
    )
    before, after = got["optimizer"]
    assert_equal(after, before, "a checkpoint that is refused leaves the optimizer alone")


def check_refused(student, damage: str, seed: int, names: tuple = ()) -> None:
    """ValueError with the names of what is wrong, and nothing has changed."""
    got = student.run("checkpoint_refused", damage, seed, names)
    assert not got["code has run"], "loading has run code from the file: weights_only=True"
    check_error(got["error"], "ValueError", f"the checkpoint: {damage}")
    check_untouched(got)


def check_error(error: dict | None, kind: str, why: str) -> None:
    """An error of this kind, which names what is wrong."""
    assert error is not None, f"{why}: got no exception, wanted {kind}"
    assert kind in error["kinds"], f"{why}: got {error['kinds'][0]}, wanted {kind}"
    names, text = error["missing"], error["text"]
    assert not names, f"{why}: the error names {', '.join(names)}; got {text!r}"


# --- train_loop ---------------------------------------------------------------------------------

V, T = 48, 6
CONFIG = {"steps": 6, "batch_size": 4, "microbatches": 1, "context_length": T}
CONFIG |= {"schedule": "cosine", "max_lr": 0.5, "min_lr": 0.05, "warmup": 2, "clip": 0.35}
CONFIG |= {"seed": 1, "log_every": 1, "eval_every": 2, "eval_batches": 2, "checkpoint_every": 2}
TIMED = "tokens_per_second"  # the only thing in a record that differs from run to run


def loop_state(seed: int) -> dict[str, torch.Tensor]:
    """Weights for a model of V ids."""
    rng = torch.Generator().manual_seed(seed)
    shapes = {"embedding.weight": (V, 5), "head.weight": (V, 5), "head.bias": (V,)}
    return {name: torch.randn(shape, generator=rng) for name, shape in shapes.items()}


def schedule(step: int, config: dict) -> float:
    """The learning rate of update number `step`, by the formulas."""
    high, low, W, S = (config[k] for k in ("max_lr", "min_lr", "warmup", "steps"))
    if config["schedule"] == "constant":
        return high * min(1, step / W) if W else high
    if step >= S:
        return low
    if step < W:
        return high * step / W
    if config["schedule"] == "cosine":
        return low + (high - low) * (1 + math.cos(math.pi * (step - W) / (S - W))) / 2
    return high - (high - low) * max(0, step - config["stable_until"]) / (
        S - config["stable_until"]
    )


def scores_of(weights: dict, ids: torch.Tensor) -> torch.Tensor:
    hidden = F.embedding(ids, weights["embedding.weight"])
    return F.linear(hidden, weights["head.weight"], weights["head.bias"])


def batches_seen(report: dict, config: dict) -> list[list[torch.Tensor]]:
    """The micro-batches of every step, as the model has seen them."""
    calls = [call["ids"] for call in report["calls"] if call["training"]]
    n = config["microbatches"]
    assert len(calls) == n * len(report["seen"]), (
        f"the model is called in training mode once per micro-batch: got {len(calls)} calls in "
        f"{len(report['seen'])} steps of {n}"
    )
    return [calls[i : i + n] for i in range(0, len(calls), n)]


def replay(state: dict, ids: np.ndarray, steps: list, config: dict, scales=(1, 1, 1)) -> dict:
    """Plain training in float64 with torch's SGD and clipping, on the batches that were seen."""
    weights = {name: w.double().requires_grad_() for name, w in state.items()}
    ordered = [weights[n] for n in ("embedding.weight", "head.weight", "head.bias")]
    optimizer = torch.optim.SGD([{"params": [w]} for w in ordered], lr=1.0, momentum=0.5)
    following = torch.full((V,), -1)
    following[torch.from_numpy(ids[:-1].astype(np.int64))] = torch.from_numpy(
        ids[1:].astype(np.int64)
    )
    found = {"loss": [], "grad_norm": [], "clipped": [], "lr": []}
    for number, parts in enumerate(steps, 1):
        x = torch.cat(parts)
        loss = F.cross_entropy(scores_of(weights, x).flatten(0, 1), following[x].flatten())
        optimizer.zero_grad()
        loss.backward()
        limit = math.inf if config["clip"] is None else config["clip"]
        norm = torch.nn.utils.clip_grad_norm_(ordered, limit)
        for group, scale in zip(optimizer.param_groups, scales, strict=True):
            group["lr"] = schedule(number, config) * scale
        optimizer.step()
        found["loss"].append(loss.item())
        found["grad_norm"].append(norm.item())
        found["clipped"].append(min(norm.item(), limit))
        found["lr"].append([group["lr"] for group in optimizer.param_groups])
    return found | {"weights": {name: w.detach() for name, w in weights.items()}}


def check_run(report: dict, state: dict, ids: np.ndarray, config: dict, scales=(1, 1, 1)) -> None:
    """Loss, norm, learning rate and weights of every step are those of plain training."""
    seen, steps = report["seen"], config["steps"]
    why = "on_step gets the record of every step, 1 to steps"
    assert_equal([record["step"] for record in seen], list(range(1, steps + 1)), why)
    batches = batches_seen(report, config)
    rows = config["batch_size"] // config["microbatches"]
    shapes = {tuple(part.shape) for parts in batches for part in parts}
    why = f"a micro-batch is batch_size / microbatches windows of context_length: got {shapes}"
    assert shapes == {(rows, config["context_length"])}, why
    want = replay(state, ids, batches, config, scales)
    got = {key: [record[key] for record in seen] for key in ("loss", "lr", "grad_norm", "tokens")}
    assert_close(got["loss"], want["loss"], "loss: the mean of the step's batch", **SMALL_MODEL)
    why = "lr: update number k has the learning rate schedule(k)"
    assert_close(got["lr"], [schedule(k, config) for k in range(1, steps + 1)], why)
    why = "grad_norm: that of all gradients of the whole batch, before clipping"
    assert_close(got["grad_norm"], want["grad_norm"], why, **SMALL_MODEL)
    per_step = config["batch_size"] * config["context_length"]
    why = "tokens: all ids trained on so far"
    assert_equal(got["tokens"], [k * per_step for k in range(1, steps + 1)], why)
    norms, lrs = zip(*[(norm, lrs) for norm, *lrs in report["updates"]], strict=True)
    why = "each group's learning rate is set before the update, times its lr_scale"
    assert_close(lrs, want["lr"], why)
    why = "an update uses the gradients of the whole batch, clipped once"
    assert_close(norms, want["clipped"], why, **SMALL_MODEL)
    for name, weight in want["weights"].items():
        assert_close(report["weights"][name], weight, f"{name} after the run", **SMALL_MODEL)
    assert all(record[TIMED] > 0 for record in seen), f"{TIMED} is a float above 0"
    assert report["config intact"], "the config belongs to the caller, and was changed"


def parse_metrics(report: dict) -> list[dict]:
    """The lines of metrics.jsonl, each an object of JSON."""
    assert report["metrics"] is not None, "there is no metrics.jsonl"
    lines = report["metrics"].split("\n")
    assert lines.pop() == "", "every line of metrics.jsonl ends with a newline"
    try:
        records = [json.loads(line) for line in lines]
    except ValueError as error:
        raise AssertionError(f"a line of metrics.jsonl is no JSON: {error}") from None
    assert all(isinstance(r, dict) for r in records), "a line of metrics.jsonl is one JSON object"
    return records


def timeless(records: list[dict]) -> list[dict]:
    """Records without what the clock decides."""
    return [{k: v for k, v in (record or {}).items() if k != TIMED} for record in records]


def assert_same_run(got: dict, want: dict, why: str) -> None:
    """Metrics, weights and checkpoint are exactly the same."""
    why = f"{why}: it must end as the run that was never interrupted"
    assert_equal(timeless(parse_metrics(got)), timeless(parse_metrics(want)), f"metrics; {why}")
    assert_equal(got["weights"], want["weights"], f"weights; {why}")
    assert_equal(got["checkpoint"], want["checkpoint"], f"checkpoint.pt; {why}")
    assert_equal(timeless([got["record"]]), timeless([want["record"]]), f"last record; {why}")


def valid_loss(weights: dict, valid: np.ndarray, config: dict) -> float:
    """The mean over the targets of the first windows, side by side, in float64."""
    starts = range(0, len(valid) - T, T)[: config["eval_batches"] * config["batch_size"]]
    rows = torch.tensor([valid[s : s + T + 1].tolist() for s in starts])
    weights = {name: w.double() for name, w in weights.items()}
    return F.cross_entropy(
        scores_of(weights, rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten()
    ).item()


def random_ids(rng: torch.Generator, N: int) -> np.ndarray:
    """Ids for validation, also repeated ones."""
    return torch.randint(V, (N,), generator=rng).numpy().astype("uint16")


def toy_weights(name: str, rng: torch.Generator) -> dict[str, torch.Tensor]:
    """Weights of a toy, other ones for each test."""
    return toy_state(name, int(torch.randint(1 << 30, (), generator=rng)))
