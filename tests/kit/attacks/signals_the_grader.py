"""Signal everybody: keeper, zygote, judge, orchestrator. Must not gain: the end of one of them.

Only asks for permission (signal 0) before it sends, and only to the processes of this grading.
"""

import os
import signal

PIDS = "@PIDS@"


def reached(pids):
    for pid in pids:
        try:
            os.kill(pid, 0)
        except OSError:
            continue
        yield pid


def double(x):
    others = {int(pid) for pid in PIDS.split()} | {os.getppid(), os.getsid(0)}
    found = list(reached(sorted(others - {0, os.getpid()})))
    for pid in found:
        os.kill(pid, signal.SIGCONT)
    raise RuntimeError(f"loot: {found}")


def halve(x):
    return x
