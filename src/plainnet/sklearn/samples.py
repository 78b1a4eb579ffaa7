"""The rows that an estimator trains on, and those that it is judged by."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]

from plainnet._base.arrays import Array
from plainnet._base.conversion import unmasked
from plainnet.errors import InvalidType, InvalidValue

if TYPE_CHECKING:
    from plainnet.sklearn.base import BaseMLP


class Samples(NamedTuple):
    """Checked rows, with targets as the loss expects them."""

    inputs: Array
    targets: Array
    sample_weight: Array | None

    def part(self, chosen: Array) -> "Samples":
        """Return the chosen rows."""
        weight = None if self.sample_weight is None else self.sample_weight[chosen]
        return Samples(self.inputs[chosen], self.targets[chosen], weight)


class ValidationArguments(NamedTuple):
    """The validation rows as a user gave them to `fit`, unchecked, with the names of the arguments."""

    X: Any
    y: Any
    sample_weight: Any
    named: str


def validation_arguments(
    validation_data: Any, X_val: Any, y_val: Any, sample_weight_val: Any
) -> ValidationArguments | None:
    """Return the validation rows, given in one argument or in three; None without any."""
    if validation_data is not None:
        if any(part is not None for part in (X_val, y_val, sample_weight_val)):
            raise InvalidValue("validation_data and X_val, y_val are both given; fit takes one of the two")
        if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
            raise InvalidType("validation_data takes a pair (X, y), or (X, y, sample_weight)")
        X, y, *weight = validation_data
        return ValidationArguments(X, y, weight[0] if weight else None, "validation_data")
    if X_val is None and y_val is None and sample_weight_val is None:
        return None
    if X_val is None or y_val is None:
        raise InvalidValue(f"{'X_val' if X_val is None else 'y_val'} is missing; fit takes X_val and y_val together")
    return ValidationArguments(X_val, y_val, sample_weight_val, "X_val, y_val")


def hold_out(estimator: "BaseMLP", samples: Samples) -> tuple[Samples, Samples]:
    """Return the samples to train on and those held out, `validation_fraction` of all, drawn as scikit-learn draws."""
    count = len(samples.inputs)
    fraction = float(estimator.validation_fraction)
    if fraction == 0:
        raise InvalidValue("validation_fraction is 0; early_stopping takes a share above 0, or validation rows in fit")
    try:
        kept, held = train_test_split(
            np.arange(count),
            random_state=estimator._random_state,
            test_size=fraction,
            stratify=estimator._strata(samples.targets),
        )
    except ValueError as error:
        raise InvalidValue(
            f"{error} (early_stopping sets validation_fraction={fraction} of {count} rows aside)"
        ) from None
    if len(held) < 2:
        raise InvalidValue(
            f"The validation set is too small: validation_fraction={fraction} sets {len(held)} of {count} rows aside, "
            "and early_stopping takes at least 2"
        )
    return _require_weight(samples.part(kept), "training"), _require_weight(samples.part(held), "validation")


def _require_weight(samples: Samples, what: str) -> Samples:
    """Return the samples; raise InvalidValue if all have weight 0."""
    if samples.sample_weight is not None and not samples.sample_weight.any():
        raise InvalidValue(
            f"the {len(samples.inputs)} {what} rows that validation_fraction leaves all have weight 0 "
            "(sample_weight, class_weight); some must count"
        )
    return samples


def is_constant(targets: Array, sample_weight: Array | None) -> bool:
    """Return True if all rows whose weight is above 0 have the same target."""
    weighted = targets if sample_weight is None else targets[sample_weight > 0]
    return bool((weighted == weighted[:1]).all())


def refuse_masked(**arguments: Any) -> None:
    """Raise InvalidValue for masked values, of which scikit-learn's checks see only the numbers behind the mask."""
    for name, values in arguments.items():
        if isinstance(values, np.ma.MaskedArray):
            unmasked(name, values)
