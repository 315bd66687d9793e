"""A training step of Llama: the kit's fast loss against `transformers`, from the same weights.

Six layers, d_model 256, 8 heads over 4 key-value heads, d_ff 688, vocabulary 10,000, head and
embedding apart: 9.5 million parameters. A batch is 8 x 256 tokens. A step is forward, backward, and
torch's fused AdamW, the same for both. The peer attends by "sdpa", its default.

A row says whether torch.compile was used, with its default settings for the peer, whole model and
loss; the kit compiles a block, once for all layers. Compiling is not on the clock. Before a row
counts, both must have had the same losses, and from the same weights gradients that are off the
exact ones, the clear code's in float64, by no more than the peer's and a quarter.
"""

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.measure import named, need_compiler, side_by_side
from solutions.ch05_transformer.fast_llama import fast_block, llama_loss
from solutions.ch05_transformer.llama import llama_forward
from solutions.ch05_transformer.loss import next_token_loss

CONFIG = {
    "vocab_size": 10_000,
    "context_length": 256,
    "d_model": 256,
    "num_layers": 6,
    "num_heads": 8,
    "num_kv_heads": 4,
    "d_ff": 688,
    "norm_eps": 1e-5,
    "rope_theta": 10_000.0,
}
BATCH = 8


def run(repetitions: int) -> None:
    """Enter all rows of this benchmark."""
    need_compiler()
    torch.set_num_threads(1)
    model = peer_model(CONFIG)
    ids = torch.randint(
        CONFIG["vocab_size"],
        (BATCH, CONFIG["context_length"]),
        generator=torch.Generator().manual_seed(1),
    )
    for dtype, name in ((torch.float32, "float32"), (torch.bfloat16, "autocast bf16")):
        kit, peer = KitSide(model, CONFIG, ids, dtype), PeerSide(model, ids, dtype)
        # dynamic shapes would compile a second, slower time as soon as a number changes
        fast = KitSide(model, CONFIG, ids, dtype, torch.compile(fast_block, dynamic=False))
        rival = PeerSide(model, ids, dtype, torch.compile)
        rows = {"eager": (kit, peer), "kit compiled": (fast, peer), "both compiled": (fast, rival)}
        for how, (ours, theirs) in rows.items():
            ours.warm_up()
            theirs.warm_up()
            side_by_side(
                "training",
                f"step of a 6-layer Llama, {BATCH} x 256 tokens, {name}, {how}",
                ours.steps,
                theirs.steps,
                named("transformers"),
                partial(same, partial(exact_gradients, model, CONFIG, ids), ours, theirs),
                repetitions,
                rehearse=True,
            )


def peer_model(config: dict[str, int | float]) -> torch.nn.Module:
    """LlamaForCausalLM with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    settings = LlamaConfig(
        vocab_size=config["vocab_size"],
        hidden_size=config["d_model"],
        intermediate_size=config["d_ff"],
        num_hidden_layers=config["num_layers"],
        num_attention_heads=config["num_heads"],
        num_key_value_heads=config["num_kv_heads"],
        max_position_embeddings=config["context_length"],
        rms_norm_eps=config["norm_eps"],
        rope_parameters={"rope_type": "default", "rope_theta": config["rope_theta"]},
        tie_word_embeddings=False,
        use_cache=False,
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(settings).train()


class Side:
    """Weights of its own, a loss, and the optimizer that both sides use."""

    def __init__(self, weights: dict[str, Tensor], loss: Callable[[], Tensor], dtype: torch.dtype):
        self.weights, self.loss, self.dtype = weights, loss, dtype
        self.first = {name: weight.detach().clone() for name, weight in weights.items()}
        self.optimizer = torch.optim.AdamW(weights.values(), lr=1e-3, fused=True)
        self.warm = False

    def backward(self) -> float:
        with torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32):
            loss = self.loss()
        loss.backward()
        return loss.item()

    def steps(self, number: int = 1) -> list[float]:
        """The losses on the way."""
        losses = []
        for _ in range(number):
            losses.append(self.backward())
            self.optimizer.step()
            self.optimizer.zero_grad()
        return losses

    def warm_up(self) -> None:
        """Compile, and make the optimizer's state."""
        if not self.warm:
            self.steps(2)
            self.warm = True

    def gradients(self) -> tuple[float, Tensor]:
        """Loss and gradients from the first weights."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(self.first[name])
        self.optimizer.zero_grad()
        loss = self.backward()
        return loss, torch.cat([self.weights[name].grad.flatten() for name in sorted(self.weights)])


class KitSide(Side):
    """The kit's functions on a state."""

    def __init__(self, model, config, ids, dtype, block: Callable = fast_block):
        weights = {
            name: weight.detach().clone().requires_grad_()
            for name, weight in model.named_parameters()
        }
        super().__init__(weights, lambda: llama_loss(weights, config, ids, block), dtype)


class PeerSide(Side):
    """The peer's model, as it is or compiled."""

    def __init__(self, model, ids, dtype, compiled: Callable = lambda model: model):
        model = copy.deepcopy(model)
        call = compiled(model)
        weights = dict(model.named_parameters())
        super().__init__(weights, lambda: call(input_ids=ids, labels=ids).loss, dtype)


def exact_gradients(model, config, ids) -> Tensor:
    """In float64, by the clear code, from the weights of the model."""
    weights = {name: w.detach().double().requires_grad_() for name, w in model.named_parameters()}
    next_token_loss(llama_forward(weights, config, ids), ids).backward()
    return torch.cat([weights[name].grad.flatten() for name in sorted(weights)])


def same(
    exact: Callable[[], Tensor],
    ours: Side,
    theirs: Side,
    our_losses: list[float],
    their_losses: list[float],
) -> str:
    """Losses on the way, and gradients from the first weights."""
    tolerance = 1e-5 if ours.dtype == torch.float32 else 1e-3
    (our_loss, our_gradient), (their_loss, their_gradient) = ours.gradients(), theirs.gradients()
    for mine, yours in zip([our_loss, *our_losses], [their_loss, *their_losses], strict=True):
        if not abs(mine - yours) <= tolerance * yours:
            raise AssertionError(f"losses of {mine} and {yours}")
    truth = exact()
    errors = [((g - truth).norm() / truth.norm()).item() for g in (our_gradient, their_gradient)]
    if not errors[0] <= 1.25 * errors[1]:
        raise AssertionError(f"gradients off by {errors[0]:.1e}, the peer's by {errors[1]:.1e}")
    off = f"{errors[0]:.1e}, the peer's by {errors[1]:.1e}"
    return f"loss {our_loss:.4f}; gradients off the exact ones by {off}"
