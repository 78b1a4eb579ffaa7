"""The state of an object: what a checkpoint keeps of it, so that another object can go on from there.

The state of a dataclass is every field that its constructor does not take. So a new field is kept unless someone makes
it an argument; none has to be listed.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from plainnet._base.checks import assign
from plainnet.errors import InvalidValue


def state_of(thing: Any) -> dict[str, Any]:
    """Return the state of a dataclass as plain data and arrays; the arrays are its own, not copies."""
    values = {field.name: getattr(thing, field.name) for field in fields(thing) if not field.init}
    return {name: list(value) if isinstance(value, deque | tuple) else value for name, value in values.items()}


def restore(thing: Any, state: Mapping[str, Any]) -> None:
    """Give a dataclass a state that `state_of` returned; a field that the state does not have stays as it is.

    Raises InvalidValue if the state has what the dataclass does not have, or an array of another shape.
    """
    unknown = state.keys() - {field.name for field in fields(thing) if not field.init}
    if unknown:
        raise InvalidValue(f"the state has {', '.join(sorted(unknown))}, which this version of plainnet does not know")
    for name, value in state.items():
        setattr(thing, name, _restored(name, getattr(thing, name), value))


def _restored(name: str, now: Any, saved: Any) -> Any:
    """Return the saved value in the form of the present one; arrays that are there are written over."""
    if isinstance(now, np.ndarray):
        assign(name, now, saved)
        return now
    if isinstance(now, dict) and any(isinstance(value, np.ndarray) for value in now.values()):
        return {key: _restored(f"{name} {key}", value, saved[key]) for key, value in now.items()}
    return deque(saved, now.maxlen) if isinstance(now, deque) else saved
