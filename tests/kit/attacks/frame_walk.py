"""Read `expected` and the reference from the callers' frames (PrairieLearn, by its source).

Must not gain: any point, or a look at a test's frame.
"""

import sys


def frames():
    frame = sys._getframe()
    while frame:
        yield frame
        frame = frame.f_back


def double(x):
    for frame in frames():
        for name in ("expected", "ref_code", "reference"):
            if name in frame.f_locals:
                return frame.f_locals[name]
    tests = [f.f_code.co_name for f in frames() if f.f_code.co_name.startswith("test_")]
    raise RuntimeError(f"loot: {tests}")


def halve(x):
    double(x)
