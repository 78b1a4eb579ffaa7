"""`compare` trains every variant from the same seeds and on the same splits."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from os import PathLike
from typing import TYPE_CHECKING, Any

from plainnet.comparison.result import Comparison
from plainnet.comparison.results_file import ResultsFile
from plainnet.comparison.runs import LOSS_MEASURES, Run, require_measure
from plainnet.comparison.seed_data import SeedData
from plainnet.comparison.variants import described, resolve, seeds_of
from plainnet.errors import InvalidType, InvalidValue
from plainnet.metrics import LOWER_IS_BETTER as LOWER_METRICS
from plainnet.metrics import METRICS
from plainnet.training.progress import counting

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from rich.console import Console

LOWER_IS_BETTER = {*LOSS_MEASURES, *LOWER_METRICS}
HIGHER_IS_BETTER = METRICS.keys() - LOWER_IS_BETTER

Criterion = str | Callable[[Run], bool]

_SIGNS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}


def compare(
    variants: Mapping[str, Any],
    X: Any,
    y: Any = None,
    *,
    seeds: int | Sequence[int] = 30,
    by: str | None = None,
    lower_is_better: bool | None = None,
    learned: Criterion | None = None,
    results: str | PathLike[str] | None = None,
    resume: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: bool | Console = False,
    **options: Any,
) -> Comparison:
    """Train every variant from the same seeds, on the same splits, and say what the runs decide.

    `variants` is a dict of them by their names. A variant is a `Network`, of which every run makes a new one with the
    same layers and weights drawn from its own seed; or a function seed -> Network. If variants differ in their
    training, each is a dict with one of these under "network" and options of `fit` beside it, which take precedence
    over the shared `options`:

        pn.compare({"slow": {"network": net, "optimizer": pn.SGD(0.1)}, "fast": {...}}, X, y, loss="mse")

    `X` and `y` are the examples and targets of every run. If each run has its own, such as rows scaled by its own
    training rows, `X` is a function seed -> (X, y, validation), with validation a pair of arrays or None, and `y` is
    left out; a fourth part is the rows' `sample_weight`.

    Arguments:
        seeds: the number of seeds (30 are the seeds 0 ... 29), or a list of them.
        by: the measure to compare by: "loss", "validation_loss" or a metric of `metrics`; by default the validation
            loss if there is one, otherwise the loss.
        lower_is_better: True if a lower value of a custom metric is better; by default higher is.
        learned: the condition for a run to have learned: a threshold such as "accuracy >= 0.9" or "loss < 0.01", or a
            function Run -> bool; by default every run has learned that did not diverge.
        results: a file to which each run is written as it ends.
        resume: True to go on with the runs in that file, possibly with more seeds; any other change raises FileError.
        workers: processes to train in (joblib), each with one thread; by default one per core; 1 is this process.
            `with joblib.parallel_config(backend="dask")` (or "ray", "threading") trains there instead, see "On a
            cluster" in docs/use/compare.md. Small networks on full batches are trained many at once in so many threads
            instead, with the extra `fast` and a large `report_every`: see "Small networks in lanes" there.
        executor: deprecated, any `concurrent.futures.Executor` to train on; `joblib.parallel_config` replaces it.
        progress: True to show a bar.
        options: options of `Network.fit` for all variants.

    A run that diverges has not learned; it does not end the comparison. Raises InvalidValue or InvalidType for
    arguments that do not fit, FileError for a results file that exists, is damaged or belongs to another comparison.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.xor()
    >>> variants = {f"{n} tanh": pn.Network(pn.Dense(n, "tanh"), pn.Dense(1, "sigmoid")) for n in (1, 6)}
    >>> comparison = pn.compare(variants, X, y, seeds=8, workers=1, loss="mse", optimizer=pn.SGD(2.0),
    ...                         epochs=500, batch_size=None, report_every=500, learned="loss < 0.05")
    >>> [(summary.variant, summary.learned) for summary in comparison.summaries()]
    [('1 tanh', 0), ('6 tanh', 8)]
    >>> comparison.difference("6 tanh", "1 tanh").better
    '6 tanh'
    """
    from plainnet.comparison.executing import run_all  # it brings executors, which importing plainnet need not

    resolved = resolve(variants, options)
    numbers = seeds_of(seeds)
    data = SeedData(X, y)
    descriptions, parameters = described(resolved, numbers[0], data)
    measure = _measure(by, descriptions)
    criterion, words = _criterion(learned, descriptions)
    settings = {"data": data.fingerprints(), "variants": descriptions}
    if resume and results is None:
        raise InvalidValue("resume is True and results is None; resume takes results= with the file to go on from")
    record = ResultsFile(results, settings, resume) if results is not None else None
    done = {(run.variant, run.seed): run for run in (record.runs if record else ())}
    jobs = [(variant, seed) for seed in numbers for variant in resolved if (variant.name, seed) not in done]
    if jobs:
        # close at once, whatever ends the loop, so that the processes end with it
        with closing(run_all(jobs, data, executor, workers)) as runs:
            for run in _shown(runs, len(jobs), progress) if progress else runs:
                done[run.variant, run.seed] = run
                if record:
                    record.add(run)
    return Comparison(
        variants=[variant.name for variant in resolved],
        seeds=numbers,
        by=measure,
        lower_is_better=measure in LOWER_IS_BETTER or (measure not in HIGHER_IS_BETTER and bool(lower_is_better)),
        criterion=words,
        learned=criterion,
        runs=[done[variant.name, seed] for variant in resolved for seed in numbers],
        parameters=parameters,
        has_criterion=learned is not None,
    )


def _measure(by: str | None, descriptions: Mapping[str, Any]) -> str:
    """Return the measure to compare by, which every variant must have in the same sense."""
    known = _known_measures(descriptions)
    name = by or ("validation_loss" if "validation_loss" in known else "loss")
    require_measure("by", name, known)
    losses = {str(described["options"]["loss"]): variant for variant, described in descriptions.items()}
    if name in LOSS_MEASURES and len(losses) > 1:
        raise InvalidValue(
            f"the variants have different losses ({', '.join(losses)}); by takes a metric all of them have"
        )
    return name


def _known_measures(descriptions: Mapping[str, Any]) -> list[str]:
    """Return the measures that the runs of every variant have."""
    options = [description["options"] for description in descriptions.values()]
    validated = all(option["validation_examples"] for option in options)
    metrics = [name for name in options[0]["metrics"] if all(name in option["metrics"] for option in options)]
    return ["loss", *(["validation_loss"] if validated else []), *metrics]


def _criterion(learned: Criterion | None, descriptions: Mapping[str, Any]) -> tuple[Callable[[Run], bool], str]:
    """Return the condition for a run to have learned, as a function and in words."""
    if learned is None:
        return (lambda run: True), "every run that did not diverge"
    if callable(learned):
        return learned, getattr(learned, "__name__", "a function").replace("<lambda>", "a function of the run")
    if not isinstance(learned, str):
        raise InvalidType(f"learned is {learned!r}; it takes a threshold such as 'accuracy >= 0.9', or a function")
    parts = re.fullmatch(r"\s*(\w+)\s*(<=|>=|<|>)\s*(\S+)\s*", learned)
    try:
        threshold = float(parts[3]) if parts else None
    except ValueError:
        threshold = None
    if parts is None or threshold is None:
        raise InvalidValue(f"learned is {learned!r}; it takes a measure and a threshold, such as 'accuracy >= 0.9'")
    name, holds = parts[1], _SIGNS[parts[2]]
    require_measure("the measure of learned", name, _known_measures(descriptions))
    return (lambda run: bool(holds(run.measure(name), threshold))), f"{name.replace('_', ' ')} {parts[2]} {threshold:g}"


def _shown(runs: Iterable[Run], total: int, progress: bool | Console) -> Iterator[Run]:
    """Yield the runs while a bar shows their number."""
    diverged = 0
    with counting("run", None if isinstance(progress, bool) else progress) as tell:
        for done, run in enumerate(runs, start=1):
            diverged += run.diverged
            tell(done, total, f"{diverged} diverged" if diverged else "")
            yield run
