"""A student's copy of the kit: which files came with the release, and which adapters are there.

A release carries the list of its files with their hashes. Line ends do not count: Windows and git
change them, students do not.
"""

import ast
import hashlib
from pathlib import Path

MANIFEST = ".storyteller-release"  # in the form of sha256sum


def digest(data: bytes) -> str:
    """A file's hash, whatever the line ends of a text."""
    return hashlib.sha256(data if b"\0" in data else data.replace(b"\r\n", b"\n")).hexdigest()


def manifest(files: dict[str, bytes]) -> bytes:
    """The list of a release's files."""
    return "".join(f"{digest(data)}  {name}\n" for name, data in sorted(files.items())).encode()


def read_manifest(copy: Path) -> dict[str, str]:
    """Name and hash of every file that came with the release; empty where none is known."""
    try:
        lines = (copy / MANIFEST).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split("  ", 1) for line in lines if "  " in line)
    return {name: value for value, name in pairs}


def stubs_of(source: str) -> dict[str, str]:
    """The functions of a stub file and the text of each."""
    tree = ast.parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.get_source_segment(source, node) for node in functions}


def still_stubs(source: str, stub: str) -> list[str] | None:
    """The functions of a stub file that still do nothing; None where the source cannot be read."""
    try:
        bodies = {n.name: n.body for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
    except (SyntaxError, ValueError):
        return None  # somebody is at work
    last = {name: bodies[name][-1] for name in stubs_of(stub) if name in bodies}
    return [
        name
        for name, node in last.items()
        if isinstance(node, ast.Raise) and "NotImplementedError" in ast.dump(node)
    ]


def is_untouched(source: str, stub: str) -> bool:
    """Whether every function of a stub file still does nothing, whatever stands around them."""
    return still_stubs(source, stub) == list(stubs_of(stub))


def imports_of(source: str) -> list[str]:
    """The import statements of a file."""
    nodes = (n for n in ast.parse(source).body if isinstance(n, ast.Import | ast.ImportFrom))
    return [ast.get_source_segment(source, node) for node in nodes]


def missing_from(source: str, wanted: set[str]) -> set[str]:
    """Which names a file does not define at its top; none where it imports `*`. SyntaxError."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return set() if "*" in names else wanted - names
