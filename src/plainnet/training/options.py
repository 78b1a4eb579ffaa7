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
from plainnet.ranks.compression import COMPRESSIONS
from plainnet.training.checkpoints import Every
from plainnet.training.stopping import EarlyStopping

AUTO: Literal["auto"] = "auto"

BatchSize: TypeAlias = int | Literal["auto"] | None
ReportEvery: TypeAlias = int | Literal["auto"]

OF_A_FILE = ("checkpoint", "checkpoint_every", "resume")
"""The options that keep a run in a file."""

OF_ONE_RUN = (*OF_A_FILE, "communicator", "compression")
"""The options of a single run; functions that train several networks do not take them."""

OF_THE_DATA = ("validation", "sample_weight", "class_weight")
"""The options that hold data."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Options:
    """The options of a training run.

    `Network.fit` documents each option for users, and its signature has the defaults. What can be checked without
    the data and the network is checked when the object is made, and given the form stated here.
    """

    loss: Any
    """A name, an object or a function; None is refused when the network is known."""
    optimizer: Optimizer
    """Given as a name or an object."""
    epochs: int
    """Passes over the data, at least 1."""
    batch_size: BatchSize
    """Examples per step, at least 1; None for all; "auto" for 32, or all if there are fewer."""
    shuffle: bool
    """True for a new order of the examples in each epoch."""
    validation: Any
    """None, the fraction of the rows to hold out, or a tuple (X, y, sample_weight), the last perhaps None."""
    early_stopping: EarlyStopping | None
    """Given as True, a patience or an object; None for all epochs."""
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
    """The number of threads, at least 1; None lets the engine decide."""
    checkpoint: str | PathLike[str] | None
    """The file to write the run's state to; None for none."""
    checkpoint_every: Every
    """Epochs, at least 1, or seconds as a text such as "30s"."""
    resume: bool
    """True to go on from the checkpoint, which is then not None."""
    communicator: Any
    """None, or a communicator of mpi4py's, whose ranks train together."""
    compression: str | None
    """The number type in which gradients travel between ranks, a name of COMPRESSIONS; None for their own."""

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

    def recorded(self) -> dict[str, Any]:
        """Return the options that the record of a run states as they are; data and files are told otherwise."""
        return {name: getattr(self, name) for name in self.names() if name not in (*OF_THE_DATA, *OF_ONE_RUN)}

    def __post_init__(self) -> None:
        size = self.batch_size
        checked: dict[str, Any] = {
            "optimizer": optimizers.resolve(self.optimizer),
            "epochs": checks.whole_number("epochs", self.epochs, least=1),
            "batch_size": None if size is None else _number("batch_size", size, "a number of examples, 'auto' or None"),
            "shuffle": checks.flag("shuffle", self.shuffle),
            "validation": _validation(self.validation),
            "early_stopping": _early_stopping(self.early_stopping),
            "report_every": _number("report_every", self.report_every, "a number of epochs, or 'auto'"),
            "threads": None if self.threads is None else checks.whole_number("threads", self.threads, least=1),
            "resume": checks.flag("resume", self.resume),
            "compression": None
            if self.compression is None
            else checks.one_of("compression", self.compression, COMPRESSIONS),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)  # the object is frozen from here on
        if self.resume and self.checkpoint is None:
            raise InvalidValue(
                "resume is True and checkpoint is None; resume takes checkpoint= with the file to go on from"
            )


def _number(name: str, given: Any, takes: str) -> int | str:
    """Return a whole number of at least 1, or "auto"; `takes` says in the message for other texts what would do."""
    if not isinstance(given, str):
        return checks.whole_number(name, given, least=1)
    if given != AUTO:
        raise InvalidValue(f"{name} is {given!r}; it takes {takes}")
    return given


def _validation(given: Any) -> float | tuple[Any, Any, Any] | None:
    """Return a fraction, or a pair or triple as a triple."""
    if given is None:
        return None
    if isinstance(given, tuple | list):
        if len(given) not in (2, 3):
            raise InvalidValue(
                f"validation has {len(given)} parts; it takes a fraction, a pair (X, y) or (X, y, sample_weight)"
            )
        return given[0], given[1], given[2] if len(given) == 3 else None
    try:
        return checks.number("validation", given, above=0, below=1)
    except InvalidType:
        raise InvalidType(
            f"validation is of type {type(given).__name__}; it takes the fraction of the rows to hold out, such as "
            "0.2, a pair (X, y) or (X, y, sample_weight)"
        ) from None


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


_NAMES_ELSEWHERE = {
    "optimizer=plainnet.Adam(learning_rate=0.01)": "learning_rate lr eta learning_rate_init solver momentum",
    "optimizer=...": "optimiser optim",
    "optimizer=plainnet.Adam(plainnet.schedules.Cosine(0.01))": (
        "scheduler schedule lr_scheduler learning_rate_schedule"
    ),
    "fit(..., progress=True)": "verbose progress_bar progress",
    "for report in net.training(X, y, ...): ..., which gives a report of each epoch": "callbacks callback",
    "validation=0.2 (a fifth of the rows) or validation=(X, y)": (
        "validation_split validation_data validation_fraction eval_set test_size val"
    ),
    "epochs=100": "max_iter n_epochs nb_epoch num_epochs epoch iterations steps",
    "batch_size=32": "batchsize batch minibatch_size",
    "sample_weight=weights": "sample_weights weights weight",
    "class_weight='balanced' or class_weight={0: 1.0, 1: 5.0}": "class_weights",
    "loss='mse'": "criterion loss_fn loss_function objective",
    "metrics=['accuracy']": "metric scoring",
    "early_stopping=10, or early_stopping=plainnet.EarlyStopping(patience=10, minimum_improvement=0.001)": (
        "patience n_iter_no_change tol min_delta restore_best_weights"
    ),
    "Network(..., seed=1), for the weights, the order of the rows and dropout": "seed random_state rng",
    "threads=4": "n_jobs num_threads workers",
    "Dense(..., l2=0.001) for a penalty, or optimizer=plainnet.AdamW(weight_decay=0.01)": (
        "weight_decay alpha l2 l1 regularization"
    ),
    "optimizer=plainnet.Adam(clip_norm=1.0)": "clip_norm clipnorm gradient_clip_val",
    "nothing: plainnet runs on the processor": "device",
    "loss=plainnet.losses.CrossEntropy(label_smoothing=0.1)": "label_smoothing",
    "checkpoint='run.npz'": "checkpoint_path save_path",
}
INSTEAD = {name: text for text, names in _NAMES_ELSEWHERE.items() for name in names.split()}
"""The text to write instead of an option that has another name here, or another place."""
