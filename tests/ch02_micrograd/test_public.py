"""Public tests of ch02_micrograd, problem by problem in the order of the handout."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kit.compare import assert_close, assert_equal, raises
from tests.ch02_micrograd.checks import (
    WORKED,
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
)

# --- arithmetic ---------------------------------------------------------------------------------


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize("source", ["a + b", "a - b", "a * b", "a / b", "-a", "a ** 3", "a ** b"])
def test_operators_of_values(student, source):
    """Each operator gives its number, and its slope in every operand."""
    leaves = {"a": 2.0, "b": -3.0}
    check_slopes(student, f"out = {source}", leaves, "the rule of calculus for this operator")


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize(
    "source, wanted", [("5 - a", 3), ("6 / a", 3), ("3 ** a", 9), ("5 + a", 7), ("5 * a", 10)]
)
def test_a_number_may_stand_on_the_left(student, source, wanted):
    """5 - a is not a - 5."""
    check_value(student, f"out = {source}", {"a": 2.0}, wanted, "the operands keep their order")
    check_slopes(student, f"out = {source}", {"a": 2.0}, "the number on the left is a constant")


@pytest.mark.problem("arithmetic")
def test_values_can_be_summed(student):
    """sum() starts with the number 0."""
    leaves = {"a": 1.5, "b": 2.0, "c": -4.0}
    check_slopes(student, "out = sum([a, b, c, a])", leaves, "0 + a has to work")


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize("source", ["0 + a", "a ** 1"])
def test_an_operation_that_changes_nothing(student, source):
    """a adds up over two walks, b = 0 + a starts anew: they are two objects."""
    why = f"{source} is a new Value, not a itself"
    check_slopes(student, f"b = {source}; out = b * 3", {"a": 2.0}, why, backwards=2)


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize("source", ["a / 0", "1 / b", "b ** -1"])
def test_division_by_zero_is_an_error(student, source):
    """There is no quotient by 0."""
    with raises(ZeroDivisionError, "division by 0 is an error"):
        student.run("evaluate", f"out = {source}", {"a": 2.0, "b": 0.0})


@pytest.mark.problem("arithmetic")
@pytest.mark.parametrize("source", ["a + 'x'", "a * None", "[1] - a", "a ** 'x'"])
def test_only_numbers_and_values_can_be_operands(student, source):
    """A text is no number."""
    with raises(TypeError, "an operand is a Value, an int or a float"):
        student.run("evaluate", f"out = {source}", {"a": 2.0})


# --- functions ----------------------------------------------------------------------------------


@pytest.mark.problem("functions")
@pytest.mark.parametrize("name", ["exp", "log", "tanh", "relu"])
@pytest.mark.parametrize("x", [0.7, 2.5])
def test_functions_of_values(student, name, x):
    """Each function gives its number and its slope."""
    check_slopes(student, f"out = a.{name}()", {"a": x}, f"{name} and its derivative")


@pytest.mark.problem("functions")
@pytest.mark.parametrize("x", [-2.0, 0.0, 3.0])
def test_relu_has_no_slope_up_to_zero(student, x):
    """At 0 relu has two slopes; the convention is 0."""
    check_slopes(student, "out = a.relu() * 5", {"a": x}, "relu'(x) is 1 above 0, and 0 at 0")


@pytest.mark.problem("functions")
@pytest.mark.parametrize("x", [0.0, -1.0])
def test_log_of_nothing_is_an_error(student, x):
    """Only numbers above 0 have a logarithm."""
    with raises(ValueError, "the logarithm of 0 or less is an error"):
        student.run("evaluate", "out = a.log()", {"a": x})


@pytest.mark.problem("functions")
@pytest.mark.parametrize("x", [-1000.0, 1000.0])
def test_tanh_of_large_numbers(student, x):
    """tanh(1000) is 1, though exp(1000) does not fit a float."""
    check_slopes(student, "out = a.tanh()", {"a": x}, "exp overflows; tanh does not")


# --- topological_order --------------------------------------------------------------------------


@pytest.mark.problem("topological_order")
def test_order_of_the_worked_example(student):
    """The graph of the handout: a 0, b 1, u 2, v 3, out 4."""
    parents = [[], [], [0, 1], [2, 0], [3]]
    check_order(student.run("order", parents, 4), parents, 4, "parents come before children")


@pytest.mark.problem("topological_order")
def test_a_shortcut_does_not_jump_the_queue(student):
    """3 is made from 0, 1 and 2, which are made from each other: only one order will do."""
    parents = [[], [0], [0, 1], [0, 1, 2], [3, 0, 1, 2]]
    check_order(student.run("order", parents, 4), parents, 4, "parents come before children")
    parents = [[], [0], [1, 0], [2, 1, 0], [2, 1, 0, 3]]
    check_order(student.run("order", parents, 4), parents, 4, "parents come before children")


@pytest.mark.problem("topological_order")
def test_order_of_random_graphs(student, rng):
    """Any graph: each node once, parents before children, and none that the root is not made of."""
    for nodes, most in ((8, 2), (30, 3), (60, 5)):
        parents, root = random_graph(rng, nodes, most)
        check_order(student.run("order", parents, root), parents, root, "a topological order")


@pytest.mark.problem("topological_order")
def test_equal_nodes_are_not_the_same_node(student):
    """Two nodes may be equal: identity tells them apart."""
    parents = [[], [], [0, 1], [2, 0]]
    got = student.run("order_of_lookalikes", parents, 3)
    check_order(got, parents, 3, "nodes were told apart by ==, not by identity")


@pytest.mark.problem("topological_order")
def test_a_long_chain_has_an_order(student):
    """20,000 nodes in a row are no reason for a RecursionError, nor for a higher limit."""
    parents = [[], *([i] for i in range(19_999))]
    got = student.run("order", parents, 19_999)
    check_order(got, parents, 19_999, "parents come before children, however long the chain")


@pytest.mark.problem("topological_order")
def test_many_paths(student):
    """Sixty doublings make 2**60 paths, but sixty-one nodes."""
    parents = [[], *([i, i] for i in range(60))]
    check_order(student.run("order", parents, 60), parents, 60, "each node is looked at once")


@pytest.mark.problem("topological_order")
def test_a_cycle_has_no_order(student):
    """Nothing is made from itself."""
    with raises(ValueError, "a cycle is an error"):
        student.run("order", [[], [0, 3], [1], [2], [3]], 4)


# --- backward -----------------------------------------------------------------------------------


@pytest.mark.problem("backward")
def test_gradients_of_the_worked_example(student):
    """The gradients are those of the handout."""
    data, leaves, between = student.run("differentiate", WORKED, {"a": 2.0, "b": -3.0})
    assert_close(data, 16.0, "(a b + a)²")
    assert_close(leaves["a"], 16.0, "a is used twice: -8 · 1 by way of v, and -8 · -3 by way of u")
    assert_close(leaves["b"], -16.0, "-8 · a")
    slopes = [between[name] for name in ("u", "v", "out")]
    assert_close(slopes, [-8.0, -8.0, 1.0], "the gradients of u, v and out")


@pytest.mark.problem("backward")
def test_gradients_add_up(student):
    """Whoever is used several times gets the sum: b = a + a, c = b + b, so dc/da = 4."""
    check_slopes(student, "b = a + a; out = b + b", {"a": 3.0}, "the sum over all uses")


@pytest.mark.problem("backward")
@pytest.mark.parametrize(
    "source", ["b = a * 2; c = b * 3; out = b + c", "b = a * 2; out = b * 3 + b"]
)
def test_a_gradient_is_complete_before_it_is_passed_on(student, source):
    """b's turn comes after c's, which is made from it, whichever is met first."""
    check_slopes(student, source, {"a": 5.0}, "children pass their gradients on before parents do")


@pytest.mark.problem("backward")
def test_gradients_of_random_graphs(student, rng):
    """Graphs of forty operations agree with torch, node by node."""
    for _ in range(3):
        source, leaves = random_program(rng, leaves=3, steps=40)
        check_slopes(student, source, leaves, "the chain rule over the whole graph")


@pytest.mark.problem("backward")
def test_a_long_chain_of_operations(student):
    """A graph 20,000 operations deep is no reason for a RecursionError, nor for a higher limit."""
    source = "out = a\nfor _ in range(20000): out = out + a"
    data, leaves, _ = student.run("differentiate", source, {"a": 2.0})
    assert_equal([data, leaves["a"]], [40_002.0, 20_001.0], "out = a + 20,000 a")


@pytest.mark.problem("backward")
def test_leaves_accumulate_and_others_do_not(student):
    """A second backward adds to the leaves, and starts anew in between."""
    why = "a second backward adds its gradients to the leaves; all others start anew"
    check_slopes(student, WORKED, {"a": 2.0, "b": -3.0}, why, backwards=2)


# --- gradcheck ----------------------------------------------------------------------------------


@pytest.mark.problem("gradcheck")
def test_a_right_gradient_passes(student):
    """A gradient that backward has right differs little from what is measured."""
    source = "out = (x[0] * x[1]).tanh() + x[2].exp() / x[0]"
    error = student.run("check_gradient", source, [0.7, -1.2, 0.4])
    assert 0 <= error < 1e-8, f"the gradient is right: got an error of {error}"


@pytest.mark.problem("gradcheck")
def test_a_wrong_gradient_is_measured(student):
    """x · Value(x.data) is x², but backward sees only half of it: 3 instead of 6 at x = 3."""
    error = student.run("check_gradient", "out = x[0] * Value(x[0].data)", [3.0])
    assert_close(error, 0.5, "|3 - 6| / max(1, 3, 6)", rtol=1e-7)


@pytest.mark.problem("gradcheck")
def test_differences_are_central(student):
    """x³ at 1: ((1 + ε)³ - (1 - ε)³) / 2ε = 3 + ε²."""
    error = student.run("check_gradient", "out = x[0] ** 3", [1.0], eps=0.5)
    assert_close(error, 0.25 / 3.25, "(f(x + eps) - f(x - eps)) / 2 eps")


@pytest.mark.problem("gradcheck")
def test_nothing_to_check_is_an_error(student):
    """A gradient has at least one entry."""
    with raises(ValueError, "an empty x is an error"):
        student.run("check_gradient", "out = Value(1.0)", [])


# --- mlp ----------------------------------------------------------------------------------------


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_a_neuron_weighs_its_inputs(student, activation):
    """act(w · x + b), with w = (2, -1), b = 0.5 and x = (1, 3) or (3, 1)."""
    for x, total in (([1.0, 3.0], -0.5), ([3.0, 1.0], 5.5)):
        got = student.run("forward", "neuron", [2, 0, activation], [2.0, -1.0, 0.5], x)
        act = {"tanh": math.tanh(total), "relu": max(0.0, total), "linear": total}[activation]
        assert_close(got, act, f"{activation}(2 · {x[0]} - {x[1]} + 0.5)", rtol=1e-12)


@pytest.mark.problem("mlp")
def test_a_layer_is_several_neurons(student, rng):
    """Every neuron sees all inputs, with weights of its own."""
    check_network(student, "layer", [3, 4, 0, "tanh"], [3, 4], rng, "a layer of 4 neurons")


@pytest.mark.problem("mlp")
@pytest.mark.parametrize("sizes", [[2, 3, 2], [3, 1], [2, 4, 4, 1]])
def test_an_mlp_is_several_layers(student, rng, sizes):
    """Layer after layer; tanh between them, nothing after the last."""
    check_network(student, "mlp", [sizes, 0], sizes, rng, "tanh in all layers but the last")


@pytest.mark.problem("mlp")
def test_an_input_too_few_is_an_error(student):
    """zip() drops what is left over; a neuron must not."""
    for x in ([1.0], [1.0, 2.0, 3.0]):
        with raises(ValueError, "an x of another length is an error"):
            student.run("forward", "neuron", [2, 0, "tanh"], None, x)


@pytest.mark.problem("mlp")
def test_neurons_start_differently(student):
    """Neurons that start alike would stay alike forever."""
    start = student.run("initial", "layer", [4, 3, 1])
    rows = [tuple(start[i : i + 4]) for i in (0, 5, 10)]
    assert len(set(rows)) == 3, f"three neurons of one layer start with the same weights: {rows[0]}"


# --- train_moons --------------------------------------------------------------------------------


@pytest.mark.problem("train_moons")
def test_steps_of_training_by_hand(student):
    """w = 0.5 and b = 0, points 1 and -2 labelled 1 and -1: the second costs nothing."""
    losses, after = student.run("train", [1, 1], [0.5, 0.0], [[1.0], [-2.0]], [1, -1], 1, 0.2)
    assert_close(losses, [0.25], "relu(1 - 0.5) and relu(1 - 1), averaged over two points")
    assert_close(after, [0.6, 0.1], "dw = -1/2, db = -1/2, and a step of 0.2 against them")


@pytest.mark.problem("train_moons")
def test_training_agrees_with_torch(student, rng):
    """Ten steps on random points, retraced by torch."""
    sizes = [2, 3, 1]
    points = random_tensor(rng, 8, 2).tolist()
    parameters = random_parameters(rng, count_parameters(sizes))
    check_training(student, sizes, parameters, points, [1, -1, -1, 1] * 2, 10, 0.1)


@pytest.mark.problem("train_moons")
@pytest.mark.parametrize("labels", [[0, 1], [1], [1, -1, 1]])
def test_labels_that_do_not_fit_are_an_error(student, labels):
    """The hinge loss knows -1 and 1, and a label per point."""
    with raises(ValueError, "labels other than -1 and 1, or not one per point, are an error"):
        student.run("train", [1, 1], [0.5, 0.0], [[1.0], [-2.0]], labels, 1, 0.1)


# --- unbroadcast --------------------------------------------------------------------------------


@pytest.mark.problem("unbroadcast")
@pytest.mark.parametrize(
    "shape, wanted", [((2,), [4, 6]), ((2, 1), [[3], [7]]), ((1, 2), [[4, 6]]), ((), 10)]
)
def test_unbroadcast_by_hand(student, shape, wanted):
    """What was repeated is summed: rows for a row, columns for a column, all for a number."""
    got = student.unbroadcast(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), shape)
    assert_close(got, wanted, f"sum over the axes along which a {shape} was repeated")


@st.composite
def shapes(draw):
    """A shape, and one that broadcasts to it."""
    big = draw(st.lists(st.integers(1, 4), max_size=4))
    small = [1 if draw(st.booleans()) else size for size in big]
    return tuple(big), tuple(small[draw(st.integers(0, len(small))) :])


@pytest.mark.problem("unbroadcast")
@given(shapes=shapes(), seed=st.integers(0, 99))
def test_unbroadcast_of_any_shape(student, shapes, seed):
    """It is the gradient of torch's expand."""
    big, small = shapes
    grad = random_tensor(torch.Generator().manual_seed(seed), *big)
    check_unbroadcast(student, grad, small, "sum over the axes that were added or stretched")


@pytest.mark.problem("unbroadcast")
@pytest.mark.parametrize("shape", [(3, 2), (2,), (2, 3, 1), (1, 2, 3)])
def test_shapes_that_do_not_broadcast(student, shape):
    """What does not broadcast to the gradient's shape cannot have had it."""
    with raises(ValueError, f"{shape} does not broadcast to (2, 3)"):
        student.unbroadcast(torch.ones(2, 3), shape)


# --- tensor -------------------------------------------------------------------------------------


@pytest.mark.problem("tensor")
@pytest.mark.parametrize("source", ["a + b", "a - b", "a * b", "a / b"])
@pytest.mark.parametrize("shape", [(2, 3), (3,), (2, 1), ()])
def test_operators_of_tensors(student, rng, source, shape):
    """Operators broadcast as torch's do, and their gradients have the operands' shapes."""
    leaves = {"a": random_tensor(rng, 2, 3), "b": random_tensor(rng, *shape)}
    check_tensors(student, f"out = {source}", leaves, "undo what broadcasting did", rng)


@pytest.mark.problem("tensor")
@pytest.mark.parametrize("source", ["3 - a", "2 / a", "a * 2 + 1", "-a", "a ** 3", "a ** -1"])
def test_tensors_and_numbers(student, rng, source):
    """A number may stand on either side."""
    leaves = {"a": random_tensor(rng, 2, 2)}
    check_tensors(student, f"out = {source}", leaves, "a number is a constant of any shape", rng)


@pytest.mark.problem("tensor")
@pytest.mark.parametrize("name", ["exp", "log", "tanh", "relu"])
def test_functions_of_tensors(student, rng, name):
    """Each function applies to every entry."""
    leaves = {"a": random_tensor(rng, 2, 3).abs() + 0.1}
    check_tensors(student, f"out = a.{name}()", leaves, f"{name} and its derivative", rng)


@pytest.mark.problem("tensor")
def test_gradients_of_tensors_add_up(student, rng):
    """What holds for Values holds here: sums over uses, complete before they are passed on."""
    leaves = {"a": random_tensor(rng, 3), "b": random_tensor(rng, 2, 3)}
    source = "c = a * b; d = c + a; e = d * c; out = e + c"
    check_tensors(student, source, leaves, "the chain rule over the whole graph", rng)
    check_tensors(student, source, leaves, "leaves accumulate, all others start anew", rng, 2)


@pytest.mark.problem("tensor")
def test_several_entries_need_a_gradient(student):
    """Only of one number is there a slope."""
    with raises(ValueError, "backward from several entries needs the gradient that arrives"):
        student.run("tensors", "out = a * 2", {"a": [1.0, 2.0]})


# --- matmul -------------------------------------------------------------------------------------


@pytest.mark.problem("matmul")
@pytest.mark.parametrize("a, b", [((2, 3), (3, 4)), ((3, 3), (3, 3)), ((1, 3), (3, 1))])
def test_products_of_matrices(student, rng, a, b):
    """dA = G Bᵀ and dB = Aᵀ G."""
    leaves = {"a": random_tensor(rng, *a), "b": random_tensor(rng, *b)}
    check_tensors(student, "out = a @ b", leaves, "dA = G Bᵀ and dB = Aᵀ G", rng)


@pytest.mark.problem("matmul")
def test_a_matrix_shared_by_a_batch(student, rng):
    """A matrix that is used for every member of a batch gets the sum of their gradients."""
    leaves = {"a": random_tensor(rng, 5, 2, 3), "b": random_tensor(rng, 3, 4)}
    check_tensors(student, "out = a @ b", leaves, "leading axes broadcast: sum over them", rng)


# --- reductions ---------------------------------------------------------------------------------


@pytest.mark.problem("reductions")
@pytest.mark.parametrize("source", ["a.sum()", "a.sum(dim=0)", "a.sum(dim=1, keepdim=True)"])
def test_sums(student, rng, source):
    """Every entry gets the gradient of its sum."""
    leaves = {"a": random_tensor(rng, 3, 3)}
    check_tensors(student, f"out = {source}", leaves, "the gradient is repeated", rng)


@pytest.mark.problem("reductions")
@pytest.mark.parametrize("source", ["a.max()", "a.max(dim=0)", "a.max(dim=1, keepdim=True)"])
def test_maxima(student, rng, source):
    """Only the largest entry gets the gradient."""
    leaves = {"a": random_tensor(rng, 3, 3)}
    check_tensors(student, f"out = {source}", leaves, "the gradient goes to the largest", rng)


@pytest.mark.problem("reductions")
def test_ties_share(student):
    """Two largest entries get half each."""
    _, leaves, _ = student.run("tensors", "out = a.max()", {"a": [[1.0, 4.0], [4.0, 2.0]]})
    assert_equal(leaves["a"].tolist(), [[0.0, 0.5], [0.5, 0.0]], "ties share the gradient equally")


@pytest.mark.problem("reductions")
def test_reshape(student, rng):
    """The same numbers in the same order, forth and back."""
    leaves = {"a": random_tensor(rng, 2, 6)}
    check_tensors(student, "out = a.reshape(3, 4)", leaves, "reshape back, do not transpose", rng)
    check_tensors(student, "out = a.reshape(-1, 2)", leaves, "-1 stands for what is left", rng)
