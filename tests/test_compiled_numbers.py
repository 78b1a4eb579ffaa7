"""The functions of machine code, held against NumPy's in extended precision: a user's optimizer computes them."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import plainnet as pn
from plainnet import adapters, engines
from plainnet.engines import Job


class Computing(pn.optimizers.Optimizer):
    """Leaves the network alone and puts function(x) into its memory, at each step."""

    def __init__(self, function: Callable[..., Any], *arrays: np.ndarray) -> None:
        super().__init__(0.1, 0.0, None)
        self.function, self.arrays = function, arrays

    def start(self, parameters):
        given = {f"x{i}": array.copy() for i, array in enumerate(self.arrays)}
        return {**given, "result": np.zeros_like(self.arrays[0])}

    def update(self, parameters, gradient, state, learning_rate, t):
        state["result"][...] = self.function(*(state[f"x{i}"] for i in range(len(self.arrays))))


def of(function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    """Return function(*arrays) as machine code gives it."""
    net = pn.Network(pn.Dense(1), input_size=1, seed=1, dtype=arrays[0].dtype)
    data = np.ones((1, 1), arrays[0].dtype)
    job = Job(net, adapters.loss_of("mse"), Computing(function, *arrays), data, data, None, None, False, 1)
    choice = engines.choose("compiled", job, 1)
    assert choice.engine == "compiled", choice.note
    engines.make(choice, job).run(1)
    return job.optimizer_state["result"]


def spread(lowest: float, highest: float, dtype: str = "float64") -> np.ndarray:
    """Numbers all over the range, near 0, and near the multiples of ln 2 / 2, where the reduced argument is largest."""
    random = np.random.default_rng(0)
    small = 10.0 ** random.uniform(-300 if dtype == "float64" else -37, 0, 5000)
    halves = np.arange(-2100, 2100) * math.log(2) / 2
    numbers = np.concatenate(
        [random.uniform(lowest, highest, 50_000), random.uniform(-2, 2, 50_000), small, -small, halves]
    )
    return numbers[(numbers >= lowest) & (numbers <= highest)].astype(dtype)


FUNCTIONS = {
    "exp": (np.exp, -708, 709, 1.5),
    "expm1": (np.expm1, -1000, 0, 2),
    "expm1 above 0": (np.expm1, 0, 709, 2),
    "tanh": (np.tanh, -400, 400, 3),
    "log": (np.log, 1e-300, 1e300, 2),
    "log near 1": (np.log, 0.5, 2, 2),
    "log1p": (np.log1p, -0.999, 1e6, 3),
    "sqrt": (np.sqrt, 0, 1e300, 0.51),
    "reciprocal": (np.reciprocal, 1e-100, 1e100, 0.51),
    "square": (np.square, -1e100, 1e100, 0.51),
    "sin": (np.sin, -100, 100, 4),
    "cos": (np.cos, -100, 100, 4),
    "arctan": (np.arctan, -1e6, 1e6, 4),
    "sinh": (np.sinh, -700, 700, 4),
    "cosh": (np.cosh, -700, 700, 4),
}
"""Each with the range of its arguments, and the units in the last place that it may miss by in float64."""


def largest_error(result: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest error in units in the last place."""
    units = np.spacing(np.maximum(np.abs(expected).astype(result.dtype), np.finfo(result.dtype).tiny))
    return float(np.max(np.abs(result - expected) / units))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_to_a_few_units_in_the_last_place(name: str) -> None:
    function, lowest, highest, units = FUNCTIONS[name]
    x = spread(lowest, highest)
    assert largest_error(of(function, x), function(x.astype(np.longdouble))) <= units


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32_to_a_few_units_in_the_last_place(name: str) -> None:
    function, lowest, highest, units = FUNCTIONS[name]
    far = {"exp": 88, "cosh": 88, "sinh": 88, "expm1 above 0": 88, "square": 1e18, "log": 1e38, "sqrt": 1e38}
    x = spread(
        max(lowest, -87 if name == "exp" else -far.get(name, 1e30)), min(highest, far.get(name, 1e30)), "float32"
    )
    assert largest_error(of(function, x), function(x.astype(np.float64))) <= max(1, units)


SPECIAL: dict[str, tuple[Callable[..., Any], list[float], list[float]]] = {
    "exp": (np.exp, [0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 709.9, -745.2, -800.0],
            [1, 1, math.inf, 0, math.nan, math.inf, 0, math.inf, 0, 0]),
    "expm1": (np.expm1, [0.0, -0.0, -math.inf, math.nan, -1e308, -5e-324, -1e-300, math.inf],
              [0, -0.0, -1, math.nan, -1, -5e-324, -1e-300, math.inf]),
    "tanh": (np.tanh, [0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 1e-300, -1e-300],
             [0, -0.0, 1, -1, math.nan, 1, -1, 1e-300, -1e-300]),
    "log": (np.log, [1.0, 0.0, -1.0, math.inf, math.nan, 5e-324], [0, -math.inf, math.nan, math.inf, math.nan,
                                                                  -744.4400719213812]),
    "log1p": (np.log1p, [0.0, -0.0, -1.0, -2.0, math.inf, math.nan, 1e-300], [0, -0.0, -math.inf, math.nan, math.inf,
                                                                             math.nan, 1e-300]),
    "sqrt": (np.sqrt, [0.0, 4.0, -1.0, math.inf, math.nan], [0, 2, math.nan, math.inf, math.nan]),
    "sign": (np.sign, [0.0, -0.0, 3.0, -3.0, math.inf, -math.inf, math.nan], [0, 0, 1, -1, 1, -1, math.nan]),
    "abs": (np.abs, [0.0, -0.0, -3.0, -math.inf, math.nan], [0, 0, 3, math.inf, math.nan]),
    "floor": (np.floor, [0.5, -0.5, -0.0, 1e300, math.inf, math.nan], [0, -1, -0.0, 1e300, math.inf, math.nan]),
}  # fmt: skip
"""NaN goes through, and so do infinities: a run that diverges has to be seen to."""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name: str, dtype: str) -> None:
    function, values, expected = SPECIAL[name]
    limit = float(np.finfo(dtype).max)
    kept = [i for i, value in enumerate(values) if not 0 < abs(value) < float(np.finfo(dtype).tiny)]
    kept = [i for i in kept if abs(values[i]) <= limit or not math.isfinite(values[i])]
    kept = kept if dtype == "float64" else [i for i in kept if values[i] not in (-745.2,)]
    result = of(function, np.array([values[i] for i in kept], dtype))
    wanted = np.array([expected[i] for i in kept], dtype)
    np.testing.assert_allclose(result, wanted, rtol=1e-6 if dtype == "float32" else 1e-15)


NUMBERS = [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 1e30, -1e30, math.inf, -math.inf, math.nan]
PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "where": lambda a, b: np.where(a > b, a, b),
    "where not": lambda a, b: np.where(a != b, a, 7.0),
    "at least": lambda a, b: (a >= b).astype(a.dtype) + 2 * (a <= b) + 4 * (a == b) + 8 * (a < b),
    "clip": lambda a, b: np.clip(a, -2.0, b),
    "logic": lambda a, b: ((a > 0) & (b > 0) | ~(a < b)).astype(a.dtype),
    "finite": lambda a, b: np.where(np.isfinite(a), b, 0.0) + np.where(np.isnan(b), 1.0, a),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_numbers_with_nan_and_infinity(name: str, dtype: str) -> None:
    """Each with each, as NumPy has it, to the last bit but for the sign of 0 and what kind of NaN it is."""
    a, b = (grid.ravel().astype(dtype) for grid in np.meshgrid(NUMBERS, NUMBERS))
    with np.errstate(all="ignore"):
        expected = PAIRS[name](a, b)
    np.testing.assert_array_equal(of(PAIRS[name], a, b), expected)


@pytest.mark.parametrize("exponent", [2, 3, 4, -1, -2, 0.5, 1.5, 0, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_powers(exponent: float, dtype: str) -> None:
    x = np.random.default_rng(0).uniform(0.01, 100, 1000).astype(dtype)
    expected = x.astype(np.longdouble) ** exponent
    assert largest_error(of(lambda x: x**exponent, x), expected) <= 4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [1, 7, 8, 17, 1000, 100_003])
def test_a_sum_of_many_numbers(count: int, dtype: str) -> None:
    """About as exact as NumPy's, which adds in pairs; one after the other, float32 loses three of its seven digits."""
    x = np.random.default_rng(count).uniform(0.5, 1.5, count).astype(dtype)
    exact = math.fsum(x.tolist())
    result = of(lambda x: x.sum() + 0 * x, x)
    np.testing.assert_allclose(result, exact, rtol=16 * np.finfo(dtype).eps)
