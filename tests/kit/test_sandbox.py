"""The sandbox: on every rung that works here, what it promises is stopped, and honest work runs.

Each attack is first shown to succeed without the sandbox, so that "stopped" means something. The
attacks themselves are those of kit.sandbox.selftest, which the probe tries on every machine.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kit import sandbox
from kit.sandbox import linux, seccomp, selftest
from kit.sandbox.plan import unreachable
from kit.sandbox.selftest import ATTACKS
from kit.sandbox.trial import hear, plan_for
from tests.kit.students import SECONDS, need, run

STOPPED_BY_ALL = {"raise its limits", "use an inherited file", "fill memory: heap"}
ALTERS_FILES = {"write outside scratch", "change its own code"}
STOPS = {  # written down here a second time, so that a promise cannot silently shrink
    "namespaces": set(ATTACKS),
    "landlock": set(ATTACKS) - {"start processes without end"},
    "uid": set(ATTACKS) - ALTERS_FILES,
    "rlimits": STOPPED_BY_ALL,
}
SLOT = 1000 + os.getpid() % 1000  # another run of these tests would sweep ours


def permits_namespaces() -> bool:
    """Whether the bare calls work here, asked without the sandbox."""
    flags = linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWNET
    if not (asked := os.fork()):
        denied = 1
        try:
            linux.unshare(flags | (linux.CLONE_NEWUSER if os.getuid() else 0))
            if inner := os.fork():
                denied = os.waitpid(inner, 0)[1] != 0
            else:
                linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
                linux.mount("proc", "/tmp", "proc", 0)
                denied = 0
        finally:
            os._exit(denied)
    return os.waitpid(asked, 0)[1] == 0


def test_a_rung_works_where_the_machine_permits_it(statuses):
    reachable = not os.getuid() and not unreachable(sandbox.interpreter_paths(), 60000)
    permitted = {
        "namespaces": permits_namespaces(),
        "landlock": linux.landlock_abi() > 0,
        "uid": reachable,
        "rlimits": True,
    }
    assert {rung: status.works for rung, status in statuses.items()} == permitted, statuses


# --- what is stopped


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_attack_succeeds_without_a_sandbox(attack, target):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writer, json.dumps(selftest.succeeded((attack,), target)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    succeeded = json.loads(hear(reader, SECONDS))
    os.waitpid(child, 0)
    if not succeeded and attack in ("make a namespace", "trace a process", "raise its limits"):
        pytest.skip("this machine stops it even without a sandbox")
    assert succeeded == [attack], "a harmless attack proves nothing about the sandbox"


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_attack_is_stopped(attack, rung, target, statuses):
    if attack not in STOPS[rung]:
        pytest.skip(f"{rung} does not promise to stop it")
    assert attack in statuses[rung].denies, "the probe promises less than it should"
    through = run(plan_for(rung, target, SLOT), lambda: selftest.succeeded((attack,), target))
    assert through == []


@pytest.mark.parametrize("abi", range(1, 6))
def test_an_older_landlock_stops_as_much(abi, target, statuses, monkeypatch):
    need("landlock", statuses)
    if abi > (here := linux.landlock_abi()):
        pytest.skip(f"this kernel's Landlock is version {here}")
    monkeypatch.setattr(linux, "landlock_abi", lambda: abi)
    attacks = tuple(STOPS["landlock"])
    plan = plan_for("landlock", target, SLOT)
    assert run(plan, lambda: selftest.succeeded(attacks, target)) == []


def test_namespaces_alone_stop_as_much(namespaces, target, monkeypatch):
    """Where the kernel has no Landlock, and the student owns its code."""
    monkeypatch.setattr(linux, "landlock_abi", lambda: 0)
    plan = plan_for(namespaces, target, SLOT)
    if not os.getuid():
        for path in (target.room, f"{target.room}/code.py"):
            os.chown(path, plan.uid, plan.uid)
    assert run(plan, lambda: selftest.succeeded(tuple(ATTACKS), target)) == []


def test_landlock_alone_stops_tcp(statuses, target, monkeypatch):
    if linux.landlock_abi() < 4:
        pytest.skip("this kernel's Landlock knows no TCP")
    monkeypatch.setattr(seccomp, "supported", lambda: False)
    attack = ("reach the host's loopback",)
    plan = plan_for(need("landlock", statuses), target, SLOT)
    assert run(plan, lambda: selftest.succeeded(attack, target)) == []


def test_a_private_loopback_is_not_the_hosts(namespaces, target):
    plan = replace(plan_for(namespaces, target, SLOT), loopback=True)
    assert run(plan, lambda: selftest.succeeded(tuple(ATTACKS), target)) == []


def test_a_full_scratch_is_full(namespaces, target):
    def fill() -> int:
        try:
            for written in range(1000):
                Path(f"{written}.bin").write_bytes(bytes(8 << 20))
        except OSError:
            return 8 * written
        return -1

    assert 200 < run(plan_for(namespaces, target, SLOT), fill) <= 256, "scratch can fill the disk"


def test_cpu_time_is_limited_for_pid_1_too(namespaces, target):
    def spin():
        while True:
            pass

    plan = plan_for(namespaces, target, SLOT)
    plan = replace(plan, limits=sandbox.Limits(cpu_seconds=1))
    began = time.monotonic()
    assert run(plan, spin) == "it died without a word"
    assert time.monotonic() - began < 5, "it ran into the time limit of this test instead"


# --- what must still work


def test_honest_work_runs(rung, target):
    plan = plan_for(rung, target, SLOT)
    assert run(plan, lambda: selftest.do_honest_work(target)) is None


TORCH = """
import os, sys
sys.path[:0] = [{repository!r}]
from kit import sandbox
plan = sandbox.Plan({rung!r}, (*sandbox.interpreter_paths(), {room!r}), {scratch!r}, (), {slot},
                    loopback={loopback})
if not (keeper := os.fork()):
    try:
        sandbox.enter(plan, keep=(1, 2))
{work}
    except BaseException as error:
        print(repr(error))
    finally:
        sys.stdout.flush()
        os._exit(0)
os.waitpid(keeper, 0)
"""
BACKWARD = """
        import torch
        x = torch.ones(3, requires_grad=True)
        (x * x).sum().backward()
        print(x.grad.tolist())
"""
ALL_REDUCE = """
        import torch, torch.distributed as dist
        torch.set_num_threads(1)
        children = []
        for rank in range(2):
            if not (child := os.fork()):
                try:
                    dist.init_process_group("gloo", "file:///tmp/meet", rank=rank, world_size=2)
                    x = torch.full((1,), rank + 1.0)
                    dist.all_reduce(x)
                    os.write(1, f"[{x.item()}]".encode())
                finally:
                    os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
"""


def run_torch(rung: str, target, work: str, loopback: bool = False) -> str:
    """Run a script in a fresh Python, so that torch is imported inside the sandbox."""
    script = TORCH.format(
        repository=str(Path(sandbox.__file__).parents[1]),
        room=target.room,
        scratch=selftest.make_scratch(target),
        **{"rung": rung, "work": work, "loopback": loopback, "slot": SLOT},
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    return done.stdout.strip() or done.stderr


def test_torch_is_imported_and_differentiates(rung, target):
    assert run_torch(rung, target, BACKWARD) == "[2.0, 2.0, 2.0]"


def test_two_ranks_meet_over_the_private_loopback(namespaces, target):
    assert run_torch(namespaces, target, ALL_REDUCE, loopback=True) == "[3.0][3.0]"
