"""Lift limits on memory, processes and time, then spend. Must not gain: a limit that is lifted."""

import resource


def double(x):
    lifted = []
    for name in ("CPU", "DATA", "NOFILE", "FSIZE", "CORE", "STACK"):
        kind = getattr(resource, f"RLIMIT_{name}")
        most = resource.getrlimit(kind)[1]
        for hard in (resource.RLIM_INFINITY, most + 1):
            try:
                resource.setrlimit(kind, (hard, hard))
                lifted.append(name)
            except (OSError, ValueError):
                continue
    raise RuntimeError(f"loot: {lifted}")


def halve(x):
    return x
