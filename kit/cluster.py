"""Grading on a cluster: a Slurm array through submitit, whose tasks leave a JSON file per unit.

A unit that a task did not bring back (its node failed, it was preempted, killed, or ran out of
time or memory) is submitted again; if it is lost twice, alone, so that one that kills its task hurts
no other. Jobs are not requeued by Slurm: two copies of one task would then be at work for a while,
and submitit takes a lost node for the end of a job that Slurm is about to start again.
"""

import fcntl
import hashlib
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from submitit import Job, LocalExecutor, SlurmExecutor
from submitit.core.utils import FailedJobError, FailedSubmissionError
from submitit.helpers import CommandFunction

from kit.chapters import repository
from kit.exchange import Forged, Shard, Unit, read_result, unit_key
from kit.grading import START_SECONDS, GraderError, not_run
from kit.grading import Job as Judged
from kit.reports import one_line
from kit.results import ChapterResult
from kit.seeds import KEY_VARIABLE, key_file
from kit.stage import kit_folder
from kit.submissions import stage

MAX_ATTEMPTS = 4
MAX_ARRAY = 1000  # Slurm's default allows 1001 tasks in an array
MAX_MINUTES = 240  # what a task leaves undone by then is submitted again
POLL_SECONDS = 0.5
STATE_SECONDS = 3.0  # sacct asks a database that the whole cluster shares
SETTLE_SECONDS = 3.0  # what a task wrote last may show up late: network file systems
BASE_MB, CHAPTER_MB = 2048, 512  # zygote and judge; a mother of a chapter and her oracles
FINAL = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PREEMPTED", "REVOKED", "TIMEOUT", "FINISHED", "INTERRUPTED"),  # the last two: submitit's own
}
OURS = {"job_name", "additional_parameters", "nodes", "ntasks_per_node", "stderr_to_stdout"}
TASK = [sys.executable, "-m", "kit.shard"]
OnResult = Callable[[Unit, ChapterResult, str], None]


@dataclass
class Task:
    """An array task on its way, and what it is to bring back."""

    job: Job
    units: list[Unit]
    over: float = 0.0  # since when
    state: str = ""


class Cluster:
    """Grades units as array tasks that share the folder `shared` with this process.

    `options` are submitit's parameters for Slurm; None runs tasks as processes of this machine.
    """

    def __init__(
        self,
        shared: Path,
        jobs: int,
        required: str | None,
        options: dict[str, str | int] | None,
        say: Callable[[str], None],
    ):
        self.shared, self.jobs, self.required, self.say = shared.resolve(), jobs, required, say
        self.name = f"storyteller-{hashlib.sha256(str(self.shared).encode()).hexdigest()[:8]}"
        self.options = options
        self.shards = 0
        self.outstanding: dict[str, Unit] = {}
        self.attempts: Counter[str] = Counter()
        self.refused: dict[str, str] = {}
        self.tasks: list[Task] = []
        self.looked = 0.0

    def grade(self, units: Sequence[Unit], on_result: OnResult) -> None:
        """Grade units; `on_result` hears of each, and of its sandbox's rung, as it is done."""
        for name in ("units", "shards", "results", "logs"):
            (self.shared / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.shared.chmod(0o700)
        with self._locked():
            executor = self._executor()
            waiting = list(self._staged(units, on_result))
            self.outstanding = {unit.key: unit for unit in waiting}
            self._collect(on_result, reuse=True)
            waiting = [unit for unit in waiting if unit.key in self.outstanding]
            try:
                while waiting or self.tasks:
                    if waiting:
                        self._submit(executor, waiting)
                    time.sleep(POLL_SECONDS)
                    self._collect(on_result)
                    waiting = list(self._lost(on_result))
            finally:
                for task in self.tasks:
                    task.job.cancel(check=False)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self.shared / "lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise GraderError(
                    f"another grade.py is at work in {self.shared}; wait for it, or choose "
                    "another --out"
                ) from None
            yield

    def _executor(self) -> SlurmExecutor | LocalExecutor:
        # a new one each time: submitit names what it leaves there by numbers that come again
        logs = tempfile.mkdtemp(dir=self.shared / "logs", prefix="")
        if self.options is None:
            return LocalExecutor(logs)
        need_slurm()
        # what a controller that was killed has left behind grades the same units
        subprocess.run(["scancel", "--quiet", f"--name={self.name}"], check=False)
        executor = SlurmExecutor(logs)
        executor.update_parameters(**self.options)
        return executor

    def _staged(self, units: Sequence[Unit], on_result: OnResult) -> Iterator[Unit]:
        """Copy units to where nodes can read them, and give them their keys."""
        folder = self.shared / "units"
        for unit in units:
            draft = Path(tempfile.mkdtemp(dir=folder, prefix=".")) / "chapter"
            if problem := stage(unit.submission, unit.chapter.name, draft):
                on_result(unit, not_run(unit.chapter, "error", problem), "")
            else:
                key = unit_key(unit.submission.id, unit.chapter, draft)
                if not (folder / key).exists():
                    draft.rename(folder / key)
                yield replace(unit, key=key)
            shutil.rmtree(draft.parent)

    def _submit(self, executor: SlurmExecutor | LocalExecutor, units: list[Unit]) -> None:
        """Submit units as one array, those of a chapter side by side: a task starts it once."""
        units = sorted(units, key=lambda unit: unit.chapter.name)
        suspect = any(self.attempts[unit.key] > 1 for unit in units)
        size = math.ceil(len(units) / (MAX_ARRAY if suspect else min(self.jobs, MAX_ARRAY)))
        groups = [units[start : start + size] for start in range(0, len(units), size)]
        environment = {"STORYTELLER_ROOT": str(repository())}
        if key := key_file():
            environment[KEY_VARIABLE] = str(key)
        cpus = int((self.options or {}).get("cpus_per_task", 1))
        paths = []
        for group in groups:
            fields = [
                {"key": u.key, "id": u.submission.id, "chapter": u.chapter.name} for u in group
            ]
            shard = Shard(self.shards, cpus, self.required, environment, fields)
            paths.append(shard.write(self.shared / "shards"))
            self.shards += 1
        if self.options is not None:
            executor.update_parameters(**self._request(groups, cpus) | self.options)
        command = CommandFunction(TASK, cwd=kit_folder().parent)
        try:
            jobs = executor.map_array(command, paths)
        except (FailedJobError, FailedSubmissionError) as error:
            raise GraderError(f"sbatch refused the job: {one_line(str(error))}") from None
        self.tasks += [Task(job, group) for job, group in zip(jobs, groups, strict=True)]
        self.say(f"submitted job {jobs[0].job_id.split('_')[0]}: {len(jobs)} tasks")

    def _request(self, groups: list[list[Unit]], cpus: int) -> dict[str, object]:
        """What a task asks of Slurm, unless the operator says otherwise."""
        minutes = memory = 0
        for group in groups:
            chapters = {unit.chapter.name: unit.chapter for unit in group}.values()
            budget = sum(Judged(unit.submission, unit.chapter).budget for unit in group)
            minutes = max(minutes, (START_SECONDS * len(chapters) + budget / cpus) / 60)
            student = max(p.memory_mb for chapter in chapters for p in chapter.problems)
            memory = max(memory, BASE_MB + CHAPTER_MB * len(chapters) + cpus * student)
        return {
            "job_name": self.name,
            "time": min(MAX_MINUTES, math.ceil(minutes)),
            "mem": f"{memory}M",
            "cpus_per_task": cpus,
            "array_parallelism": self.jobs,
            "additional_parameters": {"no_requeue": True},
        }

    def _collect(self, on_result: OnResult, reuse: bool = False) -> None:
        """Take in the results that have come; with `reuse`, those from before that are final."""
        results = self.shared / "results"
        names = {entry.name for entry in os.scandir(results)}
        for key in [key for key in self.outstanding if f"{key}.json" in names]:
            path, unit = results / f"{key}.json", self.outstanding[key]
            try:
                result, rung = read_result(path, unit, self.required)
            except (Forged, OSError) as error:
                path.replace(results / f"{key}.refused")  # kept, for who wants to know
                self.refused[key] = f"its result was refused: {one_line(str(error))}"
                self.say(f"{unit.submission.id} {unit.chapter.name}: {self.refused[key]}")
                continue
            if reuse and any(test.verdict == "infra" for test in result.tests):
                path.unlink()
                continue
            del self.outstanding[key]
            on_result(unit, result, rung)

    def _lost(self, on_result: OnResult) -> Iterator[Unit]:
        """Units whose task is over without a result: to be submitted again, or infra in the end."""
        self._look()
        for task in [task for task in self.tasks if task.over]:
            missing = [unit for unit in task.units if unit.key in self.outstanding]
            by_itself = task.state in ("ended", "COMPLETED", "FINISHED")
            if missing and by_itself and time.monotonic() < task.over + SETTLE_SECONDS:
                continue
            self.tasks.remove(task)
            if missing:
                self.say(f"job {task.job.job_id} ({task.state}) has lost {len(missing)} units")
            for unit in missing:
                self.attempts[unit.key] += 1
                if self.attempts[unit.key] < MAX_ATTEMPTS:
                    yield unit
                    continue
                del self.outstanding[unit.key]
                job = f"job {task.job.job_id} ({task.state})"
                why = self.refused.get(unit.key) or _last_words(task.job)
                why = f"lost {MAX_ATTEMPTS} times, at last with {job}: {why}"
                on_result(unit, not_run(unit.chapter, "infra", why), "")

    def _look(self) -> None:
        """Find out which tasks are over: Slurm says so, or submitit has left a result (unread)."""
        now = time.monotonic()
        ask = now > self.looked + STATE_SECONDS
        for number, task in enumerate(task for task in self.tasks if not task.over):
            if task.job.paths.result_pickle.exists():
                task.state, task.over = "ended", now
            elif ask:
                if not number:
                    task.job.get_info(mode="force")  # of all jobs
                    self.looked = now
                state = (task.job.state.split() or ["UNKNOWN"])[0].rstrip("+")
                if state in FINAL:
                    task.state, task.over = state, now
        if any(task.over == now for task in self.tasks):
            # a change of the folder by this machine makes NFS look at it anew
            (self.shared / "results").chmod(0o700)


def need_slurm() -> None:
    """GraderError where the commands of Slurm are not there, or nothing answers sacct."""
    for name in ("sbatch", "srun", "scancel", "sacct"):
        if shutil.which(name) is None:
            raise GraderError(
                f"no {name} here; run this where jobs are submitted, or try cluster/dev_slurm.sh"
            )
    done = subprocess.run(
        ["sacct", "-n", "-o", "JobID,State,NodeList", "-j", "1"], capture_output=True, text=True
    )
    if done.returncode:
        raise GraderError(
            f"sacct does not answer ({one_line(done.stderr)}); without it nobody notices a lost job"
        )


def slurm_options(texts: Sequence[str]) -> dict[str, str | int]:
    """Parameters for Slurm from texts such as "partition=cpu"; ValueError lists the choices."""
    options: dict[str, str | int] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not value:
            raise ValueError(f"--slurm {text!r}; wanted KEY=VALUE, such as partition=cpu")
        options[name] = int(value) if value.isdecimal() else value
    # what submitit accepts, but for what the grader sets itself
    choices = sorted(SlurmExecutor._valid_parameters() - OURS)
    if unknown := sorted(options.keys() - set(choices)):
        raise ValueError(f"--slurm {', '.join(unknown)}; choose from {', '.join(choices)}")
    if type(options.get("cpus_per_task", 1)) is not int:
        raise ValueError(f"cpus_per_task={options['cpus_per_task']}; wanted a whole number")
    return options


def _last_words(job: Job) -> str:
    path = job.paths.stderr
    if not path.exists():
        return f"it left no log at {path}; do the nodes see that folder?"
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return one_line(" | ".join(lines[-3:])) or "it left no message"
