"""True and false in the words that tables have for them."""

from __future__ import annotations

from collections.abc import Collection

from plainnet.tabular.texts import as_text

TRUE = ("true", "yes", "on", "1", "t", "y", "wahr", "vrai")
FALSE = ("false", "no", "off", "0", "f", "n", "falsch", "faux")
"""Words, in small letters, each with its opposite at the same place of the other list."""


def have_several_spellings(words: Collection[str]) -> bool:
    """Return True if words in small letters, of more than one pair, can only be meant as true and false.

    One pair is whole and some word is neither a letter nor a digit: true, 1 and 0; yes, no, y and n. Yes and no alone
    are categories like others, and so are f, m and n.
    """
    pairs = [{TRUE[i], FALSE[i]} & set(words) for i in range(len(TRUE))]
    known = set().union(*pairs)
    several, whole = sum(map(bool, pairs)) > 1, any(len(pair) == 2 for pair in pairs)
    return several and whole and known == set(words) and any(len(word) > 1 for word in words)


# The exported script holds the text of the next function: its lines are as short as `ruff format` makes them without
# settings.


def is_true(value: object) -> bool:
    """Return what a value says, true or false; raise ValueError if it is neither."""
    word = as_text(value).lower()
    if word not in TRUE and word not in FALSE:
        raise ValueError(f"{value!r} is neither true nor false")
    return word in TRUE
