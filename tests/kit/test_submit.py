"""python -m kit.submit: what a student hands in, and what stays out."""

import json
import os
import zipfile
from pathlib import Path

import pytest

from kit import submit, unpack
from kit.homework import MANIFEST, manifest
from kit.submissions import find_submissions
from tests.kit.toy import ADAPTERS, make_kit, run_grade

WORK = ADAPTERS["ch91_base"]


@pytest.fixture
def copy(tmp_path, monkeypatch) -> Path:
    """A student's copy of the toy kit, as released: nothing done yet."""
    root = make_kit(tmp_path / "my kit")
    given = {}
    for name in ("ch91_base", "ch92_more"):
        stub = (root / "assignments" / name / "adapters.py").read_bytes()
        (root / "tests" / name / "contract.py").write_bytes(stub)
        (root / "assignments" / name / "README.md").write_text("the handout")
        for file in ("adapters.py", "README.md", "chapter.toml"):
            path = f"assignments/{name}/{file}"
            given[path] = (root / path).read_bytes()
    (root / MANIFEST).write_bytes(manifest(given))
    monkeypatch.setenv("STORYTELLER_ROOT", str(root))
    monkeypatch.chdir(root)
    return root


def write(copy: Path, name: str, text: str | bytes) -> Path:
    path = copy / "assignments" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def names_in(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def test_what_is_still_to_do_is_told(copy):
    half_done = WORK.replace("    return 2 * x", "    raise NotImplementedError")
    write(copy, "ch91_base/adapters.py", half_done)
    assert submit.pack(Path("a.zip")).warnings == ["ch91_base: still to do: double"]
    write(copy, "ch91_base/adapters.py", WORK)
    assert submit.pack(Path("a.zip")).warnings == []


def test_only_what_the_student_wrote_goes_in(copy):
    write(copy, "ch91_base/adapters.py", WORK)
    write(copy, "ch91_base/deep/helper.py", "x = 1\n")
    for clutter in (
        *("__pycache__/helper.cpython-311.pyc", ".ipynb_checkpoints/a.py", "my_env/pyvenv.cfg"),
        *("my_env/lib/big.py", "venv/b.py", "old.pyc", "adapters.new.py", ".DS_Store"),
    ):
        write(copy, f"ch91_base/{clutter}", "clutter")
    packed = submit.pack(Path("submission.zip"))
    wanted = ["assignments/ch91_base/adapters.py", "assignments/ch91_base/deep/helper.py"]
    assert names_in(copy / "submission.zip") == wanted, "handouts and clutter stay at home"
    assert packed.files == {"ch91_base": ["adapters.py", "deep/helper.py"]}
    assert len(packed.left_out) == 1 and "ch92_more: nothing is done yet" in packed.left_out[0]
    assert not packed.warnings


def test_an_edited_handout_is_the_students(copy):
    write(copy, "ch91_base/adapters.py", WORK)
    write(copy, "ch91_base/README.md", "my notes")
    assert submit.pack(Path("a.zip")).files == {"ch91_base": ["README.md", "adapters.py"]}


def test_the_same_work_gives_the_same_bytes(copy):
    path = write(copy, "ch91_base/adapters.py", WORK)
    submit.pack(Path("a.zip"))
    os.utime(path, (1, 1))
    path.chmod(0o755)
    write(copy, "ch91_base/__pycache__/x.pyc", "later")
    submit.pack(Path("b.zip"))
    assert Path("a.zip").read_bytes() == Path("b.zip").read_bytes()
    assert not list(copy.glob("*.tmp"))


@pytest.mark.parametrize(
    "touch", [lambda s: s, lambda s: f"# begun\n{s}", lambda s: s.replace("\n", "\r\n")]
)
def test_stubs_alone_are_refused(copy, touch):
    stub = (copy / "assignments" / "ch91_base" / "adapters.py").read_text()
    write(copy, "ch91_base/adapters.py", touch(stub))
    with pytest.raises(ValueError, match="ch91_base: nothing is done yet.*fill a stub"):
        submit.pack(Path("a.zip"))
    assert not Path("a.zip").exists()


def test_one_stub_filled_is_work(copy):
    stub = (copy / "assignments" / "ch91_base" / "adapters.py").read_text()
    write(copy, "ch91_base/adapters.py", stub.replace("raise NotImplementedError", "return 1", 1))
    assert "ch91_base" in submit.pack(Path("a.zip")).files


def test_slips_are_told(copy):
    write(copy, "ch91_base/adapters.py", WORK.replace("def halve", "def halves"))
    write(copy, "ch92_more/adapters.py", "def quadruple(x:\n")
    packed = submit.pack(Path("a.zip"))
    assert any("ch91_base: adapters.py has no halve" in w for w in packed.warnings)
    assert any("ch92_more: adapters.py cannot be read" in w for w in packed.warnings)
    write(copy, "ch92_more/adapters.py", "from solved import *\n")
    assert not [w for w in submit.pack(Path("a.zip")).warnings if "ch92" in w]


def test_helpers_that_nothing_calls_are_told(copy):
    write(copy, "ch91_base/solution.py", "def double(x):\n    return 2 * x\n")
    packed = submit.pack(Path("a.zip"))
    assert packed.files == {"ch91_base": ["adapters.py", "solution.py"]}
    assert "calls none of your code" in packed.warnings[0]


def test_a_chapter_without_adapters_is_told(copy):
    write(copy, "ch91_base/adapters.py", WORK)
    (copy / "assignments" / "ch92_more" / "adapters.py").rename(
        copy / "assignments" / "ch92_more" / "adaptors.py"
    )
    assert "ch92_more: it has no adapters.py" in submit.pack(Path("a.zip")).left_out


def test_large_files_stay_out_and_too_many_are_refused(copy, monkeypatch):
    write(copy, "ch91_base/adapters.py", WORK)
    write(copy, "ch91_base/model.pt", b"x" * (submit.MAX_FILE + 1))
    packed = submit.pack(Path("a.zip"))
    assert packed.files == {"ch91_base": ["adapters.py"]}
    assert any("ch91_base/model.pt: 1 MB" in reason for reason in packed.left_out)
    monkeypatch.setattr(submit, "MAX_FILES", 3)
    for number in range(4):
        write(copy, f"ch91_base/log{number}.txt", "x")
    with pytest.raises(ValueError, match="5 files.*wanted at most 3"):
        submit.pack(Path("a.zip"))


def test_limits_lie_within_the_graders():
    assert submit.MAX_FILE <= unpack.MAX_FILE and submit.MAX_FILES < unpack.MAX_FILES
    assert min(unpack.MAX_TOTAL, unpack.MAX_PACKED) >= submit.MAX_TOTAL
    assert unpack.RATIO_FLOOR >= submit.MAX_TOTAL, "what packs too well would be taken for a bomb"
    assert submit.SKIPPED == unpack.SKIPPED, "the two would take different files"


def test_names_that_fall_together_are_refused(copy):
    write(copy, "ch91_base/adapters.py", WORK)
    write(copy, "ch91_base/Helper.py", "")
    write(copy, "ch91_base/helper.py", "")
    if len(list((copy / "assignments" / "ch91_base").glob("?elper.py"))) < 2:
        pytest.skip("this file system has one name for both")
    with pytest.raises(ValueError, match="one file on some systems"):
        submit.pack(Path("a.zip"))


def test_the_grader_takes_what_submit_makes(copy, tmp_path, monkeypatch, capsys):
    write(copy, "ch91_base/adapters.py", "import hélper\n" + WORK.replace("2 * x", "hélper.two(x)"))
    write(copy, "ch91_base/hélper.py", "def two(x):\n    return 2 * x\n")
    monkeypatch.setattr("sys.argv", ["submit", "ada lovelace.zip"])
    submit.main()
    out = capsys.readouterr().out
    assert "packed    ch91_base: adapters.py, hélper.py" in out
    assert "left out  ch92_more" in out and f"Next: upload {copy}/ada lovelace.zip" in out
    [found] = find_submissions([copy / "ada lovelace.zip"], None, tmp_path / "intake")
    assert list(found.chapters) == ["ch91_base"] and not found.problem and not found.warnings
    monkeypatch.delenv("STORYTELLER_ROOT")
    done = run_grade(copy, copy / "ada lovelace.zip", "--jobs", "1", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "out" / "results" / "ada_lovelace.json").read_text())
    assert report["score"] == 100, report


def test_nowhere_to_write_is_one_line(copy, monkeypatch):
    write(copy, "ch91_base/adapters.py", WORK)
    monkeypatch.setattr("sys.argv", ["submit", "no/such/folder/a.zip"])
    with pytest.raises(SystemExit, match="nothing was packed: .*no/such/folder"):
        submit.main()
