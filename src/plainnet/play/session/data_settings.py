"""The settings of the data name a data set of plainnet with its options, own points, a table, or what was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.play.session import settings
from plainnet.play.session.bounds import MOST_SEED
from plainnet.play.session.choices import DATASETS, catalogue
from plainnet.play.session.settings import InvalidSetting, placed, shown

MOST_POINTS = 2_000
MOST_COLUMNS = 20
MOST_CLASSES = 20
LONGEST_NAME = 500

COMMON = ("kind", "validation", "test", "seed")


def checked_data(value: Any) -> dict[str, Any]:
    """Return the settings of the data, checked and whole; nothing given is XOR."""
    given = settings.an_object("data", value)
    kind = checks.one_of("kind", given.get("kind", "dataset"), KINDS)
    found: dict[str, Any] = {"kind": kind, **KINDS[kind](given)}
    for name in ("validation", "test"):
        with placed(name):
            found[name] = settings.share(name, given.get(name, 0.0))
    with placed("seed"):
        found["seed"] = settings.whole("seed", given.get("seed", 0), 0, MOST_SEED)
    return found


def _dataset(given: dict[str, Any]) -> dict[str, Any]:
    settings.known_keys("data", given, [*COMMON, "name", "options"])
    with placed("name"):
        name = checks.one_of("name", given.get("name", "xor"), DATASETS)
    with placed("options"):
        return {"name": name, "options": options_of(name, given.get("options") or {})}


def options_of(name: str, value: Any) -> dict[str, Any]:
    """Return all options of a data set; those that are not given have their defaults."""
    given = settings.an_object("options", value)
    known = list(next(entry for entry in catalogue()["datasets"] if entry["name"] == name)["arguments"])
    if "seed" in given:  # in place of that of the data, which also divides them
        known.append({"name": "seed", "kind": "whole", "least": 0, "most": MOST_SEED})
    settings.known_keys(f"data set {name!r}", given, [argument["name"] for argument in known])
    found = {}
    for argument in known:
        with placed(argument["name"]):
            found[argument["name"]] = _option(argument, given.get(argument["name"], argument.get("default")))
    DATASETS[name](**{"seed": 0, **found, "rows": min(found["rows"], 4)})  # which refuses what else does not suit
    return found


def _option(argument: dict[str, Any], value: Any) -> Any:
    """Return the value of an argument of the catalogue, within its bounds."""
    name, kind = argument["name"], argument["kind"]
    if kind == "whole":
        return settings.whole(name, value, argument["least"], argument["most"])
    if kind == "number":
        bounds = {bound: argument[bound] for bound in ("least", "above", "below", "most") if bound in argument}
        return checks.number(name, value, **bounds)
    return checks.flag(name, value) if kind == "flag" else value


def _points(given: dict[str, Any]) -> dict[str, Any]:
    settings.known_keys("data", given, [*COMMON, "task", "classes", "X", "y", "columns", "target", "parts", "name"])
    with placed("task"):
        task = checks.one_of("task", given.get("task", "classification"), ("classification", "regression"))
    with placed("classes"):
        classes = _names("classes", given.get("classes", ["0", "1"]), 2, MOST_CLASSES) if task[0] == "c" else None
    with placed("X"):
        X = _rows(given.get("X"))
    with placed("y"):
        y = _labels(given.get("y"), len(X), None if classes is None else len(classes))
    usual = [f"x{i + 1}" for i in range(len(X[0]))]
    with placed("columns"):
        columns = _names("columns", given.get("columns") or usual, len(usual), len(usual))
    with placed("parts"):
        parts = _parts(given.get("parts"), len(X))
    texts = {}
    for name, default in (("target", "y"), ("name", "points")):
        with placed(name):
            texts[name] = _name(name, given.get(name, default))
    return {"task": task, "classes": classes, "X": X, "y": y, "columns": columns, "parts": parts, **texts}


def _rows(value: Any) -> list[list[float]]:
    if not isinstance(value, list) or not value or not all(isinstance(row, list) and row for row in value):
        raise InvalidSetting(f"X is {shown(value)}; it takes a list of points, each a list of numbers")
    if len(value) > MOST_POINTS:
        raise InvalidSetting(f"X has {len(value):,} points; the page takes at most {MOST_POINTS:,}, a table has more")
    if len(value[0]) > MOST_COLUMNS:
        raise InvalidSetting(f"X has {len(value[0])} columns; the page takes at most {MOST_COLUMNS}")
    array = _numbers(value)
    if array is not None and array.ndim == 2:
        found: list[list[float]] = array.tolist()
        return found
    rows = []
    for i, row in enumerate(value):
        if len(row) != len(value[0]):
            raise InvalidSetting(f"point {i} of X has {len(row)} numbers and the first {len(value[0])}", [i])
        rows.append([_number(f"X[{i}]", number) for number in row])
    return rows


FARTHEST = 1e6
"""The largest size of a number of a point."""


def _numbers(value: list[Any]) -> Array | None:
    """Return many numbers at once; None where one of them may have to be refused by its place."""
    try:
        given = np.array(value, dtype=object)
        if not {*map(type, given.ravel().tolist())} <= {int, float}:
            return None
        array: Array = given.astype(float)
    except (ValueError, OverflowError):
        return None
    return array if (np.abs(array) <= FARTHEST).all() else None


def _number(name: str, value: Any) -> float:
    return checks.number(name, value, least=-FARTHEST, most=FARTHEST)


def _labels(value: Any, rows: int, classes: int | None) -> list[float] | list[int]:
    if not isinstance(value, list) or len(value) != rows:
        count = len(value) if isinstance(value, list) else shown(value)
        raise InvalidSetting(f"y is {count} and there are {rows} points; it takes a label or a number for each")
    array = _numbers(value)
    if classes is None and array is not None:
        numbers: list[float] = array.tolist()
        return numbers
    if (
        classes is not None
        and array is not None
        and ((array >= 0) & (array < classes) & (array == np.floor(array))).all()
    ):
        labels: list[int] = array.astype(int).tolist()
        return labels
    if classes is None:
        return [_number(f"y[{i}]", number) for i, number in enumerate(value)]
    return [settings.whole(f"y[{i}]", label, 0, classes - 1) for i, label in enumerate(value)]


def _parts(value: Any, rows: int) -> list[int] | None:
    """Return the part of each point, 0 for training, 1 for validation, 2 for test; None where shares decide."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != rows:
        raise InvalidSetting("parts takes a number for each point: 0 for training, 1 for validation, 2 for test")
    found = [settings.whole(f"parts[{i}]", part, 0, 2) for i, part in enumerate(value)]
    if 0 not in found:
        raise InvalidSetting("parts has no 0; at least one point is for training")
    return found


def _name(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_NAME:
        raise InvalidSetting(f"{name} is {shown(value)}; it takes a text of at most {LONGEST_NAME} characters")
    return value


def _names(name: str, value: Any, least: int, most: int) -> list[str]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        count = f"{least}" if least == most else f"{least} to {most}"
        raise InvalidSetting(f"{name} is {shown(value)}; it takes a list of {count} names")
    return [_name(name, one) for one in value]


def _table(given: dict[str, Any]) -> dict[str, Any]:
    settings.known_keys("data", given, [*COMMON, "name", "target", "options"])
    found: dict[str, Any] = {}
    for name in ("name", "target"):
        with placed(name):
            if name not in given:
                raise InvalidSetting(f"data of kind 'table' needs {name}")
            found[name] = _name(name, given[name])
    with placed("options"):
        return {**found, "options": reading_options(given.get("options") or {})}


READING = ("missing", "separator", "encoding", "sheet", "columns", "decimal", "thousands", "dates", "task")


def reading_options(value: Any) -> dict[str, Any]:
    """Return how a table is read: options of `plainnet train`, and "columns" with the kind of a column by its name.

    Only what is given is kept.
    """
    from plainnet.tabular.read_options import ReadOptions

    given = settings.an_object("options", value)
    settings.known_keys("options", given, READING)
    found = {name: part for name, part in given.items() if part is not None}
    if "task" in found:
        checks.one_of("task", found["task"], ("classification", "regression"))
    for name in ("separator", "encoding", "sheet", "decimal", "thousands", "dates"):
        with placed(name):
            if name in found:
                _name(name, found[name])
    with settings.placed_by_name(found):
        ReadOptions(**{name: part for name, part in found.items() if name != "task"})
    return found


def _given(given: dict[str, Any]) -> dict[str, Any]:
    settings.known_keys("data", given, [*COMMON, "name"])
    with placed("name"):
        return {"name": _name("name", given.get("name", "given"))}


KINDS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "dataset": _dataset,
    "points": _points,
    "table": _table,
    "given": _given,
}
