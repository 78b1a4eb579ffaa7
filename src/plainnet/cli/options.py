"""Options that several commands share, and the values of their texts."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from plainnet import optimizers, schedules
from plainnet._base import checks
from plainnet.activations import ACTIVATIONS
from plainnet.errors import InvalidValue
from plainnet.initializers import INITIALIZERS
from plainnet.layers import NORMALIZATIONS
from plainnet.losses import LOSSES
from plainnet.metrics import METRICS
from plainnet.optimizers import OPTIMIZERS, Optimizer
from plainnet.schedules import SCHEDULES
from plainnet.tabular import ReadOptions, Table, sources
from plainnet.tabular.read_options import DEFAULT, KINDS, ColumnKind
from plainnet.tabular.texts import spelled

DATA, NETWORK, TRAINING, OUTPUT = "Data", "Network", "Training", "Output"
"""The headings of options in the help of a command."""
BATCH_SIZE = 32
SEPARATORS = {"tab": "\t", "\\t": "\t", "space": " "}
"""Separators that a command line can hardly hold, by the words for them."""
HELP = {
    "activation": f"Activation of the hidden layers: {', '.join(ACTIVATIONS)}.",
    "initializer": f"Initial weights: auto, which follows the activation, {', '.join(INITIALIZERS)}.",
    "normalization": f"{' or '.join(NORMALIZATIONS)}, before each activation",
    "optimizer": f"Optimizer: {', '.join(OPTIMIZERS)}.",
    "schedule": f"Schedule of the learning rate: {', '.join(SCHEDULES)}.",
    "missing": "Text that stands for a missing value, instead of NA, None, ? and the like; repeat it for several, "
    "'' for empty fields alone.",
    "encoding": "Encoding of a text file, such as cp1252, instead of the one found.",
    "sheet": "Sheet of a workbook, by its name or number, instead of the first.",
    "separator": "Character between the fields, such as ';' or tab, instead of the one found.",
}
"""The help of options that commands show under different headings or with different types."""


def option(help_text: str, panel: str | None = None, name: str | None = None) -> Any:
    """Make an option that the help shows under the heading `panel`; a flag with a `name` has no --no- form."""
    return typer.Option(*([name] if name else []), help=help_text, rich_help_panel=panel)


Texts: TypeAlias = list[str] | None
"""The values of an option that may be repeated."""
Model = Annotated[Path, typer.Argument(help="Model file of plainnet train.")]
TablesWithTarget = Annotated[
    list[Path], typer.Argument(help="Table with the model's columns and the target, or several files of it.")
]


@dataclass(frozen=True)
class LaterReading:
    """These options say how a file is read for a model, which knows all else from its training."""

    missing: Annotated[Texts, option(HELP["missing"])] = None
    separator: Annotated[str | None, option(HELP["separator"])] = None
    encoding: Annotated[str | None, option(HELP["encoding"])] = None
    sheet: Annotated[str | None, option(HELP["sheet"])] = None

    def of(self, table: Table) -> Table:
        """Return a model's table that reads files with these options and otherwise as in its training."""
        return replace(table, options=read_options(**asdict(self), options=table.options))


# The options that `plainnet train` and `plainnet compare` share.
TablesToLearn = Annotated[
    list[Path],
    typer.Argument(
        help="Table to learn from: CSV, TSV, JSON Lines, Excel, Parquet or Arrow; or several files with its columns."
    ),
]
Target = Annotated[str, option("Column to predict.", DATA)]
Task = Annotated[str | None, option("classification or regression, instead of what the target shows.", DATA)]
Categories = Annotated[Texts, option("Columns to read as categories: zip,code.", DATA)]
Ignore = Annotated[Texts, option("Columns to leave out: id,name.", DATA)]
Numbers = Annotated[Texts, option("Columns to read as numbers though they look like codes, as 007 does.", DATA)]
Columns = Annotated[
    Texts, option("Kind of a column, such as zip=category or day=date; repeat it for several.", DATA, "--column")
]
TrainingMissing = Annotated[Texts, option(HELP["missing"], DATA)]
TrainingSeparator = Annotated[str | None, option(HELP["separator"], DATA)]
Encoding = Annotated[str | None, option(HELP["encoding"], DATA)]
Sheet = Annotated[str | None, option(HELP["sheet"], DATA)]
Decimal = Annotated[str | None, option("Decimal mark of numbers, . or , instead of what the values show.", DATA)]
Thousands = Annotated[
    str | None, option("Mark between thousands, such as . or , or space, instead of what the values show.", DATA)
]
Dates = Annotated[str | None, option("Order of day and month in dates such as 03/04/2024: dmy or mdy.", DATA)]
SampleWeight = Annotated[str | None, option("Column of weights of the rows.", DATA)]
ClassWeight = Annotated[Texts, option("balanced, or weights such as yes=5,no=1.", DATA)]
Loss = Annotated[
    str | None, option(f"Loss: {', '.join(LOSSES)}; if not given, cross_entropy for classes, else mse.", TRAINING)
]
Epochs = Annotated[int, option("Most passes over the rows.", TRAINING)]
EarlyStopping = Annotated[int, option("Epochs without improvement to stop after; 0 for never.", TRAINING)]
Metrics = Annotated[Texts, option(f"Metrics to measure, such as accuracy,f1: {', '.join(METRICS)}.", TRAINING)]
Progress = Annotated[bool, option("Show the progress bar.", OUTPUT)]


def read_options(
    missing: Texts,
    separator: str | None,
    categories: Texts = None,
    numbers: Texts = None,
    decimal: str | None = None,
    thousands: str | None = None,
    dates: str | None = None,
    columns: Texts = None,
    encoding: str | None = None,
    sheet: str | None = None,
    options: ReadOptions = DEFAULT,
) -> ReadOptions:
    """Return `options` of reading a table with those changed that the command line gives."""
    mark = None if thousands is None else SEPARATORS.get(thousands.lower(), thousands)
    kinds = {**options.columns, **kinds_of_columns(columns)}
    options = replace(options, columns=kinds, numbers=tuple(names(numbers)), encoding=encoding, sheet=sheet)
    options = replace(options, decimal=decimal, thousands=mark, dates=dates)
    if missing is not None:
        options = replace(options, missing=tuple(missing))
    if separator is not None:
        options = replace(options, separator=SEPARATORS.get(separator.lower(), separator))
    return options.with_categories(names(categories))


def named(files: Sequence[Path]) -> str:
    """Return the name of a file, or of several, without their folders: "a.csv and 2 more"."""
    return sources.named([file.name for file in files])


def as_inputs(files: Sequence[Path]) -> dict[str, Path | None]:
    """Return the files of a table with the words that a message has for each."""
    return {"the table" if len(files) == 1 else f"the table {file.name}": file for file in files}


def names(lists: str | Sequence[str] | None) -> list[str]:
    """Return 'a,b' as ['a', 'b'], from one list or several; '"a, b",c' quotes a name with a comma."""
    texts = [lists] if isinstance(lists, str) else lists or []
    try:
        found = [name for text in texts for row in csv.reader([text], skipinitialspace=True) for name in row]
    except csv.Error as error:
        raise InvalidValue(f"{', '.join(map(repr, texts))} is no list of names: {error}") from None
    return [spelled(name) for name in found if spelled(name)]


def kinds_of_columns(given: Texts) -> dict[str, ColumnKind]:
    """Return ['zip=category'] as {'zip': 'category'}; the name may hold commas and '=', also in quotation marks."""
    kinds: dict[str, ColumnKind] = {}
    for text in given or []:
        name, _, kind = text.rpartition("=")
        name, kind = name.strip(), kind.strip().lower()
        if not name or kind not in KINDS:
            raise InvalidValue(
                f"--column is {text!r}; it takes a column and its kind, such as zip=category: {', '.join(KINDS)}"
            )
        found = spelled(name[1:-1].replace('""', '"') if name[0] == name[-1] == '"' and len(name) > 2 else name)
        if kinds.setdefault(found, kind) != kind:  # type: ignore[arg-type]
            raise InvalidValue(f"--column says that {found!r} is a {kinds[found]} and a {kind}; it is one of them")
    return kinds


def sizes(text: str) -> list[int]:
    """Return '64,32' as [64, 32]; '' and '0' mean no hidden layer."""
    if text.strip() in ("", "0"):
        return []
    parts = names(text)
    if not all(part.isdecimal() for part in parts) or "0" in parts:
        raise InvalidValue(f"--hidden is {text!r}; it takes the units of each hidden layer, such as 64,32")
    return [int(part) for part in parts]


def class_weights(given: Sequence[str] | None, classes: Sequence[str]) -> Any:
    """Return 'balanced' as it is, and 'yes=5,no=1' as weights by the number of the class."""
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
            expected = "it takes balanced, or weights such as yes=5,no=1"
            raise InvalidValue(f"--class-weight has {part!r}; {expected}") from None
    return {label: weights.get(label, 1.0) for label in range(len(classes))}


def _class_number(name: str, classes: Sequence[str]) -> int:
    """Return the number of a class; capitals count only if they tell two classes apart."""
    alike = [label for label, known in enumerate(classes) if known.casefold() == name.casefold()]
    if name not in classes and len(alike) == 1:
        return alike[0]
    return classes.index(checks.one_of("the class in --class-weight", name, classes))


def optimizer(name: str, learning_rate: float | None, schedule: str | None, given: Mapping[str, Any]) -> Optimizer:
    """Make an optimizer with the settings given; the learning rate follows the schedule, if there is one."""
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
    """Return the batch size: by default the usual one, or all rows if there are fewer; 0 means all rows."""
    return min(BATCH_SIZE, rows) if given is None else given or None


def metrics(given: Texts, task: str) -> list[str]:
    """Return the metrics given, or the usual one of the task."""
    return names(given) if given else ["accuracy"] if task == "classification" else ["r2"]


def given_words(context: typer.Context) -> dict[str, list[str]]:
    """Return the words of each argument and option that was given, by its name, as on the command line."""
    given = {}
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name and source is not None and source.name == "COMMANDLINE":
            given[parameter.name] = words_of(parameter, context.params[parameter.name])
    return given


def words_of(parameter: Any, value: Any) -> list[str]:
    """Return an option or argument with its value as written on the command line."""
    if parameter.param_type_name == "argument":
        return [str(each) for each in (value if isinstance(value, list | tuple) else [value])]
    if isinstance(value, bool):
        return [(parameter.opts if value else parameter.secondary_opts)[0]]
    values = value if isinstance(value, list | tuple) else [value]
    return [word for each in values for word in (parameter.opts[0], str(each))]
