"""The terminal: plain in a pipe, coloured on a screen, deaf to strangers' markup."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from kit.console import show, summary_table
from kit.results import SubmissionResult
from tests.kit.graded import ALICE, BOB, DAN, HALF, SECRET, bigram, check, grade


def printed(results, **options) -> str:
    console = Console(file=io.StringIO(), **options)
    summary_table(results, console)
    return console.file.getvalue()


def test_a_pipe_gets_plain_text_and_whole_ids():
    long = SubmissionResult("i" * 300, (HALF,), note="n" * 400)
    assert f"| {'i' * 300} | " in printed([long, ALICE], width=40)
    for results in ([long], [long, ALICE]):
        text = printed(results, width=40)
        assert text.isascii() and "\x1b" not in text
        assert "i" * 300 in text and "n" * 400 in text
    assert (
        "| ch01_bigram | probabilities |     20 |  60 |   1/3 |     0.8 | error, todo |"
        in printed([BOB])
    )
    assert "| bob        |          20 |        - |    20 | complete |" in printed([ALICE, BOB])
    assert "| dan        |           - |        - |     0 | invalid  |" in printed([ALICE, DAN])


def test_a_terminal_gets_colours_and_no_markup_of_strangers():
    hostile = SubmissionResult("[red]a[/red]:bomb:\x1b[5m", (HALF,), note="[link=x]y[/]")
    for results in ([hostile], [hostile, ALICE]):
        text = printed(results, force_terminal=True, color_system="standard", width=120)
        assert "\x1b[3" in text and "\x1b[5m" not in text
        assert "[red]a[/red]:bomb:" in text and "[link=x]y[/]" in text


def shown(result, pattern=None, source=None, **options) -> str:
    console = Console(file=io.StringIO(), **options)
    show(console, grade(result), pattern, source)
    return console.file.getvalue()


def test_show_tells_what_went_wrong_and_how_to_see_it():
    text = shown(BOB, width=40)
    assert "| ch01_bigram | counts        |      0 |  40 |" in text
    assert "20 points, complete" in text
    failure = text[text.index("fail: counts behave") :]
    assert failure.startswith("fail: counts behave\n  got 1\n  wanted 2\n  Your output is what")
    assert "pairs were counted twice.\n" in failure
    command = f"pytest 'tests/ch01_bigram/test_public.py::test_x[{SECRET}]' --impl PATH/TO/bob\n"
    assert command in failure
    assert SECRET in text, "the instructor sees hidden tests"
    assert "pass: " not in text and "todo: " not in text, "only what went wrong is listed"
    assert "--impl '/my class/bob'" in shown(BOB, source=Path("/my class/bob"))
    assert DAN.note in shown(DAN) and "invalid" in shown(DAN)


def test_show_can_be_narrowed_to_tests():
    text = shown(BOB, f"ch01_bigram/test_hidden.py::test_x[{SECRET}]")
    assert text.count("pytest ") == 1 and "error: probabilities behave" in text
    assert "pass: probabilities behave" in shown(BOB, "*/test_public*")
    with pytest.raises(
        ValueError, match=r"no test matches 'ch01_bigram/test_pubic\*'; choose from"
    ):
        shown(BOB, "ch01_bigram/test_pubic*")


def test_show_obeys_no_markup_of_strangers():
    test = check("counts", "fail", title="[red]t[/red]", detail="[/]\x1b[5m:bomb:\n[link=x]y[/]")
    text = shown(SubmissionResult("[bold]a", (bigram(test),)), force_terminal=True, width=120)
    assert "[red]t[/red]" in text and "[/]:bomb:" in text and "[link=x]y[/]" in text
    assert "\x1b[5m" not in text and "[bold]a" in text
