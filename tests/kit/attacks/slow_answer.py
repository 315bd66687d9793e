"""Send the answer byte by byte, each in time, the whole never (slow loris).

Must not gain: a judge that waits for ever, or a verdict of infra.
"""

import struct
import time

from .wire import judge


def double(x):
    sock = judge()
    sock.sendall(struct.pack("<Q", 1 << 20))
    while True:
        sock.sendall(b"\0")
        time.sleep(0.02)


def halve(x):
    return x
