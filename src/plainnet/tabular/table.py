"""A table's schema, learned from its training rows, makes features of columns and predictions of outputs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.extras import missing_extra
from plainnet.errors import InvalidType, InvalidValue, warn
from plainnet.tabular.columns import Categories, Column
from plainnet.tabular.decisions import Decision, ReadAs, notes, option_otherwise
from plainnet.tabular.description import as_dict, check_text, from_plain, require_keys, to_plain
from plainnet.tabular.encoding import column_of_kind, encode, of_kinds, places_of_features, positions
from plainnet.tabular.facts import ColumnFacts, Facts
from plainnet.tabular.features import GROUPS, FeatureGroups
from plainnet.tabular.kinds import Place, from_typed, has_thousands, notation_of_type, row_of_frame
from plainnet.tabular.learning import (
    COLUMN_KINDS,
    ENCODINGS,
    MOST_CATEGORIES,
    Encoding,
    facts_of,
    learn_column,
    useless_columns,
)
from plainnet.tabular.names import require_columns
from plainnet.tabular.notations import PLAIN, WHOLE, Notation
from plainnet.tabular.overlap import check_fingerprint
from plainnet.tabular.read_options import DEFAULT, ColumnKind, ReadOptions
from plainnet.tabular.reading import read_columns, read_keeping
from plainnet.tabular.robust_columns import CodedColumn
from plainnet.tabular.targets import (
    TARGETS,
    ClassTarget,
    Label,
    NumberTarget,
    Target,
    Task,
    decide_task,
    known_target,
)
from plainnet.tabular.thresholds import HALF

if TYPE_CHECKING:
    import polars as pl

BLOCK_BYTES = 64 * 2**20
"""A block of rows takes about so much memory as features."""


@dataclass(frozen=True)
class Table:
    """A Table is what training knows of a table: its input columns, in order, and its target.

    >>> import polars
    >>> frame = polars.DataFrame({"size": [1.0, 3.0], "color": ["red", "blue"], "price": [10.0, 30.0]})
    >>> table = Table.learn(frame, "price", "regression")
    >>> table.feature_names
    ('size', 'color=blue', 'color=red')
    >>> table.features(frame)
    array([[-1.,  0.,  1.],
           [ 1.,  1.,  0.]])
    >>> table.decode([[-1.0], [1.0]])
    array([10., 30.])
    """

    columns: tuple[Column, ...]
    """The input columns, in order."""
    target: Target
    """The target, its classes or its scale."""
    options: ReadOptions = DEFAULT
    """The options with which its files are read."""
    fingerprint: str = field(default="", repr=False)
    """Hashes of training rows, by which they are known again; see `plainnet.tabular.overlap`."""
    left_out: tuple[Decision, ...] = field(default=(), repr=False, compare=False)
    """The decisions on the columns that `learn` left out; a model file does not keep them."""

    @classmethod
    def learn(
        cls,
        frame: pl.DataFrame,
        target: str,
        task: Task,
        *,
        encoding: Encoding = "standard",
        largest_one_hot: int = 8,
        standardize_target: bool = True,
        options: ReadOptions = DEFAULT,
        sample_weight: Array | None = None,
    ) -> Table:
        """Return the table of the training rows, whose every column but the target is an input.

        A column that cannot help (all missing, constant, an identifier) is left out with a PlainnetWarning.

        Arguments:
            frame: the training rows, a frame of polars.
            target: the name of the target's column.
            task: "classification" or "regression".
            encoding: "standard" standardizes numbers and makes categories one-hot; see the classes of
                `plainnet.tabular.columns`. "robust" scales numbers by quartiles and clips them smoothly, takes dates
                apart, and keeps predictions of a quantity in the range of the training rows; two categories are one
                feature, up to `largest_one_hot` of them are one-hot, more are a code for an embedding; see
                `plainnet.tabular.robust_columns`.
            largest_one_hot: the most categories of a one-hot column ("robust" only).
            standardize_target: False to leave the target of a regression as it is, as a Poisson loss needs it.
            options: those that the frame was read with; `read` reads later files alike.
            sample_weight: a number above 0 for each row, by which means, deviations and quartiles are weighted.

        Raises InvalidValue where no input column is left, where the target does not permit the task (see
        `decide_task`) or is missing in a row, and for an infinite number or a type that no kind takes.
        """
        import polars as pl
        import polars.selectors as cs

        checks.one_of("encoding", encoding, ENCODINGS)
        checks.whole_number("largest_one_hot", largest_one_hot, least=0)
        robust = encoding == "robust"
        task = decide_task(frame, target, task)
        targets = known_target(frame, target)
        inputs = frame.drop(cs.by_name(target))
        found = {c.name: notation for c in inputs.iter_columns() if (notation := notation_of_type(c.dtype)) is not None}
        for note in notes(_date_decision(inputs[name], notation) for name, notation in found.items()):
            warn(note)
        found |= {column.name: WHOLE for column in inputs.iter_columns() if has_thousands(column)}
        options = replace(options, notations={**options.notations, **found})
        typed = pl.DataFrame([from_typed(column, row_of_frame) for column in inputs.iter_columns()])
        if task == "classification":
            learned: Target = ClassTarget.learn(targets, options.spellings)
        else:
            learned = NumberTarget.learn(ColumnFacts(targets, sample_weight), standardize_target, clip=robust)
        return cls.of_facts(
            facts_of(typed, sample_weight),
            learned,
            options,
            encoding=encoding,
            largest_one_hot=largest_one_hot,
            most_categories=None if robust else MOST_CATEGORIES,
        )

    @classmethod
    def of_facts(
        cls,
        facts: Sequence[Facts],
        target: Target,
        options: ReadOptions,
        *,
        encoding: Encoding = "standard",
        largest_one_hot: int = 8,
        most_categories: int | None = None,
    ) -> Table:
        """Return the table of a target and of input columns on whose training rows these are the facts; see `learn`.

        `facts` are those of each column, `target` is what was learned of the target, and `options`, `encoding` and
        `largest_one_hot` are as for `learn`. Columns with more than `most_categories` are left out, where there is a
        limit.
        """
        useless = useless_columns(facts, options.categories, most_categories)
        for note in notes(useless.values()):
            warn(note)
        columns = [
            learn_column(
                column,
                encoding=encoding,
                largest_one_hot=largest_one_hot,
                notation=options.notations.get(column.name, PLAIN),
            )
            for column in facts
            if column.name not in useless
        ]
        if not columns:
            raise InvalidValue(f"no column is left to predict {target.name!r} from; it takes one that varies")
        return cls(tuple(columns), target, options, left_out=tuple(useless.values()))

    @property
    def task(self) -> Task:
        """Say what the target holds: classes ("classification") or a quantity ("regression")."""
        return self.target.kind

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the input columns."""
        return tuple(column.name for column in self.columns)

    @property
    def category_columns(self) -> tuple[str, ...]:
        """Return the input columns that hold categories."""
        return tuple(column.name for column in self.columns if isinstance(column, Categories))

    @property
    def date_columns(self) -> tuple[str, ...]:
        """Return the input columns that hold dates, read as days since 1970-01-01."""
        notations = self.options.notations
        return tuple(name for name in self.column_names if name in notations and notations[name].kind == "dates")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Return a name for each feature: "body_mass_g", "island=Biscoe", "sex missing", "day: month sine"."""
        names = [""] * sum(len(column.feature_names) for column in self.columns)
        for column, places in zip(self.columns, self._slices, strict=True):
            for made, own in zip(column.features, places, strict=True):
                names[own] = made.names
        return tuple(names)

    @property
    def groups(self) -> FeatureGroups:
        """Return how many features are numbers and plain ones, and the categories of each code, in this order."""
        made = [features for column in self.columns for features in column.features]
        count = {group: sum(len(f.names) for f in made if f.group == group) for group in GROUPS}
        coded = tuple(len(column.values) for column in self.columns if isinstance(column, CodedColumn))
        return FeatureGroups(count["number"], count["plain"], coded)

    @cached_property
    def features_of_columns(self) -> tuple[tuple[int, ...], ...]:
        """Return for each column the places of its features, in the order of `Column.feature_names`."""
        indices = range(sum(len(column.feature_names) for column in self.columns))
        return tuple(tuple(place for own in places for place in indices[own]) for places in self._slices)

    @cached_property
    def _slices(self) -> list[list[slice]]:
        return places_of_features(self.columns)

    @property
    def classes(self) -> tuple[Label, ...]:
        """Return the classes in the order of the network's outputs; none for regression."""
        return self.target.classes if isinstance(self.target, ClassTarget) else ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Return the classes as they stand in a table file."""
        return self.target.names if isinstance(self.target, ClassTarget) else ()

    @property
    def threshold(self) -> float:
        """Return the probability above which the second of two classes is predicted; 0.5 unless another was chosen."""
        return self.target.threshold if isinstance(self.target, ClassTarget) else HALF

    def with_threshold(self, threshold: float) -> Table:
        """Return the table with another `threshold`; raise InvalidValue unless its target has two classes.

        `plainnet.tabular.thresholds.choose_threshold` chooses one for an aim.
        """
        if not isinstance(self.target, ClassTarget):
            raise InvalidValue(f"threshold is {threshold}; target {self.target.name!r} is a quantity and has none")
        return replace(self, target=replace(self.target, threshold=threshold))

    def read(
        self,
        path: Any,
        *,
        target: bool = False,
        also: Collection[str] = (),
    ) -> pl.DataFrame:
        """Return the input columns of a table, and with `target` the target, from what `read_table` takes.

        `path` is as for `read_table`. Columns named in `also` come with them where the file has them.

        Columns learned as categories are read as categories, and numbers in the notation that training had. Columns
        that the table does not know are not looked at. Raises as `read_table` does, and InvalidValue where the file
        lacks a column.
        """
        names = [*self.column_names, self.target.name] if target else self.column_names
        return read_columns(path, names, also=also, **self._how_to_read())

    def read_keeping(self, path: Any, keep: Collection[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the input columns as `read` does, and beside them the columns named in `keep` as the file has them.

        `path` is as for `read`; `keep` may name any column of the file. Raises as `read` does, and InvalidValue for a
        name that is none.
        """
        return read_keeping(path, self.column_names, keep, **self._how_to_read())

    def _how_to_read(self) -> dict[str, Any]:
        """Return the arguments with which the functions of `plainnet.tabular.reading` read as training did."""
        categories = list(self.category_columns)
        if self.target.column_kind == "category":
            categories.append(self.target.name)
        numbers = [column.name for column in self.columns if column.kind == "number"]
        numbers += [self.target.name] if self.target.column_kind == "number" else []
        notations = {name: self.options.notations.get(name, PLAIN) for name in numbers}
        booleans = [column.name for column in self.columns if column.kind == "boolean"]
        booleans += [self.target.name] if self.target.column_kind == "boolean" else []
        kinds: dict[str, ColumnKind] = {**self.options.columns, **dict.fromkeys(booleans, "boolean")}
        return {"categories": categories, "options": replace(self.options, notations=notations, columns=kinds)}

    def features(self, frame: pl.DataFrame, *, dtype: DTypeLike = np.float64, place: Place = row_of_frame) -> Array:
        """Return the rows of a `frame` as a network takes them, of `dtype`, shape (rows, features).

        Columns go by their names, in any order; other columns are not looked at. A category that training did
        not have is unknown to every feature of its column; a missing number is the mean. Each column
        with categories or missing values that training did not have gets one PlainnetWarning that counts
        them. `place` says where a row stands, for messages.

        Raises InvalidValue for columns that are lacking, of another kind than learned, or infinite, also once they
        are of `dtype`.
        """
        return encode(self.columns, self._slices, self._in_kinds(frame), np.dtype(dtype), place)

    def feature_blocks(
        self,
        frame: pl.DataFrame,
        dtype: DTypeLike = np.float64,
        *,
        place: Place = row_of_frame,
        warn_of_news: bool = True,
    ) -> Iterator[Array]:
        """Yield the features a block of rows at a time, so that many features need not fit into memory.

        `frame`, `dtype` and `place` are as for `features`. Without `warn_of_news` no warning says what training did not
        have, as where one did before.
        """
        frame = self._in_kinds(frame, warn_of_news)
        size = max(1, BLOCK_BYTES // (np.dtype(dtype).itemsize * len(self.feature_names)))
        for start in range(0, len(frame), size):
            yield encode(self.columns, self._slices, frame[start : start + size], np.dtype(dtype), place, start)

    def _in_kinds(self, frame: pl.DataFrame, warn_of_news: bool = True) -> pl.DataFrame:
        """Return the input columns in their kinds, and warn of what they hold that they did not hold in training."""
        require_columns(self.column_names, frame.columns, "the table")
        frame = of_kinds(self.columns, frame)
        missing = frame.null_count().row(0, named=True)
        for column in self.columns if warn_of_news else ():
            values, news = frame[column.name], f"column {column.name!r}:"
            if isinstance(column, Categories):
                unseen = values.filter(positions(values, column.values) < 0).drop_nulls()
                different = unseen.unique(maintain_order=True)
                listed = ", ".join(map(repr, different[:3])) + (", ..." if len(different) > 3 else "")
                if len(unseen):
                    warn(f"{news} {len(unseen)} values that training did not have count as unknown: {listed}")
            if missing[column.name] and not column.missing:
                count = missing[column.name]
                warn(f"{news} {count} missing values, where training had none, count as {column.unknown}")
        return frame

    def targets(self, frame: pl.DataFrame) -> Array:
        """Return the frame's target as a network learns it.

        Classification: the number of each row's class in `classes`, int64, shape (rows,). Regression: the
        standardized target, float64, shape (rows, 1).

        Raises InvalidValue for a target that is lacking, missing in a row or of another kind than learned,
        and for a class that training did not have.
        """
        known_target(frame, self.target.name)
        return self.target.encode(column_of_kind(frame, self.target.name, self.target.column_kind))

    def decode(self, outputs: Array) -> Array:
        """Return a network's outputs as the table states its target, shape (rows,).

        Classification: the most probable class of each row, from probabilities of shape (rows, classes) or,
        for two classes, from the probability p of the second, shape (rows, 1); of two classes the second where its
        probability is above `threshold`.
        Regression: outputs · deviation + mean, from outputs of shape (rows, 1), with the encoding "robust" no less
        than the least target of the training rows and no more than the largest.

        Raises InvalidValue for outputs of another shape and for outputs that are not finite.
        """
        return self.target.decode(outputs)

    def predictions(
        self, outputs: Array, *, probabilities: bool = False, kept: pl.DataFrame | None = None
    ) -> pl.DataFrame:
        """Return a network's `outputs` as a frame for `write_table`: the column "prediction".

        With `probabilities`, which a regression does not have, a column "probability_<class>" follows for each
        class. The columns of `kept`, such as `read_keeping` returns, stand before them. Numbers from float32 outputs
        are float32, so that a file shows no digits that nothing stands behind.
        """
        try:
            import polars as pl
        except ImportError:
            raise missing_extra("a table", "tables") from None
        outputs = np.asarray(outputs)
        decoded = _as_precise(self.decode(outputs), outputs)
        if isinstance(self.target, ClassTarget) and self.target.written:
            decoded = np.array(self.class_names)[self.target.decided(outputs)]
        frame = pl.DataFrame({"prediction": decoded})
        if probabilities:
            if not isinstance(self.target, ClassTarget):
                reason = f"target {self.target.name!r} is a quantity and has no classes"
                raise InvalidValue(f"probabilities is True; {reason}")
            columns = self.target.probabilities(outputs).T
            frame = frame.with_columns(
                pl.Series(f"probability_{name}", _as_precise(column, outputs))
                for name, column in zip(self.class_names, columns, strict=True)
            )
        if kept is None or not kept.width:
            return frame
        for name in kept.columns:
            if name in frame.columns:
                raise InvalidValue(
                    f"keep names {name!r}, as a column of the predictions is called; rename it in the table"
                )
        return kept.hstack(frame)

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain data that JSON holds exactly."""
        known = {"fingerprint": self.fingerprint} if self.fingerprint else {}
        return {
            "columns": [to_plain(column.entry, column) for column in self.columns],
            "target": to_plain(self.target.kind, self.target),
            "options": self.options.to_dict(),
            **known,
        }

    @classmethod
    def from_dict(cls, data: Any) -> Table:
        """Return the table that `to_dict` described; raise InvalidValue for data that describe none."""
        entries = {"options": DEFAULT.to_dict()} | as_dict("the table", data)  # version 0.1 had no options
        fingerprint = entries.pop("fingerprint", "")
        require_keys("the table", entries, ("columns", "target", "options"))
        if not isinstance(entries["columns"], list) or not entries["columns"]:
            raise InvalidValue(f"columns of the table is {entries['columns']!r}; it takes a list of columns")
        try:
            columns = tuple(from_plain("a column of the table", entry, COLUMN_KINDS) for entry in entries["columns"])
            target = from_plain("the target of the table", entries["target"], TARGETS)
            check_text("fingerprint of the table", fingerprint)
        except InvalidType as error:
            raise InvalidValue(str(error)) from None
        names = [target.name, *(column.name for column in columns)]
        if len(set(names)) < len(names):
            raise InvalidValue(f"the table has the columns {names}; each takes a name of its own")
        check_fingerprint(fingerprint)
        return cls(columns, target, ReadOptions.from_dict(entries["options"]), fingerprint)


def _date_decision(column: pl.Series, notation: Notation) -> Decision:
    """Return the decision that the dates or times of a frame are numbers."""
    kind: ReadAs = "time" if notation.date == "time" else "date"
    example = str(column.drop_nulls().first())
    return Decision(column.name, kind, notation.name, option_otherwise(kind, column.name), example, is_notable=True)


def _as_precise(values: Array, outputs: Array) -> Array:
    """Return numbers in float32 if the outputs that they come from are; classes as they are."""
    return values.astype(np.float32) if values.dtype.kind == "f" and outputs.dtype == np.float32 else values
