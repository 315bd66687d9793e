"""Leaderboards: who is on them, in which order, and what of a figure survives on its way there."""

import csv
import io
import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from kit.console import show
from kit.course import Course
from kit.lateness import LatePolicy
from kit.leaderboard import leaderboard_csv, leaderboards
from kit.page import report_page
from kit.results import Figure
from kit.roster import Student
from tests.kit.graded import ALICE, measured
from tests.kit.test_journal import HONEST, TRIPLE, hand_in
from tests.kit.toy import run_grade, run_pytest

TIMED = '''

@pytest.mark.problem("double")
def test_large_numbers(student, figure):
    """The largest number that is doubled."""
    largest = max(x for x in (1, 10, 100) if student.run("twice", torch.ones(x)).sum() == 4 * x)
    figure("largest", largest, "numbers", better="higher")
    figure("least", 0.5, better="lower")
'''


def timed(name: str, seconds: float, **more):
    return measured(name, Figure("training", seconds, "s", **more))


def boards(*results, course: Course | None = None):
    return leaderboards((course or Course()).apply(results))


def ranks(board) -> list[tuple[int, str]]:
    return [(place.rank, grade.student.id) for place in board.places for grade in place.grades]


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_the_best_stands_first_and_ties_share_a_rank():
    class_of_five = [timed(*x) for x in zip("abcde", (3.0, 1.0, 2.0, 2.00001, 9.0), strict=True)]
    (board,) = boards(*class_of_five)
    assert ranks(board) == [(1, "b"), (2, "c"), (2, "d"), (4, "a"), (5, "e")]
    assert [round(board.share(place), 2) for place in board.places] == [0.11, 0.22, 0.22, 0.33, 1]
    higher = [timed(*x, better="higher") for x in (("a", 1.0), ("b", -2.0), ("c", 3.0))]
    (board,) = boards(*higher)
    assert ranks(board) == [(1, "c"), (2, "a"), (3, "b")]
    assert board.share(board.places[-1]) == 0, "a bar of negative length"
    (board,) = boards(timed("a", -1.0), timed("b", 0.0))
    assert [board.share(place) for place in board.places] == [0, 0]


def test_a_board_per_figure_of_those_who_solve_the_problem():
    both = measured("both", Figure("x", 1.0), Figure("y", 1.0))
    wrong = measured("wrong", Figure("x", 0.1), verdict="fail")
    assert [(b.figure.name, ranks(b)) for b in boards(both, timed("t", 2.0), wrong, ALICE)] == [
        ("training", [(1, "t")]),
        ("x", [(1, "both")]),
        ("y", [(1, "both")]),
    ]
    assert boards(ALICE) == boards() == []


def test_a_shared_submission_has_one_place():
    pair = Student("s1", folder="a"), Student("s2", partners=("s1",)), Student("s3", folder="c")
    (board,) = boards(timed("a", 1.0), timed("c", 2.0), course=Course(students=pair))
    assert ranks(board) == [(1, "s1"), (1, "s2"), (2, "s3")] and len(board.places) == 2


DUE = datetime(2026, 10, 1, tzinfo=UTC)
HOSTILE = '=cmd|"</td><script>'
PEOPLE = (
    Student("s1", HOSTILE, "@x", "a", submitted={"": DUE.replace(day=3)}),
    Student("s2", "Zoë", "", "b", submitted={"": DUE}),
)
LATE = Course(students=PEOPLE, late=LatePolicy(due=DUE, percent_per_day=10))


def test_the_csv_is_safe_and_tells_who_was_late():
    text = leaderboard_csv(boards(timed("a", 0.1 + 0.2), timed("b", 2.0), course=LATE))
    assert all(line.startswith('"') and line.endswith('"') for line in text.splitlines())
    header, first, second = table(text)
    assert header[:7] == ["chapter", "figure", "unit", "better", "rank", "of", "value"]
    assert first == [
        *("ch01_bigram", "training", "s", "lower", "1", "2", repr(0.1 + 0.2)),
        *("s1", f"'{HOSTILE}", "'@x", "a", "late"),
    ]
    assert second[4:] == ["2", "2", "2.0", "s2", "Zoë", "", "b", ""]
    formula = measured("a", Figure("=1+1", -1.0, "+s"))
    assert table(leaderboard_csv(boards(formula)))[1][1:3] == ["'=1+1", "'+s"]
    assert table(leaderboard_csv([])) == [header]


def test_the_page_shows_all_to_the_class_and_each_student_only_the_own_rank():
    results = [timed("a", 1.0), timed("b", 2.0)] + [timed(f"x{n}", 3.0 + n) for n in range(10)]
    text = report_page(LATE.apply(results), LATE)
    overview, *students = re.split('<section class="student"', text)
    assert "<strong>training</strong>, s; lower is better" in overview
    rows = re.findall(r'<tr><td class="number">(\d+)</td>.*?</tr>', overview)
    assert rows == [str(n) for n in range(1, 13)] and "2 more</summary>" in overview
    places = overview[overview.index("<strong>training") :]
    assert re.search(r"script&gt;</a> <span[^>]*>late</span>", places) and "<script>" not in places
    assert "1<small>s, rank 1 of 12</small>" in students[0]
    assert "2<small>s, rank 2 of 12</small>" in students[1]
    of_zoe = students[1][students[1].index("<h2") :]
    assert "Zoë" in of_zoe and "script" not in of_zoe and "x0" not in of_zoe
    assert "boards-title" not in report_page(Course().apply([ALICE]), Course())


def test_show_tells_the_own_rank():
    grades = Course().apply([timed("a", 3.25), timed("b", 2.0)])
    console = Console(file=io.StringIO())
    show(console, grades[0], boards=leaderboards(grades))
    assert "\nch01_bigram: training: 3.25 s, rank 2 of 2\n" in console.file.getvalue()


@pytest.fixture(scope="module")
def kit(toy_kit: Path, tmp_path_factory) -> Path:
    """The toy kit with a test that measures something."""
    root = Path(shutil.copytree(toy_kit, tmp_path_factory.mktemp("timed") / "kit"))
    hidden = root / "tests" / "ch91_base" / "test_hidden.py"
    hidden.write_text(hidden.read_text() + TIMED)
    return root


def test_figures_survive_grading_journal_and_reports(kit, tmp_path):
    clips = HONEST.replace("return 2 * x", "return 2 * x if len(x) < 50 else x")
    for name, source in (("ada", HONEST), ("bob", TRIPLE), ("eve", clips)):
        hand_in(tmp_path / "class", name, source)
    out = tmp_path / "out"
    arguments = (tmp_path / "class", "--chapter", "ch91_base", "--out", out)
    done = run_grade(kit, *arguments)
    assert done.returncode == 0, done.stderr
    first = (out / "leaderboard.csv").read_text()
    rows = [(row[1], row[4], row[6], row[7]) for row in table(first)[1:]]
    assert rows == [
        *[("largest", "1", "100.0", "ada"), ("largest", "2", "10.0", "eve")],
        *[("least", "1", "0.5", "ada"), ("least", "1", "0.5", "eve")],
    ]
    entry = json.loads((out / "results" / "eve.json").read_text())["leaderboard"][0]
    name = "ch91_base: largest (numbers)"
    assert entry == {"name": name, "value": 10.0, "order": "desc"}
    assert "leaderboard" not in json.loads((out / "results" / "bob.json").read_text())
    (out / "leaderboard.csv").unlink()
    assert "0 tests judged" in run_grade(kit, *arguments).stdout
    assert (out / "leaderboard.csv").read_text() == first, "known verdicts have lost their figures"
    done = run_grade(kit, "show", "eve", "--out", out)
    assert "ch91_base: largest: 10 numbers, rank 2 of 2" in done.stdout, done.stderr


def test_pytest_prints_a_line_for_each_figure(kit, tmp_path):
    hand_in(tmp_path, "ada", HONEST)
    options = ("--deps", "reference", "tests/ch91_base", "--impl")
    done = run_pytest(kit, *options, tmp_path / "ada")
    assert "ch91_base: largest: 100 numbers (higher is better)\n" in done.stdout, done.stdout
    assert "ch91_base: least: 0.5 (lower is better)\n" in done.stdout
    hand_in(tmp_path, "bob", HONEST.replace("2 * x", "3 * x if len(x) == 5 else 2 * x"))
    done = run_pytest(kit, *options, tmp_path / "bob")
    assert "2 failed, 4 passed" in done.stdout and "is better" not in done.stdout, done.stdout


def test_a_figure_twice_or_without_a_number_is_the_tests_mistake(kit, tmp_path):
    bad = Path(shutil.copytree(kit, tmp_path / "bad"))
    hidden = bad / "tests" / "ch91_base" / "test_hidden.py"
    text = hidden.read_text()
    for old, new, complaint in (
        ('"least"', '"largest"', "has recorded a figure 'largest' already"),
        ("0.5, b", "float('nan'), b", "wanted a finite float"),
    ):
        hidden.write_text(text.replace(old, new))
        done = run_pytest(bad, "--impl", "solutions", "-k", "large")
        assert complaint in done.stdout and "is better" not in done.stdout, done.stdout
