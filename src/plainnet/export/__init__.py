"""Networks for other programs: ONNX, safetensors, plain NumPy scripts and C, each format in a module of its own.

A module has a function `write(net, path)`; it reads the network's description and arrays, and is imported when it
is used, together with the library it needs.
"""

from __future__ import annotations

import importlib
import os
from os import PathLike
from typing import TYPE_CHECKING, Any

from plainnet._base import checks
from plainnet.errors import InvalidValue
from plainnet.files.writing import check_apart

if TYPE_CHECKING:
    from plainnet.network import Network

FORMATS = ("onnx", "safetensors", "script", "trainer", "c")

BY_ENDING = {".onnx": "onnx", ".safetensors": "safetensors", ".py": "script", ".c": "c"}


def export(net: Network, path: str | PathLike[str], to: str | None = None, **options: Any) -> None:
    """Write `net` to `path` as "onnx", "safetensors", "script", "trainer" or "c"; without `to`, the path's ending says.

    `options` are those of the format's `write`, such as `layout="pytorch"` of safetensors. Raises InvalidValue for
    a format or ending that is unknown and for a network that the format cannot hold, FileError where the file
    cannot be written, MissingExtraError where the format's library is not installed.
    """
    name = format_of(path) if to is None else checks.one_of("to", to, FORMATS)
    check_apart(path, net.data_files)
    importlib.import_module(f"plainnet.export.{name}").write(net, path, **options)


def format_of(path: str | PathLike[str]) -> str:
    """Return the format that a path's ending names; InvalidValue where it names none."""
    ending = os.path.splitext(path)[1].lower()
    if ending not in BY_ENDING:
        raise InvalidValue(
            f"the ending of {os.fspath(path)} names no format; it takes {', '.join(BY_ENDING)}, or any ending and "
            f"the format by name: {', '.join(FORMATS)}"
        )
    return BY_ENDING[ending]
