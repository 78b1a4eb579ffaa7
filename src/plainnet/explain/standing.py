"""A Standing says where a run stands before a step: at its beginning, or anywhere in a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plainnet import schedules
from plainnet.optimizers import Optimizer, State
from plainnet.schedules import Schedule, at_start

if TYPE_CHECKING:
    from plainnet.engines import Job
    from plainnet.network import Network


@dataclass(frozen=True)
class Standing:
    """A Standing holds what a step takes from the run that it belongs to."""

    step: int
    """The number of the step, from 1."""
    learning_rate: float
    weight_decay: float | None
    """This is the present one where a schedule gives it."""
    of_layers: Sequence[float] | None
    """The values of the layers' settings that follow a schedule, in their order; None for those of the first step."""
    state: State
    """It holds what the optimizer remembers, a vector like the parameters for each name, and its factors."""

    @property
    def is_first(self) -> bool:
        """True before the first step of a run."""
        return self.step == 1

    def present(self, net: Network) -> Callable[[Any], float]:
        """Return what gives each schedule of a network's layers its value in this step."""
        if self.of_layers is None:
            return at_start
        found = [setting.schedule for layer in net.layers for setting in schedules.scheduled(layer)]
        values = {id(schedule): value for schedule, value in zip(found, self.of_layers, strict=True)}
        return lambda schedule: values[id(schedule)]


def at_beginning(net: Network, optimizer: Optimizer) -> Standing:
    """Return where a run of the usual length stands that begins with this step."""
    decay = optimizer.weight_decay
    return Standing(
        step=1,
        learning_rate=at_start(optimizer.schedule),
        weight_decay=at_start(decay) if isinstance(decay, Schedule) else None,
        of_layers=None,
        state=_begun(net, optimizer),
    )


def before_next_step(job: Job) -> Standing:
    """Return where a job stands: its step to come, its learning rate by the schedule, its optimizer's memory."""
    rate, *others = job.scheduled_numbers(job.epochs_done + job.batches_done / job.batches)
    is_scheduled = isinstance(job.optimizer.weight_decay, Schedule)
    return Standing(
        step=job.steps_done + 1,
        learning_rate=rate,
        weight_decay=others[0] if is_scheduled else None,
        of_layers=others[1:] if is_scheduled else others,
        state={name: vector.copy() for name, vector in job.optimizer_state.items()},
    )


def _begun(net: Network, optimizer: Optimizer) -> State:
    optimizer.check_factors(net.parameter_names())
    views = net.parameter_views(net.parameters)
    return optimizer.start(net.parameters) | optimizer.factors(net.parameters, views)
