"""Stands in for kit.shard where the controller is tested: a work does what its files say."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from kit.chapters import chapter
from kit.exchange import Shard, unpack, write_result
from kit.results import TestResult
from kit.works import Graded, Work

BLANKS = [
    TestResult("test_a.py::test_double", "double", True, "infra", title="Twice x."),
    TestResult("test_a.py::test_halve", "halve", False, "infra", title="Half of x."),
]


def passed(work: Work) -> Graded:
    tests = tuple(replace(blank, verdict="pass", seconds=0.5) for blank in BLANKS)
    return Graded(work, tests, rung="namespaces", node="n1")


def act(work: Work, key: str, shared: Path, name: str) -> None:
    order, first = (work.files / "order").read_text(), not (shared / f"tried-{key}").exists()
    (shared / f"tried-{key}").touch()
    with open(shared.parent / "done", "a") as done:
        done.write(f"{name} {work.submission}\n")
    if order == "dies" or (order == "dies once" and first):
        sys.exit("as told, it died")
    if order == "is killed once" and first:
        for pid in (int(os.environ["SUBMITIT_LOCAL_JOB_ID"]), os.getppid(), os.getpid()):
            os.kill(pid, signal.SIGKILL)
    if order == "writes nonsense once" and first:
        (shared / "results" / f"{key}.json").write_text('{"verdicts": "all passed"}')
    else:
        write_result(shared / "results", key, passed(work))


if __name__ == "__main__":
    path = Path(sys.argv[1])
    shard, shared = Shard.read(path), path.parent.parent
    os.environ |= shard.environment
    assert chapter("ch91_base")
    for packed in shard.works:
        act(unpack(packed, shared / "units"), packed["key"], shared, path.name)
