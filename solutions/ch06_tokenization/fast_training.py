"""The trainer again, about three times as fast; see training.py for the idea.

Counting words takes most of the time, and most of that is the regular expression. But a text of
ordinary sentences repeats itself, so the expression need not see all of it: a place where a single
space stands between two other characters always begins a word, whatever stands around it. So cut
there with str.split, count the pieces in a Counter, and run the expression once for each piece that
is new. Where white space stands together, the rule does not hold; that text takes the slow way.

Merging is done on strings with one character per token, because str.replace merges from left to
right without overlap, and does it in C.
"""

import heapq
from collections import defaultdict
from pathlib import Path

from .chunking import count_chunks
from .fast_pretokenization import count_words_fast
from .training import number_tokens, reversed_order, room_for_merges

Pair = tuple[bytes, bytes]


def train_bpe_fast(
    input_path: str | Path, vocab_size: int, special_tokens: list[str], workers: int = 1
) -> tuple[dict[int, bytes], list[Pair]]:
    """The same result as `train_bpe`; a property test holds them together."""
    special_tokens = list(dict.fromkeys(special_tokens))
    room = room_for_merges(vocab_size, special_tokens)
    words = count_chunks(input_path, special_tokens, workers, count_words_fast)
    merges = learn_merges_fast({word.encode(): n for word, n in words.items()}, room)
    return number_tokens(merges, special_tokens), merges


def learn_merges_fast(frequencies: dict[bytes, int], room: int) -> list[Pair]:
    """A pair is a string of two characters, one for each token; chr(256 + i) is merge i."""
    words = [word.decode("latin-1") for word in frequencies]
    weights = list(frequencies.values())
    tokens = {chr(b): bytes([b]) for b in range(256)}
    order = {letter: reversed_order(token) for letter, token in tokens.items()}
    counts: defaultdict[str, int] = defaultdict(int)
    where: defaultdict[str, list[int]] = defaultdict(list)
    for i, word in enumerate(words):
        for pair in map(str.__add__, word, word[1:]):
            counts[pair] += weights[i]
            where[pair].append(i)
    heap = [(-n, order[pair[0]], order[pair[1]], pair) for pair, n in counts.items()]
    heapq.heapify(heap)

    merges: list[Pair] = []
    while heap and len(merges) < room:
        negative, *keys, pair = heapq.heappop(heap)
        count = counts[pair]
        if count != -negative:
            if count:  # it has shrunk; pairs only grow when they are made, and are pushed then
                heapq.heappush(heap, (-count, *keys, pair))
            continue
        left, right = pair
        new = chr(256 + len(merges))
        merges.append((tokens[left], tokens[right]))
        tokens[new] = tokens[left] + tokens[right]
        order[new] = reversed_order(tokens[new])
        made = _merge_everywhere(pair, new, words, weights, counts, where)
        for fresh, n in made.items():
            heapq.heappush(heap, (-n, order[fresh[0]], order[fresh[1]], fresh))
    return merges


def _merge_everywhere(
    pair: str,
    new: str,
    words: list[str],
    weights: list[int],
    counts: defaultdict[str, int],
    where: defaultdict[str, list[int]],
) -> dict[str, int]:
    """Merge `pair` in all words, and correct the counts around it; the new pairs, with counts."""
    left, right = pair
    made: defaultdict[str, int] = defaultdict(int)
    made_where: defaultdict[str, list[int]] = defaultdict(list)
    for i in where.pop(pair):
        old, weight = words[i], weights[i]
        place = old.find(pair)
        if place < 0:  # done already, or taken away by another merge
            continue
        words[i] = word = old.replace(pair, new)
        last, several = len(word) - 1, len(old) - len(word) > 1
        while place >= 0:
            if place:
                before = word[place - 1]
                # of two new tokens side by side, the pair between them was right + left
                counts[(right if before == new else before) + left] -= weight
                made[before + new] += weight
                made_where[before + new].append(i)
            if place < last and (after := word[place + 1]) != new:
                counts[right + after] -= weight
                made[new + after] += weight
                made_where[new + after].append(i)
            place = word.find(new, place + 1) if several else -1
    del counts[pair]
    counts.update(made)
    where.update(made_where)
    return made
