"""No attack: the student's end of the socket to the judge. Copied beside the attacks that use it."""

import os
import socket
import struct


def judge():
    """The socket to the judge, found among the open files."""
    for name in os.listdir("/proc/self/fd"):
        try:
            found = socket.socket(fileno=os.dup(int(name)))
            found.getpeername()
            return found
        except OSError:
            continue
    raise OSError("no socket is open")


def frame_of(data):
    """Bytes as the wire frames them."""
    return struct.pack("<Q", len(data)) + data


def frame(tree, body=b""):
    """A message of the codec, framed."""
    return frame_of(struct.pack("<I", len(tree)) + tree + body)
