"""Twins of ch07_optimization: other correct implementations, every one of which must pass."""

import copy
import io
import itertools
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from kit.bank import twin
from tests.ch07_optimization.bugs import Loop

# --- sgd_momentum ---------------------------------------------------------------------------------


def check_sgd(weight, gradient, velocity, lr, momentum):
    if weight.shape != gradient.shape or weight.shape != velocity.shape:
        raise ValueError("shapes")
    if lr < 0 or momentum < 0 or momentum >= 1:
        raise ValueError("options")


@twin("sgd_momentum", "torch.optim.SGD", forbidden=True)
def sgd_of_torch(weight, gradient, velocity, lr, momentum, nesterov=False):
    check_sgd(weight, gradient, velocity, lr, momentum)
    w = weight.clone().requires_grad_()
    w.grad = gradient
    optimizer = torch.optim.SGD([w], lr, momentum, nesterov=nesterov and momentum > 0)
    if momentum:
        optimizer.state[w]["momentum_buffer"] = velocity.clone()
    optimizer.step()
    return w.detach(), optimizer.state[w]["momentum_buffer"] if momentum else gradient.clone()


@twin("sgd_momentum", "in float64, and rounded once")
def sgd_in_float64(weight, gradient, velocity, lr, momentum, nesterov=False):
    check_sgd(weight, gradient, velocity, lr, momentum)
    w, g, v = (x.double() for x in (weight, gradient, velocity))
    v = torch.add(g, v, alpha=momentum)
    step = torch.add(g, v, alpha=momentum) if nesterov else v
    return torch.sub(w, step, alpha=lr).to(weight.dtype), v.to(weight.dtype)


@twin("sgd_momentum", "copies that are changed in place")
def sgd_in_copies(weight, gradient, velocity, lr, momentum, nesterov=False):
    check_sgd(weight, gradient, velocity, lr, momentum)
    weight, velocity = weight.clone(), velocity.clone()
    velocity.mul_(momentum).add_(gradient)
    if nesterov:
        weight.sub_(gradient, alpha=lr).sub_(velocity, alpha=lr * momentum)
    else:
        weight.sub_(velocity, alpha=lr)
    return weight, velocity


# --- adamw ----------------------------------------------------------------------------------------


def check_options(lr, betas, eps, weight_decay):
    if lr < 0 or eps < 0 or weight_decay < 0:
        raise ValueError("negative")
    if not (0.0 <= betas[0] < 1.0 and 0.0 <= betas[1] < 1.0):
        raise ValueError("betas")


@twin("adamw", "torch's own", forbidden=True)
def adamw_of_torch():
    return torch.optim.AdamW


class ForeachAdamW(torch.optim.AdamW):
    """torch's, on lists of tensors."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps, weight_decay, foreach=True)


@twin("adamw", "torch's, on lists of tensors", forbidden=True)
def adamw_foreach():
    return ForeachAdamW


class PaperAdamW(torch.optim.Optimizer):
    """As the paper writes it, new tensors for every term, the count a float32 tensor."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        check_options(lr, betas, eps, weight_decay)
        defaults = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
        super().__init__(params, defaults)

    def step(self, closure=None):
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                g = p.grad.data
                state = self.state[p]
                t = state.get("step", torch.zeros(())) + 1
                m = beta1 * state.get("exp_avg", torch.zeros_like(p.data)) + (1 - beta1) * g
                v = beta2 * state.get("exp_avg_sq", torch.zeros_like(p.data)) + (1 - beta2) * g**2
                m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
                p.data -= group["lr"] * (
                    m_hat / (v_hat.sqrt() + group["eps"]) + group["weight_decay"] * p.data
                )
                state["step"], state["exp_avg"], state["exp_avg_sq"] = t, m, v
        return loss


@twin("adamw", "as the paper writes it, by p.data")
def adamw_of_the_paper():
    return PaperAdamW


class EagerAdamW(torch.optim.Optimizer):
    """State for every parameter as soon as it joins, decay last with the old weight."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        check_options(lr, betas, eps, weight_decay)
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        )

    def add_param_group(self, group):
        super().add_param_group(group)
        for p in self.param_groups[-1]["params"]:
            self.state[p] = {
                "t": 0,
                "moments": [torch.zeros_like(p, requires_grad=False) for _ in range(2)],
            }

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in filter(lambda p: p.grad is not None, group["params"]):
                if p not in self.state:
                    self.state[p] = {"t": 0, "moments": [torch.zeros_like(p) for _ in range(2)]}
                state = self.state[p]
                state["t"] += 1
                m, v = state["moments"]
                for moment, value, beta in zip(
                    (m, v), (p.grad, p.grad * p.grad), group["betas"], strict=True
                ):
                    moment += (1 - beta) * (value - moment)
                m_hat, v_hat = (
                    x / (1 - beta ** state["t"])
                    for x, beta in zip((m, v), group["betas"], strict=True)
                )
                old = p.clone()
                p -= group["lr"] * m_hat / (torch.sqrt(v_hat) + group["eps"])
                p -= group["lr"] * group["weight_decay"] * old
        return loss


@twin("adamw", "state as soon as a parameter joins")
def adamw_with_state_at_once():
    return EagerAdamW


# --- clip_grad_norm -------------------------------------------------------------------------------


@twin("clip_grad_norm", "all numbers in one row, in float64")
def clip_one_row(parameters, max_norm):
    if max_norm < 0:
        raise ValueError("max_norm")
    grads = []
    for p in parameters:
        if p.grad is not None and not any(p.grad is g for g in grads):
            grads.append(p.grad)
    rows = [g.detach().reshape(-1).double() for g in grads]
    norm = torch.linalg.norm(torch.cat(rows)) if rows else torch.tensor(0.0)
    if math.isfinite(norm) and max_norm < norm + 1e-6:
        for g in grads:
            g.detach().mul_((max_norm / (norm + 1e-6)).to(g.dtype))
    wide = any(g.dtype == torch.float64 for g in grads)
    return norm.double() if wide else norm.float()


@twin("clip_grad_norm", "sums of squares, and copy_")
def clip_by_copy(parameters, max_norm):
    if not max_norm >= 0:
        raise ValueError("max_norm")
    parameters = list(dict.fromkeys(p for p in parameters if p.grad is not None))
    with torch.no_grad():
        total = torch.zeros((), dtype=torch.float32)
        for p in parameters:
            wide = p.grad if p.grad.dtype == torch.float64 else p.grad.float()
            total = total.to(torch.promote_types(total.dtype, wide.dtype)) + (wide * wide).sum()
        norm = total.sqrt()
        if torch.isfinite(norm):
            scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
            for p in parameters:
                p.grad.copy_(p.grad * scale)
    return norm


@twin("clip_grad_norm", "torch's own, where nothing is broken", forbidden=True)
def clip_of_torch(parameters, max_norm):
    if max_norm < 0:
        raise ValueError("max_norm")
    parameters = list({id(p): p for p in parameters}.values())
    grads = [p.grad.detach() for p in parameters if p.grad is not None]
    wide = [g if g.dtype == torch.float64 else g.float() for g in grads]
    if any(g.dtype == torch.float64 for g in wide):
        wide = [g.double() for g in wide]
    norm = nn.utils.get_total_norm(wide)
    if norm.isfinite():
        nn.utils.clip_grads_with_norm_(parameters, max_norm, norm)
    return norm


# --- cosine_schedule ------------------------------------------------------------------------------


@twin("cosine_schedule", "numpy and cos²")
def cosine_by_numpy(step, max_lr, min_lr, warmup, total):
    if step < 0 or warmup < 0 or warmup > total:
        raise ValueError("order")
    if step >= total:
        return min_lr
    if step < warmup:
        return np.float32(max_lr) * np.float32(step / warmup)
    share = np.cos(np.pi / 2 * (step - warmup) / (total - warmup)) ** 2
    return np.array(min_lr * (1 - share) + max_lr * share)


@twin("cosine_schedule", "float32 tensors, and a clamp after the end")
def cosine_by_tensors(step, max_lr, min_lr, warmup, total):
    if not (step >= 0 <= warmup <= total):
        raise ValueError("order")
    if step < warmup:
        return torch.tensor(step / warmup * max_lr)
    progress = min(1.0, (step - warmup) / max(1, total - warmup)) if total > warmup else 1.0
    angle = torch.tensor(progress * math.pi)
    return 0.5 * (max_lr + min_lr) + 0.5 * (max_lr - min_lr) * torch.cos(angle)


# --- wsd_schedule ---------------------------------------------------------------------------------


@twin("wsd_schedule", "the smaller of lines")
def wsd_by_interpolation(step, max_lr, min_lr, warmup, stable_until, total):
    if step < 0 or not 0 <= warmup <= stable_until <= total:
        raise ValueError("order")
    if step < warmup:
        return step / warmup * max_lr
    if step >= total:
        return min_lr
    progress = max(0.0, (step - stable_until) / max(total - stable_until, 1))
    return (1 - progress) * max_lr + progress * min_lr


@twin("wsd_schedule", "numpy")
def wsd_by_numpy(step, max_lr, min_lr, warmup, stable_until, total):
    ends = np.array([0, warmup, stable_until, total])
    if step < 0 or (np.diff(ends) < 0).any():
        raise ValueError("order")
    if step >= total:
        return np.float64(min_lr)
    if step < warmup:
        return np.float64(max_lr * step / warmup)
    if step < stable_until:
        return torch.tensor(max_lr, dtype=torch.float64)
    return np.interp(step, ends[2:], [max_lr, min_lr])


# --- decay_groups ---------------------------------------------------------------------------------


@twin("decay_groups", "module by module, by the modules that hold a parameter")
def groups_by_owner(model, weight_decay):
    if weight_decay < 0:
        raise ValueError("weight_decay")
    spared = set()
    for module in model.modules():
        for p in module.parameters(recurse=False):
            if p.dim() < 2 or isinstance(module, nn.Embedding) and p is module.weight:
                spared.add(p)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    return [
        {
            "params": [p for p in trained.values() if p not in spared],
            "weight_decay": weight_decay,
        },
        {
            "params": [p for p in trained.values() if p in spared],
            "weight_decay": 0.0,
        },
    ]


@twin("decay_groups", "names of all, with the embeddings' among them")
def groups_by_all_names(model, weight_decay):
    if not weight_decay >= 0:
        raise ValueError("weight_decay")
    held = {
        f"{name}.weight".lstrip(".")
        for name, module in model.named_modules(remove_duplicate=False)
        if isinstance(module, nn.Embedding)
    }
    names = {}
    for name, p in model.named_parameters(remove_duplicate=False):
        if p.requires_grad:
            names.setdefault(p, []).append(name)
    groups = [{"params": [], "weight_decay": float(weight_decay)}]
    groups.append({"params": [], "weight_decay": 0})
    for p, own in names.items():
        groups[p.ndim < 2 or bool(held & set(own))]["params"].append(p)
    return tuple(groups)


# --- muon_orthogonalize ---------------------------------------------------------------------------


def check_muon(G, steps):
    if G.ndim < 2 or steps < 0:
        raise ValueError("no matrix")


@twin("muon_orthogonalize", "in float64, X (Xᵀ X) for all shapes")
def muon_from_the_right(G, steps=5):
    check_muon(G, steps)
    X = G.double()
    X = X / (X.square().sum((-2, -1), keepdim=True).sqrt() + 1e-7)
    for _ in range(steps):
        gram = X.mT @ X
        X = 3.4445 * X + X @ (-4.7750 * gram + 2.0315 * gram @ gram)
    return X.to(G.dtype)


@twin("muon_orthogonalize", "matrix by matrix, as Jordan wrote it, in float32")
def muon_of_jordan(G, steps=5):
    check_muon(G, steps)
    if G.ndim > 2:
        out = torch.empty_like(G)
        for i, g in enumerate(G):
            out[i] = muon_of_jordan.function(g, steps)
        return out
    a, b, c = (3.4445, -4.7750, 2.0315)
    X = G if G.dtype == torch.float64 else G.float()
    X = X / (X.norm() + 1e-7)
    if G.size(0) > G.size(1):
        X = X.T
    for _ in range(steps):
        A = X @ X.T
        B = b * A + c * A @ A
        X = a * X + B @ X
    if G.size(0) > G.size(1):
        X = X.T
    return X.to(G.dtype)


@twin("muon_orthogonalize", "the polynomial on singular values", forbidden=True)
def muon_on_singular_values(G, steps=5):
    check_muon(G, steps)
    U, S, Vh = torch.linalg.svd(G.double(), full_matrices=False)
    S = S / (S.norm(dim=-1, keepdim=True) + 1e-7)
    for _ in range(steps):
        S = S * (3.4445 + S**2 * (-4.7750 + 2.0315 * S**2))
    return (U @ torch.diag_embed(S) @ Vh).to(G.dtype)


# --- init -----------------------------------------------------------------------------------------


def check_shape(shape):
    if len(shape) < 2 or not all(n >= 1 for n in shape):
        raise ValueError("shape")


@twin("init", "torch's own", "xavier_init", forbidden=True)
def xavier_of_torch(shape, seed, gain=1.0):
    check_shape(shape)
    rng = torch.Generator().manual_seed(seed)
    weight = torch.empty(tuple(shape), dtype=torch.float32)
    return nn.init.xavier_uniform_(weight, gain, generator=rng)


@twin("init", "numpy's generator", "xavier_init")
def xavier_by_numpy(shape, seed, gain=1.0):
    check_shape(shape)
    k = int(np.prod(shape[2:]))
    bound = gain * (6 / ((shape[0] + shape[1]) * k)) ** 0.5
    return np.random.default_rng(seed).uniform(-bound, bound, shape).astype(np.float32)


@twin("init", "torch's own", "kaiming_init", forbidden=True)
def kaiming_of_torch(shape, seed, mode="fan_in"):
    check_shape(shape)
    if mode not in ("fan_in", "fan_out"):
        raise ValueError("mode")
    rng = torch.Generator().manual_seed(seed)
    weight = torch.empty(tuple(shape), dtype=torch.float32)
    return nn.init.kaiming_normal_(weight, mode=mode, nonlinearity="relu", generator=rng)


@twin("init", "the mean of normal numbers, by a receptive field", "kaiming_init")
def kaiming_by_field(shape, seed, mode="fan_in"):
    check_shape(shape)
    axis = {"fan_in": 1, "fan_out": 0}.get(mode)
    if axis is None:
        raise ValueError("mode")
    field = torch.empty(tuple(shape), device="meta")[0, 0].numel()
    rng = torch.Generator().manual_seed(seed)
    weight = torch.empty(tuple(shape), dtype=torch.float32)
    return weight.normal_(0, (2 / (shape[axis] * field)) ** 0.5, generator=rng)


@twin("init", "by names of parameters, through .data", "gpt2_init")
def gpt2_by_names(model, num_layers, seed):
    if num_layers < 1:
        raise ValueError("num_layers")
    rng = torch.Generator().manual_seed(seed)
    modules = dict(model.named_modules())
    for name, p in model.named_parameters():
        path, _, kind = name.rpartition(".")
        owner = modules[path]
        if isinstance(owner, nn.LayerNorm):
            p.data.fill_(kind == "weight")
        elif isinstance(owner, nn.Linear) and kind == "bias":
            p.data.zero_()
        elif isinstance(owner, nn.Linear | nn.Embedding):
            shrink = isinstance(owner, nn.Linear) and path.split(".")[-1] == "c_proj"
            p.data.normal_(0.0, 0.02 * (2 * num_layers) ** (-0.5 if shrink else 0), generator=rng)


@twin("init", "apply, and then the projections anew", "gpt2_init")
def gpt2_as_nanogpt(model, num_layers, seed):
    if num_layers < 1:
        raise ValueError("num_layers")
    rng = torch.Generator().manual_seed(seed)

    def fill(module):
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, mean=0.0, std=0.02, generator=rng)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.LayerNorm) and module.elementwise_affine:
            nn.init.ones_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    model.apply(fill)
    for name, module in model.named_modules():
        if name.split(".")[-1] == "c_proj" and isinstance(module, nn.Linear):
            std = 0.02 / math.sqrt(2 * num_layers)
            nn.init.normal_(module.weight, mean=0.0, std=std, generator=rng)


# --- accumulate_gradients -----------------------------------------------------------------------


@twin("accumulate_gradients", "sums first, and one division of what they add at the end")
def accumulate_then_divide(model, microbatches):
    trained = [p for p in model.parameters() if p.requires_grad]
    sums, total, count = {}, 0.0, 0
    for x, y in microbatches:
        if not (n := int((y >= 0).sum())):
            continue
        log_p = torch.log_softmax(model(x).float(), -1)
        loss = -log_p.gather(-1, y.clamp(min=0)[..., None])[..., 0][y >= 0].sum()
        for p, g in zip(
            trained, torch.autograd.grad(loss, trained, allow_unused=True), strict=True
        ):
            if g is not None:
                sums[p] = sums.get(p, 0) + g
        total, count = total + loss.detach(), count + n
    if not count:
        raise ValueError("no target in any micro-batch")
    for p, g in sums.items():
        p.grad = g / count if p.grad is None else p.grad + g / count
    return total / count


@twin("accumulate_gradients", "means weighted by shares, in float64, returned as a tensor")
def accumulate_weighted_means(model, microbatches):
    first, second = itertools.tee(microbatches)
    counts = [(y != -100).sum().item() for _, y in first]
    if not sum(counts):
        raise ValueError("no target in any micro-batch")
    losses = []
    for count, (x, y) in zip(counts, second, strict=True):
        if count:
            logits = model(x).double().transpose(1, 2)
            loss = F.cross_entropy(logits, y) * (count / sum(counts))
            loss.backward()
            losses.append(loss.detach())
    return torch.stack(losses).sum()


# --- get_batch ----------------------------------------------------------------------------------


@twin("get_batch", "a slice for each row, as nanoGPT has it")
def batch_of_slices(dataset, B, T, device, rng):
    if dataset.ndim != 1 or min(B, T) < 1 or len(dataset) < T + 1:
        raise ValueError(f"{tuple(dataset.shape)}, {B=}, {T=}")
    starts = torch.randint(len(dataset) - T, (B,), generator=rng)

    def row(start):
        part = dataset[start : start + T]
        if isinstance(part, torch.Tensor):
            return part.clone().long()
        return torch.from_numpy(part.astype(np.int64))

    x = torch.stack([row(s) for s in starts.tolist()])
    y = torch.stack([row(s + 1) for s in starts.tolist()])
    return x.to(device), y.to(device)


@twin("get_batch", "a sliding view of all windows, of which rows are copied; a numpy generator")
def batch_of_view(dataset, B, T, device, rng):
    data = dataset.numpy() if isinstance(dataset, torch.Tensor) else np.asarray(dataset)
    if data.ndim != 1 or B < 1 or T < 1 or data.size <= T:
        raise ValueError("too few ids")
    seed = torch.empty((), dtype=torch.int64).random_(generator=rng).item()
    starts = np.random.default_rng(seed).integers(data.size - T, size=B)
    rows = np.lib.stride_tricks.sliding_window_view(data, T + 1)[starts]
    ids = torch.tensor(rows.astype(np.int64), device=device)
    return ids[:, :T], ids[:, 1:]


@twin("get_batch", "a uniform share of the starts, in float64, scaled and rounded down")
def batch_of_shares(dataset, B, T, device, rng):
    if len(dataset.shape) != 1 or B <= 0 or T <= 0:
        raise ValueError("one axis, rows and columns")
    if (n := dataset.shape[0] - T) < 1:
        raise ValueError(f"{dataset.shape[0]} ids are too few")
    starts = (torch.rand(B, generator=rng, dtype=torch.float64) * n).long()
    rows = [[int(i) for i in dataset[s : s + T + 1]] for s in starts]
    ids = torch.tensor(rows, dtype=torch.int64)
    return ids[:, :-1].to(device), ids[:, 1:].to(device)


# --- checkpoint ---------------------------------------------------------------------------------


@twin("checkpoint", "os.open and os.write, under a name of this process", adapter="save_checkpoint")
def save_by_os(model, optimizer, step, out, extra=None):
    data = io.BytesIO()
    parts = dict(model=model.state_dict(), optimizer=optimizer.state_dict(), step=step, extra=extra)
    torch.save(parts, data)
    if hasattr(out, "write"):
        out.write(data.getvalue())
        return
    folder, name = os.path.split(os.path.abspath(out))
    temporary = os.path.join(folder, f".{name}.{os.getpid()}")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        left = memoryview(data.getvalue())
        while left:
            left = left[os.write(file, left) :]
        os.fsync(file)
        os.replace(temporary, out)
    except BaseException:
        os.unlink(temporary)
        raise
    finally:
        os.close(file)


@twin("checkpoint", "torch.save to a path, then opened again for fsync", adapter="save_checkpoint")
def save_by_path(model, optimizer, step, out, extra=None):
    state = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    parts = {"step": step, "extra": extra, "model": state, "optimizer": optimizer.state_dict()}
    if not isinstance(out, str | os.PathLike):
        torch.save(parts, out)
        out.flush()
        return
    path = Path(out)
    temporary = path.parent / f"{path.name}.partial"
    try:
        torch.save(parts, temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


@twin("checkpoint", "load_state_dict at once, and all taken back if it fails", "load_checkpoint")
def load_and_take_back(src, model, optimizer):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    settings = copy.deepcopy(optimizer.state_dict())
    data = src.read() if hasattr(src, "read") else Path(src).read_bytes()
    try:
        parts = torch.load(io.BytesIO(data), map_location=torch.device("cpu"), weights_only=True)
        step = int(parts["step"])
        model.load_state_dict(parts["model"])
        optimizer.load_state_dict(parts["optimizer"])
        return step
    except Exception as error:
        model.load_state_dict(before)
        optimizer.load_state_dict(settings)
        raise ValueError(f"cannot be loaded: {error}") from error


# --- train_loop ---------------------------------------------------------------------------------


@twin("train_loop", "a class with a method for each duty")
def loop_of_methods(*args, **options):
    return Loop(*args, **options).run()


def rows(dataset, starts, T):
    data = torch.stack([torch.tensor([int(i) for i in dataset[s : s + T + 1]]) for s in starts])
    return data[:, :-1], data[:, 1:]


def rate(k, c):
    if c["schedule"] == "constant":
        return c["max_lr"] * min(1, k / max(1, c["warmup"]))
    if k >= c["steps"]:
        return c["min_lr"]
    if k < c["warmup"]:
        return c["max_lr"] / c["warmup"] * k
    start = c["warmup"] if c["schedule"] == "cosine" else c["stable_until"]
    p = max(0, k - start) / max(1, c["steps"] - start)
    share = math.cos(math.pi / 2 * p) ** 2 if c["schedule"] == "cosine" else 1 - p
    return c["min_lr"] + (c["max_lr"] - c["min_lr"]) * share


def check_all(c, *datasets):
    counts = "steps batch_size microbatches context_length log_every eval_every eval_batches "
    counts = (counts + "checkpoint_every").split()
    needed = {*counts, "schedule", "max_lr", "min_lr", "warmup", "clip", "seed"}
    needed |= {"stable_until"} if c.get("schedule") == "wsd" else set()
    wrong = needed ^ c.keys()
    wrong |= {k for k in counts if k in c and (type(c[k]) is not int or c[k] <= 0)}
    numbers = needed - {"schedule", "clip"} - wrong
    wrong |= {k for k in numbers if not isinstance(c[k], int | float)}
    clip = c.get("clip", 1)
    if clip is not None and not (isinstance(clip, int | float) and 0 < clip < math.inf):
        wrong.add("clip")
    if wrong or c["schedule"] not in ("cosine", "wsd", "constant"):
        raise ValueError(f"missing, unknown or impossible: {wrong or 'schedule'}")
    if c["batch_size"] / c["microbatches"] % 1:
        raise ValueError("batch_size and microbatches")
    if not 0 <= c["warmup"] <= c.get("stable_until", c["steps"]) <= c["steps"]:
        raise ValueError("warmup, stable_until and steps")
    if any(len(d) < c["context_length"] + 1 for d in datasets if d is not None):
        raise ValueError("too few ids for a window")


def kept_lines(path, done):
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    kept = []
    for line in lines:
        try:
            if json.loads(line)["step"] > done:
                break
        except ValueError:
            break
        kept.append(line + "\n")
    return kept


class Apart:
    """Torch's generator, and the model's training mode, are afterwards what they were."""

    def __init__(self, model):
        self.model = model

    def __enter__(self):
        self.state = torch.get_rng_state()

    def __exit__(self, *_):
        torch.set_rng_state(self.state)
        self.model.train()


def mean_over(model, parts):
    with torch.no_grad():
        losses = [F.cross_entropy(model(x).mT, y, reduction="none").flatten() for x, y in parts]
    return torch.cat(losses).double().mean().item()


@twin("train_loop", "batches are drawn again to find the place; a line is a file opened anew")
def loop_of_replay(model, optimizer, dataset, config, folder, *, valid=None, on_step=None):
    config = {k: v.tolist() if isinstance(v, np.number) else v for k, v in config.items()}
    check_all(config, dataset, valid)
    os.makedirs(folder, exist_ok=True)
    path, metrics = os.path.join(folder, "checkpoint.pt"), Path(folder) / "metrics.jsonl"
    B, T, n = (config[key] for key in ("batch_size", "context_length", "microbatches"))
    fixed = {k: v for k, v in config.items() if "every" not in k}
    fixed = {k: v for k, v in fixed.items() if k not in ("microbatches", "eval_batches")}
    done, record, rng = 0, None, torch.Generator().manual_seed(config["seed"])
    torch.manual_seed(config["seed"])
    if os.path.exists(path):
        try:
            extra = torch.load(path, weights_only=True)["extra"]
        except Exception as error:
            raise ValueError(f"checkpoint.pt: {error}") from error
        if changes := dict(extra["config"].items() ^ fixed.items()):
            raise ValueError(f"another run: {changes}")
        done, record = load_and_take_back.function(path, model, optimizer), extra["record"]
        torch.set_rng_state(extra["state"])
    (new := metrics.with_suffix(".cut")).write_text("".join(kept_lines(metrics, done)))
    os.replace(new, metrics)
    for _ in range(done):
        torch.randint(len(dataset) - T, (B,), generator=rng)
    model.train()
    for k in range(done + 1, config["steps"] + 1):
        began = time.monotonic_ns()
        x, y = rows(dataset, torch.randint(len(dataset) - T, (B,), generator=rng), T)
        model.zero_grad()
        total = torch.zeros((), dtype=torch.float64)
        for part in zip(x.chunk(n), y.chunk(n), strict=True):
            loss = F.cross_entropy(model(part[0]).flatten(0, 1), part[1].flatten()) / n
            loss.backward()
            total += loss.detach()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        norm = math.sqrt(sum((g.double() ** 2).sum().item() for g in gradients))
        if not math.isfinite(total.item() + norm):
            raise FloatingPointError(f"not finite in step {k}: {total.item()}, {norm}")
        if config["clip"] is not None and norm > config["clip"]:
            torch._foreach_mul_(gradients, config["clip"] / norm)
        for group in optimizer.param_groups:
            group["lr"] = rate(k, config) * group.get("lr_scale", 1)
        optimizer.step()
        speed = B * T * 1e9 / max(1, time.monotonic_ns() - began)
        record = {"step": k, "loss": total.item(), "lr": rate(k, config), "grad_norm": norm}
        record |= {"tokens": k * B * T, "tokens_per_second": speed}
        last = k == config["steps"]
        if valid is not None and (last or k % config["eval_every"] == 0):
            starts = list(range(0, len(valid) - T, T))[: B * config["eval_batches"]]
            parts = [rows(valid, starts[i : i + B], T) for i in range(0, len(starts), B)]
            with Apart(model):
                record["valid_loss"] = mean_over(model.eval(), parts)
        if "valid_loss" in record or last or k % config["log_every"] == 0:
            with metrics.open("a") as file:
                print(json.dumps(record), file=file)
                file.flush()
                os.fsync(file.fileno())
        if last or k % config["checkpoint_every"] == 0:
            extra = {"config": fixed, "record": record, "state": torch.get_rng_state()}
            save_by_path.function(model, optimizer, k, path, extra)
        if on_step:
            with Apart(model):
                on_step(dict(record))
    return record
