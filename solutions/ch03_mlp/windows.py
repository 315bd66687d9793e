"""Context windows: prediction as pairs of k ids and the id that comes next.

    x[i] = d[i], ..., d[i + k - 1]      y[i] = d[i + k]

A table of n-grams needs a row for every window there could be; a network takes the window itself,
and what it learns from one window it uses in others (Bengio et al. 2003, "A Neural Probabilistic
Language Model").
"""

import torch
from jaxtyping import Int
from torch import Tensor


def context_windows(
    documents: list[list[int]], k: int
) -> tuple[Int[Tensor, "N k"], Int[Tensor, " N"]]:
    """Slide over each document by itself: the end of one says nothing about the next."""
    if k < 1:
        raise ValueError(f"{k=}; a window has at least one id")
    windows = [d[i : i + k + 1] for d in documents for i in range(len(d) - k)]
    if not windows:
        longest = max(map(len, documents), default=0)
        raise ValueError(
            f"no window of {k=} ids and a next one in {len(documents)} documents, the longest of "
            f"{longest} ids; pad the documents or choose a smaller k"
        )
    ids = torch.tensor(windows, dtype=torch.int64)
    return ids[:, :k], ids[:, k]
