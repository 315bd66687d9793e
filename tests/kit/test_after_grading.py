"""After grading: reports written anew with other rules, and one student looked at."""

import csv
import json
from pathlib import Path

import pytest

from tests.kit.test_journal import HONEST, TRIPLE, hand_in
from tests.kit.toy import run_grade

COURSE = """
title = "Arithmetic"
timezone = "UTC"
roster = "roster.csv"

[late]
due = 2026-10-01T12:00:00
percent_per_day = 10

[[waive]]
test = "ch91_base/test_*.py::test_doubles*"
reason = "doubling was not taught"
"""
ROSTER = """folder,id,name,email,partners,submitted
ada,s1,Ada,ada@uni.example,s3,2026-10-02T11:00:00
bob,s2,Bob,bob@uni.example,,2026-10-01T11:00:00
,s3,Cem,cem@uni.example,,
"""


@pytest.fixture(scope="module")
def graded(toy_kit: Path, tmp_path_factory) -> Path:
    """The folder that grading two students wrote to."""
    folder = tmp_path_factory.mktemp("after")
    hand_in(folder / "class", "ada", HONEST)
    hand_in(folder / "class", "bob", TRIPLE)
    done = run_grade(toy_kit, folder / "class", "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    return folder / "out"


def book(out: Path) -> dict[str, dict[str, str]]:
    with open(out / "gradebook.csv", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_a_course_file_changes_grades_and_grades_nothing_again(toy_kit, graded):
    assert {i: row["total"] for i, row in book(graded).items()} == {"ada": "100", "bob": "40"}
    (graded / "course.toml").write_text(COURSE)
    (graded / "roster.csv").write_text(ROSTER)
    try:
        done = run_grade(toy_kit, "report", "--out", graded)
        assert done.returncode == 0 and "3 students" in done.stdout, done.stderr
        points = {i: row["total"] for i, row in book(graded).items()}
        assert points == {"s1": "90", "s2": "100", "s3": "90"}, "late by a day; a test waived"
        assert "Arithmetic" in (graded / "report.html").read_text()
        done = run_grade(toy_kit, "show", "s3", "--out", graded)
        assert "100 - 10 for being late = 90 points" in done.stdout, done.stdout + done.stderr
    finally:
        (graded / "course.toml").unlink()
    assert run_grade(toy_kit, "report", "--out", graded).returncode == 0
    assert {i: row["total"] for i, row in book(graded).items()} == {"ada": "100", "bob": "40"}


def test_every_report_is_there(graded):
    names = {path.name for path in graded.iterdir()}
    wanted = {"gradebook.csv", "gradebook_long.csv", "junit.xml", "report.html", "results"}
    assert wanted <= names
    assert json.loads((graded / "results" / "bob.json").read_text())["score"] == 40


def test_show_tells_the_instructor_what_the_student_is_not_told(toy_kit, graded):
    done = run_grade(toy_kit, "show", "bob", "--out", graded)
    assert done.returncode == 0 and "x was not doubled" in done.stdout, done.stdout + done.stderr
    assert f"--impl {graded.parent}/class/bob" in done.stdout
    assert "x was not doubled twice" not in (graded / "results" / "bob.json").read_text()
    one = run_grade(toy_kit, "show", "bob", "--out", graded, "--test", "*::test_halves*")
    assert "Half of three" in one.stdout and "double" not in one.stdout, one.stdout


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["show", "bobb", "--out", "OUT"], "bob"),
        (["show", "bob", "--out", "OUT", "--test", "nothing"], "no test matches"),
        (["show", "bob", "--out", "OUT/results"], "grade with --out first"),
        (["report", "--out", "OUT", "--course", "OUT/none.toml"], "none.toml"),
    ],
)
def test_a_slip_is_one_clear_line(toy_kit, graded, arguments, complaint):
    done = run_grade(toy_kit, *(text.replace("OUT", str(graded)) for text in arguments))
    assert done.returncode == 2 and complaint in done.stderr, done.stdout + done.stderr
    assert done.stderr.startswith("grade.py: ") and "Traceback" not in done.stderr
