"""A training as it is seen: a live bar in a terminal, plain lines in a pipe."""

import math

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Reporter:
    """What `train` tells: lines, and train_loop's records between `begin` and `end`."""

    def __init__(self, console: Console):
        self.console, self.progress, self.steps, self.scale = console, None, 0, 0.0

    def say(self, text: str) -> None:
        """A line of what is being done."""
        self.console.print(text, highlight=False, soft_wrap=True, markup=False)

    def begin(self, steps: int, baseline: float, tokens_per_byte: float) -> None:
        """Training begins, or goes on."""
        self.steps, self.scale = steps, tokens_per_byte / math.log(2)
        self.say(f"to beat: {baseline:.3f} bits per byte of held-out stories")
        if self.console.is_terminal:
            columns = ("{task.description}", "{task.fields[loss]}", "{task.fields[speed]}")
            text, loss, speed = map(TextColumn, columns)
            bar = (BarColumn(), MofNCompleteColumn(), loss, speed, TimeRemainingColumn())
            self.progress = Progress(text, *bar, console=self.console, transient=True)
            self.task = self.progress.add_task("training", total=steps, loss="", speed="")
            self.progress.start()

    def step(self, record: dict) -> None:
        """A record of train_loop."""
        speed = f"{record['tokens_per_second']:,.0f} tokens/s"
        if self.progress:
            loss = f"loss {record['loss']:.3f}"
            self.progress.update(self.task, completed=record["step"], loss=loss, speed=speed)
        if "valid_loss" in record:
            self.say(
                f"step {record['step']:5} of {self.steps}   loss {record['loss']:.3f}   "
                f"held out {record['valid_loss'] * self.scale:.3f} bits per byte   {speed}"
            )

    def end(self) -> None:
        """Training is over, or was stopped."""
        if self.progress:
            self.progress.stop()
