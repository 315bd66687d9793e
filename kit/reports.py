"""What leaves the grader: Gradescope's results.json and the gradebook, a CSV.

Students write part of this text, so every string passes `plain` or `one_line` on its way out.
Of a hidden test only title, verdict and diagnosis leave: its detail quotes inputs and source.
A file appears whole or not at all: a killed grader must not leave half a gradebook.
"""

import contextlib
import csv
import io
import json
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from kit.chapters import Problem
from kit.results import (
    ChapterResult,
    SubmissionResult,
    TestResult,
    diagnosis_sentence,
    name_bugs,
)

MAX_DETAIL, MAX_OUTPUT = 4_000, 20_000  # characters of one test, of one problem
# CSI, OSC, DCS and kin, other sequences; linear on any text, whether they are ended or not
ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
)
# control characters, marks that turn the reading order, halves of surrogate pairs
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
SURROGATES = re.compile("[\ud800-\udfff]")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


class OutputError(Exception):
    """A report cannot be written; the message says got, wanted and fix."""


def plain(text: str) -> str:
    """Text without escape sequences, control characters and surrogates; lines are kept."""
    text = ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return SURROGATES.sub("\ufffd", UNSAFE.sub("", text))


def one_line(text: str, most: int = 500) -> str:
    """Plain text on one line, cut to `most` characters."""
    text = " ".join(plain(text).split())
    return text if len(text) <= most else text[: most - 3] + "..."


def gradescope(result: SubmissionResult) -> dict:
    """The results.json of Gradescope for one submission, one test entry per problem."""
    pending = result.pending
    output = [plain(result.note)] if result.note else []
    output += [plain(chapter.note) for chapter in result.chapters if chapter.note]
    output += [f"warning: {one_line(warning)}" for warning in result.warnings]
    if pending:
        output.append("Not final: the grader had a fault, and some problems will be graded again.")
    tests = [
        _problem_entry(chapter, problem, index)
        for chapter in result.chapters
        for index, problem in enumerate(chapter.chapter.problems, 1)
    ]
    return {
        "score": _number(result.score),
        "execution_time": _number(result.seconds),
        "output": _cut("\n".join(output), MAX_OUTPUT),
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
        },
        "tests": tests,
    }


def write_gradescope(result: SubmissionResult, path: Path) -> None:
    """Write results.json; OutputError where that is not possible."""
    _write(path, json.dumps(gradescope(result), indent=1, allow_nan=False) + "\n")


def gradebook(results: Sequence[SubmissionResult]) -> str:
    """The class as CSV: a row per submission, a column per chapter; what is missing counts 0."""
    chapters = {c.chapter.name: c.chapter for result in results for c in result.chapters}
    names = sorted(chapters)
    most = sum(problem.points for name in names for problem in chapters[name].problems)
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["submission", *names, "total", "max", "status", "note"])
    for result in results:
        scores = {c.chapter.name: c.score for c in result.chapters}
        notes = [result.note, *(c.note for c in result.chapters), *result.warnings]
        missing = [name for name in names if name not in scores]
        if missing and scores:
            notes.append(f"not graded: {', '.join(missing)}")
        row = [points_text(scores.get(name, 0.0)) for name in names]
        row += [points_text(result.score), str(most), status(result)]
        writer.writerow([_cell(result.submission), *row, _cell("; ".join(filter(None, notes)))])
    return text.getvalue()


def write_gradebook(results: Sequence[SubmissionResult], path: Path) -> None:
    """Write the gradebook; OutputError where that is not possible."""
    _write(path, gradebook(results))


def status(result: SubmissionResult) -> str:
    """One of complete, pending (the grader owes points) and invalid (nothing could be graded)."""
    if not result.chapters:
        return "invalid"
    return "pending" if result.pending else "complete"


def points_text(value: float) -> str:
    """Points for people: `40`, `33.33`."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _problem_entry(chapter: ChapterResult, problem: Problem, index: int) -> dict:
    tests, pending = chapter.of(problem), chapter.pending(problem)
    passed = bool(tests) and all(test.verdict == "pass" for test in tests)
    lines = [_describe(test) for test in tests] or ["no test of this problem was run"]
    if told := diagnosis_sentence(name_bugs(test.diagnosis for test in tests)):
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
        "output": _cut("\n".join(lines), MAX_OUTPUT),
        "output_format": "text",
        "tags": [chapter.chapter.name, *(["pending"] if pending else [])],
        "visibility": "visible",
        "extra_data": {"pending": pending},
    }


def _describe(test: TestResult) -> str:
    # the name of a hidden test carries its parameters, so it does not stand in for a title
    title = one_line(test.title) or (one_line(test.test) if test.public else "a hidden test")
    lines = [f"{test.verdict}: {title}"]
    if test.public and test.detail:
        detail = plain(_cut(test.detail, MAX_DETAIL)).strip("\n")
        lines += [f"  {line}" for line in detail.split("\n")]
    return "\n".join(lines)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + f"\n(cut: {len(text) - most} more)"


def _number(value: float) -> float:
    return round(value, 2)  # a third of a point is not worth sixteen digits


def _cell(text: str) -> str:
    """One line that a spreadsheet takes for text, even where it begins like a formula."""
    text = one_line(text, 2_000)
    return f"'{text}" if text.startswith(FORMULA) else text


def _write(path: Path, text: str) -> None:
    draft = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        # replacing a device or a pipe by a file would break it for everyone
        if path.exists() and not path.is_file():
            raise OutputError(
                f"cannot write {path}: it is no file; wanted one; choose another name"
            )
        try:
            with open(draft, "x", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())  # else a power cut may keep the name and lose the text
            os.replace(draft, path)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; wanted a file in a folder that exists "
            f"and is writable; create {path.parent} or choose another place"
        ) from error
