"""Networks of `train_many` in groups on the backend that the user has configured with joblib."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from plainnet._base import tasks
from plainnet.engines.job import STREAMS
from plainnet.errors import warnings_passed_over
from plainnet.history import History
from plainnet.network import Network
from plainnet.training.progress import counting
from plainnet.training.run import TrainingRun

if TYPE_CHECKING:
    from rich.console import Console


def train_elsewhere(
    groups: Sequence[Sequence[TrainingRun]],
    examples: tuple[Any, Any],
    options: Mapping[str, Any],
    progress: bool | Console,
    deadline: float,
) -> None:
    """Train each group by `train_many` in one call, and give the networks here what those there have become.

    An interrupt ends the runs that have not come back. `options` are those of `train_many`; those that are lists with
    one entry for each network, `folds` and perhaps `optimizer`, are divided between the groups.
    """
    lists = {name: options[name] for name in ("folds", "optimizer") if isinstance(options.get(name), list | tuple)}
    shared = {name: value for name, value in options.items() if name not in lists and value is not None}
    runs = [run for group in groups for run in group]
    calls, begin = [], 0
    for group in groups:
        part = slice(begin, begin := begin + len(group))
        calls.append(([run.job.network for run in group], {name: values[part] for name, values in lists.items()}))
    at = time.time() + deadline - time.monotonic()  # monotonic clocks begin at another moment on each machine
    done = 0
    console = None if isinstance(progress, bool) else progress
    try:
        with (
            closing(tasks.run(_trained, calls, (*examples, shared, at))) as ended,
            counting("network", console, shown=progress is not False) as tell,
        ):
            for i, trained in ended:
                for run, (state, history) in zip(groups[i], trained, strict=True):
                    _take(run, state, history)
                done += len(groups[i])
                tell(done, len(runs), "")
    finally:
        for run in runs:
            if not run.is_over:
                run.end()


def _trained(
    X: Any, y: Any, options: dict[str, Any], deadline: float, networks: list[Network], lists: dict[str, Any]
) -> list[tuple[dict[str, Any], History]]:
    from plainnet.training.many import train_many

    until = time.monotonic() + deadline - time.time()
    with warnings_passed_over():  # said once, before the first network was sent
        histories = train_many(networks, X, y, **options, **lists, deadline=until)
    return [(_state(net), history) for net, history in zip(networks, histories, strict=True)]


def _state(net: Network) -> dict[str, Any]:
    streams = {name: getattr(net, name).bit_generator.state for name in STREAMS}
    return {"parameters": net.parameters, "statistics": net.statistics, **streams}


def _take(run: TrainingRun, state: Mapping[str, Any], history: History) -> None:
    net = run.job.network
    net.parameters, net.statistics = state["parameters"], state["statistics"]
    for name in STREAMS:
        getattr(net, name).bit_generator.state = state[name]
    history.settings = run.history.settings  # with the reason for the engine, which was chosen here
    run.history = net.history = history
