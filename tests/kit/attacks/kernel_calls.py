"""Ask the kernel for its rare and dangerous parts: io_uring, userfaultfd, keyrings, bpf, tracing.

Must not gain: one that says yes.
"""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)
CALLS = {  # x86_64; the arguments are good ones, so that only a refusal refuses
    "io_uring_setup": (425, 4, ctypes.create_string_buffer(120)),
    "userfaultfd": (323, 1),
    "keyctl": (250, 0, -3, 1),
    "memfd_create": (319, b"hoard", 0),
    "unshare": (272, 0x10000000),
    "ptrace": (101, 0, 0, 0, 0),
    "process_vm_readv": (310, os.getppid(), 0, 0, 0, 0, 0),
    "pidfd_getfd": (438, 0, 0, 0),
    "perf_event_open": (298, ctypes.create_string_buffer(128), 0, -1, -1, 0),
    "bpf": (321, 0, ctypes.create_string_buffer(128), 128),
    "shmget": (29, 0, 4096, 0o1600),
    "personality": (135, 0x40000),
    "socket of vsock": (41, 40, 1, 0),
    "socket of packets": (41, 17, 3, 0),
}


def double(x):
    allowed = [name for name, call in CALLS.items() if LIBC.syscall(*call) >= 0]
    raise RuntimeError(f"loot: {allowed}")


def halve(x):
    return x
