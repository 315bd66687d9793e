"""grade.py's commands. Each does its work elsewhere in kit/ and prints here.

Exit codes: 0 done and in order, 1 something is not (points missing from the reference, verdicts
pending, an audit that fails), 2 the command could not be carried out.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from typer.core import TyperGroup

EXAMPLES = """
Examples:

  grade.py                                 the reference, every chapter

  grade.py class/ --out results/           folders, .zip, .tar.gz; again, to go on where it stopped

  grade.py class/ --out results/ --only 'ada*' --retry timeout   one student's timeouts anew

  grade.py show ada --out results/         all that is known of one student

  grade.py ada.zip --chapter ch01_bigram   one student, one chapter

  grade.py audit                           prove the tests

  grade.py run --help                      all options of grading
"""


GRADESCOPE = """
Upload the zip under Configure Autograder (base image Ubuntu 22.04). Under Settings give the
container 1 CPU and 1.5 GB or more, and the timeout that this command names.

Students upload the zip of `python -m kit.submit`, a chapter's folder, or adapters.py alone.
They see points per problem, public tests in full, of hidden tests only the titles,
verdicts and diagnoses.

Hidden tests stay hidden: student code runs in a process of its own, with a user of its own where
possible, and can read neither tests nor key. Give the zip to nobody, and keep the course key.

The README in the zip says more: what happens when the grader fails, how to change the timeout.
"""


class DefaultGroup(TyperGroup):
    """`grade.py PATH` means `grade.py run PATH`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        """Put the default command in front, unless another one or help is asked for."""
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "-h")):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=DefaultGroup,
    add_completion=False,
    no_args_is_help=False,
    epilog=EXAMPLES,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Grade submissions, each in a process of its own. Without a command: run.",
)
Chapters = Annotated[
    list[str] | None,
    typer.Option("--chapter", help="Only this chapter; may be given again.", show_default="all"),
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="How many at the same time.")]
Out = Annotated[Path, typer.Option(help="The folder that grading wrote to.")]
CourseFile = Annotated[
    Path | None,
    typer.Option(
        help="Roster, due dates, waived tests, weights: a TOML file, see kit/coursefile.py.",
        show_default="course.toml in --out, if there is one",
    ),
]
CPUS = os.cpu_count() or 1


@contextmanager
def _plain_errors() -> Iterator[None]:
    """An operator's mistake ends in one clear line and exit code 2, not in a traceback."""
    from kit.files import OutputError
    from kit.grading import GraderError
    from kit.journal import JournalError
    from kit.sandbox import SandboxError

    try:
        yield
    except KeyboardInterrupt:
        typer.echo("grade.py: stopped; with --out, the same command goes on from here", err=True)
        raise typer.Exit(130) from None
    except (
        *(GraderError, JournalError, OutputError, SandboxError),
        *(ValueError, KeyError, OSError),
    ) as error:
        text = error.args[0] if isinstance(error, KeyError) else error
        typer.echo(f"grade.py: {text}", err=True)
        raise typer.Exit(2) from None


@app.command(epilog=EXAMPLES)
def run(
    submissions: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders or archives: each one submission, or a folder of many. "
            "None: the reference.",
            show_default=False,
        ),
    ] = None,
    chapter: Chapters = None,
    jobs: Jobs = CPUS,
    out: Annotated[
        Path | None,
        typer.Option(help="Keep the journal and write report.html and gradebooks in this folder."),
    ] = None,
    course: CourseFile = None,
    require_sandbox: Annotated[
        str | None,
        typer.Option(help="Refuse to grade on a lower rung: namespaces, landlock, uid, rlimits."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only submissions of this id, or glob; may be given again."),
    ] = None,
    retry: Annotated[
        str,
        typer.Option(
            help="Verdicts to give anew, e.g. infra or crash,timeout.", show_default=False
        ),
    ] = "",
    fresh: Annotated[
        bool,
        typer.Option(
            help="Grade anew whatever this run looks at; if that is all, the journal is put aside."
        ),
    ] = False,
    executor: Annotated[
        Literal["local", "slurm"],
        typer.Option(help="Where to grade: here, or as jobs of a Slurm cluster that sees --out."),
    ] = "local",
    slurm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="What Slurm is asked for, such as partition=cpu, account=cs1 or time=60 "
            "(minutes); may be given again.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Grade submissions; without any, the reference in solutions/.

    With --out every verdict is kept in a journal: a run that was stopped goes on where it stopped,
    and what has not changed is not graded again.
    """
    from kit.console import summary_table
    from kit.reports import prepare_output, write_reports
    from kit.running import Options, grade_class

    console = Console()
    again = frozenset(filter(None, (verdict.strip() for verdict in retry.split(","))))
    with _plain_errors(), _progress() as progress:
        cluster = _cluster(executor, slurm or [], out)
        options = Options(
            out, chapter, jobs, require_sandbox, tuple(only or ()), again, fresh, cluster
        )
        if out is not None:
            prepare_output(out)  # before an hour of grading, not after
        rules = _course(course, out)
        outcome = grade_class(submissions or [], options, progress)
        if out is not None:
            write_reports(outcome.results, out, rules)
    results = [result for result in outcome.results if result.submission in outcome.chosen]
    summary_table(results, console)
    if out is not None:
        told = f"{outcome.graded} tests judged, {outcome.known} known from before"
        console.print(f"{told}; written: {out}/report.html, gradebooks and more", soft_wrap=True)
    in_order = not any(result.pending for result in results)
    if not submissions:
        in_order &= all(c.score == 100 for result in results for c in result.chapters)
    raise typer.Exit(0 if in_order else 1)


@app.command()
def report(out: Out, course: CourseFile = None) -> None:
    """Write all reports anew, with today's points, roster, due dates and waivers; grades nothing."""
    from kit.journal import Journal
    from kit.reports import write_reports

    with _plain_errors():
        with Journal(out, reading=True) as journal:
            results = journal.results()
        grades = write_reports(results, out, _course(course, out))
    typer.echo(f"{len(grades)} students; written: {out}/report.html, gradebooks and more")


@app.command()
def show(
    student: Annotated[str, typer.Argument(help="The id of a student or a submission.")],
    out: Out,
    test: Annotated[
        str | None, typer.Option(help="Only tests like this, passed ones too: 'ch01*::test_rows*'.")
    ] = None,
    course: CourseFile = None,
) -> None:
    """Show one student's grade, and of every test that went wrong all that is known."""
    from kit.console import show as show_grade
    from kit.journal import Journal
    from kit.leaderboard import leaderboards
    from kit.roster import close_to

    with _plain_errors():
        with Journal(out, reading=True) as journal:
            results, sources = journal.results(), journal.sources()
        grades = _course(course, out).apply(results)
        found = [g for g in grades if student in (g.student.id, g.result.submission)]
        if not found:
            names = sorted({g.student.id for g in grades})
            raise ValueError(f"nobody is called {student!r}; {close_to(student, names)}")
        boards = leaderboards(grades)
        for grade in found:
            source = sources.get(grade.result.submission)
            show_grade(Console(), grade, test, source, boards)


def _course(path: Path | None, out: Path | None):
    """The course: the file given, the one in the output folder, or none."""
    from kit.course import Course

    if path is None and out is not None and (out / "course.toml").is_file():
        path = out / "course.toml"
    return Course() if path is None else Course.load(path)


def _cluster(executor: str, slurm: list[str], out: Path | None) -> dict | None:
    """What the jobs of a cluster ask for; None to grade here."""
    if executor == "local":
        if slurm:
            raise ValueError("--slurm is for --executor slurm; give both, or neither")
        return None
    if out is None:
        raise ValueError("--executor slurm needs --out, in a folder that all nodes see")
    from kit.cluster import slurm_parameters

    return slurm_parameters(slurm)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A live bar on a terminal's error output; nothing in a pipe."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        yield bar


@app.command()
def stubs(chapter: Chapters = None) -> None:
    """Write assignments/*/adapters.py anew from the reference's signatures and docstrings."""
    from kit.stubs import write_stubs

    with _plain_errors():
        changed = write_stubs(chapter)
    typer.echo("\n".join(f"written: {name}" for name in changed) or "all stubs are up to date")


@app.command()
def table(
    write: Annotated[bool, typer.Option(help="Bring the table in README.md up to date.")] = False,
) -> None:
    """Print the README's table of chapters."""
    from kit.tables import chapter_table, write_chapter_table

    with _plain_errors():
        if write:
            typer.echo("README.md written" if write_chapter_table() else "README.md is up to date")
        else:
            typer.echo(chapter_table())


@app.command()
def audit(
    chapter: Chapters = None,
    jobs: Jobs = CPUS,
    deep: Annotated[bool, typer.Option(help="Also 20 seeds, shuffled order, ⚖ tests.")] = False,
    frozen: Annotated[bool, typer.Option(help="Fail on stale fingerprints, write none.")] = False,
) -> None:
    """Prove chapter by chapter: reference 100 %, stubs 0, bugs caught, twins accepted."""
    from kit.auditing import audit_chapters, print_audits

    with _plain_errors(), _progress() as progress:
        audits = audit_chapters(chapter, jobs, deep, frozen, progress)
    raise typer.Exit(0 if print_audits(audits, Console()) else 1)


@app.command()
def release(
    folder: Annotated[Path, typer.Argument(help="A new folder, or one that holds a release.")],
    chapter: Chapters = None,
) -> None:
    """Write the student kit: handouts, stubs, public tests; proved to hold no answers."""
    from kit.release import release as write_release

    with _plain_errors():
        names, notes = write_release(folder, chapter)
    typer.echo("\n".join([*notes, f"written: {folder} with {', '.join(names)}"]))


@app.command(epilog=GRADESCOPE)
def autograder(
    file: Annotated[Path, typer.Argument(help="The zip to write, outside the repository.")],
    chapter: Annotated[
        list[str], typer.Option("--chapter", help="A chapter to grade; may be given again.")
    ],
) -> None:
    """Write an autograder for Gradescope, with the hidden tests and the course key in it."""
    from kit.autograder import autograder as write_autograder

    with _plain_errors():
        made = write_autograder(file, chapter)
    typer.echo("\n".join(made.told(file)))


@app.command()
def doctor() -> None:
    """Say what works on this machine: versions, sandbox rungs, GPU, optional packages."""
    from kit.doctor import examine

    raise typer.Exit(0 if examine(Console()) else 1)


if __name__ == "__main__":
    sys.exit(app())
