"""Hidden tests of ch06_tokenization: the public properties at other texts, edges and limits."""

from array import array
from collections import Counter
from io import BytesIO

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kit.compare import assert_equal, raises
from kit.given.stories import corpus
from kit.stopwatch import ROUNDS
from tests.ch06_tokenization.checks import (
    END,
    HUGS,
    check_chunks,
    check_merges,
    check_trained,
    check_training,
    hf_train,
    merged,
    pieces_of,
    random_text,
    shuffled,
    slow_encode,
    slow_train,
    texts,
    tiktoken_ids,
    words_of,
)

BYTES = {i: bytes([i]) for i in range(256)}
RUN_CODE = ("_pickle.", "pickle.", "marshal.")  # the modules whose readers may

# --- utf8 ---------------------------------------------------------------------------------------


@pytest.mark.problem("utf8")
@pytest.mark.parametrize(
    "code", [0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFEFF, 0xFFFF, 0x10000]
)
def test_the_edges_of_each_length(student, code):
    """The first and last code point of each length."""
    text = chr(code) + chr(0x10FFFF)
    assert_equal(student.utf8_encode(text), text.encode(), f"the length of U+{code:04X} is wrong")
    assert_equal(student.utf8_decode(text.encode()), text, f"U+{code:04X} is not decoded")


@pytest.mark.problem("utf8")
@pytest.mark.parametrize("text", ["a\ud800", "a\udbff", "a\udc00", "a\udfff", "\ud83d\ude80"])
def test_surrogates_have_no_encoding(student, text):
    """A surrogate is half of a UTF-16 pair, not a character, nor are two of them: ValueError."""
    with pytest.raises(ValueError):
        student.utf8_encode(text)


ILL_FORMED = {
    "a byte that begins nothing": b"a\x80b",
    "a byte that never occurs": b"a\xffb",
    "overlong, two bytes": b"\xc0\xaf\xc1\xbf",
    "overlong, three bytes": b"\xe0\x80\xaf",
    "overlong, four bytes": b"\xf0\x80\x80\xaf",
    "a surrogate": b"\xed\xa0\x80\xed\xbf\xbf",
    "beyond U+10FFFF": b"\xf4\x90\x80\x80\xf5\x80\x80\x80",
    "cut short by a letter": b"\xf0\x9f\x9aA\xe6\xb0B\xc3C",
    "cut short by a new character": b"\xf0\x9f\xe6\xb0\xb4",
    "cut short by the end": b"A\xf0\x9f\x9a",
}


@pytest.mark.problem("utf8")
@pytest.mark.parametrize("what", ILL_FORMED)
def test_ill_formed_bytes(student, what):
    """Each maximal broken part becomes one U+FFFD; strictly, it is an error."""
    data = ILL_FORMED[what]
    got = student.utf8_decode(data, errors="replace")
    why = f"{what}: one U+FFFD for each maximal part that cannot be continued"
    assert_equal(got, data.decode("utf-8", errors="replace"), why)
    with pytest.raises(ValueError):
        student.utf8_decode(data)


@pytest.mark.problem("utf8")
@given(
    data=st.lists(
        st.sampled_from(
            [*b"a\x80\x8f\x90\x9f\xa0\xbf\xc0\xc2\xdf\xe0\xe1\xed\xef\xf0\xf1\xf4\xf5"]
        ),
        max_size=12,
    ).map(bytes)
)
def test_any_bytes_are_replaced_as_python_does(student, data):
    """Random lead and continuation bytes."""
    got = student.utf8_decode(data, errors="replace")
    assert_equal(got, data.decode("utf-8", errors="replace"), "maximal subparts were not kept")


@pytest.mark.problem("utf8")
def test_unknown_ways_to_handle_errors(student):
    """What is neither "strict" nor "replace" is refused."""
    with pytest.raises(ValueError):
        student.utf8_decode(b"abc", errors="igno")


# --- pretokenize --------------------------------------------------------------------------------


@pytest.mark.problem("pretokenize")
@pytest.mark.parametrize(
    "text",
    ["  two  spaces ", "tab\t tab", "a\r\n\r\nb\n", "x\n\n  y", "end \n", " \u00a0é", "\x1c\x85a"],
)
def test_white_space_is_kept(student, text):
    """Of several white spaces the last one goes to the next word, if it is a space."""
    assert_equal(student.pretokenize(text), words_of(text), "white space is cut elsewhere")


@pytest.mark.problem("pretokenize")
@pytest.mark.parametrize(
    "text", ["日本語のテキスト", "Ünïcode naïve", "x² ½ ٣٤", "👩\u200d🚀 e\u0301", "_a_"]
)
def test_letters_and_digits_are_unicodes(student, text):
    """Letters and digits of any script; a combining mark is neither; _ is punctuation."""
    assert_equal(student.pretokenize(text), words_of(text), r"\w or [A-Za-z] is not \p{L}")


@pytest.mark.problem("pretokenize")
@pytest.mark.parametrize("text", ["don't I'LL we've'd 's", "'tis they'rest it's's", "it’s"])
def test_contractions(student, text):
    """'s, 'd, 'm, 't, 'll, 've and 're, in lower case only."""
    assert_equal(student.pretokenize(text), words_of(text), "contractions are cut elsewhere")


@pytest.mark.problem("pretokenize")
@given(text=texts)
def test_words_are_gpt4s(student, text):
    """GPT-4's pattern, read by another regular expression engine."""
    got = student.pretokenize(text, "gpt4")
    assert_equal(got, words_of(text, "gpt4"), "the words differ from GPT-4's")


@pytest.mark.problem("pretokenize")
def test_gpt4_differs_from_gpt2(student):
    """GPT-4 takes at most three digits, one sign before a word, and capital contractions."""
    got = student.pretokenize("IT'S we'REal 12345 (maybe)!\n\nx\n  ", "gpt4")
    want = [
        "IT",
        "'S",
        " we",
        "'RE",
        "al",
        " ",
        "123",
        "45",
        " (",
        "maybe",
        ")!\n\n",
        "x",
        "\n",
        "  ",
    ]
    assert_equal(got, want, "this is not GPT-4's pattern")


@pytest.mark.problem("pretokenize")
def test_edges_of_pretokenize(student):
    """An empty text has no words, and an unknown pattern is refused."""
    assert_equal(student.pretokenize(""), [], "no words")
    with pytest.raises(ValueError):
        student.pretokenize("text", "gpt3")


SPECIALS = {
    "overlapping": ("a<|e|><|e|>b<|e|>", ["<|e|>", "<|e|><|e|>"]),
    "overlapping, longest given first": ("a<|e|><|e|>b<|e|>", ["<|e|><|e|>", "<|e|>"]),
    "regex characters": ("a.b*c[x]|d|.", ["*", "[x]", "|", "."]),
    "from left to right": ("abcbc", ["bc", "ab"]),
    "a prefix of another": ("abab abc", ["ab", "abc"]),
    "only special tokens": ("<s><s>", ["<s>"]),
    "none in the text": ("nothing <here", ["<here>"]),
    "none at all": ("as it is", []),
    "a backslash and a hat": ("a\\d^b", ["\\d", "^"]),
    "spaces and line ends": ("a b\nc", [" b", "\n"]),
}


@pytest.mark.problem("pretokenize")
@pytest.mark.parametrize("what", SPECIALS)
def test_splitting_at_special_tokens(student, what):
    """Leftmost first, then longest; special tokens are plain text."""
    text, specials = SPECIALS[what]
    got = student.split_special(text, specials)
    assert_equal(got, pieces_of(text, specials), f"special tokens: {what}")


@pytest.mark.problem("pretokenize")
def test_edges_of_split_special(student):
    """An empty text has no pieces, and an empty special token is refused."""
    assert_equal(student.split_special("", ["<s>"]), [], "no piece is empty")
    with pytest.raises(ValueError):
        student.split_special("text", ["<s>", ""])


# --- merge --------------------------------------------------------------------------------------


@pytest.mark.problem("merge")
@given(data=st.data())
def test_counts_of_any_sequences(student, data):
    """All neighbours inside a sequence, weighed by its frequency; none between sequences."""
    ids = st.lists(st.integers(0, 3), max_size=7)
    sequences = data.draw(st.lists(ids, max_size=4))
    frequencies = [data.draw(st.integers(1, 5)) for _ in sequences]
    want: dict = {}
    for sequence, n in zip(sequences, frequencies, strict=True):
        for i in range(len(sequence) - 1):
            pair = (sequence[i], sequence[i + 1])
            want[pair] = want.get(pair, 0) + n
    got = student.count_pairs(sequences, frequencies)
    assert_equal(got, want, "each pair inside a sequence counts as often as the sequence")


TIES = {
    "the second token decides": ({(97, 98): 5, (97, 99): 5}, (97, 99)),
    "a longer token beats its beginning": ({(97, 98): 5, (256, 97): 5}, (256, 97)),
    "bytes beyond ASCII are greatest": ({(122, 122): 5, (0xC3, 0xA9): 5}, (0xC3, 0xA9)),
    "a control character is smaller than a letter": ({(65, 65): 5, (10, 65): 5}, (65, 65)),
    "a space is smaller than an exclamation mark": ({(33, 97): 1, (32, 122): 1}, (33, 97)),
    "a later id may be smaller": ({(257, 98): 7, (98, 97): 7}, (98, 97)),
    "pairs are compared token by token": ({(97, 98): 3, (256, 10): 3}, (256, 10)),
    "joined bytes do not matter": ({(97, 258): 3, (256, 97): 3}, (256, 97)),
    "a count beats all bytes": ({(255, 255): 8, (0, 0): 9}, (0, 0)),
}


@pytest.mark.problem("merge")
@pytest.mark.parametrize("what", TIES)
def test_ties(student, what):
    """The greatest pair of byte strings, compared as Python compares tuples of bytes."""
    counts, want = TIES[what]
    vocab = BYTES | {256: b"ab", 257: b"\x00a", 258: b"bz"}
    assert_equal(student.best_pair(counts, vocab), want, f"ties: {what}")
    backwards = dict(reversed(counts.items()))
    assert_equal(student.best_pair(backwards, vocab), want, "the order of the dict decided")


@pytest.mark.problem("merge")
def test_no_pair_is_an_error(student):
    """Nothing can be chosen from nothing: ValueError."""
    with pytest.raises(ValueError):
        student.best_pair({}, BYTES)


@pytest.mark.problem("merge")
@given(ids=st.lists(st.integers(0, 1), max_size=12), pair=st.tuples(*[st.integers(0, 1)] * 2))
def test_merge_of_runs(student, ids, pair):
    """Runs of equal ids are merged from the left; the new id may be one that occurs."""
    assert_equal(student.merge(ids, pair, 2), merged(ids, pair, 2), "from left to right")
    assert_equal(student.merge(ids, pair, 1), merged(ids, pair, 1), "a new id was merged again")


@pytest.mark.problem("merge")
def test_sequences_are_left_alone(student):
    """Neither counting nor merging changes its argument."""
    after = student.run("arguments_after", [[1, 2, 1, 2], [2]], [2, 1], (1, 2))
    assert_equal(after, [[1, 2, 1, 2], [2]], "a sequence was changed in place")


# --- train_bpe ----------------------------------------------------------------------------------


@pytest.mark.problem("train_bpe")
def test_training_on_random_words(student, rng):
    """Hundreds of merges of words that share pairs, overlap and tie."""
    data = random_text(rng, 400).encode()
    check_training(student, data, 420, [], "neighbours of a merged pair must be counted anew")


@pytest.mark.problem("train_bpe")
@pytest.mark.parametrize("letters", ["a", "ab", "aé水"])
def test_training_on_repetitions(student, rng, letters):
    """Runs such as aaaaa: pairs overlap, and a merge uses each token once."""
    data = random_text(rng, 60, letters).encode()
    check_training(student, data, 330, [], "a run of one letter was counted or merged wrongly")


@pytest.mark.problem("train_bpe")
def test_training_on_stories(student):
    """A real text with two special tokens."""
    data = corpus(10_000, seed=11).encode()
    check_training(student, data, 350, ["<pad>", END], "merges of the given stories")


@pytest.mark.problem("train_bpe")
def test_training_agrees_with_hugging_face(student):
    """Where no two pairs tie, Hugging Face's trainer makes the same tokens in the same order."""
    text = "ab " * 90 + "abc " * 50 + "abcd " * 20 + "abcde " * 9
    vocab, merges = student.run("train", text.encode(), 261, [])
    got = [left + right for left, right in merges]
    assert_equal(got, hf_train(text, 261), "Hugging Face's trainer learns other merges")
    check_trained((vocab, merges), slow_train(text.encode(), 261, []), "merges in another order")


@pytest.mark.problem("train_bpe")
def test_ties_go_to_the_greatest_bytes(student):
    """Ties are broken by bytes: not by ids, printable stand-ins, or the order of the text."""
    data = "zy yz \x01\x02 éé ¡¡ ab ba\n\n\t\t AA".encode()
    why = "among equally frequent pairs the greatest bytes win"
    check_training(student, data, 290, [], why)


@pytest.mark.problem("train_bpe")
@pytest.mark.parametrize("text", ["é ü", "é水"])
def test_ties_are_broken_by_bytes_that_are_no_text(student, text):
    """Tokens are compared as bytes: half a character has no text to compare."""
    check_training(student, text.encode(), 258, [], "halves of characters look alike as text")


@pytest.mark.problem("train_bpe")
def test_special_tokens_are_cut_from_left_to_right(student):
    """What stands first is cut out first, though a longer special token begins inside it."""
    why = "special tokens are matched from left to right, not one after the other"
    check_training(student, b"abcd", 259, ["ab", "bcd"], why)


@pytest.mark.problem("train_bpe")
def test_a_special_token_given_twice_takes_one_id(student):
    """vocab_size has to hold every special token once."""
    check_training(student, b"ab", 257, [END], "one special token, one id")
    got = student.run("train", b"ab", 257, [END, END])
    check_trained(got, slow_train(b"ab", 257, [END]), "a special token given twice counts once")


@pytest.mark.problem("train_bpe")
def test_surrogates_are_not_utf8(student):
    """A file with an encoded surrogate is broken."""
    with raises(ValueError, "a surrogate in a file is not UTF-8"):
        student.run("train", b"a\xed\xa0\x80", 260, [])


@pytest.mark.problem("train_bpe")
@pytest.mark.parametrize(
    "specials",
    [["<|e|>", "<|e|><|e|>"], ["a+", "."], ["<s>", "</s>", "<s>"], ["é"], ["ab", "abc"], ["|"]],
)
def test_special_tokens_never_take_part(student, specials):
    """Several, overlapping, with regex characters, given twice: none is counted or merged."""
    text = "".join(f"ab{t}ab cd{t}{t}a+b.c abcd é" for t in specials) * 3
    distinct = list(dict.fromkeys(specials))
    got = student.run("train", text.encode(), 275, specials)
    why = "special tokens are cut out first, as plain text, the longest first"
    check_trained(got, slow_train(text.encode(), 275, distinct), why)


@pytest.mark.problem("train_bpe")
def test_documents_do_not_touch(student):
    """What stands before and after a special token is not one word."""
    data = f"ab{END}ab{END}ba{END}ba{END}a".encode()
    check_training(student, data, 262, [END], "a pair was counted across a special token")


@pytest.mark.problem("train_bpe")
@pytest.mark.parametrize("data", [b"", b"a", b"a b c", f"{END}{END}".encode()])
def test_texts_without_pairs(student, data):
    """An empty file, or words of one byte each, teach no or few merges, and are no error."""
    check_training(student, data, 300, [END], "bytes and special tokens are all there is")


@pytest.mark.problem("train_bpe")
def test_no_room_for_merges(student):
    """256 and the special tokens fit exactly: no merges."""
    check_training(student, HUGS, 258, [END, "<pad>"], "vocab_size counts special tokens too")


@pytest.mark.problem("train_bpe")
@pytest.mark.parametrize("vocab_size, specials", [(255, []), (256, [END]), (0, []), (-1, [])])
def test_vocabularies_that_are_too_small(student, vocab_size, specials):
    """Fewer ids than bytes and special tokens is a ValueError."""
    with pytest.raises(ValueError):
        student.run("train", HUGS, vocab_size, specials)


@pytest.mark.problem("train_bpe")
def test_files_that_are_not_utf8(student):
    """Broken bytes are reported, not dropped: a file in Latin-1 is a mistake of the caller."""
    with pytest.raises(ValueError):
        student.run("train", b"caf\xe9 au lait", 260, [])


@pytest.mark.problem("train_bpe")
@pytest.mark.parametrize("workers", [2, 3, 5])
def test_any_number_of_workers(student, rng, workers):
    """More processes than documents, a document longer than the others, several special tokens."""
    documents = [random_text(rng, n, "abé水") for n in (60, 2, 9)]
    data = "<s>".join(documents + ["x" + END + "y"]).encode()
    why = f"with {workers} processes the merges differ"
    check_training(student, data, 320, [END, "<s>"], why, workers=workers)


@pytest.mark.problem("train_bpe")
@pytest.mark.parametrize(
    "data, specials",
    [
        (b"a\n\n\n\n\n\nb" * 9, []),
        (b"a" + b" " * 40 + b"b", []),
        (b"xabcx" * 9, ["bc", "ab"]),
        (b"ab c|\n|ab" * 6, ["|\n|"]),
    ],
)
def test_workers_cut_where_no_word_is(student, data, specials):
    """Runs of white space are one word, and special tokens may hold or overlap anything."""
    why = "a worker's chunk begins inside a word or a special token"
    for workers in (2, 3, 4, 5):
        check_training(student, data, 270, specials, why, workers=workers)


@pytest.mark.problem("train_bpe")
def test_counts_of_workers_add_up(student):
    """A pair that is rare in each chunk may be frequent in all of them together."""
    data = f"aa aa bc{END}dd dd bc{END}ee ee bc{END}ff ff bc{END}".encode()
    why = "the counts of several chunks must be added"
    for workers in (2, 4):
        check_training(student, data, 258, [END], why, workers=workers)


@pytest.mark.problem("train_bpe")
def test_workers_without_special_tokens(student, rng):
    """Where a text cannot be cut, several processes still give the same merges."""
    data = random_text(rng, 80).encode()
    check_training(student, data, 300, [], "the text was cut within a word", workers=3)


@pytest.mark.problem("train_bpe")
@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers(student, workers):
    """Nobody to do the work is a ValueError."""
    with pytest.raises(ValueError):
        student.run("train", HUGS, 260, [], workers=workers)


@pytest.mark.problem("train_bpe")
def test_words_and_tokens_of_any_length(student):
    """A word of thousands of bytes counts whole, and its tokens double until it is one."""
    data = b"ab" * 2048 + b"ba" * 999 + b" \0a\0a" * 4
    check_training(student, data, 280, [], "a long word was cut, or a long token not made")


@pytest.mark.problem("train_bpe")
def test_training_leaves_its_special_tokens(student):
    """The caller's list keeps its order, whatever order is best for matching."""
    after = student.run("specials_after", HUGS, 259, ["<s>", "<pad>", "<s>"])
    assert_equal(after, ["<s>", "<pad>", "<s>"], "the list of special tokens was changed in place")


# --- chunk_boundaries ---------------------------------------------------------------------------


@pytest.mark.problem("chunk_boundaries")
@given(
    text=st.text(alphabet="ab<>é", max_size=40),
    chunks=st.integers(1, 6),
    specials=st.sampled_from([["<>"], ["ab", "b<"], ["<<"], ["<", "<>"], ["é"], ["a<", "<b", "b"]]),
)
def test_chunks_split_like_the_whole(student, text, chunks, specials):
    """Also where special tokens overlap, contain each other, or are a single character."""
    check_chunks(student, text.encode() or b"a", chunks, specials)


@pytest.mark.problem("chunk_boundaries")
@pytest.mark.parametrize("chunks", [2, 3, 7])
def test_chunks_are_even(student, rng, chunks):
    """Many short documents give as many chunks as are asked for, none twice as long as it should."""
    data = "".join(random_text(rng, 8, "水é") + END for _ in range(150)).encode()
    cuts = check_chunks(student, data, chunks, [END])
    longest = max(b - a for a, b in zip(cuts, cuts[1:], strict=False))
    assert longest < 2 * len(data) / chunks, f"{chunks} chunks should be about even, got {cuts}"


@pytest.mark.problem("chunk_boundaries")
def test_any_special_token_may_end_a_chunk(student):
    """The second special token is as good a place to cut as the first."""
    data = b"one two three<b>" * 20
    cuts = check_chunks(student, data, 4, ["<a>", "<b>"])
    assert len(cuts) > 3, f"<b> stands often enough for four chunks, got {cuts}"


@pytest.mark.problem("chunk_boundaries")
def test_special_tokens_that_reach_across(student):
    """A cut may not fall where another special token goes on."""
    check_chunks(student, b"xabcx" * 9, 4, ["bc", "ab"])
    check_chunks(student, b"aaa" * 9, 5, ["aa"])


@pytest.mark.problem("chunk_boundaries")
@pytest.mark.parametrize(
    "specials", [["<", "<>"], ["<>", ">"], ["<", ">"], ["a<>b", "<>"], ["<>b", ">b"], ["b", "b<"]]
)
def test_special_tokens_inside_others(student, specials):
    """A special token may begin, end, or lie within another one: then it is no place to cut."""
    for chunks in (2, 3, 7):
        check_chunks(student, b"a<>b" * 9, chunks, specials)


@pytest.mark.problem("chunk_boundaries")
def test_chunks_of_a_mapped_file(student):
    """A read-only mmap has fewer methods than bytes: no decode, count, split or startswith."""
    data = f"one{END}two".encode() * 9
    cuts = student.run("mapped_boundaries", data, 3, [END])
    assert_equal(cuts, student.chunk_boundaries(data, 3, [END]), "an mmap is cut elsewhere")


@pytest.mark.problem("chunk_boundaries")
@pytest.mark.parametrize("chunks", [0, -2])
def test_no_chunks(student, chunks):
    """There is at least one chunk: ValueError."""
    with pytest.raises(ValueError):
        student.chunk_boundaries(b"text", chunks, [END])


# --- tokenizer ----------------------------------------------------------------------------------


WHITE = "  \n    x\n\n\t\t  y \r\n\r\n" * 40  # teaches merges of white space


def stories_model(specials: tuple[str, ...] = (END,)):
    return slow_train((corpus(6_000, seed=5) + WHITE).encode(), 330, list(specials))


@pytest.mark.problem("tokenizer")
def test_ids_of_stories_are_tiktokens(student):
    """tiktoken, with the same merges, gives the same ids on a text it was not trained on."""
    vocab, merges = stories_model()
    text = corpus(8_000, seed=6) + "日本語 naïve cafe\u0301\r\n\r\n  👩\u200d🚀 12345!?"
    [ids] = student.run("encode", vocab, merges, [END], [text])
    assert_equal(ids, tiktoken_ids(text, vocab, merges, [END]), "tiktoken gives other ids")


@pytest.mark.problem("tokenizer")
@given(text=texts)
def test_ids_of_any_text(student, text):
    """Going through all merges in order, each over the whole word, gives the same ids."""
    vocab, merges = stories_model()
    [ids] = student.run("encode", vocab, merges, [END], [text])
    assert_equal(ids, slow_encode(text, vocab, merges, [END]), "merges apply in their order")


@pytest.mark.problem("tokenizer")
def test_ids_are_those_of_the_vocabulary(student, rng):
    """Ids may be in any order and have gaps: GPT-2's bytes are not 0 to 255 either."""
    vocab, merges = stories_model()
    vocab = shuffled(vocab, rng)
    text = corpus(1_500, seed=8) + "é水"
    [ids] = student.run("encode", vocab, merges, [END], [text])
    why = "the rank of a merge is its place among the merges, not its id"
    assert_equal(ids, tiktoken_ids(text, vocab, merges, [END]), why)
    [decoded] = student.run("decode", vocab, merges, [END], [ids])
    assert_equal(decoded, text, "ids are looked up in vocab")


@pytest.mark.problem("tokenizer")
@pytest.mark.parametrize("what", SPECIALS)
def test_special_tokens_in_a_text(student, what):
    """Several, overlapping, with regex characters: each is one id."""
    text, specials = SPECIALS[what]
    vocab = BYTES | {256 + i: t.encode() for i, t in enumerate(s for s in specials if len(s) > 1)}
    specials = [s for s in specials if len(s) > 1]
    [ids] = student.run("encode", vocab, [], specials, [text])
    assert_equal(ids, slow_encode(text, vocab, [], specials), f"special tokens: {what}")


@pytest.mark.problem("tokenizer")
def test_special_tokens_that_the_vocabulary_lacks(student):
    """They get the ids after the largest, in the order given."""
    vocab = {i + 5: bytes([i]) for i in range(256)} | {900: b"ab", 400: b"<pad>"}
    [ids] = student.run(
        "encode", vocab, [(b"a", b"b")], ["<x>", "<pad>", "<yy>", "<x>"], ["ab<yy><x><pad>"]
    )
    assert_equal(ids, [900, 902, 901, 400], "<x> is 901, <yy> 902; <pad> keeps its id")
    [text] = student.run("decode", vocab, [(b"a", b"b")], ["<x>", "<yy>"], [[902, 900]])
    assert_equal(text, "<yy>ab", "the new ids can be decoded")


@pytest.mark.problem("tokenizer")
@pytest.mark.parametrize("specials", [None, []])
def test_without_special_tokens(student, specials):
    """What is not declared special is plain text, also if the vocabulary holds it."""
    vocab, merges = slow_train(HUGS, 263, [END, "bye"])
    [ids] = student.run("encode", vocab, merges, specials, [f"hug{END}bye"])
    assert_equal(ids, [257, *f"{END}bye".encode()], "no text is special unless it is declared so")


@pytest.mark.problem("tokenizer")
def test_line_ends_are_kept(student):
    """\\r\\n is two bytes, encoded and decoded."""
    vocab, merges = slow_train(b"a\r\n\r\nb\r\n\r\nc", 260, [])
    text = "\ufeffa\r\nb\n\r\r\n\r\n c\r"  # a byte order mark is a character like any other
    [ids] = student.run("encode", vocab, merges, [], [text])
    assert_equal(ids, slow_encode(text, vocab, merges, []), "line ends were changed")
    assert_equal(student.run("decode", vocab, merges, [], [ids]), [text], "line ends were changed")


@pytest.mark.problem("tokenizer")
def test_merges_stay_inside_words(student):
    """A pair that reaches from one word into the next is not merged."""
    vocab = BYTES | {256: b"s ", 257: b"! ", 258: b"\n\n", 259: b"1a"}
    merges = [(b"s", b" "), (b"!", b" "), (b"\n", b"\n"), (b"1", b"a")]
    [ids] = student.run("encode", vocab, merges, [], ["is it! 1a\n\nb"])
    assert_equal(ids, [*b"is it! 1a\n\nb"], "a merge reached across two words")
    [ids] = student.run("encode", BYTES | {256: b"\xa9a"}, [(b"\xa9", b"a")], [], ["éa"])
    assert_equal(ids, [0xC3, 256], "é and a are one word: letters are those of Unicode")


@pytest.mark.problem("tokenizer")
def test_a_merge_is_made_everywhere_in_a_word(student):
    """Each merge goes through the whole word from left to right; overlaps are merged once."""
    vocab, merges = slow_train(b"aaaa aaaaaa abab ababab", 264, [])
    words = ["aaaaa", "aaa", "ababa", "aabaab", "a" * 13, "ab" * 7]
    ids = student.run("encode", vocab, merges, [], words)
    want = [slow_encode(word, vocab, merges, []) for word in words]
    assert_equal(ids, want, "a merge was not made everywhere, or not from the left")


@pytest.mark.problem("tokenizer")
def test_empty_texts(student):
    """No text has no ids, and no ids have no text."""
    assert_equal(student.run("encode", BYTES, [], [END], [""]), [[]], "no ids")
    assert_equal(student.run("decode", BYTES, [], [END], [[]]), [""], "no text")


@pytest.mark.problem("tokenizer")
def test_lone_surrogates_are_an_error(student):
    """Half a UTF-16 pair is no character: ValueError."""
    with pytest.raises(ValueError):
        student.run("encode", BYTES, [], [], ["a\ud83d"])


@pytest.mark.problem("tokenizer")
@given(data=st.lists(st.sampled_from(b"ab\xc3\xa9\xe6\xb0\xb4\xf0\x9f\x80\xff"), max_size=9))
def test_any_bytes_decode(student, data):
    """Invalid bytes become U+FFFD, in the joined string and not token by token."""
    [text] = student.run("decode", BYTES, [], [], [data])
    want = bytes(data).decode("utf-8", errors="replace")
    assert_equal(text, want, "join all bytes, then decode with errors='replace'")


@pytest.mark.problem("tokenizer")
@pytest.mark.parametrize("i", [300, -1, 257])
def test_unknown_ids_are_an_error(student, i):
    """An id that the vocabulary lacks is a ValueError."""
    with pytest.raises(ValueError):
        student.run("decode", BYTES | {256: b"ab"}, [], [], [[97, i]])


@pytest.mark.problem("tokenizer")
def test_decode_takes_any_iterable(student):
    """Ids may come from a generator."""
    text = student.run("decode_generator", BYTES, [], [], [0xC3, 0xA9, 97])
    assert_equal(text, "éa", "ids may be read once")


@pytest.mark.problem("tokenizer")
def test_tokenizers_are_independent(student):
    """A second tokenizer changes nothing in the first, nor do they change what they were given."""
    vocab, merges = slow_train(HUGS, 261, [])
    specials = ["<x>", "<longer>"]
    before, after, *given = student.run("two_tokenizers", vocab, merges, specials, "hug pugs")
    assert_equal(after, before, "tokenizers share state")
    why = "what was passed in has been changed: the vocabulary, the merges or the special tokens"
    assert_equal(given, [vocab, merges, specials], why)


# --- encode_iterable ----------------------------------------------------------------------------


@pytest.mark.problem("encode_iterable")
@given(text=texts, size=st.integers(1, 5))
def test_any_text_in_parts(student, text, size):
    """Contractions, special tokens and white space may be cut anywhere."""
    specials = ["<|>", "<|", "AB", "AB'ré"]
    vocab, merges = stories_model(tuple(specials))
    parts = [text[i : i + size] for i in range(0, len(text), size)]
    got = student.run("stream", vocab, merges, specials, parts)
    why = "a token that reaches from one part into the next was cut"
    assert_equal(got, slow_encode(text, vocab, merges, specials), why)


@pytest.mark.problem("encode_iterable")
@pytest.mark.parametrize("size", [1, 2, 3, 100, 70_000])
def test_long_streams(student, size):
    """Larger than any buffer: words, line ends and special tokens fall on the edge of one."""
    vocab, merges = stories_model()
    text = (corpus(3_000, seed=9) + "we're  \n\n\n it's<|endof 日本語\r\n") * (
        24 if size > 3 else 1
    )
    parts = [text[i : i + size] for i in range(0, len(text), size)]
    got = student.run("stream", vocab, merges, [END], parts)
    why = "a token was cut at the edge of a part or buffer"
    assert_equal(got, tiktoken_ids(text, vocab, merges, [END]), why)


@pytest.mark.problem("encode_iterable")
@pytest.mark.parametrize("unit", ["'re", END, "a \n ", " 've", "ab<|end "])
def test_every_edge_of_a_buffer(student, unit):
    """However long the buffer is, one of these texts has each place of the unit at its end."""
    specials = [END]
    merges = [(b"r", b"e"), (b"'", b"re"), (b" ", b"\n"), (b"v", b"e"), (b"'", b"ve"), (b"a", b"b")]
    tokens = [a + b for a, b in merges] + [token.encode() for token in specials]
    vocab = BYTES | dict(enumerate(tokens, 256))
    for shift in range(len(unit)):
        text = "x" * shift + unit * (70_000 // len(unit))
        parts = [text[i : i + 1024] for i in range(0, len(text), 1024)]
        got = student.run("stream", vocab, merges, specials, parts)
        why = "what the next part might still change was encoded at the edge of a buffer"
        assert_equal(got, tiktoken_ids(text, vocab, merges, specials), why)


@pytest.mark.problem("encode_iterable")
@pytest.mark.parametrize("line", ["once upon a time ", "a,b;c:\n", "\n"])
def test_streams_are_not_read_ahead(student, line):
    """The first ids come out before much more than they stand for has been read.

    White space of any kind will do. A stream that is read no further leaves nothing for the next.
    """
    if line == "\n":
        line = "\n" * 40 + "word"
    line *= 4096 // len(line)
    first, read, others = student.run("read_ahead", BYTES, [], [END], line, 1 << 20)
    assert first is not None, f"{read} characters were read, and still no id came out"
    assert_equal(first, ord(line[0]), "the first id is that of the first byte")
    assert_equal(others, [*b"ab"], "a stream began with what another had read")


@pytest.mark.problem("encode_iterable")
@pytest.mark.parametrize("shift", [0, 1, 2])
def test_no_size_is_a_place_to_cut(student, shift):
    """A word and its space may lie across any number of characters, 2**20 among them."""
    vocab, merges = BYTES | {256: b"hu", 257: b" hu"}, [(b"h", b"u"), (b" ", b"hu")]
    text = "x" * shift + " hu" * 360_000  # longer than 2**20; one of the shifts cuts where it hurts
    ids = student.run("stream", vocab, merges, [], [text[:700_000], text[700_000:]])
    wrong = [i for i in ids[shift:] if i != 257]
    assert not wrong, f"the stream was cut inside a word: {len(wrong)} ids are parts of ␣hu"


@pytest.mark.problem("encode_iterable")
def test_empty_streams_and_parts(student):
    """Nothing, or nothing between words, changes nothing."""
    vocab, merges = slow_train(HUGS, 261, [])
    assert_equal(student.run("stream", vocab, merges, [END], []), [], "no parts, no ids")
    got = student.run("stream", vocab, merges, [END], ["", "hu", "", "g", ""])
    assert_equal(got, [257], "an empty part ended the word")


@pytest.mark.slow
@pytest.mark.problem("encode_iterable")
def test_memory_of_fifty_megabytes(student):
    """A process that encodes a stream of 50 MB grows by less than 30 MB."""
    vocab, merges = stories_model()
    count, grown = student.run("resident_growth", vocab, merges, [END], 50)
    assert count > 10_000_000, f"50 MB are more than {count} ids"
    assert grown < 30 << 20, f"the process grew by {grown >> 20} MB, wanted less than 30"


# --- load_tokenizer -----------------------------------------------------------------------------


@pytest.mark.problem("load_tokenizer")
def test_any_bytes_are_saved(student, rng):
    """Tokens that are not UTF-8, white space in merges, shuffled ids, odd special tokens."""
    data = "日本 日本\n\n\n\n \t\t\t 水水 \r\n\r\n".encode() * 2
    specials = [END, "<é\n>", '"\\ ,']
    vocab, merges = slow_train(data, 285, specials)
    vocab = shuffled(vocab, rng)
    text = data.decode() + 'x<é\n>y"\\ ,' + END
    ids, decoded = student.run("saved", vocab, merges, specials, [text])
    assert_equal(ids, [slow_encode(text, vocab, merges, specials)], "other ids after loading")
    assert_equal(decoded, [text], "another text after loading")


@pytest.mark.problem("load_tokenizer")
def test_order_and_bytes_of_merges_are_saved(student):
    """The order of merges and tokens that are half a character survive."""
    vocab = BYTES | {300: b"\xe6\x97", 256: b"bc", 400: b"ab"}
    merges = [(b"b", b"c"), (b"a", b"b"), (b"\xe6", b"\x97")]
    ids, decoded = student.run("saved", vocab, merges, [], ["abc旦"])
    assert_equal(ids, [[97, 256, 300, 0xA6]], "merges came back in another order, or lost bytes")
    assert_equal(decoded, ["abc旦"], "another text after loading")


@pytest.mark.problem("load_tokenizer")
def test_one_file_holds_everything(student):
    """A copy of a copy decodes every id; tokenizers saved side by side do not meet."""
    vocab, merges = slow_train(HUGS, 263, [END])
    got = student.run("saved_whole", vocab, merges, [END, "<new>"], [263, 257, 262, 262 - 1, 255])
    want = b"".join((vocab | {263: b"<new>"})[i] for i in [263, 257, 262, 261, 255])
    assert_equal(got, want.decode("utf-8", errors="replace"), "something was not saved")


@pytest.mark.problem("load_tokenizer")
def test_files_cannot_run_code(student):
    """A pickle from a stranger would run what the stranger wants."""
    assert not student.run("load_hostile"), "loading a file ran the code that was hidden in it"


@pytest.mark.problem("load_tokenizer")
def test_files_are_data(student):
    """Neither eval nor a pickle behind a header reads the file: a stranger could have written it."""
    called = student.run("calls_of_loading")
    risky = [c for c in called if c.endswith((".eval", ".exec")) or c.startswith(RUN_CODE)]
    assert not risky, f"loading calls {risky[0]}, which runs what code the file holds"


# --- speed --------------------------------------------------------------------------------------


@pytest.mark.problem("speed")
@given(text=texts)
def test_fast_and_clear_agree_on_any_text(student, text):
    """White space of every kind, scripts, contractions and special tokens."""
    specials = ["<|", "AB", "  "]
    data = (text * 3 + "ab AB  ab").encode()
    why = "the fast trainer differs from the definition"
    check_training(student, data, 275, specials, why, adapter="train_bpe_fast")
    vocab, merges = stories_model(tuple(specials))
    [ids] = student.run("encode", vocab, merges, specials, [text], adapter="fast_tokenizer")
    why = "the fast tokenizer differs from the definition"
    assert_equal(ids, slow_encode(text, vocab, merges, specials), why)


@pytest.mark.problem("speed")
def test_fast_ones_on_long_texts(student, rng):
    """Stories and random words, several special tokens and processes."""
    data = (corpus(12_000, seed=12) + random_text(rng, 300) + "\x1c \x1f  \u2028 x  \n").encode()
    why = "the fast trainer differs from the definition"
    check_training(student, data, 420, [END, "."], why, adapter="train_bpe_fast", workers=2)
    vocab, merges = stories_model()
    vocab = shuffled(vocab, rng)
    text = data.decode()
    [ids] = student.run("encode", vocab, merges, [END], [text], adapter="fast_tokenizer")
    assert_equal(ids, tiktoken_ids(text, vocab, merges, [END]), "tiktoken gives other ids")


@pytest.mark.problem("speed")
def test_fast_ones_at_the_edges(student):
    """Empty texts, exhausted and tiny vocabularies, streams: as the clear ones."""
    for data, size in [(b"", 300), (HUGS, 500), (b"a\r\n\r\n", 300), (HUGS, 257)]:
        why = "the fast trainer differs at an edge"
        check_training(student, data, size, [END], why, adapter="train_bpe_fast")
    vocab, merges = slow_train(HUGS, 261, [])
    got = student.run("stream", vocab, merges, [], ["hu", "g pu", "g"], adapter="fast_tokenizer")
    assert_equal(got, [257, 32, 258], "the fast tokenizer streams too")


FAST_TEXTS = {
    "special tokens that begin others, with signs of regular expressions": (
        b"a<|a<|e|>b ab|ab" * 3 + b"a.b|",
        ["<|", ".", "<|e|>", "|", "<|"],
    ),
    "control characters": (b"\0a\0a \0 a\1 \1\0b  \1b" * 3, ["\1\1"]),
    "a long word": (b"ab" * 3000 + b" ba", []),
    "white space of every kind": (
        " \u2028x \u00a0y \x0bz  \u3000é \x85\x1c \x1fw".encode() * 5,
        [],
    ),
}


@pytest.mark.problem("speed")
@pytest.mark.parametrize("what", FAST_TEXTS)
def test_the_fast_trainer_is_no_less_careful(student, what):
    """Special tokens, control characters, long and frequent words: as train_bpe."""
    data, specials = FAST_TEXTS[what]
    got = student.run("train", data, 280, specials, adapter="train_bpe_fast")
    check_trained(got, slow_train(data, 280, list(dict.fromkeys(specials))), what)


@pytest.mark.problem("speed")
@pytest.mark.parametrize(
    "data, vocab_size, workers",
    [(HUGS, 256, 1), (HUGS, 260, 0), (b"caf\xe9 au lait", 260, 1), (b"a\xed\xa0\x80", 260, 1)],
)
def test_the_fast_trainer_refuses_as_much(student, data, vocab_size, workers):
    """A vocabulary that is too small, no workers, bytes that are not UTF-8: ValueError."""
    with raises(ValueError, "the fast trainer accepts what train_bpe refuses"):
        student.run("train", data, vocab_size, [END], workers, adapter="train_bpe_fast")


@pytest.mark.problem("speed")
def test_the_fast_tokenizer_is_no_less_careful(student):
    """Large ids, overlapping and new special tokens, surrogates, saving: as tokenizer."""
    vocab = {i + 70_000: bytes([i]) for i in range(256)} | {5: b"ab", 99_000: b"<|"}
    merges, specials = [(b"a", b"b")], ["<|", "<|e|>", "."]
    text = "ab<|e|>ab.\0<|e水"
    full = vocab | {99_001: b"<|e|>"}
    want = slow_encode(text, full, merges, specials)
    [ids] = student.run("encode", vocab, merges, specials, [text], adapter="fast_tokenizer")
    assert_equal(ids, want, "the fast tokenizer differs from the definition")
    [ids], [decoded] = student.run(
        "saved", vocab, merges, specials, [text], adapter="fast_tokenizer"
    )
    assert_equal([ids, decoded], [want, text], "the fast tokenizer saves and decodes too")
    for specials in (None, []):
        [ids] = student.run("encode", BYTES, [], specials, ["a<|"], adapter="fast_tokenizer")
        assert_equal(ids, [*b"a<|"], "without special tokens all is plain text")
    with raises(ValueError, "a lone surrogate is no character"):
        student.run("encode", BYTES, [], [], ["a\ud83d"], adapter="fast_tokenizer")
    with raises(ValueError, "an unknown id is a ValueError"):
        student.run("decode", BYTES, [], [], [[300]], adapter="fast_tokenizer")


LIMIT = 30.0  # times the yardstick; at least three times what the reference needs
UNIT = "times a loop over the text"


def yardstick(text: str) -> int:
    """A fixed piece of pure Python work on a text."""
    return sum(1 for word in Counter(text.split(" ")) for _ in word)


@pytest.mark.problem("speed")
@pytest.mark.statistical
def test_training_is_fast(student, stopwatch, figure, seed, rng):
    """Training costs a bounded multiple of a loop over the text."""
    texts = [corpus(300 << 10, seed=seed + n) for n in range(ROUNDS)]
    ratio, learned = stopwatch.ratio(
        lambda n: student.run("train_in_time", texts[n].encode(), 2000, [END]),
        lambda n: yardstick(texts[n]),
    )
    for text, (tokens, lengths) in zip(texts, learned, strict=True):
        parts = BytesIO(tokens)
        cut = [parts.read(length) for length in array("I", lengths)]
        merges = [*zip(cut[::2], cut[1::2], strict=True)]
        assert len(merges) == 1743, f"2000 ids leave room for 1743 merges, got {len(merges)}"
        check_merges(merges, text, torch.randint(0, 1743, (5,), generator=rng).tolist())
    figure("BPE training", ratio, UNIT, better="lower")
    assert ratio < LIMIT, f"training took {ratio:.1f} {UNIT}, wanted below {LIMIT}"


@pytest.mark.problem("speed")
@pytest.mark.statistical
def test_encoding_is_fast(student, stopwatch, figure, seed):
    """Encoding costs a bounded multiple of a loop over the text; each time by a new tokenizer."""
    texts = [corpus(500 << 10, seed=seed + n) for n in range(ROUNDS)]
    model = *stories_model(), [END]
    ratio, found = stopwatch.ratio(
        lambda n: student.run("encode_in_time", *model, texts[n]), lambda n: yardstick(texts[n])
    )
    for text, ids in zip(texts, found, strict=True):
        same = array("I", ids).tolist() == tiktoken_ids(text, *model)
        assert same, "tiktoken gives other ids"
    figure("BPE encoding", ratio, UNIT, better="lower")
    assert ratio < LIMIT, f"encoding took {ratio:.1f} {UNIT}, wanted below {LIMIT}"
