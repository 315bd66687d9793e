"""See your attention at work: python assignments/ch04_attention/play.py

A made-up dictionary pairs letters with digits, anew in every example: k7 b2 x0 ... The question is
a letter, the answer its digit. No table of counts can know it: it must be looked up. Two models
train on such questions, yours and one that always averages over the whole dictionary.
"""

import sys
from pathlib import Path

# the kit in place of this folder, where a file of yours may bear the name of a library
sys.path[0] = str(Path(__file__).resolve().parents[2])

import torch  # noqa: E402

from kit.play import run  # noqa: E402

LETTERS, DIGITS, ENTRIES = 26, 10, 8
C, H = 32, 2


def dictionaries(n: int, rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """n examples: ENTRIES different letters, a digit for each, and the entry that is asked for."""
    letters = torch.rand(n, LETTERS, generator=rng).argsort(-1)[:, :ENTRIES]
    digits = torch.randint(DIGITS, (n, ENTRIES), generator=rng)
    return letters, digits, torch.randint(ENTRIES, (n,), generator=rng)


class Lookup:
    """One layer of cross-attention: the question asks, the entries of the dictionary answer."""

    def __init__(self, adapters, rng: torch.Generator, averages: bool):
        shapes = [(LETTERS, C), (DIGITS, C), (C, C), (C, C), (C, C), (DIGITS, C)]
        self.weights = [torch.randn(s, generator=rng) / s[1] ** 0.5 for s in shapes]
        for weight in self.weights:
            weight.requires_grad_()
        self.adapters, self.averages = adapters, averages

    def logits(self, letters, digits, asked):
        """Scores of the ten digits."""
        letter, digit, Wq, Wk, Wv, Wo = self.weights
        question = letter[letters.gather(1, asked[:, None])]  # B 1 C
        entries = letter[letters] + digit[digits]  # B ENTRIES C
        Wq = 0 * Wq if self.averages else Wq
        return self.adapters.cross_attention(question, entries, Wq, Wk, Wv, Wo, H)[:, 0]

    def loss(self, letters, digits, asked):
        """The mean NLL of the right digits, and how often they are the likeliest."""
        logits = self.logits(letters, digits, asked)
        target = digits.gather(1, asked[:, None])[:, 0]
        accuracy = (logits.argmax(-1) == target).float().mean().item()
        return torch.nn.functional.cross_entropy(logits, target), accuracy

    def train(self, steps: int, rng: torch.Generator) -> list[float]:
        """Adam on fresh examples; the loss of every step."""
        optimizer, losses = torch.optim.Adam(self.weights, lr=0.01), []
        for _ in range(steps):
            loss, _ = self.loss(*dictionaries(128, rng))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    def attention(self, letters, digits, asked):
        """Each head's weights on the entries, seen by sending their one-hot places as values."""
        letter, digit, Wq, Wk, _, _ = (w.detach() for w in self.weights)
        entries = letter[letters] + digit[digits]
        q = self.adapters.split_heads(letter[letters.gather(1, asked[:, None])] @ Wq.T, H)
        k = self.adapters.split_heads(entries @ Wk.T, H)
        places = torch.eye(ENTRIES).expand(len(letters), H, -1, -1)
        return self.adapters.scaled_dot_product_attention(q, k, places)[:, :, 0]


def play(adapters, curve: Path | None = None) -> None:
    """Train both models, and show where yours looks."""
    held_out, losses = dictionaries(2000, torch.Generator().manual_seed(1)), {}
    for title in ("average", "attention"):
        rng = torch.Generator().manual_seed(2)
        model = Lookup(adapters, rng, averages=title == "average")
        losses[title] = model.train(200, rng)
        with torch.no_grad():
            loss, accuracy = model.loss(*held_out)
        print(f"{title:9}  NLL {loss:.3f} nats   right {accuracy:6.1%}")

    letters, digits, asked = (part[:1] for part in held_out)
    names = [
        chr(97 + a) + str(d) for a, d in zip(letters[0].tolist(), digits[0].tolist(), strict=True)
    ]
    print(f"\nasked for {names[asked][0]}:     " + "     ".join(names))
    for h, weights in enumerate(model.attention(letters, digits, asked)[0].tolist()):
        print(f"head {h}     " + "  ".join(f"{weight:5.2f}" for weight in weights))
    if curve:
        draw(losses, curve)


def draw(losses: dict[str, list[float]], path: Path) -> None:
    """Plot the losses of both models."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    for (title, values), style in zip(losses.items(), ("--", "-"), strict=True):
        axes.plot(values, style, color="0.5" if style == "--" else None, label=title)
    axes.set(xlabel="step", ylabel="mean NLL (nats)", ylim=(0, None))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    print(f"drawn: {path}")


if __name__ == "__main__":
    run("ch04_attention", __doc__.splitlines()[0], play)
