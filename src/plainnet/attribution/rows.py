"""The columns of a table: what each adds to the prediction of a row, and how important each is over many rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.wording import in_cell, in_figures, plural
from plainnet.attribution.importance import REPEATS, Importance, importance_of_inputs, importance_rows
from plainnet.attribution.shapley import PREDICTIONS, shapley_values
from plainnet.errors import InvalidValue
from plainnet.network import Network
from plainnet.tabular.targets import ClassTarget

if TYPE_CHECKING:
    import polars as pl
    from rich.console import RenderableType

    from plainnet.tabular import Table

BACKGROUND = 100
"""So many rows stand for what is not known; of more a sample is drawn."""


@dataclass(frozen=True, eq=False)
class RowExplanation:
    """A RowExplanation says what each column of a row adds to its prediction; `explain_rows` makes it.

    For classes the `prediction` is the probability of the predicted class, for quantities it is in the target's units.
    `columns` are the names of the columns, `target` is that of the target. It prints as text and shows as a table in a
    notebook.
    """

    name: str
    """The name of the row, such as "row 3"."""
    target: str
    answer: str
    """The prediction in words: the class, or the number."""
    of_class: bool
    """True if the target has classes, so that the values are parts of a probability."""
    columns: tuple[str, ...]
    cells: tuple[str, ...]
    """The row's value of each column."""
    values: Array
    """The amounts that the columns add, (columns,); they sum to `prediction - average`."""
    errors: Array
    """The standard error of each value, 0 where the values are exact."""
    prediction: float
    average: float
    """The average prediction of the background rows."""
    exact: bool
    """True if all coalitions of the columns were looked at, False if orders of the columns were drawn."""
    background: int
    """The number of background rows."""
    available: int
    """The number of rows that they were drawn from."""
    source: str
    """The source of the rows, such as the name of a file."""

    @property
    def quantity(self) -> str:
        """Return what the values are parts of: "probability of Adelie", or "predicted body_mass_g"."""
        return f"probability of {self.answer}" if self.of_class else f"predicted {self.target}"

    @property
    def background_in_words(self) -> str:
        """Return "100 rows of penguins.csv", or how many of how many rows."""
        rows = f"{plural(self.available, 'row')} of {self.source}"
        return rows if self.background == self.available else f"{self.background:,} of the {rows}, drawn at random,"

    def text(self, *, full: bool = False, width: int = 100) -> str:
        """Return it as text of `width` columns, without columns that add little unless `full`."""
        from plainnet.attribution.text import as_text

        return as_text([self], full, width)

    def __rich__(self) -> RenderableType:
        from plainnet.attribution.text import renderable

        return renderable([self], full=False)

    def _repr_html_(self) -> str:
        from plainnet.attribution.html import fragment

        return fragment([self], full=False)

    def __str__(self) -> str:
        return self.text()


def explain_rows(
    net: Network,
    table: Table,
    frame: pl.DataFrame,
    background: pl.DataFrame,
    *,
    names: Sequence[str] = (),
    source: str = "the background",
    predictions: int = PREDICTIONS,
    seed: int = 0,
    warn_of_news: bool = True,
) -> list[RowExplanation]:
    """Return an explanation of the prediction of each row of a frame, compared with the rows of another one.

    Arguments:
        net: the network that was trained on the table.
        table: what the network knows of its table, `plainnet.tabular.Table.from_dict(net.table)`.
        frame: the rows to explain.
        background: rows of the table that stand for what is not known, such as those of the training or those of
            `frame`
            itself; of more than 100 (`BACKGROUND`) a sample is drawn by `seed`.
        names: the names of the rows.
        source: how the explanations call the background.
        predictions, seed: as for `shapley_values`, with a table's columns as its groups: a column counts as one input,
            however many features it has.
        warn_of_news: False to give no warning of values that training did not have.

    >>> import polars
    >>> import plainnet as pn
    >>> from plainnet.tabular import Table
    >>> frame = polars.DataFrame({"size": [1, 3, 2], "color": ["red", "blue", "red"], "price": [10.0, 30.0, 20.0]})
    >>> table = Table.learn(frame, "price", "regression")
    >>> net = pn.Network(pn.Dense(1), input_size=3, dtype="float64")
    >>> net.layers[0].weights = [[1], [0], [0]]  # the price grows with the size alone
    >>> (found,) = explain_rows(net, table, frame[:1], frame)
    >>> found.columns, found.values.round(3).tolist(), round(found.prediction, 3), round(found.average, 3)
    (('size', 'color'), [-10.0, 0.0], 10.0, 20.0)
    >>> importance = importance_of_columns(net, table, frame, repeats=2)
    >>> importance.of_classes, importance.values.shape
    (False, (2, 2))
    """
    if not len(background):
        raise InvalidValue("background has no rows; it takes rows to compare with")
    available = len(background)
    if len(background) > BACKGROUND:
        drawn = np.random.default_rng(seed).choice(len(background), BACKGROUND, replace=False)
        background = background[np.sort(drawn)]
    X = _features(net, table, frame, warn_of_news)
    against = _features(net, table, background, False)
    groups = table.features_of_columns
    known = [name or f"row {i + 1}" for i, name in enumerate(names or [""] * len(frame))]
    explained = []
    for i, name in enumerate(known):
        predict, answer = _prediction_of(net, table, X[i])
        found = shapley_values(predict, X[i], against, groups, predictions=predictions, seed=seed)
        explained.append(
            RowExplanation(
                name=name,
                target=table.target.name,
                answer=answer,
                of_class=bool(table.classes),
                columns=table.column_names,
                cells=_cells(table, frame[i]),
                values=found.values,
                errors=found.errors,
                prediction=float(found.prediction),
                average=float(found.average),
                exact=found.exact,
                background=found.background,
                available=available,
                source=source,
            )
        )
    return explained


def importance_of_columns(
    net: Network,
    table: Table,
    frame: pl.DataFrame,
    *,
    sample_weight: Array | None = None,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Importance:
    """Return how much worse the predictions become when the values of a column are shuffled among the rows.

    A column counts as one input, however many features it has. All rows need a target; of many a sample is taken. `net`
    and `table` are as for `explain_rows`, `frame` holds the rows, `sample_weight` (rows,) their weights; `repeats` and
    `seed` are as for `permutation_importance`.
    """
    available = len(frame)
    count = importance_rows(available, len(table.columns))
    if available > count:
        drawn = np.sort(np.random.default_rng(seed).choice(available, count, replace=False))
        frame, sample_weight = frame[drawn], None if sample_weight is None else sample_weight[drawn]
    X, y = _features(net, table, frame, warn_of_news=False), table.targets(frame)
    settings: dict[str, Any] = {"repeats": repeats, "seed": seed, "available": available}
    return importance_of_inputs(net, X, y, table.features_of_columns, sample_weight=sample_weight, **settings)


def _features(net: Network, table: Table, frame: pl.DataFrame, warn_of_news: bool) -> Array:
    return np.concatenate(list(table.feature_blocks(frame, net.dtype, warn_of_news=warn_of_news)))


def _prediction_of(net: Network, table: Table, row: Array) -> tuple[Any, str]:
    """Return the function to explain, the probability of the class that a row is predicted as or the quantity."""
    target = table.target
    if not isinstance(target, ClassTarget):
        decoded = target.decode(net.predict(row[None], engine="numpy"))
        return lambda X: target.decode(net.predict(X, engine="numpy")), in_figures(float(decoded[0]))
    label = int(target.decided(net.predict(row[None], engine="numpy"))[0])
    return lambda X: target.probabilities(net.predict(X, engine="numpy"))[:, label], target.names[label]


def _cells(table: Table, row: pl.DataFrame) -> tuple[str, ...]:
    """Return the values of a row's input columns for people."""
    dates = table.date_columns
    return tuple(in_cell(row[name][0], is_date=name in dates) or "missing" for name in table.column_names)
