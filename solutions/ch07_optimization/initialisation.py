"""Initialisation: numbers that neither grow nor vanish on their way through the layers.

    Xavier    U(-a, a), a = gain √(6 / (fan_in + fan_out))      (Glorot and Bengio 2010, eq. 16)
    Kaiming   N(0, 2 / fan)                                     (He et al. 2015, eq. 10 and 14)
    GPT-2     N(0, 0.02²), and 0.02 / √(2 L) into the residual stream    (Radford et al. 2019)

fan_in numbers are summed up for each output, fan_out gradients for each input. The kernel of a
convolution is met by each of its pixels.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

STD = 0.02


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """How many inputs an output has, and how many outputs an input."""
    if len(shape) < 2 or min(shape) < 1:
        raise ValueError(f"got shape {tuple(shape)}, wanted (out, in, ...), each at least 1")
    pixels = math.prod(shape[2:])
    return shape[1] * pixels, shape[0] * pixels


def xavier_init(shape: Sequence[int], seed: int, gain: float = 1.0) -> Float[Tensor, "..."]:
    """A compromise of both directions: forwards 1 / fan_in was right, backwards 1 / fan_out."""
    bound = gain * math.sqrt(6 / sum(fans(shape)))
    rng = torch.Generator().manual_seed(seed)
    return (2 * torch.rand(*shape, generator=rng, dtype=torch.float32) - 1) * bound


def kaiming_init(shape: Sequence[int], seed: int, mode: str = "fan_in") -> Float[Tensor, "..."]:
    """The 2 makes up for the half that a ReLU cuts off."""
    found = dict(zip(("fan_in", "fan_out"), fans(shape), strict=True))
    if mode not in found:
        raise ValueError(f"got {mode=}, wanted one of {sorted(found)}")
    rng = torch.Generator().manual_seed(seed)
    numbers = torch.randn(*shape, generator=rng, dtype=torch.float32)
    return numbers * math.sqrt(2 / found[mode])


@torch.no_grad()
def gpt2_init(model: nn.Module, num_layers: int, seed: int) -> None:
    """`modules()` yields a shared layer once; a tied weight is drawn twice, alike both times."""
    if num_layers < 1:
        raise ValueError(f"got {num_layers=}, wanted at least 1")
    rng = torch.Generator().manual_seed(seed)
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            residual = isinstance(module, nn.Linear) and name.rpartition(".")[2] == "c_proj"
            std = STD / math.sqrt(2 * num_layers) if residual else STD
            module.weight.copy_(std * torch.randn(module.weight.shape, generator=rng))
        elif isinstance(module, nn.LayerNorm) and module.weight is not None:
            module.weight.fill_(1)
        if isinstance(module, nn.Linear | nn.LayerNorm) and module.bias is not None:
            module.bias.zero_()
