"""A network's training as one readable Python file: forward, backward and update in NumPy, every derivative by hand."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import plainnet
from plainnet import initializers, losses, optimizers, schedules
from plainnet._base import checks
from plainnet._base.configurable import Configurable
from plainnet.errors import InvalidValue
from plainnet.export import descent
from plainnet.export.chain_rule import draws_masks, loss_and_gradients, parameter_names
from plainnet.export.formulas import Functions
from plainnet.export.script import checked_path, forward_source
from plainnet.export.source import (
    NamedLayer,
    architecture,
    arrays,
    docstring,
    imports,
    module,
    parts,
    shape,
    statement,
    words,
)
from plainnet.files.writing import replacing
from plainnet.initializers import INITIALIZERS
from plainnet.layers import BatchNorm, Dense, LayerNorm
from plainnet.losses import LOSSES, Loss
from plainnet.network import Network
from plainnet.optimizers import OPTIMIZERS, Optimizer


def write(net: Network, path: str | PathLike[str]) -> None:
    """Write the training of `net`, as its latest run did it, to `path` as a Python file.

    Raises InvalidValue for a network without a training record, for parts of the user's own (layer, activation,
    initializer, loss, optimizer, schedule), for what the record does not hold (example weights, a learning rate that
    follows the reports, the start of a Poisson table, an estimator's order of rows) and for a path that does not end
    in .py; FileError where the file cannot be written.
    """
    file = checked_path(path)
    text = source(net, file)
    with replacing(file) as stream:
        stream.write(text.encode())


@dataclass(frozen=True)
class _Run:
    """The options of the training run, from the network's record."""

    loss: Loss
    optimizer: Optimizer
    epochs: int
    batch_size: int | None
    shuffle: bool

    @classmethod
    def of(cls, net: Network) -> _Run:
        if net.history is None:
            raise InvalidValue("the network has no training record, so there is no training to write out: fit it first")
        settings = net.history.settings
        if "estimator" in settings or "loss" not in settings:  # which an estimator of version 0.1 did not record
            raise InvalidValue(
                "the network was trained by an estimator of plainnet.sklearn, whose penalty depends on the batch and "
                "whose order of rows is scikit-learn's, so its training cannot be written out; to='script' writes what "
                "it has learned"
            )
        loss, optimizer, batch_size = settings["loss"], settings["optimizer"], settings["batch_size"]
        if net.table is not None and loss == "poisson":
            raise InvalidValue(
                "the network of a table with the loss 'poisson' starts at a bias taken from the table, which its "
                "record does not hold, so its training cannot be written out; to='script' writes what it has learned"
            )
        if settings.get("weighted"):
            raise InvalidValue(
                "the network was trained with sample or class weights, which the trainer leaves out: every row of it "
                "counts the same; train without weights"
            )
        _refuse_own("a loss", loss, LOSSES)
        _refuse_own("an optimizer", optimizer, OPTIMIZERS)
        if isinstance(optimizer, dict):
            _refuse_schedule(optimizer["learning_rate"])
        return cls(
            losses.resolve(loss),
            optimizers.resolve(optimizer),
            checks.whole_number("epochs", settings["epochs"], least=1),
            None if batch_size is None else checks.whole_number("batch_size", batch_size, least=1),
            bool(settings["shuffle"]),
        )

    @property
    def has_schedule(self) -> bool:
        """Whether the learning rate changes."""
        return not isinstance(self.optimizer.schedule, schedules.Constant)


def _refuse_own(kind: str, description: Any, known: dict[str, Any]) -> None:
    name = description["name"] if isinstance(description, dict) else description
    if name not in known:
        raise InvalidValue(
            f"the network was trained with {name!r}, {kind} of your own, which cannot be written out as source; "
            f"train it with one of plainnet's: {', '.join(known)}"
        )


def _refuse_schedule(rate: Any) -> None:
    """Refuse a user's own schedule and one that depends on the validation loss."""
    if isinstance(rate, str):
        raise InvalidValue(
            f"the network was trained with {rate!r}, a schedule of your own, which cannot be written out as source; "
            f"train it with one of plainnet's: {', '.join(schedules.SCHEDULES)}"
        )
    if isinstance(rate, dict):
        if rate["name"] == "reduce_on_plateau":
            raise InvalidValue(
                "the network was trained with the schedule 'reduce_on_plateau', which follows the reports of a run and "
                "not the training data alone; train it with another schedule, such as plainnet.schedules.Cosine(0.01)"
            )
        _refuse_schedule(rate["learning_rate"])


def source(net: Network, file: Path) -> str:
    """The text of the trainer `file`."""
    run = _Run.of(net)
    network = parts(net, training=True)
    if not net.parameters.size:
        raise InvalidValue("the network has no parameters, so there is no training to write out")
    functions = Functions(network)
    step = loss_and_gradients(net, network, run.loss, functions)
    predict = forward_source(
        parts(net), functions, "def predict(p, inputs):", "p.", f"The outputs for rows of {net.input_size} inputs."
    )
    definitions = [
        *functions.definitions.values(),
        *_initializers(network),
        _initial_parameters(net, network),
        step,
        *(dict.fromkeys(descent.schedule(run.optimizer.schedule)) if run.has_schedule else []),
        _update(run),
        _targets(net, run),
        _train(net, network, run),
        predict,
        _check(net, network, run),
    ]
    head = [
        docstring(_introduction(net, network, run, file)),
        imports("\n".join(definitions), ["types.SimpleNamespace"]),
        _constants(net, run),
    ]
    return module(head, definitions)


# ---- the head ----


def _introduction(net: Network, network: list[NamedLayer], run: _Run, file: Path) -> list[str]:
    stem = file.stem if file.stem.isidentifier() else "trainer"
    drawn = ["the weights at the start"]
    drawn += ["the order of the rows"] if run.batch_size and run.shuffle else []
    drawn += ["the dropout masks"] if draws_masks(network) else []
    data = net.history.source.get("data") if net.history else None
    origin = (
        f"{net.parameters.size:,} parameters ({net.dtype.name}) learn by {run.optimizer.name} to make the loss "
        f"{run.loss.name} small. plainnet {plainnet.__version__} wrote this file and trained the network"
        f"{f' on {words(data)}' if data else ''} with the same arithmetic; {' and '.join(drawn)} come from the same "
        "random streams. Given the same data, the losses are those of the network's first run."
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
    notation = (
        "In the code d_x is ∂loss/∂x: how the loss changes with x. It has the shape of x. @ is the matrix product and "
        "* multiplies element by element; `rows` is the number of examples, a row each."
    )
    check = f"As a program, `python {words(file.name)}`, it checks the derivatives against difference quotients."
    return [f"Trains a network: {architecture(net, network)}.", origin, usage, data_shapes, notation, check]


def _targets_in_words(net: Network, run: _Run) -> str:
    if run.loss.name == "cross_entropy":
        return f"the class of each row, 0 to {(net.output_size or 0) - 1}, or a row of probabilities"
    return f"shape (rows, {net.output_size})"


def _constants(net: Network, run: _Run) -> str:
    values: dict[str, Any] = {"SEED": net.seed, "EPOCHS": run.epochs}
    if run.batch_size is not None:
        values["BATCH_SIZE"] = run.batch_size
    return "\n".join(f"{name} = {value!r}" for name, value in (values | descent.constants(run.optimizer)).items())


# ---- the start ----


def _initializers(network: list[NamedLayer]) -> list[str]:
    used = {_initializer_call(part): part for part in network if isinstance(part.layer, Dense)}
    return list(dict.fromkeys(descent.initializer(*_initializer(part)) for part in used.values()))


def _initializer(part: NamedLayer) -> tuple[str, dict[str, Any]]:
    """A Dense layer's initializer by name, and its settings; InvalidValue for one of the user's own."""
    given = part.layer.initializer
    if given == "auto":
        given = initializers.resolve(part.layer.activation.initializer)
    name = getattr(given, "name", getattr(given, "__name__", type(given).__name__))
    if not isinstance(given, Configurable) or type(given) is not INITIALIZERS.get(name):
        raise InvalidValue(
            f"layers[{part.index}], {part.layer.name}, has {name}, an initializer of your own, which cannot be "
            f"written out as source; use one of plainnet's: {', '.join(INITIALIZERS)}"
        )
    return name, given.settings()


def _initializer_call(part: NamedLayer) -> str:
    name, _ = _initializer(part)
    inputs, units = arrays(part)[f"{part.name}_weights"].shape
    return f"{name}({inputs}, {units}, random)"


def _initial_parameters(net: Network, network: list[NamedLayer]) -> str:
    dtype = f", np.{net.dtype.name}" if net.dtype.name != "float64" else ""
    cast = f".astype(np.{net.dtype.name})" if dtype else ""
    lines = []
    for part in network:
        for name, array in arrays(part).items():
            size = str(array.shape[0]) if array.ndim == 1 else ""
            if name == f"{part.name}_weights":
                lines.append(statement(f"p.{name} = {_initializer_call(part)}{cast}", shape(array.shape)))
            else:
                ones = isinstance(part.layer, BatchNorm | LayerNorm) and name.endswith(("_scale", "_variance"))
                lines.append(statement(f"p.{name} = np.{'ones' if ones else 'zeros'}({size}{dtype})"))
    random = ["    random = random_streams()[0]"] if any(isinstance(part.layer, Dense) for part in network) else []
    return "\n".join(
        [
            "def random_streams():",
            '    """Random numbers for the weights, the order of the rows and the dropout masks."""',
            "    seeds = np.random.SeedSequence(SEED).spawn(3)",
            "    return [np.random.default_rng(seed) for seed in seeds]",
            "",
            "",
            "def initial_parameters():",
            '    """The parameters before training, by name."""',
            *random,
            "    p = SimpleNamespace()",
            *lines,
            "    return p",
        ]
    )


# ---- the update and the loop ----


def _memory(run: _Run) -> list[str]:
    return list(run.optimizer.remembers)


def _counts_steps(run: _Run) -> bool:
    return run.optimizer.name in ("adam", "adamw")


def _update(run: _Run) -> str:
    text = descent.descent(run.optimizer)
    arguments = ["p", "gradients", *_memory(run), "learning_rate", *(["t"] if _counts_steps(run) else [])]
    lines = [
        f"def update({', '.join(arguments)}):",
        f'    """{text.summary}' + (f'\n\n    {text.formula}\n    """' if text.formula else '"""'),
        "    parameters = vars(p)  # by name",
    ]
    if run.optimizer.clip_norm is not None:
        lines += [
            "    everything = np.concatenate([g.ravel() for g in gradients.values()])",
            "    norm = math.sqrt(everything @ everything)  # a longer gradient is shortened",
            "    shrink = min(1.0, CLIP_NORM / (norm + 1e-6))",
        ]
    lines.append("    for name, g in gradients.items():")
    if run.optimizer.clip_norm is not None:
        lines.append("        g = shrink * g")
    body = [*filter(None, [descent.decay(run.optimizer)]), *text.lines]
    return "\n".join([*lines, *(statement(line, indent=8) for line in body)])


def _targets(net: Network, run: _Run) -> str:
    dtype, units = f"np.{net.dtype.name}", net.output_size
    if run.loss.name == "cross_entropy":
        return f'''
def as_targets(y):
    """Classes as rows of 0 and a 1; rows of probabilities as they are."""
    y = np.asarray(y)
    return y.astype({dtype}) if y.ndim == 2 else np.eye({units}, dtype={dtype})[y]
'''.strip("\n")
    return f'''
def as_targets(y):
    """y as an array of shape (rows, {units})."""
    return np.asarray(y, {dtype}).reshape(-1, {units})
'''.strip("\n")


def _train(net: Network, network: list[NamedLayer], run: _Run) -> str:
    masks = draws_masks(network)
    shuffles = run.batch_size is not None and run.shuffle
    lines = [
        "def train(X, y, epochs=EPOCHS, p=None):",
        '    """Train the parameters p, in place, and yield the loss of each epoch.',
        "",
        "    An epoch's loss is the mean over its steps, each taken before its update. Without p",
        "    the initial parameters are trained.",
        '    """',
        f"    X, y = np.asarray(X, np.{net.dtype.name}), as_targets(y)",
        "    p = initial_parameters() if p is None else p",
    ]
    if shuffles or masks:
        names = ["_", "shuffling" if shuffles else "_", "dropout" if masks else "_"]
        lines.append(f"    {', '.join(names)} = random_streams()")
    lines += [
        f"    {name} = {{name: np.zeros_like(value) for name, value in vars(p).items()}}" for name in _memory(run)
    ]
    loop = _full_steps(run, masks) if run.batch_size is None else _batch_steps(run, masks, shuffles)
    return "\n".join([*lines, *loop])


def _call_update(run: _Run, rate: str, t: str) -> str:
    rate = rate if run.has_schedule else "LEARNING_RATE"
    return f"update({', '.join(['p', 'gradients', *_memory(run), rate, *([t] if _counts_steps(run) else [])])})"


def _full_steps(run: _Run, masks: bool) -> list[str]:
    arguments = "p, X, y, dropout" if masks else "p, X, y"
    uses_epoch = run.has_schedule or _counts_steps(run)
    lines = [
        f"    for {'epoch' if uses_epoch else '_'} in range(epochs):",
        f"        loss, gradients = loss_and_gradients({arguments})",
    ]
    if run.has_schedule:
        rate = descent.step_arguments(run.optimizer.schedule, "epoch", "1.0")
        lines.append(f"        learning_rate = learning_rate_at({rate})")
    return [*lines, f"        {_call_update(run, 'learning_rate', 'epoch + 1')}", "        yield loss"]


def _batch_steps(run: _Run, masks: bool, shuffles: bool) -> list[str]:
    uses_epoch = run.has_schedule
    lines = ["    steps = math.ceil(len(X) / BATCH_SIZE)  # the last batch may be smaller"]
    if _counts_steps(run):
        lines.append("    t = 0")
    lines.append(f"    for {'epoch' if uses_epoch else '_'} in range(epochs):")
    if shuffles:
        lines.append("        order = shuffling.permutation(len(X))")
    start = "step * BATCH_SIZE"
    batch = f"order[{start} : {start} + BATCH_SIZE]" if shuffles else f"slice({start}, {start} + BATCH_SIZE)"
    lines += [
        "        total = 0.0",
        "        for step in range(steps):",
        f"            batch = {batch}",
        "            inputs, targets = X[batch], y[batch]",
        f"            loss, gradients = loss_and_gradients(p, inputs, targets{', dropout' if masks else ''})",
    ]
    if _counts_steps(run):
        lines.append("            t += 1")
    if run.has_schedule:
        rate = descent.step_arguments(run.optimizer.schedule, "epoch + step / steps", "1 / steps")
        lines.append(f"            learning_rate = learning_rate_at({rate})")
    return [
        *lines,
        f"            {_call_update(run, 'learning_rate', 't')}",
        "            total += len(inputs) * loss",
        "        yield total / len(X)",
    ]


# ---- the check ----


def _check(net: Network, network: list[NamedLayer], run: _Run) -> str:
    text = descent.LOSS_TEXTS[run.loss.name].targets
    targets = text.format(shape=f"(5, {net.output_size})", units=net.output_size)
    arguments = "p, X, y, np.random.default_rng(1)" if draws_masks(network) else "p, X, y"
    width = max(len(name) for part in network for name in parameter_names(part))
    return f'''
def check_gradients():
    """Hold slopes against rise over run, at up to 20 places of each parameter."""
    random = np.random.default_rng(0)
    X = random.normal(size=(5, {net.input_size}))
    y = as_targets({targets})
    p = initial_parameters()
    for name, parameter in vars(p).items():
        setattr(p, name, parameter.astype(np.float64))
    _, gradients = loss_and_gradients({arguments})
    for name, gradient in gradients.items():
        parameter, largest, h = vars(p)[name], 0.0, 1e-5
        for i in random.permutation(parameter.size)[:20]:
            kept = parameter.flat[i]
            parameter.flat[i] = kept + h
            above, _ = loss_and_gradients({arguments})
            parameter.flat[i] = kept - h
            below, _ = loss_and_gradients({arguments})
            parameter.flat[i] = kept
            difference = (above - below) / (2 * h) - gradient.flat[i]
            largest = max(largest, abs(difference))
        print(f"{{name:{width}}}  slopes agree to {{largest:.0e}}")


if __name__ == "__main__":
    check_gradients()
'''.strip("\n")
