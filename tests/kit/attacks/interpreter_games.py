"""Turn the interpreter's own screws: garbage collector, fault handler, tracing, recursion limit.

Must not gain: any point, or an end to the batch.
"""

import faulthandler
import gc
import sys
import threading

gc.disable()
gc.freeze()
gc.set_debug(gc.DEBUG_LEAK)
faulthandler.dump_traceback_later(0.01, repeat=True, exit=True)
sys.setswitchinterval(1000)
sys.setprofile(lambda *_: None)
threading.settrace(lambda *_: None)
sys.stdout = sys.stderr = sys.modules["kit"] = None


def double(x):
    sys.setrecursionlimit(20)
    return x


def halve(x):
    return x
