"""`plainnet compare`: several hyperparameters on one table, each from the same seeds and on the same splits."""

import itertools
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.padding import Padding

from plainnet._base import checks
from plainnet.cli import options
from plainnet.cli.display import console, counted, heading, plain_table, print_whole
from plainnet.cli.options import HELP
from plainnet.cli.outputs import check_outputs
from plainnet.cli.report import option_words
from plainnet.cli.streams import errors
from plainnet.comparison import Comparison, comparing
from plainnet.comparison.tables import TableNetwork, TableRows
from plainnet.comparison.wording import summary_rows
from plainnet.errors import InvalidValue
from plainnet.files.writing import replacing
from plainnet.tabular.reading import read_for_training

PANELS = {
    "data": "Data",
    "varied": "Varied: each may be given several times",
    "training": "Training",
    "output": "Output",
}


UNVARIED = {"normalization": "none", "schedule": "constant", "hidden": "64,32", "activation": "relu", "dropout": 0.0}
UNVARIED |= {"l2": 0.0, "optimizer": "adam"}
"""The values that `plainnet train` takes where an option is not given; None for all others."""
SHARED_WITH_TRAIN = {"data", "target", "task", "categories", "ignore", "validation", "sample_weight", "class_weight"}
SHARED_WITH_TRAIN |= {
    "numbers",
    "decimal",
    "thousands",
    "dates",
    "missing",
    "separator",
    "loss",
    "epochs",
    "early_stopping",
    "engine",
}


def _option(help_text: str, panel: str) -> Any:
    return typer.Option(help=help_text, rich_help_panel=PANELS[panel])


def compare(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(help="Table to learn from: CSV, TSV or Parquet.")],
    target: Annotated[str, _option("Column to predict.", "data")],
    task: Annotated[
        str | None, _option("classification or regression, instead of what the target shows.", "data")
    ] = None,
    categories: Annotated[list[str] | None, _option("Columns to read as categories: zip,code.", "data")] = None,
    ignore: Annotated[list[str] | None, _option("Columns to leave out: id,name.", "data")] = None,
    numbers: Annotated[list[str] | None, options.numbers_option(PANELS["data"])] = None,
    missing: Annotated[list[str] | None, options.missing_option(PANELS["data"])] = None,
    separator: Annotated[str | None, options.separator_option(PANELS["data"])] = None,
    decimal: Annotated[str | None, options.decimal_option(PANELS["data"])] = None,
    thousands: Annotated[str | None, options.thousands_option(PANELS["data"])] = None,
    dates: Annotated[str | None, options.dates_option(PANELS["data"])] = None,
    validation: Annotated[float, _option("Fraction of the rows to hold out, others for each seed.", "data")] = 0.2,
    sample_weight: Annotated[str | None, _option("Column of weights of the rows.", "data")] = None,
    class_weight: Annotated[list[str] | None, _option("balanced, or weights such as yes=5,no=1.", "data")] = None,
    hidden: Annotated[list[str], _option("Units of each hidden layer; 0 for none.", "varied")] = ["64,32"],  # noqa: B006
    activation: Annotated[list[str], _option(HELP["activation"], "varied")] = ["relu"],  # noqa: B006
    dropout: Annotated[list[float], _option("Rate of dropout after each hidden layer.", "varied")] = [0.0],  # noqa: B006
    l2: Annotated[list[float], _option("Penalty on Σw²/2.", "varied")] = [0.0],  # noqa: B006
    normalization: Annotated[
        list[str] | None, _option("batch or layer, before each activation; none.", "varied")
    ] = None,
    optimizer: Annotated[list[str], _option(HELP["optimizer"], "varied")] = ["adam"],  # noqa: B006
    learning_rate: Annotated[
        list[float] | None, _option("Learning rate; the optimizer's own if not given.", "varied")
    ] = None,
    schedule: Annotated[list[str] | None, _option(HELP["schedule"], "varied")] = None,
    weight_decay: Annotated[list[float] | None, _option("Weight decay of the optimizer.", "varied")] = None,
    batch_size: Annotated[list[int] | None, _option("Rows a step; 0 for all at once.", "varied")] = None,
    loss: Annotated[str | None, _option(HELP["loss"], "training")] = None,
    epochs: Annotated[int, _option("Most passes over the rows.", "training")] = 200,
    early_stopping: Annotated[int, _option("Epochs without improvement to stop after; 0 for never.", "training")] = 20,
    metrics: Annotated[list[str] | None, _option(HELP["metrics"], "training")] = None,
    engine: Annotated[str, _option("Engine of the training; auto is the fastest that can.", "training")] = "auto",
    seeds: Annotated[int, _option("How many seeds each variant is trained from.", "training")] = 20,
    seed: Annotated[int, _option("The first seed.", "training")] = 0,
    workers: Annotated[int | None, _option("Processes to train in; one a core if not given.", "training")] = None,
    by: Annotated[str | None, _option("Measure to compare by; the validation loss if not given.", "output")] = None,
    learned: Annotated[str | None, _option("When a run has learned: 'accuracy >= 0.9'.", "output")] = None,
    results: Annotated[Path | None, _option("Write each run to this file as it ends.", "output")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the runs in it.", rich_help_panel="Output")
    ] = False,
    csv: Annotated[Path | None, _option("Write a line a run to this .csv file.", "output")] = None,
    json: Annotated[Path | None, _option("Write summaries and runs to this .json file.", "output")] = None,
    plot: Annotated[Path | None, _option("Draw curves and boxes to this .png, .svg or .pdf file.", "output")] = None,
    progress: Annotated[bool, _option("Show the progress bar.", "output")] = True,
) -> None:
    """Compare hyperparameters on a table: every combination of the repeated options, from the same seeds and splits."""
    check_outputs({"--results": results, "--csv": csv, "--json": json, "--plot": plot}, {"the table": data})
    checks.number("--validation", validation, above=0, below=1)
    target = options.column(target)
    reading = options.read_options(
        missing,
        separator,
        options.names(categories),
        numbers=options.names(numbers),
        decimal=decimal,
        thousands=thousands,
        dates=dates,
    )
    frame, reading = read_for_training(data, ignore=options.names(ignore), options=reading, target=target)
    of_rows = {"task": task, "loss": loss, "validation": validation, "sample_weight": sample_weight, "options": reading}
    rows = TableRows(frame, target, of_rows)
    prepared = rows.prepared(seed)
    varied: dict[str, list[Any]] = {
        "hidden": hidden,
        "activation": activation,
        "dropout": dropout,
        "l2": l2,
        "normalization": normalization or ["none"],
        "optimizer": optimizer,
        "learning-rate": learning_rate or [None],
        "schedule": schedule or ["constant"],
        "weight-decay": weight_decay or [None],
        "batch-size": batch_size or [None],
    }
    combinations = _combinations(varied)
    variants = {name: _variant(rows, len(prepared.X), chosen) for name, chosen in combinations.items()}
    usual = ["accuracy"] if prepared.table.task == "classification" else ["r2"]
    console.print(f"{data.name}: {len(prepared.X) + len(prepared.held_out):,} rows, target {target}")
    sizes = [(len(variants), "variant"), (seeds, "seed"), (len(variants) * seeds, "run")]
    console.print("{} from {}: {}\n".format(*(counted(*each) for each in sizes)))
    try:
        comparison = comparing.compare(
            variants,
            rows,
            seeds=range(seed, seed + seeds),
            by=by,
            learned=learned,
            results=results,
            resume=resume,
            workers=workers,
            progress=errors if progress else False,
            loss=prepared.loss,
            epochs=epochs,
            early_stopping=early_stopping or None,
            class_weight=options.class_weights(class_weight, prepared.table.class_names),
            metrics=options.names(metrics) if metrics else usual,
            engine=engine,
        )
    except KeyboardInterrupt:
        kept = f"the runs so far are in {results}; --resume goes on" if results else "no --results file kept the runs"
        console.print(f"Interrupted; {kept}.")
        raise
    show(comparison)
    if (choice := comparison.choice()) is not None:
        console.print(f"\nTo train {choice}:")
        print_whole(f"    {_training_command(context, combinations[choice])}")
    _write(comparison, csv, json, plot)


def show(comparison: Comparison) -> None:
    """Print the summaries as a table, and the verdicts."""
    head, *rows = summary_rows(comparison)
    table = plain_table(*head, left=(0,))
    for column in table.columns[1:]:
        column.no_wrap = True  # numbers
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(comparison.captions())
    if len(comparison.variants) > 1:
        heading("What the runs decide")
        for verdict in comparison.verdicts():
            console.print(f"\n{verdict.sentence}")
            console.print(Padding(verdict.numbers, (0, 0, 0, 4), expand=False))
    if conclusion := comparison.conclusion():
        console.print(f"\n{conclusion}")
    if len(comparison.variants) > 1:
        for note in comparison.notes():
            console.print(f"\n{note}")


def _combinations(varied: dict[str, list[Any]]) -> dict[str, dict[str, Any]]:
    """Each combination of the options, named by those that vary."""
    naming = [name for name, values in varied.items() if len(values) > 1]
    combinations: dict[str, dict[str, Any]] = {}
    for values in itertools.product(*varied.values()):
        chosen = dict(zip(varied, values, strict=True))
        name = " · ".join(f"{option} {chosen[option]}" for option in naming) or f"hidden {chosen['hidden']}"
        if name in combinations:
            raise InvalidValue(f"the variant {name!r} is given twice; give each value of an option once")
        combinations[name] = chosen
    return combinations


def _variant(rows: TableRows, training_rows: int, chosen: dict[str, Any]) -> dict[str, Any]:
    """A combination of the options as a network and the options of its training."""
    settings = {
        "activation": chosen["activation"],
        "dropout": chosen["dropout"],
        "l2": chosen["l2"],
        "normalization": None if chosen["normalization"] == "none" else chosen["normalization"],
    }
    decay = {"weight_decay": chosen["weight-decay"]}
    return {
        "network": TableNetwork(rows, options.sizes(chosen["hidden"]), settings),
        "optimizer": options.optimizer(chosen["optimizer"], chosen["learning-rate"], chosen["schedule"], decay),
        "batch_size": options.batch_size(chosen["batch-size"], training_rows),
    }


def _training_command(context: typer.Context, chosen: dict[str, Any]) -> str:
    """The `plainnet train` that trains a variant: the options given here that it shares, and the variant's own."""
    words = ["plainnet", "train"]
    for parameter in context.command.params:
        name = parameter.name or ""
        option = name.replace("_", "-")
        source = context.get_parameter_source(name)
        is_given = source is not None and source.name == "COMMANDLINE"
        if option in chosen:
            is_default = chosen[option] == UNVARIED.get(option)
            words += [] if is_default else option_words(parameter, chosen[option])
        elif is_given and name in SHARED_WITH_TRAIN:
            words += option_words(parameter, context.params[name])
    return shlex.join([*words, "--save", "model.npz"])


def _write(comparison: Comparison, csv: Path | None, json: Path | None, plot: Path | None) -> None:
    if csv is not None:
        comparison.write_csv(csv)
        print_whole(f"Runs written to {csv}")
    if json is not None:
        comparison.write_json(json)
        print_whole(f"Summaries and runs written to {json}")
    if plot is not None:
        with replacing(plot) as file:
            comparison.draw().savefig(file, format=plot.suffix.lower().removeprefix("."), dpi=150)
        print_whole(f"Curves and boxes drawn to {plot}")
