"""Ticks whose labels do not meet, in plain numbers; imported only to draw a picture, as it needs matplotlib."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import Formatter, MaxNLocator

from plainnet._base.wording import GROUPED

WIDTH_OF_A_DIGIT, GAP = 6.4, 8.0
"""The sizes in points, for text of 10 points."""


class FewTicks(MaxNLocator):
    """Ticks at at most `most` round places, and at fewer if their labels would meet; at integers if `whole`."""

    def __init__(self, most: int, whole: bool) -> None:
        super().__init__(most, integer=whole, steps=[1, 2, 2.5, 5, 10], min_n_ticks=1 if whole else 2)
        self.most = most

    def tick_values(self, vmin: float, vmax: float) -> Any:
        """Return the places of the ticks over a range."""
        for most in range(self.most, 0, -1):
            self.set_params(nbins=most)
            places = super().tick_values(vmin, vmax)
            if self._fit(np.asarray(places), vmax - vmin):
                return places
        inside = np.asarray(places)
        return inside[(inside >= vmin) & (inside <= vmax)][:1]

    def _fit(self, places: Any, span: float) -> bool:
        axis = self.axis
        if not isinstance(axis, Axis) or axis is not axis.axes.xaxis or len(places) < 2 or span <= 0:
            return True
        inches = axis.axes.bbox.width / axis.axes.figure.dpi
        widest = max(len(label) for label in axis.get_major_formatter().format_ticks(list(places)))
        return bool((places[1] - places[0]) / span * inches * 72 > widest * WIDTH_OF_A_DIGIT + GAP)


class PlainNumbers(Formatter):
    """Labels such as 0.025 and 2009, with commas in all labels of an axis or in none."""

    def __call__(self, value: float, pos: int | None = None) -> str:
        """Return the label of a tick."""
        ends = self.axis.get_view_interval() if isinstance(self.axis, Axis) else (value,)
        return f"{value:,.10g}" if np.abs(ends).max() >= GROUPED else f"{value:.10g}"
