"""A network as one readable Python file that predicts with NumPy alone, to the last bit as the NumPy engine does."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

import numpy as np

import plainnet
from plainnet.errors import FileError, InvalidValue
from plainnet.export import tables
from plainnet.export.inlining import line_of
from plainnet.export.slicing import SlicedSource
from plainnet.export.source import (
    WIDTH,
    NamedLayer,
    architecture,
    array_source,
    defined_names,
    docstring,
    imports,
    literal,
    module,
    named_arrays,
    parts,
    shape,
    training,
    words,
)
from plainnet.files.archive import is_archive
from plainnet.files.writing import replacing
from plainnet.network import Network
from plainnet.network.prediction import ROWS_AT_A_TIME
from plainnet.tabular import Table

MOST_NUMBERS_INSIDE = 2_000
"""A network with more parameters has them in a file beside the script."""


def write(net: Network, path: str | PathLike[str]) -> None:
    """Write `net` to `path` as a Python file; the numbers of a larger network beside it, in `<stem>_weights.npz`.

    Raises InvalidValue for a layer or activation of the user's own that needs more than NumPy and the standard
    library, a network that is not built, and a path that does not end in .py; FileError where a file cannot be written.
    """
    file = checked_path(path)
    weights = weights_file(file)
    if is_archive(weights):
        raise FileError(f"{weights}, which takes the numbers of {file.name}, is a model; take another name")
    text = source(net, file, None if net.parameters.size <= MOST_NUMBERS_INSIDE else weights)
    if net.parameters.size > MOST_NUMBERS_INSIDE:
        with replacing(weights) as stream:
            np.savez(stream, allow_pickle=False, **named_arrays(parts(net)))
    with replacing(file) as stream:
        stream.write(text.encode())


def weights_file(file: Path) -> Path:
    """Return the file beside a script for the numbers of a larger network; `<stem>.npz` may be the model itself."""
    return file.with_name(f"{file.stem}_weights.npz")


def checked_path(path: str | PathLike[str]) -> Path:
    """Return the path, refused where it is no Python file's."""
    file = Path(path)
    if file.suffix.lower() != ".py":
        raise InvalidValue(f"path is {os.fspath(path)!r}; Python source takes a name that ends in .py")
    return file


def source(net: Network, file: Path, weights: Path | None) -> str:
    """Return the text of the script `file`, whose numbers are in the file `weights` or, without one, in the text."""
    network = parts(net)
    table = None if net.table is None else Table.from_dict(net.table)
    if table is None:
        own = [_IN_BLOCKS, _predict_arrays(net), _self_check(net)]
    else:
        own = [
            *tables.features(table, net.input_size or 0),
            _IN_BLOCKS,
            *tables.predictions(table, _dtype(net), net.output_size or 0),
            tables.main(table, _dtype(net), words(file.name)),
        ]
    constants = tables.constants(table) if table else ""
    program = SlicedSource(defined_names("\n".join([*own, constants])) | {"forward", "ROWS_AT_A_TIME", "Path"})
    program.name(np, "np")
    lines = [line_of(program, part) for part in network]
    forward = "\n".join(
        [
            "def forward(inputs):",
            f'    """Return the outputs for rows of {net.input_size} inputs."""',
            *(text for line in lines for text in line.lines()),
            f"    return {network[-1].outputs if network else 'inputs'}",
        ]
    )
    needed = [text for line in lines for text in line.definitions()]
    made = "\n".join(text for line in lines for text in line.made())
    definitions = [*needed, *([made] if made else []), forward, *(text.strip("\n") for text in own)]
    modules = (tables.modules("\n".join(definitions)) if table else []) + (
        ["from pathlib import Path"] if weights else []
    )
    modules += ["import math"] if any("math." in text for text in own) else []
    head = [
        docstring(_introduction(net, table, file, weights)),
        imports([*program.imports.values(), *modules]),
        f"ROWS_AT_A_TIME = {ROWS_AT_A_TIME}  # another number may round sums in another order",
        constants,
        _numbers(network, weights),
    ]
    return module(head, definitions)


def _dtype(net: Network) -> str:
    return f"np.{net.dtype.name}"


_IN_BLOCKS = '''
def in_blocks(inputs):
    """`forward` for any number of rows, so many at a time."""
    starts = range(0, len(inputs), ROWS_AT_A_TIME)
    return np.concatenate([forward(inputs[i : i + ROWS_AT_A_TIME]) for i in starts])
'''


def _predict_arrays(net: Network) -> str:
    return f'''
def predict(X):
    """The outputs for each row of X, (rows, {net.input_size}) -> (rows, {net.output_size})."""
    return in_blocks(np.asarray(X, {_dtype(net)}))
'''


def _self_check(net: Network) -> str:
    """Two rows of inputs, with what plainnet predicts for them."""
    size = 2 * (net.input_size or 0)
    X = np.arange(size).reshape(2, -1) / size
    expected = array_source("EXPECTED", net.predict(X, engine="numpy"))
    return f'''
# fmt: off
{expected}
# fmt: on


def main():
    """Predict two rows and compare with what plainnet predicted for them."""
    X = np.arange({size}).reshape(2, {net.input_size}) / {size}
    predictions = predict(X)
    print(predictions)
    difference = np.abs(predictions - EXPECTED).max()
    print(f"The largest difference from plainnet's predictions is {{difference:.2g}}.")


if __name__ == "__main__":
    main()
'''


def _numbers(network: list[NamedLayer], weights: Path | None) -> str:
    """Return the parameters, as numbers or by name from the file beside the script."""
    named = named_arrays(network)
    if not named:
        return ""
    if weights is None:
        return "\n".join(["# fmt: off", *(array_source(name, array) for name, array in named.items()), "# fmt: on"])
    opened = f"with np.load(Path(__file__).with_name({literal(weights.name)})) as weights:"
    read = [f'    {name} = weights["{name}"]  # {shape(array.shape)}' for name, array in named.items()]
    if len(opened) > WIDTH:
        opened = f"with np.load(\n    Path(__file__).with_name({literal(weights.name)})\n) as weights:"
    return "\n".join([opened, *read])


def _introduction(net: Network, table: Table | None, file: Path, weights: Path | None) -> list[str]:
    """Return the docstring: what the network is, where it comes from, how to use it."""
    purpose = "Predictions of a network" if table is None else f"Predicts {words(table.target.name)}"
    first = f"{purpose}: {architecture(net, parts(net))}."
    numbers = f"; they stand in {words(weights.name)} beside this file" if weights else ""
    origin = (
        f"The network has {net.parameters.size:,} parameters ({net.dtype.name}){numbers}. "
        f"plainnet {plainnet.__version__} wrote this file{training(net)}. It needs NumPy alone, and predicts what "
        "plainnet's NumPy engine predicts, to the last bit where NumPy is the same."
    )
    stem = file.stem if file.stem.isidentifier() else "model"
    if table is None:
        shapes = f"(rows, {net.input_size}) -> (rows, {net.output_size})"
        usage = [
            f"    from {stem} import predict\n\n    predict(X)  # {shapes}",
            f"As a program, `python {words(file.name)}`, it compares two predictions with plainnet's.",
        ]
    else:
        names = "predict, probabilities" if table.classes else "predict"
        calls = "".join(f"\n    {name}(rows)" for name in names.split(", "))
        usage = [
            f"    from {stem} import {names}\n{calls}",
            f"where rows are dicts with the keys {', '.join(map(words, table.column_names))}; None, NaN and empty text "
            "are missing values.",
            f"As a program it predicts the rows of a CSV file: python {words(file.name)} rows.csv",
        ]
    return [first, origin, *usage]
