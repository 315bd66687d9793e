"""A multilayer perceptron of Values.

neuron   y = act(w · x + b)
layer    neurons side by side, on the same inputs
MLP      layer after layer; tanh between them, nothing after the last

Without an activation in between, layers of sums would be one layer of sums.
"""

import random

from .value import Value

ACTIVATIONS = {"tanh": Value.tanh, "relu": Value.relu, "linear": lambda total: total}


class Neuron:
    """A weighted sum, squashed."""

    def __init__(self, inputs: int, rng: random.Random, activation: str):
        if inputs < 1:
            raise ValueError(f"{inputs=}; a neuron, and a layer, has at least one")
        if activation not in ACTIVATIONS:
            raise ValueError(f"{activation=} is unknown; choose from {', '.join(ACTIVATIONS)}")
        bound = inputs**-0.5  # keeps the sum's variance the same for any number of inputs
        self.weights = [Value(rng.uniform(-bound, bound)) for _ in range(inputs)]
        self.bias = Value(0.0)
        self.activation = ACTIVATIONS[activation]

    def __call__(self, x: list) -> Value:
        """One number from many."""
        if len(x) != len(self.weights):  # zip would drop what is left over
            raise ValueError(f"got {len(x)} inputs, wanted {len(self.weights)}")
        products = (w * number for w, number in zip(self.weights, x, strict=True))
        return self.activation(sum(products, self.bias))

    def parameters(self) -> list[Value]:
        """Weights, then the bias."""
        return [*self.weights, self.bias]


class Layer:
    """Neurons that see the same inputs. One generator for all, or they would all be the same."""

    def __init__(self, inputs: int, outputs: int, rng: random.Random, activation: str):
        if outputs < 1:
            raise ValueError(f"{outputs=}; a layer has at least one")
        self.neurons = [Neuron(inputs, rng, activation) for _ in range(outputs)]

    def __call__(self, x: list) -> list[Value]:
        """One number per neuron."""
        return [neuron(x) for neuron in self.neurons]

    def parameters(self) -> list[Value]:
        """Neuron by neuron."""
        return [p for neuron in self.neurons for p in neuron.parameters()]


class MLP:
    """Layers in a row."""

    def __init__(self, sizes: list[int], rng: random.Random):
        if len(sizes) < 2:
            raise ValueError(f"{sizes=}; wanted the number of inputs, ..., the number of outputs")
        last = len(sizes) - 2
        self.layers = [
            Layer(sizes[i], sizes[i + 1], rng, "linear" if i == last else "tanh")
            for i in range(last + 1)
        ]

    def __call__(self, x: list) -> list[Value]:
        """Each layer's outputs are the next one's inputs."""
        for layer in self.layers:
            x = layer(x)
        return x

    def parameters(self) -> list[Value]:
        """Layer by layer."""
        return [p for layer in self.layers for p in layer.parameters()]
