"""The options of a training run: one object, made once from the user's keywords and checked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from os import PathLike
from typing import Any, Literal, TypeAlias

import numpy as np

from plainnet import optimizers
from plainnet._base import checks
from plainnet.errors import InvalidType, InvalidValue
from plainnet.network import Network
from plainnet.optimizers import Optimizer
from plainnet.training.stopping import EarlyStopping

AUTO: Literal["auto"] = "auto"

BatchSize: TypeAlias = int | Literal["auto"] | None
ReportEvery: TypeAlias = int | Literal["auto"]
CheckpointEvery: TypeAlias = int | str

OF_A_FILE = ("checkpoint", "checkpoint_every", "resume")
"""The options that keep a single run in a file; functions that train several networks do not take them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Options:
    """What a training run is asked to do.

    `Network.fit` documents each option for users, and its signature has the defaults. What can be checked without
    the data and the network is checked when the object is made, and given the form stated here.
    """

    loss: Any
    """A name, an object or a function; None is refused when the network is known."""
    optimizer: Optimizer
    epochs: int
    """Passes over the data, at least 1."""
    batch_size: BatchSize
    """Examples per step, at least 1; None for all; "auto" for 32, or all if there are fewer."""
    shuffle: bool
    validation: Any
    """None, the fraction of the rows to hold out, or a tuple or list (X, y) or (X, y, sample_weight)."""
    early_stopping: EarlyStopping | None
    sample_weight: Any
    """None, or a weight for each example."""
    class_weight: Any
    """None, "balanced", or a dict {label: weight}."""
    metrics: Sequence[Any]
    """Names or functions (targets, predictions) -> float."""
    report_every: ReportEvery
    """Epochs from report to report, at least 1; "auto" for 1, or more in long runs of small networks."""
    engine: str
    """ "auto" or a name of `plainnet.engines.ENGINES`."""
    threads: int | None
    """At least 1; None lets the engine decide."""
    checkpoint: str | PathLike[str] | None
    checkpoint_every: CheckpointEvery
    """Epochs, at least 1, or seconds as a text such as "30s"."""
    resume: bool

    @classmethod
    def of(cls, given: Mapping[str, Any], caller: str = "training", without: Sequence[str] = ()) -> Options:
        """Make the options from keywords that the user gave the function `caller`, which does not take `without`."""
        known = set(cls.names()) - set(without)
        for name in given:
            if name not in known:
                raise InvalidType(f"{name}= is no option of {caller}; {_advice(name, known)}")
        defaults = Network.fit.__kwdefaults__ or {}
        return cls(**{name: given.get(name, defaults[name]) for name in cls.names()})

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of all options, in the order of `Network.fit`."""
        return [field.name for field in fields(cls)]

    def __post_init__(self) -> None:
        size = self.batch_size
        checked: dict[str, Any] = {
            "optimizer": optimizers.resolve(self.optimizer),
            "epochs": checks.whole_number("epochs", self.epochs, least=1),
            "batch_size": None if size is None else _number("batch_size", size, "a number of examples, 'auto' or None"),
            "shuffle": checks.flag("shuffle", self.shuffle),
            "early_stopping": _early_stopping(self.early_stopping),
            "report_every": _number("report_every", self.report_every, "a number of epochs, or 'auto'"),
            "threads": None if self.threads is None else checks.whole_number("threads", self.threads, least=1),
            "resume": checks.flag("resume", self.resume),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)  # the object is frozen from here on
        if self.resume and self.checkpoint is None:
            raise InvalidValue(
                "resume is True and checkpoint is None; resume takes checkpoint= with the file to go on from"
            )


def _number(name: str, given: Any, takes: str) -> int | str:
    """Return a whole number of at least 1, or "auto"; an option with other texts takes what `takes` says."""
    if not isinstance(given, str):
        return checks.whole_number(name, given, least=1)
    if given != AUTO:
        raise InvalidValue(f"{name} is {given!r}; it takes {takes}")
    return given


def _early_stopping(given: Any) -> EarlyStopping | None:
    """Return what True, False, None, a patience or an EarlyStopping stands for."""
    if isinstance(given, EarlyStopping):
        return given
    if given is None or isinstance(given, bool | np.bool):
        return EarlyStopping() if given else None
    try:
        return EarlyStopping(patience=given)
    except InvalidType:
        raise InvalidType(
            f"early_stopping is {given!r}; it takes True, a patience in epochs, or plainnet.EarlyStopping(...)"
        ) from None
    except InvalidValue as error:
        raise InvalidValue(f"early_stopping={given}: {error}") from None


def _advice(name: str, known: set[str]) -> str:
    """Return what to write instead of an unknown option."""
    instead = INSTEAD.get(name.lower())
    return f"write {instead}" if instead else checks.closest(name, {*known, "progress"})


_OPTIMIZER = "optimizer=plainnet.Adam(learning_rate=0.01)"
_ITERATE = "for report in net.training(X, y, ...): ..., which gives a report of each epoch"
_VALIDATION = "validation=0.2 (a fifth of the rows) or validation=(X, y)"
_SEED = "Network(..., seed=1), for the weights, the order of the rows and dropout"
_STOPPING = "early_stopping=10, or early_stopping=plainnet.EarlyStopping(patience=10, minimum_improvement=0.001)"
_PENALTY = "Dense(..., l2=0.001) for a penalty, or optimizer=plainnet.AdamW(weight_decay=0.01)"

INSTEAD = {
    **dict.fromkeys(("learning_rate", "lr", "eta", "learning_rate_init", "solver", "momentum"), _OPTIMIZER),
    **dict.fromkeys(("optimiser", "optim"), "optimizer=..."),
    **dict.fromkeys(
        ("scheduler", "schedule", "lr_scheduler", "learning_rate_schedule"),
        "optimizer=plainnet.Adam(plainnet.schedules.Cosine(0.01))",
    ),
    **dict.fromkeys(("verbose", "progress_bar", "progress"), "fit(..., progress=True)"),
    **dict.fromkeys(("callbacks", "callback"), _ITERATE),
    **dict.fromkeys(
        ("validation_split", "validation_data", "validation_fraction", "eval_set", "test_size", "val"), _VALIDATION
    ),
    **dict.fromkeys(("max_iter", "n_epochs", "nb_epoch", "num_epochs", "epoch", "iterations", "steps"), "epochs=100"),
    **dict.fromkeys(("batchsize", "batch", "minibatch_size"), "batch_size=32"),
    **dict.fromkeys(("sample_weights", "weights", "weight"), "sample_weight=weights"),
    **dict.fromkeys(("class_weights",), "class_weight='balanced' or class_weight={0: 1.0, 1: 5.0}"),
    **dict.fromkeys(("criterion", "loss_fn", "loss_function", "objective"), "loss='mse'"),
    **dict.fromkeys(("metric", "scoring"), "metrics=['accuracy']"),
    **dict.fromkeys(("patience", "n_iter_no_change", "tol", "min_delta", "restore_best_weights"), _STOPPING),
    **dict.fromkeys(("seed", "random_state", "rng"), _SEED),
    **dict.fromkeys(("n_jobs", "num_threads", "workers"), "threads=4"),
    **dict.fromkeys(("weight_decay", "alpha", "l2", "l1", "regularization"), _PENALTY),
    **dict.fromkeys(("clip_norm", "clipnorm", "gradient_clip_val"), "optimizer=plainnet.Adam(clip_norm=1.0)"),
    **dict.fromkeys(("device",), "nothing: plainnet runs on the processor"),
    **dict.fromkeys(("label_smoothing",), "soft rows as y, such as 0.9 * np.eye(classes)[y] + 0.1 / classes"),
    **dict.fromkeys(("checkpoint_path", "save_path"), "checkpoint='run.npz'"),
}
"""The text to write for options that go by another name here, or stand elsewhere."""
