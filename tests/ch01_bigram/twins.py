"""Twins of ch01_bigram: other correct implementations, every one of which must pass."""

import math
from collections import Counter

import numpy as np
import torch

from kit.bank import twin


@twin("vocabulary", "builds a dict of counts first", "build_vocab")
def vocab_from_counter(text):
    return sorted(Counter(text).keys(), key=ord)


@twin("vocabulary", "searches the list for every character", "encode")
def encode_by_index(text, vocab):
    return [vocab.index(character) for character in text]  # list.index raises ValueError itself


@twin("vocabulary", "returns a tensor, which the door turns into a list", "encode")
def encode_to_tensor(text, vocab):
    return torch.tensor([vocab.index(c) for c in text], dtype=torch.int64)


@twin("vocabulary", "checks first, joins then", "decode")
def decode_in_two_passes(ids, vocab):
    if ids and (min(ids) < 0 or max(ids) >= len(vocab)):
        raise ValueError("id out of range")
    text = ""
    for i in ids:
        text += vocab[i]
    return text


@twin("bigram_counts", "a plain loop")
def counts_by_loop(documents, V):
    counts = torch.zeros(V, V, dtype=torch.int64)
    for document in documents:
        for a, b in zip(document, document[1:], strict=False):
            counts[a, b] += 1
    return counts


@twin("bigram_counts", "index_put_ with accumulate")
def counts_by_index_put(documents, V):
    counts = torch.zeros(V, V, dtype=torch.int64)
    for document in documents:
        ids = torch.tensor(document, dtype=torch.int64)
        counts.index_put_((ids[:-1], ids[1:]), torch.ones((), dtype=torch.int64), accumulate=True)
    return counts


@twin("bigram_counts", "numpy's bincount, returned as an array")
def counts_by_bincount(documents, V):
    counts = np.zeros(V * V, dtype=np.int64)
    for document in documents:
        if len(document) > 1:
            ids = np.array(document)
            counts += np.bincount(ids[:-1] * V + ids[1:], minlength=V * V)
    return counts.reshape(V, V)


@twin("probabilities", "float64 throughout")
def probabilities_in_float64(counts, alpha):
    if alpha < 0:
        raise ValueError("alpha < 0")
    C = counts.to(torch.float64)
    P = (C + alpha) / (C.sum(1, keepdim=True) + alpha * C.shape[1])
    return P.nan_to_num(nan=1 / C.shape[1])


@twin("probabilities", "float32 throughout")
def probabilities_in_float32(counts, alpha):
    if alpha < 0:
        raise ValueError("alpha < 0")
    P = counts.float() + alpha
    total = P.sum(1, keepdim=True)
    P = torch.where(total > 0, P / total, torch.full_like(P, 1 / P.shape[1]))
    return P


@twin("probabilities", "row by row")
def probabilities_by_row(counts, alpha):
    if alpha < 0:
        raise ValueError("alpha < 0")
    V, table = counts.shape[0], []
    for row in counts.tolist():
        total = sum(row) + alpha * V
        table.append([(c + alpha) / total if total else 1 / V for c in row])
    return torch.tensor(table)


@twin("negative_log_likelihood", "math.log, pair by pair")
def nll_by_loop(P, documents):
    total, pairs = 0.0, 0
    for document in documents:
        for a, b in zip(document, document[1:], strict=False):
            p = P[a, b].item()
            total += -math.log(p) if p > 0 else math.inf
            pairs += 1
    if pairs == 0:
        raise ValueError("no pairs")
    return total / pairs


@twin("negative_log_likelihood", "float32 logs, returned as a tensor of no axes")
def nll_as_tensor(P, documents):
    logs = [P[d[:-1], d[1:]].log() for d in documents if len(d) > 1]
    if not logs:
        raise ValueError("no pairs")
    return -torch.cat(logs).mean()


@twin("negative_log_likelihood", "weighs cells by counts, looking only at those that occur")
def nll_from_counts(P, documents):
    pairs = Counter(pair for d in documents for pair in zip(d, d[1:], strict=False))
    if not pairs:
        raise ValueError("no pairs")
    logs = torch.stack([P[a, b].double().log() for a, b in pairs])
    weights = torch.tensor(list(pairs.values()), dtype=torch.float64)
    return -(logs * weights).sum().item() / weights.sum().item()


@twin("perplexity", "numpy, which overflows to inf")
def perplexity_by_numpy(nll):
    with np.errstate(over="ignore"):
        return np.exp(np.float64(nll))


@twin("perplexity", "torch in float64")
def perplexity_by_torch(nll):
    return torch.tensor(nll, dtype=torch.float64).exp()


@twin("ngram_probabilities", "a Counter of windows")
def ngrams_by_counter(documents, n, V, alpha):
    if n < 1 or alpha < 0:
        raise ValueError("n < 1 or alpha < 0")
    windows = Counter(tuple(d[i : i + n]) for d in documents for i in range(len(d) - n + 1))
    counts = torch.zeros((V,) * n, dtype=torch.float64)
    for window, count in windows.items():
        counts[window] = count
    total = counts.sum(-1, keepdim=True) + alpha * V
    return torch.where(total > 0, (counts + alpha) / total, torch.tensor(1 / V).double())


@twin("ngram_probabilities", "zips shifted documents, adds with index_put_")
def ngrams_by_zip(documents, n, V, alpha):
    if n < 1 or alpha < 0:
        raise ValueError("n < 1 or alpha < 0")
    counts = torch.full((V,) * n, float(alpha))
    for document in documents:
        for window in zip(*(document[i:] for i in range(n)), strict=False):
            counts[window] += 1
    return (counts / counts.sum(-1, keepdim=True)).nan_to_num(nan=1 / V)


@twin("sample", "inverts the cumulative distribution with Python's random")
def sample_by_inversion(P, boundary, max_length, seed):
    import random

    rng, ids, last = random.Random(seed), [], boundary
    while len(ids) < max_length:
        last = rng.choices(range(len(P)), weights=P[last].tolist())[0]
        if last == boundary:
            return ids
        ids.append(last)
    return ids


@twin("sample", "seeds the global generator")
def sample_with_global_generator(P, boundary, max_length, seed):
    torch.manual_seed(seed)
    ids, last = [], boundary
    for _ in range(max_length):
        last = int(torch.multinomial(P[last], 1))
        if last == boundary:
            break
        ids.append(last)
    return ids


@twin("sample", "the Gumbel-max trick")
def sample_by_gumbel(P, boundary, max_length, seed):
    rng, ids, last = np.random.default_rng(seed), [], boundary
    for _ in range(max_length):
        with np.errstate(divide="ignore"):
            scores = np.log(P[last].double().numpy()) + rng.gumbel(size=len(P))
        last = int(scores.argmax())
        if last == boundary:
            break
        ids.append(last)
    return ids


@twin("softmax_regression_grad", "one-hot matrices and a matrix product")
def grad_by_one_hot(W, x, y):
    V = W.shape[0]
    X, Y = torch.eye(V)[x], torch.eye(V)[y]
    logits = X @ W
    log_p = logits - torch.logsumexp(logits, -1, keepdim=True)
    return -(Y * log_p).sum() / len(x), X.T @ (log_p.exp() - Y) / len(x)


@twin("softmax_regression_grad", "autograd, which audit lets twins use")
def grad_by_autograd(W, x, y):
    W = W.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(W[x], y)
    loss.backward()
    return loss.item(), W.grad


@twin("train_bigram", "from the table of counts: cheaper, and the same gradient")
def train_on_counts(documents, V, steps, learning_rate):
    counts = torch.zeros(V, V)
    for document in documents:
        for a, b in zip(document, document[1:], strict=False):
            counts[a, b] += 1
    N, W, losses = counts.sum(), torch.zeros(V, V), []
    for _ in range(steps):
        log_p = torch.log_softmax(W, -1)
        losses.append(-(counts * log_p).sum().item() / N.item())
        W -= learning_rate * (counts.sum(-1, keepdim=True) * log_p.exp() - counts) / N
    return W, losses


@twin("train_bigram", "torch.optim.SGD")
def train_with_sgd(documents, V, steps, learning_rate):
    pairs = [p for d in documents for p in zip(d, d[1:], strict=False)]
    x, y = torch.tensor(pairs).T
    W = torch.zeros(V, V, requires_grad=True)
    optimizer, losses = torch.optim.SGD([W], lr=learning_rate), []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(W[x], y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return W.detach(), losses
