"""The training loop: the same run, whether or not it is killed on the way.

    batch → gradients → clip → learning rate → update → evaluate → metrics.jsonl → checkpoint.pt

What a run becomes depends on its state alone: weights, optimizer, step, and the two generators that
draw batches and dropout. All of it is in a checkpoint. Metrics are written before the checkpoint of
their step, and on resuming those of later steps are cut off.
"""

import json
import math
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from .accumulation import accumulate_gradients, count_targets, summed_loss
from .batches import Dataset, check_length, get_batch, windows
from .checkpoints import read_checkpoint, restore, save_checkpoint
from .clipping import clip_grad_norm
from .schedules import cosine_schedule, wsd_schedule

METRICS, CHECKPOINT = "metrics.jsonl", "checkpoint.pt"
# What makes a run the run it is, and what may be changed while it is resumed.
FIXED = {"steps", "batch_size", "context_length", "seed", "clip"}
FIXED |= {"schedule", "max_lr", "min_lr", "warmup", "stable_until"}
COUNTS = {"microbatches", "log_every", "eval_every", "eval_batches", "checkpoint_every"}
INTEGERS = COUNTS | {"steps", "batch_size", "context_length", "seed"}
SCHEDULES = ("cosine", "wsd", "constant")


def train_loop(
    model: nn.Module,
    optimizer: Optimizer,
    dataset: Dataset,
    config: dict,
    folder: str | os.PathLike,
    valid: Dataset | None = None,
    on_step: Callable[[dict], object] | None = None,
) -> dict:
    """Resume if there is a checkpoint, else begin; a finished run has nothing left to do."""
    config = {k: v.item() if isinstance(v, np.generic) else v for k, v in config.items()}
    check_config(config)
    T = config["context_length"]
    check_length(dataset, T, "the dataset")
    if valid is not None:
        check_length(valid, T, "the validation data")
    folder, rng = Path(folder), torch.Generator()
    folder.mkdir(parents=True, exist_ok=True)
    record = begin_or_resume(folder, model, optimizer, config, rng)
    model.train()
    with open(folder / METRICS, "a", encoding="utf-8") as metrics:
        for step in range(record.get("step", 0) + 1, config["steps"] + 1):
            record = train_step(model, optimizer, dataset, config, step, rng)
            if valid is not None and is_due(step, config, "eval_every"):
                with own_randomness():
                    record["valid_loss"] = evaluate(model, valid, config)
            if "valid_loss" in record or is_due(step, config, "log_every"):
                metrics.write(json.dumps(record) + "\n")
                metrics.flush()
            if is_due(step, config, "checkpoint_every"):
                extra = {"config": config, "record": record} | generator_states(rng)
                save_checkpoint(model, optimizer, step, folder / CHECKPOINT, extra)
            if on_step is not None:
                with own_randomness():
                    on_step(record)
                model.train()
    return record


def check_config(config: dict) -> None:
    """All mistakes at once: a run of days should not end at its first evaluation."""
    wanted = FIXED | COUNTS
    if config.get("schedule") != "wsd":
        wanted = wanted - {"stable_until"}
    wrong = [f"{key} is missing" for key in wanted - config.keys()]
    wrong += [f"{key} is unknown" for key in config.keys() - wanted]
    wrong += [
        f"{key} is {config[key]!r}, wanted {what}"
        for key in wanted & config.keys()
        if (what := missed(key, config[key]))
    ]
    if not wrong and config["batch_size"] % config["microbatches"]:
        wrong.append("batch_size is not divisible by microbatches")
    if wrong:
        raise ValueError(f"the config is wrong: {'; '.join(sorted(wrong))}")
    learning_rate(1, config)  # a schedule knows what is wrong with its numbers


def missed(key: str, value: object) -> str | None:
    """What was wanted of this entry, if it is something else."""
    if key == "schedule":
        return None if value in SCHEDULES else f"one of {', '.join(SCHEDULES)}"
    if key in INTEGERS:
        least = -math.inf if key == "seed" else 1
        return None if isinstance(value, int) and value >= least else f"an integer from {least}"
    if key == "clip" and value is None:
        return None
    if not isinstance(value, int | float) or not math.isfinite(value):
        return "a finite number"
    return "more than 0, or None" if key == "clip" and value <= 0 else None


def own_randomness() -> AbstractContextManager:
    """What is done in between may draw as it likes: torch's generators are put back."""
    return torch.random.fork_rng(devices=range(torch.cuda.device_count()))


def is_due(step: int, config: dict, interval: str) -> bool:
    """Every so many steps, and at the last."""
    return step % config[interval] == 0 or step == config["steps"]


def learning_rate(step: int, config: dict) -> float:
    """Of update number `step`, from 1 to steps."""
    steps, warmup = config["steps"], config["warmup"]
    limits = config["max_lr"], config["min_lr"], warmup
    match config["schedule"]:
        case "cosine":
            return cosine_schedule(step, *limits, steps)
        case "wsd":
            return wsd_schedule(step, *limits, config["stable_until"], steps)
        case "constant":
            return wsd_schedule(step, config["max_lr"], config["max_lr"], warmup, steps, steps)


def device_of(model: nn.Module) -> torch.device:
    """Where the model is, there its ids go."""
    return next(model.parameters()).device


def train_step(
    model: nn.Module,
    optimizer: Optimizer,
    dataset: Dataset,
    config: dict,
    step: int,
    rng: torch.Generator,
) -> dict:
    """One update, and its record; a loss that is not finite raises before it spoils the weights."""
    start = time.perf_counter()
    B, T = config["batch_size"], config["context_length"]
    x, y = get_batch(dataset, B, T, device_of(model), rng)
    model.zero_grad()  # the optimizer may lack some of its weights, and have others
    optimizer.zero_grad()
    parts = config["microbatches"]
    loss = accumulate_gradients(model, zip(x.chunk(parts), y.chunk(parts), strict=True))
    max_norm = math.inf if config["clip"] is None else config["clip"]
    grad_norm = float(clip_grad_norm(model.parameters(), max_norm))
    if not (math.isfinite(loss) and math.isfinite(grad_norm)):
        raise FloatingPointError(
            f"{loss=}, {grad_norm=} at {step=}; the weights are those before it"
        )
    lr = learning_rate(step, config)
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_scale", 1.0)
    optimizer.step()
    record = {"step": step, "loss": loss, "lr": lr, "grad_norm": grad_norm, "tokens": step * B * T}
    return record | {"tokens_per_second": B * T / (time.perf_counter() - start)}


@torch.no_grad()
def evaluate(model: nn.Module, valid: Dataset, config: dict) -> float:
    """The same windows at every step, so that two values differ by what was learnt alone."""
    B, T = config["batch_size"], config["context_length"]
    starts = torch.tensor(range(0, len(valid) - T, T)[: config["eval_batches"] * B])
    total = count = 0
    model.eval()
    try:
        for part in starts.split(B):
            ids = windows(valid, part, T).to(device_of(model))
            x, y = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
            total += summed_loss(model, x, y).item()
            count += count_targets(y)
    finally:
        model.train()
    return total / count


def generator_states(rng: torch.Generator) -> dict:
    """All the randomness of a run: batches come from rng, dropout from torch's own generators."""
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"rng": rng.get_state(), "torch_rng": torch.get_rng_state(), "cuda_rng": devices}


def begin_or_resume(
    folder: Path, model: nn.Module, optimizer: Optimizer, config: dict, rng: torch.Generator
) -> dict:
    """The record of the last step that a checkpoint knows of; empty for a new run."""
    if not (folder / CHECKPOINT).exists():
        rng.manual_seed(config["seed"])
        torch.manual_seed(config["seed"])
        cut_metrics(folder / METRICS, 0)
        return {}
    parts = read_checkpoint(folder / CHECKPOINT)
    extra = parts["extra"] or {}
    check_same_run(extra.get("config", {}), config)
    restore(parts, model, optimizer)
    rng.set_state(extra["rng"])
    torch.set_rng_state(extra["torch_rng"])
    for device, state in zip(range(torch.cuda.device_count()), extra["cuda_rng"], strict=False):
        torch.cuda.set_rng_state(state, device)
    cut_metrics(folder / METRICS, parts["step"])
    return extra["record"]


def check_same_run(saved: dict, config: dict) -> None:
    """Half of one run and half of another is neither."""
    changed = [
        f"{key} was {saved.get(key)}, is {config.get(key)}"
        for key in sorted(FIXED)
        if saved.get(key) != config.get(key)
    ]
    if changed:
        raise ValueError(
            f"{CHECKPOINT} is of another run: {'; '.join(changed)}; choose another folder"
        )


def cut_metrics(path: Path, step: int) -> None:
    """Keep the whole lines up to `step`: what comes after will be written again."""
    if not path.exists():
        return
    keep = 0
    with open(path, "rb") as file:
        for line in file:
            if not line.endswith(b"\n") or not is_up_to(line, step):
                break
            keep += len(line)
    os.truncate(path, keep)


def is_up_to(line: bytes, step: int) -> bool:
    """Whether this is the record of such a step; what a crash leaves of a line is none."""
    try:
        return json.loads(line)["step"] <= step
    except (ValueError, KeyError, TypeError):
        return False
