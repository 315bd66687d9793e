"""The filter that every system call of a student passes, as classic BPF for seccomp(2).

It closes what the other layers leave open: memory that RLIMIT_DATA does not count (memfd, System V
and anonymous shared mappings, growing stacks), calls that reach other processes of the same user
(ptrace, prlimit, setpriority), new namespaces, exotic socket families, and the large, young parts
of the kernel that no exercise needs (io_uring, bpf, userfaultfd, keyrings).

A filter sees numbers and never the memory they point to, so it can tell the kind of a socket but
not the address it connects to, and clone() but not clone3(), which hence "does not exist": the C
library then falls back to clone().
"""

import ctypes
import errno
import os
import socket
import struct
import sys

from kit.sandbox.linux import PR_SET_SECCOMP, no_new_privileges, prctl

ALLOW, KILL = 0x7FFF0000, 0x80000000
DENY, MISSING, PRETEND = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS, 0x00050000

LOAD, AND, EQUALS, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
HIGH = 4  # offset of the upper half of an argument

NEW_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag that clone() takes
MAP_SHARED, MAP_ANONYMOUS, MAP_GROWSDOWN = 0x1, 0x20, 0x100
SOCK_TYPE_MASK = 0xF
X32_CALLS = 0x40000000  # from here on: the x32 twins of x86_64 calls, which would bypass the list

AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
COLUMN = {"x86_64": 0, "aarch64": 1}

FORBIDDEN = {
    # other processes and their memory
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "ioprio_set": (251, 30),
    "perf_event_open": (298, 241),
    # memory that RLIMIT_DATA does not count
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    # namespaces and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    # parts of the kernel with a history of holes
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "personality": (135, 92),
    # the machine
    "acct": (163, 89),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "settimeofday": (164, 170),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "lookup_dcookie": (212, 18),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "syslog": (103, 116),
    "vhangup": (153, 58),
}
OWN_PROCESS_ONLY = {  # the first argument is a process: 0 is oneself
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
}
INDIRECT_SIGNALS = {  # all but kill() and tgkill(), which honest code needs for itself
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}
OWNER_CALLS = {  # what the owner of a file may do without opening it, and Landlock does not see
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "utimensat": (280, 88),
}
OLD_OWNER_CALLS = {"chmod": 90, "chown": 92, "lchown": 94, "utime": 132, "utimes": 235}  # x86_64
KILL_CALLS = {"kill": (62, 129), "tgkill": (234, 131)}
FCNTL, F_SETOWN, F_SETSIG, F_SETOWN_EX = (72, 25), 8, 10, 15
IOCTL, FIOSETOWN, SIOCSPGRP = (16, 29), 0x8901, 0x8902
CLONE, CLONE3, MMAP, PRCTL = (56, 220), (435, 435), (9, 222), (157, 167)
SIGACTION, SIGCHLD = (13, 134), 17
SETPRIORITY, SOCKET, SOCKETPAIR = (141, 140), (41, 198), (53, 199)

Instruction = tuple[int, int, int, int]  # operation, value, jump if true, jump if false


def supported() -> bool:
    """Whether the system calls of this machine are known here."""
    return os.uname().machine in COLUMN and sys.maxsize > 2**32 and sys.byteorder == "little"


def families(own_network: bool, loopback: bool) -> tuple[int, ...]:
    """The kinds of sockets a student may create; pairs already connected need none."""
    if not own_network:
        return ()  # a socket file of the host (a system bus, a container daemon) is a way out
    if not loopback:
        return (socket.AF_UNIX,)
    # gloo asks the kernel for its interfaces over netlink
    return (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)


def _argument(index: int) -> Instruction:
    return LOAD, ARGUMENTS + 8 * index, 0, 0


def _give(verdict: int) -> Instruction:
    return RETURN, verdict, 0, 0


def _when(call: int, *body: Instruction) -> list[Instruction]:
    """Run the body for one call and step over it for others; the body must end in a verdict."""
    return [(EQUALS, call, 0, len(body)), *body]


def _argument_rules(column: int) -> list[Instruction]:
    """Calls of which only some uses are denied."""
    rules: list[Instruction] = []
    for numbers in OWN_PROCESS_ONLY.values():
        rules += _when(numbers[column], _argument(0), (EQUALS, 0, 1, 0), _give(DENY), _give(ALLOW))
    rules += _when(
        CLONE[column], _argument(0), (ANY_BIT, NEW_NAMESPACES, 0, 1), _give(DENY), _give(ALLOW)
    )
    shared_anonymous = MAP_SHARED | MAP_ANONYMOUS
    rules += _when(
        MMAP[column],
        _argument(3),
        (ANY_BIT, MAP_GROWSDOWN, 2, 0),
        (AND, shared_anonymous, 0, 0),
        (EQUALS, shared_anonymous, 0, 1),
        _give(DENY),
        _give(ALLOW),
    )
    # The student must die with its keeper. Honest code (torch.multiprocessing) asks for the same
    # for its own children, so the call seems to succeed.
    rules += _when(PRCTL[column], _argument(0), (EQUALS, 1, 0, 1), _give(PRETEND), _give(ALLOW))
    # A parent that ignores SIGCHLD has its children's CPU time counted by nobody. Honest code
    # (torch.utils.data) handles it to hear of dead workers, so the call seems to succeed.
    rules += _when(
        SIGACTION[column],
        _argument(0),
        (EQUALS, SIGCHLD, 0, 4),
        _argument(1),  # where the new action lies: one that is only asked for is told
        (EQUALS, 0, 0, 3),
        (LOAD, ARGUMENTS + 8 + HIGH, 0, 0),
        (EQUALS, 0, 0, 1),
        _give(ALLOW),
        _give(PRETEND),
    )
    rules += _when(
        SETPRIORITY[column],
        _argument(0),
        (EQUALS, 0, 0, 2),
        _argument(1),
        (EQUALS, 0, 1, 0),
        _give(DENY),
        _give(ALLOW),
    )
    return rules


def _socket_rules(families: tuple[int, ...], column: int) -> list[Instruction]:
    choices = [(EQUALS, family, len(families) - i, 0) for i, family in enumerate(families)]
    rules = _when(SOCKET[column], _argument(0), *choices, _give(DENY), _give(ALLOW))
    if socket.AF_UNIX not in families:
        # A datagram pair can be reconnected to any socket file, such as a system bus.
        is_datagram = (EQUALS, int(socket.SOCK_DGRAM), 0, 1)
        mask = (AND, SOCK_TYPE_MASK, 0, 0)
        rules += _when(
            SOCKETPAIR[column], _argument(1), mask, is_datagram, _give(DENY), _give(ALLOW)
        )
    return rules


def _signal_rules(own: int, column: int) -> list[Instruction]:
    """Signals to oneself and one's process group only, also those that a file sends."""
    rules: list[Instruction] = []
    for numbers in INDIRECT_SIGNALS.values():
        rules += _when(numbers[column], _give(DENY))
    for numbers in KILL_CALLS.values():
        itself, group = (EQUALS, own, 2, 0), (EQUALS, 0, 1, 0)
        rules += _when(numbers[column], _argument(0), itself, group, _give(DENY), _give(ALLOW))
    for call, denied in (
        (FCNTL, (F_SETOWN, F_SETSIG, F_SETOWN_EX)),
        (IOCTL, (FIOSETOWN, SIOCSPGRP)),
    ):
        choices = [(EQUALS, value, len(denied) - i, 0) for i, value in enumerate(denied)]
        rules += _when(call[column], _argument(1), *choices, _give(ALLOW), _give(DENY))
    return rules


def program(
    families: tuple[int, ...], machine: str, signals_only_to: int, owns_files: bool = False
) -> list[Instruction]:
    """The whole filter.

    socket(2) may create only these families. A process id in `signals_only_to` limits signals to
    that process; 0 leaves them alone. `owns_files`: the grader's files are the student's own.
    """
    column = COLUMN[machine]
    rules: list[Instruction] = [
        (LOAD, ARCHITECTURE, 0, 0),
        (EQUALS, AUDIT_ARCHITECTURES[machine], 1, 0),
        _give(KILL),  # 32-bit calls have other numbers
        (LOAD, NUMBER, 0, 0),
        (AT_LEAST, X32_CALLS, 0, 1),
        _give(DENY),
    ]
    for numbers in FORBIDDEN.values():
        rules += _when(numbers[column], _give(DENY))
    if owns_files:  # to honest code, which copies a file's rights along, the call seems to succeed
        numbers = [pair[column] for pair in OWNER_CALLS.values()]
        for number in (*numbers, *(OLD_OWNER_CALLS.values() if machine == "x86_64" else ())):
            rules += _when(number, _give(PRETEND))
    rules += _when(CLONE3[column], _give(MISSING))
    rules += _argument_rules(column)
    rules += _socket_rules(families, column)
    if signals_only_to:
        rules += _signal_rules(signals_only_to, column)
    return [*rules, _give(ALLOW)]


def install(families: tuple[int, ...], signals_only_to: int = 0, owns_files: bool = False) -> None:
    """Filter this process and all it will ever start."""
    rules = program(families, os.uname().machine, signals_only_to, owns_files)
    packed = b"".join(struct.pack("HBBI", op, yes, no, value) for op, value, yes, no in rules)
    code = ctypes.create_string_buffer(packed)
    header = struct.pack("HxxxxxxQ", len(rules), ctypes.addressof(code))
    no_new_privileges()
    mode_filter = 2
    prctl(PR_SET_SECCOMP, mode_filter, ctypes.create_string_buffer(header))
