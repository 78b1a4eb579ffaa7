"""The subject of a report: a network with rows to show it on, in the words and units of their table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.wording import in_cell, in_date, in_digits, in_figures
from plainnet.attribution.outputs import class_labels, class_scores, examples
from plainnet.network import Network
from plainnet.plots.drawing import named
from plainnet.plots.plane import Scale
from plainnet.tabular.thresholds import HALF, decided

if TYPE_CHECKING:
    import polars as pl

    from plainnet.tabular import Table
    from plainnet.tabular.columns import Column


@dataclass(frozen=True, eq=False)
class Input:
    """An input as the user knows it: a column of a table, which may be several features, or a feature itself."""

    name: str
    kind: str
    features: list[int]
    summary: str
    """Its values in these rows in a few words."""
    is_date: bool = False
    """True for dates, whose numbers are the days since 1970-01-01."""
    own: Array = field(default_factory=lambda: np.empty(0))
    """The numbers of a quantity in its own units, NaN where missing."""
    encode: Callable[[Array], Array] = lambda own: own[:, np.newaxis]
    """The function from such numbers to the features."""
    in_parts: bool = False
    """True if a quantity is more than one feature, as a date with its month."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network with the rows to show it on."""

    net: Network
    X: Array
    y: Array
    title: str
    rows_are: str
    """A sentence on the rows: their source, and their part in the training."""
    rows: Array
    """The number of each row in its source, counted from 1."""
    source: str = ""
    """The file of the rows; empty for arrays."""
    weights: Array | None = None
    """The weight of each row; None if all count the same."""
    target: str
    inputs: list[Input]
    names: list[str]
    """The names of the features."""
    scales: list[Scale]
    """The mean and deviation with which each feature was standardized; 0 and 1 if it was not."""
    classes: list[str]
    """The names of the classes; empty if the network predicts quantities."""
    labels: Array | None
    """The class of each row; None if the network predicts quantities."""
    true: Array
    """The targets in their own units, (rows, outputs), or the labels of classes."""
    predicted: Array
    """The predictions in the same form."""
    threshold: float = HALF
    """The probability above which the second of two classes is predicted."""
    target_scale: tuple[float, float] = (0.0, 1.0)
    """The mean and deviation with which the target was standardized; 0 and 1 if it was not."""
    scores: Array
    """The outputs of the network, or a probability for each class."""
    linear: Array | None = None
    """The outputs of a linear model for the rows, of a quantity in its own units, to be measured beside."""
    header: list[str]
    cells: list[list[str]]
    """The original values of the rows."""
    typical: Array
    """The values of inputs that a picture does not vary."""

    @property
    def outputs(self) -> Array:
        """The outputs as a loss takes them: of one sigmoid unit, one for each row."""
        return self.scores[:, 1:] if self.labels is not None and self.net.output_size == 1 else self.scores

    @property
    def mistakes(self) -> Array:
        """The mistake of each row: 1 - the probability of its class, or |prediction - target|."""
        if self.labels is not None:
            return 1 - self.scores[np.arange(len(self.labels)), self.labels]
        return np.abs(self.predicted - self.true).mean(axis=1)


def of_arrays(
    net: Network,
    X: Any,
    y: Any,
    *,
    title: str,
    names: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    target: str = "target",
    rows_are: str = "",
    outputs: Array | None = None,
) -> Subject:
    """Make a subject from arrays, as `net.fit` takes them; raise the errors of `net.evaluate` if they do not fit.

    `outputs` are those for the rows where they are not the network's own.
    """
    inputs, targets = examples(net, X, y)
    called = named("names", names, [f"input {i}" for i in range(inputs.shape[1])])
    labels = class_labels(net, targets)
    outputs = net.predict(inputs) if outputs is None else outputs
    scores = class_scores(outputs) if labels is not None else outputs
    known = [f"class {k}" for k in range(scores.shape[1])] if labels is not None else []
    columns = [Input(name, "number", [i], spread(inputs[:, i]), own=inputs[:, i]) for i, name in enumerate(called)]
    return Subject(
        net=net,
        X=inputs,
        y=targets,
        title=title,
        rows_are=rows_are,
        rows=np.arange(1, len(inputs) + 1),
        target=target,
        inputs=columns,
        names=called,
        scales=[(0.0, 1.0)] * len(called),
        classes=named("classes", classes, known) if labels is not None else [],
        labels=labels,
        true=targets if labels is None else labels[:, None],
        predicted=outputs if labels is None else scores.argmax(axis=1)[:, None],
        scores=scores,
        header=called,
        cells=[[in_cell(value) for value in row] for row in inputs.tolist()],
        typical=np.median(inputs, axis=0),
    )


def of_table(
    net: Network,
    table: Table,
    frame: pl.DataFrame,
    *,
    title: str,
    rows_are: str,
    rows: Array | None = None,
    source: str = "",
    sample_weight: Array | None = None,
    outputs: Array | None = None,
    linear: Array | None = None,
) -> Subject:
    """Make a subject from rows of a table that all have a target, with the columns on which the network was trained.

    `outputs` are those for the rows where they are not the network's own, as those of networks that were not trained
    on them; `linear` are the outputs of a linear model, to be measured beside.

    `rows` are their numbers in the file `source`; 1 is the first below the header.
    """
    import polars.selectors as cs

    from plainnet.tabular.encoding import of_kinds
    from plainnet.tabular.targets import NumberTarget

    X, y = table.features(frame, dtype=net.dtype), table.targets(frame)
    base = of_arrays(
        net, X, y, title=title, names=table.feature_names, classes=table.class_names or None, outputs=outputs
    )
    dated = table.date_columns
    columns, inputs = [], of_kinds(table.columns, frame)
    scales: list[Scale] = [(0.0, 1.0)] * len(table.feature_names)
    typical = np.zeros(len(table.feature_names))
    for column, places in zip(table.columns, map(list, table.features_of_columns), strict=True):
        values = inputs[column.name]
        known = values.drop_nulls()
        is_date = column.name in dated
        missing = f"; {values.null_count():,} missing" if values.null_count() else ""
        if column.kind == "number":
            own = values.cast(float).fill_null(np.nan).to_numpy()
            words = _span_of_dates(known.to_numpy()) if is_date else spread(known.to_numpy())
            quantity = _quantity(column, places, words + missing, is_date, own)
            scales[places[0]] = _scale(column)
            typical[places] = quantity.encode(np.array([np.median(known) if len(known) else np.nan]))[0]
            columns.append(quantity)
        else:
            common, times = np.unique(base.X[:, places], axis=0, return_counts=True)
            typical[places] = common[times.argmax()]
            columns.append(Input(column.name, column.kind, places, _commonest(known) + missing))
    header = list(table.column_names)
    cells = [
        [in_cell(value, is_date=name in dated) for name, value in zip(header, row, strict=True)]
        for row in inputs.select(cs.by_name(header)).iter_rows()
    ]
    if isinstance(table.target, NumberTarget):
        true, predicted = table.target.stated(y)[:, None], table.decode(base.scores)[:, None]
        scale = table.target.mean, table.target.deviation
        base = replace(base, true=true, predicted=predicted, target_scale=scale)
    elif table.threshold != HALF:
        base = replace(base, predicted=decided(base.scores, table.threshold)[:, None], threshold=table.threshold)
    return replace(
        base,
        rows_are=rows_are,
        rows=base.rows if rows is None else rows,
        source=source,
        weights=sample_weight,
        linear=linear if linear is None or base.labels is not None else table.decode(linear)[:, None],
        target=table.target.name,
        inputs=columns,
        scales=scales,
        typical=typical,
        header=header,
        cells=cells,
    )


def _quantity(column: Column, places: list[int], words: str, is_date: bool, own: Array) -> Input:
    """Return a column of numbers or dates."""
    from plainnet.tabular.encodings import mark

    def encode(numbers: Array) -> Array:
        return np.hstack([made.of(numbers[:, np.newaxis]) for made in column.features])

    in_parts = sum(made.formula is not mark for made in column.features) > 1
    return Input(column.name, column.kind, places, words, is_date, own, encode, in_parts)


def _scale(column: Column) -> Scale:
    """Return how the first feature of a number was scaled, for pictures in the number's own units."""
    from plainnet.tabular.columns import NumberColumn
    from plainnet.tabular.encodings import smooth_clip
    from plainnet.tabular.robust_columns import RobustNumberColumn
    from plainnet.tabular.robust_scale import unclipped

    if isinstance(column, NumberColumn):
        return column.mean, column.deviation
    if isinstance(column, RobustNumberColumn) and "value" in column.parts:
        center, spread = column.center, column.spread
        return lambda x: center + spread * unclipped(x), lambda shown: smooth_clip((shown - center) / spread)
    return 0.0, 1.0


def spread(values: Array) -> str:
    """Return the range and median in a few words, integers as integers."""
    if not len(values):
        return "no value"
    ends = float(values.min()), float(values.max())
    whole = bool(np.all(values == np.round(values)))
    low, high, middle = ((in_digits if whole else in_figures)(value) for value in (*ends, np.median(values)))
    return f"{low} to {high}, median {middle}" if low != high else f"{low} in every row"


def _span_of_dates(days: Array) -> str:
    return f"{in_date(days.min())} to {in_date(days.max())}" if len(days) else "no value"


def _commonest(values: pl.Series) -> str:
    if not len(values):
        return "no value"
    counts = values.value_counts(sort=True).rows()
    listed = ", ".join(f"{in_cell(value)} ({count:,})" for value, count in counts[:4])
    return listed + (f", {len(counts) - 4} more" if len(counts) > 4 else "")
