"""The gradient checker: a gradient against differences of the function (see `plainnet.gradients.differences`).

A gradient that fails is compared once more as it would be without each of the usual mistakes, and a mistake is named
where it accounts for all of the difference: see `plainnet.gradients.diagnosis` and `plainnet.gradients.mistakes`.

>>> from plainnet.gradients import check
>>> report = check(lambda w: (w**3).sum(), lambda w: 3 * w**2, [1.0, -2.0])
>>> report.passed, report.verdict
(True, 'passed (tolerance 1e-06)')
"""

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidType, InvalidValue
from plainnet.gradients import differences
from plainnet.gradients.diagnosis import Sizes, diagnose, named_candidate, named_mistakes
from plainnet.gradients.differences import Function

if TYPE_CHECKING:
    from plainnet.network import Network

__all__ = ["ArrayCheck", "GradientReport", "check", "check_by_hand", "check_gradients"]

TOLERANCE = 1e-6


@dataclass(frozen=True, repr=False)
class ArrayCheck:
    """An array check is one array's gradient against central differences.

    `name` says which array, `gradient` is what was checked, `numerical` are the differences; both have its shape.
    """

    name: str
    gradient: Array
    numerical: Array
    errors: Array
    """The relative error of each entry; NaN at a kink, where a number between two slopes is neither right nor wrong."""
    diagnosis: str | None = None
    """The usual mistake that accounts for all of the difference, if there is one."""

    @property
    def kinks(self) -> Array:
        """Mark the entries at a kink, such as relu's at 0; the others decide."""
        return np.isnan(self.errors)

    @property
    def is_decided(self) -> bool:
        """Tell whether any entry does not lie at a kink."""
        return not self.kinks.all()

    @property
    def worst(self) -> tuple[int, ...]:
        """The index of the entry with the largest relative error."""
        errors = np.where(self.kinks, -1.0, self.errors)
        return tuple(int(i) for i in np.unravel_index(int(errors.argmax()), errors.shape))

    @property
    def relative_error(self) -> float:
        """The largest over the entries that do not lie at a kink; 0 where all do."""
        return float(self.errors[self.worst]) if self.is_decided else 0.0

    def __repr__(self) -> str:
        return f"ArrayCheck({self.name!r}, shape {self.gradient.shape}, relative error {self.relative_error:.2g})"


@dataclass(frozen=True, repr=False)
class GradientReport:
    """A gradient report is the check of all arrays; it prints as a table with a verdict.

    `arrays` are the single checks, `tolerance` the largest relative error that passes.
    """

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
    def kinks(self) -> int:
        """Count the entries at a kink of the function, which were left out."""
        return sum(int(array.kinks.sum()) for array in self.arrays)

    @property
    def undecided(self) -> list[str]:
        """The names of the arrays every entry of which lies at a kink."""
        return [array.name for array in self.arrays if not array.is_decided]

    @property
    def passed(self) -> bool:
        """Tell whether every relative error is below the tolerance, with an entry of each array to decide."""
        return self.relative_error < self.tolerance and not self.undecided

    @property
    def verdict(self) -> str:
        """The outcome in words: passed, failed and where, or undecided and why."""
        if self.relative_error >= self.tolerance:
            return f"FAILED at {self.worst.name} (tolerance {self.tolerance:g})"
        if self.undecided:
            return (
                f"UNDECIDED: every entry of {', '.join(self.undecided)} lies at a kink, where there is no derivative; "
                "check at other parameters or on other rows"
            )
        return f"passed (tolerance {self.tolerance:g})"

    def __str__(self) -> str:
        width = max(len("array"), *(len(array.name) for array in self.arrays))
        lines = [f"{'array':<{width}}  {'shape':>10}  {'relative error':>14}  largest at"]
        for array in self.arrays:
            shape = "×".join(map(str, array.gradient.shape)) or "1"
            if not array.is_decided:
                lines.append(f"{array.name:<{width}}  {shape:>10}  {'-':>14}  every entry lies at a kink")
                continue
            place = f"[{', '.join(map(str, array.worst))}]"
            numbers = f"gradient {array.gradient[array.worst]:.6g}, numerical {array.numerical[array.worst]:.6g}"
            lines.append(f"{array.name:<{width}}  {shape:>10}  {array.relative_error:>14.2g}  {place}: {numbers}")
        entries = "1 entry" if self.kinks == 1 else f"{self.kinks} entries"
        left_out = [f"{entries} at a kink, such as relu's at 0, left out"] if self.kinks else []
        named = [f"{array.name}: {array.diagnosis}" for array in self.arrays if array.diagnosis]
        causes = [textwrap.fill(line, 100, subsequent_indent="    ") for line in named]
        return "\n".join([*lines, *left_out, self.verdict, *causes])

    __repr__ = __str__


def check(
    function: Function,
    gradient: Callable[[Array], Any],
    at: Any,
    *,
    name: str = "gradient",
    examples: int | None = None,
    candidates: Mapping[str, Any] | None = None,
    tolerance: float = TOLERANCE,
) -> GradientReport:
    """Return a hand-written `gradient` held against central differences of the scalar `function` at the point `at`.

    A failure is diagnosed where it can be. `examples`, over how many the function takes its mean, lets a factor of
    that number be read. `candidates` are arrays by name, each the gradient with one thing mended: the one that
    agrees, or agrees but for a constant factor, is named. `name` is what the report calls the gradient, `tolerance` the
    largest relative error that passes. Raises InvalidValue where the gradient does not have the shape of the point.

    >>> check(lambda w: (w ** 2).sum(), lambda w: 2 * w, [1.0, -3.0]).passed
    True
    >>> print(check(lambda w: (w ** 2).sum(), lambda w: w, [-3.0]))
    array          shape  relative error  largest at
    gradient           1             0.5  [0]: gradient -3, numerical -6
    FAILED at gradient (tolerance 1e-06)
    gradient: it is 0.5 times the true gradient (the 2 of a square's derivative is left out)
    """
    point = checks.numeric_array("at", at, np.dtype(np.float64))
    checks.finite("at", point)
    if point.size == 0:
        raise InvalidValue("at is empty; it takes the point to check the gradient at")
    analytic = checks.numeric_array("what gradient returns", gradient(point.copy()), np.dtype(np.float64))
    if analytic.shape != point.shape:
        transposed = "; it has the shape of the transpose" if analytic.T.shape == point.shape else ""
        raise InvalidValue(
            f"gradient returns shape {analytic.shape} at a point of shape {point.shape}; they must agree{transposed}"
        )
    sizes = {} if examples is None else {"examples": checks.whole_number("examples", examples, least=1)}
    given = [(text, _shaped(text, array, point.shape)) for text, array in (candidates or {}).items()]
    floor = 1e-5 * abs(float(function(point.copy())))
    return GradientReport([_checked_array(name, function, point, analytic, floor, tolerance, sizes, given)], tolerance)


def check_gradients(
    net: "Network",
    X: Any,
    y: Any,
    *,
    loss: Any = None,
    sample_weight: Any = None,
    training: bool = True,
    dropout_seed: int = 0,
    tolerance: float = TOLERANCE,
) -> GradientReport:
    """Return every parameter's gradient held against central differences, in float64 on a copy of `net`.

    Entries at a kink of the loss, such as relu's or an L1 penalty's at 0, have no derivative: they are left out and
    counted in `kinks`. Where a whole array lies at kinks, the report is undecided, and not passed.

    Arguments:
        X, y, loss, sample_weight: as `net.loss_and_gradient` takes them; a few examples are enough.
        training: False checks the network as it predicts (BatchNorm with running statistics, no Dropout).
        dropout_seed: decides the dropout masks, the same for each difference.
        tolerance: the largest relative error of a gradient that passes.

    Raises InvalidValue or InvalidType for arguments that do not fit, or where the network has no parameters.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.xor()
    >>> net = pn.Network(pn.Dense(4, "tanh"), pn.Dense(1, "sigmoid"), input_size=3, seed=1)
    >>> report = pn.check_gradients(net, X, y, loss="mse")
    >>> report.passed, report.relative_error < 1e-6, [array.name for array in report.arrays]
    (True, True, ['layers[0].weights', 'layers[0].bias', 'layers[1].weights', 'layers[1].bias'])
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
    gradient = twin.loss_and_gradient(X, y, **options)[1]
    return _checked_network(twin, X, y, gradient, options, tolerance)


def check_by_hand(
    net: "Network",
    X: Any,
    y: Any,
    gradient: Any,
    *,
    loss: Any = None,
    tolerance: float = TOLERANCE,
) -> GradientReport:
    """Return a `gradient` of other code held against `net`, which has the same layers and the same weights.

    `gradient` has an array for each of `net.parameter_names()`, in that order or by name. Nothing of plainnet's own
    gradient enters the verdict: the truth is central differences of the loss. For Dense networks a failure is also
    diagnosed by the mistakes of `plainnet.gradients.mistakes`, alone and together. X, y and `loss` are as for
    `net.loss_and_gradient`; `tolerance` is the largest relative error that passes. Raises InvalidValue where an array
    does not have the shape of its parameter.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.xor()
    >>> net = pn.Network(pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
    >>> a = net.predict(X)
    >>> delta = 2 / len(X) * (a - y) * a * (1 - a)
    >>> check_by_hand(net, X, y, [X.T @ delta, delta.sum(axis=0)], loss="mse").passed
    True
    >>> delta = 2 / len(X) * (a - y)
    >>> print(check_by_hand(net, X, y, [X.T @ delta, delta.sum(axis=0)], loss="mse").arrays[1].diagnosis)
    f'(z) is left out in the output layer
    """
    from plainnet.gradients.mistakes import mistaken_gradients  # it stands above: it knows networks

    twin = net.copy(dtype="float64")
    if not twin.is_built:
        raise InvalidValue("the network has no parameters yet; give it an input_size and the weights of your code")
    analytic = _by_hand(twin, gradient)
    mistaken = list(mistaken_gradients(twin, X, y, loss))
    return _checked_network(twin, X, y, analytic, {"loss": loss}, tolerance, mistaken)


def _by_hand(net: "Network", gradient: Any) -> Array:
    """Return the user's arrays as one vector, each checked against the shape of its parameter."""
    names = net.parameter_names()
    if isinstance(gradient, Mapping):
        if set(gradient) != set(names):
            raise InvalidValue(f"gradient has the arrays {', '.join(map(str, gradient))}; it takes {', '.join(names)}")
        gradient = [gradient[name] for name in names]
    if not isinstance(gradient, Sequence):
        raise InvalidType(f"gradient is {type(gradient).__name__}; it takes a list or dict of {', '.join(names)}")
    if len(gradient) != len(names):
        raise InvalidValue(f"gradient has {len(gradient)} arrays; it takes {len(names)}: {', '.join(names)}")
    vector = np.zeros_like(net.parameters)
    for (name, part, own), given in zip(_named_parts(net, vector), gradient, strict=True):
        vector[part] = _shaped(f"the gradient of {name}", given, own.shape).ravel()
    return vector


def _shaped(name: str, values: Any, shape: tuple[int, ...]) -> Array:
    """`values` in `shape`; an axis of length one more, as of a bias kept as a row, makes no difference."""
    array = checks.numeric_array(name, values, np.dtype(np.float64))
    if array.shape != shape and np.squeeze(array).shape != tuple(n for n in shape if n > 1):
        transposed = "; take its transpose" if array.T.shape == shape else ""
        raise InvalidValue(f"{name} has shape {array.shape}; it takes {shape}{transposed}")
    return array.reshape(shape)


Mistaken = tuple[list[str], list[Array]]
"""Mistakes in words, and the gradient of every array under them."""


def _checked_network(
    twin: "Network",
    X: Any,
    y: Any,
    gradient: Array,
    options: Mapping[str, Any],
    tolerance: float,
    mistaken: Sequence[Mistaken] = (),
) -> GradientReport:
    """Every part of `gradient` against central differences of the loss of `twin`, which is in float64."""

    def loss_at(parameters: Array) -> float:
        twin.parameters = parameters
        return twin.loss_and_gradient(X, y, **options)[0]

    start = twin.parameters.copy()
    floor = 1e-5 * abs(loss_at(start))
    sizes = {"examples": len(X), "outputs": twin.output_size or 1}
    checked = []
    for i, (name, part, analytic) in enumerate(_named_parts(twin, gradient)):
        function = _of_part(loss_at, start, part)
        at = start[part].reshape(analytic.shape)
        own = [(causes, arrays[i]) for causes, arrays in mistaken]
        checked.append(_checked_array(name, function, at, analytic, floor, tolerance, sizes, mistaken=own))
    return GradientReport(checked, tolerance)


def _named_parts(net: "Network", gradient: Array) -> list[tuple[str, slice, Array]]:
    """Return the name, the place in the vector and the gradient of each parameter array."""
    arrays = [array for layer in net.parameter_views(gradient) for array in layer.values()]
    ends = np.cumsum([array.size for array in arrays]).tolist()
    parts = [slice(end - array.size, end) for array, end in zip(arrays, ends, strict=True)]
    return list(zip(net.parameter_names(), parts, arrays, strict=True))


def _of_part(function: Function, whole: Array, part: slice) -> Function:
    """`function` of the whole vector as a function of a part of it, the rest as in `whole`."""

    def of_part(values: Array) -> float:
        vector = whole.copy()
        vector[part] = values.ravel()
        return function(vector)

    return of_part


def _checked_array(
    name: str,
    function: Function,
    at: Array,
    gradient: Array,
    floor: float,
    tolerance: float,
    sizes: Sizes,
    candidates: Iterable[tuple[str, Array]] = (),
    mistaken: Iterable[tuple[list[str], Array]] = (),
) -> ArrayCheck:
    numerical, errors = differences.compare(function, at, gradient, floor, tolerance)
    checked = ArrayCheck(name, gradient, numerical, errors)
    if checked.relative_error < tolerance or not np.isfinite(gradient).all():
        return checked
    refined = differences.refined(function, at)

    def agrees(mended: Array) -> bool:
        pairs = (differences.relative_errors(mended, truth, floor) for truth in (numerical, refined))
        return bool((np.minimum(*pairs) < tolerance)[~checked.kinks].all())

    diagnosis = (
        named_candidate(refined, agrees, candidates, sizes)
        or diagnose(gradient, refined, agrees, at, sizes)
        or named_mistakes(gradient, mistaken, sizes, tolerance)
    )
    return replace(checked, diagnosis=diagnosis)
