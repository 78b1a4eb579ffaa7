"""The six lessons say what each sets up, what the page shows with it, and how each task is known to be done.

They follow the first six chapters of docs/learn: one weight, one unit, the network forward, one path back, all paths,
training with its lucky seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.play.session.run import LiveRun

if TYPE_CHECKING:
    from plainnet.play.session.course import Watched

SURE = 0.9
"""The probability of the right answer from which on a row counts as learned, as in the page's story."""

CLOSE, CLOSE_AT_ZERO = 0.03, 5e-4
"""A typed number is right within this share, or within this distance."""

TRIES = 300
"""The epochs for which one unit tries the points that no line separates."""

TRIED = 1_000
"""The epochs after which a run of lesson 6 that has not learned counts as stuck."""


@dataclass(frozen=True)
class Task:
    """Something to do, and how it is known to be done.

    `done` looks at what was done and at the run; `number` is the answer of a task that asks for a number, None where it
    cannot be asked now. `offer` is a change of the setup that a button makes.
    """

    key: str
    done: Callable[[Watched, LiveRun], bool] | None = None
    number: Callable[[Watched, LiveRun], float | None] | None = None
    offer: tuple[list[Any], Any] | None = None
    within: float = CLOSE


@dataclass(frozen=True)
class Lesson:
    """A Lesson has its setup, weights to begin with, the panels that the page shows, what it opens, and the tasks."""

    setup: Mapping[str, Any]
    show: tuple[str, ...]
    tasks: tuple[Task, ...]
    open: tuple[str, ...] = ()
    look: Mapping[str, Any] = field(default_factory=dict)
    """The page looks at this, as its `chosen`."""
    inputs: int = 2
    is_fixed: bool = True
    """True if the tasks are about this very network; False if its layers may be changed."""
    weights: tuple[float, ...] = ()
    """The first parameters, set by hand in place of those that the seed drew."""


def is_close(value: float, right: float, within: float = CLOSE) -> bool:
    """Return True if a typed number is right, rounded as people round."""
    return bool(abs(value - right) <= max(within * abs(right), CLOSE_AT_ZERO))


# ---- looking at a run ----


def loss_of(run: LiveRun) -> float:
    """Return the loss of the present weights on the training examples."""
    found = run.measured()["loss"]
    return float("nan") if found is None else found


def gradient_of(run: LiveRun) -> Array:
    """Return the gradient of the loss at the present weights."""
    X, y, weight = run.examples.training
    found: Array = run.network.loss_and_gradient(X, y, loss=run.job.loss, sample_weight=weight)[1]
    return found


def chances(run: LiveRun) -> Array:
    """Return the probability of the right answer for each row of two classes, by the one output."""
    with np.errstate(all="ignore"):
        outputs = run.network.predict(run.examples.inputs)[:, 0].astype(float)
    return np.where(run.examples.labels == 1, outputs, 1 - outputs)


def has_learned(run: LiveRun, sure: float = SURE) -> bool:
    """Return True if all rows come out right, none with a smaller probability than `sure`."""
    return run.network.output_size == 1 and bool((chances(run) >= sure).all())


def is_separable(run: LiveRun) -> bool:
    """Return True if a straight line has all points of one class on its one side and all of the other on its other.

    Such a line exists exactly if all differences between a point of the one class and a point of the other lie within
    an open half-plane: their directions leave a gap of more than half a turn.
    """
    points, labels = run.examples.inputs, run.examples.labels
    differences = (points[labels == 1][:, None] - points[labels == 0][None]).reshape(-1, 2)
    if not len(differences) or not differences.any(axis=1).all():
        return not len(differences)
    turns = np.sort(np.arctan2(differences[:, 1], differences[:, 0]))
    gaps = np.diff(turns, append=turns[0] + 2 * np.pi)
    return bool(gaps.max() > np.pi + 1e-9)


def hidden(run: LiveRun, row: int) -> tuple[Array, Array]:
    """Return the inputs of a row and the activations of the first layer for it."""
    x = run.examples.inputs[row].astype(run.network.dtype)
    return x, run.network.layers[0].predict(x[None])[0]


def weighted_sum(run: LiveRun, unit: int, row: int) -> float:
    """Return the sum z of a hidden unit for a row."""
    x, _ = hidden(run, row)
    own = run.network.parameter_views(run.network.parameters)[0]
    return float(x @ own["weights"][:, unit] + own["bias"][unit])


# ---- lesson 1: one weight ----


def _by_hand(seen: Watched, run: LiveRun) -> bool:
    return seen.moved_by_hand and seen.loss_before_hand >= 0.01 > loss_of(run)


def _slope(seen: Watched, run: LiveRun) -> float | None:
    slope = float(gradient_of(run)[0])
    return slope if abs(slope) > 0.5 else None


def _at_the_bottom(seen: Watched, run: LiveRun) -> bool:
    return seen.trained and not seen.moved_by_hand and abs(float(gradient_of(run)[0])) < 0.1


def _too_far(seen: Watched, run: LiveRun) -> bool:
    before = run.training.loss  # that of the latest step, before it
    return seen.trained and not seen.moved_by_hand and not run.is_touched and loss_of(run) > before > 0


ONE_WEIGHT = Lesson(
    setup={
        "data": {
            "kind": "points",
            "task": "regression",
            "X": [[2.0]],
            "y": [3.0],
            "columns": ["x"],
            "name": "one example",
        },
        "layers": [{"name": "Dense", "units": 1, "activation": "identity", "bias": False}],
        "loss": "mse",
        "optimizer": {"name": "sgd", "learning_rate": 0.02},
        "batch_size": None,
        "dtype": "float64",
    },
    show=("player", "network", "valley", "setup", "table"),
    open=("valley",),
    look={"pinned": [0], "row": 0},
    inputs=1,
    weights=(-0.5,),
    tasks=(
        Task("hand", _by_hand),
        Task("slope", number=_slope),
        Task("steps", _at_the_bottom),
        Task("far", _too_far),
    ),
)


# ---- lesson 2: one unit ----


def gate(name: str) -> dict[str, Any]:
    """Return the data of a gate of two inputs."""
    return {"kind": "dataset", "name": "gates", "options": {"name": name, "constant": False}}


def _crossing(seen: Watched, run: LiveRun) -> float | None:
    """Return where the line of the unit, w1·x1 + w2·x2 + b = 0, crosses the axis x2 = 0."""
    w1, _, b = run.network.parameters.astype(float)
    return -b / w1 if run.epochs and w1 else None


def _fails(seen: Watched, run: LiveRun) -> bool:
    return seen.edited_at is not None and run.epochs >= seen.edited_at + TRIES and not is_separable(run)


def _resting_loss(seen: Watched, run: LiveRun) -> float | None:
    """Return the loss of guessing both classes alike, ln 2, once the unit has been trained on XOR."""
    guess = float(np.log(2))
    return guess if run.epochs and not is_separable(run) and abs(loss_of(run) - guess) < 0.005 else None


ONE_UNIT = Lesson(
    setup={
        "data": gate("or"),
        "layers": [{"name": "Dense", "units": 1, "activation": "sigmoid"}],
        "loss": "binary_cross_entropy",
        "optimizer": {"name": "adam", "learning_rate": 0.1},
        "batch_size": None,
        "dtype": "float64",
    },
    show=("player", "network", "plane", "curves", "table", "unit"),
    look={"pinned": [0, 1, [0, 0]]},
    tasks=(
        Task("or", lambda seen, run: seen.trained and is_separable(run) and has_learned(run)),
        Task("line", number=_crossing),
        Task("spoil", lambda seen, run: seen.edited_at is not None and not is_separable(run)),
        Task("fails", _fails),
        Task("xor", number=_resting_loss, offer=(["data"], gate("xor"))),
    ),
)


# ---- lesson 3: forward ----

ROW = 1
"""The row x1 = 1, x2 = 0 of the gates."""


def _output_by_hand(seen: Watched, run: LiveRun) -> bool:
    return seen.moved_by_hand and not seen.trained and bool((chances(run) > 0.5).all())


TWO_UNITS = (
    {"name": "Dense", "units": 2, "activation": "sigmoid"},
    {"name": "Dense", "units": 1, "activation": "sigmoid"},
)

FORWARD = Lesson(
    setup={
        "data": gate("xor"),
        "layers": list(TWO_UNITS),
        "loss": "binary_cross_entropy",
        "batch_size": None,
        "dtype": "float64",
    },
    show=("network", "table", "unit", "plane"),
    open=("unit",),
    look={"row": ROW, "pinned": [6, 7, [1, 0], [0, 0]]},
    weights=(6.0, 6.0, 6.0, 6.0, -3.0, -9.0, 1.0, 1.0, 0.0),
    tasks=(
        Task("sum", number=lambda seen, run: weighted_sum(run, 0, ROW)),
        Task("activation", number=lambda seen, run: float(hidden(run, ROW)[1][0])),
        Task("output", _output_by_hand),
    ),
)


# ---- lesson 4: one path back ----


def _delta(seen: Watched, run: LiveRun) -> float | None:
    """Return ∂L/∂s of the output's sum s = v·h + c: the gradient of its bias, whose factor is 1."""
    return float(gradient_of(run)[8])


def _rise_over_run(seen: Watched, run: LiveRun) -> float | None:
    """Return the change of the loss over that of the first weight, if that was the latest thing moved, and a little."""
    moved = seen.moved
    if moved is None or list(moved.places) != [0] or not 0 < abs(moved.run) <= 0.2:
        return None
    return moved.rise / moved.run


BACK = Lesson(
    setup={
        "data": {"kind": "points", "X": [[1.0, 0.0]], "y": [1], "name": "one row of XOR"},
        "layers": list(TWO_UNITS),
        "loss": "mse",
        "optimizer": {"name": "sgd", "learning_rate": 1.0},
        "batch_size": None,
        "dtype": "float64",
    },
    show=("player", "network", "explain", "unit"),
    open=("explain",),
    look={"row": 0, "pinned": [0]},
    weights=(1.0, -1.0, 0.5, 2.0, 0.0, 0.5, 2.0, -1.0, -1.0),
    tasks=(
        Task("delta", number=_delta),
        Task("v", number=lambda seen, run: float(gradient_of(run)[6])),
        Task("w", number=lambda seen, run: float(gradient_of(run)[0])),
        Task("nudge", number=_rise_over_run, within=0.15),
    ),
)


# ---- lesson 5: all together ----


def _parameters(seen: Watched, run: LiveRun) -> float | None:
    return float(run.network.parameters.size)


def _learns_fast(seen: Watched, run: LiveRun) -> bool:
    return seen.trained and run.is_as_set and run.epochs <= 500 and has_learned(run)


TOGETHER = Lesson(
    is_fixed=False,
    setup={
        "data": gate("xor"),
        "layers": [{**TWO_UNITS[0], "units": 4}, TWO_UNITS[1]],
        "loss": "mse",
        "optimizer": {"name": "sgd", "learning_rate": 1.0},
        "batch_size": None,
    },
    show=("player", "network", "plane", "curves", "table", "setup", "valley", "explain", "unit"),
    look={"row": 0, "pinned": []},
    tasks=(
        Task("count", number=_parameters),
        Task("learn", lambda seen, run: seen.trained and has_learned(run)),
        Task("again", lambda seen, run: seen.again),
        Task("fast", _learns_fast),
    ),
)


# ---- lesson 6: lucky seeds ----


def outcome(run: LiveRun) -> str | None:
    """Return "learned" or "stuck" for a run as its seed began it; None while nobody can tell."""
    if not run.is_as_set or not run.epochs:
        return None
    return "learned" if has_learned(run) else "stuck" if run.epochs >= TRIED else None


def _share(seen: Watched, run: LiveRun) -> float | None:
    ends = seen.outcomes_of(2)
    return 100 * ends.count("learned") / len(ends) if len(ends) >= 5 else None


SEEDS = Lesson(
    is_fixed=False,
    setup={
        "data": gate("xor"),
        "layers": [{**TWO_UNITS[0], "activation": "tanh"}, TWO_UNITS[1]],
        "loss": "binary_cross_entropy",
        "optimizer": {"name": "adam", "learning_rate": 0.05},
        "batch_size": None,
    },
    show=("player", "network", "plane", "curves", "table"),
    look={"pinned": []},
    tasks=(
        Task("three", lambda seen, run: len(seen.outcomes_of(2)) >= 3),
        Task("both", lambda seen, run: {"learned", "stuck"} <= set(seen.outcomes_of(2))),
        Task("share", number=_share),
        Task("wide", lambda seen, run: seen.outcomes_of(8).count("learned") >= 3, offer=(["layers", 0, "units"], 8)),
    ),
)

LESSONS = (ONE_WEIGHT, ONE_UNIT, FORWARD, BACK, TOGETHER, SEEDS)
"""The lessons in their order; the first has the number 1."""
