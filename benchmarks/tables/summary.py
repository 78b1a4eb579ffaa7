"""What the results say: errors and seconds table by table, and geometric means of the ratios to each reference."""

from collections.abc import Iterable, Sequence
from statistics import geometric_mean, mean, median
from typing import get_args

from benchmarks.formatting import Table, number
from benchmarks.tables.folder import Task
from benchmarks.tables.models import MODELS
from benchmarks.tables.results import Result

Runs = dict[str, dict[str, dict[int, Result]]]
"""Results by table, model and split."""


def by_table(results: Iterable[Result]) -> Runs:
    """Return the results in order of the tables' size."""
    runs: Runs = {}
    for result in sorted(results, key=lambda result: (result.task, result.rows * result.columns)):
        runs.setdefault(result.table, {}).setdefault(result.model, {})[result.split] = result
    return runs


def summary(results: Iterable[Result], models: Sequence[str]) -> list[Table]:
    """Return all tables of the page."""
    runs = by_table(results)
    present = [model for model in models if any(model in run for run in runs.values())]
    return [errors(runs, present), *ratios(runs, present), seconds(runs, present)]


def errors(runs: Runs, models: Sequence[str]) -> Table:
    """Return mean errors; where a model lacks splits, how many it has."""
    most = max((len(splits) for run in runs.values() for splits in run.values()), default=0)
    made = Table("Errors", ["table", "rows × columns", *(MODELS[model].title for model in models)])
    for name, run in runs.items():
        any_result = next(iter(next(iter(run.values())).values()))
        cells = []
        for model in models:
            splits = run.get(model, {})
            lacking = f" ({len(splits)} of {most})" if 0 < len(splits) < most else ""
            cells.append(f"{_figure(splits)}{lacking}")
        made.rows.append([name, f"{any_result.rows:,} × {any_result.columns}", *cells])
    made.notes.append("1 - accuracy for classes, root of the mean squared error for numbers; mean over the splits.")
    return made


def _figure(splits: dict[int, Result]) -> str:
    if not splits:
        return ""
    average = mean(result.error for result in splits.values())
    return f"{average:.4f}" if average < 1 else number(average)


def ratios(runs: Runs, models: Sequence[str]) -> list[Table]:
    """Return a table for each reference: the ratio of each model's error to its, by table and in the mean."""
    return [
        _ratios_to(reference, runs, models)
        for reference in models
        if MODELS[reference].is_reference and len(models) > 1
    ]


def _ratios_to(reference: str, runs: Runs, models: Sequence[str]) -> Table:
    others = [model for model in models if model != reference]
    made = Table(
        f"Errors divided by {MODELS[reference].title}'s", ["table", *(MODELS[model].title for model in others)]
    )
    found: dict[str, list[tuple[str, float]]] = {model: [] for model in others}
    for name, run in runs.items():
        cells = []
        for model in others:
            ratio = ratio_of(run, model, reference)
            cells.append("" if ratio is None else f"{ratio:.3f}")
            if ratio is not None:
                found[model].append((next(iter(run[model].values())).task, ratio))
        if any(cells):
            made.rows.append([name, *cells])
    for label, tasks in (("classes", {"classification"}), ("numbers", {"regression"}), ("all", set(get_args(Task)))):
        chosen = [[ratio for task, ratio in found[model] if task in tasks] for model in others]
        made.rows.append([f"geometric mean, {label}", *(_mean_cell(ratios) for ratios in chosen)])
    made.rows.append(["median, all", *(f"{median(ratios):.3f}" if ratios else "" for ratios in chosen)])
    made.notes.append(
        "Of each pair the splits that both have count. So that no error is zero, one below half a wrong row (classes) "
        "or a thousandth of the targets' deviation (numbers) counts as that. In brackets: how many tables."
    )
    return made


def _mean_cell(ratios: list[float]) -> str:
    return f"{geometric_mean(ratios):.3f} ({len(ratios)})" if ratios else ""


def ratio_of(run: dict[str, dict[int, Result]], model: str, reference: str) -> float | None:
    """Return the mean error of one model divided by the other's, over the splits that both have."""
    ours, theirs = run.get(model, {}), run.get(reference, {})
    both = sorted(set(ours) & set(theirs))
    if not both:
        return None
    return mean(ours[split].counted_error for split in both) / mean(theirs[split].counted_error for split in both)


def seconds(runs: Runs, models: Sequence[str]) -> Table:
    """Return the mean seconds of fitting and of predicting the test rows."""
    made = Table("Seconds to fit, and to predict the test rows", ["table", *(MODELS[model].title for model in models)])
    for name, run in runs.items():
        cells = []
        for model in models:
            splits = run.get(model, {}).values()
            fit, predict = (mean(values) if splits else 0.0 for values in _seconds(splits))
            cells.append(f"{number(fit)}, {number(predict)}" if splits else "")
        made.rows.append([name, *cells])
    return made


def _seconds(splits: Iterable[Result]) -> tuple[list[float], list[float]]:
    splits = list(splits)
    return [result.fit_seconds for result in splits], [result.predict_seconds for result in splits]
