"""Stubs: the reference's signatures and docstrings, and nothing else of it."""

import ast
from pathlib import Path

import pytest

from kit.chapters import chapter_names, repository
from kit.contract import read_contract
from kit.stubs import expected_stub, stub_path, stub_source, write_stubs

REFERENCE = '''"""A chapter."""

import math
from torch import Tensor

from . import secrets
from .secrets import trick, \\
    other
from solutions.ch01_one.adapters import who
import solutions.ch01_one.adapters as one


def softmax(x: Tensor, dim: int = -1) -> Tensor:  # along one axis
    """Exponentials that sum to 1.

    \x0c softmax([0, 0]) -> [0.5, 0.5]
    """
    # SECRET: the maximum is subtracted first
    return trick(x - x.amax(dim), secrets.SECRET)


@staticmethod
def scale(x, *, by=2.0):
    """x times `by`."""

    def inner():
        """SECRET."""

    return inner


def last():
    """It has nothing but a docstring."""


# SECRET at the end
'''
STUB = '''"""A chapter."""

import math
from torch import Tensor


def softmax(x: Tensor, dim: int = -1) -> Tensor:  # along one axis
    """Exponentials that sum to 1.

    \x0c softmax([0, 0]) -> [0.5, 0.5]
    """
    raise NotImplementedError


@staticmethod
def scale(x, *, by=2.0):
    """x times `by`."""
    raise NotImplementedError


def last():
    """It has nothing but a docstring."""
    raise NotImplementedError
'''


def test_a_stub_keeps_signatures_and_docstrings_and_drops_bodies_and_relative_imports():
    assert stub_source(REFERENCE) == STUB
    assert stub_source(STUB) == STUB, "the stub of a stub is itself"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x = 1", "line 1: an adapters.py holds imports and functions"),
        ('"""Doc."""\n\n@decorated\nclass A:\n    pass', "line 3: an adapters.py holds"),
        ("import math\nif True:\n    import os", "line 2: an adapters.py holds"),
        ("async def f():\n    'doc'", "line 1: an adapters.py holds"),
        ("print('x')", "line 1: an adapters.py holds"),
        ("def f():\n    return 1", r"f\(\) has no docstring"),
        ("import math; SECRET = 1", "line 1: two statements on one line"),
        ("import math; from . import secret", "line 1: two statements on one line"),
        ('def f(): "doc"', "line 1: the docstring of f"),
        ('def f():\n    "doc"; return SECRET', "line 2: the docstring of f"),
    ],
)
def test_what_a_stub_could_not_carry_over_is_refused(source, says):
    with pytest.raises(ValueError, match=says):
        stub_source(source)


def bodies(source: str) -> set[str]:
    """The statements inside functions that are no docstrings."""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {ast.unparse(statement) for f in functions for statement in f.body[1:]}


@pytest.mark.parametrize("name", chapter_names())
class TestEveryChapter:
    def test_the_stub_is_the_one_generated_from_the_reference(self, name):
        stub = stub_path(name).read_text(encoding="utf-8")
        assert stub == expected_stub(name), "run `grade.py stubs`"

    def test_nothing_of_the_references_bodies_survives(self, name):
        stub = stub_path(name).read_text(encoding="utf-8")
        reference = (repository() / "solutions" / name / "adapters.py").read_text(encoding="utf-8")
        assert bodies(stub) == {"raise NotImplementedError"}
        left = [line for line in reference.split("\n") if line not in stub.split("\n")]
        assert left and not [line for line in left if line.strip() and line in stub]
        imports = [n for n in ast.walk(ast.parse(stub)) if isinstance(n, ast.ImportFrom)]
        assert all(node.level == 0 for node in imports) and "solutions" not in stub

    def test_the_stub_can_be_imported_and_every_function_is_still_to_do(self, name):
        space: dict = {}
        exec(compile(stub_path(name).read_text(encoding="utf-8"), "stub", "exec"), space)
        names = read_contract(stub_path(name))
        assert names, "an adapters.py without functions"
        for function in map(space.get, names):
            code = function.__code__
            keywords = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
            with pytest.raises(NotImplementedError):
                function(*[None] * code.co_argcount, **dict.fromkeys(keywords))


@pytest.fixture
def root(tmp_path) -> Path:
    for name in ("ch01_one", "ch02_two"):
        for place in ("solutions", "assignments"):
            (tmp_path / place / name).mkdir(parents=True)
        (tmp_path / "solutions" / name / "adapters.py").write_text(REFERENCE)
        (tmp_path / "assignments" / name / "chapter.toml").write_text("")
    return tmp_path


def test_stale_and_missing_stubs_are_written_and_fresh_ones_left_alone(root):
    assert write_stubs(root=root) == ["ch01_one", "ch02_two"]
    assert write_stubs(root=root) == []
    stale = stub_path("ch02_two", root)
    stale.write_text(STUB.replace("dim: int = -1", "dim: int = 0"))
    assert write_stubs(["ch01_one"], root=root) == [], "only the chapters named are looked at"
    assert write_stubs(root=root) == ["ch02_two"] and stale.read_text() == STUB
    assert sorted(p.name for p in stale.parent.iterdir()) == ["adapters.py", "chapter.toml"]
