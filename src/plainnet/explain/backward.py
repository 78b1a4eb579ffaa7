"""The backward pass in numbers: the chain rule at each layer."""

from __future__ import annotations

from collections.abc import Iterator

from plainnet.explain import formulas
from plainnet.explain.explanation import Quantity, Stage
from plainnet.explain.recording import LayerRecord
from plainnet.explain.step import ExplainedStep
from plainnet.layers import Activation, Layer


def backward(step: ExplainedStep) -> Iterator[Stage]:
    """Yield one stage per layer, from the last to the first."""
    for i, layer, noted in reversed(list(step.by_layer())):
        yield Stage(f"Layer {i}: {layer!r}", f"net.layers[{i}]", tuple(_chain(step, i, layer, noted)))


def _chain(step: ExplainedStep, i: int, layer: Layer, noted: LayerRecord) -> Iterator[Quantity]:
    """Yield the gradients at a layer, in the order in which the chain rule gives them."""
    units = step.names.of_layers[i].outputs
    last = i == len(step.net.layers) - 1
    arriving = "∂loss/∂inputs" if not last else ("∂loss/∂z" if step.recorded.fused else "∂loss/∂ŷ")
    origin = f"this is {arriving} of {'the loss' if last else f'layer {i + 1}'}, passed on"
    known = formulas.stops_at_sums(layer)
    lines = step.formulas[i]
    if noted.delta is not None and known:
        slope = formulas.slope(layer.activation, noted.delta.shape)
        yield step.rowwise("∂loss/∂a", "", noted.activation_gradient, units, note=origin)
        if noted.slope is not None and noted.slope.shape == noted.delta.shape:
            yield step.rowwise("f'(z)", slope.derivative, noted.slope, units, note=slope.note)
        yield step.rowwise("δ", slope.delta, noted.delta, units, note="∂loss/∂z", check=step.differences.sums_of(i))
    else:
        name = "δ" if known else "∂loss/∂outputs"
        formula = formulas.one("δ", lambda gradient: gradient, **{"∂loss/∂z": formulas.ARRAY}) if known else ""
        yield step.rowwise(name, formula, noted.output_gradient, units, note=origin)
    yield from _parameter_gradients(step, i, layer, noted)
    # The engine asks the first layer for no gradient: nobody changes the data. Where z is the inputs, δ is it.
    if i and type(layer) is not Activation:
        columns = step.names.of_layers[i].inputs
        formula, check = lines.of("∂loss/∂inputs"), step.differences.inputs_of(i)
        note = "" if formula else "as your own layer gives it"
        yield step.rowwise("∂loss/∂inputs", formula, noted.input_gradient, columns, note=note, check=check)


def _parameter_gradients(step: ExplainedStep, i: int, layer: Layer, noted: LayerRecord) -> Iterator[Quantity]:
    assert step.recorded.gradient is not None
    names = step.names.of_layers[i]
    for name, total in step.net.parameter_views(step.recorded.gradient)[i].items():
        symbol = f"∂loss/∂{name}"
        check = step.differences.parameter(i, name)
        has_penalty = name in layer.penalties()
        without = f"{symbol} without penalty" if has_penalty else symbol
        formula = step.formulas[i].of(without)
        note = "" if formula else "as your own layer gives it"
        if not has_penalty:
            yield names.parameter(symbol, formula, total, like=name, note=note, check=check)
            continue
        yield names.parameter(without, formula, noted.gradients[name], like=name, note=note)
        formula = formulas.penalized_gradient(layer, name)
        yield names.parameter(symbol, formula, total, like=name, check=check)
