"""Runs of small networks in the lanes of vector instructions: `train_many` on one batch of seeds after the other."""

import time
from collections.abc import Iterator, Sequence

from plainnet.comparison.runs import Measures, Run
from plainnet.comparison.runs import run_of as run_of_history
from plainnet.comparison.seed_data import SeedData
from plainnet.comparison.variants import Variant
from plainnet.errors import warnings_passed_over
from plainnet.history import MOST_REPORTS, History
from plainnet.network import Network
from plainnet.training import job_of, run_of
from plainnet.training.data import examples_of
from plainnet.training.many import choose, train_many
from plainnet.training.options import Options

STEPS_PER_REPORT = 2
"""The steps between two reports with work to do, for each further core, from which lanes are faster."""

SEEDS = 64
"""The seeds that each thread takes at a time; when they end, their runs are written down."""


def suit(variant: Variant, seeds: Sequence[int], data: SeedData, cores: int) -> bool:
    """Return True if the variant's runs from these seeds differ in their weights alone and are faster in lanes."""
    if data.is_function or not isinstance(variant.network, Network):
        return False
    with warnings_passed_over():  # said once, before the first run
        options = Options.of(variant.options)
        net = variant.make(seeds[0])
        examples = examples_of(net, data.X, data.y, options)
        job = job_of(net, examples, options)
        choice, code = choose(options.engine, [job], times=len(seeds))
        run = run_of(job, choice, examples, options)
    if run.stopping.keeps_best and job.epochs > MOST_REPORTS * run.report_every:
        return False  # the history may have dropped the best report
    # Where a report has work to do, one thread at a time makes those of all lanes, and processes one on each core.
    enough_between_reports = not run.is_watched or run.report_every * job.batches >= STEPS_PER_REPORT * (cores - 1)
    return enough_between_reports and code is not None


def train(variant: Variant, seeds: Sequence[int], data: SeedData, threads: int) -> Iterator[Run]:
    """Train the variant from the seeds, so many at a time."""
    options = {**variant.options, "engine": "compiled", "threads": threads}
    at_a_time = SEEDS * threads
    for start in range(0, len(seeds), at_a_time):
        batch = seeds[start : start + at_a_time]
        began = time.perf_counter()
        with warnings_passed_over():
            histories = train_many([variant.make(seed) for seed in batch], data.X, data.y, **options)
        seconds = (time.perf_counter() - began) / -(-len(batch) // threads)
        for seed, history in zip(batch, histories, strict=True):
            yield run_of_history(variant, seed, history, seconds, _measures(history))


def _measures(history: History) -> Measures:
    """Return the measures of the best report under early stopping, otherwise those of the last."""
    if not history.epoch:
        return None, None, {}
    best = history.best_epoch if history.settings["early_stopping"] else None
    at = -1 if best is None else history.epoch.index(best)
    validation_loss = history.validation_loss[at] if history.validation_loss else None
    return history.loss[at], validation_loss, {name: values[at] for name, values in history.metrics.items()}
