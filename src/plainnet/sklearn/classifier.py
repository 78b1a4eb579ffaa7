"""The classifier: labels to targets, outputs to labels and probabilities."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin  # type: ignore[import-untyped]
from sklearn.metrics import accuracy_score  # type: ignore[import-untyped]
from sklearn.preprocessing import LabelBinarizer  # type: ignore[import-untyped]
from sklearn.utils import compute_sample_weight  # type: ignore[import-untyped]
from sklearn.utils._param_validation import StrOptions  # type: ignore[import-untyped]
from sklearn.utils.metaestimators import available_if  # type: ignore[import-untyped]
from sklearn.utils.multiclass import type_of_target, unique_labels  # type: ignore[import-untyped]

from plainnet.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.optimizers import Optimizer
from plainnet.schedules import Schedule
from plainnet.sklearn import constraints
from plainnet.sklearn.base import BaseMLP
from plainnet.sklearn.documentation import documented, is_stochastic


def _is_multilabel(estimator: Any) -> bool:
    """Whether the estimator has been fitted to several labels for each example."""
    return (
        getattr(estimator, "_label_binarizer", None) is not None
        and estimator.n_outputs_ > 1
        and (estimator._label_binarizer.y_type_.startswith("multilabel"))
    )


@documented
class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """A network that predicts classes: `sklearn.neural_network.MLPClassifier`, with more to choose from.

    It minimizes, over a batch of examples i with weights s_i (1 without weights) and S = Σ_i s_i,

        Σ_i s_i ℓ_i / S + alpha / (2 S) · Σw²

    where ℓ is the cross-entropy, -Σ_k y_k ln p_k over the classes k; of two classes, -(y ln p + (1 - y) ln(1 - p));
    of several labels, the sum of that over the labels. w are all weights of the Dense layers, not the biases.

    Parameters
    ----------
    {parameters}
    class_weight : None, 'balanced' or a dict {label: weight}
        Multiplies the sample weights. 'balanced' makes every class count the same: examples / (classes · examples
        of the class).

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
        self._keep(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> "MLPClassifier":
        """Train on X (examples, features) and y: labels (examples,), or 0 and 1 for each label (examples, labels).

        `validation_data=(X, y)` is measured after each epoch, into `validation_loss_curve_`.
        """
        return self._fit(X, y, sample_weight, validation_data, incremental=False)

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> "MLPClassifier":
        """Train one epoch further. The first call needs `classes`, all labels that y will ever hold."""
        if "classes_" not in self.__dict__:
            if classes is None:
                raise InvalidValue("classes must be passed on the first call to partial_fit: all labels of the data")
            self._learn_labels(y if type_of_target(y).startswith("multilabel") else unique_labels(classes))
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise InvalidValue(f"classes is {classes!r}; the earlier calls of partial_fit had {self.classes_}")
        return self._fit(X, y, sample_weight, None, incremental=True)

    def predict(self, X: Any) -> Array:
        """The label of each row, (examples,); of several labels 0 and 1 for each, (examples, labels)."""
        return self._read(self._outputs(X))

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class in the order of `classes_`, (examples, classes)."""
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if self.n_outputs_ == 1 else outputs

    def predict_log_proba(self, X: Any) -> Array:
        """The natural logarithm of `predict_proba`; -inf where a probability is 0."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    @available_if(_is_multilabel)  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Array:
        """The weighted sum before each label's sigmoid, (examples, labels): above 0 where the label is predicted.

        For several labels only: with classes, tools such as CalibratedClassifierCV take `predict_proba`, as they do
        of scikit-learn's MLPClassifier.
        """
        return self._outputs(X, before_activation=True)

    _numeric_targets = False

    def _meet(self, y: Any, fresh: bool, incremental: bool) -> None:
        if fresh and not incremental:
            self._learn_labels(y)
        elif self.warm_start and set(unique_labels(y)) != set(self.classes_):
            raise InvalidValue(
                f"y has labels {unique_labels(y)}; warm_start can only be used where y has the same labels as in the "
                f"fit before, {self.classes_}"
            )

    def _learn_labels(self, y: Any) -> None:
        self._label_binarizer = LabelBinarizer().fit(y)
        self.classes_ = self._label_binarizer.classes_

    def _encode(self, y: Any) -> Array:
        labels = unique_labels(y)
        if np.setdiff1d(labels, self.classes_).size:
            raise InvalidValue(f"y has labels {labels} and the estimator was made for {self.classes_}")
        return self._label_binarizer.transform(y)

    @property
    def _output_activation(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    @property
    def _loss_name(self) -> str:
        return self.out_activation_

    @property
    def _stratifies(self) -> bool:
        """Whether rows are held out class by class; scikit-learn does so with one output."""
        return self.n_outputs_ == 1

    def _example_weights(self, sample_weight: Any, X: Any, y: Any) -> Array | None:
        weight = super()._example_weights(sample_weight, X, y)
        if self.class_weight is None:
            return weight
        by_class: Array = compute_sample_weight(self.class_weight, y).astype(X.dtype)
        return by_class if weight is None else weight * by_class

    def _truth(self, encoded: Array) -> Any:
        return self._label_binarizer.inverse_transform(encoded)

    def _read(self, outputs: Array) -> Any:
        return self._label_binarizer.inverse_transform(outputs.ravel() if self.n_outputs_ == 1 else outputs)

    def _score(self, truth: Any, outputs: Array, sample_weight: Array | None) -> float:
        return float(accuracy_score(truth, self._read(outputs), sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
