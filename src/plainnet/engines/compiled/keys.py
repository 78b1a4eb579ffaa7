"""A key holds all that the machine code of a job depends on: jobs that differ in nothing else share their code.

Of plainnet's own parts that is what they hold. A user's part may depend on anything, such as a variable of his module,
so a job that has one is traced anew each time; where nothing has changed, LLVM is still spared.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple, TypeVar

from plainnet._base.identity import held
from plainnet.engines.job import Job
from plainnet.optimizers import DECAY, RATE

KEPT = 16
"""The number of jobs whose machine code is kept."""

NOT_IN_CODE = {"initializer", "schedule", RATE, DECAY}
"""The attributes of parts on which no step depends, or which come to it as an argument."""

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

    layers: Hashable
    loss: Hashable
    optimizer: Hashable
    data: Hashable
    lasts: bool
    """True if there is no part of the user's: then the same key means the same code at any time."""


def key_of(job: Job, free: Iterable[tuple[int, str]] = ()) -> Key:
    """Return the key of a job, but for the settings (layer, name) in `free`."""
    own: list[Any] = []
    layers = _layers(job, free, own)
    return Key(layers, held(job.loss, own), held(job.optimizer, own, NOT_IN_CODE), _data(job), not own)


def is_like(job: Job, other: Job, key: Key, free: Iterable[tuple[int, str]]) -> bool:
    """Return True if a job has the key of the other; what both have in common is not looked at."""
    return (
        _layers(job, free, []) == key.layers
        and (job.loss is other.loss or held(job.loss, []) == key.loss)
        and (job.optimizer is other.optimizer or held(job.optimizer, [], NOT_IN_CODE) == key.optimizer)
        and _data(job) == key.data
    )


def _layers(job: Job, free: Iterable[tuple[int, str]], own: list[Any]) -> Hashable:
    without = [NOT_IN_CODE] * len(job.network.layers)
    for at, name in free:
        without[at] = without[at] | {name}
    return tuple(held(layer, own, names) for layer, names in zip(job.network.layers, without, strict=True))


def _data(job: Job) -> Hashable:
    """Return the shapes and dtypes of all arrays, and how the rows come."""
    arrays = (job.inputs, job.targets, job.sample_weight, *job.optimizer_state.values())
    shapes = [None if array is None else (array.shape, array.dtype, type(array)) for array in arrays]
    shares = None if job.shares is None else (job.shares.rows, job.shares.rank)
    return *shapes, shares, *job.optimizer_state, job.network.dtype, job.batch_size, job.shuffle, job.draw_order is None
