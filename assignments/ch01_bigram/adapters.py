"""Chapter 1, Bigram: the functions that you write.

Shapes are jaxtyping: `Float[Tensor, "V V"]` is a float tensor of V rows and V columns, `Int` one of
integers, `Shaped` one of any dtype; `"..."` stands for any number of axes.
V is the size of the vocabulary, N a number of pairs. A document is a list of ids, and a text is a
list of documents; neighbouring documents have nothing to do with each other.

Keep the names and signatures, and leave arguments as they are: the caller still needs them. Beyond
that the design is yours: more functions, more files.
"""

from jaxtyping import Float, Int, Shaped
from torch import Tensor


def build_vocab(text: str) -> list[str]:
    """The distinct characters of `text`, in the order of their code points.

    build_vocab("hello") -> ["e", "h", "l", "o"]
    """
    raise NotImplementedError


def encode(text: str, vocab: list[str]) -> list[int]:
    """The ids of the characters of `text`: the place of each in `vocab`, in whatever order that is.

    encode("hole", ["e", "h", "l", "o"]) -> [1, 3, 2, 0]

    ValueError for a character that is not in `vocab`.
    """
    raise NotImplementedError


def decode(ids: list[int], vocab: list[str]) -> str:
    """The text that `ids` stand for: the inverse of `encode`.

    ValueError for an id outside 0..len(vocab) - 1, negative ones included.
    """
    raise NotImplementedError


def bigram_counts(documents: list[list[int]], V: int) -> Int[Tensor, "V V"]:
    """How often id b comes right after id a inside one document, at [a, b]. dtype int64.

    A pair never crosses from one document to the next; a document of fewer than two ids has none.
    """
    raise NotImplementedError


def probabilities(counts: Shaped[Tensor, "V V"], alpha: float) -> Float[Tensor, "V V"]:
    """P[a, b] = (C[a, b] + alpha) / (sum_b C[a, b] + alpha V): what follows a, add-alpha smoothed.

    `counts` may be of any integer or float dtype. Each row sums to 1. A row without any count is
    uniform, 1/V, also when alpha is 0; other cells are exactly 0 then if their count is. ValueError
    if alpha is negative.

    Source: Jurafsky & Martin, Speech and Language Processing, ch. 3 (Laplace smoothing).
    """
    raise NotImplementedError


def negative_log_likelihood(P: Float[Tensor, "V V"], documents: list[list[int]]) -> float:
    """The mean of -ln P[a, b] over all pairs (a, b) of all documents, in nats per pair.

    inf, and never NaN, if a pair that occurs has probability 0. Pairs never cross documents.
    ValueError if there is no pair at all.
    """
    raise NotImplementedError


def perplexity(nll: float) -> float:
    """exp(nll), for an nll in nats; inf where that overflows a float."""
    raise NotImplementedError


def ngram_probabilities(
    documents: list[list[int]], n: int, V: int, alpha: float
) -> Float[Tensor, "..."]:
    """P[a_1, ..., a_n]: how probable a_n is after a_1 ... a_(n-1). Shape (V,) * n.

    n = 2 is the bigram model, n = 1 the plain frequencies, of shape (V,). Smoothed as in
    `probabilities`, over the last axis. Windows of n ids lie inside one document; a document of
    fewer than n ids has none. ValueError if n < 1 or alpha is negative.
    """
    raise NotImplementedError


def sample(P: Float[Tensor, "V V"], boundary: int, max_length: int, seed: int) -> list[int]:
    """Draw one document: each next id with the probabilities in the row of the one before.

    The first id follows `boundary`. Drawing `boundary` again ends the document, and so does reaching
    `max_length` ids; neither boundary is part of what is returned. The same seed gives the same
    document, whatever was drawn before; other seeds give others, as far as P allows.
    """
    raise NotImplementedError


def softmax_regression_grad(
    W: Float[Tensor, "V V"], x: Int[Tensor, " N"], y: Int[Tensor, " N"]
) -> tuple[float, Float[Tensor, "V V"]]:
    """The mean NLL of the N pairs (x[i], y[i]) under P[a] = softmax(W[a]), and its gradient in W.

    W is float32. With p = softmax(W[x]), a pair adds (p - onehot(y)) / N to row x of the gradient.
    Both results are finite for logits of ±10,000. Autograd is not allowed here.
    """
    raise NotImplementedError


def train_bigram(
    documents: list[list[int]], V: int, steps: int, learning_rate: float
) -> tuple[Float[Tensor, "V V"], list[float]]:
    """Fit W to all pairs of the documents by full-batch gradient descent, from W = 0, in float32.

    Returns the final W and one loss per step, measured before the step is taken: the first is ln V.
    """
    raise NotImplementedError
