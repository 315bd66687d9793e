"""What a finished training says of itself."""

from pathlib import Path
from textwrap import fill

from rich.console import Console

from kit.storyteller import folder

WIDTH, INDENT = 96, "    "


def show(summary: dict, out: Path, console: Console) -> None:
    """Print samples and figures of a summary."""

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    for story in summary["samples"]:
        for paragraph in story.split("\n"):
            say(fill(paragraph, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT))
        say("")
    ours, theirs = summary["bits_per_byte"], summary["baseline"]["bits_per_byte"]
    minutes, seconds = divmod(round(sum(summary["seconds"].values())), 60)
    say(
        f"{summary['parameters']:,} parameters, {summary['tokens']['trained_on']:,} tokens, "
        f"{minutes}:{seconds:02} minutes"
    )
    verdict = f"{1 - ours / theirs:.0%} less" if ours < theirs else "no better than counting"
    say(
        f"held-out stories: {ours:.3f} bits per byte; 5-gram (modified Kneser-Ney): {theirs:.3f}; "
        f"{verdict}"
    )
    say(f"written: {out / folder.SUMMARY}, {folder.CURVE}, {folder.METRICS}, {folder.CHECKPOINT}")
    say(f'next: python -m kit.storyteller sample "Once upon a time" --model {out}')
