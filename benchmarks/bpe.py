"""Byte-pair encoding: the fast trainer against `tokenizers`, the fast tokenizer against `tiktoken`.

Both sides get the same documents. Ties are broken differently (the kit by bytes, the peer by ids),
so merges are compared by what both must satisfy: each is a most frequent pair at its time. Ids are
compared exactly. One thread, unless the row says two.

The peer's trainer can be fed from an iterator of documents or from the names of files. It gets an
iterator, which reads the file in small blocks. Names would do for the memory, which is the same
8 MB on stories, but then the peer cuts at line ends, learns from special tokens as from any text,
and takes 2 to 20 % longer: neither the same work nor its best. A list of all documents, also usual,
takes the same time, but holds the file twice: 0.5 GB for 100 MB.
"""

import os

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import hashlib
import heapq
import json
import sys
import sysconfig
import tempfile
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from benchmarks.measure import in_fork, named, side_by_side
from kit.given.stories import write_corpus
from solutions.ch06_tokenization.chunking import count_words
from solutions.ch06_tokenization.fast_tokenizer import FastTokenizer
from solutions.ch06_tokenization.fast_training import train_bpe_fast
from solutions.ch06_tokenization.merging import merge
from solutions.ch06_tokenization.training import train_bpe

END = "<|endoftext|>"
VOCAB_SIZE = 10_000
MB = 1_000_000
# tiktoken's own, faster form of the pattern; the ids are the same.
TIKTOKEN_PATTERN = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
)
Merges = list[tuple[bytes, bytes]]


def run(repetitions: int) -> None:
    """Enter all rows of this benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        stories = {size: Path(folder) / f"stories{size}.txt" for size in (5, 20, 100)}
        for size, path in stories.items():
            write_corpus(path, size * MB)
        mixed = Path(folder) / "mixed.txt"
        write_mixed(mixed, 20 * MB)
        compare_encoding("stories 5 MB", stories[5], repetitions)
        compare_encoding("stories 20 MB", stories[20], repetitions)
        compare_encoding("mixed 20 MB", mixed, repetitions)
        compare_training("clear trainer, stories 5 MB", stories[5], repetitions, train_bpe)
        compare_training("training, stories 20 MB", stories[20], repetitions)
        compare_training("training, mixed 20 MB", mixed, repetitions)
        compare_training("training, stories 100 MB", stories[100], repetitions)
        compare_training("training, stories 20 MB", stories[20], repetitions, workers=2)
        compare_training("training, stories 100 MB", stories[100], repetitions, workers=2)


def write_mixed(path: Path, size: int) -> None:
    """Code, documentation and prose that come with Python and its installed packages."""
    places = [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")]
    kinds = {".py", ".md", ".rst", ".txt"}
    found = {p for place in places for p in Path(place).rglob("*") if p.suffix in kinds}
    by_digest = sorted(
        found, key=lambda p: hashlib.sha256(p.name.encode()).digest() + str(p).encode()
    )
    written = 0
    with open(path, "wb") as file:
        for source in by_digest:
            try:
                text = source.read_bytes()
                text.decode("utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            if 200 < len(text) < 500_000:
                written += file.write(text + END.encode())
            if written >= size:
                return
    print(f"mixed: only {written / MB:.0f} MB of text found on this machine", file=sys.stderr)


def documents(path: Path) -> Iterator[str]:
    """The texts between special tokens, one at a time."""
    held = ""
    with open(path, encoding="utf-8", newline="") as file:
        while block := file.read(1 << 16):
            *whole, held = (held + block).split(END)
            yield from whole
    yield held


def peer_train(path: Path, threads: int) -> Merges:
    """Merges by Hugging Face's trainer."""
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents(path), trainer)
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]  # GPT-2's letters for bytes
    byte_of = {chr(b): b for b in kept}
    byte_of |= {chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in kept)}
    pairs = json.loads(tokenizer.to_str())["model"]["merges"]
    return [tuple(bytes(byte_of[c] for c in token) for token in pair) for pair in pairs]


def compare_training(title: str, path: Path, repetitions: int, trainer=None, workers: int = 1):
    trainer = trainer or train_bpe_fast

    def kit() -> Merges:
        return trainer(path, VOCAB_SIZE, [END], workers)[1]

    def same(ours: Merges, theirs: Merges) -> str:
        words = Counter()
        for document in documents(path):
            words.update(count_words([document.encode()], []))
        check_merges(words, ours)
        check_merges(words, theirs)
        if len(ours) != len(theirs):
            raise AssertionError(f"{len(ours)} merges, the peer has {len(theirs)}")
        return f"{len(ours)} merges, each a most frequent pair"

    many = f", {workers} processes against {workers} threads" if workers > 1 else ""
    side_by_side(
        "bpe",
        f"{title}, vocabulary {VOCAB_SIZE}{many}",
        kit,
        partial(peer_train, path, workers),
        named("tokenizers"),
        same,
        repetitions,
        "wall" if workers > 1 else "cpu",
    )


def check_merges(words: Counter[str], merges: Merges) -> None:
    """Replay merges; AssertionError if one was not a most frequent pair at its time."""
    tokens = [[bytes([b]) for b in word.encode()] for word in words]
    weights = list(words.values())
    counts: Counter[tuple[bytes, bytes]] = Counter()
    where = defaultdict(set)
    for i, word in enumerate(tokens):
        for pair in pairwise(word):
            counts[pair] += weights[i]
            where[pair].add(i)
    heap = [(-n, pair) for pair, n in counts.items()]
    heapq.heapify(heap)
    for step, pair in enumerate(merges):
        while heap and counts[heap[0][1]] != -heap[0][0]:
            _, stale = heapq.heappop(heap)
            if counts[stale] > 0:
                heapq.heappush(heap, (-counts[stale], stale))
        if not 0 < counts[pair] == -heap[0][0]:
            raise AssertionError(f"merge {step}, {pair}, occurs {counts[pair]} times, not the most")
        changed = set()
        for i in where.pop(pair):
            old, new = tokens[i], merge(tokens[i], pair, pair[0] + pair[1])
            for p in pairwise(old):
                counts[p] -= weights[i]
            for p in pairwise(new):
                counts[p] += weights[i]
                where[p].add(i)
                changed.add(p)
            tokens[i] = new
        for p in changed:
            heapq.heappush(heap, (-counts[p], p))


def compare_encoding(title: str, path: Path, repetitions: int) -> None:
    """Each run begins with a new tokenizer, made before the clock starts."""
    import tiktoken

    train = partial(train_bpe_fast, path, VOCAB_SIZE, [END])
    vocab, merges = in_fork(train, lambda value: value).value
    text = path.read_bytes().decode()
    ranks = {bytes([b]): b for b in range(256)}
    ranks |= {left + right: 256 + i for i, (left, right) in enumerate(merges)}
    ours = FastTokenizer(vocab, merges, [END])
    theirs = tiktoken.Encoding(
        "own",
        pat_str=TIKTOKEN_PATTERN,
        mergeable_ranks=ranks,
        special_tokens={END: len(ranks)},
    )

    def digest(ids: list[int]) -> tuple[int, str]:
        return len(ids), hashlib.sha256(array("I", ids).tobytes()).hexdigest()

    def same(mine: tuple[int, str], yours: tuple[int, str]) -> str:
        if mine != yours:
            raise AssertionError(f"other ids: {mine} and {yours}")
        return f"{mine[0]} ids"

    side_by_side(
        "bpe",
        f"encoding, {title}, vocabulary {VOCAB_SIZE}",
        lambda: ours.encode(text),
        lambda: theirs.encode(text, allowed_special={END}),
        named("tiktoken"),
        same,
        repetitions,
        summary=digest,
    )
