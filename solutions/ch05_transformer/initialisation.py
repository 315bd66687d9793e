"""Initialisation: small random weights, smaller still where they write to the residual stream.

    std = 0.02      std = 0.02 / sqrt(2 L) for attn.c_proj and mlp.c_proj      (Radford et al. 2019)

2 L layers add to the stream. If each adds a variance of s², it arrives at the head with 2 L s²;
divided by 2 L, a deep model starts out like a shallow one. And logits start near 0: the loss is ln
V.
"""

import torch
from torch import Tensor

from .gpt2 import parameter_shapes

STD = 0.02


def init_weights(config: dict[str, int | float], seed: int) -> dict[str, Tensor]:
    """One generator for all weights, so that no two are alike."""
    rng = torch.Generator().manual_seed(seed)
    residual = STD / (2 * config["num_layers"]) ** 0.5
    state = {}
    for name, shape in parameter_shapes(config).items():
        if name.endswith(".bias"):
            state[name] = torch.zeros(shape)
        elif ".ln_" in name or name.startswith("ln_"):
            state[name] = torch.ones(shape)
        else:
            std = residual if name.endswith(".c_proj.weight") else STD
            state[name] = std * torch.randn(shape, generator=rng)
    return state
