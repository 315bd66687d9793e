"""The same model, found by gradient descent instead of counting.

Let row a of W hold the logits of what follows a:   P[a] = softmax(W[a]).
The loss is the mean NLL of N pairs (x, y); its gradient with respect to the logits of one pair is

    (p - onehot(y)) / N

and lands in row x of W, added to those of the other pairs that share x. This model can represent
any table of probabilities, so training approaches the one that counting finds. Nothing is learned
here that counting could not do; but this recipe also works where no table fits.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def softmax_regression_grad(
    W: Float[Tensor, "V V"], x: Int[Tensor, " N"], y: Int[Tensor, " N"]
) -> tuple[float, Float[Tensor, "V V"]]:
    """Loss and gradient by hand; no autograd."""
    logits = W[x]  # N V
    logits = logits - logits.amax(-1, keepdim=True)  # exp(89) overflows float32
    log_p = logits - logits.exp().sum(-1, keepdim=True).log()
    pairs = torch.arange(len(x))
    loss = -log_p[pairs, y].mean().item()

    of_logits = log_p.exp()
    of_logits[pairs, y] -= 1
    of_logits /= len(x)
    return loss, torch.zeros_like(W).index_add_(0, x, of_logits)


def train_bigram(
    documents: list[list[int]], V: int, steps: int, learning_rate: float
) -> tuple[Float[Tensor, "V V"], list[float]]:
    """Full-batch gradient descent from W = 0, the uniform model."""
    pairs = [
        pair for document in documents for pair in zip(document[:-1], document[1:], strict=True)
    ]
    x, y = torch.tensor(pairs).T
    W = torch.zeros(V, V)
    losses = []
    for _ in range(steps):
        loss, gradient = softmax_regression_grad(W, x, y)
        losses.append(loss)
        W = W - learning_rate * gradient
    return W, losses
