"""Generate data sets: each function returns `(X, y)`, X float64 with one row per example.

Every function takes `rows`, the number of examples, at least 1, `noise`, the standard deviation of a Gaussian noise (on
X; for the sine on y), and `seed`, a whole number or None for a different set each time. Apart from the gates, which
keep the order of their truth table, the examples are independent draws in random order, so that the last 20 % serve as
validation, and the same call with another seed as a test set.

>>> from plainnet import datasets
>>> X, y = datasets.moons(100, noise=0.1, seed=1)
>>> X.shape, y.shape
((100, 2), (100,))
"""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array

__all__ = [
    "circles",
    "gates",
    "gaussians",
    "moons",
    "sine",
    "spirals",
    "xor",
]

GATE_INPUTS = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])  # in the order of the XOR post
GATES = {
    "and": [0, 0, 1, 0],
    "or": [1, 1, 1, 0],
    "nand": [1, 1, 0, 1],
    "nor": [0, 0, 0, 1],
    "xor": [1, 1, 0, 0],
    "xnor": [0, 0, 1, 1],
}


def xor(rows: int = 4, *, constant: bool = True, noise: float = 0.0, seed: int | None = None) -> tuple[Array, Array]:
    """Return the truth table of XOR, with a third input that is always 1 unless `constant` is False; see `gates`.

    `y = 1 where x₁ ≠ x₂, else 0`. X (rows, 3) or (rows, 2), y (rows, 1).

    >>> X, y = xor()
    >>> X.tolist()
    [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]]
    >>> y.ravel().tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    return gates("xor", rows, constant=constant, noise=noise, seed=seed)


def gates(
    name: str = "and",
    rows: int = 4,
    *,
    constant: bool = False,
    noise: float = 0.0,
    seed: int | None = None,
) -> tuple[Array, Array]:
    """Return the truth table of the logic gate `name`: "and", "or", "nand", "nor", "xor" or "xnor".

    The inputs are (0, 1), (1, 0), (1, 1), (0, 0), over and over up to `rows`; with `constant`, a third input
    is always 1 and free of noise. X (rows, 2) or (rows, 3), y float64 (rows, 1). Raises InvalidValue or
    InvalidType for an unknown name or an argument out of range.

    >>> X, y = gates("nand")
    >>> y.ravel().tolist()
    [1.0, 1.0, 0.0, 1.0]
    """
    outputs = np.array(GATES[checks.one_of("name", name, GATES)], dtype=float)
    row = np.arange(_rows(rows)) % len(GATE_INPUTS)
    X = _noisy(GATE_INPUTS[row], noise, _generator(seed))
    if constant:
        X = np.column_stack([X, np.ones(rows)])
    return X, outputs[row].reshape(-1, 1)


def circles(rows: int = 200, *, noise: float = 0.0, seed: int | None = None) -> tuple[Array, Array]:
    """Draw points on two circles around the origin: class 0 is the outer, class 1 the inner.

    `x = r (cos t, sin t)` with t uniform in [0, 2π), r = 1 for class 0 and 1/2 for class 1. X (rows, 2), y
    integer labels (rows,), as many of each class to within one. Raises InvalidValue or InvalidType for an
    argument out of range. Source: the shape of scikit-learn's make_circles.

    >>> X, y = circles(6, seed=1)
    >>> np.round(np.hypot(X[y == 1, 0], X[y == 1, 1]), 12).tolist()
    [0.5, 0.5, 0.5]
    """
    generator = _generator(seed)
    y = _labels(rows, 2, generator)
    r = np.where(y == 0, 1.0, 0.5)
    t = generator.uniform(0.0, 2 * np.pi, len(y))
    return _noisy(_polar(r, t), noise, generator), y


def moons(rows: int = 200, *, noise: float = 0.0, seed: int | None = None) -> tuple[Array, Array]:
    """Draw points on two half circles that reach into each other: class 0 opens downwards, class 1 upwards.

    With t uniform in [0, π): `x = (cos t, sin t)` for class 0, `x = (1 - cos t, 1/2 - sin t)` for class 1.
    X (rows, 2), y integer labels (rows,), as many of each class to within one. Raises InvalidValue or
    InvalidType for an argument out of range. Source: the shape of scikit-learn's make_moons.

    >>> X, y = moons(100, seed=1)
    >>> bool((X[y == 0, 1] >= 0).all() and (X[y == 1, 1] <= 0.5).all())
    True
    """
    generator = _generator(seed)
    y = _labels(rows, 2, generator)
    arc = _polar(np.ones(len(y)), generator.uniform(0.0, np.pi, len(y)))
    X = np.where(y[:, np.newaxis] == 0, arc, [1.0, 0.5] - arc)
    return _noisy(X, noise, generator), y


def spirals(
    rows: int = 200,
    *,
    classes: int = 2,
    turns: float = 1.0,
    noise: float = 0.0,
    seed: int | None = None,
) -> tuple[Array, Array]:
    """Draw points on spiral arms from near the centre to radius 1, one arm per class.

    `x = r (cos t, sin t)` with r uniform in [0.1, 1) and `t = 2π (turns r + class / classes)`: `turns` is how
    often an arm would go round from the centre, where all arms meet and which is left out. X (rows, 2), y
    integer labels (rows,), as many of each class to within one. Raises InvalidValue or InvalidType for an
    argument out of range. Source: after Lang and Witbrock, "Learning to tell two spirals apart" (1988), who
    use three turns.

    >>> X, y = spirals(300, classes=3, seed=1)
    >>> np.bincount(y).tolist()
    [100, 100, 100]
    """
    generator = _generator(seed)
    classes = checks.whole_number("classes", classes, least=2)
    y = _labels(rows, classes, generator)
    r = generator.uniform(0.1, 1.0, len(y))
    t = 2 * np.pi * (checks.number("turns", turns, above=0.0) * r + y / classes)
    return _noisy(_polar(r, t), noise, generator), y


def gaussians(
    rows: int = 200,
    *,
    classes: int = 3,
    features: int = 2,
    separation: float = 4.0,
    noise: float = 1.0,
    seed: int | None = None,
) -> tuple[Array, Array]:
    """Draw a round Gaussian cloud for each class, with standard deviation `noise`.

    The centres are the corners of a regular polygon around the origin whose sides are `separation` long:
    `centre = R (cos t, sin t, 0, ..., 0)` with `t = 2π class / classes` and
    `R = separation / (2 sin(π / classes))`; features beyond the second tell nothing about the class. Of two
    classes, no classifier gets a larger share right on average than `Φ(separation / (2 noise))`, Φ the normal
    distribution function. X (rows, `features`), at least 2 of them; y integer labels (rows,), as many of each
    class to within one. Raises InvalidValue or InvalidType for an argument out of range.

    >>> X, y = gaussians(4, classes=2, separation=6, noise=0, seed=1)
    >>> sorted(set(X[:, 0].round(12).tolist()))
    [-3.0, 3.0]
    """
    generator = _generator(seed)
    classes = checks.whole_number("classes", classes, least=2)
    y = _labels(rows, classes, generator)
    R = checks.number("separation", separation, least=0.0) / (2 * np.sin(np.pi / classes))
    X = np.zeros((len(y), checks.whole_number("features", features, least=2)))
    X[:, :2] = _polar(R, 2 * np.pi * y / classes)
    return _noisy(X, noise, generator), y


def sine(rows: int = 200, *, noise: float = 0.1, seed: int | None = None) -> tuple[Array, Array]:
    """Draw points of a noisy sine, for regression.

    `y = sin x + noise ε` with x uniform in [-π, π) and ε standard normal. X (rows, 1), y float64 (rows, 1).
    Raises InvalidValue or InvalidType for an argument out of range.

    >>> X, y = sine(100, noise=0, seed=1)
    >>> bool((y == np.sin(X)).all())
    True
    """
    generator = _generator(seed)
    X = generator.uniform(-np.pi, np.pi, (_rows(rows), 1))
    return X, _noisy(np.sin(X), noise, generator)


def _rows(rows: int) -> int:
    return checks.whole_number("rows", rows, least=1)


def _generator(seed: int | None) -> np.random.Generator:
    return np.random.default_rng(None if seed is None else checks.whole_number("seed", seed, least=0))


def _labels(rows: int, classes: int, generator: np.random.Generator) -> Array:
    """Return labels 0 ... classes - 1 in random order, as many of each to within one."""
    return generator.permutation(np.arange(_rows(rows)) % classes)


def _polar(r: float | Array, t: Array) -> Array:
    """Return points (n, 2) at radius r and angle t."""
    return np.column_stack([r * np.cos(t), r * np.sin(t)])


def _noisy(values: Array, noise: float, generator: np.random.Generator) -> Array:
    """Add Gaussian noise of standard deviation `noise` to each value."""
    return values + generator.normal(0.0, checks.number("noise", noise, least=0.0), values.shape)
