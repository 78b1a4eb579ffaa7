"""A comparison that has been run: its summaries, its paired differences, and what they decide."""

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
from plainnet.comparison import wording
from plainnet.comparison.runs import Run
from plainnet.comparison.statistics import LEAST_PAIRS, interval, mean, middle_mean, quartiles
from plainnet.comparison.wording import Verdict
from plainnet.files.writing import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Summary:
    """One variant's runs in numbers; `quartiles` are of the measure, over the runs that did not diverge."""

    variant: str
    runs: int
    learned: int
    diverged: int
    quartiles: tuple[float, float, float]
    seconds: float
    """The median of a run's time, beside whatever else the machine did."""

    @property
    def median(self) -> float:
        """The middle one of the quartiles."""
        return self.quartiles[1]

    @property
    def share(self) -> float:
        """The share of the runs that learned."""
        return self.learned / self.runs


@dataclass(frozen=True)
class Difference:
    """Two variants, seed by seed: `first` less `second`, each with its 95 % bootstrap interval."""

    first: str
    second: str
    pairs: int
    """Seeds from which neither diverged: those whose measures can be compared."""
    value: float
    """The mean of the middle half of the measure's differences."""
    interval: tuple[float, float]
    share: float
    """The difference of the shares that learned, over all common seeds."""
    share_interval: tuple[float, float]
    better: str | None
    """The variant whose measure is better; None where the data do not decide."""
    learns_more: str | None
    """The variant that learns more often; None where the data do not decide."""


@dataclass(frozen=True, repr=False)
class Comparison:
    """The runs of all variants; prints as a table with verdicts and shows itself in a notebook."""

    variants: Sequence[str]
    seeds: Sequence[int]
    by: str
    lower_is_better: bool
    criterion: str
    """In words, when a run counts as having learned."""
    learned: Callable[[Run], bool]
    runs: Sequence[Run]
    """Variant by variant, in the order of the seeds."""
    parameters: Mapping[str, int] = field(default_factory=dict)
    """How many parameters the network of each variant has."""
    has_criterion: bool = True
    """Whether `criterion` says more than that a run did not diverge."""

    def of(self, variant: str) -> list[Run]:
        """The runs of a variant, in the order of the seeds."""
        checks.one_of("variant", variant, self.variants)
        return [run for run in self.runs if run.variant == variant]

    def has_learned(self, run: Run) -> bool:
        """Whether a run meets the criterion; one that diverged does not."""
        return not run.diverged and bool(self.learned(run))

    def summaries(self) -> list[Summary]:
        """A summary for each variant, in their order."""
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
        """The paired differences of two variants, first less second."""
        ours, theirs = self.of(first), self.of(second)
        measures = np.array([[a.measure(self.by), b.measure(self.by)] for a, b in zip(ours, theirs, strict=True)])
        measures = measures[np.isfinite(measures).all(axis=1)]
        differences = measures[:, 0] - measures[:, 1]
        learned = np.array(
            [float(self.has_learned(a)) - self.has_learned(b) for a, b in zip(ours, theirs, strict=True)]
        )
        bounds = interval(differences, middle_mean) if len(differences) else (np.nan, np.nan)
        share_bounds = interval(learned, mean)
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
        """Every pair of variants."""
        return [self.difference(first, second) for first, second in combinations(self.variants, 2)]

    def ranking(self) -> list[str]:
        """The variants from the best median to the worst; those that only diverged come last."""
        sign = 1 if self.lower_is_better else -1
        medians = {summary.variant: sign * summary.median for summary in self.summaries()}
        return sorted(self.variants, key=lambda variant: np.nan_to_num(medians[variant], nan=np.inf))

    def failed(self) -> list[str]:
        """The variants of which every run diverged."""
        return [summary.variant for summary in self.summaries() if not np.isfinite(summary.median)]

    def leaders(self) -> list[str]:
        """The variant of the best median, and those that the runs do not tell from it; none where all diverged."""
        failed = self.failed()
        first, *others = [*(variant for variant in self.ranking() if variant not in failed), ""]
        undecided = [other for other in others if other and self.difference(first, other).better is None]
        return [first, *undecided] if first else []

    def choice(self) -> str | None:
        """The variant to take: of the `leaders` the one with the smallest network; None where every run diverged.

        Where the runs are too few to decide anything, it is the one of the best median.
        """
        leaders = self.leaders()
        if self.has_too_few_runs():
            return leaders[0]
        return min(leaders, key=lambda variant: self.parameters.get(variant, 0), default=None)

    def has_too_few_runs(self) -> bool:
        """Tell whether the `leaders` have too few pairs of runs for any verdict between them."""
        leaders = self.leaders()
        return any(self.difference(leaders[0], other).pairs < LEAST_PAIRS for other in leaders[1:])

    def verdicts(self) -> list[Verdict]:
        """What the runs say about the variant of the best median against each of the others."""
        best, *others = self.ranking()
        return [verdict for other in others for verdict in wording.verdicts(self, self.difference(best, other))]

    def conclusion(self) -> str:
        """One sentence to act on: the variant to take, as far as the runs decide; empty for a single variant."""
        return wording.conclusion(self)

    def notes(self) -> list[str]:
        """What the reader of the numbers should know."""
        return wording.notes(self)

    def captions(self) -> str:
        """What the columns of the summaries hold."""
        return wording.captions(self)

    def __str__(self) -> str:
        return wording.as_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return wording.as_html(self)

    def draw_curves(self, axes: Axes | None = None) -> Axes:
        """Every run's loss by epoch, a colour a variant; see `plainnet.comparison.pictures`."""
        from plainnet.comparison.pictures import curves

        return curves(self, axes)

    def draw_boxes(self, axes: Axes | None = None) -> Axes:
        """A box a variant over its runs, each run a point; see `plainnet.comparison.pictures`."""
        from plainnet.comparison.pictures import boxes

        return boxes(self, axes)

    def draw(self) -> Figure:
        """Both pictures in one figure, for its `savefig`."""
        from plainnet.comparison.pictures import draw

        return draw(self)

    def write_csv(self, path: str | PathLike[str]) -> None:
        """Write a line a run: variant, seed, learned, diverged, epochs, seconds, and every measure."""
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
        """Write `to_dict` as JSON."""
        with replacing(path) as file:
            file.write(json.dumps(self.to_dict(), allow_nan=False, indent=1).encode())

    def to_dict(self) -> dict[str, Any]:
        """Summaries, differences, verdicts and runs as plain data, NaN as None."""
        return {
            "by": self.by,
            "lower_is_better": self.lower_is_better,
            "learned": self.criterion,
            "seeds": list(self.seeds),
            "summaries": [_plain(asdict(summary)) for summary in self.summaries()],
            "differences": [_plain(asdict(difference)) for difference in self.differences()],
            "verdicts": list(map(str, self.verdicts())),
            "conclusion": self.conclusion(),
            "runs": [run.to_dict() | {"learned": self.has_learned(run)} for run in self.runs],
        }


def _decided(first: str, second: str, bounds: tuple[float, float], pairs: int) -> str | None:
    """The variant whose values are higher, where the interval leaves out 0."""
    if pairs < LEAST_PAIRS or not (bounds[0] > 0 or bounds[1] < 0):
        return None
    return first if bounds[0] > 0 else second


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, tuple):
            return [plain(part) for part in value]
        return None if isinstance(value, float) and not np.isfinite(value) else value

    return {name: plain(value) for name, value in data.items()}
