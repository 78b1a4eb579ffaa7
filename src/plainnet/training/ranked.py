"""The ranks of a training agree before it on the same options and networks, and on rows that belong together.

Each rank gives its own share of the rows. What is said of all rows (the columns, the weights of classes, which rows are
held out) does not depend on who holds which of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.blocks import blocks
from plainnet._base.configurable import describe
from plainnet._base.identity import row_hashes, unequal
from plainnet._base.pieces import Rows
from plainnet._base.weighting import Examples, class_labels
from plainnet.engines.job import STREAMS
from plainnet.errors import InvalidValue, RankError, warnings_passed_over
from plainnet.ranks import Alone, Ranks

if TYPE_CHECKING:
    from plainnet.network import Network
    from plainnet.training.options import Options


@contextmanager
def warnings_of_first(ranks: Ranks | Alone) -> Iterator[None]:
    """Drop the warnings of every rank but rank 0 meanwhile: they are the same on all."""
    if ranks.rank == 0:
        yield
    else:
        with warnings_passed_over():
            yield


# ---- options and networks ----


def agree(net: Network, options: Options, ranks: Ranks | Alone) -> None:
    """Refuse ranks that would not run the same training; give all networks the seed of rank 0's."""
    if ranks.size == 1:
        return
    network = {name: value for name, value in net.describe().items() if name != "seed"}
    told = {
        "version": {name: resolve_name(f"{name}:__version__") for name in ("plainnet", "numpy")},
        "network": network | {"table": net.table is not None},
        "options": _told(options),
    }
    each = ranks.all(told)
    for rank, other in enumerate(each):
        for where, first, differs in unequal(each[0], other):
            name = where.removeprefix("options.")
            raise RankError(f"rank {rank} has another training than rank 0: {name} is {differs!r}, not {first!r}")
    seed = ranks.first(net.seed)
    if seed != net.seed:
        net.reseed(seed)


def _told(options: Options) -> dict[str, Any]:
    """Return the options as plain data; of what each rank has its own of, such as data, what kind of thing it is."""
    early = options.early_stopping
    kinds = {
        "validation": "rows" if isinstance(options.validation, tuple) else options.validation,
        "class_weight": describe(options.class_weight),
        "checkpoint": None if options.checkpoint is None else "a file",
        "checkpoint_every": options.checkpoint_every,
        "resume": options.resume,
        "compression": options.compression,
        "early_stopping": early.settings() if early else None,
    }
    return {name: describe(value) for name, value in options.recorded().items()} | kinds


def take_state_of_first(net: Network, ranks: Ranks | Alone) -> None:
    """Give all ranks the parameters, the statistics and the random streams of rank 0."""
    if ranks.size == 1:
        return
    streams = {name: getattr(net, name).bit_generator.state for name in STREAMS}
    net.parameters, net.statistics, streams = ranks.first((net.parameters, net.statistics, streams))
    for name, state in streams.items():
        getattr(net, name).bit_generator.state = state


# ---- shares of the rows ----


def has_rows(X: Any, ranks: Ranks | Alone) -> bool:
    """Return True for examples that are to be checked; of several ranks, some may have no rows."""
    return ranks.size == 1 or _rows_in(X) != 0


def _rows_in(values: Any) -> int | None:
    shape = getattr(values, "shape", None)
    if isinstance(shape, tuple) and shape:
        return int(shape[0])
    return len(values) if hasattr(values, "__len__") else None


def features_of(X: Any, ranks: Ranks | Alone) -> int:
    """Return the number of columns of X, which is the same on every rank that has rows."""
    shape: tuple[int, ...] = getattr(X, "shape", ())
    return int(_same("X has {} columns", ranks.all(shape[1] if len(shape) == 2 else None)))


def _same(said: str, each: Sequence[Any]) -> Any:
    """Return what all ranks have that have anything; `said` names it in the message, with {} in its place."""
    known = [(rank, value) for rank, value in enumerate(each) if value is not None]
    if not known:
        raise InvalidValue("X has no rows on any rank; at least one rank takes some")
    first, expected = known[0]
    for rank, value in known:
        if value != expected:
            raise RankError(f"rank {rank}: {said.format(value)}; on rank {first} it has {expected}")
    return expected


def shaped_like_others(
    own: Examples | None, X: Any, y: Any, net: Network, prefix: str, ranks: Ranks | Alone
) -> Examples:
    """Return a rank's examples with weights if others have some; in place of none, arrays without rows."""
    if own is None:
        _check_no_rows(X, y, net, prefix)
    form = None if own is None else (own[1].shape[1:], own[1].dtype.str)
    each = ranks.all((form, own is not None and own[2] is not None))
    shape, dtype = _same(f"{prefix}y has targets of shape and type {{}}", [form for form, _ in each])
    if own is None:
        own = np.zeros((0, net.input_size or 0), net.dtype), np.zeros((0, *shape), dtype), None
    if own[2] is None and any(weighted for _, weighted in each):
        own = (*own[:2], np.ones(len(own[0]), net.dtype))
    return own


def _check_no_rows(X: Any, y: Any, net: Network, prefix: str) -> None:
    shape: tuple[int, ...] = getattr(X, "shape", ())
    if len(shape) == 2 and shape[1] != net.input_size:
        raise InvalidValue(f"{prefix}X has {shape[1]} columns and the network takes {net.input_size} inputs")
    if _rows_in(y):
        raise InvalidValue(f"{prefix}y has {_rows_in(y)} rows and {prefix}X has 0")


def total_over(ranks: Ranks | Alone, own: Array) -> Array:
    """Return the sum of vectors over the ranks; a shorter one has zeros at its end."""
    each = ranks.all(own)
    size = max(map(len, each))
    total: Array = np.sum([np.pad(vector, (0, size - len(vector))) for vector in each], axis=0)
    return total


# ---- rows held out ----


def held_out_of_all(
    inputs: Rows, targets: Rows, quotas: Callable[[Array, bool], Array], random: np.random.Generator, ranks: Ranks
) -> Array:
    """Return True for each row of this rank that is for validation, (rows,).

    `quotas` takes the number of rows of each class on all ranks, and if there are classes, and returns how many each
    gives. Of a class, those of the lowest hashes are taken: the same rows whoever holds them. Equal rows stay together.
    """
    found = [class_labels(np.asarray(y)) for _, (_, y) in blocks(inputs, targets)]
    known = [labels for labels in found if labels is not None]
    by_class = all(ranks.all(len(known) == len(found)))
    labels = np.concatenate(known) if by_class and known else np.zeros(len(inputs), np.intp)
    classes = np.unique(np.concatenate(ranks.all(np.unique(labels))))
    places = np.searchsorted(classes, labels)
    hashes = row_hashes(inputs, targets, key=int(random.integers(2**63)))
    by_place = [np.sort(hashes[places == place]) for place in range(len(classes))]
    wanted = quotas(total_over(ranks, np.array([len(own) for own in by_place])), by_class)
    limits = np.zeros(len(classes), np.uint64)
    for bit in range(63, -1, -1):  # of each class the highest limit below which lie no more hashes than wanted
        higher = limits | np.uint64(1 << bit)
        below = [np.searchsorted(own, limit) for own, limit in zip(by_place, higher, strict=True)]
        limits = np.where(total_over(ranks, np.array(below)) <= wanted, higher, limits)
    held: Array = hashes < limits[places]
    if not any(ranks.all(bool(held.any()))):
        raise InvalidValue("validation holds out whole groups of equal rows, and each is too large; give it as rows")
    return held
