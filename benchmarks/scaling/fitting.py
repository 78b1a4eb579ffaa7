"""The model's few numbers from measurements, by least squares of the relative errors."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.scaling.allreduce import Link
from benchmarks.scaling.model import Step


def least_squares(columns: Sequence[Sequence[float]], seconds: Sequence[float]) -> list[float]:
    """Return the factors x ≥ 0 that minimize Σ ((Σᵢ xᵢ columnᵢ - seconds) / seconds)².

    A factor that would be negative is set to 0 and the others are fitted again.
    """
    matrix = np.array(columns, float).T / np.array(seconds, float)[:, None]
    kept = list(range(len(columns)))
    while True:
        found = np.linalg.lstsq(matrix[:, kept], np.ones(len(seconds)), rcond=None)[0]
        if not kept or (found >= 0).all():
            break
        kept.remove(kept[int(np.argmin(found))])
    factors = [0.0] * len(columns)
    for place, factor in zip(kept, found, strict=True):
        factors[place] = float(factor)
    return factors


def fit_step(parameters: int, measured: Mapping[int, float]) -> Step:
    """Fit what a step costs by itself, and a row of it, to the seconds of a step on one process, by batch."""
    batches = list(map(float, measured))
    fixed, per_row = least_squares([[1.0] * len(batches), batches], list(measured.values()))
    return Step(parameters, fixed, per_row)


def fit_link(measured: Mapping[int, float]) -> Link:
    """Fit latency and bandwidth to the seconds of an all-reduce of two ranks, by bytes: one message, α + n β."""
    latency, per_byte = least_squares([[1.0] * len(measured), list(map(float, measured))], list(measured.values()))
    return Link(latency, 1 / per_byte)


def fit_rest(predicted: Sequence[float], measured: Sequence[float]) -> float:
    """Return the seconds o ≥ 0 that minimize Σ ((predictedᵢ + o - measuredᵢ) / measuredᵢ)²."""
    weights = 1 / np.square(np.array(measured, float))
    return max(0.0, float(np.average(np.subtract(measured, predicted), weights=weights)))


def relative_errors(predicted: Sequence[float], measured: Sequence[float]) -> list[float]:
    """Return predicted / measured - 1 of each."""
    return [one / other - 1 for one, other in zip(predicted, measured, strict=True)]
