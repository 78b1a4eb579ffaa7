"""Runs of small networks in the lanes of vector instructions: `train_many`, a batch of seeds at a time."""

import time
from collections.abc import Iterator, Sequence

from plainnet import engines
from plainnet.comparison.runs import Measures, Run, run_of
from plainnet.comparison.seed_data import SeedData
from plainnet.comparison.variants import Variant
from plainnet.errors import warnings_passed_over
from plainnet.history import MOST_REPORTS, History
from plainnet.network import Network
from plainnet.training import prepare
from plainnet.training.many import LANES, lanes_of, share_lanes, train_many

REPORT = 2
"""Steps of a small network alone that take as long as a report, about."""


def suit(variant: Variant, seeds: Sequence[int], data: SeedData, cores: int) -> bool:
    """Whether lanes are the place for the variant's runs from these seeds: they differ in weights alone, and gain."""
    validation = variant.options.get("validation")
    each_its_rows = data.is_function or not (validation is None or isinstance(validation, tuple | list))
    if each_its_rows or not isinstance(variant.network, Network):
        return False
    with warnings_passed_over():  # said once, before the first run
        run = prepare(variant.make(seeds[0]), data.X, data.y, **variant.options)
        choice = engines.choose(variant.options.get("engine", "auto"), run.job, times=len(seeds))
    if run.early_stopping and run.job.epochs > MOST_REPORTS * run.report_every:
        return False  # the history may have dropped the best report
    # All lanes' reports are made in one thread at a time, where processes make theirs at once on every core.
    enough_between_reports = run.report_every * run.job.batches >= REPORT * (cores - 1)
    return enough_between_reports and share_lanes(choice, [run.job])


def train(variant: Variant, seeds: Sequence[int], data: SeedData, threads: int) -> Iterator[Run]:
    """Train the variant from the seeds, so many at a time that each thread's lanes are full."""
    options = {**variant.options, "engine": "compiled", "threads": threads}
    at_a_time = LANES * threads
    for start in range(0, len(seeds), at_a_time):
        batch = seeds[start : start + at_a_time]
        began = time.perf_counter()
        with warnings_passed_over():
            histories = train_many([variant.make(seed) for seed in batch], data.X, data.y, **options)
        seconds = (time.perf_counter() - began) / lanes_of(len(batch), threads)
        for seed, history in zip(batch, histories, strict=True):
            yield run_of(variant, seed, history, seconds, _measures(history))


def _measures(history: History) -> Measures:
    """Those of the best report under early stopping, otherwise of the last."""
    if not history.epoch:
        return None, None, {}
    best = history.best_epoch if history.settings["early_stopping"] else None
    at = -1 if best is None else history.epoch.index(best)
    validation_loss = history.validation_loss[at] if history.validation_loss else None
    return history.loss[at], validation_loss, {name: values[at] for name, values in history.metrics.items()}
