"""Die of a real-time signal, which Python's `signal.Signals` does not know.

A ValueError in the judge would pass a test that waits for one. Must not gain: any point.
"""

import os
import signal


def double(x):
    os.kill(os.getpid(), signal.SIGRTMIN + 1)
    os._exit(3)  # in a pid namespace of its own, the first process outlives its own signals


def halve(x):
    double(x)
