"""Printed measures of a model beside those of the simplest answer, and the classes that it confuses."""

from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plainnet._base.arrays import Array
from plainnet._base.wording import plural
from plainnet.cli.display import console, heading, plain_table
from plainnet.tabular.measuring import Measured
from plainnet.tabular.scores import Scores, confusions, in_plain_figures, written_interval

WIDEST_MATRIX = 10
"""The most classes with a confusion matrix; of more the commonest confusions are listed."""

WIDEST_BASELINE = 32
"""The most letters of the simplest answer, which is the head of a narrow column."""

NARROW = 70
"""The least width of a console for a table of all measures."""

LEAST_NAME = 6
"""The gaps between columns are wide if the names of classes keep this many letters."""


def print_measures(measured: Measured, classes: Sequence[str], title: str, about_the_rows: str = "") -> None:
    """Print how well a model does on rows whose target is known, with a confusion matrix for classes."""
    heading(f"{title} ({plural(len(measured.true), 'row')})")
    if about_the_rows:
        console.print(about_the_rows)
    console.print(measure_table(measured.scores, console.width))
    for remark in measured.scores.remarks:
        console.print(remark)
    if classes:
        pairs, counts = confusions(measured.true, measured.predicted, len(classes), measured.weights)
        matrix = confusion_table(pairs, counts, classes) if len(classes) <= WIDEST_MATRIX else None
        heading("Commonest confusions" if matrix is None else "Confusion matrix")
        console.print(commonest_confusions(pairs, counts, classes) if matrix is None else matrix)


def measure_table(scores: Scores, width: int) -> RenderableType:
    """Make a table with one line per measure: its value and interval, and those of simple models.

    A column in which no measure has anything is left out. A console too narrow for the columns has two tables.
    """
    columns = {
        "value": [_number(score.value) for score in scores.measures],
        "95 % interval": [written_interval(score.interval) for score in scores.measures],
        cut(scores.baseline, WIDEST_BASELINE): [_number(score.baseline) for score in scores.measures],
        "linear model": [_number(score.linear) for score in scores.measures],
    }
    columns = {head: cells for head, cells in columns.items() if any(cells)}
    heads = list(columns)
    parts = [heads] if width >= NARROW or len(heads) < 3 else [heads[:2], [heads[0], *heads[2:]]]
    tables = []
    for part in parts:
        table = plain_table("measure", *part, left=(0,))
        for score, *cells in zip(scores.measures, *(columns[head] for head in part), strict=True):
            table.add_row(score.label, *cells)
        tables.append(table)
    return Group(*tables)


def confusion_table(pairs: Array, counts: Array, classes: Sequence[str]) -> Table | None:
    """Make a table of counts by true class (rows) and predicted class (columns), with each row's share on the diagonal.

    A narrow console cuts the names, never the counts. The result is None if not even the counts have room.
    """
    matrix = np.zeros((len(classes), len(classes)), counts.dtype)
    matrix[pairs[:, 0], pairs[:, 1]] = counts
    longest = max(map(cell_len, classes))
    for padding in (1, 0):
        gaps = (2 * padding + 1) * (len(classes) + 1) + 2
        width = console.width - gaps - len("recall")  # for the names: of the rows, of the columns
        room = (width - len("predicted")) // len(classes)
        if room >= min(longest, LEAST_NAME):
            break
    if room < max(len(_count(n)) for n in matrix.flat):
        return None
    label = max(len("predicted"), width - min(room, longest) * len(classes))
    table = plain_table("true \\ predicted", *[cut(name, room) for name in classes], "recall", left=(0,))
    table.padding = (0, padding)
    for i, name in enumerate(classes):
        cells = [Text(_count(n), "bold") if i == j else (_count(n) if n else "·") for j, n in enumerate(matrix[i])]
        total = matrix[i].sum()
        table.add_row(cut(name, label), *cells, f"{matrix[i, i] / total:.1%}" if total else "–")
    return table


def commonest_confusions(pairs: Array, counts: Array, classes: Sequence[str]) -> Table:
    """Make a table of the pairs of classes that are confused most often."""
    table = plain_table("true", "predicted", "rows", left=(0, 1))
    wrong = np.flatnonzero(pairs[:, 0] != pairs[:, 1])
    for place in wrong[np.argsort(-counts[wrong], kind="stable")][:WIDEST_MATRIX]:
        i, j = pairs[place]
        table.add_row(classes[i], classes[j], _count(counts[place]))
    return table


def cut(name: str, width: int) -> str:
    """Return a name of at most `width` cells on the terminal, cut in the middle, as names often begin alike."""
    if cell_len(name) <= width:
        return name
    begin = set_cell_size(name, width // 2).rstrip()
    end = ""
    for letter in reversed(name):
        if cell_len(begin + "…" + letter + end) > width:
            break
        end = letter + end
    return f"{begin}…{end.lstrip()}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return in_plain_figures(value) if np.isfinite(value) else "not defined"


def _count(count: np.int64 | np.float64) -> str:
    """Return a number of rows or, in float, a sum of their weights."""
    return f"{count:,}" if isinstance(count, np.integer) else f"{count:.4g}"
