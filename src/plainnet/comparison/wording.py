"""A comparison in words: the table of summaries, the verdicts and the conclusion, as text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from plainnet._base.wording import aligned
from plainnet.comparison.statistics import LEAST_PAIRS

if TYPE_CHECKING:
    from plainnet.comparison.result import Comparison, Difference, Summary


class Verdict(NamedTuple):
    """A sentence on what the data decide between two variants, and the numbers behind it."""

    sentence: str
    numbers: str

    def __str__(self) -> str:
        return f"{self.sentence} ({self.numbers})"


def summary_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return the summaries as the cells of a table, the names of its columns first.

    Without a criterion the table counts the runs instead of those that learned.
    """
    counted = "learned" if comparison.has_criterion else "runs"
    head = ("variant", counted, "median", "quartiles", "seconds")
    return [head, *(_summary_row(summary, comparison.has_criterion) for summary in comparison.summaries())]


def _summary_row(summary: Summary, counts_learned: bool) -> tuple[str, ...]:
    first, median, third = (f"{value:.3g}" if np.isfinite(value) else "–" for value in summary.quartiles)
    diverged = f" ({summary.diverged:,} diverged)" if summary.diverged else ""
    counted = f"{summary.learned:,} of {summary.runs:,}" if counts_learned else f"{summary.runs:,}"
    return (summary.variant, counted + diverged, median, f"{first} … {third}", f"{summary.seconds:.2g}")


def captions(comparison: Comparison) -> str:
    """Return a line that explains the columns of the summaries."""
    measure = f"median, quartiles: {comparison.by.replace('_', ' ')}"
    return f"{measure}; learned: {comparison.criterion}" if comparison.has_criterion else measure


def conclusion(comparison: Comparison) -> str:
    """Return one sentence that says which variant to take, as far as the runs decide."""
    leaders, failed = comparison.leaders(), comparison.failed()
    if not leaders:
        return "Every run diverged, so there is nothing to choose from; a smaller learning rate may do."
    if len(comparison.variants) == 1:
        return ""
    first, *undecided = leaders
    of_failed = f" Every run of {_listed(failed)} diverged." if failed else ""
    others = [variant for variant in comparison.variants if variant not in (first, *failed)]
    if not others:
        return f"Take {first}.{of_failed}"
    if not undecided:
        whom = "each of the others" if len(others) > 1 else others[0]
        return f"Take {first}: it is better than {whom}.{of_failed}"
    if comparison.has_too_few_runs():
        few = f"{first} has the best median, but the runs are too few to decide between it and {_listed(undecided)}."
        return f"{few} Ask again with more seeds.{of_failed}"
    best = f"{first} has the best median, and the runs do not decide between it and {_listed(undecided)}."
    return f"{best} {_advice(comparison, leaders)}{of_failed}"


def _advice(comparison: Comparison, leaders: Sequence[str]) -> str:
    """Return advice on which variant to take if the runs do not tell the `leaders` apart."""
    if len({comparison.parameters.get(variant) for variant in leaders}) == 1:
        return "More seeds may decide."
    choice = comparison.choice()
    subject = "It has" if choice == leaders[0] else f"{choice} has"
    return f"{subject} the smallest network of these: take it, or ask again with more seeds."


def _listed(names: Sequence[str], most: int = 3) -> str:
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def verdicts(comparison: Comparison, d: Difference) -> list[Verdict]:
    """Return the verdicts on one difference."""
    if d.pairs < LEAST_PAIRS:
        sentence = f"{d.first} against {d.second}: too few pairs of runs to decide"
        return [Verdict(sentence, f"{d.pairs}; it takes at least {LEAST_PAIRS}")]
    sign = -1 if d.better == d.second else 1
    numbers = f"{comparison.by.replace('_', ' ')} {_number(sign, d.value, d.interval)}, {d.pairs:,} pairs"
    found = [Verdict(_sentence(d, d.better, "is better than", "which is better"), numbers)]
    if d.share or d.learns_more:
        sign = -1 if d.learns_more == d.second else 1
        bounds = (100 * d.share_interval[0], 100 * d.share_interval[1])
        learned, more_often = ("learned", "learns more") if comparison.has_criterion else ("ended", "diverges less")
        numbers = f"share that {learned} {_number(sign, 100 * d.share, bounds)} percentage points"
        sentence = _sentence(d, d.learns_more, f"{more_often} often than", f"which {more_often} often")
        found.append(Verdict(sentence, numbers))
    return found


def _sentence(d: Difference, winner: str | None, decided: str, undecided: str) -> str:
    if winner is None:
        return f"{d.first} against {d.second}: the data do not decide {undecided}"
    return f"{winner} {decided} {d.second if winner == d.first else d.first}"


def _number(sign: int, value: float, bounds: tuple[float, float]) -> str:
    low, high = sorted((sign * bounds[0], sign * bounds[1]))
    return f"{_signed(sign * value)}, 95 % interval {_signed(low)} to {_signed(high)}"


def _signed(value: float) -> str:
    return f"{value:+.3g}".replace("-", "−") if value else "0"


def notes(comparison: Comparison) -> list[str]:
    """Return sentences that explain the numbers to the reader."""
    differences = (
        "A difference is the first variant less the second, seed by seed: the mean of the middle half, or for "
        "shares of all, with its 95 % bootstrap interval."
    )
    many = "Each interval stands alone: of 20 comparisons of equals, one is decided by chance."
    return [differences, many] if len(comparison.variants) > 2 else [differences]


def as_text(comparison: Comparison) -> str:
    """Return the table, the verdicts and the conclusion as plain text."""
    lines = [*aligned(summary_rows(comparison)), captions(comparison)]
    conclusion = comparison.conclusion()
    if len(comparison.variants) > 1:
        lines += ["", *map(str, comparison.verdicts()), "", conclusion, "", *notes(comparison)]
    elif conclusion:
        lines += ["", conclusion]
    return "\n".join(lines)


def as_html(comparison: Comparison) -> str:
    """Return the same as HTML, with the boxes of the runs if pictures can be drawn."""
    from plainnet.plots.notebook import svg_or_nothing  # only a notebook needs pictures

    head, *rows = summary_rows(comparison)
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    parts = [f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"]
    texts = [captions(comparison), comparison.conclusion()]
    if len(comparison.variants) > 1:
        texts += map(str, comparison.verdicts())
    parts += [f"<p>{escape(text)}</p>" for text in texts if text]
    picture = svg_or_nothing(comparison.draw_boxes, "Each run's measure, one box per variant", id(comparison))
    return f"<div>{''.join(parts)}{picture}</div>"
