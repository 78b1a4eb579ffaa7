"""Objects as bytes for other processes, each of which opens them once: large arrays as views of the bytes."""

from __future__ import annotations

import pickle
import threading
import uuid
from collections import OrderedDict
from typing import Any

import numpy as np

from plainnet._base.arrays import Array

ALIGNMENT = 64
"""The bytes to whose multiples arrays are aligned, as NumPy's own loops and vector instructions like it."""

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
        if content.ctypes.data % ALIGNMENT:
            content = _aligned(content)
        content.flags.writeable = False
        pickled, *buffers = [content[begin:end] for begin, end in self.places]
        return pickle.loads(pickled.data, buffers=buffers)


def dumps(contents: Any, buffers: list[pickle.PickleBuffer] | None = None) -> bytes:
    """Return an object as bytes; the data of its arrays are added to `buffers`, if given, and not to the bytes."""
    try:
        import cloudpickle
    except ImportError:  # joblib before 1.6 holds its own
        from joblib.externals import cloudpickle

    keep = None if buffers is None else buffers.append
    return cloudpickle.dumps(contents, protocol=pickle.HIGHEST_PROTOCOL, buffer_callback=keep)


def _aligned(content: Array) -> Array:
    room = np.empty(content.size + ALIGNMENT, np.uint8)
    begin = -room.ctypes.data % ALIGNMENT
    copied = room[begin : begin + content.size]
    copied[:] = content
    return copied
