"""The codec: whatever is plain crosses unchanged, and whatever else is refused by name."""

import decimal
import math
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kit import codec
from kit.codec import CodecError, dumps, loads

TEXT = st.text('aé\0"\\\ud83d\ude00\udfff😀', max_size=6)  # lone surrogates included
KEYS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.binary(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
LEAVES = (
    KEYS
    | st.floats()
    | st.complex_numbers()
    | st.sampled_from(list(codec.TORCH_DTYPES.values()))
    | st.sampled_from([torch.zeros(0, 3), torch.tensor(2.5), torch.tensor([True, False])])
    | hnp.arrays(
        st.sampled_from(list(codec.NUMPY_DTYPES.values())),
        hnp.array_shapes(min_dims=0, max_dims=3, max_side=3),
    )
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.sets(KEYS, max_size=4)
    ),
    max_leaves=12,
)


def crossed(value: object) -> object:
    return loads(dumps(value))


def same(a: object, b: object) -> bool:
    """Equal in type and bits, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        a, b = a.contiguous().reshape(-1), b.contiguous().reshape(-1)
        equal = a.dtype == b.dtype and a.shape == b.shape
        return equal and (a.numel() == 0 or torch.equal(a.view(torch.uint8), b.view(torch.uint8)))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return repr(a) == repr(b)
    if isinstance(a, complex):
        return same((a.real, a.imag), (b.real, b.imag))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, set | frozenset):
        # equal sets may be in another order, and so may the sets in them; 1 and 1.0 are equal too
        return a == b and sorted(map(_types, a)) == sorted(map(_types, b))
    return a == b


def _types(value: object) -> str:
    """A member of a set with the types of all its parts, the same in whatever order they come."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_types, value))})"
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(_types, value)))}}}"
    return f"{type(value).__name__} {value!r}"


@given(VALUES)
def test_nested_plain_values_cross_unchanged(value):
    assert same(crossed(value), value)


@pytest.mark.parametrize(
    "value",
    [
        *(math.inf, -math.inf, math.nan, -0.0, 1e-320, complex(math.nan, -0.0)),
        *(2**53 - 1, 2**53, -(2**53), 10**4000, True, None, "", b"", [], (), {}, set()),
        *("\ud800", "\ud83d\ude00", "😀", "a\0b", "\ud83d\ude00" * 3),
        *({1: "int", "1": "text"}, {(1, 2): (3,)}, {None: [1]}, {frozenset({1}): {2}}),
        *({"tensor": ["float32", [2]]}, {"tuple": []}),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_awkward_plain_values_cross_unchanged(value):
    assert same(crossed(value), value)


@pytest.mark.parametrize("dtype", codec.TORCH_DTYPES.values(), ids=str)
def test_tensors_of_every_dtype_and_layout_cross(dtype):
    x = torch.tensor([[0, 1, 1], [1, 0, 1]]).to(dtype)
    views = [x, x.T, x[:, 1:], x[0, 0], x[:0], x[:, :, None].expand(2, 3, 4), x.expand(2, 2, 3)]
    views += [x[:1, 1], x[1:, :1]]  # one number, whose stride is another's
    for view in views:
        got = crossed(view)
        assert same(got, torch.empty(view.shape, dtype=dtype).copy_(view))
        assert got.shape == view.shape
        assert got.is_contiguous() and not got.requires_grad


def test_conjugated_and_negated_views_cross_with_their_values():
    z = torch.tensor([1 + 2j, 3 - 4j])
    assert z.conj().is_conj() and crossed(z.conj()).tolist() == [1 - 2j, 3 + 4j]
    assert z.conj().imag.is_neg() and crossed(z.conj().imag).tolist() == [-2.0, 4.0]
    assert crossed(torch._neg_view(torch.ones(2))).tolist() == [-1.0, -1.0]


def test_arrays_cross_whatever_their_strides_and_byte_order():
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    for view in (x.T, x[::-1, ::2], np.broadcast_to(x[0], (2, 4)), x[0, 0:0], np.array(3.0)):
        assert same(crossed(view), np.array(view, order="C"))
    assert same(crossed(np.array([1, 2], ">u4")), np.array([1, 2], "<u4"))
    assert crossed(x).flags.writeable and type(crossed(np.ma.array([1, 2]))) is np.ndarray


Pair = namedtuple("Pair", "a b")


class LyingInt(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


class LyingText(str):
    def __eq__(self, other):
        return True

    def __str__(self):
        return "a lie"

    __hash__ = str.__hash__


class LyingTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return torch.full((7,), 42.0)

    def detach(self):
        return torch.full((7,), 42.0)


def test_subclasses_cross_as_the_plain_type_and_cannot_lie_any_more():
    lying = torch.tensor([1.0, 2.0]).as_subclass(LyingTensor)
    value = [LyingInt(3), LyingText("x"), lying, OrderedDict(a=1), Pair(1, 2), range(3)]
    assert same(crossed(value), [3, "x", torch.tensor([1.0, 2.0]), {"a": 1}, (1, 2), [0, 1, 2]])
    assert same(crossed(torch.nn.Parameter(torch.ones(2))), torch.ones(2))


def test_numpy_scalars_and_buffers_cross_as_python_values():
    value = [np.float32(0.5), np.int64(3), np.bool_(True), np.str_("s"), np.complex64(1j)]
    assert same(crossed(value), [0.5, 3, True, "s", 1j])
    assert same(crossed([bytearray(b"ab"), memoryview(b"abcd")[::2]]), [b"ab", b"ac"])


def test_what_arrives_shares_no_memory_with_what_was_sent():
    x, rows = torch.zeros(2), [[1]]
    got = crossed([x, rows, rows])
    got[0][0], got[1][0] = 5, 2
    assert x.tolist() == [0, 0] and rows == [[1]] and got[2] == [[1]]


class Secret:
    def __repr__(self):
        raise RuntimeError("never shown")


@pytest.mark.parametrize(
    ("value", "named"),
    [
        *[(object(), "builtins.object"), (Secret(), "Secret"), (len, "builtin_function")],
        *[([{"a": (1, iter([]))}], "list_iterator"), (decimal.Decimal(1), "Decimal")],
        *[(np.longdouble(1), "longdouble"), (np.array(["x"]), "<U1"), (np.array([None]), "object")],
        *[(np.datetime64("2020-01-01"), "date"), (torch.ones(2).to_sparse(), "sparse")],
        *[(torch.ones(2, device="meta"), "meta"), (torch.qint8, "qint8"), (torch.device("cpu"), "device")],
        *[({torch.zeros(1): 1}, "Tensor"), ({range(2)}, "range"), (torch.ones([1] * 33), "33")],
        *[(torch.zeros(1).expand(1 << 40), "too large"), (np.broadcast_to(1.0, 1 << 40), "too large")],
        *[(range(10**30), "too large"), ("x" * (17 << 20), "too large")],
        *[([torch.zeros(1 << 20)] * 200, "too large")],
    ],
    ids=lambda v: v if isinstance(v, str) and len(v) < 30 else "",
)  # fmt: skip
def test_what_cannot_cross_is_refused_by_name(value, named, monkeypatch):
    monkeypatch.setattr(codec, "MAX_NODES", 100_000)  # the real limit takes seconds to reach
    with pytest.raises(CodecError, match=named):
        dumps([value])


def test_cycles_and_lists_of_themselves_end_in_an_error(monkeypatch):
    cycle, shared = {}, []
    cycle["self"] = [cycle, cycle]
    for _ in range(50):
        shared = [shared, shared]  # 50 lists, which would take 2 ** 50 brackets to write
    with pytest.raises(CodecError, match="deeper than 60"):
        dumps(cycle)
    monkeypatch.setattr(codec, "MAX_NODES", 100_000)  # the real limit takes seconds to reach
    with pytest.raises(CodecError, match="too large"):
        dumps(shared)


@pytest.mark.parametrize("leaf", [1, 2**60, "\ud83d\ude00", np.int8(1), torch.ones(1)], ids=ascii)
def test_what_may_be_encoded_may_be_decoded_at_every_depth(leaf):
    for depth in range(57, 64):
        value = leaf
        for _ in range(depth):
            value = [value]
        try:
            data = dumps(value)
        except CodecError:
            assert depth > 59
        else:
            loads(data)


def test_a_codec_error_is_no_value_error_that_a_test_might_wait_for():
    assert not issubclass(CodecError, ValueError)
