"""chapter.toml, and what every chapter in this repository must have."""

import ast
import re
import sys

import pytest

from kit.chapters import (
    FIELDS,
    Problem,
    chapter,
    chapter_names,
    parse_chapter,
    repository,
    transitive_needs,
)
from kit.contract import read_contract
from kit.tables import BEGIN, END, readme_with_table

GOOD = 'title = "T"\n[problems.a]\npoints = 60\n[problems.b]\npoints = 40\n'
FILES = (
    *("assignments/{}/README.md", "assignments/{}/adapters.py", "assignments/{}/chapter.toml"),
    *("solutions/{}/adapters.py", "tests/{}/test_public.py", "tests/{}/test_hidden.py"),
    *("tests/{}/bugs.py", "tests/{}/twins.py", "tests/{}/fingerprints.json"),
)
HEADINGS = ["Idea", "Build", "Contract", "Check", "Go further"]
ALLOWED = {"torch", "numpy", "einops"} | sys.stdlib_module_names


def test_a_problem_has_sensible_defaults():
    parsed = parse_chapter("ch02_x", GOOD + 'adapters = ["f", "g"]\nseconds = 1\n')
    a, b = parsed.problems
    assert a == Problem("a", 60, ("a",)) and (b.adapters, b.seconds) == (("f", "g"), 1)
    assert parsed.title == "T" and parsed.needs == () and parsed.number == 2
    assert parsed.problem("b") is b
    with pytest.raises(KeyError, match="ch02_x has no problem 'c'; choose from a, b"):
        parsed.problem("c")


def test_every_field_of_a_problem_is_checked():
    assert FIELDS.keys() == Problem.__dataclass_fields__.keys() - {"name"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = ", "ch02_x/chapter.toml: Invalid value"),
        (GOOD.replace('title = "T"\n', ""), "title=None; wanted a text"),
        (GOOD.replace('"T"', "3"), "title=3; wanted a text"),
        ("colour = 1\n" + GOOD, "unknown key 'colour'"),
        ('needs = "ch01_one"\n' + GOOD, "needs='ch01_one'; wanted a list"),
        ('needs = ["one"]\n' + GOOD, "needs ['one']; wanted earlier chapters"),
        ('needs = ["ch02_x"]\n' + GOOD, "needs ['ch02_x']; wanted earlier chapters"),
        ('needs = ["ch03_y"]\n' + GOOD, "needs ['ch03_y']; wanted earlier chapters"),
        ('title = "T"\nproblems = 3', "problems = 3; wanted a table"),
        ('title = "T"\n[problems]\na = 3', "problem a: wanted a table [problems.a]"),
        ('title = "T"', "the points sum to 0, wanted 100"),
        (GOOD.replace("40", "41"), "the points sum to 101, wanted 100"),
        (GOOD.replace("points = 40", "seconds = 1"), "problem b: no points"),
        (GOOD.replace("40", '"40"'), "problem b: points = '40'; wanted a whole number"),
        (GOOD.replace("40", "40.0"), "problem b: points = 40.0; wanted a whole number"),
        (GOOD.replace("40", "-40"), "problem b: points = -40; wanted a whole number"),
        (GOOD + "adapters = []", "problem b: adapters = []; wanted a list of functions"),
        (GOOD + 'adapters = "f"', "problem b: adapters = 'f'; wanted a list of functions"),
        (GOOD + "seconds = 0", "problem b: seconds = 0; wanted CPU seconds"),
        (GOOD + "seconds = inf", "problem b: seconds = inf; wanted CPU seconds"),
        (GOOD + "memory_mb = true", "problem b: memory_mb = True; wanted a whole number"),
        (GOOD + "partial = 1", "problem b: partial = 1; wanted true or false"),
        (GOOD + 'net = "any"', "problem b: net = 'any'; wanted 'none' or 'loopback'"),
        (GOOD + "forbid = [1]", "problem b: forbid = [1]; wanted a list of dotted names"),
        (GOOD + "second = 3", "problem b: unknown ['second']; choose from ['adapters', "),
    ],
)
def test_every_mistake_in_a_chapter_toml_is_named(text, says):
    with pytest.raises(ValueError) as error:
        parse_chapter("ch02_x", text)
    assert str(error.value).startswith("ch02_x/chapter.toml: ") and says in str(error.value)


def test_all_mistakes_are_named_at_once():
    with pytest.raises(ValueError) as error:
        parse_chapter("ch02_x", "a = 1\n[problems.p]\nseconds = -1\nx = 1\n[problems.q]\npoints=0")
    for part in ("'a'", "title", "p: seconds", "p: unknown ['x']", "p: no points", "q: points = 0"):
        assert part in str(error.value)


def test_chapters_are_found_by_their_folders(tmp_path):
    for name, needs in [("ch02_b", '"ch01_a"'), ("ch01_a", ""), ("ch03_c", '"ch02_b"')]:
        (tmp_path / "assignments" / name).mkdir(parents=True)
        text = f"needs = [{needs}]\n{GOOD}"
        (tmp_path / "assignments" / name / "chapter.toml").write_text(text)
    (tmp_path / "assignments" / "ch04_empty").mkdir()
    assert chapter_names(tmp_path) == ["ch01_a", "ch02_b", "ch03_c"]
    assert transitive_needs("ch03_c", tmp_path) == ["ch01_a", "ch02_b"]
    for name in ("ch04_empty", "../ch01_a", "ch1_a", "ch01_A", ""):
        with pytest.raises(KeyError, match="choose from ch01_a, ch02_b, ch03_c"):
            chapter(name, tmp_path)


# ---- this repository


@pytest.mark.parametrize("name", chapter_names())
class TestEveryChapter:
    def test_has_all_its_files(self, name):
        missing = [f.format(name) for f in FILES if not (repository() / f.format(name)).is_file()]
        assert not missing

    def test_has_every_adapter_of_the_reference_in_a_problem(self, name):
        contract = read_contract(repository() / "solutions" / name / "adapters.py")
        listed = {a for problem in chapter(name).problems for a in problem.adapters}
        assert listed == set(contract), "problems and adapters.py do not agree"

    def test_needs_chapters_that_there_are(self, name):
        assert set(chapter(name).needs) <= set(chapter_names())

    def test_lists_its_problems_and_points_in_the_handout_in_order(self, name):
        handout = (repository() / "assignments" / name / "README.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", handout, re.MULTILINE)
        assert rows == [(p.name, str(p.points)) for p in chapter(name).problems]

    def test_has_the_five_headings_in_the_handout(self, name):
        handout = (repository() / "assignments" / name / "README.md").read_text(encoding="utf-8")
        assert re.findall(r"^## (.+)$", handout, re.MULTILINE) == HEADINGS
        assert f"pytest tests/{name}" in handout, "the handout gives the command"

    def test_has_tests_of_every_problem_in_public_and_known_problems_only(self, name):
        for file in ("test_public.py", "test_hidden.py"):
            text = (repository() / "tests" / name / file).read_text(encoding="utf-8")
            marked = set(re.findall(r"@pytest\.mark\.problem\(\"(\w+)\"\)", text))
            assert marked <= {p.name for p in chapter(name).problems}
            assert file == "test_hidden.py" or len(marked) == len(chapter(name).problems)

    def test_has_drivers_that_import_only_what_a_sandbox_has(self, name):
        for path in (repository() / "tests" / name).glob("drivers_*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                for module in imported(node):
                    ok = module.split(".")[0] in ALLOWED or f"{module}.".startswith("kit.given.")
                    assert ok, f"{path.name}:{node.lineno} imports {module}"


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        inside = f"{node.module}." if node.module == "kit" else ""
        names = [inside + alias.name for alias in node.names] if inside else [str(node.module)]
        return ["." * node.level + name for name in names]
    return []


def test_the_readmes_table_of_chapters_is_up_to_date():
    readme = (repository() / "README.md").read_text(encoding="utf-8")
    assert readme_with_table(readme) == readme, "run `grade.py table`"


def test_a_readme_has_one_place_for_the_table():
    filled = readme_with_table(f"# A\n{BEGIN}\nold\n{END}\n# B\n")
    assert filled.startswith(f"# A\n{BEGIN}\n| chapter |") and filled.endswith(f"|\n{END}\n# B\n")
    assert readme_with_table(filled) == filled and "old" not in filled
    for readme in ("# A", filled + filled):
        with pytest.raises(ValueError, match="places for the table; wanted one"):
            readme_with_table(readme)
