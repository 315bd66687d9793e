"""report.html: the class at a glance and a page per student, in one file that needs no network.

Everything that students wrote is escaped, and should that fail once, the page's content security
policy still lets no script run but its own, which it knows by hash.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from kit.chapters import Problem
from kit.course import Course, Grade
from kit.overview import STATES, Overview, state, states_of
from kit.results import ChapterResult, TestResult, Verdict, diagnosis_sentence, name_bugs
from kit.submissions import safe_id
from kit.text import cut, one_line, plain, points_text

MAX_DETAIL = 2_000  # characters of one detail
MAX_DETAILS = 5_000_000  # of all details: a page has to open
MIN_DETAIL = 120
MAX_NAMES = 6  # test names listed for one failure
CELL, GAP = 5, 3  # of the strip that shows all problems of a student


@dataclass(frozen=True)
class Failure:
    """Tests of one problem that went wrong in the same way, told once."""

    verdict: str
    title: str
    tests: tuple[str, ...]
    more: int  # tests that are not listed
    detail: str


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
    environment.filters |= {"points": points_text, "line": one_line, "percent": _percent}
    environment.filters |= {"id": id, "chapter_score": lambda c: (c.chapter.name, c.score)}
    style, script = (_source(environment, name) for name in ("report.css", "report.js"))
    overview = Overview(grades)
    anchors = _anchors(grades)
    failing = sum(test.verdict not in ("pass", "todo") for g in grades for test in _tests(g))
    limit = max(MIN_DETAIL, min(MAX_DETAIL, MAX_DETAILS // max(failing, 1)))
    return environment.get_template("report.html").render(
        title=one_line(course.title) or "Grading report",
        course=course,
        overview=overview,
        chapters=overview.chapters,
        states=STATES,
        kinds=dict.fromkeys(get_args(Verdict), "fail")
        | {"pass": "full", "todo": "todo", "infra": "owed"},
        students=[
            {"grade": grade, "anchor": anchor, "name": _name(grade)}
            for grade, anchor in zip(grades, anchors, strict=True)
        ],
        anchor_of={id(grade): anchor for grade, anchor in zip(grades, anchors, strict=True)},
        name_of=_name,
        rows_of=lambda result: _rows(result, limit),
        strip=lambda grade: _strip(states_of(grade, overview.chapters), overview),
        quote=quote,
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
    """A place in the page for everybody: "student-ada"."""
    anchors: list[str] = []
    for grade in grades:
        anchor, number = f"student-{safe_id(grade.student.id)}", 2
        while anchor in anchors:
            anchor, number = f"student-{safe_id(grade.student.id)}-{number}", number + 1
        anchors.append(anchor)
    return anchors


def _tests(grade: Grade) -> Iterator[TestResult]:
    return (test for result in grade.result.chapters for test in result.tests)


def _rows(result: ChapterResult, limit: int) -> list[Row]:
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
                tuple(_failures(result.chapter.name, tests, limit)),
            )
        )
    return rows


def _failures(chapter: str, tests: Sequence[TestResult], limit: int) -> Iterator[Failure]:
    """Parametrised tests share a title; one that was not begun needs no detail."""
    alike: dict[tuple[str, str], list[TestResult]] = {}
    for test in tests:
        if test.verdict != "pass":
            title = "" if test.verdict == "todo" else one_line(test.title)
            alike.setdefault((test.verdict, title), []).append(test)
    for (verdict, title), group in alike.items():
        if verdict == "todo":
            yield Failure(verdict, "not implemented yet", (), len(group), "")
            continue
        names = tuple(f"{chapter}/{one_line(test.test, 200)}" for test in group[:MAX_NAMES])
        detail = next((test.detail for test in group if test.detail), "")
        detail = plain(cut(detail, limit)).strip("\n")
        yield Failure(verdict, title, names, len(group) - len(names), detail)


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
