"""What is to be graded, and what has become of it: passed between all that plan, grade and keep."""

import platform
from dataclasses import dataclass, field
from pathlib import Path

from kit.chapters import Chapter
from kit.results import Figure, TestResult
from kit.rooms import WALL_FACTOR


@dataclass(frozen=True)
class Work:
    """One chapter of one submission that is to be graded."""

    submission: str
    chapter: Chapter
    files: Path  # the grader's own copy of the chapter
    content: str  # the digest of these files and of the chapter's name
    tests: tuple[str, ...] | None = None  # the ones to run; None for all
    seconds: float = 0.0  # what it will take, as far as that is known
    before: tuple[TestResult, ...] = ()  # what a judge that was lost had told


@dataclass(frozen=True)
class Graded:
    """What has become of a work; where `problem` says why it is infra, no test was run."""

    work: Work
    tests: tuple[TestResult, ...] = ()
    problem: str = ""
    rung: str = ""  # of the sandbox
    node: str = field(default_factory=platform.node)

    @property
    def infra(self) -> bool:
        """Whether the grader still owes verdicts."""
        return bool(self.problem) or any(test.verdict == "infra" for test in self.tests)


def budget(subject: Chapter) -> float:
    """Wall seconds for all tests of a chapter: two faults per problem at full length, and more."""
    return 60 + 2 * WALL_FACTOR * sum(problem.seconds for problem in subject.problems)


def test_result(fields: dict) -> TestResult:
    """A verdict as it crosses a channel."""
    figures = tuple(Figure(**figure) for figure in fields["figures"])
    return TestResult(**fields | {"diagnosis": tuple(fields["diagnosis"]), "figures": figures})
