"""Gradescope's results.json: valid in its format, silent about hidden tests."""

import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from kit.amend import Waiver
from kit.course import Course
from kit.gradescope import gradescope
from kit.lateness import LatePolicy
from kit.results import Figure, SubmissionResult
from kit.roster import Student
from kit.text import plain
from tests.kit.graded import ALICE, BOB, CAROL, DAN, SECRET, bigram, check, grade, measured

FORMATS = {"text", "html", "simple_format", "md", "ansi"}
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}


def number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def string(value: object) -> bool:
    return type(value) is str and plain(value) == value


TOP = {
    "score": number,
    "execution_time": number,
    "output": string,
    "output_format": FORMATS.__contains__,
    "test_output_format": FORMATS.__contains__,
    "test_name_format": FORMATS.__contains__,
    "visibility": VISIBILITIES.__contains__,
    "stdout_visibility": VISIBILITIES.__contains__,
    "extra_data": lambda value: type(value) is dict,
    "tests": lambda value: type(value) is list,
    "leaderboard": lambda value: type(value) is list,
}
ENTRY = {
    "name": string,
    "value": lambda value: number(value) or string(value),
    "order": {"asc", "desc"}.__contains__,
}
TEST = {
    "score": number,
    "max_score": number,
    "status": {"passed", "failed"}.__contains__,
    "name": string,
    "name_format": FORMATS.__contains__,
    "number": string,
    "output": string,
    "output_format": FORMATS.__contains__,
    "tags": lambda value: type(value) is list and all(map(string, value)),
    "visibility": VISIBILITIES.__contains__,
    "extra_data": lambda value: type(value) is dict,
}


def valid(report: dict) -> dict:
    """Check against the documented schema, to the type; returns the report as it is read back."""
    report = json.loads(json.dumps(report, allow_nan=False))
    entries = [(TOP, report), *((TEST, test) for test in report["tests"])]
    for schema, entry in entries + [(ENTRY, entry) for entry in report.get("leaderboard", ())]:
        assert entry.keys() <= schema.keys(), f"unknown {entry.keys() - schema.keys()}"
        for key, value in entry.items():
            assert schema[key](value), f"{key} = {value!r}"
    assert "score" in report or all("score" in test for test in report["tests"])
    lost = report["extra_data"]["late_penalty"]
    assert report["score"] == pytest.approx(sum(t["score"] for t in report["tests"]) - lost)
    return report


def test_figures_stand_on_gradescopes_leaderboard():
    figures = Figure("training", 3.14159, "times the yardstick"), Figure("x", -2.0, "", "higher")
    report = valid(gradescope(grade(measured("x", *figures))))
    assert report["leaderboard"] == [
        {
            "name": "ch01_bigram: training (times the yardstick)",
            "value": 3.142,
            "order": "asc",
        },
        {"name": "ch01_bigram: x", "value": -2.0, "order": "desc"},
    ]
    failed = gradescope(grade(measured("x", *figures, verdict="fail")))
    assert "leaderboard" not in failed, "a fast wrong answer is on the board"
    assert "leaderboard" not in gradescope(grade(ALICE))


@pytest.mark.parametrize("result", [ALICE, BOB, CAROL, DAN], ids=lambda r: r.submission)
def test_gradescope_accepts_the_report(result):
    report = valid(gradescope(grade(result)))
    assert report["score"] == pytest.approx(result.score, abs=0.01)
    assert report["execution_time"] == result.seconds, "gradescope wants a number, not a string"


def test_a_problem_is_one_entry():
    counts, probabilities = valid(gradescope(grade(BOB)))["tests"]
    assert (counts["name"], counts["number"]) == ("ch01_bigram: counts", "1.1")
    assert (counts["score"], counts["max_score"], counts["status"]) == (0, 40, "failed")
    assert (probabilities["score"], probabilities["status"]) == (20, "failed")
    assert valid(gradescope(grade(ALICE)))["tests"][2]["number"] == "3.1"
    assert valid(gradescope(grade(ALICE)))["tests"][2]["status"] == "passed"


def test_a_hidden_test_shows_title_verdict_and_diagnosis_only():
    report = gradescope(grade(BOB))
    counts, probabilities = report["tests"]
    assert "fail: counts behave\n  got 1\n  wanted 2" in counts["output"]
    assert counts["output"].startswith("Your output is what one gets when pairs were counted twice")
    assert "when rows were not normalised." in probabilities["output"]
    assert "error: probabilities behave" in probabilities["output"]
    untitled = SubmissionResult("x", (bigram(check("counts", "fail", public=False, title="")),))
    for result in (BOB, CAROL, untitled):
        assert SECRET not in json.dumps(gradescope(grade(result))), "a hidden test gave itself away"


def test_infra_is_not_called_a_failure():
    report = gradescope(grade(CAROL))
    assert report["extra_data"]["pending"] and "Not final" in report["output"]
    counts, probabilities = report["tests"]
    assert not counts["extra_data"]["pending"] and probabilities["extra_data"]["pending"]
    assert "pending" in probabilities["tags"] and "will grade it again" in probabilities["output"]


def test_notes_warnings_and_rung_are_told():
    note = bigram(check("counts", "error"), note="adapters.py cannot be imported")
    result = SubmissionResult(
        "x", (note,), rung="landlock", warnings=("a link\x1b[1m was left out",)
    )
    report = valid(gradescope(grade(result)))
    assert report["output"] == "adapters.py cannot be imported\na link was left out"
    assert report["extra_data"]["sandbox"] == "landlock"
    assert valid(gradescope(grade(DAN)))["output"] == DAN.note


def test_a_flood_of_output_is_cut():
    flood = bigram(*[check("counts", "fail", detail="x" * 10**6)] * 100)
    assert len(json.dumps(gradescope(grade(SubmissionResult("x", (flood,)))))) < 30_000
    huge = "\x1b[31m" * 6_000_000
    detail = bigram(check("counts", "fail", detail=huge), note=huge)
    assert len(json.dumps(gradescope(grade(SubmissionResult("x", (detail,), huge))))) < 60_000


def test_a_late_score_says_why_it_is_smaller():
    due = datetime(2026, 10, 1, 12, tzinfo=UTC)
    late = LatePolicy(due=due, percent_per_day=25, max_days=3)
    student = Student("s1", folder="alice", submitted={"": due + timedelta(hours=25)})
    report = valid(gradescope(*Course(students=(student,), late=late).apply([ALICE])))
    assert report["score"] == 100 and report["extra_data"]["raw_score"] == 200
    assert "ch01_bigram: 2 days late, 50 points lost" in report["output"]


def test_a_waived_problem_is_passed():
    course = Course(waivers=(Waiver("ch01_bigram/test_public.py::test_x*", "unclear"),))
    fails = SubmissionResult("x", (bigram(check("counts", "fail")),))
    report = valid(gradescope(*course.apply([fails])))
    counts = report["tests"][0]
    assert (counts["score"], counts["status"]) == (40, "passed") and "waived" in counts["output"]
