"""What a chapter is: the folder assignments/chNN_slug and its chapter.toml.

The file system is the registry. Nothing else lists the chapters, and chapter.toml is all of a
chapter's metadata: handout, README table, plugin and grader read it through this module.
"""

import os
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CHAPTER_NAME = re.compile(r"ch\d\d_[a-z0-9]+(_[a-z0-9]+)*")
POINTS_PER_CHAPTER = 100
FIELDS = {  # of a problem's table: what is right, in code and in words
    "points": (lambda v: type(v) is int and v > 0, "a whole number above 0"),
    "adapters": (lambda v: _is_texts(v) and len(v) > 0, "a list of functions"),
    "seconds": (lambda v: type(v) in (int, float) and 0 < v < 3600, "CPU seconds of 0 to 3600"),
    "memory_mb": (lambda v: type(v) is int and v > 0, "a whole number above 0"),
    "partial": (lambda v: type(v) is bool, "true or false"),
    "net": (lambda v: v in ("none", "loopback"), "'none' or 'loopback'"),
    "forbid": (lambda v: _is_texts(v), "a list of dotted names"),
}


@dataclass(frozen=True)
class Problem:
    """One graded problem of a chapter."""

    name: str
    points: int
    adapters: tuple[str, ...]  # the functions a student fills for it; by default its namesake
    seconds: float = 3.0  # CPU time of one call through the door; wall time may be five times this
    memory_mb: int = 2048  # what the student's process may allocate
    partial: bool = False  # pays the share of tests passed; otherwise all or nothing
    net: str = "none"  # "loopback" where ranks or sockets are needed
    forbid: tuple[str, ...] = ()  # dotted names that the solution may not call


@dataclass(frozen=True)
class Chapter:
    """A chapter's metadata, read from its chapter.toml."""

    name: str
    title: str
    needs: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def number(self) -> int:
        """1 for ch01_bigram."""
        return int(self.name[2:4])

    def problem(self, name: str) -> Problem:
        """Look a problem up by name; KeyError lists the valid choices."""
        for problem in self.problems:
            if problem.name == name:
                return problem
        choices = ", ".join(problem.name for problem in self.problems)
        raise KeyError(f"{self.name} has no problem {name!r}; choose from {choices}")


def repository() -> Path:
    """The root of this kit: the folder that holds assignments/, tests/ and kit/."""
    # The grader runs a staged copy of kit/, so the place of this file does not tell.
    staged_for = os.environ.get("STORYTELLER_ROOT")
    return Path(staged_for) if staged_for else Path(__file__).resolve().parent.parent


def parse_chapter(name: str, text: str) -> Chapter:
    """Build a Chapter from the text of a chapter.toml; ValueError names every mistake in it."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{name}/chapter.toml: {error}") from None
    mistakes = [
        f"unknown key {key!r}" for key in sorted(data.keys() - {"title", "needs", "problems"})
    ]
    title, needs, tables = data.get("title"), data.get("needs", []), data.get("problems", {})
    if not isinstance(title, str) or not title:
        mistakes.append(f"{title=}; wanted a text")
    if not _is_texts(needs):
        mistakes.append(f"{needs=}; wanted a list of chapters")
    elif wrong := [need for need in needs if not CHAPTER_NAME.fullmatch(need) or need >= name]:
        mistakes.append(f"needs {wrong}; wanted earlier chapters, such as 'ch01_bigram'")
    if not isinstance(tables, dict):
        mistakes.append(f"problems = {tables!r}; wanted a table for each problem")
        tables = {}
    problems = []
    for problem, fields in tables.items():
        if not isinstance(fields, dict):
            mistakes.append(f"problem {problem}: wanted a table [problems.{problem}]")
        elif found := _mistakes_in(fields):
            mistakes += [f"problem {problem}: {mistake}" for mistake in found]
        else:
            fields = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
            problems.append(Problem(**{"name": problem, "adapters": (problem,)} | fields))
    total = sum(problem.points for problem in problems)
    if total != POINTS_PER_CHAPTER and len(problems) == len(tables):
        mistakes.append(f"the points sum to {total}, wanted {POINTS_PER_CHAPTER}")
    if mistakes:
        raise ValueError(f"{name}/chapter.toml: " + "; ".join(mistakes))
    return Chapter(name, title, tuple(needs), tuple(problems))


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and text for text in value)


def _mistakes_in(fields: dict) -> list[str]:
    """What is wrong with one problem's table."""
    found = [
        f"{key} = {fields[key]!r}; wanted {wanted}"
        for key, (fits, wanted) in FIELDS.items()
        if key in fields and not fits(fields[key])
    ]
    if unknown := sorted(fields.keys() - FIELDS.keys()):
        found.append(f"unknown {unknown}; choose from {sorted(FIELDS)}")
    return found if "points" in fields else [*found, "no points"]


@cache
def chapter(name: str, root: Path | None = None) -> Chapter:
    """The chapter called `name`; KeyError lists the chapters there are."""
    path = (root or repository()) / "assignments" / name / "chapter.toml"
    if not CHAPTER_NAME.fullmatch(name) or not path.is_file():
        raise KeyError(f"no chapter {name!r}; choose from {', '.join(chapter_names(root))}")
    return parse_chapter(name, path.read_text(encoding="utf-8"))


def chapter_names(root: Path | None = None) -> list[str]:
    """The names of all chapters, in order."""
    folder = (root or repository()) / "assignments"
    return sorted(p.parent.name for p in folder.glob("ch*/chapter.toml"))


def transitive_needs(name: str, root: Path | None = None) -> list[str]:
    """Every chapter that `name` stands on, its own needs included, in order."""
    found: set[str] = set()
    todo = list(chapter(name, root).needs)
    while todo:
        need = todo.pop()
        if need not in found:
            found.add(need)
            todo.extend(chapter(need, root).needs)
    return sorted(found)
