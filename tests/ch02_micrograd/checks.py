"""What public and hidden tests of ch02_micrograd share: inputs, references, and checks of laws.

The reference for gradients is torch's autograd in float64: it runs the same little programs.
"""

import torch

from kit.compare import assert_close
from kit.contract import short_repr
from tests.ch02_micrograd.drivers_public import execute

__tracebackhide__ = True  # in a failure, the test's own line tells more

DOUBLE = 1e-9  # both sides are float64; a graph of a hundred operations may lose a few digits
# The handout's graph.
WORKED = "u = a * b; v = u + a; out = v ** 2"


def torch_slopes(source: str, leaves: dict[str, object], gradient=None) -> tuple:
    """The same program on torch's tensors: out, and the gradients of leaves and other variables."""
    nodes = {
        name: torch.as_tensor(data, dtype=torch.float64).clone().requires_grad_()
        for name, data in leaves.items()
    }
    # torch's max shares nothing among ties when it is given an axis; amax does
    torchs = source.replace(".max(", ".amax(").replace("dim=None", "dim=()")
    variables = execute(torchs, nodes)
    found = {name: node for name, node in variables.items() if isinstance(node, torch.Tensor)}
    out = found["out"]
    if gradient is None:
        gradient = torch.ones_like(out)
    gradients = torch.autograd.grad(out, list(found.values()), gradient, allow_unused=True)
    both = zip(found.items(), gradients, strict=True)
    slopes = {n: torch.zeros_like(node) if g is None else g for (n, node), g in both}
    leaf = {name: slopes.pop(name) for name in nodes}
    return out.detach(), leaf, slopes


def check_slopes(student, source: str, leaves: dict[str, float], why: str, backwards: int = 1):
    """Value and gradients of a program on Values are torch's."""
    data, of_leaves, between = student.run("differentiate", source, leaves, backwards)
    assert_program(source, leaves, (data, of_leaves, between), why, backwards)


def assert_program(source, leaves, got, why, backwards=1, gradient=None) -> None:
    """Hold out and gradients to torch's: leaves have added up, others are those of one walk."""
    data, of_leaves, between = got
    wanted, torch_leaves, torch_between = torch_slopes(source, leaves, gradient)
    shown = f"{why}\n  in {short_repr(source, 200)} at {short_repr(leaves, 120)}:"
    assert_close(data, wanted, f"{shown} out", rtol=DOUBLE)
    for name, slope in torch_leaves.items():
        message = f"{shown} the gradient of {name}"
        assert_close(of_leaves[name], backwards * slope, message, rtol=DOUBLE, atol=1e-10)
    for name, slope in torch_between.items():
        message = f"{shown} the gradient of {name}"
        assert_close(between[name], slope, message, rtol=DOUBLE, atol=1e-10)


def check_value(student, source: str, leaves: dict[str, float], wanted: float, why: str) -> None:
    """A program's result, to the precision of a float64."""
    got = student.run("evaluate", source, leaves)
    assert_close(got, wanted, f"{why}\n  in {source} at {leaves}", rtol=1e-14, atol=0)


OPERATIONS = [
    "{a} + {b}",
    "{a} - {b}",
    "{a} * {b}",
    "{a} / ({b} * {b} + 1)",
    "({a} * {b}).tanh()",
    "({a}.tanh() + {b}.tanh()).exp()",
    "({a} * {a} + 1).log() + {b}",
    "({a} - {b}).relu()",
    "-{a} + 0.5 * {b}",
    "({a} * {a} + 1) ** 0.5",
    "{a}.tanh() ** 3",
    "1.5 - {a}",
    "2 ** {a}.tanh()",
    "3 / ({a} * {a} + 1)",
]


def random_program(rng: torch.Generator, leaves: int, steps: int) -> tuple[str, dict[str, float]]:
    """A graph whose nodes are used once, often or never, and values for its leaves."""
    names = [f"x{i}" for i in range(leaves)]
    numbers = torch.randn(leaves, generator=rng, dtype=torch.float64).tolist()
    lines, known = [], list(names)
    for i in range(steps):
        choice = torch.randint(0, len(OPERATIONS), (1,), generator=rng).item()
        a, b = (known[k] for k in torch.randint(0, len(known), (2,), generator=rng).tolist())
        operation = OPERATIONS[choice].format(a=a, b=b)
        # now and then squashed, so that products of products stay small
        lines.append(f"v{i} = ({operation}).tanh()" if i % 3 == 2 else f"v{i} = {operation}")
        known.append(f"v{i}")
    lines.append("out = " + " + ".join(f"v{i} * {1 + i / 7:.3f}" for i in range(steps)))
    return "\n".join(lines), dict(zip(names, numbers, strict=True))


def check_order(order: list[int], parents: list[list[int]], root: int, why: str) -> None:
    """Every node that root was made from, once, after all its parents."""
    reachable, todo = {root}, [root]
    while todo:
        new = set(parents[todo.pop()]) - reachable
        reachable |= new
        todo.extend(new)
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order), f"{why}\n  a node comes twice: {short_repr(order, 80)}"
    assert set(order) == reachable, (
        f"{why}\n  got {len(order)} nodes, wanted the {len(reachable)} that the root was made from"
    )
    for node in order:
        for parent in parents[node]:
            assert place[parent] < place[node], (
                f"{why}\n  node {node} comes before its parent {parent}: {short_repr(order, 80)}"
            )


def random_graph(rng: torch.Generator, nodes: int, most: int) -> tuple[list[list[int]], int]:
    """A shuffled acyclic graph and its root: up to `most` parents each, perhaps one twice."""
    names = torch.randperm(nodes, generator=rng).tolist()
    parents: list[list[int]] = [[] for _ in names]
    for i in range(1, nodes):
        count = torch.randint(0, most + 1, (1,), generator=rng).item() if i < nodes - 1 else 4
        chosen = torch.randint(0, i, (count,), generator=rng).tolist()
        parents[names[i]] = [names[k] for k in chosen]
    return parents, names[-1]


# --- networks ---------------------------------------------------------------------------------


ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "linear": lambda x: x}


def count_parameters(sizes: list[int]) -> int:
    return sum((n + 1) * m for n, m in zip(sizes, sizes[1:], strict=False))


def random_parameters(rng: torch.Generator, count: int) -> list[float]:
    return torch.randn(count, generator=rng, dtype=torch.float64).tolist()


def torch_network(
    p: torch.Tensor, x: torch.Tensor, sizes: list[int], activation: str = "tanh"
) -> torch.Tensor:
    """Rows of parameters, one per neuron with its bias last; the last layer is linear."""
    for i, (n, m) in enumerate(zip(sizes, sizes[1:], strict=False)):
        rows, p = p[: m * (n + 1)].reshape(m, n + 1), p[m * (n + 1) :]
        x = torch.nn.functional.linear(x, rows[:, :-1], rows[:, -1])
        if i < len(sizes) - 2:
            x = ACTIVATIONS[activation](x)
    return x


def check_network(student, kind: str, arguments: list, sizes: list[int], rng, why: str) -> None:
    """Outputs and gradients are torch's; a neuron's or layer's activation is its last argument."""
    parameters = random_parameters(rng, count_parameters(sizes))
    x = random_parameters(rng, sizes[0])
    last = ACTIVATIONS[arguments[-1] if isinstance(arguments[-1], str) else "tanh"]
    last = ACTIVATIONS["linear"] if kind == "mlp" else last
    p, inputs = (torch.tensor(t, dtype=torch.float64).requires_grad_() for t in (parameters, x))
    wanted = last(torch_network(p, inputs, sizes))
    got = student.run("forward", kind, arguments, parameters, x)
    shape = wanted[0] if kind == "neuron" else wanted
    assert_close(got, shape, f"{why}: the outputs", rtol=1e-12)
    weights = random_parameters(rng, sizes[-1])
    gradients = student.run("network_gradients", kind, arguments, parameters, x, weights)
    total = wanted @ torch.tensor(weights, dtype=torch.float64)
    torch_gradients = torch.autograd.grad(total, (p, inputs))
    for name, left, right in zip(("parameters", "inputs"), gradients, torch_gradients, strict=True):
        assert_close(left, right, f"{why}: the gradients of the {name}", rtol=DOUBLE)


def torch_training(sizes, parameters, points, labels, steps, rate) -> tuple[list, torch.Tensor]:
    """Gradient descent on the hinge loss, by torch: losses, and the parameters afterwards."""
    p = torch.tensor(parameters, dtype=torch.float64)
    x, y = torch.tensor(points, dtype=torch.float64), torch.tensor(labels, dtype=torch.float64)
    losses = []
    for _ in range(steps):
        p = p.detach().requires_grad_()
        loss = torch.relu(1 - y * torch_network(p, x, sizes)[:, 0]).mean()
        (gradient,) = torch.autograd.grad(loss, p)
        losses.append(loss.item())
        p = p - rate * gradient
    return losses, p.detach()


def check_training(student, sizes, parameters, points, labels, steps, rate, left_over=0.0) -> None:
    """Plain gradient descent, retraced by torch."""
    arguments = (sizes, parameters, points, labels, steps, rate)
    losses, after = student.run("train", *arguments, left_over)
    wanted, wanted_after = torch_training(*arguments)
    assert len(losses) == steps, f"one loss per step: got {len(losses)} losses in {steps} steps"
    why = "a loss is the mean hinge loss of all points, measured before its step"
    assert_close(losses, wanted, why, rtol=1e-7)
    why = "each step moves every parameter by -learning_rate times its gradient, and only its own"
    assert_close(after, wanted_after, why, rtol=1e-7)


# --- tensors ----------------------------------------------------------------------------------


def random_tensor(rng: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def check_tensors(student, source: str, leaves: dict, why: str, rng=None, backwards: int = 1):
    """Data and gradients of a program on Tensors are torch's; a random gradient arrives at out."""
    out, _, _ = torch_slopes(source, leaves)
    gradient = None if rng is None else random_tensor(rng, *out.shape)
    got = student.run("tensors", source, leaves, gradient, backwards)
    assert_program(source, leaves, got, why, backwards, gradient)


def check_unbroadcast(student, grad: torch.Tensor, shape: tuple[int, ...], why: str) -> None:
    """The gradient that torch sends through expand."""
    x = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    (wanted,) = torch.autograd.grad(x.expand(grad.shape), x, grad.double())
    assert_close(student.unbroadcast(grad, shape), wanted, f"{why}: {tuple(grad.shape)} to {shape}")
