"""Drivers run next to the student's code; see the tests that use them."""


def make(adapters, factory, data):
    """A Value or Tensor of anything; what its class is when it is asked for again."""
    made = getattr(adapters, factory)()(data)
    return made.data, made.grad, isinstance(made, getattr(adapters, factory)())


class Node:
    """What a topological order knows of a node."""

    def __init__(self, parents=()):
        self.parents = parents


def order_twice(adapters, parents, root):
    """Two orders of one graph, then its edges as they are now."""
    nodes = [Node() for _ in parents]
    number = {id(node): i for i, node in enumerate(nodes)}
    for node, theirs in zip(nodes, parents, strict=True):
        node.parents = [nodes[i] for i in theirs]
    first, second = ([number[id(n)] for n in adapters.topological_order(nodes[root])] for _ in "12")
    return first, second, [[number[id(n)] for n in node.parents] for node in nodes]


def checked_point(adapters, x):
    """The list x after gradcheck has seen it."""
    adapters.gradcheck(lambda values: sum(v * v for v in values), x)
    return x


def parameters_of(adapters, kind, arguments):
    """How many parameters, and whether a second call gives the same Values."""
    model = getattr(adapters, kind)(*arguments)
    first, second = model.parameters(), model.parameters()
    return len(first), all(a is b for a, b in zip(first, second, strict=True))


def arguments_after_training(adapters, points, labels):
    """Points and labels after training."""
    adapters.train_moons(adapters.mlp([2, 1], 0), points, labels, 3, 0.1)
    return points, labels


class Toy:
    """A model that is none of mlp's: s = a x."""

    def __init__(self, a):
        self.a = a

    def __call__(self, x):
        """The score of one point."""
        return [self.a * x[0]]

    def parameters(self):
        """The only one."""
        return [self.a]


def train_toy(adapters, points, labels, steps, rate):
    """Train a model of another class; its losses and parameter."""
    toy = Toy(adapters.value()(0.5))
    return adapters.train_moons(toy, points, labels, steps, rate), toy.a.data


def same_gradient_twice(adapters, data, gradient):
    """The gradient handed to backward, after b + c has passed it on twice; b's gradient."""
    Tensor = adapters.tensor()
    b, c = Tensor(data), Tensor(data)
    out = b + c
    out.backward(gradient)
    out.backward(gradient)
    c.grad[...] = 0.0
    return gradient, b.grad
