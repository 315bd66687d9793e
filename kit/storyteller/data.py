"""Stories as ids: written, cut into tokens and numbered once, then kept in the run's folder.

One story in HELD_OUT_EVERY is held out, whole, from the tokenizer as well as from the model. END
follows every story, and stands before the first: a story begins where another has ended.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from kit.given.stories import stories
from kit.storyteller.implementation import Implementation, first_written
from kit.storyteller.presets import Preset
from kit.storyteller.refusal import Refused

END = "<|endoftext|>"
HELD_OUT_EVERY = 20
TRAIN, VALID, TOKENIZER = "train.txt", "valid.txt", "tokenizer.json"
FILES = (TRAIN, VALID, TOKENIZER, "train.bin", "valid.bin")


@dataclass(frozen=True)
class Data:
    """What a run learns from and is measured on."""

    tokenizer: object
    train: np.ndarray  # uint16 or uint32, on disk
    valid: np.ndarray
    valid_bytes: int  # of the stories; END counts nothing
    end: int  # the id of END

    @property
    def tokens_per_byte(self) -> float:
        """Of held-out stories, so that losses per token can be told per byte."""
        return (len(self.valid) - 1) / self.valid_bytes


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary path that becomes `path` once all is written: a killed run leaves no half."""
    temporary = path.with_name(f"{path.name}.tmp")
    yield temporary
    os.replace(temporary, path)


def split(size: int, series: bool) -> tuple[list[str], list[str]]:
    """Stories of `size` bytes altogether, to learn from and held out."""
    train, valid = [], []
    for i, story in zip(count(), stories(0, series), strict=False):
        (train if (i + 1) % HELD_OUT_EVERY else valid).append(story)
        size -= len(story.encode())
        if size <= 0 and valid:
            return train, valid
    raise AssertionError("stories have no end")


def prepare(folder: Path, preset: Preset, implementation: Implementation) -> Data:
    """Write what is not there yet, and open all."""
    train, valid, tokenizer_file = (folder / name for name in (TRAIN, VALID, TOKENIZER))
    if not train.exists() or not valid.exists():
        for path, part in zip(
            (train, valid), split(preset.corpus_bytes, preset.series), strict=True
        ):
            with replaced(path) as temporary:
                temporary.write_bytes("".join(story + END for story in part).encode())
    if not tokenizer_file.exists():
        _train_tokenizer(train, tokenizer_file, preset.vocab_size, implementation)
    tokenizer = implementation.tokenization.load_tokenizer(str(tokenizer_file))
    [end] = tokenizer.encode(END)
    for path in (train, valid):
        if not path.with_suffix(".bin").exists():
            _number(path, tokenizer, end, preset.vocab_size)
    ids = (np.memmap(p.with_suffix(".bin"), _dtype(preset.vocab_size), "r") for p in (train, valid))
    held_out = valid.read_bytes()
    return Data(tokenizer, *ids, len(held_out.replace(END.encode(), b"")), end)


def _train_tokenizer(text: Path, target: Path, vocab_size: int, implementation: Implementation):
    module = implementation.tokenization
    vocab, merges = first_written(
        module, "train_bpe_fast", "train_bpe", str(text), vocab_size, [END]
    )
    if len(vocab) > vocab_size:
        raise Refused(f"train_bpe made {len(vocab)} tokens, wanted at most {vocab_size}")
    tokenizer = first_written(module, "fast_tokenizer", "tokenizer", vocab, merges, [END])
    with replaced(target) as temporary:
        tokenizer.save(str(temporary))


def _number(text: Path, tokenizer: object, end: int, vocab_size: int) -> None:
    """The ids of a file of stories, one story at a time; as numbers, not as a list."""
    with replaced(text.with_suffix(".bin")) as temporary, open(temporary, "wb") as file:
        np.array([end], _dtype(vocab_size)).tofile(file)
        for story in text.read_text(encoding="utf-8").split(END)[:-1]:
            np.array([*tokenizer.encode(story), end], _dtype(vocab_size)).tofile(file)


def _dtype(vocab_size: int) -> type[np.unsignedinteger]:
    return np.uint16 if vocab_size <= 1 << 16 else np.uint32


def documents(ids: np.ndarray, end: int) -> list[np.ndarray]:
    """Each story between its two ENDs, both included."""
    places = np.flatnonzero(ids == end)
    return [ids[a : b + 1] for a, b in zip(places, places[1:], strict=False)]
