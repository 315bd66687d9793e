"""Twins of ch05_transformer: other correct implementations, every one of which must pass."""

import math
import re

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import nn

from kit.bank import twin


def wide(x):
    return x.to(torch.promote_types(x.dtype, torch.float32))


# --- layernorm ------------------------------------------------------------------------------------


@twin("layernorm", "torch's own", forbidden=True)
def layernorm_of_torch(x, weight, bias, eps):
    return F.layer_norm(x, x.shape[-1:], weight, bias, eps)


@twin("layernorm", "var_mean and a division, in float64")
def layernorm_in_float64(x, weight, bias, eps):
    variance, mean = torch.var_mean(x.double(), -1, correction=0, keepdim=True)
    out = (x.double() - mean) / (variance + eps).sqrt()
    return (out * weight.double() + bias.double()).to(x.dtype)


@twin("layernorm", "cast back before weight and bias, by einsum")
def layernorm_cast_early(x, weight, bias, eps):
    centred = wide(x) - wide(x).mean(-1, keepdim=True)
    squares = torch.einsum("...c,...c->...", centred, centred)[..., None] / x.shape[-1]
    return (centred / torch.sqrt(squares + eps)).to(x.dtype) * weight + bias


@twin("layernorm", "centred by a matrix, after the first feature is taken off")
def layernorm_by_matrix(x, weight, bias, eps):
    y, C = wide(x), x.shape[-1]
    centred = (y - y[..., :1]) @ (torch.eye(C, dtype=y.dtype) - 1 / C)
    variance = torch.linalg.vecdot(centred, centred)[..., None] / C
    return torch.addcmul(wide(bias), centred / (variance + eps) ** 0.5, wide(weight)).to(x.dtype)


# --- rmsnorm --------------------------------------------------------------------------------------


@twin("rmsnorm", "torch's own, in float32", forbidden=True)
def rmsnorm_of_torch(x, weight, eps):
    return F.rms_norm(wide(x), x.shape[-1:], wide(weight), eps).to(x.dtype)


@twin("rmsnorm", "cast back before the weight, as transformers does")
def rmsnorm_of_transformers(x, weight, eps):
    variance = wide(x).pow(2).mean(-1, keepdim=True)
    return weight * (wide(x) * torch.rsqrt(variance + eps)).to(x.dtype)


@twin("rmsnorm", "the Euclidean norm over sqrt(C), in float64")
def rmsnorm_by_norm(x, weight, eps):
    y = x.double()
    size = (y * y).sum(-1, keepdim=True) / x.shape[-1]
    return (y / torch.sqrt(size + eps) * weight.double()).to(x.dtype)


# --- swiglu ---------------------------------------------------------------------------------------


@twin("swiglu", "torch's own", "silu", forbidden=True)
def silu_of_torch(x):
    return F.silu(x)


@twin("swiglu", "sigmoid by tanh, in float32", "silu")
def silu_by_tanh_of_half(x):
    y = wide(x)
    return (y * (0.5 + 0.5 * torch.tanh(y / 2))).to(x.dtype)


@twin("swiglu", "the stable branch for each sign", "silu")
def silu_by_branches(x):
    small = torch.exp(-x.abs())
    return x * torch.where(x >= 0, 1 / (1 + small), small / (1 + small))


@twin("swiglu", "linear layers of torch", forbidden=True)
def swiglu_by_linear(x, W_gate, W_up, W_down):
    gate = F.silu(F.linear(x, W_gate))
    return F.linear(gate * F.linear(x, W_up), W_down)


@twin("swiglu", "one product for gate and up")
def swiglu_fused(x, W_gate, W_up, W_down):
    gate, up = (x @ torch.cat([W_gate, W_up]).T).chunk(2, -1)
    return torch.einsum("...f,cf->...c", gate * torch.sigmoid(gate) * up, W_down)


@twin("swiglu", "by the hyperbolic tangent", adapter="silu")
def silu_by_tanh(x):
    return x / 2 * (1 + (x / 2).tanh())


# --- gelu_mlp -------------------------------------------------------------------------------------


@twin("gelu_mlp", "layers of torch")
def mlp_of_torch(x, W_in, b_in, W_out, b_out):
    z = F.linear(x, W_in, b_in)
    return F.linear(F.gelu(z, approximate="tanh"), W_out, b_out)


@twin("gelu_mlp", "z sigmoid(2u) for z/2 (1 + tanh u)")
def mlp_by_sigmoid(x, W_in, b_in, W_out, b_out):
    z = x @ W_in.mT + b_in
    u = (2 / math.pi) ** 0.5 * z * (1 + 0.044715 * z * z)
    return (z * torch.sigmoid(2 * u)) @ W_out.mT + b_out


# --- rope -----------------------------------------------------------------------------------------


@twin("rope", "complex numbers", "rope")
def rope_complex(x, positions, theta):
    if x.shape[-1] % 2:
        raise ValueError("odd D")
    D = x.shape[-1]
    z = torch.view_as_complex(wide(x).reshape(*x.shape[:-1], D // 2, 2).contiguous())
    angle = positions[..., None] / theta ** (torch.arange(0, D, 2).float() / D)
    return (
        torch.view_as_real(z * torch.polar(torch.ones_like(angle), angle)).flatten(-2).to(x.dtype)
    )


@twin("rope", "frequencies twice, and neighbours swapped", "rope")
def rope_by_rotation_of_pairs(x, positions, theta):
    D = x.shape[-1]
    if D % 2:
        raise ValueError("odd D")
    frequency = 1.0 / (theta ** (torch.arange(0, D, 2, dtype=torch.float32) / D))
    angle = torch.einsum("...t,i->...ti", positions.float(), frequency).repeat_interleave(2, -1)
    swapped = rearrange(x, "... (i two) -> ... i two", two=2)
    swapped = torch.stack([-swapped[..., 1], swapped[..., 0]], -1).flatten(-2)
    return (wide(x) * angle.cos() + wide(swapped) * angle.sin()).to(x.dtype)


@twin("rope", "a matrix for every position", "rope")
def rope_by_matrices(x, positions, theta):
    D = x.shape[-1]
    if D % 2:
        raise ValueError("odd D")
    exponent = 2 * torch.arange(D // 2, dtype=torch.float64) / D
    angle = positions.double()[..., None] * torch.exp(-exponent * math.log(theta))
    R = torch.zeros(*angle.shape[:-1], D, D, dtype=torch.float64)
    even = torch.arange(0, D, 2)
    R[..., even, even] = R[..., even + 1, even + 1] = angle.cos()
    R[..., even + 1, even] = angle.sin()
    R[..., even, even + 1] = -angle.sin()
    return (R @ x.double()[..., None])[..., 0].to(x.dtype)


@twin("rope", "rotate_half, as transformers does it", "rope_half")
def rope_half_of_transformers(x, positions, theta):
    D = x.shape[-1]
    if D % 2:
        raise ValueError("odd D")
    inverse = 1.0 / (theta ** (torch.arange(0, D, 2, dtype=torch.int64).float() / D))
    freqs = positions[..., None].float() * inverse
    angle = torch.cat((freqs, freqs), dim=-1)
    rotated = torch.cat((-x[..., D // 2 :], x[..., : D // 2]), dim=-1)
    return (wide(x) * angle.cos() + wide(rotated) * angle.sin()).to(x.dtype)


@twin("rope", "a table of sines, looked up", "rope_half")
def rope_half_by_table(x, positions, theta):
    D = x.shape[-1]
    if D % 2:
        raise ValueError("odd D")
    rows = torch.arange(int(positions.max()) + 1, dtype=torch.float64)
    table = torch.outer(rows, theta ** (-2 * torch.arange(D // 2) / D))
    cos, sin = (wave[positions.long()].to(wide(x).dtype) for wave in (table.cos(), table.sin()))
    a, b = x[..., : D // 2], x[..., D // 2 :]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(x.dtype)


@twin("rope", "pair by pair", "rope_half")
def rope_half_by_loop(x, positions, theta):
    D = x.shape[-1]
    if D % 2:
        raise ValueError("odd D")
    out = list(x.unbind(-1))
    for i in range(D // 2):
        angle = positions.double() * theta ** (-2 * i / D)
        a, b = x[..., i], x[..., i + D // 2]
        out[i] = (a * angle.cos() - b * angle.sin()).to(x.dtype)
        out[i + D // 2] = (a * angle.sin() + b * angle.cos()).to(x.dtype)
    return torch.stack(out, -1)


@twin("rope", "features in the order of the other layout, and back", "rope_half")
def rope_half_reordered(x, positions, theta):
    if x.shape[-1] % 2:
        raise ValueError("odd D")
    order = torch.arange(x.shape[-1]).view(2, -1).T.flatten()
    mixed = rope_complex.function(x[..., order], positions, theta)
    return mixed[..., order.argsort()]


# --- gqa ------------------------------------------------------------------------------------------


def softmax_attention(q, k, v, mask):
    scores = wide(q) @ wide(k).mT / q.shape[-1] ** 0.5
    if mask is not None:
        sees = mask.any(-1, keepdim=True)
        scores = scores.masked_fill(~(mask | ~sees), -math.inf)
        return ((torch.softmax(scores, -1) * sees) @ wide(v)).to(q.dtype)
    return (torch.softmax(scores, -1) @ wide(v)).to(q.dtype)


@twin("gqa", "expanded, not copied")
def gqa_expanded(q, k, v, mask=None):
    H, H_kv = q.shape[-3], k.shape[-3]
    if H % H_kv:
        raise ValueError("uneven groups")

    def expand(t):
        shape = (*t.shape[:-2], H // H_kv, *t.shape[-2:])
        return t.unsqueeze(-3).expand(shape).flatten(-4, -3)

    return softmax_attention(q, expand(k), expand(v), mask)


@twin("gqa", "queries grouped, keys broadcast")
def gqa_grouped_queries(q, k, v, mask=None):
    H, H_kv = q.shape[-3], k.shape[-3]
    if H % H_kv:
        raise ValueError("uneven groups")
    q = q.unflatten(-3, (H_kv, H // H_kv))
    if mask is not None:
        mask = mask.expand(*q.shape[:-4], H, q.shape[-2], k.shape[-2]).unflatten(-3, (H_kv, -1))
    return softmax_attention(q, k.unsqueeze(-3), v.unsqueeze(-3), mask).flatten(-4, -3)


@twin("gqa", "head by head")
def gqa_by_loop(q, k, v, mask=None):
    H, H_kv = q.shape[-3], k.shape[-3]
    if H % H_kv != 0:
        raise ValueError("uneven groups")
    outs = []
    for h in range(H):
        g = h // (H // H_kv)
        m = mask
        if mask is not None and mask.ndim > 2:
            m = mask[..., h if mask.shape[-3] > 1 else 0, :, :]
        outs.append(softmax_attention(q[..., h, :, :], k[..., g, :, :], v[..., g, :, :], m))
    return torch.stack(outs, -3)


@twin("gqa", "einops repeat and torch's attention", forbidden=True)
def gqa_by_einops(q, k, v, mask=None):
    if q.shape[-3] % k.shape[-3]:
        raise ValueError("uneven groups")
    n = q.shape[-3] // k.shape[-3]
    k, v = (repeat(t, "... h t d -> ... (h n) t d", n=n) for t in (k, v))
    if mask is None:
        return F.scaled_dot_product_attention(q, k, v)
    sees = mask.any(-1, keepdim=True)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask | ~sees)
    return torch.where(sees, out, 0.0).to(q.dtype)


@twin("gqa", "nan_to_num for queries that see nothing")
def gqa_without_nan(q, k, v, mask=None):
    if q.shape[-3] % k.shape[-3]:
        raise ValueError("H is not divisible by H_kv")
    k, v = (t.repeat_interleave(q.shape[-3] // k.shape[-3], -3) for t in (k, v))
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return torch.softmax(scores, -1).nan_to_num(0) @ v


# --- transformer_block ----------------------------------------------------------------------------


@twin("transformer_block", "all from torch, einops and the twins above", forbidden=True)
def block_of_twins(x, weights, config, positions):
    H, H_kv, eps = config["num_heads"], config["num_kv_heads"], config["norm_eps"]
    if x.shape[-1] % H or H % H_kv:
        raise ValueError("uneven heads")
    w = {}
    for name in (
        *(f"self_attn.{p}_proj.weight" for p in "qkvo"),
        *(f"mlp.{p}_proj.weight" for p in ("gate", "up", "down")),
        *("input_layernorm.weight", "post_attention_layernorm.weight"),
    ):
        w[name] = weights[name]  # a dict's own KeyError names it
    h = rmsnorm_of_torch.function(x, w["input_layernorm.weight"], eps)
    q, k, v = (
        rearrange(F.linear(h, w[f"self_attn.{p}_proj.weight"]), "b t (h d) -> b h t d", h=n)
        for p, n in (("q", H), ("k", H_kv), ("v", H_kv))
    )
    q, k = (rope_half_of_transformers.function(t, positions, config["rope_theta"]) for t in (q, k))
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    x = x + F.linear(rearrange(out, "b h t d -> b t (h d)"), w["self_attn.o_proj.weight"])
    h = rmsnorm_of_torch.function(x, w["post_attention_layernorm.weight"], eps)
    return x + swiglu_by_linear.function(
        h, *(w[f"mlp.{p}_proj.weight"] for p in ("gate", "up", "down"))
    )


@twin("transformer_block", "one product for queries, keys and values; all in float64")
def block_in_float64(x, weights, config, positions):
    dtype, C = x.dtype, x.shape[-1]
    H, H_kv = config["num_heads"], config["num_kv_heads"]
    if C % H or H % H_kv:
        raise ValueError("uneven heads")
    x = x.double()

    def w(name):
        return weights[f"{name}.weight"].double()

    h = rmsnorm_by_norm.function(x, w("input_layernorm"), config["norm_eps"])
    W = torch.cat([w(f"self_attn.{p}_proj") for p in "qkv"])
    q, k, v = (h @ W.mT).unflatten(-1, (-1, C // H)).transpose(1, 2).split([H, H_kv, H_kv], 1)
    theta = config["rope_theta"]
    q, k = (rope_half_by_table.function(t, positions, theta) for t in (q, k))
    T = x.shape[1]
    mask = torch.arange(T)[:, None] >= torch.arange(T)
    out = gqa_grouped_queries.function(q, k, v, mask).transpose(1, 2).flatten(2)
    x = x + out @ w("self_attn.o_proj").T
    h = rmsnorm_by_norm.function(x, w("post_attention_layernorm"), config["norm_eps"])
    parts = (w(f"mlp.{p}_proj") for p in ("gate", "up", "down"))
    return (x + swiglu_fused.function(h, *parts)).to(dtype)


# --- llama_forward --------------------------------------------------------------------------------


def check(ids, config):
    if ids.shape[1] > config["context_length"]:
        raise ValueError("too long")
    if bool(((ids < 0) | (ids >= config["vocab_size"])).any()):
        raise ValueError("no such id")


class Layers(dict):
    """One layer of a state; a missing weight is named in full."""

    def __init__(self, state, prefix):
        super().__init__({n[len(prefix) :]: w for n, w in state.items() if n.startswith(prefix)})
        self.prefix = prefix

    def __missing__(self, name):
        raise KeyError(self.prefix + name)


@twin("llama_forward", "F.embedding, and a view of the state for each layer", forbidden=True)
def llama_by_views(state, config, ids):
    check(ids, config)
    x = F.embedding(ids, state["model.embed_tokens.weight"])
    for i in range(config["num_layers"]):
        weights = Layers(state, f"model.layers.{i}.")
        x = block_of_twins.function(x, weights, config, torch.arange(ids.shape[1]))
    x = rmsnorm_of_torch.function(x, state["model.norm.weight"], config["norm_eps"])
    head = "lm_head.weight" if "lm_head.weight" in state else "model.embed_tokens.weight"
    return F.linear(x, state[head])


@twin("llama_forward", "one-hot vectors for ids, sequence by sequence")
def llama_by_sequences(state, config, ids):
    check(ids, config)
    E = state["model.embed_tokens.weight"]
    rows = []
    for row in ids:
        x = (F.one_hot(row, config["vocab_size"]).to(E.dtype) @ E)[None]
        for i in range(config["num_layers"]):
            weights = Layers(state, f"model.layers.{i}.")
            x = block_in_float64.function(x, weights, config, torch.arange(len(row)))
        x = rmsnorm_by_norm.function(x, state["model.norm.weight"], config["norm_eps"])
        rows.append(x[0] @ state.get("lm_head.weight", E).mT)
    return torch.stack(rows)


# --- gpt2_forward ---------------------------------------------------------------------------------


@twin("gpt2_forward", "torch's functions and einops", forbidden=True)
def gpt2_of_torch(state, config, ids):
    check(ids, config)
    H, C, eps = config["num_heads"], config["d_model"], config["norm_eps"]
    if C % H:
        raise ValueError("uneven heads")

    def both(name):
        return state[name + ".weight"], state[name + ".bias"]

    x = F.embedding(ids, state["wte.weight"])
    x = x + F.embedding(torch.arange(ids.shape[1]), state["wpe.weight"])
    for i in range(config["num_layers"]):
        h = F.layer_norm(x, (C,), *both(f"h.{i}.ln_1"), eps)
        qkv = F.linear(h, *both(f"h.{i}.attn.c_attn"))
        q, k, v = rearrange(qkv, "b t (three h d) -> three b h t d", three=3, h=H)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + F.linear(rearrange(out, "b h t d -> b t (h d)"), *both(f"h.{i}.attn.c_proj"))
        h = F.layer_norm(x, (C,), *both(f"h.{i}.ln_2"), eps)
        h = F.gelu(F.linear(h, *both(f"h.{i}.mlp.c_fc")), approximate="tanh")
        x = x + F.linear(h, *both(f"h.{i}.mlp.c_proj"))
    return F.layer_norm(x, (C,), *both("ln_f"), eps) @ state["wte.weight"].T


class Module(nn.Module):
    """One linear layer of a GPT-2, as an object."""

    def __init__(self, state, name):
        super().__init__()
        self.weight, self.bias = state[f"{name}.weight"], state[f"{name}.bias"]

    def forward(self, x):
        """Linear."""
        return torch.einsum("...i,oi->...o", x, self.weight) + self.bias


@twin("gpt2_forward", "modules, and three products for queries, keys and values")
def gpt2_by_modules(state, config, ids):
    check(ids, config)
    H, C, eps = config["num_heads"], config["d_model"], config["norm_eps"]
    if C % H != 0:
        raise ValueError("uneven heads")
    x = state["wte.weight"].index_select(0, ids.flatten()).view(*ids.shape, C)
    x = x + state["wpe.weight"].narrow(0, 0, ids.shape[1])[None]

    def norm(x, name):
        arguments = state[f"{name}.weight"], state[f"{name}.bias"], eps
        return layernorm_in_float64.function(x, *arguments)

    for i in range(config["num_layers"]):
        h = norm(x, f"h.{i}.ln_1")
        W, b = state[f"h.{i}.attn.c_attn.weight"], state[f"h.{i}.attn.c_attn.bias"]
        q, k, v = (
            (h @ W[j * C : (j + 1) * C].T + b[j * C : (j + 1) * C]).unflatten(-1, (H, -1))
            for j in range(3)
        )
        T = ids.shape[1]
        mask = torch.ones(T, T, dtype=torch.bool).tril()
        out = softmax_attention(*(t.transpose(1, 2) for t in (q, k, v)), mask)
        x = x + Module(state, f"h.{i}.attn.c_proj")(out.transpose(1, 2).reshape(x.shape))
        h = F.gelu(Module(state, f"h.{i}.mlp.c_fc")(norm(x, f"h.{i}.ln_2")), approximate="tanh")
        x = x + Module(state, f"h.{i}.mlp.c_proj")(h)
    return norm(x, "ln_f") @ state["wte.weight"].mT


# --- load_gpt2_state_dict -------------------------------------------------------------------------


@twin("load_gpt2_state_dict", "by regular expressions and sets of names")
def load_by_patterns(checkpoint, config):
    C, L = config["d_model"], config["num_layers"]
    kinds = {"ln_1": (C,), "ln_2": (C,), "attn.c_attn": (C, 3 * C), "attn.c_proj": (C, C)}
    kinds |= {"mlp.c_fc": (C, 4 * C), "mlp.c_proj": (4 * C, C)}
    wanted = {"wte.weight": (config["vocab_size"], C), "wpe.weight": (config["context_length"], C)}
    wanted |= {"ln_f.weight": (C,), "ln_f.bias": (C,)}
    for i in range(L):
        for kind, shape in kinds.items():
            wanted[f"h.{i}.{kind}.weight"], wanted[f"h.{i}.{kind}.bias"] = shape, shape[-1:]
    state, unexpected = {}, []
    for name, weight in checkpoint.items():
        name = re.sub(r"^transformer\.", "", name)
        if name == "lm_head.weight" or re.search(r"\.attn\.(bias|masked_bias)$", name):
            continue
        if name not in wanted:
            unexpected.append(name)
        state[name] = weight
    if unexpected:
        raise ValueError(f"unexpected: {unexpected}")
    if wanted.keys() - state.keys():
        raise KeyError(", ".join(wanted.keys() - state.keys()))
    wrong = [n for n, w in state.items() if tuple(w.shape) != wanted[n]]
    if wrong:
        raise ValueError(f"shapes of {wrong}")
    return {
        n: w.t().contiguous() if ".c_" in n and w.ndim == 2 else w for n, w in sorted(state.items())
    }


@twin("load_gpt2_state_dict", "numpy arrays, transposed and wrapped again")
def load_by_numpy(checkpoint, config):
    state = load_by_patterns.function(checkpoint, config)
    if state["wte.weight"].dtype is torch.bfloat16:  # numpy has none
        return state
    return {n: torch.from_numpy(np.ascontiguousarray(w.numpy())) for n, w in state.items()}


# --- init_weights ---------------------------------------------------------------------------------


@twin("init_weights", "normal_ in place, after a pass of names; another stream of numbers")
def init_in_place(config, seed):
    rng = torch.Generator()
    rng.manual_seed(seed + 12345)
    V, T, C, L = (config[k] for k in ("vocab_size", "context_length", "d_model", "num_layers"))
    state = {"ln_f.weight": torch.ones(C), "ln_f.bias": torch.zeros(C)}
    shapes = {"attn.c_attn": (3 * C, C), "attn.c_proj": (C, C)}
    shapes |= {"mlp.c_fc": (4 * C, C), "mlp.c_proj": (C, 4 * C)}
    for i in reversed(range(L)):
        for n in (1, 2):
            state |= {f"h.{i}.ln_{n}.weight": torch.ones(C), f"h.{i}.ln_{n}.bias": torch.zeros(C)}
        for name, shape in shapes.items():
            std = 0.02 * (2 * L) ** -0.5 if name.endswith("c_proj") else 0.02
            weight = torch.empty(shape).normal_(0.0, std, generator=rng)
            state |= {f"h.{i}.{name}.weight": weight, f"h.{i}.{name}.bias": torch.zeros(shape[0])}
    for name, rows in (("wte", V), ("wpe", T)):
        state[f"{name}.weight"] = torch.normal(0.0, 0.02, (rows, C), generator=rng)
    return state


@twin("init_weights", "the global generator, put back afterwards")
def init_by_fork(config, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = init_in_place.function(config, 0)
        for name, w in state.items():
            if w.ndim == 2:
                deep = name.endswith("c_proj.weight")
                std = 0.02 / math.sqrt(2 * config["num_layers"]) if deep else 0.02
                state[name] = nn.init.normal_(torch.empty_like(w), std=std)
    return state


@twin("init_weights", "numpy's generator, returned as arrays")
def init_by_numpy(config, seed):
    rng, state = np.random.default_rng(seed), init_in_place.function(config, 0)
    for name, w in state.items():
        if w.ndim == 2:
            std = 0.02 / np.sqrt(2 * config["num_layers"]) if "c_proj" in name else 0.02
            state[name] = torch.from_numpy(rng.normal(0, std, w.shape).astype(np.float32))
    return state


@twin("init_weights", "one draw for all matrices, cut into views")
def init_by_views(config, seed):
    state = init_in_place.function(config, 0)
    matrices = {n: w for n, w in state.items() if w.ndim == 2}
    sizes = [w.numel() for w in matrices.values()]
    numbers = torch.randn(sum(sizes), generator=torch.Generator().manual_seed(seed)).split(sizes)
    for (name, w), part in zip(matrices.items(), numbers, strict=True):
        deep = 2 * config["num_layers"] if "c_proj" in name else 1
        state[name] = part.view(w.shape).mul_(0.02 / math.sqrt(deep))
    return state


@twin("init_weights", "Parameters, each from a generator whose seed was drawn")
def init_by_drawn_seeds(config, seed):
    rng = torch.Generator().manual_seed(seed)
    state = init_in_place.function(config, 0)
    for name, w in state.items():
        if w.ndim == 2:
            own = torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=rng)))
            deep = 2 * config["num_layers"] if "c_proj" in name else 1
            state[name] = nn.init.trunc_normal_(w, std=0.02 / math.sqrt(deep), generator=own)
    return {name: nn.Parameter(w) for name, w in state.items()}


# --- next_token_loss ------------------------------------------------------------------------------


@twin("next_token_loss", "torch's cross_entropy")
def loss_of_torch(logits, ids):
    if ids.shape[1] < 2:
        raise ValueError("too short")
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:])


@twin("next_token_loss", "log_softmax, one-hot, and labels of -100 at the end")
def loss_by_one_hot(logits, ids):
    B, T, V = logits.shape
    if T < 2:
        raise ValueError("too short")
    target = F.one_hot(ids, V).roll(-1, 1).to(logits.dtype)
    target[:, -1] = 0
    return -(F.log_softmax(logits, -1) * target).sum() / (B * (T - 1))


@twin("next_token_loss", "in float64, sequence by sequence")
def loss_by_sequence(logits, ids):
    if ids.shape[1] < 2:
        raise ValueError("too short")
    pairs = zip(logits.double(), ids, strict=True)
    losses = [F.cross_entropy(z[:-1], y[1:]) for z, y in pairs]
    return torch.stack(losses).mean().to(logits.dtype)


@twin("next_token_loss", "the log of the sum of exponentials, the largest logit taken off")
def loss_by_exponentials(logits, ids):
    if ids.shape[-1] < 2:
        raise ValueError("nothing to predict")
    z = logits[:, :-1]
    z = z - z.amax(-1, keepdim=True)
    return (z.exp().sum(-1).log() - z.gather(-1, ids[:, 1:, None])[..., 0]).mean()


# --- accounting -----------------------------------------------------------------------------------


@twin("accounting", "through the module's table of parameters", "tie_weights")
def tie_by_table(model):
    if tuple(model.head.weight.shape) != tuple(model.embedding.weight.shape):
        raise ValueError("shapes differ")
    del model.head.weight
    model.head.register_parameter("weight", model.embedding.weight)


@twin("accounting", "by identity, over all names", "count_parameters")
def count_by_identity(model):
    seen = {id(p): p for _, p in model.named_parameters(remove_duplicate=False)}
    return sum(math.prod(p.shape) for p in seen.values())


@twin("accounting", "module by module, as a tensor", "count_parameters")
def count_by_modules(model):
    found = {p for m in model.modules() for p in m.parameters(recurse=False)}
    return torch.tensor([p.numel() for p in found], dtype=torch.int64).sum()


@twin("accounting", "matrix by matrix, forwards, times three", "flops_per_token")
def flops_by_matrix(config, T):
    C = config["d_model"]
    layer = 2 * C * 3 * C + 2 * C * C + 2 * C * 4 * C * 2 + 2 * T * C + 2 * T * C
    return 3 * (config["num_layers"] * layer + 2 * C * config["vocab_size"])


# --- next_token_probabilities ---------------------------------------------------------------------


def validate(temperature, top_k, top_p):
    if temperature < 0 or (top_k is not None and top_k <= 0):
        raise ValueError("temperature or top_k")
    if top_p is not None and (top_p <= 0 or top_p > 1):
        raise ValueError("top_p")


@twin("next_token_probabilities", "masks of -inf, step by step")
def probabilities_by_masks(logits, temperature, top_k=None, top_p=None):
    validate(temperature, top_k, top_p)
    if temperature == 0:
        best = logits.sort(dim=-1, descending=True, stable=True)[1][..., 0]
        return F.one_hot(best, logits.shape[-1]).to(logits.dtype)
    z = (logits - logits.amax(-1, keepdim=True)) / temperature
    rank = z.argsort(dim=-1, descending=True, stable=True).argsort(-1)
    if top_k is not None:
        z = z.masked_fill(rank >= top_k, -math.inf)
    if top_p is not None and top_p < 1.0:
        p, order = torch.softmax(z, -1).sort(dim=-1, descending=True, stable=True)
        remove = torch.zeros_like(p, dtype=torch.bool)
        remove[..., 1:] = p.cumsum(-1)[..., :-1] >= top_p
        z = z.masked_fill(remove.gather(-1, order.argsort(-1)), -math.inf)
    return torch.softmax(z, -1)


@twin("next_token_probabilities", "numpy chooses row by row, torch computes in float64")
def probabilities_by_numpy(logits, temperature, top_k=None, top_p=None):
    validate(temperature, top_k, top_p)
    rows = logits.detach().double().numpy().reshape(-1, logits.shape[-1])
    keep = np.zeros(rows.shape, dtype=bool)
    for row, kept in zip(rows, keep, strict=True):
        order = np.argsort(-row, kind="stable")[: top_k if temperature else 1]
        weight = np.exp((row[order] - row[order[0]]) / (temperature or 1.0))
        weight /= weight.sum()
        if top_p is not None and top_p < 1:
            order = order[: 1 + int((np.cumsum(weight) < top_p).sum())]
        kept[order] = True
    cut = logits.double().masked_fill(torch.from_numpy(~keep.reshape(logits.shape)), -math.inf)
    return torch.softmax(cut / (temperature or 1.0), -1).to(logits.dtype)


@twin("next_token_probabilities", "ranks by comparing all with all, in float64")
def probabilities_by_comparison(logits, temperature, top_k=None, top_p=None):
    validate(temperature, top_k, top_p)
    z, ids = logits.double(), torch.arange(logits.shape[-1])
    ties = (z[..., None, :] == z[..., None]) & (ids < ids[:, None])
    ahead = (z[..., None, :] > z[..., None]) | ties
    z = (z - z.amax(-1, keepdim=True)) / (temperature or 1.0)
    kept = top_k if temperature else 1
    p = z.masked_fill(ahead.sum(-1) >= (kept or len(ids)), -math.inf).softmax(-1)
    if top_p is not None and top_p < 1:
        before = (p[..., None, :] * ahead).sum(-1)
        p = p.masked_fill(before >= top_p - 1e-12, 0)
        p = p / p.sum(-1, keepdim=True)
    return p.to(logits.dtype)


# --- generate -------------------------------------------------------------------------------------


@twin("generate", "cumulated probabilities and uniform numbers")
def generate_by_inversion(
    model, prompt, max_new_tokens, context_length, temperature, top_k, top_p, seed
):
    rng = np.random.default_rng(seed)
    modes = {m: m.training for m in model.modules()}
    model.eval()
    rows = prompt
    try:
        with torch.inference_mode():
            for _ in range(max_new_tokens):
                z = model(rows[:, max(0, rows.shape[1] - context_length) :])[:, -1, :]
                p = probabilities_by_masks.function(z, temperature, top_k, top_p).double().numpy()
                u = rng.random((len(p), 1))
                total = p.cumsum(-1)
                chosen = (total / total[:, -1:] <= u).sum(-1, keepdims=True)
                rows = torch.cat([rows, torch.from_numpy(chosen)], 1)
    finally:
        for m, training in modes.items():
            m.training = training
    return rows.clone()


@twin("generate", "each sequence by itself, the global generator put back")
def generate_by_sequence(
    model, prompt, max_new_tokens, context_length, temperature, top_k, top_p, seed
):
    modes = [m.training for m in model.modules()]
    model.eval()
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            ids = torch.zeros(len(prompt), prompt.shape[1] + max_new_tokens, dtype=torch.int64)
            ids[:, : prompt.shape[1]] = prompt
            for t in range(prompt.shape[1], ids.shape[1]):
                logits = model(ids[:, max(0, t - context_length) : t])[:, -1]
                p = probabilities_by_numpy.function(logits, temperature, top_k, top_p)
                noise = -torch.log(torch.rand(p.shape, dtype=torch.float64))
                ids[:, t] = (p / noise).argmax(-1)
    finally:
        for m, training in zip(model.modules(), modes, strict=True):
            m.training = training
    return ids


@twin("generate", "a race of exponential numbers into ids of full length")
def generate_by_race(
    model, prompt, max_new_tokens, context_length, temperature, top_k, top_p, seed
):
    rng, (B, T) = torch.Generator().manual_seed(seed), prompt.shape
    ids = torch.cat([prompt, prompt.new_zeros(B, max_new_tokens)], -1)
    was = {name: m.training for name, m in model.named_modules()}
    model.eval()
    try:
        for t in range(T, T + max_new_tokens):
            with torch.no_grad():
                logits = model(ids[:, max(0, t - context_length) : t].contiguous())[:, -1]
                p = probabilities_by_comparison.function(logits, temperature, top_k, top_p)
            ids[:, t] = (p / torch.empty_like(p).exponential_(generator=rng)).argmax(-1)
    finally:
        for name, module in model.named_modules():
            module.train(was[name])
    return ids
