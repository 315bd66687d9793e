"""grade.py's commands. Each does its work elsewhere in kit/ and prints here.

Exit codes: 0 done and in order, 1 something is not (points missing from the reference, verdicts
pending, an audit that fails), 2 the command could not be carried out.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

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

  grade.py ada.zip --chapter ch01_bigram   one student, one chapter

  grade.py audit                           prove the tests

  grade.py run --help                      all options of grading
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
        typer.Option(help="Write results/ID.json (Gradescope) and gradebook.csv to this folder."),
    ] = None,
    course: Annotated[
        Path | None,
        typer.Option(help="Roster, due dates, waived tests: a TOML file; see kit/coursefile.py."),
    ] = None,
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
        bool, typer.Option(help="Grade everything anew; the journal in --out is put aside.")
    ] = False,
) -> None:
    """Grade submissions; without any, the reference in solutions/.

    With --out every verdict is kept in a journal: a run that was stopped goes on where it stopped,
    and what has not changed is not graded again.
    """
    from kit.console import summary_table
    from kit.course import Course
    from kit.reports import prepare_output, write_reports
    from kit.running import Options, grade_class

    console = Console()
    again = frozenset(filter(None, (verdict.strip() for verdict in retry.split(","))))
    options = Options(out, chapter, jobs, require_sandbox, tuple(only or ()), again, fresh)
    with _plain_errors(), _progress() as progress:
        if out is not None:
            prepare_output(out)  # before an hour of grading, not after
        rules = Course.load(course) if course is not None else Course()
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
        names = write_release(folder, chapter)
    typer.echo(f"written: {folder} with {', '.join(names)}")


@app.command()
def doctor() -> None:
    """Say what works on this machine: versions, sandbox rungs, GPU, optional packages."""
    from kit.doctor import examine

    raise typer.Exit(0 if examine(Console()) else 1)


if __name__ == "__main__":
    sys.exit(app())
