"""Learning rates: rise from 0 while the moments are young, fall while the loss settles.

    step < W              η = η_max step / W
    W ≤ step < T          cosine: η_min + (η_max - η_min) (1 + cos(π (step - W) / (T - W))) / 2
    T ≤ step              η_min                            (Loshchilov and Hutter 2017, eq. 5)

WSD (Hu et al. 2024, §4) stays at η_max from W to S and falls in a straight line from S to T: how
long a run is to be need only be known at S.
"""

import math


def cosine_schedule(step: int, max_lr: float, min_lr: float, warmup: int, total: int) -> float:
    """Half a period of the cosine."""
    check_order(step, warmup, total)
    if step >= total:
        return min_lr
    if step < warmup:
        return max_lr * step / warmup
    progress = (step - warmup) / (total - warmup)
    return min_lr + (max_lr - min_lr) * (1 + math.cos(math.pi * progress)) / 2


def wsd_schedule(
    step: int, max_lr: float, min_lr: float, warmup: int, stable_until: int, total: int
) -> float:
    """Warm-up, stable, decay."""
    check_order(step, warmup, stable_until, total)
    if step >= total:
        return min_lr
    if step < warmup:
        return max_lr * step / warmup
    if step < stable_until:
        return max_lr
    left = (total - step) / (total - stable_until)
    return min_lr + (max_lr - min_lr) * left


def check_order(step: int, *ends: int) -> None:
    """The phases follow each other; each may be empty."""
    if step < 0:
        raise ValueError(f"got {step=}, wanted at least 0")
    if list(ends) != sorted(ends) or ends[0] < 0:
        raise ValueError(f"got phases that end at steps {ends}, wanted 0 <= each <= the next")
