"""Accuracy and seconds on scikit-learn's digits: same network, optimizer, epochs, split and initial weights.

Where the accuracies did not agree, one of the contestants would not have done the work, and its speed meant nothing.
"""

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from benchmarks.formatting import Table, number
from benchmarks.interleaved import Contestants
from benchmarks.peers import NUMPY, Peer, doing
from benchmarks.workloads import Workload

EPOCHS = 30
DIGITS = Workload("digits", (64, 64, 32, 10), rows=1344, batch_size=32, data="digits")
"""1,344 of the 1,797 rows to train on, a whole number of batches; 453 to test on."""


@dataclass
class Scores:
    """Of one contestant, a number for each seed."""

    accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def run(contestants: Contestants, peers: list[Peer], seeds: int) -> dict[str, Scores]:
    """Each seed is a split and a set of initial weights, and the contestants take turns on it."""
    scores: dict[str, Scores] = {}
    for seed in range(seeds):
        if contestants.time_is_up and seed >= 2:
            break
        workload = replace(DIGITS, seed=seed)
        for peer in doing({"train"}, peers):
            accuracy, seconds = contestants.ask(peer, trained, peer, workload)
            own = scores.setdefault(peer.name, Scores())
            own.accuracy.append(accuracy)
            own.seconds.append(seconds)
    return scores


def trained(peer: Peer, workload: Workload) -> tuple[float, float]:
    """Test accuracy, and the seconds of training after a warm-up."""
    contestant = peer.open(workload)
    contestant.train(1)
    contestant.reset()
    began = time.perf_counter()
    contestant.train(EPOCHS)
    seconds = time.perf_counter() - began
    _, _, X, y = workload.digits
    return float(np.mean(contestant.predict(X).argmax(axis=1) == y)), seconds


def standard_error(values: list[float]) -> float:
    """Of the mean."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def agree(one: list[float], other: list[float]) -> bool:
    """Whether two means are at most two standard errors of their difference apart."""
    difference = abs(np.mean(one) - np.mean(other))
    return bool(difference <= 2 * np.hypot(standard_error(one), standard_error(other)))


def table(scores: dict[str, Scores]) -> Table:
    """A row a contestant; agreement is with plainnet's NumPy engine."""
    made = Table(
        f"Digits: {'-'.join(map(str, DIGITS.sizes))}, batch {DIGITS.batch_size}, Adam, {EPOCHS} epochs",
        ["", "test accuracy", "agrees", "seconds", "accuracy per second"],
    )
    for name, own in scores.items():
        accuracy, seconds = float(np.mean(own.accuracy)), float(np.median(own.seconds))
        made.rows.append(
            [
                name,
                f"{accuracy:.4f} ± {standard_error(own.accuracy):.4f}",
                "yes" if agree(own.accuracy, scores[NUMPY].accuracy) else "NO",
                number(seconds),
                number(accuracy / seconds),
            ]
        )
    made.notes.append(
        f"Mean ± standard error over {len(scores[NUMPY].accuracy)} seeds, each a split and initial weights that all "
        f"share; an accuracy agrees where it is within two standard errors of {NUMPY}'s. Seconds are medians."
    )
    return made


def plain(scores: dict[str, Scores]) -> dict[str, Any]:
    """For JSON."""
    return {name: {"accuracy": own.accuracy, "seconds": own.seconds} for name, own in scores.items()}
