"""Assertions that name the misconception first, and then the first divergence.

    assert_close(got, want, "columns were normalised; each row must sum to 1")

fails with that sentence and one line such as
    largest error at [2, 3]: got 0.125, wanted 0.25 (allowed 2.5e-07); 12 of 27 entries are off
"""

from itertools import zip_longest

import numpy as np
import torch

MISSING = object()


def assert_close(
    got: object, want: object, why: str, *, rtol: float = 1e-6, atol: float = 1e-8
) -> None:
    """Fail unless |got - want| <= atol + rtol |want| everywhere; equal infinities are close.

    The defaults suit a float32 result held to a float64 reference; whoever widens them says why.
    """
    __tracebackhide__ = True  # the test's own line tells more
    got, want = _float64(got), _float64(want)
    if got.shape != want.shape:
        raise AssertionError(f"{why}\n  shape: got {tuple(got.shape)}, wanted {tuple(want.shape)}")
    nan = got.isnan() & ~want.isnan()
    if nan.any():
        where = _first(nan)
        raise AssertionError(f"{why}\n  at {where}: got nan, wanted {want[tuple(where)].item():g}")
    same = (got == want) | (got.isnan() & want.isnan())
    error = torch.where(same, torch.zeros_like(got), (got - want).abs())
    allowed = torch.where(want.isfinite(), atol + rtol * want.abs(), torch.zeros_like(want))
    off = ~same & ~(error <= allowed)
    if off.any():
        excess = torch.where(off, error - allowed, torch.full_like(error, -torch.inf))
        where = tuple(int(i) for i in np.unravel_index(int(excess.argmax()), got.shape))
        raise AssertionError(
            f"{why}\n  {_largest(where)}: got {got[where].item():.9g}, "
            f"wanted {want[where].item():.9g} (allowed {allowed[where].item():.2g})"
            + (f"; {int(off.sum())} of {off.numel()} entries are off" if off.numel() > 1 else "")
        )


def assert_equal(got: object, want: object, why: str) -> None:
    """Fail unless both are equal exactly: numbers, text, bytes, or lists, dicts, tensors of them."""
    __tracebackhide__ = True
    if isinstance(got, torch.Tensor | np.ndarray):
        got = got.tolist()
    if isinstance(want, torch.Tensor | np.ndarray):
        want = want.tolist()
    if type(got) is tuple and type(want) is list or type(got) is list and type(want) is tuple:
        got, want = list(got), list(want)
    if got != want:
        raise AssertionError(f"{why}\n  {_first_difference(got, want)}")


def _float64(value: object) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value.detach().to(torch.float64)
    return torch.as_tensor(value, dtype=torch.float64)  # else 1e300 would become a float32 inf


def _first(mask: torch.Tensor) -> list[int]:
    return mask.nonzero()[0].tolist()


def _largest(where: tuple[int, ...]) -> str:
    return f"largest error at {list(where)}" if where else "value"


def _first_difference(got: object, want: object) -> str:
    if isinstance(got, dict) and isinstance(want, dict):
        for key in [*want, *(k for k in got if k not in want)]:
            left, right = got.get(key, MISSING), want.get(key, MISSING)
            if left is MISSING or right is MISSING or left != right:
                return f"at key {key!r}: got {_show(left)}, wanted {_show(right)}"
    if isinstance(got, str | bytes | list) and type(got) is type(want):
        for i, (left, right) in enumerate(zip_longest(got, want, fillvalue=MISSING)):
            if left is MISSING or right is MISSING or left != right:
                size = "" if len(got) == len(want) else f" (lengths {len(got)} and {len(want)})"
                if isinstance(left, list) and isinstance(right, list):
                    return f"at index {i}{size}, {_first_difference(left, right)}"
                return f"at index {i}{size}: got {_show(left)}, wanted {_show(right)}"
    return f"got {_show(got)}, wanted {_show(want)}"


def _show(value: object) -> str:
    if value is MISSING:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
