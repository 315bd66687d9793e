"""A chapter's tests as a suite: collected once, run as often as there are submissions or variants."""

import contextlib
import io
import math
import os
import time
from collections.abc import Iterator

import hypothesis
import pytest

from kit.chapters import repository
from kit.faults import Timeout
from kit.plugin import BENCH, INFO
from kit.results import TestResult


def pytest_arguments(name: str) -> list[str]:
    """How a chapter's tests are collected for grading: no configuration, no cache, no capture."""
    root = str(repository())
    options = ["-q", "-c", os.devnull, "--rootdir", root, "--confcutdir", root]
    options += ["-p", "kit.plugin", "--import-mode=importlib", "--impl", "solutions"]
    # a fork must not share pytest's open files; what only serves a reader costs a third of a test
    idle = ("cacheprovider", "doctest", "logging", "terminalreporter", "threadexception")
    for plugin in (*idle, "unraisableexception", "warnings"):
        options += ["-p", f"no:{plugin}"]
    # as in pyproject.toml, which is not read here
    options += ["--capture=no", "-m", "not slow and not browser"]
    return [*options, "--tb=no", f"{root}/tests/{name}"]


def run_pytest(name: str, plugin: object) -> str:
    """Collect a chapter's tests and hand them to the plugin's run loop; why that failed, or ""."""
    complaints = io.StringIO()
    with contextlib.redirect_stderr(complaints):
        code = pytest.main(pytest_arguments(name), plugins=[plugin])
    if code == 0:
        return ""
    text = (
        "\n".join(plugin.errors) or complaints.getvalue().strip() or f"pytest ended with {code!r}"
    )
    return text[-2000:]


def run_items(
    session: pytest.Session, items: list[pytest.Item], deadline: float = math.inf
) -> Iterator[TestResult]:
    """Run collected tests one after the other; those that come after the deadline time out."""
    bench = session.config.stash[BENCH]
    for item, following in zip(items, [*items[1:], None], strict=True):
        before = len(bench.results)
        if time.monotonic() > deadline:
            late = Timeout("the submission has used up the time for this chapter")
            bench.judge(item.stash[INFO], late, 0.0)
        else:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if bench.forgive():  # killed by whom? Only twice is it the student's doing
                del bench.results[before:]
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        yield from (result for _, result in bench.results[before:])


def grader_profile() -> str:
    """Hypothesis without shrinking: nobody reads the smallest example, and it takes long."""
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    kit_profile = hypothesis.settings.get_profile("kit")
    hypothesis.settings.register_profile("grader", kit_profile, phases=phases)
    return "grader"
