"""Logarithms as LLVM IR, for any number of lanes, by the formulas of fdlibm (Sun Microsystems, 1993).

A number x = 2^k (1 + f) with 1 + f from √½ to √2 has the logarithm k ln 2 + ln(1 + f).
"""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

import numpy as np

from plainnet.engines.compiled.assembly import Function, Value, number, scalar
from plainnet.engines.compiled.exponentials import FORMATS, bits_in, polynomial


class Parts(NamedTuple):
    """x = 2^k (1 + f), with 1 + f from √½ to √2."""

    k: Value
    shifted: Value
    """k where the exponent stands."""
    f: Value


def parts(f: Function, x: Value) -> Parts:
    """Return the parts of normal numbers above 0."""
    form = FORMATS[scalar(x.type)]
    place = bits_in(f, x)

    def constant(value: int) -> Value:
        return number(place.type, value)

    one = form.bias << form.digits
    root = int.from_bytes(struct.pack(">f" if form.digits == 23 else ">d", math.sqrt(0.5)))
    moved = f.add(place, constant(one - root))
    exponent = f.binary("lshr", moved, constant(form.digits))  # k + bias, made a float by the bits of 2^digits
    k = f.convert("bitcast", f.binary("or", exponent, constant(form.bias + form.digits << form.digits)), x.type)
    k = f.subtract(k, number(x.type, 2.0**form.digits + form.bias))
    fraction = f.add(f.binary("and", moved, constant((1 << form.digits) - 1)), constant(root))
    shifted = f.subtract(place, fraction)
    return Parts(k, shifted, f.subtract(f.convert("bitcast", fraction, x.type), number(x.type, 1)))


class Base(NamedTuple):
    """The logarithms of 2 and e to a base, each in two parts; the first part of that of 2 has few digits."""

    two: tuple[float, float]
    e: tuple[float, float]


BASES = {
    2: Base((1.0, 0.0), (1 / math.log(2), 2.035527374093103e-17)),
    10: Base((float.fromhex("0x1.344p-2"), math.log10(2) - float.fromhex("0x1.344p-2")),
             (math.log10(math.e), 1.098319650216765e-17)),
}  # fmt: skip


def of_fraction(f: Function, k: Value, fraction: Value, base: Base | None = None) -> Value:
    """k ln 2 + ln(1 + fraction), or that to another base.

    With s = f / (2 + f), ln(1 + f) = 2 artanh s = f - (f²/2 - s (f²/2 + R)), where R = (ln(1 + f) - 2s) / s.
    """
    x, form = fraction, FORMATS[scalar(fraction.type)]
    high, low = base.two if base else (form.ln2_high, form.ln2_low)
    small = f.multiply(k, number(x.type, low))
    s = f.divide(x, f.add(x, number(x.type, 2)))
    z = f.multiply(s, s)
    half = f.multiply(f.multiply(x, number(x.type, 0.5)), x)
    rest = f.add(half, f.multiply(z, polynomial(f, z, form.logarithm)))
    if base is None:
        natural = f.subtract(x, f.subtract(half, f.multiply_add(s, rest, small)))
        return f.multiply_add(k, number(x.type, high), natural)
    natural = f.subtract(x, f.subtract(half, f.multiply(s, rest)))
    e = float(np.float32(base.e[0])) if form.digits == 23 else base.e[0]
    small = f.multiply_add(natural, number(x.type, base.e[0] - e + base.e[1]), small)
    return f.multiply_add(k, number(x.type, high), f.multiply_add(natural, number(x.type, e), small))


def outside(f: Function, x: Value, result: Value) -> Value:
    """Return -infinity for 0, NaN below, and NaN and infinity as they are."""
    zero = number(x.type, 0)
    result = f.select(f.compare("olt", x, number(x.type, math.inf)), result, x)
    other = f.select(f.compare("oeq", x, zero), number(x.type, -math.inf), number(x.type, math.nan))
    return f.select(f.compare("ugt", x, zero), result, other)


def log(f: Function, x: Value) -> Value:
    """ln x."""
    return _logarithm(f, x)


def log2(f: Function, x: Value) -> Value:
    """log2 x, exact for the powers of two."""
    return _logarithm(f, x, BASES[2])


def log10(f: Function, x: Value) -> Value:
    """log10 x."""
    return _logarithm(f, x, BASES[10])


def _logarithm(f: Function, x: Value, base: Base | None = None) -> Value:
    form = FORMATS[scalar(x.type)]
    tiny = f.compare("olt", x, number(x.type, 2.0 ** (1 - form.bias)))  # not a normal number: 2^lift times as large
    lift = form.digits + 2
    k, _, fraction = parts(f, f.multiply(x, f.select(tiny, number(x.type, 2.0**lift), number(x.type, 1))))
    k = f.subtract(k, f.select(tiny, number(x.type, lift), number(x.type, 0)))
    return outside(f, x, of_fraction(f, k, fraction, base))


def log1p(f: Function, x: Value) -> Value:
    """ln(1 + x) = ln(u + c), where u is the rounded sum and c what the rounding lost (Knuth's two-sum)."""
    form = FORMATS[scalar(x.type)]
    one = number(x.type, 1)
    u = f.add(one, x)
    share = f.subtract(u, one)
    lost = f.add(f.subtract(one, f.subtract(u, share)), f.subtract(x, share))
    k, shifted, fraction = parts(f, u)
    # c 2^-k, in two steps: 2^-k alone may be too small for a normal number
    scale = f.subtract(number(shifted.type, form.bias + 1 << form.digits), shifted)
    lost = f.multiply(f.multiply(lost, number(x.type, 0.5)), f.convert("bitcast", scale, x.type))
    result = of_fraction(f, k, f.add(fraction, lost))
    return outside(f, u, result)
