"""Search for a better recipe for a table: Optuna proposes settings, and each trial trains a network with them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from plainnet._base import checks, tasks
from plainnet._base.extras import missing_extra
from plainnet._base.interrupts import interrupts_held
from plainnet.errors import InvalidValue, warn
from plainnet.network import Network
from plainnet.tabular.finishing import finish
from plainnet.tabular.fitting import Fitted
from plainnet.tabular.parts import Division
from plainnet.tabular.problem import Problem, divide, problem_of_file
from plainnet.tabular.recipe import Recipe, recipe_of
from plainnet.tabular.search_space import of_recipe, suggest
from plainnet.tabular.trial import Outcome, SearchedRows, try_out

if TYPE_CHECKING:
    import optuna

AS_IT_IS = "the recipe as it is"
"""The mark of the first trial; True if the space holds its settings."""

OnTrial = Callable[["optuna.Study", "optuna.trial.FrozenTrial"], None]


@dataclass(frozen=True)
class Tuned:
    """Tuned holds the best recipe of a search, the model that was trained with it, and Optuna's study."""

    recipe: Recipe
    """The best recipe."""
    varied: dict[str, Any]
    """The settings in which it differs from the recipe that the search began with."""
    fitted: Fitted
    """The model that was trained with it."""
    study: optuna.Study
    """Optuna's study, with every trial."""
    interrupted: bool = False
    """True if Ctrl-C ended the search."""

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
    workers: int | None = None,
    ignore: Collection[str] = (),
    on_trial: OnTrial | None = None,
    dtype: str = "float32",
    reading: dict[str, Any] | None = None,
    **options: Any,
) -> Tuned:
    """Return the best of many settings of a recipe on a table, with the model that was trained with them.

    Each trial is judged by its error, 1 - accuracy or the root mean squared error of the standardized target, on the
    validation rows; with folds on all rows, each predicted by the network that was not trained on it. Test rows take
    no part. The first trial is the recipe as it is.

    Arguments:
        data: a file of a table (or several), or a frame of polars or pandas.
        target: the name of the column to predict.
        recipe: the recipe to begin with: a name of `plainnet.tabular.RECIPES`, or an object.
        seed: a whole number for the parts, the weights and the proposals.
        dtype: "float32" or "float64", the number type of the networks.
        trials: the number of trials that the study has at the end, those of earlier calls among them.
        division: which rows train, choose and test; see `plainnet.tabular.Division`.
        storage: a file (study.db) or an address of a database in which Optuna keeps the study, for several processes
            and for going on later; without it the study is in memory.
        study: the name of the study in the storage.
        sampler, pruner: Optuna's own; by default TPE from the seed, and the median rule.
        time_limit: the seconds after which no trial begins.
        workers: the trials at a time, in processes with one thread each; by default one, in this process, or as many
            as the backend takes that `joblib.parallel_config` names: see "Search" in docs/use/table-models.md.
        ignore: columns to leave out.
        on_trial: a function that Optuna calls after each trial.
        reading: arguments of `plainnet.tabular.problem_of`, such as `task`, `sample_weight` and `group`.
        options: options of `Network.fit` that a recipe leaves open, such as `engine`, `threads` and `class_weight`,
            which may also be a function that takes the names of the classes and returns a weight by the number of each.

    Ctrl-C ends the search, and the best of the trials that have ended is trained; a second one ends that too. Raises
    MissingExtraError without the extra `tune`, and InvalidValue where no trial came to its end.

    >>> import plainnet as pn
    >>> import polars as pl
    >>> X, y = pn.datasets.moons(200, noise=0.2, seed=1)
    >>> frame = pl.DataFrame({"x1": X[:, 0], "x2": X[:, 1], "moon": y})
    >>> tuned = pn.tune(frame, "moon", trials=2, recipe="small")
    >>> len(tuned.study.trials), tuned.net.predict_labels(frame).shape
    (2, (200,))
    """
    began = time.monotonic()
    base = recipe_of(recipe)
    checks.whole_number("trials", trials, least=1)
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise missing_extra("tune", "tune") from None
    from plainnet.tabular.study import study_of

    with interrupts_held():  # a storage turns Ctrl-C amid a transaction into an error of its own
        made = study_of(storage, study, seed, sampler, pruner)
    given = {"loss": base.loss, **(reading or {})}
    problem = problem_of_file(data, target, ignore=ignore, **given)
    search = Search(problem, division or Division(), base, seed, dtype, options)
    interrupted = search.run(made, trials, began + time_limit, on_trial, workers)
    recipe, varied = search.best(made)
    fitted = finish(search.rows.fit(recipe), calibrate=recipe.calibrate)
    return Tuned(recipe, varied, fitted, made, interrupted)


class Search:
    """A Search runs the trials on one table: all of them see the same rows, from the same seed."""

    def __init__(
        self, problem: Problem, division: Division, recipe: Recipe, seed: int, dtype: str, options: dict[str, Any]
    ) -> None:
        self.recipe, self.task = recipe, problem.task
        self.rows = SearchedRows(problem, divide(problem, division, seed), seed, dtype, options)
        table = self.rows.prepared(recipe).table
        if callable(class_weight := options.get("class_weight")):
            self.rows.options["class_weight"] = class_weight(table.class_names)
        self.has = {
            "classes": problem.task == "classification",
            "numbers": table.groups.numbers > 0 and recipe.number_embedding != "none",
            "categories": recipe.encoding == "robust" and bool(table.category_columns),
        }

    def run(
        self, study: optuna.Study, trials: int, deadline: float, on_trial: OnTrial | None, workers: int | None
    ) -> bool:
        """Run trials until the study has so many that have ended, or until the deadline; True if Ctrl-C ended it."""
        from plainnet.tabular.study import begin_with

        own = of_recipe(self.recipe.for_task(self.task), **self.has)
        with interrupts_held():
            begin_with(study, own, {AS_IT_IS: bool(own)})
        here = not tasks.is_configured() and workers in (None, 1)
        asking = AskAndTell(self, study, trials, deadline, here)
        try:
            while asking.wants_more():
                with closing(tasks.run(try_out, asking, (self.rows,), 1 if here else workers)) as ended:
                    for i, outcome in ended:
                        with interrupts_held():
                            told = asking.tell(i, outcome)
                            if on_trial is not None:
                                on_trial(study, told)
                asking.raise_failure()
        except KeyboardInterrupt:
            asking.give_up()
            if not has_ended(study):
                raise
            warn("the search was interrupted; the best of the trials that have ended is trained now")
            return True
        except BaseException:
            asking.give_up()
            raise
        return False

    def recipe_for(self, trial: optuna.Trial) -> Recipe:
        """Return the recipe of a trial; that of the first is the recipe as it is."""
        as_it_is = trial.user_attrs.get(AS_IT_IS)
        if as_it_is is False:  # it lies outside the space
            return self.recipe
        suggested = suggest(trial, self.recipe, **self.has)  # the sampler learns from parameters of the space
        return self.recipe if as_it_is else suggested

    def best(self, study: optuna.Study) -> tuple[Recipe, dict[str, Any]]:
        """Return the recipe of the best trial, and the settings in which it differs from the one searched from."""
        if not has_ended(study):
            raise InvalidValue("no trial came to its end; give the search more trials or more time")
        varied = study.best_trial.user_attrs["recipe"]
        return self.recipe.varied(**varied), varied


class AskAndTell:
    """AskAndTell asks a study for trials, whose arguments of `try_out` it yields, and tells it what they came to.

    It is asked as workers get free, by joblib in a thread of its own.
    """

    def __init__(self, search: Search, study: optuna.Study, trials: int, deadline: float, here: bool) -> None:
        self.search, self.study, self.trials, self.deadline, self.here = search, study, trials, deadline, here
        self.asked = 0
        self.going: dict[int, optuna.Trial] = {}
        self.failure: Exception | None = None
        self.turn = threading.RLock()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        self.asked = 0
        return self

    def __next__(self) -> tuple[Any, ...]:
        with self.turn, interrupts_held():
            if self.failure or not self.wants_more():
                raise StopIteration
            try:
                return self._ask()
            except Exception as error:  # of the storage or of the sampler; a thread of joblib's would keep it to itself
                self.failure = error
                raise StopIteration from None

    def _ask(self) -> tuple[Any, ...]:
        from plainnet.tabular.study import Live, Snapshot, ask

        trial = ask(self.study, AS_IT_IS)
        self.going[self.asked] = trial
        self.asked += 1
        recipe = self.search.recipe_for(trial)
        trial.set_user_attr("recipe", changes(self.search.recipe, recipe))
        if self.here:
            return recipe, Live(trial), {}
        return recipe, Snapshot(self.study, trial.number), {"threads": self.search.rows.options.get("threads") or 1}

    def wants_more(self) -> bool:
        """Return True if another trial is to begin: of this process or, in a shared storage, of any."""
        import optuna

        ended = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
        with self.turn, interrupts_held():
            count = len(self.study.get_trials(deepcopy=False, states=ended)) + len(self.going)
        return count < self.trials and time.monotonic() < self.deadline

    def tell(self, i: int, outcome: Outcome) -> optuna.trial.FrozenTrial:
        """Tell the study what a trial came to; a network that diverged is a trial cut short."""
        import optuna

        from plainnet.tabular.study import replay

        with self.turn:
            trial = self.going[i]
            if not self.here:
                replay(trial, outcome.reported)
            if outcome.error is None:
                told = self.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            else:
                told = self.study.tell(trial, outcome.error)
            del self.going[i]
        return told

    def give_up(self) -> None:
        """Tell the study that the trials which are still being run have failed."""
        import optuna

        with self.turn, interrupts_held():
            self.trials = 0
            for trial in self.going.values():
                self.study.tell(trial, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)
            self.going.clear()

    def raise_failure(self) -> None:
        """Raise what went wrong while a trial was asked for."""
        if self.failure:
            raise self.failure


def has_ended(study: optuna.Study) -> bool:
    """Return True if a trial of the study came to its end."""
    import optuna

    return bool(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)))


def changes(base: Recipe, recipe: Recipe) -> dict[str, Any]:
    """Return the settings in which a recipe differs from another, as plain data."""
    plain = recipe.to_dict()
    return {
        field.name: plain[field.name]
        for field in fields(Recipe)
        if field.name != "refit" and getattr(base, field.name) != getattr(recipe, field.name)
    }
