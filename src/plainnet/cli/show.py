"""The command `plainnet show`: a model's layers, training and columns, or how the columns of a table are read."""

from pathlib import Path
from typing import Annotated

import typer

import plainnet as pn
from plainnet.cli.columns_table import show_table
from plainnet.cli.display import console, heading, layer_table, plain_table, print_whole, record_table
from plainnet.cli.groups import grouped
from plainnet.cli.options import DATA, option
from plainnet.cli.train_options import Reading
from plainnet.errors import InvalidValue
from plainnet.tabular import Table
from plainnet.tabular.sources import is_table
from plainnet.tabular.thresholds import HALF


@grouped
def show(
    file: Annotated[list[Path], typer.Argument(help="Model file, or a table, or several files of a table.")],
    target: Annotated[str | None, option("Column to predict, of a table.", DATA)] = None,
    *,
    reading: Reading,
) -> None:
    """Show a model's layers, training record and columns, or the columns of a table and how they are read."""
    if is_table(file[0]):
        show_table(file, target, reading)
    elif len(file) > 1:
        raise InvalidValue(f"{file[0]} is no table; one model file is shown at a time")
    else:
        show_model(file[0])


def show_model(file: Path) -> None:
    """Show a model's layers, its training record and the columns it expects."""
    net = pn.load(file)
    console.print(layer_table(net))
    if net.history is not None:
        console.print(record_table(net.history))
        if "command" in net.history.source:
            print_whole(f"Trained by: {net.history.source['command']}")
    if net.table is None:
        console.print(f"The model takes {net.input_size} numbers; it was trained on arrays and expects no columns.")
        return
    table = Table.from_dict(net.table)
    columns = plain_table("column", "kind", "values in training", left=(0, 1, 2))
    heading("Expected columns")
    for column in table.columns:
        is_date = column.name in table.date_columns and column.kind == "number"
        columns.add_row(column.name, "date" if is_date else column.kind, column.in_training(is_date=is_date))
    console.print(columns)
    target = f"classes {', '.join(table.class_names)}" if table.classes else "a quantity"
    if table.threshold != HALF:
        target += f"; {table.class_names[1]} where its probability is above {table.threshold:.4g}"
    console.print(f"Predicts {table.target.name}: {target}")
