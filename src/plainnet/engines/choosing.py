"""This module chooses which engine runs a job, and on how many threads."""

import importlib.util
import os
import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from plainnet._base import checks
from plainnet._base.extras import lacking, missing_extra
from plainnet.engines import blas
from plainnet.engines.job import Job
from plainnet.errors import InvalidValue, warn, warnings_passed_over

if TYPE_CHECKING:
    from plainnet.network import Network

ENGINES = ("numpy", "compiled")

WORTH_COMPILING = 0.25
"""A job that would take the NumPy engine at least this many seconds is compiled by "auto".

Compiling takes from a twentieth to three tenths of a second.
"""

WORTH_SHARING = 5_000_000
"""The multiplications per step and thread from which threads share a step.

On an idle machine two threads gain from a third of it on; on a busy one they wait for each other."""


class Choice(NamedTuple):
    """A choice is an engine and its threads, as the report names them.

    `engine` is "numpy" or "compiled", `threads` their number; None leaves it to BLAS. `note` is the reason why it is
    not the engine that was asked for.
    """

    engine: str
    threads: int | None
    """None leaves the number to BLAS."""
    note: str = ""
    """The reason why it is not the engine that was asked for."""

    def on_one_thread(self) -> "Choice":
        """Return the same for one of many jobs that run side by side, each on one thread where that can be seen to."""
        settable = self.engine == "compiled" or blas.can_be_limited()
        return self._replace(threads=1 if settable else None)

    def __str__(self) -> str:
        return f"{self.engine} ({self.note})" if self.note else self.engine


def choose(
    engine: str,
    job: Job,
    threads: int | None = None,
    times: float = 1,
    declined: Callable[[Job, int], str | None] | None = None,
) -> Choice:
    """Return the engine meant by "numpy", "compiled" or "auto", and its threads.

    `engine` is that word, `job` what it is to run, and `threads` the number asked for, None for as many as are worth
    it.

    "auto" is "compiled" where llvmlite is installed and the work is worth it. What cannot be compiled (code that
    branches on values, say) runs in the NumPy engine whatever was asked for: the note says why, and a warning where
    "compiled" was asked for. `times` is how many such jobs there are, or what part of one, and `declined` stands in for
    `decline`. The same job gives the same choice on all machines with as many cores. Several ranks take the same
    engine, the one that every rank can take, and as many threads each.
    """
    if job.ranks is None:
        return _choose(engine, job, threads, times, declined or decline)
    with warnings_passed_over():  # each rank may have a reason of its own
        own = _choose(engine, job, threads, times, declined or decline)
    each = job.ranks.all(own)
    choice = next((other for other in each if other.engine == "numpy"), own)
    if choice.note and engine == "compiled":
        _warn_of_numpy(choice.note)
    fewest = min((other.threads for other in each if other.engine == choice.engine and other.threads), default=None)
    return choice._replace(threads=fewest)


def _choose(
    engine: str, job: Job, threads: int | None, times: float, declined: Callable[[Job, int], str | None]
) -> Choice:
    checks.one_of("engine", engine, ["auto", *ENGINES])
    if threads is not None:
        threads = checks.whole_number("threads", threads, least=1)
    blas_threads = _blas_threads(threads, job)
    if engine == "numpy":
        return Choice("numpy", blas_threads)
    if engine == "compiled":
        require_compiled()
    elif not is_installed() or times * sum(numpy_seconds(job)) < WORTH_COMPILING:
        return Choice("numpy", blas_threads)
    shared = threads or default_threads(job)
    reason = why_unable() or _reason(declined, job, shared)
    if reason and engine == "compiled":
        _warn_of_numpy(reason)
    if reason:
        return Choice("numpy", blas_threads, reason)
    return Choice("compiled", shared)


def _warn_of_numpy(reason: str) -> None:
    warn(f"the NumPy engine runs this job, as {reason}")


def _reason(declined: Callable[[Job, int], str | None], job: Job, threads: int) -> str | None:
    """Return why a job is not compiled; a fault of the compiler's is a reason, too, as NumPy can do without it."""
    try:
        return declined(job, threads)
    except Exception as error:
        return f"the compiler fails on it ({type(error).__name__}: {str(error).partition(chr(10))[0]})"


def is_installed() -> bool:
    """Return True if all that the compiled engine needs is installed."""
    return importlib.util.find_spec("llvmlite") is not None


@cache
def why_unable() -> str | None:
    """Return why the compiled engine cannot run here although llvmlite is there, in words; None where it can."""
    too_old = [library for library in lacking("fast") or () if library.startswith("llvmlite")]
    if too_old:
        return f'it needs {too_old[0]} and an older one is installed: pip install "{too_old[0]}"'
    try:
        import plainnet.engines.compiled.compiled_engine  # noqa: F401
    except Exception as error:  # whatever a broken installation ends in
        return f"llvmlite cannot be imported ({error})"
    return None


def decline(job: Job, threads: int) -> str | None:
    """Return why a `job` cannot be compiled for so many `threads`, in words; None where its machine code is ready."""
    from plainnet.engines.compiled.compiling import compiled
    from plainnet.engines.compiled.loops import Unsupported
    from plainnet.tracing.untraceable import Untraceable

    try:
        compiled(job, threads)
    except (Unsupported, Untraceable) as error:
        return str(error)
    return None


def require_compiled() -> None:
    """Refuse where the compiled engine cannot run, saying why."""
    if not is_installed():
        raise missing_extra("the compiled engine", "fast", "llvmlite")
    reason = why_unable()
    if reason:
        raise InvalidValue(f'engine "compiled" cannot run here: {reason}; "auto" and "numpy" can')


def numpy_seconds(job: Job) -> tuple[float, float]:
    """Return about how long the NumPy engine would take for a `job`: in Python, and in loops over numbers.

    The latter are two operations a parameter and product, and ten nanoseconds a parameter for the optimizer.
    """
    examples, parameters = _rows_of_step(job), job.network.parameters.size
    steps = job.epochs * job.batches
    in_python = 15e-6 + 10e-6 * len(job.network.layers)
    return steps * in_python, steps * parameters * (6 * examples / 40e9 + 10e-9)


def default_threads(job: Job) -> int:
    """Return all free cores for steps large enough to share, and fewer for smaller ones; ranks divide them."""
    sharing = job.ranks.sharing if job.ranks else 1
    return min(free_cores(sharing), useful_threads(job.network, _rows_of_step(job)))


def _rows_of_step(job: Job) -> int:
    """Return about how many rows of a batch one process has."""
    return max(1, (job.batch_size or job.rows) // (job.ranks.size if job.ranks else 1))


def useful_threads(network: "Network", examples: int) -> int:
    """Return how many threads at most gain from sharing a step of so many examples."""
    return max(1, 3 * network.parameters.size * examples // WORTH_SHARING)


def free_cores(sharing: int = 1) -> int:
    """Return the number of cores for each of `sharing` processes; it is 1 where the caller runs in parallel."""
    import multiprocessing  # which takes as long to import as all of plainnet

    in_parallel = threading.current_thread() is not threading.main_thread() or multiprocessing.parent_process()
    return 1 if in_parallel else cores(sharing)


def cores(sharing: int = 1) -> int:
    """Return how many threads may run at once in each process of the `sharing` ones that share the cores of this one.

    It is one per core, or fewer by OMP_NUM_THREADS.
    """
    available = max(1, available_cores() // sharing)
    limit = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # the others are for nested threads
    return min(available, int(limit)) if limit.isdecimal() and int(limit) > 0 else available


def available_cores() -> int:
    """Return the number of cores that the system lets this process use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _blas_threads(threads: int | None, job: Job) -> int | None:
    """Return the number of threads of NumPy's BLAS; None leaves it to BLAS.

    It is the user's, refused where it cannot be set, or of several ranks a share of the cores each: BLAS knows nothing
    of the others, and threads that wait for a core are many times slower than one.
    """
    if threads is not None and not blas.can_be_limited():
        raise missing_extra("threads= with the NumPy engine", "fast", "threadpoolctl")
    return cores(job.ranks.sharing) if threads is None and job.ranks and blas.can_be_limited() else threads
