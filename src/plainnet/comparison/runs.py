"""One run of one variant from one seed, and what is kept of it."""

import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite, nan
from typing import Any

from plainnet.comparison.data import Data
from plainnet.comparison.variants import Variant
from plainnet.errors import DivergenceError, InvalidValue, PlainnetWarning
from plainnet.history import History, Report

LONGEST_CURVE = 200
"""A run keeps at most about so many points of its curves, evenly spaced."""

LOSSES = ("loss", "validation_loss")


@dataclass(frozen=True)
class Run:
    """What came of training a variant from a seed.

    The measures are those of the parameters that the network ended with: the best ones under early stopping, the
    last ones otherwise. A run that diverged has none.
    """

    variant: str
    seed: int
    diverged: bool
    epochs: int
    """Epochs trained."""
    seconds: float
    loss: float | None
    validation_loss: float | None
    metrics: Mapping[str, float | None]
    """On the validation data where there are any, otherwise on the training data; None where not defined."""
    curves: Mapping[str, list[Any]]
    """"epoch", "loss" and, with validation data, "validation_loss": lists of the same length."""

    def measure(self, name: str) -> float:
        """The loss, the validation loss or a metric by name; NaN where the run has none."""
        value = getattr(self, name) if name in LOSSES else self.metrics.get(name)
        return nan if value is None else float(value)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON holds exactly."""
        return asdict(self)


def train(variant: Variant, seed: int, data: Data) -> Run:
    """Train the variant from the seed; a run that diverges is a result, not an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlainnetWarning)  # said once, before the first run
        net = variant.make(seed)
        X, y, held_out = data.of(seed)
        reports = net.training(X, y, **variant.options, **held_out)
    assert net.history is not None
    keeps_best = net.history.settings["early_stopping"]
    began = time.perf_counter()
    kept: Report | None = None
    diverged = False
    try:
        for report in reports:
            if kept is None or report.is_best or not keeps_best:
                kept = report
    except DivergenceError:
        diverged = True
    ended = None if diverged else kept
    return Run(
        variant=variant.name,
        seed=seed,
        diverged=diverged,
        epochs=net.history.epoch[-1] if net.history.epoch else 0,
        seconds=time.perf_counter() - began,
        loss=None if ended is None else _finite(ended.loss),
        validation_loss=None if ended is None else _finite(ended.validation_loss),
        metrics={} if ended is None else {name: _finite(value) for name, value in ended.metrics.items()},
        curves=_curves(net.history),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _curves(history: History) -> dict[str, list[Any]]:
    step = max(1, -(-len(history.epoch) // LONGEST_CURVE))
    kept = slice((len(history.epoch) - 1) % step, None, step)  # the last point is among them
    curves: dict[str, list[Any]] = {"epoch": history.epoch[kept], "loss": history.loss[kept]}
    return curves | ({"validation_loss": history.validation_loss[kept]} if history.validation_loss else {})


def require_measure(what: str, name: str, known: list[str]) -> None:
    """Refuse the name of a measure that not every run has."""
    if name not in known:
        raise InvalidValue(f"{what} is {name!r}; every run has: {', '.join(known)} (metrics=[...] adds to them)")
