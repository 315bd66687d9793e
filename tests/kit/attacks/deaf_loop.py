"""A loop in C, deaf to every signal that can be ignored. Must not gain: more time than it has."""

import re
import signal

for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))


def double(x):
    re.match(r"(a|aa)+$", "a" * 60 + "b")
    return x


def halve(x):
    return x
