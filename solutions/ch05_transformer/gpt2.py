"""GPT-2: the transformer that all others are variations of (Radford et al. 2019).

    x = wte[ids] + wpe[positions]
    x = x + attention(layernorm(x))
    x = x + gelu_mlp(layernorm(x))     both, num_layers times
    logits = layernorm(x) wteᵀ

Against Llama: learned positions instead of rotary ones, LayerNorm, biases everywhere, GELU, as many
heads of keys as of queries, one matrix for all three, and the embedding serves as the head.
"""

from jaxtyping import Float, Int
from torch import Tensor

from ..ch04_attention import adapters as attention
from .checking import check_heads, check_ids, check_names
from .feedforward import gelu_mlp
from .normalisation import layernorm


def parameter_shapes(config: dict[str, int | float]) -> dict[str, tuple[int, ...]]:
    """Every name of a state, with its shape."""
    V, T, C = config["vocab_size"], config["context_length"], config["d_model"]
    shapes = {"wte.weight": (V, C), "wpe.weight": (T, C)}
    for i in range(config["num_layers"]):
        layer = {
            "ln_1": (C,),
            "attn.c_attn": (3 * C, C),
            "attn.c_proj": (C, C),
            "ln_2": (C,),
            "mlp.c_fc": (4 * C, C),
            "mlp.c_proj": (C, 4 * C),
        }
        for name, shape in layer.items():
            shapes[f"h.{i}.{name}.weight"] = shape
            shapes[f"h.{i}.{name}.bias"] = shape[:1]
    return shapes | {"ln_f.weight": (C,), "ln_f.bias": (C,)}


def gpt2_forward(
    state: dict[str, Tensor], config: dict[str, int | float], ids: Int[Tensor, "B T"]
) -> Float[Tensor, "B T V"]:
    """From ids to logits."""
    check_names(state, list(parameter_shapes(config)))
    check_heads(config["d_model"], config["num_heads"])
    check_ids(ids, config)

    def both(name: str) -> tuple[Tensor, Tensor]:
        return state[f"{name}.weight"], state[f"{name}.bias"]

    eps = config["norm_eps"]
    x = state["wte.weight"][ids] + state["wpe.weight"][: ids.shape[-1]]
    for i in range(config["num_layers"]):
        h = layernorm(x, *both(f"h.{i}.ln_1"), eps)
        x = x + _attention(
            h, *both(f"h.{i}.attn.c_attn"), *both(f"h.{i}.attn.c_proj"), config["num_heads"]
        )
        h = layernorm(x, *both(f"h.{i}.ln_2"), eps)
        x = x + gelu_mlp(h, *both(f"h.{i}.mlp.c_fc"), *both(f"h.{i}.mlp.c_proj"))
    return layernorm(x, *both("ln_f"), eps) @ state["wte.weight"].T


def _attention(x, W_qkv, b_qkv, W_out, b_out, H):
    T = x.shape[-2]
    q, k, v = (attention.split_heads(t, H) for t in (x @ W_qkv.T + b_qkv).chunk(3, -1))  # B H T D
    mask = attention.causal_mask(T, T).to(x.device)
    out = attention.scaled_dot_product_attention(q, k, v, mask)
    return attention.merge_heads(out) @ W_out.T + b_out
