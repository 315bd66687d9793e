"""The bug bank and the twins of a chapter: variants of single adapters, laid over the reference.

    @bug("probabilities", "the columns are normalised instead of the rows")
    def normalises_columns(counts, alpha): ...

reads as "your output is what one gets when the columns are normalised instead of the rows". A twin
is another correct way to do it, and says in what it differs.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace


@dataclass(frozen=True)
class Variant:
    """One wrong or right implementation of one adapter."""

    name: str
    problem: str
    adapter: str
    text: str  # a bug's misconception, or what sets a twin apart
    function: Callable
    forbidden: bool = False  # a twin that uses what its problem forbids, as audit lets it


def bug(problem: str, misconception: str, adapter: str | None = None) -> Callable:
    """Enter the decorated function into the bug bank, in place of `adapter`."""
    return _variant(problem, misconception, adapter)


def twin(
    problem: str, difference: str, adapter: str | None = None, forbidden: bool = False
) -> Callable:
    """Enter the decorated function among the twins, in place of `adapter`.

    One that is `forbidden` calls what its problem asks to build: right, but not what counts.
    """
    return _variant(problem, difference, adapter, forbidden)


def _variant(problem: str, text: str, adapter: str | None, forbidden: bool = False) -> Callable:
    def enter(function: Callable) -> Variant:
        name = adapter or problem
        return Variant(function.__name__, problem, name, text, function, forbidden)

    return enter


def variants_in(module: ModuleType) -> list[Variant]:
    """The variants that a bugs.py or twins.py defines, in order."""
    found = [value for value in vars(module).values() if isinstance(value, Variant)]
    names = [variant.name for variant in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{module.__name__} names {sorted(twice)} twice")
    return found


def read_bank(chapter: str) -> tuple[list[Variant], list[Variant]]:
    """The bugs and the twins of a chapter."""
    bugs = importlib.import_module(f"tests.{chapter}.bugs")
    twins = importlib.import_module(f"tests.{chapter}.twins")
    return variants_in(bugs), variants_in(twins)


def overlay(adapters: ModuleType, variant: Variant) -> SimpleNamespace:
    """The reference's adapters with one of them replaced."""
    if not hasattr(adapters, variant.adapter):
        raise ValueError(f"{variant.name} replaces {variant.adapter!r}, which is no adapter")
    return SimpleNamespace(**vars(adapters) | {variant.adapter: variant.function})
