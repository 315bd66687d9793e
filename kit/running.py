"""One grading run, from paths to results."""

import os
import shutil
import tempfile
from pathlib import Path

from rich.progress import Progress

from kit import sandbox
from kit.chapters import chapter_names, repository
from kit.grading import Grader, Job
from kit.loader import REFERENCE
from kit.results import ChapterResult, SubmissionResult
from kit.rooms import secret_folders
from kit.seeds import course_key
from kit.submissions import Submission, find_submissions


def reference_submission(chapters: list[str] | None) -> Submission:
    """The reference in solutions/, handed in like any other."""
    home = repository() / REFERENCE
    names = [name for name in chapter_names() if chapters is None or name in chapters]
    if unknown := set(chapters or ()) - set(names):
        known = ", ".join(chapter_names())
        raise ValueError(f"no chapter {', '.join(sorted(unknown))}; choose from {known}")
    folders = {name: home / name for name in names}
    return Submission("reference", home, home, folders)


def grade_paths(
    paths: list[Path],
    chapters: list[str] | None,
    jobs: int,
    require_sandbox: str | None,
    progress: Progress,
) -> list[SubmissionResult]:
    """Grade everything that lies at `paths`; with no paths, the reference."""
    course_key()  # a key that cannot be read is found out before grading, not after
    intake = Path(tempfile.mkdtemp(prefix="storyteller-intake-"))
    try:
        if paths:
            submissions = find_submissions(paths, chapters, intake)
            # the operator's slip, not a student's: nobody should get a zero for it
            if missing := [s.problem for s in submissions if not os.path.lexists(s.source)]:
                raise ValueError("; ".join(missing))
        else:
            submissions = [reference_submission(chapters)]
        secrets = [intake, *(path for path in paths if path.exists())]
        hidden = [str(path) for path in (*secret_folders(), intake) if path.exists()]
        status = sandbox.best_rung(require_sandbox, secrets=hidden)
        total = sum(len(submission.chapters) for submission in submissions)
        task = progress.add_task(f"grading (sandbox: {status.rung})", total=total)

        def count(job: Job, result: ChapterResult) -> None:
            text = f"{job.submission.id} {job.chapter.name}: {result.score:g}"
            progress.update(task, advance=1, description=text)

        with Grader(jobs, status.rung, secrets) as grader:
            return grader.grade(submissions, count)
    finally:
        shutil.rmtree(intake, ignore_errors=True)
