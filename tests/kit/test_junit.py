"""JUnit XML: well-formed whatever students write, and only a pass counts as one."""

from typing import get_args
from xml.etree import ElementTree as xml

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit.course import Course
from kit.junit import junit
from kit.results import Figure, SubmissionResult, Verdict
from kit.roster import Student
from tests.kit.graded import ALICE, BOB, CAROL, DAN, SECRET, bigram, check, measured


def parsed(results, course=None) -> xml.Element:
    return xml.fromstring(junit((course or Course()).apply(results)).encode())


def test_a_suite_per_submission_and_chapter():
    root = parsed([ALICE, BOB, CAROL, DAN])
    assert root.tag == "testsuites"
    assert [suite.get("name") for suite in root] == [
        *("alice.ch01_bigram", "alice.ch03_mlp", "bob.ch01_bigram", "carol.ch01_bigram"),
        "dan.intake",
    ]
    for suite in root:
        cases = suite.findall("testcase")
        assert suite.get("tests") == str(len(cases))
        assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
        assert suite.get("errors", "0") == str(len(suite.findall("testcase/error")))
    bob = root[2]
    assert (bob.get("tests"), bob.get("failures"), bob.get("errors")) == ("4", "3", "0")
    assert (bob.get("time"), bob[0].get("time")) == ("1.500", "0.250")
    assert bob[0].get("classname") == "bob.ch01_bigram.counts"
    assert bob[0].get("name") == f"test_public.py::test_x[{SECRET}]"
    failure = bob[0].find("failure")
    assert (failure.get("type"), failure.get("message")) == ("fail", "counts behave")
    assert failure.text == "got 1\nwanted 2\npairs were counted twice"
    assert root[4].find("testcase/failure").get("message") == DAN.note


def test_figures_are_properties_of_their_test():
    (suite,) = parsed([measured("x", Figure("training", 1 / 3, "s"), Figure("<y>", 2.0))])
    found = [(p.get("name"), p.get("value")) for p in suite.findall("testcase/properties/property")]
    assert found == [("figure: training (s)", repr(1 / 3)), ("figure: <y> (no unit)", "2.0")]


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_only_a_pass_counts_as_one(verdict):
    (suite,) = parsed([SubmissionResult("x", (bigram(check("counts", verdict)),))])
    outcomes = [child.tag for child in suite[0]]
    assert outcomes == {"pass": [], "infra": ["error"]}.get(verdict, ["failure"])
    assert suite.get("skipped") == "0", "CI tools take a skipped test for nothing wrong"


def test_a_shared_submission_stands_once():
    course = Course(students=(Student("s1", folder="bob"), Student("s2", partners=("s1",))))
    assert len(parsed([BOB], course)) == 1


@settings(deadline=None, database=None, max_examples=50)
@given(st.text(st.characters()))
@example("]]></failure><script>\x00\x0b\x1b[31m\ufffe\uffff\ud800 & ü")
def test_whatever_students_write_is_well_formed(text):
    tests = (check("counts", "fail", detail=text, title=text, diagnosis=(text,)),)
    (suite, intake) = parsed(
        [
            SubmissionResult(f"a{text}", (bigram(*tests, note=text),)),
            SubmissionResult("b", note=text),
        ]
    )
    assert [child.tag for child in suite if child.tag != "system-out"] == ["testcase"]
    assert len(intake) == 1


def test_a_flood_of_output_is_cut():
    huge = bigram(check("counts", "fail", detail="<" * 30_000_000))
    assert len(junit(Course().apply([SubmissionResult("x", (huge,))]))) < 30_000
