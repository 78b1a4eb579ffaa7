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

DOCS = Path(__file__).parent
PENGUINS = DOCS.parent / "examples" / "penguins.csv"


def terminal(name: str, *arguments: str) -> None:
    """What `plainnet ARGUMENTS` prints, as an SVG of a terminal."""
    console.record = True
    console.width = 76
    cli.run(list(arguments))
    shown = " ".join(["plainnet", *arguments]).replace(str(PENGUINS), "penguins.csv")
    svg = console.export_svg(title=shown.split(" --no-progress")[0], theme=MONOKAI)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # a picture loads nothing from elsewhere
    (DOCS / "images" / name).write_text(svg.replace("Fira Code", "DejaVu Sans Mono"))


def xor_pictures() -> None:
    """What the hidden units of `plainnet xor` learned, and the valley that its training descends."""
    X, y = pn.datasets.xor()
    hidden, output = pn.Dense(4, "sigmoid", initializer="normal"), pn.Dense(1, "sigmoid", initializer="normal")
    net = pn.Network(hidden, output, input_size=3, seed=1, dtype="float64")
    path = [net.parameters.copy()]
    options = {"optimizer": pn.SGD(1.0), "epochs": 10_000, "batch_size": None, "report_every": 50}
    path += [net.parameters.copy() for _ in net.training(X, y, loss="mse", **options)]
    picture("xor-units.svg", plots.hidden_units(net, X, axes=plots.new_axes(7, 2.2), names=["x₁", "x₂", "x₃"]))
    picture("xor-valley.svg", plots.loss_surface(net, X, y, loss="mse", path=path, axes=plots.new_axes(6.5, 4.4)))


def picture(name: str, axes: Any) -> None:
    """The figure of `axes` as an SVG, the same at every run."""
    with matplotlib.rc_context({"svg.hashsalt": name}):
        axes.figure.savefig(DOCS / "images" / name, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    (DOCS / "images").mkdir(exist_ok=True)
    terminal("xor.svg", "xor")
    xor_pictures()
    plot = DOCS / "images" / "penguins-loss.svg"
    sys.exit(cli.run(["train", str(PENGUINS), "--target", "species", "--plot", str(plot)]))
