"""A training job: the input of an engine, and the state that changes while it runs."""

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import schedules
from plainnet._base.arrays import Array
from plainnet._base.pieces import Rows
from plainnet._base.state import restore, state_of
from plainnet.losses import Loss
from plainnet.optimizers import Optimizer, State
from plainnet.ranks import Ranks
from plainnet.ranks.shares import Shares
from plainnet.schedules import Memory, Schedule, Scheduled

if TYPE_CHECKING:
    from plainnet.network import Network

STREAMS = ("shuffling", "dropout")
"""The random streams of a network that training draws from."""


@dataclass
class Job:
    """A job is what an engine runs: data and settings, fixed for the run, and the state of the run.

    Engines read the data in the blocks of `plainnet.engines.batches`: one for arrays in memory, several for a file.
    `network` is what is trained, with `loss` and `optimizer`, for so many `epochs`; `shuffle` is True for a new order
    in each. `inputs` are (examples, features), `targets` as the loss takes them, `sample_weight` is None or
    (examples,); `batch_size` None is the whole set at once. The random streams are the network's own. An engine leaves
    the state such that another engine can go on from it, within an epoch too.

    Where several `ranks` train together, the inputs, targets and weights are those of this rank. Everything else is the
    same on every rank: batches, losses and weights are those of all together.
    """

    network: "Network"
    loss: Loss
    optimizer: Optimizer
    inputs: Rows
    targets: Rows
    sample_weight: Rows | None
    batch_size: int | None
    shuffle: bool
    epochs: int
    draw_order: Callable[[int], Array] | None = None
    """Takes the number of rows and returns their order in the next epoch; None uses the network's shuffling stream."""
    ranks: Ranks | None = None
    """The ranks that train together; the data are then this rank's share. None for a training in one process."""
    shares: Shares | None = None
    """The rows of each rank that make up each global batch."""
    compression: str | None = None
    """The number type in which gradients travel between ranks, "float16" or "bfloat16"; None for their own."""

    # What follows is the state of the job: all fields that the constructor does not take.
    epochs_done: int = field(init=False, default=0)
    """Epochs done."""
    batches_done: int = field(init=False, default=0)
    """Batches done in the present epoch."""
    steps_done: int = field(init=False, default=0)
    """Steps done, in all epochs."""
    loss_total: float = field(init=False, default=0.0)
    """Σ loss · weight over the present epoch's batches."""
    weight_total: float = field(init=False, default=0.0)
    """Σ weight over the present epoch's batches."""
    order_state: Any = field(init=False, default=None)
    """The state of the shuffling stream from which the present epoch's order was drawn."""
    drawn_order: Array | None = field(init=False, default=None)
    """The present epoch's order if `draw_order` gave it."""
    learning_rate: float = field(init=False, default=0.0)
    """The learning rate of the last step."""
    schedule_memory: Memory = field(init=False, default_factory=dict)
    """The schedules keep this from report to report; see `plainnet.schedules`."""
    gradient_norms: deque[float] = field(init=False, default_factory=lambda: deque(maxlen=10))
    """The norms of the latest steps' gradients, before clipping."""
    optimizer_state: State = field(init=False)
    """The optimizer remembers these vectors, which are like the parameters, by name."""
    good_parameters: Array = field(init=False)
    """The parameters at the latest start of an epoch whose loss was finite; a run that is cut short returns to them."""
    good_statistics: Array = field(init=False)
    """The statistics at that moment."""
    good_epoch: int = field(init=False, default=-1)
    """The number of epochs that had been done at the latest `keep_good`."""

    def __post_init__(self) -> None:
        self.schedule_memory["step"] = 1 / self.batches
        parameters = self.network.parameters
        self.optimizer.check_factors(self.network.parameter_names())
        factors = self.optimizer.factors(parameters, self.network.parameter_views(parameters))
        self.optimizer_state = self.optimizer.start(parameters) | factors
        self.good_parameters = self.network.parameters.copy()
        self.good_statistics = self.network.statistics.copy()

    def state(self) -> dict[str, Any]:
        """Return the state of the job and of its network as plain data and arrays."""
        net = self.network
        streams = {name: getattr(net, name).bit_generator.state for name in STREAMS}
        return {"parameters": net.parameters, "statistics": net.statistics, **streams, **state_of(self)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state` returned, of a job with the same network, options and data."""
        own = dict(state)
        net = self.network
        net.parameters, net.statistics = own.pop("parameters"), own.pop("statistics")
        for name in STREAMS:
            getattr(net, name).bit_generator.state = own.pop(name)
        restore(self, own)

    @property
    def rows(self) -> int:
        """Return the number of training rows, of all ranks together."""
        return self.shares.total if self.shares else len(self.inputs)

    @cached_property
    def batches(self) -> int:
        """Return the number of batches in an epoch, global ones with ranks; the last may be smaller than the others."""
        return 1 if self.batch_size is None else -(-self.rows // self.batch_size)

    def part(self, batch: int) -> slice:
        """Return the places of a batch in this process's order of an epoch; a rank may have none."""
        if self.shares is not None:
            return self.shares.slice(batch)
        size = self.batch_size or self.rows
        return slice(batch * size, min((batch + 1) * size, self.rows))

    @cached_property
    def layer_parts(self) -> dict[str, slice]:
        """Return the part of the parameters that belongs to each layer that has some, by names such as 'layers[0]'."""
        views = self.network.parameter_views(self.network.parameters)
        ends = list(accumulate(sum(array.size for array in own.values()) for own in views))
        parts = {f"layers[{i}]": slice(start, end) for i, (start, end) in enumerate(pairwise([0, *ends]))}
        return {name: part for name, part in parts.items() if part.start < part.stop}

    @cached_property
    def scheduled(self) -> list[Scheduled]:
        """Return the settings that follow a schedule, beside the learning rate; weight decay is the first."""
        layers = [found for layer in self.network.layers for found in schedules.scheduled(layer)]
        return [*schedules.scheduled(self.optimizer), *layers]

    def scheduled_numbers(self, epoch: float) -> list[float]:
        """Return the learning rate and the values of `scheduled` at the point `epoch` of the run."""
        rate = self.optimizer.schedule.rate(epoch, self.epochs, self.schedule_memory)
        if not self.scheduled:  # as mostly, and a step of a small network takes less time than this
            return [rate]
        return [rate, *(setting.value(epoch, self.epochs, self.schedule_memory) for setting in self.scheduled)]

    @cached_property
    def present(self) -> dict[Schedule, float]:
        """Return the present value of each schedule, which `begin_batch` enters."""
        return {}

    @property
    def weight_decay(self) -> float | None:
        """The present weight decay where a schedule gives it; None where it is the optimizer's number."""
        decay = self.optimizer.weight_decay
        return self.present[decay] if isinstance(decay, Schedule) else None

    def begin_batch(self) -> None:
        """Look up what the schedules say of this place of the run."""
        numbers = self.scheduled_numbers(self.epochs_done + self.batches_done / self.batches)
        followed = [self.optimizer.schedule, *(setting.schedule for setting in self.scheduled)]
        self.present.update(zip(followed, numbers, strict=True))

    def begin_step(self, gradient: Array) -> None:
        """Note the norm of a step's gradient, before clipping, and its learning rate."""
        if self.batches_done == 0:
            self.keep_good()
        self.learning_rate = self.present[self.optimizer.schedule]
        self.gradient_norms.append(math.sqrt(np.vdot(gradient, gradient)))
        self.steps_done += 1

    def end_step(self, loss: float, weight: float) -> None:
        """Count a batch with its `loss`, whose examples weigh `weight` together."""
        self.loss_total += weight * loss
        self.weight_total += weight
        self.batches_done += 1

    def end_epoch(self) -> float:
        """Begin the next epoch; return the loss of this one, the mean of its batches by their weights."""
        mean = self.loss_total / self.weight_total
        self.epochs_done += 1
        self.batches_done, self.loss_total, self.weight_total = 0, 0.0, 0.0
        return mean

    @property
    def is_finite(self) -> bool:
        """True if every parameter is a finite number."""
        parameters = self.network.parameters
        # Not by a product, for which BLAS starts threads that look for more work long after it; and a sum can overflow.
        with np.errstate(over="ignore", invalid="ignore"):
            return math.isfinite(parameters.sum()) or bool(np.isfinite(parameters).all())

    def keep_good(self) -> None:
        """Keep the present parameters, which have given a finite loss."""
        np.copyto(self.good_parameters, self.network.parameters)
        np.copyto(self.good_statistics, self.network.statistics)
        self.good_epoch = self.epochs_done

    def return_to_whole_epoch(self) -> None:
        """Go back to the end of the last whole epoch, after an interrupt anywhere in a step.

        Before the epoch's `keep_good`, no step of it has changed the parameters.
        """
        if self.good_epoch == self.epochs_done:
            self.return_to_good()

    def return_to_good(self) -> None:
        """Go back to the last parameters known to give a finite loss."""
        self.network.parameters = self.good_parameters
        self.network.statistics = self.good_statistics
