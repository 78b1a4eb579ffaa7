"""The base class of MLPClassifier and MLPRegressor: it checks the data, trains a network and predicts with it."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import check_random_state, column_or_1d  # type: ignore[import-untyped]
from sklearn.utils.validation import (  # type: ignore[import-untyped]
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from plainnet import adapters
from plainnet._base.arrays import Array
from plainnet.engines import blas, choosing
from plainnet.errors import InvalidType, InvalidValue
from plainnet.network import Network
from plainnet.network.examples import inputs_for, targets_for, weights_for
from plainnet.network.prediction import ROWS_AT_A_TIME
from plainnet.sklearn import architecture, constraints, curves
from plainnet.sklearn.architecture import PLAINNET_NAMES
from plainnet.sklearn.arguments import Arguments
from plainnet.sklearn.estimator import Estimator
from plainnet.sklearn.labels import weight_by_class
from plainnet.sklearn.lbfgs import fit_lbfgs
from plainnet.sklearn.objective import Objective, dense_layers
from plainnet.sklearn.samples import Samples, ValidationArguments, refuse_masked, validation_arguments
from plainnet.sklearn.stochastic import SolverMemory, StochasticFit, threads_of
from plainnet.sklearn.weights import ArrayList

SKLEARN_NAMES = {name: sklearn_name for sklearn_name, name in PLAINNET_NAMES.items()}


class BaseMLP(Arguments, Estimator):
    """The part that both estimators share; a subclass encodes targets, chooses the loss and decodes outputs."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = constraints.SHARED

    network_: Network
    n_iter_: int
    t_: int
    loss_: float
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None
    best_validation_score_: float | None

    _random_state: np.random.RandomState
    _solver_memory: SolverMemory | None
    _no_improvement_count: int

    # ---- what a subclass defines ----

    _numeric_targets: ClassVar[bool]
    """True if y are numbers, False if they are labels."""

    @property
    def _loss_name(self) -> str:
        """The key of the loss in `objective.LOSSES`."""
        raise NotImplementedError

    def _learn_labels(self, y: Any, fresh: bool, incremental: bool, classes: Any) -> None:
        """Learn the labels in y, or raise InvalidValue if they are not those already known."""
        raise NotImplementedError

    def _encode(self, y: Any) -> Array:
        """Return y as numbers."""
        raise NotImplementedError

    def _network_outputs(self, encoded: Array) -> tuple[int, str]:
        """Return the number of the network's outputs and scikit-learn's name of their activation."""
        raise NotImplementedError

    def _score(self, targets: Array, outputs: Array, sample_weight: Array | None = None) -> float:
        """Return how good the outputs are: accuracy or R²."""
        raise NotImplementedError

    def _class_weights(self, encoded: Array, incremental: bool) -> Array | None:
        """Return the table of `labels.class_weights`; None if all classes count the same."""
        return None

    def _has_score(self, samples: Samples) -> bool:
        """Return True if `_score` is defined for targets such as these."""
        return True

    def _strata(self, targets: Array) -> Array | None:
        """Return the classes that are held out in equal shares; None if rows are held out without regard to them."""
        return None

    # ---- fitted attributes that belong to the network ----

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
        """The number of layers, with the input and the output."""
        return len(dense_layers(self._network("n_layers_"))) + 1

    @property
    def n_outputs_(self) -> int:
        """The number of outputs of the network."""
        return int(self._network("n_outputs_").output_size or 0)

    @property
    def out_activation_(self) -> str:
        """scikit-learn's name of the activation of the outputs; assigning another one changes the network."""
        name: str = self._network("out_activation_").layers[-1].activation.name
        return SKLEARN_NAMES.get(name, name)

    @out_activation_.setter
    def out_activation_(self, name: str) -> None:
        network = self._network("out_activation_")
        function = adapters.activation_of(PLAINNET_NAMES.get(name, name))
        Objective(self._loss_name, self.n_outputs_).check_output(function.name)
        network.layers[-1].activation = function

    def _network(self, asked: str) -> Network:
        if "network_" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no attribute {asked!r} before it is fitted")
        return self.network_

    # ---- training ----

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        validation_data: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train on X (rows, features) and y (rows,): numbers or labels; y (rows, outputs) has several for each row.

        The loss on the validation rows after each epoch is in `validation_loss_curve_`; with `early_stopping` the score
        on them decides when to stop. Give them as `validation_data=(X, y)` or (X, y, sample_weight), or as `X_val`,
        `y_val` and `sample_weight_val`: Pipeline(transform_input=["X_val"]) transforms X_val as it transforms X.
        A classifier's `class_weight` applies to them as to the training rows.
        """
        return self._fit(X, y, sample_weight, validation_arguments(validation_data, X_val, y_val, sample_weight_val))

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        given: ValidationArguments | None = None,
        *,
        incremental: bool = False,
        classes: Any = None,
    ) -> Self:
        before = self.__dict__.copy()
        try:
            train = self._prepare(X, y, sample_weight, given, incremental, classes)
        except BaseException:
            self.__dict__ = before  # an estimator that raises an error stays as it was
            raise
        with blas.limited(threads_of(self.n_jobs)):
            train()
        return self

    def _prepare(
        self, X: Any, y: Any, sample_weight: Any, given: ValidationArguments | None, incremental: bool, classes: Any
    ) -> Callable[[], None]:
        """Check everything and make a new network if there is none; return the function that trains it."""
        self._validate_params()
        constraints.check_combination(self)
        fresh = "network_" not in self.__dict__ or not (self.warm_start or incremental)
        X, y = self._checked(X, y, reset=fresh)
        self._learn_labels(y, fresh, incremental, classes)
        encoded = self._encode(y)
        self._random_state = check_random_state(self.random_state)
        if fresh:
            self._start(X, encoded)
        else:
            architecture.check_unchanged(self.network_, self)
        by_class = self._class_weights(encoded, incremental)
        samples = self._samples(X, encoded, sample_weight, by_class)
        held_out = None if given is None else self._validation_samples(given, by_class)
        if self.solver == "lbfgs":
            if self.engine == "compiled":
                choosing.require_compiled()
            return partial(fit_lbfgs, self, samples, held_out)
        return StochasticFit(self, samples, held_out, incremental).train

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """Return X as floating-point numbers and y as a vector if it is one column; `reset` learns the columns of X."""
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
        """Make a new network, and forget an earlier fit."""
        outputs, activation = self._network_outputs(encoded)
        self.network_ = architecture.build_network(self, X.shape[1], outputs, activation, X.dtype, self._random_state)
        self.n_iter_ = self.t_ = 0
        self._solver_memory = None
        curves.forget(self)

    def _samples(self, X: Any, encoded: Array, sample_weight: Any, by_class: Array | None) -> Samples:
        """Return the data as the network and its loss expect them, by the checks of `Network.fit`."""
        network = self.network_
        objective = Objective(self._loss_name, self.n_outputs_)
        inputs = inputs_for(network, _dense(X))
        targets = targets_for(network, encoded, objective, len(inputs))
        refuse_masked(sample_weight=sample_weight)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        if by_class is not None:
            weights = weight_by_class(by_class, encoded)
            sample_weight = weights if sample_weight is None else weights * sample_weight
            if not sample_weight.any():
                raise InvalidValue("class_weight and sample_weight give all rows weight 0; some must count")
        weight = weights_for(network, sample_weight, len(inputs))
        return Samples(inputs[:], targets[:], weight)

    def _validation_samples(self, given: ValidationArguments, by_class: Array | None) -> Samples:
        """Return the validation rows, checked; a class weighs in them what it weighs in the training rows."""
        try:
            X, y = self._checked(given.X, given.y, reset=False)
            samples = self._samples(X, self._encode(y), given.sample_weight, by_class)
        except (ValueError, TypeError) as error:
            invalid = InvalidType if isinstance(error, TypeError) else InvalidValue
            raise invalid(f"{given.named}: {error}") from None
        if self.early_stopping and len(samples.inputs) < 2:
            raise InvalidValue(f"{given.named}: the validation set is too small; early_stopping takes at least 2 rows")
        return samples

    # ---- predicting ----

    def _outputs(self, X: Any, before_activation: bool = False) -> Array:
        """Check X and return the network's outputs, or the sums before their activation, (rows, outputs)."""
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
