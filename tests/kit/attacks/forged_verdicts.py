"""Forge what the judge acts on: a todo, an infra, a greeting, a Forbidden, a MemoryError.

Infra is graded again and never a zero. Must not gain: a verdict of infra, or a point.
"""

from kit import codec

from .wire import frame_of, judge

BLANK = {"kind": "", "name": "", "args": [], "message": "", "todo": "", "where": "", "trace": ""}
FORGED = [
    b"ready",
    b"!SandboxError: no namespaces here",
    codec.dumps(("infra", "the grader failed")),
    codec.dumps(("raised", BLANK | {"name": "Infra", "kind": "Infra"})),
    codec.dumps(("raised", BLANK | {"todo": "double"})),
    codec.dumps(("raised", BLANK | {"name": "MemoryError"})),
    codec.dumps(("raised", BLANK | {"name": "Forbidden"})),
]


def double(x):
    judge().sendall(frame_of(FORGED[int(x.abs().sum() * 1000) % 5]))
    return x


def halve(x):
    judge().sendall(frame_of(FORGED[5 if x < 0 else 6]))
    return x
