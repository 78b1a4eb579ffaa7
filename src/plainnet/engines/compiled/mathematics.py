"""NumPy's functions of floats as LLVM IR, for any number of lanes, float and double.

Exponentials and logarithms are polynomials in plain arithmetic, so that vectors of any width compute them. With k the
whole number nearest to x / ln 2 and r = x - k ln 2, so |r| ≤ ln 2 / 2, and q a polynomial:

    e^x = 2^k e^r        e^r - 1 = r + r² q(r)        x - k ln 2 in two parts, as ln 2 has more digits

(Cody & Waite, Software Manual for the Elementary Functions, 1980). Logarithms are those of fdlibm (Sun Microsystems,
1993). All are right to one or two units in the last place; a result below the smallest normal number may be 0.
The other functions are in `library`: the C library computes them, number by number.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from plainnet.engines.compiled import library
from plainnet.engines.compiled.assembly import Function, Type, Value, lanes, mangled, number, scalar, vector

Written = Callable[..., Value]
"""A function that writes instructions: it takes the Function that is being written and values, and returns a value."""


class Format(NamedTuple):
    """What the formulas need to know of float or double."""

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


# Logarithms


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


# Powers


def logaddexp(f: Function, a: Value, b: Value) -> Value:
    """ln(e^a + e^b) = max + ln(1 + e^-|a - b|)."""
    gap = f.op(a.type, f"fneg {f.intrinsic('fabs', a.type, f.subtract(a, b))}")
    sum = f.add(f.intrinsic("maximum", a.type, a, b), log1p(f, exp(f, gap)))
    return f.select(f.compare("oeq", a, b), f.add(a, number(a.type, math.log(2))), sum)


def logaddexp2(f: Function, a: Value, b: Value) -> Value:
    """log2(2^a + 2^b)."""
    gap = f.op(a.type, f"fneg {f.intrinsic('fabs', a.type, f.subtract(a, b))}")
    more = f.multiply(log1p(f, exp2(f, gap)), number(a.type, 1 / math.log(2)))
    return f.select(
        f.compare("oeq", a, b), f.add(a, number(a.type, 1)), f.add(f.intrinsic("maximum", a.type, a, b), more)
    )


MOST_MULTIPLIED = 4
"""The largest whole exponent that is written as multiplications."""


def constant_of(value: Value) -> float | None:
    """Return the number that a constant of floats is, None for a register."""
    hexadecimal = re.fullmatch(r"(?:splat \(\w+ )?0x([0-9A-F]{16})\)?", value.name)
    return struct.unpack(">d", bytes.fromhex(hexadecimal[1]))[0] if hexadecimal else None


def power(f: Function, x: Value, exponent: Value) -> Value:
    """x^exponent: of a constant small whole number, multiplications, of ½, the root, as NumPy's operator ** has it."""
    known = constant_of(exponent)
    if known == 0.5:
        return f.intrinsic("sqrt", x.type, x)
    if known is None or known != int(known) or abs(known) > MOST_MULTIPLIED:
        return library.BINARY["power"](f, x, exponent)
    result, square, left = number(x.type, 1), x, abs(int(known))
    while left:
        if left % 2:
            result = square if result.name == number(x.type, 1).name else f.multiply(result, square)
        left //= 2
        square = f.multiply(square, square) if left else square
    return f.divide(number(x.type, 1), result) if known < 0 else result


def _intrinsic(name: str) -> Written:
    return lambda f, *values: f.intrinsic(name, values[0].type, *values)


def _times(factor: float) -> Written:
    return lambda f, x: f.multiply(x, number(x.type, factor))


VECTORIZED: dict[str, Written] = {
    "exp": exp, "exp2": exp2, "expm1": expm1, "log": log, "log2": log2, "log10": log10, "log1p": log1p, "tanh": tanh,
}  # fmt: skip


def called(f: Function, name: str, x: Value) -> Value:
    """Call a vectorized function as a function of the module, which is written once for each type."""
    own = f"{name}.{mangled(x.type)}"
    if all(known.name != own for known in f.module.functions):
        argument = Value(x.type, "%x")
        function = f.module.function(own, [argument], x.type)
        function.give(VECTORIZED[name](function, argument))
    return f.call(own, x.type, x)


FUNCTIONS: dict[str, Written] = {
    **library.FUNCTIONS,
    **VECTORIZED,
    "sqrt": _intrinsic("sqrt"),
    "floor": _intrinsic("floor"),
    "ceil": _intrinsic("ceil"),
    "trunc": _intrinsic("trunc"),
    "rint": _intrinsic("rint"),
    "degrees": _times(180 / math.pi),
    "rad2deg": _times(180 / math.pi),
    "radians": _times(math.pi / 180),
    "deg2rad": _times(math.pi / 180),
}
"""NumPy's ufuncs of one float argument, by name."""

BINARY: dict[str, Written] = {
    **library.BINARY,
    "power": power,
    "float_power": power,
    "logaddexp": logaddexp,
    "logaddexp2": logaddexp2,
    "copysign": _intrinsic("copysign"),
}
"""NumPy's ufuncs of two float arguments, by name."""
