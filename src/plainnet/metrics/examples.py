"""The examples that metrics take: targets in any of their forms, predictions and weights, checked."""

from __future__ import annotations

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.blocks import blocks
from plainnet._base.pieces import Rows
from plainnet.errors import InvalidValue

_FLOAT64 = np.dtype(np.float64)


def has_several_labels(targets: Rows) -> bool:
    """Return True for labels, not classes: rows of 0 and 1, or of probabilities, that do not sum to 1."""
    return bool(several_labels(targets))


def several_labels(targets: Rows) -> bool | None:
    """Return what `has_several_labels` does, but None where some number is neither, so that more rows change nothing.

    So several parts of the rows have labels if one of them says True and none says None.
    """
    if len(targets.shape) != 2 or targets.shape[1] < 2:
        return False
    several = False
    for _, (part,) in blocks(targets):
        assert part is not None
        if not ((part >= 0) & (part <= 1)).all():
            return None
        several = several or bool((np.abs(part.sum(axis=1) - 1) > 1e-3).any())
    return several


def truth_and_scores(
    targets: Array, predictions: Array, sample_weight: Array | None = None
) -> tuple[Array, Array, Array | None]:
    """Return targets as booleans and outputs, both (n, C), and the weights; one unit p becomes (1 - p, p)."""
    scores = checks.examples("predictions", predictions, _FLOAT64)
    given = checks.numeric_array("targets", targets, _FLOAT64)
    given, scores, weights = _counted(given, scores, sample_weight)
    rows, columns = scores.shape
    if columns > 1 and given.shape == scores.shape:
        return _truth_of_rows(given), scores, weights
    if given.shape not in {(rows,), (rows, 1)}:
        raise _misfit(given, scores, f"({rows},), ({rows}, 1)" + (f", {scores.shape}" if columns > 1 else ""))
    if columns == 1:
        scores = np.hstack([1 - scores, scores])
        if ((given >= 0) & (given <= 1)).all():
            given = _decided(given)
    last, plural = scores.shape[1] - 1, "" if columns == 1 else "s"
    rule = f"for {columns} column{plural} of predictions the labels are whole numbers from 0 to {last}"
    _refuse(given, ~((given == np.floor(given)) & (given >= 0) & (given <= last)), rule)
    return given.reshape(rows, 1) == np.arange(scores.shape[1]), scores, weights


def _truth_of_rows(given: Array) -> Array:
    """Return as booleans rows of 0 and 1, of probabilities that sum to 1, or of the probability of each label."""
    if np.isin(given, (0, 1)).all():
        return given == 1
    wrong = ~((given >= 0) & (given <= 1))
    _refuse(given, wrong, "rows take only 0 and 1, one-hot or for each label, or probabilities")
    if (np.abs(given.sum(axis=1) - 1) > 1e-3).any():
        return _decided(given) == 1
    likeliest = given == given.max(axis=1, keepdims=True)
    _refuse(given.max(axis=1), likeliest.sum(axis=1) > 1, "as more than one entry of its row, which has no class then")
    return likeliest


def _decided(probabilities: Array) -> Array:
    """Return 1 where a probability is above 0.5, else 0."""
    _refuse(probabilities, probabilities == 0.5, "which is neither class; probabilities count as 1 above 0.5")
    return (probabilities > 0.5).astype(np.float64)


def true_and_predicted(
    targets: Array, predictions: Array, sample_weight: Array | None
) -> tuple[Array, Array, Array | None]:
    """Return targets and predictions of a regression, both (n, k), float64, and the weights."""
    predicted = checks.examples("predictions", predictions, _FLOAT64)
    y = checks.numeric_array("targets", targets, _FLOAT64)
    rows, columns = predicted.shape
    if columns == 1 and y.shape == (rows,):
        y = y.reshape(rows, 1)
    if y.shape != predicted.shape:
        raise _misfit(y, predicted, f"{predicted.shape}" + (f", ({rows},)" if columns == 1 else ""))
    checks.finite("targets", y)
    return _counted(y, predicted, sample_weight)


def _counted(targets: Array, predictions: Array, sample_weight: Array | None) -> tuple[Array, Array, Array | None]:
    """Return the examples that count, all or those of a weight above 0, with their weights."""
    if sample_weight is None:
        return targets, predictions, None
    weights = checks.weights("sample_weight", sample_weight, _FLOAT64, len(predictions), of="predictions")
    counted = weights > 0
    if targets.shape[:1] != counted.shape:
        return targets, predictions, weights  # of a shape that is refused
    return targets[counted], predictions[counted], weights[counted]


def _misfit(targets: Array, predictions: Array, fitting: str) -> InvalidValue:
    return InvalidValue(
        f"targets has shape {targets.shape}; for predictions of shape {predictions.shape} it takes: {fitting}"
    )


def _refuse(targets: Array, wrong: Array, rule: str) -> None:
    """Raise InvalidValue if any target is wrong; the message says which is the first."""
    if wrong.any():
        place = np.unravel_index(wrong.argmax(), targets.shape)
        raise InvalidValue(f"targets holds {targets[place]:.9g} in row {place[0]} (counted from 0); {rule}")


def one_class_each(truth: Array) -> bool:
    """Return True if every row is one-hot: classes that exclude each other rather than several labels."""
    return bool((truth.sum(axis=1) == 1).all())
