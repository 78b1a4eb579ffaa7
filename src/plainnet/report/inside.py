"""What is inside the network, and how it learned: diagram, curves, distributions, gradients."""

from __future__ import annotations

import numpy as np

from plainnet import plots
from plainnet.layers import Dense
from plainnet.plots.drawing import plural
from plainnet.plots.readings import activity
from plainnet.report.page import WIDTH, Pictures, figures, table, text
from plainnet.report.subject import Subject

ROWS_FOR_ACTIVATIONS = 5000


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
