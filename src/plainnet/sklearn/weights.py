"""`coefs_` and `intercepts_`: lists of the network's own arrays, so that writing to them changes the network."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidType, InvalidValue


def _refusing(operation: str) -> Callable[..., NoReturn]:
    def refuse(self: Any, *arguments: Any, **keywords: Any) -> NoReturn:
        raise InvalidType(
            f"{self.name} does not take {operation}: the network has an array for each of its layers; "
            f"list({self.name}) is a list of its own"
        )

    return refuse


class ArrayList(list[Array]):
    """A list of arrays of fixed shapes: assigning to an item writes into its array.

    Its length is fixed. Copies, slices and pickles of it are ordinary lists.
    """

    append = _refusing("append")
    extend = _refusing("extend")
    insert = _refusing("insert")
    pop = _refusing("pop")
    remove = _refusing("remove")
    clear = _refusing("clear")
    sort = _refusing("sort")
    reverse = _refusing("reverse")
    __delitem__ = _refusing("del")
    __iadd__ = _refusing("+=")
    __imul__ = _refusing("*=")

    def __init__(self, name: str, arrays: Iterable[Array]) -> None:
        super().__init__(arrays)
        self.name = name

    def write(self, values: Any) -> None:
        """Write an array into each item; write nothing if one of them has another shape."""
        self._write(range(len(self)), values)

    def __setitem__(self, place: Any, value: Any) -> None:
        if isinstance(place, slice):
            self._write(range(len(self))[place], value)
        else:
            self._write([range(len(self))[place]], [value])

    def _write(self, places: Sequence[int], values: Any) -> None:
        if not isinstance(values, Iterable):
            raise InvalidType(f"{self.name} is {values!r}; it takes a list with an array for each layer")
        values = list(values)
        if len(values) != len(places):
            raise InvalidValue(f"{self.name} is assigned {len(values)} arrays; it takes {len(places)}")
        given = [
            checks.numbers_like(f"{self.name}[{i}]", self[i], value).copy()  # it may be an array that is written
            for i, value in zip(places, values, strict=True)
        ]
        for i, array in zip(places, given, strict=True):
            self[i][...] = array

    def __reduce_ex__(self, protocol: Any) -> tuple[type, tuple[list[Array]]]:
        return list, (list(self),)
