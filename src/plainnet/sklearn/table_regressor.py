"""The regressor for tables."""

from typing import Any, ClassVar

from sklearn.base import RegressorMixin  # type: ignore[import-untyped]
from sklearn.utils._param_validation import StrOptions  # type: ignore[import-untyped]

from plainnet._base.arrays import Array
from plainnet.losses import LOSSES
from plainnet.sklearn.table_base import BaseTable
from plainnet.sklearn.table_parameters import SHARED, documented_table
from plainnet.tabular.recipe import Recipe


@documented_table
class TableRegressor(RegressorMixin, BaseTable):  # type: ignore[misc]
    """TableRegressor is a network that predicts quantities from the columns of a table, as they are.

    Nothing has to be prepared: numbers, text, categories, booleans, dates and missing values are encoded as the recipe
    says, what a column is being decided by its values, as for the tables of `plainnet train`. The target is
    standardized for the training, and predictions are in its own units.

    Parameters
    ----------
    {parameters}
    loss : None, or a name such as 'mae', 'huber' or 'poisson'
        What the training minimizes; None is what the recipe says, usually 'mse'. 'poisson' is for counts, y ≥ 0.

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"size": [1.0, 3.0, None, 4.0] * 10, "color": ["red", "blue", "red", "blue"] * 10})
    >>> price = [10.0, 30.0, 10.0, 40.0] * 10
    >>> model = TableRegressor("small", random_state=0).fit(frame, price)
    >>> bool(model.score(frame, price) > 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {**SHARED, "loss": [StrOptions(set(LOSSES)), None]}
    _task = "regression"

    def __init__(
        self,
        recipe: str | Recipe = "realmlp",
        *,
        hidden: Any = None,
        activation: str | None = None,
        dropout: float | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        early_stopping: int | None = None,
        loss: str | None = None,
        ensemble: int = 1,
        folds: int = 0,
        validation_fraction: float = 0.2,
        time_limit: float | None = None,
        columns: Any = None,
        random_state: Any = None,
        verbose: bool | int = False,
        n_jobs: int | None = None,
        engine: str = "auto",
    ) -> None:
        self._set_arguments(locals())

    def predict(self, X: Any) -> Array:
        """Return the prediction for each row of X, in the units of y, (rows,)."""
        outputs = self._outputs(X)
        return self.table_.decode(outputs)

    def _recipe(self) -> Recipe:
        return super()._recipe().varied(loss=self.loss)

    def _learn_targets(self, y: Array, weights: Array | None) -> Array:
        return y.astype("float64")
