"""Option texts to values: what the commands share in reading their options."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from plainnet import optimizers, schedules
from plainnet._base import checks
from plainnet.activations import ACTIVATIONS
from plainnet.errors import InvalidValue
from plainnet.initializers import INITIALIZERS
from plainnet.losses import LOSSES
from plainnet.metrics import METRICS
from plainnet.optimizers import OPTIMIZERS, Optimizer
from plainnet.schedules import SCHEDULES
from plainnet.tabular import ReadOptions, Table
from plainnet.tabular.read_options import DEFAULT
from plainnet.tabular.texts import spelled

BATCH_SIZE = 32

HELP = {
    "activation": f"Activation of the hidden layers: {', '.join(ACTIVATIONS)}.",
    "initializer": f"Initial weights: auto, which follows the activation, {', '.join(INITIALIZERS)}.",
    "loss": f"Loss: {', '.join(LOSSES)}; if not given, cross_entropy for classes, else mse.",
    "optimizer": f"Optimizer: {', '.join(OPTIMIZERS)}.",
    "schedule": f"Schedule of the learning rate: {', '.join(SCHEDULES)}.",
    "metrics": f"Metrics to measure, such as accuracy,f1: {', '.join(METRICS)}.",
}
"""The help of options that take a name that plainnet knows."""


SEPARATORS = {"tab": "\t", "\\t": "\t", "space": " "}
"""Separators that a command line can hardly hold, by the words for them."""


def missing_option(panel: str | None = None) -> Any:
    """The option --missing of every command that reads a table."""
    return typer.Option(
        "--missing",
        help="Text that stands for a missing value, instead of NA, None, ? and the like; repeat it for several, "
        "'' for empty fields alone.",
        rich_help_panel=panel,
    )


def separator_option(panel: str | None = None) -> Any:
    """The option --separator of every command that reads a table."""
    return typer.Option(
        "--separator",
        help="Character between the fields, such as ';' or tab, instead of the one found.",
        rich_help_panel=panel,
    )


def numbers_option(panel: str) -> Any:
    """The option --numbers of every command that learns from a table."""
    return typer.Option(
        "--numbers",
        help="Columns to read as numbers though they look like codes, as 007 does.",
        rich_help_panel=panel,
    )


def decimal_option(panel: str) -> Any:
    """The option --decimal of every command that learns from a table."""
    return typer.Option(
        "--decimal", help="Decimal mark of numbers, . or , instead of what the values show.", rich_help_panel=panel
    )


def thousands_option(panel: str) -> Any:
    """The option --thousands of every command that learns from a table."""
    return typer.Option(
        "--thousands",
        help="Mark between thousands, such as . or , or space, instead of what the values show.",
        rich_help_panel=panel,
    )


def dates_option(panel: str) -> Any:
    """The option --dates of every command that learns from a table."""
    return typer.Option(
        "--dates", help="Order of day and month in dates such as 03/04/2024: dmy or mdy.", rich_help_panel=panel
    )


def read_options(
    missing: Sequence[str] | None,
    separator: str | None,
    categories: Sequence[str] = (),
    options: ReadOptions = DEFAULT,
    *,
    numbers: Sequence[str] = (),
    decimal: str | None = None,
    thousands: str | None = None,
    dates: str | None = None,
) -> ReadOptions:
    """The options of reading a table as given on the command line; those not given stay as they are."""
    mark = None if thousands is None else SEPARATORS.get(thousands.lower(), thousands)
    options = replace(options, numbers=tuple(numbers), decimal=decimal, thousands=mark, dates=dates)
    if missing is not None:
        options = replace(options, missing=tuple(missing))
    if separator is not None:
        options = replace(options, separator=SEPARATORS.get(separator.lower(), separator))
    return options.with_categories(categories)


def reading(table: Table, missing: Sequence[str] | None, separator: str | None) -> Table:
    """A model's table, which reads files with the options given and otherwise as in its training."""
    return replace(table, options=read_options(missing, separator, options=table.options))


def column(name: str) -> str:
    """The name of a column as tables spell it."""
    return spelled(name)


def names(lists: str | Sequence[str] | None) -> list[str]:
    """'a,b' as ['a', 'b'], from one list or several; a name with a comma stands in quotation marks: '"a, b",c'."""
    texts = [lists] if isinstance(lists, str) else lists or []
    try:
        found = [name for text in texts for row in csv.reader([text], skipinitialspace=True) for name in row]
    except csv.Error as error:
        raise InvalidValue(f"{', '.join(map(repr, texts))} is no list of names: {error}") from None
    return [spelled(name) for name in found if spelled(name)]


def sizes(text: str) -> list[int]:
    """'64,32' as [64, 32]; '' and '0' as no hidden layer."""
    if text.strip() in ("", "0"):
        return []
    parts = names(text)
    if not all(part.isdecimal() for part in parts) or "0" in parts:
        raise InvalidValue(f"--hidden is {text!r}; it takes the units of each hidden layer, such as 64,32")
    return [int(part) for part in parts]


def fraction_or_path(text: str) -> float | Path:
    """'0.2' as a number, anything else as a file."""
    try:
        return checks.number("--validation", float(text), above=0, below=1)
    except ValueError as error:
        if isinstance(error, InvalidValue):
            raise
    return Path(text)


def class_weights(given: Sequence[str] | None, classes: Sequence[str]) -> Any:
    """'balanced', or 'yes=5,no=1' as weights by the number of the class."""
    if not given or list(given) == ["balanced"]:
        return given[0] if given else None
    weights: dict[int, float] = {}
    for part in names(given):
        name, _, number = part.rpartition("=")
        label = _class_number(name.strip(), classes)
        if label in weights:
            raise InvalidValue(f"--class-weight gives class {name!r} two weights; it takes one")
        try:
            weights[label] = float(number)
        except ValueError:
            raise InvalidValue(
                f"--class-weight has {part!r}; it takes balanced, or weights such as yes=5,no=1"
            ) from None
    return {label: weights.get(label, 1.0) for label in range(len(classes))}


def _class_number(name: str, classes: Sequence[str]) -> int:
    """The number of a class; capitals count where they tell two classes apart."""
    alike = [label for label, known in enumerate(classes) if known.casefold() == name.casefold()]
    if name not in classes and len(alike) == 1:
        return alike[0]
    return classes.index(checks.one_of("the class in --class-weight", name, classes))


def optimizer(name: str, learning_rate: float | None, schedule: str | None, given: Mapping[str, Any]) -> Optimizer:
    """The optimizer by name with the settings given, its learning rate by the schedule where there is one."""
    settings = {setting: value for setting, value in given.items() if value is not None}
    if learning_rate is not None:
        settings["learning_rate"] = learning_rate
    made = optimizers.resolve({"name": name, **settings})
    if schedule is None:
        return made
    checks.one_of("--schedule", schedule, schedules.SCHEDULES)
    settings["learning_rate"] = {"name": schedule, "learning_rate": made.learning_rate}
    return optimizers.resolve({"name": name, **settings})


def batch_size(given: int | None, rows: int) -> int | None:
    """Not given: the usual size, or all rows where there are fewer; 0: all rows."""
    if given is None:
        return min(BATCH_SIZE, rows)
    return given or None
