"""Public tests of ch06_tokenization, problem by problem in the order of the handout."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.compare import assert_equal
from tests.ch06_tokenization.checks import (
    END,
    HUGS,
    HUGS_MERGES,
    any_texts,
    check_chunks,
    check_trained,
    check_training,
    merged,
    random_text,
    slow_encode,
    slow_train,
    small_texts,
    texts,
    words_of,
)

# --- utf8 ---------------------------------------------------------------------------------------


@pytest.mark.problem("utf8")
def test_encode_one_to_four_bytes(student):
    """The handout's four characters take 1, 2, 3 and 4 bytes."""
    got = student.utf8_encode("zé水🚀")
    want = b"\x7a\xc3\xa9\xe6\xb0\xb4\xf0\x9f\x9a\x80"
    assert_equal(got, want, "six bits per following byte; the first byte tells how many follow")


@pytest.mark.problem("utf8")
def test_decode_one_to_four_bytes(student):
    """The handout's ten bytes are four characters."""
    got = student.utf8_decode(b"\x7a\xc3\xa9\xe6\xb0\xb4\xf0\x9f\x9a\x80")
    assert_equal(got, "zé水🚀", "decode is the inverse of encode")


@pytest.mark.problem("utf8")
@given(text=any_texts)
def test_utf8_is_pythons(student, text):
    """Any text encodes as Python encodes it, and comes back."""
    assert_equal(student.utf8_encode(text), text.encode(), "not the UTF-8 of this text")
    assert_equal(student.utf8_decode(text.encode()), text, "decode is the inverse of encode")


@pytest.mark.problem("utf8")
@pytest.mark.parametrize("name, argument", [("utf8_encode", "é"), ("utf8_decode", b"\xc3\xa9")])
def test_utf8_by_hand(student, name, argument):
    """Python's own codecs are not called."""
    _, called = student.run("with_calls", name, argument)
    codecs = [call for call in called if "encode" in call or "decode" in call]
    assert not codecs, f"{name} calls {codecs[0]}; it is to be written by hand"


@pytest.mark.problem("utf8")
@pytest.mark.parametrize("data", [b"a\xff", b"\x80", b"\xe6\xb0", b"\xc3("])
def test_broken_bytes_are_an_error(student, data):
    """Bytes that are not UTF-8 are a ValueError unless one asks for replacement."""
    with pytest.raises(ValueError):
        student.utf8_decode(data)


# --- pretokenize --------------------------------------------------------------------------------


@pytest.mark.problem("pretokenize")
def test_words_of_the_worked_example(student):
    """A space belongs to the word after it; contractions and punctuation stand alone."""
    got = student.pretokenize("I'm here, Zoë!")
    want = ["I", "'m", " here", ",", " Zoë", "!"]
    assert_equal(got, want, "GPT-2's pattern, on Unicode letters")


@pytest.mark.problem("pretokenize")
@given(text=texts)
def test_words_are_gpt2s(student, text):
    """Hugging Face cuts any text at the same places."""
    got = student.pretokenize(text)
    assert_equal(got, words_of(text), "the words differ from GPT-2's")


@pytest.mark.problem("pretokenize")
def test_special_tokens_are_cut_out(student):
    """Special tokens are pieces of their own, and nothing is lost."""
    got = student.split_special("<s>one</s> two<s>", ["<s>", "</s>"])
    assert_equal(got, ["<s>", "one", "</s>", " two", "<s>"], "each special token is a piece")


# --- merge --------------------------------------------------------------------------------------


@pytest.mark.problem("merge")
def test_neighbours_overlap(student):
    """In a a a the pair (a, a) occurs twice; a sequence counts as often as its frequency."""
    got = student.count_pairs([[1, 1, 1], [2, 1]], [3, 1])
    assert_equal(got, {(1, 1): 6, (2, 1): 1}, "every two neighbours are a pair")


@pytest.mark.problem("merge")
def test_the_most_frequent_pair_is_best(student):
    """Frequency comes first."""
    vocab = {i: bytes([i]) for i in range(256)}
    got = student.best_pair({(97, 98): 4, (120, 121): 3}, vocab)
    assert_equal(got, (97, 98), "the pair with the largest count")


@pytest.mark.problem("merge")
def test_bytes_break_ties(student):
    """Among equally frequent pairs the greatest bytes win."""
    vocab = {i: bytes([i]) for i in range(256)} | {256: b"ab"}
    got = student.best_pair({(98, 97): 2, (256, 97): 2, (97, 120): 2}, vocab)
    assert_equal(got, (98, 97), "b'b' is greater than b'ab': compare bytes, not ids")


@pytest.mark.problem("merge")
def test_merge_goes_left_to_right(student):
    """A token just made is not merged again, and one used up is gone."""
    got = student.merge([1, 1, 1, 2, 1, 1], (1, 1), 9)
    assert_equal(got, [9, 1, 2, 9], "from left to right, without overlap")


@pytest.mark.problem("merge")
@given(ids=st.lists(st.integers(0, 2), max_size=12))
def test_merge_of_any_sequence(student, ids):
    """Every occurrence is replaced, all else is kept."""
    got = student.merge(ids, (0, 1), 7)
    assert_equal(got, merged(ids, (0, 1), 7), "each 0 followed by a 1 becomes one 7")


# --- train_bpe ----------------------------------------------------------------------------------


@pytest.mark.problem("train_bpe")
def test_training_on_the_worked_example(student):
    """The handout's four words give these five merges, in this order."""
    vocab, merges = student.run("train", HUGS, 261, [])
    assert_equal([tuple(m) for m in merges], HUGS_MERGES[:5], "ug, hug, pug, hugs, bug")
    assert_equal(vocab[257], b"hug", "the second merge has id 257")


@pytest.mark.problem("train_bpe")
def test_special_tokens_come_last(student):
    """256 bytes, then merges, then special tokens; vocab_size counts them all."""
    data = f"aa aa{END}aa bb".encode()
    why = "a special token is one id, takes no part in merges, and counts towards vocab_size"
    check_training(student, data, 260, [END], why)


@pytest.mark.problem("train_bpe")
def test_training_stops_when_no_pair_is_left(student):
    """A vocabulary that is larger than the text can fill stays smaller."""
    got = student.run("train", HUGS, 500, [END])
    check_trained(got, slow_train(HUGS, 500, [END]), "eight merges, then no pair is left")


@pytest.mark.problem("train_bpe")
@given(text=small_texts)
def test_training_on_any_text(student, text):
    """A trainer that counts everything anew at each step learns the same merges."""
    why = "the merges differ from those of a trainer that recounts everything"
    check_training(student, text.encode(), 275, [], why)


@pytest.mark.problem("train_bpe")
def test_workers_do_not_change_the_merges(student, rng):
    """Two processes learn what one learns."""
    data = END.join(random_text(rng, 20) for _ in range(6)).encode()
    why = "with two processes the merges differ"
    check_training(student, data, 300, [END], why, workers=2)


@pytest.mark.problem("train_bpe")
def test_line_ends_are_bytes(student):
    """\\r\\n and \\n are different bytes; a lone \\r and a byte order mark are kept."""
    data = b"\xef\xbb\xbfa\r\n\r\nb\r\n\r\nc\r\rd\r\re\n\nf\r\n\r\n"
    check_training(student, data, 270, [], "reading in text mode turned \\r\\n into \\n")


# --- chunk_boundaries ---------------------------------------------------------------------------


@pytest.mark.problem("chunk_boundaries")
def test_chunks_of_many_documents(student, rng):
    """Documents that end in a special token make four even chunks."""
    data = "".join(random_text(rng, 10) + END for _ in range(40)).encode()
    cuts = check_chunks(student, data, 4, [END])
    longest = max(b - a for a, b in zip(cuts, cuts[1:], strict=False))
    assert longest < len(data) / 2, f"four chunks should be about even, got boundaries {cuts}"


@pytest.mark.problem("chunk_boundaries")
def test_nowhere_to_cut(student):
    """Without a special token in the text there is one chunk: a word must not be cut."""
    assert_equal(student.chunk_boundaries(b"one two", 3, [END]), [0, 7], "one chunk is all of it")
    assert_equal(student.chunk_boundaries(b"one two", 3, []), [0, 7], "one chunk is all of it")


# --- tokenizer ----------------------------------------------------------------------------------


@pytest.mark.problem("tokenizer")
def test_encode_the_worked_example(student):
    """With the handout's merges "pugs hug" is pug, s, a space and hug."""
    vocab, merges = slow_train(HUGS, 261, [])
    [ids] = student.run("encode", vocab, merges, [], ["pugs hug"])
    assert_equal(ids, [258, 115, 32, 257], "pug is 258, s is 115, the space 32, hug 257")


@pytest.mark.problem("tokenizer")
def test_merges_apply_in_the_order_of_training(student):
    """The merge learned first is done first, even where a longer token would fit."""
    vocab = {i: bytes([i]) for i in range(256)} | {256: b"bc", 257: b"ab", 258: b"abd"}
    merges = [(b"b", b"c"), (b"a", b"b"), (b"ab", b"d")]
    [ids] = student.run("encode", vocab, merges, [], ["abc"])
    assert_equal(ids, [97, 256], "(b, c) was learned before (a, b)")


@pytest.mark.problem("tokenizer")
@given(text=texts)
def test_decode_undoes_encode(student, text):
    """Any text comes back, whatever its characters, spaces and line ends."""
    vocab, merges = slow_train(HUGS, 262, [END])
    got = student.run("round_trip", vocab, merges, [END], [text, END + text])
    assert_equal(got, [text, END + text], "decode(encode(text)) is the text")


@pytest.mark.problem("tokenizer")
def test_special_tokens_are_one_id(student):
    """A special token in the text becomes its id, and the text around it is encoded apart."""
    vocab, merges = slow_train(HUGS, 262, [END])
    [ids] = student.run("encode", vocab, merges, [END], [f"hug{END}bug"])
    assert_equal(ids, [257, 261, 260], "hug is 257, the special token 261, bug 260")


@pytest.mark.problem("tokenizer")
def test_a_character_may_span_tokens(student):
    """Bytes are joined before they are decoded; what is no UTF-8 becomes U+FFFD."""
    vocab = {i: bytes([i]) for i in range(256)}
    got = student.run("decode", vocab, [], [], [[0xC3, 0xA9], [97, 0xC3]])
    assert_equal(got, ["é", "a\ufffd"], "join all bytes, then decode with errors='replace'")


# --- encode_iterable ----------------------------------------------------------------------------


@pytest.mark.problem("encode_iterable")
@given(text=small_texts, size=st.integers(1, 7))
def test_parts_do_not_matter(student, text, size):
    """Wherever the stream is cut, the ids are those of the whole text."""
    data = b"ab aab \n\n aabc ab c\n"
    vocab, merges = slow_train(data, 275, ["c\n"])
    parts = [text[i : i + size] for i in range(0, len(text), size)]
    got = student.run("stream", vocab, merges, ["c\n"], parts)
    why = "a token that reaches from one part into the next was cut"
    assert_equal(got, slow_encode(text, vocab, merges, ["c\n"]), why)


# --- load_tokenizer -----------------------------------------------------------------------------


@pytest.mark.problem("load_tokenizer")
def test_a_saved_tokenizer_is_the_same(student):
    """Ids, merges and special tokens survive."""
    vocab, merges = slow_train(HUGS, 263, [END, " bug"])
    text = f"hug pugs bug{END} é"
    ids, decoded = student.run("saved", vocab, merges, [END, " bug"], [text])
    assert_equal(ids, [slow_encode(text, vocab, merges, [END, " bug"])], "other ids after loading")
    assert_equal(decoded, [text], "another text after loading")


# --- speed --------------------------------------------------------------------------------------


@pytest.mark.problem("speed")
@given(text=small_texts)
def test_the_fast_trainer_is_exact(student, text):
    """train_bpe_fast learns the same merges as a trainer that recounts everything."""
    why = "the fast trainer differs from the definition"
    check_training(student, text.encode(), 275, ["c"], why, adapter="train_bpe_fast")


@pytest.mark.problem("speed")
@given(text=small_texts)
def test_the_fast_tokenizer_is_exact(student, text):
    """fast_tokenizer gives the same ids as the definition."""
    vocab, merges = slow_train(b"ab aab \n\n aabc ab c\n", 275, ["c\n"])
    [ids] = student.run("encode", vocab, merges, ["c\n"], [text], adapter="fast_tokenizer")
    why = "the fast tokenizer differs from the definition"
    assert_equal(ids, slow_encode(text, vocab, merges, ["c\n"]), why)
