"""Reverse-mode autodiff of numbers: a Value remembers what it was made from, and by which slopes.

An operation y = f(a, b) notes its parents a, b and its slopes ∂y/∂a, ∂y/∂b. By the chain rule

    ∂L/∂a = Σ ∂L/∂y · ∂y/∂a      over every y that was made from a

so that one walk from L back to the leaves gives the gradient in all of them, at about the cost of
computing L once (Linnainmaa 1970; Baydin et al. 2018, section 3; Karpathy's micrograd).
"""

import math
from collections.abc import Callable
from functools import wraps

from .graph import topological_order


def _between_values(method: Callable) -> Callable:
    """Let a number stand for a Value; for anything else Python raises its own TypeError."""

    @wraps(method)
    def lifted(self: "Value", other: object) -> "Value":
        other = Value(other) if isinstance(other, int | float) else other
        return method(self, other) if isinstance(other, Value) else NotImplemented

    return lifted


class Value:
    """A node of the graph."""

    def __init__(self, data: float, parents: tuple = (), slopes: tuple = ()):
        if not isinstance(data, int | float):
            raise TypeError(f"a Value holds an int or a float, got {data!r}")
        self.data = float(data)
        self.grad = 0.0
        self.parents = parents
        self.slopes = slopes

    def __repr__(self) -> str:
        return f"Value(data={self.data}, grad={self.grad})"

    @_between_values
    def __add__(self, other):
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    @_between_values
    def __sub__(self, other):
        return Value(self.data - other.data, (self, other), (1.0, -1.0))

    @_between_values
    def __mul__(self, other):
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    @_between_values
    def __truediv__(self, other):
        quotient = self.data / other.data
        return Value(quotient, (self, other), (1 / other.data, -quotient / other.data))

    def __neg__(self):
        return Value(-self.data, (self,), (-1.0,))

    def __pow__(self, exponent):
        if isinstance(exponent, int | float):
            # A number is no Value here: no slope in it is asked for, so the base may be negative.
            power = _power(self.data, exponent)
            return Value(power, (self,), (_slope_in_base(self.data, exponent),))
        if not isinstance(exponent, Value):
            return NotImplemented
        base, exponent_ = self.data, exponent.data
        slopes = _slope_in_base(base, exponent_), _slope_in_exponent(base, exponent_)
        return Value(_power(base, exponent_), (self, exponent), slopes)

    @_between_values
    def __radd__(self, other):
        return other + self

    @_between_values
    def __rsub__(self, other):
        return other - self

    @_between_values
    def __rmul__(self, other):
        return other * self

    @_between_values
    def __rtruediv__(self, other):
        return other / self

    @_between_values
    def __rpow__(self, other):
        return other**self

    def exp(self) -> "Value":
        """The one function that is its own slope."""
        power = math.exp(self.data)
        return Value(power, (self,), (power,))

    def log(self) -> "Value":
        """The natural logarithm."""
        if not self.data > 0:
            raise ValueError(f"log({self.data}) does not exist; only numbers above 0 have one")
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def tanh(self) -> "Value":
        """Squash to -1..1."""
        t = math.tanh(self.data)  # exp(x) / exp(x) forms overflow from 710 on
        return Value(t, (self,), (1 - t * t,))

    def relu(self) -> "Value":
        """Cut off below 0. At 0 itself there is no slope; the convention is 0."""
        above = self.data > 0
        return Value(self.data if above else 0.0, (self,), (1.0 if above else 0.0,))

    def backward(self) -> None:
        """Fill `grad` of every node that this one was made from."""
        order = topological_order(self)
        for node in order:
            if node.parents:
                node.grad = 0.0  # what an earlier walk left here was passed on already
        self.grad += 1.0
        for node in reversed(order):
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.grad += slope * node.grad


def _power(base: float, exponent: float) -> float:
    if base < 0 and not float(exponent).is_integer():  # Python's answer would be complex
        raise ValueError(f"({base}) ** {exponent} is no real number; make the base positive")
    return base**exponent


def _slope_in_base(base: float, exponent: float) -> float:
    if exponent == 0:
        return 0.0  # also at base 0, where 0 * 0 ** -1 divides by 0
    if base == 0 < exponent < 1:
        return math.inf
    return exponent * base ** (exponent - 1)


def _slope_in_exponent(base: float, exponent: float) -> float:
    if base < 0:
        raise ValueError(f"({base}) ** Value has no slope in its exponent; use a number instead")
    return base**exponent * math.log(base) if base else 0.0
