"""Tell a story: draw a token, show what can be shown of it, and go on until the story ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from kit.storyteller.data import END, TOKENIZER
from kit.storyteller.folder import CHECKPOINT, run_of
from kit.storyteller.implementation import Implementation, open_implementation
from kit.storyteller.model import Llama, best_device, load_weights
from kit.storyteller.refusal import Refused

PARTIAL = "\ufffd"  # what a tokenizer decodes half a character to


@dataclass(frozen=True)
class Draw:
    """How tokens are drawn."""

    temperature: float = 0.5
    top_k: int | None = None
    top_p: float | None = 0.95
    max_tokens: int = 512
    seed: int = 0


def encode_prompt(tokenizer: object, prompt: str, context_length: int) -> list[int]:
    """The prompt as ids behind END, where stories begin; Refused if it does not fit."""
    prompt = prompt.rstrip()  # a token begins with its space
    if not prompt:
        raise Refused('got an empty prompt, wanted a beginning, such as "Once upon a time"')
    ids = [*tokenizer.encode(END), *tokenizer.encode(prompt)]
    if len(ids) > context_length:
        raise Refused(
            f"got a prompt of {len(ids) - 1} tokens, wanted at most {context_length - 1}, which is "
            "the model's context; shorten it"
        )
    return ids


@torch.no_grad()
def draw_tokens(
    model: Llama, implementation: Implementation, ids: list[int], end: int, draw: Draw
) -> Iterator[int]:
    """Tokens that go on from `ids`, until END or max_tokens; the model sees its context's length.

    Drawn on the CPU, so that a seed tells the same story on every device.
    """
    rng = torch.Generator().manual_seed(draw.seed)
    device, T = next(model.parameters()).device, model.config["context_length"]
    model.eval()
    for _ in range(draw.max_tokens):
        logits = model(torch.tensor([ids[-T:]], device=device))[0, -1].float().cpu()
        p = implementation.transformer.next_token_probabilities(
            logits, draw.temperature, draw.top_k, draw.top_p
        )
        token = int(torch.multinomial(p, 1, generator=rng))
        if token == end:
            return
        ids = [*ids, token]
        yield token


def whole_characters(tokenizer: object, tokens: Iterator[int]) -> Iterator[str]:
    """The text of tokens as they come; bytes of a character wait for the others of it."""
    pending: list[int] = []
    for token in tokens:
        pending.append(token)
        text = tokenizer.decode(pending)
        if not text.endswith(PARTIAL):
            yield text
            pending = []
    if pending:
        yield tokenizer.decode(pending)


@dataclass(frozen=True)
class Teller:
    """A trained model with all that it takes to tell a story."""

    model: Llama
    implementation: Implementation
    tokenizer: object

    def tell(self, prompt: str, draw: Draw) -> Iterator[str]:
        """A story in pieces, its prompt first."""
        ids = encode_prompt(self.tokenizer, prompt, self.model.config["context_length"])
        yield prompt.rstrip()
        tokens = draw_tokens(self.model, self.implementation, ids, ids[0], draw)
        yield from whole_characters(self.tokenizer, tokens)


def open_teller(folder: Path, impl: str | None) -> Teller:
    """The model of a run's folder; by default on the chapters that have trained it."""
    asked, preset = run_of(folder)
    implementation = open_implementation(impl or asked["impl"])
    model = Llama(implementation, preset.config())
    load_weights(model, folder / CHECKPOINT)
    if not (folder / TOKENIZER).is_file():
        raise Refused(f"{folder / TOKENIZER} is missing; train again with --fresh")
    tokenizer = implementation.tokenization.load_tokenizer(str(folder / TOKENIZER))
    return Teller(model.to(best_device()), implementation, tokenizer)
