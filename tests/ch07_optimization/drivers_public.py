"""Drivers run next to the student's code; see the tests that use them."""

import copy
import io
import json
import math
import os
import pathlib
import pickle
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager, suppress

import numpy as np
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


def adamw_steps(
    adapters, weights, gradients, groups=None, changes=None, frozen=(), zeroed=(), **options
):
    """The weights after each step.

    `groups` have the numbers of their weights as params. `changes` are made to the options of a
    group before a step: {step: [(group, option, value)]}. `frozen` are numbers of weights. Before
    the steps in `zeroed` all weights are set to 0, as a caller may.
    """
    ws = leaves(weights)
    for number in frozen:
        ws[number].requires_grad_(False)
    optimizer = adapters.adamw()(grouped_leaves(ws, groups), **options)
    history = []
    for step, now in enumerate(gradients):
        for number, option, value in (changes or {}).get(step, ()):
            optimizer.param_groups[number][option] = value
        for w in ws if step in zeroed else ():
            w.detach().zero_()
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
    give(ws, gradients[0])
    before, after = [w.grad for w in ws], []
    for now in gradients:
        optimizer.zero_grad(set_to_none=False)  # the next gradients come into the same tensors
        for w, g in zip(ws, now, strict=True):
            w.grad = g.clone() if w.grad is None else w.grad.copy_(g)
        optimizer.step()
        after.append([None if w.grad is None else w.grad.clone() for w in ws])
    seen = [p for group in optimizer.param_groups for p in group["params"]]
    return {
        "memory": memory,
        "gradients": after,
        "gradients kept": all(w.grad is g for w, g in zip(ws, before, strict=True)),
        "same parameters": all(a is b for a, b in zip(ws, seen, strict=True)),
        "leaves": all(w.is_leaf and w.requires_grad for w in ws),
    }


def adamw_made(adapters, groups=1, **options):
    """The options in the groups of a new optimizer."""
    ws = [{"params": [torch.ones(2, requires_grad=True)]} for _ in range(groups)]
    optimizer = adapters.adamw()(ws, **options)
    names = ("lr", "betas", "eps", "weight_decay")
    return [[group[name] for name in names] for group in optimizer.param_groups]


def adamw_closure(adapters, weights, steps, outside=True):
    """Steps on the loss sum(w²), computed by a closure; what step and closure have seen.

    `outside`: whether gradients are enabled where step is called.
    """
    ws = leaves(weights)
    optimizer = adapters.adamw()([{"params": [w]} for w in ws], lr=0.1)
    enabled, losses, results, history = [], [], [], []

    def closure():
        optimizer.zero_grad()
        loss = sum(w.square().sum() for w in ws)
        enabled.append(loss.requires_grad)
        if loss.requires_grad:
            loss.backward()
        losses.append(loss)
        return loss

    for _ in range(steps):
        with torch.set_grad_enabled(outside):
            loss = optimizer.step(closure)
        results.append(loss.detach().clone() if isinstance(loss, torch.Tensor) else loss)
        history.append(values(ws))
    return {
        "enabled": enabled,
        "results": results,
        "the closure's own": bool(losses) and loss is losses[-1],
        "history": history,
        "plain": optimizer.step() is None,
    }


def adamw_kind(adapters):
    """What makes the class an optimizer to the rest of torch."""
    made = adapters.adamw()
    ws = leaves([torch.ones(2), torch.ones(3)])
    optimizer = made([{"params": [w]} for w in ws])
    give(ws, [torch.ones(2), torch.ones(3)])
    optimizer.step()
    optimizer.zero_grad()
    return {
        "a class": isinstance(made, type),
        "an Optimizer": isinstance(optimizer, torch.optim.Optimizer),
        "cleared": all(w.grad is None or not w.grad.any().item() for w in ws),
        "state": sorted(optimizer.state_dict()),
    }


def clipped(adapters, gradients, max_norm, how="list"):
    """The norm that is returned, its kind, and the gradients afterwards."""
    ps = [nn.Parameter(torch.zeros(3) if g is None else torch.zeros_like(g)) for g in gradients]
    give(ps, gradients)
    if how == "frozen":
        ps[0].requires_grad_(False)
    before = [p.grad for p in ps]
    given = {"list": ps, "generator": (p for p in ps), "tuple": tuple(ps), "twice": ps + ps[:1]}
    norm = adapters.clip_grad_norm(given.get(how, ps), max_norm)
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
    forms = [[sorted(group), isinstance(group["params"], list)] for group in groups]
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
            "form": form,
        }
        for group, form in zip(groups, forms, strict=True)
    ]
    return found, refused


def seeded(adapters, name, shape, seed, *rest):
    """Weights of one seed, drawn twice with other numbers drawn between, and of the next."""

    def initialise(*arguments):
        return torch.as_tensor(getattr(adapters, name)(*arguments))

    given = initialise(shape, seed, *rest)
    first = given.clone()
    given.detach().zero_()  # weights are there to be changed
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
    places = [p.data_ptr() for p in parameters]
    others = [model.conv.weight, model.conv.bias, model.memory]
    before = [p.detach().clone() for p in others]
    torch.rand(3)
    generator = torch.get_rng_state()
    adapters.gpt2_init(model, num_layers, seed)
    return {
        "same parameters": all(
            a is b for a, b in zip(parameters, model.parameters(), strict=False)
        ),
        "same memory": [p.data_ptr() for p in model.parameters()] == places,
        "tied": model.head.weight is model.wte.weight,
        "frozen": [n for n, p in model.named_parameters() if not p.requires_grad],
        "leaves": all(p.is_leaf for p in model.parameters()),
        "others alone": [torch.equal(p, b) for p, b in zip(others, before, strict=True)],
        "global alone": torch.equal(generator, torch.get_rng_state()),
        "dtypes": sorted({str(p.dtype) for p in model.parameters()}),
        "state": {name: p.detach() for name, p in model.state_dict().items()},
    }


# --- accumulate_gradients -----------------------------------------------------------------------


class Saved:
    """A tensor that a graph keeps for its backward pass."""

    alive = 0

    def __init__(self, tensor):
        self.tensor = tensor
        Saved.alive += 1

    def __del__(self):
        Saved.alive -= 1


class Watched(nn.Module):
    """A model that notes how it is called, and what the graphs of earlier calls still hold."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.calls = []

    def forward(self, ids):
        """Ids B T to logits B T V."""
        self.calls.append((tuple(ids.shape), self.training, Saved.alive))
        return self.inner(ids)


def laid_otherwise(x):
    """The same numbers, the other way round in memory."""
    return x.T.contiguous().T


def accumulated(adapters, toy, state, microbatches, before=0.0, form="list", training=True):
    """What accumulate_gradients returns, leaves in .grad, and does with the model on the way."""
    model = Watched(toy_model(toy, state)).train(training)
    if before:
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, before)
    if form == "strided":
        microbatches = [(laid_otherwise(x), laid_otherwise(y)) for x, y in microbatches]
    held = Saved.alive
    with torch.autograd.graph.saved_tensors_hooks(Saved, lambda saved: saved.tensor):
        microbatches = (pair for pair in microbatches) if form == "generator" else microbatches
        loss = adapters.accumulate_gradients(model, microbatches)
    return {
        "loss": float(loss),
        "graph": isinstance(loss, torch.Tensor) and loss.requires_grad,
        "gradients": {n: p.grad for n, p in model.inner.named_parameters()},
        "shapes": [shape for shape, _, _ in model.calls],
        "modes": [mode for _, mode, _ in model.calls] + [model.training],
        "held": [alive - held for _, _, alive in model.calls],
    }


def accumulated_from_table(adapters, table, microbatches):
    """The loss, and the gradient in the table whose row i holds the logits after id i."""
    model = nn.Embedding.from_pretrained(table, freeze=False)
    return adapters.accumulate_gradients(model, microbatches), model.weight.grad


# --- get_batch ----------------------------------------------------------------------------------


@contextmanager
def dataset_as(kind, ids):
    """The ids as an array, a tensor, a memmap, or every other number of one."""
    if kind == "tensor":
        yield torch.from_numpy(ids.copy())
    elif kind == "every other":
        yield np.repeat(ids, 2)[::2]
    elif kind == "every other of a tensor":
        yield torch.from_numpy(np.repeat(ids, 2))[::2]
    elif kind == "backwards":
        yield ids[::-1].copy()[::-1]
    elif kind == "memmap":
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "ids.bin")
            ids.tofile(path)
            yield np.memmap(path, dtype=ids.dtype, mode="r")
    elif kind == "part of a file":
        with dataset_as("memmap", np.concatenate([ids[:3], ids, ids[:2]])) as whole:
            yield whole[3 : 3 + len(ids)]
    else:
        yield ids.copy()


def batch_calls(adapters, ids, B, T, seed, calls=1, kind="array"):
    """x and y of several calls with one generator, stacked; their dtypes, and shared memory."""
    rng = torch.Generator().manual_seed(seed)
    with dataset_as(kind, ids) as dataset:
        pairs = [adapters.get_batch(dataset, B, T, "cpu", rng) for _ in range(calls)]
        if kind not in ("memmap", "part of a file"):  # which cannot be written to
            x, y = pairs[-1]
            pairs[-1] = x.clone(), y.clone()
            x.zero_(), y.zero_()
        whole = bool((np.asarray(dataset) == ids).all())
    x, y = (torch.stack(part) for part in zip(*pairs, strict=True))
    return {"x": x, "y": y, "dtypes": [str(x.dtype), str(y.dtype)], "data intact": whole}


def batch_global_rng(adapters, ids, B, T, seed, global_seed):
    """A batch, and whether any of the global generators has moved."""
    torch.manual_seed(global_seed)
    np.random.seed(global_seed)
    random.seed(global_seed)
    before = [torch.get_rng_state(), np.random.get_state()[1:3], random.getstate()]
    x, _ = adapters.get_batch(ids, B, T, "cpu", torch.Generator().manual_seed(seed))
    after = [torch.get_rng_state(), np.random.get_state()[1:3], random.getstate()]
    moved = [
        not torch.equal(before[0], after[0]),
        str(before[1]) != str(after[1]),
        before[2] != after[2],
    ]
    return {"x": x, "moved": moved}


def batch_devices(adapters, ids, B, T, device):
    """Where x and y are; the device is given by its name and as a torch.device."""
    rng = torch.Generator().manual_seed(0)
    pairs = [adapters.get_batch(ids, B, T, d, rng) for d in (device, torch.device(device))]
    return [str(part.device.type) for pair in pairs for part in pair]


def batch_growth(adapters, megabytes, dtype, B, T):
    """By how many MiB, in steps of 16, a fresh process grows while it draws from such a file."""

    def draw(dataset):
        adapters.get_batch(dataset, B, T, "cpu", torch.Generator().manual_seed(0))

    with large_file(megabytes) as path:
        dataset = np.memmap(path, dtype=dtype, mode="r")
        return growth(lambda: draw(dataset[: T + 1]), lambda: [draw(dataset) for _ in range(3)])


def batch_growth_of_tensor(adapters, megabytes, B, T):
    """The same for a tensor of int16 that is mapped from a file."""
    with large_file(megabytes) as path:
        data = torch.from_file(path, size=megabytes << 19, dtype=torch.int16)
        rng = torch.Generator().manual_seed(0)
        return growth(
            lambda: adapters.get_batch(data[: T + 1], B, T, "cpu", rng),
            lambda: adapters.get_batch(data, B, T, "cpu", rng),
        )


@contextmanager
def large_file(megabytes):
    """A file of zeros that takes no room on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ids.bin")
        with open(path, "wb") as file:
            file.truncate(megabytes << 20)
        yield path


def growth(once, work):
    """By how many MiB, in steps of 16, the peak of a fork's memory rises in work(), after once()."""
    once()  # if it fails at all, then here
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            once()
            before = peak_memory()
            work()
            os.write(write, str(peak_memory() - before).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return int(answer) >> 24 << 4


def peak_memory():
    """The most bytes that were resident since the fork."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# --- checkpoint ---------------------------------------------------------------------------------


def scratch():
    """A folder for a while; in memory where that can be, since every os.fsync waits for a disk."""
    memory = "/dev/shm"
    return tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)


def checkpoint_pair(toy, seed, kind="adamw"):
    """A toy and an optimizer with two groups."""
    model = toy_model(toy, seed=seed)
    first, *rest = model.parameters()
    groups = [{"params": [first], "lr": 0.05}, {"params": rest}]
    if kind == "sgd":
        return model, torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    return model, torch.optim.AdamW(groups, lr=0.01)


def updated(model, optimizer, steps):
    """Take steps with gradients that depend on their number alone."""
    for step in steps:
        rng = torch.Generator().manual_seed(step)
        for parameter in model.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=rng).to(parameter.dtype)
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] * 0.9
        optimizer.step()


def weights_of(model):
    """A copy of a model's state."""
    return {name: weight.clone() for name, weight in model.state_dict().items()}


def place_in(folder, kind):
    """Where to save to, and how to come back to it."""
    path = os.path.join(folder, "checkpoint.pt")
    if kind == "buffer":
        buffer = io.BytesIO()
        return buffer, lambda: buffer.seek(0) or buffer
    if kind == "file":
        return open(path, "wb"), lambda: open(path, "rb")
    return (pathlib.Path(path), lambda: pathlib.Path(path)) if kind == "Path" else (path, str)


def checkpoint_resumed(adapters, toy, seed, steps, more, place="path", kind="adamw", extra=None):
    """Train, save, go on; load elsewhere, go on from there: both, and what the file holds."""
    model, optimizer = checkpoint_pair(toy, seed, kind)
    updated(model, optimizer, range(steps))
    with scratch() as folder:
        out, again = place_in(folder, place)
        saved = weights_of(model)
        adapters.save_checkpoint(model, optimizer, steps, out, extra)
        closed = [out.closed] if place in ("buffer", "file") else []
        if place == "file" and not out.closed:
            out.close()
        src = os.path.join(folder, "checkpoint.pt") if place == "path" else again()
        other, its_optimizer = checkpoint_pair(toy, seed + 1, kind)
        own = list(other.parameters())
        step = adapters.load_checkpoint(src, other, its_optimizer)
        closed += [src.closed] if place in ("buffer", "file") else []
        files = sorted(os.listdir(folder))
        src = again() if place in ("buffer", "file") else os.path.join(folder, "checkpoint.pt")
        held = torch.load(src, weights_only=True)
    loaded = weights_of(other)
    same = all(a is b for a, b in zip(own, other.parameters(), strict=True))
    for pair in ((model, optimizer), (other, its_optimizer)):
        updated(*pair, range(steps, steps + more))
    return {
        "step": step,
        "step type": type(step).__name__,
        "saved": saved,
        "loaded": loaded,
        "went on": weights_of(model),
        "resumed": weights_of(other),
        "same objects": same,
        "closed": closed,
        "files": files,
        "held": {k: held.get(k) for k in ("model", "step", "extra")} | {"names": sorted(held)},
    }


@contextmanager
def replaced_in_os(**wrappers):
    """Wrap functions of os, wherever they were imported to."""
    undo = []
    for name, wrap in wrappers.items():
        original = getattr(os, name)
        new = wrap(name, original)
        for module in list(sys.modules.values()):
            if getattr(module, "__dict__", {}).get(name) is original:
                undo.append((module, name, original))
                setattr(module, name, new)
    try:
        yield
    finally:
        for module, name, original in undo:
            setattr(module, name, original)


def die():
    """What `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def limit_files(size, action):
    """From here on, whoever writes past `size` bytes of a file meets SIGXFSZ, or an error."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    signal.signal(signal.SIGXFSZ, action)


def in_fork(work):
    """How a fork ends that does `work`: "returned", "raised" or "killed"."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        finally:  # an error too
            os._exit(3)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return "killed"
    return "returned" if os.WEXITSTATUS(status) == 0 else "raised"


def checkpoint_interrupted(adapters, how, seed):
    """Save once; then save again with something in the way. What is left, and what it holds."""
    model, optimizer = checkpoint_pair("language", seed)
    updated(model, optimizer, range(1))
    with scratch() as folder:
        path = os.path.join(folder, "checkpoint.pt")
        adapters.save_checkpoint(model, optimizer, 1, path)
        old = weights_of(model)
        updated(model, optimizer, range(1, 2))

        def save():
            if how == "killed in writing":
                limit_files(1000, signal.SIG_DFL)
            elif how == "disk full":
                limit_files(1000, signal.SIG_IGN)
            adapters.save_checkpoint(model, optimizer, 2, path)

        def save_and_die():
            fatal = {name: lambda *_: lambda *a, **k: die() for name in ("replace", "rename")}
            with replaced_in_os(**fatal):
                save()

        ended = in_fork(save_and_die if how == "killed before replacing" else save)
        files = sorted(os.listdir(folder))
        other, its_optimizer = checkpoint_pair("language", seed + 1)
        steps = [loaded_or_not(adapters, path, other, its_optimizer)]
        loaded = weights_of(other)
        if how == "killed before replacing":  # whatever lies about must not be in the way
            with suppress(OSError):
                adapters.save_checkpoint(model, optimizer, 2, path)
            steps.append(loaded_or_not(adapters, path, other, its_optimizer))
    return {"ended": ended, "files": files, "steps": steps, "old": old, "loaded": loaded}


def loaded_or_not(adapters, path, model, optimizer):
    """The step of a checkpoint, or the name of what is raised."""
    try:
        return adapters.load_checkpoint(path, model, optimizer)
    except (ValueError, OSError) as error:
        return type(error).__name__


def flat(state):
    """An optimizer's state as plain data; what is no tensor, as text."""
    groups = [{key: repr(value) for key, value in group.items()} for group in state["param_groups"]]
    return {"state": dict(state["state"]), "groups": groups}


def described(error, names):
    """An error: its kinds, and its text if that lacks one of the names it should have."""
    kinds = [kind.__name__ for kind in type(error).__mro__]
    missing = [name for name in names if name not in str(error)]
    return {"kinds": kinds, "missing": missing, "text": str(error) if missing else ""}


def checkpoint_refused(adapters, damage, seed, names=()):
    """What load_checkpoint raises for a checkpoint that is damaged, and what it has changed."""
    model, optimizer = checkpoint_pair("language", seed)
    updated(model, optimizer, range(2))
    other, its_optimizer = checkpoint_pair("language", seed + 1)
    updated(other, its_optimizer, range(5, 8))
    before, state = weights_of(other), copy.deepcopy(its_optimizer.state_dict())
    with scratch() as folder:
        path = pathlib.Path(folder, "checkpoint.pt")
        adapters.save_checkpoint(model, optimizer, 2, path)
        DAMAGES[damage](path)
        error = None
        try:
            adapters.load_checkpoint(path, other, its_optimizer)
        except NotImplementedError:
            raise  # a stub
        except Exception as raised:
            error = described(raised, names)
        marks = [name for name in os.listdir(folder) if name.startswith("mark")]
    after = weights_of(other)
    return {
        "error": error,
        "model changed": [n for n in before if not torch.equal(before[n], after[n])],
        "optimizer": [flat(state), flat(its_optimizer.state_dict())],
        "code has run": bool(marks),
    }


class Bomb:
    """What a pickle runs when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def edited(**changes):
    """A damage: parts of a checkpoint, or what is in them, replaced, or removed where it is None."""

    def damage(path):
        parts = torch.load(path, weights_only=True)
        for name, change in changes.items():
            if name == "model" and isinstance(change, dict):
                change = parts["model"] | change
                change = {key: weight for key, weight in change.items() if weight is not None}
            parts[name] = change
            if change is None:
                del parts[name]
        torch.save(parts, path)

    return damage


def reshaped(change):
    """A damage: what `change` makes of a model's weights."""

    def damage(path):
        parts = torch.load(path, weights_only=True)
        parts["model"] = change(parts["model"])
        torch.save(parts, path)

    return damage


def regrouped(path):
    """A damage: the optimizer's groups become one."""
    parts = torch.load(path, weights_only=True)
    first, second = parts["optimizer"]["param_groups"]
    first["params"] += second["params"]
    parts["optimizer"]["param_groups"] = [first]
    torch.save(parts, path)


def moved_between_groups(path):
    """A damage: as many groups and parameters, but one of them belongs to the other group."""
    parts = torch.load(path, weights_only=True)
    first, second = parts["optimizer"]["param_groups"]
    first["params"].append(second["params"].pop(0))
    torch.save(parts, path)


def with_code(path):
    """A damage: code that runs when the file is loaded, in a file that is otherwise whole."""
    parts = torch.load(path, weights_only=True)
    torch.save(parts | {"extra": Bomb(str(path.with_name("mark")))}, path)


DAMAGES = {
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut by a byte": lambda path: os.truncate(path, path.stat().st_size - 1),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no checkpoint at all\n" * 99),
    "a pickle": lambda path: path.write_bytes(pickle.dumps(Bomb(str(path.with_name("mark"))), 2)),
    "with code": with_code,
    "a list": lambda path: torch.save([1, 2, 3], path),
    "a bare state": lambda path: torch.save(toy_model("language").state_dict(), path),
    "no optimizer": edited(optimizer=None),
    "no model": edited(model=None),
    "a list of weights": edited(model=[1, 2, 3]),
    "a weight that is none": edited(model={"head.bias": 3.5}),
    "wrong shape": edited(model={"head.weight": torch.zeros(5, 16)}),
    "broadcastable shape": edited(model={"head.bias": torch.zeros(1)}),
    "no step": edited(step=None),
    "text for a step": edited(step="seven"),
    "a list for an optimizer": edited(optimizer=[1, 2]),
    "transposed": reshaped(lambda held: held | {"head.weight": held["head.weight"].T.clone()}),
    "one more axis": reshaped(lambda held: held | {"head.bias": held["head.bias"][None].clone()}),
    "all renamed": reshaped(lambda held: {f"old.{name}": held[name] for name in held}),
    "missing weight": edited(model={"rnn.bias_hh_l0": None}),
    "unexpected weight": edited(model={"rnn.bias_hh_l7": torch.zeros(3)}),
    "two wrong": edited(model={"head.bias": None, "embedding.weight": torch.zeros(3, 16)}),
    "foreign model": edited(model={"head.bias": torch.zeros(3)}),
    "one group": regrouped,
    "other groups": moved_between_groups,
    "empty optimizer": edited(optimizer={"param_groups": []}),
}


# --- train_loop ---------------------------------------------------------------------------------


class Chars(nn.Module):
    """Embedding, dropout, head; it notes every batch.

    At its n-th one in training the logits may be NaN, or the gradients of finite ones inf.
    """

    def __init__(self, state, dropout=0.0, nan_at=0, inf_at=0):
        super().__init__()
        V, C = state["embedding.weight"].shape
        self.embedding, self.dropout = nn.Embedding(V, C), nn.Dropout(dropout)
        self.head = nn.Linear(C, V)
        self.load_state_dict(state)
        self.nan_at, self.inf_at = nan_at, inf_at
        self.calls, self.trained = [], 0

    def forward(self, ids):
        """Ids B T to logits B T V."""
        self.calls.append((ids.clone(), self.training, torch.is_grad_enabled()))
        self.trained += self.training
        logits = self.head(self.dropout(self.embedding(ids)))
        if self.training and self.trained == self.inf_at:
            logits.register_hook(lambda gradient: gradient * float("inf"))
        return logits * float("nan") if self.training and self.trained == self.nan_at else logits


def watching(base):
    """An optimizer that notes, at every update, its learning rates and the gradients' norm."""

    class Watching(base):
        def step(self, closure=None):
            gradients = [p.grad for g in self.param_groups for p in g["params"]]
            norm = torch.cat([g.flatten() for g in gradients if g is not None]).norm()
            self.updates.append([norm.item(), *(group["lr"] for group in self.param_groups)])
            return super().step(closure)

    Watching.updates = []
    return Watching


TIMED = "tokens_per_second"


def untimed(record):
    """A record that is the same in every run: a speed above 0 becomes 1."""
    speed = record.get(TIMED) if record else None
    if not (isinstance(speed, int | float) and 0 < speed < math.inf):
        return record
    return dict(record) | {TIMED: 1.0}


def untimed_lines(path):
    """The text of metrics.jsonl, every speed above 0 in it 1."""
    number = r"(\"tokens_per_second\":\s*)(?!0\.0\b)\d+\.?\d*(?:[eE][-+]?\d+)?"
    return re.sub(number, r"\g<1>1.0", pathlib.Path(path).read_text())


class Run:
    """A model, an optimizer, and what train_loop has made of them so far.

    `options` may hold dropout, nan_at, inf_at, kind (of optimizer), scales (of the groups' learning
    rates), form (of the dataset), stale (gradients from before) and mode (of the model, before).
    """

    def __init__(self, state, options):
        faults = options.get("nan_at", 0), options.get("inf_at", 0)
        self.model = Chars(state, options.get("dropout", 0.0), *faults)
        groups = [{"params": [p]} for p in self.model.parameters()]
        for group, scale in zip(groups, options.get("scales", ()), strict=False):
            group["lr_scale"] = scale
        if options.get("kind", "sgd") == "sgd":
            self.optimizer = watching(torch.optim.SGD)(groups, lr=99.0, momentum=0.5)
        else:
            self.optimizer = watching(torch.optim.AdamW)(groups, lr=99.0)
        for parameter in self.model.parameters() if options.get("stale") else ():
            parameter.grad = torch.ones_like(parameter)
        self.model.train(options.get("mode", True))
        self.form, self.seen, self.config_intact = options.get("form", "array"), [], True

    def go(self, adapters, dataset, config, folder, valid=None, then=None):
        """Train; `then` is called after each step. What the folder holds is noted at each."""

        def on_step(record):
            self.seen.append(untimed(record))
            if then is not None:
                then(record)

        given = dict(config)
        with dataset_as(self.form, dataset) as data:
            record = adapters.train_loop(
                self.model, self.optimizer, data, given, folder, valid=valid, on_step=on_step
            )
        self.config_intact = given == config
        return record

    def report(self, folder, record=None):
        """All that can be seen from outside, but for what the clock decides."""
        metrics, checkpoint = (os.path.join(folder, n) for n in ("metrics.jsonl", "checkpoint.pt"))
        held = None
        if os.path.exists(checkpoint):
            held = torch.load(checkpoint, weights_only=True)
            held = {"step": held["step"], "model": held["model"]}
        return {
            "record": untimed(record),
            "seen": self.seen,
            "metrics": untimed_lines(metrics) if os.path.exists(metrics) else None,
            "files": sorted(os.listdir(folder)) if os.path.isdir(folder) else None,
            "checkpoint": held,
            "weights": weights_of(self.model),
            "calls": [{"ids": i, "training": t, "grad": g} for i, t, g in self.model.calls],
            "updates": self.optimizer.updates,
            "config intact": self.config_intact,
            "modes": [module.training for module in self.model.modules()],
        }


class Stop(Exception):
    """Somebody pulls the plug."""


def stopping_at(step):
    """For on_step: raise after this step."""

    def stop(record):
        if record["step"] == step:
            raise Stop

    return stop


def loop_run(adapters, state, dataset, config, valid=None, options=None, times=1):
    """Reports of one run, and of its repetitions in the same folder by fresh models."""
    reports = []
    with scratch() as parent:
        folder = os.path.join(parent, "runs", "first")  # not there yet
        for _ in range(times):
            run = Run(state, options or {})
            record = run.go(adapters, dataset, config, folder, valid)
            reports.append(run.report(folder, record))
    return reports


def loop_stopped(adapters, state, dataset, configs, stops, valid=None, options=None):
    """A run that on_step stops after each of `stops`, then one to the end: the legs' reports."""
    reports = []
    with scratch() as folder:
        for config, stop in zip(configs, [*stops, None], strict=True):
            torch.manual_seed(123)  # nobody knows what has been drawn in between
            run, record = Run(state, options or {}), None
            with suppress(Stop):
                record = run.go(adapters, dataset, config, folder, valid, stopping_at(stop))
            reports.append(run.report(folder, record))
    return reports


def loop_raised(adapters, state, dataset, config, valid=None, options=None, names=()):
    """What a run raises, and what it leaves."""
    with scratch() as parent:
        folder, run, error, record = (
            os.path.join(parent, "run"),
            Run(state, options or {}),
            None,
            None,
        )
        try:
            record = run.go(adapters, dataset, config, folder, valid)
        except NotImplementedError:
            raise  # a stub
        except Exception as raised:
            error = described(raised, names)
        return {"error": error} | run.report(folder, record)


def fatal(name, number, moment):
    """For replaced_in_os: die before or after call number `number` that concerns a checkpoint."""
    calls = []

    def wrap(_, original):
        def dying(*args, **kwargs):
            if not any("checkpoint" in os.path.basename(path) for path in paths_among(args)):
                return original(*args, **kwargs)  # of the folder, or of metrics.jsonl
            calls.append(1)
            if len(calls) == number and moment == "before":
                die()
            result = original(*args, **kwargs)
            if len(calls) == number:
                die()
            return result

        return dying

    return {name: wrap}


def paths_among(args):
    """The files that paths and file descriptors among these arguments stand for."""
    for arg in args:
        yield os.readlink(f"/proc/self/fd/{arg}") if isinstance(arg, int) else os.fspath(arg)


LEFT = {"half a line": '{"step": 1, "lo', "zeros": "\0" * 9 + "\n"}  # by a kill, by a crash


def loop_killed(adapters, state, dataset, config, moment, number, valid=None, options=None):
    """A run that is killed at a moment, and one that goes on from what is left: their reports."""

    def then(record):
        if moment in LEFT and record["step"] == number:
            die()
        if moment == "in writing" and record["step"] == number:
            limit_files(2000, signal.SIG_DFL)

    with scratch() as folder:

        def work():
            name, _, when = moment.partition(" ")
            wrappers = fatal(name, number, when) if when in ("before", "after") else {}
            with replaced_in_os(**wrappers):
                Run(state, options or {}).go(adapters, dataset, config, folder, valid, then)

        ended = in_fork(work)
        if moment in LEFT:
            with open(os.path.join(folder, "metrics.jsonl"), "a") as file:
                file.write(LEFT[moment])
        left = Run(state, options or {}).report(folder)
        run = Run(state, options or {})
        record = run.go(adapters, dataset, config, folder, valid)
        return {"ended": ended, "left": left, "resumed": run.report(folder, record)}


def loop_order(adapters, state, dataset, config, valid):
    """At every call of on_step: its record, the last line of metrics, the checkpoint's step."""
    noted = []
    with scratch() as parent:
        folder, run = pathlib.Path(parent, "run"), Run(state, {})

        def then(record):
            lines = (folder / "metrics.jsonl").read_text().splitlines()
            path = folder / "checkpoint.pt"
            step = torch.load(path, weights_only=True)["step"] if path.exists() else 0
            last = json.loads(lines[-1]) if lines else None
            same = None if last is None else last == record
            noted.append([untimed(record), untimed(last), same, step])

        run.go(adapters, dataset, config, folder, valid, then)
    return noted


def loop_continued(adapters, state, dataset, config, changes, stop):
    """What runs raise that go on from one stopped run, each with something changed in its config."""
    errors = []
    with scratch() as folder:
        with suppress(Stop):
            Run(state, {}).go(adapters, dataset, config, folder, then=stopping_at(stop))
        for number, change in enumerate(changes):
            copy_of = pathlib.Path(folder, str(number))
            shutil.copytree(folder, copy_of, ignore=shutil.ignore_patterns("[0-9]*"))
            before, run = contents(copy_of), Run(state, {})
            error = raised_by(run, list(change), adapters, dataset, config | change, copy_of)
            errors.append([error, before == contents(copy_of)])
    return errors


def contents(folder):
    """The bytes of all files in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def raised_by(run, names, adapters, *args):
    """What a run raises, with the names that the error should have."""
    try:
        run.go(adapters, *args)
    except NotImplementedError:
        raise  # a stub
    except Exception as raised:
        return described(raised, names)


def loop_damaged(adapters, state, dataset, config, damage):
    """What a run raises that finds a damaged checkpoint; how many steps it makes."""
    with scratch() as folder:
        folder = pathlib.Path(folder)
        Run(state, {}).go(adapters, dataset, config, folder)
        DAMAGES[damage](folder / "checkpoint.pt")
        before, run = contents(folder), Run(state, {})
        error = raised_by(run, (), adapters, dataset, config, folder)
        return {"error": error, "steps": len(run.seen), "intact": contents(folder) == before}


def loop_alone(adapters, state, dataset, config):
    """A run to which nobody listens, in a folder that is there; its record and files."""
    with scratch() as folder:
        run = Run(state, {})
        place = pathlib.Path(folder)
        record = adapters.train_loop(run.model, run.optimizer, dataset, config, place)
        return untimed(record), sorted(os.listdir(folder))


def loop_refusals(adapters, state, dataset, configs, names):
    """What runs with such configs raise; None where the model was called before that."""
    errors = []
    for config, named in zip(configs, names, strict=True):
        with scratch() as folder:
            run = Run(state, {})
            error = raised_by(run, named, adapters, dataset, config, folder)
            errors.append(None if run.model.calls else error)
    return errors


class Asking(Chars):
    """It notes torch's seed at every batch."""

    def __init__(self, *args):
        super().__init__(*args)
        self.seeds = []

    def forward(self, ids):
        """As Chars."""
        self.seeds.append(torch.initial_seed())
        return super().forward(ids)


def loop_by_seed(adapters, state, dataset, config):
    """Batches that are trained on, those of get_batch by the seed, and torch's seed meanwhile."""
    torch.manual_seed(987)
    with scratch() as folder:
        model = Asking(state, 0.5)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        adapters.train_loop(model, optimizer, dataset, dict(config), folder)
    rng = torch.Generator().manual_seed(config["seed"])
    B, T = config["batch_size"], config["context_length"]
    want = [adapters.get_batch(dataset, B, T, "cpu", rng)[0] for _ in range(config["steps"])]
    return [ids for ids, *_ in model.calls], want, model.seeds


class Slow(Chars):
    """It takes its time, and notes how long it trained and when it was evaluated first."""

    def __init__(self, *args):
        super().__init__(*args)
        self.spent, self.evaluated = [], []

    def forward(self, ids):
        """As Chars, after a nap."""
        start = time.perf_counter()
        if not self.training and len(self.evaluated) < len(self.spent):
            self.evaluated.append(start)
        time.sleep(0.01 if self.training else 0.03)
        logits = super().forward(ids)
        if self.training:
            self.spent.append(time.perf_counter() - start)
        return logits


def loop_times(adapters, state, dataset, config, valid):
    """Of each step: the seconds by its record, in its forward pass, and before its evaluation."""
    model, seconds, told = Slow(state), [], []

    def on_step(record):
        seconds.append(config["batch_size"] * config["context_length"] / record[TIMED])
        time.sleep(0.02)
        told.append(time.perf_counter())

    with scratch() as folder:
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        told.append(time.perf_counter())
        adapters.train_loop(
            model, optimizer, dataset, dict(config), folder, valid=valid, on_step=on_step
        )
    spans = [end - start for start, end in zip(told, model.evaluated, strict=False)]
    return seconds, model.spent, spans


class Parts(nn.Module):
    """Embedding and head, which may be tied; a weight for some batches only; or buffers."""

    def __init__(self, state, kind):
        super().__init__()
        V, C = state["embedding.weight"].shape
        self.embedding, self.head = nn.Embedding(V, C), nn.Linear(C, V)
        self.load_state_dict(state)
        self.kind = kind
        if kind == "tied":
            self.head.weight = self.embedding.weight
        elif kind == "sometimes":
            self.some = nn.Parameter(torch.ones(C))
        elif kind == "buffers":
            self.norm = nn.BatchNorm1d(C)

    def forward(self, ids):
        """Ids B T to logits B T V."""
        hidden = self.embedding(ids)
        if self.kind == "sometimes" and int(ids[0, 0]) % 2:
            hidden = hidden * self.some
        elif self.kind == "buffers":
            hidden = self.norm(hidden.flatten(0, 1)).view(hidden.shape)
        return self.head(hidden)


def loop_of_parts(adapters, state, dataset, config, kind, stop=None, outside=False):
    """Records, norms of what is updated, weights: of a run, or of one that is stopped and resumed."""
    with scratch() as folder:
        for end in [stop, None] if stop else [None]:
            model, seen = Parts(state, kind), []
            trained, stop_at = model.head if outside else model, stopping_at(end)
            optimizer = watching(torch.optim.AdamW)(trained.parameters(), lr=1.0)

            def on_step(record, seen=seen, stop=stop_at):
                seen.append(dict(record))
                stop(record)

            with suppress(Stop):
                adapters.train_loop(
                    model, optimizer, dataset, dict(config), folder, on_step=on_step
                )
    return seen, [norm for norm, *_ in optimizer.updates], weights_of(model)


class Sure(Chars):
    """Its second batch has a loss of inf, with gradients that are finite."""

    def forward(self, ids):
        """As Chars, or id 0 for certain."""
        logits = super().forward(ids)
        impossible = torch.arange(logits.shape[-1]) != 0
        return logits.masked_fill(impossible, -math.inf) if self.trained == 2 else logits


def loop_inf_loss(adapters, state, dataset, config):
    """What a run raises whose second loss is inf; the number of its updates."""
    with scratch() as folder:
        run = Run(state, {})
        run.model = Sure(state)
        run.optimizer = watching(torch.optim.SGD)(run.model.parameters(), lr=1.0)
        error = raised_by(run, ["2"], adapters, dataset, config, folder)
        return error, len(run.optimizer.updates)


def loop_killed_in_resuming(adapters, state, dataset, config, stop):
    """Stopped after a step; killed where it writes byte 101 of a file; gone on with to the end."""
    with scratch() as folder:
        with suppress(Stop):
            Run(state, {}).go(adapters, dataset, config, folder, then=stopping_at(stop))

        def work():
            limit_files(100, signal.SIG_DFL)
            Run(state, {}).go(adapters, dataset, config, folder)

        ended, run = in_fork(work), Run(state, {})
        record = run.go(adapters, dataset, config, folder)
        return ended, run.report(folder, record)


def loop_growth(adapters, state, config, megabytes):
    """The growth of a run over a dataset and validation data of so many MiB each."""
    small = np.arange(200) % state["head.bias"].numel()

    def go(data, folder):
        run = Run(state, {})
        adapters.train_loop(run.model, run.optimizer, data, dict(config), folder, valid=data)

    with scratch() as folder, large_file(megabytes) as path:
        large = np.memmap(path, dtype="uint16", mode="r")
        return growth(
            lambda: go(small, tempfile.mkdtemp(dir=folder)),
            lambda: go(large, os.path.join(folder, "large")),
        )


def loop_valid_forms(adapters, state, dataset, config, valid):
    """The last valid_loss with each form of the validation data."""
    losses = []
    for form in ("array", "tensor", "memmap", "every other", "backwards"):
        with scratch() as folder, dataset_as(form, valid) as data:
            losses.append(Run(state, {}).go(adapters, dataset, config, folder, data)["valid_loss"])
    return losses


def loop_records(adapters, state, dataset, config):
    """The very records that on_step got, after the run; what in them is no number."""
    kept, run = [], Run(state, {})
    with scratch() as folder:
        adapters.train_loop(
            run.model, run.optimizer, dataset, dict(config), folder, on_step=kept.append
        )
    others = {k for record in kept for k, v in record.items() if not isinstance(v, int | float)}
    return [record["step"] for record in kept], sorted(others)


def draws_in_evaluation(model, _):
    """A hook before a forward pass."""
    if not model.training:
        torch.rand(2)


def loop_with_guest(adapters, state, dataset, config, valid, guest=None, stop=None):
    """A run whose on_step, or whose model in evaluation, draws, or changes the mode."""
    with scratch() as folder:
        for end in [stop, None] if stop else [None]:
            run, stop_at = Run(state, {"dropout": 0.3, "kind": "adamw"}), stopping_at(end)
            if guest == "draws in evaluation":
                run.model.register_forward_pre_hook(draws_in_evaluation)

            def then(record, run=run, stop=stop_at):
                if guest == "draws":
                    torch.rand(2)
                elif guest == "evaluates":
                    run.model.eval()
                stop(record)

            with suppress(Stop):
                run.go(adapters, dataset, config, folder, valid, then)
    return run.report(folder)


def loop_of_numpy(adapters, state, dataset, config, stop):
    """A run, stopped and resumed, whose config has numpy's numbers."""
    kinds = {int: np.int64, float: np.float64}
    config = {key: kinds.get(type(value), lambda v: v)(value) for key, value in config.items()}
    with scratch() as folder:
        with suppress(Stop):
            Run(state, {}).go(adapters, dataset, config, folder, then=stopping_at(stop))
        run = Run(state, {})
        return run.report(folder, run.go(adapters, dataset, config, folder))
