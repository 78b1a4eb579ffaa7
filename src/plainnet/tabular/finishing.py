"""These steps follow a training: probabilities that can be taken at their word, a threshold, a linear model beside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from plainnet._base.arrays import Array
from plainnet.activations import softmax
from plainnet.errors import InvalidValue, warnings_passed_over
from plainnet.tabular.baselines import MOST_ROWS, linear_baseline
from plainnet.tabular.fitting import Fitted
from plainnet.tabular.parts import TablePart
from plainnet.tabular.preparing import Prepared
from plainnet.tabular.table import Table
from plainnet.tabular.targets import Task
from plainnet.tabular.thresholds import Aim, choose_threshold
from plainnet.training.calibration import fit_temperature, scaled_by_temperature


def require_choice(prepared: Prepared, aim: Aim) -> None:
    """Raise InvalidValue, before anything is trained, where a threshold for an aim could not be chosen afterwards.

    It takes a target of two classes and, unless the aim is a number, rows of both among those that choose.
    """
    table, parts = prepared.table, prepared.parts
    if len(table.classes) != 2:
        found = f"{len(table.classes)} classes" if table.classes else "a quantity"
        raise InvalidValue(f"a threshold is for two classes and target {table.target.name!r} holds {found}")
    if isinstance(aim, int | float):
        return
    choosing = prepared.held_out
    if parts.folds:
        choosing = parts.training.take(np.unique(np.concatenate([held for _, held in parts.folds])))
    found = np.unique(table.targets(choosing.frame)).tolist()
    if len(found) == 1:
        raise InvalidValue(
            f"a threshold is chosen on the validation rows, and all {len(choosing):,} are "
            f"{table.class_names[found[0]]!r}; take more of them, such as by --folds 5, or a number for it"
        )


def finish(fitted: Fitted, *, calibrate: bool = False, aim: Aim | None = None) -> Fitted:
    """Return the model with probabilities scaled by a temperature, and with the threshold that serves an aim best.

    Both are found on the rows that chose the epochs, from the outputs of networks that were not trained on them; see
    `plainnet.training.calibration` and `plainnet.tabular.thresholds`. Raises InvalidValue as `require_choice` does.
    """
    table, judged = fitted.prepared.table, fitted.judged
    if aim is not None:
        require_choice(fitted.prepared, aim)
    if judged is None or not table.classes:
        return fitted
    targets, weights = table.targets(judged.part.frame), judged.part.weights
    if calibrate:
        temperature = fit_temperature(targets, _logits(judged.outputs), weights)
        judged = replace(judged, outputs=_scaled(judged.outputs, temperature))
        fitted = replace(
            fitted, net=scaled_by_temperature(fitted.net, temperature), judged=judged, temperature=temperature
        )
    if aim is not None:
        table = table.with_threshold(choose_threshold(targets, judged.outputs, aim, weights))
        fitted.net.table = table.to_dict()
        fitted = replace(fitted, prepared=replace(fitted.prepared, table=table))
    return fitted


def _logits(outputs: Array) -> Array:
    """Return sums that give these probabilities: of classes z = ln p, of one sigmoid z = ln p - ln(1 - p)."""
    p = outputs.astype(np.float64)
    tiny = np.finfo(np.float32).tiny
    logs = np.log(np.maximum(p, tiny))
    return logs if p.shape[1] > 1 else logs - np.log(np.maximum(1 - p, tiny))


def _scaled(outputs: Array, temperature: float) -> Array:
    """Return the probabilities that the same network gives with its sums divided by a temperature."""
    z = _logits(outputs) / temperature
    scaled = softmax(z) if z.shape[1] > 1 else 1 / (1 + np.exp(-z))
    return scaled.astype(outputs.dtype)


def linear_outputs(fitted: Fitted) -> Array | None:
    """Return the outputs of a linear model for the shown rows, trained on the rows that the network was trained on.

    They are on the scale of the network's outputs. It takes categories one-hot, so there is none where all columns
    have too many of them.
    """
    problem, parts = fitted.prepared.problem, fitted.prepared.parts
    training = parts.rest if fitted.refitted else parts.training
    with warnings_passed_over():  # said when the network's own table was learned
        try:
            learned = Table.learn(
                training.frame, problem.target, problem.task, options=problem.options, sample_weight=training.weights
            )
        except InvalidValue:
            return None
        table = replace(learned, target=fitted.prepared.table.target)
        if fitted.shown.kind != "folds":
            return _linear(problem.task, table, training, fitted.shown.part)
        sums, counts = np.zeros((len(training), len(table.classes) or 1)), np.zeros(len(training))
        for train, held in parts.folds:
            own = _linear(problem.task, table, training.take(train), training.take(held))
            sums[held] += np.hstack([1 - own, own]) if own.shape[1] < sums.shape[1] else own
            counts[held] += 1
    seen = counts > 0
    return sums[seen] / counts[seen, None]


def _linear(task: Task, table: Table, training: TablePart, shown: TablePart) -> Array:
    if len(training) > MOST_ROWS:
        training = training.take(np.sort(np.random.default_rng(0).choice(len(training), MOST_ROWS, replace=False)))
    X, y = table.features(training.frame, dtype="float32"), table.targets(training.frame)
    model = linear_baseline(X, y, task, training.weights, classes=len(table.classes) or None)
    blocks = table.feature_blocks(shown.frame, np.float32, warn_of_news=False)
    return np.concatenate([model.predict(block) for block in blocks])
