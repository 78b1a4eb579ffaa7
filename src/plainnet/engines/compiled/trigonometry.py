"""Sine and cosine as LLVM IR, for any number of lanes of float or double.

With k the whole number nearest to x / (π/2) and r = x - k π/2, so |r| ≤ π/4, sin x is sin r, cos r, -sin r or -cos r
for k mod 4 = 0, 1, 2, 3, and both are polynomials. π/2 is subtracted in parts of few digits, so that k times a part
is exact, and for float in double (Cody & Waite, Software Manual for the Elementary Functions, 1980). The C library
computes those of large numbers.
"""

from __future__ import annotations

from typing import NamedTuple

from plainnet.engines.compiled import library
from plainnet.engines.compiled.assembly import Function, Value, lanes, number, scalar, vector, whole
from plainnet.engines.compiled.exponentials import FORMATS, bits_in, polynomial

LARGEST = 2.0**19
"""The size up to which k times a part of π/2 is exact."""

TWO_OVER_PI = 0.6366197723675814

HALF_PI = (1.57079632673412561417, 6.07710050630396597660e-11, 2.02226624879595063154e-21)
"""π/2 in three parts, the first two of 33 digits (fdlibm's e_rem_pio2.c)."""


class Series(NamedTuple):
    """sin r = r + r³ sine(r²) and cos r = 1 - r²/2 + r⁴ cosine(r²) for |r| ≤ π/4, each from the lowest power."""

    sine: tuple[float, ...]
    cosine: tuple[float, ...]


SERIES = {
    # Moshier's Cephes library, sinf.c
    "float": Series(
        (-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4),
        (4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5),
    ),
    # fdlibm's k_sin.c and k_cos.c
    "double": Series(
        (-1.66666666666666324348e-1, 8.33333333332248946124e-3, -1.98412698298579493134e-4,
         2.75573137070700676789e-6, -2.50507602534068634195e-8, 1.58969099521155010221e-10),
        (4.16666666666666019037e-2, -1.38888888888741095749e-3, 2.48015872894767294178e-5,
         -2.75573143513906633035e-7, 2.08757232129817482790e-9, -1.13596475577881948265e-11),
    ),
}  # fmt: skip


def reduced(f: Function, x: Value) -> tuple[Value, Value]:
    """Return r, and k as whole numbers, right in their last bits."""
    form = FORMATS[scalar(x.type)]
    large = number(x.type, 1.5 * 2.0**form.digits)  # the sum with it has k in its last bits
    rounded = f.multiply_add(x, number(x.type, TWO_OVER_PI), large)
    k = f.subtract(rounded, large)
    double = vector("double", lanes(x.type))
    r, k = f.convert("fpext", x, double), f.convert("fpext", k, double)
    for part in HALF_PI if x.type == double else HALF_PI[:2]:
        r = f.multiply_add(k, number(double, -part), r)
    return f.convert("fptrunc", r, x.type), bits_in(f, rounded)


def sine_of_quarter(f: Function, r: Value, square: Value) -> Value:
    """sin r for |r| ≤ π/4."""
    cube = f.multiply(square, r)
    return f.multiply_add(cube, polynomial(f, square, SERIES[scalar(r.type)].sine), r)


def cosine_of_quarter(f: Function, square: Value) -> Value:
    """cos r for |r| ≤ π/4."""
    most = f.multiply_add(square, number(square.type, -0.5), number(square.type, 1))
    fourth = f.multiply(square, square)
    return f.multiply_add(fourth, polynomial(f, square, SERIES[scalar(square.type)].cosine), most)


def _by_quarter(f: Function, x: Value, name: str, ahead: int) -> Value:
    """sin(x + ahead · π/2)."""
    r, k = reduced(f, x)
    k = f.add(k, number(k.type, ahead))
    square = f.multiply(r, r)
    one, two = number(k.type, 1), number(k.type, 2)
    is_odd = f.compare("eq", f.binary("and", k, one), one)
    size = f.select(is_odd, cosine_of_quarter(f, square), sine_of_quarter(f, r, square))
    top = 8 * {"i32": 4, "i64": 8}[scalar(k.type)] - 2
    sign = f.binary("shl", f.binary("and", k, two), number(k.type, top))
    result = f.convert("bitcast", f.binary("xor", bits_in(f, size), sign), x.type)
    return _with_large_ones(f, name, x, result)


def _with_large_ones(f: Function, name: str, x: Value, result: Value) -> Value:
    """Return the result; where x is large, infinite or NaN, the C library's, which is asked only then."""
    large = f.compare("ugt", f.intrinsic("fabs", x.type, x), number(x.type, LARGEST))
    bits = f"i{lanes(x.type)}"
    some = f.compare("ne", f.convert("bitcast", large, bits), number(bits, 0))
    with f.loop(whole(0), f.select(some, whole(1), whole(0)), carried=(result,)) as loop:
        loop.next = (f.select(large, library.called(f, name, x), loop.carried[0]),)
    return loop.carried[0]


def sin(f: Function, x: Value) -> Value:
    """sin x."""
    return _by_quarter(f, x, "sin", 0)


def cos(f: Function, x: Value) -> Value:
    """cos x = sin(x + π/2)."""
    return _by_quarter(f, x, "cos", 1)
