"""The trainer again, several times as fast; see training.py for the idea.

Counting words takes most of the time, and most of that is the regular expression. But a text
repeats itself, so the expression need not see all of it: see fast_pretokenization.py.

Merging is done on strings with one character per token, because str.split finds a pair from left to
right without overlap, and does it in C. A merge counts nothing but the new pairs: what x + new has
gained, x + left has lost.
"""

import gc
import heapq
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from .chunking import count_chunks
from .fast_pretokenization import count_words_fast
from .training import number_tokens, reversed_order, room_for_merges

Pair = tuple[bytes, bytes]
Entry = tuple[int, str, str, str]
LAYER = 4


def train_bpe_fast(
    input_path: str | Path, vocab_size: int, special_tokens: list[str], workers: int = 1
) -> tuple[dict[int, bytes], list[Pair]]:
    """The same result as `train_bpe`; a property test holds them together."""
    special_tokens = list(dict.fromkeys(special_tokens))
    room = room_for_merges(vocab_size, special_tokens)
    counted = count_chunks(input_path, special_tokens, workers, count_words_fast).items()
    frequencies = {word.encode(): n for word, n in counted}
    del counted  # which holds all words a second time
    with no_garbage_collection():
        merges = learn_merges_fast(frequencies, room)
    return number_tokens(merges, special_tokens), merges


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """For work that makes many lists and no cycles: looking for cycles takes a sixth of its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def learn_merges_fast(frequencies: dict[bytes, int], room: int) -> list[Pair]:
    """A pair is a string of two characters, one for each token; chr(256 + i) is merge i."""
    words = [word.decode("latin-1") for word in frequencies]
    weight_of = list(frequencies.values()).__getitem__
    tokens = {chr(b): bytes([b]) for b in range(256)}
    order = {letter: reversed_order(token) for letter, token in tokens.items()}
    where: defaultdict[str, list[int]] = defaultdict(list)
    for i, word in enumerate(words):
        for pair in map(str.__add__, word, word[1:]):
            where[pair].append(i)  # as often as the pair occurs, so the weights add up to its count
    counts = {pair: sum(map(weight_of, places)) for pair, places in where.items()}

    merges: list[Pair] = []
    heap: list[Entry] = []
    while len(merges) < room:
        if not heap:
            heap, least = _next_layer(counts, order)
            if not heap:
                break
        negative, *keys, pair = heapq.heappop(heap)
        count = counts[pair]
        if count != -negative:
            if count >= least:  # it has shrunk; pairs only grow when made, and are pushed then
                heapq.heappush(heap, (-count, *keys, pair))
            continue
        left, right = pair
        new = chr(256 + len(merges))
        merges.append((tokens[left], tokens[right]))
        tokens[new] = tokens[left] + tokens[right]
        order[new] = reversed_order(tokens[new])
        before, after = _merge_everywhere(pair, new, words, where.pop(pair))
        # of two new tokens side by side, the pair between them was right + left
        made = [(x + new, (right if x == new else x) + left, before[x]) for x in before]
        made += [(new + x, right + x, after[x]) for x in after]
        for fresh, lost, places in made:
            counts[fresh] = n = sum(map(weight_of, places))
            counts[lost] -= n
            where[fresh] = places
            if n >= least:
                heapq.heappush(heap, (-n, order[fresh[0]], order[fresh[1]], fresh))
        del counts[pair]
    return merges


def _next_layer(counts: dict[str, int], order: dict[str, str]) -> tuple[list[Entry], int]:
    """A heap of the most frequent pairs, and the count that they have at least.

    No other pair can come up before these are used up; most pairs never do, and enter no heap.
    """
    least = max(counts.values(), default=0) // LAYER + 1
    frequent = ((pair, n) for pair, n in counts.items() if n >= least)
    heap = [(-n, order[pair[0]], order[pair[1]], pair) for pair, n in frequent]
    heapq.heapify(heap)
    return heap, least


def _merge_everywhere(
    pair: str, new: str, words: list[str], places: list[int]
) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Merge `pair` in the words; which now have which token before, and which after, a new one.

    Of two new ones side by side, the first is before the second; none is after.
    """
    before: defaultdict[str, list[int]] = defaultdict(list)
    after: defaultdict[str, list[int]] = defaultdict(list)
    for i in places:
        parts = words[i].split(pair)
        if len(parts) == 2:  # nearly always, so what the general case does is spelled out
            head, tail = parts
            words[i] = head + new + tail
            if head:
                before[head[-1]].append(i)
            if tail:
                after[tail[0]].append(i)
        elif len(parts) > 2:  # else done already, or taken away by another merge
            words[i] = new.join(parts)
            for k, (head, tail) in enumerate(pairwise(parts)):
                if head or k:
                    before[head[-1] if head else new].append(i)
                if tail:
                    after[tail[0]].append(i)
    return before, after
