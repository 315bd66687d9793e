"""The Gradescope autograder: what is in the zip, and what it makes of uploads in a container."""

import json
import os
import shutil
import stat
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.in_container import fault_report, settings
from tests.kit import container
from tests.kit.toy import ADAPTERS, run_grade

BASE, MORE = ADAPTERS["ch91_base"], ADAPTERS["ch92_more"]
HOSTILE = """
import os, signal
SECRETS = ["{root}/source/tests/ch91_base/test_hidden.py", "{root}/source/course.key",
           "{root}/source/solutions/ch91_base/adapters.py", "{root}/submission_metadata.json"]
stolen = []
for path in SECRETS:
    try:
        stolen.append(open(path).read())
    except OSError:
        pass
for path in ("{root}/results/results.json", "{root}/results/results.tmp"):
    try:
        open(path, "w").write('{{"score": 100}}')
    except OSError:
        pass
for pid in range(os.getppid() - 200, os.getppid() + 1):
    if pid > 1:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
open("/dev/shm/storyteller-left-behind", "w").close()
raise RuntimeError("stolen: " + repr(stolen))
"""
LOCKED = BASE.replace("    return 2 * x", "    with Lock():\n        return 2 * x").replace(
    "from torch", "from multiprocessing import Lock\n\nfrom torch"
)


def make(kit: Path, folder: Path, *chapters: str) -> Path:
    target = folder / "autograder.zip"
    options = [word for name in chapters for word in ("--chapter", name)]
    environment = {"STORYTELLER_COURSE_KEY": ""}
    done = run_grade(kit, "autograder", target, *options, **environment)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def archive(toy_kit, tmp_path_factory) -> Path:
    return make(toy_kit, tmp_path_factory.mktemp("zip"), "ch91_base")


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that all users may enter, unlike pytest's own: students' processes have another."""
    folder = Path(tempfile.mkdtemp(prefix="storyteller-autograder-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def image(toy_kit, open_folder) -> Path:
    """A container that grades both toy chapters."""
    archive = make(toy_kit, open_folder, "ch91_base", "ch92_more")
    return container.unpack(archive, open_folder / "both")


@pytest.fixture(scope="module")
def small_image(archive, open_folder) -> Path:
    """A container that grades one chapter."""
    return container.unpack(archive, open_folder / "one")


def verdicts(report: dict) -> dict[str, float]:
    return {test["name"]: test["score"] for test in report["tests"]}


def test_the_zip_holds_what_grading_takes(archive):
    names = container.names_in(archive)
    assert {"setup.sh", "run_autograder", "settings", "course.key", "README.md"} <= names
    assert {"tests/ch91_base/test_hidden.py", "solutions/ch91_base/adapters.py"} <= names
    assert "kit/in_container.py" in names and "kit/sandbox/entry.py" in names
    assert not [name for name in names if "bugs" in name or "twins" in name or "pycache" in name]
    assert not [name for name in names if name.startswith(("tests/ch92", "solutions/ch92"))]
    assert "assignments/ch92_more/chapter.toml" in names, "its name is no misspelling"


def test_what_a_chapter_needs_comes_along(toy_kit, tmp_path):
    names = container.names_in(make(toy_kit, tmp_path, "ch92_more"))
    assert "solutions/ch91_base/adapters.py" in names
    assert "tests/ch91_base/test_hidden.py" not in names, "a secret that grading does not take"


def test_only_its_owner_may_read_the_secrets(archive):
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert stat.S_IMODE(archive.with_suffix(".key").stat().st_mode) == 0o600
    with zipfile.ZipFile(archive) as opened:
        modes = {i.filename: stat.S_IMODE(i.external_attr >> 16) for i in opened.infolist()}
    assert modes["course.key"] == 0o600
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755


def test_the_same_input_gives_the_same_bytes(toy_kit, tmp_path):
    first = make(toy_kit, tmp_path, "ch91_base").read_bytes()
    (toy_kit / "tests" / "ch91_base" / "test_hidden.py").touch()
    assert make(toy_kit, tmp_path, "ch91_base").read_bytes() == first


def test_a_key_is_made_once_and_told(toy_kit, tmp_path):
    target = tmp_path / "a.zip"
    done = run_grade(
        toy_kit, "autograder", target, "--chapter", "ch91_base", STORYTELLER_COURSE_KEY=""
    )
    key = tmp_path / "a.key"
    assert "made a course key" in done.stdout and len(key.read_bytes()) >= 32
    with zipfile.ZipFile(target) as opened:
        assert opened.read("course.key") == key.read_bytes()
    own = tmp_path / "own.key"
    own.write_text("0123456789abcdef0123")
    variables = {"STORYTELLER_COURSE_KEY": str(own)}
    done = run_grade(toy_kit, "autograder", target, "--chapter", "ch91_base", **variables)
    assert "made a course key" not in done.stdout
    with zipfile.ZipFile(target) as opened:
        assert opened.read("course.key") == own.read_bytes()


@pytest.mark.parametrize(
    ("target", "chapter", "why"),
    [("a.tar", "ch91_base", "no .zip"), ("a.zip", "ch93_none", "choose from ch91_base")],
)
def test_mistakes_end_in_one_line(toy_kit, tmp_path, target, chapter, why):
    done = run_grade(toy_kit, "autograder", tmp_path / target, "--chapter", chapter)
    assert done.returncode == 2 and why in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir()), "a mistake leaves nothing behind"


def test_the_scripts_are_bash_and_read_the_settings(archive, tmp_path):
    root = container.unpack(archive, tmp_path / "autograder")
    for script in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n", root / "source" / script], check=True)
    assert settings(root)["CHAPTERS"] == "ch91_base"
    assert int(settings(root)["LIMIT"]) <= 40 * 60
    pins = (root / "source" / "constraints.txt").read_text().splitlines()
    assert [pin for pin in pins if pin.startswith("torch==")], "torch is not pinned"
    assert not [pin for pin in pins if "+" in pin], "a build is pinned, which PyPI does not have"


def test_a_grader_that_cannot_start_gives_no_score(archive, tmp_path):
    root = container.unpack(archive, tmp_path / "autograder")
    (root / "venv").unlink()
    report, done = container.run(root)
    assert report == fault_report() and done.returncode == 127
    assert "score" not in report and "not a zero" in report["output"]


def test_an_honest_upload_earns_everything(image):
    container.hand_in(
        image,
        {
            "assignments/ch91_base/adapters.py": LOCKED,  # locks are files in /dev/shm
            "assignments/ch92_more/adapters.py": MORE,
            "assignments/ch92_more/notes.txt": "mine",
        },
    )
    report, done = container.run(image)
    assert done.returncode == 0, done.stdout + done.stderr
    assert report["score"] == 200 and {t["status"] for t in report["tests"]} == {"passed"}
    assert report["extra_data"]["sandbox"] in ("landlock", "uid")
    assert report["stdout_visibility"] == "hidden"
    passed_on = {"id": 4711, "created_at": container.METADATA["created_at"]}
    dates = {"due_date": "2026-07-31T23:00:00-07:00", "late_due_date": None}
    assert report["extra_data"]["gradescope"] == passed_on | dates
    assert "ada" not in json.dumps(report).lower(), "no names"


@pytest.mark.parametrize("landlock", [True, False], ids=["landlock", "uid"])
def test_a_hostile_upload_gets_nothing(image, landlock):
    attack = HOSTILE.format(root=image)
    container.hand_in(image, {"ch91_base/adapters.py": attack, "ch92_more/adapters.py": MORE})
    report, done = container.run(image, landlock)
    assert done.returncode == 0, done.stdout + done.stderr
    assert report["extra_data"]["sandbox"] == ("landlock" if landlock else "uid")
    scores = verdicts(report)
    assert scores["ch91_base: double"] == 0 and scores["ch92_more: quadruple"] == 60
    text = json.dumps(report)
    assert "stolen: []" in text, "the attack was not run, or something was stolen"
    assert not Path("/dev/shm/storyteller-left-behind").exists(), "shared memory was not freed"
    for secret in ("hidden-test-source-marker", "Ada", "def double"):
        assert secret not in text
    assert (image / "source" / "course.key").read_text().strip() not in text


@pytest.mark.slow
def test_layouts_that_students_upload(small_image):
    helper = "def twice(x):\n    return 2 * x\n"
    importing = BASE.replace("return 2 * x", "return helper.twice(x)").replace(
        "from jaxtyping", "import helper\nfrom jaxtyping"
    )
    for files in (
        {"adapters.py": BASE},
        {"adapters.py": importing, "helper.py": helper},
        {"ch91_base/adapters.py": BASE},
        {"my kit/assignments/ch91_base/adapters.py": BASE, "my kit/tests/x.py": "", "b/c.py": ""},
        {"assignments/ch91_base/adapters.py": BASE, "assignments/ch92_more/adapters.py": MORE},
        {"a/ch91_base/adapters.py": BASE, "notes/essay.txt": "two folders are still one upload"},
    ):
        container.hand_in(small_image, files)
        report, _ = container.run(small_image)
        assert report.get("score") == 100, f"{files.keys()}: {report['output']}"
    container.hand_in(small_image, {"ch91_base/adapters.py": BASE})
    folder = small_image / "submission"
    subprocess.run(["tar", "-C", folder, "-czf", folder / "work.tgz", "ch91_base"], check=True)
    shutil.rmtree(folder / "ch91_base")
    report, _ = container.run(small_image)
    assert report["score"] == 100, "an archive that Gradescope does not unpack"


@pytest.mark.slow
def test_stubs_wrong_and_empty_uploads(image, toy_kit):
    stub = (toy_kit / "assignments" / "ch91_base" / "adapters.py").read_text()
    container.hand_in(image, {"ch91_base/adapters.py": stub})
    report, _ = container.run(image)
    assert report["score"] == 0 and "todo" in report["tests"][0]["output"]
    assert "ch92_more is not in this upload" in report["output"]
    assert sum(test["max_score"] for test in report["tests"]) == 200, "every upload has one total"

    wrong = BASE.replace("return 2 * x", "return 3 * x")
    container.hand_in(image, {"ch91_base/adapters.py": wrong, "ch92_more/adapters.py": MORE})
    report, _ = container.run(image)
    assert report["score"] == 140 and verdicts(report)["ch91_base: double"] == 0
    assert "x was not doubled" in report["tests"][0]["output"]

    for files in ({}, {"essay.txt": "I have done it in my head"}):
        container.hand_in(image, files)
        report, done = container.run(image)
        assert done.returncode == 0 and report["score"] == 0, done.stdout + done.stderr
        assert "no chapter found" in report["output"] and len(report["tests"]) == 4


@pytest.mark.slow
def test_a_fault_of_the_grader_is_no_zero(archive, tmp_path):
    root = container.unpack(archive, tmp_path / "autograder")
    container.hand_in(root, {"adapters.py": BASE})
    hidden = root / "source" / "tests" / "ch91_base" / "test_hidden.py"
    text = hidden.read_text()
    hidden.write_text(text.replace("x + x", "x + x + 1"))  # the reference fails here
    report, done = container.run(root)
    assert done.returncode == 1 and "score" not in report
    assert not any("score" in test for test in report["tests"])
    assert report["output"].startswith(fault_report()["output"])
    (root / "source" / "course.key").write_text("short")
    report, done = container.run(root)
    assert report == fault_report() and "needs at least 16" in done.stderr
    assert done.returncode == 1


@pytest.mark.slow
def test_a_grader_that_takes_too_long_gives_no_score(archive, tmp_path):
    root = container.unpack(archive, tmp_path / "autograder")
    path = root / "source" / "settings"
    path.write_text(path.read_text().replace("LIMIT=", "LIMIT=1 #"))
    container.hand_in(root, {"adapters.py": BASE})
    report, done = container.run(root)
    assert report == fault_report() and "the limit of 1 s" in done.stdout
    assert done.returncode == 124


@pytest.mark.slow
def test_the_build_proves_the_reference(archive, tmp_path):
    root = container.unpack(archive, tmp_path / "autograder")
    command = [root / "venv/bin/python", "-m", "kit.in_container", root, "--prove"]
    variables = {"PATH": os.environ["PATH"]}

    def prove() -> subprocess.CompletedProcess:
        return subprocess.run(
            command, cwd=root / "source", env=variables, capture_output=True, text=True
        )

    done = prove()
    assert done.returncode == 0 and "ch91_base: 100 of 100" in done.stdout, done.stderr
    path = root / "source" / "solutions" / "ch91_base" / "adapters.py"
    path.write_text(path.read_text().replace("return 2 * x", "return 3 * x"))
    done = prove()
    assert done.returncode == 1 and "ch91_base: 40 of 100" in done.stdout, done.stderr
