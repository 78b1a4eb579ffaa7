"""The forward pass in numbers: each layer, then the loss."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence

import numpy as np

from plainnet._base.arrays import Array
from plainnet.explain import formulas
from plainnet.explain.explanation import Quantity, Stage
from plainnet.explain.recording import LayerRecord
from plainnet.explain.step import ExplainedStep
from plainnet.layers import Dense, Layer
from plainnet.losses import CrossEntropy


def forward(step: ExplainedStep) -> Iterator[Stage]:
    """Yield one stage per layer, from the first to the last."""
    for i, layer, noted in step.by_layer():
        names = step.names.of_layers[i]
        origin = f"the outputs of layer {i - 1}" if i else "the examples"
        quantities = [step.rowwise("inputs", "", noted.inputs, names.inputs, note=origin)]
        for name, values in step.net.parameter_views(step.net.parameters)[i].items():
            quantities.append(names.parameter(name, "", values))
        quantities += _within(step, i, layer, noted)
        yield Stage(f"Layer {i}: {layer!r}", f"net.layers[{i}]", tuple(quantities), notes=_shapes(layer, noted))


def _within(step: ExplainedStep, i: int, layer: Layer, noted: LayerRecord) -> Iterator[Quantity]:
    """Yield what a layer computes, up to its outputs."""
    assert noted.outputs is not None
    units = step.names.of_layers[i].outputs
    lines = step.formulas[i]
    if formulas.stops_at_sums(layer):
        stops_at_z = step.recorded.fused and layer is step.net.layers[-1]
        outputs = layer.activation.value(noted.outputs) if stops_at_z else noted.outputs
        slope = formulas.slope(layer.activation, outputs.shape)
        yield step.rowwise("z", lines.of("z"), noted.outputs if stops_at_z else noted.z, units, note=lines.note)
        yield step.rowwise("a", slope.value, outputs, units, note=slope.note)
        return
    for name, values in noted.remembered.items():
        symbol = formulas.NAMES.get(name, name)
        rows = step.names.examples if values.shape[0] == len(step.names.examples) else ()
        columns = units if values.shape[-1] == len(units) else ()
        yield Quantity(symbol, lines.of(symbol), values, "", rows, columns)
    yield step.rowwise("outputs", lines.of("outputs"), noted.outputs, units, note=lines.note)


def _shapes(layer: Layer, noted: LayerRecord) -> tuple[str, ...]:
    assert noted.inputs is not None
    assert noted.outputs is not None
    inputs, outputs = noted.inputs.shape, noted.outputs.shape
    if type(layer) is not Dense:
        return (f"shapes: inputs {inputs} → outputs {outputs}",)
    bias = f" + {layer.bias.shape}" if layer.bias is not None else ""
    return (f"shapes: inputs {inputs} @ weights {layer.weights.shape}{bias} = z {outputs}",)


def loss_stage(step: ExplainedStep) -> Stage:
    """Return the stage from the predictions to the loss and its gradient, with which the backward pass begins."""
    last = step.net.layers[-1]
    outputs = step.recorded.layers[-1].outputs
    assert outputs is not None
    units = step.names.of_layers[-1].outputs
    fused, weighted, elements = step.recorded.fused, step.weight is not None, step.recorded.elements
    count = "W" if weighted else "n" if isinstance(step.loss, CrossEntropy) else "N"
    formula = formulas.Error()
    if elements is not None:
        formula = formulas.error(step.loss, fused, weighted, count, outputs.shape, step.targets)
    predictions = last.activation.value(outputs) if fused else outputs
    origin = "the outputs of the last layer"
    quantities = [step.rowwise("ŷ", "", predictions, units, note=origin), _target(step, units)]
    if step.weight is not None:
        quantities.append(step.rowwise("w", "", step.weight[:, None], ("weight",), note="of each example"))
    if elements is not None:
        columns = units if elements.shape[1] == len(units) else ("ℓ",)
        quantities.append(step.rowwise("ℓ", formula.element, elements, columns, note=formula.note))
    value = np.array([[step.recorded.data_loss]])
    own = formulas.first_line(getattr(step.loss, "own", step.loss)) or "a loss of your own"
    mean = formulas.mean(weighted, count) if elements is not None else ""
    quantities.append(Quantity("loss", mean, value, "" if mean else own))
    if step.has_penalties:
        penalty = np.array([[step.recorded.value - step.recorded.data_loss]])
        quantities.append(Quantity("penalty", formulas.penalty(step.net.layers), penalty))
        total = np.array([[step.recorded.value]])
        both = formulas.one("loss with penalty", operator.add, loss=formulas.NUMBER, penalty=formulas.NUMBER)
        quantities.append(Quantity("loss with penalty", both, total))
    name = "∂loss/∂z" if fused else "∂loss/∂ŷ"
    own = "" if elements is not None else "as your loss gives it"
    gradient, check = step.recorded.output_gradient, step.differences.outputs()
    quantities.append(step.rowwise(name, formula.gradient, gradient, units, note=own or formula.note, check=check))
    return Stage(
        f"Loss: {formulas.name_of(step.loss)}",
        "",
        tuple(quantities),
        notes=_loss_notes(step, count, elements, predictions),
    )


def _target(step: ExplainedStep, units: Sequence[str]) -> Quantity:
    if step.targets.ndim == 1:
        note = "the number of the true class, counted from 0"
        return step.rowwise("y", "", step.targets[:, None], ("class",), note=note)
    return step.rowwise("y", "", step.targets, units, note="the targets")


def _loss_notes(step: ExplainedStep, count: str, elements: Array | None, predictions: Array) -> tuple[str, ...]:
    notes = list(step.names.verdicts(predictions, step.targets))
    if elements is not None:
        notes.append(_counted(step.weight, count, elements))
    if step.recorded.fused:
        rows = " (y as rows with a 1 at the true class)" if step.targets.ndim == 1 else ""
        notes.append(
            f"The loss and the output's {step.net.layers[-1].activation.name} are computed together from z, so "
            f"that nothing overflows, and the backward pass begins at z{rows}."
        )
    return tuple(notes)


def _counted(weight: Array | None, count: str, elements: Array) -> str:
    """Return what the mean divides by."""
    if weight is not None:
        total = float(weight.sum()) * elements.shape[1]
        return f"{count} = {total:.6g}, the weights of all numbers in ℓ together."
    return f"{count} = {elements.size}, the {'examples' if count == 'n' else 'numbers in ŷ'}."
