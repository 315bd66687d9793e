"""See your training loop at work: python assignments/ch07_optimization/play.py

Trains a small network on the characters of stories in four ways, by your optimizers and schedules,
then breaks off one of the runs and resumes it. Takes half a minute.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this kit, wherever it is run from

from kit.given.stories import corpus  # noqa: E402
from kit.play import run  # noqa: E402

K, E, H = 10, 32, 256  # characters that the network sees, their width, hidden features
STEPS, BREAK = 400, 250
CONFIG = {"steps": STEPS, "batch_size": 16, "context_length": 64, "microbatches": 1}
CONFIG |= {"clip": 1.0, "seed": 0, "log_every": 1, "eval_every": STEPS, "eval_batches": 20}
CONFIG |= {"checkpoint_every": 100, "warmup": 40, "max_lr": 0.02, "min_lr": 1e-4}
WAYS = {
    "momentum, constant": {"schedule": "constant", "max_lr": 1.0},
    "AdamW, constant": {"schedule": "constant"},
    "AdamW, cosine": {"schedule": "cosine"},
    "AdamW, WSD": {"schedule": "wsd", "stable_until": 300},
}


class Model(nn.Module):
    """The network of chapter 3 at every place of a text: ids B T to logits B T V, with dropout."""

    def __init__(self, adapters, V: int):
        super().__init__()
        self.embedding, self.dropout = nn.Embedding(V, E), nn.Dropout(0.05)
        self.hidden, self.head = nn.Linear(K * E, H), nn.Linear(H, V)
        adapters.gpt2_init(self, 1, 0)
        with torch.no_grad():
            self.hidden.weight.copy_(adapters.kaiming_init((H, K * E), 0))
            self.head.weight.copy_(adapters.xavier_init((V, H), 1))

    def forward(self, ids):
        """Ids B T to logits B T V."""
        windows = F.pad(self.embedding(ids), (0, 0, K - 1, 0)).unfold(1, K, 1)
        return self.head(self.dropout(F.gelu(self.hidden(windows.flatten(2)))))


class Momentum(torch.optim.Optimizer):
    """Your sgd_momentum, on every parameter."""

    def __init__(self, params, adapters):
        super().__init__(params, {"lr": 1.0})
        self.update = adapters.sgd_momentum

    @torch.no_grad()
    def step(self):
        """One step, in place."""
        for group in self.param_groups:
            for w in group["params"]:
                velocity = self.state[w].setdefault("velocity", torch.zeros_like(w))
                weight, velocity[:] = self.update(w.detach(), w.grad, velocity, group["lr"], 0.9)
                w.copy_(weight)


def train(adapters, way: str, ids, held_out, folder: Path, on_step=None) -> dict:
    """One run in `folder`, begun or resumed; its last record."""
    model = Model(adapters, int(ids.max()) + 1)
    if way.startswith("momentum"):
        optimizer = Momentum(model.parameters(), adapters)
    else:
        optimizer = adapters.adamw()(adapters.decay_groups(model, 0.1), betas=(0.9, 0.99))
    config = CONFIG | WAYS[way]
    return adapters.train_loop(
        model, optimizer, ids, config, folder, valid=held_out, on_step=on_step
    )


def losses_in(folder: Path) -> list[float]:
    """The loss of every step."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["loss"] for line in lines]


def play(adapters, curve: Path | None = None) -> None:
    """Four runs, and one of them once more with a break."""
    text = corpus(400_000)
    vocabulary = sorted(set(text))
    number = {c: i for i, c in enumerate(vocabulary)}
    ids = torch.tensor([number[c] for c in text], dtype=torch.uint8)
    held_out, ids = ids[-20_481:], ids[:-20_481]
    print(f"{len(ids):,} characters, V = {len(vocabulary)}, {STEPS} steps")
    with tempfile.TemporaryDirectory() as scratch:
        curves = {}
        for way in WAYS:
            folder = Path(scratch, way)
            record = train(adapters, way, ids, held_out, folder)
            curves[way] = losses_in(folder)
            print(f"{way}: {curves[way][0]:.2f} -> {record['valid_loss']:.3f} nats held out")
        broken = Path(scratch, "broken")
        interrupt(adapters, way, ids, held_out, broken)
        train(adapters, way, ids, held_out, broken)
        same = losses_in(broken) == curves[way]
        print(f"broken off after step {BREAK} and resumed: {'the same' if same else 'ANOTHER'} run")
    if curve:
        draw(curves, curve)


def interrupt(adapters, way: str, ids, held_out, folder: Path) -> None:
    """Begin a run, and leave it in the middle."""

    def stop(record):
        if record["step"] == BREAK:
            raise KeyboardInterrupt

    try:
        train(adapters, way, ids, held_out, folder, stop)
    except KeyboardInterrupt:
        return


def draw(curves: dict[str, list[float]], path: Path) -> None:
    """Plot the losses, each a mean of ten steps."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for title, losses in curves.items():
        means = torch.tensor(losses).view(-1, 10).mean(1)
        axes.plot(range(5, len(losses), 10), means, label=title)
    axes.set(xlabel="step", ylabel="training loss (nats)", ylim=(1.3, 2.6))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    print(f"drawn: {path}")


if __name__ == "__main__":
    run("ch07_optimization", __doc__.splitlines()[0], play)
