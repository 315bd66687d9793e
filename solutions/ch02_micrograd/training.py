"""Train a classifier by gradient descent on the hinge loss.

    loss = 1/N Σ max(0, 1 - y s)         y = ±1 the label, s the model's score
    p ← p - learning_rate · ∂loss/∂p

A point on the right side with a margin of 1 costs nothing and moves nothing (Cortes & Vapnik 1995).
"""

from collections.abc import Callable


def train_moons(
    model: Callable,
    points: list[list[float]],
    labels: list[int],
    steps: int,
    learning_rate: float,
) -> list[float]:
    """Full-batch gradient descent; each step starts from gradients of zero."""
    if not points or len(points) != len(labels):
        raise ValueError(f"{len(points)} points and {len(labels)} labels; wanted one label each")
    if wrong := set(labels) - {-1, 1}:
        raise ValueError(f"labels {sorted(wrong)}; the hinge loss knows only -1 and 1")
    losses = []
    for _ in range(steps):
        margins = [y * model(x)[0] for x, y in zip(points, labels, strict=True)]
        loss = sum((1 - margin).relu() for margin in margins) / len(points)
        for p in model.parameters():
            p.grad = 0.0  # backward() adds
        loss.backward()
        for p in model.parameters():
            p.data -= learning_rate * p.grad
        losses.append(loss.data)
    return losses
