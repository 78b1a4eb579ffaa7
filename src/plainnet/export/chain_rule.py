"""A training step's loss and gradients as source: the pass forward, and the chain rule back, a line a derivative."""

from __future__ import annotations

from plainnet.backpropagation import is_fused
from plainnet.export import descent
from plainnet.export.formulas import Functions, needs_sums
from plainnet.export.script import weighted_sums
from plainnet.export.source import NamedLayer, arrays, bracketed, shape, statement
from plainnet.layers import BatchNorm, Dense, Dropout, LayerNorm
from plainnet.losses import Loss
from plainnet.network import Network


def draws_masks(network: list[NamedLayer]) -> bool:
    """Whether a training step draws dropout masks."""
    return any(isinstance(part.layer, Dropout) for part in network)


def loss_and_gradients(net: Network, network: list[NamedLayer], loss: Loss, functions: Functions) -> str:
    """The function from parameters and rows to the loss and its gradients."""
    fused = is_fused(net.layers[-1], loss)
    text = (descent.FUSED_LOSSES if fused else descent.LOSS_TEXTS)[loss.name]
    last = network[-1]
    settings = {"z": last.sums, **loss.settings()}
    random = ", random" if draws_masks(network) else ""
    lines = [
        f"def loss_and_gradients(p, inputs, targets{random}):",
        '    """The loss of some rows, and its slope for each parameter.',
        "",
        "    By the chain rule, a = f(z) gives d_z = d_a * f'(z), and z = x @ W + b gives",
        "",
        "        d_W = xᵀ @ d_z  each weight acts on z by its input, in every row",
        "        d_b = Σ d_z     the bias acts on z by 1, in every row",
        "        d_x = d_z @ Wᵀ  each input acts on z by its weights",
        '    """',
        "    # Forward, from the inputs to the loss.",
    ]
    for part in network:
        lines += _forward(part, functions, fused and part is last)
    lines += [statement(code.format(**settings), comment.format(**settings)) for code, comment in text.forward]
    lines += _penalties(network)

    lines += ["", "    # Backward, from the loss to every parameter."]
    start = last.sums if fused else "outputs"
    code, comment = (part.format(**settings) for part in text.backward)
    lines.append(statement(f"d_{start} = {code}", comment))
    first = next(i for i, part in enumerate(network) if arrays(part))
    for i in reversed(range(first, len(network))):
        if i + 1 < len(network) and isinstance(network[i + 1].layer, Dense):
            lines.append("")  # the block before
        lines += _backward(network[i], functions, after_sums=fused and i == len(network) - 1, to_inputs=i > first)
    names = [name for part in network for name in parameter_names(part)]
    items = [f'"{name}": d_{name}' for name in names]
    lines.append("")
    lines.append("    " + bracketed("gradients = {", items, "}", 4))
    return "\n".join([*lines, "    return loss, gradients"])


def parameter_names(part: NamedLayer) -> list[str]:
    """The names of what a part learns."""
    return [f"{part.name}_{name}" for name in part.layer.parameter_shapes((1,))]


def _forward(part: NamedLayer, functions: Functions, keep_sums: bool) -> list[str]:
    """The lines from a layer's inputs to its outputs, and to what the way back needs."""
    out = shape(["rows", part.units])
    if isinstance(part.layer, Dropout):
        mask = functions.dropout_mask()
        return [
            statement(f"{part.name}_mask = {mask}({part.inputs}, {part.layer.rate!r}, random)"),
            statement(f"{part.outputs} = {part.inputs} * {part.name}_mask", out),
        ]
    if isinstance(part.layer, BatchNorm | LayerNorm):
        function = functions.training(part)
        arguments = ", ".join([part.inputs, *(f"p.{name}" for name in arrays(part))])
        targets = f"{part.outputs}, {part.name}_hat, {part.name}_inverse"
        return [statement(f"{targets} = {function}_training({arguments})", out)]
    if not isinstance(part.layer, Dense):
        return [statement(f"{part.outputs} = {functions.value(part)}({part.inputs})", out)]
    sums = weighted_sums(part, "p.")
    if part.activation is None:
        return [statement(f"{part.outputs} = {sums}", out)]
    if not (keep_sums or needs_sums(part)):
        return [statement(f"{part.outputs} = {functions.value(part)}({sums})", out)]
    return [
        statement(f"{part.sums} = {sums}", out),
        statement(f"{part.outputs} = {functions.value(part)}({part.sums})", out),
    ]


def _penalties(network: list[NamedLayer]) -> list[str]:
    lines = []
    for part in network:
        for name, (l1, l2) in part.layer.penalties().items():
            w = f"p.{part.name}_{name}"
            if l1:
                lines.append(statement(f"loss += {l1!r} * float(np.abs({w}).sum())", "l1 Σ|w|"))
            if l2:
                lines.append(statement(f"loss += {l2!r} / 2 * float(({w} * {w}).sum())", "l2/2 Σw²"))
    return lines


def _backward(part: NamedLayer, functions: Functions, *, after_sums: bool, to_inputs: bool) -> list[str]:
    """The lines from ∂loss/∂outputs (or, `after_sums`, from ∂loss/∂sums) to the parameters and the inputs."""
    d_out, d_in, out = f"d_{part.outputs}", f"d_{part.inputs}", shape(["rows", part.units])
    if isinstance(part.layer, Dropout):
        return [statement(f"{d_in} = {d_out} * {part.name}_mask", out)]
    if isinstance(part.layer, BatchNorm | LayerNorm):
        targets = f"{d_in if to_inputs else '_'}, d_{part.name}_scale, d_{part.name}_shift"
        arguments = f"{d_out}, {part.name}_hat, {part.name}_inverse, p.{part.name}_scale"
        return [statement(f"{targets} = {functions.name(part)}_backward({arguments})")]
    lines = []
    if part.activation and not after_sums:
        expression = functions.backward(part, d_out, part.sums, part.outputs)
        lines.append(statement(f"d_{part.sums} = {expression}", out))
    return lines + (_dense_backward(part, to_inputs) if isinstance(part.layer, Dense) else [])


def _dense_backward(part: NamedLayer, to_inputs: bool) -> list[str]:
    name, d_sums = part.name, f"d_{part.sums}"
    inputs, units = arrays(part)[f"{name}_weights"].shape
    lines = [statement(f"d_{name}_weights = {part.inputs}.T @ {d_sums}", f"({inputs}, rows) @ (rows, {units})")]
    for l1, l2 in part.layer.penalties().values():
        if l1:
            lines.append(statement(f"d_{name}_weights += {l1!r} * np.sign(p.{name}_weights)", "of l1 Σ|w|"))
        if l2:
            lines.append(statement(f"d_{name}_weights += {l2!r} * p.{name}_weights", "of l2/2 Σw²"))
    if f"{name}_bias" in arrays(part):
        lines.append(statement(f"d_{name}_bias = {d_sums}.sum(axis=0)", f"({units},)"))
    if to_inputs:
        lines.append(
            statement(f"d_{part.inputs} = {d_sums} @ p.{name}_weights.T", f"(rows, {units}) @ ({units}, {inputs})")
        )
    return lines
