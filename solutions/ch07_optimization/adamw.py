"""AdamW: steps of about one size for every number, and a decay of its own.

    m ← β₁ m + (1 - β₁) g         v ← β₂ v + (1 - β₂) g²
    m̂ = m / (1 - β₁ᵗ)             v̂ = v / (1 - β₂ᵗ)
    w ← w - η λ w - η m̂ / (√v̂ + ε)         (Loshchilov and Hutter 2019, algorithm 2)

m and v start at 0, and are too small for it by 1 - βᵗ: in v that shows for a thousand steps. The
decay is no gradient: it is not divided by √v̂, so it pulls on all weights alike.
"""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

OPTIONS = ("lr", "betas", "eps", "weight_decay")


def update(
    weight: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
) -> None:
    """One step on one tensor, in place.

    A step is as slow as its passes over memory, so the corrections are moved to where numbers are:
    m̂ / (√v̂ + ε) = r / (1 - β₁ᵗ) * m / (√v + ε r), with r = √(1 - β₂ᵗ).
    """
    beta1, beta2 = betas
    root = math.sqrt(1 - beta2**step)
    mean.lerp_(gradient, 1 - beta1)
    square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    weight.mul_(1 - lr * weight_decay)
    weight.addcdiv_(mean, square.sqrt().add_(eps * root), value=-lr * root / (1 - beta1**step))


class AdamW(torch.optim.Optimizer):
    """All that changes on the way lies in `state`, all that is set in `param_groups`."""

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ):
        for name, value in {"lr": lr, "eps": eps, "weight_decay": weight_decay}.items():
            if not value >= 0:
                raise ValueError(f"got {name}={value}, wanted at least 0")
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"got {betas=}, wanted both at least 0 and below 1")
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Update every parameter that has a gradient; the loss of `closure`, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            settings = {name: group[name] for name in OPTIONS}
            for weight in group["params"]:
                if weight.grad is not None:
                    state = self.state[weight]
                    if not state:
                        state["mean"] = torch.zeros_like(weight)
                        state["square"] = torch.zeros_like(weight)
                    state["step"] = state.get("step", 0) + 1
                    update(weight, weight.grad, **state, **settings)
        return loss
