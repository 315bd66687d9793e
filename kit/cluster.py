"""The executor for a cluster: a Slurm array through submitit, whose tasks leave a file per work.

A work that a task did not bring back (its node failed, it was preempted, killed, or ran out of time
or memory) is submitted again; if it is lost twice, alone, so that one that kills its task hurts no
other. Jobs are not requeued by Slurm: two copies of one task would then be at work for a while, and
submitit takes a lost node for the end of a job that Slurm is about to start again.
"""

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
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from submitit import Job, LocalExecutor, SlurmExecutor
from submitit.core.utils import FailedJobError, FailedSubmissionError
from submitit.helpers import CommandFunction

from kit import sandbox
from kit.chapters import Chapter, repository
from kit.exchange import Forged, Shard, key_of, pack, read_result
from kit.grading import START_SECONDS, Grader, GraderError
from kit.results import TestResult
from kit.seeds import KEY_VARIABLE, key_file
from kit.stage import kit_folder
from kit.text import one_line
from kit.works import Graded, Work, budget

MAX_ATTEMPTS = 4
MAX_ARRAY = 1000  # Slurm's default allows 1001 tasks in an array
MAX_MINUTES = 240  # what a task leaves undone by then is submitted again
POLL_SECONDS = 0.5
STATE_SECONDS = 3.0  # sacct asks a database that the whole cluster shares
SETTLE_SECONDS = 3.0  # what a task wrote last may show up late: network file systems
BASE_MB, CHAPTER_MB = 2048, 512  # zygote and judge; a mother of a chapter and her oracles
BY_ITSELF = ("ended", "COMPLETED", "FINISHED")
FINAL = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PREEMPTED", "REVOKED", "TIMEOUT", "FINISHED", "INTERRUPTED"),  # the last two: submitit's own
}
OURS = {"job_name", "additional_parameters", "nodes", "ntasks_per_node", "stderr_to_stdout"}
TASK = [sys.executable, "-m", "kit.shard"]


@dataclass
class Task:
    """An array task on its way, and the keys of what it is to bring back."""

    job: Job
    keys: list[str]
    over: float = 0.0  # since when
    state: str = ""


@dataclass
class Cluster:
    """Grades works as array tasks that share a folder with this process; a context manager."""

    shared: Path
    jobs: int  # tasks at the same time
    required: str | None  # the lowest rung of the sandbox to grade in
    parameters: dict[str, str | int] | None  # submitit's for Slurm; None: tasks are local processes
    secrets: Sequence[Path]
    blanks: Callable[[Chapter], list[TestResult] | None]  # the tests of a chapter
    say: Callable[[str], None]
    _stack: ExitStack = field(default_factory=ExitStack)
    _lister: Grader | None = None
    _shards: int = 0
    _tasks: list[Task] = field(default_factory=list)
    _open: dict[str, Work] = field(default_factory=dict)  # key -> what has no result yet
    _lost: Counter[str] = field(default_factory=Counter)  # key -> how often
    _refused: dict[str, str] = field(default_factory=dict)  # key -> why
    _looked: float = 0.0

    def __enter__(self) -> "Cluster":
        self.shared = self.shared.resolve()
        if self.parameters is not None:
            need_slurm()
            # what a controller that was killed has left behind does the same works
            subprocess.run(["scancel", "--quiet", f"--name={self._name()}"], check=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_listing()
        for task in self._tasks:
            task.job.cancel(check=False)

    def _name(self) -> str:
        return f"storyteller-{hashlib.sha256(str(self.shared).encode()).hexdigest()[:8]}"

    def listing(self, subject: Chapter) -> list[TestResult] | str:
        """The tests of a chapter, without verdicts; or why they cannot be run.

        They are listed here: no student's code is needed for that.
        """
        if self._lister is None:
            grader = Grader(1, sandbox.best_rung().rung, self.secrets)
            self._lister = self._stack.enter_context(grader)
        return self._lister.listing(subject)

    def _stop_listing(self) -> None:
        self._stack.close()
        self._lister = None

    def grade(self, works: Sequence[Work], on_result: Callable[[Graded], None]) -> None:
        """Grade works; `on_result` hears of each as it is done."""
        self._stop_listing()
        for name in ("units", "shards", "results", "logs"):
            (self.shared / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.shared.chmod(0o700)
        executor = self._executor()
        self._open = {key_of(work): work for work in works}
        self._collect(on_result)  # a controller that was killed may have left some
        waiting = list(self._open)
        self._stage(waiting)
        while waiting or self._tasks:
            if waiting:
                self._submit(executor, waiting)
            time.sleep(POLL_SECONDS)
            self._collect(on_result)
            waiting = list(self._lost_keys(on_result))
        if not self._lost and not self._refused:
            shutil.rmtree(self.shared)

    def _executor(self) -> SlurmExecutor | LocalExecutor:
        # a new folder each time: submitit names what it leaves by numbers that come again
        logs = tempfile.mkdtemp(dir=self.shared / "logs", prefix="")
        if self.parameters is None:
            return LocalExecutor(logs)
        return SlurmExecutor(logs)

    def _stage(self, keys: Sequence[str]) -> None:
        """Copy files to where nodes can read them, all of a work's or none."""
        for key in keys:
            target, draft = self.shared / "units" / key, self.shared / "units" / f".{key}"
            if not target.exists():
                shutil.rmtree(draft, ignore_errors=True)
                shutil.copytree(self._open[key].files, draft)
                draft.rename(target)

    def _submit(self, executor: SlurmExecutor | LocalExecutor, keys: list[str]) -> None:
        """Submit works as one array, those of a chapter side by side: a task starts it once."""
        keys = sorted(keys, key=lambda key: self._open[key].chapter.name)
        suspect = any(self._lost[key] > 1 for key in keys)
        size = math.ceil(len(keys) / (MAX_ARRAY if suspect else min(self.jobs, MAX_ARRAY)))
        groups = [keys[start : start + size] for start in range(0, len(keys), size)]
        cpus = int((self.parameters or {}).get("cpus_per_task", 1))
        paths = [self._write_shard(group, cpus) for group in groups]
        if self.parameters is not None:
            request = self._request([[self._open[key] for key in g] for g in groups], cpus)
            executor.update_parameters(**request | self.parameters)
        command = CommandFunction(TASK, cwd=kit_folder().parent)
        try:
            jobs = executor.map_array(command, paths)
        except (FailedJobError, FailedSubmissionError) as error:
            raise GraderError(f"sbatch refused the job: {one_line(str(error))}") from None
        self._tasks += [Task(job, group) for job, group in zip(jobs, groups, strict=True)]
        self.say(f"submitted job {jobs[0].job_id.split('_')[0]}: {len(jobs)} tasks")

    def _write_shard(self, keys: list[str], cpus: int) -> Path:
        environment = {"STORYTELLER_ROOT": str(repository())}
        if key := key_file():
            environment[KEY_VARIABLE] = str(key)
        secrets = [str(path.resolve()) for path in self.secrets]
        works = [pack(self._open[key]) for key in keys]
        shard = Shard(self._shards, cpus, self.required, environment, secrets, works)
        self._shards += 1
        return shard.write(self.shared / "shards")

    def _request(self, groups: list[list[Work]], cpus: int) -> dict[str, object]:
        """What a task asks of Slurm, unless the operator says otherwise."""
        minutes = memory = 0
        for group in groups:
            chapters = {work.chapter.name: work.chapter for work in group}.values()
            seconds = START_SECONDS * len(chapters) + sum(budget(w.chapter) for w in group) / cpus
            minutes = max(minutes, math.ceil(seconds / 60))
            student = max(p.memory_mb for chapter in chapters for p in chapter.problems)
            memory = max(memory, BASE_MB + CHAPTER_MB * len(chapters) + cpus * student)
        return {
            "job_name": self._name(),
            "time": min(MAX_MINUTES, minutes),
            "mem": f"{memory}M",
            "cpus_per_task": cpus,
            "array_parallelism": self.jobs,
            "additional_parameters": {"no_requeue": True},
        }

    def _collect(self, on_result: Callable[[Graded], None]) -> None:
        """Take in the results that have come."""
        results = self.shared / "results"
        names = {entry.name for entry in os.scandir(results)}
        for key in [key for key in self._open if f"{key}.json" in names]:
            path, work = results / f"{key}.json", self._open[key]
            try:
                blanks = self.blanks(work.chapter) or ()
                graded = read_result(path, key, work, blanks, self.required)
            except (Forged, OSError) as error:
                path.replace(results / f"{key}.refused")  # kept, for who wants to know
                self._refused[key] = f"its result was refused: {one_line(str(error))}"
                self.say(f"{work.submission} {work.chapter.name}: {self._refused[key]}")
                continue
            del self._open[key]
            on_result(graded)
            path.unlink()

    def _lost_keys(self, on_result: Callable[[Graded], None]) -> Iterator[str]:
        """What a task that is over has not brought: to be submitted again, or infra in the end."""
        self._look()
        for task in [task for task in self._tasks if task.over]:
            missing = [key for key in task.keys if key in self._open]
            settled = time.monotonic() > task.over + SETTLE_SECONDS
            if missing and task.state in BY_ITSELF and not settled:
                continue
            self._tasks.remove(task)
            if missing:
                self.say(f"job {task.job.job_id} ({task.state}) has lost {len(missing)} works")
            for key in missing:
                self._lost[key] += 1
                if self._lost[key] < MAX_ATTEMPTS:
                    yield key
                    continue
                why = self._refused.get(key) or _last_words(task.job)
                why = f"lost {MAX_ATTEMPTS} times, at last by job {task.job.job_id}: {why}"
                on_result(Graded(self._open.pop(key), problem=why))

    def _look(self) -> None:
        """Find out which tasks are over: Slurm says so, or submitit has left a result (unread)."""
        now = time.monotonic()
        ask = now > self._looked + STATE_SECONDS
        for number, task in enumerate(task for task in self._tasks if not task.over):
            if task.job.paths.result_pickle.exists():
                task.state, task.over = "ended", now
            elif ask:
                if not number:
                    task.job.get_info(mode="force")  # of all jobs
                    self._looked = now
                state = (task.job.state.split() or ["UNKNOWN"])[0].rstrip("+")
                if state in FINAL:
                    task.state, task.over = state, now
        if any(task.over == now for task in self._tasks):
            # a change of the folder by this machine makes NFS look at it anew
            (self.shared / "results").chmod(0o700)


def need_slurm() -> None:
    """GraderError where the commands of Slurm are not there, or nothing answers sacct."""
    for name in ("sbatch", "srun", "scancel", "sacct"):
        if shutil.which(name) is None:
            raise GraderError(
                f"no {name} here; run this where jobs are submitted, or try cluster/dev_slurm.sh"
            )
    command = ["sacct", "-n", "-o", "JobID,State,NodeList", "-j", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise GraderError(
            f"sacct does not answer ({one_line(done.stderr)}); without it nobody notices a lost job"
        )


def slurm_parameters(texts: Sequence[str]) -> dict[str, str | int]:
    """Parameters for Slurm from texts such as "partition=cpu"; ValueError lists the choices."""
    parameters: dict[str, str | int] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not value:
            raise ValueError(f"--slurm {text!r}; wanted KEY=VALUE, such as partition=cpu")
        parameters[name] = int(value) if value.isdecimal() else value
    # what submitit accepts, but for what the grader sets itself
    choices = sorted(SlurmExecutor._valid_parameters() - OURS)
    if unknown := sorted(parameters.keys() - set(choices)):
        raise ValueError(f"--slurm {', '.join(unknown)}; choose from {', '.join(choices)}")
    for name in ("cpus_per_task", "array_parallelism"):
        if type(parameters.get(name, 1)) is not int:
            raise ValueError(f"--slurm {name}={parameters[name]}; wanted a whole number")
    return parameters


def _last_words(job: Job) -> str:
    path = job.paths.stderr
    if not path.exists():
        return f"it left no log at {path}; do the nodes see that folder?"
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return one_line(" | ".join(lines[-3:])) or "it left no message"
