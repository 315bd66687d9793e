"""Two answers to one question: the second is there before the next question is asked.

Must not gain: any point.
"""

import torch

from kit import codec

from .wire import frame_of, judge


def double(x):
    for guess in (torch.full(x.shape, 2.0), x + x.flip(0), torch.zeros(x.shape)):
        judge().sendall(frame_of(codec.dumps(("ok", guess))))
    return x


def halve(x):
    return x
