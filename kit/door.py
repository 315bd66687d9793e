"""The judge's side of the door: the one way from a test to the code under test.

    student.softmax(x, dim=-1)                  one adapter, by value
    student.run("train_adamw", grads, lr=0.1)   a driver, next to the student's code

Both kinds of transport carry the same bytes, so that what passes at home passes in the grader.
A call that has no answer to judge ends in a Fault, see kit/faults.py.
"""

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kit import codec
from kit.contract import Adapter, ContractError, check_return
from kit.diagnosis import Raised
from kit.faults import (
    Crash,
    Fault,
    ForbiddenCall,
    Killed,
    OutOfMemory,
    StudentError,
    Timeout,
    Todo,
    Unimportable,
)
from kit.loader import Source
from kit.serve import MESSAGE_LIMIT, RAISABLE, TRACE_LIMIT, Server

__tracebackhide__ = True  # in a failure, the test's own line tells more

MAX_FAULTS = 2  # crashes or timeouts of one adapter, after which it is called no more
MAX_RECORDED = 32  # door outputs kept per test for diagnosis
REPORT_BYTES = 1 << 18  # what a report within its own limits can take at most
REPORTED = ("kind", "name", "message", "todo", "where", "trace")


@dataclass(frozen=True)
class Allowance:
    """What the current test's problem grants each call."""

    problem: str = ""
    seconds: float = 10.0
    memory_mb: int = 2048
    forbid: tuple[str, ...] = ()


class Transport(Protocol):
    """Carries one request to a Server and its answer back; raises Fault where there is none."""

    def request(self, data: bytes, allowance: Allowance) -> bytes:
        """One round trip."""

    def cpu_seconds(self) -> float:
        """CPU time that the code under test has used so far, as seen from outside."""

    def paused(self) -> AbstractContextManager[None]:
        """Meanwhile the code under test stands still, so that it disturbs no measurement."""

    def close(self) -> None:
        """End the student's process, if there is one."""


class LocalTransport:
    """The student's code in this process. No isolation: for students, and for our own code."""

    def __init__(self, load: Callable, source: Source | None = None):
        self.server = Server(load, source)

    def request(self, data: bytes, allowance: Allowance) -> bytes:
        """Answer at once."""
        return self.server.handle(data)

    def cpu_seconds(self) -> float:
        """That of this whole process and of the children it has reaped."""
        times = os.times()
        return time.process_time() + times.children_user + times.children_system

    def paused(self) -> AbstractContextManager[None]:
        """Nothing: who asks is in the same process."""
        return nullcontext()

    def close(self) -> None:
        """Nothing to end."""


@dataclass
class Door:
    """One chapter's code under test, as its tests see it."""

    chapter: str
    transport: Transport
    contract: dict[str, Adapter]
    drivers: dict[str, Path]  # module name -> file, in the order in which names are looked up
    rules: dict[str, list] = field(default_factory=dict)  # problem -> its adapters, what it forbids
    allowance: Allowance = Allowance()
    outputs: list[object] = field(default_factory=list)  # of the current test, for diagnosis
    faults: dict[str, list[Fault]] = field(default_factory=dict)  # by whose call it was
    broken: "Unimportable | None" = None  # why adapters.py cannot be imported, once that is known
    fault: Fault | None = None  # the last one of the current test: none may go unnoticed
    found: dict[str, str] | None = None  # problem -> a forbidden call in the source, once scanned
    _seed: bytes = b""
    _calls: int = 0
    _opened: bool = False
    _shipped: set[str] = field(default_factory=set)
    _forgiven: set[str] = field(default_factory=set)

    def begin(self, seed: int, allowance: Allowance) -> None:
        """Start a test: its seed decides every random number drawn behind the door."""
        self._seed, self._calls = (seed % (1 << 64)).to_bytes(8, "big"), 0
        self.allowance, self.outputs, self.fault = allowance, [], None

    def close(self) -> None:
        """End what is behind the door; the next call opens it anew."""
        self.transport.close()
        self._opened, self._shipped = False, set()

    def call(self, name: str, /, *args: object, **kwargs: object) -> object:
        """Call one adapter by value, and hold what it returns to the contract."""
        if (adapter := self.contract.get(name)) is None:
            raise NameError(f"{self.chapter} has no adapter {name!r}: {', '.join(self.contract)}")
        adapter.bind(args, kwargs)
        message = {"op": "call", "name": name, "args": list(args), "kwargs": kwargs}
        value = self._exchange(name, message)
        try:
            value = check_return(adapter, args, kwargs, value)
        finally:
            self._record(value)
        return value

    def run(self, name: str, /, *args: object, **kwargs: object) -> object:
        """Run a driver next to the student's code; plain data comes back."""
        module = self._ship_driver(name)
        message = {"op": "run", "name": name, "module": module}
        value = self._exchange(name, message | {"args": list(args), "kwargs": kwargs})
        self._record(value)
        return value

    def cpu_seconds(self) -> float:
        """CPU time of the code under test, from its start on."""
        self._open("adapters.py")
        return self.transport.cpu_seconds()

    def _ship_driver(self, name: str) -> str:
        """Send the driver file that defines `name`, as source, once per process."""
        for module, path in self.drivers.items():
            source = path.read_text(encoding="utf-8")
            if f"\ndef {name}(" in source:
                self._open(name)
                if module not in self._shipped:
                    self._request({"op": "driver", "module": module, "source": source}, name)
                    self._shipped.add(module)
                return module
        raise NameError(f"no driver {name!r} in {', '.join(p.name for p in self.drivers.values())}")

    def _exchange(self, name: str, message: dict) -> object:
        self._open(name)
        if self.allowance.forbid and (text := self.found.get(self.allowance.problem)):
            raise self._remember(self._forbidden(text))
        self._calls += 1
        seed = hashlib.sha256(self._seed + self._calls.to_bytes(4, "big")).digest()[:6]
        message |= {"seed": int.from_bytes(seed, "big"), "forbid": list(self.allowance.forbid)}
        return self._request(message, name)

    def _open(self, name: str) -> None:
        """Import the student's adapters, once per process; a failure is remembered."""
        if self._opened:
            return
        if self.broken is not None:
            raise self._remember(Unimportable(str(self.broken)))
        if self.found is None:  # before any of the code has run, which could change the scan
            self.found = self._scan()
        try:
            self._request({"op": "load"}, "adapters.py")
        except Exception as error:
            kind = "" if isinstance(error, StudentError) else f"{type(error).__name__}: "
            where = f" ({error.where})" if getattr(error, "where", "") else ""
            self.broken = Unimportable(f"adapters.py cannot be imported: {kind}{error}{where}")
            self.broken.trace = getattr(error, "trace", "")
            raise self._remember(self.broken) from None
        self._opened = True

    def _scan(self) -> dict[str, str]:
        """Where the source itself shows a forbidden call."""
        if not self.rules:
            return {}
        try:
            found = self._request({"op": "scan", "rules": self.rules}, "adapters.py")
        except Exception:  # a mistake of the scan costs nobody a point: calls are watched anyway
            return {}
        return {p: text[:MESSAGE_LIMIT] for p, text in found.items() if text}

    def _forbidden(self, text: str) -> ForbiddenCall:
        problem = self.allowance.problem
        return ForbiddenCall(f"{text}; problem {problem} asks you to build it: remove the call")

    def _request(self, message: dict, name: str) -> object:
        faults = self.faults.get(name, ())
        if len(faults) >= MAX_FAULTS:
            again = f"{name} is not called again after {len(faults)} faults: {faults[-1]}"
            raise self._remember(type(faults[-1])(again))
        data = codec.dumps(message)
        sent = self._round_trip(data, name)
        try:
            answer = codec.loads(sent)
        except codec.CodecError:
            answer = None
        small = len(sent) <= REPORT_BYTES
        match answer:
            case ("ok", value):
                return value
            case ("bad", str(text)) if small:
                raise ContractError(text)
            case ("raised", dict(report)) if small and _is_report(report):
                raise self._revive(report, name)
        self.transport.close()
        raise self._count(Crash(f"{name} sent an answer that cannot be read"), name)

    def _round_trip(self, data: bytes, name: str) -> bytes:
        try:
            return self.transport.request(data, self.allowance)
        except (Crash, Timeout, OutOfMemory) as fault:
            raise self._count(fault, name) from None

    def _count(self, fault: Fault, name: str) -> Fault:
        """Note that the student's process is gone, and whose call it was."""
        self.faults.setdefault(name, []).append(fault)
        self._opened, self._shipped = False, set()
        return self._remember(fault)

    def _revive(self, report: dict, name: str) -> BaseException:
        """The exception that a report describes, as tests may expect it."""
        text, kind = report["message"], report["kind"]
        if report["todo"]:
            return self._remember(Todo(f"{report['todo']} is not implemented yet"))
        if report["name"] == "Forbidden":
            return self._remember(self._forbidden(text))
        if report["name"] == "MemoryError" or "can't allocate memory" in text:
            return self._remember(OutOfMemory(f"{name} ran out of memory: {text}"))
        error = _raisable(kind, report["args"], text) or StudentError(f"{report['name']}: {text}")
        error.where, error.trace = report["where"], report["trace"]
        self._record(Raised(kind or report["name"]))
        return error

    def forgive(self) -> bool:
        """Forget the current test's last fault if it was a kill, the first of its call."""
        for name, faults in self.faults.items():
            if faults and faults[-1] is self.fault and isinstance(self.fault, Killed):
                if name in self._forgiven:
                    return False
                self._forgiven.add(name)
                faults.pop()
                return True
        return False

    def _remember(self, fault: Fault) -> Fault:
        self.fault = fault
        return fault

    def _record(self, value: object) -> None:
        if len(self.outputs) < MAX_RECORDED:
            self.outputs.append(value)


def _is_report(report: dict) -> bool:
    """Whether all is there, and of its type: a report may be forged."""
    return isinstance(report.get("args"), list) and all(
        isinstance(report.get(key), str) and len(report[key]) <= TRACE_LIMIT for key in REPORTED
    )


def _raisable(kind: str, args: list, text: str) -> Exception | None:
    """A built-in exception that reads `text`, or None where `kind` is none of those re-raised."""
    for arguments in (args, [text]):  # a subclass may have built its message from its arguments
        try:
            error = RAISABLE[kind](*arguments)
            if arguments is not args or str(error) == text:
                return error
        except Exception:  # no such kind, or arguments that it does not take
            continue
    return None


class Student:
    """The `student` fixture: the door of the chapter whose test is running."""

    def __init__(self) -> None:
        self._door: Door | None = None

    def __repr__(self) -> str:
        return "<the code under test>"

    def run(self, driver: str, /, *args: object, **kwargs: object) -> object:
        """Run a driver from the chapter's drivers files."""
        return self._door.run(driver, *args, **kwargs)

    def __getattr__(self, name: str) -> Callable:
        if name.startswith("_"):  # pytest and hypothesis ask fixtures for dunders
            raise AttributeError(name)
        return lambda *args, **kwargs: self._door.call(name, *args, **kwargs)
