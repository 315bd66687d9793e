"""Use up files, address space and stack, so that the next answer cannot be made.

Must not gain: a verdict of infra.
"""

import os
import resource

for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE):
    resource.setrlimit(kind, (0, 0))


def double(x):
    while True:
        os.dup(0)


def halve(x):
    return bytearray(1 << 20)
