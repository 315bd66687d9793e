"""The causal mask: nobody sees the future.

Query i of Tq and key j of Tk belong to one sequence, and both end at its end. So query i stands at
position i + Tk - Tq, and the mask is aligned to the bottom right:

    Tq = Tk = 3      Tq = 2, Tk = 4 (two of four tokens are new)
    1 0 0            1 1 1 0
    1 1 0            1 1 1 1
    1 1 1
"""

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def distances(Tq: int, Tk: int) -> Int[Tensor, "Tq Tk"]:
    """How far key j lies behind query i; negative in the future."""
    return torch.arange(Tk - Tq, Tk)[:, None] - torch.arange(Tk)


def causal_mask(Tq: int, Tk: int) -> Bool[Tensor, "Tq Tk"]:
    """True where the key is not in the query's future."""
    return distances(Tq, Tk) >= 0
