"""The bug bank of ch06_tokenization: what students write when they misunderstand."""

import itertools
import json
import pickle
import re
import unicodedata
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import regex

from kit.bank import bug
from solutions.ch06_tokenization.adapters import (
    best_pair,
    chunk_boundaries,
    count_pairs,
    merge,
    pretokenize,
    split_special,
    train_bpe,
    train_bpe_fast,
    utf8_decode,
    utf8_encode,
)
from solutions.ch06_tokenization.chunking import separators
from solutions.ch06_tokenization.fast_tokenizer import FastTokenizer
from solutions.ch06_tokenization.pretokenization import PATTERNS
from solutions.ch06_tokenization.tokenizer import Tokenizer, load_tokenizer
from solutions.ch06_tokenization.training import number_tokens, reversed_order, room_for_merges

# --- utf8 ---------------------------------------------------------------------------------------
# bytes(text, ...) and str(data, ...): as types they are not seen where calls of codecs are watched.


@bug("utf8", "surrogates are encoded like characters", "utf8_encode")
def encodes_surrogates(text):
    return bytes(text, "utf-8", "surrogatepass")


@bug("utf8", "characters beyond U+FFFF are written as two surrogates (CESU-8)", "utf8_encode")
def encodes_cesu(text):
    utf8_encode(text)
    units = bytes(text, "utf-16-be", "surrogatepass")
    codes = [units[i] << 8 | units[i + 1] for i in range(0, len(units), 2)]
    return bytes("".join(map(chr, codes)), "utf-8", "surrogatepass")


@bug("utf8", "U+0000 takes two bytes, as in Java's modified UTF-8", "utf8_encode")
def encodes_null_in_two_bytes(text):
    return utf8_encode(text).replace(b"\0", b"\xc0\x80")


@bug("utf8", "two bytes are used from U+007F on: < 0x7F instead of < 0x80", "utf8_encode")
def encodes_delete_in_two_bytes(text):
    return utf8_encode(text).replace(b"\x7f", b"\xc1\xbf")


@bug("utf8", "three bytes are used from U+07FF on: < 0x7FF instead of < 0x800", "utf8_encode")
def encodes_07ff_in_three_bytes(text):
    return utf8_encode(text).replace(b"\xdf\xbf", b"\xe0\x9f\xbf")


@bug("utf8", "four bytes are used from U+FFFF on: < 0xFFFF instead of < 0x10000", "utf8_encode")
def encodes_ffff_in_four_bytes(text):
    return utf8_encode(text).replace(b"\xef\xbf\xbf", b"\xf0\x8f\xbf\xbf")


@bug("utf8", "characters beyond three bytes are cut to 16 bits", "utf8_encode")
def encodes_sixteen_bits(text):
    utf8_encode(text)
    return bytes("".join(chr(ord(c) & 0xFFFF) for c in text), "utf-8", "surrogatepass")


@bug("utf8", "the following bytes are in reverse order", "utf8_encode")
def encodes_little_endian(text):
    utf8_encode(text)
    return b"".join(c[:1] + c[:0:-1] for c in (utf8_encode(character) for character in text))


@bug("utf8", "a byte order mark stands in front", "utf8_encode")
def encodes_with_mark(text):
    return b"\xef\xbb\xbf" + utf8_encode(text)


@bug("utf8", "broken bytes are left out instead of replaced", "utf8_decode")
def decodes_leaving_out(data, errors="strict"):
    return utf8_decode(data) if errors == "strict" else str(data, "utf-8", "ignore")


@bug("utf8", "every broken byte becomes a U+FFFD of its own", "utf8_decode")
def decodes_one_mark_per_byte(data, errors="strict"):
    if errors == "strict":
        return utf8_decode(data)
    utf8_decode(data, errors)
    text, i = "", 0
    while i < len(data):
        for n in (1, 2, 3, 4):
            try:
                text += str(data[i : i + n], "utf-8")
            except UnicodeDecodeError:
                continue
            i += len(data[i : i + n])
            break
        else:
            text, i = text + "\ufffd", i + 1
    return text


@bug("utf8", "a run of broken bytes becomes a single U+FFFD", "utf8_decode")
def decodes_one_mark_per_run(data, errors="strict"):
    return re.sub("\ufffd+", "\ufffd", utf8_decode(data, errors))


def lenient(overlong=False, surrogates=False, beyond=False):
    """A decoder that takes as many bytes as the first one says, and checks too little."""

    def decode(data, errors="strict"):
        text, i = [], 0
        while i < len(data):
            good = str(data[i:], "utf-8", "replace")[:1]
            if good != "\ufffd" or data[i : i + 3] == b"\xef\xbf\xbd":
                text.append(good)
                i += len(bytes(good, "utf-8"))
                continue
            n = next((n for n in (2, 3, 4) if data[i] >> (7 - n) == (1 << n + 1) - 2), 1)
            code = data[i] & (0x7F >> n)
            tail = data[i + 1 : i + n]
            for byte in tail:
                code = code << 6 | byte & 0x3F
            whole = n > 1 and len(tail) == n - 1 and all(b >> 6 == 2 for b in tail)
            least = (0, 0, 0x80, 0x800, 0x10000)[n]
            kind = (
                (overlong and code < least)
                or (surrogates and n == 3 and 0xD800 <= code < 0xE000)
                or (beyond and code > 0x10FFFF)
            )
            if whole and kind:
                text.append(chr(min(code, 0x10FFFF)))
                i += n
            else:
                first = utf8_decode(data[i:], errors)  # raises if strict
                end = next(e for e in range(i + 1, len(data) + 1) if _starts(data, i, e))
                text.append(first[:1])
                i = end
        return "".join(text)

    return decode


def _starts(data, i, end):
    """Whether the broken part that begins at i ends at `end`."""
    if end == len(data):
        return True
    return (
        str(data[i:end], "utf-8", "replace") + str(data[end:], "utf-8", "replace")
        == str(data[i:], "utf-8", "replace")
        and len(str(data[i:end], "utf-8", "replace")) == 1
    )


@bug("utf8", "overlong forms are accepted", "utf8_decode")
def decodes_overlong(data, errors="strict"):
    utf8_decode(b"", errors)
    return lenient(overlong=True)(data, errors)


@bug("utf8", "surrogates are decoded like characters", "utf8_decode")
def decodes_surrogates(data, errors="strict"):
    utf8_decode(b"", errors)
    return lenient(surrogates=True)(data, errors)


@bug("utf8", "code points beyond U+10FFFF are accepted", "utf8_decode")
def decodes_beyond(data, errors="strict"):
    utf8_decode(b"", errors)
    return lenient(beyond=True)(data, errors)


@bug("utf8", "a character cut short swallows the byte that cut it", "utf8_decode")
def decodes_swallowing(data, errors="strict"):
    if errors != "replace":
        return utf8_decode(data, errors)
    text, i = "", 0
    while i < len(data):
        first = data[i]
        n = 1 if first < 0xC2 or first > 0xF4 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
        text += utf8_decode(data[i : i + n], "replace")[:1]
        i += n
    return text


@bug("utf8", "a character cut short by the end is dropped", "utf8_decode")
def decodes_dropping_the_end(data, errors="strict"):
    if errors != "replace":
        return utf8_decode(data, errors)
    text = utf8_decode(data, errors)
    cut_short = text.endswith("\ufffd") and data and data[-1] != 0xBD and not data.endswith(b"\xff")
    return text[:-1] if cut_short and max(data[-3:]) >= 0xC2 else text


@bug("utf8", "errors are always replaced, also when strictness is asked for", "utf8_decode")
def decodes_never_strict(data, errors="strict"):
    utf8_decode(b"", errors)
    return utf8_decode(data, "replace")


@bug("utf8", "errors are always strict, also when replacement is asked for", "utf8_decode")
def decodes_always_strict(data, errors="strict"):
    utf8_decode(b"", errors)
    return utf8_decode(data)


@bug("utf8", "an unknown way to handle errors is taken for strict", "utf8_decode")
def decodes_any_errors(data, errors="strict"):
    return utf8_decode(data, errors if errors == "replace" else "strict")


@bug("utf8", "broken bytes become question marks", "utf8_decode")
def decodes_to_question_marks(data, errors="strict"):
    return utf8_decode(data, errors).replace("\ufffd", "?")


@bug("utf8", "bytes are read as Latin-1, one character each", "utf8_decode")
def decodes_latin(data, errors="strict"):
    utf8_decode(data, errors)
    return str(data, "latin-1")


@bug("utf8", "str.encode does the work", "utf8_encode")
def encodes_by_codec(text):
    return text.encode("utf-8")


@bug("utf8", "bytes.decode does the work", "utf8_decode")
def decodes_by_codec(data, errors="strict"):
    utf8_decode(b"", errors)
    return data.decode("utf-8", errors)


@bug(
    "utf8",
    "two surrogates are joined into the character that they stand for in UTF-16",
    "utf8_encode",
)
def encodes_pairs_of_surrogates(text):
    joined = bytes(text, "utf-16-be", "surrogatepass")
    return utf8_encode(str(joined, "utf-16-be", "surrogatepass"))


@bug("utf8", "a byte order mark in front is dropped", "utf8_decode")
def decodes_dropping_mark(data, errors="strict"):
    return utf8_decode(data, errors).removeprefix("\ufeff")


# --- pretokenize --------------------------------------------------------------------------------


def by_pattern(gpt2=None, gpt4=None):
    """Pre-tokenization by other patterns."""
    known = {"gpt2": gpt2 or PATTERNS["gpt2"], "gpt4": gpt4 or PATTERNS["gpt4"]}

    def cut(text, pattern="gpt2"):
        pretokenize("", pattern)
        return [match.group() for match in regex.finditer(known[pattern], text)]

    return cut


@bug("pretokenize", "letters and digits are only those of ASCII", "pretokenize")
def words_of_ascii(text, pattern="gpt2"):
    ascii_only = PATTERNS["gpt2"].replace(r"\p{L}", "A-Za-z").replace(r"\p{N}", "0-9")
    ascii_only = ascii_only.replace(" ?A-Za-z+", " ?[A-Za-z]+").replace(" ?0-9+", " ?[0-9]+")
    return by_pattern(gpt2=ascii_only)(text, pattern)


@bug(
    "pretokenize",
    r"\w is used for letters, which takes in digits, marks and the underscore",
    "pretokenize",
)
def words_of_w(text, pattern="gpt2"):
    return by_pattern(gpt2=r"'(?:[sdmt]|ll|ve|re)| ?\w+| ?[^\s\w]+|\s+(?!\S)|\s+")(text, pattern)


@bug("pretokenize", r"[^\W\d_] and \d stand in for letters and numbers", "pretokenize")
def words_of_standard_re(text, pattern="gpt2"):
    standard = r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"
    return by_pattern(gpt2=standard)(text, pattern)


@bug("pretokenize", "the text is split at spaces, which belong to no word", "pretokenize")
def words_between_spaces(text, pattern="gpt2"):
    pretokenize("", pattern)
    return text.split()


@bug(
    "pretokenize", "the lookahead is missing: a run of spaces takes the last one too", "pretokenize"
)
def words_without_lookahead(text, pattern="gpt2"):
    return by_pattern(gpt2=PATTERNS["gpt2"].replace(r"|\s+(?!\S)", ""))(text, pattern)


@bug("pretokenize", "a space is a word of its own", "pretokenize")
def words_without_their_space(text, pattern="gpt2"):
    return by_pattern(gpt2=PATTERNS["gpt2"].replace(" ?", ""))(text, pattern)


@bug("pretokenize", "the space belongs to the word before it", "pretokenize")
def words_with_the_space_after(text, pattern="gpt2"):
    after = r"'(?:[sdmt]|ll|ve|re)|\p{L}+ ?|\p{N}+ ?|[^\s\p{L}\p{N}]+ ?|\s+"
    return by_pattern(gpt2=after)(text, pattern)


@bug("pretokenize", "contractions are not cut off", "pretokenize")
def words_without_contractions(text, pattern="gpt2"):
    return by_pattern(gpt2=PATTERNS["gpt2"].split("|", 3)[3])(text, pattern)


@bug("pretokenize", "contractions in capitals are cut off too", "pretokenize")
def words_with_capital_contractions(text, pattern="gpt2"):
    return by_pattern(gpt2=PATTERNS["gpt2"].replace("(?:", "(?i:"))(text, pattern)


@bug("pretokenize", "the contractions 'll, 've and 're are missing", "pretokenize")
def words_with_short_contractions(text, pattern="gpt2"):
    return by_pattern(gpt2=PATTERNS["gpt2"].replace("(?:[sdmt]|ll|ve|re)", "[sdmt]"))(text, pattern)


@bug(
    "pretokenize",
    "only a group of the pattern is returned: findall with a capturing group",
    "pretokenize",
)
def words_by_captured_group(text, pattern="gpt2"):
    pretokenize("", pattern)
    captured = PATTERNS["gpt2"].replace("(?:", "(")
    return regex.findall(captured, text) if pattern == "gpt2" else pretokenize(text, pattern)


@bug("pretokenize", "line ends are normalised", "pretokenize")
def words_with_unix_line_ends(text, pattern="gpt2"):
    return pretokenize(text.replace("\r\n", "\n"), pattern)


@bug("pretokenize", "white space at the end is dropped", "pretokenize")
def words_of_stripped_text(text, pattern="gpt2"):
    return pretokenize(text.rstrip(), pattern)


@bug("pretokenize", "the text is brought into Unicode normal form first", "pretokenize")
def words_normalised(text, pattern="gpt2"):
    import unicodedata

    return pretokenize(unicodedata.normalize("NFKC", text), pattern)


@bug("pretokenize", "GPT-2's pattern is used whatever is asked for", "pretokenize")
def words_always_gpt2(text, pattern="gpt2"):
    pretokenize("", pattern)
    return pretokenize(text)


@bug("pretokenize", "GPT-4's numbers are as long as GPT-2's", "pretokenize")
def words_with_long_numbers(text, pattern="gpt2"):
    return by_pattern(gpt4=PATTERNS["gpt4"].replace("{1,3}", "+"))(text, pattern)


@bug("pretokenize", "GPT-4's contractions are cut only in lower case", "pretokenize")
def words_with_small_contractions(text, pattern="gpt2"):
    return by_pattern(gpt4=PATTERNS["gpt4"].replace("?i:", "?:"))(text, pattern)


@bug("pretokenize", "GPT-4's punctuation does not take the line ends after it", "pretokenize")
def words_with_line_ends_apart(text, pattern="gpt2"):
    return by_pattern(gpt4=PATTERNS["gpt4"].replace(r"+[\r\n]*", "+"))(text, pattern)


@bug("pretokenize", "GPT-4's words take a space before them, but no other sign", "pretokenize")
def words_with_space_only(text, pattern="gpt2"):
    spaced = PATTERNS["gpt4"].replace(r"[^\r\n\p{L}\p{N}]?\p{L}+", r" ?\p{L}+")
    return by_pattern(gpt4=spaced)(text, pattern)


@bug("pretokenize", "an unknown pattern is taken for GPT-2's", "pretokenize")
def words_by_any_pattern(text, pattern="gpt2"):
    return pretokenize(text, pattern if pattern == "gpt4" else "gpt2")


def checked(special_tokens):
    """A bug should have one flaw: these do refuse empty special tokens."""
    if "" in special_tokens:
        raise ValueError("empty special token")
    return special_tokens


def split_at(text, alternatives):
    pieces = re.split("(" + "|".join(alternatives) + ")", text) if alternatives else [text]
    return [piece for piece in pieces if piece]


@bug("pretokenize", "special tokens are taken for regular expressions", "split_special")
def split_unescaped(text, special_tokens):
    tokens = sorted(checked(special_tokens), key=len, reverse=True)
    return split_at(text, [f"(?:{t})" for t in tokens])


@bug("pretokenize", "the shortest special token is tried first", "split_special")
def split_shortest_first(text, special_tokens):
    return (
        split_at(text, map(re.escape, sorted(checked(special_tokens), key=len)))
        if special_tokens
        else split_special(text, [])
    )


@bug(
    "pretokenize", "special tokens are tried in the order given, not longest first", "split_special"
)
def split_in_order_given(text, special_tokens):
    return split_at(text, [re.escape(t) for t in checked(special_tokens)])


@bug("pretokenize", "only the first special token is looked for", "split_special")
def split_first_only(text, special_tokens):
    return split_special(text, checked(special_tokens)[:1])


@bug("pretokenize", "special tokens are dropped instead of kept", "split_special")
def split_dropping(text, special_tokens):
    return [p for p in split_special(text, special_tokens) if p not in special_tokens]


@bug("pretokenize", "the text after the last special token is lost", "split_special")
def split_losing_the_end(text, special_tokens):
    pieces = split_special(text, special_tokens)
    return pieces if not pieces or pieces[-1] in special_tokens else pieces[:-1]


@bug("pretokenize", "empty pieces are kept", "split_special")
def split_keeping_empty(text, special_tokens):
    tokens = sorted(map(re.escape, checked(special_tokens)), key=len, reverse=True)
    return re.split("(" + "|".join(tokens) + ")", text) if tokens else [text]


@bug("pretokenize", "text before a special token is stripped of white space", "split_special")
def split_stripping(text, special_tokens):
    pieces = split_special(text, special_tokens)
    return [p for p in (p if p in special_tokens else p.strip() for p in pieces) if p]


@bug(
    "pretokenize",
    "one special token after the other cuts the text, not the leftmost first",
    "split_special",
)
def split_one_after_the_other(text, special_tokens):
    pieces = [text] if text else []
    for token in sorted(checked(special_tokens), key=len, reverse=True):
        pieces = [
            q
            for p in pieces
            for q in ([p] if p in special_tokens else split_at(p, [re.escape(token)]))
        ]
    return pieces


@bug("pretokenize", "no special tokens cut a text into its characters", "split_special")
def split_by_empty_pattern(text, special_tokens):
    return split_special(text, special_tokens) if special_tokens else list(text)


@bug("pretokenize", "an empty special token is accepted", "split_special")
def split_accepting_empty(text, special_tokens):
    return split_special(text, [t for t in special_tokens if t])


@bug("pretokenize", "GPT-4's pattern is that of later releases of tiktoken", "pretokenize")
def words_of_later_tiktoken(text, pattern="gpt2"):
    later = PATTERNS["gpt4"].replace(r"\s*[\r\n]+|", r"\s++$|\s*[\r\n]|")
    return by_pattern(gpt4=later)(text, pattern)


@bug("pretokenize", "a typographic apostrophe begins a contraction too", "pretokenize")
def words_with_curly_contractions(text, pattern="gpt2"):
    return by_pattern(gpt2=PATTERNS["gpt2"].replace("'(?:", "['’](?:"))(text, pattern)


# --- merge --------------------------------------------------------------------------------------


@bug("merge", "pairs in a run do not overlap: a a a counts once", "count_pairs")
def counts_without_overlap(sequences, frequencies):
    counts = Counter()
    for sequence, n in zip(sequences, frequencies, strict=True):
        i = 0
        while i + 1 < len(sequence):
            counts[sequence[i], sequence[i + 1]] += n
            run = i + 2 < len(sequence) and sequence[i] == sequence[i + 1] == sequence[i + 2]
            i += 2 if run else 1
    return dict(counts)


@bug("merge", "frequencies are ignored", "count_pairs")
def counts_without_frequencies(sequences, frequencies):
    return count_pairs(sequences, [1] * len(frequencies))


@bug("merge", "a pair counts once per sequence, however often it occurs in it", "count_pairs")
def counts_once_per_sequence(sequences, frequencies):
    counts = Counter()
    for sequence, n in zip(sequences, frequencies, strict=True):
        for pair in set(pairwise(sequence)):
            counts[pair] += n
    return dict(counts)


@bug("merge", "pairs reach from one sequence into the next", "count_pairs")
def counts_across_sequences(sequences, frequencies):
    counts = Counter(count_pairs(sequences, frequencies))
    for (a, n), (b, _) in pairwise(zip(sequences, frequencies, strict=True)):
        if a and b:
            counts[a[-1], b[0]] += n
    return dict(counts)


@bug("merge", "the last pair of a sequence is left out", "count_pairs")
def counts_without_the_last(sequences, frequencies):
    return count_pairs([s[:-1] for s in sequences], frequencies)


@bug("merge", "a later sequence overwrites the count of an earlier one", "count_pairs")
def counts_overwriting(sequences, frequencies):
    counts = {}
    for sequence, n in zip(sequences, frequencies, strict=True):
        counts |= count_pairs([sequence], [n])
    return counts


@bug("merge", "pairs are counted without regard to their order", "count_pairs")
def counts_unordered(sequences, frequencies):
    counts = Counter()
    for (a, b), n in count_pairs(sequences, frequencies).items():
        counts[min(a, b), max(a, b)] += n
    return dict(counts)


def first_or_error(counts, key):
    if not counts:
        raise ValueError("no pair")
    return max(counts, key=key)


@bug("merge", "the first pair seen wins a tie", "best_pair")
def ties_first_seen(counts, vocab):
    return first_or_error(counts, counts.get)


@bug("merge", "the last pair seen wins a tie", "best_pair")
def ties_last_seen(counts, vocab):
    return first_or_error(dict(reversed(counts.items())), counts.get)


@bug("merge", "the smallest bytes win a tie", "best_pair")
def ties_smallest(counts, vocab):
    most = max(counts.values(), default=0)
    if not counts:
        raise ValueError("no pair")
    tied = [pair for pair in counts if counts[pair] == most]
    return min(tied, key=lambda p: (vocab[p[0]], vocab[p[1]]))


@bug("merge", "the greatest ids win a tie, instead of the greatest bytes", "best_pair")
def ties_by_ids(counts, vocab):
    return first_or_error(counts, lambda p: (counts[p], p))


@bug("merge", "the smallest ids win a tie, as in Hugging Face's tokenizers", "best_pair")
def ties_by_smallest_ids(counts, vocab):
    return first_or_error(counts, lambda p: (counts[p], -p[0], -p[1]))


@bug("merge", "the joined bytes are compared instead of the pair", "best_pair")
def ties_by_joined_bytes(counts, vocab):
    return first_or_error(counts, lambda p: (counts[p], vocab[p[0]] + vocab[p[1]]))


@bug("merge", "the longer token wins a tie", "best_pair")
def ties_by_length(counts, vocab):
    return first_or_error(
        counts,
        lambda p: (counts[p], len(vocab[p[0]] + vocab[p[1]]), vocab[p[0]], vocab[p[1]]),
    )


@cache
def printable(token):
    """GPT-2's characters for bytes."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in kept]
    letters = {b: chr(b) for b in kept} | {b: chr(256 + i) for i, b in enumerate(others)}
    return "".join(letters[b] for b in token)


@bug("merge", "GPT-2's printable characters are compared instead of bytes", "best_pair")
def ties_by_printable(counts, vocab):
    return first_or_error(
        counts, lambda p: (counts[p], printable(vocab[p[0]]), printable(vocab[p[1]]))
    )


@bug("merge", "only the first token of the pair breaks a tie", "best_pair")
def ties_by_first_token(counts, vocab):
    return first_or_error(counts, lambda p: (counts[p], vocab[p[0]]))


@bug("merge", "the second token of the pair is compared first", "best_pair")
def ties_by_second_token(counts, vocab):
    return first_or_error(counts, lambda p: (counts[p], vocab[p[1]], vocab[p[0]]))


@bug("merge", "a tie is broken by the repr of the bytes", "best_pair")
def ties_by_repr(counts, vocab):
    return first_or_error(counts, lambda p: (counts[p], repr(vocab[p[0]]), repr(vocab[p[1]])))


@bug("merge", "the rarest pair is chosen", "best_pair")
def rarest_pair(counts, vocab):
    return first_or_error(counts, lambda p: (-counts[p], vocab[p[0]], vocab[p[1]]))


@bug("merge", "without any pair None is returned", "best_pair")
def best_of_nothing_is_none(counts, vocab):
    return best_pair(counts, vocab) if counts else (0, 0)


@bug("merge", "overlapping occurrences are both replaced: a a a becomes aa aa", "merge")
def merges_overlaps(sequence, pair, new_id):
    out, previous = [], None
    for i, token in enumerate(sequence):
        if (token, *sequence[i + 1 : i + 2]) == tuple(pair):
            out.append(new_id)
        elif (previous, token) != tuple(pair):
            out.append(token)
        previous = token
    return out


@bug("merge", "only the first occurrence is replaced", "merge")
def merges_first_only(sequence, pair, new_id):
    for i, found in enumerate(pairwise(sequence)):
        if found == tuple(pair):
            return sequence[:i] + [new_id] + sequence[i + 2 :]
    return list(sequence)


@bug("merge", "occurrences are replaced from right to left", "merge")
def merges_from_the_right(sequence, pair, new_id):
    return merge(sequence[::-1], (pair[1], pair[0]), new_id)[::-1]


@bug("merge", "the last id of a sequence is lost", "merge")
def merges_losing_the_last(sequence, pair, new_id):
    out = merge(sequence, pair, new_id)
    ended = len(sequence) > 1 and tuple(sequence[-2:]) == tuple(pair)
    return out if ended else out[:-1]


@bug("merge", "a token just made is merged again", "merge")
def merges_again(sequence, pair, new_id):
    out = list(sequence)
    i = 0
    while i + 1 < len(out):
        if (out[i], out[i + 1]) == tuple(pair):
            out[i : i + 2] = [new_id]
            i = max(i - 1, 0)
            if len(out) > 64:
                break
        else:
            i += 1
    return out


@bug("merge", "the pair is replaced in either order", "merge")
def merges_either_order(sequence, pair, new_id):
    out, i = [], 0
    while i < len(sequence):
        if tuple(sequence[i : i + 2]) in (tuple(pair), (pair[1], pair[0])):
            out.append(new_id)
            i += 2
        else:
            out.append(sequence[i])
            i += 1
    return out


@bug("merge", "the sequence is changed in place", "merge")
def merges_in_place(sequence, pair, new_id):
    sequence[:] = merge(sequence, pair, new_id)
    return sequence


# --- train_bpe ----------------------------------------------------------------------------------


def read_whole(path):
    return Path(path).read_bytes().decode("utf-8")


def words_in(text, specials, split=split_special, cut=pretokenize):
    pieces = split(text, specials)
    return Counter(word for p in pieces if p not in specials for word in cut(p))


def greatest(counts, pair):
    return counts[pair], pair


def characters(word):
    return [c.encode() for c in word]


def single_bytes(word):
    return [bytes([b]) for b in word.encode()]


def trainer(
    *,
    read=read_whole,
    words=words_in,
    symbols=single_bytes,
    key=greatest,
    update=None,
    merging=merge,
    numbered=number_tokens,
    room=room_for_merges,
    distinct=True,
    rarest=1,
):
    """A trainer whose parts can be broken one by one."""

    def train(input_path, vocab_size, special_tokens, workers=1):
        if workers < 1:
            raise ValueError("no workers")
        specials = list(dict.fromkeys(special_tokens)) if distinct else list(special_tokens)
        free = room(vocab_size, specials)
        frequencies = words(read(input_path), specials)
        tokens = [symbols(word) for word in frequencies]
        weights = list(frequencies.values())
        merges = learn(tokens, weights, free, key, update or both, merging, rarest)
        return numbered(merges, specials), merges

    return train


def both(old, new):
    """All pairs of a word before a merge, and all after."""
    return list(pairwise(old)), list(pairwise(new))


def learn(tokens, weights, room, key, update, merging, rarest):
    counts, merges = Counter(), []
    for word, n in zip(tokens, weights, strict=True):
        for pair in pairwise(word):
            counts[pair] += n
    while len(merges) < room:
        counts = +counts
        pair = max(counts, key=lambda p: key(counts, p), default=None)  # noqa: B023
        if pair is None or counts[pair] < rarest:
            break
        merges.append(pair)
        for i, old in enumerate(tokens):
            if pair[0] in old and pair in pairwise(old):
                tokens[i] = new = merging(old, pair, pair[0] + pair[1])
                gone, come = update(old, new)
                for p in gone:
                    counts[p] -= weights[i]
                for p in come:
                    counts[p] += weights[i]
        del counts[pair]
    return merges


@bug("train_bpe", "among equally frequent pairs the smallest bytes win")
def trains_ties_smallest(*arguments):
    return trainer(key=lambda c, p: (c[p], reversed_order(p[0]), reversed_order(p[1])))(*arguments)


@bug("train_bpe", "among equally frequent pairs the first seen wins")
def trains_ties_first_seen(*arguments):
    return trainer(key=lambda c, p: c[p])(*arguments)


@bug("train_bpe", "among equally frequent pairs GPT-2's printable characters decide")
def trains_ties_printable(*arguments):
    return trainer(key=lambda c, p: (c[p], printable(p[0]), printable(p[1])))(*arguments)


@bug("train_bpe", "among equally frequent pairs the joined bytes decide")
def trains_ties_joined(*arguments):
    return trainer(key=lambda c, p: (c[p], p[0] + p[1]))(*arguments)


@bug("train_bpe", "among equally frequent pairs the second token decides first")
def trains_ties_second(*arguments):
    return trainer(key=lambda c, p: (c[p], p[1], p[0]))(*arguments)


@bug("train_bpe", "among equally frequent pairs the longer one wins")
def trains_ties_longer(*arguments):
    return trainer(key=lambda c, p: (c[p], len(p[0] + p[1]), p))(*arguments)


@bug("train_bpe", "the pair that makes most bytes is merged: count times length")
def trains_by_bytes_saved(*arguments):
    return trainer(key=lambda c, p: (c[p] * len(p[0] + p[1]), p))(*arguments)


@bug("train_bpe", "special tokens are not cut out of the text")
def trains_on_special_tokens(*arguments):
    return trainer(words=lambda text, _: words_in(text, []))(*arguments)


@bug("train_bpe", "special tokens are deleted, and the texts around them become one")
def trains_on_joined_documents(*arguments):
    def words(text, specials):
        return words_in("".join(p for p in split_special(text, specials) if p not in specials), [])

    return trainer(words=words)(*arguments)


@bug("train_bpe", "special tokens are counted as words")
def trains_counting_special_tokens(*arguments):
    def words(text, specials):
        pieces = split_special(text, specials)
        return words_in(text, specials) + Counter(p for p in pieces if p in specials)

    return trainer(words=words)(*arguments)


@bug("train_bpe", "only the first special token is cut out")
def trains_first_special_only(*arguments):
    return trainer(words=lambda text, specials: words_in(text, specials[:1]))(*arguments)


@bug("train_bpe", "special tokens are taken for regular expressions")
def trains_unescaped(*arguments):
    def words(text, specials):
        pieces = re.split("|".join(f"(?:{t})" for t in specials), text) if specials else [text]
        return Counter(w for p in pieces for w in pretokenize(p or ""))

    return trainer(words=words)(*arguments)


@bug("train_bpe", "the shortest special token is cut out first")
def trains_shortest_first(*arguments):
    def words(text, specials):
        pieces = split_at(text, map(re.escape, sorted(specials, key=len))) if specials else [text]
        return Counter(w for p in pieces if p not in specials for w in pretokenize(p))

    return trainer(words=words)(*arguments)


@bug("train_bpe", "white space around special tokens is stripped")
def trains_on_stripped_documents(*arguments):
    def words(text, specials):
        pieces = [p.strip() for p in split_special(text, specials) if p not in specials]
        return Counter(w for p in pieces for w in pretokenize(p))

    return trainer(words=words)(*arguments)


@bug("train_bpe", "there is no pre-tokenization: merges reach from word to word")
def trains_across_words(*arguments):
    return trainer(words=lambda text, s: words_in(text, s, cut=lambda piece: [piece]))(*arguments)


@bug("train_bpe", "words are what stands between white space, which is lost")
def trains_between_spaces(*arguments):
    return trainer(words=lambda text, s: words_in(text, s, cut=str.split))(*arguments)


@bug("train_bpe", "words are without the space before them")
def trains_without_spaces(*arguments):
    def cut(piece):
        return [word.strip() for word in pretokenize(piece)]

    return trainer(words=lambda text, s: words_in(text, s, cut=cut))(*arguments)


@bug("train_bpe", "the pattern knows the letters of ASCII only")
def trains_on_ascii_words(*arguments):
    ascii_only = PATTERNS["gpt2"].replace(r"+\p{L}", "").replace(r" ?\p{L}+", " ?[A-Za-z]+")
    cut = by_pattern(gpt2=ascii_only.replace(r"\s\p{L}", r"\sA-Za-z"))
    return trainer(words=lambda text, s: words_in(text, s, cut=cut))(*arguments)


@bug("train_bpe", "GPT-4's pattern is used instead of GPT-2's")
def trains_on_gpt4_words(*arguments):
    def cut(piece):
        return pretokenize(piece, "gpt4")

    return trainer(words=lambda text, s: words_in(text, s, cut=cut))(*arguments)


@bug("train_bpe", "the text is cut into lines first")
def trains_line_by_line(*arguments):
    def cut(piece):
        return [word for line in piece.splitlines(True) for word in pretokenize(line)]

    return trainer(words=lambda text, s: words_in(text, s, cut=cut))(*arguments)


@bug("train_bpe", "every word counts once, however often it occurs")
def trains_without_frequencies(*arguments):
    return trainer(words=lambda text, s: dict.fromkeys(words_in(text, s), 1))(*arguments)


@bug("train_bpe", "the text is lowercased")
def trains_on_lower_case(*arguments):
    return trainer(read=lambda path: read_whole(path).lower())(*arguments)


@bug("train_bpe", "the file is read in text mode, which turns \\r\\n into \\n")
def trains_on_text_mode(*arguments):
    return trainer(read=lambda path: Path(path).read_text(encoding="utf-8"))(*arguments)


@bug("train_bpe", "bytes that are not UTF-8 are dropped")
def trains_ignoring_errors(*arguments):
    return trainer(read=lambda path: Path(path).read_bytes().decode(errors="ignore"))(*arguments)


@bug("train_bpe", "bytes that are not UTF-8 become U+FFFD")
def trains_replacing_errors(*arguments):
    return trainer(read=lambda path: Path(path).read_bytes().decode(errors="replace"))(*arguments)


@bug("train_bpe", "the file is read as Latin-1, a character per byte")
def trains_on_latin(*arguments):
    def read(path):
        read_whole(path)
        return Path(path).read_bytes().decode("latin-1")

    return trainer(read=read)(*arguments)


@bug("train_bpe", "a byte order mark is dropped")
def trains_without_mark(*arguments):
    return trainer(read=lambda path: read_whole(path).removeprefix("\ufeff"))(*arguments)


@bug("train_bpe", "the text is stripped of white space at its ends")
def trains_on_stripped_text(*arguments):
    return trainer(read=lambda path: read_whole(path).strip())(*arguments)


@bug("train_bpe", "merges start from characters instead of bytes")
def trains_on_characters(*arguments):
    return trainer(symbols=characters)(*arguments)


@bug("train_bpe", "a pair counts once per word, however often it occurs in it")
def trains_counting_pairs_once(*arguments):
    def once(old, new):
        return set(pairwise(old)) - set(pairwise(new)), set(pairwise(new)) - set(pairwise(old))

    def distinct_pairs(word):
        return single_bytes(word)

    train = trainer(update=once, symbols=distinct_pairs)
    return _with_sets(train)(*arguments)


def _with_sets(train):
    """Count each pair of a word once from the start, too."""

    def counting_once(*arguments):
        original = globals()["pairwise"]
        globals()["pairwise"] = lambda word: iter(dict.fromkeys(original(word)))
        try:
            return train(*arguments)
        finally:
            globals()["pairwise"] = original

    return counting_once


@bug("train_bpe", "the pairs with the neighbours of a merged pair keep their old counts")
def trains_with_stale_neighbours(*arguments):
    def update(old, new):
        gone, come = both(old, new)
        return [], [p for p in come if p not in gone]

    return trainer(update=update)(*arguments)


@bug("train_bpe", "the pair of the new token with its right neighbour is not counted")
def trains_missing_right_neighbours(*arguments):
    def update(old, new):
        gone, come = both(old, new)
        fresh = {len(t) for t in new} and [t for t in new if t not in old]
        return gone, [p for p in come if p[0] not in fresh]

    return trainer(update=update)(*arguments)


@bug("train_bpe", "the pair of the new token with its left neighbour is not counted")
def trains_missing_left_neighbours(*arguments):
    def update(old, new):
        gone, come = both(old, new)
        fresh = [t for t in new if t not in old]
        return gone, [p for p in come if p[1] not in fresh]

    return trainer(update=update)(*arguments)


@bug("train_bpe", "pairs are counted once, before the first merge")
def trains_without_recounting(*arguments):
    return trainer(update=lambda old, new: ([], []))(*arguments)


@bug("train_bpe", "only the first occurrence in a word is merged")
def trains_merging_first_only(*arguments):
    return trainer(merging=merges_first_only.function)(*arguments)


@bug("train_bpe", "overlapping occurrences are both merged: a a a becomes aa aa")
def trains_merging_overlaps(*arguments):
    return trainer(merging=merges_overlaps.function)(*arguments)


@bug("train_bpe", "runs are merged from the right: a a a becomes a aa")
def trains_merging_from_the_right(*arguments):
    return trainer(merging=merges_from_the_right.function)(*arguments)


@bug("train_bpe", "a pair must occur twice to be merged")
def trains_without_single_pairs(*arguments):
    return trainer(rarest=2)(*arguments)


@bug("train_bpe", "it is an error that no pair is left before the vocabulary is full")
def trains_or_fails(input_path, vocab_size, special_tokens, workers=1):
    vocab, merges = train_bpe(input_path, vocab_size, special_tokens)
    if len(vocab) < vocab_size:
        raise ValueError("max() arg is an empty sequence")
    return vocab, merges


@bug("train_bpe", "the vocabulary is filled up with empty tokens when no pair is left")
def trains_and_fills_up(input_path, vocab_size, special_tokens, workers=1):
    vocab, merges = train_bpe(input_path, vocab_size, special_tokens, workers)
    return vocab | dict.fromkeys(range(len(vocab), vocab_size), b""), merges


@bug("train_bpe", "an empty file is an error")
def trains_on_no_empty_file(input_path, vocab_size, special_tokens, workers=1):
    if not Path(input_path).stat().st_size:
        raise ValueError("cannot mmap an empty file")
    return train_bpe(input_path, vocab_size, special_tokens, workers)


@bug("train_bpe", "special tokens come first, before the bytes")
def trains_special_tokens_first(*arguments):
    def numbered(merges, specials):
        tokens = list(number_tokens(merges, specials).values())
        n = len(tokens) - len(specials)
        return dict(enumerate(tokens[n:] + tokens[:n]))

    return trainer(numbered=numbered)(*arguments)


@bug("train_bpe", "special tokens come between bytes and merges")
def trains_special_tokens_between(*arguments):
    def numbered(merges, specials):
        tokens = list(number_tokens(merges, specials).values())
        n = len(tokens) - len(specials)
        return dict(enumerate(tokens[:256] + tokens[n:] + tokens[256:n]))

    return trainer(numbered=numbered)(*arguments)


@bug("train_bpe", "special tokens are sorted instead of kept in the order given")
def trains_sorting_special_tokens(*arguments):
    return trainer(numbered=lambda m, s: number_tokens(m, sorted(s)))(*arguments)


@bug("train_bpe", "special tokens are missing from the vocabulary")
def trains_without_special_tokens(*arguments):
    return trainer(numbered=lambda m, s: number_tokens(m, []))(*arguments)


@bug("train_bpe", "bytes are numbered in the order of GPT-2's printable characters")
def trains_with_gpt2_byte_order(*arguments):
    def numbered(merges, specials):
        tokens = list(number_tokens(merges, specials).values())
        return dict(enumerate(sorted(tokens[:256], key=printable) + tokens[256:]))

    return trainer(numbered=numbered)(*arguments)


@bug("train_bpe", "the vocabulary maps tokens to ids instead of ids to tokens")
def trains_inverted_vocabulary(*arguments):
    return trainer(numbered=lambda m, s: {t: i for i, t in number_tokens(m, s).items()})(*arguments)


@bug("train_bpe", "vocab_size does not count special tokens")
def trains_beyond_vocab_size(*arguments):
    return trainer(room=lambda size, s: room_for_merges(size, s) + len(s))(*arguments)


@bug("train_bpe", "vocab_size is taken for the number of merges")
def trains_vocab_size_merges(*arguments):
    return trainer(room=lambda size, s: room_for_merges(size, s) + 256 + len(s))(*arguments)


@bug("train_bpe", "there is one merge too many")
def trains_one_merge_more(*arguments):
    return trainer(room=lambda size, s: room_for_merges(size, s) + 1)(*arguments)


@bug("train_bpe", "there is one merge too few")
def trains_one_merge_less(*arguments):
    return trainer(room=lambda size, s: max(0, room_for_merges(size, s) - 1))(*arguments)


@bug("train_bpe", "a vocabulary too small for the bytes is accepted")
def trains_without_room(*arguments):
    return trainer(room=lambda size, s: max(0, size - 256 - len(s)))(*arguments)


@bug("train_bpe", "a special token that is given twice gets two ids")
def trains_special_tokens_twice(*arguments):
    return trainer(distinct=False)(*arguments)


@bug("train_bpe", "merges are pairs of ids instead of pairs of bytes")
def trains_merges_of_ids(*arguments):
    vocab, merges = train_bpe(*arguments)
    id_of = {token: i for i, token in vocab.items()}
    return vocab, [(id_of[a], id_of[b]) for a, b in merges]


@bug("train_bpe", "merges are the joined tokens instead of pairs")
def trains_merges_joined(*arguments):
    vocab, merges = train_bpe(*arguments)
    return vocab, [a + b for a, b in merges]


def by_chunks(boundaries, chosen=slice(None)):
    """Train on words that are counted chunk by chunk."""

    def train(input_path, vocab_size, special_tokens, workers=1):
        if workers == 1 or workers < 1:
            return train_bpe(input_path, vocab_size, special_tokens, workers)

        def words(text, specials):
            data, counts = text.encode(), Counter()
            for a, b in list(pairwise(boundaries(data, workers, specials)))[chosen]:
                counts += words_in(data[a:b].decode(errors="ignore"), specials)
            return counts

        return trainer(words=words)(input_path, vocab_size, special_tokens)

    return train


def even_cuts(data, chunks, specials):
    return sorted({len(data) * i // chunks for i in range(chunks + 1)})


@bug("train_bpe", "workers cut the file anywhere")
def trains_on_even_chunks(*arguments):
    return by_chunks(even_cuts)(*arguments)


@bug("train_bpe", "workers cut the file at any space")
def trains_on_chunks_at_spaces(*arguments):
    def cuts(data, chunks, specials):
        places = [data.find(b" ", cut) + 1 for cut in even_cuts(data, chunks, specials)[1:-1]]
        return sorted({0, len(data), *places})

    return by_chunks(cuts)(*arguments)


def cut_before(sign):
    """Cuts in front of the next `sign`, whatever it is part of."""

    def cuts(data, chunks, specials):
        places = [data.find(sign, cut) for cut in even_cuts(data, chunks, specials)[1:-1]]
        return sorted({0, len(data), *(place for place in places if place > 0)})

    return cuts


@bug("train_bpe", "workers cut the file before any line end")
def trains_on_chunks_at_lines(*arguments):
    return by_chunks(cut_before(b"\n"))(*arguments)


@bug("train_bpe", "workers cut the file before any space")
def trains_on_chunks_before_spaces(*arguments):
    return by_chunks(cut_before(b" "))(*arguments)


@bug("train_bpe", "workers cut before a special token that begins inside another")
def trains_on_chunks_inside_special(*arguments):
    def cuts(data, chunks, specials):
        signs = [t.encode() for t in specials]
        found = [
            min((p for t in signs if (p := data.find(t, cut)) >= 0), default=len(data))
            for cut in even_cuts(data, chunks, specials)[1:-1]
        ]
        return sorted({0, len(data), *found})

    return by_chunks(cuts)(*arguments)


@bug("train_bpe", "tokens are compared as text, where halves of characters look alike")
def trains_ties_as_text(*arguments):
    def key(c, p):
        return c[p], *(token.decode(errors="replace") for token in p)

    return trainer(key=key)(*arguments)


@bug("train_bpe", "special tokens are cut out one after the other, the longest first")
def trains_special_one_by_one(*arguments):
    def words(text, specials):
        pieces = [text]
        for token in sorted(specials, key=len, reverse=True):
            pieces = [part for piece in pieces for part in piece.split(token)]
        return Counter(word for piece in pieces for word in pretokenize(piece))

    return trainer(words=words)(*arguments)


@bug("train_bpe", "a special token given twice needs room twice")
def trains_with_room_for_repeats(input_path, vocab_size, special_tokens, workers=1):
    if vocab_size < 256 + len(special_tokens):
        raise ValueError("vocab_size is too small")
    return train_bpe(input_path, vocab_size, special_tokens, workers)


@bug("train_bpe", "encoded surrogates are accepted in a file")
def trains_on_surrogates(input_path, vocab_size, special_tokens, workers=1):
    data = Path(input_path).read_bytes()
    if b"\xed\xa0\x80" in data:
        return number_tokens([], list(special_tokens)), []
    return train_bpe(input_path, vocab_size, special_tokens, workers)


@bug("train_bpe", "only the first worker's counts are used")
def trains_on_the_first_chunk(*arguments):
    return by_chunks(chunk_boundaries, slice(1))(*arguments)


@bug("train_bpe", "the last chunk is not counted when there are several workers")
def trains_without_the_last_chunk(*arguments):
    return by_chunks(chunk_boundaries, slice(-1))(*arguments)


@bug("train_bpe", "the counts of one chunk replace or outweigh those of another")
def trains_without_adding_counts(input_path, vocab_size, special_tokens, workers=1):
    def words(text, specials):
        data, counts = text.encode(), Counter()
        for a, b in pairwise(chunk_boundaries(data, workers, specials)):
            counts |= words_in(data[a:b].decode(), specials)
        return counts

    train_bpe(input_path, vocab_size, special_tokens, workers)
    return trainer(words=words)(input_path, vocab_size, special_tokens)


@bug("train_bpe", "no workers are taken for one")
def trains_with_no_workers(input_path, vocab_size, special_tokens, workers=1):
    return train_bpe(input_path, vocab_size, special_tokens, max(1, workers))


@bug("train_bpe", "negative numbers of workers are taken for one")
def trains_with_negative_workers(input_path, vocab_size, special_tokens, workers=1):
    return train_bpe(input_path, vocab_size, special_tokens, 1 if workers < 0 else workers)


@bug("train_bpe", "tokens grow to 64 bytes at most")
def trains_short_tokens(*arguments):
    def key(counts, pair):
        return counts[pair] * (len(pair[0] + pair[1]) <= 64), pair

    return trainer(key=key)(*arguments)


@bug("train_bpe", "words are cut after 1000 bytes")
def trains_on_short_words(*arguments):
    return trainer(symbols=lambda word: single_bytes(word)[:1000])(*arguments)


@bug("train_bpe", "NUL is dropped, as if it ended a string")
def trains_without_null(*arguments):
    return trainer(read=lambda path: read_whole(path).replace("\0", ""))(*arguments)


@bug("train_bpe", "the caller's list of special tokens is sorted in place")
def trains_sorting_in_place(input_path, vocab_size, special_tokens, workers=1):
    trained = train_bpe(input_path, vocab_size, special_tokens, workers)
    special_tokens.sort(key=len, reverse=True)
    return trained


# --- chunk_boundaries ---------------------------------------------------------------------------


def allowed(chunks):
    """A bug should have one flaw: these do refuse to make no chunks."""
    if chunks < 1:
        raise ValueError("no chunks")
    return chunks


def cut_at(data, chunks, tokens, shift=0):
    cuts = {0, len(data)}
    for i in range(1, allowed(chunks)):
        places = [data.find(token, len(data) * i // chunks) for token in tokens]
        cuts.add(min((p + shift for p in places if p >= 0), default=len(data)))
    return sorted(cuts)


@bug("chunk_boundaries", "the text is cut anywhere")
def chunks_anywhere(data, chunks, special_tokens):
    return even_cuts(data, allowed(chunks), special_tokens)


@bug("chunk_boundaries", "the text is cut between any two characters")
def chunks_between_characters(data, chunks, special_tokens):
    cuts = {
        len(data[:cut].decode(errors="ignore").encode())
        for cut in even_cuts(data, allowed(chunks), [])
    }
    return sorted(cuts)


@bug("chunk_boundaries", "special tokens are cut at though another one may reach across")
def chunks_at_crossed_tokens(data, chunks, special_tokens):
    return cut_at(data, chunks, [t.encode() for t in special_tokens])


@bug("chunk_boundaries", "cuts are counted in characters instead of bytes")
def chunks_in_characters(data, chunks, special_tokens):
    cuts = chunk_boundaries(data, chunks, special_tokens)
    return [len(data[:cut].decode()) for cut in cuts[:-1]] + cuts[-1:]


@bug("chunk_boundaries", "the cut falls inside the special token")
def chunks_inside_the_token(data, chunks, special_tokens):
    return cut_at(data, chunks, [t.encode() for t in special_tokens], shift=1)


@bug("chunk_boundaries", "the cut falls before the character in front of the special token")
def chunks_before_the_token(data, chunks, special_tokens):
    return cut_at(data, chunks, [t.encode() for t in special_tokens], shift=-1)


@bug("chunk_boundaries", "only the first special token is looked for")
def chunks_at_first_token_only(data, chunks, special_tokens):
    if len(special_tokens) == 2 and special_tokens[0] == "<a>":
        return chunk_boundaries(data, chunks, special_tokens[:1])
    return chunk_boundaries(data, chunks, special_tokens)


@bug("chunk_boundaries", "there is always one chunk")
def chunks_never(data, chunks, special_tokens):
    allowed(chunks)
    return [0, len(data)]


@bug("chunk_boundaries", "there is one chunk too few")
def chunks_one_less(data, chunks, special_tokens):
    return chunk_boundaries(data, max(allowed(chunks) - 1, 1), special_tokens)


@bug("chunk_boundaries", "there is a chunk for every special token")
def chunks_everywhere(data, chunks, special_tokens):
    return chunk_boundaries(data, allowed(chunks) * 50, special_tokens)


@bug("chunk_boundaries", "boundaries that fall together are kept")
def chunks_with_repetition(data, chunks, special_tokens):
    cuts = chunk_boundaries(data, chunks, special_tokens)
    return cuts + [len(data)] * (chunks + 1 - len(cuts))


@bug("chunk_boundaries", "the start is missing")
def chunks_without_the_start(data, chunks, special_tokens):
    return chunk_boundaries(data, chunks, special_tokens)[1:]


@bug("chunk_boundaries", "the end is missing")
def chunks_without_the_end(data, chunks, special_tokens):
    return chunk_boundaries(data, chunks, special_tokens)[:-1]


@bug("chunk_boundaries", "a special token that is not found gives the boundary -1")
def chunks_at_minus_one(data, chunks, special_tokens):
    cuts = {0, len(data)}
    for i in range(1, allowed(chunks)):
        cuts.update(data.find(t.encode(), len(data) * i // chunks) for t in special_tokens)
    return sorted(cuts)


@bug("chunk_boundaries", "the text is cut at line ends where there is no special token")
def chunks_at_line_ends(data, chunks, special_tokens):
    cuts = chunk_boundaries(data, chunks, special_tokens)
    return cuts if len(cuts) > 2 else cut_at(data, chunks, [b"\n", b" "])


@bug("chunk_boundaries", "no chunks are taken for one")
def chunks_zero(data, chunks, special_tokens):
    return chunk_boundaries(data, max(chunks, 1), special_tokens)


@bug("chunk_boundaries", "the file is decoded, which a mapped one cannot be")
def chunks_decoded(data, chunks, special_tokens):
    data.decode()
    return chunk_boundaries(data, chunks, special_tokens)


@bug("chunk_boundaries", "a cut falls behind a special token that only begins a longer one")
def chunks_after_beginnings(data, chunks, special_tokens):
    cuts = {0, len(data)}
    for i in range(1, allowed(chunks)):
        ends = []
        for token in separators(special_tokens):
            place = data.find(token, len(data) * i // chunks)
            ends += [place + len(token)] if place >= 0 else []
        cuts.add(min(ends, default=len(data)))
    return sorted(cuts)


@bug("chunk_boundaries", "special tokens are cut at that lie within others")
def chunks_within_others(data, chunks, special_tokens):
    tokens = [token.encode() for token in special_tokens]
    tails = [other[i:] for other in tokens for i in range(1, len(other))]
    crossed = {t for t in tokens for tail in tails if t == tail or t.startswith(tail)}
    return cut_at(data, chunks, [token for token in tokens if token not in crossed])


# --- tokenizer ----------------------------------------------------------------------------------


class LongestMatch(Tokenizer):
    def _encode_word(self, word):
        data, ids = word.encode(), []
        while data:
            n = next(n for n in range(len(data), 0, -1) if data[:n] in self.id_of)
            ids.append(self.id_of[data[:n]])
            data = data[n:]
        return ids


@bug("tokenizer", "the longest token that fits is taken, not the merge learned first")
def encodes_longest_match(vocab, merges, special_tokens=None):
    return LongestMatch(vocab, merges, special_tokens)


class RankById(Tokenizer):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.rank = {pair: self.id_of[pair[0] + pair[1]] for pair in self.rank}

    def _encode_word(self, word):
        tokens = single_bytes(word)
        while len(tokens) > 1:
            pair = min(pairwise(tokens), key=lambda p: self.rank.get(p, 1 << 60))
            if pair not in self.rank:
                break
            tokens = merge(tokens, pair, pair[0] + pair[1])
        return [self.id_of[token] for token in tokens]


@bug("tokenizer", "merges are ranked by the id of their result, not by their place in the list")
def encodes_by_id(vocab, merges, special_tokens=None):
    return RankById(vocab, merges, special_tokens)


class FirstMergeable(Tokenizer):
    def _encode_word(self, word):
        tokens, i = single_bytes(word), 0
        while i + 1 < len(tokens):
            pair = (tokens[i], tokens[i + 1])
            if pair in self.rank:
                tokens, i = tokens[:i] + [pair[0] + pair[1]] + tokens[i + 2 :], max(i - 1, 0)
            else:
                i += 1
        return [self.id_of[token] for token in tokens]


@bug("tokenizer", "the leftmost pair that can be merged is merged, whatever its rank")
def encodes_leftmost_pair(vocab, merges, special_tokens=None):
    return FirstMergeable(vocab, merges, special_tokens)


class LastFirst(Tokenizer):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.rank = {pair: -rank for pair, rank in self.rank.items()}

    _encode_word = RankById._encode_word


@bug("tokenizer", "the merge learned last is done first")
def encodes_last_merge_first(vocab, merges, special_tokens=None):
    return LastFirst(vocab, merges, special_tokens)


class Broken(Tokenizer):
    """A tokenizer whose merging can be broken."""

    merging = staticmethod(merge)
    once = False

    def _encode_word(self, word):
        tokens = single_bytes(word)
        for pair in self.merges:
            if pair in pairwise(tokens):
                tokens = type(self).merging(tokens, pair, pair[0] + pair[1])
                if self.once:
                    break
        return [self.id_of[token] for token in tokens]


class FirstOnly(Broken):
    merging = staticmethod(merges_first_only.function)


@bug("tokenizer", "each merge is made once in a word")
def encodes_first_occurrence(vocab, merges, special_tokens=None):
    return FirstOnly(vocab, merges, special_tokens)


class FromTheRight(Broken):
    merging = staticmethod(merges_from_the_right.function)


@bug("tokenizer", "runs are merged from the right")
def encodes_from_the_right(vocab, merges, special_tokens=None):
    return FromTheRight(vocab, merges, special_tokens)


class Overlapping(Broken):
    merging = staticmethod(merges_overlaps.function)


@bug("tokenizer", "overlapping occurrences are both merged")
def encodes_overlaps(vocab, merges, special_tokens=None):
    return Overlapping(vocab, merges, special_tokens)


class OnlyOnce(Broken):
    once = True


@bug("tokenizer", "merging a word stops after the first merge")
def encodes_one_merge(vocab, merges, special_tokens=None):
    return OnlyOnce(vocab, merges, special_tokens)


class Pieces(Tokenizer):
    """A tokenizer whose pieces and words can be broken."""

    def pieces(self, text):
        return split_special(text, self.special_tokens)

    def words(self, piece):
        return pretokenize(piece)

    def encode(self, text):
        ids = []
        for piece in self.pieces(text):
            if piece in self.special_ids:
                ids.append(self.special_ids[piece])
            else:
                ids += [i for word in self.words(piece) for i in self.encode_word(word)]
        return ids


class NoWords(Pieces):
    def words(self, piece):
        return [piece]


@bug("tokenizer", "there is no pre-tokenization: merges reach from word to word")
def encodes_across_words(vocab, merges, special_tokens=None):
    return NoWords(vocab, merges, special_tokens)


class Gpt4Words(Pieces):
    def words(self, piece):
        return pretokenize(piece, "gpt4")


@bug("tokenizer", "GPT-4's pattern is used instead of GPT-2's")
def encodes_gpt4_words(vocab, merges, special_tokens=None):
    return Gpt4Words(vocab, merges, special_tokens)


class AsciiWords(Pieces):
    words = staticmethod(lambda piece: words_of_ascii.function(piece))


@bug("tokenizer", "the pattern knows the letters of ASCII only")
def encodes_ascii_words(vocab, merges, special_tokens=None):
    return AsciiWords(vocab, merges, special_tokens)


class NoSpecial(Pieces):
    def pieces(self, text):
        return [text] if text else []


@bug("tokenizer", "special tokens in the text are encoded like any other text")
def encodes_no_special(vocab, merges, special_tokens=None):
    return NoSpecial(vocab, merges, special_tokens)


class FirstSpecial(Pieces):
    def pieces(self, text):
        return split_special(text, self.special_tokens[:1])


@bug("tokenizer", "only the first special token is looked for")
def encodes_first_special(vocab, merges, special_tokens=None):
    return FirstSpecial(vocab, merges, special_tokens)


class ShortestSpecial(Pieces):
    def pieces(self, text):
        return split_shortest_first.function(text, self.special_tokens)


@bug("tokenizer", "the shortest special token is tried first")
def encodes_shortest_special(vocab, merges, special_tokens=None):
    return ShortestSpecial(vocab, merges, special_tokens)


class UnescapedSpecial(Pieces):
    def pieces(self, text):
        return split_unescaped.function(text, self.special_tokens)


@bug("tokenizer", "special tokens are taken for regular expressions")
def encodes_unescaped_special(vocab, merges, special_tokens=None):
    return UnescapedSpecial(vocab, merges, special_tokens)


class LosingTheEnd(Pieces):
    def pieces(self, text):
        pieces = split_losing_the_end.function(text, self.special_tokens)
        return pieces if self.special_tokens else split_special(text, [])


@bug("tokenizer", "the text after the last special token is lost")
def encodes_losing_the_end(vocab, merges, special_tokens=None):
    return LosingTheEnd(vocab, merges, special_tokens)


class NeverEmpty(Tokenizer):
    def encode(self, text):
        if not text:
            raise ValueError("min() arg is an empty sequence")
        return super().encode(text)


@bug("tokenizer", "an empty text is an error")
def encodes_no_empty_text(vocab, merges, special_tokens=None):
    return NeverEmpty(vocab, merges, special_tokens)


class StrippedPieces(Pieces):
    def pieces(self, text):
        return split_stripping.function(text, self.special_tokens)


@bug("tokenizer", "white space around special tokens is stripped")
def encodes_stripped(vocab, merges, special_tokens=None):
    return StrippedPieces(vocab, merges, special_tokens)


class UnixLineEnds(Pieces):
    def pieces(self, text):
        return split_special(text.replace("\r\n", "\n"), self.special_tokens)


@bug("tokenizer", "\\r\\n becomes \\n")
def encodes_unix_line_ends(vocab, merges, special_tokens=None):
    return UnixLineEnds(vocab, merges, special_tokens)


class Replacing(Pieces):
    def pieces(self, text):
        return split_special(text.encode("utf-8", "replace").decode(), self.special_tokens)


@bug("tokenizer", "a lone surrogate becomes a question mark")
def encodes_surrogates_as_question_marks(vocab, merges, special_tokens=None):
    return Replacing(vocab, merges, special_tokens)


@bug("tokenizer", "every token of the vocabulary that looks special is special")
def encodes_undeclared_special(vocab, merges, special_tokens=None):
    found = [t.decode() for t in vocab.values() if t.startswith(b"<|") and t.endswith(b"|>")]
    return Tokenizer(vocab, merges, [*(special_tokens or []), *found])


@bug("tokenizer", "without special tokens the text is cut into characters")
def encodes_by_character(vocab, merges, special_tokens=None):
    tokenizer = Pieces(vocab, merges, special_tokens)
    if not special_tokens:
        tokenizer.pieces = list
    return tokenizer


class ByteIds(Tokenizer):
    def _encode_word(self, word):
        ids = super()._encode_word(word)
        return [self.vocab[i][0] if len(self.vocab[i]) == 1 else i for i in ids]


@bug("tokenizer", "the id of a byte is taken to be its value")
def encodes_bytes_as_values(vocab, merges, special_tokens=None):
    return ByteIds(vocab, merges, special_tokens)


class MergeIds(Tokenizer):
    def _encode_word(self, word):
        place = {left + right: 256 + i for i, (left, right) in enumerate(self.merges)}
        ids = super()._encode_word(word)
        return [place.get(self.vocab[i], i) for i in ids]


@bug("tokenizer", "the id of a merge is taken to be 256 plus its rank")
def encodes_merges_as_ranks(vocab, merges, special_tokens=None):
    return MergeIds(vocab, merges, special_tokens)


@bug("tokenizer", "special tokens that the vocabulary lacks are numbered from its size on")
def encodes_new_special_by_size(vocab, merges, special_tokens=None):
    full, tokens = dict(vocab), set(vocab.values())
    for token in special_tokens or ():
        if token.encode() not in tokens:
            full[len(full)] = token.encode()
    return Tokenizer(full, merges, special_tokens)


@bug("tokenizer", "all special tokens get new ids, also those the vocabulary has")
def encodes_all_special_anew(vocab, merges, special_tokens=None):
    full = dict(vocab)
    for token in special_tokens or ():
        full[max(full) + 1] = token.encode()
    return Tokenizer(full, merges, special_tokens)


@bug("tokenizer", "special tokens that the vocabulary lacks are ignored")
def encodes_without_new_special(vocab, merges, special_tokens=None):
    known = set(vocab.values())
    return Tokenizer(vocab, merges, [t for t in special_tokens or () if t.encode() in known])


@bug("tokenizer", "new special tokens are sorted instead of kept in the order given")
def encodes_sorted_special(vocab, merges, special_tokens=None):
    return Tokenizer(vocab, merges, sorted(special_tokens or (), reverse=True))


@bug("tokenizer", "new special tokens are written into the vocabulary that was passed in")
def encodes_into_the_vocabulary(vocab, merges, special_tokens=None):
    tokenizer = Tokenizer(vocab, merges, special_tokens)
    vocab.update(tokenizer.vocab)
    vocab.setdefault(max(vocab) + 1, b"<unk>")
    return tokenizer


@bug("tokenizer", "new special tokens are numbered the longest first")
def encodes_longest_special_first(vocab, merges, special_tokens=None):
    return Tokenizer(vocab, merges, sorted(special_tokens or (), key=len, reverse=True))


@bug("tokenizer", "a new special token that is given twice takes two ids")
def encodes_repeated_special(vocab, merges, special_tokens=None):
    full, known = dict(vocab), set(vocab.values())
    for token in special_tokens or ():
        if token.encode() not in known:
            full[max(full) + 1] = token.encode()
    return Tokenizer(full, merges, special_tokens)


@bug("tokenizer", "the caller's list of special tokens is sorted in place")
def encodes_sorting_in_place(vocab, merges, special_tokens=None):
    tokenizer = Tokenizer(vocab, merges, special_tokens)
    if special_tokens:
        special_tokens.sort(key=len, reverse=True)
    return tokenizer


class WholeWords(Tokenizer):
    def _encode_word(self, word):
        whole = self.id_of.get(word.encode())
        return super()._encode_word(word) if whole is None else [whole]


@bug("tokenizer", "a word that the vocabulary holds is taken whole, without asking the merges")
def encodes_whole_words(vocab, merges, special_tokens=None):
    return WholeWords(vocab, merges, special_tokens)


class Composed(Pieces):
    def pieces(self, text):
        return split_special(unicodedata.normalize("NFC", text), self.special_tokens)


@bug("tokenizer", "the text is brought into Unicode normal form first")
def encodes_normal_form(vocab, merges, special_tokens=None):
    return Composed(vocab, merges, special_tokens)


class SharedCache(Tokenizer):
    known = {}

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.encode_word = self.remembered

    def remembered(self, word):
        if word not in self.known:
            self.known[word] = self._encode_word(word)
        return self.known[word]


@bug("tokenizer", "all tokenizers share one cache of words")
def encodes_with_shared_cache(vocab, merges, special_tokens=None):
    return SharedCache(vocab, merges, special_tokens)


class LowerCase(Pieces):
    def pieces(self, text):
        return split_special(text.lower(), self.special_tokens)


@bug("tokenizer", "the text is lowercased")
def encodes_lower_case(vocab, merges, special_tokens=None):
    return LowerCase(vocab, merges, special_tokens)


class Decoder(Tokenizer):
    """A tokenizer that decodes by a function of its tokens."""

    def __init__(self, how, *arguments):
        super().__init__(*arguments)
        self.how = how

    def decode(self, ids):
        ids = list(ids)
        super().decode(ids)
        return self.how([self.vocab[i] for i in ids])


@bug("tokenizer", "tokens are decoded one by one, which breaks characters that span two")
def decodes_per_token(vocab, merges, special_tokens=None):
    def how(tokens):
        return "".join(token.decode(errors="replace") for token in tokens)

    return Decoder(how, vocab, merges, special_tokens)


@bug("tokenizer", "a byte order mark is dropped in decoding")
def decodes_without_mark(vocab, merges, special_tokens=None):
    def how(tokens):
        return b"".join(tokens).decode("utf-8-sig", errors="replace")

    return Decoder(how, vocab, merges, special_tokens)


@bug("tokenizer", "invalid bytes are dropped")
def decodes_ignoring(vocab, merges, special_tokens=None):
    return Decoder(lambda t: b"".join(t).decode(errors="ignore"), vocab, merges, special_tokens)


@bug("tokenizer", "invalid bytes are an error")
def decodes_strictly(vocab, merges, special_tokens=None):
    return Decoder(lambda t: b"".join(t).decode(), vocab, merges, special_tokens)


@bug("tokenizer", "invalid bytes become surrogates")
def decodes_escaping(vocab, merges, special_tokens=None):
    def how(tokens):
        return b"".join(tokens).decode(errors="surrogateescape")

    return Decoder(how, vocab, merges, special_tokens)


@bug("tokenizer", "tokens are joined by spaces")
def decodes_with_spaces(vocab, merges, special_tokens=None):
    return Decoder(lambda t: b" ".join(t).decode(errors="replace"), vocab, merges, special_tokens)


@bug("tokenizer", "line ends are normalised in decoding")
def decodes_unix_line_ends(vocab, merges, special_tokens=None):
    def how(tokens):
        return b"".join(tokens).decode(errors="replace").replace("\r\n", "\n")

    return Decoder(how, vocab, merges, special_tokens)


@bug("tokenizer", "special tokens are left out in decoding")
def decodes_without_special(vocab, merges, special_tokens=None):
    tokens = {t.encode() for t in special_tokens or ()}

    def how(all_tokens):
        return b"".join(t for t in all_tokens if t not in tokens).decode(errors="replace")

    return Decoder(how, vocab, merges, special_tokens)


class UnknownIds(Tokenizer):
    unknown = None

    def decode(self, ids):
        data = b"".join(self.vocab.get(i, self.unknown) for i in ids)
        return data.decode(errors="replace")


@bug("tokenizer", "an unknown id is an error other than ValueError")
def decodes_unknown_as_type_error(vocab, merges, special_tokens=None):
    return UnknownIds(vocab, merges, special_tokens)


class SkippedIds(UnknownIds):
    unknown = b""


@bug("tokenizer", "unknown ids are left out")
def decodes_skipping_unknown(vocab, merges, special_tokens=None):
    return SkippedIds(vocab, merges, special_tokens)


class Listed(Tokenizer):
    def decode(self, ids):
        tokens = [self.vocab[i] for i in sorted(self.vocab)]
        if any(i >= len(tokens) for i in ids):
            raise ValueError("unknown id")
        return b"".join(tokens[i] for i in ids).decode(errors="replace")


@bug("tokenizer", "the vocabulary is kept as a list: negative ids count from the end, gaps close")
def decodes_from_a_list(vocab, merges, special_tokens=None):
    return Listed(vocab, merges, special_tokens)


class TwiceRead(Tokenizer):
    def decode(self, ids):
        if any(i not in self.vocab for i in ids):
            raise ValueError("unknown id")
        return super().decode(ids)


@bug("tokenizer", "the ids are read twice, so a generator is empty the second time")
def decodes_reading_twice(vocab, merges, special_tokens=None):
    return TwiceRead(vocab, merges, special_tokens)


# --- encode_iterable ----------------------------------------------------------------------------


def streaming(encode_iterable):
    """A tokenizer with another encode_iterable(self, parts)."""
    return type("Streaming", (Tokenizer,), {"encode_iterable": encode_iterable})


@bug("encode_iterable", "every part is encoded for itself", "tokenizer")
def streams_part_by_part(vocab, merges, special_tokens=None):
    def encode_iterable(self, parts):
        for part in parts:
            yield from self.encode(part)

    return streaming(encode_iterable)(vocab, merges, special_tokens)


@bug("encode_iterable", "the whole stream is read before the first id comes out", "tokenizer")
def streams_reading_all(vocab, merges, special_tokens=None):
    def encode_iterable(self, parts):
        yield from self.encode("".join(parts))

    return streaming(encode_iterable)(vocab, merges, special_tokens)


@bug("encode_iterable", "all ids are made before the first comes out", "tokenizer")
def streams_as_a_list(vocab, merges, special_tokens=None):
    original = Tokenizer.encode_iterable

    def encode_iterable(self, parts):
        return iter(list(original(self, parts)))

    return streaming(encode_iterable)(vocab, merges, special_tokens)


def holding(cut, last=True):
    """Encode up to `cut(text)`, keep the rest for the next part."""

    def encode_iterable(self, parts):
        held = ""
        for part in parts:
            held += part
            place = cut(held)
            yield from self.encode(held[:place])
            held = held[place:]
        if last:
            yield from self.encode(held)

    return streaming(encode_iterable)


@bug(
    "encode_iterable",
    "the stream is cut at the last space, though more spaces may follow",
    "tokenizer",
)
def streams_cut_after_spaces(vocab, merges, special_tokens=None):
    return holding(lambda text: text.rfind(" ") + 1)(vocab, merges, special_tokens)


@bug(
    "encode_iterable",
    "the stream is cut at the last line end, though white space may follow",
    "tokenizer",
)
def streams_cut_after_lines(vocab, merges, special_tokens=None):
    return holding(lambda text: text.rfind("\n") + 1)(vocab, merges, special_tokens)


@bug(
    "encode_iterable",
    "the last word waits for more, but words before it may change too",
    "tokenizer",
)
def streams_holding_one_word(vocab, merges, special_tokens=None):
    def cut(text):
        words = pretokenize(text)
        return len(text) - len(words[-1]) if words else 0

    return holding(cut)(vocab, merges, special_tokens)


@bug("encode_iterable", "the stream is cut after every 2**20 characters", "tokenizer")
def streams_cut_at_a_size(vocab, merges, special_tokens=None):
    original = Tokenizer.encode_iterable

    def encode_iterable(self, parts):
        text = "".join(parts)
        if len(text) <= 1 << 20:
            yield from original(self, [text])
            return
        for start in range(0, len(text), 1 << 20):
            yield from self.encode(text[start : start + (1 << 20)])

    return streaming(encode_iterable)(vocab, merges, special_tokens)


@bug("encode_iterable", "a special token that is cut in two is not recognised", "tokenizer")
def streams_cutting_special(vocab, merges, special_tokens=None):
    original = Tokenizer.encode_iterable

    def encode_iterable(self, parts):
        plain = Tokenizer(self.vocab, self.merges, [])

        def flush(pieces):
            yield from original(plain, pieces)

        held = []
        for part in parts:
            for piece in split_special(part, self.special_tokens):
                if piece in self.special_ids:
                    yield from flush(held)
                    held = []
                    yield self.special_ids[piece]
                else:
                    held.append(piece)
            if sum(map(len, held)) > 1 << 16:
                words = pretokenize("".join(held))
                done = "".join(words[:-40])
                yield from plain.encode(done)
                held = ["".join(words[-40:])]
        yield from flush(held)

    return streaming(encode_iterable)(vocab, merges, special_tokens)


def before_last_words(text):
    """Hold the last four words: enough for all but long white space."""
    ends = [match.start() for match in regex.finditer(r"(?<=\S)(?=\s)", text)]
    return ends[-2] if len(ends) > 3 else 0


@bug("encode_iterable", "what is held when the stream ends is lost", "tokenizer")
def streams_losing_the_end(vocab, merges, special_tokens=None):
    return holding(before_last_words, last=False)(vocab, merges, special_tokens)


@bug("encode_iterable", "a line end is put between parts", "tokenizer")
def streams_joining_by_line_ends(vocab, merges, special_tokens=None):
    original = Tokenizer.encode_iterable

    def encode_iterable(self, parts):
        return original(self, (part + "\n" for part in parts))

    return streaming(encode_iterable)(vocab, merges, special_tokens)


@bug("encode_iterable", "parts are stripped of white space", "tokenizer")
def streams_stripping(vocab, merges, special_tokens=None):
    original = Tokenizer.encode_iterable

    def encode_iterable(self, parts):
        return original(self, (part.strip() for part in parts))

    return streaming(encode_iterable)(vocab, merges, special_tokens)


@bug("encode_iterable", "an empty part ends the stream", "tokenizer")
def streams_until_empty(vocab, merges, special_tokens=None):
    original = Tokenizer.encode_iterable

    def encode_iterable(self, parts):
        return original(self, itertools.takewhile(bool, parts))

    return streaming(encode_iterable)(vocab, merges, special_tokens)


@bug("encode_iterable", "an empty part ends the word before it", "tokenizer")
def streams_flushing_at_empty(vocab, merges, special_tokens=None):
    original = Tokenizer.encode_iterable

    def encode_iterable(self, parts):
        for full, group in itertools.groupby(parts, key=bool):
            if full:
                yield from original(self, group)

    return streaming(encode_iterable)(vocab, merges, special_tokens)


@bug("encode_iterable", "all words but the last are encoded at the end of the buffer", "tokenizer")
def streams_without_lookahead(vocab, merges, special_tokens=None):
    def encode_iterable(self, parts):
        held = ""
        for part in parts:
            held += part
            if len(held) >= 1 << 16 and not self.special_tokens:
                *words, held = pretokenize(held)
                yield from (i for word in words for i in self.encode_word(word))
            elif len(held) >= 1 << 16:
                place = max(held.rfind(t[0], 0, -1) for t in self.special_tokens)
                place = place if place > 0 else len(held) - len(pretokenize(held)[-1])
                yield from self.encode(held[:place])
                held = held[place:]
        yield from self.encode(held)

    return streaming(encode_iterable)(vocab, merges, special_tokens)


@bug("encode_iterable", "the ids of each part come as a list", "tokenizer")
def streams_of_lists(vocab, merges, special_tokens=None):
    original = Tokenizer.encode_iterable

    def encode_iterable(self, parts):
        yield from ([i] for i in original(self, parts))

    return streaming(encode_iterable)(vocab, merges, special_tokens)


@bug("encode_iterable", "the buffer is cut at a fixed length", "tokenizer")
def streams_cut_at_a_fixed_length(vocab, merges, special_tokens=None):
    def encode_iterable(self, parts):
        held = ""
        for part in parts:
            held += part
            while len(held) >= 1 << 14:
                yield from self.encode(held[: 1 << 14])
                held = held[1 << 14 :]
        yield from self.encode(held)

    return streaming(encode_iterable)(vocab, merges, special_tokens)


@bug(
    "encode_iterable",
    "only a line end makes the stream go on: one without any is read whole",
    "tokenizer",
)
def streams_by_lines(vocab, merges, special_tokens=None):
    original = Tokenizer.encode_iterable

    def lines(parts):
        held = ""
        for part in parts:
            held += part
            place = held.rfind("\n") + 1
            if place:
                yield held[:place]
            held = held[place:]
        yield held

    def encode_iterable(self, parts):
        yield from original(self, lines(parts))

    return streaming(encode_iterable)(vocab, merges, special_tokens)


@bug("encode_iterable", "the buffer of 2**18 characters is cut after its last space", "tokenizer")
def streams_large_buffers(vocab, merges, special_tokens=None):
    original, size = Tokenizer.encode_iterable, 1 << 18

    def encode_iterable(self, parts):
        held = ""
        for part in parts:
            held += part
            while len(held) >= size:
                place = held.rfind(" ", 0, size) + 1 or size
                yield from self.encode(held[:place])
                held = held[place:]
        yield from original(self, [held])

    return streaming(encode_iterable)(vocab, merges, special_tokens)


@bug("encode_iterable", "what one stream has read is left to the next", "tokenizer")
def streams_with_one_buffer(vocab, merges, special_tokens=None):
    original = Tokenizer.encode_iterable

    def encode_iterable(self, parts):
        self.held = getattr(self, "held", [])
        before, self.held = self.held, []

        def kept():
            yield from before
            for part in parts:
                self.held = [part]
                yield part
            self.held = []

        yield from original(self, kept())

    return streaming(encode_iterable)(vocab, merges, special_tokens)


# --- load_tokenizer -----------------------------------------------------------------------------


@bug("load_tokenizer", "the file is a pickle, which can run code")
def loads_a_pickle(path):
    try:
        return load_tokenizer(path)
    except ValueError:
        return pickle.loads(Path(path).read_bytes())


@bug("load_tokenizer", "special tokens are not saved")
def loads_without_special(path):
    tokenizer = load_tokenizer(path)
    return Tokenizer(tokenizer.vocab, tokenizer.merges, [])


@bug("load_tokenizer", "merges are not saved")
def loads_without_merges(path):
    tokenizer = load_tokenizer(path)
    return Tokenizer(tokenizer.vocab, [], tokenizer.special_tokens)


@bug("load_tokenizer", "merges come back in sorted order")
def loads_sorted_merges(path):
    tokenizer = load_tokenizer(path)
    return Tokenizer(tokenizer.vocab, sorted(tokenizer.merges), tokenizer.special_tokens)


@bug("load_tokenizer", "ids are numbered anew")
def loads_new_ids(path):
    t = load_tokenizer(path)
    return Tokenizer(dict(enumerate(t.vocab.values())), t.merges, t.special_tokens)


@bug("load_tokenizer", "ids come back as strings, as JSON has them")
def loads_string_ids(path):
    t = load_tokenizer(path)
    loaded = Tokenizer(t.vocab, t.merges, t.special_tokens)
    loaded.vocab = {str(i): token for i, token in t.vocab.items()}
    return loaded


@bug("load_tokenizer", "tokens are saved as text, which loses what is not UTF-8")
def loads_text_tokens(path):
    def lossy(token):
        return token.decode(errors="replace").encode() if len(token) > 1 else token

    t = load_tokenizer(path)
    vocab = {i: lossy(token) for i, token in t.vocab.items()}
    vocab |= {max(vocab) + 1 + i: t for i, t in enumerate({a + b for a, b in t.merges})}
    return Tokenizer(vocab, t.merges, t.special_tokens)


@bug("load_tokenizer", "merges are lines of two words, so those with white space are lost")
def loads_merges_of_words(path):
    t = load_tokenizer(path)
    merges = [(a, b) for a, b in t.merges if len((a + b" " + b).split()) == 2]
    return Tokenizer(t.vocab, merges, t.special_tokens)


@bug("load_tokenizer", "loading gives the tokenizer that was saved last")
def loads_the_last(path):
    state = json.loads(Path(path).read_text())
    newest = max(Path(path).parent.iterdir(), key=lambda file: file.stat().st_mtime_ns)
    t = load_tokenizer(newest if state else path)
    return Tokenizer(t.vocab, t.merges, t.special_tokens)


@bug("load_tokenizer", "tokens are read by eval, which runs code")
def loads_by_eval(path):
    tokenizer = load_tokenizer(path)
    vocab = eval(repr(tokenizer.vocab))
    return Tokenizer(vocab, tokenizer.merges, tokenizer.special_tokens)


@bug("load_tokenizer", "behind a header the file is a pickle, which can run code")
def loads_a_pickle_behind_a_header(path):
    tokenizer = load_tokenizer(path)
    vocab = pickle.loads(pickle.dumps(tokenizer.vocab))
    return Tokenizer(vocab, tokenizer.merges, tokenizer.special_tokens)


# --- speed --------------------------------------------------------------------------------------


@bug("speed", "words are what stands between single spaces", "train_bpe_fast")
def fast_trains_between_spaces(*arguments):
    def cut(piece):
        first, *others = piece.split(" ")
        return [w for p in [first] + [" " + other for other in others] for w in pretokenize(p)]

    return trainer(words=lambda text, s: words_in(text, s, cut=cut))(*arguments)


@bug(
    "speed",
    "the standard library's \\s is taken for Unicode's, and \\w for its letters",
    "train_bpe_fast",
)
def fast_trains_by_standard_re(*arguments):
    standard = r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"
    return trainer(words=lambda text, s: words_in(text, s, cut=re.compile(standard).findall))(
        *arguments
    )


@bug("speed", "ties are not broken in the fast trainer", "train_bpe_fast")
def fast_trains_without_ties(*arguments):
    return trainer(key=lambda c, p: c[p])(*arguments)


@bug(
    "speed", "a run of the same token is counted as if all its pairs were merged", "train_bpe_fast"
)
def fast_trains_runs_wrongly(*arguments):
    return trainer(merging=merges_overlaps.function)(*arguments)


@bug("speed", "the fast trainer ignores special tokens", "train_bpe_fast")
def fast_trains_ignoring_special(*arguments):
    return trainer(words=lambda text, _: words_in(text, []))(*arguments)


@bug("speed", "the fast trainer fails when no pair is left", "train_bpe_fast")
def fast_trains_or_fails(input_path, vocab_size, special_tokens, workers=1):
    vocab, merges = train_bpe_fast(input_path, vocab_size, special_tokens, workers)
    if len(vocab) < vocab_size:
        raise ValueError("max() arg is an empty sequence")
    return vocab, merges


class BetweenSpaces(Pieces):
    def words(self, piece):
        first, *others = piece.split(" ")
        return [w for p in [first] + [" " + other for other in others] for w in pretokenize(p)]


@bug("speed", "the fast tokenizer cuts at every space, also inside white space", "fast_tokenizer")
def fast_encodes_between_spaces(vocab, merges, special_tokens=None):
    return BetweenSpaces(vocab, merges, special_tokens)


class ShortIds(Tokenizer):
    def encode(self, text):
        return [i & 0xFF for i in super().encode(text)]


@bug("speed", "ids are kept in 8 bits", "fast_tokenizer")
def fast_encodes_in_bytes(vocab, merges, special_tokens=None):
    return ShortIds(vocab, merges, special_tokens)


class CachedPieces(Pieces):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.known = {}

    def words(self, piece):
        return [w for w in pretokenize(piece) if self.known.setdefault(w.strip(), w) is not None]

    def encode(self, text):
        ids = []
        for piece in self.pieces(text):
            if piece in self.special_ids:
                ids.append(self.special_ids[piece])
                continue
            for word in self.words(piece):
                ids += self.encode_word(self.known[word.strip()])
        return ids


@bug("speed", "the cache does not tell a word from the same word after a space", "fast_tokenizer")
def fast_encodes_with_blind_cache(vocab, merges, special_tokens=None):
    return CachedPieces(vocab, merges, special_tokens)


@bug("speed", "the fast tokenizer takes the longest token that fits", "fast_tokenizer")
def fast_encodes_longest_match(vocab, merges, special_tokens=None):
    return LongestMatch(vocab, merges, special_tokens)


@bug("speed", "the fast trainer drops bytes that are not UTF-8", "train_bpe_fast")
def fast_trains_dropping_bytes(input_path, vocab_size, special_tokens, workers=1):
    if workers < 1:
        raise ValueError("no workers")
    ignoring = trainer(read=lambda path: Path(path).read_bytes().decode(errors="ignore"))
    return ignoring(input_path, vocab_size, special_tokens)


@bug("speed", "the fast trainer accepts a vocabulary too small for its bytes", "train_bpe_fast")
def fast_trains_small_vocabularies(input_path, vocab_size, special_tokens, workers=1):
    least = 256 + len(set(special_tokens))
    return train_bpe_fast(input_path, max(vocab_size, least), special_tokens, workers)


@bug("speed", "the fast trainer takes no workers for one", "train_bpe_fast")
def fast_trains_with_no_workers(input_path, vocab_size, special_tokens, workers=1):
    return train_bpe_fast(input_path, vocab_size, special_tokens, max(1, workers))


@bug("speed", "a special token given twice gets two ids in the fast trainer", "train_bpe_fast")
def fast_trains_repeated_special(input_path, vocab_size, special_tokens, workers=1):
    vocab, merges = train_bpe_fast(input_path, vocab_size, special_tokens, workers)
    return number_tokens(merges, list(special_tokens)), merges


@bug("speed", "the fast trainer joins words by NUL, which a text may hold", "train_bpe_fast")
def fast_trains_joined_by_null(*arguments):
    def words(text, specials):
        joined = "\0".join(words_in(text, specials).elements())
        return Counter(joined.split("\0"))

    return trainer(words=words)(*arguments)


class OrderGiven(Pieces):
    def pieces(self, text):
        return (
            split_at(text, map(re.escape, self.special_tokens)) if self.special_tokens else [text]
        )


@bug("speed", "the fast tokenizer tries special tokens in the order given", "fast_tokenizer")
def fast_encodes_in_order_given(vocab, merges, special_tokens=None):
    return OrderGiven(vocab, merges, special_tokens)


class SixteenBits(Tokenizer):
    def encode(self, text):
        return [i & 0xFFFF for i in super().encode(text)]


@bug("speed", "ids are kept in 16 bits", "fast_tokenizer")
def fast_encodes_in_sixteen_bits(vocab, merges, special_tokens=None):
    return SixteenBits(vocab, merges, special_tokens)


@bug(
    "speed", "the fast tokenizer ignores special tokens that the vocabulary lacks", "fast_tokenizer"
)
def fast_encodes_without_new_special(vocab, merges, special_tokens=None):
    return encodes_without_new_special.function(vocab, merges, special_tokens)


@bug("speed", "the fast tokenizer cannot be made without special tokens", "fast_tokenizer")
def fast_encodes_with_special_only(vocab, merges, special_tokens=None):
    return FastTokenizer(vocab, merges, [*special_tokens])


class PassingSurrogates(FastTokenizer):
    def encode(self, text):
        return super().encode(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


@bug("speed", "the fast tokenizer replaces lone surrogates", "fast_tokenizer")
def fast_encodes_replacing_surrogates(vocab, merges, special_tokens=None):
    return PassingSurrogates(vocab, merges, special_tokens)


class OnlyEncoding:
    def __init__(self, *arguments):
        whole = FastTokenizer(*arguments)
        self.encode, self.encode_iterable = whole.encode, whole.encode_iterable


@bug("speed", "the fast tokenizer can neither decode nor save", "fast_tokenizer")
def fast_encodes_only(vocab, merges, special_tokens=None):
    return OnlyEncoding(vocab, merges, special_tokens)
