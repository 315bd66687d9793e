"""Intake: find out what students handed in, and which chapters are in it.

A student's mistake becomes a sentence with got, wanted and fix, never an exception: one odd
archive must not stop the batch. Folders stay where they are; `stage` makes the private copy that
every later step works on.
"""

import os
import posixpath
import re
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from pathlib import Path, PurePosixPath

from kit.chapters import chapter_names
from kit.unpack import (
    MAX_LISTED,
    TOO_MANY,
    Refused,
    file_entry,
    folder_entries,
    judged,
    pour,
    shown,
    skipped,
    unpack,
    unreadable,
)

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True)
class Submission:
    """What one student handed in; without chapters, `problem` says why."""

    id: str  # unique in its batch; safe in file names, CSV and HTML
    source: Path
    folder: Path | None = None
    chapters: dict[str, Path] = field(default_factory=dict)  # name -> the folder of its adapters.py
    problem: str = ""  # got, wanted, fix; safe to show
    warnings: tuple[str, ...] = ()  # what was left out of a submission that can be graded


def find_submissions(
    paths: list[Path], chapters: list[str] | None, workdir: Path
) -> list[Submission]:
    """Take every path in: a submission, or a folder of several side by side.

    Archives are unpacked into folders of mode 0700 in `workdir`; folders stay where they are.
    A folder holds several submissions when it has no chapter, no assignments/ and no adapters.py,
    but two or more folders, or an archive. Raises only for the grader's own faults.
    """
    known = chapter_names()
    if unknown := set(chapters or ()) - set(known):
        raise ValueError(f"no chapter {sorted(unknown)}; choose from {', '.join(known)}")
    workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
    taken: set[str] = set()
    return [
        _take_in(source, _unique(safe_id(_stem(source)), taken), chapters, known, workdir)
        for path in paths
        for source in _sources(path, known)
    ]


def take_in_upload(folder: Path, chapters: list[str], workdir: Path) -> Submission:
    """Take in what a web form has collected: one submission, however many folders it holds.

    The form unpacks a .zip itself; another archive, handed in alone, is unpacked here.
    """
    inside = [path for path in folder.iterdir() if not skipped(path.name)]
    lone = inside[0] if len(inside) == 1 and inside[0].name.lower().endswith(ARCHIVES) else None
    return _take_in(lone or folder, "submission", chapters, chapter_names(), workdir)


def stage(submission: Submission, chapter: str, destination: Path) -> str:
    """Copy a chapter into the new folder `destination`; returns "" or the problem, never raises it.

    Only regular files and folders arrive, in a folder of mode 0700.
    """
    folder = submission.chapters[chapter]
    base = os.path.relpath(folder, submission.folder)
    destination.mkdir(mode=0o700, parents=True)
    try:
        pour(folder_entries(folder), destination, links=[], base=base)
    except Refused as refused:
        shutil.rmtree(destination)
        return str(refused)
    return ""


def safe_id(text: str) -> str:
    """A name of letters, digits and `._@+-`, no longer than 64 characters, that begins plainly."""
    text = "".join(
        c if c in "._@+-" or unicodedata.category(c)[0] in "LNM" else "_"
        for c in unicodedata.normalize("NFC", text)
    )
    text = re.sub("_{2,}", "_", text)
    while text and (text[0] in "._@+-" or unicodedata.category(text[0])[0] == "M"):
        text = text[1:]
    return text.encode()[:100].decode(errors="ignore")[:64].rstrip("._@+-") or "submission"


def _unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate.casefold() in taken:  # some file systems do not tell A from a
        candidate, number = f"{name}-{number}", number + 1
    taken.add(candidate.casefold())
    return candidate


def _stem(source: Path) -> str:
    name = Path(os.path.abspath(source)).name
    ending = next((e for e in (*ARCHIVES, ".py") if name.lower().endswith(e)), "")
    return name[: len(name) - len(ending)]


def _sources(path: Path, known: list[str]) -> list[Path]:
    """The submissions at a path: those within a folder of several, else the path itself."""
    try:
        inside = [c for c in sorted(path.iterdir()) if not skipped(c.name)]
        folders = [c.name for c in inside if c.is_dir() and not c.is_symlink()]
    except (OSError, ValueError):  # ValueError: a path with NUL
        return [path]
    names = {c.name for c in inside}
    # close, not near: a class of ch01-bigram-alice, ch01-bigram-bob is no chapter misspelt
    if {"assignments", "adapters.py"} & names or any(_nearest(f, known, 0.9) for f in folders):
        return [path]
    several = len(folders) > 1 or any(name.lower().endswith(ARCHIVES) for name in names)
    return inside if several else [path]


def _take_in(
    source: Path, name: str, selected: list[str] | None, known: list[str], workdir: Path
) -> Submission:
    links: list[str] = []
    chapters = {}
    try:
        folder, files = _open(source, name, workdir, links)
        places, warnings = _locate(files, _stem(source), selected, known)
        for chapter, place in places.items():
            try:  # an archive was judged when it was unpacked; a folder only where it will be read
                for _ in judged(folder_entries(folder / place), [], base=place):
                    pass
                chapters[chapter] = folder / place
            except Refused as refused:
                warnings.append(f"{chapter}: {refused}")
    except (Refused, OSError) as error:
        refused = error if isinstance(error, Refused) else unreadable(source.name, error)
        folder, warnings = None, [str(refused)]
    if links:
        warnings.append(f"links are left out ({_listed(links)}); hand in the files themselves")
    if not chapters:
        return Submission(name, source, problem="; ".join(warnings))
    return Submission(name, source, folder, chapters, warnings=tuple(warnings))


def _open(source: Path, name: str, workdir: Path, links: list[str]) -> tuple[Path, list[str]]:
    """The folder to read a submission from, and the files in it."""
    wanted = "a folder or an archive"
    if source.is_symlink():
        raise Refused(f"{shown(source.name)} is a link", wanted, "give what it points to")
    if not source.exists():
        beside = os.listdir(source.parent) if source.parent.is_dir() else []
        near = get_close_matches(source.name, beside, n=1)
        fix = f"did you mean {shown(near[0])}?" if near else "check the spelling"
        raise Refused(f"{shown(str(source))} does not exist", wanted, fix)
    if source.is_dir():
        entries = list(islice(folder_entries(source), MAX_LISTED + 1))
        if len(entries) > MAX_LISTED:
            raise Refused(*TOO_MANY)
        links += [entry.name for entry in entries if entry.kind == "link"]
        return source, [entry.name for entry in entries if entry.kind == "file"]
    room = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=workdir))  # mode 0700
    try:
        if source.name.endswith("adapters.py"):
            return room, pour([file_entry(source, "adapters.py")], room, links)
        return room, unpack(source, room, links)
    except BaseException:
        shutil.rmtree(room)
        raise


def _locate(
    files: list[str], root: str, selected: list[str] | None, known: list[str]
) -> tuple[dict[str, str], list[str]]:
    """Where each chapter lies in a submission, and what else its student should know."""
    wanted = selected or known
    homes: dict[str, list[str]] = {}
    for home in (posixpath.dirname(f) for f in files if posixpath.basename(f) == "adapters.py"):
        homes.setdefault(posixpath.basename(home) or root, []).append(home)
    found, warnings = {}, []
    for name in sorted(homes.keys() & set(wanted)):
        best = [home for home in homes[name] if _rank(home) == min(map(_rank, homes[name]))]
        if len(best) == 1:
            found[name] = best[0]
        else:  # several students in one archive, or an old copy beside the new one
            warnings.append(f"{name} is there {len(best)} times ({_listed(best)}); keep one")
    strangers = [home for name in homes.keys() - set(known) for home in homes[name]]
    # an adapters.py deeper inside a chapter that was found is its student's own business
    inside = tuple(f"{place}/" if place else "" for place in found.values())
    strangers = [home for home in strangers if not f"{home}/".startswith(inside)]
    likely = {s: _nearest(posixpath.basename(s) or root, known) for s in strangers}
    if selected and len(selected) == 1 and not homes.keys() & set(wanted) and len(strangers) == 1:
        [(home, near)] = likely.items()
        if near in (None, selected[0]):
            return {selected[0]: home}, [f"its adapters.py was taken for {selected[0]}"]
    for home, near in sorted(likely.items()):
        hint = f"did you mean {near}?" if near else "its folder must bear the chapter's name"
        warnings.append(f"{shown(home or root)} holds an adapters.py but is no chapter; {hint}")
    warnings += _without_adapters(files, set(wanted) - homes.keys())
    if not found:
        raise _nothing(files, warnings, sorted(homes.keys() & set(known) - set(wanted)), wanted)
    return found, warnings


def _rank(home: str) -> tuple[int, bool]:
    """Less is better: the outermost chapter, and assignments/ before its neighbours."""
    parts = PurePosixPath(home).parts
    apart = parts[-2:-1] != ("assignments",)
    return len(parts) - (not apart), apart


def _without_adapters(files: list[str], names: set[str]) -> list[str]:
    inside: dict[str, list[str]] = {}
    for file in files:
        folder, name = posixpath.split(file)
        if posixpath.basename(folder) in names and "tests" not in PurePosixPath(folder).parts:
            inside.setdefault(folder, []).append(name)
    return [
        f"{shown(folder)} has no adapters.py (it holds {_listed(names)})"
        for folder, names in sorted(inside.items())
    ]


def _nothing(files: list[str], why: list[str], others: list[str], wanted: list[str]) -> Refused:
    """Why no chapter of a submission can be graded."""
    if others:
        why = [*why, f"it holds {', '.join(others)}, not to be graded now"]
    if archives := [file for file in files if file.lower().endswith(ARCHIVES)]:
        why = [*why, f"it holds archives ({_listed(archives)}), which are not unpacked"]
    if not why:
        tops = sorted({file.split("/")[0] for file in files})
        why = [f"it holds {_listed(tops)}" if files else "it is empty"]
    place = f"assignments/NAME/adapters.py, with NAME one of {', '.join(wanted)}"
    return Refused(
        f"no chapter found: {'; '.join(why)}", place, "rename the folder or pack it again"
    )


def _nearest(name: str, known: list[str], cutoff: float = 0.6) -> str | None:
    near = get_close_matches(name.lower(), known, n=1, cutoff=cutoff)
    return near[0] if near else None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(map(shown, names[:5])) + more
