"""The compilation of kernels, and the place of their machine code on disk."""

import hashlib
import logging
import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import event

u = np.uint64
njit: Any = numba.njit  # its types do not know all of its options

# Sums may be reordered and products contracted, so that loops become vector instructions; infinities and NaN keep
# their meaning, since a loss that is not finite has to be seen. Division is NumPy's: by zero it gives infinity.
# Kernels make no arrays, so nobody has to count references to them.
OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
    "_nrt": False,
}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that other kernels call."""
    return njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Put a function into each of its callers before they are compiled.

    A call with its arrays takes as long as a tiny network's product, and a function that is compiled by itself makes
    the whole take longer to compile.
    """
    return njit(inline="always", **OPTIONS)(function)


def inlined_late(function: Callable[..., Any]) -> Any:
    """Inline a function after it has been compiled: the loops of the matrix products come out quicker so."""
    return njit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)(function)


def callable_from_python(function: Callable[..., Any], trains: str) -> Any:
    """Compile a function that Python calls, its machine code kept on disk where there is a place to keep it.

    `trains` says in words what it trains, for the line that tells the user of the compilation.
    """
    try:
        compiled = njit(cache=True, no_cfunc_wrapper=True, **OPTIONS)(function)
    except RuntimeError:  # no folder can be written to
        compiled = njit(no_cfunc_wrapper=True, **OPTIONS)(function)
    _TRAINS[compiled] = trains
    return compiled


def make_ready(kernel: Any, call: Callable[[], None]) -> None:
    """Have a kernel's machine code ready, by a call that makes no step; damaged files of it are made anew."""
    try:
        call()
    except OSError:  # it was made and could not be kept: this process has it
        pass
    except (EOFError, pickle.UnpicklingError, AttributeError, ImportError):
        # a file was cut short, as when the power goes, or names a class that this version no longer has
        kernel.recompile()  # nothing yet: it empties the index of the files
        call()


_TRAINS: dict[Any, str] = {}


class _Announcement(event.Listener):
    """Says, before the seconds in which nothing else happens, what they are for."""

    def on_start(self, event: Any) -> None:
        kernel = event.data["dispatcher"]
        if kernel not in _TRAINS or multiprocessing.parent_process():  # one process of many would say the same
            return
        numbers = "float32" if "float32" in str(event.data["args"]) else "float64"
        how_often = "once on this machine" if kernel.stats.cache_path else "as no folder can be written to keep it"
        # Python shows a warning on standard error unless the program that uses plainnet says otherwise.
        logging.getLogger("plainnet").warning(
            "plainnet: compiling the training of %s in %s, %s: about 15 s", _TRAINS[kernel], numbers, how_often
        )

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", _Announcement())


def version() -> str:
    """Return a digest of the text of all kernels and of the table they read."""
    here = Path(__file__).parent
    files = sorted([*here.glob("*.py"), here.parent / "program.py"])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
