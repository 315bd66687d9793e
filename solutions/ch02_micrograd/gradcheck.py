"""Do not trust a gradient: measure it.

    ∂f/∂x_i ≈ (f(x + ε e_i) - f(x - ε e_i)) / 2ε       wrong by about ε² f''' / 6

The one-sided difference would be wrong by ε f'' / 2, a thousand times and more as much.
"""

import math
from collections.abc import Callable

from .value import Value


def gradcheck(f: Callable, x: list[float], eps: float = 1e-6) -> float:
    """Compare backward() to central differences, number by number."""
    if not x:
        raise ValueError("x is empty; a gradient has at least one entry")
    if not eps > 0:
        raise ValueError(f"{eps=} is no step; choose eps > 0, such as 1e-6")
    leaves = [Value(number) for number in x]
    f(leaves).backward()
    return max(_error(leaf.grad, _difference(f, x, i, eps)) for i, leaf in enumerate(leaves))


def _difference(f: Callable, x: list[float], i: int, eps: float) -> float:
    def at(step: float) -> float:
        return f([Value(number + step * (j == i)) for j, number in enumerate(x)]).data

    return (at(eps) - at(-eps)) / (2 * eps)


def _error(analytic: float, numeric: float) -> float:
    """Absolute for small gradients, relative for large ones."""
    error = abs(analytic - numeric) / max(1.0, abs(analytic), abs(numeric))
    return math.inf if math.isnan(error) else error  # max() may overlook a NaN
