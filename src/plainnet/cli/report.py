"""The command `plainnet report`, and the option `--report` of train and xor."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

import plainnet as pn
from plainnet import plots
from plainnet._base.arrays import Array
from plainnet.cli import options
from plainnet.cli.display import print_whole
from plainnet.cli.groups import grouped
from plainnet.cli.models import left_out, load, rows_to_measure
from plainnet.cli.options import given_words
from plainnet.cli.outputs import PAGES, check_outputs
from plainnet.report import of_arrays, of_table, write_report
from plainnet.tabular import Table
from plainnet.tabular.measuring import about_seen, share_seen
from plainnet.tabular.parts import TablePart

OF_THE_SURROUNDINGS = (
    *("save", "plot", "report", "progress", "checkpoint", "checkpoint_every", "resume"),
    *("explain", "full", "html"),
)
"""Options that do not change what is trained."""


@grouped
def report(
    model: options.Model,
    data: options.TablesWithTarget,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="HTML file to write.")] = Path("report.html"),
    reading: options.LaterReading,
) -> None:
    """Write a report on a model: the network, its curves, what it predicts and where it is wrong, in pictures."""
    check_outputs({"--output": output}, {"the model": model, **options.as_inputs(data)}, PAGES)
    plots.new_axes()  # raises MissingExtraError without matplotlib
    net, table = load(model, reading)
    part = rows_to_measure(net, table, data)
    left = (f"{line}." for line in left_out(part))
    sentences = [f"Shown on the rows of {options.named(data)}.", about_seen(share_seen(table, part)), *left]
    report_table_run(output, net, table, part, " ".join(filter(None, sentences)))


def report_table_run(
    path: Path,
    net: pn.Network,
    table: Table,
    part: TablePart,
    rows_are: str,
    outputs: Array | None = None,
    linear: Array | None = None,
) -> None:
    """Write the report of a network trained on a table, on some of its rows; see `of_table` for the outputs."""
    subject = of_table(
        net,
        table,
        part.frame,
        title=f"A network that predicts {table.target.name}",
        rows_are=rows_are,
        rows=part.numbers,
        source=Path(part.source).name,
        sample_weight=part.weights,
        outputs=outputs,
        linear=linear,
    )
    write_report(path, subject)
    print_whole(f"Report written to {path}")


def report_xor(path: Path, net: pn.Network, X: Any, y: Any) -> None:
    """Write the report of `plainnet xor`'s network."""
    subject = of_arrays(
        net,
        X,
        y,
        title="A network that learns XOR",
        names=["x₁", "x₂", "x₃ (always 1)"],
        classes=["0", "1"],
        target="XOR",
        rows_are="Shown on the four rows of the truth table, which are also what it was trained on.",
    )
    write_report(path, subject)
    print_whole(f"Report written to {path}")


def command_line(context: typer.Context) -> str:
    """Return the command as it was given, without options that do not change the training."""
    words = [word for name, words in given_words(context).items() if name not in OF_THE_SURROUNDINGS for word in words]
    return shlex.join(["plainnet", str(context.info_name), *words])
