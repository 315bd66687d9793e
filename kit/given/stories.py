"""An endless library of small stories for small readers, the same for everyone from the same seed.

A story is a plot (plots_*.py) told about a cast (cast.py) in the words of a grammar (grammar.py):
it is chosen, not learned, so that the kit needs no download and every test knows its data. Two
conventions are fixed here. A story is one document; its paragraphs are parted by an empty line. In
a corpus SEPARATOR follows every document, also the last, so that a larger corpus of the same seed
begins with the smaller one:

    story "\n<|endoftext|>\n" story "\n<|endoftext|>\n"

Beside the library stands a series: a few plots about the same few children, in plain print. A model
of less than a million parameters learns to tell those, as it could never tell all of the others.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import cycle
from pathlib import Path
from random import Random

from kit.given.beats import ENDINGS, OPENINGS
from kit.given.cast import cast
from kit.given.grammar import Grammar, Telling
from kit.given.lexicon import WORDS
from kit.given.plots import PLOTS, SERIES
from kit.given.speech import DETAILS, SPEECH

SEPARATOR = "\n<|endoftext|>\n"
SHORTEST, LONGEST = 80, 250  # words
CURLY = 0.3  # the share of stories with typographic quotes
EMOJI = 0.01
EMOJIS = "🌟🌈🐝🍎🦊🌙🎈🐸🍪🌻"


def stories(seed: int, series: bool = False) -> Iterator[str]:
    """Stories without end, of 80 to 250 words each: of the library, or of the series."""
    random = Random(seed).random
    tellers = _tellers(series)
    while True:
        grammar, worlds = tellers[int(random() * len(tellers))]
        world = worlds[int(random() * len(worlds))]
        story = grammar.tell(Telling(random, world, cast(random, world, series)))
        if not series:
            story = _typeset(story, random)
        if SHORTEST <= len(story.split()) <= LONGEST:
            yield story


def corpus(size: int, seed: int = 0) -> str:
    """Whole stories, each followed by SEPARATOR, of at least `size` bytes of UTF-8 altogether."""
    return "".join(_documents(size, seed))


def write_corpus(path: str | Path, size: int, seed: int = 0) -> int:
    """Write `corpus(size, seed)` to a file one story at a time; the number of bytes written."""
    with open(path, "wb") as file:
        return sum(file.write(document.encode()) for document in _documents(size, seed))


def _documents(size: int, seed: int) -> Iterator[str]:
    if size < 0:
        raise ValueError(f"got {size=}, wanted 0 or more bytes: pass a positive size")
    written = 0
    for story in stories(seed):
        if written >= size:
            return
        document = story + SEPARATOR
        written += len(document.encode())
        yield document


def _typeset(story: str, random: Callable[[], float]) -> str:
    """Some stories as a printer would set them, most as one types them."""
    if random() < CURLY:
        marks = cycle("“”")
        story = re.sub('"', lambda _: next(marks), story).replace("'", "’")
    if random() < EMOJI:
        story += " " + EMOJIS[int(random() * len(EMOJIS))]
    return story


@cache
def _tellers(series: bool) -> list[tuple[Grammar, list[int]]]:
    """Every plot as a grammar, compiled on the first story, not on import."""
    shared = Grammar(WORDS + OPENINGS + DETAILS + ENDINGS + SPEECH)
    grammars = [Grammar(plot, shared) for plot in (SERIES if series else PLOTS)]
    return [(grammar, [0] if series else grammar.worlds()) for grammar in grammars]
