"""A training step recorded as it passes.

The step runs on a copy of the network by `backpropagate`, the engine's own function, and on the copy each layer,
activation and loss notes what goes into its methods and what comes out. Nothing is computed a second time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.backpropagation import backpropagate, is_fused
from plainnet.explain.formulas import HandedOver
from plainnet.explain.standing import Standing
from plainnet.layers import Layer, TrainingPass
from plainnet.losses import Loss

if TYPE_CHECKING:
    from plainnet.network import Network


@dataclass
class LayerRecord:
    """The arrays that passed at one layer; those that a layer does not have are None."""

    inputs: Array | None = None
    outputs: Array | None = None
    """The weighted sums, where the layer stopped before its activation."""
    z: Array | None = None
    activation_gradient: Array | None = None
    """∂loss/∂a as the activation's `backward` took it."""
    slope: Array | None = None
    """f'(z), where the activation computed it."""
    delta: Array | None = None
    """∂loss/∂z."""
    output_gradient: Array | None = None
    input_gradient: Array | None = None
    gradients: dict[str, Array] = field(default_factory=dict)
    """The gradients of the layer's parameters, before penalties."""
    remembered: dict[str, Array] = field(default_factory=dict)
    """The intermediate values that the layer handed over, by its names for them."""
    random_state: Any = None
    """The state of the stream of dropout masks before the layer drew."""


@dataclass
class Record:
    """The arrays that passed in one step."""

    network: Network
    """The copy on which the step ran, with its statistics after the step and its parameters before the update."""
    fused: bool
    layers: list[LayerRecord]
    elements: Array | None = None
    """The loss of each element, where the loss is a mean over elements."""
    data_loss: float = 0.0
    value: float = 0.0
    output_gradient: Array | None = None
    """∂loss/∂ŷ, or ∂loss/∂z of the last layer where the loss is computed from the weighted sums."""
    gradient: Array | None = None
    """The gradient of all parameters, penalties included."""


def record(
    net: Network,
    loss: Loss,
    inputs: Array,
    targets: Array,
    weight: Array | None,
    dropout_seed: int,
    standing: Standing,
) -> Record:
    """Run one forward and backward pass on a copy of `net`, which itself stays as it is."""
    twin = net.copy()
    fused = is_fused(twin.layers[-1], loss)
    recorded = Record(twin, fused, [LayerRecord() for _ in twin.layers])
    for layer, layer_record in zip(twin.layers, recorded.layers, strict=True):
        stops_at_z = fused and layer is twin.layers[-1]
        _watch_layer(layer, layer_record, "pre_activation" if stops_at_z else "forward")
        if not stops_at_z and hasattr(layer, "activation"):
            _watch_activation(layer, layer_record)
    gradient = np.zeros_like(twin.parameters)
    step = TrainingPass(np.random.default_rng(dropout_seed), present=standing.present(twin))
    recorded.value = backpropagate(
        twin.layers, _watched_loss(loss, recorded), inputs, targets, weight, step, twin.parameter_views(gradient)
    )
    recorded.gradient = gradient
    return recorded


def watch(thing: Any, method: str, wrapped: Callable[..., Any]) -> None:
    """Put `wrapped` in the place of a method of one object; it is given the method, then the arguments."""
    original = getattr(thing, method)
    setattr(thing, method, lambda *arguments, **options: wrapped(original, *arguments, **options))


def _watch_layer(layer: Layer, noted: LayerRecord, method: str) -> None:
    def forward(original: Any, inputs: Array, training: TrainingPass) -> Any:
        noted.inputs = inputs.copy()
        noted.random_state = training.random.bit_generator.state
        handed_over = HandedOver(
            training.random, training.updates_statistics, training.needs_input_gradient, training.present
        )
        outputs, way_back = original(inputs, handed_over)
        noted.outputs = outputs.copy()
        noted.remembered = handed_over.arrays

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            noted.output_gradient = gradient.copy()
            to_inputs = way_back(gradient, gradients)
            noted.input_gradient = None if to_inputs is None else to_inputs.copy()
            noted.gradients = {name: array.copy() for name, array in gradients.items()}
            return to_inputs

        return outputs, backward

    watch(layer, method, forward)


def _watch_activation(layer: Any, noted: LayerRecord) -> None:
    layer.activation = copy.copy(layer.activation)  # two layers may share one

    def value(original: Any, z: Array) -> Array:
        noted.z = z.copy()
        return original(z)

    def derivative(original: Any, z: Array, a: Array) -> Array:
        slope = original(z, a)
        noted.slope = slope.copy()
        return slope

    def backward(original: Any, gradient: Array, z: Array, a: Array) -> Array:
        noted.activation_gradient = gradient.copy()
        delta = original(gradient, z, a)
        noted.delta = delta.copy()
        return delta

    watch(layer.activation, "value", value)
    watch(layer.activation, "derivative", derivative)
    watch(layer.activation, "backward", backward)


def _watched_loss(loss: Loss, recorded: Record) -> Loss:
    watched = copy.copy(loss)

    def elements(original: Any, targets: Array, outputs: Array) -> Any:
        losses, derivatives = original(targets, outputs)
        recorded.elements = losses.copy()
        return losses, derivatives

    def value_and_gradient(original: Any, *arguments: Any, **options: Any) -> Any:
        value, gradient = original(*arguments, **options)
        recorded.data_loss, recorded.output_gradient = value, gradient.copy()
        return value, gradient

    watch(watched, "elements_from_logits" if recorded.fused else "elements", elements)
    watch(watched, "value_and_gradient", value_and_gradient)
    return watched
