"""GELU: let x through with the probability that a standard normal number lies below it.

    gelu(x)  = x Φ(x)                     Φ(x) = (1 + erf(x / √2)) / 2
    gelu'(x) = Φ(x) + x φ(x)              φ(x) = exp(-x²/2) / √(2π)

    tanh form:  x (1 + tanh u) / 2        u = √(2/π) (x + 0.044715 x³)

Hendrycks & Gimpel 2016, "Gaussian Error Linear Units". The tanh form, GPT-2's, is up to 4.7e-4 away:
whoever mixes the two loads a model's weights and gets another model.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

FORMS = ("none", "tanh")
CUBIC = 0.044715


def check_form(approximate: str) -> None:
    """Refuse what is neither of the two forms."""
    if approximate not in FORMS:
        raise ValueError(f"{approximate=}; choose from {', '.join(map(repr, FORMS))}")


def tanh_of(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The tanh of the approximate form."""
    return torch.tanh(math.sqrt(2 / math.pi) * (x + CUBIC * x**3))


def normal_cdf(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Φ(x). Written with erfc, since 1 + erf loses all digits for x far below 0."""
    return torch.erfc(-x / math.sqrt(2)) / 2


def gelu(x: Float[Tensor, "..."], approximate: str) -> Float[Tensor, "..."]:
    """Both forms; the exact one is called "none", as in torch."""
    check_form(approximate)
    if approximate == "tanh":
        return x * (1 + tanh_of(x)) / 2
    return x * normal_cdf(x)


def gelu_backward(
    d_out: Float[Tensor, "..."], x: Float[Tensor, "..."], approximate: str
) -> Float[Tensor, "..."]:
    """Product rule, and in the tanh form the chain rule."""
    check_form(approximate)
    if d_out.shape != x.shape:
        raise ValueError(
            f"d_out has shape {tuple(d_out.shape)}, x {tuple(x.shape)}; wanted the same"
        )
    if approximate == "tanh":
        t = tanh_of(x)
        slope = math.sqrt(2 / math.pi) * (1 + 3 * CUBIC * x**2)
        return d_out * ((1 + t) / 2 + x * (1 - t**2) * slope / 2)
    density = torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return d_out * (normal_cdf(x) + x * density)
