"""The compiled engine's own e^x, e^x - 1 and tanh, held against NumPy's in extended precision."""

import math

import numba
import numpy as np
import pytest

from plainnet.engines.compiled.kernels import exponential
from plainnet.engines.compiled.kernels.compiling import OPTIONS

kernel = numba.njit(fastmath=OPTIONS["fastmath"])  # a caller may reorder, and these must not


@kernel
def exps(x, result):
    for i in range(len(x)):
        result[i] = exponential.exp(x[i])


@kernel
def expm1s(x, result):
    for i in range(len(x)):
        result[i] = exponential.expm1(x[i])


@kernel
def tanhs(x, result):
    for i in range(len(x)):
        result[i] = exponential.tanh(x[i])


def of(function, values, dtype):
    x = np.array(values, dtype)
    result = np.empty_like(x)
    function(x, result)
    return x, result


def spread(lowest, highest):
    """Numbers all over the range, near 0, and near the multiples of ln 2 / 2, where the reduced argument is largest."""
    random = np.random.default_rng(0)
    small = 10.0 ** random.uniform(-300, 0, 5000)
    halves = np.arange(-2100, 2100) * math.log(2) / 2
    numbers = np.concatenate(
        [random.uniform(lowest, highest, 50_000), random.uniform(-2, 2, 50_000), small, -small, halves]
    )
    return numbers[(numbers >= lowest) & (numbers <= highest)]


CASES = [(exps, np.exp, -708, 709, 1.5), (expm1s, np.expm1, -1000, 0, 1.5), (tanhs, np.tanh, -400, 400, 3)]


@pytest.mark.parametrize(("function", "true", "lowest", "highest", "units"), CASES, ids=["exp", "expm1", "tanh"])
def test_to_a_few_units_in_the_last_place(function, true, lowest, highest, units):
    x, result = of(function, spread(lowest, highest), np.float64)
    expected = true(x.astype(np.longdouble))
    assert np.max(np.abs(result - expected) / np.spacing(np.abs(expected).astype(np.float64))) <= units


@pytest.mark.parametrize(("function", "true", "lowest", "highest", "units"), CASES, ids=["exp", "expm1", "tanh"])
def test_float32_to_one_unit_in_the_last_place(function, true, lowest, highest, units):
    x, result = of(function, spread(max(lowest, -87), min(highest, 88)), np.float32)
    expected = true(x.astype(np.float64))
    assert np.max(np.abs(result - expected) / np.spacing(np.abs(expected).astype(np.float32))) <= 1


SPECIAL = [
    (exps, [0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 709.9, -745.0, -800.0],
     [1, 1, math.inf, 0, math.nan, math.inf, 0, math.inf, 0, 0]),
    (expm1s, [0.0, -0.0, -math.inf, math.nan, -1e308, -5e-324, -1e-300], [0, 0, -1, math.nan, -1, -5e-324, -1e-300]),
    (tanhs, [0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 1e-300, -1e-300],
     [0, -0.0, 1, -1, math.nan, 1, -1, 1e-300, -1e-300]),
]  # fmt: skip


@pytest.mark.parametrize(("function", "values", "expected"), SPECIAL, ids=["exp", "expm1", "tanh"])
def test_special_values(function, values, expected):
    _, result = of(function, values, np.float64)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("function", [exps, expm1s, tanhs], ids=["exp", "expm1", "tanh"])
def test_special_values_in_float32(function):
    _, result = of(function, [0.0, -math.inf, math.nan, -1e38], np.float32)
    names = {exps: [1, 0, math.nan, 0], expm1s: [0, -1, math.nan, -1], tanhs: [0, -1, math.nan, -1]}
    np.testing.assert_array_equal(result, np.array(names[function], np.float32))
