"""What a controller and its cluster tell each other: JSON files in a folder that both see.

    lock              held by the one controller
    units/KEY/        the staged chapter of one submission
    shards/NUMBER     units that one array task grades, with all that it must know
    results/KEY.json  the verdicts on one unit, written whole by the task that graded it
    logs/             submitit's

A unit's key names its content, so a result that a killed controller left behind still counts when
its submission, its tests and the kit are the same. Students' code ran where results are written:
they are data to be checked field by field, and a pickle is never read.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import get_args

from kit.chapters import Chapter, chapter, repository, transitive_needs
from kit.files import write_whole
from kit.loader import REFERENCE, STUDENT
from kit.results import ChapterResult, TestResult, Verdict
from kit.sandbox import RUNGS
from kit.seeds import course_key
from kit.stage import kit_folder
from kit.submissions import Submission

MAX_RESULT_BYTES = 32 << 20
RESULT_FIELDS = {
    "key": lambda v: type(v) is str,
    "rung": lambda v: v in RUNGS,
    "seconds": lambda v: _is_seconds(v),
    "note": lambda v: type(v) is str,
    "tests": lambda v: type(v) is list,
}
TEST_FIELDS = {
    "test": lambda v: type(v) is str and v != "",
    "problem": lambda v: type(v) is str,
    "public": lambda v: type(v) is bool,
    "verdict": lambda v: v in get_args(Verdict),
    "seconds": lambda v: _is_seconds(v),
    "title": lambda v: type(v) is str,
    "detail": lambda v: type(v) is str,
    "diagnosis": lambda v: type(v) is list and all(type(name) is str for name in v),
}
assert TEST_FIELDS.keys() == {field.name for field in fields(TestResult)}


class Forged(ValueError):
    """A result file that no grader of ours wrote: what is wrong with it."""


@dataclass(frozen=True)
class Unit:
    """What is graded, and lost, at one time: one chapter of one submission."""

    submission: Submission
    chapter: Chapter
    key: str = ""


@dataclass(frozen=True)
class Shard:
    """What one array task does. Everything in it is plain data, as it stands in the file."""

    number: int
    jobs: int
    required: str | None  # the lowest rung of the sandbox to grade on
    environment: dict[str, str]
    units: list[dict[str, str]]  # key, id, chapter

    def write(self, folder: Path) -> Path:
        """Write the shard where its task will find it."""
        path = folder / str(self.number)
        write_whole(path, json.dumps(asdict(self)))
        return path


def unit_key(submission: str, subject: Chapter, folder: Path) -> str:
    """A name for all that decides the verdicts on a staged chapter."""
    digest = hashlib.sha256(_course(subject.name))
    _add(digest, [submission])
    _add_files(digest, folder)
    return digest.hexdigest()[:32]


@cache
def _course(name: str) -> bytes:
    """What decides the verdicts on every submission's chapter `name`."""
    root, digest = repository(), hashlib.sha256(course_key())
    _add(digest, [name, version("torch"), version("numpy")])
    for need in (name, *transitive_needs(name)):
        _add_files(digest, root / REFERENCE / need)
    for place in (root / STUDENT / name, root / "tests" / name, kit_folder()):
        _add_files(digest, place)
    return digest.digest()


def _add_files(digest: "hashlib._Hash", place: Path) -> None:
    for path in sorted(path for path in place.rglob("*") if path.is_file()):
        if "__pycache__" not in path.parts:
            _add(digest, [str(path.relative_to(place)), path.read_bytes()])


def _add(digest: "hashlib._Hash", parts: Iterable[str | bytes]) -> None:
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        digest.update(b"%d:" % len(data) + data)  # with lengths, so that no two lists look alike


def write_result(folder: Path, key: str, result: ChapterResult, rung: str) -> None:
    """Write the verdicts on one unit, whole or not at all."""
    data = {"key": key, "rung": rung, "seconds": result.seconds, "note": result.note}
    data["tests"] = [asdict(test) for test in result.tests]
    write_whole(folder / f"{key}.json", json.dumps(data, allow_nan=False))


def read_result(path: Path, unit: Unit, required: str | None) -> tuple[ChapterResult, str]:
    """The verdicts on a unit, and the rung they were found on; Forged where anything is odd."""
    data = _read(path)
    _check("result", data, RESULT_FIELDS)
    if data["key"] != unit.key:
        raise Forged(f"it is the result of {data['key']}, wanted {unit.key}")
    if RUNGS.index(data["rung"]) > RUNGS.index(required or RUNGS[-1]):
        raise Forged(f"graded on the rung {data['rung']}, wanted {required} or better")
    for test in data["tests"]:
        _check("test", test, TEST_FIELDS)
    tests = tuple(TestResult(**t | {"diagnosis": tuple(t["diagnosis"])}) for t in data["tests"])
    problems = {problem.name for problem in unit.chapter.problems}
    if (told := {test.problem for test in tests}) != problems:
        raise Forged(f"it tells of the problems {sorted(told)}, wanted {sorted(problems)}")
    if len({(test.test, test.problem) for test in tests}) < len(tests):
        raise Forged("a test occurs twice")
    return ChapterResult(unit.chapter, tests, data["seconds"], data["note"]), data["rung"]


def read_shard(path: Path) -> Shard:
    """The shard that `write` wrote."""
    return Shard(**json.loads(path.read_text(encoding="utf-8")))


def unit_of(fields: dict[str, str], folder: Path) -> Unit:
    """A unit of a shard, staged in `folder`."""
    place = folder / fields["key"]
    submission = Submission(fields["id"], place, place, {fields["chapter"]: place})
    return Unit(submission, chapter(fields["chapter"]), fields["key"])


def _read(path: Path) -> object:
    # no link to elsewhere, and no pipe that never ends
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        data = file.read(MAX_RESULT_BYTES + 1)
    if len(data) > MAX_RESULT_BYTES:
        raise Forged(f"it is larger than {MAX_RESULT_BYTES >> 20} MiB")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Forged(f"it is no JSON: {error}") from None


def _check(what: str, value: object, wanted: dict) -> None:
    if type(value) is not dict or value.keys() != wanted.keys():
        got = sorted(value) if type(value) is dict else type(value).__name__
        raise Forged(f"a {what} with {got}, wanted {sorted(wanted)}")
    for name, fits in wanted.items():
        if not fits(value[name]):
            raise Forged(f"a {what} whose {name} is {str(value[name])[:80]!r}")


def _is_seconds(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e9  # and no NaN
