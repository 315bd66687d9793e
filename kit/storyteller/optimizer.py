"""Muon for the matrices, AdamW for embedding and norms, as Jordan et al. (2024) put them together.

    m ← β m + (1 - β) g      u = orthogonalize(g (1 - β) + β m)      w ← w - η λ w - η s √d u

d is the longer side of w, and s √d makes an entry of the update about as large as one of AdamW's
(Liu et al. 2025, "Muon is Scalable for LLM Training", §2.2), so both share a learning rate.
"""

import math

import torch
from torch import nn

from kit.storyteller.implementation import Implementation

MOMENTUM, SIZE = 0.95, 0.2
MATRIX_SCALE = 0.5  # the learning rate of matrices, as a multiple of that of the others
WEIGHT_DECAY, BETAS = 0.1, (0.9, 0.99)


def make_optimizer(
    implementation: Implementation, model: nn.Module, lr: float
) -> torch.optim.Optimizer:
    """The student's AdamW, with the matrices taken out of its hands before each step."""
    chapter = implementation.optimization

    class MuonAdamW(chapter.adamw()):
        @torch.no_grad()
        def step(self, closure=None):
            for weight in self.param_groups[0]["params"]:
                if weight.grad is not None:
                    self.update(weight, **self.param_groups[0])
                    weight.grad = None  # AdamW leaves alone what has no gradient
            return super().step(closure)

        def update(self, weight, lr, weight_decay, **_):
            state = self.state[weight]
            if not state:
                state["momentum"] = torch.zeros_like(weight)
            momentum = state["momentum"].lerp_(weight.grad, 1 - MOMENTUM)
            direction = chapter.muon_orthogonalize(weight.grad.lerp(momentum, MOMENTUM))
            weight.mul_(1 - lr * weight_decay)
            weight.sub_(direction, alpha=lr * SIZE * math.sqrt(max(weight.shape)))

    matrices, others = chapter.decay_groups(model, WEIGHT_DECAY)
    matrices["lr_scale"] = MATRIX_SCALE
    return MuonAdamW([matrices, others], lr=lr, betas=BETAS)
