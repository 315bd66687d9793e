"""NaN, which sloppy checks let pass (pygpubench, submission_gc_nan.py). Must not gain: any point."""

import torch


def double(x):
    return torch.full(x.shape, float("nan"))


def halve(x):
    return float("nan")
