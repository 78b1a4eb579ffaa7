"""One trial of a search: train a recipe's network and return its error, in this process or in any other."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Generator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import DivergenceError, warnings_passed_over
from plainnet.history import Report
from plainnet.tabular.building import METRICS
from plainnet.tabular.fitting import Fitted, fit_table
from plainnet.tabular.preparing import Prepared, prepare
from plainnet.tabular.problem import Divided, Problem
from plainnet.tabular.recipe import Recipe
from plainnet.tabular.thresholds import decided

EVERY = 8
"""The epochs between two questions if a trial is worth going on with."""
KEPT = 4
"""The ways to encode the columns whose arrays are kept; a search may try thirty."""

IsBehind = Callable[[int, float], bool]
"""Takes an epoch and the lowest error so far, and returns True if the trial is not worth going on with."""


@dataclass(frozen=True)
class Outcome:
    """An Outcome holds what a trial came to."""

    error: float | None
    """None if the trial was cut short or its network diverged."""
    reported: tuple[tuple[int, float], ...]
    """The lowest error up to each epoch at which it was asked if the trial is worth going on with."""


class SearchedRows:
    """SearchedRows hold the table of a search, its division, and what all trials share: the seed and the options."""

    def __init__(self, problem: Problem, parts: Divided, seed: int, dtype: str, options: dict[str, Any]) -> None:
        self.problem, self.parts, self.seed, self.dtype = problem, parts, seed, dtype
        self.options = options
        self._prepared: dict[tuple[str, int], Prepared] = {}
        self._preparing = threading.Lock()  # trials in threads share the arrays

    def __reduce__(self) -> Any:
        """Leave out the arrays: each process makes them from the rows."""
        return SearchedRows, (self.problem, self.parts, self.seed, self.dtype, self.options)

    def prepared(self, recipe: Recipe) -> Prepared:
        """Return the arrays for a recipe, made once for each way to encode the columns."""
        key = recipe.encoding, recipe.largest_one_hot
        with self._preparing:
            if key not in self._prepared:
                with warnings_passed_over() if self._prepared else nullcontext():  # said at the first time
                    made = prepare(self.problem, self.parts, recipe, dtype=self.dtype)
                if len(self._prepared) == KEPT:
                    del self._prepared[next(iter(self._prepared))]
                self._prepared[key] = made
            return self._prepared[key]

    def fit(self, recipe: Recipe, **given: Any) -> Fitted:
        """Train a recipe on the rows."""
        metrics = [METRICS[self.problem.task]]  # also where the recipe monitors the loss
        options = {**self.options, "metrics": metrics, **given}
        return fit_table(self.prepared(recipe), recipe, seed=self.seed, **options)

    def error_of(self, metrics: Any) -> float:
        """Return the error that a report's metrics state."""
        return float(1 - metrics["accuracy"] if self.problem.task == "classification" else metrics["rmse"])

    def error_on_folds(self, fitted: Fitted) -> float:
        """Return the error on the rows that the networks of the folds have not seen."""
        judged = fitted.judged
        assert judged is not None
        weights = judged.part.weights
        targets: Array = fitted.prepared.table.targets(judged.part.frame)
        if self.problem.task == "classification":
            return float(np.average(decided(judged.outputs) != targets, weights=weights))
        return math.sqrt(np.average(np.square(judged.outputs - targets)[:, 0], weights=weights))


def try_out(rows: SearchedRows, recipe: Recipe, is_behind: IsBehind, given: dict[str, Any]) -> Outcome:
    """Train a recipe with the options `given` and return its error, or that it was cut short."""
    errors: list[float] = []
    reported: list[tuple[int, float]] = []
    cut_short = False

    def follow(reports: Generator[Report, None, None]) -> bool:
        nonlocal cut_short
        for report in reports:
            errors.append(rows.error_of(report.metrics))
            if report.epoch % EVERY == 0:
                reported.append((report.epoch, min(errors)))
                if is_behind(*reported[-1]):
                    cut_short = True
                    reports.close()
        return cut_short

    try:
        with warnings_passed_over():
            fitted = rows.fit(replace(recipe, refit=False), follow=follow, **given)
    except DivergenceError:
        cut_short = True
    if cut_short:
        return Outcome(None, tuple(reported))
    return Outcome(min(errors) if errors else rows.error_on_folds(fitted), tuple(reported))
