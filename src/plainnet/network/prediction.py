"""Outputs and measures of a network, a block of rows at a time.

Few rows at a time are machine code where llvmlite is installed (`plainnet.engines.compiled.predicting`), from the first
prediction on: a network gives the same rows the same outputs at each call. What it decides by is the amount of work
alone, so that the same program always gives the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.blocks import blocks
from plainnet._base.configurable import Configurable
from plainnet._base.pieces import PieceRows, Rows
from plainnet.backpropagation import is_fused
from plainnet.errors import InvalidType, InvalidValue
from plainnet.losses import Loss
from plainnet.metrics import Measure
from plainnet.network.examples import inputs_for
from plainnet.ranks import ALONE, Alone, Ranks

if TYPE_CHECKING:
    from plainnet.engines.compiled.predicting import Prediction
    from plainnet.network import Network

ROWS_AT_A_TIME = 8192
"""Rows pass through the network in blocks of so many, so that memory does not grow with the data."""


SMALL = 2**20
"""The multiplications up to which a prediction is machine code; NumPy's share of the time is small in larger ones."""


COMPILING = 0.03
"""About the seconds that machine code for a prediction takes to make."""


class MachineCode:
    """The machine code of a network's predictions, and of its sums before the activation, made when first needed."""

    def __init__(self, net: Network) -> None:
        self.changes = Configurable.changes
        """The number of settings that had been set in this process when it was made."""
        self.most_rows = SMALL // max(1, net.parameters.size)
        self.made: dict[bool, Prediction | None] = {}

    def of(self, net: Network, before_activation: bool) -> Prediction | None:
        """Return the machine code; None where there is none."""
        if before_activation not in self.made:
            self.made[before_activation] = _prediction(net, before_activation)
        return self.made[before_activation]


def _prediction(net: Network, before_activation: bool) -> Prediction | None:
    if not can_compile():
        return None
    from plainnet.engines.compiled.predicting import prediction  # it is above network

    return prediction(net, before_activation)


@cache
def can_compile() -> bool:
    """Return True if predictions can be machine code here."""
    from plainnet.engines import choosing  # it is above network

    return choosing.is_installed() and choosing.why_unable() is None


def pays(net: Network, rows: int, times: int) -> bool:
    """Return True if machine code for so many predictions of so many rows saves more time than making it takes."""
    units = sum(int(units) for _, units, _ in net.layer_sizes())
    return times * (3.5e-6 * len(net.layers) + 1e-9 * rows * units) > COMPILING


LARGE = 4_000_000_000
"""The products of rows and parameters from which on making machine code takes less time than it saves."""


def engine_for(net: Network, rows: int) -> str:
    """Return the engine that predicts so many rows in blocks the soonest, once: making machine code counts.

    It computes a layer's activation with its sums, and is about twice as fast as NumPy for three layers of 256 units.
    """
    worth = rows * net.parameters.size >= LARGE
    return "compiled" if worth and can_compile() else "numpy"


def machine_outputs(net: Network, inputs: Array, before_activation: bool, *, any_size: bool = False) -> Array | None:
    """Return the outputs by machine code for few rows, or for any; None where NumPy has to compute them.

    None too where something is wrong with the inputs: they need not have been checked.
    """
    code = net._machine_code
    if code is None or code.changes != Configurable.changes:
        code = net._machine_code = MachineCode(net)
    if inputs.ndim != 2 or (len(inputs) > code.most_rows and not any_size):
        return None
    compiled = code.of(net, before_activation)
    return None if compiled is None else compiled(inputs)


def checked_outputs(net: Network, X: Any, *, before_activation: bool = False, engine: str = "auto") -> Array:
    """Return what `outputs_of` does, for X as a user gave it and an engine; never the user's own array."""
    compiled = None if engine == "auto" else _is_compiled(engine)
    if type(X) is np.ndarray and net.is_built and compiled is not False:
        outputs = machine_outputs(net, X, before_activation, any_size=bool(compiled))
        if outputs is not None:
            return outputs
    if is_table(net, X):
        return _outputs_of_table(net, X, before_activation, engine)
    inputs = inputs_for(net, X)
    outputs = outputs_of(net, inputs, before_activation=before_activation, compiled=compiled)
    return outputs.copy() if outputs is inputs else outputs


def _is_compiled(engine: str) -> bool:
    """Return True for the engine "compiled", False for "numpy"; refuse others, and one that cannot run here."""
    from plainnet.engines import choosing  # it is above network

    checks.one_of("engine", engine, ["auto", *choosing.ENGINES])
    if engine == "compiled":
        choosing.require_compiled()
    return engine == "compiled"


def is_table(net: Network, X: Any) -> bool:
    """Return True for rows of a table that the network knows: a frame, a list of dicts, or the name of a file.

    Raises InvalidType for such a list or name where the network knows no table; a frame may hold its inputs.
    """
    of_dicts = isinstance(X, list | tuple) and len(X) > 0 and isinstance(X[0], Mapping)
    is_name = isinstance(X, str | PathLike)
    if net.table is None and (of_dicts or is_name):
        raise InvalidType(
            f"X is {'a list of dicts' if of_dicts else repr(X)} and the network was trained on arrays, so it knows no "
            "columns; it takes an array of numbers, (rows, inputs)"
        )
    return net.table is not None and (of_dicts or is_name or hasattr(type(X), "columns"))


def _outputs_of_table(net: Network, data: Any, before_activation: bool, engine: str) -> Array:
    """Return the outputs for rows of the network's table, a block at a time, as there may be many features."""
    from plainnet.tabular.table import Table  # it is above network

    table = Table.from_dict(net.table)
    where = f"{data}, row" if isinstance(data, str | PathLike) else "row"
    made = table.feature_blocks(table.read(data), net.dtype, place=lambda row: f"{where} {row + 1}")
    return np.concatenate([checked_outputs(net, X, before_activation=before_activation, engine=engine) for X in made])


def labels(net: Network, X: Any, engine: str) -> Array:
    """Return what the outputs mean: the label of each row, or the quantity in the units of the table's target."""
    outputs = checked_outputs(net, X, engine=engine)
    if net.table is not None:
        from plainnet.tabular.table import Table  # it is above network

        return Table.from_dict(net.table).decode(outputs)
    if net.classes is None:
        raise InvalidValue(
            "the network was trained on arrays and knows no labels: net.classes takes a list with the label of each "
            "output; without it, net.predict(X).argmax(axis=1) numbers the most probable outputs"
        )
    single = outputs.shape[1] == 1
    least, most = (1, 2) if single else (outputs.shape[1],) * 2
    if not least <= len(net.classes) <= most:
        raise InvalidValue(
            f"net.classes has {len(net.classes)} labels and the network {outputs.shape[1]} outputs; it takes "
            f"{'two labels, the second for outputs above 0.5' if single else 'a label for each output'}"
        )
    chosen = (outputs[:, 0] > 0.5).astype(int) if single else outputs.argmax(axis=1)
    return np.asarray(net.classes)[chosen if len(net.classes) > 1 else np.zeros_like(chosen)]


def outputs_of(net: Network, inputs: Rows, *, before_activation: bool = False, compiled: bool | None = None) -> Array:
    """Return the outputs for each row, or the sums before the last activation.

    `compiled` says if it is done by machine code where that is possible; None decides by the size.
    """
    if compiled is not False and not isinstance(inputs, PieceRows):
        outputs = machine_outputs(net, inputs, before_activation, any_size=bool(compiled))
        if outputs is not None:
            return outputs
    if len(inputs) <= ROWS_AT_A_TIME and isinstance(inputs, np.ndarray):
        return _forward(net, inputs, before_activation)
    outputs = np.empty((len(inputs), net.output_size or 0), net.dtype)
    if isinstance(inputs, PieceRows):
        for block, (x,) in blocks(inputs):
            assert x is not None
            outputs[block] = outputs_of(net, x, before_activation=before_activation, compiled=bool(compiled))
        return outputs
    for start in range(0, len(inputs), ROWS_AT_A_TIME):
        block = slice(start, start + ROWS_AT_A_TIME)
        outputs[block] = _forward(net, inputs[block], before_activation)
    return outputs


def _forward(net: Network, inputs: Array, before_activation: bool) -> Array:
    outputs = inputs
    for layer in net.layers[:-1]:
        outputs = layer.predict(outputs)
    last = net.layers[-1]
    return last.pre_activation(outputs)[0] if before_activation else last.predict(outputs)


def measure(
    net: Network,
    inputs: Rows,
    targets: Rows,
    sample_weight: Rows | None,
    loss: Loss,
    metrics: Mapping[str, Measure],
    *,
    compiled: bool | None = None,
    ranks: Ranks | Alone = ALONE,
) -> dict[str, float]:
    """Return the loss without penalties and each metric; all outputs are kept in memory only if there are metrics.

    Of outputs that are not all finite, those of a network whose training diverges, each metric is NaN.
    `compiled` is as for `outputs_of`. Of several ranks each gives its rows, and gets the numbers of all of them: rank 0
    gathers the outputs and measures them.
    """
    fused = is_fused(net.layers[-1], loss)
    if isinstance(inputs, PieceRows):
        compiled = bool(compiled)  # one engine for all blocks
    mean = total = 0.0
    kept: list[tuple[Array, Array]] = []
    for _, (x, y, w) in blocks(inputs, targets, sample_weight):
        assert x is not None
        assert y is not None
        outputs = outputs_of(net, x, before_activation=fused, compiled=compiled)
        value, _ = loss.value_and_gradient(y, outputs, w, from_logits=fused)
        weight = len(y) if w is None else float(w.sum())
        total += weight
        mean += (float(value) - mean) * (weight / total if total else 0.0)  # a running mean; exact for one block
        if metrics:
            kept.append((y, net.layers[-1].activation.value(outputs) if fused else outputs))
    mean = _mean(ranks.all((mean, total)))
    if not metrics:
        return {"loss": mean}
    kept = kept or [(targets[:0], np.zeros((0, net.output_size or 0), net.dtype))]
    y, outputs = kept[0] if len(kept) == 1 else map(np.concatenate, zip(*kept, strict=True))
    weights = None if sample_weight is None else sample_weight[:]
    return {"loss": mean} | metrics_of(y, outputs, weights, metrics, ranks)


def metrics_of(
    y: Array, outputs: Array, sample_weight: Array | None, metrics: Mapping[str, Measure], ranks: Ranks | Alone
) -> dict[str, float]:
    """Return each metric of the rows of all ranks, measured by rank 0."""
    y_of_all, outputs_of_all = ranks.gather(y), ranks.gather(outputs)
    weights = None if sample_weight is None else ranks.gather(sample_weight)
    measured: dict[str, float] = {}
    if y_of_all is not None and outputs_of_all is not None:
        finite = np.isfinite(outputs_of_all).all()
        measured = {
            name: metric(y_of_all, outputs_of_all, weights) if finite else math.nan for name, metric in metrics.items()
        }
    of_first: dict[str, float] = ranks.first(measured)
    return of_first


def _mean(parts: list[tuple[float, float]]) -> float:
    """Return the mean of means by their weights; exact for one."""
    mean = total = 0.0
    for value, weight in parts:
        total += weight
        mean += (value - mean) * (weight / total if total else 0.0)
    return mean
