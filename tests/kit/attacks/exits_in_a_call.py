"""End the process in the middle of a test. Must not gain: any point."""

import os


def double(x):
    os._exit(0)


def halve(x):
    raise SystemExit(0)
