"""Cross-entropy: how surprised are the logits by the targets?

    L = -1/N Σ ln p[i, y_i]      p = softmax(logits)      dL/dlogits = (p - onehot(y)) / N

Chapter 1's NLL and its gradient, with the logits coming from anywhere. Each row of the gradient sums
to 0: what one class gains, the others lose.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .embedding import check_ids


def log_softmax(logits: Float[Tensor, "N V"]) -> Float[Tensor, "N V"]:
    """ln softmax, row by row."""
    logits = logits - logits.amax(-1, keepdim=True)  # exp(89) overflows float32
    return logits - logits.exp().sum(-1, keepdim=True).log()


def check_targets(logits: Float[Tensor, "N V"], targets: Int[Tensor, " N"]) -> None:
    """Refuse what has no mean, or what torch would broadcast or count from the end."""
    N, V = logits.shape
    if targets.shape != (N,):
        raise ValueError(f"targets have shape {tuple(targets.shape)}, wanted ({N},): one per row")
    if N == 0:
        raise ValueError("no rows, so there is no loss to average")
    check_ids(targets, V, "target")


def cross_entropy_forward(logits: Float[Tensor, "N V"], targets: Int[Tensor, " N"]) -> float:
    """The mean over rows, in nats."""
    check_targets(logits, targets)
    return -log_softmax(logits).gather(1, targets[:, None]).mean().item()


def cross_entropy_backward(
    logits: Float[Tensor, "N V"], targets: Int[Tensor, " N"]
) -> Float[Tensor, "N V"]:
    """The gradient of the mean."""
    check_targets(logits, targets)
    gradient = log_softmax(logits).exp()
    gradient[torch.arange(len(targets)), targets] -= 1
    return gradient / len(targets)
