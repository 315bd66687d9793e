"""What an array task runs: `python -m kit.shard FILE`, the local executor on one shard of works.

It is a program of its own because a task's end must be the grader's end. Slurm signals every
process of a task that it preempts or that runs out of time. submitit's process lives on for a
while; were it the grader, it would call a student crashed whose process Slurm had killed.
"""

import os
import platform
import signal
import sys
from pathlib import Path

from kit import sandbox
from kit.exchange import Shard, unpack, write_result
from kit.files import OutputError
from kit.grading import Grader, GraderError
from kit.running import choose_rung
from kit.seeds import course_key
from kit.works import Graded


def run_shard(path: Path) -> None:
    """Do the works of a shard that have no result yet."""
    shard, shared = Shard.read(path), path.parent.parent
    os.environ |= shard.environment
    course_key()
    results, keys = shared / "results", {}
    for packed in shard.works:
        if not (results / f"{packed['key']}.json").exists():
            work = unpack(packed, shared / "units")
            keys[work.content, work.chapter.name] = packed["key"], work

    def on_result(graded: Graded) -> None:
        key, _ = keys[graded.work.content, graded.work.chapter.name]
        write_result(results, key, graded)

    # not every node sees everything that the controller hides
    secrets = [shared, *(path for path in map(Path, shard.secrets) if path.exists())]
    rung = choose_rung(shard.required, secrets)
    with Grader(shard.jobs, rung, secrets) as grader:
        grader.grade([work for _, work in keys.values()], on_result)


def main() -> None:
    """Run the shard named on the command line; one line and exit code 1 where that fails."""
    for number in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    try:
        run_shard(Path(sys.argv[1]))
    except (GraderError, OutputError, sandbox.SandboxError, ValueError, KeyError, OSError) as error:
        text = error.args[0] if isinstance(error, KeyError) else error
        sys.exit(f"node {platform.node()} cannot grade: {text}")


if __name__ == "__main__":
    main()
