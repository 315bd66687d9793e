"""The progress panel: what it says, and how it looks where nobody sees colours."""

import io

import pytest

from kit.chapters import Chapter, Problem
from kit.panel import print_panel, state_of
from kit.results import ChapterResult, TestResult

COUNTS = Problem("bigram_counts", 40, ("bigram_counts",))
SHARED = Problem("probabilities", 50, ("probabilities",), partial=True)
LAST = Problem("sample", 10, ("sample",))
BIGRAM = Chapter("ch01_bigram", "Bigram", (), (COUNTS, SHARED, LAST))
LONG = Chapter("ch12_a_chapter_of_a_very_long_name", "Long", (), (Problem("x" * 40, 100, ("x",)),))


@pytest.fixture(autouse=True)
def no_colours_asked_for(monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def results(chapter: Chapter, **verdicts: str) -> list[tuple[Chapter, TestResult]]:
    return [
        (chapter, TestResult(f"test_{i}", problem, True, verdict))
        for problem, row in verdicts.items()
        for i, verdict in enumerate(row.split())
    ]


def panel(found: list[tuple[Chapter, TestResult]], impl: str = "student", options: str = "") -> str:
    file = io.StringIO()
    print_panel(found, impl, options, file)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def test_the_panel_in_a_pipe():
    found = results(
        BIGRAM, bigram_counts="pass pass", probabilities="pass fail error pass", sample="todo todo"
    )
    assert panel(found) == (
        "\n"
        "ch01_bigram: 65 of 100 points, by the tests that ran\n"
        "problem        state    tests  points\n"
        "bigram_counts  done       2/2   40/40\n"
        "probabilities  failing    2/4   25/50\n"
        "sample         todo       0/2    0/10\n"
        "Next: probabilities in assignments/ch01_bigram/adapters.py, then\n"
        "      pytest tests/ch01_bigram --problem probabilities"
    )


def test_no_escape_codes_reach_a_file():
    found = results(BIGRAM, bigram_counts="pass", probabilities="fail", sample="todo")
    assert "\x1b" not in panel(found) + panel(found, "solutions")


def test_the_reference_gets_one_line_a_chapter():
    found = results(BIGRAM, sample="pass todo") + results(LONG, xxx="pass pass")
    lines = ["", "ch01_bigram: 1 of 2 tests pass", f"{LONG.name}: 2 of 2 tests pass"]
    assert panel(found, "solutions").split("\n") == lines


def test_problems_whose_tests_did_not_run_are_left_out():
    shown = panel(results(BIGRAM, sample="pass"))
    assert "10 of 10 points" in shown and "probabilities" not in shown


def test_when_all_is_done_nothing_is_next():
    shown = panel(results(BIGRAM, bigram_counts="pass", probabilities="pass", sample="pass"))
    assert "100 of 100 points" in shown and "Next" not in shown


def test_the_next_step_is_the_first_in_the_chapters_order():
    found = results(BIGRAM, sample="fail", probabilities="todo", bigram_counts="pass")
    assert "Next: probabilities in" in panel(found)
    assert "Next: sample in" in panel(results(LONG, y="pass") + results(BIGRAM, sample="todo"))


def test_a_command_is_never_broken_in_two():
    name = LONG.problems[0].name
    lines = panel(results(LONG, **{name: "todo"})).split("\n")
    assert f"      pytest tests/{LONG.name} --problem {name}" in lines


def test_the_next_command_repeats_the_options_letter_by_letter():
    shown = panel(results(BIGRAM, sample="todo"), options=" --impl '/home/[bold]/ann'")
    assert shown.endswith("--problem sample --impl '/home/[bold]/ann'")


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        *[("pass pass", "done"), ("todo pass", "todo"), ("todo", "todo"), ("todo fail", "failing")],
        *[("crash", "failing"), ("infra pass", "failing"), ("timeout todo", "failing"), ("", "")],
    ],
)
def test_the_state_of_a_problem_is_that_of_its_worst_test(verdicts, state):
    tests = tuple(result for _, result in results(BIGRAM, sample=verdicts))
    assert state_of(LAST, ChapterResult(BIGRAM, tests)) == state
