"""AdamW: the kit's against torch's on the parameters of a 6-layer Llama, 9.5 million in 57 tensors.

The clear optimizer runs against torch's default, which loops over the tensors too; the compiled one
against `fused=True`. Compiling and the first steps are not on the clock. The gradients stay, the
weights must come out the same.

Freed memory is kept for the next step, on both sides: else malloc hands it back to the system, or
does not, as the history of the process will have it, and an eager step takes twice as long or not.
"""

import ctypes
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.measure import named, need_compiler, side_by_side
from benchmarks.training import CONFIG, peer_model
from solutions.ch07_optimization.adamw import AdamW
from solutions.ch07_optimization.fast_adamw import CompiledAdamW

STEPS = 50
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT = 32 << 20  # bytes, the most that it allows; a weight here has 10 MB
SETTINGS = {"lr": 1e-3, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1}


def run(repetitions: int) -> None:
    """Enter all rows of this benchmark."""
    need_compiler()
    torch.set_num_threads(1)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)
        libc.mallopt(M_MMAP_THRESHOLD, KEPT)
    shapes = [weight.shape for weight in peer_model(CONFIG).parameters()]
    pairs = {
        "eager, against the default": (AdamW, torch.optim.AdamW),
        "compiled, against fused=True": (CompiledAdamW, partial(torch.optim.AdamW, fused=True)),
    }
    for how, (ours, theirs) in pairs.items():
        side_by_side(
            "adamw",
            f"{STEPS} steps, {sum(shape.numel() for shape in shapes) / 1e6:.1f} M parameters, {how}",
            stepping(ours, shapes),
            stepping(theirs, shapes),
            named("torch"),
            same,
            repetitions,
            rehearse=True,
        )


def stepping(make: Callable, shapes: list[torch.Size]) -> Callable[[], Tensor]:
    """Takes STEPS steps; a sample of the weights comes back."""
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]
    for weight in weights:
        weight.grad = torch.randn(weight.shape, generator=generator)
    optimizer = make(weights, **SETTINGS)
    for _ in range(2):
        optimizer.step()

    def work() -> Tensor:
        for _ in range(STEPS):
            optimizer.step()
        return torch.cat([weight.detach().flatten()[::97] for weight in weights])

    return work


def same(ours: Tensor, theirs: Tensor) -> str:
    """Weights of about 1 after steps of 1e-3."""
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    return f"{len(ours)} sampled weights, to {(ours - theirs).abs().max():.0e}"
