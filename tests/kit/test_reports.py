"""What leaves the grader: valid in its format, silent about hidden tests, whole or not at all."""

import csv
import io
import json
import math
import os
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from kit import reports
from kit.chapters import Chapter, Problem
from kit.console import summary_table
from kit.reports import (
    OutputError,
    gradebook,
    gradescope,
    one_line,
    plain,
    write_gradebook,
    write_gradescope,
)
from kit.results import ChapterResult, SubmissionResult, TestResult

SECRET = "hidden-inputs-and-source"
BIGRAM = Chapter(
    "ch01_bigram",
    "Bigram",
    (),
    (Problem("counts", 40, ("counts",)), Problem("probabilities", 60, ("p",), partial=True)),
)
MLP = Chapter("ch03_mlp", "MLP", (), (Problem("mlp", 100, ("mlp",)),))


def check(problem: str, verdict: str, public: bool = True, **more) -> TestResult:
    where = "test_public.py" if public else "test_hidden.py"
    more = {
        "title": f"{problem} behave",
        "detail": SECRET if not public else "got 1\nwanted 2",
    } | more
    return TestResult(f"{where}::test_x[{SECRET}]", problem, public, verdict, 0.25, **more)


def bigram(*tests: TestResult, note: str = "") -> ChapterResult:
    return ChapterResult(BIGRAM, tests, 1.5, note)


GOOD = bigram(check("counts", "pass"), check("probabilities", "pass", public=False))
HALF = bigram(
    check("counts", "fail", diagnosis=("pairs were counted twice",)),
    check("probabilities", "pass"),
    check("probabilities", "error", public=False, diagnosis=("rows were not normalised",)),
    check("probabilities", "todo"),
)
OWED = bigram(check("counts", "pass"), check("probabilities", "infra", public=False))
ALICE = SubmissionResult("alice", (GOOD, ChapterResult(MLP, (check("mlp", "pass"),))), seconds=3.25)
BOB = SubmissionResult("bob", (HALF,), rung="namespaces", seconds=2.5)
CAROL = SubmissionResult("carol", (OWED,), seconds=1.0)
DAN = SubmissionResult("dan", note="no chapter found; wanted ch01_bigram; rename the folder")


# ---- Gradescope

FORMATS = {"text", "html", "simple_format", "md", "ansi"}
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}


def number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def string(value: object) -> bool:
    return type(value) is str and plain(value) == value


TOP = {
    "score": number,
    "execution_time": number,
    "output": string,
    "output_format": FORMATS.__contains__,
    "test_output_format": FORMATS.__contains__,
    "test_name_format": FORMATS.__contains__,
    "visibility": VISIBILITIES.__contains__,
    "stdout_visibility": VISIBILITIES.__contains__,
    "extra_data": lambda value: type(value) is dict,
    "tests": lambda value: type(value) is list,
    "leaderboard": lambda value: type(value) is list,
}
TEST = {
    "score": number,
    "max_score": number,
    "status": {"passed", "failed"}.__contains__,
    "name": string,
    "name_format": FORMATS.__contains__,
    "number": string,
    "output": string,
    "output_format": FORMATS.__contains__,
    "tags": lambda value: type(value) is list and all(map(string, value)),
    "visibility": VISIBILITIES.__contains__,
    "extra_data": lambda value: type(value) is dict,
}


def valid(report: dict) -> dict:
    """Check against the documented schema, to the type; returns the report as it is read back."""
    report = json.loads(json.dumps(report, allow_nan=False))
    for schema, entry in [(TOP, report), *((TEST, test) for test in report["tests"])]:
        assert entry.keys() <= schema.keys(), f"unknown {entry.keys() - schema.keys()}"
        for key, value in entry.items():
            assert schema[key](value), f"{key} = {value!r}"
    assert "score" in report or all("score" in test for test in report["tests"])
    assert report["score"] == pytest.approx(sum(test["score"] for test in report["tests"]))
    return report


@pytest.mark.parametrize("result", [ALICE, BOB, CAROL, DAN], ids=lambda r: r.submission)
def test_gradescope_accepts_the_report(result):
    report = valid(gradescope(result))
    assert report["score"] == pytest.approx(result.score, abs=0.01)
    assert report["execution_time"] == result.seconds, "gradescope wants a number, not a string"


def test_a_problem_is_one_entry():
    counts, probabilities = valid(gradescope(BOB))["tests"]
    assert (counts["name"], counts["number"]) == ("ch01_bigram: counts", "1.1")
    assert (counts["score"], counts["max_score"], counts["status"]) == (0, 40, "failed")
    assert (probabilities["score"], probabilities["status"]) == (20, "failed")
    assert valid(gradescope(ALICE))["tests"][2]["number"] == "3.1"
    assert valid(gradescope(ALICE))["tests"][2]["status"] == "passed"


def test_a_hidden_test_shows_title_verdict_and_diagnosis_only():
    report = gradescope(BOB)
    counts, probabilities = report["tests"]
    assert "fail: counts behave\n  got 1\n  wanted 2" in counts["output"]
    assert counts["output"].startswith("Your output is what one gets when pairs were counted twice")
    assert "when rows were not normalised." in probabilities["output"]
    assert "error: probabilities behave" in probabilities["output"]
    untitled = SubmissionResult("x", (bigram(check("counts", "fail", public=False, title="")),))
    for result in (BOB, CAROL, untitled):
        assert SECRET not in json.dumps(gradescope(result)), "a hidden test gave itself away"


def test_infra_is_not_called_a_failure():
    report = gradescope(CAROL)
    assert report["extra_data"]["pending"] and "Not final" in report["output"]
    counts, probabilities = report["tests"]
    assert not counts["extra_data"]["pending"] and probabilities["extra_data"]["pending"]
    assert "pending" in probabilities["tags"] and "will grade it again" in probabilities["output"]


def test_notes_warnings_and_rung_are_told():
    note = bigram(check("counts", "error"), note="adapters.py cannot be imported")
    result = SubmissionResult(
        "x", (note,), rung="landlock", warnings=("a link\x1b[1m was left out",)
    )
    report = valid(gradescope(result))
    assert report["output"] == "adapters.py cannot be imported\nwarning: a link was left out"
    assert report["extra_data"]["sandbox"] == "landlock"
    assert valid(gradescope(DAN))["output"] == DAN.note and gradescope(DAN)["score"] == 0


def test_a_flood_of_output_is_cut():
    flood = bigram(*[check("counts", "fail", detail="x" * 10**6)] * 100)
    assert len(json.dumps(gradescope(SubmissionResult("x", (flood,))))) < 30_000


# ---- text


def test_plain_text_keeps_words_and_lines():
    assert (
        plain("\x1b[31mred\x1b[0m \x1b]0;title\x07x\x9b1my\r\nz\x00\x7f\u202e\tend")
        == "red xy\nz\tend"
    )
    assert plain("caf\udce9") == "caf\ufffd" and one_line(" a\n\tb ") == "a b"
    assert one_line("x" * 600) == "x" * 497 + "..."


def test_cleaning_is_linear_in_hostile_text():
    start = time.perf_counter()
    for unit in ("\x1b]", "\x1b[", "\x1b[0;", "\x1bP", "\x1b ", "\x9b"):
        plain(unit * 40_000)
    assert time.perf_counter() - start < 2, (
        "an unfinished escape sequence is scanned again and again"
    )


@settings(deadline=None, database=None, max_examples=50)
@given(st.text(st.characters()))
@example("\x1b\x1b[31m[31m")
def test_nothing_dangerous_is_left(text):
    cleaned = plain(text)
    assert all(c in "\n\t" or c.isprintable() or ord(c) > 0x9F for c in cleaned)
    assert "\x1b" not in cleaned and plain(cleaned) == cleaned
    cleaned.encode()


# ---- gradebook


def rows(results) -> list[list[str]]:
    return list(csv.reader(io.StringIO(gradebook(results), newline=""), strict=True))


def test_the_gradebook_has_a_row_for_everybody():
    assert rows([ALICE, BOB, CAROL, DAN]) == [
        ["submission", "ch01_bigram", "ch03_mlp", "total", "max", "status", "note"],
        ["alice", "100", "100", "200", "200", "complete", ""],
        ["bob", "20", "0", "20", "200", "complete", "not graded: ch03_mlp"],
        ["carol", "40", "0", "40", "200", "pending", "not graded: ch03_mlp"],
        ["dan", "0", "0", "0", "200", "invalid", DAN.note],
    ]
    assert rows([]) == [["submission", "total", "max", "status", "note"]]
    assert all(
        line.startswith('"') and line.endswith('"') for line in gradebook([DAN]).splitlines()
    )


@settings(deadline=None, database=None, max_examples=50)
@given(st.text(st.characters()), st.text(st.characters()))
@example("=cmd|' /C calc'!A0", "\t=1+1")
@example("@SUM(A1)", '"\n","=1"')
@example("\x1b[1m+1", "\u202e-1")
@example("＝1", "a,b\r\nc")
def test_text_survives_a_spreadsheet_as_text(name, note):
    header, row = rows([SubmissionResult(name, note=note)])
    assert len(row) == len(header)
    for cell, text in ((row[0], name), (row[-1], note)):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"))
        assert cell.removeprefix("'") == one_line(text, 2000).removeprefix("'")


# ---- files


def test_reports_are_written_whole(tmp_path):
    write_gradescope(BOB, tmp_path / "results.json")
    assert json.loads((tmp_path / "results.json").read_text()) == gradescope(BOB)
    for results in ([ALICE], [ALICE, DAN]):  # the second replaces the first
        write_gradebook(results, tmp_path / "grades.csv")
        assert (tmp_path / "grades.csv").read_text() == gradebook(results)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["grades.csv", "results.json"]


def test_a_killed_writer_leaves_the_old_report(tmp_path, monkeypatch):
    def killed(_):
        raise KeyboardInterrupt

    write_gradebook([ALICE], tmp_path / "grades.csv")
    monkeypatch.setattr(reports.os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_gradebook([BOB], tmp_path / "grades.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["grades.csv"], "half a report lies about"
    assert (tmp_path / "grades.csv").read_text() == gradebook([ALICE])


def test_an_output_that_cannot_be_written_says_why(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for place in ("no/such/grades.csv", "file/grades.csv", "", "pipe", "n" * 300):
        with pytest.raises(OutputError, match="cannot write .*; wanted .*; c"):
            write_gradebook([ALICE], tmp_path / place)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "pipe"]


# ---- console


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
