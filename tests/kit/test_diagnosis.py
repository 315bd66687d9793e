"""Fingerprints: an output is told the bug that it equals, and no other output is."""

import math
import time
import warnings

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from kit.diagnosis import LENGTH, Fingerprints, Raised, _directions, project, project_all, tells
from kit.results import TestResult, name_bugs

INF, NAN = math.inf, math.nan
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)


def alike(a: object, b: object) -> bool:
    return np.array_equal(project(a), project(b))


def test_the_directions_are_those_of_splitmix64_on_every_machine():
    state, mask, wanted = 0, (1 << 64) - 1, []
    for _ in range(24):  # the generator as published, in Python's exact integers
        state = state + 0x9E3779B97F4A7C15 & mask
        z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        wanted.append((z ^ z >> 31) / 2.0**63 - 1.0)
    assert _directions(3).ravel().tolist() == wanted


@given(PLAIN)
def test_a_projection_is_eight_finite_numbers_and_always_the_same(value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = project(value)
    assert found.shape == (8,) and np.isfinite(found).all() and alike(value, value)


PAIRS = [
    *[(1.0, 2.0), (NAN, INF), (INF, -INF), (NAN, 0.0), (1e300, INF), (None, 0.0), ("a", "b")],
    *[([1, 2], [2, 1]), ([1, 2], [1, 2, 0]), ([], [[]]), ([[1], [2]], [[1, 2]]), ("a", ["a"])],
    *[(torch.ones(2, 3), torch.ones(3, 2)), (torch.ones(2), torch.ones(2, 1))],
    *[(torch.tensor([NAN]), torch.tensor([INF])), (torch.tensor([1j]), torch.tensor([2j]))],
    *[(Raised("ValueError"), Raised("TypeError")), (b"\0", b"\0\0"), ({"a": 1}, {"a": 2})],
    *[(1 + 2j, 1 + 3j), (torch.float32, torch.float64), ({1, 2}, {1, 3})],
]


@pytest.mark.parametrize(("a", "b"), PAIRS, ids=repr)
def test_different_outputs_have_different_projections(a, b):
    assert not alike(a, b)
    assert not alike([a, 1], [b, 1])


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_two_numbers_have_two_projections(a, b):
    assume(a != b and abs(a - b) > 1e-300)
    assert not alike(a, b)


def test_equal_outputs_have_equal_projections_in_whatever_form_they_come():
    x = torch.arange(6.0).reshape(2, 3)
    assert alike(x, x.numpy()) and alike(x, x.double()) and alike(x.T, x.T.contiguous())
    assert alike([1, 2], (1, 2)) and alike({3, 1, 2}, {2, 3, 1}) and alike("é", "é")


@pytest.mark.parametrize(
    "value",
    [
        *[torch.zeros(1 << 24), bytes(1 << 26), "x" * (1 << 24), [0.0] * (1 << 20)],
        *[10**5000, {10**5000, 1}, {(10**5000, "a"), ("a", 1)}, [1e308] * 100, [-1e308, 1e308]],
    ],
    ids=lambda v: type(v).__name__,
)
def test_huge_outputs_are_projected_soon_and_without_overflow(value):
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(np.linalg.norm(project(value)))
    assert time.process_time() - started < 1.0


def test_only_the_first_numbers_of_a_long_output_count():
    zeros = [0.0] * LENGTH
    assert alike([*zeros, 1.0], [*zeros, 2.0]) and not alike([1.0, *zeros], [2.0, *zeros])
    assert not alike(torch.zeros(LENGTH + 1), torch.zeros(LENGTH + 2)), "but its size does"


# ---- the bank

RIGHT = [torch.tensor([0.25, 0.75]), 3.0]
WRONG = [torch.tensor([0.5, 0.5]), 3.0]


@pytest.fixture
def bank() -> Fingerprints:
    made = Fingerprints({"halves": "halves are returned", "zeros": "nothing is added up"})
    made.add("test_a", 7, "halves", project_all(RIGHT), project_all(WRONG))
    made.add("test_a", 7, "zeros", project_all(RIGHT), project_all([torch.zeros(2), 0.0]))
    return made


def told(bank: Fingerprints, outputs: list, test: str = "test_a", seed: int = 7) -> tuple[str, ...]:
    return bank.diagnose(test, seed, project_all(outputs))


def test_an_output_that_equals_a_bugs_is_told_its_misconception(bank):
    assert told(bank, WRONG) == ("halves are returned",)
    assert told(bank, [torch.tensor([0.5001, 0.4999]), 8.0]) == ("halves are returned",)
    assert told(bank, [torch.zeros(2), 0]) == ("nothing is added up",)


def test_every_other_output_is_told_nothing(bank):
    for outputs in (RIGHT, [], [torch.tensor([0.49, 0.51])], [torch.zeros(2)], ["x", "y"]):
        assert told(bank, outputs) == ()
    assert told(bank, WRONG, seed=8) == () and told(bank, WRONG, test="test_b") == ()


def test_huge_and_infinite_outputs_are_not_taken_for_each_other():
    bank = Fingerprints({"big": "it overflows"})
    bank.add("t", 1, "big", project_all([1.0]), project_all([1e200]))
    assert told(bank, [1e200], "t", 1) and not told(bank, [3e80], "t", 1)
    bank = Fingerprints({"inf": "it is infinite", "nan": "it is not a number"})
    bank.add("t", 1, "inf", project_all([1.0]), project_all([INF]))
    bank.add("t", 1, "nan", project_all([1.0]), project_all([NAN]))
    assert told(bank, [INF], "t", 1) == ("it is infinite",)
    assert told(bank, [NAN], "t", 1) == ("it is not a number",)
    assert told(bank, [-INF], "t", 1) == ()


def test_a_bug_that_changes_nothing_is_told_to_nobody():
    bank = Fingerprints({"same": "nothing is wrong"})
    bank.add("t", 1, "same", project_all(RIGHT), project_all(RIGHT))
    bank.add("t", 1, "same", project_all(RIGHT), [None, None])
    assert told(bank, RIGHT, "t", 1) == () == told(bank, WRONG, "t", 1)


def test_no_more_than_three_calls_are_kept():
    bank = Fingerprints({name: name for name in "abc"})
    for name in "abc":
        bank.add("t", 1, name, project_all([0.0] * 9), project_all([1.0] * 9))
    assert [list(calls) for calls in bank.tests["t"]["bugs"].values()] == [["0", "1", "2"]] * 3
    assert told(bank, [1.0] * 9, "t", 1) == ("a", "b", "c")
    bank.misconceptions["b"] = "a"
    assert told(bank, [1.0] * 9, "t", 1) == ("a", "c"), "one misconception was named twice"


def test_the_bank_is_what_it_was_after_a_round_trip_to_disk(bank, tmp_path):
    path = tmp_path / "fingerprints.json"
    bank.misconceptions["é"] = 'an "odd" name'
    bank.write(path)
    again = Fingerprints.read(path)
    assert again == bank and told(again, WRONG) == ("halves are returned",)
    again.write(path)
    assert Fingerprints.read(path) == bank
    assert Fingerprints.read(tmp_path / "none.json") == Fingerprints()


def test_an_exception_tells_a_bug_only_in_place_of_another():
    assert tells(3, 4) and tells(Raised("ValueError"), 3)
    assert tells(Raised("ValueError"), Raised("KeyError")) and not tells(3, Raised("KeyError"))


def results(*diagnoses, verdict="fail"):
    return [TestResult("t", "p", True, verdict, diagnosis=names) for names in diagnoses]


def test_a_problem_is_told_what_explains_most_of_its_failures():
    assert name_bugs(results(("a",), ("a", "b"), ("b", "a"))) == ("a",)
    assert name_bugs(results(("a", "b", "c"), ("c", "b", "a"))) == ("a", "b"), "two at most"
    assert name_bugs(results((), ())) == () == name_bugs([])


def test_a_chance_agreement_is_not_named():
    assert name_bugs(results(("a",), (), ())) == (), "one of three"
    assert name_bugs(results(("a",), ())) == ("a",), "half of them"
    others = results((), (), verdict="pass") + results((), verdict="todo")
    assert name_bugs(results(("a",)) + others) == ("a",), "only what went wrong counts"
