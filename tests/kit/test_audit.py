"""Audit proves a toy chapter, and says what is wrong with a spoilt one."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.progress import Progress

from kit.auditing import audit_chapters
from tests.kit.toy import run_grade


@pytest.fixture
def kit(toy_kit: Path, tmp_path: Path) -> Path:
    """A copy of the toy kit, to be spoilt."""
    return Path(shutil.copytree(toy_kit, tmp_path / "kit"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_sound_chapter_passes_and_gets_its_fingerprints(kit):
    done = run_grade(kit, "audit", "--jobs", 1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ch91_base: 2 of 3 bugs" in done.stdout or "ch91_base: 3 of 3 bugs" in done.stdout
    bank = json.loads((kit / "tests" / "ch91_base" / "fingerprints.json").read_text())
    assert bank["misconceptions"]["triples"] == "x is tripled"
    assert "rewritten" not in run_grade(kit, "audit", "--frozen").stdout


def test_stale_fingerprints_fail_when_frozen(kit):
    done = run_grade(kit, "audit", "--chapter", "ch91_base", "--frozen")
    assert done.returncode == 1 and "fingerprints.json is stale" in done.stdout


def test_a_bug_that_passes_is_named(kit):
    edit(kit / "tests/ch91_base/bugs.py", "return 3 * x", "return x * 2")
    done = run_grade(kit, "audit", "--chapter", "ch91_base")
    assert done.returncode == 1
    assert "the bug triples passes every test of double" in done.stdout
    assert "test_public.py::test_doubles_one catches no bug" in done.stdout


def test_a_twin_that_fails_is_named(kit):
    edit(kit / "tests/ch91_base/twins.py", "return x + x", "return x + x + 1")
    done = run_grade(kit, "audit", "--chapter", "ch91_base")
    assert done.returncode == 1 and "the twin adds fails test_public.py" in done.stdout


def test_a_wrong_reference_is_named(kit):
    edit(kit / "solutions/ch91_base/adapters.py", "return 2 * x", "return 2 * x + 1")
    done = run_grade(kit, "audit", "--chapter", "ch91_base")
    assert done.returncode == 1 and "the reference fails" in done.stdout


def test_a_stub_that_works_is_named(kit):
    edit(kit / "assignments/ch91_base/adapters.py", "    raise NotImplementedError", "    return 0")
    done = run_grade(kit, "audit", "--chapter", "ch91_base")
    assert done.returncode == 1 and "not todo" in done.stdout


def test_a_test_that_cannot_be_imported_is_named(kit):
    edit(kit / "tests/ch91_base/test_hidden.py", "import torch", "import no_such_module")
    done = run_grade(kit, "audit", "--chapter", "ch91_base")
    assert done.returncode == 1 and "no_such_module" in done.stdout


def test_a_test_without_a_problem_is_refused(kit):
    path = kit / "tests/ch91_base/test_hidden.py"
    edit(
        path,
        '@pytest.mark.problem("double")\ndef test_doubles_anything',
        "def test_doubles_anything",
    )
    done = run_grade(kit, "audit", "--chapter", "ch91_base")
    assert done.returncode == 1 and "has no @pytest.mark.problem" in done.stdout


def test_the_largest_bank_is_begun_first_and_reported_in_its_place(monkeypatch):
    names, begun = ["ch01_bigram", "ch07_optimization", "ch04_attention"], []

    def run(command, **_):
        begun.append(command[3])
        return SimpleNamespace(stdout=json.dumps({"chapter": command[3]}), stderr="")

    monkeypatch.setattr("kit.auditing.subprocess.run", run)
    with Progress(disable=True) as progress:
        audits = audit_chapters(names, 1, False, True, progress)
    assert begun == ["ch07_optimization", "ch04_attention", "ch01_bigram"]
    assert [audit["chapter"] for audit in audits] == names
