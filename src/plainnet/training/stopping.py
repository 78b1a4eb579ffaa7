"""The rule by which a run ends, and which of its epochs it keeps."""

import math
from collections.abc import Mapping
from typing import Any

from plainnet._base import checks
from plainnet._base.configurable import Configurable
from plainnet.errors import InvalidValue, warn
from plainnet.history import History
from plainnet.metrics import LOWER_IS_BETTER, METRICS, Measure

LOSS = "loss"
"""The name of the monitored number that every run has."""


class EarlyStopping(Configurable):
    """Stop when the monitored number has not improved for `patience` epochs, and go back to the best parameters.

    The monitored number is the validation loss, or the training loss without validation data; with `monitor` it is that
    metric of plainnet's, which the run has to measure. `patience` is at least 1; with None all epochs run. An
    improvement is better than the best so far by more than `minimum_improvement`, at least 0 (Prechelt 1998). A number
    that is not finite improves nothing; if none ever does, the run keeps its last parameters and warns.

    Of epochs that are exactly as good as the best one the first is kept, or the last with `last`, as RealMLP has it
    (Holzmüller, Grinsztajn & Steinwart 2024). Such an epoch is no improvement, so `patience` goes on counting.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.moons(200, noise=0.2, seed=1)
    >>> net = pn.Network(pn.Dense(8, "tanh"), pn.Dense(2, "softmax"), seed=1)
    >>> history = net.fit(X, y, loss="cross_entropy", epochs=200, validation=0.2, metrics=["accuracy"],
    ...                   early_stopping=pn.EarlyStopping(patience=5, monitor="accuracy"))
    >>> history.stopped, history.restored_epoch == history.best_epoch
    ('early stopping', True)
    """

    def __init__(
        self, patience: int | None = 10, minimum_improvement: float = 0.0, monitor: str = LOSS, last: bool = False
    ) -> None:
        self.patience = None if patience is None else checks.whole_number("patience", patience, least=1)
        self.minimum_improvement = checks.number("minimum_improvement", minimum_improvement, least=0)
        self.monitor = checks.one_of("monitor", monitor, [LOSS, *METRICS])
        self.last = checks.flag("last", last)

    def check_metrics(self, metrics: Mapping[str, Measure]) -> None:
        """Refuse a monitor that a run with these `metrics` does not measure, or of which nobody knows the direction."""
        if self.monitor == LOSS:
            return
        if self.monitor not in metrics:
            given = [*metrics, self.monitor]
            raise InvalidValue(
                f"early_stopping monitors {self.monitor!r} and the run does not measure it; give metrics={given}"
            )
        if metrics[self.monitor].metric is not METRICS[self.monitor]:
            raise InvalidValue(
                f"early_stopping monitors {self.monitor!r}, and the metric of that name is a function of your own, of "
                "which nobody knows if a higher or a lower value is better; give it another name, and metrics the name "
                f"{self.monitor!r}"
            )


_USUAL = EarlyStopping()
"""It says what is better without early stopping. A new one at each report would be a setting that changes."""


class Stopping:
    """The rule of `Network.fit`: which epoch is the best so far, and when the run ends.

    A run asks `is_best` at each report, then `reason`. A subclass has another rule, such as that of scikit-learn.
    """

    advice = "Try a smaller learning rate, clip_norm=1 on the optimizer, or inputs and targets scaled to about -1 ... 1"
    """The advice in the message of a run that diverges."""

    def __init__(self, last_epoch: int, early_stopping: EarlyStopping | None = None) -> None:
        self.last_epoch = last_epoch
        self.early_stopping = early_stopping
        self.best = math.inf
        """The best monitored number so far, with a minus sign if a higher one is better."""
        self.improved_epoch = 0
        """The epoch of the latest improvement."""
        self.improves = False
        """True if the latest epoch is an improvement."""

    @property
    def keeps_best(self) -> bool:
        """True if the run ends with the parameters of its best epoch, not with the last ones."""
        return self.early_stopping is not None

    @property
    def watches(self) -> bool:
        """True if the rule has to judge each report before the run goes on; otherwise only the last epoch ends it."""
        return self.early_stopping is not None

    def settings(self) -> dict[str, Any] | None:
        """Return the options of early stopping as plain data, None without it."""
        return self.early_stopping.settings() if self.early_stopping else None

    def is_best(self, loss: float, validation_loss: float | None, metrics: Mapping[str, float]) -> bool:
        """Return True if these numbers of an epoch are the best so far, and remember them then."""
        stopping = self.early_stopping or _USUAL
        if stopping.monitor == LOSS:
            monitored = loss if validation_loss is None else validation_loss
        else:
            monitored = metrics[stopping.monitor] * (1 if stopping.monitor in LOWER_IS_BETTER else -1)
        self.improves = math.isfinite(monitored) and monitored < self.best - stopping.minimum_improvement
        if self.improves:
            self.best = monitored
        return self.improves or (stopping.last and monitored == self.best)

    def reason(self, history: History) -> str:
        """Return why the run ends with the last report of `history`; "not finished" if it goes on."""
        epoch = history.epoch[-1]
        if self.improves:
            self.improved_epoch = epoch
        if epoch == self.last_epoch:
            return "all epochs"
        patience = self.early_stopping.patience if self.early_stopping else None
        if patience is not None and epoch - self.improved_epoch >= patience:
            return "early stopping"
        return "not finished"

    def warn_of_no_best(self) -> None:
        """Warn that no epoch was ever the best, so that the run keeps its last parameters."""
        monitor = self.early_stopping.monitor if self.early_stopping else LOSS
        monitored = "the validation loss" if monitor == LOSS else monitor
        warn(
            f"early stopping had nothing to go by: {monitored} was never a finite number. The network keeps "
            "its last parameters; look at the loss and the validation data"
        )
