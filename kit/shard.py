"""What an array task runs: `python -m kit.shard FILE`, the local engine on one shard of units.

It is a program of its own because a task's end must be the grader's end. Slurm signals every
process of a task that it preempts or that runs out of time. submitit's process lives on for a
while; were it the grader, it would call a student crashed whose process Slurm had killed.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from kit import sandbox
from kit.exchange import Unit, read_shard, unit_of, write_result
from kit.files import OutputError
from kit.grading import Grader, GraderError
from kit.results import ChapterResult
from kit.rooms import secret_folders
from kit.seeds import course_key

SLOTS = 3000  # the sandbox's probes use those above


def grade_units(
    units: Sequence[Unit],
    grader: Grader,
    on_result: Callable[[Unit, ChapterResult], None],
) -> None:
    """Grade units with the local engine; `on_result` hears of each as it is done."""
    by_name = {(unit.submission.id, unit.chapter.name): unit for unit in units}
    grader.grade(
        [unit.submission for unit in units],
        lambda job, result: on_result(by_name[job.submission.id, job.chapter.name], result),
    )


def run_shard(path: Path) -> None:
    """Grade the units of a shard that have no result yet."""
    shard, shared = read_shard(path), path.parent.parent
    os.environ |= shard.environment
    course_key()
    results = shared / "results"
    units = [unit_of(fields, shared / "units") for fields in shard.units]
    units = [unit for unit in units if not (results / f"{unit.key}.json").exists()]
    secrets = [str(path) for path in (*secret_folders(), shared) if path.exists()]
    rung = sandbox.best_rung(shard.required, secrets=secrets).rung
    # tasks that run as root on one node must not share a user for their students
    first_slot = shard.number * shard.jobs % SLOTS
    with Grader(shard.jobs, rung, [shared], first_slot) as grader:
        grade_units(units, grader, lambda u, result: write_result(results, u.key, result, rung))


def main() -> None:
    """Run the shard named on the command line; one line and exit code 1 where that fails."""
    for number in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    try:
        run_shard(Path(sys.argv[1]))
    except (GraderError, OutputError, sandbox.SandboxError, ValueError, KeyError, OSError) as error:
        text = error.args[0] if isinstance(error, KeyError) else error
        sys.exit(f"node {socket.gethostname()} cannot grade: {text}")


if __name__ == "__main__":
    main()
