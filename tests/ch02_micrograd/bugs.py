"""The bug bank of ch02_micrograd: what students write when they misunderstand.

Most are the reference with one place of its source changed, as `changed` shows.
"""

import functools
import importlib
import inspect
import math
import random
import sys
from collections import deque
from types import ModuleType

import torch

from kit.bank import bug
from solutions.ch02_micrograd import adapters, graph, network
from solutions.ch02_micrograd.broadcasting import unbroadcast
from solutions.ch02_micrograd.tensor import Tensor
from solutions.ch02_micrograd.value import Value


@functools.cache
def changed(module: str, *pairs: tuple[str, str]) -> ModuleType:
    """A module of the reference, with places of its source changed; each occurs just once."""
    source = inspect.getsource(importlib.import_module(f"solutions.ch02_micrograd.{module}"))
    for old, new in pairs:
        assert source.count(old) == 1, f"{source.count(old)} places in {module}.py read {old!r}"
        source = source.replace(old, new)
    spoilt = ModuleType(f"solutions.ch02_micrograd.{module}")
    spoilt.__package__ = "solutions.ch02_micrograd"
    exec(compile(source, f"{module}.py", "exec"), vars(spoilt))
    return spoilt


def value_with(*pairs: tuple[str, str]) -> type:
    return changed("value", *pairs).Value


def tensor_with(*pairs: tuple[str, str]) -> type:
    return changed("tensor", *pairs).Tensor


# --- arithmetic ---------------------------------------------------------------------------------


@bug("arithmetic", "the slope of a - b in b is taken as +1", "value")
def subtraction_adds_gradients():
    return value_with(("(1.0, -1.0)", "(1.0, 1.0)"))


@bug("arithmetic", "the slope of a + b is taken as b in a and a in b, as in a product", "value")
def addition_as_product():
    return value_with(("(1.0, 1.0)", "(other.data, self.data)"))


@bug(
    "arithmetic", "the slope of a * b in a is taken as a: own data instead of the other's", "value"
)
def product_of_own_data():
    return value_with(("(other.data, self.data)", "(self.data, other.data)"))


@bug("arithmetic", "the slope of a * b in b is forgotten", "value")
def product_without_second():
    return value_with(("(other.data, self.data)", "(other.data, 0.0)"))


@bug("arithmetic", "the slope of a / b in b lacks its minus", "value")
def quotient_without_minus():
    return value_with(("-quotient / other.data", "quotient / other.data"))


@bug("arithmetic", "the slope of a / b in b is -a / b instead of -a / b²", "value")
def quotient_not_squared():
    return value_with(("-quotient / other.data", "-quotient"))


@bug("arithmetic", "the slope of a / b in b is -1 / b², without a", "value")
def quotient_without_numerator():
    return value_with(("-quotient / other.data", "-1 / other.data**2"))


@bug("arithmetic", "the slope of a / b in a is taken as 1", "value")
def quotient_slope_one():
    return value_with(("(1 / other.data, ", "(1.0, "))


@bug("arithmetic", "a / b rounds down to a whole number", "value")
def quotient_rounds_down():
    return value_with(("self.data / other.data", "self.data // other.data"))


@bug("arithmetic", "division by 0 gives inf instead of an error", "value")
def quotient_by_zero_is_infinite():
    old = "        quotient = self.data / other.data\n"
    new = """        if other.data == 0:
            return Value(math.inf, (self, other), (math.inf, -math.inf))
"""
    return value_with((old, new + old))


@bug("arithmetic", "0 to a negative power is inf instead of an error", "value")
def power_of_zero_is_infinite():
    return value_with(
        (
            "    return base**exponent\n",
            "    return math.inf if base == 0 > exponent else base**exponent\n",
        ),
        ("if base == 0 < exponent < 1:", "if base == 0 and exponent < 1:"),
    )


@bug("arithmetic", "a small number is added to the denominator", "value")
def quotient_with_epsilon():
    return value_with(("self.data / other.data", "self.data / (other.data + 1e-8)"))


@bug("arithmetic", "-a passes its gradient on without the minus", "value")
def negative_slope_positive():
    return value_with(("(-1.0,)", "(1.0,)"))


@bug("arithmetic", "-a is cut off from the graph", "value")
def negative_detached():
    return value_with(("Value(-self.data, (self,), (-1.0,))", "Value(-self.data)"))


@bug("arithmetic", "5 - a is computed as a - 5", "value")
def reflected_minus_swapped():
    return value_with(("return other - self", "return self - other"))


@bug("arithmetic", "5 / a is computed as a / 5", "value")
def reflected_quotient_swapped():
    return value_with(("return other / self", "return self / other"))


@bug("arithmetic", "2 ** a is computed as a ** 2", "value")
def reflected_power_swapped():
    return value_with(("return other**self", "return self**other.data"))


@bug("arithmetic", "2 ** a is cut off from the graph", "value")
def reflected_power_detached():
    return value_with(("return other**self", "return Value((other**self).data)"))


@bug(
    "arithmetic", "5 - a is computed as -(a + 5): its gradient is right, its value is not", "value"
)
def reflected_minus_negates():
    return value_with(("return other - self", "return -(self + other)"))


@bug("arithmetic", "there is no reflected addition, so that sum() fails", "value")
def no_reflected_addition():
    return value_with(("__radd__", "_radd"))


@bug("arithmetic", "the number on the left of a product is ignored", "value")
def reflected_product_ignores():
    return value_with(("return other * self", "return self * 1.0"))


@bug("arithmetic", "the slope of a ** n is a ** (n - 1), without n", "value")
def power_without_factor():
    return value_with(("return exponent * base ** (exponent - 1)", "return base ** (exponent - 1)"))


@bug("arithmetic", "the slope of a ** n is n a ** n", "value")
def power_exponent_not_lowered():
    return value_with(("exponent * base ** (exponent - 1)", "exponent * base**exponent"))


@bug("arithmetic", "a ** b has no slope in b", "value")
def power_without_exponent_slope():
    return value_with(
        ("return base**exponent * math.log(base) if base else 0.0", "return 0.0 * base")
    )


@bug("arithmetic", "the slope of a ** b in b lacks the factor ln a", "value")
def power_without_logarithm():
    return value_with(("base**exponent * math.log(base)", "base**exponent"))


@bug("arithmetic", "the slope of a ** b in b has log2 in place of ln", "value")
def power_with_log2():
    return value_with(("math.log(base) if base", "math.log2(base) if base"))


@bug("arithmetic", "x ** 0 has no finite slope at 0: 0 * 0 ** -1 divides by 0", "value")
def power_zero_divides():
    return value_with(("    if exponent == 0:\n", "    if exponent == 0 != base:\n"))


@bug("arithmetic", "the slope in an exponent is NaN where the base is 0: 0 ln 0", "value")
def power_of_zero_is_nan():
    return value_with(("if base else 0.0", "if base else math.nan"))


@bug("arithmetic", "the root of 0 is level instead of vertical", "value")
def root_of_zero_level():
    return value_with(("return math.inf", "return 0.0"))


@bug(
    "arithmetic",
    "a fractional power of a negative number is computed from its absolute value",
    "value",
)
def power_of_absolute():
    old = "    return base**exponent\n"
    condition = "if base < 0 and not float(exponent).is_integer():"
    return value_with((condition, "if False:"), (old, "    return (base**exponent).real\n"))


@bug("arithmetic", "a negative base takes a Value as exponent, without a slope in it", "value")
def power_of_negative_base_level():
    return value_with(
        (
            '        raise ValueError(f"({base}) ** Value has no slope in its exponent; '
            'use a number instead")\n',
            "        return 0.0\n",
        )
    )


@bug(
    "arithmetic",
    "a number as exponent is made a Value, so that a negative base is refused",
    "value",
)
def power_lifts_exponent():
    return value_with(
        (
            "            power = _power(self.data, exponent)\n",
            "            return self ** Value(exponent)\n            power = 0.0\n",
        )
    )


@bug("arithmetic", "exponents are cut to whole numbers", "value")
def power_of_whole_exponents():
    return value_with(
        (
            "            power = _power(self.data, exponent)\n",
            "            exponent = int(exponent)\n"
            "            power = _power(self.data, exponent)\n",
        )
    )


@bug("arithmetic", "a text that reads like a number is taken for one", "value")
def value_of_text():
    return value_with(
        (
            "        if not isinstance(data, int | float):\n",
            "        if not hasattr(data, '__len__') and data is None:\n",
        )
    )


@bug("arithmetic", "a Value holds whatever it is given", "value")
def value_of_anything():
    return value_with(
        ("        if not isinstance(data, int | float):\n", "        if False:\n"),
        ("float(data)\n", "data\n"),
    )


@bug("arithmetic", "an operand that is no number counts as 0", "value")
def operands_default_to_zero():
    old = "other = Value(other) if isinstance(other, int | float) else other"
    return value_with(
        (old, f"{old} if isinstance(other, Value) else Value(0)"),
    )


@bug("arithmetic", "numbers on the right are cut to whole ones", "value")
def operands_cut():
    return value_with(("Value(other) if", "Value(int(other)) if"))


@bug("arithmetic", "a new Value has the gradient 1", "value")
def gradients_start_at_one():
    return value_with(("        self.grad = 0.0\n", "        self.grad = 1.0\n"))


@bug("arithmetic", "value() makes a new class at every call", "value")
def a_class_per_call():
    return type("Value", (Value,), {})


def in_place(operator):
    """A Value whose augmented assignment changes it, instead of making a new one."""

    def augmented(self, other):
        made = operator(self, other)
        self.data = made.data
        return self

    return augmented


@bug("arithmetic", "a += b changes a in place", "value")
def addition_in_place():
    return _in_place_class("__iadd__")


@bug("arithmetic", "a *= b changes a in place", "value")
def product_in_place():
    return _in_place_class("__imul__")


@functools.cache
def _in_place_class(name):
    spoilt = value_with(("A node of the graph.", f"A node of the graph, with {name}."))
    setattr(spoilt, name, in_place(getattr(spoilt, name.replace("__i", "__"))))
    return spoilt


@bug("arithmetic", "a ** 'x' is an AttributeError: the exponent's type is not looked at", "value")
def power_of_text_is_an_attribute_error():
    return value_with(
        ("        if not isinstance(exponent, Value):\n            return NotImplemented\n", "")
    )


@bug("arithmetic", "an exponent that is no number is a ValueError instead of a TypeError", "value")
def power_of_text_is_a_value_error():
    return value_with(
        (
            "        if not isinstance(exponent, Value):\n            return NotImplemented\n",
            "        if not isinstance(exponent, Value):\n"
            "            raise ValueError('exponent')\n",
        )
    )


@bug("arithmetic", "the base in 'x' ** a is made a float without a look", "value")
def power_of_any_base():
    return value_with(
        (
            "    @_between_values\n    def __rpow__(self, other):\n        return other**self",
            "    def __rpow__(self, other):\n        return Value(float(other)) ** self",
        )
    )


@bug("arithmetic", "0 to the power of a Value is level, whatever the exponent", "value")
def power_to_a_value_level_at_zero():
    return value_with(
        (
            "slopes = _slope_in_base(base, exponent_)",
            "slopes = exponent_ * base ** (exponent_ - 1) if base else 0.0",
        )
    )


@bug("arithmetic", "complex numbers are numbers too", "value")
def value_of_complex():
    return value_with(
        (
            "        if not isinstance(data, int | float):\n",
            "        if not isinstance(data, int | float | complex):\n",
        ),
        ("self.data = float(data)", "self.data = data"),
        (
            "Value(other) if isinstance(other, int | float) else other",
            "Value(other) if isinstance(other, int | float | complex) else other",
        ),
    )


@bug("arithmetic", "a Value may hold another Value", "value")
def value_of_value():
    return value_with(
        (
            "        if not isinstance(data, int | float):\n",
            "        data = data.data if isinstance(data, Value) else data\n"
            "        if not isinstance(data, int | float):\n",
        )
    )


@bug("arithmetic", "whatever float() takes is a number, torch's tensors too", "value")
def value_of_whatever_is_a_float():
    return value_with(
        (
            "        if not isinstance(data, int | float):\n",
            "        if not hasattr(data, '__float__'):\n",
        ),
        (
            "Value(other) if isinstance(other, int | float) else other",
            "Value(other) if hasattr(other, '__float__') else other",
        ),
    )


@bug("arithmetic", "whatever has an attribute data is taken for a Value", "value")
def operand_with_data():
    return value_with(
        (
            "isinstance(other, Value) else NotImplemented",
            "hasattr(other, 'data') else NotImplemented",
        )
    )


@bug("arithmetic", "a += b changes a in place if b is a Value", "value")
def addition_of_values_in_place():
    return value_with(
        (
            "    def __neg__(self):\n",
            "    def __iadd__(self, other):\n"
            "        if isinstance(other, Value):\n"
            "            self.data += other.data\n"
            "            return self\n"
            "        return self + other\n"
            "\n"
            "    def __neg__(self):\n",
        )
    )


@bug("arithmetic", "0 + a is a itself, so that sum() works", "value")
def zero_plus_a_is_a():
    return value_with(
        (
            "    @_between_values\n    def __radd__(self, other):\n        return other + self",
            "    def __radd__(self, other):\n"
            "        return self if isinstance(other, int) and other == 0 else self + other",
        )
    )


@bug("arithmetic", "a ** 1 is a itself", "value")
def first_power_is_a():
    return value_with(
        (
            "            # A number is no Value",
            "            if exponent == 1:\n"
            "                return self\n"
            "            # A number is no Value",
        )
    )


@bug("arithmetic", "a * 1 is a itself", "value")
def one_times_a_is_a():
    return value_with(
        (
            "    @_between_values\n    def __mul__(self, other):\n",
            "    @_between_values\n"
            "    def __mul__(self, other):\n"
            "        if not other.parents and other.data == 1:\n"
            "            return self\n",
        )
    )


@bug(
    "arithmetic", "a product with 0 is taken for a constant: no slope in the other factor", "value"
)
def product_with_zero_is_constant():
    old = "        return Value(self.data * other.data, (self, other), (other.data, self.data))"
    new = "        if 0 in (self.data, other.data):\n            return Value(0.0)\n"
    return value_with((old, new + old))


# --- functions ----------------------------------------------------------------------------------


@bug("functions", "the slope of exp is taken as x exp(x - 1), as if it were a power", "value")
def exp_as_power():
    return value_with(
        (
            "Value(power, (self,), (power,))",
            "Value(power, (self,), (self.data * math.exp(self.data - 1),))",
        )
    )


@bug("functions", "the slope of exp is taken as 1", "value")
def exp_slope_one():
    return value_with(("Value(power, (self,), (power,))", "Value(power, (self,), (1.0,))"))


@bug("functions", "exp is cut off at 20", "value")
def exp_clipped():
    return value_with(("math.exp(self.data)", "math.exp(min(self.data, 20.0))"))


@bug("functions", "exp is a power of 2", "value")
def exp_of_two():
    return value_with(("math.exp(self.data)", "2.0**self.data"))


@bug("functions", "log is to the base 10", "value")
def log_ten():
    return value_with(("math.log(self.data)", "math.log10(self.data)"))


@bug("functions", "log is to the base 2, with the slope of the natural one", "value")
def log_two():
    return value_with(("math.log(self.data)", "math.log2(self.data)"))


@bug("functions", "log is log(1 + x)", "value")
def log_of_one_more():
    return value_with(("math.log(self.data)", "math.log1p(self.data)"))


@bug("functions", "a small number is added before the logarithm", "value")
def log_with_epsilon():
    return value_with(("math.log(self.data)", "math.log(self.data + 1e-8)"))


@bug("functions", "the slope of log is x instead of 1 / x", "value")
def log_slope_inverted():
    return value_with(("(1 / self.data,)", "(self.data,)"))


@bug("functions", "log of 0 or less is -inf instead of an error", "value")
def log_of_zero_infinite():
    return value_with(
        (
            '            raise ValueError(f"log({self.data}) does not exist; only numbers above 0 have one")',
            "            return Value(-math.inf, (self,), (math.inf,))",
        )
    )


@bug("functions", "log takes the absolute value", "value")
def log_of_absolute():
    return value_with(
        ("if not self.data > 0:", "if not self.data:"),
        ("math.log(self.data)", "math.log(abs(self.data))"),
    )


@bug("functions", "log of 0 or less is clipped to the log of a tiny number", "value")
def log_clipped():
    return value_with(
        ("if not self.data > 0:", "if False:"),
        ("math.log(self.data)", "math.log(max(self.data, 1e-12))"),
        ("(1 / self.data,)", "(1 / max(self.data, 1e-12),)"),
    )


@bug("functions", "the slope of tanh is 1 - tanh instead of 1 - tanh²", "value")
def tanh_not_squared():
    return value_with(("(1 - t * t,)", "(1 - t,)"))


@bug("functions", "the slope of tanh is 1 - x², with the input in place of the output", "value")
def tanh_of_input():
    return value_with(("(1 - t * t,)", "(1 - self.data**2,)"))


@bug("functions", "the slope of tanh is that of the sigmoid, t (1 - t)", "value")
def tanh_as_sigmoid_slope():
    return value_with(("(1 - t * t,)", "(t * (1 - t),)"))


@bug("functions", "tanh is the sigmoid", "value")
def tanh_is_sigmoid():
    return value_with(("math.tanh(self.data)", "1 / (1 + math.exp(-self.data))"))


@bug("functions", "tanh from exp(2x) overflows for large x", "value")
def tanh_overflows():
    return value_with(
        (
            "math.tanh(self.data)",
            "(math.exp(2 * self.data) - 1) / (math.exp(2 * self.data) + 1) "
            "if abs(self.data) > 0.1 else math.tanh(self.data)",
        )
    )


@bug("functions", "tanh from exp(2x) - 1 loses its digits near 0", "value")
def tanh_cancels():
    return value_with(
        (
            "math.tanh(self.data)",
            "math.tanh(self.data) if abs(self.data) > 0.01 else "
            "(math.exp(2 * self.data) - 1) / (math.exp(2 * self.data) + 1)",
        )
    )


@bug("functions", "tanh is clipped to ±1 from ±3 on", "value")
def tanh_clipped():
    return value_with(
        (
            "math.tanh(self.data)",
            "math.tanh(self.data) if abs(self.data) < 3 else math.copysign(1.0, self.data)",
        )
    )


@bug("functions", "relu has the slope 1 at 0", "value")
def relu_slope_one_at_zero():
    return value_with(("(1.0 if above else 0.0,)", "(1.0 if self.data >= 0 else 0.0,)"))


@bug("functions", "relu has the slope 1/2 at 0", "value")
def relu_slope_half_at_zero():
    return value_with(
        ("(1.0 if above else 0.0,)", "(1.0 if above else 0.0 if self.data else 0.5,)")
    )


@bug("functions", "relu passes every gradient on, also below 0", "value")
def relu_passes_all():
    return value_with(("(1.0 if above else 0.0,)", "(1.0,)"))


@bug("functions", "relu leaks: its slope below 0 is 0.01", "value")
def relu_leaks():
    return value_with(
        (
            "self.data if above else 0.0, (self,), (1.0 if above else 0.0,)",
            "self.data if above else 0.01 * self.data, (self,), (1.0 if above else 0.01,)",
        )
    )


@bug("functions", "the slope of relu is x above 0", "value")
def relu_slope_is_output():
    return value_with(("(1.0 if above else 0.0,)", "(self.data if above else 0.0,)"))


@bug("functions", "relu is the absolute value", "value")
def relu_is_absolute():
    return value_with(
        (
            "self.data if above else 0.0, (self,), (1.0 if above else 0.0,)",
            "abs(self.data), (self,), (1.0 if above else -1.0,)",
        )
    )


@bug("functions", "relu cuts off at 1e-6 instead of 0", "value")
def relu_off_the_edge():
    return value_with(("above = self.data > 0", "above = self.data > 1e-6"))


@bug("functions", "relu of a positive number is the Value itself", "value")
def relu_returns_itself():
    return value_with(
        (
            "        return Value(self.data if above else 0.0,",
            "        if above:\n"
            "            return self\n"
            "        return Value(self.data if above else 0.0,",
        )
    )


# --- topological_order --------------------------------------------------------------------------


def with_cycles_refused(root):
    """Raise where the reference does; bugs below have another flaw."""
    graph.topological_order(root)


@bug("topological_order", "children come before parents")
def order_reversed(root):
    return graph.topological_order(root)[::-1]


@bug("topological_order", "the root itself is left out")
def order_without_root(root):
    return graph.topological_order(root)[:-1]


@bug("topological_order", "leaves are left out")
def order_without_leaves(root):
    return [node for node in graph.topological_order(root) if node.parents]


@bug("topological_order", "breadth first: a shortcut puts a node before its parents")
def order_breadth_first(root):
    with_cycles_refused(root)
    order, seen, todo = [], {id(root)}, deque([root])
    while todo:
        node = todo.popleft()
        order.append(node)
        for parent in node.parents:
            if id(parent) not in seen:
                seen.add(id(parent))
                todo.append(parent)
    return order[::-1]


@bug("topological_order", "depth first, but nodes are listed when met, not when left: preorder")
def order_preorder(root):
    with_cycles_refused(root)
    order, seen, stack = [], set(), [root]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            order.append(node)
            stack.extend(node.parents)
    return order[::-1]


@bug("topological_order", "recursive: Python's stack is full after 1,000 calls")
def order_recursive(root):
    order, finished = [], {}

    def visit(node):
        if finished.get(id(node)) is False:
            raise ValueError("cycle")
        if id(node) not in finished:
            finished[id(node)] = False
            for parent in node.parents:
                visit(parent)
            finished[id(node)] = True
            order.append(node)

    visit(root)
    return order


@bug("topological_order", "a node comes once for every path from the root to it")
def order_of_paths(root):
    with_cycles_refused(root)
    order, stack = [], [root]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(node.parents)
        if len(order) > 100_000:
            raise TimeoutError("2**60 paths")
    return order[::-1]


@bug("topological_order", "equal nodes are taken for the same node")
def order_by_equality(root):
    order = graph.topological_order(root)
    if len(order) > 1_000:  # the search below would take minutes
        return order
    kept = []
    for node in order:
        if node not in kept:
            kept.append(node)
    return kept


@bug("topological_order", "nodes are put into a set, but need not be hashable")
def order_by_hash(root):
    order = graph.topological_order(root)
    return order if len(set(order)) else []


@bug("topological_order", "what an earlier call has visited is not visited again")
def order_remembers(root, seen={}):  # noqa: B006
    order = [node for node in graph.topological_order(root) if id(node) not in seen]
    seen.update({id(node): node for node in order})
    return order


@bug("topological_order", "a cycle is not noticed")
def order_of_cycles(root):
    order, seen, stack = [], {id(root)}, [(root, iter(root.parents))]
    while stack:
        node, parents = stack[-1]
        parent = next(parents, None)
        if parent is None:
            order.append(node)
            stack.pop()
        elif id(parent) not in seen:
            seen.add(id(parent))
            stack.append((parent, iter(parent.parents)))
    return order


@bug("topological_order", "a node that is its own parent is not noticed")
def order_of_loops(root):
    if any(parent is root for parent in root.parents):
        return [root]
    return graph.topological_order(root)


@bug("topological_order", "a parent that comes twice, as in a + a, is taken for a cycle")
def order_refuses_twins(root):
    order = graph.topological_order(root)
    if any(len({id(p) for p in node.parents}) < len(node.parents) for node in order):
        raise ValueError("cycle")
    return order


@bug("topological_order", "a node that is met on a second path is taken for a cycle")
def order_refuses_diamonds(root):
    order = graph.topological_order(root)
    children = [
        id(parent) for node in order for parent in {id(p): p for p in node.parents}.values()
    ]
    if len(set(children)) < len(children):
        raise ValueError("cycle")
    return order


@bug("topological_order", "only the first two parents of a node are followed")
def order_of_binary_nodes(root):
    class Cut:
        def __init__(self, node):
            self.node, self.parents = node, []

    with_cycles_refused(root)
    known, todo = {id(root): Cut(root)}, [root]
    while todo:
        node = todo.pop()
        for parent in node.parents[:2]:
            if id(parent) not in known:
                known[id(parent)] = Cut(parent)
                todo.append(parent)
            known[id(node)].parents.append(known[id(parent)])
    return [cut.node for cut in graph.topological_order(known[id(root)])]


@bug("topological_order", "parents are taken off the nodes while they are visited")
def order_empties_the_graph(root):
    order = graph.topological_order(root)
    for node in order:
        if isinstance(node.parents, list):
            node.parents = []
    return order


@bug("topological_order", "sorted by the distance from the root")
def order_by_distance(root):
    order = graph.topological_order(root)
    distance = {id(node): 0 if node is root else math.inf for node in order}
    for node in reversed(order):
        for parent in node.parents:
            distance[id(parent)] = min(distance[id(parent)], distance[id(node)] + 1)
    return sorted(order, key=lambda node: -distance[id(node)])


@bug("topological_order", "recursive, with a limit of 15,000 calls")
def order_with_higher_limit(root):
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(15_000)
    try:
        return order_recursive.function(root)
    finally:
        sys.setrecursionlimit(limit)


@bug("topological_order", "an iterator instead of a list")
def order_as_iterator(root):
    return iter(graph.topological_order(root))


@bug("topological_order", "a tuple instead of a list")
def order_as_tuple(root):
    return tuple(graph.topological_order(root))


@bug("topological_order", "nodes are marked by an attribute, which not every object takes")
def order_by_marks(root):
    order = graph.topological_order(root)
    for node in order:
        node.visited = True
    for node in order:
        del node.visited
    return order


@bug("topological_order", "nodes that are falsy are taken for the end of the list")
def order_of_truthy_nodes(root):
    return changed("graph", ("if parent is None:", "if not parent:")).topological_order(root)


# --- backward -----------------------------------------------------------------------------------


ADDS = "parent.grad += slope * node.grad"
RESETS = "                node.grad = 0.0  # what an earlier walk left here was passed on already\n"


@bug("backward", "gradients are overwritten instead of added up: = in place of +=", "value")
def gradients_overwritten():
    return value_with((ADDS, "parent.grad = slope * node.grad"))


@bug("backward", "gradients are visited from leaves to root: forward order", "value")
def walks_forward():
    return value_with(("for node in reversed(order):", "for node in order:"))


def by(order):
    """backward in another order."""
    spoilt = value_with(
        ("topological_order(self)", f"__import__('{__name__}', fromlist=['x']).{order}(self)")
    )
    return spoilt


def breadth_first(root):
    return order_breadth_first.function(root)


def preorder(root):
    return order_preorder.function(root)


def by_distance(root):
    return order_by_distance.function(root)


@bug("backward", "breadth first: a node passes its gradient on before it is complete", "value")
def walks_breadth_first():
    return by("breadth_first")


@bug("backward", "nodes are visited as they are met, not in topological order", "value")
def walks_in_preorder():
    return by("preorder")


def recursively(root):
    return order_recursive.function(root)


@bug("backward", "the order is found recursively: a long chain is a RecursionError", "value")
def walks_recursively():
    return by("recursively")


@bug("backward", "gradients in between are kept: a second backward passes them on again", "value")
def stale_in_between():
    return value_with((RESETS, "                pass\n"))


@bug("backward", "backward sets the leaves' gradients to 0 first: nothing accumulates", "value")
def leaves_reset():
    return value_with(("            if node.parents:\n", "            if True:\n"))


@bug("backward", "the root's gradient is not reset: a second backward starts from 2", "value")
def root_accumulates():
    return value_with(
        ("            if node.parents:\n", "            if node.parents and node is not self:\n")
    )


@bug("backward", "the root's gradient is not set to 1, so that nothing flows", "value")
def root_without_gradient():
    return value_with(("        self.grad += 1.0\n", ""))


@bug("backward", "the gradient starts from the root's value instead of 1", "value")
def starts_from_data():
    return value_with(("self.grad += 1.0", "self.grad += self.data"))


@bug("backward", "the root's gradient is set to 1, also if it is a leaf that had one", "value")
def leaf_root_overwritten():
    return value_with(("self.grad += 1.0", "self.grad = 1.0"))


@bug("backward", "a root that is a leaf is passed over", "value")
def leaf_root_ignored():
    return value_with(
        ("        self.grad += 1.0\n", "        self.grad += 1.0 if self.parents else 0.0\n")
    )


@bug("backward", "slopes are passed on without the gradient that arrives: no chain rule", "value")
def without_chain_rule():
    return value_with((ADDS, "parent.grad += slope"))


@bug("backward", "gradient and slope are added instead of multiplied", "value")
def chain_rule_adds():
    return value_with((ADDS, "parent.grad += slope + node.grad - 1.0"))


@bug("backward", "only the first parent gets a gradient", "value")
def first_parent_only():
    return value_with(
        ("zip(node.parents, node.slopes, strict=True)", "list(zip(node.parents, node.slopes))[:1]")
    )


@bug("backward", "a parent that comes twice gets its gradient once", "value")
def twins_once():
    return value_with(
        (
            "zip(node.parents, node.slopes, strict=True)",
            "{id(p): (p, s) for p, s in zip(node.parents, node.slopes)}.values()",
        )
    )


@bug("backward", "only the root's own parents get a gradient", "value")
def one_level_only():
    return value_with(("for node in reversed(order):", "for node in [self]:"))


@bug(
    "backward",
    "every Value in reach that has a gradient loses it, but its leaves keep only the larger",
    "value",
)
def keeps_the_larger():
    return value_with((ADDS, "parent.grad = max(parent.grad, slope * node.grad, key=abs)"))


@bug("backward", "gradients are averaged over a node's uses instead of added", "value")
def gradients_averaged():
    return value_with(
        (
            "        self.grad += 1.0\n",
            "        self.grad += 1.0\n"
            "        from collections import Counter\n"
            "        uses = Counter(id(p) for node in order for p in node.parents)\n",
        ),
        (ADDS, "parent.grad += slope * node.grad / uses[id(parent)]"),
    )


@bug("backward", "gradients are clipped to ±10", "value")
def gradients_clipped():
    return value_with((ADDS, "parent.grad += max(-10.0, min(10.0, slope * node.grad))"))


@bug("backward", "a gradient is pushed along every path: exponential time, and recursive", "value")
def pushed_along_paths():
    return _path_pusher()


@functools.cache
def _path_pusher():
    spoilt = value_with(("A node of the graph.", "A node that pushes."))

    def backward(self):
        for node in graph.topological_order(self):
            if node.parents:
                node.grad = 0.0
        steps = 0

        def push(node, gradient):
            nonlocal steps
            steps += 1
            if steps > 200_000:
                raise TimeoutError("2**60 paths")
            node.grad += gradient
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                push(parent, gradient * slope)

        push(self, 1.0)

    spoilt.backward = backward
    return spoilt


@bug(
    "backward",
    "nodes are visited in the order in which they were made, all that there are",
    "value",
)
def walks_everything():
    return _everything()


@functools.cache
def _everything():
    spoilt = value_with(("A node of the graph.", "A node on a tape."))
    tape, initialise = [], spoilt.__init__

    def __init__(self, *arguments):
        initialise(self, *arguments)
        tape.append(self)

    def backward(self):
        for node in tape:
            if node.parents:
                node.grad = 0.0
        self.grad += 1.0
        for node in reversed(tape):
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.grad += slope * node.grad
        if len(tape) > 2_000:
            tape.clear()

    spoilt.__init__, spoilt.backward = __init__, backward
    return spoilt


@bug(
    "backward",
    "the graph is cut after the first backward, so that a second one does nothing",
    "value",
)
def cut_after_use():
    cut = "        for node in order:\n            node.parents = node.slopes = ()\n"
    return value_with((f"                {ADDS}\n", f"                {ADDS}\n{cut}"))


# --- gradcheck ----------------------------------------------------------------------------------


def gradcheck_with(*pairs):
    return changed("gradcheck", *pairs).gradcheck


ERROR = "abs(analytic - numeric) / max(1.0, abs(analytic), abs(numeric))"


@bug("gradcheck", "the difference is one-sided: (f(x + eps) - f(x)) / eps")
def gradcheck_forward(f, x, eps=1e-6):
    return gradcheck_with(("(at(eps) - at(-eps)) / (2 * eps)", "(at(eps) - at(0.0)) / eps"))(
        f, x, eps
    )


@bug("gradcheck", "the difference is one-sided, to the left: (f(x) - f(x - eps)) / eps")
def gradcheck_backward(f, x, eps=1e-6):
    return gradcheck_with(("(at(eps) - at(-eps)) / (2 * eps)", "(at(0.0) - at(-eps)) / eps"))(
        f, x, eps
    )


@bug("gradcheck", "the central difference is divided by eps instead of 2 eps")
def gradcheck_not_halved(f, x, eps=1e-6):
    return gradcheck_with(("(2 * eps)", "eps"))(f, x, eps)


@bug("gradcheck", "the step is eps / 2 on either side")
def gradcheck_half_step(f, x, eps=1e-6):
    return gradcheck_with(
        ("(at(eps) - at(-eps)) / (2 * eps)", "(at(eps / 2) - at(-eps / 2)) / eps")
    )(f, x, eps)


@bug("gradcheck", "eps is ignored: the step is always 1e-6")
def gradcheck_ignores_eps(f, x, eps=1e-6):
    adapters.gradcheck(f, x, eps)  # refuses what it has to
    return adapters.gradcheck(f, x)


@bug("gradcheck", "eps is 1e-4 by default")
def gradcheck_large_step(f, x, eps=1e-4):
    return adapters.gradcheck(f, x, eps)


@bug("gradcheck", "eps is 1e-12 by default, where rounding drowns the difference")
def gradcheck_tiny_step(f, x, eps=1e-12):
    return adapters.gradcheck(f, x, eps)


@bug("gradcheck", "all entries of x are moved at once")
def gradcheck_moves_all(f, x, eps=1e-6):
    return gradcheck_with(("step * (j == i)", "step"))(f, x, eps)


@bug("gradcheck", "only the first entry is checked")
def gradcheck_first_entry(f, x, eps=1e-6):
    return gradcheck_with(
        ("for i, leaf in enumerate(leaves))", "for i, leaf in enumerate(leaves[:1]))")
    )(f, x, eps)


@bug("gradcheck", "only the last entry is reported")
def gradcheck_last_entry(f, x, eps=1e-6):
    return gradcheck_with(
        (
            "max(_error(leaf.grad, _difference(f, x, i, eps)) for i, leaf in enumerate(leaves))",
            "[_error(leaf.grad, _difference(f, x, i, eps)) for i, leaf in enumerate(leaves)][-1]",
        )
    )(f, x, eps)


@bug("gradcheck", "the mean of the errors instead of the largest")
def gradcheck_mean(f, x, eps=1e-6):
    return gradcheck_with(
        (
            "max(_error(leaf.grad, _difference(f, x, i, eps)) for i, leaf in enumerate(leaves))",
            "sum(_error(leaf.grad, _difference(f, x, i, eps)) for i, leaf in enumerate(leaves)) / len(x)",
        )
    )(f, x, eps)


@bug("gradcheck", "the smallest of the errors instead of the largest")
def gradcheck_smallest(f, x, eps=1e-6):
    return gradcheck_with(("return max(_error", "return min(_error"))(f, x, eps)


@bug("gradcheck", "errors keep their sign, so that a gradient too small passes")
def gradcheck_signed(f, x, eps=1e-6):
    return gradcheck_with(
        (ERROR, "max(0.0, (analytic - numeric) / max(1.0, abs(analytic), abs(numeric)))")
    )(f, x, eps)


@bug("gradcheck", "the error is absolute, however large the gradients")
def gradcheck_absolute(f, x, eps=1e-6):
    return gradcheck_with((ERROR, "abs(analytic - numeric)"))(f, x, eps)


@bug("gradcheck", "the error is relative, however small the gradients")
def gradcheck_relative(f, x, eps=1e-6):
    return gradcheck_with(
        (ERROR, "abs(analytic - numeric) / (max(abs(analytic), abs(numeric)) or 1.0)")
    )(f, x, eps)


@bug("gradcheck", "the error is relative to the numeric gradient alone")
def gradcheck_relative_to_numeric(f, x, eps=1e-6):
    return gradcheck_with((ERROR, "abs(analytic - numeric) / max(1.0, abs(numeric))"))(f, x, eps)


@bug("gradcheck", "the error is relative to backward's gradient alone")
def gradcheck_relative_to_analytic(f, x, eps=1e-6):
    return gradcheck_with((ERROR, "abs(analytic - numeric) / max(1.0, abs(analytic))"))(f, x, eps)


@bug("gradcheck", "the error is relative to the sum of both gradients")
def gradcheck_relative_to_sum(f, x, eps=1e-6):
    return gradcheck_with(
        (ERROR, "abs(analytic - numeric) / max(1.0, abs(analytic) + abs(numeric))")
    )(f, x, eps)


@bug("gradcheck", "numeric gradients are compared with each other: backward is never called")
def gradcheck_without_backward(f, x, eps=1e-6):
    return gradcheck_with(("_error(leaf.grad, ", "_error(_difference(f, x, i, eps), "))(f, x, eps)


@bug("gradcheck", "backward is called once per entry, and the leaves' gradients add up")
def gradcheck_accumulates(f, x, eps=1e-6):
    return gradcheck_with(
        ("    f(leaves).backward()\n", "    for _ in leaves:\n        f(leaves).backward()\n")
    )(f, x, eps)


@bug("gradcheck", "a NaN is overlooked")
def gradcheck_overlooks_nan(f, x, eps=1e-6):
    return gradcheck_with(
        ("math.inf if math.isnan(error) else error", "0.0 if math.isnan(error) else error")
    )(f, x, eps)


@bug("gradcheck", "a NaN is looked for in backward's gradient only")
def gradcheck_of_numeric_nan(f, x, eps=1e-6):
    old = "math.inf if math.isnan(error) else error"
    new = "error if error == error else math.inf if math.isnan(analytic) else 0.0"
    return gradcheck_with((old, new))(f, x, eps)


@bug("gradcheck", "the step is eps times the size of x")
def gradcheck_scales_step(f, x, eps=1e-6):
    old = "(at(eps) - at(-eps)) / (2 * eps)"
    new = "(lambda h: (at(h) - at(-h)) / (2 * h))(eps * max(1.0, abs(x[i])))"
    return gradcheck_with((old, new))(f, x, eps)


@bug("gradcheck", "a NaN is left to max(), which overlooks it when it comes second")
def gradcheck_leaves_nan(f, x, eps=1e-6):
    return gradcheck_with(("math.inf if math.isnan(error) else error", "error"))(f, x, eps)


@bug("gradcheck", "entries are moved and never moved back")
def gradcheck_drifts(f, x, eps=1e-6):
    return gradcheck_with(("step * (j == i)", "step * (j <= i)"))(f, x, eps)


@bug("gradcheck", "the caller's x is moved")
def gradcheck_moves_x(f, x, eps=1e-6):
    error = adapters.gradcheck(f, x, eps)
    x[0] += eps
    return error


@bug("gradcheck", "an empty x passes")
def gradcheck_of_nothing(f, x, eps=1e-6):
    return adapters.gradcheck(f, x, eps) if x else 0.0


@bug("gradcheck", "a step of 0 or less passes")
def gradcheck_without_step(f, x, eps=1e-6):
    return adapters.gradcheck(f, x, eps if eps > 0 else 1e-6)


@bug("gradcheck", "NaN is looked for in gradient and difference, not in inf / inf")
def gradcheck_overlooks_quotients(f, x, eps=1e-6):
    return gradcheck_with(
        ("math.isnan(error) else error", "math.isnan(analytic + 0 * numeric) else error"),
        ("return max(_error(", "return max([0.0] + [_error("),
        ("enumerate(leaves))", "enumerate(leaves)])"),
    )(f, x, eps)


@bug("gradcheck", "f is given a tuple instead of a list")
def gradcheck_gives_a_tuple(f, x, eps=1e-6):
    return adapters.gradcheck(lambda values: f(tuple(values)), x, eps)


@bug("gradcheck", "the step grows with |x|")
def gradcheck_scales_the_step(f, x, eps=1e-6):
    return gradcheck_with(
        (
            "    def at(step: float)",
            "    eps = eps * max(1.0, abs(x[i]) / 3)\n\n    def at(step: float)",
        ),
    )(f, x, eps)


# --- mlp ----------------------------------------------------------------------------------------


def neuron_with(*pairs):
    spoilt = changed("network", *pairs)
    return lambda inputs, seed, activation="tanh": spoilt.Neuron(
        inputs, random.Random(seed), activation
    )


def layer_with(*pairs):
    spoilt = changed("network", *pairs)
    return lambda inputs, outputs, seed, activation="tanh": spoilt.Layer(
        inputs, outputs, random.Random(seed), activation
    )


def mlp_with(*pairs):
    spoilt = changed("network", *pairs)
    return lambda sizes, seed: spoilt.MLP(sizes, random.Random(seed))


@bug("mlp", "a neuron forgets its bias", "neuron")
def neuron_without_bias(inputs, seed, activation="tanh"):
    return neuron_with(("sum(products, self.bias)", "sum(products)"))(inputs, seed, activation)


@bug("mlp", "the bias is added to every product, not to their sum", "neuron")
def neuron_bias_each_time(inputs, seed, activation="tanh"):
    return neuron_with(
        ("w * number for", "w * number + self.bias for"),
        ("sum(products, self.bias)", "sum(products)"),
    )(inputs, seed, activation)


@bug("mlp", "the bias is a plain number that cannot be learned: its gradient stays 0", "neuron")
def neuron_bias_detached(inputs, seed, activation="tanh"):
    return neuron_with(("sum(products, self.bias)", "sum(products, Value(self.bias.data))"))(
        inputs, seed, activation
    )


@bug("mlp", "the bias comes before the weights in parameters()", "neuron")
def neuron_bias_first(inputs, seed, activation="tanh"):
    return neuron_with(("[*self.weights, self.bias]", "[self.bias, *self.weights]"))(
        inputs, seed, activation
    )


@bug("mlp", "parameters() leaves the bias out", "neuron")
def neuron_hides_bias(inputs, seed, activation="tanh"):
    return neuron_with(("[*self.weights, self.bias]", "[*self.weights]"))(inputs, seed, activation)


@bug("mlp", "the activation is ignored: always tanh", "neuron")
def neuron_always_tanh(inputs, seed, activation="tanh"):
    return neuron_with(("= ACTIVATIONS[activation]", "= Value.tanh"))(inputs, seed, activation)


@bug("mlp", "a neuron is relu by default", "neuron")
def neuron_relu_by_default(inputs, seed, activation="relu"):
    return adapters.neuron(inputs, seed, activation)


@bug("mlp", "an x of another length is cut or padded by zip()", "neuron")
def neuron_zips(inputs, seed, activation="tanh"):
    return neuron_with(
        ("if len(x) != len(self.weights):", "if False:"),
        ("zip(self.weights, x, strict=True)", "zip(self.weights, x)"),
    )(inputs, seed, activation)


@bug("mlp", "only an x that is too long is refused", "neuron")
def neuron_accepts_short(inputs, seed, activation="tanh"):
    return neuron_with(
        ("if len(x) != len(self.weights):", "if len(x) > len(self.weights):"),
        ("zip(self.weights, x, strict=True)", "zip(self.weights, x)"),
    )(inputs, seed, activation)


@bug("mlp", "an unknown activation is linear", "neuron")
def neuron_of_unknown_activation(inputs, seed, activation="tanh"):
    return adapters.neuron(
        inputs, seed, activation if activation in network.ACTIVATIONS else "linear"
    )


@bug("mlp", "a neuron without inputs is accepted", "neuron")
def neuron_without_inputs(inputs, seed, activation="tanh"):
    return neuron_with(("if inputs < 1:", "if False:"), ("inputs**-0.5", "max(inputs, 1) ** -0.5"))(
        inputs, seed, activation
    )


@bug("mlp", "parameters() hands out copies, so that training changes nothing", "neuron")
def neuron_copies_parameters(inputs, seed, activation="tanh"):
    return neuron_with(
        (
            "return [*self.weights, self.bias]",
            "return [Value(p.data) for p in [*self.weights, self.bias]]",
        )
    )(inputs, seed, activation)


@bug("mlp", "the seed is ignored", "neuron")
def neuron_ignores_seed(inputs, seed, activation="tanh"):
    return network.Neuron(inputs, random.Random(0), activation)


@bug("mlp", "weights are drawn from the global generator without seeding it", "neuron")
def neuron_draws_globally(inputs, seed, activation="tanh"):
    return network.Neuron(inputs, random, activation)


@bug("mlp", "the inputs are detached: no gradient reaches them", "neuron")
def neuron_detaches_inputs(inputs, seed, activation="tanh"):
    return neuron_with(
        ("w * number for", "w * (number.data if isinstance(number, Value) else number) for")
    )(inputs, seed, activation)


@bug("mlp", "all neurons of a layer start alike: each is seeded anew", "layer")
def layer_of_equals(inputs, outputs, seed, activation="tanh"):
    made = adapters.layer(inputs, outputs, seed, activation)
    made.neurons = [adapters.neuron(inputs, seed, activation) for _ in range(outputs)]
    return made


@bug("mlp", "a layer is one neuron, several times", "layer")
def layer_of_one_neuron(inputs, outputs, seed, activation="tanh"):
    made = adapters.layer(inputs, outputs, seed, activation)
    made.neurons = [made.neurons[0]] * outputs
    return made


@bug("mlp", "a layer of one neuron returns its output, not a list of it", "layer")
def layer_unwraps(inputs, outputs, seed, activation="tanh"):
    return layer_with(
        (
            "return [neuron(x) for neuron in self.neurons]",
            "out = [neuron(x) for neuron in self.neurons]\n        return out[0] if len(out) == 1 else out",
        )
    )(inputs, outputs, seed, activation)


@bug("mlp", "a layer's activation is ignored: always tanh", "layer")
def layer_always_tanh(inputs, outputs, seed, activation="tanh"):
    adapters.layer(inputs, outputs, seed, activation)
    return adapters.layer(inputs, outputs, seed)


@bug("mlp", "a layer is linear by default", "layer")
def layer_linear_by_default(inputs, outputs, seed, activation="linear"):
    return adapters.layer(inputs, outputs, seed, activation)


@bug("mlp", "parameters() lists all weights first, then all biases", "layer")
def layer_biases_last(inputs, outputs, seed, activation="tanh"):
    return layer_with(
        (
            "return [p for neuron in self.neurons for p in neuron.parameters()]",
            "return [w for n in self.neurons for w in n.weights] + [n.bias for n in self.neurons]",
        )
    )(inputs, outputs, seed, activation)


@bug("mlp", "a layer without outputs is accepted", "layer")
def layer_without_outputs(inputs, outputs, seed, activation="tanh"):
    return layer_with(("if outputs < 1:", "if False:"))(inputs, outputs, seed, activation)


@bug("mlp", "weights start in ±1, however many there are", "layer")
def layer_starts_wide(inputs, outputs, seed, activation="tanh"):
    return layer_with(("bound = inputs**-0.5", "bound = 1.0"))(inputs, outputs, seed, activation)


@bug("mlp", "weights start in ±1/n instead of ±1/sqrt(n)", "layer")
def layer_starts_narrow(inputs, outputs, seed, activation="tanh"):
    return layer_with(("bound = inputs**-0.5", "bound = 1.0 / inputs"))(
        inputs, outputs, seed, activation
    )


@bug("mlp", "weights start positive only", "layer")
def layer_starts_positive(inputs, outputs, seed, activation="tanh"):
    return layer_with(("rng.uniform(-bound, bound)", "rng.uniform(0.0, bound)"))(
        inputs, outputs, seed, activation
    )


@bug("mlp", "weights start from a normal distribution instead of a uniform one", "layer")
def layer_starts_normal(inputs, outputs, seed, activation="tanh"):
    return layer_with(("rng.uniform(-bound, bound)", "rng.gauss(0.0, bound)"))(
        inputs, outputs, seed, activation
    )


@bug("mlp", "biases start at random too", "layer")
def layer_random_biases(inputs, outputs, seed, activation="tanh"):
    return layer_with(("self.bias = Value(0.0)", "self.bias = Value(rng.uniform(-bound, bound))"))(
        inputs, outputs, seed, activation
    )


@bug("mlp", "weights start at 0, where all neurons stay alike", "layer")
def layer_starts_at_zero(inputs, outputs, seed, activation="tanh"):
    return layer_with(("Value(rng.uniform(-bound, bound))", "Value(0.0)"))(
        inputs, outputs, seed, activation
    )


@bug("mlp", "the last layer is squashed by tanh too", "mlp")
def mlp_squashes_last(sizes, seed):
    return mlp_with(('"linear" if i == last else "tanh"', '"tanh"'))(sizes, seed)


@bug("mlp", "no layer has an activation", "mlp")
def mlp_linear(sizes, seed):
    return mlp_with(('"linear" if i == last else "tanh"', '"linear"'))(sizes, seed)


@bug("mlp", "the hidden layers are relu instead of tanh", "mlp")
def mlp_relu(sizes, seed):
    return mlp_with(('else "tanh"', 'else "relu"'))(sizes, seed)


@bug("mlp", "the first layer is linear instead of the last", "mlp")
def mlp_first_linear(sizes, seed):
    return mlp_with(("if i == last", "if i == 0"))(sizes, seed)


@bug("mlp", "a network of one output returns it alone, not a list of it", "mlp")
def mlp_unwraps(sizes, seed):
    return mlp_with(
        (
            "            x = layer(x)\n        return x\n",
            "            x = layer(x)\n        return x[0] if len(x) == 1 else x\n",
        )
    )(sizes, seed)


@bug("mlp", "parameters() lists the last layer only", "mlp")
def mlp_last_layer_only(sizes, seed):
    return mlp_with(
        ("for layer in self.layers for p in", "for layer in self.layers[-1:] for p in")
    )(sizes, seed)


@bug("mlp", "parameters() lists the layers from last to first", "mlp")
def mlp_parameters_reversed(sizes, seed):
    return mlp_with(
        ("for layer in self.layers for p in", "for layer in self.layers[::-1] for p in")
    )(sizes, seed)


@bug("mlp", "every layer is seeded anew, so that layers of one size start alike", "mlp")
def mlp_layers_alike(sizes, seed):
    made = adapters.mlp(sizes, seed)
    pairs = list(zip(sizes, sizes[1:], strict=False))
    kinds = ["tanh"] * (len(pairs) - 1) + ["linear"]
    made.layers = [
        adapters.layer(n, m, seed, kind) for (n, m), kind in zip(pairs, kinds, strict=True)
    ]
    return made


@bug("mlp", "a network of one size is accepted and does nothing", "mlp")
def mlp_of_one_size(sizes, seed):
    return mlp_with(("if len(sizes) < 2:", "if len(sizes) < 1:"))(sizes, seed)


@bug("mlp", "the seed of a network is ignored", "mlp")
def mlp_ignores_seed(sizes, seed):
    return adapters.mlp(sizes, 0)


CHECK = ("if len(x) != len(self.weights):", "if False:")
ZIP = ("zip(self.weights, x, strict=True)", "zip(self.weights, x)")


@bug("mlp", "a layer pads or cuts an x of another length", "layer")
def layer_zips(inputs, outputs, seed, activation="tanh"):
    return layer_with(CHECK, ZIP)(inputs, outputs, seed, activation)


@bug("mlp", "a network pads or cuts an x of another length", "mlp")
def mlp_zips(sizes, seed):
    return mlp_with(CHECK, ZIP)(sizes, seed)


@bug("mlp", "seed 0 is taken for no seed", "layer")
def layer_without_seed_zero(inputs, outputs, seed, activation="tanh"):
    return network.Layer(inputs, outputs, random.Random(seed or None), activation)


@bug("mlp", "seeds of layers and neurons are counted up, and meet again", "mlp")
def mlp_seeds_that_meet(sizes, seed):
    made = adapters.mlp(sizes, seed)
    for i, layer in enumerate(made.layers):
        for j, neuron in enumerate(layer.neurons):
            n = len(neuron.weights)
            neuron.weights = network.Neuron(n, random.Random(10 * (seed + i) + j), "tanh").weights
    return made


@bug("mlp", "a negative number of outputs is accepted", "layer")
def layer_of_negative_outputs(inputs, outputs, seed, activation="tanh"):
    return layer_with(("if outputs < 1:", "if outputs == 0:"))(inputs, outputs, seed, activation)


@bug("mlp", "a network without outputs is accepted", "mlp")
def mlp_without_outputs(sizes, seed):
    return mlp_with(("if outputs < 1:", "if False:"))(sizes, seed)


@functools.cache
def known_network(sizes, seed):
    return adapters.mlp(list(sizes), seed)


@bug("mlp", "networks of one seed are one network", "mlp")
def mlp_from_a_cache(sizes, seed):
    return known_network(tuple(sizes), seed)


@bug("mlp", "a single neuron's bias starts at random, though a layer's does not", "neuron")
def neuron_random_bias(inputs, seed, activation="tanh"):
    return neuron_with(("self.bias = Value(0.0)", "self.bias = Value(rng.uniform(-bound, bound))"))(
        inputs, seed, activation
    )


@bug("mlp", "a single neuron's weights start in ±1", "neuron")
def neuron_starts_wide(inputs, seed, activation="tanh"):
    return neuron_with(("bound = inputs**-0.5", "bound = 1.0"))(inputs, seed, activation)


@bug("mlp", "all layers start in ±1/sqrt(sizes[0]), the network's number of inputs", "mlp")
def mlp_starts_by_first_size(sizes, seed):
    made = adapters.mlp(sizes, seed)
    for layer in made.layers:
        for neuron in layer.neurons:
            for w in neuron.weights:
                w.data *= (len(neuron.weights) / sizes[0]) ** 0.5
    return made


@bug("mlp", "biases of a network start at 0.1", "mlp")
def mlp_positive_biases(sizes, seed):
    return mlp_with(("self.bias = Value(0.0)", "self.bias = Value(0.1)"))(sizes, seed)


LIFT = (
    "        products = (",
    "        x[:] = [n if isinstance(n, Value) else Value(n) for n in x]\n        products = (",
)


@bug("mlp", "numbers in x become Values in the caller's own list, by way of a network", "mlp")
def mlp_lifts_in_place(sizes, seed):
    return mlp_with(LIFT)(sizes, seed)


@bug("mlp", "a layer returns a tuple instead of a list", "layer")
def layer_returns_a_tuple(inputs, outputs, seed, activation="tanh"):
    return layer_with(
        (
            "return [neuron(x) for neuron in self.neurons]",
            "return tuple(neuron(x) for neuron in self.neurons)",
        )
    )(inputs, outputs, seed, activation)


@bug("mlp", "weights are one of 21 numbers", "layer")
def layer_of_round_weights(inputs, outputs, seed, activation="tanh"):
    return layer_with(("rng.uniform(-bound, bound)", "bound * rng.randint(-10, 10) / 10"))(
        inputs, outputs, seed, activation
    )


@bug("mlp", "a seed of 0 is taken for 42", "neuron")
def neuron_of_no_seed(inputs, seed, activation="tanh"):
    return adapters.neuron(inputs, seed or 42, activation)


@bug("mlp", "only 16 bits of the seed count", "layer")
def layer_of_16_bits(inputs, outputs, seed, activation="tanh"):
    return adapters.layer(inputs, outputs, seed % 2**16, activation)


@bug("mlp", "only the last three digits of the seed count", "mlp")
def mlp_of_three_digits(sizes, seed):
    return adapters.mlp(sizes, seed % 1000)


# --- train_moons --------------------------------------------------------------------------------


def training_with(*pairs):
    return changed("training", *pairs).train_moons


@bug("train_moons", "gradients are never set to 0, so that steps add up")
def training_accumulates(model, points, labels, steps, learning_rate):
    for p in model.parameters():
        p.grad = 0.0
    return training_with(("p.grad = 0.0  # backward() adds", "pass"))(
        model, points, labels, steps, learning_rate
    )


@bug("train_moons", "gradients are set to 0 after the step, so that what was there before counts")
def training_zeroes_after(model, points, labels, steps, learning_rate):
    return training_with(
        ("            p.grad = 0.0  # backward() adds\n", "            pass\n"),
        (
            "p.data -= learning_rate * p.grad",
            "p.data -= learning_rate * p.grad\n            p.grad = 0.0",
        ),
    )(model, points, labels, steps, learning_rate)


@bug("train_moons", "gradients are set to 0 between backward and step: nothing moves")
def training_zeroes_between(model, points, labels, steps, learning_rate):
    return training_with(("p.data -= learning_rate * p.grad", "p.data -= 0.0"))(
        model, points, labels, steps, learning_rate
    )


@bug("train_moons", "the step goes uphill")
def training_uphill(model, points, labels, steps, learning_rate):
    return training_with(("p.data -= ", "p.data += "))(model, points, labels, steps, learning_rate)


@bug("train_moons", "the sum of the losses instead of the mean")
def training_on_sums(model, points, labels, steps, learning_rate):
    return training_with((" / len(points)", ""))(model, points, labels, steps, learning_rate)


@bug("train_moons", "the gradient of the sum, the loss of the mean")
def training_steps_on_sums(model, points, labels, steps, learning_rate):
    return training_with(("learning_rate * p.grad", "learning_rate * p.grad * len(points)"))(
        model, points, labels, steps, learning_rate
    )


@bug("train_moons", "the margin is 0 instead of 1: the perceptron's loss")
def training_without_margin(model, points, labels, steps, learning_rate):
    return training_with(("(1 - margin).relu()", "(0 - margin).relu()"))(
        model, points, labels, steps, learning_rate
    )


@bug("train_moons", "the hinge loss has the wrong sign: 1 + y s")
def training_with_wrong_sign(model, points, labels, steps, learning_rate):
    return training_with(("(1 - margin).relu()", "(1 + margin).relu()"))(
        model, points, labels, steps, learning_rate
    )


@bug("train_moons", "relu is missing, so that points beyond the margin pull too")
def training_without_relu(model, points, labels, steps, learning_rate):
    return training_with(("(1 - margin).relu()", "(1 - margin)"))(
        model, points, labels, steps, learning_rate
    )


@bug("train_moons", "the squared hinge loss")
def training_on_squares(model, points, labels, steps, learning_rate):
    return training_with(("(1 - margin).relu()", "(1 - margin).relu() ** 2"))(
        model, points, labels, steps, learning_rate
    )


@bug("train_moons", "the squared error instead of the hinge loss")
def training_on_squared_error(model, points, labels, steps, learning_rate):
    return training_with(("(1 - margin).relu()", "(1 - margin) ** 2"))(
        model, points, labels, steps, learning_rate
    )


@bug("train_moons", "losses are measured after the step")
def training_measures_after(model, points, labels, steps, learning_rate):
    losses = adapters.train_moons(model, points, labels, steps, learning_rate)
    return losses[1:] + adapters.train_moons(model, points, labels, min(steps, 1), 0.0)


@bug("train_moons", "one step too many is taken")
def training_one_more_step(model, points, labels, steps, learning_rate):
    losses = adapters.train_moons(model, points, labels, steps, learning_rate)
    adapters.train_moons(model, points, labels, 1, learning_rate)
    return losses


@bug("train_moons", "the model takes a step after every point: stochastic instead of full-batch")
def training_point_by_point(model, points, labels, steps, learning_rate):
    adapters.train_moons(model, points, labels, 0, learning_rate)
    losses = []
    for _ in range(steps):
        pairs = zip(points, labels, strict=True)
        each = [adapters.train_moons(model, [x], [y], 1, learning_rate)[0] for x, y in pairs]
        losses.append(sum(each) / len(each))
    return losses


@bug("train_moons", "the learning rate is hard-coded")
def training_at_a_fixed_rate(model, points, labels, steps, learning_rate):
    return adapters.train_moons(model, points, labels, steps, 0.1)


@bug("train_moons", "the learning rate sinks from step to step")
def training_with_decay(model, points, labels, steps, learning_rate):
    return training_with(
        ("for _ in range(steps):", "for step in range(steps):"),
        ("learning_rate * p.grad", "learning_rate * (1 - 0.9 * step / steps) * p.grad"),
    )(model, points, labels, steps, learning_rate)


@bug("train_moons", "weights decay: an L2 penalty of 1e-4 is added, as in the demo of micrograd")
def training_with_penalty(model, points, labels, steps, learning_rate):
    return training_with(("learning_rate * p.grad", "learning_rate * (p.grad + 2e-4 * p.data)"))(
        model, points, labels, steps, learning_rate
    )


@bug("train_moons", "training stops when the loss is 0")
def training_stops_early(model, points, labels, steps, learning_rate):
    losses = adapters.train_moons(model, points, labels, steps, learning_rate)
    return losses[: losses.index(0.0) + 1] if 0.0 in losses else losses


@bug("train_moons", "the score is the sum of all outputs instead of the first")
def training_on_all_outputs(model, points, labels, steps, learning_rate):
    return training_with(("model(x)[0]", "sum(model(x))"))(
        model, points, labels, steps, learning_rate
    )


@bug("train_moons", "only the weights of the first layer are trained")
def training_first_layer(model, points, labels, steps, learning_rate):
    if not hasattr(model, "layers") or len(model.layers) < 2:
        return adapters.train_moons(model, points, labels, steps, learning_rate)

    class First:
        def __call__(self, x):
            return model(x)

        def parameters(self):
            return model.layers[0].parameters()

    return adapters.train_moons(First(), points, labels, steps, learning_rate)


@bug("train_moons", "labels 0 and 1 are taken as they are")
def training_on_zeros(model, points, labels, steps, learning_rate):
    return training_with(("set(labels) - {-1, 1}", "set(labels) - {-1, 0, 1}"))(
        model, points, labels, steps, learning_rate
    )


@bug("train_moons", "any label is taken as it is")
def training_on_any_label(model, points, labels, steps, learning_rate):
    return training_with(("if wrong := set(labels) - {-1, 1}:", "if wrong := set():"))(
        model, points, labels, steps, learning_rate
    )


@bug("train_moons", "points without a label are dropped by zip()")
def training_drops_points(model, points, labels, steps, learning_rate):
    n = min(len(points), len(labels))
    return adapters.train_moons(model, points[:n], labels[:n], steps, learning_rate)


@bug("train_moons", "training on no points is accepted, with losses of 0")
def training_on_nothing(model, points, labels, steps, learning_rate):
    if not points and not labels:
        return [0.0] * steps
    return adapters.train_moons(model, points, labels, steps, learning_rate)


@bug("train_moons", "points are shuffled in place")
def training_shuffles(model, points, labels, steps, learning_rate):
    losses = adapters.train_moons(model, points, labels, steps, learning_rate)
    points.reverse()
    labels.reverse()
    return losses


@bug("train_moons", "points are counted in the first step, not before")
def training_counts_points_late(model, points, labels, steps, learning_rate):
    if not steps and not set(labels) - {-1, 1}:
        return []
    return adapters.train_moons(model, points, labels, steps, learning_rate)


@bug("train_moons", "a loss below 1e-6 ends the training")
def training_ends_near_zero(model, points, labels, steps, learning_rate):
    losses = []
    for _ in range(steps):
        small = losses and losses[-1] < 1e-6
        rate = 0.0 if small else learning_rate
        losses += losses[-1:] if small else adapters.train_moons(model, points, labels, 1, rate)
    return losses or adapters.train_moons(model, points, labels, 0, learning_rate)


@bug("train_moons", "gradients are clipped to ±100")
def training_clips(model, points, labels, steps, learning_rate):
    return training_with(
        ("learning_rate * p.grad", "learning_rate * max(-100.0, min(100.0, p.grad))")
    )(model, points, labels, steps, learning_rate)


# --- unbroadcast --------------------------------------------------------------------------------


def unbroadcast_with(*pairs):
    return changed("broadcasting", *pairs).unbroadcast


@bug("unbroadcast", "axes that were added behind are summed instead of those in front")
def unbroadcast_sums_last(grad, shape):
    unbroadcast(grad, shape)
    while grad.ndim > len(shape):
        grad = grad.sum(-1)
    for i, size in enumerate(shape):
        grad = grad.sum(i, keepdim=True) if size == 1 else grad
    return grad.reshape(shape) if grad.numel() == math.prod(shape) else grad


@bug("unbroadcast", "stretched axes are not summed, only those in front")
def unbroadcast_front_only(grad, shape):
    unbroadcast(grad, shape)
    return grad.sum(tuple(range(grad.ndim - len(shape)))) if grad.ndim > len(shape) else grad


@bug("unbroadcast", "axes in front are not summed, only stretched ones")
def unbroadcast_stretched_only(grad, shape):
    unbroadcast(grad, shape)
    for i in range(1, len(shape) + 1):
        grad = grad.sum(-i, keepdim=True) if shape[-i] == 1 else grad
    return grad


@bug("unbroadcast", "only one axis in front is summed")
def unbroadcast_one_in_front(grad, shape):
    wanted = unbroadcast(grad, shape)
    added = grad.ndim - len(shape)
    return unbroadcast(grad[(0,) * (added - 1)], shape) if added > 1 else wanted


@bug("unbroadcast", "only the first stretched axis is summed")
def unbroadcast_one_stretched(grad, shape):
    unbroadcast(grad, shape)
    grad = unbroadcast(grad, tuple(grad.shape[grad.ndim - len(shape) :]))
    for i, size in enumerate(shape):
        if size == 1 != grad.shape[i]:
            return grad.sum(i, keepdim=True)
    return grad


@bug("unbroadcast", "the mean over the repetitions instead of their sum")
def unbroadcast_mean(grad, shape):
    total = unbroadcast(grad, shape)
    return total * (total.numel() / max(grad.numel(), 1))


@bug("unbroadcast", "stretched axes are dropped instead of kept at size 1")
def unbroadcast_drops_axes(grad, shape):
    return unbroadcast(grad, shape).reshape([size for size in shape if size != 1])


@bug("unbroadcast", "one of the repetitions is taken instead of their sum")
def unbroadcast_takes_first(grad, shape):
    unbroadcast(grad, shape)
    grad = grad[(0,) * (grad.ndim - len(shape))]
    for i, size in enumerate(shape):
        grad = grad.narrow(i, 0, 1) if size == 1 else grad
    return grad


@bug("unbroadcast", "the gradient is reshaped to as many entries as fit, without a sum")
def unbroadcast_cuts(grad, shape):
    unbroadcast(grad, shape)
    return grad.reshape(-1)[: math.prod(shape)].reshape(shape)


@bug("unbroadcast", "all is summed whenever anything is")
def unbroadcast_sums_all(grad, shape):
    total = unbroadcast(grad, shape)
    return total if total.shape == grad.shape else grad.sum() + torch.zeros_like(total)


@bug("unbroadcast", "stretched axes are counted from the front before those in front are gone")
def unbroadcast_wrong_axes(grad, shape):
    return unbroadcast_with(("enumerate(shape, added)", "enumerate(shape)"))(grad, shape)


@bug("unbroadcast", "shapes that do not broadcast are not refused")
def unbroadcast_accepts_all(grad, shape):
    try:
        return unbroadcast(grad, shape)
    except ValueError:
        return torch.zeros(shape)


@bug("unbroadcast", "a shape larger than the gradient's is filled by broadcasting it once more")
def unbroadcast_expands(grad, shape):
    try:
        return unbroadcast(grad, shape)
    except ValueError:
        if math.prod(shape) < grad.numel() or len(shape) < grad.ndim:
            raise
        return grad.expand(shape)


@bug("unbroadcast", "shapes that do not broadcast are refused by a RuntimeError of torch")
def unbroadcast_runtime_error(grad, shape):
    try:
        return unbroadcast(grad, shape)
    except ValueError as error:
        raise RuntimeError(str(error)) from None


@bug("unbroadcast", "an empty axis is not summed")
def unbroadcast_keeps_empty(grad, shape):
    total = unbroadcast(grad, shape)
    return total if grad.numel() else total + math.nan


@bug("unbroadcast", "the gradient's memory is read in its own order: strides are ignored")
def unbroadcast_ignores_order(grad, shape):
    total = unbroadcast(grad, shape)
    return total if total.ndim < 2 else total.mT.reshape(total.shape)


@bug("unbroadcast", "an axis of size 0 is taken for one that was stretched")
def unbroadcast_stretches_nothing(grad, shape):
    return unbroadcast_with(("mine in (1, theirs)", "mine in (0, 1, theirs)"))(grad, shape)


@bug("unbroadcast", "the gradient is seen as rows by view(), which wants it contiguous")
def unbroadcast_by_view(grad, shape):
    unbroadcast(grad, shape)
    added = grad.ndim - len(shape)
    if added and grad.numel():
        grad = grad.view(-1, *grad.shape[added:]).sum(0)
    return unbroadcast(grad, shape)


@bug("unbroadcast", "a gradient of float32 is summed to float64")
def unbroadcast_in_float64(grad, shape):
    return unbroadcast(grad.double(), shape)


@bug("unbroadcast", "a gradient of float64 becomes float32")
def unbroadcast_in_float32(grad, shape):
    return unbroadcast(grad.float(), shape)


# --- tensor -------------------------------------------------------------------------------------


UNBROADCASTS = "unbroadcast(pullback(node.grad), parent.data.shape)"
ADDS_TENSORS = f"parent.grad = parent.grad + {UNBROADCASTS}"
RESETS_TENSORS = "                node.grad = torch.zeros_like(node.data)\n"


@bug("tensor", "broadcasting is not undone: gradients have the shape of the result")
def tensor_never_unbroadcasts():
    return tensor_with((UNBROADCASTS, "pullback(node.grad)"))


@bug("tensor", "of gradients that were broadcast the mean is taken instead of the sum")
def tensor_averages():
    return tensor_with(
        (
            UNBROADCASTS,
            f"{UNBROADCASTS} * (parent.data.numel() / max(pullback(node.grad).numel(), 1))",
        )
    )


@bug("tensor", "axes in front are summed, stretched ones are not")
def tensor_unbroadcasts_front_only():
    return tensor_with(
        (
            ADDS_TENSORS,
            "g = pullback(node.grad)\n                "
            "added = tuple(range(g.ndim - parent.data.ndim))\n                "
            "parent.grad = parent.grad + (g.sum(added) if added else g)",
        )
    )


@bug("tensor", "gradients are overwritten instead of added up")
def tensor_overwrites():
    return tensor_with((ADDS_TENSORS, f"parent.grad = {UNBROADCASTS}"))


@bug("tensor", "gradients are one array: the first is kept as it is, the next added in place")
def tensor_shares_gradients():
    return tensor_with(
        (
            ADDS_TENSORS,
            f"g = {UNBROADCASTS}\n                "
            "if not parent.grad.any():\n                    parent.grad = g\n                "
            "else:\n                    parent.grad += g",
        )
    )


@bug("tensor", "gradients in between are kept: a second backward passes them on again")
def tensor_stale_in_between():
    return tensor_with((RESETS_TENSORS, "                pass\n"))


@bug("tensor", "backward sets the leaves' gradients to 0 first: nothing accumulates")
def tensor_resets_leaves():
    return tensor_with(("            if node.parents:\n", "            if True:\n"))


@bug("tensor", "the gradient of a leaf that is the root is overwritten")
def tensor_overwrites_leaf_root():
    return tensor_with(("self.grad = self.grad + gradient", "self.grad = gradient.clone()"))


@bug("tensor", "the gradient that is passed to backward is ignored: always ones")
def tensor_ignores_gradient():
    return tensor_with(
        ("self.grad = self.grad + gradient", "self.grad = self.grad + torch.ones_like(self.data)")
    )


@bug("tensor", "backward from several entries starts from ones instead of an error")
def tensor_sums_by_itself():
    return tensor_with(("if self.data.numel() != 1:", "if False:"))


@bug("tensor", "backward without a gradient takes only a Tensor without axes")
def tensor_refuses_single_entries():
    return tensor_with(("if self.data.numel() != 1:", "if self.data.ndim:"))


@bug("tensor", "a gradient of another shape is broadcast")
def tensor_broadcasts_gradient():
    return tensor_with(
        (
            "if gradient.shape != self.data.shape:",
            "if gradient.numel() > self.data.numel() or gradient.ndim > self.data.ndim or "
            "torch.broadcast_shapes(gradient.shape, self.data.shape) != self.data.shape:",
        )
    )


@bug("tensor", "a gradient of another shape is reshaped")
def tensor_reshapes_gradient():
    return tensor_with(
        (
            "        if gradient.shape != self.data.shape:\n",
            "        if gradient.numel() == self.data.numel():\n"
            "            gradient = gradient.reshape(self.data.shape)\n"
            "        if gradient.shape != self.data.shape:\n",
        )
    )


@bug("tensor", "data are float32")
def tensor_in_float32():
    return tensor_with(
        ("dtype=torch.float64)\n        self.grad", "dtype=torch.float32)\n        self.grad")
    )


@bug("tensor", "data keep the dtype that they come in")
def tensor_keeps_dtype():
    return tensor_with(("torch.as_tensor(data, dtype=torch.float64)", "torch.as_tensor(data)"))


@bug("tensor", "a new Tensor has a gradient of ones")
def tensor_starts_with_ones():
    return tensor_with(
        (
            "self.grad = torch.zeros_like(self.data)\n        self.parents",
            "self.grad = torch.ones_like(self.data)\n        self.parents",
        )
    )


@bug("tensor", "the slope of a - b in b is taken as +1")
def tensor_subtraction_adds():
    return tensor_with(("(lambda g: g, lambda g: -g)", "(lambda g: g, lambda g: g)"))


@bug("tensor", "the slope of a * b in a is taken as a")
def tensor_product_of_own_data():
    return tensor_with(("(lambda g: g * b, lambda g: g * a)", "(lambda g: g * a, lambda g: g * b)"))


@bug("tensor", "the slope of a / b in b lacks its minus")
def tensor_quotient_without_minus():
    return tensor_with(("-g * quotient / b", "g * quotient / b"))


@bug("tensor", "the slope of a / b in b is -a / b instead of -a / b²")
def tensor_quotient_not_squared():
    return tensor_with(("-g * quotient / b", "-g * quotient"))


@bug("tensor", "3 - a is computed as a - 3")
def tensor_reflected_minus_swapped():
    return tensor_with(("return other - self", "return self - other"))


@bug("tensor", "2 / a is computed as a / 2")
def tensor_reflected_quotient_swapped():
    return tensor_with(("return other / self", "return self / other"))


@bug("tensor", "-a passes its gradient on without the minus")
def tensor_negative_slope_positive():
    return tensor_with(
        (
            "Tensor(-self.data, (self,), (lambda g: -g,))",
            "Tensor(-self.data, (self,), (lambda g: g,))",
        )
    )


@bug("tensor", "the slope of a ** n is a ** (n - 1), without n")
def tensor_power_without_factor():
    return tensor_with(("slope = exponent * self.data", "slope = self.data"))


@bug("tensor", "the slope of x ** 0 at 0 is NaN: 0 * 0 ** -1")
def tensor_power_zero_nan():
    return tensor_with((" if exponent else torch.zeros_like(self.data)", ""))


@bug("tensor", "a Tensor as exponent is accepted, without a slope in it")
def tensor_power_of_tensor():
    old = "        if not isinstance(exponent, int | float):\n"
    new = """        if isinstance(exponent, Tensor):
            exponent = exponent.data.mean().item()
"""
    return tensor_with((old, new + old))


@bug("tensor", "an operand may be whatever torch makes a tensor of")
def tensor_of_any_operand():
    return tensor_with(
        (
            "Tensor(other) if isinstance(other, int | float) else other",
            "Tensor(other) if isinstance(other, int | float | list) else other",
        )
    )


@bug("tensor", "the slope of tanh is 1 - tanh instead of 1 - tanh²")
def tensor_tanh_not_squared():
    return tensor_with(("g * (1 - t * t)", "g * (1 - t)"))


@bug("tensor", "relu has the slope 1 at 0")
def tensor_relu_slope_one_at_zero():
    return tensor_with(("g * (self.data > 0)", "g * (self.data >= 0)"))


@bug("tensor", "relu passes every gradient on, also below 0")
def tensor_relu_passes_all():
    return tensor_with(("lambda g: g * (self.data > 0)", "lambda g: g * 1"))


@bug("tensor", "the slope of exp is taken as 1")
def tensor_exp_slope_one():
    return tensor_with(("lambda g: g * power", "lambda g: g * 1"))


@bug("tensor", "the slope of log is x instead of 1 / x")
def tensor_log_slope_inverted():
    return tensor_with(("g / self.data,", "g * self.data,"))


@bug("tensor", "a small number is added before the logarithm")
def tensor_log_with_epsilon():
    return tensor_with(("self.data.log()", "(self.data + 1e-12).log()"))


@bug("tensor", "nodes are visited breadth first, before their gradients are complete")
def tensor_breadth_first():
    return tensor_with(
        ("topological_order(self)", f"__import__('{__name__}', fromlist=['x']).breadth_first(self)")
    )


@bug("tensor", "the order is found recursively: a long chain is a RecursionError")
def tensor_recursive():
    return tensor_with(
        ("topological_order(self)", f"__import__('{__name__}', fromlist=['x']).recursively(self)")
    )


@bug("tensor", "a += b changes a's data in place")
def tensor_addition_in_place():
    return _tensor_in_place("__iadd__")


@bug("tensor", "a *= b changes a's data in place")
def tensor_product_in_place():
    return _tensor_in_place("__imul__")


@functools.cache
def _tensor_in_place(name):
    spoilt = tensor_with(("A node of the graph: data", f"A node of the graph with {name}: data"))
    setattr(spoilt, name, in_place(getattr(spoilt, name.replace("__i", "__"))))
    return spoilt


@bug("tensor", "tensor() makes a new class at every call")
def a_tensor_class_per_call():
    return type("Tensor", (Tensor,), {})


@bug("tensor", "operands are broadcast by repeating the smaller one until it fits")
def tensor_tiles():
    old = (
        "        return Tensor(self.data + other.data, (self, other), (lambda g: g, lambda g: g))\n"
    )
    new = """        a, b = self.data, other.data
        if a.ndim == 2 and b.ndim == 1 and a.shape[1] % len(b):
            b = b.repeat(a.shape[1])[: a.shape[1]]
            return Tensor(a + b, (self,), (lambda g: g,))
"""
    return tensor_with((old, new + old))


@bug("tensor", "torch's tensors are operands too")
def tensor_of_torchs():
    return tensor_with(
        (
            "Tensor(other) if isinstance(other, int | float) else other",
            "Tensor(other) if isinstance(other, int | float | torch.Tensor) else other",
        )
    )


@bug("tensor", "a tuple of numbers is an operand")
def tensor_of_tuples():
    return tensor_with(
        (
            "Tensor(other) if isinstance(other, int | float) else other",
            "Tensor(other) if isinstance(other, int | float | tuple) else other",
        )
    )


@bug("tensor", "an exponent may be a tensor of torch's")
def tensor_power_of_torchs():
    return tensor_with(
        (
            "        if not isinstance(exponent, int | float):\n",
            "        if not isinstance(exponent, int | float | torch.Tensor):\n",
        ),
        (
            "if exponent else torch.zeros_like(self.data)",
            "if torch.as_tensor(exponent).any() else torch.zeros_like(self.data)",
        ),
    )


@bug("tensor", "2 ** a is accepted")
def tensor_reflected_power():
    return tensor_with(
        (
            '    def __matmul__(self, other: "Tensor"):\n',
            "    def __rpow__(self, base):\n"
            "        power = base**self.data\n"
            "        slope = power * torch.log(torch.tensor(float(base)))\n"
            "        return Tensor(power, (self,), (lambda g: g * slope,))\n"
            "\n"
            '    def __matmul__(self, other: "Tensor"):\n',
        )
    )


@bug("tensor", "exp is clipped at 50")
def tensor_exp_clipped():
    return tensor_with(("power = self.data.exp()", "power = self.data.clamp(max=50).exp()"))


@bug("tensor", "a small number is added to the denominator")
def tensor_quotient_with_epsilon():
    return tensor_with(
        (
            "b, quotient = other.data, self.data / other.data",
            "b = other.data + 1e-15\n        quotient = self.data / b",
        )
    )


@bug("tensor", "the slope of a root at 0 is 0 instead of inf")
def tensor_root_level_at_zero():
    return tensor_with(
        (
            "        return Tensor(self.data**exponent, (self,)",
            "        if exponent < 1:\n"
            "            slope = torch.where(self.data == 0, 0.0, slope)\n"
            "        return Tensor(self.data**exponent, (self,)",
        )
    )


@bug("tensor", "the slope of log is 1 / (x + 1e-12)")
def tensor_log_slope_with_epsilon():
    return tensor_with(("g / self.data,", "g / (self.data + 1e-12),"))


@bug("tensor", "infinite gradients are made finite")
def tensor_gradients_without_inf():
    return tensor_with(
        (
            "unbroadcast(pullback(node.grad), parent.data.shape)",
            "unbroadcast(pullback(node.grad), parent.data.shape).nan_to_num()",
        )
    )


@bug("tensor", "a gradient of another shape is broadcast where it arrives at a leaf")
def tensor_leaf_broadcasts_gradient():
    return tensor_with(
        (
            "if gradient.shape != self.data.shape:",
            "if self.parents and gradient.shape != self.data.shape:",
        )
    )


@bug("tensor", "a -= b changes a's data in place")
def tensor_difference_in_place():
    return tensor_with(
        (
            "    def __neg__(self):\n",
            "    def __isub__(self, other):\n"
            "        self.data = (self - other).data\n"
            "        return self\n"
            "\n"
            "    def __neg__(self):\n",
        )
    )


@bug("tensor", "a /= b changes a's data in place")
def tensor_quotient_in_place():
    return tensor_with(
        (
            "    def __neg__(self):\n",
            "    def __itruediv__(self, other):\n"
            "        self.data = (self / other).data\n"
            "        return self\n"
            "\n"
            "    def __neg__(self):\n",
        )
    )


@bug("tensor", "grad of a result is None until backward")
def tensor_without_gradient_at_first():
    return tensor_with(
        (
            "        self.grad = torch.zeros_like(self.data)\n",
            "        self.grad = None if parents else torch.zeros_like(self.data)\n",
        )
    )


@bug("tensor", "grad of a result is zeros of float32 until backward")
def tensor_starts_in_float32():
    return tensor_with(
        (
            "        self.grad = torch.zeros_like(self.data)\n",
            "        dtype = torch.float32 if parents else torch.float64\n"
            "        self.grad = torch.zeros_like(self.data, dtype=dtype)\n",
        )
    )


@bug("tensor", "0 + a is a itself")
def tensor_zero_plus_a_is_a():
    return tensor_with(
        (
            "    @_between_tensors\n    def __radd__(self, other):\n        return other + self",
            "    def __radd__(self, other):\n"
            "        return self if isinstance(other, int) and other == 0 else self + other",
        )
    )


@bug("tensor", "the array that a Tensor is made from is not copied")
def tensor_shares_its_data():
    return tensor_with(
        (
            "torch.as_tensor(data, dtype=torch.float64).clone()",
            "torch.as_tensor(data, dtype=torch.float64)",
        )
    )


@bug("tensor", "every Tensor that was made from others starts anew, also out of the root's reach")
def tensor_resets_all():
    return _tensor_on_tape()


@functools.cache
def _tensor_on_tape():
    spoilt = tensor_with(("A node of the graph: data", "A node on a tape: data"))
    tape, initialise, walk = [], spoilt.__init__, spoilt.backward

    def __init__(self, *arguments):
        initialise(self, *arguments)
        tape.append(self)

    def backward(self, gradient=None):
        for node in tape:
            if node.parents:
                node.grad = torch.zeros_like(node.data)
        walk(self, gradient)
        if len(tape) > 2_000:
            tape.clear()

    spoilt.__init__, spoilt.backward = __init__, backward
    return spoilt


@bug("tensor", "a number passes through torch's float32 on its way to a Tensor")
def tensor_numbers_of_float32():
    old = "Tensor(other) if isinstance(other, int | float)"
    return tensor_with((old, old.replace("(other)", "(torch.tensor(other))", 1)))


@bug("tensor", "data are made float32 by torch before they are made float64")
def tensor_data_of_float32():
    return tensor_with(
        (
            "torch.as_tensor(data, dtype=torch.float64).clone()",
            "torch.as_tensor(data).double().clone()",
        )
    )


# --- matmul -------------------------------------------------------------------------------------


PRODUCT = "(lambda g: g @ b.mT, lambda g: a.mT @ g)"
CHECK_AXES = "        if a.ndim < 2 or b.ndim < 2:\n"


def before_check(lines):
    """A Tensor whose product does something else before it looks at the axes."""
    return tensor_with((CHECK_AXES, lines + CHECK_AXES))


@bug("matmul", "@ multiplies entry by entry", "tensor")
def matmul_by_entries():
    return tensor_with(
        (
            "Tensor(a @ b, (self, other)",
            "Tensor((a * b) if a.shape == b.shape else (a @ b), (self, other)",
        )
    )


@bug("matmul", "dA = G B, without the transpose", "tensor")
def matmul_left_not_transposed():
    return tensor_with(
        (PRODUCT, "(lambda g: g @ (b if b.shape == b.mT.shape else b.mT), lambda g: a.mT @ g)")
    )


@bug("matmul", "dB = A G, without the transpose", "tensor")
def matmul_right_not_transposed():
    return tensor_with(
        (PRODUCT, "(lambda g: g @ b.mT, lambda g: (a if a.shape == a.mT.shape else a.mT) @ g)")
    )


@bug("matmul", "dB = G Aᵀ: the factors are swapped", "tensor")
def matmul_right_swapped():
    return tensor_with(
        (
            PRODUCT,
            "(lambda g: g @ b.mT, lambda g: g @ a.mT if a.shape == b.shape == g.shape else a.mT @ g)",
        )
    )


@bug("matmul", "dA = Bᵀ G: the factors are swapped", "tensor")
def matmul_left_swapped():
    return tensor_with(
        (
            PRODUCT,
            "(lambda g: b.mT @ g if a.shape == b.shape == g.shape else g @ b.mT, lambda g: a.mT @ g)",
        )
    )


@bug("matmul", "the right matrix gets no gradient", "tensor")
def matmul_right_detached():
    return tensor_with((PRODUCT, "(lambda g: g @ b.mT, lambda g: 0 * (a.mT @ g))"))


@bug("matmul", "the gradient of a matrix shared by a batch is that of the first member", "tensor")
def matmul_first_of_batch():
    return tensor_with(
        (
            PRODUCT,
            "(lambda g: g @ b.mT, lambda g: (a.mT @ g)[0] if g.ndim == 3 > b.ndim else a.mT @ g)",
        )
    )


@bug("matmul", "the gradient of a matrix shared by a batch is the mean over it", "tensor")
def matmul_mean_of_batch():
    share = "(b.shape[:-2].numel() / g.shape[:-2].numel())"
    return tensor_with((PRODUCT, f"(lambda g: g @ b.mT, lambda g: (a.mT @ g) * {share})"))


@bug(
    "matmul",
    "the gradient of the left operand is not summed over the batch, but averaged",
    "tensor",
)
def matmul_left_mean():
    share = "(a.shape[:-2].numel() / g.shape[:-2].numel())"
    return tensor_with((PRODUCT, f"(lambda g: (g @ b.mT) * {share}, lambda g: a.mT @ g)"))


@bug("matmul", "all axes are transposed, not the last two", "tensor")
def matmul_transposes_all():
    new = "a.permute(*reversed(range(a.ndim))).reshape(a.mT.shape)"
    return tensor_with((PRODUCT, f"(lambda g: g @ b.mT, lambda g: {new} @ g)"))


@bug("matmul", "in a @ a only the left a gets a gradient", "tensor")
def matmul_of_itself():
    return before_check("""
        if self is other:
            return Tensor(a @ a, (self,), (lambda g: g @ a.mT,))
""")


@bug("matmul", "vectors are accepted", "tensor")
def matmul_of_vectors():
    return before_check("""
        if a.ndim and b.ndim and min(a.ndim, b.ndim) < 2:
            return Tensor(a @ b)
""")


@bug("matmul", "a left vector is accepted", "tensor")
def matmul_of_left_vectors():
    return before_check("""
        if a.ndim == 1 < b.ndim:
            return Tensor(a @ b)
""")


@bug("matmul", "inner sizes that do not agree are cut to the smaller one", "tensor")
def matmul_cuts():
    return before_check("""
        if min(a.ndim, b.ndim) == 2 and a.shape[-1] != b.shape[-2]:
            n = min(a.shape[-1], b.shape[-2])
            return Tensor(a[..., :n] @ b[..., :n, :])
""")


@bug("matmul", "batches that do not agree are cut to the smaller one", "tensor")
def matmul_cuts_batches():
    return before_check("""
        if a.ndim == b.ndim == 3 and 1 < a.shape[0] != b.shape[0] > 1:
            n = min(len(a), len(b))
            return Tensor(a[:n] @ b[:n])
""")


@bug("matmul", "the result is a float32 product", "tensor")
def matmul_in_float32():
    return tensor_with(
        ("Tensor(a @ b, (self, other)", "Tensor(a.float() @ b.float(), (self, other)")
    )


@bug("matmul", "a gradient of float32 cannot be multiplied", "tensor")
def matmul_of_float32_gradients():
    return tensor_with(
        (
            "        self.grad = self.grad + gradient\n",
            "        self.grad = gradient.clone() if self.parents else self.grad + gradient\n",
        )
    )


# --- reductions ---------------------------------------------------------------------------------


SUM = "lambda g: g.expand(self.data.shape)"
SHARE = "winners / winners.sum(self._axes(dim), keepdim=True)"


@bug("reductions", "sum is the mean", "tensor")
def sum_is_mean():
    return tensor_with(
        (
            "self.data.sum(self._axes(dim), keepdim=True)",
            "self.data.mean(self._axes(dim), keepdim=True)",
        ),
        (SUM, "lambda g: g.expand(self.data.shape) * (g.numel() / self.data.numel())"),
    )


@bug("reductions", "the gradient of a sum is divided among its entries", "tensor")
def sum_divides_gradient():
    return tensor_with(
        (SUM, "lambda g: g.expand(self.data.shape) * (g.numel() / self.data.numel())")
    )


@bug("reductions", "the gradient of a sum is multiplied by the entries, as in a product", "tensor")
def sum_multiplies_gradient():
    return tensor_with((SUM, "lambda g: g * self.data"))


@bug("reductions", "sum ignores dim: always over all axes", "tensor")
def sum_ignores_dim():
    return tensor_with(
        (f"({SUM},))._squeeze(dim, keepdim)", f"({SUM},))._squeeze(None, keepdim)"),
        ("self.data.sum(self._axes(dim)", "self.data.sum(self._axes(dim) and self._axes(None)"),
    )


@bug("reductions", "keepdim is ignored", "tensor")
def sum_ignores_keepdim():
    return tensor_with((f"({SUM},))._squeeze(dim, keepdim)", f"({SUM},))._squeeze(dim, False)"))


@bug("reductions", "max ignores keepdim", "tensor")
def max_ignores_keepdim():
    return tensor_with(
        (
            "(lambda g: g * share,))._squeeze(dim, keepdim)",
            "(lambda g: g * share,))._squeeze(dim, False)",
        )
    )


@bug("reductions", "axes are kept at size 1 by default", "tensor")
def sum_keeps_axes():
    return tensor_with(
        (
            f"({SUM},))._squeeze(dim, keepdim)",
            f"({SUM},))._squeeze(dim, keepdim or dim is not None)",
        )
    )


@bug("reductions", "the gradient of a sum over the first axis is repeated along the last", "tensor")
def sum_repeats_last():
    return tensor_with(
        (
            SUM,
            "lambda g: g.mT.expand(self.data.shape) if g.ndim > 1 and len({*self.data.shape}) == 1 "
            "else g.expand(self.data.shape)",
        )
    )


@bug("reductions", "negative axes are one off", "tensor")
def negative_axes_off():
    return tensor_with(
        ("else (dim,)", "else (dim,) if dim >= 0 else ((dim + 1) % self.data.ndim,)")
    )


@bug("reductions", "the gradient of max goes to every entry", "tensor")
def max_passes_all():
    return tensor_with((SHARE, "torch.ones_like(winners)"))


@bug("reductions", "entries that tie for the maximum get the whole gradient each", "tensor")
def max_ties_get_all():
    return tensor_with((SHARE, "winners"))


@bug("reductions", "of entries that tie only the first gets the gradient", "tensor")
def max_first_of_ties():
    first = """torch.zeros_like(winners)
        if dim is None or not winners.ndim:
            share.view(-1)[winners.reshape(-1).argmax()] = 1.0
        else:
            share.scatter_(dim, winners.argmax(dim, keepdim=True), 1.0)"""
    return tensor_with((SHARE, first))


@bug("reductions", "ties are counted over all axes instead of along dim", "tensor")
def max_counts_all_ties():
    return tensor_with((SHARE, "winners / winners.sum()"))


@bug(
    "reductions", "winners are those that equal the maximum of all, not of their own row", "tensor"
)
def max_global_winner():
    return tensor_with(
        ("(self.data == top).to", "(self.data == self.data.amax()).to"),
        (SHARE, "winners / winners.sum(self._axes(dim), keepdim=True).clamp(min=1)"),
    )


@bug("reductions", "the gradient of max is multiplied by the maximum", "tensor")
def max_multiplies_gradient():
    return tensor_with(("lambda g: g * share", "lambda g: g * share * self.data"))


@bug("reductions", "a maximum of 0 gets no gradient", "tensor")
def max_of_zero_lost():
    return tensor_with(("lambda g: g * share", "lambda g: g * share * (self.data != 0)"))


@bug("reductions", "max is the maximum of absolute values", "tensor")
def max_of_absolute():
    return tensor_with(
        (
            "top = self.data.amax(self._axes(dim), keepdim=True)",
            "top = self.data.abs().amax(self._axes(dim), keepdim=True)",
        ),
        ("(self.data == top).to", "(self.data.abs() == top).to"),
    )


@bug("reductions", "max starts from 0, so that a maximum below it is not found", "tensor")
def max_starts_from_zero():
    return tensor_with(
        (
            "top = self.data.amax(self._axes(dim), keepdim=True)",
            "top = self.data.amax(self._axes(dim), keepdim=True).clamp(min=0)",
        ),
        (SHARE, "winners / winners.sum(self._axes(dim), keepdim=True).clamp(min=1)"),
    )


@bug("reductions", "the gradient of reshape keeps the new shape", "tensor")
def reshape_not_undone():
    return tensor_with(("lambda g: g.reshape(self.data.shape)", "lambda g: g"))


@bug("reductions", "reshape sends its gradient back transposed", "tensor")
def reshape_transposes():
    return tensor_with(
        (
            "lambda g: g.reshape(self.data.shape)",
            "lambda g: g.permute(*reversed(range(g.ndim))).reshape(self.data.shape)",
        )
    )


@bug("reductions", "reshape is cut off from the graph", "tensor")
def reshape_detached():
    return tensor_with(
        (
            "Tensor(self.data.reshape(shape), (self,), (lambda g: g.reshape(self.data.shape),))",
            "Tensor(self.data.reshape(shape))",
        )
    )


@bug("reductions", "reshape cuts what does not fit", "tensor")
def reshape_cuts():
    old = '        """The same numbers in the same order."""\n'
    new = """        n = 1
        for size in shape:
            n *= size
        if 0 < n < self.data.numel():
            return Tensor(self.data.reshape(-1)[:n].reshape(shape))
"""
    return tensor_with((old, old + new))


@bug("reductions", "an axis that is not there is the last one", "tensor")
def axes_clamped():
    return tensor_with(
        ("else (dim,)\n", "else (max(-self.data.ndim, min(dim, self.data.ndim - 1)),)\n"),
        (
            "            del shape[dim]\n",
            "            del shape[max(-len(shape), min(dim, len(shape) - 1))]\n",
        ),
    )


@bug("reductions", "entries that are nearly equal tie", "tensor")
def near_ties_share():
    return tensor_with(("winners = (self.data == top)", "winners = torch.isclose(self.data, top)"))


@bug("reductions", "max starts from -1e9, so that a maximum below it is not found", "tensor")
def max_starts_from_a_billion():
    return tensor_with(
        (
            "top = self.data.amax(self._axes(dim), keepdim=True)",
            "top = self.data.amax(self._axes(dim), keepdim=True).clamp(min=-1e9)",
        )
    )


@bug("reductions", "reshape is view(), which wants the array contiguous", "tensor")
def reshape_is_a_view():
    return tensor_with(("Tensor(self.data.reshape(shape)", "Tensor(self.data.view(shape)"))


@bug("reductions", "reshape to the same shape is the Tensor itself", "tensor")
def reshape_returns_itself():
    return tensor_with(
        (
            "        return Tensor(self.data.reshape(shape)",
            "        if shape == tuple(self.data.shape):\n"
            "            return self\n"
            "        return Tensor(self.data.reshape(shape)",
        )
    )


@bug("reductions", "reshape to three axes sends its gradient back transposed", "tensor")
def reshape_of_three_axes_transposes():
    return tensor_with(
        (
            "lambda g: g.reshape(self.data.shape)",
            "lambda g: (g.mT if g.ndim == 3 else g).reshape(self.data.shape)",
        )
    )


@bug("reductions", "the gradient of a sum is one number behind all entries", "tensor")
def gradient_of_a_sum_is_one_number():
    return tensor_with(
        (
            "parent.grad = parent.grad + unbroadcast(pullback(node.grad), parent.data.shape)",
            "new = unbroadcast(pullback(node.grad), parent.data.shape)\n"
            "                parent.grad = parent.grad + new if parent.grad.any() else new",
        )
    )
