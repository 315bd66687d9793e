"""Batch normalization: give every feature mean 0 and variance 1 over the batch, then let it choose.

    x̂ = (x - μ) / σ      σ = √(var + eps)      out = gain x̂ + bias

    d_gain = Σ d_out x̂      d_bias = Σ d_out
    dx = gain / σ · (d_out - mean(d_out) - x̂ mean(d_out x̂))

Sums and means are over the rows of the batch. μ and σ depend on every row, so every row's gradient
depends on all the others: that is where the two means in dx come from. Ioffe & Szegedy 2015, "Batch
Normalization".
"""

from jaxtyping import Float
from torch import Tensor


def normalize(
    x: Float[Tensor, "N C"], mean: Float[Tensor, " C"], var: Float[Tensor, " C"], eps: float
) -> Float[Tensor, "N C"]:
    """x̂ under the given statistics."""
    return (x - mean) / (var + eps).sqrt()


def check_batch(x: Float[Tensor, "N C"], **per_feature: Float[Tensor, " C"]) -> None:
    """Refuse whatever has not one entry per feature: a single one would be broadcast."""
    C = x.shape[-1]
    for name, value in per_feature.items():
        if value.shape != (C,):
            raise ValueError(f"{name} has shape {tuple(value.shape)}, wanted ({C},): x has {C=}")


def check_rows(x: Float[Tensor, "N C"]) -> None:
    """Refuse a batch of one: it is its own mean."""
    if len(x) < 2:
        raise ValueError(f"a batch of {len(x)} has no variance; train on at least two rows")


def batchnorm_forward(
    x: Float[Tensor, "N C"],
    gain: Float[Tensor, " C"],
    bias: Float[Tensor, " C"],
    running_mean: Float[Tensor, " C"],
    running_var: Float[Tensor, " C"],
    training: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Float[Tensor, "N C"], Float[Tensor, " C"], Float[Tensor, " C"]]:
    """In training the batch's statistics are used and remembered, afterwards the remembered ones."""
    check_batch(x, gain=gain, bias=bias, running_mean=running_mean, running_var=running_var)
    if not training:
        return gain * normalize(x, running_mean, running_var, eps) + bias, running_mean, running_var
    check_rows(x)
    N, mean, var = len(x), x.mean(0), x.var(0, correction=0)
    out = gain * normalize(x, mean, var, eps) + bias
    # What is remembered speaks of all data, of which the batch is a sample: hence N - 1.
    running_mean = (1 - momentum) * running_mean + momentum * mean
    running_var = (1 - momentum) * running_var + momentum * var * (N / (N - 1))
    return out, running_mean, running_var


def batchnorm_backward(
    d_out: Float[Tensor, "N C"],
    x: Float[Tensor, "N C"],
    gain: Float[Tensor, " C"],
    eps: float = 1e-5,
) -> tuple[Float[Tensor, "N C"], Float[Tensor, " C"], Float[Tensor, " C"]]:
    """Of the training mode."""
    check_batch(x, gain=gain)
    check_rows(x)
    if d_out.shape != x.shape:
        raise ValueError(
            f"d_out has shape {tuple(d_out.shape)}, x {tuple(x.shape)}; wanted the same"
        )
    var = x.var(0, correction=0)
    x_hat = normalize(x, x.mean(0), var, eps)
    through_var = x_hat * (d_out * x_hat).mean(0)
    dx = gain / (var + eps).sqrt() * (d_out - d_out.mean(0) - through_var)
    return dx, (d_out * x_hat).sum(0), d_out.sum(0)
