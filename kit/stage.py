"""The staged folder from which the zygote runs: kit's runtime and kit.given, and nothing else.

A student's process is a fork of the zygote. What the zygote cannot import, a student cannot import
either: no solutions, no tests, no bugs, no grader.
"""

import shutil
from pathlib import Path

import kit

RUNTIME = (
    *("__init__", "chapters", "codec", "contract", "diagnosis", "forbidden", "loader", "names"),
    *("processes", "results", "serve", "wire", "zygote"),
)


def kit_folder() -> Path:
    """Where the kit's own modules lie."""
    return Path(kit.__file__).resolve().parent


def stage(folder: Path) -> Path:
    """Copy the runtime into `folder`/kit; what a student may import."""
    target, source = folder / "kit", kit_folder()
    target.mkdir(parents=True)
    for name in RUNTIME:
        shutil.copy(source / f"{name}.py", target)
    for package in ("given", "sandbox"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source / package, target / package, ignore=ignore)
    return folder
