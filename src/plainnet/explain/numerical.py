"""Central differences for every gradient of the backward pass, not only for those of the parameters.

They are taken in float64, as `plainnet.check_gradients` takes them: in float32 rounding drowns them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from plainnet import gradients
from plainnet._base.arrays import Array
from plainnet.backpropagation import backpropagate
from plainnet.explain.explanation import Check
from plainnet.explain.recording import Record, record
from plainnet.explain.standing import Standing
from plainnet.gradients import differences
from plainnet.layers import TrainingPass
from plainnet.losses import Loss

if TYPE_CHECKING:
    from plainnet.network import Network

LEAST_ENTRIES, MOST_ENTRIES = 5, 500
"""The number of entries, evenly spaced, that are checked of a larger array: each costs two passes."""

WORK = 2e7
"""The most examples · parameters · entries of an array; larger steps are checked at fewer entries."""


class Differences:
    """Checks of one step's gradients; the step is recorded on a network in float64, with the same dropout masks."""

    def __init__(
        self,
        net: Network,
        loss: Loss,
        inputs: Array,
        targets: Array,
        weight: Array | None,
        dropout_seed: int,
        standing: Standing,
        most_entries: int = MOST_ENTRIES,
    ) -> None:
        self.network = net
        self.loss = loss
        self.inputs = inputs
        self.targets = targets
        self.weight = weight
        self.recorded: Record = record(self.network, loss, inputs, targets, weight, dropout_seed, standing)
        self.present = standing.present(self.network)
        work = len(inputs) * max(1, self.network.parameters.size)
        self.most_entries = round(min(max(WORK / work, LEAST_ENTRIES), most_entries))
        self.scratch = self.network.parameter_views(np.zeros_like(self.network.parameters))

    def parameter(self, layer: int, name: str) -> Check:
        """Check the gradient of one array of parameters, penalties included."""
        own = self.network.parameter_views(self.network.parameters)[layer][name]
        kept = own.copy()

        def loss_at(values: Array) -> float:
            own[...] = values
            value = self.loss_from(0, self.inputs)
            own[...] = kept
            return value

        assert self.recorded.gradient is not None
        return self.check(loss_at, self.network.parameter_views(self.recorded.gradient)[layer][name], kept)

    def inputs_of(self, layer: int) -> Check | None:
        """Check ∂loss/∂inputs of a layer."""
        noted = self.recorded.layers[layer]
        return self.check_known(lambda values: self.loss_from(layer, values), noted.input_gradient, noted.inputs)

    def sums_of(self, layer: int) -> Check | None:
        """Check δ = ∂loss/∂z of a layer."""
        noted = self.recorded.layers[layer]
        activation = getattr(self.network.layers[layer], "activation", None)

        def loss_at(z: Array) -> float:
            assert activation is not None
            return self.loss_from(layer + 1, activation.value(z))

        return self.check_known(loss_at, noted.delta, noted.z)

    def outputs(self) -> Check | None:
        """Check the gradient with which the backward pass begins."""
        last = len(self.network.layers)
        outputs = self.recorded.layers[-1].outputs
        return self.check_known(lambda values: self.loss_from(last, values), self.recorded.output_gradient, outputs)

    def loss_from(self, layer: int, entering: Array) -> float:
        """Return the loss if `entering` are the inputs of a layer, or after the last one what the loss takes."""
        layers = self.network.layers[layer:]
        if not layers:
            return self.loss.value_and_gradient(self.targets, entering, self.weight, self.recorded.fused)[0]
        random = np.random.default_rng()
        random.bit_generator.state = self.recorded.layers[layer].random_state
        step = TrainingPass(random, updates_statistics=False, present=self.present)
        return backpropagate(layers, self.loss, entering, self.targets, self.weight, step, self.scratch[layer:])

    def check_known(self, function: Callable[[Array], float], gradient: Array | None, at: Array | None) -> Check | None:
        """`check` where the step has such a gradient."""
        return None if gradient is None or at is None else self.check(function, gradient, at)

    def check(self, function: Callable[[Array], float], gradient: Array, at: Array) -> Check:
        """Check a gradient against central differences of the function at some or all entries."""
        chosen = np.unique(np.linspace(0, at.size - 1, min(at.size, self.most_entries)).round().astype(int))

        def of_chosen(values: Array) -> float:
            array = at.copy()
            array.flat[chosen] = values
            return function(array)

        checked = gradients.check(of_chosen, lambda _: gradient.ravel()[chosen], at.ravel()[chosen]).worst
        apart = differences.relative_errors(checked.gradient, checked.numerical, 0.0)  # what is shown at a kink, too
        numerical, errors = np.full(at.shape, np.nan), np.full(at.shape, np.nan)
        numerical.flat[chosen] = checked.numerical
        errors.flat[chosen] = np.where(checked.kinks, apart, checked.errors)
        return Check(numerical, errors)
