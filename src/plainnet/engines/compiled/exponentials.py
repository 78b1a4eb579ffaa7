"""e^x, 2^x, e^x - 1 and tanh as LLVM IR, for any number of lanes of float or double.

With k the whole number nearest to x / ln 2 and r = x - k ln 2, so |r| ≤ ln 2 / 2, and q a polynomial:

    e^x = 2^k e^r        e^r - 1 = r + r² q(r)        x - k ln 2 in two parts, as ln 2 has more digits

(Cody & Waite, Software Manual for the Elementary Functions, 1980). Where the result would be smaller than the normal
numbers, e^x and 2^x are 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from plainnet.engines.compiled.assembly import Function, Type, Value, lanes, number, scalar, vector


class Format(NamedTuple):
    """This holds what the formulas need to know of float or double."""

    whole: Type
    """The type of whole numbers of the same size, for work on the bits."""
    digits: int
    """Bits of the fraction, without the leading 1."""
    bias: int
    """The exponent field of 1."""
    ln2_high: float
    """The leading bits of ln 2: few enough for k ln2_high to be exact."""
    ln2_low: float
    highest: float
    """The largest x of which e^x is finite."""
    highest_of_two: float
    """The largest x of which 2^x is finite."""
    lowest: float
    """The smallest x of which e^x is a normal number."""
    flat: float
    """e^-flat is nothing beside 1."""
    q: tuple[float, ...]
    """(e^r - 1 - r) / r² for |r| ≤ ln 2 / 2, from the lowest power: the least error relative to e^r - 1 (Remez)."""
    logarithm: tuple[float, ...]
    """(ln(1 + f) - 2s) / s from s² on, for s = f / (2 + f) (fdlibm's e_log.c and FreeBSD's e_logf.c)."""


FORMATS = {
    "float": Format(
        "i32", 23, 127, float.fromhex("0x1.62e3p-1"), float.fromhex("0x1.2fefa4p-17"), 88.72283, 127.99999,
        -87.33654, 20.0,
        (0.4999999815414604, 0.16666543616764118, 0.04166719973481718, 0.008366520933523662, 0.0013882532314247675),
        (0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841),
    ),
    "double": Format(
        "i64", 52, 1023, float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33"), 709.782712893384,
        1023.9999999999999, -708.3964185322641, 40.0,
        (0.5, 0.16666666666666677, 0.04166666666666651, 0.008333333333321705, 0.0013888888888962836,
         0.00019841269885933618, 2.480158717120705e-05, 2.7557244404121013e-06, 2.7557403996933917e-07,
         2.510896888755372e-08, 2.087487021160399e-09),
        (0.6666666666666735130, 0.3999999999940941908, 0.2857142874366239149, 0.2222219843214978396,
         0.1818357216161805012, 0.1531383769920937332, 0.1479819860511658591),
    ),
}  # fmt: skip


def polynomial(f: Function, x: Value, coefficients: Sequence[float]) -> Value:
    """c0 + c1 x + c2 x² + ..., the halves beside each other so that few steps wait for another (Estrin 1960)."""
    terms = [number(x.type, c) for c in coefficients]
    while len(terms) > 1:
        pairs = [f.multiply_add(high, x, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(pairs) * 2 :]
        if len(terms) > 1:
            x = f.multiply(x, x)
    return terms[0]


def bits_in(f: Function, x: Value) -> Value:
    """Return the bits of floats as whole numbers."""
    return f.convert("bitcast", x, vector(FORMATS[scalar(x.type)].whole, lanes(x.type)))


def power_of_two(f: Function, shifted: Value, type: Type, less: int = 0) -> Value:
    """2^(k - less), given k where the exponent stands."""
    form = FORMATS[scalar(type)]
    return f.convert("bitcast", f.add(shifted, number(shifted.type, (form.bias - less) << form.digits)), type)


def nearest(f: Function, x: Value, factor: float) -> tuple[Value, Value]:
    """Return k, the whole number nearest to x · factor, and k as whole numbers where the exponent stands.

    The sum with 1.5 · 2^digits has k in its last bits: no conversion, which some processors lack for vectors.
    """
    form = FORMATS[scalar(x.type)]
    large = number(x.type, 1.5 * 2.0**form.digits)
    rounded = f.multiply_add(x, number(x.type, factor), large)
    place = bits_in(f, rounded)
    return f.subtract(rounded, large), f.binary("shl", place, number(place.type, form.digits))


def reduced(f: Function, x: Value) -> tuple[Value, Value]:
    """Return e^r - 1, and k where the exponent stands, for e^x = 2^k e^r."""
    form = FORMATS[scalar(x.type)]
    k, shifted = nearest(f, x, 1 / math.log(2))
    r = f.multiply_add(k, number(x.type, -form.ln2_high), x)
    r = f.multiply_add(k, number(x.type, -form.ln2_low), r)
    return less_one(f, r), shifted


def less_one(f: Function, r: Value) -> Value:
    """e^r - 1 for |r| ≤ ln 2 / 2."""
    q = polynomial(f, r, FORMATS[scalar(r.type)].q)
    return f.multiply_add(f.multiply(r, r), q, r)


def bounded(f: Function, x: Value, result: Value, lowest: float, below: float, highest: float) -> Value:
    """Return `below` left of the range in which the result holds, and infinity right of it; NaN stays."""
    beyond = f.multiply(x, number(x.type, 2.0 ** FORMATS[scalar(x.type)].bias))
    result = f.select(f.compare("ole", x, number(x.type, highest)), result, beyond)
    return f.select(f.compare("olt", x, number(x.type, lowest)), number(x.type, below), result)


def _scaled(f: Function, rest: Value, shifted: Value) -> Value:
    """(1 + rest) 2^k: k is added to the exponent, which is right as far as the result is a normal number."""
    near_one = f.add(rest, number(rest.type, 1))
    return f.convert("bitcast", f.add(bits_in(f, near_one), shifted), rest.type)


def exp(f: Function, x: Value) -> Value:
    """e^x."""
    form = FORMATS[scalar(x.type)]
    return bounded(f, x, _scaled(f, *reduced(f, x)), form.lowest, 0, form.highest)


def exp2(f: Function, x: Value) -> Value:
    """2^x = 2^k e^(r ln 2), with r = x - k."""
    form = FORMATS[scalar(x.type)]
    k, shifted = nearest(f, x, 1)
    rest = less_one(f, f.multiply(f.subtract(x, k), number(x.type, math.log(2))))
    return bounded(f, x, _scaled(f, rest, shifted), 1 - form.bias, 0, form.highest_of_two)


def expm1(f: Function, x: Value) -> Value:
    """e^x - 1 = 2^k (e^r - 1) + (2^k - 1), without the loss of digits near 0."""
    form = FORMATS[scalar(x.type)]
    rest, shifted = reduced(f, x)
    half = power_of_two(f, shifted, x.type, less=1)  # half of it all, as 2^k may be too large
    result = f.multiply_add(half, rest, f.subtract(half, number(x.type, 0.5)))
    return bounded(f, x, f.add(result, result), -form.flat, -1, form.highest)


def tanh(f: Function, x: Value) -> Value:
    """(1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x, from an exponential that cannot overflow."""
    form = FORMATS[scalar(x.type)]
    double = f.multiply(f.intrinsic("fabs", x.type, x), number(x.type, -2))
    rest, shifted = reduced(f, double)
    power = power_of_two(f, shifted, x.type)
    e = f.multiply_add(power, rest, f.subtract(power, number(x.type, 1)))
    e = f.select(f.compare("olt", double, number(x.type, -form.flat)), number(x.type, -1), e)
    size = f.divide(f.op(x.type, f"fneg {e}"), f.add(e, number(x.type, 2)))
    return f.intrinsic("copysign", x.type, size, x)
