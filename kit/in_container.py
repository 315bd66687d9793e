"""Inside a Gradescope container: python -m kit.in_container ROOT [--prove]

Grades the upload in ROOT/submission on the chapters that ROOT/source/settings names, and writes
ROOT/results/results.json. Where the grader is at fault, the results carry no score: Gradescope then
reports a failure of the autograder, and nobody gets a zero for it. `--prove` grades the reference.
"""

import json
import os
import sys
import tempfile
import traceback
from dataclasses import replace
from pathlib import Path

from rich.progress import Progress

from kit import sandbox
from kit.chapters import chapter
from kit.course import Course
from kit.gradescope import gradescope
from kit.results import ChapterResult, SubmissionResult, not_run
from kit.rooms import secret_folders
from kit.running import Options, grade_submissions, reference_submission
from kit.seeds import KEY_VARIABLE
from kit.submissions import Submission, take_in_upload
from kit.text import one_line

LOWEST_RUNG = "uid"  # below it, student code would run as root beside the hidden tests
PASSED_ON = ("due_date", "late_due_date")  # of the assignment; what follows is not decided here
FAULT = (
    "The autograder had a fault of its own, so this upload has no score yet. It is not a zero, and "
    "your work is safe. Please tell the course staff; they can press Regrade."
)


def fault_report() -> dict:
    """The results.json of an upload that could not be graded."""
    return {
        "output": FAULT,
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {"pending": True},
        "tests": [],
    }


def settings(root: Path) -> dict[str, str]:
    """What source/settings says: lines of NAME="value", which the shell reads too."""
    lines = (root / "source" / "settings").read_text("utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name: value.strip('"') for name, value in pairs}


def grade_upload(root: Path, chapters: list[str]) -> dict:
    """Grade ROOT/submission; the content of results.json."""
    metadata = _metadata(root)
    with tempfile.TemporaryDirectory(prefix="storyteller-intake-") as folder:
        submission = take_in_upload(root / "submission", chapters, Path(folder))
        result = _grade(submission, [Path(folder), *_private(root)])
    identity = one_line(str(metadata.get("id", "submission")))
    result = _with_all(replace(result, submission=identity), chapters)
    [grade] = Course().apply([result])
    report = gradescope(grade)
    report["extra_data"]["gradescope"] = metadata
    if result.pending:
        del report["score"]
        for test in report["tests"]:
            del test["score"]
        report["output"] = f"{FAULT}\n{report['output']}"
    return report


def prove(root: Path, chapters: list[str]) -> bool:
    """Grade the reference as an upload would be; whether it earns everything."""
    result = _grade(reference_submission(chapters), _private(root))
    for subject in result.chapters:
        print(f"{subject.chapter.name}: {subject.score:g} of 100 (sandbox: {result.rung})")
        for test in subject.tests:
            if test.verdict != "pass":
                print(f"  {test.verdict}: {test.test}: {one_line(test.detail)}")
    return all(subject.score == 100 for subject in result.chapters)


def _private(root: Path) -> list[Path]:
    """What in a container is none of the student code's business."""
    return [root / name for name in ("source", "submission", "results", "submission_metadata.json")]


def _grade(submission: Submission, secrets: list[Path]) -> SubmissionResult:
    hidden = [path for path in (*secret_folders(), *secrets) if path.exists()]
    sandbox.close_secrets(map(str, hidden))  # a container is nobody else's: no mode is to be kept
    # one at a time: half a CPU is the default, and a time limit counts
    options = Options(jobs=1, require_sandbox=LOWEST_RUNG)
    with Progress(disable=True) as progress:
        outcome = grade_submissions([submission], options, hidden, progress)
    [result] = outcome.results
    return result


def _with_all(result: SubmissionResult, chapters: list[str]) -> SubmissionResult:
    """The result with an entry for every chapter, so that each upload counts to the same total."""
    found = {subject.chapter.name: subject for subject in result.chapters}
    for name in chapters:
        if name not in found:
            found[name] = _absent(name)
    return replace(result, chapters=tuple(found[name] for name in sorted(found)))


def _absent(name: str) -> ChapterResult:
    why = f"{name} is not in this upload"
    return ChapterResult(chapter(name), not_run(chapter(name), "error", why), note=why)


def _metadata(root: Path) -> dict:
    """When the upload was made and when it was due; no names. Not having it stops no grading."""
    try:
        told = json.loads((root / "submission_metadata.json").read_text("utf-8"))
        dates = {key: told.get("assignment", {}).get(key) for key in PASSED_ON}
        return {"id": told.get("id"), "created_at": told.get("created_at"), **dates}
    except (OSError, ValueError, AttributeError) as error:
        print(f"submission_metadata.json cannot be read: {error}")
        return {}


def main() -> None:
    """Grade, and leave results.json; exit code 1 where the grader is at fault."""
    root, chosen = Path(sys.argv[1]), sys.argv[2:]
    os.environ[KEY_VARIABLE] = str(root / "source" / "course.key")
    chapters = settings(root)["CHAPTERS"].split()
    if chosen == ["--prove"]:
        raise SystemExit(0 if prove(root, chapters) else 1)
    try:
        report = grade_upload(root, chapters)
    except Exception:  # whatever it is, it is not the student's fault
        traceback.print_exc()
        report = fault_report()
    draft = root / "results" / "results.tmp"
    draft.write_text(json.dumps(report, indent=1, allow_nan=False), encoding="utf-8")
    draft.replace(root / "results" / "results.json")
    raise SystemExit(0 if "score" in report else 1)


if __name__ == "__main__":
    main()
