"""Text that acts where it is shown: terminal, HTML, spreadsheet, a reader of right-to-left.

Must not gain: an escape sequence or a turned line in a report.
"""

TEXT = (
    "\x1b[2J\x1b]0;100 points\x07<script>alert(1)</script>\u202e\n=HYPERLINK(1)\r\x9b31m\x00\ud800"
)


def double(x):
    raise RuntimeError(TEXT * 50)


def halve(x):
    raise type(TEXT, (Exception,), {})(TEXT)
