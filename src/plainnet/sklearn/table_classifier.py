"""The classifier for tables."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin  # type: ignore[import-untyped]
from sklearn.utils import compute_class_weight  # type: ignore[import-untyped]
from sklearn.utils._param_validation import StrOptions  # type: ignore[import-untyped]
from sklearn.utils.multiclass import check_classification_targets  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.sklearn.labels import labels_of_table, refuse_mixed
from plainnet.sklearn.table_base import BaseTable
from plainnet.sklearn.table_parameters import SHARED, documented_table
from plainnet.tabular.preparing import Prepared
from plainnet.tabular.recipe import Recipe
from plainnet.tabular.table import Table
from plainnet.tabular.targets import ClassTarget
from plainnet.tabular.texts import as_text


@documented_table
class TableClassifier(ClassifierMixin, BaseTable):  # type: ignore[misc]
    """TableClassifier is a network that predicts classes from the columns of a table, as they are.

    Nothing has to be prepared: numbers, text, categories, booleans, dates and missing values are encoded as the recipe
    says, what a column is being decided by its values, as for the tables of `plainnet train`.

    Parameters
    ----------
    {parameters}
    class_weight : None, 'balanced' or a dict {label: weight}
        Multiplies the sample weights. 'balanced' makes every class count the same.

    Attributes
    ----------
    classes_ : the labels, sorted.
    {attributes}

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"size": [1.0, 3.0, None, 4.0] * 10, "color": ["red", "blue", "red", "blue"] * 10})
    >>> animals = ["cat", "dog", "cat", "cat"] * 10
    >>> model = TableClassifier("small", random_state=0).fit(frame, animals)
    >>> model.predict([{"size": 3.0, "color": "blue"}, {"size": None, "color": "red"}]).tolist()
    ['dog', 'cat']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **SHARED,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }
    _task = "classification"

    classes_: Array

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
        ensemble: int = 1,
        folds: int = 0,
        validation_fraction: float = 0.2,
        time_limit: float | None = None,
        columns: Any = None,
        class_weight: Any = None,
        random_state: Any = None,
        verbose: bool | int = False,
        n_jobs: int | None = None,
        engine: str = "auto",
    ) -> None:
        self._set_arguments(locals())

    def predict(self, X: Any) -> Array:
        """Return the most probable label of each row of X, (rows,)."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Array:
        """Return for each row of X the probability of each class in the order of `classes_`, (rows, classes)."""
        outputs = self._outputs(X)
        assert isinstance(self.table_.target, ClassTarget)
        return self._in_order(self.table_.target.probabilities(outputs), 0.0)

    def predict_log_proba(self, X: Any) -> Array:
        """Return the natural logarithm of `predict_proba` of X; it is finite where a probability rounds to 0.

        Of several networks the probabilities are averaged, so that it is -infinity where all of theirs round to 0.
        """
        check_is_fitted(self)
        last = self.network_.layers[-1]
        if getattr(last, "activation", None) is None or last.activation.name != "softmax":
            with np.errstate(divide="ignore"):
                return np.log(self.predict_proba(X))
        z = self._outputs(X, before_activation=True).astype(np.float64)
        z -= z.max(axis=1, keepdims=True)
        return self._in_order(z - np.log(np.exp(z).sum(axis=1, keepdims=True)), -np.inf)

    # ---- labels ----

    def _learn_targets(self, y: Array, weights: Array | None) -> Array:
        check_classification_targets(y)
        refuse_mixed(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        counting = codes if weights is None else codes[weights > 0]
        if len(counting) and (counting == counting[0]).all():
            label = self.classes_.tolist()[counting[0]]
            raise InvalidValue(f"y is {label!r} in every row that counts; a classifier takes at least two classes")
        labels: Array = np.array(labels_of_table(self.classes_))[codes]
        return labels

    def _options(self, prepared: Prepared, y: Array) -> dict[str, Any]:
        if not isinstance(self.class_weight, dict):
            return {"class_weight": self.class_weight}
        weights = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        places = self._places(prepared.table)
        return {"class_weight": {int(place): w for place, w in zip(places, weights, strict=True) if place >= 0}}

    def _places(self, table: Table) -> Array:
        """Return for each of `classes_` the number of the table's class, -1 for one none of whose rows counted."""
        places = {label: place for place, label in enumerate(table.classes)}
        labels = labels_of_table(self.classes_)
        return np.array([places.get(as_text(label) if isinstance(label, str) else label, -1) for label in labels])

    def _in_order(self, columns: Array, absent: float) -> Array:
        """Return columns of the table's classes in the order of `classes_`."""
        with_absent = np.column_stack([columns, np.full(len(columns), absent)])
        return with_absent[:, self._places(self.table_)]
