"""Frames: what the page shows of the runs at this moment, and the examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.engines import blas
from plainnet.errors import InvalidType, InvalidValue
from plainnet.play.session import maps, scene, story
from plainnet.play.session.arguments import CommandArguments
from plainnet.play.session.run import LiveRun

if TYPE_CHECKING:
    from plainnet.play.session.messages import Reply
    from plainnet.play.session.session import Session

MOST_POINTS = 200
"""The most points of a map along each axis."""

MOST_UNITS = 256
"""The most units whose maps are in one frame."""

MOST_SHOWN = 5_000
"""The most examples that the page draws."""

MOST_WRONG = 10_000
"""The most examples of which a frame says whether they are predicted wrong."""


class Views:
    """Views holds what frames keep from one to the next."""

    def __init__(self) -> None:
        self.grids = maps.Grids()
        self.survey: Any = None
        """The map of the loss that is being made; see valley.py."""


def frame(session: Session, given: CommandArguments) -> Reply:
    """Return the numbers of each run, with the maps, the curve and the parameters that the page asks for."""
    if session.fault is not None:
        fault, session.fault = session.fault, None
        raise fault
    runs = session.runs
    want_map, want_units, want_dependence = (given.part(name, None) for name in ("map", "units", "dependence"))
    have = _curve_rows(given, len(runs))
    want_wrong = given.flag("wrong", False)
    given.finish()
    headers: list[dict[str, Any]] = []
    arrays: dict[str, Array] = {}
    with blas.limited(1 if blas.can_be_limited() else None):  # a small product takes longer on several threads
        for i, run in enumerate(runs):
            own: dict[str, Array] = {"parameters": run.network.parameters.astype(np.float32)}
            header = numbers(run)
            if want_map is not None:
                own |= prediction_map(session, run, want_map)
            if want_units is not None:
                own["units"], header["unit_ranges"] = unit_maps(session, run, want_units)
            if want_dependence is not None:
                own["dependence"] = dependence(session, run, want_dependence)
            if want_wrong and run.examples.classes is not None:
                own["wrong"] = wrong(run)
            if scene.is_truth_table(run.examples):
                own["truth"] = truth(run)
            header["curve_from"], rows = run.curve.since(have[i])
            header["curve_rows"] = header["curve_from"] + len(rows)
            own["curve"] = rows.astype(np.float32)
            headers.append(header)
            arrays |= {f"{i}.{name}": array for name, array in own.items()}
    lesson = None if session.lesson is None else session.lesson.progress(session)
    return {"playing": session.is_playing, "runs": headers, "lesson": lesson}, arrays


def numbers(run: LiveRun) -> dict[str, Any]:
    """Return the numbers of a run at this moment."""
    told = story.of(run)
    norms = run.job.gradient_norms
    return {
        "state": run.state,
        "epoch": run.epochs,
        "step": run.steps,
        **run.latest(),
        "test_loss": run.test_loss(),
        "learning_rate": run.learning_rate,
        "gradient_norm": norms[-1] if norms else None,
        "seconds": run.seconds,
        "rows_per_second": run.rows_per_second,
        "engine": run.engine,
        "story": told,
    }


def _curve_rows(given: CommandArguments, runs: int) -> list[int]:
    """Return how many rows of each run's curve the page has."""
    if isinstance(given.plain("curve", 0), list):
        have = given.list("curve", 2)
        each = [CommandArguments("frame", {"curve": rows}).whole("curve", 0, 10**9) for rows in have]
        return [*each, *[0] * runs][:runs]
    return [given.whole("curve", 0, 10**9, 0)] * runs


def _axes(session: Session, given: CommandArguments) -> tuple[list[int], int | None]:
    """Return the columns of a map, and the row at which the others stay."""
    columns = len(session.examples.columns)
    axes = given.list("axes", 2, list(range(min(columns, 2))))
    for axis in axes:
        if type(axis) is not int or not 0 <= axis < columns:
            raise InvalidValue(f"axes is {axes!r}; it takes one or two different columns from 0 to {columns - 1}")
    if not axes or len(set(axes)) < len(axes):
        raise InvalidValue(f"axes is {axes!r}; it takes one or two different columns from 0 to {columns - 1}")
    return axes, given.whole("at", 0, len(session.examples.labels) - 1, None)


def prediction_map(session: Session, run: LiveRun, given: CommandArguments) -> dict[str, Array]:
    """Return one output over the plane, (points, points), or all outputs over one column, (points, outputs).

    For `output` None the map is the probability of the class that wins, and "winner" says which class that is.
    """
    axes, at = _axes(session, given)
    points = given.whole("points", 2, MOST_POINTS, 100)
    want_winner = given.plain("output", 0) is None
    output = 0 if want_winner else given.whole("output", 0, (session.runs[0].network.output_size or 1) - 1, 0)
    given.finish()
    inputs = session.views.grids.plane(run.examples, run.network.dtype, axes, points, at)
    outputs = run.examples.in_units(run.predictions(inputs))
    if len(axes) == 1:
        return {"map": np.ascontiguousarray(outputs, np.float32)}
    if want_winner and outputs.shape[1] > 1:
        shape = points, points
        winner = outputs.argmax(axis=1).astype(np.uint8)
        return {"map": outputs.max(axis=1).astype(np.float32).reshape(shape), "winner": winner.reshape(shape)}
    own = min(output, outputs.shape[1] - 1)  # the second run may have fewer
    return {"map": np.ascontiguousarray(outputs[:, own].reshape(points, points), np.float32)}


def wrong(run: LiveRun) -> Array:
    """Return 1 for each of the first MOST_WRONG examples whose class is predicted wrong, else 0."""
    examples = run.examples
    outputs = run.predictions(np.asarray(examples.inputs[:MOST_WRONG], run.network.dtype))
    predicted = outputs.argmax(axis=1) if outputs.shape[1] > 1 else outputs[:, 0] >= 0.5
    return (predicted != examples.labels[:MOST_WRONG]).astype(np.uint8)


def unit_maps(session: Session, run: LiveRun, given: CommandArguments) -> tuple[Array, list[list[float]]]:
    """Return the maps of units as bytes, (units, points, points) or (units, points), and the range of each.

    A unit that this run's network lacks has the range 0 to 0: the page may ask by the other run's network, or by that
    of a moment ago.
    """
    axes, at = _axes(session, given)
    points = given.whole("points", 2, MOST_POINTS, 32)
    sizes = [int(units) for _, units, _ in run.network.layer_sizes()]
    units = [_unit(unit) for unit in given.list("of", MOST_UNITS)]
    there = [i for i, (layer, unit) in enumerate(units) if 0 <= layer < len(sizes) and 0 <= unit < sizes[layer]]
    given.finish()
    inputs = session.views.grids.plane(run.examples, run.network.dtype, axes, points, at)
    values, ranges = np.zeros((len(units), len(inputs)), np.uint8), np.zeros((len(units), 2))
    outputs = maps.unit_outputs(run.network, inputs, [units[i] for i in there])
    values[there], ranges[there] = maps.as_bytes(outputs)
    return values.reshape(len(units), *[points] * len(axes)), ranges.tolist()


def _unit(given: Any) -> tuple[int, int]:
    if not (isinstance(given, list) and len(given) == 2 and all(type(place) is int for place in given)):
        raise InvalidType(f"of holds {given!r}; it takes pairs [layer, unit]")
    return given[0], given[1]


def dependence(session: Session, run: LiveRun, given: CommandArguments) -> Array:
    """Return the outputs averaged over training examples as one column changes, (values, outputs).

    It is `plainnet.attribution.partial_dependence` of some of them; the values are those of `Examples.dependence`.
    """
    column = given.whole("column", 0, len(session.examples.columns) - 1)
    points = given.whole("points", 2, MOST_POINTS, 40)
    given.finish()
    inputs = session.views.grids.dependence(run.examples, run.network.dtype, column, points)
    values = len(run.examples.dependence(column, points)[0])
    outputs = run.examples.in_units(run.predictions(inputs))
    return outputs.reshape(values, -1, outputs.shape[1]).mean(axis=1).astype(np.float32)


def truth(run: LiveRun) -> Array:
    """Return the prediction of each of the few examples: one output as (rows,), several as (rows, outputs)."""
    outputs = run.examples.in_units(run.predictions(np.asarray(run.examples.training[0], run.network.dtype)))
    return np.ascontiguousarray(outputs[:, 0] if outputs.shape[1] == 1 else outputs, np.float32)


def examples(session: Session, given: CommandArguments) -> Reply:
    """Return the examples as the page draws them, those of the training part first where there are too many."""
    axes, _ = _axes(session, given)
    most = given.whole("most", 1, MOST_SHOWN, 1_000)
    given.finish()
    shown = session.examples
    rows = np.arange(len(shown.labels))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(0).permutation(len(rows))[:most])
    arrays: dict[str, Array] = {
        "points": np.asarray(shown.shown(axes), np.float32)[rows].reshape(len(rows), len(axes)),
        "labels": np.asarray(shown.labels, np.float32)[rows],
        "parts": np.asarray(shown.parts, np.uint8)[rows],
        "rows": rows.astype(np.int32),
    }
    return {"ranges": [list(ends) for ends in shown.ranges(axes)], "of": len(shown.labels)}, arrays
