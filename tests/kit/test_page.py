"""report.html: complete, escaped, closed to the network, and small enough to open."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from kit.chapters import Chapter, Problem
from kit.course import Course
from kit.overview import Overview
from kit.page import report_page
from kit.results import ChapterResult, SubmissionResult, TestResult
from kit.roster import Student
from tests.kit.graded import ALICE, BIGRAM, BOB, CAROL, DAN, SECRET, bigram, check

HOSTILE = "</script></title><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\"'"


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        self.text += data
        if self.cdata_elem == "script":
            self.scripts[-1] += data

    def of(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(results, course=None) -> Page:
    course = course or Course()
    return Page(report_page(course.apply(results), course))


def test_everybody_has_a_page_and_every_link_leads_somewhere():
    found = page([ALICE, BOB, CAROL, DAN], Course(title="Autumn", students=(Student("s ü", "Ü"),)))
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    students = [a["id"] for a in found.of("section") if a.get("class") == "student"]
    assert students == ["student-s_ü"] + [f"student-{n}" for n in ("alice", "bob", "carol", "dan")]
    links = {a["href"] for a in found.of("a")}
    assert all(link.startswith("#") for link in links), "the page needs no network"
    assert {link[1:] for link in links} <= set(ids)
    assert "got 1\nwanted 2" in found.text and SECRET in found.text
    assert "Autumn" in found.text and "For instructors only" in found.text


def test_a_stranger_with_a_students_id_has_a_page_too():
    found = page([ALICE, BOB], Course(students=(Student("bob", folder="alice"),)))
    assert {"student-bob", "student-bob-2"} <= {
        attributes.get("id") for _, attributes in found.tags
    }


def test_pages_are_chained():
    found = page([ALICE, BOB, CAROL])
    chain = [(a["rel"], a["href"]) for a in found.of("a") if "rel" in a]
    assert chain == [
        ("next", "#student-bob"),
        ("prev", "#student-alice"),
        ("next", "#student-carol"),
        ("prev", "#student-bob"),
    ]


@pytest.mark.parametrize("where", ["submission", "note", "title", "detail", "test", "bug", "rung"])
def test_nothing_that_students_write_is_markup(where):
    test = {"title": HOSTILE} if where == "title" else {}
    test |= {"detail": HOSTILE} if where == "detail" else {}
    test |= {"diagnosis": (HOSTILE,)} if where == "bug" else {}
    failing = check("counts", "fail", **test)
    if where == "test":
        failing = replace(failing, test=HOSTILE)
    result = SubmissionResult(
        HOSTILE if where == "submission" else "x",
        (bigram(failing, note=HOSTILE if where == "note" else ""),),
        rung=HOSTILE if where == "rung" else "",
    )
    student = Student("x", HOSTILE, f"@{HOSTILE}") if where == "submission" else Student("x")
    found = page([result], Course(title=HOSTILE, students=(student,)))
    assert len(found.scripts) == 1 and not found.of("img")
    assert not [a for _, a in found.tags if any(name.startswith("on") for name in a)]
    assert "alert(1)" in found.text and "\x1b" not in found.text


def test_only_the_pages_own_script_may_run():
    found = page([BOB])
    (policy,) = [a["content"] for a in found.of("meta") if "http-equiv" in a]
    digest = base64.b64encode(hashlib.sha256(found.scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy and "default-src 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert not re.search(r"https?:|url\(|@import", report_page(Course().apply([BOB]), Course()))


def test_the_overview_counts_what_the_class_has_done():
    overview = Overview(Course().apply([ALICE, BOB, CAROL, DAN]))
    assert overview.most == 200 and overview.shares == [1, 0.1, 0.2]
    assert overview.average == pytest.approx((1.3 / 3, 0.2))
    assert overview.histogram() == [0, 1, 1, 0, 0, 0, 0, 0, 0, 1]
    assert overview.verdicts() == {"pass": 5, "fail": 1, "error": 1, "todo": 1, "infra": 1}
    counts, probabilities, _ = overview.problems
    shown = {state: count for state, count in counts.states.items() if count}
    assert shown == {"full": 2, "fail": 1, "none": 1} and counts.rate == pytest.approx(2 / 3)
    shown = {state: count for state, count in probabilities.states.items() if count}
    assert shown == {"full": 1, "part": 1, "owed": 1, "none": 1}
    assert probabilities.rate == pytest.approx(2 / 3), "what is pending is no zero"
    assert probabilities.seconds == (0.25, 0.75)
    (bug,) = [line for line in overview.misconceptions() if line.problem == "counts"]
    assert bug.name == "pairs were counted twice" and [g.student.id for g in bug.who] == ["bob"]
    assert overview.rungs() == {"namespaces": 1}
    assert overview.owed(overview.grades[2]) == ["ch01_bigram / probabilities"]


def test_a_shared_submission_is_counted_once():
    pair = (Student("s1", folder="bob"), Student("s2", partners=("s1",)))
    overview = Overview(Course(students=pair).apply([BOB]))
    assert sum(overview.verdicts().values()) == 4
    assert overview.problems[0].states["fail"] == 2, "but each of the two has failed"


def test_a_problem_not_begun_is_told_in_one_line():
    todo = bigram(*[check("counts", "todo", detail="NotImplementedError")] * 50)
    text = page([SubmissionResult("x", (todo,))]).text
    assert text.count("not implemented yet (tests: 50)") == 1 and "NotImplementedError" not in text


def test_an_empty_class_has_a_page():
    assert "0 handed in" in page([]).text
    assert "missing" in page([], Course(students=(Student("s1"),))).text


def test_a_large_class_stays_small():
    problems = tuple(Problem(f"problem_{n}", 5, ("f",)) for n in range(20))
    chapters = [Chapter(f"ch{n:02d}_long_name", "Title", (), problems) for n in (1, 2, 3)]
    detail = "<" * 4_000  # each becomes four characters
    tests = tuple(
        TestResult(f"t.py::test_{m}[{k}]", p.name, False, "fail", 0.1, f"title {m}" * 5, detail)
        for p in problems
        for m in range(4)
        for k in range(2)
    )
    result = tuple(ChapterResult(chapter, tests) for chapter in chapters)
    grades = Course().apply([SubmissionResult(f"student-{n}", result) for n in range(50)])
    text = report_page(grades, Course())
    assert len(text.encode()) < 15_000_000
    assert "&lt;" * 120 in text and "grade.py show student-7" in text
    assert BIGRAM.name not in text
