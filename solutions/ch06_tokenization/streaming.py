"""Cut an endless text into words while holding only a little of it.

What comes next may still change the last words: "cat" may go on as "cats", "'" as "'re", and how
white space is cut depends on what follows it. So words near the end of what has arrived wait for
more, and so does text in which a special token may have begun.
"""

from collections.abc import Iterable, Iterator

from .pretokenization import compiled, special_pattern

READ_AHEAD = 1 << 16  # characters
LOOK_AHEAD = 2  # characters after a word that may still join it: the re of 're


def stream_words(
    parts: Iterable[str], special_tokens: list[str], pattern: str = "gpt2"
) -> Iterator[tuple[str, bool]]:
    """Every word of the joined parts, and whether it is a special token."""
    held, fresh = "", []
    waiting = 0
    for part in parts:
        fresh.append(part)
        waiting += len(part)
        # A word longer than the buffer is looked at again only when the buffer has doubled.
        if waiting >= max(READ_AHEAD, len(held)):
            text = held + "".join(fresh)
            cut = yield from _settled_words(text, special_tokens, pattern)
            held, fresh, waiting = text[cut:], [], 0
    text = held + "".join(fresh)
    cut = yield from _settled_words(text, special_tokens, pattern, at_end=True)


def _settled_words(
    text: str, special_tokens: list[str], pattern: str, at_end: bool = False
) -> Iterator[tuple[str, bool]]:
    """The words that no further text can change; returns where they end."""
    longest = max(map(len, special_tokens), default=1)
    # From here on a special token may have begun that has not arrived in full.
    limit = len(text) if at_end else max(0, len(text) - longest + 1)
    start = 0
    cutter = special_pattern(special_tokens)
    for match in cutter.finditer(text) if cutter else ():
        if match.start() >= limit:
            break
        for word in compiled(pattern).findall(text[start : match.start()]):
            yield word, False
        yield match.group(), True
        start = match.end()
    rest = text[start:limit] if start < limit else ""
    settled = len(rest) if at_end else len(rest.rstrip()) - LOOK_AHEAD
    for match in compiled(pattern).finditer(rest):
        if match.end() > settled:
            return start + match.start()
        yield match.group(), False
    return start + len(rest)
