"""Reports are written whole or not at all."""

import csv
import json
import os

import pytest

from kit import files
from kit.course import Course
from kit.files import OutputError, write_whole
from kit.gradescope import gradescope
from kit.reports import prepare_output, write_reports
from kit.roster import Student
from tests.kit.graded import ALICE, BOB, CAROL, DAN, SECRET, grade
from tests.kit.toy import ADAPTERS, run_grade

EVERY = ["gradebook.csv", "gradebook_long.csv", "junit.xml", "leaderboard.csv", "report.html"]
EVERY += ["results"]


def test_all_reports_are_written(tmp_path):
    folder = tmp_path / "out" / "deeper"
    grades = write_reports([ALICE, BOB, CAROL, DAN], folder)
    assert [g.result for g in grades] == [ALICE, BOB, CAROL, DAN]
    assert sorted(p.name for p in folder.iterdir()) == EVERY
    names = sorted(p.name for p in (folder / "results").iterdir())
    assert names == ["alice.json", "bob.json", "carol.json", "dan.json"]
    assert json.loads((folder / "results" / "bob.json").read_text()) == gradescope(grade(BOB))
    assert SECRET in (folder / "junit.xml").read_text(), "the instructor is told hidden details"
    write_reports([DAN], folder)  # the second run replaces the first
    assert len((folder / "gradebook.csv").read_text().splitlines()) == 2


def test_partners_each_have_a_file(tmp_path):
    pair = (Student("s1", partners=("s2",)), Student("s2", folder="alice"), Student("s3"))
    write_reports([ALICE], tmp_path, Course(students=pair))
    found = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.json"))
    assert found == ["results/alice.json", "results/partners/s1.json"]
    told = json.loads((tmp_path / "results/partners/s1.json").read_text())["output"]
    assert told == "handed in by s2"


def test_a_killed_writer_leaves_the_old_report(tmp_path, monkeypatch):
    def killed(_):
        raise KeyboardInterrupt

    write_whole(tmp_path / "grades.csv", "old")
    monkeypatch.setattr(files.os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "grades.csv", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["grades.csv"], "half a report lies about"
    assert (tmp_path / "grades.csv").read_text() == "old"


def test_an_output_that_cannot_be_written_says_why(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for place in ("no/such/grades.csv", "file/grades.csv", "", "pipe", "n" * 300):
        with pytest.raises(OutputError, match="cannot write .*; wanted .*; c"):
            write_whole(tmp_path / place, "text")
    with pytest.raises(OutputError, match="choose another --out"):
        prepare_output(tmp_path / "file")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "pipe"]


def test_a_class_with_a_course_is_graded_into_reports(toy_kit, tmp_path):
    for name in ("ada", "bob"):
        folder = tmp_path / "class" / name / "assignments" / "ch91_base"
        folder.mkdir(parents=True)
        (folder / "adapters.py").write_text(ADAPTERS["ch91_base"].replace("2 * x", "3 * x"))
    (tmp_path / "roster.csv").write_text(
        "folder,id,submitted\nada,s1,2026-10-02T10:00\nbob,s2,2026-10-01T10:00\n,s3,\n"
    )
    late = "[late]\ndue = 2026-10-01T23:59:00\npercent_per_day = 50\n"
    text = f'timezone = "Europe/Berlin"\nroster = "roster.csv"\n{late}'
    course, out = tmp_path / "course.toml", tmp_path / "out"
    course.write_text(text + '[[weight]]\nproblem = "ch91_base/halve"\npoints = 10\n')
    done = run_grade(toy_kit, tmp_path / "class", "--out", out, "--course", course)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(out / "gradebook.csv", newline="") as file:
        book = {row["id"]: (row["total"], row["status"]) for row in csv.DictReader(file)}
    assert book == {"s1": ("5", "complete"), "s2": ("10", "complete"), "s3": ("0", "missing")}
    assert json.loads((out / "results/ada.json").read_text())["score"] == 5
    course.write_text(text + "[[weight]]\nproblem = 'ch91_base/haalve'\npoints = 10\n")
    done = run_grade(toy_kit, tmp_path / "class", "--course", course)
    assert (done.returncode, done.stdout) == (
        2,
        "",
    ) and "choose from ch91_base/halve" in done.stderr
