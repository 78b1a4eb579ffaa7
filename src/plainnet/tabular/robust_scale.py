"""The robust scale of a column: its median, and the distance of its quartiles or half its range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plainnet._base.arrays import Array
from plainnet.tabular.encodings import smooth_clip

SHARES = np.array([0.25, 0.5, 0.75])
ROUNDING = 2.0**-40
"""Quartiles whose distance is a smaller share of them are equal to rounding."""
LAST = 3 * (1 - 2.0**-23)
"""The float32 before 3, to which the smooth clip comes near."""
LARGE = 1e300
"""Distances of larger numbers may be no float64."""


def robust_scale(values: Array, weights: Array | None, ends: tuple[float, float]) -> tuple[float, float]:
    """Return the median and the distance of the quartiles; if they are equal, half the range; 0 for equal values.

    With weights a row counts as often as its weight says; see `quartiles`. `ends` are the least and the largest value,
    which may not be among `values` where these are a sample.
    """
    if max(abs(ends[0]), abs(ends[1])) > LARGE:
        center, spread = robust_scale(values / 16, weights, (ends[0] / 16, ends[1] / 16))
        return 16 * center, min(16 * spread, float(np.finfo(np.float64).max))
    if weights is None:
        low, middle, high = _quartiles(values)
    else:
        low, middle, high = quartiles(values, weights, float(weights.min()))
    return float(middle), _spread(low, high, *ends)


def unclipped(clipped: Array) -> Array:
    """Return z = x / √(1 - (x/3)²), the inverse of the smooth clip; float32 knows no more of a large one."""
    x = np.clip(np.asarray(clipped, np.float64), -LAST, LAST)
    return x / np.sqrt(1 - (x / 3) * (x / 3))


def encoded(numbers: Sequence[float], totals: Sequence[float], unit: float) -> tuple[float, ...]:
    """Scale and clip numbers each of which has a total weight in the training rows, 0 for one that is not there.

    `unit` is the weight of the row that weighs least, 1 without weights.
    """
    values, weights = np.array(numbers, float), np.array(totals, float)
    found = weights > 0
    low, middle, high = quartiles(values[found], weights[found], unit)
    spread = _spread(low, high, values[found].min(), values[found].max())
    return tuple(smooth_clip((values - middle) / spread).tolist())


def quartiles(values: Array, weights: Array, unit: float) -> Array:
    """Return the quartiles of weighted values, where the row that weighs `unit`, the least of all, counts once.

    Other rows count as often as their weights are multiples of it, so rows that all weigh the same give NumPy's
    quantiles, which interpolate linearly, and whole weights those of the rows repeated.
    """
    order = np.argsort(values)
    copies = np.round(weights[order] / unit, 9)  # 3, and not 2.9999999999999996: between copies lies another value
    ends = np.cumsum(copies)
    places = np.column_stack([ends - copies, ends - 1])  # of the first and the last copy of each value
    ascending = np.maximum.accumulate(places.ravel())
    return np.interp(SHARES * (ends[-1] - 1), ascending, np.repeat(values[order], 2))


def _quartiles(values: Array) -> Array:
    """Return the quartiles as np.quantile does, which takes several times as long for a few hundred values."""
    places = SHARES * (len(values) - 1)
    before = places.astype(np.int64)
    after = np.minimum(before + 1, len(values) - 1)
    ordered = np.partition(values, np.append(before, after))
    return ordered[before] + (ordered[after] - ordered[before]) * (places - before)


def _spread(low: float, high: float, least: float, most: float) -> float:
    if high - low > ROUNDING * max(abs(low), abs(high)):
        return float(high - low)
    return float(most - least) / 2 or float(most - least)
