"""Bytes that no `dumps` has written: a CodecError and nothing else, soon and in little memory."""

import json
import random
import struct
import time
import tracemalloc
import warnings

import numpy as np
import pytest
import torch

from kit import codec
from kit.codec import CodecError, dumps, loads

SEEDS = [
    ("ok", (torch.randn(3, 4), {"a": [1, 2.5, None, True, "x"], 3: (b"zz", np.ones((2, 3)))})),
    ["ok", {1, 2}, frozenset({(1, "a")}), torch.float32, 1 << 70, torch.zeros(0, 5), 1j],
    ("raised", {"kind": "ValueError", "args": ["\ud83d\ude00", torch.tensor(3)], "todo": ""}),
]
EVIL = [
    *(-1, 0, 1, 2**31, 2**62, -(2**63), 2**64, 1e308, float("nan"), float("-inf"), None, True),
    *("", "T", "<U99999999", "V8", "M8[s]", "<f4", "float32", "bool", "int64", "z", "\ud800"),
    *("0x" + "f" * 5000, "9" * 5000, [], {}, [[]], [[1], 2], [0, 1 << 39, 1 << 39], [1] * 40),
    *({"tensor": ["float32", [1 << 20]]}, {"tensor": ["bool", [4]]}, {"array": ["<c8", [0]]}),
    *({"dict": [[{"dict": []}, 1]]}, {"set": [[1]]}, {"set": [{"set": []}]}, {"int": 3}),
    *({"complex": "ab"}, {"bytes": 2}, {"bytes": -1}, {"text": 3}, {"dtype": []}, {"x": 1}),
    *({"tuple": {"tuple": []}}, {"tuple": [], "dict": []}, {"frozenset": "ab"}),
]


def message(tree: object, body: bytes = b"") -> bytes:
    text = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    return struct.pack("<I", len(text)) + text + body


def mutated_tree(node: object, rng: random.Random, p: float) -> object:
    """Any node may be replaced, any list grow, any entry go."""
    if rng.random() < p:
        return rng.choice(EVIL)
    if isinstance(node, list):
        more = [rng.choice(EVIL)] if rng.random() < p else []
        return [mutated_tree(item, rng, p) for item in node] + more
    if isinstance(node, dict):
        kept = {k: mutated_tree(v, rng, p) for k, v in node.items() if rng.random() > p / 3}
        return {rng.choice(["tuple", "dict", "set", "tensor"]): v for v in kept.values()} | (
            kept if rng.random() > p else {}
        )
    return node


def mutated_bytes(data: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, cut out, put in, or all that follows lost."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0 if at < len(data):
                data[at] = rng.choice([rng.randrange(256), *b'"[]{}0,:-e\\u'])
            case 1:
                del data[at : at + rng.randrange(8)]
            case 2:
                data[at:at] = rng.randbytes(rng.randrange(8))
            case 3 if rng.random() < 0.2:
                del data[at:]
    return bytes(data)


def mutants(rng: random.Random):
    valid = [dumps(value) for value in SEEDS]
    parts = [(json.loads(d[4 : (n := 4 + struct.unpack_from("<I", d)[0])]), d[n:]) for d in valid]
    while True:
        if rng.random() < 0.5:
            yield mutated_bytes(rng.choice(valid), rng)
        else:
            tree, body = rng.choice(parts)
            body = body[: len(body) - rng.choice([0] * 8 + [1, len(body)])]
            yield message(mutated_tree(tree, rng, rng.choice([0.01, 0.03, 0.1])), body)


def fuzz(count: int, seed: int) -> None:
    rng, decoded, slowest = random.Random(seed), 0, 0.0
    for _, data in zip(range(count), mutants(rng), strict=False):
        started = time.process_time()
        try:
            value = loads(data)
        except CodecError as error:
            assert len(str(error)) <= 250, "an error as long as the message it is about"
        else:
            decoded += 1
            dumps(value)  # only plain data has come out
        slowest = max(slowest, time.process_time() - started)
    assert count / 20 < decoded < count, "the mutants are all too broken, or hardly at all"
    assert slowest < 0.5, f"one message of a few hundred bytes took {slowest:.1f} s"


def test_20_000_mutants_of_valid_messages_end_in_plain_data_or_a_codec_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fuzz(20_000, seed=0)


@pytest.mark.slow
def test_a_million_mutants_end_in_plain_data_or_a_codec_error():
    fuzz(1_000_000, seed=1)


@pytest.mark.parametrize("tree", EVIL, ids=lambda tree: ascii(tree)[:30])
def test_evil_trees_are_plain_data_or_a_codec_error(tree):
    for body in (b"", b"\2\2\2\2", bytes(64)):
        for node in (tree, [tree], {"dict": [[tree, 1]]}, {"tensor": [tree, tree]}):
            try:
                dumps(loads(message(node, body)))
            except CodecError:
                continue


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\0\0\0", b"\0\0\0\0", b"\xff\xff\xff\xff[]", message(b"\xff\xfe[]"), message(b"[1")),
        *(message([1], b"left over"), message({"bytes": 5}, b"four"), message(b"[" * 100_000)),
        *(message(b"9" * 10_000), message(b'{"tuple":[],"tuple":1}'), message({"complex": [1, 2, 3]})),
        *(message({"tensor": ["bool", [1]]}, b"\2"), message({"array": ["|b1", [1]]}, b"\xff")),
        *(message({"tensor": ["float32", [-1]]}), message({"tensor": ["float32", [1.0]]})),
        *(message({"tensor": ["qint8", [1]]}, b"1"), message({"array": ["|O", [1]]}, bytes(8))),
        *(message({"text": 1}, b"\xff"), message({"set": [[]]}), message({"dict": [[1]]})),
    ],
    ids=lambda data: repr(data[4:34]),
)  # fmt: skip
def test_malformed_messages_are_refused(data):
    with pytest.raises(CodecError):
        loads(data)


def test_a_buffer_is_used_once_and_in_order():
    two = {"tuple": [{"bytes": 2}, {"bytes": 2}]}
    assert loads(message(two, b"abcd")) == (b"ab", b"cd")
    with pytest.raises(CodecError, match="1 are left"):
        loads(message(two, b"abc"))


def test_a_shape_alone_makes_nobody_allocate():
    tracemalloc.start()
    try:
        for shape in ([1 << 39], [1 << 20, 1 << 20], [0, 1 << 39, 1 << 39]):
            for node in ({"tensor": ["float64", shape]}, {"array": ["<f8", shape]}):
                try:
                    loads(message([node] * 3))
                except CodecError:
                    continue
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def colliding_keys() -> dict[str, list]:
    prime = (1 << 61) - 1  # an int's hash is its remainder
    return {
        "ints": [{"int": hex(k * prime)} for k in range(1, 20_000)],
        "tuples": [{"tuple": [{"int": hex(k * prime)}, 1]} for k in range(1, 20_000)],
    }


@pytest.mark.parametrize("keys", colliding_keys().values(), ids=colliding_keys())
@pytest.mark.parametrize("tag", ["dict", "set", "frozenset"])
def test_keys_made_to_collide_are_refused_at_once(tag, keys):
    started = time.process_time()
    with pytest.raises(CodecError, match="same hash"):
        loads(message({tag: [[key, 0] for key in keys] if tag == "dict" else keys}))
    assert time.process_time() - started < 0.5


def test_honest_dicts_and_sets_of_many_keys_cross():
    keys = [*range(-5000, 5000), *map(str, range(5000)), *((i, -i) for i in range(5000))]
    assert loads(dumps(set(keys))) == set(keys)
    assert loads(dumps(dict.fromkeys(map(float, range(5000))))) == dict.fromkeys(range(5000))


def test_the_limits_are_the_same_on_both_sides(monkeypatch):
    monkeypatch.setattr(codec, "MAX_BYTES", 1000)
    monkeypatch.setattr(codec, "MAX_TREE", 100)
    fits, heavy, long = bytes(900), bytes(1000), [0] * 60
    assert loads(dumps(fits)) == fits
    for value in (heavy, long, [bytes(600), bytes(600)]):
        with pytest.raises(CodecError, match="too large"):
            dumps(value)
    for data in (message({"bytes": 1200}, bytes(1200)), message(long)):
        with pytest.raises(CodecError):
            loads(data)
