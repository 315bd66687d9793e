"""Linear layer: every output is a weighted sum of all inputs.

    y = x Wᵀ + b      dx = dy W      dW = dyᵀ x      db = sum of dy over the rows

Each row of x is computed for itself, but all of them share W and b: so their gradients add up.
"""

from jaxtyping import Float
from torch import Tensor


def linear_forward(
    x: Float[Tensor, "... I"], W: Float[Tensor, "O I"], b: Float[Tensor, " O"] | None = None
) -> Float[Tensor, "... O"]:
    """Weights lie as in torch.nn.Linear: a row per output."""
    O, I = W.shape  # noqa: E741 - the letters of the contract
    if x.shape[-1] != I:
        raise ValueError(f"x has {x.shape[-1]} features, W takes {I}; is one of them transposed?")
    if b is None:
        return x @ W.mT
    if b.shape != (O,):  # a single number would be broadcast
        raise ValueError(f"b has shape {tuple(b.shape)}, wanted ({O},): a bias per row of W")
    return x @ W.mT + b


def linear_backward(
    d_out: Float[Tensor, "... O"], x: Float[Tensor, "... I"], W: Float[Tensor, "O I"]
) -> tuple[Float[Tensor, "... I"], Float[Tensor, "O I"], Float[Tensor, " O"]]:
    """The chain rule through both factors of the product, and through the sum."""
    O, I = W.shape  # noqa: E741 - the letters of the contract
    if x.shape[-1] != I or d_out.shape != (*x.shape[:-1], O):
        raise ValueError(
            f"d_out has shape {tuple(d_out.shape)}, x {tuple(x.shape)}; wanted (..., {O}) and "
            f"(..., {I}) with the same leading axes"
        )
    dy, rows = d_out.reshape(-1, d_out.shape[-1]), x.reshape(-1, x.shape[-1])
    return d_out @ W, dy.mT @ rows, dy.sum(0)
