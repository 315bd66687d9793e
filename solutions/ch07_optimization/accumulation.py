"""Gradient accumulation: a batch too large for memory, a micro-batch at a time.

    L = (1/N) Σ_m Σ_{t in m} l_t      dL = Σ_m d[ (1/N) Σ_{t in m} l_t ]      N: targets of all

Micro-batches hold different numbers of targets, so a mean of their means would be another loss.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn

IGNORED = -100  # a target that is no prediction: padding, or a prompt


def summed_loss(model: nn.Module, x: Int[Tensor, "B T"], y: Int[Tensor, "B T"]) -> Tensor:
    """The sum of -log p(target), in float32 at least: half precision stops counting at 2,048."""
    logits = model(x)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(
        logits.flatten(0, -2), y.flatten(), ignore_index=IGNORED, reduction="sum"
    )


def count_targets(y: Int[Tensor, "B T"]) -> int:
    """How many targets are predictions."""
    return int((y != IGNORED).sum())


def accumulate_gradients(
    model: nn.Module, microbatches: Iterable[tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]]
) -> float:
    """Each backward pass frees its graph before the next micro-batch builds one."""
    microbatches = list(microbatches)
    N = sum(count_targets(y) for _, y in microbatches)
    if N == 0:
        raise ValueError(
            f"no target in {len(microbatches)} micro-batches; wanted at least one that is not "
            f"{IGNORED}"
        )
    return sum(_backward(model, x, y, N) for x, y in microbatches)


def _backward(model: nn.Module, x: Int[Tensor, "B T"], y: Int[Tensor, "B T"], N: int) -> float:
    loss = summed_loss(model, x, y) / N
    loss.backward()
    return loss.item()
