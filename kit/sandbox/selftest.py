"""Attacks that a sandbox must stop and work that it must allow, tried from inside.

Each attack returns if it succeeded and raises if it was stopped. They are bounded and local: the
worst that a success does is a signal 0, a few idle processes, or memory asked for and never touched.
The same table serves the probe on every machine and the tests.
"""

import ctypes
import importlib
import mmap
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kit.sandbox import linux

PTRACE_SEIZE, PR_GET_PDEATHSIG = 0x4206, 2
RARE_MODULES = ("colorsys", "stringprep", "tabnanny", "rlcompleter", "sched")


@dataclass(frozen=True)
class Target:
    """What the attacks aim at, laid out by whoever runs them."""

    secret: str  # a folder with the file "answer"
    outside: str  # a folder anybody may write to
    room: str  # the student's code, with the file "code.py"
    port: int  # a TCP listener on the host's loopback
    socket_file: str  # a UNIX listener anybody may connect to
    grader: int  # a process
    inherited: int  # a file that was open before enter()
    memory_mb: int
    processes: int


@contextmanager
def target(memory_mb: int = 64, processes: int = 8) -> Iterator[Target]:
    """Make something to steal, to break and to reach, in a folder that all users can enter."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix="sandbox-"))
    listener = socket.create_server(("127.0.0.1", 0))
    files = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.chmod(folder, 0o755)
        for name, mode in (("secret", 0o700), ("outside", 0o777), ("room", 0o755)):
            os.mkdir(os.path.join(folder, name))
            os.chmod(os.path.join(folder, name), mode)
        for name in ("secret/answer", "room/code.py"):
            with open(os.path.join(folder, name), "w") as file:
                file.write("x = 42\n")
            os.chmod(os.path.join(folder, name), 0o644)
        socket_file = os.path.join(folder, "outside", "socket")
        files.bind(socket_file)
        files.listen()
        os.chmod(socket_file, 0o777)
        secret, outside, room = (os.path.join(folder, n) for n in ("secret", "outside", "room"))
        port, inherited = listener.getsockname()[1], listener.fileno()
        yield Target(
            secret, outside, room, port, socket_file, os.getpid(), inherited, memory_mb, processes
        )
    finally:
        listener.close()
        files.close()
        shutil.rmtree(folder, ignore_errors=True)


def make_scratch(target: Target) -> str:
    """A fresh folder beside what the attacks aim at."""
    return tempfile.mkdtemp(prefix="scratch-", dir=os.path.dirname(target.room))


def read_secret(target: Target) -> None:
    """Open a file of the solutions."""
    with open(os.path.join(target.secret, "answer")) as file:
        file.read()


def write_outside(target: Target) -> None:
    """Leave a file in a folder open to everybody."""
    with open(os.path.join(target.outside, f"left-by-{os.getpid()}"), "w") as file:
        file.write("x")


def change_own_code(target: Target) -> None:
    """Rewrite the submission while it is graded."""
    with open(os.path.join(target.room, "code.py"), "a") as file:
        file.write("# changed\n")


def change_rights(target: Target) -> None:
    """Let everybody write to the submission: its owner needs not open a file for that."""
    path = os.path.join(target.room, "code.py")
    before = os.stat(path).st_mode
    os.chmod(path, 0o666)
    if os.stat(path).st_mode == before:
        raise PermissionError("the call has changed nothing")


def reach_loopback(target: Target) -> None:
    """Talk to a service of the host."""
    socket.create_connection(("127.0.0.1", target.port), timeout=1).close()


def reach_socket_file(target: Target) -> None:
    """Talk to a service of the host that listens on a file, as a container daemon does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(target.socket_file)


def signal_grader(target: Target) -> None:
    """Find a process outside that a signal would reach: the grader, or the keeper."""
    for pid in {target.grader, os.getppid()} - {0, os.getpid()}:  # 0: the parent is not visible
        try:
            os.kill(pid, 0)
        except OSError:
            continue
        return
    raise ProcessLookupError("no process of the grader is in reach")


def _idle_child() -> int:
    child = os.fork()
    if not child:
        time.sleep(20)
        os._exit(0)
    return child


def _end_children(children: list[int]) -> None:
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)


def trace(target: Target) -> None:
    """Take control of another process of the same user."""
    child = _idle_child()
    try:
        linux.check(linux.libc.ptrace(PTRACE_SEIZE, child, None, None), "ptrace")
    finally:
        _end_children([child])


def make_namespace(target: Target) -> None:
    """Become root of a new user namespace, with all its rights on the kernel's rare parts."""
    linux.unshare(linux.CLONE_NEWUSER)


def raise_limits(target: Target) -> None:
    """Lift a hard limit."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))


def use_inherited_file(target: Target) -> None:
    """Use what the grader had open."""
    os.fstat(target.inherited)


def outlive_keeper(target: Target) -> None:
    """Disarm the signal that comes when the keeper dies."""
    linux.prctl(linux.PR_SET_PDEATHSIG, 0)
    armed = ctypes.c_int()
    linux.libc.prctl(PR_GET_PDEATHSIG, ctypes.byref(armed))
    if armed.value:
        raise PermissionError("the signal is still armed")


def start_processes(target: Target) -> None:
    """Start more processes than the limit allows."""
    children: list[int] = []
    try:
        for _ in range(target.processes + 1):
            children.append(_idle_child())
    finally:
        _end_children(children)


def fill_heap(target: Target) -> None:
    """Allocate twice the limit."""
    bytearray(target.memory_mb << 21)


def fill_memfd(target: Target) -> None:
    """Keep data in a file that is only memory."""
    os.close(os.memfd_create("hoard"))


def fill_shared(target: Target) -> None:
    """Map twice the limit as anonymous shared memory."""
    mmap.mmap(-1, target.memory_mb << 21).close()


def fill_stack(target: Target) -> None:
    """Map twice the limit as a stack."""
    kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100  # MAP_GROWSDOWN
    mmap.mmap(-1, target.memory_mb << 21, flags=kind).close()


ATTACKS: dict[str, Callable[[Target], None]] = {
    "read a secret": read_secret,
    "write outside scratch": write_outside,
    "change its own code": change_own_code,
    "change a file's rights": change_rights,
    "reach the host's loopback": reach_loopback,
    "reach a socket file of the host": reach_socket_file,
    "signal the grader": signal_grader,
    "trace a process": trace,
    "make a namespace": make_namespace,
    "raise its limits": raise_limits,
    "use an inherited file": use_inherited_file,
    "outlive the keeper": outlive_keeper,
    "start processes without end": start_processes,
    "fill memory: heap": fill_heap,
    "fill memory: memfd": fill_memfd,
    "fill memory: shared mapping": fill_shared,
    "fill memory: growing stack": fill_stack,
}


def succeeded(attacks: tuple[str, ...], target: Target) -> list[str]:
    """Which of these attacks nothing stopped."""
    through = []
    for name in attacks:
        try:
            ATTACKS[name](target)
        except (OSError, ValueError, MemoryError):
            continue
        through.append(name)
    return through


def do_honest_work(target: Target) -> None:
    """What every submission may rely on; raises what went wrong."""
    importlib.import_module(next(name for name in RARE_MODULES if name not in sys.modules))
    with open(os.path.join(target.room, "code.py")) as file:
        file.read()
    with open("mine.txt", "w") as file, tempfile.TemporaryFile() as other:
        file.write("x")
        other.write(b"x")
    if not os.path.exists(os.path.join(os.environ["HOME"], "mine.txt")):
        raise OSError(f"the working folder is {os.getcwd()}, wanted {os.environ['HOME']}")
    child = os.fork()
    if not child:
        os._exit(7)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 7:
        raise ChildProcessError("a forked child did not end as it should")
