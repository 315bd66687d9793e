"""The progress panel at the end of a run: what is done, what fails, what to do next."""

import sys
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kit.chapters import Chapter, Problem
from kit.results import ChapterResult, TestResult, diagnosis_sentence, name_bugs

STATES = {"done": "green", "failing": "red", "todo": "yellow"}


def state_of(problem: Problem, result: ChapterResult) -> str:
    """Done, failing or todo; a problem no test of which ran is none of them."""
    verdicts = {test.verdict for test in result.of(problem)}
    if not verdicts:
        return ""
    if verdicts == {"pass"}:
        return "done"
    return "todo" if verdicts <= {"todo", "pass"} else "failing"


def print_panel(
    results: list[tuple[Chapter, TestResult]], impl: str, options: str, file: TextIO | None = None
) -> None:
    """Print a line per problem and, for students, where to go on.

    `options` are pytest's that a next command has to repeat.
    """
    console = Console(file=file or sys.stdout, highlight=False)
    chapters = {chapter.name: chapter for chapter, _ in results}
    graded = [
        ChapterResult(chapter, tuple(r for c, r in results if c.name == name))
        for name, chapter in sorted(chapters.items())
    ]
    console.print()
    if impl == "solutions":
        for result in graded:
            passed = sum(t.verdict == "pass" for t in result.tests)
            console.print(f"{result.chapter.name}: {passed} of {len(result.tests)} tests pass")
            _print_figures(result, console)
        return
    for result in graded:
        shown = [p for p in result.chapter.problems if result.of(p)]
        earned, most = sum(map(result.points, shown)), sum(p.points for p in shown)
        line = f"{result.chapter.name}: {earned:g} of {most} points, by the tests that ran"
        console.print(line, style="bold")
        console.print(_table(result))
        for problem in shown:
            if told := diagnosis_sentence(name_bugs(result.of(problem))):
                console.print(f"{problem.name}: {told}", style="cyan", soft_wrap=True)
        _print_figures(result, console)
    if step := _next_step(graded, options):
        console.print(step, soft_wrap=True, markup=False)  # a command is copied in one piece


def _print_figures(result: ChapterResult, console: Console) -> None:
    for figure in result.figures():
        text = f"{result.chapter.name}: {figure.name}: {figure} ({figure.better} is better)"
        console.print(text, soft_wrap=True, markup=False)


def _table(result: ChapterResult) -> Table:
    shown = [p for p in result.chapter.problems if result.of(p)]
    table = Table(box=None, pad_edge=False)
    for column in ("problem", "state", "tests", "points"):
        table.add_column(column, justify="right" if column in ("tests", "points") else "left")
    for problem in shown:
        state, tests = state_of(problem, result), result.of(problem)
        passed = sum(test.verdict == "pass" for test in tests)
        table.add_row(
            problem.name,
            Text(state, style=STATES[state]),
            f"{passed}/{len(tests)}",
            f"{result.points(problem):g}/{problem.points}",
        )
    return table


def _next_step(graded: list[ChapterResult], options: str) -> str:
    for result in graded:
        for problem in result.chapter.problems:
            if state_of(problem, result) in ("todo", "failing"):
                name = result.chapter.name
                return (
                    f"Next: {problem.name} in assignments/{name}/adapters.py, then\n"
                    f"      pytest tests/{name} --problem {problem.name}{options}"
                )
    return "All of these tests pass. The graders run more of them, on other inputs."
