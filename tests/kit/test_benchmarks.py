"""The benchmarks: what they compare agrees, what does not agree never becomes a row."""

import importlib
import io
import mmap
from functools import partial

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import adamw, measure, training
from solutions.ch07_optimization import fast_adamw
from solutions.ch07_optimization.adamw import AdamW
from solutions.ch07_optimization.fast_adamw import update_all, zeros_like_all

SMALL = {
    "vocab_size": 60,
    "context_length": 70,
    "d_model": 32,
    "num_layers": 2,
    "num_heads": 4,
    "num_kv_heads": 2,
    "d_ff": 48,
    "norm_eps": 1e-5,
    "rope_theta": 10_000.0,
}


@pytest.fixture
def results(tmp_path, monkeypatch):
    path = tmp_path / "results.md"
    monkeypatch.setattr(measure, "RESULTS", path)
    return path


def compare(kit, peer):
    def same(mine, yours):
        assert mine == yours, "no agreement"
        return f"both {mine}"

    measure.side_by_side("toy", "work", kit, peer, "peer", same, repetitions=5)


def test_every_benchmark_can_run():
    for name in command.names():
        assert callable(importlib.import_module(f"benchmarks.{name}").run)


def test_a_row_is_entered_once_beside_those_of_others(results):
    measure.enter("other", "work", "| other | work | 1 |")
    for _ in range(2):
        compare(lambda: 3, lambda: 3)
    rows = [line for line in results.read_text().splitlines() if line.startswith("| ")][1:]
    assert [row.split(" | ")[0] for row in rows] == ["| other", "| toy"]
    assert "both 3" in rows[1]


def test_sides_that_disagree_enter_no_row(results):
    with pytest.raises(RuntimeError, match="failed"):
        compare(lambda: 3, lambda: 4)
    assert not results.exists()


@pytest.mark.parametrize("load, busy", [(0.9, False), (4.0, True)])
def test_a_row_says_when_the_machine_was_busy(results, monkeypatch, load, busy):
    monkeypatch.setattr(measure.os, "getloadavg", lambda: (load, 0, 0))
    compare(lambda: 3, lambda: 3)
    assert ("busy machine" in results.read_text()) is busy


def test_without_a_compiler_the_error_names_the_cure(monkeypatch):
    def none():
        from torch._inductor.exc import InvalidCxxCompiler

        raise InvalidCxxCompiler

    monkeypatch.setattr("torch._inductor.cpp_builder.get_cpp_compiler", none)
    with pytest.raises(SystemExit, match=r"install g\+\+"):
        measure.need_compiler()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_training_compares_the_same_model(dtype):
    """Other weights, and weights in the wrong place, are noticed."""
    model = training.peer_model(SMALL)
    ids = torch.randint(60, (2, 70), generator=torch.Generator().manual_seed(1))
    kit = training.KitSide(model, SMALL, ids, dtype)
    peer = training.PeerSide(model, ids, dtype)
    losses = kit.steps(2), peer.steps(2)
    assert losses[0][1] < losses[0][0], "the weights did not learn"
    same = partial(training.same, partial(training.exact_gradients, model, SMALL, ids), kit, peer)
    assert "gradients off" in same(*losses)
    with pytest.raises(AssertionError, match="losses of"):
        same(losses[0][::-1], losses[1])
    gate, up = (f"model.layers.0.mlp.{part}_proj.weight" for part in ("gate", "up"))
    kit.first[gate], kit.first[up] = kit.first[up], kit.first[gate]
    with pytest.raises(AssertionError, match="losses of|gradients off"):
        same(*losses)


def test_adamw_compares_the_same_steps():
    """Another decay is noticed."""
    shapes = [torch.Size((3, 40)), torch.Size((7,))]
    ours, theirs = adamw.stepping(AdamW, shapes)(), adamw.stepping(torch.optim.AdamW, shapes)()
    assert adamw.same(ours, theirs).startswith(f"{len(ours)} sampled")
    with pytest.raises(AssertionError):
        adamw.same(adamw.stepping(torch.optim.Adam, shapes)(), theirs)


def test_the_compiled_optimizer_is_the_clear_one(monkeypatch):
    """Also for a parameter that had no gradient at first; uncompiled here, as compiling is slow."""
    monkeypatch.setattr(fast_adamw, "compiled_update", lambda: update_all)
    generator = torch.Generator().manual_seed(1)
    start = [torch.randn(shape, generator=generator).double() for shape in [(4, 5), (3,), ()]]
    gradients = [[torch.randn_like(w) for w in start] for _ in range(3)]
    ends = []
    for make in (AdamW, fast_adamw.CompiledAdamW):
        weights = [w.clone().requires_grad_() for w in start]
        groups = [{"params": weights[:2]}, {"params": weights[2:], "lr": 0.2, "weight_decay": 0}]
        optimizer = make(groups, lr=0.1, weight_decay=0.3)
        for number, step in enumerate(gradients):
            for index, (weight, gradient) in enumerate(zip(weights, step, strict=True)):
                weight.grad = None if index == 1 and number == 0 else gradient.clone()
            optimizer.step()
        ends.append([*weights, *(s["square"] for s in optimizer.state.values())])
    torch.testing.assert_close(ends[1], ends[0])


def test_state_in_one_piece_overlaps_nowhere():
    weights = [torch.ones(3, 5), torch.ones((), dtype=torch.float64), torch.ones(0, 2)]
    weights += [torch.ones(7, dtype=torch.bfloat16), torch.ones(1 << 20)]
    states = zeros_like_all(weights)
    for number, (state, weight) in enumerate(zip(states, weights, strict=True), 1):
        assert (state.shape, state.dtype) == (weight.shape, weight.dtype)
        assert not state.any(), "memory was not zero, or a neighbor was written"
        state.fill_(number)
    for number, state in enumerate(states, 1):
        assert (state == number).all(), "two states share memory"
    assert zeros_like_all([]) == [] and zeros_like_all([torch.ones(0)])[0].numel() == 0


def test_a_kernel_without_large_pages_takes_small_ones(monkeypatch):
    class Memory(mmap.mmap):
        def madvise(self, *_):
            raise OSError("Invalid argument")

    monkeypatch.setattr("solutions.ch07_optimization.fast_adamw.mmap.mmap", Memory)
    assert not zeros_like_all([torch.ones(4)])[0].any()
    monkeypatch.delattr("solutions.ch07_optimization.fast_adamw.mmap.MADV_HUGEPAGE")
    assert not zeros_like_all([torch.ones(4)])[0].any()


def test_the_compiled_optimizer_goes_on_from_a_saved_state(monkeypatch):
    monkeypatch.setattr(fast_adamw, "compiled_update", lambda: update_all)
    ends = []
    for saved in (False, True):
        weights = [torch.full((3, 2), 0.5), torch.full((4,), -1.0)]
        optimizer = fast_adamw.CompiledAdamW(weights, lr=0.1)
        for step in range(4):
            if saved and step == 2:
                file = io.BytesIO()
                torch.save(optimizer.state_dict(), file)
                file.seek(0)
                optimizer = fast_adamw.CompiledAdamW(weights, lr=0.1)
                optimizer.load_state_dict(torch.load(file))
            for weight in weights:
                weight.grad = torch.cos(3 * weight + step)
            optimizer.step()
        ends.append(weights)
    torch.testing.assert_close(ends[1], ends[0], rtol=0, atol=0)
