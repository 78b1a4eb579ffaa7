"""The rule by which a run ends, and which of its epochs it keeps."""

import math
from collections.abc import Mapping
from typing import Any

from plainnet._base import checks
from plainnet._base.configurable import Configurable
from plainnet.errors import warn
from plainnet.history import History


class EarlyStopping(Configurable):
    """Stop when the monitored loss has not improved for `patience` epochs, and go back to the best parameters.

    The monitored loss is the validation loss, or the training loss without validation data. `patience` is at least 1.
    An improvement is a fall by more than `minimum_improvement`, at least 0, below the best so far (Prechelt 1998). A
    loss that is not finite improves nothing; if none ever is, the run keeps its last parameters and warns.
    """

    def __init__(self, patience: int = 10, minimum_improvement: float = 0.0) -> None:
        self.patience = checks.whole_number("patience", patience, least=1)
        self.minimum_improvement = checks.number("minimum_improvement", minimum_improvement, least=0)


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
        """The best monitored loss so far."""

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
        monitored = loss if validation_loss is None else validation_loss
        margin = self.early_stopping.minimum_improvement if self.early_stopping else 0.0
        improves = math.isfinite(monitored) and monitored < self.best - margin
        if improves:
            self.best = monitored
        return improves

    def reason(self, history: History) -> str:
        """Return why the run ends with the last report of `history`; "not finished" if it goes on."""
        epoch = history.epoch[-1]
        if epoch == self.last_epoch:
            return "all epochs"
        waited = epoch - (history.best_epoch or 0)
        if self.early_stopping and waited >= self.early_stopping.patience:
            return "early stopping"
        return "not finished"

    def warn_of_no_best(self) -> None:
        """Warn that no epoch was ever the best, so that the run keeps its last parameters."""
        warn(
            "early stopping had nothing to go by: the validation loss was never a finite number. The network keeps "
            "its last parameters; look at the loss and the validation data"
        )
