"""What both models check of their input before they compute."""

from jaxtyping import Int
from torch import Tensor


def check_ids(ids: Int[Tensor, "B T"], config: dict[str, int | float]) -> None:
    """Negative ids would count from the end of the embedding, and nobody would notice."""
    V, limit = config["vocab_size"], config["context_length"]
    if ids.shape[-1] > limit:
        raise ValueError(f"got T={ids.shape[-1]} tokens, wanted at most context_length={limit}")
    if ids.numel() and not 0 <= ids.min() <= ids.max() < V:
        low, high = ids.min().item(), ids.max().item()
        raise ValueError(f"got ids from {low} to {high}, wanted 0 to vocab_size - 1 = {V - 1}")


def check_names(state: dict[str, Tensor], wanted: list[str]) -> None:
    """All that is missing at once, not one per attempt."""
    if missing := [name for name in wanted if name not in state]:
        raise KeyError(f"missing from the state: {', '.join(missing)}")


def check_heads(C: int, H: int) -> None:
    """Heads are equally wide."""
    if H < 1 or C % H:
        raise ValueError(f"d_model={C} is not divisible by num_heads={H}; choose from its divisors")
