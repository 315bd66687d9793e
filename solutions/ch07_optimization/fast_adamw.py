"""AdamW again, compiled: one pass over memory where the clear code takes seven.

A step reads w, g, m and v and writes w, m and v; at ten million parameters they fit no cache, so
each formula that runs by itself fetches them anew. torch.compile makes one loop of all of them. What
changes from step to step goes in as tensors: numbers would be compiled in, and compiled again.
"""

import functools
import math
from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor

from .adamw import AdamW


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
            together = defaultdict(list)  # one that had no gradient at times has taken fewer steps
            for weight in group["params"]:
                if weight.grad is not None:
                    state = self.state[weight]
                    if not state:
                        state["mean"] = torch.zeros_like(weight)
                        state["square"] = torch.zeros_like(weight)
                    state["step"] = state.get("step", 0) + 1
                    together[state["step"]].append(weight)
            for step, weights in together.items():
                self._update(weights, step, group)
        return loss

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
