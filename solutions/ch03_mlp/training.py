"""Training: stochastic gradient descent, a few windows at a time.

    p ← p - learning_rate · dL/dp      L: the mean loss of a batch of windows

A batch's gradient is that of all windows plus noise, and costs a hundredth or a thousandth of it.
"""

import torch
from jaxtyping import Int
from torch import Tensor

from .embedding import check_ids
from .mlp import Model, init_mlp, mlp_backward
from .windows import context_windows


def train_step(
    model: Model, x: Int[Tensor, "N k"], y: Int[Tensor, " N"], learning_rate: float
) -> tuple[Model, float]:
    """All gradients are those of the old model; only then does any parameter move."""
    loss, gradients, statistics = mlp_backward(model, x, y)
    moved = {name: model[name] - learning_rate * gradients[name] for name in gradients}
    return moved | statistics, loss


def train_mlp(
    documents: list[list[int]],
    V: int,
    k: int,
    C: int,
    H: int,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> tuple[Model, list[float]]:
    """Every window has the same chance in every step."""
    if batch_size < 2:
        raise ValueError(f"{batch_size=}; batch normalization needs at least 2")
    if steps < 0:
        raise ValueError(f"{steps=}; wanted 0 or more")
    model, losses = init_mlp(V, k, C, H, seed), []
    x, y = context_windows(documents, k)
    check_ids(x, V, "id")  # all windows: whether a bad one is drawn must not be left to chance
    check_ids(y, V, "target")
    rng = torch.Generator().manual_seed(seed)  # torch reads no more than 32 bits of a seed
    for _ in range(steps):
        batch = torch.randint(len(x), (batch_size,), generator=rng)
        model, loss = train_step(model, x[batch], y[batch], learning_rate)
        losses.append(loss)
    return model, losses
