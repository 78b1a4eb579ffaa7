"""Checks of what a user passes; every message names the argument, says what came and what would do."""

import math
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.conversion import FEATURES, numbers_of
from plainnet.errors import InvalidRow, InvalidType, InvalidValue, PlainnetError

SMALLEST_WEIGHT, LARGEST_WEIGHT = 1e-15, 1e15
"""The bounds between which the largest weight is kept as it is; float32 holds sums and ratios of such weights."""

NEAREST = 5
MOST_NAMES = 40
FIRST_OF_MANY = 10
LONGEST_NAME = 200
"""Limits of messages about names: the near ones, all of them, and the longest name that is looked for."""


PIECE = 2**22
"""The number of numbers that are looked at together."""


def closest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known one, then all of them, or some of many."""
    import difflib  # only a refusal pays for this import

    names = sorted(known)
    begin = [known for known in names if name and known.startswith(name)]
    near = begin[:NEAREST] or difflib.get_close_matches(name[:LONGEST_NAME], names, n=NEAREST, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    if near and len(names) > MOST_NAMES:
        return f"{hint}nearest of {len(names):,} known: {listed(near)}"
    return f"{hint}known: {listed(names)}"


def listed(names: Sequence[str]) -> str:
    """Names for a message, of many the first and how many more there are."""
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:FIRST_OF_MANY])} and {len(names) - FIRST_OF_MANY:,} more"


def number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
) -> float:
    """`value` as a float within the given bounds (`above` and `below` exclude their own value)."""
    value = _scalar(value)
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidType(f"{name} is {value!r}; it takes a number")
    within = (
        math.isfinite(value)
        and (above is None or value > above)
        and (least is None or value >= least)
        and (below is None or value < below)
        and (most is None or value <= most)
    )
    if not within:
        raise InvalidValue(f"{name} is {value!r}; it takes a number{_bounds(above, least, below, most)}")
    return float(value)


def _bounds(above: float | None, least: float | None, below: float | None, most: float | None) -> str:
    words = [
        f"above {above:g}" if above is not None else "",
        f"of at least {least:g}" if least is not None else "",
        f"below {below:g}" if below is not None else "",
        f"of at most {most:g}" if most is not None else "",
    ]
    given = " and ".join(word for word in words if word)
    return f" {given}" if given else " that is finite"


def whole_number(name: str, value: Any, *, least: int) -> int:
    """`value` as an int of at least `least`."""
    value = _scalar(value)
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InvalidType(f"{name} is {value!r}; it takes a whole number of at least {least}")
    if value < least:
        raise InvalidValue(f"{name} is {value!r}; it takes a whole number of at least {least}")
    return int(value)


def _scalar(value: Any) -> Any:
    """Return the number in an array without axes, as some of NumPy's functions return it; another value as it is."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def flag(name: str, value: Any) -> bool:
    """`value` as a bool; 0 and 1 are taken for False and True."""
    value = _scalar(value)
    if not isinstance(value, bool | np.bool | int | np.integer) or value not in (0, 1):
        raise InvalidType(f"{name} is {value!r}; it takes True or False")
    return bool(value)


def one_of(name: str, value: Any, known: Iterable[str]) -> str:
    """`value` where it is one of the known names."""
    names = list(known)
    if not isinstance(value, str):
        raise InvalidType(f"{name} is {value!r}; it takes one of: {', '.join(sorted(names))}")
    if value not in names:
        raise InvalidValue(f"{name} is {value!r}; {closest(value, names)}")
    return value


def numeric_array(name: str, values: Any, dtype: np.dtype[Any], if_text: str = FEATURES) -> Array:
    """`values` as an array of `dtype`, without a copy where it already is one; numbers and booleans only."""
    if type(values) is np.ndarray and values.dtype == dtype:
        return values  # as most are: a prediction of one row takes no longer than it must
    array = numbers_of(name, values, if_text)
    if array.dtype == dtype:
        return array
    with np.errstate(over="ignore"):  # too large for dtype: becomes infinite, and `finite` names the place
        return np.asarray(array, dtype=dtype)


def finite(name: str, array: Array) -> None:
    """Refuse an array that holds NaN or infinity, naming the first place."""
    if array.size <= PIECE and np.isfinite(array).all():
        return
    rows = max(1, PIECE // max(1, math.prod(array.shape[1:])))  # at a time, so that a large array takes no second one
    if all(np.isfinite(array[start : start + rows]).all() for start in range(0, len(array), rows)):
        return
    place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    column = f", column {place[1]}" if len(place) > 1 else ""
    raise InvalidRow(
        f"{name} holds {array[place]} at row {{row}}{column} (counted from 0, as {array.dtype}); "
        "replace or leave out NaN and infinite values first",
        place[0],
    )


def examples(name: str, values: Any, dtype: np.dtype[Any]) -> Array:
    """Return `values` as finite examples: a 2-D array of `dtype`, one row per example, at least one row."""
    array = numeric_array(name, values, dtype)
    if array.ndim != 2:
        hint = " (for one feature: values.reshape(-1, 1); for one example: values.reshape(1, -1))"
        raise InvalidValue(
            f"{name} has shape {array.shape}; it takes rows of features, shape (examples, features)"
            + (hint if array.ndim == 1 else "")
        )
    if array.shape[0] == 0 or array.shape[1] == 0:
        raise InvalidValue(f"{name} has shape {array.shape}; it takes at least one row and one column")
    finite(name, array)
    return array


def same_rows(name: str, array: Sized, rows: int, of: str = "X") -> None:
    """Refuse an array that does not have a row for each of the `rows` examples of the argument `of`."""
    if len(array) != rows:
        raise InvalidValue(f"{name} has {len(array)} rows and {of} has {rows}; each example needs one")


def weights(name: str, values: Any, dtype: np.dtype[Any], rows: int, of: str = "X") -> Array:
    """`values` as a vector of `dtype` with a weight for each of the `rows` examples of `of`: at least 0, not all 0."""
    given = numeric_array(name, values, np.dtype(np.float64), "each example has a weight, such as 1 or 0.5")
    if given.ndim != 1:
        raise InvalidValue(f"{name} has shape {given.shape}; it takes one number an example, shape ({rows},)")
    same_rows(name, given, rows, of)
    finite(name, given)
    if (given < 0).any() or not given.any():
        raise InvalidValue(f"{name} holds a negative number or only zeros; it takes weights of at least 0")
    return held(given, dtype)


def weights_of_piece(name: str, values: Any, dtype: np.dtype[Any]) -> Array:
    """`values` as a vector of weights, of some of all rows: each at least 0 and of a size that `dtype` holds."""
    given = numeric_array(name, values, np.dtype(np.float64), "each example has a weight, such as 1 or 0.5")
    if given.ndim != 1:
        raise InvalidValue(f"{name} has shape {given.shape}; it takes one number an example, shape (examples,)")
    finite(name, given)
    wrong = (given < 0) | (given > LARGEST_WEIGHT)
    if wrong.any():
        row = int(wrong.argmax())
        raise InvalidRow(
            f"{name} holds {given[row]} at row {{row}}; it takes weights from 0 to {LARGEST_WEIGHT:g}", row
        )
    return given.astype(dtype)


def held(weights: Array, dtype: np.dtype[Any]) -> Array:
    """Weights as `dtype`; only their ratios count, so those whose size it cannot hold are divided by the largest."""
    largest = float(weights.max(initial=0.0))
    if largest and not SMALLEST_WEIGHT < largest < LARGEST_WEIGHT:
        weights = weights / largest
    return weights.astype(dtype)


def assign(name: str, array: Array, values: Any, *, fill: bool = False) -> None:
    """Write `values` into the whole of `array`; `fill` takes one number for all of it as well.

    Raises InvalidValue, calling the array `name`, where the shapes differ: nothing is broadcast.
    """
    given = numbers_like(name, array, values, fill=fill)
    array[...] = given


def numbers_like(name: str, array: Array, values: Any, *, fill: bool = False) -> Array:
    """`values` as numbers of the dtype and shape of `array`, which stays as it is."""
    is_traced = isinstance(values, type(array)) and not isinstance(values, np.ndarray)  # it has no numbers to check
    given = values if is_traced else numeric_array(name, values, array.dtype)
    if given.shape != array.shape and not (fill and given.ndim == 0):
        raise InvalidValue(f"{name} has shape {given.shape}; it takes shape {array.shape}")
    return given


@contextmanager
def called(name: str, inside: str) -> Iterator[None]:
    """Let refusals that begin with the argument `inside` begin with `name` instead, as the caller knows it."""
    try:
        yield
    except PlainnetError as error:
        raise error.renamed(inside, name) from None
