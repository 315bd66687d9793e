"""Twins of ch06_tokenization: other correct implementations, every one of which must pass."""

import heapq
import json
import re
import struct
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import regex
import torch

from kit.bank import twin

GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@twin("utf8", "writes bits as text and reads them back", "utf8_encode")
def encode_by_bit_strings(text):
    out = []
    for character in text:
        code = ord(character)
        if 0xD800 <= code < 0xE000:
            raise UnicodeEncodeError("utf-8", character, 0, 1, "surrogate")
        if code < 0x80:
            out.append(code)
            continue
        n = 2 if code < 0x800 else 3 if code < 0x10000 else 4
        bits = f"{code:b}".zfill(8 - n - 1 + 6 * (n - 1))
        head, tail = bits[: 7 - n], bits[7 - n :]
        out.append(int("1" * n + "0" + head, 2))
        out += [int("10" + tail[i : i + 6], 2) for i in range(0, len(tail), 6)]
    return bytes(out)


@twin("utf8", "matches well-formed sequences by a regular expression", "utf8_decode")
def decode_by_regex(data, errors="strict"):
    if errors not in ("strict", "replace"):
        raise ValueError("unknown errors")
    tail = rb"[\x80-\xbf]"
    whole = [
        rb"[\x00-\x7f]",
        rb"[\xc2-\xdf]" + tail,
        rb"\xe0[\xa0-\xbf]" + tail,
        rb"\xed[\x80-\x9f]" + tail,
        rb"[\xe1-\xec\xee\xef]" + tail * 2,
        rb"\xf0[\x90-\xbf]" + tail * 2,
        rb"\xf4[\x80-\x8f]" + tail * 2,
        rb"[\xf1-\xf3]" + tail * 3,
    ]
    begun = [
        rb"\xe0[\xa0-\xbf]?",
        rb"\xed[\x80-\x9f]?",
        rb"[\xe1-\xec\xee\xef][\x80-\xbf]?",
        rb"\xf0(?:[\x90-\xbf][\x80-\xbf]?)?",
        rb"\xf4(?:[\x80-\x8f][\x80-\xbf]?)?",
        rb"[\xf1-\xf3](?:[\x80-\xbf][\x80-\xbf]?)?",
        rb"[\x00-\xff]",
    ]
    text = []
    for good, _ in re.findall(
        b"(" + b"|".join(whole) + b")|(" + b"|".join(begun) + b")", data, re.S
    ):
        if good:
            shift = (0, 0, 5, 4, 3)[len(good)] if len(good) > 1 else 7
            code = good[0] & (1 << shift) - 1
            for byte in good[1:]:
                code = code * 64 + byte - 128
            text.append(chr(code))
        elif errors == "strict":
            raise UnicodeDecodeError("utf-8", data, 0, 1, "broken")
        else:
            text.append("\ufffd")
    return "".join(text)


@twin("pretokenize", "walks over matches, compiled anew each time", "pretokenize")
def words_by_finditer(text, pattern="gpt2"):
    if pattern not in ("gpt2", "gpt4"):
        raise ValueError("unknown pattern")
    return [m.group(0) for m in regex.finditer(GPT2 if pattern == "gpt2" else GPT4, text)]


@twin("pretokenize", "tiktoken's possessive form of the same patterns", "pretokenize")
def words_by_possessive_pattern(text, pattern="gpt2"):
    gpt2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
    gpt4 = (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
    )
    gpt4 = gpt4.replace(r"|\s++$|\s*[\r\n]|", r"|\s*[\r\n]+|\s++$|")
    return regex.findall({"gpt2": gpt2, "gpt4": gpt4}.get(pattern) or _unknown(), text)


def _unknown():
    raise ValueError("unknown pattern")


@twin("pretokenize", "scans for special tokens without a regular expression", "split_special")
def split_by_scanning(text, special_tokens):
    if any(not token for token in special_tokens):
        raise ValueError("empty")
    tokens, pieces, start, i = sorted(special_tokens, key=len, reverse=True), [], 0, 0
    while i < len(text):
        for token in tokens:
            if text.startswith(token, i):
                pieces += [text[start:i]] * (start < i) + [token]
                i = start = i + len(token)
                break
        else:
            i += 1
    return pieces + [text[start:]] * (start < len(text))


@twin("pretokenize", "finds the nearest special token by str.find", "split_special")
def split_by_finding(text, special_tokens):
    if "" in special_tokens:
        raise ValueError("empty")
    pieces = []
    while text:
        found = [(text.find(t), -len(t), t) for t in special_tokens if t in text]
        if not found:
            return pieces + [text]
        place, _, token = min(found)
        pieces += [p for p in (text[:place], token) if p]
        text = text[place + len(token) :]
    return pieces


@twin("merge", "counts with zip and a plain dict", "count_pairs")
def counts_by_zip(sequences, frequencies):
    counts = {}
    for sequence, n in zip(sequences, frequencies, strict=True):
        for pair in zip(sequence, sequence[1:], strict=False):
            counts[pair] = counts.get(pair, 0) + n
    return counts


@twin("merge", "returns a Counter", "count_pairs")
def counts_in_a_counter(sequences, frequencies):
    counts = Counter()
    for sequence, n in zip(sequences, frequencies, strict=True):
        counts.update({p: n * c for p, c in Counter(pairwise(sequence)).items()})
    return counts


@twin("merge", "finds the largest count first, then the greatest of its pairs", "best_pair")
def best_in_two_steps(counts, vocab):
    most = max(counts.values())  # max() of nothing is a ValueError
    return max((p for p in counts if counts[p] == most), key=lambda p: [vocab[i] for i in p])


@twin("merge", "compares lists of numbers", "best_pair")
def best_by_numbers(counts, vocab):
    if len(counts) == 0:
        raise ValueError("no pairs")
    return sorted(counts, key=lambda p: (counts[p], list(vocab[p[0]]), list(vocab[p[1]])))[-1]


@twin("merge", "an iterator that looks one ahead", "merge")
def merge_by_lookahead(sequence, pair, new_id):
    out, waiting = [], False
    for token in sequence:
        if waiting and token == pair[1]:
            out[-1], waiting = new_id, False
        else:
            out.append(token)
            waiting = token == pair[0]
    return out


@twin("merge", "one character per id and str.replace", "merge")
def merge_by_replace(sequence, pair, new_id):
    text = "".join(map(chr, sequence))
    # a new id that occurs already must not be confused with an old one
    text = text.replace(chr(pair[0]) + chr(pair[1]), "\U0010ffff")
    return [new_id if c == "\U0010ffff" else ord(c) for c in text]


@twin("merge", "returns a tensor", "merge")
def merge_to_tensor(sequence, pair, new_id):
    return torch.tensor(merge_by_lookahead.function(sequence, pair, new_id), dtype=torch.int64)


def count_words(path, specials):
    text = Path(path).read_bytes().decode("utf-8")
    order = sorted(set(specials), key=len, reverse=True)
    pieces = re.split("|".join(map(re.escape, order)), text) if order else [text]
    return Counter(word for piece in pieces for word in regex.findall(GPT2, piece))


def numbered(merges, specials):
    tokens = [bytes([i]) for i in range(256)] + [a + b for a, b in merges]
    return dict(enumerate(tokens + [s.encode() for s in specials]))


def room_for(vocab_size, specials, workers):
    if vocab_size < 256 + len(specials) or workers < 1:
        raise ValueError("too small")
    return vocab_size - 256 - len(specials)


@twin("train_bpe", "counts all pairs anew before each merge, over ids")
def train_by_recounting(input_path, vocab_size, special_tokens, workers=1):
    specials = list(dict.fromkeys(special_tokens))
    room = room_for(vocab_size, specials, workers)
    words = {tuple(w.encode()): n for w, n in count_words(input_path, specials).items()}
    vocab, merges = {i: bytes([i]) for i in range(256)}, []
    for new in range(256, 256 + room):
        counts = Counter()
        for word, n in words.items():
            for pair in pairwise(word):
                counts[pair] += n
        if not counts:
            break
        best = max(counts, key=lambda p: (counts[p], vocab[p[0]], vocab[p[1]]))
        vocab[new] = vocab[best[0]] + vocab[best[1]]
        merges.append((vocab[best[0]], vocab[best[1]]))
        fresh = Counter()
        for word, n in words.items():
            fresh[tuple(merge_by_lookahead.function(list(word), best, new))] += n
        words = fresh
    return numbered(merges, specials), merges


class Greatest:
    """Orders heap entries: larger count first, then greater bytes."""

    def __init__(self, count, pair):
        self.count, self.pair = count, pair

    def __lt__(self, other):
        return (self.count, self.pair) > (other.count, other.pair)


@twin("train_bpe", "a heap of objects, and only the neighbours of a merge are counted anew")
def train_with_a_heap(input_path, vocab_size, special_tokens, workers=1):
    specials = list(dict.fromkeys(special_tokens))
    room = room_for(vocab_size, specials, workers)
    frequencies = count_words(input_path, specials)
    words = [[bytes([b]) for b in w.encode()] for w in frequencies]
    weights = list(frequencies.values())
    counts = Counter()
    for word, n in zip(words, weights, strict=True):
        for pair in pairwise(word):
            counts[pair] += n
    heap, merges = [Greatest(n, pair) for pair, n in counts.items()], []
    heapq.heapify(heap)
    while heap and len(merges) < room:
        top = heapq.heappop(heap)
        if counts[top.pair] != top.count or not top.count:
            continue
        merges.append(top.pair)
        touched = set()
        for word, n in zip(words, weights, strict=True):
            touched |= _merge_in_place(word, top.pair, n, counts)
        for pair in touched:
            heapq.heappush(heap, Greatest(counts[pair], pair))
    return numbered(merges, specials), merges


def _merge_in_place(word, pair, n, counts):
    i, touched = 0, set()
    while i + 1 < len(word):
        if (word[i], word[i + 1]) != pair:
            i += 1
            continue
        joined = pair[0] + pair[1]
        counts[pair] -= n
        if i:
            counts[word[i - 1], pair[0]] -= n
            counts[word[i - 1], joined] += n
            touched |= {(word[i - 1], pair[0]), (word[i - 1], joined)}
        if i + 2 < len(word):
            counts[pair[1], word[i + 2]] -= n
            counts[joined, word[i + 2]] += n
            touched |= {(pair[1], word[i + 2]), (joined, word[i + 2])}
        word[i : i + 2] = [joined]
        i += 1
    return touched | {pair}


@twin("train_bpe", "numpy keys in the vocabulary, merges as lists, workers ignored")
def train_with_loose_types(input_path, vocab_size, special_tokens, workers=1):
    vocab, merges = train_by_recounting.function(input_path, vocab_size, special_tokens, workers)
    return {np.int64(i): token for i, token in vocab.items()}, [list(pair) for pair in merges]


@twin("chunk_boundaries", "cuts after a special token, found backwards where that is nearer")
def boundaries_after_tokens(data, chunks, special_tokens):
    if chunks < 1:
        raise ValueError("no chunks")
    tokens = [t.encode() for t in special_tokens]
    ends, i = [], 0
    longest_first = sorted(tokens, key=len, reverse=True)
    while i < len(data):
        token = next((t for t in longest_first if data[i : i + len(t)] == t), None)
        i += len(token) if token else 1
        if token:
            ends.append(i)
    goals = [len(data) * k // chunks for k in range(1, chunks)]
    cuts = {min(ends, key=lambda end: abs(end - goal)) for goal in goals if ends}
    return sorted({0, len(data), *cuts})


@twin("chunk_boundaries", "scans from the left, and cuts before a match")
def boundaries_by_scanning(data, chunks, special_tokens):
    if chunks < 1:
        raise ValueError("no chunks")
    order = sorted((t.encode() for t in special_tokens), key=len, reverse=True)
    cuts = [0]
    for match in re.finditer(b"|".join(map(re.escape, order)), data) if order else ():
        if match.start() >= len(data) * len(cuts) // chunks and match.start() > cuts[-1]:
            cuts.append(match.start())
    return cuts + [len(data)]


class ById:
    """Merges the pair whose result was learned first, over ids."""

    def __init__(self, vocab, merges, special_tokens=None):
        self.vocab, self.special = dict(vocab), list(special_tokens or [])
        for token in self.special:
            if token.encode() not in self.vocab.values():
                self.vocab[max(self.vocab) + 1] = token.encode()
        self.ids = {token: i for i, token in self.vocab.items()}
        self.merges = [tuple(pair) for pair in merges]
        self.rank = {
            (self.ids[a], self.ids[b]): (r, self.ids[a + b]) for r, (a, b) in enumerate(self.merges)
        }

    def word(self, word):
        ids = [self.ids[bytes([b])] for b in word.encode()]
        while True:
            found = [(self.rank[p][0], i) for i, p in enumerate(pairwise(ids)) if p in self.rank]
            if not found:
                return ids
            i = min(found)[1]  # one occurrence at a time, the leftmost first
            ids[i : i + 2] = [self.rank[ids[i], ids[i + 1]][1]]

    def encode(self, text):
        ids = []
        for piece in split_by_finding.function(text, self.special):
            if piece in self.special:
                ids.append(self.ids[piece.encode()])
            else:
                ids += [i for w in regex.findall(GPT2, piece) for i in self.word(w)]
        return ids

    def encode_iterable(self, parts):
        """Cut before white space that follows something else, far enough from the end."""
        held, margin = "", max([8, *map(len, self.special)])
        for part in parts:
            held += part
            if len(held) < 5000:
                continue
            piece, place = held[:-margin], 0
            for match in re.finditer(r"(?<=\S)(?=\s)", piece):
                place = match.start()
            if place and not any(t in held[place - margin : place + margin] for t in self.special):
                yield from self.encode(held[:place])
                held = held[place:]
        yield from self.encode(held)

    def decode(self, ids):
        try:
            return b"".join([self.vocab[int(i)] for i in ids]).decode("utf-8", "replace")
        except KeyError as error:
            raise ValueError("unknown id") from error

    def save(self, path):
        with open(path, "wb") as file:
            for name in (self.vocab.items(), self.merges):
                name = list(name)
                file.write(struct.pack("<I", len(name)))
                for a, b in name:
                    a = a if isinstance(a, bytes) else str(a).encode()
                    file.write(struct.pack("<II", len(a), len(b)) + a + b)
            file.write(json.dumps(self.special).encode())


@twin("tokenizer", "merges ids one occurrence at a time")
def tokenizer_by_id(vocab, merges, special_tokens=None):
    return ById(vocab, merges, special_tokens)


class ByPasses(ById):
    """Goes through all merges in order, as the definition says; ids come as an array."""

    def word(self, word):
        tokens = [bytes([b]) for b in word.encode()]
        for pair in self.merges:
            if len(tokens) == 1:
                break
            tokens = merge_by_lookahead.function(tokens, pair, pair[0] + pair[1])
        return [self.ids[token] for token in tokens]

    def encode(self, text):
        return np.array(super().encode(text), dtype=np.int64)


@twin("tokenizer", "goes through all merges in order; returns an array")
def tokenizer_by_passes(vocab, merges, special_tokens=None):
    return ByPasses(vocab, merges, special_tokens)


@twin("encode_iterable", "encodes up to a safe white space and holds the rest", "tokenizer")
def streams_by_white_space(vocab, merges, special_tokens=None):
    return ById(vocab, merges, special_tokens)


class ByCharacter(ById):
    """Character by character: a word is done when three more characters cannot change it."""

    def encode_iterable(self, parts):
        text, margin = "", max([3, *map(len, self.special)])
        for part in parts:
            text += part
            if len(text) < 20_000:
                continue
            pieces = split_by_finding.function(text, self.special)
            words = [w for p in pieces for w in ([p] if p in self.special else self.cut(p))]
            end = len(text)
            while words and (end > len(text) - margin or not text[end:].strip()):
                end -= len(words.pop())
            while words and text[:end][-1:].isspace():
                end -= len(words.pop())
            yield from self.encode(text[:end])
            text = text[end:]
        yield from self.encode(text)

    @staticmethod
    def cut(piece):
        return regex.findall(GPT2, piece)


@twin("encode_iterable", "gives back the words at the end of the buffer", "tokenizer")
def streams_giving_back(vocab, merges, special_tokens=None):
    return ByCharacter(vocab, merges, special_tokens)


@twin("load_tokenizer", "rebuilds the object without its caches")
def load_anew(path):
    state = json.loads(Path(path).read_bytes())
    vocab = {int(i): bytes.fromhex(token) for i, token in state["vocab"].items()}
    merges = [tuple(map(bytes.fromhex, pair)) for pair in state["merges"]]
    return Resaved(vocab, merges, state["special_tokens"])


class Resaved(ById):
    """Saves in the reference's format."""

    def save(self, path):
        state = {
            "vocab": {str(i): token.hex() for i, token in self.vocab.items()},
            "merges": [[a.hex(), b.hex()] for a, b in self.merges],
            "special_tokens": self.special,
        }
        with open(path, "w") as file:
            json.dump(state, file)


@twin("speed", "the definition itself: slow, but the same", "train_bpe_fast")
def fast_train_by_recounting(input_path, vocab_size, special_tokens, workers=1):
    return train_by_recounting.function(input_path, vocab_size, special_tokens, workers)


class FastById(ById):
    """Saves as the reference's load_tokenizer reads, for that is not replaced with it."""

    def save(self, path):
        state = {
            "vocab": {i: token.hex() for i, token in self.vocab.items()},
            "merges": [[a.hex(), b.hex()] for a, b in self.merges],
            "special_tokens": self.special,
        }
        Path(path).write_text(json.dumps(state))


@twin("speed", "merges one occurrence at a time", "fast_tokenizer")
def fast_tokenizer_by_id(vocab, merges, special_tokens=None):
    return FastById(vocab, merges, special_tokens)
