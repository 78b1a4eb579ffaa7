"""What the report is about: the rows, the settings, and how to do the run again."""

from __future__ import annotations

from html import escape

import numpy as np

from plainnet.plots.drawing import plural
from plainnet.report import rerun
from plainnet.report.page import table, text
from plainnet.report.subject import Subject

MOST_INPUTS = 20
"""More inputs than this are not listed."""
MOST_CLASSES_LISTED = 15


def data(subject: Subject) -> str:
    """The rows and columns in brief, and the classes or the range of the target."""
    count = plural(len(subject.X), "row")
    listed = subject.inputs[:MOST_INPUTS]
    parts = [text(f"{count}, {plural(len(subject.inputs), 'input')}, target {subject.target}.")]
    features = sum(len(column.features) for column in subject.inputs)
    if features > len(subject.inputs):
        parts.append(text(f"The network takes them as {features} features; a category is one for each value.", True))
    parts.append(table(["input", "kind", "in these rows"], [[c.name, c.kind, c.summary] for c in listed]))
    if len(subject.inputs) > len(listed):
        parts.append(text(f"{len(subject.inputs) - len(listed)} more inputs are not listed.", True))
    if subject.labels is None:
        low, high, median = subject.true.min(), subject.true.max(), np.median(subject.true)
        return "".join([*parts, text(f"Target {subject.target}: {low:.4g} to {high:.4g}, median {median:.4g}.")])
    counts = np.bincount(subject.labels, minlength=len(subject.classes))
    order = np.argsort(-counts, kind="stable") if len(counts) > MOST_CLASSES_LISTED else np.arange(len(counts))
    rows = [[subject.classes[k], f"{counts[k]:,}", f"{counts[k] / counts.sum():.1%}"] for k in order]
    parts.append(table([subject.target, "rows", "share"], rows[:MOST_CLASSES_LISTED], (1, 2)))
    if len(rows) > MOST_CLASSES_LISTED:
        parts.append(text(f"{len(rows) - MOST_CLASSES_LISTED} rarer classes are not listed.", True))
    return "".join(parts)


def settings(subject: Subject) -> str:
    """The hyperparameters, and the command or the Python that makes the run again."""
    net = subject.net
    listed = table(["setting", ""], [[name, value] for name, value in rerun.hyperparameters(net).items()])
    if net.history is None:
        listed += text("The model has no training record: how it was trained is not known.")
    again = rerun.command(net)
    if again is not None:
        return f"{listed}<h3>The command that makes this run again</h3><pre>{escape(again)}</pre>"
    return f"{listed}<h3>In Python</h3><pre>{escape(rerun.python(net))}</pre>"
