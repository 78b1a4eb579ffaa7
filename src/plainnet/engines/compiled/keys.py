"""What the machine code of a job depends on, as a key: jobs that differ in nothing else share their code.

Of plainnet's own parts that is what they hold. A user's part may depend on anything, such as a variable of his module,
so a job that has one is traced anew each time; where nothing has changed, LLVM is still spared.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from plainnet._base.configurable import Configurable
from plainnet.engines.job import Job

KEPT = 16
"""The number of jobs whose machine code is kept."""

NOT_IN_CODE = {"initializer", "schedule", "_claimed", "_views"}
"""What parts hold that no step depends on, or that comes to it as an argument."""

Made = TypeVar("Made")

_made: OrderedDict[Hashable, Any] = OrderedDict()


def remembered(key: Key, how: Hashable, make: Callable[[], Made]) -> Made:
    """Return what was made for a job of this key before, in the way `how`, or what `make` makes now."""
    if not key.lasts:
        return make()
    found = _made.get((key, how))
    if found is None:
        found = _made[key, how] = make()
    while len(_made) > KEPT:
        _made.popitem(last=False)
    return found


class Key(NamedTuple):
    """A key, which tells jobs apart as long as all of their parts are there."""

    held: Hashable
    lasts: bool
    """True if there is no part of the user's: then the same key means the same code at any time."""


def key_of(job: Job, free: Iterable[tuple[int, str]] = ()) -> Key:
    """Return the key of a job, but for the settings (layer, name) in `free`."""
    own: list[Any] = []
    layers = tuple(
        (_frozen(layer, own, {name for at, name in free if at == i})) for i, layer in enumerate(job.network.layers)
    )
    parts = tuple(_frozen(part, own) for part in (job.loss, job.optimizer))
    arrays = (job.inputs, job.targets, job.sample_weight)
    shapes = tuple(None if x is None else (x.shape, x.dtype.str, type(x)) for x in arrays)
    state = tuple((name, vector.shape, vector.dtype.str) for name, vector in job.optimizer_state.items())
    rest = (job.network.dtype.str, job.batch_size, job.shuffle, job.draw_order is None)
    return Key((layers, parts, shapes, state, rest), not own)


def _frozen(value: Any, own: list[Any], without: Iterable[str] = ()) -> Hashable:
    """Return what an object holds as something that compares; what is the user's is entered in `own`."""
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return type(value).__name__, value
    if isinstance(value, tuple | list):
        return tuple(_frozen(part, own) for part in value)
    if isinstance(value, np.ndarray | np.generic):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, Configurable) and type(value).__module__.startswith("plainnet."):
        held = vars(value)
        left = {*without, *NOT_IN_CODE, *held.get("_views", ())}  # a layer's views are its weights
        return type(value), tuple((name, _frozen(held[name], own)) for name in sorted(held.keys() - left))
    own.append(value)
    return id(value)
