"""Decisions taken after grading: a test that counts for nobody, a problem worth other points.

They are applied to results, so that nothing is graded again. One that matches nothing is an error,
unless it is about a chapter of this kit that was not graded this time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from kit.chapters import Chapter, chapter, chapter_names
from kit.results import NOT_RUN, ChapterResult, SubmissionResult
from kit.roster import close_to


@dataclass(frozen=True)
class Waiver:
    """Tests that count for nobody."""

    test: str  # a pattern: "ch04_attention/test_hidden.py::test_x*"
    reason: str


def matches(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern in which * and ? are wildcards and all else is itself."""
    # pytest's names hold brackets, which a glob would take for a choice of letters
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def amend(
    results: Sequence[SubmissionResult], waivers: Sequence[Waiver], weights: Mapping[str, float]
) -> list[SubmissionResult]:
    """Results without the waived tests and with the new points; ValueError lists what is unknown."""
    tests = _tests_by_problem(results)
    chapters = {c.chapter.name: c.chapter for result in results for c in result.chapters}
    mistakes = [*_unknown_tests(waivers, tests, chapters), *_unknown_problems(weights, chapters)]
    if mistakes:
        raise ValueError("\n".join(mistakes))
    waived = {
        t for names in tests.values() for t in names if any(matches(t, w.test) for w in waivers)
    }
    free = {problem for problem, names in tests.items() if names and names <= waived}
    new = {name: _weighted(old, weights) for name, old in chapters.items()}
    return [
        replace(
            r, chapters=tuple(_amended(c, new[c.chapter.name], waived, free) for c in r.chapters)
        )
        for r in results
    ]


def _tests_by_problem(results: Sequence[SubmissionResult]) -> dict[str, set[str]]:
    """Every test that was run for anybody, by problem: "ch04_attention/softmax" -> its tests."""
    tests: dict[str, set[str]] = {}
    for result in results:
        for c in result.chapters:
            for test in c.tests:
                if test.test != NOT_RUN:
                    names = tests.setdefault(f"{c.chapter.name}/{test.problem}", set())
                    names.add(f"{c.chapter.name}/{test.test}")
    return tests


def _weighted(subject: Chapter, weights: Mapping[str, float]) -> Chapter:
    problems = tuple(
        replace(p, points=weights.get(f"{subject.name}/{p.name}", p.points))
        for p in subject.problems
    )
    return replace(subject, problems=problems)


def _amended(
    result: ChapterResult, subject: Chapter, waived: set[str], free: set[str]
) -> ChapterResult:
    name = subject.name
    gifts = frozenset(p.name for p in subject.problems if f"{name}/{p.name}" in free)
    kept = tuple(
        test
        for test in result.tests
        if test.problem not in gifts and f"{name}/{test.test}" not in waived
    )
    return replace(result, chapter=subject, tests=kept, gifts=gifts)


def _unknown_tests(
    waivers: Sequence[Waiver], tests: Mapping[str, set[str]], chapters: Mapping[str, Chapter]
) -> Iterator[str]:
    known = sorted(test for names in tests.values() for test in names)
    unseen = {*chapter_names(), *chapters} - {test.partition("/")[0] for test in known}
    for pattern in (waiver.test for waiver in waivers):
        subject = pattern.partition("/")[0]
        elsewhere = any(matches(name, subject) for name in unseen)
        if not elsewhere and not any(matches(name, pattern) for name in known):
            yield f"waive: {pattern!r} matches no test; {close_to(pattern, known)}"


def _unknown_problems(
    weights: Mapping[str, float], chapters: Mapping[str, Chapter]
) -> Iterator[str]:
    every = {name: chapter(name) for name in chapter_names()} | chapters
    known = [f"{name}/{problem.name}" for name, c in every.items() for problem in c.problems]
    for problem in weights:
        if problem not in known:
            yield f"weight: {problem!r} is no problem; {close_to(problem, known)}"
