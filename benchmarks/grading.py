"""Grading a class: `grade.py`, sandboxed and journaled, against `python -m pytest` per submission.

Fifty submissions, each wrong in one of ten functions, and 300 small tests. The peer runs the very
same test file in the student's process, with a conftest.py that imports the submission: the usual
way, without isolation. It starts anew for each submission, so it grades ten of them and its time is
taken five times. Both must give the same points. The second row grades the same class again,
unchanged. Wall time, since the kit's processes are not all its own children: measure on a quiet
machine.
"""

import csv
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.measure import named, side_by_side
from kit.chapters import repository
from kit.stubs import write_stubs

STUDENTS, PEER_PARTS, ADAPTERS, CASES = 50, 5, 10, 30
NAME = "ch90_bench"
HEAD = '"""Ten small functions."""\n\nfrom jaxtyping import Float\nfrom torch import Tensor\n'
ADAPTER = '''

def affine{n}(x: Float[Tensor, "A B"], scale: float) -> Float[Tensor, "A B"]:
    """scale x + {n}."""
    return scale * x + {n}
'''
TEST_HEAD = """
import pytest
import torch


def assert_close(got, wanted):
    torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-6)
"""
TEST = '''

@pytest.mark.problem("affine{n}")
@pytest.mark.parametrize("rows", range(1, {cases} + 1))
def test_affine{n}(student, rng, rows):
    """An affine map."""
    x = torch.randn(rows, 8, generator=rng)
    assert_close(student.affine{n}(x, scale=float(rows)), rows * x + {n})
'''
PEER_CONFTEST = '''
"""What an instructor without a kit writes: import the submission, run the tests."""

import os
import sys

import pytest
import torch

torch.set_num_threads(1)
sys.path.insert(0, os.environ["SUBMISSION"])
import adapters


def pytest_configure(config):
    config.addinivalue_line("markers", "problem(name): its problem")


@pytest.fixture
def student():
    return adapters


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(1)
'''


def run(repetitions: int) -> None:
    """Enter all rows of this benchmark."""
    with tempfile.TemporaryDirectory(prefix="storyteller-bench-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        make_kit(folder / "kit")
        make_class(folder / "class")
        peer = partial(grade_by_pytest, folder)
        title = f"class of {STUDENTS} x {ADAPTERS * CASES} tests, one worker"
        common = {"peer_name": named("pytest"), "same": same_points, "clock": "wall"}
        common |= {"peer_parts": PEER_PARTS, "repetitions": repetitions}
        first = partial(grade_by_kit, folder, "--fresh")
        side_by_side("grading", title, first, peer, **common)
        again = f"{title}, graded before and unchanged"
        second = partial(grade_by_kit, folder)
        side_by_side("grading", again, second, peer, **common)


def make_kit(root: Path) -> None:
    """A kit with one chapter of many small tests."""
    for folder in ("solutions", "assignments", "tests"):
        (root / folder / NAME).mkdir(parents=True)
    problems = [
        f"[problems.affine{n}]\npoints = {100 // ADAPTERS}\npartial = true\n"
        for n in range(ADAPTERS)
    ]
    toml = 'title = "bench"\nneeds = []\n\n' + "\n".join(problems)
    (root / "assignments" / NAME / "chapter.toml").write_text(toml)
    (root / "solutions" / NAME / "adapters.py").write_text(adapters(wrong=()))
    tests = [TEST.format(n=n, cases=CASES) for n in range(ADAPTERS)]
    (root / "tests" / NAME / "test_hidden.py").write_text(TEST_HEAD + "".join(tests))
    write_stubs(root=root)


def adapters(wrong: tuple[int, ...]) -> str:
    """A submission in which some functions subtract."""
    bodies = [ADAPTER.format(n=n) for n in range(ADAPTERS)]
    for n in wrong:
        bodies[n] = bodies[n].replace(f"x + {n}\n", f"x - {n} - 1\n")
    return HEAD + "".join(bodies)


def make_class(folder: Path) -> None:
    """A class, one wrong function each."""
    for index in range(STUDENTS):
        home = folder / f"student{index:02}" / "assignments" / NAME
        home.mkdir(parents=True)
        source = adapters(wrong=(index % ADAPTERS,)) + f"\n\nMINE = {index}\n"
        (home / "adapters.py").write_text(source)


def grade_by_kit(folder: Path, *options: str) -> dict[str, float]:
    """Points by submission, from the gradebook."""
    command = [sys.executable, str(repository() / "grade.py"), str(folder / "class")]
    command += ["--jobs", "1", "--out", str(folder / "out"), *options]
    variables = os.environ | {"STORYTELLER_ROOT": str(folder / "kit")}
    subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL)
    with open(folder / "out" / "gradebook.csv", newline="") as file:
        return {row["submission"]: float(row[NAME]) for row in csv.DictReader(file)}


def grade_by_pytest(folder: Path) -> dict[str, float]:
    """Points of the first submissions, from one pytest run each."""
    suite, report = folder / "plain", folder / "report.xml"
    suite.mkdir(exist_ok=True)
    (suite / "conftest.py").write_text(PEER_CONFTEST)
    (suite / "test_all.py").write_bytes(
        (folder / "kit" / "tests" / NAME / "test_hidden.py").read_bytes()
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no"]
    command += ["-c", os.devnull, "--rootdir", str(suite), f"--junitxml={report}", str(suite)]
    points = {}
    for home in sorted((folder / "class").iterdir())[: STUDENTS // PEER_PARTS]:
        place = str(home / "assignments" / NAME)
        variables = os.environ | {"SUBMISSION": place, "OMP_NUM_THREADS": "1"}
        subprocess.run(command, env=variables, cwd=suite, stdout=subprocess.DEVNULL)
        suite_of = ElementTree.parse(report).getroot().find("testsuite")
        failed = int(suite_of.get("failures")) + int(suite_of.get("errors"))
        tests = int(suite_of.get("tests"))
        points[home.name] = round(100 * (tests - failed) / tests, 2)
    return points


def same_points(kit: dict[str, float], peer: dict[str, float]) -> str:
    """The kit graded everyone, and as the peer did."""
    assert len(kit) == STUDENTS and len(peer) == STUDENTS // PEER_PARTS
    assert {name: kit[name] for name in peer} == peer, (kit, peer)
    return f"points of {len(peer)} submissions"
