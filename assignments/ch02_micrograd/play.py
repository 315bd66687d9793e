"""See your autodiff at work: python assignments/ch02_micrograd/play.py

Differentiates the handout's example, trains one small network with both of your engines, and then
a larger one, on tensors, to tell two moons apart.
"""

import sys
from pathlib import Path

# the kit in place of this folder, where a file of yours may bear the name of a library
sys.path[0] = str(Path(__file__).resolve().parents[2])

import torch  # noqa: E402

from kit.given.moons import moons  # noqa: E402
from kit.play import run  # noqa: E402


def random_rows(sizes: list[int], seed: int) -> list[torch.Tensor]:
    """A matrix per layer: a row per neuron, its weights and then its bias, which is 0."""
    rng = torch.Generator().manual_seed(seed)
    layers = []
    for n, m in zip(sizes, sizes[1:], strict=False):
        weights = (2 * torch.rand(m, n, generator=rng, dtype=torch.float64) - 1) / n**0.5
        layers.append(torch.cat([weights, torch.zeros(m, 1)], dim=1))
    return layers


class TensorMLP:
    """The network of `mlp` once more, a layer at a time: tanh(x @ W + b)."""

    def __init__(self, adapters, rows: list[torch.Tensor]):
        self.Tensor = adapters.tensor()
        self.layers = [(self.Tensor(r[:, :-1].T.clone()), self.Tensor(r[:, -1])) for r in rows]

    def scores(self, points):
        """One score per point, as a column."""
        x = self.Tensor(points)
        for i, (W, b) in enumerate(self.layers):
            x = x @ W + b
            x = x if i == len(self.layers) - 1 else x.tanh()
        return x

    def train(self, points, labels, steps: int, rate: float) -> list[float]:
        """What `train_moons` does, for all points at once."""
        y, losses = self.Tensor([[float(label)] for label in labels]), []
        for _ in range(steps):
            loss = (1 - y * self.scores(points)).relu().sum() / len(points)
            for p in (p for layer in self.layers for p in layer):
                p.grad = torch.zeros_like(p.data)
            loss.backward()
            for p in (p for layer in self.layers for p in layer):
                p.data = p.data - rate * p.grad
            losses.append(loss.data.item())
        return losses


def play(adapters, curve: Path | None = None) -> None:
    """Print what the engines make of numbers and moons; draw the borders they find to `curve`."""
    Value = adapters.value()
    a, b = Value(2.0), Value(-3.0)
    out = (a * b + a) ** 2
    out.backward()
    print(f"by hand   out {out.data:g}   da {a.grad:g}   db {b.grad:g}")

    points, labels = moons(40)
    rows = random_rows([2, 8, 1], seed=0)
    model = adapters.mlp([2, 8, 1], seed=0)
    flat = torch.cat([r.flatten() for r in rows]).tolist()
    for p, number in zip(model.parameters(), flat, strict=True):
        p.data = number
    losses = adapters.train_moons(model, points, labels, 20, 0.5)
    print(f"numbers   loss {losses[0]:.3f} -> {losses[-1]:.3f}   20 steps, 40 moons, 33 parameters")
    losses = TensorMLP(adapters, rows).train(points, labels, 20, 0.5)
    print(f"tensors   loss {losses[0]:.3f} -> {losses[-1]:.3f}   the same again")

    points, labels = moons(400)
    model = TensorMLP(adapters, random_rows([2, 16, 16, 1], seed=0))
    losses = model.train(points, labels, 400, 0.5)
    margins = model.scores(points).data[:, 0] * torch.tensor(labels)
    right = (margins > 0).double().mean().item()
    print(f"larger    loss {losses[0]:.3f} -> {losses[-1]:.3f}   {right:.1%} of 400 are right")
    if curve:
        draw(model, points, labels, losses, curve)


def draw(model, points, labels, losses: list[float], path: Path) -> None:
    """Plot the scores over the plane with the points, and the losses beside them."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (plane, axes) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    x, y = torch.linspace(-1.6, 2.6, 160), torch.linspace(-1.1, 1.6, 100)
    grid = torch.cartesian_prod(x, y)
    scores = model.scores(grid).data.reshape(len(x), len(y)).T
    plane.contourf(x, y, scores.clamp(-2, 2), levels=16, cmap="RdBu_r", alpha=0.5)
    plane.contour(x, y, scores, levels=[-1, 0, 1], colors="0.3", linestyles=["--", "-", "--"])
    colors = ["tab:red" if label == 1 else "tab:blue" for label in labels]
    plane.scatter(*zip(*points, strict=True), c=colors, s=4)
    plane.set(xticks=[], yticks=[])
    axes.plot(losses)
    axes.set(xlabel="step", ylabel="hinge loss", ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    print(f"drawn: {path}")


if __name__ == "__main__":
    run("ch02_micrograd", __doc__.splitlines()[0], play)
