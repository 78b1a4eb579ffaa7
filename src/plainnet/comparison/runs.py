"""One run of one variant from one seed: its training and its record."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import nan
from typing import Any, TypeAlias

from plainnet._base.configurable import without_nan
from plainnet.comparison.seed_data import SeedData
from plainnet.comparison.variants import Variant
from plainnet.errors import DivergenceError, InvalidValue, warnings_passed_over
from plainnet.history import History
from plainnet.training import prepare
from plainnet.training.options import Options

LONGEST_CURVE = 200
"""A run keeps about this many evenly spaced points of its curves at most."""

LOSS_MEASURES = ("loss", "validation_loss")

Measures: TypeAlias = tuple[float | None, float | None, Mapping[str, float]]
"""The loss, the validation loss and the metrics."""


@dataclass(frozen=True)
class Run:
    """A run is the result of training a variant from a seed.

    The measures are those of the parameters that the network ended with: the best ones under early stopping, the
    last ones otherwise. A run that diverged has none.

        variant          the name of the variant
        seed             the seed
        diverged         True if the loss stopped being finite
        seconds          the time that the training took
        loss             the training loss; None if the run diverged
        validation_loss  the loss on the validation data; None if there are none, or the run diverged
    """

    variant: str
    seed: int
    diverged: bool
    epochs: int
    """The number of epochs trained."""
    seconds: float
    loss: float | None
    validation_loss: float | None
    metrics: Mapping[str, float | None]
    """Measured on the validation data, or on the training data if there are none; None where not defined."""
    curves: Mapping[str, list[Any]]
    """Lists of the same length: "epoch", "loss", each metric and, with validation data, "validation_loss".

    They hold None where a measure is not defined. Results files of version 0.1 have no metrics here.
    """

    def measure(self, name: str) -> float:
        """Return the loss, the validation loss or a metric by name; NaN if the run has none."""
        value = getattr(self, name) if name in LOSS_MEASURES else self.metrics.get(name)
        return nan if value is None else float(value)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that JSON holds exactly."""
        return asdict(self)


def train(variant: Variant, seed: int, data: SeedData) -> Run:
    """Train the variant from the seed; a run that diverges is a result, not an error."""
    with warnings_passed_over():  # said once, before the first run
        net = variant.make(seed)
        X, y, held_out = data.of(seed)
        run = prepare(net, X, y, Options.of({**variant.options, **held_out}))
    assert net.history is not None
    keeps_best = net.history.settings["early_stopping"]
    began = time.perf_counter()
    measures: Measures = (None, None, {})
    with suppress(DivergenceError):  # its history says so
        for report in run.reports(ahead=True):
            if report.is_best or net.history.best_epoch is None or not keeps_best:
                measures = (report.loss, report.validation_loss, report.metrics)
    return run_of(variant, seed, net.history, time.perf_counter() - began, measures)


def run_of(variant: Variant, seed: int, history: History, seconds: float, measures: Measures) -> Run:
    """Make a run of its history and the measures of the parameters that it ended with."""
    diverged = history.stopped == "diverged"
    loss, validation_loss, metrics = (None, None, {}) if diverged else measures
    return Run(
        variant=variant.name,
        seed=seed,
        diverged=diverged,
        epochs=history.epoch[-1] if history.epoch else 0,
        seconds=seconds,
        loss=without_nan(loss),
        validation_loss=without_nan(validation_loss),
        metrics=without_nan(metrics),
        curves=_curves(history),
    )


def _curves(history: History) -> dict[str, list[Any]]:
    step = max(1, -(-len(history.epoch) // LONGEST_CURVE))
    kept = slice((len(history.epoch) - 1) % step, None, step)  # the last point is among them
    curves: dict[str, list[Any]] = {"epoch": history.epoch[kept]}
    measured = {"loss": history.loss, "validation_loss": history.validation_loss, **history.metrics}
    return curves | without_nan({name: values[kept] for name, values in measured.items() if values})


def require_measure(what: str, name: str, known: list[str]) -> None:
    """Raise InvalidValue for a measure that not every run has."""
    if name not in known:
        raise InvalidValue(
            f"{what} is {name!r}; every run has: {', '.join(known)} (metrics=[...], or --metrics, adds to them)"
        )
