"""Results that nodes leave are checked field by field: a student's code may have written them."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.chapters import Chapter, Problem
from kit.exchange import MAX_RESULT_BYTES, Forged, read_result, write_result
from kit.results import Figure, TestResult
from kit.works import Graded, Work

CHAPTER = Chapter("ch91_base", "Toy", (), (Problem("double", 100, ("double",)),))
BLANKS = [
    TestResult(f"test_a.py::test_{n}", "double", True, "infra", title=f"Title {n}")
    for n in range(3)
]
WORK = Work("ada", CHAPTER, Path("files"), "content", tuple(b.test for b in BLANKS[:2]))
FIGURES = (Figure("speed", 2.5, "s"), Figure("é", -1.0, better="higher"))
TESTS = tuple(
    replace(blank, verdict=verdict, seconds=0.25, detail="\ud800 é\n", diagnosis=("x is tripled",))
    for blank, verdict in zip(BLANKS, ("pass", "fail"), strict=False)
)
TESTS = (replace(TESTS[0], figures=FIGURES), TESTS[1])
GRADED = Graded(WORK, TESTS, "", "landlock", "n1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound result."""
    write_result(tmp_path, "key", GRADED)
    return tmp_path / "key.json"


def read(path: Path, required: str | None = None) -> Graded:
    return read_result(path, "key", WORK, BLANKS, required)


def test_what_is_written_is_read(path):
    assert read(path) == GRADED
    assert [file.name for file in path.parent.iterdir()] == ["key.json"], "a draft is left"


def test_a_chapter_that_cannot_be_run_comes_without_tests(tmp_path):
    odd = Graded(WORK, (), "its tests cannot be run here", "landlock", "n1")
    write_result(tmp_path, "key", odd)
    assert read(tmp_path / "key.json") == odd


SPOILT = {
    "another key": lambda d: d.update(key="another"),
    "a key that is no text": lambda d: d.update(key=1),
    "an unknown rung": lambda d: d.update(rung="docker"),
    "a rung that is a list": lambda d: d.update(rung=["landlock"]),
    "no rung": lambda d: d.pop("rung"),
    "one more field": lambda d: d.update(points=100),
    "a test that was not asked for": lambda d: d["tests"].update({BLANKS[2].test: one(d)}),
    "a test that does not exist": lambda d: d["tests"].update({"test_a.py::test_9": one(d)}),
    "a test less": lambda d: d["tests"].pop(BLANKS[0].test),
    "no tests": lambda d: d.update(tests={}),
    "tests in a list": lambda d: d.update(tests=list(d["tests"])),
    "a problem and tests": lambda d: d.update(problem="no"),
    "a verdict of its own": lambda d: one(d).update(verdict="excellent"),
    "a verdict that is true": lambda d: one(d).update(verdict=True),
    "a title of its own": lambda d: one(d).update(title="Twice x."),
    "negative seconds": lambda d: one(d).update(seconds=-1),
    "seconds without end": lambda d: one(d).update(seconds=float("inf")),
    "seconds that are no number": lambda d: one(d).update(seconds=float("nan")),
    "seconds that are true": lambda d: one(d).update(seconds=True),
    "a detail that is none": lambda d: one(d).update(detail=None),
    "a diagnosis that is a text": lambda d: one(d).update(diagnosis="x is tripled"),
    "a diagnosis of numbers": lambda d: one(d).update(diagnosis=[1]),
    "figures that are a dict": lambda d: one(d).update(figures={}),
    "a figure of a test that fails": lambda d: one(d).update(figures=passed(d)["figures"]),
    "a figure that is a number": lambda d: passed(d).update(figures=[2.5]),
    "a figure with a field more": lambda d: passed(d)["figures"][0].update(rank=1),
    "a figure without a value": lambda d: passed(d)["figures"][0].pop("value"),
    "a figure that is no number": lambda d: passed(d)["figures"][0].update(value=float("nan")),
    "a figure without end": lambda d: passed(d)["figures"][0].update(value=-float("inf")),
    "a figure that is a long int": lambda d: passed(d)["figures"][0].update(value=10**400),
    "a figure better somehow": lambda d: passed(d)["figures"][0].update(better=["lower"]),
    "a figure with an escape code": lambda d: passed(d)["figures"][0].update(name="\x1b[1m"),
    "a test that is a list": lambda d: d["tests"].update({BLANKS[0].test: ["pass"]}),
}


def one(data: dict) -> dict:
    return data["tests"][BLANKS[1].test]


def passed(data: dict) -> dict:
    return data["tests"][BLANKS[0].test]


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_an_odd_result_is_refused(path, spoil):
    data = json.loads(path.read_text())
    spoil(data)
    path.write_text(json.dumps(data))
    with pytest.raises(Forged):
        read(path)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "1", "null", "[" * 100_000, '{"seconds": 1' + "0" * 5000 + "}", "\x80"],
    ids=["empty", "half", "list", "number", "null", "deep", "long number", "no UTF-8"],
)
def test_what_is_no_json_object_is_refused(path, text):
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(Forged):
        read(path)


@given(st.binary(max_size=200))
def test_no_bytes_at_all_do_more_than_being_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "garbage.json"
    path.write_bytes(data)
    with pytest.raises(Forged):
        read(path)


def test_a_flood_is_refused_unread(path):
    os.truncate(path, MAX_RESULT_BYTES + 1)
    with pytest.raises(Forged, match="larger than"):
        read(path)


def test_a_rung_below_the_required_one_is_refused(path):
    assert read(path, "landlock") == GRADED
    with pytest.raises(Forged, match="graded on the rung landlock, wanted namespaces"):
        read(path, "namespaces")


def test_a_link_or_a_pipe_is_not_followed(path):
    (path.parent / "elsewhere").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(path.parent / "elsewhere")
    with pytest.raises(OSError):
        read(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Forged, match="no JSON"):
        read(path)
