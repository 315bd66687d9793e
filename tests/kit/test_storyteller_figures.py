"""The figures that a training ends with: bits per byte, and the 5-gram that it is to beat."""

import math
from collections import Counter, defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from kit.storyteller import baseline, data, measuring, optimizer
from kit.storyteller.presets import PRESETS, Preset

V = 7


def documents(count: int, seed: int) -> list[np.ndarray]:
    """Random documents with some order in them, each between two zeros."""
    rng, table = np.random.default_rng(seed), np.random.default_rng(9).dirichlet(np.ones(V) / 3, V)
    found = []
    for _ in range(count):
        tokens = [0]
        for _ in range(rng.integers(1, 30)):
            tokens.append(
                1 + int(rng.choice(V - 1, p=table[tokens[-1], 1:] / sum(table[tokens[-1], 1:])))
            )
        found.append(np.array([*tokens, 0], np.uint16))
    return found


def test_the_baseline_is_a_distribution():
    train = documents(60, 0)
    for context in ([0], [0, 3], [0, 1, 2, 3, 4, 5, 6], [0, 6, 6, 6, 6, 6]):
        before = baseline.ngram_nll(train, [np.array(context)], V) if len(context) > 1 else 0.0
        bits = [baseline.ngram_nll(train, [np.array([*context, w])], V) - before for w in range(V)]
        assert sum(2**-b for b in bits) == pytest.approx(1, abs=1e-9), context


def kneser_ney(train: list[np.ndarray], valid: list[np.ndarray]) -> float:
    """The same by the book: dictionaries of counts, one word at a time (Chen and Goodman 1999)."""
    pad = [0] * (baseline.ORDER - 2)
    grams = defaultdict(Counter)  # order -> counts of grams that end in a predicted token
    for document in train:
        tokens = [*pad, *map(int, document)]
        for i in range(len(pad) + 1, len(tokens)):
            for n in range(1, baseline.ORDER + 1):
                grams[n][tuple(tokens[i - n + 1 : i + 1])] += 1
    used = {baseline.ORDER: grams[baseline.ORDER]}
    for n in range(1, baseline.ORDER):
        used[n] = Counter(gram[1:] for gram in grams[n + 1])
    discounts = {}
    for n, counts in used.items():
        n1, n2, n3, n4 = (max(sum(c == k for c in counts.values()), 1) for k in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2)
        raw = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        discounts[n] = [min(max(d, baseline.LEAST), k) for k, d in enumerate(raw, 1)]

    def p(word: int, context: tuple) -> float:
        n = len(context) + 1
        lower = p(word, context[1:]) if context else 1 / V
        after = {g[-1]: c for g, c in used[n].items() if g[:-1] == context}
        if not after:
            return lower
        taken = sum(discounts[n][min(c, 3) - 1] for c in after.values())
        count = after.get(word, 0)
        kept = max(count - discounts[n][min(count, 3) - 1], 0) if count else 0
        return (kept + taken * lower) / sum(after.values())

    bits = 0.0
    for document in valid:
        tokens = [*pad, *map(int, document)]
        for i in range(len(pad) + 1, len(tokens)):
            bits -= math.log2(p(tokens[i], tuple(tokens[i - baseline.ORDER + 1 : i])))
    return bits


def test_the_baseline_is_kneser_ney_by_the_book():
    train, valid = documents(25, 1), documents(6, 2)
    assert baseline.ngram_nll(train, valid, V) == pytest.approx(kneser_ney(train, valid), rel=1e-9)


def test_the_baseline_learns_what_repeats():
    again = [np.array([0, 1, 2, 3, 4, 5, 6, 0])] * 50
    assert baseline.ngram_nll(again, again[:1], V) < 0.5


class Bigram(nn.Module):
    """A model that looks back one token, so that windows cannot matter to it."""

    def __init__(self, T: int):
        super().__init__()
        self.config = {"context_length": T}
        self.table = nn.Parameter(torch.randn(V, V, generator=torch.Generator().manual_seed(1)))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        assert ids.shape[-1] <= self.config["context_length"]
        return self.table[ids]


def loss(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


@pytest.mark.parametrize("T", [4, 7, 100])
def test_windows_count_every_token_once(T):
    model, texts = Bigram(T), documents(9, 3)
    implementation = SimpleNamespace(transformer=SimpleNamespace(next_token_loss=loss))
    p = model.table.detach().double().softmax(-1)
    wanted = -sum(p[int(a), int(b)].log2() for d in texts for a, b in zip(d, d[1:], strict=False))
    got = measuring.bits_per_byte(model, implementation, texts, 100)
    assert got == pytest.approx(float(wanted) / 100, rel=1e-5)


def test_later_windows_know_half_of_their_tokens():
    for length in (2, 8, 9, 12, 13, 40):
        seen = 1
        for window, known in measuring.windows(np.arange(length), 8):
            assert known == 1 if seen == 1 else known >= 4, "a prediction without its context"
            assert window[known] == seen, "a token was left out or counted twice"
            seen = window[-1] + 1
        assert seen == length


@pytest.mark.parametrize("series", [False, True])
def test_held_out_stories_are_not_learnt_from(series):
    train, valid = data.split(300_000, series)
    assert not set(train) & set(valid)
    assert 0.04 < len(valid) / len(train) < 0.06
    again, _ = data.split(100_000, series)
    assert train[: len(again)] == again, "a larger corpus begins with the smaller one"


def test_presets_fit_chapter_5_and_7():
    for preset in PRESETS.values():
        config, plan = preset.config(), preset.training(None, 0)
        assert config["d_model"] % config["num_heads"] == 0
        assert config["num_heads"] % config["num_kv_heads"] == 0
        assert plan["batch_size"] % plan["microbatches"] == 0
        assert plan["warmup"] < plan["steps"] and isinstance(preset, Preset)


def test_muon_turns_matrices_and_leaves_the_rest_to_adamw():
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 6, bias=False), nn.LayerNorm(6))
    before = [p.detach().clone() for p in model.parameters()]
    groups = [{"params": [model[1].weight], "weight_decay": 0.0}]
    groups += [{"params": [model[0].weight, *model[2].parameters()], "weight_decay": 0.0}]
    chapter = SimpleNamespace(
        adamw=lambda: torch.optim.AdamW,
        decay_groups=lambda *_: groups,
        muon_orthogonalize=lambda G: (
            torch.linalg.svd(G, full_matrices=False)[0]
            @ torch.linalg.svd(G, full_matrices=False)[2]
        ),
    )
    made = optimizer.make_optimizer(SimpleNamespace(optimization=chapter), model, 0.1)
    made.param_groups[0]["lr"] = 0.1
    model(torch.tensor([1, 2, 3])).square().sum().backward()
    gradients = [p.grad.clone() for p in model.parameters()]
    made.step()
    step = (before[1] - model[1].weight.detach()) / (0.1 * 0.2 * 6**0.5)
    assert torch.allclose(step.T @ step, torch.eye(4), atol=1e-4), "no orthogonal step"
    assert (step * gradients[1]).sum() > 0, "uphill"
    rows = (before[0] - model[0].weight.detach()).abs()
    assert torch.allclose(rows[1:4], torch.tensor(0.1), atol=1e-4) and rows[[0, 4]].max() == 0
