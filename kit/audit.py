"""Audit: prove that a chapter's tests tell right from wrong.

    the reference earns everything, the stubs nothing
    every bug of the bank loses points on its own problem
    every twin, another correct implementation, keeps all of its
    every test catches a bug, or it would not be missed
    every bug, handed in, is told its own misconception (9 of 10 are enough)

Runs as a process of its own per chapter (`python -m kit.audit ch01_bigram`) and prints one JSON
object. Tests are collected once; each variant is tested in a fork, so that none can spoil another.
Audit also writes fingerprints.json, from which a failing student is told a misconception.
"""

import gc
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace

import hypothesis
import numpy as np
import pytest

from kit.bank import Variant, overlay, read_bank
from kit.bench import Bench, SourceTransport, TestInfo
from kit.chapters import repository
from kit.diagnosis import Fingerprints, project_all, tells
from kit.door import Door, LocalTransport
from kit.loader import STUDENT, Source, find_source
from kit.plugin import BENCH, INFO
from kit.results import TestResult, name_bugs
from kit.seeds import seed_of
from kit.suite import grader_profile, run_items, run_pytest

VARIANT_SECONDS = 120  # for all tests of one variant; a hang is a caught bug
DEEP_KEYS = 20
DEEP_BUG_KEYS = 5
NAMED_RIGHTLY = 0.9
TINY = 1e-6  # relative: fingerprints may differ by this much between machines
UNSTABLE = 0.02  # the share of fingerprints that may differ from run to run


@dataclass
class Audit:
    """What audit has found out about one chapter; `mistakes` is empty when it passes."""

    chapter: str
    tests: dict[str, list[str]] = field(default_factory=dict)  # problem -> its tests
    caught: dict[str, list[str]] = field(default_factory=dict)  # bug -> the tests it fails
    problems: dict[str, str] = field(default_factory=dict)  # bug or twin -> its problem
    twins: list[str] = field(default_factory=list)
    failed_twins: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)  # tests that no bug fails
    named: int = 0  # bugs that are told their own misconception
    unnamed: list[str] = field(default_factory=list)  # the others, and what they are told
    rewritten: bool = False  # fingerprints.json was stale
    seconds: float = 0.0
    mistakes: list[str] = field(default_factory=list)


class Auditor:
    """A pytest plugin whose run loop audits the collected chapter."""

    def __init__(self, name: str, deep: bool, frozen: bool):
        self.name, self.deep, self.frozen = name, deep, frozen
        self.report = Audit(name)
        self.outputs: dict[str, list] = {}  # test -> the reference's door outputs
        self.errors: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what went wrong during collection."""
        if report.failed:
            self.errors.append(report.longreprtext)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Audit, in the order of the module's docstring."""
        if session.testsfailed:
            raise session.Interrupted("tests could not be collected")
        hypothesis.settings.load_profile(grader_profile())
        self.session, self.bench = session, session.config.stash[BENCH]
        self.bench.terse = True
        # audit compares with the new fingerprints itself; each fork would read the old ones anew
        self.bench._banks[self.name] = Fingerprints()
        self.quick = [i for i in session.items if not i.get_closest_marker("statistical")]
        self.bugs, self.twins = read_bank(self.name)
        for item in session.items:
            info = item.stash[INFO]
            self.report.tests.setdefault(info.problem.name, []).append(info.test)
        self._reference()
        if not self.report.mistakes:
            self.adapters = self.bench._doors[self.name].transport.source.open()
            gc.freeze()  # a collection in a fork would copy all that it shares with this process
            self._stubs()
            self._bugs()
            self._twins()
            self._diagnosis()
            if self.deep:
                self._deep()
        return True

    def _blame(self, text: str) -> None:
        self.report.mistakes.append(text)

    def _reference(self) -> None:
        """The reference passes everything; its outputs are kept for fingerprints."""

        def watch(info: TestInfo, door: Door, result: TestResult) -> None:
            self.outputs[info.test] = list(door.outputs)

        self.bench.watch = watch
        for result in run_items(self.session, self.session.items):
            if result.verdict != "pass":
                self._blame(f"the reference fails {result.test}: {result.detail}")
        self.bench.watch = None
        untested = {p.name for p in _chapter_of(self.session).problems} - set(self.report.tests)
        if untested:
            self._blame(f"no test belongs to {', '.join(sorted(untested))}")

    def _stubs(self) -> None:
        """The stubs earn nothing, and every test sees that there is something to do."""
        source = Source(self.name, STUDENT, repository() / STUDENT)
        source.needs = find_source(self.name, "student", "reference").needs
        for result in self._run(SourceTransport(source), self.quick):
            if result["verdict"] != "todo":
                self._blame(f"stubs: {result['test']} is {result['verdict']}, not todo")

    def _bugs(self) -> None:
        """Every bug fails a test of its own problem; every test catches a bug."""
        self.fingerprints = Fingerprints({bug.name: bug.text for bug in self.bugs})
        self.failing: dict[str, list[dict]] = {}
        for bug in self.bugs:
            self.report.problems[bug.name] = bug.problem
            failing = [r for r in self._try(bug) if r["verdict"] != "pass"]
            self.failing[bug.name] = failing
            self.report.caught[bug.name] = [result["test"] for result in failing]
            if not failing:
                self._blame(f"the bug {bug.name} passes every test of {bug.problem}")
            for r in failing:
                wrong = [
                    v if told else None for v, told in zip(r["outputs"], r["tells"], strict=True)
                ]
                right = project_all(self.outputs[r["test"]])
                self.fingerprints.add(r["test"], r["seed"], bug.name, right, wrong)
        caught = {test for tests in self.report.caught.values() for test in tests}
        self.report.idle = sorted({item.stash[INFO].test for item in self.quick} - caught)
        for test in self.report.idle:
            self._blame(f"{test} catches no bug of the bank")

    def _twins(self) -> None:
        for twin in self.twins:
            self.report.problems[twin.name] = twin.problem
            self.report.twins.append(twin.name)
            failing = [r for r in self._try(twin) if r["verdict"] != "pass"]
            if failing:
                self.report.failed_twins.append(twin.name)
            for result in failing:
                self._blame(f"the twin {twin.name} fails {result['test']}: {result['detail']}")

    def _diagnosis(self) -> None:
        """Write the fingerprints, then hand every bug in and see what it is told."""
        path = repository() / "tests" / self.name / "fingerprints.json"
        if _differ(self.fingerprints, Fingerprints.read(path)):
            if self.frozen:
                self._blame("fingerprints.json is stale; run grade.py audit and commit it")
            else:
                self.fingerprints.write(path)
                self.report.rewritten = True
        unnamed = []
        for bug in self.bugs:
            told = name_bugs(self._diagnosed(r) for r in self.failing[bug.name])
            if bug.text in told:
                self.report.named += 1
            else:
                unnamed.append(f"{bug.name} (told: {'; '.join(told) or 'nothing'})")
        if self.report.named < NAMED_RIGHTLY * len(self.bugs):
            self._blame(f"{len(unnamed)} bugs are not told their name: {', '.join(unnamed)}")
        self.report.unnamed = unnamed

    def _diagnosed(self, result: dict) -> TestResult:
        names = self.fingerprints.diagnose(result["test"], result["seed"], result["outputs"])
        return TestResult(result["test"], "", True, result["verdict"], diagnosis=names)

    def _deep(self) -> None:
        """Other seeds and orders: 20 for reference and twins, 5 for bugs; ⚖ tests included."""
        own = {item: item.stash[INFO] for item in self.session.items}
        for number in range(DEEP_KEYS):
            key = f"deep {number}".encode()
            for item, info in own.items():
                item.stash[INFO] = _with_key(item, info, key)
            order = random.Random(number).sample(self.session.items, len(self.session.items))
            transport = LocalTransport(lambda: self.adapters)
            for result in self._run(transport, order):
                if result["verdict"] != "pass":
                    self._blame(f"seed {key!r}: the reference fails {result['test']}")
            for twin in self.twins:
                for result in self._try(twin):
                    if result["verdict"] != "pass":
                        self._blame(f"seed {key!r}: the twin {twin.name} fails {result['test']}")
            for bug in self.bugs if number < DEEP_BUG_KEYS else ():
                if all(r["verdict"] == "pass" for r in self._try(bug)):
                    self._blame(f"seed {key!r}: the bug {bug.name} passes")

    def _try(self, variant: Variant) -> list[dict]:
        """Test one variant on its own problem."""
        items = [i for i in self.quick if i.stash[INFO].problem.name == variant.problem]
        if not items:
            self._blame(f"{variant.name} belongs to {variant.problem!r}, which has no tests")
        namespace = overlay(self.adapters, variant)
        return self._run(LocalTransport(lambda: namespace), items)

    def _run(self, transport: LocalTransport, items: list[pytest.Item]) -> list[dict]:
        """Run tests in a fork; a result per test, also for those that a hang has kept from it."""

        def work(send: Callable[[dict], None]) -> None:
            bench: Bench = self.bench
            bench.restart(lambda name: transport)
            bench.forbid = False
            seen: dict[str, dict[str, list]] = {}

            def watch(info: TestInfo, door: Door, result: TestResult) -> None:
                outputs = door.outputs if result.verdict not in ("pass", "todo") else []
                pairs = zip(self.outputs[info.test], outputs, strict=False)
                told = [tells(*pair) for pair in pairs]
                vectors = [v.tolist() for v in project_all(outputs[: len(told)])]
                seen[info.test] = {"outputs": vectors, "tells": told}

            bench.watch = watch
            for result in run_items(self.session, items):
                send(asdict(result) | seen[result.test])

        found = {result["test"]: result for result in in_fork(work, VARIANT_SECONDS)}
        hung = {"verdict": "timeout", "detail": "no answer", "outputs": [], "tells": []}
        infos = [item.stash[INFO] for item in items]
        return [found.get(i.test, hung) | {"test": i.test, "seed": i.seed} for i in infos]


def in_fork(work: Callable[[Callable[[dict], None]], None], seconds: int) -> Iterable[dict]:
    """Run `work` in a fork that is killed after `seconds`; what it has sent."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            signal.alarm(seconds)
            with open(write, "w", encoding="utf-8", buffering=1) as pipe:
                work(lambda message: print(json.dumps(message), file=pipe))
        finally:
            os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as pipe:
        lines = pipe.read().splitlines()
    os.waitpid(pid, 0)
    return [json.loads(line) for line in lines]


def _chapter_of(session: pytest.Session):
    return session.items[0].stash[INFO].chapter


def _with_key(item: pytest.Item, info: TestInfo, key: bytes) -> TestInfo:
    seed = seed_of(f"{info.chapter.name}/{info.test}", key)
    if hasattr(item.obj, "hypothesis"):
        hypothesis.seed(seed)(item.obj)
    return replace(info, seed=seed)


def _differ(new: Fingerprints, old: Fingerprints) -> bool:
    """Whether a bank is out of date: other bugs, tests or seeds, or many other fingerprints.

    A few differ from run to run, since an output may depend on a path, on time or on memory.
    """
    if new.misconceptions != old.misconceptions or new.tests.keys() != old.tests.keys():
        return True
    if any(entry["seed"] != old.tests[test]["seed"] for test, entry in new.tests.items()):
        return True
    mine, theirs = _by_bug(new), _by_bug(old)
    changed = [k for k in mine.keys() | theirs.keys() if not _near(mine.get(k), theirs.get(k))]
    return len(changed) > UNSTABLE * len(mine)


def _by_bug(bank: Fingerprints) -> dict[tuple[str, str], dict]:
    return {(t, bug): calls for t, e in bank.tests.items() for bug, calls in e["bugs"].items()}


def _near(mine: dict | None, theirs: dict | None) -> bool:
    if mine is None or theirs is None or mine.keys() != theirs.keys():
        return False
    return all(np.allclose(v, theirs[call], rtol=TINY, atol=TINY) for call, v in mine.items())


def main() -> None:
    """Audit the chapter named in argv; --deep and --frozen may follow."""
    name, *options = sys.argv[1:]
    sys.path.insert(0, str(repository()))
    started = time.monotonic()
    auditor = Auditor(name, "--deep" in options, "--frozen" in options)
    reason = run_pytest(name, auditor)
    if reason and not auditor.report.mistakes:
        auditor.report.mistakes.append(f"the tests cannot be run: {reason}")
    auditor.report.seconds = round(time.monotonic() - started, 1)
    print(json.dumps(asdict(auditor.report)))


if __name__ == "__main__":
    main()
