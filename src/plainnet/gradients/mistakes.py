"""Usual mistakes in the chain rule, made on purpose: what the gradient of a network of Dense layers is under each.

With `inputs` the layer's inputs, z = inputs @ weights + bias, a = f(z) and δ = ∂loss/∂z, each layer's gradient is

    ∂loss/∂weights = inputsᵀ @ δ        ∂loss/∂bias = Σ_examples δ
    δ of the last layer = ∂loss/∂a · f'(z)        δ before it = (δ @ weightsᵀ) · f'(z)

The mistakes are those that leave every shape as it is, or do so where two sizes happen to be equal.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.backpropagation import is_fused
from plainnet.layers import Dense
from plainnet.network import Network
from plainnet.network.examples import inputs_for, loss_for

SLOPES = {
    "activation": "f' is taken of the activations instead of the weighted sums, f'(a) for f'(z), in {layers}",
    "missing": "f'(z) is left out in {layers}",
    "twice": "f'(z) is multiplied into the output's δ, which with this loss has no such factor",
}
BIAS = "the bias adds δ over the units (axis 1) instead of the examples (axis 0)"
ERROR = "the loss's derivative by the prediction, such as (ŷ - y), is left out"
WEIGHTS = "δ goes back through the weights where it takes their transpose"


@dataclass(frozen=True)
class _Pass:
    """The values that one layer computed in the forward pass."""

    layer: Dense
    inputs: Array
    z: Array
    a: Array


@dataclass(frozen=True)
class _Mistakes:
    """One choice of mistakes; none of them is the correct gradient."""

    slopes: tuple[str, ...]
    """A key of SLOPES for each layer, or "right"."""
    slopes_in_words: str
    bias: bool
    error: bool
    weights: bool

    def causes(self) -> list[str]:
        flags = ((self.bias, BIAS), (self.error, ERROR), (self.weights, WEIGHTS))
        return [text for text in (self.slopes_in_words,) if text] + [text for made, text in flags if made]


def mistaken_gradients(net: Network, X: Any, y: Any, loss: Any) -> Iterator[tuple[list[str], list[Array]]]:
    """Each combination of mistakes, the fewest first: their words, and the gradient of every array under them.

    Only for networks all of whose layers are `Dense` and without penalties; of others nothing is known.
    """
    if not all(type(layer) is Dense and not layer.penalties() for layer in net.layers):
        return
    loss = loss_for(net, loss)
    targets = loss.prepare(y, net.output_size, net.dtype)
    passes: list[_Pass] = []
    outputs = inputs_for(net, X)[:]
    for layer in net.layers:
        z, _ = layer.pre_activation(outputs)
        passes.append(_Pass(layer, outputs, z, layer.activation.value(z)))
        outputs = passes[-1].a
    fused = is_fused(net.layers[-1], loss)
    _, of_outputs = loss.value_and_gradient(targets, passes[-1].z if fused else outputs, None, fused)
    for mistakes in sorted(_combinations(passes, fused), key=lambda made: len(made.causes())):
        if mistakes.causes():
            yield mistakes.causes(), _gradients(passes, of_outputs, fused, mistakes)


def _combinations(passes: Sequence[_Pass], fused: bool) -> Iterator[_Mistakes]:
    square_bias = any(p.layer.bias is not None and p.z.shape[0] == p.z.shape[1] > 1 for p in passes)
    square_weights = any(p.layer.weights.shape[0] == p.layer.weights.shape[1] > 1 for p in passes[1:])
    for (slopes, words), bias, error, weights in itertools.product(
        _slopes(passes, fused), (False, True), (False, True), (False, True)
    ):
        if bias <= square_bias and weights <= square_weights and not (error and fused):
            yield _Mistakes(slopes, words, bias, error, weights)


def _slopes(passes: Sequence[_Pass], fused: bool) -> Iterator[tuple[tuple[str, ...], str]]:
    """Return where a slope can be wrong, in the output layer, in the hidden ones, in all, with the words for it."""
    count = len(passes)
    able = [p.layer.activation.elementwise and p.layer.activation.name != "identity" for p in passes]
    places = {"the output layer": [count - 1], "the hidden layers": range(count - 1), "every layer": range(count)}
    yield ("right",) * count, ""
    for kind, (where, layers) in itertools.product(("activation", "missing"), places.items()):
        wrong = [i for i in layers if able[i] and not (fused and i == count - 1)]
        if wrong:
            yield tuple(kind if i in wrong else "right" for i in range(count)), SLOPES[kind].format(layers=where)
    if fused and able[-1]:
        yield (*("right",) * (count - 1), "twice"), SLOPES["twice"]


def _gradients(passes: Sequence[_Pass], of_outputs: Array, fused: bool, mistakes: _Mistakes) -> list[Array]:
    """∂loss/∂weights and ∂loss/∂bias of each layer under these mistakes, in the order of the network's arrays."""
    gradients: list[Array] = []
    gradient = np.full_like(of_outputs, 1 / of_outputs.size) if mistakes.error else of_outputs
    for i in reversed(range(len(passes))):
        p, slope = passes[i], mistakes.slopes[i]
        activation = p.layer.activation
        if slope == "activation":
            delta = gradient * activation.derivative(p.a, activation.value(p.a))
        elif slope == "missing" or (slope == "right" and fused and i == len(passes) - 1):
            delta = gradient
        else:
            delta = activation.backward(gradient, p.z, p.a)
        square = p.layer.weights.shape[0] == p.layer.weights.shape[1]
        over_units = mistakes.bias and delta.shape[0] == delta.shape[1]
        bias = [] if p.layer.bias is None else [delta.sum(axis=1 if over_units else 0)]
        gradients = [p.inputs.T @ delta, *bias, *gradients]
        gradient = delta @ (p.layer.weights if mistakes.weights and square else p.layer.weights.T)
    return gradients
