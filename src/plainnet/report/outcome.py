"""How right the predictions are: measures, the confusion matrix or the residuals, and the worst rows."""

from __future__ import annotations

import numpy as np

from plainnet import plots, scores
from plainnet.plots.drawing import plural
from plainnet.plots.readings import own_loss
from plainnet.report.page import WIDTH, Pictures, figures, measures, table, text
from plainnet.report.subject import Subject
from plainnet.scores import Scores

WORST = 10
MOST_COLUMNS = 20
"""More columns of a table than this are not shown."""
CALLED = {"r2": "R²", "rmse": "RMSE", "mae": "MAE", "roc_auc": "area under ROC", "f1": "F1"}
"""Measures whose names in a report differ from those in the code."""


def outcome(subject: Subject, pictures: Pictures) -> str:
    """The confusion matrix, or predictions against true values."""
    if subject.labels is not None:
        classes = len(subject.classes)
        axes = plots.new_axes(WIDTH, 3.8 if classes < 8 else 4.4)
        plots.confusion_matrix(subject.labels, subject.scores, subject.classes, axes)
        return figures([pictures(axes, "Rows of each true class by what they were taken for.")])
    outputs = subject.true.shape[1]
    axes = plots.new_axes(WIDTH, 4)
    plots.predicted_against_true(subject.true[:, 0], subject.predicted[:, 0], axes, name=subject.target)
    more = f" The first of {outputs} outputs." if outputs > 1 else ""
    return figures([pictures(axes, f"A point a row; on the line the prediction is right.{more}")])


def worst(subject: Subject) -> str:
    """The rows with the largest mistakes, with their original values."""
    mistakes = subject.mistakes
    order = np.argsort(-mistakes, kind="stable")[:WORST]
    shown = subject.header[:MOST_COLUMNS]
    by = "the probability given to the true class" if subject.labels is not None else "|prediction - true value|"
    header = ["row", "true", "predicted", "p(true class)" if subject.labels is not None else "error", *shown]
    rows = []
    for i in order:
        if subject.labels is not None:
            true, predicted = (subject.classes[int(k)] for k in (subject.labels[i], subject.predicted[i, 0]))
            mistake = f"{1 - mistakes[i]:.3g}"
        else:
            true, predicted = (", ".join(f"{v:.5g}" for v in values[i]) for values in (subject.true, subject.predicted))
            mistake = f"{mistakes[i]:.4g}"
        rows.append([f"{i + 1:,}", true, predicted, mistake, *subject.cells[i][: len(shown)]])
    left_out = len(subject.header) - len(shown)
    return (
        text(f"The {len(order)} worst of {plural(len(mistakes), 'row')}, by {by}. Rows are counted from 1.")
        + table(header, rows, (0, 3))
        + text(f"{left_out} more columns are not shown." if left_out else "", True)
    )


def measures_of(subject: Subject) -> str:
    """The measures in large type, and below them the simplest answer and what to be careful about."""
    loss = own_loss(subject.net)
    value = subject.net.evaluate(subject.X, subject.y, loss=loss)["loss"]
    numbers = {"rows": f"{len(subject.X):,}", f"loss ({loss.name.replace('_', ' ')})": f"{value:.4g}"}
    found = scores_of(subject)
    beside, intervals = [], []
    for score in found.measures:
        name = f"{CALLED.get(score.name, score.name)} {score.of}".rstrip()
        numbers[name] = f"{score.value:.4g}" if np.isfinite(score.value) else "not defined"
        if score.baseline is not None:
            beside.append(f"{name} {score.baseline:.4g}")
        if score.interval is not None:
            low, high = score.interval
            intervals.append(f" The 95 % interval of {name} is {low:.3f} to {high:.3f}.")
    simplest = f"The simplest answer, {found.baseline}, has {', '.join(beside)}.{''.join(intervals)}"
    return measures(numbers) + text(" ".join([simplest, *found.remarks]))


def scores_of(subject: Subject) -> Scores:
    """How good the predictions are on the subject's rows."""
    if subject.labels is None:
        return scores.of_quantities(subject.true, subject.predicted)
    history = subject.net.history
    balanced = history is not None and bool(history.settings.get("weighted"))
    return scores.of_classes(subject.labels, subject.scores, subject.classes, balanced=balanced)
