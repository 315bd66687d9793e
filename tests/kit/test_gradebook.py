"""Gradebooks: a row for everybody, text that stays text."""

import csv
import io
from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit.course import Course
from kit.gradebook import gradebook, gradebook_long
from kit.lateness import LatePolicy
from kit.results import SubmissionResult
from kit.roster import Student
from kit.text import one_line
from tests.kit.graded import ALICE, BOB, CAROL, DAN

UNGRADED = "not graded: ch03_mlp"
BERLIN = ZoneInfo("Europe/Berlin")


def rows(results, course=None, text=gradebook) -> list[list[str]]:
    grades = (course or Course()).apply(results)
    return list(csv.reader(io.StringIO(text(grades), newline=""), strict=True))


def test_the_gradebook_has_a_row_for_everybody():
    header, *people = rows([ALICE, BOB, CAROL, DAN])
    assert header[:6] == ["id", "name", "email", "submission", "ch01_bigram", "ch03_mlp"]
    assert header[6:] == ["raw", "late penalty", "total", "max", "status", "note"]
    blank = ["", ""]
    assert people == [
        ["alice", *blank, "alice", "100", "100", "200", "0", "200", "200", "complete", ""],
        ["bob", *blank, "bob", "20", "0", "20", "0", "20", "200", "complete", UNGRADED],
        ["carol", *blank, "carol", "40", "0", "40", "0", "40", "200", "pending", UNGRADED],
        ["dan", *blank, "dan", "0", "0", "0", "0", "0", "200", "invalid", DAN.note],
    ]
    assert len(rows([])) == 1


def test_every_field_is_quoted():
    text = gradebook(Course().apply([ALICE, DAN])) + gradebook_long(Course().apply([BOB]))
    assert all(line.startswith('"') and line.endswith('"') for line in text.splitlines())


@settings(deadline=None, database=None, max_examples=50)
@given(st.text(st.characters()), st.text(st.characters()))
@example("=cmd|' /C calc'!A0", "\t=1+1")
@example("@SUM(A1)", '"\n","=1"')
@example("\x1b[1m+1", "\u202e-1")
@example("＝1", "a,b\r\nc")
def test_text_survives_a_spreadsheet_as_text(name, note):
    header, row = rows([SubmissionResult(name, note=note)])
    assert len(row) == len(header)
    for cell, text in ((row[0], name), (row[3], name), (row[-1], note)):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"))
        assert cell.removeprefix("'") == one_line(text, 2000).removeprefix("'")


def test_the_long_gradebook_has_a_row_per_problem():
    header, *lines = rows([BOB, DAN], text=gradebook_long)
    assert header[4:] == [
        *("chapter", "problem", "points", "max", "tests passed", "tests", "verdicts"),
        *("late penalty", "misconception"),
    ]
    assert [line[0] for line in lines] == ["bob", "bob", "dan", "dan"]
    counts, probabilities, missing, _ = (line[4:] for line in lines)
    assert counts == ["ch01_bigram", "counts", "0", "40", "0", "1", "fail 1", "0", BUG]
    assert probabilities[2:7] == ["20", "60", "1", "3", "pass 1, error 1, todo 1"]
    assert missing[2:7] == ["0", "40", "0", "0", "missing"]


BUG = "pairs were counted twice"


def test_what_lateness_costs_is_shared_out_over_the_problems():
    due, came = datetime(2026, 10, 1, 12, tzinfo=BERLIN), datetime(2026, 10, 2, 12, tzinfo=BERLIN)
    late = LatePolicy(due=due, percent_per_day=10)
    course = Course(students=(Student("s1", folder="alice", submitted={"": came}),), late=late)
    (row,) = rows([ALICE], course)[1:]
    assert row[6:9] == ["200", "20", "180"]
    lost = [line[-2] for line in rows([ALICE], course, gradebook_long)[1:]]
    assert lost == ["4", "6", "10"], "the parts must sum to the penalty of the wide gradebook"
