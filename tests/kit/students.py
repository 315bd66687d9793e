"""Students for the sandbox's tests: forks that run a piece of work on one rung."""

import os
from collections.abc import Callable

import pytest

from kit import sandbox
from kit.sandbox.trial import finish, hear, start

SECONDS = 20.0  # no student of these tests lives longer


def need(rung: str, statuses: dict[str, sandbox.RungStatus]) -> str:
    """Skip where the machine lacks a rung, but not where the rung is at fault."""
    if not statuses[rung].works and "does not stop" not in statuses[rung].reason:
        pytest.skip(f"{rung}: {statuses[rung].reason}")
    return rung


def run(plan: sandbox.Plan, work: Callable[[], object]) -> object:
    """What a student's work returns, or the text of what it raised."""
    report = finish(plan, *start(plan, work), SECONDS)
    return report.get("value", report.get("error"))


def exit_status(plan: sandbox.Plan, work: Callable[[], object]) -> int:
    keeper, reader = start(plan, work)
    try:
        hear(reader, SECONDS)
    finally:
        status = os.waitpid(keeper, 0)[1]
    return os.waitstatus_to_exitcode(status)
