"""Take over every random number generator, in the hope that the tests draw from it.

KernelBench's cheat-rng.py. Must not gain: any point.
"""

import random

import numpy as np
import torch

torch.manual_seed = torch.seed = np.random.seed = random.seed = lambda *_: None
torch.randn = torch.rand = lambda *size, **_: torch.zeros(*size)
random.random = lambda: 0.0


def double(x):
    return torch.zeros_like(x)


def halve(x):
    return 0.0
