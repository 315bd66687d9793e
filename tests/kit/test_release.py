"""The student kit: complete, the same each time, upgradable, and without answers."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kit.chapters import chapter_names, repository, transitive_needs
from kit.leaks import find_leaks
from kit.release import LeakError, public_fingerprints, release


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
        for path in (released / "kit").rglob("*.py")
        for name in re.findall(r"^from kit\.(\w+) import", path.read_text(), re.M)
    }
    assert needed - here - {"given", "sandbox", "storyteller"} == set(), (
        "an instructor's module was released"
    )


PLAYED = [n for n in chapter_names() if (repository() / "assignments" / n / "play.py").exists()]


@pytest.mark.parametrize("name", [n for n in PLAYED if transitive_needs(n)])
def test_play_reaches_the_students_own_earlier_chapters(released, name):
    done = run(released, f"assignments/{name}/play.py")
    assert "is still a stub" in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_the_storyteller_waits_for_the_students_own_chapters(released):
    done = run(released, "-m", "kit.storyteller", "train")
    assert done.returncode == 2 and "train_loop of ch07_optimization are still" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not (released / "out").exists(), done.stderr


def test_the_same_input_gives_the_same_bytes(released, tmp_path):
    release(tmp_path / "again")
    assert tree(tmp_path / "again") == tree(released)


def reference(name: str) -> str:
    return (repository() / "solutions" / "ch01_bigram" / name).read_text()


def part_of(source: str, name: str) -> str:
    """One function of a file, as text."""
    [node] = [n for n in ast.parse(source).body if getattr(n, "name", "") == name]
    return ast.get_source_segment(source, node)


def test_a_planted_answer_is_found():
    source = reference("sampling.py")
    renamed = source.replace("def sample", "def innocent").replace("Start where", "Go where")
    assert find_leaks({"kit/given/helpers.py": renamed.encode()}) == [
        "kit/given/helpers.py: innocent is solutions/ch01_bigram/sampling.py: sample"
    ]


def as_comments(code: str) -> str:
    return "".join(f"# {line}\n" for line in code.split("\n"))


@pytest.mark.parametrize(
    ("file", "disguise"),
    [
        ("assignments/ch01_bigram/README.md", lambda code: f"Like this:\n\n```\n{code}\n```\n"),
        ("kit/given/toys.py", as_comments),
        ("kit/given/toys.py", lambda code: f"TEXT = {code!r}\n"),
        ("tests/ch01_bigram/checks.py", lambda code: f"class A:\n    def f(self):\n{code}\n"),
        ("tests/ch01_bigram/fingerprints.json", lambda code: json.dumps({"a": code})),
        ("assignments/ch01_bigram/data.txt", lambda code: code.replace("    ", "\t")),
    ],
)
def test_answers_are_found_as_text(file, disguise):
    code = part_of(reference("sampling.py"), "sample").partition('"""\n')[2]
    leaks = find_leaks({file: disguise(code).encode()})
    assert len(leaks) >= 1 and "solutions/ch01_bigram/sampling.py" in leaks[0], leaks


def test_an_answer_of_few_words_is_found():
    path = repository() / "solutions" / "ch04_attention" / "positions.py"
    code = part_of(path.read_text(), "alibi_bias").rpartition("return")[2]
    assert len(re.findall(r"\w+", code)) < 16, "this one is meant to be short"
    [leak] = find_leaks({"assignments/ch04_attention/README.md": f"`return {code}`".encode()})
    assert "holds the code of solutions/ch04_attention/positions.py: alibi_bias" in leak


def test_half_an_answer_and_what_is_said_about_one_are_found():
    code = part_of(reference("regression.py"), "softmax_regression_grad").split("\n")
    half = "\n".join(code[-len(code) // 2 :])
    assert find_leaks({"kit/given/toys.py": as_comments(half).encode()}), half
    hidden = (repository() / "tests" / "ch01_bigram" / "test_hidden.py").read_text()
    sentence = max((ast.get_docstring(n) or "" for n in ast.parse(hidden).body
                    if isinstance(n, ast.FunctionDef)), key=len)  # fmt: skip
    leaks = find_leaks({"assignments/ch01_bigram/README.md": sentence.encode()})
    assert leaks and "test_hidden.py" in leaks[0], sentence


def test_what_lies_in_the_folder_already_is_looked_at(released, tmp_path):
    copy = Path(shutil.copytree(released, tmp_path / "copy"))
    path = copy / "assignments" / "ch01_bigram" / "mine.py"
    path.write_text(reference("sampling.py"))
    with pytest.raises(LeakError, match="mine.py: sample is solutions/ch01_bigram/sampling.py"):
        release(copy)
    path.unlink()
    cache = copy / "assignments" / "ch01_bigram" / "__pycache__" / "mine.cpython-311.pyc"
    cache.parent.mkdir()
    cache.write_bytes(b"compiled from the reference")
    release(copy)
    assert not cache.exists(), "compiled code is an answer too"


def test_the_history_of_the_folder_is_looked_at(released, tmp_path):
    copy = Path(shutil.copytree(released, tmp_path / "copy"))

    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", copy, *who, *words], check=True, capture_output=True)

    git("init")
    git("add", "-A")
    git("commit", "-m", "the release")
    assert release(copy)[1] == [], "an honest history is no leak"
    (copy / "oops.txt").write_text(reference("sampling.py"))
    git("add", "-A")
    git("commit", "-m", "oops")
    git("rm", "oops.txt")
    git("commit", "-m", "gone, or is it?")
    with pytest.raises(LeakError, match="git history holds solutions/ch01_bigram/sampling.py"):
        release(copy)


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
    packed = run(copy, "-m", "kit.submit")
    assert "/submission.zip (" in packed.stdout, packed.stderr
    names = zipfile.ZipFile(copy / "submission.zip").namelist()
    assert "assignments/ch01_bigram/counting.py" in names
    assert all(name.startswith("assignments/ch01_bigram/") for name in names)


def test_a_folder_with_something_else_in_it_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="holds no release"):
        release(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
