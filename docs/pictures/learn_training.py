"""Makes the pictures of docs/learn/training.md: run `python docs/pictures/learn_training.py`."""

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib
import numpy as np
from style import GRAY, for_any_page, save, save_animation

import plainnet as pn
from plainnet.plots.drawing import CLASS_COLORS, new_figure, open_frame
from plainnet.plots.landscape import main_directions

BLUE, VERMILION, GREEN = CLASS_COLORS[:3]
X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
Y = np.array([[0], [1], [1], [0]])
START = np.array(
    [
        *(0.5, -0.3, 0.8, -0.6, -0.4, 0.7, 0.2, 0.9, 0.1, -0.2, -0.5, 0.3),  # W
        *(0.2, -0.1, 0.0, 0.4),  # b
        *(0.7, -0.5, 0.6, -0.9),  # V
        0.1,  # c
    ]
)
"""The weights of chapters 3 to 6."""
LIGHT = matplotlib.colors.LinearSegmentedColormap.from_list("answers", [BLUE, "#f4f4f4", VERMILION])
"""The colours of 0, one half and 1, which are those of the classes 0 and 1 in plainnet's plots."""
GROUND = matplotlib.colors.LinearSegmentedColormap.from_list("heights", [BLUE, "#9ccbe8", "#ffffff"])
"""The colours of a low and a high loss."""
RATES: Sequence[tuple[float, str, str, tuple[float, float]]] = (
    (0.01, GRAY, ":", (300, 0.27)),
    (1, BLUE, "-", (300, 0.15)),
    (10, GREEN, "-", (110, 0.03)),
    (50, VERMILION, "--", (30, 0.46)),
)
"""Each learning rate with its line, and the place of its name."""
SIDE = np.linspace(-0.25, 1.25, 61)


def network(units: int = 4) -> pn.Network:
    """Return the network of the course, or one with so many hidden units."""
    return pn.Network(pn.Dense(units, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, dtype="float64")


def trained(optimizer: Any, epochs: int, net: pn.Network | None = None) -> tuple[list[float], list[Any]]:
    """Return the loss before each step, and the parameters before each step and at the end."""
    net = net or network()
    net.parameters[:] = START
    losses, path = [], [START]
    for report in net.training(X, Y, loss="mse", optimizer=optimizer, epochs=epochs, batch_size=None, report_every=1):
        losses.append(report.loss)
        path.append(net.parameters.copy())
    return losses, path


def panels(width: float, height: float) -> Any:
    """Return a figure without a ground, whose lines have few points."""
    matplotlib.rcParams["path.simplify_threshold"] = 0.5
    figure = new_figure(width, height)
    figure.set_facecolor("none")
    return figure


def map_of(axes: Any, answers: Any, title: str, marker: float) -> None:
    """Draw what a unit answers over the plane of the first two inputs, and the four examples."""
    box = (SIDE[0], SIDE[-1], SIDE[0], SIDE[-1])
    axes.imshow(answers, cmap=LIGHT, vmin=0, vmax=1, origin="lower", extent=box, interpolation="bilinear")
    axes.contour(SIDE, SIDE, answers, [0.5], colors="white", linewidths=1.5)
    for row, target in zip(X, Y[:, 0], strict=True):
        look = {"color": VERMILION if target else BLUE, "markeredgecolor": "white", "markersize": marker}
        axes.plot(*row[:2], "^" if target else "o", **look)
    axes.set_title(title, fontsize=11, pad=3)
    axes.set_xticks([0, 1])
    axes.set_yticks([0, 1])
    axes.tick_params(labelsize=10, length=2, pad=1)
    axes.set_aspect("equal")


def frames(losses: Sequence[float], path: Sequence[Any], steps: Sequence[int]) -> Iterator[Any]:
    """Yield a picture of the loss, the output's map and the four hidden units' maps after each of the steps."""
    plane = np.array([[x1, x2, 1] for x2 in SIDE for x1 in SIDE])
    net = network()
    for step in steps:
        net.parameters[:] = path[step]
        hidden = net.layers[0].predict(plane)
        answers = net.predict(plane).reshape(SIDE.size, SIDE.size)
        figure = panels(5, 4.4)
        upper, lower = figure.subfigures(2, 1, height_ratios=[1.75, 1])
        curve, output = upper.subplots(1, 2, width_ratios=[1.15, 1])
        curve.plot(losses[: step + 1], color=BLUE, linewidth=2)
        curve.plot(step, losses[step], "o", color=VERMILION, markersize=7)
        curve.set(xlim=(0, len(losses)), ylim=(0, 0.27), xticks=[0, 500, 1000], yticks=[0, 0.1, 0.2])
        curve.set_title(f"loss J, step {step:,}", fontsize=11)
        curve.tick_params(labelsize=10)
        open_frame(curve)
        map_of(output, answers, "output ŷ", 9)
        for k, axes in enumerate(lower.subplots(1, 4)):
            map_of(axes, hidden[:, k].reshape(SIDE.size, SIDE.size), f"hidden $h_{k}$", 5)
            if k:
                axes.set_yticklabels([])
        yield figure


def valley(name: str, path: Sequence[Any]) -> None:
    """Draw the loss over the two main directions of the path, from above, and the path with a dot every 50 steps."""
    along = main_directions(np.array(path))
    walked = along.coordinates(np.array(path))
    first, second = (np.linspace(*ends, 31) for ends in ((-3, 16), (-5, 4)))
    net = network()
    heights = np.empty((second.size, first.size))
    for i, j in np.ndindex(heights.shape):
        net.parameters[:] = along.parameters(np.array([first[j], second[i]]))
        heights[i, j] = net.loss_and_gradient(X, Y, loss="mse")[0]
    figure = panels(5, 3.9)
    axes = figure.add_subplot()
    levels = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.24]
    axes.contourf(first, second, heights, [0, *levels, 1], cmap=GROUND, norm=matplotlib.colors.PowerNorm(0.5, 0, 0.4))
    lines = axes.contour(first, second, heights, levels, colors="#555555", linewidths=0.6)
    places = [(0.3, 2.8), (2.7, 2.8), (4.9, 2.8), (7.5, 2.8), (9.4, 2.8)]
    axes.clabel(lines, levels=[0.01, 0.05, 0.1, 0.2, 0.24], fontsize=11, colors="#222222", manual=places)
    axes.plot(*walked[::25].T, color="white", linewidth=3.5)
    axes.plot(*walked[::20].T, color=VERMILION, linewidth=2)
    axes.plot(*walked[::50].T, "o", color=VERMILION, markeredgecolor="white", markersize=6)
    for step, shift in ((0, (8, 4)), (500, (-20, -17)), (1_000, (-12, 9))):
        style = {"fontsize": 11, "color": "#222222", "textcoords": "offset points"}
        axes.annotate(f"step {step:,}", walked[step], xytext=shift, **style)
    axes.set_xlabel("first main direction of the path", fontsize=11)
    axes.set_ylabel("second main direction", fontsize=11)
    axes.tick_params(labelsize=10)
    save(name, figure)


def curves(name: str) -> None:
    """Draw the loss by step at four learning rates."""
    figure = panels(5, 3.4)
    axes = figure.add_subplot()
    for rate, color, dashes, place in RATES:
        losses, _ = trained(pn.SGD(rate), 401)
        axes.plot(losses[: 26 if rate == 50 else 401], color=color, linestyle=dashes, linewidth=2)
        axes.annotate(f"η = {rate:g}", place, color=color, fontsize=12)
    axes.set(xlim=(0, 400), ylim=(0, 0.53))
    axes.set_xlabel("step", fontsize=11)
    axes.set_ylabel("loss J", fontsize=11)
    axes.tick_params(labelsize=11)
    open_frame(axes)
    save(name, figure)


def seeds(name: str) -> None:
    """Draw the loss of forty starts of a network with two hidden units, those that get stuck in another colour."""
    nets = [network_from(seed) for seed in range(40)]
    options = {"loss": "mse", "optimizer": pn.SGD(5.0), "epochs": 2_000, "batch_size": None, "report_every": 1}
    histories = pn.train_many(nets, X, Y, **options)
    figure = panels(5, 3.4)
    axes = figure.add_subplot()
    for history in sorted(histories, key=lambda history: history.loss[-1]):
        learned = history.loss[-1] < 0.01
        axes.plot(history.loss[::10], color=BLUE if learned else VERMILION, linewidth=1, alpha=0.8)
    count = sum(history.loss[-1] < 0.01 for history in histories)
    axes.annotate(f"{len(nets) - count} of {len(nets)} stuck", (118, 0.137), color=VERMILION, fontsize=12)
    axes.annotate(f"{count} learned", (118, 0.015), color=BLUE, fontsize=12)
    axes.set(xlim=(0, 200), ylim=(0, 0.3))
    axes.set_xticks([0, 50, 100, 150, 200], ["0", "500", "1000", "1500", "2000"])
    axes.set_xlabel("step", fontsize=11)
    axes.set_ylabel("loss J", fontsize=11)
    axes.tick_params(labelsize=11)
    open_frame(axes)
    save(name, figure)


def network_from(seed: int) -> pn.Network:
    """Return a network with two hidden units and normal initial weights from this seed."""
    layers = (pn.Dense(units, "sigmoid", initializer="normal") for units in (2, 1))
    return pn.Network(*layers, input_size=3, seed=seed, dtype="float64")


if __name__ == "__main__":
    with for_any_page():
        losses, path = trained(pn.SGD(1.0), 1_001)
        steps = [*range(0, 300, 50), *range(300, 700, 40), *range(700, 1_001, 60)]
        save_animation("learn-training.webp", frames(losses, path, steps), 200, hold=3_000, dpi=90, quality=50)
        valley("learn-training-valley.svg", path[:1_001])
        curves("learn-training-rates.svg")
        seeds("learn-training-seeds.svg")
