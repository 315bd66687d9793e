"""Llama's training loss, faster: the same numbers in fewer passes over memory.

    llama_loss(state, config, ids) = next_token_loss(llama_forward(state, config, ids), ids)

Products of matrices already run at the processor's full speed. All the rest waits for memory, so it
is the rest that shrinks: attention never meets the future (fast_attention.py), logits never exist
all at once (fast_loss.py), the rotation is written once instead of in six parts, and its angles are
computed once instead of twice a layer.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from ..ch04_attention import adapters as attention
from .checking import check_heads, check_ids, check_names
from .fast_attention import causal_gqa
from .fast_loss import linear_cross_entropy
from .llama import BLOCK
from .normalisation import rmsnorm
from .rotary import rope_half

Angles = tuple[Float[Tensor, "T half"], Float[Tensor, "T half"]]


class _Turn(torch.autograd.Function):
    """rope_half; the gradient is turned back by the same angle."""

    @staticmethod
    def forward(ctx, x, cos, sin):
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin)

    @staticmethod
    def backward(ctx, d_out):
        cos, sin = ctx.saved_tensors
        return _turned(d_out, cos, -sin), None, None


def _turned(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([(a * cos).addcmul(b, sin, value=-1), (b * cos).addcmul(a, sin)], -1)


def angles(T: int, D: int, theta: float, like: Tensor) -> Angles:
    """Cosines and sines for the positions 0 ... T-1: what becomes of (1, 0) when it is turned."""
    one = torch.cat([like.new_ones(T, D // 2), like.new_zeros(T, D // 2)], -1)
    return rope_half(one, torch.arange(T, device=like.device), theta).chunk(2, -1)


def fast_block(
    x: Float[Tensor, "B T C"],
    weights: dict[str, Tensor],
    config: dict[str, int | float],
    turn: Angles,
) -> Float[Tensor, "B T C"]:
    """transformer_block at positions 0 ... T-1."""
    H, H_kv, eps = config["num_heads"], config["num_kv_heads"], config["norm_eps"]
    h = rmsnorm(x, weights["input_layernorm.weight"], eps)
    q, k, v = (h @ weights[f"self_attn.{part}_proj.weight"].T for part in "qkv")
    q, k, v = (attention.split_heads(t, n) for t, n in ((q, H), (k, H_kv), (v, H_kv)))  # B H T D
    cos, sin = (part.to(q.dtype) for part in turn)
    out = causal_gqa(_Turn.apply(q, cos, sin), _Turn.apply(k, cos, sin), v)
    x = x + attention.merge_heads(out) @ weights["self_attn.o_proj.weight"].T
    h = rmsnorm(x, weights["post_attention_layernorm.weight"], eps)
    gate, up, down = (weights[f"mlp.{part}_proj.weight"] for part in ("gate", "up", "down"))
    return x + (F.silu(h @ gate.T) * (h @ up.T)) @ down.T


def llama_loss(
    state: dict[str, Tensor],
    config: dict[str, int | float],
    ids: Int[Tensor, "B T"],
    block: Callable = fast_block,
) -> Float[Tensor, ""]:
    """Errors as in `llama_forward` and `next_token_loss`; `block` may be a compiled fast_block."""
    layers = [f"model.layers.{i}." for i in range(config["num_layers"])]
    names = [layer + name for layer in layers for name in BLOCK]
    check_names(state, ["model.embed_tokens.weight", *names, "model.norm.weight"])
    check_ids(ids, config)
    check_heads(config["d_model"], config["num_heads"])
    if ids.shape[-1] < 2:
        raise ValueError(f"got T={ids.shape[-1]} tokens, wanted 2 or more: one to predict from")
    embedding = state["model.embed_tokens.weight"]
    D = config["d_model"] // config["num_heads"]
    turn = angles(ids.shape[-1], D, config["rope_theta"], embedding)
    x = embedding[ids]
    for layer in layers:
        x = block(x, {name: state[layer + name] for name in BLOCK}, config, turn)
    x = rmsnorm(x[:, :-1], state["model.norm.weight"], config["norm_eps"])
    head = state.get("lm_head.weight", embedding)
    return linear_cross_entropy(x.flatten(0, 1), head, ids[:, 1:].flatten())
