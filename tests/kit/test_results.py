"""Points are derived from verdicts: all or nothing, a share, or pending."""

from typing import get_args

import pytest

from kit.chapters import Chapter, Problem
from kit.results import ChapterResult, SubmissionResult, TestResult, Verdict

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
