"""Broadcasting repeats a tensor along axes; its gradient is the sum over the repetitions.

    y[i, j] = x[j]   for all i    =>    ∂L/∂x[j] = Σ_i ∂L/∂y[i, j]

That is the rule of the scalars again: whoever is used several times gets the sum.
"""

from jaxtyping import Float
from torch import Tensor


def unbroadcast(grad: Float[Tensor, "..."], shape: tuple[int, ...]) -> Float[Tensor, "*shape"]:
    """Sum over the axes that broadcasting has added in front, and those it has stretched from 1."""
    if not _stretches(shape, tuple(grad.shape)):
        raise ValueError(f"{shape=} does not broadcast to the gradient's {tuple(grad.shape)}")
    added = grad.ndim - len(shape)
    stretched = [i for i, size in enumerate(shape, added) if size == 1]
    if axes := [*range(added), *stretched]:
        grad = grad.sum(axes, keepdim=True)
    return grad.reshape(shape)


def _stretches(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    sizes = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(mine in (1, theirs) for mine, theirs in sizes)
