"""Drivers run next to the student's code; see the tests that use them."""

import torch


def sample_many(adapters, P, boundary, max_length, seeds):
    """One document per seed."""
    return [adapters.sample(P, boundary, max_length, seed) for seed in seeds]


def sample_after_other_draws(adapters, P, boundary, max_length, seed):
    """The same document twice, with other random numbers drawn in between."""
    first = adapters.sample(P, boundary, max_length, seed)
    torch.manual_seed(seed + 1)
    torch.rand(3)
    return first, adapters.sample(P, boundary, max_length, seed)
