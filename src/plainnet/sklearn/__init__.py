"""Estimators for scikit-learn: its own `MLPClassifier` and `MLPRegressor`, with more to choose from.

A script written for `sklearn.neural_network` runs by changing the import:

>>> from plainnet.sklearn import MLPClassifier
>>> from sklearn.datasets import load_iris
>>> X, y = load_iris(return_X_y=True)
>>> MLPClassifier(solver="lbfgs", max_iter=1000, random_state=1).fit(X, y).score(X, y) > 0.95
True

| file | what it holds |
| --- | --- |
| `classifier.py`, `regressor.py` | the two estimators |
| `base.py` | what they share |
| `documentation.py` | the parameters and attributes, explained once |
| `constraints.py` | what the parameters take |
| `architecture.py` | from parameters to a plainnet Network |
| `objective.py` | scikit-learn's loss and penalty |
| `optimizers.py` | scikit-learn's SGD and Adam, and the others by name |
| `stochastic.py`, `stopping.py` | the epochs, and when they end |
| `rows.py`, `labels.py` | training and validation rows · labels as numbers, the weights of classes |
| `weights.py` | `coefs_` and `intercepts_` as lists that write through |
| `lbfgs.py` | the solver that takes all examples at once |
"""

from plainnet._base.extras import missing_extra

try:
    import sklearn as _installed  # type: ignore[import-untyped] # noqa: F401
except ImportError:
    raise missing_extra("plainnet.sklearn", "sklearn") from None

from plainnet.sklearn.classifier import MLPClassifier
from plainnet.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
