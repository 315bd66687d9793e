"""Grading on a real Slurm, all of it on this machine; what goes wrong there goes wrong here."""

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kit.chapters import repository
from tests.kit.toy import ADAPTERS, run_grade

pytestmark = pytest.mark.slurm

HONEST = ADAPTERS["ch91_base"]
SLOW = HONEST.replace("    return 2 * x", "    time.sleep(0.5); return 2 * x")
SLOW = "import time\n" + SLOW
SECONDS = 90.0


def write(folder: Path, name: str, source: str) -> None:
    chapter = folder / name / "assignments" / "ch91_base"
    chapter.mkdir(parents=True)
    (chapter / "adapters.py").write_text(source)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def slow_class(tmp_path: Path) -> Path:
    """Four submissions that take two seconds each."""
    for number in range(4):
        write(tmp_path / "class", f"s{number}", SLOW + f"# {number}\n")  # equal files go once
    return tmp_path / "class"


class Run:
    """grade.py on the cluster, watched while it works."""

    def __init__(self, kit: Path, submissions: Path, out: Path, *arguments: str):
        command = [sys.executable, str(repository() / "grade.py"), submissions, "--out", out]
        command += ["--executor", "slurm", "--jobs", "2", *arguments]
        self.out = out
        self.process = subprocess.Popen(
            list(map(str, command)),
            env=os.environ | {"STORYTELLER_ROOT": str(kit)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def journal(self, query: str) -> list[tuple]:
        with closing(sqlite3.connect(f"file:{self.out}/journal.sqlite?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()

    def has_begun(self) -> "Run":
        """Wait for the first result, while most of the class is still to be graded."""
        wait((self.out / "cluster" / "shards" / "0").exists, "a first task")
        wait(lambda: self.journal("SELECT * FROM verdicts"), "a first result")
        return self

    def end(self) -> tuple[int, str]:
        stdout, stderr = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, stdout + stderr

    def book(self) -> dict[str, dict[str, str]]:
        with open(self.out / "gradebook.csv", newline="") as file:
            return {row["submission"]: row for row in csv.DictReader(file)}


def wait(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"waited {SECONDS:g} s in vain for {what}"
        time.sleep(0.1)


def squeue(state: str, what: str) -> list[str]:
    command = ["squeue", "--noheader", "--array", f"--states={state}", f"--format={what}"]
    return subprocess.check_output(command, text=True).split()


def all_complete(run: Run) -> str:
    """What the run has told, once it ended well for everyone."""
    code, told = run.end()
    assert code == 0, told
    assert {row["ch91_base"] for row in run.book().values()} == {"100"}, told
    assert len(run.book()) == 4
    return told


def without_times(folder: Path) -> dict[str, object]:
    results = {path.name: json.loads(path.read_text()) for path in folder.glob("results/*.json")}
    for result in results.values():
        del result["execution_time"]
    return results | {"gradebook": (folder / "gradebook.csv").read_bytes()}


def test_results_are_those_of_the_local_engine(slurm, toy_kit, tmp_path, out):
    local, key = tmp_path / "local", tmp_path / "course.key"
    key.write_text("a course key for this test")
    hostile = f"""
import os, pathlib, sys
def attack():
    shared = pathlib.Path({str(out / "cluster")!r})
    try: return (shared / "results" / "forged.json").write_text("forged")
    except OSError: pass
    try: return list(shared.glob("*/*"))[0].read_bytes()
    except (OSError, IndexError): pass
    return pathlib.Path({str(key)!r}).read_text()
"""
    write(tmp_path / "class", "honest", HONEST)
    write(tmp_path / "class", "wrong", HONEST.replace("2 * x", "3 * x"))
    write(tmp_path / "class", "exits", HONEST.replace("return 2 * x", "import os; os._exit(0)"))
    write(tmp_path / "class", "todo", HONEST.replace("return 2 * x", "raise NotImplementedError"))
    attacker = hostile + HONEST.replace("return 2 * x", "return 2 * x if attack() else x")
    write(tmp_path / "class", "attacks", attacker)
    (tmp_path / "class" / "broken.zip").write_bytes(b"PK\x03\x04 not a zip")
    variables = {"STORYTELLER_COURSE_KEY": str(key)}
    done = run_grade(toy_kit, tmp_path / "class", "--out", local, "--jobs", 2, **variables)
    assert done.returncode == 0, done.stderr
    arguments = ("--executor", "slurm", "--jobs", 2, "--require-sandbox", "landlock")
    done = run_grade(toy_kit, tmp_path / "class", "--out", out, *arguments, **variables)
    assert done.returncode == 0, done.stderr
    here, there = without_times(local), without_times(out)
    assert here == there
    assert there["honest.json"]["score"] == 100 and there["honest.json"]["extra_data"]["sandbox"]
    assert there["attacks.json"]["score"] == 40, "an attack on the node has succeeded"
    assert not (out / "cluster").exists(), "something was lost, refused or forged"


def test_a_lost_node_and_a_forged_result_cost_nobody_a_point(slurm, toy_kit, slow_class, out):
    run = Run(toy_kit, slow_class, out).has_begun()
    last = json.loads((out / "cluster" / "shards" / "0").read_text())["works"][-1]
    forged = {"key": last["key"], "rung": "namespaces", "node": "n1", "problem": "", "tests": {}}
    (out / "cluster" / "results" / f"{last['key']}.json").write_text(json.dumps(forged))
    node = squeue("running", "%N")[0]
    subprocess.run([slurm, "kill-node", node], check=True)
    try:
        told = all_complete(run)
        assert "NODE_FAIL" in told and "its result was refused" in told
    finally:
        subprocess.run([slurm, "start-node", node], check=True)


def test_preempted_tasks_are_submitted_again(slurm, toy_kit, slow_class, out):
    """Slurm signals every process of a task; a student whom it kills has not crashed."""
    run = Run(toy_kit, slow_class, out, "--slurm", "partition=low").has_begun()
    command = ["srun", "--partition=high", "--nodes=4", "--exclusive", "true"]
    subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
    assert " has lost " in all_complete(run)


def test_tasks_that_want_more_memory_than_granted_end_as_infra(slurm, toy_kit, tmp_path, out):
    write(tmp_path, "ada", HONEST)
    run = Run(toy_kit, tmp_path / "ada", out, "--slurm", "mem=60M")
    code, told = run.end()
    assert code == 1 and run.book()["ada"]["status"] == "pending", told
    note = run.book()["ada"]["note"]
    assert "lost 4 times" in note and "memory limit" in note


def test_a_stopped_controller_goes_on_where_it_was(slurm, toy_kit, slow_class, out):
    run = Run(toy_kit, slow_class, out).has_begun()
    run.process.kill()
    run.process.wait()
    orphans = set(squeue("running,pending", "%F"))
    assert orphans, "the first run's tasks should still be at work"
    run = Run(toy_kit, slow_class, out)
    wait(lambda: set(squeue("running", "%F")) - orphans, "the second run's tasks")
    assert not orphans & set(squeue("running,pending", "%F"))
    run.process.send_signal(signal.SIGINT)
    code, told = run.end()
    assert code == 130 and "goes on from here" in told
    wait(lambda: not squeue("running,pending,completing", "%A"), "an empty queue")
    told = all_complete(Run(toy_kit, slow_class, out))
    assert ", 0 known from before" not in told
    assert run.journal("SELECT MAX(attempts) FROM verdicts") == [(1,)], "graded twice"


def test_what_slurm_refuses_is_one_clear_line(slurm, toy_kit, tmp_path, out):
    write(tmp_path, "ada", HONEST)
    code, told = Run(toy_kit, tmp_path / "ada", out, "--slurm", "partition=no").end()
    assert code == 2 and "invalid partition" in told.lower(), told
    assert "Traceback" not in told
