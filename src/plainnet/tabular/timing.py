"""A time limit for a model: the epochs, and perhaps the networks, that fit into it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from plainnet.errors import warnings_passed_over
from plainnet.tabular.fitting import new_network, training_options
from plainnet.tabular.parts import Division, Share
from plainnet.tabular.preparing import Prepared
from plainnet.tabular.recipe import Recipe

MEASURED = 0.3
"""The seconds for which epochs are measured, at least one of them."""
KEPT_FREE, LEAST_KEPT = 0.1, 0.5
"""The share of the time, and the least seconds, that are kept for what comes after the training."""
TWICE = 2.2
"""A training and a second one on all rows take so many times as long as the first alone."""
MOST_NETWORKS = 8
"""More networks than this help little."""


def within(
    seconds: float, prepared: Prepared, division: Division, recipe: Recipe, seed: int, options: dict[str, Any]
) -> tuple[Division, Recipe]:
    """Return the division and the recipe for the best model in so many seconds, from the measured time of an epoch.

    If all epochs do not fit, there are fewer: the schedules reach their end in them. If a network takes a small part
    of the time only, several are trained and averaged, unless the division says how many.
    """
    rows, networks = len(prepared.parts.rest), max(1, len(prepared.parts.folds))
    one, several = recipe.for_rows(rows, networks), recipe.for_rows(rows, MOST_NETWORKS)
    assert one.epochs is not None
    assert several.epochs is not None
    took = seconds_of_an_epoch(prepared, one, seed, options)
    left = seconds - max(KEPT_FREE * seconds, LEAST_KEPT) - took
    share = division.validation
    drawn = share is None or (isinstance(share, Share) and share.fraction > 0)
    free = division.folds is None and division.ensemble == 1 and networks == 1 and drawn
    fitting = min(MOST_NETWORKS, int(left / (took * several.epochs))) if free else 1
    if fitting > 1:
        return replace(division, ensemble=fitting, folds=0), recipe
    epochs = min(one.epochs, max(1, int(left / (took * networks))))
    return division, replace(one, epochs=epochs, refit=one.refit and left >= TWICE * took * epochs)


def seconds_of_an_epoch(prepared: Prepared, recipe: Recipe, seed: int, options: dict[str, Any]) -> float:
    """Return the seconds that an epoch takes after the first, in which machine code may be made."""
    with warnings_passed_over():
        net = new_network(prepared, recipe, *prepared.examples, seed)
        given = training_options(prepared, recipe, net, len(prepared.X), options)
        given |= {"epochs": 1_000, "early_stopping": None, "checkpoint": None, "resume": False, "report_every": 1}
        reports = net.training(prepared.X, prepared.y, **given)
        next(reports)
        began, epochs, took = time.monotonic(), 0, 0.0
        while took < MEASURED:
            next(reports)
            epochs, took = epochs + 1, time.monotonic() - began
        reports.close()
    return took / epochs
