"""The student's code in a process of its own: the transport to it, for judges and for pytest."""

import atexit
import select
import shutil
import signal
import socket
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path

from kit import sandbox
from kit.chapters import chapter, transitive_needs
from kit.codec import MAX_BYTES, MAX_TREE
from kit.door import Allowance
from kit.faults import Crash, Fault, Infra, Killed, OutOfMemory, Timeout
from kit.loader import STUDENT, Source
from kit.places import remove_tree, take_slots
from kit.processes import cpu_seconds, paused
from kit.rooms import (
    WALL_FACTOR,
    Room,
    make_room,
    open_to_reading,
    secret_folders,
    start_zygote,
)
from kit.wire import Messenger, receive_frame, send_frame

START_SECONDS = 60.0  # a student's process stands in milliseconds; a loaded machine may take longer
POLL_SECONDS = 0.1
MAX_REFUSALS = 2


class RemoteTransport:
    """Carries requests to a student's process, and ends it when it takes too long."""

    def __init__(self, zygote: Messenger, room: Room):
        self.zygote = zygote
        self.room = room
        self.sock: socket.socket | None = None
        self.pid = 0
        self.refusals = 0  # starts that failed in a row

    def request(self, data: bytes, allowance: Allowance) -> bytes:
        """One round trip. CPU time is limited; wall time to five times as much."""
        if self.sock is None:
            self._start()
        watch = _Watch(self.sock, self.pid, allowance.seconds)
        try:
            if watch.poll.poll(0) and self.sock.recv(1, socket.MSG_PEEK):
                raise ValueError("it spoke before it was asked")
            self.sock.settimeout(WALL_FACTOR * allowance.seconds)
            send_frame(self.sock, data)
            self.sock.settimeout(None)
            return receive_frame(self.sock, MAX_BYTES + MAX_TREE, watch)
        except TimeoutError:
            self.close()
            raise Timeout(f"no answer within {watch.reason}") from None
        except (EOFError, OSError):
            raise self._fate() from None
        except ValueError as error:
            self.close()
            raise Crash(f"the student's process is not to be relied on: {error}") from None

    def _start(self) -> None:
        if self.refusals >= MAX_REFUSALS:
            raise Infra(f"the student's process could not be started {MAX_REFUSALS} times")
        self.refusals += 1
        here, there = socket.socketpair()
        answer = self._ask(self.room.message(), there.fileno())
        there.close()
        self.sock, self.pid = here, answer["pid"]
        here.settimeout(START_SECONDS)
        try:
            greeting = receive_frame(here, 4096)
        except (EOFError, OSError, ValueError) as error:
            self.close()
            raise Infra(f"the student's process did not start: {type(error).__name__}") from None
        if greeting != b"ready":
            self.close()
            raise Infra(f"the sandbox refused: {greeting[1:].decode(errors='replace')}")
        here.settimeout(None)
        self.refusals = 0

    def _fate(self) -> Fault:
        """Why the student's process is gone."""
        ending = self._end(grace=1.0)
        status = ending["status"]
        if ending["over"]:
            return OutOfMemory(ending["over"])
        if status is None:
            return Crash("the process closed its connection in the middle of a call")
        if status == -signal.SIGXCPU:
            return Timeout("the process used up its CPU time")
        if status == -signal.SIGKILL:
            return Killed("the process died of SIGKILL (the machine may be out of memory)")
        if status < 0:
            names = {number: number.name for number in signal.Signals}  # not of all there are
            return Crash(f"the process died of {names.get(-status, f'signal {-status}')}")
        return Crash(f"the process ended with status {status} in the middle of a call")

    def _end(self, grace: float) -> dict:
        self.sock.close()
        self.sock = None
        return self._ask({"op": "end", "grace": grace})

    def _ask(self, message: dict, descriptor: int | None = None) -> dict:
        try:
            return self.zygote.ask(message, descriptor)
        except (EOFError, OSError):  # which a test could take for the student's
            raise Infra("the grader's own process, the zygote, is gone") from None

    def cpu_seconds(self) -> float:
        """That of the student's process and all it has forked."""
        return cpu_seconds(self.pid)

    def paused(self) -> AbstractContextManager[None]:
        """Nothing of the student's runs meanwhile."""
        return nullcontext() if self.sock is None else paused(self.pid)

    def close(self) -> None:
        """End the student's process."""
        if self.sock is not None:
            self._end(grace=0.0)


class _Watch:
    """Waits for an answer; TimeoutError once the process has used its CPU or wall time."""

    def __init__(self, sock: socket.socket, pid: int, seconds: float):
        self.sock, self.pid, self.seconds = sock, pid, seconds
        self.poll = select.poll()
        self.poll.register(sock, select.POLLIN)
        self.started = time.monotonic()
        self.next_look = self.started + POLL_SECONDS
        self.cpu: float | None = None
        self.reason = f"{WALL_FACTOR * self.seconds:g} s"

    def __call__(self) -> None:
        """Return when there is something to read."""
        while True:
            ready = self.poll.poll(POLL_SECONDS * 1000)
            # also while bytes come: an answer sent one by one would never be late
            if time.monotonic() >= self.next_look:
                self._look()
            if ready:
                return

    def _look(self) -> None:
        self.next_look = time.monotonic() + POLL_SECONDS
        used = cpu_seconds(self.pid)  # most calls answer before the first look
        self.cpu = used if self.cpu is None else self.cpu
        if used - self.cpu > self.seconds:
            self.reason = f"{self.seconds:g} s of CPU time"
            raise TimeoutError
        if time.monotonic() - self.started > WALL_FACTOR * self.seconds:
            raise TimeoutError


def isolated_transport(source: Source) -> RemoteTransport:
    """For `pytest --isolated`: a zygote for this run, and the source in a room of its own."""
    work = Path(tempfile.mkdtemp(prefix="storyteller-"))
    zygote, process = start_zygote(work / "stage", work / "log")
    zygote.receive()
    rung = sandbox.best_rung(None).rung
    subject = chapter(source.chapter)
    stack = ExitStack()
    [slot] = take_slots(1, stack)
    room = make_room(work / "student", subject, rung, slot, work / "stage", secret_folders())
    homes = {source.chapter: source.folder}
    if source.package == STUDENT and not source.needs:  # --deps student: its own earlier chapters
        homes |= {need: source.home / need for need in transitive_needs(source.chapter)}
        room = replace(room, source=room.source | {"needs": {}})
    for name, folder in homes.items():
        target = Path(room.source["home"]) / name
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(folder, target, dirs_exist_ok=True, ignore=ignore)
    open_to_reading(Path(room.source["home"]))
    transport = RemoteTransport(zygote, room)

    def end() -> None:
        transport.close()
        zygote.close()
        process.wait()
        stack.close()
        remove_tree(work)

    atexit.register(end)
    return transport
