"""Words of a text, most of them without a regular expression.

A word begins at every space that is followed by something else than white space, whatever stands
before it: white space always leaves its last space to the word behind it. So bytes.split and
Counter, both in C, can cut a text at such spaces and count the pieces; the expression then sees each
distinct piece once. All other spaces are hidden from bytes.split for as long as it takes. Pieces
stay bytes until then: one curly quote would make two bytes of every character around it.

The expression itself, if the text is ASCII, is done by the standard library's `re`, in a third of
the time.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import islice

import regex

from .pretokenization import PATTERNS, compiled, special_pattern

HIDDEN = b"\0"  # a space at which no word begins
START = b"\1"  # no space: here a text begins
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


def count_words_fast(blocks: Iterable[bytes], special_tokens: list[str]) -> Counter[str]:
    """The same as chunking.count_words."""
    words: Counter[str] = Counter()
    pieces: Counter[bytes] = Counter()
    cutter = special_pattern(special_tokens)
    cutter = cutter and regex.compile(cutter.pattern.encode())
    for block in blocks:
        segments = cutter.split(block)[::2] if cutter else [block]
        if HIDDEN in block or START in block or not _count_pieces(segments, pieces):
            for segment in segments:
                words.update(find_words(segment.decode()))
        if len(pieces) > MOST_PIECES:
            _cut_pieces(pieces, words)
            pieces.clear()
    _cut_pieces(pieces, words)
    return words


def _count_pieces(segments: list[bytes], pieces: Counter[bytes]) -> bool:
    """Add the pieces of segments; False, and nothing is added, if some space is out of the rule."""
    known = len(pieces)
    # a last START, so that no space stands at the end
    found = hide_spaces(START + (b" " + START).join([*segments, b""])).split(b" ")
    pieces.update(found)
    new = islice(reversed(pieces), len(pieces) - known)  # a dict keeps the order of entry
    if all(begins_word(piece.decode()) for piece in new):
        return True
    pieces.subtract(found)
    while len(pieces) > known:
        pieces.popitem()
    return False


def hide_spaces(text: bytes) -> bytes:
    """Hide the spaces that are followed by the more usual kinds of white space."""
    if b"  " in text:
        # of n spaces hide n - 1: every second, what an odd n leaves, then those in between
        text = text.replace(b"  ", HIDDEN + b" ").replace(b"  ", HIDDEN + b" ")
        text = text.replace(b" " + HIDDEN, HIDDEN + HIDDEN)
    for white in (b"\n", b"\r", b"\t"):
        if white in text:
            text = text.replace(b" " + white, HIDDEN + white)
    return text


def begins_word(piece: str) -> bool:
    """Whether a word begins at the space before this piece."""
    return piece != "" and not piece[0].isspace()


def _cut_pieces(pieces: Counter[bytes], words: Counter[str]) -> None:
    """Add the words of pieces. Those that occur equally often make up one text again."""
    alike: defaultdict[tuple[int, bool], list[bytes]] = defaultdict(list)
    for piece, n in pieces.items():
        alike[n, piece.isascii()].append(piece)
    for (n, _), group in alike.items():
        text = (b" " + b" ".join(group)).replace(HIDDEN, b" ")
        for part in text.split(b" " + START):
            found = find_words(part.decode())
            if n == 1:
                words.update(found)  # in C
            else:
                for word in found:
                    words[word] += n
