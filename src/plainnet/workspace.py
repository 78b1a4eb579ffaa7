"""The memory of a training step, kept for the next one.

An array of some megabytes is returned to the operating system when it is freed and fetched anew, page by page, when
the next step allocates it. A workspace keeps such arrays: a step writes over what the last step left in them. It
belongs to one run, so several threads never share one.
"""

from collections.abc import Hashable
from typing import Any

import numpy as np

from plainnet._base.arrays import Array


class Workspace:
    """Arrays by a key and their shape.

    >>> workspace = Workspace()
    >>> first = workspace.array("z of layer 0", (32, 4), np.dtype("float32"))
    >>> workspace.array("z of layer 0", (32, 4), np.dtype("float32")) is first
    True
    """

    def __init__(self) -> None:
        self._arrays: dict[tuple[Hashable, tuple[int, ...]], Array] = {}

    def array(self, key: Hashable, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """The array of this key and shape as the last step left it; a new one in the first step."""
        kept = self._arrays.get((key, shape))
        if kept is None:
            kept = self._arrays[key, shape] = np.empty(shape, dtype)
        return kept


def product(a: Array, b: Array, workspace: Workspace | None, key: Hashable) -> Array:
    """a @ b, written to the workspace's array of that key where there is a workspace."""
    if workspace is None:
        return a @ b
    return np.matmul(a, b, out=workspace.array(key, (len(a), b.shape[1]), b.dtype))
