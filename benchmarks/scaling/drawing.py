"""One picture: how many times as fast many machines train, by the model, for each network, batch and link."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.chart import INK
from benchmarks.scaling.model import Step
from benchmarks.scaling.networks import LINKS
from benchmarks.scaling.predicting import Fitted
from benchmarks.scaling.tables import PAYS, machines

COLOURS = ("#0072B2", "#D55E00", "#009E73")
"""Of the batches; Okabe & Ito's palette."""
LINES = dict(zip(LINKS, ("--", "-"), strict=True))
MOST = 1000


def draw(model: Fitted, path: Path) -> bool:
    """Write the picture, a panel a network; the path's ending says the format. False where there is nothing to draw."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    steps = machines(model)
    if not steps:
        return False
    style = {"text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK}
    with rc_context(style | {"svg.fonttype": "path", "svg.hashsalt": "plainnet"}):
        figure = Figure(figsize=(3.7 * len(steps), 4), layout="constrained")
        panels = figure.subplots(1, len(steps), sharey=True, squeeze=False)[0]
        for axes, (step, name, batches) in zip(panels, steps, strict=True):
            _panel(axes, step, name, batches)
        panels[0].set_ylabel("times as fast as one machine")
        handles = [Line2D([], [], color=INK, linestyle=line, label=link) for link, line in LINES.items()]
        handles.append(Line2D([], [], color=INK, linestyle=":", label=f"{PAYS:.0%} of the machines' time trains"))
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
        figure.savefig(path, transparent=True, metadata={"Date": None} if path.suffix == ".svg" else None)
    return True


def _panel(axes: Any, step: Step, name: str, batches: tuple[int, ...]) -> None:
    """One network's speed-up by the number of machines."""
    ranks = np.unique(np.geomspace(1, MOST, 60).astype(int))
    for batch, colour in zip(batches, COLOURS, strict=True):
        for link_name, link in LINKS.items():
            speeds = [step.speedup(int(count), batch, link) for count in ranks]
            label = f"batch {batch:,}" if link_name == list(LINKS)[-1] else None
            axes.plot(ranks, speeds, color=colour, linestyle=LINES[link_name], linewidth=1.8, label=label)
    axes.plot(ranks, PAYS * ranks, color=INK, linewidth=1, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(0.1, MOST)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()
    axes.set_xlabel("machines")
    axes.set_title(name)
    axes.legend(loc="upper left", frameon=False, fontsize="small")
    axes.tick_params(colors=INK, which="both", labelleft=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=INK, alpha=0.2)
