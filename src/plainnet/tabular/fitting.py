"""Learn a table: train the network of a recipe, or several that become one, on prepared rows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import DivergenceError, InvalidValue, warnings_passed_over
from plainnet.history import History, Report
from plainnet.network import Network
from plainnet.network.averaging import averaged
from plainnet.network.prediction import engine_for
from plainnet.ranks import ALONE, Alone, Ranks
from plainnet.tabular.building import (
    METRICS,
    batch_size_for,
    early_stopping_for,
    loss_of,
    network_for,
    optimizer_for,
)
from plainnet.tabular.measuring import outputs_for
from plainnet.tabular.parts import TablePart
from plainnet.tabular.preparing import Prepared, prepare
from plainnet.tabular.problem import Divided
from plainnet.tabular.recipe import Recipe
from plainnet.training.many import train_many

if TYPE_CHECKING:
    from rich.console import Console

Follow: TypeAlias = Callable[[Generator[Report, None, None]], bool]
"""Takes the reports of a run, follows them to the end, and returns True if somebody ended the run before."""

TIME_LIMIT = "time limit"
"""The end of a run whose time was over."""
WHOLE = ("all epochs", "early stopping")
"""The ends of a run that is whole."""


@dataclass(frozen=True)
class Judged:
    """Judged holds rows that chose the epoch, with the outputs of the networks that were not trained on them."""

    part: TablePart
    outputs: Array


class Shown(NamedTuple):
    """Shown holds the rows that say most about a model."""

    kind: str
    """ "test", "folds" or "validation"."""
    title: str
    part: TablePart
    outputs: Array | None
    """The outputs for them, where they are not those of the model itself."""


@dataclass(frozen=True)
class Fitted:
    """Fitted holds a model of a table with what it was made of."""

    net: Network
    """One network, or several as one; it knows its table and the record of its training."""
    prepared: Prepared
    """The arrays that it was trained on, and the table."""
    members: tuple[History, ...]
    """The record of each of the networks that are averaged; that of the network itself if it is a single one."""
    judged: Judged | None
    """The rows that chose the epochs; None if there are none."""
    refitted: bool = False
    """True if the network was trained once more, on the validation rows too."""
    temperature: float | None = None
    """The temperature by which its probabilities are scaled, if they are."""
    interrupted: bool = False
    """True if somebody ended the training before its end."""

    @property
    def history(self) -> History:
        """Return the record of the training, for several networks that of the first."""
        assert self.net.history is not None
        return self.net.history

    @property
    def shown(self) -> Shown:
        """Return the rows to show the model's measures on: those of the test, else those that chose the epochs."""
        parts = self.prepared.parts
        if len(parts.test):
            return Shown("test", "On the test rows", parts.test, None)
        assert self.judged is not None
        if parts.folds:
            return Shown("folds", "On rows not trained on", self.judged.part, self.judged.outputs)
        return Shown("validation", "On the validation rows", self.judged.part, self.judged.outputs)


def exhausted(reports: Generator[Report, None, None]) -> bool:
    """Follow a run to its end."""
    for _ in reports:
        pass
    return False


def fit_table(
    prepared: Prepared,
    recipe: Recipe,
    *,
    seed: int = 0,
    follow: Follow = exhausted,
    progress: bool | Console = False,
    deadline: float = math.inf,
    **options: Any,
) -> Fitted:
    """Return the recipe's network, trained on prepared rows, or one on each of their folds.

    Arguments:
        prepared: the arrays, from `prepare` or `prepare_stream`.
        recipe: the recipe that the rows were prepared for.
        seed: a whole number of at least 0 for the weights, the order of the rows and the dropout masks.
        follow: a function that consumes the reports of a single network.
        progress: True to show how far several networks are.
        deadline: a time of `time.monotonic`, at which the training ends with the best parameters so far.
        options: those of `Network.fit` that a recipe leaves open, such as `engine` and `class_weight`.

    Raises as `Network.fit` does.
    """
    if prepared.stream:
        recipe = replace(recipe, refit=False)
        options = {**options, "communicator": prepared.stream.communicator}
    recipe = recipe.for_rows(prepared.rows_but_test, max(1, len(prepared.parts.folds)))
    if prepared.parts.folds:
        return _fit_folds(prepared, recipe, seed, progress, deadline, options)
    net = new_network(prepared, recipe, *prepared.examples, seed)
    reports = net.training(
        prepared.X, prepared.y, **training_options(prepared, recipe, net, prepared.to_train, options)
    )
    history = net.history
    assert history is not None
    interrupted = follow(_until(reports, deadline, prepared.ranks))
    judged = None
    if prepared.validation and prepared.speaks:
        judged = Judged(prepared.held_out, outputs_for(prepared.table, net, prepared.held_out, warn_of_news=False))
    fitted = Fitted(net, prepared, (history,), judged, interrupted=interrupted)
    late = time.monotonic() >= deadline
    if late and not interrupted and history.stopped == "interrupted":
        history.stopped = TIME_LIMIT
    more = prepared.rows_but_test > prepared.to_train
    if interrupted or late or not (recipe.refit and more and history.best_epoch):
        return fitted
    return _refitted(fitted, recipe, seed, follow, deadline, options)


def training_options(
    prepared: Prepared, recipe: Recipe, net: Network, rows: int, given: dict[str, Any]
) -> dict[str, Any]:
    """Return the options of `Network.fit` for a network of the recipe on so many rows; those `given` take precedence.

    Metrics are measured beside those by which the best epoch is chosen.
    """
    task = prepared.problem.task
    metrics = list(given.get("metrics") or ())
    if recipe.monitor == "error" and METRICS[task] not in metrics:
        metrics.append(METRICS[task])
    options = {
        "loss": loss_of(recipe, prepared.problem.loss),
        "optimizer": optimizer_for(net, recipe, task),
        "epochs": recipe.epochs,
        "batch_size": batch_size_for(recipe, rows),
        "early_stopping": early_stopping_for(recipe, task),
        "sample_weight": prepared.sample_weight,
        "validation": prepared.validation or None,
    }
    return {**options, **given, "metrics": metrics}


def new_network(prepared: Prepared, recipe: Recipe, X: Array, y: Array, weights: Array | None, seed: int) -> Network:
    """Return a new network of the recipe for a prepared table and these of its rows."""
    problem = prepared.problem
    examples = X, y, weights
    return network_for(
        prepared.table, recipe, problem.loss, *examples, all_rows=prepared.examples[0], seed=seed, dtype=prepared.dtype
    )


# ---- once more, on all rows ----


def _refitted(
    first: Fitted, recipe: Recipe, seed: int, follow: Follow, deadline: float, options: dict[str, Any]
) -> Fitted:
    """Train a new network on the training and validation rows together, for the best number of epochs."""
    parts = first.prepared.parts
    nothing = parts.rest.take(np.arange(0))
    with warnings_passed_over():  # said of the training rows
        all_rows = Divided(parts.rest, nothing, parts.test, parts.rest)
        prepared = prepare(first.prepared.problem, all_rows, recipe, dtype=first.prepared.dtype)
    net = new_network(prepared, recipe, *prepared.examples, seed)
    given = training_options(prepared, recipe, net, len(prepared.X), options)
    (history,) = first.members
    epochs = history.best_epoch
    assert epochs
    if given.get("checkpoint") is not None:
        given["checkpoint"] = beside(given["checkpoint"], "refit")
    reports = net.training(prepared.X, prepared.y, **{**given, "early_stopping": None, "report_every": 1})
    interrupted = follow(_first(_until(reports, deadline), epochs))
    if interrupted or net.history is None or net.history.epoch[-1] < epochs:
        return replace(first, interrupted=interrupted)
    prepared = replace(prepared, parts=parts, held_out=first.prepared.held_out)
    return replace(first, net=net, prepared=prepared, members=(net.history,), refitted=True)


def beside(path: Any, word: str) -> Path:
    """Return the name of a file beside another: run.npz becomes run.refit.npz."""
    path = Path(path)
    return path.with_name(f"{path.stem}.{word}{path.suffix}")


def _first(reports: Generator[Report, None, None], epochs: int) -> Generator[Report, None, None]:
    """Yield the reports of the first epochs, and end the run after them: the schedules are those of the longer run."""
    try:
        for report in reports:
            yield replace(report, epochs=epochs)
            if report.epoch == epochs:
                break
    finally:
        reports.close()


def _until(
    reports: Generator[Report, None, None], deadline: float, ranks: Ranks | Alone = ALONE
) -> Generator[Report, None, None]:
    """Yield reports up to a time of `time.monotonic`, and end the run then, with its best parameters.

    Ranks, whose clocks differ, end it together.
    """
    try:
        for report in reports:
            yield report
            late = time.monotonic() >= deadline
            if deadline < math.inf and any(ranks.all(late)):
                break
    finally:
        reports.close()


# ---- several networks ----


def _fit_folds(
    prepared: Prepared,
    recipe: Recipe,
    seed: int,
    progress: bool | Console,
    deadline: float,
    options: dict[str, Any],
) -> Fitted:
    """Train a network on each fold, all cores busy, and return them as one whose output is the mean of theirs."""
    (X, y, weights), folds = prepared.examples, prepared.parts.folds
    for name in ("checkpoint", "resume"):
        if options.pop(name, None):
            raise InvalidValue(
                f"{name} is given and {len(folds)} networks are trained; it keeps the run of one alone: take folds=0 "
                "and ensemble=1"
            )
    options.pop("checkpoint_every", None)
    members = []
    for k, (train, _) in enumerate(folds):
        own = None if weights is None else weights[train]
        members.append(new_network(prepared, recipe, X[train], y[train], own, seed + k))
    fewest = min(len(train) for train, _ in folds)  # groups are of different sizes
    given = training_options(prepared, recipe, members[0], fewest, options)
    del given["validation"]
    interrupted = False
    try:
        train_many(members, X, y, folds=folds, progress=progress, deadline=deadline, **given)
    except KeyboardInterrupt:
        interrupted = True
    late = time.monotonic() >= deadline
    whole = [i for i, net in enumerate(members) if net.history and net.history.stopped in WHOLE]
    if late or (interrupted and not whole):
        whole = [i for i, net in enumerate(members) if net.history and net.history.best_epoch]
    if not whole:
        if interrupted:
            raise KeyboardInterrupt
        raise DivergenceError("the loss of every network stopped being finite; take a smaller learning rate")
    kept = [members[i] for i in whole]
    outputs, counts = np.zeros((len(X), kept[0].output_size or 1)), np.zeros(len(X))
    for i, net in zip(whole, kept, strict=True):
        held = folds[i][1]
        outputs[held] += net.predict(X[held], engine=engine_for(net, len(held)))
        counts[held] += 1
    seen = np.flatnonzero(counts)
    judged = Judged(prepared.parts.training.take(seen), (outputs[seen] / counts[seen, None]).astype(kept[0].dtype))
    histories = tuple(net.history for net in kept if net.history)
    prepared = replace(prepared, parts=replace(prepared.parts, folds=tuple(folds[i] for i in whole)))
    return Fitted(_as_one(kept), prepared, histories, judged, interrupted=interrupted)


def _as_one(members: list[Network]) -> Network:
    """Return a network, or several that were trained on the same table as one whose output is their mean."""
    if len(members) == 1:
        return members[0]
    net = averaged(members)
    net.history = members[0].history
    return net
