"""The orchestrator: it schedules submissions over judges and collects their verdicts.

It imports no torch and runs no student code. One zygote serves all chapters and workers; one judge
mother per chapter proves the reference and forks the judges. What a judge or mother does not
deliver is infra: tried once more, and never a zero.
"""

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kit import sandbox
from kit.chapters import Chapter, chapter, repository
from kit.results import ChapterResult, SubmissionResult, TestResult, Verdict
from kit.rooms import (
    WALL_FACTOR,
    Room,
    make_room,
    open_to_reading,
    remove_tree,
    secret_folders,
    start_zygote,
)
from kit.seeds import key_file
from kit.stage import kit_folder
from kit.submissions import Submission
from kit.submissions import stage as stage_submission
from kit.wire import Messenger

MAX_ATTEMPTS = 2
GRACE_SECONDS = 120.0  # how long after its own deadline a judge counts as lost
START_SECONDS = 300.0  # for a mother to collect the tests and prove the reference


class GraderError(RuntimeError):
    """The grader itself cannot go on: what failed, and the fix."""


@dataclass
class Job:
    """One chapter of one submission, on its way through a judge."""

    submission: Submission
    chapter: Chapter
    attempts: int = 0
    slot: int = -1
    room: Room | None = None
    started: float = 0.0
    tests: dict[str, TestResult] = field(default_factory=dict)

    @property
    def budget(self) -> float:
        """Wall seconds for all tests: two faults per problem at full length, and room to spare."""
        return 60 + 2 * WALL_FACTOR * sum(problem.seconds for problem in self.chapter.problems)


class Grader:
    """Grades submissions chapter by chapter; use it as a context manager."""

    def __init__(self, jobs: int, rung: str, secrets: Sequence[Path] = ()):
        self.jobs = jobs
        self.rung = rung
        self.work = Path(tempfile.mkdtemp(prefix="storyteller-grade-"))
        key = key_file()
        hidden = [*secret_folders(), *secrets, *([key] if key else [])]
        self.secrets = [path for path in hidden if path.exists()]  # a kit may lack kernels/
        self.log = self.work / "log"
        self._zygote: Messenger | None = None
        self._process: subprocess.Popen | None = None
        self._mothers: dict[str, Messenger] = {}
        self._blank: dict[str, dict[str, TestResult]] = {}
        self._slots = sandbox.lease_slots(jobs)
        self._free = list(self._slots)
        self._rooms = 0
        self._why = ""  # a mother could not work

    def __enter__(self) -> "Grader":
        os.chmod(self.work, 0o711)  # a room's own mode decides who may look in
        if self.rung == "uid":
            sandbox.close_secrets([str(path) for path in self.secrets])
        self._zygote, self._process = start_zygote(self.work / "stage", self.log)
        try:
            self._zygote.receive()
        except EOFError:
            raise GraderError(f"the zygote did not start: {self._last_words()}") from None
        return self

    def __exit__(self, *_: object) -> None:
        for channel in (*self._mothers.values(), self._zygote):
            if channel is not None:
                channel.close()
        if self._process is not None:
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
        remove_tree(self.work)
        for slot in self._slots.values():
            slot.close()

    def _last_words(self) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return " | ".join(text.strip().splitlines()[-3:]) or "it left no message"

    def grade(
        self, submissions: Sequence[Submission], on_result: Callable[[Job, ChapterResult], None]
    ) -> list[SubmissionResult]:
        """Grade every chapter of every submission; `on_result` hears of each as it is done."""
        waiting = [Job(s, chapter(name)) for s in submissions for name in s.chapters]
        waiting.sort(key=lambda job: job.chapter.name)
        running: dict[Messenger, Job] = {}
        done: dict[str, list[ChapterResult]] = {s.id: [] for s in submissions}

        def finish(job: Job, result: ChapterResult) -> None:
            done[job.submission.id].append(result)
            on_result(job, result)

        while waiting or running:
            while waiting and self._free:
                job = waiting.pop(0)
                if refused := self._start(job, running):
                    finish(job, refused)
            for channel in self._ready(running):
                job = running[channel]
                if not self._hear(channel, job):
                    continue
                del running[channel]
                self._end(channel, job)
                result = self._result(job)
                if any(t.verdict == "infra" for t in result.tests) and job.attempts < MAX_ATTEMPTS:
                    waiting.insert(0, job)
                else:
                    finish(job, result)
        return [self._sum_up(s, done[s.id]) for s in submissions]

    def _sum_up(self, submission: Submission, chapters: list[ChapterResult]) -> SubmissionResult:
        chapters.sort(key=lambda result: result.chapter.name)
        return SubmissionResult(
            submission.id,
            tuple(chapters),
            submission.problem,
            self.rung if chapters else "",
            sum(result.seconds for result in chapters),
            submission.warnings,
        )

    def _start(self, job: Job, running: dict[Messenger, Job]) -> ChapterResult | None:
        """Start a judge for a job; the result where none can be started."""
        mother = self._mother(job.chapter)
        if mother is None:
            return self._not_run(job, "infra", f"its tests cannot be run here: {self._why}")
        job.attempts, job.slot = job.attempts + 1, self._free.pop(0)
        job.started, job.tests = time.monotonic(), {}
        self._rooms += 1
        folder = self.work / f"student{self._rooms}"
        job.room = make_room(
            folder, job.chapter, self.rung, job.slot, self.work / "stage", self.secrets
        )
        target = Path(job.room.source["home"]) / job.chapter.name
        target.rmdir()
        if problem := stage_submission(job.submission, job.chapter.name, target):
            self._free.append(job.slot)
            job.room.remove()
            return self._not_run(job, "error", problem)
        open_to_reading(target)
        here, there = Messenger.pair()
        message = {"op": "grade", "room": asdict(job.room), "seconds": job.budget}
        message["room"].pop("folder")
        mother.send(message, there.fileno())
        there.close()
        running[here] = job
        return None

    def _mother(self, subject: Chapter) -> Messenger | None:
        """The judge mother of a chapter, started at its first job; None if she cannot work."""
        name = subject.name
        if name in self._mothers:
            return self._mothers[name] if self._blank[name] else None
        here, there = Messenger.pair()
        message = {"op": "mother", "chapter": name, "root": str(repository())}
        message |= {"kit": str(kit_folder()), "key": str(key_file() or "")}
        self._zygote.send(message, there.fileno())
        there.close()
        self._mothers[name], self._blank[name] = here, {}
        blank: dict[str, TestResult] = {}
        for answer in self._messages(here, START_SECONDS):
            if answer["op"] == "failed":
                self._why = answer["reason"]
                return None
            if answer["op"] == "test":
                result = _test_result(answer["test"])
                blank[result.test] = result
            if answer["op"] == "listed":
                self._blank[name] = blank
                return here
        self._why = self._last_words()
        return None

    @staticmethod
    def _messages(channel: Messenger, seconds: float) -> Iterator[dict]:
        """Messages until the sender is gone or silent for too long."""
        while select.select([channel], [], [], seconds)[0]:
            try:
                yield channel.receive()[0]
            except EOFError:
                return

    @staticmethod
    def _ready(running: dict[Messenger, Job]) -> list[Messenger]:
        """Channels with news, and those of judges that are long overdue."""
        now = time.monotonic()
        late = [c for c, j in running.items() if now > j.started + j.budget + GRACE_SECONDS]
        ready, _, _ = select.select(list(running), [], [], 1.0) if running else ([], [], [])
        return list({*ready, *late})

    @staticmethod
    def _hear(channel: Messenger, job: Job) -> bool:
        """Take one message of a judge in; whether it was the last."""
        if not select.select([channel], [], [], 0)[0]:
            return True  # overdue
        try:
            message, _ = channel.receive()
        except EOFError:
            return True
        if message["op"] == "done":
            return True
        result = _test_result(message["test"])
        job.tests[result.test] = result
        return False

    def _end(self, channel: Messenger, job: Job) -> None:
        channel.close()
        self._free.append(job.slot)
        job.room.remove()

    @staticmethod
    def _not_run(job: Job, verdict: Verdict, why: str) -> ChapterResult:
        """One verdict for each problem, none of whose tests was run."""
        tests = [
            TestResult(
                "(not run)", problem.name, True, verdict, title="no test was run", detail=why
            )
            for problem in job.chapter.problems
        ]
        return ChapterResult(job.chapter, tuple(tests), note=why)

    def _result(self, job: Job) -> ChapterResult:
        """What the judge has told; tests it did not come to are infra."""
        tests = self._blank[job.chapter.name] | job.tests
        seconds = round(time.monotonic() - job.started, 3)
        return ChapterResult(job.chapter, tuple(tests.values()), seconds)


def _test_result(fields: dict) -> TestResult:
    return TestResult(**fields | {"diagnosis": tuple(fields["diagnosis"])})
