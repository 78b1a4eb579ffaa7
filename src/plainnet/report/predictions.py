"""Predictions by inputs: the importance of each input, the partial dependence on it, and a map of two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from plainnet import plots
from plainnet._base.arrays import Array
from plainnet._base.wording import in_date, in_figures
from plainnet.attribution.importance import MOST_TRIED, ROWS_FOR_SLOPES, Importance, importance_of_inputs
from plainnet.attribution.outputs import class_scores
from plainnet.plots.dependence import FEW, values_to_try
from plainnet.plots.drawing import class_colors, dates
from plainnet.plots.outcomes import MOST_BARS
from plainnet.report.page import WIDTH, Pictures, block, side_by_side, table, text
from plainnet.report.subject import Input, Subject
from plainnet.tabular.thresholds import decided

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

MOST_INPUTS = 6
"""The most inputs with a picture of their partial dependence."""
MOST_VALUES = 10
"""The most values of a category to draw."""
FLAT = 0.1
"""A change of a probability that is too small to see; the page says so if no input makes a larger one."""
DECISIVE, SECOND, AGREEING = 2 / 3, 0.1, 0.8
"""A map of two inputs is drawn if they have this share of the importance together, the second alone has this share, and
the map comes this far from always the commonest prediction to full agreement with the network."""
MOST_LISTED = 4
"""The most classes or outputs to list."""


def predictions(subject: Subject, pictures: Pictures) -> str:
    """Return the importance of the inputs, the partial dependence on the first of them, and a map if two decide."""
    inputs = varying(subject)
    if not inputs:
        return text("Each input has the same value in all rows, so there is nothing to draw.")
    if len(inputs) == 1:
        return _one_input(subject, pictures, inputs[0])
    groups = [column.features for column in inputs]
    importance = importance_of_inputs(subject.net, subject.X, subject.y, groups, sample_weight=subject.weights)
    tried = f"Of {len(inputs):,} inputs the {MOST_TRIED} along which the prediction is steepest are tried. "
    words = tried if importance.flat else ""
    inputs = [inputs[i] for i in importance.inputs]
    means = importance.values.mean(axis=1)
    order = [int(i) for i in np.argsort(-means, kind="stable")]
    chosen = [inputs[i] for i in order[:MOST_INPUTS] if means[i] > 0] or [inputs[order[0]]]
    which = "each" if len(chosen) == len(inputs) else f"the {len(chosen)} most important of {len(inputs)}"
    words += (
        f"Below are the importance of each input and the partial dependence on {which}: the prediction on average over "
        "the rows when the input is set to a value in all of them and the others stay as they are (Friedman 2001)."
    )
    if subject.labels is not None and _largest_change(subject, chosen) < FLAT:
        words += f" None of these inputs changes the probability of a class by more than {FLAT} by itself: "
        words += (
            "the network decides by several inputs together."
            if np.ptp(np.percentile(subject.scores, (5, 95), axis=0), axis=0).max() > 2 * FLAT
            else "the prediction is almost the same for all rows."
        )
    return text(words) + side_by_side(
        _importance(subject, pictures, inputs, importance),
        *_map(subject, pictures, inputs, means),
        *_dependences(subject, pictures, chosen),
    )


def varying(subject: Subject) -> list[Input]:
    """Return the inputs that are not the same in all rows."""
    return [column for column in subject.inputs if np.ptp(subject.X[:, column.features], axis=0).any()]


def plane_of(subject: Subject) -> tuple[int, ...] | None:
    """Return the one or two features on which the predictions depend, both numbers; None if there are others."""
    inputs = varying(subject)
    features = [feature for column in inputs for feature in column.features]
    if len(features) not in (1, 2) or any(column.kind != "number" for column in inputs):
        return None
    return tuple(features) if len(inputs) == len(features) else None


def _one_input(subject: Subject, pictures: Pictures, column: Input) -> str:
    if len(column.features) > 1 or column.kind != "number":
        return side_by_side(*_dependences(subject, pictures, [column]))
    caption = f"The prediction for each value of {column.name}, with the rows."
    if subject.target_scale != (0, 1):
        caption += f" In units of {subject.target}."
    picture = pictures("The prediction", _boundary(subject, (column.features[0],)), caption)
    return side_by_side(picture, block("In numbers", _predicted_at(subject, column)))


def _predicted_at(subject: Subject, column: Input) -> str:
    """Return a table of predictions at some values of the only input that varies."""
    tried = np.nanquantile(column.own, np.linspace(0, 1, 9))
    rows = np.tile(np.asarray(subject.typical, subject.X.dtype), (len(tried), 1))
    rows[:, column.features] = column.encode(tried)
    outputs = subject.net.predict(rows)
    if subject.labels is not None:
        outputs = class_scores(outputs)
        names = [f"probability of {name}" for name in subject.classes[:MOST_LISTED]]
    else:
        outputs = outputs * subject.target_scale[1] + subject.target_scale[0]
        count = outputs.shape[1]
        names = [subject.target] if count == 1 else [f"output {k}" for k in range(min(count, MOST_LISTED))]
    lines = [
        [_at(column, x), *(in_figures(value) for value in values[: len(names)])]
        for x, values in zip(tried, outputs, strict=True)
    ]
    words = "At the smallest value, at the largest, and at those that divide the rows between into eight equal parts."
    return table([column.name, *names], lines, range(len(names) + 1)) + text(words, True)


def _at(column: Input, value: float) -> str:
    """Return a value of a column in words, a date without the rounding of 32 bits."""
    return in_date(round(value, 2)) if column.is_date else in_figures(value)


def _importance(subject: Subject, pictures: Pictures, inputs: Sequence[Input], importance: Importance) -> str:
    axes = plots.new_axes(WIDTH, max(1.8, 0.9 + 0.26 * min(len(inputs), MOST_BARS)))
    plots.importance(importance.values, [column.name for column in inputs], axes, label=importance.label)
    caption = (
        f"Permutation importance: {importance.meaning}. "
        f"Bar: mean of {importance.values.shape[1]} shuffles; line: their range. (Breiman 2001; each row counts from 0 "
        "to 1, so no odd row decides.)"
    )
    return pictures("Importance of the inputs", axes, caption)


def _dependences(subject: Subject, pictures: Pictures, chosen: Sequence[Input]) -> list[str]:
    """Draw a curve or bars for each input; quantities share one scale, so that they can be compared."""
    drawn, captions = [], []
    for column in chosen:
        values, labels, left_out, shown = _values(subject, column)
        axes = plots.dependence(
            subject.net,
            subject.X,
            column.features,
            plots.new_axes(WIDTH, 2.6 if labels is None else max(1.8, 1 + 0.3 * len(labels))),
            values=values,
            labels=labels,
            name=column.name,
            classes=subject.classes or None,
            colors=class_colors(len(subject.classes), subject.labels) if subject.classes else None,
            shown=shown,
            target=subject.target,
            target_scale=subject.target_scale,
        )
        if column.is_date and labels is None:
            dates(axes.xaxis)
        drawn.append(axes)
        marks = ["Ticks at the foot: the rows."] if labels is None else []
        if labels is not None and subject.labels is None:
            marks.append("Bars start at the average prediction.")
        if len(subject.classes) == 2 or (not subject.classes and subject.scores.shape[1] == 1):
            what = "Shade" if labels is None else "Line over a bar"
            marks.append(f"{what}: 80 % of the rows' own predictions, each row moved to the average level.")
        if left_out:
            beyond = "rarer values" if labels is not None else "rows far from all others"
            marks.append(f"{left_out:,} {beyond} are not drawn.")
        captions.append(" ".join(marks))
    if subject.labels is None:
        _on_one_scale(drawn)
    return [pictures(column.name, axes, caption) for column, axes, caption in zip(chosen, drawn, captions, strict=True)]


def _largest_change(subject: Subject, chosen: Sequence[Input]) -> float:
    """Return the largest change of a class's probability in the partial dependence on one of the inputs."""
    rows = subject.X[:ROWS_FOR_SLOPES]
    tried = ((column.features, _values(subject, column)[0]) for column in chosen)
    return max(float(np.ptp(plots.partial_dependence(subject.net, rows, *each), axis=0).max()) for each in tried)


def _values(subject: Subject, column: Input) -> tuple[Array, list[str] | None, int, tuple[Array, Array] | None]:
    """Return values to set a column to, their names if it is no quantity, and the number of values left out.

    Of a quantity the number left out is that of rows outside the values, and these values and those of the rows are
    returned in its own units as well.
    """
    known = column.own[~np.isnan(column.own)]
    if len(np.unique(known)) > FEW:
        tried = values_to_try(known)
        return column.encode(tried), None, int(((known < tried[0]) | (known > tried[-1])).sum()), (tried, column.own)
    own = subject.X[:, column.features]
    different, first, counts = np.unique(own, axis=0, return_index=True, return_counts=True)
    kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_VALUES])
    place = next(i for i, other in enumerate(subject.inputs) if other is column)
    names = [subject.cells[first[k]][place] or "missing" for k in kept]
    return different[kept], names, len(different) - len(kept), None


def _on_one_scale(drawn: Sequence[Axes]) -> None:
    """Give the predictions in all pictures the same range, upwards for curves and to the right for bars."""
    ranges = [axes.get_ylim() if axes.lines and not axes.patches else axes.get_xlim() for axes in drawn]
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    for axes in drawn:
        axes.set(**{"xlim" if axes.patches else "ylim": (low, high)})


def _map(subject: Subject, pictures: Pictures, inputs: Sequence[Input], means: Array) -> list[str]:
    """Draw the predictions over two numbers if they decide and the map agrees with the network."""
    numbers = [i for i in np.argsort(-means, kind="stable") if inputs[i].kind == "number" and not inputs[i].in_parts][
        :2
    ]
    if len(numbers) < 2:
        return []
    positive = np.maximum(means, 0)
    share = positive[numbers] / max(positive.sum(), np.finfo(float).tiny)
    decisive = share.sum() >= DECISIVE and share.min() >= SECOND
    agreement, guessed = _agreement(subject, [feature for i in numbers for feature in inputs[i].features])
    if len(inputs) > 2 and not (decisive and agreement - guessed > AGREEING * (1 - guessed)):
        return []
    features = tuple(sorted(inputs[i].features[0] for i in numbers))
    caption = f"Predictions over {' and '.join(subject.names[feature] for feature in features)}"
    if len(inputs) > 2:
        caption += "; every other input stays at its median, a category at its commonest value"
    if subject.labels is not None:
        caption += ". The colour of a region is the predicted class, of a point the true one"
    if len(inputs) > 2:
        caption += (
            f". The map gives the class that the network predicts in {agreement:.0%} of the rows"
            if subject.labels is not None
            else f". The map explains {agreement:.0%} of the variance of the network's predictions"
        )
    return [pictures("Map of two inputs", _boundary(subject, features), caption + ".")]


def _agreement(subject: Subject, features: Sequence[int]) -> tuple[float, float]:
    """Measure the agreement of the network with itself when all but some features stay at their typical values.

    The result is, for classes, the share of the rows with the same prediction and the share of the commonest
    prediction; for quantities R² of the first output and 0.
    """
    rows = np.tile(np.asarray(subject.typical, subject.X.dtype), (len(subject.X), 1))
    rows[:, features] = subject.X[:, features]
    whole, part = subject.net.predict(subject.X), subject.net.predict(rows)
    if subject.labels is not None:
        predicted, mapped = (decided(class_scores(outputs), subject.threshold) for outputs in (whole, part))
        return float((predicted == mapped).mean()), float(np.bincount(predicted).max() / len(predicted))
    spread = ((whole[:, 0] - whole[:, 0].mean()) ** 2).sum()
    return float(1 - ((whole[:, 0] - part[:, 0]) ** 2).sum() / spread) if spread > 0 else 0.0, 0.0


def _boundary(subject: Subject, features: tuple[int, ...]) -> Axes:
    axes = plots.decision_boundary(
        subject.net,
        subject.X,
        subject.y,
        features,
        plots.new_axes(WIDTH, 3.2),
        at=subject.typical,
        names=subject.names,
        classes=subject.classes or None,
        scales=subject.scales,
        target_scale=subject.target_scale,
        threshold=subject.threshold,
    )
    for axis in date_axes(subject, features, axes):
        dates(axis)
    return axes


def date_axes(subject: Subject, features: Sequence[int], axes: Axes) -> list[Axis]:
    """Return the axes of dates in a picture over one or two features."""
    dated = {feature for column in subject.inputs if column.is_date for feature in column.features}
    both = zip(features, (axes.xaxis, axes.yaxis), strict=False)
    return [axis for feature, axis in both if feature in dated]
