"""Counting is training: the best bigram model is the table of relative frequencies.

    P[a, b] = (C[a, b] + α) / (Σ_b C[a, b] + α V)

With α > 0 no pair is impossible (Laplace 1814; Jurafsky & Martin, Speech and Language Processing,
ch. 3). With α = 0 it is the maximum-likelihood estimate.
"""

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor


def ngram_counts(documents: list[list[int]], n: int, V: int) -> Int[Tensor, "..."]:
    """Count every window of n ids that lies inside one document; shape (V,) * n."""
    windows = [document[i : i + n] for document in documents for i in range(len(document) - n + 1)]
    flat = torch.zeros(V**n, dtype=torch.int64)
    if windows:
        place = V ** torch.arange(n - 1, -1, -1)  # the window read as a number in base V
        cells = torch.tensor(windows) @ place
        # counts[cells] += 1 would count a repeated cell only once
        flat.index_add_(0, cells, torch.ones_like(cells))
    return flat.reshape((V,) * n)


def bigram_counts(documents: list[list[int]], V: int) -> Int[Tensor, "V V"]:
    """Row: the id before. Column: the id after."""
    return ngram_counts(documents, 2, V)


def probabilities(counts: Shaped[Tensor, "... V"], alpha: float) -> Float[Tensor, "... V"]:
    """Turn counts of what follows into probabilities of what follows, along the last axis."""
    if not alpha >= 0:
        raise ValueError(f"{alpha=} is not a smoothing strength; choose alpha >= 0")
    V = counts.shape[-1]
    smoothed = counts.to(torch.float64) + alpha
    total = smoothed.sum(-1, keepdim=True)
    # A context never seen is 0/0 when alpha is 0; its limit for alpha -> 0 is 1/V.
    return torch.where(total > 0, smoothed / total.clamp(min=1e-300), 1 / V).to(torch.float32)


def ngram_probabilities(
    documents: list[list[int]], n: int, V: int, alpha: float
) -> Float[Tensor, "..."]:
    """The same idea with n - 1 ids of context instead of one."""
    if n < 1:
        raise ValueError(f"{n=}; an n-gram has at least one id")
    return probabilities(ngram_counts(documents, n, V), alpha)
