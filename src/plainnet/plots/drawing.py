"""What all pictures share: a figure without a window, colours for any kind of colour vision, and a line of remarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

from plainnet.errors import missing_extra

BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE, YELLOW = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#56B4E9",
    "#CC79A7",
    "#F0E442",
)
"""Okabe & Ito's palette (2008): told apart with any kind of colour vision."""
CLASS_COLORS = (BLUE, VERMILION, GREEN, YELLOW, PURPLE, SKY, ORANGE)
MARKERS = "o^sDvP*"
"""One for each class colour, so that no class is told by its colour alone."""
TRAINING, VALIDATION = BLUE, VERMILION
GRAY = "#808080"
"""Seen on white and on black."""
PALE = "#f4f4f4"
"""The middle of a colour scale."""
MOST_POINTS = 1000
"""More examples than this are drawn as a sample of this many."""


def new_axes(width: float = 7, height: float = 4) -> Axes:
    """The axes of a new figure that belongs to no window; sizes in inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("a picture", "plots") from None
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def open_frame(axes: Axes) -> None:
    """Leave only the left and the lower line of the frame."""
    axes.spines[["top", "right"]].set_visible(False)


def remark(axes: Axes, *remarks: str) -> None:
    """Say above the picture what it leaves out, if anything."""
    text = "\n".join(line for line in remarks if line)
    if text:
        axes.set_title(text, loc="left", fontsize="small", color=GRAY)


def diverging() -> Colormap:
    """Vermilion below the middle, pale at it, blue above."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("diverging", [VERMILION, PALE, BLUE])


def sequential() -> Colormap:
    """From pale to blue."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("sequential", [PALE, BLUE])


def plural(count: int, noun: str) -> str:
    """'1 unit', '1,200 units'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def shortened(name: str, most: int = 18) -> str:
    """A name cut to `most` letters."""
    return name if len(name) <= most else name[: most - 1] + "…"
