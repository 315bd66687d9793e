"""Infinity, which makes relative errors meaningless. Must not gain: any point."""

import torch


def double(x):
    return torch.full(x.shape, float("inf"))


def halve(x):
    return float("inf")
