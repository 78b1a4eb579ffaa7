"""Search for a better recipe for a table: Optuna proposes settings, and each trial trains a network with them."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.extras import missing_extra
from plainnet.errors import DivergenceError, InvalidValue, warnings_passed_over
from plainnet.network import Network
from plainnet.tabular.building import METRICS
from plainnet.tabular.finishing import finish
from plainnet.tabular.fitting import Fitted, fit_table
from plainnet.tabular.parts import Division
from plainnet.tabular.preparing import Prepared, prepare
from plainnet.tabular.problem import Problem, divide, problem_of_file
from plainnet.tabular.recipe import Recipe, recipe_of
from plainnet.tabular.search_space import of_recipe, suggest
from plainnet.tabular.thresholds import decided

if TYPE_CHECKING:
    from collections.abc import Generator

    import optuna

    from plainnet.history import Report

AT_RANDOM = 10
"""So many trials are drawn at random before the sampler learns from them and before any is cut short."""
NOT_BEFORE = 30
"""No trial is cut short before this epoch, in which the first cycles of the learning rate are over."""
EVERY = 8
"""The epochs between two questions if a trial is worth going on with."""

AS_IT_IS = "the recipe as it is"
"""The mark of the first trial; True if the space holds its settings."""

OnTrial = Callable[["optuna.Study", "optuna.trial.FrozenTrial"], None]


@dataclass(frozen=True)
class Tuned:
    """Tuned holds the best recipe of a search, the model that was trained with it, and Optuna's study."""

    recipe: Recipe
    varied: dict[str, Any]
    """The settings in which it differs from the recipe that the search began with."""
    fitted: Fitted
    study: optuna.Study

    @property
    def net(self) -> Network:
        """Return the network, which knows its table."""
        return self.fitted.net


def tune(
    data: Any,
    target: str,
    *,
    trials: int = 50,
    recipe: str | Recipe = "realmlp",
    division: Division | None = None,
    seed: int = 0,
    storage: Any = None,
    study: str = "plainnet",
    sampler: optuna.samplers.BaseSampler | None = None,
    pruner: optuna.pruners.BasePruner | None = None,
    time_limit: float = math.inf,
    ignore: Collection[str] = (),
    on_trial: OnTrial | None = None,
    dtype: str = "float32",
    reading: dict[str, Any] | None = None,
    **options: Any,
) -> Tuned:
    """Try settings of a recipe on a table, a file (or several) or a frame, and return the best with its model.

    Each trial is judged by its error, 1 - accuracy or the root mean squared error of the standardized target, on the
    validation rows; with folds on all rows, each predicted by the network that was not trained on it. Test rows take
    no part. The first trial is the recipe as it is.

    Arguments:
        trials: the number of trials that the study has at the end, those of earlier calls among them.
        division: which rows train, choose and test; see `plainnet.tabular.Division`.
        storage: a file (study.db) or an address of a database in which Optuna keeps the study, for several processes
            and for going on later; without it the study is in memory.
        study: the name of the study in the storage.
        sampler, pruner: Optuna's own; by default TPE from the seed, and the median rule.
        time_limit: the seconds after which no trial begins.
        ignore: columns to leave out.
        on_trial: a function that Optuna calls after each trial.
        reading: arguments of `plainnet.tabular.problem_of`, such as `task`, `sample_weight` and `group`.
        options: options of `Network.fit` that a recipe leaves open, such as `engine`, `threads` and `class_weight`,
            which may also be a function that returns it for the names of the classes.

    Raises MissingExtraError without the extra `tune`, and InvalidValue where no trial came to its end.
    """
    began = time.monotonic()
    base = recipe_of(recipe)
    made = study_of(storage, study, seed, sampler, pruner)
    checks.whole_number("trials", trials, least=1)
    given = {"loss": base.loss, **(reading or {})}
    problem = problem_of_file(data, target, ignore=ignore, **given)
    search = Search(problem, division or Division(), base, seed, dtype, options)
    search.run(made, trials, began + time_limit, on_trial)
    return search.winner(made)


def study_of(
    storage: Any,
    name: str,
    seed: int,
    sampler: optuna.samplers.BaseSampler | None = None,
    pruner: optuna.pruners.BasePruner | None = None,
) -> optuna.Study:
    """Return a new study, or the one of that name in the storage."""
    try:
        import optuna
    except ImportError:
        raise missing_extra("tune", "tune") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if isinstance(storage, os.PathLike) or (isinstance(storage, str) and "://" not in storage):
        storage = f"sqlite:///{os.fspath(storage)}"
    return optuna.create_study(
        storage=storage,
        study_name=name,
        load_if_exists=storage is not None,
        sampler=sampler or optuna.samplers.TPESampler(seed=seed, n_startup_trials=AT_RANDOM),
        pruner=pruner or optuna.pruners.MedianPruner(n_startup_trials=AT_RANDOM, n_warmup_steps=NOT_BEFORE),
    )


class Search:
    """A Search runs the trials on one table: all of them see the same rows, from the same seed."""

    def __init__(
        self, problem: Problem, division: Division, recipe: Recipe, seed: int, dtype: str, options: dict[str, Any]
    ) -> None:
        self.problem, self.recipe, self.seed, self.dtype = problem, recipe, seed, dtype
        self.parts = divide(problem, division, seed)
        self.prepared_by: dict[tuple[str, int], Prepared] = {}
        table = self.prepared(recipe).table
        self.options = {**options, "metrics": [METRICS[problem.task]]}  # also where the recipe monitors the loss
        if callable(class_weight := options.get("class_weight")):
            self.options["class_weight"] = class_weight(table.class_names)
        self.has = {
            "classes": problem.task == "classification",
            "numbers": table.groups.numbers > 0 and recipe.number_embedding != "none",
            "categories": recipe.encoding == "robust" and bool(table.category_columns),
        }

    def prepared(self, recipe: Recipe) -> Prepared:
        """Return the arrays for a recipe, made once for each way to encode the columns."""
        key = recipe.encoding, recipe.largest_one_hot
        if key not in self.prepared_by:
            with warnings_passed_over() if self.prepared_by else nullcontext():  # said at the first time
                self.prepared_by[key] = prepare(self.problem, self.parts, recipe, dtype=self.dtype)
        return self.prepared_by[key]

    def run(self, study: optuna.Study, trials: int, deadline: float, on_trial: OnTrial | None) -> None:
        """Run trials until the study has so many that have ended, or until the deadline."""
        import optuna

        ended = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
        if not study.trials:
            own = of_recipe(self.recipe.for_task(self.problem.task), **self.has)
            study.enqueue_trial(own, user_attrs={AS_IT_IS: bool(own)})
        while len(study.get_trials(deepcopy=False, states=ended)) < trials and time.monotonic() < deadline:
            study.optimize(self.objective, n_trials=1, callbacks=[on_trial] if on_trial else None)

    def objective(self, trial: optuna.Trial) -> float:
        """Train the trial's network and return its error; a network that diverges ends as a trial cut short."""
        import optuna

        recipe = self.recipe
        if trial.user_attrs.get(AS_IT_IS, True):  # parameters of the space, which the sampler learns from
            suggested = suggest(trial, self.recipe, **self.has)
            recipe = self.recipe if AS_IT_IS in trial.user_attrs else suggested
        recipe = replace(recipe, refit=False)
        trial.set_user_attr("recipe", changes(self.recipe, recipe))
        errors: list[float] = []

        def follow(reports: Generator[Report, None, None]) -> bool:
            for report in reports:
                errors.append(self.error_of(report.metrics))
                if report.epoch % EVERY == 0:
                    trial.report(min(errors), report.epoch)
                    if trial.should_prune():
                        reports.close()
                        raise optuna.TrialPruned
            return False

        try:
            with warnings_passed_over():
                fitted = self.fit(recipe, follow=follow)
        except DivergenceError:
            raise optuna.TrialPruned from None
        return min(errors) if errors else self.error_on_folds(fitted)

    def fit(self, recipe: Recipe, **given: Any) -> Fitted:
        """Train a recipe on the rows of the search."""
        options = {"metrics": [METRICS[self.problem.task]], **self.options}
        return fit_table(self.prepared(recipe), recipe, seed=self.seed, **given, **options)

    def error_of(self, metrics: Any) -> float:
        """Return the error that a report's metrics state."""
        return float(1 - metrics["accuracy"] if self.has["classes"] else metrics["rmse"])

    def error_on_folds(self, fitted: Fitted) -> float:
        """Return the error on the rows that the networks of the folds have not seen."""
        judged = fitted.judged
        assert judged is not None
        weights = judged.part.weights
        targets: Array = fitted.prepared.table.targets(judged.part.frame)
        if self.has["classes"]:
            return float(np.average(decided(judged.outputs) != targets, weights=weights))
        return math.sqrt(np.average(np.square(judged.outputs - targets)[:, 0], weights=weights))

    def winner(self, study: optuna.Study) -> Tuned:
        """Train the best trial's recipe again, with what the recipe does at the end, and return it."""
        import optuna

        if not study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)):
            raise InvalidValue("no trial came to its end; give the search more trials or more time")
        varied = study.best_trial.user_attrs["recipe"]
        recipe = self.recipe.varied(**varied)
        return Tuned(recipe, varied, finish(self.fit(recipe), calibrate=recipe.calibrate), study)


def changes(base: Recipe, recipe: Recipe) -> dict[str, Any]:
    """Return the settings in which a recipe differs from another, as plain data."""
    plain = recipe.to_dict()
    return {
        field.name: plain[field.name]
        for field in fields(Recipe)
        if field.name != "refit" and getattr(base, field.name) != getattr(recipe, field.name)
    }
