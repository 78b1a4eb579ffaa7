"""The arguments X, y, loss and sample_weight of everything that takes a network and data: checked here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plainnet import adapters, losses
from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.derived_pieces import together
from plainnet._base.mapped import rows_of
from plainnet._base.pieces import PieceRows, Rows
from plainnet._base.weighting import Examples
from plainnet.errors import InvalidType, InvalidValue
from plainnet.losses import Loss

if TYPE_CHECKING:
    from plainnet.network import Network

NOT_BUILT = "the network has no parameters yet: give it an input_size, or fit it"


def examples_for(net: Network, X: Any, y: Any, loss: Loss, sample_weight: Any, prefix: str = "") -> Examples:
    """Return inputs, targets and weights as `net` and `loss` take them.

    The user knows them by the names X, y and sample_weight with `prefix` before. Rows of a large file are checked
    when they are read.
    """
    inputs = inputs_for(net, X, f"{prefix}X")
    targets = targets_for(net, y, loss, len(inputs), f"{prefix}y", of=f"{prefix}X")
    weights = _weights(net, sample_weight, len(inputs), f"{prefix}sample_weight", of=f"{prefix}X")
    inputs, targets, weights = together(inputs, targets, weights)  # type: ignore[assignment]  # two are not None
    return inputs, targets, weights


def inputs_for(net: Network, X: Any, name: str = "X") -> Rows:
    """Return X as finite examples of the network's dtype; raise InvalidValue if it has another input size."""
    inputs = rows_of(X, lambda values: checks.examples(name, values, net.dtype))
    if not net.is_built:
        raise InvalidValue(NOT_BUILT)
    if inputs.shape[1] != net.input_size:
        raise InvalidValue(f"{name} has {inputs.shape[1]} columns and the network takes {net.input_size} inputs")
    return inputs


def targets_for(net: Network, y: Any, loss: Loss, rows: int, name: str = "y", of: str = "X") -> Rows:
    """Return y as `loss` takes it; raise InvalidValue if it does not have as many rows as the examples named `of`."""

    def check(values: Any) -> Array:
        with checks.called(name, inside="y"):
            return loss.prepare(values, net.output_size or 0, net.dtype)

    targets = rows_of(y, check)
    checks.same_rows(name, targets, rows, of)
    return targets


def weights_for(
    net: Network, sample_weight: Any, rows: int, name: str = "sample_weight", of: str = "X"
) -> Array | None:
    """Return sample weights as a vector of the network's dtype: each at least 0, not all 0."""
    return None if sample_weight is None else checks.weights(name, sample_weight, net.dtype, rows, of)


def _weights(net: Network, sample_weight: Any, rows: int, name: str, of: str) -> Rows | None:
    """Return sample weights as `weights_for` does; those in pieces are checked when they are read."""
    if not isinstance(sample_weight, PieceRows):
        return weights_for(net, sample_weight, rows, name, of)
    checks.same_rows(name, sample_weight, rows, of)
    return rows_of(sample_weight, lambda values: checks.weights_of_piece(name, values, net.dtype))


def loss_for(net: Network, loss: Any) -> Loss:
    """Return the loss that a name, an object or a function stands for; raise if the last layer does not suit it."""
    if loss is None:
        raise InvalidType(f"loss is missing; {usual_loss(net)}; known: {', '.join(losses.LOSSES)}")
    resolved = adapters.loss_of(loss)
    activation = getattr(net.layers[-1], "activation", None)
    if activation is not None:
        resolved.check_output(activation.name)
    return resolved


def usual_loss(net: Network) -> str:
    """Return in words, for a message, which loss suits the last layer."""
    activation = getattr(net.layers[-1], "activation", None)
    name = "identity" if activation is None else activation.name
    return f"the usual one after {name!r} is loss={losses.usual_after(name)!r}"
