"""The Llama of chapter 5 as a module: named weights around the student's llama_forward."""

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from kit.storyteller.implementation import Implementation
from kit.storyteller.refusal import Refused

SPREAD = 0.5  # times 1 / sqrt(fan_in)
EMBEDDED = 0.1  # at GPT-2's 0.02 the first layers drown out which token it is


class Llama(nn.Module):
    """A tree of layers that hold weights under chapter 5's names; what they compute is not used.

    As layers, so that chapter 7's decay_groups knows an embedding from a matrix. The head is one as
    well, a row for each token, and not tied: who follows whom is told by two vectors of a token, one
    to be read and one to be written.
    """

    def __init__(self, implementation: Implementation, config: dict[str, int | float]):
        super().__init__()
        self.compute, self.config = implementation.transformer.llama_forward, config
        C, F, V = config["d_model"], config["d_ff"], config["vocab_size"]
        E = C // config["num_heads"] * config["num_kv_heads"]
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(V, C)
        self.model.layers = nn.ModuleList(_block(C, E, F) for _ in range(config["num_layers"]))
        self.model.norm = nn.RMSNorm(C)
        self.lm_head = nn.Embedding(V, C)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids B T to logits B T V; on a GPU the products are of bfloat16."""
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=ids.is_cuda):
            return self.compute(dict(self.named_parameters()), self.config, ids)


def _block(C: int, E: int, F: int) -> nn.Module:
    block, attention, mlp = nn.Module(), nn.Module(), nn.Module()
    for name, rows in (("q", C), ("k", E), ("v", E), ("o", C)):
        attention.add_module(f"{name}_proj", nn.Linear(C, rows, bias=False))
    for name, (rows, columns) in {"gate": (F, C), "up": (F, C), "down": (C, F)}.items():
        mlp.add_module(f"{name}_proj", nn.Linear(columns, rows, bias=False))
    block.input_layernorm, block.self_attn = nn.RMSNorm(C), attention
    block.post_attention_layernorm, block.mlp = nn.RMSNorm(C), mlp
    return block


@torch.no_grad()
def initialise(model: Llama, seed: int) -> None:
    """Matrices normal, with what writes to the residual stream smaller the more layers do."""
    rng = torch.Generator().manual_seed(seed)
    layers = model.config["num_layers"]
    for name, weight in model.named_parameters():
        if weight.ndim == 1:
            weight.fill_(1)
            continue
        std = EMBEDDED if "embed" in name else SPREAD / math.sqrt(weight.shape[1])
        if "o_proj" in name or "down_proj" in name:
            std /= math.sqrt(2 * layers)
        if "lm_head" in name:
            std = 0.0  # at first every token is equally likely
        weight.copy_(std * torch.randn(weight.shape, generator=rng))


def best_device() -> torch.device:
    """The GPU, if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_weights(model: Llama, path: Path) -> int:
    """Fill the model from a checkpoint of chapter 7; the step. Refused if it is damaged."""
    try:
        parts = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(parts["model"])
        return parts["step"]
    except Exception as error:  # of pickle, zip or torch, as the damage will have it
        cause = str(error).strip().splitlines()
        raise Refused(
            f"{path} cannot be read ({cause[0] if cause else type(error).__name__}); "
            "train again with --fresh"
        ) from None
