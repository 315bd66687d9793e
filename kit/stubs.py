"""The stubs that students fill, derived from the reference's adapters.py.

Same names, signatures and docstrings; every body raises NotImplementedError. Nothing else of the
reference survives: relative imports, which lead to it, are dropped.
"""

import ast
import os
from pathlib import Path

from kit.chapters import chapter_names, repository

STUB_BODY = "    raise NotImplementedError"


def stub_source(source: str) -> str:
    """The text of a stub adapters.py; ValueError names what a stub could not carry over."""
    tree = ast.parse(source)
    lines = source.splitlines()
    kept: list[str] = []
    done = 0  # lines of the source that are dealt with
    for node in tree.body:
        start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        if isinstance(node, ast.FunctionDef):
            if ast.get_docstring(node) is None:
                raise ValueError(f"{node.name}() has no docstring to make a stub of")
            kept += lines[done : node.body[0].end_lineno] + [STUB_BODY]
        elif isinstance(node, ast.ImportFrom) and node.level:
            kept += lines[done : start - 1]
        elif isinstance(node, ast.Import | ast.ImportFrom) or _is_docstring(node):
            kept += lines[done : node.end_lineno]
        else:
            raise ValueError(
                f"line {start}: an adapters.py holds imports and functions, so that its stub gives "
                "nothing away; move this to a file beside it"
            )
        done = node.end_lineno
    text = "\n".join(kept) + "\n"
    while "\n\n\n\n" in text:  # left where imports were dropped
        text = text.replace("\n\n\n\n", "\n\n\n")
    return text


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def stub_path(name: str, root: Path | None = None) -> Path:
    """Where a chapter's stub lies in the kit's repository."""
    return (root or repository()) / "assignments" / name / "adapters.py"


def expected_stub(name: str, root: Path | None = None) -> str:
    """The stub that the reference's adapters.py calls for."""
    path = (root or repository()) / "solutions" / name / "adapters.py"
    return stub_source(path.read_text(encoding="utf-8"))


def write_stubs(names: list[str] | None = None, root: Path | None = None) -> list[str]:
    """Bring stubs up to date; the names of the chapters whose stub has changed."""
    changed = []
    for name in names or chapter_names(root):
        path, text = stub_path(name, root), expected_stub(name, root)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            temporary = path.with_suffix(".tmp")
            temporary.write_text(text, encoding="utf-8")
            os.replace(temporary, path)
            changed.append(name)
    return changed
