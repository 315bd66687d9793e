"""Reverse-mode autodiff of tensors: the same graph, with arrays in its nodes.

A slope was a number; now it is a function that takes the gradient of the result to that of a
parent, a vector-Jacobian product. The Jacobian itself, a matrix of (size of result) x (size of
parent), is never made.

    y = a ∘ b     da = g ∘ b                        y = sum(a)   da = g, repeated
    Y = A B       dA = G Bᵀ      dB = Aᵀ G          y = max(a)   da = g where the maximum is
"""

from collections.abc import Callable
from functools import wraps

import torch

from .broadcasting import unbroadcast
from .graph import topological_order


def _between_tensors(method: Callable) -> Callable:
    """Let a number stand for a Tensor; for anything else Python raises its own TypeError."""

    @wraps(method)
    def lifted(self: "Tensor", other: object) -> "Tensor":
        other = Tensor(other) if isinstance(other, int | float) else other
        return method(self, other) if isinstance(other, Tensor) else NotImplemented

    return lifted


class Tensor:
    """A node of the graph: data, and for every parent a function that carries gradients to it."""

    def __init__(self, data: object, parents: tuple = (), pullbacks: tuple = ()):
        self.data = torch.as_tensor(data, dtype=torch.float64).clone()
        self.grad = torch.zeros_like(self.data)
        self.parents = parents
        self.pullbacks = pullbacks

    def __repr__(self) -> str:
        return f"Tensor(shape={tuple(self.data.shape)})"

    @_between_tensors
    def __add__(self, other):
        return Tensor(self.data + other.data, (self, other), (lambda g: g, lambda g: g))

    @_between_tensors
    def __sub__(self, other):
        return Tensor(self.data - other.data, (self, other), (lambda g: g, lambda g: -g))

    @_between_tensors
    def __mul__(self, other):
        a, b = self.data, other.data
        return Tensor(a * b, (self, other), (lambda g: g * b, lambda g: g * a))

    @_between_tensors
    def __truediv__(self, other):
        b, quotient = other.data, self.data / other.data
        pullbacks = (lambda g: g / b, lambda g: -g * quotient / b)
        return Tensor(quotient, (self, other), pullbacks)

    @_between_tensors
    def __radd__(self, other):
        return other + self

    @_between_tensors
    def __rsub__(self, other):
        return other - self

    @_between_tensors
    def __rmul__(self, other):
        return other * self

    @_between_tensors
    def __rtruediv__(self, other):
        return other / self

    def __neg__(self):
        return Tensor(-self.data, (self,), (lambda g: -g,))

    def __pow__(self, exponent: float):
        if not isinstance(exponent, int | float):
            return NotImplemented
        # 0 ** 0 is 1 and stays 1: its slope is 0, not 0 * 0 ** -1
        slope = exponent * self.data ** (exponent - 1) if exponent else torch.zeros_like(self.data)
        return Tensor(self.data**exponent, (self,), (lambda g: g * slope,))

    def __matmul__(self, other: "Tensor"):
        if not isinstance(other, Tensor):
            return NotImplemented
        a, b = self.data, other.data
        if a.ndim < 2 or b.ndim < 2:
            raise ValueError(f"{a.ndim} and {b.ndim} axes; @ wants two at least, use reshape")
        return Tensor(a @ b, (self, other), (lambda g: g @ b.mT, lambda g: a.mT @ g))

    def exp(self) -> "Tensor":
        """Elementwise."""
        power = self.data.exp()
        return Tensor(power, (self,), (lambda g: g * power,))

    def log(self) -> "Tensor":
        """Elementwise."""
        return Tensor(self.data.log(), (self,), (lambda g: g / self.data,))

    def tanh(self) -> "Tensor":
        """Elementwise."""
        t = self.data.tanh()
        return Tensor(t, (self,), (lambda g: g * (1 - t * t),))

    def relu(self) -> "Tensor":
        """Elementwise."""
        return Tensor(self.data.clamp(min=0), (self,), (lambda g: g * (self.data > 0),))

    def reshape(self, *shape: int) -> "Tensor":
        """The same numbers in the same order."""
        return Tensor(self.data.reshape(shape), (self,), (lambda g: g.reshape(self.data.shape),))

    def sum(self, dim: int | None = None, keepdim: bool = False) -> "Tensor":
        """Every entry counts once, so every entry gets the whole gradient."""
        total = self.data.sum(self._axes(dim), keepdim=True)
        return Tensor(total, (self,), (lambda g: g.expand(self.data.shape),))._squeeze(dim, keepdim)

    def max(self, dim: int | None = None, keepdim: bool = False) -> "Tensor":
        """Only the winners get a gradient; those that tie share it."""
        top = self.data.amax(self._axes(dim), keepdim=True)
        winners = (self.data == top).to(torch.float64)
        share = winners / winners.sum(self._axes(dim), keepdim=True)
        return Tensor(top, (self,), (lambda g: g * share,))._squeeze(dim, keepdim)

    def _axes(self, dim: int | None) -> tuple[int, ...]:
        return tuple(range(self.data.ndim)) if dim is None else (dim,)

    def _squeeze(self, dim: int | None, keepdim: bool) -> "Tensor":
        """Drop the axes that a reduction has left at size 1."""
        if keepdim:
            return self
        shape = list(self.data.shape)
        if dim is None:
            shape = []
        elif shape:
            del shape[dim]
        return self.reshape(*shape)

    def backward(self, gradient: torch.Tensor | None = None) -> None:
        """Fill `grad` of every node that this one was made from."""
        if gradient is None:
            if self.data.numel() != 1:
                raise ValueError(
                    f"a Tensor of shape {tuple(self.data.shape)} has no single slope; "
                    "sum it up first, or pass backward the gradient that arrives at it"
                )
            gradient = torch.ones_like(self.data)
        if gradient.shape != self.data.shape:
            got, wanted = tuple(gradient.shape), tuple(self.data.shape)
            raise ValueError(f"the gradient has shape {got}, wanted {wanted}, the Tensor's own")
        order = topological_order(self)
        for node in order:
            if node.parents:
                node.grad = torch.zeros_like(node.data)
        self.grad = self.grad + gradient
        for node in reversed(order):
            for parent, pullback in zip(node.parents, node.pullbacks, strict=True):
                # not +=: gradients of several nodes may be one array
                parent.grad = parent.grad + unbroadcast(pullback(node.grad), parent.data.shape)
