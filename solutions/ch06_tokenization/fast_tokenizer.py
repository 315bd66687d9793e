"""The tokenizer again, several times as fast at long texts; see tokenizer.py for the idea.

Most of a text is pieces between regular spaces (see fast_pretokenization.py) that have occurred
before. Their ids are remembered as bytes of an array, so that encoding is one bytes.join.
"""

from array import array
from collections.abc import Callable
from itertools import repeat

from .fast_pretokenization import SEPARATORS, begins_word, find_words
from .pretokenization import special_pattern
from .tokenizer import Tokenizer

REMEMBERED = 1 << 18
NEVER = 1 << 60


class Irregular(Exception):
    """White space stands together."""


class Remembered(dict[str, bytes]):
    """The ids of words or pieces, as bytes; forgets all when there are too many."""

    def __init__(self, ids_of: Callable[[str], bytes]):
        super().__init__()
        self.ids_of = ids_of

    def __missing__(self, text: str) -> bytes:
        ids = self.ids_of(text)
        if len(self) >= REMEMBERED:
            self.clear()
        self[text] = ids
        return ids


class FastTokenizer(Tokenizer):
    """The same ids as Tokenizer; a property test holds them together."""

    def __init__(
        self,
        vocab: dict[int, bytes],
        merges: list[tuple[bytes, bytes]],
        special_tokens: list[str] | None = None,
    ):
        super().__init__(vocab, merges, special_tokens)
        self.code = "H" if max(self.vocab) < 1 << 16 else "Q"
        self.words = Remembered(lambda word: self._packed(self._encode_word(word)))
        self.pieces = Remembered(self._ids_of_piece)
        letters = {bytes([b]): chr(b) for b in range(256)}
        for rank, (left, right) in enumerate(self.merges):
            letters.setdefault(left + right, chr(256 + rank))
        self.merge_of = {
            letters[left] + letters[right]: rank
            for (left, right), rank in self.rank.items()
            if left in letters and right in letters  # else the pair can never occur
        }
        self.result_of = {
            rank: (pair, letters[b"".join(self.merges[rank])])
            for pair, rank in self.merge_of.items()
        }
        self.id_of_letter = {letter: self.id_of[token] for token, letter in letters.items()}
        self.cutter = special_pattern(self.special_tokens)

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        out: list[bytes] = []
        for i, piece in enumerate(self.cutter.split(text) if self.cutter else [text]):
            if i % 2:
                out.append(self._packed([self.special_ids[piece]]))
            elif piece:
                out.append(self._encode_segment(piece))
        ids = array(self.code)
        ids.frombytes(b"".join(out))
        return ids.tolist()

    def _encode_segment(self, segment: str) -> bytes:
        body = segment.rstrip()
        if "  " not in body and not any(character in body for character in SEPARATORS):
            first, *others = body.split(" ")
            try:
                packed = b"".join(map(self.pieces.__getitem__, others))
                return self._ids_of_text(first) + packed + self._ids_of_text(segment[len(body) :])
            except Irregular:
                pass
        return self._ids_of_text(segment)

    def _ids_of_piece(self, piece: str) -> bytes:
        """The piece follows a space."""
        if not begins_word(piece):
            raise Irregular
        return self._ids_of_text(" " + piece)

    def _ids_of_text(self, text: str) -> bytes:
        return b"".join(map(self.words.__getitem__, find_words(text)))

    def _encode_word(self, word: str) -> list[int]:
        """One character per token, as in fast_training.py."""
        tokens = word.encode().decode("latin-1")
        while len(tokens) > 1:
            pairs = map(str.__add__, tokens, tokens[1:])
            rank = min(map(self.merge_of.get, pairs, repeat(NEVER)))
            if rank == NEVER:
                break
            tokens = tokens.replace(*self.result_of[rank])
        return [self.id_of_letter[letter] for letter in tokens]

    def _packed(self, ids: list[int]) -> bytes:
        return array(self.code, ids).tobytes()
