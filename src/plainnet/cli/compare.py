"""The command `plainnet compare`, which trains variants on one table from the same seeds and on the same splits."""

import inspect
import itertools
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.padding import Padding

from plainnet._base import checks
from plainnet._base.wording import plural
from plainnet.cli import options
from plainnet.cli.cluster import OnCluster
from plainnet.cli.display import console, heading, plain_table, print_whole
from plainnet.cli.groups import grouped
from plainnet.cli.options import DATA, HELP, OUTPUT, TRAINING, Texts, option
from plainnet.cli.outputs import check_outputs, save_picture
from plainnet.cli.streams import errors
from plainnet.cli.train import train
from plainnet.cli.train_options import Reading
from plainnet.comparison import Comparison, comparing
from plainnet.comparison.tables import TableNetwork, TableRows
from plainnet.comparison.wording import captions, notes, summary_rows
from plainnet.errors import InvalidValue
from plainnet.tabular.reading import read_typed
from plainnet.tabular.recipe import SMALL
from plainnet.tabular.texts import spelled

VARIED = "Varied: each may be given several times"
"""The heading of options that make variants."""
VARIED_OPTIONS = [
    *("hidden", "activation", "dropout", "l2", "normalization", "optimizer", "learning_rate", "schedule"),
    *("weight_decay", "batch_size"),
]
UNVARIED = {"normalization": "none", "schedule": "constant"}
"""The values of options that are not given, None for all others without a default."""
TRAIN_OPTIONS = set(inspect.signature(train).parameters)
"""The options of `plainnet train`."""
OF_THE_RECIPE = {**SMALL.to_dict(), "hidden": ",".join(map(str, SMALL.hidden)), "batch_size": None}
"""The values that options have in the recipe of the variants."""
NOT_IN_COMMAND = {"metrics", "seed", "progress", "plot", "resume", *(field.name for field in fields(OnCluster))}
"""Options of both commands that do not change what a variant is."""
AS_COMPARED = ("--recipe", "small", "--test", "0", "--folds", "0")
"""Options with which `plainnet train` trains one network of this recipe on the rows that a variant was trained on."""


@grouped
def compare(
    context: typer.Context,
    data: options.TablesToLearn,
    target: options.Target,
    *,
    task: options.Task = None,
    reading: Reading,
    validation: Annotated[float, option("Fraction of the rows to hold out, others for each seed.", DATA)] = 0.2,
    sample_weight: options.SampleWeight = None,
    class_weight: options.ClassWeight = None,
    hidden: Annotated[list[str], option("Units of each hidden layer; 0 for none.", VARIED)] = ["64,32"],  # noqa: B006
    activation: Annotated[list[str], option(HELP["activation"], VARIED)] = ["relu"],  # noqa: B006
    dropout: Annotated[list[float], option("Rate of dropout after each hidden layer.", VARIED)] = [0.0],  # noqa: B006
    l2: Annotated[list[float], option("Penalty on Σw²/2.", VARIED)] = [0.0],  # noqa: B006
    normalization: Annotated[Texts, option(f"{HELP['normalization']}; none.", VARIED)] = None,
    optimizer: Annotated[list[str], option(HELP["optimizer"], VARIED)] = ["adam"],  # noqa: B006
    learning_rate: Annotated[
        list[float] | None, option("Learning rate; the optimizer's own if not given.", VARIED)
    ] = None,
    schedule: Annotated[Texts, option(HELP["schedule"], VARIED)] = None,
    weight_decay: Annotated[list[float] | None, option("Weight decay of the optimizer.", VARIED)] = None,
    batch_size: Annotated[list[int] | None, option("Rows per step; 0 for all at once.", VARIED)] = None,
    loss: options.Loss = None,
    epochs: options.Epochs = 200,
    early_stopping: options.EarlyStopping = 20,
    metrics: options.Metrics = None,
    engine: Annotated[str, option("Engine of the training; auto is the fastest that can.", TRAINING)] = "auto",
    seeds: Annotated[int, option("How many seeds each variant is trained from.", TRAINING)] = 20,
    seed: Annotated[int, option("The first seed.", TRAINING)] = 0,
    by: Annotated[str | None, option("Measure to compare by; the validation loss if not given.", OUTPUT)] = None,
    learned: Annotated[str | None, option("When a run has learned: 'accuracy >= 0.9'.", OUTPUT)] = None,
    results: Annotated[Path | None, option("Write each run to this file as it ends.", OUTPUT)] = None,
    resume: Annotated[bool, option("Go on with the runs in it.", OUTPUT, "--resume")] = False,
    csv: Annotated[Path | None, option("Write one line per run to this .csv file.", OUTPUT)] = None,
    json: Annotated[Path | None, option("Write summaries and runs to this .json file.", OUTPUT)] = None,
    plot: Annotated[Path | None, option("Draw curves and boxes to this .png, .svg or .pdf file.", OUTPUT)] = None,
    progress: options.Progress = True,
    on_cluster: OnCluster,
) -> None:
    """Compare hyperparameters on a table: every combination of the repeated options, from the same seeds and splits."""
    check_outputs({"--results": results, "--csv": csv, "--json": json, "--plot": plot}, options.as_inputs(data))
    checks.number("--validation", validation, above=0, below=1)
    target = spelled(target)
    typed = read_typed(data, ignore=reading.ignored, options=reading.options, target=target)
    rows = TableRows(
        typed.frame,
        target,
        {"task": task, "loss": loss, "sample_weight": sample_weight, "options": typed.options},
        validation,
    )
    prepared = rows.prepared(seed)
    combinations = _combinations({name: context.params[name] or [UNVARIED.get(name)] for name in VARIED_OPTIONS})
    variants = {name: _variant(rows, len(prepared.X), chosen) for name, chosen in combinations.items()}
    console.print(f"{options.named(data)}: {len(prepared.X) + len(prepared.held_out):,} rows, target {target}")
    runs = plural(len(variants) * seeds, "run")
    console.print(f"{plural(len(variants), 'variant')} from {plural(seeds, 'seed')}: {runs}\n")
    try:
        with on_cluster.joined():
            comparison = comparing.compare(
                variants,
                rows,
                seeds=range(seed, seed + seeds),
                by=by,
                learned=learned,
                results=results,
                resume=resume,
                workers=on_cluster.workers,
                progress=errors if progress else False,
                loss=prepared.problem.loss,
                epochs=epochs,
                early_stopping=early_stopping or None,
                class_weight=options.class_weights(class_weight, prepared.table.class_names),
                metrics=options.metrics(metrics, prepared.table.task),
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
    console.print(captions(comparison))
    if len(comparison.variants) > 1:
        heading("What the runs decide")
        for verdict in comparison.verdicts():
            console.print(f"\n{verdict.sentence}")
            console.print(Padding(verdict.numbers, (0, 0, 0, 4), expand=False))
    if conclusion := comparison.conclusion():
        console.print(f"\n{conclusion}")
    if len(comparison.variants) > 1:
        for note in notes(comparison):
            console.print(f"\n{note}")


def _combinations(varied: dict[str, list[Any]]) -> dict[str, dict[str, Any]]:
    """Return each combination of the options under a name made of those that vary."""
    naming = [name for name, values in varied.items() if len(values) > 1]
    combinations: dict[str, dict[str, Any]] = {}
    for values in itertools.product(*varied.values()):
        chosen = dict(zip(varied, values, strict=True))
        named = [f"{option.replace('_', '-')} {chosen[option]}" for option in naming]
        name = " · ".join(named) or f"hidden {chosen['hidden']}"
        if name in combinations:
            raise InvalidValue(f"the variant {name!r} is given twice; give each value of an option once")
        combinations[name] = chosen
    return combinations


def _variant(rows: TableRows, training_rows: int, chosen: dict[str, Any]) -> dict[str, Any]:
    """Return a combination of the options as a network and the options of its training."""
    settings = {name: chosen[name] for name in ("activation", "dropout", "l2", "normalization")}
    if settings["normalization"] == "none":
        settings["normalization"] = None
    decay = {"weight_decay": chosen["weight_decay"]}
    return {
        "network": TableNetwork(rows, options.sizes(chosen["hidden"]), settings),
        "optimizer": options.optimizer(chosen["optimizer"], chosen["learning_rate"], chosen["schedule"], decay),
        "batch_size": options.batch_size(chosen["batch_size"], training_rows),
    }


def _training_command(context: typer.Context, chosen: dict[str, Any]) -> str:
    """Return the `plainnet train` that trains a variant, with the shared options given here and the variant's own."""
    given = options.given_words(context)
    words = ["plainnet", "train"]
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in chosen:
            is_default = chosen[name] in (OF_THE_RECIPE.get(name), UNVARIED.get(name))
            words += [] if is_default else options.words_of(parameter, chosen[name])
        elif name in TRAIN_OPTIONS and name not in NOT_IN_COMMAND:
            words += given.get(name, [])
    return shlex.join([*words, *AS_COMPARED, "--save", "model.npz"])


def _write(comparison: Comparison, csv: Path | None, json: Path | None, plot: Path | None) -> None:
    if csv is not None:
        comparison.write_csv(csv)
        print_whole(f"Runs written to {csv}")
    if json is not None:
        comparison.write_json(json)
        print_whole(f"Summaries and runs written to {json}")
    if plot is not None:
        save_picture(plot, comparison.draw())
        print_whole(f"Curves and boxes drawn to {plot}")
