"""The matrix products of a workload's steps and nothing else: what BLAS leaves of the time for all the rest."""

import contextlib

import numpy as np

from benchmarks.machine import blas_threads
from benchmarks.workloads import Workload


def threads(limit: int | None = None) -> int:
    """Of NumPy's BLAS."""
    return limit or blas_threads()


class Single:
    """The products into arrays allocated beforehand; `limit` sets the number of threads."""

    def __init__(self, work: Workload, limit: int | None = None) -> None:
        self.work = work
        self.limit = limit
        self.products = []
        random = np.random.default_rng(work.seed)

        def matrix(*shape: int):
            return random.standard_normal(shape).astype(work.dtype)

        for i, (inputs, units) in enumerate(work.layers):
            X, weights, delta = (matrix(work.batch_size, inputs), matrix(inputs, units), matrix(work.batch_size, units))
            self.products += [(X, weights, np.empty_like(delta)), (X.T, delta, np.empty_like(weights))]
            if i > 0:
                self.products.append((delta, weights.T, np.empty_like(X)))

    def reset(self) -> None:
        """Nothing to go back to."""

    def train(self, epochs: int) -> None:
        """The products of that many epochs."""
        with self.limited():
            for _ in range(epochs * self.work.steps_in_epoch):
                for left, right, out in self.products:
                    np.matmul(left, right, out=out)

    def limited(self) -> contextlib.AbstractContextManager:
        """BLAS with at most `limit` threads."""
        if self.limit is None:
            return contextlib.nullcontext()
        from threadpoolctl import threadpool_limits

        return threadpool_limits(self.limit, "blas")
