"""A run goes on with other settings: the new job begins where the old one stands."""

from __future__ import annotations

from typing import Any

from plainnet._base.configurable import describe
from plainnet.engines import Job
from plainnet.network import Network
from plainnet.play.session.setup import Setup


def shapes(net: Network) -> list[Any]:
    """Return the kind and the shapes of each layer that has parameters."""
    views = net.parameter_views(net.parameters)
    return [
        (type(layer), [(name, own[name].shape) for name in own])
        for layer, own in zip(net.layers, views, strict=True)
        if own
    ]


def same_set(before: Setup, after: Setup) -> bool:
    """Return True if two setups have the same data, or points of the same kind that were edited."""
    one, other = before.data, after.data
    return one == other or other.get("kind") == "points"


def carry(old: Job, old_network: Network, job: Job, same_rows: bool) -> int:
    """Let a new job go on where an old one stands, of a network with arrays of the same shapes.

    Return the steps of the old one that the new one does not count, as its optimizer begins anew.
    """
    net = job.network
    net.parameters = old_network.parameters
    if net.statistics.shape == old_network.statistics.shape:
        net.statistics = old_network.statistics
    for stream in ("shuffling", "dropout"):
        getattr(net, stream).bit_generator.state = getattr(old_network, stream).bit_generator.state
    job.epochs_done = old.epochs_done
    if same_rows and (job.batch_size, job.shuffle) == (old.batch_size, old.shuffle):
        job.batches_done, job.loss_total, job.weight_total = old.batches_done, old.loss_total, old.weight_total
        job.order_state = old.order_state
    job.learning_rate = old.learning_rate
    job.gradient_norms.extend(old.gradient_norms)
    if describe(job.optimizer.schedule) == describe(old.optimizer.schedule):
        job.schedule_memory.update(old.schedule_memory)
        job.schedule_memory["step"] = 1 / job.batches
    job.keep_good()
    if type(job.optimizer) is not type(old.optimizer):
        return old.steps_done
    job.steps_done = old.steps_done
    for name in job.optimizer.remembers:
        if name in old.optimizer_state:
            job.optimizer_state[name][...] = old.optimizer_state[name]
    return 0
