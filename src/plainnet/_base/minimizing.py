"""The smallest value of a smooth function: of many parameters by its gradient, of one between two bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from plainnet._base.arrays import Array

MEMORY = 10
"""The steps that L-BFGS remembers."""
HALVINGS = 30
"""The number of times that a step is halved before the search ends."""
SUFFICIENT = 1e-4
"""The share of the decrease that the gradient promises which a step has to give (Armijo)."""
GOLDEN = (np.sqrt(5) - 1) / 2


def lbfgs(
    value_and_gradient: Callable[[Array], tuple[float, Array]],
    start: Array,
    *,
    iterations: int = 100,
    tolerance: float = 1e-5,
) -> Array:
    """Return the parameters where a smooth function is smallest, from `start`, by L-BFGS with backtracking.

    It ends where no partial derivative is above `tolerance`, or after so many iterations. Source: Nocedal and Wright,
    Numerical Optimization (2006), algorithms 7.4, 7.5 and 3.1.
    """
    x = start.copy()
    value, gradient = value_and_gradient(x)
    steps: deque[tuple[Array, Array]] = deque(maxlen=MEMORY)
    for _ in range(iterations):
        if np.abs(gradient).max(initial=0) <= tolerance:
            break
        direction = -_times_inverse_hessian(gradient, steps)
        length = 1.0 if steps else min(1.0, 1 / float(np.abs(gradient).sum()))
        slope = float(gradient @ direction)
        for _ in range(HALVINGS):
            there = x + length * direction
            new, new_gradient = value_and_gradient(there)
            if new <= value + SUFFICIENT * length * slope:
                break
            length /= 2
        else:
            break
        step, change = there - x, new_gradient - gradient
        if step @ change > 1e-10 * float(step @ step):
            steps.append((step, change))
        x, value, gradient = there, new, new_gradient
    return x


def _times_inverse_hessian(gradient: Array, steps: deque[tuple[Array, Array]]) -> Array:
    """Return the gradient times the inverse Hessian that the steps, and the gradient's changes over them, suggest."""
    product, shares = gradient.copy(), []
    for step, change in reversed(steps):
        share = (step @ product) / (step @ change)
        product -= share * change
        shares.append(share)
    if steps:
        step, change = steps[-1]
        product *= (step @ change) / (change @ change)
    for (step, change), share in zip(steps, reversed(shares), strict=True):
        product += (share - (change @ product) / (step @ change)) * step
    return product


def golden_section(value: Callable[[float], float], low: float, high: float, tolerance: float = 1e-4) -> float:
    """Return the place between two bounds where a function with one valley is smallest, to within `tolerance`.

    Source: Kiefer, "Sequential minimax search for a maximum", Proceedings of the AMS 4 (1953).
    """
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = value(left), value(right)
    while high - low > tolerance:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = value(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = value(right)
    return (low + high) / 2
