"""Grading from end to end: a class of honest, wrong and hostile submissions in one batch."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch

from kit.seeds import seed_of
from tests.kit.toy import ADAPTERS, run_grade

HONEST = ADAPTERS["ch91_base"]
STUB_DOUBLE = HONEST.replace("    return 2 * x", "    raise NotImplementedError")


def replaced(body: str, top: str = "") -> str:
    """The honest chapter with another body of double(), and code at the top of the file."""
    return top + "\n" + HONEST.replace("    return 2 * x", body)


# submission -> (adapters.py, points of ch91_base, verdicts on the tests of `double`)
CLASS = {
    "honest": (HONEST, 100, {"pass"}),
    "todo": (STUB_DOUBLE, 40, {"todo"}),
    "wrong": (replaced("    return 3 * x"), 40, {"fail"}),
    "wrong_shape": (replaced("    return (2 * x)[None]"), 40, {"fail"}),
    "raises": (replaced("    raise IndexError('no')"), 40, {"error"}),
    "returns_a_generator": (replaced("    return (2 * v for v in x)"), 40, {"fail"}),
    "calls_exit": (replaced("    os._exit(0)", "import os"), 40, {"crash"}),
    "sys_exit": (replaced("    raise SystemExit(0)"), 40, {"error"}),
    "segfault": (replaced("    ctypes.string_at(0)", "import ctypes"), 40, {"crash"}),
    "endless_loop": (replaced("    while True: pass"), 40, {"timeout"}),
    "sleeps": (replaced("    time.sleep(1000)", "import time"), 40, {"timeout"}),
    "ignores_signals": (
        replaced(
            "    [signal.signal(s, signal.SIG_IGN) for s in (2, 10, 14, 15)]\n    while True: pass",
            "import signal",
        ),
        40,
        {"timeout"},
    ),
    "memory_bomb": (replaced("    return bytearray(8 << 30)"), 40, {"oom"}),
    "closes_the_socket": (
        replaced("    os.closerange(3, 100); return 2 * x", "import os"),
        40,
        {"crash"},
    ),
    "writes_to_the_socket": (
        replaced(
            "    for f in os.listdir('/proc/self/fd'):\n"
            "        try: os.write(int(f), b'\\x08' + b'\\0' * 7 + b'verdicts')\n"
            "        except OSError: pass\n"
            "    return 2 * x",
            "import os",
        ),
        40,
        {"crash"},
    ),
    "skips": (replaced("    import pytest; pytest.skip('not today')"), 40, {"error"}),
    "exits_pytest": (replaced("    import pytest; pytest.exit('bye', 0)"), 40, {"error"}),
    "imports_the_solution": (
        "from solutions.ch91_base.adapters import *\n",
        0,
        {"error"},
    ),
    "imports_the_tests": ("import tests.ch91_base.test_hidden\n" + HONEST, 0, {"error"}),
    "syntax_error": ("def double(x:\n", 0, {"error"}),
    "wrong_encoding": ("s = 'caf\udce9'\n" + HONEST, 0, {"error"}),
    "exits_at_import": ("import os\nos._exit(0)\n", 0, {"crash"}),
    "raises_at_import": ("raise RuntimeError('no')\n", 0, {"error"}),
    "not_implemented_at_import": ("raise NotImplementedError\n", 0, {"error"}),
    "lies_about_equality": (
        replaced("    return Liar()", "class Liar(float):\n    __eq__ = lambda *_: True\n"),
        40,
        {"fail"},
    ),
    "patches_the_judge": (
        replaced("    return x", "import torch, kit.codec\ntorch.allclose = lambda *_, **__: True"),
        40,
        {"fail"},
    ),
    "forks_children": (
        replaced("    os.fork(); return 2 * x", "import os"),
        None,  # the child answers too: whatever happens, the others keep their points
        None,
    ),
    "chatty": (replaced("    print('x' * 9_000_000); return 2 * x"), 100, {"pass"}),
    "own_conftest": (HONEST, 100, {"pass"}),
}


@pytest.fixture(scope="module")
def graded(toy_kit: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The whole class, graded in one batch."""
    audited = run_grade(toy_kit, "audit", "--chapter", "ch91_base")
    assert audited.returncode == 0, audited.stdout
    folder = tmp_path_factory.mktemp("class")
    for name, (source, _, _) in CLASS.items():
        chapter = folder / name / "assignments" / "ch91_base"
        chapter.mkdir(parents=True)
        (chapter / "adapters.py").write_bytes(source.encode("utf-8", "surrogateescape"))
    conftest = "import pytest\n@pytest.hookimpl\ndef pytest_runtest_makereport(): 1 / 0\n"
    (folder / "own_conftest" / "assignments" / "ch91_base" / "conftest.py").write_text(conftest)
    (folder / "empty").mkdir()
    (folder / "no_chapter").mkdir()
    (folder / "no_chapter" / "essay.txt").write_text("I have read the chapter.")
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 not a zip")
    out = tmp_path_factory.mktemp("out")
    done = run_grade(toy_kit, folder, "--out", out, "--jobs", 2)
    results = {p.stem: json.loads(p.read_text()) for p in (out / "results").iterdir()}
    with open(out / "gradebook.csv", newline="") as file:
        book = {row["submission"]: row for row in csv.DictReader(file)}
    return {"done": done, "results": results, "book": book}


def test_the_batch_is_graded_to_its_end(graded):
    assert graded["done"].returncode == 0, graded["done"].stdout + graded["done"].stderr
    assert set(graded["book"]) == {*CLASS, "empty", "no_chapter", "broken"}


@pytest.mark.parametrize("name", [name for name in CLASS if CLASS[name][1] is not None])
def test_points_and_verdicts(graded, name):
    _, points, verdicts = CLASS[name]
    assert float(graded["book"][name]["ch91_base"]) == points, graded["results"][name]
    (entry,) = [t for t in graded["results"][name]["tests"] if "double" in t["name"]]
    lines = [line for line in entry["output"].splitlines() if line[0] != " "]
    told = {line.partition(":")[0].partition(" ")[0] for line in lines} - {"Your"}
    assert told == verdicts, entry["output"]


@pytest.mark.parametrize("name", ["empty", "no_chapter", "broken"])
def test_what_holds_no_chapter_is_told_why(graded, name):
    row = graded["book"][name]
    assert row["status"] == "invalid" and row["note"], row


def test_no_hidden_input_or_source_reaches_a_student(graded):
    for name, result in graded["results"].items():
        text = json.dumps(result)
        assert "hidden-test-source-marker" not in text, name
        assert "x was not doubled twice" not in text, f"{name} is shown a hidden test's message"


def test_a_wrong_answer_is_told_its_misconception(graded):
    (entry,) = [t for t in graded["results"]["wrong"]["tests"] if "double" in t["name"]]
    assert "x is tripled" in entry["output"], entry["output"]


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["no_such_folder"], "does not exist"),
        (["--chapter", "ch91_bass"], "choose from ch91_base, ch92_more"),
        (["--require-sandbox", "docker"], "choose from namespaces, landlock, uid, rlimits"),
        (["--out", "/proc/nowhere"], "choose another --out"),
    ],
)
def test_an_operators_slip_is_one_clear_line(toy_kit, arguments, complaint):
    done = run_grade(toy_kit, *arguments)
    assert done.returncode == 2 and complaint in done.stderr, done.stdout + done.stderr
    assert done.stderr.startswith("grade.py: ") and "Traceback" not in done.stderr


def test_the_reference_of_every_chapter_is_graded_by_default(toy_kit):
    done = run_grade(toy_kit)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ch91_base" in done.stdout and "ch92_more" in done.stdout
    assert "\x1b" not in done.stdout, "escape codes in a pipe"


def test_a_reference_that_fails_is_infra_for_everyone(toy_kit, tmp_path):
    kit = Path(shutil.copytree(toy_kit, tmp_path / "kit"))
    solution = kit / "solutions" / "ch91_base" / "adapters.py"
    solution.write_text(solution.read_text().replace("return x / 2", "return x / 3"))
    chapter = tmp_path / "ada" / "assignments" / "ch91_base"
    chapter.mkdir(parents=True)
    (chapter / "adapters.py").write_text(HONEST)
    done = run_grade(kit, tmp_path / "ada", "--out", tmp_path / "out")
    assert done.returncode == 1, "pending verdicts are not in order"
    result = json.loads((tmp_path / "out" / "results" / "ada.json").read_text())
    assert result["extra_data"]["pending"] and result["score"] == 80, result


def test_tests_that_cannot_be_run_are_infra_and_stop_nobody(toy_kit, tmp_path):
    kit = Path(shutil.copytree(toy_kit, tmp_path / "kit"))
    hidden = kit / "tests" / "ch91_base" / "test_hidden.py"
    hidden.write_text("import no_such_module\n" + hidden.read_text())
    done = run_grade(kit, "--out", tmp_path / "out")
    assert done.returncode == 1 and "no_such_module" in done.stdout, done.stdout + done.stderr
    result = json.loads((tmp_path / "out" / "results" / "reference.json").read_text())
    assert result["extra_data"]["pending"] and result["score"] == 100, "the other chapter is graded"


def test_hidden_inputs_come_from_the_course_key(toy_kit, tmp_path):
    """An answer that is right for positive inputs only passes or fails as the key has it."""
    chapter = tmp_path / "ada" / "assignments" / "ch91_base"
    chapter.mkdir(parents=True)
    (chapter / "adapters.py").write_text(replaced("    return 2 * x if x[0] > 0 else x"))
    test, points = "ch91_base/test_hidden.py::test_doubles_anything", {}
    for number in range(40):
        key = f"a course key, number {number}".encode()
        first = {}
        for name in ("anything", "in_a_driver"):
            seed = seed_of(test.replace("anything", name), key)
            first[name] = torch.randn(5, generator=torch.Generator().manual_seed(seed))[0] > 0
        points.setdefault(100 if all(first.values()) else 40, key)
    assert set(points) == {40, 100}
    for wanted, key in points.items():
        (tmp_path / "key").write_bytes(key)
        out = tmp_path / f"out{wanted}"
        variables = {"STORYTELLER_COURSE_KEY": str(tmp_path / "key")}
        done = run_grade(toy_kit, tmp_path / "ada", "--out", out, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads((out / "results" / "ada.json").read_text())["score"] == wanted


@pytest.mark.parametrize("content", [None, b"short"])
def test_a_course_key_that_cannot_be_used_is_an_operators_slip(toy_kit, tmp_path, content):
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    done = run_grade(toy_kit, STORYTELLER_COURSE_KEY=str(path))
    assert done.returncode == 2 and str(path) in done.stderr, done.stderr
