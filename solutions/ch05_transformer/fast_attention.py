"""Causal grouped-query attention for training, faster: half of the T x T numbers are zero.

    out_i = softmax(q_i k_jᵀ / sqrt(D) for j <= i) v

`gqa` computes all scores and masks what lies in the future. Here a block of queries at a time meets
the keys up to the last of them: a block small enough for the cache never meets the others. Heads
that share keys are stacked on top of each other, as more queries, so that nothing is copied for each.
The way back is chapter 4's `attention_backward`, block by block.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..ch04_attention import adapters as attention

BLOCK_BYTES = 128  # of each feature of a block's queries: 32 in float32, 64 in bfloat16


def causal_gqa(
    q: Float[Tensor, "B H T D"], k: Float[Tensor, "B H_kv T D"], v: Float[Tensor, "B H_kv T D"]
) -> Float[Tensor, "B H T D"]:
    """gqa(q, k, v, causal_mask(T, T)), all three of one dtype."""
    H, H_kv = q.shape[1], k.shape[1]
    if H % H_kv:
        raise ValueError(f"{H=} is not divisible by {H_kv=}; choose H_kv from the divisors of H")
    # autocast would take each product for itself, and cast back and forth
    with torch.autocast(q.device.type, enabled=False):
        return _CausalGQA.apply(q.unflatten(1, (H_kv, -1)), k, v).flatten(1, 2)


def _blocks(q: Tensor) -> list[slice]:
    T, size = q.shape[-2], BLOCK_BYTES // q.element_size()
    return [slice(start, min(start + size, T)) for start in range(0, T, size)]


def _stacked(x: Float[Tensor, "B H_kv G T D"], block: slice) -> Float[Tensor, "groups rows D"]:
    """A block's queries of all heads of a group, one head under the other."""
    return x[:, :, :, block].flatten(2, 3).flatten(0, 1)


class _CausalGQA(torch.autograd.Function):
    """G = H / H_kv heads to a group, and rows = G heads times a block of queries."""

    @staticmethod
    def forward(ctx, q, k, v):
        B, H_kv, G, T, D = q.shape
        keys, values = k.flatten(0, 1), v.flatten(0, 1)
        out = q.new_empty(q.shape)
        weights = []
        for block in _blocks(q):
            n, end = block.stop - block.start, block.stop
            hidden = ~attention.causal_mask(n, end).to(q.device)
            mask = q.new_zeros(n, end).masked_fill_(hidden, -math.inf).repeat(G, 1)
            scores = torch.baddbmm(
                mask, _stacked(q, block), keys[:, :end].mT, alpha=1 / math.sqrt(D)
            )
            weights.append(scores.softmax(-1))
            out[:, :, :, block] = (weights[-1] @ values[:, :end]).view(B, H_kv, G, n, D)
        ctx.save_for_backward(q, keys, values, out, *weights)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, d_out):
        q, keys, values, out, *weights = ctx.saved_tensors
        B, H_kv, G, T, D = q.shape
        dq, dk, dv = q.new_empty(q.shape), torch.zeros_like(keys), torch.zeros_like(values)
        # rowsum(dP ∘ P) = rowsum(dO ∘ O), since O = P V: over D numbers a row instead of T
        rowsum = (d_out * out).sum(-1, keepdim=True)
        for block, P in zip(_blocks(q), weights, strict=True):
            end = block.stop
            d = _stacked(d_out, block)
            dS = (d @ values[:, :end].mT).sub_(_stacked(rowsum, block)).mul_(P)
            dq[:, :, :, block] = (dS @ keys[:, :end]).view(B, H_kv, G, -1, D)
            dk[:, :end] += dS.mT @ _stacked(q, block)
            dv[:, :end] += P.mT @ d
        scale = 1 / math.sqrt(D)
        return dq.mul_(scale), dk.mul_(scale).view(B, H_kv, T, D), dv.view(B, H_kv, T, D)
