"""Tables prepared as `plainnet train --recipe small --test 0` prepares them, for tests of what comes after."""

from pathlib import Path
from typing import Any

import polars as pl

from plainnet import Network
from plainnet.tabular.building import network_for
from plainnet.tabular.parts import Division, Share
from plainnet.tabular.preparing import Prepared, prepare
from plainnet.tabular.problem import Problem, divide, problem_of, problem_of_file
from plainnet.tabular.recipe import SMALL


def prepared_file(path: str | Path, target: str, **settings: Any) -> Prepared:
    """Read a table file and prepare it."""
    validation, seed = settings.pop("validation", 0.2), settings.pop("seed", 0)
    return _prepared(problem_of_file(path, target, **settings), validation, seed)


def prepared_frame(frame: pl.DataFrame, target: str, **settings: Any) -> Prepared:
    """Prepare a frame."""
    validation, seed = settings.pop("validation", 0.2), settings.pop("seed", 0)
    return _prepared(problem_of(frame, target, **settings), validation, seed)


def _prepared(problem: Problem, validation: float, seed: int | None) -> Prepared:
    division = Division(test=Share(0.0), validation=Share(validation), folds=0)
    return prepare(problem, divide(problem, division, seed), SMALL)


def network_of(prepared: Prepared, hidden: tuple[int, ...], seed: int, **settings: Any) -> Network:
    """Make the network of the recipe `small` with other settings."""
    examples = prepared.X, prepared.y, prepared.sample_weight
    dtype = settings.pop("dtype", "float32")
    recipe = SMALL.varied(hidden=hidden, **settings)
    return network_for(prepared.table, recipe, prepared.problem.loss, *examples, seed=seed, dtype=dtype)
