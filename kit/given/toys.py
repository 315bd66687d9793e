"""Toy models, given: something to count, save, shard or compress before the own model is ready.

They are made of torch.nn layers, so they show nothing of how a layer is built. Each is small, takes
and returns one tensor, and is filled from a plain state: a dict of tensors by parameter name.

    name       input             output
    linear     B 4, float        B 3
    mlp        B 4, float        B 3
    conv       B 1 8 8, float    B 3
    tied       B T, ids < 11     B T 11     one matrix embeds the ids and scores them
    language   B T, ids < 27     B T 27     causal: position t sees ids 0 to t
"""

import torch
from torch import Tensor, nn


class Tied(nn.Module):
    """Two names, one matrix: `head.weight` is `embedding.weight`, and the state has both."""

    def __init__(self, V: int = 11, C: int = 6):
        super().__init__()
        self.embedding = nn.Embedding(V, C)
        self.mix = nn.Linear(C, C)
        self.head = nn.Linear(C, V, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, ids: Tensor) -> Tensor:
        """Ids B T to scores B T V."""
        return self.head(torch.tanh(self.mix(self.embedding(ids))))


class Language(nn.Module):
    """A language model without attention: Embedding, GRU, Linear."""

    def __init__(self, V: int = 27, C: int = 16):
        super().__init__()
        self.embedding = nn.Embedding(V, C)
        self.rnn = nn.GRU(C, C, batch_first=True)
        self.head = nn.Linear(C, V)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids B T to logits B T V."""
        return self.head(self.rnn(self.embedding(ids))[0])


def _mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def _conv() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 8 * 8, 3)
    )


TOYS = {
    "linear": lambda: nn.Linear(4, 3),
    "mlp": _mlp,
    "tied": Tied,
    "conv": _conv,
    "language": Language,
}


def toy_model(name: str, state: dict[str, Tensor] | None = None, seed: int = 0) -> nn.Module:
    """The toy `name` with the given state or `toy_state(name, seed)`; in float32, on the CPU."""
    model = _empty(name)
    model.load_state_dict(toy_state(name, seed) if state is None else state)
    return model


def toy_state(name: str, seed: int = 0) -> dict[str, Tensor]:
    """The same tensors for the same seed; tied names share one tensor. Global RNG left alone."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    for key, parameter in _empty(name).named_parameters():  # yields a tied parameter once
        fan_in = max(parameter[0].numel(), 1)
        state[key] = torch.randn(parameter.shape, generator=generator) / fan_in**0.5
    if name == "tied":
        state["head.weight"] = state["embedding.weight"]
    return state


def _empty(name: str) -> nn.Module:
    """The toy by name; its layers draw numbers as they are made, so the global RNG is put back."""
    if name not in TOYS:
        raise ValueError(f"got {name=}, wanted one of the toys {sorted(TOYS)}")
    with torch.random.fork_rng(devices=[]):
        return TOYS[name]()
