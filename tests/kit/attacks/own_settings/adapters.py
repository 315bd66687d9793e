"""Bring pytest.ini, conftest.py and the like, which deselect tests and flip outcomes.

Must not gain: any point. (With honest adapters the same files must not cost any.)
"""


def double(x):
    return x


def halve(x):
    return x
