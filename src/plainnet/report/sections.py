"""The sections of a report, each a function of its subject."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from plainnet import metrics, plots
from plainnet.arrays import Array
from plainnet.layers import Dense
from plainnet.plots.drawing import plural
from plainnet.plots.inline import svg
from plainnet.plots.readings import activation_name, activity, hidden_layers, importance_rows, own_loss
from plainnet.report import rerun
from plainnet.report.page import Section, figure, figures, measures, table, text
from plainnet.report.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_INPUTS = 20
"""More inputs than this are not listed."""
MOST_CLASSES_LISTED = 15
MOST_LAYERS = 4
"""The hidden units of more layers than this are not drawn."""
WORST = 10
ROWS_FOR_ACTIVATIONS = 5000
WIDTH = 4.7
"""Of a picture, in inches: its text has a good size on a phone."""


class Pictures:
    """Turns axes into figures of one page, whose pictures' inner names must differ."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    def __call__(self, axes: Axes, caption: str) -> str:
        return figure(svg(axes, caption, next(self.numbers)), caption)


def all_sections(subject: Subject) -> list[Section]:
    """Every section, in order."""
    pictures = Pictures()
    importance = plots.permutation_importance(
        subject.net, subject.X, subject.y, inputs=[column.features for column in subject.inputs]
    )
    features = _two_features(subject, importance)
    return [
        Section("data", "The data", data(subject)),
        Section("network", "The network", network(subject, pictures)),
        Section("curves", "How it learned", curves(subject, pictures)),
        Section("boundary", "What it predicts", boundary(subject, pictures, features, importance)),
        Section("units", "What each hidden unit learned", units(subject, pictures, features)),
        Section("distributions", "Weights and activations", distributions(subject, pictures)),
        Section("outcome", "How right it is", outcome(subject, pictures)),
        Section("worst", "The worst-predicted rows", worst(subject)),
        Section("gradients", "Gradients over time", gradients(subject, pictures)),
        Section("settings", "Settings, and how to do it again", settings(subject)),
    ]


def lead(subject: Subject) -> str:
    """The first lines of the page: what it is about, and how good it is."""
    return text(subject.rows_are) + measures(_measures(subject))


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


def network(subject: Subject, pictures: Pictures) -> str:
    """The diagram and a line a layer."""
    net = subject.net
    rows, before = [], net.input_size
    for i, (layer, after, count) in enumerate(net.layer_sizes()):
        activation = getattr(layer, "activation", None)
        named = activation.name.replace("_", " ") if activation is not None else ""
        rows.append([str(i), layer.name, f"{before:,} → {after:,}", named, f"{count:,}"])
        before = int(after)
    rows.append(["", "total", "", "", f"{net.parameters.size:,}"])
    layers = table(["layer", "kind", "shape", "activation", "parameters"], rows, (4,))
    classes = subject.classes if net.output_size == len(subject.classes) else None
    if not any(isinstance(layer, Dense) for layer in net.layers):
        return text("The network has no Dense layer to draw.", True) + layers
    axes = plots.network_diagram(net, plots.new_axes(WIDTH, 3.6), names=subject.names, classes=classes)
    return figures([pictures(axes, "The weights, after training."), layers])


def curves(subject: Subject, pictures: Pictures) -> str:
    """Losses and metrics by epoch, and why the run ended."""
    history = subject.net.history
    if history is None or not history.epoch:
        return text("The model has no training record, so there are no curves to draw.")
    early = history.stopped == "early stopping"
    back = f"; the network is the one of the best epoch, {history.best_epoch:,}" if early else ""
    seconds = f"{history.seconds[-1]:.3g} seconds" if history.seconds else ""
    words = f"The run ended after epoch {history.epoch[-1]:,} ({history.stopped}){back}. It took {seconds}."
    caption = "Loss by epoch" + ("; the dotted line is the best epoch." if early else ".")
    drawn = [pictures(plots.loss_curve(history, plots.new_axes(WIDTH, 3)), caption)]
    if history.metrics:
        axes = plots.metric_curves(history, plots.new_axes(WIDTH, 3))
        drawn.append(pictures(axes, "Metrics by epoch."))
    return text(words) + figures(drawn)


def boundary(subject: Subject, pictures: Pictures, features: tuple[int, ...], importance: Array) -> str:
    """Predictions over the two inputs that matter most, and what each input is worth."""
    inputs = len(subject.names)
    named = " and ".join(subject.names[feature] for feature in features)
    categories = any(column.kind != "number" for column in subject.inputs)
    others = "" if inputs <= 2 else "; every other input stays at its median"
    others += ", a category at its commonest value" if others and categories else ""
    caption = f"Predictions over {named}{others}."
    if np.ptp(np.delete(subject.X, features, axis=1), axis=0).any():
        caption += " The examples differ in the other inputs too, so not each lies on the ground of its class."
    axes = plots.decision_boundary(
        subject.net,
        subject.X,
        subject.y,
        features,
        plots.new_axes(WIDTH, 4),
        at=subject.typical,
        names=subject.names,
        classes=subject.classes or None,
        scales=subject.scales,
        target_scale=subject.target_scale,
    )
    drawn = [pictures(axes, caption)]
    if len(subject.inputs) > 1:
        names = [column.name for column in subject.inputs]
        bars = plots.new_axes(WIDTH, 1 + 0.24 * min(len(names), 15))
        chart = plots.importance(importance, names, bars)
        count = importance_rows(len(subject.X), len(names))
        sample = f" on {count:,} rows drawn at random" if len(subject.X) > count else ""
        drawn.append(
            pictures(
                chart,
                f"Permutation importance: how much the loss rises when the values of one input are shuffled among the "
                f"rows{sample}. Bar: mean of {importance.shape[1]} shuffles; line: their range.",
            )
        )
    return figures(drawn)


def units(subject: Subject, pictures: Pictures, features: tuple[int, ...]) -> str:
    """Each hidden unit over the same plane."""
    places = hidden_layers(subject.net)
    if not places:
        return text("The network has no hidden layer.")
    drawn = []
    for place in places[:MOST_LAYERS]:
        count = min(int(np.shape(_outputs_of(subject, place))[1]), 16)
        rows = -(-count // 4)
        axes = plots.hidden_units(
            subject.net,
            subject.X,
            place,
            features,
            plots.new_axes(WIDTH, 0.7 + 1.05 * rows),
            at=subject.typical,
            names=subject.names,
            scales=subject.scales,
        )
        kind = activation_name(subject.net, place).replace("_", " ")
        drawn.append(pictures(axes, f"Layer {place} ({kind}): the activation of each unit over the same two inputs."))
    more = len(places) - MOST_LAYERS
    return figures(drawn) + (text(f"{plural(more, 'more hidden layer')} not drawn.", True) if more > 0 else "")


def distributions(subject: Subject, pictures: Pictures) -> str:
    """Histograms of weights and activations, and the units that do nothing."""
    X = subject.X
    sample = ""
    if len(X) > ROWS_FOR_ACTIVATIONS:
        X = X[np.random.default_rng(0).choice(len(X), ROWS_FOR_ACTIVATIONS, replace=False)]
        sample = f" Activations are those of {ROWS_FOR_ACTIVATIONS:,} rows drawn at random."
    layers = activity(subject.net, X)
    hidden = layers[:-1]
    dead, saturated = sum(layer.dead for layer in hidden), sum(layer.saturated or 0 for layer in hidden)
    total = sum(layer.outputs.shape[1] for layer in hidden)
    words = (
        f"Of {plural(total, 'hidden unit')} {dead} are dead (the same output for every row) and {saturated} saturated "
        f"(within 5 % of a bound of sigmoid or tanh in 95 % of the rows).{sample}"
    )
    drawn = []
    weighted = sum(hasattr(layer, "weights") for layer in subject.net.layers)
    if weighted:
        axes = plots.weight_distributions(subject.net, plots.new_axes(WIDTH, 0.8 + 0.75 * min(weighted, 10)))
        drawn.append(
            pictures(axes, "The weights of each layer; each histogram has its own height, the root of its counts.")
        )
    axes = plots.new_axes(WIDTH, 0.8 + 0.75 * min(len(layers), 10))
    shown = plots.activation_distributions(subject.net, X, axes)
    drawn.append(
        pictures(
            shown,
            "The activations of each layer over the rows; each histogram has its own height, the root of its counts.",
        )
    )
    return (text(words) if hidden else "") + figures(drawn)


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
    shown = subject.header[:MOST_INPUTS]
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


def gradients(subject: Subject, pictures: Pictures) -> str:
    """The gradient norm of each layer by epoch."""
    history = subject.net.history
    if history is None or not history.layer_gradient_norms:
        return text("The model has no record of its gradients.")
    caption = (
        "The norm of each layer's gradient at the last step of an epoch. A layer far below the others hardly learns; "
        "norms that grow are a sign of too large a learning rate."
    )
    return figures([pictures(plots.gradient_norms(history, plots.new_axes(WIDTH, 3)), caption)])


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


def _measures(subject: Subject) -> dict[str, str]:
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


def _two_features(subject: Subject, importance: Array) -> tuple[int, ...]:
    """The features of the two most important inputs, numbers where there are two: a plane of categories says little."""
    order = [subject.inputs[i] for i in np.argsort(-importance.mean(axis=1), kind="stable")]
    if len(order) == 1:
        return tuple(order[0].features[:2])
    numbers = [column for column in order if column.kind == "number"]
    chosen = numbers if len(numbers) > 1 else [*numbers, *(column for column in order if column.kind != "number")]
    first, second = (column.features[0] for column in chosen[:2])
    return (min(first, second), max(first, second))


def _outputs_of(subject: Subject, place: int) -> Array:
    outputs = subject.X[:1]
    for layer in subject.net.layers[: place + 1]:
        outputs, _ = layer.forward(outputs)
    return outputs
