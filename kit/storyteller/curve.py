"""The picture of a training: what the model and counting need per byte of a story."""

import json
import math
from pathlib import Path

import numpy as np

SMOOTHED = 50  # points of the training curve


def draw_curve(metrics: Path, baseline: float, tokens_per_byte: float, path: Path) -> None:
    """Draw the losses of metrics.jsonl, in bits per byte, to a PNG file."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    records = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    scale = tokens_per_byte / math.log(2)
    steps = np.array([r["step"] for r in records])
    losses = np.array([r["loss"] for r in records]) * scale
    size = max(1, len(steps) // SMOOTHED)
    whole = len(steps) // size * size
    valid = [(r["step"], r["valid_loss"] * scale) for r in records if "valid_loss" in r]

    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    axes.plot(steps, losses, color="0.85", linewidth=0.8)
    axes.plot(*(v[:whole].reshape(-1, size).mean(1) for v in (steps, losses)), label="training")
    axes.plot(*zip(*valid, strict=True), "o-", markersize=3, label="held out")
    axes.axhline(baseline, color="0.5", linestyle="--", label="5-gram, held out")
    axes.set(xlabel="step", ylabel="bits per byte", ylim=(0, None))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
