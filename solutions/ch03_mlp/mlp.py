"""The n-gram MLP: a window's k embeddings, side by side, through one hidden layer.

    ids x  →  embedding  →  e  →  W1  →  h  →  batchnorm  →  n  →  GELU  →  a  →  W2, b2  →  logits
    N k       V C         N kC    H kC    N H    gain, bias   N H          N H    V H       N V

After Bengio et al. 2003, with batch normalization and GELU. W1 has no bias, since batch normalization
would subtract it again.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .batchnorm import batchnorm_backward, batchnorm_forward
from .cross_entropy import cross_entropy_backward, cross_entropy_forward
from .embedding import embedding_backward, embedding_forward
from .gelu import gelu, gelu_backward
from .initialization import kaiming_init
from .linear import linear_backward, linear_forward

Model = dict[str, Float[Tensor, "..."]]
SMALL = 0.1  # gain of W2: logits near 0, so that the first loss is that of knowing nothing


def init_mlp(V: int, k: int, C: int, H: int, seed: int) -> Model:
    """Every matrix has a seed of its own, or their numbers would be the same."""
    if min(V, k, C, H) < 1:
        raise ValueError(f"{V=}, {k=}, {C=}, {H=}; every size is at least 1")
    rng = torch.Generator().manual_seed(seed)
    seeds = torch.randint(2**32, (2,), generator=rng).tolist()
    return {
        "embedding": torch.randn(V, C, generator=rng),
        "W1": kaiming_init(H, k * C, math.sqrt(2), seeds[0]),
        "gain": torch.ones(H),
        "bias": torch.zeros(H),
        "W2": kaiming_init(V, H, SMALL, seeds[1]),
        "b2": torch.zeros(V),
        "running_mean": torch.zeros(H),
        "running_var": torch.ones(H),
    }


def hidden(model: Model, x: Int[Tensor, "N k"], training: bool) -> dict[str, Float[Tensor, "..."]]:
    """Everything up to the activations `a`: the way back needs it again."""
    e = embedding_forward(model["embedding"], x).flatten(1)  # N kC
    h = linear_forward(e, model["W1"])
    statistics = model["running_mean"], model["running_var"]
    n, mean, var = batchnorm_forward(h, model["gain"], model["bias"], *statistics, training)
    return {"e": e, "h": h, "n": n, "a": gelu(n, "none"), "running_mean": mean, "running_var": var}


def mlp_forward(model: Model, x: Int[Tensor, "N k"]) -> Float[Tensor, "N V"]:
    """The model in use: a window's logits do not depend on what else is in the batch."""
    return linear_forward(hidden(model, x, training=False)["a"], model["W2"], model["b2"])


def mlp_backward(
    model: Model, x: Int[Tensor, "N k"], y: Int[Tensor, " N"]
) -> tuple[float, Model, Model]:
    """The training loss, the gradients of the six parameters, the new running statistics."""
    there = hidden(model, x, training=True)
    logits = linear_forward(there["a"], model["W2"], model["b2"])
    d_a, d_W2, d_b2 = linear_backward(cross_entropy_backward(logits, y), there["a"], model["W2"])
    d_n = gelu_backward(d_a, there["n"], "none")
    d_h, d_gain, d_bias = batchnorm_backward(d_n, there["h"], model["gain"])
    d_e, d_W1, _ = linear_backward(d_h, there["e"], model["W1"])
    V, C = model["embedding"].shape
    d_embedding = embedding_backward(d_e.unflatten(-1, (-1, C)), x, V)
    gradients = {"embedding": d_embedding, "W1": d_W1, "gain": d_gain, "bias": d_bias}
    gradients |= {"W2": d_W2, "b2": d_b2}
    statistics = {name: there[name] for name in ("running_mean", "running_var")}
    return cross_entropy_forward(logits, y), gradients, statistics
