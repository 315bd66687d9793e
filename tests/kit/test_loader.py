"""Whose code is tested: chapters come and go in one process and never see each other's files."""

import importlib
import sys
from pathlib import Path

import pytest

from kit.loader import LoadError, find_home, find_source

TOML = 'title = "T"\nneeds = [{}]\n[problems.p]\npoints = 100\n'
NEEDS = {"ch01_one": [], "ch02_two": ["ch01_one"], "ch03_three": ["ch02_two"]}


@pytest.fixture(autouse=True)
def clean_interpreter():
    """Every test starts without the modules of chapters, and leaves none behind."""
    before, path = {name: sys.modules.pop(name) for name in chapter_modules()}, list(sys.path)
    yield
    for name in chapter_modules() | {"late", "odd"}:
        sys.modules.pop(name, None)
    sys.modules.update(before)
    sys.path[:] = path


@pytest.fixture
def root(tmp_path) -> Path:
    """A kit of three chapters, each needing the one before; the reference says who it is."""
    for name, needs in NEEDS.items():
        write(tmp_path, f"assignments/{name}/chapter.toml", TOML.format(str(needs)[1:-1]))
        write(tmp_path, f"assignments/{name}/adapters.py", "def who(): raise NotImplementedError")
        write(tmp_path, f"solutions/{name}/inner.py", f"NAME = 'reference {name}'")
        text = "from . import inner\ndef who(): return inner.NAME"
        write(tmp_path, f"solutions/{name}/adapters.py", text)
    return tmp_path


def write(folder: Path, path: str, text: str) -> None:
    path = folder / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def chapter_modules() -> set[str]:
    return {n for n in sys.modules if n.split(".")[0] in ("assignments", "solutions", "helper")}


IMPORTS = {
    "import as": "import assignments.ch01_one.adapters as one\nwho = lambda: one.who()",
    "from package": "from assignments.ch01_one import adapters\nwho = lambda: adapters.who()",
    "from module": "from assignments.ch01_one.adapters import who",
    "import": "import assignments.ch01_one.adapters\n"
    "who = lambda: assignments.ch01_one.adapters.who()",
    "relative": "from ..ch01_one.adapters import who",
    "when called": "def who():\n from assignments.ch01_one.adapters import who\n return who()",
}


@pytest.mark.parametrize("text", IMPORTS.values(), ids=IMPORTS)
def test_the_reference_stands_behind_an_earlier_chapters_name(root, tmp_path, text):
    write(tmp_path, "ann/ch01_one/adapters.py", "def who(): return 'ann'")
    write(tmp_path, "ann/ch02_two/adapters.py", text)
    own = find_source("ch02_two", str(tmp_path / "ann"), "student", root)
    assert own.open().who() == "ann"
    own.close()
    graded = find_source("ch02_two", str(tmp_path / "ann"), "reference", root)
    assert graded.open().who() == "reference ch01_one"
    copies = {id(m) for name, m in sys.modules.items() if name.endswith(".ch01_one.adapters")}
    assert len(copies) == 1, "the reference was imported twice"
    graded.close()
    assert chapter_modules() == set()


def test_needs_are_transitive_and_what_is_not_needed_is_not_there(root, tmp_path):
    write(tmp_path, "ann/ch03_three/adapters.py", IMPORTS["from module"])
    source = find_source("ch03_three", str(tmp_path / "ann"), "reference", root)
    assert list(source.needs) == ["ch01_one", "ch02_two"]
    assert source.open().who() == "reference ch01_one"
    source.close()
    write(tmp_path, "bob/ch01_one/adapters.py", "import assignments.ch02_two.adapters")
    with pytest.raises(ModuleNotFoundError):
        find_source("ch01_one", str(tmp_path / "bob"), "reference", root).open()


def test_the_chapter_under_test_is_the_one_that_impl_names(root, tmp_path):
    write(tmp_path, "ann/ch01_one/adapters.py", "def who(): return 'ann'")
    for impl, wanted in [("solutions", "reference ch01_one"), (str(tmp_path / "ann"), "ann")]:
        source = find_source("ch01_one", impl, "reference", root)
        assert source.open().who() == wanted
        source.close()
    stub = find_source("ch01_one", "student", "reference", root)
    with pytest.raises(NotImplementedError):
        stub.open().who()
    stub.close()


def test_two_chapters_open_alternately_keep_their_own_helpers(root, tmp_path):
    sources = []
    for name in ("ch01_one", "ch02_two"):
        write(tmp_path, f"ann/{name}/helper.py", f"NAME = '{name}'")
        write(tmp_path, f"ann/{name}/late.py", f"NAME = '{name}, late'")
        text = "import helper\ndef who(): return helper.NAME\n"
        text += "def late():\n import late\n import helper\n return late.NAME, helper.NAME"
        write(tmp_path, f"ann/{name}/adapters.py", text)
        sources.append(find_source(name, str(tmp_path / "ann"), "reference", root))
    opened = []
    for source in sources * 2:
        adapters = source.open()
        assert adapters.who() == source.chapter
        assert adapters.late() == (f"{source.chapter}, late", source.chapter)
        opened.append(adapters)
        source.close()
        assert "late" not in sys.modules and chapter_modules() == set()
    assert opened[0] is opened[2], "a chapter was imported twice, and lost its state"


def test_a_helper_never_stands_in_for_an_installed_module(root, tmp_path):
    write(tmp_path, "ann/ch01_one/json.py", "x = 1")
    write(tmp_path, "ann/ch01_one/colorsys.py", "x = 1")
    write(tmp_path, "ann/ch01_one/adapters.py", "import json, colorsys")
    source = find_source("ch01_one", str(tmp_path / "ann"), "reference", root)
    adapters = source.open()
    assert adapters.json.dumps(1) == "1" and adapters.colorsys.rgb_to_hsv(0, 0, 0)
    source.close()
    assert "json" in sys.modules and str(tmp_path / "ann" / "ch01_one") not in sys.path


@pytest.mark.parametrize(
    "text", ["import helper\n1 / 0", "import helper\nraise SystemExit", "def f(:", "import nowhere"]
)
def test_a_failing_import_leaves_nothing_behind_and_may_be_tried_again(root, tmp_path, text):
    write(tmp_path, "ann/ch02_two/helper.py", "")
    write(tmp_path, "ann/ch02_two/adapters.py", IMPORTS["from module"] + "\n" + text)
    path = list(sys.path)
    source = find_source("ch02_two", str(tmp_path / "ann"), "reference", root)
    for _ in range(2):
        with pytest.raises((ZeroDivisionError, SystemExit, SyntaxError, ImportError)):
            source.open()
        assert chapter_modules() == set() and sys.path == path
    write(
        tmp_path, "ann/ch02_two/adapters.py", "def who(): return 'mended, and longer than before'"
    )
    assert source.open().who().startswith("mended")
    source.close()


def test_modules_that_were_there_before_stay(root, tmp_path):
    write(tmp_path, "ann/ch01_one/adapters.py", "import colorsys, sys\nsys.modules['odd'] = None")
    sys.modules.pop("colorsys", None)
    source = find_source("ch01_one", str(tmp_path / "ann"), "reference", root)
    source.open()
    source.close()
    assert "colorsys" in sys.modules, "a library was taken away with the chapter"
    assert importlib.import_module("colorsys") is sys.modules["colorsys"]


def test_a_submission_may_hold_the_chapter_in_any_of_three_places(tmp_path):
    for folder in ("a", "b/assignments", "c"):
        write(tmp_path, f"{folder}/ch01_one/adapters.py", "")
    homes = [find_home("ch01_one", tmp_path / path) for path in ("a", "b", "c/ch01_one")]
    assert homes == [tmp_path / "a", tmp_path / "b" / "assignments", tmp_path / "c"]


@pytest.mark.parametrize(
    ("impl", "deps", "says"),
    [
        ("solutions", "mine", "--deps 'mine': choose from reference, student"),
        ("{tmp}/nowhere", "reference", "nowhere is no folder; choose from solutions, student or a"),
        ("{tmp}/empty", "reference", "empty holds no ch02_two; it holds nothing"),
        ("{tmp}/ann", "reference", "ann holds no ch02_two; it holds ch01_one, notes.txt"),
        ("{tmp}/bob", "reference", "adapters.py does not exist; see --impl"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(root, tmp_path, impl, deps, says):
    write(tmp_path, "ann/ch01_one/adapters.py", "")
    write(tmp_path, "ann/notes.txt", "")
    write(tmp_path, "bob/ch02_two/other.py", "")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LoadError) as error:
        find_source("ch02_two", impl.format(tmp=tmp_path), deps, root)
    assert says in str(error.value)


def test_a_release_without_the_reference_says_so(root):
    (root / "solutions" / "ch01_one").rename(root / "solutions" / "elsewhere")
    with pytest.raises(LoadError, match="reference of ch01_one is not here; use --deps student"):
        find_source("ch02_two", "student", "reference", root)
    assert find_source("ch02_two", "student", "student", root).needs == {}
    with pytest.raises(KeyError, match="no chapter 'ch09_none'; choose from ch01_one"):
        write(root, "assignments/ch09_none/adapters.py", "")
        find_source("ch09_none", "student", "reference", root)
