"""The assertions that tests use: they see every difference, and name the first."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from kit.compare import assert_close, assert_equal

INF, NAN, THIRD = math.inf, math.nan, 1 / 3
FLOATS = st.floats(width=64)


def says(assertion, got: object, want: object, **tolerances: float) -> str:
    """What a failing assertion says below its first line."""
    with pytest.raises(AssertionError) as error:
        assertion(got, want, "the misconception", **tolerances)
    first, _, rest = str(error.value).partition("\n  ")
    assert first == "the misconception", "the misconception comes first"
    return rest


def test_the_first_divergence_is_the_largest_error():
    got, want = torch.ones(3, 4), torch.ones(3, 4)
    got[0, 0], got[2, 3] = 1.5, 0.125
    assert says(assert_close, got, want) == (
        "largest error at [2, 3]: got 0.125, wanted 1 (allowed 1e-06); 2 of 12 entries are off"
    )


@pytest.mark.parametrize(
    ("got", "want", "wanted"),
    [
        (1.0, 2.0, "value: got 1, wanted 2 (allowed 2e-06)"),
        (NAN, 1.0, "value: got nan, wanted 1"),
        ([1.0, NAN], [1.0, 2.0], "at [1]: got nan, wanted 2"),
        ([NAN, NAN], [NAN, INF], "at [1]: got nan, wanted inf"),
        (1.0, NAN, "value: got 1, wanted nan (allowed 0)"),
        (INF, NAN, "value: got inf, wanted nan (allowed 0)"),
        (INF, -INF, "value: got inf, wanted -inf (allowed 0)"),
        (1e308, INF, "value: got 1e+308, wanted inf (allowed 0)"),
        (INF, 1e308, "value: got inf, wanted 1e+308 (allowed 1e+302)"),
        (-1e308, 1e308, "value: got -1e+308, wanted 1e+308 (allowed 1e+302)"),
        ([1.0, 2.0], [INF, 2.5], "at [0]: got 1, wanted inf (allowed 0); 2 of 2 entries"),
        (THIRD, THIRD + 1e-15, "got 0.3333333333333333, wanted 0.3333333333333343"),
        (torch.ones(3), torch.ones(1, 3), "shape: got (3,), wanted (1, 3)"),
        (torch.ones(()), torch.ones(1), "shape: got (), wanted (1,)"),
        (1.0, [1.0], "shape: got (), wanted (1,)"),
        (torch.ones(0), torch.ones(0, 3), "shape: got (0,), wanted (0, 3)"),
        ([], [1.0], "shape: got (0,), wanted (1,)"),
        (1 + 2j, 1.0, "dtype: got torch.complex128, wanted torch.float64"),
        (torch.tensor([1 + 2j]), torch.tensor([1 + 3j]), "at [0, 1]: got 2, wanted 3"),
        (np.array([1 + 2j]), [1 - 2j], "at [0, 1]: got 2, wanted -2"),
    ],
)
def test_every_kind_of_divergence_is_found_and_named(got, want, wanted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch only warns when an imaginary part is lost
        assert wanted in says(
            assert_close, got, want, atol=0.0, rtol=1e-6 if got is not THIRD else 0
        )


def test_nan_is_named_before_any_larger_error():
    assert says(assert_close, [9e9, NAN], [1.0, 2.0]) == "at [1]: got nan, wanted 2"


@pytest.mark.parametrize("want", [torch.ones(3), torch.ones(1), torch.ones(()), torch.ones(3, 1)])
def test_broadcasting_never_hides_a_wrong_shape(want):
    got = torch.ones(2, 3)
    assert "shape" in says(assert_close, got, want) and "shape" in says(assert_close, want, got)
    assert "shape" in says(assert_equal, got, want) and "shape" in says(assert_equal, want, got)


@given(FLOATS, FLOATS)
def test_two_numbers_are_close_exactly_if_the_formula_says_so(got, want):
    if math.isfinite(want) and math.isfinite(got):
        close = abs(got - want) <= 1e-8 + 1e-6 * abs(want)
    else:
        close = got == want or (math.isnan(got) and math.isnan(want))
    if close:
        assert_close([got], [want], "")
    else:
        says(assert_close, [got], [want])


@given(st.lists(FLOATS, min_size=1, max_size=9), st.data())
def test_one_wrong_entry_among_right_ones_is_never_missed(want, data):
    got, i = list(want), data.draw(st.integers(0, len(want) - 1))
    assert_close(got, want, "equal numbers are close, infinite and missing ones too")
    assert_equal(got, want, "equal numbers are equal")
    got[i] = data.draw(st.sampled_from([NAN, INF, -INF, 0.0, 1.0]))
    assume(not (got[i] == want[i] or math.isnan(want[i]) and math.isnan(got[i])))
    assert f"at [{i}]:" in says(assert_equal, got, want)
    says(assert_close, got, want, rtol=0.0, atol=0.0)


def test_every_dtype_is_held_to_float64():
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.int8, torch.bool):
        assert_close(torch.tensor([0, 1]).to(dtype), [0.0, 1.0], "0 and 1 are exact")
    assert_close([1e300], torch.tensor([1e300], dtype=torch.float64), "no float32 in between")
    assert_close(torch.nn.Parameter(torch.ones(2)), np.ones(2), "gradients do not matter")
    says(assert_close, torch.tensor([1 / 3]).bfloat16(), [1 / 3])


@pytest.mark.parametrize("got", [None, "1.0", [None], [[1.0], [2.0, 3.0]], {"a": 1.0}, object()])
def test_what_is_no_number_is_close_to_nothing(got):
    with pytest.raises((AssertionError, TypeError, ValueError, RuntimeError)):
        assert_close(got, [1.0], "")


EQUAL = [
    *[(1, 1.0), ([1, 2], (1, 2)), (torch.tensor([1, 2]), [1, 2]), ({1: [2]}, {1: (2,)})],
    *[(NAN, NAN), ([NAN], torch.tensor([NAN])), ({"a": torch.ones(2)}, {"a": [1.0, 1.0]})],
    *[([torch.ones(2), 3], [np.ones(2), 3]), (torch.ones(2).double(), torch.ones(2)), ("a", "a")],
    *[({1, 2}, {2, 1}), (None, None), ([], ()), (b"", b""), ({"a": 1, "b": 2}, {"b": 2, "a": 1})],
]
DIFFERENT = [
    ([1, 2, 3], [1, 9, 3], "at [1]: got 2, wanted 9"),
    ([1, 2], [1], "at [1]: got 2, wanted nothing (lengths 2 and 1)"),
    ([], [1], "at [0]: got nothing, wanted 1 (lengths 0 and 1)"),
    ([[1], [2, 3]], [[1], [2, 4]], "at [1, 1]: got 3, wanted 4"),
    ([(0, 1)], [[0, 2]], "at [0, 1]: got 1, wanted 2"),
    ("hole", "hope", "at [2]: got 'l', wanted 'p'"),
    (b"ab", b"a", "at [1]: got 98, wanted nothing (lengths 2 and 1)"),
    ("a", b"a", "got 'a', wanted b'a'"),
    ("ab", ["a", "b"], "got 'ab', wanted ['a', 'b']"),
    (None, [], "got None, wanted []"),
    (0, None, "got 0, wanted None"),
    ({"a": 1, "c": 3}, {"a": 1, "b": 2}, "at ['b']: got nothing, wanted 2"),
    ({"a": 1, "c": 3}, {"a": 1}, "at ['c']: got 3, wanted nothing (lengths 2 and 1)"),
    ({"a": [1, 2]}, {"a": [1, 3]}, "at ['a', 1]: got 2, wanted 3"),
    ({"a": torch.ones(2)}, {"a": torch.ones(3)}, "at ['a']: shape: got (2,), wanted (3,)"),
    (torch.zeros(0, 3), torch.zeros(0, 5), "shape: got (0, 3), wanted (0, 5)"),
    (torch.zeros(3, 0), torch.zeros(3), "shape: got (3, 0), wanted (3,)"),
    (torch.ones(2), torch.ones(2).long(), "dtype: got torch.float32, wanted torch.int64"),
    (torch.ones(2).bool(), torch.ones(2).long(), "dtype: got torch.bool, wanted torch.int64"),
    (torch.tensor([1.0, 2.0]), [1.0, 2.5], "at [1]: got 2.0, wanted 2.5"),
    ([NAN], [1.0], "at [0]: got nan, wanted 1.0"),
    (10**5000, 1, "got a number of thousands of digits, wanted 1"),
    ([None], [], "at [0]: got None, wanted nothing (lengths 1 and 0)"),
]


@pytest.mark.parametrize(("got", "want"), EQUAL, ids=lambda v: repr(v)[:30])
def test_equal_values_are_equal_in_whatever_container_they_come(got, want):
    assert_equal(got, want, "")
    assert_equal(want, got, "")


@pytest.mark.parametrize(("got", "want", "wanted"), DIFFERENT, ids=[d[2][:40] for d in DIFFERENT])
def test_the_first_difference_is_named_by_its_place(got, want, wanted):
    assert says(assert_equal, got, want) == wanted


def test_a_difference_in_a_long_value_is_told_in_a_short_line():
    assert len(says(assert_equal, [["x" * 1000]], [["y"] * 1000])) < 250
    text = "a" * 100_000
    assert says(assert_equal, text + "b", text + "c") == "at [100000]: got 'b', wanted 'c'"
