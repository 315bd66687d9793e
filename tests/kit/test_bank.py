"""The bug bank: variants laid over the reference, each by its name."""

from types import ModuleType, SimpleNamespace

import pytest

from kit.bank import Variant, bug, overlay, read_bank, twin, variants_in
from kit.chapters import chapter, chapter_names


@bug("counts", "pairs are counted twice")
def doubled(x):
    return 2 * x


@twin("counts", "counts by hand", "count_pairs")
def by_hand(x):
    return x


def module(**members: object) -> ModuleType:
    made = ModuleType("bugs")
    vars(made).update(members)
    return made


def test_a_variant_replaces_its_problems_namesake_or_the_adapter_named():
    assert (doubled.adapter, doubled.name, doubled.text) == (
        *("counts", "doubled", "pairs are counted twice"),
    )
    assert by_hand.adapter == "count_pairs" and by_hand.function(3) == 3


def test_a_module_yields_its_variants_in_order_and_names_none_twice():
    assert variants_in(module(b=by_hand, x=3, a=doubled)) == [by_hand, doubled]
    again = Variant("doubled", "counts", "counts", "again", len)
    with pytest.raises(ValueError, match=r"names \['doubled'\] twice"):
        variants_in(module(a=doubled, b=again))


def test_an_overlay_replaces_one_adapter_and_leaves_the_reference_alone():
    reference = SimpleNamespace(counts=lambda x: x, other=len)
    over = overlay(reference, doubled)
    assert over.counts(3) == 6 and over.other is len and reference.counts(3) == 3
    with pytest.raises(ValueError, match="by_hand replaces 'count_pairs', which is no adapter"):
        overlay(reference, by_hand)


@pytest.mark.parametrize("name", chapter_names())
def test_every_variant_of_every_chapter_belongs_to_a_problem_and_one_of_its_adapters(name):
    bugs, twins = read_bank(name)
    assert bugs and twins, "a chapter has bugs and twins"
    for variant in bugs + twins:
        adapters = chapter(name).problem(variant.problem).adapters
        assert variant.adapter in adapters, f"{variant.name} is not of {variant.problem}"
