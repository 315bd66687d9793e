"""Skip the test from inside (terminal-bench PR 2020; gradescope-utils drops such tests).

Must not gain: any point, and no test may be missing from the report.
"""

import unittest

import pytest


def double(x):
    pytest.skip("not today")


def halve(x):
    raise unittest.SkipTest("not today")
