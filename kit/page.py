"""report.html: the class at a glance and a page per student, in one file that needs no network.

Everything that students wrote is escaped, and should that fail once, the page's content security
policy still lets no script run but its own, which it knows by hash.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import escape

from kit.chapters import Problem
from kit.course import Course, Grade
from kit.leaderboard import leaderboards, places_of
from kit.overview import STATES, Overview, state, states_of
from kit.results import (
    ChapterResult,
    TestResult,
    Verdict,
    diagnosis_sentence,
    figure_text,
    name_bugs,
)
from kit.submissions import safe_id
from kit.text import cut, one_line, plain, points_text

MAX_FAILURES = 8_000_000  # characters for all that went wrong: a page has to open
LEVELS = ((2_000, 40), (600, 8), (250, 4), (120, 2), (0, 1))  # of a detail, and kinds of failures
MAX_NAMES = 8  # test names listed for one failure
MARKUP = 90  # characters around one failure
CELL, GAP = 5, 3  # of the strip that shows all problems of a student


@dataclass(frozen=True)
class Failure:
    """Tests of one problem that went wrong in the same way, told once."""

    verdict: str
    title: str
    tests: str  # "ch04_attention/test_hidden.py::test_x [1] [2] and 3 more"
    detail: str

    def size(self, limit: int) -> int:
        """About how many characters this takes in the page."""
        return MARKUP + len(self.title) + len(self.tests) + len(escape(self.detail[:limit]))


@dataclass(frozen=True)
class Row:
    """One problem of one student."""

    problem: Problem
    state: str
    points: float
    passed: int
    tests: int
    seconds: float
    told: str
    failures: tuple[Failure, ...]


def report_page(grades: Sequence[Grade], course: Course) -> str:
    """The whole report as one HTML document."""
    environment = Environment(
        loader=PackageLoader("kit", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "points": points_text,
        "line": one_line,
        "cut": cut,
        "percent": _percent,
        "figure": figure_text,
    }
    environment.filters |= {"id": id, "chapter_score": lambda c: (c.chapter.name, c.score)}
    style, script = (_source(environment, name) for name in ("report.css", "report.js"))
    overview, boards, anchors = Overview(grades), leaderboards(grades), _anchors(grades)
    rows = [{c.chapter.name: _rows(c) for c in grade.result.chapters} for grade in grades]
    limit, kinds = _level([row for chapters in rows for r in chapters.values() for row in r])
    return environment.get_template("report.html").render(
        title=one_line(course.title) or "Grading report",
        course=course,
        overview=overview,
        chapters=overview.chapters,
        boards=boards,
        places_of=lambda grade: places_of(grade, boards),
        states=STATES,
        kinds=dict.fromkeys(get_args(Verdict), "fail")
        | {"pass": "full", "todo": "todo", "infra": "owed"},
        students=[
            {"grade": grade, "anchor": anchor, "name": _name(grade), "rows": chapters}
            for grade, anchor, chapters in zip(grades, anchors, rows, strict=True)
        ],
        anchor_of={id(grade): anchor for grade, anchor in zip(grades, anchors, strict=True)},
        name_of=_name,
        limit=limit,
        most=kinds,
        strip=lambda grade: _strip(states_of(grade, overview.chapters), overview),
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
    )


def _source(environment: Environment, name: str) -> str:
    return environment.loader.get_source(environment, name)[0].strip()


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _name(grade: Grade) -> str:
    return one_line(grade.student.name or grade.student.id, 100)


def _anchors(grades: Sequence[Grade]) -> list[str]:
    """A place in the page for everybody, of letters that an address may hold: "student-ada"."""
    anchors: list[str] = []
    for grade in grades:
        anchor, number = f"student-{safe_id(grade.student.id)}", 2
        while anchor in anchors:
            anchor, number = f"student-{safe_id(grade.student.id)}-{number}", number + 1
        anchors.append(anchor)
    return anchors


def _level(rows: Sequence[Row]) -> tuple[int, int]:
    """How much of each failure is shown, so that the page of a large class opens too."""
    for limit, most in LEVELS:
        sizes = (failure.size(limit) for row in rows for failure in row.failures[:most])
        if sum(sizes) <= MAX_FAILURES:
            break
    return limit, most


def _rows(result: ChapterResult) -> list[Row]:
    rows = []
    for problem in result.chapter.problems:
        tests = result.of(problem)
        rows.append(
            Row(
                problem,
                state(result, problem),
                result.points(problem),
                sum(test.verdict == "pass" for test in tests),
                len(tests),
                sum(test.seconds for test in tests),
                one_line(diagnosis_sentence(name_bugs(tests))),
                tuple(_failures(result.chapter.name, tests)),
            )
        )
    return rows


def _failures(chapter: str, tests: Sequence[TestResult]) -> Iterator[Failure]:
    """Parametrised tests share a title; one that was not begun needs no detail."""
    alike: dict[tuple[str, str], list[TestResult]] = {}
    for test in tests:
        if test.verdict != "pass":
            title = "" if test.verdict == "todo" else one_line(test.title)
            alike.setdefault((test.verdict, title), []).append(test)
    for (verdict, title), group in alike.items():
        if verdict == "todo":
            yield Failure(verdict, f"not implemented yet (tests: {len(group)})", "", "")
        else:
            detail = next((test.detail for test in group if test.detail), "")
            detail = plain(cut(detail, LEVELS[0][0])).strip("\n")
            yield Failure(verdict, title, _names(chapter, group), detail)


def _names(chapter: str, tests: Sequence[TestResult]) -> str:
    """Test names, each function once: "ch04_attention/test_hidden.py::test_x [1] [2] and 3 more"."""
    shown: dict[str, list[str]] = {}
    for test in tests[:MAX_NAMES]:
        function, bracket, parameters = one_line(test.test, 200).partition("[")
        shown.setdefault(function, []).append(bracket + parameters)
    names = [" ".join([f"{chapter}/{name}", *p]).rstrip() for name, p in shown.items()]
    more = [f"and {len(tests) - MAX_NAMES} more"] if len(tests) > MAX_NAMES else []
    return " ".join([*names, *more])


def _strip(states: Sequence[str], overview: Overview) -> Mapping[str, object]:
    """One SVG path per state: sixty problems of five hundred students must stay small."""
    paths: dict[str, str] = {}
    x, remaining = 0, iter(states)
    for chapter in overview.chapters.values():
        for _ in chapter.problems:
            mark = next(remaining)
            paths[mark] = paths.get(mark, "") + f"M{x} 0h{CELL - 1}v14h-{CELL - 1}z"
            x += CELL
        x += GAP
    full = "".join("1" if mark == "full" else "0" for mark in states)
    return {"paths": paths, "width": max(x - GAP, 1), "full": full}
