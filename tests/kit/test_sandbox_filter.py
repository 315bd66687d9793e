"""The system-call filter, run in a small interpreter of BPF: so it is tested for both machines."""

import itertools
import re
import socket
from pathlib import Path

import pytest

from kit.sandbox.seccomp import (
    ALLOW,
    ANY_BIT,
    AT_LEAST,
    AUDIT_ARCHITECTURES,
    CLONE,
    CLONE3,
    COLUMN,
    DENY,
    EQUALS,
    FCNTL,
    FORBIDDEN,
    INDIRECT_SIGNALS,
    IOCTL,
    KILL,
    KILL_CALLS,
    LOAD,
    MISSING,
    MMAP,
    OLD_OWNER_CALLS,
    OWN_PROCESS_ONLY,
    OWNER_CALLS,
    PRCTL,
    PRETEND,
    RETURN,
    SETPRIORITY,
    SIGACTION,
    SOCKET,
    SOCKETPAIR,
    families,
    program,
)

HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}
READ = {"x86_64": 0, "aarch64": 63}
OWN, OTHER = 4711, 42


@pytest.fixture(params=COLUMN)
def machine(request) -> str:
    return request.param


def verdict(rules, machine: str, number: int, *arguments: int, architecture: int = 0) -> int:
    """What the filter says to one system call."""
    data = {0: number, 4: architecture or AUDIT_ARCHITECTURES[machine]}
    for place, argument in enumerate((*arguments, 0, 0, 0, 0, 0, 0)[:6]):
        data |= {16 + 8 * place: argument, 20 + 8 * place: argument >> 32}
    value, position = 0, 0
    for _ in range(1000):
        operation, constant, if_true, if_false = rules[position]
        position += 1
        if operation == RETURN:
            return constant
        if operation == LOAD:
            value = data[constant] & 0xFFFFFFFF
        elif operation in (EQUALS, AT_LEAST, ANY_BIT):
            holds = {
                EQUALS: value == constant,
                AT_LEAST: value >= constant,
                ANY_BIT: bool(value & constant),
            }[operation]
            position += if_true if holds else if_false
        else:
            value &= constant
    raise AssertionError("the filter does not end")


def ask(machine: str, call, *arguments: int, inside=True, loopback=False, only_to=0) -> int:
    rules = program(families(inside, loopback), machine, only_to)
    return verdict(rules, machine, call[COLUMN[machine]], *arguments)


def test_ordinary_calls_pass(machine):
    assert verdict(program((), machine, OWN), machine, READ[machine]) == ALLOW


def test_other_architectures_are_killed(machine):
    i386 = 0x40000003
    assert verdict(program((), machine, 0), machine, READ[machine], architecture=i386) == KILL


def test_the_x32_twins_are_denied():
    assert verdict(program((), "x86_64", 0), "x86_64", 0x40000000) == DENY


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_forbidden_call_is_denied(name, machine):
    assert ask(machine, FORBIDDEN[name]) == DENY


def test_no_two_calls_share_a_number(machine):
    table = FORBIDDEN | OWN_PROCESS_ONLY | INDIRECT_SIGNALS | KILL_CALLS | OWNER_CALLS
    alone = [CLONE, CLONE3, MMAP, PRCTL, SETPRIORITY, SOCKET, SOCKETPAIR, FCNTL]
    numbers = [pair[COLUMN[machine]] for pair in (*table.values(), *alone)]
    assert len(numbers) == len(set(numbers)), "one of them is a typing error"


def test_the_numbers_are_the_kernels(machine):
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip(f"there is no {header}")
    lines = re.findall(r"define __NR(?:3264)?_(\w+) (\d+)", header.read_text())
    kernel = {name: int(number) for name, number in lines}
    table = FORBIDDEN | OWN_PROCESS_ONLY | INDIRECT_SIGNALS | KILL_CALLS | OWNER_CALLS
    for name, call in (("clone", CLONE), ("clone3", CLONE3), ("mmap", MMAP), ("prctl", PRCTL)):
        table[name] = call
    table |= {"setpriority": SETPRIORITY, "socket": SOCKET, "socketpair": SOCKETPAIR}
    table |= {"fcntl": FCNTL, "ioctl": IOCTL}
    ours = {name: pair[COLUMN[machine]] for name, pair in table.items() if name in kernel}
    if machine == "x86_64":
        ours |= OLD_OWNER_CALLS
    assert len(ours) > 60
    assert ours == {name: kernel[name] for name in ours}


def test_rights_of_files_stay_where_the_grader_owns_the_same(machine):
    numbers = {pair[COLUMN[machine]] for pair in OWNER_CALLS.values()}
    numbers |= set(OLD_OWNER_CALLS.values()) if machine == "x86_64" else set()
    for number in numbers:
        assert verdict(program((), machine, 0), machine, number) == ALLOW
        assert verdict(program((), machine, 0, owns_files=True), machine, number) == PRETEND


@pytest.mark.parametrize("name", OWN_PROCESS_ONLY)
def test_only_the_own_process_may_be_changed(name, machine):
    assert ask(machine, OWN_PROCESS_ONLY[name], 0) == ALLOW
    assert ask(machine, OWN_PROCESS_ONLY[name], OTHER) == DENY


def test_priority_of_oneself_only(machine):
    process, group = 0, 1
    assert ask(machine, SETPRIORITY, process, 0) == ALLOW
    assert ask(machine, SETPRIORITY, process, OTHER) == DENY
    assert ask(machine, SETPRIORITY, group, 0) == DENY


def test_fork_but_no_namespaces(machine):
    sigchld, user, thread = 17, 0x10000000, 0x3D0F00
    assert ask(machine, CLONE, sigchld) == ask(machine, CLONE, thread) == ALLOW
    assert ask(machine, CLONE, sigchld | user) == DENY
    assert ask(machine, CLONE3) == MISSING, "its flags lie in memory, which a filter cannot see"


def test_mappings_that_no_limit_counts_are_denied(machine):
    shared, validate, private, anonymous, grows = 1, 3, 2, 0x20, 0x100
    allowed = [private, private | anonymous, shared]
    denied = [shared | anonymous, validate | anonymous, private | anonymous | grows]
    assert {ask(machine, MMAP, 0, 0, 0, flags) for flags in allowed} == {ALLOW}
    assert {ask(machine, MMAP, 0, 0, 0, flags) for flags in denied} == {DENY}


def test_the_death_signal_cannot_be_disarmed(machine):
    set_death_signal, set_name = 1, 15
    assert ask(machine, PRCTL, set_death_signal) == PRETEND
    assert ask(machine, PRCTL, set_name) == ALLOW


def test_no_parent_ignores_that_its_children_end(machine):
    sigint, sigchld, low, high = 2, 17, 0x1000, 0x7F00_0000_0000
    for place in (low, high, low | high):
        assert ask(machine, SIGACTION, sigchld, place) == PRETEND
        assert ask(machine, SIGACTION, sigint, place) == ALLOW
    assert ask(machine, SIGACTION, sigchld, 0) == ALLOW, "an action that is only asked for"


def test_sockets_fit_the_network_there_is(machine):
    unix, inet, packet = socket.AF_UNIX, socket.AF_INET, 17
    stream, datagram = 1 | 0o2000000, 2 | 0o2000000  # with SOCK_CLOEXEC
    places = itertools.product((unix, inet, packet), ((False, False), (True, False), (True, True)))
    verdicts = {
        (family, *place): ask(machine, SOCKET, family, inside=place[0], loopback=place[1])
        for family, place in places
    }
    allowed = {key for key, value in verdicts.items() if value == ALLOW}
    assert allowed == {(unix, True, False), (unix, True, True), (inet, True, True)}
    assert ask(machine, SOCKETPAIR, unix, stream, inside=False) == ALLOW
    assert ask(machine, SOCKETPAIR, unix, datagram, inside=False) == DENY


def test_signals_reach_oneself_only_where_nothing_else_scopes_them(machine):
    group, everybody = 0, 0xFFFFFFFF
    for call in KILL_CALLS.values():
        assert ask(machine, call, OTHER) == ALLOW
        assert ask(machine, call, OWN, only_to=OWN) == ALLOW
        assert ask(machine, call, group, only_to=OWN) == ALLOW
        assert ask(machine, call, OTHER, only_to=OWN) == DENY
        assert ask(machine, call, everybody, only_to=OWN) == DENY
    for call in INDIRECT_SIGNALS.values():
        assert ask(machine, call, only_to=OWN) == DENY
    get_flags, set_owner = 3, 8
    assert ask(machine, FCNTL, 5, get_flags, only_to=OWN) == ALLOW
    assert ask(machine, FCNTL, 5, set_owner, only_to=OWN) == DENY, "SIGIO kills whoever owns it"
