"""Normalization: features brought to mean 0 and deviation 1, of a batch or of an example."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from collections.abc import Callable, Mapping

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array, Shape
from plainnet.layers.base import Backward, Layer, TrainingPass, one_axis, unchanged


def normalized(
    inputs: Array, axis: int, epsilon: float, n: int, total: Callable[[Array], Array] = unchanged
) -> tuple[Array, Array, Array, Array]:
    """x̂ = (inputs - mean) / √(variance + epsilon), with mean and variance of n numbers along `axis`.

    Return x̂, the mean, the variance (divided by n, not n - 1) and the root. `total` adds what other ranks hold.
    """
    mean = total(inputs.sum(axis, keepdims=True)) / n
    centred = inputs - mean
    variance = total((centred * centred).sum(axis, keepdims=True)) / n
    root = np.sqrt(variance + epsilon)
    return centred / root, mean, variance, root


def standardized(inputs: Array, mean: Array, variance: Array, epsilon: float) -> tuple[Array, Array]:
    """x̂ = (inputs - mean) / √(variance + epsilon), for a mean and variance that are known; return x̂ and the root."""
    root = np.sqrt(variance + epsilon)
    return (inputs - mean) / root, root


def centred_gradient(gradient: Array, x_hat: Array, total: Array, along: Array, n: int) -> Array:
    """g - mean(g) - x̂ mean(g x̂): how the loss changes with inputs that are centred and scaled together.

    `total` is Σ g and `along` is Σ g x̂ over the n inputs that share a mean and a variance; their two terms are there
    because both depend on every input. With g = ∂loss/∂x̂, ∂loss/∂inputs is this divided by √(variance + epsilon).
    """
    return gradient - total / n - x_hat * (along / n)


class BatchNorm(Layer):
    """outputs = scale · x̂ + shift with x̂ = (inputs - mean) / √(variance + epsilon), a feature at a time.

    In training mean and variance are the batch's own (variance divided by the number of examples n); a prediction
    uses the running statistics, which follow as r ← (1 - momentum) r + momentum · batch value, the variance
    divided by n - 1 there (Ioffe & Szegedy 2015; PyTorch's conventions). Shapes: scale, shift, running_mean and
    running_variance (features,). With g = ∂loss/∂outputs, summed over the examples:

        ∂loss/∂shift = Σ g        ∂loss/∂scale = Σ g x̂        ∂loss/∂x̂ = scale · g, then `centred_gradient`

    `momentum` is the weight of the latest batch in the running statistics, from 0 to 1; `epsilon`, above 0, keeps the
    root from 0. A batch of one example has no variance: it leaves the running statistics alone, and training with
    batches of one raises InvalidValue. Where several ranks hold parts of a batch, n and the sums that mean, variance
    and ∂loss/∂inputs take are those of the whole batch.

    >>> import plainnet as pn
    >>> net = pn.Network(pn.Dense(4), pn.BatchNorm(), pn.Activation("relu"), pn.Dense(1), input_size=3)
    >>> net.layers[1].scale.tolist(), net.layers[1].running_mean.tolist()
    ([1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0])
    """

    normalization, torch = "batch", "BatchNorm1d({features}, eps={epsilon}, momentum={momentum})"
    smallest_batch = 2

    def __init__(self, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        self.momentum = checks.number("momentum", momentum, least=0, most=1)
        self.epsilon = checks.number("epsilon", epsilon, above=0)
        self.scale: Array
        self.shift: Array
        self.running_mean: Array
        self.running_variance: Array

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"scale": one_axis(self, input_shape), "shift": input_shape}

    def statistic_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"running_mean": input_shape, "running_variance": input_shape}

    def initialize(self, random: np.random.Generator) -> None:
        self.scale[...] = 1
        self.running_variance[...] = 1

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        if training is None:
            x_hat, root = standardized(inputs, self.running_mean, self.running_variance, self.epsilon)
        else:
            n = training.count(inputs)
            x_hat, mean, variance, root = normalized(inputs, 0, self.epsilon, n, training.total)
            training.keep(mean=mean, variance=variance, root=root, normalized=x_hat)
            if training.updates_statistics and n > 1:
                unbiased = variance.reshape(-1) * (n / (n - 1))
                self.running_mean += self.momentum * (mean.reshape(-1) - self.running_mean)
                self.running_variance += self.momentum * (unbiased - self.running_variance)

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            gradients["shift"][...] = shift = gradient.sum(axis=0)
            gradients["scale"][...] = scale = (gradient * x_hat).sum(axis=0)
            if training is not None:  # in a prediction mean and variance do not depend on the inputs
                gradient = centred_gradient(gradient, x_hat, training.total(shift), training.total(scale), n)
            return gradient * (self.scale / root)

        return self.scale * x_hat + self.shift, backward

    def predict(self, inputs: Array) -> Array:
        return self.scale * standardized(inputs, self.running_mean, self.running_variance, self.epsilon)[0] + self.shift


class LayerNorm(Layer):
    """outputs = scale · x̂ + shift with x̂ = (inputs - mean) / √(variance + epsilon), an example at a time.

    Mean and variance run over one example's features, in training and prediction alike (Ba, Kiros & Hinton 2016).
    Shapes: scale, shift (features,). With g = ∂loss/∂outputs, ∂loss/∂x̂ = scale · g, then `centred_gradient`.
    `epsilon`, above 0, keeps the root from 0.

    >>> import plainnet as pn
    >>> net = pn.Network(pn.LayerNorm(), input_size=3, dtype="float64")
    >>> net.predict([[1, 3, 5]]).round(3).tolist()
    [[-1.225, 0.0, 1.225]]
    """

    normalization, torch = "layer", "LayerNorm({features}, eps={epsilon})"

    def __init__(self, epsilon: float = 1e-5) -> None:
        self.epsilon = checks.number("epsilon", epsilon, above=0)
        self.scale: Array
        self.shift: Array

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"scale": one_axis(self, input_shape), "shift": input_shape}

    def initialize(self, random: np.random.Generator) -> None:
        self.scale[...] = 1

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        x_hat, mean, variance, root = normalized(inputs, 1, self.epsilon, inputs.shape[1])
        if training is not None:
            training.keep(mean=mean, variance=variance, root=root, normalized=x_hat)

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            gradients["shift"][...] = gradient.sum(axis=0)
            gradients["scale"][...] = (gradient * x_hat).sum(axis=0)
            g = self.scale * gradient
            total, along = g.sum(axis=1, keepdims=True), (g * x_hat).sum(axis=1, keepdims=True)
            return centred_gradient(g, x_hat, total, along, g.shape[1]) / root

        return self.scale * x_hat + self.shift, backward

    def predict(self, inputs: Array) -> Array:
        return self.scale * normalized(inputs, 1, self.epsilon, inputs.shape[1])[0] + self.shift


def root_mean_square(inputs: Array, epsilon: float) -> Array:
    """r = √(mean(inputs²) + epsilon) of each example, as a column."""
    return np.sqrt((inputs * inputs).sum(axis=1, keepdims=True) / inputs.shape[1] + epsilon)


class RMSNorm(Layer):
    """outputs = scale · x̂ with x̂ = inputs / r and r = √(mean(inputs²) + epsilon), an example at a time.

    It is LayerNorm without the mean and the shift (Zhang & Sennrich 2019). Shape: scale (features,). With
    g = ∂loss/∂x̂ = scale · ∂loss/∂outputs, and means over one example's features:

        ∂loss/∂scale = Σ_examples ∂loss/∂outputs · x̂        ∂loss/∂inputs = (g - x̂ mean(g x̂)) / r

    `epsilon`, above 0, keeps the root from 0.

    >>> import plainnet as pn
    >>> net = pn.Network(pn.RMSNorm(), input_size=2, dtype="float64")
    >>> net.predict([[1, 7]]).round(3).tolist()
    [[0.2, 1.4]]
    """

    normalization, torch = "rms", "RMSNorm({features}, eps={epsilon})"

    def __init__(self, epsilon: float = 1e-5) -> None:
        self.epsilon = checks.number("epsilon", epsilon, above=0)
        self.scale: Array

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"scale": one_axis(self, input_shape)}

    def initialize(self, random: np.random.Generator) -> None:
        self.scale[...] = 1

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        root = root_mean_square(inputs, self.epsilon)
        x_hat = inputs / root
        if training is not None:
            training.keep(root=root, normalized=x_hat)

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            gradients["scale"][...] = (gradient * x_hat).sum(axis=0)
            g = self.scale * gradient
            return (g - x_hat * ((g * x_hat).sum(axis=1, keepdims=True) / g.shape[1])) / root

        return self.scale * x_hat, backward

    def predict(self, inputs: Array) -> Array:
        return self.scale * (inputs / root_mean_square(inputs, self.epsilon))
