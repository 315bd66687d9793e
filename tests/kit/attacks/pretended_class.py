"""Objects that pretend, through __class__, to be a tensor or a float. Must not gain: any point."""

import torch


class Pretender:
    def __init__(self, kind):
        self.kind = kind

    @property
    def __class__(self):
        return self.kind

    def __getattr__(self, name):
        return lambda *args, **kwargs: self

    __eq__ = __bool__ = lambda *_: True
    __hash__ = None


def double(x):
    return Pretender(torch.Tensor)


def halve(x):
    return Pretender(float)
