"""Estimators for scikit-learn: `MLPClassifier` and `MLPRegressor` as it has them, and two for tables of any columns.

A script written for `sklearn.neural_network` runs by changing the import:

>>> from plainnet.sklearn import MLPClassifier
>>> from sklearn.datasets import load_iris
>>> X, y = load_iris(return_X_y=True)
>>> MLPClassifier(solver="lbfgs", max_iter=1000, random_state=1).fit(X, y).score(X, y) > 0.95
True

| file | what it holds |
| --- | --- |
| `table_classifier.py`, `table_regressor.py`, `table_base.py` | `TableClassifier`, `TableRegressor`, their base class |
| `table_parameters.py`, `table_data.py` | their parameters: valid values, explanations · X, y and weights as a table |
| `estimator.py` | the base class of all four |
| `classifier.py`, `regressor.py`, `base.py` | `MLPClassifier`, `MLPRegressor`, their base class; all below is theirs |
| `arguments.py`, `constraints.py`, `documentation.py` | the parameters: types, valid values, explanations |
| `architecture.py` | the Network that the parameters describe |
| `objective.py`, `optimizers.py` | scikit-learn's loss and penalty · its SGD and Adam |
| `stochastic.py`, `stopping.py`, `curves.py` | training by batches · its stopping rule · `loss_curve_` and others |
| `lbfgs.py` | the solver that takes all rows at once |
| `samples.py`, `labels.py` | training and validation rows · labels as numbers, the weights of classes |
| `weights.py` | `coefs_` and `intercepts_`, lists that write to the network |
"""

from plainnet._base.extras import missing_extra

try:
    import sklearn as _installed  # type: ignore[import-untyped] # noqa: F401
except ImportError:
    raise missing_extra("plainnet.sklearn", "sklearn") from None

from plainnet.sklearn.classifier import MLPClassifier
from plainnet.sklearn.regressor import MLPRegressor
from plainnet.sklearn.table_classifier import TableClassifier
from plainnet.sklearn.table_regressor import TableRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "TableClassifier", "TableRegressor"]
