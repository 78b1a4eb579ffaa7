"""Users give TableClassifier and TableRegressor rows of any columns, targets and weights, which are checked here."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import is_regressor  # type: ignore[import-untyped]
from sklearn.utils.validation import (  # type: ignore[import-untyped]
    _check_sample_weight,
    _check_y,
    check_consistent_length,
    validate_data,
)

from plainnet._base.arrays import Array
from plainnet._base.extras import missing_extra
from plainnet.errors import InvalidValue
from plainnet.sklearn.estimator import Estimator
from plainnet.sklearn.samples import refuse_masked
from plainnet.tabular.problem import Problem, problem_of
from plainnet.tabular.read_options import ReadOptions
from plainnet.tabular.reading import read_typed
from plainnet.tabular.targets import Task

try:
    import polars as pl
except ImportError:
    raise missing_extra("an estimator for tables", "tables") from None

from plainnet.tabular.frames import column_of, frame_of, is_missing


def rows_of(estimator: Estimator, X: Any, *, reset: bool) -> Any:
    """Return X as a frame; `reset` learns its columns, otherwise they must be those of `fit`, in their order."""
    refuse_masked(X=X)
    if isinstance(X, pl.LazyFrame):
        X = X.collect()
    if isinstance(X, list | tuple):
        is_table = len(X) > 0 and all(isinstance(row, Mapping) for row in X)
        X = frame_of(X, "X") if is_table else np.array(X, dtype=object)
    least = 2 if reset else 1
    if hasattr(type(X), "columns"):
        validate_data(estimator, X, skip_check_array=True, reset=reset)
        if len(X) < least:
            raise InvalidValue(f"X has {len(X)} sample(s); it takes at least {least}")
        return X
    X = validate_data(estimator, X, dtype=None, ensure_all_finite="allow-nan", ensure_min_samples=least, reset=reset)
    names = getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(X.shape[1])])
    return pl.DataFrame([column_of(name, X[:, i]).alias(name) for i, name in enumerate(names)])


def targets_of(estimator: Estimator, y: Any) -> Array:
    """Return y as a vector; raise ValueError for a missing value and for what is no vector of labels or numbers."""
    refuse_masked(y=y)
    if isinstance(y, pl.Series) and y.null_count() and not y.dtype.is_numeric():
        y = np.array(y.to_list(), dtype=object)
    checked: Array = _check_y(y, y_numeric=is_regressor(estimator), estimator=estimator)
    if checked.dtype != object:
        return checked
    missing = np.array([is_missing(value) for value in checked])
    if missing.any():
        raise InvalidValue(f"y is missing in {missing.sum()} rows, such as row {missing.argmax()}; leave them out")
    return checked


def weights_of(sample_weight: Any, rows: Any) -> Array | None:
    """Return sample weights, each at least 0, as a vector."""
    if sample_weight is None:
        return None
    refuse_masked(sample_weight=sample_weight)
    weights: Array = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
    return weights


def problem_for(
    rows: Any,
    targets: Array,
    weights: Array | None,
    *,
    name: Any,
    columns: Mapping[str, Any],
    task: Task,
    loss: str | None,
) -> Problem:
    """Return the problem of predicting targets, which may have a name, from rows.

    `columns` are the kinds of columns that the user gives. Raises as `problem_of` does.
    """
    check_consistent_length(rows, targets)
    typed = read_typed(rows, options=ReadOptions(columns=columns))
    taken = {*typed.frame.columns, *columns}
    target, weight = (_free_name(wanted, taken) for wanted in (name or "y", "sample_weight"))
    added = [column_of(target, targets).alias(target)]
    if weights is not None:
        added.append(pl.Series(weight, weights))
    return problem_of(
        typed.frame.with_columns(added),
        target,
        options=typed.options,
        sample_weight=None if weights is None else weight,
        task=task,
        loss=loss,
        source="X",
    )


def _free_name(wanted: Any, taken: set[str]) -> str:
    """Return a name for a column that no other has, and take it."""
    name = str(wanted)
    while name in taken:
        name += "_"
    taken.add(name)
    return name
