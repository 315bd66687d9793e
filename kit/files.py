"""A file appears whole or not at all: a killed grader must not leave half a gradebook."""

import contextlib
import os
import secrets
from pathlib import Path


class OutputError(Exception):
    """A report cannot be written; the message says got, wanted and fix."""


def write_whole(path: Path, text: str) -> None:
    """Put a text in place of a file; OutputError where that is not possible."""
    draft = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        # replacing a device or a pipe by a file would break it for everyone
        if path.exists() and not path.is_file():
            raise OutputError(
                f"cannot write {path}: it is no file; wanted one; choose another name"
            )
        try:
            with open(draft, "x", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())  # else a power cut may keep the name and lose the text
            os.replace(draft, path)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; wanted a file in a folder that exists "
            f"and is writable; create {path.parent} or choose another place"
        ) from error
