"""Llama: the transformer as it is built today (Touvron et al. 2023).

    x = embedding[ids]
    x = x + attention(rmsnorm(x))      grouped-query, causal, rotary
    x = x + swiglu(rmsnorm(x))         both, num_layers times
    logits = rmsnorm(x) headᵀ

The norms stand before attention and feed-forward layer, beside the stream: from the embedding to
the head, x is only ever added to, so gradients reach the first layer undiminished.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..ch04_attention import adapters as attention
from .checking import check_heads, check_ids, check_names
from .feedforward import swiglu
from .grouped import gqa
from .normalisation import rmsnorm
from .rotary import rope_half

BLOCK = [
    *("input_layernorm.weight", "self_attn.q_proj.weight", "self_attn.k_proj.weight"),
    *("self_attn.v_proj.weight", "self_attn.o_proj.weight", "post_attention_layernorm.weight"),
    *("mlp.gate_proj.weight", "mlp.up_proj.weight", "mlp.down_proj.weight"),
]


def transformer_block(
    x: Float[Tensor, "B T C"],
    weights: dict[str, Tensor],
    config: dict[str, int | float],
    positions: Int[Tensor, " T"],
) -> Float[Tensor, "B T C"]:
    """Look at the others, then think for oneself."""
    check_names(weights, BLOCK)
    eps = config["norm_eps"]
    h = rmsnorm(x, weights["input_layernorm.weight"], eps)
    x = x + _attention(h, weights, config, positions)
    h = rmsnorm(x, weights["post_attention_layernorm.weight"], eps)
    return x + swiglu(h, *(weights[f"mlp.{part}_proj.weight"] for part in ("gate", "up", "down")))


def _attention(h, weights, config, positions):
    H, H_kv, theta = config["num_heads"], config["num_kv_heads"], config["rope_theta"]
    check_heads(h.shape[-1], H)
    T = h.shape[-2]
    q, k, v = (h @ weights[f"self_attn.{part}_proj.weight"].T for part in "qkv")
    q, k, v = (attention.split_heads(t, n) for t, n in ((q, H), (k, H_kv), (v, H_kv)))  # B H T D
    q, k = rope_half(q, positions, theta), rope_half(k, positions, theta)
    out = gqa(q, k, v, attention.causal_mask(T, T).to(h.device))
    return attention.merge_heads(out) @ weights["self_attn.o_proj.weight"].T


def llama_forward(
    state: dict[str, Tensor], config: dict[str, int | float], ids: Int[Tensor, "B T"]
) -> Float[Tensor, "B T V"]:
    """From ids to logits."""
    layers = [f"model.layers.{i}." for i in range(config["num_layers"])]
    names = [layer + name for layer in layers for name in BLOCK]
    check_names(state, ["model.embed_tokens.weight", *names, "model.norm.weight"])
    check_ids(ids, config)
    positions = torch.arange(ids.shape[-1], device=ids.device)
    x = state["model.embed_tokens.weight"][ids]
    for layer in layers:
        weights = {name: state[layer + name] for name in BLOCK}
        x = transformer_block(x, weights, config, positions)
    x = rmsnorm(x, state["model.norm.weight"], config["norm_eps"])
    return x @ state.get("lm_head.weight", state["model.embed_tokens.weight"]).T
