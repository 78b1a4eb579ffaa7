"""A program or the command line gives `play` a network with arrays, a table, or a model with its table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import adapters, optimizers
from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.configurable import Configurable, describe
from plainnet.adapters import UserActivation
from plainnet.attribution.outputs import activation_name
from plainnet.errors import InvalidType, InvalidValue, PlainnetError, warn, warnings_gathered
from plainnet.layers import LAYERS, Layer
from plainnet.network import Network
from plainnet.network.averaging import members_of
from plainnet.play.session import settings, usual
from plainnet.play.session.bounds import MOST_SEED
from plainnet.play.session.columns import number_column
from plainnet.play.session.data_settings import LONGEST_NAME
from plainnet.play.session.examples import Examples, Held
from plainnet.play.session.points import parts_of
from plainnet.play.session.tables import USUAL_VALIDATION, HeldTable, examples_of_rows, refusals_of_polars

if TYPE_CHECKING:
    from plainnet.tabular.read_options import ReadOptions

FEW_CLASSES = 20


@dataclass(frozen=True, eq=False)
class GivenModel:
    """GivenModel holds a network with the data that it is shown on."""

    network: Network
    name: str
    X: Array | None = None
    """Examples (rows, inputs); None where `table` has them."""
    y: Array | None = None
    sample_weight: Array | None = None
    columns: Sequence[str] | None = None
    classes: Sequence[str] | None = None
    table: HeldTable | None = None
    """The rows as a file, which the network's own table reads."""
    parts: dict[str, Any] = field(default_factory=dict)
    """The loss and the optimizer, where they are known as objects."""


# ---- what `play` holds ----


def held_arrays(
    network: Network,
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    columns: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    loss: Any = None,
    optimizer: Any = None,
    name: str = "given",
) -> Held:
    """Return what a session keeps of a network and arrays; raise InvalidValue for what `net.fit` would not take."""
    if not isinstance(network, Network):
        raise InvalidType(f"net is of type {type(network).__name__}; it takes a plainnet.Network")
    inputs = checks.examples("X", X, np.dtype(np.float64))
    if network.is_built and inputs.shape[1] != network.input_size:
        raise InvalidValue(f"X has {inputs.shape[1]} columns and the network takes {network.input_size} inputs")
    targets = np.asarray(y)
    checks.same_rows("y", targets, len(inputs), "X")
    if columns is not None and len(columns) != inputs.shape[1]:
        raise InvalidValue(f"columns has {len(columns)} names and X {inputs.shape[1]} columns")
    weights = None if sample_weight is None else np.asarray(sample_weight, float)
    parts: dict[str, Any] = {} if loss is None else {"loss": adapters.loss_of(loss)}
    parts |= {} if optimizer is None else {"optimizer": optimizers.resolve(optimizer)}
    given = GivenModel(
        network=shown_member(network),
        name=name,
        X=inputs,
        y=targets,
        sample_weight=weights,
        columns=columns,
        classes=None if classes is None else list(classes),
        parts=parts,
    )
    return _held(given, {})


def held_model(network: Network, table: HeldTable) -> Held:
    """Return what a session keeps of a model that was trained on a table, and of a file with such rows."""
    if network.table is None:
        raise InvalidValue("the model was not trained on a table, so it cannot read one; give arrays to plainnet.play")
    return _held(GivenModel(shown_member(network), table.name, table=table), {"validation": USUAL_VALIDATION})


def shown_member(network: Network) -> Network:
    """Return a network, or the first of those that it averages, as an average is not what was trained."""
    first, *others = members_of(network)
    if others:
        warn(f"the model averages {len(others) + 1} networks; the page shows and trains the first of them")
    return first


def held_table(
    table: HeldTable, target: str, options: ReadOptions | None = None, task: str | None = None, seed: int = 0
) -> Held:
    """Return what a session keeps of a table from the command line; `options` are those that it is read with."""
    plain = {} if options is None else plain_options(options)
    data = {"kind": "table", "name": table.name, "target": target, "validation": USUAL_VALIDATION}
    options_of_setup = plain | ({} if task is None else {"task": task})
    return Held(tables={table.name: table}, setup={"data": {**data, "options": options_of_setup}, "seed": seed})


def plain_options(options: ReadOptions) -> dict[str, Any]:
    """Return the options of the reader as a setup keeps them."""
    names = ("separator", "encoding", "sheet", "decimal", "thousands", "dates")
    found: dict[str, Any] = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.missing is not None:
        found["missing"] = list(options.missing)
    return found | ({"columns": dict(options.columns)} if options.columns else {})


def _held(given: GivenModel, data: dict[str, Any]) -> Held:
    net = given.network
    setup = {
        "data": {"kind": "given", "name": given.name[:LONGEST_NAME], **data},
        "seed": seed_of(net),
        "dtype": net.dtype.name,
    }
    return Held(given=given, setup=setup)


def seed_of(network: Network) -> int:
    """Return the seed of a network, or what a setup holds in place of one that is too large."""
    return network.seed if network.seed <= MOST_SEED else network.seed % MOST_SEED


# ---- a network as a setup describes it ----


def described_layers(network: Network) -> list[dict[str, Any]]:
    """Return the layers of a network as a setup describes them."""
    return [settings.layer_of(layer, LAYERS) for layer in network.describe()["layers"]]


def custom_parts(layers: Sequence[Layer]) -> Iterator[Any]:
    """Yield the user's own classes and functions in layers, as `build` takes them."""
    for layer in layers:
        if not type(layer).__module__.startswith("plainnet."):
            yield type(layer)
        for value in layer.settings().values():
            if isinstance(value, UserActivation):
                yield type(value.own) if isinstance(value.own, Configurable) else value.own
            elif callable(value) and not isinstance(value, Configurable):
                yield value
            elif isinstance(value, list):
                for branch in value:
                    yield from custom_parts(branch if isinstance(branch, list) else [])


def of_given(data: dict[str, Any], held: Held) -> Examples:
    """Return the examples that were given with a network."""
    given = held.given
    if given is None:
        raise InvalidValue(f"{data['name']!r} was given by a program, and a link holds no data; choose other data")
    net = given.network
    made = _of_table(given, data) if given.table is not None else _of_arrays(given, data)
    layers = described_layers(net)
    trained: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for name, part in {**_trained_by(net), **given.parts}.items():
        trained[name] = describe(part)
        if settings.has_own_parts(trained[name]):
            own[part_name(trained[name])] = part
    fields = {"layers": layers, **_recorded(net), **trained}
    return replace(
        made,
        network=net,
        custom=tuple(custom_parts(net.layers)),
        own=own,
        usual={**fields, "metrics": usual.usual_metrics(made)},
    )


def _trained_by(net: Network) -> dict[str, Any]:
    """Return the loss and the optimizer of a network's latest run as objects, if it was in this process."""
    return dict(zip(("loss", "optimizer"), net.trained_by or (), strict=False))


def part_name(description: Any) -> str:
    """Return the name in the description of a part."""
    return str(description["name"] if isinstance(description, dict) else description)


def _recorded(net: Network) -> dict[str, Any]:
    """Return the loss and the optimizer of a model's record, where they are plainnet's own."""
    found = {}
    recorded = net.history.settings if net.history is not None else {}
    for name, check in (("loss", settings.known_loss), ("optimizer", settings.known_optimizer)):
        try:
            found[name] = check(recorded[name])
        except (KeyError, TypeError, PlainnetError):
            continue
    return found


def _of_table(given: GivenModel, data: dict[str, Any]) -> Examples:
    from plainnet.tabular.sources import FileContent
    from plainnet.tabular.table import Table
    from plainnet.tabular.targets import drop_missing_targets

    assert given.table is not None
    table = Table.from_dict(given.network.table)
    with warnings_gathered() as notes, refusals_of_polars(given.name):
        frame = table.read(FileContent(given.table.name, given.table.content), target=True)
        frame, _ = drop_missing_targets(frame, table.target.name)
        if not len(frame):
            raise InvalidValue(f"{given.name} has no row with a known {table.target.name!r}")
        labels = np.asarray(table.targets(frame))
        parts = parts_of(data, labels.reshape(len(frame)), table.task == "classification")
        made = examples_of_rows(given.name, table, frame, parts)
    return replace(made, notes=tuple(dict.fromkeys(notes)))


def _of_arrays(given: GivenModel, data: dict[str, Any]) -> Examples:
    X, y = given.X, given.y
    assert X is not None
    assert y is not None
    classes = classes_of(given)
    wide = y.ndim == 2 and y.shape[1] > 1
    labels = (y.argmax(axis=1) if classes else y[:, 0]) if wide else y.reshape(len(X))
    parts = parts_of(data, labels, classes is not None)
    names = given.columns or [f"x{i + 1}" for i in range(X.shape[1])]
    targets = y if wide else labels.astype(np.intp) if classes is not None else y.reshape(-1, 1).astype(float)
    own = X[parts == 0]
    return Examples(
        name=given.name,
        columns=tuple(number_column(str(name), own[:, i], [i]) for i, name in enumerate(names)),
        cells=X,
        inputs=X,
        targets=targets,
        labels=labels.astype(float),
        parts=parts,
        classes=classes,
        weights=given.sample_weight,
        table=given.network.table,
    )


def classes_of(given: GivenModel) -> list[str] | None:
    """Return the names of the classes if the network and its targets are of some; None for quantities."""
    y, last = given.y, given.network.layers[-1]
    assert y is not None
    name = activation_name(given.network, -1)
    units = y.shape[1] if y.ndim == 2 and y.shape[1] > 1 else getattr(last, "units", given.network.output_size or 1)
    binary = name == "sigmoid" and units == 1 and bool(np.isin(y, (0, 1)).all())
    if name != "softmax" and not binary:
        return None
    count = 2 if binary else int(units)
    known = given.classes or given.network.classes
    return [str(name) for name in known] if known and len(known) == count else [str(i) for i in range(count)]
