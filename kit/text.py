"""Text that strangers wrote, made safe to print: in a terminal, a spreadsheet, XML or HTML.

Students choose names, raise exceptions and print; every such string passes here on its way out.
"""

import re

# CSI, OSC, DCS and kin, other sequences; linear on any text, whether they are ended or not
ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
)
# control characters, marks that turn the reading order, halves of surrogate pairs
UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
SURROGATES = re.compile("[\ud800-\udfff]")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def plain(text: str) -> str:
    """Text without escape sequences, control characters and surrogates; lines are kept."""
    text = ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return SURROGATES.sub("\ufffd", UNSAFE.sub("", text))


def one_line(text: str, most: int = 500) -> str:
    """Plain text on one line, cut to `most` characters."""
    text = " ".join(plain(text).split())
    return text if len(text) <= most else text[: most - 3] + "..."


def cell(text: str) -> str:
    """One line that a spreadsheet takes for text, even where it begins like a formula."""
    text = one_line(text, 2_000)
    return f"'{text}" if text.startswith(FORMULA) else text


def cut(text: str, most: int) -> str:
    """Text of at most `most` characters, and how many more there were."""
    return text if len(text) <= most else text[:most] + f"\n(cut: {len(text) - most} more)"


def points_text(value: float) -> str:
    """Points for people: `40`, `33.33`."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
