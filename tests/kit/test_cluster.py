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
from kit.cluster import Cluster, need_slurm, slurm_options
from kit.exchange import Unit
from kit.grading import GraderError
from kit.submissions import Submission


@pytest.fixture
def say() -> list[str]:
    """What the operator has been told."""
    return []


@pytest.fixture
def grade(toy_kit, tmp_path, monkeypatch, say):
    """Grade a class of fakes, each told what to do; submission -> its result and rung."""
    monkeypatch.setenv("STORYTELLER_ROOT", str(toy_kit))
    monkeypatch.setattr(cluster, "TASK", [sys.executable, "-m", "tests.kit.fake_shard"])
    monkeypatch.setattr(cluster, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(cluster, "STATE_SECONDS", 0.2)
    monkeypatch.setattr(cluster, "SETTLE_SECONDS", 0.1)

    def run(jobs: int = 1, **orders: str) -> dict:
        units, told = [], {}
        for name, order in orders.items():
            folder = tmp_path / "class" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "adapters.py").write_text(f"{order}\n")
            submission = Submission(name, folder, folder, {"ch91_base": folder})
            units.append(Unit(submission, chapter("ch91_base")))

        def take(unit, result, rung):
            assert unit.submission.id not in told, "heard twice of one unit"
            told[unit.submission.id] = (result, rung)

        Cluster(tmp_path / "shared", jobs, None, None, say.append).grade(units, take)
        assert set(told) == set(orders), "a unit was forgotten"
        return told

    return run


def tasks(tmp_path: Path) -> list[list[str]]:
    """Who was graded by each task, in the order of the tasks; told once."""
    lines = (tmp_path / "shared" / "journal").read_text().split("\n")[:-1]
    (tmp_path / "shared" / "journal").unlink()
    numbers = sorted({int(line.split()[0]) for line in lines})
    return [[line.split()[1] for line in lines if line.split()[0] == str(n)] for n in numbers]


def test_units_are_shared_out_among_tasks(grade, tmp_path):
    told = grade(2, ada="works", bob="works", cid="works")
    assert all(result.score == 100 and rung == "namespaces" for result, rung in told.values())
    assert tasks(tmp_path) == [["ada", "bob"], ["cid"]]


def test_a_unit_that_kills_its_task_hurts_no_other(grade, tmp_path, say):
    told = grade(ada="works", bob="dies", cid="works", dan="works")
    assert [told[name][0].score for name in ("ada", "cid", "dan")] == [100] * 3
    result, rung = told["bob"]
    assert {test.verdict for test in result.tests} == {"infra"} and not rung
    assert "lost 4 times" in result.note and "as told, it died" in result.note
    first, second, *alone = tasks(tmp_path)
    assert (first, second) == (["ada", "bob"], ["bob"])
    assert sorted(alone) == [["bob"], ["bob"], ["cid"], ["dan"]]
    assert sum("has lost 3 units" in line for line in say) == 2, say


@pytest.mark.parametrize("order", ["dies once", "is killed once", "writes nonsense once"])
def test_a_unit_lost_once_is_graded_again(grade, tmp_path, say, order):
    told = grade(ada=order, bob="works")
    assert [result.score for result, _ in told.values()] == [100, 100]
    assert sum(row.count("ada") for row in tasks(tmp_path)) == 2
    if order == "is killed once":
        assert any("INTERRUPTED" in line for line in say), say


def test_nonsense_is_refused_kept_and_told(grade, tmp_path, say):
    grade(ada="writes nonsense once")
    assert any("ada ch91_base: its result was refused" in line for line in say), say
    (kept,) = (tmp_path / "shared" / "results").glob("*.refused")
    assert "all passed" in kept.read_text()


def test_a_second_run_grades_only_what_is_new(grade, tmp_path):
    grade(ada="works", bob="works")
    assert tasks(tmp_path) == [["ada", "bob"]]
    told = grade(ada="works", bob="works\nand has changed", cid="works")
    assert all(result.score == 100 for result, _ in told.values())
    assert tasks(tmp_path) == [["bob", "cid"]]


def test_what_was_infra_is_graded_again(grade, tmp_path):
    grade(ada="works")
    assert tasks(tmp_path) == [["ada"]]
    (path,) = (tmp_path / "shared" / "results").iterdir()
    path.write_text(path.read_text().replace('"pass"', '"infra"'))
    (result, _) = grade(ada="works")["ada"]
    assert result.score == 100 and tasks(tmp_path) == [["ada"]]


def test_a_chapter_that_cannot_be_staged_is_an_error_and_never_submitted(grade, tmp_path):
    (tmp_path / "class" / "bob").mkdir(parents=True)
    with open(tmp_path / "class" / "bob" / "big.bin", "wb") as file:
        file.truncate(1 << 34)
    told = grade(ada="works", bob="works")
    assert {test.verdict for test in told["bob"][0].tests} == {"error"}
    assert tasks(tmp_path) == [["ada"]]


def test_an_interrupted_controller_ends_its_tasks(toy_kit, grade, tmp_path, monkeypatch):
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
    (task,) = jobs[0].tasks
    assert task.job._process.wait(10) is not None


def test_two_controllers_do_not_share_a_folder(grade, tmp_path):
    (tmp_path / "shared").mkdir()
    code = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX)\n"
        "print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, tmp_path / "shared" / "lock"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(GraderError, match="another grade.py is at work"):
            grade(ada="works")
        other.kill()
    assert grade(ada="works")["ada"][0].score == 100, "the lock outlived its holder"


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
        slurm_options([text])


def test_options_reach_slurm_as_numbers_where_they_are():
    got = slurm_options(["partition=cpu", "time=60", "mem=8G"])
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


def shard_file(folder: Path, **fields: object) -> Path:
    from kit.exchange import Shard

    for name in ("units", "results", "shards"):
        (folder / name).mkdir()
    units = [{"key": "k", "id": "ada", "chapter": "ch91_base"}]
    return Shard(**{"number": 0, "jobs": 1, "required": None, "units": units} | fields).write(
        folder / "shards"
    )


@pytest.mark.parametrize("broken", ["kit", "key", "rung"])
def test_a_node_that_cannot_grade_says_why(toy_kit, tmp_path, broken):
    environment = {"STORYTELLER_ROOT": str(toy_kit)}
    complaint, required = "choose from namespaces", "docker"
    if broken == "kit":
        environment["STORYTELLER_ROOT"], complaint = str(tmp_path / "none"), "no chapter"
    if broken == "key":
        environment["STORYTELLER_COURSE_KEY"] = str(tmp_path / "course.key")
        complaint = "course.key"
    path = shard_file(tmp_path, required=required, environment=environment)
    done = subprocess.run(
        [sys.executable, "-m", "kit.shard", path],
        cwd=repository(),
        env=os.environ | {"STORYTELLER_ROOT": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "cannot grade" in done.stderr and complaint in done.stderr
    assert "Traceback" not in done.stderr and not list((tmp_path / "results").iterdir())
