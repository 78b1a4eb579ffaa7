"""The classifier."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin  # type: ignore[import-untyped]
from sklearn.metrics import accuracy_score  # type: ignore[import-untyped]
from sklearn.preprocessing import LabelBinarizer  # type: ignore[import-untyped]
from sklearn.utils._param_validation import StrOptions  # type: ignore[import-untyped]
from sklearn.utils.metaestimators import available_if  # type: ignore[import-untyped]
from sklearn.utils.multiclass import type_of_target, unique_labels  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from plainnet._base.arrays import Array
from plainnet.activations import sigmoid
from plainnet.errors import InvalidValue
from plainnet.optimizers import Optimizer
from plainnet.schedules import Schedule
from plainnet.sklearn import constraints
from plainnet.sklearn.base import BaseMLP
from plainnet.sklearn.documentation import documented, is_stochastic
from plainnet.sklearn.labels import (
    class_weights,
    decide,
    decode,
    encode,
    is_multilabel,
    outputs_of,
    plain_labels,
    refuse_mixed,
)


def _is_multilabel(estimator: "MLPClassifier") -> bool:
    """Return True if the estimator has been fitted to several labels per row."""
    return "_label_binarizer" in vars(estimator) and is_multilabel(estimator._label_binarizer)


@documented
class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """MLPClassifier predicts classes with a network: `sklearn.neural_network.MLPClassifier` with more to choose from.

    It minimizes, over a batch of rows i with weights s_i (1 without weights) and S = Σ_i s_i,

        Σ_i s_i ℓ_i / S + alpha / (2 S) · Σw²

    where ℓ is the cross-entropy: -Σ_k y_k ln p_k over the classes k, or -(y ln p + (1 - y) ln(1 - p)) for two classes,
    or the sum of that over the labels if a row has several. w are all weights of the Dense layers, not the biases.

    Parameters
    ----------
    {parameters}
    class_weight : None, 'balanced' or a dict {label: weight}
        Multiplies the sample weights. 'balanced' makes every class count the same: its weight is rows / (classes ·
        rows of the class).

    Attributes
    ----------
    classes_ : the labels, sorted.
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((16, 16), ["relu", "tanh"], solver="lbfgs", max_iter=1000, random_state=1)
    >>> bool(model.fit(X, y).score(X, y) > 0.95), model.coefs_[0].shape
    (True, (4, 16))
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **constraints.SHARED,
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule | Callable[[float, int], float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        normalization: str | None = None,
        clip_norm: float | None = None,
        class_weight: Any = None,
        n_jobs: int | None = None,
        engine: str = "auto",
    ) -> None:
        self._set_arguments(locals())

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train one more epoch. The first call needs `classes`, all labels that will ever be in y."""
        return self._fit(X, y, sample_weight, incremental=True, classes=classes)

    def predict(self, X: Any) -> Array:
        """Return the label of each row of X, (rows,); for several labels 0 or 1 for each, (rows, labels)."""
        outputs = self._outputs(X)
        return decode(self._label_binarizer, decide(self._label_binarizer, outputs))

    def predict_proba(self, X: Any) -> Array:
        """Return for each row of X the probability of each class in the order of `classes_`, (rows, classes)."""
        if self._is_binary():
            z = self._outputs(X, before_activation=True)
            return sigmoid(np.hstack([-z, z]))
        outputs = self._outputs(X)
        return outputs if outputs.shape[1] == len(self.classes_) > 1 else np.ones_like(outputs)

    def predict_log_proba(self, X: Any) -> Array:
        """Return the natural logarithm of `predict_proba` of X; it is finite where a probability rounds to 0."""
        z = self._outputs(X, before_activation=True)
        if len(self.classes_) == 1:
            return np.zeros_like(z)
        if self.out_activation_ == "softmax":
            z = z - z.max(axis=1, keepdims=True)
            shares: Array = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
            return shares
        return -np.logaddexp(0, np.hstack([z, -z]) if self._is_binary() else -z)

    def _is_binary(self) -> bool:
        """Return True if the one output is the probability of the second of two classes."""
        check_is_fitted(self)
        return self.n_outputs_ == 1 and len(self.classes_) == 2

    @available_if(_is_multilabel)  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Array:
        """Return the weighted sum before each label's sigmoid, (rows, labels), above 0 if the label is predicted.

        It exists for several labels only, so that for classes tools such as CalibratedClassifierCV take
        `predict_proba`, as they do with scikit-learn's MLPClassifier.
        """
        return self._outputs(X, before_activation=True)

    # ---- labels ----

    @property
    def classes_(self) -> Array:
        """The labels in the order of the probabilities; assigning as many other labels renames them."""
        if "_label_binarizer" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no attribute 'classes_' before it is fitted")
        classes: Array = self._label_binarizer.classes_.view()
        classes.flags.writeable = False  # the network has the labels too: assign all of them
        return classes

    @classes_.setter
    def classes_(self, labels: Any) -> None:
        given = np.asarray(labels)
        if given.shape != self.classes_.shape or len(np.unique(given)) != len(given):
            raise InvalidValue(f"classes_ is {labels!r}; it takes {len(self.classes_)} labels, all different")
        self._label_binarizer.classes_ = given
        self.network_.classes = plain_labels(self._label_binarizer)

    _numeric_targets = False

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        X, y = super()._checked(X, y, reset)
        refuse_mixed(y)
        return X, y

    def _learn_labels(self, y: Any, fresh: bool, incremental: bool, classes: Any) -> None:
        if incremental:
            self._learn_classes(y, classes)
        elif fresh:
            self._label_binarizer = LabelBinarizer().fit(y)
        elif set(unique_labels(y)) != set(self.classes_):
            raise InvalidValue(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {unique_labels(y)}"
            )

    def _learn_classes(self, y: Any, classes: Any) -> None:
        """Learn the labels from `classes` in the first partial_fit; raise InvalidValue if a later one has others.

        For several labels `classes` has one for each column of y.
        """
        several = type_of_target(y).startswith("multilabel")
        given = None if classes is None else unique_labels(classes)
        if "_label_binarizer" not in self.__dict__:
            if given is None:
                raise InvalidValue("classes must be passed on the first call to partial_fit: all labels of the data")
            self._label_binarizer = LabelBinarizer().fit(y if several else given)
        if given is None:
            return
        if several and len(given) != len(self.classes_):
            raise InvalidValue(
                f"classes has {len(given)} labels and y {len(self.classes_)} columns; it takes a label for each column"
            )
        if not several and set(given) != set(self.classes_):
            raise InvalidValue(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )

    def _encode(self, y: Any) -> Array:
        if type_of_target(y).startswith("multilabel") != is_multilabel(self._label_binarizer):
            raise InvalidValue("y has another kind of labels, one or several a row, than the estimator was made for")
        labels = unique_labels(y)
        if np.setdiff1d(labels, self.classes_).size:
            raise InvalidValue(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {labels}."
            )
        return encode(self._label_binarizer, y)

    def _start(self, X: Any, encoded: Array) -> None:
        super()._start(X, encoded)
        self.network_.classes = plain_labels(self._label_binarizer)

    def _network_outputs(self, encoded: Array) -> tuple[int, str]:
        return outputs_of(self._label_binarizer), self._loss_name

    @property
    def _loss_name(self) -> str:
        several = is_multilabel(self._label_binarizer)
        return "logistic" if several or outputs_of(self._label_binarizer) == 1 else "softmax"

    def _strata(self, targets: Array) -> Array | None:
        return decode(self._label_binarizer, targets.astype(int)) if self.n_outputs_ == 1 else None

    def _class_weights(self, encoded: Array, incremental: bool) -> Array | None:
        if self.class_weight is None:
            return None
        if incremental and isinstance(self.class_weight, str):
            raise InvalidValue(
                f"class_weight {self.class_weight!r} is not supported for partial_fit, which sees a part of the data: "
                "compute the weights over a large enough sample of all labels, and give them as a dict: "
                "dict(zip(classes, sklearn.utils.compute_class_weight('balanced', classes=classes, y=y)))"
            )
        return class_weights(self.class_weight, self._label_binarizer, encoded)

    def _score(self, targets: Array, outputs: Array, sample_weight: Array | None = None) -> float:
        decided = decide(self._label_binarizer, outputs)
        return float(accuracy_score(targets, decided, sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
