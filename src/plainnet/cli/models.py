"""The commands `plainnet predict` and `evaluate`, which use a model file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import plainnet as pn
from plainnet._base.wording import plural
from plainnet.attribution import importance_of_columns
from plainnet.attribution.importance import REPEATS
from plainnet.attribution.text import importance_lines
from plainnet.cli import options
from plainnet.cli.display import heading, print_whole
from plainnet.cli.groups import grouped
from plainnet.cli.measures import print_measures
from plainnet.cli.options import Texts
from plainnet.cli.outputs import check_outputs
from plainnet.cli.streams import console, write_text
from plainnet.errors import InvalidValue
from plainnet.explain.layout import printed
from plainnet.network.prediction import engine_for
from plainnet.tabular import Table, write_table
from plainnet.tabular.measuring import about_seen, measure
from plainnet.tabular.parts import TablePart, part_of_file
from plainnet.tabular.reading import as_text_table
from plainnet.tabular.sources import PARQUET_ENDINGS, TEXT_ENDINGS, named


@grouped
def predict(
    model: options.Model,
    data: Annotated[
        list[Path], typer.Argument(help="Table with the model's columns, in any order, or several files of it.")
    ],
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; standard output if not given or -.")
    ] = None,
    keep: Annotated[
        Texts, options.option("Columns of the table to write before the prediction, as they stand: id,name.")
    ] = None,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Add the probability of each class.")] = False,
    reading: options.LaterReading,
) -> None:
    """Predict the rows of a table, in their order."""
    file = None if output is None or str(output) == "-" else output
    check_outputs({"--output": file}, {"the model": model, **options.as_inputs(data)}, TEXT_ENDINGS + PARQUET_ENDINGS)
    net, table = load(model, reading)
    frame, kept = table.read_keeping(data, options.names(keep))
    blocks = table.feature_blocks(frame, net.dtype, place=lambda row: f"{named(data)}, row {row + 1}")
    engine = engine_for(net, len(frame))
    outputs = [net.predict(block, engine=engine) for block in blocks]
    predictions = table.predictions(np.concatenate(outputs), probabilities=probabilities, kept=kept)
    if file is None:
        write_text(as_text_table(predictions, kept=kept.columns))
        return
    write_table(file, predictions, kept=kept.columns)
    print_whole(f"{len(predictions):,} predictions written to {file}")


@grouped
def evaluate(
    model: options.Model,
    data: options.TablesWithTarget,
    *,
    importance: Annotated[
        bool, typer.Option("--importance", help="Show how much worse it becomes when a column is shuffled.")
    ] = False,
    repeats: Annotated[int, typer.Option(min=1, help="Shuffles of each column for --importance.")] = REPEATS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the shuffles.")] = 0,
    full: Annotated[bool, typer.Option("--full", help="List all columns of --importance.")] = False,
    reading: options.LaterReading,
) -> None:
    """Measure a model on rows whose target is known."""
    net, table = load(model, reading)
    part = rows_to_measure(net, table, data)
    for line in left_out(part):
        console.print(line)
    measured = measure(table, net, part)
    print_measures(measured, table.class_names, f"On {options.named(data)}", about_seen(measured.seen))
    if importance:
        heading("Importance of the columns")
        found = importance_of_columns(net, table, part.frame, sample_weight=part.weights, repeats=repeats, seed=seed)
        console.print(printed(lambda width: importance_lines(table.column_names, found, full, width)))


def rows_to_measure(net: pn.Network, table: Table, data: Sequence[Path]) -> TablePart:
    """Return the rows of a file whose target is known, with the weights of the training's column if the file has it."""
    source = net.history.source if net.history else {}
    part = part_of_file(table, data, source.get("weight_column"))
    if not len(part):
        raise InvalidValue(f"{named(data)} has no row with a {table.target.name}; it takes rows whose target is known")
    return part


def left_out(part: TablePart) -> list[str]:
    """Return a sentence for each reason why rows of a file are left out."""
    reasons = ((part.without_target, "without a target"), (part.weightless, "of weight 0"))
    return [
        f"{plural(count, 'more row')} {reason} {'is' if count == 1 else 'are'} left out"
        for count, reason in reasons
        if count
    ]


def load(
    path: Path, reading: options.LaterReading, instead: str = "plainnet.load and net.predict"
) -> tuple[pn.Network, Table]:
    """Load a model and its table, which reads files with the options given; `instead` names what other models need."""
    net = pn.load(path)
    if net.table is None:
        raise InvalidValue(f"{path} was trained on arrays, not on a table; use {instead} in Python")
    return net, reading.of(Table.from_dict(net.table))
