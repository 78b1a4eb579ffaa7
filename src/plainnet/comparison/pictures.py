"""Pictures of a comparison: all its curves, and a box for each variant."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from plainnet.comparison.result import Comparison
from plainnet.comparison.runs import Run
from plainnet.plots.drawing import CLASS_COLORS, GRAY, new_axes, open_frame, remark, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = tuple(color for color in CLASS_COLORS if color != "#F0E442")  # yellow lines are hard to see on white
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
MOST_CURVES = 100
"""More runs of a variant than this are drawn as every second, third, ... of them."""
MOST_BOXES = 20
LONGEST_NAME = 48
LABEL_WIDTH = 27


def curves(comparison: Comparison, axes: Axes | None = None) -> Axes:
    """The loss of every run by epoch, thin, and each variant's median, thick; validation loss where there is one."""
    axes = axes if axes is not None else new_axes()
    drawn = [variant for variant in comparison.variants if variant in comparison.ranking()[: len(COLORS)]]
    lowest, highest = np.inf, 0.0
    every = 1
    for variant, color, dashes in zip(drawn, COLORS, DASHES, strict=False):
        runs = [run for run in comparison.of(variant) if len(run.curves["epoch"])]
        step = -(-len(runs) // MOST_CURVES) or 1
        every = max(every, step)
        for run in runs[::step]:
            values = np.array(_followed(run))
            marker = "." if len(values) == 1 else None
            axes.plot(
                run.curves["epoch"],
                values,
                color=color,
                alpha=0.35,
                linewidth=0.8,
                marker=marker,
                zorder=1,
                rasterized=True,
            )
            positive = values[values > 0]
            lowest = min(lowest, positive.min(initial=np.inf))
            highest = max(highest, positive.max(initial=0.0))
        epochs, medians = _median_curve(runs)
        axes.plot(epochs, medians, color="white", linewidth=4, zorder=2)
        label = shortened(variant, LONGEST_NAME)
        axes.plot(epochs, medians, color=color, linestyle=dashes, linewidth=2.2, zorder=3, label=label)
    if highest > 20 * lowest:
        axes.set_yscale("log")
        axes.set_ylim(top=highest * (highest / lowest) ** (0.02 + 0.06 * len(drawn)))  # room for the legend
    axes.set_xlabel("epoch")
    kind = "validation loss" if any("validation_loss" in run.curves for run in comparison.runs) else "training loss"
    axes.set_ylabel(f"{kind} (thick: median of the runs)")
    axes.legend(frameon=False, loc="upper right", fontsize="small")
    omitted = len(comparison.variants) - len(drawn)
    remark(
        axes,
        f"the {len(drawn)} variants of the best medians, of {len(comparison.variants)}" if omitted else "",
        f"one of {every} runs is drawn; the median is of all" if every > 1 else "",
    )
    open_frame(axes)
    return axes


def boxes(comparison: Comparison, axes: Axes | None = None) -> Axes:
    """A box from the first to the third quartile for each variant, its median a line, and every run a point.

    Runs that did not learn are hollow; those that diverged have no place on the axis and are counted.
    """
    shown = [variant for variant in comparison.variants if variant in comparison.ranking()[:MOST_BOXES]]
    axes = axes if axes is not None else new_axes(height=max(2.5, 1.2 + 0.55 * len(shown)))
    random = np.random.default_rng(0)
    everything = [run.measure(comparison.by) for run in comparison.runs if not run.diverged]
    for place, variant in enumerate(shown):
        color = COLORS[place % len(COLORS)]
        runs = [run for run in comparison.of(variant) if np.isfinite(run.measure(comparison.by))]
        values = np.array([run.measure(comparison.by) for run in runs])
        heights = place + 0.28 * (random.random(len(runs)) - 0.5)
        learned = np.array([comparison.has_learned(run) for run in runs], dtype=bool)
        alpha = 0.7 if len(runs) <= MOST_CURVES else 0.25
        axes.scatter(
            values[learned], heights[learned], s=9, color=color, alpha=alpha, linewidths=0, zorder=2, rasterized=True
        )
        axes.scatter(values[~learned], heights[~learned], s=14, facecolors="none", edgecolors=color, zorder=2)
        if len(values):
            axes.boxplot(
                values,
                orientation="horizontal",
                positions=[place],
                widths=0.6,
                showfliers=False,
                whis=(0, 100),
                boxprops={"color": GRAY},
                whiskerprops={"color": GRAY},
                capprops={"color": GRAY},
                medianprops={"color": "black", "linewidth": 2},
                manage_ticks=False,
                zorder=3,
            )
    axes.set_yticks(range(len(shown)), [_labelled(comparison, variant) for variant in shown], fontsize="small")
    axes.set_ylim(len(shown) - 0.4, -0.6)
    if everything and min(everything) > 0 and max(everything) > 20 * min(everything):
        axes.set_xscale("log")
    better = "lower" if comparison.lower_is_better else "higher"
    axes.set_xlabel(f"{comparison.by.replace('_', ' ')} ({better} is better)")
    omitted = len(comparison.variants) - len(shown)
    some_failed = any(not comparison.has_learned(run) and not run.diverged for run in comparison.runs)
    remark(
        axes,
        f"the {len(shown)} variants of the best medians, of {len(comparison.variants)}" if omitted else "",
        f"hollow: did not learn ({comparison.criterion})" if some_failed else "",
    )
    open_frame(axes)
    return axes


def draw(comparison: Comparison) -> Figure:
    """Both pictures, one above the other."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        from plainnet.errors import missing_extra

        raise missing_extra("a picture", "plots") from None
    below = max(2.2, 1.0 + 0.55 * min(len(comparison.variants), MOST_BOXES))
    figure = Figure(figsize=(8, 4 + below), layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=[4, below])
    curves(comparison, upper)
    boxes(comparison, lower)
    return figure


def _followed(run: Run) -> list[float]:
    return run.curves.get("validation_loss", run.curves["loss"])


def _median_curve(runs: list[Run]) -> tuple[list[int], list[float]]:
    """The median over the runs at each epoch that half of them have reached; a run that ended before keeps its last."""
    if not runs:
        return [], []
    epochs = sorted({epoch for run in runs for epoch in run.curves["epoch"]})
    last = sorted(run.curves["epoch"][-1] for run in runs)[len(runs) // 2]
    epochs = [epoch for epoch in epochs if epoch <= last]
    values = [np.interp(epochs, run.curves["epoch"], _followed(run)) for run in runs]
    return epochs, np.median(values, axis=0).tolist()


def _labelled(comparison: Comparison, variant: str) -> str:
    diverged = sum(run.diverged for run in comparison.of(variant))
    lines = textwrap.wrap(shortened(variant, LONGEST_NAME), LABEL_WIDTH, break_on_hyphens=False)
    name = "\n".join(lines)
    return f"{name}\n({diverged} diverged)" if diverged else name
