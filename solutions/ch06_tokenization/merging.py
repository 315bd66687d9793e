"""One step of byte-pair encoding: count the pairs, take the best, merge it   (Sennrich et al. 2016).

A sequence is a list of ids. `learn_merges` in training.py repeats this step without recounting.
"""

from collections import Counter
from itertools import pairwise
from typing import TypeVar

Token = TypeVar("Token", int, bytes)
Pair = tuple[int, int]


def count_pairs(sequences: list[list[int]], frequencies: list[int]) -> dict[Pair, int]:
    """A sequence that stands for `frequency` words counts that many times."""
    counts: Counter[Pair] = Counter()
    for sequence, frequency in zip(sequences, frequencies, strict=True):
        for pair in pairwise(sequence):  # overlapping: a a a has (a, a) twice
            counts[pair] += frequency
    return dict(counts)


def best_pair(counts: dict[Pair, int], vocab: dict[int, bytes]) -> Pair:
    """Ids depend on the order of training, bytes do not: so bytes break ties."""
    if not counts:
        raise ValueError("there is no pair to choose from; stop merging when none is left")
    return max(counts, key=lambda pair: (counts[pair], vocab[pair[0]], vocab[pair[1]]))


def merge(sequence: list[Token], pair: tuple[Token, Token], new: Token) -> list[Token]:
    """Left to right, and what has been merged is not looked at again: a a a becomes aa a."""
    merged: list[Token] = []
    i = 0
    while i < len(sequence):
        if i + 1 < len(sequence) and (sequence[i], sequence[i + 1]) == pair:
            merged.append(new)
            i += 2
        else:
            merged.append(sequence[i])
            i += 1
    return merged
