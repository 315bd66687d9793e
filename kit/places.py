"""Folders and locks of the grader that do not outlive it, however it ends."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

PREFIX = "storyteller-"
LOCK = "in-use"


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


@contextlib.contextmanager
def work_folder(kind: str) -> Iterator[Path]:
    """A folder for this process's time; what killed graders left behind is removed first."""
    home = Path(tempfile.gettempdir())
    for old in home.glob(f"{PREFIX}{kind}-*"):
        if (old / LOCK).is_file() and (old / LOCK).stat().st_uid == os.getuid():
            with contextlib.suppress(InUse, OSError), hold(old / LOCK):
                shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-"))
    try:
        with hold(folder / LOCK):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
