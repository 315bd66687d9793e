"""Where a test's inputs come from: HMAC(course key, test name).

Public tests use a key that everyone knows, so that they are the same at home and in the grader.
Hidden ones use the course key, a file outside the repository that STORYTELLER_COURSE_KEY names;
without one a fixed key stands in, and the hidden inputs can be guessed by who has the kit.
"""

import hashlib
import hmac
import os
from pathlib import Path

PUBLIC_KEY = b"public"
FALLBACK_KEY = b"storyteller"
KEY_VARIABLE = "STORYTELLER_COURSE_KEY"
SHORTEST_KEY = 16
SEED_BITS = 48


def key_file() -> Path | None:
    """The file that STORYTELLER_COURSE_KEY names, if it names one."""
    path = os.environ.get(KEY_VARIABLE)
    return Path(path).expanduser().resolve() if path else None


def course_key() -> bytes:
    """The course key. FileNotFoundError if its file is not there, ValueError if it is short."""
    path = key_file()
    if path is None:
        return FALLBACK_KEY
    key = path.read_bytes().strip()
    if len(key) < SHORTEST_KEY:
        raise ValueError(
            f"{path} holds {len(key)} bytes; a course key needs at least {SHORTEST_KEY}"
        )
    return key


def seed_of(test: str, key: bytes) -> int:
    """The seed of one test, e.g. of "ch01_bigram/test_hidden.py::test_rows_sum_to_one"."""
    digest = hmac.new(key, test.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[: SEED_BITS // 8], "big")
