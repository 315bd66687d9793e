"""Time, memory and descendants of a process, as somebody outside sees them."""

import ctypes
import mmap
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from kit import processes


@contextmanager
def child_that(work: Callable[[], None]) -> Iterator[int]:
    """A child that works, says so, and then waits to be killed."""
    reader, writer = os.pipe()
    if not (child := os.fork()):
        try:
            work()
            os.write(writer, b"x")
            time.sleep(20)
        finally:
            os._exit(0)
    os.close(writer)
    try:
        assert os.read(reader, 1), "the child died"
        yield child
    finally:
        processes.kill_tree(child)
        os.waitpid(child, 0)
        os.close(reader)


def soon(condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true within five seconds."""
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def burn(seconds: float) -> None:
    while time.process_time() < seconds:
        pass


def burn_in_child(seconds: float, wait: bool) -> None:
    if not (child := os.fork()):
        burn(seconds)
        os._exit(0)
    if wait:
        os.waitpid(child, 0)
    else:
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it stays a zombie


@pytest.mark.parametrize("wait", [True, False], ids=["reaped", "unreaped"])
def test_cpu_seconds_count_ended_children(wait):
    def work():
        burn(0.1)
        burn_in_child(0.2, wait)

    with child_that(work) as pid:
        assert 0.25 < processes.cpu_seconds(pid) < 0.6, "a child's time was missed or counted twice"


def test_cpu_seconds_are_finer_than_a_tick():
    """Ticks are 10 ms; what student code does may take less."""
    before = processes.cpu_seconds(os.getpid())
    burn(time.process_time() + 0.003)
    spent = processes.cpu_seconds(os.getpid()) - before
    assert 0.003 <= spent < 0.1


def fork_chain(length: int) -> None:
    """A child with a child with a child; all but the first sleep."""
    for generation in range(length):
        if os.fork():
            return time.sleep(20) if generation else None
    time.sleep(20)


@pytest.mark.parametrize("has_lists", [True, False], ids=["children-files", "whole-table"])
def test_descendants_are_found_to_the_last(has_lists, monkeypatch):
    if not has_lists:
        monkeypatch.setattr(processes.os.path, "exists", lambda path: False)
    with child_that(lambda: fork_chain(3)) as pid:
        assert soon(lambda: len(processes.descendants(pid)) == 3)
        found = processes.descendants(pid)
        assert [processes.parent(member) for member in found] == [pid, *found[:2]]
    assert soon(lambda: not any(map(processes.is_alive, found))), "kill_tree left one"


def test_a_fork_bomb_does_not_outrun_the_killer():
    def explode():
        if not os.fork():
            while len(processes.descendants(os.getpid())) < 20:
                if not os.fork():
                    time.sleep(0.02)
                    os._exit(0)
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass

    with child_that(explode) as pid:
        processes.kill_descendants(pid)
        assert not any(map(processes.is_alive, processes.descendants(pid)))


def test_peak_memory_remembers_what_was_freed():
    def fill():
        with mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as area:
            area.write(bytes(64 << 20))

    with child_that(lambda: None) as idle, child_that(fill) as full:
        assert processes.peak_rss_mb(full) > processes.peak_rss_mb(idle) + 60


def lose_first_thread(megabytes: int) -> None:
    """A child whose first thread ends, and is a zombie, while another holds memory and runs on."""

    def hold():
        area = bytearray(b"x" * (megabytes << 20))
        time.sleep(20 + len(area) % 2)

    if not os.fork():
        threading.Thread(target=hold).start()
        ctypes.CDLL(None).pthread_exit(None)


def test_a_process_without_its_first_thread_is_measured_and_killed():
    with child_that(lambda: lose_first_thread(300)) as pid:
        [headless] = processes.descendants(pid)
        assert soon(lambda: processes._stat(headless)[0] == "Z")
        assert processes.is_alive(headless)
        assert soon(lambda: processes.own_memory_mb(headless) > 300)
        assert processes.tree_exceeds(pid, processes.own_memory_mb(pid) + 50, 0.0)
        processes.kill_descendants(pid)
        assert not processes.is_alive(headless)


def test_what_is_paused_stands_still_and_then_goes_on():
    def used() -> float:
        before = processes.cpu_seconds(pid)
        time.sleep(0.05)
        return processes.cpu_seconds(pid) - before

    def work():
        if not os.fork():
            burn(20)

    with child_that(work) as pid:
        with processes.paused(pid):
            time.sleep(0.05)  # a signal takes its time on a busy machine
            assert used() < 0.005  # its parent is not stopped, and may be told of it
        assert soon(lambda: used() > 0)


def test_a_process_that_is_gone_costs_nothing():
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    assert processes.cpu_seconds(child) == processes.peak_rss_mb(child) == 0
    assert processes.descendants(child) == [] and processes.parent(child) == 0
    assert not processes.is_alive(child)


def test_a_stopped_process_is_killed_too():
    with child_that(lambda: None) as pid:
        os.kill(pid, signal.SIGSTOP)
        processes.kill_tree(pid)
        assert soon(lambda: not processes.is_alive(pid))
