"""Arrays of what users pass that say the same: no column type, mask or missing value is lost on the way.

`numpy.asarray` makes one type of all columns of a data frame, forgets a mask, and takes whatever it does not know for
an object. Here a frame is taken column by column, numbers in object arrays are read as numbers, and all else is
refused with its place and with what would do. Missing values (None, pandas.NA, null) become NaN.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidRow, InvalidType, InvalidValue

FEATURES = "give each category a column of 0 and 1; numbers written as text become numbers by values.astype(float)"
"""The advice for text among the inputs."""

LABELS = (
    "classes, y = numpy.unique(y, return_inverse=True) numbers the labels 0, 1, ..., and "
    "classes[net.predict(X).argmax(axis=1)] gives the predicted ones back"
)
"""The advice for text among the targets."""

_OTHER_KINDS = {
    "M": (
        "dates",
        "make numbers of them, such as the days since the first: (dates - dates.min()) / numpy.timedelta64(1, 'D')",
    ),
    "m": ("time spans", "make numbers of them, such as days: spans / numpy.timedelta64(1, 'D')"),
    "c": ("complex numbers", "take the real and the imaginary part as columns of their own"),
    "V": ("records", "numpy.lib.recfunctions.structured_to_unstructured makes columns of their fields"),
}

MOST_NAMED = 5


def numbers_of(name: str, values: Any, if_text: str = FEATURES) -> Array:
    """`values` as an array of numbers or booleans, of whatever type they have; `if_text` is the advice for text."""
    columns = _columns(values)
    if columns is not None:
        return _frame(name, columns, if_text)
    array = _array(name, values)
    if array.dtype.kind == "O":
        array = _objects(name, array, if_text)
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.kind in "UST":
        example = f" such as {_short(array.ravel()[:1].tolist()[0])}" if array.size else ""
        raise InvalidType(f"{name} has dtype {array.dtype}, text{example}; it takes numbers: {if_text}")
    what, advice = _OTHER_KINDS.get(array.dtype.kind, ("which is no number", "convert it first"))
    raise InvalidType(f"{name} has dtype {array.dtype}, {what}; it takes numbers (float, int or bool): {advice}")


def _array(name: str, values: Any) -> Array:
    """Make an array as NumPy does, minding masks and the types of pandas."""
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        raise InvalidType(f"{name} is a sparse matrix; it takes a dense array, such as its method toarray() gives")
    if isinstance(values, list | tuple) and any(isinstance(part, np.ma.MaskedArray) for part in values):
        values = np.ma.array(values)
    if isinstance(values, np.ma.MaskedArray):
        return unmasked(name, values)
    try:
        return _column(values)
    except ValueError as error:
        raise InvalidValue(f"{name} is not a rectangular array of numbers: {error}") from None
    except Exception as error:  # whatever a foreign object raises when it is asked for an array
        raise InvalidType(f"{name} is no array of numbers: {error}") from error


def unmasked(name: str, values: Any) -> Array:
    """Return the numbers of a masked array none of which is masked."""
    masked = np.ma.getmaskarray(values)
    if masked.any():
        row, *others = (int(i) for i in np.argwhere(masked)[0]) if masked.ndim else (0,)
        column = f", column {others[0]}" if others else ""
        raise InvalidRow(
            f"{name} holds a masked value at row {{row}}{column} (counted from 0); fill in a number, or leave out the "
            "rows with masked values",
            row,
        )
    return np.asarray(values.data)


def _column(values: Any) -> Array:
    """Return a series or anything else as an array; pandas' own number types become float64, NaN if missing."""
    dtype = getattr(values, "dtype", None)
    kind = getattr(dtype, "kind", None)
    if not isinstance(dtype, np.dtype) and kind is not None and kind in "biuf" and hasattr(values, "to_numpy"):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(values)


def _columns(values: Any) -> list[tuple[str, Any]] | None:
    """Return the names and columns of a data frame of polars, pandas or Arrow; None for anything else."""
    if hasattr(values, "iter_columns"):
        return [(column.name, column) for column in values.iter_columns()]
    if hasattr(values, "iloc") and hasattr(values, "columns"):
        return [(str(name), values.iloc[:, i]) for i, name in enumerate(values.columns)]
    if hasattr(values, "column_names") and hasattr(values, "columns"):
        return list(zip(values.column_names, values.columns, strict=True))
    return None


def _frame(name: str, columns: Sequence[tuple[str, Any]], if_text: str) -> Array:
    arrays: list[Array] = []
    refused: dict[str, InvalidType] = {}
    for title, column in columns:
        try:
            arrays.append(numbers_of(f"column {title!r} of {name}", column, if_text))
        except InvalidType as error:
            kind = getattr(column, "dtype", None) or getattr(column, "type", "object")
            refused[f"{title!r} ({kind})"] = error
    if len(refused) == 1:
        raise next(iter(refused.values()))
    if refused:
        named = ", ".join(list(refused)[:MOST_NAMED]) + (", ..." if len(refused) > MOST_NAMED else "")
        raise InvalidType(
            f"columns {named} of {name} hold something other than numbers; leave out such columns, or make numbers of "
            f"them: {if_text}"
        )
    if not arrays:
        return np.empty((0, 0))
    kind = np.result_type(*arrays)
    return np.column_stack([array.astype(kind, copy=False) for array in arrays])


def _objects(name: str, array: Array, if_text: str) -> Array:
    """Return an array of Python objects that are all numbers, or missing, as float64."""
    if array.ndim == 0:
        raise InvalidType(f"{name} is {_short(array.item())}; it takes an array of numbers")
    converted = np.empty(array.size)
    for i, value in enumerate(array.flat):
        number = _number(value)
        if number is None:
            place = [int(axis) for axis in np.unravel_index(i, array.shape)]
            column = f", column {place[1]}" if len(place) > 1 else ""
            advice = f": {if_text}" if isinstance(value, str | bytes) else ""
            raise InvalidType(
                f"{name} holds {_short(value)} at row {place[0]}{column} (counted from 0); it takes numbers{advice}"
            )
        converted[i] = number
    return converted.reshape(array.shape)


def _number(value: Any) -> float | None:
    """Return a number as a float, a missing value as NaN; None for anything else."""
    if value is None or type(value).__name__ == "NAType":
        return np.nan
    if not (isinstance(value, np.integer | np.bool) or hasattr(value, "as_integer_ratio")):  # Decimal, Fraction
        return None
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf
    except ValueError:  # a signalling NaN
        return np.nan


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
