"""The record of a training run: a Report every few epochs, and the History of all reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue

__all__ = ["History", "Report"]

MOST_REPORTS = 10_000
"""The most reports that a History keeps."""

SOURCE = ("weight_column", "data", "target", "seed", "command")
"""The names in `History.source`: what a command was told of a table, its seed, and the command line itself."""


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """A report tells how a run stands at the end of an epoch.

    `loss` is the mean over the last epoch's batches, each taken before its step, penalties included;
    `validation_loss` and `metrics` are measured after the epoch, the metrics on the validation data if there are any,
    otherwise on the training data.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.xor()
    >>> net = pn.Network(pn.Dense(1, "sigmoid"), input_size=3, seed=1)
    >>> for report in net.training(X, y, loss="mse", epochs=20, report_every=10):
    ...     print(report.epoch, report.epochs, report.is_best)
    10 20 True
    20 20 True
    """

    epoch: int
    """Epochs done, counted from 1."""
    epochs: int
    """Epochs asked for."""
    loss: float
    validation_loss: float | None
    metrics: Mapping[str, float]
    learning_rate: float
    """The learning rate of the last step."""
    gradient_norm: float
    """‖∂loss/∂parameters‖ at the last step, before clipping."""
    seconds: float
    """Seconds since the run began."""
    rows_per_second: float
    """Training examples a second, over the whole run."""
    is_best: bool
    """True if the monitored number, usually the loss, is the best so far."""
    layer_gradient_norms: Mapping[str, float] = field(default_factory=dict)
    """The same norm for each layer that has parameters, by names such as 'layers[0]'."""
    engine: str = "numpy"
    """The engine that ran the epoch, with the reason in brackets if another one was asked for."""
    threads: int | None = None
    """The threads of the engine; None if BLAS decides."""

    def __repr__(self) -> str:
        numbers = {"validation loss": self.validation_loss, **self.metrics}
        measured = "".join(f", {name} {value:.6g}" for name, value in numbers.items() if value is not None)
        best = ", the best so far" if self.is_best else ""
        return f"Report(epoch {self.epoch} of {self.epochs}, loss {self.loss:.6g}{measured}{best})"


@dataclass
class History:
    """A history keeps the reports of a run: a list for each of their numbers, all of the same length.

    At most 10,000 (`MOST_REPORTS`) are kept, evenly spaced: a full history drops every second report and keeps every
    second (then every fourth, ...) of what comes. The latest report is always its last. Memory stays bounded however
    long a run is. `epoch`, `loss`, `metrics`, `learning_rate`, `gradient_norm`, `layer_gradient_norms` and `seconds`
    are those of the reports; see `Report`.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.xor()
    >>> net = pn.Network(pn.Dense(1, "sigmoid"), input_size=3, seed=1)
    >>> history = net.fit(X, y, loss="mse", epochs=3, metrics=["rmse"])
    >>> history.epoch, history.stopped, len(history.metrics["rmse"])
    ([1, 2, 3], 'all epochs', 3)
    """

    epoch: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    """Empty without validation data."""
    metrics: dict[str, list[float]] = field(default_factory=dict)
    learning_rate: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    layer_gradient_norms: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    """The epoch of the lowest validation loss, of the training loss without validation, or the best by `monitor`."""
    stopped: str = "not finished"
    """The reason for the end: "all epochs", "early stopping", "interrupted", "diverged"; "not finished" before that."""
    settings: dict[str, Any] = field(default_factory=dict)
    """The options of the run as plain data, the engine that ran it, and the numbers of its examples."""
    source: dict[str, Any] = field(default_factory=dict)
    """The origin of the run, by the names in SOURCE, if a command started it; empty otherwise."""
    reports: int = 0
    """The number of reports."""
    every: int = 1
    """One report in so many is kept."""

    @property
    def restored_epoch(self) -> int | None:
        """The epoch whose parameters early stopping restored at the end; None without early stopping."""
        early = self.settings.get("early_stopping") or self.stopped == "early stopping"
        return self.best_epoch if early else None

    def __post_init__(self) -> None:
        if not all(isinstance(values, list) for values in self._lists()):
            raise InvalidValue("a history takes a list for each of its numbers")
        moved = {name: self.settings.pop(name) for name in SOURCE if name in self.settings}  # files of version 0.1
        self.source = moved | self.source

    def append(self, report: Report) -> None:
        """Add a `report`."""
        self._make_room(1)
        self.epoch.append(report.epoch)
        self.loss.append(report.loss)
        if report.validation_loss is not None:
            self.validation_loss.append(report.validation_loss)
        for name, value in report.metrics.items():
            self.metrics.setdefault(name, []).append(value)
        self.learning_rate.append(report.learning_rate)
        self.gradient_norm.append(report.gradient_norm)
        for name, value in report.layer_gradient_norms.items():
            self.layer_gradient_norms.setdefault(name, []).append(value)
        self.seconds.append(report.seconds)
        if report.is_best:
            self.best_epoch = report.epoch

    def extend(self, columns: Mapping[str, Array], layer_gradient_norms: Mapping[str, Array]) -> None:
        """Add reports without validation and metrics: an array for each of their numbers, all of the same length.

        `columns` has them by their names ("epoch", "loss", ...), `layer_gradient_norms` by the layers' names.
        """
        begin, new = self.reports, len(columns["epoch"])
        self._make_room(new)
        kept = np.arange(-begin % self.every, new, self.every)
        if (self.reports - 1) % self.every:
            kept = np.append(kept, new - 1)
        for name, values in columns.items():
            getattr(self, name).extend(values[kept].tolist())
        for name, values in layer_gradient_norms.items():
            self.layer_gradient_norms.setdefault(name, []).extend(values[kept].tolist())

    def _make_room(self, new: int) -> None:
        """Count so many new reports, and drop the old ones that are not kept beside them."""
        if self.reports and (self.reports - 1) % self.every:
            self._drop(slice(-1, None))  # it was kept only as the latest
        self.reports += new
        while -(-(self.reports - 1) // self.every) >= MOST_REPORTS:
            self._drop(slice(1, None, 2))
            self.every *= 2

    def _drop(self, dropped: slice) -> None:
        for values in self._lists():
            del values[dropped]

    def _lists(self) -> list[list[Any]]:
        own: list[list[Any]] = [self.epoch, self.loss, self.learning_rate, self.gradient_norm, self.seconds]
        return [*own, self.validation_loss, *self.metrics.values(), *self.layer_gradient_norms.values()]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, which `History(**data)` takes."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def _repr_html_(self) -> str:
        from plainnet.plots.notebook import history_html

        return history_html(self)

    def _repr_png_(self) -> bytes | None:
        from plainnet.plots.notebook import history_png

        return history_png(self)

    def __repr__(self) -> str:
        if not self.epoch:
            return f"History({self.stopped}, no reports)"
        parts = [f"loss {self.loss[-1]:.6g}"]
        if self.validation_loss:
            parts.append(f"validation loss {self.validation_loss[-1]:.6g}")
        parts += [f"{name} {values[-1]:.4g}" for name, values in self.metrics.items()]
        return f"History({self.epoch[-1]} epochs, {self.stopped}; last: {', '.join(parts)})"
