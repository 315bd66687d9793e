"""Drivers run next to the student's code; see the tests that use them."""

import io

import torch
from torch import nn

from kit.given.toys import toy_model


def leaves(weights):
    """Copies that an optimizer can move."""
    return [w.clone().requires_grad_() for w in weights]


def grouped_leaves(leaves, groups):
    """The groups' dicts with tensors in place of their numbers; the tensors if there are none."""
    if groups is None:
        return leaves
    return [group | {"params": [leaves[i] for i in group["params"]]} for group in groups]


def give(leaves, gradients):
    """Lay copies of gradients where a backward pass would."""
    for leaf, gradient in zip(leaves, gradients, strict=True):
        leaf.grad = None if gradient is None else gradient.clone()


def values(leaves):
    """Copies of the values as they are now."""
    return [leaf.detach().clone() for leaf in leaves]


def adamw_steps(adapters, weights, gradients, groups=None, changes=None, **options):
    """The weights after each step.

    `groups` have the numbers of their weights as params. `changes` are made to the options of a
    group before a step: {step: [(group, option, value)]}.
    """
    ws = leaves(weights)
    optimizer = adapters.adamw()(grouped_leaves(ws, groups), **options)
    history = []
    for step, now in enumerate(gradients):
        for number, option, value in (changes or {}).get(step, ()):
            optimizer.param_groups[number][option] = value
        give(ws, now)
        optimizer.step()
        history.append(values(ws))
    return history


def adamw_scheduled(adapters, weights, gradients, warmup, **options):
    """The same while a scheduler of torch warms the learning rate up."""
    ws = leaves(weights)
    optimizer = adapters.adamw()(ws, **options)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: min(1, (t + 1) / warmup))
    history = []
    for now in gradients:
        give(ws, now)
        optimizer.step()
        scheduler.step()
        history.append(values(ws))
    return history


def adamw_resumed(adapters, weights, gradients, at, groups=None, **options):
    """The same, but after `at` steps the state goes through a file into another optimizer."""
    ws = leaves(weights)
    optimizer = adapters.adamw()(grouped_leaves(ws, groups), **options)
    history = []
    for step, now in enumerate(gradients):
        if step == at:
            file = io.BytesIO()
            torch.save(optimizer.state_dict(), file)
            file.seek(0)
            ws = leaves(values(ws))
            plain = groups and [{"params": group["params"]} for group in groups]
            optimizer = adapters.adamw()(grouped_leaves(ws, plain))
            optimizer.load_state_dict(torch.load(file, weights_only=True))
        give(ws, now)
        optimizer.step()
        history.append(values(ws))
    return history


def adamw_added(adapters, weights, gradients, at, **options):
    """The same, but the last weight joins after `at` steps, as a group of its own."""
    ws = leaves(weights)
    optimizer = adapters.adamw()(ws[:-1], **options)
    history = []
    for step, now in enumerate(gradients):
        if step == at:
            optimizer.add_param_group({"params": [ws[-1]], "lr": 0.2, "weight_decay": 0.5})
        give(ws, now)
        optimizer.step()
        history.append(values(ws))
    return history


def adamw_apart(adapters, weights, gradients, rates):
    """The same, but every weight has an optimizer of its own; they take turns."""
    ws = leaves(weights)
    kind = adapters.adamw()
    optimizers = [kind([w], lr=lr) for w, lr in zip(ws, rates, strict=True)]
    history = []
    for step, now in enumerate(gradients):
        give(ws, now)
        for optimizer in optimizers[: 1 + step % 2]:
            optimizer.step()
        history.append(values(ws))
    return history


def adamw_strided(adapters, weights, gradients, **options):
    """The same for matrices that lie in memory column by column, gradients for those by row."""
    ws = [w.mT.contiguous().mT.detach().requires_grad_() for w in weights[::2]]
    ws = [w for pair in zip(ws, leaves(weights[1::2]), strict=True) for w in pair]
    optimizer = adapters.adamw()(ws, **options)
    history = []
    for now in gradients:
        for w, g in zip(ws, now, strict=True):
            w.grad = g.mT.contiguous().mT if w.is_contiguous() else g.clone()
        optimizer.step()
        history.append(values(ws))
    return history


def adamw_around(adapters, weights, gradients, **options):
    """What else is true of weights, gradients and their memory after a few steps."""
    memory = torch.cat([w.flatten() for w in weights])  # all weights lie in one piece of memory
    parts = memory.split([w.numel() for w in weights])
    ws = [nn.Parameter(part.view(w.shape)) for part, w in zip(parts, weights, strict=True)]
    optimizer = adapters.adamw()(ws, **options)
    kept = True
    for now in gradients:
        give(ws, now)
        before = [w.grad for w in ws]
        optimizer.step()
        kept = kept and all(w.grad is g for w, g in zip(ws, before, strict=True))
    seen = [p for group in optimizer.param_groups for p in group["params"]]
    return {
        "memory": memory,
        "gradients": [w.grad for w in ws],
        "gradients kept": kept,
        "same parameters": all(a is b for a, b in zip(ws, seen, strict=True)),
        "leaves": all(w.is_leaf and w.requires_grad for w in ws),
    }


def adamw_made(adapters, groups=1, **options):
    """The options in the groups of a new optimizer."""
    ws = [{"params": [torch.ones(2, requires_grad=True)]} for _ in range(groups)]
    optimizer = adapters.adamw()(ws, **options)
    names = ("lr", "betas", "eps", "weight_decay")
    return [[group[name] for name in names] for group in optimizer.param_groups]


def adamw_closure(adapters, weight, steps, returned="loss"):
    """Steps on the loss sum(w²), computed by a closure; what step and closure have seen."""
    weight = weight.clone().requires_grad_()
    optimizer = adapters.adamw()([weight], lr=0.1)
    enabled, results, history = [], [], []

    def closure():
        optimizer.zero_grad()
        loss = weight.square().sum()
        enabled.append(loss.requires_grad)
        if loss.requires_grad:
            loss.backward()
        return loss

    for _ in range(steps):
        loss = optimizer.step(closure)
        results.append(loss.detach().clone() if isinstance(loss, torch.Tensor) else loss)
        history.append(values([weight]))
    return {
        "enabled": enabled,
        "results": results,
        "history": history,
        "plain": optimizer.step() is None,
    }


def adamw_kind(adapters):
    """What makes the class an optimizer to the rest of torch."""
    made = adapters.adamw()
    weight = torch.ones(2, requires_grad=True)
    optimizer = made([weight])
    weight.grad = torch.ones(2)
    optimizer.step()
    optimizer.zero_grad()
    return {
        "a class": isinstance(made, type),
        "an Optimizer": isinstance(optimizer, torch.optim.Optimizer),
        "cleared": weight.grad is None or not weight.grad.any().item(),
        "state": sorted(optimizer.state_dict()),
    }


def clipped(adapters, gradients, max_norm, how="list"):
    """The norm that is returned, its kind, and the gradients afterwards."""
    ps = [nn.Parameter(torch.zeros(3) if g is None else torch.zeros_like(g)) for g in gradients]
    give(ps, gradients)
    before = [p.grad for p in ps]
    given = {"list": ps, "generator": (p for p in ps), "tuple": tuple(ps), "twice": ps + ps[:1]}
    norm = adapters.clip_grad_norm(given[how], max_norm)
    tensor = isinstance(norm, torch.Tensor)
    return {
        "norm": norm.detach() if tensor else norm,
        "tensor": tensor and norm.ndim == 0 and not norm.requires_grad,
        "dtype": norm.dtype if tensor else None,
        "gradients": [p.grad for p in ps],
        "in place": all(p.grad is g for p, g in zip(ps, before, strict=True)),
    }


class Small(nn.Module):
    """One parameter of each kind; `scale` and `table` belong to the model itself."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.ones(5, 4))
        self.scale = nn.Parameter(torch.ones(()))
        self.tokens = nn.Embedding(7, 4)
        self.norm = nn.LayerNorm(4)
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4, bias=False)])
        self.conv = nn.Conv1d(4, 2, 3)
        self.register_buffer("mask", torch.ones(4, 4))


MODELS = {"small": Small}


def grouped(adapters, name, weight_decay, frozen=(), tie=None):
    """The names and options in the groups of a model, and why torch's optimizers refuse them.

    `tie`: the first of two modules gets the weight of the second.
    """
    model = MODELS[name]() if name in MODELS else toy_model(name)
    if tie:
        model.get_submodule(tie[0]).weight = model.get_submodule(tie[1]).weight
    for part in frozen:
        model.get_parameter(part).requires_grad_(False)
    names = {id(p): name for name, p in model.named_parameters()}
    groups = [dict(group) for group in adapters.decay_groups(model, weight_decay)]
    groups = [group | {"params": list(group["params"])} for group in groups]
    try:
        torch.optim.SGD([dict(group) for group in groups], lr=0.1)
        refused = ""
    except (TypeError, ValueError) as error:
        refused = str(error)
    found = [
        {
            "names": [names.get(id(p), "no parameter of the model") for p in group["params"]],
            "weight_decay": group.get("weight_decay"),
        }
        for group in groups
    ]
    return found, refused


def seeded(adapters, name, shape, seed, *rest):
    """Weights of one seed, drawn twice with other numbers drawn between, and of the next."""

    def initialise(*arguments):
        return torch.as_tensor(getattr(adapters, name)(*arguments))

    first = initialise(shape, seed, *rest)
    torch.rand(5)
    before = torch.get_rng_state()
    again = initialise(shape, seed, *rest)
    alone = torch.equal(before, torch.get_rng_state())
    other = initialise(shape, seed + 1, *rest)
    found = {"first": first, "again": again, "other": other, "global alone": alone}
    return found | {"dtype": str(first.dtype)}


class Block(nn.Module):
    """The layers of a GPT-2, by name alone; nothing flows through it."""

    def __init__(self, C):
        super().__init__()
        self.ln = nn.LayerNorm(C)
        self.attn = nn.ModuleDict({"c_attn": nn.Linear(C, 3 * C), "c_proj": nn.Linear(C, C)})
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(C, 2 * C), "c_proj": nn.Linear(2 * C, C)})


class Gpt(nn.Module):
    """Two blocks, embeddings, a tied head, and what no rule speaks of."""

    def __init__(self, C):
        super().__init__()
        self.wte = nn.Embedding(2 * C, C)
        self.wpe = nn.Embedding(C, C)
        self.h = nn.ModuleList([Block(C), Block(C)])
        self.ln_f = nn.LayerNorm(C, bias=False)
        self.head = nn.Linear(C, 2 * C, bias=False)
        self.head.weight = self.wte.weight
        self.conv = nn.Conv1d(3, 3, 2)
        self.memory = nn.Parameter(torch.full((3, C), 5.0))
        for number, p in enumerate(self.parameters()):
            nn.init.constant_(p, 3.0 + number)


def gpt2_initialised(adapters, C, num_layers, seed, dtype=torch.float32, frozen=()):
    """A model's state after gpt2_init, and what else is true of it."""
    model = Gpt(C).to(dtype)
    for name in frozen:
        model.get_parameter(name).requires_grad_(False)
    parameters = list(model.parameters())
    others = [model.conv.weight, model.conv.bias, model.memory]
    before = [p.detach().clone() for p in others]
    torch.rand(3)
    generator = torch.get_rng_state()
    adapters.gpt2_init(model, num_layers, seed)
    return {
        "same parameters": all(
            a is b for a, b in zip(parameters, model.parameters(), strict=False)
        ),
        "tied": model.head.weight is model.wte.weight,
        "frozen": [n for n, p in model.named_parameters() if not p.requires_grad],
        "leaves": all(p.is_leaf for p in model.parameters()),
        "others alone": [torch.equal(p, b) for p, b in zip(others, before, strict=True)],
        "global alone": torch.equal(generator, torch.get_rng_state()),
        "dtypes": sorted({str(p.dtype) for p in model.parameters()}),
        "state": {name: p.detach() for name, p in model.state_dict().items()},
    }
