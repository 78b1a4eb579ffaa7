"""Write frozen dataclasses as plain data (a dict of numbers, text and lists, with a kind) and read them, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar

from plainnet._base import checks
from plainnet.errors import InvalidType, InvalidValue

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

D = TypeVar("D", bound="DataclassInstance")


def to_plain(kind: str, thing: DataclassInstance) -> dict[str, Any]:
    """Return the fields of a dataclass with its kind, without those at their default; `from_plain` makes it again."""
    entries = {f.name: value for f in fields(thing) if (value := getattr(thing, f.name)) != f.default}
    return {"kind": kind, **{key: list(value) if isinstance(value, tuple) else value for key, value in entries.items()}}


def from_plain(where: str, data: Any, known: Mapping[str, type[D]]) -> D:
    """Return the object that `to_plain` described, of the class that `known` has for its kind.

    The class checks the values in its `__post_init__`. Raises InvalidValue for another kind and for other fields.
    """
    entries = as_dict(where, data)
    cls = known[checks.one_of(f"kind of {where}", entries.pop("kind", None), known)]
    optional = {field.name for field in fields(cls) if field.default is not MISSING}
    require_keys(where, entries, [field.name for field in fields(cls) if field.name not in optional - entries.keys()])
    return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in entries.items()})


def as_dict(where: str, data: Any) -> dict[str, Any]:
    """Return a copy of `data`; raise InvalidValue if it is no dict."""
    if not isinstance(data, dict):
        raise InvalidValue(f"{where} is {data!r}; it takes a dict")
    return dict(data)


def require_keys(where: str, data: dict[str, Any], keys: Iterable[str]) -> None:
    """Raise InvalidValue unless a dict has exactly these keys."""
    if data.keys() != set(keys):
        raise InvalidValue(f"{where} has the entries {sorted(map(str, data))}; it takes {sorted(keys)}")


def check_text(where: str, value: Any) -> None:
    """Raise InvalidType unless a value is text."""
    if not isinstance(value, str):
        raise InvalidType(f"{where} is {value!r}; it takes text")


def check_ascending(where: str, values: Any, of: tuple[type, ...], least: int) -> None:
    """Raise an error unless `values` is a tuple of different values in order, at least `least`, all of one type."""
    if not isinstance(values, tuple) or not any(all(type(value) is kind for value in values) for kind in of):
        kinds = ", ".join(kind.__name__ for kind in of)
        raise InvalidType(f"{where} is {values!r}; it takes a list of values of one type ({kinds})")
    if len(values) < least or list(values) != sorted(set(values)):
        raise InvalidValue(f"{where} is {values!r}; it takes at least {least} different values in order")
