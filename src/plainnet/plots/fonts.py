"""Fonts for letters that matplotlib's own font lacks, such as Chinese ones."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from plainnet._base.extras import missing_extra
from plainnet.errors import warn

if TYPE_CHECKING:
    from matplotlib.font_manager import FontProperties

LIKELY = ("CJK", "Noto Sans", "WenQuanYi", "Hei", "Gothic", "Sans")
"""The names of fonts to try first, as opening every font of a machine takes seconds."""
BOXES = "LastResort"
"""A font of matplotlib that has a box for every letter."""


def lacks(text: str, properties: FontProperties | None = None) -> frozenset[str]:
    """Return the letters of `text` that the usual font, or the one of `properties`, does not have."""
    if text.isascii() and text.isprintable():
        return frozenset()
    try:
        from matplotlib.font_manager import FontProperties, findfont
    except ImportError:
        raise missing_extra("a picture", "plots") from None
    had = _letters_of(findfont(properties or FontProperties()))
    return frozenset(letter for letter in text if not letter.isspace() and ord(letter) not in had)


def fonts_for(letters: frozenset[str]) -> tuple[str, ...]:
    """Return the names of installed fonts that together have as many of the letters as possible."""
    return _search(letters)[0]


def drawable(text: str) -> str:
    """Return the text with codes such as U+732B for letters that no font here has, and warn of them.

    Text of a page stays as it is, as the reader's browser has fonts of its own.
    """
    missing = lacks(text)
    if not missing or _text_stays_text():
        return text
    unknown = _search(missing)[1]
    if unknown:
        warn(
            "no font installed here has some letters of the names, so pictures show their codes, such as U+732B; "
            "a font that has them, for instance Noto Sans CJK for Chinese, mends it"
        )
    return "".join(f"U+{ord(letter):04X}" if letter in unknown else letter for letter in text)


def _text_stays_text() -> bool:
    import matplotlib

    return bool(matplotlib.rcParams["svg.fonttype"] == "none")


@lru_cache(maxsize=256)
def _search(letters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return fonts for the letters, and the letters that no font has."""
    from matplotlib.font_manager import fontManager

    left, chosen = set(letters), []
    entries = {
        entry.name: entry.fname
        for entry in fontManager.ttflist
        if entry.style == "normal" and BOXES not in entry.name.replace(" ", "")
    }
    for name in sorted(entries, key=lambda name: (not any(part in name for part in LIKELY), name)):
        if not left:
            break
        had = {letter for letter in left if ord(letter) in _letters_of(entries[name])}
        if had:
            chosen.append(name)
            left -= had
    return tuple(chosen), frozenset(left)


@lru_cache(maxsize=1024)
def _letters_of(path: str) -> frozenset[int]:
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError):  # a font that was removed, or that FreeType cannot read
        return frozenset()
