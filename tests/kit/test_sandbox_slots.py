"""Slots: two graders on one machine never share a student's user."""

import os
import signal
import subprocess
import sys

import pytest

from kit import sandbox
from kit.chapters import repository
from kit.sandbox import slots

HOLD = "import signal; from kit.sandbox import lease_slots; held = lease_slots(3); "
HOLD += "print(*held, flush=True); signal.pause()"


@pytest.fixture
def other_grader():
    """The slots of a grader in another process."""
    command = [sys.executable, "-c", HOLD]
    process = subprocess.Popen(command, cwd=repository(), stdout=subprocess.PIPE, text=True)
    yield process, set(map(int, process.stdout.readline().split()))
    process.kill()
    process.communicate()


def close(leases) -> None:
    for lease in leases.values():
        lease.close()


def test_two_graders_have_slots_of_their_own(other_grader):
    mine = sandbox.lease_slots(3)
    assert len(mine) == 3 and not set(mine) & other_grader[1]
    close(mine)


def test_a_killed_grader_gives_its_slots_back(other_grader):
    process, theirs = other_grader
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    mine = sandbox.lease_slots(max(theirs) + 1)
    assert theirs <= set(mine)
    close(mine)


def test_too_many_jobs_are_an_operators_slip(monkeypatch):
    monkeypatch.setattr(slots, "SLOTS", slots.RESERVED + 2)
    with pytest.raises(sandbox.SandboxError, match="wanted 3; ask for fewer --jobs"):
        sandbox.lease_slots(3)
