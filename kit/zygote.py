"""The zygote: a clean process, libraries imported, from which judges and students are forked.

It imports torch, numpy, einops and the kit's runtime once (seconds), so that a fork is ready in
milliseconds. It holds no test and no solution, and students are forked from here, never from a
judge: a fork of the judge would carry the hidden tests in its memory.

Channels, each a Messenger. The first leads to the orchestrator:
    {"op": "mother", ...} + fd    fork a judge mother; fd is its channel to the orchestrator
    {"op": "channel"} + fd        adopt one more channel (a mother asks this for each judge)
    {"op": "student", ...} + fd   fork a student that serves on fd; ends the channel's last one
    {"op": "end", "grace": s}     end the channel's student; answers with its status, and with the
                                  limit for which the zygote killed it, if it did. One that is
                                  ending by itself gets `s` seconds; else its status is null
A channel owns at most one student, which ends when the channel closes.

Memory and disk are limited by the kernel for each process and file; that all of a student's
processes together stay within, the zygote sees to by looking ten times a second.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import torch

from kit import sandbox
from kit.loader import Source
from kit.processes import kill_tree, own_memory_mb, tree_exceeds
from kit.serve import Server
from kit.wire import Messenger, close_all_but, receive_frame, send_frame

REQUEST_LIMIT = 1 << 30
WATCH_SECONDS = 0.1  # how often the zygote looks at its students
MAX_SCRATCH_MB, MAX_SCRATCH_FILES = 256, 20_000  # where scratch is a folder of the host
# What a student or judge would otherwise import anew in every fork, or could not import any more
# once its file system is gone. The first torch optimizer alone pulls in some 900 modules.
PRELOAD = (
    *("torch", "numpy", "einops", "jaxtyping", "torch.optim", "torch._dynamo", "torch.nn.parallel"),
    *("torch.autograd.gradcheck", "torch.utils.checkpoint", "torch.utils.data", "torch.testing"),
    *("torch.distributed", "torch.nn.utils.clip_grad", "torch.overrides", "regex"),
    *("random", "math", "statistics", "heapq", "bisect", "tempfile", "pickle", "string", "timeit"),
    *("unicodedata", "fractions", "decimal", "secrets", "multiprocessing", "concurrent.futures"),
)


@dataclass
class Child:
    """A process that the zygote has forked."""

    pid: int
    channel: Messenger | None = None  # the student's owner; None for a judge mother
    plan: sandbox.Plan | None = None
    over: str = ""  # the limit it was killed for


class Zygote:
    """The loop that serves the channels."""

    def __init__(self, control: Messenger):
        self.control = control
        self.channels = [control]
        self.children: dict[int, Child] = {}
        self.statuses: dict[Messenger, dict] = {}  # how a channel's last student ended
        self.inherited_mb = own_memory_mb(os.getpid())
        self.watched = 0.0

    def serve(self) -> None:
        """Serve until the orchestrator is gone, then take everything down."""
        wake_read, wake_write = os.pipe()
        for end in (wake_read, wake_write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, so that the pipe is written
        threads = os.listdir("/proc/self/task")
        assert len(threads) == 1, f"{len(threads)} threads; a fork would keep one of them"
        self.control.send({"ready": True})
        while True:
            students = [child for child in self.children.values() if child.plan is not None]
            patience = WATCH_SECONDS if students else None
            ready, _, _ = select.select([wake_read, *self.channels], [], [], patience)
            self._watch(students)
            if wake_read in ready:
                os.read(wake_read, 4096)
                self._reap()
            for channel in ready:
                if channel is not wake_read and channel in self.channels:
                    self._serve(channel)

    def _watch(self, students: list[Child]) -> None:
        """Kill students that hold more than they may, all their processes and files together."""
        if time.monotonic() < self.watched + WATCH_SECONDS:
            return
        for child in students:
            limit = child.plan.limits.memory_mb
            if child.over:
                continue
            if tree_exceeds(child.pid, limit, self.inherited_mb):
                child.over = f"its processes together held more than {limit} MB"
            elif child.plan.rung != "namespaces" and _overfull(child.plan.scratch):
                child.over = f"its files held more than {MAX_SCRATCH_MB} MB"
            if child.over:
                with contextlib.suppress(TimeoutError):  # then its judge will give it up
                    kill_tree(child.pid)
        self.watched = time.monotonic()

    def _serve(self, channel: Messenger) -> None:
        try:
            message, descriptor = channel.receive()
        except EOFError:
            if channel is self.control:
                self._end_everything()
            self._end_student(channel)
            self.channels.remove(channel)
            self.statuses.pop(channel, None)
            channel.close()
            return
        match message["op"]:
            case "channel":
                self.channels.append(Messenger(socket.socket(fileno=descriptor)))
            case "mother":
                self._fork_mother(message, descriptor)
            case "student":
                self._end_student(channel)
                pid = self._fork_student(message, descriptor, channel)
                channel.send({"pid": pid})
            case "end":
                self._end_student(channel, message["grace"])
                channel.send(self.statuses.pop(channel, {"status": None, "over": ""}))

    def _fork_mother(self, message: dict, descriptor: int) -> None:
        here, there = Messenger.pair()
        pid = os.fork()
        if pid == 0:
            try:
                _become_child({descriptor, there.fileno()})
                _run_mother(message, descriptor, there.detach())
            finally:
                os._exit(70)
        os.close(descriptor)
        there.close()
        self.channels.append(here)
        self.children[pid] = Child(pid)

    def _fork_student(self, message: dict, descriptor: int, channel: Messenger) -> int:
        plan = _plan(message["plan"])
        pid = os.fork()
        if pid == 0:
            try:
                _become_child({descriptor})
                _run_student(plan, message, descriptor)
            except BaseException as error:
                _say(descriptor, f"{type(error).__name__}: {error}")
            finally:
                os._exit(70)
        os.close(descriptor)
        self.children[pid] = Child(pid, channel, plan)
        self.statuses.pop(channel, None)
        return pid

    def _reap(self) -> None:
        """Collect the dead, and end what they left behind."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self.children.pop(pid, None)
            if child is not None and child.channel is not None:
                self.statuses[child.channel] = _ending(child, status)

    def _end_student(self, channel: Messenger, grace: float = 0.0) -> None:
        for child in [c for c in self.children.values() if c.channel is channel]:
            deadline, ended, status = time.monotonic() + grace, 0, 0
            while not ended and time.monotonic() < deadline:
                ended, status = os.waitpid(child.pid, os.WNOHANG)
                time.sleep(0 if ended else 0.005)
            sandbox.end(child.plan, child.pid)
            if not ended:
                os.waitpid(child.pid, 0)
            del self.children[child.pid]
            self.statuses[channel] = _ending(child, status if ended else None)

    def _end_everything(self) -> None:
        for child in list(self.children.values()):
            if child.plan is not None:
                sandbox.end(child.plan, child.pid)
            else:
                os.kill(child.pid, signal.SIGKILL)
        os._exit(0)


def _ending(child: Child, status: int | None) -> dict:
    """How a student ended; without a status, it was killed when told to end."""
    code = None if status is None else os.waitstatus_to_exitcode(status)
    return {"status": code, "over": child.over}


def _overfull(folder: str) -> bool:
    """Whether a student has filled its folder of the host, or shut the zygote out of it."""
    size = files = 0
    todo = [folder]
    try:
        while todo and files <= MAX_SCRATCH_FILES and size <= MAX_SCRATCH_MB << 20:
            with os.scandir(todo.pop()) as scan:
                for entry in scan:
                    files += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
    except FileNotFoundError:  # removed meanwhile
        return False
    except OSError:
        return True
    return files > MAX_SCRATCH_FILES or size > MAX_SCRATCH_MB << 20


def _become_child(keep: set[int]) -> None:
    """Drop what a fork has inherited from the zygote's loop."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    close_all_but(keep)


def _plan(fields: dict) -> sandbox.Plan:
    fields = fields | {
        "limits": sandbox.Limits(**fields["limits"]),
        "readable": tuple(fields["readable"]),
        "secrets": tuple(fields["secrets"]),
    }
    return sandbox.Plan(**fields)


def _run_mother(message: dict, jobs: int, zygote: int) -> None:
    """Become the judge mother. From here on the whole kit, tests and solutions may be imported."""
    import kit

    # set here and not in the zygote, whose environment students inherit
    os.environ["STORYTELLER_ROOT"] = message["root"]
    os.environ["STORYTELLER_COURSE_KEY"] = message["key"]
    kit.__path__.append(message["kit"])
    sys.path.insert(0, message["root"])
    from kit import judge

    judge.mother(
        message["chapter"], Messenger(socket.socket(fileno=jobs)), socket.socket(fileno=zygote)
    )


def _say(descriptor: int, text: str) -> None:
    """Tell the judge that the sandbox could not be entered: the grader's fault, not the student's."""
    with socket.socket(fileno=os.dup(descriptor)) as sock:
        send_frame(sock, b"!" + text.encode()[:2000])


def _run_student(plan: sandbox.Plan, message: dict, descriptor: int) -> None:
    """Enter the sandbox, then answer requests until the judge closes the socket."""
    sandbox.enter(plan, keep=(descriptor,))
    fields = message["source"]
    needs = {name: Path(folder) for name, folder in fields["needs"].items()}
    source = Source(fields["chapter"], fields["package"], Path(fields["home"]), needs)
    server = Server(source.open, source)
    sock = socket.socket(fileno=descriptor)
    try:
        send_frame(sock, b"ready")
        while True:
            send_frame(sock, server.handle(receive_frame(sock, REQUEST_LIMIT)))
    except (EOFError, ConnectionError):
        os._exit(0)


def main() -> None:
    """Run the zygote on the control channel that is open as descriptor argv[1]."""
    arguments = json.loads(sys.argv[1])
    sys.dont_write_bytecode = True
    torch.set_num_threads(1)  # before any operation: a forked child would hang otherwise
    for name in PRELOAD:
        try:
            importlib.import_module(name)
        except ImportError:  # not on every machine; a student who needs it is told
            continue
    gc.freeze()  # a collection in a fork would copy all that it shares with this process
    try:
        Zygote(Messenger(socket.socket(fileno=arguments["control"]))).serve()
    except BaseException:
        traceback.print_exc()
        os._exit(70)


if __name__ == "__main__":
    main()
