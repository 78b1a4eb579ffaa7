"""Makes the pictures of chapters 3 to 5: run `python docs/pictures/learn_network.py` with plainnet[all] installed.

One drawing of the 3-4-1 network serves them all: with its letters, with the numbers of the first example, with one path
back, with all paths back. Every number in it is calculated here, from the weights that the chapters print.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib
import numpy as np
from style import GRAY, for_any_page, save, save_animation, save_drawing

from plainnet import plots
from plainnet.activations import sigmoid
from plainnet.plots.drawing import CLASS_COLORS, MARKERS, legend_above, new_figure, open_frame

WEIGHTS = np.array([[0.5, -0.3, 0.8, -0.6], [-0.4, 0.7, 0.2, 0.9], [0.1, -0.2, -0.5, 0.3]])
BIAS = np.array([0.2, -0.1, 0.0, 0.4])
OUTPUT_WEIGHTS = np.array([0.7, -0.5, 0.6, -0.9])
OUTPUT_BIAS = 0.1
EXAMPLE, TARGET = np.array([1.0, 0.0, 1.0]), 1.0

BLUE, RED = "#2b7ab8", "#c65200"
"""The blue and the vermilion of small text: a contrast of at least 4.5:1 on white and on black."""
DIGITS = "₀₁₂₃"
ON_A_PHONE = {"font.size": 11.5, "xtick.labelsize": 11.5, "ytick.labelsize": 11.5}
"""Text of the curves that can be read on a narrow page."""

# ---- where everything stands ----

WIDTH, HEIGHT = 440, 350
INPUTS = [(26, 110), (26, 190), (26, 270)]
HIDDEN = [(184, 70), (184, 150), (184, 230), (184, 310)]
OUTPUT, LOSS = (378, 150), (378, 270)
RADIUS, HALF, HALF_OUTPUT, TALL = 18, 54, 58, 17


def number(value: float, digits: int = 3) -> str:
    """Return a number with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def text(x: float, y: float, words: str, *, color: str = GRAY, size: float = 15, anchor: str = "middle") -> str:
    """Return words whose middle stands at the height y."""
    place = f'x="{x:g}" y="{y + 0.35 * size:g}"'
    return f'<text {place} font-size="{size}" text-anchor="{anchor}" fill="{color}">{words}</text>'


def line(start: tuple[float, float], end: tuple[float, float], color: str = GRAY, *, lit: bool = False) -> str:
    """Return a straight line; a lit one is thick."""
    (x, y), (to_x, to_y) = start, end
    look = f'stroke="{color}" stroke-width="{3 if lit else 1}" stroke-opacity="{1 if lit else 0.5}"'
    return f'<path d="M{x:g} {y:g} L{to_x:g} {to_y:g}" {look}/>'


def arrow(start: tuple[float, float], end: tuple[float, float], color: str) -> str:
    """Return a thick line with a head at its end."""
    way = np.subtract(end, start)
    way = way / np.hypot(*way)
    across = np.array([-way[1], way[0]])
    neck = np.array(end) - 9 * way
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (end, neck + 5 * across, neck - 5 * across))
    return line(start, tuple(neck), color, lit=True) + f'<polygon points="{corners}" fill="{color}"/>'


def labelled(line_ends: tuple[tuple[float, float], tuple[float, float]], share: float, words: str) -> Iterator[str]:
    """Yield a lit line with words in a gap of it, at a share of its way."""
    start, end = line_ends
    x, y = along(line_ends, share)
    way = np.subtract(end, start) / np.hypot(*np.subtract(end, start))
    gap = min(19 / abs(way[0]), 10 / max(abs(way[1]), 1e-9))
    yield line(start, (x - gap * way[0], y - gap * way[1]), BLUE, lit=True)
    yield text(x, y, words, color=BLUE)
    yield line((x + gap * way[0], y + gap * way[1]), end, BLUE, lit=True)


def circle(place: tuple[float, float], words: str, color: str = GRAY) -> Iterator[str]:
    """Yield an input."""
    x, y = place
    yield f'<circle cx="{x}" cy="{y}" r="{RADIUS}" fill="none" stroke="{color}"/>'
    yield text(x, y, words)


def box(place: tuple[float, float], half: float, words: str, color: str = GRAY, round_: float = TALL) -> Iterator[str]:
    """Yield a unit, or the loss, which has corners."""
    x, y = place
    size = f'x="{x - half}" y="{y - TALL}" width="{2 * half}" height="{2 * TALL}" rx="{round_}"'
    yield f'<rect {size} fill="none" stroke="{color}" stroke-width="{1.5 if color == GRAY else 3}"/>'
    yield text(x, y, words, size=14.5)


def ends(j: int, k: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where the line from input j to hidden unit k begins and ends."""
    (x, y), (to_x, to_y) = INPUTS[j], HIDDEN[k]
    return (x + RADIUS, y), (to_x - HALF, to_y)


def output_ends(k: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where the line from hidden unit k to the output begins and ends."""
    (x, y), (to_x, to_y) = HIDDEN[k], OUTPUT
    return (x + HALF, y), (to_x - HALF_OUTPUT, to_y)


def loss_ends() -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where the line from the output to the loss begins and ends."""
    return (OUTPUT[0], OUTPUT[1] + TALL), (LOSS[0], LOSS[1] - TALL)


def along(
    line_ends: tuple[tuple[float, float], tuple[float, float]], share: float, lift: float = 0
) -> tuple[float, float]:
    """Return a point on a line, `lift` above it."""
    (x, y), (to_x, to_y) = line_ends
    return x + share * (to_x - x), y + share * (to_y - y) - lift


def heads() -> Iterator[str]:
    """Yield what the columns are."""
    for x, words in [(2, "3 inputs"), (HIDDEN[0][0], "4 hidden units"), (WIDTH - 2, "1 output")]:
        yield text(x, 14, words, anchor="start" if x == 2 else "end" if x > 400 else "middle")


def connections(but: Sequence[Any] = ()) -> Iterator[str]:
    """Yield all thin lines but those named: (j, k) from an input, k from a hidden unit, "loss"."""
    yield from (line(*ends(j, k)) for j in range(3) for k in range(4) if (j, k) not in but)
    yield from (line(*output_ends(k)) for k in range(4) if k not in but)
    if "loss" not in but:
        yield line(*loss_ends())


def legend(rows: Sequence[Sequence[str]], columns: Sequence[float], top: float) -> Iterator[str]:
    """Yield rows of words under the drawing; the last column ends at its place, the others begin there."""
    for i, row in enumerate(rows):
        for x, words in zip(columns, row, strict=True):
            yield text(x, top + 24 * i, words, anchor="end" if x == columns[-1] else "start")


# ---- the numbers ----

SUMS = EXAMPLE @ WEIGHTS + BIAS
ACTIVATIONS = sigmoid(SUMS)
OUTPUT_SUM = ACTIVATIONS @ OUTPUT_WEIGHTS + OUTPUT_BIAS
PREDICTION = sigmoid(OUTPUT_SUM)
J = (PREDICTION - TARGET) ** 2
ERROR, OUTPUT_SLOPE = 2 * (PREDICTION - TARGET), PREDICTION * (1 - PREDICTION)
HIDDEN_SLOPES = ACTIVATIONS * (1 - ACTIVATIONS)
DELTA = ERROR * OUTPUT_SLOPE
EPSILON = DELTA * OUTPUT_WEIGHTS * HIDDEN_SLOPES

# ---- the drawings ----


def letters() -> Iterator[str]:
    """The network with its letters, and one weight of each layer by its name."""
    yield from heads()
    yield from connections(but=[(2, 1), 1])
    yield line(*ends(2, 1), BLUE, lit=True)
    yield line(*output_ends(1), BLUE, lit=True)
    for j, place in enumerate(INPUTS):
        yield from circle(place, f"x{DIGITS[j + 1]}")
    for k, place in enumerate(HIDDEN):
        yield from box(place, HALF, f"z{DIGITS[k]} → h{DIGITS[k]}")
    yield from box(OUTPUT, HALF_OUTPUT, "s → ŷ")
    yield from box(LOSS, HALF_OUTPUT, "J", round_=3)
    yield text(2, 320, "W[2][1]", color=BLUE, anchor="start")
    yield line((32, 309), along(ends(2, 1), 0.12, -3), BLUE)
    yield text(*along(output_ends(1), 0.5, 14), "V[1]", color=BLUE)
    yield text(78, 48, "W, b")
    yield text(278, 48, "V, c")
    yield text(LOSS[0], LOSS[1] + 38, "the target y")
    yield arrow((LOSS[0], LOSS[1] + 28), (LOSS[0], LOSS[1] + TALL + 1), GRAY)


def forward() -> Iterator[str]:
    """The first example on its way through the network, with the weights that come to hidden unit 0 and the output."""
    yield from heads()
    yield from connections(but=[(0, 0), (1, 0), (2, 0), 0, 1, 2, 3])
    for j, place in enumerate(INPUTS):
        yield from labelled(ends(j, 0), 0.36, number(WEIGHTS[j, 0], 1))
        yield from circle(place, f"{EXAMPLE[j]:.0f}")
    for k, place in enumerate(HIDDEN):
        yield from labelled(output_ends(k), 0.42, number(OUTPUT_WEIGHTS[k], 1))
        yield from box(place, HALF, f"{number(SUMS[k], 1)} → {number(ACTIVATIONS[k])}", BLUE if k == 0 else GRAY)
    yield text(HIDDEN[0][0], HIDDEN[0][1] - 29, f"b[0] = {number(BIAS[0], 1)}", color=BLUE)
    yield text(OUTPUT[0], OUTPUT[1] - 30, f"c = {number(OUTPUT_BIAS, 1)}", color=BLUE)
    yield from box(OUTPUT, HALF_OUTPUT, f"{number(OUTPUT_SUM)} → {number(PREDICTION)}", BLUE)
    yield from box(LOSS, HALF_OUTPUT, f"J = {number(J)}", round_=3)
    yield text(LOSS[0], LOSS[1] + 38, "y = 1")
    yield arrow((LOSS[0], LOSS[1] + 28), (LOSS[0], LOSS[1] + TALL + 1), GRAY)


NUMBERS = "①②③④⑤"


def one_path() -> Iterator[str]:
    """The way from the loss back to W[2][1], with a number at each factor, and the factors below."""
    yield from heads()
    yield from connections(but=[(2, 1), 1, "loss"])
    for j, place in enumerate(INPUTS):
        yield from circle(place, f"{EXAMPLE[j]:.0f}", RED if j == 2 else GRAY)
    for k, place in enumerate(HIDDEN):
        shown = f"{number(SUMS[k], 1)} → {number(ACTIVATIONS[k])}"
        yield from box(place, HALF, shown, RED if k == 1 else GRAY)
    yield from box(OUTPUT, HALF_OUTPUT, f"{number(OUTPUT_SUM)} → {number(PREDICTION)}", RED)
    yield from box(LOSS, HALF_OUTPUT, f"J = {number(J)}", RED, round_=3)
    for start, end in (loss_ends(), output_ends(1), ends(2, 1)):
        yield arrow(end, start, RED)
    marks = [
        (LOSS[0] + 16, 210),
        (OUTPUT[0], OUTPUT[1] - 29),
        along(output_ends(1), 0.5, 15),
        (HIDDEN[1][0], HIDDEN[1][1] - 29),
        (INPUTS[2][0], INPUTS[2][1] + 31),
    ]
    for mark, (x, y) in zip(NUMBERS, marks, strict=True):
        yield text(x, y, mark, color=RED, size=18)
    weight = OUTPUT_WEIGHTS[1]
    rows = [
        ("①", "error", "2(ŷ − y)", number(ERROR, 4)),
        ("②", "slope of the output", "ŷ(1 − ŷ)", number(OUTPUT_SLOPE, 4)),
        ("③", "weight on the way", "V[1]", number(weight, 4)),
        ("④", "slope of the unit", "h₁(1 − h₁)", number(HIDDEN_SLOPES[1], 4)),
        ("⑤", "what came in", "x₃", number(EXAMPLE[2], 4)),
        ("×", "the product", "∂J/∂w", number(EPSILON[1] * EXAMPLE[2], 4)),
    ]
    yield from legend(rows, (4, 30, 220, WIDTH - 4), 366)
    yield line((4, 474), (WIDTH - 4, 474))


def all_paths() -> Iterator[str]:
    """The shares of all sums, and how two weights get their slopes from them."""
    yield from heads()
    yield from connections(but=[(2, 1), *range(4), "loss"])
    for k in range(4):
        start, end = output_ends(k)
        yield arrow(end, start, RED)
    yield arrow(*loss_ends()[::-1], RED)
    yield line(*ends(2, 1), BLUE, lit=True)
    for j, place in enumerate(INPUTS):
        yield from circle(place, f"{EXAMPLE[j]:.0f}", BLUE if j == 2 else GRAY)
    for k, place in enumerate(HIDDEN):
        yield from box(place, HALF, number(EPSILON[k]), RED)
        yield text(place[0], place[1] - 28, f"ε{DIGITS[k]}", color=RED)
    yield from box(OUTPUT, HALF_OUTPUT, number(DELTA), RED)
    yield text(OUTPUT[0], OUTPUT[1] - 28, "δ", color=RED)
    yield from box(LOSS, HALF_OUTPUT, f"J = {number(J)}", round_=3)
    rows = [
        ("what came in", "×", "share", "=", "slope of the weight"),
        ("x₃ = 1", "×", f"ε₁ = {number(EPSILON[1])}", "=", f"{number(EPSILON[1])} for W[2][1]"),
        (
            f"h₁ = {number(ACTIVATIONS[1])}",
            "×",
            f"δ = {number(DELTA)}",
            "=",
            f"{number(ACTIVATIONS[1] * DELTA)} for V[1]",
        ),
    ]
    yield from legend(rows, (4, 112, 134, 236, WIDTH - 4), 366)


# ---- the loss over one weight ----


def deep_weight() -> Any:
    """The loss over the weight W[2][1], with its tangent."""
    axes = plots.new_axes(4.0, 2.6)
    weights = np.linspace(-12, 12, 121)
    sums = np.delete(ACTIVATIONS * OUTPUT_WEIGHTS, 1).sum() + OUTPUT_BIAS
    moved_sums = SUMS[1] + (weights - WEIGHTS[2, 1]) * EXAMPLE[2]
    losses = (sigmoid(sums + sigmoid(moved_sums) * OUTPUT_WEIGHTS[1]) - TARGET) ** 2
    axes.plot(weights, losses, color=BLUE, linewidth=2)
    run = np.array([-2.5, 2.5])
    axes.plot(WEIGHTS[2, 1] + run, J + EPSILON[1] * EXAMPLE[2] * run, color=RED, linewidth=2)
    axes.plot(WEIGHTS[2, 1], J, "o", color=RED)
    axes.annotate(f"slope {number(EPSILON[1], 4)}", (0.6, J), xytext=(1.4, J - 0.012), color=RED)
    axes.set(xlabel="the weight W[2][1]", ylabel="loss J")
    open_frame(axes)
    return axes.figure


# ---- the space of the hidden units ----

HIDDEN_WEIGHTS, HIDDEN_BIAS = np.array([[6.0, 6.0], [6.0, 6.0]]), np.array([-3.0, -9.0])
"""The two hidden units of lesson 3: OR and AND."""
CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
TARGETS = np.array([0, 1, 1, 0])


def moved(points: Any, share: float) -> Any:
    """Return points on their way from where the inputs put them to where the hidden units put them."""
    return (1 - share) * points + share * sigmoid(points @ HIDDEN_WEIGHTS + HIDDEN_BIAS)


def square(axes: Any, share: float) -> None:
    """Draw the square of all inputs and the four rows of XOR, a share of the way into the hidden space."""
    ticks = np.linspace(0, 1, 33)
    for at in np.linspace(0, 1, 7):
        for points in (np.column_stack([ticks, 0 * ticks + at]), np.column_stack([0 * ticks + at, ticks])):
            axes.plot(*moved(points, share).T, color=GRAY, linewidth=0.7, alpha=0.7)
    for label in (0, 1):
        rows = moved(CORNERS[label == TARGETS], share)
        look = {"marker": MARKERS[label], "color": CLASS_COLORS[label], "s": 90, "zorder": 3}
        axes.scatter(*rows.T, label=f"y = {label}", **look)
    axes.set(xlim=(-0.12, 1.12), ylim=(-0.12, 1.12), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], aspect="equal")


def bending(steps: int = 14, rest: int = 5) -> Iterator[Any]:
    """Yield the frames in which the square of the inputs is bent into the space of the two hidden units."""
    for step in [0] * rest + [*range(steps + 1)]:
        share = (1 - np.cos(np.pi * step / steps)) / 2
        axes = plots.new_axes(3.2, 3.5)
        square(axes, share)
        if step == steps:
            axes.plot([0.4, 1.1], [-0.1, 0.6], color=GRAY, linewidth=2.5)
        first, second = ("x₁", "x₂") if step == 0 else ("h₀", "h₁") if step == steps else ("x₁ → h₀", "x₂ → h₁")
        axes.set(xlabel=first, ylabel=second)
        legend_above(axes)
        yield axes.figure


def before_and_after() -> Any:
    """The same as two pictures side by side."""
    figure = new_figure(4.0, 2.4)
    for axes, share, names in zip(figure.subplots(1, 2), (0, 1), (("x₁", "x₂"), ("h₀", "h₁")), strict=True):
        square(axes, share)
        axes.set(xlabel=names[0], ylabel=names[1], title="hidden units" if share else "inputs")
        if share:
            axes.plot([0.4, 1.1], [-0.1, 0.6], color=GRAY, linewidth=2.5)
    return figure


if __name__ == "__main__":
    save_drawing("learn-network.svg", WIDTH, HEIGHT, letters())
    save_drawing("learn-forward.svg", WIDTH, HEIGHT, forward())
    save_drawing("learn-one-path.svg", WIDTH, HEIGHT + 150, one_path())
    save_drawing("learn-all-paths.svg", WIDTH, HEIGHT + 80, all_paths())
    with for_any_page(), matplotlib.rc_context(ON_A_PHONE):
        save("learn-deep-weight.svg", deep_weight())
        save("learn-hidden-space.svg", before_and_after())
        save_animation("learn-bending.webp", bending())
