"""The command `valley` gives the loss over two weights, or over the two main directions of the path so far.

A map takes hundreds of passes through the network, so it is made in slices: the page asks again until it is ready, and
the training goes on between two slices. The map is that of the parameters at its beginning.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.backpropagation import add_penalties, backpropagate, penalty_factor
from plainnet.errors import InvalidType
from plainnet.network.prediction import can_compile, measure
from plainnet.play.session.arguments import CommandArguments
from plainnet.play.session.run import LiveRun
from plainnet.plots.landscape import Directions, chosen_directions, main_directions

if TYPE_CHECKING:
    from plainnet.play.session.messages import Reply
    from plainnet.play.session.session import Session

SLICE = 0.02
"""The seconds of one slice."""

MOST_ROWS = 1_000
"""The most examples that the loss is taken of: larger data are thinned evenly."""

FEWEST, MOST_POINTS = 5, 81
"""The numbers of points along each axis of a map that the page may ask for."""


class Survey:
    """Survey holds the loss over one or two directions around the parameters of a run, as far as it is known."""

    def __init__(self, run: LiveRun, along: Sequence[int] | None, points: int) -> None:
        job = run.job
        self.run, self.along, self.points = run, along, points
        self.epoch = run.epochs
        self.net = run.network.copy("float64")
        self.loss = job.loss
        self.total = len(job.inputs)
        every = np.unique(np.linspace(0, self.total - 1, min(self.total, MOST_ROWS)).round().astype(int))
        self.inputs, self.targets = np.asarray(job.inputs[:][every], np.float64), job.targets[:][every]
        if self.targets.dtype.kind == "f":
            self.targets = self.targets.astype(np.float64)
        self.weight = None if job.sample_weight is None else np.asarray(job.sample_weight[:][every], np.float64)
        self.rows = len(every)
        self.point = self.net.parameters.copy()
        self.path = np.stack([*run.path.parameters, run.network.parameters]).astype(np.float64)
        self.epochs = [*run.path.epochs, run.epochs]
        self.directions = self._directions()
        self.value, self.gradient = self._gradient()
        if self.directions is not None:
            visited = self.directions.coordinates(np.vstack([self.point, self.path]))
            self.axes = self.directions.ranges(visited, points)
            self.visited = visited[1:]
            self.values = np.full([len(axis) for axis in self.axes[::-1]], np.nan)
            self.done = 0

    def _directions(self) -> Directions | None:
        """Return the directions; None where the path has not moved and so has none."""
        if self.along is not None:
            return chosen_directions(self.net, self.along, self.point)
        moved = (self.path != self.path[-1]).any()
        return main_directions(self.path) if moved and self.path.shape[1] > 1 else None

    @property
    def is_ready(self) -> bool:
        """True when all values are known."""
        return self.directions is None or self.done >= self.values.size

    def work(self, seconds: float) -> None:
        """Go on for about so long."""
        until = time.monotonic() + seconds
        assert self.directions is not None
        while self.done < self.values.size:
            index = np.unravel_index(self.done, self.values.shape)[::-1]
            place = np.array([axis[k] for axis, k in zip(self.axes, index, strict=True)])
            self.values.flat[self.done] = self._loss_at(self.directions.parameters(place))
            self.done += 1
            if time.monotonic() > until:
                return

    def _loss_at(self, parameters: Array) -> float:
        net = self.net
        net.parameters = parameters
        with np.errstate(all="ignore"):
            value = measure(net, self.inputs, self.targets, self.weight, self.loss, {}, compiled=can_compile())["loss"]
            scratch = net.parameter_views(np.zeros_like(net.parameters))
            return value + add_penalties(net.layers, scratch, penalty_factor(self.loss, self.rows, self.weight))

    def _gradient(self) -> tuple[float, Array]:
        """Return the loss at the point and its gradient, as a prediction has it."""
        gradient = np.zeros_like(self.net.parameters)
        views = self.net.parameter_views(gradient)
        with np.errstate(all="ignore"):
            value = backpropagate(self.net.layers, self.loss, self.inputs, self.targets, self.weight, None, views)
        return float(value), gradient

    def reply(self) -> Reply:
        """Return what there is: the map, the path and the tangent once all of it is known."""
        header: dict[str, Any] = {"along": self.along, "epoch": self.epoch, "rows": self.rows, "of": self.total}
        header |= {"ready": self.is_ready, "moved": self.directions is not None, "share": 1.0}
        if self.directions is None:
            return header, {}
        if not self.is_ready:
            return header | {"share": self.done / self.values.size}, {}
        header |= {
            "value": self.value,
            "point": self.directions.coordinates(self.point).tolist(),
            "slope": (self.directions.vectors @ self.gradient).tolist(),
            "gradient_norm": float(np.linalg.norm(self.gradient)),
            "shares": list(self.directions.shares),
        }
        path = np.column_stack([self.visited, self.epochs])
        arrays = {"valley": self.values, "path": path, **{f"axis{k}": axis for k, axis in enumerate(self.axes)}}
        return header, {name: array.astype(np.float32) for name, array in arrays.items()}


def valley(session: Session, given: CommandArguments) -> Reply:
    """Go on with a map for one slice, and return it when it is ready; `new` begins another one at the present point."""
    run = session.runs[given.place("run", session.runs)]
    along = given.list("along", 2, None)
    points = given.whole("points", FEWEST, MOST_POINTS, 41)
    begins = given.flag("new", False)
    given.finish()
    if along is not None and (not along or any(type(place) is not int for place in along)):
        raise InvalidType(f"along is {str(along)[:40]}; it takes one or two places in the parameter vector, or null")
    survey = session.views.survey
    if begins or not _is_of(survey, run, along, points):
        survey = session.views.survey = Survey(run, along, points)
    if not survey.is_ready:
        survey.work(SLICE)
    return survey.reply()


def _is_of(survey: Survey | None, run: LiveRun, along: Sequence[int] | None, points: int) -> bool:
    if survey is None or survey.run is not run:
        return False
    same_network = survey.point.shape == run.network.parameters.shape
    return same_network and (survey.along, survey.points) == (along, points)
