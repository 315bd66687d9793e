"""The student kit: what an allow-list lets through, and a proof that no answer is among it.

A release holds the handouts, fresh stubs, public tests with their drivers and fingerprints, the
part of kit/ that a student needs, and kit.given. The same input gives the same bytes. Releasing
into a folder that already holds a release upgrades it, as kit.upgrade does for students.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from kit.chapters import chapter, chapter_names, repository, transitive_needs
from kit.homework import MANIFEST, manifest
from kit.leaks import find_leaks, leftovers, secrets_in_history
from kit.stubs import expected_stub
from kit.upgrade import install

# The instructor's side of the engine stays behind; all else in kit/ goes along.
INSTRUCTORS_ONLY = frozenset(
    f"{name}.py"
    for name in (
        *("amend", "audit", "auditing", "autograder", "bank", "cli", "cluster", "console"),
        *("content", "course", "coursefile", "doctor", "exchange", "files", "gradebook"),
        *("gradescope", "grading", "in_container", "journal", "judge", "junit", "lateness"),
        *("leaderboard", "leaks", "overview", "page", "release", "reports", "roster", "running"),
        *("shard", "stubs", "submissions", "suite", "tables", "text", "unpack", "works"),
    )
)
HANDOUT_FILES = ("README.md", "chapter.toml", "play.py", "figures/*.png")
TEST_FILES = ("checks.py", "drivers_public.py", "test_public.py")
SHOWN = 5  # leaks named in a message
README = """# Storyteller: your copy

Build a large language model from scratch, test by test.

```
python3 -m venv .venv && .venv/bin/pip install -e .
.venv/bin/python -m pytest
```

The tests say what is done, what fails and what to do next. Work through the chapters in order: read the handout, fill the stubs in
`adapters.py`, run `pytest tests/<chapter>`.

{table}

`python -m kit.submit` packs your work into the archive to hand in.

When a newer kit comes out, unpack it beside this one and, in its folder, run `python -m kit.upgrade PATH/TO/THIS/FOLDER`. What you
wrote stays as it is; you are told of every new stub.
"""


class LeakError(ValueError):
    """A release would give answers away."""


def release(target: Path, names: list[str] | None = None) -> tuple[list[str], list[str]]:
    """Write the student kit to `target`; its chapters, and notes on what an older one there held.

    LeakError if the folder would give answers away, through what it already holds as well.
    """
    names = sorted({chapter(name).name for name in names or chapter_names()})
    for name in names:
        if missing := set(transitive_needs(name)) - set(names):
            raise ValueError(f"{name} needs {', '.join(sorted(missing))}; release them too")
    if target.exists() and any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise ValueError(f"{target} is not empty and holds no release; choose another folder")
    files = dict(_files(names))
    files[MANIFEST] = manifest(files)
    for folder in target.rglob("__pycache__"):
        if ".venv" not in folder.parts:
            shutil.rmtree(folder)  # what was run here before must not travel along
    leaks = find_leaks(files | leftovers(target, files)) + secrets_in_history(target)
    if leaks:
        more = f"; and {len(leaks) - SHOWN} more" if len(leaks) > SHOWN else ""
        raise LeakError(f"{target} would leak: {'; '.join(leaks[:SHOWN])}{more}; take these out")
    target.mkdir(parents=True, exist_ok=True)
    return names, install(files, target)


def _files(names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Every file of a release, by its name there."""
    root = repository()
    yield "LICENSE", (root / "LICENSE").read_bytes()
    yield ".gitignore", (root / ".gitignore").read_bytes()
    yield "README.md", README.format(table=_table(names)).encode()
    yield "pyproject.toml", _settings((root / "pyproject.toml").read_text("utf-8")).encode()
    for path in sorted((root / "kit").rglob("*.py")):
        if path.name not in INSTRUCTORS_ONLY:
            yield str(path.relative_to(root)), path.read_bytes()
    for name in names:
        stub = expected_stub(name).encode()
        yield f"assignments/{name}/adapters.py", stub
        yield f"tests/{name}/contract.py", stub  # stays pristine when the student's does not
        for folder, patterns in (
            (f"assignments/{name}", HANDOUT_FILES),
            (f"tests/{name}", TEST_FILES),
        ):
            for pattern in patterns:
                for path in sorted((root / folder).glob(pattern)):
                    yield str(path.relative_to(root)), path.read_bytes()
        bank = root / "tests" / name / "fingerprints.json"
        if bank.is_file():
            yield f"tests/{name}/fingerprints.json", public_fingerprints(bank.read_text("utf-8"))


def _table(names: list[str]) -> str:
    rows = ["| chapter | points |", "|---|--:|"]
    for subject in map(chapter, names):
        points = sum(problem.points for problem in subject.problems)
        rows.append(
            f"| [{subject.number} {subject.title}](assignments/{subject.name}/README.md) | {points} |"
        )
    return "\n".join(rows)


def _settings(text: str) -> str:
    """pyproject.toml with the student's code under test, on the student's own earlier chapters."""
    for old, new in (
        ('impl = "solutions"', 'impl = "student"'),
        ('deps = "reference"', 'deps = "student"'),
    ):
        if text.count(old) != 1:
            raise ValueError(f"pyproject.toml holds {text.count(old)} lines {old!r}; wanted one")
        text = text.replace(old, new)
    return text


def public_fingerprints(text: str) -> bytes:
    """The part of fingerprints.json that concerns public tests."""
    bank = json.loads(text)
    tests = {name: entry for name, entry in bank["tests"].items() if name.startswith("test_public")}
    told = {bug for entry in tests.values() for bug in entry["bugs"]}
    names = {bug: text for bug, text in bank["misconceptions"].items() if bug in told}
    return json.dumps({"misconceptions": names, "tests": tests}).encode()
