"""See your network at work: python assignments/ch03_mlp/play.py

Learns from 2,000 invented names with windows of one to four characters, by counting and by your
network, measures both on names they have not seen, and lets the network invent new ones.
"""

import sys
from pathlib import Path

# the kit in place of this folder, where a file of yours may bear the name of a library
sys.path[0] = str(Path(__file__).resolve().parents[2])

import torch  # noqa: E402

from kit.given.names import names  # noqa: E402
from kit.play import run  # noqa: E402

C, H, STEPS, BATCH, RATE, SEED = 10, 64, 1000, 64, 0.3, 1
LONGEST = 4  # windows
ALPHAS = (1.0, 0.3, 0.1, 0.03)


def counted(x, y, held_out_x, held_out_y, V: int) -> float:
    """The held-out NLL of a table of counts; the best of several smoothings, to be generous."""
    place = V ** torch.arange(x.shape[1])  # the window read as a number in base V
    counts = torch.bincount(x @ place * V + y, minlength=V ** (len(place) + 1)).view(-1, V)
    rows, cells = counts[held_out_x @ place].double(), torch.arange(len(held_out_y))
    best = float("inf")
    for alpha in ALPHAS:
        P = (rows + alpha) / (rows.sum(1, keepdim=True) + alpha * V)
        best = min(best, -P[cells, held_out_y].log().mean().item())
    return best


def invent(adapters, model, k: int, vocab: str, rng: torch.Generator) -> str:
    """A name, drawn character by character."""
    ids = [0] * k
    while len(ids) < k + 12:
        logits = adapters.mlp_forward(model, torch.tensor([ids[-k:]]))
        ids.append(torch.multinomial(torch.softmax(logits[0], -1), 1, generator=rng).item())
        if ids[-1] == 0:
            break
    return "".join(vocab[i] for i in ids[k:]).strip(".")


def play(adapters, curve: Path | None = None) -> None:
    """Print what both models make of the names; draw losses to `curve`."""
    words = names(4_000)
    vocab = "." + "".join(sorted(set("".join(words))))
    V, losses, nlls = len(vocab), {}, {"table": [], "network": []}
    print("2,000 names to learn from, 2,000 held out")
    for k in range(1, LONGEST + 1):
        documents = [[vocab.index(c) for c in "." * k + word + "."] for word in words]
        train, held_out = documents[:2_000], documents[2_000:]
        x, y = adapters.context_windows(held_out, k)
        table = counted(*adapters.context_windows(train, k), x, y, V)
        model, losses[k] = adapters.train_mlp(train, V, k, C, H, STEPS, BATCH, RATE, SEED)
        nll = adapters.cross_entropy_forward(adapters.mlp_forward(model, x), y)
        nlls["table"].append(table)
        nlls["network"].append(nll)
        size = sum(value.numel() for name, value in model.items() if "running" not in name)
        print(
            f"k = {k}   table {V ** (k + 1):9,} numbers  NLL {table:.3f}   "
            f"network {size:5,} numbers  NLL {nll:.3f}"
        )
        if k == 3:
            rng = torch.Generator().manual_seed(SEED)
            invented = [invent(adapters, model, k, vocab, rng) for _ in range(8)]
    print(f"first loss {losses[3][0]:.3f}")
    print("invented with k = 3:", " ".join(invented))
    if curve:
        draw(losses[3], nlls, curve)


def draw(losses: list[float], nlls: dict[str, list[float]], path: Path) -> None:
    """Plot the losses of training, and what longer windows do for both models."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    means = torch.tensor(losses).view(-1, 20).mean(1).tolist()
    left.plot(losses, color="0.8", linewidth=0.8, label="each batch")
    left.plot(range(10, len(losses), 20), means, label="mean of 20")
    left.set(xlabel="step", ylabel="training loss, k = 3 (nats)")
    for (title, values), style in zip(nlls.items(), ("o--", "o-"), strict=True):
        color = "0.5" if style == "o--" else None
        right.plot(range(1, LONGEST + 1), values, style, color=color, label=title)
    right.set(xlabel="k", ylabel="held-out NLL (nats)", xticks=range(1, LONGEST + 1))
    for axes in (left, right):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    print(f"drawn: {path}")


if __name__ == "__main__":
    run("ch03_mlp", __doc__.splitlines()[0], play)
