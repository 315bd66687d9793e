"""Who is in the class: a CSV with a row per student.

    folder,id,name,email,partners,submitted
    ada.zip,s1,Ada Lovelace,ada@example.org,s2,2026-10-01T23:10+02:00
    ,s2,Charles Babbage,charles@example.org,,

`folder` is what the student handed in (empty: nothing, or a partner did), `partners` are ids
separated by `;`. A column `submitted_ch04_attention` gives one chapter a time of its own. Other
columns are ignored. Every mistake is told with its line, all at once.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo

from kit.chapters import chapter_names
from kit.lateness import parse_time
from kit.submissions import ARCHIVES, safe_id

WANTED = "folder, id, name, email, partners, submitted (id is needed, the others are optional)"
MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


@dataclass(frozen=True)
class Student:
    """One row of the roster."""

    id: str
    name: str = ""
    email: str = ""
    folder: str = ""  # the submission's id; "" where the student handed nothing in alone
    partners: tuple[str, ...] = ()  # ids of those the submission was made with
    submitted: Mapping[str, datetime] = field(default_factory=dict)  # "" stands for every chapter

    def submitted_at(self, chapter: str) -> datetime | None:
        """When a chapter was handed in, as far as that is known."""
        return self.submitted.get(chapter) or self.submitted.get("")


def submission_id(name: str) -> str:
    """The id that intake gives to a folder or archive of this name."""
    ending = next((e for e in ARCHIVES if name.lower().endswith(e)), "")
    return safe_id(name[: len(name) - len(ending)]) if name else ""


def close_to(name: str, choices: list[str]) -> str:
    """What may have been meant, for the end of an error."""
    near = get_close_matches(name, choices, n=3, cutoff=0.4) or choices[:5]
    return f"choose from {', '.join(near)}" if near else "there are none"


def read_roster(path: Path, zone: ZoneInfo | None) -> tuple[Student, ...]:
    """Read a roster; ValueError lists its mistakes, a line each."""
    reader = csv.reader(io.StringIO(_text(path), newline=""))
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        mistakes = [f"line 1: {mistake}" for mistake in _mistakes_in_header(header)]
        rows = [] if mistakes else list(_numbered(reader, header))
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {reader.line_num}: {error}; wanted CSV; is a quote left open?"
        ) from None
    students: dict[int, Student] = {}
    for number, row in rows:
        try:
            students[number] = _student(row, zone)
        except ValueError as error:
            mistakes += [f"line {number}: {text}" for text in str(error).split("\n")]
    mistakes += _contradictions(students)
    if mistakes:
        raise ValueError("\n".join(f"{path}, {mistake}" for mistake in mistakes))
    return tuple(students.values())


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{path}: {error.strerror}; wanted the class list that the course file names"
        ) from None
    if encoding := next((name for mark, name in MARKS.items() if data.startswith(mark)), ""):
        raise ValueError(f"{path}: got {encoding}, wanted UTF-8; save it as 'CSV UTF-8'")
    try:
        text = data.decode("utf-8-sig")  # the mark that Excel puts in front is harmless
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}, line {line}: got byte {data[error.start]:#x}, wanted UTF-8; "
            "save it as 'CSV UTF-8'"
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ValueError(f"{path}, line {line}: got a NUL, wanted UTF-8; save it as 'CSV UTF-8'")
    return text


def _mistakes_in_header(header: list[str]) -> Iterator[str]:
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        found = "semicolons" if ";" in header[0] else "tabs"
        yield f"got columns separated by {found}, wanted commas; export it as CSV with commas"
    elif "id" not in header:
        yield f"got the columns {', '.join(header) or '(none)'}, wanted {WANTED}"
    for name in sorted({n for n in header if header.count(n) > 1 and n}):
        yield f"got {header.count(name)} columns {name!r}, wanted one; rename the others"
    for name in header:
        chapter = name.removeprefix("submitted_")
        if name != chapter and chapter not in chapter_names():
            yield f"got {name!r}, wanted a chapter in it; {close_to(chapter, chapter_names())}"


def _numbered(
    reader: Iterator[list[str]], header: list[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows by their last line, which is the one an editor shows; empty ones are left out."""
    for row in reader:
        cells = [cell.strip() for cell in row]
        if any(cells):
            rest = {"": "".join(cells[len(header) :])}
            yield reader.line_num, dict(zip(header, cells, strict=False)) | rest


def _student(row: dict[str, str], zone: ZoneInfo | None) -> Student:
    mistakes = []
    if row[""]:
        mistakes.append(f"got more cells than columns ({row['']!r}), wanted as many; quote commas")
    if not row.get("id"):
        mistakes.append("got no id, wanted one in every row; fill it in or delete the row")
    email = row.get("email", "")
    if email and "@" not in email:
        mistakes.append(f"got the email {email!r}, wanted an @ in it; are the columns in order?")
    submitted = {}
    for column, text in row.items():
        if text and column.split("_")[0] == "submitted":
            try:
                submitted[column.removeprefix("submitted").removeprefix("_")] = parse_time(
                    text, zone
                )
            except ValueError as error:
                mistakes.append(f"{column}: {error}")
    if mistakes:
        raise ValueError("\n".join(mistakes))
    partners = tuple(p.strip() for p in row.get("partners", "").split(";") if p.strip())
    folder = submission_id(row.get("folder", ""))
    return Student(row["id"], row.get("name", ""), email, folder, partners, submitted)


def _contradictions(students: Mapping[int, Student]) -> Iterator[str]:
    """What is wrong between rows: ids twice, partners unknown, a folder of two strangers."""
    first: dict[str, int] = {}
    folders: dict[str, int] = {}
    ids = [student.id for student in students.values()]
    for number, student in students.items():
        # ids become names of files and of places in a page
        name = safe_id(student.id).casefold()
        if name in first:
            yield (
                f"line {number}: got the id {student.id!r} of line {first[name]} again, "
                "wanted one row per student; delete one"
            )
        first.setdefault(name, number)
        for partner in student.partners:
            if partner not in ids:
                yield f"line {number}: got the partner {partner!r}, wanted an id; {close_to(partner, ids)}"
            elif partner == student.id:
                yield f"line {number}: got {partner!r} as a partner of itself; delete it"
        other = students.get(folders.get(student.folder, -1))
        if other and student.id not in other.partners and other.id not in student.partners:
            yield (
                f"line {number}: got the folder {student.folder!r} of line "
                f"{folders[student.folder]} again, wanted one owner; enter partners, or correct it"
            )
        if student.folder:
            folders.setdefault(student.folder, number)
