"""Timing in turns: a process for each contestant, one round each, then the next round.

A contestant has a process of its own for the whole benchmark, so that no thread pool, allocator or import of one
disturbs another; between its turns it sleeps. Before the first round of a workload every contestant trains once,
so that compilation and warm-up are not timed, and finds out how many epochs fill a round.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.peers import Peer
from benchmarks.processes import Failed, Process
from benchmarks.workloads import Workload

PAUSE = 0.02
"""Seconds between turns: threads that wait actively after their work go to sleep."""


@dataclass
class Timings:
    """Of one workload: for each contestant the seconds per unit of every round.

    The unit is a training step or a prediction; in a fresh process it is the whole work.
    """

    workload: Workload
    seconds: dict[str, list[float]]
    notes: list[str]

    def medians(self) -> dict[str, float]:
        """Seconds per unit of each contestant."""
        return medians(self.seconds)


def medians(seconds: dict[str, list[float]]) -> dict[str, float]:
    """Return the median of each contestant's rounds."""
    return {name: float(np.median(rounds)) for name, rounds in seconds.items()}


def in_turn(peers: list[Peer], turn: int) -> list[Peer]:
    """Return them in the order of this turn, so that none always comes after the same one or first."""
    first = turn % max(len(peers), 1)
    return peers[first:] + peers[:first]


class Contestants:
    """The processes, started when first needed; a context manager that ends them."""

    def __init__(self, minutes: float = math.inf) -> None:
        self.processes: dict[str, Process] = {}
        self.end = time.monotonic() + 60 * minutes

    def __enter__(self) -> "Contestants":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.close()

    @property
    def time_is_up(self) -> bool:
        """Whether `minutes` have passed: nothing new is begun."""
        return time.monotonic() > self.end

    def ask(self, peer: Peer, function: Callable[..., Any], *arguments: Any) -> Any:
        """What `function(*arguments)` returns in the peer's process."""
        if peer.name not in self.processes:
            self.processes[peer.name] = Process()
        process = self.processes[peer.name]
        try:
            return process.ask(function, *arguments)
        except Failed:
            if process.python.poll() is not None:
                del self.processes[peer.name]  # the next workload gets a new one
            raise

    def measure(self, workload: Workload, peers: list[Peer], rounds: int, seconds: float) -> Timings:
        """`rounds` turns of about `seconds` for each of `peers`; one that fails is left out, with a note."""
        if self.time_is_up:
            return Timings(workload, {}, [f"{workload.name} is left out: the time was up."])
        notes: list[str] = []
        taking_part: list[Peer] = []
        for peer in peers:
            try:
                self.ask(peer, prepare, peer, workload, seconds)
                taking_part.append(peer)
            except Failed as failure:  # whatever one contestant runs into must not end the others' benchmark
                notes.append(f"{peer.name} is left out of {workload.name}: {failure}")
        measured: dict[str, list[float]] = {peer.name: [] for peer in taking_part}
        for turn in range(rounds):
            for peer in in_turn(taking_part, turn):
                time.sleep(PAUSE)
                measured[peer.name].append(self.ask(peer, one_round))
        for peer in taking_part:
            self.ask(peer, forget)
        return Timings(workload, measured, notes)


# ---- in a contestant's process ----


@dataclass
class Turn:
    """What the process is prepared for: a contestant, and how much of its work makes a round."""

    contestant: Any
    run: Callable[[int], None]
    amount: int
    units: int
    """Training steps or predictions in one of `amount`."""


_turn: Turn | None = None


def prepare(peer: Peer, workload: Workload, seconds: float) -> None:
    """Open the contestant, warm it up, and find how much work fills a round."""
    global _turn
    contestant = peer.open(workload)
    if workload.kind == "predict":
        row = workload.examples[0][:1]
        _turn = Turn(contestant, lambda amount: _predict(contestant, row, amount), 1, 1)
    else:
        _turn = Turn(contestant, contestant.train, 1, workload.steps_in_epoch * workload.networks)
    one_round()
    if workload.epochs is not None:
        _turn.amount = workload.epochs
        return
    _turn.amount = filling(seconds, seconds_of)


def filling(seconds: float, seconds_of: Callable[[int], float]) -> int:
    """Return the amount of work that fills a round, beside what every call costs, however small its work.

    That is known once twice the work takes clearly longer, twice over: a call that prepares for 0.2 s, or waits for
    other work on the machine, would otherwise seem to fill a round with a single step.
    """
    amount, took = 1, min(seconds_of(1), seconds_of(1))
    while True:
        enough = max(seconds / 3, 1.5 * took)
        longer = seconds_of(2 * amount)
        if longer >= enough:
            longer = min(longer, seconds_of(2 * amount))
        if longer >= enough:
            return max(1, round(amount * seconds / (longer - took)))
        amount, took = 2 * amount, longer


def seconds_of(amount: int) -> float:
    """Return how long so much of the work takes, from the initial weights."""
    assert _turn is not None
    _turn.contestant.reset()
    began = time.perf_counter()
    _turn.run(amount)
    return time.perf_counter() - began


def one_round() -> float:
    """Seconds per unit of a round."""
    assert _turn is not None
    return seconds_of(_turn.amount) / (_turn.amount * _turn.units)


def forget() -> None:
    """Let go of the workload's memory."""
    global _turn
    _turn = None


def _predict(contestant: Any, row: Any, amount: int) -> None:
    for _ in range(amount):
        contestant.predict(row)
