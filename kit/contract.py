"""The contract of a chapter, read from its adapters' signatures, and the check of what comes back.

The annotations are read as source, never imported, so the check cannot be altered by the code under
test. Only *returns* are checked: checking inputs would hide the errors a student has to raise.

    Float[Tensor, "B T V"]   binds B, T, V from the arguments; a return is held to the bound sizes
    "... C", "*batch C"      any number of leading axes
    "n-1", "T+1"             sums and differences of bound names
"""

import ast
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

Sizes = dict[str, int | tuple[int, ...]]
ARRAY_KINDS = {
    "Float": lambda dtype: dtype.is_floating_point,
    "Int": lambda dtype: not (dtype.is_floating_point or dtype.is_complex or dtype is torch.bool),
    "Bool": lambda dtype: dtype is torch.bool,
    "Shaped": lambda dtype: True,
}
DIMENSION_SUM = re.compile(r"[A-Za-z_]\w*|\d+|[+-]")


class ContractError(AssertionError):
    """A return value that the adapter's signature does not allow."""


@dataclass(frozen=True)
class Adapter:
    """One function of the contract."""

    name: str
    parameters: tuple[inspect.Parameter, ...]  # annotations are the source's syntax trees
    returns: ast.expr | None
    line: int

    def bind(self, args: tuple, kwargs: Mapping) -> dict[str, object]:
        """Arguments by parameter name; TypeError when they do not fit the signature."""
        return inspect.Signature(self.parameters).bind(*args, **kwargs).arguments


@cache
def read_contract(path: Path) -> dict[str, Adapter]:
    """All public functions of an adapters.py, in order, without executing it."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return {
        node.name: Adapter(node.name, _parameters(node.args), node.returns, node.lineno)
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


def _parameters(arguments: ast.arguments) -> tuple[inspect.Parameter, ...]:
    kind = inspect.Parameter
    positional = [(a, kind.POSITIONAL_ONLY) for a in arguments.posonlyargs]
    positional += [(a, kind.POSITIONAL_OR_KEYWORD) for a in arguments.args]
    defaults = [kind.empty] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    found = [
        kind(a.arg, how, default=default, annotation=a.annotation)
        for (a, how), default in zip(positional, defaults, strict=True)
    ]
    if arguments.vararg:
        found.append(kind(arguments.vararg.arg, kind.VAR_POSITIONAL))
    for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        default = kind.empty if default is None else default
        found.append(kind(a.arg, kind.KEYWORD_ONLY, default=default, annotation=a.annotation))
    return tuple(found)


def check_return(adapter: Adapter, args: tuple, kwargs: Mapping, value: object) -> object:
    """Hold a return value to the signature; give it back in the form the signature names.

    A zero-dimensional tensor becomes the `float` or `int` that is asked for, a numpy array a
    Tensor: nobody should lose points over these. ContractError says got and wanted in one line.
    """
    sizes: Sizes = {}
    annotations = {p.name: p.annotation for p in adapter.parameters}
    for name, argument in adapter.bind(args, kwargs).items():
        _bind_sizes(annotations[name], name, argument, sizes)
    if adapter.returns is None:
        return value
    return _conform(adapter.returns, value, sizes, adapter.name)


def _bind_sizes(annotation: object, name: str, argument: object, sizes: Sizes) -> None:
    """Learn what the names of dimensions stand for from one argument."""
    if isinstance(argument, int) and not isinstance(argument, bool):
        sizes[name] = argument  # `V: int` beside Float[Tensor, "V V"]
    spec = _array(annotation)
    if spec is None or not isinstance(argument, torch.Tensor | np.ndarray):
        return
    shape, dimensions = tuple(argument.shape), spec[1]
    star = next((i for i, d in enumerate(dimensions) if d.startswith(("...", "*"))), None)
    if star is not None:
        after = len(dimensions) - star - 1
        middle = shape[star : len(shape) - after]
        sizes[dimensions[star]] = middle
        shape = shape[:star] + shape[len(shape) - after :]
        dimensions = dimensions[:star] + dimensions[star + 1 :]
    for dimension, length in zip(dimensions, shape, strict=False):
        if dimension.isidentifier() and dimension != "_":
            sizes.setdefault(dimension, length)


def _array(annotation: object) -> tuple[str, list[str]] | None:
    """("Float", ["B", "T"]) for Float[Tensor, "B T"]; None for any other annotation."""
    match annotation:
        case ast.Subscript(
            value=ast.Name(id=kind),
            slice=ast.Tuple(elts=[ast.Name(id="Tensor"), ast.Constant(value=str(text))]),
        ) if kind in ARRAY_KINDS:
            return kind, text.split()
    return None


def _conform(annotation: ast.expr, value: object, sizes: Sizes, what: str) -> object:
    if spec := _array(annotation):
        return _conform_array(spec, value, sizes, what)
    match annotation:
        case ast.Name(id="float" | "int" | "bool" as kind):
            return _conform_number(kind, value, what)
        case ast.Name(id="str" | "bytes" | "list" | "dict" | "tuple" as kind):
            return _conform_plain(kind, value, what)
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=parts)):
            value = tuple(_conform_plain("tuple", value, what))
            if any(isinstance(p, ast.Constant) and p.value is Ellipsis for p in parts):
                return value
            if len(value) != len(parts):
                raise ContractError(
                    f"{what} returned {len(value)} values, expected {len(parts)}: "
                    f"{ast.unparse(annotation)}"
                )
            pairs = enumerate(zip(parts, value, strict=True))
            return tuple(_conform(p, v, sizes, f"{what}[{i}]") for i, (p, v) in pairs)
        case ast.Subscript(value=ast.Name(id="list"), slice=part):
            value = _conform_plain("list", value, what)
            return [_conform(part, v, sizes, f"{what}[{i}]") for i, v in enumerate(value)]
        case ast.Subscript(value=ast.Name(id="dict")):
            return _conform_plain("dict", value, what)
    return value


def _conform_array(
    spec: tuple[str, list[str]], value: object, sizes: Sizes, what: str
) -> torch.Tensor:
    kind, dimensions = spec
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(value)
    if not isinstance(value, torch.Tensor):
        raise ContractError(f"{what} returned {describe(value)}, expected a Tensor")
    expected = _expected_shape(dimensions, sizes)
    shape = tuple(value.shape)
    if not _shape_fits(shape, expected):
        raise ContractError(f"{what} returned {shape}, expected {_show(expected)}")
    if not ARRAY_KINDS[kind](value.dtype):
        raise ContractError(
            f"{what} returned a tensor of {value.dtype}, expected dtype {kind.lower()}"
        )
    return value


def _expected_shape(dimensions: list[str], sizes: Sizes) -> list[int | str]:
    expected: list[int | str] = []
    for dimension in dimensions:
        bound = sizes.get(dimension)
        if isinstance(bound, tuple):
            expected.extend(bound)
        else:
            expected.append(_evaluate(dimension, sizes))
    return expected


def _evaluate(dimension: str, sizes: Sizes) -> int | str:
    """The size of "T", "4" or "n-1"; the text itself when a name in it is not bound."""
    total, sign = 0, 1
    for token in DIMENSION_SUM.findall(dimension):
        if token in "+-":
            sign = 1 if token == "+" else -1
            continue
        number = int(token) if token.isdigit() else sizes.get(token)
        if not isinstance(number, int) or dimension.startswith(("...", "*")):
            return dimension
        total += sign * number
    return total if dimension[0] not in ".*_" else dimension


def _shape_fits(shape: tuple[int, ...], expected: list[int | str]) -> bool:
    for i, wanted in enumerate(expected):
        if isinstance(wanted, str) and wanted.startswith(("...", "*")):
            after = len(expected) - i - 1
            if len(shape) < i + after:
                return False
            shape = shape[:i] + shape[len(shape) - after :]
            expected = expected[:i] + expected[i + 1 :]
            break
    return len(shape) == len(expected) and all(
        isinstance(wanted, str) or wanted == got
        for got, wanted in zip(shape, expected, strict=True)
    )


def _show(expected: list[int | str]) -> str:
    return "(" + ", ".join(map(str, expected)) + ("," if len(expected) == 1 else "") + ")"


def _conform_number(kind: str, value: object, what: str) -> float | int | bool:
    if isinstance(value, torch.Tensor | np.ndarray):
        shape = tuple(value.shape)
        if shape != ():
            raise ContractError(f"{what} returned a tensor of shape {shape}, expected one {kind}")
        value = value.item()
    allowed = {"float": (int, float), "int": (int,), "bool": (bool,)}[kind]
    if not isinstance(value, allowed) or (kind != "bool" and isinstance(value, bool)):
        raise ContractError(f"{what} returned {describe(value)}, expected {kind}")
    return float(value) if kind == "float" else value


def _conform_plain(kind: str, value: object, what: str) -> object:
    if kind in ("list", "tuple"):
        if isinstance(value, torch.Tensor | np.ndarray) and value.ndim == 1:
            value = value.tolist()
        if isinstance(value, list | tuple):
            return list(value) if kind == "list" else tuple(value)
    elif isinstance(value, {"str": str, "bytes": bytes, "dict": dict}[kind]):
        return value
    raise ContractError(f"{what} returned {describe(value)}, expected {kind}")


def describe(value: object) -> str:
    """A value in a few words: its type, and its shape or first characters."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return f"a {type(value).__name__} of shape {tuple(value.shape)}"
    text = repr(value)
    return f"{text if len(text) < 60 else text[:57] + '...'} ({type(value).__name__})"
