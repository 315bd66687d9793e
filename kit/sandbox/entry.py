"""Turn a fresh fork into the student: the order of steps, and the keeper that stays outside.

The order matters. Paths are resolved and files closed while the process still may; the namespaces
come before the change of user, which loses the right to make them; what only takes away comes last,
the filter of system calls at the very end. Then the student, already powerless, checks that the
plan holds: a promise that is not kept raises here, not in a grade.
"""

import contextlib
import errno
import os
import resource
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from typing import NoReturn

from kit.processes import is_alive, kill_descendants, kill_tree, parent
from kit.sandbox import linux, rootfs, seccomp
from kit.sandbox.plan import (
    FIRST_UID,
    Plan,
    SandboxError,
    become,
    check,
    is_readable,
    layers,
    set_limits,
)
from kit.sandbox.rootfs import is_within

CLOSED_BY = {  # settings that keep ordinary users from making namespaces, and the value that does
    "kernel/apparmor_restrict_unprivileged_userns": "1",
    "kernel/unprivileged_userns_clone": "0",
    "user/max_user_namespaces": "0",
}
KEEPER_SECONDS = 2.0  # a keeper needs a millisecond, unless something has stopped it
WATCHED = {signal.SIGCHLD, signal.SIGTERM}  # what a keeper waits for


def enter(plan: Plan, keep: tuple[int, ...] = ()) -> None:
    """Become the student; call it in a fresh fork, with one thread.

    Returns in a child, in namespaces pid 1 of its own. The caller's process becomes the keeper and
    never returns: it ends as the student ends. Files but `keep` are closed, 0 to 2 replaced by
    /dev/null. Raises SandboxError, possibly in the child: report it and _exit.
    """
    caller = os.getppid()
    try:
        check(plan)
        used = layers(plan)
        secrets = tuple(os.path.realpath(path) for path in plan.secrets)
        shown = tuple(os.path.realpath(path) for path in (*plan.readable, plan.scratch))
        ids = (plan.uid, plan.uid) if "uid" in used else (os.getuid(), os.getgid())
        _detach(keep)
        if "uid" in used:
            os.chown(plan.scratch, *ids)
        os.chmod(plan.scratch, 0o700)  # the process before this one may have closed it
        _leave_namespaces(used)
        _fork(used, keep, caller)
        if "namespaces" in used:
            if plan.loopback:
                linux.loopback_up()
            rootfs.build_and_enter(plan.readable, plan.scratch, secrets, *ids)
        if "uid" in used:
            become(plan.uid)
            linux.die_with_parent()  # the change of user disarmed it
        _settle(plan.scratch)
        _restrict(plan, used)
    except OSError as error:
        raise SandboxError(f"{error}{_advice(plan.rung, error)}") from error
    _verify(plan, secrets, shown)


def _detach(keep: Iterable[int]) -> None:
    """Cut the ties to the caller: session, signal handlers and open files."""
    if (threads := len(os.listdir("/proc/self/task"))) != 1:
        raise SandboxError(f"{threads} threads are running; enter the sandbox in a fresh fork")
    os.setsid()
    os.umask(0o022)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    # Out of memory, the kernel should take the student and not the grader: a wish, no promise.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    _close_files(keep)


def _close_files(keep: Iterable[int]) -> None:
    kept = set(keep)
    null = os.open("/dev/null", os.O_RDWR)
    for standard in {0, 1, 2} - kept - {null}:
        os.dup2(null, standard)  # merely closed, its number would go to the next file opened
    for handle in [int(name) for name in os.listdir("/proc/self/fd")]:
        if handle > 2 and handle not in kept:
            with contextlib.suppress(OSError):  # the handle that listed the folder is gone
                os.close(handle)


def _leave_namespaces(used: tuple[str, ...]) -> None:
    if "namespaces" not in used:
        return
    flags = linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWNET
    flags |= linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
    if "user namespace" in used:
        uid, gid = os.getuid(), os.getgid()
        linux.unshare(flags | linux.CLONE_NEWUSER)
        linux.map_own_ids(uid, gid)
    else:
        linux.unshare(flags)
    socket.sethostname("sandbox")  # the host's name could not be resolved in there


def _fork(used: tuple[str, ...], keep: Iterable[int], caller: int) -> None:
    """Continue in a child, which dies with this process; this process becomes its keeper."""
    null = os.open("/dev/null", os.O_RDWR)
    _prepare_to_keep(used, caller)
    if student := os.fork():
        # The student may have swapped the root, /dev and /proc of both by now.
        for handle in keep:
            os.dup2(null, handle)
        _keep(student, used)
    linux.die_with_parent()
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.close(null)


def _prepare_to_keep(used: tuple[str, ...], caller: int) -> None:
    """Before the fork, what the keeper must not be late with; a fork inherits only the mask.

    Without a pid namespace to take everything down, the keeper has to adopt what the student
    leaves behind. When the caller dies it is told, and not killed, so that it can still reap: in a
    container nobody else may, and dead processes count against the limit of their user.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    if "namespaces" not in used:
        linux.adopt_orphans()
    linux.die_with_parent(signal.SIGTERM)
    if os.getppid() != caller:
        raise SandboxError("the process that asked for the sandbox is gone")


def _keep(student: int, used: tuple[str, ...]) -> NoReturn:
    """Stay outside until the student ends, leave nothing of it behind, and end in the same way."""
    status = 1 << 8
    try:
        status = _wait_for(student)
        if "namespaces" not in used:
            kill_descendants(os.getpid())
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            os.kill(os.getpid(), number)
    finally:
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _wait_for(student: int) -> int:
    """The student's exit status; it is killed if the keeper is told to end first.

    Blocked signals wait for sigwait(): a handler could run just before the wait and be lost.
    """
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == student:
            return status
        if not ended and signal.sigwait(WATCHED) == signal.SIGTERM:
            os.kill(student, signal.SIGKILL)


def _settle(scratch: str) -> None:
    """Make scratch the place where programs put things."""
    os.chdir(scratch)
    os.environ.update(HOME=scratch, TMPDIR=scratch, USER="student", LOGNAME="student")
    tempfile.tempdir = None  # forget the grader's answer


def _restrict(plan: Plan, used: tuple[str, ...]) -> None:
    """Everything that only takes away."""
    linux.no_new_privileges()
    set_limits(plan.limits, "process limit" in used)
    linux.drop_capabilities()
    inside = "namespaces" in used
    if "landlock" in used:
        # Outside, other people's processes must not show: only this one's own /proc.
        tables = ("/proc", "/etc") if inside else ("/proc/self", "/proc/cpuinfo", "/proc/meminfo")
        readable = (*rootfs.SYSTEM, *rootfs.DEVICES, *tables, *plan.readable)
        # multiprocessing's locks lie in /dev/shm; outside, a user of one's own keeps others' apart
        writable = ("/tmp", "/dev/shm") if inside else ("/dev/shm",) if "uid" in used else ()
        linux.landlock(readable, ("/dev/null", plan.scratch, *writable), plan.loopback)
    if "seccomp" in used:
        apart = inside or "uid" in used or "signal scope" in used
        families = seccomp.families(inside, plan.loopback)
        own = not inside and "uid" not in used
        seccomp.install(families, 0 if apart else os.getpid(), owns_files=own)


def _verify(plan: Plan, secrets: tuple[str, ...], shown: tuple[str, ...]) -> None:
    """Look, as the student, whether the plan holds."""
    for path in plan.readable:
        if not is_readable(path):
            raise SandboxError(
                f"the student cannot read {path}; make it and every folder above it readable to "
                "all users (chmod a+rX), or install Python outside a home folder"
            )
    if not os.access(plan.scratch, os.W_OK | os.X_OK):
        raise SandboxError(f"the student cannot write to {plan.scratch}; make it reachable")
    if plan.rung == "rlimits":
        return  # it promises nothing about files
    for secret in secrets:
        # Landlock alone lets a folder be entered, and denies the files in it.
        if _sees(secret, shown) or (plan.rung == "uid" and os.access(secret, os.X_OK)):
            raise SandboxError(
                f"the student reaches the secret {secret}; on the rung uid, close_secrets() first"
            )


def _sees(secret: str, shown: tuple[str, ...]) -> bool:
    """Whether anything of a secret is visible but the way to something shown that lies inside."""
    try:
        if os.path.isdir(secret):
            visible = [os.path.join(secret, name) for name in os.listdir(secret)]
        else:
            visible = [secret]
            open(secret, "rb").close()
    except OSError:
        return False
    return not all(any(is_within(path, entry) for path in shown) for entry in visible)


def _advice(rung: str, error: OSError) -> str:
    """The likely cause of a refusal, where this machine tells it."""
    refusals = (errno.EPERM, errno.EACCES, errno.ENOSPC, errno.EINVAL)
    if rung != "namespaces" or error.errno not in refusals:
        return ""
    if os.getuid() == 0:
        return "; this root lacks rights: start the container with CAP_SYS_ADMIN"
    for name, closed in CLOSED_BY.items():
        try:
            with open(f"/proc/sys/{name}") as file:
                value = file.read().strip()
        except OSError:
            continue
        if value == closed:
            return f"; {name.replace('/', '.')} is {value} and keeps users from making namespaces"
    return ""


def end(plan: Plan, keeper: int) -> None:
    """End a student and all that it started; for the keeper's parent, who then waits for it.

    Does nothing to a keeper that was waited for: its number may already be another process's.
    """
    if parent(keeper) == os.getpid():
        kill_descendants(keeper)
        deadline = time.monotonic() + KEEPER_SECONDS
        while is_alive(keeper) and time.monotonic() < deadline:
            time.sleep(0.0005)  # it reaps them, and ends by itself
        kill_tree(keeper)
    if os.getuid() == 0 and plan.rung in ("landlock", "uid"):
        sweep_uid(plan.slot)  # in case the keeper was killed before it could clean up


def sweep_uid(slot: int) -> None:
    """As root, kill every process of a slot's user, and free the shared memory that it holds.

    Two graders that run as root on one machine therefore need slots of their own.
    """
    child = os.fork()
    if not child:
        try:
            become(FIRST_UID + slot)
            os.kill(-1, signal.SIGKILL)  # all but itself, in one step that no fork can slip through
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    for entry in os.scandir("/dev/shm"):
        with contextlib.suppress(OSError):
            if entry.stat(follow_symlinks=False).st_uid == FIRST_UID + slot:
                # nested too deep, Python could not delete it
                subprocess.run(["rm", "-rf", "--", entry.path], stderr=subprocess.DEVNULL)
