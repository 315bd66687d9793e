"""What the code under test costs, measured from outside and held to a yardstick.

    ratio, learned = stopwatch.ratio(lambda n: student.run("train", texts[n]), lambda n: count(texts[n]))

CPU time depends on the machine; its ratio to that of a yardstick, a piece of the test's own work,
depends on it much less. Both take turns. Give each round an input of its own, or the second round
measures how well the code remembers the first. Student code sees neither clock nor yardstick.
"""

import contextlib
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kit.door import Student

ROUNDS = 3
PATIENCE = 60.0  # seconds to wait for others who measure; a crowded measurement beats none
LOCK = "\0storyteller-stopwatch"  # a name without a file: gone with its holder


@dataclass(frozen=True)
class Stopwatch:
    """The `stopwatch` fixture."""

    student: Student

    def ratio(
        self, work: Callable[[int], object], yardstick: Callable[[int], object]
    ) -> tuple[float, list[object]]:
        """CPU time of the code under test in `work` over that of `yardstick`, and work's answers.

        The median of three rounds; both functions are given the round's number, 0 to 2.
        """
        ratios, answers = [], []
        with _alone():
            for number in range(ROUNDS):
                before = self.student._door.cpu_seconds()
                answers.append(work(number))
                # else it could hide a child from the count, or slow the yardstick down
                with self.student._door.transport.paused():
                    spent = self.student._door.cpu_seconds() - before
                    before = time.process_time()
                    yardstick(number)
                    ratios.append(spent / (time.process_time() - before))
        return statistics.median(ratios), answers


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Measure while nobody else on this machine does."""
    with socket.socket(socket.AF_UNIX) as lock:
        deadline = time.monotonic() + PATIENCE
        while sys.platform == "linux" and time.monotonic() < deadline:
            try:
                lock.bind(LOCK)
                break
            except OSError:
                time.sleep(0.05)
        yield
