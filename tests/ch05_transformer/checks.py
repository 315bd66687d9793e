"""What public and hidden tests of ch05_transformer share: inputs, references, and checks of laws.

References come from elsewhere than the solution: whole models from `transformers`, with random
weights, layers from torch.nn.functional and from complex numbers, all in float64.
"""

import torch
import torch.nn.functional as F

from kit.compare import assert_close
from kit.oracles import oracle

# Rounding errors of a sum of products are absolute, and a few times float32's 6e-8.
FLOAT32 = {"rtol": 1e-5, "atol": 3e-6}
# Two layers of them, whose input was normalised, and normalised again.
DEEP = {"rtol": 1e-5, "atol": 2e-5}
# Far below what float32 could give, far above float64's own rounding.
FLOAT64 = {"rtol": 1e-10, "atol": 1e-10}
# A unit in the last place of numbers below 4, and what rounding the factors adds.
HALF = {torch.float16: 4e-3, torch.bfloat16: 3e-2}

GPT2 = {"vocab_size": 29, "context_length": 10, "d_model": 12, "num_layers": 2, "num_heads": 3}
GPT2["norm_eps"] = 1e-5
LLAMA = {"vocab_size": 29, "context_length": 12, "d_model": 24, "num_layers": 2, "num_heads": 4}
LLAMA |= {"num_kv_heads": 2, "d_ff": 20, "rope_theta": 500.0, "norm_eps": 1e-5}


def random(rng: torch.Generator, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype)


def random_ids(rng: torch.Generator, V: int, *shape: int) -> torch.Tensor:
    return torch.randint(V, shape, generator=rng)


def random_matrix(rng: torch.Generator, rows: int, columns: int) -> torch.Tensor:
    """Scaled so that a product keeps the size of its input."""
    return random(rng, rows, columns) / columns**0.5


def gain(rng: torch.Generator, C: int) -> torch.Tensor:
    return 1 + 0.3 * random(rng, C)


def assert_dtype(got: torch.Tensor, wanted: torch.dtype) -> None:
    assert got.dtype is wanted, (
        f"the result has the dtype of its inputs: got {got.dtype}, wanted {wanted}"
    )


def assert_gradients(got: dict, want: dict, **tolerance: float) -> None:
    """Every input receives its gradient."""
    for name, wanted in want.items():
        gradient = got[name]
        assert gradient is not None, f"no gradient reaches {name}: the output is detached from it"
        assert_close(gradient, wanted, f"the gradient in {name} is wrong", **tolerance)


def check_gradients(student, name: str, inputs: dict, rest: list, d_out, reference) -> None:
    """An adapter's gradients are those of `reference`, a function of its inputs, in float64."""
    _, got = student.run("with_gradients", name, list(inputs.values()), rest, d_out)
    leaves = [x.double().requires_grad_() for x in inputs.values()]
    want = torch.autograd.grad(reference(*leaves), leaves, d_out.double())
    named = dict(zip(inputs, got, strict=True)), dict(zip(inputs, want, strict=True))
    assert_gradients(*named, **FLOAT32)


# --- references for layers ----------------------------------------------------------------------


def layernorm(x, weight, bias, eps) -> torch.Tensor:
    return F.layer_norm(x.double(), x.shape[-1:], weight.double(), bias.double(), eps)


def rmsnorm(x, weight, eps) -> torch.Tensor:
    return F.rms_norm(x.double(), x.shape[-1:], weight.double(), eps)


def swiglu(x, W_gate, W_up, W_down) -> torch.Tensor:
    x, W_gate, W_up, W_down = (t.double() for t in (x, W_gate, W_up, W_down))
    return F.linear(F.silu(F.linear(x, W_gate)) * F.linear(x, W_up), W_down)


def gelu_mlp(x, W_in, b_in, W_out, b_out) -> torch.Tensor:
    x, W_in, b_in, W_out, b_out = (t.double() for t in (x, W_in, b_in, W_out, b_out))
    return F.linear(F.gelu(F.linear(x, W_in, b_in), approximate="tanh"), W_out, b_out)


def turns(positions, pairs: int, theta: float) -> torch.Tensor:
    """e^(iφ) for every position and pair: to multiply by it is to turn by φ."""
    frequencies = torch.tensor([theta ** (-i / pairs) for i in range(pairs)], dtype=torch.float64)
    angles = positions.double().unsqueeze(-1) * frequencies
    return torch.polar(torch.ones_like(angles), angles)


def rope(x, positions, theta) -> torch.Tensor:
    """Pairs of neighbours as complex numbers."""
    z = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(z * turns(positions, z.shape[-1], theta)).flatten(-2)


def rope_half(x, positions, theta) -> torch.Tensor:
    """The first half as real parts, the second as imaginary ones."""
    z = torch.complex(*x.double().chunk(2, -1))
    z = z * turns(positions, z.shape[-1], theta)
    return torch.cat([z.real, z.imag], -1)


ROPES = {"rope": rope, "rope_half": rope_half}


def gqa(q, k, v, mask=None) -> torch.Tensor:
    """torch's own, in float64, with zeros for queries that see nothing."""
    q, k, v = (t.double() for t in (q, k, v))
    if mask is None:
        return F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    sees = mask.any(-1, keepdim=True)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask | ~sees, enable_gqa=True)
    return torch.where(sees, out, 0.0)


def block(x, weights, config, positions) -> torch.Tensor:
    """A layer of Llama from torch's functions."""
    x, w = x.double(), {name: weight.double() for name, weight in weights.items()}
    H, H_kv, theta = config["num_heads"], config["num_kv_heads"], config["rope_theta"]
    h = rmsnorm(x, w["input_layernorm.weight"], config["norm_eps"])
    q, k, v = (
        F.linear(h, w[f"self_attn.{part}_proj.weight"]).unflatten(-1, (n, -1)).transpose(1, 2)
        for part, n in (("q", H), ("k", H_kv), ("v", H_kv))
    )
    causal = torch.ones(2 * x.shape[1:2], dtype=torch.bool).tril()
    out = gqa(rope_half(q, positions, theta), rope_half(k, positions, theta), v, causal)
    x = x + F.linear(out.transpose(1, 2).flatten(2), w["self_attn.o_proj.weight"])
    h = rmsnorm(x, w["post_attention_layernorm.weight"], config["norm_eps"])
    return x + swiglu(h, *(w[f"mlp.{part}_proj.weight"] for part in ("gate", "up", "down")))


# --- weights and models of transformers ---------------------------------------------------------


def random_checkpoint(rng: torch.Generator, config: dict) -> dict[str, torch.Tensor]:
    """A GPT-2 as `transformers` names and lays it out; large enough that every part matters."""
    V, T, C = config["vocab_size"], config["context_length"], config["d_model"]
    weights = {"wte.weight": random(rng, V, C), "wpe.weight": random(rng, T, C)}
    for i in range(config["num_layers"]):
        for name, rows, columns in (
            *(("attn.c_attn", C, 3 * C), ("attn.c_proj", C, C)),
            *(("mlp.c_fc", C, 4 * C), ("mlp.c_proj", 4 * C, C)),
        ):
            weights[f"h.{i}.{name}.weight"] = random(rng, rows, columns) / rows**0.5
            weights[f"h.{i}.{name}.bias"] = 0.3 * random(rng, columns)
    for norm in ("ln_f", *(f"h.{i}.ln_{n}" for i in range(config["num_layers"]) for n in (1, 2))):
        weights[f"{norm}.weight"], weights[f"{norm}.bias"] = gain(rng, C), 0.3 * random(rng, C)
    return {f"transformer.{name}": weight for name, weight in weights.items()}


def gpt2_state(checkpoint: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same weights under the names and in the layout of the contract."""
    matrices = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    return {
        name.removeprefix("transformer."): weight.T.contiguous()
        if name.endswith(matrices)
        else weight
        for name, weight in checkpoint.items()
    }


def block_weights(rng: torch.Generator, config: dict) -> dict[str, torch.Tensor]:
    """One layer of a Llama."""
    C, H, d_ff = config["d_model"], config["num_heads"], config["d_ff"]
    kv = config["num_kv_heads"] * (C // H)
    shapes = {"self_attn.q": (C, C), "self_attn.k": (kv, C), "self_attn.v": (kv, C)}
    shapes |= {
        "self_attn.o": (C, C),
        "mlp.gate": (d_ff, C),
        "mlp.up": (d_ff, C),
        "mlp.down": (C, d_ff),
    }
    weights = {f"{name}_proj.weight": random_matrix(rng, *s) for name, s in shapes.items()}
    norms = ("input_layernorm.weight", "post_attention_layernorm.weight")
    return weights | {name: gain(rng, C) for name in norms}


def llama_state(rng: torch.Generator, config: dict, tied: bool = False) -> dict[str, torch.Tensor]:
    V, C = config["vocab_size"], config["d_model"]
    state = {"model.embed_tokens.weight": random(rng, V, C), "model.norm.weight": gain(rng, C)}
    for i in range(config["num_layers"]):
        layer = block_weights(rng, config).items()
        state |= {f"model.layers.{i}.{name}": weight for name, weight in layer}
    return state if tied else state | {"lm_head.weight": random_matrix(rng, V, C)}


def _gpt2_of_transformers(checkpoint: dict, config: dict):
    from transformers import GPT2Config, GPT2LMHeadModel  # takes seconds

    sizes = {"vocab_size": config["vocab_size"], "n_positions": config["context_length"]}
    sizes |= {"n_embd": config["d_model"], "n_layer": config["num_layers"]}
    sizes |= {"n_head": config["num_heads"], "layer_norm_epsilon": config["norm_eps"]}
    none = {"bos_token_id": None, "eos_token_id": None}
    model = GPT2LMHeadModel(GPT2Config(**sizes, **none, attn_implementation="eager"))
    if checkpoint:
        checkpoint = checkpoint | {"lm_head.weight": checkpoint["transformer.wte.weight"]}
        model.load_state_dict(checkpoint)
    return model.double().eval()


def _llama_of_transformers(state: dict, config: dict):
    from transformers import LlamaConfig, LlamaForCausalLM  # takes seconds

    sizes = {"vocab_size": config["vocab_size"], "hidden_size": config["d_model"]}
    sizes |= {"intermediate_size": config["d_ff"], "num_hidden_layers": config["num_layers"]}
    sizes |= {"num_attention_heads": config["num_heads"], "rms_norm_eps": config["norm_eps"]}
    sizes |= {"num_key_value_heads": config["num_kv_heads"]}
    sizes |= {"max_position_embeddings": config["context_length"]}
    rotary = {"rope_type": "default", "rope_theta": config["rope_theta"]}
    none = {"bos_token_id": None, "eos_token_id": None}
    model = LlamaForCausalLM(
        LlamaConfig(**sizes, **none, rope_parameters=rotary, attn_implementation="eager")
    )
    head = state.get("lm_head.weight", state["model.embed_tokens.weight"])
    model.load_state_dict(state | {"lm_head.weight": head})
    return model.double().eval()


@oracle
def gpt2_logits(checkpoint: dict, config: dict, ids: torch.Tensor) -> torch.Tensor:
    return _gpt2_of_transformers(checkpoint, config)(ids).logits.detach()


@oracle
def gpt2_gradients(checkpoint: dict, config: dict, ids: torch.Tensor, d_out: torch.Tensor) -> dict:
    model = _gpt2_of_transformers(checkpoint, config)
    model(ids).logits.backward(d_out.double())
    return gpt2_state({name: p.grad for name, p in model.named_parameters()})


@oracle
def gpt2_names(config: dict) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a state, the head left out."""
    state = gpt2_state(_gpt2_of_transformers({}, config).state_dict())
    return {n: tuple(weight.shape) for n, weight in state.items() if n != "lm_head.weight"}


@oracle
def gpt2_flops(config: dict, T: int) -> float:
    """What torch counts while `transformers` computes a loss of one sequence and its gradients."""
    from torch.utils.flop_counter import FlopCounterMode

    model, ids = _gpt2_of_transformers({}, config), torch.zeros(1, T, dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        model(ids).logits.sum().backward()
    return counter.get_total_flops() / T


@oracle
def llama_logits(state: dict, config: dict, ids: torch.Tensor) -> torch.Tensor:
    return _llama_of_transformers(state, config)(ids).logits.detach()


@oracle
def llama_gradients(state: dict, config: dict, ids: torch.Tensor, d_out: torch.Tensor) -> dict:
    model = _llama_of_transformers(state, config)
    model(ids).logits.backward(d_out.double())
    return {name: p.grad for name, p in model.named_parameters()}


@oracle
def decoder_layer(x: torch.Tensor, weights: dict, config: dict) -> torch.Tensor:
    """The layer of `transformers`, at positions 0 ... T-1."""
    layers = {f"model.layers.0.{name}": weight for name, weight in weights.items()}
    ends = {"model.embed_tokens.weight": torch.zeros(config["vocab_size"], x.shape[-1])}
    state = layers | ends | {"model.norm.weight": torch.ones(x.shape[-1])}
    model = _llama_of_transformers(state, config | {"num_layers": 1}).model
    model.norm = torch.nn.Identity()
    return model(inputs_embeds=x.double()).last_hidden_state.detach()


# --- probabilities ------------------------------------------------------------------------------


def probabilities(row: list[float], temperature: float, top_k=None, top_p=None) -> list[float]:
    """One distribution, token by token, in Python's float64."""
    order = sorted(range(len(row)), key=lambda i: (-row[i], i))
    if temperature == 0:
        return [float(i == order[0]) for i in range(len(row))]
    order = order[: top_k or len(row)]
    weight = {i: _exp((row[i] - row[order[0]]) / temperature) for i in order}
    total, reached, kept = sum(weight.values()), 0.0, []
    for i in order:
        if top_p is not None and top_p < 1 and reached >= top_p:
            break
        kept.append(i)
        reached += weight[i] / total
    total = sum(weight[i] for i in kept)
    return [weight[i] / total if i in kept else 0.0 for i in range(len(row))]


def _exp(x: float) -> float:
    return float(torch.tensor(x, dtype=torch.float64).exp())


def check_probabilities(student, logits, why: str, *arguments, **tolerance: float) -> None:
    got = student.next_token_probabilities(logits, *arguments)
    rows = [probabilities(row, *arguments) for row in logits.flatten(0, -2).tolist()]
    assert_close(got.flatten(0, -2), rows, why, **(tolerance or FLOAT32))
    assert ((got == 0) | (torch.tensor(rows).view_as(got) > 0)).all(), (
        f"{why}\n  what is cut off has probability 0, not nearly 0"
    )


# --- checks -------------------------------------------------------------------------------------


def check_rope(student, name, x, positions, theta, why: str, **tolerance: float) -> None:
    got = getattr(student, name)(x, positions, theta)
    # in float32 an angle has an error of 2e-7 of itself, and features are up to 4
    within = tolerance or {"rtol": 1e-5, "atol": 3e-6 + 1e-6 * int(positions.max())}
    assert_close(got, ROPES[name](x, positions, theta), why, **within)
    assert_dtype(got, x.dtype)


def check_block(student, x, weights, config, positions, why: str) -> None:
    got = student.transformer_block(x, weights, config, positions)
    assert_close(got, block(x, weights, config, positions), why, **DEEP)
    assert_dtype(got, x.dtype)


def window(ids: list[int], V: int, context_length: int, n: int) -> list[int]:
    """What `generate` makes of a Rule (see drivers_public) that is always right."""
    for _ in range(n):
        last = ids[-context_length:]
        ids = [*ids, (3 * sum(last) + len(last)) % V]
    return ids
