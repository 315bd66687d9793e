"""Drivers run next to the student's code; see the tests that use them."""

import torch
from torch import nn


def adamw_of_generator(adapters, weights, gradients, groups=False):
    """The weights after steps of an optimizer that was given a generator."""
    ws = [w.clone().requires_grad_() for w in weights]
    given = ({"params": (w for w in [w])} for w in ws) if groups else (w for w in ws)
    optimizer = adapters.adamw()(given, lr=0.1)
    for now in gradients:
        for w, g in zip(ws, now, strict=True):
            w.grad = g.clone()
        optimizer.step()
    return [w.detach() for w in ws]


def tensors_in(value):
    """All tensors in nested containers."""
    if isinstance(value, torch.Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    return (
        [t for part in parts for t in tensors_in(part)]
        if isinstance(value, dict | list | tuple)
        else []
    )


def adamw_memory(adapters, dtype):
    """Dtypes of the tensors in the state that have the shape of their weight."""
    w = torch.ones(3, 2, dtype=dtype, requires_grad=True)
    optimizer = adapters.adamw()([w], lr=0.1)
    for _ in range(2):
        w.grad = torch.ones_like(w)
        optimizer.step()
    return [str(t.dtype) for t in tensors_in(optimizer.state[w]) if t.shape == w.shape]


def adamw_graph(adapters):
    """Whether weight or state hang on a graph after a step on gradients that do."""
    w = torch.ones(3, requires_grad=True)
    optimizer = adapters.adamw()([w], lr=0.1)
    for _ in range(2):
        (w.grad,) = torch.autograd.grad(w.pow(3).sum(), w, create_graph=True)
        optimizer.step()
    return w.grad_fn is not None or any(t.requires_grad for t in tensors_in(optimizer.state[w]))


def adamw_without_gradients(adapters, weights):
    """Weights and the number of states after steps without any gradient."""
    ws = [w.clone().requires_grad_() for w in weights]
    optimizer = adapters.adamw()(ws, lr=0.1, weight_decay=0.5)
    for _ in range(2):
        optimizer.step()
    return [w.detach() for w in ws], len(optimizer.state_dict()["state"])


def adamw_trained(adapters, x, y, steps):
    """Losses of a linear layer that a closure-free loop fits, zero_grad included."""
    layer = nn.Linear(x.shape[1], 1)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.zero_()
    optimizer = adapters.adamw()(layer.parameters(), lr=0.05, weight_decay=0.0)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (layer(x)[:, 0] - y).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def clipped_strided(adapters, gradients, max_norm):
    """Norm and gradients where the latter lie in memory column by column."""
    ps = [nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for p, g in zip(ps, gradients, strict=True):
        p.grad = g.mT.contiguous().mT
    norm = adapters.clip_grad_norm(ps, max_norm)
    return norm.detach(), [p.grad for p in ps]


def clipped_view(adapters, gradients, max_norm):
    """The memory that all gradients lie in, one after the other."""
    memory = torch.cat([g.flatten() for g in gradients])
    parts = memory.split([g.numel() for g in gradients])
    ps = [nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for p, part in zip(ps, parts, strict=True):
        p.grad = part.view(p.shape)
    adapters.clip_grad_norm(ps, max_norm)
    return memory


def clipped_graph(adapters):
    """Whether the norm hangs on a graph where the gradients do."""
    p = nn.Parameter(torch.ones(3))
    (p.grad,) = torch.autograd.grad(p.pow(3).sum(), p, create_graph=True)
    norm = adapters.clip_grad_norm([p], 1.0)
    return norm.requires_grad, p.grad.detach()


def clipped_nothing(adapters, parameters):
    """The norm where there are no gradients, or not even parameters."""
    ps = [nn.Parameter(torch.ones(2)) for _ in range(parameters)]
    norm = adapters.clip_grad_norm(ps, 1.0)
    return norm, isinstance(norm, torch.Tensor), [p.grad for p in ps]


class Table(nn.Embedding):
    """An embedding by another name."""


class Odd(nn.Module):
    """Parameters whose names and modules mislead."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.ones(3, 3))
        self.embedding = nn.Linear(3, 3)
        self.words = Table(5, 3)
        self.norm = nn.LayerNorm((2, 3))
        self.weight_scale = nn.Parameter(torch.ones(3))
        self.row = nn.Parameter(torch.ones(1, 3))


class Shared(nn.Module):
    """A layer that is used twice, and a parameter with two names."""

    def __init__(self):
        super().__init__()
        layer = nn.Linear(3, 3)
        self.first, self.second = layer, layer
        self.alias = layer.bias


class HeadFirst(nn.Module):
    """A tied model whose head comes before its embedding."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 5, bias=False)
        self.tokens = nn.Embedding(5, 3)
        self.tokens.weight = self.head.weight


HIDDEN_MODELS = {"odd": Odd, "shared": Shared, "head first": HeadFirst, "none": nn.ReLU}


def grouped_odd(adapters, name, weight_decay):
    """The names in both groups, and their weight_decay."""
    model = HIDDEN_MODELS[name]()
    names = {id(p): name for name, p in model.named_parameters()}
    return [
        [group.get("weight_decay"), [names.get(id(p), "unknown") for p in group["params"]]]
        for group in adapters.decay_groups(model, weight_decay)
    ]


class Head(nn.Module):
    """Modules whose names nearly are c_proj; every parameter starts at 3."""

    def __init__(self, C):
        super().__init__()
        self.c_proj = nn.Embedding(2 * C, C)
        self.out = nn.ModuleDict(
            {"c_proj": nn.Linear(2 * C, 2 * C), "c_projection": nn.Linear(C, C)}
        )
        self.plain = nn.LayerNorm(C, elementwise_affine=False)
        self.batch = nn.BatchNorm1d(C)
        for p in self.parameters():
            nn.init.constant_(p, 3.0)


def gpt2_odd(adapters, C, num_layers):
    """The state of such a model after gpt2_init."""
    model = Head(C)
    adapters.gpt2_init(model, num_layers, 7)
    return {name: p.detach() for name, p in model.named_parameters()}


def gpt2_single(adapters, C):
    """A model that is one layer; and a layer that occurs twice."""
    single = nn.Linear(C, C)
    adapters.gpt2_init(single, 2, 3)
    return {"weight": single.weight.detach(), "bias": single.bias.detach()}


def gpt2_seeds(adapters, C, seeds):
    """The first weight for several seeds."""
    found = []
    for seed in seeds:
        model = nn.Sequential(nn.Linear(C, C), nn.Embedding(C, C))
        adapters.gpt2_init(model, 2, seed)
        found.append(model[0].weight.detach())
    return found
