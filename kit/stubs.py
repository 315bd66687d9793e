"""The stubs that students fill, derived from the reference's adapters.py.

Same names, signatures and docstrings; every body raises NotImplementedError. Nothing else of the
reference survives: imports that lead to it, relative ones and those from solutions, are dropped.
"""

import ast
import os
from pathlib import Path

from kit.chapters import chapter_names, repository

STUB_BODY = "    raise NotImplementedError"


def stub_source(source: str) -> str:
    """The text of a stub adapters.py; ValueError names what a stub could not carry over."""
    tree = ast.parse(source)
    lines = source.split("\n")  # as ast counts them; splitlines() knows more line breaks
    kept: list[str] = []
    done = 0  # lines of the source that are dealt with
    for node in tree.body:
        start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        if start <= done:
            raise ValueError(f"line {start}: two statements on one line; give each its own")
        if isinstance(node, ast.FunctionDef):
            if ast.get_docstring(node) is None:
                raise ValueError(f"{node.name}() has no docstring to make a stub of")
            header = node.body[0].end_lineno
            if (
                node.body[0].lineno == node.lineno
                or node.body[1:2]
                and header == node.body[1].lineno
            ):
                raise ValueError(
                    f"line {header}: the docstring of {node.name}() needs its own lines"
                )
            kept += lines[done:header] + [STUB_BODY]
        elif _leads_to_reference(node):
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


def _leads_to_reference(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or node.module.split(".")[0] == "solutions"
    return isinstance(node, ast.Import) and any(
        alias.name.split(".")[0] == "solutions" for alias in node.names
    )


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
