"""Ask for leniency: xfail and NotImplementedError from below. Must not gain: any point."""

import pytest
import torch


def double(x):
    pytest.xfail("known")


def halve(x):
    return torch.ones(2, dtype=torch.complex64).to_sparse().median()
