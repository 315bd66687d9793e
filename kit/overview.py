"""What a class has done, in numbers: the first page of the report."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import mean, median

from kit.chapters import Chapter, Problem
from kit.course import Grade
from kit.gradebook import chapters_of, max_points
from kit.results import ChapterResult, TestResult, name_bugs
from kit.text import one_line

STATES = {  # of a problem of one student, and what the page calls it
    "full": "full points",
    "part": "part of the points",
    "fail": "no points",
    "todo": "not begun",
    "owed": "pending",
    "none": "missing",
}
BINS = 10
MOST = 10  # lines of a list of extremes
GRADED = ("complete", "pending")


@dataclass(frozen=True)
class ProblemLine:
    """How the class fared in one problem."""

    chapter: str
    problem: Problem
    states: Mapping[str, int]  # state -> students
    rate: float  # mean share of the points, of those whose work was graded
    seconds: tuple[float, float]  # median and most


@dataclass(frozen=True)
class Misconception:
    """A misconception, and the grades in which the outputs told it."""

    chapter: str
    problem: str
    name: str
    who: tuple[Grade, ...]


@dataclass(frozen=True)
class Slow:
    """A test that took long for somebody."""

    test: str
    median: float
    most: float
    who: Grade


def state(result: ChapterResult | None, problem: Problem) -> str:
    """One of STATES."""
    if result is None:
        return "none"
    if result.pending(problem):
        return "owed"
    tests, points = result.of(problem), result.points(problem)
    if points > 0 or problem.name in result.gifts:
        return "full" if points >= problem.points else "part"
    return "todo" if tests and all(test.verdict == "todo" for test in tests) else "fail"


def states_of(grade: Grade, chapters: Mapping[str, Chapter]) -> list[str]:
    """The states of all problems, chapter by chapter."""
    graded = {c.chapter.name: c for c in grade.result.chapters}
    return [state(graded.get(n), problem) for n, c in chapters.items() for problem in c.problems]


@dataclass(frozen=True)
class Overview:
    """The numbers of one class."""

    grades: Sequence[Grade]

    @cached_property
    def chapters(self) -> dict[str, Chapter]:
        """Every chapter that was graded for anybody."""
        return chapters_of(self.grades)

    @cached_property
    def most(self) -> float:
        """Points that can be earned."""
        return max_points(self.chapters.values())

    @cached_property
    def shares(self) -> list[float]:
        """The share of the points that each of those who handed in work has earned."""
        most = self.most or 1
        return [grade.points / most for grade in self.grades if grade.status in GRADED]

    @property
    def average(self) -> tuple[float, float]:
        """Mean and median of the shares."""
        return (mean(self.shares), median(self.shares)) if self.shares else (0.0, 0.0)

    def histogram(self) -> list[int]:
        """How many earned 0-10 %, 10-20 %, and so on."""
        counts = Counter(min(int(share * BINS + 1e-9), BINS - 1) for share in self.shares)
        return [counts[number] for number in range(BINS)]

    def verdicts(self) -> dict[str, int]:
        """How often each verdict was given, the most frequent first."""
        return dict(Counter(test.verdict for _, _, test in self._tests()).most_common())

    def rungs(self) -> dict[str, int]:
        """How many were graded on each rung of the sandbox."""
        return dict(Counter(g.result.rung for g in self.grades if g.result.rung).most_common())

    def with_status(self, *statuses: str) -> list[Grade]:
        """The grades of a status."""
        return [grade for grade in self.grades if grade.status in statuses]

    @staticmethod
    def owed(grade: Grade) -> list[str]:
        """The problems that the grader will have to grade again."""
        return [
            f"{c.chapter.name} / {problem.name}"
            for c in grade.result.chapters
            for problem in c.chapter.problems
            if c.pending(problem)
        ]

    @cached_property
    def problems(self) -> list[ProblemLine]:
        """Every problem in order."""
        return [
            self._line(name, problem)
            for name, chapter in self.chapters.items()
            for problem in chapter.problems
        ]

    def _line(self, name: str, problem: Problem) -> ProblemLine:
        results = [
            next((c for c in grade.result.chapters if c.chapter.name == name), None)
            for grade in self.grades
        ]
        counts = Counter(state(result, problem) for result in results)
        graded = [r for r in results if r is not None and not r.pending(problem)]
        shares = [r.points(problem) / problem.points for r in graded if problem.points]
        seconds = [sum(t.seconds for t in r.of(problem)) for r in results if r is not None]
        return ProblemLine(
            name,
            problem,
            {state: counts[state] for state in STATES},
            mean(shares) if shares else 0.0,
            (median(seconds), max(seconds)) if seconds else (0.0, 0.0),
        )

    def misconceptions(self) -> list[Misconception]:
        """What the outputs of several students tell, the commonest first."""
        found: dict[tuple[str, str, str], list[Grade]] = {}
        for grade in self.grades:
            for result in grade.result.chapters:
                for problem in result.chapter.problems:
                    for name in name_bugs(result.of(problem)):
                        key = (result.chapter.name, problem.name, one_line(name))
                        found.setdefault(key, []).append(grade)
        lines = [Misconception(*key, tuple(who)) for key, who in found.items()]
        return sorted(lines, key=lambda line: -len(line.who))[:MOST]

    def slow_problems(self) -> list[ProblemLine]:
        """The problems whose tests took longest for somebody."""
        return sorted(self.problems, key=lambda line: -line.seconds[1])[:MOST]

    def slow_tests(self) -> list[Slow]:
        """The tests that took longest for somebody."""
        times: dict[str, list[tuple[float, Grade]]] = {}
        for grade, result, test in self._tests():
            name = f"{result.chapter.name}/{one_line(test.test)}"
            times.setdefault(name, []).append((test.seconds, grade))
        lines = []
        for name, pairs in times.items():
            most, who = max(pairs, key=lambda pair: pair[0])
            lines.append(Slow(name, median(seconds for seconds, _ in pairs), most, who))
        return sorted(lines, key=lambda line: -line.most)[:MOST]

    def _tests(self) -> Iterator[tuple[Grade, ChapterResult, TestResult]]:
        """Every test of every submission, once, also where several students share it."""
        seen: set[str] = set()
        for grade in self.grades:
            if grade.handed_in and grade.result.submission not in seen:
                seen.add(grade.result.submission)
                for result in grade.result.chapters:
                    yield from ((grade, result, test) for test in result.tests)
