"""Chapter 6, Tokenization: the functions that you write.

A vocabulary maps ids to bytes. A merge is a pair of byte strings that are neighbours in a text and
become one token; merges are listed in the order in which training found them. A special token, such
as "<|endoftext|>", is a text that always becomes one token and takes no part in training.

You need Python and the `regex` package. Libraries that tokenize (tiktoken, tokenizers, transformers,
sentencepiece) are not allowed: they are what you build.

Keep the names and signatures. Beyond that the design is yours: more functions, more files.
"""

from . import chunking, fast_training, merging, pretokenization, training, utf8
from .fast_tokenizer import FastTokenizer
from .tokenizer import Tokenizer
from .tokenizer import load_tokenizer as load


def utf8_encode(text: str) -> bytes:
    """The UTF-8 bytes of `text`, by hand: without str.encode, bytes(text, ...) or codecs.

    utf8_encode("é") -> b"\\xc3\\xa9"

    ValueError for a surrogate, U+D800 to U+DFFF. Source: RFC 3629, section 3.
    """
    return utf8.utf8_encode(text)


def utf8_decode(data: bytes, errors: str = "strict") -> str:
    """The text whose UTF-8 is `data`, by hand: without bytes.decode, str(data, ...) or codecs.

    Ill-formed are: bytes that begin nothing, characters cut short, overlong forms such as C0 80,
    surrogates, and code points beyond U+10FFFF. With errors="strict" they are a ValueError. With
    errors="replace" each becomes U+FFFD, one for every maximal subpart (Unicode 16, section 3.9;
    what Python does): the bytes up to the first one that cannot continue the character, which is
    then read anew. b"\\xe2\\x82" is one U+FFFD, b"\\xed\\xa0\\x80" is three.

    ValueError for any other `errors`.
    """
    return utf8.utf8_decode(data, errors)


def pretokenize(text: str, pattern: str = "gpt2") -> list[str]:
    r"""Cut `text` into the words within which pairs are counted; joined, they are the text.

    pretokenize("I'm here, Zoë!") -> ["I", "'m", " here", ",", " Zoë", "!"]

    `pattern` is "gpt2" (Radford et al. 2019) or "gpt4" (cl100k_base of the first tiktoken releases),
    found one match after the other by the `regex` package; ValueError for any other:

    gpt2  '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
    gpt4  (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
          | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+   (on one line)
    """
    return pretokenization.pretokenize(text, pattern)


def split_special(text: str, special_tokens: list[str]) -> list[str]:
    """Cut `text` at special tokens, which are kept as pieces of their own; no piece is empty.

    split_special("one<|end|>two", ["<|end|>"]) -> ["one", "<|end|>", "two"]

    From left to right; where several special tokens begin at the same place, the longest is taken.
    They are plain text, whatever a regular expression would make of them. ValueError if one is "".
    """
    return pretokenization.split_special(text, special_tokens)


def count_pairs(sequences: list[list[int]], frequencies: list[int]) -> dict[tuple[int, int], int]:
    """How often each pair of neighbouring ids occurs; sequence i counts frequencies[i] times.

    Neighbours overlap: count_pairs([[1, 1, 1], [2, 1]], [3, 1]) -> {(1, 1): 6, (2, 1): 1}

    Pairs that do not occur are not in the dict. The sequences are left as they were.
    """
    return merging.count_pairs(sequences, frequencies)


def best_pair(counts: dict[tuple[int, int], int], vocab: dict[int, bytes]) -> tuple[int, int]:
    """The most frequent pair; among equals, the one whose pair of byte strings is the greatest.

    Bytes are compared as Python compares (bytes, bytes) tuples: the first tokens decide, then the
    second, byte by byte, and a longer token is greater than its own beginning. Ids do not matter.
    ValueError if there is no pair.
    """
    return merging.best_pair(counts, vocab)


def merge(sequence: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    """Replace `pair` by `new_id`, from left to right; what was replaced is not used twice.

    merge([1, 1, 1, 2], (1, 1), 9) -> [9, 1, 2]

    The sequence is left as it was.
    """
    return merging.merge(sequence, pair, new_id)


def chunk_boundaries(data: bytes, chunks: int, special_tokens: list[str]) -> list[int]:
    """Where to cut a UTF-8 file so that its chunks can be split at special tokens independently.

    Ascending offsets without repetition, from 0 to len(data). The law: split_special of the chunks,
    one after the other, gives split_special of the whole. Chunks are about equally long where
    special tokens stand close enough, and never more than `chunks`. Where a cut is not possible
    there are fewer, down to one: without special tokens, or where one could reach across any cut.
    `data` may also be a read-only mmap, which can find and be sliced, but has no decode, count or
    startswith. ValueError if chunks < 1.
    """
    return chunking.chunk_boundaries(data, chunks, special_tokens)


def train_bpe(
    input_path: str, vocab_size: int, special_tokens: list[str], workers: int = 1
) -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    """Train byte-level BPE on a UTF-8 text file: the vocabulary, and the merges in order.

    Ids 0 to 255 are the bytes in order, then come the merges in order, then the special tokens in
    the order given (one that is given twice counts once); `vocab_size` includes them all. The text
    is cut by `split_special`, then by `pretokenize` with GPT-2's pattern; no pair reaches across a
    cut. Special tokens are not counted. Each step takes the `best_pair` of what is there, counted
    anew after each merge. When no pair is left the vocabulary is smaller than asked for.

    The file's bytes count as they are: \\r\\n is not \\n. Bytes that are not UTF-8 are a ValueError.
    `workers` processes share the counting, and do not change the result. The list of special tokens
    is left as it was. ValueError if vocab_size is less than 256 + the number of special tokens, or
    workers < 1.

    Source: Sennrich, Haddow & Birch 2016, algorithm 1; Radford et al. 2019, section 2.2.
    """
    return training.train_bpe(input_path, vocab_size, special_tokens, workers)


def tokenizer(
    vocab: dict[int, bytes],
    merges: list[tuple[bytes, bytes]],
    special_tokens: list[str] | None = None,
) -> object:
    """A tokenizer object with these methods, for any vocabulary that has all 256 bytes:

    encode(text: str) -> list[int]
        Cut by `split_special`, then by `pretokenize` with GPT-2's pattern. Within a word, merges
        apply in the order of `merges`, each everywhere in the word from left to right. Ids are those
        of `vocab`, in whatever order they are. ValueError for a lone surrogate.
    encode_iterable(parts: Iterable[str]) -> Iterator[int]
        The ids of "".join(parts), wherever the parts are cut, lazily. It reads at most 2**20
        characters further than the ids so far stand for, if there is white space now and then (of
        any kind), and its memory does not grow with the stream. It may be left unread, and two
        streams do not disturb each other.
    decode(ids: Iterable[int]) -> str
        All bytes joined, then decoded as UTF-8 with errors="replace". ValueError for an unknown id.
    save(path: str) -> None
        Write one file, over what was there, from which `load_tokenizer` makes an equal tokenizer.

    Merges come in an order that training could have made: a part of one is a byte, or the result of
    an earlier one. A special token that `vocab` lacks gets the next id after the largest, in the
    order given; one that is given twice counts once. The arguments are left as they were.
    """
    return Tokenizer(vocab, merges, special_tokens)


def load_tokenizer(path: str) -> object:
    """The tokenizer that `save(path)` has written, with the same ids, merges and special tokens.

    The format is yours, but a file from a stranger must not be able to run code: no pickle, no eval.
    """
    return load(path)


def train_bpe_fast(
    input_path: str, vocab_size: int, special_tokens: list[str], workers: int = 1
) -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    """The same as `train_bpe`, edges and errors included, but faster.

    What counts is CPU time: see the handout.
    """
    return fast_training.train_bpe_fast(input_path, vocab_size, special_tokens, workers)


def fast_tokenizer(
    vocab: dict[int, bytes],
    merges: list[tuple[bytes, bytes]],
    special_tokens: list[str] | None = None,
) -> object:
    """The same as `tokenizer`, all methods included, with a faster `encode`.

    What counts is CPU time: see the handout.
    """
    return FastTokenizer(vocab, merges, special_tokens)
