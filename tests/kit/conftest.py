"""Fixtures of the kit's own tests."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import sandbox
from kit.chapters import repository
from kit.sandbox import selftest
from tests.kit.students import need
from tests.kit.toy import make_kit


@pytest.fixture(scope="session")
def toy_kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit with two toy chapters."""
    root = tmp_path_factory.mktemp("toy") / "kit"
    for folder in (root.parent, root.parent.parent):
        folder.chmod(0o755)  # pytest's own are 0700, and a student's process has another user
    return make_kit(root)


@pytest.fixture(scope="session")
def statuses() -> dict[str, sandbox.RungStatus]:
    """What each rung of the sandbox is worth here."""
    return {status.rung: status for status in sandbox.probe()}


@pytest.fixture(params=sandbox.RUNGS)
def rung(request, statuses) -> str:
    """Every rung that works here, in turn."""
    return need(request.param, statuses)


@pytest.fixture
def namespaces(statuses) -> str:
    """The rung of namespaces, where it works."""
    return need("namespaces", statuses)


@pytest.fixture
def target():
    """What an attack in the sandbox would aim at."""
    with selftest.target() as target:
        yield target


@pytest.fixture(scope="session")
def slurm() -> Iterator[Path]:
    """A real Slurm cluster on this machine, and the script that brings it up; or skip."""
    if sys.platform != "linux":
        pytest.skip("Slurm runs on Linux only")
    script = repository() / "cluster" / "dev_slurm.sh"
    was_up = subprocess.run([script, "status"], capture_output=True).returncode == 0
    if not was_up:
        done = subprocess.run([script, "up"], capture_output=True, text=True)
        if done.returncode == 2:
            pytest.skip(done.stderr.strip().splitlines()[-1])
        assert done.returncode == 0, done.stdout + done.stderr
    before = dict(os.environ)
    for line in subprocess.check_output([script, "env"], text=True).splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        os.environ[name] = value.replace("$PATH", os.environ["PATH"])
    yield script
    os.environ.clear()
    os.environ.update(before)
    if not was_up:
        subprocess.run([script, "down"], check=True, capture_output=True)
