"""Twins of ch02_micrograd: other correct implementations, every one of which must pass."""

import functools
import itertools
import math
from collections import Counter

import numpy as np
import torch

from kit.bank import twin
from solutions.ch02_micrograd.value import Value as Reference
from tests.ch02_micrograd.bugs import (
    gradcheck_with,
    neuron_with,
    tensor_with,
    training_with,
    value_with,
)

# --- a Value in the style of micrograd: every operation leaves a closure behind -----------------


class Closure:
    """Nodes hold a function that passes their gradient on; subtraction and division are derived."""

    def __init__(self, data, parents=()):
        if not isinstance(data, (int, float)):
            raise TypeError("not a number")
        self.data, self.grad, self.parents = data, 0, set(parents)
        self._backward = lambda: None

    def __add__(self, other):
        if not isinstance(other, Closure):
            other = Closure(other)
        out = Closure(self.data + other.data, (self, other))

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        if not isinstance(other, Closure):
            other = Closure(other)
        out = Closure(self.data * other.data, (self, other))

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def __pow__(self, other):
        if not isinstance(other, (int, float)):
            return _power_of_values(self, other)
        if self.data < 0 and other != int(other):
            raise ValueError("complex")
        out = Closure(self.data**other, (self,))

        def _backward():
            if other != 0:
                vertical = self.data == 0 and other < 1
                self.grad += (math.inf if vertical else other * self.data ** (other - 1)) * out.grad

        out._backward = _backward
        return out

    def __rpow__(self, other):
        return Closure(other) ** self

    def __neg__(self):
        return self * -1

    def __radd__(self, other):
        return self + other

    def __sub__(self, other):
        return self + (-other)

    def __rsub__(self, other):
        return other + (-self)

    def __rmul__(self, other):
        return self * other

    def __truediv__(self, other):
        return self * other**-1

    def __rtruediv__(self, other):
        return other * self**-1

    def _apply(self, data, slope):
        out = Closure(data, (self,))

        def _backward():
            self.grad += slope * out.grad

        out._backward = _backward
        return out

    def exp(self):
        e = math.exp(self.data)
        return self._apply(e, e)

    def log(self):
        if self.data <= 0:
            raise ValueError("no logarithm")
        return self._apply(math.log(self.data), self.data**-1)

    def tanh(self):
        return self._apply(math.tanh(self.data), 1 / math.cosh(min(abs(self.data), 300)) ** 2)

    def relu(self):
        return self._apply(max(0.0, self.data), float(self.data > 0))

    def backward(self):
        order, visited, stack = [], set(), [(self, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                order.append(node)
            elif node not in visited:
                visited.add(node)
                stack.append((node, True))
                stack.extend((parent, False) for parent in node.parents)
        for node in order:
            if node.parents:
                node.grad = 0
        self.grad += 1
        for node in reversed(order):
            node._backward()


def _power_of_values(base, exponent):
    if not isinstance(exponent, Closure):
        raise TypeError("not a number")
    if base.data < 0:
        raise ValueError("no slope in the exponent")
    if base.data == 0:
        return base**exponent.data + exponent * 0
    return (exponent * base.log()).exp()


@twin("arithmetic", "closures, division as a power of -1", "value")
def arithmetic_by_closures():
    return Closure


@twin("functions", "closures", "value")
def functions_by_closures():
    return Closure


@twin("backward", "closures, and a depth-first search with markers on its stack", "value")
def backward_by_closures():
    return Closure


# --- the reference's operations, with other walks -------------------------------------------------


def by_counting(root):
    """A node's turn comes when all that was made from it has had its own."""
    waiting, todo, seen = Counter(), [root], {id(root): root}
    while todo:
        for parent in todo.pop().parents:
            waiting[id(parent)] += 1
            if id(parent) not in seen:
                seen[id(parent)] = parent
                todo.append(parent)
    for node in seen.values():
        node.grad = 0.0 if node.parents else node.grad
    root.grad += 1.0
    ready = [root]
    while ready:
        node = ready.pop()
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad = parent.grad + node.grad * slope
            waiting[id(parent)] -= 1
            if not waiting[id(parent)]:
                ready.append(parent)


@functools.cache
def value_that_counts():
    made = value_with(("A node of the graph.", "A node that waits for its children."))
    made.backward = by_counting
    return made


@twin("backward", "nodes wait until all children have passed their gradients on", "value")
def backward_by_counting():
    return value_that_counts()


def by_number(root):
    """Numbers given in the order in which nodes were made are a topological order."""
    nodes, todo = {root.number: root}, [root]
    while todo:
        for parent in todo.pop().parents:
            if parent.number not in nodes:
                nodes[parent.number] = parent
                todo.append(parent)
    for node in nodes.values():
        node.grad *= not node.parents
    root.grad += 1
    for number in sorted(nodes, reverse=True):
        node = nodes[number]
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad += slope * node.grad


@functools.cache
def value_with_a_number():
    made = value_with(("A node of the graph.", "A node with a number."))
    initialise, numbers = made.__init__, itertools.count()

    def __init__(self, *arguments):
        initialise(self, *arguments)
        self.number = next(numbers)

    made.__init__, made.backward = __init__, by_number
    return made


@twin("backward", "nodes sorted by the order in which they were made", "value")
def backward_by_number():
    return value_with_a_number()


# --- topological_order --------------------------------------------------------------------------


@twin("topological_order", "Kahn's algorithm: who has no children left comes last")
def order_of_kahn(root):
    nodes, todo = {id(root): root}, [root]
    children = Counter()
    while todo:
        for parent in todo.pop().parents:
            children[id(parent)] += 1
            if id(parent) not in nodes:
                nodes[id(parent)] = parent
                todo.append(parent)
    order, ready = [], [] if children[id(root)] else [root]
    while ready:
        node = ready.pop()
        order.append(node)
        for parent in node.parents:
            children[id(parent)] -= 1
            if not children[id(parent)]:
                ready.append(parent)
    if len(order) < len(nodes):
        raise ValueError("cycle")
    return order[::-1]


@twin("topological_order", "depth first, with markers on the stack")
def order_by_markers(root):
    order, open_, closed, stack = [], set(), set(), [(root, False)]
    while stack:
        node, leaving = stack.pop()
        if leaving:
            open_.discard(id(node))
            closed.add(id(node))
            order.append(node)
        elif id(node) in open_:
            raise ValueError("cycle")
        elif id(node) not in closed:
            open_.add(id(node))
            stack.append((node, True))
            # one that is open is met again above its own marker: a cycle
            stack.extend((parent, False) for parent in node.parents if id(parent) not in closed)
    return order


# --- gradcheck ----------------------------------------------------------------------------------


@twin("gradcheck", "one list of leaves, whose data are moved and moved back")
def gradcheck_in_place(f, x, eps=1e-6):
    if len(x) == 0 or eps <= 0:
        raise ValueError("nothing to check")
    leaves = [Reference(number) for number in x]
    f(leaves).backward()
    gradients, errors = [leaf.grad for leaf in leaves], []
    for leaf, gradient in zip(leaves, gradients, strict=True):
        start = leaf.data
        leaf.data = start + eps
        above = f(leaves).data
        leaf.data = start - eps
        below = f(leaves).data
        leaf.data = start
        slope = (above - below) / (2 * eps)
        errors.append(abs(gradient - slope) / max(1, abs(gradient), abs(slope)))
    return math.inf if any(math.isnan(error) for error in errors) else max(errors)


@twin("gradcheck", "numpy, returned as a scalar of its own")
def gradcheck_by_numpy(f, x, eps=1e-6):
    if not x or not eps > 0:
        raise ValueError("nothing to check")
    point = np.array(x, dtype=float)

    def at(p):
        return f([Reference(float(number)) for number in p]).data

    steps = eps * np.eye(len(point))
    numeric = np.array([(at(point + step) - at(point - step)) / eps / 2 for step in steps])
    leaves = [Reference(number) for number in x]
    f(leaves).backward()
    analytic = np.array([leaf.grad for leaf in leaves])
    size = np.maximum(1.0, np.maximum(abs(analytic), abs(numeric)))
    return np.nan_to_num(abs(analytic - numeric) / size, nan=np.inf).max()


# --- mlp ----------------------------------------------------------------------------------------


class Net:
    """A whole network as rows of Values; a neuron and a layer are special cases."""

    def __init__(self, sizes, seed, activations):
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError("too few")
        if not {"tanh", "relu", "linear"} >= set(activations):
            raise ValueError("unknown activation")
        rng = np.random.default_rng(seed)
        self.activations = activations
        self.rows = [
            [
                [*map(Reference, (rng.uniform(-1, 1, n) / n**0.5).tolist()), Reference(0)]
                for _ in range(m)
            ]
            for n, m in zip(sizes, sizes[1:], strict=False)
        ]

    def __call__(self, x):
        for rows, activation in zip(self.rows, self.activations, strict=True):
            x = [self._neuron(row, x, activation) for row in rows]
        return x

    def _neuron(self, row, x, activation):
        if len(x) + 1 != len(row):
            raise ValueError("another length")
        total = row[-1]
        for weight, number in zip(row, x, strict=False):
            total = total + number * weight
        return total if activation == "linear" else getattr(total, activation)()

    def parameters(self):
        return [p for rows in self.rows for row in rows for p in row]


class Single(Net):
    def __call__(self, x):
        return super().__call__(x)[0]


@twin("mlp", "rows of Values, numpy's generator, products the other way round", "neuron")
def neuron_of_rows(inputs, seed, activation="tanh"):
    return Single([inputs, 1], seed, [activation])


@twin("mlp", "rows of Values, numpy's generator, products the other way round", "layer")
def layer_of_rows(inputs, outputs, seed, activation="tanh"):
    return Net([inputs, outputs], seed, [activation])


@twin("mlp", "rows of Values, numpy's generator, products the other way round", "mlp")
def mlp_of_rows(sizes, seed):
    return Net(sizes, seed, ["tanh"] * (len(sizes) - 2) + ["linear"])


# --- train_moons --------------------------------------------------------------------------------


@twin("train_moons", "gradients point by point, added up by backward itself")
def training_accumulates_points(model, points, labels, steps, learning_rate):
    if not points or len(points) != len(labels) or any(abs(y) != 1 for y in labels):
        raise ValueError("points and labels")
    losses, parameters, n = [], model.parameters(), len(points)
    for _ in range(steps):
        for p in parameters:
            p.grad = 0.0
        total = 0.0
        for x, y in zip(points, labels, strict=True):
            loss = (1 + model(x)[0] * -y).relu() * (1 / n)
            loss.backward()
            total += loss.data
        for p in parameters:
            p.data += -learning_rate * p.grad
        losses.append(total)
    return losses


@twin("train_moons", "the difference to the gradients that were there before")
def training_by_differences(model, points, labels, steps, learning_rate):
    if len(points) == 0 or len(points) != len(labels):
        raise ValueError("points and labels")
    for y in labels:
        if y not in (-1, 1):
            raise ValueError("label")
    losses = np.zeros(steps)
    for step in range(steps):
        before = [p.grad for p in model.parameters()]
        terms = [(1 - model(x)[0] * y).relu() for x, y in zip(points, labels, strict=True)]
        loss = functools.reduce(lambda a, b: a + b, terms) / len(terms)
        loss.backward()
        for p, old in zip(model.parameters(), before, strict=True):
            p.data = p.data - learning_rate * (p.grad - old)
        losses[step] = loss.data
    return losses


# --- unbroadcast --------------------------------------------------------------------------------


@twin("unbroadcast", "torch's own sum_to_size")
def unbroadcast_of_torch(grad, shape):
    try:
        return grad.sum_to_size(shape)
    except RuntimeError as error:
        raise ValueError("does not broadcast") from error


@twin("unbroadcast", "numpy, axis by axis from behind")
def unbroadcast_by_numpy(grad, shape):
    array = grad.numpy()
    if len(shape) > array.ndim:
        raise ValueError("does not broadcast")
    for _ in range(array.ndim - len(shape)):
        array = array.sum(0)
    array = np.asarray(array)
    for axis, size in enumerate(shape):
        if size != array.shape[axis]:
            if size != 1:
                raise ValueError("does not broadcast")
            array = array.sum(axis, keepdims=True)
    return array


@twin("unbroadcast", "the gradient of expand, by autograd", forbidden=True)
def unbroadcast_by_autograd(grad, shape):
    x = torch.zeros(shape, dtype=grad.dtype, requires_grad=True)
    try:
        out = x.expand(grad.shape)
    except RuntimeError:
        raise ValueError("does not broadcast") from None
    return torch.autograd.grad(out, x, grad)[0]


# --- tensor -------------------------------------------------------------------------------------


class OnAutograd:
    """Nodes that ask torch's autograd, one operation at a time; audit lets twins do so."""

    def __init__(self, data, parents=(), operation=None):
        self.data = torch.as_tensor(data, dtype=torch.float64).detach().clone()
        self.grad = torch.zeros_like(self.data)
        self.parents, self.operation = list(parents), operation

    @classmethod
    def apply(cls, operation, *parents):
        parents = [p if isinstance(p, cls) else cls(_number(p)) for p in parents]
        return cls(operation(*[p.data for p in parents]), parents, operation)

    def __add__(self, other):
        return self.apply(torch.add, self, other)

    def __radd__(self, other):
        return self.apply(torch.add, other, self)

    def __sub__(self, other):
        return self.apply(torch.sub, self, other)

    def __rsub__(self, other):
        return self.apply(torch.sub, other, self)

    def __mul__(self, other):
        return self.apply(torch.mul, self, other)

    def __rmul__(self, other):
        return self.apply(torch.mul, other, self)

    def __truediv__(self, other):
        return self.apply(torch.div, self, other)

    def __rtruediv__(self, other):
        return self.apply(torch.div, other, self)

    def __neg__(self):
        return self * -1

    def __pow__(self, n):
        n = _number(n)
        return self.apply(lambda x: x**n, self)

    def __matmul__(self, other):
        if not isinstance(other, OnAutograd):
            raise TypeError("no tensor")
        if min(self.data.ndim, other.data.ndim) < 2:
            raise ValueError("a vector")
        return self.apply(torch.matmul, self, other)

    def exp(self):
        return self.apply(torch.exp, self)

    def log(self):
        return self.apply(torch.log, self)

    def tanh(self):
        return self.apply(torch.tanh, self)

    def relu(self):
        return self.apply(torch.relu, self)

    def reshape(self, *shape):
        return self.apply(lambda x: x.reshape(*shape), self)

    def sum(self, dim=None, keepdim=False):
        return self.apply(lambda x: x.sum(dim=dim, keepdim=keepdim), self)

    def max(self, dim=None, keepdim=False):
        axes = () if dim is None else dim
        return self.apply(lambda x: x.amax(dim=axes, keepdim=keepdim), self)

    def backward(self, gradient=None):
        if gradient is None:
            if self.data.numel() > 1:
                raise ValueError("several entries")
            gradient = torch.ones_like(self.data)
        if tuple(gradient.shape) != tuple(self.data.shape):
            raise ValueError("another shape")
        order = order_of_kahn.function(self)
        flowing = {id(node): torch.zeros_like(node.data) for node in order}
        flowing[id(self)] = gradient.double().clone()
        for node in reversed(order):
            g = flowing[id(node)]
            node.grad = g if node.parents else node.grad + g
            if node.parents:
                inputs = [p.data.clone().requires_grad_() for p in node.parents]
                out = node.operation(*inputs)
                for p, part in zip(node.parents, torch.autograd.grad(out, inputs, g), strict=True):
                    flowing[id(p)] = flowing[id(p)] + part


def _number(value):
    if isinstance(value, (int, float)):
        return float(value)
    raise TypeError("no number")


@twin("tensor", "torch's autograd, one operation at a time; gradients in a dict", forbidden=True)
def tensor_on_autograd():
    return OnAutograd


@twin(
    "matmul",
    "torch's autograd, one operation at a time; gradients in a dict",
    "tensor",
    forbidden=True,
)
def matmul_on_autograd():
    return OnAutograd


@twin(
    "reductions",
    "torch's autograd, one operation at a time; gradients in a dict",
    "tensor",
    forbidden=True,
)
def reductions_on_autograd():
    return OnAutograd


# --- the reference in other words ---------------------------------------------------------------


@twin(
    "topological_order", "depth first by generators, which a loop runs in place of Python's stack"
)
def order_by_generators(root):
    order, finished = [], {}

    def visit(node):
        finished[id(node)] = False
        for parent in node.parents:
            if id(parent) not in finished:
                yield visit(parent)
            elif not finished[id(parent)]:
                raise ValueError("a cycle")
        finished[id(node)] = True
        order.append(node)

    stack = [visit(root)]
    while stack:
        inner = next(stack[-1], None)
        stack.append(inner) if inner else stack.pop()
    return order


@twin("backward", "a node whose gradient is 0 passes nothing on", "value")
def backward_skips_zeros():
    loop = "        for node in reversed(order):\n"
    return value_with((loop, f"{loop}            if node.grad == 0:\n                continue\n"))


@twin("gradcheck", "divided by the step that floats really take")
def gradcheck_of_real_steps(f, x, eps=1e-6):
    return gradcheck_with(("/ (2 * eps)", "/ ((x[i] + eps) - (x[i] - eps))"))(f, x, eps)


@twin("mlp", "products are summed in pairs; the seed is a word", "neuron")
def neuron_of_pairs(inputs, seed, activation="tanh"):
    pairs = """        terms = [*products, self.bias]
        while len(terms) > 1:
            terms = [sum(terms[i + 1 : i + 2], terms[i]) for i in range(0, len(terms), 2)]
        return self.activation(terms[0])
"""
    made = neuron_with(("        return self.activation(sum(products, self.bias))\n", pairs))
    return made(inputs, f"neuron {seed}", activation)


@twin("train_moons", "only points within the margin enter the sum")
def training_of_violators(model, points, labels, steps, learning_rate):
    return training_with(
        (
            "sum((1 - margin).relu() for margin in margins)",
            "sum([1 - m for m in margins if m.data < 1], 0 * margins[0])",
        )
    )(model, points, labels, steps, learning_rate)


@twin("tensor", "a gradient is made when it is first asked for; no other attributes")
def tensor_with_slots():
    head = """class Tensor:
    __slots__ = ("data", "_grad", "parents", "pullbacks")

    @property
    def grad(self):
        if self._grad is None:
            self._grad = torch.zeros_like(self.data)
        return self._grad

    @grad.setter
    def grad(self, gradient):
        self._grad = gradient

"""
    first = "        self.grad = torch.zeros_like(self.data)\n"
    return tensor_with(("class Tensor:\n", head), (first, "        self._grad = None\n"))


@twin("matmul", "gradients by einsum", "tensor")
def matmul_by_einsum():
    return tensor_with(
        ("g @ b.mT", "torch.einsum('...ij,...kj->...ik', g, b)"),
        ("lambda g: a.mT @ g", "lambda g: torch.einsum('...ij,...ik->...jk', a, g)"),
    )


@twin("reductions", "the maximum is the last of the sorted entries", "tensor")
def max_by_sorting():
    return tensor_with(
        (
            "top = self.data.amax(self._axes(dim), keepdim=True)",
            "top = self.data.sort(dim).values.narrow(dim, -1, 1) "
            "if dim is not None and self.data.ndim else self.data.amax(self._axes(dim), True)",
        )
    )


@twin("arithmetic", "division as a product with a power of -1, its slope at once", "value")
def value_with_reciprocals():
    return value_with(
        (
            "        quotient = self.data / other.data\n"
            "        return Value(quotient, (self, other), (1 / other.data, -quotient / other.data))",
            "        return self * other**-1",
        )
    )
