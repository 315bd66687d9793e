"""Reports are written whole or not at all."""

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

EVERY = ["gradebook.csv", "gradebook_long.csv", "junit.xml", "report.html", "results"]


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
