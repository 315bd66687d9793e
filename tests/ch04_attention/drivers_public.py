"""Drivers run next to the student's code; see the tests that use them."""

import torch


def with_gradients(adapters, name, inputs, rest, d_out):
    """An adapter's output, and the gradient of sum(d_out * output) in each of its float inputs.

    A gradient is None where none arrives: the output does not depend on that input, or is detached.
    """
    inputs = [x.clone().requires_grad_() for x in inputs]
    out = getattr(adapters, name)(*inputs, *rest)
    if not (isinstance(out, torch.Tensor) and out.requires_grad):
        return out, [None] * len(inputs)
    return out, list(torch.autograd.grad(out, inputs, d_out, allow_unused=True))


def with_arguments(adapters, name, *arguments):
    """An adapter's output, and its arguments as they are afterwards."""
    return getattr(adapters, name)(*arguments), list(arguments)
