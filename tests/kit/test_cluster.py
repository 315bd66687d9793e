"""The controller of a cluster: tasks of fakes, run as processes of this machine by submitit."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from kit import cluster
from kit.chapters import chapter, repository
from kit.cluster import Cluster, need_slurm, slurm_parameters
from kit.content import digest, engine, tree
from kit.exchange import Shard
from kit.grading import GraderError
from kit.works import Graded, Work
from tests.kit.fake_shard import BLANKS
from tests.kit.toy import run_grade


@pytest.fixture
def say() -> list[str]:
    """What the operator has been told."""
    return []


@pytest.fixture
def grade(toy_kit, tmp_path, monkeypatch, say):
    """Grade a class of fakes, each told what to do; submission -> what has become of it."""
    monkeypatch.setenv("STORYTELLER_ROOT", str(toy_kit))
    monkeypatch.setattr(cluster, "TASK", [sys.executable, "-m", "tests.kit.fake_shard"])
    monkeypatch.setattr(cluster, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(cluster, "STATE_SECONDS", 0.2)
    monkeypatch.setattr(cluster, "SETTLE_SECONDS", 0.1)

    def run(jobs: int = 1, **orders: str) -> dict[str, Graded]:
        works, told = [], {}
        for name, order in orders.items():
            folder = tmp_path / "class" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "order").write_text(order)
            content = digest(name, tree(folder))
            tests = tuple(blank.test for blank in BLANKS)
            works.append(Work(name, chapter("ch91_base"), folder, content, tests))

        def take(graded: Graded) -> None:
            assert graded.work.submission not in told, "heard twice of one work"
            told[graded.work.submission] = graded

        shared, blanks = tmp_path / "shared", lambda subject: BLANKS
        with Cluster(shared, jobs, None, None, (), blanks, say.append) as executor:
            executor.grade(works, take)
        assert set(told) == set(orders), "a work was forgotten"
        return told

    return run


def tasks(tmp_path: Path) -> list[list[str]]:
    """Who was graded by each task, in the order of the tasks; told once."""
    lines = (tmp_path / "done").read_text().split("\n")[:-1]
    (tmp_path / "done").unlink()
    numbers = sorted({int(line.split()[0]) for line in lines})
    return [[line.split()[1] for line in lines if line.split()[0] == str(n)] for n in numbers]


def passes(graded: Graded) -> bool:
    return [test.verdict for test in graded.tests] == ["pass", "pass"] and not graded.problem


def test_works_are_shared_out_among_tasks(grade, tmp_path):
    told = grade(2, ada="works", bob="works", cid="works")
    assert all(passes(graded) for graded in told.values())
    assert tasks(tmp_path) == [["ada", "bob"], ["cid"]]
    assert not (tmp_path / "shared").exists(), "nothing is left to tell"


def test_a_result_comes_with_rung_node_and_the_titles_of_its_tests(grade):
    graded = grade(ada="works")["ada"]
    assert (graded.rung, graded.node) == ("namespaces", "n1")
    assert [test.title for test in graded.tests] == ["Twice x.", "Half of x."]


def test_a_work_that_kills_its_task_hurts_no_other(grade, tmp_path, say):
    told = grade(ada="works", bob="dies", cid="works", dan="works")
    assert [passes(graded) for graded in told.values()].count(True) == 3
    assert told["bob"].infra and not told["bob"].tests
    assert "lost 4 times" in told["bob"].problem and "as told, it died" in told["bob"].problem
    first, second, *alone = tasks(tmp_path)
    assert (first, second) == (["ada", "bob"], ["bob"])
    assert sorted(alone) == [["bob"], ["bob"], ["cid"], ["dan"]]
    assert sum("has lost 3 works" in line for line in say) == 2, say
    assert list((tmp_path / "shared" / "logs").rglob("*.err")), "the logs are gone"


@pytest.mark.parametrize("order", ["dies once", "is killed once", "writes nonsense once"])
def test_a_work_lost_once_is_graded_again(grade, tmp_path, say, order):
    told = grade(ada=order, bob="works")
    assert all(passes(graded) for graded in told.values())
    assert sum(row.count("ada") for row in tasks(tmp_path)) == 2
    if order == "is killed once":
        assert any("INTERRUPTED" in line for line in say), say


def test_nonsense_is_refused_kept_and_told(grade, tmp_path, say):
    grade(ada="writes nonsense once")
    assert any("ada ch91_base: its result was refused" in line for line in say), say
    (kept,) = (tmp_path / "shared" / "results").glob("*.refused")
    assert "all passed" in kept.read_text()


def test_what_a_killed_controller_left_is_not_graded_again(grade, tmp_path, monkeypatch):
    def collect(self, on_result):
        if len(list((tmp_path / "shared" / "results").glob("*.json"))) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Cluster, "_collect", collect)
        grade(ada="works", bob="works")
    assert tasks(tmp_path) == [["ada", "bob"]]
    told = grade(ada="works", bob="works, and has changed", cid="works")
    assert all(passes(graded) for graded in told.values())
    assert tasks(tmp_path) == [["bob", "cid"]]


def test_an_interrupted_controller_ends_its_tasks(grade, tmp_path, monkeypatch):
    code = "import time, sys, pathlib; pathlib.Path(sys.argv[1] + '.pid').touch(); time.sleep(60)"
    monkeypatch.setattr(cluster, "TASK", [sys.executable, "-c", code])

    def interrupt(seconds):
        if list((tmp_path / "shared" / "shards").glob("*.pid")):
            raise KeyboardInterrupt

    clock = SimpleNamespace(sleep=interrupt, monotonic=time.monotonic)
    monkeypatch.setattr(cluster, "time", clock)
    jobs = []
    submit = Cluster._submit
    monkeypatch.setattr(Cluster, "_submit", lambda self, *a: (submit(self, *a), jobs.append(self)))
    with pytest.raises(KeyboardInterrupt):
        grade(ada="works")
    (task,) = jobs[0]._tasks
    assert task.job._process.wait(10) is not None


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("partition", "wanted KEY=VALUE"),
        ("partition=", "wanted KEY=VALUE"),
        ("partitoin=cpu", "partitoin; choose from account, array_parallelism"),
        ("job_name=mine", "job_name; choose from"),
        ("cpus_per_task=two", "wanted a whole number"),
    ],
)
def test_a_wrong_option_is_told_the_right_ones(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        slurm_parameters([text])


def test_options_reach_slurm_as_numbers_where_they_are():
    got = slurm_parameters(["partition=cpu", "time=60", "mem=8G"])
    assert got == {"partition": "cpu", "time": 60, "mem": "8G"}


@pytest.mark.parametrize("missing", ["sbatch", "sacct"])
def test_a_machine_without_slurm_is_one_clear_line(tmp_path, monkeypatch, missing):
    for name in {"sbatch", "srun", "scancel", "sacct"} - {missing}:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GraderError, match=f"no {missing} here"):
        need_slurm()


def test_a_cluster_without_accounting_is_refused(tmp_path, monkeypatch):
    for name in ("sbatch", "srun", "scancel", "sacct"):
        (tmp_path / name).write_text("#!/bin/sh\necho accounting is disabled >&2; exit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GraderError, match="accounting is disabled"):
        need_slurm()


@pytest.mark.parametrize("broken", ["repository", "key", "rung", "engine"])
def test_a_node_that_cannot_grade_says_why(toy_kit, tmp_path, broken):
    environment = {"STORYTELLER_ROOT": str(toy_kit)}
    complaint, required = "choose from namespaces", "docker"
    if broken == "repository":
        environment["STORYTELLER_ROOT"], complaint = str(tmp_path / "none"), "no chapter"
    if broken == "key":
        environment["STORYTELLER_COURSE_KEY"] = str(tmp_path / "course.key")
        complaint = "course.key"
    packed = {"key": "k", "submission": "ada", "chapter": "ch91_base", "content": "c"}
    shard = Shard(0, 1, required, environment, [], [packed | {"tests": None}])
    for name in ("shards", "results"):
        (tmp_path / name).mkdir()
    path = shard.write(tmp_path / "shards")
    if broken == "engine":
        path.write_text(path.read_text().replace(engine(), "another"))
        complaint = "its kit differs from the controller's"
    done = subprocess.run(
        [sys.executable, "-m", "kit.shard", path],
        cwd=repository(),
        env=os.environ | {"STORYTELLER_ROOT": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "cannot grade" in done.stderr and complaint in done.stderr
    assert "Traceback" not in done.stderr and not list((tmp_path / "results").iterdir())


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["--executor", "slurm"], "needs --out"),
        (["--slurm", "partition=cpu"], "give both, or neither"),
        (["--executor", "slurm", "--out", "{out}", "--slurm", "time"], "wanted KEY=VALUE"),
        (["--executor", "slurm", "--out", "{out}"], "no sbatch here"),
    ],
)
def test_an_operators_slip_is_one_clear_line(toy_kit, tmp_path, arguments, complaint):
    arguments = [argument.format(out=tmp_path) for argument in arguments]
    done = run_grade(toy_kit, *arguments, PATH=str(tmp_path))
    assert done.returncode == 2 and complaint in done.stderr, done.stdout + done.stderr
    assert done.stderr.startswith("grade.py: ") and "Traceback" not in done.stderr
