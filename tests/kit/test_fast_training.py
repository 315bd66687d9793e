"""The fast training code of ch05_transformer computes what the clear code beside it does."""

import pytest
import torch
from torch.testing import assert_close

from solutions.ch04_attention.masking import causal_mask
from solutions.ch05_transformer.fast_attention import BLOCK_BYTES, causal_gqa
from solutions.ch05_transformer.fast_llama import llama_loss
from solutions.ch05_transformer.fast_loss import ROWS, linear_cross_entropy
from solutions.ch05_transformer.grouped import gqa
from solutions.ch05_transformer.llama import llama_forward
from solutions.ch05_transformer.loss import next_token_loss

BLOCK = BLOCK_BYTES // 4  # queries in float32
CONFIG = {
    "vocab_size": 50,
    "context_length": 2 * BLOCK,
    "d_model": 24,
    "num_layers": 2,
    "num_heads": 6,
    "num_kv_heads": 2,
    "d_ff": 40,
    "norm_eps": 1e-5,
    "rope_theta": 100.0,
}


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def state(tied: bool = False) -> dict[str, torch.Tensor]:
    V, C, F, E = 50, 24, 40, 8
    shapes = {"model.embed_tokens.weight": (V, C), "model.norm.weight": (C,)}
    shapes |= {} if tied else {"lm_head.weight": (V, C)}
    for i in range(CONFIG["num_layers"]):
        layer = {"input_layernorm": (C,), "post_attention_layernorm": (C,)}
        layer |= {f"self_attn.{n}_proj": (C, C) if n in "qo" else (E, C) for n in "qkvo"}
        layer |= {"mlp.gate_proj": (F, C), "mlp.up_proj": (F, C), "mlp.down_proj": (C, F)}
        shapes |= {f"model.layers.{i}.{name}.weight": shape for name, shape in layer.items()}
    return {
        name: (torch.randn(shape, generator=generator, dtype=torch.float64) / 3).requires_grad_()
        for generator in [rng()]
        for name, shape in shapes.items()
    }


def with_gradients(loss, inputs):
    return loss, *torch.autograd.grad(loss, inputs)


@pytest.mark.parametrize("T", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_causal_gqa_is_gqa_with_a_causal_mask(T):
    """Values and gradients, at the seams between blocks too, of strided inputs."""
    generator = rng()
    shapes = [(2, T, 6, 4), (2, T, 3, 4), (2, T, 3, 4)]
    q, k, v = (
        torch.randn(shape, generator=generator, dtype=torch.float64).transpose(1, 2)
        for shape in shapes
    )
    inputs = [x.requires_grad_() for x in (q, k, v)]
    weights = torch.randn(2, 6, T, 4, generator=generator, dtype=torch.float64)
    fast, clear = causal_gqa(*inputs), gqa(*inputs, causal_mask(T, T))
    assert_close(fast, clear)
    got = torch.autograd.grad((fast * weights).sum(), inputs)
    assert_close(got, torch.autograd.grad((clear * weights).sum(), inputs))


def test_causal_gqa_refuses_heads_that_do_not_divide():
    q, kv = torch.zeros(1, 3, 4, 2), torch.zeros(1, 2, 4, 2)
    with pytest.raises(ValueError, match="H=3 is not divisible by H_kv=2"):
        causal_gqa(q, kv, kv)


@pytest.mark.parametrize("N", [1, ROWS, 2 * ROWS + 3])
def test_linear_cross_entropy_is_that_of_the_logits(N):
    """Of logits up to ±10,000 as well, where a softmax has a single 1 and the target may have 0."""
    generator = rng()
    for scale in (1, 1000):
        h = scale * torch.randn(N, 8, generator=generator, dtype=torch.float64)
        weight = torch.randn(20, 8, generator=generator, dtype=torch.float64)
        targets = torch.randint(20, (N,), generator=generator)
        inputs = [h.requires_grad_(), weight.requires_grad_()]
        fast = 3 * linear_cross_entropy(*inputs, targets)
        clear = 3 * torch.nn.functional.cross_entropy(h @ weight.T, targets)
        assert_close(with_gradients(fast, inputs), with_gradients(clear, inputs))


def test_linear_cross_entropy_measures_in_float32_under_autocast():
    """A sure and right prediction has a small loss, which bfloat16's p = 1 would make 0."""
    h, weight = torch.tensor([[1.0]]), torch.tensor([[7.0], [0.0]])
    with torch.autocast("cpu", torch.bfloat16):
        loss = linear_cross_entropy(h, weight, torch.tensor([0]))
    assert_close(loss, torch.tensor(7.0).neg().exp().log1p(), rtol=1e-3, atol=0)


@pytest.mark.parametrize("tied", [False, True])
def test_llama_loss_is_that_of_the_clear_model(tied):
    """Loss and all gradients, also of a head that is the embedding."""
    weights = state(tied)
    ids = torch.randint(50, (3, BLOCK + 7), generator=rng())
    inputs = list(weights.values())
    fast = llama_loss(weights, CONFIG, ids)
    clear = next_token_loss(llama_forward(weights, CONFIG, ids), ids)
    assert_close(with_gradients(fast, inputs), with_gradients(clear, inputs))


def test_llama_loss_under_autocast_strays_no_further_than_the_clear_model():
    """Gradients of both are off those of float32 by the rounding of bfloat16."""
    weights = {name: w.detach().float().requires_grad_() for name, w in state().items()}
    ids = torch.randint(50, (3, BLOCK + 7), generator=rng())

    def gradients(loss):
        parts = torch.autograd.grad(loss(), list(weights.values()))
        return torch.cat([part.flatten() for part in parts])

    def clear():
        return next_token_loss(llama_forward(weights, CONFIG, ids).float(), ids)

    truth = gradients(clear)
    with torch.autocast("cpu", torch.bfloat16):
        errors = [
            (gradients(loss) - truth).norm() / truth.norm()
            for loss in (lambda: llama_loss(weights, CONFIG, ids), clear)
        ]
    assert errors[0] < 1.5 * errors[1], errors


@pytest.mark.parametrize(
    "change, ids, error, message",
    [
        ({}, [[1]], ValueError, "wanted 2 or more"),
        ({}, [[1, 50]], ValueError, "vocab_size"),
        ({"context_length": 2}, [[1, 2, 3]], ValueError, "context_length=2"),
        ({"num_layers": 3}, [[1, 2]], KeyError, "model.layers.2.mlp.down_proj.weight"),
        ({"num_heads": 5}, [[1, 2]], ValueError, "num_heads=5"),
    ],
)
def test_llama_loss_refuses_what_the_clear_model_refuses(change, ids, error, message):
    with pytest.raises(error, match=message):
        llama_loss(state(), CONFIG | change, torch.tensor(ids))
