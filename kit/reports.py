"""Everything that leaves the grader, written into one folder.

    report.html          the class at a glance and a page per student
    gradebook.csv        a row per student        gradebook_long.csv   a row per problem too
    leaderboard.csv      who is ahead in what tests have measured
    junit.xml            for CI tools
    results/ID.json      Gradescope's, per submission; a partner's own in results/partners/

All but results/ shows hidden tests: it is for instructors.
"""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kit.course import Course, Grade
from kit.files import OutputError, write_whole
from kit.gradebook import gradebook, gradebook_long
from kit.gradescope import gradescope
from kit.junit import junit
from kit.leaderboard import leaderboard_csv, leaderboards
from kit.page import report_page
from kit.results import SubmissionResult
from kit.submissions import safe_id


def prepare_output(folder: Path) -> None:
    """Make the output folder; OutputError if nothing can be written there."""
    try:
        (folder / "results").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder}: {error.strerror}; choose another --out"
        ) from None


def write_reports(
    results: Sequence[SubmissionResult], folder: Path, course: Course | None = None
) -> list[Grade]:
    """Write all reports, each file whole or not at all; the grades that stand in them."""
    course = course or Course()
    grades = course.apply(results)
    prepare_output(folder)
    shared: set[str] = set()
    # the owner of a shared submission first: its name stands for them
    for grade in sorted(grades, key=lambda g: g.student.folder != g.result.submission):
        if grade.handed_in:
            _write_gradescope(grade, folder / "results", shared)
    write_whole(folder / "gradebook.csv", gradebook(grades))
    write_whole(folder / "gradebook_long.csv", gradebook_long(grades))
    write_whole(folder / "leaderboard.csv", leaderboard_csv(leaderboards(grades)))
    write_whole(folder / "junit.xml", junit(grades))
    write_whole(folder / "report.html", report_page(grades, course))
    return grades


def _write_gradescope(grade: Grade, folder: Path, shared: set[str]) -> None:
    """A submission's own name for the student who comes first, the student's for partners."""
    name = grade.result.submission
    if name in shared:
        folder, name = folder / "partners", safe_id(grade.student.id)
        folder.mkdir(exist_ok=True)
    shared.add(grade.result.submission)
    text = json.dumps(gradescope(grade), indent=1, allow_nan=False) + "\n"
    write_whole(folder / f"{name}.json", text)
