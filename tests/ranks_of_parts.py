"""Train every part there is on the ranks of MPI, and again in one process on the same batches: are they the same?

`mpiexec -n 4 python ranks_of_parts.py numpy 1` takes every case, with 5 each fifth one. It prints a line for each part
that differs, and at the end how many there were. The shares are uneven, and often one rank has no rows.
"""

import sys
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import parts
from mpi4py import MPI

import plainnet as pn
from plainnet.activations import ACTIVATIONS
from plainnet.layers import Layer
from plainnet.losses import LOSSES
from plainnet.ranks.shares import Shares
from plainnet.training import prepare
from plainnet.training.options import Options

ROWS, BATCH, EPOCHS, OUTPUTS = 97, 10, 20, 3
"""Ten batches an epoch, the last of seven rows: 200 steps."""

COUNTS = {
    1: [[97]],
    2: [[70, 27], [97, 0], [1, 96]],
    3: [[61, 0, 36], [0, 95, 2]],
    4: [[40, 5, 0, 52], [0, 1, 90, 6], [24, 24, 24, 25]],
}
"""Shares that are tried in turn, by the number of ranks."""


class Noise(Layer):
    """A user's own layer: noise for each row, one number for all, and deviations of the whole batch."""

    def forward(self, inputs, training=None):
        if training is None:
            return inputs, lambda gradient, gradients: gradient
        scale = 1 + 0.1 * training.random.normal(0, 1, inputs.shape) + 0.1 * training.random.standard_normal()
        mean = training.total(inputs.sum(axis=0)) / training.count(inputs)
        scale *= 1 + 0.01 * np.tanh(training.total(np.sum(inputs == 0)))  # one whole number, which is 0

        def backward(gradient, gradients):
            g = gradient * scale
            return g - training.total(g.sum(axis=0)) / training.count(inputs)

        return (inputs - mean) * scale, backward


class RowsForPenalties(LOSSES["mse"]):
    """A loss that counts the penalties as scikit-learn does."""

    penalty_rows = 30.0


@dataclass(frozen=True)
class Case:
    """A network and how it is trained."""

    name: str
    middle: object
    """Makes the layers between the first and the last."""
    loss: object = "mse"
    options: dict = field(default_factory=dict)
    streams: object = np.random.PCG64


def batched(names, size):
    names = list(names)
    return [names[i : i + size] for i in range(0, len(names), size)]


def cases():
    """Every layer, activation, loss, optimizer and schedule, and what else touches several rows."""
    yield Case("nothing", lambda: [])
    for name, several in parts.LAYERS.items():
        for i, make in enumerate(several):
            yield Case(f"{name} {i}", lambda make=make: [make(5)])
    for several in batched(ACTIVATIONS, 4):
        yield Case(", ".join(several), lambda several=several: [pn.Dense(5, name) for name in several])
    for name in LOSSES:
        yield Case(name, lambda: [pn.Dropout(0.2)], name)
    yield Case("smoothed", lambda: [], pn.losses.CrossEntropy(label_smoothing=0.1))
    yield Case("penalty rows", lambda: [pn.Dense(4, "tanh", l1=0.01, l2=0.1)], RowsForPenalties())
    for name, several in parts.OPTIMIZERS.items():
        for i, make in enumerate(several):
            yield Case(f"{name} {i}", lambda: [pn.Dropout(0.2)], options={"optimizer": make(0.01)})
    for name, several in parts.SCHEDULES.items():
        for i, make in enumerate(several):
            yield Case(
                f"{name} {i}", lambda: [], options={"optimizer": pn.AdamW(make(0.01), decay_factors={"bias": 0})}
            )
    yield Case("all rows at once", lambda: [pn.BatchNorm(), pn.Dropout(0.2)], options={"batch_size": None})
    yield Case("not shuffled", lambda: [pn.Dropout(0.2)], options={"shuffle": False})
    yield Case("another stream", lambda: [pn.Dropout(0.2)], streams=np.random.MT19937)
    if sys.argv[1] == "numpy":
        yield Case("own layer", lambda: [Noise()])


def network(case, dtype="float64"):
    output = (LOSSES[case.loss].suits if isinstance(case.loss, str) else case.loss.suits) or ["identity"]
    layers = [pn.Dense(5, "tanh"), *case.middle(), pn.Dense(OUTPUTS, output[0])]
    net = pn.Network(*layers, input_size=3, seed=1, dtype=dtype)
    net.parameters *= 0.5
    net.dropout = np.random.Generator(case.streams(3))
    return net


def data(case, number):
    random = np.random.default_rng(number)
    name = case.loss if isinstance(case.loss, str) else case.loss.name
    weight = random.uniform(0.2, 2, ROWS) if number % 3 == 1 else None
    return 0.5 * random.normal(size=(ROWS, 3)), parts.targets(name, random, ROWS, OUTPUTS), weight


def train(case, X, y, weight, draw_order=None, communicator=None):
    """The network and the history of a run; one process that follows an order is the NumPy engine's."""
    engine = sys.argv[1] if draw_order is None else "numpy"
    options = {"batch_size": BATCH, "optimizer": pn.SGD(0.05, momentum=0.5), **case.options, "loss": case.loss}
    given = {**options, "sample_weight": weight, "epochs": EPOCHS, "engine": engine, "communicator": communicator}
    if options["batch_size"] is None:
        given["epochs"] = 10 * EPOCHS
    net = network(case)
    run = prepare(net, X, y, Options.of(given))
    if draw_order:
        run.job.draw_order = lambda rows: draw_order(net, run.job)
    for _ in run.reports():
        pass
    assert run.history.settings["engine"] == engine, run.history.settings
    return net, run.history


def order_of_ranks(counts, shuffles):
    """What draws the order of an epoch that puts the rows of all ranks one batch after the other."""
    starts = np.cumsum([0, *counts])

    def order(net, job):
        own = [np.arange(count) for count in counts]
        if shuffles:
            number = int(net.shuffling.integers(2**63))
            own = [np.random.default_rng([number, rank]).permutation(count) for rank, count in enumerate(counts)]
        shares = [Shares(counts, job.batch_size, rank) for rank in range(len(counts))]
        batches = range(shares[0].batches)
        return np.concatenate([own[r][shares[r].slice(b)] + starts[r] for b in batches for r in range(len(counts))])

    return order


def numbers(net, history):
    states = [net.shuffling.random(), net.dropout.random(), net.dropout.random(dtype=np.float32)]
    return np.concatenate(
        [history.loss, history.gradient_norm, history.learning_rate, net.parameters, net.statistics, states]
    )


def difference(case, number, world):
    """What is wrong with a case: how far the ranks are from one process, or an empty text."""
    counts = COUNTS[world.size][number % len(COUNTS[world.size])]
    X, y, weight = data(case, number)
    starts = np.cumsum([0, *counts])
    own = slice(starts[world.rank], starts[world.rank + 1])
    share = X[own], y[own], None if weight is None else weight[own]
    found = numbers(*train(case, *share, communicator=world))
    bits = world.allgather(found.tobytes())
    if len(set(bits)) > 1:
        return "the ranks do not have the same numbers"
    if number % 6 == 0 and found.tobytes() != numbers(*train(case, *share, communicator=world)).tobytes():
        return "a second run has other bits"
    if world.rank != number % world.size:  # each does some of the work in one process
        return ""
    shuffles = case.options.get("shuffle", True)
    in_one = replace(case, options={**case.options, "shuffle": True})  # the order drawn here may be 0, 1, 2, ...
    order = order_of_ranks(counts, shuffles) if world.size > 1 else None  # one rank trains as without a communicator
    expected = numbers(*train(in_one if order else case, X, y, weight, order))
    distance = np.abs(found - expected) / np.maximum(1, np.abs(expected))
    return "" if distance.max() <= 1e-10 else f"{distance.max():.1e} apart with {counts} rows"


def main():
    world = MPI.COMM_WORLD
    differences = []
    for number, case in enumerate(islice(cases(), 0, None, int(sys.argv[2]))):
        found = difference(case, number, world)
        differences.append(f"{case.name}: {found}" if found else "")
    wrong = [text for several in world.allgather(differences) for text in several if text]
    if world.rank == 0:
        print(*wrong, f"{len(differences)} cases, {len(wrong)} wrong", sep="\n")


if __name__ == "__main__":
    main()
