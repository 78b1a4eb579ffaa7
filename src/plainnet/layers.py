"""Layers: each takes the outputs of the one before it and carries the gradient back.

A layer's `forward(inputs, training)` returns its outputs together with the function that takes ∂loss/∂outputs back
to ∂loss/∂inputs. All that a pass needs to remember lives in that function and nothing on the layer, so several
threads can use a network at once. In the backward pass the function writes the gradient of each of the layer's
parameters into an array it is given for it.

A user's own layer is a subclass of `Layer` with a `forward`; `docs/extending.md` has one, line by line.
"""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from plainnet import adapters, initializers
from plainnet._base import checks
from plainnet._base.arrays import Array, Shape
from plainnet._base.checks import assign
from plainnet._base.configurable import Configurable, parts
from plainnet.activations import ActivationFunction
from plainnet.adapters import Activatable
from plainnet.errors import InvalidValue
from plainnet.initializers import Initializer

__all__ = ["Activation", "BatchNorm", "Dense", "Dropout", "Layer", "LayerNorm", "RMSNorm"]

Backward = Callable[[Array, Mapping[str, Array]], Array]
"""(∂loss/∂outputs, the layer's parameter gradients to write) -> ∂loss/∂inputs."""


@dataclass(frozen=True)
class TrainingPass:
    """All that a layer may need to know of a training step; a prediction has None in its place."""

    random: np.random.Generator
    """The stream from which Dropout draws its masks."""

    updates_statistics: bool = True
    """True if BatchNorm's running statistics follow this step's batch."""

    needs_input_gradient: bool = True
    """False for the first layer: nobody asks for the gradient with respect to the data."""

    @cached_property
    def at_first_layer(self) -> TrainingPass:
        """The same pass without a gradient with respect to the inputs."""
        return replace(self, needs_input_gradient=False)

    def keep(self, **arrays: Array) -> None:
        """Hand over intermediate values by name, for `pn.explain` to show; training itself drops them."""


class Penalty(NamedTuple):
    """l1 · Σ|w| + l2/2 · Σw² over one parameter."""

    l1: float
    l2: float


class Layer(Configurable):
    """The base of all layers; by itself it passes its inputs on.

    `parameter_shapes` names the layer's parameters. Once the network is built each is an attribute of that name:
    a view into the network's one vector, and assigning to it writes there. `statistic_shapes` does the same for
    numbers that training records without descending, such as running means.
    """

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the name and shape of each parameter for examples of `input_shape` (without the examples' axis)."""
        return {}

    def statistic_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the name and shape of each running statistic."""
        return {}

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of one example's outputs."""
        return input_shape

    def initialize(self, random: np.random.Generator) -> None:
        """Give parameters and statistics their first values; they are zero before."""

    def penalties(self) -> dict[str, Penalty]:
        """Return the penalty on each parameter that has one."""
        return {}

    ends_in_activation = False
    """True if `forward` is `pre_activation` and then the activation, as a loss of the sums z takes for granted."""

    may_skip_input_gradient = False
    """True if the layer looks at `training.needs_input_gradient`; one that holds others needs the gradient of each."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "forward" in cls.__dict__:
            cls.ends_in_activation = "pre_activation" in cls.__dict__  # an inherited one belongs to another forward
        if "predict" not in cls.__dict__ and not {"forward", "pre_activation"}.isdisjoint(cls.__dict__):
            cls.predict = Layer.predict  # type: ignore[method-assign]  # an inherited one belongs to another forward

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        """Return the outputs, and the function that carries the gradient back."""
        raise NotImplementedError(f"{type(self).__name__} needs a method forward(inputs, training)")

    def predict(self, inputs: Array) -> Array:
        """Return the outputs alone, as `forward` gives them for training=None."""
        return self.forward(inputs)[0]

    normalization: str | None = None
    """The name by which the argument `normalization` of tables, estimators and commands chooses the layer."""

    torch: str | None = None
    """The same layer as a module of `torch.nn`, the settings and the number of `features` it takes in braces."""

    smallest_batch = 1
    """The number of examples that a training step needs at least."""

    def claim(self) -> None:
        """Mark the layer as belonging to a network; InvalidValue where it belongs to one already."""
        if self.__dict__.get("_claimed"):
            raise InvalidValue(f"{self!r} already belongs to a network; make a new layer for each place")
        self.__dict__["_claimed"] = True

    def bind(self, views: Mapping[str, Array]) -> None:
        """Make each of the `views` an attribute; from then on assignment to it writes into the view.

        An array of another shape is refused; one number fills the whole view.
        """
        self.__dict__["_views"] = dict(views)
        self.__dict__.update(views)

    def unbind(self) -> None:
        """Undo `bind`."""
        for name in self.__dict__.pop("_views", {}):
            del self.__dict__[name]

    @property
    def is_built(self) -> bool:
        """True if the layer belongs to a network that knows its input size."""
        return "_views" in self.__dict__

    def __setattr__(self, name: str, value: Any) -> None:
        view = self.__dict__.get("_views", {}).get(name)
        if view is None:
            super().__setattr__(name, value)
        elif value is not view:  # which it is after an operation in place, such as layer.weights += 1
            assign(name, view, value, fill=True)

    def __getattr__(self, name: str) -> Any:
        hint = (
            ""
            if self.is_built or name.startswith("_")
            else ("; parameters are there once the network is built: give Network an input_size, or fit it")
        )
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{hint}")

    def __getstate__(self) -> dict[str, Any]:
        """Return the layer without its views: the network that copies or unpickles it binds it anew."""
        views = self.__dict__.get("_views", {})
        return {k: v for k, v in self.__dict__.items() if k not in ("_views", "_claimed") and k not in views}


def weighted_sums(inputs: Array, weights: Array, bias: Array | None) -> Array:
    """z = inputs @ weights + bias."""
    z = inputs @ weights
    if bias is not None:
        z += bias
    return z


class Dense(Layer):
    """Every output depends on every input: outputs = f(inputs @ weights + bias).

    Shapes: inputs (examples, inputs), weights (inputs, units), bias (units,), outputs (examples, units). With
    z = inputs @ weights + bias and δ = ∂loss/∂z = ∂loss/∂outputs · f'(z), the chain rule gives

        ∂loss/∂weights = inputsᵀ @ δ        each weight's input times its unit's δ, summed over the examples
        ∂loss/∂bias    = Σ_examples δ       the bias's input is 1
        ∂loss/∂inputs  = δ @ weightsᵀ       each unit's δ through the weight it came by

    (Rumelhart, Hinton & Williams 1986).

        units        the number of outputs, at least 1
        activation   a name, an object, or a function z -> (value, derivative)
        bias         False leaves the bias out; biases start at 0
        initializer  a name, an object, a function (shape, random), or "auto", which suits the activation
        l1, l2       the penalty l1 · Σ|w| + l2/2 · Σw² on the weights, which is part of the loss; at least 0
    """

    torch = "Linear({features}, {units}, bias={bias})"
    may_skip_input_gradient = True

    def __init__(
        self,
        units: int,
        activation: Activatable = "identity",
        *,
        bias: bool = True,
        initializer: Any = "auto",
        l1: float = 0.0,
        l2: float = 0.0,
    ) -> None:
        self.units = checks.whole_number("units", units, least=1)
        self.activation: ActivationFunction = adapters.activation_of(activation)
        self.has_bias = checks.flag("bias", bias)
        self.initializer = "auto" if initializer == "auto" else initializers.resolve(initializer)
        self.l1 = checks.number("l1", l1, least=0)
        self.l2 = checks.number("l2", l2, least=0)
        self.bias: Array | None = None
        self.weights: Array

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("units", "has_bias") and self.is_built:
            raise InvalidValue(f"{name} cannot be set: the layer has its weights; make a new network")
        super().__setattr__(name, adapters.activation_of(value) if name == "activation" else value)

    def settings(self) -> dict[str, Any]:
        settings = {"units": self.units, "activation": self.activation, "bias": self.has_bias}
        return {**settings, "initializer": self.initializer, "l1": self.l1, "l2": self.l2}

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        (inputs,) = _one_axis(self, input_shape)
        bias = {"bias": (self.units,)} if self.has_bias else {}
        return {"weights": (inputs, self.units), **bias}

    def output_shape(self, input_shape: Shape) -> Shape:
        return (self.units,)

    @property
    def weights_initializer(self) -> Initializer:
        """The initializer; if it is "auto", the one that suits the activation."""
        if isinstance(self.initializer, str):
            return initializers.resolve(self.activation.initializer)
        return self.initializer

    def initialize(self, random: np.random.Generator) -> None:
        drawn = np.asarray(self.weights_initializer(self.weights.shape, random))
        if drawn.shape != self.weights.shape:
            raise InvalidValue(f"initializer returned shape {drawn.shape}; the weights take {self.weights.shape}")
        self.weights[...] = drawn

    def penalties(self) -> dict[str, Penalty]:
        return {"weights": Penalty(self.l1, self.l2)} if self.l1 or self.l2 else {}

    def pre_activation(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        """z = inputs @ weights + bias, and the backward pass from ∂loss/∂z."""
        z = weighted_sums(inputs, self.weights, self.bias)

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            gradients["weights"][...] = inputs.T @ gradient
            if self.bias is not None:
                gradients["bias"][...] = gradient.sum(axis=0)
            if training is not None and not training.needs_input_gradient:
                return gradient
            return gradient @ self.weights.T

        return z, backward

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        z, backward_from_z = self.pre_activation(inputs, training)
        outputs = self.activation.value(z)

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            return backward_from_z(self.activation.backward(gradient, z, outputs), gradients)

        return outputs, backward

    def predict(self, inputs: Array) -> Array:
        return self.activation.value(weighted_sums(inputs, self.weights, self.bias))


class Activation(Layer):
    """outputs = f(inputs), for an activation that stands apart from its Dense layer, as after BatchNorm.

    `activation` is a name, an object, or a function z -> (value, derivative).
    """

    def __init__(self, activation: Activatable) -> None:
        self.activation: ActivationFunction = adapters.activation_of(activation)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, adapters.activation_of(value) if name == "activation" else value)

    def pre_activation(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        """z = inputs."""
        return inputs, lambda gradient, gradients: gradient

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        outputs = self.activation.value(inputs)
        return outputs, lambda gradient, gradients: self.activation.backward(gradient, inputs, outputs)

    def predict(self, inputs: Array) -> Array:
        return self.activation.value(inputs)


class Dropout(Layer):
    """Set each input to zero with probability `rate` in training, and divide the others by 1 - rate.

    outputs = inputs · mask / (1 - rate), so the expected value stays as it is and a prediction changes nothing
    (Srivastava et al. 2014; the inverted form). The gradient passes through the same mask. `rate` is from 0 to below 1.
    """

    torch = "Dropout({rate})"

    def __init__(self, rate: float = 0.5) -> None:
        self.rate = checks.number("rate", rate, least=0, below=1)

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        if training is None or self.rate == 0:
            return inputs, lambda gradient, gradients: gradient
        mask = (training.random.random(inputs.shape, dtype=np.float32) >= self.rate) / inputs.dtype.type(1 - self.rate)
        training.keep(mask=mask)
        return inputs * mask, lambda gradient, gradients: gradient * mask

    def predict(self, inputs: Array) -> Array:
        return inputs


def normalized(inputs: Array, axis: int, epsilon: float) -> tuple[Array, Array, Array, Array]:
    """x̂ = (inputs - mean) / √(variance + epsilon), with mean and variance along `axis`.

    Return x̂, the mean, the variance (divided by the count n, not n - 1) and the root.
    """
    n = inputs.shape[axis]
    mean = inputs.sum(axis, keepdims=True) / n
    centred = inputs - mean
    variance = (centred * centred).sum(axis, keepdims=True) / n
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
    batches of one raises InvalidValue.
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
        return {"scale": _one_axis(self, input_shape), "shift": input_shape}

    def statistic_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"running_mean": input_shape, "running_variance": input_shape}

    def initialize(self, random: np.random.Generator) -> None:
        self.scale[...] = 1
        self.running_variance[...] = 1

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        if training is None:
            x_hat, root = standardized(inputs, self.running_mean, self.running_variance, self.epsilon)
        else:
            x_hat, mean, variance, root = normalized(inputs, 0, self.epsilon)
            training.keep(mean=mean, variance=variance, root=root, normalized=x_hat)
            if training.updates_statistics and len(inputs) > 1:
                unbiased = variance.reshape(-1) * (len(inputs) / (len(inputs) - 1))
                self.running_mean += self.momentum * (mean.reshape(-1) - self.running_mean)
                self.running_variance += self.momentum * (unbiased - self.running_variance)

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            gradients["shift"][...] = shift = gradient.sum(axis=0)
            gradients["scale"][...] = scale = (gradient * x_hat).sum(axis=0)
            if training is not None:  # in a prediction mean and variance do not depend on the inputs
                gradient = centred_gradient(gradient, x_hat, shift, scale, len(gradient))
            return gradient * (self.scale / root)

        return self.scale * x_hat + self.shift, backward

    def predict(self, inputs: Array) -> Array:
        return self.scale * standardized(inputs, self.running_mean, self.running_variance, self.epsilon)[0] + self.shift


class LayerNorm(Layer):
    """outputs = scale · x̂ + shift with x̂ = (inputs - mean) / √(variance + epsilon), an example at a time.

    Mean and variance run over one example's features, in training and prediction alike (Ba, Kiros & Hinton 2016).
    Shapes: scale, shift (features,). With g = ∂loss/∂outputs, ∂loss/∂x̂ = scale · g, then `centred_gradient`. `epsilon`,
    above 0, keeps the root from 0.
    """

    normalization, torch = "layer", "LayerNorm({features}, eps={epsilon})"

    def __init__(self, epsilon: float = 1e-5) -> None:
        self.epsilon = checks.number("epsilon", epsilon, above=0)
        self.scale: Array
        self.shift: Array

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"scale": _one_axis(self, input_shape), "shift": input_shape}

    def initialize(self, random: np.random.Generator) -> None:
        self.scale[...] = 1

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        x_hat, mean, variance, root = normalized(inputs, 1, self.epsilon)
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
        return self.scale * normalized(inputs, 1, self.epsilon)[0] + self.shift


def root_mean_square(inputs: Array, epsilon: float) -> Array:
    """r = √(mean(inputs²) + epsilon) of each example, as a column."""
    return np.sqrt((inputs * inputs).sum(axis=1, keepdims=True) / inputs.shape[1] + epsilon)


class RMSNorm(Layer):
    """outputs = scale · x̂ with x̂ = inputs / r and r = √(mean(inputs²) + epsilon), an example at a time.

    It is LayerNorm without the mean and the shift (Zhang & Sennrich 2019). Shape: scale (features,). With
    g = ∂loss/∂x̂ = scale · ∂loss/∂outputs, and means over one example's features:

        ∂loss/∂scale = Σ_examples ∂loss/∂outputs · x̂        ∂loss/∂inputs = (g - x̂ mean(g x̂)) / r

    `epsilon`, above 0, keeps the root from 0.
    """

    normalization, torch = "rms", "RMSNorm({features}, eps={epsilon})"

    def __init__(self, epsilon: float = 1e-5) -> None:
        self.epsilon = checks.number("epsilon", epsilon, above=0)
        self.scale: Array

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"scale": _one_axis(self, input_shape)}

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


def _one_axis(layer: Layer, input_shape: Shape) -> tuple[int]:
    if len(input_shape) != 1:
        raise InvalidValue(f"{layer.name} takes examples of one axis (features,) and came after shape {input_shape}")
    return (input_shape[0],)


LAYERS: dict[str, type[Layer]] = parts(Layer, globals())
"""Every layer above by its name."""

NORMALIZATIONS: dict[str, type[Layer]] = {cls.normalization: cls for cls in LAYERS.values() if cls.normalization}
"""The layers that an argument `normalization` chooses from."""


def hidden_block(
    units: int, activation: Activatable, *, normalization: str | None = None, dropout: float = 0.0, **settings: Any
) -> list[Layer]:
    """Return a hidden layer: Dense, with a normalization before its activation and Dropout after it, if given.

    `settings` are Dense's own, such as its initializer.
    """
    if normalization is None:
        block: list[Layer] = [Dense(units, activation, **settings)]
    else:
        made = NORMALIZATIONS[checks.one_of("normalization", normalization, NORMALIZATIONS)]()
        block = [Dense(units, **settings), made, Activation(activation)]
    return [*block, Dropout(dropout)] if dropout else block
