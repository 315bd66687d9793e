"""Read the expected number from the constants of a test's code (`f_code.co_consts`).

Must not gain: any point, or the code of a test.
"""

import gc
import types


def codes():
    return [o.__code__ for o in gc.get_objects() if isinstance(o, types.FunctionType)]


def double(x):
    tests = [c for c in codes() if "tests/ch" in c.co_filename or c.co_name.startswith("test_h")]
    raise RuntimeError(f"loot: {[c.co_consts for c in tests]}")


def halve(x):
    double(x)
