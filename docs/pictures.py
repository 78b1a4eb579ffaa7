"""Makes the README's pictures: run `python docs/pictures.py` in a checkout with plainnet[all] installed."""

import re
import sys
from pathlib import Path
from typing import Any

import matplotlib
from rich.terminal_theme import MONOKAI

import plainnet as pn
from plainnet import cli, plots
from plainnet.cli.display import console
from plainnet.plots.drawing import QUIET

GRAY = "#767676"
"""About as far from white as from black."""
DOCS = Path(__file__).parent
PENGUINS = DOCS.parent / "examples" / "penguins.csv"


def terminal(name: str, *arguments: str) -> None:
    """Draw the output of `plainnet ARGUMENTS` as an SVG of a terminal."""
    console.record = True
    console.width = 76
    cli.run(list(arguments))
    shown = " ".join(["plainnet", *arguments]).replace(str(PENGUINS), "penguins.csv")
    svg = console.export_svg(title=shown.split(" --no-progress")[0], theme=MONOKAI, unique_id=Path(name).stem)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # a picture loads nothing from elsewhere
    (DOCS / "images" / name).write_text(svg.replace("Fira Code", "DejaVu Sans Mono"))


def xor_pictures() -> None:
    """The hidden units of `plainnet xor`, and the valley that its training descends.

    The valley is drawn with a small penalty on the weights: without one the loss of XOR falls for ever, as they grow,
    and a valley has no floor.
    """
    X, y = pn.datasets.xor()
    net, _ = trained_on_xor(penalty=0)
    units = plots.hidden_units(net, X, axes=plots.new_axes(7, 2.2), names=["x₁", "x₂", "x₃"], labels=y[:, 0])
    picture("xor-units.svg", units)
    net, path = trained_on_xor(penalty=5e-4)
    picture("xor-valley.svg", plots.loss_surface(net, X, y, loss="mse", path=path, axes=plots.new_axes(6.5, 4.4)))


def trained_on_xor(penalty: float) -> tuple[pn.Network, list[Any]]:
    """The network of `plainnet xor` after its training, and the parameters on the way."""
    X, y = pn.datasets.xor()
    layers = (pn.Dense(units, "sigmoid", initializer="normal", l2=penalty) for units in (4, 1))
    net = pn.Network(*layers, input_size=3, seed=1, dtype="float64")
    path = [net.parameters.copy()]
    options = {"optimizer": pn.SGD(1.0), "epochs": 10_000, "batch_size": None, "report_every": 50}
    path += [net.parameters.copy() for _ in net.training(X, y, loss="mse", **options)]
    return net, path


def penguins() -> int:
    """The picture of `plainnet train --plot`."""
    plot = DOCS / "images" / "penguins-loss.svg"
    code = cli.run(["train", str(PENGUINS), "--target", "species", "--plot", str(plot)])
    plot.write_text(in_gray(plot.read_text()))
    return code


def picture(name: str, axes: Any) -> None:
    """The figure of `axes` as an SVG, the same at every run."""
    path = DOCS / "images" / name
    axes.figure.savefig(path)
    path.write_text(in_gray(path.read_text()))


def in_gray(svg: str) -> str:
    """An SVG with gray remarks and without its date, which would make it another one at every run."""
    return re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL).replace(QUIET.lower(), GRAY)


def for_any_page() -> Any:
    """A style that reads on white and on black: no ground, lines and text in gray."""
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor", "xtick.color", "ytick.color")
    style = dict.fromkeys(inked, GRAY) | dict.fromkeys(
        ("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none"
    )
    return matplotlib.rc_context(style | {"svg.hashsalt": "plainnet"})


if __name__ == "__main__":
    (DOCS / "images").mkdir(exist_ok=True)
    terminal("xor.svg", "xor")
    with for_any_page():
        xor_pictures()
        sys.exit(penguins())
