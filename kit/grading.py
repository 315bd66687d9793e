"""The local executor: it leads works through judges and hands their verdicts on.

It imports no torch and runs no student code. One zygote serves all chapters and workers; one judge
mother per chapter proves the reference and forks the judges. What a judge or mother does not
deliver is infra: tried once more, and never a zero.
"""

import os
import select
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from kit import sandbox
from kit.chapters import Chapter, repository
from kit.places import InUse, take_slots, work_folder
from kit.results import TestResult
from kit.rooms import (
    Room,
    make_room,
    open_to_reading,
    secret_folders,
    start_zygote,
)
from kit.seeds import key_file
from kit.stage import kit_folder
from kit.wire import Messenger
from kit.works import Graded, Work, budget, test_result

MAX_ATTEMPTS = 2
GRACE_SECONDS = 120.0  # how long after its own deadline a judge counts as lost
START_SECONDS = 300.0  # for a mother to collect the tests and prove the reference
MOST_NAMED = 500  # tests named in one message; beyond, all are run


class GraderError(RuntimeError):
    """The grader itself cannot go on: what failed, and the fix."""


@dataclass
class Mother:
    """The judge mother of a chapter."""

    channel: Messenger
    started: float
    blanks: dict[str, TestResult] = field(default_factory=dict)  # its tests, without verdicts
    ready: bool = False

    @property
    def deadline(self) -> float:
        """When she counts as lost."""
        return self.started + START_SECONDS


@dataclass
class Job:
    """A work under way, with its judge at the other end of the channel."""

    work: Work
    channel: Messenger
    room: Room
    slot: int
    started: float
    tests: dict[str, TestResult] = field(default_factory=dict)

    @property
    def deadline(self) -> float:
        """When its judge counts as lost."""
        return self.started + budget(self.work.chapter) + GRACE_SECONDS


class Grader:
    """Grades works on this machine; use it as a context manager."""

    def __init__(self, jobs: int, rung: str, secrets: Sequence[Path] = ()):
        self.jobs = jobs
        self.rung = rung
        key = key_file()
        hidden = [*secret_folders(), *secrets, *([key] if key else [])]
        self.secrets = [path for path in hidden if path.exists()]  # a kit may lack kernels/
        self._stack = ExitStack()
        self._mothers: dict[str, Mother] = {}
        self._failed: dict[str, str] = {}  # chapters whose tests cannot be run here, and why
        self._deaths: Counter[str] = Counter()
        self._jobs: list[Job] = []
        self._free: list[int] = []  # slots without a student
        self._rooms = 0

    def __enter__(self) -> "Grader":
        self.work = self._stack.enter_context(work_folder("grade"))
        try:
            self._free = take_slots(self.jobs, self._stack)
        except InUse as error:
            raise GraderError(str(error)) from None
        os.chmod(self.work, 0o711)  # a room's own mode decides who may look in
        self.log = self.work / "log"
        if self.rung == "uid":
            sandbox.close_secrets([str(path) for path in self.secrets])
        self._zygote, self._process = start_zygote(self.work / "stage", self.log)
        try:
            self._zygote.receive()
        except EOFError:
            raise GraderError(f"the zygote did not start: {self._last_words()}") from None
        return self

    def __exit__(self, *_: object) -> None:
        for channel in (*(mother.channel for mother in self._mothers.values()), self._zygote):
            channel.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._stack.close()

    def _last_words(self) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return " | ".join(text.strip().splitlines()[-3:]) or "it left no message"

    def listing(self, subject: Chapter) -> list[TestResult] | str:
        """The tests of a chapter, without verdicts; or why they cannot be run here."""
        while subject.name not in self._failed:
            mother = self._mothers.get(subject.name)
            if mother is None:
                self._start_mother(subject)
            elif mother.ready:
                return list(mother.blanks.values())
            else:
                self._wait([mother.channel])
                self._hear_mother(subject.name)
        return self._failed[subject.name]

    def grade(self, works: Sequence[Work], on_result: Callable[[Graded], None]) -> None:
        """Grade every work, the longest first; `on_result` hears of each as it is done."""
        waiting = sorted(works, key=lambda work: (-work.seconds, work.chapter.name))
        attempts: Counter[str] = Counter()
        while waiting or self._jobs:
            for work in self._dispatch(waiting):
                on_result(Graded(work, problem=self._failed[work.chapter.name]))
            starting = [name for name, mother in self._mothers.items() if not mother.ready]
            self._wait([job.channel for job in self._jobs] + self._channels(starting))
            for name in starting:
                self._hear_mother(name)
            for job in [job for job in self._jobs if self._hear(job)]:
                self._end(job)
                graded = self._graded(job)
                attempts[job.work.content] += 1
                if graded.infra and attempts[job.work.content] < MAX_ATTEMPTS:
                    waiting.insert(0, self._rest(graded))
                else:
                    on_result(graded)
            self._check_zygote()

    def _dispatch(self, waiting: list[Work]) -> list[Work]:
        """Give free slots to works and to mothers that must start; the works that cannot be run."""
        refused = []
        for work in list(waiting):
            name = work.chapter.name
            starting = sum(not mother.ready for mother in self._mothers.values())
            if name in self._failed:
                waiting.remove(work)
                refused.append(work)
            elif len(self._free) <= starting:
                continue
            elif name not in self._mothers:
                self._start_mother(work.chapter)
            elif self._mothers[name].ready and self._start(work):
                waiting.remove(work)
        return refused

    def _channels(self, names: Sequence[str]) -> list[Messenger]:
        return [self._mothers[name].channel for name in names]

    @staticmethod
    def _wait(channels: list[Messenger]) -> None:
        if channels:
            select.select(channels, [], [], 1.0)

    @staticmethod
    def _news(channel: Messenger, deadline: float) -> list[dict] | None:
        """What a channel has to say now; None at its end, or when it is long overdue."""
        found = []
        while select.select([channel], [], [], 0)[0]:
            try:
                found.append(channel.receive()[0])
            except EOFError:
                return found or None
        return None if not found and time.monotonic() > deadline else found

    def _start_mother(self, subject: Chapter) -> None:
        here, there = Messenger.pair()
        message = {"op": "mother", "chapter": subject.name, "root": str(repository())}
        message |= {"kit": str(kit_folder()), "key": str(key_file() or "")}
        self._zygote.send(message, there.fileno())
        there.close()
        self._mothers[subject.name] = Mother(here, time.monotonic())

    def _hear_mother(self, name: str) -> None:
        mother = self._mothers[name]
        news = self._news(mother.channel, mother.deadline)
        if news is None:
            return self._lose_mother(name)
        for answer in news:
            if answer["op"] == "failed":
                self._failed[name] = f"its tests cannot be run here: {answer['reason']}"
            elif answer["op"] == "test":
                blank = test_result(answer["test"])
                mother.blanks[blank.test] = blank
            elif answer["op"] == "listed":
                mother.ready = True
        return None

    def _lose_mother(self, name: str) -> None:
        """A mother has died; another takes her place, but not for ever."""
        self._mothers.pop(name).channel.close()
        self._deaths[name] += 1
        if self._deaths[name] > MAX_ATTEMPTS:
            self._failed.setdefault(name, f"its tests cannot be run here: {self._last_words()}")

    def _start(self, work: Work) -> bool:
        """Start a judge; False if the mother is gone."""
        mother, slot = self._mothers[work.chapter.name], self._free[0]
        self._rooms += 1
        room = make_room(
            self.work / f"student{self._rooms}",
            *(work.chapter, self.rung, slot, self.work / "stage", self.secrets),
        )
        target = Path(room.source["home"]) / work.chapter.name
        shutil.copytree(work.files, target, dirs_exist_ok=True)
        open_to_reading(target)
        here, there = Messenger.pair()
        message = {"op": "grade", "room": asdict(room), "seconds": budget(work.chapter)}
        message["room"].pop("folder")
        message["tests"] = work.tests if len(work.tests or ()) <= MOST_NAMED else None
        try:
            mother.channel.send(message, there.fileno())
        except OSError:
            here.close()
            room.remove()
            self._lose_mother(work.chapter.name)
            return False
        finally:
            there.close()
        self._free.pop(0)
        self._jobs.append(Job(work, here, room, slot, time.monotonic()))
        return True

    def _hear(self, job: Job) -> bool:
        """Take in what a judge says; whether it was the last of it."""
        news = self._news(job.channel, job.deadline)
        for message in news or ():
            if message["op"] == "done":
                return True
            result = test_result(message["test"])
            job.tests[result.test] = result
        return news is None

    def _end(self, job: Job) -> None:
        self._jobs.remove(job)
        job.channel.close()
        self._free.append(job.slot)
        job.room.remove()

    def _graded(self, job: Job) -> Graded:
        """What the judge has told; tests it did not come to are infra."""
        mother = self._mothers.get(job.work.chapter.name)
        tests = {test.test: test for test in job.work.before}
        why = f"the judge has ended early: {self._last_words()}"
        for name, blank in (mother.blanks if mother else {}).items():
            if job.work.tests is None or name in job.work.tests:
                tests[name] = job.tests.get(name) or replace(blank, seconds=0.0, detail=why)
        return Graded(job.work, tuple(tests.values()), "" if tests else why, self.rung)

    @staticmethod
    def _rest(graded: Graded) -> Work:
        """What is left to do of a work whose judge was lost."""
        late = tuple(test.test for test in graded.tests if test.verdict == "infra")
        done = tuple(test for test in graded.tests if test.verdict != "infra")
        return replace(graded.work, tests=late or graded.work.tests, before=done)

    def _check_zygote(self) -> None:
        if self._process.poll() is not None:
            words = self._last_words()
            raise GraderError(f"the zygote has died ({words}); run grade.py again to go on")
