"""The probe run by other users, with a Python that all of them can read, as on a shared machine."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kit import sandbox
from kit.sandbox.selftest import ATTACKS
from kit.stage import stage

NOBODY = 65534
SYSTEM_PYTHON = "/usr/bin/python3"
SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from kit import sandbox
print(json.dumps([[s.rung, s.works, s.reason, s.layers, s.denies] for s in sandbox.probe()]))
"""


def probe_as(uid: int) -> dict[str, sandbox.RungStatus]:
    """Every rung's status, found by a user who shares nothing with this test's Python."""
    if os.getuid():
        pytest.skip("only root can become another user")
    if not os.path.exists(SYSTEM_PYTHON):
        pytest.skip(f"there is no {SYSTEM_PYTHON}")
    version = subprocess.run([SYSTEM_PYTHON, "-V"], capture_output=True, text=True).stdout
    if tuple(map(int, version.removeprefix("Python ").split(".")[:2])) < (3, 11):
        pytest.skip(f"{SYSTEM_PYTHON} is {version.strip()}, the kit needs 3.11")
    folder = Path("/tmp") / f"sandbox-users-{os.getpid()}"
    try:
        stage(folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        done = subprocess.run(
            [SYSTEM_PYTHON, "-B", "-c", SCRIPT, str(folder)],
            capture_output=True,
            text=True,
            timeout=20,
            cwd="/",
            user=uid,
            group=uid,
            extra_groups=[],
        )
    finally:
        shutil.rmtree(folder)
    assert done.returncode == 0, done.stderr
    return {row[0]: sandbox.RungStatus(*row) for row in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def as_root():
    return probe_as(0)


@pytest.fixture(scope="module")
def as_nobody():
    return probe_as(NOBODY)


def test_root_gives_students_a_user_of_their_own(as_root):
    assert as_root["uid"].works, as_root["uid"].reason
    assert set(ATTACKS) - set(as_root["uid"].denies) == {
        "write outside scratch",
        "change its own code",
    }


def test_root_adds_a_user_to_landlock(as_root):
    if not as_root["landlock"].works:
        pytest.skip(as_root["landlock"].reason)
    assert "uid" in as_root["landlock"].layers
    assert set(as_root["landlock"].denies) == set(ATTACKS)


def test_an_ordinary_user_gets_namespaces(as_nobody):
    if not as_nobody["namespaces"].works:
        pytest.skip(as_nobody["namespaces"].reason)
    assert "user namespace" in as_nobody["namespaces"].layers
    assert set(as_nobody["namespaces"].denies) == set(ATTACKS)


def test_an_ordinary_user_gets_landlock(as_nobody):
    if not as_nobody["landlock"].works:
        pytest.skip(as_nobody["landlock"].reason)
    assert set(ATTACKS) - set(as_nobody["landlock"].denies) == {"start processes without end"}


def test_an_ordinary_user_is_told_why_not(as_nobody):
    assert not as_nobody["uid"].works
    assert "only root" in as_nobody["uid"].reason
    assert as_nobody["rlimits"].works, as_nobody["rlimits"].reason
