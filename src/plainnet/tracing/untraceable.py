"""The error for code that cannot be traced: it says why, and names the line."""

import linecache
import sys
import sysconfig
from pathlib import Path

from plainnet.errors import InvalidType

_THIS_PACKAGE = __name__.rpartition(".")[0]
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})


class Untraceable(InvalidType):
    """A function does more than NumPy's operations on arrays, so that it has no graph."""


def untraceable(reason: str) -> Untraceable:
    """Return the error for the line that led here, of the user's own code where there is one."""
    frame = sys._getframe(1)
    while frame.f_back and _is_ours_or_numpy(str(frame.f_globals.get("__name__"))):
        frame = frame.f_back
    own = frame
    while own.f_back and own.f_code.co_filename.startswith(_LIBRARIES) and "plainnet" not in own.f_code.co_filename:
        own = own.f_back
    path, line = own.f_code.co_filename, own.f_lineno
    if own is not frame:
        reason = f"{reason}; here it is in {str(frame.f_globals.get('__name__')).partition('.')[0]}"
    source = linecache.getline(path, line).strip()
    return Untraceable(f"{reason} ({Path(path).name}:{line}{f': {source}' if source else ''})")


def _is_ours_or_numpy(module: str) -> bool:
    return module == _THIS_PACKAGE or module.startswith((_THIS_PACKAGE + ".", "numpy."))
