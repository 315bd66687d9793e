"""Answer with bytes that no encoder writes: headers, lengths, depths and shapes that lie.

Must not gain: any point, nor the judge's memory, time or life.
"""

import struct

from .wire import frame, judge

HUGE = b'{"tensor":["float32",[1099511627775,1099511627775,0]]}'
FRAMES = [
    b"\xff" * 64,
    struct.pack("<Q", 1 << 40),
    frame(b"[" * 100_000),
    frame(b'{"tuple":["ok",{"tensor":["float32",[4611686018427387904,0]]}]}'),
    frame(b'{"tuple":["ok",' + HUGE + b"]}"),
    frame(b'{"tuple":["ok",{"array":["|O",[1]]}]}', b"A" * 8),
    frame(b'{"tuple":["ok",{"int":"' + b"f" * 1_000_000 + b'"}]}'),
    frame(b'{"tuple":["ok",' + b"9" * 100_000 + b"]}"),
    struct.pack("<Q", 3) + b"\x00\x00\x00",
]


def double(x):
    judge().sendall(FRAMES[sum(map(ord, repr(x))) % len(FRAMES)])
    return x


def halve(x):
    return double(x)
