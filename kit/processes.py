"""What a process and everything it forked cost, read from /proc by somebody outside.

A student's process cannot be asked: it would answer what it likes. The tree is found anew on each
call, so a number may miss a process that was born or reaped in between; it never names one of
another tree.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
THREADS = 17  # their number, in what _stat returns


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on: [state, parent, ...]; [] when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # The second field, a name in brackets, may itself hold brackets and blanks.
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _children_from_table() -> dict[int, list[int]]:
    """Parent to children, from every process there is: for kernels without `children` files."""
    found: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(int(name))):
            found.setdefault(int(fields[1]), []).append(int(name))
    return found


def _children(pid: int) -> list[int]:
    """The children of one process, over all its threads; FileNotFoundError if it cannot tell."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
            found += map(int, file.read().split())
    return found


def descendants(pid: int) -> list[int]:
    """All living and unreaped descendants of a process, parents before their children."""
    has_lists = os.path.exists(f"/proc/self/task/{os.getpid()}/children")
    table = None if has_lists else _children_from_table()
    found: list[int] = []
    todo = [pid]
    while todo:
        parent = todo.pop()
        try:
            children = _children(parent) if table is None else table.get(parent, [])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile, and its children now have another parent
        found += children
        todo += children
    return found


def parent(pid: int) -> int:
    """The parent of a process; 0 when the process is gone."""
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def is_alive(pid: int) -> bool:
    """Whether a process exists and can still run: a zombie cannot, unless it has threads left."""
    fields = _stat(pid)
    return bool(fields) and (fields[0] not in "ZX" or int(fields[THREADS]) > 1)


def _telling(pid: int) -> int:
    """The thread that tells what a process holds: another one, once the first has ended."""
    fields = _stat(pid)
    if fields and fields[0] in "ZX" and int(fields[THREADS]) > 1:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return next((t for t in map(int, os.listdir(f"/proc/{pid}/task")) if t != pid), pid)
    return pid


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its descendants, reaped children included.

    A child that ends while its parent ignores SIGCHLD is reaped uncounted: where the sandbox's
    filter does not see to it that none does, a limit on CPU time needs one on wall time beside it.
    """
    total = 0.0
    for member in [pid, *descendants(pid)]:
        # utime, stime, and the same two of reaped children (proc_pid_stat(5), fields 14 to 17)
        ticks = [*map(int, _stat(member)[11:15])]
        try:
            # the process's own clock, exact to the nanosecond (clock_getcpuclockid(3))
            own = time.clock_gettime(~member << 3 | 2)
        except OSError:  # it is a zombie, or gone
            own = sum(ticks[:2]) / TICKS_PER_SECOND
        total += own + sum(ticks[2:]) / TICKS_PER_SECOND
    return total


def peak_rss_mb(pid: int) -> float:
    """The highest memory use that any single process of the tree ever reached, in MiB.

    Pages shared with the process it was forked from count too: compare with the value at the start.
    """
    peak = 0
    for member in [pid, *descendants(pid)]:
        try:
            with open(f"/proc/{member}/status", encoding="utf-8", errors="replace") as file:
                lines = [line for line in file if line.startswith("VmHWM:")]
        except (FileNotFoundError, ProcessLookupError):
            continue
        peak = max([peak, *(int(line.split()[1]) for line in lines)])
    return peak / 1024


def own_memory_mb(pid: int) -> float:
    """The memory of one process that no file backs, pages shared with its parent included, in MiB."""
    return _sum_of(f"/proc/{_telling(pid)}/status", ("RssAnon:", "RssShmem:")) / 1024


def tree_exceeds(pid: int, limit_mb: float, inherited_mb: float) -> bool:
    """Whether a process and all its descendants together hold more memory than they may, in MiB.

    `inherited_mb` is what the process it was forked from held. Pages that several share count once:
    that is slow to find out, so it is asked only where a rough sum is above the limit.
    """
    members = [pid, *descendants(pid)]
    rough = sum(max(0.0, own_memory_mb(member) - inherited_mb) for member in members)
    if rough <= limit_mb:
        return False
    try:
        names = ("Pss_Anon:", "Pss_Shmem:")
        files = (f"/proc/{_telling(member)}/smaps_rollup" for member in members)
        exact = sum(_sum_of(file, names) for file in files) / 1024
    except PermissionError:  # of a user that this process may not look into
        return True
    return exact > limit_mb + inherited_mb


def _sum_of(path: str, names: tuple[str, ...]) -> int:
    """The sum of some lines of a file in /proc, in KiB; 0 when the process is gone."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith(names))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _stop_descendants(pid: int, seconds: float) -> set[int]:
    """Stop all that a process started, and name it. A stopped process cannot fork."""
    deadline = time.monotonic() + seconds
    known: set[int] = set()
    while not (living := set(filter(is_alive, descendants(pid)))) <= known:
        for member in living:
            _signal(member, signal.SIGSTOP)
        known = living
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {sorted(living)} survive SIGSTOP")
        time.sleep(0.0005)
    return living


@contextlib.contextmanager
def paused(pid: int, seconds: float = 5.0) -> Iterator[None]:
    """Stop all that a process started for a while: nothing in it works, ends or is reaped."""
    stopped = _stop_descendants(pid, seconds)
    try:
        yield
    finally:
        for member in stopped:
            _signal(member, signal.SIGCONT)


def kill_descendants(pid: int, seconds: float = 5.0) -> None:
    """Kill all that a process started; TimeoutError if something survives.

    All are stopped first, until no new one turns up: a fork bomb would outrun a killer that went
    through a list.
    """
    deadline = time.monotonic() + seconds
    while living := _stop_descendants(pid, seconds):
        for member in living:
            _signal(member, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {sorted(living)} survive SIGKILL")
        time.sleep(0.0005)


def kill_tree(pid: int, seconds: float = 5.0) -> None:
    """Kill a child and all that it started; the caller still has to wait for the child."""
    kill_descendants(pid, seconds)
    _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        os.kill(pid, number)
