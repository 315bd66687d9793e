"""Drivers run next to the student's code; see the tests that use them."""

import torch


def slope(adapters, name, inputs, directions, d_out, rest, step):
    """How fast sum(d_out * out) grows when the inputs move along the directions.

    A central difference: its error falls with the square of the step.
    """

    def weighted(t):
        moved = [x + t * d for x, d in zip(inputs, directions, strict=True)]
        out = getattr(adapters, name)(*moved, *rest)
        out = out[0] if isinstance(out, tuple) else out
        return float((d_out * torch.as_tensor(out, dtype=torch.float64)).sum())

    return (weighted(step) - weighted(-step)) / (2 * step)


def after_other_draws(adapters, name, *arguments):
    """The same call twice, with other random numbers drawn in between."""
    first = getattr(adapters, name)(*arguments)
    torch.manual_seed(12345)
    torch.rand(3)
    return first, getattr(adapters, name)(*arguments)


def train_on_one_batch(adapters, model, x, y, learning_rate, steps):
    """Many steps on the same batch: the last model and all losses."""
    losses = []
    for _ in range(steps):
        model, loss = adapters.train_step(model, x, y, learning_rate)
        losses.append(float(loss))
    return model, losses


def of_strided(adapters, name, *arguments):
    """An adapter's output for tensors that lie in memory with gaps, or the other way round."""

    def strided(x):
        if isinstance(x, dict):
            return {key: strided(value) for key, value in x.items()}
        if not isinstance(x, torch.Tensor) or x.ndim == 0:
            return x
        return torch.stack([x, x], 1)[:, 0] if x.ndim == 1 else x.mT.contiguous().mT

    return getattr(adapters, name)(*map(strided, arguments))
