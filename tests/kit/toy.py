"""A toy kit with two chapters, on which the engine is tested: small, and quick to time out."""

import os
import subprocess
import sys
from pathlib import Path

from kit.chapters import repository
from kit.stubs import write_stubs

CHAPTER_TOML = """
title = "{title}"
needs = {needs}

[problems.{first}]
points = 60
seconds = 0.5
memory_mb = 512

[problems.{second}]
points = 40
seconds = 0.5
partial = true
"""
ADAPTERS = {
    "ch91_base": '''
"""Toy chapter: arithmetic on tensors."""

from jaxtyping import Float
from torch import Tensor


def double(x: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
    """Twice x."""
    return 2 * x


def halve(x: float) -> float:
    """Half of x; ValueError if x is negative."""
    if x < 0:
        raise ValueError(f"{x=} is negative")
    return x / 2
''',
    "ch92_more": '''
"""Toy chapter that stands on the other one."""

from jaxtyping import Float
from torch import Tensor

from ..ch91_base import adapters as base


def quadruple(x: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
    """Four times x."""
    return base.double(base.double(x))


def seventh(x: float) -> float:
    """A seventh of x."""
    return x / 7
''',
}
TESTS = {
    ("ch91_base", "test_public.py"): '''
"""Public toy tests."""

import pytest
import torch

from kit.compare import assert_close


@pytest.mark.problem("double")
def test_doubles_one(student):
    """Twice one is two."""
    assert_close(student.double(torch.ones(3)), torch.full((3,), 2.0), "x was not doubled")


@pytest.mark.problem("halve")
def test_halves(student):
    """Half of three is one and a half."""
    assert_close(student.halve(3.0), 1.5, "x was not halved")
''',
    ("ch91_base", "test_hidden.py"): '''
"""Hidden toy tests."""

import pytest
import torch

from kit.compare import assert_close

SECRET = "hidden-test-source-marker"


@pytest.mark.problem("double")
def test_doubles_anything(student, rng):
    """Twice x is x + x."""
    x = torch.randn(5, generator=rng)
    assert_close(student.double(x), x + x, "x was not doubled")


@pytest.mark.problem("double")
def test_doubles_in_a_driver(student, rng):
    """Doubling twice quadruples."""
    x = torch.randn(5, generator=rng)
    assert_close(student.run("twice", x), 4 * x, "x was not doubled twice")


@pytest.mark.problem("halve")
def test_refuses_negative_numbers(student):
    """A negative number is a ValueError."""
    with pytest.raises(ValueError):
        student.halve(-1.0)
''',
    ("ch91_base", "drivers_hidden.py"): '''
"""Toy drivers."""


def twice(adapters, x):
    """Double what was doubled."""
    return adapters.double(adapters.double(x))
''',
    ("ch91_base", "bugs.py"): '''
"""Toy bugs."""

from kit.bank import bug


@bug("double", "x is tripled")
def triples(x):
    return 3 * x


@bug("halve", "negative numbers are halved too")
def halves_all(x):
    return x / 2


@bug("halve", "x is divided by three")
def thirds(x):
    if x < 0:
        raise ValueError("negative")
    return x / 3
''',
    ("ch91_base", "twins.py"): '''
"""Toy twins."""

from kit.bank import twin


@twin("double", "adds")
def adds(x):
    return x + x
''',
    ("ch92_more", "test_public.py"): '''
"""Public toy tests."""

import pytest
import torch

from kit.compare import assert_close


@pytest.mark.problem("quadruple")
def test_quadruples(student):
    """Four times one is four."""
    assert_close(student.quadruple(torch.ones(3)), torch.full((3,), 4.0), "x was not quadrupled")


@pytest.mark.problem("seventh")
def test_seventh(student):
    """A seventh of seven is one."""
    assert_close(student.seventh(7.0), 1.0, "x was not divided by seven")
''',
    ("ch92_more", "bugs.py"): '''
"""Toy bugs."""

from kit.bank import bug


@bug("quadruple", "x is doubled once")
def doubles_once(x):
    return 2 * x


@bug("seventh", "x is divided by eight")
def eighth(x):
    return x / 8
''',
    ("ch92_more", "twins.py"): '''
"""Toy twins."""
''',
}


def make_kit(root: Path) -> Path:
    """Write the toy kit; its engine is this repository's."""
    titles = {"ch91_base": ("[]", "double", "halve")}
    titles["ch92_more"] = ('["ch91_base"]', "quadruple", "seventh")
    for name, (needs, first, second) in titles.items():
        solution, assignment = root / "solutions" / name, root / "assignments" / name
        for folder in (solution, assignment, root / "tests" / name):
            folder.mkdir(parents=True)
        (solution / "adapters.py").write_text(ADAPTERS[name].lstrip())
        toml = CHAPTER_TOML.format(title=name, needs=needs, first=first, second=second)
        (assignment / "chapter.toml").write_text(toml)
    for (name, file), text in TESTS.items():
        (root / "tests" / name / file).write_text(text.lstrip())
    write_stubs(root=root)
    return root


def run_grade(kit: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess:
    """Run grade.py on the toy kit, as an operator would."""
    command = [sys.executable, str(repository() / "grade.py"), *map(str, arguments)]
    variables = os.environ | {"STORYTELLER_ROOT": str(kit), "COLUMNS": "100"} | environment
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)


def run_pytest(kit: Path, *arguments: object) -> subprocess.CompletedProcess:
    """Run the toy kit's own tests, as a student would."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "kit.plugin", "--import-mode=importlib"]
    path = os.pathsep.join([str(repository()), os.environ.get("PYTHONPATH", "")])
    variables = os.environ | {"STORYTELLER_ROOT": str(kit), "PYTHONPATH": path, "COLUMNS": "200"}
    command += ["-c", os.devnull, "--rootdir", str(kit), *map(str, arguments)]
    return subprocess.run(command, cwd=kit, env=variables, capture_output=True, text=True)
