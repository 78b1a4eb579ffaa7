"""The command `plainnet train`, which makes a model file from a table."""

import math
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

import plainnet as pn
from plainnet._base.arrays import Array
from plainnet._base.wording import plural
from plainnet.cli import options
from plainnet.cli.display import console, layer_table, print_whole
from plainnet.cli.groups import grouped
from plainnet.cli.introduction import introduce
from plainnet.cli.launch import all_ranks, speaks, world
from plainnet.cli.measures import print_measures
from plainnet.cli.outputs import check_outputs, save_picture
from plainnet.cli.report import command_line, report_table_run
from plainnet.cli.streams import errors, say
from plainnet.cli.train_options import Deciding, Outputs, Reading, Rows, Running, Varied
from plainnet.history import Report
from plainnet.plots.inline import figure_of
from plainnet.tabular.finishing import linear_outputs
from plainnet.tabular.fitting import Fitted
from plainnet.tabular.measuring import measure
from plainnet.tabular.modelling import model_of, model_of_prepared
from plainnet.tabular.preparing import Prepared
from plainnet.tabular.problem import problem_of_file
from plainnet.tabular.sources import files_in
from plainnet.tabular.stream import prepare_stream
from plainnet.tabular.texts import spelled
from plainnet.tabular.thresholds import HALF
from plainnet.training.progress import show


@grouped
def train(
    context: typer.Context,
    data: options.TablesToLearn,
    target: options.Target,
    *,
    task: options.Task = None,
    reading: Reading,
    rows: Rows,
    deciding: Deciding,
    varied: Varied,
    running: Running,
    outputs: Outputs,
) -> None:
    """Train a network on a table and show how well it does on rows that it has not seen."""
    began = time.monotonic()
    with all_ranks().together():  # what one rank refuses ends all
        files = files_in(data)
        check_outputs(outputs.files, {**options.as_inputs(files), "the --validation file": rows.file})
        are_streamed = rows.are_streamed(files, world())
    recipe, division, aim, target = varied.chosen, rows.division, deciding.aim, spelled(target)
    if (outputs.checkpoint is not None or outputs.resume) and division.folds is None and division.ensemble == 1:
        division = replace(division, folds=0)  # a checkpoint keeps the run of one network
    read: dict[str, Any] = {
        "task": task,
        "loss": recipe.loss,
        "ignore": reading.ignored,
        "options": reading.options,
        "sample_weight": rows.sample_weight,
    }
    trained: dict[str, Any] = {
        "seed": running.seed,
        "deadline": math.inf if running.seconds is None else began + running.seconds,
        "aim": aim,
        "follow": lambda reports: _follow(reports, outputs.progress and speaks()),
        "progress": errors if outputs.progress else False,
        "announce": introduce,
    }

    def options_of_fit(prepared: Prepared) -> dict[str, Any]:
        return {
            "class_weight": options.class_weights(rows.class_weight, prepared.table.class_names),
            **running.compression_for(prepared),
            **running.of_fit(prepared.problem.task),
            **outputs.of_fit(),
        }

    if are_streamed:
        prepared = prepare_stream(
            files,
            target,
            recipe,
            division=rows.for_stream(division),
            seed=running.seed,
            dtype=running.dtype,
            communicator=world(),
            stream=rows.stream,
            **read,
        )
        fitted = model_of_prepared(prepared, recipe, options_of_fit, **trained)
    else:
        problem = problem_of_file(files, target, group=rows.group, **read)
        fitted = model_of(problem, division, recipe, options_of_fit, dtype=running.dtype, **trained)
    with fitted.prepared.ranks.together():  # all fail if the first rank cannot write
        if fitted.prepared.speaks:
            _show_and_write(context, fitted, outputs, data, rows)
    if fitted.interrupted:
        raise typer.Exit(130)


def _show_and_write(context: typer.Context, fitted: Fitted, outputs: Outputs, data: list[Path], rows: Rows) -> None:
    """Save the model, print how good it is, and write what else is asked for."""
    history = fitted.history
    source = {"weight_column": rows.sample_weight} if rows.sample_weight is not None else {}
    history.source = source | {
        "data": options.named(data),
        "target": fitted.prepared.table.target.name,
        "seed": fitted.net.seed,
        "command": command_line(context),
    }
    if outputs.save is not None:
        fitted.net.save(outputs.save)  # before anything else that could fail
    console.print(layer_table(fitted.net))
    console.print(ending(fitted))
    linear = linear_outputs(fitted)
    show_scores(fitted, linear)
    _write(fitted, outputs, linear)
    if fitted.interrupted:
        say(f"interrupted; {_kept(fitted, outputs)}")


def show_scores(fitted: Fitted, linear: Array | None) -> None:
    """Print how well the model does on the rows that say most: the test rows, else those held out of the training."""
    shown, table = fitted.shown, fitted.prepared.table
    measured = measure(table, fitted.net, shown.part, outputs=shown.outputs, linear=linear, warn_of_news=False)
    print_measures(measured, table.class_names, shown.title, about(fitted))


def about(fitted: Fitted) -> str:
    """Return a sentence on the part that the shown rows had in the training."""
    match fitted.shown.kind:
        case "test":
            return "Nothing was learned from these rows or chosen by them."
        case "folds":
            return (
                "Each row is predicted by the networks that were not trained on it. It chose the epoch of those, so "
                "the figures flatter the model a little."
            )
    if fitted.refitted:
        return "They chose the number of epochs. These figures are from before the network was trained again with them."
    return "These rows chose the epoch, so the figures flatter the model a little."


def write_report_on(fitted: Fitted, path: Path, linear: Array | None) -> None:
    """Write the report on the rows that say most."""
    shown = fitted.shown
    rows_are = f"Shown {shown.title.replace('On', 'on')}. {about(fitted)}"
    report_table_run(path, fitted.net, fitted.prepared.table, shown.part, rows_are, shown.outputs, linear)


def _write(fitted: Fitted, outputs: Outputs, linear: Array | None) -> None:
    if outputs.plot is not None:
        save_picture(outputs.plot, figure_of(pn.plots.loss_curve(fitted.history)))
        print_whole(f"Loss curves drawn to {outputs.plot}")
    if outputs.report is not None:
        write_report_on(fitted, outputs.report, linear)
    if outputs.save is not None:
        print_whole(f"Model saved to {outputs.save}")


def _kept(fitted: Fitted, outputs: Outputs) -> str:
    history, several = fitted.history, len(fitted.members)
    if several > 1:
        kept = f"the average of {several} networks, each at its best so far,"
    elif history.settings["early_stopping"]:
        kept = f"the best model so far (epoch {history.best_epoch})"
    else:
        kept = f"the model of epoch {history.epoch[-1]}"
    return f"{kept} was {f'saved to {outputs.save}' if outputs.save else 'not saved, as there was no --save'}"


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


def ending(fitted: Fitted) -> str:
    """Say how the training ended, and what was done afterwards."""
    history = fitted.history
    settings, best = history.settings, history.restored_epoch
    if len(fitted.members) > 1:
        epochs = ", ".join(str(own.best_epoch or own.epoch[-1]) for own in fitted.members)
        ended = f"{len(fitted.members)} networks trained and averaged, each as it was at its best epoch: {epochs}"
    elif fitted.refitted:
        ended = f"Trained again with the validation rows for the best number of epochs, {history.epoch[-1]:,}"
    else:
        back = "" if best is None else f"; back at the best, epoch {best:,}"
        ended = f"Ended after epoch {history.epoch[-1]:,}: {history.stopped}{back}"
    threads = f", {plural(settings['threads'], 'thread')}" if settings["threads"] else ""
    note = f", as {settings['engine_note']}" if "engine_note" in settings else ""
    lines = [f"{ended}. Engine: {settings['engine']}{threads}{note}."]
    if fitted.temperature is not None:
        lines.append(f"Probabilities are scaled by the temperature {fitted.temperature:.3g} of the validation rows.")
    table = fitted.prepared.table
    if table.threshold != HALF:
        lines.append(f"{table.class_names[1]!r} is predicted where its probability is above {table.threshold:.3g}.")
    return "\n".join(lines) + "\n"
