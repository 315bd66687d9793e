"""Words of a text, most of them without a regular expression.

Call a space regular if it stands between two characters that are no white space. A word always ends
before it, whatever stands further off. So str.split and Counter, both in C, can cut a text at
regular spaces and count the pieces; the expression then sees each distinct piece once.

Where white space stands together, as in code, that does not hold, and the expression has to see all
of the text. If the text is ASCII the standard library's `re` can do it, in a third of the time.
"""

import re
from collections import Counter
from functools import lru_cache

from .pretokenization import PATTERNS, compiled, special_pattern

CUT = "\0"
SEPARATORS = "\x1c\x1d\x1e\x1f"  # white space to str.isspace, but not to the pattern
ASCII = re.compile(
    PATTERNS["gpt2"]
    .replace(r"[^\s\p{L}\p{N}]", r"[^\sA-Za-z0-9]")
    .replace(r"\p{L}", "[A-Za-z]")
    .replace(r"\p{N}", "[0-9]"),
    re.ASCII,
)
DOCUMENTS = 64  # counted at once: so few that their pieces stay in the processor's cache


def find_words(text: str) -> list[str]:
    """The same as pretokenize."""
    return (ASCII if text.isascii() else compiled("gpt2")).findall(text)


def count_words_fast(text: str, special_tokens: list[str]) -> Counter[str]:
    """The same as chunking.count_words."""
    words: Counter[str] = Counter()
    regular = []
    cutter = special_pattern(special_tokens)
    usable = not any(character in text for character in CUT + SEPARATORS)
    for segment in cutter.split(text)[::2] if cutter else [text]:
        if "  " in segment or not usable:
            words.update(find_words(segment))
        else:
            regular.append(segment)
    _count_pieces(regular, words)
    return words


def _count_pieces(segments: list[str], words: Counter[str]) -> None:
    """Add the words of segments: by their pieces if all spaces are regular, else one by one."""
    bodies = [segment.rstrip() for segment in segments]
    pieces: Counter[str] = Counter()
    firsts = []
    for i in range(0, len(bodies), DOCUMENTS):
        first, *others = CUT.join(bodies[i : i + DOCUMENTS]).split(" ")
        firsts.append(CUT + first)
        pieces.update(others)
    if not all(map(is_regular, pieces)):
        for segment in segments:
            words.update(find_words(segment))
        return
    # white space at the end of a segment is one word
    words.update(s[len(b) :] for s, b in zip(segments, bodies, strict=True) if len(b) < len(s))
    pieces.update(firsts)
    for piece, n in pieces.items():
        for word in _words_of_piece(piece):
            words[word] += n


def is_regular(piece: str) -> bool:
    """Whether the spaces before and after this piece are regular."""
    return piece != "" and not piece[0].isspace() and not piece[-1].isspace() and piece[0] != CUT


@lru_cache(1 << 16)
def _words_of_piece(piece: str) -> tuple[str, ...]:
    """A piece follows a space, unless it begins with CUT; at each CUT a segment ends."""
    head, *others = piece.split(CUT)
    words = find_words(" " + head) if head else []
    return (*words, *(word for part in others for word in find_words(part)))
