"""Twins of ch07_optimization: other correct implementations, every one of which must pass."""

import math

import numpy as np
import torch
from torch import nn

from kit.bank import twin

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
    if math.isfinite(norm) and norm > max_norm:
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
            if isinstance(module, nn.Embedding) or p.dim() < 2:
                spared.add(p)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    return [
        {
            "params": [p for p in trained.values() if p not in spared],
            "weight_decay": weight_decay,
            "name": "decayed",
        },
        {
            "params": [p for p in trained.values() if p in spared],
            "weight_decay": 0.0,
            "name": "others",
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
        return torch.stack([muon_of_jordan.function(g, steps) for g in G])
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
    return nn.init.xavier_uniform_(torch.empty(tuple(shape)), gain, generator=rng)


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
    weight = torch.empty(tuple(shape))
    return nn.init.kaiming_normal_(weight, mode=mode, nonlinearity="relu", generator=rng)


@twin("init", "the mean of normal numbers, by a receptive field", "kaiming_init")
def kaiming_by_field(shape, seed, mode="fan_in"):
    check_shape(shape)
    axis = {"fan_in": 1, "fan_out": 0}.get(mode)
    if axis is None:
        raise ValueError("mode")
    field = torch.empty(tuple(shape), device="meta")[0, 0].numel()
    rng = torch.Generator().manual_seed(seed)
    return torch.empty(tuple(shape)).normal_(0, (2 / (shape[axis] * field)) ** 0.5, generator=rng)


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
            p.data = torch.ones_like(p) if kind == "weight" else torch.zeros_like(p)
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
