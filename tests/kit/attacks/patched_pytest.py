"""Replace what runs and reports tests (terminal-bench PR 643). Must not gain: any point."""

import sys

import _pytest.python
import _pytest.reports
import _pytest.runner


def passed(*args, **kwargs):
    return None


_pytest.python.Function.runtest = passed
_pytest.runner.pytest_runtest_call = _pytest.runner.call_and_report = passed
_pytest.reports.TestReport.from_item_and_call = classmethod(passed)
sys.modules["pytest"] = sys.modules["_pytest.outcomes"] = None


def double(x):
    return x


def halve(x):
    return x
