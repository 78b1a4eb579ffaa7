"""Schedules: the learning rate as a function of how far the run has come.

`rate(epoch, epochs, memory)` is the learning rate after `epoch` epochs of `epochs`; epoch is a fraction within an
epoch (2.5 is the middle of the third), so smooth schedules move with every step. `memory` is a dict kept with
the run, empty but for `ReduceOnPlateau`, which writes what it has seen there in `observe`.
"""

import math
from collections.abc import Callable
from typing import Any

from plainnet import checks
from plainnet.configurable import Adjustable, build, own_name
from plainnet.errors import InvalidType

Memory = dict[str, float]


class Schedule(Adjustable):
    """What all schedules share."""

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        """The learning rate at the point `epoch` of a run of `epochs` epochs."""
        raise NotImplementedError(f"{type(self).__name__} needs a method rate(epoch, epochs, memory)")

    def observe(self, loss: float, memory: Memory) -> None:
        """Take notice of a report's validation loss (training loss where there is no validation)."""


class Constant(Schedule):
    """η."""

    name = "constant"

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        return self.learning_rate


class Step(Schedule):
    """η · factor^⌊epoch / every⌋: a drop after every `every` epochs."""

    name = "step"

    def __init__(self, learning_rate: float, every: int = 30, factor: float = 0.1) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0)
        self.every = checks.whole_number("every", every, least=1)
        self.factor = checks.number("factor", factor, above=0)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        return self.learning_rate * self.factor ** math.floor(epoch / self.every)


class Exponential(Schedule):
    """η · factor^epoch."""

    name = "exponential"

    def __init__(self, learning_rate: float, factor: float = 0.95) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0)
        self.factor = checks.number("factor", factor, above=0)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        return float(self.learning_rate * self.factor**epoch)


class Cosine(Schedule):
    """minimum + (η - minimum) (1 + cos(π epoch / epochs)) / 2 (Loshchilov & Hutter 2017, without restarts)."""

    name = "cosine"

    def __init__(self, learning_rate: float, minimum: float = 0.0) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0)
        self.minimum = checks.number("minimum", minimum, least=0, most=self.learning_rate)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        return _cosine(self.learning_rate, self.minimum, epoch / epochs)


class LinearWarmup(Schedule):
    """η rising in a line from start · η over the first `warmup` epochs, and from there the schedule given as η."""

    name = "linear_warmup"

    def __init__(self, learning_rate: "Rate", warmup: float = 5, start: float = 0.0) -> None:
        self.learning_rate = resolve(learning_rate)
        self.warmup = checks.number("warmup", warmup, above=0)
        self.start = checks.number("start", start, least=0, most=1)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        share = min(1.0, self.start + (1 - self.start) * epoch / self.warmup)
        return share * self.learning_rate.rate(epoch, epochs, memory)

    def observe(self, loss: float, memory: Memory) -> None:
        self.learning_rate.observe(loss, memory)


class OneCycle(Schedule):
    """Up from η / 25 to η over the first `warmup` share of the run, then down to η / 250,000; both along a cosine.

    Smith & Topin 2018, with PyTorch's defaults for the two ends.
    """

    name = "one_cycle"

    def __init__(
        self, learning_rate: float, warmup: float = 0.3, start_divisor: float = 25, end_divisor: float = 1e4
    ) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0)
        self.warmup = checks.number("warmup", warmup, above=0, below=1)
        self.start_divisor = checks.number("start_divisor", start_divisor, least=1)
        self.end_divisor = checks.number("end_divisor", end_divisor, least=1)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        start = self.learning_rate / self.start_divisor
        progress = epoch / epochs
        if progress < self.warmup:
            return _cosine(start, self.learning_rate, progress / self.warmup)
        end = start / self.end_divisor
        return _cosine(self.learning_rate, end, (progress - self.warmup) / (1 - self.warmup))


class ReduceOnPlateau(Schedule):
    """η times `factor` each time the observed loss has not improved for more than `patience` reports.

    An improvement is a loss below (1 - threshold) times the best so far; the rate does not fall below `minimum`.
    """

    name = "reduce_on_plateau"

    def __init__(
        self,
        learning_rate: float,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        minimum: float = 0.0,
    ) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0)
        self.factor = checks.number("factor", factor, above=0, below=1)
        self.patience = checks.whole_number("patience", patience, least=0)
        self.threshold = checks.number("threshold", threshold, least=0, below=1)
        self.minimum = checks.number("minimum", minimum, least=0, most=self.learning_rate)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        return memory.get("learning_rate", self.learning_rate)

    def observe(self, loss: float, memory: Memory) -> None:
        best = memory.get("best", math.inf)
        if math.isinf(best) or loss < best * (1 - self.threshold):
            memory.update(best=loss, waited=0)
            return
        memory["waited"] += 1
        if memory["waited"] > self.patience:
            present = memory.get("learning_rate", self.learning_rate)
            memory.update(learning_rate=max(present * self.factor, self.minimum), waited=0)


class FunctionSchedule(Schedule):
    """A user's own function (epoch, epochs) -> learning rate."""

    def __init__(self, function: Callable[[float, int], float]) -> None:
        self.function = function
        self.name = own_name(function)  # type: ignore[misc]
        try:
            self.rate(0.0, 1, {})
        except TypeError as error:
            raise InvalidType(f"learning_rate {self.name} takes (epoch, epochs) and gives a number: {error}") from None

    def settings(self) -> dict[str, Any]:
        return {}

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        rate = self.function(epoch, epochs)
        return checks.number(f"the learning rate of {self.name} at epoch {epoch:g}", rate, least=0)


def _cosine(start: float, end: float, progress: float) -> float:
    """From `start` at progress 0 to `end` at progress 1 along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


SCHEDULES: dict[str, type[Schedule]] = {
    cls.name: cls for cls in (Constant, Step, Exponential, Cosine, LinearWarmup, OneCycle, ReduceOnPlateau)
}

Rate = float | Schedule | dict[str, Any] | Callable[[float, int], float]


def resolve(learning_rate: Rate) -> Schedule:
    """The schedule meant by a number (constant), a description, an object or a function (epoch, epochs) -> rate."""
    if isinstance(learning_rate, Schedule):
        return learning_rate
    if isinstance(learning_rate, dict):
        return build("learning_rate", learning_rate, SCHEDULES)
    if callable(learning_rate):
        return FunctionSchedule(learning_rate)
    if isinstance(learning_rate, str):
        raise InvalidType(
            f"learning_rate is {learning_rate!r}; it takes a number above 0 or a schedule such as "
            "plainnet.schedules.Cosine(0.01)"
        )
    return Constant(learning_rate)
