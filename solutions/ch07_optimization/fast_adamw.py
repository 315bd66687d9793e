"""AdamW again, compiled: one pass over memory where the clear code takes seven.

A step reads w, g, m and v and writes w, m and v; at ten million parameters they fit no cache, so
each formula that runs by itself fetches them anew. torch.compile makes one loop of all of them. What
changes from step to step goes in as tensors: numbers would be compiled in, and compiled again.

What is left is the memory itself. It is looked up page by page, and the processor remembers only so
many pages: the state lies on pages of 2 MB, where the system has them, instead of 4 KB.
"""

import contextlib
import functools
import math
import mmap
from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor

from .adamw import AdamW

CACHE_LINE = 64  # bytes


def update_all(
    weights: list[Tensor],
    gradients: list[Tensor],
    means: list[Tensor],
    squares: list[Tensor],
    betas: tuple[float, float],
    decay: Tensor,
    size: Tensor,
    eps: Tensor,
) -> None:
    """adamw.update of many tensors: w ← decay w - size m / (√v + eps)."""
    beta1, beta2 = betas
    for weight, gradient, mean, square in zip(weights, gradients, means, squares, strict=True):
        mean.lerp_(gradient, 1 - beta1)
        square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        weight.mul_(decay).sub_(size * mean / (square.sqrt() + eps))


@functools.cache
def compiled_update() -> Callable[..., None]:
    """Made when first used: importing the compiler takes seconds."""
    return torch.compile(update_all)


def zeros_like_all(weights: list[Tensor]) -> list[Tensor]:
    """Zeros like each of the weights; of those on the CPU all in one piece, on large pages (Linux)."""
    sizes = [-(-weight.nbytes // CACHE_LINE) * CACHE_LINE for weight in weights]
    on_cpu = all(weight.device.type == "cpu" for weight in weights)
    if not on_cpu or not hasattr(mmap, "MADV_HUGEPAGE") or not sum(sizes):
        return [torch.zeros_like(weight) for weight in weights]
    memory = mmap.mmap(-1, sum(sizes), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):  # a kernel without them
        memory.madvise(mmap.MADV_HUGEPAGE)
    parts = torch.frombuffer(memory, dtype=torch.uint8).split(sizes)
    return [
        part[: weight.nbytes].view(weight.dtype).view(weight.shape)
        for part, weight in zip(parts, weights, strict=True)
    ]


class CompiledAdamW(AdamW):
    """AdamW with the same state; the first step takes half a minute, and needs a C++ compiler."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Update every parameter that has a gradient; the loss of `closure`, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            self._begin([weight for weight in weights if not self.state[weight]])
            together = defaultdict(list)  # one that had no gradient at times has taken fewer steps
            for weight in weights:
                self.state[weight]["step"] += 1
                together[self.state[weight]["step"]].append(weight)
            for step, alike in together.items():
                self._update(alike, step, group)
        return loss

    def _begin(self, weights: list[Tensor]) -> None:
        means, squares = zeros_like_all(weights), zeros_like_all(weights)
        for weight, mean, square in zip(weights, means, squares, strict=True):
            self.state[weight].update(step=0, mean=mean, square=square)

    def _update(self, weights: list[Tensor], step: int, group: dict) -> None:
        (beta1, beta2), lr = group["betas"], group["lr"]
        root = math.sqrt(1 - beta2**step)
        factors = (1 - lr * group["weight_decay"], lr * root / (1 - beta1**step))
        compiled_update()(
            weights,
            [weight.grad for weight in weights],
            *([self.state[weight][name] for weight in weights] for name in ("mean", "square")),
            group["betas"],
            *(torch.tensor(factor) for factor in (*factors, group["eps"] * root)),
        )
