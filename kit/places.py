"""Folders and locks of the grader that do not outlive it, however it ends."""

import contextlib
import fcntl
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

PREFIX = "storyteller-"
LOCK = "in-use"
PROBED = 4000  # slots from here on are for the sandbox's probes


class InUse(RuntimeError):
    """Another process holds a lock."""


def hold(path: Path) -> IO:
    """Hold a lock until the returned file is closed or the process ends; InUse names the holder."""
    file = open(path, "a+", encoding="utf-8")  # noqa: SIM115 - an open file is the lock
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise InUse(f"process {holder}") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def remove_tree(folder: Path) -> None:
    """Delete a tree that students wrote to: nested too deep for Python, closed to its own owner."""
    quietly = {"stderr": subprocess.DEVNULL, "env": {"PATH": os.defpath}}
    delete = ["rm", "-rf", "--", str(folder)]
    if subprocess.run(delete, **quietly).returncode:
        closed = ["-type", "d", "!", "-perm", "-700", "-exec", "chmod", "u+rwx", "{}", ";"]
        subprocess.run(["find", str(folder), *closed], **quietly)
        subprocess.run(delete, **quietly)


@contextlib.contextmanager
def work_folder(kind: str) -> Iterator[Path]:
    """A folder for this process's time; what killed graders left behind is removed first."""
    home = Path(tempfile.gettempdir())
    for old in home.glob(f"{PREFIX}{kind}-*"):
        if (old / LOCK).is_file() and (old / LOCK).stat().st_uid == os.getuid():
            with contextlib.suppress(InUse, OSError), hold(old / LOCK):
                remove_tree(old)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-"))
    try:
        with hold(folder / LOCK):
            yield folder
    finally:
        remove_tree(folder)


def take_slots(count: int, stack: contextlib.ExitStack) -> list[int]:
    """Slots of the sandbox that no other grader on this machine uses, until the stack is closed.

    As root a slot is a user of its own, and whoever ends a student ends all processes of that user.
    """
    slots = []
    for slot in range(PROBED):
        lock = socket.socket(socket.AF_UNIX)
        try:
            lock.bind(f"\0{PREFIX}slot-{slot}")  # a name without a file: gone with its holder
        except OSError:
            lock.close()
            continue
        stack.enter_context(lock)
        slots.append(slot)
        if len(slots) == count:
            return slots
    raise InUse(f"other graders hold all but {len(slots)} of {PROBED} slots; wanted {count}")


def file_system(folder: Path) -> str:
    """The type of the file system that a folder lies on, e.g. ext4 or nfs4."""
    place, best, kind = str(folder.resolve()), "", ""
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
        for line in file:
            _, point, name, *_ = line.split()
            point = point.replace("\\040", " ")
            if f"{place}/".startswith(f"{point.rstrip('/')}/") and len(point) >= len(best):
                best, kind = point, name
    return kind
