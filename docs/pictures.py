"""Makes the README's pictures: run `python docs/pictures.py` in a checkout with plainnet[all] installed."""

import re
import sys
from pathlib import Path

from rich.terminal_theme import MONOKAI

from plainnet import cli
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


if __name__ == "__main__":
    (DOCS / "images").mkdir(exist_ok=True)
    terminal("xor.svg", "xor")
    plot = DOCS / "images" / "penguins-loss.svg"
    sys.exit(cli.run(["train", str(PENGUINS), "--target", "species", "--plot", str(plot)]))
