"""Figures, colours, axes, legends and remarks, which all pictures share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.extras import missing_extra
from plainnet._base.pages import BLUE, GREEN, QUIET, VERMILION
from plainnet._base.wording import in_date, in_digits, plural
from plainnet.errors import InvalidValue

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colors import Colormap

    from plainnet.plots.picture import Picture

CLASS_COLORS = (BLUE, VERMILION, GREEN, "#A87AF5", "#994D73", "#CC00B3", "#8A7A00", "#B08150", "#CC1A00", "#6A7F88")
"""A colour for each class, with a contrast of at least 3:1 on white and on the dark page; they were chosen to lie far
apart for normal and for colour-blind eyes."""
FAR = 5
"""A few values do not stretch a picture to more than so many times the range of the others."""
MARKERS = "o^sDvP*X<>"
"""A marker for each class colour, so that classes differ by more than their colours."""
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))
"""Dashes for the lines of classes."""
TRAINING, VALIDATION = BLUE, VERMILION
GRAY = "#808080"
"""The colour of lines and marks, with a contrast of at least 3:1 on white and on the dark page."""
DARK = "#222222"
"""The colour of lines and text on a light ground inside a picture."""
PALE = "#f4f4f4"
"""The light end of a colour scale."""
THIN_SPACE = "\u2009"
FIRST_DAY, LAST_DAY = ((date(year, 1, 1) - date(1970, 1, 1)).days for year in (2, 9999))
"""The days since 1970-01-01 between which matplotlib can label dates."""
MOST_POINTS = 1000
"""The most examples to draw; of more a sample is drawn."""


def new_figure(width: float, height: float) -> Picture:
    """Make a figure that belongs to no window and shows itself in a notebook; sizes are in inches."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise missing_extra("a picture", "plots") from None
    from plainnet.plots.picture import Picture

    return Picture(figsize=(width, height), layout="constrained")


def new_axes(width: float = 7, height: float = 4) -> Axes:
    """Return the axes of a new figure that belongs to no window and shows itself in a notebook.

    `width` and `height` are in inches. Raises MissingExtraError without matplotlib.
    """
    return new_figure(width, height).add_subplot()


def open_frame(axes: Axes) -> None:
    """Leave only the left and the lower line of the frame."""
    axes.spines[["top", "right"]].set_visible(False)


def remark(axes: Axes, *remarks: str) -> None:
    """Write remarks, such as on what is left out, above the picture and its legend."""
    text = "\n".join(line for line in remarks if line)
    if text:
        axes.set_title(text, loc="left", fontsize="small", color=QUIET, pad=6 + 15 * _legend_rows(axes), wrap=True)


def legend_above(axes: Axes, lift: float = 0.0) -> None:
    """Put the legend above the axes, `lift` letters higher to make room for a mark."""
    labels = axes.get_legend_handles_labels()[1]
    if labels:
        style: dict[str, Any] = {"frameon": False, "loc": "lower left", "bbox_to_anchor": (0, 1), "fontsize": "small"}
        style |= {"borderaxespad": 0.2 + lift, "borderpad": 0, "handlelength": 1.6, "columnspacing": 1.2}
        axes.legend(ncols=_legend_columns(axes, labels), **style)


def _legend_columns(axes: Axes, labels: Sequence[str]) -> int:
    """Return the number of columns for which the axes are wide enough."""
    room = 17 * width_of(axes)
    widths = [len(label) + 5 for label in labels]
    return len(labels) if sum(widths) <= room else max(1, int(room / max(widths)))


def width_of(axes: Axes) -> float:
    """Return the width of the axes in inches, which a layout may still change a little."""
    return float(axes.bbox.width / axes.figure.dpi)


def _legend_rows(axes: Axes) -> int:
    legend = axes.get_legend()
    labels = [text.get_text() for text in legend.get_texts()] if legend is not None else []
    return math.ceil(len(labels) / _legend_columns(axes, labels)) if labels else 0


def plain_numbers(*axis: Axis, most: int = 5, whole: bool = False) -> None:
    """Set few ticks, whose labels do not meet, in plain numbers: 100,500 and 0.025; only integers if `whole`."""
    from plainnet.plots.ticks import FewTicks, PlainNumbers

    for one in axis:
        one.set_major_locator(FewTicks(most, whole))
        one.set_major_formatter(PlainNumbers())


def dates(axis: Axis) -> None:
    """Label days since 1970-01-01, which matplotlib counts alike, as dates if they have a date, else as numbers."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    low, high = axis.get_view_interval()
    if low < FIRST_DAY or high > LAST_DAY:
        plain_numbers(axis)
        return
    locator = AutoDateLocator(minticks=2, maxticks=5)  # type: ignore[no-untyped-call]
    axis.set_major_locator(locator)
    axis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def one_date(axis: Axis) -> None:
    """Label one or two places of a small axis of days since 1970-01-01 with their dates."""
    from matplotlib.ticker import FuncFormatter

    plain_numbers(axis, most=2, whole=True)
    axis.set_major_formatter(FuncFormatter(lambda value, _: in_date(value)))


def probabilities(axis: Axis) -> None:
    """Set an axis from 0 to 1."""
    axis.axes.set(**{f"{axis.axis_name}lim": (0, 1)})  # type: ignore[attr-defined]
    plain_numbers(axis)


def logarithmic_where_wide(axes: Axes, values: Iterable[float]) -> None:
    """Label the vertical axis in plain numbers; make it logarithmic if the values differ more than twentyfold."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    positive = [value for value in values if value > 0 and math.isfinite(value)]
    if not positive or max(positive) <= 20 * min(positive):
        plain_numbers(axes.yaxis)
        return
    axes.set_yscale("log", nonpositive="mask")
    decades = math.log10(max(positive) / min(positive))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2 else (1,), numticks=7))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: in_digits(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def are_whole(values: Array) -> bool:
    """Return True for integers, even if standardizing has rounded them a little."""
    return bool(np.allclose(values, np.round(values), rtol=0, atol=1e-6 * np.abs(values).max(initial=0)))


def class_colors(count: int, labels: Array | None = None) -> list[str]:
    """Return a colour for each class, the same in every picture of the same examples.

    If there are more classes than colours, the most frequent among `labels` have one, and the others are gray.
    """
    frequency = np.bincount(labels, minlength=count) if labels is not None else np.zeros(count)
    colored = np.sort(np.argsort(-frequency, kind="stable")[: len(CLASS_COLORS)])
    colors = [GRAY] * count
    for color, k in zip(CLASS_COLORS, colored, strict=False):
        colors[k] = color
    return colors


def diverging() -> Colormap:
    """Return a scale that is vermilion below the middle, pale at it, and blue above."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("diverging", [VERMILION, PALE, BLUE])


def sequential(color: str = BLUE) -> Colormap:
    """Return a scale from pale to a colour."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("sequential", [PALE, color])


def sample(examples: int, most: int = MOST_POINTS) -> tuple[Array, str]:
    """Return the numbers of the examples to draw, at most `most`, and a remark if they are not all."""
    if examples <= most:
        return np.arange(examples), ""
    drawn = np.sort(np.random.default_rng(0).choice(examples, most, replace=False))
    return drawn, f"{most:,} of {plural(examples, 'example')}, drawn at random"


def near(values: Array) -> Array:
    """Return which values a picture shows: all, unless a few are far from all others.

    If the range is more than `FAR` times that of the middle 98 %, these are shown.
    """
    low, high = np.quantile(values, (0.01, 0.99))
    if low < high and np.ptp(values) > FAR * (high - low):
        shown: Array = (values >= low) & (values <= high)
        return shown
    return np.ones(len(values), bool)


def named(argument: str, given: Sequence[Any] | None, usual: Iterable[Any]) -> list[str]:
    """Return the names given, or the usual ones; raise InvalidValue if their numbers differ."""
    names = [str(name) for name in usual]
    if given is not None and len(given) != len(names):
        raise InvalidValue(f"{argument} has {len(given)} names; it takes {len(names)}")
    return names if given is None else [str(name) for name in given]


def shortened(name: str, most: int = 18) -> str:
    """Return a name on one line of at most `most` letters, in letters that a font here has, for matplotlib to draw.

    A longer name is cut in the middle, as names often begin alike. To matplotlib a dollar sign begins a formula, and a
    label that begins with an underscore does not enter the legend.
    """
    from plainnet.plots.fonts import drawable

    line = " ".join(name.split())
    cut = line if len(line) <= most else f"{line[: most // 2].rstrip()}…{line[-((most - 1) // 2) :].lstrip()}"
    return (THIN_SPACE if cut.startswith("_") else "") + drawable(cut).replace("$", r"\$")
