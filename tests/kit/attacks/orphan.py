"""A daemon, orphaned twice, that waits for the grader to finish and then rewrites its results.

Must not gain: a process that outlives the grading, or a changed file.
"""

import os
import time


def double(x):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        for path in ("@OUT@/results/orphan.json", "/tmp/storyteller-loot-orphan"):
            for _ in range(100):
                time.sleep(0.05)
                try:
                    with open(path, "w") as file:
                        file.write('{"score": 100}')
                except OSError:
                    continue
        os._exit(0)
    return x


def halve(x):
    return x
