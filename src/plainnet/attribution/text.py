"""Explanations of rows and the importance of columns as lines of text: tables with bars, as wide as a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.wording import plural
from plainnet.explain.layout import QUIET, Line, Span, cut, padded, plain, printed, width_of, wrap

if TYPE_CHECKING:
    from rich.console import RenderableType

    from plainnet.attribution.importance import Importance
    from plainnet.attribution.rows import RowExplanation

MOST = 12
"""So many columns are listed, those that add most; the others together unless all are asked for."""
LESS, MORE, BOLD = "dark_orange", "cyan", "bold"
LEAST_BAR, MOST_BAR = 8, 40
"""Bars are left out if there is no room for so many signs, and never longer than so many."""
LEAST_NAME, MOST_CELL = 10, 18
BETWEEN = 2

HOW = (
    "Shapley values: a column adds what the prediction changes when its value becomes known, on average over the "
    "orders in which the values can become known; what is not known yet is as in the rows compared with."
)
DRAWN = " Orders were drawn at random; ± is the standard error of the value before it."


def as_text(explanations: Sequence[RowExplanation], full: bool, width: int) -> str:
    """Return plain text without colours."""
    return "\n".join(map(plain, lines(explanations, full, width)))


def renderable(explanations: Sequence[RowExplanation], full: bool) -> RenderableType:
    """Return the same lines in colours, as wide as the console."""
    return printed(lambda width: lines(explanations, full, width))


def lines(explanations: Sequence[RowExplanation], full: bool, width: int) -> Iterator[Line]:
    """Return the explanations one below the other, and how to read them."""
    for explanation in explanations:
        yield from _explanation(explanation, full, width)
        yield []
    yield from wrap(how(explanations), QUIET, width)


def _explanation(explanation: RowExplanation, full: bool, width: int) -> Iterator[Line]:
    yield from wrap(headline(explanation), BOLD, width)
    yield from wrap(summary(explanation), "", width)
    yield []
    rows, values, errors = listed(explanation, None if full else MOST)
    signed = numbers(values, signed=True)
    beside = [[name, cell, text] for (name, cell), text in zip(rows, signed, strict=True)]
    if not explanation.exact:
        beside = [[*row, text] for row, text in zip(beside, spreads(errors, values), strict=True)]
    yield from barred(["column", "value", "adds"], beside, values, width, left=2)


def how(explanations: Sequence[RowExplanation]) -> str:
    """Return how the numbers are to be read."""
    return HOW if all(explanation.exact for explanation in explanations) else HOW + DRAWN


def headline(explanation: RowExplanation) -> str:
    """Return the prediction in a few words."""
    return f"Why {explanation.name} is predicted as {explanation.target} {explanation.answer}"


def summary(explanation: RowExplanation) -> str:
    """Return what the columns add up to."""
    prediction, average = numbers([explanation.prediction, explanation.average])
    together = numbers([explanation.prediction - explanation.average], signed=True)[0]
    return (
        f"The {explanation.quantity} is {prediction}. For {explanation.background_in_words} it is {average} on "
        f"average. The columns together add the difference, {together}:"
    )


def listed(explanation: RowExplanation, most: int | None) -> tuple[list[tuple[str, str]], Array, Array]:
    """Return name and value of the columns that add most, with what they add and its error; the others as one.

    The error of the others' sum is NaN: it does not follow from their errors, as they are not independent.
    """
    order = np.argsort(-np.abs(explanation.values), kind="stable")
    kept = order if most is None or len(order) <= most + 1 else order[:most]
    rows = [(_one_line(explanation.columns[i]), _one_line(explanation.cells[i])) for i in kept]
    values, errors = explanation.values[kept], explanation.errors[kept]
    others = order[len(kept) :]
    if len(others):
        rows.append((f"{len(others)} others together", ""))
        values = np.append(values, explanation.values[others].sum())
        errors = np.append(errors, np.nan)
    return rows, values, errors


def spreads(errors: Array, values: Array) -> list[str]:
    """Return errors with the decimals of their values, "" for NaN."""
    texts = numbers(np.nan_to_num(errors), like=values)
    return ["" if np.isnan(error) else f"± {text}" for error, text in zip(errors, texts, strict=True)]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def numbers(values: Sequence[float] | Array, *, signed: bool = False, like: Array | None = None) -> list[str]:
    """Return numbers with as many decimals as the largest, or the largest of `like`, needs for three figures."""
    largest = float(np.abs(values if like is None else like).max(initial=0))
    exponent = math.floor(math.log10(largest)) if largest else 0
    sign = "+" if signed else ""
    if not -6 <= exponent < 15:
        return [f"{value:{sign}.2e}" for value in values]
    decimals = max(0, 2 - exponent)
    return [f"{round(value, decimals) + 0.0:{sign},.{decimals}f}" for value in values]


@dataclass(frozen=True)
class _Axis:
    """An axis of bars from `low`, at most 0, to `high`, at least 0, over `room` signs of half a step each."""

    low: float
    high: float
    room: int

    @property
    def left(self) -> int:
        """Return the number of signs for values below 0."""
        if not self.low:
            return 0
        return min(self.room - 1, max(1, round(self.room * -self.low / (self.high - self.low))))

    def bar(self, value: float) -> tuple[str, str]:
        """Return the parts of a bar below and above 0, the first one filled with spaces."""
        left, right = self.left, self.room - self.left
        step = max(-self.low / left if left else 0.0, self.high / right)
        halves = round(2 * abs(value) / step) if step else 0
        whole, half = divmod(halves, 2)
        if value < 0:
            return ("▐" * half + "█" * whole).rjust(left), ""
        return " " * left, "█" * whole + "▌" * half


def barred(
    head: Sequence[str], rows: Sequence[Sequence[str]], values: Array, width: int, *, left: int
) -> Iterator[Line]:
    """Return a table with a bar for each value; a narrow width shortens names, values and bars, never a number.

    The first `left` columns hold text, the others numbers.
    """
    columns = list(zip(*rows, strict=True))
    head = [*head, *[""] * (len(columns) - len(head))]
    widths = [max(map(width_of, (name, *column))) for name, column in zip(head, columns, strict=True)]
    gaps = BETWEEN * len(widths)
    fixed = sum(widths[left:]) + gaps
    texts = [min(own, MOST_CELL) if i else own for i, own in enumerate(widths[:left])]
    room = width - fixed - LEAST_BAR  # for the texts
    while sum(texts) > max(room, LEAST_NAME * left) and max(texts) > LEAST_NAME:
        texts[texts.index(max(texts))] -= 1
    widths[:left] = texts
    bars = min(MOST_BAR, width - sum(widths) - gaps)
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    axis = _Axis(low, high, bars) if bars >= LEAST_BAR and high > low else None
    yield _cells(head, widths, left, QUIET)
    yield [Span("─" * min(width, sum(widths) + gaps - BETWEEN + (BETWEEN + bars if axis else 0)), QUIET)]
    for row, value in zip(rows, values, strict=True):
        line = _cells(row, widths, left, "")
        if axis is not None:
            below, above = axis.bar(float(value))
            line += [Span(" " * BETWEEN), Span(below, LESS), Span(above, MORE)]
        yield line


def _cells(texts: Sequence[str], widths: Sequence[int], left: int, style: str) -> Line:
    cells = [
        padded(cut(text, own), own, right=i >= left) for i, (text, own) in enumerate(zip(texts, widths, strict=True))
    ]
    return [Span((" " * BETWEEN).join(cells), style)]


def importance_lines(names: Sequence[str], importance: Importance, full: bool, width: int) -> Iterator[Line]:
    """Return the importance of each input, the largest first: mean, deviation over the repeats, and a bar."""
    means, deviations = importance.values.mean(axis=1), importance.values.std(axis=1)
    order = np.argsort(-means, kind="stable")
    kept = order if full else order[:MOST]
    if len(kept):
        texts = zip(numbers(means[kept]), spreads(deviations[kept], means), strict=True)
        called = [_one_line(names[importance.inputs[i]]) for i in kept]
        rows = [[name, mean, deviation] for name, (mean, deviation) in zip(called, texts, strict=True)]
        yield from barred(["column", importance.label], rows, means[kept], width, left=1)
        yield []
    left_out = (
        (len(order) - len(kept), "less important (--full)"),
        (importance.flat, "not tried, as the prediction is less steep along them"),
        (importance.constant, "the same in all rows"),
    )
    also = "; ".join(f"{plural(count, 'column')} {reason}" for count, reason in left_out if count)
    repeats = importance.values.shape[1]
    yield from wrap(
        f"Permutation importance: {importance.meaning}. It is the mean of {plural(repeats, 'shuffle')}, "
        f"± their standard deviation.{f' Not listed: {also}.' if also else ''}",
        QUIET,
        width,
    )
