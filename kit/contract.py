"""The contract of a chapter, read from its adapters' signatures, and the check of what comes back.

The annotations are read as source, never imported, so the check cannot be altered by the code under
test. Only *returns* are checked: checking inputs would hide the errors a student has to raise.

    Float[Tensor, "B T V"]   binds B, T, V from the arguments; a return is held to the bound sizes
    "... C", "*batch C"      any number of leading axes
    "n-1", "H*D", "T//2"     arithmetic with bound names
    Float[...] | None        None, or what stands beside it
"""

import ast
import inspect
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

__tracebackhide__ = True  # in a failure, the test's own line tells more

Sizes = dict[str, int | tuple[int, ...] | None]
ARRAY_KINDS = {
    "Float": lambda dtype: dtype.is_floating_point,
    "Int": lambda dtype: not (dtype.is_floating_point or dtype.is_complex or dtype is torch.bool),
    "Bool": lambda dtype: dtype is torch.bool,
    "Complex": lambda dtype: dtype.is_complex,
    "Num": lambda dtype: dtype is not torch.bool,
    "Shaped": lambda dtype: True,
}
DTYPE_WORDS = {"Float": "a float dtype", "Int": "an integer dtype", "Bool": "bool"}
DTYPE_WORDS |= {"Shaped": "any dtype", "Complex": "a complex dtype", "Num": "a number dtype"}
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: lambda a, b: a // b if b else None,
}


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
    defaults = {
        p.name: p.default.value for p in adapter.parameters if isinstance(p.default, ast.Constant)
    }
    for name, argument in (defaults | adapter.bind(args, kwargs)).items():
        _bind_sizes(annotations[name], name, argument, sizes)
    if adapter.returns is None:
        return value
    return _conform(adapter.returns, value, sizes, adapter.name)


def _bind_sizes(annotation: object, name: str, argument: object, sizes: Sizes) -> None:
    """Learn what the names of dimensions stand for from one argument."""
    if isinstance(argument, int) and not isinstance(argument, bool):
        sizes[name] = argument  # `V: int` beside Float[Tensor, "V V"]
    spec = _array(_without_none(annotation))
    if spec is None or not isinstance(argument, torch.Tensor | np.ndarray):
        return
    shape, dimensions = tuple(argument.shape), spec[1]
    star = next((i for i, d in enumerate(dimensions) if d.startswith(("...", "*"))), None)
    if star is not None:
        after = len(dimensions) - star - 1
        if len(shape) < star + after:
            return  # an argument that does not fit its annotation teaches nothing
        name, middle = dimensions[star], shape[star : len(shape) - after]
        if sizes.setdefault(name, middle) != middle and name == "...":
            sizes[name] = None  # two arguments differ: they broadcast, or have nothing in common
        shape = shape[:star] + shape[len(shape) - after :]
        dimensions = dimensions[:star] + dimensions[star + 1 :]
    if len(shape) != len(dimensions):
        return
    for dimension, length in zip(dimensions, shape, strict=True):
        if dimension.isidentifier() and dimension != "_":
            sizes.setdefault(dimension, length)


def _without_none(annotation: object) -> object:
    """`X` for `X | None`."""
    match annotation:
        case ast.BinOp(left=side, op=ast.BitOr(), right=ast.Constant(value=None)):
            return side
        case ast.BinOp(left=ast.Constant(value=None), op=ast.BitOr(), right=side):
            return side
    return annotation


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
    inner = _without_none(annotation)
    if inner is not annotation:
        return None if value is None else _conform(inner, value, sizes, what)
    if spec := _array(annotation):
        return _conform_array(spec, value, sizes, what)
    match annotation:
        case ast.Name(id="float" | "int" | "bool" as kind):
            return _conform_number(kind, value, what)
        case ast.Name(id="str" | "bytes" | "list" | "dict" | "tuple" as kind):
            return _conform_plain(kind, value, what)
        case ast.Subscript(value=ast.Name(id="tuple"), slice=inside):
            value = _conform_plain("tuple", value, what)
            parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
            match parts:
                case [part, ast.Constant(value=end)] if end is Ellipsis:
                    parts = [part] * len(value)
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
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, part])):
            value = _conform_plain("dict", value, what)
            return {k: _conform(part, v, sizes, f"{what}[{k!r:.40}]") for k, v in value.items()}
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
            f"{what} returned a tensor of {value.dtype}, expected {DTYPE_WORDS[kind]}"
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
    """The size of "T", "4", "n-1" or "H*D"; the text itself when a name in it is not bound."""

    def size(node: ast.expr) -> int | None:
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.Name(id=name) if isinstance(sizes.get(name), int):
                return sizes[name]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                a, b = size(left), size(right)
                return None if a is None or b is None else OPERATORS[type(op)](a, b)
        return None

    try:
        found = size(ast.parse(dimension, mode="eval").body)
    except SyntaxError:  # "*batch"
        return dimension
    return dimension if found is None else found


def _shape_fits(shape: tuple[int, ...], expected: list[int | str]) -> bool:
    for i, wanted in enumerate(expected):
        if isinstance(wanted, str) and wanted.startswith(("...", "*")):
            after = len(expected) - i - 1
            if len(shape) < i + after:
                return False
            shape = shape[:i] + shape[len(shape) - after :]
            expected = expected[:i] + expected[i + 1 :]
            break
    seen: dict[str, int] = {}

    def fits(got: int, wanted: int | str) -> bool:
        if isinstance(wanted, int):
            return got == wanted
        return wanted == "_" or seen.setdefault(wanted, got) == got  # "n n" is square

    return len(shape) == len(expected) and all(map(fits, shape, expected))


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
    try:
        return float(value) if kind == "float" else value
    except OverflowError:
        raise ContractError(f"{what} returned an int too large for a float") from None


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
    return f"{short_repr(value, 60)} ({type(value).__name__})"


def short_repr(value: object, length: int) -> str:
    """At most `length` characters of a value's repr; Python writes no int of 4,300 digits."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= length else text[: length - 3] + "..."
