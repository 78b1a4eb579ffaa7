"""Networks as files: one `.npz` with the network's description, its numbers, table schema and training record.

    plainnet      JSON text: format version, description, table schema, training record, checksum
    parameters    the one vector
    statistics    the other one

Reading builds layers by their known names and copies numbers; nothing in a file is ever run.
"""

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import Any

from plainnet._base.arrays import Array
from plainnet.errors import FileError, InvalidValue, PlainnetError
from plainnet.files.archive import read_archive, write_archive
from plainnet.files.writing import check_apart
from plainnet.history import History
from plainnet.network import Network


def save(net: Network, path: str | PathLike[str]) -> None:
    """Write `net` with its table schema and training record; an existing file is replaced only by a whole new one.

    Raises InvalidValue where the network is not built, FileError where the file cannot be written.
    """
    check_apart(path, net.data_files)
    write_archive(path, record_of(net), {"parameters": net.parameters, "statistics": net.statistics})


def record_of(net: Network) -> dict[str, Any]:
    """Return what a file says of a network beside its numbers."""
    history = net.history and net.history.to_dict()
    return {"network": net.describe(), "table": net.table, "classes": net.classes, "history": history}


def load(path: str | PathLike[str], *, custom: Iterable[Any] = ()) -> Network:
    """Return the network that `save` wrote to `path`; `custom` are the user's own layer classes and functions in it.

    A checkpoint is taken as well: the network as it was at that moment. Nothing in the file is run. Raises FileError,
    naming the file, where it is missing, damaged, something else or from a newer version.

    >>> import tempfile
    >>> import plainnet as pn
    >>> net = pn.Network(pn.Dense(2, "tanh"), input_size=3, seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.save(f"{folder}/net.npz")
    ...     same = pn.load(f"{folder}/net.npz")
    >>> bool((same.predict([[1, 2, 3]]) == net.predict([[1, 2, 3]])).all())
    True
    """
    record, arrays = read_archive(path)
    try:
        return _rebuilt(record, arrays, custom)
    except PlainnetError as error:
        unknown = isinstance(error, InvalidValue) and "is unknown" in str(error)
        hint = "; what is your own is to be passed: plainnet.load(path, custom=[...])" if unknown else ""
        raise FileError(f"{fspath(path)} cannot be rebuilt: {error}{hint}") from None
    except Exception as error:  # a description that passes for one and fits nothing
        raise FileError(f"{fspath(path)} is damaged: its description does not fit ({error!r})") from error


def _rebuilt(record: Mapping[str, Any], arrays: Mapping[str, Array], custom: Iterable[Any]) -> Network:
    description = record["network"]
    net = Network.from_description({**description, "input_size": None}, custom)
    sizes = net.vector_sizes(description["input_size"])
    for name, size in zip(("parameters", "statistics"), sizes, strict=True):
        array = arrays[name]
        if array.shape != (size,) or array.dtype != net.dtype:  # before anything of that size is allocated
            raise InvalidValue(f"{name} has shape {array.shape}, {array.dtype}; the layers take ({size},), {net.dtype}")
    net.build(description["input_size"])
    net.parameters, net.statistics = arrays["parameters"], arrays["statistics"]
    net.table = record["table"]
    net.classes = checked_classes(record.get("classes"), net)
    net.history = record["history"] and History(**record["history"])
    return net


def checked_classes(classes: Any, net: Network) -> list[Any] | None:
    """Return the labels of a file, which version 0.1 did not write: one for each output, or two for a single one."""
    if classes is None:
        return None
    sizes = (1, 2) if net.output_size == 1 else (net.output_size,)
    if not isinstance(classes, list) or len(classes) not in sizes:
        raise InvalidValue(f"its classes are not one for each of the network's {net.output_size} outputs")
    if not all(isinstance(label, str | int | float) for label in classes):
        raise InvalidValue("its classes hold something other than text and numbers")
    return classes
