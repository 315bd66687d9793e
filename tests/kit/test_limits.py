"""What a student's processes may use all together: the zygote looks, and kills."""

from contextlib import ExitStack
from dataclasses import replace

import pytest

from kit import codec
from kit.chapters import chapter
from kit.door import Allowance
from kit.faults import OutOfMemory
from kit.isolation import RemoteTransport
from kit.places import take_slots
from kit.rooms import make_room, open_to_reading, start_zygote
from kit.zygote import MAX_SCRATCH_FILES, MAX_SCRATCH_MB

LIMIT_MB = 300
DRIVERS = '''
import os
import time

def forks_and_fills(adapters, processes, megabytes):
    """Fill memory in children, each well below its own limit."""
    for _ in range(processes):
        if os.fork() == 0:
            block = bytearray(os.urandom(1)) * (megabytes << 20)
            time.sleep(30)
            os._exit(0)
    time.sleep(1.0)
    return "alive"

def fills_scratch(adapters, files, megabytes):
    """Write many files, each well below its own limit."""
    for number in range(files):
        with open(f"file{number}", "wb") as file:
            file.write(b"x" * (megabytes << 20))
    time.sleep(2.0)
    return "alive"
'''


@pytest.fixture(scope="module")
def zygote(tmp_path_factory):
    """One zygote for all rungs, and its stage."""
    folder = tmp_path_factory.mktemp("zygote")
    for place in (folder, folder.parent):
        place.chmod(0o755)
    channel, process = start_zygote(folder / "stage", folder / "log")
    channel.receive()
    yield channel, folder / "stage"
    channel.close()
    process.wait()


@pytest.fixture
def call(rung, toy_kit, zygote, tmp_path, monkeypatch):
    """Runs a driver in a student's process of the rung."""
    monkeypatch.setenv("STORYTELLER_ROOT", str(toy_kit))
    chapter.cache_clear()
    tmp_path.chmod(0o755)
    channel, staged = zygote
    stack = ExitStack()
    [slot] = take_slots(1, stack)
    room = make_room(tmp_path / "room", chapter("ch91_base"), rung, slot, staged, ())
    home = tmp_path / "room" / "room" / "assignments" / "ch91_base"
    (home / "adapters.py").write_text("")
    open_to_reading(home)
    limits = replace(room.plan.limits, memory_mb=LIMIT_MB)
    transport = RemoteTransport(channel, replace(room, plan=replace(room.plan, limits=limits)))

    def run(name: str, **arguments: object) -> object:
        for message in (
            {"op": "load"},
            {"op": "driver", "module": "drivers", "source": DRIVERS},
            {"op": "run", "name": name, "module": "drivers", "args": [], "kwargs": arguments}
            | {"seed": 0, "forbid": []},
        ):
            answer = codec.loads(transport.request(codec.dumps(message), Allowance(seconds=20)))
        return answer

    yield run
    transport.close()
    stack.close()
    chapter.cache_clear()


def test_processes_that_stay_within_the_limit_together_live(call):
    assert call("forks_and_fills", processes=3, megabytes=LIMIT_MB // 6) == ("ok", "alive")


def test_processes_that_exceed_the_limit_together_are_killed(call):
    with pytest.raises(OutOfMemory, match=f"together held more than {LIMIT_MB} MB"):
        call("forks_and_fills", processes=6, megabytes=LIMIT_MB // 2)


def test_files_that_fill_the_hosts_disk_end_the_student(call, rung):
    if rung == "namespaces":  # there a file system of its own fills, and writing fails
        answer = call("fills_scratch", files=MAX_SCRATCH_MB, megabytes=2)
        assert answer[0] == "raised" and answer[1]["kind"] == "OSError", answer
    else:
        with pytest.raises(OutOfMemory, match=f"files held more than {MAX_SCRATCH_MB} MB"):
            call("fills_scratch", files=MAX_SCRATCH_MB, megabytes=2)


def test_files_that_fill_the_hosts_table_of_files_end_the_student(call, rung):
    if rung == "namespaces":
        answer = call("fills_scratch", files=MAX_SCRATCH_FILES + 100, megabytes=0)
        assert answer[0] == "raised" and answer[1]["kind"] == "OSError", answer
    else:
        with pytest.raises(OutOfMemory):
            call("fills_scratch", files=MAX_SCRATCH_FILES + 100, megabytes=0)
