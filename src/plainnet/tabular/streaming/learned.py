"""A table is learned from what a pass over all rows has found, and from a sample of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.tabular.building import output_of
from plainnet.tabular.facts import counts_rows
from plainnet.tabular.kinds import Kind
from plainnet.tabular.learning import MOST_CATEGORIES
from plainnet.tabular.parts import TablePart
from plainnet.tabular.problem import Problem
from plainnet.tabular.recipe import Recipe
from plainnet.tabular.streaming.passing import Passed, number_columns
from plainnet.tabular.streaming.reading import Reader
from plainnet.tabular.streaming.sums import MOST_VALUES
from plainnet.tabular.table import Table
from plainnet.tabular.targets import ClassTarget, NumberTarget, Target, Task, decide_task
from plainnet.tabular.texts import as_text


@dataclass(frozen=True, eq=False)
class StreamedFacts:
    """StreamedFacts are exact but for `values`, which are those of a sample; see `plainnet.tabular.facts.Facts`."""

    name: str
    rows: int
    missing: int
    kind: Kind | None
    unit: float
    sample: pl.Series
    sample_weights: Array | None
    different: int
    first: float | bool | str
    totals: list[float]
    ends: tuple[float, float] = (0.0, 0.0)
    moments: tuple[float, float] = (0.0, 1.0)
    texts: tuple[str, ...] = ()
    is_whole: bool = False

    @property
    def values(self) -> Array:
        """Return the numbers of the sample, without the missing ones; the ends where the sample has none."""
        known = self.sample.drop_nulls().to_numpy()
        return known if len(known) else np.array(self.ends)

    @property
    def weights(self) -> Array | None:
        """Return the weights of `values`."""
        if self.sample_weights is None:
            return None
        known = self.sample_weights[self.sample.is_not_null().to_numpy()]
        return known if len(known) else np.full(2, self.unit)

    def counts_rows(self) -> bool:
        """Return True if the numbers are whole, none is missing, and those of the sample count rows."""
        if self.missing or not self.is_whole or not counts_rows(self.sample):
            return False
        return self.rows - 1 <= self.ends[1] - self.ends[0] < 3 * self.rows


def facts_on(reader: Reader, passed: Passed, sample: TablePart, names: Sequence[str]) -> list[StreamedFacts]:
    """Return the facts on these columns of the training rows."""
    return [_facts(reader, passed, sample, name) for name in names]


def _facts(reader: Reader, passed: Passed, sample: TablePart, name: str) -> StreamedFacts:
    kind = reader.kinds[name]
    known: dict[str, Any] = {
        "name": name,
        "rows": passed.training,
        "kind": kind,
        "unit": 1.0 if sample.weights is None else float(passed.unit),
        "sample": sample.frame[name],
        "sample_weights": sample.weights,
    }
    if kind == "number":
        assert passed.numbers is not None
        sums, place = passed.numbers, number_columns(reader).index(name)
        ends = float(sums.least[place]), float(sums.most[place])
        present, missing = float(sums.weight[place]), passed.training - int(sums.known[place])
        return StreamedFacts(
            **known,
            missing=missing,
            different=min(1, int(sums.known[place])) + (ends[0] < ends[1]),
            first=ends[0],
            ends=ends,
            moments=(float(sums.mean[place]), float(sums.deviation[place]) or 1.0),
            totals=[passed.weight - present if missing else 0.0, present],
            is_whole=bool(sums.whole[place]),
        )
    counts = passed.values[name]
    weights = counts.weights
    known["missing"] = counts.rows.get(None, 0)
    if kind == "boolean":
        found = [value for value in weights if value is not None]
        totals = [weights.get(value, 0.0) for value in (None, False, True)]
        return StreamedFacts(**known, different=len(found), first=found[0] if found else False, totals=totals)
    by_text: dict[str, float] = {}
    for value, weight in weights.items():
        if value is not None:
            by_text[as_text(value)] = by_text.get(as_text(value), 0.0) + weight
    texts = tuple(sorted(by_text))
    return StreamedFacts(
        **known,
        different=len(texts) if counts.hashes is None else counts.different,
        first=texts[0] if texts else "",
        texts=texts,
        totals=[weights.get(None, 0.0), *(by_text[text] for text in texts)],
    )


def task_of(reader: Reader, passed: Passed, sample: TablePart, task: str | None) -> Task:
    """Return the task that the target of all rows permits; raise InvalidValue as `decide_task` does."""
    assert passed.classes is not None
    values = passed.classes.counts["value"].alias(reader.target)
    if passed.classes.hashes is not None:
        values = sample.frame[reader.target]
        if values.dtype == pl.String and task is not None:
            raise InvalidValue(
                f"target {reader.target!r} holds about {passed.classes.different:,} different texts; a table that is "
                f"read in pieces takes at most {MOST_VALUES:,} classes"
            )
        if reader.kinds[reader.target] == "number" and passed.numbers is not None:
            is_whole = passed.numbers.whole[number_columns(reader).index(reader.target)]
            values = values if is_whole else values.append(pl.Series(values.name, [0.5]))
    return decide_task(values.to_frame(), reader.target, task)


def table_of(reader: Reader, passed: Passed, problem: Problem, recipe: Recipe) -> Table:
    """Return the table of all training rows; its classes are those of all rows, as each part has to know them.

    Raises as `Table.learn` does.
    """
    assert passed.classes is not None
    robust, sample = recipe.encoding == "robust", problem.rows
    if problem.task == "classification":
        counts = passed.classes.counts
        target: Target = ClassTarget.learn(
            counts["value"].alias(reader.target), reader.options.spellings, counts["rows"]
        )
    else:
        (facts,) = facts_on(reader, passed, sample, [reader.target])
        target = NumberTarget.learn(facts, output_of(problem.loss) == "identity", clip=robust)
    inputs = [name for name in reader.names if name not in (reader.target, reader.weight_column)]
    return Table.of_facts(
        facts_on(reader, passed, sample, inputs),
        target,
        reader.options,
        encoding=recipe.encoding,
        largest_one_hot=recipe.largest_one_hot,
        most_categories=MOST_VALUES if robust else MOST_CATEGORIES,
    )
