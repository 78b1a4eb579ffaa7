"""Which run a checkpoint is of: its network, options and data, as plain data, whatever the number of ranks.

A checkpoint continues only the same run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from plainnet._base.blocks import window_rows
from plainnet._base.identity import fingerprint, fingerprints, row_sums
from plainnet._base.pieces import are_in_pieces, pieces_of
from plainnet._base.weighting import Examples
from plainnet.engines import Job
from plainnet.ranks import ALONE, Alone, Ranks

OF_RANKS = ("ranks", "engine", "threads")
"""The options in which another number of ranks does not have to agree."""


def comparable(was: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return of the identities of a saved run and of this one what has to be the same for this one to go on from it.

    The order of the rows counts where both are of one process, and nothing of who holds them where ranks take part.
    """
    before, after = (identity["options"].get("ranks", 1) for identity in (was, now))
    options: tuple[str, ...] = () if before == after else (*OF_RANKS, "compression")
    parts = {"rows"} if before == after == 1 else {"data", "block_rows", "pieces"}
    kept = [{name: part for name, part in identity.items() if name not in parts} for identity in (was, now)]
    for identity in kept:
        identity["options"] = {name: value for name, value in identity["options"].items() if name not in options}
    return kept[0], kept[1]


def identity_of_data(job: Job, validation: Examples | None) -> dict[str, Any]:
    """Return fingerprints of the data and of the rows in whatever order, and what decides the order with the numbers.

    Several ranks have only those of the rows: they say nothing of who holds which.
    """
    training, ranks = (job.inputs, job.targets, job.sample_weight), job.ranks or ALONE
    rows = {"training": _sums_over_rows(training, ranks), "validation": _sums_over_rows(validation, ranks)}
    order = _order_of_rows(job)
    if job.ranks:
        return {"rows": rows, **order}
    inputs, targets, weights = fingerprints(*training)
    held_out = fingerprint(*(validation or ()))
    data = {"X": inputs, "y": targets, "weights": weights, "validation": held_out}
    return {"data": data, "rows": rows, **order}


def _order_of_rows(job: Job) -> dict[str, Any]:
    """Return what decides, with the random numbers, in which order the rows are taken."""
    if not are_in_pieces(job.inputs):
        return {"block_rows": len(job.inputs)}
    lengths = np.asarray(pieces_of(job.inputs).lengths)
    return {"block_rows": window_rows(job.inputs, job.targets), "pieces": fingerprint(lengths)}


def _sums_over_rows(examples: Examples | None, ranks: Ranks | Alone) -> dict[str, str]:
    """Return fingerprints of the rows of all ranks, whatever their order: of X, of X and y, of these and the weights.

    Each is a sum over the rows, modulo 2^64.
    """
    if examples is None:
        return {}
    of_all = zip(*ranks.all(row_sums(*examples)), strict=True)
    return {name: f"{sum(each) % 2**64:016x}" for name, each in zip(("X", "y", "weights"), of_all, strict=False)}
