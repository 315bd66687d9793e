"""How good a model is: the bits it takes to tell held-out stories, per byte of them."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from kit.storyteller.implementation import Implementation
from kit.storyteller.model import Llama


@torch.no_grad()
def bits_per_byte(
    model: Llama, implementation: Implementation, documents: Sequence[np.ndarray], valid_bytes: int
) -> float:
    """Each story for itself, from the END before it to its own, which must be foretold as well."""
    loss_of = implementation.transformer.next_token_loss
    device = next(model.parameters()).device
    model.eval()
    nats = 0.0
    for document in documents:
        for window, known in windows(document, model.config["context_length"]):
            ids = torch.from_numpy(window.astype(np.int64))[None].to(device)
            told = len(window) - known
            nats += loss_of(model(ids)[:, known - 1 :], ids[:, known - 1 :]).item() * told
    return nats / math.log(2) / valid_bytes


def windows(document: np.ndarray, T: int) -> Iterator[tuple[np.ndarray, int]]:
    """Windows of at most T tokens, and how many of each are known already: half, after the first."""
    end, known = min(T, len(document)), 1
    while True:
        start = max(0, end - T)
        yield document[start:end], known - start
        if end == len(document):
            return
        known, end = end, min(end + T // 2, len(document))
