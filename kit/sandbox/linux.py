"""The Linux calls behind kit.sandbox that Python's os module lacks, through ctypes.

Nothing here decides anything: each function makes one change to the calling process, or raises
OSError with the name of the call that failed. The policy is in kit/sandbox.py, the system-call
filter in kit/sandbox/seccomp.py, the file tree a student sees in kit/sandbox/rootfs.py.
"""

import ctypes
import errno
import fcntl
import os
import signal
import socket
import struct
from collections.abc import Iterable

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38

# System calls added since Linux 5.1 have one number on every architecture.
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def check(result: int, call: str) -> int:
    """Pass the result of a C call on, or raise the OSError it reports."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def prctl(option: int, *arguments: int | ctypes.Array) -> None:
    """Change one attribute of the calling process."""
    # A bare int would be passed as 32 bits, and the kernel demands zeros in unused arguments.
    padded = [*arguments, 0, 0, 0, 0][:4]
    words = [ctypes.c_ulong(word) if isinstance(word, int) else word for word in padded]
    check(libc.prctl(option, *words), f"prctl({option})")


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Receive a signal when the parent dies; changing the user id silently disarms this."""
    prctl(PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, instead of init."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def no_new_privileges() -> None:
    """Make set-uid programs harmless; Landlock and seccomp demand it of ordinary users."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def unshare(flags: int) -> None:
    """Leave the namespaces named by flags for new ones; a new pid namespace starts at the fork."""
    check(libc.unshare(flags), "unshare")


def map_own_ids(uid: int, gid: int) -> None:
    """In a new user namespace, keep the ids there are; all others become nobody's."""
    # Without "deny" an ordinary user could shed a group that a file's mode excludes.
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """Call mount(2)."""
    encoded = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    result = libc.mount(*encoded, ctypes.c_ulong(flags), os.fsencode(data) if data else None)
    check(result, f"mount {kind or source or 'flags'} on {target}")


def pivot(root: str) -> None:
    """Make `root` the root of the file system and let go of the old one."""
    os.chdir(root)
    # With "." twice the old root is stacked on the new one: no folder is needed to hold it.
    check(libc.pivot_root(b".", b"."), "pivot_root")
    check(libc.umount2(b".", MNT_DETACH), "umount of the old root")
    os.chdir("/")


def loopback_up() -> None:
    """Bring up `lo`, which a new network namespace starts without."""
    siocsifflags, iff_up, iff_running = 0x8914, 0x1, 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, siocsifflags, struct.pack("16sH22x", b"lo", iff_up | iff_running))


def drop_capabilities() -> None:
    """Give up every capability for good: root keeps its user id, and nothing more."""
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError as error:
            # EINVAL: past the last capability. EPERM: an ordinary user has no set to drop from.
            if error.errno not in (errno.EINVAL, errno.EPERM):
                raise
    version_3 = 0x20080522
    check(libc.capset(struct.pack("Ii", version_3, 0), bytes(24)), "capset")


def landlock_abi() -> int:
    """The Landlock version of this kernel; 0 where there is none or it is switched off."""
    return max(0, libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, 1))


EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV


def landlock_rights(abi: int) -> int:
    """Every file right that a Landlock version knows; one it does not know is an error."""
    return (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)) - 1


def landlock(readable: Iterable[str], writable: Iterable[str], network: bool) -> None:
    """Deny all files but these and, where the kernel can, TCP and signals to outsiders.

    A path that does not exist is left out: nothing can be allowed there.
    """
    abi = landlock_abi()
    rights = landlock_rights(abi)
    tcp = 0 if network or abi < 4 else 1 | 2  # bind, connect
    scoped = 0 if abi < 6 else 1 | 2  # abstract UNIX sockets, signals
    attributes = struct.pack("QQQ", rights, tcp, scoped)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    rules = check(
        libc.syscall(LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0),
        "landlock_create_ruleset",
    )
    grants = [(path, READ) for path in readable] + [(path, rights) for path in writable]
    for path, wanted in grants:
        try:
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        allowed = wanted & rights & (~0 if os.path.isdir(path) else ON_FILES)
        rule = struct.pack("=Qi", allowed, handle)
        check(libc.syscall(LANDLOCK_ADD_RULE, rules, 1, rule, 0), f"landlock_add_rule {path}")
        os.close(handle)
    no_new_privileges()
    check(libc.syscall(LANDLOCK_RESTRICT_SELF, rules, 0), "landlock_restrict_self")
    os.close(rules)
