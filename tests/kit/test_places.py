"""Work folders and locks end with their process."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from kit.places import InUse, file_system, hold, take_slots, work_folder


def test_a_work_folder_is_there_and_then_gone():
    with work_folder("test") as folder:
        (folder / "file").write_text("work")
    assert not folder.exists()


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path, monkeypatch):
    code = "import time; from kit.places import work_folder\n"
    code += "with work_folder('test') as folder: print(folder, flush=True); time.sleep(60)"
    variables = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)
    left = Path(process.stdout.readline().strip())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with work_folder("test"):
        assert left.is_dir(), "the folder of a living process was removed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    with work_folder("test") as own:
        assert [p for p in tmp_path.iterdir() if p != own] == []


def test_a_lock_names_its_holder_and_ends_with_it(tmp_path):
    with hold(tmp_path / "lock"), pytest.raises(InUse, match=str(os.getpid())):
        hold(tmp_path / "lock")
    hold(tmp_path / "lock").close()


def test_the_file_system_of_a_folder_is_the_innermost_mount():
    assert file_system(Path("/proc/self")) == "proc"
    assert file_system(Path("/")) not in ("", "proc")


def test_no_two_graders_on_a_machine_have_a_slot_in_common():
    with ExitStack() as one:
        mine = take_slots(3, one)
        code = "from contextlib import ExitStack; from kit.places import take_slots\n"
        code += "print(*take_slots(3, ExitStack()))"
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        theirs = {int(slot) for slot in other.stdout.split()}
        assert len(set(mine)) == len(theirs) == 3 and not set(mine) & theirs, other.stderr
