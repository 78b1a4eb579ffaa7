"""What a run is trained and validated on: the user's data, checked."""

from typing import TYPE_CHECKING, Any, NamedTuple

from plainnet import checks
from plainnet.errors import InvalidType, InvalidValue
from plainnet.losses import Loss
from plainnet.mapped import Rows, are_mapped, blocks, choose, rows_of
from plainnet.splitting import held_out
from plainnet.suspicions import warn_of_suspicious
from plainnet.weighting import ClassWeights, Examples, class_weights, example_weights, without_weightless

if TYPE_CHECKING:
    from plainnet.network import Network


class Data(NamedTuple):
    """The examples of a run."""

    training: Examples
    validation: Examples | None
    weightless: int
    """The number of examples of weight 0 that were left out of the training."""


def examples_of(
    net: "Network", X: Any, y: Any, loss: Any, validation: Any, sample_weight: Any, class_weight: Any
) -> Data:
    """Checked training examples (inputs, targets, weights) and validation examples; builds the network if need be.

    Validation rows count by the same weights as training rows: a fraction held out keeps its sample weights, a pair
    brings its own as a third part, and class weights go for both. Examples of weight 0 are left out of all.
    """
    if not net.is_built:
        X = rows_of(X, lambda values: checks.examples("X", values, net.dtype))
        net.build(X.shape[1])
    loss = net.checked_loss(loss)
    inputs, targets, weights = _checked(net, loss, X, y, sample_weight)
    by_class = class_weights(class_weight, targets, weights, net.output_size or 0)
    absent = 1.0 if isinstance(class_weight, str) else None  # "balanced" knows no weight for a class that never counts
    weights = example_weights(by_class, targets, weights, net.dtype, absent=absent)
    if weights is not None and not weights.any():
        raise InvalidValue(
            "the weights of the training examples are all 0 (sample_weight, class_weight); some must count"
        )
    training = without_weightless((inputs, targets, weights))
    weightless = len(inputs) - len(training[0])
    if net.table is None:  # a table's columns were looked at by their names when it was prepared
        warn_of_suspicious(*training[:2])
    if validation is None:
        return Data(training, None, weightless)
    if isinstance(validation, tuple | list):
        return Data(training, _validation(net, loss, validation, by_class, absent), weightless)
    return Data(*_split(net, training, _checked_fraction(validation)), weightless)


def _validation(
    net: "Network",
    loss: Loss,
    given: tuple[Any, ...] | list[Any],
    by_class: ClassWeights | None,
    absent: float | None,
) -> Examples:
    """The examples of a pair or triple; `absent` is the weight of a class that the training part does not have."""
    inputs, targets, weights = _checked(net, loss, *_parts(given), prefix="validation ")
    weights = example_weights(by_class, targets, weights, net.dtype, "validation y", absent)
    if weights is not None and not weights.any():
        raise InvalidValue("the weights of the validation examples are all 0; some must count")
    return without_weightless((inputs, targets, weights))


def _checked(net: "Network", loss: Loss, X: Any, y: Any, sample_weight: Any, prefix: str = "") -> Examples:
    """Inputs, targets and sample weights, which the user knows by their names with `prefix` before."""
    inputs = net.checked_inputs(X, f"{prefix}X")
    targets = net.checked_targets(y, loss, len(inputs), f"{prefix}y", of=f"{prefix}X")
    weights = net.checked_weights(sample_weight, len(inputs), f"{prefix}sample_weight", of=f"{prefix}X")
    _read_through(inputs, targets)
    return inputs, targets, weights


def _parts(validation: tuple[Any, ...] | list[Any]) -> tuple[Any, Any, Any]:
    if len(validation) not in (2, 3):
        raise InvalidValue(
            f"validation has {len(validation)} parts; it takes a fraction, a pair (X, y) or (X, y, sample_weight)"
        )
    X, y, *sample_weight = validation
    return X, y, sample_weight[0] if sample_weight else None


def _checked_fraction(validation: Any) -> float:
    try:
        return checks.number("validation", validation, above=0, below=1)
    except InvalidType:
        raise InvalidType(
            f"validation is of type {type(validation).__name__}; it takes the fraction of the rows to hold out, such "
            "as 0.2, a pair (X, y) or (X, y, sample_weight)"
        ) from None


def _split(net: "Network", examples: Examples, fraction: float) -> tuple[Examples, Examples]:
    """The examples to train on, and the fraction of them held out for validation."""
    inputs, targets, weights = examples
    held = held_out(inputs, targets, fraction, net.split_random())
    training, validation = (
        (choose(inputs, part), choose(targets, part), None if weights is None else weights[part])
        for part in (~held, held)
    )
    return training, validation


def _read_through(inputs: Rows, targets: Rows) -> None:
    """Read files once, so that a row that is refused is refused before the training."""
    if are_mapped(inputs, targets):
        for block in blocks(inputs, targets):
            inputs[block], targets[block]
