"""Option texts to values: what the commands share in reading their options."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from plainnet import checks, optimizers, schedules
from plainnet.errors import InvalidValue
from plainnet.optimizers import Optimizer

BATCH_SIZE = 32


def names(text: str) -> list[str]:
    """'a,b' as ['a', 'b']."""
    return [name.strip() for name in text.split(",") if name.strip()]


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


def class_weights(text: str | None, classes: Sequence[str]) -> Any:
    """'balanced', or 'yes=5,no=1' as weights by the number of the class."""
    if text is None or text == "balanced":
        return text
    weights: dict[int, float] = {}
    for part in names(text):
        name, _, number = part.rpartition("=")
        checks.one_of("the class in --class-weight", name, classes)
        try:
            weights[classes.index(name)] = float(number)
        except ValueError:
            raise InvalidValue(
                f"--class-weight has {part!r}; it takes balanced, or weights such as yes=5,no=1"
            ) from None
    return {label: weights.get(label, 1.0) for label in range(len(classes))}


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
