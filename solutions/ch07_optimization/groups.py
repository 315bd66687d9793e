"""What decays: matrices that are multiplied by, and nothing else.

Decay keeps a matrix from growing without limit. A bias or the gain of a norm has no reason to be
near 0, and a row of an embedding gets a gradient only where its token occurs, but would decay at
every step: rare tokens would fade away.
"""

from torch import nn


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """`parameters()` yields what is tied once; an embedding's stays one if a head shares it."""
    if not weight_decay >= 0:
        raise ValueError(f"got {weight_decay=}, wanted at least 0")
    embedded = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    decayed, others = [], []
    for p in model.parameters():
        if p.requires_grad:
            (decayed if p.ndim >= 2 and id(p) not in embedded else others).append(p)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
