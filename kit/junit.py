"""JUnit XML: a test suite per submission and chapter, for CI tools. It is the instructors' file.

Whatever is not a pass fails, a todo too: tools count a skipped test as nothing wrong. Infra is an
error, which in this format means that the test itself could not be run.
"""

from collections.abc import Sequence
from xml.etree import ElementTree as xml

from kit.course import Grade
from kit.results import ChapterResult, TestResult
from kit.text import cut, one_line, plain

MAX_DETAIL = 4_000


def junit(grades: Sequence[Grade]) -> str:
    """Every submission once, also where several students share it."""
    root = xml.Element("testsuites", name="storyteller")
    results = {grade.result.submission: grade.result for grade in grades if grade.handed_in}
    for name, result in results.items():
        for chapter in result.chapters:
            _add_suite(root, one_line(name), chapter)
        if not result.chapters:
            suite = _suite(root, one_line(name), "intake", failures=1, tests=1)
            case = xml.SubElement(suite, "testcase", classname=one_line(name), name="intake")
            xml.SubElement(case, "failure", type="invalid", message=one_line(result.note))
    xml.indent(root, space=" ")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(root, encoding="unicode") + "\n"
    )


def _suite(root: xml.Element, submission: str, chapter: str, **counts: int) -> xml.Element:
    numbers = {key: str(value) for key, value in counts.items()}
    return xml.SubElement(root, "testsuite", name=f"{submission}.{chapter}", **numbers)


def _add_suite(root: xml.Element, submission: str, result: ChapterResult) -> None:
    verdicts = [test.verdict for test in result.tests]
    suite = _suite(
        root,
        submission,
        result.chapter.name,
        tests=len(verdicts),
        failures=sum(verdict not in ("pass", "infra") for verdict in verdicts),
        errors=verdicts.count("infra"),
        skipped=0,
    )
    suite.set("time", f"{result.seconds:.3f}")
    for test in result.tests:
        _add_case(suite, f"{submission}.{result.chapter.name}.{test.problem}", test)
    if result.note:
        xml.SubElement(suite, "system-out").text = plain(cut(result.note, MAX_DETAIL))


def _add_case(suite: xml.Element, classname: str, test: TestResult) -> None:
    case = xml.SubElement(suite, "testcase", classname=classname, name=one_line(test.test))
    case.set("time", f"{test.seconds:.3f}")
    if test.figures:
        properties = xml.SubElement(case, "properties")
        for figure in test.figures:
            name = one_line(f"figure: {figure.name} ({figure.unit or 'no unit'})")
            xml.SubElement(properties, "property", name=name, value=repr(figure.value))
    if test.verdict == "pass":
        return
    outcome = xml.SubElement(case, "error" if test.verdict == "infra" else "failure")
    outcome.set("type", test.verdict)
    outcome.set("message", one_line(test.title))
    lines = [cut(test.detail, MAX_DETAIL), *test.diagnosis]
    outcome.text = plain("\n".join(filter(None, lines)))
