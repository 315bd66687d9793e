"""The door, from both sides: what a test gets to see of the code under test, and what it does not."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kit.contract import ContractError, read_contract
from kit.diagnosis import Raised
from kit.door import Allowance, Door, LocalTransport
from kit.faults import Fault, OutOfMemory, StudentError, Todo, Unimportable
from kit.serve import RAISABLE


def open_door(folder: Path, drivers: str = "", load=None, returns: str = "", **functions) -> Door:
    """A door to the functions given, each of them an adapter, in this process."""
    contract, file = folder / "contract.py", folder / "drivers_public.py"
    contract.write_text("".join(f"def {f}(*args, name=0){returns}: ...\n" for f in functions))
    file.write_text(f'"""Drivers."""\n{drivers}')
    read_contract.cache_clear()
    transport = LocalTransport(load or (lambda: SimpleNamespace(**functions)))
    made = Door("ch01_test", transport, read_contract(contract), {"drivers_public": file})
    made.begin(7, Allowance())
    return made


@pytest.fixture
def door(tmp_path):
    return partial(open_door, tmp_path)


def raiser(error: BaseException):
    def f(*args):
        raise error

    return f


# ---- exceptions


@pytest.mark.parametrize("kind", sorted(RAISABLE.keys() - {"NotImplementedError"}))
def test_built_in_exceptions_arrive_by_name_with_their_message(door, kind):
    arguments = {
        "UnicodeDecodeError": ("utf-8", b"\xff", 0, 1, "invalid"),
        "UnicodeEncodeError": ("utf-8", "\ud800", 0, 1, "invalid"),
        "KeyError": (("a", 1),),
        "OSError": (2, "no such thing"),
    }.get(kind, ("got 3, wanted 4",))
    error = RAISABLE[kind](*arguments)
    with pytest.raises(RAISABLE[kind]) as caught:
        door(f=raiser(error)).call("f")
    assert type(caught.value) is type(error) and str(caught.value) == str(error)


def test_a_subclass_arrives_as_the_built_in_it_extends_with_its_own_message(door):
    class Mine(ValueError):
        def __init__(self, got):
            self.got = got

        def __str__(self):
            return f"got {self.got}, wanted less"

    with pytest.raises(ValueError, match="got 3, wanted less") as caught:
        door(f=raiser(Mine(3))).call("f")
    assert type(caught.value) is ValueError


def exceptions_that_tests_must_not_see() -> list:
    custom = type("Custom", (Exception,), {})
    impostor = type("ValueError", (Exception,), {})
    return [
        *[AssertionError("x"), StopIteration("x"), SystemExit(0), GeneratorExit(), custom("x")],
        *[impostor("x"), pytest.skip.Exception("x"), pytest.fail.Exception("x")],
    ]


@pytest.mark.parametrize(
    "error", exceptions_that_tests_must_not_see(), ids=lambda e: type(e).__name__
)
def test_every_other_exception_arrives_as_a_student_error(door, error):
    with pytest.raises(StudentError, match=type(error).__name__) as caught:
        door(f=raiser(error)).call("f")
    assert not isinstance(caught.value, AssertionError) and "test_door.py" in caught.value.where


def test_ctrl_c_is_the_users_and_ends_the_run(door):
    with pytest.raises(KeyboardInterrupt):
        door(f=raiser(KeyboardInterrupt())).call("f")


def test_exceptions_are_recorded_and_say_where_they_arose(door):
    made = door(f=lambda: [][3])
    with pytest.raises(IndexError) as caught:
        made.call("f")
    assert made.outputs == [Raised("IndexError")] and "[][3]" in caught.value.trace


@pytest.mark.parametrize(
    "f",
    [raiser(MemoryError("x")), lambda: np.empty(1 << 50), lambda: torch.empty(1 << 50)],
    ids=["python", "numpy", "torch"],
)
def test_running_out_of_memory_is_a_fault(door, f):
    with pytest.raises(OutOfMemory):
        door(f=f).call("f")


class Hostile:
    """Raises wherever one could look at it."""

    def __repr__(self):
        raise SystemExit("repr")

    __str__ = __len__ = __iter__ = __eq__ = __hash__ = __bool__ = __repr__


class HostileError(Exception):
    def __str__(self):
        raise SystemExit("str")


class LyingMeta(type):
    @property
    def __name__(cls):
        raise SystemExit("name")


class NamelessError(Exception, metaclass=LyingMeta):
    pass


class HostileList(list):
    def __iter__(self):
        raise AssertionError("looked at")


def test_objects_that_raise_when_they_are_looked_at_do_no_harm(door):
    with pytest.raises(ContractError, match="Hostile cannot cross"):
        door(f=Hostile).call("f")
    for error in (HostileError(), NamelessError("x"), ValueError, KeyError(Hostile())):
        with pytest.raises((StudentError, ValueError, KeyError)):
            door(f=raiser(error)).call("f")
    with pytest.raises(StudentError, match="AssertionError: looked at"):
        door(f=lambda: HostileList([1])).call("f")
    with pytest.raises((StudentError, ValueError)):
        door(f=raiser(ValueError(HostileList([1])))).call("f")


# ---- what is still to do


def test_a_stub_is_todo_and_no_exception_that_a_test_could_wait_for(door):
    def f():
        raise NotImplementedError

    def g():
        return f()

    made = door(f=f, g=g)
    for name in ("f", "g"):
        with pytest.raises(Todo, match="f is not implemented yet"):
            made.call(name)
    assert not issubclass(Fault, Exception) and made.fault.verdict == "todo"


def helper():
    raise NotImplementedError("a helper")


def test_not_implemented_is_todo_only_from_the_adapters_own_raise(door):
    def torch_kernel():
        return torch.softmax(torch.tensor([1, 2]), 0)  # raised in C: no frame below this one

    def below():
        return helper()

    for f in (torch_kernel, below, lambda: torch.nn.Module()(1)):
        with pytest.raises(NotImplementedError):
            door(f=f).call("f")


# ---- an adapters.py that cannot be imported


def test_a_broken_adapters_file_is_told_once_in_full_and_imported_no_more(door):
    tries = []

    def load():
        tries.append(1)
        raise ImportError("no module named turch")

    made = door(f=len, load=load)
    for trace in (True, False):
        with pytest.raises(
            Unimportable, match="cannot be imported: ImportError: no module"
        ) as told:
            made.call("f")
        assert bool(told.value.trace) == trace and made.fault is told.value
    assert len(tries) == 1
