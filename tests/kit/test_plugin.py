"""The pytest plugin as students meet it, run on the toy kit in processes of their own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.chapters import repository
from tests.kit.toy import ADAPTERS

SETTINGS = """
[pytest]
addopts = -p kit.plugin --import-mode=importlib
testpaths = tests
pythonpath = . {repository}
impl = student
deps = reference
"""


@pytest.fixture
def kit(toy_kit: Path, tmp_path: Path) -> Path:
    """A copy of the toy kit with settings like a release's."""
    root = Path(shutil.copytree(toy_kit, tmp_path / "kit"))
    (root / "pytest.ini").write_text(SETTINGS.format(repository=repository()))
    return root


def run_pytest(kit: Path, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pytest", "-q", *map(str, arguments)]
    path = os.pathsep.join([str(repository()), os.environ.get("PYTHONPATH", "")])
    variables = os.environ | {"STORYTELLER_ROOT": str(kit), "PYTHONPATH": path, "COLUMNS": "100"}
    return subprocess.run(command, cwd=kit, env=variables, capture_output=True, text=True)


def write(kit: Path, old: str, new: str) -> None:
    source = ADAPTERS["ch91_base"].replace(old, new).lstrip()
    (kit / "assignments" / "ch91_base" / "adapters.py").write_text(source)


def test_stubs_are_all_todo_without_noise(kit):
    done = run_pytest(kit)
    assert done.returncode == 1
    assert "7 todo" in done.stdout and "Error" not in done.stdout, done.stdout
    assert "Next: double in assignments/ch91_base/adapters.py" in done.stdout
    assert "\x1b" not in done.stdout, "escape codes in a pipe"


def test_the_panel_counts_points(kit):
    write(kit, "return 2 * x", "return 3 * x")
    done = run_pytest(kit, "tests/ch91_base")
    assert done.returncode == 1
    assert re.search(r"double +failing +0/3 +0/60", done.stdout), done.stdout
    assert re.search(r"halve +done +2/2 +40/40", done.stdout), done.stdout


def test_a_failure_prints_the_seed_that_replays_it(kit):
    write(kit, "return 2 * x", "return 3 * x")
    test = "tests/ch91_base/test_hidden.py::test_doubles_anything"
    first = run_pytest(kit, test)
    (seed,) = set(re.findall(r"--seed (\d+)", first.stdout))
    divergence = re.compile(r"largest error at .*")
    again = run_pytest(kit, test, "--seed", seed)
    other = run_pytest(kit, test, "--seed", int(seed) + 1)
    assert divergence.search(first.stdout)[0] == divergence.search(again.stdout)[0]
    assert divergence.search(first.stdout)[0] != divergence.search(other.stdout)[0]


def test_a_failure_shows_the_students_own_lines(kit):
    write(kit, "return 2 * x", "return x @ x.new_zeros(99)")
    done = run_pytest(kit, "tests/ch91_base/test_public.py", "--problem", "double")
    assert "return x @ x.new_zeros(99)" in done.stdout, done.stdout
    assert "kit/serve.py" not in done.stdout, "the engine's frames are noise"


def test_one_problem_can_be_chosen(kit):
    write(kit, "", "")
    done = run_pytest(kit, "--problem", "halve")
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout


def test_an_unknown_problem_lists_the_known_ones(kit):
    done = run_pytest(kit, "--problem", "duoble")
    assert done.returncode == 4 and "double" in done.stderr, done.stderr


def test_a_submission_can_be_tested_where_it_lies(kit, tmp_path):
    for folder in (tmp_path / "ada" / "assignments" / "ch91_base", tmp_path / "bob" / "ch91_base"):
        folder.mkdir(parents=True)
        (folder / "adapters.py").write_text(ADAPTERS["ch91_base"].lstrip())
    for path in (tmp_path / "ada", tmp_path / "bob", tmp_path / "bob" / "ch91_base"):
        done = run_pytest(kit, "tests/ch91_base", "--impl", path)
        assert done.returncode == 0 and "5 passed" in done.stdout, done.stdout + done.stderr


def test_a_folder_without_the_chapter_is_refused(kit, tmp_path):
    done = run_pytest(kit, "tests/ch91_base", "--impl", tmp_path)
    assert done.returncode and "holds no ch91_base" in done.stdout, done.stdout


def test_deps_decide_whose_earlier_chapter_is_used(kit):
    write(kit, "return 2 * x", "return 3 * x")
    own = kit / "assignments" / "ch92_more" / "adapters.py"
    own.write_text(ADAPTERS["ch92_more"].lstrip())
    on_reference = run_pytest(kit, "tests/ch92_more")
    assert on_reference.returncode == 0, on_reference.stdout
    on_own = run_pytest(kit, "tests/ch92_more", "--deps", "student")
    assert on_own.returncode == 1 and "got 9, wanted 4" in on_own.stdout, on_own.stdout


def test_isolation_changes_no_verdict(kit):
    write(kit, "return 2 * x", "return 3 * x")
    for isolation in ((), ("--isolated",)):
        done = run_pytest(kit, "tests/ch91_base", *isolation)
        assert "3 failed, 2 passed" in done.stdout, done.stdout + done.stderr
        assert re.search(r"double +failing +0/3", done.stdout), done.stdout


def test_isolation_survives_a_crash(kit):
    write(kit, "return 2 * x", "import os; os._exit(3)")
    done = run_pytest(kit, "tests/ch91_base", "--isolated")
    assert "3 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert "crash: the process ended with status 3" in done.stdout, done.stdout


@pytest.mark.parametrize("isolation", [(), ("--isolated",)])
def test_chapters_may_take_turns(kit, isolation):
    write(kit, "", "")
    (kit / "assignments/ch92_more/adapters.py").write_text(ADAPTERS["ch92_more"].lstrip())
    files = [f"tests/{name}/test_public.py" for name in ("ch91_base", "ch92_more")]
    order = [f"{files[0]}::test_doubles_one", files[1], f"{files[0]}::test_halves"]
    done = run_pytest(kit, *order, *isolation)
    assert "4 passed" in done.stdout, done.stdout + done.stderr
