"""The journal: what is found again, what is graded anew, and what survives a kill -9."""

import contextlib
import csv
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.chapters import repository
from kit.content import TestKey
from kit.journal import Journal, JournalError
from kit.processes import descendants
from kit.results import Figure, TestResult
from kit.sandbox.plan import FIRST_UID
from tests.kit.toy import ADAPTERS, run_grade

HONEST = ADAPTERS["ch91_base"]
TRIPLE = HONEST.replace("return 2 * x", "return 3 * x")
TESTS = 5  # of ch91_base


@pytest.fixture
def kit(toy_kit: Path, tmp_path: Path) -> Path:
    """A toy kit of one's own, with one chapter."""
    return with_one_chapter(toy_kit, tmp_path / "kit")


def with_one_chapter(toy_kit: Path, root: Path) -> Path:
    shutil.copytree(toy_kit, root)
    for folder in ("assignments", "solutions", "tests"):
        shutil.rmtree(root / folder / "ch92_more")
    return root


def hand_in(folder: Path, name: str, source: str) -> None:
    """Put a submission into a class."""
    chapter = folder / name / "assignments" / "ch91_base"
    chapter.mkdir(parents=True, exist_ok=True)
    (chapter / "adapters.py").write_text(source)


@pytest.fixture
def class_folder(tmp_path: Path) -> Path:
    """Three submissions, no two alike."""
    return class_of_three(tmp_path / "class")


def class_of_three(folder: Path) -> Path:
    for name, source in (("ada", HONEST), ("bob", TRIPLE), ("eve", HONEST)):
        hand_in(folder, name, f"{source}\n\nNAME = {name!r}\n")
    return folder


@pytest.fixture(scope="module")
def graded_once(toy_kit: Path, tmp_path_factory) -> Path:
    """What grading the three left behind; a journal names contents, so it counts for copies too."""
    folder = tmp_path_factory.mktemp("graded")
    kit = with_one_chapter(toy_kit, folder / "kit")
    done = run_grade(kit, class_of_three(folder / "class"), "--out", folder / "out")
    assert judged(done) == (3 * TESTS, 0)
    return folder / "out"


@pytest.fixture
def out(graded_once: Path, tmp_path: Path) -> Path:
    """An output folder in which the class has been graded."""
    return Path(shutil.copytree(graded_once, tmp_path / "out"))


def judged(done: subprocess.CompletedProcess) -> tuple[int, int]:
    """How many tests a run judged, and how many it knew from before."""
    assert done.returncode in (0, 1), done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "tests judged" in line]
    words = line.split()
    return int(words[0]), int(words[3])


def book(out: Path) -> dict[str, str]:
    """Points by submission."""
    with open(out / "gradebook.csv", newline="") as file:
        return {row["submission"]: row["ch91_base"] for row in csv.DictReader(file)}


POINTS = {"ada": "100", "bob": "40", "eve": "100"}


def test_what_has_not_changed_is_not_graded_again(kit, class_folder, out):
    assert book(out) == POINTS
    assert judged(run_grade(kit, class_folder, "--out", out)) == (0, 3 * TESTS)
    assert book(out) == POINTS
    assert judged(run_grade(kit, class_folder, "--out", out, "--fresh")) == (3 * TESTS, 0)
    assert (out / "journal.sqlite.before").is_file(), "the old journal is lost"


def test_a_changed_submission_is_graded_and_no_other(kit, class_folder, out):
    hand_in(class_folder, "bob", HONEST + "\n\nNAME = 'bob, corrected'\n")
    assert judged(run_grade(kit, class_folder, "--out", out)) == (TESTS, 2 * TESTS)
    assert book(out) == POINTS | {"bob": "100"}


def test_equal_submissions_are_graded_once(kit, class_folder, tmp_path):
    for name in ("kim", "leo"):
        hand_in(class_folder, name, TRIPLE)
    done = run_grade(kit, class_folder, "--out", tmp_path / "out")
    assert judged(done) == (4 * TESTS, 0)
    assert book(tmp_path / "out") == POINTS | {"kim": "40", "leo": "40"}


def test_a_changed_test_is_run_again_and_no_other(kit, class_folder, out):
    hidden = kit / "tests" / "ch91_base" / "test_hidden.py"
    text = hidden.read_text()
    assert "torch.randn(5" in text
    hidden.write_text(text.replace("torch.randn(5", "torch.randn(6", 1))
    graded, known = judged(run_grade(kit, class_folder, "--out", out))
    assert (graded, known) == (3, 3 * (TESTS - 1))
    assert book(out) == POINTS


def test_a_new_test_is_run_and_no_other(kit, class_folder, out):
    hidden = kit / "tests" / "ch91_base" / "test_hidden.py"
    more = '''

@pytest.mark.problem("halve")
def test_of_late(student):
    """Half of eight is four."""
    assert student.halve(8.0) == 4.0
'''
    hidden.write_text(hidden.read_text() + more)
    assert judged(run_grade(kit, class_folder, "--out", out)) == (3, 3 * TESTS)


@pytest.mark.parametrize("what", ["limits", "contract", "driver", "reference of a need"])
def test_what_a_verdict_depends_on_counts(kit, toy_kit, class_folder, tmp_path, what, out):
    toml = kit / "assignments" / "ch91_base" / "chapter.toml"
    contract = kit / "solutions" / "ch91_base" / "adapters.py"
    driver = kit / "tests" / "ch91_base" / "drivers_hidden.py"
    if what == "limits":
        toml.write_text(toml.read_text().replace("seconds = 0.5", "seconds = 0.6", 1))
        double = 3
        assert judged(run_grade(kit, class_folder, "--out", out))[0] == 3 * double
    elif what == "contract":
        contract.write_text(contract.read_text().replace("Twice x.", "Two times x."))
        assert judged(run_grade(kit, class_folder, "--out", out))[0] == 3 * TESTS
    elif what == "driver":
        driver.write_text(driver.read_text() + "\n# changed\n")
        assert judged(run_grade(kit, class_folder, "--out", out))[0] == 3 * TESTS
    else:
        own = Path(shutil.copytree(toy_kit, tmp_path / "both"))
        chapter = tmp_path / "more" / "ada" / "assignments" / "ch92_more"
        chapter.mkdir(parents=True)
        (chapter / "adapters.py").write_text(ADAPTERS["ch92_more"])
        arguments = (tmp_path / "more" / "ada", "--chapter", "ch92_more", "--out", tmp_path / "o")
        first, _ = judged(run_grade(own, *arguments))
        assert first > 0 and judged(run_grade(own, *arguments)) == (0, first)
        base = own / "solutions" / "ch91_base" / "adapters.py"
        base.write_text(base.read_text() + "\n# changed\n")
        assert judged(run_grade(own, *arguments)) == (first, 0)


def test_points_are_not_what_a_verdict_depends_on(kit, class_folder, out):
    toml = kit / "assignments" / "ch91_base" / "chapter.toml"
    text = (
        toml.read_text().replace("points = 60", "points = 70").replace("points = 40", "points = 30")
    )
    toml.write_text(text)
    assert judged(run_grade(kit, class_folder, "--out", out)) == (0, 3 * TESTS)
    assert book(out) == POINTS | {"bob": "30"}


def test_another_course_key_draws_hidden_inputs_anew(kit, class_folder, tmp_path, out):
    key = tmp_path / "key"
    key.write_bytes(b"a secret of sixteen bytes or more")
    variables = {"STORYTELLER_COURSE_KEY": str(key)}
    graded, known = judged(run_grade(kit, class_folder, "--out", out, **variables))
    assert graded and known and graded + known == 3 * TESTS, "public tests do not draw from it"


def test_only_grades_whom_it_names_and_keeps_the_others(kit, class_folder, out):
    for name in ("bob", "eve"):
        hand_in(class_folder, name, HONEST + f"\n\nNAME = '{name} again'\n")
    done = run_grade(kit, class_folder, "--out", out, "--only", "bo*")
    assert judged(done) == (TESTS, 0) and "eve" not in done.stdout
    assert book(out) == POINTS | {"bob": "100"}, "the gradebook has lost somebody"


def test_grading_one_chapter_keeps_what_was_graded_of_others(toy_kit, tmp_path):
    for name in ("ch91_base", "ch92_more"):
        chapter = tmp_path / "ada" / "assignments" / name
        chapter.mkdir(parents=True)
        (chapter / "adapters.py").write_text(ADAPTERS[name])
    for name in ("ch91_base", "ch92_more"):
        run_grade(toy_kit, tmp_path / "ada", "--chapter", name, "--out", tmp_path / "out")
    with open(tmp_path / "out" / "gradebook.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["ch91_base"], row["ch92_more"]) == ("100", "100"), "a chapter was forgotten"


def test_fresh_for_some_keeps_the_others(kit, class_folder, out):
    done = run_grade(kit, class_folder, "--out", out, "--only", "bob", "--fresh")
    assert judged(done) == (TESTS, 0)
    assert book(out) == POINTS, "the others were put aside too"


def test_retry_gives_the_named_verdicts_anew(kit, class_folder, out):
    graded, known = judged(run_grade(kit, class_folder, "--out", out, "--retry", "fail"))
    assert 0 < graded < TESTS and graded + known == 3 * TESTS


def test_infra_is_tried_again_until_somebody_must_look(kit, class_folder, tmp_path):
    out, solution = tmp_path / "out", kit / "solutions" / "ch91_base" / "adapters.py"
    own = kit / "solutions" / "ch91_base" / "arithmetic.py"  # the contract stays as it is
    own.write_text("def half(x):\n    return x / 3\n")
    text = "from .arithmetic import half\n" + solution.read_text().replace("x / 2", "half(x)")
    solution.write_text(text)
    counts = [judged(run_grade(kit, class_folder, "--out", out))[0] for _ in range(4)]
    assert counts[0] == 3 * TESTS and counts[1] == counts[2] > 0 and counts[3] == 0, counts
    own.write_text("def half(x):\n    return x / 2\n")
    assert judged(run_grade(kit, class_folder, "--out", out))[0] == 0, "three attempts are enough"
    again = run_grade(kit, class_folder, "--out", out, "--retry", "infra")
    assert judged(again)[0] == counts[1] and again.returncode == 0
    assert book(out) == POINTS


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["--only", "adda"], "near: ada"),
        (["--retry", "slow"], "choose from infra, crash"),
    ],
)
def test_an_operators_slip_is_one_clear_line(kit, class_folder, tmp_path, arguments, complaint):
    done = run_grade(kit, class_folder, "--out", tmp_path / "out", *arguments)
    assert done.returncode == 2 and complaint in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_two_graders_do_not_share_a_journal(tmp_path):
    with Journal(tmp_path), pytest.raises(JournalError, match=f"process {os.getpid()}"):
        Journal(tmp_path).__enter__()
    with Journal(tmp_path):
        pass


def test_a_journal_of_another_version_or_a_damaged_one_is_refused_in_words(tmp_path):
    with Journal(tmp_path) as journal:
        journal.db.execute("PRAGMA user_version = 99")
    with pytest.raises(JournalError, match="another version.*99.*--fresh"):
        Journal(tmp_path).__enter__()
    (tmp_path / "journal.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(JournalError, match="--fresh"):
        Journal(tmp_path).__enter__()


def test_a_verdict_given_anew_brings_its_own_figures(monkeypatch):
    monkeypatch.setattr(Journal, "_key", lambda *_: TestKey("key", "bank"))
    with Journal(None) as journal:
        for figures in [(Figure("speed", 1.5, "s"), Figure("size", 2.0)), (Figure("speed", 2.5),)]:
            test = TestResult("test_a.py::test_x", "double", True, "pass", figures=figures)
            journal.enter("content", None, [test], "uid", "node")
            [(text,)] = journal.db.execute("SELECT figures FROM verdicts").fetchall()
            assert tuple(Figure(**figure) for figure in json.loads(text)) == figures


def test_a_journal_without_figures_is_brought_up_to_date(tmp_path):
    """The first version of the journal had no column for them."""
    verdict = ("c", "test_a.py::test_x", "k", "", "pass", 0.5, "", "[]", "uid", "n", "", 1)
    with Journal(tmp_path) as journal:
        journal.db.execute("ALTER TABLE verdicts DROP COLUMN figures")
        journal.db.execute(f"INSERT INTO verdicts VALUES ({', '.join('?' * 12)})", verdict)
        journal.db.execute("PRAGMA user_version = 1")
        with pytest.raises(JournalError, match="another grader"):
            Journal(tmp_path, reading=True).__enter__()
    for reading in (True, False):
        with Journal(tmp_path, reading) as journal:
            assert journal.db.execute("SELECT * FROM verdicts").fetchall() == [(*verdict, "[]")]


def test_a_full_disk_is_told_and_loses_nothing(kit, class_folder, tmp_path):
    """A journal that may not grow is what a full disk looks like to SQLite."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("cannot mount a small file system here")
    try:
        assert judged(run_grade(kit, class_folder, "--out", disk, "--only", "ada"))[0] == TESTS
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 1024)
            except OSError:
                pass
        done = run_grade(kit, class_folder, "--out", disk)
        assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
        assert str(disk) in done.stderr and ("full" in done.stderr or "space" in done.stderr)
        filler.unlink()
        assert judged(run_grade(kit, class_folder, "--out", disk))[1] >= TESTS
        assert book(disk) == POINTS
    finally:
        subprocess.run(["umount", disk], check=True)


def verdicts(out: Path) -> dict[tuple, tuple]:
    """What the journal holds: when each verdict was given, and how often."""
    path = out / "journal.sqlite"
    if not path.is_file():
        return {}
    db = sqlite3.connect(path)
    try:
        query = "SELECT content, test, key, verdict, graded, attempts FROM verdicts"
        return {row[:3]: row[3:] for row in db.execute(query)}
    except sqlite3.OperationalError:  # killed before it was set up
        return {}
    finally:
        db.close()


def start(kit: Path, *arguments: object) -> subprocess.Popen:
    """Start grade.py and do not wait for it."""
    command = [sys.executable, str(repository() / "grade.py"), *map(str, arguments)]
    variables = os.environ | {"STORYTELLER_ROOT": str(kit)}
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env=variables, stdout=quiet, stderr=quiet)


def kill_at_random(kit: Path, class_folder: Path, out: Path, moments: int, longest: float) -> None:
    """Kill graders one after the other; no verdict that was given may be lost or given again."""
    chance = random.Random(0)
    before: dict[tuple, tuple] = {}
    for _ in range(moments):
        grader = start(kit, class_folder, "--out", out, "--jobs", 2)
        time.sleep(chance.uniform(0.0, longest))
        grader.send_signal(signal.SIGKILL)
        grader.wait()
        after = verdicts(out)
        assert {key: after.get(key) for key in before} == before, "a verdict was lost or given anew"
        before = after


def leftovers() -> list[str]:
    """Processes of graders that are gone: zygotes, judges and students."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                words = Path(f"/proc/{name}/cmdline").read_bytes()
                parent = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if b"kit.zygote" in words and parent == 1:
                found.append(name)
    return found


def many(folder: Path, count: int) -> None:
    """A class, no two alike."""
    for number in range(count):
        source = TRIPLE if number % 3 == 0 else HONEST
        hand_in(folder, f"s{number:02}", f"{source}\n\nNUMBER = {number}\n")


def finish(kit: Path, folder: Path, out: Path, count: int) -> None:
    """Grade to the end, and find every verdict given once."""
    done = run_grade(kit, folder, "--out", out)
    assert done.returncode == 0, done.stderr
    points = {f"s{n:02}": "40" if n % 3 == 0 else "100" for n in range(count)}
    assert book(out) == points
    rows = verdicts(out).values()
    assert len(rows) == count * TESTS and {attempts for _, _, attempts in rows} == {1}
    deadline = time.monotonic() + 10
    while leftovers() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not leftovers(), "processes of a killed grader live on"


def test_a_killed_grader_loses_nothing(kit, tmp_path):
    many(tmp_path / "class", 8)
    kill_at_random(kit, tmp_path / "class", tmp_path / "out", moments=3, longest=8.0)
    finish(kit, tmp_path / "class", tmp_path / "out", 8)


@pytest.mark.slow
def test_a_grader_killed_at_twenty_moments_loses_nothing(kit, tmp_path):
    many(tmp_path / "class", 40)
    kill_at_random(kit, tmp_path / "class", tmp_path / "out", moments=20, longest=9.0)
    finish(kit, tmp_path / "class", tmp_path / "out", 40)


def test_killed_judges_and_students_cost_no_points(kit, tmp_path):
    """Whoever is killed, whenever: the verdicts are those of an undisturbed run."""
    many(tmp_path / "class", 12)
    out, chance, killed = tmp_path / "out", random.Random(1), 0
    grader = start(kit, tmp_path / "class", "--out", out, "--jobs", 2)
    while grader.poll() is None:
        time.sleep(chance.uniform(0.05, 0.4))
        family = descendants(grader.pid)[1:]  # the zygote comes first
        if family and killed < 12:
            os.kill(chance.choice(family), signal.SIGKILL)
            killed += 1
    assert killed > 2, "it ended before anything could be killed"
    run_grade(kit, tmp_path / "class", "--out", out)
    done = run_grade(kit, tmp_path / "class", "--out", out)
    assert done.returncode == 0, done.stdout
    assert book(out) == {f"s{n:02}": "40" if n % 3 == 0 else "100" for n in range(12)}


@pytest.mark.skipif(os.getuid() != 0, reason="takes root, whose students are users of their own")
def test_a_student_killed_in_a_call_from_outside_is_called_again(kit, tmp_path):
    """The kernel and people kill too; only who is killed twice has done it."""
    slow = HONEST.replace("    return 2 * x", "    import time; time.sleep(0.4)\n    return 2 * x")
    hand_in(tmp_path / "class", "ada", slow)
    grader = start(kit, tmp_path / "class" / "ada", "--out", tmp_path / "out", "--jobs", 1)
    killed = False
    while grader.poll() is None and not killed:
        time.sleep(0.02)
        for pid in descendants(grader.pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                asleep = Path(f"/proc/{pid}/wchan").read_text() == "hrtimer_nanosleep"
                if Path(f"/proc/{pid}").stat().st_uid >= FIRST_UID and asleep:
                    os.kill(pid, signal.SIGKILL)
                    killed = True
    assert killed and grader.wait(120) == 0
    assert book(tmp_path / "out") == {"ada": "100"}
