"""Learn a table: train the network of a recipe, or several that become one, on prepared rows."""

from __future__ import annotations

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
from plainnet.tabular.building import (
    METRICS,
    batch_size_for,
    early_stopping_for,
    loss_of,
    network_for,
    optimizer_for,
)
from plainnet.tabular.parts import TablePart
from plainnet.tabular.preparing import Prepared, prepare
from plainnet.tabular.problem import Divided
from plainnet.tabular.recipe import Recipe
from plainnet.training.many import train_many

if TYPE_CHECKING:
    from rich.console import Console

Follow: TypeAlias = Callable[[Generator[Report, None, None]], bool]
"""Takes the reports of a run, follows them to the end, and returns True if somebody ended the run before."""

WHOLE = ("all epochs", "early stopping")
"""The ends of a run that is whole."""


class Shown(NamedTuple):
    """The rows that say most about a model."""

    kind: str
    """ "test", "folds" or "validation"."""
    title: str
    part: TablePart
    outputs: Array | None
    """The outputs for them, where they are not those of the model itself."""


@dataclass(frozen=True)
class Fitted:
    """A model of a table with what it was made of."""

    net: Network
    """One network, or several as one; it knows its table and the record of its training."""
    prepared: Prepared
    members: tuple[History, ...]
    """The record of each of the networks that are averaged; that of the network itself if it is a single one."""
    outputs: Array | None = None
    """The outputs for each training row of the networks that were not trained on it; NaN where there is none."""
    refitted: bool = False
    """True if the network was trained once more, on the validation rows too."""
    interrupted: bool = False

    @property
    def history(self) -> History:
        """Return the record of the training, for several networks that of the first."""
        assert self.net.history is not None
        return self.net.history

    @property
    def shown(self) -> Shown:
        """Return the rows to show the model's measures on: those of the test, else those held out of the training."""
        parts = self.prepared.parts
        if len(parts.test):
            return Shown("test", "On the test rows", parts.test, None)
        if self.outputs is None:
            return Shown("validation", "On the validation rows", self.prepared.held_out, None)
        seen = np.flatnonzero(~np.isnan(self.outputs[:, 0]))
        return Shown("folds", "On rows not trained on", parts.training.take(seen), self.outputs[seen])


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
    **options: Any,
) -> Fitted:
    """Train the recipe's network on prepared rows, or one on each of their folds.

    `follow` consumes the reports of a single network, `progress` shows how far several are. `options` are those of
    `Network.fit` that a recipe leaves open, such as `engine` and `class_weight`. Raises as `Network.fit` does.
    """
    if prepared.parts.folds:
        return _fit_folds(prepared, recipe, seed, progress, options)
    net = _network(prepared, recipe, prepared.X, prepared.y, prepared.sample_weight, seed)
    reports = net.training(prepared.X, prepared.y, **training_options(prepared, recipe, net, len(prepared.X), options))
    history = net.history
    assert history is not None
    interrupted = follow(reports)
    if recipe.refit and not interrupted and history.best_epoch and len(prepared.parts.rest) > len(prepared.X):
        return _refitted(Fitted(net, prepared, (history,)), recipe, seed, follow, options)
    return Fitted(net, prepared, (history,), interrupted=interrupted)


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


def _network(prepared: Prepared, recipe: Recipe, X: Array, y: Array, weights: Array | None, seed: int) -> Network:
    problem = prepared.problem
    return network_for(prepared.table, recipe, problem.loss, X, y, weights, seed=seed, dtype=prepared.dtype)


# ---- once more, on all rows ----


def _refitted(first: Fitted, recipe: Recipe, seed: int, follow: Follow, options: dict[str, Any]) -> Fitted:
    """Train a new network on the training and validation rows together, for the best number of epochs."""
    parts = first.prepared.parts
    nothing = parts.rest.take(np.arange(0))
    with warnings_passed_over():  # said of the training rows
        all_rows = Divided(parts.rest, nothing, parts.test, parts.rest)
        prepared = prepare(first.prepared.problem, all_rows, recipe, dtype=first.prepared.dtype)
    net = _network(prepared, recipe, prepared.X, prepared.y, prepared.sample_weight, seed)
    given = training_options(prepared, recipe, net, len(prepared.X), options)
    (history,) = first.members
    epochs = history.best_epoch
    assert epochs
    if given.get("checkpoint") is not None:
        given["checkpoint"] = beside(given["checkpoint"], "refit")
    reports = net.training(prepared.X, prepared.y, **{**given, "early_stopping": None, "report_every": 1})
    interrupted = follow(_until(reports, epochs))
    if interrupted:
        return replace(first, interrupted=True)
    assert net.history is not None
    return Fitted(net, replace(prepared, parts=parts, held_out=first.prepared.held_out), (net.history,), refitted=True)


def beside(path: Any, word: str) -> Path:
    """Return the name of a file beside another: run.npz becomes run.refit.npz."""
    path = Path(path)
    return path.with_name(f"{path.stem}.{word}{path.suffix}")


def _until(reports: Generator[Report, None, None], epochs: int) -> Generator[Report, None, None]:
    """Yield the reports of the first epochs, and end the run after them: the schedules are those of the longer run."""
    try:
        for report in reports:
            yield replace(report, epochs=epochs)
            if report.epoch == epochs:
                break
    finally:
        reports.close()


# ---- several networks ----


def _fit_folds(
    prepared: Prepared, recipe: Recipe, seed: int, progress: bool | Console, options: dict[str, Any]
) -> Fitted:
    """Train a network on each fold, all cores busy, and return them as one whose output is the mean of theirs."""
    X, y, weights, folds = prepared.X, prepared.y, prepared.sample_weight, prepared.parts.folds
    for name in ("checkpoint", "resume"):
        if options.pop(name, None):
            raise InvalidValue(f"{name} is given and {len(folds)} networks are trained; it keeps the run of one alone")
    options.pop("checkpoint_every", None)
    members = []
    for k, (train, _) in enumerate(folds):
        own = None if weights is None else weights[train]
        members.append(_network(prepared, recipe, X[train], y[train], own, seed + k))
    given = training_options(prepared, recipe, members[0], len(folds[0][0]), options)
    del given["validation"]
    interrupted = False
    try:
        train_many(members, X, y, folds=folds, progress=progress, **given)
    except KeyboardInterrupt:
        interrupted = True
    whole = [i for i, net in enumerate(members) if net.history and (net.history.stopped in WHOLE)]
    if not whole:
        if interrupted:
            raise KeyboardInterrupt
        raise DivergenceError("the loss of every network stopped being finite; take a smaller learning rate")
    outputs = np.full((len(X), members[0].output_size or 1), np.nan, members[0].dtype)
    sums, counts = np.zeros_like(outputs), np.zeros(len(X), int)
    for i in whole:
        held = folds[i][1]
        sums[held] += members[i].predict(X[held])
        counts[held] += 1
    seen = counts > 0
    outputs[seen] = sums[seen] / counts[seen, None]
    kept = [members[i] for i in whole]
    histories = tuple(net.history for net in kept if net.history)
    return Fitted(_as_one(kept), prepared, histories, outputs, interrupted)


def _as_one(members: list[Network]) -> Network:
    """Return a network, or several that were trained on the same table as one whose output is their mean."""
    if len(members) == 1:
        return members[0]
    net = averaged(members)
    net.history = members[0].history
    return net
