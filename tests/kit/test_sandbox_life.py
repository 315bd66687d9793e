"""A student's life in the sandbox: how it ends, what it leaves behind, what a plan may name."""

import ctypes
import os
import signal
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kit import processes, sandbox
from kit.sandbox import entry, linux
from kit.sandbox.trial import hear, plan_for
from tests.kit.students import SECONDS, exit_status, need, run

SLOT = 2000 + os.getpid() % 1000  # another run of these tests would sweep ours


# --- how a student ends


def test_the_keeper_ends_as_the_student_ended(rung, target):
    assert exit_status(plan_for(rung, target, SLOT), lambda: os._exit(3)) == 3
    crash = exit_status(plan_for(rung, target, SLOT), lambda: ctypes.string_at(0))
    assert crash == -signal.SIGSEGV, "a crash looks like something else"


def leave_daemon() -> None:
    """Fork a process that leaves the session and outlives its parent."""
    for leader in (False, True):
        if os.fork():
            return time.sleep(SECONDS) if not leader else os._exit(0)
        os.setsid()
    os.write(1, b"up")
    time.sleep(SECONDS)


def start_daemon(plan: sandbox.Plan, writer: int) -> int:
    """Start a student whose daemon says "up"; both hold the pipe open. Returns the keeper."""
    if not (keeper := os.fork()):
        try:
            os.dup2(writer, 1)
            sandbox.enter(plan, keep=(1,))
            leave_daemon()
        finally:
            os._exit(0)
    os.close(writer)
    return keeper


def test_end_leaves_nothing_behind(rung, target):
    plan, (reader, writer) = plan_for(rung, target, SLOT), os.pipe()
    keeper = start_daemon(plan, writer)
    assert os.read(reader, 2) == b"up"
    sandbox.end(plan, keeper)
    os.waitpid(keeper, 0)
    assert hear(reader, 2) == "", "a daemon survived"


def test_a_student_that_ends_leaves_nothing_behind(rung, target):
    reader, writer = os.pipe()
    keeper = start_daemon(plan_for(rung, target, SLOT), writer)
    assert os.read(reader, 2) == b"up"
    os.kill(processes.descendants(keeper)[0], signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(keeper, 0)[1]) == -signal.SIGKILL
    assert hear(reader, 2) == "", "a daemon survived"


def test_the_dead_are_reaped(rung, target):
    """In a container init may not reap, and then the dead would use up the limit on processes."""
    plan, (reader, writer) = plan_for(rung, target, SLOT), os.pipe()
    if not (grader := os.fork()):
        left = True
        try:
            linux.adopt_orphans()
            keeper = start_daemon(plan, writer)
            os.read(reader, 2)
            sandbox.end(plan, keeper)
            os.waitpid(keeper, 0)
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            left = False
        finally:
            os._exit(left)
    os.close(writer)
    os.close(reader)
    assert os.waitpid(grader, 0)[1] == 0, "the grader inherited a dead process"


def test_nothing_outlives_the_grader(rung, target):
    plan, (reader, writer) = plan_for(rung, target, SLOT), os.pipe()
    if not (grader := os.fork()):
        try:
            start_daemon(plan, writer)
            time.sleep(SECONDS)
        finally:
            os._exit(0)
    os.close(writer)
    assert os.read(reader, 2) == b"up"
    os.kill(grader, signal.SIGKILL)
    os.waitpid(grader, 0)
    assert hear(reader, 2) == "", "a student survived its grader"


# --- what a plan may name


@pytest.mark.parametrize("base", ["/tmp", "/dev/shm"])
def test_a_room_inside_a_secret_inside_a_readable_folder(base, namespaces, target):
    """A clone anywhere: the repository is readable, its secrets are covered, the room is not."""
    with tempfile.TemporaryDirectory(dir=base) as repository:
        os.chmod(repository, 0o755)
        work = Path(repository, "work")
        room, other = work / "rooms" / "mine", work / "rooms" / "other"
        for folder in (room, other):
            folder.mkdir(parents=True)
        (other / "answer.py").write_text("42")
        Path(repository, "readme").write_text("open")
        plan = plan_for(namespaces, target, SLOT)
        plan = replace(
            plan,
            readable=(*plan.readable, repository, str(room)),
            secrets=(str(work), target.secret),
        )

        def look() -> list:
            return [Path(repository, "readme").read_text(), os.listdir(work / "rooms")]

        assert run(plan, look) == ["open", ["mine"]]


def test_symbolic_links_on_the_way_work(namespaces, target):
    link = Path(target.room).parent / "link"
    link.symlink_to("room")
    plan = plan_for(namespaces, target, SLOT)
    plan = replace(plan, readable=(*sandbox.interpreter_paths(), str(link)))
    assert run(plan, lambda: (link / "code.py").read_text()) == "x = 42\n"


def test_a_link_in_the_room_leads_nowhere(rung, target, statuses):
    if "read a secret" not in statuses[rung].denies:
        pytest.skip(f"{rung} hides no files")
    link = Path(target.room, "loot")
    link.symlink_to(target.secret)
    answer = run(plan_for(rung, target, SLOT), lambda: (link / "answer").read_text())
    assert "Error" in answer


@pytest.mark.parametrize(
    "changes, complaint",
    [
        ({"rung": "docker"}, "choose from namespaces"),
        ({"slot": 5000}, "out of range"),
        ({"rung": "landlock", "loopback": True}, "no loopback"),
        ({"readable": ("/nowhere",)}, "exists"),
        ({"readable": ("/",)}, "would show the secret"),
    ],
)
def test_a_plan_that_cannot_hold_is_refused(changes, complaint, target):
    assert complaint in run(
        replace(plan_for("rlimits", target, SLOT), **changes), lambda: "entered"
    )


@pytest.mark.parametrize(
    "step", ["landlock", "drop_capabilities", "die_with_parent", "no_new_privileges", "set_limits"]
)
def test_a_step_that_fails_is_an_error(step, namespaces, target, monkeypatch):
    def fail(*_):
        raise PermissionError(1, "not today")

    where = entry if step == "set_limits" else linux
    monkeypatch.setattr(where, step, fail)
    assert "SandboxError" in run(plan_for(namespaces, target, SLOT), lambda: "entered")


def test_what_the_student_cannot_read_is_an_error(namespaces, target):
    plan = plan_for(namespaces, target, SLOT)
    os.chmod(target.room, 0o000)
    assert f"cannot read {target.room}" in run(plan, lambda: "entered")


def test_an_open_secret_is_an_error(target, statuses):
    plan = plan_for(need("uid", statuses), target, SLOT)
    os.chmod(target.secret, 0o711)
    assert "reaches the secret" in run(plan, lambda: "entered")


def test_closing_secrets_reports_what_was_open(target):
    os.chmod(target.secret, 0o755)
    assert sandbox.close_secrets([target.secret]) == {target.secret: 0o755}
    assert os.stat(target.secret).st_mode & 0o777 == 0o700
    assert sandbox.close_secrets([target.secret]) == {}


def test_best_rung_never_settles_for_less(monkeypatch):
    works = {"namespaces": False, "landlock": True, "uid": True, "rlimits": True}
    tried = [sandbox.RungStatus(rung, works[rung], "no such thing here") for rung in works]
    monkeypatch.setattr(sandbox, "probe", lambda *_: tried)
    assert sandbox.best_rung().rung == sandbox.best_rung("uid").rung == "landlock"
    with pytest.raises(sandbox.SandboxError, match="namespaces: no such thing here"):
        sandbox.best_rung("namespaces")


def test_the_probe_is_quick():
    began = time.monotonic()
    sandbox.probe()
    assert time.monotonic() - began < 0.5 * 4, "0.5 s on an idle machine"
