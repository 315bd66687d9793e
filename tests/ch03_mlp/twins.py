"""Twins of ch03_mlp: other correct implementations, every one of which must pass."""

import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F

from kit.bank import twin

# --- context_windows ----------------------------------------------------------------------------


@twin("context_windows", "a window that shifts by one id, as in makemore")
def windows_by_shifting(documents, k):
    if k < 1:
        raise ValueError("k < 1")
    x, y = [], []
    for document in documents:
        window = document[:k]
        for i in document[k:]:
            x.append(window)
            y.append(i)
            window = [*window[1:], i]
    if not x:
        raise ValueError("no windows")
    return torch.tensor(x), torch.tensor(y)


@twin("context_windows", "torch's unfold, document by document")
def windows_by_unfold(documents, k):
    found = [torch.tensor(d).unfold(0, k + 1, 1) for d in documents if k > 0 and len(d) > k]
    if not found:
        raise ValueError("no windows")
    ids = torch.cat(found)
    return ids[:, :-1], ids[:, -1]


@twin("context_windows", "numpy's sliding windows, returned as arrays")
def windows_by_numpy(documents, k):
    found = [
        np.lib.stride_tricks.sliding_window_view(np.array(d), k + 1)
        for d in documents
        if k > 0 and len(d) > k
    ]
    if not found:
        raise ValueError("no windows")
    ids = np.concatenate(found)
    return ids[:, :k], ids[:, k]


# --- embedding ----------------------------------------------------------------------------------


def in_range(ids, V):
    if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < V:
        raise ValueError("id out of range")


@twin("embedding", "a product with one-hot vectors", "embedding_forward")
def embedding_by_one_hot(table, ids):
    in_range(ids, len(table))
    return F.one_hot(ids, len(table)).to(table.dtype) @ table


@twin(
    "embedding",
    "torch's embedding, which audit lets twins use",
    "embedding_forward",
    forbidden=True,
)
def embedding_by_torch(table, ids):
    in_range(ids, len(table))
    return F.embedding(ids, table)


@twin("embedding", "index_put_ with accumulate", "embedding_backward")
def embedding_gradient_by_index_put(d_out, ids, V):
    in_range(ids, V)
    if d_out.shape[:-1] != ids.shape:
        raise ValueError("shapes")
    gradient = torch.zeros(V, d_out.shape[-1], dtype=d_out.dtype)
    return gradient.index_put_((ids,), d_out, accumulate=True)


@twin("embedding", "numpy's add.at", "embedding_backward")
def embedding_gradient_by_numpy(d_out, ids, V):
    in_range(ids, V)
    if d_out.shape[:-1] != ids.shape:
        raise ValueError("shapes")
    gradient = np.zeros((V, d_out.shape[-1]), dtype=d_out.numpy().dtype)
    np.add.at(gradient, ids.numpy(), d_out.numpy())
    return gradient


@twin("embedding", "a product with one-hot vectors, transposed", "embedding_backward")
def embedding_gradient_by_one_hot(d_out, ids, V):
    in_range(ids, V)
    if d_out.shape[:-1] != ids.shape:
        raise ValueError("shapes")
    one_hot = F.one_hot(ids.flatten(), V).to(d_out.dtype)
    return one_hot.T @ d_out.reshape(-1, d_out.shape[-1])


@twin("embedding", "differences of cumulative sums over sorted ids", "embedding_backward")
def embedding_gradient_by_cumsum(d_out, ids, V):
    in_range(ids, V)
    if d_out.shape[:-1] != ids.shape:
        raise ValueError("shapes")
    C, flat = d_out.shape[-1], ids.flatten()
    rows = d_out.reshape(-1, C)[flat.argsort()].double()
    sums = torch.cat([rows.new_zeros(1, C), rows.cumsum(0)])
    ends = torch.bincount(flat, minlength=V).cumsum(0)
    return sums[ends].diff(dim=0, prepend=rows.new_zeros(1, C)).to(d_out.dtype)


# --- linear -------------------------------------------------------------------------------------


def checked_linear(x, W, b):
    if x.shape[-1] != W.shape[1] or (b is not None and b.shape != W.shape[:1]):
        raise ValueError("shapes")


def checked_gradients(d_out, x, W):
    if x.shape[-1] != W.shape[1] or d_out.shape != (*x.shape[:-1], len(W)):
        raise ValueError("shapes")


@twin("linear", "einsum", "linear_forward")
def linear_by_einsum(x, W, b=None):
    checked_linear(x, W, b)
    out = torch.einsum("...i,oi->...o", x, W)
    return out if b is None else out + b


@twin("linear", "in float64, rounded at the end", "linear_forward")
def linear_in_float64(x, W, b=None):
    checked_linear(x, W, b)
    bias = 0.0 if b is None else b.double()
    return ((x.double().unsqueeze(-2) * W.double()).sum(-1) + bias).to(x.dtype)


@twin("linear", "einsum over named axes", "linear_backward")
def linear_gradients_by_einsum(d_out, x, W):
    checked_gradients(d_out, x, W)
    axes = tuple(range(d_out.ndim - 1))
    dW = torch.einsum("...o,...i->oi", d_out, x)
    return torch.einsum("...o,oi->...i", d_out, W), dW, d_out.sum(axes) if axes else d_out


@twin("linear", "autograd, which audit lets twins use", "linear_backward", forbidden=True)
def linear_gradients_by_autograd(d_out, x, W):
    checked_gradients(d_out, x, W)
    b = torch.zeros(len(W), dtype=W.dtype)
    leaves = [t.clone().requires_grad_() for t in (x, W, b)]
    return torch.autograd.grad(F.linear(*leaves), leaves, d_out)


@twin("linear", "outer products, row by row", "linear_backward")
def linear_gradients_row_by_row(d_out, x, W):
    checked_gradients(d_out, x, W)
    dW, db = torch.zeros_like(W), W.new_zeros(len(W))
    for dy, row in zip(d_out.reshape(-1, len(W)), x.reshape(-1, W.shape[1]), strict=True):
        dW += torch.outer(dy, row)
        db += dy
    return [(d_out[..., None] * W).sum(-2), dW, db]


# --- gelu ---------------------------------------------------------------------------------------


@twin("gelu", "1 + erf in the dtype of x", "gelu")
def gelu_by_erf(x, approximate):
    if approximate not in ("none", "tanh"):
        raise ValueError("form")
    if approximate == "none":
        return 0.5 * x * (1.0 + torch.erf(x * math.sqrt(0.5)))
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3))))


@twin("gelu", "the tanh as a sigmoid of twice its argument", "gelu")
def gelu_by_sigmoid(x, approximate):
    if approximate == "none":
        return x * torch.special.ndtr(x)
    if approximate == "tanh":
        return x * torch.sigmoid(2 * math.sqrt(2 / math.pi) * x * (1 + 0.044715 * x * x))
    raise ValueError("form")


@twin("gelu", "the slope of the sigmoid form", "gelu_backward")
def gelu_slope_by_sigmoid(d_out, x, approximate):
    if d_out.shape != x.shape or approximate not in ("none", "tanh"):
        raise ValueError("shape or form")
    if approximate == "none":
        density = torch.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
        return d_out * (0.5 * (1 + torch.erf(x / math.sqrt(2))) + x * density)
    root = 2 * math.sqrt(2 / math.pi)
    s = torch.sigmoid(root * (x + 0.044715 * x**3))
    return d_out * s + d_out * x * s * (1 - s) * root * (1 + 0.134145 * x**2)


@twin("gelu", "autograd, which audit lets twins use", "gelu_backward", forbidden=True)
def gelu_slope_by_autograd(d_out, x, approximate):
    if d_out.shape != x.shape or approximate not in ("none", "tanh"):
        raise ValueError("shape or form")
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(F.gelu(leaf, approximate=approximate), leaf, d_out)[0]


@twin("gelu", "ReLU less what is missing to it", "gelu")
def gelu_by_relu(x, approximate):
    if approximate not in ("none", "tanh"):
        raise ValueError("form")
    if approximate == "none":
        return torch.relu(x) - x.abs() * torch.special.ndtr(-x.abs())
    c = math.sqrt(2 / math.pi)
    return torch.lerp(torch.zeros_like(x), x, torch.sigmoid(2 * c * (x + 0.044715 * x**3)))


@twin("gelu", "Python's math, entry by entry", "gelu")
def gelu_by_python(x, approximate):
    if approximate == "none":
        values = [v * math.erfc(-v / math.sqrt(2)) / 2 for v in x.flatten().tolist()]
    elif approximate == "tanh":
        c = math.sqrt(2 / math.pi)
        values = [v / 2 * (1 + math.tanh(c * (v + 0.044715 * v**3))) for v in x.flatten().tolist()]
    else:
        raise ValueError("form")
    return torch.tensor(values, dtype=x.dtype).reshape(x.shape)


# --- cross_entropy ------------------------------------------------------------------------------


def checked_targets(logits, targets):
    if len(logits) == 0 or targets.shape != logits.shape[:1]:
        raise ValueError("rows")
    if targets.min() < 0 or targets.max() >= logits.shape[1]:
        raise ValueError("target out of range")


@twin("cross_entropy", "logsumexp minus the target's logit", "cross_entropy_forward")
def cross_entropy_by_logsumexp(logits, targets):
    checked_targets(logits, targets)
    return (torch.logsumexp(logits, -1) - logits[torch.arange(len(targets)), targets]).mean()


@twin("cross_entropy", "float64, and one-hot targets", "cross_entropy_forward", forbidden=True)
def cross_entropy_in_float64(logits, targets):
    checked_targets(logits, targets)
    log_p = torch.log_softmax(logits.double(), -1)
    one_hot = F.one_hot(targets, logits.shape[1])
    return -torch.where(one_hot.bool(), log_p, 0.0).sum().item() / len(targets)


@twin("cross_entropy", "torch's softmax minus a one-hot", "cross_entropy_backward")
def cross_entropy_gradient_by_softmax(logits, targets):
    checked_targets(logits, targets)
    one_hot = F.one_hot(targets, logits.shape[1]).to(logits.dtype)
    return (torch.softmax(logits, -1) - one_hot) / len(targets)


@twin("cross_entropy", "scatter_add_ of -1 / N", "cross_entropy_backward")
def cross_entropy_gradient_by_scatter(logits, targets):
    checked_targets(logits, targets)
    e = (logits - logits.max(1, keepdim=True).values).exp()
    gradient = e / e.sum(1, keepdim=True) / len(logits)
    minus = torch.full((len(logits), 1), -1 / len(logits), dtype=logits.dtype)
    return gradient.scatter_add_(1, targets[:, None], minus)


@twin("cross_entropy", "ln of 1 + the sum of all odds against the target", "cross_entropy_forward")
def cross_entropy_by_differences(logits, targets):
    checked_targets(logits, targets)
    rows = zip(logits, targets.tolist(), strict=True)
    return sum(torch.logsumexp(row - row[t], 0).item() for row, t in rows) / len(logits)


# --- kaiming_init -------------------------------------------------------------------------------


@twin("kaiming_init", "torch's normal_, seeded globally")
def kaiming_by_global_seed(fan_out, fan_in, gain, seed):
    if min(fan_out, fan_in) < 1:
        raise ValueError("size")
    torch.manual_seed(seed)
    return torch.empty(fan_out, fan_in).normal_(0, gain * fan_in**-0.5)


@twin("kaiming_init", "numpy's generator, drawn transposed")
def kaiming_by_numpy(fan_out, fan_in, gain, seed):
    if fan_out <= 0 or fan_in <= 0:
        raise ValueError("size")
    numbers = np.random.default_rng(seed).standard_normal((fan_in, fan_out))
    return (numbers.T * (gain / math.sqrt(fan_in))).astype(np.float32)


@twin("kaiming_init", "the Box-Muller transform")
def kaiming_by_box_muller(fan_out, fan_in, gain, seed):
    if fan_out < 1 or fan_in < 1:
        raise ValueError("size")
    rng = torch.Generator().manual_seed(seed)
    u, v = torch.rand(2, fan_out, fan_in, generator=rng, dtype=torch.float64)
    normal = (-2 * (1 - u).log()).sqrt() * (2 * math.pi * v).cos()
    return (normal * gain / math.sqrt(fan_in)).float()


# --- batchnorm ----------------------------------------------------------------------------------


def checked_batchnorm(x, *vectors):
    if any(v.shape != x.shape[1:] for v in vectors):
        raise ValueError("shapes")


@twin(
    "batchnorm",
    "torch's batch_norm, which audit lets twins use",
    "batchnorm_forward",
    forbidden=True,
)
def batchnorm_by_torch(x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    checked_batchnorm(x, gain, bias, running_mean, running_var)
    if len(x) == 0 and not training:
        return x.clone(), running_mean, running_var
    if len(x) < 2 and training:
        raise ValueError("rows")
    mean, var = running_mean.clone(), running_var.clone()
    return F.batch_norm(x, mean, var, gain, bias, training, momentum, max(eps, 1e-300)), mean, var


@twin("batchnorm", "one scale and one shift per feature, in float64", "batchnorm_forward")
def batchnorm_by_scale_and_shift(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    checked_batchnorm(x, gain, bias, running_mean, running_var)
    dtype, mean, var = x.dtype, running_mean.double(), running_var.double()
    if training:
        if len(x) < 2:
            raise ValueError("rows")
        mean, centred = x.double().mean(0), x.double() - x.double().mean(0)
        var = centred.square().mean(0)
        unbiased = centred.square().sum(0) / (len(x) - 1)
        running_mean = torch.lerp(running_mean.double(), mean, momentum).to(dtype)
        running_var = torch.lerp(running_var.double(), unbiased, momentum).to(dtype)
    scale = gain.double() * torch.rsqrt(var + eps)
    out = x.double() * scale + (bias.double() - mean * scale)
    return out.to(dtype), running_mean, running_var


@twin("batchnorm", "step by step through the graph, as in makemore", "batchnorm_backward")
def batchnorm_gradients_step_by_step(d_out, x, gain, eps=1e-5):
    if len(x) < 2 or d_out.shape != x.shape or gain.shape != x.shape[1:]:
        raise ValueError("shapes")
    N = len(x)
    centred = x - x.mean(0)
    var = (centred**2).mean(0)
    inverse = (var + eps) ** -0.5
    x_hat = centred * inverse
    d_hat = d_out * gain
    d_inverse = (d_hat * centred).sum(0)
    d_var = -0.5 * d_inverse * (var + eps) ** -1.5
    d_centred = d_hat * inverse + 2 * centred * d_var / N
    dx = d_centred - d_centred.sum(0) / N
    return dx, (d_out * x_hat).sum(0), d_out.sum(0)


@twin(
    "batchnorm",
    "autograd in float64, which audit lets twins use",
    "batchnorm_backward",
    forbidden=True,
)
def batchnorm_gradients_by_autograd(d_out, x, gain, eps=1e-5):
    if len(x) < 2 or d_out.shape != x.shape or gain.shape != x.shape[1:]:
        raise ValueError("shapes")
    leaves = [t.double().requires_grad_() for t in (x, gain, torch.zeros_like(gain))]
    out = F.batch_norm(leaves[0], None, None, leaves[1], leaves[2], True, 0.1, max(eps, 1e-300))
    return [g.to(x.dtype) for g in torch.autograd.grad(out, leaves, d_out.double())]


@twin("batchnorm", "Welford's running mean and variance, row by row", "batchnorm_forward")
def batchnorm_by_welford(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    checked_batchnorm(x, gain, bias, running_mean, running_var)
    wide, mean, var = x.double(), running_mean.double(), running_var.double()
    if training:
        if len(x) < 2:
            raise ValueError("rows")
        old, mean, total = (mean, var), torch.zeros_like(mean), torch.zeros_like(mean)
        for i, row in enumerate(wide, 1):
            delta = row - mean
            mean = mean + delta / i
            total = total + delta * (row - mean)
        var = total / len(x)
        new = mean, total / (len(x) - 1)
        moved = [(a + momentum * (b - a)).to(x.dtype) for a, b in zip(old, new, strict=True)]
        running_mean, running_var = moved
    return (
        (gain * (wide - mean) * (var + eps) ** -0.5 + bias).to(x.dtype),
        running_mean,
        running_var,
    )


@twin("batchnorm", "the whole Jacobian, feature by feature", "batchnorm_backward")
def batchnorm_gradients_by_jacobian(d_out, x, gain, eps=1e-5):
    if len(x) < 2 or d_out.shape != x.shape or gain.shape != x.shape[1:]:
        raise ValueError("shapes")
    N, sigma = len(x), (x.var(0, correction=0) + eps).sqrt()
    x_hat = (x - x.mean(0)) / sigma
    jacobian = torch.eye(N, dtype=x.dtype)[..., None] - 1 / N - x_hat[:, None] * x_hat / N
    dx = torch.einsum("ijc,jc->ic", jacobian / sigma, d_out * gain)
    return dx, (x_hat * d_out).sum(0), d_out.sum(0)


# --- mlp ----------------------------------------------------------------------------------------


@twin("mlp", "one generator for all matrices", "init_mlp")
def init_by_one_generator(V, k, C, H, seed):
    if min(V, k, C, H) < 1:
        raise ValueError("size")
    rng = torch.Generator().manual_seed(seed)
    return {
        "W2": torch.randn(V, H, generator=rng) * 0.1 / H**0.5,
        "W1": torch.randn(H, k * C, generator=rng) * (2 / (k * C)) ** 0.5,
        "embedding": torch.randn(V, C, generator=rng),
        **{name: torch.zeros(H) for name in ("bias", "running_mean")},
        **{name: torch.ones(H) for name in ("gain", "running_var")},
        "b2": torch.zeros(V),
    }


@twin("mlp", "numpy's generators, spawned from the seed", "init_mlp")
def init_by_numpy(V, k, C, H, seed):
    if V < 1 or k < 1 or C < 1 or H < 1:
        raise ValueError("size")
    draws = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(3)]
    matrices = [draws[0].normal(0, 1, (V, C)), draws[1].normal(0, (2 / k / C) ** 0.5, (H, k * C))]
    matrices.append(draws[2].normal(0, 0.1 * H**-0.5, (V, H)))
    model = dict(zip(("embedding", "W1", "W2"), matrices, strict=True))
    model |= {"gain": np.ones(H), "bias": np.zeros(H), "b2": np.zeros(V)}
    model |= {"running_mean": np.zeros(H), "running_var": np.ones(H)}
    return {name: value.astype(np.float32) for name, value in model.items()}


def layers(model, x, training):
    """The model of torch's own layers; their statistics are changed in training."""
    in_range(x, len(model["embedding"]))
    e = F.embedding(x, model["embedding"]).flatten(1)
    if e.shape[1] != model["W1"].shape[1]:
        raise ValueError("length of the windows")
    statistics = model["running_mean"], model["running_var"]
    h = F.batch_norm(e @ model["W1"].T, *statistics, model["gain"], model["bias"], training)
    return F.gelu(h) @ model["W2"].T + model["b2"]


@twin("mlp", "torch's own layers, which audit lets twins use", "mlp_forward", forbidden=True)
def mlp_by_torch(model, x):
    if len(x) == 0:
        return model["W2"].new_zeros(0, len(model["W2"]))
    return layers(model, x, training=False)


@twin("mlp", "a table per place of the window instead of W1 times embeddings", "mlp_forward")
def mlp_by_tables(model, x):
    V, C = model["embedding"].shape
    in_range(x, V)
    if x.shape[1] * C != model["W1"].shape[1]:
        raise ValueError("length of the windows")
    scale = model["gain"] / (model["running_var"] + 1e-5).sqrt()
    blocks = model["W1"].split(C, 1)
    tables = [model["embedding"] @ block.T * scale for block in blocks]  # k of V H
    n = sum(table[x[:, i]] for i, table in enumerate(tables))
    n = n - model["running_mean"] * scale + model["bias"]
    return n * torch.special.ndtr(n) @ model["W2"].T + model["b2"]


@twin("mlp", "three seeds of each: 3 s, 3 s + 1, 3 s + 2", "init_mlp")
def init_by_three_seeds(V, k, C, H, seed):
    if min(V, k, C, H) < 1:
        raise ValueError("size")
    wanted = {"embedding": (1.0, V, C), "W1": ((2 / (k * C)) ** 0.5, H, k * C)}
    wanted["W2"] = (0.1 / H**0.5, V, H)
    model = {"gain": torch.ones(H), "bias": torch.zeros(H), "b2": torch.zeros(V)}
    model |= {"running_mean": torch.zeros(H), "running_var": torch.ones(H)}
    for i, (name, (std, *shape)) in enumerate(wanted.items()):
        rng = torch.Generator().manual_seed(3 * seed + i)
        model[name] = std * torch.randn(*shape, generator=rng)
    return model


@twin("mlp", "window by window", "mlp_forward")
def mlp_by_windows(model, x):
    in_range(x, len(model["embedding"]))
    if x.shape[1] * model["embedding"].shape[1] != model["W1"].shape[1]:
        raise ValueError("length of the windows")
    scale, logits = model["gain"] / (model["running_var"] + 1e-5).sqrt(), []
    for window in x:
        h = model["W1"] @ torch.cat([model["embedding"][i] for i in window])
        n = scale * (h - model["running_mean"]) + model["bias"]
        logits.append(model["W2"] @ (n * torch.special.ndtr(n)) + model["b2"])
    return torch.stack(logits) if logits else model["b2"].new_zeros(0, len(model["b2"]))


# --- train_step ---------------------------------------------------------------------------------


@twin("train_step", "torch's layers and SGD, which audit lets twins use", forbidden=True)
def step_by_sgd(model, x, y, learning_rate):
    if len(x) < 2:
        raise ValueError("batch")
    checked_targets(model["W2"].new_zeros(len(x), len(model["W2"])), y)
    model = {name: value.clone() for name, value in model.items()}
    trained = [v.requires_grad_() for n, v in model.items() if not n.startswith("running")]
    optimizer = torch.optim.SGD(trained, lr=learning_rate)
    loss = F.cross_entropy(layers(model, x, training=True), y)
    loss.backward()
    optimizer.step()
    return {name: value.detach() for name, value in model.items()}, loss.item()


@twin("train_step", "in float64, rounded at the end", forbidden=True)
def step_in_float64(model, x, y, learning_rate):
    if len(x) < 2:
        raise ValueError("batch")
    checked_targets(model["W2"].new_zeros(len(x), len(model["W2"])), y)
    dtype = model["W1"].dtype
    wide = {name: value.double() for name, value in model.items()}
    names = [name for name in wide if not name.startswith("running")]
    leaves = {name: wide[name].clone().requires_grad_() for name in names}
    statistics = {n: wide[n].clone() for n in ("running_mean", "running_var")}
    loss = F.cross_entropy(layers(leaves | statistics, x, training=True), y)
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    moved = {n: wide[n] - learning_rate * g for n, g in zip(names, gradients, strict=True)}
    return {n: v.to(dtype) for n, v in (moved | statistics).items()}, loss


# --- train_mlp ----------------------------------------------------------------------------------


def training_on(batches):
    """train_mlp on the reference's functions, with batches drawn by batches(N, size, seed)."""
    from solutions.ch03_mlp.adapters import context_windows, init_mlp, train_step

    def trained(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
        if batch_size < 2 or steps < 0:
            raise ValueError("batch_size or steps")
        x, y = context_windows(documents, k)
        in_range(torch.cat([x.flatten(), y]), V)
        model, losses = init_mlp(V, k, C, H, seed), []
        draw = batches(len(x), batch_size, seed)
        for _ in range(steps):
            batch = next(draw)
            model, loss = train_step(model, x[batch], y[batch], learning_rate)
            losses.append(loss)
        return model, losses

    return trained


def without_replacement(N, size, seed):
    """Epochs: every window comes once before any comes again; large batches take several."""
    rng, waiting = torch.Generator().manual_seed(seed), torch.zeros(0, dtype=torch.int64)
    while True:
        while len(waiting) < size:
            waiting = torch.cat([waiting, torch.randperm(N, generator=rng)])
        yield waiting[:size]
        waiting = waiting[size:]


def by_numpy(N, size, seed):
    rng = np.random.default_rng(seed)
    while True:
        yield torch.from_numpy(rng.choice(N, size, replace=True))


@twin("train_mlp", "epochs: shuffled anew, cut into batches, without replacement")
def training_in_epochs(*arguments, **named):
    return training_on(without_replacement)(*arguments, **named)


@twin("train_mlp", "batches from numpy's generator")
def training_with_numpy(*arguments, **named):
    return training_on(by_numpy)(*arguments, **named)


def whole_batches(N, size, seed):
    """Epochs without their incomplete last batch."""
    rng = np.random.default_rng(seed)
    while size > N:
        yield torch.from_numpy(rng.integers(0, N, size))
    while True:
        order = torch.from_numpy(rng.permutation(N))
        yield from (order[i : i + size] for i in range(0, N - size + 1, size))


def step_by_step(N, size, seed):
    """A generator per step, of the seed and the number of the step."""
    for step in itertools.count():
        yield torch.from_numpy(np.random.default_rng([seed, step]).choice(N, size))


@twin("train_mlp", "epochs whose incomplete last batch is left out")
def training_in_whole_batches(*arguments, **named):
    return training_on(whole_batches)(*arguments, **named)


@twin("train_mlp", "a generator per step; the losses in a tensor")
def training_step_by_step(*arguments, **named):
    model, losses = training_on(step_by_step)(*arguments, **named)
    return model, torch.tensor(losses, dtype=torch.float64)
