"""`plainnet train`: from a table file to a model file."""

from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Any

import typer

import plainnet as pn
from plainnet.cli import options
from plainnet.cli.display import console, layer_table, print_whole
from plainnet.cli.introduction import introduce
from plainnet.cli.measures import about_validation, print_measures
from plainnet.cli.options import HELP
from plainnet.cli.outputs import check_outputs
from plainnet.cli.report import command_line, report_table_run
from plainnet.cli.streams import errors, say
from plainnet.files.writing import replacing
from plainnet.history import Report
from plainnet.plots.inline import figure_of
from plainnet.tabular.measuring import measure
from plainnet.tabular.preparing import Prepared, network_for, prepare
from plainnet.training.options import AUTO, Options
from plainnet.training.progress import show

PANELS = {name: name.capitalize() for name in ("data", "network", "training", "output")}


def _option(help_text: str, panel: str) -> Any:
    return typer.Option(help=help_text, rich_help_panel=PANELS[panel])


def train(
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
    validation: Annotated[str, _option("Fraction of the rows to hold out, or a file of rows.", "data")] = "0.2",
    sample_weight: Annotated[str | None, _option("Column of weights of the rows.", "data")] = None,
    class_weight: Annotated[list[str] | None, _option("balanced, or weights such as yes=5,no=1.", "data")] = None,
    hidden: Annotated[str, _option("Units of each hidden layer; 0 for none.", "network")] = "64,32",
    activation: Annotated[str, _option(HELP["activation"], "network")] = "relu",
    initializer: Annotated[str, _option(HELP["initializer"], "network")] = "auto",
    dropout: Annotated[float, _option("Rate of dropout after each hidden layer.", "network")] = 0.0,
    normalization: Annotated[str | None, _option("batch or layer, before each activation.", "network")] = None,
    l1: Annotated[float, _option("Penalty on Σ|w|.", "network")] = 0.0,
    l2: Annotated[float, _option("Penalty on Σw²/2.", "network")] = 0.0,
    dtype: Annotated[str, _option("float32 or float64.", "network")] = "float32",
    loss: Annotated[str | None, _option(HELP["loss"], "training")] = None,
    optimizer: Annotated[str, _option(HELP["optimizer"], "training")] = "adam",
    learning_rate: Annotated[
        float | None, _option("Learning rate; the optimizer's own if not given.", "training")
    ] = None,
    schedule: Annotated[str | None, _option(HELP["schedule"], "training")] = None,
    momentum: Annotated[float | None, _option("Momentum of sgd or rmsprop.", "training")] = None,
    nesterov: Annotated[
        bool, typer.Option("--nesterov", help="Nesterov's momentum.", rich_help_panel="Training")
    ] = False,
    weight_decay: Annotated[float | None, _option("Weight decay of the optimizer.", "training")] = None,
    clip_norm: Annotated[float | None, _option("Longest gradient norm.", "training")] = None,
    epochs: Annotated[int, _option("Most passes over the rows.", "training")] = 200,
    batch_size: Annotated[int | None, _option("Rows a step; 0 for all at once.", "training")] = None,
    shuffle: Annotated[bool, _option("A new order of the rows each epoch.", "training")] = True,
    early_stopping: Annotated[int, _option("Epochs without improvement to stop after; 0 for never.", "training")] = 20,
    minimum_improvement: Annotated[float, _option("Least fall of the loss that counts.", "training")] = 0.0,
    metrics: Annotated[list[str] | None, _option(HELP["metrics"], "training")] = None,
    report_every: Annotated[
        int | None, _option("Epochs from report to report; 1 unless epochs are many and short.", "training")
    ] = None,
    engine: Annotated[str, _option("auto, numpy or compiled.", "training")] = "auto",
    threads: Annotated[int | None, _option("Threads; as many as pay if not given.", "training")] = None,
    seed: Annotated[int, _option("Seed of the split, the weights, the shuffling and dropout.", "training")] = 0,
    progress: Annotated[bool, _option("Show the progress bar.", "output")] = True,
    save: Annotated[Path | None, _option("Write the model to this .npz file.", "output")] = None,
    checkpoint: Annotated[Path | None, _option("Write the run's state to this .npz file.", "output")] = None,
    checkpoint_every: Annotated[str, _option("Epochs (10) or seconds (30s) between checkpoints.", "output")] = "10s",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from it.", rich_help_panel="Output")] = False,
    plot: Annotated[Path | None, _option("Draw the loss curves to this .png, .svg or .pdf file.", "output")] = None,
    report: Annotated[Path | None, _option("Write a report, with pictures, to this .html file.", "output")] = None,
) -> None:
    """Train a network on a table and show how well it does on rows held out."""
    held_out = options.fraction_or_path(validation)
    check_outputs(
        {"--save": save, "--checkpoint": checkpoint, "--plot": plot, "--report": report},
        {"the table": data, "the --validation file": held_out if isinstance(held_out, Path) else None},
    )
    target = options.column(target)
    prepared = prepare(
        data,
        target,
        task=task,
        loss=loss,
        ignore=options.names(ignore),
        options=options.read_options(
            missing,
            separator,
            options.names(categories),
            numbers=options.names(numbers),
            decimal=decimal,
            thousands=thousands,
            dates=dates,
        ),
        sample_weight=sample_weight,
        validation=held_out,
        seed=seed,
        dtype=dtype,
    )
    net = network_for(
        prepared,
        options.sizes(hidden),
        activation=activation,
        initializer=initializer,
        dropout=dropout,
        normalization=normalization,
        l1=l1,
        l2=l2,
        seed=seed,
        dtype=dtype,
    )
    given = {"momentum": momentum, "nesterov": nesterov or None, "weight_decay": weight_decay, "clip_norm": clip_norm}
    of_training = {name: context.params[name] for name in Options.names() if name in context.params}
    of_training |= {  # all others are passed on as they were given
        "loss": prepared.loss,
        "optimizer": options.optimizer(optimizer, learning_rate, schedule, given),
        "batch_size": options.batch_size(batch_size, len(prepared.X)),
        "validation": prepared.validation,
        "early_stopping": pn.EarlyStopping(early_stopping, minimum_improvement) if early_stopping else None,
        "sample_weight": prepared.sample_weight,
        "class_weight": options.class_weights(class_weight, prepared.table.class_names),
        "metrics": options.names(metrics) if metrics else _usual_metrics(prepared),
        "report_every": AUTO if report_every is None else report_every,
        "checkpoint_every": int(checkpoint_every) if checkpoint_every.isdecimal() else checkpoint_every,
    }
    reports = net.training(prepared.X, prepared.y, **of_training)
    history = net.history
    assert history is not None
    source = {"weight_column": sample_weight} if sample_weight is not None else {}
    history.source = source | {"data": data.name, "target": target, "seed": seed, "command": command_line(context)}
    introduce(prepared)
    console.print(layer_table(net))
    interrupted = _follow(reports, progress)
    if not history.epoch:
        raise KeyboardInterrupt  # nothing learned yet, nothing to show or save
    if save is not None:
        net.save(save)  # before anything else that could fail
    console.print(_ending(history))
    measured = measure(prepared.table, net, prepared.held_out, prepared.loss, warn_of_news=False)
    print_measures(measured, prepared.table.class_names, "On the validation rows", about_validation(history))
    if plot is not None:
        _draw(history, plot)
    if report is not None:
        rows_are = f"Shown on the validation rows. {about_validation(history)}"
        report_table_run(report, net, prepared.table, prepared.held_out, rows_are)
    if save is not None:
        print_whole(f"Model saved to {save}")
    if interrupted:
        say(f"interrupted; {_kept(history, save)}")
        raise typer.Exit(130)


def _kept(history: pn.History, save: Path | None) -> str:
    best = history.settings["early_stopping"]
    kept = f"the best model so far (epoch {history.best_epoch})" if best else f"the model of epoch {history.epoch[-1]}"
    return f"{kept} was saved to {save}" if save is not None else f"{kept} was not saved, as there was no --save"


def _usual_metrics(prepared: Prepared) -> list[str]:
    return ["accuracy"] if prepared.table.task == "classification" else ["r2"]


def _follow(reports: Generator[Report, None, None], progress: bool) -> bool:
    """Run to the end; whether Ctrl-C cut it short. The network is then as the run leaves it, not amid a step."""
    try:
        for _ in show(reports, errors) if progress else reports:
            pass
    except KeyboardInterrupt:
        return True
    finally:
        reports.close()  # where the interrupt came while the progress was drawn, the run still has to end
    return False


def _ending(history: pn.History) -> str:
    best = history.restored_epoch
    back = "" if best is None else f"; back at the best, epoch {best:,}"
    return f"Ended after epoch {history.epoch[-1]:,}: {history.stopped}{back}. Engine: {_engine(history)}.\n"


def _engine(history: pn.History) -> str:
    settings = history.settings
    threads = f", {settings['threads']} thread{'s' if settings['threads'] > 1 else ''}" if settings["threads"] else ""
    note = f", as {settings['engine_note']}" if "engine_note" in settings else ""
    return f"{settings['engine']}{threads}{note}"


def _draw(history: pn.History, plot: Path) -> None:
    figure = figure_of(pn.plots.loss_curve(history))
    with replacing(plot) as file:
        figure.savefig(file, format=plot.suffix.lower().removeprefix("."), dpi=150)
    print_whole(f"Loss curves drawn to {plot}")
