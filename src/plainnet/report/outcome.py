"""How right the predictions are: measures, the confusion matrix or the residuals, and the worst rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plainnet import metrics, plots
from plainnet.arrays import Array
from plainnet.plots.drawing import plural
from plainnet.plots.readings import own_loss
from plainnet.report.page import WIDTH, Pictures, figures, table, text
from plainnet.report.subject import Subject

WORST = 10
MOST_COLUMNS = 20
"""More columns of a table than this are not shown."""


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


def measures_of(subject: Subject) -> dict[str, str]:
    loss = own_loss(subject.net)
    value = subject.net.evaluate(subject.X, subject.y, loss=loss)["loss"]
    found = {"rows": f"{len(subject.X):,}", f"loss ({loss.name.replace('_', ' ')})": f"{value:.4g}"}
    if subject.labels is not None:
        chosen: tuple[str, ...] = ("accuracy", "precision", "recall", "f1", "roc_auc")
        targets, outputs = subject.labels, subject.scores
    else:
        chosen, targets, outputs = ("r2", "rmse", "mae"), subject.true, subject.predicted
    called = {"r2": "R²", "rmse": "RMSE", "mae": "MAE", "roc_auc": "area under ROC", "f1": "F1"}
    for name in chosen:
        measure: Callable[[Array, Array], float] = metrics.METRICS[name]
        result = measure(targets, outputs)
        found[called.get(name, name)] = f"{result:.4g}" if np.isfinite(result) else "not defined"
    return found
