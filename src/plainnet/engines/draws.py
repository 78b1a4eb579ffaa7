"""The random numbers that layers draw in a step, where several ranks hold the rows of a batch.

Each rank has the same stream, and draws from it what one process would draw for the whole batch; its layers get the
numbers for its own rows. So no two rows share their numbers, and the stream stays the same on every rank.
"""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

import math
import pickle
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from plainnet.errors import InvalidValue

FEW = 2**14
"""Uniform numbers up to this many are all drawn: that takes less time than to step over those of the other ranks."""

SIZE_PLACE = {
    **dict.fromkeys(("standard_normal", "standard_exponential", "standard_cauchy"), 0),
    **dict.fromkeys(("exponential", "standard_gamma", "standard_t", "chisquare", "poisson", "geometric", "choice"), 1),
    **dict.fromkeys(("power", "weibull", "pareto", "rayleigh", "logseries", "zipf"), 1),
    **dict.fromkeys(("normal", "uniform", "integers", "binomial", "beta", "gamma", "gumbel", "laplace"), 2),
    **dict.fromkeys(("lognormal", "logistic", "negative_binomial", "vonmises", "wald", "f"), 2),
    **dict.fromkeys(("noncentral_chisquare", "multinomial", "multivariate_normal"), 2),
    **dict.fromkeys(("triangular", "hypergeometric"), 3),
}
"""The place of the argument `size` in the methods of `numpy.random.Generator`."""


MIXING = ("permutation", "permuted", "shuffle")
"""The methods that put things into another order."""


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

    @property
    def checksum(self) -> int:
        """The checksum of what the stream's next numbers depend on."""
        state = dict(self.stream.bit_generator.state)
        if not state.get("has_uint32"):
            state.pop("uinteger", None)  # NumPy leaves a used half of 64 bits there, which stepping over does not
        return zlib.crc32(pickle.dumps(state))

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.stream, name)
        if name in MIXING:
            return partial(self._mixed, method)
        return partial(self._drawn, method, SIZE_PLACE[name]) if name in SIZE_PLACE else method

    def random(self, size: Any = None, dtype: Any = np.float64) -> Any:
        """Return uniform numbers; those of other ranks are stepped over if they are many."""
        shape = _shape(size)
        skip = skipping(self.stream, np.dtype(dtype))
        if not self._is_of_rows(shape) or skip is None or self.rows * math.prod(shape[1:]) <= FEW:
            return self._drawn(self.stream.random, 0, size, dtype)
        each = math.prod(shape[1:])
        skip(self.before * each)
        drawn = self.stream.random(shape, dtype)
        skip((self.rows - self.before - self.own) * each)
        return drawn

    def _drawn(self, method: Any, place: int, *arguments: Any, **named: Any) -> Any:
        """Return what a method of the stream gives, whose argument `size` has this place."""
        size = named.get("size", arguments[place] if len(arguments) > place else None)
        if size is None and any(np.shape(given)[:1] == (self.own,) for given in (*arguments[:place], *named.values())):
            raise InvalidValue(
                f"a layer draws by random.{method.__name__} without a size, and several ranks cannot tell if the "
                f"numbers are of their rows; give it one, such as random.{method.__name__}(size=inputs.shape)"
            )
        shape = _shape(size)
        if not self._is_of_rows(shape):
            return method(*arguments, **named)
        whole = self.rows, *shape[1:]
        if len(arguments) > place:
            arguments = *arguments[:place], whole, *arguments[place + 1 :]
        else:
            named["size"] = whole
        return method(*arguments, **named)[self.before : self.before + self.own]

    def _mixed(self, method: Any, values: Any, *arguments: Any, **named: Any) -> Any:
        """Return what a method of the stream does to some order, which must not be that of the rows."""
        if (values if isinstance(values, int | np.integer) else len(values)) == self.own:
            raise InvalidValue(
                f"a layer's random.{method.__name__} mixes the rows of a batch, of which each rank has a part; "
                "train it in one process, without communicator"
            )
        return method(values, *arguments, **named)

    def _is_of_rows(self, shape: tuple[int, ...]) -> bool:
        return bool(shape) and shape[0] == self.own


def _shape(size: Any) -> tuple[int, ...]:
    """Return the argument `size` as a shape; that of one number is ()."""
    if size is None:
        return ()
    return (int(size),) if isinstance(size, int | np.integer) else tuple(size)


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
