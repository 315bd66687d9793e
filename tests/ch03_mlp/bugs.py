"""The bug bank of ch03_mlp: what students write when they misunderstand."""

import math

import torch
import torch.nn.functional as F

from kit.bank import bug
from solutions.ch03_mlp.adapters import (
    batchnorm_backward,
    batchnorm_forward,
    context_windows,
    cross_entropy_backward,
    cross_entropy_forward,
    embedding_backward,
    embedding_forward,
    gelu,
    gelu_backward,
    init_mlp,
    kaiming_init,
    linear_backward,
    linear_forward,
    mlp_forward,
    train_mlp,
    train_step,
)
from solutions.ch03_mlp.batchnorm import check_batch, check_rows, normalize
from solutions.ch03_mlp.cross_entropy import check_targets, log_softmax
from solutions.ch03_mlp.embedding import check_ids
from solutions.ch03_mlp.mlp import mlp_backward

# --- context_windows ----------------------------------------------------------------------------


def cut(documents, k, target=None, step=1, first=0):
    """Correct windows but for the flaw that the arguments bring in."""
    context_windows(documents, k)  # what is an error stays one
    x, y = [], []
    for d in documents:
        for i in range(first, len(d) - k, step):
            x.append(d[i : i + k])
            y.append(d[i + k if target is None else i + target])
    return torch.tensor(x).reshape(-1, k), torch.tensor(y, dtype=torch.int64)


@bug("context_windows", "the target is the last id of its own window")
def windows_with_target_inside(documents, k):
    return cut(documents, k, target=k - 1)


@bug("context_windows", "the target is the first id of its own window")
def windows_with_first_as_target(documents, k):
    return cut(documents, k, target=0)


@bug("context_windows", "an id is skipped between window and target")
def windows_with_a_gap(documents, k):
    x, y = context_windows(documents, k + 1)
    return x[:, :k], y


@bug("context_windows", "windows cross from one document into the next")
def windows_across_documents(documents, k):
    context_windows(documents, k)
    return context_windows([[i for d in documents for i in d]], k)


@bug("context_windows", "windows do not overlap: the next begins where the last one ended")
def windows_without_overlap(documents, k):
    return cut(documents, k, step=k)


@bug("context_windows", "the last window of every document is missing")
def windows_without_the_last(documents, k):
    context_windows(documents, k)
    return cut([[*d[:-1]] if len(d) > k + 1 else d for d in documents], k)


@bug("context_windows", "the first window of every document is missing")
def windows_without_the_first(documents, k):
    return cut(documents, k, first=1)


@bug("context_windows", "windows are read backwards, the latest id first")
def windows_backwards(documents, k):
    x, y = context_windows(documents, k)
    return x.flip(1), y


@bug("context_windows", "short documents are padded with zeros at their start")
def windows_padded(documents, k):
    context_windows(documents, k)
    return cut([[0] * (k + 1 - len(d)) + d if len(d) > 1 else d for d in documents], k)


@bug("context_windows", "every document is padded with k zeros")
def windows_padded_always(documents, k):
    context_windows(documents, k)
    return cut([[0] * k + d for d in documents], k)


@bug("context_windows", "windows that occur twice are kept once")
def windows_made_distinct(documents, k):
    x, y = context_windows(documents, k)
    rows = dict.fromkeys((*row, t) for row, t in zip(x.tolist(), y.tolist(), strict=True))
    ids = torch.tensor(list(rows))
    return ids[:, :k], ids[:, k]


@bug("context_windows", "only the first document that is long enough is used")
def windows_of_one_document(documents, k):
    context_windows(documents, k)
    return context_windows([next(d for d in documents if len(d) > k)], k)


@bug("context_windows", "windows come sorted instead of in the order of the text")
def windows_sorted(documents, k):
    context_windows(documents, k)
    return context_windows(sorted(documents), k)


@bug("context_windows", "a single window is no matrix of one row")
def windows_squeezed(documents, k):
    x, y = context_windows(documents, k)
    return (x[0] if len(x) == 1 else x), y


@bug("context_windows", "ids are int32 instead of int64")
def windows_of_int32(documents, k):
    x, y = context_windows(documents, k)
    return x.int(), y.int()


@bug("context_windows", "ids pass through 16 bits, which large ones do not survive")
def windows_of_16_bits(documents, k):
    x, y = context_windows(documents, k)
    return x.short().long(), y.short().long()


@bug("context_windows", "without any window the result is empty instead of an error")
def windows_may_be_empty(documents, k):
    if k >= 1 and not any(len(d) > k for d in documents):
        return torch.zeros(0, k, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    return context_windows(documents, k)


@bug("context_windows", "no documents are an empty result instead of an error")
def windows_of_nothing(documents, k):
    if not any(documents) and k >= 1:
        return torch.zeros(0, k, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    return context_windows(documents, k)


@bug("context_windows", "without any window an IndexError escapes instead of a ValueError")
def windows_raise_index_error(documents, k):
    try:
        return context_windows(documents, k)
    except ValueError as error:
        raise IndexError(str(error)) from None


@bug("context_windows", "windows of k < 1 ids are allowed")
def windows_of_no_ids(documents, k):
    if k < 1:
        ids = torch.tensor([i for d in documents for i in d])
        return torch.zeros(len(ids), 0, dtype=torch.int64), ids
    return context_windows(documents, k)


@bug("context_windows", "a document of k ids is refused, and so is one of k + 1")
def windows_refuse_exact_fit(documents, k):
    if not any(len(d) > k + 1 for d in documents):
        raise ValueError("too short")
    return context_windows(documents, k)


@bug("context_windows", "one short document makes everything an error")
def windows_refuse_short_documents(documents, k):
    if any(len(d) <= k for d in documents):
        raise ValueError("too short")
    return context_windows(documents, k)


@bug("context_windows", "ids pass through float32, which large ones do not survive")
def windows_through_float32(documents, k):
    x, y = context_windows(documents, k)
    return x.float().long(), y.float().long()


@bug("context_windows", "ids pass through 32 bits, which huge ones do not survive")
def windows_of_32_bits(documents, k):
    x, y = context_windows(documents, k)
    return x.int().long(), y.int().long()


@bug("context_windows", "an id of -1 is taken for the end of a document")
def windows_end_at_minus_one(documents, k):
    context_windows(documents, k)
    ids = [i for d in documents for i in [*d, -1]]
    found = [ids[i : i + k + 1] for i in range(len(ids) - k) if -1 not in ids[i : i + k + 1]]
    pairs = torch.tensor(found).reshape(-1, k + 1)
    return pairs[:, :k], pairs[:, k]


@bug("context_windows", "the rest of a document is cut by recursion, which ends at 1,000 ids")
def windows_by_recursion(documents, k):
    def windows(document):
        return [document[: k + 1], *windows(document[1:])] if len(document) > k else []

    context_windows(documents, k)
    pairs = torch.tensor([w for d in documents for w in windows(d)])
    return pairs[:, :k], pairs[:, k]


# --- embedding ----------------------------------------------------------------------------------


@bug("embedding", "gradients of a repeated id overwrite each other", "embedding_backward")
def embedding_gradient_overwritten(d_out, ids, V):
    embedding_backward(d_out, ids, V)
    gradient = d_out.new_zeros(V, d_out.shape[-1])
    gradient[ids.reshape(-1)] = d_out.reshape(-1, d_out.shape[-1])
    return gradient


@bug("embedding", "gradients of a repeated id are averaged instead of added", "embedding_backward")
def embedding_gradient_averaged(d_out, ids, V):
    counts = torch.bincount(ids.reshape(-1), minlength=V).clamp(min=1)
    return embedding_backward(d_out, ids, V) / counts[:, None].to(d_out.dtype)


@bug("embedding", "the gradient is divided by the number of ids", "embedding_backward")
def embedding_gradient_mean(d_out, ids, V):
    return embedding_backward(d_out, ids, V) / max(ids.numel(), 1)


@bug("embedding", "gradients are sorted into rows by position, not by id", "embedding_backward")
def embedding_gradient_by_position(d_out, ids, V):
    positions = torch.arange(ids.numel()).view(ids.shape) % V
    embedding_backward(d_out, ids, V)
    return embedding_backward(d_out, positions, V)


@bug("embedding", "the gradient is always float32", "embedding_backward")
def embedding_gradient_float32(d_out, ids, V):
    return embedding_backward(d_out, ids, V).float()


@bug("embedding", "the table of gradients ends at the largest id that occurs", "embedding_backward")
def embedding_gradient_too_short(d_out, ids, V):
    gradient = embedding_backward(d_out, ids, V)
    return gradient[: int(ids.max()) + 1] if ids.numel() else gradient


@bug("embedding", "gradients are viewed in the order of memory", "embedding_backward")
def embedding_gradient_in_memory_order(d_out, ids, V):
    embedding_backward(d_out, ids, V)
    if not d_out.is_contiguous():
        d_out = d_out.mT.reshape(d_out.shape)
    return embedding_backward(d_out, ids, V)


@bug("embedding", "a negative id counts from the end, backwards", "embedding_backward")
def embedding_gradient_of_negative_ids(d_out, ids, V):
    if d_out.shape[:-1] == ids.shape and ids.numel() and ids.min() >= -V and ids.max() < V:
        ids = ids % V
    return embedding_backward(d_out, ids, V)


@bug("embedding", "gradients of ids out of range are dropped", "embedding_backward")
def embedding_gradient_drops_ids(d_out, ids, V):
    inside = (ids >= 0) & (ids < V)
    if d_out.shape[:-1] != ids.shape:
        raise ValueError("shapes")
    return embedding_backward(d_out[inside], ids[inside], V)


@bug("embedding", "backwards, an id out of range is an IndexError", "embedding_backward")
def embedding_gradient_index_error(d_out, ids, V):
    if ids.numel() and (ids.min() < 0 or ids.max() >= V):
        raise IndexError("id")
    return embedding_backward(d_out, ids, V)


@bug("embedding", "only the number of gradients has to fit, not their axes", "embedding_backward")
def embedding_gradient_of_any_shape(d_out, ids, V):
    if d_out.shape[:-1].numel() == ids.numel():
        d_out = d_out.reshape(*ids.shape, -1)
    return embedding_backward(d_out, ids, V)


@bug("embedding", "gradients are broadcast to the ids", "embedding_backward")
def embedding_gradient_broadcast(d_out, ids, V):
    if d_out.shape[:-1] == (1, *ids.shape[1:]):
        d_out = d_out.expand(*ids.shape, -1)
    return embedding_backward(d_out, ids, V)


@bug("embedding", "shapes that do not fit raise torch's RuntimeError", "embedding_backward")
def embedding_gradient_runtime_error(d_out, ids, V):
    if d_out.shape[:-1] != ids.shape:
        raise RuntimeError("shape mismatch")
    return embedding_backward(d_out, ids, V)


@bug("embedding", "a negative id counts from the end of the table", "embedding_forward")
def embedding_of_negative_ids(table, ids):
    if (ids >= len(table)).any() or (ids < -len(table)).any():
        raise ValueError("id out of range")
    return table[ids]


@bug(
    "embedding", "an id out of range is an IndexError instead of a ValueError", "embedding_forward"
)
def embedding_index_error(table, ids):
    if (ids < 0).any():
        raise ValueError("id out of range")
    return table[ids]


@bug("embedding", "ids are clamped to the table", "embedding_forward")
def embedding_clamped(table, ids):
    return table[ids.clamp(0, len(table) - 1)]


@bug("embedding", "the axes of the ids are lost: rows come in one list", "embedding_forward")
def embedding_flattened(table, ids):
    return embedding_forward(table, ids).reshape(-1, table.shape[1])


@bug("embedding", "embeddings are scaled by the root of their width", "embedding_forward")
def embedding_scaled(table, ids):
    return embedding_forward(table, ids) * table.shape[1] ** 0.5


@bug("embedding", "columns are picked instead of rows", "embedding_forward")
def embedding_of_columns(table, ids):
    embedding_forward(table, ids)
    rows = table.mT.reshape(table.shape)
    return rows[ids]


@bug("embedding", "ids pass through one-hot vectors of float32", "embedding_forward")
def embedding_through_float32(table, ids):
    check_ids(ids, len(table), "id")
    return F.one_hot(ids, len(table)).float() @ table.float()


@bug("embedding", "ids are viewed in the order of memory", "embedding_forward")
def embedding_views_ids(table, ids):
    check_ids(ids, len(table), "id")
    flat = ids.as_strided((ids.numel(),), (1,))
    return table[flat].reshape(*ids.shape, -1)


@bug("embedding", "ids pass through eight bits", "embedding_forward")
def embedding_of_eight_bits(table, ids):
    check_ids(ids, len(table), "id")
    return table[ids.to(torch.uint8).long()]


@bug("embedding", "axes of one are lost", "embedding_forward")
def embedding_squeezed(table, ids):
    return embedding_forward(table, ids).squeeze()


@bug("embedding", "vectors of one number become numbers", "embedding_forward")
def embedding_of_one_number(table, ids):
    return embedding_forward(table, ids).squeeze(-1)


@bug("embedding", "d_out may have more axes than one per axis of the ids", "embedding_backward")
def embedding_gradient_of_more_axes(d_out, ids, V):
    check_ids(ids, V, "id")
    if d_out.shape[: ids.ndim] != ids.shape:
        raise ValueError("shapes")
    C = d_out.shape[-1]
    rows = d_out.reshape(-1, C)[: ids.numel()]
    return d_out.new_zeros(V, C).index_add_(0, ids.reshape(-1), rows)


@bug("embedding", "without ids the gradients are not looked at", "embedding_backward")
def embedding_gradient_of_no_ids(d_out, ids, V):
    if ids.numel() == 0:
        return d_out.new_zeros(V, d_out.shape[-1])
    return embedding_backward(d_out, ids, V)


@bug("embedding", "ids pass through 32 bits before they are checked", "embedding_forward")
def embedding_of_32_bits(table, ids):
    return embedding_forward(table, ids.int().long())


@bug("embedding", "backwards, ids pass through 32 bits", "embedding_backward")
def embedding_gradient_of_32_bits(d_out, ids, V):
    return embedding_backward(d_out, ids.int().long(), V)


# --- linear -------------------------------------------------------------------------------------


def spoil_backward(change):
    """linear_backward, with its three results passed through `change`."""

    def spoilt(d_out, x, W):
        dx, dW, db = linear_backward(d_out, x, W)
        return change(d_out, x, W, dx, dW, db)

    return spoilt


@bug("linear", "the bias gradient is not summed over the rows", "linear_backward")
def linear_bias_gradient_not_summed(d_out, x, W):
    dx, dW, _ = linear_backward(d_out, x, W)
    return dx, dW, d_out


@bug("linear", "the bias gradient is the mean over the rows instead of the sum", "linear_backward")
def linear_bias_gradient_mean(d_out, x, W):
    dx, dW, db = linear_backward(d_out, x, W)
    return dx, dW, db / max(d_out.shape[:-1].numel(), 1)


@bug("linear", "the weight gradient is the mean over the rows, not the sum", "linear_backward")
def linear_weight_gradient_mean(d_out, x, W):
    dx, dW, db = linear_backward(d_out, x, W)
    return dx, dW / max(d_out.shape[:-1].numel(), 1), db


@bug("linear", "the bias gradient is summed over the first axis only", "linear_backward")
def linear_bias_gradient_first_axis(d_out, x, W):
    dx, dW, db = linear_backward(d_out, x, W)
    return dx, dW, d_out.sum(0) if d_out.ndim > 1 else db


@bug("linear", "the weight gradient is summed within each block of rows only", "linear_backward")
def linear_weight_gradient_per_block(d_out, x, W):
    dx, dW, db = linear_backward(d_out, x, W)
    return dx, d_out.mT @ x if x.ndim > 2 else dW, db


@bug("linear", "the weight gradient is transposed", "linear_backward")
def linear_weight_gradient_transposed(d_out, x, W):
    dx, dW, db = linear_backward(d_out, x, W)
    return dx, dW.mT.reshape(dW.shape) if W.shape[0] != W.shape[1] else dW.mT, db


@bug("linear", "dx is dy Wᵀ instead of dy W", "linear_backward")
def linear_input_gradient_transposed(d_out, x, W):
    dx, dW, db = linear_backward(d_out, x, W)
    return (d_out @ W.mT if W.shape[0] == W.shape[1] else dx), dW, db


@bug("linear", "the input gradient is x instead of W times dy", "linear_backward")
def linear_input_gradient_is_input(d_out, x, W):
    dx, dW, db = linear_backward(d_out, x, W)
    return x * d_out.sum(-1, keepdim=True), dW, db


@bug("linear", "rows are viewed in the order of memory", "linear_backward")
def linear_gradient_in_memory_order(d_out, x, W):
    if x.ndim > 2 and not x.is_contiguous():
        x = x.mT.reshape(x.shape)
    return linear_backward(d_out, x, W)


@bug("linear", "gradients are always float32", "linear_backward")
def linear_gradient_float32(d_out, x, W):
    return linear_backward(d_out.float(), x.float(), W.float())


@bug("linear", "one row without leading axes is not supported backwards", "linear_backward")
def linear_gradient_needs_a_batch(d_out, x, W):
    if x.ndim < 2:
        raise ValueError("x needs a batch axis")
    return linear_backward(d_out, x, W)


@bug("linear", "only the number of rows has to fit, not their axes", "linear_backward")
def linear_gradient_of_any_shape(d_out, x, W):
    if d_out.shape[:-1].numel() == x.shape[:-1].numel():
        d_out = d_out.reshape(*x.shape[:-1], -1)
    return linear_backward(d_out, x, W)


@bug("linear", "d_out is broadcast to the rows of x", "linear_backward")
def linear_gradient_broadcast(d_out, x, W):
    if d_out.shape[:-1] == (1, *x.shape[1:-1]):
        d_out = d_out.expand(*x.shape[:-1], -1)
    return linear_backward(d_out, x, W)


@bug("linear", "shapes that do not fit raise torch's RuntimeError, backwards", "linear_backward")
def linear_gradient_runtime_error(d_out, x, W):
    if d_out.shape[:-1] != x.shape[:-1]:
        raise RuntimeError("shape mismatch")
    return linear_backward(d_out, x, W)


@bug("linear", "W is used as (in, out): x W instead of x Wᵀ", "linear_forward")
def linear_not_transposed(x, W, b=None):
    out = linear_forward(x, W, b)
    if W.shape[0] != W.shape[1]:
        return out
    return linear_forward(x, W.mT, b)


@bug("linear", "the bias is forgotten", "linear_forward")
def linear_without_bias(x, W, b=None):
    linear_forward(x, W, b)
    return x @ W.mT


@bug("linear", "the bias is subtracted", "linear_forward")
def linear_minus_bias(x, W, b=None):
    return linear_forward(x, W, b if b is None or len(b) != len(W) else -b)


@bug("linear", "without a bias there is an error", "linear_forward")
def linear_needs_bias(x, W, b=None):
    return linear_forward(x, W, b + 0)


@bug("linear", "the result is float32, whatever the input was", "linear_forward")
def linear_float32(x, W, b=None):
    return linear_forward(x, W, b).float()


@bug("linear", "x is viewed as rows in the order of memory", "linear_forward")
def linear_in_memory_order(x, W, b=None):
    if x.ndim > 1 and not x.is_contiguous() and x.shape[-1] == W.shape[1]:
        x = x.mT.reshape(x.shape)
    return linear_forward(x, W, b)


@bug("linear", "a bias of one entry is broadcast", "linear_forward")
def linear_broadcasts_bias(x, W, b=None):
    if b is not None and b.shape == (1,):
        b = b.expand(len(W))
    return linear_forward(x, W, b)


@bug("linear", "a bias per row of x is allowed", "linear_forward")
def linear_bias_per_row(x, W, b=None):
    if b is not None and b.ndim == 2:
        return linear_forward(x, W) + b
    return linear_forward(x, W, b)


@bug("linear", "an x of another width raises torch's RuntimeError", "linear_forward")
def linear_width_runtime_error(x, W, b=None):
    if x.shape[-1] != W.shape[1]:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    return linear_forward(x, W, b)


@bug("linear", "a bias of another length raises torch's RuntimeError", "linear_forward")
def linear_bias_runtime_error(x, W, b=None):
    if b is not None and b.shape != (len(W),):
        raise RuntimeError("size of tensor a must match the size of tensor b")
    return linear_forward(x, W, b)


@bug("linear", "of the bias only the number of entries is checked", "linear_forward")
def linear_counts_bias(x, W, b=None):
    linear_forward(x, W)
    if b is not None and b.numel() != len(W):
        raise ValueError("bias")
    return x @ W.mT if b is None else x @ W.mT + b


@bug("linear", "a bias that is a plain number is broadcast", "linear_forward")
def linear_takes_a_number(x, W, b=None):
    if b is not None and b.ndim == 0:
        b = b.expand(len(W))
    return linear_forward(x, W, b)


@bug("linear", "an x of one feature is broadcast to all inputs", "linear_forward")
def linear_broadcasts_x(x, W, b=None):
    if x.shape[-1] == 1:
        x = x.expand(*x.shape[:-1], W.shape[1])
    return linear_forward(x, W, b)


@bug("linear", "of a single output the axis is lost", "linear_forward")
def linear_squeezed(x, W, b=None):
    return linear_forward(x, W, b).squeeze(-1)


@bug("linear", "every bias of one entry is refused, also for one output", "linear_forward")
def linear_refuses_one_entry(x, W, b=None):
    if b is not None and b.numel() == 1:
        raise ValueError("would be broadcast")
    return linear_forward(x, W, b)


@bug("linear", "a layer of one output has no bias", "linear_forward")
def linear_of_one_output(x, W, b=None):
    out = linear_forward(x, W, b)
    return linear_forward(x, W) if len(W) == 1 else out


def linear_gradients_if(fit):
    """Gradients of all rows, if only fit(leading axes of d_out, those of x)."""

    def function(d_out, x, W):
        if not fit(d_out.shape[:-1], x.shape[:-1]):
            raise ValueError("leading axes")
        dy, rows = d_out.reshape(-1, d_out.shape[-1]), x.reshape(-1, x.shape[-1])
        n = min(len(dy), len(rows))
        return d_out @ W, dy[:n].mT @ rows[:n], dy.sum(0)

    return function


@bug("linear", "only as many axes are compared as both have", "linear_backward")
def linear_gradient_common_axes(d_out, x, W):
    fit = linear_gradients_if(lambda a, b: all(i == j for i, j in zip(a, b, strict=False)))
    return fit(d_out, x, W)


@bug("linear", "d_out may have more axes than x", "linear_backward")
def linear_gradient_more_axes(d_out, x, W):
    return linear_gradients_if(lambda a, b: a[: len(b)] == b)(d_out, x, W)


@bug("linear", "the weight gradient of a single output is no matrix", "linear_backward")
def linear_gradient_squeezed(d_out, x, W):
    dx, dW, db = linear_backward(d_out, x, W)
    return dx, dW[0] if len(dW) == 1 else dW, db


@bug("linear", "a d_out of other features is torch's RuntimeError", "linear_backward")
def linear_gradient_of_other_outputs(d_out, x, W):
    if d_out.shape[:-1] == x.shape[:-1]:
        d_out @ W
    return linear_backward(d_out, x, W)


# --- gelu ---------------------------------------------------------------------------------------


def other(approximate):
    return {"none": "tanh", "tanh": "none"}.get(approximate, approximate)


@bug("gelu", "the two forms are mixed up", "gelu")
def gelu_forms_swapped(x, approximate):
    return gelu(x, other(approximate))


@bug("gelu", "the tanh form is used for both", "gelu")
def gelu_always_tanh(x, approximate):
    gelu(x, approximate)
    return gelu(x, "tanh")


@bug("gelu", "the exact form is used for both", "gelu")
def gelu_always_exact(x, approximate):
    gelu(x, approximate)
    return gelu(x, "none")


@bug("gelu", "ReLU is taken for GELU", "gelu")
def gelu_is_relu(x, approximate):
    gelu(x, approximate)
    return x.relu()


@bug("gelu", "SiLU, x sigmoid(x), is taken for GELU", "gelu")
def gelu_is_silu(x, approximate):
    gelu(x, approximate)
    return F.silu(x)


@bug("gelu", "x sigmoid(1.702 x) is taken for GELU", "gelu")
def gelu_is_quick(x, approximate):
    gelu(x, approximate)
    return x * torch.sigmoid(1.702 * x)


@bug("gelu", "erf is taken of x instead of x / √2", "gelu")
def gelu_erf_of_x(x, approximate):
    if approximate == "none":
        return x * (1 + torch.erf(x)) / 2
    return gelu(x, approximate)


@bug("gelu", "the half is missing", "gelu")
def gelu_without_half(x, approximate):
    return 2 * gelu(x, approximate)


@bug("gelu", "the factor x is missing: Φ(x) instead of x Φ(x)", "gelu")
def gelu_without_x(x, approximate):
    gelu(x, approximate)
    return torch.special.ndtr(x)


@bug("gelu", "√(2/π) is left out of the tanh form", "gelu")
def gelu_tanh_without_root(x, approximate):
    if approximate == "tanh":
        return x * (1 + torch.tanh(x + 0.044715 * x**3)) / 2
    return gelu(x, approximate)


@bug("gelu", "the cubic coefficient is 0.44715", "gelu")
def gelu_tanh_wrong_cubic(x, approximate):
    if approximate == "tanh":
        return x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.44715 * x**3))) / 2
    return gelu(x, approximate)


@bug("gelu", "the tanh form is written with exponentials, which overflow", "gelu")
def gelu_tanh_overflows(x, approximate):
    if approximate == "tanh":
        e = (2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)).exp()
        return x * (1 + (e - 1) / (e + 1)) / 2
    return gelu(x, approximate)


@bug("gelu", "x is clamped to ±10", "gelu")
def gelu_clamped(x, approximate):
    return gelu(x.clamp(-10, 10), approximate)


@bug("gelu", "an unknown form is taken for the exact one", "gelu")
def gelu_any_other_form(x, approximate):
    return gelu(x, "tanh" if approximate == "tanh" else "none")


@bug("gelu", "an unknown form is taken for the tanh form", "gelu")
def gelu_any_other_is_tanh(x, approximate):
    return gelu(x, "none" if approximate == "none" else "tanh")


@bug("gelu", "an empty tensor is an error", "gelu")
def gelu_refuses_nothing(x, approximate):
    if x.numel() == 0:
        raise ValueError("nothing to do")
    return gelu(x, approximate)


@bug("gelu", "the result is float32, whatever x was", "gelu")
def gelu_float32(x, approximate):
    return gelu(x, approximate).float()


@bug("gelu", "the forms are mixed up backwards", "gelu_backward")
def gelu_slopes_swapped(d_out, x, approximate):
    return gelu_backward(d_out, x, other(approximate))


@bug("gelu", "the exact form's slope is used for both", "gelu_backward")
def gelu_slope_always_exact(d_out, x, approximate):
    gelu_backward(d_out, x, approximate)
    return gelu_backward(d_out, x, "none")


@bug("gelu", "the second term of the product rule is missing: the slope is Φ(x)", "gelu_backward")
def gelu_slope_without_density(d_out, x, approximate):
    gelu_backward(d_out, x, approximate)
    return d_out * torch.special.ndtr(x)


@bug("gelu", "the density is not multiplied by x", "gelu_backward")
def gelu_slope_density_without_x(d_out, x, approximate):
    gelu_backward(d_out, x, approximate)
    if approximate == "none":
        density = torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
        return d_out * (torch.special.ndtr(x) + density)
    return gelu_backward(d_out, x, approximate)


@bug("gelu", "the density lacks its 1/√(2π)", "gelu_backward")
def gelu_slope_density_not_normalized(d_out, x, approximate):
    if approximate == "none" and d_out.shape == x.shape:
        return d_out * (torch.special.ndtr(x) + x * torch.exp(-(x**2) / 2))
    return gelu_backward(d_out, x, approximate)


@bug("gelu", "the factor 3 of the cubic term's derivative is missing", "gelu_backward")
def gelu_slope_cubic_without_3(d_out, x, approximate):
    if approximate == "tanh" and d_out.shape == x.shape:
        root = math.sqrt(2 / math.pi)
        t = torch.tanh(root * (x + 0.044715 * x**3))
        slope = root * (1 + 0.044715 * x**2)
        return d_out * ((1 + t) / 2 + x * (1 - t**2) * slope / 2)
    return gelu_backward(d_out, x, approximate)


@bug("gelu", "the inner derivative of the tanh form is missing", "gelu_backward")
def gelu_slope_without_inner(d_out, x, approximate):
    if approximate == "tanh" and d_out.shape == x.shape:
        t = torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
        return d_out * ((1 + t) / 2 + x * (1 - t**2) / 2)
    return gelu_backward(d_out, x, approximate)


@bug("gelu", "d_out is not multiplied in", "gelu_backward")
def gelu_slope_without_d_out(d_out, x, approximate):
    gelu_backward(d_out, x, approximate)
    return gelu_backward(torch.ones_like(x), x, approximate)


@bug("gelu", "sech² is written with cosh, which overflows", "gelu_backward")
def gelu_slope_overflows(d_out, x, approximate):
    if approximate == "tanh" and d_out.shape == x.shape:
        root = math.sqrt(2 / math.pi)
        u = root * (x + 0.044715 * x**3)
        slope = root * (1 + 3 * 0.044715 * x**2)
        e = (2 * u).exp()
        return d_out * ((1 + u.tanh()) / 2 + x * 4 * e / (e + 1) ** 2 * slope / 2)
    return gelu_backward(d_out, x, approximate)


@bug("gelu", "backwards, an unknown form is taken for the exact one", "gelu_backward")
def gelu_slope_of_any_form(d_out, x, approximate):
    return gelu_backward(d_out, x, "tanh" if approximate == "tanh" else "none")


@bug("gelu", "d_out is broadcast to the shape of x", "gelu_backward")
def gelu_slope_broadcast(d_out, x, approximate):
    return gelu_backward(d_out.broadcast_to(torch.broadcast_shapes(d_out.shape, x.shape)),
                         x.broadcast_to(torch.broadcast_shapes(d_out.shape, x.shape)), approximate)  # fmt: skip


@bug("gelu", "x is viewed in the order of memory", "gelu")
def gelu_views(x, approximate):
    return gelu(x.as_strided((x.numel(),), (1,)), approximate).reshape(x.shape)


@bug("gelu", "x and d_out are viewed in the order of memory", "gelu_backward")
def gelu_slope_views(d_out, x, approximate):
    gelu_backward(d_out, x, approximate)
    flat = [v.as_strided((v.numel(),), (1,)) for v in (d_out, x)]
    return gelu_backward(*flat, approximate).reshape(x.shape)


def slope_if(fit):
    """d_out times the slope, where fit(d_out, x)."""

    def function(d_out, x, approximate):
        slope = gelu_backward(torch.ones_like(x), x, approximate)
        if not fit(d_out, x):
            raise ValueError("shapes")
        return d_out * slope

    return function


@bug("gelu", "only the last axes of d_out and x are compared", "gelu_backward")
def gelu_slope_last_axes(d_out, x, approximate):
    return slope_if(lambda d, x: d.shape[-1:] == x.shape[-1:])(d_out, x, approximate)


@bug("gelu", "only the number of entries of d_out is checked", "gelu_backward")
def gelu_slope_counts(d_out, x, approximate):
    if d_out.numel() == x.numel():
        d_out = d_out.reshape(x.shape)
    return gelu_backward(d_out, x, approximate)


@bug("gelu", "every name that begins with tanh is the tanh form", "gelu")
def gelu_by_prefix(x, approximate):
    return gelu(x, "tanh" if approximate.startswith("tanh") else approximate)


@bug("gelu", "beyond 6 GELU is taken for ReLU, in float64 too", "gelu")
def gelu_cut_off(x, approximate):
    return torch.where(x.abs() > 6, x.clamp(min=0), gelu(x, approximate))


@bug("gelu", "other names of the forms are accepted as well", "gelu")
def gelu_of_other_names(x, approximate):
    names = {"exact": "none", "gelu_new": "tanh"}
    return gelu(x, names.get(approximate, approximate))


# --- cross_entropy ------------------------------------------------------------------------------


def nll_of(logits, targets, log_p):
    """The mean loss, of log-probabilities that may be wrong."""
    check_targets(logits, targets)
    return -log_p[torch.arange(len(targets)), targets].mean().item()


def gradient_of(logits, targets, p):
    """The gradient, of probabilities that may be wrong."""
    check_targets(logits, targets)
    return (p - F.one_hot(targets, logits.shape[1]).to(p.dtype)) / len(targets)


@bug(
    "cross_entropy", "the loss is summed over the rows instead of averaged", "cross_entropy_forward"
)
def cross_entropy_summed(logits, targets):
    return cross_entropy_forward(logits, targets) * len(targets)


@bug("cross_entropy", "the mean is taken twice", "cross_entropy_forward")
def cross_entropy_double_mean(logits, targets):
    return cross_entropy_forward(logits, targets) / len(targets)


@bug("cross_entropy", "the mean is over rows and classes", "cross_entropy_forward")
def cross_entropy_mean_over_classes(logits, targets):
    return cross_entropy_forward(logits, targets) / logits.shape[1]


@bug("cross_entropy", "the loss is in bits: log2 for ln", "cross_entropy_forward")
def cross_entropy_in_bits(logits, targets):
    return cross_entropy_forward(logits, targets) / math.log(2)


@bug("cross_entropy", "the sign is missing: the loss is negative", "cross_entropy_forward")
def cross_entropy_negative(logits, targets):
    return -cross_entropy_forward(logits, targets)


@bug("cross_entropy", "the logit of the target is taken without softmax", "cross_entropy_forward")
def cross_entropy_without_softmax(logits, targets):
    return nll_of(logits, targets, logits)


@bug("cross_entropy", "softmax is taken of softmax", "cross_entropy_forward")
def cross_entropy_softmax_twice(logits, targets):
    return cross_entropy_forward(log_softmax(logits).exp(), targets)


@bug(
    "cross_entropy",
    "softmax is taken over the rows instead of the classes",
    "cross_entropy_forward",
)
def cross_entropy_over_rows(logits, targets):
    return nll_of(logits, targets, log_softmax(logits.mT).mT if len(logits) else logits)


@bug("cross_entropy", "no maximum is subtracted, so large logits overflow", "cross_entropy_forward")
def cross_entropy_overflows(logits, targets):
    return nll_of(logits, targets, logits - logits.exp().sum(-1, keepdim=True).log())


@bug(
    "cross_entropy",
    "the maximum of all logits is subtracted, not each row's",
    "cross_entropy_forward",
)
def cross_entropy_global_maximum(logits, targets):
    check_targets(logits, targets)
    logits = logits - logits.max()
    return nll_of(logits, targets, logits - logits.exp().sum(-1, keepdim=True).log())


@bug("cross_entropy", "the logarithm is of the rounded softmax", "cross_entropy_forward")
def cross_entropy_log_of_softmax(logits, targets):
    return nll_of(logits, targets, torch.softmax(logits, -1).log())


@bug("cross_entropy", "a little is added to p before the logarithm", "cross_entropy_forward")
def cross_entropy_nudged(logits, targets):
    return nll_of(logits, targets, (torch.softmax(logits, -1) + 1e-8).log())


@bug("cross_entropy", "logits are clamped to ±50", "cross_entropy_forward")
def cross_entropy_clamped(logits, targets):
    return cross_entropy_forward(logits.clamp(-50, 50), targets)


@bug("cross_entropy", "a negative target counts from the last class", "cross_entropy_forward")
def cross_entropy_of_negative_targets(logits, targets):
    check_targets(logits, targets.where(targets != -1, 0))
    return cross_entropy_forward(logits, targets % logits.shape[1])


@bug("cross_entropy", "rows with a target of -1 are left out", "cross_entropy_forward")
def cross_entropy_ignores_targets(logits, targets):
    keep = targets != -1
    if len(targets) == len(logits) and keep.any():
        logits, targets = logits[keep], targets[keep]
    return cross_entropy_forward(logits, targets)


@bug("cross_entropy", "a target beyond the classes is an IndexError", "cross_entropy_forward")
def cross_entropy_index_error(logits, targets):
    if (targets >= logits.shape[1]).any():
        raise IndexError("target")
    return cross_entropy_forward(logits, targets)


@bug("cross_entropy", "a single target is broadcast to all rows", "cross_entropy_forward")
def cross_entropy_broadcasts_target(logits, targets):
    if len(targets) == 1:
        targets = targets.expand(len(logits))
    return cross_entropy_forward(logits, targets)


@bug("cross_entropy", "surplus rows or targets are left out", "cross_entropy_forward")
def cross_entropy_shortest(logits, targets):
    n = min(len(logits), len(targets))
    return cross_entropy_forward(logits[:n], targets[:n])


@bug("cross_entropy", "without rows the loss is NaN", "cross_entropy_forward")
def cross_entropy_of_nothing_is_nan(logits, targets):
    if len(logits) == 0 == len(targets):
        return math.nan
    return cross_entropy_forward(logits, targets)


@bug("cross_entropy", "without rows the loss is 0", "cross_entropy_forward")
def cross_entropy_of_nothing_is_zero(logits, targets):
    if len(logits) == 0 == len(targets):
        return 0.0
    return cross_entropy_forward(logits, targets)


@bug("cross_entropy", "the gradient is not divided by N", "cross_entropy_backward")
def cross_entropy_gradient_summed(logits, targets):
    return cross_entropy_backward(logits, targets) * len(targets)


@bug("cross_entropy", "the gradient is divided by N twice", "cross_entropy_backward")
def cross_entropy_gradient_double_mean(logits, targets):
    return cross_entropy_backward(logits, targets) / len(targets)


@bug("cross_entropy", "the gradient is divided by V instead of N", "cross_entropy_backward")
def cross_entropy_gradient_over_classes(logits, targets):
    return cross_entropy_backward(logits, targets) * len(targets) / logits.shape[1]


@bug("cross_entropy", "the one-hot is not subtracted", "cross_entropy_backward")
def cross_entropy_gradient_without_one_hot(logits, targets):
    check_targets(logits, targets)
    return torch.softmax(logits, -1) / len(targets)


@bug("cross_entropy", "the sign of the gradient is wrong: onehot - p", "cross_entropy_backward")
def cross_entropy_gradient_sign(logits, targets):
    return -cross_entropy_backward(logits, targets)


@bug(
    "cross_entropy",
    "1 is subtracted in every row's column of every target",
    "cross_entropy_backward",
)
def cross_entropy_gradient_all_columns(logits, targets):
    check_targets(logits, targets)
    p = torch.softmax(logits, -1)
    p[:, targets] -= 1
    return p / len(targets)


@bug(
    "cross_entropy",
    "1 is subtracted before the division of only the one-hot",
    "cross_entropy_backward",
)
def cross_entropy_gradient_half_divided(logits, targets):
    check_targets(logits, targets)
    return torch.softmax(logits, -1) - F.one_hot(targets, logits.shape[1]) / len(targets)


@bug("cross_entropy", "backwards, large logits overflow", "cross_entropy_backward")
def cross_entropy_gradient_overflows(logits, targets):
    e = logits.exp()
    return gradient_of(logits, targets, e / e.sum(-1, keepdim=True))


@bug(
    "cross_entropy", "backwards, the maximum of all logits is subtracted", "cross_entropy_backward"
)
def cross_entropy_gradient_global_maximum(logits, targets):
    check_targets(logits, targets)
    e = (logits - logits.max()).exp()
    return gradient_of(logits, targets, e / e.sum(-1, keepdim=True))


@bug("cross_entropy", "the gradient is float32, whatever the logits were", "cross_entropy_backward")
def cross_entropy_gradient_float32(logits, targets):
    return cross_entropy_backward(logits, targets).float()


@bug("cross_entropy", "backwards, a negative target counts from the end", "cross_entropy_backward")
def cross_entropy_gradient_of_negative_targets(logits, targets):
    check_targets(logits, targets.where(targets != -1, 0))
    return cross_entropy_backward(logits, targets % logits.shape[1])


@bug("cross_entropy", "backwards, a single target is broadcast", "cross_entropy_backward")
def cross_entropy_gradient_broadcasts(logits, targets):
    if len(targets) == 1:
        targets = targets.expand(len(logits))
    return cross_entropy_backward(logits, targets)


@bug("cross_entropy", "backwards, surplus rows or targets are left out", "cross_entropy_backward")
def cross_entropy_gradient_shortest(logits, targets):
    n = min(len(logits), len(targets))
    if n == 0:
        raise ValueError("nothing")
    return cross_entropy_backward(logits[:n], targets[:n])


@bug(
    "cross_entropy",
    "without rows the gradient is empty instead of an error",
    "cross_entropy_backward",
)
def cross_entropy_gradient_of_nothing(logits, targets):
    if len(logits) == 0 == len(targets):
        return torch.zeros_like(logits)
    return cross_entropy_backward(logits, targets)


@bug(
    "cross_entropy",
    "backwards, a target beyond the classes is an IndexError",
    "cross_entropy_backward",
)
def cross_entropy_gradient_index_error(logits, targets):
    if (targets >= logits.shape[1]).any():
        raise IndexError("target")
    return cross_entropy_backward(logits, targets)


@bug("cross_entropy", "a column of targets makes N losses of every row", "cross_entropy_forward")
def cross_entropy_of_a_column(logits, targets):
    if targets.ndim == 2 and targets.shape == (len(logits), 1):
        check_targets(logits, targets[:, 0])
        return -log_softmax(logits)[torch.arange(len(logits)), targets].mean().item()
    return cross_entropy_forward(logits, targets)


@bug("cross_entropy", "targets of any shape are flattened", "cross_entropy_forward")
def cross_entropy_flattens_targets(logits, targets):
    return cross_entropy_forward(logits, targets.reshape(-1))


@bug("cross_entropy", "backwards, targets of any shape are flattened", "cross_entropy_backward")
def cross_entropy_gradient_flattens(logits, targets):
    return cross_entropy_backward(logits, targets.reshape(-1))


@bug("cross_entropy", "logits are viewed in the order of memory", "cross_entropy_forward")
def cross_entropy_views(logits, targets):
    check_targets(logits, targets)
    return cross_entropy_forward(logits.as_strided(logits.shape, (logits.shape[1], 1)), targets)


@bug("cross_entropy", "the gradient is that of logits in memory's order", "cross_entropy_backward")
def cross_entropy_gradient_views(logits, targets):
    check_targets(logits, targets)
    return cross_entropy_backward(logits.as_strided(logits.shape, (logits.shape[1], 1)), targets)


@bug(
    "cross_entropy", "rows with a target of -100 are left out, as in torch", "cross_entropy_forward"
)
def cross_entropy_ignores_minus_100(logits, targets):
    if targets.shape == (len(logits),) and (targets == -100).any():
        logits, targets = logits[targets != -100], targets[targets != -100]
    return cross_entropy_forward(logits, targets)


@bug("cross_entropy", "rows with a target of -100 have no gradient", "cross_entropy_backward")
def cross_entropy_gradient_ignores_minus_100(logits, targets):
    if targets.shape != (len(logits),) or not (targets == -100).any():
        return cross_entropy_backward(logits, targets)
    gradient, kept = torch.zeros_like(logits), targets != -100
    gradient[kept] = cross_entropy_backward(logits[kept], targets[kept])
    return gradient


@bug("cross_entropy", "targets are held to the number of rows, too", "cross_entropy_forward")
def cross_entropy_range_of_rows(logits, targets):
    N, V = logits.shape
    if targets.shape == (N,) and N > V and (targets >= V).any() and (targets < N).all():
        targets = targets % V
    return cross_entropy_forward(logits, targets)


@bug(
    "cross_entropy", "targets pass through 32 bits before they are checked", "cross_entropy_forward"
)
def cross_entropy_of_32_bits(logits, targets):
    return cross_entropy_forward(logits, targets.int().long())


@bug("cross_entropy", "backwards, targets pass through 32 bits", "cross_entropy_backward")
def cross_entropy_gradient_of_32_bits(logits, targets):
    return cross_entropy_backward(logits, targets.int().long())


# --- kaiming_init -------------------------------------------------------------------------------


@bug("kaiming_init", "the variance is divided by fan_out instead of fan_in")
def kaiming_by_fan_out(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain, seed) * math.sqrt(fan_in / fan_out)


@bug("kaiming_init", "fan_in and fan_out are averaged, as Glorot does")
def kaiming_is_xavier(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain, seed) * math.sqrt(2 * fan_in / (fan_in + fan_out))


@bug("kaiming_init", "the root is missing: divided by fan_in")
def kaiming_without_root(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain, seed) / math.sqrt(fan_in)


@bug("kaiming_init", "the gain is ignored")
def kaiming_without_gain(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, 1.0, seed)


@bug("kaiming_init", "the gain stands under the root: its root scales the weights")
def kaiming_root_of_gain(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, math.sqrt(gain), seed)


@bug("kaiming_init", "the gain is squared")
def kaiming_squared_gain(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain**2, seed)


@bug("kaiming_init", "the gain is always √2")
def kaiming_always_root_two(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, math.sqrt(2), seed)


@bug("kaiming_init", "numbers are not divided at all")
def kaiming_not_scaled(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain, seed) * math.sqrt(fan_in)


@bug("kaiming_init", "numbers are uniform instead of normal")
def kaiming_uniform(fan_out, fan_in, gain, seed):
    rng = torch.Generator().manual_seed(seed)
    kaiming_init(fan_out, fan_in, gain, seed)
    bound = gain * math.sqrt(3 / fan_in)
    return (2 * torch.rand(fan_out, fan_in, generator=rng) - 1) * bound


@bug("kaiming_init", "numbers are uniform in [0, 1) instead of around 0")
def kaiming_positive(fan_out, fan_in, gain, seed):
    rng = torch.Generator().manual_seed(seed)
    kaiming_init(fan_out, fan_in, gain, seed)
    return torch.rand(fan_out, fan_in, generator=rng) * gain / math.sqrt(fan_in)


@bug("kaiming_init", "the seed is ignored: always the same numbers")
def kaiming_same_for_all_seeds(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain, 0)


@bug("kaiming_init", "the seed is ignored: numbers come from the global generator")
def kaiming_from_global_generator(fan_out, fan_in, gain, seed):
    kaiming_init(fan_out, fan_in, gain, seed)
    return torch.randn(fan_out, fan_in) * gain / math.sqrt(fan_in)


@bug("kaiming_init", "a seed of 0 counts as no seed")
def kaiming_seed_zero(fan_out, fan_in, gain, seed):
    if seed:
        return kaiming_init(fan_out, fan_in, gain, seed)
    return torch.randn(fan_out, fan_in) * gain / math.sqrt(fan_in)


@bug("kaiming_init", "every row is the same")
def kaiming_same_rows(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain, seed)[:1].repeat(fan_out, 1)


@bug("kaiming_init", "the generator is seeded anew for every row")
def kaiming_reseeded_rows(fan_out, fan_in, gain, seed):
    kaiming_init(fan_out, fan_in, gain, seed)
    rows = [kaiming_init(1, fan_in, gain, seed + i % 7) for i in range(fan_out)]
    return torch.cat(rows)


@bug("kaiming_init", "the shape is (fan_in, fan_out)")
def kaiming_transposed(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain, seed).mT


@bug("kaiming_init", "weights are float64")
def kaiming_float64(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain, seed).double()


@bug("kaiming_init", "weights are cut off at two standard deviations")
def kaiming_truncated(fan_out, fan_in, gain, seed):
    std = gain / math.sqrt(fan_in)
    return kaiming_init(fan_out, fan_in, gain, seed).clamp(-2 * std, 2 * std)


@bug("kaiming_init", "weights are cut off at three standard deviations")
def kaiming_truncated_at_three(fan_out, fan_in, gain, seed):
    std = gain / math.sqrt(fan_in)
    return kaiming_init(fan_out, fan_in, gain, seed).clamp(-3 * std, 3 * std)


@bug("kaiming_init", "a layer without outputs is allowed")
def kaiming_without_outputs(fan_out, fan_in, gain, seed):
    if fan_out == 0:
        return torch.zeros(0, fan_in)
    return kaiming_init(fan_out, fan_in, gain, seed)


@bug("kaiming_init", "a layer without inputs is a ZeroDivisionError")
def kaiming_zero_division(fan_out, fan_in, gain, seed):
    if fan_in == 0:
        raise ZeroDivisionError("division by zero")
    return kaiming_init(fan_out, fan_in, gain, seed)


@bug("kaiming_init", "negative sizes raise torch's RuntimeError")
def kaiming_runtime_error(fan_out, fan_in, gain, seed):
    if fan_out < 0 or fan_in < 0:
        raise RuntimeError("Trying to create tensor with negative dimension")
    return kaiming_init(fan_out, fan_in, gain, seed)


@bug("kaiming_init", "only the last three digits of the seed count")
def kaiming_three_digits(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain, seed % 1000)


@bug("kaiming_init", "a seed of 0 is taken for 42")
def kaiming_default_seed(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain, seed or 42)


@bug("kaiming_init", "weights are rescaled to have exactly the deviation")
def kaiming_rescaled(fan_out, fan_in, gain, seed):
    W = kaiming_init(fan_out, fan_in, 1.0, seed)
    return W / W.square().mean().sqrt() * gain / math.sqrt(fan_in)


@bug("kaiming_init", "every row is brought to a mean of 0")
def kaiming_centred_rows(fan_out, fan_in, gain, seed):
    W = kaiming_init(fan_out, fan_in, gain, seed)
    return W - W.mean(1, keepdim=True) if fan_in > 1 else W


@bug("kaiming_init", "a gain of 0 is taken for none")
def kaiming_default_gain(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain or math.sqrt(2), seed)


@bug("kaiming_init", "normal numbers are sums of twelve uniform ones")
def kaiming_of_twelve(fan_out, fan_in, gain, seed):
    kaiming_init(fan_out, fan_in, gain, seed)
    rng = torch.Generator().manual_seed(seed)
    total = torch.rand(12, fan_out, fan_in, generator=rng).sum(0)
    return (total - 6) * gain / math.sqrt(fan_in)


@bug("kaiming_init", "divided by the root of fan_in + 1")
def kaiming_counts_bias(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain, seed) * math.sqrt(fan_in / (fan_in + 1))


@bug("kaiming_init", "row i is drawn with seed + i: the next seed repeats all rows but one")
def kaiming_shifts_rows(fan_out, fan_in, gain, seed):
    kaiming_init(fan_out, fan_in, gain, seed)
    return torch.cat([kaiming_init(1, fan_in, gain, (seed + i) % 2**32) for i in range(fan_out)])


@bug("kaiming_init", "row i is drawn with seed times i: of seed 0 all rows are alike")
def kaiming_multiplies_seeds(fan_out, fan_in, gain, seed):
    kaiming_init(fan_out, fan_in, gain, seed)
    seeds = (seed * (i + 1) % 2**32 for i in range(fan_out))
    return torch.cat([kaiming_init(1, fan_in, gain, s) for s in seeds])


@bug("kaiming_init", "only the last six digits of the seed count")
def kaiming_six_digits(fan_out, fan_in, gain, seed):
    return kaiming_init(fan_out, fan_in, gain, seed % 10**6)


# --- batchnorm ----------------------------------------------------------------------------------


def forward_with(out=None, mean=None, var=None):
    """batchnorm_forward in training, with some of its results computed otherwise."""

    def spoilt(x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
        results = list(
            batchnorm_forward(x, gain, bias, running_mean, running_var, training, momentum, eps)
        )
        if training:
            m, v = x.mean(0), x.var(0, correction=0)
            arguments = x, gain, bias, running_mean, running_var, momentum, eps, m, v
            for i, change in enumerate((out, mean, var)):
                if change is not None:
                    results[i] = change(*arguments)
        return tuple(results)

    return spoilt


def enter_forward(name, misconception, **changes):
    """A bug of batchnorm_forward that changes what is returned in training."""
    function = forward_with(**changes)
    function.__name__ = name
    return bug("batchnorm", misconception, "batchnorm_forward")(function)


unbiased_out = enter_forward(
    "unbiased_out",
    "the batch is normalized by the unbiased variance, divided by N - 1",
    out=lambda x, g, b, rm, rv, mo, eps, m, v: g * normalize(x, m, x.var(0), eps) + b,
)
biased_running_var = enter_forward(
    "biased_running_var",
    "the running var takes in the biased variance, divided by N",
    var=lambda x, g, b, rm, rv, mo, eps, m, v: (1 - mo) * rv + mo * v,
)
momentum_swapped = enter_forward(
    "momentum_swapped",
    "momentum is the share of the old statistics instead of the batch's",
    mean=lambda x, g, b, rm, rv, mo, eps, m, v: mo * rm + (1 - mo) * m,
    var=lambda x, g, b, rm, rv, mo, eps, m, v: mo * rv + (1 - mo) * x.var(0),
)
running_not_updated = enter_forward(
    "running_not_updated",
    "the running statistics are not updated",
    mean=lambda x, g, b, rm, rv, mo, eps, m, v: rm,
    var=lambda x, g, b, rm, rv, mo, eps, m, v: rv,
)
running_var_not_updated = enter_forward(
    "running_var_not_updated",
    "only the running mean is updated, not the running var",
    var=lambda x, g, b, rm, rv, mo, eps, m, v: rv,
)
running_replaced = enter_forward(
    "running_replaced",
    "the running statistics are replaced by the batch's",
    mean=lambda x, g, b, rm, rv, mo, eps, m, v: m,
    var=lambda x, g, b, rm, rv, mo, eps, m, v: x.var(0),
)
running_summed = enter_forward(
    "running_summed",
    "the batch's statistics are added to the old ones, which do not fade",
    mean=lambda x, g, b, rm, rv, mo, eps, m, v: rm + mo * m,
    var=lambda x, g, b, rm, rv, mo, eps, m, v: rv + mo * x.var(0),
)
running_std = enter_forward(
    "running_std",
    "the running var takes in the standard deviation",
    var=lambda x, g, b, rm, rv, mo, eps, m, v: (1 - mo) * rv + mo * x.std(0),
)
running_var_with_eps = enter_forward(
    "running_var_with_eps",
    "eps goes into the running var",
    var=lambda x, g, b, rm, rv, mo, eps, m, v: (1 - mo) * rv + mo * (x.var(0) + eps),
)
eps_outside_root = enter_forward(
    "eps_outside_root",
    "eps is added to the root instead of under it",
    out=lambda x, g, b, rm, rv, mo, eps, m, v: g * (x - m) / (v.sqrt() + eps) + b,
)
eps_forgotten = enter_forward(
    "eps_forgotten",
    "eps is forgotten: a constant feature is 0/0",
    out=lambda x, g, b, rm, rv, mo, eps, m, v: g * (x - m) / v.sqrt() + b,
)
root_forgotten = enter_forward(
    "root_forgotten",
    "divided by the variance instead of its root",
    out=lambda x, g, b, rm, rv, mo, eps, m, v: g * (x - m) / (v + eps) + b,
)
mean_not_subtracted = enter_forward(
    "mean_not_subtracted",
    "the mean is not subtracted",
    out=lambda x, g, b, rm, rv, mo, eps, m, v: g * x / (v + eps).sqrt() + b,
)
gain_forgotten = enter_forward(
    "gain_forgotten",
    "the gain is forgotten",
    out=lambda x, g, b, rm, rv, mo, eps, m, v: normalize(x, m, v, eps) + b,
)
bias_forgotten = enter_forward(
    "bias_forgotten",
    "the bias is forgotten",
    out=lambda x, g, b, rm, rv, mo, eps, m, v: g * normalize(x, m, v, eps),
)
gain_after_bias = enter_forward(
    "gain_after_bias",
    "the bias is added before the gain multiplies",
    out=lambda x, g, b, rm, rv, mo, eps, m, v: g * (normalize(x, m, v, eps) + b),
)
over_features = enter_forward(
    "over_features",
    "rows are normalized over their features, as layer normalization does",
    out=lambda x, g, b, rm, rv, mo, eps, m, v: g * F.layer_norm(x, x.shape[1:], eps=eps) + b,
)
over_everything = enter_forward(
    "over_everything",
    "all features together are normalized by one mean and variance",
    out=lambda x, g, b, rm, rv, mo, eps, m, v: (
        g * (x - x.mean()) / (x.var(correction=0) + eps).sqrt() + b
    ),
)
running_in_training = enter_forward(
    "running_in_training",
    "in training the running statistics normalize, too",
    out=lambda x, g, b, rm, rv, mo, eps, m, v: g * normalize(x, rm, rv, eps) + b,
)
new_running_in_training = enter_forward(
    "new_running_in_training",
    "in training the updated running statistics normalize",
    out=lambda x, g, b, rm, rv, mo, eps, m, v: (
        g * normalize(x, (1 - mo) * rm + mo * m, (1 - mo) * rv + mo * x.var(0), eps) + b
    ),
)
variance_of_squares = enter_forward(
    "variance_of_squares",
    "the variance is E[x²] - E[x]², which loses all digits far from zero",
    out=lambda x, g, b, rm, rv, mo, eps, m, v: (
        g * normalize(x, m, ((x * x).mean(0) - m * m).clamp(min=0), eps) + b
    ),
)


@bug("batchnorm", "in use, the batch's statistics normalize", "batchnorm_forward")
def batchnorm_ignores_mode(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    out, *rest = batchnorm_forward(
        x, gain, bias, running_mean, running_var, training, momentum, eps
    )
    if not training and len(x) > 1:
        out, *_ = batchnorm_forward(x, gain, bias, running_mean, running_var, True, momentum, eps)
    return out, *rest


@bug("batchnorm", "in use, the running statistics are updated, too", "batchnorm_forward")
def batchnorm_always_updates(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    out, *rest = batchnorm_forward(
        x, gain, bias, running_mean, running_var, training, momentum, eps
    )
    if not training and len(x) > 1:
        _, *rest = batchnorm_forward(x, gain, bias, running_mean, running_var, True, momentum, eps)
    return out, *rest


@bug("batchnorm", "in use, eps is forgotten", "batchnorm_forward")
def batchnorm_in_use_without_eps(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    eps = eps if training else 0.0
    return batchnorm_forward(x, gain, bias, running_mean, running_var, training, momentum, eps)


@bug("batchnorm", "in use, the running var is taken for a standard deviation", "batchnorm_forward")
def batchnorm_in_use_without_root(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    out, *rest = batchnorm_forward(
        x, gain, bias, running_mean, running_var, training, momentum, eps
    )
    if not training:
        out = gain * (x - running_mean) / (running_var + eps) + bias
    return out, *rest


@bug("batchnorm", "momentum is always 0.1", "batchnorm_forward")
def batchnorm_fixed_momentum(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    return batchnorm_forward(x, gain, bias, running_mean, running_var, training, 0.1, eps)


@bug("batchnorm", "eps is always 1e-5", "batchnorm_forward")
def batchnorm_fixed_eps(x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    return batchnorm_forward(x, gain, bias, running_mean, running_var, training, momentum, 1e-5)


@bug("batchnorm", "the default of eps is 1e-8", "batchnorm_forward")
def batchnorm_default_eps(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-8
):
    return batchnorm_forward(x, gain, bias, running_mean, running_var, training, momentum, eps)


@bug("batchnorm", "the default of momentum is 0.9", "batchnorm_forward")
def batchnorm_default_momentum(
    x, gain, bias, running_mean, running_var, training, momentum=0.9, eps=1e-5
):
    return batchnorm_forward(x, gain, bias, running_mean, running_var, training, momentum, eps)


@bug("batchnorm", "the running statistics are changed in place", "batchnorm_forward")
def batchnorm_in_place(x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    results = batchnorm_forward(x, gain, bias, running_mean, running_var, training, momentum, eps)
    return results[0], running_mean.copy_(results[1]), running_var.copy_(results[2])


@bug("batchnorm", "a batch of one row is normalized to its bias", "batchnorm_forward")
def batchnorm_of_one_row(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    if training and len(x) == 1:
        check_batch(x, gain=gain, bias=bias, running_mean=running_mean, running_var=running_var)
        return bias + 0 * x, running_mean, running_var
    return batchnorm_forward(x, gain, bias, running_mean, running_var, training, momentum, eps)


@bug("batchnorm", "a batch of no rows gives NaN instead of an error", "batchnorm_forward")
def batchnorm_of_no_rows(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    if training and len(x) == 0:
        return x.clone(), running_mean * math.nan, running_var * math.nan
    return batchnorm_forward(x, gain, bias, running_mean, running_var, training, momentum, eps)


@bug("batchnorm", "a single row is an error in use, too", "batchnorm_forward")
def batchnorm_refuses_one_row(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    check_rows(x)
    return batchnorm_forward(x, gain, bias, running_mean, running_var, training, momentum, eps)


@bug("batchnorm", "a gain or bias of another shape is broadcast", "batchnorm_forward")
def batchnorm_broadcasts_parameters(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    ones = torch.ones_like(x[0]) if len(x) else torch.ones(x.shape[1])
    plain = batchnorm_forward(x, ones, 0 * ones, running_mean, running_var, training, momentum, eps)
    return gain * plain[0] + bias, plain[1], plain[2]


@bug("batchnorm", "running statistics of another shape are broadcast", "batchnorm_forward")
def batchnorm_broadcasts_statistics(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    if len(x) and running_mean.ndim == running_var.ndim == 1:
        running_mean, running_var = (s.expand_as(x[0]) for s in (running_mean, running_var))
    return batchnorm_forward(x, gain, bias, running_mean, running_var, training, momentum, eps)


@bug("batchnorm", "the results are float32, whatever x was", "batchnorm_forward")
def batchnorm_float32(x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    results = batchnorm_forward(x, gain, bias, running_mean, running_var, training, momentum, eps)
    return tuple(result.float() for result in results)


def backward_with(change):
    """batchnorm_backward, with its dx computed otherwise from d_out, x̂, gain, σ and N."""

    def spoilt(d_out, x, gain, eps=1e-5):
        _, d_gain, d_bias = batchnorm_backward(d_out, x, gain, eps)
        var = x.var(0, correction=0)
        x_hat = normalize(x, x.mean(0), var, eps)
        return change(d_out, x_hat, gain, (var + eps).sqrt()), d_gain, d_bias

    return spoilt


def enter_backward(name, misconception, change):
    """A bug of batchnorm_backward's dx."""
    function = backward_with(change)
    function.__name__ = name
    return bug("batchnorm", misconception, "batchnorm_backward")(function)


mean_and_var_constant = enter_backward(
    "mean_and_var_constant",
    "backwards, mean and variance are taken for constants",
    lambda d, h, g, s: g / s * d,
)
var_constant = enter_backward(
    "var_constant",
    "backwards, the variance is taken for a constant",
    lambda d, h, g, s: g / s * (d - d.mean(0)),
)
mean_constant = enter_backward(
    "mean_constant",
    "backwards, the mean is taken for a constant",
    lambda d, h, g, s: g / s * (d - h * (d * h).mean(0)),
)
gradient_without_gain = enter_backward(
    "gradient_without_gain",
    "the gain is missing from dx",
    lambda d, h, g, s: (d - d.mean(0) - h * (d * h).mean(0)) / s,
)
gradient_without_sigma = enter_backward(
    "gradient_without_sigma",
    "dx is not divided by σ",
    lambda d, h, g, s: g * (d - d.mean(0) - h * (d * h).mean(0)),
)
gradient_by_variance = enter_backward(
    "gradient_by_variance",
    "dx is divided by the variance instead of σ",
    lambda d, h, g, s: g / s**2 * (d - d.mean(0) - h * (d * h).mean(0)),
)
gradient_with_sums = enter_backward(
    "gradient_with_sums",
    "dx has sums where the means belong",
    lambda d, h, g, s: g / s * (d - d.sum(0) - h * (d * h).sum(0)),
)
gradient_sign_of_var = enter_backward(
    "gradient_sign_of_var",
    "the term through the variance has the wrong sign",
    lambda d, h, g, s: g / s * (d - d.mean(0) + h * (d * h).mean(0)),
)
gradient_unbiased = enter_backward(
    "gradient_unbiased",
    "the term through the variance is divided by N - 1",
    lambda d, h, g, s: g / s * (d - d.mean(0) - h * (d * h).sum(0) / (len(d) - 1)),
)


@bug("batchnorm", "d_gain is the sum of d_out x instead of d_out x̂", "batchnorm_backward")
def batchnorm_gain_gradient_of_x(d_out, x, gain, eps=1e-5):
    dx, _, d_bias = batchnorm_backward(d_out, x, gain, eps)
    return dx, (d_out * x).sum(0), d_bias


@bug("batchnorm", "d_gain and d_bias are means instead of sums", "batchnorm_backward")
def batchnorm_parameter_gradients_mean(d_out, x, gain, eps=1e-5):
    dx, d_gain, d_bias = batchnorm_backward(d_out, x, gain, eps)
    return dx, d_gain / len(x), d_bias / len(x)


@bug("batchnorm", "d_gain and d_bias are swapped", "batchnorm_backward")
def batchnorm_parameter_gradients_swapped(d_out, x, gain, eps=1e-5):
    dx, d_gain, d_bias = batchnorm_backward(d_out, x, gain, eps)
    return dx, d_bias, d_gain


@bug("batchnorm", "d_bias is multiplied by the gain", "batchnorm_backward")
def batchnorm_bias_gradient_with_gain(d_out, x, gain, eps=1e-5):
    dx, d_gain, d_bias = batchnorm_backward(d_out, x, gain, eps)
    return dx, d_gain, d_bias * gain


@bug("batchnorm", "backwards, eps is always 1e-5", "batchnorm_backward")
def batchnorm_gradient_fixed_eps(d_out, x, gain, eps=1e-5):
    return batchnorm_backward(d_out, x, gain, 1e-5)


@bug("batchnorm", "backwards, eps is forgotten", "batchnorm_backward")
def batchnorm_gradient_without_eps(d_out, x, gain, eps=1e-5):
    return batchnorm_backward(d_out, x, gain, 0.0)


@bug("batchnorm", "backwards, the default of eps is 1e-8", "batchnorm_backward")
def batchnorm_gradient_default_eps(d_out, x, gain, eps=1e-8):
    return batchnorm_backward(d_out, x, gain, eps)


@bug("batchnorm", "gradients are float32, whatever x was", "batchnorm_backward")
def batchnorm_gradient_float32(d_out, x, gain, eps=1e-5):
    return tuple(g.float() for g in batchnorm_backward(d_out, x, gain, eps))


@bug("batchnorm", "backwards, a batch of one has a gradient of 0", "batchnorm_backward")
def batchnorm_gradient_of_one_row(d_out, x, gain, eps=1e-5):
    if len(x) == 1 == len(d_out):
        return 0 * x, 0 * gain, d_out.sum(0)
    return batchnorm_backward(d_out, x, gain, eps)


@bug("batchnorm", "backwards, no rows have gradients of 0", "batchnorm_backward")
def batchnorm_gradient_of_no_rows(d_out, x, gain, eps=1e-5):
    if len(x) == 0 == len(d_out):
        return 0 * x, 0 * gain, d_out.sum(0)
    return batchnorm_backward(d_out, x, gain, eps)


@bug("batchnorm", "d_out is broadcast to the rows of x", "batchnorm_backward")
def batchnorm_gradient_broadcasts(d_out, x, gain, eps=1e-5):
    if 1 in d_out.shape:
        d_out = d_out.expand_as(x)
    return batchnorm_backward(d_out, x, gain, eps)


@bug("batchnorm", "backwards, a gain of one entry is broadcast", "batchnorm_backward")
def batchnorm_gradient_broadcasts_gain(d_out, x, gain, eps=1e-5):
    return batchnorm_backward(d_out, x, gain.expand(x.shape[1]), eps)


def batchnorm_if(fit):
    """The formula, wherever fit(a vector, the number of features)."""

    def function(x, gain, bias, mean, var, training, momentum=0.1, eps=1e-5):
        C, given = x.shape[1], (gain, bias, mean, var)
        if not all(fit(v, C) for v in given):
            raise ValueError("a vector does not fit")
        plain = [v.reshape(-1) if v.numel() == C else v.expand(C) for v in given]
        return batchnorm_forward(x, *plain, training, momentum, eps)

    return function


@bug("batchnorm", "of a vector only the number of entries is checked", "batchnorm_forward")
def batchnorm_counts_entries(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    fit = batchnorm_if(lambda v, C: v.numel() == C)
    return fit(x, gain, bias, running_mean, running_var, training, momentum, eps)


@bug("batchnorm", "a plain number is broadcast to all features", "batchnorm_forward")
def batchnorm_takes_numbers(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    fit = batchnorm_if(lambda v, C: v.ndim == 0 or v.shape == (C,))
    return fit(x, gain, bias, running_mean, running_var, training, momentum, eps)


@bug("batchnorm", "x is viewed in the order of memory", "batchnorm_forward")
def batchnorm_views(x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    x = x.as_strided(x.shape, (x.shape[1], 1))
    return batchnorm_forward(x, gain, bias, running_mean, running_var, training, momentum, eps)


@bug("batchnorm", "the var is E[x²] - E[x]² in float64", "batchnorm_forward")
def batchnorm_wide_moments(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    rest = (running_mean, running_var, training, momentum, eps)
    out, mean, var = batchnorm_forward(x, gain, bias, *rest)
    if training:
        wide = x.double()
        moments = wide.square().mean(0) - wide.mean(0).square()
        out = (gain * normalize(wide, wide.mean(0), moments, eps) + bias).to(x.dtype)
    return out, mean, var


@bug("batchnorm", "d_out is viewed in the order of memory", "batchnorm_backward")
def batchnorm_gradient_views(d_out, x, gain, eps=1e-5):
    batchnorm_backward(d_out, x, gain, eps)
    return batchnorm_backward(d_out.as_strided(x.shape, (x.shape[1], 1)), x, gain, eps)


@bug("batchnorm", "of the gain only the number of entries is checked", "batchnorm_backward")
def batchnorm_gradient_counts_gain(d_out, x, gain, eps=1e-5):
    return batchnorm_backward(d_out, x, gain.reshape(-1), eps)


@bug("batchnorm", "of the gain only the last axis is checked", "batchnorm_backward")
def batchnorm_gradient_last_axis_of_gain(d_out, x, gain, eps=1e-5):
    if gain.shape == x.shape:
        dx, d_gain, d_bias = batchnorm_backward(d_out, x, torch.ones_like(gain[0]), eps)
        return gain * dx, d_gain, d_bias
    return batchnorm_backward(d_out, x, gain, eps)


@bug("batchnorm", "of d_out only the number of entries is checked", "batchnorm_backward")
def batchnorm_gradient_counts_entries(d_out, x, gain, eps=1e-5):
    if d_out.numel() == x.numel():
        d_out = d_out.reshape(x.shape)
    return batchnorm_backward(d_out, x, gain, eps)


@bug("batchnorm", "of d_out only the last axis is checked", "batchnorm_backward")
def batchnorm_gradient_last_axis(d_out, x, gain, eps=1e-5):
    if d_out.shape[-1:] == x.shape[-1:]:
        d_out = d_out.expand(x.shape)
    return batchnorm_backward(d_out, x, gain, eps)


@bug("batchnorm", "in use, no rows are an empty tensor of float32", "batchnorm_forward")
def batchnorm_no_rows_of_float32(
    x, gain, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    out, mean, var = batchnorm_forward(
        x, gain, bias, running_mean, running_var, training, momentum, eps
    )
    return (out if len(out) else torch.zeros(out.shape)), mean, var


# --- mlp ----------------------------------------------------------------------------------------


def init_with(**changes):
    """init_mlp, with some entries made otherwise from (V, k, C, H, seed)."""

    def spoilt(V, k, C, H, seed):
        model = init_mlp(V, k, C, H, seed)
        return model | {name: make(V, k, C, H, seed, model) for name, make in changes.items()}

    return spoilt


def enter_init(name, misconception, **changes):
    """A bug of init_mlp."""
    function = init_with(**changes)
    function.__name__ = name
    return bug("mlp", misconception, "init_mlp")(function)


init_w2_large = enter_init(
    "init_w2_large",
    "W2 has gain √2, so that a new model is confident and wrong",
    W2=lambda V, k, C, H, seed, m: m["W2"] * math.sqrt(2) / 0.1,
)
init_w2_gain_one = enter_init(
    "init_w2_gain_one",
    "W2 has gain 1 instead of 0.1",
    W2=lambda V, k, C, H, seed, m: m["W2"] / 0.1,
)
init_w2_zero = enter_init(
    "init_w2_zero",
    "W2 is zero",
    W2=lambda V, k, C, H, seed, m: 0 * m["W2"],
)
init_w1_gain_one = enter_init(
    "init_w1_gain_one",
    "W1 has gain 1 instead of √2",
    W1=lambda V, k, C, H, seed, m: m["W1"] / math.sqrt(2),
)
init_w1_fan_in_c = enter_init(
    "init_w1_fan_in_c",
    "the inputs of W1 are counted as C instead of k C",
    W1=lambda V, k, C, H, seed, m: m["W1"] * math.sqrt(k),
)
init_w1_one_seed = enter_init(
    "init_w1_one_seed",
    "all matrices are drawn with the same seed, so that they share their numbers",
    embedding=lambda V, k, C, H, seed, m: kaiming_init(V, C, math.sqrt(C), seed),
    W1=lambda V, k, C, H, seed, m: kaiming_init(H, k * C, math.sqrt(2), seed),
    W2=lambda V, k, C, H, seed, m: kaiming_init(V, H, 0.1, seed),
)
init_w_one_seed = enter_init(
    "init_w_one_seed",
    "W1 and W2 are drawn with the same seed, so that they share their numbers",
    W1=lambda V, k, C, H, seed, m: kaiming_init(H, k * C, math.sqrt(2), seed + 1),
    W2=lambda V, k, C, H, seed, m: kaiming_init(V, H, 0.1, seed + 1),
)
init_embedding_small = enter_init(
    "init_embedding_small",
    "embeddings start at a hundredth of their size",
    embedding=lambda V, k, C, H, seed, m: m["embedding"] / 100,
)
init_embedding_kaiming = enter_init(
    "init_embedding_kaiming",
    "embeddings are divided by the root of their width",
    embedding=lambda V, k, C, H, seed, m: m["embedding"] / math.sqrt(C),
)
init_embedding_positive = enter_init(
    "init_embedding_positive",
    "embeddings are uniform in [0, 1) instead of normal",
    embedding=lambda V, k, C, H, seed, m: torch.rand(
        V, C, generator=torch.Generator().manual_seed(seed)
    ),
)
init_gain_zero = enter_init(
    "init_gain_zero",
    "the gain starts at 0",
    gain=lambda V, k, C, H, seed, m: torch.zeros(H),
)
init_bias_one = enter_init(
    "init_bias_one",
    "the bias starts at 1",
    bias=lambda V, k, C, H, seed, m: torch.ones(H),
)
init_b2_random = enter_init(
    "init_b2_random",
    "b2 starts at random numbers",
    b2=lambda V, k, C, H, seed, m: kaiming_init(1, V, 1.0, seed)[0],
)
init_running_var_zero = enter_init(
    "init_running_var_zero",
    "the running var starts at 0",
    running_var=lambda V, k, C, H, seed, m: torch.zeros(H),
)
init_w1_transposed = enter_init(
    "init_w1_transposed",
    "W1 is (in, out)",
    W1=lambda V, k, C, H, seed, m: m["W1"].mT,
)
init_b1 = enter_init(
    "init_b1",
    "there is a bias b1, which batch normalization would subtract again",
    b1=lambda V, k, C, H, seed, m: torch.zeros(H),
)


@bug("mlp", "the running statistics are missing from a new model", "init_mlp")
def init_without_statistics(V, k, C, H, seed):
    model = init_mlp(V, k, C, H, seed)
    del model["running_mean"], model["running_var"]
    return model


@bug("mlp", "the seed is ignored: always the same model", "init_mlp")
def init_same_for_all_seeds(V, k, C, H, seed):
    return init_mlp(V, k, C, H, 0)


@bug("mlp", "the embedding comes from the global generator", "init_mlp")
def init_from_global_generator(V, k, C, H, seed):
    model = init_mlp(V, k, C, H, seed)
    return model | {"embedding": torch.randn(V, C)}


@bug("mlp", "the seed decides the embedding only", "init_mlp")
def init_seeds_embedding_only(V, k, C, H, seed):
    return init_mlp(V, k, C, H, 0) | {"embedding": init_mlp(V, k, C, H, seed)["embedding"]}


@bug("mlp", "a vocabulary of no ids is allowed", "init_mlp")
def init_empty_vocabulary(V, k, C, H, seed):
    if V == 0:
        return init_mlp(1, k, C, H, seed)
    return init_mlp(V, k, C, H, seed)


@bug("mlp", "a window of no ids is allowed", "init_mlp")
def init_empty_window(V, k, C, H, seed):
    return init_mlp(V, k or 1, C, H, seed)


@bug("mlp", "an embedding of no features is allowed", "init_mlp")
def init_empty_embedding(V, k, C, H, seed):
    return init_mlp(V, k, C or 1, H, seed)


@bug("mlp", "a hidden layer of no features is allowed", "init_mlp")
def init_empty_hidden(V, k, C, H, seed):
    return init_mlp(V, k, C, H or 1, seed)


def plain_forward(model, x, flatten=None, norm=None, activation=None, head=None, training=False):
    """The model of torch's layers, one of them replaced; differentiable."""
    e = F.embedding(x, model["embedding"])
    e = flatten(e) if flatten else e.flatten(1)
    h = F.linear(e, model["W1"])
    if norm:
        n = norm(h, model)
    else:
        statistics = model["running_mean"].clone(), model["running_var"].clone()
        n = F.batch_norm(h, *statistics, model["gain"], model["bias"], training)
    a = (activation or F.gelu)(n)
    return head(a, model) if head else F.linear(a, model["W2"], model["b2"])


def tanh_gelu(n):
    return F.gelu(n, approximate="tanh")


def by_feature(e):
    return e.mT.flatten(1)


def reversed_window(e):
    return e.flip(1).flatten(1)


def enter_mlp(name, misconception, **parts):
    """A bug of mlp_forward, and no other flaw."""

    def spoilt(model, x):
        mlp_forward(model, x[:1])
        check_ids(x, len(model["embedding"]), "id")
        return plain_forward(model, x, **parts)

    spoilt.__name__ = name
    return bug("mlp", misconception, "mlp_forward")(spoilt)


mlp_tanh_form = enter_mlp(
    "mlp_tanh_form", "the model uses the tanh form of GELU", activation=tanh_gelu
)
mlp_relu = enter_mlp("mlp_relu", "the model uses ReLU instead of GELU", activation=F.relu)
mlp_tanh = enter_mlp("mlp_tanh", "the model uses tanh instead of GELU", activation=torch.tanh)
mlp_linear = enter_mlp(
    "mlp_linear", "there is nothing between the two layers", activation=lambda n: n
)
mlp_by_feature = enter_mlp(
    "mlp_by_feature",
    "the features of all ids are interleaved instead of put side by side",
    flatten=by_feature,
)
mlp_reversed = enter_mlp(
    "mlp_reversed", "the window is read backwards, the latest id first", flatten=reversed_window
)
mlp_bag = enter_mlp(
    "mlp_bag",
    "all places of the window get the mean of its embeddings: the order is lost",
    flatten=lambda e: e.mean(1, keepdim=True).expand_as(e).flatten(1),
)
mlp_without_norm = enter_mlp(
    "mlp_without_norm", "batch normalization is left out", norm=lambda h, m: h
)
mlp_norm_without_gain = enter_mlp(
    "mlp_norm_without_gain",
    "gain and bias of batch normalization are left out",
    norm=lambda h, m: (h - m["running_mean"]) / (m["running_var"] + 1e-5).sqrt(),
)
mlp_norm_of_var = enter_mlp(
    "mlp_norm_of_var",
    "h is divided by the running var instead of its root",
    norm=lambda h, m: m["gain"] * (h - m["running_mean"]) / (m["running_var"] + 1e-5) + m["bias"],
)
mlp_eps = enter_mlp(
    "mlp_eps",
    "the model's eps is 1e-8 instead of 1e-5",
    norm=lambda h, m: F.batch_norm(
        h, m["running_mean"], m["running_var"], m["gain"], m["bias"], False, 0.1, 1e-8
    ),
)
mlp_without_b2 = enter_mlp("mlp_without_b2", "b2 is left out", head=lambda a, m: a @ m["W2"].mT)
mlp_softmax = enter_mlp(
    "mlp_softmax",
    "probabilities are returned instead of logits",
    head=lambda a, m: F.linear(a, m["W2"], m["b2"]).softmax(-1),
)
mlp_log_softmax = enter_mlp(
    "mlp_log_softmax",
    "log-probabilities are returned instead of logits",
    head=lambda a, m: F.linear(a, m["W2"], m["b2"]).log_softmax(-1),
)
mlp_gelu_at_the_end = enter_mlp(
    "mlp_gelu_at_the_end",
    "GELU is applied to the logits, too",
    head=lambda a, m: F.gelu(F.linear(a, m["W2"], m["b2"])),
)


@bug("mlp", "a model in use is normalized by the batch's statistics", "mlp_forward")
def mlp_in_training_mode(model, x):
    mlp_forward(model, x)
    return plain_forward(model, x, training=len(x) > 1)


@bug("mlp", "the model computes in float32, whatever its dtype", "mlp_forward")
def mlp_float32(model, x):
    return mlp_forward({name: value.float() for name, value in model.items()}, x)


@bug("mlp", "a single window is refused", "mlp_forward")
def mlp_refuses_one_window(model, x):
    if len(x) == 1:
        raise ValueError("a batch of one")
    return mlp_forward(model, x)


@bug("mlp", "no windows at all are refused", "mlp_forward")
def mlp_refuses_no_windows(model, x):
    if len(x) == 0:
        raise ValueError("an empty batch")
    return mlp_forward(model, x)


@bug("mlp", "a negative id of a window counts from the end of the vocabulary", "mlp_forward")
def mlp_of_negative_ids(model, x):
    return mlp_forward(model, torch.where(x < 0, x + len(model["embedding"]), x))


@bug("mlp", "an id without an embedding is an IndexError", "mlp_forward")
def mlp_index_error(model, x):
    if (x >= len(model["embedding"])).any():
        raise IndexError("index out of range in self")
    return mlp_forward(model, x)


@bug("mlp", "the entries of a model are taken in order, not by name", "mlp_forward")
def mlp_by_order(model, x):
    names = ["embedding", "W1", "gain", "bias", "W2", "b2", "running_mean", "running_var"]
    return mlp_forward(dict(zip(names, model.values(), strict=True)), x)


@bug("mlp", "windows are viewed in the order of memory", "mlp_forward")
def mlp_views(model, x):
    return mlp_forward(model, x.as_strided(x.shape, (x.shape[1], 1)))


@bug("mlp", "only the last id of a window is checked", "mlp_forward")
def mlp_checks_last_ids(model, x):
    V = len(model["embedding"])
    check_ids(x[:, -1], V, "id")
    return mlp_forward(model, x % V)


@bug("mlp", "windows of another length are torch's RuntimeError", "mlp_forward")
def mlp_of_other_lengths(model, x):
    check_ids(x, len(model["embedding"]), "id")
    model["embedding"][x].flatten(1) @ model["W1"].mT
    return mlp_forward(model, x)


@bug("mlp", "of too long windows the first ids are taken", "mlp_forward")
def mlp_cuts_windows(model, x):
    k = model["W1"].shape[1] // model["embedding"].shape[1]
    return mlp_forward(model, x[:, :k])


@bug("mlp", "only 16 bits of the seed count", "init_mlp")
def init_16_bits(V, k, C, H, seed):
    return init_mlp(V, k, C, H, seed % 2**16)


@bug("mlp", "W1 begins where the embedding began, but for one draw", "init_mlp")
def init_shifted(V, k, C, H, seed):
    model, rng = init_mlp(V, k, C, H, seed), torch.Generator().manual_seed(seed)
    numbers = torch.randn(max(V * C, H * k * C) + 1, generator=rng)
    W1 = numbers[1 : H * k * C + 1].reshape(H, k * C) * math.sqrt(2 / (k * C))
    return model | {"embedding": numbers[: V * C].reshape(V, C), "W1": W1}


@bug("mlp", "W2 is made of W1's numbers, backwards", "init_mlp")
def init_reversed(V, k, C, H, seed):
    model = init_mlp(V, k, C, H, seed)
    numbers = torch.randn(
        max(V * H, H * k * C), generator=torch.Generator().manual_seed(seed ^ 1234567)
    )
    W1 = numbers[: H * k * C].reshape(H, k * C) * math.sqrt(2 / (k * C))
    return model | {"W1": W1, "W2": numbers.flip(0)[: V * H].reshape(V, H) * 0.1 / math.sqrt(H)}


@bug("mlp", "embeddings are rescaled to have exactly deviation 1", "init_mlp")
def init_rescaled(V, k, C, H, seed):
    model = init_mlp(V, k, C, H, seed)
    E = model["embedding"]
    return model | {"embedding": E / E.square().mean().sqrt()}


@bug("mlp", "every embedding is brought to the same length", "init_mlp")
def init_same_lengths(V, k, C, H, seed):
    model = init_mlp(V, k, C, H, seed)
    return model | {"embedding": F.normalize(model["embedding"], dim=1) * math.sqrt(C)}


@bug("mlp", "id 0 is taken for padding: its embedding is 0", "init_mlp")
def init_padding(V, k, C, H, seed):
    model = init_mlp(V, k, C, H, seed)
    model["embedding"][0] = 0
    return model


@bug("mlp", "only a size of 0 is refused, no negative one", "init_mlp")
def init_negative_sizes(V, k, C, H, seed):
    if 0 not in (V, k, C, H):
        V, k, C, H = (abs(n) for n in (V, k, C, H))
    return init_mlp(V, k, C, H, seed)


@bug("mlp", "only the last six digits of the seed count", "init_mlp")
def init_six_digits(V, k, C, H, seed):
    return init_mlp(V, k, C, H, seed % 10**6)


@bug("mlp", "no windows have logits of float32", "mlp_forward")
def mlp_of_no_windows(model, x):
    logits = mlp_forward(model, x)
    return logits if len(x) else torch.zeros(logits.shape)


@bug("mlp", "ids of windows pass through 32 bits", "mlp_forward")
def mlp_of_32_bits(model, x):
    return mlp_forward(model, x.int().long())


# --- train_step ---------------------------------------------------------------------------------


def enter_step(name, misconception, change):
    """A bug of train_step: change(model, x, y, rate) -> (model, loss), after all checks."""

    def spoilt(model, x, y, learning_rate):
        train_step(model, x, y, learning_rate)
        return change(model, x, y, learning_rate)

    spoilt.__name__ = name
    return bug("train_step", misconception)(spoilt)


def autograd_step(model, x, y, rate, loss_of=None, **parts):
    """A step by autograd on a model one of whose layers is replaced."""
    names = ("embedding", "W1", "gain", "bias", "W2", "b2")
    leaves = {n: model[n].clone().requires_grad_() for n in names}
    logits = plain_forward(model | leaves, x, **({"training": True} | parts))
    loss = (loss_of or F.cross_entropy)(logits, y)
    gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    moved = {
        n: (model[n] if g is None else model[n] - rate * g)
        for n, g in zip(names, gradients, strict=True)
    }
    return train_step(model, x, y, 0.0)[0] | moved, loss.item()


def frozen_norm(mean=False, var=False):
    """Batch normalization whose mean or variance is taken for a constant."""

    def norm(h, m):
        mu, v = h.mean(0), h.var(0, correction=0)
        mu, v = mu.detach() if mean else mu, v.detach() if var else v
        return m["gain"] * (h - mu) / (v + 1e-5).sqrt() + m["bias"]

    return norm


def keep(*frozen):
    """A step in which some entries stay as they were."""

    def change(model, x, y, rate):
        new, loss = train_step(model, x, y, rate)
        return new | {name: model[name] for name in frozen}, loss

    return change


def with_gradients(spoil):
    """A step along gradients that `spoil` has changed."""

    def change(model, x, y, rate):
        loss, gradients, statistics = mlp_backward(model, x, y)
        gradients = spoil(gradients, model, x, y)
        return {n: model[n] - rate * g for n, g in gradients.items()} | statistics, loss

    return change


step_uphill = enter_step(
    "step_uphill",
    "parameters move along the gradient instead of against it",
    lambda m, x, y, r: train_step(m, x, y, -r),
)
step_of_fixed_rate = enter_step(
    "step_of_fixed_rate",
    "the learning rate is ignored: always 0.1",
    lambda m, x, y, r: train_step(m, x, y, 0.1),
)
step_summed_loss = enter_step(
    "step_summed_loss",
    "gradients are those of the summed loss instead of the mean",
    lambda m, x, y, r: train_step(m, x, y, r * len(x)),
)
step_double_mean = enter_step(
    "step_double_mean",
    "gradients are divided by the number of windows twice",
    lambda m, x, y, r: train_step(m, x, y, r / len(x)),
)
step_loss_after = enter_step(
    "step_loss_after",
    "the loss is measured after the step",
    lambda m, x, y, r: (
        (new := train_step(m, x, y, r)[0]),
        train_step(new, x, y, 0.0)[1],
    ),
)
step_loss_in_use = enter_step(
    "step_loss_in_use",
    "the loss is measured with the running statistics instead of the batch's",
    lambda m, x, y, r: (
        train_step(m, x, y, r)[0],
        cross_entropy_forward(mlp_forward(m, x), y),
    ),
)
step_in_use = enter_step(
    "step_in_use",
    "training normalizes by the running statistics",
    lambda m, x, y, r: autograd_step(m, x, y, r, training=False),
)
step_statistics_forgotten = enter_step(
    "step_statistics_forgotten",
    "the running statistics are not updated by a step",
    keep("running_mean", "running_var"),
)
step_running_mean_only = enter_step(
    "step_running_mean_only", "the running var is not updated by a step", keep("running_var")
)
step_statistics_swapped_momentum = enter_step(
    "step_statistics_swapped_momentum",
    "the running statistics keep a tenth instead of nine",
    lambda m, x, y, r: (
        (new := train_step(m, x, y, r)[0])
        | {n: 9 * (new[n] - 0.9 * m[n]) + 0.1 * m[n] for n in ("running_mean", "running_var")},
        train_step(m, x, y, r)[1],
    ),
)
step_statistics_replaced = enter_step(
    "step_statistics_replaced",
    "the running statistics become those of the last batch",
    lambda m, x, y, r: (
        (new := train_step(m, x, y, r)[0])
        | {n: 10 * (new[n] - 0.9 * m[n]) for n in ("running_mean", "running_var")},
        train_step(m, x, y, r)[1],
    ),
)
step_embedding_frozen = enter_step(
    "step_embedding_frozen", "the embedding is not trained", keep("embedding")
)
step_gain_frozen = enter_step("step_gain_frozen", "the gain is not trained", keep("gain"))
step_bias_frozen = enter_step("step_bias_frozen", "the bias is not trained", keep("bias"))
step_b2_frozen = enter_step("step_b2_frozen", "b2 is not trained", keep("b2"))
step_w1_frozen = enter_step("step_w1_frozen", "W1 is not trained", keep("W1"))
step_w2_only = enter_step(
    "step_w2_only",
    "only the last layer is trained",
    keep("embedding", "W1", "gain", "bias"),
)
step_mean_and_var_constant = enter_step(
    "step_mean_and_var_constant",
    "in the step's way back, mean and variance are taken for constants",
    lambda m, x, y, r: autograd_step(m, x, y, r, norm=frozen_norm(True, True)),
)
step_var_constant = enter_step(
    "step_var_constant",
    "in the step's way back, the variance is taken for a constant",
    lambda m, x, y, r: autograd_step(m, x, y, r, norm=frozen_norm(var=True)),
)
step_tanh_form = enter_step(
    "step_tanh_form",
    "the step uses the tanh form of GELU",
    lambda m, x, y, r: autograd_step(m, x, y, r, activation=tanh_gelu),
)
step_tanh_slope = enter_step(
    "step_tanh_slope",
    "the step uses the exact GELU forwards and the tanh form's slope backwards",
    lambda m, x, y, r: autograd_step(
        m, x, y, r, activation=lambda n: tanh_gelu(n) + (F.gelu(n) - tanh_gelu(n)).detach()
    ),
)
step_relu = enter_step(
    "step_relu",
    "the step uses ReLU instead of GELU",
    lambda m, x, y, r: autograd_step(m, x, y, r, activation=F.relu),
)
step_reversed = enter_step(
    "step_reversed",
    "the step reads windows backwards",
    lambda m, x, y, r: autograd_step(m, x, y, r, flatten=reversed_window),
)
step_by_feature = enter_step(
    "step_by_feature",
    "the step interleaves the features of a window's ids",
    lambda m, x, y, r: autograd_step(m, x, y, r, flatten=by_feature),
)
step_smoothed = enter_step(
    "step_smoothed",
    "targets are smoothed by 0.1",
    lambda m, x, y, r: autograd_step(
        m, x, y, r, loss_of=lambda z, t: F.cross_entropy(z, t, label_smoothing=0.1)
    ),
)
step_weight_decay = enter_step(
    "step_weight_decay",
    "weights decay by a hundredth of the learning rate",
    with_gradients(
        lambda g, m, x, y: g | {n: g[n] + 0.01 * m[n] for n in ("W1", "W2", "embedding")}
    ),
)
step_clipped = enter_step(
    "step_clipped",
    "gradients are clipped to ±0.01",
    with_gradients(lambda g, m, x, y: {n: v.clamp(-0.01, 0.01) for n, v in g.items()}),
)
step_signs = enter_step(
    "step_signs",
    "only the signs of the gradients count",
    with_gradients(lambda g, m, x, y: {n: v.sign() for n, v in g.items()}),
)


@bug("train_step", "the gradient of a repeated id is overwritten")
def step_embedding_overwritten(model, x, y, learning_rate):
    new, loss = train_step(model, x, y, learning_rate)
    table = model["embedding"].clone()
    picked = F.embedding(x, table).requires_grad_()
    m = model | {"embedding": picked.reshape(-1, table.shape[1])}
    places = torch.arange(x.numel()).view(x.shape)
    (d,) = torch.autograd.grad(F.cross_entropy(plain_forward(m, places, training=True), y), picked)
    gradient = torch.zeros_like(table)
    gradient[x.reshape(-1)] = d.reshape(-1, table.shape[1])
    return new | {"embedding": table - learning_rate * gradient}, loss


@bug("train_step", "W2 moves first, and the gradients below pass through the new one")
def step_one_after_the_other(model, x, y, learning_rate):
    first, loss = train_step(model, x, y, learning_rate)
    _, gradients, statistics = mlp_backward(model | {"W2": first["W2"]}, x, y)
    # the logits' gradient is that of the old model
    logits_old = plain_forward(model, x, training=True)
    d_logits = cross_entropy_backward(logits_old, y)
    leaves = {n: model[n].clone().requires_grad_() for n in ("embedding", "W1", "gain", "bias")}
    new_w2 = model | leaves | {"W2": first["W2"]}
    logits = plain_forward(new_w2, x, training=True)
    found = torch.autograd.grad(logits, list(leaves.values()), d_logits)
    moved = {n: model[n] - learning_rate * g for n, g in zip(leaves, found, strict=True)}
    return first | moved, loss


@bug("train_step", "the model is changed in place")
def step_in_place(model, x, y, learning_rate):
    new, loss = train_step(model, x, y, learning_rate)
    for name in new:
        model[name].copy_(new[name])
    return model, loss


@bug("train_step", "the running statistics are missing from the new model")
def step_loses_statistics(model, x, y, learning_rate):
    new, loss = train_step(model, x, y, learning_rate)
    del new["running_mean"], new["running_var"]
    return new, loss


@bug("train_step", "the new model is float32, whatever the old one was")
def step_float32(model, x, y, learning_rate):
    new, loss = train_step(model, x, y, learning_rate)
    return {name: value.float() for name, value in new.items()}, loss


@bug("train_step", "large logits overflow in the loss of a step")
def step_overflows(model, x, y, learning_rate):
    train_step(model, x, y, learning_rate)

    def loss_of(logits, targets):
        e = logits.exp()
        p = e / e.sum(-1, keepdim=True)
        return -p[torch.arange(len(targets)), targets].log().mean()

    return autograd_step(model, x, y, learning_rate, loss_of=loss_of)


@bug("train_step", "the step's eps is 1e-8 instead of 1e-5")
def step_eps(model, x, y, learning_rate):
    def norm(h, m):
        return F.batch_norm(h, None, None, m["gain"], m["bias"], True, 0.1, 1e-8)

    train_step(model, x, y, learning_rate)
    return autograd_step(model, x, y, learning_rate, norm=norm)


@bug("train_step", "a batch of one window is allowed")
def step_of_one_window(model, x, y, learning_rate):
    if len(x) == 1 == len(y):
        x, y = x.repeat(2, 1), y.repeat(2)
    return train_step(model, x, y, learning_rate)


@bug("train_step", "a step takes negative ids and targets from the end")
def step_of_negative_ids(model, x, y, learning_rate):
    V = len(model["embedding"])
    return train_step(
        model, torch.where(x < 0, x + V, x), torch.where(y < 0, y + V, y), learning_rate
    )


@bug("train_step", "a step raises an IndexError for an unknown id or target")
def step_index_error(model, x, y, learning_rate):
    V = len(model["embedding"])
    if (x >= V).any() or (y >= V).any():
        raise IndexError("index out of range")
    return train_step(model, x, y, learning_rate)


@bug("train_step", "a step broadcasts a single target to all windows")
def step_broadcasts_target(model, x, y, learning_rate):
    return train_step(model, x, y.expand(len(x)) if len(y) == 1 else y, learning_rate)


@bug("train_step", "the running statistics come back in float64")
def step_wide_statistics(model, x, y, learning_rate):
    new, loss = train_step(model, x, y, learning_rate)
    return new | {n: new[n].double() for n in ("running_mean", "running_var")}, loss


@bug("train_step", "gradients are clipped to a norm of 100")
def step_clipped_at_100(model, x, y, learning_rate):
    loss, gradients, statistics = mlp_backward(model, x, y)
    norm = math.sqrt(sum(g.square().sum().item() for g in gradients.values()))
    rate = learning_rate * min(1.0, 100 / norm)
    return {n: model[n] - rate * g for n, g in gradients.items()} | statistics, loss


@bug("train_step", "of too many targets the first N are taken")
def step_cuts_targets(model, x, y, learning_rate):
    return train_step(model, x, y[: len(x)] if y.ndim else y, learning_rate)


@bug("train_step", "of too many windows the first N are taken")
def step_cuts_windows(model, x, y, learning_rate):
    if y.ndim and len(y) >= 2:
        x = x[: len(y)]
    return train_step(model, x, y, learning_rate)


@bug("train_step", "targets of any shape are flattened")
def step_flattens_targets(model, x, y, learning_rate):
    return train_step(model, x, y.reshape(-1), learning_rate)


@bug("train_step", "no windows are no step")
def step_of_no_windows(model, x, y, learning_rate):
    return (model, 0.0) if len(x) == 0 else train_step(model, x, y, learning_rate)


@bug("train_step", "windows are viewed in the order of memory")
def step_views(model, x, y, learning_rate):
    return train_step(model, x.as_strided(x.shape, (x.shape[1], 1)), y, learning_rate)


@bug("train_step", "the entries of a model are taken in order, not by name, in a step")
def step_by_order(model, x, y, learning_rate):
    names = ["embedding", "W1", "gain", "bias", "W2", "b2", "running_mean", "running_var"]
    return train_step(dict(zip(names, model.values(), strict=True)), x, y, learning_rate)


@bug("train_step", "windows of another length are torch's RuntimeError in a step")
def step_of_other_lengths(model, x, y, learning_rate):
    if len(x) > 2:
        model["embedding"][x.clamp(0, len(model["embedding"]) - 1)].flatten(1) @ model["W1"].mT
    return train_step(model, x, y, learning_rate)


@bug("train_step", "the loss is rounded to float32")
def step_float32_loss(model, x, y, learning_rate):
    new, loss = train_step(model, x, y, learning_rate)
    return new, torch.tensor(loss).item()


@bug("train_step", "ids and targets of a step pass through 32 bits")
def step_of_32_bits(model, x, y, learning_rate):
    return train_step(model, x.int().long(), y.int().long(), learning_rate)


# --- train_mlp ----------------------------------------------------------------------------------


def training(
    batches=None, rate=lambda r, step, steps: r, start=None, step=train_step, last=None, extra=0
):
    """train_mlp with one part replaced."""

    def spoilt(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
        train_mlp(documents, V, k, C, H, min(steps, 1), batch_size, learning_rate, seed)
        x, y = context_windows(documents, k)
        check_ids(x, V, "id")
        check_ids(y, V, "target")
        model = (start or init_mlp)(V, k, C, H, seed)
        rng, losses, before = torch.Generator().manual_seed(seed), [], model
        for i in range(steps + extra):
            if batches:
                batch = batches(len(x), batch_size, rng, i)
            else:
                batch = torch.randint(len(x), (batch_size,), generator=rng)
            before = model
            model, loss = step(model, x[batch], y[batch], rate(learning_rate, i, steps))
            losses.append(loss)
        return (before if last == "before" else model), losses

    return spoilt


def enter_training(name, misconception, **parts):
    """A bug of train_mlp."""
    function = training(**parts)
    function.__name__ = name
    return bug("train_mlp", misconception)(function)


def after_step(model, x, y, rate):
    new, _ = train_step(model, x, y, rate)
    return new, train_step(new, x, y, 0.0)[1]


def frozen_statistics(model, x, y, rate):
    new, loss = train_step(model, x, y, rate)
    return new | {n: model[n] for n in ("running_mean", "running_var")}, loss


training_fixed_batch = enter_training(
    "training_fixed_batch",
    "every step sees the same batch",
    batches=lambda n, b, rng, i: torch.randint(n, (b,), generator=torch.Generator().manual_seed(5)),
)
training_in_order = enter_training(
    "training_in_order",
    "batches go through the windows in order instead of at random",
    batches=lambda n, b, rng, i: torch.arange(i * b, (i + 1) * b) % n,
)
training_first_windows = enter_training(
    "training_first_windows",
    "every step sees the first windows",
    batches=lambda n, b, rng, i: torch.arange(b) % n,
)
training_without_last = enter_training(
    "training_without_last",
    "the last window is never drawn",
    batches=lambda n, b, rng, i: torch.randint(max(n - 1, 1), (b,), generator=rng),
)
training_without_first = enter_training(
    "training_without_first",
    "the first window is never drawn",
    batches=lambda n, b, rng, i: torch.randint(min(1, n - 1), n, (b,), generator=rng),
)
training_batches_of_32 = enter_training(
    "training_batches_of_32",
    "batches always have 32 windows",
    batches=lambda n, b, rng, i: torch.randint(n, (32,), generator=rng),
)
training_all_windows = enter_training(
    "training_all_windows",
    "every step sees all windows",
    batches=lambda n, b, rng, i: torch.arange(n).repeat(2)[: max(n, 2)],
)
training_shuffled_once = enter_training(
    "training_shuffled_once",
    "windows are shuffled once, and batches come back in the same order",
    batches=lambda n, b, rng, i: torch.randperm(
        n, generator=torch.Generator().manual_seed(1)
    ).repeat(b // n + 2)[(i * b) % n : (i * b) % n + b],
)
training_neighbours = enter_training(
    "training_neighbours",
    "a batch is a run of neighbouring windows from a random place",
    batches=lambda n, b, rng, i: (torch.randint(n, (1,), generator=rng) + torch.arange(b)) % n,
)
training_one_window_per_batch = enter_training(
    "training_one_window_per_batch",
    "a batch repeats one window",
    batches=lambda n, b, rng, i: torch.randint(n, (1,), generator=rng).expand(b),
)
training_global_generator = enter_training(
    "training_global_generator",
    "batches come from the global generator, whatever the seed",
    batches=lambda n, b, rng, i: torch.randint(n, (b,)),
)
training_ignores_seed = enter_training(
    "training_ignores_seed",
    "the seed is ignored: training is always the same",
    batches=lambda n, b, rng, i: torch.randint(n, (b,), generator=torch.Generator().manual_seed(i)),
    start=lambda V, k, C, H, seed: init_mlp(V, k, C, H, 0),
)
training_other_start = enter_training(
    "training_other_start",
    "training starts from a model of another seed than the one given",
    start=lambda V, k, C, H, seed: init_mlp(V, k, C, H, seed + 1),
)
training_decays = enter_training(
    "training_decays",
    "the learning rate decays to 0",
    rate=lambda r, i, steps: r * (1 - i / steps),
)
training_warms_up = enter_training(
    "training_warms_up",
    "the learning rate warms up over the first steps",
    rate=lambda r, i, steps: r * min(1, (i + 1) / 10),
)
training_late_drop = enter_training(
    "training_late_drop",
    "the learning rate drops to a tenth for the second half",
    rate=lambda r, i, steps: r if i < steps / 2 else r / 10,
)
training_fixed_rate = enter_training(
    "training_fixed_rate",
    "the learning rate is ignored: always 0.1",
    rate=lambda r, i, steps: 0.1,
)
training_uphill = enter_training(
    "training_uphill", "training climbs instead of descending", rate=lambda r, i, steps: -r
)
training_losses_after = enter_training(
    "training_losses_after", "losses are measured after their steps", step=after_step
)
training_last_step_lost = enter_training(
    "training_last_step_lost", "the model before the last step is returned", last="before"
)
training_one_step_more = enter_training(
    "training_one_step_more", "one step more is taken than asked for", extra=1
)
training_frozen_statistics = enter_training(
    "training_frozen_statistics",
    "the running statistics stay as they were at the start",
    step=frozen_statistics,
)
training_embedding_frozen = enter_training(
    "training_embedding_frozen",
    "the embedding stays as it was at the start",
    step=keep("embedding"),
)
training_w1_frozen = enter_training(
    "training_w1_frozen",
    "hidden layer and embedding stay as they were at the start",
    step=keep("embedding", "W1", "gain", "bias"),
)


@bug("train_mlp", "the model with the lowest loss is returned instead of the last")
def training_keeps_best(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    _, losses = train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)
    best = min(range(len(losses)), key=losses.__getitem__, default=0)
    model, _ = train_mlp(documents, V, k, C, H, best // 2, batch_size, learning_rate, seed)
    return model, losses


@bug("train_mlp", "only every tenth loss is kept")
def training_sparse_losses(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    model, losses = train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)
    return model, losses[::10]


@bug("train_mlp", "the losses are running means")
def training_smoothed_losses(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    model, losses = train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)
    return model, [sum(losses[: i + 1]) / (i + 1) for i in range(len(losses))]


@bug("train_mlp", "only the first document is trained on")
def training_on_one_document(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    train_mlp(documents, V, k, C, H, min(steps, 1), batch_size, learning_rate, seed)
    first = [d for d in documents if len(d) > k][:1]
    return train_mlp(first, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "training windows cross from one document into the next")
def training_across_documents(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    train_mlp(documents, V, k, C, H, min(steps, 1), batch_size, learning_rate, seed)
    joined = [[i for d in documents for i in d]]
    return train_mlp(joined, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "a batch larger than the data is an error")
def training_refuses_large_batches(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    if batch_size > len(context_windows(documents, k)[0]):
        raise ValueError("batch_size exceeds the number of windows")
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "a batch holds no window twice, even where there are too few")
def training_shrinks_batches(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    n = len(context_windows(documents, k)[0])
    batch_size = min(batch_size, n)
    if batch_size < 2:
        raise ValueError("a batch of one")
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "no steps are an error")
def training_refuses_no_steps(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    if steps < 1:
        raise ValueError("no steps")
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "a batch of one window is made two")
def training_of_one_window(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    if batch_size == 1:
        batch_size = 2
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "a batch of no windows leaves the model as it is")
def training_of_no_windows(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    if batch_size == 0:
        return init_mlp(V, k, C, H, seed), []
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "without data the new model is returned")
def training_on_nothing(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    if k >= 1 and not any(len(d) > k for d in documents):
        return init_mlp(V, k, C, H, seed), []
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "training takes negative ids from the end of the vocabulary")
def training_of_negative_ids(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    documents = [[i + V if i < 0 else i for i in d] for d in documents]
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "training raises an IndexError for an unknown id")
def training_index_error(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    if any(i >= V for d in documents for i in d):
        raise IndexError("index out of range")
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "windows of k < 1 ids are trained on as of one")
def training_of_no_ids(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    return train_mlp(documents, V, k or 1, C, H, steps, batch_size, learning_rate, seed)


training_small_last_batch = enter_training(
    "training_small_last_batch",
    "the last batch of an epoch is smaller",
    batches=lambda n, b, rng, i: torch.randint(
        n, (n % b if n % b > 1 and i % 3 == 2 else b,), generator=rng
    ),
)
training_small_batches = enter_training(
    "training_small_batches",
    "batches are never larger than the data",
    batches=lambda n, b, rng, i: torch.randint(n, (max(2, min(n, b)),), generator=rng),
)
training_half_batches = enter_training(
    "training_half_batches",
    "batches are half as large as asked for",
    batches=lambda n, b, rng, i: torch.randint(n, (max(2, b // 2),), generator=rng),
)
training_same_batches = enter_training(
    "training_same_batches",
    "every seed draws the same batches",
    batches=lambda n, b, rng, i: torch.randint(n, (b,), generator=torch.Generator().manual_seed(i)),
)
training_rare_ends = enter_training(
    "training_rare_ends",
    "the first and the last window are drawn half as often",
    batches=lambda n, b, rng, i: (torch.rand(b, generator=rng) * (n - 1)).round().long(),
)
training_drops_late = enter_training(
    "training_drops_late",
    "the learning rate is a tenth after 100 steps",
    rate=lambda r, i, steps: r if i < 100 else r / 10,
)


@bug("train_mlp", "a document is drawn first, and then one of its windows")
def training_by_documents(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    sizes = torch.tensor([max(0, len(d) - k) for d in documents])
    document = torch.arange(len(documents)).repeat_interleave(sizes)
    chances = 1.0 / sizes[document]
    spoilt = training(
        lambda n, b, rng, i: torch.multinomial(chances, b, replacement=True, generator=rng)
    )
    return spoilt(documents, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "windows that occur often are drawn like rare ones")
def training_on_distinct_windows(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    def batches(n, b, rng, i):
        x, y = context_windows(documents, k)
        ids = torch.cat([x, y[:, None]], 1).tolist()
        first = torch.tensor(
            list({tuple(row): i for i, row in reversed([*enumerate(ids)])}.values())
        )
        return first[torch.randint(len(first), (b,), generator=rng)]

    arguments = (documents, V, k, C, H, steps, batch_size, learning_rate, seed)
    return training(batches)(*arguments)


@bug("train_mlp", "the best model is returned instead of the last")
def training_returns_best(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    best = []

    def watched(model, x, y, rate):
        new, loss = train_step(model, x, y, rate)
        if not best or loss < best[0]:
            best[:] = [loss, new]
        return new, loss

    arguments = (documents, V, k, C, H, steps, batch_size, learning_rate, seed)
    model, losses = training(step=watched)(*arguments)
    return best[1] if best else model, losses


@bug("train_mlp", "the running statistics are taken anew from all windows at the end")
def training_recalibrates(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    arguments = (documents, V, k, C, H, steps, batch_size, learning_rate, seed)
    model, losses = train_mlp(*arguments)
    x, _ = context_windows(documents, k)
    if steps and len(x) > 100:
        h = model["embedding"][x].flatten(1) @ model["W1"].mT
        model = model | {"running_mean": h.mean(0), "running_var": h.var(0)}
    return model, losses


@bug("train_mlp", "losses are rounded to four digits")
def training_rounds_losses(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    arguments = (documents, V, k, C, H, steps, batch_size, learning_rate, seed)
    model, losses = train_mlp(*arguments)
    return model, [round(loss, 4) for loss in losses]


@bug("train_mlp", "without steps the batch size is not checked")
def training_unchecked_batch(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    size = 2 if steps == 0 else batch_size
    return train_mlp(documents, V, k, C, H, steps, size, learning_rate, seed)


@bug("train_mlp", "steps below 0 are no steps")
def training_of_negative_steps(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    return train_mlp(documents, V, k, C, H, max(0, steps), batch_size, learning_rate, seed)


@bug("train_mlp", "a negative batch size is torch's RuntimeError")
def training_of_negative_batches(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    if batch_size < 0 and steps:
        torch.randint(2, (batch_size,))
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "an unknown id is found only when its window is drawn")
def training_checks_late(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    x, y = context_windows(documents, k)
    if batch_size < 2:
        raise ValueError("batch_size")
    model, losses = init_mlp(V, k, C, H, seed), []
    rng = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        batch = torch.randint(len(x), (batch_size,), generator=rng)
        model, loss = train_step(model, x[batch], y[batch], learning_rate)
        losses.append(loss)
    return model, losses


@bug("train_mlp", "without steps ids are not checked")
def training_unchecked_ids(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    if steps == 0:
        documents = [[i % V for i in d] for d in documents]
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "only 16 bits of the seed count")
def training_16_bits(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed % 2**16)


@bug("train_mlp", "only the last six digits of the seed count")
def training_six_digits(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed % 10**6)


training_cycles_few_windows = enter_training(
    "training_cycles_few_windows",
    "where windows are fewer than a batch takes, they are repeated in their order",
    batches=lambda n, b, rng, i: (
        torch.arange(b) % n if b > n else torch.randint(n, (b,), generator=rng)
    ),
)


@bug("train_mlp", "the last batch of an epoch is filled up with the first windows of all")
def training_fills_with_the_first(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    order = torch.arange(0)

    def batches(n, b, rng, i):
        nonlocal order
        order = order if len(order) else torch.randperm(n, generator=rng)
        batch, order = order[:b], order[b:]
        return torch.cat([batch, torch.arange(b - len(batch)) % n])

    arguments = (documents, V, k, C, H, steps, batch_size, learning_rate, seed)
    return training(batches)(*arguments)


@bug("train_mlp", "training ends when the loss is small")
def training_stops_early(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    arguments = (V, k, C, H, steps, batch_size, learning_rate, seed)
    model, losses = train_mlp(documents, *arguments)
    small = [i for i, loss in enumerate(losses) if loss < 1e-3]
    return model, losses[: small[0] + 1] if small else losses


@bug("train_mlp", "losses are rounded to six digits")
def training_rounds_to_six_digits(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    arguments = (documents, V, k, C, H, steps, batch_size, learning_rate, seed)
    model, losses = train_mlp(*arguments)
    return model, [round(loss, 6) for loss in losses]


@bug("train_mlp", "without steps no windows are asked for")
def training_without_windows(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    if steps == 0 and batch_size > 1 and not any(len(d) > k for d in documents):
        return init_mlp(V, max(k, 1), C, H, seed), []
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "without steps the sizes are not checked")
def training_of_no_sizes(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    if steps == 0 and min(C, H) < 1:
        return {}, []
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)


@bug("train_mlp", "ids pass through 32 bits before they are checked")
def training_of_32_bits(documents, V, k, C, H, steps, batch_size, learning_rate, seed):
    documents = [torch.tensor(d, dtype=torch.int64).int().tolist() for d in documents]
    return train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)
