"""Pack your work into the archive to hand in.

It takes what you wrote in assignments/: adapters.py and your own files beside it. Handouts, caches,
environments and large files stay out. The same work gives the same bytes.
"""

import argparse
import sys
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kit.chapters import chapter_names, repository
from kit.homework import digest, is_untouched, missing_from, read_manifest, still_stubs, stubs_of

SKIPPED = {"__pycache__", "__MACOSX", "node_modules", "venv", "Thumbs.db", "desktop.ini"}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip: when files were written does not count
MB = 1 << 20
MAX_FILE, MAX_TOTAL, MAX_FILES = 1 * MB, 16 * MB, 1_000  # well within what the grader takes


@dataclass
class Packed:
    """What went into an archive, and what did not."""

    files: dict[str, list[str]] = field(default_factory=dict)  # chapter -> names in its folder
    left_out: list[str] = field(default_factory=list)  # each with the reason
    warnings: list[str] = field(default_factory=list)


def pack(target: Path) -> Packed:
    """Write the archive. ValueError if there is nothing to hand in, or too much."""
    root, packed = repository(), Packed()
    contents: dict[str, bytes] = {}
    for chapter in chapter_names():
        home = root / "assignments" / chapter
        found = dict(_work(home, packed, target.resolve()))
        if reason := _unfit(chapter, found, packed):
            packed.left_out.append(f"{chapter}: {reason}")
            continue
        packed.files[chapter] = sorted(found)
        contents |= {f"assignments/{chapter}/{name}": data for name, data in found.items()}
    if not contents:
        why = "; ".join(packed.left_out) or f"{root / 'assignments'} holds no chapter"
        raise ValueError(f"{why}; fill a stub in adapters.py first, and run this in your copy")
    _check(contents)
    write_zip(target, contents)
    return packed


def write_zip(
    target: Path, files: Mapping[str, bytes], modes: Mapping[str, int] | None = None
) -> None:
    """Write a zip whole or not at all, the same bytes for the same files; modes are 644 or given."""
    draft = target.with_name(target.name + ".tmp")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name, EPOCH)
                entry.create_system = 3  # Unix, on every system
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (0o100000 | (modes or {}).get(name, 0o644)) << 16
                archive.writestr(entry, files[name])
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _work(home: Path, packed: Packed, target: Path) -> Iterator[tuple[str, bytes]]:
    """The student's files in a chapter's folder, by their names in it."""
    given, root = read_manifest(repository()), repository()
    environments = {path.parent for path in home.rglob("pyvenv.cfg")}
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home)
        skipped = any(part in SKIPPED or part.startswith(".") for part in name.parts)
        if skipped or path.suffix == ".pyc" or environments & set(path.parents):
            continue
        if not path.is_file() or path.resolve() == target or name.stem.endswith(".new"):
            continue
        if (size := path.stat().st_size) > MAX_FILE:
            packed.left_out.append(
                f"{home.name}/{name.as_posix()}: {size / MB:.0f} MB; graders take at most "
                f"{MAX_FILE // MB} MB a file, and source is smaller"
            )
            continue
        data = path.read_bytes()
        if str(name) == "adapters.py" or given.get(path.relative_to(root).as_posix()) != digest(
            data
        ):
            yield name.as_posix(), data


def _unfit(chapter: str, found: dict[str, bytes], packed: Packed) -> str:
    """Why a chapter is not handed in, or ""; adds warnings on one that is."""
    if "adapters.py" not in found:
        return "it has no adapters.py"
    contract = repository() / "tests" / chapter / "contract.py"
    if not contract.is_file():  # the kit's own repository, not a student's copy
        return ""
    stub, work = contract.read_text("utf-8"), found["adapters.py"].decode("utf-8", "replace")
    if is_untouched(work, stub):
        if len(found) == 1:
            return "nothing is done yet, adapters.py holds stubs only"
        packed.warnings.append(
            f"{chapter}: adapters.py holds stubs only, and calls none of your code"
        )
        return ""
    if todo := still_stubs(work, stub):
        packed.warnings.append(f"{chapter}: still to do: {', '.join(todo)}")
    try:
        if missing := missing_from(work, set(stubs_of(stub))):
            packed.warnings.append(f"{chapter}: adapters.py has no {', '.join(sorted(missing))}")
    except (SyntaxError, ValueError) as error:
        packed.warnings.append(f"{chapter}: adapters.py cannot be read: {error}")
    return ""


def _check(contents: dict[str, bytes]) -> None:
    """Refuse what the grader would refuse."""
    total = sum(map(len, contents.values()))
    if total > MAX_TOTAL or len(contents) > MAX_FILES:
        raise ValueError(
            f"{len(contents)} files of {total / MB:.0f} MB; wanted at most {MAX_FILES} of "
            f"{MAX_TOTAL // MB} MB; move data and results out of assignments/"
        )
    seen: dict[str, str] = {}
    for name in contents:
        first = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if first != name:
            raise ValueError(f"{first} and {name} are one file on some systems; rename one of them")


def main() -> None:
    """Pack, and say what is inside and what to do next."""
    parser = argparse.ArgumentParser("python -m kit.submit", description=__doc__)
    parser.add_argument(
        "file", nargs="?", default="submission.zip", help="[%(default)s]", type=Path
    )
    target = parser.parse_args().file
    try:
        packed = pack(target)
    except (OSError, ValueError) as error:
        raise SystemExit(f"nothing was packed: {error}") from None
    for chapter, names in packed.files.items():
        print(f"packed    {chapter}: {', '.join(names)}")
    for reason in packed.left_out:
        print(f"left out  {reason}")
    for warning in packed.warnings:
        print(f"warning   {warning}", file=sys.stderr)
    size = target.stat().st_size / 1024
    print(
        f"Next: upload {target.resolve()} ({size:.0f} KB) where your course collects work, e.g. Gradescope."
    )


if __name__ == "__main__":
    main()
