"""What a training run tells: a Report now and then, and the History of them all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Report:
    """What happened up to the end of an epoch.

    `loss` is the mean over the last epoch's batches, each taken before its step, penalties included;
    `validation_loss` and `metrics` are measured after the epoch, the metrics on the validation data where there is
    one and on the training data otherwise.
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
    seconds: float
    """Since the run began."""
    rows_per_second: float
    """Training examples a second, over the whole run."""
    is_best: bool
    """Whether the monitored loss is the best so far."""


@dataclass
class History:
    """The reports of a run, a list for each of their numbers, all of the same length."""

    epoch: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    """Empty without validation data."""
    metrics: dict[str, list[float]] = field(default_factory=dict)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    """The epoch of the lowest monitored loss: validation loss, or training loss without validation."""
    stopped: str = "not finished"
    """Why the run ended: "all epochs", "early stopping", "interrupted", "diverged"; "not finished" before that."""
    settings: dict[str, Any] = field(default_factory=dict)
    """The options of the run as plain data."""

    def append(self, report: Report) -> None:
        """Add a report to the end of every list."""
        self.epoch.append(report.epoch)
        self.loss.append(report.loss)
        if report.validation_loss is not None:
            self.validation_loss.append(report.validation_loss)
        for name, value in report.metrics.items():
            self.metrics.setdefault(name, []).append(value)
        self.learning_rate.append(report.learning_rate)
        self.seconds.append(report.seconds)
        if report.is_best:
            self.best_epoch = report.epoch

    def to_dict(self) -> dict[str, Any]:
        """Plain data, the inverse of `History(**data)`."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __repr__(self) -> str:
        if not self.epoch:
            return f"History({self.stopped}, no reports)"
        parts = [f"loss {self.loss[-1]:.6g}"]
        if self.validation_loss:
            parts.append(f"validation loss {self.validation_loss[-1]:.6g}")
        parts += [f"{name} {values[-1]:.4g}" for name, values in self.metrics.items()]
        return f"History({self.epoch[-1]} epochs, {self.stopped}; last: {', '.join(parts)})"
