import builtins
import re
import sys
from collections import Counter
from functools import cache
from math import dist, log

import pytest
import torch

from kit.given.moons import moons
from kit.given.names import names
from kit.given.texts import documents, load_public, load_text
from kit.given.toys import TOYS, toy_model, toy_state

INPUTS = {
    "linear": (torch.ones(2, 4), (2, 3)),
    "mlp": (torch.ones(2, 4), (2, 3)),
    "conv": (torch.ones(2, 1, 8, 8), (2, 3)),
    "tied": (torch.arange(6).reshape(2, 3), (2, 3, 11)),
    "language": (torch.arange(6).reshape(2, 3), (2, 3, 27)),
}


# --- names


@cache
def many() -> list[str]:
    return names(30_000)


def test_names_are_distinct_and_in_the_alphabet():
    assert len(many()) == len(set(many())) == 30_000, "a name came twice, or too few came"
    odd = [name for name in many() if not re.fullmatch("[a-z]{2,12}", name)]
    assert not odd, f"names outside a-z or of a wrong length: {odd[:5]}"


def test_a_longer_list_of_names_begins_with_the_shorter_one():
    assert names(2_000) == many()[:2_000], "a name depends on how many were asked for"
    assert names(50, seed=1) != names(50, seed=2), "the seed is ignored"
    with pytest.raises(ValueError, match="count=-1"):
        names(-1)


def nll(order: int) -> float:
    """Nats a letter of an add-one n-gram model, '.' at both ends, on the names it counted."""
    grams: Counter = Counter()
    for name in many():
        padded = "." * (order - 1) + name + "."
        grams.update(padded[i : i + order] for i in range(len(name) + 1))
    contexts: Counter = Counter()
    for gram, count in grams.items():
        contexts[gram[:-1]] += count
    nats = (n * log((n + 1) / (contexts[gram[:-1]] + 27)) for gram, n in grams.items())
    return -sum(nats) / grams.total()


def test_names_have_structure_for_a_bigram_and_more_for_a_trigram():
    bigram, trigram = nll(2), nll(3)
    assert 2.2 < bigram < 2.6, f"bigram {bigram:.2f} nats, uniform is {log(27):.2f}"
    assert trigram < bigram - 0.2, f"trigram {trigram:.2f} is hardly better than {bigram:.2f}"


# --- moons


def test_moons_are_half_circles_that_reach_into_each_other():
    points, labels = moons(400, noise=0.0)
    assert labels == [-1, 1] * 200
    for point, label in zip(points, labels, strict=True):
        center = (1.0, 0.5) if label == 1 else (0.0, 0.0)
        assert dist(point, center) == pytest.approx(1), "a point off its circle"
        assert (point[1] - center[1]) * label <= 0, "a point on the wrong half of its circle"
    assert moons(50) == moons(50) != moons(50, seed=1), "the seed decides, and nothing else"
    spread = [dist(p, q) for p, q in zip(moons(400, noise=0.2)[0], points, strict=False)]
    assert max(spread) > 0.1, "noise is ignored"


# --- texts


def test_a_text_is_loaded_with_its_newlines_and_without_its_mark(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(b"\xef\xbb\xbfcaf\xc3\xa9\r\nna\xc3\xafve\n")
    assert load_text(path) == "café\r\nnaïve\n", "the newlines changed, or the BOM stayed"


def test_a_missing_file_lists_its_neighbors(tmp_path):
    (tmp_path / "stories.txt").write_text("x")
    with pytest.raises(FileNotFoundError, match=r"storys\.txt.*stories\.txt"):
        load_text(tmp_path / "storys.txt")


def test_a_directory_is_not_a_text(tmp_path):
    (tmp_path / "inside.txt").write_text("x")
    with pytest.raises(IsADirectoryError, match=r"inside\.txt"):
        load_text(tmp_path)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_wrong_encoding_names_the_byte(tmp_path, mark):
    path = tmp_path / "latin.txt"
    path.write_bytes(mark + "abc é".encode("latin-1"))
    with pytest.raises(ValueError, match=f"0xe9 at offset {4 + len(mark)}.*latin-1"):
        load_text(path)
    assert load_text(path, "latin-1").endswith("abc é"), "the encoding asked for was not used"


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path, content):
    (tmp_path / "empty.txt").write_bytes(content)
    with pytest.raises(ValueError, match="empty"):
        load_text(tmp_path / "empty.txt")


def test_documents_keep_what_stands_between_separators():
    assert documents("a|b|", "|") == ["a", "b"], "the end of the last document became a document"
    assert documents("a||b", "|") == ["a", "", "b"], "an empty document was dropped in the middle"
    assert documents("", "|") == [], "no text has no documents"
    with pytest.raises(ValueError, match="separator=''"):
        documents("a", "")


def test_public_data_without_the_package_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **named):
        if name == "datasets":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"storyteller\[data\].*kit\.given\.stories"):
        load_public("tinystories", "train", 1)


class Offline:
    @staticmethod
    def load_dataset(*_, **__):
        raise OSError("no route to host")


class Broken:
    @staticmethod
    def load_dataset(*_, **__):
        raise KeyError("a bug")


class Refused(Exception):
    __module__ = "httpx"


class Hub:
    @staticmethod
    def load_dataset(*_, **__):
        raise Refused("no route to host")


class Online:
    @staticmethod
    def load_dataset(path, split, streaming, **_):
        return ({"text": f"{path} {split} {streaming} {i}"} for i in range(10))


@pytest.mark.parametrize("package", [Offline, Hub])
def test_public_data_without_a_network_names_the_offline_way(monkeypatch, package):
    monkeypatch.setitem(sys.modules, "datasets", package)
    with pytest.raises(ConnectionError, match=r"no route to host.*kit\.given\.names"):
        load_public("names", "train", 1)


def test_another_failure_is_not_blamed_on_the_network(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", Broken)
    with pytest.raises(KeyError, match="a bug"):
        load_public("names", "train", 1)


def test_public_data_is_streamed_up_to_the_limit(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", Online)
    rows = load_public("tinystories", "validation", 2)
    assert rows == [f"roneneldan/TinyStories validation True {i}" for i in range(2)]
    assert len(load_public("tinystories", "train", None)) == 10, "None means all rows"


@pytest.mark.parametrize(
    "name, split, limit, listed",
    [
        ("tinystory", "train", 1, "tinystories"),
        ("tinystories", "test", 1, "validation"),
        ("names", "train", -1, "limit=-1"),
    ],
)
def test_public_data_lists_the_valid_choices(name, split, limit, listed):
    with pytest.raises(ValueError, match=listed):
        load_public(name, split, limit)


# --- toys


@pytest.mark.parametrize("name", TOYS)
def test_a_toy_has_the_shape_it_promises(name):
    given, shape = INPUTS[name]
    out = toy_model(name)(given)
    assert out.shape == shape, f"{name}: {tuple(out.shape)} came out"
    out.sum().backward()


@pytest.mark.parametrize("name", TOYS)
def test_a_toy_is_made_of_its_seed_and_of_nothing_else(name):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, other = toy_state(name, seed=3), toy_state(name, seed=3)
    model = toy_model(name, seed=3)
    assert torch.equal(torch.get_rng_state(), before), "the global generator was drawn from"
    assert all(torch.equal(one[key], other[key]) for key in one), "a seed gave two states"
    assert all(torch.equal(one[key], model.state_dict()[key]) for key in one), "another seed"
    assert not torch.equal(next(iter(one.values())), next(iter(toy_state(name, 4).values())))


@pytest.mark.parametrize("name", TOYS)
def test_a_toy_takes_a_plain_state(name):
    given, _ = INPUTS[name]
    state = toy_model(name, seed=5).state_dict()
    assert torch.equal(toy_model(name, state)(given), toy_model(name, seed=5)(given)), (
        "the state given was not the state used"
    )


def test_the_tied_toy_has_one_matrix_under_two_names():
    model, state = toy_model("tied"), toy_state("tied")
    assert model.head.weight is model.embedding.weight, "loading a state untied the matrices"
    assert state["head.weight"] is state["embedding.weight"], "the plain state holds it twice"
    assert len(list(model.parameters())) == 3, "the shared matrix is counted twice"


def test_the_language_toy_does_not_look_ahead():
    model, ids = toy_model("language"), torch.arange(8)[None]
    changed = ids.clone()
    changed[0, 5:] = 20
    past, other = model(ids)[0, :5], model(changed)[0, :5]
    assert torch.equal(past, other), "a later token changed an earlier prediction"
    changed[0, 0] = 20
    assert not torch.equal(model(ids)[0, 4], model(changed)[0, 4]), "the first token is forgotten"


def test_an_unknown_toy_lists_the_toys():
    with pytest.raises(ValueError, match="linear.*tied"):
        toy_model("transformer")
