"""The command `plainnet tune`, which searches for a better recipe and saves the winner."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from plainnet._base.wording import plural
from plainnet.cli import options
from plainnet.cli.cluster import OnCluster
from plainnet.cli.display import console, heading, layer_table, plain_table, print_whole
from plainnet.cli.groups import grouped
from plainnet.cli.introduction import introduce
from plainnet.cli.options import OUTPUT, TRAINING, option
from plainnet.cli.outputs import check_outputs
from plainnet.cli.streams import errors
from plainnet.cli.train import ending, show_scores, write_report_on
from plainnet.cli.train_options import Reading, Rows, Running
from plainnet.tabular.finishing import linear_outputs
from plainnet.tabular.texts import spelled
from plainnet.tabular.tuning import Tuned
from plainnet.tabular.tuning import tune as search
from plainnet.training.progress import counting

if TYPE_CHECKING:
    import optuna

SHOWN = 5
"""The number of best trials in the table."""


@dataclass(frozen=True)
class Searching:
    """These options say how the search goes, and what it writes."""

    trials: Annotated[int, option("Trials of the study, those of earlier calls among them.", TRAINING)] = 50
    recipe: Annotated[str, option("Recipe to begin with.", TRAINING)] = "realmlp"
    storage: Annotated[
        str | None,
        option("File (study.db) or database of the study: to go on later, and for several processes.", OUTPUT),
    ] = None
    study: Annotated[str, option("Name of the study in it.", OUTPUT)] = "plainnet"
    progress: options.Progress = True
    save: Annotated[Path | None, option("Write the winner to this .npz file.", OUTPUT)] = None
    report: Annotated[Path | None, option("Write a report on it to this .html file.", OUTPUT)] = None


@grouped
def tune(
    context: typer.Context,
    data: options.TablesToLearn,
    target: options.Target,
    *,
    task: options.Task = None,
    reading: Reading,
    rows: Rows,
    running: Running,
    searching: Searching,
    on_cluster: OnCluster,
) -> None:
    """Search for the settings of the recipe that are best for a table, and train the model with them."""
    check_outputs({"--save": searching.save, "--report": searching.report}, options.as_inputs(data))
    target = spelled(target)
    shown = counting("trial", errors, shown=searching.progress)
    try:
        with on_cluster.joined("optuna"), shown as tell:

            def on_trial(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
                done = sum(one.state.is_finished() for one in study.get_trials(deepcopy=False))
                tell(done, searching.trials, f"best error {best_of(study):.4g}")

            tuned = search(
                data,
                target,
                trials=searching.trials,
                recipe=searching.recipe,
                division=rows.division,
                seed=running.seed,
                storage=searching.storage,
                study=searching.study,
                workers=on_cluster.workers,
                time_limit=math.inf if running.seconds is None else running.seconds,
                ignore=reading.ignored,
                on_trial=on_trial,
                dtype=running.dtype,
                reading={
                    "options": reading.options,
                    "sample_weight": rows.sample_weight,
                    "group": rows.group,
                    "task": task,
                },
                class_weight=lambda classes: options.class_weights(rows.class_weight, classes),
                **running.of_search(),
            )
    except KeyboardInterrupt:
        kept = f"; the study so far is in {searching.storage}" if searching.storage else ""
        console.print(f"Interrupted before there was a model{kept}.")
        raise
    command = training_command(context, tuned)
    tuned.fitted.history.source = {
        "data": options.named(data),
        "target": target,
        "seed": running.seed,
        "command": command,
    }
    if searching.save is not None:
        tuned.net.save(searching.save)
    show(tuned, command, searching)
    if tuned.interrupted:
        raise typer.Exit(130)


def show(tuned: Tuned, command: str, searching: Searching) -> None:
    """Print the trials and the winner with its scores, write the report on it, and say how to train it again."""
    introduce(tuned.fitted.prepared)
    show_trials(tuned)
    console.print(layer_table(tuned.net))
    console.print(ending(tuned.fitted))
    linear = linear_outputs(tuned.fitted)
    show_scores(tuned.fitted, linear)
    if searching.report is not None:
        write_report_on(tuned.fitted, searching.report, linear)
    console.print("\nTo train it again:")
    print_whole(f"    {command}")
    if searching.save is not None:
        print_whole(f"Model saved to {searching.save}")


def best_of(study: optuna.Study) -> float:
    """Return the lowest error so far, NaN before the first."""
    values = [trial.value for trial in study.get_trials(deepcopy=False) if trial.value is not None]
    return min(values, default=math.nan)


def show_trials(tuned: Tuned) -> None:
    """Print the best trials, with the settings in which each differs from the recipe."""
    ended = [trial for trial in tuned.study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    cut = sum(trial.state.name == "PRUNED" for trial in tuned.study.get_trials(deepcopy=False))
    heading(f"Best of {plural(len(ended) + cut, 'trial')}, of which {cut} were cut short")
    table = plain_table("trial", "error", "differs in", left=(2,))
    for trial in sorted(ended, key=lambda trial: trial.value or 0.0)[:SHOWN]:
        changed = trial.user_attrs["recipe"]
        table.add_row(str(trial.number), f"{trial.value:.4g}", ", ".join(map(_shown, changed.items())) or "nothing")
    console.print(table)


def _shown(setting: tuple[str, Any]) -> str:
    name, value = setting
    return f"{name.replace('_', ' ')} {f'{value:.3g}' if isinstance(value, float) else _written(value)}"


def _written(value: Any) -> str:
    """Return the value of a setting as the command line takes it."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def training_command(context: typer.Context, tuned: Tuned) -> str:
    """Return the `plainnet train` that trains the winner."""
    of_search = {"time_limit", *(field.name for group in (Searching, OnCluster) for field in fields(group))} - {
        "recipe"
    }
    words = ["plainnet", "train"]
    words += [word for name, own in options.given_words(context).items() if name not in of_search for word in own]
    for name, value in tuned.varied.items():
        words += [f"--{name.replace('_', '-')}", _written(value)]
    return shlex.join([*words, "--save", "model.npz"])
