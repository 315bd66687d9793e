"""Assertions that name the misconception first, and then the first divergence.

    assert_close(got, want, "columns were normalised; each row must sum to 1")

fails with that sentence and one line such as
    largest error at [2, 3]: got 0.125, wanted 0.25 (allowed 2.5e-07); 12 of 27 entries are off
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest

import numpy as np
import torch

from kit.contract import short_repr

__tracebackhide__ = True  # in a failure, the test's own line tells more

ARRAYS = (torch.Tensor, np.ndarray)
KINDS = ("bool", "int", "float", "complex")
MISSING = object()


def assert_close(
    got: object, want: object, why: str, *, rtol: float = 1e-6, atol: float = 1e-8
) -> None:
    """Fail unless |got - want| <= atol + rtol |want| everywhere; equal infinities are close.

    The defaults suit a float32 result held to a float64 reference; whoever widens them says why.
    """
    got, want = _wide(got), _wide(want)
    if got.shape != want.shape:
        raise AssertionError(f"{why}\n  shape: got {tuple(got.shape)}, wanted {tuple(want.shape)}")
    if got.is_complex() != want.is_complex():
        raise AssertionError(f"{why}\n  dtype: got {got.dtype}, wanted {want.dtype}")
    if got.is_complex():  # the last index is 0 for a real part, 1 for an imaginary one
        got, want = torch.view_as_real(got.resolve_conj()), torch.view_as_real(want.resolve_conj())
    nan = got.isnan() & ~want.isnan()
    if nan.any():
        where = tuple(nan.nonzero()[0].tolist())
        place = f"at {list(where)}" if where else "value"
        raise AssertionError(f"{why}\n  {place}: got nan, wanted {want[where].item():g}")
    same = (got == want) | (got.isnan() & want.isnan())
    error = torch.where(same, 0.0, (got - want).abs())
    allowed = torch.where(want.isfinite(), atol + rtol * want.abs(), 0.0)
    off = ~same & ~(error <= allowed)
    if off.any():
        excess = torch.where(off, error - allowed, -torch.inf)
        where = tuple(int(i) for i in np.unravel_index(int(excess.argmax()), got.shape))
        left, right = _tell_apart(got[where].item(), want[where].item())
        raise AssertionError(
            f"{why}\n  {'largest error at ' + str(list(where)) if where else 'value'}: "
            f"got {left}, wanted {right} (allowed {allowed[where].item():.2g})"
            + (f"; {int(off.sum())} of {off.numel()} entries are off" if off.numel() > 1 else "")
        )


def assert_equal(got: object, want: object, why: str) -> None:
    """Fail unless both are equal exactly: numbers, text, bytes, or lists, dicts, tensors of them.

    A list equals a tuple or tensor of the same entries, and nan equals nan.
    """
    if difference := _difference(got, want):
        raise AssertionError(f"{why}\n  {difference}")


@contextmanager
def raises(kind: type[Exception], why: str) -> Iterator[None]:
    """Fail unless the block raises `kind`; says what came instead."""
    try:
        yield
    except kind:
        return
    except Exception as error:
        got = f"{type(error).__name__}: {error}"
        raise AssertionError(f"{why}\n  got {got}, wanted {kind.__name__}") from None
    raise AssertionError(f"{why}\n  got no exception, wanted {kind.__name__}")


def _wide(value: object) -> torch.Tensor:
    """A value in float64 or complex128; else 1e300 would become a float32 inf."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
    else:
        value = np.asarray(value)
        value = torch.as_tensor(value, dtype=None if value.dtype.kind == "c" else torch.float64)
    return value.to(torch.complex128 if value.is_complex() else torch.float64)


def _tell_apart(got: float, want: float) -> tuple[str, str]:
    """Two numbers, with as many digits as it takes to see that they differ."""
    short = f"{got:.9g}", f"{want:.9g}"
    return short if short[0] != short[1] else (repr(got), repr(want))


def _difference(got: object, want: object, path: tuple = ()) -> str:
    """Where two values first part: "at [0, 2]: got 1, wanted 2"; empty where they do not."""
    place = f"at [{', '.join(short_repr(key, 40) for key in path)}]: " if path else ""
    if isinstance(got, ARRAYS) and isinstance(want, ARRAYS):
        if tuple(got.shape) != tuple(want.shape):  # tolist() forgets the shape of what is empty
            return f"{place}shape: got {tuple(got.shape)}, wanted {tuple(want.shape)}"
        if _kind(got) != _kind(want):
            return f"{place}dtype: got {got.dtype}, wanted {want.dtype}"
    got = got.tolist() if isinstance(got, ARRAYS) else got
    want = want.tolist() if isinstance(want, ARRAYS) else want
    parts = _parts(got, want)
    if parts is None:
        same = got is want or got == want or (got != got and want != want)
        return "" if same else f"{place}got {_show(got)}, wanted {_show(want)}"
    for key, left, right in parts:
        inner = "" if left is right else _difference(left, right, (*path, key))
        if inner:
            sizes = len(got) != len(want) and (left is MISSING or right is MISSING)
            return inner + (f" (lengths {len(got)} and {len(want)})" if sizes else "")
    return ""


def _parts(got: object, want: object) -> list[tuple] | None:
    """The parts of two containers of one kind, side by side; None if they are compared whole."""
    if isinstance(got, dict) and isinstance(want, dict):
        keys = [*want, *(key for key in got if key not in want)]
        return [(key, got.get(key, MISSING), want.get(key, MISSING)) for key in keys]
    texts = any(isinstance(got, kind) and isinstance(want, kind) for kind in (str, bytes))
    if texts and (got == want or len(got) == len(want) == 1):  # a character has no parts
        return None
    if texts or isinstance(got, list | tuple) and isinstance(want, list | tuple):
        pairs = zip_longest(got, want, fillvalue=MISSING)
        return [(i, left, right) for i, (left, right) in enumerate(pairs)]
    return None


def _kind(value: torch.Tensor | np.ndarray) -> str:
    """The kind of a dtype. Widths are not compared: where one matters, a test asks for it."""
    return next(kind for kind in KINDS if kind in str(value.dtype))


def _show(value: object) -> str:
    return "nothing" if value is MISSING else short_repr(value, 80)
