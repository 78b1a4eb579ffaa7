"""The way back in numbers: the chain rule at each layer."""

from __future__ import annotations

from collections.abc import Iterator

from plainnet.explain import formulas
from plainnet.explain.explanation import Quantity, Stage
from plainnet.explain.recording import LayerRecord
from plainnet.explain.step import ExplainedStep
from plainnet.layers import Activation, Dense, Layer


def backward(step: ExplainedStep) -> Iterator[Stage]:
    """A stage a layer, from the last to the first."""
    for i, layer, noted in reversed(list(step.by_layer())):
        yield Stage(f"Layer {i}: {layer!r}", f"net.layers[{i}]", tuple(_chain(step, i, layer, noted)))


def _chain(step: ExplainedStep, i: int, layer: Layer, noted: LayerRecord) -> Iterator[Quantity]:
    """The gradients at a layer, in the order in which the chain rule gives them."""
    units = step.names.of_layers[i].outputs
    last = i == len(step.net.layers) - 1
    arriving = "∂loss/∂inputs" if not last else ("∂loss/∂z" if step.recorded.fused else "∂loss/∂ŷ")
    origin = f"this is {arriving} of {'the loss' if last else f'layer {i + 1}'}, passed on"
    known = type(layer) in (Dense, Activation)
    if noted.delta is not None and known:
        slope = formulas.slope(layer.activation)
        yield step.rowwise("∂loss/∂a", "", noted.activation_gradient, units, note=origin)
        if noted.slope is not None and noted.slope.shape == noted.delta.shape:
            yield step.rowwise("f'(z)", slope.derivative, noted.slope, units, note=slope.note)
        delta = "δ = ∂loss/∂z = ∂loss/∂a ∘ f'(z)" if layer.activation.elementwise else slope.derivative
        yield step.rowwise("δ", delta, noted.delta, units, check=step.differences.sums_of(i))
    else:
        name = "δ" if known else "∂loss/∂outputs"
        formula = "δ = ∂loss/∂z" if known else ""
        yield step.rowwise(name, formula, noted.output_gradient, units, note=origin)
    yield from _parameter_gradients(step, i, layer, noted)
    # The engine asks the first layer for no gradient: nobody changes the data. Where z is the inputs, δ is it.
    if i and type(layer) is not Activation:
        columns = step.names.of_layers[i].inputs
        factors, check = formulas.INPUT_GRADIENTS.get(type(layer)), step.differences.inputs_of(i)
        formula, note = (f"∂loss/∂inputs = {factors}", "") if factors else ("", "as your own layer gives it")
        yield step.rowwise("∂loss/∂inputs", formula, noted.input_gradient, columns, note=note, check=check)


def _parameter_gradients(step: ExplainedStep, i: int, layer: Layer, noted: LayerRecord) -> Iterator[Quantity]:
    assert step.recorded.gradient is not None
    names = step.names.of_layers[i]
    for name, total in step.net.parameter_views(step.recorded.gradient)[i].items():
        symbol = f"∂loss/∂{name}"
        factors = formulas.PARAMETER_GRADIENTS.get(type(layer), {}).get(name)
        formula, note = (f"{symbol} = {factors}", "") if factors else ("", "as your own layer gives it")
        check = step.differences.parameter(i, name)
        penalty = layer.penalties().get(name)
        if penalty is None:
            yield names.parameter(symbol, formula, total, like=name, note=note, check=check)
            continue
        without = f"{symbol} without penalty"
        yield names.parameter(without, formula, noted.gradients[name], like=name, note=note)
        terms = [f"{penalty.l1:g} sign({name})"] if penalty.l1 else []
        terms += [f"{penalty.l2:g} {name}"] if penalty.l2 else []
        formula = f"{symbol} = {' + '.join([factors or without, *terms])}"
        yield names.parameter(symbol, formula, total, like=name, check=check)
