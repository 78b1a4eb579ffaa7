"""The random numbers that layers draw in a step, where several ranks hold the rows of a batch.

Each rank has the same stream, and draws from it what one process would draw for the whole batch; its layers get the
numbers for its own rows. So no two rows share their numbers, and the stream stays the same on every rank.
"""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue

FEW = 2**14
"""Uniform numbers up to this many are all drawn: that takes less time than to step over those of the other ranks."""

SIZE_PLACE = {
    **dict.fromkeys(("random", "standard_normal", "standard_exponential", "standard_cauchy"), 0),
    **dict.fromkeys(("exponential", "standard_gamma", "standard_t", "chisquare", "poisson", "geometric", "choice"), 1),
    **dict.fromkeys(("power", "weibull", "pareto", "rayleigh", "logseries", "zipf"), 1),
    **dict.fromkeys(("normal", "uniform", "integers", "binomial", "beta", "gamma", "gumbel", "laplace"), 2),
    **dict.fromkeys(("lognormal", "logistic", "negative_binomial", "vonmises", "wald", "f"), 2),
    **dict.fromkeys(("noncentral_chisquare", "multinomial", "multivariate_normal"), 2),
    **dict.fromkeys(("triangular", "hypergeometric"), 3),
}
"""The place of the argument `size` in the methods of `numpy.random.Generator`."""


class DrawsOfRank:
    """A network's stream as the layers of one rank see it: a `numpy.random.Generator` for its rows of a batch.

    An array whose first axis is as long as the rank has rows is taken for numbers of rows: they are drawn for all
    rows of the batch. Any other array, or number, is the same on every rank.
    """

    def __init__(self, stream: np.random.Generator) -> None:
        self.stream = stream
        self.before = self.own = self.rows = 0

    def of(self, before: int, own: int, rows: int) -> Any:
        """Return the stream for a batch of so many rows, of which `own` are this rank's, after those `before`."""
        self.before, self.own, self.rows = before, own, rows
        return self

    @property
    def bit_generator(self) -> np.random.BitGenerator:
        return self.stream.bit_generator

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.stream, name)
        if name not in SIZE_PLACE:
            return method
        place = SIZE_PLACE[name]

        def draw(*arguments: Any, **named: Any) -> Any:
            size = named.get("size", arguments[place] if len(arguments) > place else None)
            if size is None and any(np.ndim(given) for given in (*arguments[:place], *named.values())):
                raise InvalidValue(
                    f"a layer draws by random.{name} without a size, from which several ranks cannot tell whether the "
                    f"numbers are of their rows; give it one, such as random.{name}(size=inputs.shape)"
                )
            shape = (size,) if isinstance(size, int | np.integer) else size
            if shape is None or not shape or shape[0] != self.own:
                return method(*arguments, **named)
            whole = self.rows, *shape[1:]
            if len(arguments) > place:
                arguments = *arguments[:place], whole, *arguments[place + 1 :]
            else:
                named["size"] = whole
            if name == "random":
                return self._uniform(whole, *arguments[1:], **{k: v for k, v in named.items() if k != "size"})
            return self._own(method(*arguments, **named))

        return draw

    def _own(self, drawn: Array) -> Array:
        return drawn[self.before : self.before + self.own]

    def _uniform(self, shape: tuple[int, ...], dtype: Any = np.float64, out: None = None) -> Array:
        """Return this rank's rows of uniform numbers; those of other ranks are stepped over if they are many."""
        skip = skipping(self.stream, np.dtype(dtype))
        if skip is None or math.prod(shape) <= FEW:
            return self._own(self.stream.random(shape, dtype))
        each = math.prod(shape[1:])
        skip(self.before * each)
        drawn: Array = self.stream.random((self.own, *shape[1:]), dtype)
        skip((self.rows - self.before - self.own) * each)
        return drawn


def skipping(stream: np.random.Generator, dtype: np.dtype[Any]) -> Callable[[int], None] | None:
    """Return what leaves a stream as after so many uniform numbers; None where they have to be drawn.

    The generators of the PCG64 family make 64 random bits at a time: one number in double precision, or two in single
    precision, of which the second is kept for the next draw. Their `advance` drops what is kept.
    """
    bits: Any = stream.bit_generator
    if type(bits) not in (np.random.PCG64, np.random.PCG64DXSM):
        return None
    return lambda count: _skip_single(stream, bits, count) if dtype == np.float32 else _skip_double(bits, count)


def _skip_double(bits: Any, count: int) -> None:
    kept = bits.state
    bits.advance(count)
    if kept["has_uint32"]:
        bits.state = bits.state | {"has_uint32": 1, "uinteger": kept["uinteger"]}


def _skip_single(stream: np.random.Generator, bits: Any, count: int) -> None:
    if count and bits.state["has_uint32"]:
        stream.random(dtype=np.float32)
        count -= 1
    if count:
        bits.advance(count // 2)
        if count % 2:
            stream.random(dtype=np.float32)
