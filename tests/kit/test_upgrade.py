"""Upgrading a copy of the kit: the newest tests and stubs, and no work lost."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from kit.homework import MANIFEST, manifest, read_manifest
from kit.upgrade import install

HEAD = '"""Stubs."""\n\nfrom torch import Tensor\n\n\n'
ADD = 'def add(x: Tensor) -> Tensor:\n    """x + 1."""\n    raise NotImplementedError\n'
SUBTRACT = 'def subtract(x: Tensor) -> Tensor:\n    """x - 1."""\n    raise NotImplementedError\n'
ADD_2 = ADD.replace("x + 1.", "x + 2.")
HOME, TESTS = "assignments/ch91_base", "tests/ch91_base"
WORK = HEAD + 'def add(x):\n    """x + 1."""\n    return x + 1\n'


def kit(stubs: str, **files: str) -> dict[str, bytes]:
    """A release in which one chapter has these stubs."""
    texts = {
        f"{HOME}/adapters.py": stubs,
        f"{HOME}/README.md": "handout\n",
        f"{TESTS}/contract.py": stubs,
        f"{TESTS}/test_public.py": "tests\n",
        "kit/door.py": "engine\n",
        "pyproject.toml": "settings\n",
    }
    found = {name: text.encode() for name, text in (texts | files).items()}
    return found | {MANIFEST: manifest(found)}


FIRST = kit(HEAD + ADD)
SECOND = kit(HEAD + ADD + "\n\n" + SUBTRACT, **{f"{TESTS}/test_public.py": "more tests\n"})


@pytest.fixture
def copy(tmp_path) -> Path:
    """A student's copy of the first release, not yet worked on."""
    assert install(FIRST, tmp_path / "my kit") == []
    return tmp_path / "my kit"


def tree(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()
    }


def test_an_untouched_copy_becomes_the_new_release(copy):
    assert install(SECOND, copy) == []
    assert tree(copy) == {name: data.decode() for name, data in SECOND.items()}


def test_work_is_left_alone_and_the_new_stub_is_told(copy):
    (copy / HOME / "adapters.py").write_text(WORK)
    (copy / HOME / "helper.py").write_text("mine")
    (copy / "tests" / "test_mine.py").write_text("mine")
    [note] = install(SECOND, copy)
    assert "lacks subtract" in note and "adapters.new.py" in note
    found = tree(copy)
    assert found[f"{HOME}/adapters.py"] == WORK
    assert found[f"{HOME}/helper.py"] == found["tests/test_mine.py"] == "mine"
    assert found[f"{TESTS}/test_public.py"] == "more tests\n"
    offered = ast.parse(found[f"{HOME}/adapters.new.py"])
    assert [n.name for n in offered.body if isinstance(n, ast.FunctionDef)] == ["subtract"]
    assert "from torch import Tensor" in found[f"{HOME}/adapters.new.py"]

    (copy / HOME / "adapters.py").write_text(WORK + "\n\ndef subtract(x):\n    return x - 1\n")
    assert install(SECOND, copy) == [], "what has been taken over is told no more"


def test_a_changed_contract_is_told_once(copy):
    (copy / HOME / "adapters.py").write_text(WORK)
    changed = kit(HEAD + ADD_2)
    [note] = install(changed, copy)
    assert "contract of add has changed" in note
    assert ADD_2.strip() in (copy / HOME / "adapters.new.py").read_text()
    assert (copy / HOME / "adapters.py").read_text() == WORK
    assert install(changed, copy) == []
    assert ADD_2.strip() in (copy / HOME / "adapters.new.py").read_text(), "still to be read"


def test_a_second_upgrade_keeps_what_the_first_has_offered(copy):
    (copy / HOME / "adapters.py").write_text(WORK)
    both = kit(HEAD + ADD_2 + "\n\n" + SUBTRACT)
    assert len(install(both, copy)) == 2
    offered = (copy / HOME / "adapters.new.py").read_text()
    assert ADD_2.strip() in offered and SUBTRACT.strip() in offered
    install(both, copy)
    assert (copy / HOME / "adapters.new.py").read_text() == offered


def test_work_that_cannot_be_parsed_is_left_alone(copy):
    (copy / HOME / "adapters.py").write_text("def add(x:\n")
    notes = install(SECOND, copy)
    assert "cannot be read" in notes[0] and "lacks subtract" in notes[1]
    assert (copy / HOME / "adapters.py").read_text() == "def add(x:\n"
    assert "def subtract" in (copy / HOME / "adapters.new.py").read_text()


def test_a_handout_follows_unless_it_was_edited(copy):
    new = kit(HEAD + ADD, **{f"{HOME}/README.md": "better handout\n"})
    (copy / HOME / "README.md").write_text("my notes\n")
    [note] = install(new, copy)
    assert "README.md has a new version" in note
    assert (copy / HOME / "README.md").read_text() == "my notes\n"
    assert (copy / HOME / "README.new.md").read_text() == "better handout\n"


def test_edits_of_kit_and_tests_are_kept_aside(copy):
    (copy / "pyproject.toml").write_text("settings and mine\n")
    (copy / TESTS / "test_public.py").write_text("spoilt\n")
    notes = install(SECOND, copy)
    assert len(notes) == 2 and all("you had edited" in note for note in notes)
    found = tree(copy)
    assert found["pyproject.toml"] == "settings\n"
    assert found["pyproject.toml.orig"] == "settings and mine\n"
    assert found[f"{TESTS}/test_public.py"] == "more tests\n"
    assert found[f"{TESTS}/test_public.py.orig"] == "spoilt\n"


def test_what_a_release_drops_goes_unless_it_is_work(copy):
    smaller = {n: d for n, d in FIRST.items() if "door" not in n and "README" not in n}
    smaller[MANIFEST] = manifest({n: d for n, d in smaller.items() if n != MANIFEST})
    assert install(smaller, copy) == []
    assert not (copy / "kit" / "door.py").exists()
    assert (copy / HOME / "README.md").exists(), "nothing in assignments/ is ever deleted"


def test_line_ends_of_windows_are_no_edit(copy):
    for path in copy.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(read_manifest(copy)) == len(FIRST) - 1
    assert install(SECOND, copy) == []
    assert not list(copy.rglob("*.orig")) and not list(copy.rglob("*.new.*"))
    assert b"def subtract" in (copy / HOME / "adapters.py").read_bytes(), "an unedited stub follows"


def test_a_copy_without_hashes_loses_nothing(copy):
    (copy / MANIFEST).write_text("ch91_base\n")  # as the first releases had it
    (copy / HOME / "adapters.py").write_text(WORK)
    notes = install(SECOND, copy)
    assert [note for note in notes if "lacks subtract" in note]
    assert (copy / HOME / "adapters.py").read_text() == WORK
    assert not list(copy.rglob("*.orig"))


def test_the_command_upgrades_an_older_copy(copy, tmp_path):
    """It is run in the new kit, with any Python that is recent enough."""
    from kit.chapters import repository

    engine = {
        f"kit/{name}.py": (repository() / "kit" / f"{name}.py").read_text()
        for name in ("__init__", "chapters", "homework", "upgrade")
    }
    new = tmp_path / "new kit"
    install(kit(HEAD + ADD + "\n\n" + SUBTRACT, **engine), new)
    (copy / HOME / "adapters.py").write_text(WORK)

    def upgrade(target: Path) -> subprocess.CompletedProcess:
        command = [sys.executable, "-B", "-m", "kit.upgrade", target]
        return subprocess.run(command, cwd=new, env={}, capture_output=True, text=True)

    done = upgrade(copy)
    assert done.returncode == 0 and "lacks subtract" in done.stdout, done.stderr
    assert "is up to date" in done.stdout
    assert (copy / HOME / "adapters.py").read_text() == WORK
    assert (copy / "kit" / "upgrade.py").is_file()
    for target, why in ((tmp_path, "holds no copy"), (new, "this is that copy")):
        done = upgrade(target)
        assert done.returncode == 1 and why in done.stderr
    (new / "kit" / "door.py").write_text("edited here")
    assert "kit/door.py was edited here" in upgrade(copy).stderr
