"""The bench on which chapters are tested: it opens doors, draws seeds and gives verdicts."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from kit.chapters import Chapter, Problem, chapter, repository
from kit.contract import read_contract
from kit.diagnosis import Fingerprints, project_all
from kit.door import Allowance, Door, LocalTransport, Student, Transport
from kit.faults import Fault
from kit.loader import Source, find_source
from kit.results import Figure, TestResult, Verdict
from kit.seeds import PUBLIC_KEY, course_key, seed_of

DETAIL_LIMIT = 4000


@dataclass(frozen=True)
class TestInfo:
    """One test of a chapter, as the grader knows it."""

    __test__ = False  # keeps pytest from collecting this class

    chapter: Chapter
    problem: Problem
    test: str  # "test_hidden.py::test_rows_sum_to_one"
    title: str
    public: bool
    seed: int


def contract_path(name: str):
    """The pristine signatures of a chapter: the reference's, or in a release their copy."""
    root = repository()
    shipped = root / "tests" / name / "contract.py"
    return shipped if shipped.is_file() else root / "solutions" / name / "adapters.py"


def open_door(name: str, transport: Transport, forbid: bool) -> Door:
    """A door to chapter `name` over a transport."""
    folder = repository() / "tests" / name
    files = {path.stem: path for path in sorted(folder.glob("drivers_*.py"))}
    problems = chapter(name).problems if forbid else ()
    rules = {p.name: [list(p.adapters), list(p.forbid)] for p in problems if p.forbid}
    return Door(name, transport, read_contract(contract_path(name)), files, rules)


class SourceTransport(LocalTransport):
    """A chapter's code in this process; its modules stand aside while another chapter is open."""

    def __init__(self, source: Source):
        super().__init__(source.open, source)
        self.source = source

    def close(self) -> None:
        """Take the chapter's modules away."""
        self.source.close()


@dataclass
class Bench:
    """All that the tests of one run share."""

    impl: str = "solutions"
    deps: str = "reference"
    isolated: bool = False
    seed: int | None = None  # replays one seed in place of each test's own
    key: bytes | None = None
    forbid: bool = True  # audit's twins may use what a problem forbids
    terse: bool = False  # judges and audit read verdicts, not tracebacks
    make_transport: Callable[[str], Transport] | None = None  # the judge and audit set their own
    student: Student = field(default_factory=Student)
    results: list[tuple[Chapter, TestResult]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)  # that the current test has recorded
    watch: Callable[[TestInfo, Door, TestResult], None] | None = None  # audit looks at outputs
    _doors: dict[str, Door] = field(default_factory=dict)
    _banks: dict[str, Fingerprints] = field(default_factory=dict)

    def info(self, name: str, problem: Problem, test: str, title: str) -> TestInfo:
        """Describe a test; its seed is the replayed one, or its own."""
        public = test.startswith("test_public")
        if self.key is None and not public:
            self.key = course_key()
        own = seed_of(f"{name}/{test}", PUBLIC_KEY if public else self.key)
        seed = own if self.seed is None else self.seed
        return TestInfo(chapter(name), problem, test, title, public, seed)

    def begin(self, info: TestInfo) -> None:
        """Make `student` the door of the test's chapter, and start its random numbers afresh."""
        name, problem = info.chapter.name, info.problem
        if name not in self._doors:
            self._doors[name] = open_door(name, self._transport(name), self.forbid)
        door = self._doors[name]
        if self.student._door is not door:
            if self.student._door is not None:
                self.student._door.close()
            self.student._door = door
        forbid = problem.forbid if self.forbid else ()
        allowance = Allowance(problem.name, problem.seconds, problem.memory_mb, forbid)
        door.begin(info.seed, allowance)
        self.figures = []

    def _transport(self, name: str) -> Transport:
        if self.make_transport is not None:
            return self.make_transport(name)
        source = find_source(name, self.impl, self.deps)
        if self.isolated:
            from kit.isolation import isolated_transport  # starts a process: only when asked

            return isolated_transport(source)
        return SourceTransport(source)

    def judge(self, info: TestInfo, error: BaseException | None, seconds: float) -> TestResult:
        """The verdict on the test that has just run. A fault behind the door is never lost."""
        door = self._doors.get(info.chapter.name)
        fault = door.fault if door else None
        verdict = verdict_on(error, fault)
        diagnosis: tuple[str, ...] = ()
        if verdict in ("fail", "error"):
            bank = self.load_bank(info.chapter.name)
            diagnosis = bank.diagnose(
                info.test, info.seed, project_all(door.outputs if door else [])
            )
        result = TestResult(
            info.test,
            info.problem.name,
            info.public,
            verdict,
            round(seconds, 4),
            info.title,
            _storable(_detail(error if error is not None else fault)[:DETAIL_LIMIT]),
            diagnosis,
            tuple(self.figures) if verdict == "pass" else (),
        )
        self.results.append((info.chapter, result))
        if self.watch is not None and door is not None:
            self.watch(info, door, result)
        return result

    def forgive(self) -> bool:
        """Whether the last test is to be run again, since its process was killed by somebody."""
        door = self.student._door
        return door is not None and door.forgive()

    def load_bank(self, name: str) -> Fingerprints:
        """The fingerprints of a chapter's bugs, read once."""
        if name not in self._banks:
            self._banks[name] = Fingerprints.read(
                repository() / "tests" / name / "fingerprints.json"
            )
        return self._banks[name]

    def restart(self, make_transport: Callable[[str], Transport]) -> None:
        """Forget all doors and results: what follows is about other code."""
        self.make_transport = make_transport
        self._doors.clear()
        self.results.clear()
        self.student._door = None

    def close(self) -> None:
        """End every student's process."""
        for door in self._doors.values():
            door.close()
        self._doors.clear()
        self.student._door = None


def verdict_on(error: BaseException | None, fault: Fault | None) -> Verdict:
    """Pass, fail, error, or what befell the student's process."""
    if isinstance(error, Fault):
        return error.verdict
    if fault is not None:  # a test that swallows a fault has not passed
        return fault.verdict
    if error is None:
        return "pass"
    return "fail" if isinstance(error, AssertionError) else "error"


def _storable(text: str) -> str:
    """Text that a journal can hold: half of a surrogate pair, which code may raise, has no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _detail(error: BaseException | None) -> str:
    """An error in words: its message, and where in the student's code it arose."""
    if error is None:
        return ""
    if isinstance(error, AssertionError | Fault):
        return str(error)
    if where := getattr(error, "where", ""):
        return f"{type(error).__name__}: {error} ({where})"
    return "".join(traceback.format_exception_only(error)).strip()
