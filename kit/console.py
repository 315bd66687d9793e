"""What the instructor sees in a terminal: the table when grading ends, and one student in depth.

Coloured in a terminal, plain in a pipe. A pipe has no width, so nothing is cut there: the next
program needs the whole id.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from kit.amend import matches
from kit.course import Grade
from kit.leaderboard import Board, places_of
from kit.results import NOT_RUN, SubmissionResult, TestResult, diagnosis_sentence
from kit.roster import close_to
from kit.text import one_line, plain, points_text

QUIET = ("pass", "todo")  # the table says it all
UNBOUNDED = 100_000  # wider than any table
COLOURS = {"pass": "green", "complete": "green", "todo": "yellow"}
COLOURS |= dict.fromkeys(["infra", "pending"], "cyan")  # the grader owes these


def summary_table(results: Sequence[SubmissionResult], console: Console) -> None:
    """Print the outcome: problem by problem for one submission, chapter by chapter for several."""
    if len(results) > 1:
        print_table(_by_submission(results), console)
    elif results[0].chapters:
        rung = f" (sandbox: {results[0].rung})" if results[0].rung else ""
        console.print(_safe(results[0].submission + rung), soft_wrap=True)
        print_table(_by_problem(results[0]), console)
    for result in results:
        for note in result.notes():
            console.print(_safe(f"{result.submission}: {note}"), soft_wrap=True)


def show(
    console: Console,
    grade: Grade,
    pattern: str | None = None,
    source: Path | None = None,
    boards: Sequence[Board] = (),
) -> None:
    """Print one student's grade, and of each test that went wrong all that is known.

    A `pattern` such as "ch04_attention/*::test_rows*" chooses tests, passed ones too; ValueError
    if it matches none. `source` is where the submission lies, for the command that replays a test;
    `boards` are the leaderboards of the class.
    """
    result, student = grade.result, grade.student
    tests = [(f"{c.chapter.name}/{t.test}", t) for c in result.chapters for t in c.tests]
    if pattern is not None:
        chosen = [(name, test) for name, test in tests if matches(name, pattern)]
        if not chosen:
            names = sorted(name for name, _ in tests)
            raise ValueError(f"no test matches {pattern!r}; {close_to(pattern, names)}")
    else:
        chosen = [(name, test) for name, test in tests if test.verdict not in QUIET]
        who = " ".join(filter(None, (student.name, student.email and f"<{student.email}>")))
        console.print(_safe(f"{student.id} {who}".strip()), style="bold", soft_wrap=True)
        if result.chapters:
            print_table(_by_problem(result), console)
        late = f"{points_text(result.score)} - {points_text(grade.penalty)} for being late = "
        points = f"{late if grade.penalty else ''}{points_text(grade.points)} points"
        console.print(_safe(f"{points}, {grade.status}"), soft_wrap=True)
        for note in grade.all_notes():
            console.print(_safe(note), soft_wrap=True)
        for board, place in places_of(grade, boards):
            rank = f"rank {place.rank} of {len(board.places)}"
            told = f"{board.chapter}: {place.figure.name}: {place.figure}, {rank}"
            console.print(_safe(told), soft_wrap=True)
    home = shlex.quote(str(source)) if source else f"PATH/TO/{result.submission}"
    for name, test in chosen:
        _show_test(console, name, test, home)


def _show_test(console: Console, name: str, test: TestResult, home: str) -> None:
    console.print()
    colour = COLOURS.get(test.verdict, "red")
    heading = Text.assemble((test.verdict, f"bold {colour}"), ": ", one_line(test.title or name))
    console.print(heading, soft_wrap=True)
    for line in plain(test.detail).strip("\n").split("\n"):
        console.print(Text(f"  {line}".rstrip()), soft_wrap=True)
    if told := diagnosis_sentence(test.diagnosis):
        console.print(Text(f"  {one_line(told)}", style="cyan"), soft_wrap=True)
    if test.test != NOT_RUN:
        command = f"  pytest {shlex.quote(f'tests/{one_line(name)}')} --impl {home}"
        console.print(Text(command, style="dim"), soft_wrap=True)


def print_table(table: Table, console: Console) -> None:
    """Print a table; in a pipe as wide as it needs to be."""
    table.box = box.SIMPLE_HEAD if console.is_terminal else box.ASCII
    if not console.is_terminal:
        unbounded = console.options.update(max_width=UNBOUNDED)
        table.width = Measurement.get(console, unbounded, table).maximum
    console.print(table, crop=console.is_terminal)


def _by_problem(result: SubmissionResult) -> Table:
    table = _table(("chapter", "problem"), ("points", "of", "tests", "seconds"), "verdict")
    for chapter in result.chapters:
        for problem in chapter.chapter.problems:
            tests = chapter.of(problem)
            passed = sum(test.verdict == "pass" for test in tests)
            faults = sorted({test.verdict for test in tests} - {"pass"})
            table.add_row(
                _safe(chapter.chapter.name),
                _safe(problem.name),
                points_text(chapter.points(problem)),
                str(problem.points),
                f"{passed}/{len(tests)}",
                f"{sum(test.seconds for test in tests):.1f}",
                _verdict(faults or ["pass" if tests else "no tests"]),
            )
    most = sum(problem.points for c in result.chapters for problem in c.chapter.problems)
    table.add_section()
    total, seconds = points_text(result.score), f"{result.seconds:.1f}"
    table.add_row("total", "", total, str(most), "", seconds, _verdict([result.status]))
    return table


def _by_submission(results: Sequence[SubmissionResult]) -> Table:
    chapters = sorted({c.chapter.name for result in results for c in result.chapters})
    table = _table(("submission",), (*map(_safe, chapters), "total"), "status")
    for result in results:
        scores = {c.chapter.name: points_text(c.score) for c in result.chapters}
        row = [scores.get(name, "-") for name in chapters]
        verdict = _verdict([result.status])
        table.add_row(_safe(result.submission), *row, points_text(result.score), verdict)
    return table


def _table(names: Sequence[str], numbers: Sequence[str], verdict: str) -> Table:
    table = Table(header_style="bold")
    for column in names:
        table.add_column(column, overflow="fold")  # a narrow terminal breaks an id, never cuts it
    for column in numbers:
        table.add_column(column, justify="right", overflow="fold")
    table.add_column(verdict, overflow="fold")
    return table


def _verdict(verdicts: Sequence[str]) -> str:
    return ", ".join(f"[{COLOURS.get(v, 'red')}]{v}[/]" for v in verdicts)


def _safe(text: str) -> Text:
    """A stranger's text, in which neither [markup] nor :emoji: codes mean anything."""
    return Text(one_line(text, 2_000))
