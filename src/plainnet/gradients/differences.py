"""Slopes by differences: what the gradient checker takes for the truth.

    ∂f/∂θ_i ≈ (f(θ + h e_i) - f(θ - h e_i)) / 2h        with an error of order h²

h = ε^(1/3) · max(1, |θ_i|), ε the rounding of float64, balances that error against rounding. A gradient a and its
numerical value n are compared by |a - n| / max(|a|, |n|, s), where s is the larger of a thousandth of the largest
entry of their array and 1e-5 · |f|: below that, differences say more about the rounding of f than about its slope.

Where the two disagree, the fault can be the differences': near a minimum rounding drowns the slope, and a kink within h
mixes two slopes. Such an entry is taken again with h and 2h together, which leaves an error of order h⁴ (Richardson
1911), and with smaller steps; a value that agrees with the gradient is kept:

    ∂f/∂θ_i ≈ (8 (f(θ + h e_i) - f(θ - h e_i)) - (f(θ + 2h e_i) - f(θ - 2h e_i))) / 12h

Where it still disagrees, the slopes to the right and to the left are taken each by itself, with an error of order h²:

    right: (4 f(θ + h e_i) - 3 f(θ) - f(θ + 2h e_i)) / 2h        left: the same with -h

Two that differ by more than rounding are those of a kink, as of relu or an absolute value at 0. There any number from
the one to the other is a subgradient, so a gradient between them is neither right nor wrong; one beyond both is wrong.
One that equals either of them is right, where most of it comes from examples that are not at their kink.
"""

import math
from collections.abc import Callable

import numpy as np

from plainnet._base.arrays import Array

Function = Callable[[Array], float]

EPSILON = float(np.finfo(np.float64).eps)

RICHARDSON_STEPS = (3e-4, 6e-5, 1.5e-5)
SMALL_STEPS = (1e-6, 2e-7)
KINK_STEPS = (6e-6, 3e-6, 1e-6, 3e-7)
"""Steps h for max(1, |θ_i|) = 1."""

MOST_OF_SLOPE = 0.9
"""The largest share of a slope that may hang on the side of the kink, for the rest of it to tell right from wrong."""


def compare(function: Function, at: Array, gradient: Array, floor: float, tolerance: float) -> tuple[Array, Array]:
    """Return the numerical gradient at a point, and the relative error of each entry of `gradient`, NaN at a kink."""
    theta: Array = at.astype(np.float64)
    numerical = np.empty_like(theta)
    here = float(function(theta))
    for i in np.ndindex(theta.shape):
        numerical[i] = _central(function, theta, i, EPSILON ** (1 / 3))
    least = _least_magnitude(gradient, numerical, floor)
    magnitude = np.maximum(np.maximum(np.abs(gradient), np.abs(numerical)), least)
    disagrees = relative_errors(gradient, numerical, floor) >= tolerance
    kinks = np.zeros(theta.shape, bool)
    for place in np.argwhere(disagrees):
        i = tuple(int(axis) for axis in place)
        margin = tolerance * float(magnitude[i])
        numerical[i] = _nearest(function, theta, i, float(gradient[i]), float(numerical[i]), margin, here)
        if abs(gradient[i] - numerical[i]) < margin:
            continue
        slope = _at_kink(function, theta, i, float(gradient[i]), margin, here)
        kinks[i] = slope is not None and math.isnan(slope)
        numerical[i] = numerical[i] if slope is None or kinks[i] else slope
    errors = relative_errors(gradient, numerical, floor)
    return numerical, np.where(kinks, np.nan, errors)


def relative_errors(gradient: Array, numerical: Array, floor: float) -> Array:
    """|a - n| / max(|a|, |n|, s); infinite where that is no number."""
    magnitude = np.maximum(np.abs(gradient), np.abs(numerical))
    errors = np.abs(gradient - numerical) / np.maximum(magnitude, _least_magnitude(gradient, numerical, floor))
    return np.where(np.isfinite(errors), errors, np.inf)


def refined(function: Function, at: Array) -> Array:
    """Return the gradient with an error of order h⁴."""
    slopes = [_richardson(function, at.copy(), i, RICHARDSON_STEPS[0]) for i in np.ndindex(at.shape)]
    return np.array(slopes).reshape(at.shape)


def _least_magnitude(gradient: Array, numerical: Array, floor: float) -> float:
    """s."""
    magnitude = np.maximum(np.abs(gradient), np.abs(numerical))
    return max(floor, 1e-3 * float(magnitude.max(initial=0.0)), float(np.finfo(np.float64).tiny))


def _nearest(
    function: Function,
    theta: Array,
    i: tuple[int, ...],
    gradient: float,
    central: float,
    margin: float,
    here: float,
) -> float:
    """Return the slope by whichever other steps agrees with the gradient.

    Where none does, the nearer of the first two.
    """
    nearer = min(central, _richardson(function, theta, i, RICHARDSON_STEPS[0]), key=lambda slope: abs(slope - gradient))
    others = [(_richardson, h) for h in RICHARDSON_STEPS[1:]]
    others += [(_central, h) for h in SMALL_STEPS if 2 * EPSILON * abs(here) / h < margin]  # else rounding decides
    for slope_by, h in others:
        if abs(nearer - gradient) < margin:
            break
        slope = slope_by(function, theta, i, h)
        nearer = slope if abs(slope - gradient) < margin else nearer
    return nearer


def _at_kink(
    function: Function, theta: Array, i: tuple[int, ...], gradient: float, margin: float, here: float
) -> float | None:
    """Return the slope to one side of a kink that the gradient equals, NaN where it lies between the two.

    None otherwise.
    """
    for step in KINK_STEPS:
        h = step * max(1.0, abs(float(theta[i])))
        sides = [_one_sided(function, theta, i, shift, here) for shift in (h, -h)]
        low, high = sorted(sides)
        uncertain = margin + 8 * EPSILON * abs(here) / h
        if high - low <= 3 * uncertain or not low - uncertain <= gradient <= high + uncertain:
            continue
        nearest = min(sides, key=lambda side: abs(side - gradient))
        is_equal = abs(nearest - gradient) < margin and high - low < MOST_OF_SLOPE * abs(gradient)
        return nearest if is_equal else math.nan
    return None


def _richardson(function: Function, theta: Array, i: tuple[int, ...], step: float) -> float:
    h = step * max(1.0, abs(float(theta[i])))
    above, below, far_above, far_below = (_at(function, theta, i, shift) for shift in (h, -h, 2 * h, -2 * h))
    return (8 * (above - below) - (far_above - far_below)) / (12 * h)


def _central(function: Function, theta: Array, i: tuple[int, ...], step: float) -> float:
    h = step * max(1.0, abs(float(theta[i])))
    return (_at(function, theta, i, h) - _at(function, theta, i, -h)) / (2 * h)


def _one_sided(function: Function, theta: Array, i: tuple[int, ...], h: float, here: float) -> float:
    return (4 * _at(function, theta, i, h) - 3 * here - _at(function, theta, i, 2 * h)) / (2 * h)


def _at(function: Function, theta: Array, i: tuple[int, ...], shift: float) -> float:
    """f(θ + shift · e_i); `theta` is as before afterwards."""
    centre = theta[i]
    theta[i] = centre + shift
    value = float(function(theta))
    theta[i] = centre
    return value
