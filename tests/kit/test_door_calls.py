"""What a call through the door carries: values, seeds, drivers, and what a problem forbids."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kit.codec import CodecError
from kit.contract import ContractError
from kit.door import MAX_RECORDED, Allowance, Student
from kit.faults import ForbiddenCall
from tests.kit.test_door import open_door


@pytest.fixture
def door(tmp_path):
    return partial(open_door, tmp_path)


# ---- values


def test_results_cross_by_value(door):
    kept = []

    def f(x):
        kept.append(x + 1)
        return kept[0]

    got = door(f=f).call("f", torch.zeros(2))
    kept[0].fill_(5)
    assert got.tolist() == [1, 1]


def test_changing_an_argument_in_place_fails_the_call(door):
    def f(x, rows):
        rows.append(9)
        return x.add_(1)

    x, rows = torch.zeros(2), [1]
    with pytest.raises(ContractError, match="argument number 1 was changed in place"):
        door(f=f).call("f", x, rows)
    with pytest.raises(ContractError, match="argument number 2 was changed in place"):
        door(f=lambda x, rows: rows.clear()).call("f", x, rows)
    assert x.tolist() == [0, 0] and rows == [1], "what is changed there stays there"


@pytest.mark.parametrize(
    "value", [object(), iter([]), lambda: 1, [torch.nn.Linear(1, 1)], {1j: len}]
)
def test_what_cannot_be_encoded_is_a_failed_test(door, value):
    with pytest.raises(ContractError, match="f: .* cannot cross the door"):
        door(f=lambda: value).call("f")


def test_an_argument_that_cannot_cross_is_the_tests_own_mistake(door):
    with pytest.raises(CodecError, match="cannot cross"):
        door(f=lambda x: 1).call("f", object())


def test_returns_are_held_to_the_contract_and_recorded_first(door):
    made = door(f=lambda: "x", returns=" -> int")
    with pytest.raises(ContractError, match="expected int"):
        made.call("f")
    assert made.outputs == ["x"]
    made = door(f=lambda: 1)
    for _ in range(MAX_RECORDED + 5):
        made.call("f")
    assert len(made.outputs) == MAX_RECORDED
    made.begin(1, Allowance())
    assert made.outputs == []


def test_an_adapter_may_have_a_parameter_of_any_name(door):
    student = Student()
    student._door = door(f=lambda name: name, drivers="\ndef g(adapters, driver):\n return driver")
    assert student.f(name="toy") == "toy" and student.run("g", driver=3) == 3


def test_unknown_adapters_and_drivers_are_named_with_the_valid_choices(door):
    made = door(f=len, load=lambda: SimpleNamespace(g=len))
    with pytest.raises(NameError, match="no adapter 'x': f"):
        made.call("x")
    with pytest.raises(NameError, match="no driver 'x' in drivers_public.py"):
        made.run("x")
    with pytest.raises(NameError, match=r"adapters.py defines no f\(\)"):
        made.call("f")
    with pytest.raises(AttributeError):
        _ = Student().__wrapped__


# ---- seeds


def draws() -> list[float]:
    return [torch.rand(()).item(), float(np.random.rand()), __import__("random").random()]


def test_the_seed_makes_calls_reproducible_and_different_from_each_other(door):
    made, runs = door(f=draws), []
    for seed in (1, 1, 2, -1, 1 << 70):
        made.begin(seed, Allowance())
        runs.append([made.call("f"), made.call("f")])
    assert runs[0] == runs[1], "the same seed must give the same numbers"
    numbers = [x for run in runs[1:4] for call in run for x in call]
    assert len(set(numbers)) == len(numbers), "two calls or two seeds drew the same numbers"


# ---- drivers

DRIVERS = """
from __future__ import annotations
from dataclasses import dataclass
import torch

@dataclass
class Step:
    size: float = 0.5

def helper(adapters, x):
    return adapters.f(x) * Step().size

def train(adapters, x, times=1):
    return [helper(adapters, x + i) for i in range(times)]

def outside(adapters):
    return torch.softmax(torch.zeros(2), 0)

def crash(adapters):
    return adapters.f(None)
"""


def test_drivers_have_their_helpers_and_dataclasses(door):
    made = door(f=lambda x: 2 * x, drivers=DRIVERS)
    assert made.run("train", 3, times=2) == [3.0, 4.0] == made.outputs[0]
    with pytest.raises(TypeError):
        made.run("crash")
    with pytest.raises(NameError):
        made.run("Step")


def test_a_driver_file_is_shipped_once(door):
    made, seen = door(f=lambda x: x, drivers=DRIVERS), []
    answer = made.transport.server.handle
    made.transport.server.handle = lambda data: seen.append(data) or answer(data)
    for _ in range(3):
        made.run("train", 1)
    assert sum(b"dataclass" in data for data in seen) == 1


# ---- what a problem forbids


def test_a_forbidden_call_is_named(door):
    made = door(f=lambda: torch.ones(2).softmax(0), g=torch.softmax, drivers=DRIVERS)
    made.begin(1, Allowance("sm", forbid=("torch.softmax",)))
    for name, args in (("f", ()), ("g", (torch.ones(2), 0))):
        with pytest.raises(
            ForbiddenCall, match=r" calls torch\.(Tensor\.)?softmax; problem sm asks"
        ):
            made.call(name, *args)
    assert made.run("outside").tolist() == [0.5, 0.5], "drivers may call what adapters may not"
    made.begin(1, Allowance())
    assert made.call("f").tolist() == [0.5, 0.5]


MODEL_DRIVERS = """
import torch

def forward(adapters, x):
    return torch.softmax(adapters.model()(x), 0)

def lazily(adapters, x):
    return adapters.lazy(x)
"""


def test_what_a_driver_runs_of_the_students_is_watched_too(door):
    class Model(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x)

    for inner, allowed in ((torch.exp, True), (torch.nn.Softmax(0), False)):
        made = door(model=lambda f=inner: Model(f), drivers=MODEL_DRIVERS)
        made.begin(1, Allowance("sm", forbid=("torch.softmax",)))
        if allowed:
            assert made.run("forward", torch.zeros(2)).tolist() == [0.5, 0.5]
            continue
        with pytest.raises(ForbiddenCall, match=r"^test_door_calls\.py:\d+ calls torch\.nn\.f"):
            made.run("forward", torch.zeros(2))


def test_what_runs_while_an_answer_is_encoded_is_watched_too(door):
    class Lazy(list):
        def __iter__(self):
            yield torch.softmax(torch.zeros(2), 0)

    made = door(lazy=lambda x: Lazy(), drivers=MODEL_DRIVERS)
    made.begin(1, Allowance("sm", forbid=("torch.softmax",)))
    for call in (made.call, made.run):
        with pytest.raises(ForbiddenCall):
            call("lazy" if call == made.call else "lazily", 1)


def test_autograd_can_be_forbidden(door):
    names = ("Tensor.backward", "torch.autograd.grad", "torch.autograd.backward")
    w = torch.ones(2, requires_grad=True)
    calls = [
        lambda: w.sum().backward(),
        lambda: torch.autograd.grad(w.sum(), w),
        lambda: torch.autograd.backward(w.sum()),
    ]
    for f in calls:
        made = door(f=f)
        made.begin(1, Allowance(forbid=names))
        with pytest.raises(ForbiddenCall):
            made.call("f")
