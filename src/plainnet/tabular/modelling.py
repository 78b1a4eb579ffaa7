"""One call makes a finished model of a problem: it divides, prepares, perhaps shortens, trains and finishes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from plainnet.tabular.finishing import finish, require_choice
from plainnet.tabular.fitting import Fitted, Follow, exhausted, fit_table
from plainnet.tabular.parts import Division
from plainnet.tabular.preparing import Prepared, prepare
from plainnet.tabular.problem import Problem, divide
from plainnet.tabular.recipe import Recipe
from plainnet.tabular.thresholds import Aim
from plainnet.tabular.timing import within

if TYPE_CHECKING:
    from rich.console import Console


def model_of(
    problem: Problem,
    division: Division,
    recipe: Recipe,
    options: Callable[[Prepared], dict[str, Any]],
    *,
    seed: int = 0,
    dtype: str = "float32",
    deadline: float = math.inf,
    aim: Aim | None = None,
    follow: Follow = exhausted,
    progress: bool | Console = False,
    announce: Callable[[Prepared], None] | None = None,
    measured: bool = True,
) -> Fitted:
    """Return the model of a problem that a recipe gives; raise KeyboardInterrupt if nothing was learned yet.

    `options` returns the options of `Network.fit` that the recipe leaves open, which may depend on the table, and
    `announce` is called before the training. At `deadline`, a time of `time.monotonic`, the training ends; the recipe
    is shortened, or several networks are trained, so that it is near its own end then. `aim` is what a threshold is
    chosen for. Without `measured`, no warning says that validation rows are equal to training rows.
    """
    prepared = prepare(problem, divide(problem, division, seed), recipe, dtype=dtype, measured=measured)
    if deadline < math.inf:
        planned, recipe = within(deadline - time.monotonic(), prepared, division, recipe, seed, options(prepared))
        if planned != division:
            parts = divide(problem, planned, seed)
            prepared = prepare(problem, parts, recipe, dtype=dtype, measured=measured)
    return model_of_prepared(
        prepared,
        recipe,
        options,
        seed=seed,
        deadline=deadline,
        aim=aim,
        follow=follow,
        progress=progress,
        announce=announce,
    )


def model_of_prepared(
    prepared: Prepared,
    recipe: Recipe,
    options: Callable[[Prepared], dict[str, Any]],
    *,
    seed: int = 0,
    deadline: float = math.inf,
    aim: Aim | None = None,
    follow: Follow = exhausted,
    progress: bool | Console = False,
    announce: Callable[[Prepared], None] | None = None,
) -> Fitted:
    """Return the model of prepared rows, such as those of a stream, that a recipe gives; see `model_of`.

    At `deadline` the training ends, wherever its schedules are. On ranks other than the first, which say and write
    nothing, the model is not finished: its probabilities are not scaled, and it has no threshold.
    """
    given = options(prepared)
    if aim is not None:
        require_choice(prepared, aim)
    if announce is not None:
        announce(prepared)
    fitted = fit_table(prepared, recipe, seed=seed, follow=follow, progress=progress, deadline=deadline, **given)
    if not fitted.history.epoch:
        raise KeyboardInterrupt
    return finish(fitted, calibrate=recipe.calibrate, aim=aim) if prepared.speaks else fitted
