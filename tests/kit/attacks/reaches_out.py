"""Carry loot away: internet, host loopback, names, sockets of files. Must not gain: a connection."""

import socket


def tries():
    yield socket.AF_INET, ("1.1.1.1", 53)
    yield socket.AF_INET, ("127.0.0.1", int("@PORT@"))
    yield socket.AF_INET6, ("::1", int("@PORT@"))
    yield socket.AF_UNIX, "@SOCKET@"
    yield socket.AF_UNIX, "/run/docker.sock"
    yield socket.AF_UNIX, "\0storyteller-slot-0"


def double(x):
    reached = []
    for family, address in tries():
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                with socket.socket(family, kind) as sock:
                    sock.settimeout(0.05)
                    sock.connect(address)
                    sock.sendall(b"loot")
                    reached.append(address)
            except OSError:
                continue
    raise RuntimeError(f"loot: {reached}")


def halve(x):
    return x
