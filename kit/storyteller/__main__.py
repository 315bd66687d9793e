"""The commands `train` and `sample`; each does its work elsewhere in this package and prints here.

Exit codes: 0 done, 2 the command could not be carried out, 130 stopped by Ctrl-C.
"""

import os
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from kit.chapters import repository
from kit.storyteller.presets import PRESETS

HOME = Path("out")
THREADS = min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
EXAMPLES = """
Examples:

  train                                the tiny model, in a few minutes on two cores

  train --preset small                 a larger one, for a GPU

  train --impl student --out out/mine  your own code, in a folder of its own

  sample "Once upon a time"            a story by the tiny model

  sample "The cat" --model out/mine --temperature 1 --seed 7 --max-tokens 100
"""
SIZES = ", ".join(PRESETS)

app = typer.Typer(
    add_completion=False,
    epilog=EXAMPLES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train a model that tells stories, made of the chapters' own functions; let it tell one.",
)


@contextmanager
def _plain_errors(stopped: str) -> Iterator[None]:
    """A mistake or a stub ends in one clear line; a slip in a chapter's code, in its traceback."""
    from kit.storyteller.implementation import stubs_told
    from kit.storyteller.refusal import Refused

    try:
        with stubs_told():
            yield
    except KeyboardInterrupt:
        typer.echo(f"storyteller: {stopped}", err=True)
        raise typer.Exit(130) from None
    except Refused as error:
        typer.echo(f"storyteller: {error}", err=True)
        raise typer.Exit(2) from None


def _impl() -> str:
    """Whose code the tests of this copy of the kit test."""
    settings = tomllib.loads((repository() / "pyproject.toml").read_text(encoding="utf-8"))
    return settings["tool"]["pytest"]["ini_options"]["impl"]


@app.command(epilog=EXAMPLES)
def train(
    preset: Annotated[str, typer.Option(help=f"The size of the model: {SIZES}.")] = "tiny",
    impl: Annotated[
        str | None,
        typer.Option(
            help="Whose chapters: solutions, student or a folder.", show_default="as for pytest"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder of this run.", show_default="out/PRESET"),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="How many updates.", show_default="the preset's")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, batches and samples.")] = 0,
    threads: Annotated[
        int, typer.Option(min=1, help="CPU cores to use; keep it when a run goes on.")
    ] = THREADS,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete what the folder holds, and begin anew.")
    ] = False,
) -> None:
    """Train a model on small stories, and measure it against a 5-gram.

    Stopped or killed, the same command goes on where the last checkpoint was, to the same weights.
    """
    from rich.console import Console

    from kit.storyteller.outcome import show
    from kit.storyteller.progress import Reporter
    from kit.storyteller.training import Options
    from kit.storyteller.training import train as train_model

    if preset not in PRESETS:
        raise typer.BadParameter(f"got {preset!r}; choose from {SIZES}", param_hint="--preset")
    out, impl = out or HOME / preset, impl or _impl()
    if impl not in ("solutions", "student"):
        impl = str(Path(impl).resolve())
    console = Console()
    with _plain_errors("stopped; the same command goes on from the last checkpoint"):
        options = Options(preset, impl, out, steps, seed, threads, fresh)
        show(train_model(options, Reporter(console)), out, console)


@app.command(epilog=EXAMPLES)
def sample(
    prompt: Annotated[str, typer.Argument(help="How the story begins.")],
    model: Annotated[Path, typer.Option(help="The folder of a trained model.")] = HOME / "tiny",
    temperature: Annotated[
        float, typer.Option(min=0, help="Below 1 bolder choices are rarer; 0: none.")
    ] = 0.5,
    top_k: Annotated[
        int | None, typer.Option(min=1, help="Draw from the k likeliest tokens.")
    ] = None,
    top_p: Annotated[
        float, typer.Option(help="Draw from the likeliest tokens, of this share together.")
    ] = 0.95,
    max_tokens: Annotated[int, typer.Option(min=1, help="Stop here, if the story does not.")] = 512,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another story.")] = 0,
    impl: Annotated[
        str | None,
        typer.Option(help="Whose chapters.", show_default="those that trained the model"),
    ] = None,
) -> None:
    """Tell a story, token by token; nothing else is written to standard output."""
    from kit.storyteller.sampling import Draw, open_teller

    if not 0 < top_p <= 1:
        raise typer.BadParameter(f"got {top_p}, wanted above 0 and at most 1", param_hint="--top-p")
    draw = Draw(temperature, top_k, top_p, max_tokens, seed)
    sys.stdout.reconfigure(encoding="utf-8")
    with _plain_errors("stopped"):
        try:
            for text in open_teller(model, impl).tell(prompt, draw):
                print(text, end="", flush=True)
            print()
        except BrokenPipeError:  # whoever reads has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    app(prog_name="python -m kit.storyteller")
