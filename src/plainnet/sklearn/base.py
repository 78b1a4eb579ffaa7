"""What the two estimators share: from checked data to a trained network, and back to predictions."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator  # type: ignore[import-untyped]
from sklearn.utils import check_random_state, column_or_1d  # type: ignore[import-untyped]
from sklearn.utils.validation import (  # type: ignore[import-untyped]
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from plainnet import __version__, activations
from plainnet._base.arrays import Array
from plainnet.engines import blas
from plainnet.errors import InvalidType, InvalidValue, warn
from plainnet.network import ROWS_AT_A_TIME, Network
from plainnet.sklearn import architecture, constraints, stopping
from plainnet.sklearn.architecture import OURS
from plainnet.sklearn.labels import weight_by_class
from plainnet.sklearn.lbfgs import fit_lbfgs
from plainnet.sklearn.objective import Objective, dense_layers
from plainnet.sklearn.rows import Given, Rows, refuse_masked
from plainnet.sklearn.stochastic import StochasticRun, threads_of
from plainnet.sklearn.weights import ArrayList

THEIRS = {ours: theirs for theirs, ours in OURS.items()}


class BaseMLP(BaseEstimator):  # type: ignore[misc]
    """The shared part; a subclass says how targets are encoded, which loss fits them, and how outputs are read.

    Its part: `_numeric_targets`, `_loss_name`; `_meet(y, fresh, incremental, classes)` learns or checks the labels,
    `_encode(y)` makes numbers of them, `_network_outputs(encoded)` gives the number and activation of the outputs,
    `_score(encoded, outputs, sample_weight)` says how good outputs are, and `_read(outputs)` makes them predictions.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = constraints.SHARED

    network_: Network
    n_iter_: int
    loss_: float

    def _keep(self, arguments: dict[str, Any]) -> None:
        """Keep the constructor's arguments under their own names, untouched, as scikit-learn's `clone` expects."""
        for name, value in arguments.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    # ---- fitted attributes that are the network's own ----

    @property
    def coefs_(self) -> ArrayList:
        """The weights of each layer, (inputs, units): views into the network's parameters."""
        return ArrayList("coefs_", [layer.weights for layer in dense_layers(self._network("coefs_"))])

    @coefs_.setter
    def coefs_(self, arrays: Any) -> None:
        self.coefs_.write(arrays)

    @property
    def intercepts_(self) -> ArrayList:
        """The biases of each layer, (units,): views into the network's parameters."""
        return ArrayList(
            "intercepts_",
            [layer.bias for layer in dense_layers(self._network("intercepts_")) if layer.bias is not None],
        )

    @intercepts_.setter
    def intercepts_(self, arrays: Any) -> None:
        self.intercepts_.write(arrays)

    @property
    def n_layers_(self) -> int:
        """Layers, input and output among them."""
        return len(dense_layers(self._network("n_layers_"))) + 1

    @property
    def n_outputs_(self) -> int:
        """Outputs of the network."""
        return int(self._network("n_outputs_").output_size or 0)

    @property
    def out_activation_(self) -> str:
        """The activation of the outputs, in scikit-learn's words; assigning another changes the network."""
        name: str = self._network("out_activation_").layers[-1].activation.name
        return THEIRS.get(name, name)

    @out_activation_.setter
    def out_activation_(self, name: str) -> None:
        network = self._network("out_activation_")
        function = activations.resolve(OURS.get(name, name))
        Objective(self._loss_name, network, self.alpha).check_output(function.name)
        network.layers[-1].activation = function

    def _network(self, asked: str) -> Network:
        if "network_" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no attribute {asked!r} before it is fitted")
        return self.network_

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_plainnet_version": __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        written = state.get("_plainnet_version", "0.1.0")
        if written != __version__:
            warn(
                f"this {type(self).__name__} was pickled by plainnet {written} and is read by {__version__}, which may "
                "differ; files of network_.save are read by every later version",
            )
        super().__setstate__(state)

    def set_params(self, **params: Any) -> Self:
        for name in params:
            parameter, nested, _ = name.partition("__")
            value = params.get(parameter, getattr(self, parameter, None))
            if nested and hasattr(self, parameter) and not hasattr(value, "set_params"):
                raise InvalidValue(
                    f"{name} cannot be set: {parameter} is {value!r}, which has no settings of its own; give an "
                    "object, such as solver=plainnet.AdamW(0.001), or set the estimator's own parameters"
                )
        super().set_params(**params)
        return self

    # ---- training ----

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        given: Given | None = None,
        *,
        incremental: bool = False,
        classes: Any = None,
    ) -> Self:
        before = self.__dict__.copy()
        try:
            train = self._prepare(X, y, sample_weight, given, incremental, classes)
        except BaseException:
            self.__dict__ = before  # what is refused leaves the estimator as it was
            raise
        with blas.limited(threads_of(self.n_jobs)):
            train()
        return self

    def _prepare(
        self, X: Any, y: Any, sample_weight: Any, given: Given | None, incremental: bool, classes: Any
    ) -> Callable[[], None]:
        """Check everything and make the network where it is new; returns the training that can then begin."""
        self._validate_params()
        constraints.check_combination(self)
        fresh = "network_" not in self.__dict__ or not (self.warm_start or incremental)
        X, y = self._checked(X, y, reset=fresh)
        self._meet(y, fresh, incremental, classes)
        encoded = self._encode(y)
        self._random_state = check_random_state(self.random_state)
        if fresh:
            self._start(X, encoded)
        else:
            architecture.refuse_other_layers(self)
        by_class = self._class_weights(encoded, incremental)
        rows = self._rows(X, encoded, sample_weight, by_class)
        held = None if given is None else self._validation_rows(given, by_class)
        if self.solver == "lbfgs":
            return partial(fit_lbfgs, self, rows, held)
        return StochasticRun(self, rows, held, incremental).train

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """X as numbers of its own float type, y as a vector where it is one column; `reset` learns the columns of X."""
        refuse_masked(X=X, y=y)
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=self._numeric_targets,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _start(self, X: Any, encoded: Array) -> None:
        """A new network, and nothing of an earlier fit."""
        outputs, activation = self._network_outputs(encoded)
        self.network_ = architecture.build_network(self, X.shape[1], outputs, activation, X.dtype, self._random_state)
        self.n_iter_ = self.t_ = 0
        self._solver_memory = None
        stopping.forget_curves(self)

    def _rows(self, X: Any, encoded: Array, sample_weight: Any, by_class: Array | None) -> Rows:
        """Checked data as the network and its loss take it, by the checks of `Network.fit`."""
        network = self.network_
        objective = Objective(self._loss_name, network, self.alpha)
        inputs = network.checked_inputs(_dense(X))
        targets = network.checked_targets(encoded, objective, len(inputs))
        refuse_masked(sample_weight=sample_weight)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        if by_class is not None:
            weights = weight_by_class(by_class, encoded)
            sample_weight = weights if sample_weight is None else weights * sample_weight
            if not sample_weight.any():
                raise InvalidValue("class_weight and sample_weight give all rows weight 0; some must count")
        weight = network.checked_weights(sample_weight, len(inputs))
        return Rows(inputs[:], targets[:], encoded, weight)

    def _validation_rows(self, given: Given, by_class: Array | None) -> Rows:
        """The validation rows, which count by the same weights as the training rows."""
        try:
            X, y = self._checked(given.X, given.y, reset=False)
            rows = self._rows(X, self._encode(y), given.sample_weight, by_class)
        except (ValueError, TypeError) as error:
            refusal = InvalidType if isinstance(error, TypeError) else InvalidValue
            raise refusal(f"{given.named}: {error}") from None
        if self.early_stopping and len(rows.inputs) < 2:
            raise InvalidValue(f"{given.named}: the validation set is too small; early_stopping takes at least 2 rows")
        return rows

    def _class_weights(self, encoded: Array, incremental: bool) -> Array | None:
        """The table of `labels.class_weights`; None where all classes count the same."""
        return None

    def _is_telling(self, rows: Rows) -> bool:
        """Whether the score of these rows says how good predictions are."""
        return True

    def _strata(self, truth: Array) -> Array | None:
        """The classes by which rows are held out in equal shares, where they are."""
        return None

    # ---- predicting ----

    def _outputs(self, X: Any, before_activation: bool = False) -> Array:
        """The network's outputs, or the sums before their activation, for checked X, (examples, outputs)."""
        check_is_fitted(self)
        refuse_masked(X=X)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        outputs = self.network_.logits if before_activation else self.network_.predict
        if not hasattr(X, "toarray"):
            return outputs(X)
        rows = X.tocsr()
        starts = range(0, X.shape[0], ROWS_AT_A_TIME)
        return np.concatenate([outputs(_dense(rows[i : i + ROWS_AT_A_TIME])) for i in starts])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _dense(X: Any) -> Any:
    return X.toarray() if hasattr(X, "toarray") else X
