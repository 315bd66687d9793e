"""The proof that a release gives no answer away: by content, whatever it is called and wherever it is.

Secret are the reference, hidden tests with their drivers, bugs and twins. Three comparisons find them:

    functions   a body that parses to the same code, in any Python file
    code        a body as text, white space and comments aside, in any file: a handout, a comment, JSON
    words       sixteen words in a row, punctuation aside, in any file: comments, docstrings, messages

Not secret: what stubs repeat of the reference, which is the contract; the misconceptions that public
fingerprints name; and single sentences, since the grader tells the titles of hidden tests anyway.
Public tests may share words with hidden ones, which test the same properties, but no function.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

from kit.chapters import chapter_names, repository
from kit.stubs import expected_stub

REFERENCE = ("solutions/**/*", "kernels/**/*")
TESTS = tuple(f"tests/*/{name}.py" for name in ("test_hidden", "drivers_hidden", "bugs", "twins"))
SMALLEST = 60  # characters of a function body, below which a match may be chance
ROW = 16  # words; of 12, sentences of handouts and docstrings come close to sharing some
WORDS = re.compile(r"[^\W_]+")
SPELT, TELLING = 3, 6  # a row counts if it has 6 different words of 3 letters: masks do not
APART = (".git", ".venv", "venv", "__pycache__", ".pytest_cache", ".hypothesis")


def find_leaks(files: dict[str, bytes]) -> list[str]:
    """Where files repeat what is secret."""
    root = repository()
    sources = {path: path.read_text("utf-8") for path in secret_files() if path.suffix == ".py"}
    parsed: dict[str, str] = {}
    pressed: dict[str, str] = {}
    for path, source in sources.items():
        for name, code, text in _bodies(source):
            parsed[code] = pressed[text] = f"{path.relative_to(root)}: {name}"
    contract = set().union(*(_rows(expected_stub(name)) for name in chapter_names()))
    rows = {path: _rows(source) - contract for path, source in sources.items()}
    leaks = []
    for file, data in files.items():
        text = data.decode("utf-8", "replace")
        found = {parsed[code]: name for name, code, _ in _python(file, text) if code in parsed}
        leaks += [f"{file}: {name} is {secret}" for secret, name in found.items()]
        plain = _press(text.replace("\\n", "\n"))
        leaks += [
            f"{file} holds the code of {secret}"
            for body, secret in pressed.items()
            if body in plain and secret not in found
        ]
        leaks += [
            f"{file} repeats {path.relative_to(root)}: {shared}"
            for path, shared in _shared_words(file, text, rows)
            if not any(secret.startswith(str(path.relative_to(root))) for secret in found)
        ]
    return leaks


def secret_files() -> list[Path]:
    """Every file that must not leave the repository."""
    root = repository()
    found = {p for pattern in (*REFERENCE, *TESTS) for p in root.glob(pattern) if p.is_file()}
    return sorted(path for path in found if "__pycache__" not in path.parts)


def leftovers(folder: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    """What lies in a folder beside a release, environments and caches aside."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_file() and name.as_posix() not in files and not set(APART) & set(name.parts):
            found[name.as_posix()] = path.read_bytes()
    return found


def secrets_in_history(folder: Path) -> list[str]:
    """Secret files, as they are today, that the git history of a folder holds under any name."""
    if not (folder / ".git").exists():
        return []
    git = ["git", "-C", str(folder)]
    secrets = secret_files()
    hashed = subprocess.run(
        [*git, "hash-object", "--no-filters", "--stdin-paths"],
        input="".join(f"{path}\n" for path in secrets),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    answers = subprocess.run(
        [*git, "cat-file", "--batch-check"],
        input=hashed,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [
        f"the git history holds {path.relative_to(repository())}"
        for path, answer in zip(secrets, answers, strict=True)
        if not answer.endswith("missing") and path.stat().st_size
    ]


def _python(file: str, text: str) -> Iterator[tuple[str, str, str]]:
    if file.endswith(".py"):
        try:
            yield from _bodies(text)
        except SyntaxError:  # a student's; its text is compared all the same
            return


def _bodies(source: str) -> Iterator[tuple[str, str, str]]:
    """Every function: its name, its code as it reads after parsing, and as text; no docstring."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        statements = node.body[ast.get_docstring(node) is not None :]
        code = "\n".join(map(ast.unparse, statements))
        if len(code) >= SMALLEST:
            lines = source.split("\n")[statements[0].lineno - 1 : node.end_lineno]
            yield node.name, code, _press(_without_comments("\n".join(lines)))


def _without_comments(code: str) -> str:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(f"if True:\n{code}\n").readline))
    except (tokenize.TokenError, IndentationError):
        return code
    return "".join(token.string for token in tokens[3:] if token.type != tokenize.COMMENT)


def _press(text: str) -> str:
    """Text without white space and the marks that begin the lines of comments and quotations."""
    return re.sub(r"\s+", "", re.sub(r"(?m)^[ \t]*[#>]+", "", text))


def _rows(text: str) -> set[tuple[str, ...]]:
    """All rows of words in a text that could not be chance."""
    words = WORDS.findall(text.replace("\\n", "\n").lower())
    rows = (tuple(words[i : i + ROW]) for i in range(len(words) - ROW + 1))
    return {
        row for row in rows if len({w for w in row if len(w) >= SPELT and w.isalpha()}) >= TELLING
    }


def _shared_words(
    file: str, text: str, rows: dict[Path, set[tuple[str, ...]]]
) -> Iterator[tuple[Path, str]]:
    """Secret files that share a row of words with a file, and the row."""
    own, bank, test = _rows(text), file.endswith("/fingerprints.json"), file.startswith("tests/")
    for path, secret in rows.items():
        if path.is_relative_to(repository() / "tests") and (
            (bank and path.name == "bugs.py") or (test and not bank)
        ):
            continue
        if shared := own & secret:
            yield path, " ".join(min(shared))
