"""Two moons: points in the plane that no straight line can divide."""

import math
from random import Random


def moons(n: int, noise: float = 0.1, seed: int = 0) -> tuple[list[list[float]], list[int]]:
    """`n` points, by turns on two half circles that reach into each other, and labels -1 and 1.

    `noise` is the standard deviation of what is added to both coordinates.
    """
    rng = Random(seed)
    points, labels = [], []
    for i in range(n):
        angle, label = math.pi * rng.random(), 1 if i % 2 else -1
        x, y = label * math.cos(angle) + (label + 1) / 2, -label * math.sin(angle)
        shift = 0.5 if label == 1 else 0.0
        points.append([x + rng.gauss(0, noise), y + shift + rng.gauss(0, noise)])
        labels.append(label)
    return points, labels
