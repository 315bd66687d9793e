"""Words of a text, most of them without a regular expression.

A word begins at every space that is followed by something else than white space, whatever stands
before it: white space always leaves its last space to the word behind it. So str.split and Counter,
both in C, can cut a text at such spaces and count the pieces; the expression then sees each distinct
piece once. All other spaces are hidden from str.split for as long as it takes.

The expression itself, if the text is ASCII, is done by the standard library's `re`, in a third of
the time.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import islice

from .pretokenization import PATTERNS, compiled, special_pattern

HIDDEN = "\0"  # a space at which no word begins
START = "\1"  # no space: here a text begins
SEPARATORS = "\x1c\x1d\x1e\x1f"  # white space to str.isspace, but not to the pattern
ASCII = re.compile(
    PATTERNS["gpt2"]
    .replace(r"[^\s\p{L}\p{N}]", r"[^\sA-Za-z0-9]")
    .replace(r"\p{L}", "[A-Za-z]")
    .replace(r"\p{N}", "[0-9]"),
    re.ASCII,
)
MOST_PIECES = 1 << 15  # distinct ones in memory


def find_words(text: str) -> list[str]:
    """The same as pretokenize."""
    return (ASCII if text.isascii() else compiled("gpt2")).findall(text)


def count_words_fast(texts: Iterable[str], special_tokens: list[str]) -> Counter[str]:
    """The same as chunking.count_words."""
    words: Counter[str] = Counter()
    pieces: Counter[str] = Counter()
    cutter = special_pattern(special_tokens)
    for text in texts:
        segments = cutter.split(text)[::2] if cutter else [text]
        if HIDDEN in text or START in text or not _count_pieces(segments, pieces):
            for segment in segments:
                words.update(find_words(segment))
        if len(pieces) > MOST_PIECES:
            _cut_pieces(pieces, words)
            pieces.clear()
    _cut_pieces(pieces, words)
    return words


def _count_pieces(segments: list[str], pieces: Counter[str]) -> bool:
    """Add the pieces of segments; False, and nothing is added, if some space is out of the rule."""
    known = len(pieces)
    # a last START, so that no space stands at the end
    found = hide_spaces(START + f" {START}".join([*segments, ""])).split(" ")
    pieces.update(found)
    new = islice(reversed(pieces), len(pieces) - known)  # a dict keeps the order of entry
    if all(map(begins_word, new)):
        return True
    pieces.subtract(found)
    while len(pieces) > known:
        pieces.popitem()
    return False


def hide_spaces(text: str) -> str:
    """Hide the spaces that are followed by the more usual kinds of white space."""
    if "  " in text:
        # of n spaces hide n - 1: every second, what an odd n leaves, then those in between
        text = text.replace("  ", HIDDEN + " ").replace("  ", HIDDEN + " ")
        text = text.replace(" " + HIDDEN, HIDDEN + HIDDEN)
    for white in "\n\r\t":
        if white in text:
            text = text.replace(" " + white, HIDDEN + white)
    return text


def begins_word(piece: str) -> bool:
    """Whether a word begins at the space before this piece."""
    return piece != "" and not piece[0].isspace()


def _cut_pieces(pieces: Counter[str], words: Counter[str]) -> None:
    """Add the words of pieces. Those that occur equally often make up one text again."""
    alike: defaultdict[tuple[int, bool], list[str]] = defaultdict(list)
    for piece, n in pieces.items():
        alike[n, piece.isascii()].append(piece)
    for (n, _), group in alike.items():
        text = (" " + " ".join(group)).replace(HIDDEN, " ")
        for part in text.split(" " + START):
            if n == 1:
                words.update(find_words(part))  # in C
            else:
                for word in find_words(part):
                    words[word] += n
