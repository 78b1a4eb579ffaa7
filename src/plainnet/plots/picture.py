"""A figure that shows itself in a notebook and finds fonts for its letters; imported only to draw (matplotlib)."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from plainnet.plots.fonts import fonts_for, lacks
from plainnet.plots.inline import png


class Picture(Figure):
    """A matplotlib figure that shows itself in a notebook, as pyplot does not know it."""

    def add_subplot(self, *args: Any, **options: Any) -> Any:
        """Add axes as any figure does; without a projection they show themselves too."""
        if not args and options.get("projection") is None:
            options.setdefault("axes_class", PictureAxes)
        return super().add_subplot(*args, **options)

    def draw(self, renderer: Any) -> None:
        """Draw with a second font for the letters that a text's own font lacks."""
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
    """The axes of a `Picture`, which show the whole figure at the end of a notebook's cell."""

    def _repr_png_(self) -> bytes:
        return png(self)
