"""Rewrite one's own submission, the kit or torch, or open them to everybody, while it is graded.

Must not gain: a file that is changed.
"""

import contextlib
import os
import sys
from pathlib import Path

import torch

import kit


def state(path):
    found = os.stat(path)
    return found.st_mode, found.st_size, found.st_uid


def double(x):
    changed = []
    for path in (module.__file__ for module in (sys.modules[__name__], kit, torch)):
        before = state(path)
        for action in (lambda p: Path(p).write_text("#"), lambda p: os.chmod(p, 0o666)):
            with contextlib.suppress(OSError):
                action(path)
        changed += [path] if state(path) != before else []
    raise RuntimeError(f"loot: {changed}")


def halve(x):
    return x
