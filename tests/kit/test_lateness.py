"""Lateness: started days, grace, budgets, extensions; clocks that change."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kit.lateness import Extension, Lateness, LatePolicy, days_late, describe, parse_time

BERLIN = ZoneInfo("Europe/Berlin")
DUE = datetime(2026, 10, 1, 23, 59, tzinfo=BERLIN)


def late(policy: LatePolicy, student: str = "s1", **days: float) -> dict[str, Lateness]:
    """What chapters of 100 points lose that come so many days after DUE."""
    submitted = {name: DUE + timedelta(days=late) for name, late in days.items()}
    return policy.assess(student, dict.fromkeys(days, 100.0), submitted)


@pytest.mark.parametrize(
    ("after", "days"),
    [("-1 s", 0), ("0 s", 0), ("1 s", 1), ("86400 s", 1), ("86401 s", 2), ("863999 s", 10)],
)
def test_a_started_day_counts(after, days):
    assert days_late(DUE + timedelta(seconds=int(after.split()[0])), DUE) == days


def test_zones_are_compared_by_the_instant():
    for text, days in (
        ("2026-10-01T21:59:00Z", 0),
        ("2026-10-01T21:59:01Z", 1),
        ("2026-10-02T03:28+05:30", 0),
        ("2026-10-02T21:59:00+00:00", 1),
    ):
        assert days_late(datetime.fromisoformat(text), DUE) == days, text


def test_a_day_on_which_clocks_change_is_one_day():
    due = datetime(2026, 10, 24, 23, 59, tzinfo=BERLIN)  # the next day has 25 hours
    assert days_late(datetime(2026, 10, 25, 23, 59, tzinfo=BERLIN), due) == 1
    assert days_late(datetime.fromisoformat("2026-10-26T00:00+01:00"), due) == 2
    within = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)  # 2:30 comes twice
    again = within.replace(fold=1)
    assert days_late(within, within) == 0 and days_late(again, within) == 1


def test_each_started_day_costs_its_percent_and_no_more_than_all():
    policy = LatePolicy(due=DUE, percent_per_day=30)
    assert late(policy, a=0.5, b=1.5, c=9, d=-1) == {
        "a": Lateness(1, 0, 30),
        "b": Lateness(2, 0, 60),
        "c": Lateness(9, 0, 100),
    }


def test_grace_moves_the_due_time_of_every_day():
    policy = LatePolicy(due=DUE, percent_per_day=10, grace=timedelta(minutes=15))
    minute = 1 / 1440
    assert late(policy, a=15 * minute, b=16 * minute, c=1 + 15 * minute) == {
        "b": Lateness(1, 0, 10),
        "c": Lateness(1, 0, 10),
    }


def test_after_the_last_day_work_is_worth_nothing_and_takes_no_free_days():
    policy = LatePolicy(due=DUE, percent_per_day=1, max_days=3, free_days=2)
    assert late(policy, a=2.5, b=3.5) == {"a": Lateness(3, 2, 1), "b": Lateness(4, 0, 100)}
    assert late(LatePolicy(due=DUE, max_days=0), a=0.1)["a"].lost == 100


def test_free_days_are_spent_in_the_order_of_due_dates():
    policy = LatePolicy(
        due=DUE + timedelta(days=9),
        chapters={"b": DUE, "c": DUE + timedelta(days=1)},
        percent_per_day=10,
        free_days=3,
    )
    assert late(policy, a=10, b=2, c=3) == {
        "b": Lateness(2, 2, 0),
        "c": Lateness(2, 1, 10),
        "a": Lateness(1, 0, 10),
    }
    nothing = policy.assess("s1", {"b": 0.0, "c": 50.0}, {n: DUE + timedelta(days=2) for n in "bc"})
    assert nothing == {"b": Lateness(2, 0, 0), "c": Lateness(1, 1, 0)}, "nothing to buy for b"


def test_extensions_are_a_students_own():
    extensions = (
        Extension("s1", days=2),
        Extension("s1", "b", due=DUE + timedelta(days=5)),
        Extension("s2", "b", due=DUE - timedelta(days=5)),  # takes nothing away
    )
    policy = LatePolicy(due=DUE, percent_per_day=10, extensions=extensions)
    assert late(policy, "s1", a=3, b=5) == {"a": Lateness(1, 0, 10)}
    assert late(policy, "s2", a=0, b=1) == {"b": Lateness(1, 0, 10)}


def test_what_has_no_date_is_never_late():
    assert late(LatePolicy(percent_per_day=10), a=100) == {}
    assert late(LatePolicy(chapters={"b": DUE}, percent_per_day=10), a=100) == {}
    assert LatePolicy(due=DUE).assess("s1", {"a": 100.0}, {}) == {}


def test_lateness_in_words():
    assert list(describe({"a": Lateness(1, 0, 3.333333), "b": Lateness(3, 2, 10)})) == [
        "a: 1 day late, 3.33 points lost",
        "b: 3 days late (2 free), 10 points lost",
    ]


def test_times_are_read_in_their_zone():
    wanted = datetime(2026, 10, 1, 12, tzinfo=BERLIN)
    for value in ("2026-10-01T12:00", " 2026-10-01 10:00Z ", datetime(2026, 10, 1, 12)):
        found = parse_time(value, BERLIN)
        assert found == wanted and found.tzinfo is BERLIN
    assert parse_time("2026-10-01T12:00+02:00", None) == wanted


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2026-10-01T12:00", "its time zone too"),
        (datetime(2026, 10, 1), "its time zone too"),
        ("2026-10-01", "a date and a time"),
        ("tomorrow", "a date and a time"),
        ("", "a date and a time"),
        (5, "a date and a time"),
    ],
)
def test_a_time_that_means_nothing_is_refused(value, said):
    with pytest.raises(ValueError, match=f"got .*, wanted {said}"):
        parse_time(value, None)
