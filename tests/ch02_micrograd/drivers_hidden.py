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


def same_gradient_again(adapters, data, gradient, times):
    """The gradient handed to backward, after b + c has passed it on; b's, with c's set to 0."""
    Tensor = adapters.tensor()
    b, c = Tensor(data), Tensor(data)
    out = b + c
    for _ in range(times):
        out.backward(gradient)
    c.grad[...] = 0.0
    return gradient, b.grad


class Bare:
    """A node with nothing but parents: it takes no other attribute, and is falsy."""

    __slots__ = ("parents",)

    def __bool__(self):
        return False


def order_of_bare_nodes(adapters, parents, root):
    """The order of nodes that cannot be marked, and what kind of thing it is."""
    nodes = [Bare() for _ in parents]
    number = {id(node): i for i, node in enumerate(nodes)}
    for node, theirs in zip(nodes, parents, strict=True):
        node.parents = [nodes[i] for i in theirs]
    got = adapters.topological_order(nodes[root])
    return [number[id(node)] for node in got], type(got).__name__


def kinds_of_argument(adapters, x):
    """What f is handed by gradcheck, call by call."""
    kinds = []
    adapters.gradcheck(lambda values: kinds.append(type(values).__name__) or values[0] * 2, x)
    return kinds


def kinds_of_output(adapters):
    """What layers and networks return and list."""
    layer, mlp = adapters.layer(2, 2, 0), adapters.mlp([2, 1], 0)
    things = (layer([1.0, 2.0]), layer.parameters(), mlp([1.0, 2.0]), mlp.parameters())
    return [type(thing).__name__ for thing in things]


def models_share_values(adapters, kind, arguments):
    """Whether two models of one seed have a parameter in common."""
    first, second = (getattr(adapters, kind)(*arguments).parameters() for _ in "12")
    return any(p is q for p in first for q in second)


def inputs_after_call(adapters, kind, arguments, x):
    """The kinds of numbers in x after a model was called on it."""
    getattr(adapters, kind)(*arguments)(x)
    return [type(number).__name__ for number in x]


def data_after_editing_source(adapters, array):
    """A Tensor's data after the array that it was made from has changed."""
    made = adapters.tensor()(array)
    array[...] = 5.0
    return made.data


def unbroadcast_permuted(adapters, grad, order, shape):
    """The gradient with its axes in another order, which leaves it in memory as it was."""
    got = adapters.unbroadcast(grad.permute(order), shape)
    return got, str(got.dtype).removeprefix("torch.")
