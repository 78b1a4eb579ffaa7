"""Makes the README's pictures: run `python docs/pictures/readme.py` in a checkout with plainnet[all] installed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.terminal_theme import MONOKAI
from style import GRAY, IMAGES, PENGUINS, STROKE, for_any_page, save, save_drawing

import plainnet as pn
from plainnet import activations, cli, plots, tracing
from plainnet.cli.display import console


def terminal(name: str, *arguments: str) -> None:
    """Draw the output of `plainnet ARGUMENTS` as an SVG of a terminal."""
    console.record = True
    console.width = 76
    cli.run(list(arguments))
    shown = " ".join(["plainnet", *arguments]).replace(str(PENGUINS), "penguins.csv")
    svg = console.export_svg(title=shown.split(" --no-progress")[0], theme=MONOKAI, unique_id=Path(name).stem)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # a picture loads nothing from elsewhere
    (IMAGES / name).write_text(svg.replace("Fira Code", "DejaVu Sans Mono"))


def xor_pictures() -> None:
    """The hidden units of `plainnet xor`, and the valley that its training descends.

    The valley is drawn with a small penalty on the weights: without one the loss of XOR falls for ever, as they grow,
    and a valley has no floor.
    """
    X, y = pn.datasets.xor()
    net, _ = trained_on_xor(penalty=0)
    units = plots.hidden_units(net, X, axes=plots.new_axes(7, 2.2), names=["x₁", "x₂", "x₃"], labels=y[:, 0])
    save("xor-units.svg", units.figure)
    net, path = trained_on_xor(penalty=5e-4)
    surface = plots.loss_surface(net, X, y, loss="mse", path=path, axes=plots.new_axes(6.5, 4.4))
    save("xor-valley.svg", surface.figure)


def trained_on_xor(penalty: float) -> tuple[pn.Network, list[Any]]:
    """The network of `plainnet xor` after its training, and the parameters on the way."""
    X, y = pn.datasets.xor()
    layers = (pn.Dense(units, "sigmoid", initializer="normal", l2=penalty) for units in (4, 1))
    net = pn.Network(*layers, input_size=3, seed=1, dtype="float64")
    path = [net.parameters.copy()]
    options = {"optimizer": pn.SGD(1.0), "epochs": 10_000, "batch_size": None, "report_every": 50}
    path += [net.parameters.copy() for _ in net.training(X, y, loss="mse", **options)]
    return net, path


def traced(name: str) -> None:
    """Draw the graph of silu, and below it the graph after `fold`."""
    sigmoid = activations.sigmoid
    graph = tracing.trace(activations.silu, tracing.ShapeDtype((32, 8)))
    rows = [("trace", graph), ("fold", tracing.fold(graph, {"sigmoid": sigmoid}))]
    parts = [part for i, (title, drawn) in enumerate(rows) for part in _graph(title, drawn, top=115 * i)]
    save_drawing(name, 900, 215, ['<g text-anchor="middle">', *parts, "</g>"])


def _graph(title: str, graph: tracing.Graph, top: int) -> Iterator[str]:
    """Yield the boxes and arrows of a graph: each operation to the right of those that it takes."""
    column: dict[tracing.Node, int] = {}
    for node in graph.nodes:
        column[node] = 1 + max((column[given] for given in node.inputs), default=0)
    for node in graph.nodes:  # a constant stands beside the operation that takes it
        column |= {given: column[node] - 1 for given in node.inputs if given.op == "constant"}
    place = {node: (110 * column[node], top + (95 if node.op == "constant" else 55)) for node in graph.nodes}
    yield f'<text x="30" y="{top + 60}" font-style="italic">{title}</text>'
    for node in graph.nodes:
        x, y = place[node]
        text = node.name or (f"{node.attributes['value']:g}" if node.op == "constant" else node.op)
        yield f'<rect x="{x - 40}" y="{y - 14}" width="80" height="28" rx="6" fill="none" stroke="{GRAY}"/>'
        yield f'<text x="{x}" y="{y + 5}">{text}</text>'
        for given in node.inputs:
            start, height = place[given]
            over = 32 if column[node] - column[given] > 1 else 0  # an arrow over the boxes between
            curve = f"{start + 60} {height - 2 * over} {x - 60} {y - 2 * over} {x - 43} {y - over / 8}"
            path = f"M{start + 40} {height} C{curve}"
            yield f'<path d="{path}" fill="none" stroke="{STROKE}" marker-end="url(#head)"/>'
    x, y = place[graph.result]
    yield f'<text x="{x + 45}" y="{y + 5}" text-anchor="start">= {tracing.formula(graph)}</text>'


ROAD = [
    ("the formula", "activations.py", ["def silu(z):", "    return z * sigmoid(z)"]),
    (
        "traced: a graph",
        "tracing/, step.py",
        ["z → negative → exp → 1 + → 1 / → z ×", "every shape and dtype, nothing computed"],
    ),
    (
        "lowered: loops",
        "storing.py, lowering.py, steps.py",
        ["for (j = 0; j < 64; j++)", "    outputs[j] = t * (1 / (1 + exp(-t)))"],
    ),
    (
        "written: LLVM IR",
        "loop_nests.py, products.py, mathematics.py",
        ["%v66 = fdiv <8 x double> splat (1.0), %v65", "%v67 = fmul <8 x double> %v33, %v66"],
    ),
    (
        "compiled: machine code",
        "machine.py, llvmlite",
        ["vdivpd  %zmm20, %zmm29, %zmm20", "vmulpd  %zmm20, %zmm19, %zmm19"],
    ),
    (
        "called: a tenth of a second of steps",
        "driver.py, compiled_engine.py",
        ["run(context): batch, pass, update, again", "the losses of all epochs that ended"],
    ),
]
"""Stations from a formula to its machine code: title, files, and how each looks for silu in `plainnet xor --code`."""


def road(name: str) -> None:
    """Draw the stations between a formula and its machine code, from top to bottom."""
    parts = []
    for i, (title, files, sample) in enumerate(ROAD):
        top = 10 + 84 * i
        parts.append(f'<rect x="10" y="{top}" width="700" height="60" rx="8" fill="none" stroke="{GRAY}"/>')
        parts.append(f'<text x="26" y="{top + 25}" font-weight="bold">{title}</text>')
        parts.append(f'<text x="26" y="{top + 46}" font-size="13">{files}</text>')
        for j, line in enumerate(sample):
            kept = line.replace(" ", "\u00a0").replace("<", "&lt;")
            place = f'x="372" y="{top + 25 + 21 * j}"'
            parts.append(f'<text {place} font-family="DejaVu Sans Mono, monospace" font-size="12.5">{kept}</text>')
        if i:
            parts.append(f'<path d="M180 {top - 24} V{top - 5}" stroke="{STROKE}" marker-end="url(#head)"/>')
    save_drawing(name, 720, 84 * len(ROAD), parts)


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    terminal("xor.svg", "xor")
    traced("tracing.svg")
    road("road.svg")
    with for_any_page():
        xor_pictures()
