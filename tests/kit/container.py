"""A Gradescope container, as near as this machine comes to one: its folders, rights and limits.

The process is root without CAP_SYS_ADMIN and may make no namespace, as in Docker; on demand the
kernel seems to have no Landlock. Where Python or its venv lies in a folder that is closed to other
users, such as a home, the folder is made an open one that holds nothing else.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kit.chapters import repository

# what Docker leaves to root
CAPABILITIES = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}
METADATA = {
    "id": 4711,
    "created_at": "2026-07-01T14:22:32.365935-07:00",
    "assignment": {"due_date": "2026-07-31T23:00:00-07:00", "late_due_date": None},
    "users": [{"email": "ada@example.org", "name": "Ada"}],
}
LAUNCHER = """
import ctypes, os, struct, sys
sys.path.insert(0, sys.argv[1])
from kit.sandbox import linux, seccomp
landlock, script, shut = sys.argv[2] == "landlock", sys.argv[3], CLOSED
linux.unshare(linux.CLONE_NEWNS)
linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
handles = {prefix: os.open(prefix, os.O_PATH) for prefix in shut}
for folder in dict.fromkeys(shut.values()):
    linux.mount("tmpfs", folder, "tmpfs", 0, "mode=755")
for prefix, handle in handles.items():
    os.makedirs(prefix)
    linux.mount(f"/proc/self/fd/{handle}", prefix, None, linux.MS_BIND | linux.MS_REC)
    os.close(handle)
column = seccomp.COLUMN[os.uname().machine]
refused = {seccomp.FORBIDDEN[name][column]: seccomp.DENY for name in ("unshare", "setns", "mount")}
if not landlock:
    refused[linux.LANDLOCK_CREATE_RULESET] = seccomp.MISSING
code = [(seccomp.LOAD, 0, 0, seccomp.NUMBER)]
for number, verdict in refused.items():
    code += [(seccomp.EQUALS, 0, 1, number), (seccomp.RETURN, 0, 0, verdict)]
code.append((seccomp.RETURN, 0, 0, seccomp.ALLOW))
data = b"".join(struct.pack("HBBI", *line) for line in code)
lines = ctypes.create_string_buffer(data, len(data))
program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(lines))
linux.prctl(linux.PR_SET_SECCOMP, 2, ctypes.create_string_buffer(program, len(program)))
for capability in range(41):
    if capability not in KEPT:
        linux.prctl(linux.PR_CAPBSET_DROP, capability)
os.execv("/bin/bash", ["bash", script])
"""


def unpack(archive: Path, root: Path) -> Path:
    """What Gradescope makes of an autograder, after setup.sh: the folder /autograder."""
    for name in ("source", "submission", "results"):
        (root / name).mkdir(parents=True)
    subprocess.run(["unzip", "-q", archive, "-d", root / "source"], check=True)
    shutil.copy(root / "source" / "run_autograder", root)
    (root / "venv").symlink_to(sys.prefix)
    (root / "submission_metadata.json").write_text(json.dumps(METADATA))
    return root


def run(root: Path, landlock: bool = True) -> tuple[dict, subprocess.CompletedProcess]:
    """Run run_autograder as Gradescope does; results.json and the finished process."""
    if os.getuid() or not shutil.which("unzip"):
        pytest.skip("takes root and unzip, as in Gradescope's containers")
    code = LAUNCHER.replace("KEPT", repr(CAPABILITIES)).replace("CLOSED", repr(_closed_folders()))
    arguments = [repository(), "landlock" if landlock else "none", root / "run_autograder"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=root,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "AUTOGRADER_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return json.loads((root / "results" / "results.json").read_text()), done


def _closed_folders() -> dict[str, str]:
    """Where other users cannot enter: Python's prefixes, and the outermost closed folder of each."""
    closed = {}
    for prefix in map(os.path.realpath, dict.fromkeys([sys.base_prefix, sys.prefix])):
        for folder in (*reversed(Path(prefix).parents), Path(prefix)):
            if not folder.stat().st_mode & 0o001:
                closed[prefix] = str(folder)
                break
    return closed


def hand_in(root: Path, files: dict[str, str]) -> None:
    """Put an upload in place of the last one."""
    shutil.rmtree(root / "submission")
    (root / "submission").mkdir()
    for name, text in files.items():
        path = root / "submission" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names_in(archive: Path) -> set[str]:
    """The files of an archive."""
    with zipfile.ZipFile(archive) as opened:
        return set(opened.namelist())
