"""Train byte-level BPE: start from the 256 bytes, merge the most frequent pair, again and again.

A merge changes few words, so nothing is counted twice: `where` remembers which words hold a pair,
and a heap which pair is most frequent. Entries of the heap may be out of date; that is noticed when
they come up (a lazy heap), which is cheaper than finding and mending them.
"""

import heapq
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

from .chunking import count_chunks, count_words
from .merging import merge

Pair = tuple[bytes, bytes]
COMPLEMENT = bytes(range(255, -1, -1))


def train_bpe(
    input_path: str | Path, vocab_size: int, special_tokens: list[str], workers: int = 1
) -> tuple[dict[int, bytes], list[Pair]]:
    """Count words, learn merges from them, number the tokens."""
    special_tokens = list(dict.fromkeys(special_tokens))
    room = room_for_merges(vocab_size, special_tokens)
    words = count_chunks(input_path, special_tokens, workers, count_words)
    merges = learn_merges({word.encode(): n for word, n in words.items()}, room)
    return number_tokens(merges, special_tokens), merges


def room_for_merges(vocab_size: int, special_tokens: list[str]) -> int:
    """How many merges the vocabulary can take."""
    least = 256 + len(special_tokens)
    if vocab_size < least:
        raise ValueError(
            f"{vocab_size=} is too small; 256 bytes and {len(special_tokens)} special tokens "
            f"need at least {least}"
        )
    return vocab_size - least


def number_tokens(merges: list[Pair], special_tokens: list[str]) -> dict[int, bytes]:
    """Bytes first, so that the id of a byte is its value; special tokens last."""
    tokens = [bytes([b]) for b in range(256)]
    tokens += [left + right for left, right in merges]
    tokens += [token.encode() for token in special_tokens]
    return dict(enumerate(tokens))


def learn_merges(frequencies: dict[bytes, int], room: int) -> list[Pair]:
    """At most `room` merges, fewer if the words run out of pairs."""
    words = [[bytes([b]) for b in word] for word in frequencies]
    weights = list(frequencies.values())
    counts: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[int]] = defaultdict(set)
    for i, word in enumerate(words):
        for pair in pairwise(word):
            counts[pair] += weights[i]
            where[pair].add(i)
    heap = [_entry(pair, n) for pair, n in counts.items()]
    heapq.heapify(heap)

    merges: list[Pair] = []
    while len(merges) < room and (pair := _pop_best(heap, counts)):
        merges.append(pair)
        joined = pair[0] + pair[1]
        grown: set[Pair] = set()
        for i in where.pop(pair):
            old, new = words[i], merge(words[i], pair, joined)
            for p in pairwise(old):
                counts[p] -= weights[i]
            for p in pairwise(new):
                counts[p] += weights[i]
                if joined in p:
                    where[p].add(i)
                    grown.add(p)
            words[i] = new
        for p in grown:
            heapq.heappush(heap, _entry(p, counts[p]))
    return merges


def _entry(pair: Pair, count: int) -> tuple[int, str, str, Pair]:
    """A heap gives the smallest first, so what should come first is turned around."""
    return -count, reversed_order(pair[0]), reversed_order(pair[1]), pair


def reversed_order(token: bytes) -> str:
    """Sorts the other way round: "b" before "a", and "ab" before "a", hence the end mark."""
    return token.translate(COMPLEMENT).decode("latin-1") + "\u0100"


def _pop_best(heap: list[tuple[int, str, str, Pair]], counts: Counter[Pair]) -> Pair | None:
    """The most frequent pair, and among equals the greatest; None when no pair is left."""
    while heap:
        negative, *_, pair = heapq.heappop(heap)
        if counts[pair] == -negative:
            if negative:
                return pair
        elif 0 < counts[pair] < -negative:  # it has shrunk since; had it grown, it would be there
            heapq.heappush(heap, _entry(pair, counts[pair]))
    return None
