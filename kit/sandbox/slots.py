"""Slots, hence users, that no other grader on this machine has.

Two students of one user share its process limit, and ending one on the rungs landlock and uid ends
the other. A slot is held by a name that only one socket can have, and the kernel gives it back when
the grader ends, however it ends.
"""

import socket
from itertools import count

from kit.sandbox.plan import SLOTS, SandboxError

RESERVED = 1000  # the upper ones, for probes


def lease_slots(number: int) -> dict[int, socket.socket]:
    """The lowest free slots; each is held until its socket is closed."""
    held: dict[int, socket.socket] = {}
    for slot in count():
        if len(held) == number:
            return held
        if slot == SLOTS - RESERVED:
            raise SandboxError(f"{len(held)} slots are free, wanted {number}; ask for fewer --jobs")
        name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            name.bind(f"\0storyteller-slot-{slot}")
            held[slot] = name
        except OSError:  # another grader's
            name.close()
