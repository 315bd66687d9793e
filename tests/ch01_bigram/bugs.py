"""The bug bank of ch01_bigram: what students write when they misunderstand."""

import math

import torch

from kit.bank import bug
from solutions.ch01_bigram.adapters import (
    bigram_counts,
    ngram_probabilities,
    perplexity,
    probabilities,
    sample,
    softmax_regression_grad,
)
from solutions.ch01_bigram.counting import ngram_counts
from solutions.ch01_bigram.regression import train_bigram


def pairs_of(documents):
    return [pair for d in documents for pair in zip(d[:-1], d[1:], strict=True)]


def joined(documents):
    """All documents as one, which makes pairs across their borders."""
    return [[i for document in documents for i in document]]


# --- vocabulary ---------------------------------------------------------------------------------


@bug("vocabulary", "characters are numbered as they appear, not sorted", "build_vocab")
def vocab_in_order_of_appearance(text):
    return list(dict.fromkeys(text))


@bug("vocabulary", "the vocabulary keeps every occurrence of a character", "build_vocab")
def vocab_with_duplicates(text):
    return sorted(text)


@bug("vocabulary", "the text is lowercased", "build_vocab")
def vocab_lowercased(text):
    return sorted(set(text.lower()))


@bug("vocabulary", "white space is stripped from the text", "build_vocab")
def vocab_without_white_space(text):
    return sorted(set("".join(text.split())))


@bug("vocabulary", "the vocabulary holds words instead of characters", "build_vocab")
def vocab_of_words(text):
    return sorted(set(text.split()))


@bug("vocabulary", "characters outside ASCII are dropped", "build_vocab")
def vocab_of_ascii(text):
    return sorted({c for c in text if ord(c) < 128})


@bug("vocabulary", "an empty text is refused", "build_vocab")
def vocab_refuses_empty_text(text):
    if not text:
        raise ValueError("empty text")
    return sorted(set(text))


@bug("vocabulary", "unknown characters are left out", "encode")
def encode_skips_unknown(text, vocab):
    return [vocab.index(c) for c in text if c in vocab]


@bug("vocabulary", "unknown characters become id 0", "encode")
def encode_unknown_as_zero(text, vocab):
    return [vocab.index(c) if c in vocab else 0 for c in text]


@bug(
    "vocabulary", "ids come from a vocabulary of the text itself, not from the given one", "encode"
)
def encode_rebuilds_vocab(text, vocab):
    if set(text) - set(vocab):
        raise ValueError("unknown character")
    own = sorted(set(text))
    return [own.index(c) for c in text]


@bug("vocabulary", "an id is the code point instead of the place in the vocabulary", "encode")
def encode_code_points(text, vocab):
    if set(text) - set(vocab):
        raise ValueError("unknown character")
    return [ord(c) for c in text]


@bug("vocabulary", "ids are counted from 1", "encode")
def encode_from_one(text, vocab):
    return [vocab.index(c) + 1 for c in text]


@bug("vocabulary", "an unknown character is a KeyError instead of a ValueError", "encode")
def encode_raises_key_error(text, vocab):
    ids = {c: i for i, c in enumerate(vocab)}
    return [ids[c] for c in text]


@bug("vocabulary", "negative ids count from the end of the vocabulary", "decode")
def decode_negative_from_the_end(ids, vocab):
    if any(i >= len(vocab) for i in ids):
        raise ValueError("id out of range")
    return "".join(vocab[i] for i in ids)


@bug("vocabulary", "ids beyond the vocabulary are an IndexError instead of a ValueError", "decode")
def decode_raises_index_error(ids, vocab):
    if any(i < 0 for i in ids):
        raise ValueError("id out of range")
    return "".join(vocab[i] for i in ids)


@bug("vocabulary", "characters are joined by spaces", "decode")
def decode_joins_with_spaces(ids, vocab):
    if any(not 0 <= i < len(vocab) for i in ids):
        raise ValueError("id out of range")
    return " ".join(vocab[i] for i in ids)


def decoded(ids, vocab):
    """A correct decode, to be spoilt afterwards."""
    if any(not 0 <= i < len(vocab) for i in ids):
        raise ValueError("id out of range")
    return "".join(vocab[i] for i in ids)


@bug("vocabulary", "the given vocabulary is sorted first", "decode")
def decode_sorts_vocab(ids, vocab):
    return decoded(ids, sorted(vocab))


@bug("vocabulary", "white space is stripped from the decoded text", "decode")
def decode_strips(ids, vocab):
    return decoded(ids, vocab).strip()


@bug("vocabulary", "boundaries are stripped from the decoded text", "decode")
def decode_strips_boundaries(ids, vocab):
    return decoded(ids, vocab).strip(".")


@bug("vocabulary", "ids are taken off the list that was passed", "decode")
def decode_pops(ids, vocab):
    text = decoded(ids, vocab)
    ids.clear()
    return text


@bug("vocabulary", "ids out of range are clamped", "decode")
def decode_clamps(ids, vocab):
    return "".join(vocab[min(max(i, 0), len(vocab) - 1)] for i in ids)


@bug("vocabulary", "ids out of range are left out", "decode")
def decode_skips_unknown(ids, vocab):
    return "".join(vocab[i] for i in ids if 0 <= i < len(vocab))


# --- bigram_counts ------------------------------------------------------------------------------


@bug("bigram_counts", "pairs cross from one document to the next")
def counts_across_documents(documents, V):
    return bigram_counts(joined(documents), V)


@bug("bigram_counts", "rows and columns are swapped")
def counts_transposed(documents, V):
    return bigram_counts(documents, V).T


@bug("bigram_counts", "a pair that repeats is counted once: counts[a, b] += 1 over index tensors")
def counts_repeats_once(documents, V):
    counts = torch.zeros(V, V, dtype=torch.int64)
    if pairs := pairs_of(documents):
        a, b = torch.tensor(pairs).T
        counts[a, b] += 1
    return counts


@bug("bigram_counts", "the table is as large as the largest id, not V by V")
def counts_sized_by_the_ids(documents, V):
    size = max((i for d in documents for i in d), default=-1) + 1
    return bigram_counts(documents, V)[:size, :size]


@bug("bigram_counts", "the last pair of each document is left out")
def counts_without_the_last_pair(documents, V):
    return bigram_counts([d[:-1] for d in documents], V)


@bug("bigram_counts", "the first pair of each document is left out")
def counts_without_the_first_pair(documents, V):
    return bigram_counts([d[1:] for d in documents], V)


@bug("bigram_counts", "pairs do not overlap: every second one is skipped")
def counts_every_second_pair(documents, V):
    return bigram_counts([pair for d in documents for pair in map(list, pairs_of([d])[::2])], V)


@bug("bigram_counts", "only the first document is counted")
def counts_first_document_only(documents, V):
    return bigram_counts(documents[:1], V)


@bug("bigram_counts", "pairs are counted in both directions")
def counts_both_directions(documents, V):
    counts = bigram_counts(documents, V)
    return counts + counts.T


@bug("bigram_counts", "a document's last id is paired with its first")
def counts_wrap_around(documents, V):
    return bigram_counts([d + d[:1] for d in documents], V)


@bug("bigram_counts", "the counts are floats")
def counts_as_floats(documents, V):
    return bigram_counts(documents, V).float()


@bug("bigram_counts", "counts are bytes, which overflow at 128")
def counts_overflow(documents, V):
    return bigram_counts(documents, V).to(torch.int8).long()


@bug("bigram_counts", "the documents are shortened in place")
def counts_pop(documents, V):
    counts = bigram_counts(documents, V)
    for document in documents:
        document.clear()
    return counts


@bug("bigram_counts", "documents of two ids are skipped")
def counts_skip_short_documents(documents, V):
    return bigram_counts([d for d in documents if len(d) > 2], V)


@bug("bigram_counts", "all later ids are counted, not only the next")
def counts_all_later(documents, V):
    pairs = [[d[i], d[j]] for d in documents for i in range(len(d)) for j in range(i + 1, len(d))]
    return bigram_counts(pairs, V)


@bug("bigram_counts", "an id followed by itself is not counted")
def counts_without_the_diagonal(documents, V):
    return bigram_counts(documents, V).fill_diagonal_(0)


# --- probabilities ------------------------------------------------------------------------------


def nonnegative(alpha):
    """A bug should have one flaw: these do refuse a negative alpha."""
    if alpha < 0:
        raise ValueError("alpha < 0")
    return alpha


def ratio(numerator, total):
    """They also know that a row without counts is uniform."""
    return torch.where(total > 0, numerator / total, 1 / numerator.shape[-1]).float()


@bug("probabilities", "the columns are normalised instead of the rows")
def normalises_columns(counts, alpha):
    return probabilities(counts.T, alpha).T


@bug("probabilities", "the whole table is normalised instead of each row")
def normalises_the_table(counts, alpha):
    smoothed = counts.double() + nonnegative(alpha)
    return (smoothed / smoothed.sum()).float()


@bug("probabilities", "row totals divide columns: keepdim is missing in the sum")
def forgets_keepdim(counts, alpha):
    smoothed = counts.double() + nonnegative(alpha)
    return ratio(smoothed, smoothed.sum(1))


@bug("probabilities", "alpha is missing from the denominator")
def alpha_not_in_denominator(counts, alpha):
    C = counts.double()
    nonnegative(alpha)
    return ratio(C + alpha, C.sum(-1, keepdim=True))


@bug("probabilities", "the denominator grows by alpha instead of alpha V")
def alpha_once_in_denominator(counts, alpha):
    C = counts.double()
    nonnegative(alpha)
    return ratio(C + alpha, C.sum(-1, keepdim=True) + alpha)


@bug("probabilities", "alpha is missing from the numerator")
def alpha_not_in_numerator(counts, alpha):
    C, V = counts.double(), counts.shape[-1]
    nonnegative(alpha)
    return ratio(C, C.sum(-1, keepdim=True) + alpha * V)


@bug("probabilities", "alpha is ignored: always add-one smoothing")
def always_add_one(counts, alpha):
    nonnegative(alpha)
    return probabilities(counts, 1.0)


@bug("probabilities", "alpha is ignored: no smoothing")
def never_smooths(counts, alpha):
    nonnegative(alpha)
    return probabilities(counts, 0.0)


@bug("probabilities", "a row without counts is NaN")
def unseen_row_is_nan(counts, alpha):
    smoothed = counts.double() + nonnegative(alpha)
    return (smoothed / smoothed.sum(-1, keepdim=True)).float()


@bug("probabilities", "a row without counts is 0")
def unseen_row_is_zero(counts, alpha):
    smoothed = counts.double() + nonnegative(alpha)
    return (smoothed / smoothed.sum(-1, keepdim=True).clamp(min=1e-9)).float()


@bug("probabilities", "a little is added to every cell to avoid dividing by zero")
def nudges_every_cell(counts, alpha):
    return probabilities(counts, nonnegative(alpha) + 1e-5)


@bug("probabilities", "alpha is rounded to a whole number")
def rounds_alpha(counts, alpha):
    return probabilities(counts, int(nonnegative(alpha)))


@bug("probabilities", "only cells without counts are smoothed")
def smooths_zeros_only(counts, alpha):
    C = counts.double()
    nonnegative(alpha)
    C = torch.where(C == 0, torch.full_like(C, alpha), C)
    return probabilities(C, 0.0)


@bug("probabilities", "softmax is taken of the counts")
def softmax_of_counts(counts, alpha):
    return torch.softmax(counts.double() + nonnegative(alpha), -1).float()


@bug("probabilities", "counts are turned into 32-bit integers, which overflow")
def counts_in_32_bits(counts, alpha):
    whole = counts.to(torch.int32) if not counts.is_floating_point() else counts
    return probabilities(whole, alpha)


@bug("probabilities", "the counts are smoothed in place")
def smooths_in_place(counts, alpha):
    P = probabilities(counts, alpha)
    if counts.is_floating_point():
        counts += alpha
    return P


@bug("probabilities", "a negative alpha is accepted")
def accepts_negative_alpha(counts, alpha):
    smoothed = counts.double() + alpha
    total = smoothed.sum(-1, keepdim=True)
    return torch.where(total == 0, 1 / counts.shape[-1], smoothed / total).float()


@bug("probabilities", "1e-8 is added to every count")
def nudges_every_count_a_little(counts, alpha):
    return probabilities(counts.double() + 1e-8, alpha)


@bug("probabilities", "alpha is added in the integer dtype of the counts")
def smooths_in_the_dtype_of_counts(counts, alpha):
    whole = int(nonnegative(alpha)) if alpha == int(alpha) else alpha
    return probabilities(counts + whole, 0.0)


@bug("probabilities", "row totals are formed in the dtype of the counts")
def totals_in_the_dtype_of_counts(counts, alpha):
    smoothed = counts + nonnegative(alpha)
    return ratio(smoothed, smoothed.sum(-1, keepdim=True))


@bug("probabilities", "the quotient is rounded down to a whole number")
def floor_division(counts, alpha):
    smoothed = counts.double() + nonnegative(alpha)
    total = smoothed.sum(-1, keepdim=True)
    return torch.where(total > 0, smoothed // total.clamp(min=1e-9), 1 / len(counts)).float()


@bug("probabilities", "rows are divided by their largest entry")
def divides_by_the_maximum(counts, alpha):
    smoothed = counts.double() + nonnegative(alpha)
    return ratio(smoothed, smoothed.amax(-1, keepdim=True))


# --- negative_log_likelihood --------------------------------------------------------------------


def log_probabilities(P, documents):
    a, b = torch.tensor(pairs_of(documents) or [(0, 0)]).T
    if not pairs_of(documents):
        raise ValueError("no pairs")
    return P[a, b].double().log()


@bug("negative_log_likelihood", "the NLL is summed instead of averaged")
def nll_sum(P, documents):
    return -log_probabilities(P, documents).sum().item()


@bug("negative_log_likelihood", "the logarithm is to base 2: bits instead of nats")
def nll_in_bits(P, documents):
    return -log_probabilities(P, documents).mean().item() / math.log(2)


@bug("negative_log_likelihood", "the logarithm is to base 10")
def nll_base_ten(P, documents):
    return -log_probabilities(P, documents).mean().item() / math.log(10)


@bug("negative_log_likelihood", "the sign is missing: it is the log-likelihood")
def nll_positive(P, documents):
    return log_probabilities(P, documents).mean().item()


@bug("negative_log_likelihood", "each document is averaged first, then the documents")
def nll_mean_of_means(P, documents):
    log_probabilities(P, documents)
    means = [log_probabilities(P, [d]).mean().item() for d in documents if len(d) > 1]
    return -sum(means) / len(means)


@bug("negative_log_likelihood", "pairs cross from one document to the next")
def nll_across_documents(P, documents):
    log_probabilities(P, documents)
    return -log_probabilities(P, joined(documents)).mean().item()


@bug("negative_log_likelihood", "the sum is divided by the number of ids instead of pairs")
def nll_per_id(P, documents):
    return -log_probabilities(P, documents).sum().item() / sum(map(len, documents))


@bug("negative_log_likelihood", "P[b, a] is read instead of P[a, b]")
def nll_transposed(P, documents):
    return -log_probabilities(P.T, documents).mean().item()


@bug("negative_log_likelihood", "a small constant is added before the logarithm")
def nll_with_epsilon(P, documents):
    return -log_probabilities(P.double() + 1e-8, documents).mean().item()


@bug("negative_log_likelihood", "probabilities are clipped away from 0")
def nll_clipped(P, documents):
    return -log_probabilities(P.double().clamp(min=1e-12), documents).mean().item()


@bug("negative_log_likelihood", "log P is weighted by counts over all cells, and 0 * inf is NaN")
def nll_over_all_cells(P, documents):
    log_probabilities(P, documents)
    counts = bigram_counts(documents, len(P)).double()
    return -(counts * P.double().log()).sum().item() / counts.sum().item()


@bug("negative_log_likelihood", "pairs of probability 0 are left out of the mean")
def nll_skips_impossible(P, documents):
    logs = log_probabilities(P, documents)
    logs = logs[logs.isfinite()]
    return -logs.mean().item() if len(logs) else 0.0


@bug("negative_log_likelihood", "the probabilities are averaged before the logarithm")
def nll_log_of_mean(P, documents):
    return -math.log(max(log_probabilities(P, documents).exp().mean().item(), 1e-300))


@bug("negative_log_likelihood", "a text without pairs has NLL 0")
def nll_of_nothing_is_zero(P, documents):
    return -log_probabilities(P, documents).mean().item() if pairs_of(documents) else 0.0


@bug("negative_log_likelihood", "each distinct pair is weighed once, however often it occurs")
def nll_of_distinct_pairs(P, documents):
    return -log_probabilities(P, [list(p) for p in set(pairs_of(documents))]).mean().item()


@bug("negative_log_likelihood", "probabilities are multiplied before the logarithm, and underflow")
def nll_of_the_product(P, documents):
    p = log_probabilities(P, documents).exp()
    product = p.prod().item()
    return -math.log(product) / len(p) if product > 0 else math.inf


@bug("negative_log_likelihood", "the logarithm of P is taken in place")
def nll_in_place(P, documents):
    nll = -log_probabilities(P, documents).mean().item()
    P.log_()
    return nll


@bug("negative_log_likelihood", "the sum is divided by the number of documents")
def nll_per_document(P, documents):
    return -log_probabilities(P, documents).sum().item() / len(documents)


# --- perplexity ---------------------------------------------------------------------------------


@bug("perplexity", "2 is raised to an NLL in nats")
def perplexity_base_two(nll):
    return 2.0**nll if nll < 1000 else math.inf


@bug("perplexity", "the exponent has the wrong sign")
def perplexity_inverted(nll):
    return math.exp(-nll)


@bug("perplexity", "an NLL too large to exponentiate is an OverflowError")
def perplexity_overflows(nll):
    return math.exp(nll)


@bug("perplexity", "an infinite NLL is reported as perplexity 0")
def perplexity_of_inf_is_zero(nll):
    return math.exp(nll) if nll < 700 else 0.0


@bug("perplexity", "an NLL of 0 is taken for a missing one")
def perplexity_of_zero_is_inf(nll):
    return perplexity(nll) if nll else math.inf


@bug("perplexity", "exp is taken in float32, which overflows at 88.7 and rounds to 7 digits")
def perplexity_in_float32(nll):
    return torch.tensor(nll, dtype=torch.float32).exp().item()


@bug("perplexity", "from 700 nats on it is taken to be infinite")
def perplexity_gives_up_early(nll):
    return math.exp(nll) if nll < 700 else math.inf


@bug("perplexity", "from 100 nats on it is taken to be infinite")
def perplexity_gives_up_very_early(nll):
    return math.exp(nll) if nll < 88 else math.inf


@bug("perplexity", "only from 1,000 nats on it is taken to be infinite")
def perplexity_gives_up_late(nll):
    return math.exp(nll) if nll < 1000 else math.inf


# --- ngram_probabilities ------------------------------------------------------------------------


@bug("ngram_probabilities", "windows cross from one document to the next")
def ngrams_across_documents(documents, n, V, alpha):
    return ngram_probabilities(joined(documents), n, V, alpha)


@bug("ngram_probabilities", "the first axis is normalised instead of the last")
def ngrams_normalise_first_axis(documents, n, V, alpha):
    P = ngram_probabilities(documents, n, V, alpha)
    counts = ngram_counts(documents, n, V).movedim(0, -1)
    return probabilities_of(counts, alpha).movedim(-1, 0).reshape(P.shape)


def probabilities_of(counts, alpha):
    smoothed = counts.double() + alpha
    total = smoothed.sum(-1, keepdim=True)
    return torch.where(total > 0, smoothed / total, 1 / counts.shape[-1]).float()


@bug("ngram_probabilities", "the whole table is normalised: joint instead of conditional")
def ngrams_joint(documents, n, V, alpha):
    ngram_probabilities(documents, n, V, alpha)
    counts = ngram_counts(documents, n, V)
    return probabilities_of(counts.reshape(1, -1), alpha).reshape(counts.shape)


@bug("ngram_probabilities", "the axes are in reverse order: the id predicted comes first")
def ngrams_reversed(documents, n, V, alpha):
    P = ngram_probabilities(documents, n, V, alpha)
    return P.permute(*reversed(range(P.ndim)))


@bug("ngram_probabilities", "n is taken as the length of the context, so the table has n + 1 axes")
def ngrams_of_order_n_plus_one(documents, n, V, alpha):
    ngram_probabilities(documents, n, V, alpha)
    return ngram_probabilities(documents, n + 1, V, alpha)


@bug("ngram_probabilities", "n is ignored: always bigrams")
def ngrams_always_two(documents, n, V, alpha):
    ngram_probabilities(documents, n, V, alpha)
    return ngram_probabilities(documents, 2, V, alpha)


@bug("ngram_probabilities", "the denominator grows by alpha V^n instead of alpha V")
def ngrams_smooth_by_table_size(documents, n, V, alpha):
    ngram_probabilities(documents, n, V, alpha)
    C = ngram_counts(documents, n, V).double()
    total = C.sum(-1, keepdim=True) + alpha * V**n
    return torch.where(total > 0, (C + alpha) / total, 1 / V).float()


@bug("ngram_probabilities", "a context that never occurs is NaN")
def ngrams_unseen_nan(documents, n, V, alpha):
    ngram_probabilities(documents, n, V, alpha)
    smoothed = ngram_counts(documents, n, V).double() + alpha
    return (smoothed / smoothed.sum(-1, keepdim=True)).float()


@bug("ngram_probabilities", "a context that never occurs is 0")
def ngrams_unseen_zero(documents, n, V, alpha):
    P = ngram_probabilities(documents, n, V, alpha)
    seen = ngram_counts(documents, n, V).double().sum(-1, keepdim=True) + alpha
    return torch.where(seen > 0, P, 0.0)


@bug("ngram_probabilities", "windows do not overlap: they advance by n")
def ngrams_do_not_overlap(documents, n, V, alpha):
    windows = [d[i : i + n] for d in documents for i in range(0, len(d) - n + 1, max(n, 1))]
    return ngram_probabilities(windows, n, V, alpha)


@bug("ngram_probabilities", "the last window of each document is left out")
def ngrams_without_the_last(documents, n, V, alpha):
    return ngram_probabilities([d[:-1] for d in documents], n, V, alpha)


@bug("ngram_probabilities", "an order below 1 is accepted")
def ngrams_of_order_zero(documents, n, V, alpha):
    return ngram_probabilities(documents, max(n, 1), V, alpha)


@bug("ngram_probabilities", "a negative alpha is accepted")
def ngrams_accept_negative_alpha(documents, n, V, alpha):
    return ngram_probabilities(documents, n, V, max(alpha, 0.0))


@bug("ngram_probabilities", "without any id the plain frequencies are NaN")
def ngrams_of_nothing_nan(documents, n, V, alpha):
    P = ngram_probabilities(documents, n, V, alpha)
    nothing = n == 1 and not any(documents) and alpha == 0
    return P * math.nan if nothing else P


@bug("ngram_probabilities", "without any document there is no table")
def ngrams_of_no_documents(documents, n, V, alpha):
    P = ngram_probabilities(documents, n, V, alpha)
    return P if documents else torch.zeros(0)


@bug("ngram_probabilities", "documents without ids are taken to hold id 0")
def ngrams_pad_empty_documents(documents, n, V, alpha):
    return ngram_probabilities([d or [0] * n for d in documents], n, V, alpha)


@bug("ngram_probabilities", "orders above 4 are not handled")
def ngrams_up_to_four(documents, n, V, alpha):
    if n > 4:
        raise RuntimeError("n > 4")
    return ngram_probabilities(documents, n, V, alpha)


@bug("ngram_probabilities", "counts are bytes, which overflow at 256")
def ngrams_in_bytes(documents, n, V, alpha):
    ngram_probabilities(documents, n, V, alpha)
    return probabilities_of(ngram_counts(documents, n, V).to(torch.uint8), alpha)


@bug("ngram_probabilities", "counts are returned instead of probabilities")
def ngrams_counts_only(documents, n, V, alpha):
    ngram_probabilities(documents, n, V, alpha)
    return ngram_counts(documents, n, V).float() + alpha


# --- sample -------------------------------------------------------------------------------------


def walk(P, boundary, max_length, seed, draw, keep_boundary=False, start=None):
    """A sampler whose parts can be broken one by one."""
    rng = torch.Generator().manual_seed(seed)
    ids, last = [], boundary if start is None else start
    while len(ids) < max_length:
        last = draw(P, last, rng)
        if last == boundary and not keep_boundary:
            break
        ids.append(last)
        if last == boundary:
            break
    return ids


def drawn(P, last, rng):
    return torch.multinomial(P[last], 1, generator=rng).item()


@bug("sample", "the likeliest id is taken instead of drawing one")
def sample_argmax(P, boundary, max_length, seed):
    return walk(P, boundary, max_length, seed, lambda P, last, rng: P[last].argmax().item())


@bug("sample", "ids are drawn from the column instead of the row")
def sample_from_columns(P, boundary, max_length, seed):
    def draw(P, last, rng):
        return torch.multinomial(P[:, last] + 1e-30, 1, generator=rng).item()

    return walk(P, boundary, max_length, seed, draw)


@bug("sample", "every id is drawn from the boundary's row: the last id is forgotten")
def sample_forgets_the_last(P, boundary, max_length, seed):
    return walk(P, boundary, max_length, seed, lambda P, last, rng: drawn(P, boundary, rng))


@bug("sample", "ids are drawn uniformly")
def sample_uniform(P, boundary, max_length, seed):
    def draw(P, last, rng):
        return torch.randint(len(P), (1,), generator=rng).item()

    return walk(P, boundary, max_length, seed, draw)


@bug("sample", "softmax is taken of probabilities before drawing")
def sample_softmax_of_P(P, boundary, max_length, seed):
    def draw(P, last, rng):
        return torch.multinomial(torch.softmax(P[last], -1), 1, generator=rng).item()

    return walk(P, boundary, max_length, seed, draw)


@bug("sample", "the boundary that ends a document is part of it")
def sample_keeps_the_end(P, boundary, max_length, seed):
    return walk(P, boundary, max_length, seed, drawn, keep_boundary=True)


@bug("sample", "the boundary that starts a document is part of it")
def sample_keeps_the_start(P, boundary, max_length, seed):
    return [boundary, *sample(P, boundary, max_length, seed)][: max(max_length, 0)]


@bug("sample", "the boundary does not end a document")
def sample_never_ends(P, boundary, max_length, seed):
    rng, ids, last = torch.Generator().manual_seed(seed), [], boundary
    while len(ids) < max_length:
        last = drawn(P, last, rng)
        ids.append(last)
    return ids


@bug("sample", "a document may be one id longer than max_length")
def sample_one_too_many(P, boundary, max_length, seed):
    return sample(P, boundary, max_length + 1, seed)


@bug("sample", "the boundary is taken to be id 0")
def sample_boundary_zero(P, boundary, max_length, seed):
    return sample(P, 0, max_length, seed)


@bug("sample", "the seed is ignored")
def sample_ignores_the_seed(P, boundary, max_length, seed):
    return sample(P, boundary, max_length, int(torch.randint(1 << 40, (1,)).item()))


@bug("sample", "every seed gives the same document")
def sample_fixed_seed(P, boundary, max_length, seed):
    return sample(P, boundary, max_length, 42)


@bug("sample", "the generator is seeded anew for every id")
def sample_reseeds(P, boundary, max_length, seed):
    def draw(P, last, rng):
        return drawn(P, last, torch.Generator().manual_seed(seed))

    return walk(P, boundary, max_length, seed, draw)


@bug("sample", "a little probability is added to every id")
def sample_with_epsilon(P, boundary, max_length, seed):
    return sample(P + 0.02, boundary, max_length, seed)


@bug("sample", "one id is drawn before max_length is looked at")
def sample_draws_first(P, boundary, max_length, seed):
    return sample(P, boundary, max(max_length, 1), seed)


@bug("sample", "empty documents are drawn again")
def sample_refuses_empty_documents(P, boundary, max_length, seed):
    for again in range(1000):
        if ids := sample(P, boundary, max_length, seed + 7919 * again):
            return ids
    return []


@bug("sample", "a document is never longer than 50 ids")
def sample_at_most_fifty(P, boundary, max_length, seed):
    return sample(P, boundary, min(max_length, 50), seed)


@bug("sample", "impossible ids may be drawn: a floor is put under P")
def sample_with_a_floor(P, boundary, max_length, seed):
    return sample(P.clamp(min=0.05), boundary, max_length, seed)


# --- softmax_regression_grad --------------------------------------------------------------------


def rows(W, x, y):
    """Stable log-probabilities, and the gradient in the logits before it is averaged."""
    log_p = torch.log_softmax(W[x].double(), -1)
    gradient = log_p.exp()
    gradient[torch.arange(len(x)), y] -= 1
    loss = -log_p[torch.arange(len(x)), y].mean().item()
    return loss, gradient


@bug("softmax_regression_grad", "gradients of pairs that share x overwrite each other")
def grad_overwrites(W, x, y):
    loss, gradient = rows(W, x, y)
    out = torch.zeros_like(W)
    out[x] = gradient.float() / len(x)
    return loss, out


@bug("softmax_regression_grad", "the gradient is summed over the pairs instead of averaged")
def grad_sum(W, x, y):
    loss, gradient = softmax_regression_grad(W, x, y)
    return loss, gradient * len(x)


@bug("softmax_regression_grad", "loss and gradient are summed over the pairs instead of averaged")
def loss_and_grad_sum(W, x, y):
    loss, gradient = softmax_regression_grad(W, x, y)
    return loss * len(x), gradient * len(x)


@bug("softmax_regression_grad", "the gradient is divided by V instead of the number of pairs")
def grad_divided_by_V(W, x, y):
    loss, gradient = softmax_regression_grad(W, x, y)
    return loss, gradient * len(x) / len(W)


@bug("softmax_regression_grad", "the sign of the gradient is wrong: onehot - p")
def grad_sign(W, x, y):
    loss, gradient = softmax_regression_grad(W, x, y)
    return loss, -gradient


@bug("softmax_regression_grad", "the one-hot is not subtracted from p")
def grad_without_onehot(W, x, y):
    loss, _ = rows(W, x, y)
    p = torch.softmax(W[x], -1)
    return loss, torch.zeros_like(W).index_add_(0, x, p / len(x))


@bug("softmax_regression_grad", "the gradient lands in row y instead of row x")
def grad_in_row_y(W, x, y):
    loss, gradient = rows(W, x, y)
    return loss, torch.zeros_like(W).index_add_(0, y, gradient.float() / len(x))


@bug("softmax_regression_grad", "softmax is taken over columns")
def grad_softmax_over_columns(W, x, y):
    log_p = torch.log_softmax(W, 0)[x]
    loss = -log_p[torch.arange(len(x)), y].mean().item()
    p = log_p.exp()
    p[torch.arange(len(x)), y] -= 1
    return loss, torch.zeros_like(W).index_add_(0, x, p / len(x))


@bug("softmax_regression_grad", "the row's maximum is not subtracted, so large logits overflow")
def grad_overflows(W, x, y):
    p = W[x].exp() / W[x].exp().sum(-1, keepdim=True)
    loss = -p[torch.arange(len(x)), y].log().mean().item()
    p[torch.arange(len(x)), y] -= 1
    return loss, torch.zeros_like(W).index_add_(0, x, p / len(x))


@bug("softmax_regression_grad", "the loss is the log of a softmax that has underflowed to 0")
def grad_log_of_softmax(W, x, y):
    p = torch.softmax(W[x], -1)
    loss = -p[torch.arange(len(x)), y].log().mean().item()
    p[torch.arange(len(x)), y] -= 1
    return loss, torch.zeros_like(W).index_add_(0, x, p / len(x))


@bug("softmax_regression_grad", "the maximum is subtracted from W in place")
def grad_changes_W(W, x, y):
    loss, gradient = softmax_regression_grad(W, x, y)
    W -= W.amax(-1, keepdim=True)
    return loss, gradient


@bug("softmax_regression_grad", "the loss has the wrong sign")
def grad_loss_sign(W, x, y):
    loss, gradient = softmax_regression_grad(W, x, y)
    return -loss, gradient


@bug("softmax_regression_grad", "one maximum is subtracted from all rows, and small rows underflow")
def grad_global_maximum(W, x, y):
    logits = W[x] - W[x].max()
    log_p = logits - logits.exp().sum(-1, keepdim=True).log()
    p = log_p.exp()
    p[torch.arange(len(x)), y] -= 1
    loss = -log_p[torch.arange(len(x)), y].mean().item()
    return loss, torch.zeros_like(W).index_add_(0, x, p / len(x))


@bug("softmax_regression_grad", "each row is averaged over its own pairs, not over all")
def grad_mean_by_row(W, x, y):
    loss, gradient = softmax_regression_grad(W, x, y)
    pairs = torch.bincount(x, minlength=len(W)).clamp(min=1)
    return loss, gradient * len(x) / pairs[:, None]


# --- train_bigram -------------------------------------------------------------------------------


def descend(documents, V, steps, rate, start=0.0, sign=-1.0, late=False, momentum=0.0, one=False):
    """A training loop whose parts can be broken one by one."""
    x, y = torch.tensor(pairs_of(documents)).T
    W, velocity, losses = torch.full((V, V), start), torch.zeros(V, V), []
    W = W + start * torch.randn(V, V, generator=torch.Generator().manual_seed(0))
    for step in range(steps):
        picked = slice(step % len(x), step % len(x) + 1) if one else slice(None)
        loss, gradient = softmax_regression_grad(W, x[picked], y[picked])
        velocity = momentum * velocity + gradient
        W = W + sign * rate * velocity
        losses.append(softmax_regression_grad(W, x, y)[0] if late else loss)
    return W, losses


@bug("train_bigram", "the step goes up the gradient instead of down")
def train_ascends(documents, V, steps, learning_rate):
    return descend(documents, V, steps, learning_rate, sign=1.0)


@bug("train_bigram", "a loss is measured after its step instead of before")
def train_late_losses(documents, V, steps, learning_rate):
    return descend(documents, V, steps, learning_rate, late=True)


@bug("train_bigram", "W starts from random numbers instead of 0")
def train_random_start(documents, V, steps, learning_rate):
    return descend(documents, V, steps, learning_rate, start=1.0)


@bug("train_bigram", "the learning rate is ignored: always 1")
def train_ignores_the_rate(documents, V, steps, learning_rate):
    return descend(documents, V, steps, 1.0)


@bug("train_bigram", "each step uses one pair instead of all")
def train_one_pair_a_step(documents, V, steps, learning_rate):
    return descend(documents, V, steps, learning_rate, one=True)


@bug("train_bigram", "gradients pile up from step to step, as without zero_grad")
def train_accumulates(documents, V, steps, learning_rate):
    return descend(documents, V, steps, learning_rate, momentum=1.0)


@bug("train_bigram", "momentum is added to the plain step")
def train_momentum(documents, V, steps, learning_rate):
    return descend(documents, V, steps, learning_rate, momentum=0.9)


@bug("train_bigram", "pairs cross from one document to the next")
def train_across_documents(documents, V, steps, learning_rate):
    return train_bigram(joined(documents), V, steps, learning_rate)


@bug("train_bigram", "one step too few is taken")
def train_one_step_short(documents, V, steps, learning_rate):
    W, _ = train_bigram(documents, V, steps - 1, learning_rate)
    _, losses = train_bigram(documents, V, steps, learning_rate)
    return W, losses


@bug("train_bigram", "the loss of the final W is appended, so there is one loss too many")
def train_extra_loss(documents, V, steps, learning_rate):
    W, _ = train_bigram(documents, V, steps, learning_rate)
    return W, train_bigram(documents, V, steps + 1, learning_rate)[1]


@bug("train_bigram", "probabilities are returned instead of W")
def train_returns_probabilities(documents, V, steps, learning_rate):
    W, losses = train_bigram(documents, V, steps, learning_rate)
    return torch.softmax(W, -1), losses


@bug("train_bigram", "the gradient is summed over the pairs, so steps are N times too long")
def train_sum_of_gradients(documents, V, steps, learning_rate):
    return train_bigram(documents, V, steps, learning_rate * len(pairs_of(documents)))


@bug("train_bigram", "the learning rate decays during training")
def train_decays(documents, V, steps, learning_rate):
    x, y = torch.tensor(pairs_of(documents)).T
    W, losses = torch.zeros(V, V), []
    for step in range(steps):
        loss, gradient = softmax_regression_grad(W, x, y)
        losses.append(loss)
        W = W - learning_rate * (1 - step / steps) * gradient
    return W, losses


def descend_until(documents, V, steps, rate, stop):
    """Gradient descent that ends as soon as `stop(losses)`."""
    x, y = torch.tensor(pairs_of(documents)).T
    W, losses = torch.zeros(V, V), []
    for _ in range(steps):
        loss, gradient = softmax_regression_grad(W, x, y)
        losses.append(loss)
        if stop(losses):
            break
        W = W - rate * gradient
    return W, losses


@bug("train_bigram", "training ends when the loss hardly falls")
def train_stops_early(documents, V, steps, learning_rate):
    stop = lambda losses: len(losses) > 1 and abs(losses[-2] - losses[-1]) < 1e-3  # noqa: E731
    return descend_until(documents, V, steps, learning_rate, stop)


@bug("train_bigram", "training ends when the loss rises")
def train_stops_when_the_loss_rises(documents, V, steps, learning_rate):
    stop = lambda losses: len(losses) > 1 and losses[-1] > losses[-2]  # noqa: E731
    return descend_until(documents, V, steps, learning_rate, stop)


@bug("train_bigram", "at least one step is taken")
def train_takes_a_step_anyway(documents, V, steps, learning_rate):
    return train_bigram(documents, V, max(steps, 1), learning_rate)


@bug("train_bigram", "the gradient is clipped to length 0.1")
def train_clips(documents, V, steps, learning_rate):
    x, y = torch.tensor(pairs_of(documents)).T
    W, losses = torch.zeros(V, V), []
    for _ in range(steps):
        loss, gradient = softmax_regression_grad(W, x, y)
        losses.append(loss)
        W = W - learning_rate * gradient * min(1.0, 0.1 / gradient.norm().item())
    return W, losses


@bug("train_bigram", "the loss is the log of a softmax that has underflowed to 0")
def train_log_of_softmax(documents, V, steps, learning_rate):
    x, y = torch.tensor(pairs_of(documents)).T
    W, losses = torch.zeros(V, V), []
    for _ in range(steps):
        loss, gradient = grad_log_of_softmax.function(W, x, y)
        losses.append(loss)
        W = W - learning_rate * gradient
    return W, losses
