"""Drivers run next to the student's code; see the tests that use them."""

import torch
from torch import nn

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
    """A fresh state, whether torch's global generator was left alone, and weights lie apart."""
    torch.rand(3)  # a generator in use: seeding it as it was once does not put it back
    before = torch.get_rng_state()
    state = adapters.init_weights(config, seed)
    alone = torch.equal(before, torch.get_rng_state())
    written = [weight.detach().clone() for weight in state.values()]
    return dict(zip(state, written, strict=True)), alone, _lie_apart(state.values())


def _lie_apart(weights):
    """Whether each can be filled without a trace in the others."""
    try:
        for i, weight in enumerate(weights):
            weight.data.mul_(0).add_(i)
    except RuntimeError:  # an expanded tensor has one number for many entries
        return False
    return all((weight == i).all() for i, weight in enumerate(weights))


def language(n, T, rng):
    """Sequences of 8 words: nine times in ten a word is the last but one plus 1, else any."""
    ids = torch.randint(8, (n, 2), generator=rng)
    for _ in range(T - 2):
        regular = torch.rand(n, generator=rng) < 0.9
        new = torch.where(regular, (ids[:, -2] + 1) % 8, torch.randint(8, (n,), generator=rng))
        ids = torch.cat([ids, new[:, None]], -1)
    return ids


def trained(adapters, steps, seed):
    """The loss of a small GPT-2 on sentences it has not seen, before training and after."""
    config = {"vocab_size": 8, "context_length": 16, "d_model": 32, "num_layers": 1}
    config |= {"num_heads": 2, "norm_eps": 1e-5}
    state = adapters.init_weights(config, seed)
    state = {name: weight.requires_grad_() for name, weight in state.items()}
    optimizer = torch.optim.AdamW(state.values(), lr=1e-2)
    rng = torch.Generator().manual_seed(seed)

    def loss(ids):
        logits = adapters.gpt2_forward(state, config, ids)
        # the first two words could be any
        return nn.functional.cross_entropy(logits[:, 1:-1].flatten(0, 1), ids[:, 2:].flatten())

    held_out = language(500, 16, rng)
    with torch.no_grad():
        first = loss(held_out).item()
    for _ in range(steps):
        optimizer.zero_grad()
        loss(language(16, 16, rng)).backward()
        optimizer.step()
    with torch.no_grad():
        return first, loss(held_out).item()


def block_gradients(adapters, x, weights, config, positions, d_out):
    """The gradient of a block in each of its weights."""
    leaves = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
    out = adapters.transformer_block(x, leaves, config, positions)
    if not out.requires_grad:
        return dict.fromkeys(leaves)
    found = torch.autograd.grad(out, list(leaves.values()), d_out, allow_unused=True)
    return dict(zip(leaves, found, strict=True))


def block_input_gradient(adapters, x, weights, config, positions, d_out):
    """The gradient of a block in its input."""
    x = x.clone().requires_grad_()
    out = adapters.transformer_block(x, weights, config, positions)
    return torch.autograd.grad(out, x, d_out, allow_unused=True)[0] if out.requires_grad else None


def tied_by_whom(adapters):
    """Whether tying leaves the embedding its own Parameter, frozen as it was."""
    model = toy_model("tied")
    model.head.weight = nn.Parameter(torch.zeros_like(model.embedding.weight))
    own = model.embedding.weight.requires_grad_(False)
    adapters.tie_weights(model)
    return model.embedding.weight is own and model.head.weight is own and not own.requires_grad


def tied_to_other_width(adapters, out_features, in_features):
    """Tie a head of (out, in) to the embedding of 27 ids by 16 features."""
    model = toy_model("language")
    model.head = nn.Linear(in_features, out_features)
    adapters.tie_weights(model)


def counted_views(adapters):
    """count_parameters of two layers whose Parameters lie in the same memory."""
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    b.weight, b.bias = nn.Parameter(a.weight.data), nn.Parameter(a.bias.data)
    return adapters.count_parameters(nn.Sequential(a, b))


class Deep(nn.Module):
    """A frozen module two levels down; fails at the call number `fails`."""

    def __init__(self, fails):
        super().__init__()
        self.inner = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3).eval())
        self.scale = nn.Parameter(torch.ones(()))
        self.fails, self.calls = fails, 0

    def forward(self, ids):
        """Ids B T to logits B T 5."""
        self.calls += 1
        if self.calls == self.fails:
            raise RuntimeError("out of memory")
        return self.scale * torch.ones(*ids.shape, 5)


def left_behind(adapters, fails, top_k=None):
    """What a model and torch are like after generating, also after an error on the way."""
    model = Deep(fails).train()
    model.inner[1].eval()
    before = [m.training for m in model.modules()]
    try:
        adapters.generate(model, torch.zeros(1, 2, dtype=torch.int64), 3, 8, 1.0, top_k, None, 0)
    except NotImplementedError:
        raise  # a stub
    except (RuntimeError, ValueError):
        pass
    enabled = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    return [m.training for m in model.modules()] == before, enabled, model.scale.requires_grad
