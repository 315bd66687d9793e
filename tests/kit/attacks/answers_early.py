"""Answer before being asked, in the hope that an answer is taken for that of another test.

Must not gain: more than one public test, whose answer is known anyway.
"""

import torch

from kit import codec

from .wire import frame_of, judge

RIGHT = frame_of(codec.dumps(("ok", torch.full((3,), 2.0))))
judge().sendall(RIGHT * 8)


def double(x):
    return x


def halve(x):
    return x
