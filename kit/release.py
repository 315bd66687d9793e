"""The student kit: what an allow-list lets through, and a proof that no answer is among it.

A release holds the handouts, fresh stubs, public tests with their drivers and fingerprints, the
part of kit/ that a student needs, and kit.given. The same input gives the same bytes. Releasing
into a folder that already holds a release upgrades it, and leaves what lies in assignments/ alone.
"""

import ast
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from kit.chapters import chapter, chapter_names, repository, transitive_needs
from kit.stubs import expected_stub

MARK = ".storyteller-release"
# The instructor's side of the engine stays behind; all else in kit/ goes along.
INSTRUCTORS_ONLY = frozenset(
    f"{name}.py"
    for name in (
        *("amend", "audit", "auditing", "bank", "cli", "console", "content", "course"),
        *("coursefile", "doctor", "files", "gradebook", "gradescope", "grading", "journal"),
        *("judge", "junit", "lateness", "overview", "page", "places", "release", "reports"),
        *("roster", "running", "stubs", "submissions", "suite", "tables", "text", "unpack"),
    )
)
HANDOUT_FILES = ("README.md", "chapter.toml", "play.py", "figures/*.png")
TEST_FILES = ("checks.py", "drivers_public.py", "test_public.py")
SECRETS = ("solutions/**/*.py", "tests/*/test_hidden.py", "tests/*/drivers_hidden.py")
SECRETS += ("tests/*/bugs.py", "tests/*/twins.py", "kernels/**/*.py")
SMALLEST_SECRET = 60  # characters of a function body, below which a match may be chance
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
"""


class LeakError(ValueError):
    """A release would give answers away."""


def release(target: Path, names: list[str] | None = None) -> list[str]:
    """Write the student kit to `target`; the chapters in it. LeakError if it gives answers away."""
    names = sorted({chapter(name).name for name in names or chapter_names()})
    for name in names:
        if missing := set(transitive_needs(name)) - set(names):
            raise ValueError(f"{name} needs {', '.join(sorted(missing))}; release them too")
    if target.exists() and any(target.iterdir()) and not (target / MARK).is_file():
        raise ValueError(f"{target} is not empty and holds no release; choose another folder")
    files = dict(_files(names))
    if leaks := find_leaks(files):
        raise LeakError("the release would leak: " + "; ".join(leaks))
    target.mkdir(parents=True, exist_ok=True)
    for folder in ("kit", "tests"):
        shutil.rmtree(target / folder, ignore_errors=True)
    for name, data in files.items():
        path = target / name
        if name.startswith("assignments/") and path.exists():
            continue  # the student's, whatever it holds by now
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return names


def _files(names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Every file of a release, by its name there."""
    root = repository()
    yield MARK, "".join(f"{name}\n" for name in names).encode()
    yield "LICENSE", (root / "LICENSE").read_bytes()
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


def find_leaks(files: dict[str, bytes]) -> list[str]:
    """Where a release repeats a function of the solutions, hidden tests or bugs, whatever its name."""
    root = repository()
    secrets: dict[str, str] = {}
    for pattern in SECRETS:
        for path in sorted(root.glob(pattern)):
            for name, body in _bodies(path.read_text("utf-8")):
                secrets[body] = f"{path.relative_to(root)}: {name}"
    leaks = []
    for file, data in files.items():
        for name, body in _bodies(data.decode("utf-8", "replace")) if file.endswith(".py") else ():
            if body in secrets:
                leaks.append(f"{file}: {name} is {secrets[body]}")
    return leaks


def _bodies(source: str) -> Iterator[tuple[str, str]]:
    """Every function's code without its docstring, as it reads after parsing."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            statements = node.body
            if ast.get_docstring(node) is not None:
                statements = statements[1:]
            body = "\n".join(map(ast.unparse, statements))
            if len(body) >= SMALLEST_SECRET:
                yield node.name, body
