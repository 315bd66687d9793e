"""The file tree of a student in the namespaces rung: a new root in which nothing else exists.

A tmpfs holds only folders, symbolic links and mount points: the system's libraries, what the plan
makes readable (read-only), a capped tmpfs each for scratch, /tmp and /dev/shm, four harmless
devices, and a /proc of its own. Denying by absence needs no list of what is secret. Only where a
secret lies inside a readable folder is an empty read-only tmpfs put over it.

Two details make this work wherever a repository was cloned, /tmp included. Sources are held open
as O_PATH descriptors before the new tree hides them (and after the new mount namespace: the kernel
does not bind from another). And a path is walked component by component, so that symbolic links on
the way (a venv's python, /bin on a merged /usr) exist inside as they do outside.
"""

import os
import stat
from collections.abc import Iterable, Iterator

from kit.sandbox.linux import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    mount,
    pivot,
)

SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin"),
    *("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"),
)
# Not /dev/zero: a shared mapping of it is memory that no limit counts.
DEVICES = ("/dev/null", "/dev/full", "/dev/random", "/dev/urandom")

TMPFS_MB = 256  # each of scratch, /tmp and /dev/shm
TMPFS_FILES = 20_000
MAX_LINKS = 40  # as many as the kernel follows


def walk(path: str) -> tuple[list[tuple[str, str]], str]:
    """Resolve a path: every symbolic link on the way as (place, target), and where it ends."""
    links: list[tuple[str, str]] = []
    here, todo = "/", path.split("/")
    while todo:
        part = todo.pop(0)
        step = os.path.normpath(os.path.join(here, part))
        if part in ("", ".", "..") or not os.path.islink(step):
            here = step
            continue
        target = os.readlink(step)
        links.append((step, target))
        if len(links) > MAX_LINKS:
            raise OSError(f"too many symbolic links on the way to {path}")
        here = "/" if target.startswith("/") else here
        todo = target.split("/") + todo
    return links, here


def is_within(path: str, folder: str) -> bool:
    """Whether a resolved path is a folder or lies below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def build_and_enter(
    readable: Iterable[str], scratch: str, secrets: Iterable[str], uid: int, gid: int
) -> None:
    """Swap the root for one that holds only this; needs its own mount and pid namespace."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    links, bound = _sources([*SYSTEM, *readable])
    scratch_links, scratch = walk(scratch)
    devices = {path: os.open(path, os.O_PATH) for path in DEVICES}
    masks = {s for s in secrets if any(is_within(s, folder) for folder in bound)}

    # Any folder serves as the stage, since only this namespace sees it covered; scratch exists.
    stage = scratch
    mount("tmpfs", stage, "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,mode=755")
    os.mkdir(stage + "/proc")
    _write_etc(stage, uid, gid, scratch)
    owner = f"uid={uid},gid={gid}"
    writable = {"/tmp": "mode=1777", "/dev/shm": "mode=1777", scratch: f"mode=700,{owner}"}
    for path in _outside_in([*bound, *writable, *masks]):
        if path in writable:
            _mount_tmpfs(stage + path, MS_NOSUID | MS_NODEV, writable[path])
        elif path in masks:
            _mask(stage + path)
        else:
            _bind(bound[path], stage + path)
    for path, handle in devices.items():
        _bind(handle, stage + path)
    for place, target in [*links, *scratch_links]:
        _link(target, stage + place)
    keep_as_is = {stage + path for path in (*writable, *DEVICES)}
    for mount_point, options in _mounts_below(stage):
        if mount_point not in keep_as_is:
            _seal(mount_point, options)
    mount("proc", stage + "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    pivot(stage)


def _sources(paths: Iterable[str]) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """Symbolic links to recreate, and an open descriptor for each folder or file to bind."""
    links: list[tuple[str, str]] = []
    bound: dict[str, int] = {}
    for path in paths:
        on_the_way, end = walk(path)
        if not os.path.lexists(end) and path in SYSTEM:
            continue  # /lib32 and the like exist on some distributions only
        links += on_the_way
        if end not in bound:
            bound[end] = os.open(end, os.O_PATH | os.O_CLOEXEC)
    return links, bound


def _outside_in(paths: Iterable[str]) -> list[str]:
    """Parents before what lies below them, so that no mount hides a later one."""
    return sorted(set(paths), key=lambda path: path.count("/"))


def _mount_tmpfs(place: str, flags: int, options: str) -> None:
    os.makedirs(place, exist_ok=True)
    mount("tmpfs", place, "tmpfs", flags, f"size={TMPFS_MB}m,nr_inodes={TMPFS_FILES},{options}")


def _bind(handle: int, place: str) -> None:
    """Show an opened file or folder at a place in the new tree."""
    # A place below another bound folder exists already: nothing is ever created in the host's.
    if not os.path.lexists(place):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            os.makedirs(place)
        else:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(f"/proc/self/fd/{handle}", place, None, MS_BIND | MS_REC)
    os.close(handle)


def _mask(place: str) -> None:
    """Cover a secret that lies inside something readable."""
    if os.path.isdir(place):
        mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=755")
    else:
        mount("/dev/null", place, None, MS_BIND)


def _link(target: str, place: str) -> None:
    if not os.path.lexists(place):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.symlink(target, place)


def _write_etc(stage: str, uid: int, gid: int, home: str) -> None:
    """The few tables the C library asks for, with nobody of the host in them."""
    tables = {
        "passwd": f"root:x:0:0::/:/bin/false\nstudent:x:{uid}:{gid}::{home}:/bin/false\n",
        "group": f"root:x:0:\nstudent:x:{gid}:\n",
        "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    }
    os.makedirs(f"{stage}/etc", exist_ok=True)
    for name, text in tables.items():
        with open(f"{stage}/etc/{name}", "w") as file:
            file.write(text)


def _mounts_below(stage: str) -> Iterator[tuple[str, list[str]]]:
    """Every mount point at or below the stage with its options, those that came along included."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        lines = file.read().splitlines()
    for line in lines:
        _, _, _, _, place, options, *_ = line.split(" ")
        for character in " \t\n\\":
            place = place.replace(f"\\{ord(character):03o}", character)
        if is_within(place, stage):
            yield place, options.split(",")


def _seal(mount_point: str, options: list[str]) -> None:
    """Make one mount read-only; a bind mount ignores the flag when it is made."""
    # Inside a user namespace the kernel refuses to lift a flag that the host had set.
    kept = MS_NOEXEC if "noexec" in options else 0
    flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | kept
    mount(None, mount_point, None, flags)
