"""The base class of TableClassifier and TableRegressor: rows of any columns in, a trained network out."""

import math
import time
from collections.abc import Generator, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import check_random_state  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.engines import ENGINES, blas
from plainnet.errors import warn
from plainnet.history import History, Report
from plainnet.network import Network
from plainnet.sklearn.documentation import call_of
from plainnet.sklearn.estimator import Estimator
from plainnet.sklearn.stochastic import threads_of
from plainnet.sklearn.table_parameters import OF_THE_RECIPE, SHARED
from plainnet.tabular.modelling import model_of
from plainnet.tabular.parts import Division, Share
from plainnet.tabular.preparing import Prepared
from plainnet.tabular.recipe import Recipe, recipe_of
from plainnet.tabular.table import Table
from plainnet.tabular.targets import Task
from plainnet.training.progress import show


class BaseTable(Estimator):
    """This is what both estimators share; a subclass encodes its targets and decodes outputs."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = SHARED

    recipe: str | Recipe
    ensemble: int
    folds: int
    validation_fraction: float
    time_limit: float | None
    columns: Mapping[Any, Any] | None
    random_state: Any
    verbose: bool | int
    n_jobs: int | None
    engine: str

    network_: Network
    table_: Table
    history_: History

    # ---- what a subclass defines ----

    _task: ClassVar[Task]

    def _learn_targets(self, y: Array, weights: Array | None) -> Array:
        """Return checked targets, with weights if there are any, as the values of a column that a table learns from."""
        raise NotImplementedError

    def _options(self, prepared: Prepared, y: Array) -> dict[str, Any]:
        """Return more options of the training."""
        return {}

    # ---- training ----

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on the rows of X: a frame of pandas or polars, a list of dicts, or an array; y holds their targets.

        Columns may hold numbers, booleans, text, categories, dates and times, and missing values. A row counts as
        often as its weight says.
        """
        before = self.__dict__.copy()
        try:
            self._fit(X, y, sample_weight)
        except BaseException:
            self.__dict__ = before  # an estimator that raises an error stays as it was
            raise
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> None:
        from plainnet.sklearn.table_data import problem_for, rows_of, targets_of, weights_of  # imports polars

        began = time.monotonic()
        self._validate_params()
        checks.one_of("engine", self.engine, ["auto", *ENGINES])
        recipe, seed, threads = self._recipe(), self._seed(), threads_of(self.n_jobs)
        rows, targets = rows_of(self, X, reset=True), targets_of(self, y)
        weights = weights_of(sample_weight, rows)
        problem = problem_for(
            rows,
            self._learn_targets(targets, weights),
            weights,
            name=getattr(y, "name", None),
            columns=self._kinds_of_columns(),
            task=self._task,
            loss=recipe.loss,
        )
        with blas.limited(threads):
            fitted = model_of(
                problem,
                self._division(),
                recipe,
                lambda prepared: {"engine": self.engine, "threads": threads, **self._options(prepared, targets)},
                seed=seed,
                deadline=math.inf if self.time_limit is None else began + self.time_limit,
                follow=self._follow,
                progress=bool(self.verbose),
                measured=False,
            )
        self.network_, self.table_, self.history_ = fitted.net, Table.from_dict(fitted.net.table), fitted.history
        self.history_.settings = {"estimator": call_of(self), **self.history_.settings}

    def _recipe(self) -> Recipe:
        """Return the recipe with the estimator's own settings."""
        return recipe_of(self.recipe).varied(**{name: getattr(self, name) for name in OF_THE_RECIPE})

    def _kinds_of_columns(self) -> dict[str, Any]:
        """Return `columns` by their names; those of an array are x0, x1, ..., as scikit-learn calls them."""
        has_names = hasattr(self, "feature_names_in_")
        given = (self.columns or {}).items()
        return {str(name) if has_names or isinstance(name, str) else f"x{name}": kind for name, kind in given}

    def _division(self) -> Division:
        """Return how the rows are divided: none are set aside for a test, as the caller does that."""
        validation = None if self.folds else Share(float(self.validation_fraction))
        return Division(Share(0.0), validation, int(self.folds), int(self.ensemble))

    def _seed(self) -> int:
        given = self.random_state
        if isinstance(given, int | np.integer):
            return int(given)
        return int(check_random_state(given).randint(2**31 - 1))

    def _follow(self, reports: Generator[Report, None, None]) -> bool:
        """Follow the training of a single network; an interrupt ends it, and what it has learned is kept."""
        try:
            for _ in show(reports) if self.verbose else reports:
                pass
        except KeyboardInterrupt:
            warn("the training was interrupted; the estimator keeps what it has learned")
            return True
        return False

    # ---- predicting ----

    def _outputs(self, X: Any, *, before_activation: bool = False) -> Array:
        """Return the network's outputs for rows, or the sums before their activation."""
        check_is_fitted(self)
        from plainnet.sklearn.table_data import rows_of  # imports polars

        rows = rows_of(self, X, reset=False)
        return self.network_.logits(rows) if before_activation else self.network_.predict(rows)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        tags.target_tags.required = True
        return tags
