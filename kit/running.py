"""One grading run, from paths to results."""

import os
import shutil
import tempfile
from pathlib import Path

from rich.progress import Progress

from kit import sandbox
from kit.chapters import chapter, chapter_names, repository
from kit.grading import Grader, Job, sum_up
from kit.loader import REFERENCE
from kit.reports import OutputError, write_gradebook, write_gradescope
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
    cluster: tuple[Path, dict[str, str | int]] | None = None,
) -> list[SubmissionResult]:
    """Grade everything that lies at `paths`; with no paths, the reference.

    `cluster` is a folder that all nodes of a Slurm cluster share, and parameters for its jobs.
    """
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
        if cluster is not None:
            return grade_on_cluster(submissions, *cluster, jobs, require_sandbox, progress)
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


def grade_on_cluster(
    submissions: list[Submission],
    shared: Path,
    options: dict[str, str | int],
    jobs: int,
    require_sandbox: str | None,
    progress: Progress,
) -> list[SubmissionResult]:
    """Grade submissions as jobs of a Slurm cluster; `shared` is a folder that its nodes see."""
    from kit.cluster import Cluster
    from kit.exchange import Unit

    units = [Unit(s, chapter(name)) for s in submissions for name in s.chapters]
    task = progress.add_task("grading (Slurm)", total=len(units))
    chapters: dict[str, list[ChapterResult]] = {s.id: [] for s in submissions}
    rungs: dict[str, set[str]] = {s.id: set() for s in submissions}

    def take(unit: Unit, result: ChapterResult, rung: str) -> None:
        chapters[unit.submission.id].append(result)
        rungs[unit.submission.id].add(rung)
        text = f"{unit.submission.id} {unit.chapter.name}: {result.score:g}"
        progress.update(task, advance=1, description=text)

    cluster = Cluster(shared, jobs, require_sandbox, options, progress.console.print)
    cluster.grade(units, take)
    weakest = {  # of the nodes that graded a submission
        name: max(found - {""}, key=sandbox.RUNGS.index, default="")
        for name, found in rungs.items()
    }
    return [sum_up(s, chapters[s.id], weakest[s.id]) for s in submissions]


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


def write_reports(results: list[SubmissionResult], folder: Path) -> None:
    """Write one results.json per submission and the gradebook of all."""
    for result in results:
        write_gradescope(result, folder / "results" / f"{result.submission}.json")
    write_gradebook(results, folder / "gradebook.csv")
