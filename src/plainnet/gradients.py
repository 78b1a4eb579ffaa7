"""The gradient checker: a gradient against central differences.

    ∂f/∂θ_i ≈ (f(θ + h e_i) - f(θ - h e_i)) / 2h        with an error of order h²

h = ε^(1/3) · max(1, |θ_i|), ε the rounding of float64, balances that error against rounding. A gradient a and its
numerical value n are compared by |a - n| / max(|a|, |n|, s), where s is the larger of a thousandth of the largest
entry of their array and 1e-5 · |f|: below that, differences say more about the rounding of f than about its slope.

Where the two disagree, which near a minimum can be the fault of the differences, the entry is taken once more with
both h and 2h, which leaves an error of order h⁴ (Richardson 1911), at h = 3e-4 · max(1, |θ_i|):

    ∂f/∂θ_i ≈ (8 (f(θ + h e_i) - f(θ - h e_i)) - (f(θ + 2h e_i) - f(θ - 2h e_i))) / 12h
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import checks
from plainnet.arrays import Array
from plainnet.errors import InvalidValue

if TYPE_CHECKING:
    from plainnet.network import Network

Function = Callable[[Array], float]

TOLERANCE = 1e-6


@dataclass(frozen=True)
class ArrayCheck:
    """One array's gradient against central differences."""

    name: str
    gradient: Array
    numerical: Array
    errors: Array
    """The relative error of each entry."""

    @property
    def worst(self) -> tuple[int, ...]:
        """The index of the entry with the largest relative error."""
        return tuple(int(i) for i in np.unravel_index(int(self.errors.argmax()), self.errors.shape))

    @property
    def relative_error(self) -> float:
        """The largest over the entries."""
        return float(self.errors[self.worst])


@dataclass(frozen=True)
class GradientReport:
    """The check of all arrays; prints as a table with a verdict."""

    arrays: Sequence[ArrayCheck]
    tolerance: float = TOLERANCE

    @property
    def worst(self) -> ArrayCheck:
        """The array with the largest relative error."""
        return max(self.arrays, key=lambda array: array.relative_error)

    @property
    def relative_error(self) -> float:
        """The largest over all arrays."""
        return self.worst.relative_error

    @property
    def passed(self) -> bool:
        """Whether every relative error is below the tolerance."""
        return self.relative_error < self.tolerance

    def __str__(self) -> str:
        width = max(len("array"), *(len(array.name) for array in self.arrays))
        lines = [f"{'array':<{width}}  {'shape':>10}  {'relative error':>14}  largest at"]
        for array in self.arrays:
            shape = "×".join(map(str, array.gradient.shape)) or "1"
            place = f"[{', '.join(map(str, array.worst))}]"
            numbers = f"gradient {array.gradient[array.worst]:.6g}, numerical {array.numerical[array.worst]:.6g}"
            lines.append(f"{array.name:<{width}}  {shape:>10}  {array.relative_error:>14.2g}  {place}: {numbers}")
        verdict = "passed" if self.passed else f"FAILED at {self.worst.name}"
        return "\n".join([*lines, f"{verdict} (tolerance {self.tolerance:g})"])


def check(
    function: Function,
    gradient: Callable[[Array], Any],
    at: Any,
    *,
    name: str = "gradient",
    tolerance: float = TOLERANCE,
) -> GradientReport:
    """Hold a hand-written `gradient` against central differences of the scalar `function` at the point `at`.

    >>> check(lambda w: (w ** 2).sum(), lambda w: 2 * w, [1.0, -3.0]).passed
    True
    >>> print(check(lambda w: (w ** 2).sum(), lambda w: w, [1.0, -3.0]))
    array          shape  relative error  largest at
    gradient           2             0.5  [1]: gradient -3, numerical -6
    FAILED at gradient (tolerance 1e-06)
    """
    point = checks.numeric_array("at", at, np.dtype(np.float64))
    checks.finite("at", point)
    if point.size == 0:
        raise InvalidValue("at is empty; it takes the point to check the gradient at")
    analytic = np.asarray(gradient(point.copy()), dtype=np.float64)
    if analytic.shape != point.shape:
        raise InvalidValue(
            f"gradient returns shape {analytic.shape} at a point of shape {point.shape}; they must agree"
        )
    floor = 1e-5 * abs(float(function(point.copy())))
    numerical = _numerical_gradient(function, point, analytic, floor, tolerance)
    return GradientReport([_checked_array(name, analytic, numerical, floor)], tolerance)


def check_gradients(
    net: "Network",
    X: Any,
    y: Any,
    *,
    loss: Any,
    sample_weight: Any = None,
    training: bool = True,
    dropout_seed: int = 0,
    tolerance: float = TOLERANCE,
) -> GradientReport:
    """Hold every parameter's gradient against central differences, in float64 on a copy of `net`.

    `training=False` checks the network as it predicts (BatchNorm with running statistics, no Dropout). At a kink,
    such as relu's at 0, there is no derivative and the two may differ.
    """
    twin = net.copy(dtype="float64")
    if not twin.is_built:
        twin.build(checks.examples("X", X, twin.dtype).shape[1])
    if twin.parameters.size == 0:
        raise InvalidValue("the network has no parameters, so there is no gradient to check")
    options = {
        "loss": loss,
        "sample_weight": sample_weight,
        "training": training,
        "dropout_seed": dropout_seed,
    }

    def loss_at(parameters: Array) -> float:
        twin.parameters = parameters
        return twin.loss_and_gradient(X, y, **options)[0]

    start = twin.parameters.copy()
    value, gradient = twin.loss_and_gradient(X, y, **options)
    floor = 1e-5 * abs(value)
    checked = []
    for name, part, analytic in _named_parts(twin, gradient):
        numerical = _numerical_gradient(_of_part(loss_at, start, part), start[part], analytic.ravel(), floor, tolerance)
        checked.append(_checked_array(name, analytic, numerical.reshape(analytic.shape), floor))
    return GradientReport(checked, tolerance)


def _named_parts(net: "Network", gradient: Array) -> list[tuple[str, slice, Array]]:
    """The name, the place in the vector and the gradient of each parameter array."""
    arrays = [array for layer in net.parameter_views(gradient) for array in layer.values()]
    ends = np.cumsum([array.size for array in arrays]).tolist()
    parts = [slice(end - array.size, end) for array, end in zip(arrays, ends, strict=True)]
    return list(zip(net.parameter_names(), parts, arrays, strict=True))


def _of_part(function: Function, whole: Array, part: slice) -> Function:
    """`function` of the whole vector as a function of a part of it, the rest as in `whole`."""

    def of_part(values: Array) -> float:
        vector = whole.copy()
        vector[part] = values
        return function(vector)

    return of_part


def _numerical_gradient(function: Function, at: Array, gradient: Array, floor: float, tolerance: float) -> Array:
    """Central differences; an entry that disagrees with `gradient` is refined, and kept where that agrees better."""
    theta: Array = at.astype(np.float64)
    numerical = np.empty_like(theta)
    for i in np.ndindex(theta.shape):
        h = float(np.finfo(np.float64).eps) ** (1 / 3) * max(1.0, abs(float(theta[i])))
        numerical[i] = _difference(function, theta, i, h) / (2 * h)
    for place in np.argwhere(_relative_errors(gradient, numerical, floor) >= tolerance):
        i = tuple(int(axis) for axis in place)
        h = 3e-4 * max(1.0, abs(float(theta[i])))
        refined = (8 * _difference(function, theta, i, h) - _difference(function, theta, i, 2 * h)) / (12 * h)
        if abs(refined - gradient[i]) < abs(numerical[i] - gradient[i]):
            numerical[i] = refined
    return numerical


def _difference(function: Function, theta: Array, i: tuple[int, ...], h: float) -> float:
    """f(θ + h e_i) - f(θ - h e_i); `theta` is as before afterwards."""
    centre = theta[i]
    theta[i] = centre + h
    above = float(function(theta))
    theta[i] = centre - h
    below = float(function(theta))
    theta[i] = centre
    return above - below


def _relative_errors(gradient: Array, numerical: Array, floor: float) -> Array:
    magnitude = np.maximum(np.abs(gradient), np.abs(numerical))
    floor = max(floor, 1e-3 * float(magnitude.max(initial=0.0)), float(np.finfo(np.float64).tiny))
    errors = np.abs(gradient - numerical) / np.maximum(magnitude, floor)
    return np.where(np.isfinite(errors), errors, np.inf)


def _checked_array(name: str, gradient: Array, numerical: Array, floor: float) -> ArrayCheck:
    return ArrayCheck(name, gradient, numerical, _relative_errors(gradient, numerical, floor))
