"""What counting achieves: a 5-gram model over the same tokens, learnt from the same stories.

    p(w | h) = max(c(h w) - D, 0) / c(h) + λ(h) p(w | h without its first token)

Interpolated modified Kneser-Ney, which Chen and Goodman (1999, §4.1.6) found the best of its kind:
of order 5, c counts occurrences; below, c counts the different tokens seen before `h w`. D is one
of three discounts, for counts of one, two and more, set by how many n-grams have them; λ(h) hands
what was taken away to the shorter context. Below the unigrams every token is equally likely.
"""

from collections.abc import Sequence

import numpy as np

ORDER = 5
LEAST = 0.05  # a discount of 0 would leave nothing for what was never seen


def ngram_nll(train: Sequence[np.ndarray], valid: Sequence[np.ndarray], V: int) -> float:
    """The bits that all documents of `valid` take, each begun by its first token, which is free."""
    both, counts_from = _padded([*train, *valid])
    N = sum(len(d) + ORDER - 2 for d in train)
    ends = _identities(both, V)
    learnt = np.flatnonzero(counts_from[:N])
    asked = N + np.flatnonzero(counts_from[N:])
    p = np.full(len(asked), 1 / V)
    for n in range(1, ORDER + 1):
        grams, contexts = ends[n], np.roll(ends[n - 1], 1)
        seen = learnt
        if n < ORDER:  # each longer gram counts once, wherever it was first seen
            seen = learnt[np.unique(ends[n + 1][learnt], return_index=True)[1]]
        counts = np.bincount(grams[seen], minlength=grams.max() + 1)
        kinds = learnt[np.unique(grams[learnt], return_index=True)[1]]
        D = _discounts(counts[grams[kinds]])
        size = contexts.max() + 1
        total = np.bincount(contexts[kinds], counts[grams[kinds]], size)
        taken = np.bincount(contexts[kinds], D[np.minimum(counts[grams[kinds]], 3)], size)
        count, context = counts[grams[asked]], contexts[asked]
        known = np.maximum(total[context], 1)
        weight = np.where(total[context] > 0, taken[context] / known, 1)
        p = np.maximum(count - D[np.minimum(count, 3)], 0) / known + weight * p
    return -np.log2(p).sum()


def _padded(documents: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All documents in a row, with room for a context before each, and which tokens are predicted."""
    begin = ORDER - 2  # more of its first token: no context reaches into another document
    ids = np.concatenate([np.r_[[d[0]] * begin, d].astype(np.int64) for d in documents])
    lengths = np.array([len(d) + begin for d in documents])
    place = np.arange(len(ids)) - np.repeat(lengths.cumsum() - lengths, lengths)
    return ids, place > begin


def _identities(ids: np.ndarray, V: int) -> list[np.ndarray]:
    """For n = 0 ... ORDER: a number for the n-gram that ends at each place, equal where it is."""
    found = [np.zeros(len(ids), np.int64)]
    for _ in range(ORDER):
        key = np.roll(found[-1], 1) * V + ids
        found.append(np.unique(key, return_inverse=True)[1])
    return found


def _discounts(counts: np.ndarray) -> np.ndarray:
    """For a count of 0, 1, 2 and more; from how many grams occur once to four times."""
    n1, n2, n3, n4 = (max(int((counts == k).sum()), 1) for k in (1, 2, 3, 4))
    share = n1 / (n1 + 2 * n2)
    raw = [0, 1 - 2 * share * n2 / n1, 2 - 3 * share * n3 / n2, 3 - 4 * share * n4 / n3]
    return np.clip(raw, [0, LEAST, LEAST, LEAST], [0, 1, 2, 3])


def bits_per_byte(train, valid, V: int, valid_bytes: int) -> float:
    """The same for every byte of the documents."""
    return ngram_nll(train, valid, V) / valid_bytes
