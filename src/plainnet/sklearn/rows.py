"""The rows that an estimator trains on and is judged by."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]

from plainnet._base.arrays import Array
from plainnet._base.conversion import unmasked
from plainnet.errors import InvalidType, InvalidValue


@dataclass
class Rows:
    """Examples, checked: inputs, targets as the loss takes them, the encoded truth to score against, weights."""

    inputs: Array
    targets: Array
    truth: Array
    sample_weight: Array | None

    def part(self, chosen: Array) -> "Rows":
        """The chosen rows."""
        weight = None if self.sample_weight is None else self.sample_weight[chosen]
        return Rows(self.inputs[chosen], self.targets[chosen], self.truth[chosen], weight)

    def counting(self) -> "Rows":
        """The rows without those of weight 0."""
        return self if self.sample_weight is None else self.part(self.sample_weight > 0)


@dataclass
class Given:
    """The validation rows that a user passed to `fit`, as they came, and how they were called."""

    X: Any
    y: Any
    sample_weight: Any
    named: str


def given_validation(validation_data: Any, X_val: Any, y_val: Any, sample_weight_val: Any) -> Given | None:
    """The validation rows in the one argument or the three, None without any."""
    if validation_data is not None:
        if any(part is not None for part in (X_val, y_val, sample_weight_val)):
            raise InvalidValue("validation_data and X_val, y_val are both given; fit takes one of the two")
        if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
            raise InvalidType("validation_data takes a pair (X, y), or (X, y, sample_weight)")
        X, y, *weight = validation_data
        return Given(X, y, weight[0] if weight else None, "validation_data")
    if X_val is None and y_val is None and sample_weight_val is None:
        return None
    if X_val is None or y_val is None:
        raise InvalidValue(f"{'X_val' if X_val is None else 'y_val'} is missing; fit takes X_val and y_val together")
    return Given(X_val, y_val, sample_weight_val, "X_val, y_val")


def hold_out(estimator: Any, rows: Rows) -> tuple[Rows, Rows]:
    """Set `validation_fraction` of the rows aside, drawn as scikit-learn draws them; returns both parts."""
    count = len(rows.inputs)
    fraction = float(estimator.validation_fraction)
    if fraction == 0:
        raise InvalidValue("validation_fraction is 0; early_stopping takes a share above 0, or validation rows in fit")
    try:
        kept, held = train_test_split(
            np.arange(count),
            random_state=estimator._random_state,
            test_size=fraction,
            stratify=estimator._strata(rows.truth),
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
    return _counting(rows.part(kept), "training"), _counting(rows.part(held), "validation")


def _counting(rows: Rows, what: str) -> Rows:
    """Refuse a part whose rows all have weight 0."""
    if rows.sample_weight is not None and not rows.sample_weight.any():
        raise InvalidValue(
            f"the {len(rows.inputs)} {what} rows that validation_fraction leaves all have weight 0 "
            "(sample_weight, class_weight); some must count"
        )
    return rows


def is_constant(truth: Array, sample_weight: Array | None) -> bool:
    """Whether all rows that count have the same truth."""
    counting = truth if sample_weight is None else truth[sample_weight > 0]
    return bool((counting == counting[:1]).all())


def refuse_masked(**arguments: Any) -> None:
    """Refuse masked values, which scikit-learn's checks take for the numbers behind the mask."""
    for name, values in arguments.items():
        if isinstance(values, np.ma.MaskedArray):
            unmasked(name, values)
