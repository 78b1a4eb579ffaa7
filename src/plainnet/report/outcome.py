"""Measures, the confusion matrix or the residuals, and the worst rows."""

from __future__ import annotations

import numpy as np

from plainnet import metrics, plots
from plainnet._base.arrays import Array
from plainnet._base.wording import in_figures, plural
from plainnet.attribution.outputs import own_loss
from plainnet.report.page import WIDTH, Pictures, block, measures, side_by_side, table, text
from plainnet.report.subject import Subject
from plainnet.tabular import scores
from plainnet.tabular.scores import Scores

WORST, MOST_CLASSES, MOST_COLUMNS = 10, 15, 20
"""The most rows, classes and columns of a table to show."""
CALLED = {"r2": "R²", "rmse": "RMSE", "mae": "MAE", "roc_auc": "area under ROC", "f1": "F1"}
"""The names in a report of measures that have other names in the code."""
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
        return side_by_side(matrix, block("Class by class", _by_class(subject, counts)))
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
        pictures("Predicted and true values", against, on_line), pictures("Residuals", off, bent + more)
    )


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
    """Return the measures in large type, and below them the simplest answer and remarks."""
    loss = own_loss(subject.net)
    value = subject.net.evaluate(subject.X, subject.y, loss=loss, sample_weight=subject.weights)["loss"]
    of_what = loss.name.replace("_", " ") + (", standardized target" if subject.target_scale != (0, 1) else "")
    numbers = {"rows": f"{len(subject.X):,}", f"loss ({of_what})": in_figures(value)}
    found = scores_of(subject)
    beside, intervals = [], []
    for score in found.measures:
        name = f"{CALLED.get(score.name, score.name)} {score.of}".rstrip()
        unit = f", in units of {subject.target}" if score.name in HAVE_A_UNIT else ""
        numbers[name + unit] = in_figures(score.value) if np.isfinite(score.value) else "not defined"
        if score.baseline is not None:
            beside.append(f"{name} {in_figures(score.baseline)}")
        if score.interval is not None:
            low, high = score.interval
            intervals.append(f" The 95 % interval of {name} is {low:.3f} to {high:.3f}.")
    simplest = f"The simplest answer, {found.baseline}, has {', '.join(beside)}.{''.join(intervals)}"
    return measures(numbers) + text(" ".join([simplest, *found.remarks]))


def scores_of(subject: Subject) -> Scores:
    """Measure the predictions on the subject's rows."""
    if subject.labels is None:
        return scores.of_quantities(subject.true, subject.predicted, subject.weights)
    history = subject.net.history
    balanced = history is not None and bool(history.settings.get("weighted"))
    return scores.of_classes(
        subject.labels,
        subject.scores,
        subject.classes,
        subject.weights,
        balanced=balanced,
        threshold=subject.threshold,
    )
