"""Chapter 3, MLP: the functions that you write.

Shapes are jaxtyping: `Float[Tensor, "N V"]` is a float tensor of N rows and V columns, `Int` one of
integers; `"... C"` stands for any number of leading axes, also none, and a last one of C.
V is the size of the vocabulary, k the length of a window, C the width of an embedding, H that of the
hidden layer, N a number of windows or rows, I and O the inputs and outputs of a linear layer. A
document is a list of ids; neighbouring documents have nothing to do with each other.

Everywhere: float tensors are float32 or float64, all of the same dtype in one call, and float results
have that dtype; rounding errors are those of that dtype, also where the result is a plain float.
Integer tensors are int64. Floats are finite, up to ±10,000, and so is everything that comes out.
Tensors need not be contiguous. Seeds are ints, 0 <= seed < 2**32, and no two of them give the same
numbers. Autograd and torch's own layers are not allowed in this chapter.

A backward function takes d_out, the gradient that arrives at the output, and returns the gradient of
sum(d_out * out) with respect to each float input, of the shape of that input.

Keep the names and signatures, and leave arguments as they are: the caller still needs them. Beyond
that the design is yours: more functions, more files.
"""

from jaxtyping import Float, Int
from torch import Tensor

from . import batchnorm, cross_entropy, embedding, initialization, linear, mlp, training, windows
from . import gelu as activation


def context_windows(
    documents: list[list[int]], k: int
) -> tuple[Int[Tensor, "N k"], Int[Tensor, " N"]]:
    """Every window of k ids that has a next id in its document, and that id. Both of dtype int64.

    Row i of the first result holds the ids in reading order, entry i of the second what comes right
    after them. Any int64 is an id here, also a negative one. Windows come in the order of the
    documents, and in each from left to right. A document of k ids or fewer has none. ValueError if
    k < 1, or if there is no window at all.

    context_windows([[0, 0, 5, 3, 0]], 2) -> [[0, 0], [0, 5], [5, 3]], [5, 3, 0]
    """
    return windows.context_windows(documents, k)


def embedding_forward(
    table: Float[Tensor, "V C"], ids: Int[Tensor, "..."]
) -> Float[Tensor, "... C"]:
    """The row of the table for each id; `ids` may have any shape.

    ValueError for an id outside 0..V - 1, negative ones included.
    """
    return embedding.embedding_forward(table, ids)


def embedding_backward(
    d_out: Float[Tensor, "... C"], ids: Int[Tensor, "..."], V: int
) -> Float[Tensor, "V C"]:
    """The gradient of the table: row v is the sum of the gradients of all places where ids are v.

    ValueError for an id outside 0..V - 1, and if the leading axes of d_out are not those of ids.
    """
    return embedding.embedding_backward(d_out, ids, V)


def linear_forward(
    x: Float[Tensor, "... I"], W: Float[Tensor, "O I"], b: Float[Tensor, " O"] | None = None
) -> Float[Tensor, "... O"]:
    """x Wᵀ + b, or x Wᵀ without a b. Weights are (out, in), as in torch.nn.Linear.

    ValueError if the last axis of x is not I, or if b has not the shape (O,): torch would broadcast
    a b of one entry.
    """
    return linear.linear_forward(x, W, b)


def linear_backward(
    d_out: Float[Tensor, "... O"], x: Float[Tensor, "... I"], W: Float[Tensor, "O I"]
) -> tuple[Float[Tensor, "... I"], Float[Tensor, "O I"], Float[Tensor, " O"]]:
    """The gradients (dx, dW, db). Those of W and b are sums over all rows, on whatever axes they lie.

    ValueError if the leading axes of d_out are not those of x, if the last one of d_out is not O, or
    if the last one of x is not I.
    """
    return linear.linear_backward(d_out, x, W)


def gelu(x: Float[Tensor, "..."], approximate: str) -> Float[Tensor, "..."]:
    """x Φ(x), Φ the distribution function of the standard normal, if `approximate` is "none".

    If it is "tanh": x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, GPT-2's form. As in torch. ValueError
    for any other `approximate`. An absolute error of a rounding of x is fine: far to the left 0 will
    do for -1e-9.

    Source: Hendrycks & Gimpel 2016, "Gaussian Error Linear Units", §2.
    """
    return activation.gelu(x, approximate)


def gelu_backward(
    d_out: Float[Tensor, "..."], x: Float[Tensor, "..."], approximate: str
) -> Float[Tensor, "..."]:
    """The gradient dx, of the form that `approximate` names.

    ValueError for any other form, and if d_out has not the shape of x.
    """
    return activation.gelu_backward(d_out, x, approximate)


def cross_entropy_forward(logits: Float[Tensor, "N V"], targets: Int[Tensor, " N"]) -> float:
    """The mean over the rows of -ln softmax(logits[i])[targets[i]], in nats.

    ValueError for a target outside 0..V - 1, negative ones included, if `targets` has not the shape
    (N,), and if N is 0.
    """
    return cross_entropy.cross_entropy_forward(logits, targets)


def cross_entropy_backward(
    logits: Float[Tensor, "N V"], targets: Int[Tensor, " N"]
) -> Float[Tensor, "N V"]:
    """The gradient of that mean: (softmax(logits) - onehot(targets)) / N. The same ValueErrors."""
    return cross_entropy.cross_entropy_backward(logits, targets)


def kaiming_init(
    fan_out: int, fan_in: int, gain: float, seed: int
) -> Float[Tensor, "fan_out fan_in"]:
    """Independent normal random numbers of mean 0 and standard deviation gain / √fan_in; float32.

    The same seed gives the same numbers, whatever was drawn before; other seeds give others.
    ValueError if fan_out or fan_in is less than 1.

    Source: He et al. 2015, "Delving Deep into Rectifiers", §2.2.
    """
    return initialization.kaiming_init(fan_out, fan_in, gain, seed)


def batchnorm_forward(
    x: Float[Tensor, "N C"],
    gain: Float[Tensor, " C"],
    bias: Float[Tensor, " C"],
    running_mean: Float[Tensor, " C"],
    running_var: Float[Tensor, " C"],
    training: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Float[Tensor, "N C"], Float[Tensor, " C"], Float[Tensor, " C"]]:
    """gain (x - mean) / √(var + eps) + bias, feature by feature, and the new running statistics.

    In training, mean and var are those of the N rows; var is the biased one, a sum divided by N. The
    new running statistics are (1 - momentum) old + momentum batch, where the batch's var is the
    unbiased one, divided by N - 1. Otherwise mean and var are the running statistics, which are
    returned as they were. All as in torch.nn.functional.batch_norm. eps is above 0, or no feature is
    constant.

    ValueError in training if N < 2; always if a vector has not the shape (C,).

    Source: Ioffe & Szegedy 2015, "Batch Normalization", algorithms 1 and 2.
    """
    return batchnorm.batchnorm_forward(
        x, gain, bias, running_mean, running_var, training, momentum, eps
    )


def batchnorm_backward(
    d_out: Float[Tensor, "N C"],
    x: Float[Tensor, "N C"],
    gain: Float[Tensor, " C"],
    eps: float = 1e-5,
) -> tuple[Float[Tensor, "N C"], Float[Tensor, " C"], Float[Tensor, " C"]]:
    """The gradients (dx, d_gain, d_bias) in training. Mean and var depend on x as well; eps as there.

    ValueError if N < 2, if d_out has not the shape of x, or gain not the shape (C,).
    """
    return batchnorm.batchnorm_backward(d_out, x, gain, eps)


def init_mlp(V: int, k: int, C: int, H: int, seed: int) -> dict[str, Float[Tensor, "..."]]:
    """A model that knows nothing yet; float32. Its entries, with their shapes and first values:

    "embedding" (V, C): normal of standard deviation 1; "W1" (H, k * C): Kaiming with gain √2; "gain"
    (H,): ones; "bias" (H,): zeros; "W2" (V, H): Kaiming with gain 0.1; "b2" (V,): zeros;
    "running_mean" (H,): zeros; "running_var" (H,): ones.

    All random numbers are independent of each other, across matrices too. The same seed gives the
    same model, whatever was drawn before; other seeds give others. ValueError if any of the sizes V,
    k, C, H is less than 1.
    """
    return mlp.init_mlp(V, k, C, H, seed)


def mlp_forward(
    model: dict[str, Float[Tensor, "..."]], x: Int[Tensor, "N k"]
) -> Float[Tensor, "N V"]:
    """The logits of what comes after each window, by the running statistics: no row sees another.

    e: the k embeddings of a window side by side, in reading order; h = e W1ᵀ; n = batchnorm(h) with
    gain, bias and eps 1e-5; a = gelu(n), the exact form; logits = a W2ᵀ + b2. Any N, also 0 and 1.
    ValueError for an id outside 0..V - 1, and if the windows have not the model's length k.
    """
    return mlp.mlp_forward(model, x)


def train_step(
    model: dict[str, Float[Tensor, "..."]],
    x: Int[Tensor, "N k"],
    y: Int[Tensor, " N"],
    learning_rate: float,
) -> tuple[dict[str, Float[Tensor, "..."]], float]:
    """One step of gradient descent on the mean cross-entropy of the N windows: the new model, the loss.

    The forward pass is that of `mlp_forward`, but in training: with the batch's statistics. Each of
    the six parameters (all but the running statistics) moves by -learning_rate times its gradient, all
    at once. The running statistics take the batch in with momentum 0.1. The loss is that before the
    step. ValueError as in the functions above: ids or targets out of range, windows of another length
    than k, `y` of another shape than (N,), N < 2.
    """
    return training.train_step(model, x, y, learning_rate)


def train_mlp(
    documents: list[list[int]],
    V: int,
    k: int,
    C: int,
    H: int,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> tuple[dict[str, Float[Tensor, "..."]], list[float]]:
    """Train init_mlp(V, k, C, H, seed) on the windows of the documents: the final model, the losses.

    Each of the steps is one train_step, with the same learning_rate, on batch_size windows drawn at
    random, each window with the same chance. With or without replacement is up to you, also in epochs,
    as long as every batch has batch_size windows: if there are fewer, some come more than once. The
    losses are those of the steps, each measured before its step.

    The same seed gives the same result, whatever was drawn before; other seeds give others. All that
    is wrong is found before the first step, also where steps is 0: ValueError if steps < 0, if
    batch_size < 2, for an id outside 0..V - 1 in any window, drawn or not, and as in context_windows
    and init_mlp.
    """
    return training.train_mlp(documents, V, k, C, H, steps, batch_size, learning_rate, seed)
