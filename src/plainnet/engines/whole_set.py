"""The loss over all rows of a job and its gradient, which an optimizer such as L-BFGS asks for again and again."""

from typing import Protocol

import numpy as np

from plainnet._base.arrays import Array, keep_freed_memory
from plainnet.backpropagation import backpropagate
from plainnet.engines import choosing
from plainnet.engines.job import Job
from plainnet.layers import TrainingPass

SEED = 0
"""The seed of the dropout masks: every evaluation must be of the same function."""


class WholeSet(Protocol):
    """A pass over all rows with the network's present parameters, which leaves its running statistics as they are."""

    gradient: Array
    """The gradient of the latest pass, laid out like the parameters."""

    def __call__(self) -> float:
        """Return the loss, penalties included, and write its gradient."""
        ...


class NumpyWholeSet:
    """The pass by the network's own functions."""

    def __init__(self, job: Job) -> None:
        keep_freed_memory()
        self.job = job
        self.gradient = np.zeros_like(job.network.parameters)
        self.gradients = job.network.parameter_views(self.gradient)

    def __call__(self) -> float:
        job, step = self.job, TrainingPass(np.random.default_rng(SEED), updates_statistics=False)
        data = job.inputs[:], job.targets[:], None if job.sample_weight is None else job.sample_weight[:]
        return float(backpropagate(job.network.layers, job.loss, *data, step, self.gradients))


NEEDED = 0.25
"""The share of the passes that are allowed at most that L-BFGS makes, about: mostly it converges before."""


def whole_set(engine: str, job: Job) -> WholeSet:
    """Return the pass by the engine meant by "numpy", "compiled" or "auto", for at most as many as the epochs."""
    compiled: list[WholeSet] = []

    def declined(job: Job, threads: int) -> str | None:
        from plainnet.engines.compiled.loops import Unsupported
        from plainnet.engines.compiled.whole_set import CompiledWholeSet
        from plainnet.tracing.untraceable import Untraceable

        try:
            compiled.append(CompiledWholeSet(job))
        except (Unsupported, Untraceable) as error:
            return str(error)
        return None

    choice = choosing.choose(engine, job, times=NEEDED, declined=declined)
    return compiled[0] if choice.engine == "compiled" else NumpyWholeSet(job)
