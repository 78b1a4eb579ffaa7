"""The result of a comparison: summaries, paired differences and verdicts."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base import checks
from plainnet._base.configurable import without_nan
from plainnet.comparison import wording
from plainnet.comparison.runs import Run
from plainnet.comparison.statistics import LEAST_PAIRS, interval, middle_mean, quartiles
from plainnet.comparison.wording import Verdict
from plainnet.files.writing import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Summary:
    """A summary is one variant's runs in numbers; `Comparison.summaries` returns one for each variant.

    `variant` is its name, `runs` is the number of its runs, `learned` and `diverged` are the numbers of those that have
    learned and of those that diverged. `quartiles` are those of the measure over the runs that did not diverge.
    """

    variant: str
    runs: int
    learned: int
    diverged: int
    quartiles: tuple[float, float, float]
    seconds: float
    """The median time of a run."""

    @property
    def median(self) -> float:
        """The second quartile."""
        return self.quartiles[1]

    @property
    def share(self) -> float:
        """The share of the runs that learned."""
        return self.learned / self.runs


@dataclass(frozen=True)
class Difference:
    """A difference compares two variants, `first` - `second`, seed by seed, with 95 % bootstrap intervals.

    `interval` is that of `value`, `share_interval` that of `share`; both are pairs of bounds.
    """

    first: str
    second: str
    pairs: int
    """The number of seeds from which neither diverged, so that their measures can be compared."""
    value: float
    """The mean of the middle half of the measure's differences."""
    interval: tuple[float, float]
    share: float
    """The difference of the shares that learned, over all common seeds."""
    share_interval: tuple[float, float]
    better: str | None
    """The variant whose measure is better; None if the data do not decide."""
    learns_more: str | None
    """The variant that learns more often; None if the data do not decide."""


@dataclass(frozen=True, repr=False)
class Comparison:
    """A comparison holds the runs of all variants; it prints as a table with verdicts and shows itself in a notebook.

    `variants` are the names of the variants, `seeds` the seeds of each. `by` is the measure that they are compared by,
    and `lower_is_better` says which of its values are better. `learned` tells of a `Run` if it has learned.
    """

    variants: Sequence[str]
    seeds: Sequence[int]
    by: str
    lower_is_better: bool
    criterion: str
    """The condition under which a run counts as having learned, in words."""
    learned: Callable[[Run], bool]
    runs: Sequence[Run]
    """All runs, variant by variant, in the order of the seeds."""
    parameters: Mapping[str, int] = field(default_factory=dict)
    """The number of parameters of each variant's network."""
    has_criterion: bool = True
    """True if `criterion` asks for more than that a run does not diverge."""

    def of(self, variant: str) -> list[Run]:
        """Return the runs of a variant in the order of the seeds."""
        checks.one_of("variant", variant, self.variants)
        return [run for run in self.runs if run.variant == variant]

    def has_learned(self, run: Run) -> bool:
        """Return True if a run meets the criterion; a run that diverged does not."""
        return not run.diverged and bool(self.learned(run))

    def summaries(self) -> list[Summary]:
        """Return a summary of each variant, in their order."""
        return [self._summary(variant) for variant in self.variants]

    def _summary(self, variant: str) -> Summary:
        runs = self.of(variant)
        values = np.array([run.measure(self.by) for run in runs])
        return Summary(
            variant=variant,
            runs=len(runs),
            learned=sum(map(self.has_learned, runs)),
            diverged=sum(run.diverged for run in runs),
            quartiles=quartiles(values[np.isfinite(values)]),
            seconds=float(np.median([run.seconds for run in runs])),
        )

    def difference(self, first: str, second: str) -> Difference:
        """Return the paired differences of two variants, first - second."""
        ours, theirs = self.of(first), self.of(second)
        measures = np.array([[a.measure(self.by), b.measure(self.by)] for a, b in zip(ours, theirs, strict=True)])
        measures = measures[np.isfinite(measures).all(axis=1)]
        differences = measures[:, 0] - measures[:, 1]
        learned = np.array([float(self.has_learned(run)) for run in ours]) - [self.has_learned(run) for run in theirs]
        bounds = interval(differences, middle_mean) if len(differences) else (np.nan, np.nan)
        share_bounds = interval(learned, lambda drawn: drawn.mean(axis=-1))
        winner = _decided(first, second, bounds, len(differences))
        if self.lower_is_better and winner is not None:
            winner = second if winner == first else first
        return Difference(
            first=first,
            second=second,
            pairs=len(differences),
            value=float(middle_mean(differences)) if len(differences) else np.nan,
            interval=bounds,
            share=float(learned.mean()),
            share_interval=share_bounds,
            better=winner,
            learns_more=_decided(first, second, share_bounds, len(learned)),
        )

    def differences(self) -> list[Difference]:
        """Return the difference of every pair of variants."""
        return [self.difference(first, second) for first, second in combinations(self.variants, 2)]

    def ranking(self) -> list[str]:
        """Return the variants from the best median to the worst; those that only diverged come last."""
        sign = 1 if self.lower_is_better else -1
        medians = {summary.variant: sign * summary.median for summary in self.summaries()}
        return sorted(self.variants, key=lambda variant: np.nan_to_num(medians[variant], nan=np.inf))

    def failed(self) -> list[str]:
        """Return the variants of which every run diverged."""
        return [summary.variant for summary in self.summaries() if not np.isfinite(summary.median)]

    def leaders(self) -> list[str]:
        """Return the variant of the best median and those that the runs do not tell from it; none if all diverged."""
        failed = self.failed()
        ranked = [variant for variant in self.ranking() if variant not in failed]
        return [variant for variant in ranked if variant == ranked[0] or not self.difference(ranked[0], variant).better]

    def choice(self) -> str | None:
        """Return the variant to take, the `leaders`' one with the smallest network; None if every run diverged.

        If the runs are too few to decide anything, it is the variant of the best median.
        """
        leaders = self.leaders()
        if self.has_too_few_runs():
            return leaders[0]
        return min(leaders, key=lambda variant: self.parameters.get(variant, 0), default=None)

    def has_too_few_runs(self) -> bool:
        """Return True if the `leaders` have too few pairs of runs for any verdict between them."""
        leaders = self.leaders()
        return any(self.difference(leaders[0], other).pairs < LEAST_PAIRS for other in leaders[1:])

    def verdicts(self) -> list[Verdict]:
        """Return the verdicts on the variant of the best median against each of the others."""
        best, *others = self.ranking()
        return [verdict for other in others for verdict in wording.verdicts(self, self.difference(best, other))]

    def conclusion(self) -> str:
        """Return one sentence that says which variant to take, as far as the runs decide; "" for a single variant."""
        return wording.conclusion(self)

    def __str__(self) -> str:
        return wording.as_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return wording.as_html(self)

    def draw_curves(self, axes: Axes | None = None) -> Axes:
        """Draw the curves of the runs, in one colour per variant, and return the axes: `axes`, or new ones.

        See `plainnet.comparison.pictures.curves`.
        """
        from plainnet.comparison.pictures import curves

        return curves(self, axes)

    def draw_boxes(self, axes: Axes | None = None) -> Axes:
        """Draw one box per variant over its runs, each run a point, and return the axes: `axes`, or new ones.

        See `plainnet.comparison.pictures.boxes`.
        """
        from plainnet.comparison.pictures import boxes

        return boxes(self, axes)

    def draw(self) -> Figure:
        """Return a figure with both pictures, to save with its `savefig`."""
        from plainnet.comparison.pictures import draw

        return draw(self)

    def write_csv(self, path: str | PathLike[str]) -> None:
        """Write one line per run to the file `path`.

        Its columns are variant, seed, learned, diverged, epochs, seconds, and every measure.
        """
        metrics = list(dict.fromkeys(name for run in self.runs for name in run.metrics))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        own = ("variant", "seed", "learned", "diverged", "epochs", "seconds", "loss", "validation_loss")
        writer.writerow([*own, *metrics])
        for run in self.runs:
            learned = int(self.has_learned(run))
            numbers = [run.seconds, run.loss, run.validation_loss, *(run.metrics.get(name) for name in metrics)]
            writer.writerow([run.variant, run.seed, learned, int(run.diverged), run.epochs, *numbers])
        with replacing(path) as file:
            file.write(text.getvalue().encode())

    def write_json(self, path: str | PathLike[str]) -> None:
        """Write `to_dict` as JSON to the file `path`."""
        with replacing(path) as file:
            file.write(json.dumps(self.to_dict(), allow_nan=False, indent=1).encode())

    def to_dict(self) -> dict[str, Any]:
        """Return summaries, differences, verdicts and runs as plain data, with None for NaN."""
        return {
            "by": self.by,
            "lower_is_better": self.lower_is_better,
            "learned": self.criterion,
            "seeds": list(self.seeds),
            "summaries": [without_nan(asdict(summary)) for summary in self.summaries()],
            "differences": [without_nan(asdict(difference)) for difference in self.differences()],
            "verdicts": list(map(str, self.verdicts())),
            "conclusion": self.conclusion(),
            "runs": [run.to_dict() | {"learned": self.has_learned(run)} for run in self.runs],
        }


def _decided(first: str, second: str, bounds: tuple[float, float], pairs: int) -> str | None:
    """Return the variant whose values are higher; None if the interval holds 0 or the pairs are too few."""
    if pairs < LEAST_PAIRS or not (bounds[0] > 0 or bounds[1] < 0):
        return None
    return first if bounds[0] > 0 else second
