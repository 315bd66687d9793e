"""How the grader's processes talk.

Frames     length (8 bytes), then that many bytes, over a stream socket: judge and student.
Messages   one JSON object and perhaps a file descriptor, over a SOCK_SEQPACKET socket:
           orchestrator, zygote, judge mother and judge. No student ever holds one of these.
"""

import json
import os
import socket
import struct
from collections.abc import Callable

MESSAGE_LIMIT = 1 << 17
HEADER = struct.Struct("<Q")


class Messenger:
    """One end of a channel for JSON messages."""

    def __init__(self, sock: socket.socket):
        self.sock = sock

    @classmethod
    def pair(cls) -> tuple["Messenger", socket.socket]:
        """A new channel: this end, and the other to hand on."""
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(here), there

    def fileno(self) -> int:
        """The descriptor, for select."""
        return self.sock.fileno()

    def send(self, message: dict, descriptor: int | None = None) -> None:
        """Send one message, and a descriptor along with it."""
        data = json.dumps(message).encode()
        if len(data) > MESSAGE_LIMIT:
            raise ValueError(f"a message of {len(data)} bytes; at most {MESSAGE_LIMIT}")
        socket.send_fds(self.sock, [data], [] if descriptor is None else [descriptor])

    def receive(self) -> tuple[dict, int | None]:
        """The next message and its descriptor; EOFError when the other end is gone."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.sock, MESSAGE_LIMIT, 1)
        except ConnectionError:
            data, descriptors = b"", []
        if not data:
            raise EOFError("the other end is gone")
        return json.loads(data), descriptors[0] if descriptors else None

    def ask(self, message: dict, descriptor: int | None = None) -> dict:
        """Send a message and wait for the answer."""
        self.send(message, descriptor)
        return self.receive()[0]

    def close(self) -> None:
        """Close this end."""
        self.sock.close()


def send_frame(sock: socket.socket, data: bytes) -> None:
    """Send one frame."""
    sock.sendall(HEADER.pack(len(data)))
    sock.sendall(data)


def receive_frame(sock: socket.socket, limit: int, wait: Callable[[], None] | None = None) -> bytes:
    """Receive one frame of at most `limit` bytes. EOFError at its end, ValueError if too long.

    `wait` is called before each read; it returns when there is something, or raises.
    """
    (length,) = HEADER.unpack(_receive(sock, HEADER.size, wait))
    if length > limit:
        raise ValueError(f"a frame of {length} bytes; at most {limit}")
    return _receive(sock, length, wait)


def _receive(sock: socket.socket, length: int, wait: Callable[[], None] | None) -> bytes:
    # grows with what arrives: a header alone must not make the judge allocate
    data = bytearray()  # not a list of parts: a student may send byte by byte
    while len(data) < length:
        if wait is not None:
            wait()
        part = sock.recv(min(length - len(data), 1 << 20))
        if not part:
            raise EOFError("the other end is gone")
        data += part
    return bytes(data)


def close_all_but(keep: set[int]) -> None:
    """Close every descriptor above 2 but those in `keep`: a fork inherits its parent's sockets."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keep:
            try:
                os.close(int(name))
            except OSError:  # the one that listdir itself had open
                continue
