"""Words of a text, most of them without a regular expression.

Call a space regular if it stands between two characters that are no white space. A word always ends
before it, whatever stands further off. So str.split and Counter, both in C, can cut a text at
regular spaces and count the pieces; the expression then sees each distinct piece once.

Where white space stands together, GPT-2's pattern makes a word of all of it but the last character.
These words are cut out first (`cut_runs`); what remains has regular spaces only.
"""

import re
from collections import Counter

from .chunking import count_words
from .pretokenization import compiled, special_pattern

CUT = "\0"
# The standard library takes the last four for white space, the pattern does not.
ODD = CUT + "\x1c\x1d\x1e\x1f"
RUN = re.compile(r"(\s+)(?=\s)")


def count_words_fast(text: str, special_tokens: list[str]) -> Counter[str]:
    """The same as chunking.count_words."""
    if any(character in text for character in ODD):
        return count_words(text, special_tokens)
    words: Counter[str] = Counter()
    bodies = []
    cutter = special_pattern(special_tokens)
    for segment in cutter.split(text)[::2] if cutter else [text]:
        body = segment.rstrip()
        if len(body) < len(segment):
            words[segment[len(body) :]] += 1  # white space at the end is one word
        bodies.append(body)
    first, pieces = _pieces(CUT.join(bodies))
    if not all(map(is_regular, pieces)):
        texts, runs = cut_runs(CUT.join(bodies))
        words.update(runs)
        first, pieces = _pieces(CUT.join(texts))
    find = compiled("gpt2").findall
    for piece, n in [*((" " + piece, n) for piece, n in pieces.items()), (first, 1)]:
        for part in piece.split(CUT):
            for word in find(part):
                words[word] += n
    return words


def _pieces(text: str) -> tuple[str, Counter[str]]:
    """What stands before the first space, and how often what comes after each of them."""
    first, *others = text.split(" ")
    return first, Counter(others)


def is_regular(piece: str) -> bool:
    """Whether the spaces before and after this piece are regular."""
    return piece != "" and not piece[0].isspace() and not piece[-1].isspace() and piece[0] != CUT


def cut_runs(text: str) -> tuple[list[str], list[str]]:
    """The text between runs of white space, and the runs; the last of a run stays in the text."""
    parts = RUN.split(text)
    return parts[::2], parts[1::2]
