"""The stopwatch: code under test is measured from outside, and cannot talk the figure down."""

import re
import shutil
import socket
import threading
import time

import pytest

from kit import stopwatch
from tests.kit.toy import run_pytest

DRIVERS = """

import os, signal, threading, time

clock = time.thread_time


def burn(seconds):
    start = clock()
    while clock() - start < seconds:
        pass


def by_itself(adapters, number):
    burn(0.06)
    return number


def in_a_child(adapters, number):
    if pid := os.fork():
        os.waitpid(pid, 0)
    else:
        burn(0.06)
        os._exit(0)
    return number


def in_a_child_nobody_waits_for(adapters, number):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    reader, writer = os.pipe()
    if not os.fork():
        burn(0.06)
        os._exit(0)
    os.close(writer)
    os.read(reader, 1)
    time.sleep(0.02)
    return number


def in_a_process_without_a_parent(adapters, number):
    reader, writer = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            burn(0.06)
        os._exit(0)
    os.close(writer)
    os.read(reader, 1)
    return number


def never_at_rest(adapters, number):
    threading.Thread(target=burn, args=(60,), daemon=True).start()
    return number


def in_a_thread(adapters, number):
    thread = threading.Thread(target=burn, args=(0.06,))
    thread.start()
    thread.join()
    return number


def behind_a_false_clock(adapters, number):
    burn(0.06)
    time.process_time = time.time = time.monotonic = lambda: 0.0
    return number


def asleep(adapters, number):
    time.sleep(0.06)
    return number
"""
TESTS = '''

def yardstick(number):
    start = time.thread_time()
    while time.thread_time() - start < 0.02:
        pass


@pytest.mark.problem("halve")
@pytest.mark.parametrize("way", [WAYS])
def test_is_fast(student, stopwatch, figure, way):
    """Thrice the yardstick."""
    ratio, answers = stopwatch.ratio(lambda n: student.run(way, n), yardstick)
    assert answers == [0, 1, 2]
    figure(way, ratio, better="lower")


@pytest.mark.problem("halve")
def test_is_fast_only_while_asked(student, stopwatch):
    """What still runs after its answer stands still beside the yardstick."""
    used = []

    def look(number):
        before = student._door.cpu_seconds()
        yardstick(number)
        used.append(student._door.cpu_seconds() - before)

    stopwatch.ratio(lambda n: student.run("never_at_rest", n), look)
    assert max(used) < 0.002, used
'''
WAYS = (
    *("by_itself", "in_a_child", "in_a_child_nobody_waits_for", "in_a_process_without_a_parent"),
    *("in_a_thread", "asleep", "behind_a_false_clock"),
)


@pytest.fixture(scope="module")
def ratios(toy_kit, tmp_path_factory) -> dict[str, float]:
    """What was measured of work that takes three times the yardstick, done in each of WAYS."""
    kit = shutil.copytree(toy_kit, tmp_path_factory.mktemp("fast") / "kit")
    tests = "import time\n\n" + TESTS.replace("WAYS", ", ".join(map(repr, WAYS)))
    for file, text in (("test_hidden.py", tests), ("drivers_hidden.py", DRIVERS)):
        path = kit / "tests" / "ch91_base" / file
        path.write_text(path.read_text() + text)
    done = run_pytest(kit, "--isolated", "--impl", "solutions", "-k", "is_fast", "tests/ch91_base")
    assert f"{len(WAYS) + 1} passed" in done.stdout, done.stdout + done.stderr
    return {way: float(x) for way, x in re.findall(r"ch91_base: (\w+): (\S+) \(", done.stdout)}


@pytest.mark.parametrize("way", WAYS)
def test_work_is_measured_wherever_it_is_done(ratios, way):
    least, most = (0.0, 1.0) if way == "asleep" else (2.0, 5.0)
    assert least <= ratios[way] < most, "work was missed, or something else was counted"


def test_one_measures_at_a_time(monkeypatch):
    def wait(seconds: float) -> float:
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(stopwatch.LOCK)
            threading.Timer(seconds, other.close).start()
            started = time.monotonic()
            with stopwatch._alone():
                return time.monotonic() - started

    assert 0.3 < wait(0.3) < 5, "it measured beside another"
    monkeypatch.setattr(stopwatch, "PATIENCE", 0.1)
    assert 0.1 < wait(1.0) < 0.7, "it waits for ever"
