"""The bug bank of ch04_attention: what students write when they misunderstand."""

import math

import torch
import torch.nn.functional as F

from kit.bank import bug
from solutions.ch04_attention.adapters import (
    alibi_bias,
    alibi_slopes,
    causal_mask,
    cross_attention,
    merge_heads,
    multihead_self_attention,
    sinusoidal_positions,
    softmax,
    split_heads,
)
from solutions.ch04_attention.attention import attention_weights

# --- softmax ------------------------------------------------------------------------------------


@bug("softmax", "dim is ignored: always the last axis")
def softmax_always_last(x, dim):
    return softmax(x, -1)


@bug("softmax", "dim is ignored: always the first axis")
def softmax_always_first(x, dim):
    return softmax(x, 0)


@bug("softmax", "dim is ignored: all entries together sum to 1")
def softmax_over_everything(x, dim):
    return softmax(x.flatten(), 0).view_as(x)


@bug("softmax", "a negative dim counts from the front")
def softmax_of_positive_dim(x, dim):
    return softmax(x, abs(dim) % x.ndim)


@bug("softmax", "the maximum of all entries is subtracted instead of each slice's")
def softmax_global_maximum(x, dim):
    e = (x.float() - x.float().max()).exp()
    return (e / e.sum(dim, keepdim=True)).to(x.dtype)


@bug("softmax", "the maximum along the last axis is subtracted, whatever dim is")
def softmax_maximum_of_last_axis(x, dim):
    e = (x.float() - x.float().amax(-1, keepdim=True)).exp()
    return (e / e.sum(dim, keepdim=True)).to(x.dtype)


@bug("softmax", "no maximum is subtracted, so large logits overflow")
def softmax_without_maximum(x, dim):
    e = x.float().exp()
    return (e / e.sum(dim, keepdim=True)).to(x.dtype)


@bug("softmax", "logits are clamped to ±80 instead of subtracting the maximum")
def softmax_clamped(x, dim):
    e = x.float().clamp(-80, 80).exp()
    return (e / e.sum(dim, keepdim=True)).to(x.dtype)


@bug("softmax", "the overflow is hidden by nan_to_num")
def softmax_nan_to_num(x, dim):
    e = x.float().exp()
    return (e / e.sum(dim, keepdim=True)).nan_to_num().to(x.dtype)


@bug("softmax", "the mean is subtracted instead of the maximum")
def softmax_minus_mean(x, dim):
    e = (x.float() - x.float().mean(dim, keepdim=True)).exp()
    return (e / e.sum(dim, keepdim=True)).to(x.dtype)


@bug("softmax", "the minimum is subtracted instead of the maximum")
def softmax_minus_minimum(x, dim):
    e = (x.float() - x.float().amin(dim, keepdim=True)).exp()
    return (e / e.sum(dim, keepdim=True)).to(x.dtype)


@bug("softmax", "the largest absolute value is subtracted instead of the largest value")
def softmax_minus_absolute_maximum(x, dim):
    finite = x.float().masked_fill(x == -math.inf, 0)
    e = (x.float() - finite.abs().amax(dim, keepdim=True)).exp()
    return (e / e.sum(dim, keepdim=True)).to(x.dtype)


@bug("softmax", "1e-6 is added to the sum")
def softmax_with_epsilon(x, dim):
    e = (x.float() - x.float().amax(dim, keepdim=True)).exp()
    return (e / (e.sum(dim, keepdim=True) + 1e-6)).to(x.dtype)


@bug("softmax", "entries are divided by the maximum instead of shifted by it")
def softmax_divided_by_maximum(x, dim):
    return softmax(x / x.abs().amax(dim, keepdim=True), dim)


@bug("softmax", "the logarithm of the shares is returned")
def softmax_log(x, dim):
    return torch.log_softmax(x, dim)


@bug("softmax", "powers of 2 are taken instead of e")
def softmax_base_two(x, dim):
    return softmax(x * math.log(2), dim)


@bug("softmax", "the signs are turned: the smallest logit gets the most")
def softmin(x, dim):
    return F.softmin(x, dim)


@bug("softmax", "exponentials are not divided by their sum")
def softmax_unnormalised(x, dim):
    return (x - x.amax(dim, keepdim=True)).exp()


@bug("softmax", "-inf is replaced by 0 before the exponential")
def softmax_infinity_as_zero(x, dim):
    return softmax(x.masked_fill(x == -math.inf, 0), dim)


@bug("softmax", "logits are clamped at -10, so that -inf still gets a share")
def softmax_clamped_below(x, dim):
    x = x - x.amax(dim, keepdim=True)
    return softmax(x.clamp(min=-10), dim)


@bug("softmax", "the result is float32, whatever the input was")
def softmax_always_float32(x, dim):
    return softmax(x.float(), dim)


@bug("softmax", "the result is float64, whatever the input was")
def softmax_always_float64(x, dim):
    return softmax(x.double(), dim)


@bug("softmax", "the maximum is subtracted in place")
def softmax_in_place(x, dim):
    leaf, x = x, x.data
    x -= x.amax(dim, keepdim=True)
    return softmax(leaf, dim)


@bug("softmax", "the result is detached from x, so that no gradient flows")
def softmax_detached(x, dim):
    return softmax(x.detach(), dim)


@bug("softmax", "the sum is detached, so that its gradient is missing")
def softmax_detached_sum(x, dim):
    e = (x - x.amax(dim, keepdim=True).detach()).exp()
    return e / e.sum(dim, keepdim=True).detach()


@bug("softmax", "softmax is taken twice")
def softmax_twice(x, dim):
    return softmax(softmax(x, dim), dim)


@bug("softmax", "exponentials and sum are rounded to three digits, as in bfloat16")
def softmax_in_bfloat16(x, dim):
    return softmax(x.bfloat16(), dim).to(x.dtype)


@bug("softmax", "the slices are made rows by view, which strided tensors refuse")
def softmax_views_rows(x, dim):
    if dim % x.ndim != x.ndim - 1:
        return softmax(x, dim)
    return softmax(x.view(-1, x.shape[-1]), -1).view_as(x)


# --- causal_mask --------------------------------------------------------------------------------


@bug("causal_mask", "the mask is aligned to the top left")
def mask_top_left(Tq, Tk):
    return torch.ones(Tq, Tk, dtype=torch.bool).tril()


@bug("causal_mask", "the diagonal is excluded: nobody sees itself")
def mask_strict(Tq, Tk):
    return torch.ones(Tq, Tk, dtype=torch.bool).tril(Tk - Tq - 1)


@bug("causal_mask", "the mask is inverted: True where a key is hidden")
def mask_inverted(Tq, Tk):
    return ~causal_mask(Tq, Tk)


@bug("causal_mask", "the future is seen instead of the past")
def mask_anticausal(Tq, Tk):
    return torch.ones(Tq, Tk, dtype=torch.bool).triu(Tk - Tq)


@bug("causal_mask", "the next token is seen as well")
def mask_one_ahead(Tq, Tk):
    return torch.ones(Tq, Tk, dtype=torch.bool).tril(Tk - Tq + 1)


@bug("causal_mask", "the offset has the wrong sign: Tq - Tk for Tk - Tq")
def mask_offset_sign(Tq, Tk):
    return torch.ones(Tq, Tk, dtype=torch.bool).tril(Tq - Tk)


@bug("causal_mask", "the mask is a matrix of 0 and -inf instead of booleans")
def mask_additive(Tq, Tk):
    return torch.zeros(Tq, Tk).masked_fill(~causal_mask(Tq, Tk), -math.inf)


@bug("causal_mask", "the mask is a matrix of 0 and 1 instead of booleans")
def mask_of_numbers(Tq, Tk):
    return causal_mask(Tq, Tk).float()


@bug("causal_mask", "the axes are swapped: keys by queries")
def mask_transposed(Tq, Tk):
    return causal_mask(Tq, Tk).T


@bug("causal_mask", "queries without a past see the first key")
def mask_without_empty_rows(Tq, Tk):
    mask = causal_mask(Tq, Tk)
    mask[:, 0] = True
    return mask


@bug("causal_mask", "queries without a past see everything")
def mask_empty_rows_see_all(Tq, Tk):
    mask = causal_mask(Tq, Tk)
    return mask | ~mask.any(-1, keepdim=True)


@bug("causal_mask", "with more queries than keys the mask is aligned to the top left")
def mask_offset_clamped(Tq, Tk):
    return torch.ones(Tq, Tk, dtype=torch.bool).tril(max(Tk - Tq, 0))


@bug("causal_mask", "the mask is square: Tk is ignored")
def mask_square(Tq, Tk):
    return causal_mask(Tq, Tq)


@bug("causal_mask", "only the token itself is seen")
def mask_diagonal(Tq, Tk):
    return causal_mask(Tq, Tk) & torch.ones(Tq, Tk, dtype=torch.bool).triu(Tk - Tq)


def cut_from(n, Tq, Tk):
    """The causal mask, cut out of one that was made for n tokens once."""
    return torch.ones(n, n, dtype=torch.bool).tril()[-Tq:, -Tk:]


@bug("causal_mask", "the mask is cut out of one for 128 tokens, and longer ones come out too small")
def mask_from_128(Tq, Tk):
    return cut_from(128, Tq, Tk)


@bug("causal_mask", "the mask is cut out of one for 1,024 tokens, and longer ones come out cut off")
def mask_from_1024(Tq, Tk):
    return cut_from(1024, Tq, Tk)


# --- scaled_dot_product_attention ---------------------------------------------------------------


def as_in_memory(x):
    """A strided tensor misread: its numbers in the order in which they lie in memory."""
    return x.as_strided(x.shape, torch.empty(x.shape).stride())


def key_by_key(mask, k):
    """A mask read for every key, though it may be one for all keys."""
    if mask is None:
        return None
    return torch.stack([mask[..., j] for j in range(k.shape[-2])], -1)


def padding_both_ways(mask, q, k):
    """A mask of keys that hides queries as well."""
    if mask is not None and mask.shape[-2:] == (1, k.shape[-2]) and q.shape[-2] == k.shape[-2]:
        return mask & mask.mT
    return mask


def unless_empty(mask):
    return None if mask is not None and not mask.any() else mask


def attend(q, k, v, mask, scale=None, scores_of=None, shares=softmax):
    """Attention whose parts can be broken one by one."""
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if scores_of is not None:
        scores = scores_of(scores)
    if mask is None:
        return shares(scores, -1) @ v
    weights = shares(scores.masked_fill(~mask, -math.inf), -1)
    return weights.masked_fill(~mask, 0) @ v


def fill(q, k, v, mask, low):
    """Attention with a finite score for what is masked, and zeros for empty rows."""
    if mask is None:
        return attend(q, k, v, None)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, low)
    return (softmax(scores, -1) @ v).masked_fill(~mask.any(-1, keepdim=True), 0)


def additive(q, k, v, mask, low):
    """Attention with a low number added to masked scores, and zeros for empty rows."""
    if mask is None:
        return attend(q, k, v, None)
    scores = q @ k.mT / q.shape[-1] ** 0.5 + (~mask).to(q.dtype) * low
    return (softmax(scores, -1) @ v).masked_fill(~mask.any(-1, keepdim=True), 0)


@bug("scaled_dot_product_attention", "scores are not divided by sqrt(D)")
def attention_unscaled(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=1.0)


@bug("scaled_dot_product_attention", "scores are divided by D instead of sqrt(D)")
def attention_scaled_by_D(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=1 / q.shape[-1])


@bug("scaled_dot_product_attention", "scores are multiplied by sqrt(D)")
def attention_multiplied(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=q.shape[-1] ** 0.5)


@bug("scaled_dot_product_attention", "scores are divided by the root of the values' width")
def attention_scaled_by_Dv(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=v.shape[-1] ** -0.5)


@bug("scaled_dot_product_attention", "scores are divided by the root of the number of keys")
def attention_scaled_by_Tk(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=k.shape[-2] ** -0.5)


@bug("scaled_dot_product_attention", "scores are divided by the root of the number of queries")
def attention_scaled_by_Tq(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=q.shape[-2] ** -0.5)


@bug("scaled_dot_product_attention", "the scale is 1/8, as if D were always 64")
def attention_scaled_by_eight(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=1 / 8)


@bug("scaled_dot_product_attention", "the weights are divided by sqrt(D) instead of the scores")
def attention_scales_weights(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=1.0) / q.shape[-1] ** 0.5


@bug("scaled_dot_product_attention", "q and k are normalised to unit length: cosine attention")
def attention_cosine(q, k, v, mask=None):
    return attend(F.normalize(q, dim=-1), F.normalize(k, dim=-1), v, mask)


@bug("scaled_dot_product_attention", "the mask is inverted: True hides a key")
def attention_inverted_mask(q, k, v, mask=None):
    return attend(q, k, v, None if mask is None else ~mask)


@bug("scaled_dot_product_attention", "the mask is inverted: True hides a key")
def attention_inverted_mask_with_nan(q, k, v, mask=None):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(mask, -torch.inf)
    return torch.softmax(scores, -1) @ v


@bug("scaled_dot_product_attention", "the mask is ignored")
def attention_without_mask(q, k, v, mask=None):
    return attend(q, k, v, None)


@bug("scaled_dot_product_attention", "the mask is applied after the softmax")
def attention_masks_weights(q, k, v, mask=None):
    weights = attention_weights(q, k, None)
    return (weights if mask is None else weights * mask.to(weights.dtype)) @ v


@bug(
    "scaled_dot_product_attention",
    "weights are masked and normalised again after the softmax, where they may have vanished",
)
def attention_renormalises(q, k, v, mask=None):
    weights = attention_weights(q, k, None)
    if mask is not None:
        weights = weights * mask.to(weights.dtype)
        total = weights.sum(-1, keepdim=True)
        weights = weights / total.masked_fill(~mask.any(-1, keepdim=True), 1)
    return weights @ v


@bug("scaled_dot_product_attention", "masked scores are set to 0 instead of -inf")
def attention_fills_zero(q, k, v, mask=None):
    return fill(q, k, v, mask, 0.0)


@bug("scaled_dot_product_attention", "masked scores are set to -30, which still gets a share")
def attention_fills_30(q, k, v, mask=None):
    return fill(q, k, v, mask, -30.0)


@bug("scaled_dot_product_attention", "masked scores are set to -10,000, above lower scores")
def attention_fills_1e4(q, k, v, mask=None):
    return fill(q, k, v, mask, -1e4)


@bug("scaled_dot_product_attention", "masked scores are set to -1e9, which float16 cannot hold")
def attention_fills_1e9(q, k, v, mask=None):
    return fill(q, k, v, mask, -1e9)


@bug("scaled_dot_product_attention", "masked scores are lowered by 10,000 instead of set to -inf")
def attention_adds_1e4(q, k, v, mask=None):
    return additive(q, k, v, mask, -1e4)


@bug("scaled_dot_product_attention", "masked scores are multiplied by 0")
def attention_multiplies_mask(q, k, v, mask=None):
    if mask is None:
        return attend(q, k, v, None)
    return attend(q, k, v, None, scores_of=lambda scores: scores * mask)


@bug("scaled_dot_product_attention", "the mask is added to the scores as 0 and 1")
def attention_adds_mask(q, k, v, mask=None):
    if mask is None:
        return attend(q, k, v, None)
    return attend(q, k, v, None, scores_of=lambda scores: scores + mask.to(scores.dtype))


@bug("scaled_dot_product_attention", "a query that sees nothing gets NaN")
def attention_empty_nan(q, k, v, mask=None):
    if mask is None:
        return attend(q, k, v, None)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -math.inf)
    return softmax(scores, -1) @ v


@bug("scaled_dot_product_attention", "a query that sees nothing gets the mean of all values")
def attention_empty_mean(q, k, v, mask=None):
    if mask is None:
        return attend(q, k, v, None)
    scores = q @ k.mT / q.shape[-1] ** 0.5
    return softmax(scores.masked_fill(~mask, torch.finfo(q.dtype).min), -1) @ v


@bug("scaled_dot_product_attention", "a query that sees nothing looks at all keys")
def attention_empty_sees_all(q, k, v, mask=None):
    return attend(q, k, v, None if mask is None else mask | ~mask.any(-1, keepdim=True))


@bug("scaled_dot_product_attention", "NaN is removed from the output only, and stays in gradients")
def attention_nan_in_gradients(q, k, v, mask=None):
    return attention_empty_nan.function(q, k, v, mask).nan_to_num()


@bug("scaled_dot_product_attention", "the softmax runs over the queries instead of the keys")
def attention_over_queries(q, k, v, mask=None):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if mask is None:
        return softmax(scores, -2) @ v
    weights = softmax(scores.masked_fill(~mask, -math.inf), -2)
    return weights.masked_fill(~mask, 0) @ v


@bug("scaled_dot_product_attention", "no maximum is subtracted, so large scores overflow")
def attention_overflows(q, k, v, mask=None):
    return attend(q, k, v, mask, shares=lambda x, dim: x.exp() / x.exp().sum(dim, keepdim=True))


@bug("scaled_dot_product_attention", "the maximum of all scores is subtracted, not each query's")
def attention_global_maximum(q, k, v, mask=None):
    def shares(x, dim):
        e = (x - x.max().clamp(min=torch.finfo(x.dtype).min)).exp()
        return e / e.sum(dim, keepdim=True)

    return attend(q, k, v, mask, shares=shares)


@bug("scaled_dot_product_attention", "the weights are not normalised")
def attention_unnormalised(q, k, v, mask=None):
    return attend(q, k, v, mask, shares=lambda x, dim: (x - x.amax(dim, keepdim=True)).exp())


@bug("scaled_dot_product_attention", "weights are normalised by 1e-3 more than their sum")
def attention_with_epsilon(q, k, v, mask=None):
    def shares(x, dim):
        e = (x - x.amax(dim, keepdim=True)).exp()
        return e / (e.sum(dim, keepdim=True) + 1e-3)

    return attend(q, k, v, mask, shares=shares)


@bug("scaled_dot_product_attention", "every query takes only its best key: argmax for softmax")
def attention_hard(q, k, v, mask=None):
    def shares(x, dim):
        return torch.zeros_like(x).scatter(dim, x.argmax(dim, keepdim=True), 1.0)

    return attend(q, k, v, mask, shares=shares)


@bug("scaled_dot_product_attention", "the scores are clamped to ±50")
def attention_clamped(q, k, v, mask=None):
    return attend(q, k, v, mask, scores_of=lambda scores: scores.clamp(-50, 50))


@bug("scaled_dot_product_attention", "dropout is left on")
def attention_with_dropout(q, k, v, mask=None):
    return attend(q, k, v, mask, shares=lambda x, dim: F.dropout(softmax(x, dim), 0.1))


@bug("scaled_dot_product_attention", "attention is causal, whatever the mask says")
def attention_always_causal(q, k, v, mask=None):
    causal = causal_mask(q.shape[-2], k.shape[-2])
    return attend(q, k, v, causal if mask is None else mask & causal)


@bug("scaled_dot_product_attention", "queries and keys have changed places in the scores")
def attention_swapped(q, k, v, mask=None):
    if q.shape[-2] != k.shape[-2]:
        return attend(q, k, v, mask)
    return attend(k, q, v, mask)


@bug("scaled_dot_product_attention", "the first mask of a batch is used for all of it")
def attention_first_mask(q, k, v, mask=None):
    if mask is not None and mask.ndim > 2:
        mask = mask[(0,) * (mask.ndim - 2)]
    return attend(q, k, v, mask)


@bug("scaled_dot_product_attention", "the mask is transposed where it is square")
def attention_transposed_mask(q, k, v, mask=None):
    if mask is not None and mask.shape[-1] == mask.shape[-2]:
        mask = mask.mT
    return attend(q, k, v, mask)


@bug("scaled_dot_product_attention", "the result is float32, whatever the inputs were")
def attention_always_float32(q, k, v, mask=None):
    return attend(q.float(), k.float(), v.float(), mask)


@bug("scaled_dot_product_attention", "the result is detached, so that no gradient flows")
def attention_detached(q, k, v, mask=None):
    return attend(q, k, v, mask).detach()


@bug("scaled_dot_product_attention", "the weights are detached: gradients reach only v")
def attention_detached_weights(q, k, v, mask=None):
    return attention_weights(q, k, mask).detach() @ v


@bug("scaled_dot_product_attention", "q is scaled in place")
def attention_in_place(q, k, v, mask=None):
    out = attend(q, k, v, mask)
    q.data.div_(q.shape[-1] ** 0.5)
    return out


@bug("scaled_dot_product_attention", "the mask is inverted in place")
def attention_inverts_in_place(q, k, v, mask=None):
    out = attend(q, k, v, mask)
    if mask is not None:
        mask.logical_not_()
    return out


@bug("scaled_dot_product_attention", "weights are computed in bfloat16")
def attention_in_bfloat16(q, k, v, mask=None):
    return attention_weights(q.bfloat16(), k.bfloat16(), mask).to(v.dtype) @ v


@bug("scaled_dot_product_attention", "1e-6 is added to the sum of the exponentials")
def attention_with_small_epsilon(q, k, v, mask=None):
    def shares(x, dim):
        e = (x - x.amax(dim, keepdim=True)).exp()
        return e / (e.sum(dim, keepdim=True) + 1e-6)

    return attend(q, k, v, mask, shares=shares)


@bug(
    "scaled_dot_product_attention", "a query that sees nothing is looked for in the first mask only"
)
def attention_empty_in_first_mask(q, k, v, mask=None):
    if mask is None:
        return attend(q, k, v, None)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, torch.finfo(q.dtype).min)
    sees = mask[(0,) * (mask.ndim - 2)].any(-1, keepdim=True)
    return (softmax(scores, -1) @ v).masked_fill(~sees, 0)


@bug("scaled_dot_product_attention", "q is taken to be contiguous: its memory is read as it lies")
def attention_of_memory(q, k, v, mask=None):
    return attend(q.as_strided(q.shape, torch.empty(q.shape).stride()), k, v, mask)


@bug("scaled_dot_product_attention", "three axes are taken for granted")
def attention_of_batches(q, k, v, mask=None):
    if q.ndim == 2:
        return attend(q[None], k[None], v[None], mask)
    return attend(q, k, v, mask)


@bug(
    "scaled_dot_product_attention",
    "masked keys are dropped after exp, where their gradient is 0 times inf",
)
def attention_masks_exponentials(q, k, v, mask=None):
    if mask is None:
        return attend(q, k, v, None)
    scores = q @ k.mT / q.shape[-1] ** 0.5
    top = torch.where(mask, scores, -math.inf).amax(-1, keepdim=True).detach()
    top = torch.where(mask.any(-1, keepdim=True), top, 0)
    e = torch.where(mask, (scores - top).exp(), 0)
    total = e.sum(-1, keepdim=True)
    return e / torch.where(total == 0, 1, total) @ v


@bug("scaled_dot_product_attention", "the mask is read key by key, even if its last axis is 1")
def attention_reads_key_by_key(q, k, v, mask=None):
    return attend(q, k, v, key_by_key(mask, k))


@bug("scaled_dot_product_attention", "a mask of keys hides the queries of the same places as well")
def attention_pads_queries(q, k, v, mask=None):
    return attend(q, k, v, padding_both_ways(mask, q, k))


@bug(
    "scaled_dot_product_attention", "leading axes are folded by view, which strided tensors refuse"
)
def attention_folds_by_view(q, k, v, mask=None):
    flat = [t.view(-1, *t.shape[-2:]) for t in (q, k, v)]
    if mask is not None:
        mask = mask.expand(*q.shape[:-1], k.shape[-2]).reshape(-1, q.shape[-2], k.shape[-2])
    return attend(*flat, mask).view(*q.shape[:-1], v.shape[-1])


@bug("scaled_dot_product_attention", "the mask is taken to be contiguous: its memory is misread")
def attention_of_mask_memory(q, k, v, mask=None):
    return attend(q, k, v, mask if mask is None else as_in_memory(mask))


@bug("scaled_dot_product_attention", "k and v are taken to be contiguous: their memory is misread")
def attention_of_key_memory(q, k, v, mask=None):
    return attend(q, as_in_memory(k), as_in_memory(v), mask)


@bug("scaled_dot_product_attention", "a mask of a single row is cut into blocks with the queries")
def attends_in_blocks(q, k, v, mask=None):
    def rows(x, start):
        return None if x is None else x[..., start : start + 64, :]

    starts = range(0, q.shape[-2], 64)
    weights = [attention_weights(rows(q, i), k, rows(mask, i)) for i in starts]
    return torch.cat(weights, -2) @ v


# --- attention_backward -------------------------------------------------------------------------


def backward(q, k, v, d_out, mask, row=None, after=None, scale_q=None, scale_k=None, P=None):
    """The backward pass with parts that can be broken one by one."""
    scale = q.shape[-1] ** -0.5
    P = attention_weights(q, k, mask) if P is None else P
    dP = d_out @ v.mT
    dS = P * (dP - (dP * P).sum(-1, keepdim=True)) if row is None else row(P, dP)
    dS = dS if after is None else after(dS)
    dq = dS @ k * (scale if scale_q is None else scale_q)
    dk = dS.mT @ q * (scale if scale_k is None else scale_k)
    return dq, dk, P.mT @ d_out


@bug("attention_backward", "dq and dk are not divided by sqrt(D)")
def backward_unscaled(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, mask, scale_q=1.0, scale_k=1.0)


@bug("attention_backward", "dk is not divided by sqrt(D)")
def backward_unscaled_dk(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, mask, scale_k=1.0)


@bug("attention_backward", "dq is not divided by sqrt(D)")
def backward_unscaled_dq(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, mask, scale_q=1.0)


@bug("attention_backward", "dq and dk are divided by D instead of sqrt(D)")
def backward_scaled_by_D(q, k, v, d_out, mask=None):
    scale = 1 / q.shape[-1]
    return backward(q, k, v, d_out, mask, scale_q=scale, scale_k=scale)


@bug("attention_backward", "dq and dk are divided by the root of the values' width")
def backward_scaled_by_Dv(q, k, v, d_out, mask=None):
    scale = v.shape[-1] ** -0.5
    return backward(q, k, v, d_out, mask, scale_q=scale, scale_k=scale)


@bug("attention_backward", "the row sum is missing: dS = P dP")
def backward_without_row_sum(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, mask, row=lambda P, dP: P * dP)


@bug("attention_backward", "the softmax is left out of the chain: dS = dP")
def backward_without_softmax(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, mask, row=lambda P, dP: dP)


@bug("attention_backward", "softmax is differentiated entry by entry: dS = P (1 - P) dP")
def backward_like_sigmoid(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, mask, row=lambda P, dP: P * (1 - P) * dP)


@bug("attention_backward", "the sum runs over the queries instead of the keys")
def backward_column_sum(q, k, v, d_out, mask=None):
    return backward(
        q, k, v, d_out, mask, row=lambda P, dP: P * (dP - (dP * P).sum(-2, keepdim=True))
    )


@bug("attention_backward", "the row sum of dP is not weighted by P")
def backward_unweighted_sum(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, mask, row=lambda P, dP: P * (dP - dP.sum(-1, keepdim=True)))


@bug("attention_backward", "the row's mean of dP is subtracted instead of its weighted sum")
def backward_row_mean(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, mask, row=lambda P, dP: P * (dP - dP.mean(-1, keepdim=True)))


@bug("attention_backward", "the row sum is added instead of subtracted")
def backward_adds_row_sum(q, k, v, d_out, mask=None):
    return backward(
        q, k, v, d_out, mask, row=lambda P, dP: P * (dP + (dP * P).sum(-1, keepdim=True))
    )


@bug("attention_backward", "the scores' gradient has the wrong sign")
def backward_wrong_sign(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, mask, after=lambda dS: -dS)


@bug("attention_backward", "the row sum is of P alone, which is 1: dS = P (dP - 1)")
def backward_minus_one(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, mask, row=lambda P, dP: P * (dP - 1))


@bug("attention_backward", "the mask is ignored")
def backward_without_mask(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, None)


@bug("attention_backward", "the mask is inverted: True hides a key")
def backward_inverted_mask(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, None if mask is None else ~mask)


@bug("attention_backward", "weights are masked after the softmax")
def backward_masks_weights(q, k, v, d_out, mask=None):
    P = attention_weights(q, k, None)
    return backward(q, k, v, d_out, mask, P=P if mask is None else P * mask.to(P.dtype))


@bug("attention_backward", "the mask is applied to the scores' gradient, but not to the weights")
def backward_masks_gradient_only(q, k, v, d_out, mask=None):
    P = attention_weights(q, k, None)
    after = None if mask is None else lambda dS: dS.masked_fill(~mask, 0)
    return backward(q, k, v, d_out, mask, P=P, after=after)


@bug("attention_backward", "a query that sees nothing spreads NaN")
def backward_empty_nan(q, k, v, d_out, mask=None):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return backward(q, k, v, d_out, mask, P=softmax(scores, -1))


@bug("attention_backward", "a query that sees nothing is taken to look at all keys alike")
def backward_empty_uniform(q, k, v, d_out, mask=None):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(q.dtype).min)
    return backward(q, k, v, d_out, mask, P=softmax(scores, -1))


@bug("attention_backward", "the forward pass forgets to divide by sqrt(D)")
def backward_of_unscaled_scores(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, mask, P=attention_weights(q * q.shape[-1] ** 0.5, k, mask))


@bug("attention_backward", "no maximum is subtracted, so large scores overflow")
def backward_overflows(q, k, v, d_out, mask=None):
    e = (q @ k.mT / q.shape[-1] ** 0.5).exp()
    e = e if mask is None else e.masked_fill(~mask, 0)
    total = e.sum(-1, keepdim=True)
    return backward(q, k, v, d_out, mask, P=e / torch.where(total == 0, 1, total))


@bug("attention_backward", "dq and dk have changed places")
def backward_swapped(q, k, v, d_out, mask=None):
    dq, dk, dv = backward(q, k, v, d_out, mask)
    return (dk, dq, dv) if dq.shape == dk.shape else (dq * 0, dk * 0, dv)


@bug("attention_backward", "d_out is taken to be all ones")
def backward_of_the_sum(q, k, v, d_out, mask=None):
    return backward(q, k, v, torch.ones_like(d_out), mask)


@bug("attention_backward", "dv is d_out averaged by P's rows normalised over queries")
def backward_dv_normalised(q, k, v, d_out, mask=None):
    dq, dk, _ = backward(q, k, v, d_out, mask)
    P = attention_weights(q, k, mask)
    total = P.sum(-2, keepdim=True)
    return dq, dk, (P / torch.where(total == 0, 1, total)).mT @ d_out


@bug("attention_backward", "dv is multiplied by 1 / sqrt(D) as well")
def backward_scales_dv(q, k, v, d_out, mask=None):
    dq, dk, dv = backward(q, k, v, d_out, mask)
    return dq, dk, dv * q.shape[-1] ** -0.5


@bug("attention_backward", "the gradients are float32, whatever the inputs were")
def backward_always_float32(q, k, v, d_out, mask=None):
    return backward(q.float(), k.float(), v.float(), d_out.float(), mask)


@bug("attention_backward", "d_out is scaled in place")
def backward_in_place(q, k, v, d_out, mask=None):
    gradients = backward(q, k, v, d_out, mask)
    d_out *= 2
    return gradients


@bug("attention_backward", "gradients are averaged over the queries")
def backward_averages(q, k, v, d_out, mask=None):
    dq, dk, dv = backward(q, k, v, d_out, mask)
    return dq, dk / q.shape[-2], dv / q.shape[-2]


@bug("attention_backward", "a mask that hides everything is ignored")
def backward_ignores_empty_masks(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, unless_empty(mask))


@bug("attention_backward", "masked scores are set to -10,000, where others may be")
def backward_fills_1e4(q, k, v, d_out, mask=None):
    if mask is None:
        return backward(q, k, v, d_out, None)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -1e4)
    return backward(q, k, v, d_out, mask, P=softmax(scores, -1).masked_fill(~mask, 0))


@bug(
    "attention_backward",
    "weights are masked and normalised again after the softmax, where they may have vanished",
)
def backward_renormalises(q, k, v, d_out, mask=None):
    P = attention_weights(q, k, None)
    if mask is not None:
        P = P * mask.to(P.dtype)
        P = P / P.sum(-1, keepdim=True).clamp(min=1e-7)
    return backward(q, k, v, d_out, mask, P=P)


@bug("attention_backward", "the maximum of all scores is subtracted, not each query's")
def backward_global_maximum(q, k, v, d_out, mask=None):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    e = (scores - scores.max().clamp(min=torch.finfo(q.dtype).min)).exp()
    total = e.sum(-1, keepdim=True)
    return backward(q, k, v, d_out, mask, P=e / torch.where(total == 0, 1, total))


@bug("attention_backward", "the scores are clamped to ±50")
def backward_clamped(q, k, v, d_out, mask=None):
    scores = (q @ k.mT / q.shape[-1] ** 0.5).clamp(-50, 50)
    if mask is None:
        return backward(q, k, v, d_out, None, P=softmax(scores, -1))
    P = softmax(scores.masked_fill(~mask, -math.inf), -1).masked_fill(~mask, 0)
    return backward(q, k, v, d_out, mask, P=P)


@bug("attention_backward", "the mask is read key by key, even if its last axis is 1")
def backward_reads_key_by_key(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, key_by_key(mask, k))


@bug("attention_backward", "a mask of keys hides the queries of the same places as well")
def backward_pads_queries(q, k, v, d_out, mask=None):
    return backward(q, k, v, d_out, padding_both_ways(mask, q, k))


@bug("attention_backward", "leading axes are folded by view, which strided tensors refuse")
def backward_folds_by_view(q, k, v, d_out, mask=None):
    flat = [t.view(-1, *t.shape[-2:]) for t in (q, k, v, d_out)]
    if mask is not None:
        mask = mask.expand(*q.shape[:-1], k.shape[-2]).reshape(-1, q.shape[-2], k.shape[-2])
    gradients = backward(*flat, mask)
    return [g.view(t.shape) for g, t in zip(gradients, (q, k, v), strict=True)]


@bug("attention_backward", "d_out is taken to be contiguous: its memory is misread")
def backward_of_memory(q, k, v, d_out, mask=None):
    return backward(q, k, v, as_in_memory(d_out), mask)


# --- heads --------------------------------------------------------------------------------------


@bug("heads", "x is viewed as (H, T, D) without a transpose, which mixes tokens", "split_heads")
def split_by_view(x, H):
    split_heads(x, H)
    *leading, T, C = x.shape
    return x.reshape(*leading, H, T, C // H)


@bug("heads", "heads take every H-th feature instead of consecutive ones", "split_heads")
def split_interleaved(x, H):
    return split_heads(x.unflatten(-1, (-1, H)).mT.flatten(-2), H)


@bug("heads", "time stays before the heads", "split_heads")
def split_without_transpose(x, H):
    return split_heads(x, H).transpose(-3, -2)


@bug("heads", "the axes of time and features are swapped", "split_heads")
def split_transposed(x, H):
    return split_heads(x, H).mT


@bug("heads", "the heads come in reverse order", "split_heads")
def split_reversed(x, H):
    return split_heads(x, H).flip(-3)


@bug("heads", "the number of heads is taken for their size", "split_heads")
def split_into_size(x, H):
    split_heads(x, H)
    return split_heads(x, x.shape[-1] // H)


@bug("heads", "features that cannot be shared evenly are dropped", "split_heads")
def split_drops_features(x, H):
    D = max(x.shape[-1] // H, 1)
    return x[..., : H * D].unflatten(-1, (-1, D)).transpose(-3, -2)


@bug("heads", "x is taken to be contiguous: its memory is read as it lies", "split_heads")
def split_memory(x, H):
    split_heads(x, H)
    return split_heads(x.as_strided(x.shape, torch.empty(x.shape).stride()), H)


@bug("heads", "the result is float32, whatever the input was", "split_heads")
def split_to_float32(x, H):
    return split_heads(x, H).float()


@bug("heads", "the result is detached, so that no gradient flows", "split_heads")
def split_detached(x, H):
    return split_heads(x, H).detach()


@bug("heads", "heads are joined without a transpose, which mixes tokens", "merge_heads")
def merge_by_view(x):
    *leading, H, T, D = x.shape
    return x.reshape(*leading, T, H * D)


@bug("heads", "the features of the heads are interleaved", "merge_heads")
def merge_interleaved(x):
    return x.movedim(-3, -1).flatten(-2)


@bug("heads", "the heads are joined in reverse order", "merge_heads")
def merge_reversed(x):
    return merge_heads(x.flip(-3))


@bug("heads", "the heads are averaged and repeated instead of joined", "merge_heads")
def merge_by_mean(x):
    return merge_heads(x.mean(-3, keepdim=True).expand_as(x))


@bug("heads", "only the first head survives", "merge_heads")
def merge_first(x):
    return merge_heads(x[..., :1, :, :].expand_as(x))


@bug("heads", "heads are joined out of a copy without history: no gradient flows", "merge_heads")
def merge_detached(x):
    return merge_heads(x.detach())


@bug("heads", "float64 comes back as float32", "split_heads")
def split_without_float64(x, H):
    return split_heads(x.float() if x.dtype is torch.float64 else x, H)


# --- multihead_self_attention -------------------------------------------------------------------


def self_attention(x, Wq, Wk, Wv, Wo, H, causal, split=split_heads, merge=merge_heads, **parts):
    """Self-attention whose parts can be broken one by one."""
    T = x.shape[-2]
    q, k, v = (split(x @ W.T, H) for W in (Wq, Wk, Wv))
    mask = parts.get("mask", causal_mask(T, T)) if causal else None
    core = parts.get("core", attend)
    return merge(core(q, k, v, mask)) @ Wo.T


def interleaved(x, H):
    return split_interleaved.function(x, H)


@bug("multihead_self_attention", "scores are divided by the root of all heads' width together")
def heads_scaled_by_model_width(x, Wq, Wk, Wv, Wo, H, causal):
    def core(q, k, v, mask):
        return attend(q, k, v, mask, scale=len(Wq) ** -0.5)

    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=core)


@bug("multihead_self_attention", "scores are not divided by sqrt(D)")
def heads_unscaled(x, Wq, Wk, Wv, Wo, H, causal):
    def core(q, k, v, mask):
        return attend(q, k, v, mask, scale=1.0)

    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=core)


@bug("multihead_self_attention", "scores are divided by the root of the values' width")
def heads_scaled_by_value_width(x, Wq, Wk, Wv, Wo, H, causal):
    def core(q, k, v, mask):
        return attend(q, k, v, mask, scale=v.shape[-1] ** -0.5)

    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=core)


@bug("multihead_self_attention", "scores are divided by the root of the input's width over H")
def heads_scaled_by_input_width(x, Wq, Wk, Wv, Wo, H, causal):
    def core(q, k, v, mask):
        return attend(q, k, v, mask, scale=(x.shape[-1] / H) ** -0.5)

    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=core)


@bug("multihead_self_attention", "there is always one head")
def heads_always_one(x, Wq, Wk, Wv, Wo, H, causal):
    multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)
    return multihead_self_attention(x, Wq, Wk, Wv, Wo, 1, causal)


@bug("multihead_self_attention", "the number of heads is fixed at 2")
def heads_always_two(x, Wq, Wk, Wv, Wo, H, causal):
    multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)
    return multihead_self_attention(x, Wq, Wk, Wv, Wo, 1 if len(Wq) % 2 else 2, causal)


@bug("multihead_self_attention", "the number of heads is taken for their size")
def heads_by_size(x, Wq, Wk, Wv, Wo, H, causal):
    multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)
    size = len(Wq) // H
    return multihead_self_attention(
        x, Wq, Wk, Wv, Wo, H if len(Wq) % size or len(Wv) % size else size, causal
    )


@bug("multihead_self_attention", "heads are split by a view without a transpose, mixing tokens")
def heads_by_view(x, Wq, Wk, Wv, Wo, H, causal):
    split, merge = split_by_view.function, merge_by_view.function
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, split, merge)


@bug("multihead_self_attention", "heads are joined without a transpose, which mixes tokens")
def heads_merged_by_view(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, merge=merge_by_view.function)


@bug("multihead_self_attention", "heads take every H-th feature instead of consecutive ones")
def heads_interleaved(x, Wq, Wk, Wv, Wo, H, causal):
    merge = merge_interleaved.function
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, interleaved, merge)


@bug("multihead_self_attention", "heads take every H-th feature, and are joined in blocks")
def heads_interleaved_joined_in_blocks(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, interleaved)


@bug("multihead_self_attention", "heads are split in blocks but joined feature by feature")
def heads_joined_interleaved(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, merge=merge_interleaved.function)


@bug("multihead_self_attention", "`causal` is ignored: everybody sees everybody")
def heads_never_causal(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo, H, False)


@bug("multihead_self_attention", "`causal` is ignored: always causal")
def heads_always_causal(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo, H, True)


@bug("multihead_self_attention", "`causal` is inverted")
def heads_causal_inverted(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo, H, not causal)


@bug("multihead_self_attention", "the causal mask excludes the diagonal: nobody sees itself")
def heads_strictly_causal(x, Wq, Wk, Wv, Wo, H, causal):
    mask = causal_mask(x.shape[-2], x.shape[-2]).tril(-1)
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, mask=mask)


@bug("multihead_self_attention", "the causal mask hides the past instead of the future")
def heads_see_the_future(x, Wq, Wk, Wv, Wo, H, causal):
    mask = causal_mask(x.shape[-2], x.shape[-2]).T
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, mask=mask)


@bug("multihead_self_attention", "the causal mask lets the next token through")
def heads_see_the_next(x, Wq, Wk, Wv, Wo, H, causal):
    T = x.shape[-2]
    mask = torch.ones(T, T, dtype=torch.bool).tril(1)
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, mask=mask)


@bug("multihead_self_attention", "the causal mask is applied after the softmax")
def heads_mask_weights(x, Wq, Wk, Wv, Wo, H, causal):
    core = attention_masks_weights.function
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=core)


@bug("multihead_self_attention", "masked scores are set to -1e9, which float16 cannot hold")
def heads_fill_1e9(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=attention_fills_1e9.function)


@bug("multihead_self_attention", "masked scores are multiplied by 0")
def heads_multiply_mask(x, Wq, Wk, Wv, Wo, H, causal):
    core = attention_multiplies_mask.function
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=core)


@bug("multihead_self_attention", "the softmax runs over the queries instead of the keys")
def heads_softmax_over_queries(x, Wq, Wk, Wv, Wo, H, causal):
    core = attention_over_queries.function
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=core)


@bug("multihead_self_attention", "tokens attend to the heads of one token instead of other tokens")
def heads_attend_to_heads(x, Wq, Wk, Wv, Wo, H, causal):
    multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)

    def core(q, k, v, mask):
        q, k, v = (t.transpose(-3, -2) for t in (q, k, v))
        return attend(q, k, v, causal_mask(H, H) if causal else None).transpose(-3, -2)

    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=core)


@bug("multihead_self_attention", "the output projection is missing")
def heads_without_output(x, Wq, Wk, Wv, Wo, H, causal):
    out = self_attention(x, Wq, Wk, Wv, torch.eye(len(Wv), dtype=x.dtype), H, causal)
    return F.pad(out, (0, max(len(Wo) - len(Wv), 0)))[..., : len(Wo)]


@bug("multihead_self_attention", "the output projection is applied as x Wo instead of x Woᵀ")
def heads_output_transposed(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo.T if len(Wo) == len(Wv) else Wo, H, causal)


@bug("multihead_self_attention", "projections are applied as x W instead of x Wᵀ")
def heads_weights_transposed(x, Wq, Wk, Wv, Wo, H, causal):
    multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)
    Wq, Wk, Wv = (W.T if W.shape[0] == W.shape[1] else W for W in (Wq, Wk, Wv))
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal)


@bug("multihead_self_attention", "keys are projected by Wq")
def heads_without_keys(x, Wq, Wk, Wv, Wo, H, causal):
    return multihead_self_attention(x, Wq, Wq, Wv, Wo, H, causal)


@bug("multihead_self_attention", "queries and keys have changed places")
def heads_queries_for_keys(x, Wq, Wk, Wv, Wo, H, causal):
    return multihead_self_attention(x, Wk, Wq, Wv, Wo, H, causal)


@bug("multihead_self_attention", "values are projected by Wk")
def heads_values_from_keys(x, Wq, Wk, Wv, Wo, H, causal):
    multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)
    return multihead_self_attention(x, Wq, Wk, Wk if len(Wk) == len(Wv) else Wv, Wo, H, causal)


@bug("multihead_self_attention", "a residual x is added to the output")
def heads_with_residual(x, Wq, Wk, Wv, Wo, H, causal):
    out = multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)
    return out + x if out.shape == x.shape else out


@bug("multihead_self_attention", "the heads are averaged and repeated instead of joined")
def heads_averaged(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, merge=merge_by_mean.function)


@bug("multihead_self_attention", "the weights of the first head serve all heads")
def heads_share_the_first(x, Wq, Wk, Wv, Wo, H, causal):
    def split(x, H):
        return split_heads(x, H)[..., :1, :, :].expand_as(split_heads(x, H))

    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, split)


@bug("multihead_self_attention", "the sequences of a batch see each other")
def heads_mix_the_batch(x, Wq, Wk, Wv, Wo, H, causal):
    flat = x.reshape(-1, x.shape[-1])
    out = multihead_self_attention(flat, Wq, Wk, Wv, Wo, H, causal)
    return out.reshape(*x.shape[:-1], -1)


@bug("multihead_self_attention", "leading axes before the last are taken for heads")
def heads_of_three_axes(x, Wq, Wk, Wv, Wo, H, causal):
    if x.ndim < 4:
        return multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)
    return multihead_self_attention(x[..., 0, :, :], Wq, Wk, Wv, Wo, H, causal)[
        ..., None, :, :
    ].expand(*x.shape[:-1], len(Wo))


@bug("multihead_self_attention", "a batch axis is added to a single sequence and left there")
def heads_keep_a_batch_axis(x, Wq, Wk, Wv, Wo, H, causal):
    return multihead_self_attention(x[None] if x.ndim == 2 else x, Wq, Wk, Wv, Wo, H, causal)


@bug("multihead_self_attention", "x is taken to be contiguous: its memory is read as it lies")
def heads_of_memory(x, Wq, Wk, Wv, Wo, H, causal):
    x = x.as_strided(x.shape, torch.empty(x.shape).stride())
    return multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)


@bug("multihead_self_attention", "the causal mask ends after 64 tokens, and later ones see all")
def heads_masked_to_64(x, Wq, Wk, Wv, Wo, H, causal):
    T = x.shape[-2]
    mask = causal_mask(T, T)
    mask[64:] = True
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, mask=mask)


@bug("multihead_self_attention", "widths that the heads cannot share evenly are cut off")
def heads_cut_off(x, Wq, Wk, Wv, Wo, H, causal):
    qk, v = (len(W) // H * H for W in (Wq, Wv))
    return multihead_self_attention(x, Wq[:qk], Wk[:qk], Wv[:v], Wo[:, :v], H, causal)


@bug("multihead_self_attention", "the result is float32, whatever the inputs were")
def heads_always_float32(x, Wq, Wk, Wv, Wo, H, causal):
    x, Wq, Wk, Wv, Wo = (t.float() for t in (x, Wq, Wk, Wv, Wo))
    return multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)


@bug("multihead_self_attention", "the result is detached, so that no gradient flows")
def heads_detached(x, Wq, Wk, Wv, Wo, H, causal):
    with torch.no_grad():
        return multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)


@bug("multihead_self_attention", "weights are copied into new parameters, which get the gradients")
def heads_copy_weights(x, Wq, Wk, Wv, Wo, H, causal):
    weights = (torch.nn.Parameter(W.detach().clone()) for W in (Wq, Wk, Wv, Wo))
    return multihead_self_attention(x, *weights, H, causal)


@bug("multihead_self_attention", "keys are detached, so that Wk is never trained")
def heads_detach_keys(x, Wq, Wk, Wv, Wo, H, causal):
    def core(q, k, v, mask):
        return attend(q, k.detach(), v, mask)

    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=core)


@bug("multihead_self_attention", "Wq is scaled in place")
def heads_scale_in_place(x, Wq, Wk, Wv, Wo, H, causal):
    out = multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)
    Wq.data.div_((len(Wq) / H) ** 0.5)
    return out


@bug("multihead_self_attention", "masked scores are set to -100, above lower scores")
def heads_fill_100(x, Wq, Wk, Wv, Wo, H, causal):
    def core(q, k, v, mask):
        return fill(q, k, v, mask, -100.0)

    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=core)


@bug("multihead_self_attention", "masked scores are set to -10,000, where others may be")
def heads_fill_1e4(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=attention_fills_1e4.function)


@bug(
    "multihead_self_attention",
    "weights are masked and normalised again after the softmax, where they may have vanished",
)
def heads_renormalise(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=attention_renormalises.function)


@bug("multihead_self_attention", "no maximum is subtracted, so large scores overflow")
def heads_overflow(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=attention_overflows.function)


@bug("multihead_self_attention", "the maximum of all scores is subtracted, not each query's")
def heads_global_maximum(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=attention_global_maximum.function)


@bug("multihead_self_attention", "the scores are clamped to ±50")
def heads_clamped(x, Wq, Wk, Wv, Wo, H, causal):
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, core=attention_clamped.function)


@bug("multihead_self_attention", "the causal mask ends after 1024 tokens, and later ones see all")
def heads_masked_to_1024(x, Wq, Wk, Wv, Wo, H, causal):
    T = x.shape[-2]
    mask = causal_mask(T, T)
    mask[1024:] = True
    return self_attention(x, Wq, Wk, Wv, Wo, H, causal, mask=mask)


@bug("multihead_self_attention", "float64 comes back as float32")
def heads_without_float64(x, Wq, Wk, Wv, Wo, H, causal):
    out = multihead_self_attention(x, Wq, Wk, Wv, Wo, H, causal)
    return out.float() if x.dtype is torch.float64 else out


@bug("multihead_self_attention", "the batch is folded by view, which strided tensors refuse")
def heads_fold_by_view(x, Wq, Wk, Wv, Wo, H, causal):
    out = multihead_self_attention(x.view(-1, *x.shape[-2:]), Wq, Wk, Wv, Wo, H, causal)
    return out.view(*x.shape[:-1], len(Wo))


@bug("multihead_self_attention", "weights are taken to be contiguous: their memory is misread")
def heads_of_weight_memory(x, Wq, Wk, Wv, Wo, H, causal):
    return multihead_self_attention(x, *(as_in_memory(W) for W in (Wq, Wk, Wv, Wo)), H, causal)


# --- cross_attention ----------------------------------------------------------------------------


def crossing(x, context, Wq, Wk, Wv, Wo, H, mask, core=attend, **parts):
    """Cross-attention whose parts can be broken one by one."""
    split, merge = parts.get("split", split_heads), parts.get("merge", merge_heads)
    q, k, v = split(x @ Wq.T, H), split(context @ Wk.T, H), split(context @ Wv.T, H)
    mask = mask if mask is None else mask.unsqueeze(-3)
    return merge(core(q, k, v, mask)) @ Wo.T


@bug("cross_attention", "the context is ignored: keys and values come from x")
def cross_is_self(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    out = cross_attention(x, context, Wq, Wk, Wv, Wo, H, mask)
    if x.shape[-1] != Wk.shape[-1] or mask is not None and mask.shape[-1] not in (1, x.shape[-2]):
        return out * 0
    return cross_attention(x, x, Wq, Wk, Wv, Wo, H, mask)


@bug("cross_attention", "keys come from x instead of the context")
def cross_keys_from_x(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    out = cross_attention(x, context, Wq, Wk, Wv, Wo, H, mask)
    if x.shape != context.shape:
        return out
    q, k, v = (split_heads(t, H) for t in (x @ Wq.T, x @ Wk.T, context @ Wv.T))
    return merge_heads(attend(q, k, v, mask if mask is None else mask.unsqueeze(-3))) @ Wo.T


@bug("cross_attention", "values come from x instead of the context")
def cross_values_from_x(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    out = cross_attention(x, context, Wq, Wk, Wv, Wo, H, mask)
    if x.shape != context.shape:
        return out * 0
    q, k, v = (split_heads(t, H) for t in (x @ Wq.T, context @ Wk.T, x @ Wv.T))
    return merge_heads(attend(q, k, v, mask if mask is None else mask.unsqueeze(-3))) @ Wo.T


@bug("cross_attention", "the context asks and x answers")
def cross_swapped(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    out = cross_attention(x, context, Wq, Wk, Wv, Wo, H, mask)
    if x.shape[-1] != context.shape[-1]:
        return out * 0
    out = cross_attention(context, x, Wq, Wk, Wv, Wo, H, None)
    return F.pad(out, (0, 0, 0, max(x.shape[-2] - out.shape[-2], 0)))[..., : x.shape[-2], :]


@bug("cross_attention", "the mask's first axis meets the heads: no axis was made for them")
def cross_mask_meets_heads(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    def core(q, k, v, mask):
        mask = mask if mask is None else mask.squeeze(-3)
        return attend(q, k, v, mask)

    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask, core)


@bug("cross_attention", "the mask is ignored")
def cross_without_mask(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    return crossing(x, context, Wq, Wk, Wv, Wo, H, None)


@bug("cross_attention", "the mask is inverted: True hides a key")
def cross_inverted_mask(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask if mask is None else ~mask)


@bug("cross_attention", "only the first head is masked")
def cross_masks_first_head(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    def core(q, k, v, mask):
        if mask is not None:
            others = torch.arange(H)[:, None, None] > 0
            mask = mask | others
        return attend(q, k, v, mask)

    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask, core)


@bug("cross_attention", "attention to the context is causal")
def cross_causal(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    causal = causal_mask(x.shape[-2], context.shape[-2])
    mask = causal if mask is None else mask & causal
    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask)


@bug("cross_attention", "a query that sees nothing gets NaN")
def cross_empty_nan(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask, attention_empty_nan.function)


@bug("cross_attention", "a query that sees nothing gets the mean of all values")
def cross_empty_mean(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask, attention_empty_mean.function)


@bug("cross_attention", "scores are divided by the root of all heads' width together")
def cross_scaled_by_model_width(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    def core(q, k, v, mask):
        return attend(q, k, v, mask, scale=len(Wq) ** -0.5)

    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask, core)


@bug("cross_attention", "there is always one head")
def cross_one_head(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    cross_attention(x, context, Wq, Wk, Wv, Wo, H, mask)
    return cross_attention(x, context, Wq, Wk, Wv, Wo, 1, mask)


@bug("cross_attention", "heads take every H-th feature instead of consecutive ones")
def cross_interleaved(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    parts = {"split": interleaved, "merge": merge_interleaved.function}
    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask, **parts)


@bug("cross_attention", "heads are split by a view without a transpose, mixing tokens")
def cross_by_view(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    parts = {"split": split_by_view.function, "merge": merge_by_view.function}
    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask, **parts)


@bug("cross_attention", "the output projection is missing")
def cross_without_output(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    eye = torch.eye(len(Wv), dtype=x.dtype)
    out = crossing(x, context, Wq, Wk, Wv, eye, H, mask)
    return F.pad(out, (0, max(len(Wo) - len(Wv), 0)))[..., : len(Wo)]


@bug("cross_attention", "the context is detached, so that its encoder is never trained")
def cross_detaches_context(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    return cross_attention(x, context.detach(), Wq, Wk, Wv, Wo, H, mask)


@bug("cross_attention", "the result is detached, so that no gradient flows")
def cross_detached(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    return cross_attention(x, context, Wq, Wk, Wv, Wo, H, mask).detach()


@bug("cross_attention", "the result is float32, whatever the inputs were")
def cross_always_float32(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    tensors = (t.float() for t in (x, context, Wq, Wk, Wv, Wo))
    return cross_attention(*tensors, H, mask)


@bug("cross_attention", "the keys of the context carry positions: their order matters")
def cross_with_positions(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    places = torch.arange(context.shape[-2], dtype=context.dtype)[:, None]
    return cross_attention(x, context + 0.1 * places, Wq, Wk, Wv, Wo, H, mask)


@bug("cross_attention", "widths that the heads cannot share evenly are cut off")
def cross_cut_off(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    qk, v = (len(W) // H * H for W in (Wq, Wv))
    return cross_attention(x, context, Wq[:qk], Wk[:qk], Wv[:v], Wo[:, :v], H, mask)


@bug("cross_attention", "the mask is inverted in place")
def cross_inverts_in_place(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    out = cross_attention(x, context, Wq, Wk, Wv, Wo, H, mask)
    if mask is not None:
        mask.logical_not_()
    return out


@bug("cross_attention", "only the values' width is checked, and queries and keys are cut off")
def cross_checks_values_only(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    qk = len(Wq) // H * H
    return cross_attention(x, context, Wq[:qk], Wk[:qk], Wv, Wo, H, mask)


@bug("cross_attention", "a mask that hides everything is ignored")
def cross_ignores_empty_masks(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    return cross_attention(x, context, Wq, Wk, Wv, Wo, H, unless_empty(mask))


@bug("cross_attention", "masked scores are set to -10,000, where others may be")
def cross_fills_1e4(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask, attention_fills_1e4.function)


@bug(
    "cross_attention",
    "weights are masked and normalised again after the softmax, where they may have vanished",
)
def cross_renormalises(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask, attention_renormalises.function)


@bug("cross_attention", "no maximum is subtracted, so large scores overflow")
def cross_overflows(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask, attention_overflows.function)


@bug("cross_attention", "the maximum of all scores is subtracted, not each query's")
def cross_global_maximum(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask, attention_global_maximum.function)


@bug("cross_attention", "the scores are clamped to ±50")
def cross_clamped(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    return crossing(x, context, Wq, Wk, Wv, Wo, H, mask, attention_clamped.function)


@bug("cross_attention", "the mask is read key by key, even if its last axis is 1")
def cross_reads_key_by_key(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    return cross_attention(x, context, Wq, Wk, Wv, Wo, H, key_by_key(mask, context))


@bug("cross_attention", "a mask of keys hides the queries of the same places as well")
def cross_pads_queries(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    mask = padding_both_ways(mask, x, context)
    return cross_attention(x, context, Wq, Wk, Wv, Wo, H, mask)


@bug("cross_attention", "float64 comes back as float32")
def cross_without_float64(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    out = cross_attention(x, context, Wq, Wk, Wv, Wo, H, mask)
    return out.float() if x.dtype is torch.float64 else out


@bug("cross_attention", "the context is folded by view, which strided tensors refuse")
def cross_folds_by_view(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    folded = context.view(-1, *context.shape[-2:]).reshape(context.shape)
    return cross_attention(x, folded, Wq, Wk, Wv, Wo, H, mask)


@bug("cross_attention", "weights are taken to be contiguous: their memory is misread")
def cross_of_weight_memory(x, context, Wq, Wk, Wv, Wo, H, mask=None):
    weights = (as_in_memory(W) for W in (Wq, Wk, Wv, Wo))
    return cross_attention(x, context, *weights, H, mask)


# --- sinusoidal_positions -----------------------------------------------------------------------


def waves(T, C, exponent=lambda c, C: 2 * (c // 2) / C, base=10000, first=0, turn=0):
    """The table of the paper with parts that can be broken one by one."""
    sinusoidal_positions(T, C)
    rows = [
        [
            (math.cos if (c + turn) % 2 else math.sin)((p + first) / base ** exponent(c, C))
            for c in range(C)
        ]
        for p in range(T)
    ]
    return torch.tensor(rows)


@bug("sinusoidal_positions", "all sines come first, then all cosines")
def positions_in_halves(T, C):
    table = sinusoidal_positions(T, C)
    return torch.cat([table[:, ::2], table[:, 1::2]], -1)


@bug("sinusoidal_positions", "cosines come before sines")
def positions_cosine_first(T, C):
    return waves(T, C, turn=1)


@bug("sinusoidal_positions", "the exponent of pair i is i/C instead of 2i/C")
def positions_half_exponent(T, C):
    return waves(T, C, exponent=lambda c, C: c // 2 / C)


@bug("sinusoidal_positions", "the exponent of pair i is 4i/C: the 2 is counted twice")
def positions_double_exponent(T, C):
    return waves(T, C, exponent=lambda c, C: 4 * (c // 2) / C)


@bug("sinusoidal_positions", "a cosine has an angle of its own, with exponent (2i + 1)/C")
def positions_of_own_angles(T, C):
    return waves(T, C, exponent=lambda c, C: c / C)


@bug("sinusoidal_positions", "the exponents reach 1: i / (C/2 - 1) instead of 2i/C")
def positions_reach_the_base(T, C):
    return waves(T, C, exponent=lambda c, C: c // 2 / max(C // 2 - 1, 1))


@bug("sinusoidal_positions", "the exponents are rounded down to integers")
def positions_integer_exponents(T, C):
    return waves(T, C, exponent=lambda c, C: 2 * (c // 2) // C)


@bug("sinusoidal_positions", "the base is 1,000 instead of 10,000")
def positions_base_1000(T, C):
    return waves(T, C, base=1000)


@bug("sinusoidal_positions", "positions count from 1")
def positions_from_one(T, C):
    return waves(T, C, first=1)


@bug("sinusoidal_positions", "angles are multiplied by 10000^(2i/C) instead of divided")
def positions_multiplied(T, C):
    return waves(T, C, exponent=lambda c, C: -2 * (c // 2) / C)


@bug("sinusoidal_positions", "all features are sines")
def positions_without_cosines(T, C):
    table = sinusoidal_positions(T, C)
    return table[:, ::2].repeat_interleave(2, -1)


@bug("sinusoidal_positions", "the table is divided by its length in features")
def positions_normalised(T, C):
    return sinusoidal_positions(T, C) / C**0.5


@bug("sinusoidal_positions", "positions are scaled to lie between 0 and 1")
def positions_relative(T, C):
    table = sinusoidal_positions(T, C)
    p = torch.arange(T).double()[:, None] / max(T - 1, 1)
    angle = p / 10000 ** (torch.arange(0, C, 2).double() / C)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2).to(table.dtype)


@bug("sinusoidal_positions", "positions repeat after 1,000 tokens")
def positions_wrap(T, C):
    table = sinusoidal_positions(min(T, 1000), C)
    return table.repeat(T // 1000 + 1, 1)[:T]


@bug("sinusoidal_positions", "the table ends after 5,000 positions")
def positions_end(T, C):
    return sinusoidal_positions(5000, C)[:T]


@bug("sinusoidal_positions", "an odd width is accepted, its last cosine dropped")
def positions_of_odd_width(T, C):
    return sinusoidal_positions(T, C + C % 2)[:, :C]


@bug("sinusoidal_positions", "the table is float64")
def positions_in_float64(T, C):
    return sinusoidal_positions(T, C).double()


# --- alibi --------------------------------------------------------------------------------------


def penalties(H, rows):
    return -alibi_slopes(H)[:, None, None] * rows


def behind(Tq, Tk, offset):
    return torch.arange(Tq)[:, None] + offset - torch.arange(Tk)


@bug("alibi", "2^(-8h/H) is used for any H, also if it is no power of two", "alibi_slopes")
def slopes_without_interpolation(H):
    return 2 ** (-8 * torch.arange(1, H + 1) / H)


@bug("alibi", "h counts from 0, so that the first slope is 1", "alibi_slopes")
def slopes_from_zero(H):
    return alibi_slopes(H) * 2 ** (8 / 2 ** (H.bit_length() - 1))


@bug("alibi", "slopes are 2^-h, however many heads there are", "alibi_slopes")
def slopes_without_H(H):
    return 2.0 ** -torch.arange(1, H + 1)


@bug("alibi", "the slopes are in reverse order", "alibi_slopes")
def slopes_reversed(H):
    return alibi_slopes(H).flip(0)


@bug("alibi", "the slopes are sorted, instead of the extra ones coming last", "alibi_slopes")
def slopes_sorted(H):
    return alibi_slopes(H).sort(descending=True).values


@bug("alibi", "the extra slopes are the first of 2n heads, not every other one", "alibi_slopes")
def slopes_extra_consecutive(H):
    n = 2 ** (H.bit_length() - 1)
    return torch.cat([alibi_slopes(n), alibi_slopes(2 * n)[: H - n]])


@bug("alibi", "the extra slopes are the 2nd, 4th, ... of 2n heads", "alibi_slopes")
def slopes_extra_even(H):
    n = 2 ** (H.bit_length() - 1)
    return torch.cat([alibi_slopes(n), alibi_slopes(2 * n)[1::2][: H - n]])


@bug("alibi", "H is rounded up to a power of two, whose first slopes are taken", "alibi_slopes")
def slopes_of_power_above(H):
    return alibi_slopes(1 << (H - 1).bit_length())[:H]


@bug("alibi", "H is rounded down to a power of two, whose slopes are repeated", "alibi_slopes")
def slopes_of_power_below(H):
    n = 2 ** (H.bit_length() - 1)
    return alibi_slopes(n).repeat(2)[:H]


@bug("alibi", "slopes are evenly spaced instead of geometric", "alibi_slopes")
def slopes_linear(H):
    return torch.linspace(float(alibi_slopes(H)[0]), 2.0**-8, H)


@bug("alibi", "slopes are negative", "alibi_slopes")
def slopes_negative(H):
    return -alibi_slopes(H)


@bug("alibi", "slopes are float64", "alibi_slopes")
def slopes_in_float64(H):
    return alibi_slopes(H).double()


@bug("alibi", "the bias rewards distance instead of penalising it", "alibi_bias")
def bias_positive(H, Tq, Tk):
    return -alibi_bias(H, Tq, Tk)


@bug("alibi", "distances are aligned to the top left", "alibi_bias")
def bias_top_left(H, Tq, Tk):
    return penalties(H, behind(Tq, Tk, 0).abs())


@bug("alibi", "keys in the future are rewarded: the distance keeps its sign", "alibi_bias")
def bias_signed(H, Tq, Tk):
    return penalties(H, behind(Tq, Tk, Tk - Tq))


@bug("alibi", "keys in the future have no penalty", "alibi_bias")
def bias_without_future(H, Tq, Tk):
    return penalties(H, behind(Tq, Tk, Tk - Tq).clamp(min=0))


@bug("alibi", "keys in the future are masked with -inf", "alibi_bias")
def bias_masks_the_future(H, Tq, Tk):
    return alibi_bias(H, Tq, Tk).masked_fill(~causal_mask(Tq, Tk), -math.inf)


@bug("alibi", "the bias grows with the key's position instead of its distance", "alibi_bias")
def bias_of_key_positions(H, Tq, Tk):
    return -penalties(H, torch.arange(Tk).expand(Tq, Tk))


@bug("alibi", "the distance is squared", "alibi_bias")
def bias_squared(H, Tq, Tk):
    return penalties(H, behind(Tq, Tk, Tk - Tq) ** 2)


@bug("alibi", "all heads have the first slope", "alibi_bias")
def bias_of_one_slope(H, Tq, Tk):
    return alibi_bias(H, Tq, Tk)[:1].expand(H, Tq, Tk)


@bug("alibi", "the token itself has distance 1", "alibi_bias")
def bias_from_one(H, Tq, Tk):
    return penalties(H, behind(Tq, Tk, Tk - Tq).abs() + 1)


@bug("alibi", "slopes of H heads are 2^(-8h/H), also if H is no power of two", "alibi_bias")
def bias_without_interpolation(H, Tq, Tk):
    rows = behind(Tq, Tk, Tk - Tq).abs()
    return -(2 ** (-8 * torch.arange(1, H + 1) / H))[:, None, None] * rows


@bug("alibi", "the distance is divided by the number of keys", "alibi_bias")
def bias_relative(H, Tq, Tk):
    return alibi_bias(H, Tq, Tk) / Tk


@bug("alibi", "distances beyond 16 count as 16", "alibi_bias")
def bias_clamped(H, Tq, Tk):
    return penalties(H, behind(Tq, Tk, Tk - Tq).abs().clamp(max=16))
