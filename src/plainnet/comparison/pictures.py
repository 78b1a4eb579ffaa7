"""Pictures of a comparison: the curves of each variant as a band, and a box for each variant."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plainnet._base.arrays import Array
from plainnet.comparison.runs import Run
from plainnet.plots.drawing import CLASS_COLORS, DASHES, GRAY, new_axes, new_figure, open_frame, remark, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plainnet.comparison.result import Comparison

COLORS = CLASS_COLORS[:6]
"""The colours of the variants; the curves of more variants would hide each other."""
MOST_CURVES = 100
"""The most single runs of a variant to draw beside its band."""
MOST_BANDS = 3
"""The most variants with bands, which would hide each other; the boxes show the spread."""
MOST_BOXES = 20
LONGEST_NAME = 48
LABEL_WIDTH = 27


class Band(NamedTuple):
    """The quartiles of a variant's runs at each epoch that at least half of them have reached."""

    epochs: Sequence[int]
    first: Array
    median: Array
    third: Array


def curves(comparison: Comparison, axes: Axes | None = None) -> Axes:
    """Draw each variant's measure by epoch: the median of its runs, thick, and a band between their quartiles.

    The measure is the one compared by if the runs kept its curve, otherwise their validation or training loss. Up to
    two variants show single runs as well, thin; runs that did not learn are always drawn. The axis shows what the bands
    and these runs need; a start far above them leaves the picture.
    """
    axes = axes if axes is not None else new_axes()
    drawn = [variant for variant in comparison.variants if variant in comparison.ranking()[: len(COLORS)]]
    name = followed(comparison)
    shown: list[Array] = []
    left_out = 0
    for variant, color, dashes in zip(drawn, COLORS, DASHES, strict=False):
        runs = [run for run in comparison.of(variant) if len(run.curves["epoch"])]
        single = _single_runs(comparison, runs, alone=len(drawn) <= 2)
        left_out += len(runs) - len(single) if len(drawn) <= 2 else 0
        for run in single:
            marker = "." if len(run.curves["epoch"]) == 1 else None
            style: dict[str, Any] = {"color": color, "alpha": 0.35, "linewidth": 0.8, "marker": marker, "zorder": 1}
            axes.plot(run.curves["epoch"], run.curves[name], rasterized=True, **style)
        band = _band(runs, name)
        if len(drawn) <= MOST_BANDS:
            axes.fill_between(band.epochs, band.first, band.third, color=color, alpha=0.2, linewidth=0, zorder=2)
            shown += [band.first, band.third]
        label = shortened(variant, LONGEST_NAME)
        axes.plot(band.epochs, band.median, color=color, linestyle=dashes, linewidth=2.2, zorder=3, label=label)
        not_learned = [np.array(run.curves[name], float) for run in single if not comparison.has_learned(run)]
        shown += [band.median, *not_learned]
    _set_scale(axes, np.concatenate(shown) if shown else np.array([]))
    axes.set_xlabel("epoch")
    axes.set_ylabel(_words(name, comparison))
    _legend_below(axes)
    omitted = len(comparison.variants) - len(drawn)
    remark(
        axes,
        "thick: median of the runs" + ("; band: their quartiles" if len(drawn) <= MOST_BANDS else ""),
        f"the {len(drawn)} variants of the best medians, of {len(comparison.variants)}" if omitted else "",
        "thin: some of the runs, and each that did not learn" if left_out else "",
    )
    open_frame(axes)
    return axes


def followed(comparison: Comparison) -> str:
    """Return a measure whose curve every run has: the one compared by if possible, otherwise a loss."""
    for name in (comparison.by, "validation_loss"):
        if all(name in run.curves for run in comparison.runs):
            return name
    return "loss"


def _words(name: str, comparison: Comparison) -> str:
    if name == "loss":
        return "training loss"
    better = "lower" if name == "validation_loss" or comparison.lower_is_better else "higher"
    return f"{name.replace('_', ' ')} ({better} is better)"


def _single_runs(comparison: Comparison, runs: Sequence[Run], alone: bool) -> list[Run]:
    """Return the runs to draw one by one: those that did not learn, and evenly spaced others while there is room."""
    failed = [run for run in runs if comparison.has_criterion and not comparison.has_learned(run)]
    rest = [run for run in runs if run not in failed] if alone else []
    step = -(-len(rest) // max(1, MOST_CURVES - len(failed))) or 1
    return [*rest[::step], *failed[:MOST_CURVES]]


def _band(runs: Sequence[Run], name: str) -> Band:
    """Return the band of some runs; a run that ended before an epoch keeps its last value."""
    if not runs:
        return Band([], np.array([]), np.array([]), np.array([]))
    epochs = sorted({epoch for run in runs for epoch in run.curves["epoch"]})
    last = sorted(run.curves["epoch"][-1] for run in runs)[len(runs) // 2]
    epochs = [epoch for epoch in epochs if epoch <= last]
    values = [np.interp(epochs, run.curves["epoch"], np.array(run.curves[name], float)) for run in runs]
    return Band(epochs, *np.nanquantile(values, [0.25, 0.5, 0.75], axis=0))


def _set_scale(axes: Axes, values: Array) -> None:
    """Set the axis to show these values, logarithmic if they differ more than twentyfold."""
    values = values[np.isfinite(values)]
    if not values.size:
        return
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > 20 * low:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.3, high * 1.3)
        return
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)


def _legend_below(axes: Axes) -> None:
    """Put the legend below the axis, where it hides no curve."""
    count = len(axes.get_legend_handles_labels()[0])
    columns = 2 if count > 3 else max(count, 1)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=columns, fontsize="small")


def boxes(comparison: Comparison, axes: Axes | None = None) -> Axes:
    """Draw a box from the first to the third quartile of each variant, its median as a line, and every run as a point.

    The whiskers end at the last run within 1.5 times the box's length from it (Tukey 1977). Runs that did not learn are
    crosses; those that diverged have no place on the axis and are counted.
    """
    shown = [variant for variant in comparison.variants if variant in comparison.ranking()[:MOST_BOXES]]
    axes = axes if axes is not None else new_axes(height=max(2.5, 1.2 + 0.55 * len(shown)))
    for place, variant in enumerate(shown):
        _draw_box(axes, comparison, variant, place)
    axes.set_yticks(range(len(shown)), [_labelled(comparison, variant) for variant in shown], fontsize="small")
    axes.set_ylim(len(shown) - 0.4, -0.6)
    everything = [run.measure(comparison.by) for run in comparison.runs if not run.diverged]
    if everything and min(everything) > 0 and max(everything) > 20 * min(everything):
        axes.set_xscale("log")
    better = "lower" if comparison.lower_is_better else "higher"
    axes.set_xlabel(f"{comparison.by.replace('_', ' ')} ({better} is better)")
    omitted = len(comparison.variants) - len(shown)
    some_failed = any(not comparison.has_learned(run) and not run.diverged for run in comparison.runs)
    remark(
        axes,
        f"the {len(shown)} variants of the best medians, of {len(comparison.variants)}" if omitted else "",
        f"crosses: did not learn ({comparison.criterion})" if some_failed else "",
    )
    open_frame(axes)
    return axes


def _draw_box(axes: Axes, comparison: Comparison, variant: str, place: int) -> None:
    color = COLORS[place % len(COLORS)]
    runs = [run for run in comparison.of(variant) if np.isfinite(run.measure(comparison.by))]
    values = np.array([run.measure(comparison.by) for run in runs])
    heights = place + 0.4 * (np.random.default_rng(place).random(len(runs)) - 0.5)
    learned = np.array([comparison.has_learned(run) for run in runs], dtype=bool)
    alpha = 0.7 if len(runs) <= MOST_CURVES else 0.25
    dots: dict[str, Any] = {"color": color, "zorder": 2, "rasterized": True}
    axes.scatter(values[learned], heights[learned], s=9, alpha=alpha, linewidths=0, **dots)
    axes.scatter(values[~learned], heights[~learned], s=22, marker="x", linewidths=1, **dots)
    if len(values):
        style: dict[str, Any] = {"orientation": "horizontal", "widths": 0.6, "showfliers": False, "manage_ticks": False}
        style |= {part: {"color": GRAY} for part in ("boxprops", "whiskerprops", "capprops")}
        style["medianprops"] = {"color": "black", "linewidth": 2}
        axes.boxplot(values, positions=[place], zorder=3, **style)


def draw(comparison: Comparison) -> Figure:
    """Draw both pictures, one above the other."""
    below = max(2.2, 1.0 + 0.55 * min(len(comparison.variants), MOST_BOXES))
    figure = new_figure(8, 4.6 + below)
    upper, lower = figure.subplots(2, 1, height_ratios=[4.6, below])
    curves(comparison, upper)
    boxes(comparison, lower)
    return figure


def _labelled(comparison: Comparison, variant: str) -> str:
    diverged = sum(run.diverged for run in comparison.of(variant))
    name = textwrap.fill(shortened(variant, LONGEST_NAME), LABEL_WIDTH, break_on_hyphens=False)
    return f"{name}\n({diverged} diverged)" if diverged else name
