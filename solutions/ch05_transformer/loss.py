"""The loss of a language model: every position predicts the token after it.

loss = -mean over b and t < T-1 of log softmax(logits[b, t])[ids[b, t+1]]

The input is its own answer, one step later. T tokens make T - 1 predictions, all at once.
"""

from jaxtyping import Float, Int
from torch import Tensor


def next_token_loss(logits: Float[Tensor, "B T V"], ids: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
    """log softmax(x)_y = x_y - logsumexp(x), which torch computes without overflow."""
    if ids.shape[-1] < 2:
        raise ValueError(f"got T={ids.shape[-1]} tokens, wanted 2 or more: one to predict from")
    logits, targets = logits[:, :-1], ids[:, 1:]
    right = logits.gather(-1, targets[..., None])[..., 0]
    return (logits.logsumexp(-1) - right).mean()
