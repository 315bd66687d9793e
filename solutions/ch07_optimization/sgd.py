"""Momentum: go on in the direction that most gradients have pointed to.

    v ← μ v + g        w ← w - η v                    (Polyak 1964)
                       w ← w - η (g + μ v)            (Nesterov, as in Sutskever et al. 2013)

Where gradients agree, v grows to g / (1 - μ); where they alternate, they cancel.
"""

from jaxtyping import Float
from torch import Tensor


def sgd_momentum(
    weight: Float[Tensor, "..."],
    gradient: Float[Tensor, "..."],
    velocity: Float[Tensor, "..."],
    lr: float,
    momentum: float,
    nesterov: bool = False,
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
    """Nesterov looks one step ahead: it adds the velocity as it will have decayed by then."""
    if not weight.shape == gradient.shape == velocity.shape:
        shapes = [tuple(x.shape) for x in (weight, gradient, velocity)]
        raise ValueError(f"got weight, gradient and velocity of {shapes}, wanted one shape")
    if not lr >= 0:
        raise ValueError(f"got {lr=}, wanted at least 0")
    if not 0 <= momentum < 1:
        raise ValueError(f"got {momentum=}, wanted at least 0 and below 1")
    velocity = momentum * velocity + gradient
    direction = gradient + momentum * velocity if nesterov else velocity
    return weight - lr * direction, velocity
