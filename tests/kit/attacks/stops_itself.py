"""Stop all of its own processes instead of ending them. Must not gain: a judge that waits for ever."""

import os
import signal
import time


def double(x):
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(60)


def halve(x):
    return x
