"""`pytest.exit(returncode=0)` ends a run as if it were done. Must not gain: any point."""

import pytest


def double(x):
    pytest.exit("done", returncode=0)


def halve(x):
    pytest.exit("done", returncode=0)
