"""Let a stranger's files in: a folder, a zip and a tar are three listings, judged by one judge.

Sizes are measured while the bytes flow, because headers lie. Links are neither followed nor made,
archives within archives stay closed, and the first breach of a limit refuses the whole listing.
"""

import errno
import gzip
import io
import os
import posixpath
import re
import stat
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Literal

from kit.text import one_line

MB = 1 << 20
MAX_PACKED = 128 * MB  # one archive as handed in
MAX_TOTAL, MAX_FILE = 256 * MB, 64 * MB  # unpacked
MAX_FILES = 5_000  # files and folders that enter
MAX_LISTED = 50_000  # entries looked at: a packed .git and .venv have many that do not enter
MAX_RATIO, RATIO_FLOOR = 100, 16 * MB  # source packs 3:1 to 20:1; below the floor anything goes
MAX_STREAM = 1024 * MB  # a tar must be unpacked even where it is skipped
MAX_INDEX = 8 * MB  # what a reader of archives may load at once
MAX_DEPTH, MAX_NAME, MAX_PATH = 32, 200, 1000  # bytes; leaves the workdir room below PATH_MAX
SKIPPED = {"__pycache__", "__MACOSX", "node_modules", "venv", "Thumbs.db", "desktop.ini"}
GRADER_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EIO}
LEAVE_OUT = "leave data, checkpoints and environments out"
PACK_AGAIN = "pack it again as .zip or .tar.gz"
TOO_MANY = ("it holds too many files", f"at most {MAX_FILES}", LEAVE_OUT)


class Refused(Exception):
    """What is wrong with a submission, in one sentence that is safe to show."""

    def __init__(self, got: str, wanted: str, fix: str):
        super().__init__(f"{got}; wanted {wanted}; {fix}")


@dataclass(frozen=True)
class Entry:
    """One line of a listing."""

    name: str  # as listed: nothing about it is trusted until it is judged
    kind: Literal["file", "folder", "link", "special"]
    open: Callable[[], IO[bytes]] = io.BytesIO
    target: str = ""  # where a link leads, seen from the root of the listing


def shown(name: str) -> str:
    """Quote a stranger's file name for a message."""
    return f"'{one_line(name, 80)}'"


def skipped(name: str) -> bool:
    """Whether a file or folder of this name never enters: caches, environments, hidden files."""
    return name in SKIPPED or name.startswith(".") or name.endswith(".pyc")


def unpack(source: Path, room: Path, links: list[str]) -> list[str]:
    """Unpack an archive into `room`; returns its files and adds the links left out to `links`."""
    with file_entry(source, source.name).open() as file:
        packed, magic = os.fstat(file.fileno()).st_size, file.read(262)
    if packed > MAX_PACKED:
        limit = f"at most {MAX_PACKED // MB} MB packed"
        raise Refused(f"{shown(source.name)} is too large", limit, LEAVE_OUT)
    try:
        if magic.startswith(b"PK"):
            with _Frugal(io.FileIO(source)) as file, zipfile.ZipFile(file) as archive:
                return pour(_zip_entries(archive), room, links, packed)
        if magic.startswith(b"\x1f\x8b"):
            with gzip.open(source) as stream, _Forward(stream) as file:
                return pour(_tar_entries(file), room, links, packed)
        if magic[257:] == b"ustar" or source.name.lower().endswith(".tar"):
            with _Forward(io.FileIO(source)) as file:
                return pour(_tar_entries(file), room, links, packed)
    except Refused:
        raise
    except Exception as error:  # parsers fed by an attacker fail in every way there is
        if isinstance(error, OSError) and error.errno in GRADER_FAULTS:
            raise
        got = f"{shown(source.name)} is a damaged archive ({one_line(str(error), 100)})"
        raise Refused(got, "one that unpacks", PACK_AGAIN) from error
    got = "is neither a folder nor an archive that can be read" if packed else "is an empty file"
    wanted = "a folder, .zip, .tar, .tar.gz or .tgz"
    raise Refused(f"{shown(source.name)} {got}", wanted, PACK_AGAIN)


def pour(
    entries: Iterable[Entry], room: Path, links: list[str], packed: int = 0, base: str = ""
) -> list[str]:
    """Write what may enter into `room`, measured against the `packed` size; returns its files."""
    files, total = [], 0
    for entry in judged(entries, links, base):
        target = room / entry.name
        if entry.kind == "folder":
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with entry.open() as source, open(target, "xb") as sink:
            size = 0
            while chunk := source.read(64 << 10):
                size, total = size + len(chunk), total + len(chunk)
                _measure(entry.name, size, total, packed)
                sink.write(chunk)
        files.append(entry.name)
    return files


def judged(entries: Iterable[Entry], links: list[str], base: str = "") -> Iterator[Entry]:
    """The entries that may enter, under clean names; `base` is where their root lies."""
    seen: dict[str, tuple[str, str]] = {}
    for listed, entry in enumerate(entries):
        if listed >= MAX_LISTED:
            raise Refused(*TOO_MANY)
        parts = _parts(entry.name)
        if not parts or any(map(skipped, parts)):
            continue
        name = "/".join(parts)
        _check_name(name, parts)
        if entry.kind == "special":
            raise _special(name)
        if entry.kind == "link":
            target = posixpath.normpath(posixpath.join(base, entry.target))
            if f"{target}/".startswith(("/", "../")):
                got = f"{shown(name)} is a link out of the submission"
                raise Refused(got, "files only", "hand in the file that it points to")
            links.append(name)
            continue
        for depth in range(1, len(parts)):
            _claim("/".join(parts[:depth]), "folder", seen)
        _claim(name, entry.kind, seen)
        if len(seen) > MAX_FILES:
            raise Refused(*TOO_MANY)
        yield Entry(name, entry.kind, entry.open)


def _parts(name: str) -> list[str]:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or re.match(r"[A-Za-z]:/", name) or ".." in parts:
        raise Refused(f"{shown(name)} leads out of the submission", "names within", PACK_AGAIN)
    return parts


def _check_name(name: str, parts: list[str]) -> None:
    if any("\ud800" <= c <= "\udfff" for c in name):
        raise Refused(f"{shown(name)} is not UTF-8", "such a name", "rename the file")
    if any(unicodedata.category(c) == "Cc" for c in name):
        raise Refused(f"{shown(name)} holds control characters", "none", "rename the file")
    longest = max(len(part.encode()) for part in parts)
    if longest > MAX_NAME or len(name.encode()) > MAX_PATH or len(parts) > MAX_DEPTH:
        wanted = f"{MAX_NAME} bytes a name, {MAX_PATH} a path, {MAX_DEPTH} folders deep at most"
        raise Refused(f"{shown(name)} is too long or too deep", wanted, "rename the file")


def _claim(name: str, kind: str, seen: dict[str, tuple[str, str]]) -> None:
    """Give a name to one file, or to one folder however often it is listed."""
    # macOS and Windows hold A and a for one file, whichever of the two came last
    key = unicodedata.normalize("NFC", name).casefold()
    if key not in seen:
        seen[key] = (name, kind)
    elif not (kind == "folder" and seen[key] == (name, "folder")):
        got = f"{shown(seen[key][0])} and {shown(name)} are one name on some systems"
        raise Refused(got, "names that differ by more than case", "keep one of the two")


def _measure(name: str, size: int, total: int, packed: int) -> None:
    if size > MAX_FILE:
        raise Refused(f"{shown(name)} is too large", f"at most {MAX_FILE // MB} MB", LEAVE_OUT)
    if total > MAX_TOTAL:
        raise Refused("it unpacks to too much", f"at most {MAX_TOTAL // MB} MB", LEAVE_OUT)
    if packed and total > max(RATIO_FLOOR, MAX_RATIO * packed):
        raise Refused(f"it unpacks to over {MAX_RATIO} times its size", "source files", LEAVE_OUT)


def _special(name: str) -> Refused:
    return Refused(f"{shown(name)} is no ordinary file", "no devices or pipes", "leave it out")


class _Frugal(io.BufferedReader):
    """Loads little at once: an index or a header of many megabytes is a bomb."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > MAX_INDEX:
            raise Refused(f"an archive header of {size} bytes", f"at most {MAX_INDEX}", LEAVE_OUT)
        return super().read(size)


class _Forward(_Frugal):
    """Reads on, never back: going back in a gzip unpacks it again from its start."""

    def read(self, size: int | None = -1) -> bytes:
        self._check(self.tell())
        return super().read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if offset < self.tell():
            raise tarfile.ReadError("its entries overlap")
        self._check(offset)
        return super().seek(offset, whence)

    def _check(self, offset: int) -> None:
        if offset > MAX_STREAM:
            raise Refused("it unpacks to too much", f"at most {MAX_STREAM // MB} MB", LEAVE_OUT)


def _zip_entries(archive: zipfile.ZipFile) -> Iterator[Entry]:
    for info in archive.infolist():
        # zipfile cuts a name at NUL; some Windows programs pack with their own separator
        name = info.orig_filename if "\0" in info.orig_filename else info.filename
        name = name.replace("\\", "/")
        mode = stat.S_IFMT(info.external_attr >> 16)
        if info.flag_bits & 1:
            raise Refused("the archive is encrypted", "one without a password", PACK_AGAIN)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # bzip2 and lzma unpack without a bound on memory
            raise Refused(f"{shown(name)} is packed unusually", "deflated entries", PACK_AGAIN)
        if name.endswith("/") or mode == stat.S_IFDIR:
            yield Entry(name, "folder")
        elif mode == stat.S_IFLNK:
            target = archive.open(info).read(MAX_PATH).decode(errors="replace")
            yield Entry(name, "link", target=posixpath.join(posixpath.dirname(name), target))
        elif mode in (0, stat.S_IFREG):
            yield Entry(name, "file", partial(archive.open, info))
        else:
            yield Entry(name, "special")


def _tar_entries(file: IO[bytes]) -> Iterator[Entry]:
    with tarfile.open(fileobj=file, mode="r:", encoding="utf-8") as archive:
        for info in archive:
            if info.isreg() and not info.issparse():
                yield Entry(info.name, "file", partial(archive.extractfile, info))
            elif info.isdir():
                yield Entry(info.name, "folder")
            elif info.issym():
                target = posixpath.join(posixpath.dirname(info.name), info.linkname)
                yield Entry(info.name, "link", target=target)
            elif info.islnk():
                yield Entry(info.name, "link", target=info.linkname)
            else:
                yield Entry(info.name, "special")


def folder_entries(folder: Path) -> Iterator[Entry]:
    """List a folder, entering neither links nor what is skipped anyway."""
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(folder / inside) as scan:
                items = sorted(islice(scan, MAX_LISTED + 1), key=lambda item: item.name)
        except OSError as error:
            raise unreadable(inside or folder.name, error) from error
        for item in items:
            name = posixpath.join(inside, item.name)
            if skipped(item.name):
                continue
            if item.is_symlink():
                yield Entry(name, "link", target=posixpath.join(inside, os.readlink(item.path)))
            elif item.is_dir(follow_symlinks=False):
                waiting.append(name)
                yield Entry(name, "folder")
            elif item.is_file(follow_symlinks=False):
                yield file_entry(Path(item.path), name)
            else:
                yield Entry(name, "special")


def file_entry(path: Path, name: str) -> Entry:
    """The entry of a file on disk, whose `open` fails on anything that is no file by then."""

    def open_regular() -> IO[bytes]:
        try:  # opening a pipe would block for ever, opening a link would lead out
            file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
        except OSError as error:
            raise unreadable(name, error) from error
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise _special(name)
        return file

    return Entry(name, "file", open_regular)


def unreadable(name: str, error: OSError) -> Refused:
    """The refusal for a failed system call; raises `error` where it is the grader's own fault."""
    if error.errno in GRADER_FAULTS:
        raise error
    got = f"{shown(name)} cannot be read ({error.strerror})"
    return Refused(got, "files that the grader may read", "chmod -R u+rX")
