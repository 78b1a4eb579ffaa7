"""The compiled engine's functions, held against NumPy's in extended precision, in units in the last place."""

import ctypes
import math
import warnings

import numpy as np
import pytest

from plainnet.engines.compiled import mathematics
from plainnet.engines.compiled.assembly import Module, Value, number, vector, whole
from plainnet.engines.compiled.machine import Code

DTYPES = {"float": np.float32, "double": np.float64}
WIDER = {"float": np.float64, "double": np.longdouble}

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def computed(write, *arrays, lanes=8):
    """What the machine code of `write` gives for arrays of one dtype, `lanes` numbers at a time."""
    kind = next(kind for kind, dtype in DTYPES.items() if dtype == arrays[0].dtype)
    count = len(arrays[0])
    padded = [np.concatenate([x, np.ones(-count % lanes, x.dtype)]) for x in arrays]
    result = np.empty_like(padded[0])
    module = Module()
    pointers = [Value("ptr", f"%p{i}") for i in range(len(arrays) + 1)]
    f = module.function("run", [*pointers, Value("i64", "%n")], private=False)
    with f.loop(whole(0), Value("i64", "%n"), lanes) as loop:
        values = [f.load(vector(kind, lanes), f.place(p, kind, loop.index)) for p in pointers[:-1]]
        f.store(write(f, *values), f.place(pointers[-1], kind, loop.index))
    f.give()
    code = Code(str(module))
    run = code.function("run", None, *[ctypes.c_void_p] * len(pointers), ctypes.c_int64)
    run(*(x.ctypes.data for x in padded), result.ctypes.data, len(result))
    return result[:count]


def of(name, *arrays, lanes=8):
    table = mathematics.FUNCTIONS if len(arrays) == 1 else mathematics.BINARY
    return computed(table[name], *arrays, lanes=lanes)


def units(result, expected):
    """How many units in the last place the finite results are off; a result too small for a normal number may be 0."""
    info = np.finfo(result.dtype)
    nearest = expected.astype(result.dtype)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(nearest))
    compared = np.isfinite(nearest) & ((np.abs(expected) >= info.tiny) | (result != 0))
    np.testing.assert_array_equal(result[~np.isfinite(nearest)], nearest[~np.isfinite(nearest)])
    unit = np.maximum(np.spacing(np.abs(nearest[compared])), info.smallest_subnormal)
    return np.max(np.abs(result[compared] - expected[compared]) / unit, initial=0)


def numbers(dtype):
    """Numbers of every size, close to 0 and 1 and to the multiples of ln 2 / 2 and π / 2, and the special ones."""
    random = np.random.default_rng(0)
    info = np.finfo(dtype)
    size = 2.0 ** random.uniform(info.minexp - info.nmant, info.maxexp, 20_000)
    halves = np.arange(-2100, 2100) * math.log(2) / 2
    quarters = np.concatenate([np.arange(-2100, 2100), random.integers(-(2**20), 2**20, 20_000)]) * math.pi / 2
    steps = (1 + np.arange(-500, 500) * info.eps).astype(dtype)
    edges = [0.0, -0.0, math.inf, -math.inf, math.nan, info.max, info.min, info.tiny, info.smallest_subnormal]
    largest, least = (np.log(np.longdouble(edge)) for edge in (info.max, info.tiny))
    limits = [dtype(x) * steps for x in (largest, least, info.maxexp, info.minexp, 10, -20, -40)]
    parts = [
        *(random.uniform(-b, b, 40_000) for b in (1, 3, 20, 90, 750)), size, -size, halves, np.sqrt(2) * steps,
        np.sqrt(0.5) * steps, steps, -steps, quarters, *limits, edges, np.arange(-1200, 1200),
        2.0 ** np.arange(-140, 120),
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.concatenate([np.asarray(part).astype(dtype) for part in parts])


MOST = {"exp": 1, "exp2": 1.1, "expm1": 2, "log": 1, "log2": 2, "log10": 2, "log1p": 1.5, "tanh": 2.6}
MOST |= dict.fromkeys(TRIGONOMETRIC := ("sin", "cos"), 2)
"""The most units; those of the logarithms to 2 and 10 hold without fused multiplication and addition, too."""


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("name", MOST)
def test_units_in_the_last_place(name, kind):
    x = numbers(DTYPES[kind])
    if name in TRIGONOMETRIC:
        x = x[~((np.abs(x) > 2e6) & np.isfinite(x))]  # NumPy's own of large numbers differ from system to system
    result = of(name, x)
    assert units(result, getattr(np, name)(x.astype(WIDER[kind]))) <= MOST[name]


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("name", MOST)
@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_the_number_of_lanes_changes_nothing(lanes, name, kind):
    x = numbers(DTYPES[kind])[::37]
    np.testing.assert_array_equal(of(name, x, lanes=lanes), of(name, x, lanes=8))


OTHERS = sorted(set(mathematics.FUNCTIONS) - set(MOST))


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("name", OTHERS)
def test_the_other_functions_of_one_number(name, kind):
    x = numbers(DTYPES[kind])[::11]
    x = x[~(np.abs(x) > 1e6)]  # NumPy's own sin and cos of large numbers differ from system to system
    assert units(of(name, x, lanes=4), getattr(np, name)(x.astype(WIDER[kind]))) <= 4  # glibc: cbrt


def pairs(dtype):
    """Pairs of ordinary numbers, and each pair of the special ones."""
    random = np.random.default_rng(1)
    special = np.array([0.0, -0.0, 0.5, 1, -1, 2, -2.5, 3, 100, math.inf, -math.inf, math.nan])
    both = np.stack(np.meshgrid(special, special)).reshape(2, -1)
    first, second = (np.concatenate([random.normal(0, 3, 5000), both[i]]).astype(dtype) for i in (0, 1))
    return first, second


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("name", sorted(mathematics.BINARY))
def test_functions_of_two_numbers(name, kind):
    a, b = pairs(DTYPES[kind])
    exact = name in ("remainder", "fmod", "floor_divide", "copysign", "heaviside")
    wide = DTYPES[kind] if exact else WIDER[kind]
    expected = getattr(np, name)(a.astype(wide), b.astype(wide))
    off = np.abs(of(name, a, b).astype(wide) - expected)
    if name.startswith("logaddexp"):  # a sum near 0 of larger terms
        finite = np.isfinite(expected)
        assert np.all(off[finite] <= 4 * np.finfo(DTYPES[kind]).eps * np.maximum(np.abs(expected[finite]), 1))
        np.testing.assert_array_equal(of(name, a, b)[~finite], expected[~finite])
    else:
        assert units(of(name, a, b), expected) <= (0 if exact else 2)


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("exponent", [-4, -2, -1, 0, 1, 2, 3, 4, 0.5, 5, 2.5])
def test_constant_exponents(exponent, kind):
    x = numbers(DTYPES[kind])[::11]
    x = x[~((x <= 0) & (exponent == 0.5))]  # the square root of -infinity is NaN; NumPy's power says infinity
    expected = np.power(x.astype(WIDER[kind]), exponent)
    fits = (np.abs(expected) > np.finfo(x.dtype).tiny * 4) & (np.abs(expected) < np.finfo(x.dtype).max / 4)
    x, expected = x[fits], expected[fits]
    result = computed(lambda f, x: mathematics.power(f, x, number(x.type, exponent)), x)
    assert units(result, expected) <= 3.5


@pytest.mark.parametrize("name", ["tanh", "expm1", "log1p"])
def test_the_least_numbers_of_float_are_kept(name):
    x = np.array([1e-37, -1e-37, 1e-30, -1e-30, 1e-8, -1e-8], np.float32)
    np.testing.assert_array_equal(of(name, x), x)
