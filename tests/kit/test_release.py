"""The student kit: complete, the same each time, upgradable, and without answers."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kit.chapters import chapter_names, repository
from kit.release import find_leaks, public_fingerprints, release


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "student"
    release(folder)
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess:
    variables = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "100"}
    variables.pop("STORYTELLER_ROOT", None)
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=variables, capture_output=True, text=True
    )


def test_no_secret_file_is_released(released):
    names = set(tree(released))
    assert not [
        n for n in names if "hidden" in n or "bugs" in n or "twins" in n or "solutions" in n
    ]
    assert {f"assignments/{name}/adapters.py" for name in chapter_names()} <= names


def test_what_is_released_imports_nothing_that_is_not(released):
    here = {path.stem for path in (released / "kit").glob("*.py")}
    needed = {
        name
        for path in (released / "kit").glob("*.py")
        for name in re.findall(r"^from kit\.(\w+) import", path.read_text(), re.M)
    }
    assert needed - here - {"given", "sandbox"} == set(), "an instructor's module was released"


def test_the_same_input_gives_the_same_bytes(released, tmp_path):
    release(tmp_path / "again")
    assert tree(tmp_path / "again") == tree(released)


def test_a_planted_answer_is_found():
    source = (repository() / "solutions" / "ch01_bigram" / "sampling.py").read_bytes()
    renamed = source.replace(b"def sample", b"def innocent").replace(b"Start where", b"Go where")
    assert find_leaks({"kit/given/helpers.py": renamed}) == [
        "kit/given/helpers.py: innocent is solutions/ch01_bigram/sampling.py: sample"
    ]


def test_hidden_fingerprints_stay_behind(released):
    bank = json.loads((released / "tests/ch01_bigram/fingerprints.json").read_text())
    assert bank["tests"] and all(name.startswith("test_public") for name in bank["tests"])
    told = {bug for entry in bank["tests"].values() for bug in entry["bugs"]}
    assert set(bank["misconceptions"]) == told, "misconceptions that no public test shows"
    assert json.loads(public_fingerprints('{"misconceptions": {}, "tests": {}}'))["tests"] == {}


def test_stubs_are_all_todo(released):
    done = run(released, "-m", "pytest", "-q", "tests/ch01_bigram")
    assert done.returncode == 1 and "Next: vocabulary" in done.stdout, done.stdout + done.stderr
    assert "failed" not in done.stdout and "error" not in done.stdout.lower(), done.stdout


def test_work_passes_is_diagnosed_and_packed(released, tmp_path):
    copy = Path(shutil.copytree(released, tmp_path / "copy"))
    home = copy / "assignments" / "ch01_bigram"
    shutil.copytree(repository() / "solutions" / "ch01_bigram", home, dirs_exist_ok=True)
    adapters = home / "adapters.py"
    right = adapters.read_text()
    wrong = right.replace(
        "return counting.probabilities(counts, alpha)",
        "return counting.probabilities(counts.T, alpha).T",
    )
    assert wrong != right
    adapters.write_text(wrong)
    done = run(copy, "-m", "pytest", "-q", "tests/ch01_bigram")
    assert "when the columns are normalised" in done.stdout, done.stdout
    adapters.write_text(right)
    done = run(copy, "-m", "pytest", "-q", "tests/ch01_bigram")
    assert done.returncode == 0, done.stdout
    assert "hand this in" in run(copy, "-m", "kit.submit").stdout
    first = (copy / "submission.zip").read_bytes()
    os.utime(adapters)
    run(copy, "-m", "kit.submit", "again.zip")
    assert (copy / "again.zip").read_bytes() == first, "the same work gives the same bytes"
    names = zipfile.ZipFile(copy / "again.zip").namelist()
    assert "assignments/ch01_bigram/counting.py" in names
    assert all(name.startswith("assignments/") for name in names)


def test_an_upgrade_leaves_the_students_work_alone(released, tmp_path):
    copy = Path(shutil.copytree(released, tmp_path / "copy"))
    mine = {"adapters.py": "# mine\n", "README.md": "my notes\n", "extra.py": "# more\n"}
    for name, text in mine.items():
        (copy / "assignments" / "ch01_bigram" / name).write_text(text)
    (copy / "tests" / "ch01_bigram" / "test_public.py").write_text("spoilt")
    release(copy)
    for name, text in mine.items():
        assert (copy / "assignments" / "ch01_bigram" / name).read_text() == text
    kept = tree(copy / "tests")
    assert kept == tree(released / "tests"), "tests are brought up to date"


def test_a_folder_with_something_else_in_it_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="holds no release"):
        release(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
