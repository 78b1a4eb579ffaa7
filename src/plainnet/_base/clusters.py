"""Dask and Ray, driven by their own clients, which tell of each call how it ended.

Under `joblib.Parallel` a Dask call whose worker was killed never ends (joblib 1.6), and Ray gives no result before the
last call. The user still names them by `joblib.parallel_config`, whose backends hold the client and the options.
"""

from __future__ import annotations

import os
import pickle
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any

from plainnet._base.packing import Pack
from plainnet.errors import WorkerError

WITHOUT_WORKERS = 60
"""The seconds after which calls are given up if a cluster has no worker at all."""

LOOK = 1.0
"""The seconds between two looks if there are workers."""

Batch = list[tuple[int, bytes]]
"""Calls by number, with their pickled arguments."""


def make_calls(pack: Pack, batch: Batch) -> tuple[list[tuple[int, Any]], float]:
    """Make some calls in another process, and tell how long they took; what they run in parallel stays in it."""
    from joblib import parallel_config

    function, shared = pack.open()
    began = time.perf_counter()
    with parallel_config(backend="sequential"):
        results = [(i, function(*shared, *pickle.loads(arguments))) for i, arguments in batch]
    return results, time.perf_counter() - began


class Died(Exception):
    """The worker of some calls died, `times` times."""

    def __init__(self, numbers: list[int], error: BaseException, times: int = 1) -> None:
        self.numbers, self.error, self.times = numbers, error, times


class Cluster(ABC):
    """A Cluster makes batches of calls, each of which has the data of one pack."""

    def __init__(self, backend: Any, pack: Pack) -> None:
        self.backend, self.pack = backend, pack
        self.going: dict[Any, list[int]] = {}
        """The numbers of the calls that each reference stands for."""

    @staticmethod
    @abstractmethod
    def connect(backend: Any) -> None:
        """Wait for the cluster that the backend names, or start it, or say what is missing."""

    @staticmethod
    @abstractmethod
    def cores(backend: Any) -> int:
        """Return how many calls run at a time."""

    @abstractmethod
    def start(self, batch: Batch) -> None:
        """Send a batch."""

    @abstractmethod
    def ended(self) -> tuple[list[tuple[int, Any]], float]:
        """Wait for a batch and return what `make_calls` returns, or raise Died, or the error of a call."""

    @abstractmethod
    def cancel(self) -> None:
        """Cancel what has not begun."""


class Dask(Cluster):
    """The cluster of the client of joblib's Dask backend.

    The data are the result of a task, which Dask computes again if all workers that held it have died.
    """

    def __init__(self, backend: Any, pack: Pack) -> None:
        super().__init__(backend, pack)
        self.client = backend.client
        self.patience = max(WITHOUT_WORKERS, backend.wait_for_workers_timeout or 0)
        self.over: SimpleQueue[Any] = SimpleQueue()
        self._send_data()

    @staticmethod
    def connect(backend: Any) -> None:
        backend.effective_n_jobs(-1)  # waits for a worker, and raises TimeoutError with advice if none comes

    @staticmethod
    def cores(backend: Any) -> int:
        return sum(backend.client.ncores().values())

    def _send_data(self) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)  # they are sent once
            self.data = self.client.submit(_same, self.pack, pure=False)

    def start(self, batch: Batch) -> None:
        future = self.client.submit(make_calls, self.data, batch, pure=False, **self.backend.submit_kwargs)
        self.going[future] = [i for i, _ in batch]
        future.add_done_callback(self.over.put)

    def ended(self) -> tuple[list[tuple[int, Any]], float]:
        from dask import config
        from distributed import CancelledError, KilledWorker

        future = self._waited(lambda: self.over.get(timeout=LOOK))
        numbers = self.going.pop(future)
        seconds = (LOOK * 2**i for i in count())  # a large result takes its time

        def fetch() -> Any:
            try:
                return future.result(next(seconds))
            except TimeoutError:
                if future.status == "error":  # it is the call's own
                    raise
                raise Empty from None

        try:
            return self._waited(fetch)
        except KilledWorker as error:
            died = Died(numbers, error, 1 + config.get("distributed.scheduler.allowed-failures"))
        except CancelledError as error:
            died = Died(numbers, error)
        if self.data.status in ("error", "lost", "cancelled"):
            self._send_data()
        raise died

    def _waited(self, look: Callable[[], Any]) -> Any:
        """Return what `look` returns, which raises Empty after a while; give up where no worker comes back.

        A result is lost with its worker, so the fetching of one can wait for a worker, too.
        """
        alone_since = None
        while True:
            try:
                return look()
            except Empty:
                alone_since = None if self.client.ncores() else alone_since or time.monotonic()
            if alone_since is not None and time.monotonic() - alone_since > self.patience:
                raise WorkerError(
                    f"the Dask cluster has had no worker for {self.patience:.0f} seconds; what has ended is kept where "
                    "it is written to a file; parallel_config(wait_for_workers_timeout=...) waits longer"
                )

    def cancel(self) -> None:
        self.client.cancel(list(self.going))


def _same(pack: Pack) -> Pack:
    return pack


class Ray(Cluster):
    """The Ray that this process is connected to; the data are in its object store, shared by a machine's processes."""

    def __init__(self, backend: Any, pack: Pack) -> None:
        import ray

        super().__init__(backend, pack)
        self.calling = ray.remote(make_calls).options(
            **{"num_cpus": 1, "max_retries": 0, **(backend.ray_remote_args or {})}
        )
        self.data = ray.put(pack)

    @staticmethod
    def connect(backend: Any) -> None:
        import ray

        if not ray.is_initialized():
            # as Ray's own backend of joblib does; without an address it starts here, for this process alone
            ray.init(include_dashboard=None if "RAY_ADDRESS" in os.environ else False)

    @staticmethod
    def cores(backend: Any) -> int:
        import ray

        resources: Any = ray.cluster_resources  # without types
        return int(resources().get("CPU", 0))

    def start(self, batch: Batch) -> None:
        self.going[self.calling.remote(self.data, batch)] = [i for i, _ in batch]

    def ended(self) -> tuple[list[tuple[int, Any]], float]:
        import ray
        from ray.exceptions import RayError, RayTaskError

        (reference,), _ = ray.wait(list(self.going), num_returns=1)
        numbers = self.going.pop(reference)
        try:
            return ray.get(reference)
        except RayTaskError as error:
            raise (error.cause if isinstance(error.cause, Exception) else error) from None
        except RayError as error:
            raise Died(numbers, error) from None

    def cancel(self) -> None:
        import ray

        for reference in self.going:
            ray.cancel(reference)
