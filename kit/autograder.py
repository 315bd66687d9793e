"""A Gradescope autograder: one zip with the kit, hidden tests, reference, key, and how to set it up.

The scripts that Gradescope runs lie in kit/container/ as they are; what differs from one autograder
to the next stands in the file `settings`, which they read. The same input gives the same bytes.
"""

import json
import math
import os
import re
import secrets
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from kit.chapters import Chapter, chapter, chapter_names, repository, transitive_needs
from kit.in_container import fault_report
from kit.loader import REFERENCE
from kit.seeds import KEY_VARIABLE, course_key, key_file
from kit.stage import kit_folder
from kit.submit import write_zip
from kit.works import budget

UV = "0.13.8"  # fetches Python in the container
DEFAULT_MINUTES, MOST_MINUTES = 10, 40  # Gradescope's timeouts
START_SECONDS = 60  # for torch to be imported and the reference to be proved, on half a CPU
SPARE_SECONDS = 30  # for the container to start and end
NOT_NEEDED = {"bugs.py", "twins.py"}  # only audit reads them
SECRET = 0o600


@dataclass(frozen=True)
class Made:
    """What the instructor must know about an autograder."""

    chapters: tuple[str, ...]
    points: int
    minutes: int  # the timeout to set in Gradescope
    enough: bool  # whether Gradescope grants as much as the chapters may take
    key: Path
    new_key: bool

    def told(self, target: Path) -> list[str]:
        """The same as sentences."""
        lines = [f"written: {target} for {', '.join(self.chapters)}; give it to nobody"]
        if self.new_key:
            lines.append(
                f"made a course key: {self.key}; keep it, and set {KEY_VARIABLE} to its path, "
                "so that grading elsewhere draws the same hidden inputs"
            )
        else:
            lines.append(f"course key: {self.key}")
        lines.append(f"in Gradescope, set {self.points} points and a timeout of {self.minutes} min")
        if not self.enough:
            lines.append(
                f"slow uploads may take longer than Gradescope's {MOST_MINUTES} minutes: "
                "better make one autograder per chapter"
            )
        return lines


def autograder(target: Path, names: list[str]) -> Made:
    """Write the autograder for some chapters to `target`, a zip that only its owner may read."""
    if target.suffix != ".zip":
        raise ValueError(f"{target} is no .zip, which Gradescope wants; choose another name")
    subjects = [chapter(name) for name in sorted(set(names))]
    worst = START_SECONDS + sum(budget(subject) for subject in subjects) + SPARE_SECONDS
    minutes = max(DEFAULT_MINUTES, math.ceil(worst / 60))
    granted = min(minutes, MOST_MINUTES)
    key, new_key = _key(target)
    files = dict(sorted(_files(subjects, granted)))
    files["course.key"] = key.read_bytes()
    modes = {"course.key": SECRET, "setup.sh": 0o755, "run_autograder": 0o755}
    write_zip(target, files, modes)
    target.chmod(SECRET)
    points = sum(problem.points for subject in subjects for problem in subject.problems)
    chosen = tuple(subject.name for subject in subjects)
    return Made(chosen, points, granted, minutes <= MOST_MINUTES, key, new_key)


def _key(target: Path) -> tuple[Path, bool]:
    """The course key's file, made beside the autograder if the course has none yet."""
    if path := key_file():
        course_key()  # raises where it is unfit
        return path, False
    path = target.with_suffix(".key")
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, SECRET)
    except FileExistsError:
        return path, False  # of the last time: other inputs would be another exam
    with open(handle, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
    return path, True


def _files(subjects: list[Chapter], minutes: int) -> Iterator[tuple[str, bytes]]:
    """Every file but the key, by its name in the zip."""
    root, kit = repository(), kit_folder()
    names = {subject.name for subject in subjects}
    lines = [
        f'CHAPTERS="{" ".join(sorted(names))}"',
        f"LIMIT={60 * minutes - SPARE_SECONDS}",
        f"PYTHON={sys.version_info.major}.{sys.version_info.minor}",
        f"UV={UV}",
    ]
    yield "settings", ("\n".join(lines) + "\n").encode()
    yield "infra.json", json.dumps(fault_report(), indent=1).encode()
    for name in ("setup.sh", "run_autograder", "README.md"):
        yield name, (kit / "container" / name).read_bytes()
    wanted = tomllib.loads((kit.parent / "pyproject.toml").read_text("utf-8"))
    dependencies = wanted["project"]["dependencies"]
    yield "requirements.txt", _lines(dependencies)
    yield "constraints.txt", _lines(f"{n}=={v}" for n, v in installed(dependencies).items())
    for name, data in _tree(kit, kit.parent):
        if not name.startswith("kit/container/"):
            yield name, data
    for name in chapter_names():  # all of them: a chapter not graded now is not a misspelt one
        path = f"assignments/{name}/chapter.toml"
        yield path, (root / path).read_bytes()
    needed = names.union(*(transitive_needs(name) for name in names))
    places = [root / REFERENCE / name for name in needed] + [root / "kernels"]
    for folder in places + [root / "tests" / name for name in names]:
        yield from _tree(folder, root)


def _tree(folder: Path, root: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        inside = path.relative_to(root)
        if path.is_file() and "__pycache__" not in inside.parts and path.name not in NOT_NEEDED:
            yield inside.as_posix(), path.read_bytes()


def _lines(texts: Iterable[str]) -> bytes:
    return "".join(f"{text}\n" for text in sorted(texts)).encode()


def installed(dependencies: list[str]) -> dict[str, str]:
    """The versions here of these packages and of all that they need; what is not here is left out.

    Autograder and audit then agree. Builds are not pinned: here torch may be one for CUDA.
    """
    versions: dict[str, str] = {}
    waiting = [Requirement(text) for text in dependencies]
    while waiting:
        wanted = waiting.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if name in versions or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        versions[name] = found.version.partition("+")[0]
        waiting += map(Requirement, found.requires or ())
    return versions
