"""A network's training as one readable Python file: forward, backward and update in NumPy, every derivative by hand."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import plainnet
from plainnet import adapters, losses, optimizers
from plainnet._base import checks
from plainnet._base.configurable import OWN, Configurable, build, describe
from plainnet.errors import InvalidValue
from plainnet.export import wiring
from plainnet.export.inlining import called, without_checks
from plainnet.export.script import checked_path
from plainnet.export.slicing import SlicedSource
from plainnet.export.source import NamedLayer, architecture, bracketed, docstring, imports, module, parts, words
from plainnet.files.writing import replacing
from plainnet.layers import Average, Dropout, Layer
from plainnet.layers.average import inside
from plainnet.losses import CrossEntropy, Loss
from plainnet.network import Network
from plainnet.optimizers import Optimizer
from plainnet.schedules import LinearWarmup

FUNCTIONS = (
    "make_layers",
    "random_streams",
    "initial_parameters",
    "as_targets",
    "train",
    "predict",
    "check_gradients",
)
"""The functions of `wiring` in a trainer; make_layers is written for the run, and as_targets is chosen by the loss."""


def write(net: Network, path: str | PathLike[str], *, custom: Iterable[Any] = ()) -> None:
    """Write the training of `net`, as its latest run did it, to `path` as a Python file.

    `custom` are the user's own loss, optimizer and schedule of a network that was read from a file, which holds their
    names alone. Raises InvalidValue for a network without a training record, for parts of the user's own that need
    more than NumPy and the standard library, for what the record does not hold (example weights, a learning rate that
    follows the reports, the start of a Poisson table, an estimator's order of rows) and for a path that does not end
    in .py; FileError where the file cannot be written.
    """
    file = checked_path(path)
    text = source(net, file, custom)
    with replacing(file) as stream:
        stream.write(text.encode())


class _Run(NamedTuple):
    """The options of the training run, from the network's record."""

    loss: Loss
    optimizer: Optimizer
    epochs: int
    batch_size: int | None
    shuffle: bool


def _run_of(net: Network, custom: Iterable[Any]) -> _Run:
    if net.history is None:
        raise InvalidValue("the network has no training record, so there is no training to write out: fit it first")
    settings = net.history.settings
    if "estimator" in settings or "loss" not in settings:  # which an estimator of version 0.1 did not record
        raise InvalidValue(
            "the network was trained by an estimator of plainnet.sklearn, whose penalty depends on the batch and "
            "whose order of rows is scikit-learn's, so its training cannot be written out; to='script' writes what "
            "it has learned"
        )
    batch_size = settings["batch_size"]
    if net.table is not None and settings["loss"] == "poisson":
        raise InvalidValue(
            "the network of a table with the loss 'poisson' starts at a bias taken from the table, which its "
            "record does not hold, so its training cannot be written out; to='script' writes what it has learned"
        )
    if settings.get("weighted"):
        raise InvalidValue(
            "the network was trained with sample or class weights, which the trainer leaves out: every row of it "
            "counts the same; train without weights"
        )
    loss, optimizer = _trained_by(net, custom)
    schedule = optimizer.schedule
    while isinstance(schedule, LinearWarmup):
        schedule = schedule.learning_rate
    if schedule.watches:
        raise InvalidValue(
            f"the network was trained with the schedule {schedule.name!r}, which follows the reports of a run and not "
            "the training data alone; train it with another schedule, such as plainnet.schedules.Cosine(0.01)"
        )
    return _Run(
        loss,
        optimizer,
        checks.whole_number("epochs", settings["epochs"], least=1),
        None if batch_size is None else checks.whole_number("batch_size", batch_size, least=1),
        bool(settings["shuffle"]) and batch_size is not None,
    )


def _trained_by(net: Network, custom: Iterable[Any]) -> tuple[Loss, Optimizer]:
    """Return the loss and the optimizer of the latest run: themselves, or made again from their record and `custom`."""
    assert net.history is not None
    record = net.history.settings["loss"], net.history.settings["optimizer"]
    if net.trained_by is not None and tuple(map(describe, net.trained_by)) == record:
        return net.trained_by
    custom = tuple(custom)
    try:
        loss = build("loss", record[0], losses.LOSSES, custom)
        optimizer = build("optimizer", record[1], optimizers.OPTIMIZERS, custom)
    except InvalidValue as error:
        raise InvalidValue(
            f"the training cannot be written out: {error}, and a model file holds the names of your own parts alone; "
            "pass the parts themselves: net.export(path, to='trainer', custom=[...])"
        ) from None
    return adapters.loss_of(loss), optimizer


def source(net: Network, file: Path, custom: Iterable[Any] = ()) -> str:
    """Return the text of the trainer `file`."""
    run = _run_of(net, custom)
    network = parts(net, training=True)
    if not net.parameters.size:
        raise InvalidValue("the network has no parameters, so there is no training to write out")
    program = SlicedSource({*wiring.GIVEN, *FUNCTIONS}, wiring.__name__)
    program.name(np, "np")
    loss, optimizer = without_checks(run.loss), without_checks(run.optimizer)
    layers = [without_checks(part.layer) for part in network]
    functions = {name: getattr(wiring, name) for name in FUNCTIONS[1:]} | {"as_targets": _as_targets(run.loss)}
    program.use(*functions.values())
    program.use(loss, part=f"the loss {_shown(run.loss)}")
    program.use(optimizer, part=f"the optimizer {_shown(run.optimizer)}")
    for part, layer in zip(network, layers, strict=True):
        program.use(layer, part=called(part))
    needed = program.definitions(*layers, loss, optimizer) + program.needed_by(*functions.values())
    made = [
        _shapes(network),
        f"LOSS = {program.made(loss)}",
        f"OPTIMIZER = {program.made(optimizer)}",
        _make_layers(program, network, layers),
    ]
    printed = [program.text(function, name) for name, function in functions.items()]
    head = [docstring(_introduction(net, network, run, file)), imports(program.imports.values()), _constants(net, run)]
    main = 'if __name__ == "__main__":\n    check_gradients()'
    return module(head, [*needed, "\n".join(made[:3]), made[3], *printed, main])


def _shown(thing: Configurable) -> str:
    return thing.name.removeprefix(OWN)


def _as_targets(loss: Loss) -> Any:
    """Return the function that takes y to what the loss takes, without plainnet's checks."""
    if not type(loss).prepare.__module__.startswith("plainnet."):
        return wiring.prepared_targets
    return wiring.classes_as_targets if isinstance(loss, CrossEntropy) else wiring.numbers_as_targets


def _shapes(network: list[NamedLayer]) -> str:
    """Return the line, or a line a layer, that names the shape of each parameter."""
    lines = []
    for part in network:
        shapes = {name: array.shape for name, array in part.arrays.items() if name in part.learns}
        texts = [f'"{name}": {shape}' for name, shape in shapes.items()]
        lines.append(f'"{part.name}": {{{", ".join(texts)}}}')
    return bracketed("SHAPES = {", lines, "}", 0)


def _make_layers(program: SlicedSource, network: list[NamedLayer], layers: list[Layer]) -> str:
    lines = []
    for part, layer in zip(network, layers, strict=True):
        zeros = {
            name: f"np.zeros({array.shape}, DTYPE)"
            for name, array in part.arrays.items()
            if name not in part.learns and name in program.asked(layer)
        }
        if isinstance(layer, Average):
            layer.take({name: np.zeros_like(array) for name, array in part.arrays.items() if name not in part.learns})
        lines.append(f"        {program.made(layer, zeros, indent=8)},\n")
    head = 'def make_layers():\n    """Return the layers of the network, in order."""\n    return [\n'
    return head + "".join(lines) + "    ]"


# ---- the head ----


def _introduction(net: Network, network: list[NamedLayer], run: _Run, file: Path) -> list[str]:
    stem = file.stem if file.stem.isidentifier() else "trainer"
    drawn = ["the weights at the start"]
    drawn += ["the order of the rows"] if run.shuffle else []
    every = inside(part.layer for part in network)
    drawn += ["the dropout masks"] if any(isinstance(layer, Dropout) for layer in every) else []
    data = net.history.settings.get("data") if net.history else None
    origin = (
        f"{net.parameters.size:,} parameters ({net.dtype.name}) learn by {_shown(run.optimizer)} to make the loss "
        f"{_shown(run.loss)} small. plainnet {plainnet.__version__} wrote this file and trained the network"
        f"{f' on {words(data)}' if data else ''} by the same functions, which stand here as they do in their own "
        f"files. {_listed(drawn)} come from the same random streams, so given the same data the losses are those of "
        "the network's first run."
    )
    usage = (
        f"    from {stem} import initial_parameters, predict, train\n\n"
        "    p = initial_parameters()\n"
        "    for epoch, loss in enumerate(train(X, y, p=p), start=1):\n"
        "        print(epoch, loss)\n"
        "    predict(p, X)"
    )
    features = ", prepared as plainnet's tables prepare it (Table.features)," if net.table else ""
    data_shapes = (
        f"where X{features} has shape (rows, {net.input_size}) and y {_targets_in_words(net, run)}. Every row counts "
        "the same, and all epochs run: sample weights, class weights, validation and early stopping are left out."
    )
    reading = (
        "To read it, begin with `train` near the end: a step is `backpropagate`, which takes the rows through the "
        "layers and the chain rule back through them, and then the optimizer's `step`."
    )
    check = f"As a program, `python {words(file.name)}`, it checks the derivatives against difference quotients."
    return [f"Trains a network: {architecture(net, network)}.", origin, usage, data_shapes, reading, check]


def _listed(texts: list[str]) -> str:
    """Return the weights, the order of the rows and the dropout masks."""
    text = ", ".join(texts[:-1]) + " and " * bool(texts[:-1]) + texts[-1]
    return text[0].upper() + text[1:]


def _targets_in_words(net: Network, run: _Run) -> str:
    if isinstance(run.loss, CrossEntropy):
        return f"the class of each row, 0 to {(net.output_size or 0) - 1}, or a row of probabilities"
    return f"shape (rows, {net.output_size})"


def _constants(net: Network, run: _Run) -> str:
    """Return what the run was, as constants."""
    values = {"SEED": net.seed, "EPOCHS": run.epochs, "BATCH_SIZE": run.batch_size, "SHUFFLE": run.shuffle}
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    if run.batch_size is None:
        lines[2] += "  # all rows at once"
    return "\n".join([*lines, f"DTYPE = np.{net.dtype.name}", f"INPUTS, OUTPUTS = {net.input_size}, {net.output_size}"])
