"""What a run is trained and validated on: the user's data, checked."""

from typing import TYPE_CHECKING, Any

from plainnet import checks
from plainnet.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.mapped import Rows, are_mapped, blocks, choose, rows_of
from plainnet.splitting import held_out
from plainnet.suspicions import warn_of_suspicious
from plainnet.weighting import example_weights

if TYPE_CHECKING:
    from plainnet.network import Network

Examples = tuple[Rows, Rows, Array | None]
"""Inputs, targets, weights."""

Validation = tuple[Rows, Rows]
"""Inputs, targets."""


def examples_of(
    net: "Network", X: Any, y: Any, loss: Any, validation: Any, sample_weight: Any, class_weight: Any
) -> tuple[Examples, Validation | None]:
    """Checked training examples (inputs, targets, weights) and validation examples; builds the network if need be."""
    inputs = rows_of(X, lambda values: checks.examples("X", values, net.dtype))
    if not net.is_built:
        net.build(inputs.shape[1])
    inputs = net.checked_inputs(inputs)
    loss = net.checked_loss(loss)
    targets = net.checked_targets(y, loss, len(inputs))
    _read_through(inputs, targets)
    warn_of_suspicious(inputs, targets)
    weights = net.checked_weights(sample_weight, len(inputs))
    weights = _not_all_zero(example_weights(weights, class_weight, targets, net.dtype))
    if validation is None:
        return (inputs, targets, weights), None
    if isinstance(validation, tuple | list) and len(validation) == 2:
        held_inputs = net.checked_inputs(validation[0])
        held_targets = net.checked_targets(validation[1], loss, len(held_inputs), "validation y")
        _read_through(held_inputs, held_targets)
        return (inputs, targets, weights), (held_inputs, held_targets)
    if isinstance(validation, tuple | list):
        raise InvalidValue(f"validation has {len(validation)} parts; it takes a fraction or a pair (X, y)")
    fraction = checks.number("validation", validation, above=0, below=1)
    held = held_out(inputs, targets, fraction, net.split_random())
    kept = ~held
    kept_weights = None if weights is None else _not_all_zero(weights[kept])
    return (choose(inputs, kept), choose(targets, kept), kept_weights), (choose(inputs, held), choose(targets, held))


def _read_through(inputs: Rows, targets: Rows) -> None:
    """Read files once, so that a row that is refused is refused before the training."""
    if are_mapped(inputs, targets):
        for block in blocks(inputs, targets):
            inputs[block], targets[block]


def _not_all_zero(weights: Array | None) -> Array | None:
    if weights is not None and not weights.any():
        raise InvalidValue(
            "the weights of the training examples are all 0 (sample_weight, class_weight); some must count"
        )
    return weights
