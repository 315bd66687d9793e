"""References that tests hold the code to: computed in float64 once, then remembered.

The grader proves the reference first and forks a judge per submission from that process, so what
an oracle computed once is there for the whole class.
"""

import functools
from collections.abc import Callable
from typing import TypeVar

from kit import codec

F = TypeVar("F", bound=Callable)


def oracle(function: F) -> F:
    """Memoise a function of plain data by the bytes of its arguments."""
    known: dict[bytes, bytes] = {}

    @functools.wraps(function)
    def remembered(*args, **kwargs):
        key = codec.dumps([list(args), kwargs])
        if key not in known:
            known[key] = codec.dumps(function(*args, **kwargs))
        return codec.loads(known[key])  # a fresh copy: no test can spoil another's reference

    return remembered
