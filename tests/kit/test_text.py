"""Text of strangers: nothing that a terminal, a spreadsheet or XML would obey is left."""

import time

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit.text import one_line, plain


def test_plain_text_keeps_words_and_lines():
    assert (
        plain("\x1b[31mred\x1b[0m \x1b]0;title\x07x\x9b1my\r\nz\x00\x7f\u202e\tend")
        == "red xy\nz\tend"
    )
    assert plain("caf\udce9") == "caf\ufffd" and one_line(" a\n\tb ") == "a b"
    assert one_line("x" * 600) == "x" * 497 + "..."


def test_cleaning_is_linear_in_hostile_text():
    start = time.perf_counter()
    for unit in ("\x1b]", "\x1b[", "\x1b[0;", "\x1bP", "\x1b ", "\x9b"):
        plain(unit * 40_000)
    assert time.perf_counter() - start < 2, (
        "an unfinished escape sequence is scanned again and again"
    )


@settings(deadline=None, database=None, max_examples=50)
@given(st.text(st.characters()))
@example("\x1b\x1b[31m[31m")
def test_nothing_dangerous_is_left(text):
    cleaned = plain(text)
    assert all(c in "\n\t" or c.isprintable() or ord(c) > 0x9F for c in cleaned)
    assert "\x1b" not in cleaned and plain(cleaned) == cleaned
    cleaned.encode()
