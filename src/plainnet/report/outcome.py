"""Measures, the confusion matrix or the residuals, and the worst rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from plainnet import metrics, plots
from plainnet._base.arrays import Array
from plainnet._base.wording import in_figures, plural
from plainnet.attribution.outputs import own_loss
from plainnet.metrics.intervals import interval
from plainnet.plots.drawing import class_colors
from plainnet.report.page import WIDTH, Pictures, block, measures, side_by_side, table, text
from plainnet.report.subject import Subject
from plainnet.tabular import scores
from plainnet.tabular.scores import Score, Scores, written_interval

WORST, MOST_CLASSES, MOST_COLUMNS = 10, 15, 20
"""The most rows, classes and columns of a table to show."""
CALLED = {
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "roc_auc": "area under ROC",
    "f1": "F1",
    "balanced_accuracy": "balanced accuracy",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "expected_calibration_error": "calibration error (ECE)",
}
"""The names in a report of measures that have other names in the code."""
LARGE = ("accuracy", "balanced_accuracy", "f1", "roc_auc", "expected_calibration_error", "r2", "rmse", "mae")
"""The measures in large type; a table has all."""
HAVE_A_UNIT = ("rmse", "mae")
"""The measures in the unit of the target."""


def outcome(subject: Subject, pictures: Pictures) -> str:
    """Return the confusion matrix with one line per class, or predictions and residuals against true values."""
    if subject.labels is not None:
        answers = np.eye(len(subject.classes))[subject.predicted[:, 0]]
        counts = metrics.confusion_matrix(subject.labels, answers)
        axes = plots.new_axes(WIDTH if len(counts) < 8 else 1.6 * WIDTH, 3 if len(counts) < 8 else 4.4)
        plots.confusion_matrix(subject.labels, answers, subject.classes, axes)
        caption = (
            "The number of rows of each true class by predicted class. Blue is right and orange is wrong; the darker, "
            "the larger the share of the true class."
        )
        if subject.weights is not None:
            caption += " Each row counts once here and in the table, whatever its weight."
        matrix = pictures("Confusion matrix", axes, caption)
        by_class = block("Class by class", _by_class(subject, counts))
        curves = _curves(subject, subject.labels, pictures)
        return side_by_side(matrix, by_class, *curves, _all_measures(subject))
    outputs = subject.true.shape[1]
    true, predicted = subject.true[:, 0], subject.predicted[:, 0]
    more = f" The first of {outputs} outputs." if outputs > 1 else ""
    against = plots.predicted_against_true(true, predicted, plots.new_axes(WIDTH, 3), name=subject.target)
    off = plots.residuals(true, predicted, plots.new_axes(WIDTH, 3), name=subject.target)
    on_line = f"One point per row; on the line the prediction is right.{more}"
    bent = (
        "One point per row. Points that bend, or that spread more on one side, show what the network has not learned."
    )
    return side_by_side(
        pictures("Predicted and true values", against, on_line),
        pictures("Residuals", off, bent + more),
        _all_measures(subject),
    )


def _curves(subject: Subject, labels: Array, pictures: Pictures) -> list[str]:
    """Draw the curves of the probabilities, if the rows have more than one class."""
    if (labels == labels[0]).all():
        return []
    shown: dict[str, Any] = {"sample_weight": subject.weights}
    colors = class_colors(len(subject.classes), labels)
    two = len(subject.classes) == 2
    of_class: dict[str, Any] = {**shown, "colors": colors, "threshold": subject.threshold if two else None}
    which = subject.classes[1] if two else "a class"
    roc = plots.roc_curve(labels, subject.scores, subject.classes, plots.new_axes(WIDTH, 3.4), **of_class)
    about_roc = (
        f"For every threshold: the share of the rows of {which} that are found, over the share of the other rows that "
        f"are taken for it. {_area('roc_auc', subject, 'The area under the curve')}"
    )
    recall = plots.precision_recall_curve(
        labels, subject.scores, subject.classes, plots.new_axes(WIDTH, 3.4), **of_class
    )
    about_recall = (
        f"For every threshold: the share of what is taken for {which} that is it, over the share of its rows that are "
        "found. The dotted line is guessing."
    )
    reliability = plots.reliability_diagram(labels, subject.scores, plots.new_axes(WIDTH, 3.4), **shown)
    about_reliability = (
        "The share of right predictions by their probability; on the line the probabilities can be taken at their "
        "word, below it they are too high. ECE, the expected calibration error, is the mean distance from the line "
        "over 15 bins (Guo et al. 2017)."
    )
    return [
        pictures("ROC curve" if two else "ROC curves", roc, about_roc),
        pictures("Precision and recall", recall, about_recall),
        pictures("Reliability of the probabilities", reliability, about_reliability),
    ]


def _area(metric: str, subject: Subject, name: str) -> str:
    """Return a sentence on an area with its interval."""
    found = interval(metric, subject.true, subject.scores, subject.weights)
    return f"{name} has the 95 % interval {written_interval(found)}." if found else ""


def _by_class(subject: Subject, counts: Array) -> str:
    """Return a table of precision and recall of each class, or of those with the lowest recall if there are many."""
    right, true, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    order = np.arange(len(counts))
    if len(order) > MOST_CLASSES:
        order = np.argsort(np.where(true > 0, right / np.maximum(true, 1), 2), kind="stable")[:MOST_CLASSES]
    rows = [
        [subject.classes[k], f"{true[k]:,}", _share(right[k], predicted[k]), _share(right[k], true[k])] for k in order
    ]
    left_out = len(counts) - len(order)
    words = "Precision is the share of the rows predicted as a class that are of it; recall the share of the rows of a "
    words += "class that are predicted as it."
    if left_out:
        words += f" {left_out} classes with a higher recall are not listed."
    return table([subject.target, "rows", "precision", "recall"], rows, (1, 2, 3)) + text(words, True)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def worst(subject: Subject) -> str:
    """Return a table of the rows with the largest mistakes, with their original values."""
    mistakes = subject.mistakes
    order = np.argsort(-mistakes, kind="stable")[:WORST]
    shown = subject.header[:MOST_COLUMNS]
    of_classes = subject.labels is not None
    by = "the lowest probability of the true class" if of_classes else "the largest error"
    which = f"The {len(order)} worst of {plural(len(mistakes), 'row')}" if len(mistakes) > WORST else "All rows"
    header = ["row", "true", "predicted", "p(true class)" if of_classes else "error", *shown]
    rows = []
    for i in order:
        if subject.labels is not None:
            true, predicted = (subject.classes[int(k)] for k in (subject.labels[i], subject.predicted[i, 0]))
            mistake = f"{1 - mistakes[i]:.3g}"
        else:
            both = (subject.true[i], subject.predicted[i])
            true, predicted = (", ".join(in_figures(value, 6) for value in values) for values in both)
            mistake = in_figures(mistakes[i])
        rows.append([str(subject.rows[i]), true, predicted, mistake, *subject.cells[i][: len(shown)]])
    left_out = len(subject.header) - len(shown)
    where = f"Rows are numbered as in {subject.source}; 1 is the first below the header."
    counted = where if subject.source else "Rows are counted from 1."
    more = text(f"{left_out} more columns are not shown." if left_out else "", True)
    return text(f"{which}, {by} first. {counted}") + table(header, rows, (0, 3)) + more


def measures_of(subject: Subject) -> str:
    """Return the main measures in large type, and below them how sure the first is, simple models, and remarks."""
    loss = own_loss(subject.net)
    value = loss.value(subject.y, subject.outputs, subject.weights)
    of_what = loss.name.replace("_", " ") + (", standardized target" if subject.target_scale != (0, 1) else "")
    numbers = {"rows": f"{len(subject.X):,}", f"loss ({of_what})": in_figures(value)}
    found = scores_of(subject)
    for score in found.measures:
        if score.name in LARGE:
            unit = f", in units of {subject.target}" if score.name in HAVE_A_UNIT else ""
            numbers[_called(score) + unit] = _figure(score.value)
    first = found.measures[0]
    known = f"Its {_called(first)} has the 95 % interval {written_interval(first.interval)}. " if first.interval else ""
    simple = f"The simplest answer, {found.baseline}, has {_called(first)} {_figure(first.baseline)}"
    linear = f", a linear model {_figure(first.linear)}" if first.linear is not None else ""
    return measures(numbers) + text(" ".join([f"{known}{simple}{linear}.", *found.remarks]))


def _all_measures(subject: Subject) -> str:
    """Return a table of the measures with their intervals, beside those of the simplest answer and a linear model."""
    found = scores_of(subject)
    columns = {
        "value": [_figure(score.value) for score in found.measures],
        "95 % interval": [written_interval(score.interval) for score in found.measures],
        found.baseline: [_figure(score.baseline) for score in found.measures],
        "linear model": [_figure(score.linear) for score in found.measures],
    }
    columns = {head: cells for head, cells in columns.items() if any(cells)}
    rows = [[_called(score), *cells] for score, *cells in zip(found.measures, *columns.values(), strict=True)]
    words = "The interval is for other rows drawn at random like these."
    return block("All measures", table(["measure", *columns], rows, range(1, len(columns) + 1)), text(words, True))


def _called(score: Score) -> str:
    return f"{CALLED.get(score.name, score.name)} {score.of}".rstrip()


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return in_figures(value) if np.isfinite(value) else "not defined"


def scores_of(subject: Subject) -> Scores:
    """Measure the predictions on the subject's rows."""
    if subject.labels is None:
        return scores.of_quantities(subject.true, subject.predicted, subject.weights, linear=subject.linear)
    history = subject.net.history
    balanced = history is not None and bool(history.settings.get("weighted"))
    return scores.of_classes(
        subject.labels,
        subject.scores,
        subject.classes,
        subject.weights,
        balanced=balanced,
        threshold=subject.threshold,
        linear=subject.linear,
    )
