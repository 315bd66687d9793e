"""Whose chapters make the model: three of them, opened together through the loader."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from kit.chapters import transitive_needs
from kit.homework import digest, still_stubs
from kit.loader import LoadError, find_source
from kit.storyteller.refusal import Refused

# What is called here by name; a function that these call may be a stub as well.
CALLED = {
    "ch05_transformer": (
        *("llama_forward", "next_token_loss", "next_token_probabilities", "count_parameters"),
    ),
    "ch06_tokenization": ("train_bpe", "tokenizer", "load_tokenizer"),
    "ch07_optimization": ("adamw", "decay_groups", "muon_orthogonalize", "train_loop"),
}


@dataclass(frozen=True)
class Implementation:
    """The adapters of each chapter, and a digest of its code."""

    transformer: ModuleType
    tokenization: ModuleType
    optimization: ModuleType
    code: dict[str, str]


def open_implementation(impl: str) -> Implementation:
    """Import the chapters of one home; Refused names all that is not yet written.

    Each stands on its neighbours from the same home: the model is all one's own, or none of it.
    """
    needed = sorted({*CALLED, *(need for name in CALLED for need in transitive_needs(name))})
    try:
        sources = {name: find_source(name, impl, deps="student") for name in needed}
    except LoadError as error:
        raise Refused(str(error)) from None
    todo = {}
    for name, called in CALLED.items():
        text = (sources[name].folder / "adapters.py").read_text(encoding="utf-8")
        todo[name] = [stub for stub in still_stubs(text, text) or () if stub in called]
    if any(todo.values()):
        raise Refused(_told(todo))
    adapters = {}
    for name, source in sources.items():
        adapters[name] = source.open()
        packaged = {k: m for k, m in source.modules.items() if k.startswith(source.package)}
        source.close()  # a helper.py beside adapters.py must not be taken for another chapter's
        sys.modules.update(packaged)
    code = {name: _digest(source.folder) for name, source in sources.items()}
    return Implementation(*(adapters[name] for name in CALLED), code)


def _digest(folder: Path) -> str:
    files = sorted(folder.glob("*.py"))
    return digest(b"".join(path.name.encode() + path.read_bytes() for path in files))


def _told(todo: dict[str, list[str]]) -> str:
    count = sum(map(len, todo.values()))
    names = ", ".join(f"{' and '.join(stubs)} of {name}" for name, stubs in todo.items() if stubs)
    if count == 1:
        return f"{names} is still a stub; write it, then try again"
    return f"{names} are still stubs; write them, then try again"


@contextmanager
def stubs_told() -> Iterator[None]:
    """Turn a stub that is met on the way into a Refused."""
    try:
        yield
    except NotImplementedError as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        path = Path(frame.filename)
        if path.name != "adapters.py":  # torch raises it too
            raise
        raise Refused(_told({path.parent.name: [frame.name]})) from None


def first_written(module: ModuleType, fast: str, clear: str, *arguments: object) -> object:
    """Call the fast one of two twins, or the clear one where that is still a stub."""
    try:
        return getattr(module, fast)(*arguments)
    except NotImplementedError:
        return getattr(module, clear)(*arguments)
