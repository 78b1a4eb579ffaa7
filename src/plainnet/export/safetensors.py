"""safetensors files: a network's arrays under their names, for plainnet or for PyTorch, and back.

    layers.0.weights  layers.0.bias  layers.1.scale ...    layout "plainnet": as `net.layers[0].weights`
    0.weight          0.bias         1.weight       ...    layout "pytorch": as in an `nn.Sequential`'s state_dict

The file's metadata holds the network's description, so a file written here is read without being told anything.
Reading needs NumPy alone; writing, the library safetensors.
"""

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike, fspath
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array, Shape, total
from plainnet._base.extras import missing_extra
from plainnet.activations import ACTIVATIONS
from plainnet.adapters import Activatable
from plainnet.errors import FileError, InvalidType, InvalidValue, PlainnetError
from plainnet.export.safetensors_format import parse, quoted, read
from plainnet.files.model import checked_classes
from plainnet.files.writing import replacing
from plainnet.layers import LAYERS, Dense, Layer
from plainnet.network import Network

LAYOUTS = ("plainnet", "pytorch")

# ---- writing ----


def write(net: Network, path: str | PathLike[str], layout: str = "plainnet") -> None:
    """Write the arrays of `net`, with its description as metadata; `load` reads either layout.

    "plainnet" names each array as the network does, `layers.0.weights`. "pytorch" names and shapes them as the
    `nn.Sequential` that `sequential(net)` spells out, so that its `load_state_dict(load_file(path))` takes them:
    `0.weight` is the transpose of `weights`, (units, inputs).

    Raises InvalidValue where the network is not built, or where PyTorch has no module for a layer.
    """
    checks.one_of("layout", layout, LAYOUTS)
    try:
        from safetensors.numpy import save
    except ImportError:
        raise missing_extra("writing safetensors", "exchange", "safetensors") from None
    if not net.is_built:
        raise InvalidValue("the network has no parameters yet: give it an input_size, or fit it")
    record: dict[str, Any] = {"network": net.describe(), "table": net.table, "classes": net.classes}
    shapes = _shapes(net.layers, net.input_size)
    if layout == "plainnet":
        names = _plainnet_names(shapes)
    else:
        modules = _modules(net)
        record["sequential"] = sequential(net)
        first = [sum(map(len, modules[:i])) for i in range(len(modules))]  # a layer's first module has its arrays
        names = _pytorch_names(shapes, map(str, first))
    tensors = {}
    for layer, layer_names in zip(net.layers, names, strict=True):
        for name, full in layer_names.items():
            tensors[full] = np.ascontiguousarray(_turned(name, full, getattr(layer, name)))
    text = json.dumps(record, allow_nan=False)
    with replacing(path) as file:
        file.write(save(tensors, {"plainnet": text}))


def sequential(net: Network) -> str:
    """Return the `nn.Sequential` whose `load_state_dict` takes the layout "pytorch" of `net`, as Python source.

    >>> import plainnet as pn
    >>> print(sequential(pn.Network(pn.Dense(4, "tanh"), pn.Dropout(0.2), pn.Dense(1), input_size=3)))
    nn.Sequential(
        nn.Linear(3, 4, bias=True),
        nn.Tanh(),
        nn.Dropout(0.2),
        nn.Linear(4, 1, bias=True),
    )

    Raises InvalidValue for a layer or activation that PyTorch has no module for.
    """
    lines = [f"    {module},\n" for modules in _modules(net) for module in modules]
    return f"nn.Sequential(\n{''.join(lines)})"


def _modules(net: Network) -> list[list[str]]:
    """Return the PyTorch modules of each layer: the layer's, then its activation's unless that is the identity."""
    modules = []
    features: Any = net.input_size
    for i, (layer, outputs, _) in enumerate(net.layer_sizes()):
        _refuse_own(f"layers[{i}], {type(layer).__name__},", layer, LAYERS)
        activation = getattr(layer, "activation", None)
        own = layer.torch
        if own is None and not layer.ends_in_activation:
            raise InvalidValue(f"layers[{i}], {layer.name}, has no module in PyTorch; {_INSTEAD}")
        modules.append([f"nn.{own}".format(features=features, **layer.settings())] if own else [])
        if activation is not None and (activation.name != "identity" or not own):
            where = f"the activation {activation.name!r} of layers[{i}], {type(layer).__name__},"
            _refuse_own(where, activation, ACTIVATIONS)
            if activation.torch is None:
                raise InvalidValue(f"{where} has no module in PyTorch; {_INSTEAD}")
            modules[-1].append(f"nn.{activation.torch}".format(**activation.settings()))
        features = outputs
    return modules


_INSTEAD = "write layout 'plainnet', which holds any layer, or a network of the layers before it"


def _refuse_own(where: str, part: Any, known: Mapping[str, type]) -> None:
    if type(part) not in known.values():
        raise InvalidValue(f"{where} is your own, and PyTorch has no module for it; {_INSTEAD}")


# ---- names ----

_PYTORCH_NAMES = {
    "weights": "weight",
    "bias": "bias",
    "scale": "weight",
    "shift": "bias",
    "running_mean": "running_mean",
    "running_variance": "running_var",
}

Names = list[dict[str, str]]
"""The names of each layer's arrays, with those that they have in the file."""


def _shapes(layers: Sequence[Layer], input_size: int | None) -> list[dict[str, Shape]]:
    """Return the shapes of each layer's parameters and statistics for `input_size` features."""
    assert input_size is not None
    shapes = []
    shape: Shape = (input_size,)
    for layer in layers:
        shapes.append({**layer.parameter_shapes(shape), **layer.statistic_shapes(shape)})
        shape = layer.output_shape(shape)
    return shapes


def _plainnet_names(shapes: Sequence[Mapping[str, Shape]]) -> Names:
    """Return plainnet's names: layers.0.weights, layers.1.branches.0.layers.2.bias."""
    return [{name: f"layers.{i}.{_dotted(name)}" for name in layer} for i, layer in enumerate(shapes)]


def _dotted(name: str) -> str:
    """Return branches[0].layers[2].bias as branches.0.layers.2.bias."""
    return name.replace("[", ".").replace("]", "")


def _pytorch_names(shapes: Sequence[Mapping[str, Shape]], modules: Iterable[str]) -> Names:
    """PyTorch's names, where `modules` are the names of the layers' modules."""
    return [
        {name: f"{module}.{_PYTORCH_NAMES.get(name, name)}" for name in layer}
        for layer, module in zip(shapes, modules, strict=True)
    ]


def _turned(name: str, full: str, array: Array) -> Array:
    """Return the array as the other side has it.

    PyTorch's `weight` is (units, inputs), our `weights` (inputs, units).
    """
    return array.T if name == "weights" and full.endswith(".weight") else array


# ---- reading ----


def load(
    path: str | PathLike[str],
    net: Network | None = None,
    *,
    activation: Activatable | None = None,
    output_activation: Activatable | None = None,
) -> Network:
    """Return the network of the safetensors file at `path`, or `net` with the file's arrays in it.

    Arrays go by their names: `layers.0.weights` and so on are plainnet's; `0.weight`, `2.weight` and so on are an
    `nn.Sequential`'s, whose modules with parameters belong, in order, to the layers with parameters, and whose
    Linear weights are transposed. All must fit, none may be left over, and `net` changes only once they do; one
    without an input size is built. Numbers (F64, F32, F16, BF16) are rounded to the nearest of the network's dtype.

    Without `net`, a file that plainnet wrote describes its network itself. Any other is taken for an `nn.Sequential`
    of Linear layers; it does not say what stands between them, so `activation` does, for every layer but the last,
    whose `output_activation` is the identity unless given. The network is float64 where the file is, else float32.

    Raises FileError, naming the file, where it is damaged or does not fit, and InvalidValue where `activation` is
    missing, or given for a network that is already described.

    >>> import tempfile
    >>> import plainnet as pn
    >>> net = pn.Network(pn.Dense(2, "tanh"), pn.Dense(1), input_size=3, seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.export(f"{folder}/net.safetensors", layout="pytorch")
    ...     same = pn.load_safetensors(f"{folder}/net.safetensors")
    >>> bool((same.parameters == net.parameters).all())
    True
    """
    file = fspath(path)
    if net is not None and not isinstance(net, Network):
        raise InvalidType(f"net is {net!r}; it takes a plainnet.Network")
    tensors, metadata = read(file)
    _check_numbers(file, tensors)
    if net is None and "plainnet" not in metadata:
        net = _stack(file, tensors, activation, "identity" if output_activation is None else output_activation)
    elif activation is not None or output_activation is not None:
        given = "output_activation" if activation is None else "activation"
        source = "the file" if net is None else "net"
        raise InvalidValue(f"{given} is given and {source} has its own activations; leave it out")
    elif net is None:
        net = _described(file, metadata["plainnet"])
    _fill(file, net, tensors, _described_size(metadata, net, tensors))
    try:
        net.classes = checked_classes(net.classes, net)
    except InvalidValue as error:
        raise FileError(f"{file} cannot be rebuilt: {error}") from None
    return net


def _check_numbers(file: str, tensors: dict[str, Array]) -> None:
    """Drop PyTorch's counts of batches; refuse other integers, and numbers that are not finite."""
    for name in [name for name in tensors if name.endswith(".num_batches_tracked")]:
        del tensors[name]
    for name, array in tensors.items():
        if array.dtype.kind != "f":
            raise FileError(f"{file}: {quoted(name)} has integers; a network takes F64, F32, F16 or BF16")
        if not np.isfinite(array).all():
            raise FileError(f"{file}: {quoted(name)} holds NaN or infinity; it takes finite numbers")


def _described(file: str, text: str) -> Network:
    """Return the network of a file's own description, not yet built.

    Its sizes are believed once the arrays have them.
    """
    try:
        record = parse(text)
        net = Network.from_description({**record["network"], "input_size": None})
        net.table, net.classes = record["table"], record.get("classes")
    except PlainnetError as error:
        reason = str(error)[:500]  # it may quote the file at any length
        raise FileError(f"{file} cannot be rebuilt: {reason}; where a part is your own, {_DESCRIBE}") from None
    except Exception as error:  # whatever a hostile description raises means the same to the user
        raise FileError(f"{file} is damaged: its description does not fit ({quoted(error)})") from None
    return net


def _stack(file: str, tensors: Mapping[str, Array], activation: Any, output_activation: Any) -> Network:
    """Dense layers of the shapes of an `nn.Sequential`'s Linear layers."""
    modules = _numbered(file, tensors)
    for module in modules:
        weight = tensors.get(f"{module}.weight")
        if weight is None or weight.ndim != 2:
            raise FileError(f"{file}: {quoted(module)} is not a Linear layer; {_DESCRIBE}")
    if len(modules) > 1 and activation is None:
        raise InvalidValue(
            f"{file} holds {len(modules)} Linear layers and does not say which activation stands between them; "
            "pass it, such as activation='relu'"
        )
    for module, following in itertools.pairwise(modules):
        if _number(following) == _number(module) + 1:
            raise FileError(f"{file}: no activation stands between {quoted(module)} and the next; {_DESCRIBE}")
    used = [activation] * (len(modules) - 1) + [output_activation]
    layers = [
        Dense(len(tensors[f"{module}.weight"]), own, bias=f"{module}.bias" in tensors)
        for module, own in zip(modules, used, strict=True)
    ]
    double = any(array.dtype == np.float64 for array in tensors.values())
    return Network(*layers, dtype="float64" if double else "float32")


_DESCRIBE = "describe the network and pass it: plainnet.load_safetensors(path, net)"


def _described_size(metadata: Mapping[str, str], net: Network, tensors: Mapping[str, Array]) -> int | None:
    """Return the number of features that the file's own description states, if the file has as many numbers."""
    try:
        size = checks.whole_number("input_size", parse(metadata["plainnet"])["network"]["input_size"], least=1)
        fits = total(_shapes(net.layers, size)) == sum(array.size for array in tensors.values())
    except Exception:  # there is none, or a hostile one
        return None
    return size if fits else None


def _fill(file: str, net: Network, tensors: Mapping[str, Array], described_size: int | None) -> None:
    """Put the file's arrays into the network once all of them fit."""
    input_size = net.input_size or described_size or _input_size(file, tensors)
    shapes = _shapes(net.layers, input_size)
    names = _names_in_file(file, shapes, tensors)
    _check_names(file, names, tensors)
    arrays = [
        {name: _fitted(file, name, full, tensors[full], own_shapes[name], net.dtype) for name, full in own.items()}
        for own, own_shapes in zip(names, shapes, strict=True)
    ]
    if not net.is_built:
        net.build(input_size)
    for layer, own_arrays in zip(net.layers, arrays, strict=True):
        for name, array in own_arrays.items():
            setattr(layer, name, array)


def _names_in_file(file: str, shapes: Sequence[Mapping[str, Shape]], tensors: Mapping[str, Array]) -> Names:
    """plainnet's names, or where the file has PyTorch's, those of its modules in order."""
    names = _plainnet_names(shapes)
    expected = {full for layer in names for full in layer.values()}
    if expected == tensors.keys() or not any(full.endswith(".weight") for full in tensors):
        return names
    modules = _numbered(file, tensors)
    layers = sum(map(bool, shapes))
    if len(modules) != layers:
        raise FileError(f"{file} holds parameters of {len(modules)} modules and the network has {layers} such layers")
    remaining = iter(modules)
    return _pytorch_names(shapes, (next(remaining) if layer else "" for layer in shapes))


def _check_names(file: str, names: Names, tensors: Mapping[str, Array]) -> None:
    """Refuse an array that is missing or left over."""
    expected = dict.fromkeys(full for own in names for full in own.values())
    for full in expected:
        if full not in tensors:
            raise FileError(f"{file} lacks {quoted(full)}, which the network has")
    for full in tensors:
        if full not in expected:
            raise FileError(f"{file} holds {quoted(full)}, which the network does not have")


def _fitted(file: str, name: str, full: str, array: Array, shape: Shape, dtype: np.dtype[Any]) -> Array:
    """Return the file's array `full` as the network's array `name`."""
    turned = _turned(name, full, array)
    if turned.shape != shape:
        how = " transposed" if turned is not array else ""
        raise FileError(f"{file}: {quoted(full)} has{how} shape {turned.shape} and the network's {name} {shape}")
    with np.errstate(over="ignore", under="ignore"):  # too large for dtype: becomes infinite
        converted = turned.astype(dtype)
    if not np.isfinite(converted).all():
        raise FileError(f"{file}: {quoted(full)} holds numbers too large for the network's {dtype.name}")
    return converted


_NUMBERED = re.compile(r"((?:.*\.)?(?:0|[1-9][0-9]{0,8}))\.\w+")


def _numbered(file: str, tensors: Iterable[str]) -> list[str]:
    """Return the modules of names such as 0.weight, or net.0.weight, in the order of their numbers."""
    modules = set()
    for full in tensors:
        match = _NUMBERED.fullmatch(full)
        if match is None:
            raise FileError(
                f"{file} holds {quoted(full)}; it takes names as layers.0.weights, or 0.weight of an nn.Sequential"
            )
        modules.add(match[1])
    prefixes = {module.rpartition(".")[0] for module in modules}
    if len(prefixes) > 1:
        raise FileError(f"{file} holds several groups of layers, {quoted(sorted(prefixes))}; it takes one")
    if not modules:
        raise FileError(f"{file} holds no arrays")
    return sorted(modules, key=_number)


def _number(module: str) -> int:
    return int(module.rpartition(".")[2])


def _input_size(file: str, tensors: Mapping[str, Array]) -> int:
    """Return the number of features that the first module of the file takes."""
    first = _numbered(file, tensors)[0]
    for name, axis in (("weights", 0), ("weight", -1), ("scale", 0)):
        array = tensors.get(f"{first}.{name}")
        if array is not None and array.ndim:
            return array.shape[axis]
    raise FileError(f"{file} does not tell the number of inputs; give the network an input_size")
