"""Which inputs make a prediction what it is: for one example, for all, and as one input changes."""

from plainnet.attribution.dependence import partial_dependence
from plainnet.attribution.importance import permutation_importance
from plainnet.attribution.rows import RowExplanation, explain_rows
from plainnet.attribution.shapley import ShapleyValues, shapley_values

__all__ = [
    "RowExplanation",
    "ShapleyValues",
    "explain_rows",
    "partial_dependence",
    "permutation_importance",
    "shapley_values",
]
