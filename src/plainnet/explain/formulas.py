"""The formulas of a step, read from the graphs of the functions that compute it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from plainnet import activations
from plainnet._base.arrays import Array, Shape
from plainnet._base.configurable import OWN, Configurable
from plainnet.activations import ActivationFunction
from plainnet.backpropagation import add_penalties
from plainnet.layers import Layer, TrainingPass
from plainnet.losses import CrossEntropy, Loss
from plainnet.optimizers import DECAY, RATE, Optimizer
from plainnet.schedules import Schedule
from plainnet.tracing import MathML, Number, ShapeDtype, Untraceable, equations, fold, simplify, trace

NAMES = {"normalized": "x̂", "t": "t"}
"""The symbols of values that layers hand over."""

KNOWN = {"sigmoid": activations.sigmoid, "softmax": activations.softmax}
"""The functions that formulas call by their names."""

EXAMPLES, UNITS = 5, 3
"""The shape of the arrays in formulas that are the same for all."""


class Formula(str):
    """A formula as plain text, and in MathML."""

    mathml: str

    def __new__(cls, text: str = "", mathml: str = "") -> Formula:
        made = super().__new__(cls, text)
        made.mathml = mathml
        return made


NONE = Formula()


def written(
    function: Callable[..., Any],
    *arguments: Any,
    names: Sequence[str] | None = None,
    results: Sequence[str] = (),
    known: Mapping[str, Callable[..., Any]] = KNOWN,
) -> dict[str, Formula]:
    """Return an equation for each result of a function and each argument that it changes, by their left sides.

    Raise Untraceable if the function does more than NumPy's operations, or fails on arrays that have no numbers.
    """
    try:
        with np.errstate(all="ignore"):
            graph = fold(simplify(trace(function, *arguments, names=names)), known)
    except Untraceable:
        raise
    except Exception as error:
        raise Untraceable(f"arrays without numbers raise {type(error).__name__}: {error}") from error
    texts = equations(graph, results, NAMES)
    formulas = map(Formula, texts, equations(graph, results, NAMES, MathML()))
    return {text.replace(" ← ", " = ").partition(" = ")[0]: made for text, made in zip(texts, formulas, strict=True)}


def one(left: str, function: Callable[..., Any], **arguments: Any) -> Formula:
    """Return the one equation of a function of the named arguments."""
    return next(iter(written(function, *arguments.values(), names=list(arguments), results=[left]).values()))


ARRAY = ShapeDtype((EXAMPLES, UNITS), np.float64)
NUMBER = Number(float)


# ---- activations and losses ----


class Slope(NamedTuple):
    """An activation: its value, its derivative, and ∂loss/∂z from ∂loss/∂a."""

    value: Formula = NONE
    derivative: Formula = NONE
    delta: Formula = NONE
    note: str = ""


def slope(activation: ActivationFunction, shape: Shape = (EXAMPLES, UNITS)) -> Slope:
    """Return the formulas of an activation of z of this shape, or what there is to say where it cannot be traced."""
    array = ShapeDtype(shape, np.float64)
    known = {name: function for name, function in KNOWN.items() if function is not activation.value}
    try:
        value = written(activation.value, array, names=["z"], results=["a"], known=known)["a"]
        if activation.elementwise:
            of_slope = written(activation.derivative, array, array, names=["z", "a"], results=["f'(z)"])["f'(z)"]
            delta = one("δ", lambda g, s: g * s, **{"∂loss/∂a": ARRAY, "f'(z)": ARRAY})
        else:
            of_slope = NONE
            delta = written(activation.backward, *[array] * 3, names=["∂loss/∂a", "z", "a"], results=["δ"])["δ"]
    except Untraceable as error:
        return Slope(note=_untraced(getattr(activation, "own", activation), "an activation of your own", error))
    return Slope(value, of_slope, delta)


class Error(NamedTuple):
    """A loss: of an element, and the gradient of the mean by the outputs."""

    element: Formula = NONE
    gradient: Formula = NONE
    note: str = ""


def error(
    loss: Loss, fused: bool, weighted: bool, count: str, shape: Shape = (EXAMPLES, UNITS), targets: Array | None = None
) -> Error:
    """Return the formulas of a loss of outputs of this shape; `count` is the name of what the mean divides by."""
    outputs, left = ("z", "∂loss/∂z") if fused else ("ŷ", "∂loss/∂ŷ")
    compute = loss.elements_from_logits if fused else loss.elements

    def of_mean(y: Array, predictions: Array, w: Array, n: float) -> Any:
        losses, derivatives = compute(y, predictions)
        return {"ℓ": losses, left: w * derivatives / n if weighted else derivatives / n}

    array, column = ShapeDtype(shape, np.float64), ShapeDtype((shape[0], 1), np.float64)
    y = array
    if targets is not None and targets.ndim == 1 and not isinstance(loss, CrossEntropy):  # which shows rows with a 1
        y = ShapeDtype(targets.shape, targets.dtype)
    try:
        lines = written(of_mean, y, array, column, NUMBER, names=["y", outputs, "w", count])
    except Untraceable as reason:
        own = getattr(loss, "function", getattr(loss, "own", loss))
        return Error(note=_untraced(own, "a loss of your own", reason))
    return Error(lines["ℓ"], lines[left])


def mean(weighted: bool, count: str) -> Formula:
    """Return the formula of the loss over all elements."""
    if weighted:
        return one("loss", lambda w, losses, n: (w * losses).sum() / n, **{"w": ARRAY, "ℓ": ARRAY, count: NUMBER})
    return one("loss", lambda losses, n: losses.sum() / n, **{"ℓ": ARRAY, count: NUMBER})


# ---- layers ----


@dataclass(frozen=True)
class LayerFormulas:
    """The equations of a layer by their left sides, or why there are none."""

    lines: Mapping[str, Formula] = field(default_factory=dict)
    note: str = ""

    def of(self, left: str) -> Formula:
        return self.lines.get(left, NONE)


@dataclass(frozen=True)
class HandedOver(TrainingPass):
    """A pass that notes what a layer hands over to be shown."""

    arrays: dict[str, Any] = field(default_factory=dict)

    def keep(self, **arrays: Array) -> None:
        self.arrays.update({name: array.copy() for name, array in arrays.items()})


def stops_at_sums(layer: Layer) -> bool:
    """Return True if a layer is a weighted sum with an activation behind it, which is explained by itself."""
    return layer.ends_in_activation and hasattr(layer, "activation")


def of_layer(layer: Layer, inputs: Shape) -> LayerFormulas:
    """Return the equations of a layer for `inputs`, a shape: what it hands over, its outputs or z, its gradients."""
    twin = copy.deepcopy(layer)  # without the arrays
    shapes, statistics = layer.parameter_shapes(inputs[1:]), layer.statistic_shapes(inputs[1:])
    z = stops_at_sums(layer)
    has_penalty = layer.penalties()

    def step(inputs: Array, arrays: Any, gradient: Array, gradients: Any, random: np.random.Generator) -> Any:
        twin.bind(arrays)
        handed_over = HandedOver(random)
        outputs, backward = (twin.pre_activation if z else twin.forward)(inputs, handed_over)
        of_inputs = backward(gradient, gradients)
        of_parameters = {f"∂loss/∂{n}{' without penalty' if n in has_penalty else ''}": gradients[n] for n in shapes}
        shown = {NAMES.get(name, name): array for name, array in handed_over.arrays.items()}
        return {**shown, "z" if z else "outputs": outputs, **of_parameters, "∂loss/∂inputs": of_inputs}

    arriving = ShapeDtype((inputs[0], *layer.output_shape(inputs[1:])), np.float64)
    arrays = {name: ShapeDtype(shape, np.float64) for name, shape in (shapes | statistics).items()}
    gradients = {name: arrays[name] for name in shapes}
    try:
        lines = written(
            step, ShapeDtype(inputs, np.float64), arrays, arriving, gradients, np.random.default_rng(0),
            names=["inputs", "arrays", "δ" if z else "∂loss/∂outputs", "gradients", "random"],
        )  # fmt: skip
    except Untraceable as error:
        return LayerFormulas(note=_untraced(layer, "a layer of your own", error))
    return LayerFormulas(lines)


def penalty(layers: Sequence[Layer]) -> Formula:
    """Return the penalties of all layers together."""
    return _penalties(layers, [str(i) for i in range(len(layers))])["penalty"]


def penalized_gradient(layer: Layer, name: str) -> Formula:
    """Return the gradient of one parameter with its penalty."""
    line = _penalties([layer], [""])[f"∂loss/∂{name} without penalty"]
    text, mathml = (side.replace(" without penalty", "", 1) for side in (line, line.mathml))
    return Formula(text.replace(" ← ", " = ", 1), mathml.replace("<mo>←</mo>", "<mo>=</mo>", 1))


def _penalties(layers: Sequence[Layer], numbers: Sequence[str]) -> dict[str, Formula]:
    twins = copy.deepcopy(list(layers))
    shapes = [{name: getattr(layer, name).shape for name in layer.penalties()} for layer in layers]

    def added(arrays: Any, gradients: Any) -> Any:
        own = [
            {name: of[f"{mark}{name}{number and '_' + number}{rest}"] for name in names}
            for mark, rest, of in (("", "", arrays), ("∂loss/∂", " without penalty", gradients))
            for number, names in zip(numbers, shapes, strict=True)
        ]
        for twin, views in zip(twins, own[: len(twins)], strict=True):
            twin.bind(views)
        return add_penalties(twins, own[len(twins) :])

    arrays, gradients = (
        {
            f"{mark}{name}{number and '_' + number}{rest}": ShapeDtype(shape, np.float64)
            for number, names in zip(numbers, shapes, strict=True)
            for name, shape in names.items()
        }
        for mark, rest in (("", ""), ("∂loss/∂", " without penalty"))
    )
    return written(added, arrays, gradients, results=["penalty"])


# ---- the optimizer ----


def update(optimizer: Optimizer) -> tuple[list[Formula], str]:
    """Return the optimizer's step in the order in which it happens, and what there is to say beside it."""
    vector = ShapeDtype((UNITS,), np.float64)
    try:
        lines: list[Formula] = []
        if optimizer.clip_norm is not None:
            lines += written(optimizer.clipped, vector, names=["g"], results=["g"]).values()
        factors = dict.fromkeys((name for name in (RATE, DECAY) if getattr(optimizer, name)), vector)
        names = ["θ", "g", "state", "η"]
        if optimizer.weight_decay:
            present = [NUMBER] * isinstance(optimizer.weight_decay, Schedule)
            given = vector, vector, factors, NUMBER, *present
            decayed = written(optimizer.decayed_by_factors, *given, names=[*names, "λ"][: len(given)], results=["g"])
            lines += [line for line in decayed.values() if line != "g = g"]
        state = dict.fromkeys(optimizer.start(np.zeros(1)), vector) | factors
        given = vector, vector, state, NUMBER, Number(int)
        lines += written(optimizer.update_by_factors, *given, names=[*names, "t"]).values()
    except Untraceable as error:
        return [], _untraced(optimizer, "an optimizer of your own", error)
    return [_assigned(line) for line in lines if not line.startswith("g ←")], ""


def _assigned(line: Formula) -> Formula:
    """Return g = ... as g ← ..., for a g that goes on under its name."""
    if not line.startswith("g = "):
        return line
    return Formula(line.replace(" = ", " ← ", 1), line.mathml.replace("<mo>=</mo>", "<mo>←</mo>", 1))


# ---- words ----


def _untraced(thing: Any, otherwise: str, error: Untraceable) -> str:
    """Return the first line of a part's docstring, and why it has no formula."""
    return f"{first_line(thing) or otherwise}; no formula, as {error}"


def first_line(thing: Any) -> str:
    """Return the first line of the docstring of a function, object or class, without a full stop."""
    own = thing if isinstance(thing, type) or hasattr(thing, "__name__") else type(thing)
    text = (own.__doc__ or "").strip()
    return text.splitlines()[0].strip().rstrip(".") if text else ""


def name_of(thing: Configurable) -> str:
    """Return the name of a part, a user's own without its mark."""
    return thing.name.removeprefix(OWN)
