"""Runs in lanes, in processes, or on whatever `joblib.parallel_config` names."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from contextlib import closing

from plainnet._base import checks, tasks
from plainnet.comparison import lanes
from plainnet.comparison.runs import Run, train
from plainnet.comparison.seed_data import SeedData
from plainnet.comparison.variants import Variant
from plainnet.engines.choosing import available_cores
from plainnet.errors import InvalidType, warn

VariantAndSeed = tuple[Variant, int]


def run_all(
    jobs: Sequence[VariantAndSeed], data: SeedData, executor: Executor | None, workers: int | None
) -> Generator[Run, None, None]:
    """Yield the runs as they end, in any order."""
    if executor is not None:
        yield from _run_on(executor, jobs, data)
        return
    cores = available_cores() if workers is None else checks.whole_number("workers", workers, least=1)
    variants = {variant.name: variant for variant, _ in jobs}
    elsewhere = tasks.elsewhere()
    calls: list[tuple[str, list[int], bool]] = []
    for name, variant in variants.items():
        seeds = [seed for other, seed in jobs if other.name == name]
        if elsewhere:
            calls += _for_a_cluster(variant, seeds, data, workers or tasks.workers_there())
        elif lanes.suit(variant, seeds, data, cores):
            yield from lanes.train(variant, seeds, data, cores)
        else:
            calls += [(name, [seed], False) for seed in seeds]
    with closing(tasks.run(_runs, calls, (variants, data), workers)) as ended:
        for _, runs in ended:
            yield from runs


def _for_a_cluster(
    variant: Variant, seeds: list[int], data: SeedData, workers: int
) -> Iterator[tuple[str, list[int], bool]]:
    """Yield the calls for a variant: groups of seeds where lanes are faster, otherwise seed by seed."""
    size = min(lanes.SEEDS, -(-len(seeds) // workers))
    in_lanes = lanes.suit(variant, seeds[:size], data, cores=1)
    if not in_lanes:
        size = 1
    for begin in range(0, len(seeds), size):
        yield variant.name, seeds[begin : begin + size], in_lanes


def _runs(variants: dict[str, Variant], data: SeedData, name: str, seeds: list[int], in_lanes: bool) -> list[Run]:
    if in_lanes:
        return list(lanes.train(variants[name], seeds, data, threads=1))
    return [train(variants[name], seed, data) for seed in seeds]


def _run_on(executor: Executor, jobs: Iterable[VariantAndSeed], data: SeedData) -> Iterator[Run]:
    if not isinstance(executor, Executor):
        raise InvalidType(f"executor is {executor!r}; it takes a concurrent.futures.Executor")
    warn(
        'executor is deprecated; write `with joblib.parallel_config(backend="threading"):` (or "dask", "ray", "loky") '
        "around the call of compare",
        DeprecationWarning,
    )
    futures = []
    try:
        futures += [executor.submit(train, variant, seed, data) for variant, seed in jobs]
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()
