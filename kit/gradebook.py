"""The gradebook, CSV: wide with a row per student, long with a row per student and problem.

Every field is quoted and none can become a formula. What is missing counts 0; what the grader owes
is told by the status.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence

from kit.chapters import Chapter, Problem
from kit.course import Grade
from kit.results import ChapterResult, name_bugs
from kit.text import cell, points_text

WHO = ("id", "name", "email", "submission")
LONG = ("chapter", "problem", "points", "max", "tests passed", "tests", "verdicts")


def chapters_of(grades: Iterable[Grade]) -> dict[str, Chapter]:
    """Every chapter that was graded for anybody, in order."""
    found = {c.chapter.name: c.chapter for grade in grades for c in grade.result.chapters}
    return dict(sorted(found.items()))


def max_points(chapters: Iterable[Chapter]) -> float:
    """What can be earned."""
    return sum(problem.points for chapter in chapters for problem in chapter.problems)


def gradebook(grades: Sequence[Grade]) -> str:
    """The class, a row per student and a column per chapter, before what was lost by being late."""
    chapters = chapters_of(grades)
    most = points_text(max_points(chapters.values()))
    totals = ("raw", "late penalty", "total", "max", "status", "note")
    rows: list[Sequence[str]] = [(*WHO, *chapters, *totals)]
    for grade in grades:
        scores = {c.chapter.name: c.score for c in grade.result.chapters}
        missing = [name for name in chapters if name not in scores]
        notes = grade.all_notes()
        if missing and scores:
            notes.append(f"not graded: {', '.join(missing)}")
        columns = [points_text(scores.get(name, 0.0)) for name in chapters]
        sums = map(points_text, (grade.result.score, grade.penalty, grade.points))
        rows.append([*who(grade), *columns, *sums, most, grade.status, cell("; ".join(notes))])
    return csv_text(rows)


def gradebook_long(grades: Sequence[Grade]) -> str:
    """The class, a row per student and problem."""
    chapters = chapters_of(grades)
    rows: list[Sequence[str]] = [(*WHO, *LONG, "late penalty", "misconception")]
    for grade in grades:
        graded = {c.chapter.name: c for c in grade.result.chapters}
        for name, chapter in chapters.items():
            result = graded.get(name, ChapterResult(chapter, ()))
            for problem in chapter.problems:
                cells = _problem(grade, result, problem, name in graded)
                rows.append([*who(grade), name, problem.name, *cells])
    return csv_text(rows)


def who(grade: Grade) -> list[str]:
    """The cells under WHO."""
    student = grade.student
    submission = grade.result.submission if grade.handed_in else ""
    return [cell(text) for text in (student.id, student.name, student.email, submission)]


def _problem(grade: Grade, result: ChapterResult, problem: Problem, graded: bool) -> list[str]:
    tests, points = result.of(problem), result.points(problem)
    counts = Counter(test.verdict for test in tests)
    verdicts = ", ".join(f"{verdict} {count}" for verdict, count in counts.items())
    if not tests:
        verdicts = "waived" if problem.name in result.gifts else "not run" if graded else "missing"
    lateness = grade.late.get(result.chapter.name)
    lost = lateness.lost * points / result.score if lateness and result.score else 0.0
    return [
        points_text(points),
        points_text(problem.points),
        str(counts["pass"]),
        str(len(tests)),
        verdicts,
        points_text(lost),
        cell("; ".join(name_bugs(tests))),
    ]


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV, every field quoted."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return text.getvalue()
