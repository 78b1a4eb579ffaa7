"""Runs of small networks in the lanes of vector instructions: `train_many` on one batch of seeds after the other."""

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
from plainnet.training.options import Options

STEPS_PER_REPORT = 2
"""One report costs about as much time as this many steps of a small network."""


def suit(variant: Variant, seeds: Sequence[int], data: SeedData, cores: int) -> bool:
    """Return True if the variant's runs from these seeds differ in their weights alone and are faster in lanes."""
    validation = variant.options.get("validation")
    each_its_rows = data.is_function or not (validation is None or isinstance(validation, tuple | list))
    if each_its_rows or not isinstance(variant.network, Network):
        return False
    with warnings_passed_over():  # said once, before the first run
        options = Options.of(variant.options)
        run = prepare(variant.make(seeds[0]), data.X, data.y, options)
        choice = engines.choose(options.engine, run.job, times=len(seeds))
    if run.stopping.keeps_best and run.job.epochs > MOST_REPORTS * run.report_every:
        return False  # the history may have dropped the best report
    # One thread at a time makes the reports of all lanes, while processes make theirs on every core at once.
    enough_between_reports = run.report_every * run.job.batches >= STEPS_PER_REPORT * (cores - 1)
    return enough_between_reports and share_lanes(choice, [run.job])


def train(variant: Variant, seeds: Sequence[int], data: SeedData, threads: int) -> Iterator[Run]:
    """Train the variant from the seeds, as many at a time as fill the lanes of all threads."""
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
    """Return the measures of the best report under early stopping, otherwise those of the last."""
    if not history.epoch:
        return None, None, {}
    best = history.best_epoch if history.settings["early_stopping"] else None
    at = -1 if best is None else history.epoch.index(best)
    validation_loss = history.validation_loss[at] if history.validation_loss else None
    return history.loss[at], validation_loss, {name: values[at] for name, values in history.metrics.items()}
