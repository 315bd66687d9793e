"""Which misconception a wrong output equals.

Audit runs every bug of a chapter's bank and keeps, per test, what came through the door: not the
values but their projection onto 8 fixed random directions. A failing output whose projection lies
within 1 % of a bug's, relative to that bug's distance from the reference, is told the bug's name.
Projections give no code away, so a release may carry those of the public tests.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch

WIDTH = 8
TOLERANCE = 0.01
SMALLEST = 1e-6  # so that an output of 0 can be matched
KEPT_CALLS = 3  # per test and bug: the first calls whose output the bug changes
NAN, INFINITY = 1234.5, 98765.0  # stand-ins, so that where they occur shows in a projection
LARGEST = 1e100  # so that no sum of squares overflows: infinities would lie close to each other
LENGTH = 1 << 16  # of a value's numbers, only the first count: outputs may be very long


def project(value: object) -> np.ndarray:
    """Eight float64 numbers that tell one output from another."""
    numbers = np.fromiter(islice(_numbers(value), LENGTH), dtype=np.float64)
    numbers = np.nan_to_num(numbers, nan=NAN, posinf=INFINITY, neginf=-INFINITY)
    numbers = numbers.clip(-LARGEST, LARGEST)
    return numbers @ _directions(len(numbers))


def _directions(length: int) -> np.ndarray:
    """`length` x 8 numbers in [-1, 1) by splitmix64: the same on every machine and version."""
    z = np.arange(1, length * WIDTH + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (z / 2.0**63 - 1.0).reshape(length, WIDTH)


def _numbers(value: object) -> Iterable[float]:
    """A value as a row of numbers, sizes included, so that no two forms look alike."""
    if value is None:
        yield 0.5
    elif isinstance(value, int):
        yield float(max(-LARGEST, min(value, LARGEST)))
    elif isinstance(value, float):
        yield value
    elif isinstance(value, complex):
        yield from (value.real, value.imag)
    elif isinstance(value, torch.Tensor):
        yield 2 * value.is_floating_point() + value.is_complex()
        yield from value.shape
        flat = value.reshape(-1)[:LENGTH]
        flat = torch.view_as_real(flat.resolve_conj()).reshape(-1) if flat.is_complex() else flat
        yield from flat.to(torch.float64).tolist()
    elif isinstance(value, np.ndarray):
        yield from _numbers(torch.from_numpy(value))
    elif isinstance(value, str | bytes):
        data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        yield len(data)
        yield from data[:LENGTH]
    elif isinstance(value, Mapping):
        yield from _numbers([part for pair in value.items() for part in pair])
    elif isinstance(value, set | frozenset):
        length = max(LENGTH // max(len(value), 1), 8)  # of each, since all are kept while sorting
        yield from _numbers(sorted(value, key=lambda part: [*islice(_numbers(part), length)]))
    elif isinstance(value, list | tuple):
        yield len(value)
        for part in value:
            yield from _numbers(part)
    else:
        yield from _numbers(repr(value))


class Raised(str):
    """An exception's type, recorded in place of a call's output."""


def project_all(outputs: list) -> list[np.ndarray]:
    """The projections of a test's outputs."""
    return [project(output) for output in outputs]


@dataclass
class Fingerprints:
    """The bank's projections: tests -> seed, the reference's calls, every bug's differing calls."""

    misconceptions: dict[str, str] = field(default_factory=dict)
    tests: dict[str, dict] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Fingerprints":
        """The bank at `path`; an empty one if there is none."""
        if not path.is_file():
            return cls()
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(data["misconceptions"], data["tests"])

    def write(self, path: Path) -> None:
        """Write the bank as JSON, one test a line, so that a change shows as a small diff."""
        rows = ",\n".join(f"{json.dumps(t)}: {json.dumps(e)}" for t, e in self.tests.items())
        names = json.dumps(self.misconceptions, indent=1, ensure_ascii=False)
        path.write_text(
            f'{{"misconceptions": {names},\n"tests": {{\n{rows}\n}}}}\n', encoding="utf-8"
        )

    def add(self, test: str, seed: int, bug: str, right: list, wrong: list) -> None:
        """Keep the first calls of a test in which a bug's projections differ from the reference's.

        A None among `wrong` is not kept: see `tells`.
        """
        entry = self.tests.setdefault(test, {"seed": seed, "reference": {}, "bugs": {}})
        kept: dict[str, list[float]] = {}
        for call, (expected, got) in enumerate(zip(right, wrong, strict=False)):
            if got is None or len(kept) == KEPT_CALLS:
                continue
            if np.linalg.norm(np.subtract(got, expected)) > 1e-9 * (1 + np.linalg.norm(expected)):
                kept[str(call)] = _rounded(got)
                entry["reference"][str(call)] = _rounded(expected)
        if kept:
            entry["bugs"][bug] = kept

    def matches(self, test: str, seed: int, outputs: list[np.ndarray]) -> list[str]:
        """The bugs whose fingerprint the projected outputs of one test bear."""
        entry = self.tests.get(test)
        if entry is None or entry["seed"] != seed:
            return []

        def near(call: str, wrong: list[float]) -> bool:
            if int(call) >= len(outputs):
                return False
            # where the reference is infinite its stand-in is far away: then the bug's own size counts
            distance = min(
                np.linalg.norm(np.subtract(wrong, entry["reference"][call])),
                np.linalg.norm(wrong) + SMALLEST,
            )
            off = np.linalg.norm(np.subtract(outputs[int(call)], wrong))
            return bool(off <= TOLERANCE * distance)

        return [
            bug
            for bug, calls in entry["bugs"].items()
            if all(near(call, wrong) for call, wrong in calls.items())
        ]

    def diagnose(self, test: str, seed: int, outputs: list) -> tuple[str, ...]:
        """The misconceptions that the projected outputs of one failing test equal."""
        names = dict.fromkeys(self.misconceptions[b] for b in self.matches(test, seed, outputs))
        return tuple(names)  # two bugs may be of one misconception


def tells(expected: object, got: object) -> bool:
    """Whether an output tells enough to name a bug: an exception does only in place of another."""
    return not isinstance(got, Raised) or isinstance(expected, Raised)


def _rounded(vector: np.ndarray) -> list[float]:
    return [float(f"{x:.12g}") for x in vector]
