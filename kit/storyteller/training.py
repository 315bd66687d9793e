"""From stories to a model that tells them, and to the figures that say how well it does."""

import platform
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from kit.storyteller import baseline, folder, measuring, sampling
from kit.storyteller.curve import draw_curve
from kit.storyteller.data import Data, documents, prepare
from kit.storyteller.implementation import Implementation, open_implementation
from kit.storyteller.model import Llama, best_device, initialise
from kit.storyteller.optimizer import make_optimizer
from kit.storyteller.presets import PRESETS
from kit.storyteller.progress import Reporter

PROMPTS = ("Once upon a time", "One sunny morning,", "There was a")
BASELINE = "interpolated modified Kneser-Ney 5-gram, same tokens, same stories"


@dataclass(frozen=True)
class Options:
    """What `train` was asked for."""

    preset: str
    impl: str
    out: Path
    steps: int | None
    seed: int
    threads: int
    fresh: bool


def train(options: Options, reporter: Reporter) -> dict:
    """Train, or go on, or only look up what was trained before; the summary."""
    implementation = open_implementation(options.impl)
    preset, out = PRESETS[options.preset], options.out
    plan = preset.training(options.steps, options.seed)
    asked = {"preset": options.preset, "impl": options.impl, "seed": options.seed}
    asked |= {"steps": plan["steps"], "code": implementation.code}
    torch.set_num_threads(options.threads)
    with folder.lock(out):
        for name in folder.begin(out, asked, options.fresh):
            reporter.say(f"{name} has changed since this run began; --fresh begins anew")
        if (out / folder.SUMMARY).exists():
            return folder.read_json(out / folder.SUMMARY)
        clock = Clock()
        reporter.say(f"preparing {preset.corpus_bytes / 1e6:g} MB of stories, tokens, 5-gram model")
        data = prepare(out, preset, implementation)
        clock.stop("data")
        to_beat = _baseline(out, data, preset.vocab_size)
        clock.stop("baseline")
        model = Llama(implementation, preset.config())
        initialise(model, options.seed)
        model.to(best_device())
        reporter.begin(plan["steps"], to_beat, data.tokens_per_byte)
        last = _optimise(model, implementation, data, plan, out, reporter)
        clock.stop("training")
        summary = asked | _figures(model, implementation, data, last, to_beat)
        summary["samples"] = samples(model, implementation, data, options.seed)
        clock.stop("evaluation")
        draw_curve(out / folder.METRICS, to_beat, data.tokens_per_byte, out / folder.CURVE)
        summary |= {"seconds": clock.seconds, "threads": options.threads, "versions": versions()}
        folder.write_json(out / folder.SUMMARY, summary)
    return summary


class Clock:
    """Wall time of each part of a run; of a resumed one, since it was resumed."""

    def __init__(self):
        self.last, self.seconds = time.monotonic(), {}

    def stop(self, part: str) -> None:
        """What has passed since the last stop was spent on `part`."""
        now = time.monotonic()
        self.seconds[part], self.last = round(now - self.last, 1), now


def _baseline(out: Path, data: Data, V: int) -> float:
    path = out / folder.BASELINE
    if not path.exists():
        train, valid = (documents(np.asarray(ids), data.end) for ids in (data.train, data.valid))
        bits = baseline.bits_per_byte(train, valid, V, data.valid_bytes)
        folder.write_json(path, {"model": BASELINE, "bits_per_byte": bits})
    return folder.read_json(path)["bits_per_byte"]


def _optimise(
    model: Llama,
    implementation: Implementation,
    data: Data,
    plan: dict,
    out: Path,
    reporter: Reporter,
) -> dict:
    optimizer = make_optimizer(implementation, model, plan["max_lr"])
    try:
        return implementation.optimization.train_loop(
            model, optimizer, data.train, plan, out, valid=data.valid, on_step=reporter.step
        )
    finally:
        reporter.end()


def _figures(
    model: Llama, implementation: Implementation, data: Data, last: dict, to_beat: float
) -> dict:
    held_out = documents(np.asarray(data.valid), data.end)
    bits = measuring.bits_per_byte(model, implementation, held_out, data.valid_bytes)
    return {
        "parameters": implementation.transformer.count_parameters(model),
        "config": model.config,
        "tokens": {"trained_on": last["tokens"], "in_corpus": len(data.train)},
        "last_step": last,
        "held_out": {"stories": len(held_out), "bytes": data.valid_bytes},
        "bits_per_byte": bits,
        "baseline": {"model": BASELINE, "bits_per_byte": to_beat},
    }


def samples(model: Llama, implementation: Implementation, data: Data, seed: int) -> list[str]:
    """A story for each of PROMPTS."""
    longest = 4 * model.config["context_length"]
    teller = sampling.Teller(model, implementation, data.tokenizer)
    return [
        "".join(teller.tell(prompt, sampling.Draw(max_tokens=longest, seed=seed + i)))
        for i, prompt in enumerate(PROMPTS)
    ]


def versions() -> dict[str, str]:
    """Of what the figures depend on."""
    machine = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": machine,
    }
