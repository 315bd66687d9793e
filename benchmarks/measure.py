"""Measure two pieces of work side by side, each time in a fresh fork, and keep the table of results.

A ratio of medians of CPU seconds counts: other users of the machine disturb it less than wall time,
and taking turns (A B A B ...) lets a disturbance hit both sides. CPU seconds are those of the fork
and the processes it started; the memory is the fork's largest resident set, minus that at its start.
"""

import os
import pickle
import platform
import resource
import statistics
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

BUSY = 1.5  # a benchmark alone keeps a load of 1
RESULTS = Path(__file__).parent / "results.md"
HEADER = """# Results

Written by `python -m benchmarks`; see benchmarks/measure.py for how. "kit ÷ peer" is how many times
as fast the kit is: the peer's median seconds over the kit's. Brackets: fastest to slowest run.

| benchmark | work | peer | kit, s | peer, s | kit ÷ peer | clock | kit, MB | peer, MB | same | date |
|---|---|---|--:|--:|--:|---|--:|--:|---|---|
"""


@dataclass(frozen=True)
class Run:
    """One run of one side."""

    value: object
    cpu: float
    wall: float
    bytes: int


def in_fork(
    work: Callable[[], object], summary: Callable[[object], object], rehearse: bool = False
) -> Run:
    """Do the work in a child of this process; a summary of its value comes back, off the clock."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(read)
            with open(write, "wb") as pipe:
                pickle.dump(_measured(work, summary, rehearse), pipe)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(write)
    with open(read, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    if not data:
        raise RuntimeError("the measured work failed; its traceback stands above")
    return pickle.loads(data)


def _measured(
    work: Callable[[], object], summary: Callable[[object], object], rehearse: bool
) -> Run:
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = _status("VmRSS")
    if rehearse:
        work()
    cpu, wall = _cpu(), time.perf_counter()
    value = work()
    cpu, wall = _cpu() - cpu, time.perf_counter() - wall
    peak = _status("VmHWM") - before
    return Run(summary(value), cpu, wall, peak)


def _cpu() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))


def side_by_side(
    benchmark: str,
    title: str,
    kit: Callable[[], object],
    peer: Callable[[], object],
    peer_name: str,
    same: Callable[[object, object], str],
    repetitions: int,
    clock: str = "cpu",
    summary: Callable[[object], object] = lambda value: value,
    peer_parts: int = 1,
    rehearse: bool = False,
) -> None:
    """Measure both in turn and enter a row; `same` says in what they agree, or raises.

    A peer whose work is many independent parts may do one of `peer_parts`; its time counts as often.
    Work that goes on for long is rehearsed once in each fork: its first round pays for the memory
    that a new process has yet to get, and that later rounds use again.
    """
    # others' load reaches both sides, but not always alike
    note = ", busy machine" if os.getloadavg()[0] > BUSY else ""
    runs: dict[str, list[Run]] = {"kit": [], "peer": []}
    for _ in range(repetitions):
        runs["kit"].append(in_fork(kit, summary, rehearse))
        runs["peer"].append(in_fork(peer, summary, rehearse))
    # in a fork too: what this process had freed, later forks would use again unmeasured
    values = runs["kit"][0].value, runs["peer"][0].value
    agreement = in_fork(lambda: same(*values), lambda value: value).value
    seconds = {side: [getattr(run, clock) for run in runs[side]] for side in runs}
    seconds["peer"] = [peer_parts * value for value in seconds["peer"]]
    medians = {side: statistics.median(values) for side, values in seconds.items()}
    shown = {
        side: f"{medians[side]:.2f} ({min(values):.2f}–{max(values):.2f})"
        for side, values in seconds.items()
    }
    memory = {
        # with several processes the fork's own memory says nothing
        side: f"{statistics.median(run.bytes for run in runs[side]) / 1e6:.0f}"
        if clock == "cpu"
        else "–"
        for side in runs
    }
    ratio = medians["peer"] / medians["kit"]
    row = (
        f"| {benchmark} | {title} | {peer_name} | {shown['kit']} | {shown['peer']} | {ratio:.2f} "
        f"| {clock}, median of {repetitions}{note} | {memory['kit']} | {memory['peer']} "
        f"| {agreement} | {date.today()} |"
    )
    print(row, flush=True)
    enter(benchmark, title, row)


def enter(benchmark: str, title: str, row: str) -> None:
    """Put a row into results.md in place of its forerunner; all other rows stay."""
    lines = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.is_file() else []
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| benchmark ")]
    start = f"| {benchmark} | {title} |"
    rows = [line for line in rows if not line.startswith(start)] + [row]
    rows.sort(key=lambda line: line.split(" | ")[0])  # stable: within a benchmark as entered
    text = HEADER + "\n".join(rows) + "\n\n" + machine()
    temporary = RESULTS.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, RESULTS)


def need_compiler() -> None:
    """torch.compile says so too, but only after a minute, and at length."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise SystemExit(
            "torch.compile found no C++ compiler; install g++ or clang++, or name one in CXX"
        ) from error


def named(package: str) -> str:
    """A package with its version."""
    return f"`{package}` {version(package)}"


def machine() -> str:
    """Where the last row was measured."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"Last run: Python {platform.python_version()}, {os.cpu_count()} cores, {cpu}.\n"
