"""Search all that is in this process's memory for the hidden tests, solutions and the course key.

pygpubench, submission_gc_copy.py. Must not gain: one hit. A word of its own, which it must find,
shows that it can see; the others are put together nowhere, so that it does not find itself.
"""

import ctypes

START, ENDS = b"CANARY", (b"-TESTS", b"-SOLUTION", b"-SUBMISSION", b"-KEY", b"-OWN")
LIBC = ctypes.CDLL(None)
LIBC.memmem.restype = ctypes.c_void_p
LIBC.memmem.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
OWN = bytearray(START + ENDS[-1])


def double(x):
    found = set()
    with open("/proc/self/maps") as file:
        for line in file:
            place, rights, *_, name = (line + " -").split()[:7]
            low, high = (int(number, 16) for number in place.split("-"))
            if rights.startswith("rw") and not name.startswith("[v") and high - low < 1 << 28:
                while low := LIBC.memmem(low, high - low, START, len(START)):
                    low += len(START)
                    rest = ctypes.string_at(low, min(high - low, 14))
                    found |= {end for end in ENDS if rest.startswith(end)}
    raise RuntimeError(f"loot: {sorted(found ^ {ENDS[-1]})}")


def halve(x):
    return x
