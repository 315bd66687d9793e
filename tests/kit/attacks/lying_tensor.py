"""A tensor subclass that answers every comparison with yes. Must not gain: any point."""

import torch


class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            if function.__name__ in ("eq", "isclose", "__eq__"):
                return torch.ones(args[0].shape, dtype=torch.bool)
            if function.__name__ in ("allclose", "equal"):
                return True
            return function(*args, **(kwargs or {}))


def double(x):
    return torch.zeros(x.shape).as_subclass(Liar)


def halve(x):
    return torch.zeros(()).as_subclass(Liar)
