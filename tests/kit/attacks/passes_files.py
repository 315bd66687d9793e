"""Send open files along with an answer, so that the judge holds them. Must not gain: any point."""

import os
import socket

from .wire import frame_of, judge


def double(x):
    handles = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
    socket.send_fds(judge(), [frame_of(b"\x04\x00\x00\x00null")], handles)
    return x


def halve(x):
    return x
