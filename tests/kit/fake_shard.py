"""Stands in for kit.shard where the controller is tested: a unit does what its first line says."""

import os
import signal
import sys
from pathlib import Path

from kit.exchange import read_shard, unit_of, write_result
from kit.results import ChapterResult, TestResult


def passed(unit) -> ChapterResult:
    tests = [TestResult(f"t::{p.name}", p.name, True, "pass") for p in unit.chapter.problems]
    return ChapterResult(unit.chapter, tuple(tests), 0.5)


def act(unit, shared: Path, name: str) -> None:
    source = unit.submission.folder / "adapters.py"
    order, once = source.read_text().splitlines()[0], not (shared / f"tried-{unit.key}").exists()
    (shared / f"tried-{unit.key}").touch()
    with open(shared / "journal", "a") as journal:
        journal.write(f"{name} {unit.submission.id}\n")
    if order == "dies" or (order == "dies once" and once):
        sys.exit("as told, it died")
    if order == "is killed once" and once:
        for pid in (int(os.environ["SUBMITIT_LOCAL_JOB_ID"]), os.getppid(), os.getpid()):
            os.kill(pid, signal.SIGKILL)
    if order == "writes nonsense once" and once:
        (shared / "results" / f"{unit.key}.json").write_text('{"verdicts": "all passed"}')
    else:
        write_result(shared / "results", unit.key, passed(unit), "namespaces")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    shard = read_shard(path)
    os.environ |= shard.environment
    for fields in shard.units:
        act(unit_of(fields, path.parent.parent / "units"), path.parent.parent, path.name)
