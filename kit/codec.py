"""Plain values as bytes, without pickle: one JSON tree, then the raw buffers it points into.

Bytes that come from a student's process pass through `loads`, so decoding builds nothing but plain
types: None, bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, torch.dtype,
tensors and arrays. `dumps` normalises on the sender's side: numpy scalars become Python numbers, Parameters and
strided tensors become contiguous detached ones, subclasses of plain types become the plain type.

Layout:   length of the tree (4 bytes) | tree (JSON) | body (buffers, one after the other)
A node that JSON cannot express is a one-entry object: {"tuple": [...]}, {"tensor": [dtype, shape]}.
Buffers carry no offsets: the decoder takes them from the body in order, so none is used twice.
"""

import json
import math
import re
import struct
from collections import Counter
from collections.abc import Mapping
from numbers import Number

import numpy as np
import torch

MAX_BYTES = 512 << 20
MAX_TREE = 16 << 20
MAX_DEPTH = 60
MAX_NODES = MAX_TREE // 2  # no node takes less than a character and a comma
MAX_DIMENSIONS = 32
MAX_COLLISIONS = 100  # keys of one dict with the same hash; honest ones have hardly two

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
KEYS = (type(None), Number, str, bytes, tuple, frozenset, torch.dtype, np.generic)
EXACT_INT = 1 << 53  # JSON readers keep integers up to here; larger ones cross as hex
# JSON reads these two code points as one character, so that such a text crosses as bytes.
SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
TOO_DEEP = f"the value is nested deeper than {MAX_DEPTH} levels"
TOO_LARGE = (
    f"the value is too large: at most {MAX_BYTES >> 20} MiB of tensors and {MAX_TREE >> 20} MiB "
    "of lists, numbers and text may cross"
)


class CodecError(Exception):
    """A value that cannot cross, or bytes that no `dumps` has written.

    No ValueError: a test that waits for the student's must not be content with the codec's.
    """


def dumps(value: object) -> bytes:
    """Encode a value; CodecError names the part that is not plain data."""
    out = _Out()
    try:
        tree = json.dumps(_encode(value, out, 0), separators=(",", ":")).encode("ascii")
    except RecursionError:
        raise CodecError(TOO_DEEP) from None
    if len(tree) > MAX_TREE or len(tree) + out.size > MAX_BYTES:
        raise CodecError(TOO_LARGE)
    return b"".join([struct.pack("<I", len(tree)), tree, *out.buffers])


class _Out:
    """The buffers, with a count of bytes and nodes: one list may be in a value a million times."""

    def __init__(self) -> None:
        self.buffers: list[bytes] = []
        self.size = self.nodes = 0

    def reserve(self, size: int) -> None:
        self.size += size
        if self.size > MAX_BYTES:
            raise CodecError(TOO_LARGE)


def _encode(value: object, out: _Out, depth: int) -> object:
    out.nodes += 1
    if out.nodes > MAX_NODES:
        raise CodecError(TOO_LARGE)
    kind = type(value)
    two = kind is str and not value.isascii() and SURROGATE_PAIR.search(value)
    if kind in PLAIN and not two or kind is int and -EXACT_INT < value < EXACT_INT:
        return value
    if depth > MAX_DEPTH:
        raise CodecError(TOO_DEEP)
    if two:
        return _encode_buffer("text", value.encode("utf-8", "surrogatepass"), out)
    if kind is int:
        return {"int": hex(value)}
    if isinstance(value, torch.Tensor):
        return _encode_tensor(value, out)
    if isinstance(value, np.ndarray):
        return _encode_array(value, out)
    if isinstance(value, bytes | bytearray | memoryview):
        return _encode_buffer("bytes", bytes(value), out)
    if isinstance(value, torch.dtype):
        return _encode_dtype(value)
    if isinstance(value, np.generic):
        plain = value.item()
        if isinstance(plain, np.generic):  # longdouble has no equal in Python
            raise CodecError(f"a numpy.{type(value).__name__} is not plain data; use float64")
        return _encode(plain, out, depth)
    if isinstance(value, str):
        return _encode(str.__str__(value), out, depth)
    if isinstance(value, Number):
        return _encode_number(value, out, depth)
    return _encode_container(value, out, depth + 1)


def _encode_buffer(tag: str, data: bytes, out: _Out) -> object:
    out.reserve(len(data))
    out.buffers.append(data)
    return {tag: len(data)}


def _encode_dtype(value: torch.dtype) -> object:
    name = str(value).removeprefix("torch.")
    if name not in TORCH_DTYPES:
        raise CodecError(f"{value} is not plain data; choose from {', '.join(TORCH_DTYPES)}")
    return {"dtype": name}


def _encode_tensor(value: torch.Tensor, out: _Out) -> object:
    with torch._C.DisableTorchFunctionSubclass():  # a subclass may answer what it likes
        if value.layout is not torch.strided or value.is_meta or value.is_nested:
            kind = "meta" if value.is_meta else "nested" if value.is_nested else value.layout
            raise CodecError(f"a {kind} tensor is not plain data; make it a dense one")
        value = torch.Tensor.detach(value)
        dtype = _encode_dtype(value.dtype)["dtype"]
        shape = _check_dimensions(value.shape)
        out.reserve(value.numel() * value.itemsize)  # first: an expanded tensor may be huge
        flat = value.cpu().resolve_conj().resolve_neg().contiguous()
        # a single number counts as contiguous whatever its stride, and then has no view as bytes
        flat = flat.as_strided((flat.numel(),), (1,))
        out.buffers.append(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return {"tensor": [dtype, shape]}


def _encode_array(value: np.ndarray, out: _Out) -> object:
    dtype = value.dtype.newbyteorder("=")
    if dtype.str not in NUMPY_DTYPES:
        raise CodecError(f"an array of {value.dtype} is not plain data; use a numeric dtype")
    shape = _check_dimensions(value.shape)
    out.reserve(value.nbytes)
    out.buffers.append(np.ascontiguousarray(value, dtype=dtype).tobytes())
    return {"array": [dtype.str, shape]}


def _check_dimensions(shape: tuple[int, ...]) -> list[int]:
    if len(shape) > MAX_DIMENSIONS:
        raise CodecError(f"{len(shape)} dimensions are too many; at most {MAX_DIMENSIONS}")
    return list(shape)


def _encode_number(value: Number, out: _Out, depth: int) -> object:
    for kind in (int, float, complex):  # bool is exact already; this unwraps subclasses
        if isinstance(value, kind):
            plain = kind(value)
            if kind is complex:
                return {"complex": [plain.real, plain.imag]}
            return _encode(plain, out, depth)
    raise CodecError(f"a {type(value).__name__} is not plain data; return an int or a float")


def _encode_container(value: object, out: _Out, depth: int) -> object:
    if isinstance(value, list | range):
        return [_encode(item, out, depth) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, out, depth) for item in value]}
    if isinstance(value, Mapping):
        pairs = value.items()
        return {"dict": [[_encode_key(k, out, depth), _encode(v, out, depth)] for k, v in pairs]}
    if isinstance(value, set | frozenset):
        tag = "frozenset" if isinstance(value, frozenset) else "set"
        return {tag: [_encode_key(item, out, depth) for item in value]}
    raise CodecError(
        f"a value of type {type(value).__module__}.{type(value).__qualname__} cannot cross the "
        "door; return tensors, arrays, numbers, strings, bytes, or lists, tuples, dicts of these"
    )


def _encode_key(value: object, out: _Out, depth: int) -> object:
    if not isinstance(value, KEYS):
        raise CodecError(
            f"a {type(value).__name__} cannot cross as a key or in a set; use numbers, text, tuples"
        )
    return _encode(value, out, depth)


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
    except Exception as error:
        raise CodecError(f"malformed message: {type(error).__name__}: {error}"[:200]) from None


class _Body:
    """The buffers, handed out in order."""

    def __init__(self, rest: memoryview):
        self.rest = rest

    def take(self, length: int) -> bytearray:
        if type(length) is not int or not 0 <= length <= len(self.rest):
            raise CodecError(f"a buffer of {length!r:.40} bytes, where {len(self.rest)} are left")
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
            pairs = [(_decode(k, body, depth), _decode(v, body, depth)) for k, v in _list(content)]
            _check_keys([key for key, _ in pairs])
            return dict(pairs)
        case "set" | "frozenset":
            items = [_decode(item, body, depth) for item in _list(content)]
            _check_keys(items)
            return set(items) if tag == "set" else frozenset(items)
        case "int":
            return int(content, 16)
        case "complex":
            return complex(*map(float, content))
        case "bytes":
            return bytes(body.take(content))
        case "text":
            return body.take(content).decode("utf-8", "surrogatepass")
        case "dtype":
            return TORCH_DTYPES[content]
        case "tensor":
            dtype, shape, raw = _take_buffer(content, TORCH_DTYPES, body)
            if not raw:
                return torch.empty(shape, dtype=dtype)
            return torch.frombuffer(raw, dtype=dtype).reshape(shape)
        case "array":
            dtype, shape, raw = _take_buffer(content, NUMPY_DTYPES, body)
            return np.frombuffer(raw, dtype=dtype).reshape(shape)
    raise CodecError(f"unknown tag {tag!r:.40}")


def _take_buffer(content: object, dtypes: dict, body: _Body) -> tuple:
    name, shape = _list(content)
    dtype, shape = dtypes[name], _shape(shape)
    raw = body.take(math.prod(shape) * dtype.itemsize)
    if raw and dtype in (torch.bool, np.bool_) and np.frombuffer(raw, np.uint8).max() > 1:
        raise CodecError("a bool that is neither 0 nor 1")  # it would equal neither True nor False
    return dtype, shape, raw


def _check_keys(keys: list) -> None:
    """Refuse keys made to collide: a dict of half a million of them would take an hour to build."""
    if len(keys) > MAX_COLLISIONS:
        most = max(Counter(map(hash, keys)).values())
        if most > MAX_COLLISIONS:
            raise CodecError(f"{most} keys of one dict or set have the same hash")


def _list(content: object) -> list:
    if type(content) is not list:
        raise CodecError(f"a {type(content).__name__} where a list belongs")
    return content


def _shape(content: object) -> list[int]:
    shape = _list(content)
    if len(shape) > MAX_DIMENSIONS or not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
        raise CodecError(f"no shape: {content!r:.60}")
    return shape
