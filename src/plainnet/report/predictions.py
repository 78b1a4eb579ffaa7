"""What the network predicts: over its inputs, and in its hidden units."""

from __future__ import annotations

import numpy as np

from plainnet import plots
from plainnet.arrays import Array
from plainnet.plots.drawing import plural
from plainnet.plots.readings import activation_name, hidden_layers, importance_rows
from plainnet.report.page import WIDTH, Pictures, figures, text
from plainnet.report.subject import Subject

MOST_LAYERS = 4
"""The hidden units of more layers than this are not drawn."""


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


def two_features(subject: Subject, importance: Array) -> tuple[int, ...]:
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
