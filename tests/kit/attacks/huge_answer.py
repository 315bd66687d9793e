"""Answers of hundreds of megabytes, and far more by repetition. Must not gain: any point."""

import torch


def double(x):
    return torch.zeros(100 << 20, dtype=torch.uint8)


def halve(x):
    row = [0.0] * 1000
    return [[row] * 1000] * 1000
