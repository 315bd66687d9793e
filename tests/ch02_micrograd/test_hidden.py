"""Hidden tests of ch02_micrograd: the same properties at other numbers, shapes and graphs."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.compare import assert_close, assert_equal, raises
from kit.given.moons import moons
from tests.ch02_micrograd.checks import (
    check_network,
    check_order,
    check_slopes,
    check_tensors,
    check_training,
    check_unbroadcast,
    check_value,
    count_parameters,
    random_graph,
    random_parameters,
    random_program,
    random_tensor,
    torch_network,
    torch_slopes,
)

REFUSALS = (ValueError, RuntimeError, IndexError)

# --- arithmetic ---------------------------------------------------------------------------------


@pytest.mark.problem("arithmetic")
def test_operators_at_any_numbers(student, rng):
    """The rules hold for numbers of any sign and size, whatever gradient arrives."""
    for a, b in [*(4 * random_tensor(rng, 5, 2)).tolist(), [0.0, -3.0], [2.0, 0.0]]:
        leaves = {"a": a, "b": b}
        source = (
            "p = (a + b) * (a - b) * 3 - -b; q = (a - 2) / (b * b + 1); out = p + q / 4 + a * b"
        )
        check_slopes(student, source, leaves, "sums, products and quotients")
        check_slopes(student, "out = (a * a + 1) ** b / 7", leaves, "powers")


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize("source", ["a - a", "a * a", "a / a", "a ** a", "a + a"])
def test_an_operand_on_both_sides(student, source):
    """One Value as both operands gets both slopes."""
    check_slopes(student, f"out = 3 * ({source})", {"a": 1.5}, "both slopes belong to a")


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize(
    "source", ["2 * a + a * 3", "a / 4 + 4 / a", "0.5 - a - 3", "2 ** a + a ** 2"]
)
def test_whole_and_other_numbers_on_both_sides(student, source):
    """An int does as a float."""
    check_slopes(student, f"out = {source}", {"a": -1.5}, "numbers are constants")


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize("n", [3, -3, 2, -2, 1, 0, 5.0, -1.0])
@pytest.mark.parametrize("a", [-2.0, 0.5])
def test_powers_of_numbers(student, a, n):
    """n a^(n - 1), for a negative base too as long as the exponent is a whole number."""
    check_slopes(student, f"out = a ** {n}", {"a": a}, "the slope of a ** n is n a ** (n - 1)")


@pytest.mark.problem("arithmetic")
def test_powers_of_zero(student):
    """0 ** 0 is 1 and level, 0 ** 1 has slope 1, 0 ** 2 is level, a root is vertical."""
    for n, wanted in ((0, 0.0), (1, 1.0), (2, 0.0), (3.5, 0.0), (0.5, math.inf)):
        data, leaves, _ = student.run("differentiate", f"out = a ** {n}", {"a": 0.0})
        assert_close(data, 1.0 if n == 0 else 0.0, f"0 ** {n}")
        assert_close(leaves["a"], wanted, f"the slope of a ** {n} at 0")


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize("n, wanted", [(0.0, 0.0), (0.5, math.inf), (1.0, 1.0), (2.0, 0.0)])
def test_powers_of_zero_to_a_value(student, n, wanted):
    """A Value as exponent gives what a number gives, and has no slope of its own at base 0."""
    data, leaves, _ = student.run("differentiate", "out = a ** n", {"a": 0.0, "n": n})
    assert_close(data, 1.0 if n == 0 else 0.0, f"0 ** Value({n})")
    assert_close([leaves["a"], leaves["n"]], [wanted, 0.0], f"the slopes of a ** n at 0 ** {n}")


@pytest.mark.problem("arithmetic")
def test_nearly_is_not(student):
    """3.0000000001 is not whole, and 1e-200 is not 0."""
    with raises(ValueError, "an exponent that is nearly whole was rounded"):
        student.run("evaluate", "out = a ** 3.0000000001", {"a": -8.0})
    why = "a small denominator was taken for 0"
    check_value(student, "out = a / b", {"a": 3.0, "b": 1e-100}, 3.0 / 1e-100, why)


@pytest.mark.problem("arithmetic")
def test_slopes_in_an_exponent(student):
    """x ** n ln x; 0 where x is 0."""
    for x, n in ((0.0, 2.0), (0.0, 0.0), (1.0, 5.0), (0.3, -1.2), (4.0, 0.0)):
        leaves = {"x": x, "n": n}
        if n:
            check_slopes(student, "out = x ** n", leaves, "x ** n ln x, and 0 at x = 0")
        check_slopes(student, f"out = {x} ** n", leaves, "the same for a number as base")


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize("source", ["a ** 0.5", "a ** -1.5", "a ** b", "(-8) ** b"])
def test_negative_bases_are_real_or_refused(student, source):
    """Python makes complex numbers of them; and there is no slope in such an exponent."""
    with raises(ValueError, "a negative base and an exponent that may vary, or is not whole"):
        student.run("evaluate", f"out = {source}", {"a": -8.0, "b": 2.0})


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize("source", ["1 / a", "b / a", "b / (a * 2)", "a ** -2", "0 ** -b", "a / a"])
def test_other_divisions_by_zero(student, source):
    """0 to a negative power is a division too."""
    with raises(ZeroDivisionError, "division by 0 is an error"):
        student.run("evaluate", f"out = {source}", {"a": 0.0, "b": 1.0})


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize(
    "operand", ["'x'", "'2'", "None", "[1]", "{}", "1j", "__import__('torch').tensor(2.0)"]
)
def test_other_operands_are_a_type_error(student, operand):
    """Whatever is neither a number nor a Value is refused, by every operator and on both sides."""
    for operator in ("+", "-", "*", "/", "**"):
        for source in (f"a {operator} {operand}", f"{operand} {operator} a"):
            with raises(TypeError, f"{source}: an operand is a Value, an int or a float"):
                student.run("evaluate", f"out = {source}", {"a": 2.0})


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize("data", ["2", None, [1.0], b"2"])
def test_a_value_holds_a_number(student, data):
    """A text is no number, not even if it reads like one."""
    with raises(TypeError, "a Value holds an int or a float"):
        student.run("make", "value", data)


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize("data", ["a", "1j", "__import__('torch').tensor(2.0)"])
def test_a_value_holds_nothing_else(student, data):
    """Not another Value, a complex number or a tensor of torch's."""
    with raises(TypeError, "a Value holds an int or a float"):
        student.run("evaluate", f"out = type(a)({data})", {"a": 2.0})


@pytest.mark.problem("arithmetic")
def test_operations_make_new_values(student):
    """Also where the result is the operand: a adds up over two walks, b starts anew."""
    for source in ("sum([a])", "a + 0", "a - 0", "a * 1", "1 * a", "a / 1", "a ** 1.0", "a * c"):
        why = f"{source} is a new Value, not a itself"
        leaves = {"a": 2.0, "c": 1.0}
        check_slopes(student, f"b = {source}; out = b * 3 + c", leaves, why, backwards=2)


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize("data", [3, -0.5, 0])
def test_a_new_value(student, data):
    """A Value starts with gradient 0, and its class is always the same."""
    got = student.run("make", "value", data)
    assert_equal(got, [data, 0.0, True], "data, a gradient of 0, and one class for all")


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "**"])
def test_nothing_is_changed_in_place(student, operator):
    """c += 2 makes a new Value; the old one, which a still names, is as it was."""
    source = f"c = a\nc {operator}= 2\nout = a * c"
    why = f"{operator}= has changed a Value that is still in use"
    check_value(student, source, {"a": 3.0}, eval(f"3.0 * (3.0 {operator} 2)"), why)
    source = source.replace("= 2", "= b")
    check_value(student, source, {"a": 3.0, "b": 2.0}, eval(f"3.0 * (3.0 {operator} 2)"), why)
    check_slopes(student, f"c = a {operator} 2; out = a * c", {"a": 3.0}, why)


# --- functions ----------------------------------------------------------------------------------


@pytest.mark.problem("functions")
def test_functions_at_any_number(student, rng):
    """Values and slopes, with an upstream gradient other than 1."""
    for x in (5 * random_tensor(rng, 6)).tolist():
        leaves = {"a": x}
        check_slopes(student, "out = a.exp() * 3", leaves, "exp is its own slope")
        check_slopes(student, "out = a.tanh() * -2", leaves, "the slope of tanh is 1 - tanh²")
        check_slopes(student, "out = 5 - a.relu()", leaves, "the slope of relu is 0 or 1")
        source = "out = (a * a + 0.1).log() / 2"
        check_slopes(student, source, leaves, "the slope of log x is 1 / x")


@pytest.mark.problem("functions")
def test_functions_of_functions(student):
    """A slope is taken where the function was applied, and multiplied by what arrives."""
    source = "b = (a * 2).tanh(); c = (b + 1).log(); d = c.exp(); out = (d * d).relu()"
    check_slopes(student, source, {"a": 0.4}, "the chain rule")


@pytest.mark.problem("functions")
@pytest.mark.parametrize("x", [1e-10, -1e-10, 1e-300, 20.0, -700.0, 0.0])
def test_tanh_is_exact(student, x):
    """Near 0, tanh(x) is x; exp(2x) - 1 loses all digits there."""
    check_value(student, "out = a.tanh()", {"a": x}, math.tanh(x), "tanh as exact as math.tanh")


@pytest.mark.problem("functions")
@pytest.mark.parametrize("x", [1e-300, 1e-9, 1.0, 1e300])
def test_log_of_small_and_large_numbers(student, x):
    """Nothing is added or clipped before the logarithm, which is the natural one."""
    check_value(student, "out = a.log()", {"a": x}, math.log(x), "ln x, and of nothing but x")
    _, leaves, _ = student.run("differentiate", "out = a.log()", {"a": x})
    assert_close(leaves["a"] * x, 1.0, "the slope of log x is 1 / x", rtol=1e-12)


@pytest.mark.problem("functions")
def test_no_logarithm_below_zero(student):
    """A negative number has none, however small or large, wherever it comes from."""
    for x in (-1e-300, -5.0, -math.inf):
        for source in ("out = a.log()", "out = (a * 1 + 0).log()"):
            with raises(ValueError, f"the logarithm of {x} is an error"):
                student.run("evaluate", source, {"a": x})


@pytest.mark.problem("functions")
@pytest.mark.parametrize("x", [-700.0, -30.0, 30.0, 709.0])
def test_exp_of_large_numbers(student, x):
    """Nothing is clipped."""
    check_value(student, "out = a.exp()", {"a": x}, math.exp(x), "exp x")


@pytest.mark.problem("functions")
def test_functions_make_new_values(student):
    """relu(2) is 2, but not the same 2: a adds up over two walks, b starts anew."""
    for name in ("exp", "log", "tanh", "relu"):
        why = f"a.{name}() is a new Value, not a itself"
        check_slopes(student, f"b = a.{name}(); out = b * 3", {"a": 2.0}, why, backwards=2)


@pytest.mark.problem("functions")
@pytest.mark.parametrize("x", [9.0, -12.0])
def test_tanh_is_hardly_ever_level(student, x):
    """At 9 its slope is 6e-8, which is small but not 0."""
    _, leaves, _ = student.run("differentiate", "out = a.tanh()", {"a": x})
    why = "the slope of tanh is 1 - tanh², also where that is small"
    assert_close(leaves["a"], 1 - math.tanh(x) ** 2, why, rtol=1e-3, atol=0)


@pytest.mark.problem("functions")
def test_relu_of_tiny_numbers(student):
    """The edge is at 0, not near it."""
    for x in (1e-300, -1e-300, 1e-9, -1e-9):
        check_slopes(student, "out = a.relu()", {"a": x}, "relu(x) is x above 0, and 0 else")


# --- topological_order --------------------------------------------------------------------------


@pytest.mark.problem("topological_order")
def test_order_of_a_lone_leaf(student):
    """A leaf is made from itself alone; other nodes are nobody's business."""
    assert_equal(student.run("order", [[], [0], [1, 0]], 0), [0], "only the root itself")


@pytest.mark.problem("topological_order")
def test_a_parent_that_comes_twice(student):
    """a + a has one parent, and no cycle."""
    parents = [[], [0, 0], [1, 1, 0], [2, 2]]
    check_order(student.run("order", parents, 3), parents, 3, "each node once")


@pytest.mark.problem("topological_order")
def test_nodes_with_nothing_but_parents(student, rng):
    """A node cannot be marked, and may be falsy; the order is a list."""
    parents, root = random_graph(rng, 20, 3)
    got, kind = student.run("order_of_bare_nodes", parents, root)
    check_order(got, parents, root, "any object with an attribute `parents` is a node")
    assert_equal(kind, "list", "the order is a list")


@pytest.mark.problem("topological_order")
def test_a_very_long_chain(student):
    """6,000 nodes in a row, each made also from the first."""
    parents = [[], [0], *([i, 0] for i in range(1, 5_999))]
    got = student.run("order", parents, 5_999)
    check_order(got, parents, 5_999, "parents come before children, however long the chain")


@pytest.mark.problem("topological_order")
def test_a_node_with_many_parents(student):
    """3,000 parents of one node take no longer than a chain."""
    parents = [*([] for _ in range(3_000)), list(range(3_000))]
    got = student.run("order", parents, 3_000)
    check_order(got, parents, 3_000, "parents come before children, however many")


@pytest.mark.problem("topological_order")
def test_order_of_dense_graphs(student, rng):
    """Nodes with many common ancestors, and graphs of equal nodes."""
    for nodes, most in ((12, 12), (100, 8), (300, 2)):
        parents, root = random_graph(rng, nodes, most)
        check_order(student.run("order", parents, root), parents, root, "a topological order")
    got = student.run("order_of_lookalikes", parents, root)
    check_order(got, parents, root, "nodes were told apart by ==, not by identity")


@pytest.mark.problem("topological_order")
def test_an_order_is_no_ones_memory(student, rng):
    """A second call gives an order again, and the graph is as it was."""
    parents, root = random_graph(rng, 20, 3)
    first, second, after = student.run("order_twice", parents, root)
    for order in (first, second):
        check_order(order, parents, root, "what an earlier call has visited must be visited again")
    assert_equal(after, parents, "the graph was changed")


@pytest.mark.problem("topological_order")
@pytest.mark.parametrize(
    "parents, root", [([[0]], 0), ([[1], [0]], 0), ([[], [0, 2], [1], [2, 0]], 3)]
)
def test_cycles_of_any_length(student, parents, root):
    """A node that is made from itself, at once or by way of others."""
    with raises(ValueError, "a cycle is an error"):
        student.run("order", parents, root)


@pytest.mark.problem("topological_order")
def test_a_cycle_elsewhere(student):
    """What the root was not made from may be what it likes."""
    parents = [[], [0], [3, 0], [2]]
    check_order(student.run("order", parents, 1), parents, 1, "the cycle is out of reach")


# --- backward -----------------------------------------------------------------------------------


@pytest.mark.problem("backward")
def test_gradients_of_larger_graphs(student, rng):
    """A hundred and fifty operations on five leaves, some of them unused."""
    for _ in range(2):
        source, leaves = random_program(rng, leaves=5, steps=150)
        check_slopes(student, source, leaves, "the chain rule over the whole graph")


@pytest.mark.problem("backward")
def test_gradients_of_many_paths(student):
    """2**60 paths lead from root to leaf; their sum takes sixty steps."""
    source = "out = a\nfor _ in range(60): out = out + out"
    data, leaves, _ = student.run("differentiate", source, {"a": 1.0})
    assert_equal([data, leaves["a"]], [2.0**60, 2.0**60], "the sum over all paths")


@pytest.mark.problem("backward")
def test_a_very_long_chain_of_operations(student):
    """10,000 operations in a row, twice."""
    source = "out = a\nfor _ in range(10000): out = out * 1.0001"
    data, leaves, _ = student.run("differentiate", source, {"a": 2.0}, 2)
    assert_close(data, 2 * 1.0001**10_000, "the product", rtol=1e-9)
    assert_close(leaves["a"], data, "twice the product of all slopes", rtol=1e-9)


@pytest.mark.problem("backward")
@pytest.mark.parametrize(
    "source",
    [
        "b = a + 1; c = b * 2; d = c * b; out = d + b",
        "b = a * a; c = b * b; d = b * c; e = c + d; out = e * b",
        "b = a + 1; c = a * b; d = b * c; out = (d + c) * (b + a)",
        "b = a.tanh(); c = b.exp(); d = c * b; e = d - b; out = e / c",
    ],
)
def test_shortcuts_and_detours(student, source):
    """A node near the root by one way and far by another waits for the longer one."""
    check_slopes(student, source, {"a": 0.75}, "children pass their gradients on before parents do")


@pytest.mark.problem("backward")
@pytest.mark.parametrize("times", [2, 3])
def test_backward_again(student, rng, times):
    """However often backward is called, leaves add up and all others hold one walk's gradient."""
    source, leaves = random_program(rng, leaves=2, steps=25)
    why = "a further backward adds its gradients to the leaves; all others start anew"
    check_slopes(student, source, leaves, why, backwards=times)


@pytest.mark.problem("backward")
def test_two_roots(student):
    """Leaves add up over roots; what lies in between holds the slope of the last root."""
    source = "b = a * 3; c = b * b; d = b * 5; e = c + d"
    grads, _ = student.run("walks", source, {"a": 2.0}, ["c", "d"])
    assert_close([grads["a"], grads["b"]], [36.0 + 15.0, 5.0], "a: 2 · 6 · 3 + 5 · 3, b: only d's")
    assert_close(
        [grads["c"], grads["d"], grads["e"]], [1.0, 1.0, 0.0], "c and d were roots, e none"
    )
    grads, _ = student.run("walks", source, {"a": 2.0}, ["e", "c"])
    assert_close([grads["a"], grads["b"]], [51.0 + 36.0, 12.0], "a: e's and c's, b: only c's")
    assert_close([grads["d"], grads["e"]], [1.0, 1.0], "d and e are out of c's reach")


@pytest.mark.problem("backward")
def test_a_root_in_the_middle(student):
    """backward starts where it is called; what was made from there is left alone."""
    grads, _ = student.run("walks", "b = a * a; c = b * 7", {"a": 3.0}, ["b"], {"c": 9.0})
    assert_close(
        [grads["a"], grads["b"], grads["c"]], [6.0, 1.0, 9.0], "the slopes of b, and c's own"
    )


@pytest.mark.problem("backward")
def test_a_leaf_as_root(student):
    """The slope of a in a is 1, each time."""
    grads, _ = student.run("walks", "b = a + 1", {"a": 3.0}, ["a", "a", "b"])
    assert_close([grads["a"], grads["b"]], [3.0, 1.0], "1 + 1, and 1 from b")


@pytest.mark.problem("backward")
def test_gradients_that_were_there_before(student):
    """A leaf adds to what is there, whatever it is; any other Value forgets it."""
    preset = {"a": 10.0, "b": 100.0, "out": 1000.0, "c": 7.0}
    leaves = {"a": 2.0, "c": 1.0}
    grads, data = student.run("walks", "b = a * 3; out = b * b", leaves, ["out"], preset)
    assert_close(grads["a"], 46.0, "10 were there, 36 are new")
    assert_close([grads["b"], grads["out"]], [12.0, 1.0], "these start anew")
    assert_close(grads["c"], 7.0, "c has no part in it and is left alone")
    assert_close([data["a"], data["b"], data["out"]], [2.0, 6.0, 36.0], "backward changes no data")


@pytest.mark.problem("backward")
def test_a_step_downhill(student):
    """Gradients follow `data` when training sets it: x² from 1, with rate 0.1."""
    path = student.run("descend", "out = x * x", 1.0, 0.1, 5)
    assert_close(path, [0.8**k for k in range(1, 6)], "each step leads to 0.8 x", rtol=1e-12)


# --- gradcheck ----------------------------------------------------------------------------------


@pytest.mark.problem("gradcheck")
@pytest.mark.parametrize(
    "source, x",
    [
        ("out = x[0]", [2.0]),
        ("out = x[0] * x[0] * x[0]", [3]),
        ("out = x[0] - x[2].tanh()", [0.3, 0.3, 0.3]),
        ("out = sum([a * a for a in x]).log()", [1.0, -2.0, 0.5, 4.0]),
        ("out = 1000 * x[0].exp() * x[1]", [2.0, 3.0]),
    ],
)
def test_right_gradients_pass(student, source, x):
    """Leaves as roots, unused inputs, whole numbers and large gradients."""
    error = student.run("check_gradient", source, x)
    assert 0 <= error < 1e-7, f"the gradient of {source} is right: got an error of {error}"


@pytest.mark.problem("gradcheck")
@pytest.mark.parametrize("at", [0, 1, 2])
def test_one_wrong_entry_is_found(student, at):
    """The largest error counts, wherever it is."""
    source = f"out = x[0] * x[1] * x[2] + x[{at}] * Value(x[{at}].data)"
    error = student.run("check_gradient", source, [1.0, 1.0, 1.0])
    assert_close(error, 1 / 3, "|2 - 3| / max(1, 2, 3), at one place of three", rtol=1e-7)


@pytest.mark.problem("gradcheck")
@pytest.mark.parametrize(
    "source, x, wanted",
    [
        ("1e6 * x[0] * Value(x[0].data)", 3.0, 0.5),  # relative, where gradients are large
        ("1e-3 * x[0] * Value(x[0].data)", 1.0, 1e-3),  # absolute, where they are small
        ("x[0] * 5 - Value(x[0].data) * 4", 1.0, 0.8),  # relative to the analytic one
        ("x[0] - Value(x[0].data) * 5", 1.0, 1.25),  # of opposite sign: more than 1
        ("Value(x[0].data)", 1.0, 1.0),  # no gradient at all
        ("x[0] - Value(x[0].data) * 0.75", 2.0, 0.75),  # both below 1
    ],
)
def test_the_size_of_an_error(student, source, x, wanted):
    """|a - n| / max(1, |a|, |n|)."""
    error = student.run("check_gradient", f"out = {source}", [x])
    assert_close(error, wanted, "|a - n| / max(1, |a|, |n|)", rtol=1e-6)


@pytest.mark.problem("gradcheck")
def test_a_kink_is_seen_from_both_sides(student):
    """relu at 0: backward says 0, the central difference 1/2."""
    error = student.run("check_gradient", "out = x[0].relu()", [0.0])
    assert_close(error, 0.5, "|0 - 1/2| / 1", rtol=1e-7)


@pytest.mark.problem("gradcheck")
@pytest.mark.parametrize(
    "x, eps", [(1.0, 0.01), (1.0, 1.0), (-3.0, 0.01), (-3.0, 0.125), (-20.0, 2.0), (100.0, 1.0)]
)
def test_the_step_is_eps(student, eps, x):
    """x⁴: the central difference is 4 x³ + 4 x ε², the one-sided one 4 x³ + 6 x² ε + ..."""
    error = student.run("check_gradient", "out = x[0] ** 4", [x], eps=eps)
    wanted = eps**2 / (x**2 + eps**2)  # whatever the size of x
    assert_close(error, wanted, "the error of a central difference with step eps", rtol=1e-7)


@pytest.mark.problem("gradcheck")
@pytest.mark.parametrize("edge, wanted", [(5e-7, 1.0), (2e-6, 0.0)])
def test_the_default_step(student, edge, wanted):
    """A jump at a distance of half a step is seen, one at two steps is not."""
    source = f"out = x[0] * 0 + Value(1.0 if x[0].data > {edge} else 0.0)"
    error = student.run("check_gradient", source, [0.0])
    assert_close(error, wanted, "eps is 1e-6 by default", atol=1e-9)


@pytest.mark.problem("gradcheck")
@pytest.mark.parametrize("more", ["", " - x[{b}] ** 0.5"])
@pytest.mark.parametrize("a, b", [(0, 1), (1, 0)])
def test_a_gradient_that_is_no_number(student, a, b, more):
    """A root is vertical at 0: inf / inf, and inf - inf, are NaN, which max() may overlook."""
    root = f"x[{{b}}] ** 0.5{more} if x[{{b}}].data >= 0 else x[{{b}}] * 0".format(b=b)
    error = student.run("check_gradient", f"out = x[{a}] + ({root})", [0.0, 0.0])
    assert error == math.inf, f"NaN was overlooked: got an error of {error}, wanted inf"


@pytest.mark.problem("gradcheck")
def test_f_takes_a_list(student):
    """Of Values, at every call."""
    kinds = student.run("kinds_of_argument", [1.0, 2.0])
    assert_equal(set(kinds), {"list"}, "f takes a list, not another sequence")


@pytest.mark.problem("gradcheck")
@pytest.mark.parametrize("eps", [0.0, -1e-6])
def test_no_step_is_an_error(student, eps):
    """Without a step there is no difference."""
    with raises(ValueError, "eps is positive"):
        student.run("check_gradient", "out = x[0]", [1.0], eps=eps)


@pytest.mark.problem("gradcheck")
def test_the_point_stays_where_it_is(student):
    """The caller's x is not moved."""
    assert_equal(student.run("checked_point", [1.0, 2.0]), [1.0, 2.0], "x was changed in place")


# --- mlp ----------------------------------------------------------------------------------------


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("n, activation", [(1, "relu"), (5, "tanh"), (3, "linear"), (8, "relu")])
def test_neurons_and_their_gradients(student, rng, n, activation):
    """Outputs and gradients of single neurons."""
    check_network(student, "neuron", [n, 0, activation], [n, 1], rng, f"a neuron of {activation}")


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("n, m, activation", [(2, 1, "tanh"), (1, 3, "linear"), (4, 4, "relu")])
def test_layers_and_their_gradients(student, rng, n, m, activation):
    """Outputs are a list, also of a single neuron."""
    check_network(student, "layer", [n, m, 0, activation], [n, m], rng, f"a layer of {activation}")


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("sizes", [[4, 3], [1, 1, 1], [3, 5, 4, 3, 2]])
def test_networks_and_their_gradients(student, rng, sizes):
    """Two layers, three or one."""
    check_network(student, "mlp", [sizes, 3], sizes, rng, "tanh in all layers but the last")


@pytest.mark.problem("mlp")
def test_tanh_is_the_default(student):
    """Neurons and layers squash unless they are told not to."""
    for kind, arguments in (("neuron", [1, 0]), ("layer", [1, 1, 0])):
        got = student.run("forward", kind, arguments, [2.0, -0.5], [1.0])
        wanted = math.tanh(1.5)
        assert_close(got, wanted if kind == "neuron" else [wanted], "tanh by default", rtol=1e-12)


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("n", [1, 9, 100])
def test_how_weights_start(student, n):
    """Uniform in ±1/sqrt(n), the bias 0 (false alarm: 1e-12 by the extremes of 300 weights)."""
    start = student.run("initial", "layer", [n, 300 // n + 1, 7])
    rows = [start[i : i + n + 1] for i in range(0, len(start), n + 1)]
    weights = [w * n**0.5 for row in rows for w in row[:-1]]
    assert_equal([row[-1] for row in rows], [0.0] * len(rows), "every bias starts at 0")
    assert max(map(abs, weights)) <= 1, f"a weight lies outside ±1/sqrt({n})"
    assert min(weights) < -0.8 and max(weights) > 0.8, (
        f"uniform in ±1/sqrt({n}): got {min(weights):.3f}..{max(weights):.3f} of that, wanted -1..1"
    )
    inner = sum(abs(w) < 0.5 for w in weights) / len(weights)
    assert 0.25 < inner < 0.75, f"half the weights lie in the inner half: got {inner:.2f}"


@pytest.mark.problem("mlp")
@pytest.mark.parametrize(
    "kind, sizes", [("neuron", [400, 1]), ("layer", [20, 20]), ("mlp", [4, 100, 25])]
)
def test_how_all_weights_start(student, kind, sizes):
    """Neurons, layers and networks start by one rule (false alarm: 1e-8 by the extremes of 400)."""
    arguments = [[sizes, 7]] if kind == "mlp" else [[*sizes[: 1 + (kind == "layer")], 7]]
    start = student.run("initial", kind, *arguments)
    for n, m in zip(sizes, sizes[1:], strict=False):
        rows = [start[i : i + n + 1] for i in range(0, m * (n + 1), n + 1)]
        start = start[m * (n + 1) :]
        assert_equal([row[-1] for row in rows], [0.0] * m, "every bias starts at 0")
        weights = [w * n**0.5 for row in rows for w in row[:-1]]
        assert max(map(abs, weights)) <= 1, f"a weight lies outside ±1/sqrt({n})"
        assert min(weights) < -0.9 and max(weights) > 0.9, (
            f"uniform in ±1/sqrt({n}): got {min(weights):.3f}..{max(weights):.3f} of that"
        )
        assert len(set(weights)) == len(weights), "a uniform number hardly ever comes twice"


@pytest.mark.problem("mlp")
@pytest.mark.parametrize(
    "kind, before, after", [("neuron", [3], []), ("layer", [3, 2], []), ("mlp", [[3, 3, 3]], [])]
)
def test_a_seed_decides(student, kind, before, after):
    """The same seed gives the same weights, whatever was drawn before; other seeds give others."""
    first, second = student.run("initial_after_other_draws", kind, [*before, 5, *after])
    assert_equal(first, second, "the seed alone decides how weights start")
    assert first != student.run("initial", kind, [*before, 6, *after]), "the seed was ignored"
    first, second = student.run("initial_after_other_draws", kind, [*before, 0, *after])
    assert_equal(first, second, "0 is a seed like any other")
    seeds = (0, 1, 42, 1001, 1337, 10**9, 2**16, 2**16 + 1, 2**31, 2**31 + 1, 2**32 - 1)
    drawn = {tuple(student.run("initial", kind, [*before, seed, *after])) for seed in seeds}
    assert len(drawn) == len(seeds), f"two of the seeds {seeds} give the same weights"


@pytest.mark.problem("mlp")
def test_no_two_neurons_start_alike(student):
    """Not in one layer, nor in different ones."""
    start = student.run("initial", "mlp", [[3, 3, 3, 3], 2])
    rows = [tuple(start[i : i + 3]) for i in range(0, 36, 4)]
    assert len(set(rows)) == 9, f"9 neurons start with {len(set(rows))} different rows of weights"
    start = student.run("initial", "mlp", [[12, 12, 12, 12, 12], 0])
    rows = [tuple(start[i : i + 12]) for i in range(0, len(start), 13)]
    assert len(set(rows)) == 48, f"48 neurons start with {len(set(rows))} different rows of weights"


@pytest.mark.problem("mlp")
def test_parameters(student):
    """Weights and biases, the same Values at every call."""
    for kind, arguments, count in (
        ("neuron", [4, 0], 5),
        ("layer", [2, 3, 0], 9),
        ("mlp", [[2, 8, 1], 0], 33),
    ):
        got = student.run("parameters_of", kind, arguments)
        assert_equal(got, [count, True], "how many parameters, and whether they are the same again")
        shared = student.run("models_share_values", kind, arguments)
        assert not shared, "two networks of one seed are two networks, with Values of their own"


@pytest.mark.problem("mlp")
def test_lists_in_and_out(student):
    """Outputs and parameters are lists, and the list that came in is as it was."""
    got = student.run("kinds_of_output")
    assert_equal(got, ["list"] * 4, "outputs and parameters are lists")
    got = student.run("inputs_after_call", "mlp", [[2, 1], 0], [1.0, 2.0])
    assert_equal(got, ["float", "float"], "the caller's x was changed")


@pytest.mark.problem("mlp")
@pytest.mark.parametrize(
    "kind, cases",
    [
        ("neuron", [[0, 1], [-1, 1]]),
        ("neuron", [[2, 1, "sigmoid"], [2, 1, "Tanh"]]),
        ("layer", [[0, 2, 1], [2, 0, 1], [2, -1, 1], [2, 2, 1, "sigmoid"]]),
        ("mlp", [[[3], 1], [[], 1], [[3, 0, 1], 1], [[0, 1], 1], [[3, 0], 1], [[3, -1], 1]]),
    ],
)
def test_impossible_networks_are_an_error(student, kind, cases):
    """No inputs, no outputs, no layer, or no such activation."""
    for arguments in cases:
        with raises(ValueError, f"{kind}{tuple(arguments)} is an error"):
            student.run("initial", kind, arguments)


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("kind, arguments", [("layer", [2, 2, 1]), ("mlp", [[2, 3, 1], 1])])
def test_inputs_that_do_not_fit(student, kind, arguments):
    """Layers and networks refuse what their neurons refuse."""
    for x in ([1.0], [1.0, 2.0, 3.0], []):
        with raises(ValueError, f"an x of length {len(x)} is an error where 2 are wanted"):
            student.run("forward", kind, arguments, None, x)


# --- train_moons --------------------------------------------------------------------------------


@pytest.mark.problem("train_moons")
@pytest.mark.parametrize("sizes, rate", [([2, 1], 0.5), ([3, 4, 3, 1], 0.05), ([2, 3], 1.0)])
def test_training_at_other_sizes(student, rng, sizes, rate):
    """Deeper networks, other rates, and a second output that has no part in the score."""
    points = random_tensor(rng, 7, sizes[0]).tolist()
    parameters = random_parameters(rng, count_parameters(sizes))
    check_training(student, sizes, parameters, points, [1, -1, 1, 1, -1, -1, 1], 12, rate)


@pytest.mark.problem("train_moons")
def test_training_starts_from_gradients_of_zero(student, rng):
    """What an earlier backward has left in the parameters does not matter."""
    points, parameters = random_tensor(rng, 4, 2).tolist(), random_parameters(rng, 3)
    check_training(student, [2, 1], parameters, points, [1, -1, 1, -1], 3, 0.1, left_over=7.0)


@pytest.mark.problem("train_moons")
def test_a_margin_of_one_costs_nothing(student):
    """1 - y s = 0 has slope 0, and a larger margin has too."""
    losses, after = student.run("train", [1, 1], [1.0, 0.0], [[1.0], [-5.0]], [1, -1], 2, 0.5)
    assert_equal([losses, after], [[0.0, 0.0], [1.0, 0.0]], "beyond the margin nothing moves")


@pytest.mark.problem("train_moons")
def test_a_point_on_the_wrong_side(student):
    """The loss grows with the distance: 1 - y s = 4, and 1 + 2 for a score of the wrong sign."""
    losses, after = student.run("train", [1, 1], [1.0, 0.0], [[-3.0], [2.0]], [1, -1], 1, 0.5)
    assert_close(losses, [3.5], "(1 + 3 + 1 + 2) / 2")
    assert_close(after, [1.0 + 0.5 * (-3 - 2) / 2, 0.0], "dw = (3 + 2) / 2, db = 0")


@pytest.mark.problem("train_moons")
def test_no_steps_of_training(student):
    """Who takes no step has no losses."""
    losses, after = student.run("train", [1, 1], [0.5, 0.25], [[1.0]], [1], 0, 0.5)
    assert_equal([losses, after], [[], [0.5, 0.25]], "no steps, no losses")


@pytest.mark.problem("train_moons")
@pytest.mark.parametrize("points, labels", [([], []), ([[1.0]], [0]), ([[1.0], [2.0]], [1])])
def test_bad_data_without_a_step(student, points, labels):
    """What cannot be trained on is refused at once, not in the first step."""
    with raises(ValueError, "bad data is an error, also if no step is taken"):
        student.run("train", [1, 1], [0.5, 0.0], points, labels, 0, 0.1)


@pytest.mark.problem("train_moons")
def test_gradients_of_any_size(student):
    """Large ones are not clipped, small losses do not end the training."""
    check_training(student, [1, 1], [1.0, 0.0], [[-3000.0], [2000.0]], [1, -1], 2, 1e-5)
    check_training(student, [1, 1], [1.0, 0.0], [[1 - 1e-7]], [1], 3, 0.5)


@pytest.mark.problem("train_moons")
def test_any_model_will_do(student):
    """Whatever is called and has parameters() can be trained: s = a x from a = 1/2, at x = 1."""
    losses, a = student.run("train_toy", [[1.0]], [1], 3, 0.1)
    assert_close(losses, [0.5, 0.4, 0.3], "each step adds 0.1 to a", rtol=1e-12)
    assert_close(a, 0.8, "after three steps", rtol=1e-12)


@pytest.mark.problem("train_moons")
def test_points_and_labels_are_left_alone(student):
    """The caller still needs them."""
    points, labels = [[1.0, 2.0], [0.0, -1.0]], [1, -1]
    got = student.run("arguments_after_training", points, labels)
    assert_equal(got, [points, labels], "points or labels were changed")


@pytest.mark.problem("train_moons")
@pytest.mark.parametrize(
    "points, labels",
    [([], []), ([[1.0], [2.0]], [1, 0]), ([[1.0]], [2]), ([[1.0], [2.0]], [1]), ([[1.0]], [1, 1])],
)
def test_data_that_cannot_be_trained_on(student, points, labels):
    """No points, other labels, or not one label per point."""
    with raises(ValueError, "points come with one label each, -1 or 1"):
        student.run("train", [1, 1], [0.5, 0.0], points, labels, 1, 0.1)


@pytest.mark.problem("train_moons")
@pytest.mark.statistical
def test_the_moons_are_told_apart(student):
    """From one fixed start, forty steps classify 27 of 30 points (no randomness: no band)."""
    points, labels = moons(30, seed=3)
    sizes, rng = [2, 6, 1], torch.Generator().manual_seed(1)
    start = random_parameters(rng, count_parameters(sizes))
    losses, after = student.run("train", sizes, start, points, labels, 40, 0.5)
    p, x = (torch.tensor(t, dtype=torch.float64) for t in (after, points))
    right = (torch_network(p, x, sizes)[:, 0].sign() == torch.tensor(labels)).sum().item()
    assert right >= 27 and losses[-1] < 0.2, f"{right} of 30 right, loss {losses[-1]:.3f}"


# --- unbroadcast --------------------------------------------------------------------------------


@pytest.mark.problem("unbroadcast")
@pytest.mark.parametrize(
    "big, small",
    [
        ((3, 3), (3,)),
        ((3, 3), (3, 1)),
        ((3, 3), (1, 3)),
        ((3, 3), (1, 1)),
        ((3, 3), (1,)),
        ((2, 3, 4, 5), (3, 1, 5)),
        ((2, 3, 4, 5), (2, 1, 4, 1)),
        ((5, 5, 5), (5, 1)),
        ((4, 1, 3), (1, 3)),
        ((2, 2), (2, 2)),
        ((1, 1), ()),
    ],
)
def test_unbroadcast_at_other_shapes(student, rng, big, small):
    """Square shapes tell which axis was summed; several axes may have been added and stretched."""
    grad = random_tensor(rng, *big)
    check_unbroadcast(student, grad, small, "sum over the axes that were added or stretched")


@pytest.mark.problem("unbroadcast")
@pytest.mark.parametrize(
    "big, small", [((0, 3), (3,)), ((0, 3), (1, 3)), ((2, 0), (2, 1)), ((0,), ())]
)
def test_nothing_was_broadcast_to_nothing(student, big, small):
    """An empty sum is 0."""
    got = student.unbroadcast(torch.ones(big), small)
    assert_close(got, torch.zeros(small), "the sum over no repetitions is 0")


@pytest.mark.problem("unbroadcast")
def test_unbroadcast_of_strided_float32(student, rng):
    """Other dtypes, and a gradient that lies in memory in another order."""
    for grad in (random_tensor(rng, 4, 3, 2).float(), random_tensor(rng, 4, 3, 2)):
        for shape in ((1, 3), (3,), (4, 1), (2, 1, 3), (4, 3), ()):
            got, dtype = student.run("unbroadcast_permuted", grad, (2, 0, 1), shape)
            wanted = grad.permute(2, 0, 1).sum_to_size(shape)
            assert_close(got, wanted, f"a gradient that is not contiguous: (2, 4, 3) to {shape}")
            assert_equal(f"torch.{dtype}", str(grad.dtype), "the dtype stays that of the gradient")


@pytest.mark.problem("unbroadcast")
@pytest.mark.parametrize(
    "big, small", [((3,), (1, 3)), ((2, 1), (2, 3)), ((), (1,)), ((4, 3), (2, 3)), ((1,), (0,))]
)
def test_other_shapes_that_do_not_broadcast(student, big, small):
    """Not even if the number of entries agrees."""
    with raises(ValueError, f"{small} does not broadcast to {big}"):
        student.unbroadcast(torch.ones(big), small)


# --- tensor -------------------------------------------------------------------------------------


@st.composite
def operands(draw):
    """Two shapes that broadcast together."""
    both = draw(st.lists(st.integers(1, 3), max_size=3))
    shapes = []
    for _ in range(2):
        shape = [1 if draw(st.booleans()) else size for size in both]
        shapes.append(tuple(shape[draw(st.integers(0, len(shape))) :]))
    return shapes


@pytest.mark.problem("tensor")
@settings(max_examples=6)
@given(shapes=operands(), operator=st.sampled_from("+-*/"), seed=st.integers(0, 99))
def test_operators_broadcast(student, shapes, operator, seed):
    """Both operands may be stretched, along different axes."""
    rng = torch.Generator().manual_seed(seed)
    a, b = (random_tensor(rng, *shape) for shape in shapes)
    leaves = {"a": a, "b": b.abs() + 0.5}
    check_tensors(student, f"out = a {operator} b", leaves, "undo what broadcasting did", rng)


@pytest.mark.problem("tensor")
@pytest.mark.parametrize(
    "source",
    [
        "a * a",
        "a / a + a",
        "a - a * 2",
        "5 / a - 2",
        "a ** 2 - a ** 0.5",
        "a ** 0",
        "a ** 1",
        "(a * 0 + 0.1) * 1e9 - 1e8",
    ],
)
def test_more_operators_of_tensors(student, rng, source):
    """One Tensor on both sides, powers, and whole numbers."""
    leaves = {"a": random_tensor(rng, 2, 3).abs() + 0.1}
    check_tensors(student, f"out = {source}", leaves, "the rule of calculus for this operator", rng)


@pytest.mark.problem("tensor")
def test_powers_of_zeros(student):
    """0 ** 0 is 1 and level; 0 ** 1 has slope 1."""
    for n, wanted in ((0, [0.0, 0.0]), (1, [1.0, 1.0]), (2, [0.0, -4.0]), (0.0, [0.0, 0.0])):
        leaves = {"a": [0.0, -2.0]}
        _, got, _ = student.run("tensors", f"out = a ** {n}", leaves, torch.ones(2).double())
        assert_close(got["a"], wanted, f"the slope of a ** {n} at 0 and at -2")


@pytest.mark.problem("tensor")
def test_functions_at_their_edges(student):
    """relu at 0 has slope 0, tanh of large numbers is 1, log(0) is -inf."""
    leaves = {"a": [-2.0, 0.0, 3.0, 800.0]}
    gradient = torch.ones(4, dtype=torch.float64)
    _, got, _ = student.run("tensors", "out = a.relu()", leaves, gradient)
    assert_close(got["a"], [0.0, 0.0, 1.0, 1.0], "relu'(0) is 0")
    out, got, _ = student.run("tensors", "out = a.tanh()", leaves, gradient)
    assert_close(out[-1], 1.0, "tanh(800) is 1")
    assert_close(got["a"][-1], 0.0, "and level there")
    out, _, _ = student.run("tensors", "out = a.log()", {"a": [0.0]})
    assert_equal(out.tolist(), [-math.inf], "log(0) is -inf, as in torch")


@pytest.mark.problem("tensor")
@pytest.mark.parametrize(
    "source",
    ["a / 0", "1 / a", "a / b", "a.log()", "a ** 0.5", "a ** -1", "(a / 9).exp()", "a.tanh()"],
)
def test_results_are_torchs_at_any_number(student, source):
    """Where a Value refuses, a Tensor is inf or NaN; and nothing is added, clipped or rounded."""
    leaves = {"a": [-2.0, 0.0, 3.0, 5400.0, 1e-12, -1e-10], "b": [0.0, 1.0, 0.0, 2.0, 1e-9, 1.0]}
    out, _, _ = student.run("tensors", f"out = {source}", leaves, torch.ones(6).double())
    wanted, _, _ = torch_slopes(f"out = {source}", leaves)
    assert_close(out, wanted, f"{source} is what torch gives", rtol=1e-12, atol=0)


@pytest.mark.problem("tensor")
@pytest.mark.parametrize("source", ["a ** 0.5", "a.log()", "a ** -1"])
def test_slopes_are_torchs_at_zero(student, source):
    """They are infinite at 0, and large near it."""
    leaves = {"a": [0.0, 1e-12, 2.0]}
    _, got, _ = student.run("tensors", f"out = {source}", leaves, torch.ones(3).double())
    _, wanted, _ = torch_slopes(f"out = {source}", leaves)
    assert_close(got["a"], wanted["a"], f"the slope of {source} is torch's", rtol=1e-9, atol=0)


@pytest.mark.problem("tensor")
def test_chains_of_functions_of_tensors(student, rng):
    """What arrives is multiplied entry by entry."""
    source = "b = (a * 0.5).tanh(); c = (b + 2).log() * b.exp(); out = (c - 1).relu() - b / c"
    check_tensors(student, source, {"a": random_tensor(rng, 3, 2)}, "the chain rule", rng)


@pytest.mark.problem("tensor")
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(
    "source",
    [
        "out = a + b",
        "c = a + b; out = c + a",
        "c = a + b; d = c + b; out = d + c",
        "c = a - b; out = c + c",
    ],
)
def test_gradients_are_not_shared(student, rng, source, times):
    """a + b hands one gradient to both; what is added to a's later must not show in b's."""
    leaves = {"a": random_tensor(rng, 3), "b": random_tensor(rng, 3)}
    check_tensors(student, source, leaves, "two gradients are one array", rng, times)


@pytest.mark.problem("tensor")
def test_gradients_may_be_changed(student):
    """Whoever sets c's gradient to 0 in place leaves b's alone, and the one handed in as well."""
    gradient = torch.tensor([1.0, 2.0], dtype=torch.float64)
    for times in (1, 2):
        got = student.run("same_gradient_again", torch.zeros(2), gradient, times)
        assert_close(got[0], [1.0, 2.0], "the gradient handed to backward was changed")
        assert_close(got[1], times * gradient, "b's gradient is an array of its own")


@pytest.mark.problem("tensor")
@pytest.mark.parametrize(
    "data", [3, 0.1, [1, 0.2], [[1.0], [2.0]], torch.ones(2, 2), torch.arange(3)]
)
def test_a_new_tensor(student, data):
    """Numbers, lists and tensors are kept as float64, with a gradient of zeros."""
    made, grad, same = student.run("make", "tensor", data)
    wanted = torch.as_tensor(data, dtype=torch.float64)
    for name, got, want in (("data", made, wanted), ("grad", grad, torch.zeros_like(wanted))):
        assert got.dtype == torch.float64, f"{name} is float64: got {got.dtype}"
        assert_close(got, want, f"{name} of a new Tensor")
    assert same, "tensor() gave another class the second time"


@pytest.mark.problem("tensor")
def test_a_tensor_copies_its_data(student):
    """Whoever changes the array that was handed in leaves the Tensor alone."""
    got = student.run("data_after_editing_source", torch.ones(2, dtype=torch.float64))
    assert_equal(got.tolist(), [1.0, 1.0], "a Tensor's data are a copy")


@pytest.mark.problem("tensor")
def test_a_gradient_of_float32(student):
    """It is taken as float64, where it arrives and wherever it goes."""
    _, leaves, between = student.run("tensors", "out = a * 2", {"a": [1.0, 2.0]}, torch.ones(2))
    assert_close(leaves["a"], [2.0, 2.0], "a gradient of float32 works too")
    for grad in (leaves["a"], between["out"]):
        assert grad.dtype == torch.float64, f"grad is float64: got {grad.dtype}"


@pytest.mark.problem("tensor")
def test_operations_make_new_tensors(student, rng):
    """Also where the result is the operand: a adds up over two walks, b starts anew."""
    for source in ("0 + a", "a + 0", "a * 1", "a / 1", "a ** 1", "a.relu()"):
        leaves, why = {"a": [1.0, 2.0]}, f"{source} is a new Tensor, not a itself"
        check_tensors(student, f"b = {source}; out = b * 3", leaves, why, rng, 2)


@pytest.mark.problem("tensor")
def test_gradients_that_tensors_had_before(student):
    """Zeros of float64 at first; a leaf adds, what was made from it starts anew, d is left alone."""
    source, preset = "b = a * 3; c = b * b; d = b * 5", dict.fromkeys("abd", 7.0)
    before, after = student.run("tensor_walks", source, {"a": 2.0}, ["c"], preset)
    for name, (grad, dtype) in before.items():
        assert_equal(dtype, "torch.float64", f"{name}.grad is a tensor of float64 at first")
        assert_equal(grad.item(), 0.0, f"{name}.grad is zeros at first")
    got = [after[name].item() for name in "abcd"]
    assert_close(got, [43.0, 12.0, 1.0, 7.0], "a adds 36 to 7, b and c start anew, d has no part")


@pytest.mark.problem("tensor")
@pytest.mark.parametrize(
    "sources",
    [
        ["a + 'x'", "None * a", "a - [1.0]", "{} / a", "a + (1.0, 2.0)"],
        [f"a {o} __import__('torch').ones({n})" for o in ("+", "/", "**") for n in ("()", "1")],
        ["a ** a", "a ** 'x'", "2 ** a"],
    ],
)
def test_operands_that_are_no_tensors(student, sources):
    """Whatever is neither a number nor a Tensor is refused on both sides."""
    for source in sources:
        with raises(
            TypeError, "an operand is a Tensor, an int or a float; an exponent is a number"
        ):
            student.run("tensors", f"out = {source}", {"a": [2.0]})


@pytest.mark.problem("tensor")
def test_tensors_that_do_not_fit(student):
    """(2, 3) and (2,) do not broadcast."""
    leaves = {"a": torch.ones(2, 3), "b": torch.ones(2)}
    for operator in "+-*/":
        with raises(REFUSALS, "shapes that do not broadcast are an error"):
            student.run("tensors", f"out = a {operator} b", leaves, torch.ones(2, 3))


@pytest.mark.problem("tensor")
@pytest.mark.parametrize("shape", [(3,), (1, 3), (2, 3, 1), (3, 2), ()])
def test_a_gradient_of_another_shape(student, shape):
    """The gradient that arrives has the shape of the Tensor, not one that broadcasts to it."""
    with raises(ValueError, f"a gradient of shape {shape} does not belong to a Tensor of (2, 3)"):
        gradient = torch.ones(shape, dtype=torch.float64)
        student.run("tensors", "out = a * 2", {"a": torch.ones(2, 3)}, gradient)


@pytest.mark.problem("tensor")
@pytest.mark.parametrize("source, a", [("out = a", [1.0, 2.0]), ("out = a * 1", [[1.0]])])
def test_a_gradient_without_axes(student, source, a):
    """Not at a leaf either, nor where there is just one entry."""
    with raises(ValueError, "a gradient that would broadcast, or has as many entries, was taken"):
        student.run("tensors", source, {"a": a}, torch.ones((), dtype=torch.float64))


@pytest.mark.problem("tensor")
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_one_entry_needs_no_gradient(student, shape):
    """A Tensor with one entry has a slope, whatever its shape."""
    leaves = {"a": torch.full(shape, 3.0), "b": torch.full(shape, 2.0)}
    check_tensors(student, "out = a * b", leaves, "the gradient of one entry is 1")


@pytest.mark.problem("tensor")
def test_a_leaf_tensor_as_root(student, rng):
    """The gradient that arrives at a leaf is added to what is there, each time."""
    gradient = random_tensor(rng, 2)
    _, leaves, _ = student.run("tensors", "out = a", {"a": [1.0, 2.0]}, gradient, 2)
    assert_close(leaves["a"], 2 * gradient, "a leaf accumulates, also as the root")


@pytest.mark.problem("tensor")
def test_gradients_of_a_tensor_with_many_paths(student):
    """Each node once: 2**50 paths and 3,000 operations in a row."""
    source = "out = a\nfor _ in range(50): out = out + out"
    _, leaves, _ = student.run("tensors", source, {"a": 1.0})
    assert_equal(leaves["a"].item(), 2.0**50, "the sum over all paths")
    source = "out = a\nfor _ in range(3000): out = -out"
    _, leaves, _ = student.run("tensors", source, {"a": 1.0})
    assert_equal(leaves["a"].item(), 1.0, "a long chain")


@pytest.mark.problem("tensor")
@pytest.mark.parametrize("operator", ["-", "/", "**"])
def test_other_operators_on_tensors_in_place(student, operator):
    """c -= 2 makes a new Tensor, as c += 2 does."""
    source, leaves = f"c = a\nc {operator}= 2\nout = a * c", {"a": [3.0, 1.0]}
    out, _, _ = student.run("tensors", source, leaves, torch.ones(2).double())
    wanted, _, _ = torch_slopes(f"c = a {operator} 2; out = a * c", leaves)
    assert_close(out, wanted, f"{operator}= has changed a Tensor that is still in use")


@pytest.mark.problem("tensor")
@pytest.mark.parametrize("source", ["c = a\nc += 2\nout = a * c", "c = a\nc *= b\nout = a + c"])
def test_tensors_are_not_changed_in_place(student, source):
    """c += 2 makes a new Tensor; the old one, which a still names, is as it was."""
    leaves = {"a": [3.0, 1.0], "b": [2.0, 5.0]}
    out, got, _ = student.run("tensors", source, leaves, torch.ones(2).double())
    split = source.replace("c = a\nc += 2", "c = a + 2").replace("c = a\nc *= b", "c = a * b")
    wanted, slopes, _ = torch_slopes(split, leaves)
    assert_close(out, wanted, "a Tensor that is still in use was changed")
    assert_close(got["a"], slopes["a"], "the gradient of what was not changed")


# --- matmul -------------------------------------------------------------------------------------


@pytest.mark.problem("matmul")
@pytest.mark.parametrize(
    "a, b",
    [
        ((4, 2, 3), (4, 3, 2)),
        ((2, 3), (5, 3, 4)),
        ((1, 2, 3), (5, 3, 2)),
        ((5, 2, 3), (1, 3, 2)),
        ((5, 1, 2, 3), (4, 3, 2)),
        ((2, 4, 3, 3), (2, 4, 3, 3)),
        ((3, 1), (1, 3)),
        ((2, 2, 2), (2, 2)),
    ],
)
def test_products_of_batches(student, rng, a, b):
    """Leading axes broadcast, on both sides."""
    leaves = {"a": random_tensor(rng, *a), "b": random_tensor(rng, *b)}
    check_tensors(student, "out = a @ b", leaves, "dA = G Bᵀ, dB = Aᵀ G, summed over batches", rng)


@pytest.mark.problem("matmul")
@pytest.mark.parametrize(
    "source", ["a @ a", "a @ b @ a", "c = a @ b; out = c @ c + c", "a @ (b * 2) - a"]
)
def test_chains_of_products(student, rng, source):
    """A matrix may be used on both sides, and more than once."""
    leaves = {"a": random_tensor(rng, 3, 3), "b": random_tensor(rng, 3, 3)}
    source = source if "out" in source else f"out = {source}"
    check_tensors(student, source, leaves, "the chain rule through products", rng)
    check_tensors(student, source, leaves, "leaves accumulate", rng, 2)


@pytest.mark.problem("matmul")
def test_a_float32_gradient_of_a_product(student, rng):
    """torch multiplies no float32 by float64: a gradient is float64 from the start."""
    leaves, gradient = (
        {"a": random_tensor(rng, 2, 3), "b": random_tensor(rng, 3, 2)},
        torch.ones(2, 2),
    )
    _, got, _ = student.run("tensors", "out = a @ b", leaves, gradient)
    wanted = gradient.double() @ leaves["b"].mT
    assert_close(got["a"], wanted, "a gradient of float32 is taken as float64")


@pytest.mark.problem("matmul")
def test_vectors_are_refused(student):
    """Fewer than two axes are an error here."""
    for a, b in (((3,), (3, 2)), ((2, 3), (3,)), ((3,), (3,)), ((), (2, 2))):
        with raises(ValueError, f"@ wants two axes or more on both sides, not {a} and {b}"):
            leaves = {"a": torch.ones(a), "b": torch.ones(b)}
            student.run("tensors", "out = (a @ b).sum()", leaves)


@pytest.mark.problem("matmul")
@pytest.mark.parametrize("a, b", [((2, 3), (2, 3)), ((2, 3), (4, 2)), ((2, 2, 3), (3, 3, 2))])
def test_matrices_that_do_not_fit(student, a, b):
    """The inner sizes agree, and leading axes broadcast."""
    with raises(REFUSALS, f"{a} @ {b} is an error"):
        leaves = {"a": torch.ones(a), "b": torch.ones(b)}
        student.run("tensors", "out = (a @ b).sum()", leaves)


# --- reductions ---------------------------------------------------------------------------------


REDUCTIONS = [
    "()",
    "(dim=0)",
    "(dim=1)",
    "(dim=-1)",
    "(dim=-2, keepdim=True)",
    "(dim=None, keepdim=True)",
]


@pytest.mark.problem("reductions")
@pytest.mark.parametrize("name", ["sum", "max"])
@pytest.mark.parametrize("arguments", [*REDUCTIONS, "(dim=2, keepdim=True)", "(1, True)"])
def test_reductions_of_three_axes(student, rng, name, arguments):
    """Any axis, counted from either end, kept or dropped."""
    leaves = {"a": random_tensor(rng, 3, 3, 3) - 5}
    check_tensors(student, f"out = a.{name}{arguments}", leaves, "over this axis only", rng)


@pytest.mark.problem("reductions")
@pytest.mark.parametrize("name", ["sum", "max"])
@pytest.mark.parametrize("shape", [(), (1,), (4,), (1, 3), (3, 1)])
def test_reductions_of_small_tensors(student, rng, name, shape):
    """A number, a single entry, a row, a column."""
    leaves = {"a": random_tensor(rng, *shape)}
    check_tensors(student, f"out = a.{name}()", leaves, f"{name} over all axes", rng)
    if shape:
        check_tensors(student, f"out = a.{name}(dim=0)", leaves, f"{name} over the first axis", rng)


@pytest.mark.problem("reductions")
@pytest.mark.parametrize("arguments", ["()", "(dim=0)", "(dim=1)", "(dim=1, keepdim=True)"])
def test_ties_share_along_any_axis(student, rng, arguments):
    """Entries that tie share equally, among those of their own row or column."""
    leaves = {"a": [[2.0, 2.0, 2.0], [2.0, 0.0, 2.0], [-1.0, -1.0, -3.0]]}
    check_tensors(
        student, f"out = a.max{arguments}", leaves, "ties share the gradient equally", rng
    )


@pytest.mark.problem("reductions")
def test_only_equals_tie(student):
    """1 + 1e-9 is larger than 1."""
    _, got, _ = student.run("tensors", "out = a.max()", {"a": [1.0, 1.0 + 1e-9, -5e9]})
    assert_equal(got["a"].tolist(), [0.0, 1.0, 0.0], "entries that are nearly equal do not tie")


@pytest.mark.problem("reductions")
def test_ties_of_three_axes(student, rng):
    """Along every axis; and a maximum may be as small as it likes."""
    leaves = {"a": torch.randint(0, 2, (3, 3, 3), generator=rng).double() - 1e10}
    for dim in (0, 1, 2, -1, None):
        check_tensors(student, f"out = a.max(dim={dim})", leaves, "ties share equally", rng)


@pytest.mark.problem("reductions")
def test_gradients_of_a_sum_may_be_changed(student):
    """The gradient of a sum is one number, repeated; each entry has one of its own."""
    for source, share in (("a.sum()", 1.0), ("a.max()", 0.25), ("a.reshape(4).sum()", 1.0)):
        got = student.run("gradient_after_editing", f"out = {source}", [1.0, 1.0, 1.0, 1.0])
        assert_close(got, [0.0, share, share, share], "an entry of grad cannot be set by itself")


@pytest.mark.problem("reductions")
def test_reshape_in_any_order_of_memory(student, rng):
    """A transposed array has no view of another shape."""
    leaves, ones = {"a": random_tensor(rng, 2, 3)}, torch.ones(6, dtype=torch.float64)
    source = "out = type(a)(a.data.mT).reshape(6)"
    out, _, _ = student.run("tensors", source, leaves, ones)
    assert_close(out, leaves["a"].mT.reshape(6), "reshape is more than view")


@pytest.mark.problem("reductions")
@pytest.mark.parametrize("shape", ["2, 3", "1, 2, 3"])
def test_reshape_is_new(student, rng, shape):
    """Also if the shape stays: a adds up over two walks, b starts anew."""
    leaves, why = (
        {"a": random_tensor(rng, 2, 3)},
        "reshape makes a new Tensor, in the order of rows",
    )
    check_tensors(student, f"b = a.reshape({shape}); out = b * 3", leaves, why, rng, 2)


@pytest.mark.problem("reductions")
def test_reductions_of_a_number(student, rng):
    """As in torch, a number has an axis 0."""
    for name in ("sum", "max"):
        why = f"{name}(dim=0) of a number is the number, as in torch"
        check_tensors(student, f"out = a.{name}(dim=0) * 2", {"a": 3.0}, why, rng)


@pytest.mark.problem("reductions")
def test_zeros_may_be_the_largest(student, rng):
    """A maximum of 0 gets its gradient as any other."""
    leaves = {"a": [[0.0, -1.0], [-2.0, 0.0], [0.0, 0.0]]}
    check_tensors(student, "out = a.max(dim=1)", leaves, "the gradient goes to the largest", rng)


@pytest.mark.problem("reductions")
@pytest.mark.parametrize("shape", ["6", "3, 2", "1, -1, 1", "2, 3", "-1", "6, 1, 1"])
def test_other_shapes(student, rng, shape):
    """reshape and back, in the order of rows; the result goes on being used."""
    leaves = {"a": random_tensor(rng, 2, 3)}
    source = f"b = a.reshape({shape}); out = b * b"
    check_tensors(student, source, leaves, "reshape back, do not transpose", rng)


@pytest.mark.problem("reductions")
def test_softmax_of_your_own(student, rng):
    """What the next chapters are made of: differences from the maximum, and quotients by a sum."""
    source = (
        "m = a.max(dim=1, keepdim=True); e = (a - m).exp(); out = e / e.sum(dim=1, keepdim=True)"
    )
    leaves = {"a": random_tensor(rng, 4, 5)}
    check_tensors(student, source, leaves, "broadcasting and reductions together", rng)
    source = (
        "s = a.sum(dim=0); t = a * s; u = t.max(dim=1); out = (u.reshape(2, 2) * 3).sum() + s.max()"
    )
    check_tensors(student, source, leaves, "a sum used twice", rng)
    check_tensors(student, source, leaves, "leaves accumulate", rng, 2)


@pytest.mark.problem("reductions")
@pytest.mark.parametrize(
    "sources",
    [["a.sum(dim=2)", "a.max(dim=-3)"], ["a.reshape(4)", "a.reshape(-1, 4)", "a.reshape(7)"]],
)
def test_axes_and_shapes_that_do_not_fit(student, sources):
    """An axis that is not there, a shape of another number of entries."""
    for source in sources:
        with raises(REFUSALS, f"{source} of a Tensor of (2, 3) is an error"):
            student.run("tensors", f"out = ({source}).sum()", {"a": torch.ones(2, 3)})
