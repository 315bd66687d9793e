import os
import re
import subprocess
import sys
import tracemalloc
from collections import Counter
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
import torch

from kit.given import people
from kit.given.cast import cast
from kit.given.grammar import Grammar, Telling, plural
from kit.given.paraphrase import paraphrase
from kit.given.stories import SEPARATOR, corpus, stories, write_corpus
from kit.given.texts import documents

ROOT = Path(__file__).parents[2]


@cache
def sample() -> str:
    return corpus(450_000, seed=7)


@cache
def shelf() -> list[str]:
    return documents(sample(), SEPARATOR)


def where(pattern: str, flags: int = 0) -> list[str]:
    """Some places in the stories where a pattern is found, each with its neighborhood."""
    text = "\n\n".join(shelf())
    found = re.finditer(pattern, text, flags)
    return [text[max(0, m.start() - 40) : m.end() + 40] for m in islice(found, 5)]


def sentences() -> list[str]:
    text = "\n\n".join(shelf()).translate(str.maketrans("“”’", '""\''))
    text = re.sub(r"\b(Mrs?)\. ", r"\1 ", text)
    return [piece.strip('" ') for piece in re.split(r'(?<=[.!?])"? +|\n\n', text)]


# --- stories


def test_a_seed_means_the_same_bytes_in_every_process():
    code = (
        "import hashlib; from kit.given.stories import corpus; from kit.given.names import names;"
        "text = corpus(60_000, 3) + ' '.join(names(500, 3));"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1", "12345")
    }
    assert len(digests) == 1, "the order of a set or a dict of strings leaked into the stories"


def test_two_libraries_do_not_disturb_each_other():
    one, other = stories(5), stories(5)
    first = [next(one) for _ in range(20)]
    assert [next(other) for _ in range(20)] == first, "two iterators share a state"
    assert list(islice(stories(6), 20)) != first, "the seed is ignored"


def test_the_separator_follows_every_document_and_stands_nowhere_else():
    text = corpus(50_000, seed=1)
    assert text.endswith(SEPARATOR), "the corpus does not end at the end of a document"
    told = text.split(SEPARATOR)[:-1]
    assert told == list(islice(stories(1), len(told))), "the documents are not the stories in order"
    assert not any("<|" in story or story != story.strip() for story in told), (
        "a story contains the separator or has blanks at its ends"
    )


def test_a_corpus_is_as_large_as_asked_and_no_document_larger():
    for size in (0, 1, 5_000, 60_000):
        text = corpus(size, seed=2)
        assert len(text.encode()) >= size, "bytes were asked for, fewer came: characters counted?"
        shorter = documents(text, SEPARATOR)[:-1]
        assert size == 0 or len("".join(s + SEPARATOR for s in shorter).encode()) < size, (
            "the corpus goes on after its size was reached"
        )
    assert corpus(0) == "", "no bytes were asked for, yet there is a story"
    with pytest.raises(ValueError, match="size=-1"):
        corpus(-1)


def test_a_larger_corpus_begins_with_the_smaller_one():
    assert corpus(90_000, seed=4).startswith(corpus(30_000, seed=4)), (
        "a story depends on how many were asked for"
    )


def test_the_file_has_the_bytes_of_the_corpus(tmp_path):
    path = tmp_path / "stories.txt"
    written = write_corpus(path, 40_000, seed=9)
    assert path.read_bytes() == corpus(40_000, seed=9).encode(), "newlines or encoding were changed"
    assert written == path.stat().st_size, "the number returned is not the number of bytes"


def test_writing_a_corpus_keeps_only_a_story_in_memory(tmp_path):
    next(stories(0))  # compiles the grammar, which stays
    tracemalloc.start()
    write_corpus(tmp_path / "stories.txt", 400_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150_000, f"{peak} bytes at once for 400000: the whole corpus was held in memory"


def test_stories_are_short_enough_to_be_read_aloud():
    lengths = [len(story.split()) for story in shelf()]
    assert min(lengths) >= 80, f"a story of {min(lengths)} words is too short"
    assert max(lengths) <= 250, f"a story of {max(lengths)} words is too long"


def test_every_quotation_that_opens_also_closes():
    for story in shelf():
        for paragraph in story.split("\n\n"):
            marks = re.sub(r'[^"“”]', "", paragraph)
            assert re.fullmatch(r'(?:"")*|(?:“”)*', marks), f"quotes do not pair up: {paragraph}"
            assert not re.search(r'(?:^|\s)["”](?:\s|$)', paragraph), f"a lone quote: {paragraph}"


def test_articles_agree_with_the_word_that_follows():
    wrong = where(
        r"\b[Aa] (?!uni|use|one\b|once\b)[aeiouAEIOU]|\b[Aa]n (?!hour|honest)[^aeiouAEIO]"
    )
    assert not wrong, f"a for an, or an for a: {wrong}"


def test_the_typography_is_clean():
    assert not where(r"  |\t|\n{3}|[ \n]$| \n|\n "), f"stray blanks: {where('  | {1}$')}"
    wrong = where(r" [.,!?;:]|[.,]{2}|[!?][.,]|,[.!?]|\?\?|!!")
    assert not wrong, f"punctuation was put together wrongly: {wrong}"
    twice = where(r"\b(?!la\b|ho\b)(\w+) \1\b")
    assert not twice, f"a word stands twice: {twice}"
    assert not where(r"[^aeiou]seses\b|[sr]eses\b|[.!?\"”]s\b"), "a plural of a plural"


def test_no_trace_of_the_grammar_is_left():
    assert not where(r"[][{}<>|~^%@#¶_=*/\\]|\bNone\b|function"), where(r"[][{}<>|~^%@#¶_=*/\\]")


def test_sentences_begin_with_a_capital():
    wrong = where(r"[.!?] [a-z]|(?:^|\n)[\"“]?[a-z]")
    assert not wrong, f"a small letter begins a sentence: {wrong}"


def test_speech_tags_do_not_begin_a_sentence():
    wrong = where(r"[!?][\"”] (?:Said|Asked|Cried|Called|Whispered)\b|,[\"”] [A-Z]\w+\. [a-z]")
    assert not wrong, f"a tag was taken for a sentence: {wrong}"


def test_there_are_letters_outside_ascii_but_not_too_many():
    marks = Counter(letter for letter in sample() if ord(letter) > 127)
    assert {"é", "ë", "“", "”", "’"} <= set(marks), f"only {sorted(marks)} are outside ASCII"
    assert any(ord(mark) > 0xFFFF for mark in marks), "no emoji: nothing takes four bytes of UTF-8"
    assert marks.total() < 0.02 * len(sample()), "a text for small readers is mostly ASCII"


def test_the_stories_do_not_repeat_themselves():
    assert len(set(shelf())) == len(shelf()), "a story was told twice"
    told = Counter(sentences())
    (most, times), total = told.most_common(1)[0], told.total()
    assert times / total < 0.0015, f"{times} of {total} sentences are {most!r}"
    assert len(told) / total > 0.65, f"only {len(told) / total:.2f} of the sentences are distinct"
    words = sample().split()
    for n, floor in ((3, 0.4), (5, 0.6), (8, 0.75)):
        share = len(set(zip(*(words[i:] for i in range(n)), strict=False))) / len(words)
        assert share > floor, f"only {share:.2f} of the {n}-grams are distinct"


def test_the_vocabulary_is_broad():
    words = set(re.findall(r"\b[a-z]{3,}\b", sample()))
    assert len(words) > 2_000, f"only {len(words)} words"


# --- the grammar


def tell(text: str, world: int = 0, draws: tuple[float, ...] = (0.0,)) -> str:
    draw = iter(draws)
    facts = {"h": "Zoë", "h.he": "she", "clear": False}
    return Grammar(text).tell(Telling(lambda: next(draw, 0.0), world, facts))


def test_a_grammar_expands_rules_facts_choices_and_articles():
    assert tell("s = bus, buses\nstart:\n- <s>s, <s>.") == "Buses, buses.", "a plural went wrong"
    text = "fruit = apple, fig\nstart:\n- {h} ate a~ <fruit>. {h.he} [smiled|slept]."
    assert tell(text) == "Zoë ate an apple. She smiled.", "one of the marks was not expanded"
    assert tell(text, draws=(0.0, 0.9, 0.9)) == "Zoë ate a fig. She slept.", "draws are ignored"


def test_a_row_binds_fixed_fields_once():
    text = "color = red, blue, green\n@row\n- hat = <color>\nstart:\n- {hat} {hat} {hat}."
    words = tell(text, draws=(0.0, 0.4)).lower().strip(".").split()
    assert len(set(words)) == 1, f"the hat changed its color: {words}"


def test_a_rule_used_twice_takes_two_forms():
    assert tell("word = one, two\nstart:\n- <word> <word>.") == "One two.", (
        "a story repeated a form although another one was left"
    )


def test_worlds_choose_their_own_forms():
    text = "start:\nc- school.\nw- wood."
    assert [tell(text, world) for world in (0, 1)] == ["School.", "Wood."], "the worlds are mixed"
    assert Grammar("start:\nc- school.").worlds() == [0], "a world without a start tells nothing"


@pytest.mark.parametrize("text", ["- [a|b", "- a]", "- <<h glad: Oh!", "- 5 < 6"])
def test_a_broken_bracket_is_reported(text):
    with pytest.raises(ValueError, match="bracket"):
        Grammar(f"start:\n{text}")


def test_plurals_follow_the_rules_of_spelling():
    words = ["bird", "finch", "fox", "butterfly", "day", "thrush"]
    expected = ["birds", "finches", "foxes", "butterflies", "days", "thrushes"]
    assert [plural(word) for word in words] == expected, "a plural is misspelled"


def test_paraphrases_leave_names_of_rules_alone():
    text = "<nobody> {until} <<h ask: What is it?>> as it is now, I will not."
    assert "<nobody>" in paraphrase(text) and "{until}" in paraphrase(text), "a rule was renamed"
    assert "as it is now" in paraphrase(text), "a verb that ends its clause was shortened"
    assert "won't" in paraphrase(text), "nothing was paraphrased"


def test_characters_of_a_story_have_different_first_letters():
    draw = iter(torch.rand(5_000, generator=torch.Generator().manual_seed(0)).tolist())
    for _ in range(50):
        facts = cast(lambda: next(draw), 1)
        initials = {facts[role][0] for role in ("h", "f.name", "n", "o")}
        assert len(initials) == 4, "two names look alike to a small listener"


# --- the series


def test_a_series_is_about_the_same_few_children():
    told = list(islice(stories(3, series=True), 300))
    for story in told:
        heroes = [name for name in ("Lily", "Ben") if re.search(rf"\b{name}\b", story)]
        assert len(heroes) == 1, f"{heroes} are the heroes of one story: {story}"
        assert not set(story) & set("“”’🌟"), "typeset, not typed"
    for name in ("Lily", "Ben", "Anna", "Sam", "Mrs. Green", "Mr. Hill"):
        assert 2 < sum(name in story for story in told) < 250, f"{name} is never or always there"
    text = "\n\n".join(told)
    for animal in people.HEROES.split():
        assert f"little {animal} named" not in text, "an animal plays a child's part"
    assert not re.findall(r"\b(?:Aunt|Uncle)\b", text)


def test_a_series_is_told_in_fewer_words_than_the_library():
    words = [
        {word for story in islice(stories(1, series), 300) for word in story.split()}
        for series in (False, True)
    ]
    assert len(words[1]) < 0.7 * len(words[0])
