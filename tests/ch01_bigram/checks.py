"""What public and hidden tests of ch01_bigram share: inputs, references, and checks of laws.

References come from elsewhere than the solution: numpy's histograms, exact fractions, torch's
cross_entropy and autograd.
"""

import math
from fractions import Fraction

import numpy as np
import torch

from kit.compare import assert_close, assert_equal
from kit.oracles import oracle

# The handout's example: three words over a, b and the boundary "." (ids 1, 2, 0).
WORDS = [[0, 1, 2, 0], [0, 1, 1, 2, 0], [0, 2, 1, 0]]
WORDS_COUNTS = [[0, 2, 1], [1, 1, 2], [2, 1, 0]]


def random_documents(rng: torch.Generator, V: int, lengths: list[int]) -> list[list[int]]:
    """Documents of the given lengths, with a skewed choice of ids: some pairs never occur."""
    weights = torch.rand(V, generator=rng) ** 3 + 1e-3
    return [
        torch.multinomial(weights, n, replacement=True, generator=rng).tolist() if n else []
        for n in lengths
    ]


def random_P(rng: torch.Generator, V: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.softmax(2 * torch.randn(V, V, generator=rng, dtype=torch.float64), -1).to(dtype)


@oracle
def ngram_counts(documents: list[list[int]], n: int, V: int) -> np.ndarray:
    """Windows binned by numpy's d-dimensional histogram."""
    windows = [d[i : i + n] for d in documents for i in range(len(d) - n + 1)]
    edges = [np.arange(V + 1) - 0.5] * n
    return np.histogramdd(np.array(windows).reshape(-1, n), edges)[0].astype(np.int64)


@oracle
def smoothed(counts: np.ndarray, alpha: float) -> np.ndarray:
    """Add-alpha smoothing over the last axis in exact fractions."""
    rows = counts.reshape(-1, counts.shape[-1]).tolist()
    exact, V = Fraction(alpha), counts.shape[-1]
    table = []
    for row in rows:
        total = sum(map(Fraction, row)) + exact * V
        table.append([float((Fraction(c) + exact) / total) if total else 1 / V for c in row])
    return np.array(table).reshape(counts.shape)


def mean_nll(P: torch.Tensor, documents: list[list[int]]) -> float:
    """torch's own negative log-likelihood on the rows of log P."""
    pairs = torch.tensor([pair for d in documents for pair in zip(d, d[1:], strict=False)])
    return torch.nn.functional.nll_loss(P.double().log()[pairs[:, 0]], pairs[:, 1]).item()


def loss_and_grad(W: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> tuple[float, torch.Tensor]:
    """torch's cross_entropy and autograd, in float64."""
    W = W.double().requires_grad_()
    loss = torch.nn.functional.cross_entropy(W[x], y)
    (gradient,) = torch.autograd.grad(loss, W)
    return loss.item(), gradient


def pairs_of(documents: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    pairs = torch.tensor([pair for d in documents for pair in zip(d, d[1:], strict=False)])
    return pairs[:, 0], pairs[:, 1]


def check_counts(student, documents: list[list[int]], V: int, why: str) -> None:
    counts = student.bigram_counts(documents, V)
    assert_equal(counts, ngram_counts(documents, 2, V), why)
    assert counts.dtype == torch.int64, (
        f"counts are whole numbers: got {counts.dtype}, wanted int64"
    )


def check_probabilities(student, counts: torch.Tensor, alpha: float, why: str) -> None:
    P = student.probabilities(counts, alpha)
    assert_close(P, smoothed(counts.numpy(), alpha), why)


def check_ngrams(student, documents: list[list[int]], n: int, V: int, alpha: float, why: str):
    P = student.ngram_probabilities(documents, n, V, alpha)
    assert P.shape == (V,) * n, (
        f"shape of the {n}-gram table: got {tuple(P.shape)}, wanted {(V,) * n}"
    )
    assert_close(P, smoothed(ngram_counts(documents, n, V), alpha), why)


def check_gradient(
    student, W: torch.Tensor, x: torch.Tensor, y: torch.Tensor, why: str, noise: float = 2e-7
) -> None:
    """`noise`: p - 1 cancels where p is near 1, so errors are absolute, and grow with the logits."""
    loss, gradient = student.softmax_regression_grad(W, x, y)
    wanted_loss, wanted = loss_and_grad(W, x, y)
    assert_close(loss, wanted_loss, "the loss is the mean NLL of the pairs", rtol=2e-6, atol=noise)
    assert_close(gradient, wanted, why, rtol=1e-5, atol=noise)


def check_training(student, documents: list[list[int]], V: int, steps: int, rate: float) -> None:
    """Plain gradient descent from zero, retraced by autograd in float64."""
    W, losses = student.train_bigram(documents, V, steps, rate)
    x, y = pairs_of(documents)
    wanted, wanted_losses = torch.zeros(V, V, dtype=torch.float64), []
    for _ in range(steps):
        loss, gradient = loss_and_grad(wanted, x, y)
        wanted_losses.append(loss)
        wanted = wanted - rate * gradient
    assert len(losses) == steps, f"one loss per step: got {len(losses)} losses in {steps} steps"
    why = "a loss is measured before its step, on all pairs"
    assert_close(losses, wanted_losses, why, rtol=1e-5)
    assert_close(W, wanted, "W moves by -learning_rate * gradient each step", rtol=1e-4, atol=1e-5)


def binomial_bound(p: float, n: int) -> float:
    """How far a frequency may stray from p in n draws: 6 standard deviations, false in 2e-9."""
    return 6 * math.sqrt(p * (1 - p) / n) + 1 / n


def check_frequencies(draws: list[int], P_row: torch.Tensor, why: str) -> None:
    """Hold the frequencies of independent draws to their probabilities."""
    n = len(draws)
    for i, p in enumerate(P_row.double().tolist()):
        share = draws.count(i) / n
        assert abs(share - p) <= binomial_bound(p, n), (
            f"{why}\n  id {i} came {share:.4f} of {n} times, wanted {p:.4f} "
            f"(allowed ±{binomial_bound(p, n):.4f})"
        )
