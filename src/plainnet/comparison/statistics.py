"""Quartiles, robust means, and bootstrap intervals that say how far chance may have moved them."""

from collections.abc import Callable

import numpy as np

from plainnet._base.arrays import Array

RESAMPLES = 4000
LEAST_PAIRS = 6
"""Fewer pairs decide nothing: 5 fair coins fall all the same way in 1 case of 16, which is more than 1 in 20."""

Statistic = Callable[[Array], Array]
"""A function that reduces the last axis."""


def quartiles(values: Array) -> tuple[float, float, float]:
    """Return the first quartile, the median and the third quartile; NaN if there are no values."""
    if not values.size:
        return (np.nan, np.nan, np.nan)
    first, median, third = np.quantile(values, [0.25, 0.5, 0.75])
    return float(first), float(median), float(third)


def middle_mean(values: Array) -> Array:
    """Return the mean of the middle half: a quarter of the values, rounded down, is cut off at either end.

    Agarwal et al. 2021 ("Deep RL at the edge of the statistical precipice") recommend this interquartile mean for
    comparisons over few seeds: it is as robust as quartiles and finer than a median.

    >>> float(middle_mean(np.array([1.0, 2.0, 4.0, 900.0])))
    3.0
    """
    count = values.shape[-1]
    cut = count // 4
    return np.sort(values, axis=-1)[..., cut : count - cut].mean(axis=-1)


def interval(values: Array, statistic: Statistic) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a statistic (Efron 1979), the same at every call.

    `RESAMPLES` times as many values as there are are drawn with replacement; the interval holds the middle 95 % of the
    statistics of these draws.
    """
    random = np.random.default_rng(0)
    count = len(values)
    at_a_time = max(1, 1_000_000 // count)
    drawn = [
        statistic(values[random.integers(count, size=(min(at_a_time, RESAMPLES - start), count))])
        for start in range(0, RESAMPLES, at_a_time)
    ]
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975])
    return float(low), float(high)
