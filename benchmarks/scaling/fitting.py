"""The model's few numbers from measurements, by least squares of the relative errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Costs:
    """What steps cost on one rank, for networks of several sizes and one engine."""

    step: float
    """s, seconds."""
    per_parameter: float
    """u, seconds."""
    per_row: Mapping[str, float]
    """c by network, seconds."""

    def of(self, network: str, parameters: int) -> Step:
        """Return the step of a network."""
        return Step(parameters, self.step + self.per_parameter * parameters, self.per_row[network])


def fit_costs(parameters: Mapping[str, int], measured: Mapping[tuple[str, int], float]) -> Costs:
    """Fit s, u and one c per network to the seconds of a step on one rank, by network and batch."""
    points = list(measured)
    columns = [[1.0] * len(points), [float(parameters[network]) for network, _ in points]]
    columns += [[float(batch) if network == name else 0.0 for network, batch in points] for name in parameters]
    step, per_parameter, *per_row = least_squares(columns, list(measured.values()))
    return Costs(step, per_parameter, dict(zip(parameters, per_row, strict=True)))


def fit_link(measured: Mapping[int, float]) -> Link:
    """Fit latency and bandwidth to the seconds of an all-reduce of two ranks, by bytes: one message, α + n β."""
    latency, per_byte = least_squares([[1.0] * len(measured), list(map(float, measured))], list(measured.values()))
    return Link(latency, 1 / per_byte)


def relative_errors(predicted: Sequence[float], measured: Sequence[float]) -> list[float]:
    """Return predicted / measured - 1 of each."""
    return [one / other - 1 for one, other in zip(predicted, measured, strict=True)]
