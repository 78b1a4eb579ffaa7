"""A figure that belongs to no window, shows itself in a notebook, and takes a font that has its letters.

Imported only where a picture is drawn, as it needs matplotlib.
"""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from plainnet.plots.fonts import fonts_for, lacks
from plainnet.plots.inline import png


class Picture(Figure):
    """A matplotlib figure; pyplot, which shows the figures of a notebook, does not know it, so it shows itself."""

    def add_subplot(self, *args: Any, **options: Any) -> Any:
        """Axes as of any figure; without a projection they show themselves too."""
        if not args and options.get("projection") is None:
            options.setdefault("axes_class", PictureAxes)
        return super().add_subplot(*args, **options)

    def draw(self, renderer: Any) -> None:
        """Draw, with a second font for the letters that a text's own font lacks."""
        for text in self.findobj(Text):
            assert isinstance(text, Text)
            missing = lacks(text.get_text(), text.get_fontproperties())
            if missing:
                family = text.get_fontfamily()
                text.set_fontfamily([*([family] if isinstance(family, str) else family), *fonts_for(missing)])
        super().draw(renderer)

    def _repr_png_(self) -> bytes:
        return png(self)


class PictureAxes(Axes):
    """The axes of a `Picture`: as the last line of a notebook's cell they show the whole figure."""

    def _repr_png_(self) -> bytes:
        return png(self)
