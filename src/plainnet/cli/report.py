"""`plainnet report`: everything there is to see of a model, in one HTML file; and `--report` of train and xor."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

import plainnet as pn
from plainnet import plots
from plainnet.cli import options
from plainnet.cli.display import print_whole
from plainnet.cli.models import left_out, load, rows_to_measure
from plainnet.cli.outputs import PAGES, check_outputs
from plainnet.report import of_arrays, of_table, write_report
from plainnet.tabular import Table
from plainnet.tabular.measuring import about_seen, share_seen
from plainnet.tabular.preparing import Part

OF_THE_SURROUNDINGS = (
    *("save", "plot", "report", "progress", "checkpoint", "checkpoint_every", "resume"),
    *("explain", "full", "html"),
)
"""Options of a command that have no effect on what is trained."""


def report(
    model: Annotated[Path, typer.Argument(help="Model file of plainnet train.")],
    data: Annotated[Path, typer.Argument(help="Table with the model's columns and the target.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="HTML file to write.")] = Path("report.html"),
    missing: Annotated[list[str] | None, options.missing_option()] = None,
    separator: Annotated[str | None, options.separator_option()] = None,
) -> None:
    """Write a report on a model: the network, its curves, what it predicts and where it is wrong, in pictures."""
    check_outputs({"--output": output}, {"the model": model, "the table": data}, PAGES)
    plots.new_axes()  # refuses where matplotlib is lacking
    net, table = load(model, missing, separator)
    part = rows_to_measure(net, table, data)
    sentences = [
        f"Shown on the rows of {data.name}.",
        about_seen(share_seen(table, part)),
        *(f"{line}." for line in left_out(part)),
    ]
    report_table_run(output, net, table, part, " ".join(filter(None, sentences)))


def report_table_run(path: Path, net: pn.Network, table: Table, part: Part, rows_are: str) -> None:
    """Write the report of a network trained on a table, shown on some rows of it."""
    subject = of_table(
        net,
        table,
        part.frame,
        title=f"A network that predicts {table.target.name}",
        rows_are=rows_are,
        rows=part.numbers,
        source=Path(part.source).name,
        sample_weight=part.weights,
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
    """The command as it was given, without what does not change the training: 'plainnet train table.csv --target y'."""
    words = ["plainnet", str(context.info_name)]
    for parameter in context.command.params:
        name, source = parameter.name or "", context.get_parameter_source(parameter.name or "")
        if name in OF_THE_SURROUNDINGS or source is None or source.name != "COMMANDLINE":
            continue
        words += option_words(parameter, context.params[name])
    return shlex.join(words)


def option_words(parameter: Any, value: Any) -> list[str]:
    """An option or argument with its value, as it is written on the command line."""
    if parameter.param_type_name == "argument":
        return [str(value)]
    if isinstance(value, bool):
        return [(parameter.opts if value else parameter.secondary_opts)[0]]
    values = value if isinstance(value, list | tuple) else [value]
    return [word for each in values for word in (parameter.opts[0], str(each))]
