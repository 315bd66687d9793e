"""Text from outside: a local file, read exactly or refused with a reason, and public data sets."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

# name -> (the arguments of load_dataset, splits, the offline stand-in); the rows' column is "text"
PUBLIC = {
    "tinystories": (
        {"path": "roneneldan/TinyStories"},
        ("train", "validation"),
        "kit.given.stories.stories(seed)",
    ),
    "names": (
        {
            "path": "text",
            "data_files": "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt",
        },
        ("train",),
        "kit.given.names.names(count)",
    ),
}
CLIENTS = ("httpx", "httpcore")  # their connection errors, unlike all others, are no OSErrors


def load_text(path: str | Path, encoding: str = "utf-8") -> str:
    """The whole text of a file, its newlines as they are; a UTF-8 byte order mark is dropped."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(
            f"got the directory {path}, wanted a text file: name one of its files; {_files(path)}"
        )
    if not path.exists():
        raise FileNotFoundError(
            f"got {path}, wanted a file that exists: check the spelling; {_files(path.parent)}"
        )
    data = path.read_bytes()
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"got byte 0x{data[error.start]:02x} at offset {error.start} of {path}, "
            f"wanted {encoding}: "
            "pass the file's own encoding, such as encoding='latin-1' or 'utf-16'"
        ) from error
    if not text:
        raise ValueError(f"got the empty file {path}, wanted some text: choose another file")
    return text


def documents(text: str, separator: str) -> list[str]:
    """The documents of a corpus; what follows the last separator counts only if it is not empty."""
    if not separator:
        raise ValueError(f"got {separator=}, wanted the text between documents: pass SEPARATOR")
    pieces = text.split(separator)
    return pieces if pieces[-1] else pieces[:-1]


def load_public(name: str, split: str = "train", limit: int | None = None) -> list[str]:
    """The first `limit` rows of a public data set, streamed, so that a small limit is quick."""
    if name not in PUBLIC:
        raise ValueError(f"got {name=}, wanted one of {sorted(PUBLIC)}")
    source, splits, offline = PUBLIC[name]
    if split not in splits:
        raise ValueError(f"got {split=}, wanted one of {splits}, the splits of {name}")
    if limit is not None and limit < 0:
        raise ValueError(f"got {limit=}, wanted 0 or more rows, or None for all of them")
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise ImportError(
            f"got no package `datasets`, wanted it for {name}: "
            f"pip install 'storyteller[data]', or stay offline with {offline}"
        ) from error
    try:
        rows: Iterable[dict] = load_dataset(**source, split=split, streaming=True)
        return [row["text"] for row in islice(rows, limit)]
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__module__.split(".")[0] not in CLIENTS:
            raise
        raise ConnectionError(
            f"got no {name} ({error}), wanted a network connection: "
            f"try again later, or stay offline with {offline}"
        ) from error


def _files(folder: Path, most: int = 8) -> str:
    """What an error message says about a folder."""
    if not folder.is_dir():
        return f"there is no folder {folder}"
    files = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    more = f" and {len(files) - most} more" if len(files) > most else ""
    return f"{folder} holds {', '.join(files[:most]) or 'no files'}{more}"
