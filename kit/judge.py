"""The judge mother and the judges: the trusted side of isolated grading.

The mother collects a chapter's tests once and proves that the reference passes here, in this
environment; where it does not, a test's verdict is infra for everyone. For each submission she
forks a judge, which holds seeds and expected values, runs the tests against the student's process,
and reports verdict by verdict.

Channel to the orchestrator:
    mother ->   {"op": "ready", "unproved": [...]}, {"op": "test", ...} for each, {"op": "listed"}
    -> mother   {"op": "grade", "room": {...}, "seconds": ..., "tests": [...] or null for all}
                + fd of the judge's own channel
    judge ->    {"op": "result", ...} for each test, then {"op": "done"}
"""

import gc
import os
import select
import signal
import socket
import time
import traceback
from dataclasses import asdict

import hypothesis
import pytest

from kit.bench import Bench, TestInfo
from kit.faults import Infra
from kit.isolation import RemoteTransport
from kit.plugin import BENCH, INFO
from kit.results import TestResult
from kit.rooms import Room
from kit.sandbox import Limits, Plan
from kit.suite import grader_profile, run_items, run_pytest
from kit.wire import Messenger, close_all_but


class Mother:
    """A pytest plugin whose run loop serves grading jobs."""

    def __init__(self, name: str, jobs: Messenger, zygote: socket.socket):
        self.name = name
        self.jobs = jobs
        self.zygote = Messenger(zygote)
        self.judges: set[int] = set()
        self.unproved: set[str] = set()
        self.errors: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what went wrong during collection, for the instructor."""
        if report.failed:
            self.errors.append(report.longreprtext)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Prove the reference, then fork a judge per job until the orchestrator is gone."""
        if session.testsfailed:
            raise session.Interrupted(f"{session.testsfailed} errors during collection")
        bench = session.config.stash[BENCH]
        bench.terse = True
        infos = [item.stash[INFO] for item in session.items]
        hypothesis.settings.load_profile(grader_profile())
        results = list(run_items(session, session.items))
        self.unproved = {r.test for r in results if r.verdict != "pass"}
        skipped = {info.test for info in infos} - {r.test for r in results}
        session.items[:] = [i for i in session.items if i.stash[INFO].test not in skipped]
        bench.close()
        bench.load_bank(self.name)  # once, not in every judge
        gc.freeze()  # a collection in a judge would copy all that it shares with this process
        self.jobs.send({"op": "ready", "unproved": sorted(self.unproved)})
        seconds = {result.test: result.seconds for result in results}
        self._announce([info for info in infos if info.test not in skipped], seconds)
        while True:
            select.select([self.jobs], [], [], 1.0)
            self._reap()
            if not select.select([self.jobs], [], [], 0)[0]:
                continue
            try:
                message, descriptor = self.jobs.receive()
            except EOFError:
                for pid in self.judges:
                    os.kill(pid, signal.SIGKILL)
                os._exit(0)
            self._fork_judge(session, message, descriptor)

    def _announce(self, infos: list[TestInfo], seconds: dict[str, float]) -> None:
        """Tell which tests there are and what they take, so that a judge that dies leaves no gap."""
        for info in infos:
            fields = (info.test, info.problem.name, info.public, "infra", seconds[info.test])
            blank = TestResult(*fields, title=info.title)
            self.jobs.send({"op": "test", "test": asdict(blank)})
        self.jobs.send({"op": "listed"})

    def _fork_judge(self, session: pytest.Session, message: dict, descriptor: int) -> None:
        here, there = Messenger.pair()
        self.zygote.send({"op": "channel"}, there.fileno())
        there.close()
        pid = os.fork()
        if pid == 0:
            try:
                close_all_but({here.fileno(), descriptor})
                report = Messenger(socket.socket(fileno=descriptor))
                judge(session, message, here, report, self.unproved)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(70)
        here.close()
        os.close(descriptor)
        self.judges.add(pid)

    def _reap(self) -> None:
        for pid in list(self.judges):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self.judges.discard(pid)


def judge(
    session: pytest.Session,
    message: dict,
    zygote: Messenger,
    report: Messenger,
    unproved: set[str],
) -> None:
    """Grade one chapter of one submission, reporting each verdict as it falls."""
    fields = message["room"]
    plan = fields["plan"] | {"limits": Limits(**fields["plan"]["limits"])}
    room = Room(None, Plan(**plan), fields["source"])
    bench: Bench = session.config.stash[BENCH]
    transport = RemoteTransport(zygote, room)
    bench.restart(lambda name: transport)
    deadline = time.monotonic() + message["seconds"]
    chosen = None if message["tests"] is None else set(message["tests"])
    items = []
    # public tests first: a student is shown what the code says in them, which hence must not have
    # seen a hidden input or driver yet
    for item in sorted(session.items, key=lambda item: not item.stash[INFO].public):
        info = item.stash[INFO]
        if chosen is not None and info.test not in chosen:
            continue
        if info.test in unproved:
            _send(report, bench.judge(info, Infra("the reference fails here too"), 0.0))
        else:
            items.append(item)
    for result in run_items(session, items, deadline):
        _send(report, result)
    transport.close()
    report.send({"op": "done"})


def _send(report: Messenger, result: TestResult) -> None:
    report.send({"op": "result", "test": asdict(result)})


def mother(name: str, jobs: Messenger, zygote: socket.socket) -> None:
    """Become the judge mother of chapter `name`; never returns."""
    try:
        reason = run_pytest(name, Mother(name, jobs, zygote))
        jobs.send({"op": "failed", "reason": reason or "the run loop has ended"})
    finally:
        os._exit(70)
