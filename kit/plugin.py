"""The pytest plugin: it opens the door to the code under test and says what to do next.

A test of a chapter carries `@pytest.mark.problem(NAME)`, asks for `student` (the door) and draws
its inputs from `rng`. Students, the grader and audit run the same files through this plugin.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import gettempdir

if not Path("/dev/nvidia0").exists():  # creating a torch optimizer already imports triton
    os.environ.setdefault("TRITON_INTERPRET", "1")
# hypothesis keeps tables of Unicode on disk; not in the student's folder
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", f"{gettempdir()}/hypothesis-{os.getuid()}")

import hypothesis
import pytest
import torch

from kit.bench import Bench, TestInfo
from kit.chapters import chapter, chapter_names, repository
from kit.door import Student
from kit.faults import Fault, Unimportable
from kit.panel import print_panel
from kit.results import Figure, TestResult
from kit.stopwatch import Stopwatch

torch.set_num_threads(1)  # before any operation; two threads on busy cores were 20 times slower

BENCH = pytest.StashKey[Bench]()
INFO = pytest.StashKey[TestInfo]()
MARKERS = {
    "problem(name)": "the problem of chapter.toml that the test belongs to",
    "statistical": "a small training run or a frequency; states its false-failure rate",
    "gpu": "needs a CUDA device",
    "slow": "left out of the default run",
    "slurm": "needs a running Slurm",
    "browser": "needs Chromium",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the kit's options; the defaults of --impl and --deps stand in pyproject.toml."""
    group = parser.getgroup("storyteller", "Storyteller: whose code is tested, and how")
    group.addoption("--impl", metavar="WHO", help="solutions, student, or a submission's folder")
    group.addoption("--deps", metavar="WHO", help="whose earlier chapters: reference or student")
    group.addoption("--isolated", action="store_true", help="run the code in its own process")
    group.addoption("--problem", metavar="NAME", help="only the tests of one problem")
    group.addoption("--seed", type=int, help="replay with the seed a failure has printed")
    parser.addini("impl", "default of --impl", default="student")
    parser.addini("deps", "default of --deps", default="reference")


def pytest_configure(config: pytest.Config) -> None:
    """Register markers, set hypothesis up, and make the bench on which chapters are tested."""
    for marker, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: {meaning}")
    # derandomize: the same examples each time, for the kit's own tests; chapters' have their seed
    hypothesis.settings.register_profile(
        "kit",
        deadline=None,
        database=None,
        derandomize=True,
        max_examples=25,
        report_multiple_bugs=False,
    )
    hypothesis.settings.load_profile("kit")
    config.stash[BENCH] = Bench(
        impl=config.getoption("impl") or config.getini("impl"),
        deps=config.getoption("deps") or config.getini("deps"),
        isolated=config.getoption("isolated"),
        seed=config.getoption("seed"),
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the students' processes."""
    config.stash[BENCH].close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Read every chapter test's problem and seed; keep the ones asked for."""
    bench, only, kept = config.stash[BENCH], config.getoption("problem"), []
    for item in items:
        info = _info(item, bench)
        if info is not None:
            item.stash[INFO] = info
            item.repr_failure = partial(_repr_failure, bench, item.repr_failure)
            if hasattr(item.obj, "hypothesis"):
                hypothesis.seed(info.seed)(item.obj)
        if only is None or (info is not None and info.problem.name == only):
            kept.append(item)
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
    if only is not None and not kept:
        names = sorted({p.name for name in chapter_names() for p in chapter(name).problems})
        raise pytest.UsageError(f"no test belongs to problem {only!r}; choose from {names}")
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _repr_failure(bench: Bench, full: Callable, excinfo: pytest.ExceptionInfo) -> object:
    """Format a failure only if somebody will read it: a traceback takes 50 ms."""
    if bench.terse or isinstance(excinfo.value, Fault):
        return str(excinfo.value)
    return full(excinfo)


def _info(item: pytest.Item, bench: Bench) -> TestInfo | None:
    """What the plugin knows of a chapter's test; None for the kit's own tests."""
    name = item.path.parent.name
    if item.path.parent.parent != repository() / "tests" or name not in chapter_names():
        return None
    marker = item.get_closest_marker("problem")
    if marker is None:
        raise pytest.UsageError(f"{item.nodeid} has no @pytest.mark.problem")
    try:
        problem = chapter(name).problem(marker.args[0])
    except KeyError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error.args[0]}") from None
    test = f"{item.path.name}::{item.nodeid.partition('::')[2]}"
    doc = (item.obj.__doc__ or item.originalname.removeprefix("test_").replace("_", " ")).strip()
    return bench.info(name, problem, test, doc.splitlines()[0])


@pytest.fixture(scope="session")
def student(request: pytest.FixtureRequest) -> Student:
    """The door to the code under test."""
    return request.config.stash[BENCH].student


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The test's own seed; see kit/seeds.py."""
    return request.node.stash[INFO].seed


@pytest.fixture
def rng(seed: int) -> torch.Generator:
    """A random generator at the test's own seed."""
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def stopwatch(student: Student) -> Stopwatch:
    """What the code under test costs; see kit/stopwatch.py."""
    return Stopwatch(student)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable:
    """Record a figure of merit: `figure("training", 3.2, "times the yardstick", better="lower")`.

    It must be of the test's own measuring, since student code may claim what it likes. It counts
    if the test passes, and all tests of its problem do.
    """
    figures = request.config.stash[BENCH].figures

    def record(name: str, value: float, unit: str = "", *, better: str) -> None:
        if name in {figure.name for figure in figures}:
            raise ValueError(f"this test has recorded a figure {name!r} already; name it otherwise")
        figures.append(Figure(name, float(value), unit, better))

    return record


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Open the door of the test's chapter."""
    if INFO in item.stash:
        item.config.stash[BENCH].begin(item.stash[INFO])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Turn the outcome of a chapter's test into a verdict."""
    report = yield
    if (
        INFO not in item.stash
        or report.when == "teardown"
        or (report.when, report.outcome)
        == (
            "setup",
            "passed",
        )
    ):
        return report
    bench, info = item.config.stash[BENCH], item.stash[INFO]
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, pytest.skip.Exception):
        return report
    result = bench.judge(info, error, report.duration)
    report.storyteller = result
    if result.verdict == "pass":
        return report
    report.outcome = "failed"
    if result.verdict == "todo":
        report.outcome, report.longrepr = "skipped", (str(item.path), 0, result.detail)
    elif error is None:
        report.longrepr = f"the test swallowed a fault: {result.detail}"
    elif isinstance(error, Fault):
        report.longrepr = f"{result.verdict}: {error}"
    # once is enough to be told that adapters.py cannot be imported
    report.told = isinstance(error, Unimportable) and not error.trace
    if not report.told:
        _add_sections(report, result, info, error)
    return report


def _add_sections(
    report: pytest.TestReport, result: TestResult, info: TestInfo, error: BaseException | None
) -> None:
    if result.verdict == "todo":
        return
    if trace := getattr(error, "trace", ""):
        report.sections.append(("your code", trace))
    where = f"tests/{info.chapter.name}/{info.test}"
    report.sections.append(("replay", f'pytest "{where}" --seed {info.seed}'))


def pytest_report_teststatus(report: pytest.TestReport):
    """Show what is not implemented yet as todo, and name a broken adapters.py once."""
    result = getattr(report, "storyteller", None)
    if result is not None and result.verdict == "todo":
        return "todo", "t", ("TODO", {"yellow": True})
    if getattr(report, "told", False):
        return "not run", "x", ("NOT RUN", {"red": True})
    return None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run in which something is still to do has not passed."""
    results = session.config.stash[BENCH].results
    if session.exitstatus == 0 and any(r.verdict == "todo" for _, r in results):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """End with the progress panel."""
    bench = config.stash[BENCH]
    if bench.results:
        # what pyproject.toml says already need not be typed again
        options = "".join(
            f" --{name} {config.getoption(name)}"
            for name in ("impl", "deps")
            if config.getoption(name) not in (None, config.getini(name))
        )
        file = None if terminalreporter.isatty else sys.stdout
        print_panel(bench.results, bench.impl, options, file)
