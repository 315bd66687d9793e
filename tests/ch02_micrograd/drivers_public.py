"""Drivers run next to the student's code; see the tests that use them."""

import random


def execute(source, leaves):
    """The variables of a little program after it has run; its last word is `out`."""
    variables = dict(leaves)
    exec(source, variables)
    del variables["__builtins__"]
    return variables


def differentiate(adapters, source, leaves, backwards=1):
    """Run a program on Values: out, and the gradient of every variable, leaves first."""
    nodes = {name: adapters.value()(number) for name, number in leaves.items()}
    variables = execute(source, nodes)
    for _ in range(backwards):
        variables["out"].backward()
    between = {name: node for name, node in variables.items() if name not in nodes}
    return variables["out"].data, slopes(nodes), slopes(between)


def slopes(nodes):
    """The gradient of every Value among them."""
    return {name: node.grad for name, node in nodes.items() if hasattr(node, "grad")}


def evaluate(adapters, source, leaves):
    """Run a program on Values: what its variable `out` holds."""
    nodes = {name: adapters.value()(number) for name, number in leaves.items()}
    return execute(source, nodes)["out"].data


def walks(adapters, source, leaves, roots, preset=None):
    """Gradients by name, after the program ran on Values and backward was called on every root."""
    Value = adapters.value()
    variables = execute(source, {name: Value(number) for name, number in leaves.items()})
    for name, grad in (preset or {}).items():
        variables[name].grad = grad
    for root in roots:
        variables[root].backward()
    nodes = {name: node for name, node in variables.items() if hasattr(node, "grad")}
    return {n: node.grad for n, node in nodes.items()}, {n: node.data for n, node in nodes.items()}


def descend(adapters, source, x, rate, steps):
    """Gradient descent on one Value, whose gradient is set to 0 before each step."""
    leaf, path = adapters.value()(x), []
    for _ in range(steps):
        leaf.grad = 0.0
        execute(source, {"x": leaf})["out"].backward()
        leaf.data = leaf.data - rate * leaf.grad
        path.append(leaf.data)
    return path


class Node:
    """What a topological order knows of a node."""

    def __init__(self, parents):
        self.parents = parents


def order(adapters, parents, root):
    """The order of a graph's nodes, by number; parents[i] lists the parents of node i."""
    return order_of(adapters, [Node([]) for _ in parents], parents, root)


def order_of(adapters, nodes, parents, root):
    """Tie the nodes to their parents, and have them ordered."""
    number = {id(node): i for i, node in enumerate(nodes)}
    for node, theirs in zip(nodes, parents, strict=True):
        node.parents = type(node.parents)([nodes[i] for i in theirs])
    return [number[id(node)] for node in adapters.topological_order(nodes[root])]


class Lookalike(Node):
    """All of them are equal; so they cannot be hashed."""

    def __eq__(self, other):
        return isinstance(other, Lookalike)


def order_of_lookalikes(adapters, parents, root):
    """The order of a graph whose nodes are equal to each other."""
    return order_of(adapters, [Lookalike(()) for _ in parents], parents, root)


def check_gradient(adapters, source, x, **options):
    """gradcheck of a program on x[0], x[1], ...; `Value` is known to it."""
    Value = adapters.value()

    def f(x):
        return execute(source, {"x": x, "Value": Value})["out"]

    return adapters.gradcheck(f, x, **options)


def build(adapters, kind, arguments, parameters=None):
    """A neuron, layer or mlp, with its parameters set where they are given."""
    model = getattr(adapters, kind)(*arguments)
    if parameters is not None:
        for p, number in zip(model.parameters(), parameters, strict=True):
            p.data = number
    return model


def initial(adapters, kind, arguments):
    """The parameters that a model starts with."""
    return [p.data for p in build(adapters, kind, arguments).parameters()]


def forward(adapters, kind, arguments, parameters, x):
    """What a model with these parameters makes of numbers: a number, or a list of them."""
    out = build(adapters, kind, arguments, parameters)(x)
    return [y.data for y in out] if isinstance(out, list | tuple) else out.data


def network_gradients(adapters, kind, arguments, parameters, x, weights):
    """Gradients of sum(weights * outputs) in parameters and inputs."""
    model = build(adapters, kind, arguments, parameters)
    inputs = [adapters.value()(number) for number in x]
    out = model(inputs)
    out = out if isinstance(out, list | tuple) else [out]
    sum([y * w for y, w in zip(out, weights, strict=True)]).backward()
    return [p.grad for p in model.parameters()], [node.grad for node in inputs]


def train(adapters, sizes, parameters, points, labels, steps, rate, left_over=0.0):
    """Losses, and the parameters afterwards; `left_over` is in their gradients before."""
    model = build(adapters, "mlp", (sizes, 0), parameters)
    for p in model.parameters():
        p.grad = left_over
    losses = adapters.train_moons(model, points, labels, steps, rate)
    return losses, [p.data for p in model.parameters()]


def initial_after_other_draws(adapters, kind, arguments):
    """The parameters of three models: equal seeds, with other numbers drawn in between."""
    first = initial(adapters, kind, arguments)
    random.seed(5)
    random.random()
    build(adapters, kind, arguments)
    return first, initial(adapters, kind, arguments)


def tensors(adapters, source, leaves, gradient=None, backwards=1):
    """Run a program on Tensors: out, and the gradient of every leaf and of every other variable."""
    nodes = {name: adapters.tensor()(data) for name, data in leaves.items()}
    variables = execute(source, nodes)
    for _ in range(backwards):
        if gradient is None:
            variables["out"].backward()
        else:
            variables["out"].backward(gradient)
    between = {name: node for name, node in variables.items() if name not in nodes}
    return variables["out"].data, slopes(nodes), slopes(between)


def tensor_walks(adapters, source, leaves, roots, preset):
    """As walks, on Tensors: gradients and their dtypes before they are set to `preset`; after."""
    variables = execute(source, {n: adapters.tensor()(data) for n, data in leaves.items()})
    before = {n: (g, str(getattr(g, "dtype", None))) for n, g in slopes(variables).items()}
    for name, number in preset.items():
        variables[name].grad = variables[name].data * 0 + number
    for root in roots:
        variables[root].backward()
    return before, slopes(variables)


def gradient_after_editing(adapters, source, data):
    """A leaf's gradient after its first entry was set to 0 in place."""
    a = adapters.tensor()(data)
    execute(source, {"a": a})["out"].backward()
    a.grad[0] = 0.0
    return a.grad
