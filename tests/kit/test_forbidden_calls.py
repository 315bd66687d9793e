"""Forbidden calls from end to end: in the grader and at home, in the source and at run time."""

import json
import re
from pathlib import Path

import pytest

from tests.kit.toy import ADAPTERS, make_kit, run_grade, run_pytest

TOP = "import torch\nimport kit.forbidden, kit.serve\nkit.serve.scan = lambda *_: ''\n"
HIDES = "import torch\nNAME = 'soft' + 'max'\n"
CALLS = {  # name -> (chapter, adapters.py, its points, the function that is named)
    "honest": ("ch91_base", ADAPTERS["ch91_base"], 100, ""),
    "direct": ("ch91_base", ("import torch\n", "torch.softmax(x, 0)"), 40, "torch.softmax"),
    "changes_the_scan": ("ch91_base", (TOP, "torch.softmax(x, 0)"), 40, "torch.softmax"),
    "hidden": ("ch91_base", (HIDES, "getattr(torch, NAME)(x, 0)"), 40, "torch.softmax"),
    "in_a_thread": (
        "ch91_base",
        (
            HIDES + "from concurrent.futures import ThreadPoolExecutor as Pool\n",
            "Pool(1).submit(lambda: getattr(torch, NAME)(x, 0)).result()",
        ),
        40,
        "torch.softmax",
    ),
    "method": ("ch91_base", ("", "x.softmax(0)"), 40, "torch.Tensor.softmax"),
    "aten": (
        "ch91_base",
        (HIDES, "getattr(torch.ops.aten, '_' + NAME)(x, 0, False)"),
        40,
        "aten._softmax",
    ),
    "module": (
        "ch91_base",
        (HIDES, "getattr(torch.nn, NAME.title())(0)(x)"),
        40,
        "functional.softmax",
    ),
    "by_the_needed_chapter": ("ch92_more", ADAPTERS["ch92_more"], 100, ""),
    "by_itself": (
        "ch92_more",
        ADAPTERS["ch92_more"].replace("base.double(base.double(x))", "x * 4"),
        40,
        "torch.Tensor.mul",
    ),
}


def source_of(name: str) -> tuple[str, str]:
    chapter, text, _, _ = CALLS[name]
    if isinstance(text, tuple):
        top, call = text
        text = top + ADAPTERS[chapter].replace("return 2 * x", f"return 0 * {call} + 2 * x")
    return chapter, text


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("class")
    for name in CALLS:
        chapter, text = source_of(name)
        path = folder / name / "assignments" / chapter / "adapters.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return folder


@pytest.fixture(scope="module")
def strict_kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy kit, where softmax is not to be called, and in the second chapter no product."""
    root = tmp_path_factory.mktemp("strict") / "kit"
    for folder in (root.parent, root.parent.parent):
        folder.chmod(0o755)
    kit = make_kit(root)
    for name, forbid in (("ch91_base", "torch.softmax"), ("ch92_more", "torch.mul")):
        path = kit / "assignments" / name / "chapter.toml"
        path.write_text(
            path.read_text().replace("points = 60", f'points = 60\nforbid = ["{forbid}"]')
        )
    return kit


def complaint(name: str) -> str:
    """What a student is told: the line, the function, and what the problem asks for."""
    chapter, text = source_of(name)
    function = CALLS[name][3]
    lines = text.splitlines()
    line = next(n for n, row in enumerate(lines, 1) if "0 * " in row or "x * 4" in row)
    problem = "double" if chapter == "ch91_base" else "quadruple"
    return rf"adapters\.py:{line} calls \S*{re.escape(function)}; problem {problem} asks you to build it"


@pytest.fixture(scope="module")
def graded(strict_kit, class_folder, tmp_path_factory) -> dict[str, dict]:
    out = tmp_path_factory.mktemp("out")
    done = run_grade(strict_kit, class_folder, "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    return {p.stem: json.loads(p.read_text()) for p in (out / "results").iterdir()}


@pytest.mark.parametrize("name", CALLS)
def test_a_forbidden_call_costs_its_problem_and_is_named_in_the_grader(graded, name):
    _, _, points, function = CALLS[name]
    text = "\n".join(test["output"] for test in graded[name]["tests"])
    assert graded[name]["score"] == points, text
    assert bool(function) == ("forbidden:" in text)
    assert not function or re.search(complaint(name), text), text


@pytest.mark.parametrize(
    "name", ["honest", "direct", "hidden", "by_the_needed_chapter", "by_itself"]
)
def test_a_forbidden_call_is_named_at_home(strict_kit, class_folder, name):
    chapter, function = CALLS[name][0], CALLS[name][3]
    done = run_pytest(strict_kit, f"tests/{chapter}", "--impl", class_folder / name)
    assert (done.returncode == 0) is not bool(function), done.stdout
    assert not function or re.search(complaint(name), " ".join(done.stdout.split())), done.stdout
