"""Chapter 5, Transformer: the functions that you write.

Shapes are jaxtyping: `Float[Tensor, "... T C"]` is a float tensor of any number of leading axes,
then T rows of C columns. B is the batch, T time, C the width of a token's vector (d_model), H the
number of heads, D the width of one head, V the size of the vocabulary.

Everywhere: float inputs are finite and of one dtype, and a result has that dtype, float16 and
bfloat16 included. Ids are int64. Arguments need not be contiguous, and none of them is changed.
Gradients flow back to all float inputs, and no gradient is NaN. Weights are (out, in), as in
torch.nn.Linear, and project by x Wᵀ + b. Seeds are from 0 to 2**32 - 1.

A config is a dict of numbers. GPT-2's has
    vocab_size, context_length, d_model, num_layers, num_heads, norm_eps
and Llama's has the same and
    num_kv_heads, d_ff, rope_theta
A head is D = d_model / num_heads wide. GPT-2's MLP is 4 d_model wide.

A state is a dict of tensors by name. The names are those of `transformers`: for GPT-2
    wte.weight V C, wpe.weight context_length C, ln_f.weight C, ln_f.bias C, and for i in 0 ... L-1
    h.{i}.ln_1.weight C                .bias C       h.{i}.ln_2.weight C           .bias C
    h.{i}.attn.c_attn.weight 3C C      .bias 3C      h.{i}.mlp.c_fc.weight 4C C    .bias 4C
    h.{i}.attn.c_proj.weight C C       .bias C       h.{i}.mlp.c_proj.weight C 4C  .bias C
and for Llama, with E = H_kv D,
    model.embed_tokens.weight V C, model.norm.weight C, lm_head.weight V C, and for i in 0 ... L-1
    model.layers.{i}.self_attn.q_proj.weight C C    model.layers.{i}.mlp.gate_proj.weight d_ff C
    model.layers.{i}.self_attn.k_proj.weight E C    model.layers.{i}.mlp.up_proj.weight d_ff C
    model.layers.{i}.self_attn.v_proj.weight E C    model.layers.{i}.mlp.down_proj.weight C d_ff
    model.layers.{i}.self_attn.o_proj.weight C C    model.layers.{i}.input_layernorm.weight C
    model.layers.{i}.post_attention_layernorm.weight C

Reach chapter 4 as `from ..ch04_attention import adapters`. Keep the names and signatures. Beyond
that the design is yours: more functions, more files.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


def layernorm(
    x: Float[Tensor, "... C"], weight: Float[Tensor, " C"], bias: Float[Tensor, " C"], eps: float
) -> Float[Tensor, "... C"]:
    """weight * (x - mean) / sqrt(var + eps) + bias, mean and variance over a token's C features.

    The variance divides by C, not by C - 1. Computed in float32 where x is of half precision, and
    cast back before weight and bias or after. Features around 1000 with a variance of 1 are
    accurate to 1e-3.

    layernorm([1, 3], [1, 2], [0, 10], 0) -> [-1, 12]

    Source: Ba et al. 2016, "Layer Normalization".
    """
    raise NotImplementedError


def rmsnorm(
    x: Float[Tensor, "... C"], weight: Float[Tensor, " C"], eps: float
) -> Float[Tensor, "... C"]:
    """weight * x / sqrt(mean(x²) + eps), the mean over the C features of a token.

    Computed in float32 where x is of half precision, and cast back before the weight or after:
    float16 features may be of any size, though the square of 300 is already inf.

    rmsnorm([1, 7], [1, 2], 0) -> [0.2, 2.8]

    Source: Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", eq. 4.
    """
    raise NotImplementedError


def silu(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """x / (1 + exp(-x)), also called swish. Finite for ±10,000, and its gradient too.

    silu(ln 3) -> 3/4 ln 3
    """
    raise NotImplementedError


def swiglu(
    x: Float[Tensor, "... C"],
    W_gate: Float[Tensor, "d_ff C"],
    W_up: Float[Tensor, "d_ff C"],
    W_down: Float[Tensor, "C d_ff"],
) -> Float[Tensor, "... C"]:
    """(silu(x W_gateᵀ) * (x W_upᵀ)) W_downᵀ, without biases.

    Source: Shazeer 2020, "GLU Variants Improve Transformer", eq. 6.
    """
    raise NotImplementedError


def gelu_mlp(
    x: Float[Tensor, "... C"],
    W_in: Float[Tensor, "d_ff C"],
    b_in: Float[Tensor, " d_ff"],
    W_out: Float[Tensor, "C d_ff"],
    b_out: Float[Tensor, " C"],
) -> Float[Tensor, "... C"]:
    """gelu(x W_inᵀ + b_in) W_outᵀ + b_out, gelu by the tanh formula, as in GPT-2.

    gelu(z) = z/2 (1 + tanh(sqrt(2/π) (z + 0.044715 z³))). The formula with erf differs by up
    to 5e-4.

    Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", §2; GPT-2's code.
    """
    raise NotImplementedError


def rope(
    x: Float[Tensor, "... T D"], positions: Int[Tensor, "..."], theta: float
) -> Float[Tensor, "... T D"]:
    """Rotate the pair (x[2i], x[2i+1]) of the token at position p by the angle p theta^(-2i/D).

    Interleaved pairs: (0, 1), (2, 3), ... (a, b) becomes (a cos - b sin, a sin + b cos).
    `positions` are not negative, in any order, and broadcast to x's axes without the last: (T,)
    serves all of x, (B, 1, T) goes with x of (B, H, T, D); they have one axis at least. Angles are
    computed in float32 at least, whatever the dtype of x, in this call or an earlier one; the sine
    of one in the thousands is accurate to 1e-3. ValueError if D is odd.

    rope([[1, 0, 1, 0]], [2], 100) -> [[cos 2, sin 2, cos 0.2, sin 0.2]]

    Source: Su et al. 2021, "RoFormer", eq. 34.
    """
    raise NotImplementedError


def rope_half(
    x: Float[Tensor, "... T D"], positions: Int[Tensor, "..."], theta: float
) -> Float[Tensor, "... T D"]:
    """As `rope`, but with the pairs (x[i], x[i + D/2]), the layout of `transformers`.

    rope_half([[1, 1, 0, 0]], [2], 100) -> [[cos 2, cos 0.2, sin 2, sin 0.2]]
    """
    raise NotImplementedError


def gqa(
    q: Float[Tensor, "... H Tq D"],
    k: Float[Tensor, "... H_kv Tk D"],
    v: Float[Tensor, "... H_kv Tk Dv"],
    mask: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "... H Tq Dv"]:
    """Grouped-query attention: each head of k and v serves H / H_kv consecutive heads of q.

    Query head h attends with head h // (H / H_kv) of k and v, by chapter 4's formula. The mask is
    that of chapter 4, True where a query may attend, and broadcasts to (..., H, Tq, Tk). The
    leading axes of q, k and v are the same. ValueError if H is not divisible by H_kv.

    Source: Ainslie et al. 2023, "GQA", §2.2.
    """
    raise NotImplementedError


def transformer_block(
    x: Float[Tensor, "B T C"],
    weights: dict[str, Tensor],
    config: dict[str, int | float],
    positions: Int[Tensor, " T"],
) -> Float[Tensor, "B T C"]:
    """A layer of Llama: x = x + attention(rmsnorm(x)), then x = x + swiglu(rmsnorm(x)).

    The names of the weights are those of a Llama state behind "model.layers.{i}.". Attention is
    grouped-query and causal in the order of the tokens, whatever their positions; queries and keys,
    but not values, are turned by `rope_half`. Heads are consecutive blocks of the projected
    features. KeyError with the name of a missing weight; ValueError if d_model is not divisible by
    num_heads, or num_heads by num_kv_heads.

    Source: Touvron et al. 2023, "LLaMA", §2.2; Xiong et al. 2020 for the place of the norms.
    """
    raise NotImplementedError


def llama_forward(
    state: dict[str, Tensor], config: dict[str, int | float], ids: Int[Tensor, "B T"]
) -> Float[Tensor, "B T V"]:
    """Logits of a Llama: embedding, num_layers blocks at positions 0 ... T-1, rmsnorm, head.

    Where the state has no lm_head.weight, the head is model.embed_tokens.weight. Other names that
    are not needed are ignored. KeyError with the full name of a missing weight; ValueError for ids
    below 0 or not below vocab_size, for T above context_length, and for heads that do not divide,
    as in `transformer_block`.
    """
    raise NotImplementedError


def gpt2_forward(
    state: dict[str, Tensor], config: dict[str, int | float], ids: Int[Tensor, "B T"]
) -> Float[Tensor, "B T V"]:
    """Logits of a GPT-2, without dropout: x = wte[ids] + wpe[0 ... T-1], then num_layers times

        x = x + attention(layernorm(x)), then x = x + gelu_mlp(layernorm(x))

    with ln_1 and ln_2, a last layernorm, ln_f, and the head, which is wte.weight. The rows of
    c_attn are those of the queries, then of the keys, then of the values, C each, and heads are
    consecutive blocks. Names that are not needed are ignored. KeyError and ValueError as in
    `llama_forward`, and ValueError if d_model is not divisible by num_heads.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", §2.3.
    """
    raise NotImplementedError


def load_gpt2_state_dict(
    checkpoint: dict[str, Tensor], config: dict[str, int | float]
) -> dict[str, Tensor]:
    """The state for `gpt2_forward` from a checkpoint of `transformers`: the names listed above.

    The weights of c_attn, c_proj and c_fc lie in a checkpoint the other way round, (in, out), as
    its Conv1D layers keep them. All names may begin with "transformer.". The buffers
    h.{i}.attn.bias and h.{i}.attn.masked_bias, and lm_head.weight, which is wte.weight once more,
    are left out. KeyError with the name of every weight that is missing; ValueError with the name
    of a weight whose shape does not fit the config, and with every other name that is left over,
    such as those of more layers.
    """
    raise NotImplementedError


def init_weights(config: dict[str, int | float], seed: int) -> dict[str, Tensor]:
    """A fresh state for `gpt2_forward`, float32.

    Weights are normal with standard deviation 0.02, also both embeddings; those that write to the
    residual stream, attn.c_proj and mlp.c_proj, with 0.02 / sqrt(2 num_layers). Biases are 0, and
    the weights of layernorms 1. The same seed gives the same state; another one, another. No matrix
    repeats the numbers of another, of the same seed or a different one, and no two tensors share
    memory. torch's global generator is left alone.

    Source: Radford et al. 2019, §2.3, and GPT-2's code.
    """
    raise NotImplementedError


def next_token_loss(logits: Float[Tensor, "B T V"], ids: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
    """The mean cross-entropy in nats of predicting ids[:, t+1] from logits[:, t], a tensor.

    The last logits have nothing to predict. The mean is over all B (T - 1) predictions. Finite for
    logits of ±10,000, except in float16, where a sum of losses may overflow. ValueError if T is
    below 2.
    """
    raise NotImplementedError


def tie_weights(model: nn.Module) -> None:
    """Make the weight of model.head the weight of model.embedding: one Parameter, two names.

    Both are V C. The values are those of the embedding. ValueError if the shapes differ.

    Source: Press and Wolf 2017, "Using the Output Embedding to Improve Language Models".
    """
    raise NotImplementedError


def count_parameters(model: nn.Module) -> int:
    """How many numbers the model's parameters hold, frozen ones too; each Parameter counts once.

    Buffers are no parameters.
    """
    raise NotImplementedError


def flops_per_token(config: dict[str, int | float], T: int) -> int:
    """Floating-point operations of a training step of GPT-2, per token of sequences of length T.

    6 N + 12 L C T. N is the number of entries in the matrices that are multiplied by: those of
    attention, of the MLPs and of the head, which is multiplied by although it is tied; no
    embedding, bias or norm. A product with an (m, n) matrix is 2 m n operations per token forwards,
    twice that backwards. Attention is counted in full, without regard to the causal mask.

    Source: Kaplan et al. 2020, §2.1; Chowdhery et al. 2022, "PaLM", appendix B.
    """
    raise NotImplementedError


def next_token_probabilities(
    logits: Float[Tensor, "... V"],
    temperature: float,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Float[Tensor, "... V"]:
    """The distribution to draw the next token from: softmax(logits / temperature), then cut off.

    top_k: the k most likely tokens stay; all, if there are fewer. top_p: of what top_k has left,
    and as shares of that, the fewest most likely tokens stay whose probabilities sum to top_p or
    more; top_p = 1 keeps all. What stays is renormalised, the rest is exactly 0. Of equally likely
    tokens the lower id counts as the more likely, so exactly k stay. The temperature is 0 or at
    least 1e-6, and at 0 the most likely token has probability 1. Logits may be ±10,000, or -inf.
    ValueError for a temperature below 0, a top_k below 1, and a top_p that is not above 0 and at
    most 1.

    next_token_probabilities(ln [4, 3, 2, 1], 1, top_k=3, top_p=0.5) -> [4/7, 3/7, 0, 0]

    Source: Fan et al. 2018 for top_k; Holtzman et al. 2020 for top_p.
    """
    raise NotImplementedError


def generate(
    model: nn.Module,
    prompt: Int[Tensor, "B T"],
    max_new_tokens: int,
    context_length: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int,
) -> Int[Tensor, "B T+max_new_tokens"]:
    """The prompt and max_new_tokens more ids, each drawn from next_token_probabilities.

    model(ids) takes ids B T to logits B T V, and is given the last context_length ids at most. It
    is in evaluation mode while it generates, and no graph is built; afterwards, also after an
    error, every module's mode, and whether gradients are enabled, are what they were. The same
    seed gives the same ids; torch's global generator is left alone. Draws of different rows, steps
    and seeds are independent: step 1 of one seed is not step 0 of the next.
    """
    raise NotImplementedError
