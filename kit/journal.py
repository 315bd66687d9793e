"""The journal of a class: every verdict that was ever given, in SQLite.

A killed grader loses what was not committed, that is the chapters it was grading, and nothing else:
the verdicts on one chapter of one submission are committed together. A verdict is found again by
the content it depends on (kit/content.py), so what has not changed is not graded twice.

Write-ahead logging needs shared memory, which network file systems lack: there the journal falls
back to a rollback journal, which is slower and as safe.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from kit.chapters import Chapter, chapter, chapter_names
from kit.content import Suite, TestKey
from kit.places import InUse, file_system, hold
from kit.results import ChapterResult, Figure, SubmissionResult, TestResult, Verdict, not_run
from kit.sandbox import RUNGS
from kit.submissions import Submission

FILE = "journal.sqlite"
VERSION = 2
MAX_ATTEMPTS = 3  # runs in which a test may end in infra before somebody must look at it
NETWORKED = {"9p", "afs", "beegfs", "ceph", "cifs", "gpfs", "lustre", "nfs", "nfs4", "smb3"}
GAP = "not graded yet, or its tests have changed since: run grade.py again"
SCHEMA = """
CREATE TABLE submissions (
    id TEXT PRIMARY KEY, source TEXT, problem TEXT, warnings TEXT, taken_in TEXT
) WITHOUT ROWID;
CREATE TABLE parts (  -- chapters of submissions, where a fault stands for the verdict on all tests
    submission TEXT, chapter TEXT, content TEXT, fault TEXT, note TEXT,
    PRIMARY KEY (submission, chapter)
) WITHOUT ROWID;
CREATE TABLE suites (  -- which tests a chapter has
    suite TEXT PRIMARY KEY, chapter TEXT, tests TEXT
) WITHOUT ROWID;
CREATE TABLE verdicts (
    content TEXT, test TEXT, key TEXT, bank TEXT, verdict TEXT, seconds REAL, detail TEXT,
    diagnosis TEXT, rung TEXT, node TEXT, graded TEXT, attempts INTEGER, figures TEXT,
    PRIMARY KEY (content, test, key)
) WITHOUT ROWID
"""
ENTER = """
INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)
ON CONFLICT DO UPDATE SET bank = excluded.bank, verdict = excluded.verdict,
    seconds = excluded.seconds, detail = excluded.detail, diagnosis = excluded.diagnosis,
    rung = excluded.rung, node = excluded.node, graded = excluded.graded, attempts = attempts + 1,
    figures = excluded.figures
"""


class JournalError(RuntimeError):
    """The journal cannot be used: what failed, and the fix. Nothing that it holds is lost."""


@dataclass(frozen=True)
class Part:
    """One chapter of one submission: the digest of its files, or why they cannot be graded."""

    submission: str
    chapter: Chapter
    content: str
    problem: str = ""


@dataclass(frozen=True)
class Known:
    """A verdict that was given before."""

    result: TestResult
    rung: str
    attempts: int


class Journal:
    """The journal in a folder; in memory where there is none. Use it as a context manager.

    One that only reads may do so while a grader writes.
    """

    def __init__(self, folder: Path | None, reading: bool = False):
        self.path = folder / FILE if folder else None
        self.reading = reading
        self._lock: IO | None = None
        self._suites: dict[str, Suite] = {}
        self._listings: dict[str, list[TestResult]] = {}
        self._keys: dict[tuple[str, str], TestKey] = {}

    def __enter__(self) -> "Journal":
        if self.reading and not self.path.is_file():
            raise JournalError(f"no journal in {self.path.parent}; grade with --out first")
        if self.path and not self.reading:
            self._lock = only_grader(self.path.parent)
        try:
            with self._plain_errors():
                self._open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "db"):
            self.db.close()
        if self._lock:
            self._lock.close()

    def _open(self) -> None:
        self.db = sqlite3.connect(self.path or ":memory:", isolation_level=None)
        if self.path:
            shared = file_system(self.path.parent) in NETWORKED
            self.db.execute(f"PRAGMA journal_mode = {'DELETE' if shared else 'WAL'}")
        self.db.execute("PRAGMA synchronous = FULL")
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if version == 1:
            self._add_figures()
        elif version not in (0, VERSION):
            raise JournalError(
                f"{self.path} was written by another version of the kit ({version}, wanted "
                f"{VERSION}); choose another --out, or start over with --fresh"
            )
        if version == 0:
            with self._transaction():
                for statement in SCHEMA.split(";"):
                    self.db.execute(statement)
                self.db.execute(f"PRAGMA user_version = {VERSION}")

    def _add_figures(self) -> None:
        """Bring a journal of the first version up to date: its verdicts have no figures."""
        # a grader that is at work there knows the old columns only
        with nullcontext() if self._lock else only_grader(self.path.parent), self._transaction():
            self.db.execute("ALTER TABLE verdicts ADD COLUMN figures TEXT DEFAULT '[]'")
            self.db.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            full = "full" in str(error) or "I/O" in str(error)
            fix = "make room there" if full else "choose another --out, or start over with --fresh"
            raise JournalError(f"{self.path}: {error}; {fix}; what it holds is kept") from None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._plain_errors():
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    def _rows(self, query: str, *values: object) -> list[tuple]:
        with self._plain_errors():
            return self.db.execute(query, values).fetchall()

    def suite(self, subject: Chapter) -> Suite:
        """The tests of a chapter as content; read once a run."""
        return self._suites.setdefault(subject.name, Suite(subject))

    def _key(self, subject: Chapter, test: TestResult) -> TestKey:
        place = (subject.name, test.test)
        if place not in self._keys:
            self._keys[place] = self.suite(subject).test(test.test, test.problem, test.public)
        return self._keys[place]

    def listing(self, subject: Chapter) -> list[TestResult] | None:
        """The tests of a chapter as it is now, without verdicts; None if nobody has listed them.

        Their seconds are the reference's.
        """
        suite = self.suite(subject).key
        if suite not in self._listings:
            rows = self._rows("SELECT tests FROM suites WHERE suite = ?", suite)
            if not rows:
                return None
            self._listings[suite] = [
                TestResult(test, problem, public, "infra", seconds, title, GAP)
                for test, problem, public, title, seconds in json.loads(rows[0][0])
            ]
        return self._listings[suite]

    def list_tests(self, subject: Chapter, tests: Iterable[TestResult]) -> None:
        """Keep which tests a chapter has."""
        text = json.dumps([[t.test, t.problem, t.public, t.title, t.seconds] for t in tests])
        with self._transaction():
            row = (self.suite(subject).key, subject.name, text)
            self.db.execute("INSERT OR REPLACE INTO suites VALUES (?, ?, ?)", row)

    def take_in(
        self, submissions: Iterable[Submission], parts: Iterable[Part], chapters: Iterable[str]
    ) -> None:
        """Enter submissions; what they hold of `chapters` replaces what they held before."""
        looked_at = list(chapters)
        with self._transaction():
            for s in submissions:
                now = datetime.now(UTC).isoformat(timespec="seconds")
                row = (s.id, str(s.source), s.problem, json.dumps(s.warnings), now)
                self.db.execute("INSERT OR REPLACE INTO submissions VALUES (?, ?, ?, ?, ?)", row)
                for name in looked_at:
                    place = (s.id, name)
                    self.db.execute("DELETE FROM parts WHERE submission = ? AND chapter = ?", place)
            for part in parts:
                fault = "error" if part.problem else ""
                row = (part.submission, part.chapter.name, part.content, fault, part.problem)
                self.db.execute("INSERT INTO parts VALUES (?, ?, ?, ?, ?)", row)

    def known(self, content: str, subject: Chapter) -> dict[str, Known]:
        """The verdicts on files of this content that today's tests would give again."""
        columns = "test, key, bank, verdict, seconds, detail, diagnosis, figures, rung, attempts"
        rows = self._rows(f"SELECT {columns} FROM verdicts WHERE content = ?", content)
        found = {(test, key): rest for test, key, *rest in rows}
        known = {}
        for blank in (self.listing(subject) or ()) if found else ():
            now = self._key(subject, blank)
            if (blank.test, now.key) not in found:
                continue
            row = found[blank.test, now.key]
            bank, verdict, seconds, detail, told, figures, rung, attempts = row
            if verdict in ("fail", "error") and bank != now.bank:
                continue  # it may be diagnosed better by now
            fields = (blank.test, blank.problem, blank.public, verdict, seconds, blank.title)
            measured = tuple(Figure(**figure) for figure in json.loads(figures))
            result = TestResult(*fields, detail, tuple(json.loads(told)), measured)
            known[blank.test] = Known(result, rung, attempts)
        return known

    def enter(
        self, content: str, subject: Chapter, results: Sequence[TestResult], rung: str, node: str
    ) -> None:
        """Commit the verdicts on one chapter of one submission, all of them or none."""
        graded = datetime.now(UTC).isoformat(timespec="seconds")
        with self._transaction():
            for result in results:
                now = self._key(subject, result)
                row = (content, result.test, now.key, now.bank, result.verdict, result.seconds)
                row += (result.detail, json.dumps(result.diagnosis), rung, node, graded)
                row += (json.dumps([asdict(figure) for figure in result.figures]),)
                self.db.execute(ENTER, row)

    def note(self, content: str, subject: Chapter, fault: Verdict, note: str) -> None:
        """Commit why no test of a chapter was run."""
        with self._transaction():
            self.db.execute(
                "UPDATE parts SET fault = ?, note = ? WHERE content = ? AND chapter = ?",
                (fault, note, content, subject.name),
            )

    def seconds(self, subject: Chapter) -> dict[str, float]:
        """How long each test of a chapter takes: the average over the class, or the reference's."""
        means = dict(self._rows("SELECT test, AVG(seconds) FROM verdicts GROUP BY test"))
        return {t.test: means.get(t.test, t.seconds) for t in self.listing(subject) or ()}

    def sources(self) -> dict[str, Path]:
        """Where each submission was handed in."""
        return {n: Path(source) for n, source in self._rows("SELECT id, source FROM submissions")}

    def results(self) -> list[SubmissionResult]:
        """All that is known of the class, by submission, in points as they are today."""
        columns = "submission, chapter, content, fault, note"
        parts: dict[str, list[tuple]] = {}
        for submission, *part in self._rows(f"SELECT {columns} FROM parts ORDER BY chapter"):
            parts.setdefault(submission, []).append(part)
        there = set(chapter_names())
        found = []
        for name, problem, warnings in self._rows(
            "SELECT id, problem, warnings FROM submissions ORDER BY id"
        ):
            chapters, rungs = [], set()
            for part in (p for p in parts.get(name, ()) if p[0] in there):
                result, used = self._part(*part)
                chapters.append(result)
                rungs |= used
            lowest = max(rungs, key=RUNGS.index, default="")
            seconds = round(sum(c.seconds for c in chapters), 3)
            told = tuple(json.loads(warnings))
            found.append(SubmissionResult(name, tuple(chapters), problem, lowest, seconds, told))
        return found

    def _part(
        self, name: str, content: str, fault: str, note: str
    ) -> tuple[ChapterResult, set[str]]:
        """A chapter of a submission, and the rungs on which it was graded."""
        subject = chapter(name)
        if fault:
            return ChapterResult(subject, not_run(subject, fault, note), note=note), set()
        known = self.known(content, subject)
        blanks = self.listing(subject) or not_run(subject, "infra", GAP)
        tests = tuple(
            known[t.test].result if t.test in known else replace(t, seconds=0.0) for t in blanks
        )
        seconds = round(sum(test.seconds for test in tests), 3)
        return ChapterResult(subject, tests, seconds), {k.rung for k in known.values()}


def only_grader(folder: Path) -> IO:
    """Hold a class's lock; JournalError if another grader is at work there."""
    try:
        return hold(folder / f"{FILE}.lock")
    except InUse as error:
        raise JournalError(
            f"another grader ({error}) is at work in {folder}; wait for it, or choose another --out"
        ) from None


def put_aside(folder: Path) -> None:
    """Start over without a journal; the last one is kept, in case that was a slip."""
    path = folder / FILE
    with only_grader(folder):
        if path.exists():
            with suppress(sqlite3.DatabaseError):  # it may be damaged
                db = sqlite3.connect(path)
                db.execute(
                    "PRAGMA wal_checkpoint(TRUNCATE)"
                )  # what a killed grader left in the log
                db.close()
            os.replace(path, path.with_name(f"{FILE}.before"))
        for ending in ("-wal", "-shm"):
            path.with_name(FILE + ending).unlink(missing_ok=True)
