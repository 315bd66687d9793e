"""See your transformers at work: python assignments/ch05_transformer/play.py

Trains your GPT-2 and your Llama, of about the same size, on the characters of small stories, and
lets the Llama go on writing. Takes about two minutes. Lines after > are drawn by chance.
"""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this kit, wherever it is run from

from kit.given.stories import corpus  # noqa: E402
from kit.play import run  # noqa: E402

STEPS, BATCH, LR, C, T = 400, 16, 3e-3, 96, 64


class Model(torch.nn.Module):
    """One of your forward functions, as the module that `generate` wants."""

    def __init__(self, forward, state, config):
        super().__init__()
        self.names, self.config, self.compute = list(state), config, forward
        self.weights = torch.nn.ParameterList(state.values())

    def forward(self, ids):
        """Ids B T to logits B T V."""
        return self.compute(dict(zip(self.names, self.weights, strict=True)), self.config, ids)


def gpt2(adapters, V: int) -> Model:
    """Your fresh GPT-2."""
    config = {"vocab_size": V, "context_length": T, "d_model": C, "num_layers": 3}
    config |= {"num_heads": 4, "norm_eps": 1e-5}
    return Model(adapters.gpt2_forward, adapters.init_weights(config, 0), config)


def llama(adapters, V: int) -> Model:
    """Your Llama, tied, with one head of keys for two of queries."""
    config = {"vocab_size": V, "context_length": T, "d_model": C, "num_layers": 3}
    config |= {"num_heads": 4, "num_kv_heads": 2, "d_ff": 256, "norm_eps": 1e-5}
    config["rope_theta"] = 10000.0
    rng, D = torch.Generator().manual_seed(0), C // 4
    rows = {"self_attn.q": (C, C), "self_attn.k": (2 * D, C), "self_attn.v": (2 * D, C)}
    rows |= {"self_attn.o": (C, C), "mlp.gate": (256, C), "mlp.up": (256, C), "mlp.down": (C, 256)}
    state = {"model.embed_tokens.weight": 0.02 * torch.randn(V, C, generator=rng)}
    for i in range(3):
        for name, shape in rows.items():
            std = 0.02 / 6**0.5 if name in ("self_attn.o", "mlp.down") else 0.02
            weight = std * torch.randn(shape, generator=rng)
            state[f"model.layers.{i}.{name}_proj.weight"] = weight
        for norm in ("input", "post_attention"):
            state[f"model.layers.{i}.{norm}_layernorm.weight"] = torch.ones(C)
    return Model(adapters.llama_forward, state | {"model.norm.weight": torch.ones(C)}, config)


def train(adapters, model: Model, ids: torch.Tensor) -> list[float]:
    """AdamW on windows of the text; the loss of every step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, betas=(0.9, 0.95))
    rng, losses = torch.Generator().manual_seed(1), []
    for step in range(STEPS):
        for group in optimizer.param_groups:  # down to a tenth: the last steps settle
            group["lr"] = LR * (1 - 0.9 * step / STEPS)
        starts = torch.randint(len(ids) - T, (BATCH, 1), generator=rng)
        batch = ids[starts + torch.arange(T)]
        loss = adapters.next_token_loss(model(batch), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def play(adapters, curve: Path | None = None) -> None:
    """Train both, measure both on text they have not seen, and write."""
    text = corpus(400_000)
    vocabulary = sorted(set(text))
    number = {c: i for i, c in enumerate(vocabulary)}
    ids = torch.tensor([number[c] for c in text])
    held_out, ids = ids[-20_480:].view(-1, T), ids[:-20_480]
    print(f"{len(ids):,} characters, V = {len(vocabulary)}")
    curves = {}
    for title, make in (("GPT-2", gpt2), ("Llama", llama)):
        model = make(adapters, len(vocabulary))
        losses = curves[title] = train(adapters, model, ids)
        with torch.no_grad():
            loss = adapters.next_token_loss(model(held_out), held_out).item()
        count = adapters.count_parameters(model)
        print(f"{title}: {count:,} parameters, loss {losses[0]:.2f} -> {loss:.2f} nats held out")
    config = gpt2(adapters, len(vocabulary)).config
    print(f"GPT-2: {adapters.flops_per_token(config, T):,} flops per token")

    prompt = torch.tensor([[number[c] for c in "Once upon a time"]])
    story = adapters.generate(model, prompt, 240, T, 0.8, None, 0.95, 0)[0].tolist()
    print("> " + "\n> ".join("".join(vocabulary[i] for i in story).splitlines()))
    if curve:
        draw(curves, curve)


def draw(curves: dict[str, list[float]], path: Path) -> None:
    """Plot both losses."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    for (title, losses), style in zip(curves.items(), ("--", "-"), strict=True):
        axes.plot(losses, style, color="0.5" if style == "--" else None, label=title)
    axes.set(xlabel="step", ylabel="mean NLL (nats)", ylim=(0, None))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    print(f"drawn: {path}")


if __name__ == "__main__":
    run("ch05_transformer", __doc__.splitlines()[0], play)
