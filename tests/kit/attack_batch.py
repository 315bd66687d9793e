"""One batch of every attack and control on one rung of the sandbox, and what is seen from outside."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.progress import Progress

from kit import running, sandbox
from kit.processes import descendants
from kit.reports import write_reports
from kit.results import SubmissionResult
from kit.sandbox import selftest
from kit.seeds import KEY_VARIABLE
from tests.kit.attack_table import ATTACKS, CONTROLS, FOLDER, SHARED
from tests.kit.toy import make_kit

KEY = "CANARY-KEY of the course, which nobody may read"
CANARIES = {  # planted where no student may look; the attacks know the words backwards at most
    "tests/ch91_base/test_hidden.py": "\nCANARY = 'CANARY-TESTS'\n",
    "tests/ch91_base/bugs.py": "\nCANARY = 'CANARY-TESTS'\n",
    "solutions/ch91_base/adapters.py": "\nCANARY = 'CANARY-SOLUTION'\n",
    "solutions/ch92_more/adapters.py": "\nCANARY = 'CANARY-SOLUTION'\n",
}
SECONDS = "0.3"  # per call, in place of the toy's: time attacks wait for the wall, five times that
LITTER = ("/tmp", "/dev/shm", "/var/tmp", "/run", "/")


@dataclass
class Batch:
    """What became of the class."""

    denies: tuple[str, ...]
    results: dict[str, SubmissionResult] = field(default_factory=dict)
    reports: dict[str, dict] = field(default_factory=dict)  # results.json by submission
    skipped: set[str] = field(default_factory=set)  # attacks that this rung does not claim to stop
    left: list[str] = field(default_factory=list)  # files and processes that should not be there
    changed: list[str] = field(default_factory=list)  # files of kit and class that differ
    seconds: float = 0.0


def write_class(folder: Path, words: dict[str, str], denies: tuple[str, ...]) -> set[str]:
    """Hand in every control, and the attacks that the rung claims to stop; which it does not."""
    skipped = set()
    for name, control in CONTROLS.items():
        for file, text in control.files.items():
            _hand_in(folder / name / "assignments" / "ch91_base" / file, text, words)
    for name, attack in ATTACKS.items():
        if not set(attack.stopped_by) <= set(denies):
            skipped.add(name)
            continue
        for file, text in _sources(name):
            path = folder / name / "assignments" / attack.chapter / file
            _hand_in(path, text, words | {"@NAME@": name})
    return skipped


def _sources(name: str) -> Iterator[tuple[str, str]]:
    single = FOLDER / f"{name}.py"
    paths = [single] if single.is_file() else [p for p in (FOLDER / name).rglob("*") if p.is_file()]
    for path in paths:
        text = path.read_text()
        file = "adapters.py" if path == single else str(path.relative_to(FOLDER / name))
        yield file, text
        if "from .wire import" in text:
            yield SHARED, (FOLDER / SHARED).read_text()


def _hand_in(path: Path, text: str, words: dict[str, str]) -> None:
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def run_batch(rung: str, denies: tuple[str, ...]) -> Batch:
    """Grade all of it on one rung, in one batch."""
    # not below pytest's own folders, which are 0700: a student may have a user of its own
    home = Path(tempfile.mkdtemp(prefix="attacks-"))
    home.chmod(0o755)
    batch = Batch(denies)
    try:
        with pytest.MonkeyPatch.context() as patch, selftest.target() as target:
            kit = _plant(home, patch)
            before, relatives = _litter(), set(descendants(os.getpid()))
            started = time.monotonic()
            words = {"@KIT@": str(kit), "@CLASS@": str(home / "class"), "@PIDS@": str(os.getpid())}
            words |= {"@KEY@": str(home / "key"), "@OUT@": str(home / "out")}
            words |= {"@PORT@": str(target.port), "@SOCKET@": target.socket_file}
            batch.skipped = write_class(home / "class", words, denies)
            if rung == "uid":
                sandbox.close_secrets([str(kit / "solutions"), str(kit / "tests")])
                sandbox.close_secrets([str(home / "class"), str(home / "out")])
            guarded = _state(kit, home / "class", home / "key")
            patch.setattr(running, "choose_rung", lambda *_: rung)
            options = running.Options(home / "out", jobs=2)
            with Progress(disable=True) as progress:
                progress.console.quiet = True
                results = running.grade_class([home / "class"], options, progress).results
            write_reports(results, home / "out")
            time.sleep(0.3)  # a moment for whoever waits for the grader to finish
            batch.seconds = time.monotonic() - started
            batch.left = sorted(_litter() - before) + _strays(home, relatives)
            now = _state(kit, home / "class", home / "key")
            batch.changed = sorted(
                p for p in guarded.keys() | now.keys() if guarded.get(p) != now.get(p)
            )
        batch.results = {result.submission: result for result in results}
        for path in (home / "out" / "results").glob("*.json"):
            batch.reports[path.stem] = json.loads(path.read_text())
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return batch


def _plant(home: Path, patch: pytest.MonkeyPatch) -> Path:
    """The toy kit with canaries and a course key; temporary files go where they are missed."""
    kit = make_kit(home / "kit")
    for file, canary in CANARIES.items():
        path = kit / file
        path.write_text(path.read_text() + canary)
    settings = kit / "assignments" / "ch91_base" / "chapter.toml"
    settings.write_text(settings.read_text().replace("seconds = 0.5", f"seconds = {SECONDS}"))
    (home / "key").write_text(KEY)
    (home / "key").chmod(0o600)
    for name in ("class", "out", "temporary"):
        (home / name).mkdir()
    (home / "temporary").chmod(0o755)
    (home / "out" / "results").mkdir()
    patch.setenv("STORYTELLER_ROOT", str(kit))
    patch.setenv(KEY_VARIABLE, str(home / "key"))
    patch.setattr(tempfile, "tempdir", str(home / "temporary"))
    return kit


def _litter() -> set[str]:
    """What attacks may have left in the places that everybody can write to."""
    found = set()
    for place in LITTER:
        with contextlib.suppress(OSError):
            found |= {f"{place}/{n}" for n in os.listdir(place) if n.startswith("storyteller-loot")}
    return found


def _strays(home: Path, relatives: set[int]) -> list[str]:
    files = [str(path) for path in (home / "temporary").rglob("*")]
    return files + [f"process {pid}" for pid in set(descendants(os.getpid())) - relatives]


def _state(*places: Path) -> dict[str, str]:
    """Content and rights of every file."""
    paths = [
        p for place in places for p in (place, *place.rglob("*")) if "__pycache__" not in str(p)
    ]
    return {
        str(p): oct(p.lstat().st_mode)
        + (hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "")
        for p in paths
    }
