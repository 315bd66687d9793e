"""Generation: draw a token, append it, and ask again.

    p = softmax(z / temperature), cut to the top k, then to the top p, renormalised

Temperature sharpens or flattens. The long tail of unlikely tokens is wrong more often than its
small share suggests, as one slip leads the model astray; top-k and top-p cut it off, by number or
by weight (Fan et al. 2018; Holtzman et al. 2020).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..ch04_attention import adapters as attention


def _check(temperature: float, top_k: int | None, top_p: float | None) -> None:
    if not temperature >= 0:
        raise ValueError(f"{temperature=}; wanted 0 (the most likely token) or more")
    if top_k is not None and top_k < 1:
        raise ValueError(f"{top_k=}; wanted 1 or more, or None for all tokens")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"{top_p=}; wanted a share above 0 and at most 1, or None for all tokens")


def next_token_probabilities(
    logits: Float[Tensor, "... V"],
    temperature: float,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Float[Tensor, "... V"]:
    """Sort, cut, and put back; a stable sort keeps equal logits in the order of their ids."""
    _check(temperature, top_k, top_p)
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    if temperature == 0:
        temperature, top_k = 1.0, 1
    if top_k is not None:
        ordered = ordered[..., :top_k]
    # the largest becomes 0 first: else a small temperature could make it inf
    p = attention.softmax((ordered - ordered[..., :1]) / temperature, -1)
    if top_p is not None and top_p < 1:
        before = p.cumsum(-1) - p  # a token stays while those before it do not suffice
        p = p.masked_fill(before >= top_p, 0)
        p = p / p.sum(-1, keepdim=True)
    return torch.zeros_like(logits).scatter(-1, order[..., : p.shape[-1]], p)


def generate(
    model: nn.Module,
    prompt: Int[Tensor, "B T"],
    max_new_tokens: int,
    context_length: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int,
) -> Int[Tensor, "B T+max_new_tokens"]:
    """Each token costs a pass over all before it; chapter 12 saves that."""
    rng = torch.Generator(prompt.device).manual_seed(seed)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            for _ in range(max_new_tokens):
                logits = model(prompt[:, -context_length:])[:, -1]
                p = next_token_probabilities(logits, temperature, top_k, top_p)
                prompt = torch.cat([prompt, torch.multinomial(p, 1, generator=rng)], -1)
    finally:
        for module, training in modes:
            module.training = training
    return prompt
