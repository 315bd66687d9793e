"""Plain values as bytes, without pickle: one JSON tree, then the raw buffers it points into.

Bytes that come from a student's process pass through `loads`, so decoding builds nothing but plain
types: None, bool, int, float, complex, str, bytes, list, tuple, dict, set, torch.dtype, tensors and
arrays. `dumps` normalises on the sender's side: numpy scalars become Python numbers, Parameters and
strided tensors become contiguous detached ones, subclasses of plain types become the plain type.

Layout:   length of the tree (4 bytes) | tree (JSON) | body (buffers, one after the other)
A node that JSON cannot express is a one-entry object: {"tuple": [...]}, {"tensor": [dtype, shape]}.
Buffers carry no offsets: the decoder takes them from the body in order, so none is used twice.
"""

import json
import struct
from collections.abc import Mapping
from numbers import Number

import numpy as np
import torch

MAX_BYTES = 512 << 20
MAX_TREE = 16 << 20
MAX_DEPTH = 60
MAX_DIMENSIONS = 32

TORCH_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float32, torch.float64, torch.float16, torch.bfloat16),
        *(torch.float8_e4m3fn, torch.float8_e5m2, torch.complex64, torch.complex128),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
        *(torch.uint16, torch.uint32, torch.uint64),
    )
}
NUMPY_DTYPES = {
    np.dtype(name).str: np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
}
PLAIN = frozenset({type(None), bool, float, str})
EXACT_INT = 1 << 53  # JSON readers keep integers up to here; larger ones cross as hex


class CodecError(ValueError):
    """A value that cannot cross, or bytes that no `dumps` has written."""


def dumps(value: object) -> bytes:
    """Encode a value; CodecError names the part that is not plain data."""
    buffers: list[bytes] = []
    try:
        tree = json.dumps(_encode(value, buffers, 0), separators=(",", ":")).encode("ascii")
    except RecursionError:
        raise CodecError(f"the value is nested deeper than {MAX_DEPTH} levels") from None
    total = len(tree) + sum(map(len, buffers))
    if len(tree) > MAX_TREE or total > MAX_BYTES:
        raise CodecError(
            f"the value takes {total >> 20} MiB; at most {MAX_BYTES >> 20} MiB of tensors "
            f"and {MAX_TREE >> 20} MiB of lists, numbers and text may cross"
        )
    return b"".join([struct.pack("<I", len(tree)), tree, *buffers])


def _encode(value: object, buffers: list[bytes], depth: int) -> object:
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is int:
        return value if -EXACT_INT < value < EXACT_INT else {"int": hex(value)}
    if depth > MAX_DEPTH:
        raise CodecError(f"the value is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, torch.Tensor):
        return _encode_tensor(value, buffers)
    if isinstance(value, np.ndarray):
        if value.dtype.str not in NUMPY_DTYPES:
            raise CodecError(f"an array of {value.dtype} is not plain data; use a numeric dtype")
        buffers.append(np.ascontiguousarray(value).tobytes())
        return {"array": [value.dtype.str, list(value.shape)]}
    if isinstance(value, bytes | bytearray | memoryview):
        buffers.append(bytes(value))
        return {"bytes": len(buffers[-1])}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, np.generic):
        return _encode(value.item(), buffers, depth)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Number):
        return _encode_number(value)
    return _encode_container(value, buffers, depth + 1)


def _encode_tensor(value: torch.Tensor, buffers: list[bytes]) -> object:
    dtype = str(value.dtype).removeprefix("torch.")
    if dtype not in TORCH_DTYPES or value.layout is not torch.strided or value.is_meta:
        raise CodecError(f"a {value.layout} tensor of {value.dtype} is not plain data")
    flat = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    buffers.append(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return {"tensor": [dtype, list(value.shape)]}


def _encode_number(value: Number) -> object:
    for kind in (int, float, complex):  # bool is exact already; this unwraps subclasses
        if isinstance(value, kind):
            plain = kind(value)
            if kind is complex:
                return {"complex": [plain.real, plain.imag]}
            return _encode(plain, [], 0)
    raise CodecError(f"a {type(value).__name__} is not plain data; return an int or a float")


def _encode_container(value: object, buffers: list[bytes], depth: int) -> object:
    if isinstance(value, list | range):
        return [_encode(item, buffers, depth) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, buffers, depth) for item in value]}
    if isinstance(value, Mapping):
        pairs = value.items()
        return {
            "dict": [[_encode(k, buffers, depth), _encode(v, buffers, depth)] for k, v in pairs]
        }
    if isinstance(value, set | frozenset):
        return {"set": [_encode(item, buffers, depth) for item in value]}
    raise CodecError(
        f"a value of type {type(value).__module__}.{type(value).__qualname__} cannot cross the "
        "door; return tensors, arrays, numbers, strings, bytes, or lists, tuples, dicts of these"
    )


def loads(data: bytes | bytearray) -> object:
    """Decode what `dumps` wrote; anything else is a CodecError, whatever the bytes are."""
    try:
        if len(data) > MAX_BYTES + MAX_TREE:
            raise CodecError(f"{len(data)} bytes are more than may cross")
        (length,) = struct.unpack_from("<I", data)
        if length > min(MAX_TREE, len(data) - 4):
            raise CodecError("the tree is longer than the message")
        body = _Body(memoryview(data)[4 + length :])
        value = _decode(json.loads(bytes(data[4 : 4 + length])), body, 0)
        if body.rest:
            raise CodecError(f"{len(body.rest)} bytes are left over")
        return value
    except CodecError:
        raise
    except (Exception, RecursionError) as error:
        raise CodecError(f"malformed message: {type(error).__name__}: {error}"[:200]) from None


class _Body:
    """The buffers, handed out in order."""

    def __init__(self, rest: memoryview):
        self.rest = rest

    def take(self, length: int) -> bytearray:
        if type(length) is not int or not 0 <= length <= len(self.rest):
            raise CodecError(f"a buffer of {length!r} bytes, where {len(self.rest)} are left")
        taken, self.rest = bytearray(self.rest[:length]), self.rest[length:]
        return taken


def _decode(node: object, body: _Body, depth: int) -> object:
    if type(node) in PLAIN or type(node) is int:
        return node
    if depth > MAX_DEPTH:
        raise CodecError("nested too deep")
    depth += 1
    if type(node) is list:
        return [_decode(item, body, depth) for item in node]
    if type(node) is not dict or len(node) != 1:
        raise CodecError("an object of several entries")
    ((tag, content),) = node.items()
    match tag:
        case "tuple":
            return tuple(_decode(item, body, depth) for item in _list(content))
        case "dict":
            return {_decode(k, body, depth): _decode(v, body, depth) for k, v in _list(content)}
        case "set":
            return {_decode(item, body, depth) for item in _list(content)}
        case "int":
            return int(content, 16)
        case "complex":
            return complex(*map(float, content))
        case "bytes":
            return bytes(body.take(content))
        case "dtype":
            return TORCH_DTYPES[content]
        case "tensor":
            dtype, shape = TORCH_DTYPES[content[0]], _shape(content[1])
            raw = body.take(_size(shape, dtype.itemsize))
            return (
                torch.frombuffer(raw, dtype=dtype).reshape(shape)
                if raw
                else torch.empty(shape, dtype=dtype)
            )
        case "array":
            dtype, shape = NUMPY_DTYPES[content[0]], _shape(content[1])
            raw = body.take(_size(shape, dtype.itemsize))
            return np.frombuffer(raw, dtype=dtype).reshape(shape)
    raise CodecError(f"unknown tag {tag!r:.40}")


def _list(content: object) -> list:
    if type(content) is not list:
        raise CodecError(f"a {type(content).__name__} where a list belongs")
    return content


def _shape(content: object) -> list[int]:
    shape = _list(content)
    if len(shape) > MAX_DIMENSIONS or not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
        raise CodecError(f"no shape: {content!r:.60}")
    return shape


def _size(shape: list[int], itemsize: int) -> int:
    size = itemsize
    for length in shape:
        size *= length
    return size
