"""The tokenizer again, several times as fast at long texts; see tokenizer.py for the idea.

Most of a text is pieces between regular spaces (see fast_pretokenization.py) that have occurred
before. Their ids are remembered as bytes of an array, so that encoding is one bytes.join.
"""

from array import array

from .fast_pretokenization import ODD, cut_runs, is_regular
from .pretokenization import compiled, special_pattern
from .tokenizer import Tokenizer

REMEMBERED_PIECES = 1 << 18


class Irregular(Exception):
    """White space stands together."""


class Remembered(dict[str, bytes]):
    """The ids of pieces, as bytes; forgets all when there are too many."""

    def __init__(self, tokenizer: "FastTokenizer", before: str):
        super().__init__()
        self.tokenizer, self.before = tokenizer, before

    def __missing__(self, piece: str) -> bytes:
        if self.before and not is_regular(piece):
            raise Irregular
        if len(self) >= REMEMBERED_PIECES:
            self.clear()
        self[piece] = ids = self.tokenizer.ids_of_words(self.before + piece)
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
        self.after_space = Remembered(self, " ")
        self.without_space = Remembered(self, "")
        self.cutter = special_pattern(self.special_tokens)

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        if any(character in text for character in ODD):
            return super().encode(text)
        out: list[bytes] = []
        for i, piece in enumerate(self.cutter.split(text) if self.cutter else [text]):
            if i % 2:
                out.append(self._packed([self.special_ids[piece]]))
            elif piece:
                self._encode_segment(piece, out)
        ids = array(self.code)
        ids.frombytes(b"".join(out))
        return ids.tolist()

    def ids_of_words(self, text: str) -> bytes:
        """The ids of a text, the slow way."""
        return self._packed(
            [i for w in compiled("gpt2").findall(text) for i in self.encode_word(w)]
        )

    def _packed(self, ids: list[int]) -> bytes:
        return array(self.code, ids).tobytes()

    def _encode_segment(self, segment: str, out: list[bytes]) -> None:
        body = segment.rstrip()
        first, *others = body.split(" ")
        try:
            packed = b"".join(map(self.after_space.__getitem__, others))
            out += (self.without_space[first], packed)
        except Irregular:
            self._encode_runs(body, out)
        if len(body) < len(segment):
            out.append(self.without_space[segment[len(body) :]])

    def _encode_runs(self, body: str, out: list[bytes]) -> None:
        """Text and runs of white space by turns; a text may start with one white space."""
        after_space, without_space = self.after_space, self.without_space
        texts, runs = cut_runs(body)
        for text, run in zip(texts, [*runs, ""], strict=True):
            first, *others = text.split(" ")
            if first:
                out.append(without_space[first])
            out += map(after_space.__getitem__, others)
            if run:
                out.append(without_space[run])
