"""Makes the pictures of docs/learn/your-table.md: run `python docs/pictures/learn_your_table.py`.

The network and its rows are those of the page's own code, which is run here up to its section on over-fitting.
"""

import contextlib
import copy
import io
import os
import re
from typing import Any

import matplotlib
import numpy as np
from style import DOCS, GRAY, for_any_page, save

from plainnet.plots.drawing import CLASS_COLORS, MARKERS, new_figure, open_frame

STEPS = 10_000
EVERY = 20
"""The steps between two looks at the losses."""
UNIT = 1
"""The hidden unit whose sums are drawn."""
SPECIES = ("Adelie", "Chinstrap", "Gentoo")
PLACES = ((18.5, 172), (19.8, 224), (15, 235))
"""The places of the species' names in the first map, in millimetres."""


def session() -> dict[str, Any]:
    """Run the blocks of the page up to over-fitting, and return what they define."""
    text = (DOCS / "learn" / "your-table.md").read_text(encoding="utf-8").split("## Over-fitting")[0]
    names: dict[str, Any] = {}
    os.chdir(DOCS.parent)
    with contextlib.redirect_stdout(io.StringIO()):
        for block in re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
            exec(block, names)
    return names


def trained(page: dict[str, Any]) -> tuple[list[tuple[float, float]], Any, Any]:
    """Return the training and validation losses, the network of the lowest validation loss, and the last one."""
    two, few = page["X"][:, [1, 2]], page["training"][:40]
    net = page["Network"](inputs=2, units=50, seed=0)
    losses: list[tuple[float, float]] = []
    best = net
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            loss, new = (page["measure"](net, two, part)[0] for part in (few, page["validation"]))
            if all(new < lowest for _, lowest in losses):
                best = copy.deepcopy(net)
            losses.append((loss, new))
        net.step(two[few], page["T"][few], rate=1.0)
    return losses, best, net


def curves(name: str, losses: list[tuple[float, float]]) -> None:
    """Draw both losses by step, and where the validation loss is lowest."""
    figure = new_figure(5, 3.2)
    axes = figure.add_subplot()
    losses = losses[1:]  # a logarithmic axis has no 0
    steps = EVERY * np.arange(1, len(losses) + 1)
    best = int(np.argmin([new for _, new in losses]))
    for k, (label, place) in enumerate((("40 training rows", (24, 0.1)), ("67 validation rows", (500, 0.9)))):
        axes.plot(steps, [pair[k] for pair in losses], "--" if k else "-", color=CLASS_COLORS[k], linewidth=2)
        axes.annotate(label, place, color=CLASS_COLORS[k], fontsize=12)
    axes.plot(steps[best], losses[best][1], "o", color=CLASS_COLORS[1], markersize=8)
    text = f"lowest at step {steps[best]}"
    axes.annotate(text, (steps[best] * 0.5, losses[best][1] + 0.08), color=CLASS_COLORS[1], fontsize=12)
    axes.set(xscale="log", xlim=(EVERY, STEPS), ylim=(0, 1.1))
    axes.set_xlabel("step (logarithmic)", fontsize=11)
    axes.set_ylabel("loss J", fontsize=11)
    axes.set_xticks([20, 100, 1_000, 10_000], ["20", "100", "1,000", "10,000"])
    axes.tick_params(labelsize=11)
    open_frame(axes)
    save(name, figure)


def standardized(name: str, page: dict[str, Any]) -> None:
    """Draw where the sums of a hidden unit lie on the curve of σ, with numbers as in the file and standardized."""
    figure = new_figure(5, 2.7)
    net = page["Network"](inputs=9, units=5, seed=0)
    rows = page["training"][:40]
    titles = ("as in the file", "standardized")
    inputs = (np.hstack([page["numbers"], page["words"]]), page["X"])
    for axes, given, title in zip(figure.subplots(1, 2, sharey=True), inputs, titles, strict=True):
        sums = given[rows] @ net.W[:, UNIT]
        reach = max(6, 1.25 * np.abs(sums).max())
        places = np.linspace(-reach, reach, 401)
        axes.plot(places, 0.5 + 0.5 * np.tanh(places / 2), color=GRAY, linewidth=2)
        look = {"markeredgecolor": "white", "markeredgewidth": 0.6, "markersize": 6}
        axes.plot(sums, 0.5 + 0.5 * np.tanh(sums / 2), "o", color=CLASS_COLORS[0], **look)
        axes.set_title(title, fontsize=11)
        axes.set_xlabel("sum z", fontsize=11)
        axes.set_yticks([0, 0.5, 1])
        axes.tick_params(labelsize=10)
        open_frame(axes)
    figure.axes[0].set_ylabel("σ(z)", fontsize=11)
    save(name, figure)


def maps(name: str, page: dict[str, Any], early: Any, late: Any) -> None:
    """Draw the likeliest species over the plane of two measures, early and late, with the rows."""
    figure = new_figure(5, 3.1)
    box = (12.5, 22, 168, 240)
    depths, flippers = np.linspace(*box[:2], 160), np.linspace(*box[2:], 160)
    mean, deviation = page["mean"][[1, 2]], page["deviation"][[1, 2]]
    plane = (np.array([[x, y] for y in flippers for x in depths]) - mean) / deviation
    classes = page["T"].argmax(axis=1)
    ground = matplotlib.colors.ListedColormap([paler(color) for color in CLASS_COLORS[:3]])
    titles = ("step 80", "step 10,000")
    for axes, net, title in zip(figure.subplots(1, 2, sharey=True), (early, late), titles, strict=True):
        winners = net.forward(plane)[1].argmax(axis=1).reshape(flippers.size, depths.size)
        look: dict[str, Any] = {"origin": "lower", "extent": box, "aspect": "auto", "interpolation": "nearest"}
        axes.imshow(winners, cmap=ground, vmin=0, vmax=2, **look)
        for part, size in ((page["validation"], 3), (page["training"][:40], 6.5)):
            for k in range(3):
                rows = page["numbers"][part[classes[part] == k]]
                style = {"color": CLASS_COLORS[k], "markeredgecolor": "white", "markeredgewidth": 0.6}
                axes.plot(rows[:, 1], rows[:, 2], MARKERS[k], markersize=size, **style)
        axes.set_title(title, fontsize=11)
        axes.set_xlabel("bill depth, mm", fontsize=11)
        axes.set_xticks([14, 16, 18, 20])
        axes.tick_params(labelsize=10)
        if net is early:
            axes.set_ylabel("flipper, mm", fontsize=11)
            for species, place in zip(SPECIES, PLACES, strict=True):
                axes.annotate(species, place, ha="center", color="#222222", fontsize=11)
    save(name, figure)


def paler(color: str) -> Any:
    """Return a colour mixed with white, as the ground of marks of that colour."""
    return tuple(0.35 * part + 0.65 for part in matplotlib.colors.to_rgb(color))


if __name__ == "__main__":
    with for_any_page():
        page = session()
        losses, early, late = trained(page)
        standardized("learn-table-standard.svg", page)
        curves("learn-table-losses.svg", losses)
        maps("learn-table-maps.svg", page, early, late)
