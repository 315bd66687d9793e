"""Pre-tokenization: cut a text into words before any pair is counted.

No merge crosses a cut, so "dog", "dog." and "dog!" share the token "dog". GPT-2 cuts with one
regular expression (Radford et al. 2019, section 2.2), GPT-4 with another (tiktoken's cl100k_base).
Special tokens are cut out before that: they are never part of a word.
"""

from functools import cache

import regex

PATTERNS = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "gpt4": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
}


@cache
def compiled(pattern: str) -> regex.Pattern:
    """The regular expression that goes by this name."""
    if pattern not in PATTERNS:
        raise ValueError(f"{pattern=} is not known; choose from {', '.join(PATTERNS)}")
    return regex.compile(PATTERNS[pattern])


def pretokenize(text: str, pattern: str = "gpt2") -> list[str]:
    """Both patterns match every character, so the words joined are the text."""
    return compiled(pattern).findall(text)


def special_pattern(special_tokens: list[str]) -> regex.Pattern | None:
    """Matches any special token; None if there is none."""
    if "" in special_tokens:
        raise ValueError("a special token is empty; it would match everywhere")
    if not special_tokens:
        return None
    longest_first = sorted(special_tokens, key=len, reverse=True)  # of alternatives the first wins
    return regex.compile("(" + "|".join(map(regex.escape, longest_first)) + ")")


def split_special(text: str, special_tokens: list[str]) -> list[str]:
    """Ordinary text and special tokens by turns; empty pieces are left out."""
    cutter = special_pattern(special_tokens)
    pieces = cutter.split(text) if cutter else [text]
    return [piece for piece in pieces if piece]
