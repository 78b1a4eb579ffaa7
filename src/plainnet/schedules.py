"""Schedules: the learning rate, or another number, as a function of how far the run has come.

`rate(epoch, epochs, memory)` is the learning rate after `epoch` epochs of `epochs`; epoch is a fraction within an
epoch (2.5 is the middle of the third), so smooth schedules move with every step. Past the end of the run, schedules
that lead to its end keep their last rate. `memory` is a dict kept with the run: `memory["step"]` is the length of a
step in epochs (1 where it is not there), and `ReduceOnPlateau` writes what it has seen there in `observe`.

Weight decay and dropout's rate take a schedule as well: what it calls its learning rate is then their value.

A setting out of its range raises InvalidValue, one of another kind InvalidType.

>>> import plainnet as pn
>>> from plainnet.schedules import Cosine, LinearWarmup
>>> schedule = LinearWarmup(Cosine(0.1), warmup=10)
>>> [round(schedule.rate(epoch, 100, {}), 4) for epoch in (0, 9, 50, 100)]
[0.01, 0.098, 0.05, 0.0]
>>> optimizer = pn.Adam(learning_rate=schedule)
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from plainnet._base import checks
from plainnet._base.configurable import Adjustable, Configurable, build, own_name, parts, shown_name
from plainnet.errors import InvalidType, InvalidValue

__all__ = [
    "Constant",
    "Cosine",
    "CosineLog",
    "Exponential",
    "FlatCosine",
    "LinearWarmup",
    "OneCycle",
    "ReduceOnPlateau",
    "Schedule",
    "Step",
]

Memory = dict[str, float]

USUAL_EPOCHS = 100
"""The epochs of a run unless `fit` is told otherwise."""


class Schedule(Adjustable):
    """A schedule says what the learning rate is at each point of a run; this is the base of all.

    η is `learning_rate`, a number above 0; epochs are counted in fractions. A schedule of your own has a method `rate`.
    """

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        """Return the learning rate at the point `epoch` of a run of `epochs` epochs.

        `memory` is the dict that belongs to the run: see above.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method rate(epoch, epochs, memory)")

    @property
    def watches(self) -> bool:
        """True if the rate depends on what the reports say."""
        return type(self).observe is not Schedule.observe

    def observe(self, loss: float, memory: Memory) -> None:
        """Note in the dict `memory` a report's validation `loss`, or its training loss where there is no validation."""


class Constant(Schedule):
    """rate = η, from the beginning to the end."""

    name = "constant"

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        return self.learning_rate


class Step(Schedule):
    """rate = η · factor^⌊epoch / every⌋, a drop by `factor`, above 0, after every `every` epochs, at least 1."""

    name = "step"

    def __init__(self, learning_rate: float, every: int = 30, factor: float = 0.1) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0)
        self.every = checks.whole_number("every", every, least=1)
        self.factor = checks.number("factor", factor, above=0)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        return self.learning_rate * _power(self.factor, math.floor(epoch / self.every))


class Exponential(Schedule):
    """rate = η · factor^epoch, with `factor` above 0."""

    name = "exponential"

    def __init__(self, learning_rate: float, factor: float = 0.95) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0)
        self.factor = checks.number("factor", factor, above=0)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        return self.learning_rate * _power(self.factor, epoch)


class Cosine(Schedule):
    """rate = minimum + (η - minimum) (1 + cos(π epoch / epochs)) / 2, half a cosine from η down.

    `minimum` is the rate at the end, from 0 to η (Loshchilov & Hutter 2017, without restarts).
    """

    name = "cosine"

    def __init__(self, learning_rate: float, minimum: float = 0.0) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0)
        self.minimum = checks.number("minimum", minimum, least=0, most=self.learning_rate)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        return _cosine(self.learning_rate, self.minimum, epoch / epochs)


class CosineLog(Schedule):
    """rate = η (1 - cos(2π log2(1 + (2^cycles - 1) t))) / 2 with t = epoch / epochs: waves, each twice as long.

    It starts and ends at 0 and comes back to 0 after each wave, at t = (2^k - 1) / (2^cycles - 1) for k = 0 ... cycles.
    Four cycles are "coslog4" of RealMLP (Holzmüller, Grinsztajn & Steinwart 2024). `cycles`, the number of waves, is at
    least 1.
    """

    name = "cosine_log"

    def __init__(self, learning_rate: float, cycles: int = 4) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0)
        self.cycles = checks.whole_number("cycles", cycles, least=1)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        progress = min(epoch / epochs, 1.0)
        waves = math.log2(1 + (2.0**self.cycles - 1) * progress)
        return self.learning_rate * (1 - math.cos(2 * math.pi * waves)) / 2


class FlatCosine(Schedule):
    """rate = η over the first `flat` share of the run, then η (1 + cos(π s)) / 2, where s goes from 0 to 1.

    `flat` is a share of the run from 0 to below 1. Half of it flat is RealMLP's schedule of dropout and weight decay
    (Holzmüller, Grinsztajn & Steinwart 2024).
    """

    name = "flat_cosine"

    def __init__(self, learning_rate: float, flat: float = 0.5) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, above=0)
        self.flat = checks.number("flat", flat, least=0, below=1)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        falling = max(0.0, epoch / epochs - self.flat) / (1 - self.flat)
        return _cosine(self.learning_rate, 0.0, falling)


class LinearWarmup(Schedule):
    """The rate rises in a line from start · η to η over the first `warmup` epochs, and then is the schedule given as η.

    `learning_rate` is a number or another schedule, `warmup` a number of epochs above 0, `start` a share from 0 to 1.
    From 0, the default, each step takes the rate that the line reaches at its end, so that no step is lost at a rate
    of 0: of n steps of warm-up, step t, counted from 0, has (t + 1) / n · η (Goyal et al. 2017).
    """

    name = "linear_warmup"

    def __init__(self, learning_rate: "Rate", warmup: float = 5, start: float = 0.0) -> None:
        self.learning_rate = resolve(learning_rate)
        self.warmup = checks.number("warmup", warmup, above=0)
        self.start = checks.number("start", start, least=0, most=1)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        reached = min(epoch if self.start else epoch + memory.get("step", 1.0), epochs)
        share = min(1.0, self.start + (1 - self.start) * reached / self.warmup)
        return share * self.learning_rate.rate(epoch, epochs, memory)

    @property
    def watches(self) -> bool:
        return self.learning_rate.watches

    def observe(self, loss: float, memory: Memory) -> None:
        self.learning_rate.observe(loss, memory)


class OneCycle(Schedule):
    """The rate rises from η / 25 to η over the first `warmup` share of the run, then falls to η / 250,000, by cosines.

    `warmup` is a share of the run, above 0 and below 1. The rate starts at η / `start_divisor`, 25 by default, and ends
    at this rate / `end_divisor`, 10,000 by default; both are at least 1 (Smith & Topin 2018; the defaults are
    PyTorch's).
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
    """rate = η times `factor` for each time that the loss has not improved for more than `patience` reports.

    An improvement is a finite loss below best - threshold · |best|, best being the lowest so far; the rate does not
    fall below `minimum`. `factor` is above 0 and below 1, `patience` at least 0, `threshold` from 0 to below 1. Early
    stopping waits 10 epochs by default, so that a rate lowered after 6 has 4 to help.
    """

    name = "reduce_on_plateau"

    def __init__(
        self,
        learning_rate: float,
        factor: float = 0.1,
        patience: int = 5,
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
        is_first = not math.isfinite(best)
        if math.isfinite(loss) and (is_first or loss < best - self.threshold * abs(best)):
            memory.update(best=loss, waited=0)
            return
        memory["waited"] = memory.get("waited", 0) + 1
        if memory["waited"] > self.patience:
            present = memory.get("learning_rate", self.learning_rate)
            memory.update(learning_rate=max(present * self.factor, self.minimum), waited=0)


def _cosine(start: float, end: float, progress: float) -> float:
    """Go from `start` at progress 0 to `end` at progress 1 along half a cosine, and stay at `end`."""
    return end + (start - end) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2


def _power(factor: float, exponent: float) -> float:
    """factor^exponent; infinite where it is too large for a number, which the run then refuses as diverged."""
    try:
        return float(factor**exponent)
    except OverflowError:
        return math.inf


SCHEDULES: dict[str, type[Schedule]] = parts(Schedule, globals())
"""Every schedule above by its name."""


class FunctionSchedule(Schedule):
    """A user's own function (epoch, epochs) -> learning rate, or the number that the argument `of` is."""

    def __init__(self, function: Callable[[float, int], float], of: str = "learning_rate") -> None:
        import inspect  # only a function of the user's own pays for this import

        self.function = function
        self.of = of
        self.name = own_name(function)  # type: ignore[misc]
        try:
            inspect.signature(function).bind(0.0, 1)
        except TypeError as error:
            raise InvalidType(
                f"{of} is the function {shown_name(function)}; a schedule takes (epoch, epochs): {error}"
            ) from None
        except ValueError:
            pass  # a function of C that does not tell its arguments

    def settings(self) -> dict[str, Any]:
        return {}

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        rate = self.function(epoch, epochs)
        what = f"the {self.of.replace('_', ' ')} that {shown_name(self.function)} gives for epoch {epoch:g} of {epochs}"
        return checks.number(what, rate, least=0)


Rate = float | Schedule | dict[str, Any] | Callable[[float, int], float]


def resolve(learning_rate: Rate) -> Schedule:
    """Return the schedule meant by a number, a description, an object or a function (epoch, epochs) -> rate."""
    given = _schedule("learning_rate", learning_rate, "above 0")
    return Constant(learning_rate) if given is None else given  # type: ignore[arg-type]


def number_or_schedule(name: str, given: Rate, limits: Mapping[str, float]) -> float | Schedule:
    """Return the setting `name`, a number within the limits (see `checks.number`) or a schedule of such numbers."""
    schedule = _schedule(name, given, "")
    if schedule is None:
        return checks.number(name, given, **limits)
    if schedule.watches:
        raise InvalidValue(
            f"{name} is {schedule!r}, which follows the reports of a run, as the learning rate alone can; it takes a "
            "number or another schedule such as plainnet.schedules.FlatCosine(0.1)"
        )
    return schedule


def _schedule(name: str, given: Rate, bounds: str) -> Schedule | None:
    """Return the schedule that is meant by what was given as `name`; None for what has to be a number."""
    if isinstance(given, Schedule):
        return given
    if isinstance(given, dict):
        made: Schedule = build(name, given, SCHEDULES)
        return made
    if callable(given):
        return FunctionSchedule(given, name)
    if isinstance(given, str):
        raise InvalidType(
            f"{name} is {given!r}; it takes a number{bounds and ' '}{bounds} or a schedule such as "
            "plainnet.schedules.Cosine(0.01)"
        )
    return None


def at_start(schedule: Schedule) -> float:
    """Return the value of a schedule in the first step of a run of the usual length."""
    return schedule.rate(0.0, USUAL_EPOCHS, {})


class Scheduled(NamedTuple):
    """This is a setting, other than the learning rate, that follows a schedule."""

    schedule: Schedule
    setting: str
    """The name of the setting in its part."""
    part: str
    """The name of the part."""
    limits: Mapping[str, float]
    """The limits of its values, as `checks.number` takes them."""

    def value(self, epoch: float, epochs: int, memory: Memory) -> float:
        """Return its value at a point of the run; InvalidValue where that is out of its limits."""
        value = self.schedule.rate(epoch, epochs, memory)
        if "least" in self.limits and self.limits["least"] <= value < self.limits.get("below", math.inf):
            return value
        return checks.number(f"{self.setting} of {self.part} at epoch {epoch:g} of {epochs}", value, **self.limits)


def scheduled(part: Configurable) -> Iterator[Scheduled]:
    """Yield each setting of a part, and of the parts in it, that follows a schedule, but for the learning rate.

    A class names the settings that may do so in `limits`, with the limits of their values.
    """
    for setting, value in part.settings().items():
        if isinstance(value, Schedule) and setting != "learning_rate":
            yield Scheduled(value, setting, type(part).__name__, getattr(part, "limits", {}).get(setting, {}))
        elif not isinstance(value, Schedule):
            for inner in _parts_in(value):
                yield from scheduled(inner)


def _parts_in(value: Any) -> Iterator[Configurable]:
    if isinstance(value, Configurable):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _parts_in(item)
