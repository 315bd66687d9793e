"""Run a student's code in a fork of a warm Python process, cut off from all it must not touch.

Starting Python and importing torch takes seconds, so nothing here starts a program: enter() turns
the calling process, a fresh fork with torch already in memory, into the sandbox.

What a machine permits differs (containers, clusters, ordinary users), so there is a ladder:

    namespaces   a root, process table and network of its own, in which nothing of the host exists
    landlock     the host's files, nearly all denied, and no sockets; its processes are visible
    uid          a user of its own, stopped by file modes; takes root, and /tmp stays shared
    rlimits      limits on memory, time and files: isolates nothing

All but the last add a filter of system calls where the architecture is known, and namespaces add
Landlock where the kernel has it: RungStatus.layers is what was used, RungStatus.denies what that
achieves here. A rung either keeps these promises when enter() returns, or enter() raises.

On every rung the forked process stays outside as the keeper. Its descendants are all that the
student ever started, so end() ends a student for sure. RLIMIT_NPROC counts all processes of a user,
the grader's too if the student shares its user: it is set only under an own uid or in a user
namespace. The other limits hold per process; the worst case is the limit times the processes.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from kit.sandbox import selftest
from kit.sandbox.entry import end, enter, sweep_uid
from kit.sandbox.plan import RUNGS, SLOTS, Limits, Plan, SandboxError, interpreter_paths, layers
from kit.sandbox.trial import finish, plan_for, start

__all__ = [
    "RUNGS",
    "Limits",
    "Plan",
    "RungStatus",
    "SandboxError",
    "best_rung",
    "close_secrets",
    "end",
    "enter",
    "interpreter_paths",
    "layers",
    "probe",
    "sweep_uid",
]

PROBE_SECONDS = 10.0  # takes a few hundredths of this; more means that something hangs


@dataclass(frozen=True)
class RungStatus:
    """What one rung is worth on this machine, tried out."""

    rung: str
    works: bool
    reason: str = ""  # why it does not work, and the fix
    layers: tuple[str, ...] = ()  # the mechanisms in use
    denies: tuple[str, ...] = ()  # names from kit.sandbox.selftest.ATTACKS, each one tried

    @property
    def loopback(self) -> bool:
        """Whether a student may have a network of its own, as ranks of a distributed test need."""
        return self.works and self.rung == "namespaces"


def promises(used: tuple[str, ...]) -> tuple[str, ...]:
    """The attacks that a set of mechanisms must stop."""
    inside, filtered = "namespaces" in used, "seccomp" in used
    holds = {
        "read a secret": len(used) > 1,
        "write outside scratch": inside or "landlock" in used,
        "change its own code": inside or "landlock" in used,
        "change a file's rights": inside or "uid" in used or filtered,
        "reach the host's loopback": inside or filtered,
        "reach a socket file of the host": inside or filtered,
        "signal the grader": inside or filtered or "uid" in used or "signal scope" in used,
        "trace a process": filtered,
        "make a namespace": filtered,
        "raise its limits": True,
        "use an inherited file": True,
        "outlive the keeper": filtered,
        "start processes without end": "process limit" in used,
        "fill memory: heap": True,
        "fill memory: memfd": filtered,
        "fill memory: shared mapping": filtered,
        "fill memory: growing stack": filtered,
    }
    return tuple(attack for attack, stopped in holds.items() if stopped)


def probe(readable: Iterable[str] = (), secrets: Iterable[str] = ()) -> list[RungStatus]:
    """Try every rung: enter it, work in it, attack it.

    `secrets` are tried as part of the plan: a secret that a rung cannot hide makes it unusable.
    """
    hidden, shown = tuple(secrets), tuple(readable)
    with selftest.target() as target:
        plans = []
        for index, rung in enumerate(RUNGS):
            plan = plan_for(rung, target, _own_slot() - index, shown)
            plans.append(replace(plan, secrets=(*plan.secrets, *hidden)))
        used = [layers(plan) for plan in plans]
        trials = [
            start(plan, partial(_try_out, promises(mechanisms), target))
            for plan, mechanisms in zip(plans, used, strict=True)
        ]
        reports = [
            finish(plan, *trial, PROBE_SECONDS) for plan, trial in zip(plans, trials, strict=True)
        ]
    return [_status(*row) for row in zip(RUNGS, used, reports, strict=True)]


def _own_slot() -> int:
    """A slot that another probe on this machine is unlikely to use, or to sweep, just now."""
    return SLOTS - 1 - os.getpid() % 250 * len(RUNGS)


def _try_out(denied: tuple[str, ...], target: selftest.Target) -> list[str]:
    """As the student: work, then attack; returns the attacks that should not have succeeded."""
    selftest.do_honest_work(target)
    return selftest.succeeded(denied, target)


def _status(rung: str, used: tuple[str, ...], report: dict) -> RungStatus:
    if "error" in report:
        return RungStatus(rung, False, report["error"].removeprefix("SandboxError: "))
    if report["value"]:
        return RungStatus(rung, False, "it does not stop: " + ", ".join(report["value"]))
    return RungStatus(rung, True, "", used, promises(used))


def best_rung(
    required: str | None = None, readable: Iterable[str] = (), secrets: Iterable[str] = ()
) -> RungStatus:
    """The best rung that works here; SandboxError if it is below the required one."""
    if required is not None and required not in RUNGS:
        raise SandboxError(f"no rung {required!r}; choose from {', '.join(RUNGS)}")
    lowest = RUNGS.index(required or RUNGS[-1])
    failed = []
    for status in probe(readable, secrets)[: lowest + 1]:
        if status.works:
            return status
        failed.append(f"{status.rung}: {status.reason}")
    raise SandboxError(
        f"no sandbox as good as {RUNGS[lowest]} works here. "
        + ". ".join(failed)
        + ". Remedy one of these, or accept a lower rung in so many words."
    )


def close_secrets(paths: Iterable[str]) -> dict[str, int]:
    """Take all rights but the owner's from folders and files; returns what was changed: old modes.

    The rung uid hides secrets by nothing else.
    """
    changed = {}
    for path in map(os.path.realpath, paths):
        mode = os.stat(path).st_mode & 0o7777
        if mode & 0o077:
            os.chmod(path, mode & 0o700)
            changed[path] = mode
    return changed
