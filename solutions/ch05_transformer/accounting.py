"""Accounting: how large a model is, and what a token of training costs.

    flops per token = 6 N + 12 L C T      (Kaplan et al. 2020; Chowdhery et al. 2022, appendix B)

Each entry of a matrix is multiplied and added once forwards, 2 operations, and twice backwards, for
the gradient of the input and that of the weight: 6. In attention a query meets T keys and T values
of C features, in L layers: 4 L C T forwards, 12 in all.
"""

from torch import nn


def tie_weights(model: nn.Module) -> None:
    """Share the Parameter, not its numbers: gradients of both uses must meet in it."""
    embedding, head = model.embedding.weight, model.head.weight
    if embedding.shape != head.shape:
        got = f"got an embedding of {tuple(embedding.shape)} and a head of {tuple(head.shape)}"
        raise ValueError(f"{got}, wanted the same shape")
    model.head.weight = model.embedding.weight


def count_parameters(model: nn.Module) -> int:
    """`parameters` yields each Parameter once, under however many names it is known."""
    return sum(parameter.numel() for parameter in model.parameters())


def flops_per_token(config: dict[str, int | float], T: int) -> int:
    """A layer's matrices: C to 3C and C to C in attention, C to 4C and back in the MLP."""
    V, C, L = config["vocab_size"], config["d_model"], config["num_layers"]
    N = L * (3 + 1 + 4 + 4) * C * C + V * C
    return 6 * N + 12 * L * C * T
