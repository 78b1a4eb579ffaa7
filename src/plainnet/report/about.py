"""The rows of the report, the settings, and the way to do the run again."""

from __future__ import annotations

import numpy as np

from plainnet._base.wording import plural
from plainnet.report import rerun
from plainnet.report.page import block, code, command, side_by_side, table, text
from plainnet.report.subject import Subject, spread

MOST_INPUTS, MOST_CLASSES_LISTED = 20, 15


def data(subject: Subject) -> str:
    """Return the rows and columns in brief, and the classes or the range of the target."""
    listed = subject.inputs[:MOST_INPUTS]
    words = f"{plural(len(subject.X), 'row')}, {plural(len(subject.inputs), 'input')}."
    features = sum(len(column.features) for column in subject.inputs)
    if features > len(subject.inputs):
        words += (
            f" The network takes the inputs as {features} features: a category may be one for each value, a date one "
            "or more for each of its parts, and a column with missing values one more for them."
        )
    rows = [[column.name, "date" if column.is_date else column.kind, column.summary] for column in listed]
    inputs = table(["input", "kind", "in these rows"], rows)
    if len(subject.inputs) > len(listed):
        inputs += text(f"{len(subject.inputs) - len(listed)} more inputs are not listed.", True)
    return text(words) + side_by_side(block("Inputs", inputs), block("Target", _target(subject)))


def _target(subject: Subject) -> str:
    """Return the range of the target, or the number of rows of each class."""
    if subject.labels is None:
        outputs = subject.true.shape[1]
        names = [subject.target] if outputs == 1 else [f"{subject.target}, output {k}" for k in range(outputs)]
        rows = [[name, spread(values)] for name, values in zip(names, subject.true.T, strict=True)]
        return table(["target", "in these rows"], rows)
    counts = np.bincount(subject.labels, minlength=len(subject.classes))
    order = np.argsort(-counts, kind="stable") if len(counts) > MOST_CLASSES_LISTED else np.arange(len(counts))
    rows = [[subject.classes[k], f"{counts[k]:,}", f"{counts[k] / counts.sum():.1%}"] for k in order]
    listed = table([subject.target, "rows", "share"], rows[:MOST_CLASSES_LISTED], (1, 2))
    left_out = len(rows) - MOST_CLASSES_LISTED
    return listed + text(f"{left_out} rarer classes are not listed." if left_out > 0 else "", True)


def settings(subject: Subject) -> str:
    """Return the hyperparameters, and the command or the Python that makes the run again."""
    net = subject.net
    listed = table(["setting", "value"], [[name, value] for name, value in rerun.hyperparameters(net).items()])
    if net.history is None:
        listed += text("The model has no training record: how it was trained is not known.")
    again = rerun.command(net)
    if again is not None:
        how = block("The command that makes this run again", command(again))
    else:
        how = block("The network and its training in Python", code(rerun.python(net)))
    return side_by_side(block("Settings", listed), how)
