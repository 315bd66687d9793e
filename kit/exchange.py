"""What a controller and its cluster tell each other: JSON files in a folder that both see.

    units/KEY/        the files of one chapter of one submission
    shards/NUMBER     the works that one array task does, and all that it must know for them
    results/KEY.json  the verdicts on one work, written whole by the task that did it
    logs/             submitit's

A work's key names its content, so that a result which a killed controller left behind counts as
long as the submission, its tests and the kit are the same. Students' code ran where results are
written: they are data to be checked field by field, and no pickle is ever read.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import get_args

from kit.chapters import chapter
from kit.content import Suite, digest, engine
from kit.files import write_whole
from kit.results import Figure, TestResult, Verdict
from kit.sandbox import RUNGS
from kit.works import Graded, Work, test_result

MAX_RESULT_BYTES = 32 << 20
RESULT_FIELDS = {
    "key": lambda v: type(v) is str,
    "rung": lambda v: v in RUNGS,
    "node": lambda v: type(v) is str and len(v) < 256,
    "problem": lambda v: type(v) is str,
    "tests": lambda v: type(v) is dict,
}


def _is_figure(value: object) -> bool:
    try:
        return bool(Figure(**value))
    except (TypeError, ValueError):
        return False


VERDICT_FIELDS = {
    "verdict": lambda v: v in get_args(Verdict),
    "seconds": lambda v: type(v) in (int, float) and 0 <= v < 1e9,  # and no NaN
    "detail": lambda v: type(v) is str,
    "diagnosis": lambda v: type(v) is list and all(type(name) is str for name in v),
    "figures": lambda v: type(v) is list and all(map(_is_figure, v)),
}


class Forged(ValueError):
    """A result file that no grader of ours wrote: what is wrong with it."""


@dataclass(frozen=True)
class Shard:
    """What one array task does. Everything in it is plain data, as it stands in the file."""

    number: int
    jobs: int  # works at the same time
    required: str | None  # the lowest rung of the sandbox to grade in
    environment: dict[str, str]
    secrets: list[str]  # what no student's process may read
    works: list[dict]
    engine: str = ""  # the kit that the controller runs

    def write(self, folder: Path) -> Path:
        """Write the shard where its task will find it."""
        path = folder / str(self.number)
        write_whole(path, json.dumps(asdict(replace(self, engine=engine()))))
        return path

    @classmethod
    def read(cls, path: Path) -> "Shard":
        """The shard that `write` wrote; ValueError where the kit is another one here."""
        shard = cls(**json.loads(path.read_text(encoding="utf-8")))
        if shard.engine != engine():
            raise ValueError("its kit differs from the controller's; let both see the same files")
        return shard


def key_of(work: Work) -> str:
    """A name for all that decides the verdicts on a work."""
    return digest(work.content, Suite(work.chapter).key, work.tests)


def pack(work: Work) -> dict:
    """A work as it stands in a shard."""
    told = {"submission": work.submission, "chapter": work.chapter.name, "tests": work.tests}
    return told | {"key": key_of(work), "content": work.content}


def unpack(packed: dict, units: Path) -> Work:
    """The work that was packed; its files lie in a folder of `units`."""
    tests = None if packed["tests"] is None else tuple(packed["tests"])
    files = units / packed["key"]
    subject = chapter(packed["chapter"])
    return Work(packed["submission"], subject, files, packed["content"], tests)


def write_result(folder: Path, key: str, graded: Graded) -> None:
    """Write the verdicts on a work, whole or not at all."""
    tests = {}
    for test in graded.tests:
        fields = asdict(test)
        tests[test.test] = {name: fields[name] for name in VERDICT_FIELDS}
    data = {"key": key, "rung": graded.rung, "node": graded.node}
    data |= {"problem": graded.problem, "tests": tests}
    write_whole(folder / f"{key}.json", json.dumps(data, allow_nan=False))


def read_result(
    path: Path, key: str, work: Work, blanks: Sequence[TestResult], required: str | None
) -> Graded:
    """The verdicts on a work; Forged where anything is odd.

    Verdicts are all that a result can tell. Which tests there are, and what they are called, stands
    in `blanks`.
    """
    data = _read(path)
    _check("result", data, RESULT_FIELDS)
    if data["key"] != key:
        raise Forged(f"it is the result of {data['key'][:40]}, wanted {key}")
    if RUNGS.index(data["rung"]) > RUNGS.index(required or RUNGS[-1]):
        raise Forged(f"graded on the rung {data['rung']}, wanted {required} or better")
    wanted = {b.test: b for b in blanks if work.tests is None or b.test in work.tests}
    if data["tests"].keys() != (set() if data["problem"] else wanted.keys()):
        odd = sorted(data["tests"].keys() ^ wanted.keys())
        raise Forged(f"it tells of other tests than were asked for: {odd[:3]}")
    for verdict in data["tests"].values():
        _check("test", verdict, VERDICT_FIELDS)
        if verdict["figures"] and verdict["verdict"] != "pass":
            raise Forged(f"a test that is {verdict['verdict']} has measured figures")
    tests = tuple(test_result(asdict(wanted[name]) | told) for name, told in data["tests"].items())
    return Graded(work, tests, data["problem"], data["rung"], data["node"])


def _read(path: Path) -> object:
    # no link to elsewhere, and no pipe that never ends
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        data = file.read(MAX_RESULT_BYTES + 1) or b""
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
