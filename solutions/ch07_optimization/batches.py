"""Batches: windows of a long stream of ids, at random places.

    x = d[s], ..., d[s + T - 1]      y = d[s + 1], ..., d[s + T]      s uniform over 0 ... N - T - 1

The stream may be far larger than memory: a np.memmap reads from disk what is indexed, no more.
"""

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

Dataset = np.ndarray | Tensor


def check_length(dataset: Dataset, T: int, name: str) -> None:
    """One window and the id after it are the least that can be learnt from."""
    if dataset.ndim != 1 or len(dataset) < T + 1:
        raise ValueError(
            f"{name} has shape {tuple(dataset.shape)}; wanted one axis of at least "
            f"context_length + 1 = {T + 1} ids"
        )


def windows(dataset: Dataset, starts: Int[Tensor, " B"], T: int) -> Int[Tensor, "B T+1"]:
    """The ids of each window and the one that follows it; nothing else of the data is read."""
    places = starts[:, None] + torch.arange(T + 1)
    if isinstance(dataset, Tensor):
        return dataset[places.to(dataset.device)].long()
    return torch.from_numpy(np.asarray(dataset[places.numpy()]).astype(np.int64))


def get_batch(
    dataset: Dataset, B: int, T: int, device: torch.device | str, rng: torch.Generator
) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """Every window has the same chance, in every row."""
    if B < 1 or T < 1:
        raise ValueError(f"{B=}, {T=}; a batch has at least one row of at least one id")
    check_length(dataset, T, "the dataset")
    starts = torch.randint(len(dataset) - T, (B,), generator=rng)
    ids = windows(dataset, starts, T).to(device)
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
