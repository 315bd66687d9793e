"""What works on this machine, in one table: for instructors before a class, for students in need."""

import os
import platform
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kit import sandbox
from kit.chapters import chapter_names, repository
from kit.rooms import secret_folders
from kit.seeds import FALLBACK_KEY, course_key

REQUIRED = ("torch", "numpy", "einops", "jaxtyping", "pytest", "hypothesis", "typer", "rich")
OPTIONAL = {
    "triton": "kernels",
    "submitit": "jobs on Slurm",
    "matplotlib": "plots",
    "datasets": "public data sets: pip install -e '.[data]'",
}
GOOD, MIDDLING, BAD = Text("ok", "green"), Text("no", "yellow"), Text("MISSING", "bold red")


def examine(console: Console) -> bool:
    """Print the table; whether grading can work here."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    healthy = True
    python = sys.version_info >= (3, 11)
    table.add_row("Python", GOOD if python else BAD, f"{platform.python_version()}; wanted 3.11+")
    for name in REQUIRED:
        version = _version(name)
        healthy &= bool(version)
        table.add_row(name, GOOD if version else BAD, version or "pip install -e .")
    for name, use in OPTIONAL.items():
        version = _version(name)
        text = Text(f"{version or 'not installed'} ({use})")
        table.add_row(name, GOOD if version else MIDDLING, text)
    gpu = Path("/dev/nvidia0").exists()
    text = (
        "an NVIDIA device is there" if gpu else "no NVIDIA device: Triton runs in its interpreter"
    )
    table.add_row("GPU", GOOD if gpu else MIDDLING, text)
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    table.add_row("cores", GOOD, f"{cpus}: the default of --jobs")
    _add_course_key(table)
    _add_chapters(table)
    healthy &= python & _add_rungs(table)
    console.print(table)
    return healthy


def _version(name: str) -> str:
    try:
        return metadata.version(name) if find_spec(name) else ""
    except metadata.PackageNotFoundError:
        return ""


def _add_course_key(table: Table) -> None:
    try:
        own = course_key() != FALLBACK_KEY
        text = (
            "from STORYTELLER_COURSE_KEY"
            if own
            else (
                "none: hidden inputs can be guessed by who has the kit; put 16 or more random bytes in a "
                "file outside the repository and name it in STORYTELLER_COURSE_KEY"
            )
        )
        table.add_row("course key", GOOD if own else MIDDLING, text)
    except (OSError, ValueError) as error:
        table.add_row("course key", BAD, str(error))


def _add_chapters(table: Table) -> None:
    reference = [n for n in chapter_names() if (repository() / "solutions" / n).is_dir()]
    text = f"{len(chapter_names())}, {len(reference)} of them with the reference"
    table.add_row("chapters", GOOD if reference else MIDDLING, text)


def _add_rungs(table: Table) -> bool:
    """A line per sandbox rung, tried out; whether one of them works."""
    if not sys.platform.startswith("linux"):
        text = "isolated grading needs Linux; here tests run in one process"
        table.add_row("sandbox", MIDDLING, text)
        return True
    secrets = [str(path) for path in secret_folders() if path.exists()]
    statuses = sandbox.probe(secrets=secrets)
    best = next((status.rung for status in statuses if status.works), None)
    for status in statuses:
        text = ", ".join(status.layers) if status.works else status.reason
        chosen = " (used for grading)" if status.rung == best else ""
        mark = GOOD if status.works else MIDDLING
        table.add_row(f"sandbox {status.rung}", mark, Text(text + chosen))
    return best is not None
