"""How surprised is the model by a text?

NLL = -1/N Σ ln P[a, b]   over the N pairs of the text, in nats
perplexity = exp(NLL)     a die with that many sides would surprise it as much
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def negative_log_likelihood(P: Float[Tensor, "V V"], documents: list[list[int]]) -> float:
    """Average over pairs, not over documents: a long document weighs more than a short one."""
    pairs = [
        pair for document in documents for pair in zip(document[:-1], document[1:], strict=True)
    ]
    if not pairs:
        raise ValueError("no document has two ids, so there is no pair to average over")
    before, after = torch.tensor(pairs).T
    # Indexing looks only at the cells that occur: 0 * log(0) elsewhere would be NaN.
    return -P[before, after].to(torch.float64).log().mean().item()


def perplexity(nll: float) -> float:
    """Undo the logarithm."""
    try:
        return math.exp(nll)
    except OverflowError:  # from 709.8 nats on
        return math.inf
