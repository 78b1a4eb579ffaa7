"""The look that the documentation's pictures share: no ground of their own, and colours seen on white and on black."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib
from PIL import Image

from plainnet.plots.drawing import QUIET

DOCS = Path(__file__).parents[1]
IMAGES = DOCS / "images"
PENGUINS = DOCS.parent / "examples" / "penguins.csv"
GRAY = "#767676"
"""About as far from white as from black."""
STROKE = "#3b82c4"
"""The blue of arrows."""
HEAD = (
    '<marker id="head" viewBox="0 0 6 6" refX="4" refY="3" markerWidth="5" markerHeight="5" orient="auto">'
    f'<path d="M0 0 L6 3 L0 6 z" fill="{STROKE}"/></marker>'
)
"""The head of an arrow."""


def for_any_page() -> Any:
    """Return a matplotlib style that reads on white and on black: no ground, lines and text in gray."""
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor", "xtick.color", "ytick.color")
    style = dict.fromkeys(inked, GRAY) | dict.fromkeys(
        ("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none"
    )
    return matplotlib.rc_context(style | {"svg.hashsalt": "plainnet"})


def save(name: str, figure: Any) -> None:
    """Write a figure as an SVG that is the same at every run."""
    path = IMAGES / name
    figure.savefig(path)
    path.write_text(in_gray(path.read_text()))


def in_gray(svg: str) -> str:
    """Return an SVG with gray remarks and without its date, which would make it another one at every run."""
    return re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL).replace(QUIET.lower(), GRAY)


def save_drawing(name: str, width: int, height: int, parts: Iterable[str]) -> None:
    """Write the SVG elements `parts` as one picture of this size."""
    box = f'viewBox="0 0 {width} {height}" font-family="DejaVu Sans, sans-serif" font-size="14"'
    look = f'fill="{GRAY}" stroke-width="1.5"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {box} {look}>{HEAD}{"".join(parts)}</svg>'
    (IMAGES / name).write_text(svg.replace("><", ">\n<") + "\n")


def save_animation(
    name: str, figures: Iterable[Any], milliseconds: int = 125, hold: int = 2_000, dpi: int = 110, quality: int = 80
) -> None:
    """Write figures as an animated WebP; the last one stays for `hold` milliseconds before it begins again."""
    frames = []
    for figure in figures:
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=dpi)
        frames.append(Image.open(drawn).convert("RGBA"))
    times = [milliseconds] * (len(frames) - 1) + [hold]
    options: dict[str, Any] = {"duration": times, "loop": 0, "quality": quality, "method": 6}
    frames[0].save(IMAGES / name, save_all=True, append_images=frames[1:], **options)
