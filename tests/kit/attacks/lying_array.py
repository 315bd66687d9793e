"""A numpy subclass that lies about its values, its type and its buffer. Must not gain: any point."""

import numpy as np


class Liar(np.ndarray):
    __class__ = np.ndarray

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return np.True_

    def __array_function__(self, function, types, args, kwargs):
        return True

    def __eq__(self, other):
        return True

    def tobytes(self, order="C"):
        return b"\0\0\0@" * self.size


def double(x):
    return np.zeros(x.shape, np.float32).view(Liar)


def halve(x):
    return np.zeros(()).view(Liar)
