"""This package says which inputs make a prediction what it is: for one example, for all, and as one input changes.

>>> import plainnet as pn
>>> from plainnet.attribution import permutation_importance
>>> X, y = pn.datasets.gaussians(200, classes=2, features=3, seed=1)  # the third feature tells nothing
>>> net = pn.Network(pn.Dense(8, "tanh"), pn.Dense(2, "softmax"), input_size=3, seed=1)
>>> history = net.fit(X, y, loss="cross_entropy", optimizer=pn.Adam(0.02), epochs=50)
>>> rises = permutation_importance(net, X, y).mean(axis=1)
>>> rises.shape, bool(rises[0] > rises[2])
((3,), True)
"""

from plainnet.attribution.dependence import individual_dependence, partial_dependence
from plainnet.attribution.importance import Importance, importance_of_inputs, permutation_importance
from plainnet.attribution.rows import RowExplanation, explain_rows, importance_of_columns
from plainnet.attribution.shapley import ShapleyValues, shapley_values

__all__ = [
    "Importance",
    "RowExplanation",
    "ShapleyValues",
    "explain_rows",
    "importance_of_columns",
    "importance_of_inputs",
    "individual_dependence",
    "partial_dependence",
    "permutation_importance",
    "shapley_values",
]
