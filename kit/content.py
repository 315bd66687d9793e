"""What a verdict depends on, as digests: what has not changed is not graded again.

A verdict follows from the submission's files, the test's own source, what all tests of its file or
chapter share, the limits of its problem, the contract, the reference of the chapters it needs, the
course key (hidden inputs), the engine and the environment. Points are not among them: they are
applied when reporting.
"""

import ast
import hashlib
import json
import platform
import re
import site
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path

from kit.chapters import Chapter, repository, transitive_needs
from kit.loader import REFERENCE
from kit.seeds import course_key
from kit.stage import kit_folder

# What presents, ships or proves, but gives no verdict. A new module counts until it stands here.
NO_VERDICT = {
    *("amend", "audit", "auditing", "autograder", "bank", "cli", "cluster", "console"),
    *("course", "coursefile", "doctor", "exchange", "files", "gradebook", "gradescope", "homework"),
    *("in_container", "journal", "junit", "lateness", "leaderboard", "leaks", "overview", "page"),
    *("panel", "places", "play", "release", "reports", "roster", "running", "shard", "storyteller"),
    *("stubs", "submissions", "submit", "tables", "text", "unpack", "upgrade"),
}
NO_TEST = {"bugs.py", "twins.py"}


@dataclass(frozen=True)
class TestKey:
    """What one test's verdict depends on besides the submission."""

    __test__ = False  # keeps pytest from collecting this class

    key: str
    bank: str  # the fingerprints from which a wrong answer is diagnosed; no matter for a pass


class Suite:
    """The tests of a chapter as content."""

    def __init__(self, chapter: Chapter):
        self.chapter = chapter
        self.folder = repository() / "tests" / chapter.name

    @cached_property
    def key(self) -> str:
        """The digest of all that decides which tests there are."""
        files = {path.name: path.read_bytes() for path in self._files("*.py")}
        names = [problem.name for problem in self.chapter.problems]
        return digest(self._shared, files, names)

    def test(self, test: str, problem: str, public: bool) -> TestKey:
        """The digests of one test, e.g. "test_hidden.py::test_rows_sum_to_one[3]"."""
        file, _, name = test.partition("::")
        common, functions = split(self.folder / file)
        limits = {
            k: v
            for k, v in asdict(self.chapter.problem(problem)).items()
            if k not in ("points", "partial")
        }
        secret = "" if public else hashlib.sha256(course_key()).hexdigest()
        source = functions.get(re.split(r"[\[:]", name)[0], "")
        key = digest(self._shared, common, source, test, limits, secret)
        return TestKey(key, digest(self._fingerprints.get(test)))

    @cached_property
    def _shared(self) -> str:
        """What every test of the chapter depends on."""
        root, name = repository(), self.chapter.name
        support = [p for p in self._files("*.py") if not p.name.startswith("test_")]
        contract = root / REFERENCE / name / "adapters.py"
        needs = [root / REFERENCE / need for need in transitive_needs(name)]
        memory = max(problem.memory_mb for problem in self.chapter.problems)
        return digest(
            engine(),
            environment(),
            {path.name: path.read_bytes() for path in support},
            contract.read_bytes() if contract.is_file() else b"",
            [tree(folder) for folder in needs],
            memory,
        )

    @cached_property
    def _fingerprints(self) -> dict:
        path = self.folder / "fingerprints.json"
        return json.loads(path.read_text(encoding="utf-8"))["tests"] if path.is_file() else {}

    def _files(self, pattern: str) -> list[Path]:
        return sorted(p for p in self.folder.glob(pattern) if p.name not in NO_TEST)


@cache
def split(path: Path) -> tuple[str, dict[str, str]]:
    """A test file in two: the digest of what its tests share, and the source of each."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    functions: dict[str, str] = {}
    shared = list(lines)
    for node in ast.parse("".join(lines)).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1
            functions[node.name] = "".join(lines[first : node.end_lineno])
            shared[first : node.end_lineno] = [""] * (node.end_lineno - first)
    # blank lines between tests come and go with them
    return digest([line for line in shared if line.strip()]), functions


def digest(*parts: object) -> str:
    """A digest of JSON-like values and bytes."""
    text = json.dumps(parts, sort_keys=True, default=_of_bytes)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _of_bytes(value: object) -> str:
    return hashlib.sha256(value).hexdigest()


def tree(folder: Path) -> str:
    """The digest of a folder's files: their names and bytes."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return digest({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})


@cache
def engine() -> str:
    """The digest of the kit's own code, as far as verdicts depend on it."""
    home = kit_folder()
    paths = [p for p in home.glob("*.py") if p.stem not in NO_VERDICT]
    paths += [*(home / "sandbox").glob("*.py"), *(home / "given").rglob("*.py")]
    return digest({path.relative_to(home).as_posix(): path.read_bytes() for path in paths})


@cache
def environment() -> str:
    """The digest of the interpreter, the installed packages, and whether there is a GPU."""
    gpu = Path("/dev/nvidia0").exists()
    return digest(sys.version, platform.machine(), sorted(_installed(sys.path)), gpu)


def _installed(search: Iterable[str]) -> set[str]:
    """Packages with their versions; reading each one's metadata takes a hundred times as long."""
    folders = {*search, *site.getsitepackages()}
    return {path.name for folder in folders for path in Path(folder).glob("*.dist-info")}
