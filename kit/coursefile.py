"""The course file, TOML: every key optional, every mistake told.

    title = "Language models, autumn"     timezone = "Europe/Berlin"     roster = "roster.csv"

    [late]
    due = 2026-10-01T23:59:00             percent_per_day = 10           grace_minutes = 15
    max_days = 5                          free_days = 3

    [late.chapters]
    ch04_attention = 2026-11-01T23:59:00

    [[extension]]
    student = "s1"                        chapter = "ch04_attention"     days = 3

    [[waive]]
    test = "ch04_attention/test_hidden.py::test_x*"                      reason = "ambiguous"

    [[weight]]
    problem = "ch04_attention/softmax"    points = 5

(Two columns to save space here; TOML wants each key on a line of its own.)
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kit.amend import Waiver, amend
from kit.chapters import chapter_names
from kit.lateness import Extension, LatePolicy, parse_time
from kit.roster import Student, close_to, read_roster


@dataclass(frozen=True)
class Kind:
    """What a key may hold: in code and in words."""

    fits: Callable[[object], bool]
    wanted: str
    needed: bool = False


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e6  # nan and inf are outside


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 10_000


TEXT = Kind(lambda v: isinstance(v, str) and v != "", "a text")
TABLE = Kind(lambda v: isinstance(v, dict), "a table")
TABLES = Kind(
    lambda v: isinstance(v, list) and all(isinstance(t, dict) for t in v),
    "tables with double brackets, such as [[waive]]",
)
TIME = Kind(lambda v: isinstance(v, str | datetime), "a date and a time")
NUMBER = Kind(_is_number, "a number from 0")
COUNT = Kind(_is_count, "a whole number from 0")
SHARE = Kind(lambda v: _is_number(v) and v <= 100, "a number from 0 to 100")
NEEDED = Kind(TEXT.fits, TEXT.wanted, needed=True)
TOP = {"title": TEXT, "timezone": TEXT, "roster": TEXT, "late": TABLE}
TOP |= dict.fromkeys(("extension", "waive", "weight"), TABLES)
LATE = {"due": TIME, "chapters": TABLE, "grace_minutes": NUMBER, "percent_per_day": SHARE}
LATE |= {"max_days": COUNT, "free_days": COUNT}
EXTENSION = {"student": NEEDED, "chapter": TEXT, "days": COUNT, "due": TIME, "reason": TEXT}
WAIVE = {"test": NEEDED, "reason": NEEDED}
WEIGHT = {"problem": NEEDED, "points": Kind(NUMBER.fits, NUMBER.wanted, needed=True)}


def read_course_file(path: Path) -> dict:
    """The fields of a Course; ValueError lists the mistakes, a line each."""
    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; wanted a course file, TOML") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}; wanted TOML in UTF-8") from None
    mistakes = list(_mistakes(data))
    students: tuple[Student, ...] = ()
    fields: dict = {}
    if not mistakes:
        try:
            zone = _zone(data.get("timezone"))
            late = _late_policy(data, zone)
            students = read_roster(path.parent / data["roster"], zone) if "roster" in data else ()
            mistakes += _strangers(late, students)
            waivers = tuple(Waiver(w["test"], w["reason"]) for w in data.get("waive", []))
            weights = {w["problem"]: w["points"] for w in data.get("weight", [])}
            amend((), waivers, weights)  # finds unknown chapters before an hour of grading
            fields = {"students": students, "late": late, "waivers": waivers, "weights": weights}
        except ValueError as error:
            mistakes.append(str(error))
    if mistakes:
        raise ValueError("\n".join(m if ", line " in m else f"{path}: {m}" for m in mistakes))
    return fields | {"title": data.get("title", "")}


def _mistakes(data: dict) -> Iterator[str]:
    """Everything that is wrong with keys and types."""
    yield from _mistakes_in(data, TOP, "")
    late = data.get("late", {})
    if TABLE.fits(late):
        yield from _mistakes_in(late, LATE, "late: ")
        chapters = late.get("chapters", {})
        names = chapters if TABLE.fits(chapters) else {}
        yield from _mistakes_in(names, dict.fromkeys(chapter_names(), TIME), "late.chapters: ")
    for key, kinds in (("extension", EXTENSION), ("waive", WAIVE), ("weight", WEIGHT)):
        tables = data.get(key, [])
        for number, table in enumerate(tables if TABLES.fits(tables) else [], 1):
            yield from _mistakes_in(table, kinds, f"{key} {number}: ")
            if key == "extension" and ("days" in table) == ("due" in table):
                yield f"extension {number}: wanted one of days and due"
            if "chapter" in table and table["chapter"] not in chapter_names():
                close = close_to(str(table["chapter"]), chapter_names())
                yield f"{key} {number}: no chapter {table['chapter']!r}; {close}"


def _mistakes_in(table: Mapping, kinds: Mapping[str, Kind], where: str) -> Iterator[str]:
    for key, value in table.items():
        if key not in kinds:
            yield f"{where}unknown key {key!r}; {close_to(key, sorted(kinds))}"
        elif not kinds[key].fits(value):
            yield f"{where}{key}: got {value!r}, wanted {kinds[key].wanted}"
    for key, kind in kinds.items():
        if kind.needed and key not in table:
            yield f"{where}got no {key}, wanted {kind.wanted}"


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"timezone: got {name!r}, wanted a name of the IANA list such as 'Europe/Berlin'; "
            "on Windows, pip install tzdata"
        ) from None


def _late_policy(data: dict, zone: ZoneInfo | None) -> LatePolicy:
    late = data.get("late", {})

    def time(value: object, where: str) -> datetime | None:
        try:
            return None if value is None else parse_time(value, zone)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None

    return LatePolicy(
        due=time(late.get("due"), "late.due"),
        chapters={n: time(v, f"late.chapters.{n}") for n, v in late.get("chapters", {}).items()},
        grace=timedelta(minutes=late.get("grace_minutes", 0)),
        percent_per_day=late.get("percent_per_day", 0),
        max_days=late.get("max_days"),
        free_days=late.get("free_days", 0),
        extensions=tuple(
            Extension(**table | {"due": time(table.get("due"), f"extension {number}")})
            for number, table in enumerate(data.get("extension", []), 1)
        ),
    )


def _strangers(late: LatePolicy, students: tuple[Student, ...]) -> Iterator[str]:
    ids = [student.id for student in students]
    for extension in late.extensions:
        if ids and extension.student not in ids:
            yield f"extension: no student {extension.student!r}; {close_to(extension.student, ids)}"
