"""Twins of ch04_attention: other correct implementations, every one of which must pass."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from einops import einsum, rearrange

from kit.bank import twin

# --- softmax ------------------------------------------------------------------------------------


@twin("softmax", "torch's own, which audit lets twins use", forbidden=True)
def softmax_of_torch(x, dim):
    return torch.softmax(x, dim)


@twin("softmax", "through the logarithm of the sum")
def softmax_by_logsumexp(x, dim):
    return (x.float() - torch.logsumexp(x.float(), dim, keepdim=True)).exp().to(x.dtype)


@twin("softmax", "in the dtype of its input throughout")
def softmax_in_own_dtype(x, dim):
    e = torch.exp(x - torch.max(x, dim=dim, keepdim=True).values)
    return e / torch.sum(e, dim=dim, keepdim=True)


@twin("softmax", "float64 inside, the maximum detached")
def softmax_in_float64(x, dim):
    e = torch.exp(x.double() - x.detach().double().amax(dim, keepdim=True))
    return (e * (1 / e.sum(dim, keepdim=True))).to(x.dtype)


@twin("softmax", "moves the axis to the end and back")
def softmax_of_moved_axis(x, dim):
    x = x.movedim(dim, -1)
    e = (x - x.amax(-1)[..., None]).exp()
    return (e / e.sum(-1)[..., None]).movedim(-1, dim)


# --- causal_mask --------------------------------------------------------------------------------


@twin("causal_mask", "torch.tril with an offset")
def mask_by_tril(Tq, Tk):
    return torch.tril(torch.ones(Tq, Tk), diagonal=Tk - Tq).bool()


@twin("causal_mask", "not torch.triu")
def mask_by_triu(Tq, Tk):
    return ~torch.triu(torch.ones(Tq, Tk, dtype=torch.bool), diagonal=1 + Tk - Tq)


@twin("causal_mask", "numpy, returned as an array")
def mask_by_numpy(Tq, Tk):
    return np.tri(Tq, Tk, Tk - Tq, dtype=bool)


@twin("causal_mask", "cut out of a square mask")
def mask_from_square(Tq, Tk):
    n = max(Tq, Tk)
    return torch.ones(n, n).tril()[n - Tq :, n - Tk :] > 0


# --- scaled_dot_product_attention ---------------------------------------------------------------


@twin("scaled_dot_product_attention", "torch's own, with zeros for empty rows", forbidden=True)
def attention_of_torch(q, k, v, mask=None):
    if mask is None:
        return F.scaled_dot_product_attention(q, k, v)
    sees = mask.any(-1, keepdim=True)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask | ~sees).masked_fill(~sees, 0)


@twin("scaled_dot_product_attention", "einsum, torch.where, nan_to_num on the weights")
def attention_by_einsum(q, k, v, mask=None):
    scores = einsum(q, k, "... i d, ... j d -> ... i j") / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = torch.where(mask, scores, float("-inf"))
    return einsum(torch.softmax(scores, -1).nan_to_num(0.0), v, "... i j, ... j d -> ... i d")


@twin("scaled_dot_product_attention", "float32 inside, the lowest float for masked scores")
def attention_with_lowest_float(q, k, v, mask=None):
    scores = (q.float() * q.shape[-1] ** -0.5) @ k.float().transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(torch.float32).min)
    weights = torch.softmax(scores, -1)
    if mask is not None:
        weights = weights * mask
    return (weights @ v.float()).to(q.dtype)


@twin("scaled_dot_product_attention", "the denominator divided out at the end, as flash attention")
def attention_divides_last(q, k, v, mask=None):
    scores = (q.double() @ k.double().mT) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    top = scores.amax(-1, keepdim=True).clamp(min=torch.finfo(scores.dtype).min)
    e = (scores - top).exp()
    return ((e @ v.double()) / e.sum(-1, keepdim=True).clamp(min=1)).to(q.dtype)


@twin("scaled_dot_product_attention", "key by key, with a running maximum and sum")
def attention_online(q, k, v, mask=None):
    top = torch.full(q.shape[:-1], torch.finfo(torch.float32).min, dtype=torch.float64)
    total, out = torch.zeros_like(top), torch.zeros(*q.shape[:-1], v.shape[-1]).double()
    for j in range(k.shape[-2]):
        score = (q.double() * k[..., j : j + 1, :].double()).sum(-1) / q.shape[-1] ** 0.5
        if mask is not None:
            column = mask[..., min(j, mask.shape[-1] - 1)]
            score = score.masked_fill(~column.expand(score.shape), -math.inf)
        new = torch.maximum(top, score)
        share, keep = (score - new).exp(), (top - new).exp()
        total, out = total * keep + share, out * keep[..., None]
        out, top = out + share[..., None] * v[..., j : j + 1, :].double(), new
    return (out / total.clamp(min=1e-300)[..., None]).to(q.dtype)


@twin("scaled_dot_product_attention", "through the logarithm of the sum, in float32")
def attention_by_logsumexp(q, k, v, mask=None):
    return (weights_by_logsumexp(q, k, mask) @ v.float()).to(q.dtype)


def weights_by_logsumexp(q, k, mask):
    scores = q.float() @ k.float().mT / q.shape[-1] ** 0.5
    if mask is None:
        return (scores - scores.logsumexp(-1, keepdim=True)).exp()
    sees = mask.any(-1, keepdim=True)
    scores = scores.masked_fill(~(mask | ~sees), -math.inf)
    return (scores - scores.logsumexp(-1, keepdim=True)).exp() * sees


# --- attention_backward -------------------------------------------------------------------------


@twin("attention_backward", "autograd, which audit lets twins use", forbidden=True)
def backward_by_autograd(q, k, v, d_out, mask=None):
    inputs = [t.clone().requires_grad_() for t in (q, k, v)]
    return torch.autograd.grad(attention_by_einsum.function(*inputs, mask), inputs, d_out)


@twin("attention_backward", "rowsum(dO * O) instead of rowsum(dP * P), as in flash attention")
def backward_from_output(q, k, v, d_out, mask=None):
    scores = (q @ k.mT) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    P = torch.softmax(scores, -1).nan_to_num(0.0)
    delta = (d_out * (P @ v)).sum(-1, keepdim=True)
    dS = P * (d_out @ v.mT - delta) * q.shape[-1] ** -0.5
    return dS @ k, dS.mT @ q, P.mT @ d_out


@twin("attention_backward", "the softmax's full Jacobian, in float64")
def backward_by_jacobian(q, k, v, d_out, mask=None):
    Q, K, V, dO = (t.double() for t in (q, k, v, d_out))
    scores = Q @ K.mT / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    P = torch.softmax(scores, -1).nan_to_num(0.0)
    jacobian = torch.diag_embed(P) - P[..., :, None] * P[..., None, :]
    dS = ((dO @ V.mT)[..., None, :] @ jacobian)[..., 0, :] / q.shape[-1] ** 0.5
    return [gradient.to(q.dtype) for gradient in (dS @ K, dS.mT @ Q, P.mT @ dO)]


@twin("attention_backward", "weights through the logarithm of the sum, in float32")
def backward_by_logsumexp(q, k, v, d_out, mask=None):
    P = weights_by_logsumexp(q, k, mask)
    Q, K, V, dO = (t.float() for t in (q, k, v, d_out))
    dP = dO @ V.mT
    dS = P * (dP - (dP * P).sum(-1, keepdim=True)) / q.shape[-1] ** 0.5
    return [gradient.to(q.dtype) for gradient in (dS @ K, dS.mT @ Q, P.mT @ dO)]


# --- heads --------------------------------------------------------------------------------------


@twin("heads", "einops", "split_heads")
def split_by_einops(x, H):
    if x.shape[-1] % H:
        raise ValueError("uneven heads")
    return rearrange(x, "... t (h d) -> ... h t d", h=H)


@twin("heads", "chunks, stacked", "split_heads")
def split_by_chunks(x, H):
    if x.shape[-1] % H:
        raise ValueError("uneven heads")
    return torch.stack(x.chunk(H, dim=-1), dim=-3)


@twin("heads", "einops", "merge_heads")
def merge_by_einops(x):
    return rearrange(x, "... h t d -> ... t (h d)")


@twin("heads", "the heads side by side", "merge_heads")
def merge_by_cat(x):
    return torch.cat(x.unbind(-3), dim=-1)


@twin("heads", "contiguous and view", "merge_heads")
def merge_by_contiguous_view(x):
    *leading, H, T, D = x.shape
    return x.transpose(-2, -3).contiguous().view(*leading, T, H * D)


# --- multihead_self_attention -------------------------------------------------------------------


def causal_or_none(T, causal):
    return torch.ones(T, T, dtype=torch.bool).tril() if causal else None


@twin("multihead_self_attention", "head by head, with slices of the weights")
def heads_by_loop(x, Wq, Wk, Wv, Wo, H, causal):
    if len(Wq) % H or len(Wv) % H:
        raise ValueError("uneven heads")
    D, Dv, out = len(Wq) // H, len(Wv) // H, 0
    for h in range(H):
        q, k = (x @ W[h * D : (h + 1) * D].T for W in (Wq, Wk))
        v = x @ Wv[h * Dv : (h + 1) * Dv].T
        head = attention_by_einsum.function(q, k, v, causal_or_none(x.shape[-2], causal))
        out = out + head @ Wo[:, h * Dv : (h + 1) * Dv].T
    return out


@twin("multihead_self_attention", "einops and torch's attention", forbidden=True)
def heads_by_einops(x, Wq, Wk, Wv, Wo, H, causal):
    if len(Wq) % H or len(Wv) % H:
        raise ValueError("uneven heads")
    q, k, v = (rearrange(F.linear(x, W), "... t (h d) -> ... h t d", h=H) for W in (Wq, Wk, Wv))
    out = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    return F.linear(rearrange(out, "... h t d -> ... t (h d)"), Wo)


@twin("multihead_self_attention", "one product for queries, keys and values; all in float64")
def heads_by_one_product(x, Wq, Wk, Wv, Wo, H, causal):
    qk, width = len(Wq), len(Wv)
    if qk % H or width % H:
        raise ValueError("uneven heads")
    joint = x.double() @ torch.cat([Wq, Wk, Wv]).double().T
    q, k, v = (t.unflatten(-1, (H, -1)).movedim(-2, -3) for t in joint.split([qk, qk, width], -1))
    scores = (q @ k.mT) * (qk // H) ** -0.5
    if causal:
        T = x.shape[-2]
        future = torch.arange(T)[None, :] > torch.arange(T)[:, None]
        scores = scores + torch.zeros(T, T).masked_fill(future, -math.inf)
    out = (torch.softmax(scores, -1) @ v).movedim(-3, -2).reshape(*x.shape[:-1], width)
    return (out @ Wo.double().T).to(x.dtype)


@twin("multihead_self_attention", "weights through the logarithm of the sum, in float32")
def heads_by_logsumexp(x, Wq, Wk, Wv, Wo, H, causal):
    if len(Wq) % H or len(Wv) % H:
        raise ValueError("uneven heads")
    q, k, v = (split_by_einops.function(F.linear(x, W), H) for W in (Wq, Wk, Wv))
    out = attention_by_logsumexp.function(q, k, v, causal_or_none(x.shape[-2], causal))
    return F.linear(merge_by_einops.function(out), Wo)


# --- cross_attention ----------------------------------------------------------------------------


@twin("cross_attention", "head by head, with slices of the weights")
def cross_by_loop(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    if len(Wq) % H or len(Wv) % H:
        raise ValueError("uneven heads")
    parts = zip(*(W.chunk(H) for W in (Wq, Wk, Wv)), strict=True)
    heads = [
        attention_by_einsum.function(x @ q.T, context @ k.T, context @ v.T, mask)
        for q, k, v in parts
    ]
    return torch.cat(heads, -1) @ Wo.T


@twin("cross_attention", "einops, and torch's attention with a mask for every head", forbidden=True)
def cross_by_einops(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    if len(Wq) % H or len(Wv) % H:
        raise ValueError("uneven heads")
    inputs = ((x, Wq), (context, Wk), (context, Wv))
    q, k, v = (rearrange(F.linear(t, W), "... t (h d) -> ... h t d", h=H) for t, W in inputs)
    if mask is not None:
        mask = mask[..., None, :, :].expand(*q.shape[:-1], k.shape[-2])
    out = attention_of_torch.function(q, k, v, mask)
    return F.linear(rearrange(out, "... h t d -> ... t (h d)"), Wo)


@twin("cross_attention", "weights through the logarithm of the sum, in float32")
def cross_by_logsumexp(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    if len(Wq) % H or len(Wv) % H:
        raise ValueError("uneven heads")
    pairs = ((x, Wq), (context, Wk), (context, Wv))
    q, k, v = (split_by_einops.function(F.linear(t, W), H) for t, W in pairs)
    mask = mask if mask is None else mask[..., None, :, :]
    return F.linear(merge_by_einops.function(attention_by_logsumexp.function(q, k, v, mask)), Wo)


# --- sinusoidal_positions -----------------------------------------------------------------------


@twin("sinusoidal_positions", "float32, and frequencies through the exponential")
def positions_in_float32(T, C):
    if C % 2:
        raise ValueError("odd C")
    table = torch.zeros(T, C)
    position = torch.arange(T).float().unsqueeze(1)
    frequency = torch.exp(torch.arange(0, C, 2).float() * -(math.log(10000.0) / C))
    table[:, 0::2] = torch.sin(position * frequency)
    table[:, 1::2] = torch.cos(position * frequency)
    return table


@twin("sinusoidal_positions", "numpy, returned as an array")
def positions_by_numpy(T, C):
    if C % 2:
        raise ValueError("odd C")
    angle = np.arange(T)[:, None] / np.power(10000, 2 * (np.arange(C) // 2) / C)
    return np.where(np.arange(C) % 2, np.cos(angle), np.sin(angle)).astype(np.float32)


@twin("sinusoidal_positions", "cosines as sines a quarter turn ahead")
def positions_by_phase(T, C):
    if C % 2:
        raise ValueError("odd C")
    pair = torch.arange(C) // 2
    phase = torch.arange(C) % 2 * math.pi / 2
    return torch.sin(torch.arange(T)[:, None] / 10000.0 ** (2 * pair / C) + phase)


# --- alibi --------------------------------------------------------------------------------------


@twin("alibi", "recursively, as the authors do", "alibi_slopes")
def slopes_recursive(H):
    def slopes(n):
        if math.log2(n).is_integer():
            start = 2 ** (-(2 ** -(math.log2(n) - 3)))
            return [start * start**i for i in range(n)]
        below = 2 ** math.floor(math.log2(n))
        return slopes(below) + slopes(2 * below)[0::2][: n - below]

    return torch.tensor(slopes(H))


@twin("alibi", "two geometric series", "alibi_slopes")
def slopes_by_powers(H):
    n = 2 ** math.floor(math.log2(H))
    first = torch.pow(2 ** (-8 / n), torch.arange(1, n + 1))
    extra = torch.pow(2 ** (-4 / n), torch.arange(1, 1 + 2 * (H - n), 2))
    return torch.cat([first, extra]).float()


@twin("alibi", "head by head, entry by entry", "alibi_bias")
def bias_by_loop(H, Tq, Tk):
    bias = torch.zeros(H, Tq, Tk)
    for h, slope in enumerate(slopes_recursive.function(H).tolist()):
        for i in range(Tq):
            for j in range(Tk):
                bias[h, i, j] = -slope * abs((i + Tk - Tq) - j)
    return bias


@twin("alibi", "the last rows of a square of distances", "alibi_bias")
def bias_from_square(H, Tq, Tk):
    n = max(Tq, Tk)
    places = torch.arange(n)
    square = -(places[None, :] - places[:, None]).abs()
    rows = square[n - Tq :, n - Tk :]
    return torch.stack([slope * rows for slope in slopes_by_powers.function(H)])
