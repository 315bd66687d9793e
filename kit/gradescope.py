"""Gradescope's results.json: one entry per problem, and nothing that gives a hidden test away.

Of a hidden test only title, verdict and diagnosis leave: its detail quotes inputs and source.
"""

from collections import Counter
from collections.abc import Sequence

from kit.chapters import Problem
from kit.course import Grade
from kit.leaderboard import figures_of
from kit.results import ChapterResult, TestResult, diagnosis_sentence, figure_text, name_bugs
from kit.text import cut, one_line, plain

MAX_DETAIL, MAX_OUTPUT = 4_000, 20_000  # characters of one test, of one problem


def gradescope(grade: Grade) -> dict:
    """The results.json of one grade, a test entry per problem; the score is what counts, late too."""
    result, pending = grade.result, grade.result.pending
    output = [plain(cut(note, MAX_OUTPUT)) for note in grade.all_notes()]
    if pending:
        output.append("Not final: the grader had a fault, and some problems will be graded again.")
    tests = [
        _problem_entry(chapter, problem, index)
        for chapter in result.chapters
        for index, problem in enumerate(chapter.chapter.problems, 1)
    ]
    return {
        "score": _number(grade.points),
        "execution_time": _number(result.seconds),
        "output": cut("\n".join(output), MAX_OUTPUT),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        # one hidden entry would hide the student's total, so hidden tests report within theirs
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {
            "submission": one_line(result.submission),
            "sandbox": one_line(result.rung),
            "pending": pending,
            "raw_score": _number(result.score),
            "late_penalty": _number(grade.penalty),
        },
        "tests": tests,
    } | ({"leaderboard": board} if (board := _leaderboard(grade)) else {})


def _leaderboard(grade: Grade) -> list[dict]:
    """The student's own figures; Gradescope ranks them under pseudonyms."""
    return [
        {
            "name": f"{chapter}: {figure.name}" + (f" ({figure.unit})" if figure.unit else ""),
            "value": float(figure_text(figure.value)),
            "order": "asc" if figure.better == "lower" else "desc",
        }
        for chapter, figure in figures_of(grade)
    ]


def _problem_entry(chapter: ChapterResult, problem: Problem, index: int) -> dict:
    tests, pending = chapter.of(problem), chapter.pending(problem)
    waived = problem.name in chapter.gifts
    passed = waived or (bool(tests) and all(test.verdict == "pass" for test in tests))
    lines = ["full points: its tests are waived"] if waived else _describe_all(tests)
    if told := diagnosis_sentence(name_bugs(tests)):
        lines.insert(0, one_line(told))
    if pending:
        lines.insert(0, "Not final: the grader had a fault here, and will grade it again.")
    return {
        "name": f"{chapter.chapter.name}: {problem.name}",
        "name_format": "text",
        "number": f"{chapter.chapter.number}.{index}",
        "score": _number(chapter.points(problem)),
        "max_score": problem.points,
        "status": "passed" if passed else "failed",
        "output": cut("\n".join(lines), MAX_OUTPUT),
        "output_format": "text",
        "tags": [chapter.chapter.name, *(["pending"] if pending else [])],
        "visibility": "visible",
        "extra_data": {"pending": pending},
    }


def _describe_all(tests: Sequence[TestResult]) -> list[str]:
    """Public tests first, since they tell most; parametrised hidden ones, which look alike, once."""
    if tests and all(test.verdict == "todo" for test in tests):
        return [f"todo: not implemented yet ({len(tests)} tests)"]
    described = Counter(_describe(test) for test in sorted(tests, key=lambda t: not t.public))
    lines = [
        text if count == 1 else text.replace(":", f" ({count} times):", 1)
        for text, count in described.items()
    ]
    return lines or ["no test of this problem was run"]


def _describe(test: TestResult) -> str:
    # the name of a hidden test carries its parameters, so it does not stand in for a title
    title = one_line(test.title) or (one_line(test.test) if test.public else "a hidden test")
    lines = [f"{test.verdict}: {title}"]
    if test.public and test.detail:
        detail = plain(cut(test.detail, MAX_DETAIL)).strip("\n")
        lines += [f"  {line}" for line in detail.split("\n")]
    return "\n".join(lines)


def _number(value: float) -> float:
    return round(value, 2)  # a third of a point is not worth sixteen digits
