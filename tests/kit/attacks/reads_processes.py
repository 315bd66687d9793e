"""Read memory, environment and open files of zygote, judge and orchestrator from /proc.

Must not gain: one of them. (Where students share the host's /proc, anyone sees that it exists.)
"""

import os

PIDS = "@PIDS@"


def pids():
    return [os.getppid(), *map(int, PIDS.split()), *range(1, 2000)]


def of_others(name):
    for pid in pids():
        try:
            if pid != os.getpid():
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    if text := file.read(400):
                        yield pid, name, text
        except OSError:
            continue


def links_of_others():
    for pid in pids():
        try:
            if pid != os.getpid():
                yield pid, os.listdir(f"/proc/{pid}/fd"), os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue


def double(x):
    seen = [loot for name in ("environ", "mem", "maps", "syscall") for loot in of_others(name)]
    raise RuntimeError(f"loot: {seen + list(links_of_others())}")


def halve(x):
    return x
