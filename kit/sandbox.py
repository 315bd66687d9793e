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

import json
import os
import select
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from kit import sandbox_selftest
from kit.processes import kill_tree
from kit.sandbox_enter import enter
from kit.sandbox_plan import (
    FIRST_UID,
    RUNGS,
    SLOTS,
    Limits,
    Plan,
    SandboxError,
    become,
    interpreter_paths,
    layers,
)

__all__ = [
    *("RUNGS", "Limits", "Plan", "RungStatus", "SandboxError", "best_rung", "close_secrets"),
    *("end", "enter", "interpreter_paths", "layers", "probe", "sweep_uid"),
]

PROBE_SECONDS = 10.0  # takes a few hundredths of this; more means that something hangs


@dataclass(frozen=True)
class RungStatus:
    """What one rung is worth on this machine, tried out."""

    rung: str
    works: bool
    reason: str = ""  # why it does not work, and the fix
    layers: tuple[str, ...] = ()  # the mechanisms in use
    denies: tuple[str, ...] = ()  # names from kit.sandbox_selftest.ATTACKS, each one tried

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
    paths = dict.fromkeys([*interpreter_paths(), *readable])
    trials: list[tuple[str, int, int]] = []
    with sandbox_selftest.target() as target:
        try:
            for index, rung in enumerate(RUNGS):
                plan = Plan(
                    rung,
                    (*paths, target.room),
                    sandbox_selftest.make_scratch(target, rung),
                    (target.secret, *secrets),
                    SLOTS - 1 - index,
                    limits=Limits(target.memory_mb, 5, target.processes),
                )
                trials.append((rung, *_start_trial(plan, target)))
            return [_finish_trial(*trial) for trial in trials]
        finally:
            for _, keeper, _ in trials:
                kill_tree(keeper)
                os.waitpid(keeper, 0)


def _start_trial(plan: Plan, target: sandbox_selftest.Target) -> tuple[int, int]:
    """Fork a student that tries everything; returns its keeper and where it will report."""
    reader, writer = os.pipe()
    if keeper := os.fork():
        os.close(writer)
        return keeper, reader
    report: dict = {"reason": "the trial ended early"}
    try:
        used = layers(plan)
        enter(plan, (writer,))
        sandbox_selftest.do_honest_work(target)
        report = {"layers": used, "denies": promises(used)}
        if through := sandbox_selftest.succeeded(report["denies"], target):
            report = {"reason": "it does not stop: " + ", ".join(through)}
    except BaseException as error:
        report = {"reason": str(error) or repr(error)}
    finally:
        _report_and_exit(writer, report)


def _report_and_exit(writer: int, report: dict) -> NoReturn:
    try:
        os.write(writer, json.dumps(report).encode())
    finally:
        os._exit(0)


def _finish_trial(rung: str, keeper: int, reader: int) -> RungStatus:
    """Read a report to its end; silence counts as failure."""
    deadline, text = time.monotonic() + PROBE_SECONDS, b""
    with open(reader, "rb", buffering=0) as file:
        while select.select([file], [], [], max(0, deadline - time.monotonic()))[0]:
            if not (part := file.read(65536)):
                break
            text += part
    report = json.loads(text) if text else {"reason": "it died or hung while being tried"}
    if "reason" in report:
        return RungStatus(rung, False, report["reason"])
    return RungStatus(rung, True, "", tuple(report["layers"]), tuple(report["denies"]))


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


def end(plan: Plan, keeper: int) -> None:
    """End a student and all that it started; the caller waits for the keeper as for any child.

    Also after the keeper died by itself, as long as it has not been waited for.
    """
    kill_tree(keeper)
    if os.getuid() == 0 and plan.rung != "rlimits":
        sweep_uid(plan.slot)


def sweep_uid(slot: int) -> None:
    """As root, kill every process of a slot's user, such as those a killed grader left behind."""
    child = os.fork()
    if not child:
        try:
            become(FIRST_UID + slot)
            os.kill(-1, signal.SIGKILL)  # all but itself, in one step that no fork can slip through
        finally:
            os._exit(0)
    os.waitpid(child, 0)
