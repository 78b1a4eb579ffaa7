"""Diagram, curves, hidden units, distributions and gradients of the network."""

from __future__ import annotations

from plainnet import plots
from plainnet._base.wording import plural
from plainnet.attribution.outputs import activation_name
from plainnet.layers import Dense
from plainnet.plots.distributions import MOST_ROWS
from plainnet.plots.drawing import one_date, sample
from plainnet.plots.readings import activity, hidden_layers
from plainnet.plots.units import MOST_UNITS
from plainnet.report.page import WIDTH, Pictures, block, side_by_side, table, text
from plainnet.report.predictions import date_axes, plane_of
from plainnet.report.subject import Subject

ROWS_FOR_ACTIVATIONS = 5000
MOST_LAYERS = 4
"""The most layers whose hidden units are drawn."""


def network(subject: Subject, pictures: Pictures) -> str:
    """Return the diagram and a table with one line per layer."""
    net = subject.net
    rows, before = [], net.input_size
    for i, (layer, after, count) in enumerate(net.layer_sizes()):
        activation = getattr(layer, "activation", None)
        named = activation.name.replace("_", " ") if activation is not None else ""
        rows.append([str(i), layer.name, f"{before:,}\u00a0→\u00a0{after:,}", named, f"{count:,}"])
        before = int(after)
    rows.append(["", "total", "", "", f"{net.parameters.size:,}"])
    layers = table(["layer", "kind", "shape", "activation", "parameters"], rows, (4,))
    layers += text("Layers and units count from 0, as in Python: net.layers[0].", True)
    classes = subject.classes if net.output_size == len(subject.classes) else None
    if not any(isinstance(layer, Dense) for layer in net.layers):
        return text("The network has no Dense layer to draw.", True) + layers
    wide = sum(isinstance(layer, Dense) for layer in net.layers) > 2 or len(subject.names) > 8
    size = plots.new_axes(1.5 * WIDTH if wide else WIDTH, 4 if wide else 3.4)
    axes = plots.network_diagram(net, size, names=subject.names, classes=classes)
    return side_by_side(pictures("Weights", axes, "The weights after training."), block("Layers", layers))


def curves(subject: Subject, pictures: Pictures) -> str:
    """Return pictures of losses and metrics by epoch, and a table of the run with the reason for its end."""
    history = subject.net.history
    if history is None or not history.epoch:
        return text("The model has no training record, so there are no curves to draw.")
    caption = "Loss by epoch" + ("; the dotted line is the best epoch." if history.restored_epoch is not None else ".")
    if subject.target_scale != (0, 1):
        caption += " It is measured on the standardized target (mean 0, deviation 1)."
    drawn = [pictures("Loss", plots.loss_curve(history, plots.new_axes(WIDTH, 3)), caption)]
    if history.metrics:
        measured_on = "validation" if history.validation_loss else "training"
        axes = plots.metric_curves(history, plots.new_axes(WIDTH, 3))
        title = "Metrics" if len(history.metrics) > 1 else "Metric"
        drawn.append(pictures(title, axes, f"By epoch, on the {measured_on} rows."))
    facts = [["last epoch", f"{history.epoch[-1]:,}"], ["ended by", history.stopped or "not known"]]
    if history.restored_epoch is not None:
        facts.append(["the network is that of", f"epoch {history.restored_epoch:,}, the best"])
    last = f"{history.loss[-1]:.4g}"
    if history.validation_loss:
        last += f" in training, {history.validation_loss[-1]:.4g} in validation"
    facts.append(["loss at the end", last])
    if history.seconds:
        facts.append(["time", f"{history.seconds[-1]:.3g} seconds"])
    return side_by_side(*drawn, block("The run", table(["", ""], facts)))


def units(subject: Subject, pictures: Pictures) -> str:
    """Draw each hidden unit over the plane of the inputs if there are no more than two."""
    places = hidden_layers(subject.net)
    features = plane_of(subject)
    if not places or features is None:
        return ""
    drawn = []
    sizes = [int(size) for _, size, _ in subject.net.layer_sizes()]
    for place in places[:MOST_LAYERS]:
        count = min(sizes[place], MOST_UNITS)
        axes = plots.hidden_units(
            subject.net,
            subject.X,
            place,
            features,
            plots.new_axes(WIDTH, 0.7 + 1.05 * -(-count // 4)),
            at=subject.typical,
            names=subject.names,
            scales=subject.scales,
            labels=subject.labels,
        )
        for tile in axes.child_axes:
            for axis in date_axes(subject, features, tile):  # type: ignore[arg-type]  # Axes, as inset_axes makes
                one_date(axis)
        kind = activation_name(subject.net, place).replace("_", " ")
        caption = f"The activation ({kind}) of each unit"
        if len(features) > 1:
            caption += ": the darker, the higher. The points are rows" + (
                ", in the colours of their classes" if subject.labels is not None else ""
            )
        drawn.append(pictures(f"Layer {place}", axes, f"{caption}."))
    more = len(places) - MOST_LAYERS
    return side_by_side(*drawn) + text(f"{plural(more, 'more hidden layer')} not drawn." if more > 0 else "", True)


def distributions(subject: Subject, pictures: Pictures) -> str:
    """Return histograms of weights and activations, the gradients, and the number of units that do nothing."""
    drawn_rows, is_sample = sample(len(subject.X), ROWS_FOR_ACTIVATIONS)
    X = subject.X[drawn_rows]
    some = f" Activations are those of {ROWS_FOR_ACTIVATIONS:,} rows drawn at random." if is_sample else ""
    layers = activity(subject.net, X)
    hidden = layers[:-1]
    dead, saturated = sum(layer.dead for layer in hidden), sum(layer.saturated or 0 for layer in hidden)
    total = sum(layer.outputs.shape[1] for layer in hidden)
    words = (
        f"Of {plural(total, 'hidden unit')} {dead} {'is' if dead == 1 else 'are'} dead (the same output for every row) "
        f"and {saturated} saturated (within 5 % of a bound of sigmoid or tanh in 95 % of the rows).{some}"
    )
    drawn = []
    own_height = "Each histogram has its own height, the root of its counts."
    weighted = sum(hasattr(layer, "weights") for layer in subject.net.layers)
    if weighted:
        axes = plots.weight_distributions(subject.net, plots.new_axes(WIDTH, _height(weighted)))
        drawn.append(pictures("Weights", axes, f"The weights of each layer. {own_height}"))
    shown = plots.activation_distributions(subject.net, X, plots.new_axes(WIDTH, _height(len(layers))))
    drawn.append(pictures("Activations", shown, f"The activations of each layer over the rows. {own_height}"))
    return (text(words) if hidden else "") + side_by_side(*drawn, _gradients(subject, pictures))


def _height(layers: int) -> float:
    """Return the height of a picture with a histogram for each layer."""
    return max(1.9, 0.8 + 0.75 * min(layers, MOST_ROWS))


def _gradients(subject: Subject, pictures: Pictures) -> str:
    """Draw the gradient norm of each layer by epoch."""
    history = subject.net.history
    if history is None or not history.layer_gradient_norms:
        return block("Gradients", text("The model has no record of its gradients."))
    caption = (
        "The norm of each layer's gradient at the last step of an epoch. A layer far below the others hardly learns; "
        "norms that grow are a sign of too large a learning rate."
    )
    return pictures("Gradients", plots.gradient_norms(history, plots.new_axes(WIDTH, 3)), caption)
