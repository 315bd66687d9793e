"""Hostile archives: each is refused with a sentence, and nothing is written outside the room."""

import errno
import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from kit import unpack
from kit.unpack import Refused

HONEST = {"ch01_bigram/adapters.py": b"x = 1\n"}


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "desk").mkdir()
    return tmp_path / "desk"


def zipped(path: Path, files=HONEST, mode=0o100644) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return path


def tarred(path: Path, *members: tarfile.TarInfo, files=HONEST, mode="w:gz") -> Path:
    with tarfile.open(path, mode, format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for member in members:
            archive.addfile(member)
    return path


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def patched(path: Path, at: bytes, offset: int, value: bytes) -> Path:
    """Overwrite a field of every record that begins with `at`."""
    data = bytearray(path.read_bytes())
    start = data.find(at)
    while start >= 0:
        data[start + offset : start + offset + len(value)] = value
        start = data.find(at, start + 4)
    path.write_bytes(data)
    return path


def enter(path: Path) -> tuple[list[str], list[str]]:
    """Unpack; the files that entered and the links that did not."""
    room, links = path.parent / f"{path.name}.room", []
    room.mkdir()
    files = unpack.unpack(path, room, links)
    assert sorted(files) == sorted(
        str(p.relative_to(room)) for p in room.rglob("*") if not p.is_dir()
    )
    return files, links


def refused(path: Path, says: str) -> None:
    with pytest.raises(Refused, match=says) as caught:
        enter(path)
    assert "; wanted " in str(caught.value)
    assert str(caught.value).isprintable(), "the sentence carries control characters"
    assert not list(path.parent.parent.glob("**/evil*")), "a file was written outside the room"


ESCAPES = ["../evil.py", "a/../../evil.py", ".git/../../evil.py", "/tmp/evil.py", "C:/evil.py"]
NAMES = {
    **dict.fromkeys(ESCAPES, "leads out"),
    "a\x1b[31mb.py": "control characters",
    "a\nb.py": "control characters",
    "n" * 201: "too long",
    "d/" * 40 + "x": "too deep",
    "CH01_bigram/adapters.py": "differ by more than case",
    "ch01_bigram/Adapters.py": "differ by more than case",
    "ch01_bigram": "differ by more than case",
}


@pytest.mark.parametrize(("name", "says"), NAMES.items())
def test_hostile_names_are_refused(desk, name, says):
    refused(zipped(desk / "a.zip", HONEST | {name: b""}), says)
    refused(tarred(desk / "a.tar.gz", files=HONEST | {name: b""}), says)
    refused(tarred(desk / "a.tar", files=HONEST | {name: b""}, mode="w"), says)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (b"..\\..\\evil.py", "leads out"),
        (b"C:\\evil.py", "leads out"),
        (b"a\0b.py", "control characters"),
        (b"a\0/../../evil", "leads out"),
    ],
)
def test_hostile_names_that_zipfile_will_not_write(desk, name, says):
    path = zipped(desk / "a.zip", HONEST | {"z" * len(name): b""})
    path.write_bytes(path.read_bytes().replace(b"z" * len(name), name))
    refused(path, says)


def test_names_must_be_utf8_and_unique(desk):
    refused(tarred(desk / "a.tar", member("caf\udce9", tarfile.REGTYPE), mode="w"), "not UTF-8")
    path = zipped(desk / "a.zip", {"caf\u00e9": b""})
    path.write_bytes(path.read_bytes().replace("\u00e9".encode(), b"\xe9\xe9"))
    refused(path, "damaged archive")
    twice = zipped(desk / "b.zip", {"a.py": b"1", "b.py": b"2"})
    twice.write_bytes(twice.read_bytes().replace(b"b.py", b"a.py"))
    refused(twice, "keep one of the two")


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        (member("x", tarfile.SYMTYPE, "/etc/passwd"), "link out"),
        (member("a/x", tarfile.SYMTYPE, "../../x"), "link out"),
        (member("x", tarfile.LNKTYPE, "../x"), "link out"),
        (member("x", tarfile.LNKTYPE, "/etc/passwd"), "link out"),
        (member("x", tarfile.FIFOTYPE), "no ordinary file"),
        (member("x", tarfile.CHRTYPE), "no ordinary file"),
        (member("x", tarfile.BLKTYPE), "no ordinary file"),
    ],
)
def test_links_out_and_devices_are_refused(desk, odd, says):
    refused(tarred(desk / "a.tar.gz", odd), says)


def test_links_out_and_devices_of_a_zip_are_refused(desk):
    refused(zipped(desk / "a.zip", {"x": b"/etc/passwd"}, mode=0o120777), "link out")
    refused(zipped(desk / "b.zip", {"x": b""}, mode=0o010644), "no ordinary file")
    refused(zipped(desk / "c.zip", {"x": b""}, mode=0o020644), "no ordinary file")


def test_links_within_the_submission_stay_out(desk):
    odd = [member("a/y", tarfile.SYMTYPE, "../x"), member("z", tarfile.LNKTYPE, "x")]
    assert enter(tarred(desk / "a.tgz", *odd)) == (list(HONEST), ["a/y", "z"])
    assert enter(zipped(desk / "a.zip", {"a/y": b"../x"}, mode=0o120777)) == ([], ["a/y"])


def test_caches_environments_and_macos_junk_stay_out(desk):
    junk = ("__MACOSX/a/adapters.py", "a/._b.py", "a/.DS_Store", ".git/x", "node_modules/x",
            "a/__pycache__/x", "a/x.pyc")  # fmt: skip
    assert enter(zipped(desk / "a.zip", HONEST | dict.fromkeys(junk, b""))) == (list(HONEST), [])
    # the links of a virtual environment lead out, and mean no harm
    python = member(".venv/bin/python", tarfile.SYMTYPE, "/usr/bin/python3")
    assert enter(tarred(desk / "a.tgz", python)) == (list(HONEST), [])


def test_backslashes_of_windows_are_folders(desk):
    files = {"hw\\ch01_bigram\\adapters.py": b"", "hw\\empty\\": b""}
    assert enter(zipped(desk / "a.zip", files))[0] == ["hw/ch01_bigram/adapters.py"]


def test_archives_within_archives_stay_closed(desk):
    inner = zipped(desk / "inner.zip").read_bytes()
    assert enter(zipped(desk / "a.zip", {"inner.zip": inner}))[0] == ["inner.zip"]


def test_damaged_locked_and_foreign_files_are_refused(desk):
    whole = zipped(desk / "whole.zip", {"x": os.urandom(9000)}).read_bytes()
    for name in ("cut.zip", "cut.tar", "cut.tgz"):
        (desk / name).write_bytes(whole[:5000])
        refused(desk / name, "damaged archive")
    whole = tarred(desk / "whole.tgz", files={"x": os.urandom(9000)}).read_bytes()
    (desk / "half.tgz").write_bytes(whole[:5000])
    refused(desk / "half.tgz", "damaged archive")
    refused(patched(zipped(desk / "a.zip"), b"PK\1\2", 8, b"\1\0"), "encrypted")
    refused(patched(zipped(desk / "b.zip"), b"PK\1\2", 10, b"\x0e\0"), "packed unusually")
    (desk / "zero.zip").touch()
    refused(desk / "zero.zip", "an empty file")
    (desk / "essay.pdf").write_bytes(b"%PDF-1.7")
    refused(desk / "essay.pdf", "neither a folder nor an archive")


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize(
    ("limit", "value", "says"),
    [
        ("MAX_PACKED", 100, "at most"),
        ("MAX_FILE", 50_000, "too large"),
        ("MAX_TOTAL", 150_000, "unpacks to too much"),
        ("MAX_FILES", 3, "too many files"),
        ("MAX_LISTED", 3, "too many files"),
        ("RATIO_FLOOR", 1000, "times its size"),
    ],
)
def test_each_limit_ends_a_bomb(desk, monkeypatch, pack, limit, value, says):
    suffix = "zip" if pack is zipped else "tgz"
    path = pack(desk / f"a.{suffix}", files={f"x{i}": bytes(60_000) for i in range(5)})
    enter(path)
    monkeypatch.setattr(unpack, limit, value)
    path = path.rename(desk / f"b.{suffix}")
    refused(path, says)
    written = sum(p.stat().st_size for p in (desk / f"b.{suffix}.room").rglob("*"))
    assert written <= 180_000, "it was measured after unpacking"


def test_a_real_bomb_of_zeros_ends_at_the_floor(desk):
    refused(zipped(desk / "a.zip", {"x": bytes(20 << 20)}), "times its size")


def test_a_zip_that_lies_about_its_size_is_not_believed(desk):
    path = zipped(desk / "a.zip", {"x": b"x" * 9000})
    refused(patched(path, b"PK\1\2", 24, struct.pack("<I", 1)), "damaged archive")


def test_a_tar_that_hides_its_bomb_from_the_listing_is_refused(desk, monkeypatch):
    long = member("n", tarfile.REGTYPE)
    long.pax_headers = {"comment": "c" * (9 << 20)}
    refused(tarred(desk / "a.tgz", long), "archive header")
    monkeypatch.setattr(unpack, "MAX_STREAM", 50_000)
    hidden = {f".git/{i}": bytes(30_000) for i in range(5)}
    refused(tarred(desk / "b.tgz", files=hidden), "unpacks to too much")


def test_a_tar_that_goes_back_is_refused(desk):
    one, two, back = (bytearray(tarfile.TarInfo(f".git/{i}").tobuf()) for i in range(3))
    back[124:136] = (-1024 & (1 << 96) - 1).to_bytes(12, "big")  # its size: minus two blocks
    back[148:156] = b" " * 8
    back[148:156] = b"%06o\0 " % sum(back)
    (desk / "a.tar").write_bytes(one + two + back + bytes(1024))
    refused(desk / "a.tar", "entries overlap")


def test_a_full_disk_is_the_graders_fault(desk, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unpack, "_measure", full)
    with pytest.raises(OSError, match="No space left"):
        enter(zipped(desk / "a.zip"))
