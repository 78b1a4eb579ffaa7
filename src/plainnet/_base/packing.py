"""Objects as bytes for other processes, each of which opens them once: large arrays as views of the bytes."""

from __future__ import annotations

import io
import mmap
import pickle
import threading
import uuid
from collections import OrderedDict
from typing import Any, Literal

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import FileError

ALIGNMENT = 64
"""The bytes to whose multiples arrays are aligned within a pack, as NumPy's loops and vector instructions like it."""

LEAST_ALIGNMENT = 16
"""That of NumPy's own memory and of the files that joblib maps; a pack that came with less is copied."""

KEPT = 2
"""The packs that a process keeps open: two callers may take turns."""

_OPEN: OrderedDict[str, Any] = OrderedDict()
_OPENING = threading.Lock()


class Pack:
    """A Pack holds any object as one array of bytes, which joblib, Dask and Ray send, map or share without a copy.

    Functions and classes of `__main__`, of a notebook and inside of functions are packed by value (cloudpickle).
    """

    def __init__(self, contents: Any) -> None:
        buffers: list[pickle.PickleBuffer] = []
        pickled = dumps(contents, buffers)
        raw: list[Any] = [pickled, *(buffer.raw() for buffer in buffers)]
        parts = [np.frombuffer(part, dtype=np.uint8) for part in raw]
        self.key = uuid.uuid4().hex
        self.places: list[tuple[int, int]] = []
        end = 0
        for part in parts:
            begin = -(-end // ALIGNMENT) * ALIGNMENT
            end = begin + part.size
            self.places.append((begin, end))
        self.content: Array = np.zeros(end, np.uint8)
        for (begin, end), part in zip(self.places, parts, strict=True):
            self.content[begin:end] = part

    def open(self) -> Any:
        """Return the object; the first call in a process makes it, and its arrays cannot be written to."""
        with _OPENING:
            if self.key not in _OPEN:
                while len(_OPEN) >= KEPT:
                    _OPEN.popitem(last=False)
                _OPEN[self.key] = self._loaded()
            _OPEN.move_to_end(self.key)
            return _OPEN[self.key]

    def _loaded(self) -> Any:
        content = self.content.view(np.ndarray)  # a memory-mapped array is a file to plainnet; this is memory
        if content.ctypes.data % LEAST_ALIGNMENT:
            content = _aligned(content)
        content.flags.writeable = False
        pickled, *buffers = [content[begin:end] for begin, end in self.places]
        return pickle.loads(pickled.data, buffers=buffers)


def dumps(contents: Any, buffers: list[pickle.PickleBuffer] | None = None) -> bytes:
    """Return an object as bytes; the data of its arrays are added to `buffers`, if given, and not to the bytes.

    Memory-mapped arrays are sent by name, and opened again by whoever reads them.
    """
    try:
        import cloudpickle
    except ImportError:  # joblib before 1.6 holds its own
        from joblib.externals import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
        def reducer_override(self, thing: Any) -> Any:
            if isinstance(thing, np.memmap):
                place = _place(thing)
                return (_opened, place) if place else np.array(thing).__reduce_ex__(pickle.HIGHEST_PROTOCOL)
            return super().reducer_override(thing)

    stream = io.BytesIO()
    keep = None if buffers is None else buffers.append
    Pickler(stream, protocol=pickle.HIGHEST_PROTOCOL, buffer_callback=keep).dump(contents)
    return stream.getvalue()


def _place(part: np.memmap[Any, Any]) -> tuple[Any, ...] | None:
    """Return where a part of a file is, for `_opened`; None if it is not in one piece there."""
    base = getattr(part, "_mmap", None)
    if part.filename is None or base is None or not (part.flags.c_contiguous or part.flags.f_contiguous):
        return None
    begin = part.offset - part.offset % mmap.ALLOCATIONGRANULARITY  # of what is mapped
    offset = begin + part.ctypes.data - np.frombuffer(base, dtype=np.uint8).ctypes.data
    return str(part.filename), part.dtype, offset, part.shape, "C" if part.flags.c_contiguous else "F"


def _opened(path: str, dtype: Any, offset: int, shape: tuple[int, ...], order: Literal["C", "F"]) -> Array:
    try:
        return np.memmap(path, dtype, "r", offset, shape, order)
    except OSError as error:
        raise FileError(
            f"{path} cannot be read where the work is done: {error.strerror or error}; a memory-mapped array takes a "
            "file that all machines see under this name, np.array(X) sends its numbers"
        ) from None


def _aligned(content: Array) -> Array:
    room = np.empty(content.size + ALIGNMENT, np.uint8)
    begin = -room.ctypes.data % ALIGNMENT
    copied = room[begin : begin + content.size]
    copied[:] = content
    return copied
