"""Makes the pictures of the first two chapters: run `python docs/pictures/learn_units.py` with plainnet[plots]."""

from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
from style import GRAY, STROKE, for_any_page, save, save_animation, save_drawing

import plainnet as pn
from plainnet import activations, plots
from plainnet.plots.drawing import BLUE, DARK, GREEN, VERMILION, new_figure, open_frame

X, Y = 2, 3
"""The example of the first chapter."""
WIDTH = 5.2
"""Inches; with letters of 11.5 points they are 11 pixels high on a phone."""
LETTERS = {"font.size": 11.5, "axes.titlesize": 11.5}


def loss(w: Any) -> Any:
    return (w * X - Y) ** 2


def slope(w: Any) -> Any:
    return 2 * (w * X - Y) * X


# ---- one weight ----


def valley(axes: Any, low: float, high: float) -> None:
    """Draw the loss over the weight."""
    w = np.linspace(low, high, 200)
    axes.plot(w, loss(w), color=BLUE, linewidth=2)
    axes.set_xlabel("weight w")
    axes.set_ylabel("loss J")
    open_frame(axes)


def curve(name: str) -> None:
    """The loss over the weight, with the five weights that the chapter tries."""
    axes = new_figure(WIDTH, 3).add_subplot()
    valley(axes, 0.2, 2.8)
    for w in (0.5, 1.0, 1.5, 2.0, 2.5):
        axes.plot([w], [loss(w)], "o", color=VERMILION)
        side = "left" if w > 1.5 else "right"
        away = -9 if w > 1.5 else 9
        if w == 1.5:
            axes.annotate("0: right", (w, 0), (0, 10), textcoords="offset points", ha="center")
        else:
            axes.annotate(f"{loss(w):g}", (w, loss(w)), (-away, -3), textcoords="offset points", ha=side)
    axes.set_xticks([0.5, 1, 1.5, 2, 2.5])
    axes.set_ylim(-0.3, 7)
    save(name, axes.figure)


def tangent(name: str) -> None:
    """The curve, its tangent at the first weight, and a run of 0.5 with the rise that belongs to it."""
    axes = new_figure(WIDTH, 3.4).add_subplot()
    valley(axes, 0.1, 2.1)
    w, run = 0.5, 0.5
    ends = np.array([0.2, 1.0])
    axes.plot(ends, loss(w) + slope(w) * (ends - w), "--", color=VERMILION, linewidth=1.8)
    axes.plot([w, w + run, w + run], [loss(w), loss(w), loss(w + run)], color=GREEN, linewidth=1.8)
    axes.plot([w, w + run], [loss(w), loss(w + run)], "o", color=GREEN, markersize=5)
    axes.plot([w], [loss(w)], "o", color=VERMILION)
    axes.text(w + run / 2, loss(w) + 0.12, "run", color=GREEN, ha="center")
    axes.text(w + run + 0.03, 2.6, "rise (negative)", color=GREEN)
    axes.annotate("tangent: slope −8", (0.23, 6.16), (10, 3), textcoords="offset points", color=VERMILION)
    axes.set_xticks([0.5, 1, 1.5, 2])
    axes.set_ylim(-0.3, 7)
    save(name, axes.figure)


def chain(name: str) -> None:
    """The two steps from the weight to the loss: values above, slopes below."""
    parts = ['<g text-anchor="middle">']
    for x, title, first, second in ((150, "times x", "x = 2", ""), (315, "minus y,", "squared", "y = 3")):
        parts.append(f'<rect x="{x - 45}" y="38" width="90" height="64" rx="8" fill="none" stroke="{GRAY}"/>')
        lines = [line for line in (title, first, second) if line]
        for i, line in enumerate(lines):
            parts.append(f'<text x="{x}" y="{75 - 9 * len(lines) + 18 * (i + 0.5):g}">{line}</text>')
    for start, end in ((52, 102), (197, 267), (362, 412)):
        parts.append(f'<path d="M{start} 70 H{end}" stroke="{STROKE}" marker-end="url(#head)"/>')
    for x, letter, value in ((26, "w", "0.5"), (232, "ŷ", "1"), (434, "J", "4")):
        over = 75 if x != 232 else 58
        parts.append(f'<text x="{x}" y="{over - 21 if x != 232 else 40}" font-weight="bold">{letter}</text>')
        parts.append(f'<text x="{x}" y="{over}">{value}</text>')
    for x, letters, value in ((150, "dŷ/dw = x", "2"), (315, "dJ/dŷ = 2(ŷ − y)", "−4")):
        parts.append(f'<text x="{x}" y="142" fill="{VERMILION}">{letters}</text>')
        parts.append(f'<text x="{x}" y="164" fill="{VERMILION}" font-weight="bold">{value}</text>')
    parts.append(f'<text x="232" y="164" fill="{VERMILION}">×</text>')
    parts.append(f'<text x="232" y="196" fill="{VERMILION}">slope dJ/dw = 2 · (−4) = −8</text>')
    save_drawing(name, 456, 208, [*parts, "</g>"])


RATES = ((0.02, "too small", GREEN), (0.1, "right", BLUE), (0.3, "too large", VERMILION))


def rates(name: str, steps: int = 6) -> None:
    """Three balls in the same valley, a step a second, each with its own learning rate."""
    ways = [[0.5] for _ in RATES]
    for way, (rate, _, _) in zip(ways, RATES, strict=True):
        for _ in range(steps):
            way.append(way[-1] - rate * slope(way[-1]))
    frames = [(0, 1.0), *((step, part) for step in range(1, steps + 1) for part in (0.5, 1.0, 1.0))]
    save_animation(name, (_rates_at(ways, step, part) for step, part in frames), milliseconds=300)


def _rates_at(ways: list[list[float]], step: int, part: float) -> Any:
    """Draw the three valleys while the balls have done `part` of this step, with the numbers of the last landing."""
    figure = new_figure(WIDTH, 3.2)
    landed = step if part == 1.0 else step - 1
    figure.suptitle(f"step {landed}", fontsize=LETTERS["font.size"])
    for axes, way, (rate, verdict, color) in zip(figure.subplots(1, 3, sharey=True), ways, RATES, strict=True):
        w = np.linspace(-0.9, 3.9, 200)
        axes.plot(w, loss(w), color=GRAY, linewidth=1.2)
        been = np.array(way[: landed + 1])
        now = been[-1] if part == 1.0 else way[step - 1] + part * (way[step] - way[step - 1])
        height = loss(now) if part == 1.0 else (loss(way[step - 1]) + loss(way[step])) / 2
        axes.plot(been, loss(been), "-", color=color, linewidth=0.8)
        axes.plot(been, loss(been), "o", color=color, markersize=3.5)
        axes.plot([now], [height], "o", color=color, markersize=10)
        axes.set(xlim=(-0.9, 3.9), ylim=(-1, 19), xticks=[0, 1.5, 3], yticks=[0, 5, 10, 15])
        axes.set_title(f"η = {rate}\n{verdict}", color=color)
        axes.set_xlabel(f"w = {been[-1]:.2f}")
        open_frame(axes)
    figure.axes[0].set_ylabel("loss J")
    return figure


# ---- one unit ----

SYMBOL = 'text-anchor="middle" font-size="18"'
INPUTS = ((1, "0.5"), (0, "−0.4"), (1, "0.1"))
"""The inputs and the weights of the chapter's unit."""


def unit(name: str) -> None:
    """A unit with three inputs: the weighted sum, the bias, the sigmoid, and the numbers of the chapter."""
    parts = []
    for j, (value, weight) in enumerate(INPUTS):
        y = 34 + 66 * j
        parts.append(f'<text x="4" y="{y + 5}">x{"₁₂₃"[j]} = {value}</text>')
        parts.append(f'<circle cx="70" cy="{y}" r="7" fill="{GRAY}" stroke="none"/>')
        end = 100 + (y - 100) * 0.25
        parts.append(f'<path d="M80 {y} L184 {end:g}" stroke="{STROKE}" marker-end="url(#head)"/>')
        parts.append(f'<text x="92" y="{(22, 92, 184)[j]}" fill="{VERMILION}">w{"₁₂₃"[j]} = {weight}</text>')
    parts.append(f'<path d="M215 192 V134" stroke="{STROKE}" marker-end="url(#head)"/>')
    parts.append(f'<text x="215" y="210" text-anchor="middle" fill="{VERMILION}">bias b = 0.2</text>')
    for x, symbol in ((215, "+"), (350, "σ")):
        parts.append(f'<circle cx="{x}" cy="100" r="28" fill="none" stroke="{GRAY}"/>')
        parts.append(f'<text x="{x}" y="106" {SYMBOL}>{symbol}</text>')
    for start, end in ((244, 319), (379, 402)):
        parts.append(f'<path d="M{start} 100 H{end}" stroke="{STROKE}" marker-end="url(#head)"/>')
    parts += ['<text x="281" y="90" text-anchor="middle">z = 0.8</text>', '<text x="407" y="98">a =</text>']
    parts += ['<text x="407" y="115">0.690</text>', '<text x="215" y="58" text-anchor="middle">sum</text>']
    parts.append('<text x="350" y="58" text-anchor="middle">sigmoid</text>')
    save_drawing(name, 456, 220, parts)


def sigmoid(name: str) -> None:
    """The sigmoid, and below it its slope, with the unit of the chapter on both."""
    figure = new_figure(WIDTH, 4.4)
    above, below = figure.subplots(2, 1, sharex=True)
    z = np.linspace(-8, 8, 200)
    a = activations.sigmoid(z)
    for axes, values, color, label in (
        (above, a, BLUE, "sigmoid: a = σ(z)"),
        (below, a * (1 - a), VERMILION, "its slope: a(1 − a)"),
    ):
        axes.plot(z, values, color=color, linewidth=2)
        axes.axvline(0, color=GRAY, linewidth=0.6)
        axes.set_title(label, loc="left", color=color)
        open_frame(axes)
    above.set(yticks=[0, 0.5, 1])
    below.set(yticks=[0, 0.1, 0.25], xlabel="sum z", xticks=[-8, -4, 0, 4, 8])
    here = float(activations.sigmoid(np.array(0.8)))
    above.plot([0.8], [here], "o", color=GREEN)
    above.annotate("z = 0.8, a = 0.690", (0.8, here), (10, -10), textcoords="offset points", color=GREEN)
    below.plot([0.8], [here * (1 - here)], "o", color=GREEN)
    below.annotate("slope 0.214", (0.8, here * (1 - here)), (10, 0), textcoords="offset points", color=GREEN)
    save(name, figure)


def drawn_line(axes: Any, gate: str, weights: tuple[float, float, float]) -> None:
    """Draw what one unit with these weights and this bias says over the plane, and ring what it gets wrong."""
    X, y = pn.datasets.gates(gate, constant=False)
    net = pn.Network(pn.Dense(1, "sigmoid"), input_size=2, dtype="float64")
    net.parameters[:] = weights
    plots.decision_boundary(net, X, y, axes=axes, names=["x₁", "x₂"])
    axes.get_legend().remove()
    wrong = X[(net.predict(X) > 0.5)[:, 0] != (y[:, 0] > 0.5)]
    ring: dict[str, Any] = {"markersize": 17, "markerfacecolor": "none", "markeredgewidth": 1.5, "color": DARK}
    for place in wrong:
        for mark in axes.plot(*place, "o", clip_on=False, **ring):
            mark.set_in_layout(False)  # a ring that crosses the frame must not make the frame smaller
    axes.set(xticks=[0, 1], yticks=[0, 1], aspect="equal")


def gates(name: str) -> None:
    """The lines of a unit that has learned OR, and of one that has learned AND."""
    figure = new_figure(WIDTH, 2.7)
    for axes, gate in zip(figure.subplots(1, 2), ("or", "and"), strict=True):
        drawn_line(axes, gate, trained(gate))
        axes.set_title(gate.upper())
    save(name, figure)


def trained(gate: str, steps: int = 5_000) -> tuple[float, float, float]:
    """Return the weights and the bias that the chapter's ten lines learn."""
    X, y = pn.datasets.gates(gate, constant=False)
    w, b = np.array([0.5, -0.3]), 0.0
    for _ in range(steps):
        a = activations.sigmoid(X @ w + b)
        share = 2 * (a - y[:, 0]) * a * (1 - a) / len(X)
        w, b = w - share @ X, b - share.sum()
    return float(w[0]), float(w[1]), float(b)


LOOKS = (0, 10, 20, 30, 40, 60, 80, 120, 160, 320, 640, 1_280, 5_000)
"""The steps of OR after which its line is drawn."""


def turning(name: str) -> None:
    """The line of a unit while it learns OR."""
    figures = []
    for steps in LOOKS:
        axes = new_figure(3.2, 3.2).add_subplot()
        drawn_line(axes, "or", trained("or", steps))
        axes.set_title(f"OR, step {steps:,}")
        figures.append(axes.figure)
    save_animation(name, figures, milliseconds=500)


FAILING = (("one wrong", (6.0, 6.0, -3.0)), ("one wrong", (-6.0, -6.0, 9.0)), ("two wrong", (8.0, 0.0, -4.0)))
"""Lines that leave points of XOR on the wrong side."""


def xor(name: str) -> None:
    """Three lines that fail at XOR."""
    figure = new_figure(WIDTH, 2.2)
    for axes, (title, weights) in zip(figure.subplots(1, 3, sharey=True), FAILING, strict=True):
        drawn_line(axes, "xor", weights)
        axes.set_title(title)
        axes.label_outer()
    save(name, figure)


def all_pictures() -> Iterator[None]:
    yield curve("learn-curve.svg")
    yield tangent("learn-slope.svg")
    yield chain("learn-chain.svg")
    yield rates("learn-rates.webp")
    yield unit("learn-unit.svg")
    yield sigmoid("learn-sigmoid.svg")
    yield gates("learn-gates.svg")
    yield turning("learn-turning.webp")
    yield xor("learn-xor.svg")


if __name__ == "__main__":
    with for_any_page(), matplotlib.rc_context(LETTERS):
        for _ in all_pictures():
            pass
