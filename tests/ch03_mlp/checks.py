"""What public and hidden tests of ch03_mlp share: inputs, references, and checks of laws.

References come from elsewhere than the solution: torch's own layers and autograd in float64, numpy's
sliding windows, and central differences of the code under test itself.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

from kit.compare import assert_close, assert_equal
from kit.oracles import oracle

# Sums of a few dozen products: their rounding errors are absolute, a few times float32's 6e-8.
FLOAT32 = {"rtol": 2e-6, "atol": 2e-6}
# Batch normalization divides by sigma, and its gradient is a difference of like numbers.
NORM32 = {"rtol": 1e-5, "atol": 1e-5}
# 1 + erf and 1 - tanh² cancel where the result is small: errors are those of x, times d_out.
GELU32 = {"rtol": 2e-6, "atol": 5e-6}
FLOAT64 = {"rtol": 1e-10, "atol": 1e-10}
PARAMETERS = ("embedding", "W1", "gain", "bias", "W2", "b2")
STATISTICS = ("running_mean", "running_var")
SEEDS_DIFFER = "another seed gives other numbers"
SEED_DECIDES = "the same seed gave two results: draw from generators of your own, seeded anew"


def random(rng: torch.Generator, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype)


def random_ids(rng: torch.Generator, V: int, *shape: int) -> torch.Tensor:
    return torch.randint(V, shape, generator=rng)


def tolerance(dtype: torch.dtype, float32: dict = FLOAT32) -> dict:
    return FLOAT64 if dtype is torch.float64 else float32


def assert_dtype(got: torch.Tensor, wanted: torch.dtype) -> None:
    assert got.dtype is wanted, (
        f"the result has the dtype of the inputs: got {got.dtype}, wanted {wanted}"
    )


def assert_gradients(got, want, names: str, why: str = "", **tolerances: float) -> None:
    """Each gradient is autograd's; `why` may say what is likely to be wrong if not."""
    for gradient, wanted, name in zip(got, want, names.split(), strict=True):
        told = f"{name} differs from what autograd finds" + (f": {why}" if why else "")
        assert_close(gradient, wanted, told, **tolerances)


def gradients_of(function, inputs: list, d_out: torch.Tensor) -> list[torch.Tensor]:
    """Autograd in float64."""
    leaves = [x.double().requires_grad_() for x in inputs]
    out = function(*leaves)
    return list(torch.autograd.grad(out, leaves, d_out.to(out.dtype)))


# --- references ---------------------------------------------------------------------------------


@oracle
def windows(documents: list[list[int]], k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """numpy's sliding windows of k + 1 ids."""
    found = [
        np.lib.stride_tricks.sliding_window_view(np.array(d, dtype=np.int64), k + 1)
        for d in documents
        if len(d) > k
    ]
    ids = torch.from_numpy(np.concatenate(found))
    return ids[:, :k], ids[:, k]


def model_of(
    rng: torch.Generator, V: int, k: int, C: int, H: int, dtype: torch.dtype = torch.float32
) -> dict[str, torch.Tensor]:
    """A model in the middle of training: no entry is 0 or 1, none is like another."""
    return {
        "embedding": random(rng, V, C, dtype=dtype),
        "W1": random(rng, H, k * C, dtype=dtype) / (k * C) ** 0.5,
        "gain": 1 + 0.3 * random(rng, H, dtype=dtype),
        "bias": 0.3 * random(rng, H, dtype=dtype),
        "W2": random(rng, V, H, dtype=dtype) / H**0.5,
        "b2": 0.5 * random(rng, V, dtype=dtype),
        "running_mean": 0.5 * random(rng, H, dtype=dtype),
        "running_var": 0.5 + random(rng, H, dtype=dtype).abs(),
    }


def logits_of(model: dict, x: torch.Tensor, training: bool) -> torch.Tensor:
    """The model out of torch's own layers, in its dtype; changes the running statistics in training."""
    e = F.embedding(x, model["embedding"]).flatten(1)
    h = F.linear(e, model["W1"])
    statistics = model["running_mean"], model["running_var"]
    n = F.batch_norm(h, *statistics, model["gain"], model["bias"], training)
    return F.linear(F.gelu(n), model["W2"], model["b2"])


@oracle
def mlp_logits(model: dict, x: torch.Tensor) -> torch.Tensor:
    return logits_of({name: value.double() for name, value in model.items()}, x, training=False)


@oracle
def trained(
    model: dict, x: torch.Tensor, y: torch.Tensor, rate: float, steps: int
) -> tuple[dict, list[float]]:
    """Gradient descent on one batch, by autograd in float64: the last model and all losses."""
    model, losses = {name: value.double() for name, value in model.items()}, []
    for _ in range(steps):
        leaves = [model[name].requires_grad_() for name in PARAMETERS]
        loss = F.cross_entropy(logits_of(model, x, training=True), y)
        gradients = torch.autograd.grad(loss, leaves)
        for name, gradient in zip(PARAMETERS, gradients, strict=True):
            model[name] = (model[name] - rate * gradient).detach()
        losses.append(loss.item())
    return model, losses


# --- checks -------------------------------------------------------------------------------------


def check_windows(student, documents: list[list[int]], k: int, why: str) -> None:
    x, y = student.context_windows(documents, k)
    wanted_x, wanted_y = windows(documents, k)
    assert_equal(x, wanted_x, why)
    assert_equal(y, wanted_y, "y[i] is the id that comes right after window i")
    for what, ids in (("x", x), ("y", y)):
        assert ids.dtype == torch.int64, f"ids are int64: {what} is {ids.dtype}"


def check_slope(student, forward: str, inputs, rest, d_out, gradients, rng) -> None:
    """Gradcheck: what the gradients say of a direction is what forward does along it."""
    directions = [torch.randn(x.shape, generator=rng, dtype=x.dtype) for x in inputs]
    rate = student.run("slope", forward, inputs, directions, d_out, rest, 1e-5)
    pairs = zip(gradients, directions, strict=True)
    told = sum((g.double() * d).sum().item() for g, d in pairs)
    why = f"no derivative of {forward}: a tiny step along a direction changes its output otherwise"
    assert_close(told, rate, why, rtol=1e-6, atol=1e-6)


def check_embedding_backward(student, d_out: torch.Tensor, ids: torch.Tensor, V: int, why: str):
    got = student.embedding_backward(d_out, ids, V)
    table = torch.zeros(V, d_out.shape[-1])
    (wanted,) = gradients_of(lambda t: F.embedding(ids, t), [table], d_out)
    assert_close(got, wanted, why, **tolerance(d_out.dtype))
    assert_dtype(got, d_out.dtype)


def check_linear(student, x: torch.Tensor, W: torch.Tensor, b: torch.Tensor | None) -> None:
    got = student.linear_forward(x, W, b)
    wanted = F.linear(x.double(), W.double(), None if b is None else b.double())
    assert_close(got, wanted, "a linear layer is x Wᵀ + b", **tolerance(x.dtype))
    assert_dtype(got, x.dtype)


def linear_gradients(d_out: torch.Tensor, x: torch.Tensor, W: torch.Tensor) -> list[torch.Tensor]:
    return gradients_of(F.linear, [x, W, torch.zeros(len(W))], d_out)


def check_linear_backward(student, d_out, x, W, why: str = "") -> None:
    got = student.linear_backward(d_out, x, W)
    wanted = linear_gradients(d_out, x, W)
    assert_gradients(got, wanted, "dx dW db", why, **tolerance(x.dtype))
    for gradient in got:
        assert_dtype(gradient, x.dtype)


def check_gelu(student, x: torch.Tensor, approximate: str) -> None:
    got = student.gelu(x, approximate)
    wanted = F.gelu(x.double(), approximate=approximate)
    why = f'the form "{approximate}" differs from torch\'s'
    assert_close(got, wanted, why, **tolerance(x.dtype, GELU32))
    assert_dtype(got, x.dtype)


def check_gelu_backward(student, d_out: torch.Tensor, x: torch.Tensor, approximate: str) -> None:
    got = student.gelu_backward(d_out, x, approximate)
    wanted = gradients_of(lambda v: F.gelu(v, approximate=approximate), [x], d_out)
    why = f'the slope of the form "{approximate}" differs from what autograd finds'
    assert_close(got, wanted[0], why, **tolerance(x.dtype, GELU32))
    assert_dtype(got, x.dtype)


def check_cross_entropy(student, logits, targets, why: str, noise: float = 1e-6) -> None:
    """`noise`: the error of a float32 log-sum-exp is that of the largest logit."""
    got = student.cross_entropy_forward(logits, targets)
    wanted = F.cross_entropy(logits.double(), targets).item()
    assert_close(got, wanted, why, **tolerance(logits.dtype, {"rtol": 2e-6, "atol": noise}))


def check_cross_entropy_backward(student, logits, targets, why: str, noise: float = 2e-7) -> None:
    got = student.cross_entropy_backward(logits, targets)
    leaf = logits.double().requires_grad_()
    (wanted,) = torch.autograd.grad(F.cross_entropy(leaf, targets), leaf)
    assert_close(got, wanted, why, **tolerance(logits.dtype, {"rtol": 1e-5, "atol": noise}))
    assert_dtype(got, logits.dtype)


def check_strided(student, name: str, *arguments) -> None:
    """How tensors lie in memory does not matter: to be used where other tests check the values."""
    got, wanted = student.run("of_strided", name, *arguments), getattr(student, name)(*arguments)
    if isinstance(wanted, tuple | list):
        for result, want in zip(got, wanted, strict=True):
            assert_close(result, want, "strided tensors give another result", **FLOAT64)
    else:
        assert_close(got, wanted, "strided tensors give another result", **FLOAT64)


def random_batchnorm(rng: torch.Generator, N: int, C: int, dtype=torch.float32) -> list:
    """x, gain, bias and running statistics, every feature with its own mean and size."""
    x = random(rng, N, C, dtype=dtype) * (0.5 + random(rng, C, dtype=dtype).abs())
    x = x + 2 * random(rng, C, dtype=dtype)
    vectors = [random(rng, C, dtype=dtype) for _ in range(3)]
    return [x, *vectors, 0.5 + random(rng, C, dtype=dtype).abs()]


def check_batchnorm(
    student, arguments: list, training: bool, momentum=0.1, eps=1e-5, why="", **noise: float
) -> None:
    x, gain, bias, mean, var = (a.double() for a in arguments)
    got = student.batchnorm_forward(*arguments, training, momentum, eps)
    wanted = F.batch_norm(x, mean, var, gain, bias, training, momentum, eps)  # updates mean, var
    noise = noise or tolerance(arguments[0].dtype, NORM32)
    assert_close(got[0], wanted, why or "each feature is normalized by its own statistics", **noise)
    why = "new running mean = (1 - momentum) old + momentum of the batch's, in training only"
    assert_close(got[1], mean, why, **noise)
    why = "the running var takes in the unbiased one, divided by N - 1, in training only"
    assert_close(got[2], var, why, **noise)
    for result in got:
        assert_dtype(result, arguments[0].dtype)


def check_batchnorm_backward(student, d_out, x, gain, eps=1e-5, why="", **noise: float) -> None:
    got = student.batchnorm_backward(d_out, x, gain, eps)

    def normalized(x, gain, bias):
        return F.batch_norm(x, None, None, gain, bias, True, 0.1, eps)

    wanted = gradients_of(normalized, [x, gain, torch.zeros(len(gain))], d_out)
    noise = noise or tolerance(x.dtype, NORM32)
    assert_gradients(got, wanted, "dx d_gain d_bias", why, **noise)
    for gradient in got:
        assert_dtype(gradient, x.dtype)


def check_normal(values: torch.Tensor, std: float, what: str) -> None:
    """Hold 20,000 or more numbers to a normal distribution's mean, spread and shape.

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
    assert farthest > 3.2, f"{what} end at {farthest:.2f} sigma: normal ones are not cut off"


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


def check_no_common_numbers(values: list[torch.Tensor], what: str) -> None:
    """Normal numbers of standard deviation 1 hardly ever have the same size, wherever they stand.

    Finds numbers that are used twice, at any place and with any sign. Of 4,000, five pairs are as
    near as this by chance; forty would be one case in 10^20.
    """
    sizes = torch.cat([v.double().flatten().abs() for v in values]).sort().values
    near = (sizes.diff() < 1e-6 * sizes[1:]).sum().item()
    assert near < 0.01 * len(sizes), (
        f"{what} share random numbers: {near} of {len(sizes)} have the size of another"
    )


def check_not_rescaled(draws: list[torch.Tensor], what: str) -> None:
    """The mean squares of eight draws of 500 numbers spread by 0.06; 0.002 is one case in 10^9."""
    spread = torch.stack([v.double().square().mean() for v in draws]).std().item()
    assert spread > 0.002, (
        f"{what} were rescaled to a mean square of 1: a sample's is not the distribution's"
    )


def check_train_step(student, model, x, y, rate: float, **noise: float) -> None:
    got, loss = student.train_step(model, x, y, rate)
    wanted, losses = trained(model, x, y, rate, 1)
    dtype = model["W1"].dtype
    noise = noise or tolerance(dtype, NORM32)
    why = "the loss is the mean over the batch, before the step, as precise as the model"
    assert_close(loss, losses[0], why, **(FLOAT64 if dtype is torch.float64 else noise))
    assert_models(got, wanted, dtype, rate, **noise)


def assert_models(got: dict, wanted: dict, dtype, rate: float, **noise: float) -> None:
    """Both models have the same entries; an update's error grows with the learning rate."""
    entries = sorted(wanted)
    assert sorted(got) == entries, f"the model's entries: got {sorted(got)}, wanted {entries}"
    noise = noise | {"atol": noise["atol"] * max(1.0, rate)}
    for name in PARAMETERS:
        why = f"{name} moves by -learning_rate times its gradient, by autograd in float64"
        assert_close(got[name], wanted[name], why, **noise)
        assert_dtype(got[name], dtype)
    for name in STATISTICS:
        why = f"{name} takes in the batch's with momentum 0.1, and is moved by no gradient"
        assert_close(got[name], wanted[name], why, **noise)
        assert_dtype(got[name], dtype)
