"""Send the answer to the last question once more. Must not gain: any point."""

from kit import codec

from .wire import frame_of, judge

LAST = [frame_of(codec.dumps(("ok", None)))]


def double(x):
    judge().sendall(LAST[-1])
    LAST.append(frame_of(codec.dumps(("ok", 2 * x))))
    return x


def halve(x):
    return x
