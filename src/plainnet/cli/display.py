"""What the commands print: tables of networks, results and records."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from plainnet import Network, metrics, tabular
from plainnet.arrays import Array
from plainnet.cli.streams import console as console  # the commands print through it
from plainnet.history import History
from plainnet.tabular.preparing import measure

WIDEST_MATRIX = 10
"""More classes than this are shown as a list of the commonest confusions."""


def plain_table(*columns: str, left: Iterable[int] = ()) -> Table:
    """A table with a line under its header, its columns set to the right but for the `left` ones."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i in set(left) else "right", overflow="fold")
    return table


def heading(text: str) -> None:
    """Print a heading above a table."""
    console.print(f"\n{text}", style="bold")


def layer_table(net: Network) -> Table:
    """A line a layer: shape, activation, parameters."""
    table = plain_table("layer", "shape", "activation", "parameters", left=(0, 2))
    inputs: int | str = net.input_size or "?"
    for layer, units, count in net.layer_sizes():
        activation = getattr(layer, "activation", None)
        table.add_row(layer.name, f"{inputs} → {units}", activation.name if activation else "", f"{count:,}")
        inputs = units
    table.add_section()
    table.add_row("total", "", net.dtype.name, f"{net.parameters.size:,}")
    return table


def result_table(measures: Mapping[str, float]) -> Table:
    """A line a measure."""
    table = plain_table("measure", "value", left=(0,))
    for name, value in measures.items():
        table.add_row(name, f"{value:.6g}" if np.isfinite(value) else f"not defined ({value})")
    return table


def print_measures(table: tabular.Table, net: Network, X: Any, y: Any, loss: str, title: str) -> None:
    """How well a model does on rows whose target is known, with a confusion matrix for classes."""
    heading(f"{title} ({len(X):,} rows)")
    console.print(result_table(measure(table, net, X, y, loss)))
    if table.task == "classification":
        matrix = metrics.confusion_matrix(y, net.predict(X))
        many = len(matrix) > WIDEST_MATRIX
        heading("Commonest confusions" if many else "Confusion matrix")
        console.print((commonest_confusions if many else confusion_table)(matrix, table.class_names))


def confusion_table(matrix: Array, names: Sequence[str]) -> Table:
    """Counts of true classes (rows) by predicted ones (columns), with the share of each row on the diagonal."""
    table = plain_table("true \\ predicted", *names, "recall", left=(0,))
    for i, name in enumerate(names):
        counts = [Text(str(n), "bold") if i == j else (str(n) if n else "·") for j, n in enumerate(matrix[i])]
        total = matrix[i].sum()
        table.add_row(name, *counts, f"{matrix[i, i] / total:.1%}" if total else "–")
    return table


def commonest_confusions(matrix: Array, names: Sequence[str]) -> Table:
    """The pairs of classes most often taken for each other, where a matrix would be too wide."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    table = plain_table("true", "predicted", "rows", left=(0, 1))
    for place in np.argsort(-wrong, axis=None, kind="stable")[:WIDEST_MATRIX]:
        i, j = np.unravel_index(place, wrong.shape)
        if wrong[i, j]:
            table.add_row(names[i], names[j], str(wrong[i, j]))
    return table


def record_table(history: History) -> Table:
    """The settings of a training run and how it went."""
    table = plain_table("training", "", left=(0, 1))
    for name, value in history.settings.items():
        table.add_row(name, _in_words(value))
    table.add_section()
    table.add_row("stopped", history.stopped)
    if history.epoch:
        table.add_row("epochs run", f"{history.epoch[-1]:,}, best {history.best_epoch:,}")
        table.add_row("seconds", f"{history.seconds[-1]:.2f}")
        table.add_row("last loss", f"{history.loss[-1]:.6g}")
    if history.validation_loss:
        table.add_row("best validation loss", f"{min(history.validation_loss):.6g}")
    return table


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_in_words(part)}" for name, part in value.items() if part not in (None, False))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
