"""Reports of exceptions that no exception made: enormous arguments, impossible kinds, wrong types.

Must not gain: the judge's memory or life, or more than a ValueError is worth.
"""

from kit import codec

from .wire import frame_of, judge

BLANK = {"kind": "", "name": "", "args": [], "message": "", "todo": "", "where": "", "trace": ""}
REPORTS = [
    BLANK | {"kind": "ValueError", "args": [b"\0" * (100 << 20)]},
    BLANK | {"kind": "OSError", "args": [[[]] * 1_000_000]},
    BLANK | {"kind": "SystemExit"},
    BLANK | {"kind": "__class__", "name": "KeyboardInterrupt"},
    {"kind": "ValueError"},
    BLANK | {"message": 7},
]


def double(x):
    judge().sendall(frame_of(codec.dumps(("raised", REPORTS[int(x.abs().sum() * 1000) % 2]))))
    return x


def halve(x):
    judge().sendall(frame_of(codec.dumps(("raised", REPORTS[2 if x < 0 else 3]))))
    return x
