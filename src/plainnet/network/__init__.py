"""Network: layers in order over one vector of parameters."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

import copy
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array, Shape, total, views
from plainnet._base.checks import assign
from plainnet._base.configurable import build, describe
from plainnet._base.weighting import in_memory, without_weightless
from plainnet._base.wording import aligned
from plainnet.backpropagation import backpropagate
from plainnet.errors import InvalidType, InvalidValue
from plainnet.layers import LAYERS, Layer, TrainingPass
from plainnet.metrics import resolve_all, warn_of_unweighted
from plainnet.network.examples import NOT_BUILT, examples_for, loss_for
from plainnet.network.prediction import MachineCode, checked_outputs, labels, measure

if TYPE_CHECKING:
    from plainnet.history import History, Report
    from plainnet.losses import Loss
    from plainnet.optimizers import Optimizer
    from plainnet.training.options import BatchSize, ReportEvery


class Network:
    """A network is layers in order; each takes the outputs of the one before.

    `parameters` is one contiguous vector of all weights and biases, and every layer's arrays are views into it;
    `statistics` is a second vector, for what BatchNorm records.

    Arguments:
        layers: one or more objects such as `Dense(4, "tanh")`; a layer belongs to one network.
        input_size: features per example, at least 1; if not given, the first `fit` takes it from the data.
        seed: a whole number of at least 0 for the random streams of the initial weights, the shuffling, the dropout
            masks and the validation split; if not given, one is drawn and kept in `seed`.
        dtype: "float32" or "float64", the number type of parameters, inputs and outputs.

    Raises InvalidValue or InvalidType for arguments that do not fit.

    >>> import plainnet as pn
    >>> net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1)
    >>> net.layers[0].weights.shape, net.parameters.size
    ((3, 4), 21)
    """

    classes: list[Any] | None = None
    """The labels that the outputs stand for, as plain data, if an estimator or the user gave them."""

    data_files: tuple[str, ...] = ()
    """The files that the data of the latest run were mapped from (`numpy.memmap`); nothing is saved over them."""

    trained_by: tuple[Loss, Optimizer] | None = None
    """The loss and the optimizer of the latest run, which the record of it names; neither is pickled."""

    _machine_code: MachineCode | None = None
    """The network's prediction as machine code, if it has been asked for; neither pickled nor copied."""

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
        """The schema of the table that the inputs were made from, as plain data, if there is one."""
        self._begin_streams()
        if input_size is not None:
            self.build(input_size)

    def _begin_streams(self) -> None:
        self._weights_seed, shuffling, dropout, self.split_seed = np.random.SeedSequence(self.seed).spawn(4)
        self.shuffling = np.random.default_rng(shuffling)
        self.dropout = np.random.default_rng(dropout)

    def reseed(self, seed: int) -> None:
        """Take the `seed` of another network, as ranks do that train one together; parameters stay as they are."""
        self.__dict__["seed"] = seed
        self._begin_streams()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("layers", "seed", "dtype") and name in self.__dict__:
            instead = "net.copy(dtype=...)" if name == "dtype" else "a new Network"
            raise AttributeError(f"{name} of a network cannot be set, as other parts were made from it; take {instead}")
        object.__setattr__(self, name, value)

    # ---- structure ----

    def build(self, input_size: int) -> None:
        """Allocate the parameters for examples of `input_size` features and draw the initial weights.

        Raises InvalidValue where the network is built already, or a layer does not take such examples.
        """
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
        """Undo `build`, as a first fit does that raises an error before the training."""
        self.input_size = self.output_size = self._machine_code = None
        for layer in self.layers:
            layer.unbind()

    def vector_sizes(self, input_size: int) -> tuple[int, int]:
        """Return the lengths of `parameters` and `statistics` for `input_size` features; allocate nothing."""
        parameter_shapes, statistic_shapes, _ = self._shapes(input_size)
        return total(parameter_shapes), total(statistic_shapes)

    def _shapes(self, input_size: int) -> tuple[list[dict[str, Shape]], list[dict[str, Shape]], Shape]:
        """Return the shapes of each layer's parameters and statistics, and of one example's outputs."""
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
        """True if the input size is known and the parameters exist."""
        return self.input_size is not None

    @property
    def parameters(self) -> Array:
        """The vector of all weights and biases; every layer sees what is written to it."""
        self._require_built()
        return self._parameters

    @parameters.setter
    def parameters(self, values: Any) -> None:
        assign("parameters", self.parameters, values)

    @property
    def statistics(self) -> Array:
        """The vector of what layers record in training, such as running means; empty without BatchNorm."""
        self._require_built()
        return self._statistics

    @statistics.setter
    def statistics(self, values: Any) -> None:
        assign("statistics", self.statistics, values)

    def parameter_views(self, vector: Array) -> list[dict[str, Array]]:
        """Return for each layer views by parameter name into a `vector` that is laid out like `parameters`."""
        self._require_built()
        return views(vector, self._parameter_shapes)

    def parameter_names(self) -> list[str]:
        """Return the name of every parameter array, such as 'layers[0].weights', in the order of the vector."""
        self._require_built()
        return [f"layers[{i}].{name}" for i, shapes in enumerate(self._parameter_shapes) for name in shapes]

    def _bind(self) -> None:
        """Make every layer's attributes views into its part of the two vectors."""
        self._machine_code = None
        parameters = views(self._parameters, self._parameter_shapes)
        statistics = views(self._statistics, self._statistic_shapes)
        for layer, own_parameters, own_statistics in zip(self.layers, parameters, statistics, strict=True):
            layer.bind({**own_parameters, **own_statistics})

    def _require_built(self) -> None:
        if self.input_size is None:
            raise InvalidValue(NOT_BUILT)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("trained_by", "_machine_code")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for layer in self.layers:
            layer.claim()
        if self.is_built:
            self._bind()

    def copy(self, dtype: str | None = None) -> Network:
        """Return an independent copy with the same parameters, statistics and random streams, in `dtype` if given."""
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
        """Return the network without its parameters as plain data, which files, exporters and engines read."""
        layers = [describe(layer) for layer in self.layers]
        layers = [{"name": layer} if isinstance(layer, str) else layer for layer in layers]
        return {"layers": layers, "input_size": self.input_size, "dtype": self.dtype.name, "seed": self.seed}

    @classmethod
    def from_description(cls, description: Mapping[str, Any], custom: Iterable[Any] = ()) -> Network:
        """Return the network of a `description` that `describe` returned; its weights are drawn anew from its seed.

        `custom` are the user's own classes and functions in it.
        """
        custom = tuple(custom)
        layers = [build("layer", layer, LAYERS, custom) for layer in description["layers"]]
        return cls(
            *layers,
            input_size=description["input_size"],
            seed=description["seed"],
            dtype=description["dtype"],
        )

    def summary(self) -> str:
        """Return a line for each layer: its arguments, the size of its outputs and its number of parameters.

        >>> import plainnet as pn
        >>> print(pn.Network(pn.Dense(4, "tanh"), pn.Dense(1), input_size=3).summary())
        layer                              outputs  parameters
        Dense(units=4, activation='tanh')        4          16
        Dense(units=1)                           1           5
        3 inputs, 21 parameters, float32
        """
        rows = [("layer", "outputs", "parameters")]
        rows += [(repr(layer), str(units), f"{count:,}") for layer, units, count in self.layer_sizes()]
        size = f"{self.parameters.size:,} parameters, {self.dtype.name}" if self.is_built else "not built yet"
        return "\n".join([*aligned(rows), f"{self.input_size or '?'} inputs, {size}"])

    def layer_sizes(self) -> Iterator[tuple[Layer, int | str, int]]:
        """Yield each layer with the size of its outputs and its number of parameters ("?" and 0 before it is built)."""
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

    def predict(self, X: Any, *, engine: str = "auto") -> Array:
        """Return the outputs for each row of X, (examples, features) -> (examples, outputs).

        After softmax or sigmoid they are probabilities. Raises InvalidValue if X does not have the network's number
        of features or is not finite.

        A network that was trained on a table takes its rows too: a frame of polars or pandas, a list of dicts, or the
        name of a table file, with the table's columns in any order; others are not looked at. What training did not
        have (other categories, missing values) gets a warning, and columns that are lacking or hold another kind of
        values raise InvalidValue. An array has the features that `plainnet.tabular.Table.features` makes of them.

        `engine` is "numpy", "compiled" (extra `fast`), or "auto": compiled if that is installed and X is small. NumPy
        predicts whatever is asked for where a part is your own or X is a file. The two differ by rounding. Which one
        "auto" takes depends on the sizes of the network and of X alone, so equal networks give the same X the same
        outputs at every call.

        >>> import plainnet as pn
        >>> net = pn.Network(pn.Dense(1, "sigmoid"), input_size=2, dtype="float64")
        >>> net.layers[0].weights, net.layers[0].bias = [[1], [-1]], [0.5]
        >>> net.predict([[0, 0], [1, 0], [0, 1]]).round(3).ravel().tolist()
        [0.622, 0.818, 0.378]
        """
        return checked_outputs(self, X, engine=engine)

    def predict_labels(self, X: Any, *, engine: str = "auto") -> Array:
        """Return for each row of X what `predict` means, (examples,): a label, or a quantity in the target's own units.

        X and `engine` are as for `predict`. The labels are those of the table that the network was trained on, or
        `classes`; raises InvalidValue for a network that has neither.

        >>> import plainnet as pn
        >>> net = pn.Network(pn.Dense(2, "softmax"), input_size=2)
        >>> net.layers[0].weights = [[1, 0], [0, 1]]
        >>> net.classes = ["more of the first", "more of the second"]
        >>> net.predict_labels([[3, 1], [0, 2]]).tolist()
        ['more of the first', 'more of the second']
        """
        return labels(self, X, engine)

    def logits(self, X: Any, *, engine: str = "auto") -> Array:
        """Return for each row of X the weighted sums z of the last layer, whose activation f(z) `predict` returns.

        X and `engine` are as for `predict`; the result is (examples, outputs). Raises InvalidValue where the last layer
        has no activation.
        """
        if not self.layers[-1].ends_in_activation:
            raise InvalidValue(f"the last layer, {self.layers[-1]!r}, has no activation and so no sums before it")
        return checked_outputs(self, X, before_activation=True, engine=engine)

    def evaluate(
        self,
        X: Any,
        y: Any,
        *,
        loss: Any = None,
        metrics: Sequence[Any] = (),
        sample_weight: Any = None,
    ) -> dict[str, float]:
        """Return the loss over the data, without penalties, and each metric by its name.

        Arguments:
            X: the examples, as `predict` takes them.
            y: the targets, as `fit` takes them.
            loss: a name, an object or a function; see `plainnet.losses`. It has to be given.
            metrics: names or functions (targets, predictions) -> float.
            sample_weight: a weight of at least 0 for each example, for the loss and the metrics; rows of weight 0 are
                left out. A function gets the weights if it has an argument `sample_weight`; otherwise all its rows
                count the same, and a warning says so.

        Raises InvalidValue or InvalidType for arguments that do not fit.

        >>> import plainnet as pn
        >>> net = pn.Network(pn.Dense(1), input_size=1)
        >>> net.layers[0].weights = 2
        >>> net.evaluate([[1], [2]], [[3], [3]], loss="mse", metrics=["mae"])
        {'loss': 1.0, 'mae': 1.0}
        """
        loss = loss_for(self, loss)
        inputs, targets, weights = without_weightless(examples_for(self, X, y, loss, sample_weight))
        measures = resolve_all(metrics)
        warn_of_unweighted(measures, None if weights is None else weights[:])
        return measure(self, inputs, targets, weights, loss, measures)

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
        """Return the loss of one training step, penalties included, and its gradient, laid out like `parameters`.

        X, y, `loss` and `sample_weight` are as for `evaluate`. With `training=False` Dropout and BatchNorm work as in
        `predict`. The network does not change: the dropout masks come from `dropout_seed`, the same at every call, and
        the running statistics stay as they are.

        >>> import plainnet as pn
        >>> net = pn.Network(pn.Dense(1), input_size=1, dtype="float64")
        >>> net.layers[0].weights = 2
        >>> loss, gradient = net.loss_and_gradient([[1.0]], [[3.0]], loss="mse")
        >>> loss, gradient.tolist()  # (2 - 3)², and 2 (2 - 3) for the weight and the bias
        (1.0, [-2.0, -2.0])
        """
        loss = loss_for(self, loss)
        examples = in_memory(without_weightless(examples_for(self, X, y, loss, sample_weight)))
        step = TrainingPass(np.random.default_rng(dropout_seed), updates_statistics=False) if training else None
        gradient = np.zeros_like(self.parameters)
        views = self.parameter_views(gradient)
        value = backpropagate(self.layers, loss, *examples, step, views)
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
        communicator: Any = None,
        compression: str | None = None,
        **unknown: Any,
    ) -> History:
        """Train on examples X (examples, features) and targets y, neither of which is changed.

        Large `numpy.memmap` files are read in blocks and shuffled within them; see docs/use/large-data.md.

        Arguments:
            loss: a name, an object or a function; see `plainnet.losses`. It has to be given.
            optimizer: a name or an object such as `plainnet.SGD(learning_rate=0.1)`.
            epochs: passes over the data, at least 1.
            batch_size: examples per step, at least 1; None for all at once; "auto" for 32, or all if there are fewer.
            shuffle: True for a new order of the examples in each epoch.
            validation: the fraction of the examples to hold out (drawn at random, class by class if y are labels;
                the same ones each time for one network), a pair (X, y), or (X, y, sample_weight). A fraction keeps
                its sample weights, and class weights apply to the validation examples too.
            early_stopping: True, a patience in epochs, or an `EarlyStopping`; the best parameters are restored.
                It watches the validation loss, or without validation the training loss, or a metric by its name.
            sample_weight: a weight of at least 0 for each example, (examples,). Examples of weight 0 are left out.
            class_weight: "balanced" (inverse to each class's share of the weights) or a dict {label: weight}.
            metrics: names or functions (targets, predictions) -> float, measured at each report. A function gets the
                weights if it has an argument `sample_weight`; otherwise all examples count the same.
            report_every: epochs from report to report, at least 1; validation and early stopping happen at reports.
                "auto" is every epoch, but about a thousand reports in runs of more than 10,000 epochs of a small
                network, unless early stopping or a schedule that watches the loss, such as `ReduceOnPlateau`, needs
                them all.
            progress: True for a progress bar on a terminal, or a line of text in a notebook or without the extra `cli`.
            engine: "numpy", "compiled" (extra `fast`), or "auto": compiled if that is installed and the work is
                worth it; see `plainnet.engines`.
            threads: the number of threads, at least 1; None for all cores if the steps are large enough to share, or
                one if the caller itself runs in parallel.
            checkpoint: a file for the run's whole state, written as it goes on; see `plainnet.training.checkpoints`.
            checkpoint_every: epochs (10) or seconds ("30s") from checkpoint to checkpoint; one more at the end.
            resume: True to continue from the checkpoint, to the same bits as without an interruption; if the file
                does not exist yet, the run starts from the beginning.
            communicator: a communicator of mpi4py (extra `cluster`), such as `MPI.COMM_WORLD`, whose ranks train this
                network together: each calls `fit` with the same options and its own share of the rows. The shares may
                differ in size, and a share may be empty. `batch_size` counts the rows of all ranks, and the network,
                the history and every report are the same on all of them; see docs/use/cluster.md.
            compression: "float16" or "bfloat16", the number type in which gradients travel between ranks: half the
                bytes of float32, and less precise; None for the network's own.

        Returns the record of the run, which is also in `history`. Raises InvalidValue or InvalidType for arguments
        that do not fit; DivergenceError if the loss stops being finite, with the network back at its last parameters
        that gave a finite loss.

        >>> import plainnet as pn
        >>> X, y = pn.datasets.moons(200, noise=0.1, seed=1)
        >>> net = pn.Network(pn.Dense(16, "tanh"), pn.Dense(2, "softmax"), seed=1)
        >>> history = net.fit(X, y, loss="cross_entropy", optimizer=pn.Adam(0.01), epochs=100, validation=0.2,
        ...                   early_stopping=20, metrics=["accuracy"])
        >>> history.metrics["accuracy"][-1] > 0.9
        True
        """
        options = {**locals(), **unknown}  # by name, so that they need not be listed again
        for name in ("self", "X", "y", "unknown"):
            del options[name]
        from plainnet.training import fit  # it is above network, as are the imports below

        return fit(self, X, y, **options)

    def training(self, X: Any, y: Any, **options: Any) -> Generator[Report, None, None]:
        """Train as an iterator of reports; X, y and the options are those of `fit` but `progress`.

        The options are checked at the call; training starts with the first `next`. If the iterator is closed early or
        interrupted, the network has the best parameters if early stopping keeps them, otherwise those of the last
        whole epoch. Yields a `Report` every `report_every` epochs. Raises as `fit` does.

        >>> import plainnet as pn
        >>> X, y = pn.datasets.xor()
        >>> net = pn.Network(pn.Dense(4, "tanh"), pn.Dense(1, "sigmoid"), seed=1)
        >>> for report in net.training(X, y, loss="mse", optimizer=pn.SGD(1.0), epochs=10_000, report_every=10):
        ...     if report.loss < 0.01:
        ...         break
        >>> report.epoch < 10_000
        True
        """
        from plainnet.training import training

        return training(self, X, y, **options)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the network to an `.npz` file at `path`, which `plainnet.load` reads.

        The file holds the layers, their parameters and statistics, the table's schema, the classes and the history; an
        existing file is replaced only by a whole new one. Raises InvalidValue where the network is not built, FileError
        where the file cannot be written.
        """
        from plainnet.files.model import save

        save(self, path)

    def export(self, path: str | PathLike[str], to: str | None = None, **options: Any) -> None:
        """Write the network for other programs: "onnx", "safetensors", "script", "trainer" or "c".

        Arguments:
            path: the file.
            to: the format; without it the path's ending decides: .onnx, .safetensors, .c, or .py for the script.
            options: those of the format, such as `layout="pytorch"` of safetensors; see docs/use/export.md.

        Raises InvalidValue for an unknown format and for a network that the format cannot hold, FileError where the
        file cannot be written, MissingExtraError where the format's library is not installed.
        """
        from plainnet.export import export

        export(self, path, to, **options)

    def _repr_html_(self) -> str:
        from plainnet.plots.notebook import network_html

        return network_html(self)

    def _repr_png_(self) -> bytes | None:
        from plainnet.plots.notebook import network_png

        return network_png(self)


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
