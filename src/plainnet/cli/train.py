"""The command `plainnet train`, which makes a model file from a table."""

from collections.abc import Generator
from pathlib import Path
from typing import Annotated

import typer

import plainnet as pn
from plainnet._base.wording import plural
from plainnet.cli import options
from plainnet.cli.display import console, layer_table, print_whole
from plainnet.cli.introduction import introduce
from plainnet.cli.measures import about_validation, print_measures
from plainnet.cli.options import DATA, HELP, NETWORK, OUTPUT, TRAINING, option
from plainnet.cli.outputs import check_outputs, save_picture
from plainnet.cli.report import command_line, report_table_run
from plainnet.cli.streams import errors, say
from plainnet.history import Report
from plainnet.plots.inline import figure_of
from plainnet.tabular.measuring import measure
from plainnet.tabular.preparing import network_for, prepare
from plainnet.tabular.texts import spelled
from plainnet.training.options import AUTO, Options
from plainnet.training.progress import show


def train(
    context: typer.Context,
    data: options.TableToLearn,
    target: options.Target,
    task: options.Task = None,
    categories: options.Categories = None,
    ignore: options.Ignore = None,
    numbers: options.Numbers = None,
    columns: options.Columns = None,
    missing: options.TrainingMissing = None,
    separator: options.TrainingSeparator = None,
    decimal: options.Decimal = None,
    thousands: options.Thousands = None,
    dates: options.Dates = None,
    validation: Annotated[str, option("Fraction of the rows to hold out, or a file of rows.", DATA)] = "0.2",
    sample_weight: options.SampleWeight = None,
    class_weight: options.ClassWeight = None,
    hidden: Annotated[str, option("Units of each hidden layer; 0 for none.", NETWORK)] = "64,32",
    activation: Annotated[str, option(HELP["activation"], NETWORK)] = "relu",
    initializer: Annotated[str, option(HELP["initializer"], NETWORK)] = "auto",
    dropout: Annotated[float, option("Rate of dropout after each hidden layer.", NETWORK)] = 0.0,
    normalization: Annotated[str | None, option(f"{HELP['normalization']}.", NETWORK)] = None,
    l1: Annotated[float, option("Penalty on Σ|w|.", NETWORK)] = 0.0,
    l2: Annotated[float, option("Penalty on Σw²/2.", NETWORK)] = 0.0,
    dtype: Annotated[str, option("float32 or float64.", NETWORK)] = "float32",
    loss: options.Loss = None,
    optimizer: Annotated[str, option(HELP["optimizer"], TRAINING)] = "adam",
    learning_rate: Annotated[float | None, option("Learning rate; the optimizer's own if not given.", TRAINING)] = None,
    schedule: Annotated[str | None, option(HELP["schedule"], TRAINING)] = None,
    momentum: Annotated[float | None, option("Momentum of sgd or rmsprop.", TRAINING)] = None,
    nesterov: Annotated[bool, option("Nesterov's momentum.", TRAINING, "--nesterov")] = False,
    weight_decay: Annotated[float | None, option("Weight decay of the optimizer.", TRAINING)] = None,
    clip_norm: Annotated[float | None, option("Longest gradient norm.", TRAINING)] = None,
    epochs: options.Epochs = 200,
    batch_size: Annotated[int | None, option("Rows per step; 0 for all at once.", TRAINING)] = None,
    shuffle: Annotated[bool, option("A new order of the rows each epoch.", TRAINING)] = True,
    early_stopping: options.EarlyStopping = 20,
    minimum_improvement: Annotated[float, option("Least fall of the loss that counts.", TRAINING)] = 0.0,
    metrics: options.Metrics = None,
    report_every: Annotated[
        int | None, option("Epochs from report to report; 1 unless epochs are many and short.", TRAINING)
    ] = None,
    engine: Annotated[str, option("auto, numpy or compiled.", TRAINING)] = "auto",
    threads: Annotated[int | None, option("Threads; as many as pay if not given.", TRAINING)] = None,
    seed: Annotated[int, option("Seed of the split, the weights, the shuffling and dropout.", TRAINING)] = 0,
    progress: options.Progress = True,
    save: Annotated[Path | None, option("Write the model to this .npz file.", OUTPUT)] = None,
    checkpoint: Annotated[Path | None, option("Write the run's state to this .npz file.", OUTPUT)] = None,
    checkpoint_every: Annotated[str, option("Epochs (10) or seconds (30s) between checkpoints.", OUTPUT)] = "10s",
    resume: Annotated[bool, option("Go on from it.", OUTPUT, "--resume")] = False,
    plot: Annotated[Path | None, option("Draw the loss curves to this .png, .svg or .pdf file.", OUTPUT)] = None,
    report: Annotated[Path | None, option("Write a report, with pictures, to this .html file.", OUTPUT)] = None,
) -> None:
    """Train a network on a table and show how well it does on rows held out."""
    held_out = options.fraction_or_path(validation)
    check_outputs(
        {"--save": save, "--checkpoint": checkpoint, "--plot": plot, "--report": report},
        {"the table": data, "the --validation file": held_out if isinstance(held_out, Path) else None},
    )
    target = spelled(target)
    prepared = prepare(
        data,
        target,
        task=task,
        loss=loss,
        ignore=options.names(ignore),
        options=options.read_options(missing, separator, categories, numbers, decimal, thousands, dates, columns),
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
        "metrics": options.metrics(metrics, prepared.table.task),
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
        save_picture(plot, figure_of(pn.plots.loss_curve(history)))
        print_whole(f"Loss curves drawn to {plot}")
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


def _follow(reports: Generator[Report, None, None], progress: bool) -> bool:
    """Run to the end and return True if Ctrl-C ended it early, never in the middle of a step."""
    try:
        for _ in show(reports, errors) if progress else reports:
            pass
    except KeyboardInterrupt:
        return True
    finally:
        reports.close()  # ends the run also if the interrupt came while the progress was drawn
    return False


def _ending(history: pn.History) -> str:
    settings, best = history.settings, history.restored_epoch
    back = "" if best is None else f"; back at the best, epoch {best:,}"
    threads = f", {plural(settings['threads'], 'thread')}" if settings["threads"] else ""
    note = f", as {settings['engine_note']}" if "engine_note" in settings else ""
    engine = f"{settings['engine']}{threads}{note}"
    return f"Ended after epoch {history.epoch[-1]:,}: {history.stopped}{back}. Engine: {engine}.\n"
