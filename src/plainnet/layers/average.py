"""Average: several networks as one, whose output is the mean of theirs."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from plainnet._base.arrays import Array, Shape
from plainnet._base.configurable import build
from plainnet.errors import InvalidType, InvalidValue
from plainnet.layers.base import Backward, Layer, Penalty, TrainingPass


def mean_of(*outputs: Array) -> Array:
    """(outputs_1 + outputs_2 + ...) / their number."""
    total = outputs[0]
    for other in outputs[1:]:
        total = total + other
    return total / len(outputs)


def beginning_with(start: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the arrays whose names begin so, by the rest of their names."""
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


class Average(Layer):
    """outputs = the mean of the outputs of several branches, each a list of layers over the same inputs.

    An ensemble of networks as one network: what takes a network takes it. Averaging lowers the part of the error that
    differs from one network to the next (Hansen & Salamon 1990; Breiman 1996). `averaged` makes one of networks that
    are trained already. With B branches and g = ∂loss/∂outputs, each branch is given g / B, and

        ∂loss/∂inputs = Σ ∂loss/∂inputs of each branch

    The parameters are those of the layers, by names such as branches[0].layers[2].weights.

        own, branches  lists of layers whose last layers give as many outputs, each by itself or all in one list; a
                       layer
                       belongs to one branch

    Raises InvalidValue where the branches do not fit each other, InvalidType where one is no list of layers.

    >>> import plainnet as pn
    >>> mean = pn.Average([pn.Dense(4, "relu"), pn.Dense(1)], [pn.Dense(2, "tanh"), pn.Dense(1)])
    >>> net = pn.Network(mean, input_size=3)
    >>> net.predict([[1, 2, 3]]).shape, net.parameters.size
    ((1, 1), 32)
    """

    may_skip_input_gradient = True

    def __init__(self, *own: Sequence[Layer], branches: Sequence[Sequence[Any]] | None = None) -> None:
        if branches is not None and (isinstance(branches, str) or not isinstance(branches, Iterable)):
            raise InvalidType(f"branches is {branches!r}; it takes a list of lists of layers")
        given = own if branches is None else (*own, *branches)
        if not given:
            raise InvalidValue("branches is empty; Average takes at least one list of layers")
        self.branches = [_checked_branch(f"branches[{i}]", branch) for i, branch in enumerate(given)]

    def settings(self) -> dict[str, Any]:
        return {"branches": self.branches}

    def __repr__(self) -> str:
        shown = [repr(branch) for branch in self.branches]
        if len(shown) > 1 and len(set(shown)) == 1:
            return f"Average({len(shown)} × {shown[0]})"
        return f"Average({', '.join(shown)})"

    # ---- the layers' arrays, which are this layer's under longer names ----

    def _each(self) -> Iterator[tuple[str, Layer]]:
        """Yield each layer with the beginning of the names of its arrays."""
        for i, branch in enumerate(self.branches):
            for j, layer in enumerate(branch):
                yield f"branches[{i}].layers[{j}].", layer

    def _shapes(self, method: str, input_shape: Shape) -> dict[str, Shape]:
        shapes: dict[str, Shape] = {}
        for i, branch in enumerate(self.branches):
            shape = input_shape
            for j, layer in enumerate(branch):
                own = getattr(layer, method)(shape)
                shapes |= {f"branches[{i}].layers[{j}].{name}": of_array for name, of_array in own.items()}
                shape = layer.output_shape(shape)
        return shapes

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        self.output_shape(input_shape)  # which refuses branches that do not fit each other
        return self._shapes("parameter_shapes", input_shape)

    def statistic_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return self._shapes("statistic_shapes", input_shape)

    def output_shape(self, input_shape: Shape) -> Shape:
        shapes = []
        for branch in self.branches:
            shape = input_shape
            for layer in branch:
                shape = layer.output_shape(shape)
            shapes.append(shape)
            if shape != shapes[0]:
                raise InvalidValue(
                    f"branches[{len(shapes) - 1}] gives outputs of shape {shape} and branches[0] {shapes[0]}; "
                    "the mean takes outputs of one shape"
                )
        return shapes[0]

    def penalties(self) -> dict[str, Penalty]:
        return {start + name: own for start, layer in self._each() for name, own in layer.penalties().items()}

    def initialize(self, random: np.random.Generator) -> None:
        for start, layer in self._each():
            layer.initialize(random)
            for name, array in beginning_with(start, vars(self)).items():
                array[...] = getattr(layer, name)  # in an exported trainer a layer may have put another array there
                vars(layer)[name] = array

    def bind(self, views: Mapping[str, Array]) -> None:
        super().bind(views)
        for start, layer in self._each():
            layer.bind(beginning_with(start, views))

    def take(self, arrays: Mapping[str, Array]) -> None:
        super().take(arrays)
        for start, layer in self._each():
            layer.take(beginning_with(start, arrays))

    def unbind(self) -> None:
        super().unbind()
        for _, layer in self._each():
            layer.unbind()

    def claim(self) -> None:
        super().claim()
        for _, layer in self._each():
            layer.claim()

    # ---- forward and back ----

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        outputs: list[Array] = []
        ways_back: list[list[Backward]] = []
        for branch in self.branches:
            values = inputs
            ways_back.append([])
            for layer in branch:
                may_skip = layer is branch[0] and layer.may_skip_input_gradient
                values, backward_of_layer = layer.forward(values, training if may_skip else _with_gradient(training))
                ways_back[-1].append(backward_of_layer)
            outputs.append(values)

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            share = gradient / len(self.branches)
            by_inputs = []
            for i, ways in enumerate(ways_back):
                g = share
                for j in reversed(range(len(ways))):
                    g = ways[j](g, beginning_with(f"branches[{i}].layers[{j}].", gradients))
                by_inputs.append(g)
            if training is not None and not training.needs_input_gradient:
                return gradient
            return sum(by_inputs[1:], by_inputs[0])

        return mean_of(*outputs), backward

    def predict(self, inputs: Array) -> Array:
        outputs = []
        for branch in self.branches:
            values = inputs
            for layer in branch:
                values = layer.predict(values)
            outputs.append(values)
        return mean_of(*outputs)

    def initialize_from(self, inputs: Array, random: np.random.Generator) -> Array:
        outputs = []
        for branch in self.branches:
            values = inputs
            for layer in branch:
                values = layer.initialize_from(values, random)
            outputs.append(values)
        return mean_of(*outputs)


def inside(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Yield each layer, and those of its branches."""
    for layer in layers:
        yield layer
        if isinstance(layer, Average):
            for branch in layer.branches:
                yield from inside(branch)


def _with_gradient(training: TrainingPass | None) -> TrainingPass | None:
    """Return the pass with a gradient with respect to the inputs, which all but a branch's first layer need."""
    if training is None or training.needs_input_gradient:
        return training
    return replace(training, needs_input_gradient=True)


def _checked_branch(name: str, branch: Any) -> list[Layer]:
    """Return a branch as a list of layers; those of a description are made."""
    if not isinstance(branch, list | tuple):
        raise InvalidType(f"{name} is {branch!r}; it takes a list of layers")
    if not branch:
        raise InvalidValue(f"{name} is empty; it takes at least one layer")
    return [_layer(f"{name}[{i}]", layer) for i, layer in enumerate(branch)]


def _layer(name: str, layer: Any) -> Layer:
    if isinstance(layer, str | dict):
        from plainnet.layers import LAYERS  # where this layer, too, is listed

        made: Layer = build("layer", layer, LAYERS)
        return made
    if not isinstance(layer, Layer):
        raise InvalidType(f"{name} is {layer!r}; it takes a layer such as plainnet.Dense(4)")
    return layer
