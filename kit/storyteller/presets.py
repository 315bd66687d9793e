"""How large a model is, and how long it learns: measured choices, see the comments."""

from dataclasses import asdict, dataclass

NORM_EPS, ROPE_THETA = 1e-5, 10_000.0


@dataclass(frozen=True)
class Size:
    """The shape of a Llama; the names are those of chapter 5's config."""

    context_length: int
    d_model: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    d_ff: int


@dataclass(frozen=True)
class Preset:
    """A model, the stories it learns from, and its training."""

    series: bool  # a few plots about the same children; else the library, which takes long to learn
    corpus_bytes: int  # of all stories; one in HELD_OUT_EVERY of them is held out
    vocab_size: int
    size: Size
    steps: int
    batch_size: int  # windows of context_length ids in a step
    microbatches: int
    max_lr: float
    eval_every: int

    def config(self) -> dict[str, int | float]:
        """Chapter 5's config of the model."""
        others = {"vocab_size": self.vocab_size, "norm_eps": NORM_EPS, "rope_theta": ROPE_THETA}
        return asdict(self.size) | others

    def training(self, steps: int | None, seed: int) -> dict[str, int | float | str | None]:
        """Chapter 7's config of the training."""
        steps = steps or self.steps
        every = min(self.eval_every, steps)
        return {
            "steps": steps,
            "batch_size": self.batch_size,
            "microbatches": self.microbatches,
            "context_length": self.size.context_length,
            "schedule": "cosine",
            "max_lr": self.max_lr,
            "min_lr": self.max_lr / 50,
            "warmup": steps // 20,
            "clip": 1.0,
            "seed": seed,
            "log_every": 1,
            "eval_every": every,
            "eval_batches": 8,
            "checkpoint_every": every,
        }


PRESETS = {
    "nano": Preset(True, 60_000, 400, Size(64, 32, 1, 2, 1, 64), 40, 8, 1, 1e-2, 10),
    "tiny": Preset(True, 5_200_000, 1024, Size(256, 128, 2, 4, 2, 352), 1_900, 8, 1, 2e-2, 190),
    "small": Preset(
        False, 40_000_000, 4096, Size(512, 512, 8, 8, 4, 1408), 4_000, 64, 2, 2e-3, 200
    ),
}
