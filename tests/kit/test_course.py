"""The course: its file, and what it makes of results."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kit.amend import Waiver, matches
from kit.course import Course
from kit.lateness import Lateness, LatePolicy
from kit.results import SubmissionResult
from kit.roster import Student
from tests.kit.graded import ALICE, BOB, CAROL, DAN, MLP, bigram, check

BERLIN = ZoneInfo("Europe/Berlin")
DUE = datetime(2026, 10, 1, 23, 59, tzinfo=BERLIN)
FULL = """
title = "Autumn"
timezone = "Europe/Berlin"
roster = "class/roster.csv"
[late]
due = 2026-10-01T23:59:00
grace_minutes = 15
percent_per_day = 12.5
max_days = 5
free_days = 2
[late.chapters]
ch04_attention = 2026-11-01T12:00:00+00:00
[[extension]]
student = "s1"
chapter = "ch04_attention"
days = 3
reason = "ill"
[[waive]]
test = "ch04_attention/test_hidden.py::test_x*"
reason = "ambiguous"
[[weight]]
problem = "ch04_attention/softmax"
points = 5
"""


@pytest.fixture
def load(tmp_path):
    def load(text: str) -> Course:
        (tmp_path / "course.toml").write_text(text)
        return Course.load(tmp_path / "course.toml")

    (tmp_path / "class").mkdir()
    (tmp_path / "class/roster.csv").write_text("id,submitted\ns1,2026-10-01T10:00\n")
    return load


def test_a_course_file_is_read(load):
    course = load(FULL)
    assert course.title == "Autumn" and course.weights == {"ch04_attention/softmax": 5}
    (student,) = course.students
    assert student.submitted[""] == datetime(2026, 10, 1, 10, tzinfo=BERLIN)
    assert course.late.due == DUE and course.late.grace == timedelta(minutes=15)
    assert course.late.due_for("s1", "ch04_attention") == datetime(
        2026, 11, 4, 13, tzinfo=BERLIN
    ), "three days more, in the time zone of the course"
    assert course.waivers == (Waiver("ch04_attention/test_hidden.py::test_x*", "ambiguous"),)
    assert load("") == Course()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rooster = 'x'", "unknown key 'rooster'; choose from roster"),
        ("roster = 5", "roster: got 5, wanted a text"),
        ("roster = 'none.csv'", "none.csv: No such file"),
        ("timezone = 'Berlin'", "timezone: got 'Berlin', wanted a name of the IANA list"),
        ("timezone = '../../etc/passwd'", "timezone: got '../../etc/passwd'"),
        ("late = 3", "late: got 3, wanted a table"),
        ("[late]\ndue = 2026-10-01T23:59:00", "late.due: got 2026-10-01T23:59:00, wanted its time"),
        ("[late]\ndue = 2026-10-01", "late: due: got datetime.date"),
        (
            "[late]\npercent_per_day = 101",
            "percent_per_day: got 101, wanted a number from 0 to 100",
        ),
        ("[late]\npercent_per_day = nan", "percent_per_day: got nan"),
        ("[late]\nmax_days = 1.5", "max_days: got 1.5, wanted a whole number"),
        ("[late]\nfree_days = true", "free_days: got True, wanted a whole number"),
        ("[late.chapters]\nch04_atention = 2026-10-01T23:59:00Z", "choose from ch04_attention"),
        ("[waive]\ntest = 'x'", "waive: got .*, wanted tables with double brackets"),
        ("[[waive]]\ntest = 'x'", "waive 1: got no reason, wanted a text"),
        ("[[weight]]\nproblem = 'x'\npoints = -1", "weight 1: points: got -1"),
        ("[[weight]]\npoints = 1", "weight 1: got no problem"),
        ("[[extension]]\nstudent = 's1'", "extension 1: wanted one of days and due"),
        (
            "[[extension]]\nstudent = 's1'\ndays = 1\nchapter = 'ch4'",
            "extension 1: no chapter 'ch4'",
        ),
        (
            "roster = 'class/roster.csv'\ntimezone = 'UTC'\n[[extension]]\nstudent = 's2'\ndays = 1",
            "no student 's2'; choose from s1",
        ),
        ("roster = 'class/roster.csv'", "roster.csv, line 2: submitted: got 2026-10-01T10:00:00"),
        ("[[waive]]\ntest = 'ch4/*'\nreason = 'x'", "waive: 'ch4/.' matches no test"),
        ("[[weight]]\nproblem = 'ch04_attention/softmaks'\npoints = 1", "choose from .*/softmax"),
        ("x = ", "wanted TOML in UTF-8"),
    ],
)
def test_a_course_file_with_mistakes_is_refused(load, text, said):
    with pytest.raises(ValueError, match=said):
        load(text)


def test_all_mistakes_are_told_at_once(load):
    with pytest.raises(ValueError) as caught:
        load("titel = 'x'\n[late]\nmax_days = -1\n[[waive]]\n")
    assert len(str(caught.value).split("\n")) == 4


def test_the_empty_course_changes_nothing():
    grades = Course().apply([ALICE, BOB, CAROL, DAN])
    assert [grade.result for grade in grades] == [ALICE, BOB, CAROL, DAN]
    assert [grade.points for grade in grades] == [200, 20, 40, 0]
    assert [grade.status for grade in grades] == ["complete", "complete", "pending", "invalid"]
    assert all(not g.notes and not g.late and g.student.id == g.result.submission for g in grades)
    assert Course().apply([]) == []


def test_everybody_on_the_roster_gets_a_grade_and_strangers_are_kept():
    course = Course(
        students=(
            Student("s1", folder="alice", partners=("s2",)),
            Student("s2"),
            Student("s3", folder="nobody"),
            Student("s4"),
            Student("s5", folder="dan", partners=("s6",)),
            Student("s6", folder="carol"),
        )
    )
    grades = {grade.student.id: grade for grade in course.apply([ALICE, BOB, CAROL, DAN])}
    assert list(grades) == ["s1", "s2", "s3", "s4", "s5", "s6", "bob"]
    assert grades["s2"].points == 200 and grades["s2"].notes == ("handed in by s1",)
    assert grades["s1"].notes == ()
    for name, note in (("s3", "no submission nobody"), ("s4", "nothing was handed in")):
        assert (grades[name].status, grades[name].points) == ("missing", 0)
        assert grades[name].all_notes() == [note]
    assert grades["s5"].result == DAN and grades["s6"].result == CAROL, "own work comes first"
    assert grades["s6"].notes == ("partners handed in dan too, which does not count here",)
    assert grades["bob"].notes == ("not on the roster",)


def test_partners_share_the_clock_but_not_the_budget():
    came = DUE + timedelta(days=1.5)
    students = (
        Student("s1", folder="alice", submitted={"": came}, partners=("s2",)),
        Student("s2"),
    )
    late = LatePolicy(due=DUE, chapters={"ch03_mlp": DUE + timedelta(days=1)}, percent_per_day=10)
    first, second = Course(students=students, late=late).apply([ALICE])
    assert first.late == second.late
    assert first.late == {"ch01_bigram": Lateness(2, 0, 20), "ch03_mlp": Lateness(1, 0, 10)}
    assert (first.penalty, first.points) == (30, 170)
    assert first.notes[0] == "ch01_bigram: 2 days late, 20 points lost"


def test_work_without_a_time_is_not_late_but_noted():
    students = (Student("s1", folder="alice", submitted={"ch03_mlp": DUE}),)
    course = Course(students=students, late=LatePolicy(due=DUE, percent_per_day=10))
    (grade,) = course.apply([ALICE])
    assert grade.points == 200
    assert grade.notes == ("time of submission unknown, so not counted as late: ch01_bigram",)


# ---- waivers and weights


def test_a_pattern_knows_stars_and_takes_brackets_for_brackets():
    assert matches("ch01/test_x[3]", "ch01/test_x[3]") and matches("ch01/test_x[3]", "*/test_x*")
    assert not matches("ch01/test_x3", "ch01/test_x[3]")
    assert matches("ch01/test_x[a-b]", "ch01/test_?[a-?]")


def two_tests(*verdicts: str) -> SubmissionResult:
    names = ("test_public.py::test_a", "test_hidden.py::test_b[1]")
    tests = [
        replace(check("probabilities", verdict), test=name)
        for verdict, name in zip(verdicts, names, strict=True)
    ]
    return SubmissionResult("x", (bigram(*tests),))


def waived(*patterns: str) -> Course:
    return Course(waivers=tuple(Waiver(f"ch01_bigram/{pattern}", "why") for pattern in patterns))


def test_a_waived_test_counts_for_nobody():
    result = two_tests("pass", "fail")
    (grade,) = waived("test_hidden.py::*").apply([result])
    assert grade.points == 60 and len(grade.result.chapters[0].tests) == 1
    assert result.score == 30 and len(result.chapters[0].tests) == 2, "results do not change"


def test_a_problem_without_a_test_left_pays_in_full_to_whoever_handed_it_in():
    unrun = SubmissionResult(
        "y",
        (
            bigram(
                check("probabilities", "error"),
            ),
        ),
    )
    unrun.chapters[0].tests[0].__dict__["test"] = "(not run)"
    course = waived("test_hidden.py::*", "test_public.py::test_a")
    grades = course.apply([two_tests("fail", "infra"), unrun, DAN])
    assert [grade.points for grade in grades] == [60, 60, 0]
    assert [grade.status for grade in grades] == ["complete", "complete", "invalid"]


def test_a_waiver_that_matches_nothing_is_refused():
    with pytest.raises(
        ValueError, match=r"waive: .*test_hiden.* matches no test; choose .*test_b\[1"
    ):
        waived("test_hiden.py::test_b*").apply([two_tests("pass", "pass")])
    with pytest.raises(ValueError, match="matches no test"):
        Course(waivers=(Waiver("ch09_none/*", "why"),)).apply([ALICE])
    elsewhere = Course(waivers=(Waiver("ch04_attention/test_hidden.py::test_x", "why"),))
    assert elsewhere.apply([ALICE])[0].points == 200, "that chapter was not graded this time"


def test_a_weight_changes_what_a_problem_pays():
    course = Course(weights={"ch01_bigram/counts": 5, "ch03_mlp/mlp": 0})
    alice, bob = course.apply([ALICE, BOB])
    assert alice.points == 65 and bob.points == 20
    assert alice.result.chapters[0].chapter.problem("counts").points == 5
    assert MLP.problem("mlp").points == 100, "the chapter itself does not change"


def test_a_weight_of_nothing_is_refused():
    for name in ("ch01_bigram/count", "counts", "ch09_none/counts"):
        with pytest.raises(ValueError, match="is no problem; choose from .*ch01_bigram/counts"):
            Course(weights={name: 5}).apply([ALICE])
    assert Course(weights={"ch04_attention/softmax": 5}).apply([ALICE])[0].points == 200
