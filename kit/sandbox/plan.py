"""What is asked of the sandbox, and which mechanisms of this machine will answer.

The plan names paths and limits; layers() turns it into the list of mechanisms that enter() uses.
Both sides of a grade read that list: enter() obeys it, the report says what protected the grade.
"""

import os
import resource
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from kit.sandbox import linux, rootfs, seccomp
from kit.sandbox.rootfs import is_within

RUNGS = ("namespaces", "landlock", "uid", "rlimits")  # best first

FIRST_UID, SLOTS = 60000, 5000  # above login users on every distribution, below nobody
OWN_COUNT_SINCE = (5, 14)  # since then a user namespace counts its processes by itself
SIGNALS_SCOPED_SINCE = 6  # the Landlock version that keeps signals from outsiders


class SandboxError(RuntimeError):
    """The sandbox cannot be what was asked for: what failed, and the fix."""


@dataclass(frozen=True)
class Limits:
    """What one student may use. All but `processes` hold for each process on its own."""

    memory_mb: int = 2048  # on top of what the process holds when it enters
    cpu_seconds: int = 300
    processes: int = 64
    file_mb: int = 64
    files: int = 512


@dataclass(frozen=True)
class Plan:
    """All that one student's process may touch."""

    rung: str
    readable: tuple[str, ...]  # Python (see interpreter_paths) and the room, read-only
    scratch: str  # the one writable folder, also cwd, TMPDIR and HOME; in namespaces a tmpfs
    secrets: tuple[str, ...]  # must be unreachable: solutions, tests, other submissions
    slot: int  # as root the uid is 60000 + slot: one slot per student at a time
    loopback: bool = False
    limits: Limits = Limits()

    @property
    def uid(self) -> int:
        """The user that root turns the student into."""
        return FIRST_UID + self.slot


def check(plan: Plan) -> None:
    """Refuse a plan that contradicts itself or this machine."""
    if plan.rung not in RUNGS:
        raise SandboxError(f"no rung {plan.rung!r}; choose from {', '.join(RUNGS)}")
    if not 0 <= plan.slot < SLOTS:
        raise SandboxError(f"slot {plan.slot} is out of range; choose from 0 to {SLOTS - 1}")
    if plan.loopback and plan.rung in ("landlock", "uid"):
        raise SandboxError(f"the rung {plan.rung} has no loopback of its own; use namespaces")
    if plan.rung == "landlock" and not linux.landlock_abi():
        raise SandboxError("this kernel offers no Landlock; it takes Linux 5.13 or later")
    if plan.rung == "uid" and os.getuid() != 0:
        raise SandboxError("only root can give a student a user of its own; grade as root")
    for path in (*plan.readable, *plan.secrets, plan.scratch):
        if not os.path.isabs(path) or not os.path.exists(path):
            raise SandboxError(f"{path!r} is not the absolute path of something that exists")
    for path in (*plan.readable, plan.scratch):
        for secret in plan.secrets:
            _check_apart(plan.rung, path, secret)


def _check_apart(rung: str, path: str, secret: str) -> None:
    """Refuse to show a secret: only namespaces and file modes can carve one out of a folder."""
    shown, hidden = os.path.realpath(path), os.path.realpath(secret)
    if shown in (hidden, "/") or (rung == "landlock" and is_within(hidden, shown)):
        raise SandboxError(
            f"{path} would show the secret {secret}; keep secrets out of readable folders"
        )


def interpreter_paths() -> tuple[str, ...]:
    """What Python itself needs to read: its prefixes, site-packages and loaded libraries.

    A package installed editable is not in it: the folder it points to is the repository.
    """
    paths = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, sys.executable}
    paths |= {path for path in sys.path if path.endswith(("site-packages", "dist-packages"))}
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        mapped = {line.split(maxsplit=5)[5].rstrip("\n") for line in file if "/" in line}
    paths |= {path for path in mapped if ".so" in os.path.basename(path)}
    # Every student sees the system's libraries; the prefix of the system's Python is /usr.
    system = [os.path.realpath(path) for path in rootfs.SYSTEM]
    chosen: list[str] = []
    for path in sorted(path for path in paths if os.path.exists(path)):
        seen = any(is_within(os.path.realpath(path), folder) for folder in system)
        # Sorted, a folder comes before all that lies in it.
        if not seen and not any(is_within(path, folder) for folder in chosen):
            chosen.append(path)
    return tuple(chosen)


def layers(plan: Plan) -> tuple[str, ...]:
    """The mechanisms that enter() uses for this plan on this machine."""
    root = os.getuid() == 0
    found = ["namespaces"] if plan.rung == "namespaces" else []
    if found and not root:
        found.append("user namespace")
    if plan.rung in ("namespaces", "landlock") and linux.landlock_abi():
        found.append("landlock")
    if plan.rung != "rlimits" and seccomp.supported():
        found.append("seccomp")
    if "landlock" in found and linux.landlock_abi() >= SIGNALS_SCOPED_SINCE:
        found.append("signal scope")
    if root and (plan.rung in ("namespaces", "uid") or _may_change_user(plan)):
        found.append("uid")
    if "uid" in found or ("user namespace" in found and _kernel() >= OWN_COUNT_SINCE):
        found.append("process limit")
    return (*found, "rlimits")


def _kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])


def _may_change_user(plan: Plan) -> bool:
    """Whether Landlock can be joined by a user of its own: not where only root reaches Python."""
    return plan.rung == "landlock" and not unreachable(plan.readable, plan.uid)


def unreachable(paths: Iterable[str], uid: int) -> bool:
    """Whether root cannot become this user, or the user could not read one of the paths."""
    if not (child := os.fork()):
        denied = 1
        try:
            become(uid)
            denied = int(not all(map(is_readable, paths)))
        finally:
            os._exit(denied)
    return os.waitpid(child, 0)[1] != 0


def is_readable(path: str) -> bool:
    """Whether this process may read a file, or list and enter a folder."""
    return os.access(path, os.R_OK | os.X_OK if os.path.isdir(path) else os.R_OK)


def become(uid: int) -> None:
    """Stop being root, for good, in a group of one's own."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def set_limits(limits: Limits, count_processes: bool) -> None:
    """Set the resource limits, soft and hard."""
    megabyte = 1 << 20
    wanted = {
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_DATA: _data_bytes() + limits.memory_mb * megabyte,
        resource.RLIMIT_FSIZE: limits.file_mb * megabyte,
        resource.RLIMIT_NOFILE: limits.files,
        resource.RLIMIT_STACK: 64 * megabyte,  # not part of RLIMIT_DATA
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if count_processes:
        wanted[resource.RLIMIT_NPROC] = limits.processes
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _data_bytes() -> int:
    """What RLIMIT_DATA counts of this process now: torch alone takes hundreds of megabytes."""
    with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        lines = [line for line in file if line.startswith("VmData:")]
    return int(lines[0].split()[1]) * 1024
