"""What public and hidden tests of ch06_tokenization share: inputs, references, checks of laws.

References come from elsewhere than the solution: Python's own codec, Hugging Face's `tokenizers`
(words, merges up to ties, ids), `tiktoken` (ids), and a trainer and an encoder that do what the
definition says, slowly, without a heap, an index or a cache.
"""

from collections import Counter
from itertools import pairwise

import tiktoken
import torch
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from kit.compare import assert_equal
from kit.oracles import oracle

END = "<|endoftext|>"
# The handout's example: four words, and the eight merges that can be learned from them.
HUGS = b"hug hugs pug bug"
HUGS_MERGES = [
    *((b"u", b"g"), (b"h", b"ug"), (b"p", b"ug"), (b"hug", b"s"), (b"b", b"ug")),
    *((b" ", b"pug"), (b" ", b"hugs"), (b" ", b"bug")),
]
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
GPT4 = (  # cl100k_base, as tiktoken's openai_public.py has it
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BETWEEN = "\U0010ffff"  # what stands in no text
CHARACTERS = "abst AB'réDLl  \n\r\t\u00a0\u3000 12½२.!?-_<|>日本語가\u0301\u200d👩🚀"
any_texts = st.lists(  # code points of every length in UTF-8
    st.integers(0, 0x7F)
    | st.integers(0x80, 0x7FF)
    | st.integers(0x800, 0xD7FF)
    | st.integers(0xE000, 0x10FFFF),
    max_size=20,
).map(lambda codes: "".join(map(chr, codes)))
texts = st.text(alphabet=CHARACTERS, max_size=30)
# Few letters, so that pairs repeat, overlap and tie.
small_texts = st.text(alphabet="aab b\néc", max_size=60)

Vocab = dict[int, bytes]
Merges = list[tuple[bytes, bytes]]


# --- references ---------------------------------------------------------------------------------


@oracle
def words_of(text: str, pattern: str = "gpt2") -> list[str]:
    """Hugging Face's cut of a text, read off its offsets."""
    if pattern == "gpt2":
        cutter = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        cutter = pre_tokenizers.Split(Regex(GPT4), "isolated")
    return [text[start:end] for _, (start, end) in cutter.pre_tokenize_str(text)]


@oracle
def pieces_of(text: str, specials: list[str]) -> list[str]:
    """Look at every place for every special token, the longest first."""
    pieces, plain, i = [], "", 0
    longest_first = sorted(specials, key=len, reverse=True)
    while i < len(text):
        token = next((t for t in longest_first if text.startswith(t, i)), None)
        if token is None:
            plain += text[i]
            i += 1
        else:
            pieces += [plain, token] if plain else [token]
            plain, i = "", i + len(token)
    return pieces + [plain] if plain else pieces


def word_counts(text: str, specials: list[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for piece in pieces_of(text, specials):
        if piece not in specials:
            for word in words_of(piece):
                counts[word] = counts.get(word, 0) + 1
    return counts


def merged(tokens: list, pair: tuple, new: object) -> list:
    """Left to right, without overlap."""
    out = []
    for token in tokens:
        # a token just made may not serve again: it is marked by standing in a list
        if out and out[-1] == pair[0] and token == pair[1] and type(out[-1]) is not list:
            out[-1] = [new]
        else:
            out.append(token)
    return [token[0] if type(token) is list else token for token in out]


@oracle
def slow_train(data: bytes, vocab_size: int, specials: list[str], ties: str = "bytes"):
    """Count all pairs anew before each merge. Ties: "bytes" as here, "ids" as Hugging Face's."""
    letters = byte_letters()
    id_in_hf = {b: i for i, b in enumerate(sorted(letters, key=letters.get))}
    vocab = {i: bytes([i]) for i in range(256)}
    counts = word_counts(data.decode(), specials)
    words = [(list(word.encode()), n) for word, n in counts.items()]
    merges = []
    while len(vocab) + len(specials) < vocab_size:
        pairs: dict[tuple[int, int], int] = {}
        for word, n in words:
            for pair in pairwise(word):
                pairs[pair] = pairs.get(pair, 0) + n
        if not pairs:
            break
        if ties == "bytes":
            best = max(pairs, key=lambda p: (pairs[p], vocab[p[0]], vocab[p[1]]))
        else:
            ids = {p: (id_in_hf.get(p[0], p[0]), id_in_hf.get(p[1], p[1])) for p in pairs}
            best = min(pairs, key=lambda p: (-pairs[p], ids[p]))
        merges.append((vocab[best[0]], vocab[best[1]]))
        words = [(merged(word, best, len(vocab)), n) for word, n in words]
        vocab[len(vocab)] = merges[-1][0] + merges[-1][1]
    for token in specials:
        vocab[len(vocab)] = token.encode()
    return vocab, merges


@oracle
def slow_encode(text: str, vocab: Vocab, merges: Merges, specials: list[str]) -> list[int]:
    """Go through all merges in order, each time through the whole word."""
    id_of = {token: i for i, token in vocab.items()}
    ids = []
    for piece in pieces_of(text, specials):
        if piece in specials:
            ids.append(id_of[piece.encode()])
            continue
        for word in words_of(piece):
            tokens = [bytes([b]) for b in word.encode()]
            for left, right in merges:
                tokens = merged(tokens, (left, right), left + right)
            ids += [id_of[token] for token in tokens]
    return ids


def byte_letters() -> dict[int, str]:
    """GPT-2's printable stand-ins for bytes, as Hugging Face writes them."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in kept]
    return {b: chr(b) for b in kept} | {b: chr(256 + i) for i, b in enumerate(others)}


def hf_train(text: str, vocab_size: int) -> list[bytes]:
    """The tokens that Hugging Face's trainer makes, in order; ties go to the smaller ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text], trainer)
    byte_of = {letter: b for b, letter in byte_letters().items()}
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return [bytes(byte_of[c] for c in token) for token, i in tokens if i >= 256]


def tiktoken_ids(text: str, vocab: Vocab, merges: Merges, specials: list[str]) -> list[int]:
    """tiktoken wants ranks, not ids: bytes first, then merges in order. Translated to ids."""
    ranks = {bytes([b]): b for b in range(256)}
    ranks |= {left + right: 256 + i for i, (left, right) in enumerate(merges)}
    special_ranks = {token: len(ranks) + i for i, token in enumerate(specials)}
    coder = tiktoken.Encoding(
        "own", pat_str=GPT2, mergeable_ranks=ranks, special_tokens=special_ranks
    )
    id_of = {token: i for i, token in vocab.items()}
    token_of = {rank: token for token, rank in ranks.items()}
    token_of |= {rank: token.encode() for token, rank in special_ranks.items()}
    return [id_of[token_of[rank]] for rank in coder.encode(text, allowed_special="all")]


# --- inputs -------------------------------------------------------------------------------------


def random_text(rng: torch.Generator, words: int, letters: str = "abcdé") -> str:
    """Words of a small skewed vocabulary, with line ends and double spaces among them."""

    def pick(n: int) -> int:
        return int(torch.randint(0, n, (), generator=rng))

    known = ["".join(letters[pick(len(letters))] for _ in range(1 + pick(6))) for _ in range(25)]
    gaps = [" ", " ", " ", " ", " ", "  ", "\n", "\r\n", ", ", ". ", "\n\n", "\t"]
    text = "".join(known[pick(25) * pick(25) // 25] + gaps[pick(len(gaps))] for _ in range(words))
    return text


def shuffled(vocab: Vocab, rng: torch.Generator) -> Vocab:
    """The same tokens under other ids, with gaps between them."""
    ids = (torch.randperm(len(vocab) + 50, generator=rng)[: len(vocab)] + 3).tolist()
    return dict(zip(ids, vocab.values(), strict=True))


# --- checks -------------------------------------------------------------------------------------


def check_trained(got: object, wanted: object, why: str) -> None:
    """Merges first: a wrong one explains a wrong vocabulary."""
    assert isinstance(got, list | tuple) and len(got) == 2, "train_bpe returns (vocab, merges)"
    vocab, merges = got
    assert_equal([tuple(pair) for pair in merges], [tuple(pair) for pair in wanted[1]], why)
    assert isinstance(vocab, dict), f"the vocabulary is a dict of id: bytes, got {type(vocab)}"
    wanted_vocab = wanted[0]
    assert_equal(
        sorted(vocab.items()),
        sorted(wanted_vocab.items()),
        "ids 0-255 are the bytes, then come the merges in order, then the special tokens",
    )


def check_training(student, data: bytes, vocab_size: int, specials: list[str], why: str, **options):
    got = student.run("train", data, vocab_size, specials, **options)
    check_trained(got, slow_train(data, vocab_size, specials), why)


def check_merges(got: Merges, text: str, places: list[int]) -> None:
    """For texts too long to recount at each merge: right at some places, which nobody can foresee."""
    counts = Counter(word for piece in text.split(END) for word in words_of(piece))
    # a character per token, so that a merge of the whole text is one str.replace
    joined = BETWEEN.join(word.encode().decode("latin-1") for word in counts)
    letters, tokens = {bytes([b]): chr(b) for b in range(256)}, [bytes([b]) for b in range(256)]
    for i, (left, right) in enumerate(got):
        if i in places:
            pairs: Counter[str] = Counter()
            for word, n in zip(joined.split(BETWEEN), counts.values(), strict=True):
                for pair in pairwise(word):
                    pairs[pair] += n
            best = max(pairs, key=lambda p: (pairs[p], tokens[ord(p[0])], tokens[ord(p[1])]))
            wanted = tuple(tokens[ord(letter)] for letter in best)
            assert_equal((left, right), wanted, f"merge {i} is not the most frequent pair")
        assert left in letters and right in letters, f"merge {i} is of tokens that do not exist"
        letters[left + right] = chr(256 + i)
        tokens.append(left + right)
        joined = joined.replace(letters[left] + letters[right], letters[left + right])


def check_chunks(student, data: bytes, chunks: int, specials: list[str]) -> list[int]:
    """The chunks split like the whole; returns the boundaries."""
    cuts = student.chunk_boundaries(data, chunks, specials)
    assert cuts[0] == 0 and cuts[-1] == len(data), (
        f"boundaries go from 0 to the end, {len(data)}: got {cuts}"
    )
    assert all(a < b for a, b in pairwise(cuts)), f"boundaries ascend without repetition: {cuts}"
    assert len(cuts) <= chunks + 1, f"at most {chunks} chunks, got {len(cuts) - 1}"
    pieces = []
    for a, b in pairwise(cuts):
        try:
            chunk = data[a:b].decode()
        except UnicodeDecodeError:
            raise AssertionError(f"the chunk {a}:{b} cuts a character in two") from None
        pieces += pieces_of(chunk, specials)
    why = "cut into chunks, the text no longer splits like the whole"
    assert_equal(pieces, pieces_of(data.decode(), specials), why)
    return cuts
