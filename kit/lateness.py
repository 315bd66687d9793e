"""What a late submission loses.

    lost = points earned · min(1, started days late · percent_per_day / 100)

A day late ends at the due time of the next day, also where the clocks change in between. Grace
moves the due time, so its length is forgiven on every day. Free days are spent on the chapters in
the order in which they are due: a chapter's grade cannot change when a later one is handed in.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Extension:
    """More time for one student, on one chapter or on all."""

    student: str  # an id of the roster; without a roster, a submission
    chapter: str = ""
    days: int = 0
    due: datetime | None = None  # instead of the due date of the class
    reason: str = ""


@dataclass(frozen=True)
class Lateness:
    """How late one chapter came, and what that costs."""

    days: int = 0  # started days after the due time
    free: int = 0  # of these, how many the student's own budget has paid for
    lost: float = 0.0  # points


@dataclass(frozen=True)
class LatePolicy:
    """When work is due, and what it loses afterwards; by default nothing is ever due."""

    due: datetime | None = None  # of chapters that have no date of their own
    chapters: Mapping[str, datetime] = field(default_factory=dict)
    grace: timedelta = timedelta(0)
    percent_per_day: float = 0.0
    max_days: int | None = None  # later than this, free days or not, the work earns nothing
    free_days: int = 0
    extensions: tuple[Extension, ...] = ()

    def due_for(self, student: str, chapter: str) -> datetime | None:
        """When a student's chapter is due; the most generous extension counts."""
        due = self.chapters.get(chapter, self.due)
        if due is None:
            return None
        own = [e for e in self.extensions if e.student == student and e.chapter in ("", chapter)]
        dates = [due, *(e.due or due + e.days * DAY for e in own)]
        return max(dates, key=lambda date: date.astimezone(UTC))

    def assess(
        self, student: str, scores: Mapping[str, float], submitted: Mapping[str, datetime]
    ) -> dict[str, Lateness]:
        """What each late chapter loses; chapters that came in time, or at an unknown one, do not."""
        dated = [(self.due_for(student, chapter), chapter) for chapter in scores]
        known = [(due, chapter) for due, chapter in dated if due and chapter in submitted]
        budget, late = self.free_days, {}
        for due, chapter in sorted(known, key=lambda pair: (pair[0].astimezone(UTC), pair[1])):
            days = days_late(submitted[chapter], due + self.grace)
            if days == 0:
                continue
            earned = scores[chapter]
            if self.max_days is not None and days > self.max_days:
                late[chapter] = Lateness(days, 0, earned)
                continue
            free = min(days, budget) if earned > 0 else 0  # nothing to lose, nothing to spend
            budget -= free
            share = min(1.0, (days - free) * self.percent_per_day / 100)
            late[chapter] = Lateness(days, free, earned * share)
        return late


def days_late(submitted: datetime, due: datetime) -> int:
    """Started days between two times; 0 up to the due time itself."""
    if submitted.astimezone(UTC) <= due.astimezone(UTC):
        return 0
    # subtraction within one zone is that of its clocks: a day with 25 hours is one day
    return max(1, math.ceil((submitted.astimezone(due.tzinfo) - due) / DAY))


def parse_time(value: object, zone: ZoneInfo | None) -> datetime:
    """A date and time from TOML or ISO 8601, in `zone` if there is one; ValueError says the fix."""
    if isinstance(value, str):
        text = value.strip()
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        value = moment if moment and len(text) > len("2026-10-01") else text
    if not isinstance(value, datetime):
        raise ValueError(f"got {str(value)!r}, wanted a date and a time such as 2026-10-01T23:59")
    if value.tzinfo is None and zone is None:
        raise ValueError(
            f"got {value.isoformat()}, wanted its time zone too; write {value.isoformat()}+02:00, "
            'or timezone = "Europe/Berlin" at the top of the course file'
        )
    if value.tzinfo is None:
        return value.replace(tzinfo=zone)
    return value.astimezone(zone) if zone else value


def describe(late: Mapping[str, Lateness]) -> Iterable[str]:
    """Sentences for notes: "ch04_attention: 2 days late (1 free), 10 points lost"."""
    for chapter, lateness in late.items():
        days = "1 day" if lateness.days == 1 else f"{lateness.days} days"
        free = f" ({lateness.free} free)" if lateness.free else ""
        yield f"{chapter}: {days} late{free}, {round(lateness.lost, 2):g} points lost"
