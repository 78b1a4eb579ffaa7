"""The NumPy that tutorials write: for XOR the post's own loop, otherwise lists of arrays and a loop over layers.

The post's loop has the post's functions and the order of its operations; what its update gets wrong is mended (see
plainnet.xor_post), at the price of one multiplication.
"""

import numpy as np

from benchmarks.machine import blas_threads
from benchmarks.workloads import LEARNING_RATE, Workload
from plainnet._base.arrays import Array


def threads() -> int:
    """NumPy's BLAS has its own default."""
    return blas_threads()


def Single(work: Workload) -> "PostLoop | TutorialNetwork":  # noqa: N802, the name that every peer's class has
    """The style that suits the workload."""
    return PostLoop(work) if work.is_xor else TutorialNetwork(work)


def sigmoid(z: Array) -> Array:
    """σ(z)."""
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_derivative(z: Array) -> Array:
    """σ'(z), which the post computes from two calls of σ."""
    return sigmoid(z) * (1 - sigmoid(z))


class PostLoop:
    """Two sigmoid layers, mean squared error, gradient descent with learning rate 1."""

    def __init__(self, work: Workload) -> None:
        self.X, self.Y = work.examples
        self.work = work
        self.reset()

    def reset(self) -> None:
        """Back to the initial weights."""
        (self.hidden_weights, self.hidden_bias), (self.output_weights, self.output_bias) = self.work.initial_weights()

    @property
    def weights(self) -> list[Array]:
        """As the network has them: weights and bias, layer by layer."""
        return [self.hidden_weights, self.hidden_bias, self.output_weights, self.output_bias]

    def train(self, epochs: int) -> None:
        """The loop, on local names as in a script."""
        X, Y = self.X, self.Y
        hidden_weights, hidden_bias, output_weights, output_bias = self.weights
        for _ in range(epochs):
            hidden_sum = np.dot(X, hidden_weights) + hidden_bias
            hidden = sigmoid(hidden_sum)
            output_sum = np.dot(hidden, output_weights) + output_bias
            output = sigmoid(output_sum)

            output_delta = 2 / len(X) * (output - Y) * sigmoid_derivative(output_sum)
            hidden_delta = output_delta.dot(output_weights.T) * sigmoid_derivative(hidden_sum)

            output_weights -= hidden.T.dot(output_delta)
            hidden_weights -= X.T.dot(hidden_delta)
            output_bias -= np.sum(output_delta, axis=0)
            hidden_bias -= np.sum(hidden_delta, axis=0)


class TutorialNetwork:
    """Relu layers, softmax, cross-entropy and Adam, an array at a time."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.X, labels = work.examples
        self.Y = np.eye(work.sizes[-1], dtype=work.dtype)[labels]
        self.random = np.random.default_rng(work.seed)
        self.reset()

    def reset(self) -> None:
        """Back to the initial weights and a fresh optimizer."""
        self.weights = [array for layer in self.work.initial_weights() for array in layer]
        self.means = [np.zeros_like(array) for array in self.weights]
        self.squares = [np.zeros_like(array) for array in self.weights]
        self.steps = 0

    def forward(self, X: Array) -> list[Array]:
        """The activations of every layer, the inputs first."""
        activations = [X]
        for i in range(0, len(self.weights), 2):
            z = activations[-1] @ self.weights[i] + self.weights[i + 1]
            if i < len(self.weights) - 2:
                activations.append(np.maximum(z, 0))
            else:
                exponentials = np.exp(z - z.max(axis=1, keepdims=True))
                activations.append(exponentials / exponentials.sum(axis=1, keepdims=True))
        return activations

    def gradients(self, X: Array, Y: Array) -> list[Array]:
        """∂loss/∂array for each of the weights, by going back through the layers."""
        activations = self.forward(X)
        gradients: list[Array] = []
        delta = (activations[-1] - Y) / len(X)
        for i in range(len(self.weights) - 2, -1, -2):
            inputs = activations[i // 2]
            gradients = [inputs.T @ delta, delta.sum(axis=0), *gradients]
            if i > 0:
                delta = (delta @ self.weights[i].T) * (inputs > 0)
        return gradients

    def step(self, gradients: list[Array]) -> None:
        """Adam, an array after the other."""
        self.steps += 1
        for i, gradient in enumerate(gradients):
            self.means[i] = 0.9 * self.means[i] + 0.1 * gradient
            self.squares[i] = 0.999 * self.squares[i] + 0.001 * gradient**2
            mean = self.means[i] / (1 - 0.9**self.steps)
            square = self.squares[i] / (1 - 0.999**self.steps)
            self.weights[i] -= LEARNING_RATE * mean / (np.sqrt(square) + 1e-8)

    def train(self, epochs: int) -> None:
        """Epochs of shuffled batches."""
        size = self.work.batch_size
        for _ in range(epochs):
            order = self.random.permutation(len(self.X))
            for start in range(0, len(order), size):
                chosen = order[start : start + size]
                self.step(self.gradients(self.X[chosen], self.Y[chosen]))

    def predict(self, X: Array) -> Array:
        """Probabilities of the rows of X."""
        return self.forward(X)[-1]
