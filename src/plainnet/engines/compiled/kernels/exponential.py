"""e^x in plain arithmetic, so that a loop over it becomes vector instructions; a call of the C library would not.

With k the whole number nearest to x / ln 2 and r = x - k ln 2, so |r| ≤ ln 2 / 2:

    e^x = 2^k e^r        e^r - 1 = r + r²/2! + r³/3! + ...        x - k ln 2 in two parts, as ln 2 has more digits

(Cody & Waite 1980). Both results are right to about a unit in the last place, and tanh to two and a half; a result
below the smallest normal number is 0. float32 is computed in float64.
"""

import math

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from plainnet.engines.compiled.kernels.compiling import njit

LN2_HIGH = float.fromhex("0x1.62e42feep-1")
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
PER_LN2 = 1 / math.log(2)
LOWEST, HIGHEST = -708.0, 709.0
"""The ranges in which 2^k and e^x are normal numbers."""

# No reordering here: the two parts of ln 2 are there for their order. It has to be said, or Numba takes the caller's.
exact = njit(
    nogil=True, error_model="numpy", fastmath={"contract"}, forceinline=True, no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
)  # fmt: skip


@intrinsic
def nearest(typing, x):
    """Return the whole number nearest to x."""

    def generate(context, builder, signature, arguments):
        return builder.call(builder.module.declare_intrinsic("llvm.rint", [ir.DoubleType()]), arguments)

    return types.float64(types.float64), generate


@intrinsic
def power_of_two(typing, k):
    """2^k for a whole number -1022 ≤ k ≤ 1023: k + 1023 is what a float64 holds as its exponent, above 52 bits."""

    def generate(context, builder, signature, arguments):
        whole = builder.sext(builder.fptosi(arguments[0], ir.IntType(32)), ir.IntType(64))
        bits = builder.shl(builder.add(whole, ir.IntType(64)(1023)), ir.IntType(64)(52))
        return builder.bitcast(bits, ir.DoubleType())

    return types.float64(types.float64), generate


@intrinsic
def select(typing, condition, one, other):
    """`one` where the condition holds, else `other`: never a jump, which would keep a loop from being vectorized."""

    def generate(context, builder, signature, arguments):
        return builder.select(*arguments)

    return types.float64(types.boolean, types.float64, types.float64), generate


@exact
def parts(x):
    """(e^r - 1, 2^k) for x from LOWEST to HIGHEST."""
    k = nearest(x * PER_LN2)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    tail = 1 / 6227020800.0
    for factorial in (479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0):
        tail = tail * r + 1 / factorial
    return r + r * r * tail, power_of_two(k)


@exact
def exp(x):
    """e^x."""
    x64 = np.float64(x)
    rest, power = parts(select(x64 < HIGHEST, select(x64 > LOWEST, x64, LOWEST), HIGHEST))
    result = select(x64 < LOWEST, 0.0, power + power * rest)
    result = select(x64 > HIGHEST, math.inf, result)
    return type(x)(select(x64 == x64, result, x64))


@exact
def expm1_of_minus(size):
    """e^-size - 1 for a float64 `size` ≥ 0, without the loss of digits near 0."""
    rest, power = parts(select(size < -LOWEST, -size, LOWEST))
    return select(size == size, power * rest + (power - 1.0), size)


@exact
def expm1(x):
    """e^x - 1 for x ≤ 0."""
    return type(x)(expm1_of_minus(-np.float64(x)))


@exact
def tanh(x):
    """(e^2x - 1) / (e^2x + 1), from the exponential that cannot overflow."""
    x64 = np.float64(x)
    e = expm1_of_minus(2.0 * abs(x64))
    result = -e / (e + 2.0)
    return type(x)(select(x64 < 0.0, -result, result))
