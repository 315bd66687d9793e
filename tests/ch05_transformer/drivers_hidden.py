"""Drivers run next to the student's code; see the tests that use them."""

import torch
from torch import nn

from kit.given.stories import corpus
from kit.given.toys import toy_model


def of_strided(adapters, name, axes, *arguments):
    """An adapter's output for tensors two of whose axes lie the other way round in memory."""
    strided = [
        x.transpose(*axes).contiguous().transpose(*axes)
        if isinstance(x, torch.Tensor) and x.ndim > 2
        else x
        for x in arguments
    ]
    return getattr(adapters, name)(*strided)


def tied_to_other_shape(adapters):
    """Tie a head that scores another number of ids than the embedding has."""
    model = toy_model("language")
    model.head = nn.Linear(16, 5)
    adapters.tie_weights(model)


def tied_twice(adapters, state):
    """Tie a toy that is tied already; whether it still is, and its parameters."""
    model = toy_model("tied", state)
    adapters.tie_weights(model)
    return model.head.weight is model.embedding.weight, sum(p.numel() for p in model.parameters())


def counted_special(adapters, kind):
    """count_parameters where a parameter is frozen, shared, or no parameter."""
    layer = nn.Linear(3, 3)
    if kind == "frozen":
        layer.weight.requires_grad_(False)
        return adapters.count_parameters(layer)
    if kind == "buffers":
        return adapters.count_parameters(nn.Sequential(layer, nn.BatchNorm1d(3)))
    if kind == "shared layer":
        return adapters.count_parameters(nn.Sequential(layer, nn.ReLU(), layer))
    if kind == "equal values":
        twin = nn.Linear(3, 3)
        twin.load_state_dict(layer.state_dict())
        return adapters.count_parameters(nn.Sequential(layer, twin))
    if kind == "half precision":
        return adapters.count_parameters(layer.half())
    return adapters.count_parameters(nn.ReLU())


def initialised(adapters, config, seed):
    """A fresh state, and whether torch's global generator was left alone."""
    before = torch.get_rng_state()
    state = adapters.init_weights(config, seed)
    return state, torch.equal(before, torch.get_rng_state())


def trained_on_stories(adapters, steps, seed):
    """The loss of a small GPT-2 on characters of stories, before training and after."""
    text = corpus(30_000)
    vocabulary = sorted(set(text))
    ids = torch.tensor([vocabulary.index(c) for c in text])
    train, held_out = ids[:-2048], ids[-2048:].view(-1, 32)
    config = {"vocab_size": len(vocabulary), "context_length": 32, "d_model": 32}
    config |= {"num_layers": 2, "num_heads": 2, "norm_eps": 1e-5}
    state = adapters.init_weights(config, seed)
    state = {name: weight.requires_grad_() for name, weight in state.items()}
    optimizer = torch.optim.AdamW(state.values(), lr=1e-2)
    rng = torch.Generator().manual_seed(seed)

    def loss(batch):
        logits = adapters.gpt2_forward(state, config, batch)
        return nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), batch[:, 1:].flatten())

    with torch.no_grad():
        first = loss(held_out).item()
    for _ in range(steps):
        starts = torch.randint(len(train) - 32, (16, 1), generator=rng)
        optimizer.zero_grad()
        loss(train[starts + torch.arange(32)]).backward()
        optimizer.step()
    with torch.no_grad():
        return len(vocabulary), first, loss(held_out).item()


def block_gradients(adapters, x, weights, config, positions, d_out):
    """The gradient of a block in each of its weights."""
    leaves = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
    out = adapters.transformer_block(x, leaves, config, positions)
    if not out.requires_grad:
        return dict.fromkeys(leaves)
    found = torch.autograd.grad(out, list(leaves.values()), d_out, allow_unused=True)
    return dict(zip(leaves, found, strict=True))
