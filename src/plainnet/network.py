"""Network: layers in order over one vector of parameters."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

import copy
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import losses
from plainnet._base import checks
from plainnet._base.arrays import Array, Shape, total, views
from plainnet._base.checks import assign
from plainnet._base.configurable import build, describe
from plainnet._base.mapped import MappedRows, Rows, blocks, rows_of
from plainnet._base.weighting import without_weightless
from plainnet._base.wording import aligned
from plainnet.backpropagation import backpropagate, is_fused
from plainnet.errors import InvalidType, InvalidValue
from plainnet.layers import LAYERS, Layer, TrainingPass
from plainnet.losses import Loss
from plainnet.metrics import Measure, resolve_all, warn_of_unweighted

if TYPE_CHECKING:
    from plainnet.history import History, Report
    from plainnet.optimizers import Optimizer
    from plainnet.training.options import BatchSize, ReportEvery

ROWS_AT_A_TIME = 8192
"""Predictions pass through the network in blocks of this many rows, so memory does not grow with the data."""


class Network:
    """Layers in order; each takes the outputs of the one before.

    `parameters` is one contiguous vector of all weights and biases, and every layer's arrays are views into it;
    `statistics` is another one, of what BatchNorm records. `seed` feeds three random streams, for the initial
    weights, the shuffling and the dropout masks; a network without a seed draws one and keeps it in `seed`.
    Where `input_size` is not given, the first `fit` takes it from the data.

    >>> import plainnet as pn
    >>> net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1)
    >>> net.layers[0].weights.shape, net.parameters.size
    ((3, 4), 21)
    """

    classes: list[Any] | None = None
    """The labels that the outputs stand for, as plain data, where an estimator made the network for classes."""

    data_files: tuple[str, ...] = ()
    """The files that the latest run's data were mapped from (`numpy.memmap`); nothing is saved over them."""

    trained_by: tuple[Loss, Optimizer] | None = None
    """The loss and the optimizer of the latest run, which the record of it names; neither is pickled."""

    def __init__(
        self,
        *layers: Layer,
        input_size: int | None = None,
        seed: int | None = None,
        dtype: str | np.dtype[Any] | type = "float32",
    ) -> None:
        self.layers = _checked_layers(layers)
        self.dtype = _checked_dtype(dtype)
        self.seed = _checked_seed(seed)
        self.input_size: int | None = None
        self.output_size: int | None = None
        self.history: History | None = None
        """The record of the latest training run."""
        self.table: dict[str, Any] | None = None
        """The schema of the table that the inputs were made from, as plain data, where there is one."""
        weights, shuffling, dropout, self._split_seed = np.random.SeedSequence(self.seed).spawn(4)
        self._weights_seed = weights
        self.shuffling = np.random.default_rng(shuffling)
        self.dropout = np.random.default_rng(dropout)
        if input_size is not None:
            self.build(input_size)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("layers", "seed", "dtype") and name in self.__dict__:
            instead = "net.copy(dtype=...)" if name == "dtype" else "a new Network"
            raise AttributeError(f"{name} of a network cannot be set: what is made from it is there; take {instead}")
        object.__setattr__(self, name, value)

    # ---- structure ----

    def build(self, input_size: int) -> None:
        """Allocate the parameters for examples of `input_size` features and draw the initial weights."""
        if self.is_built:
            raise InvalidValue(f"the network is already built for {self.input_size} inputs")
        self._parameter_shapes, self._statistic_shapes, output_shape = self._shapes(input_size)
        try:
            self._parameters = np.zeros(total(self._parameter_shapes), self.dtype)
            self._statistics = np.zeros(total(self._statistic_shapes), self.dtype)
        except (MemoryError, ValueError):
            count = total(self._parameter_shapes)
            raise InvalidValue(
                f"the network has {count:,} parameters, more than memory holds; make it smaller"
            ) from None
        self._bind()
        random = np.random.default_rng(self._weights_seed)
        for layer in self.layers:
            layer.initialize(random)
        self.input_size, self.output_size = int(input_size), output_shape[0]

    def unbuild(self) -> None:
        """Go back to before `build`: what a refused first fit leaves behind."""
        self.input_size = self.output_size = None
        for layer in self.layers:
            layer.unbind()

    def vector_sizes(self, input_size: int) -> tuple[int, int]:
        """How long `parameters` and `statistics` are for examples of `input_size` features; allocates nothing."""
        parameter_shapes, statistic_shapes, _ = self._shapes(input_size)
        return total(parameter_shapes), total(statistic_shapes)

    def _shapes(self, input_size: int) -> tuple[list[dict[str, Shape]], list[dict[str, Shape]], Shape]:
        """The shapes of each layer's parameters and statistics, and of one example's outputs."""
        shape: Shape = (checks.whole_number("input_size", input_size, least=1),)
        parameter_shapes: list[dict[str, Shape]] = []
        statistic_shapes: list[dict[str, Shape]] = []
        for layer in self.layers:
            parameter_shapes.append(layer.parameter_shapes(shape))
            statistic_shapes.append(layer.statistic_shapes(shape))
            shape = layer.output_shape(shape)
        return parameter_shapes, statistic_shapes, shape

    @property
    def is_built(self) -> bool:
        """Whether the input size is known and the parameters are there."""
        return self.input_size is not None

    @property
    def parameters(self) -> Array:
        """The one vector of all weights and biases; writing to it is seen by every layer."""
        self._require_built()
        return self._parameters

    @parameters.setter
    def parameters(self, values: Any) -> None:
        assign("parameters", self.parameters, values)

    @property
    def statistics(self) -> Array:
        """The vector of what layers record while training, such as running means; empty without BatchNorm."""
        self._require_built()
        return self._statistics

    @statistics.setter
    def statistics(self, values: Any) -> None:
        assign("statistics", self.statistics, values)

    def parameter_views(self, vector: Array) -> list[dict[str, Array]]:
        """For each layer, views by parameter name into any `vector` that is laid out like `parameters`."""
        self._require_built()
        return views(vector, self._parameter_shapes)

    def parameter_names(self) -> list[str]:
        """The name of every parameter array in the order of the vector, such as 'layers[0].weights'."""
        self._require_built()
        return [f"layers[{i}].{name}" for i, shapes in enumerate(self._parameter_shapes) for name in shapes]

    def _bind(self) -> None:
        """Point every layer's attributes at its part of the two vectors."""
        parameters = views(self._parameters, self._parameter_shapes)
        statistics = views(self._statistics, self._statistic_shapes)
        for layer, own_parameters, own_statistics in zip(self.layers, parameters, statistics, strict=True):
            layer.bind({**own_parameters, **own_statistics})

    def _require_built(self) -> None:
        if self.input_size is None:
            raise InvalidValue("the network has no parameters yet: give it an input_size, or fit it")

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "trained_by"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for layer in self.layers:
            layer.claim()
        if self.is_built:
            self._bind()

    def copy(self, dtype: str | None = None) -> Network:
        """An independent copy with the same parameters, statistics and random streams, in `dtype` if given."""
        twin = copy.deepcopy(self)
        twin.trained_by = self.trained_by
        if dtype is not None:
            twin.__dict__["dtype"] = _checked_dtype(dtype)
            if twin.is_built:
                twin._parameters = twin._parameters.astype(twin.dtype)
                twin._statistics = twin._statistics.astype(twin.dtype)
                twin._bind()
        return twin

    def __copy__(self) -> Network:
        return self.copy()  # a layer belongs to one network

    def describe(self) -> dict[str, Any]:
        """The network as plain data, without its parameters: what files, exporters and engines read."""
        layers = [describe(layer) for layer in self.layers]
        layers = [{"name": layer} if isinstance(layer, str) else layer for layer in layers]
        return {"layers": layers, "input_size": self.input_size, "dtype": self.dtype.name, "seed": self.seed}

    @classmethod
    def from_description(cls, description: Mapping[str, Any], custom: Iterable[Any] = ()) -> Network:
        """The network that `describe` gave `description` for; `custom` are the user's own classes and functions."""
        custom = tuple(custom)
        layers = [build("layer", layer, LAYERS, custom) for layer in description["layers"]]
        return cls(
            *layers,
            input_size=description["input_size"],
            seed=description["seed"],
            dtype=description["dtype"],
        )

    def summary(self) -> str:
        """Return a line for each layer: its arguments, the size of its outputs and its number of parameters."""
        rows = [("layer", "outputs", "parameters")]
        rows += [(repr(layer), str(units), f"{count:,}") for layer, units, count in self.layer_sizes()]
        size = f"{self.parameters.size:,} parameters, {self.dtype.name}" if self.is_built else "not built yet"
        return "\n".join([*aligned(rows), f"{self.input_size or '?'} inputs, {size}"])

    def layer_sizes(self) -> Iterator[tuple[Layer, int | str, int]]:
        """Each layer with the size of its outputs and its number of parameters ("?" and 0 before it is built)."""
        shape: Shape | None = (self.input_size,) if self.input_size is not None else None
        for layer in self.layers:
            if shape is None:
                yield layer, "?", 0
                continue
            count = total([layer.parameter_shapes(shape)])
            shape = layer.output_shape(shape)
            yield layer, shape[0], count

    def __repr__(self) -> str:
        return f"Network({', '.join(map(repr, self.layers))}, input_size={self.input_size}, dtype={self.dtype.name})"

    # ---- use ----

    def predict(self, X: Any) -> Array:
        """The outputs for each row of X, (examples, features) -> (examples, outputs); probabilities from softmax.

        Raises InvalidValue where X does not have the network's number of features or is not finite.
        """
        inputs = self.checked_inputs(X)
        outputs = self._in_blocks(inputs, stop_before_activation=False)
        return outputs.copy() if outputs is inputs else outputs  # layers that change nothing pass the caller's own on

    def logits(self, X: Any) -> Array:
        """The weighted sums z of the last layer for each row of X, of which `predict` gives the activation f(z)."""
        if not hasattr(self.layers[-1], "pre_activation"):
            raise InvalidValue(f"the last layer, {self.layers[-1]!r}, has no activation and so no sums before it")
        return self._in_blocks(self.checked_inputs(X), stop_before_activation=True)

    def evaluate(
        self,
        X: Any,
        y: Any,
        *,
        loss: Any = None,
        metrics: Sequence[Any] = (),
        sample_weight: Any = None,
    ) -> dict[str, float]:
        """The loss over the data, without penalties, and each metric (a name or a function of y and predictions).

        `sample_weight` weighs the loss and the metrics alike, and rows of weight 0 are left out. A function of your
        own is given the weights where it has an argument `sample_weight`; where it has none, its rows all count the
        same, and a warning says so.
        """
        inputs = self.checked_inputs(X)
        loss = self.checked_loss(loss)
        targets = self.checked_targets(y, loss, len(inputs))
        weights = self.checked_weights(sample_weight, len(inputs))
        inputs, targets, weights = without_weightless((inputs, targets, weights))
        measures = resolve_all(metrics)
        warn_of_unweighted(measures, weights)
        return self.measure(inputs, targets, loss, measures, weights)

    def measure(
        self,
        inputs: Rows,
        targets: Rows,
        loss: losses.Loss,
        metrics: Mapping[str, Measure],
        sample_weight: Array | None = None,
    ) -> dict[str, float]:
        """`evaluate` for arguments already checked; targets and predictions are kept only where metrics need them."""
        fused = is_fused(self.layers[-1], loss)
        mean = total = 0.0
        kept: list[tuple[Array, Array]] = []
        for block in blocks(inputs, targets):
            y, outputs = targets[block], self._in_blocks(inputs[block], stop_before_activation=fused)
            w = None if sample_weight is None else sample_weight[block]
            value, _ = loss.value_and_gradient(y, outputs, w, from_logits=fused)
            weight = len(y) if w is None else float(w.sum())
            total += weight
            mean += (float(value) - mean) * (weight / total if total else 0.0)  # of one block the very value
            if metrics:
                kept.append((y, self.layers[-1].activation.value(outputs) if fused else outputs))
        if not metrics:
            return {"loss": mean}
        y, outputs = kept[0] if len(kept) == 1 else map(np.concatenate, zip(*kept, strict=True))
        return {"loss": mean} | {name: metric(y, outputs, sample_weight) for name, metric in metrics.items()}

    def loss_and_gradient(
        self,
        X: Any,
        y: Any,
        *,
        loss: Any = None,
        sample_weight: Any = None,
        training: bool = True,
        dropout_seed: int = 0,
    ) -> tuple[float, Array]:
        """The loss of one training step on X and y, penalties included, and its gradient, laid out like `parameters`.

        `training=False` takes Dropout and BatchNorm as `predict` does. Nothing of the network changes: dropout masks
        come from `dropout_seed`, the same at every call, and running statistics stay as they are.
        """
        rows = self.checked_inputs(X)
        loss = self.checked_loss(loss)
        targets = self.checked_targets(y, loss, len(rows))
        weights = self.checked_weights(sample_weight, len(rows))
        rows, targets, weights = without_weightless((rows, targets, weights))
        step = TrainingPass(np.random.default_rng(dropout_seed), updates_statistics=False) if training else None
        gradient = np.zeros_like(self.parameters)
        views = self.parameter_views(gradient)
        # one step takes all rows at once, of a file too
        value = backpropagate(self.layers, loss, rows[:], targets[:], weights, step, views)
        return float(value), gradient

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        loss: Any = None,
        optimizer: Any = "adam",
        epochs: int = 100,
        batch_size: BatchSize = "auto",
        shuffle: bool = True,
        validation: Any = None,
        early_stopping: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        metrics: Sequence[Any] = (),
        report_every: ReportEvery = "auto",
        progress: bool = False,
        engine: str = "auto",
        threads: int | None = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int | str = "10s",
        resume: bool = False,
        **unknown: Any,
    ) -> History:
        """Train on examples X (examples, features) and targets y, neither of which is changed.

        Large `numpy.memmap` files are read in blocks and shuffled within them; see docs/large-data.md.

        Arguments:
            loss: a name, an object or a function; see `plainnet.losses`. It has to be given.
            optimizer: a name or an object such as `plainnet.SGD(learning_rate=0.1)`.
            epochs: passes over the data.
            batch_size: examples a step; None takes all of them at once, "auto" 32, or all where there are fewer.
            shuffle: a new order of the examples each epoch.
            validation: the fraction of the examples to hold out (drawn at random, class by class where y are
                labels; the same ones each time for one network), a pair (X, y), or (X, y, sample_weight). The
                validation loss and the metrics weigh these examples as the training does: a fraction keeps its
                sample weights, and class weights go for all.
            early_stopping: True, a patience in epochs, or an `EarlyStopping`; the best parameters are restored.
                It watches the validation loss, or the training loss where there is no validation.
            sample_weight: a weight for each example, (examples,). Examples of weight 0 are left out.
            class_weight: "balanced" (inverse to each class's share of the weights) or a dict {label: weight}.
            metrics: names or functions (targets, predictions) -> float, measured at each report. A function that
                has an argument `sample_weight` is given the weights; one that has none counts all examples the same.
            report_every: epochs from report to report, at which validation and early stopping happen. "auto" is
                every epoch; but in runs of more than 10,000 epochs of a small network, which take less time than
                their reports, it gives about a thousand reports, unless early stopping or a schedule that watches
                the loss, such as `ReduceOnPlateau`, needs them all.
            progress: show a progress bar on a terminal, or a line of text in a notebook and without the extra `cli`.
            engine: "numpy", "compiled" (extra `fast`), or "auto": compiled where that is installed and the work is
                worth it; see `plainnet.engines`.
            threads: how many to run on; None takes all cores where the steps are large enough to share, and one
                where the caller itself runs in parallel.
            checkpoint: a file to write the run's whole state to as it goes on; see `plainnet.training.checkpoints`.
            checkpoint_every: epochs (10) or seconds ("30s") from checkpoint to checkpoint; one more at the end.
            resume: go on from the checkpoint, to the same bits as without an interruption; from the beginning
                where the file does not exist yet.

        Returns the record of the run, which `history` keeps as well. Raises InvalidValue or InvalidType for
        arguments that do not fit; DivergenceError where the loss stops being finite, with the network back at its
        last parameters that gave a finite loss.
        """
        options = {**locals(), **unknown}  # by their names, so that no option has to be listed once more
        for name in ("self", "X", "y", "unknown"):
            del options[name]
        from plainnet.training import fit  # training stands above; imported when called, like all verbs below

        return fit(self, X, y, **options)

    def training(self, X: Any, y: Any, **options: Any) -> Generator[Report, None, None]:
        """Train as `fit` does, with the same options but `progress`, as an iterator of reports.

        The options are checked at the call; training starts with the first `next`. Closing the iterator early, or an
        interrupt, leaves the network with the best parameters where early stopping keeps them, otherwise with those
        of the last whole epoch.
        """
        from plainnet.training import training

        return training(self, X, y, **options)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the network to an `.npz` file that `plainnet.load` reads; see `plainnet.files.model`."""
        from plainnet.files.model import save

        save(self, path)

    def export(self, path: str | PathLike[str], to: str | None = None, **options: Any) -> None:
        """Write the network for other programs: "onnx", "safetensors", "script" or "trainer"; see `plainnet.export`.

        Without `to` the path's ending says which: .onnx, .safetensors, or .py for the script.
        """
        from plainnet.export import export

        export(self, path, to, **options)

    def _repr_html_(self) -> str:
        from plainnet.plots.notebook import network_html

        return network_html(self)

    def _repr_png_(self) -> bytes | None:
        from plainnet.plots.notebook import network_png

        return network_png(self)

    # ---- checks and passes shared with training ----

    def checked_inputs(self, X: Any, name: str = "X") -> Rows:
        """X as finite examples of the network's dtype and input size; rows of a large file are checked when read."""
        inputs = rows_of(X, lambda values: checks.examples(name, values, self.dtype))
        self._require_built()
        if inputs.shape[1] != self.input_size:
            raise InvalidValue(f"{name} has {inputs.shape[1]} columns and the network takes {self.input_size} inputs")
        return inputs

    def checked_loss(self, loss: Any) -> losses.Loss:
        """The loss by name or object, refused where it does not suit the last layer's activation."""
        if loss is None:
            raise InvalidType(f"loss is missing; {self.usual_loss()}; known: {', '.join(losses.LOSSES)}")
        resolved = losses.resolve(loss)
        activation = getattr(self.layers[-1], "activation", None)
        if activation is not None:
            resolved.check_output(activation.name)
        return resolved

    def usual_loss(self) -> str:
        """The loss that suits the last layer, in words for a message."""
        activation = getattr(self.layers[-1], "activation", None)
        name = "identity" if activation is None else activation.name
        return f"the usual one after {name!r} is loss={losses.usual_after(name)!r}"

    def checked_targets(self, y: Any, loss: losses.Loss, rows: int, name: str = "y", of: str = "X") -> Rows:
        """y as `loss` takes it, for as many rows; those of a large file are checked when they are read.

        The user knows y as the argument `name`, and the examples as `of`.
        """

        def check(values: Any) -> Array:
            with checks.called(name, inside="y"):
                return loss.prepare(values, self.output_size or 0, self.dtype)

        targets = rows_of(y, check)
        checks.same_rows(name, targets, rows, of)
        return targets

    def checked_weights(
        self, sample_weight: Any, rows: int, name: str = "sample_weight", of: str = "X"
    ) -> Array | None:
        """Sample weights as a vector of the network's dtype: at least 0, not all 0."""
        return None if sample_weight is None else checks.weights(name, sample_weight, self.dtype, rows, of)

    def split_random(self) -> np.random.Generator:
        """A generator for splitting off validation rows: the same split at every call."""
        return np.random.default_rng(self._split_seed)

    def _in_blocks(self, inputs: Rows, *, stop_before_activation: bool) -> Array:
        if len(inputs) <= ROWS_AT_A_TIME and isinstance(inputs, np.ndarray):
            return self._forward(inputs, stop_before_activation)
        outputs = np.empty((len(inputs), self.output_size or 0), self.dtype)
        if isinstance(inputs, MappedRows):
            for block in blocks(inputs):
                outputs[block] = self._in_blocks(inputs[block], stop_before_activation=stop_before_activation)
            return outputs
        for start in range(0, len(inputs), ROWS_AT_A_TIME):
            block = slice(start, start + ROWS_AT_A_TIME)
            outputs[block] = self._forward(inputs[block], stop_before_activation)
        return outputs

    def _forward(self, inputs: Array, stop_before_activation: bool) -> Array:
        outputs = inputs
        for layer in self.layers[:-1]:
            outputs = layer.predict(outputs)
        last = self.layers[-1]
        return last.pre_activation(outputs)[0] if stop_before_activation else last.predict(outputs)


def _checked_layers(layers: tuple[Any, ...]) -> tuple[Any, ...]:
    if not layers:
        raise InvalidValue("Network takes at least one layer, such as Network(Dense(1))")
    for i, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise InvalidType(
                f"layer {i} is {layer!r}; Network takes layers one by one, such as Network(Dense(4), Dense(1)), "
                "and a layer of your own is a subclass of plainnet.Layer"
            )
    for layer in layers:
        layer.claim()
    return layers


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        checked = np.dtype(dtype)
    except TypeError:
        checked = None
    if checked not in (np.dtype("float32"), np.dtype("float64")):
        raise InvalidValue(f"dtype is {dtype!r}; it takes 'float32' or 'float64'")
    return checked


def _checked_seed(seed: int | None) -> int:
    if seed is None:
        return int(np.random.SeedSequence().entropy)  # type: ignore[arg-type]
    return checks.whole_number("seed", seed, least=0)
