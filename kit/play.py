"""The command line of a chapter's play.py, which shows the student's own code at work."""

import argparse
import tomllib
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from kit.chapters import repository
from kit.loader import LoadError, find_source


def run(chapter: str, description: str, play: Callable[[object, Path | None], None]) -> None:
    """Call `play(adapters, curve)` on the student's adapters; stubs and slips end in one line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--impl", default="student", help="student, solutions or a folder")
    parser.add_argument("--deps", default=_deps(), help="whose earlier chapters: [%(default)s]")
    parser.add_argument("--curve", type=Path, help="draw the losses to this PNG file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        play(find_source(chapter, arguments.impl, arguments.deps).open(), arguments.curve)
    except NotImplementedError as todo:
        stub = traceback.extract_tb(todo.__traceback__)[-1].name
        raise SystemExit(f"{stub} is still a stub; write it, then play again") from None
    except LoadError as error:
        raise SystemExit(str(error)) from None


def _deps() -> str:
    """What the tests of this copy of the kit stand on."""
    settings = tomllib.loads((repository() / "pyproject.toml").read_text(encoding="utf-8"))
    return settings["tool"]["pytest"]["ini_options"]["deps"]
