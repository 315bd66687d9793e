"""The tokenizer: from text to ids by the merges that training has learned, and back.

encode   special tokens | words | bytes of a word, merged in the order of training | ids
decode   ids -> bytes, all joined, and only then -> text: a character may span several tokens
"""

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from .merging import merge
from .pretokenization import pretokenize, split_special
from .streaming import stream_words

REMEMBERED_WORDS = 1 << 14  # bounded: a stream has no end of different words


class Tokenizer:
    """Byte-pair encoding with a given vocabulary and given merges."""

    def __init__(
        self,
        vocab: dict[int, bytes],
        merges: list[tuple[bytes, bytes]],
        special_tokens: list[str] | None = None,
    ):
        self.vocab = dict(vocab)
        self.merges = [(left, right) for left, right in merges]
        self.special_tokens = list(dict.fromkeys(special_tokens or ()))
        if "" in self.special_tokens:
            raise ValueError("a special token is empty; it would match everywhere")
        known = set(self.vocab.values())
        for token in self.special_tokens:
            if token.encode() not in known:
                self.vocab[max(self.vocab, default=-1) + 1] = token.encode()
        self.id_of = {token: i for i, token in sorted(self.vocab.items(), reverse=True)}
        special_bytes = {token.encode(): token for token in self.special_tokens}
        self.special_ids = {
            special_bytes[token]: i
            for i, token in sorted(self.vocab.items())
            if token in special_bytes
        }
        self.rank = {pair: rank for rank, pair in reversed(list(enumerate(self.merges)))}
        self.encode_word = lru_cache(REMEMBERED_WORDS)(self._encode_word)

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        ids: list[int] = []
        for piece in split_special(text, self.special_tokens):
            if piece in self.special_ids:
                ids.append(self.special_ids[piece])
            else:
                for word in pretokenize(piece):
                    ids.extend(self.encode_word(word))
        return ids

    def encode_iterable(self, parts: Iterable[str]) -> Iterator[int]:
        """The ids of the joined parts, one by one, without ever joining them."""
        for word, is_special in stream_words(parts, self.special_tokens):
            if is_special:
                yield self.special_ids[word]
            else:
                yield from self.encode_word(word)

    def decode(self, ids: Iterable[int]) -> str:
        """Join the bytes first: a token may begin or end within a character."""
        tokens = []
        for i in ids:
            if i not in self.vocab:
                raise ValueError(f"id {i} is not in the vocabulary of {len(self.vocab)} tokens")
            tokens.append(self.vocab[i])
        return b"".join(tokens).decode("utf-8", errors="replace")

    def save(self, path: str | Path) -> None:
        """Write one JSON file; tokens as hexadecimal, for not all of them are text."""
        state = {
            "vocab": {i: token.hex() for i, token in self.vocab.items()},
            "merges": [[left.hex(), right.hex()] for left, right in self.merges],
            "special_tokens": self.special_tokens,
        }
        Path(path).write_text(json.dumps(state), encoding="utf-8")

    def _encode_word(self, word: str) -> list[int]:
        """Replay the merges in the order in which they were learned, not longest token first."""
        tokens = [bytes([b]) for b in word.encode()]
        while len(tokens) > 1:
            pair = min(pairwise(tokens), key=lambda p: self.rank.get(p, len(self.rank)))
            if pair not in self.rank:
                break
            tokens = merge(tokens, pair, pair[0] + pair[1])
        return [self.id_of[token] for token in tokens]


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Read what `save` has written. JSON runs no code, a pickle would."""
    state = json.loads(Path(path).read_text(encoding="utf-8"))
    vocab = {int(i): bytes.fromhex(token) for i, token in state["vocab"].items()}
    merges = [(bytes.fromhex(left), bytes.fromhex(right)) for left, right in state["merges"]]
    return Tokenizer(vocab, merges, state["special_tokens"])
