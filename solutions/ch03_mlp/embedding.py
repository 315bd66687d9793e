"""Embedding: every id has a vector of its own, and the vectors are learned.

    out[i] = E[ids[i]]      dE[v] = sum of d_out[i] over all i with ids[i] = v

It is the product of a one-hot matrix and E, without the multiplications by zero.
"""

from jaxtyping import Float, Int
from torch import Tensor


def check_ids(ids: Int[Tensor, "..."], V: int, what: str) -> None:
    """Refuse ids that stand for nothing; a negative one would silently count from the end."""
    wrong = ids[(ids < 0) | (ids >= V)]
    if wrong.numel():
        raise ValueError(f"{what} {wrong[0].item()} is out of range; valid ones are 0..{V - 1}")


def embedding_forward(
    table: Float[Tensor, "V C"], ids: Int[Tensor, "..."]
) -> Float[Tensor, "... C"]:
    """Pick rows."""
    check_ids(ids, len(table), "id")
    return table[ids]


def embedding_backward(
    d_out: Float[Tensor, "... C"], ids: Int[Tensor, "..."], V: int
) -> Float[Tensor, "V C"]:
    """Send every gradient back to the row it came from."""
    check_ids(ids, V, "id")
    if d_out.shape[:-1] != ids.shape:
        raise ValueError(
            f"gradients for {tuple(d_out.shape[:-1])} vectors, but ids are {tuple(ids.shape)}; "
            "wanted one gradient per id"
        )
    C = d_out.shape[-1]
    # dE[ids] = d_out, and also dE[ids] += d_out, would keep only one gradient of a repeated id
    return d_out.new_zeros(V, C).index_add_(0, ids.reshape(-1), d_out.reshape(-1, C))
