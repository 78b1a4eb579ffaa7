"""The diagnosis says why a gradient is wrong, where the numbers themselves tell.

A gradient g is compared with the true one n, which comes from central differences. A cause is named only if g,
corrected as the cause says, agrees with n to the tolerance. What two arrays can tell:

    g = c · n              a constant factor, read as a wrong sign, a sum for a mean, the 2 of a square left out
    g = nᵀ, g = c · nᵀ     the transpose, of a square matrix
    g = n + c              a constant offset
    g = n + c · θ          the term of an L2 penalty on the parameters θ
    g = n + c · sign(θ)    the term of an L1 penalty

c is fitted to the data, so one significant entry proves nothing: then a factor is named only if it is a common one.
Causes inside the chain rule leave no such trace; for them see `plainnet.gradients.mistakes`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from plainnet._base.arrays import Array

Agrees = Callable[[Array], bool]
"""True if a gradient agrees with the true one to the tolerance."""

Sizes = Mapping[str, int]
"""The number of "examples", and of what else, that a loss takes the mean over; empty if that is not known."""

SPEAKS = 1e-3
"""An entry is significant if it is above this share of the largest; smaller ones are compared coarsely."""


def diagnose(gradient: Array, numerical: Array, agrees: Agrees, at: Array | None, sizes: Sizes) -> str | None:
    """Return the cause that accounts for all of the difference, in words; None where there is none of these.

    `at` are the parameters at which both were taken, where they are known.
    """
    if not (np.isfinite(gradient).all() and np.isfinite(numerical).all()):
        return None
    for cause, mended in _mendings(gradient, numerical, at, sizes):
        if agrees(mended):
            return cause
    return None


def _mendings(gradient: Array, numerical: Array, at: Array | None, sizes: Sizes) -> Iterator[tuple[str, Array]]:
    """Causes, the simplest first, each with the gradient as it would be without it."""
    factor = constant_factor(gradient, numerical, sizes)
    if factor is not None:
        yield f"it is {in_words(factor, sizes)}", gradient / factor
    if numerical.ndim == 2 and numerical.shape[0] == numerical.shape[1]:
        yield "it is transposed", gradient.T
        factor = constant_factor(gradient.T, numerical, sizes)
        if factor is not None:
            yield f"it is transposed and {in_words(factor, sizes)}", gradient.T / factor
    difference = gradient - numerical
    if difference.size > 1:
        offset = float(difference.mean())
        yield f"{offset:+.6g} is added to every entry", gradient - offset
    if at is not None:
        for power, term in (("L2", at), ("L1", np.sign(at))):
            rate = _fitted(difference, term)
            if rate is not None and _speaking(term) > 1:
                yield _penalty(power, rate), gradient - rate * term


def named_candidate(
    numerical: Array, agrees: Agrees, candidates: Iterable[tuple[str, Array]], sizes: Sizes
) -> str | None:
    """Return the candidate that agrees, or otherwise one that agrees but for a constant factor, in words."""
    scaled = None
    for text, candidate in candidates:
        if agrees(candidate):
            return f"{text}: so mended it agrees"
        factor = constant_factor(candidate, numerical, sizes)
        if scaled is None and factor is not None and agrees(candidate / factor):
            scaled = f"{text}: so mended it is {in_words(factor, sizes)}"
    return scaled


def named_mistakes(
    gradient: Array, mistaken: Iterable[tuple[list[str], Array]], sizes: Sizes, tolerance: float
) -> str | None:
    """Return in words the fewest mistakes that turn the true gradient into `gradient`, up to a constant factor."""
    for causes, expected in mistaken:
        factor = constant_factor(gradient, expected, sizes)
        if factor is None:
            continue
        difference = np.abs(gradient / factor - expected)
        if (difference <= tolerance * np.maximum(np.abs(expected), SPEAKS * np.abs(expected).max())).all():
            rest = [] if factor == 1 else [f"beyond that it is {in_words(factor, sizes)}"]
            return "; ".join([*causes, *rest])
    return None


def constant_factor(gradient: Array, true: Array, sizes: Sizes) -> float | None:
    """c of gradient = c · true by least squares; from a single speaking entry only where c is a usual factor."""
    factor = _fitted(gradient, true)
    if not factor:
        return None
    for usual in usual_factors(sizes):
        for signed in (usual, -usual):
            if math.isclose(factor, signed, rel_tol=1e-6):
                return signed
    return factor if _speaking(true) > 1 else None


def _fitted(values: Array, by: Array) -> float | None:
    square = float((by * by).sum())
    return float((values * by).sum()) / square if square > 0 else None


def _speaking(array: Array) -> int:
    magnitude = np.abs(array)
    return int((magnitude > SPEAKS * magnitude.max(initial=0.0)).sum())


def usual_factors(sizes: Sizes) -> dict[float, list[str]]:
    """Return the factors by which gradients are usually wrong, each with what it can mean."""
    readings: dict[float, list[str]] = {1.0: [], 2.0: ["the loss has a 1/2 that the gradient leaves out"]}
    readings[0.5] = ["the 2 of a square's derivative is left out"]
    for what, n in sizes.items():
        if n > 1:
            readings.setdefault(float(n), []).append(f"summed over the {n} {what} where the loss takes the mean")
            readings.setdefault(1 / n, []).append(f"divided by the {n} {what} once too often")
            readings.setdefault(n / 2, []).append(f"the 2/{n} of a mean of squares over the {n} {what} is left out")
    return readings


def in_words(factor: float, sizes: Sizes) -> str:
    """'2 times the true gradient (what that can mean)'."""
    readings = [" or ".join(usual_factors(sizes).get(abs(factor), []))]
    if factor < 0:
        readings.insert(0, "the sign is wrong")
    meaning = "; ".join(reading for reading in readings if reading)
    return f"{factor:.6g} times the true gradient" + (f" ({meaning})" if meaning else "")


def _penalty(power: str, rate: float) -> str:
    term = "parameter" if power == "L2" else "sign(parameter)"
    where = "a term the loss does not have" if rate > 0 else "a term the gradient leaves out"
    return f"it differs by {rate:+.6g} · {term}: the derivative of an {power} penalty, {where}"
