"""What the two estimators share: from checked data to a trained network, and back to predictions."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator  # type: ignore[import-untyped]
from sklearn.utils import check_random_state, column_or_1d  # type: ignore[import-untyped]
from sklearn.utils.validation import (  # type: ignore[import-untyped]
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from plainnet import engines
from plainnet.arrays import Array
from plainnet.engines import blas
from plainnet.errors import InvalidType, InvalidValue
from plainnet.network import ROWS_AT_A_TIME, Network
from plainnet.sklearn import architecture, constraints, stopping
from plainnet.sklearn.lbfgs import fit_lbfgs
from plainnet.sklearn.objective import Objective, dense_layers
from plainnet.sklearn.stochastic import fit_stochastic
from plainnet.sklearn.stopping import Rows


class BaseMLP(BaseEstimator):  # type: ignore[misc]
    """The shared part; a subclass says how targets are encoded, which loss fits them, and how outputs are read.

    Its part: `_numeric_targets`, `_loss_name`, `_output_activation`; `_meet(y, fresh, incremental)` learns or checks
    the labels, `_encode(y)` makes y targets (examples, outputs), `_truth(encoded)` what `_score(truth, outputs,
    sample_weight)` compares with, and `_read(outputs)` makes outputs predictions.
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

    # ---- the weights ----

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, (inputs, units): views into the network's parameters."""
        return [layer.weights for layer in self._dense_layers("coefs_")]

    @coefs_.setter
    def coefs_(self, arrays: Sequence[Array]) -> None:
        for layer, array in zip(self._dense_layers("coefs_"), arrays, strict=True):
            layer.weights = array

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer, (units,): views into the network's parameters."""
        return [layer.bias for layer in self._dense_layers("intercepts_") if layer.bias is not None]

    @intercepts_.setter
    def intercepts_(self, arrays: Sequence[Array]) -> None:
        for layer, array in zip(self._dense_layers("intercepts_"), arrays, strict=True):
            layer.bias = array

    def _dense_layers(self, asked: str) -> Any:
        if "network_" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no attribute {asked!r} before it is fitted")
        return dense_layers(self.network_)

    # ---- training ----

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation_data: Any, incremental: bool) -> Any:
        self._validate_params()
        architecture.hidden_sizes(self.hidden_layer_sizes)
        constraints.check_combination(self)
        fresh = "network_" not in self.__dict__ or not (self.warm_start or incremental)
        X, y = self._checked(X, y, reset=fresh)
        self._meet(y, fresh, incremental)
        encoded = self._encode(y)
        weight = self._example_weights(sample_weight, X, y)
        self._random_state = check_random_state(self.random_state)
        if fresh:
            self._start(X, encoded)
        rows = self._rows(X, encoded, weight)
        held = self._validation_rows(validation_data)
        with blas.limited(self._threads):
            if self.solver == "lbfgs":
                fit_lbfgs(self, rows, held)
            else:
                fit_stochastic(self, rows, held, incremental)
        return self

    @property
    def _threads(self) -> int | None:
        """How many threads BLAS may use; None leaves that to BLAS."""
        return engines.cores() if self.n_jobs == -1 else self.n_jobs

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """X as numbers of its own float type, y as a vector where it is one column; `reset` learns the columns of X."""
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
        self.n_outputs_ = encoded.shape[1]
        self.out_activation_ = self._output_activation
        network = architecture.build_network(
            self, X.shape[1], self.n_outputs_, self.out_activation_, X.dtype, self._random_state
        )
        self.network_ = network
        self.n_layers_ = len(dense_layers(network)) + 1
        self.n_iter_ = self.t_ = 0
        self._solver_memory = None
        stopping.forget_curves(self)

    def _rows(self, X: Any, encoded: Array, weight: Array | None) -> Rows:
        """Checked data as the network and its loss take it."""
        network = self.network_
        if encoded.shape[1] != network.output_size:
            raise InvalidValue(
                f"y has {encoded.shape[1]} columns; the fitted network has {network.output_size} outputs"
            )
        classes = self.out_activation_ == "softmax"
        given = encoded.argmax(axis=1) if classes else encoded
        objective = Objective(self._loss_name, network, self.alpha)
        targets = objective.prepare(given, self.n_outputs_, network.dtype)
        inputs = np.asarray(_dense(X), dtype=network.dtype)
        return Rows(inputs, targets, self._truth(encoded), weight)

    def _validation_rows(self, validation_data: Any) -> Rows | None:
        if validation_data is None:
            return None
        if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
            raise InvalidType("validation_data takes a pair (X, y)")
        X, y = self._checked(validation_data[0], validation_data[1], reset=False)
        return self._rows(X, self._encode(y), None)

    def _example_weights(self, sample_weight: Any, X: Any, y: Any) -> Array | None:
        """Sample weights as a vector of X's dtype."""
        if sample_weight is None:
            return None
        weight: Array = _check_sample_weight(sample_weight, X).astype(X.dtype)
        if not weight.sum() > 0:
            raise InvalidValue("sample_weight sums to 0 or less; it takes weights of which some are above 0")
        return weight

    # ---- predicting ----

    def _outputs(self, X: Any, before_activation: bool = False) -> Array:
        """The network's outputs, or the sums before their activation, for checked X, (examples, outputs)."""
        check_is_fitted(self)
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
