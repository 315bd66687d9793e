"""Chapter 2, Micrograd: the functions that you write.

Two engines of automatic differentiation, one for numbers and one for tensors, and a network on the
first. A function that hands out a class returns the same class at every call. Everything made by
an operation is new, that of `0 + a` or `a ** 1` too, and `a += b` leaves the old object `a` as it
was. Between an operation and backward nobody sets `data`. No result overflows, and apart from what
a docstring says of inf, numbers and slopes are finite. Seeds are ints, 0 <= seed < 2**32, and no
two of them give the same numbers.

Keep the names and signatures. Beyond that the design is yours: more attributes, functions, files.
"""

from collections.abc import Callable
from random import Random

from jaxtyping import Float
from torch import Tensor


def value() -> type:
    """The class `Value`: a number that remembers how it was made.

    Value(data)      TypeError unless data is an int or a float
    .data            the number; training may set it
    .grad            0.0 at first; then what backward puts there; may be set
    + - * / **       of two Values, or a Value and an int or float on either side, and unary -;
                     sum() of a list of Values works. TypeError for anything else.
    .exp() .log() .tanh() .relu()     tanh as exact as math.tanh; relu has slope 0 where x <= 0
    .backward()      see below

    x ** 0 is 1, with slope 0 in x, at x = 0 too. There x ** n has the slope inf for 0 < n < 1. The
    slope in an exponent is x ** n * ln x, and 0 where x is 0. With a number as exponent x may be
    negative, if that number is whole.

    Errors come when an operation is called, not in backward. ZeroDivisionError for division by 0,
    and for 0 ** n with n < 0. ValueError for log of 0 or less, for a negative base to a power that
    is not whole, and for a negative base to the power of a Value, which has no slope there.

    root.backward() finds the slope of root in every Value that it was made from, itself included.
    A leaf, made from nothing, adds it to its `grad`, however often and from whichever root backward
    is called; any other Value starts anew, so that its `grad` is the slope of the last root. A root
    that is a leaf adds 1. All else is left alone. Graphs may be 20,000 operations deep, and each is
    walked once: time is proportional to the number of operations. It is meant to use your
    `topological_order`: give a Value the attribute `parents`.

    Source: Baydin et al. 2018, Automatic differentiation in machine learning: a survey, section 3.
    """
    raise NotImplementedError


def topological_order(root: object) -> list:
    """Everything that `root` was made from, itself included, each once, parents before children.

    A node is any object with an attribute `parents`, a list or tuple of nodes, empty for a leaf.
    A list; any order with that property will do. Nodes are told apart by identity: two may be equal,
    and they need not be hashable. A graph may be 20,000 nodes deep. ValueError for a cycle.
    """
    raise NotImplementedError


def gradcheck(f: Callable, x: list[float], eps: float = 1e-6) -> float:
    """The largest error of backward() at x: a gradient to trust has one below 1e-7.

    f takes a list of your Values and returns a Value. With a_i from one call of f and backward(),
    and n_i = (f(x + eps e_i) - f(x - eps e_i)) / 2 eps, where e_i is 1 at place i and 0 elsewhere,

        the error is max_i |a_i - n_i| / max(1, |a_i|, |n_i|)

    and inf if anything in it is nan, inf / inf in the error itself included. x stays as it was.
    ValueError if x is empty or eps is not positive.
    """
    raise NotImplementedError


def neuron(inputs: int, seed: int, activation: str = "tanh") -> object:
    """A neuron n of `inputs` weights w and a bias b, all of them Values.

    n(x)            act(w · x + b), a Value; x is a list of Values or numbers
    n.parameters()  [w_1, ..., w_inputs, b], the Values themselves, the same at every call

    `activation` is "tanh", "relu" or "linear", which does nothing. Weights start uniformly in
    ±1/sqrt(inputs), the bias at 0. The same seed gives the same weights, whatever was drawn before;
    other seeds give others. ValueError for another activation, inputs < 1, or an x of another
    length.
    """
    raise NotImplementedError


def layer(inputs: int, outputs: int, seed: int, activation: str = "tanh") -> object:
    """`outputs` neurons on the same inputs, each with weights of its own, no two alike.

    l(x)            the list of their outputs, also if there is only one
    l.parameters()  those of the first neuron, then of the second, ...

    ValueError as for `neuron`, and for outputs < 1.
    """
    raise NotImplementedError


def mlp(sizes: list[int], seed: int) -> object:
    """Layers in a row: sizes[0] inputs, ..., sizes[-1] outputs; "tanh", but "linear" in the last.

    No two neurons of the network start alike.

    m(x)            the list of outputs of the last layer
    m.parameters()  those of the first layer, then of the second, ...

    ValueError as for `layer`, and for fewer than two sizes.
    """
    raise NotImplementedError


def train_moons(
    model: Callable,
    points: list[list[float]],
    labels: list[int],
    steps: int,
    learning_rate: float,
) -> list[float]:
    """Gradient descent on the hinge loss, mean of relu(1 - y · model(x)[0]) over all points.

    `model` is what `mlp` returns, or is called and has parameters() like it. Each step moves every
    parameter's `data` by -learning_rate times its slope; whatever its `grad` held before does not
    matter. Returns a loss per step, a float, measured before the step.

    ValueError if a label is neither -1 nor 1, if there are no points, or not as many labels.
    """
    raise NotImplementedError


def unbroadcast(grad: Float[Tensor, "..."], shape: tuple[int, ...]) -> Float[Tensor, "*shape"]:
    """The gradient of a tensor of this shape, from that of what it was broadcast to.

    unbroadcast([[1, 2], [3, 4]], (2,)) -> [4, 6]

    Broadcasting is torch's, and the dtype stays that of `grad`. ValueError if `shape` does not
    broadcast to the shape of `grad`.
    """
    raise NotImplementedError


def tensor() -> type:
    """The class `Tensor` of your own, an array that remembers how it was made, as `Value` does.

    Tensor(data)     a torch tensor, a number, or nested lists of numbers, which are copied
    .data            a torch tensor of float64; training may set it
    .grad            one of the same shape: zeros at first; may be set
    + - * /          of two Tensors, broadcast as in torch, or a Tensor and an int or float on
                     either side, and unary -; TypeError for anything else
    **               with an int or float as exponent, else TypeError; x ** 0 has the slope 0, at
                     x = 0 too
    .exp() .log() .tanh() .relu()     for every entry; relu has slope 0 where x <= 0
    @                two axes or more on both sides; leading axes broadcast
    .sum(dim=None, keepdim=False)     over one axis, or over all
    .max(dim=None, keepdim=False)     values only; entries that tie for the maximum share its
                     gradient equally
    .reshape(2, -1)  as torch does; sizes are separate arguments
    .backward(gradient=None)          as Value's, from the gradient that arrives at this Tensor: a
                     torch tensor of its shape, by default 1 if it has just one entry; float32 is
                     taken as float64

    Where nothing else is said, results and slopes are torch's: log(0) is -inf, with slope inf.
    ValueError, or torch's RuntimeError or IndexError, where shapes or axes do not fit; ValueError
    for backward() from several entries without a gradient, for a gradient of another shape, and for
    @ of fewer than two axes. Torch's own autograd is not allowed.
    """
    raise NotImplementedError
