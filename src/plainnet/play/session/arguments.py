"""Checked access to the fields of a command, which come from the page and may hold anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidType, InvalidValue

_REQUIRED: Any = object()


class CommandArguments:
    """CommandArguments holds the fields and arrays of one command.

    Each method returns one of them, or its default where it is not given.

    A field without a default is required; where the default is None, null is None. Raises InvalidValue and InvalidType,
    which name the field.
    """

    def __init__(self, command: str, fields: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> None:
        self.command = command
        self.fields = dict(fields)
        self.arrays = dict(arrays or {})
        self.asked: set[str] = set()

    def whole(self, name: str, least: int, most: int, default: Any = _REQUIRED) -> Any:
        """Return a whole number from `least` to `most`."""
        if self._is_default(name, default):
            return default
        value = checks.whole_number(name, self.fields[name], least=least)
        if value > most:
            raise InvalidValue(f"{name} is {value}; it takes a whole number of at most {most}")
        return value

    def place(self, name: str, among: Sequence[Any]) -> int:
        """Return a place in a list, the first one where none is given."""
        found: int = self.whole(name, 0, len(among) - 1, 0)
        return found

    def number(self, name: str, least: float | None = None, most: float | None = None, default: Any = _REQUIRED) -> Any:
        """Return a finite number from `least` to `most`."""
        if self._is_default(name, default):
            return default
        value = self.fields[name]
        if isinstance(value, int) and abs(value) > 2**63:  # a float may not hold it
            raise InvalidValue(f"{name} is a whole number of more than 63 bits; it takes a smaller number")
        return checks.number(name, value, least=least, most=most)

    def text(self, name: str, longest: int, default: Any = _REQUIRED) -> Any:
        """Return a text of at most `longest` characters."""
        if self._is_default(name, default):
            return default
        value = self.fields[name]
        if not isinstance(value, str):
            raise InvalidType(f"{name} is of type {type(value).__name__}; it takes a text")
        if len(value) > longest:
            raise InvalidValue(f"{name} has {len(value):,} characters; it takes at most {longest:,}")
        return value

    def one_of(self, name: str, known: Iterable[str], default: Any = _REQUIRED) -> Any:
        """Return one of the known names."""
        return default if self._is_default(name, default) else checks.one_of(name, self.fields[name], known)

    def flag(self, name: str, default: Any = _REQUIRED) -> Any:
        """Return a bool."""
        return default if self._is_default(name, default) else checks.flag(name, self.fields[name])

    def list(self, name: str, most: int, default: Any = _REQUIRED) -> Any:
        """Return a list of at most `most` entries, which are not checked."""
        if self._is_default(name, default):
            return default
        value = self.fields[name]
        if not isinstance(value, list):
            raise InvalidType(f"{name} is of type {type(value).__name__}; it takes a list")
        if len(value) > most:
            raise InvalidValue(f"{name} has {len(value)} entries; it takes at most {most}")
        return value

    def plain(self, name: str, default: Any = _REQUIRED) -> Any:
        """Return a field as it came."""
        return default if self._is_default(name, default) else self.fields[name]

    def part(self, name: str, default: Any = _REQUIRED) -> Any:
        """Return a field that is an object itself, as arguments of its own; null is None."""
        if self._is_default(name, default):
            return default
        value = self.fields[name]
        if value is not None and not isinstance(value, dict):
            raise InvalidType(f"{name} is of type {type(value).__name__}; it takes an object or null")
        return None if value is None else CommandArguments(f"{self.command}.{name}", value)

    def array(self, name: str, dtype: str) -> Array:
        """Return an array, which has this number type."""
        self.asked.add(name)
        if name not in self.arrays:
            raise InvalidType(f"{self.command} needs an array {name!r}")
        if self.arrays[name].dtype != np.dtype(dtype):
            raise InvalidType(f"array {name!r} has dtype {self.arrays[name].dtype}; it takes {dtype}")
        return self.arrays[name]

    def finish(self) -> None:
        """Refuse fields and arrays that nothing has asked for."""
        for name in (*self.fields, *self.arrays):
            if name not in self.asked:
                known = ", ".join(sorted(self.asked)) or "nothing else"
                raise InvalidValue(f"{self.command} takes no {name[:40]!r}; it takes {known}")

    def _is_default(self, name: str, default: Any) -> bool:
        self.asked.add(name)
        if name not in self.fields and default is _REQUIRED:
            raise InvalidType(f"{self.command} needs {name}")
        return name not in self.fields or (default is None and self.fields[name] is None)
