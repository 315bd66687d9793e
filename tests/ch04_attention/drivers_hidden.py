"""Drivers run next to the student's code; see the tests that use them."""

import torch


def of_strided(adapters, name, axes, *arguments):
    """An adapter's output for tensors two of whose axes lie the other way round in memory."""
    strided = [
        x.transpose(*axes).contiguous().transpose(*axes) if isinstance(x, torch.Tensor) else x
        for x in arguments
    ]
    return getattr(adapters, name)(*strided)
