"""Data sets of plainnet and own points, and the command that adds, moves or deletes a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.play.session import settings
from plainnet.play.session.choices import DATASETS
from plainnet.play.session.columns import number_column
from plainnet.play.session.data_settings import FARTHEST, MOST_COLUMNS, MOST_POINTS
from plainnet.play.session.examples import TEST, VALIDATION, Examples, Held
from plainnet.training.splitting import split

if TYPE_CHECKING:
    from plainnet.play.session.arguments import CommandArguments
    from plainnet.play.session.messages import Reply
    from plainnet.play.session.session import Session

TEST_STREAM = 1
"""This number sets the random stream that draws the test part apart from the one that draws the validation part."""
GATES = ("xor", "gates")
"""The data sets that are truth tables: a noise moves their inputs, and their targets stay whole."""


def of_dataset(data: dict[str, Any], held: Held) -> Examples:
    """Return the examples of a data set of plainnet."""
    X, y = DATASETS[data["name"]](**{"seed": data["seed"], **data["options"]})
    names = [f"x{i + 1}" for i in range(X.shape[1])]
    if data["options"].get("constant"):
        names[-1] = "constant"
    flat = np.asarray(y).reshape(len(X))
    if data["name"] not in GATES and flat.dtype.kind == "f":
        return _examples(data, data["name"], names, X, flat, None)
    count = max(2, int(flat.max()) + 1, data["options"].get("classes", 2))
    return _examples(data, data["name"], names, X, flat.astype(np.intp), [str(i) for i in range(count)])


def of_points(data: dict[str, Any], held: Held) -> Examples:
    """Return the examples of own points."""
    y = np.array(data["y"], float if data["classes"] is None else np.intp)
    return _examples(
        data, data["name"], data["columns"], np.array(data["X"], float), y, data["classes"], data["target"]
    )


def _examples(
    data: dict[str, Any],
    name: str,
    columns: Sequence[str],
    X: Array,
    y: Array,
    classes: list[str] | None,
    target: str = "y",
) -> Examples:
    given = data.get("parts")
    parts = np.array(given, np.uint8) if given is not None else parts_of(data, y, classes is not None)
    own = X[parts == 0]
    return Examples(
        name=name,
        columns=tuple(number_column(column, own[:, i], [i]) for i, column in enumerate(columns)),
        cells=X,
        inputs=X,
        targets=y if classes is not None else y.reshape(-1, 1),
        labels=y.astype(float),
        parts=parts,
        target=target,
        classes=classes,
        editable=len(X) <= MOST_POINTS and X.shape[1] <= MOST_COLUMNS,
    )


def parts_of(data: dict[str, Any], y: Array, by_class: bool) -> Array:
    """Return the part of each row: a share for the test, of the others a share for validation, class by class."""
    parts = np.zeros(len(y), np.uint8)
    streams = ((TEST, "test", [TEST_STREAM, data["seed"]]), (VALIDATION, "validation", data["seed"]))
    for number, name, seed in streams:
        rows = np.flatnonzero(parts == 0)
        if data[name]:
            labels = y[rows] if by_class else None
            try:
                held = split(len(rows), data[name], np.random.default_rng(seed), labels)[1]
            except InvalidValue as error:
                raise InvalidValue(f"{name} is {data[name]:g}: {error}") from None
            parts[rows[held]] = number
    return parts


# ---- points by hand ----


def with_point(examples: Examples, data: dict[str, Any], action: str, **where: Any) -> dict[str, Any]:
    """Return the settings of data with a point added, moved or deleted; a data set becomes points.

    Arguments of "add": x, label; of "move": index, x, and label where it changes; of "delete": index. `x` are numbers
    in the own units of the columns `axes`, the first ones if it is None; the other columns of a new point are at their
    medians.
    """
    if not examples.editable:
        raise InvalidValue(
            f"{examples.name} cannot be edited here: the page edits data sets and own points of at most "
            f"{MOST_POINTS:,} rows"
        )
    X, y, parts = examples.cells.tolist(), list(map(_plain_label(examples), examples.labels)), examples.parts.tolist()
    if action == "delete":
        _delete(X, y, parts, _index(examples, where.get("index")))
    elif action == "move":
        row = _index(examples, where.get("index"))
        X[row] = _moved(examples, X[row], where.get("x"), where.get("axes"))
        if where.get("label") is not None:
            y[row] = _label(examples, where["label"])
    elif len(X) >= MOST_POINTS:
        raise InvalidValue(f"there are {len(X):,} points, the most that the page takes; delete one first")
    else:
        X.append(_moved(examples, [column.usual for column in examples.columns], where.get("x"), where.get("axes")))
        y.append(_label(examples, where.get("label")))
        parts.append(0)
    return {
        "kind": "points",
        "name": examples.name,
        "task": examples.task,
        **({} if examples.classes is None else {"classes": examples.classes}),
        "X": X,
        "y": y,
        "columns": [column.name for column in examples.columns],
        "target": examples.target,
        "parts": parts,
        **{name: data[name] for name in ("validation", "test", "seed")},
    }


def _plain_label(examples: Examples) -> type:
    return float if examples.classes is None else int


def _index(examples: Examples, index: Any) -> int:
    return settings.whole("index", index, 0, len(examples.labels) - 1)


def _delete(X: list[Any], y: list[Any], parts: list[int], row: int) -> None:
    if parts.count(0) == 1 and parts[row] == 0:
        raise InvalidValue("this is the last training point; add another one before it is deleted")
    for each in (X, y, parts):
        del each[row]


def _moved(examples: Examples, cells: list[float], x: Any, axes: Sequence[int] | None) -> list[float]:
    if not isinstance(x, list) or not x:
        raise InvalidValue("x is missing; it takes a list with a number for each axis")
    places = list(range(len(x))) if axes is None else list(axes)
    if len(places) != len(x) or len(set(places)) < len(places):
        raise InvalidValue(f"x has {len(x)} numbers; it takes one for each of {len(places)} different axes")
    moved = list(cells)
    for place, value in zip(places, x, strict=True):
        moved[settings.whole("axes", place, 0, len(cells) - 1)] = float(np.clip(value, -FARTHEST, FARTHEST))
    return moved


def _label(examples: Examples, label: Any) -> Any:
    if examples.classes is None:
        return checks.number("label", label, least=-FARTHEST, most=FARTHEST)
    return settings.whole("label", label, 0, len(examples.classes) - 1)


def point(session: Session, given: CommandArguments) -> Reply:
    """Add, move or delete a point; a data set that is edited becomes own points."""
    action = given.one_of("action", ("add", "move", "delete"))
    axes = given.list("axes", 2, None)
    where: dict[str, Any] = {"axes": axes}
    examples = session.examples_for(session.setup)  # those that the page has set, even where they cannot run
    if action != "add":
        where["index"] = given.whole("index", 0, len(examples.labels) - 1)
    if action != "delete":
        x = given.list("x", MOST_COLUMNS)
        where["x"] = [checks.number(f"x[{i}]", value) for i, value in enumerate(x)]
        where["label"] = given.plain("label", None)
    given.finish()
    data = with_point(examples, session.setup.data, action, **where)
    return session.scene(session.apply(session.setup.changed(["data"], data))), {}
