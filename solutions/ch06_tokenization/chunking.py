"""Count the words of a large file, in several processes at once, and with little of it in memory.

A file may be cut only where no word is cut. Special tokens end words, so a cut before one is safe,
unless another special token could reach across it: see `separators`.
"""

import mmap
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

from .pretokenization import pretokenize, split_special

CountWords = Callable[[Iterable[bytes], list[str]], Counter[str]]
BLOCK_BYTES = 1 << 16  # read at once: so few that a block and its words stay in the cache


def separators(special_tokens: list[str]) -> list[bytes]:
    """The special tokens whose every occurrence is a match, whatever stands before it.

    Among "ab" and "bc", only "ab" is one: in "abc" the match is "ab", and the "bc" is none. So "bc"
    may begin no chunk.
    """
    tokens = [token.encode() for token in special_tokens]

    def crossed(token: bytes) -> bool:
        tails = [other[i:] for other in tokens for i in range(1, len(other))]
        return any(token.startswith(tail) or tail.startswith(token) for tail in tails)

    return [token for token in tokens if not crossed(token)]


def chunk_boundaries(data: bytes | mmap.mmap, chunks: int, special_tokens: list[str]) -> list[int]:
    """Move each of the even cuts forward to the next separator."""
    if chunks < 1:
        raise ValueError(f"{chunks=}; there is at least one chunk")
    tokens = separators(special_tokens)
    cuts = {0, len(data)}
    for i in range(1, chunks):
        places = [data.find(token, len(data) * i // chunks) for token in tokens]
        cuts.add(min((place for place in places if place >= 0), default=len(data)))
    return sorted(cuts)


def count_chunks(
    path: str | Path, special_tokens: list[str], workers: int, count_words: CountWords
) -> Counter[str]:
    """How often each word occurs; the same for any number of workers."""
    if workers < 1:
        raise ValueError(f"{workers=}; choose 1 or more processes")
    size = Path(path).stat().st_size
    if size == 0:  # which cannot be mapped
        return Counter()
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        spans = list(pairwise(chunk_boundaries(data, workers, special_tokens)))
    count_span = partial(_count_span, path, special_tokens, count_words)
    if workers == 1:
        return count_span(spans[0])
    total: Counter[str] = Counter()
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        for counts in pool.imap_unordered(count_span, spans):
            total.update(counts)
    return total


def _count_span(
    path: str | Path, special_tokens: list[str], count_words: CountWords, span: tuple[int, int]
) -> Counter[str]:
    return count_words(_read_blocks(path, special_tokens, *span), special_tokens)


def _read_blocks(
    path: str | Path, special_tokens: list[str], start: int, end: int
) -> Iterator[bytes]:
    """The text from one offset to another, in blocks that end before a separator."""
    tokens = separators(special_tokens)
    held = b""
    with open(path, "rb") as file:  # as bytes: text mode would turn \r\n into \n
        file.seek(start)
        # A block without a separator is looked at again only when it has doubled.
        while fresh := file.read(min(max(BLOCK_BYTES, len(held)), end - file.tell())):
            held += fresh
            cut = max((held.rfind(token) for token in tokens), default=0)
            if cut > 0:
                yield held[:cut]
                held = held[cut:]
    yield held


def count_words(blocks: Iterable[bytes], special_tokens: list[str]) -> Counter[str]:
    """The words of some texts in UTF-8, special tokens left out."""
    counts: Counter[str] = Counter()
    for block in blocks:
        for piece in split_special(block.decode("utf-8"), special_tokens):
            if piece not in special_tokens:
                counts.update(pretokenize(piece))
    return counts
