"""Run one function as a student and hear what became of it: for the probe, and for tests."""

import json
import os
import select
import time
from collections.abc import Callable, Iterable
from typing import NoReturn

from kit.sandbox.entry import end, enter
from kit.sandbox.plan import Limits, Plan, interpreter_paths
from kit.sandbox.selftest import Target, make_scratch


def plan_for(rung: str, target: Target, slot: int, readable: Iterable[str] = ()) -> Plan:
    """A plan with small limits for a student that lives beside a target."""
    return Plan(
        rung,
        tuple(dict.fromkeys([*interpreter_paths(), target.room, *readable])),
        make_scratch(target),
        (target.secret,),
        slot,
        limits=Limits(target.memory_mb, 5, target.processes),
    )


def start(plan: Plan, work: Callable[[], object]) -> tuple[int, int]:
    """Fork a student that does the work; returns its keeper, and the pipe on which it reports."""
    reader, writer = os.pipe()
    if keeper := os.fork():
        os.close(writer)
        return keeper, reader
    report: dict = {"error": "it ended early"}
    try:
        enter(plan, keep=(writer,))
        report = {"value": work()}
    except BaseException as error:
        report = {"error": f"{type(error).__name__}: {error}"}
    finally:
        _report_and_exit(writer, report)


def _report_and_exit(writer: int, report: dict) -> NoReturn:
    try:
        os.write(writer, json.dumps(report).encode())
    finally:
        os._exit(0)


def hear(reader: int, seconds: float) -> str:
    """All that is written until every writer is gone; TimeoutError if that takes too long."""
    deadline, text = time.monotonic() + seconds, b""
    with open(reader, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0, deadline - time.monotonic()))[0]:
            if not (part := pipe.read(65536)):
                return text.decode()
            text += part
    raise TimeoutError(f"no end after {seconds} s; so far {text!r}")


def finish(plan: Plan, keeper: int, reader: int, seconds: float) -> dict:
    """The student's report, {"value": ...} or {"error": text}; ends the student."""
    try:
        return json.loads(hear(reader, seconds) or '{"error": "it died without a word"}')
    except TimeoutError as error:
        return {"error": str(error)}
    finally:
        end(plan, keeper)
        os.waitpid(keeper, 0)
