"""Import the reference, the tests, the bug bank or the judge, and delegate to them.

KernelBench forbids calls to the reference by name. Must not gain: one of these modules.
"""

import importlib
import sys

sys.path += ["@KIT@", "@KIT@/solutions", "@KIT@/tests"]
NAMES = ("solutions.ch91_base.adapters", "tests.ch91_base.test_hidden", "ch91_base.bugs")
NAMES += ("tests.ch91_base.twins", "kit.judge", "kit.bench", "kit.grading", "kit.bank", "kit.seeds")


def double(x):
    found = []
    for name in NAMES:
        try:
            found.append(importlib.import_module(name).__name__)
        except ImportError:
            continue
    raise RuntimeError(f"loot: {found}")


def halve(x):
    return x
