"""Rooms for students' processes, and the zygote that forks them. Imports no torch.

A room is the private folder of one student's process:
    room/assignments/<chapter>    the submission's files, read-only
    room/solutions/<need>         the reference of the chapters it needs, and of no others
    scratch/                      the one place it may write
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from kit import sandbox
from kit.chapters import Chapter, repository, transitive_needs
from kit.loader import REFERENCE, STUDENT
from kit.places import remove_tree
from kit.sandbox.plan import FIRST_UID
from kit.stage import stage
from kit.wire import Messenger

WALL_FACTOR = 5.0  # wall time granted per second of CPU time: the machine may be busy
ENVIRONMENT = {  # what reaches the zygote and all its forks, and nothing else does
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "GLOO_SOCKET_IFNAME": "lo",
    "TRITON_INTERPRET": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}


@dataclass(frozen=True)
class Room:
    """Where one chapter of one submission lives while it is tested."""

    folder: Path
    plan: sandbox.Plan
    source: dict[str, object]

    def message(self) -> dict[str, object]:
        """The zygote's request for a student in this room."""
        return {"op": "student", "plan": asdict(self.plan), "source": self.source}

    def remove(self) -> None:
        """Delete the room."""
        remove_tree(self.folder)


def limits_of(subject: Chapter) -> sandbox.Limits:
    """What a student's process may use: the most that any problem of the chapter grants."""
    seconds = sum(problem.seconds for problem in subject.problems)
    return sandbox.Limits(
        memory_mb=max(problem.memory_mb for problem in subject.problems),
        cpu_seconds=int(WALL_FACTOR * seconds) + 60,  # each call's limit is the judge's; a backstop
    )


def make_room(
    folder: Path, subject: Chapter, rung: str, slot: int, staged: Path, secrets: Iterable[Path]
) -> Room:
    """Make an empty room; the caller puts the code into room/assignments/<chapter>.

    `staged` is the folder of the zygote, from which students import kit.given.
    """
    room, scratch = folder / "room", folder / "scratch"
    (room / STUDENT / subject.name).mkdir(parents=True)
    scratch.mkdir()
    root = repository()
    needs = transitive_needs(subject.name)
    for need in needs:
        target = room / REFERENCE / need
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / REFERENCE / need, target, ignore=ignore)
    open_to_reading(room)
    if os.getuid() == 0:
        # only this slot's user may look in; students of other slots may not
        os.chmod(folder, 0o711)
        os.chown(room, 0, FIRST_UID + slot)
        os.chmod(room, 0o750)
    loopback = any(problem.net == "loopback" for problem in subject.problems)
    plan = sandbox.Plan(
        rung=rung,
        readable=(*sandbox.interpreter_paths(), str(staged), str(room)),
        scratch=str(scratch),
        secrets=tuple(str(path) for path in secrets if path.exists()),
        slot=slot,
        loopback=loopback,
        limits=limits_of(subject),
    )
    source = {
        "chapter": subject.name,
        "package": STUDENT,
        "home": str(room / STUDENT),
        "needs": {need: str(room / REFERENCE / need) for need in needs},
    }
    return Room(folder, plan, source)


def open_to_reading(folder: Path) -> None:
    """Let every user read a tree; who may enter it, its top folder decides."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def secret_folders() -> list[Path]:
    """What no student's process may read: solutions, tests (bugs among them) and kernels."""
    folders = (repository() / name for name in (REFERENCE, "tests", "kernels"))
    return [folder for folder in folders if folder.exists()]


def start_zygote(folder: Path, log: Path) -> tuple[Messenger, subprocess.Popen]:
    """Start a zygote on a stage of its own; the control channel to it, and its process."""
    open_to_reading(stage(folder))
    control, there = Messenger.pair()
    # -S: no .pth file, so that an editable install leads nobody to the repository
    search = [str(folder), *(p for p in sys.path if p.endswith(("site-packages", "dist-packages")))]
    code = f"import sys; sys.path[:0] = {search!r}; from kit.zygote import main; main()"
    with open(log, "ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", code, json.dumps({"control": there.fileno()})],
            env=ENVIRONMENT | {k: v for k, v in os.environ.items() if k == "CUDA_VISIBLE_DEVICES"},
            cwd="/",
            pass_fds=[there.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    there.close()
    return control, process
