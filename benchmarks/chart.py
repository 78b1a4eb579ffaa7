"""One chart: how many times as fast plainnet trains as each peer, by the size of the network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers import COMPILED, JAX, NUMPY, PYTORCH, SKLEARN, TUTORIAL
from benchmarks.speed import Results
from benchmarks.workloads import TRAINING

STYLES = {SKLEARN: ("#009E73", "o"), PYTORCH: ("#D55E00", "s"), JAX: ("#0072B2", "^"), TUTORIAL: ("#CC79A7", "D")}
"""Colours of Okabe & Ito's palette, told apart with any kind of colour vision, and a marker each."""

INK = "#767676"
"""A grey that is readable on white and on near-black; the background is transparent."""

TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def draw(results: Results, path: Path) -> bool:
    """Write the chart, a panel an engine; the path's ending says the format. False where there is nothing to draw."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    works = {work.name: work for work in TRAINING}
    medians = {t.workload.name: t.medians() for t in results if t.workload.name in works}
    engines = [engine for engine in (COMPILED, NUMPY) if any(engine in seconds for seconds in medians.values())]
    if not engines:
        return False
    with rc_context({"text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "svg.fonttype": "path"}):
        figure = Figure(figsize=(5 * max(len(engines), 1.4), 4.2), layout="constrained")
        panels = figure.subplots(1, len(engines), sharey=True, squeeze=False)[0]
        for axes, engine in zip(panels, engines, strict=True):
            _panel(axes, engine, medians)
        panels[0].set_ylabel("times as fast as the peer, per training step")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
        figure.savefig(path, transparent=True, metadata={"Date": None} if path.suffix == ".svg" else None)
    return True


def _panel(axes: Any, engine: str, medians: Mapping[str, Mapping[str, float]]) -> None:
    """One engine's speed-up over each peer."""
    works = [work for work in TRAINING if engine in medians.get(work.name, {})]
    for peer, (colour, marker) in STYLES.items():
        points = [
            (work.parameters, medians[work.name][peer] / medians[work.name][engine])
            for work in works
            if peer in medians[work.name]
        ]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, marker=marker, linewidth=1.8, label=peer)
    axes.axhline(1, color=INK, linewidth=1, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_yticks([tick for tick in TICKS if low <= tick <= high], minor=False)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} ×")
    axes.minorticks_off()
    axes.set_xlabel("parameters of the network")
    axes.set_title(engine)
    axes.tick_params(colors=INK, which="both", labelleft=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=INK, alpha=0.2)
