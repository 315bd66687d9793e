"""What grading yields: verdicts of tests, points of problems, scores of submissions.

Points are derived, never stored: a problem pays all or nothing, or the share of its tests passed
when chapter.toml says `partial`. Infra is never a zero: its problem is pending until graded again.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

from kit.chapters import Chapter, Problem

MAX_NAMED = 2  # misconceptions told at once
NOT_RUN = "(not run)"  # in place of a test, where none could be run
Verdict = Literal["pass", "fail", "error", "todo", "timeout", "oom", "crash", "forbidden", "infra"]
Better = Literal["lower", "higher"]
MAX_FIGURE_TEXT = 60  # characters of a figure's name, and of its unit


@dataclass(frozen=True)
class Figure:
    """A figure of merit that a test has measured: how fast, how small, how good; no points."""

    name: str  # "training speed"
    value: float
    unit: str = ""  # "times the yardstick"
    better: Better = "lower"  # which of two is ahead

    def __post_init__(self) -> None:
        """ValueError where a reader could make nothing of the figure."""
        if type(self.value) is not float or not math.isfinite(self.value):
            raise ValueError(f"figure {self.name!r} is {self.value!r}; wanted a finite float")
        for text, least in ((self.name, 1), (self.unit, 0)):
            fits = type(text) is str and least <= len(text) <= MAX_FIGURE_TEXT
            if not (fits and text.isprintable()):
                wanted = f"{least} to {MAX_FIGURE_TEXT} printable characters"
                raise ValueError(f"name or unit of a figure is {text!r}; wanted {wanted}")
        if self.better not in get_args(Better):
            choices = " or ".join(get_args(Better))
            raise ValueError(f"figure {self.name!r}: better={self.better!r}; choose {choices}")

    @property
    def badness(self) -> float:
        """The value, turned so that less is better."""
        return self.value if self.better == "lower" else -self.value

    def __str__(self) -> str:
        return f"{figure_text(self.value)} {self.unit}".rstrip()


@dataclass(frozen=True)
class TestResult:
    """The verdict on one test."""

    __test__ = False  # keeps pytest from collecting this class

    test: str  # "test_hidden.py::test_rows_sum_to_one[3]"
    problem: str
    public: bool
    verdict: Verdict
    seconds: float = 0.0
    title: str = ""  # the test as a sentence: safe to show to anyone
    detail: str = ""  # first divergence, traceback: for the instructor, and for public tests
    diagnosis: tuple[str, ...] = ()  # the misconceptions this output equals: safe to show
    figures: tuple[Figure, ...] = ()  # measured by the judge, of a test that passed; safe to show


@dataclass(frozen=True)
class ChapterResult:
    """All verdicts on one chapter of one submission."""

    chapter: Chapter
    tests: tuple[TestResult, ...]
    seconds: float = 0.0
    note: str = ""  # what concerns the whole chapter: "adapters.py cannot be imported: ..."
    gifts: frozenset[str] = frozenset()  # problems that pay in full: all their tests are waived

    def of(self, problem: Problem) -> list[TestResult]:
        """The results of one problem's tests."""
        return self._by_problem.get(problem.name, [])

    @cached_property
    def _by_problem(self) -> dict[str, list[TestResult]]:
        found: dict[str, list[TestResult]] = {}
        for test in self.tests:
            found.setdefault(test.problem, []).append(test)
        return found

    def points(self, problem: Problem) -> float:
        """What the submission earns on a problem."""
        tests = self.of(problem)
        if problem.name in self.gifts:
            return float(problem.points)
        if not tests:
            return 0.0
        share = sum(test.verdict == "pass" for test in tests) / len(tests)
        return problem.points * (share if problem.partial else float(share == 1))

    def pending(self, problem: Problem) -> bool:
        """Whether the grader, not the student, is the reason for missing points."""
        return any(test.verdict == "infra" for test in self.of(problem))

    def figures(self) -> list[Figure]:
        """The figures of problems all of whose tests pass: what is wrong may well be fast.

        Where several tests measure a figure of one name, the worst counts.
        """
        found: dict[str, Figure] = {}
        for problem in self.chapter.problems:
            tests = self.of(problem)
            if all(test.verdict == "pass" for test in tests):
                for figure in (figure for test in tests for figure in test.figures):
                    other = found.get(figure.name, figure)
                    found[figure.name] = max(figure, other, key=lambda f: f.badness)
        return list(found.values())

    @property
    def score(self) -> float:
        """Points earned on the chapter, of 100."""
        return sum(self.points(problem) for problem in self.chapter.problems)


@dataclass(frozen=True)
class SubmissionResult:
    """Everything the grader says about one submission."""

    submission: str  # the student's id: the name of the folder or archive
    chapters: tuple[ChapterResult, ...] = ()
    note: str = ""  # why nothing, or not everything, could be graded; safe to show
    rung: str = ""  # the sandbox rung it was graded on
    seconds: float = 0.0
    warnings: tuple[str, ...] = field(default=())

    @property
    def score(self) -> float:
        """Points over all chapters that were graded."""
        return sum(chapter.score for chapter in self.chapters)

    @property
    def pending(self) -> bool:
        """Whether some points wait for the grader."""
        return any(c.pending(p) for c in self.chapters for p in c.chapter.problems)

    @property
    def status(self) -> str:
        """One of complete, pending (the grader owes points) and invalid (nothing was graded)."""
        if not self.chapters:
            return "invalid"
        return "pending" if self.pending else "complete"

    def notes(self) -> list[str]:
        """What is to be said about the submission as a whole."""
        notes = [self.note, *(chapter.note for chapter in self.chapters), *self.warnings]
        return [note for note in notes if note]


def not_run(chapter: Chapter, verdict: Verdict, why: str) -> tuple[TestResult, ...]:
    """One verdict for each problem of a chapter, none of whose tests was run."""
    title = "no test was run"
    return tuple(
        TestResult(NOT_RUN, problem.name, True, verdict, title=title, detail=why)
        for problem in chapter.problems
    )


def figure_text(value: float) -> str:
    """A figure to four digits: `1.234`, `12350`; what differs beyond them is noise."""
    return f"{float(f'{value:.4g}'):.15g}"


def name_bugs(tests: Iterable[TestResult]) -> tuple[str, ...]:
    """The misconceptions that a problem's wrong outputs equal; at most two.

    One is named if it explains at least half of the tests that went wrong, and no other more: a
    single agreement may be chance, since some outputs tell little.
    """
    wrong = [test for test in tests if test.verdict in ("fail", "error")]
    votes = Counter(name for test in wrong for name in test.diagnosis)
    most = max(votes.values(), default=0)
    if not most or 2 * most < len(wrong):
        return ()
    return tuple(name for name, count in votes.items() if count == most)[:MAX_NAMED]


def diagnosis_sentence(names: tuple[str, ...]) -> str:
    """What a student is told: "Your output is what one gets when x, or when y." """
    return f"Your output is what one gets when {', or when '.join(names)}." if names else ""
