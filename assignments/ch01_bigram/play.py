"""See your bigram model at work: python assignments/ch01_bigram/play.py

Counts pairs of characters in invented first names, measures how surprised the model is by names it
has not seen, samples new ones, and trains the same model by gradient descent.
"""

import sys
from pathlib import Path

# the kit in place of this folder, where a file of yours may bear the name of a library
sys.path[0] = str(Path(__file__).resolve().parents[2])

import torch  # noqa: E402

from kit.given.names import names  # noqa: E402
from kit.play import run  # noqa: E402


def play(adapters, curve: Path | None = None) -> None:
    """Print what the model makes of the names; draw the losses of training to `curve`."""
    words = [f".{name}." for name in names(20_000)]
    vocab = adapters.build_vocab("".join(words))
    documents = [adapters.encode(word, vocab) for word in words]
    train, held_out, V = documents[:18_000], documents[18_000:], len(vocab)

    print(f"{len(train):,} names to learn from, {len(held_out):,} held out, V = {V}")
    P = adapters.probabilities(adapters.bigram_counts(train, V), 1.0)
    for title, table in (("uniform", torch.full((V, V), 1 / V)), ("bigram", P)):
        nll = adapters.negative_log_likelihood(table, held_out)
        print(f"{title:8}  NLL {nll:.3f} nats   perplexity {adapters.perplexity(nll):5.2f}")

    samples = [adapters.sample(P, vocab.index("."), 12, seed) for seed in range(8)]
    print("samples: ", " ".join(adapters.decode(ids, vocab) for ids in samples))

    _, losses = adapters.train_bigram(train, V, 200, 40.0)
    floor = adapters.negative_log_likelihood(
        adapters.probabilities(adapters.bigram_counts(train, V), 0.0), train
    )
    print(f"training: loss {losses[0]:.3f} -> {losses[-1]:.3f}; counting reaches {floor:.3f}")
    if curve:
        draw(losses, floor, curve)


def draw(losses: list[float], floor: float, path: Path) -> None:
    """Plot the losses, and the loss that counting reaches."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    axes.plot(losses, label="gradient descent")
    axes.axhline(floor, color="0.5", linestyle="--", label="counting")
    axes.set(xlabel="step", ylabel="mean NLL (nats)", ylim=(floor - 0.05, losses[0] + 0.05))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    print(f"drawn: {path}")


if __name__ == "__main__":
    run("ch01_bigram", __doc__.splitlines()[0], play)
