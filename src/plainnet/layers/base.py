"""The base of all layers, and what a training step gives them."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from plainnet._base.arrays import Array, Shape
from plainnet._base.checks import assign
from plainnet._base.configurable import Configurable
from plainnet.errors import InvalidValue
from plainnet.schedules import at_start

Backward = Callable[[Array, Mapping[str, Array]], Array]
"""(∂loss/∂outputs, the layer's parameter gradients to write) -> ∂loss/∂inputs."""


def unchanged(array: Array) -> Array:
    """Return the array itself: the sum over the ranks where there is one."""
    return array


@dataclass(frozen=True)
class TrainingPass:
    """All that a layer may need to know of a training step; a prediction has None in its place."""

    random: np.random.Generator
    """The stream from which Dropout draws its masks."""

    updates_statistics: bool = True
    """True if BatchNorm's running statistics follow this step's batch."""

    needs_input_gradient: bool = True
    """False for the first layer: nobody asks for the gradient with respect to the data."""

    present: Callable[[Any], float] = at_start
    """Takes a schedule and returns its value in this step; outside a run its first one."""

    total: Callable[[Any], Any] = unchanged
    """Takes a sum over the inputs' rows and returns that over the whole batch, of which other ranks hold the rest.

    All ranks call it together, so one calls it as often as the other, also for a batch of which it has no rows.
    """

    rows: int | None = None
    """The number of rows of the whole batch; None where the inputs are all of it."""

    portion: float | None = None
    """The weight of the inputs' rows over that of the whole batch; None where they are all of it.

    A loss and its gradient are multiplied by it, so that those of all ranks are added.
    """

    @cached_property
    def at_first_layer(self) -> TrainingPass:
        """The same pass without a gradient with respect to the inputs."""
        return replace(self, needs_input_gradient=False)

    def count(self, inputs: Array) -> int:
        """Return the number of rows of the whole batch, of which the inputs may be a part."""
        return len(inputs) if self.rows is None else self.rows

    def value_of(self, setting: Any) -> Any:
        """Return the value in this step of a setting that is a number or a schedule."""
        return self.present(setting) if hasattr(setting, "rate") else setting

    def keep(self, **arrays: Array) -> None:
        """Hand over intermediate values by name, for `pn.explain` to show; training itself drops them."""


class Penalty(NamedTuple):
    """l1 · Σ|w| + l2/2 · Σw² over one parameter."""

    l1: float
    l2: float


class Layer(Configurable):
    """A layer makes outputs of its inputs and carries a gradient back; by itself this base passes its inputs on.

    `parameter_shapes` names the layer's parameters. Once the network is built each is an attribute of that name: a view
    into the network's one vector, and assigning to it writes there. `statistic_shapes` does the same for numbers that
    training records without descending, such as running means. A setting out of its range raises InvalidValue, one of
    another kind InvalidType. A layer of your own has `forward`, and `parameter_shapes`, `output_shape` and `initialize`
    where it needs them. This one adds a number to each feature:

    >>> import plainnet as pn
    >>> class Shift(pn.Layer):
    ...     def parameter_shapes(self, input_shape):
    ...         return {"shift": input_shape}
    ...
    ...     def forward(self, inputs, training=None):
    ...         def backward(gradient, gradients):
    ...             gradients["shift"][...] = gradient.sum(axis=0)
    ...             return gradient
    ...
    ...         return inputs + self.shift, backward
    >>> net = pn.Network(Shift(), pn.Dense(1), input_size=2, seed=1)
    >>> pn.check_gradients(net, [[1, 2], [3, 4]], [[1], [0]], loss="mse").passed
    True
    """

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the name and shape of each parameter for examples of `input_shape` (without the examples' axis)."""
        return {}

    def statistic_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the name and shape of each running statistic, for examples of `input_shape`."""
        return {}

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of one example's outputs, for examples of `input_shape`."""
        return input_shape

    def initialize(self, random: np.random.Generator) -> None:
        """Give parameters and statistics their first values, drawn from `random`; they are zero before."""

    def initialize_from(self, inputs: Array, random: np.random.Generator) -> Array:
        """Give the parameters first values that suit the `inputs`, where the layer has such; return its outputs.

        Layers that keep their values work as in the first step of a training; `random` is the generator to draw from.
        """
        return self.forward(inputs, TrainingPass(random, updates_statistics=False))[0]

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
        """Return the outputs, and the function that carries the gradient back.

        `inputs` are (examples, features). `training` tells what a layer may need to know of a training step, and is
        None in a prediction. The function is backward(gradient, gradients): it takes ∂loss/∂outputs, writes the
        gradient of each parameter into `gradients[name]` and returns ∂loss/∂inputs.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method forward(inputs, training)")

    def predict(self, inputs: Array) -> Array:
        """Return the outputs for the `inputs` alone, as `forward` gives them for training=None."""
        return self.forward(inputs)[0]

    normalization: str | None = None
    """The name by which the argument `normalization` of tables, estimators and commands chooses the layer."""

    torch: str | None = None
    """The same layer as a module of `torch.nn`, the settings and the number of `features` it takes in braces."""

    smallest_batch = 1
    """The number of examples that a training step needs at least."""

    def claim(self) -> None:
        """Mark the layer as belonging to a network; raise InvalidValue where it belongs to one already."""
        if self.__dict__.get("_claimed"):
            raise InvalidValue(f"{self!r} already belongs to a network; make a new layer for each place")
        self.__dict__["_claimed"] = True

    def bind(self, views: Mapping[str, Array]) -> None:
        """Make each of the `views` an attribute; from then on assignment to it writes into the view.

        An array of another shape is refused; one number fills the whole view.
        """
        self.__dict__["_views"] = dict(views)
        self.take(views)

    def take(self, arrays: Mapping[str, Array]) -> None:
        """Make each of the `arrays` an attribute."""
        vars(self).update(arrays)

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


def one_axis(layer: Layer, input_shape: Shape) -> tuple[int]:
    """Return the shape of one example of a layer that takes features; refuse one of more axes."""
    if len(input_shape) != 1:
        raise InvalidValue(f"{layer.name} takes examples of one axis (features,) and came after shape {input_shape}")
    return (input_shape[0],)
