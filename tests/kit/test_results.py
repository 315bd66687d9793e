"""Points are derived from verdicts: all or nothing, a share, or pending."""

from typing import get_args

import pytest

from kit.chapters import Chapter, Problem
from kit.results import ChapterResult, Figure, SubmissionResult, TestResult, Verdict

WHOLE = Problem("whole", 40, ("whole",))
SHARED = Problem("shared", 60, ("shared",), partial=True)
CHAPTER = Chapter("ch01_bigram", "Bigram", (), (WHOLE, SHARED))


def graded(**verdicts: str) -> ChapterResult:
    tests = [
        TestResult(f"test_{i}", problem, True, verdict)
        for problem, row in verdicts.items()
        for i, verdict in enumerate(row.split())
    ]
    return ChapterResult(CHAPTER, tuple(tests))


@pytest.mark.parametrize("verdict", set(get_args(Verdict)) - {"pass"})
def test_anything_but_a_pass_costs_points(verdict):
    result = graded(whole=f"pass pass {verdict}", shared=f"pass pass {verdict}")
    assert result.points(WHOLE) == 0 and result.points(SHARED) == pytest.approx(40)
    assert result.pending(WHOLE) == (verdict == "infra")


def test_a_problem_whose_tests_all_pass_pays_in_full():
    result = graded(whole="pass " * 7, shared="pass " * 3)
    assert (result.points(WHOLE), result.points(SHARED), result.score) == (40, 60, 100)


def test_a_problem_without_tests_pays_nothing():
    assert graded(shared="pass").points(WHOLE) == 0 == graded().score


def test_a_submission_sums_its_chapters_and_waits_for_the_grader():
    both = graded(whole="pass"), graded(shared="pass fail")
    assert SubmissionResult("ann", both).score == 70 and not SubmissionResult("ann", both).pending
    assert SubmissionResult("bob", (graded(whole="infra"),)).pending
    assert SubmissionResult("cid").score == 0


def test_figures_are_those_of_solved_problems():
    """What is wrong may well be fast; a partial problem of which some is wrong, too."""
    fast = Figure("speed", 2.0)
    tests = tuple(
        TestResult(f"test_{verdict}", problem, True, verdict, figures=(fast,) * (verdict == "pass"))
        for problem, verdict in (("whole", "pass"), ("whole", "fail"), ("shared", "pass"))
    )
    assert ChapterResult(CHAPTER, tests[:1]).figures() == [fast]
    assert ChapterResult(CHAPTER, tests[:2]).figures() == []
    assert ChapterResult(CHAPTER, tests).figures() == [fast], "that of the other problem"
    late = TestResult("test_late", "shared", True, "timeout")
    assert ChapterResult(CHAPTER, (tests[2], late)).figures() == []


@pytest.mark.parametrize("better, worst", [("lower", 3.0), ("higher", 1.0)])
def test_of_several_figures_of_one_name_the_worst_counts(better, worst):
    tests = tuple(
        TestResult(f"test[{x}]", "whole", True, "pass", figures=(Figure("f", x, better=better),))
        for x in (2.0, 3.0, 1.0)
    )
    assert [f.value for f in ChapterResult(CHAPTER, tests).figures()] == [worst]


@pytest.mark.parametrize(
    "fields, complaint",
    [
        *[({"value": v}, "finite float") for v in (float("nan"), float("inf"), 1, True, "1", None)],
        *[
            ({"name": n}, "1 to 60 printable")
            for n in ("", "x" * 61, "\x1b[1m", "a\nb", "\ud800", 1)
        ],
        *[({"unit": u}, "0 to 60 printable") for u in ("x" * 61, "\u202e", None)],
        *[({"better": b}, "lower or higher") for b in ("less", "", None, ["lower"])],
    ],
)
def test_a_figure_that_says_nothing_is_refused(fields, complaint):
    assert str(Figure("speed", 12346.0, "s")) == "12350 s"
    with pytest.raises(ValueError, match=complaint):
        Figure(**{"name": "speed", "value": 1.0} | fields)
